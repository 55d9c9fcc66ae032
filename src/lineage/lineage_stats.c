/*
 * lineage_stats.c - ANALYZE of a lineage column
 *
 * A path is seldom common, its ancestors are.  So beside the standard
 * statistics we count ancestors in the sample, keep the common ones, and sum up
 * the others by identifier type: a patient that is not among the common ones is
 * then estimated as the average patient, not as the average ancestor.
 *
 * Memory is bounded: at most LABELS_PER_TARGET different labels for each unit
 * of the statistics target are counted, and if paths are so deep that they are
 * more, fewer rows of the sample are read, spread over all of it.
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "commands/vacuum.h"
#include "common/hashfn.h"
#include "utils/builtins.h"

#include "lineage/lineage.h"
#include "lineage/lineage_stats.h"

#define LABELS_PER_TARGET		10000	/* counted at most */
#define COMMON_PER_TARGET		10	/* kept as common at most, as for arrays */
#define WIDEST_COMMON			512 /* bytes; longer labels are not kept */
#define WIDEST_VALUE			0x10000 /* bytes; longer paths are not counted, as for arrays */

/*
 * A label is common if the sample shows its frequency well (the error of a
 * count c is about its root), or shows well that it is above its type's average.
 */
#define COMMON_SURE_COUNT		30
#define COMMON_LEAST_COUNT		8
#define COMMON_SIGMAS			4.0

typedef struct LineageAnalyzeState
{
	AnalyzeAttrComputeStatsFunc std_compute_stats;
	void	   *std_extra_data;
} LineageAnalyzeState;

/* A label seen in the sample. */
typedef struct LabelCount
{
	uint64		hash;			/* key; two labels of one hash are counted as one */
	int			type;			/* index of its type */
	int			as_ancestor;	/* rows that have it as a proper ancestor */
	int			as_self;		/* rows that have it as last label */
	int			last_row;		/* the last row that counted it as an ancestor */
	int			seen_row;		/* where its bytes are: row of the sample */
	int			seen_at;		/* and its position in that path */
	bool		common;
} LabelCount;

/* An identifier type seen in the sample. */
typedef struct TypeCount
{
	uint64		hash;
	char	   *name;
	int			length;
	double		ancestors;		/* pairs of row and ancestor */
	int			distinct;
	int			once;			/* ancestors seen once */
	double		common_ancestors;
	int			common_distinct;
	int			selves;
	int			self_distinct;
	int			self_once;
} TypeCount;

typedef struct Sample
{
	VacAttrStats *stats;
	AnalyzeAttrFetchFunc fetch;
	HTAB	   *labels;
	TypeCount  *types;
	int			type_count;
	int			type_size;
	int			rows;			/* read and not NULL */
} Sample;

VXP_FUNCTION(vxp_lineage_typanalyze);
VXP_FUNCTION(vxp_identifier_typanalyze);

static int
find_type(Sample *sample, LineageLabel label)
{
	int			length = vxp_lineage_type_length(label);
	uint64		hash = vxp_lineage_label_hash(label.bytes, length);
	TypeCount  *type;

	for (int i = 0; i < sample->type_count; i++)
		if (sample->types[i].hash == hash)
			return i;
	if (sample->type_count == sample->type_size)
	{
		/* a column with ever more types has none worth the name: one bag for the rest */
		if (sample->type_size >= 1000)
			return 0;
		sample->type_size *= 2;
		sample->types = repalloc(sample->types, sample->type_size * sizeof(TypeCount));
	}
	type = &sample->types[sample->type_count];
	memset(type, 0, sizeof(TypeCount));
	type->hash = hash;
	type->name = pnstrdup(label.bytes, length);
	type->length = length;
	return sample->type_count++;
}

