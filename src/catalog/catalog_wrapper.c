/*
 * catalog_wrapper.c - the functions beside a table, and what the catalog knows by OID
 *
 * The wrappers volume(dql) and volume(dql, VARIADIC "any") are C functions with
 * a support function, which a plain role may not create.  This file is the one
 * place of the extension where something is done that the caller could not do
 * by SQL, and so it checks first what SQL would check: the caller owns the
 * table, and the owner of the table may create in its schema.  Nothing runs as
 * another user: the function is entered into the catalog directly, owned by
 * the owner of the table.  What it executes is fixed; only its name and its
 * result type depend on the table, and it reads with the rights of its caller.
 *
 * A wrapper has an internal dependency on its table.  So it goes with the
 * table, cannot be dropped alone, and is not dumped: a plain role could not
 * restore a C function.  What is dumped is a security label of the table, with
 * the name of the wrappers; setting the label makes them.
 *
 * vxp.resource_relation keeps the OIDs of table and view for each type, so that
 * a RENAME can be followed.  It is never dumped, and written only here.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "commands/seclabel.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog/catalog.h"
#include "common/vxp_compat.h"

VXP_FUNCTION(vxp_resource_type_record);

#define LABEL_PROVIDER "vxp"

/* columns of vxp.resource_relation */
enum
{
	Anum_resource_relation_name = 1,
	Anum_resource_relation_relid,
	Anum_resource_relation_view_relid,
	Natts_resource_relation = Anum_resource_relation_view_relid
};

/* Raises 42501 unless the current user might have created a function for this table. */
static void
check_may_wrap(Oid relid, Oid owner, Oid schema)
{
	if (!vxp_owns_relation(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)),
					   get_rel_name(relid));
	if (!vxp_may_create_in(schema, owner))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_SCHEMA, get_namespace_name(schema));
}

/* The library that holds "function": what its probin says. */
static char *
library_of(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	bool		isnull;
	Datum		value;
	char	   *library;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	value = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_probin, &isnull);
	if (isnull)
		elog(ERROR, "function %u has no library", function);
	library = TextDatumGetCString(value);
	ReleaseSysCache(tuple);
	return library;
}

static Datum
array_of(Datum *values, int count, Oid type)
{
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(construct_array(values, count, type, length, by_value, align));
}

/* One wrapper: name(dql), or name(dql, VARIADIC bind "any"). */
static void
make_wrapper(const char *name, Oid relid, Oid owner, Oid schema, Oid dql, Oid support,
			 const char *library, bool variadic)
{
	Oid			types[2] = {dql, ANYOID};
	Datum		all_types[2] = {ObjectIdGetDatum(dql), ObjectIdGetDatum(ANYOID)};
	Datum		modes[2] = {CharGetDatum(FUNC_PARAM_IN), CharGetDatum(FUNC_PARAM_VARIADIC)};
	Datum		names[2] = {CStringGetTextDatum("dql"), CStringGetTextDatum("bind")};
	int			count = variadic ? 2 : 1;
	ObjectAddress function;
	ObjectAddress table;

	function = ProcedureCreate(name, schema,
							   false,	/* replace */
							   true,	/* returns a set */
							   get_rel_type_id(relid), owner, ClanguageId,
							   InvalidOid,	/* no validator: the symbol is ours */
							   "vxp_query", library,
							   NULL,	/* SQL body */
							   PROKIND_FUNCTION,
							   false,	/* security definer */
							   false,	/* leak-proof */
							   false,	/* strict */
							   PROVOLATILE_STABLE, PROPARALLEL_RESTRICTED,
							   buildoidvector(types, count),
							   variadic ? array_of(all_types, count, OIDOID) : (Datum) 0,
							   variadic ? array_of(modes, count, CHAROID) : (Datum) 0,
							   array_of(names, count, TEXTOID),
							   NIL, /* defaults */
							   VXP_NO_TRANSFORMS,
							   PointerGetDatum(NULL),	/* settings */
							   support,
							   1000,	/* cost */
							   1000);	/* rows */
	ObjectAddressSet(table, RelationRelationId, relid);
	recordDependencyOn(&function, &table, DEPENDENCY_INTERNAL);
	CreateComments(function.objectId, ProcedureRelationId, 0,
				   variadic ?
				   "Rows of the table that match a DQL request, all of them, planned as part of the enclosing query. "
				   "Further arguments are the values of {\"$param\": 1} and so on." :
				   "Rows of the table that match a DQL request, all of them, planned as part of the enclosing query.");
	CommandCounterIncrement();
}

