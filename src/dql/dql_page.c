/*
 * dql_page.c - the answer of a request as a client of the wire format gets it:
 * one page of items in an envelope with counts (docs/dql.md, answer)
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_inherits.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "common/vxp_compat.h"
#include "common/vxp_settings.h"
#include "dql/dql_bind.h"
#include "dql/dql_budget.h"
#include "dql/dql_cursor.h"
#include "dql/dql_envelope.h"
#include "dql/dql_exec.h"

VXP_FUNCTION(vxp_page);

/* The one bigint that a counting query returns. */
int64
vxp_dql_count(Query *query)
{
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	PlannedStmt *plan = vxp_dql_plan(query);
	TupleDesc	desc = ExecCleanTypeFromTL(plan->planTree->targetlist);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	bool		isnull = true;
	int64		count = 0;

	vxp_budget_check(plan);
	vxp_dql_run(plan, store, CurrentMemoryContext);
	if (tuplestore_gettupleslot(store, true, false, slot))
		count = DatumGetInt64(slot_getattr(slot, 1, &isnull));
	Assert(!isnull);
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(store);
	return count;
}

/* Does the plan read a table of the request from its start to its end? */
static bool
reads_whole(const PlannedStmt *stmt, const Plan *plan, Oid relid)
{
	List	   *children = NIL;
	ListCell   *lc;

	check_stack_depth();
	if (plan == NULL)
		return false;
	switch (nodeTag(plan))
	{
		case T_SeqScan:
			{
				Oid			scanned = rt_fetch(((const Scan *) plan)->scanrelid, stmt->rtable)->relid;

				return scanned == relid || has_superclass(scanned);
			}
		case T_ForeignScan:
		case T_CustomScan:
			return true;
		case T_Append:
			children = ((const Append *) plan)->appendplans;
			break;
		case T_MergeAppend:
			children = ((const MergeAppend *) plan)->mergeplans;
			break;
		case T_SubqueryScan:
			return reads_whole(stmt, ((const SubqueryScan *) plan)->subplan, relid);
		default:
			break;
	}
	foreach(lc, children)
		if (reads_whole(stmt, lfirst(lc), relid))
			return true;
	return reads_whole(stmt, plan->lefttree, relid) || reads_whole(stmt, plan->righttree, relid);
}

/*
 * Plans the rows of the request, of which "arms" arms of the cursor from its
 * first_arm on are wanted; 0: all.
 */
static PlannedStmt *
plan_arms(BoundQuery *bound, const DqlBuild *build, int arms)
{
	if (bound->cursor)
		bound->cursor->arms = arms;
	return vxp_dql_plan(vxp_dql_build(bound, build));
}

/*
 * Puts the rows of the page into a tuplestore and returns their plan.
 *
 * Behind a cursor they are read arm by arm (dql_cursor_expr.c) until the page is
 * full.  That is one query for each arm, so that only as many are made as the
 * page needs, and no table is read whole for it: an arm that no index serves is
 * read together with all that follow it.
 */
static PlannedStmt *
read_rows(BoundQuery *bound, const DqlBuild *build, Tuplestorestate **store)
{
	int			arms = bound->cursor && bound->limit > 0 ? vxp_dql_cursor_arms(bound) : 0;
	int64		limit = bound->limit;
	PlannedStmt *plan = NULL;

	*store = tuplestore_begin_heap(false, false, work_mem);
	if (arms <= 1)
	{
		plan = plan_arms(bound, build, 0);
		vxp_budget_check(plan);
		vxp_dql_run(plan, *store, CurrentMemoryContext);
		return plan;
	}
	for (int arm = 0; arm < arms && bound->limit > 0;)
	{
		int			wanted = 1;

		CHECK_FOR_INTERRUPTS();
		bound->cursor->first_arm = arm;
		plan = plan_arms(bound, build, wanted);
		if (arm < arms - 1 && reads_whole(plan, plan->planTree, bound->relid))
		{
			wanted = arms - arm;
			/* the whole condition has a bound of its own, an OR of all arms has none */
			plan = plan_arms(bound, build, arm == 0 ? 0 : wanted);
		}
		vxp_budget_check(plan);
		vxp_dql_run(plan, *store, CurrentMemoryContext);
		arm += wanted;
		bound->limit = limit - tuplestore_tuple_count(*store);
	}
	bound->limit = limit;
	return plan;
}

/*
 * Pushes at most "wanted" items (all when negative).  When rows follow, and
 * "bound" has a total order, *cursor becomes the token to go on with.  Returns
 * whether rows follow.
 */