/* count_row counts the labels of one path; a label is counted as ancestor once. */
static void
count_row(Sample *sample, LineageSpan path, int row)
{
	const uint8 *cursor = path.data;

	for (int i = 0; i < path.depth; i++)
	{
		LineageLabel label = lineage_next_label(&cursor);
		uint64		hash = vxp_lineage_label_hash(label.bytes, label.length);
		bool		found;
		LabelCount *count = hash_search(sample->labels, &hash, HASH_ENTER, &found);

		if (!found)
		{
			memset((char *) count + sizeof(hash), 0, sizeof(LabelCount) - sizeof(hash));
			count->type = find_type(sample, label);
			count->last_row = -1;
			count->seen_row = row;
			count->seen_at = i;
		}
		if (i == path.depth - 1)
			count->as_self++;
		else if (count->last_row != row)
		{
			count->as_ancestor++;
			count->last_row = row;
		}
	}
}

/*
 * estimate_distinct is the estimator of Haas and Stokes that analyze.c uses:
 * "distinct" of "seen" values differ, "once" of them were seen once, and the
 * table has "total" of them.  The result is as pg_statistic wants it.
 */
static float4
estimate_distinct(double seen, double distinct, double once, double total, double table_rows)
{
	double		result;

	if (seen <= 0 || distinct <= 0)
		return 0;
	if (once == 0)
		result = distinct;
	else
		result = seen * distinct / (seen - once + once * seen / Max(total, seen));
	result = Min(Max(result, distinct), Max(total, distinct));
	/* like the server: a count that is a tenth of the rows grows with them */
	if (result > 0.1 * table_rows)
		return (float4) -(result / table_rows);
	return (float4) floor(result + 0.5);
}

static int
cmp_by_count(const void *a, const void *b)
{
	const LabelCount *x = *(LabelCount *const *) a;
	const LabelCount *y = *(LabelCount *const *) b;

	if (x->as_ancestor != y->as_ancestor)
		return x->as_ancestor > y->as_ancestor ? -1 : 1;
	return (x->hash > y->hash) - (x->hash < y->hash);
}

static int
cmp_text(const text *a, const text *b)
{
	int			shared = Min(VARSIZE_ANY_EXHDR(a), VARSIZE_ANY_EXHDR(b));
	int			result = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), shared);

	return result ? result : (int) VARSIZE_ANY_EXHDR(a) - (int) VARSIZE_ANY_EXHDR(b);
}

/* A value of a slot with its numbers, while they are sorted. */
typedef struct SlotItem
{
	text	   *value;
	float4		numbers[LINEAGE_TYPE_NUMBERS];
} SlotItem;

static int
cmp_item(const void *a, const void *b)
{
	return cmp_text(((const SlotItem *) a)->value, ((const SlotItem *) b)->value);
}

/* label_text fetches the bytes of a counted label again; NULL if too long to keep. */
static text *
label_text(Sample *sample, const LabelCount *count)
{
	bool		isnull;
	struct varlena *value = PG_DETOAST_DATUM_PACKED(sample->fetch(sample->stats, count->seen_row, &isnull));
	const uint8 *cursor = lineage_span(value).data;
	LineageLabel label = {0};

	for (int i = 0; i <= count->seen_at; i++)
		label = lineage_next_label(&cursor);
	if (label.length > WIDEST_COMMON)
		return NULL;
	return cstring_to_text_with_len(label.bytes, label.length);
}

/*
 * store_slot writes sorted items into the next free slot.  Per value there are
 * "per_item" numbers, and "extra" numbers behind them.
 */
static void
store_slot(VacAttrStats *stats, int kind, SlotItem *items, int count, int per_item,
		   const float4 *extra, int extra_count)
{
	int			slot = 0;
	MemoryContext old;

	while (slot < STATISTIC_NUM_SLOTS && stats->stakind[slot] != 0)
		slot++;
	if (slot == STATISTIC_NUM_SLOTS)
		elog(ERROR, "insufficient pg_statistic slots for lineage statistics");
	qsort(items, count, sizeof(SlotItem), cmp_item);

	old = MemoryContextSwitchTo(stats->anl_context);
	stats->stakind[slot] = kind;
	stats->staop[slot] = TextEqualOperator;
	stats->stacoll[slot] = C_COLLATION_OID;
	stats->statypid[slot] = TEXTOID;
	stats->statyplen[slot] = -1;
	stats->statypbyval[slot] = false;
	stats->statypalign[slot] = TYPALIGN_INT;
	stats->stavalues[slot] = palloc(count * sizeof(Datum));
	stats->numvalues[slot] = count;
	stats->numnumbers[slot] = count * per_item + extra_count;
	stats->stanumbers[slot] = palloc(stats->numnumbers[slot] * sizeof(float4));
	for (int i = 0; i < count; i++)
	{
		stats->stavalues[slot][i] = PointerGetDatum(cstring_to_text_with_len(VARDATA_ANY(items[i].value),
																			 VARSIZE_ANY_EXHDR(items[i].value)));
		memcpy(stats->stanumbers[slot] + i * per_item, items[i].numbers, per_item * sizeof(float4));
	}
	if (extra_count > 0)
		memcpy(stats->stanumbers[slot] + count * per_item, extra, extra_count * sizeof(float4));
	MemoryContextSwitchTo(old);
}

