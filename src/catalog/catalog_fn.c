/*
 * catalog_fn.c - SQL functions over the catalog
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/inval.h"
#include "utils/rel.h"

#include "catalog/catalog.h"
#include "common/vxp_compat.h"

VXP_FUNCTION(vxp_resource_type_invalidate);

/*
 * resource_type_invalidate() -> trigger
 *
 * Sends a relcache message for the catalog table.  Plans that depend on the
 * table die, and every session's cache is read again; ROLLBACK undoes both.
 */
Datum
vxp_resource_type_invalidate(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("resource_type_invalidate() can only be called as a trigger")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	return PointerGetDatum(NULL);
}
