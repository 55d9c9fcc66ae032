/*
 * dql_explain_plan.c - the clauses of a request in a plan
 *
 * The expressions of a plan carry the numbers of the clauses that they came
 * from (dql_clause.c).  This walks a finished plan, node by node, and notes for
 * each clause where it was found: as condition of an index, of a join, as a
 * filter, as a limit.  The order of the answer is no expression of the upper
 * nodes; it is followed from the top down to the Sort or the index that makes it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_index.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "dql/dql_explain.h"

/* What a walk over all nodes calls; "above" is the Append or MergeAppend around, or NULL. */
typedef void (*PlanVisitor) (Plan *plan, Plan *above, void *context);

static void
visit_list(List *plans, Plan *above, PlanVisitor visit, void *context);

static void
visit_plan(Plan *plan, Plan *above, PlanVisitor visit, void *context)
{
	if (plan == NULL)
		return;
	check_stack_depth();
	visit(plan, above, context);
	switch (nodeTag(plan))
	{
		case T_Append:
			visit_list(((Append *) plan)->appendplans, plan, visit, context);
			break;
		case T_MergeAppend:
			visit_list(((MergeAppend *) plan)->mergeplans, plan, visit, context);
			break;
		case T_BitmapAnd:
			visit_list(((BitmapAnd *) plan)->bitmapplans, above, visit, context);
			break;
		case T_BitmapOr:
			visit_list(((BitmapOr *) plan)->bitmapplans, above, visit, context);
			break;
		case T_SubqueryScan:
			visit_plan(((SubqueryScan *) plan)->subplan, above, visit, context);
			break;
		case T_CustomScan:
			visit_list(((CustomScan *) plan)->custom_plans, above, visit, context);
			break;
		default:
			break;
	}
	visit_plan(plan->lefttree, above, visit, context);
	visit_plan(plan->righttree, above, visit, context);
}

static void
visit_list(List *plans, Plan *above, PlanVisitor visit, void *context)
{
	ListCell   *lc;

	foreach(lc, plans)
		visit_plan(lfirst(lc), above, visit, context);
}

static void
visit_statement(const PlannedStmt *stmt, PlanVisitor visit, void *context)
{
	visit_plan(stmt->planTree, NULL, visit, context);
	visit_list(stmt->subplans, NULL, visit, context);
}

/* The index that a node reads, or InvalidOid. */
static Oid
index_of(const Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			return ((const IndexScan *) plan)->indexid;
		case T_IndexOnlyScan:
			return ((const IndexOnlyScan *) plan)->indexid;
		case T_BitmapIndexScan:
			return ((const BitmapIndexScan *) plan)->indexid;
		default:
			return InvalidOid;
	}
}

/* The conditions that a node hands to its index. */
static List *
index_conditions(const Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			return ((const IndexScan *) plan)->indexqualorig;
		case T_IndexOnlyScan:
			return list_concat_copy(((const IndexOnlyScan *) plan)->indexqual,
									((const IndexOnlyScan *) plan)->recheckqual);
		case T_BitmapIndexScan:
			return ((const BitmapIndexScan *) plan)->indexqualorig;
		default:
			return NIL;
	}
}

/* Is the node a scan of a table, by whatever way? */
static Index
scanned_relation(const Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_BitmapIndexScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_ForeignScan:
			return ((const Scan *) plan)->scanrelid;
		default:
			return 0;
	}
}

