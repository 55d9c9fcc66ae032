/*
 * dql_planner.c - the only contact with the planner: a call in FROM becomes a
 * subquery of the enclosing statement
 *
 * The support function of query(), of the wrappers and of items() is asked to
 * simplify the call while the planner preprocesses function RTEs, before
 * subqueries are pulled up.  It swaps the RTE in the range table for a
 * subquery and declines; core then finds a C function, which it cannot inline,
 * goes on, and pulls our subquery up like any other.  preprocess_function_rtes
 * makes the same calls in the same order in 13 to 18; 19 asks for the query
 * itself (inline_in_from).  No hook, no preload.
 *
 * What is not swapped runs through the executor path (dql_fn.c) with the same
 * rows: a request that is not constant when the plan is made, volatile
 * arguments, a caller without EXECUTE (so that the executor refuses), tables
 * that Citus has distributed (see dql_distributed.c), and a
 * stored query whose Vars no longer fit the table (so that the executor's own
 * check of the row type raises the error instead of a crash).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/planmain.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "common/vxp_settings.h"
#include "dql/dql_bind.h"
#include "dql/dql_fn.h"

VXP_FUNCTION(vxp_query_support);

/* Start-up cost of a call whose request is $1: any custom plan is better. */
#define UNPLANNABLE_COST 1e10

/* Set while we fold arguments: folding asks this support function again. */
static bool folding = false;

/* Which columns of one RTE a query uses, and whether its Vars fit the table. */
typedef struct ColumnUse
{
	Query	   *query;			/* the query whose range table holds the RTE */
	int			rtindex;
	TupleDesc	tupdesc;		/* NULL: the result is a scalar, nothing to compare */
	int			levels_up;		/* nesting of the walk below "query" */
	Bitmapset  *used;
	bool		whole_row;
	bool		stale;
} ColumnUse;

static void
note_column(ColumnUse *use, const Var *var)
{
	Form_pg_attribute attribute;

	if (var->varattno == 0)
	{
		use->whole_row = true;
		return;
	}
	if (use->tupdesc == NULL)
		return;
	if (var->varattno < 0 || var->varattno > use->tupdesc->natts)
	{
		use->stale = true;
		return;
	}
	attribute = TupleDescAttr(use->tupdesc, var->varattno - 1);
	if (attribute->attisdropped || attribute->atttypid != var->vartype ||
		attribute->atttypmod != var->vartypmod || attribute->attcollation != var->varcollid)
		use->stale = true;
	use->used = bms_add_member(use->used, var->varattno);
}

static bool
walk_columns(Node *node, ColumnUse *use)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		const Var  *var = (Var *) node;
		RangeTblEntry *rte;

		if (var->varlevelsup != use->levels_up)
			return false;
		if (var->varno == use->rtindex)
		{
			note_column(use, var);
			return false;
		}
		rte = rt_fetch(var->varno, use->query->rtable);
		if (rte->rtekind == RTE_JOIN && var->varattno >= 0)
		{
			/* a column of a join stands for columns of its sides, at the query's own level */
			int			levels_up = use->levels_up;

			use->levels_up = 0;
			if (var->varattno == 0)
				walk_columns((Node *) rte->joinaliasvars, use);
			else
				walk_columns(list_nth(rte->joinaliasvars, var->varattno - 1), use);
			use->levels_up = levels_up;
		}
		return false;
	}
	if (IsA(node, Query))
	{
		use->levels_up++;
		query_tree_walker((Query *) node, walk_columns, use, QTW_IGNORE_JOINALIASES);
		use->levels_up--;
		return false;
	}
	return expression_tree_walker(node, walk_columns, use);
}

/* Position of the request among the arguments: behind the row type of query(). */
static int
request_position(const FuncExpr *call)
{
	return exprType(linitial(call->args)) == vxp_dql_type_oid() ? 0 : 1;
}

/*
 * An inlined query that must not run in parallel: core judged the statement by
 * the label of the function, before it saw the query.
 */
static void
forbid_parallel(PlannerInfo *root)
{
	root->glob->maxParallelHazard = PROPARALLEL_UNSAFE;
	root->glob->parallelModeOK = false;
	root->glob->parallelModeNeeded = false;
	for (PlannerInfo *parent = root->parent_root; parent; parent = parent->parent_root)
	{
		for (int i = 1; parent->simple_rel_array && i < parent->simple_rel_array_size; i++)
		{
			RelOptInfo *rel = parent->simple_rel_array[i];

			if (rel)
			{
				rel->consider_parallel = false;
				rel->partial_pathlist = NIL;
			}
		}
	}
}

