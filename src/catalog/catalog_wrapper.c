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
 * A wrapper must not be dumped: a plain role could not restore a C function.
 * pg_dump leaves out functions that are internal to another object, so the
 * wrappers are internal to the view on current rows.  (Not to the table: DROP
 * EXTENSION ... CASCADE deletes what a function is internal to.)  What is
 * dumped instead are two security labels: one on the table, "function NAME",
 * which makes the wrappers before any view that uses them is restored; one on
 * the view, "current rows", which makes them internal to it.
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
#include "catalog/pg_rewrite.h"
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
#define FUNCTION_LABEL "function "
#define VIEW_LABEL "current rows"

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
	CreateComments(function.objectId, ProcedureRelationId, 0,
				   variadic ?
				   "Rows of the table that match a DQL request, all of them, planned as part of the enclosing query. "
				   "Further arguments are the values of {\"$param\": 1} and so on." :
				   "Rows of the table that match a DQL request, all of them, planned as part of the enclosing query.");
	CommandCounterIncrement();
}

/* The OIDs of the wrappers of a table: our functions that return its rows. */
static List *
find_wrappers(Oid relid)
{
	Relation	depend;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *found = NIL;
	Oid			row_type = get_rel_type_id(relid);

	if (!OidIsValid(row_type))
		return NIL;
	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(TypeRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(row_type));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);
		HeapTuple	function;

		if (form->classid != ProcedureRelationId || list_member_oid(found, form->objid))
			continue;
		function = SearchSysCache1(PROCOID, ObjectIdGetDatum(form->objid));
		if (!HeapTupleIsValid(function))
			continue;
		if (((Form_pg_proc) GETSTRUCT(function))->prolang == ClanguageId &&
			((Form_pg_proc) GETSTRUCT(function))->prorettype == row_type)
		{
			bool		isnull;
			Datum		symbol = SysCacheGetAttr(PROCOID, function, Anum_pg_proc_prosrc, &isnull);

			if (!isnull && strcmp(TextDatumGetCString(symbol), "vxp_query") == 0)
				found = lappend_oid(found, form->objid);
		}
		ReleaseSysCache(function);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return found;
}

/* Makes the wrappers of a table internal to the view, and labels the view. */
static void
hide_wrappers(Oid relid, Oid view)
{
	List	   *found = find_wrappers(relid);
	ObjectAddress target;
	ListCell   *lc;

	ObjectAddressSet(target, RelationRelationId, view);
	foreach(lc, found)
	{
		ObjectAddress function;

		deleteDependencyRecordsForClass(ProcedureRelationId, lfirst_oid(lc),
										RelationRelationId, DEPENDENCY_INTERNAL);
		ObjectAddressSet(function, ProcedureRelationId, lfirst_oid(lc));
		recordDependencyOn(&function, &target, DEPENDENCY_INTERNAL);
	}
	SetSecurityLabel(&target, LABEL_PROVIDER, VIEW_LABEL);
	CommandCounterIncrement();
}

/* The one relation that a view reads, or InvalidOid. */
static Oid
relation_below(Oid view)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	Relation	rewrite = table_open(RewriteRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			rule = InvalidOid;
	Oid			found = InvalidOid;

	ScanKeyInit(&keys[0], Anum_pg_rewrite_ev_class, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(view));
	scan = systable_beginscan(rewrite, RewriteRelRulenameIndexId, true, NULL, 1, keys);
	if ((tuple = systable_getnext(scan)) != NULL)
		rule = ((Form_pg_rewrite) GETSTRUCT(tuple))->oid;
	systable_endscan(scan);
	table_close(rewrite, AccessShareLock);

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RewriteRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(rule));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL, 2, keys);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->refclassid == RelationRelationId && form->refobjid != view)
			found = form->refobjid;
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
	char	   *library;
	Oid			schema = get_rel_namespace(relid);
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	if (!OidIsValid(dql) || !OidIsValid(support))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function vxp.query_support(internal) does not exist"),
				 errhint("Update the extension: ALTER EXTENSION vxp_query UPDATE.")));
	check_may_wrap(relid, owner, schema);
	library = library_of(support);
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

