/*
 * lineage_order.c - comparison operators, btree and hash support
 *
 * All of them are vxp_lineage_cmp or vxp_lineage_equal on detoasted values.
 * Sorts and hash tables call them in long-lived contexts, so each gives back
 * the copies that detoasting made.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/hyperloglog.h"
#include "utils/sortsupport.h"

#include "lineage/lineage.h"

VXP_FUNCTION(vxp_lineage_eq);
VXP_FUNCTION(vxp_lineage_ne);
VXP_FUNCTION(vxp_lineage_lt);
VXP_FUNCTION(vxp_lineage_le);
VXP_FUNCTION(vxp_lineage_gt);
VXP_FUNCTION(vxp_lineage_ge);
VXP_FUNCTION(vxp_lineage_btree_cmp);
VXP_FUNCTION(vxp_lineage_sortsupport);
VXP_FUNCTION(vxp_lineage_hash);
VXP_FUNCTION(vxp_lineage_hash_extended);
VXP_FUNCTION(vxp_lineage_smaller);
VXP_FUNCTION(vxp_lineage_larger);

static bool
arguments_equal(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_LINEAGE_PP(0);
	struct varlena *b = PG_GETARG_LINEAGE_PP(1);
	bool		result = vxp_lineage_equal(lineage_span(a), lineage_span(b));

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

static int
compare_arguments(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_LINEAGE_PP(0);
	struct varlena *b = PG_GETARG_LINEAGE_PP(1);
	int			result = vxp_lineage_cmp(lineage_span(a), lineage_span(b));

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

/* lineage_eq(lineage, lineage) -> boolean */
Datum
vxp_lineage_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(arguments_equal(fcinfo));
}

/* lineage_ne(lineage, lineage) -> boolean */
Datum
vxp_lineage_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!arguments_equal(fcinfo));
}

/* lineage_lt(lineage, lineage) -> boolean */
Datum
vxp_lineage_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

/* lineage_le(lineage, lineage) -> boolean */
Datum
vxp_lineage_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

/* lineage_gt(lineage, lineage) -> boolean */
Datum
vxp_lineage_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

/* lineage_ge(lineage, lineage) -> boolean */
Datum
vxp_lineage_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

/* lineage_cmp(lineage, lineage) -> integer: btree support function 1; the sign matters */
Datum
vxp_lineage_btree_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

/* lineage_smaller(lineage, lineage) -> lineage: the lesser, for min(); the first of equals */
Datum
vxp_lineage_smaller(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(compare_arguments(fcinfo) <= 0 ? 0 : 1));
}

/* lineage_larger(lineage, lineage) -> lineage: the greater, for max(); the first of equals */
Datum
vxp_lineage_larger(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(compare_arguments(fcinfo) >= 0 ? 0 : 1));
}

/*
 * lineage_hash(lineage) -> integer: hash support function 1
 *
 * Over the bytes of the labels: equal paths have equal bytes.
 */
Datum
vxp_lineage_hash(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_LINEAGE_PP(0);
	LineageSpan span = lineage_span(value);
	Datum		result = hash_any(span.data, span.end - span.data);

	PG_FREE_IF_COPY(value, 0);
	return result;
}

