/*
 * dql_relate.c - parsing of what looks at other rows: subqueries (section
 * 4.10), join, intersect and except (section 5)
 */
#include "postgres.h"

#include "miscadmin.h"

#include "dql/dql_parse.h"

static const DqlValue *
member(const DqlValue *value, const char *key)
{
	for (int i = 0; i < value->count; i++)
		if (strcmp(value->keys[i], key) == 0 && value->items[i]->type != DQL_NULL)
			return value->items[i];
	return NULL;
}

/* vxp_dql_is_subquery: an object with "select" is one */
bool
vxp_dql_is_subquery(const DqlValue *value)
{
	return value->type == DQL_OBJECT && member(value, "select") != NULL;
}

/* vxp_dql_parse_subquery reads a request whose "select" names exactly one field. */
DqlRequest *
vxp_dql_parse_subquery(DqlParse *parse, const DqlValue *value, const DqlPlace *place)
{
	DqlRequest *request = vxp_dql_parse_nested(parse, value, DQL_SCOPE_SUBQUERY, place);

	if (request == NULL)
		return NULL;
	if (list_length(request->select) != 1 || request->select_mode == DQL_SELECT_EXCLUDE)
	{
		DqlPlace	select = {place, "select", -1};

		vxp_error_hint(fail_shape(parse, &select, "a subquery selects exactly one field"),
					   "Write \"select\": \"field\".");
		return NULL;
	}
	return request;
}

/* A path that is a string member of "on"; NULL after an error. */
static DqlPath *
read_on_path(DqlParse *parse, const DqlValue *on, const char *key, const char *other, const DqlPlace *place)
{
	const DqlValue *value = member(on, key);
	DqlPlace	child = {place, key, -1};

	if (value == NULL && other)
	{
		value = member(on, other);
		child.key = other;
	}
	if (value == NULL || value->type != DQL_STRING)
	{
		vxp_error_hint(fail_shape(parse, value ? &child : place, "\"on\" needs the member \"%s\", the name of a field", key),
					   "Write {\"resource\": \"annotations\", \"local\": \"itemId\", \"forigen\": \"id\"}.");
		return NULL;
	}
	return vxp_dql_parse_path(parse, value->string, &child);
}

static void
read_on(DqlParse *parse, const DqlValue *on, DqlJoin *join, const DqlPlace *place)
{
	const DqlValue *resource;

	if (on->type != DQL_OBJECT)
	{
		fail_shape(parse, place, "\"on\" must be an object, not %s", vxp_dql_kind_name(on));
		return;
	}
	resource = member(on, "resource");
	if (resource == NULL || resource->type != DQL_STRING || resource->length == 0)
	{
		fail_shape(parse, place, "\"on\" needs the member \"resource\", the name of a resource type");
		return;
	}
	join->resource = resource->string;
	join->local = read_on_path(parse, on, "local", NULL, place);
	/* the name on the wire is a slip of the pen; the right spelling means the same */
	if (join->local)
		join->foreign = read_on_path(parse, on, "forigen", "foreign", place);
}

static void
read_quantifier(DqlParse *parse, const DqlValue *value, DqlJoin *join, const DqlPlace *place)
{
	if (value->type == DQL_STRING)
	{
		if (strcmp(value->string, "any") == 0)
			join->quantifier = DQL_JOIN_ANY;
		else if (strcmp(value->string, "none") == 0)
			join->quantifier = DQL_JOIN_NONE;
		else if (strcmp(value->string, "all") == 0)
			join->quantifier = DQL_JOIN_ALL;
		else
			vxp_error_hint(fail_shape(parse, place, "\"quantifier\" cannot be \"%s\"",
									  vxp_quote_input(value->string, value->length)),
						   "Use \"any\", \"none\", \"all\", {\"atLeast\": n} or {\"exactly\": n}.");
		return;
	}
	if (value->type == DQL_OBJECT && value->count == 1 &&
		(strcmp(value->keys[0], "atLeast") == 0 || strcmp(value->keys[0], "exactly") == 0) &&
		vxp_dql_integer(value->items[0], &join->count) && join->count >= 0)
	{
		join->quantifier = value->keys[0][0] == 'a' ? DQL_JOIN_AT_LEAST : DQL_JOIN_EXACTLY;
		return;
	}
	vxp_error_hint(fail_shape(parse, place, "\"quantifier\" is not valid"),
				   "Use \"any\", \"none\", \"all\", {\"atLeast\": n} or {\"exactly\": n}.");
}

