/*
 * dql_exec.h - the executor path
 */
#ifndef VXP_DQL_EXEC_H
#define VXP_DQL_EXEC_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/plannodes.h"
#include "tcop/dest.h"
#include "utils/plancache.h"
#include "utils/tuplestore.h"

#include "common/vxp_compat.h"
#include "dql/dql_bind.h"

extern PlannedStmt *vxp_dql_plan(Query *query);
extern PlannedStmt *vxp_dql_plan_call(FmgrInfo *function, const DqlCall *call, CachedPlan **held);
extern uint64 vxp_dql_run_to(PlannedStmt *plan, DestReceiver *dest);
extern uint64 vxp_dql_run(PlannedStmt *plan, Tuplestorestate *store, MemoryContext context);
extern int64 vxp_dql_count(Query *query);	/* dql_page.c */
extern VXP_EXPORT Datum vxp_page(PG_FUNCTION_ARGS);
extern List *vxp_dql_call_args(FunctionCallInfo fcinfo, int first);

#endif							/* VXP_DQL_EXEC_H */
