/*
 * lineage_selfuncs.c - selectivity of the ancestry operators and functions
 *
 * One pair of estimators serves all operators; the operator's name tells which
 * question it asks.  The arithmetic, with the statistics of lineage_stats.h:
 *
 * - an identifier: its share if it is a common ancestor; else its rows, counted in
 *   an index (lineage_probe.h); where that cannot be, what is left to
 *   its identifier type, evenly; an unknown type gives RARE_ROWS rows;
 * - a value that is not known (a parameter of a generic plan): the average
 *   ancestor, all types together, by their distinct counts;
 * - a join: the average over the other side's common values and histogram;
 *   without these, as a value that is not known;
 * - a path: the least of its labels' estimates, since rows below have them all;
 * - a list: the sum for "any", for "all" the least.
 *
 * Paths and lists are counted in the index, too, if all their labels are rare.
 *
 * Without statistics every question about ancestors is taken to keep
 * DEFAULT_SELECTIVITY of the rows, lists that times their length.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

#include "common/vxp_statistics.h"
#include "lineage/lineage_index.h"
#include "lineage/lineage_probe.h"
#include "lineage/lineage_stats.h"

#define DEFAULT_SELECTIVITY	0.001
#define DEFAULT_DEPTH		4.0		/* of a path without statistics */
#define DEFAULT_LIST_LENGTH	10.0	/* as the planner assumes for arrays */
#define RARE_ROWS			10.0	/* below an ancestor of an unknown type */
#define JOIN_VALUES_MAX		100		/* of a histogram that a join looks at */
#define JOIN_PROBES_MAX		16		/* of these, counted in an index */

/* What is known of a lineage column. */
typedef struct LineageStats
{
	double		rows;			/* of the relation, at least 1 */
	double		null_share;
	double		distinct;		/* different paths */
	const AttStatsSlot *common; /* the most common ancestors; NULL: not known */
	const AttStatsSlot *types;	/* the identifier types, likewise */
} LineageStats;

VXP_FUNCTION(vxp_lineage_sel);
VXP_FUNCTION(vxp_lineage_joinsel);

static StrategyNumber
strategy_of_operator(Oid operator)
{
	static const struct
	{
		const char *name;
		StrategyNumber strategy;
	}			names[] = {
		{"@^", LINEAGE_STRAT_HAS_ANCESTOR},
		{"@^=", LINEAGE_STRAT_IS_WITHIN},
		{"<@", LINEAGE_STRAT_BELOW},
		{"@>", LINEAGE_STRAT_ABOVE},
		{"@^|", LINEAGE_STRAT_HAS_ANY},
		{"@^&", LINEAGE_STRAT_HAS_ALL}
	};
	char	   *name = get_opname(operator);

	for (int i = 0; name != NULL && i < lengthof(names); i++)
		if (strcmp(name, names[i].name) == 0)
			return names[i].strategy;
	elog(ERROR, "operator %u has no lineage estimate", operator);
	return 0;					/* keep compiler quiet */
}

/*
 * open_stats reads the statistics of the variable, as far as the user may see
 * them through "function": values of rows that he may not see must not show in
 * an estimate.
 */
static void
open_stats(LineageStats *stats, VariableStatData *variable, Oid function)
{
	static const VxpSlotKind kinds[VXP_SLOTS] = {
		{STATISTIC_KIND_MCELEM, ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS},
		{LINEAGE_STATISTIC_KIND, ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS}
	};
	const VxpSlots *slots;
	bool		is_default;

	stats->rows = variable->rel && variable->rel->tuples > 1 ? variable->rel->tuples : 1;
	stats->distinct = Max(get_variable_numdistinct(variable, &is_default), 1.0);
	stats->null_share = 0;
	stats->common = stats->types = NULL;
	if (!HeapTupleIsValid(variable->statsTuple))
		return;
	stats->null_share = ((Form_pg_statistic) GETSTRUCT(variable->statsTuple))->stanullfrac;
	if (!statistic_proc_security_check(variable, function))
		return;
	slots = vxp_statistics_slots(variable, kinds);
	/* a slot of another making is none of ours */
	if (slots->found[0] && slots->slot[0].nnumbers >= slots->slot[0].nvalues)
		stats->common = &slots->slot[0];
	if (slots->found[1] && slots->slot[1].nnumbers == slots->slot[1].nvalues * LINEAGE_TYPE_NUMBERS)
		stats->types = &slots->slot[1];
}

