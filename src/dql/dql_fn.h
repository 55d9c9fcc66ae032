/*
 * dql_fn.h - what the SQL functions share with the planner support
 */
#ifndef VXP_DQL_FN_H
#define VXP_DQL_FN_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/parsenodes.h"

#include "common/vxp_compat.h"

extern void vxp_dql_fn_init(void);
extern Oid	vxp_dql_type_oid(void);
extern Datum vxp_dql_from_jsonb(PG_FUNCTION_ARGS);	/* dql_type.c */
extern bool vxp_function_executable(Oid function);	/* by the current user */
extern bool vxp_has_extern_param(Node *node);
extern VXP_EXPORT Datum vxp_iso8601(PG_FUNCTION_ARGS);	/* dql_project.c */
extern bool vxp_query_is_distributed(Query *query);	/* dql_distributed.c */

#endif							/* VXP_DQL_FN_H */