/* The column definition list of a call that returns records, or NULL. */
static TupleDesc
column_list(const RangeTblFunction *function)
{
	int			count = list_length(function->funccolnames);
	TupleDesc	desc;

	if (count == 0)
		return NULL;
	desc = CreateTemplateTupleDesc(count);
	for (int i = 0; i < count; i++)
	{
		TupleDescInitEntry(desc, i + 1, strVal(list_nth(function->funccolnames, i)),
						   list_nth_oid(function->funccoltypes, i), list_nth_int(function->funccoltypmods, i), 0);
		TupleDescInitEntryCollation(desc, i + 1, list_nth_oid(function->funccolcollations, i));
	}
	return desc;
}

static bool
all_constant(const List *args)
{
	ListCell   *lc;

	foreach(lc, args)
		if (!IsA(lfirst(lc), Const))
			return false;
	return true;
}

/*
 * Puts "quals" beside the reference to a range table entry in a tree of joins.
 * Returns the tree, and sets *found.
 */
static Node *
add_quals(Node *jointree, int rtindex, Node *quals, bool *found)
{
	ListCell   *lc;

	check_stack_depth();
	if (jointree == NULL || *found)
		return jointree;
	switch (nodeTag(jointree))
	{
		case T_RangeTblRef:
			if (castNode(RangeTblRef, jointree)->rtindex != rtindex)
				return jointree;
			*found = true;
			return quals ? (Node *) makeFromExpr(list_make1(jointree), quals) : jointree;
		case T_FromExpr:
			foreach(lc, castNode(FromExpr, jointree)->fromlist)
				lfirst(lc) = add_quals(lfirst(lc), rtindex, quals, found);
			return jointree;
		case T_JoinExpr:
			castNode(JoinExpr, jointree)->larg = add_quals(castNode(JoinExpr, jointree)->larg, rtindex, quals, found);
			castNode(JoinExpr, jointree)->rarg = add_quals(castNode(JoinExpr, jointree)->rarg, rtindex, quals, found);
			return jointree;
		default:
			return jointree;
	}
}

/*
 * Makes the table of the simplest kind of query a table of the statement itself:
 * one table with conditions, whose rows come as they are.  This is what the
 * planner's own pull-up would make of it a moment later, at a fraction of the
 * cost: the columns of the call are those of the table, number by number, so
 * that no Var of the statement changes, also above an outer join; what is left
 * is to number the Vars of the conditions, and to put these where the call
 * stood.  "args" are the values of bind variables.  Returns the new entry, or NULL
 * when the query is not so simple.
 */
static RangeTblEntry *
merge_query(PlannerInfo *root, int rtindex, Query *query, const List *args)
{
	RangeTblEntry *table = linitial(query->rtable);
	Node	   *quals = query->jointree->quals;
	Node	   *place = linitial(query->jointree->fromlist);
	Relation	relation;
	bool		found = false;

	if (list_length(query->rtable) != 1 || list_length(query->jointree->fromlist) != 1 || !IsA(place, RangeTblRef) ||
		query->hasSubLinks || query->rowMarks != NIL ||
		table->rtekind != RTE_RELATION || table->relkind == RELKIND_VIEW || table->tablesample != NULL)
		return NULL;
	relation = relation_open(table->relid, NoLock);
	found = vxp_has_virtual_columns(RelationGetDescr(relation));
	relation_close(relation, NoLock);
	if (found)
		return NULL;

	if (quals)
		ChangeVarNodes(quals, 1, rtindex, 0);
	/* values of bind variables may be Vars of the levels above */
	if (quals && args != NIL)
		IncrementVarSublevelsUp(quals, -1, 1);
	(void) add_quals((Node *) root->parse->jointree, rtindex, quals, &found);
	if (!found)
		elog(ERROR, "call %d is not in the join tree", rtindex);
	ChangeVarNodes((Node *) table->securityQuals, 1, rtindex, 0);
	IncrementVarSublevelsUp((Node *) table->securityQuals, -1, 1);
	root->parse->hasRowSecurity |= query->hasRowSecurity;
	vxp_move_permissions(root->parse, query, table);
	return table;
}

/* Is the call part of the statement's joins, and does nothing beside it enter it? */
static bool
may_merge(PlannerInfo *root, const RangeTblEntry *rte, int rtindex, const List *args)
{
	bool		found = false;

	if (rte->lateral || contain_var_clause((Node *) args))
		return false;
	(void) add_quals((Node *) root->parse->jointree, rtindex, NULL, &found);
	return found;
}

/* The entry with a subquery in the place of the call. */
static RangeTblEntry *
subquery_entry(const RangeTblEntry *rte, Query *query)
{
	RangeTblEntry *entry = makeNode(RangeTblEntry);

	memcpy(entry, rte, sizeof(RangeTblEntry));
	entry->rtekind = RTE_SUBQUERY;
	entry->subquery = query;
	entry->security_barrier = false;
	entry->funcordinality = false;
	return entry;
}

