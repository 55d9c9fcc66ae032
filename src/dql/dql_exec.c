/*
 * dql_exec.c - the executor path: a request planned and run by itself
 *
 * For calls that the planner could not inline, and for the scalar functions.
 * The same binder and builder as the inlined path, so the same rows; the
 * snapshot is the caller's and the rights are the current user's.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/tstoreReceiver.h"
#include "nodes/makefuncs.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"

#include "common/vxp_settings.h"
#include "dql/dql_bind.h"
#include "dql/dql_exec.h"

/*
 * vxp_dql_plan rewrites and plans an analysed query, as the server does for a
 * statement: views are expanded and row security is added.
 */
PlannedStmt *
vxp_dql_plan(Query *query)
{
	List	   *rewritten = QueryRewrite(query);

	if (list_length(rewritten) != 1)
		elog(ERROR, "rewriting a DQL request gave %d queries", list_length(rewritten));
	return vxp_plan_query(linitial(rewritten), "", CURSOR_OPT_PARALLEL_OK, NULL);
}

/*
 * The request that a function was called with last, and the settings that it is
 * bound by, but vxp.as_of, which resets the plan cache.  Lives as long as the
 * call node.
 */
typedef struct LastCall
{
	MemoryContext context;		/* holds dql and args; reset for another request */
	MemoryContextCallback drop;
	DqlText    *dql;			/* NULL: none */
	List	   *args;
	int			default_page_size;
	int			max_page_size;
	CachedPlanSource *source;	/* NULL: the request came once so far */
} LastCall;

static void
drop_source(void *arg)
{
	LastCall   *last = arg;

	if (last->source)
		DropCachedPlan(last->source);
	last->source = NULL;
}

/* Is it the last call once more? */
static bool
is_same(const LastCall *last, const DqlCall *call)
{
	return last->dql != NULL && VARSIZE_ANY_EXHDR(last->dql) == VARSIZE_ANY_EXHDR(call->dql) &&
		memcmp(VARDATA_ANY(last->dql), VARDATA_ANY(call->dql), VARSIZE_ANY_EXHDR(call->dql)) == 0 &&
		last->default_page_size == vxp_default_page_size && last->max_page_size == vxp_max_page_size &&
		equal(last->args, call->options.args);
}

static void
note_call(LastCall *last, const DqlCall *call)
{
	MemoryContext old;

	drop_source(last);
	last->dql = NULL;
	MemoryContextReset(last->context);
	old = MemoryContextSwitchTo(last->context);
	last->args = copyObject(call->options.args);
	last->default_page_size = vxp_default_page_size;
	last->max_page_size = vxp_max_page_size;
	last->dql = (DqlText *) cstring_to_text_with_len(VARDATA_ANY(call->dql), VARSIZE_ANY_EXHDR(call->dql));
	MemoryContextSwitchTo(old);
}

/*
 * The query in the hands of the server's plan cache, which knows when its plan
 * is of no use any more: after DDL, for another role under row security, with
 * another search path.  It would then analyse the statement again, for which it
 * gets one that reads no table.
 */
static CachedPlanSource *
make_source(const DqlCall *call)
{
	List	   *rewritten = QueryRewrite(vxp_dql_translate(call));
	RawStmt    *raw = makeNode(RawStmt);
	CachedPlanSource *source;
	MemoryContext old;

	raw->stmt = (Node *) makeNode(SelectStmt);
	source = CreateCachedPlan(raw, "", CMDTAG_SELECT);
	CompleteCachedPlan(source, rewritten, NULL, NULL, 0, NULL, NULL, CURSOR_OPT_PARALLEL_OK, false);
	old = MemoryContextSwitchTo(source->query_context);
	source->relationOids = lappend_oid(source->relationOids, vxp_catalog_relid());
	MemoryContextSwitchTo(old);
	SaveCachedPlan(source);
	return source;
}

