/*
 * catalog_cache.c - resource types in memory
 *
 * The whole of vxp.resource_type is read at once, into one context, and thrown
 * away at once: there are few types, and a half-stale catalog (a type whose
 * parents come from another moment) is then impossible.
 *
 * The cache is marked invalid by a relcache message for
 *  - vxp.resource_type: its statement trigger sends one on every change,
 *  - any table that a cached type names: it may have been renamed or dropped,
 *  - any relation at all while some type has no table: the new relation may be
 *	  the missing one.
 * The callback only sets flags; reading happens at the next look-up, inside a
 * transaction.  A message of any kind that arrives while we read makes the
 * result invalid again.
 *
 * That the extension is absent is never remembered: nothing would tell us when
 * that changes.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog/catalog.h"
#include "common/vxp_error.h"

/* hash entries; name and type live in the context of the catalog */
typedef struct NameEntry
{
	const char *name;			/* key: pointer, compared as a string */
	ResourceType *type;
} NameEntry;

typedef struct RelidEntry
{
	Oid			relid;			/* key */
	ResourceType *type;
} RelidEntry;

/* The catalog at one moment; lives in its own context. */
typedef struct Catalog
{
	MemoryContext context;
	Oid			relid;			/* of vxp.resource_type */
	bool		has_missing;	/* some type has no table */
	List	   *types;			/* of ResourceType *, by name */
	HTAB	   *by_name;
	HTAB	   *by_relid;
} Catalog;

static Catalog *current = NULL;
static bool cache_valid = false;
static bool message_seen = false;	/* did any message arrive? */
static uint64 cache_generation = 0;

static uint32
hash_name(const void *key, Size keysize)
{
	const char *name = *(const char *const *) key;

	return DatumGetUInt32(hash_any((const unsigned char *) name, (int) strlen(name)));
}

static int
match_name(const void *a, const void *b, Size keysize)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static void
relcache_changed(Datum arg, Oid relid)
{
	message_seen = true;
	if (cache_valid &&
		(relid == InvalidOid || relid == current->relid || current->has_missing ||
		 hash_search(current->by_relid, &relid, HASH_FIND, NULL) != NULL))
		cache_valid = false;
}

/*
 * The OID of our own vxp.resource_type, or InvalidOid when the extension is not
 * installed.  A table of that name which is not the extension's does not count.
 */
static Oid
find_catalog(void)
{
	Oid			extension = get_extension_oid("vxp_query", true);
	Oid			schema;
	Oid			relid;

	if (!OidIsValid(extension))
		return InvalidOid;
	schema = get_namespace_oid("vxp", true);
	if (!OidIsValid(schema))
		return InvalidOid;
	relid = get_relname_relid("resource_type", schema);
	if (!OidIsValid(relid) ||
		getExtensionOfObject(RelationRelationId, relid) != extension)
		return InvalidOid;
	return relid;
}

/* A column of type text or name as a C string in the current context; NULL when null. */
static char *
get_string(HeapTuple tuple, TupleDesc desc, AttrNumber attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	if (isnull)
		return NULL;
	if (TupleDescAttr(desc, attnum - 1)->atttypid == NAMEOID)
		return pstrdup(NameStr(*DatumGetName(value)));
	return TextDatumGetCString(value);
}

/* The elements of a text[] column as a list of C strings. */
static List *
get_strings(HeapTuple tuple, TupleDesc desc, AttrNumber attnum)
{
	List	   *result = NIL;
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (isnull)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			result = lappend(result, TextDatumGetCString(elements[i]));
	return result;
}

/*
 * The place that "target" names in relation "relid": a column of exactly that
 * name, else the part before the first dot is the column and the rest a path
 * inside it.
 */
static ResourceField *
make_field(const char *path, const char *target, Oid relid)
{
	ResourceField *field = palloc0(sizeof(ResourceField));
	const char *dot = strchr(target, '.');

	field->path = pstrdup(path);
	if (dot == NULL || dot == target || dot[1] == '\0' ||
		(OidIsValid(relid) && get_attnum(relid, target) != InvalidAttrNumber))
		field->column = pstrdup(target);
	else
	{
		field->column = pnstrdup(target, dot - target);
		field->inside = pstrdup(dot + 1);
	}
	return field;
}

