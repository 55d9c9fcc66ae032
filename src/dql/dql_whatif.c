/*
 * dql_whatif.c - a query planned as if some more indexes were there
 *
 * The advice of vxp.explain is not guessed: the planner itself chooses among
 * indexes that could serve, with its own estimates of their cost.  While it
 * plans, and only then, get_relation_info_hook adds descriptions of these
 * indexes to those of the table, marked as hypothetical, which the cost
 * functions of all access methods know.  Such a plan is read, never run.
 */
#include "postgres.h"

#include <math.h>

#include "access/amapi.h"
#include "access/htup_details.h"
#include "access/itup.h"
#include "catalog/index.h"
#include "catalog/partition.h"
#include "catalog/pg_am_d.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/plancat.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "dql/dql_budget.h"
#include "dql/dql_exec.h"
#include "dql/dql_explain.h"

/* Part of a page that a new btree or GiST fills. */
#define FILL_FACTOR 0.9

/* Size of a GIN, in parts of the table's: what sample data gave for jsonb_path_ops. */
#define GIN_PART 0.3

/* Entries of an inner page, roughly. */
#define FAN_OUT 200.0

static List *whatif_indexes = NIL;	/* of WhatIfIndex *: what to pretend now */
static VXP_RELATION_HOOK_TYPE previous_hook = NULL;

/* The Vars of the registered table as those of one of its partitions, in the query. */
typedef struct Remap
{
	Oid			from;
	Oid			to;
	Index		varno;
	bool		failed;
} Remap;

static Node *
remap_mutator(Node *node, Remap *remap)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && castNode(Var, node)->varlevelsup == 0)
	{
		Var		   *var = copyObject(castNode(Var, node));

		var->varno = var->varnosyn = remap->varno;
		if (remap->from != remap->to && var->varattno > 0)
		{
			var->varattno = get_attnum(remap->to, get_attname(remap->from, var->varattno, false));
			remap->failed |= var->varattno == InvalidAttrNumber;
		}
		var->varattnosyn = var->varattno;
		var->location = -1;
		return (Node *) var;
	}
	return expression_tree_mutator(node, remap_mutator, remap);
}

static Node *
remap_expr(Remap *remap, Node *expr)
{
	return remap_mutator(expr, remap);
}

/* Average bytes of a key in the index. */
static int
key_width(const WhatIfKey *key, Oid relid, AttrNumber attnum, Node *expr)
{
	int			width = attnum > 0 ? get_attavgwidth(relid, attnum) : 0;

	if (width <= 0)
		width = get_typavgwidth(exprType(expr), exprTypmod(expr));
	return MAXALIGN(width);
}

