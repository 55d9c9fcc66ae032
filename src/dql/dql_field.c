/*
 * dql_field.c - which column, and which place inside it, a field path means
 *
 * Order of resolution: a path or prefix mapped by register(); the DQL "id";
 * the duties of the resource type (identifier, lineage, ...); a column; a
 * member of the document.  A lineage field of a document table is a column, so
 * columns whose name is a lineage field win over the document.  System columns
 * and functions on the row are never reached, since only user attributes of
 * the relation are looked at.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "dql/dql_bind.h"

/* The kind of a type that this file knows by its OID, which is no domain; COLUMN_OTHER for all else. */
static ColumnKind
known_kind(Oid type)
{
	switch (type)
	{
		case BOOLOID:
			return COLUMN_BOOLEAN;
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return COLUMN_INTEGER;
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
			return COLUMN_NUMBER;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
			return COLUMN_TEXT;
		case TIMESTAMPTZOID:
			return COLUMN_TIMESTAMPTZ;
		case TIMESTAMPOID:
			return COLUMN_TIMESTAMP;
		case DATEOID:
			return COLUMN_DATE;
		case JSONOID:
		case JSONBOID:
			return COLUMN_JSON;
		default:
			return COLUMN_OTHER;
	}
}

static ColumnKind
column_kind(Oid base_type)
{
	ColumnKind	kind = known_kind(base_type);

	/* a domain over an array is its own type, so look below it first */
	if (kind == COLUMN_OTHER && OidIsValid(get_element_type(base_type)))
		kind = COLUMN_ARRAY;
	return kind;
}

/* Does the constraint hold in all tables that inherit, such as that of closed versions? */
static bool
heirs_never_null(Oid relid, const char *name)
{
	bool		result = true;
	ListCell   *lc;

	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		Relation	heir;
		AttrNumber	theirs;

		if (lfirst_oid(lc) == relid)
			continue;
		heir = try_relation_open(lfirst_oid(lc), AccessShareLock);
		if (heir == NULL)
			continue;
		theirs = get_attnum(lfirst_oid(lc), name);
		result = result && heir->rd_rel->relkind == RELKIND_RELATION &&
			theirs != InvalidAttrNumber && vxp_attribute_not_null(RelationGetDescr(heir), theirs - 1);
		relation_close(heir, AccessShareLock);
	}
	return result;
}

/*
 * vxp_never_null: can no row of the relation have NULL in the column?  A table
 * that inherits may lack the constraint of its parent, a partition may not; a
 * foreign table's constraint is a promise that nobody checks.  Looks into the
 * catalog where tables inherit: for those who need to know.
 */
bool
vxp_never_null(const BoundColumn *column)
{
	return column->not_null && (!OidIsValid(column->ancestor) || heirs_never_null(column->ancestor, column->name));
}

/* vxp_bind_column describes a user column; it must not be dropped. */
BoundColumn *
vxp_bind_column(Relation relation, AttrNumber attnum)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
	BoundColumn *column = palloc0(sizeof(BoundColumn));

	Assert(attnum > 0 && !attribute->attisdropped);
	column->attnum = attnum;
	column->name = pstrdup(NameStr(attribute->attname));
	column->type = attribute->atttypid;
	column->kind = known_kind(attribute->atttypid);
	if (column->kind != COLUMN_OTHER)
		column->base_type = attribute->atttypid;
	else
	{
		column->base_type = getBaseType(attribute->atttypid);
		column->kind = column_kind(column->base_type);
	}
	column->collation = attribute->attcollation;
	column->not_null = vxp_attribute_not_null(RelationGetDescr(relation), attnum - 1) &&
		(relation->rd_rel->relkind == RELKIND_RELATION || relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE);
	if (relation->rd_rel->relkind == RELKIND_RELATION && relation->rd_rel->relhassubclass)
		column->ancestor = RelationGetRelid(relation);
	if (column->kind == COLUMN_ARRAY)
	{
		BoundColumn *element = palloc0(sizeof(BoundColumn));

		element->name = column->name;
		element->type = get_element_type(column->base_type);
		element->base_type = getBaseType(element->type);
		element->collation = attribute->attcollation;
		element->kind = column_kind(element->base_type);
		column->element = element;
	}
	return column;
}

/* vxp_bind_named_column returns NULL when there is no such user column. */
BoundColumn *
vxp_bind_named_column(Relation relation, const char *name)
{
	TupleDesc	tupdesc = RelationGetDescr(relation);

	if (name == NULL)
		return NULL;
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return vxp_bind_column(relation, i + 1);
	}
	return NULL;
}