/* The mapping column "fields", a flat jsonb object of strings. */
static List *
get_fields(HeapTuple tuple, TupleDesc desc, AttrNumber attnum, Oid relid)
{
	List	   *result = NIL;
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);
	Jsonb	   *fields;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	item;
	char	   *path = NULL;

	if (isnull)
		return NIL;
	fields = DatumGetJsonbP(value);
	iterator = JsonbIteratorInit(&fields->root);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			path = pnstrdup(item.val.string.val, item.val.string.len);
		else if (token == WJB_VALUE && item.type == jbvString && path != NULL)
			result = lappend(result,
							 make_field(path,
										pnstrdup(item.val.string.val, item.val.string.len),
										relid));
	}
	return result;
}

/* One row of the catalog, in the current context. */
static ResourceType *
read_type(HeapTuple tuple, TupleDesc desc)
{
	ResourceType *type = palloc0(sizeof(ResourceType));
	Oid			schema;
	bool		isnull;
	Datum		sort;

	type->name = get_string(tuple, desc, Anum_resource_type_name);
	type->schema_name = get_string(tuple, desc, Anum_resource_type_schema_name);
	type->table_name = get_string(tuple, desc, Anum_resource_type_table_name);
	schema = get_namespace_oid(type->schema_name, true);
	type->relid = OidIsValid(schema) ? get_relname_relid(type->table_name, schema) : InvalidOid;
	type->prefix = get_string(tuple, desc, Anum_resource_type_prefix);
	type->parents = get_strings(tuple, desc, Anum_resource_type_parents);
	type->versioned = DatumGetBool(heap_getattr(tuple, Anum_resource_type_versioned, desc, &isnull));
	type->cascades = strcmp(get_string(tuple, desc, Anum_resource_type_on_close), "cascade") == 0;
	type->lineage_fields = get_strings(tuple, desc, Anum_resource_type_lineage_fields);
	type->lineage_field = get_string(tuple, desc, Anum_resource_type_lineage_field);
	type->id_column = get_string(tuple, desc, Anum_resource_type_id_column);
	type->document_column = get_string(tuple, desc, Anum_resource_type_document_column);
	type->identifier_column = get_string(tuple, desc, Anum_resource_type_identifier_column);
	type->parent_column = get_string(tuple, desc, Anum_resource_type_parent_column);
	type->lineage_column = get_string(tuple, desc, Anum_resource_type_lineage_column);
	type->valid_from_column = get_string(tuple, desc, Anum_resource_type_valid_from_column);
	type->valid_to_column = get_string(tuple, desc, Anum_resource_type_valid_to_column);
	type->fields = get_fields(tuple, desc, Anum_resource_type_fields, type->relid);
	/* json is text inside */
	sort = heap_getattr(tuple, Anum_resource_type_default_sort, desc, &isnull);
	type->default_sort = isnull ? NULL : TextDatumGetCString(sort);
	return type;
}

/* Reads all rows into "types", in the current context. */
static List *
read_types(Oid catalog)
{
	Relation	relation = table_open(catalog, AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetCatalogSnapshot(catalog));
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, snapshot, 0, NULL);
	List	   *types = NIL;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
		types = lappend(types, read_type(tuple, RelationGetDescr(relation)));
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(relation, AccessShareLock);
	return types;
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(((ResourceType *) lfirst(a))->name, ((ResourceType *) lfirst(b))->name);
}

