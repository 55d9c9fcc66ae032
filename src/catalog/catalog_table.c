/*
 * catalog_table.c - what the lineage triggers know of a table, and as whom they ask
 *
 * An entry holds column numbers and saved plans.  It is rebuilt when the
 * catalog generation changes; the old one stays alive until the end of the
 * transaction, since a trigger further up may be using it.
 *
 * Queries on other tables run as those tables' owner with row security off, as
 * foreign-key actions do: a policy must hide no child from a move.  For that
 * the owner of the lower table needs REFERENCES on the upper one, or else a
 * registration could probe or block somebody else's table.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "catalog/catalog.h"
#include "catalog/catalog_lineage.h"

typedef struct TableEntry
{
	Oid			relid;			/* key */
	LineageTable *table;
} TableEntry;

static HTAB *tables = NULL;
static List *retired = NIL;		/* of LineageTable *, in TopMemoryContext */
static uint64 epoch = 1;

/* Frees the plan; NULL is no plan. */
static void
free_plan(SPIPlanPtr plan)
{
	if (plan != NULL)
		SPI_freeplan(plan);
}

static void
free_related(RelatedTable *related)
{
	free_plan(related->plan_find);
	free_plan(related->plan_history);
	free_plan(related->plan_child);
	free_plan(related->plan_close);
	free_plan(related->plan_subtree);
	free_plan(related->plan_count);
	free_plan(related->plan_lock);
	free_plan(related->plan_move);
	free_plan(related->plan_orphan);
}

static void
free_table(LineageTable *table)
{
	ListCell   *lc;

	free_plan(table->plan_self);
	free_plan(table->plan_lock_self);
	free_plan(table->plan_end);
	foreach(lc, table->parents)
		free_related(lfirst(lc));
	foreach(lc, table->descendants)
		free_related(lfirst(lc));
	MemoryContextDelete(table->context);
}

static void
transaction_ended(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	epoch++;
	while (retired != NIL)
	{
		LineageTable *table = llast(retired);

		retired = list_delete_last(retired);
		free_table(table);
	}
}

static void
subtransaction_ended(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	/* locks on parents that were taken inside are gone */
	if (event == SUBXACT_EVENT_ABORT_SUB)
		epoch++;
}

/* A parent that was found is locked, and remembered, until this number changes. */
uint64
vxp_lineage_epoch(void)
{
	return epoch;
}

/* To be called when this session may have changed or removed a parent. */
void
vxp_lineage_forget_parents(void)
{
	epoch++;
}

Oid
vxp_lineage_type_oid(void)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("lineage"),
						   ObjectIdGetDatum(get_namespace_oid("vxp", false)));
}