static const char *
node_kind(const Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_Result:
			return "Result";
		case T_Append:
			return "Append";
		case T_MergeAppend:
			return "Merge Append";
		case T_SeqScan:
			return plan->parallel_aware ? "Parallel Seq Scan" : "Seq Scan";
		case T_SampleScan:
			return "Sample Scan";
		case T_IndexScan:
			return plan->parallel_aware ? "Parallel Index Scan" : "Index Scan";
		case T_IndexOnlyScan:
			return plan->parallel_aware ? "Parallel Index Only Scan" : "Index Only Scan";
		case T_BitmapIndexScan:
			return "Bitmap Index Scan";
		case T_BitmapHeapScan:
			return plan->parallel_aware ? "Parallel Bitmap Heap Scan" : "Bitmap Heap Scan";
		case T_TidScan:
			return "Tid Scan";
		case T_TidRangeScan:
			return "Tid Range Scan";
		case T_SubqueryScan:
			return "Subquery Scan";
		case T_FunctionScan:
			return "Function Scan";
		case T_ValuesScan:
			return "Values Scan";
		case T_CteScan:
			return "CTE Scan";
		case T_ForeignScan:
			return "Foreign Scan";
		case T_CustomScan:
			return "Custom Scan";
		case T_NestLoop:
			return "Nested Loop";
		case T_MergeJoin:
			return "Merge Join";
		case T_HashJoin:
			return "Hash Join";
		case T_Material:
			return "Materialize";
		case T_Memoize:
			return "Memoize";
		case T_Sort:
			return "Sort";
		case T_IncrementalSort:
			return "Incremental Sort";
		case T_Group:
			return "Group";
		case T_Agg:
			return "Aggregate";
		case T_Unique:
			return "Unique";
		case T_Gather:
			return "Gather";
		case T_GatherMerge:
			return "Gather Merge";
		case T_Hash:
			return "Hash";
		case T_SetOp:
			return "SetOp";
		case T_LockRows:
			return "LockRows";
		case T_Limit:
			return "Limit";
		case T_ProjectSet:
			return "ProjectSet";
		default:
			return "other";
	}
}

/* vxp_explain_node_name: a node as EXPLAIN names it, with its table */
const char *
vxp_explain_node_name(const PlannedStmt *stmt, const Plan *plan)
{
	const char *kind = node_kind(plan);
	Index		scanrelid = scanned_relation(plan);

	if (IsA(plan, NestLoop) || IsA(plan, MergeJoin) || IsA(plan, HashJoin))
	{
		JoinType	type = ((const Join *) plan)->jointype;
		const char *join = type == JOIN_LEFT ? "Left Join" : type == JOIN_FULL ? "Full Join" : type == JOIN_RIGHT ? "Right Join" :
			type == JOIN_SEMI ? "Semi Join" : type == JOIN_ANTI ? "Anti Join" : type == JOIN_INNER ? "Join" : "Right Semi or Anti Join";

		return psprintf("%s %s", IsA(plan, NestLoop) ? "Nested Loop" : IsA(plan, MergeJoin) ? "Merge" : "Hash", join);
	}
	if (scanrelid > 0)
	{
		RangeTblEntry *rte = rt_fetch(scanrelid, stmt->rtable);
		char	   *name = get_rel_name(rte->relid);

		return psprintf("%s on %s", kind, name ? quote_identifier(name) : "?");
	}
	return kind;
}

/* vxp_explain_actual_rows: rows that came out of a node, for each of its executions; -1 when it did not run */
double
vxp_explain_actual_rows(const Explain *explain, const Plan *plan)
{
	ListCell   *lc;

	foreach(lc, explain->plan.states)
	{
		PlanState  *state = lfirst(lc);

		if (state->plan != plan || state->instrument == NULL)
			continue;
		InstrEndLoop(state->instrument);
		return state->instrument->nloops > 0 ? state->instrument->ntuples / state->instrument->nloops : -1;
	}
	return -1;
}

/* The index as the user made it: of a partition's, that of the whole table. */
static Oid
whole_index(Oid index)
{
	if (OidIsValid(index) && get_rel_relispartition(index))
		return llast_oid(get_partition_ancestors(index));
	return index;
}

static void
note_place(Explain *explain, int clause, ClauseRole role, Plan *plan, Plan *above, Oid index)
{
	ClausePlace *place = &explain->clauses[clause].places[role];
	double		actual;

	if (place->plan != NULL && (above == NULL || place->above != above))
		return;
	/* what is sorted to be joined or grouped is no order that the request asks for */
	if (role == ROLE_SORT && strcmp(explain->clauses[clause].kind, "sort") != 0)
		return;
	actual = vxp_explain_actual_rows(explain, plan);
	if (place->plan == NULL)
	{
		place->plan = plan;
		place->above = above;
		place->index = whole_index(index);
		place->actual = -1;
	}
	place->count++;
	place->estimated += plan->plan_rows;
	if (actual >= 0)
		place->actual = Max(place->actual, 0) + actual;
}

