/*
 * dql_page.c - the answer of a request as a client of the wire format gets it:
 * one page of items in an envelope with counts (docs/dql.md, answer)
 */
#include "postgres.h"

#include <math.h>

#include "executor/executor.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

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

/*
 * Pushes at most "wanted" items (all when negative).  When rows follow, and
 * "bound" has a total order, *cursor becomes the token to go on with.  Returns
 * whether rows follow.
 */
static bool
push_items(JsonbParseState **state, const BoundQuery *bound, Query *query, int64 wanted, char **cursor)
{
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	PlannedStmt *plan = vxp_dql_plan(query);
	TupleDesc	desc = ExecCleanTypeFromTL(plan->planTree->targetlist);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	int64		pushed = 0;
	bool		more = false;

	*cursor = NULL;
	vxp_budget_check(plan);
	vxp_dql_run(plan, store, CurrentMemoryContext);
	vxp_push_key(state, "items");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
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
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
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
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	call.build.sort_keys = size > 0 && bound->total_order;
	more = push_items(&state, bound, vxp_dql_build(bound, &call.build), size, &cursor);
	if (cursor)
	{
		vxp_push_key(&state, "nextCursor");
		value.type = jbvString;
		value.val.string.val = cursor;
		value.val.string.len = strlen(cursor);
		pushJsonbValue(&state, WJB_VALUE, &value);
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
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}
