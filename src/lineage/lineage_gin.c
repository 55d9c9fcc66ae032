/*
 * lineage_gin.c - GIN support functions of the lineage type
 *
 * The keys of a row are the 64-bit hashes of its proper ancestors, and with the
 * option include_self of its own identifier too.  A hash may stand for two
 * labels, so every answer is rechecked on the row.
 *
 * What the keys cannot answer, whole paths, is not in the class.  The one
 * question that they answer in part, is_within without include_self, reads the
 * whole index: right, though slow.
 */
#include "postgres.h"

#include "access/gin.h"
#include "access/reloptions.h"
#include "access/stratnum.h"
#include "utils/builtins.h"

#include "lineage/lineage_index.h"

/* Options of the operator class, as the server stores them. */
typedef struct LineageGinOptions
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	bool		include_self;
} LineageGinOptions;

VXP_FUNCTION(vxp_lineage_gin_options);
VXP_FUNCTION(vxp_lineage_gin_extract_value);
VXP_FUNCTION(vxp_lineage_gin_extract_query);
VXP_FUNCTION(vxp_lineage_gin_consistent);
VXP_FUNCTION(vxp_lineage_gin_triconsistent);

static bool
includes_self(FunctionCallInfo fcinfo)
{
	return PG_HAS_OPCLASS_OPTIONS() && ((LineageGinOptions *) PG_GET_OPCLASS_OPTIONS())->include_self;
}

static inline Datum
label_key(const char *bytes, int length)
{
	return Int64GetDatum((int64) vxp_lineage_label_hash(bytes, length));
}

/* lineage_gin_options(internal) -> void */
Datum
vxp_lineage_gin_options(PG_FUNCTION_ARGS)
{
	local_relopts *options = (local_relopts *) PG_GETARG_POINTER(0);

	init_local_reloptions(options, sizeof(LineageGinOptions));
	add_local_bool_reloption(options, "include_self",
							 "index the resource itself beside its ancestors, for is_within",
							 false, offsetof(LineageGinOptions, include_self));
	PG_RETURN_VOID();
}

/* lineage_gin_extract_value(lineage, internal) -> internal: the keys of a row */
Datum
vxp_lineage_gin_extract_value(PG_FUNCTION_ARGS)
{
	struct varlena *path = PG_GETARG_LINEAGE_PP(0);
	int32	   *count = (int32 *) PG_GETARG_POINTER(1);
	LineageSpan span = lineage_span(path);
	const uint8 *cursor = span.data;
	Datum	   *keys = palloc(span.depth * sizeof(Datum));

	*count = includes_self(fcinfo) ? span.depth : span.depth - 1;
	for (int i = 0; i < *count; i++)
	{
		LineageLabel label = lineage_next_label(&cursor);

		keys[i] = label_key(label.bytes, label.length);
	}
	PG_FREE_IF_COPY(path, 0);
	PG_RETURN_POINTER(keys);
}

/*
 * lineage_gin_extract_query(anyelement, internal, smallint, internal, internal,
 * internal, internal) -> internal: the keys of a question
 */
Datum
vxp_lineage_gin_extract_query(PG_FUNCTION_ARGS)
{
	struct varlena *argument = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0));
	int32	   *count = (int32 *) PG_GETARG_POINTER(1);
	StrategyNumber strategy = (StrategyNumber) PG_GETARG_UINT16(2);
	int32	   *search_mode = (int32 *) PG_GETARG_POINTER(6);
	Datum	   *keys = NULL;

	*count = 0;
	switch (strategy)
	{
		case LINEAGE_STRAT_IS_WITHIN:
			/* rows that are the resource itself may have no key of it */
			if (!includes_self(fcinfo))
			{
				*search_mode = GIN_SEARCH_MODE_ALL;
				break;
			}
			VXP_FALLTHROUGH;
		case LINEAGE_STRAT_HAS_ANCESTOR:
			keys = palloc(sizeof(Datum));
			keys[0] = label_key(VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument));
			*count = 1;
			break;
		case LINEAGE_STRAT_HAS_ANY:
		case LINEAGE_STRAT_HAS_ALL:
			{
				LineageLabel *labels;
				bool		has_null;
				int			labels_count = vxp_lineage_array_labels(argument, &labels, &has_null);

				/* a NULL in "all" makes it false for every row: no key, no row */
				if (strategy == LINEAGE_STRAT_HAS_ALL && has_null)
					break;
				/* "all" of nothing is true for every path, also for one without keys */
				if (strategy == LINEAGE_STRAT_HAS_ALL && labels_count == 0)
					*search_mode = GIN_SEARCH_MODE_ALL;
				keys = palloc(Max(labels_count, 1) * sizeof(Datum));
				for (int i = 0; i < labels_count; i++)
					keys[i] = label_key(labels[i].bytes, labels[i].length);
				*count = labels_count;
				break;
			}
		default:
			elog(ERROR, "unrecognized lineage strategy number: %d", strategy);
	}
	PG_RETURN_POINTER(keys);
}

/*
 * combine decides from the presence of each key.  A row that satisfies the
 * operator has the key of the identifier, of one of the list, or of all of it,
 * as equal labels have equal hashes; so a missing key is a sure "no", while
 * keys that are there, or may be, leave it to the recheck.
 */
static bool
combine(StrategyNumber strategy, const GinTernaryValue *present, int count)
{
	switch (strategy)
	{
		case LINEAGE_STRAT_HAS_ANCESTOR:
		case LINEAGE_STRAT_IS_WITHIN:
		case LINEAGE_STRAT_HAS_ANY:
			for (int i = 0; i < count; i++)
				if (present[i] != GIN_FALSE)
					return true;
			/* no key was asked for: is_within reads every row */
			return count == 0;
		case LINEAGE_STRAT_HAS_ALL:
			for (int i = 0; i < count; i++)
				if (present[i] == GIN_FALSE)
					return false;
			return true;
		default:
			elog(ERROR, "unrecognized lineage strategy number: %d", strategy);
	}
	return true;				/* keep compiler quiet */
}

/*
 * lineage_gin_consistent(internal, smallint, anyelement, integer, internal,
 * internal, internal, internal) -> boolean
 */
Datum
vxp_lineage_gin_consistent(PG_FUNCTION_ARGS)
{
	/* booleans read as ternary values: false is GIN_FALSE, true GIN_TRUE */
	const GinTernaryValue *present = (const GinTernaryValue *) PG_GETARG_POINTER(0);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(5);

	*recheck = true;			/* keys are hashes */
	PG_RETURN_BOOL(combine((StrategyNumber) PG_GETARG_UINT16(1), present, PG_GETARG_INT32(3)));
}

/*
 * lineage_gin_triconsistent(internal, smallint, anyelement, integer, internal,
 * internal, internal) -> "char"
 */
Datum
vxp_lineage_gin_triconsistent(PG_FUNCTION_ARGS)
{
	const GinTernaryValue *present = (const GinTernaryValue *) PG_GETARG_POINTER(0);
	bool		may = combine((StrategyNumber) PG_GETARG_UINT16(1), present, PG_GETARG_INT32(3));

	PG_RETURN_GIN_TERNARY_VALUE(may ? GIN_MAYBE : GIN_FALSE);
}
