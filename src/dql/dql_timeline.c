/*
 * dql_timeline.c - how many resources a request has, instant by instant
 *
 * A resource is counted at an instant when one of its versions is valid then
 * and satisfies the filter.  So each version that does counts from the first
 * instant at or after its begin until the last one before its end: one pass
 * over the versions adds 1 and -1 at these two places, and their running sum is
 * the answer.
 *
 *	SELECT valid_from, valid_to FROM table
 *	WHERE filter AND validity(valid_from, valid_to) && '[first, last]'
 *
 * That needs a filter whose truth for a version does not depend on the instant.
 * Where it looks at other resources that have versions, each instant is counted
 * by a query of its own.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_oper.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "dql/dql_build.h"
#include "dql/dql_exec.h"
#include "dql/dql_fn.h"
#include "dql/dql_parse.h"

VXP_FUNCTION(vxp_timeline);

/* More instants than this are a slip of the pen. */
#define MAX_INSTANTS 1000000

typedef struct Timeline
{
	DestReceiver dest;			/* takes the rows of the pass */
	int			count;
	TimestampTz *instants;		/* ascending */
	int64	   *changes;		/* by instant: versions that count from here on, less those that no longer do */
} Timeline;

/* from, from + step, ... up to "to", as generate_series() has them. */
static void
set_instants(Timeline *timeline, TimestampTz from, TimestampTz to, Interval *step)
{
	TimestampTz next;
	int			capacity = 64;

	if (TIMESTAMP_NOT_FINITE(from) || TIMESTAMP_NOT_FINITE(to))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a timeline cannot begin or end at infinity")));
	next = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(from), IntervalPGetDatum(step)));
	if (next <= from)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the step of a timeline must be positive")));
	timeline->count = 0;
	timeline->instants = palloc(sizeof(TimestampTz) * capacity);
	while (from <= to)
	{
		CHECK_FOR_INTERRUPTS();
		if (timeline->count == MAX_INSTANTS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("a timeline cannot have more than %d instants", MAX_INSTANTS),
					 errhint("Use a longer step, or a shorter period.")));
		if (timeline->count == capacity)
			timeline->instants = repalloc(timeline->instants, sizeof(TimestampTz) * (capacity *= 2));
		timeline->instants[timeline->count++] = from;
		next = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(from), IntervalPGetDatum(step)));
		/* a step of months and days less may stand still */
		if (next <= from)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the step of a timeline must be positive")));
		from = next;
	}
}