static bool
push_items(JsonbParseState **state, BoundQuery *bound, const DqlBuild *build, int64 wanted, char **cursor)
{
	Tuplestorestate *store;
	PlannedStmt *plan = read_rows(bound, build, &store);
	TupleDesc	desc = ExecCleanTypeFromTL(plan->planTree->targetlist);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	int64		pushed = 0;
	bool		more = false;

	*cursor = NULL;
	vxp_push_key(state, "items");
	vxp_push_jsonb(state, WJB_BEGIN_ARRAY, NULL);
	while (tuplestore_gettupleslot(store, true, false, slot))
	{
		bool		isnull;
		Datum		item = slot_getattr(slot, 1, &isnull);

		CHECK_FOR_INTERRUPTS();
		pushed++;
		vxp_push_item(state, item, isnull);
		if (pushed == wanted)
		{
			more = pushed < tuplestore_tuple_count(store);
			break;
		}
	}
	if (more && bound->total_order)
	{
		int			count = list_length(bound->sort);
		Oid		   *types = palloc(sizeof(Oid) * count);

		slot_getallattrs(slot);
		for (int i = 0; i < count; i++)
			types[i] = TupleDescAttr(desc, i + 1)->atttypid;
		*cursor = vxp_cursor_make(bound, slot->tts_values + 1, slot->tts_isnull + 1, types,
								  bound->position + pushed);
	}
	vxp_push_jsonb(state, WJB_END_ARRAY, NULL);
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(store);
	return more;
}

/*
 * page(dql, VARIADIC "any") -> jsonb
 *
 * {"items", "hasNextPage", "totalItemsCount", "totalPagesCount"} (section 8), and
 * "nextCursor" when rows follow: sent as "after" it asks for them.
 * Items and counts are of one snapshot, the caller's.  "count": "none" leaves
 * the totals out, "estimated" takes the planner's estimate.
 */
Datum
vxp_page(PG_FUNCTION_ARGS)
{
	DqlCall		call = {0};
	BoundQuery *bound;
	JsonbParseState *state = NULL;
	JsonbValue	value;
	int64		size;
	int64		total = -1;
	bool		more;
	char	   *cursor;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("DQL request must not be null"),
				 errhint("The request that matches everything is '{}'.")));
	call.dql = PG_GETARG_DQL_PP(0);
	call.options.args = vxp_dql_call_args(fcinfo, 1);
	call.options.args_known = true;
	call.options.paging = true;
	call.options.ordered = true;
	bound = vxp_dql_bind_call(&call);

	if (bound->request->count != DQL_COUNT_NONE)
	{
		call.build.shape = DQL_SHAPE_COUNT;
		if (bound->request->count == DQL_COUNT_EXACT)
			total = vxp_dql_count(vxp_dql_build(bound, &call.build));
		else
		{
			DqlRequest	request = *bound->request;
			BoundQuery	rows = *bound;
			double		estimate;

			/* the rows themselves, without page: a plan that knows how many there are */
			rows.request = &request;
			rows.sort = NIL;
			rows.cursor = NULL;
			rows.offset = Max(request.skip, 0);
			rows.limit = request.limit;
			call.build.shape = DQL_SHAPE_ITEMS;
			estimate = vxp_dql_plan(vxp_dql_build(&rows, &call.build))->planTree->plan_rows;
			total = (int64) Min(rint(estimate), 9e15);
		}
	}

	/* one row more than the page tells whether there is a next one */
	size = bound->limit;
	if (size > 0 && !bound->last_page)
		bound->limit = size + 1;
	call.build.shape = DQL_SHAPE_ITEMS;
	vxp_push_jsonb(&state, WJB_BEGIN_OBJECT, NULL);
	call.build.sort_keys = size > 0 && bound->total_order;
	more = push_items(&state, bound, &call.build, size, &cursor);
	if (cursor)
	{
		vxp_push_key(&state, "nextCursor");
		value.type = jbvString;
		value.val.string.val = cursor;
		value.val.string.len = strlen(cursor);
		vxp_push_jsonb(&state, WJB_VALUE, &value);
	}

	vxp_push_boolean(&state, "hasNextPage", more);
	if (total >= 0)
	{
		int64		page_size = bound->request->page_size >= 0 ?
			Min(bound->request->page_size, vxp_max_page_size) :
			bound->request->limit >= 0 ? bound->request->limit : vxp_default_page_size;

		vxp_push_number(&state, "totalItemsCount", total);
		vxp_push_number(&state, "totalPagesCount",
				   page_size == 0 ? 0 : total / page_size + (total % page_size > 0));
	}
	PG_RETURN_JSONB_P(JsonbValueToJsonb(vxp_push_jsonb(&state, WJB_END_OBJECT, NULL)));
}