static Oid
owner_of(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * vxp_enter_owner makes the owner of "relid" the current user, with row
 * security off on that owner's tables.  An error restores the user as well.
 */
void
vxp_enter_owner(Oid relid, OwnerScope *saved)
{
	GetUserIdAndSecContext(&saved->user, &saved->context);
	SetUserIdAndSecContext(owner_of(relid),
						   saved->context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
}

void
vxp_leave_owner(const OwnerScope *saved)
{
	SetUserIdAndSecContext(saved->user, saved->context);
}

/* A saved plan.  SPI must be connected. */
SPIPlanPtr
vxp_prepare_as_owner(Oid relid, const char *sql, int nargs, Oid *types)
{
	OwnerScope	saved;
	SPIPlanPtr	plan;

	vxp_enter_owner(relid, &saved);
	plan = SPI_prepare(sql, nargs, types);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare returned %s for %s", SPI_result_code_string(SPI_result), sql);
	SPI_keepplan(plan);
	vxp_leave_owner(&saved);
	return plan;
}

static char *
quoted(const char *name)
{
	return name ? pstrdup(quote_identifier(name)) : NULL;
}

static bool
is_name_in(const List *names, const char *name)
{
	const ListCell *lc;

	foreach(lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

static bool
maps_identifier(const ResourceType *type)
{
	const ListCell *lc;

	foreach(lc, type->fields)
		if (strcmp(((ResourceField *) lfirst(lc))->path, "identifier") == 0)
			return true;
	return false;
}

/*
 * Does the trigger make the identifier out of the id?  Not when the id is the
 * identifier, nor when the user mapped a column of his own as the identifier.
 */
static bool
derives_identifier(const ResourceType *type)
{
	return (type->id_column == NULL || strcmp(type->id_column, type->identifier_column) != 0) &&
		!maps_identifier(type);
}

static void
fill_related(RelatedTable *related, const ResourceType *type)
{
	related->type_name = pstrdup(type->name);
	related->prefix = pstrdup(type->prefix);
	related->prefix_length = (int) strlen(type->prefix);
	related->relid = type->relid;
	related->table = pstrdup(quote_qualified_identifier(type->schema_name, type->table_name));
	related->identifier = quoted(type->identifier_column);
	related->lineage = quoted(type->lineage_column);
	related->parent = quoted(type->parent_column);
	related->versioned = type->versioned;
	related->cascades = type->cascades;
	related->is_current = "";
	if (type->versioned)
	{
		related->valid_from = quoted(type->valid_from_column);
		related->valid_to = quoted(type->valid_to_column);
		related->is_current = psprintf(" AND %s IS NULL", related->valid_to);
	}
	related->raw_parent = derives_identifier(type) || type->parent_column == NULL ||
		get_atttype(type->relid, get_attnum(type->relid, type->parent_column)) != TEXTOID ||
		type->id_column == NULL || strcmp(type->id_column, type->identifier_column) != 0;
}

/*
 * The type of that name in one reading of the catalog, or NULL.  What follows
 * looks up locks and rows, so the catalog may be read anew meanwhile, and the
 * types of two readings are different objects.
 */
static const ResourceType *
type_named(const List *types, const char *name)
{
	const ListCell *lc;

	foreach(lc, types)
		if (strcmp(((const ResourceType *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

static bool
has_lineage(const ResourceType *type)
{
	return OidIsValid(type->relid) && type->prefix != NULL &&
		type->identifier_column != NULL && type->lineage_column != NULL;
}

/* May the owner of "lower" have its rows refer to rows of "upper"? */
static bool
may_refer(Oid lower, Oid upper)
{
	return pg_class_aclcheck(upper, owner_of(lower), ACL_REFERENCES) == ACLCHECK_OK;
}

/* The column of that name in "relid"; an error names what to do. */
static AttrNumber
require_column(Oid relid, const ResourceType *type, const char *column)
{
	AttrNumber	attnum = get_attnum(relid, column);

	if (attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of resource type \"%s\" does not exist", column, type->name),
				 errhint("Register the table again with vxp.unregister and vxp.register.")));
	return attnum;
}

static void
add_parents(LineageTable *table, const List *types, const ResourceType *type)
{
	ListCell   *lc;

	foreach(lc, type->parents)
	{
		const ResourceType *parent = type_named(types, lfirst(lc));
		RelatedTable *related;

		if (parent == NULL || !has_lineage(parent))
			continue;
		if (!may_refer(type->relid, parent->relid))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("the owner of table \"%s\" may not refer to resources of type \"%s\"",
							type->table_name, parent->name),
					 errhint("Grant the owner of the table the privilege REFERENCES on table \"%s\".",
							 parent->table_name)));
		related = palloc0(sizeof(RelatedTable));
		fill_related(related, parent);
		table->parents = lappend(table->parents, related);
	}
}

/* All types that can lie below, each once; "type" itself when it nests in itself. */
static void
add_descendants(LineageTable *table, const List *types, const ResourceType *type)
{
	List	   *names = list_make1(type->name);
	List	   *below = NIL;
	bool		grown = true;
	const ListCell *lc;

	while (grown)
	{
		grown = false;
		foreach(lc, types)
		{
			const ResourceType *candidate = lfirst(lc);
			const ListCell *parent;

			if (!has_lineage(candidate) || list_member_ptr(below, candidate))
				continue;
			foreach(parent, candidate->parents)
			{
				const ResourceType *upper = type_named(types, lfirst(parent));

				if (upper != NULL && is_name_in(names, upper->name) && has_lineage(upper) &&
					may_refer(candidate->relid, upper->relid))
				{
					below = lappend(below, (void *) candidate);
					names = lappend(names, candidate->name);
					grown = true;
					break;
				}
			}
		}
	}
	/* in the order of names, so that two moves lock tables in the same order */
	foreach(lc, types)
	{
		const ResourceType *candidate = lfirst(lc);
		RelatedTable *related;

		if (!list_member_ptr(below, candidate))
			continue;
		related = palloc0(sizeof(RelatedTable));
		fill_related(related, candidate);
		related->direct = is_name_in(candidate->parents, type->name);
		table->versions_below |= related->versioned;
		table->descendants = lappend(table->descendants, related);
	}
}

/* Is that column of the partitioned table in its partition key? */
static bool
is_in_partition_key(Oid root, const char *column)
{
	HeapTuple	tuple = SearchSysCache1(PARTRELID, ObjectIdGetDatum(root));
	AttrNumber	attnum = get_attnum(root, column);
	bool		found = false;
	Form_pg_partitioned_table form;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_partitioned_table) GETSTRUCT(tuple);
	for (int i = 0; i < form->partnatts; i++)
		if (form->partattrs.values[i] == attnum)
			found = true;
	ReleaseSysCache(tuple);
	return found;
}

/* Lineage fields of this type and all above it that are columns of the table. */
static void
add_columns(LineageTable *table, const List *types, const ResourceType *type)
{
	List	   *above = list_make1((void *) type);
	int			position = 0;

	/* "above" grows while it is read */
	while (position < list_length(above))
	{
		const ResourceType *upper = list_nth(above, position++);
		ListCell   *lc;

		foreach(lc, upper->parents)
		{
			const ResourceType *parent = type_named(types, lfirst(lc));

			if (parent != NULL)
				above = list_append_unique_ptr(above, (void *) parent);
		}
	}
	table->columns = palloc0(sizeof(LineageColumn) * list_length(above));
	for (int i = 0; i < list_length(above); i++)
	{
		const ResourceType *upper = list_nth(above, i);
		LineageColumn *column = &table->columns[table->column_count];

		/* a column of that name which the table had before is none of ours */
		if (upper->lineage_field == NULL || upper->prefix == NULL ||
			!is_name_in(type->lineage_fields, upper->lineage_field))
			continue;
		column->attnum = get_attnum(table->relid, upper->lineage_field);
		if (column->attnum == InvalidAttrNumber ||
			get_atttype(table->relid, column->attnum) != TEXTOID)
			continue;
		column->prefix = pstrdup(upper->prefix);
		column->prefix_length = (int) strlen(upper->prefix);
		column->is_key = table->relid != type->relid &&
			is_in_partition_key(type->relid, upper->lineage_field);
		table->column_count++;
	}
}

/* The registered type of a table, or of the table that it is a partition, or holds the closed rows, of. */
static const ResourceType *
find_type(const List *types, Oid relid)
{
	List	   *tables = lcons_oid(relid, get_partition_ancestors(relid));
	const ListCell *table;

	foreach(table, tables)
	{
		const ListCell *lc;

		foreach(lc, types)
			if (((const ResourceType *) lfirst(lc))->relid == lfirst_oid(table))
				return lfirst(lc);
	}
	return NULL;
}

static LineageTable *
build_table(Relation relation, uint64 generation)
{
	Oid			relid = RelationGetRelid(relation);
	const List *types = vxp_catalog_types();
	const ResourceType *type = find_type(types, relid);
	MemoryContext context;
	MemoryContext old;
	LineageTable *table;

	if (type == NULL || !has_lineage(type))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not registered as a resource type with lineage",
						RelationGetRelationName(relation)),
				 errhint("Register it with vxp.register, or drop the triggers whose names begin with vxp_lineage.")));

	context = AllocSetContextCreate(CurrentMemoryContext, "vxp lineage of a table",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	table = palloc0(sizeof(LineageTable));
	table->relid = relid;
	table->context = context;
	table->generation = generation;
	fill_related(&table->self, type);
	table->identifier_attnum = require_column(relid, type, type->identifier_column);
	table->lineage_attnum = require_column(relid, type, type->lineage_column);
	if (type->versioned)
	{
		table->version.key = table->identifier_attnum;
		table->version.valid_from = require_column(relid, type, type->valid_from_column);
		table->version.valid_to = require_column(relid, type, type->valid_to_column);
	}
	if (get_atttype(relid, table->identifier_attnum) != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of resource type \"%s\" is not of type text",
						type->identifier_column, type->name)));
	if (get_atttype(relid, table->lineage_attnum) != vxp_lineage_type_oid())
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of resource type \"%s\" is not of type vxp.lineage",
						type->lineage_column, type->name)));
	if (type->parent_column != NULL)
	{
		table->parent_attnum = require_column(relid, type, type->parent_column);
		table->parent_type = get_atttype(relid, table->parent_attnum);
		table->parent_name = pstrdup(type->parent_column);
	}
	table->derives_identifier = derives_identifier(type);
	table->raw_parent = table->self.raw_parent;
	if (type->id_column != NULL)
	{
		table->id_attnum = require_column(relid, type, type->id_column);
		table->id_type = get_atttype(relid, table->id_attnum);
		table->id_name = pstrdup(type->id_column);
	}
	else if (type->document_column != NULL)
	{
		table->document_attnum = require_column(relid, type, type->document_column);
		if (get_atttype(relid, table->document_attnum) != JSONBOID)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of resource type \"%s\" is not of type jsonb",
							type->document_column, type->name)));
	}
	/* a type that lies only below itself must begin somewhere */
	table->parent_optional = type->parents == NIL ||
		(list_length(type->parents) == 1 && strcmp(linitial(type->parents), type->name) == 0);
	add_columns(table, types, type);
	add_parents(table, types, type);
	add_descendants(table, types, type);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(context, CacheMemoryContext);
	return table;
}

/*
 * vxp_lineage_table returns what is known of the table, for use until the end
 * of the transaction.  An error when it is not registered with lineage.
 */
LineageTable *
vxp_lineage_table(Relation relation)
{
	Oid			relid = RelationGetRelid(relation);
	uint64		generation = vxp_catalog_generation();
	LineageTable *table;
	TableEntry *entry;

	if (tables == NULL)
	{
		HASHCTL		ctl;

		memset(&ctl, 0, sizeof(ctl));
		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(TableEntry);
		ctl.hcxt = CacheMemoryContext;
		tables = hash_create("vxp lineage tables", 32, &ctl,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(tables, &relid, HASH_FIND, NULL);
	if (entry != NULL && entry->table->generation == generation)
		return entry->table;
	if (entry != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		retired = lappend(retired, entry->table);
		MemoryContextSwitchTo(old);
		(void) hash_search(tables, &relid, HASH_REMOVE, NULL);
	}
	table = build_table(relation, generation);
	entry = hash_search(tables, &relid, HASH_ENTER, NULL);
	entry->table = table;
	return table;
}

void
vxp_lineage_init(void)
{
	RegisterXactCallback(transaction_ended, NULL);
	RegisterSubXactCallback(subtransaction_ended, NULL);
}