/* The path from segment "first" on; count 0 when nothing is left. */
static DqlPath *
path_from(const DqlPath *path, int first)
{
	DqlPath    *rest = palloc0(sizeof(DqlPath));
	StringInfoData text;

	initStringInfo(&text);
	rest->count = path->count - first;
	rest->segments = palloc(sizeof(char *) * Max(rest->count, 1));
	for (int i = 0; i < rest->count; i++)
	{
		rest->segments[i] = path->segments[first + i];
		appendStringInfo(&text, "%s%s", i > 0 ? "." : "", rest->segments[i]);
	}
	rest->text = text.data;
	return rest;
}

/* vxp_dql_path_of splits a dotted path. */
DqlPath *
vxp_dql_path_of(const char *text)
{
	DqlPath    *path = palloc0(sizeof(DqlPath));
	char	   *copy = pstrdup(text);
	int			capacity = 1;

	for (const char *p = text; *p; p++)
		capacity += *p == '.';
	path->text = pstrdup(text);
	path->segments = palloc(sizeof(char *) * capacity);
	for (char *segment = copy; segment != NULL;)
	{
		char	   *dot = strchr(segment, '.');

		if (dot)
			*dot++ = '\0';
		path->segments[path->count++] = segment;
		segment = dot;
	}
	return path;
}

/* vxp_dql_path_join returns a new path, "a" then "b"; either may be empty. */
DqlPath *
vxp_dql_path_join(const DqlPath *a, const DqlPath *b)
{
	DqlPath    *path = palloc0(sizeof(DqlPath));

	path->count = a->count + b->count;
	path->segments = palloc(sizeof(char *) * Max(path->count, 1));
	memcpy(path->segments, a->segments, sizeof(char *) * a->count);
	memcpy(path->segments + a->count, b->segments, sizeof(char *) * b->count);
	path->text = a->count == 0 ? b->text : b->count == 0 ? a->text :
		psprintf("%s.%s", a->text, b->text);
	return path;
}

/* Number of segments of "mapped" when it is "path" or a prefix at a dot, else 0. */
static int
mapped_segments(const DqlPath *path, const char *mapped)
{
	size_t		length = strlen(mapped);
	int			segments = 1;

	if (strncmp(path->text, mapped, length) != 0 ||
		(path->text[length] != '\0' && path->text[length] != '.'))
		return 0;
	for (const char *p = mapped; *p; p++)
		segments += *p == '.';
	return segments;
}

/*
 * vxp_bind_field_below tells whether register() mapped something strictly below
 * the path: then a nested condition there must be bound field by field.
 */
bool
vxp_bind_field_below(const ResourceType *type, const DqlPath *path)
{
	size_t		length = strlen(path->text);
	ListCell   *lc;

	foreach(lc, type->fields)
	{
		const ResourceField *field = lfirst(lc);

		if (strncmp(field->path, path->text, length) == 0 && field->path[length] == '.')
			return true;
	}
	return false;
}

static VxpError *
unknown_field(Relation relation, const ResourceType *type, const DqlPath *path, const char *where)
{
	TupleDesc	tupdesc = RelationGetDescr(relation);
	const char **names = palloc(sizeof(char *) * (tupdesc->natts + list_length(type->fields) + 1));
	int			count = 0;
	const char *nearest;
	VxpError   *error;
	ListCell   *lc;

	for (int i = 0; i < tupdesc->natts; i++)
		if (!TupleDescAttr(tupdesc, i)->attisdropped)
			names[count++] = NameStr(TupleDescAttr(tupdesc, i)->attname);
	foreach(lc, type->fields)
		names[count++] = ((ResourceField *) lfirst(lc))->path;

	error = vxp_error(ERRCODE_UNDEFINED_COLUMN, where, "resource type \"%s\" has no field \"%s\"",
					  type->name, vxp_quote_input(path->text, strlen(path->text)));
	nearest = vxp_nearest(path->text, names, count);
	if (nearest == NULL && path->count > 1)
		nearest = vxp_nearest(path->segments[0], names, count);
	if (nearest)
		vxp_error_hint(error, "Perhaps you meant the field \"%s\".", nearest);
	else
		vxp_error_hint(error, "The fields are the columns of the table \"%s\".",
					   RelationGetRelationName(relation));
	return error;
}

/*
 * Completes "result" for a column and the path that is left below it.  Returns
 * false when the column has no inside.
 */
