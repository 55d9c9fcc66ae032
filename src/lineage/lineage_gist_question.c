/*
 * lineage_gist_question.c - questions to keys, and the consistent function
 *
 * A question is prepared once: a scan asks it of every entry that it meets, and
 * the planner of some (lineage_probe.c).  Marks are hashes, so every answer from
 * a page without values is rechecked.
 */
#include "postgres.h"

#include "access/gist.h"
#include "catalog/pg_type.h"

#include "lineage/lineage_gist.h"
#include "lineage/lineage_index.h"

VXP_FUNCTION(vxp_lineage_gist_consistent);

/*
 * vxp_lineage_question computes the marks of the argument, which it copies.
 * Allocates in the current context.
 */
GistQuestion *
vxp_lineage_question(StrategyNumber strategy, struct varlena *image)
{
	GistQuestion *q = palloc0(sizeof(GistQuestion));

	q->strategy = strategy;
	q->image = palloc(VARSIZE_ANY(image));
	memcpy(q->image, image, VARSIZE_ANY(image));
	q->argument = PG_DETOAST_DATUM_PACKED(PointerGetDatum(q->image));

	switch (strategy)
	{
		case LINEAGE_STRAT_HAS_ANCESTOR:
		case LINEAGE_STRAT_IS_WITHIN:
			q->count = 1;
			q->marks = palloc(sizeof(uint32));
			q->marks[0] = vxp_lineage_mark(VARDATA_ANY(q->argument), VARSIZE_ANY_EXHDR(q->argument));
			break;
		case LINEAGE_STRAT_BELOW:
		case LINEAGE_STRAT_ABOVE:
		case LINEAGE_STRAT_EQUAL:
			{
				LineageSpan path = lineage_span(q->argument);

				q->marks = palloc((path.depth + 1) * sizeof(uint32));
				q->count = vxp_lineage_marks(path, q->marks);
				break;
			}
		case LINEAGE_STRAT_HAS_ANY:
		case LINEAGE_STRAT_HAS_ALL:
			{
				LineageLabel *labels;
				bool		has_null;

				q->count = vxp_lineage_array_labels(q->argument, &labels, &has_null);
				q->marks = palloc((q->count + 1) * sizeof(uint32));
				for (int i = 0; i < q->count; i++)
					q->marks[i] = vxp_lineage_mark(labels[i].bytes, labels[i].length);
				pfree(labels);
				q->count = vxp_lineage_sort_marks(q->marks, q->count);
				if (strategy == LINEAGE_STRAT_HAS_ALL)
					q->never = has_null;
				else
				{
					q->never = (q->count == 0);
					vxp_lineage_label_set(q->argument, &q->any);
				}
				break;
			}
		default:
			elog(ERROR, "unrecognized lineage strategy number: %d", strategy);
	}
	return q;
}

/*
 * get_question returns the scan key's question, prepared again if the argument
 * changed.
 *
 * A rescan may bring another argument, at the same address even, so only its
 * bytes tell; and a list of many identifiers would be compared for each entry of
 * each page.  But every scan begins at the root, asks there before it goes to any
 * other page, and keeps its argument to the end: it is enough to compare on the
 * root, which is known by having no page to its right (as the last page of each
 * level has none: that costs time only).
 */
static GistQuestion *
get_question(FunctionCallInfo fcinfo, StrategyNumber strategy, struct varlena *image, Page page)
{
	GistQuestion *q = (GistQuestion *) fcinfo->flinfo->fn_extra;
	bool		may_be_root = page == NULL || GistPageGetOpaque(page)->rightlink == InvalidBlockNumber;

	if (q == NULL || q->strategy != strategy ||
		(may_be_root && (VARSIZE_ANY(q->image) != VARSIZE_ANY(image) ||
						 memcmp(q->image, image, VARSIZE_ANY(image)) != 0)))
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		/* A rescan brings another argument: the last one is given back whole. */
		if (q != NULL)
		{
			if (q->any.labels != NULL)
				pfree(q->any.labels);
			if (q->argument != q->image)
				pfree(q->argument);
			pfree(q->image);
			pfree(q->marks);
			pfree(q);
			fcinfo->flinfo->fn_extra = NULL;
		}
		q = vxp_lineage_question(strategy, image);
		fcinfo->flinfo->fn_extra = q;
		MemoryContextSwitchTo(old);
	}
	return q;
}

/*
 * vxp_lineage_may_match asks the rules: may a path below the bound be an answer?
 * A "no" for a list follows from those for its members.
 */
bool
vxp_lineage_may_match(const LineageBound *bound, const GistQuestion *q)
{
	if (q->never)
		return false;
	switch (q->strategy)
	{
		case LINEAGE_STRAT_HAS_ANCESTOR:
			return vxp_lineage_bound_has_ancestor(bound, q->marks[0]);
		case LINEAGE_STRAT_IS_WITHIN:
			return vxp_lineage_bound_is_within(bound, q->marks[0]);
		case LINEAGE_STRAT_BELOW:
			return vxp_lineage_bound_below(bound, q->marks, q->count);
		case LINEAGE_STRAT_ABOVE:
			return vxp_lineage_bound_above(bound, q->marks, q->count);
		case LINEAGE_STRAT_EQUAL:
			return vxp_lineage_bound_equal(bound, q->marks, q->count);
		case LINEAGE_STRAT_HAS_ANY:
			/* no member is an ancestor of any path below, so no path has any of them */
			return vxp_lineage_bound_has_any(bound, q->marks, q->count);
		case LINEAGE_STRAT_HAS_ALL:
			/* one member is an ancestor of no path below, so no path has them all */
			for (int i = 0; i < q->count; i++)
				if (!vxp_lineage_bound_has_ancestor(bound, q->marks[i]))
					return false;
			return true;
		default:
			elog(ERROR, "unrecognized lineage strategy number: %d", q->strategy);
	}
	return true;				/* keep compiler quiet */
}

/*
 * lineage_gist_consistent(internal, anyelement, smallint, oid, internal) -> boolean
 *
 * May a row below the entry satisfy the operator of the strategy?  Both classes.
 */
Datum
vxp_lineage_gist_consistent(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	struct varlena *image = (struct varlena *) PG_GETARG_POINTER(1);
	StrategyNumber strategy = (StrategyNumber) PG_GETARG_UINT16(2);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(4);
	const LineageKey *key = DatumGetLineageKey(entry->key);
	GistQuestion *q;
	LineageBound bound;

	/* marks are hashes: only the value can confirm */
	*recheck = true;

	if (VARATT_IS_EXTERNAL(image))
		image = PG_DETOAST_DATUM_PACKED(PointerGetDatum(image));
	q = get_question(fcinfo, strategy, image, entry->page);
	vxp_lineage_key_decode(key, &bound);
	if (!vxp_lineage_may_match(&bound, q))
		PG_RETURN_BOOL(false);

	if (lineage_key_form(key) == LINEAGE_KEY_VALUE)
	{
		/* the value is here: the very function behind the operator decides */
		*recheck = false;
		if (strategy == LINEAGE_STRAT_HAS_ANY)
			PG_RETURN_BOOL(vxp_lineage_has_any(vxp_lineage_key_value(key, NULL), &q->any));
		PG_RETURN_BOOL(vxp_lineage_satisfies(vxp_lineage_key_value(key, NULL), strategy, q->argument));
	}
	PG_RETURN_BOOL(true);
}