/* find_value returns the place of the bytes in the slot, or -1. */
static int
find_value(const AttStatsSlot *slot, const char *bytes, int length)
{
	int			low = 0;
	int			high = slot->nvalues;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		struct varlena *value = (struct varlena *) DatumGetPointer(slot->values[middle]);
		int			size = VARSIZE_ANY_EXHDR(value);
		int			order = memcmp(VARDATA_ANY(value), bytes, Min(size, length));

		if (order == 0)
			order = size - length;
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

/* A number of a type, distinct counts made absolute. */
static double
type_number(const LineageStats *stats, int type, LineageTypeNumber number)
{
	double		value = stats->types->numbers[type * LINEAGE_TYPE_NUMBERS + number];

	return value < 0 ? -value * stats->rows : value;
}

/* The share of rows that have the label as a proper ancestor, or ("within") are it too. */
static double
label_share(const LineageStats *stats, const char *bytes, int length, bool within)
{
	LineageLabel label = {bytes, length};
	double		rare = Min(RARE_ROWS / stats->rows, 1.0);
	double		share;
	int			place;
	int			type;

	if (stats->types == NULL)
		return DEFAULT_SELECTIVITY;
	type = find_value(stats->types, bytes, vxp_lineage_type_length(label));
	place = stats->common ? find_value(stats->common, bytes, length) : -1;
	if (place >= 0)
		share = stats->common->numbers[place];
	else if (type < 0)
		return rare;
	else
	{
		double		left = type_number(stats, type, LINEAGE_TYPE_REST_SHARE);
		double		among = type_number(stats, type, LINEAGE_TYPE_REST_DISTINCT);

		/* all that the type has are common: this one is new, or is not */
		share = left > 0 ? left / Max(among, 1.0) : 0;
	}
	if (within && type >= 0 && type_number(stats, type, LINEAGE_TYPE_SELF_DISTINCT) >= 1)
		share += type_number(stats, type, LINEAGE_TYPE_SELF_SHARE) /
			type_number(stats, type, LINEAGE_TYPE_SELF_DISTINCT);
	return Min(Max(share, 1.0 / stats->rows), 1.0);
}

/* The share of rows that have an ancestor that is not known: the average one. */
static double
average_share(const LineageStats *stats, bool within)
{
	double		share = 0;
	double		distinct = 0;

	if (stats->types == NULL)
		return DEFAULT_SELECTIVITY;
	for (int i = 0; i < stats->types->nvalues; i++)
	{
		share += type_number(stats, i, LINEAGE_TYPE_SHARE);
		distinct += type_number(stats, i, LINEAGE_TYPE_DISTINCT);
	}
	/* one row more: the resource itself */
	return Min((distinct >= 1 ? share / distinct : 0) + (within ? 1.0 / stats->rows : 0), 1.0);
}

/* The mean depth of a path: its ancestors and itself. */
static double
average_depth(const LineageStats *stats)
{
	double		depth = 1;

	if (stats->types == NULL)
		return DEFAULT_DEPTH;
	for (int i = 0; i < stats->types->nvalues; i++)
		depth += type_number(stats, i, LINEAGE_TYPE_SHARE);
	return depth;
}

/* The share of rows at or below a path: they have all its labels. */
static double
below_share(const LineageStats *stats, LineageSpan path)
{
	const uint8 *cursor = path.data;
	double		share = 1;

	for (int i = 0; i < path.depth; i++)
	{
		LineageLabel label = lineage_next_label(&cursor);

		share = Min(share, label_share(stats, label.bytes, label.length, i == path.depth - 1));
	}
	return share;
}

/*
 * list_share: rows that have any of the labels are at most the sum; those that
 * have all are at most the least, and if two are of one identifier type, they
 * are taken to be independent: a path seldom has two patients.
 */
static double
list_share(const LineageStats *stats, struct varlena *array, bool any)
{
	LineageLabel *labels;
	bool		has_null;
	int			count = vxp_lineage_array_labels(array, &labels, &has_null);
	double		share = any ? 0 : 1;

	if (!any && has_null)
		return 0;
	for (int i = 0; i < count; i++)
	{
		double		one = label_share(stats, labels[i].bytes, labels[i].length, false);
		bool		same_type = false;

		if (any)
		{
			share += one;
			continue;
		}
		for (int j = 0; j < i && !same_type; j++)
		{
			int			length = vxp_lineage_type_length(labels[i]);

			same_type = length == vxp_lineage_type_length(labels[j]) && length > 0 &&
				memcmp(labels[i].bytes, labels[j].bytes, length) == 0;
		}
		share = same_type ? share * one : Min(share, one);
	}
	return Min(share, 1.0);
}

/* value_share is the share of the rows that are not NULL, for a known argument. */
static double
value_share(const LineageStats *stats, StrategyNumber strategy, Datum argument)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(argument);

	switch (strategy)
	{
		case LINEAGE_STRAT_HAS_ANCESTOR:
		case LINEAGE_STRAT_IS_WITHIN:
			return label_share(stats, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value),
							   strategy == LINEAGE_STRAT_IS_WITHIN);
		case LINEAGE_STRAT_BELOW:
			return below_share(stats, lineage_span(value));
		case LINEAGE_STRAT_ABOVE:
			/* at most the path and those above it, each as often as any path */
			return Min(lineage_span(value).depth / stats->distinct, 1.0);
		default:
			return list_share(stats, value, strategy == LINEAGE_STRAT_HAS_ANY);
	}
}