/* choose_common marks the common ancestors and stores their slot. */
static void
choose_common(Sample *sample, int target, bool whole_table)
{
	LabelCount **sorted = palloc(hash_get_num_entries(sample->labels) * sizeof(LabelCount *));
	int			candidates = 0;
	int			most = target * COMMON_PER_TARGET;
	SlotItem   *items = palloc(Max(most, 1) * sizeof(SlotItem));
	int			kept = 0;
	HASH_SEQ_STATUS scan;
	LabelCount *count;
	float4		extra[2] = {1, 0};

	hash_seq_init(&scan, sample->labels);
	while ((count = hash_seq_search(&scan)) != NULL)
	{
		TypeCount  *type = &sample->types[count->type];
		double		average = type->distinct > 0 ? type->ancestors / type->distinct : 0;

		if (count->as_ancestor == 0)
			continue;
		if (whole_table || count->as_ancestor >= COMMON_SURE_COUNT ||
			(count->as_ancestor >= COMMON_LEAST_COUNT &&
			 count->as_ancestor > average + COMMON_SIGMAS * sqrt(average)))
			sorted[candidates++] = count;
	}
	qsort(sorted, candidates, sizeof(LabelCount *), cmp_by_count);
	for (int i = 0; i < candidates && kept < most; i++)
	{
		TypeCount  *type = &sample->types[sorted[i]->type];
		text	   *value = label_text(sample, sorted[i]);
		float4		share = (float4) sorted[i]->as_ancestor / sample->rows;

		if (value == NULL)
			continue;
		sorted[i]->common = true;
		type->common_ancestors += sorted[i]->as_ancestor;
		type->common_distinct++;
		items[kept].value = value;
		items[kept++].numbers[0] = share;
		extra[0] = Min(extra[0], share);
		extra[1] = Max(extra[1], share);
	}
	if (kept > 0)
		store_slot(sample->stats, STATISTIC_KIND_MCELEM, items, kept, 1, extra, 2);
}

