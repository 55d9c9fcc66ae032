/*
 * dql_budget.h - requests that would cost too much are refused before they run
 */
#ifndef VXP_DQL_BUDGET_H
#define VXP_DQL_BUDGET_H

#include "postgres.h"

#include "nodes/plannodes.h"

extern void vxp_budget_init(void);
extern void vxp_budget_check(const PlannedStmt *stmt);
extern bool vxp_budget_suspend(bool suspended); /* returns what it was */

#endif							/* VXP_DQL_BUDGET_H */
