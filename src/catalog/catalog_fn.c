/*
 * catalog_fn.c - SQL functions over the catalog
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/inval.h"
#include "utils/rel.h"

#include "catalog/catalog.h"
#include "catalog/catalog_lineage.h"
#include "common/vxp_compat.h"

VXP_FUNCTION(vxp_resource_type_invalidate);
VXP_FUNCTION(vxp_valid_identifier);

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

/*
 * valid_identifier(identifier, prefix) -> boolean
 *
 * In C, since a check constraint is read anew by every statement.
 */
Datum
vxp_valid_identifier(PG_FUNCTION_ARGS)
{
	text	   *identifier = PG_GETARG_TEXT_PP(0);
	text	   *prefix = PG_GETARG_TEXT_PP(1);
	int			length = VARSIZE_ANY_EXHDR(identifier);
	int			prefix_length = VARSIZE_ANY_EXHDR(prefix);

	PG_RETURN_BOOL(length <= CATALOG_MAX_IDENTIFIER && length > prefix_length + 1 &&
				   memcmp(VARDATA_ANY(identifier), VARDATA_ANY(prefix), prefix_length) == 0 &&
				   VARDATA_ANY(identifier)[prefix_length] == '/');
}