/* compute_lineage_stats is called by ANALYZE with the sample. */
static void
compute_lineage_stats(VacAttrStats *stats, AnalyzeAttrFetchFunc fetch, int sample_rows, double total_rows)
{
	LineageAnalyzeState *state = stats->extra_data;
	int			target = VXP_STATISTICS_TARGET(stats);
	Sample		sample = {0};
	HASHCTL		control = {0};
	HASH_SEQ_STATUS scan;
	LabelCount *count;
	SlotItem   *items;
	int			kept = 0;
	int			rows_read = 0;
	int			stride = 7919;	/* a prime: visits every row if it does not divide their number */
	double		table_rows;
	double		scale;

	stats->extra_data = state->std_extra_data;
	state->std_compute_stats(stats, fetch, sample_rows, total_rows);
	stats->extra_data = state;
	if (sample_rows <= 0)
		return;

	sample.stats = stats;
	sample.fetch = fetch;
	sample.type_size = 16;
	sample.types = palloc(sample.type_size * sizeof(TypeCount));
	control.keysize = sizeof(uint64);
	control.entrysize = sizeof(LabelCount);
	control.hcxt = CurrentMemoryContext;
	sample.labels = hash_create("lineage labels analyzed", 1024, &control,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	if (sample_rows % stride == 0)
		stride = 1;
	for (int i = 0; i < sample_rows; i++)
	{
		int			row = (int) (((int64) i * stride) % sample_rows);
		bool		isnull;
		Datum		datum;
		struct varlena *value;

		vxp_vacuum_delay_point(true);
		if (hash_get_num_entries(sample.labels) > (long) target * LABELS_PER_TARGET)
			break;
		rows_read++;
		datum = fetch(stats, row, &isnull);
		if (isnull || toast_raw_datum_size(datum) > WIDEST_VALUE)
			continue;
		value = PG_DETOAST_DATUM_PACKED(datum);
		count_row(&sample, lineage_span(value), row);
		sample.rows++;
		if ((Pointer) value != DatumGetPointer(datum))
			pfree(value);
	}
	if (sample.rows == 0)
		return;

	hash_seq_init(&scan, sample.labels);
	while ((count = hash_seq_search(&scan)) != NULL)
	{
		TypeCount  *type = &sample.types[count->type];

		type->ancestors += count->as_ancestor;
		type->distinct += (count->as_ancestor > 0);
		type->once += (count->as_ancestor == 1);
		type->selves += count->as_self;
		type->self_distinct += (count->as_self > 0);
		type->self_once += (count->as_self == 1);
	}
	choose_common(&sample, target, rows_read >= total_rows);

	/* what a row of the sample stands for, and the rows that are not NULL */
	table_rows = Max(total_rows, rows_read);
	scale = table_rows / rows_read;
	items = palloc(sample.type_count * sizeof(SlotItem));
	for (int i = 0; i < sample.type_count; i++)
	{
		const TypeCount *type = &sample.types[i];
		float4	   *n = items[kept].numbers;
		double		distinct;

		if (type->length > WIDEST_COMMON)
			continue;
		n[LINEAGE_TYPE_SHARE] = type->ancestors / sample.rows;
		n[LINEAGE_TYPE_DISTINCT] = estimate_distinct(type->ancestors, type->distinct, type->once,
													 type->ancestors * scale, table_rows);
		distinct = n[LINEAGE_TYPE_DISTINCT] >= 0 ? n[LINEAGE_TYPE_DISTINCT] : -n[LINEAGE_TYPE_DISTINCT] * table_rows;
		distinct = Max(distinct - type->common_distinct, 0);
		n[LINEAGE_TYPE_REST_SHARE] = (type->ancestors - type->common_ancestors) / sample.rows;
		n[LINEAGE_TYPE_REST_DISTINCT] = distinct > 0.1 * table_rows ? -(distinct / table_rows) : distinct;
		n[LINEAGE_TYPE_SELF_SHARE] = (float4) type->selves / sample.rows;
		n[LINEAGE_TYPE_SELF_DISTINCT] = estimate_distinct(type->selves, type->self_distinct, type->self_once,
														  type->selves * scale, table_rows);
		items[kept++].value = cstring_to_text_with_len(type->name, type->length);
	}
	if (kept > 0)
		store_slot(stats, LINEAGE_STATISTIC_KIND, items, kept, LINEAGE_TYPE_NUMBERS, NULL, 0);
}

/* lineage_typanalyze(internal) -> boolean */
Datum
vxp_lineage_typanalyze(PG_FUNCTION_ARGS)
{
	VacAttrStats *stats = (VacAttrStats *) PG_GETARG_POINTER(0);
	LineageAnalyzeState *state;

	if (!std_typanalyze(stats))
		PG_RETURN_BOOL(false);
	state = palloc(sizeof(LineageAnalyzeState));
	state->std_compute_stats = stats->compute_stats;
	state->std_extra_data = stats->extra_data;
	stats->compute_stats = compute_lineage_stats;
	stats->extra_data = state;
	PG_RETURN_BOOL(true);
}

/*
 * identifier_typanalyze(internal) -> boolean
 *
 * The type has no collation, but the server finds text's operators for it,
 * which raise an error without one: nobody could ANALYZE the table.
 */
Datum
vxp_identifier_typanalyze(PG_FUNCTION_ARGS)
{
	VacAttrStats *stats = (VacAttrStats *) PG_GETARG_POINTER(0);

	stats->attrcollid = C_COLLATION_OID;
	PG_RETURN_BOOL(std_typanalyze(stats));
}