/*
 * The request of a call as a rewritten query; NULL when the call must stay.  The
 * arguments of "call" are simplified.  *dql_call and *bound say what was built; with
 * "may_be_bare" a table with conditions is, for merge_query.
 */
static Query *
query_of_call(PlannerInfo *root, RangeTblEntry *rte, int rtindex, FuncExpr *call, bool may_be_bare,
			  DqlCall *dql_call, BoundQuery **bound)
{
	ColumnUse	use = {root->parse, rtindex};
	Const	   *request;
	Oid			result_type = exprType((Node *) call);
	Relation	relation = NULL;
	Query	   *query;
	List	   *rewritten;
	MemoryContext context;
	int			position;

	if (call->args == NIL)
		return NULL;
	position = request_position(call);
	if (position >= list_length(call->args) || !IsA(list_nth(call->args, position), Const))
		return NULL;
	request = list_nth(call->args, position);
	if (request->constisnull)
		return NULL;

	if (result_type == JSONBOID)
		dql_call->build.shape = DQL_SHAPE_ITEMS;
	else if (result_type == RECORDOID)
	{
		dql_call->options.record = column_list(linitial(rte->functions));
		if (dql_call->options.record == NULL)
			return NULL;
		dql_call->build.shape = DQL_SHAPE_RECORD;
	}
	else
	{
		dql_call->relid = get_typ_typrelid(result_type);
		if (!OidIsValid(dql_call->relid))
			return NULL;
		dql_call->build.shape = DQL_SHAPE_ROWS;
		relation = relation_open(dql_call->relid, AccessShareLock);
		use.tupdesc = RelationGetDescr(relation);
		dql_call->build.width = list_length(rte->eref->colnames);
	}
	query_tree_walker(root->parse, walk_columns, &use, QTW_IGNORE_JOINALIASES);
	if (relation)
	{
		if (dql_call->build.width > use.tupdesc->natts ||
			(use.whole_row && dql_call->build.width != use.tupdesc->natts))
			use.stale = true;
		relation_close(relation, NoLock);
	}
	if (use.stale)
		return NULL;

	dql_call->dql = (DqlText *) PG_DETOAST_DATUM(request->constvalue);
	dql_call->options.args = list_copy_tail(call->args, position + 1);
	dql_call->options.args_known = true;
	dql_call->options.ordered = true;
	dql_call->build.alias = rte->alias;
	dql_call->build.used = use.used;
	dql_call->build.all_used = use.whole_row;
	*bound = vxp_dql_bind_call(dql_call);
	dql_call->build.bare = may_be_bare && vxp_dql_is_table(*bound, &dql_call->build) &&
		may_merge(root, rte, rtindex, dql_call->options.args);
	query = vxp_dql_build(*bound, &dql_call->build);

	/* views are expanded and row security is added here */
	rewritten = QueryRewrite(query);
	if (list_length(rewritten) != 1)
		elog(ERROR, "rewriting a DQL request gave %d queries", list_length(rewritten));
	query = linitial(rewritten);
	if (vxp_query_is_distributed(query))
		return NULL;

	/* 19 calls us in a context of its own */
	context = MemoryContextSwitchTo(root->planner_cxt);
	record_plan_function_dependency(root, call->funcid);
	root->glob->relationOids = lappend_oid(root->glob->relationOids, vxp_catalog_relid());
	MemoryContextSwitchTo(context);
	root->glob->dependsOnRole = true;
	if (root->glob->parallelModeOK && max_parallel_hazard(query) == PROPARALLEL_UNSAFE)
		forbid_parallel(root);
	return query;
}

/* What replaces the call in the range table, or NULL when the call must stay. */
static RangeTblEntry *
inline_call(PlannerInfo *root, RangeTblEntry *rte, int rtindex, FuncExpr *call)
{
	DqlCall		dql_call = {0};
	FuncExpr   *folded = call;
	RangeTblEntry *entry;
	BoundQuery *bound;
	Query	   *query;

	if (!vxp_function_executable(call->funcid) || FmgrHookIsNeeded(call->funcid) || call->funcvariadic)
		return NULL;
	if (!all_constant(call->args))
	{
		if (contain_volatile_functions((Node *) call->args) || contain_subplans((Node *) call->args))
			return NULL;
		folding = true;
		PG_TRY();
		{
			folded = (FuncExpr *) eval_const_expressions(root, (Node *) copyObject(call));
		}
		PG_FINALLY();
		{
			folding = false;
		}
		PG_END_TRY();
	}
	if (!IsA(folded, FuncExpr))
		return NULL;
	query = query_of_call(root, rte, rtindex, folded, true, &dql_call, &bound);
	if (query == NULL)
		return NULL;
	if (dql_call.build.bare)
	{
		entry = merge_query(root, rtindex, query, dql_call.options.args);
		if (entry != NULL)
			return entry;
		vxp_dql_fill_row_type(query, bound, &dql_call.build);
	}
	return subquery_entry(rte, query);
}