/* The place of the first instant at or after "at"; the number of instants when there is none. */
static int
first_instant(const Timeline *timeline, TimestampTz at)
{
	int			low = 0;
	int			high = timeline->count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (timeline->instants[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
start_pass(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static void
end_pass(DestReceiver *self)
{
}

static bool
receive_version(TupleTableSlot *slot, DestReceiver *self)
{
	Timeline   *timeline = (Timeline *) self;
	bool		begins;
	bool		is_null;
	Datum		from = slot_getattr(slot, 1, &is_null);
	Datum		to;
	int			first;

	if (is_null)
		return true;
	first = first_instant(timeline, DatumGetTimestampTz(from));
	to = slot_getattr(slot, 2, &is_null);
	begins = is_null || DatumGetTimestampTz(from) < DatumGetTimestampTz(to);
	if (!begins || first == timeline->count)
		return true;
	timeline->changes[first]++;
	if (!is_null)
	{
		int			behind = first_instant(timeline, DatumGetTimestampTz(to));

		if (behind < timeline->count)
			timeline->changes[behind]--;
	}
	return true;
}

/* validity(valid_from, valid_to) && '[first, last]': the condition that an index on intervals serves */
static Node *
overlap_expr(ParseState *pstate, const BoundQuery *bound, const Timeline *timeline)
{
	TypeCacheEntry *type = lookup_type_cache(TSTZRANGEOID, TYPECACHE_RANGE_INFO);
	RangeBound	lower = {.val = TimestampTzGetDatum(timeline->instants[0]), .inclusive = true, .lower = true};
	RangeBound	upper = {.val = TimestampTzGetDatum(timeline->instants[timeline->count - 1]), .inclusive = true};
	Node	   *validity = vxp_dql_call(pstate, "vxp", "validity",
										list_make2(vxp_dql_column_expr(pstate, bound, bound->valid_from),
												   vxp_dql_column_expr(pstate, bound, bound->valid_to)));

	return (Node *) make_op(pstate, list_make2(makeString("pg_catalog"), makeString("&&")), validity,
							vxp_dql_const(TSTZRANGEOID, RangeTypePGetDatum(vxp_make_range(type, &lower, &upper, false))),
							NULL, -1);
}

/* vxp_timeline_leaf finishes the leaf of this file. */
Node *
vxp_timeline_leaf(ParseState *pstate, const Leaf *leaf)
{
	return overlap_expr(pstate, leaf->bound, leaf->timeline);
}

/* The Query of the pass; the relation of "bound" is locked. */
static Query *
build_pass(BoundQuery *bound, const Timeline *timeline)
{
	BuildState	state = {bound, NIL};
	SelectStmt *select = makeNode(SelectStmt);
	Node	   *from;
	Node	   *to;
	Node	   *overlap;

	/* each version that satisfies the filter */
	bound->versions = VERSIONS_ALL;
	vxp_new_leaf(&state, LEAF_COLUMN, &from)->column = bound->valid_from;
	vxp_new_leaf(&state, LEAF_COLUMN, &to)->column = bound->valid_to;
	vxp_new_leaf(&state, LEAF_OVERLAP_TIME, &overlap)->timeline = timeline;
	select->fromClause = list_make1(vxp_raw_relation(bound));
	select->targetList = list_make2(vxp_raw_target(from, "valid_from"), vxp_raw_target(to, "valid_to"));
	select->whereClause = vxp_raw_where(&state);
	select->whereClause = select->whereClause == NULL ? overlap :
		(Node *) makeBoolExpr(AND_EXPR, list_make2(select->whereClause, overlap), -1);
	return vxp_raw_analyse(&state, select);
}

/* The number of resources at one instant, or (without one) of a type that keeps no versions. */
static int64
count_at(const DqlText *dql, const TimestampTz *instant)
{
	DqlCall		call = {dql};

	call.options.args_known = true;
	call.build.shape = DQL_SHAPE_COUNT;
	if (instant)
	{
		TimestampTz read;

		call.as_of = TextDatumGetCString(DirectFunctionCall1(vxp_iso8601, TimestampTzGetDatum(*instant)));
		if (!vxp_dql_timestamp(call.as_of, strlen(call.as_of), &read) || read != *instant)
			ereport(ERROR,
					(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
					 errmsg("a request cannot be about the instant %s", timestamptz_to_str(*instant))));
	}
	return vxp_dql_count(vxp_dql_translate(&call));
}

static void
refuse_instant(const DqlRequest *request)
{
	if (request->as_of == NULL && !request->all_versions)
		return;
	vxp_error_raise(vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, request->as_of ? "$.asOf" : "$.versions",
											 "a timeline cannot be of a request with \"%s\"", request->as_of ? "asOf" : "versions"),
								   "The instants are arguments of vxp.timeline."));
}

static void
put_count(ReturnSetInfo *result, TimestampTz at, int64 count)
{
	Datum		values[] = {TimestampTzGetDatum(at), Int64GetDatum(count)};
	bool		nulls[] = {false, false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * timeline(dql, "from" timestamptz, "to" timestamptz, step interval) -> table (at timestamptz, count bigint)
 *
 * What count() of the request would be at "from", "from" + step, ... up to "to".
 */
Datum
vxp_timeline(PG_FUNCTION_ARGS)
{
	const DqlText *dql = PG_GETARG_DQL_PP(0);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	DqlCall		call = {dql};
	Timeline	timeline = {{receive_version, start_pass, end_pass, end_pass, DestNone}};
	BoundQuery *bound;
	int64		total = 0;

	set_instants(&timeline, PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_TIMESTAMPTZ(2), PG_GETARG_INTERVAL_P(3));
	InitMaterializedSRF(fcinfo, 0);
	call.options.args_known = true;
	bound = vxp_dql_bind_call(&call);
	refuse_instant(bound->request);
	if (timeline.count == 0)
		return (Datum) 0;

	if (bound->related_versions)
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "vxp timeline instant", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);

		for (int i = 0; i < timeline.count; i++)
		{
			CHECK_FOR_INTERRUPTS();
			MemoryContextReset(context);
			put_count(result, timeline.instants[i], count_at(dql, &timeline.instants[i]));
		}
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
		return (Datum) 0;
	}
	if (bound->versions == VERSIONS_ALL)
	{
		total = count_at(dql, NULL);
		for (int i = 0; i < timeline.count; i++)
			put_count(result, timeline.instants[i], total);
		return (Datum) 0;
	}
	timeline.changes = palloc0(sizeof(int64) * timeline.count);
	vxp_dql_run_to(vxp_dql_plan(build_pass(bound, &timeline)), &timeline.dest);
	for (int i = 0; i < timeline.count; i++)
	{
		int64		shown;

		total += timeline.changes[i];
		shown = Max(total - Max(bound->request->skip, 0), 0);
		if (bound->request->limit >= 0)
			shown = Min(shown, bound->request->limit);
		put_count(result, timeline.instants[i], shown);
	}
	return (Datum) 0;
}