/*
 * vxp_dql_plan_call returns the plan of a request that a set-returning function
 * runs.  A LATERAL call comes with each row of what stands before it, often with
 * the same request: from the second time on the plan is kept, until the request, its
 * arguments or the catalogs change.  *held is to be released behind the plan, or NULL.
 */
PlannedStmt *
vxp_dql_plan_call(FmgrInfo *function, const DqlCall *call, CachedPlan **held)
{
	LastCall   *last = function->fn_extra;
	PlannedStmt *plan;

	*held = NULL;
	if (last == NULL)
	{
		last = MemoryContextAllocZero(function->fn_mcxt, sizeof(LastCall));
		last->context = AllocSetContextCreate(function->fn_mcxt, "vxp last request", ALLOCSET_SMALL_SIZES);
		last->drop.func = drop_source;
		last->drop.arg = last;
		MemoryContextRegisterResetCallback(function->fn_mcxt, &last->drop);
		function->fn_extra = last;
	}
	if (!is_same(last, call))
	{
		note_call(last, call);
		return vxp_dql_plan(vxp_dql_translate(call));
	}
	if (last->source == NULL)
		last->source = make_source(call);
	*held = GetCachedPlan(last->source, NULL, CurrentResourceOwner, NULL);
	plan = linitial_node(PlannedStmt, (*held)->stmt_list);
	if (plan->relationOids != NIL)
		return plan;

	/* it has been analysed again */
	ReleaseCachedPlan(*held, CurrentResourceOwner);
	*held = NULL;
	drop_source(last);
	return vxp_dql_plan(vxp_dql_translate(call));
}

/* vxp_dql_run_to runs a plan on the active snapshot and returns the number of rows sent. */
uint64
vxp_dql_run_to(PlannedStmt *plan, DestReceiver *dest)
{
	QueryDesc  *desc;
	uint64		rows;

	desc = CreateQueryDesc(plan, "", GetActiveSnapshot(), InvalidSnapshot, dest, NULL, NULL, 0);
	ExecutorStart(desc, 0);
	vxp_executor_run(desc, ForwardScanDirection, 0);
	rows = desc->estate->es_processed;
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
	return rows;
}

/*
 * vxp_dql_run runs a plan into a tuple store, which the caller made in the
 * context "context", and returns the number of rows.
 */
uint64
vxp_dql_run(PlannedStmt *plan, Tuplestorestate *store, MemoryContext context)
{
	DestReceiver *dest = CreateDestReceiver(DestTuplestore);
	uint64		rows;

	SetTuplestoreDestReceiverParams(dest, store, context, false, NULL, NULL);
	rows = vxp_dql_run_to(plan, dest);
	dest->rDestroy(dest);
	return rows;
}

/*
 * vxp_dql_call_args returns the values of bind variables of a running function,
 * arguments "first" and up, as constants.  A literal without a type is text.
 */
List *
vxp_dql_call_args(FunctionCallInfo fcinfo, int first)
{
	List	   *args = NIL;

	if (get_fn_expr_variadic(fcinfo->flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the values of bind variables cannot be given as a VARIADIC array"),
				 errhint("Give them as separate arguments.")));
	for (int i = first; i < PG_NARGS(); i++)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, i);
		Datum		value = PG_GETARG_DATUM(i);

		if (!OidIsValid(type))
			ereport(ERROR,
					(errcode(ERRCODE_INDETERMINATE_DATATYPE),
					 errmsg("could not determine the type of bind variable {\"$param\": %d}", i - first + 1)));
		if (type == UNKNOWNOID)
		{
			type = TEXTOID;
			if (!PG_ARGISNULL(i))
				value = CStringGetTextDatum(DatumGetCString(value));
		}
		if (PG_ARGISNULL(i))
			args = lappend(args, makeNullConst(type, -1, get_typcollation(type)));
		else
			args = lappend(args, vxp_dql_const(type, value));
	}
	return args;
}
