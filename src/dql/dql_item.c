/*
 * dql_item.c - the item of an answer: a row as one jsonb document
 *
 * A type with a document answers with that document.  Any other row becomes an
 * object with a member for each column that is selected, so that a role needs
 * privileges on those columns only.  Timestamps are ISO 8601 in UTC with "Z";
 * an infinite one, like an open valid_to, is null.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_oper.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "dql/dql_bind.h"

/* jsonb_build_object takes at most FUNC_MAX_ARGS arguments, two a member. */
#define MEMBERS_PER_CALL 50

static Node *
cast_to(ParseState *pstate, Node *expr, Oid from, Oid to)
{
	return coerce_to_target_type(pstate, expr, from, to, -1, COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
}

/* vxp_dql_item_value returns the value of a column as items show it. */
Node *
vxp_dql_item_value(ParseState *pstate, const BoundColumn *column, Node *value)
{
	if (column->kind == COLUMN_TIMESTAMP)
		value = vxp_dql_call(pstate, "pg_catalog", "timezone", list_make2(vxp_dql_text_const("UTC"), value));
	if (column->kind == COLUMN_TIMESTAMP || column->kind == COLUMN_TIMESTAMPTZ)
		return vxp_dql_call(pstate, "vxp", "iso8601", list_make1(value));
	if (column->kind == COLUMN_ARRAY &&
		(column->element->kind == COLUMN_TIMESTAMP || column->element->kind == COLUMN_TIMESTAMPTZ))
		return vxp_dql_call(pstate, "vxp", "iso8601_list", list_make1(value));
	return value;
}

static Node *
member_value(ParseState *pstate, const BoundQuery *bound, const BoundMember *member)
{
	const BoundColumn *column = member->column;
	Node	   *value = vxp_dql_column_expr(pstate, bound, column);

	if (member->inside)
	{
		List	   *args = list_make1(column->base_type == JSONBOID ? value :
									  cast_to(pstate, value, column->type, JSONBOID));

		for (int i = 0; i < member->inside->count; i++)
			args = lappend(args, vxp_dql_text_const(member->inside->segments[i]));
		return vxp_dql_call(pstate, "pg_catalog", "jsonb_extract_path", args);
	}
	return vxp_dql_item_value(pstate, column, value);
}

/* object || part */
static Node *
merge_objects(ParseState *pstate, Node *object, Node *part)
{
	return (Node *) make_op(pstate, list_make2(makeString("pg_catalog"), makeString("||")),
							object, part, NULL, -1);
}

/* "object", or nothing yet, with the members of "args" added */
static Node *
add_part(ParseState *pstate, Node *object, List *args)
{
	Node	   *part = vxp_dql_call(pstate, "pg_catalog", "jsonb_build_object", args);

	return object == NULL ? part : merge_objects(pstate, object, part);
}

/* Members whose path agrees in the first "depth" segments, as one object. */
static Node *
object_expr(ParseState *pstate, const BoundQuery *bound, List *members, int depth)
{
	Node	   *object = NULL;
	List	   *args = NIL;
	List	   *seen = NIL;
	ListCell   *lc;

	foreach(lc, members)
	{
		const BoundMember *member = lfirst(lc);
		char	   *key = member->path->segments[depth];
		Node	   *value;
		List	   *below = NIL;
		ListCell   *other;
		bool		done = false;

		foreach(other, seen)
			done = done || strcmp(lfirst(other), key) == 0;
		if (done)
			continue;
		seen = lappend(seen, key);
		if (member->path->count == depth + 1)
			value = member_value(pstate, bound, member);
		else
		{
			foreach(other, members)
			{
				BoundMember *candidate = lfirst(other);

				if (candidate->path->count > depth + 1 && strcmp(candidate->path->segments[depth], key) == 0)
					below = lappend(below, candidate);
			}
			value = object_expr(pstate, bound, below, depth + 1);
		}
		args = lappend(lappend(args, vxp_dql_text_const(key)), value);
		if (list_length(args) == 2 * MEMBERS_PER_CALL)
		{
			object = add_part(pstate, object, args);
			args = NIL;
		}
	}
	return args != NIL || object == NULL ? add_part(pstate, object, args) : object;
}

/* {"select": ...} of the request, for vxp.project */
static Node *
selection_const(const DqlRequest *request)
{
	StringInfoData text;
	bool		is_list = request->select_mode == DQL_SELECT_LIST;
	ListCell   *lc;

	initStringInfo(&text);
	appendStringInfo(&text, "{\"select\": %c", is_list ? '[' : '{');
	foreach(lc, request->select)
	{
		const DqlPath *path = lfirst(lc);

		if (lc != list_head(request->select))
			appendStringInfoString(&text, ", ");
		escape_json(&text, path->text);
		if (!is_list)
			appendStringInfo(&text, ": %d", request->select_mode == DQL_SELECT_INCLUDE ? 1 : 0);
	}
	appendStringInfo(&text, "%c}", is_list ? ']' : '}');
	return vxp_dql_request_const(text.data);
}

VXP_FUNCTION(vxp_late);

/* late(jsonb) -> jsonb: its argument; what it is for is its declared cost */
Datum
vxp_late(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* vxp_dql_item_expr returns the jsonb expression of an item, cut by "select". */
Node *
vxp_dql_item_expr(ParseState *pstate, const BoundQuery *bound)
{
	Node	   *item;

	if (bound->document)
	{
		item = vxp_dql_column_expr(pstate, bound, bound->document);
		if (bound->members != NIL)
			item = merge_objects(pstate, item, object_expr(pstate, bound, bound->members, 0));
	}
	else
	{
		Relation	relation = relation_open(bound->relid, NoLock);
		List	   *members = NIL;
		ListCell   *lc;

		foreach(lc, vxp_bind_members(bound->type, relation))
		{
			BoundMember *member = lfirst(lc);

			if (bound->select_all || bms_is_member(member->column->attnum, bound->columns))
				members = lappend(members, member);
		}
		relation_close(relation, NoLock);
		item = object_expr(pstate, bound, members, 0);
	}
	if (bound->project)
		item = vxp_dql_call(pstate, "vxp", "project", list_make2(item, selection_const(bound->request)));

	/* a page is cut before its rows become JSON: the planner sorts first what looks cheap */
	if (!IsA(item, Var) && bound->sort != NIL && bound->limit >= 0)
		item = vxp_dql_call(pstate, "vxp", "late", list_make1(item));
	return item;
}
