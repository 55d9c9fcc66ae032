/*
 * dql_estimate.h - how many documents match a filter
 */
#ifndef VXP_DQL_ESTIMATE_H
#define VXP_DQL_ESTIMATE_H

#include "postgres.h"

#include "nodes/pathnodes.h"
#include "utils/jsonb.h"

#include "dql/dql.h"

extern Selectivity vxp_dql_estimate(PlannerInfo *root, Node *document, int varRelid,
									const DqlRequest *request, const char *field, const Jsonb *params);

#endif							/* VXP_DQL_ESTIMATE_H */