/* Is a label of the argument a common ancestor, which statistics know best? */
static bool
has_common_label(const LineageStats *stats, StrategyNumber strategy, struct varlena *value)
{
	LineageLabel *labels;
	LineageLabel last;
	bool		has_null;
	int			count;

	if (stats->common == NULL)
		return false;
	switch (strategy)
	{
		case LINEAGE_STRAT_HAS_ANCESTOR:
		case LINEAGE_STRAT_IS_WITHIN:
			return find_value(stats->common, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)) >= 0;
		case LINEAGE_STRAT_BELOW:
			last = vxp_lineage_last(lineage_span(value));
			return find_value(stats->common, last.bytes, last.length) >= 0;
		case LINEAGE_STRAT_HAS_ANY:
		case LINEAGE_STRAT_HAS_ALL:
			count = vxp_lineage_array_labels(value, &labels, &has_null);
			for (int i = 0; i < count; i++)
				if (find_value(stats->common, labels[i].bytes, labels[i].length) >= 0)
					return true;
			return false;
		default:
			return false;
	}
}

/*
 * probed_share is value_share, or what the index says of a rare ancestor.
 * *counted tells whether it did, to the last row; if it gave up, what it had found is
 * still the least that there is.
 */
static double
probed_share(const LineageStats *stats, LineageProbe *probe, StrategyNumber strategy, Datum argument, bool *counted)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(argument);
	double		share = value_share(stats, strategy, PointerGetDatum(value));
	double		rows = stats->rows * (1 - stats->null_share);
	double		count;

	*counted = false;
	/* paths above a path are few, and known well */
	if (stats->types == NULL || strategy == LINEAGE_STRAT_ABOVE || has_common_label(stats, strategy, value) || rows < 1)
		return share;
	*counted = vxp_lineage_probe_count(probe, strategy, value, &count);
	return Min(*counted ? count / rows : Max(share, count / rows), 1.0);
}

/* unknown_share is the same for an argument that is not known. */
static double
unknown_share(const LineageStats *stats, StrategyNumber strategy)
{
	switch (strategy)
	{
		case LINEAGE_STRAT_HAS_ANCESTOR:
			return average_share(stats, false);
		case LINEAGE_STRAT_IS_WITHIN:
		case LINEAGE_STRAT_BELOW:
			return average_share(stats, true);
		case LINEAGE_STRAT_ABOVE:
			return Min(average_depth(stats) / stats->distinct, 1.0);
		case LINEAGE_STRAT_HAS_ANY:
			return Min(average_share(stats, false) * DEFAULT_LIST_LENGTH, 1.0);
		default:
			return average_share(stats, false);
	}
}