static void
note_expression(Explain *explain, Node *expr, ClauseRole role, Plan *plan, Plan *above)
{
	Bitmapset  *clauses = expr ? vxp_clause_find(explain->bound, expr) : NULL;
	int			clause = -1;

	if (role == ROLE_INDEX)
		clauses = bms_del_members(clauses, explain->bound->not_indexed);
	while ((clause = bms_next_member(clauses, clause)) >= 0)
		if (clause <= explain->count)
			note_place(explain, clause, role, plan, above, role == ROLE_INDEX ? index_of(plan) : InvalidOid);
}

static bool
is_false(Node *one_time)
{
	List	   *conditions = (List *) one_time;

	return conditions && IsA(conditions, List) && list_length(conditions) == 1 && IsA(linitial(conditions), Const) &&
		!DatumGetBool(linitial_node(Const, conditions)->constvalue);
}

static bool
is_partial(Oid index)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = !heap_attisnull(tuple, Anum_pg_index_indpred, NULL);
	ReleaseSysCache(tuple);
	return result;
}

/* The expression of a sort column: a Sort only passes on what the node below computes. */
static Node *
sort_expression(Plan *plan, AttrNumber column)
{
	for (;;)
	{
		TargetEntry *entry = get_tle_by_resno(plan->targetlist, column);
		Var		   *var = entry ? (Var *) entry->expr : NULL;

		if (var == NULL || !IsA(var, Var) || var->varno != OUTER_VAR || plan->lefttree == NULL)
			return (Node *) var;
		column = var->varattno;
		plan = plan->lefttree;
	}
}

static void
note_sort(Explain *explain, Sort *sort, Plan *above)
{
	for (int i = 0; i < sort->numCols; i++)
		note_expression(explain, sort_expression(&sort->plan, sort->sortColIdx[i]), ROLE_SORT, &sort->plan, above);
}

static void
note_node(Plan *plan, Plan *above, void *context)
{
	Explain    *explain = context;

	note_expression(explain, (Node *) plan->targetlist, ROLE_TARGET, plan, above);
	note_expression(explain, (Node *) plan->qual, ROLE_FILTER, plan, above);
	note_expression(explain, (Node *) index_conditions(plan), ROLE_INDEX, plan, above);
	if (OidIsValid(index_of(plan)) && is_partial(index_of(plan)))
		explain->partial_index = whole_index(index_of(plan));
	switch (nodeTag(plan))
	{
		case T_Result:
			note_expression(explain, ((Result *) plan)->resconstantqual, ROLE_ONE_TIME, plan, above);
			if (is_false(((Result *) plan)->resconstantqual))
				explain->reads_nothing = true;
			break;
		case T_NestLoop:
			note_expression(explain, (Node *) ((Join *) plan)->joinqual, ROLE_JOIN, plan, above);
			break;
		case T_HashJoin:
			note_expression(explain, (Node *) ((Join *) plan)->joinqual, ROLE_JOIN, plan, above);
			note_expression(explain, (Node *) ((HashJoin *) plan)->hashclauses, ROLE_JOIN, plan, above);
			break;
		case T_MergeJoin:
			note_expression(explain, (Node *) ((Join *) plan)->joinqual, ROLE_JOIN, plan, above);
			note_expression(explain, (Node *) ((MergeJoin *) plan)->mergeclauses, ROLE_JOIN, plan, above);
			break;
		case T_Sort:
			note_sort(explain, (Sort *) plan, above);
			break;
		case T_IncrementalSort:
			note_sort(explain, &((IncrementalSort *) plan)->sort, above);
			break;
		case T_Limit:
			note_expression(explain, ((Limit *) plan)->limitCount, ROLE_LIMIT, plan, above);
			note_expression(explain, ((Limit *) plan)->limitOffset, ROLE_LIMIT, plan, above);
			break;
		case T_TidScan:
			note_expression(explain, (Node *) ((TidScan *) plan)->tidquals, ROLE_FILTER, plan, above);
			break;
		case T_FunctionScan:
			note_expression(explain, (Node *) ((FunctionScan *) plan)->functions, ROLE_TARGET, plan, above);
			break;
		default:
			break;
	}
}

