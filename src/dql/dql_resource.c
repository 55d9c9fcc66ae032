/*
 * dql_resource.c - which resource type a request is about
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "dql/dql_bind.h"

/* Section 2.1: a request without "resource" reads items. */
#define DEFAULT_RESOURCE "items"

static char *
copy_string(const char *string)
{
	return string ? pstrdup(string) : NULL;
}

/* A copy in the current context: the cache may be rebuilt while a request is bound. */
static ResourceType *
copy_type(const ResourceType *type)
{
	ResourceType *copy = palloc(sizeof(ResourceType));
	ListCell   *lc;

	*copy = *type;
	copy->name = copy_string(type->name);
	copy->schema_name = copy_string(type->schema_name);
	copy->table_name = copy_string(type->table_name);
	copy->prefix = copy_string(type->prefix);
	copy->parents = NIL;
	foreach(lc, type->parents)
		copy->parents = lappend(copy->parents, pstrdup(lfirst(lc)));
	copy->lineage_field = copy_string(type->lineage_field);
	copy->lineage_fields = NIL;
	foreach(lc, type->lineage_fields)
		copy->lineage_fields = lappend(copy->lineage_fields, pstrdup(lfirst(lc)));
	copy->id_column = copy_string(type->id_column);
	copy->document_column = copy_string(type->document_column);
	copy->identifier_column = copy_string(type->identifier_column);
	copy->parent_column = copy_string(type->parent_column);
	copy->lineage_column = copy_string(type->lineage_column);
	copy->valid_from_column = copy_string(type->valid_from_column);
	copy->valid_to_column = copy_string(type->valid_to_column);
	copy->fields = NIL;
	foreach(lc, type->fields)
	{
		const ResourceField *field = lfirst(lc);
		ResourceField *copied = palloc(sizeof(ResourceField));

		copied->path = pstrdup(field->path);
		copied->column = pstrdup(field->column);
		copied->inside = copy_string(field->inside);
		copy->fields = lappend(copy->fields, copied);
	}
	copy->default_sort = copy_string(type->default_sort);
	return copy;
}

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

/* vxp_dql_resource finds the type that the request names. */
VxpError *
vxp_dql_resource(const DqlRequest *request, ResourceType **result)
{
	const char *name = request->resource ? request->resource : DEFAULT_RESOURCE;
	const ResourceType *type = vxp_catalog_by_name(name);
	const char *nearest;
	VxpError   *error;

	if (type)
	{
		*result = copy_type(type);
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
vxp_dql_resource_of(const DqlRequest *request, Oid relid, ResourceType **result)
{
	const ResourceType *type = vxp_catalog_by_relid(relid);

	if (type == NULL)
		return vxp_error_hint(vxp_error(ERRCODE_UNDEFINED_OBJECT, NULL,
										"table \"%s\" is not a registered resource type", get_rel_name(relid)),
							  "Register it with vxp.register(name, table).");
	*result = copy_type(type);
	if (request->resource && strcmp(request->resource, type->name) != 0)
		return vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, "$.resource",
						 "the request is about \"%s\", but the table \"%s\" holds \"%s\"",
						 vxp_quote_input(request->resource, strlen(request->resource)),
						 get_rel_name(relid), (*result)->name);
	return NULL;
}
