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
#include "utils/snapmgr.h"

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
