/*
 * dql_budget.c - requests that would cost too much are refused before they run
 *
 * vxp.max_cost and vxp.max_rows compare with the planner's estimates.  A request
 * that runs by itself (count, items in a select list, page, a write, ...) is
 * judged by its own plan, when it is about to run.  A request that became part
 * of a statement has no plan of its own: conditions and limits around it may
 * make it cheap, or a join with it dear.  So the statement as a whole is judged,
 * when it is planned.
 *
 * That needs one look at the paths of a statement before the best is chosen.
 * create_upper_paths_hook gives it, also in the first statement of a session: a
 * call of ours loads the library before paths are made, while a planner hook
 * would come too late.  With both settings off it does nothing.
 *
 * A changed setting invalidates cached plans.  A generic plan over the budget is
 * made unattractive instead of refused, since plans for the actual values may be
 * cheap: the server then plans for them each time, and these are judged.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/planner.h"
#include "utils/plancache.h"

#include "catalog/catalog.h"
#include "common/vxp_settings.h"
#include "dql/dql_budget.h"

/* What a generic plan over the budget costs more: any custom plan is better. */
#define REFUSED_COST 1e10

static create_upper_paths_hook_type previous_hook = NULL;
static bool suspended = false;

/* Raises an error when the estimates exceed the budget. */
static void
check_estimate(double cost, double rows, bool is_statement)
{
	bool		dear = vxp_max_cost > 0 && cost > vxp_max_cost;

	if (dear || (vxp_max_rows > 0 && rows > vxp_max_rows))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 dear ? errmsg("the request would cost %.0f, more than the limit of %.0f", cost, vxp_max_cost) :
				 errmsg("the request would give %.0f rows, more than the limit of %.0f", rows, vxp_max_rows),
				 is_statement ?
				 errdetail("The planner estimates cost %.0f and %.0f rows for the statement with the request.", cost, rows) :
				 errdetail("The planner estimates cost %.0f and %.0f rows for the request.", cost, rows),
				 dear ? errhint("Narrow the filter, or see with vxp.explain which index it lacks. The limit is the setting vxp.max_cost.") :
				 errhint("Narrow the filter, or ask for pages. The limit is the setting vxp.max_rows.")));
}

/* vxp_budget_check raises an error unless the plan, which is about to run, is within the budget. */
void
vxp_budget_check(const PlannedStmt *stmt)
{
	const Plan *plan = stmt->planTree;

	/* a write that returns nothing has as many rows as it changes */
	if (IsA(plan, ModifyTable) && plan->lefttree)
		plan = plan->lefttree;
	if (!suspended)
		check_estimate(stmt->planTree->total_cost, plan->plan_rows, false);
}

/* vxp_budget_suspend switches the look at statements off while a plan is made that will not run. */
bool
vxp_budget_suspend(bool suspend)
{
	bool		before = suspended;

	suspended = suspend;
	return before;
}

static bool
find_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return castNode(Param, node)->paramkind == PARAM_EXTERN;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_parameter, context, 0);
	return expression_tree_walker(node, find_parameter, context);
}

/* Is this the plan of a statement with parameters for any values of them, which the server need not use? */
static bool
is_optional(PlannerInfo *root)
{
	ListCell   *lc;

	if (root->glob->boundParams != NULL || plan_cache_mode == PLAN_CACHE_MODE_FORCE_GENERIC_PLAN)
		return false;
	if (find_parameter((Node *) root->parse, NULL))
		return true;
	foreach(lc, root->glob->subroots)
		if (find_parameter((Node *) ((PlannerInfo *) lfirst(lc))->parse, NULL))
			return true;
	return false;
}

static void
judge_statement(PlannerInfo *root, RelOptInfo *final)
{
	Path	   *best = NULL;
	double		cost;
	double		rows;
	ListCell   *lc;

	foreach(lc, final->pathlist)
		if (best == NULL || ((Path *) lfirst(lc))->total_cost < best->total_cost)
			best = lfirst(lc);
	if (best == NULL)
		return;
	cost = best->total_cost;
	rows = IsA(best, ModifyTablePath) ? Max(best->rows, ((ModifyTablePath *) best)->subpath->rows) : best->rows;
	/* what runs once, before the rest, is not charged yet */
	foreach(lc, root->init_plans)
		cost += ((SubPlan *) lfirst(lc))->startup_cost + ((SubPlan *) lfirst(lc))->per_call_cost;

	if ((vxp_max_cost <= 0 || cost <= vxp_max_cost) && (vxp_max_rows <= 0 || rows <= vxp_max_rows))
		return;
	if (!is_optional(root))
		check_estimate(cost, rows, true);
	foreach(lc, final->pathlist)
	{
		((Path *) lfirst(lc))->startup_cost += REFUSED_COST;
		((Path *) lfirst(lc))->total_cost += REFUSED_COST;
	}
}

/* create_upper_paths_hook: a statement whose plan depends on our catalog has a request in it. */
static void
look_at_paths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input, RelOptInfo *output, void *extra)
{
	if (previous_hook)
		previous_hook(root, stage, input, output, extra);
	if (stage == UPPERREL_FINAL && (vxp_max_cost > 0 || vxp_max_rows > 0) && !suspended &&
		root->parent_root == NULL && root->query_level == 1 && root->glob->relationOids != NIL &&
		list_member_oid(root->glob->relationOids, vxp_catalog_relid()))
		judge_statement(root, output);
}

void
vxp_budget_init(void)
{
	previous_hook = create_upper_paths_hook;
	create_upper_paths_hook = look_at_paths;
}
