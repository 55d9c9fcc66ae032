/*
 * dql_resource.c - which resource type a request is about
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "dql/dql_bind.h"

/* Section 2.1: a request without "resource" reads items. */
#define DEFAULT_RESOURCE "items"

static VxpError *
check_table(const ResourceType *type)
{
	if (OidIsValid(type->relid))
		return NULL;
	return vxp_error_hint(vxp_error(ERRCODE_UNDEFINED_TABLE, "$.resource",
									"table \"%s.%s\" of resource type \"%s\" does not exist",
									type->schema_name, type->table_name, type->name),
						  "Run vxp.unregister('%s') if the table is gone for good.", type->name);
}

/* vxp_dql_resource finds the type that the request names; it stays until the end of the transaction. */
VxpError *
vxp_dql_resource(const DqlRequest *request, const ResourceType **result)
{
	const char *name = request->resource ? request->resource : DEFAULT_RESOURCE;
	const ResourceType *type = vxp_catalog_by_name(name);
	const char *nearest;
	VxpError   *error;

	if (type)
	{
		*result = type;
		return check_table(*result);
	}
	error = vxp_error(ERRCODE_UNDEFINED_OBJECT, "$.resource", "resource type \"%s\" does not exist",
					  vxp_quote_input(name, strlen(name)));
	nearest = vxp_catalog_nearest(name);
	if (nearest)
		return vxp_error_hint(error, "Perhaps you meant \"%s\".", nearest);
	if (request->resource == NULL)
		return vxp_error_hint(error, "A request without \"resource\" reads \"" DEFAULT_RESOURCE "\".");
	return vxp_error_hint(error, "The view vxp.resource_types lists them; names are case sensitive.");
}

/* vxp_dql_resource_of finds the type of a table; a name in the request must agree. */
VxpError *
vxp_dql_resource_of(const DqlRequest *request, Oid relid, const ResourceType **result)
{
	const ResourceType *type = vxp_catalog_by_relid(relid);

	if (type == NULL)
		return vxp_error_hint(vxp_error(ERRCODE_UNDEFINED_OBJECT, NULL,
										"table \"%s\" is not a registered resource type", get_rel_name(relid)),
							  "Register it with vxp.register(name, table).");
	*result = type;
	if (request->resource && strcmp(request->resource, type->name) != 0)
		return vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, "$.resource",
						 "the request is about \"%s\", but the table \"%s\" holds \"%s\"",
						 vxp_quote_input(request->resource, strlen(request->resource)),
						 get_rel_name(relid), (*result)->name);
	return NULL;
}
