/*
 * vxp_settings.c - the settings vxp.*: one definition, one default each
 *
 * A setting acts when a request is bound (planned), never when it is read as
 * a value of type vxp.dql: a stored request stays readable whatever the
 * settings of the reader.
 */
#include "postgres.h"

#include "utils/guc.h"
#include "utils/plancache.h"

#include "common/vxp_settings.h"

int			vxp_max_dql_depth = 100;
int			vxp_max_dql_branches = 1000;
int			vxp_default_page_size = 1000;
int			vxp_max_page_size = 1000;
bool		vxp_enable_inlining = true;
double		vxp_max_cost = 0;
double		vxp_max_rows = 0;
int			vxp_undo_retention = 24 * 60;
int			vxp_estimate_pages = 256;

/* Plans made under another budget were judged by that: none of them may be used again. */
static void
assign_max_cost(double value, void *extra)
{
	if (value != vxp_max_cost)
		ResetPlanCache();
}

static void
assign_max_rows(double value, void *extra)
{
	if (value != vxp_max_rows)
		ResetPlanCache();
}

void
vxp_settings_init(void)
{
	DefineCustomIntVariable("vxp.max_dql_depth",
							"Deepest nesting of a DQL filter that is planned, in levels.",
							NULL, &vxp_max_dql_depth, 100, 1, 256,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("vxp.max_dql_branches",
							"Largest number of conditions in a DQL filter that is planned.",
							"Values of one $in list count as one condition.",
							&vxp_max_dql_branches, 1000, 1, 1000000,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("vxp.default_page_size",
							"Page size of a DQL request without \"pageSize\", in rows.",
							NULL, &vxp_default_page_size, 1000, 1, 1000000,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("vxp.max_page_size",
							"Larger values of \"pageSize\" in a DQL request are cut to this, in rows.",
							NULL, &vxp_max_page_size, 1000, 1, 1000000,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("vxp.enable_inlining",
							 "Plans a DQL request as part of the enclosing query.",
							 "When off, requests run through the executor path: the same rows, "
							 "slower. For tests and diagnosis, like the enable_* settings of the server.",
							 &vxp_enable_inlining, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("vxp.max_cost",
							 "DQL requests that the planner estimates to cost more are refused before they run.",
							 "In the units of EXPLAIN. 0 sets no limit.",
							 &vxp_max_cost, 0, 0, 1e20,
							 PGC_USERSET, 0, NULL, assign_max_cost, NULL);
	DefineCustomRealVariable("vxp.max_rows",
							 "DQL requests that the planner estimates to give or change more rows are refused before they run.",
							 "0 sets no limit.",
							 &vxp_max_rows, 0, 0, 1e20,
							 PGC_USERSET, 0, NULL, assign_max_rows, NULL);
	DefineCustomIntVariable("vxp.undo_retention",
							"How long the record of a DQL write is kept for vxp.undo.",
							"0 records nothing. Older records of a role are removed by its next write.",
							&vxp_undo_retention, 24 * 60, 0, 100 * 365 * 24 * 60,
							PGC_USERSET, GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomIntVariable("vxp.estimate_pages",
							"Pages of a GiST index that one estimate may read to count the rows below a rare ancestor.",
							"0 estimates from statistics alone.",
							&vxp_estimate_pages, 256, 0, 100000,
							PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("vxp");
}