/* lineage_hash_extended(lineage, bigint) -> bigint: hash support function 2 */
Datum
vxp_lineage_hash_extended(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_LINEAGE_PP(0);
	LineageSpan span = lineage_span(value);
	Datum		result = hash_any_extended(span.data, span.end - span.data, PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(value, 0);
	return result;
}

/* The comparator of a sort on whole values. */
static int
compare_datums(Datum x, Datum y, SortSupport ssup)
{
	struct varlena *a = PG_DETOAST_DATUM_PACKED(x);
	struct varlena *b = PG_DETOAST_DATUM_PACKED(y);
	int			result = vxp_lineage_cmp(lineage_span(a), lineage_span(b));

	if ((Pointer) a != DatumGetPointer(x))
		pfree(a);
	if ((Pointer) b != DatumGetPointer(y))
		pfree(b);
	return result;
}

/*
 * Abbreviated keys
 *
 * Paths of one table begin alike ("datasource/..."), so their first bytes tell
 * little.  The key is therefore taken where a path leaves the first path that
 * the sort has seen, its reference: how far it agrees with the reference, on
 * which side it leaves, and the bytes that follow.
 *
 * Flat form: F(p) is the labels of p, each closed by a zero byte, then zeros
 * without end.  Order of paths is the bytewise order of flat forms: labels hold
 * no zero byte, so at the first difference within two labels the zero that
 * closes the shorter one is below any byte of the longer one; and a path that
 * ends has a zero where its extension has the first byte of a label.
 *
 * Key: let R be the first L bytes of the reference's flat form.  For a path v
 * let d be the first place, below L, where F(v) differs from R.  The high bits
 * of the key are
 *		d				when F(v)[d] < R[d]		("below")
 *		L				when there is no d		("along")
 *		2 L - d			when F(v)[d] > R[d]		("above")
 * and the low 48 bits are the six bytes of F(v) from d on (from L on if there is no d).
 *
 * Keys never contradict the order: let v < w.
 * - Both below, d(v) < d(w): w agrees with R at d(v), so v < w, and the key of
 *   v is less.  So with v < w, d(v) > d(w) is impossible, and the keys agree.
 * - Both above: the same with sides changed; the larger d is nearer to R, hence
 *   the lesser path, and has the lesser key.
 * - Equal high bits: v and w agree before d (or L), so the six bytes compare
 *   as the flat forms do, or are equal.
 * - Different sides: below < along < above is the order of the first L bytes of
 *   the flat forms against R, and of the keys, since d < L < 2 L - d.
 * Equal keys are settled by the comparator on whole values.
 */
#if SIZEOF_DATUM >= 8

/* Bytes kept of the reference; 2 * REFERENCE_SIZE must fit 16 bits. */
#define REFERENCE_SIZE	1024
#define FOLLOWING_BYTES	6

typedef struct AbbreviationState
{
	uint8		reference[REFERENCE_SIZE];
	int			length;			/* bytes of the reference, 0 before the first value */
	int64		input_count;	/* values seen */
	bool		estimating;		/* still counting distinct keys? */
	hyperLogLogState distinct;	/* distinct keys seen */
} AbbreviationState;

/*
 * Writes at most "size" bytes of the flat form, and returns how many; what is
 * missing is zeros.
 */
static int
flatten(LineageSpan span, uint8 *flat, int size)
{
	const uint8 *cursor = span.data;
	int			used = 0;

	while (cursor < span.end && used < size)
	{
		LineageLabel label = lineage_next_label(&cursor);
		int			part = Min(label.length, size - used);

		memcpy(flat + used, label.bytes, part);
		used += part;
		if (used < size)
			flat[used++] = 0;
	}
	return used;
}

/* The abbreviated key of a value: see above. */
static Datum
abbreviate(Datum original, SortSupport ssup)
{
	AbbreviationState *state = ssup->ssup_extra;
	struct varlena *value = PG_DETOAST_DATUM_PACKED(original);
	LineageSpan span = lineage_span(value);
	uint8		flat[REFERENCE_SIZE + FOLLOWING_BYTES];
	int			used;
	int			place = 0;
	uint64		key;

	if (state->length == 0)
		state->length = flatten(span, state->reference, REFERENCE_SIZE);
	used = flatten(span, flat, state->length + FOLLOWING_BYTES);
	memset(flat + used, 0, state->length + FOLLOWING_BYTES - used);

	while (place < state->length && flat[place] == state->reference[place])
		place++;
	if (place < state->length && flat[place] > state->reference[place])
		key = 2 * state->length - place;
	else
		key = place;
	for (int i = 0; i < FOLLOWING_BYTES; i++)
		key = (key << 8) | flat[place + i];

	state->input_count++;
	if (state->estimating)
		addHyperLogLog(&state->distinct,
					   DatumGetUInt32(hash_uint32((uint32) (key ^ (key >> 32)))));
	if ((Pointer) value != DatumGetPointer(original))
		pfree(value);
	return UInt64GetDatum(key);
}

/*
 * Is abbreviation useless for these values?  The rule, and its numbers, are
 * those of the server's uuid type: give up when fewer than one key in 2,000
 * values is new, stop counting once there are plenty.
 */
static bool
abbreviation_fails(int memtupcount, SortSupport ssup)
{
	AbbreviationState *state = ssup->ssup_extra;
	double		distinct;

	if (memtupcount < 10000 || state->input_count < 10000 || !state->estimating)
		return false;
	distinct = estimateHyperLogLog(&state->distinct);
	if (distinct > 100000.0)
	{
		state->estimating = false;
		return false;
	}
	return distinct < state->input_count / 2000.0 + 0.5;
}

/* Lets the sort compare abbreviated keys first. */
static void
use_abbreviation(SortSupport ssup)
{
	MemoryContext old_context = MemoryContextSwitchTo(ssup->ssup_cxt);
	AbbreviationState *state = palloc(sizeof(AbbreviationState));

	state->length = 0;
	state->input_count = 0;
	state->estimating = true;
	initHyperLogLog(&state->distinct, 10);
	ssup->ssup_extra = state;
	ssup->comparator = ssup_datum_unsigned_cmp;
	ssup->abbrev_converter = abbreviate;
	ssup->abbrev_abort = abbreviation_fails;
	ssup->abbrev_full_comparator = compare_datums;
	MemoryContextSwitchTo(old_context);
}
#endif							/* SIZEOF_DATUM */

/*
 * lineage_sortsupport(internal) -> void: btree support function 2
 *
 * The comparator of whole values; and abbreviated keys, where the sort asks
 * for them and a Datum has room for a useful one.
 */
Datum
vxp_lineage_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = compare_datums;
#if SIZEOF_DATUM >= 8
	if (ssup->abbreviate)
		use_abbreviation(ssup);
#endif
	PG_RETURN_VOID();
}
