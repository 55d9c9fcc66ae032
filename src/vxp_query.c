/*
 * vxp_query.c - module entry: magic block and initialisation of the areas
 */
#include "postgres.h"

#include "fmgr.h"

#include "catalog/catalog.h"
#include "catalog/catalog_lineage.h"
#include "common/vxp_compat.h"
#include "common/vxp_settings.h"
#include "dql/dql_budget.h"
#include "dql/dql_fn.h"
#include "validity/validity.h"
#include "validity/version.h"

extern VXP_EXPORT const Pg_magic_struct *PG_MAGIC_FUNCTION_NAME(void);
extern VXP_EXPORT void _PG_init(void);

PG_MODULE_MAGIC;

/* _PG_init defines the settings.  The library needs no preload; its hooks look at statements with a request (dql_budget.c) and at tables with paths (catalog_paths.c). */
void
_PG_init(void)
{
	/* before vxp_settings_init(), which forgets settings vxp.* that nobody has defined */
	vxp_validity_init();
	vxp_version_init();
	vxp_version_place_init();
	vxp_settings_init();
	vxp_catalog_init();
	vxp_lineage_init();
	vxp_paths_init();
	vxp_wrapper_init();
	vxp_budget_init();
	vxp_dql_fn_init();
}