/* The commutator's question: what does "argument <@ column" ask of the column? */
static StrategyNumber
commute(StrategyNumber strategy)
{
	return strategy == LINEAGE_STRAT_BELOW ? LINEAGE_STRAT_ABOVE :
		strategy == LINEAGE_STRAT_ABOVE ? LINEAGE_STRAT_BELOW : strategy;
}

static double
restriction_selectivity(PlannerInfo *root, Oid function, StrategyNumber strategy, List *args, int var_relid)
{
	VariableStatData variable;
	Node	   *other;
	bool		on_left;
	LineageStats stats;
	double		share;

	if (!get_restriction_variable(root, args, var_relid, &variable, &other, &on_left))
		return DEFAULT_SELECTIVITY;
	if (!on_left)
	{
		strategy = commute(strategy);
		/* the identifier or the list is the column, the path is given: no statistics help */
		if (strategy != LINEAGE_STRAT_BELOW && strategy != LINEAGE_STRAT_ABOVE)
		{
			ReleaseVariableStats(variable);
			return DEFAULT_SELECTIVITY;
		}
	}
	open_stats(&stats, &variable, function);
	if (IsA(other, Const))
	{
		LineageProbe probe;
		bool		counted;

		vxp_lineage_probe_begin(&probe, root, &variable);
		share = ((Const *) other)->constisnull ? 0 :
			probed_share(&stats, &probe, strategy, ((Const *) other)->constvalue, &counted);
		vxp_lineage_probe_end(&probe);
	}
	else
		share = unknown_share(&stats, strategy);
	share *= 1 - stats.null_share;
	ReleaseVariableStats(variable);
	CLAMP_PROBABILITY(share);
	return share;
}

/* What joined_share sums up. */
typedef struct JoinedShares
{
	double		weight;			/* of all values */
	double		sum;			/* of shares by statistics, weighted */
	double		rare_weight;	/* of values that only an index could tell more of, */
	double		rare_sum;		/* and their shares by statistics */
	double		counted_weight; /* of those that it did */
	double		counted_sum;
	int			probes;
} JoinedShares;

/* Adds a value; "probe" is NULL if this one need not be counted in the index. */
static void
add_joined(JoinedShares *shares, const LineageStats *stats, LineageProbe *probe, StrategyNumber strategy,
		   Datum argument, double weight)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(argument);
	double		share = value_share(stats, strategy, PointerGetDatum(value));
	bool		counted = false;

	shares->weight += weight;
	if (strategy == LINEAGE_STRAT_ABOVE || has_common_label(stats, strategy, value))
	{
		shares->sum += weight * share;
		return;
	}
	shares->rare_weight += weight;
	shares->rare_sum += weight * share;
	if (probe == NULL || shares->probes >= JOIN_PROBES_MAX)
		return;
	shares->probes++;
	share = probed_share(stats, probe, strategy, PointerGetDatum(value), &counted);
	if (counted)
	{
		shares->counted_weight += weight;
		shares->counted_sum += weight * share;
	}
}

/*
 * joined_share is the average share over the values that the other side's
 * statistics show, or negative if they show none.  Its common values weigh
 * their frequency, its histogram the rest.  Some of the rare ones, spread over
 * all of them, are counted in the index, and stand for the others.
 */