/* The OIDs of the wrappers of a table. */
static List *
find_wrappers(Oid relid)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *found = NIL;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->classid == ProcedureRelationId && form->deptype == DEPENDENCY_INTERNAL)
			found = lappend_oid(found, form->objid);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return found;
}

/* Removes the wrappers of a table and its label. */
static void
drop_wrappers(Oid relid)
{
	ObjectAddresses *functions = new_object_addresses();
	List	   *found = find_wrappers(relid);
	ObjectAddress table;
	ListCell   *lc;

	foreach(lc, found)
	{
		ObjectAddress function;

		/* it is dropped on its own now, so it must not ask for its table to be dropped */
		deleteDependencyRecordsForClass(ProcedureRelationId, lfirst_oid(lc),
										RelationRelationId, DEPENDENCY_INTERNAL);
		ObjectAddressSet(function, ProcedureRelationId, lfirst_oid(lc));
		add_exact_object_address(&function, functions);
	}
	if (found != NIL)
	{
		CommandCounterIncrement();
		performMultipleDeletions(functions, DROP_RESTRICT, 0);
	}
	free_object_addresses(functions);
	ObjectAddressSet(table, RelationRelationId, relid);
	SetSecurityLabel(&table, LABEL_PROVIDER, NULL);
}

/* Makes both wrappers of a table under that name. */
static void
make_wrappers(const char *name, Oid relid)
{
	Oid			vxp = get_namespace_oid("vxp", false);
	Oid			dql = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("dql"),
									  ObjectIdGetDatum(vxp));
	List	   *support_name = list_make2(makeString("vxp"), makeString("query_support"));
	Oid			internal = INTERNALOID;
	Oid			support = LookupFuncName(support_name, 1, &internal, true);
	List	   *record_name = list_make2(makeString("vxp"), makeString("resource_type_record"));
	Oid			record = LookupFuncName(record_name, 0, NULL, true);
	char	   *library;
	Oid			schema = get_rel_namespace(relid);
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	if (!OidIsValid(dql) || !OidIsValid(support) || !OidIsValid(record))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function vxp.query_support(internal) does not exist"),
				 errhint("Update the extension: ALTER EXTENSION vxp_query UPDATE.")));
	check_may_wrap(relid, owner, schema);
	library = library_of(record);
	make_wrapper(name, relid, owner, schema, dql, support, library, false);
	make_wrapper(name, relid, owner, schema, dql, support, library, true);
}

/* Has the table both wrappers, under that name? */
static bool
has_wrappers(const char *name, Oid relid)
{
	List	   *found = find_wrappers(relid);
	ListCell   *lc;

	foreach(lc, found)
	{
		char	   *function = get_func_name(lfirst_oid(lc));

		if (function == NULL || strcmp(function, name) != 0)
			return false;
	}
	return list_length(found) == 2;
}

/*
 * SECURITY LABEL FOR vxp ON TABLE t IS 'name' makes the wrappers of that name,
 * when they are missing.  The server has checked that the caller owns the
 * table.  A dump says so right behind the table, before any view that may use
 * the wrappers; the catalog's rows come with the data, which is too late.
 */
static void
label_relation(const ObjectAddress *object, const char *label)
{
	if (label == NULL)
		return;
	if (object->classId != RelationRelationId || object->objectSubId != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("only tables and views can have a label of vxp"),
				 errdetail("The label is the name of the DQL function beside the table.")));
	if (label[0] == '\0' || strlen(label) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("the label of vxp is not the name of a function")));
	if (!has_wrappers(label, object->objectId))
	{
		drop_wrappers(object->objectId);
		make_wrappers(label, object->objectId);
	}
}

void
vxp_wrapper_init(void)
{
	register_label_provider(LABEL_PROVIDER, label_relation);
}

/*
 * Removes the row of vxp.resource_relation with that name.  Returns the OID of
 * the view that it held, or InvalidOid.
 */
static Oid
forget_relation(Relation relation, const char *name)
{
	TupleDesc	desc = RelationGetDescr(relation);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	Oid			view = InvalidOid;
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, Anum_resource_relation_name, desc, &isnull);

		if (isnull || strcmp(TextDatumGetCString(value), name) != 0)
			continue;
		value = heap_getattr(tuple, Anum_resource_relation_view_relid, desc, &isnull);
		view = isnull ? InvalidOid : DatumGetObjectId(value);
		CatalogTupleDelete(relation, &tuple->t_self);
	}
	systable_endscan(scan);
	return view;
}