/* The node that makes the order of what "plan" gives: a Sort, an index scan, or NULL. */
static Plan *
ordering_node(Plan *plan)
{
	for (;;)
	{
		if (plan == NULL)
			return NULL;
		switch (nodeTag(plan))
		{
			case T_Limit:
			case T_LockRows:
			case T_Result:
			case T_GatherMerge:
			case T_Material:
			case T_Memoize:
			case T_NestLoop:
			case T_MergeJoin:
			case T_Unique:
			case T_Group:
				plan = plan->lefttree;
				break;
			case T_SubqueryScan:
				plan = ((SubqueryScan *) plan)->subplan;
				break;
			case T_MergeAppend:
				plan = linitial(((MergeAppend *) plan)->mergeplans);
				break;
			case T_Append:
				/* in order when the partitions are */
				plan = linitial(((Append *) plan)->appendplans);
				break;
			case T_Sort:
			case T_IncrementalSort:
			case T_IndexScan:
			case T_IndexOnlyScan:
				return plan;
			default:
				return NULL;
		}
	}
}

/* Is a sort key the same in all rows, so that the planner dropped it? */
static bool
is_fixed(const BoundNode *filter, const BoundSort *sort)
{
	ListCell   *lc;

	if (filter == NULL || sort->inside != NULL)
		return false;
	if (filter->kind == BOUND_AND)
	{
		foreach(lc, filter->args)
			if (is_fixed(lfirst(lc), sort))
				return true;
		return false;
	}
	return filter->kind == BOUND_COMPARE && filter->strategy == BTEqualStrategyNumber && !filter->negated &&
		filter->column->attnum == sort->column->attnum;
}

/* The order of the whole answer: "order" has the clause number of each key. */
static void
note_order(Explain *explain)
{
	Plan	   *node = ordering_node(explain->plan.stmt->planTree);
	Plan	   *source = node;
	int			sorted = 0;		/* keys that an index gives already */
	int			position = 0;
	ListCell   *lc;

	if (explain->bound->sort == NIL || node == NULL)
		return;
	if (IsA(node, IncrementalSort))
	{
		sorted = ((IncrementalSort *) node)->nPresortedCols;
		source = ordering_node(node->lefttree);
	}
	foreach(lc, explain->bound->sort)
	{
		BoundSort  *sort = lfirst(lc);
		ExplainClause *clause = &explain->clauses[sort->clause];

		if (is_fixed(explain->bound->filter, sort))
		{
			clause->served_by = "constant";
			continue;
		}
		position++;
		if (OidIsValid(index_of(node)))
			note_place(explain, sort->clause, ROLE_INDEX_ORDER, node, NULL, index_of(node));
		else if (position <= sorted && source && OidIsValid(index_of(source)))
			note_place(explain, sort->clause, ROLE_INDEX_ORDER, source, NULL, index_of(source));
		else
			note_place(explain, sort->clause, ROLE_SORT, node, NULL, InvalidOid);
	}
}

/* vxp_explain_places notes for every clause where the plan has it. */
void
vxp_explain_places(Explain *explain)
{
	visit_statement(explain->plan.stmt, note_node, explain);
	note_order(explain);
}

typedef struct CollectIndexes
{
	const BoundQuery *bound;
	List	   *found;			/* of UsedIndex * */
} CollectIndexes;

static UsedIndex *
used_index(CollectIndexes *collect, Oid index)
{
	UsedIndex  *used;
	ListCell   *lc;

	foreach(lc, collect->found)
		if (((UsedIndex *) lfirst(lc))->index == index)
			return lfirst(lc);
	used = palloc0(sizeof(UsedIndex));
	used->index = index;
	collect->found = lappend(collect->found, used);
	return used;
}

static void
collect_index(Plan *plan, Plan *above, void *context)
{
	CollectIndexes *collect = context;
	UsedIndex  *used;

	if (!OidIsValid(index_of(plan)))
		return;
	used = used_index(collect, index_of(plan));
	used->clauses = bms_add_members(used->clauses,
									bms_del_members(vxp_clause_find(collect->bound, (Node *) index_conditions(plan)),
													collect->bound->not_indexed));
}

/* vxp_explain_indexes: the indexes that a plan reads, as a list of UsedIndex */
List *
vxp_explain_indexes(const BoundQuery *bound, const PlannedStmt *stmt)
{
	CollectIndexes collect = {bound, NIL};
	Plan	   *order = bound->sort ? ordering_node(stmt->planTree) : NULL;

	visit_statement(stmt, collect_index, &collect);
	if (order && IsA(order, IncrementalSort))
		order = ordering_node(order->lefttree);
	if (order && OidIsValid(index_of(order)))
		used_index(&collect, index_of(order))->ordered = true;
	return collect.found;
}