static double
joined_share(const LineageStats *stats, LineageProbe *probe, StrategyNumber strategy, VariableStatData *other,
			 Oid function)
{
	AttStatsSlot slot;
	JoinedShares shares = {0};

	if (!HeapTupleIsValid(other->statsTuple) || !statistic_proc_security_check(other, function))
		return -1;
	if (get_attstatsslot(&slot, other->statsTuple, STATISTIC_KIND_MCV, InvalidOid,
						 ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
	{
		int			count = Min(slot.nvalues, slot.nnumbers);
		int			stride = Max(2 * count / JOIN_PROBES_MAX, 1);

		/* half of the probes are for the histogram */
		for (int i = 0; i < count; i++)
			add_joined(&shares, stats, i % stride == 0 && i / stride < JOIN_PROBES_MAX / 2 ? probe : NULL,
					   strategy, slot.values[i], slot.numbers[i]);
		free_attstatsslot(&slot);
	}
	if (get_attstatsslot(&slot, other->statsTuple, STATISTIC_KIND_HISTOGRAM, InvalidOid, ATTSTATSSLOT_VALUES))
	{
		double		rest = 1 - shares.weight - ((Form_pg_statistic) GETSTRUCT(other->statsTuple))->stanullfrac;
		int			step = Max(slot.nvalues / JOIN_VALUES_MAX, 1);
		int			seen = (slot.nvalues + step - 1) / step;
		int			probes = JOIN_PROBES_MAX - shares.probes;

		for (int i = 0; rest > 0 && i < seen; i++)
		{
			/* the probes are spread evenly: the i-th value gets one where the line rises by one */
			bool		probed = (int64) (i + 1) * probes / seen > (int64) i * probes / seen;

			add_joined(&shares, stats, probed || probes >= seen ? probe : NULL, strategy, slot.values[i * step],
					   rest / seen);
		}
		free_attstatsslot(&slot);
	}
	if (shares.weight <= 0)
		return -1;
	if (shares.counted_weight > 0)
		shares.rare_sum = shares.rare_weight * shares.counted_sum / shares.counted_weight;
	return (shares.sum + shares.rare_sum) / shares.weight;
}

static double
null_share(VariableStatData *variable)
{
	return HeapTupleIsValid(variable->statsTuple) ?
		((Form_pg_statistic) GETSTRUCT(variable->statsTuple))->stanullfrac : 0;
}

static double
join_selectivity(PlannerInfo *root, Oid function, StrategyNumber strategy, List *args, SpecialJoinInfo *sjinfo)
{
	VariableStatData left;
	VariableStatData right;
	bool		reversed;
	LineageStats stats;
	LineageProbe probe;
	double		share;

	get_join_variables(root, args, sjinfo, &left, &right, &reversed);
	open_stats(&stats, &left, function);
	vxp_lineage_probe_begin(&probe, root, &left);
	share = joined_share(&stats, &probe, strategy, &right, function);
	vxp_lineage_probe_end(&probe);
	if (share < 0)
		share = unknown_share(&stats, strategy);
	share *= (1 - null_share(&left)) * (1 - null_share(&right));

	if (sjinfo && (sjinfo->jointype == JOIN_SEMI || sjinfo->jointype == JOIN_ANTI))
	{
		/*
		 * Wanted is the share of the rows on the left of the semi-join that
		 * have a partner.  A row has share * rows partners on average; for
		 * subtrees that do not overlap that is the chance of having one.
		 */
		VariableStatData *inner = reversed ? &left : &right;

		if (inner->rel)
			share *= Max(inner->rel->rows, 1.0);
	}
	ReleaseVariableStats(left);
	ReleaseVariableStats(right);
	CLAMP_PROBABILITY(share);
	return share;
}

/* lineage_sel(internal, oid, internal, integer) -> float8: RESTRICT of all ancestry operators */
Datum
vxp_lineage_sel(PG_FUNCTION_ARGS)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	Oid			operator = PG_GETARG_OID(1);
	List	   *args = (List *) PG_GETARG_POINTER(2);
	int			var_relid = PG_GETARG_INT32(3);

	PG_RETURN_FLOAT8(restriction_selectivity(root, get_opcode(operator), strategy_of_operator(operator),
											 args, var_relid));
}

/* lineage_joinsel(internal, oid, internal, smallint, internal) -> float8: JOIN of all ancestry operators */
Datum
vxp_lineage_joinsel(PG_FUNCTION_ARGS)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	Oid			operator = PG_GETARG_OID(1);
	List	   *args = (List *) PG_GETARG_POINTER(2);
	SpecialJoinInfo *sjinfo = (SpecialJoinInfo *) PG_GETARG_POINTER(4);

	PG_RETURN_FLOAT8(join_selectivity(root, get_opcode(operator), strategy_of_operator(operator), args, sjinfo));
}

/* vxp_lineage_selectivity_request answers the planner about a function called by name. */
Node *
vxp_lineage_selectivity_request(SupportRequestSelectivity *request, StrategyNumber strategy)
{
	if (list_length(request->args) != 2)
		return NULL;
	if (request->is_join)
		request->selectivity = join_selectivity(request->root, request->funcid, strategy,
												request->args, request->sjinfo);
	else
		request->selectivity = restriction_selectivity(request->root, request->funcid, strategy,
													   request->args, request->varRelid);
	return (Node *) request;
}