static void
read_one_join(DqlParse *parse, const DqlValue *value, const DqlPlace *place)
{
	DqlJoin    *join = palloc0(sizeof(DqlJoin));

	if (value->type != DQL_OBJECT)
	{
		fail_shape(parse, place, "\"join\" must be an object or a list of objects, not %s", vxp_dql_kind_name(value));
		return;
	}
	if (value->count == 0)
		return;
	join->where = vxp_dql_place_text(place);
	for (int i = 0; i < value->count && parse->error == NULL; i++)
	{
		DqlPlace	child = {place, value->keys[i], -1};
		const DqlValue *item = value->items[i];

		if (item->type == DQL_NULL)
			continue;
		if (strcmp(value->keys[i], "on") == 0)
			read_on(parse, item, join, &child);
		else if (strcmp(value->keys[i], "quantifier") == 0)
			read_quantifier(parse, item, join, &child);
		else if (strcmp(value->keys[i], "filter") == 0)
		{
			join->filter = vxp_dql_parse_filter(parse, item, &child);
			if (item->count == 0)
				join->filter = NULL;
		}
		else if (!vxp_dql_is_request_key(value->keys[i]))
			vxp_error_hint(fail_shape(parse, &child, "unknown key \"%s\" in \"join\"",
									  vxp_quote_input(value->keys[i], strlen(value->keys[i]))),
						   "\"join\" takes \"filter\", \"on\" and \"quantifier\".");
		/* other keys of a request are ignored: clients put a whole one here (section 2.2) */
	}
	parse->request->conditions++;
	parse->request->joins = lappend(parse->request->joins, join);
}

/* vxp_dql_parse_joins reads "join": one or a list; an empty object is no join. */
void
vxp_dql_parse_joins(DqlParse *parse, const DqlValue *value, const DqlPlace *place)
{
	if (value->type != DQL_ARRAY)
	{
		read_one_join(parse, value, place);
		return;
	}
	for (int i = 0; i < value->count && parse->error == NULL; i++)
	{
		DqlPlace	child = {place, NULL, i};

		CHECK_FOR_INTERRUPTS();
		read_one_join(parse, value->items[i], &child);
	}
}

static List *
add_set(DqlParse *parse, const DqlValue *value, const DqlPlace *place, List *sets)
{
	DqlPlace	child = {place, "query", -1};
	const DqlValue *query = value->type == DQL_OBJECT ? member(value, "query") : NULL;
	DqlRequest *request;

	if (query == NULL || value->count != 1)
	{
		vxp_error_hint(fail_shape(parse, place, "a member of \"intersect\" or \"except\" must be an object with the one key \"query\""),
					   "Write {\"query\": {\"filter\": {...}, \"join\": {...}}}.");
		return sets;
	}
	request = vxp_dql_parse_nested(parse, query, DQL_SCOPE_SET, &child);
	return request ? lappend(sets, request) : sets;
}

/* vxp_dql_parse_sets reads "intersect" or "except": one, or a list. */
List *
vxp_dql_parse_sets(DqlParse *parse, const DqlValue *value, const DqlPlace *place)
{
	List	   *sets = NIL;

	if (value->type != DQL_ARRAY)
		return value->type == DQL_OBJECT && value->count == 0 ? NIL : add_set(parse, value, place, NIL);
	for (int i = 0; i < value->count && parse->error == NULL; i++)
	{
		DqlPlace	child = {place, NULL, i};

		CHECK_FOR_INTERRUPTS();
		sets = add_set(parse, value->items[i], &child, sets);
	}
	return sets;
}
