/*
 * catalog.h - resource types as C sees them
 *
 * A ResourceType describes one registered table.  The structs live in the
 * cache and stay valid, unchanged, until the end of the transaction; callers
 * copy what they keep longer.
 */
#ifndef VXP_CATALOG_H
#define VXP_CATALOG_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* A DQL path that register() mapped to a column or to a place inside a jsonb column. */
typedef struct ResourceField
{
	char	   *path;			/* DQL path, "metadata.system.size" */
	char	   *column;			/* column of the table */
	char	   *inside;			/* path inside the jsonb column, or NULL: the column itself */
} ResourceField;

typedef struct ResourceType
{
	char	   *name;			/* "Volume"; names are case sensitive */
	Oid			relid;			/* InvalidOid when the table is missing */
	char	   *schema_name;	/* as recorded */
	char	   *table_name;
	char	   *prefix;			/* identifier type, "volume"; or NULL */
	List	   *parents;		/* of char *: names of possible parent types */
	bool		versioned;
	bool		cascades;		/* do resources end with their parent, or keep it from ending? */
	char	   *lineage_field;	/* "volume_id", or NULL */
	List	   *lineage_fields; /* of char *: columns of the table that are lineage fields */

	/* columns by duty; NULL when the type has none */
	char	   *id_column;		/* NULL: document ->> 'id' */
	char	   *document_column;
	char	   *identifier_column;
	char	   *parent_column;
	char	   *lineage_column;
	char	   *valid_from_column;
	char	   *valid_to_column;

	List	   *fields;			/* of ResourceField * */
	char	   *default_sort;	/* JSON text as given, or NULL: the documented default */
} ResourceType;

/* columns of vxp.resource_type; new ones are only ever added at the end */
enum
{
	Anum_resource_type_name = 1,
	Anum_resource_type_schema_name,
	Anum_resource_type_table_name,
	Anum_resource_type_prefix,
	Anum_resource_type_parents,
	Anum_resource_type_versioned,
	Anum_resource_type_lineage_field,
	Anum_resource_type_id_column,
	Anum_resource_type_document_column,
	Anum_resource_type_identifier_column,
	Anum_resource_type_parent_column,
	Anum_resource_type_lineage_column,
	Anum_resource_type_valid_from_column,
	Anum_resource_type_valid_to_column,
	Anum_resource_type_fields,
	Anum_resource_type_default_sort,
	Anum_resource_type_created,
	Anum_resource_type_view_name,
	Anum_resource_type_function_name,
	Anum_resource_type_lineage_fields,
	Anum_resource_type_on_close
};

/* catalog_cache.c */
extern const ResourceType *vxp_catalog_by_name(const char *name);	/* NULL when unknown */
extern const ResourceType *vxp_catalog_by_relid(Oid relid); /* NULL when not registered */
extern const char *vxp_catalog_nearest(const char *name);	/* for hints, or NULL */
extern bool vxp_catalog_is_lineage_field(const char *column);	/* of any registered type */
extern Oid	vxp_catalog_relid(void);	/* OID of vxp.resource_type: plans depend on it */
extern const List *vxp_catalog_types(void); /* all, by name */
extern uint64 vxp_catalog_generation(void); /* changes when the catalog was read anew */
extern void vxp_catalog_init(void);

/* catalog_paths.c */
extern void vxp_paths_init(void);

/* catalog_wrapper.c */
extern void vxp_wrapper_init(void);

#endif							/* VXP_CATALOG_H */
