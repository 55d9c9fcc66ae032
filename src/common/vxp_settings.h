/*
 * vxp_settings.h - the settings vxp.*
 */
#ifndef VXP_SETTINGS_H
#define VXP_SETTINGS_H

#include "postgres.h"

extern int	vxp_max_dql_depth;
extern int	vxp_max_dql_branches;
extern int	vxp_default_page_size;
extern int	vxp_max_page_size;
extern bool vxp_enable_inlining;
extern double vxp_max_cost;	/* in the planner's units; 0: no limit */
extern double vxp_max_rows;	/* 0: no limit */
extern int	vxp_undo_retention; /* minutes; 0: writes are not recorded */
extern int	vxp_estimate_pages; /* 0: estimates are from statistics alone */

extern void vxp_settings_init(void);

#endif							/* VXP_SETTINGS_H */
