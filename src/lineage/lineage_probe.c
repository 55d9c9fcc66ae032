/*
 * lineage_probe.c - counting a rare ancestor's rows in an index, while planning
 *
 * What keeps this as harmless as the server's own look at the ends of a btree
 * (get_actual_variable_range):
 *
 * - Privileges: only for those who may read the column in all rows, no row
 *   security policy or security barrier between.  For statistics it is enough that
 *   the operator is leak-proof; an exact count says more than a sample does.
 * - Locks: the planner has locked the index when it listed it.  Pages are pinned
 *   and share-locked one at a time.  No predicate locks: an estimate is no read.
 * - Time: at most vxp.estimate_pages pages for one estimate, and none is read
 *   once more are known to be needed than are left.
 * - Truth: the count is one of index entries, with those of dead rows, as of no
 *   snapshot; pages that split meanwhile may be missed.  It is an estimate.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/gist_private.h"
#include "catalog/pg_am.h"
#include "miscadmin.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "parser/parsetree.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "common/vxp_settings.h"
#include "lineage/lineage_gist.h"
#include "lineage/lineage_probe.h"

/* Begins the probes of one estimate; the index is looked for when it is first needed. */
void
vxp_lineage_probe_begin(LineageProbe *probe, PlannerInfo *root, VariableStatData *variable)
{
	memset(probe, 0, sizeof(LineageProbe));
	probe->root = root;
	probe->variable = variable;
	probe->pages_left = vxp_estimate_pages;
}

/* Is this part of a query below a security barrier, or may it be? */
static bool
below_barrier(const PlannerInfo *root)
{
	/* the view is a subquery of one of the parents; which one is not known while it is planned */
	for (root = root->parent_root; root != NULL; root = root->parent_root)
	{
		ListCell   *cell;

		foreach(cell, root->parse->rtable)
			if (((RangeTblEntry *) lfirst(cell))->security_barrier)
				return true;
	}
	return false;
}

/* Opens the smallest index of ours on the variable, if there is one that may be read. */
static void
find_index(LineageProbe *probe)
{
	VariableStatData *variable = probe->variable;
	RangeTblEntry *table;
	IndexOptInfo *best = NULL;
	ListCell   *cell;

	probe->tried = true;
	if (probe->pages_left <= 0 || variable->rel == NULL)
		return;

	/* without statistics the server does not look at privileges, and says that all is well */
	if (!HeapTupleIsValid(variable->statsTuple) || !variable->acl_ok)
		return;
	table = planner_rt_fetch(variable->rel->relid, probe->root);
	if (table->rtekind != RTE_RELATION || table->inh || table->securityQuals != NIL ||
		below_barrier(probe->root))
		return;

	foreach(cell, variable->rel->indexlist)
	{
		IndexOptInfo *info = (IndexOptInfo *) lfirst(cell);

		/* a part of the rows, or no pages at all, tells nothing */
		if (info->relam != GIST_AM_OID || info->hypothetical || info->indpred != NIL ||
			!info->amhasgetbitmap || (best != NULL && best->pages <= info->pages))
			continue;
		for (int i = 0; i < info->nkeycolumns; i++)
		{
			Relation	index;

			if (!match_index_to_operand(variable->var, i, info))
				continue;
			index = index_open(info->indexoid, NoLock);
			if (index->rd_rel->relkind != RELKIND_INDEX ||
				index_getprocinfo(index, i + 1, GIST_CONSISTENT_PROC)->fn_addr != vxp_lineage_gist_consistent)
			{
				index_close(index, NoLock);
				continue;
			}
			if (probe->index != NULL)
				index_close(probe->index, NoLock);
			probe->index = index;
			probe->column = i + 1;
			best = info;
			break;
		}
	}
}

/*
 * vxp_lineage_probe_count counts the entries that may satisfy the operator.
 * True if it got to the end of it; else *count is what it found so far, or 0.
 */
bool
vxp_lineage_probe_count(LineageProbe *probe, StrategyNumber strategy, struct varlena *argument, double *count)
{
	GistQuestion *question;
	BlockNumber *pending;
	int			size;
	int			left;

	*count = 0;
	if (!probe->tried)
		find_index(probe);
	if (probe->index == NULL || probe->pages_left <= 0)
		return false;
	question = vxp_lineage_question(strategy, argument);
	size = probe->pages_left;
	pending = palloc(size * sizeof(BlockNumber));
	pending[0] = GIST_ROOT_BLKNO;
	left = 1;

	while (left > 0 && left <= probe->pages_left)
	{
		Buffer		buffer = ReadBuffer(probe->index, pending[--left]);
		Page		page;
		OffsetNumber last;

		CHECK_FOR_INTERRUPTS();
		probe->pages_left--;
		LockBuffer(buffer, GIST_SHARE);
		page = BufferGetPage(buffer);
		/* what a page has become since its entry was read is not our concern */
		last = PageIsNew(page) || GistPageIsDeleted(page) ? 0 : PageGetMaxOffsetNumber(page);
		for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
		{
			ItemId		item = PageGetItemId(page, i);
			IndexTuple	tuple = (IndexTuple) PageGetItem(page, item);
			LineageBound bound;
			bool		isnull;
			Datum		key;

			if (ItemIdIsDead(item))
				continue;
			key = index_getattr(tuple, probe->column, RelationGetDescr(probe->index), &isnull);
			if (isnull)
				continue;
			vxp_lineage_key_decode(DatumGetLineageKey(key), &bound);
			if (!vxp_lineage_may_match(&bound, question))
				continue;
			if (GistPageIsLeaf(page))
				(*count)++;
			else if (left++ < size)
				pending[left - 1] = ItemPointerGetBlockNumber(&tuple->t_tid);
			else
				break;
		}
		UnlockReleaseBuffer(buffer);
	}
	pfree(pending);
	return left == 0;
}

/* Ends the probes of one estimate. */
void
vxp_lineage_probe_end(LineageProbe *probe)
{
	if (probe->index != NULL)
		index_close(probe->index, NoLock);
	probe->index = NULL;
}