static void
remember_relation(Relation relation, const char *name, Oid relid, Oid view)
{
	Datum		values[Natts_resource_relation];
	bool		nulls[Natts_resource_relation] = {false};

	values[Anum_resource_relation_name - 1] = CStringGetTextDatum(name);
	values[Anum_resource_relation_relid - 1] = ObjectIdGetDatum(relid);
	values[Anum_resource_relation_view_relid - 1] = ObjectIdGetDatum(view);
	nulls[Anum_resource_relation_view_relid - 1] = !OidIsValid(view);
	CatalogTupleInsert(relation, heap_form_tuple(RelationGetDescr(relation), values, nulls));
}

/* A column of type text or name, or NULL. */
static char *
column_string(HeapTuple tuple, TupleDesc desc, AttrNumber attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	if (isnull)
		return NULL;
	if (TupleDescAttr(desc, attnum - 1)->atttypid == NAMEOID)
		return pstrdup(NameStr(*DatumGetName(value)));
	return TextDatumGetCString(value);
}

static Oid
column_relation(HeapTuple tuple, TupleDesc desc, AttrNumber table)
{
	char	   *schema_name = column_string(tuple, desc, Anum_resource_type_schema_name);
	char	   *name = column_string(tuple, desc, table);
	Oid			schema = get_namespace_oid(schema_name, true);

	if (name == NULL || !OidIsValid(schema))
		return InvalidOid;
	return get_relname_relid(name, schema);
}

static bool
same_string(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/*
 * resource_type_record() -> trigger, AFTER INSERT OR UPDATE OR DELETE FOR EACH
 * ROW of vxp.resource_type
 *
 * Notes the OIDs of table and view, and makes or removes the wrappers.  The
 * row trigger before has checked who may write the row; the rights to make
 * wrappers are checked here again (42501).
 */
Datum
vxp_resource_type_record(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	desc;
	HeapTuple	old_row = NULL;
	HeapTuple	new_row = NULL;
	char	   *old_function = NULL;
	char	   *new_function = NULL;
	Oid			old_relid = InvalidOid;
	Oid			new_relid = InvalidOid;
	Oid			old_view = InvalidOid;
	Relation	relation;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		RelationGetRelid(trigger->tg_relation) != vxp_catalog_relid())
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("resource_type_record() can only be called as a trigger of vxp.resource_type")));
	desc = RelationGetDescr(trigger->tg_relation);
	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		old_row = trigger->tg_trigtuple;
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		new_row = trigger->tg_trigtuple;
	else if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		new_row = trigger->tg_newtuple;

	if (old_row != NULL)
	{
		old_relid = column_relation(old_row, desc, Anum_resource_type_table_name);
		old_function = column_string(old_row, desc, Anum_resource_type_function_name);
	}
	if (new_row != NULL)
	{
		new_relid = column_relation(new_row, desc, Anum_resource_type_table_name);
		new_function = column_string(new_row, desc, Anum_resource_type_function_name);
	}

	relation = table_open(get_relname_relid("resource_relation", get_namespace_oid("vxp", false)),
						  RowExclusiveLock);
	if (old_row != NULL)
		old_view = forget_relation(relation, column_string(old_row, desc, Anum_resource_type_name));
	CommandCounterIncrement();
	if (new_row != NULL && OidIsValid(new_relid))
	{
		Oid			view = column_relation(new_row, desc, Anum_resource_type_view_name);

		/* when the table leaves its schema, the view is still where it was */
		remember_relation(relation, column_string(new_row, desc, Anum_resource_type_name), new_relid,
						  OidIsValid(view) ? view : old_view);
	}
	table_close(relation, RowExclusiveLock);

	/*
	 * A table that was renamed keeps its wrappers: the row then changes its
	 * table_name, old_relid is not found, and nothing is to be done.
	 */
	if (old_function != NULL && OidIsValid(old_relid) &&
		(new_function == NULL || old_relid != new_relid))
		drop_wrappers(old_relid);
	if (new_function != NULL && OidIsValid(new_relid) &&
		(old_row == NULL || !same_string(old_function, new_function)))
	{
		ObjectAddress table;

		ObjectAddressSet(table, RelationRelationId, new_relid);
				label_relation(&table, new_function);
		SetSecurityLabel(&table, LABEL_PROVIDER, new_function);
	}
	return PointerGetDatum(NULL);
}
