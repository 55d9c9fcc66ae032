/*
 * lineage_probe.h - counting a rare ancestor's rows in an index, while planning
 *
 * Statistics come from a sample, which sees nothing of an ancestor of fifty rows
 * in a million.  The GiST index knows: an estimator reads as many of its pages as
 * vxp.estimate_pages allows, as the server itself does for the ends of a btree.
 */
#ifndef VXP_LINEAGE_PROBE_H
#define VXP_LINEAGE_PROBE_H

#include "access/attnum.h"
#include "utils/relcache.h"
#include "utils/selfuncs.h"

#include "lineage/lineage_index.h"

/* For one estimate, which may ask several times: the pages allowed are for all of them. */
typedef struct LineageProbe
{
	PlannerInfo *root;
	VariableStatData *variable;
	bool		tried;			/* to find an index */
	Relation	index;			/* NULL if there is none, or it may not be read */
	AttrNumber	column;
	int			pages_left;
} LineageProbe;

extern void vxp_lineage_probe_begin(LineageProbe *probe, PlannerInfo *root, VariableStatData *variable);
extern bool vxp_lineage_probe_count(LineageProbe *probe, StrategyNumber strategy, struct varlena *argument,
									double *count);
extern void vxp_lineage_probe_end(LineageProbe *probe);

#endif							/* VXP_LINEAGE_PROBE_H */