static bool
set_field(BoundField *result, BoundColumn *column, bool is_document, DqlPath *inside)
{
	result->column = column;
	result->inside = inside;
	result->field = NULL;
	result->rest = inside;
	if (column->kind != COLUMN_JSON)
		return inside->count == 0;
	if (!is_document)
	{
		/* a dot cannot be part of a field name: such a column needs another name */
		result->field = strchr(column->name, '.') ? "value" : column->name;
		result->rest = vxp_dql_path_join(vxp_dql_path_of(result->field), inside);
	}
	return true;
}

/*
 * vxp_bind_field resolves a path.  An unknown field is an error (42703), except
 * on a resource type with a document, which may have any member.
 */
VxpError *
vxp_bind_field(const ResourceType *type, Relation relation,
			   const DqlPath *path, const char *where, BoundField *result)
{
	const ResourceField *mapped = NULL;
	int			mapped_count = 0;
	BoundColumn *column = NULL;
	BoundColumn *document = vxp_bind_named_column(relation, type->document_column);
	const char *first = path->segments[0];
	const char *duty = NULL;
	int			used = 1;
	ListCell   *lc;

	/* bulk deletion of annotations names the id so (section 2.5) */
	if (path->count == 1 && strcmp(type->name, "annotations") == 0 && strcmp(first, "annotationId") == 0)
		first = "id";

	foreach(lc, type->fields)
	{
		const ResourceField *field = lfirst(lc);
		int			segments = mapped_segments(path, field->path);

		if (segments > mapped_count)
		{
			mapped = field;
			mapped_count = segments;
		}
	}
	if (mapped)
	{
		DqlPath    *inside = path_from(path, mapped_count);

		column = vxp_bind_named_column(relation, mapped->column);
		if (column == NULL)
			return vxp_error_hint(vxp_error(ERRCODE_UNDEFINED_COLUMN, where,
											"field \"%s\" is mapped to the column \"%s\", which does not exist",
											mapped->path, mapped->column),
								  "Run vxp.unregister and vxp.register to map the fields again.");
		if (mapped->inside)
			inside = vxp_dql_path_join(vxp_dql_path_of(mapped->inside), inside);
		if (!set_field(result, column, document && column->attnum == document->attnum, inside))
			return unknown_field(relation, type, path, where);
		return NULL;
	}

	if (strcmp(first, "id") == 0 && type->id_column)
		duty = type->id_column;
	else if (strcmp(first, "identifier") == 0)
		duty = type->identifier_column;
	else if (strcmp(first, "parent_identifier") == 0)
		duty = type->parent_column;
	else if (strcmp(first, "valid_from") == 0)
		duty = type->valid_from_column;
	else if (strcmp(first, "valid_to") == 0)
		duty = type->valid_to_column;
	if (duty)
		column = vxp_bind_named_column(relation, duty);

	if (column == NULL && document == NULL)
	{
		/* a name with dots in it can only be meant as a whole */
		column = vxp_bind_named_column(relation, path->text);
		if (column)
			used = path->count;
		else
			column = vxp_bind_named_column(relation, first);
	}
	else if (column == NULL && vxp_catalog_is_lineage_field(first))
		column = vxp_bind_named_column(relation, first);

	if (column && set_field(result, column, document && column->attnum == document->attnum,
							path_from(path, used)))
		return NULL;
	if (document)
	{
		set_field(result, document, true, strcmp(first, path->segments[0]) == 0 ?
				  path_from(path, 0) : vxp_dql_path_of(first));
		return NULL;
	}
	return unknown_field(relation, type, path, where);
}

/*
 * vxp_bind_members lists what an item of a type without a document holds: every
 * column under its own name, or under the DQL path that it is mapped to.
 */
List *
vxp_bind_members(const ResourceType *type, Relation relation)
{
	TupleDesc	tupdesc = RelationGetDescr(relation);
	List	   *members = NIL;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		BoundMember *member;
		BoundColumn *column;
		ListCell   *lc;

		if (TupleDescAttr(tupdesc, i)->attisdropped)
			continue;
		column = vxp_bind_column(relation, i + 1);
		member = palloc0(sizeof(BoundMember));
		member->column = column;
		foreach(lc, type->fields)
		{
			const ResourceField *field = lfirst(lc);

			if (field->inside == NULL && strcmp(field->column, column->name) == 0)
				member->path = vxp_dql_path_of(field->path);
		}
		if (member->path == NULL)
		{
			/* not split at dots: the name of a column is one key */
			member->path = palloc0(sizeof(DqlPath));
			member->path->text = pstrdup(column->name);
			member->path->count = 1;
			member->path->segments = palloc(sizeof(char *));
			member->path->segments[0] = member->path->text;
		}
		members = lappend(members, member);
	}
	return members;
}