static void
index_types(Catalog *catalog)
{
	HASHCTL		ctl;
	ListCell   *lc;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(char *);
	ctl.entrysize = sizeof(NameEntry);
	ctl.hash = hash_name;
	ctl.match = match_name;
	ctl.hcxt = catalog->context;
	catalog->by_name = hash_create("vxp resource types by name", 32, &ctl,
								   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(RelidEntry);
	ctl.hcxt = catalog->context;
	catalog->by_relid = hash_create("vxp resource types by table", 32, &ctl,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, catalog->types)
	{
		ResourceType *type = lfirst(lc);
		const char *name = type->name;

		((NameEntry *) hash_search(catalog->by_name, &name, HASH_ENTER, NULL))->type = type;
		if (OidIsValid(type->relid))
			((RelidEntry *) hash_search(catalog->by_relid, &type->relid, HASH_ENTER, NULL))->type = type;
		else
			catalog->has_missing = true;
	}
}

/* A fresh catalog in a context below the current one, so that an error frees it. */
static Catalog *
read_catalog(Oid relid)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "vxp resource types",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Catalog    *catalog = palloc0(sizeof(Catalog));

	catalog->context = context;
	catalog->relid = relid;
	catalog->types = read_types(relid);
	list_sort(catalog->types, compare_names);
	index_types(catalog);
	MemoryContextSwitchTo(old);
	return catalog;
}

/*
 * Makes the cache current.  False when the extension is not installed in this
 * database.  A message that arrives while reading makes the result invalid at
 * once, and it is read again; not for ever, since a result that is stale when
 * the caller looks at it is no worse than any other look-up without a lock.
 */
static bool
load(void)
{
	for (int attempt = 0; !cache_valid && attempt < 10; attempt++)
	{
		Oid			relid = find_catalog();
		Catalog    *fresh;

		if (!OidIsValid(relid))
			return false;
		message_seen = false;
		fresh = read_catalog(relid);
		MemoryContextSetParent(fresh->context, CacheMemoryContext);
		/* callers may hold pointers into the old one: it lives as long as the transaction */
		if (current != NULL)
			MemoryContextSetParent(current->context, TopTransactionContext);
		current = fresh;
		cache_valid = !message_seen;
		cache_generation++;
	}
	return true;
}

/*
 * vxp_catalog_by_name returns the resource type of that name (case-sensitive),
 * or NULL; also NULL where the extension is not installed.
 */
const ResourceType *
vxp_catalog_by_name(const char *name)
{
	NameEntry  *entry;

	if (!load())
		return NULL;
	entry = hash_search(current->by_name, &name, HASH_FIND, NULL);
	return entry ? entry->type : NULL;
}

/* vxp_catalog_by_relid returns the resource type of a table, or NULL. */
const ResourceType *
vxp_catalog_by_relid(Oid relid)
{
	RelidEntry *entry;

	if (!load())
		return NULL;
	entry = hash_search(current->by_relid, &relid, HASH_FIND, NULL);
	return entry ? entry->type : NULL;
}

/* vxp_catalog_types returns all resource types (of ResourceType *), by name. */
const List *
vxp_catalog_types(void)
{
	return load() ? current->types : NIL;
}

/*
 * vxp_catalog_nearest returns the name that is most like "name", for a hint, or
 * NULL.  Names differ in more than case, so equality without case wins.
 */
const char *
vxp_catalog_nearest(const char *name)
{
	const char **names;
	int			count = 0;
	ListCell   *lc;

	if (!load() || current->types == NIL)
		return NULL;
	names = palloc(sizeof(char *) * list_length(current->types));
	foreach(lc, current->types)
	{
		ResourceType *type = lfirst(lc);

		if (pg_strcasecmp(type->name, name) == 0)
			return type->name;
		names[count++] = type->name;
	}
	return vxp_nearest(name, names, count);
}

/* vxp_catalog_is_lineage_field: is that the lineage field of any resource type? */
bool
vxp_catalog_is_lineage_field(const char *column)
{
	const ListCell *lc;

	foreach(lc, vxp_catalog_types())
	{
		const ResourceType *type = lfirst(lc);

		if (type->lineage_field != NULL && strcmp(type->lineage_field, column) == 0)
			return true;
	}
	return false;
}

/* vxp_catalog_relid returns the OID of vxp.resource_type, or InvalidOid. */
Oid
vxp_catalog_relid(void)
{
	return load() ? current->relid : InvalidOid;
}

/*
 * vxp_catalog_generation returns a number that changes whenever the catalog
 * was read anew: what was derived from an older one must be derived again.
 */
uint64
vxp_catalog_generation(void)
{
	(void) load();
	return cache_generation;
}

void
vxp_catalog_init(void)
{
	CacheRegisterRelcacheCallback(relcache_changed, (Datum) 0);
}