/* The description of an index that does not exist, or NULL when the table cannot have it. */
static IndexOptInfo *
pretend(const WhatIfIndex *whatif, Oid relid, RelOptInfo *rel)
{
	Remap		remap = {whatif->relid, relid, rel->relid, false};
	const IndexAmRoutine *routine = GetIndexAmRoutineByAmId(whatif->am, false);
	IndexOptInfo *info = makeNode(IndexOptInfo);
	int			count = list_length(whatif->keys);
	int			width = sizeof(IndexTupleData) + sizeof(ItemIdData);
	bool		is_ordered = routine->amcanorder;
	ListCell   *lc;

	info->indexoid = whatif->oid;
	info->reltablespace = rel->reltablespace;
	info->rel = rel;
	info->ncolumns = info->nkeycolumns = count;
	info->indexkeys = palloc0(sizeof(int) * count);
	info->indexcollations = palloc0(sizeof(Oid) * count);
	info->opfamily = palloc0(sizeof(Oid) * count);
	info->opcintype = palloc0(sizeof(Oid) * count);
	info->canreturn = palloc0(sizeof(bool) * count);
	info->opclassoptions = palloc0(sizeof(bytea *) * count);
	info->relam = whatif->am;
	foreach(lc, whatif->keys)
	{
		WhatIfKey  *key = lfirst(lc);
		int			i = foreach_current_index(lc);
		Node	   *expr;

		if (key->attnum > 0)
		{
			AttrNumber	attnum = whatif->relid == relid ? key->attnum :
				get_attnum(relid, get_attname(whatif->relid, key->attnum, false));
			Oid			type;
			int32		typmod;
			Oid			collation;

			if (attnum == InvalidAttrNumber)
				return NULL;
			get_atttypetypmodcoll(relid, attnum, &type, &typmod, &collation);
			expr = (Node *) makeVar(rel->relid, attnum, type, typmod, collation, 0);
			info->indexkeys[i] = attnum;
			width += key_width(key, relid, attnum, expr);
		}
		else
		{
			expr = eval_const_expressions(NULL, remap_expr(&remap, key->expr));
			fix_opfuncids(expr);
			info->indexprs = lappend(info->indexprs, expr);
			width += key_width(key, relid, 0, expr);
		}
		info->indextlist = lappend(info->indextlist, makeTargetEntry((Expr *) expr, i + 1, NULL, false));
		info->indexcollations[i] = key->collation;
		info->opfamily[i] = get_opclass_family(key->opclass);
		info->opcintype[i] = get_opclass_input_type(key->opclass);
		info->canreturn[i] = is_ordered;
	}
	if (is_ordered)
	{
		info->sortopfamily = info->opfamily;
		info->reverse_sort = palloc0(sizeof(bool) * count);
		info->nulls_first = palloc0(sizeof(bool) * count);
		foreach(lc, whatif->keys)
		{
			info->reverse_sort[foreach_current_index(lc)] = ((WhatIfKey *) lfirst(lc))->descending;
			info->nulls_first[foreach_current_index(lc)] = ((WhatIfKey *) lfirst(lc))->nulls_first;
		}
	}
	if (whatif->predicate)
		info->indpred = (List *) remap_expr(&remap, (Node *) whatif->predicate);
	if (remap.failed)
		return NULL;

	info->tuples = rel->tuples;
	if (whatif->am == GIN_AM_OID)
		info->pages = (BlockNumber) Max(ceil(rel->pages * GIN_PART), 2);
	else
		info->pages = (BlockNumber) Max(ceil(info->tuples * width / (FILL_FACTOR * (BLCKSZ - SizeOfPageHeaderData))), 1);
	info->tree_height = info->pages > 1 ? (int) ceil(log(info->pages) / log(FAN_OUT)) : 0;
	info->immediate = true;
	info->hypothetical = true;
	info->amcanorderbyop = routine->amcanorderbyop;
	info->amoptionalkey = routine->amoptionalkey;
	info->amsearcharray = routine->amsearcharray;
	info->amsearchnulls = routine->amsearchnulls;
	info->amhasgettuple = routine->amgettuple != NULL;
	info->amhasgetbitmap = routine->amgetbitmap != NULL;
	info->amcanparallel = routine->amcanparallel;
	info->amcanmarkpos = routine->ammarkpos != NULL && routine->amrestrpos != NULL;
	info->amcostestimate = routine->amcostestimate;
	return info;
}

/* The hook: the indexes that we pretend, beside those of the table. */
static void
add_indexes(VXP_RELATION_HOOK_ARGS)
{
	Oid			table = VXP_RELATION_HOOK_RELID;
	ListCell   *lc;

	if (previous_hook)
		previous_hook(VXP_RELATION_HOOK_PASS);
	if (VXP_RELATION_HOOK_INHPARENT || !OidIsValid(table))
		return;
	foreach(lc, whatif_indexes)
	{
		const WhatIfIndex *whatif = lfirst(lc);
		IndexOptInfo *info = NULL;

		if (whatif->relid == table ||
			(get_rel_relispartition(table) && list_member_oid(get_partition_ancestors(table), whatif->relid)))
			info = pretend(whatif, table, rel);
		if (info)
			rel->indexlist = lappend(rel->indexlist, info);
	}
}

/*
 * vxp_whatif_plan plans the analysed query, which stays as it is, as if its
 * tables had these indexes (of WhatIfIndex *) too.  No budget applies: what is
 * explained does not run.
 */
PlannedStmt *
vxp_whatif_plan(Query *query, List *indexes)
{
	PlannedStmt *volatile stmt = NULL;
	Query	   *planned = copyObject(query);
	Oid			oid = PG_UINT32_MAX;
	bool		was_suspended;
	ListCell   *lc;

	foreach(lc, indexes)
	{
		/* the last numbers that the server gives: none of them is a relation */
		while (get_rel_name(oid) != NULL)
			oid--;
		((WhatIfIndex *) lfirst(lc))->oid = oid--;
	}
	was_suspended = vxp_budget_suspend(true);
	previous_hook = VXP_RELATION_HOOK;
	VXP_RELATION_HOOK = add_indexes;
	whatif_indexes = indexes;
	PG_TRY();
	{
		stmt = vxp_dql_plan(planned);
	}
	PG_FINALLY();
	{
		VXP_RELATION_HOOK = previous_hook;
		whatif_indexes = NIL;
		vxp_budget_suspend(was_suspended);
	}
	PG_END_TRY();
	return stmt;
}