/* Makes the wrappers of that name unless they are there. */
static void
ensure_wrappers(const char *name, Oid relid)
{
	ObjectAddress table;

	if (!has_wrappers(name, relid))
	{
		drop_wrappers(relid);
		make_wrappers(name, relid);
	}
	ObjectAddressSet(table, RelationRelationId, relid);
	SetSecurityLabel(&table, LABEL_PROVIDER, psprintf(FUNCTION_LABEL "%s", name));
}

/*
 * pg_upgrade restores the members of an extension one by one, like objects of
 * any schema, and a table that the body of a function names comes before most
 * functions.  The wrappers then wait for the label on the view.
 */
static bool
too_early(void)
{
	List	   *name = list_make2(makeString("vxp"), makeString("query_support"));
	Oid			internal = INTERNALOID;

	return IsBinaryUpgrade && !OidIsValid(LookupFuncName(name, 1, &internal, true));
}

/* The name of the wrappers that the label on the table says, or NULL. */
static const char *
labelled_name(Oid relid)
{
	ObjectAddress table;
	char	   *label;

	ObjectAddressSet(table, RelationRelationId, relid);
	label = GetSecurityLabel(&table, LABEL_PROVIDER);
	if (label == NULL || strncmp(label, FUNCTION_LABEL, strlen(FUNCTION_LABEL)) != 0)
		return NULL;
	return label + strlen(FUNCTION_LABEL);
}

/*
 * SECURITY LABEL FOR vxp ON TABLE t IS 'function name' makes the wrappers of
 * that name, when they are missing; ON VIEW v IS 'current rows' makes those of
 * the table below internal to the view.  A dump says so right behind table and
 * view; the catalog's rows come with the data, too late for views that use the
 * wrappers.  The server has checked that the caller owns the relation.
 */
static void
label_relation(const ObjectAddress *object, const char *label)
{
	if (label == NULL)
		return;
	if (object->classId == RelationRelationId && object->objectSubId == 0)
	{
		if (strcmp(label, VIEW_LABEL) == 0 && get_rel_relkind(object->objectId) == RELKIND_VIEW)
		{
			Oid			table = relation_below(object->objectId);

			if (OidIsValid(table) && vxp_owns_relation(table, GetUserId()))
			{
				const char *name = labelled_name(table);

				if (too_early())
					return;
				if (name && !has_wrappers(name, table))
				{
					drop_wrappers(table);
					make_wrappers(name, table);
				}
				hide_wrappers(table, object->objectId);
				return;
			}
		}
		if (strncmp(label, FUNCTION_LABEL, strlen(FUNCTION_LABEL)) == 0)
		{
			const char *name = label + strlen(FUNCTION_LABEL);

			if (name[0] != '\0' && strlen(name) < NAMEDATALEN)
			{
				if (!too_early() && !has_wrappers(name, object->objectId))
				{
					drop_wrappers(object->objectId);
					make_wrappers(name, object->objectId);
				}
				return;
			}
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is no label of vxp for this object", label),
			 errdetail("A table has the label \"function NAME\", the view on its current rows \"current rows\".")));
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
	Oid			new_view = InvalidOid;
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
		new_view = OidIsValid(view) ? view : get_rel_relkind(old_view) == RELKIND_VIEW ? old_view : InvalidOid;
		remember_relation(relation, column_string(new_row, desc, Anum_resource_type_name), new_relid, new_view);
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
		ensure_wrappers(new_function, new_relid);
	if (new_function != NULL && OidIsValid(new_relid) && OidIsValid(new_view))
		hide_wrappers(new_relid, new_view);
	return PointerGetDatum(NULL);
}
