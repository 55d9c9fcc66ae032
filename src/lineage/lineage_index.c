/*
 * lineage_index.c - what all index classes of the lineage type share
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "lineage/lineage_index.h"

/*
 * vxp_lineage_array_labels returns the number of elements of a text array that
 * are not NULL, and points *labels at them.  The labels lead into the array,
 * or into a copy in the current context when the array had a short header.
 */
int
vxp_lineage_array_labels(struct varlena *array, LineageLabel **labels, bool *has_null)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	int			kept = 0;

	deconstruct_array(DatumGetArrayTypeP(PointerGetDatum(array)), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &count);
	*labels = palloc(Max(count, 1) * sizeof(LineageLabel));
	*has_null = false;
	for (int i = 0; i < count; i++)
	{
		struct varlena *element = (struct varlena *) DatumGetPointer(elements[i]);

		if (nulls[i])
		{
			*has_null = true;
			continue;
		}
		(*labels)[kept].bytes = VARDATA_ANY(element);
		(*labels)[kept].length = VARSIZE_ANY_EXHDR(element);
		kept++;
	}
	if (count > 0)
	{
		pfree(elements);
		pfree(nulls);
	}
	return kept;
}

static int
cmp_label(const void *a, const void *b)
{
	const LineageLabel *x = a;
	const LineageLabel *y = b;
	int			result = memcmp(x->bytes, y->bytes, Min(x->length, y->length));

	return result ? result : x->length - y->length;
}

/*
 * vxp_lineage_label_set fills in the set of the elements of a text array that
 * are not NULL.  The labels lead into the array, as those of
 * vxp_lineage_array_labels do.
 */
void
vxp_lineage_label_set(struct varlena *array, LineageLabelSet *set)
{
	bool		has_null;
	int			kept = 0;

	set->count = vxp_lineage_array_labels(array, &set->labels, &has_null);
	if (set->count < 2)
		return;
	qsort(set->labels, set->count, sizeof(LineageLabel), cmp_label);
	for (int i = 1; i < set->count; i++)
		if (cmp_label(&set->labels[i], &set->labels[kept]) != 0)
			set->labels[++kept] = set->labels[i];
	set->count = kept + 1;
}

/* vxp_lineage_has_any tells whether one of the labels is a proper ancestor of the path. */
bool
vxp_lineage_has_any(LineageSpan path, const LineageLabelSet *set)
{
	const uint8 *cursor = path.data;

	for (int i = 0; i < path.depth - 1; i++)
	{
		LineageLabel label = lineage_next_label(&cursor);

		if (bsearch(&label, set->labels, set->count, sizeof(LineageLabel), cmp_label) != NULL)
			return true;
	}
	return false;
}

/*
 * vxp_lineage_satisfies answers the operator of a strategy for a path, by the
 * rules that the operators themselves call.  "argument" is detoasted.
 */
bool
vxp_lineage_satisfies(LineageSpan path, StrategyNumber strategy, struct varlena *argument)
{
	switch (strategy)
	{
		case LINEAGE_STRAT_HAS_ANCESTOR:
			return vxp_lineage_has_ancestor(path, VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument));
		case LINEAGE_STRAT_IS_WITHIN:
			return vxp_lineage_is_within(path, VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument));
		case LINEAGE_STRAT_BELOW:
			return vxp_lineage_starts_with(path, lineage_span(argument));
		case LINEAGE_STRAT_ABOVE:
			return vxp_lineage_starts_with(lineage_span(argument), path);
		case LINEAGE_STRAT_EQUAL:
			return vxp_lineage_equal(path, lineage_span(argument));
		case LINEAGE_STRAT_HAS_ANY:
		case LINEAGE_STRAT_HAS_ALL:
			{
				bool		any = (strategy == LINEAGE_STRAT_HAS_ANY);
				LineageLabel *labels;
				bool		has_null;
				int			count = vxp_lineage_array_labels(argument, &labels, &has_null);
				bool		settled = !any && has_null;

				/* with "any" one ancestor settles it, else one that is none */
				for (int i = 0; i < count && !settled; i++)
					settled = vxp_lineage_has_ancestor(path, labels[i].bytes, labels[i].length) == any;
				pfree(labels);
				return settled ? any : !any;
			}
		default:
			elog(ERROR, "unrecognized lineage strategy number: %d", strategy);
	}
	return false;				/* keep compiler quiet */
}