/*
 * Replaces every call of ours in the range table.  The old RTE is left as it
 * is: core still holds it and asserts that it is a function.
 */
static void
inline_calls(PlannerInfo *root, Oid support_function)
{
	int			rtindex = 0;
	ListCell   *lc;

	foreach(lc, root->parse->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);
		RangeTblEntry *replacement;
		FuncExpr   *call;

		rtindex++;
		if (rte->rtekind != RTE_FUNCTION || rte->funcordinality || list_length(rte->functions) != 1)
			continue;
		call = (FuncExpr *) ((RangeTblFunction *) linitial(rte->functions))->funcexpr;
		if (!IsA(call, FuncExpr) || get_func_support(call->funcid) != support_function)
			continue;
		replacement = inline_call(root, rte, rtindex, call);
		if (replacement)
			lfirst(lc) = replacement;
	}
}

#ifdef VXP_INLINE_IN_FROM
/*
 * From 19 on the server asks for the query itself, once the arguments of the
 * call are simplified and found to be harmless.  It takes the Params of the query for
 * arguments of the function, by number, and puts these in their place: so an
 * argument that holds a parameter of the statement is handed over as such a
 * Param.  Arguments behind the first of VARIADIC "any" have no number.
 */
static Query *
inline_in_from(SupportRequestInlineInFrom *request)
{
	PlannerInfo *root = request->root;
	FuncExpr   *call = castNode(FuncExpr, request->rtfunc->funcexpr);
	FuncExpr   *numbered;
	DqlCall		dql_call = {0};
	BoundQuery *bound;
	int			nargs = ((Form_pg_proc) GETSTRUCT(request->proc))->pronargs;
	int			rtindex = 0;
	ListCell   *lc;

	if (!vxp_enable_inlining || root == NULL || call->funcvariadic)
		return NULL;
	numbered = makeNode(FuncExpr);
	memcpy(numbered, call, sizeof(FuncExpr));
	numbered->args = NIL;
	foreach(lc, call->args)
	{
		Node	   *arg = lfirst(lc);

		if (vxp_has_extern_param(arg))
		{
			Param	   *param = makeNode(Param);

			param->paramkind = PARAM_EXTERN;
			param->paramid = foreach_current_index(lc) + 1;
			param->paramtype = exprType(arg);
			param->paramtypmod = exprTypmod(arg);
			param->paramcollid = exprCollation(arg);
			param->location = -1;
			if (param->paramid > nargs)
				return NULL;
			arg = (Node *) param;
		}
		numbered->args = lappend(numbered->args, arg);
	}
	foreach(lc, root->parse->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		rtindex++;
		if (rte->rtekind == RTE_FUNCTION && linitial(rte->functions) == request->rtfunc)
			return query_of_call(root, rte, rtindex, numbered, false, &dql_call, &bound);
	}
	return NULL;
}
#endif

/*
 * query_support(internal) -> internal
 *
 * Planner support for the functions that return the rows of a DQL request.
 * Answers NULL to every request but those for a cost, and (from 19) for a query
 * in the place of the call.
 */
Datum
vxp_query_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestSimplify))
	{
		SupportRequestSimplify *simplify = (SupportRequestSimplify *) request;
		PlannerInfo *root = simplify->root;

		/*
		 * Only before pull-up, which has not happened while there is no array
		 * of relations and no note of lateral references: later, Vars of the
		 * call also live outside root->parse.
		 */
		if (VXP_INLINE_BY_SWAP && vxp_enable_inlining && !folding && root != NULL &&
			simplify->fcall->funcretset && root->simple_rel_array == NULL && !root->hasLateralRTEs)
			inline_calls(root, fcinfo->flinfo->fn_oid);
	}
#ifdef VXP_INLINE_IN_FROM
	else if (IsA(request, SupportRequestInlineInFrom))
		PG_RETURN_POINTER(inline_in_from((SupportRequestInlineInFrom *) request));
#endif
	else if (IsA(request, SupportRequestCost))
	{
		SupportRequestCost *cost = (SupportRequestCost *) request;

		/* a request that is $1 is constant in a custom plan: never prefer the generic one */
		if (cost->node && IsA(cost->node, FuncExpr) && vxp_has_extern_param((Node *) castNode(FuncExpr, cost->node)->args))
		{
			cost->startup = UNPLANNABLE_COST;
			cost->per_tuple = 0;
			PG_RETURN_POINTER(cost);
		}
	}
	PG_RETURN_POINTER(NULL);
}
