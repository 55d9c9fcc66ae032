/*
 * dql_request.c - the members of a request, and the entry points of the parser
 *
 * One sorted table of keys says what each key is read by; hints look in it
 * for the nearest name.  A key with value null counts as absent.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "dql/dql_parse.h"

typedef struct RequestReader
{
	DqlParse   *parse;
	bool		count_total_seen;
	bool		count_total;
	bool		count_seen;
	bool		versions_seen;
} RequestReader;

typedef void (*KeyHandler) (RequestReader *reader, const DqlValue *value, const DqlPlace *place);

typedef struct RequestKey
{
	const char *name;
	KeyHandler	handler;		/* NULL: accepted and ignored */
	bool		neutral;		/* may stand beside the filter of a single document */
	int			scopes;			/* nested requests that may have it, besides whole ones */
	const char *manual;			/* what it means, one line */
} RequestKey;

#define IN_SUBQUERY (1 << DQL_SCOPE_SUBQUERY)
#define IN_SET		(1 << DQL_SCOPE_SET)
#define IN_BOTH		(IN_SUBQUERY | IN_SET)

/*
 * vxp_dql_integer reads a number that is an integer by value, as 10, 10.0 or
 * 1e1.  Returns false for other numbers, and beyond 18 digits.
 */
bool
vxp_dql_integer(const DqlValue *value, int64 *result)
{
	char	   *digits;
	int			count = 0;
	int64		exponent = 0;
	int			leading = 0;
	const char *c = value->string;
	bool		negative;

	if (value->type != DQL_NUMBER)
		return false;
	negative = *c == '-';
	digits = palloc(value->length + 1);
	if (negative)
		c++;
	for (; *c >= '0' && *c <= '9'; c++)
		digits[count++] = *c;
	if (*c == '.')
		for (c++; *c >= '0' && *c <= '9'; c++)
		{
			digits[count++] = *c;
			exponent--;
		}
	if (*c == 'e' || *c == 'E')
	{
		bool		down = c[1] == '-';
		int64		shift = 0;

		for (c += (c[1] == '-' || c[1] == '+') ? 2 : 1; *c >= '0' && *c <= '9' && shift < PG_INT32_MAX; c++)
			shift = shift * 10 + (*c - '0');
		exponent += down ? -shift : shift;
	}
	for (; count > 0 && digits[count - 1] == '0'; exponent++)
		count--;
	while (leading < count && digits[leading] == '0')
		leading++;
	*result = 0;
	if (leading == count)
		return true;
	if (exponent < 0 || count - leading + exponent > 18)
		return false;
	for (; leading < count; leading++)
		*result = *result * 10 + (digits[leading] - '0');
	for (; exponent > 0; exponent--)
		*result *= 10;
	if (negative)
		*result = -*result;
	return true;
}

/* Returns -1 after an error. */
static int64
read_count(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	int64		number;

	if (value->type != DQL_NUMBER || !vxp_dql_integer(value, &number) || number < 0)
	{
		fail_shape(reader->parse, place, "\"%s\" must be a non-negative integer", place->key);
		return -1;
	}
	return number;
}

static bool
expect_type(RequestReader *reader, const DqlValue *value, DqlValueType type, const char *type_name,
			const DqlPlace *place)
{
	if (value->type == type)
		return true;
	fail_shape(reader->parse, place, "\"%s\" must be %s, not %s", place->key, type_name,
			   vxp_dql_kind_name(value));
	return false;
}

static void
read_resource(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	if (!expect_type(reader, value, DQL_STRING, "a string", place))
		return;
	if (value->length == 0)
		fail_shape(reader->parse, place, "\"resource\" must not be empty");
	reader->parse->request->resource = value->string;
}

static void
read_filter(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	DqlNode    *filter = vxp_dql_parse_filter(reader->parse, value, place);

	if (filter != NULL && value->count > 0)
		reader->parse->request->filter = filter;
}

static void
read_page(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	reader->parse->request->page = read_count(reader, value, place);
}

static void
read_page_size(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	reader->parse->request->page_size = read_count(reader, value, place);
}

static void
read_limit(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	reader->parse->request->limit = read_count(reader, value, place);
}

static void
read_after(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	if (expect_type(reader, value, DQL_STRING, "a string", place))
		reader->parse->request->after = value->string;
}

static void
read_skip(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	reader->parse->request->skip = read_count(reader, value, place);
}

/* A read changes nothing, so that any limit holds; its value is checked all the same. */
static void
read_max_affected(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	reader->parse->request->max_affected = read_count(reader, value, place);
}

static void
read_count_total(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	if (!expect_type(reader, value, DQL_BOOLEAN, "a boolean", place))
		return;
	reader->count_total_seen = true;
	reader->count_total = value->boolean;
	if (!reader->count_seen)
		reader->parse->request->count = value->boolean ? DQL_COUNT_EXACT : DQL_COUNT_NONE;
}

static void
read_count_mode(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	if (!expect_type(reader, value, DQL_STRING, "a string", place))
		return;
	reader->count_seen = true;
	if (strcmp(value->string, "exact") == 0)
		reader->parse->request->count = DQL_COUNT_EXACT;
	else if (strcmp(value->string, "estimated") == 0)
		reader->parse->request->count = DQL_COUNT_ESTIMATED;
	else if (strcmp(value->string, "none") == 0)
		reader->parse->request->count = DQL_COUNT_NONE;
	else
		vxp_error_hint(fail_shape(reader->parse, place, "\"count\" cannot be \"%s\"",
								  vxp_quote_input(value->string, value->length)),
					   "Use \"exact\", \"estimated\" or \"none\".");
}

static void
read_as_of(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	int64		instant;

	if (!expect_type(reader, value, DQL_STRING, "a timestamp string", place))
		return;
	if (!vxp_dql_timestamp(value->string, value->length, &instant))
		vxp_error_hint(fail_shape(reader->parse, place, "\"%s\" is not a timestamp",
								  vxp_quote_input(value->string, value->length)),
					   "Write a timestamp as YYYY-MM-DDThh:mm:ssZ.");
	reader->parse->request->as_of = value->string;
}

static void
read_versions(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	if (!expect_type(reader, value, DQL_STRING, "a string", place))
		return;
	reader->versions_seen = true;
	if (strcmp(value->string, "all") == 0)
		reader->parse->request->all_versions = true;
	else if (strcmp(value->string, "current") != 0)
		vxp_error_hint(fail_shape(reader->parse, place, "\"versions\" cannot be \"%s\"",
								  vxp_quote_input(value->string, value->length)),
					   "Use \"current\" or \"all\".");
}

static bool
same_members(const List *a, const List *b)
{
	ListCell   *cell;
	ListCell   *other;

	foreach(cell, a)
	{
		bool		found = false;

		CHECK_FOR_INTERRUPTS();
		foreach(other, b)
			if (strcmp(((DqlValue *) lfirst(cell))->string, ((DqlValue *) lfirst(other))->string) == 0)
				found = true;
		if (!found)
			return false;
	}
	return true;
}

/*
 * read_scope reads a list of identifiers, or one, into *scope.  Nulls are
 * dropped and an empty list is no limit.  Two different limits could only
 * mean their intersection, and an empty one would read as no limit: an error.
 */
static void
read_scope(RequestReader *reader, const DqlValue *value, const DqlPlace *place, List **scope)
{
	List	   *members = NIL;
	DqlValue   *const *items = value->items;
	DqlValue   *single = (DqlValue *) value;
	int			count = value->count;

	if (value->type != DQL_ARRAY)
	{
		items = &single;
		count = 1;
	}
	for (int i = 0; i < count; i++)
	{
		DqlPlace	child = {place, NULL, i};

		if (items[i]->type == DQL_NULL)
			continue;
		if (items[i]->type != DQL_STRING)
		{
			fail_shape(reader->parse, value->type == DQL_ARRAY ? &child : place,
					   "\"%s\" must be a list of strings", place->key);
			return;
		}
		members = lappend(members, items[i]);
	}
	if (members == NIL)
		return;
	if (*scope != NIL && (!same_members(*scope, members) || !same_members(members, *scope)))
		vxp_error_hint(fail_shape(reader->parse, place, "\"%s\" contradicts another limit of the same request",
								  place->key),
					   "Name the datasets or the projects in one place only.");
	*scope = members;
}

static void
read_datasets(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	read_scope(reader, value, place, &reader->parse->request->datasets);
}

static void
read_projects(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	read_scope(reader, value, place, &reader->parse->request->projects);
}

static void
read_context(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	if (!expect_type(reader, value, DQL_OBJECT, "an object", place))
		return;
	for (int i = 0; i < value->count; i++)
	{
		DqlPlace	child = {place, value->keys[i], -1};
		const char *key = value->keys[i];

		if (strcmp(key, "datasets") == 0 || strcmp(key, "datasetIds") == 0 || strcmp(key, "datasetId") == 0)
			read_datasets(reader, value->items[i], &child);
		else if (strcmp(key, "projects") == 0 || strcmp(key, "projectIds") == 0 || strcmp(key, "projectId") == 0)
			read_projects(reader, value->items[i], &child);
	}
}

/* Returns false for what is no direction. */
static bool
read_direction(const DqlValue *value, bool *descending)
{
	int64		number;

	if (value->type == DQL_STRING)
	{
		*descending = strcmp(value->string, "descending") == 0 || strcmp(value->string, "desc") == 0;
		return *descending || strcmp(value->string, "ascending") == 0 || strcmp(value->string, "asc") == 0;
	}
	if (value->type != DQL_NUMBER || !vxp_dql_integer(value, &number))
		return false;
	*descending = number == -1;
	return number == 1 || number == -1;
}

/*
 * read_sort_keys appends the keys of an object; "prefix" is the path of the
 * object it stands in, with its dot, or "".
 */
static List *
read_sort_keys(DqlParse *parse, const DqlValue *value, const char *prefix, const DqlPlace *place,
			   List *keys)
{
	check_stack_depth();
	for (int i = 0; i < value->count && parse->error == NULL; i++)
	{
		DqlPlace	child = {place, value->keys[i], -1};
		char	   *name = psprintf("%s%s", prefix, value->keys[i]);
		const DqlValue *direction = value->items[i];
		DqlSortKey *key;

		CHECK_FOR_INTERRUPTS();
		if (value->keys[i][0] == '$')
		{
			vxp_error_hint(fail_shape(parse, &child, "operator \"%s\" cannot stand in \"sort\"",
									  vxp_quote_input(value->keys[i], strlen(value->keys[i]))),
						   "Write {\"field\": \"ascending\"}.");
			break;
		}
		if (direction->type == DQL_OBJECT && direction->count > 0)
		{
			/* checks the segments on the way down, so that an error names its level */
			if (vxp_dql_parse_path(parse, value->keys[i], &child) != NULL)
				keys = read_sort_keys(parse, direction, psprintf("%s.", name), &child, keys);
			continue;
		}
		key = palloc0(sizeof(DqlSortKey));
		key->where = vxp_dql_place_text(&child);
		key->path = vxp_dql_parse_path(parse, name, &child);
		if (key->path == NULL)
			break;
		if (!read_direction(direction, &key->descending))
		{
			vxp_error_hint(fail_shape(parse, &child, "direction of sort key \"%s\" is not valid",
									  vxp_quote_input(name, strlen(name))),
						   "Use \"ascending\", \"asc\", 1, \"descending\", \"desc\" or -1.");
			break;
		}
		keys = lappend(keys, key);
	}
	return keys;
}

static int
compare_sort_paths(const void *a, const void *b)
{
	return strcmp((*(DqlSortKey *const *) a)->path->text, (*(DqlSortKey *const *) b)->path->text);
}

/* A second key on the same path could never decide: a slip of the writer. */
static void
check_sort_keys_differ(DqlParse *parse, const List *keys, const DqlPlace *place)
{
	int			count = list_length(keys);
	DqlSortKey **sorted;
	ListCell   *cell;
	int			i = 0;

	if (count < 2)
		return;
	sorted = palloc(count * sizeof(DqlSortKey *));
	foreach(cell, keys)
		sorted[i++] = lfirst(cell);
	qsort(sorted, count, sizeof(DqlSortKey *), compare_sort_paths);
	for (i = 1; i < count; i++)
		if (compare_sort_paths(&sorted[i - 1], &sorted[i]) == 0)
			fail_shape(parse, place, "\"sort\" names \"%s\" twice",
					   vxp_quote_input(sorted[i]->path->text, strlen(sorted[i]->path->text)));
	pfree(sorted);
}

/* vxp_dql_parse_sort_value reads a sort object or a list of such objects. */
List *
vxp_dql_parse_sort_value(DqlParse *parse, const DqlValue *value, const DqlPlace *place)
{
	List	   *keys = NIL;

	if (value->type == DQL_OBJECT)
		keys = read_sort_keys(parse, value, "", place, NIL);
	else if (value->type == DQL_ARRAY)
	{
		for (int i = 0; i < value->count && parse->error == NULL; i++)
		{
			DqlPlace	child = {place, NULL, i};

			if (value->items[i]->type != DQL_OBJECT || value->items[i]->count == 0)
				vxp_error_hint(fail_shape(parse, &child, "a member of a \"sort\" list must be an object with a key"),
							   "Write [{\"field\": \"ascending\"}, ...].");
			else
				keys = read_sort_keys(parse, value->items[i], "", &child, keys);
		}
	}
	else if (value->type != DQL_NULL)
		vxp_error_hint(fail_shape(parse, place, "\"sort\" must be an object or a list, not %s",
								  vxp_dql_kind_name(value)),
					   "Write {\"field\": \"ascending\"}.");
	if (parse->error == NULL)
		check_sort_keys_differ(parse, keys, place);
	return parse->error == NULL ? keys : NIL;
}

static void
read_sort(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	reader->parse->request->sort = vxp_dql_parse_sort_value(reader->parse, value, place);
}

/* add_select appends a selected path. */
static void
add_select(RequestReader *reader, const char *name, const DqlPlace *place)
{
	DqlPath    *path;

	if (name[0] == '$')
	{
		fail_shape(reader->parse, place, "operator \"%s\" cannot stand in \"select\"",
				   vxp_quote_input(name, strlen(name)));
		return;
	}
	path = vxp_dql_parse_path(reader->parse, name, place);
	if (path != NULL)
		reader->parse->request->select = lappend(reader->parse->request->select, path);
}

/* read_select reads the projection; {} selects whole documents, like no select. */
static void
read_select(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	DqlRequest *request = reader->parse->request;

	if (value->type == DQL_STRING)
	{
		request->select_mode = DQL_SELECT_LIST;
		add_select(reader, value->string, place);
	}
	else if (value->type == DQL_ARRAY)
	{
		request->select_mode = DQL_SELECT_LIST;
		if (value->count == 0)
			vxp_error_hint(fail_shape(reader->parse, place, "\"select\" names no field"),
						   "Leave \"select\" out for whole documents.");
		for (int i = 0; i < value->count; i++)
		{
			DqlPlace	child = {place, NULL, i};

			if (value->items[i]->type != DQL_STRING)
				fail_shape(reader->parse, &child, "a member of a \"select\" list must be a string, not %s",
						   vxp_dql_kind_name(value->items[i]));
			else
				add_select(reader, value->items[i]->string, &child);
		}
	}
	else if (value->type == DQL_OBJECT)
	{
		for (int i = 0; i < value->count; i++)
		{
			DqlPlace	child = {place, value->keys[i], -1};
			int64		flag;
			DqlSelectMode mode;

			if (value->items[i]->type != DQL_NUMBER || !vxp_dql_integer(value->items[i], &flag) ||
				(flag != 0 && flag != 1))
			{
				vxp_error_hint(fail_shape(reader->parse, &child, "a member of \"select\" must be 1 or 0"),
							   "Write {\"field\": 1} to keep a field, {\"field\": 0} to remove it; a path is written with dots.");
				return;
			}
			mode = flag == 1 ? DQL_SELECT_INCLUDE : DQL_SELECT_EXCLUDE;
			if (i > 0 && mode != request->select_mode)
			{
				vxp_error_hint(fail_shape(reader->parse, &child, "\"select\" mixes 1 and 0"),
							   "Either name the fields to keep or the fields to remove.");
				return;
			}
			request->select_mode = mode;
			add_select(reader, value->keys[i], &child);
		}
	}
	else
		vxp_error_hint(fail_shape(reader->parse, place, "\"select\" must be an object, a list or a string, not %s",
								  vxp_dql_kind_name(value)),
					   "Write [\"field\", ...].");
}

static void
read_join(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	vxp_dql_parse_joins(reader->parse, value, place);
}

static void
read_intersect(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	reader->parse->request->intersect = vxp_dql_parse_sets(reader->parse, value, place);
}

static void
read_except(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	reader->parse->request->except = vxp_dql_parse_sets(reader->parse, value, place);
}

static void
read_update(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	vxp_dql_parse_update(reader->parse, value, place);
}

static void
read_delete(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	vxp_dql_parse_delete(reader->parse, value, place);
}

static void
read_references(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	vxp_dql_parse_references(reader->parse, value, place);
}

/* The wrapper of an update was taken off before; here it stands in a nested request. */
static void
refuse_wrapper(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	fail_shape(reader->parse, place, "\"%s\" cannot stand here", place->key);
}

static void
read_system_space(RequestReader *reader, const DqlValue *value, const DqlPlace *place)
{
	if (expect_type(reader, value, DQL_BOOLEAN, "a boolean", place))
		reader->parse->request->system_space = value->boolean;
}

/* Sorted by name (strcmp). */
static const RequestKey request_keys[] = {
	{"after", read_after, false, 0,
	"Cursor of the previous answer: continue behind it."},
	{"asOf", read_as_of, false, 0,
	"Timestamp: read the versions valid at that instant."},
	{"collectMetrics", NULL, true, IN_BOTH,
	"Accepted and ignored."},
	{"context", read_context, false, IN_SUBQUERY,
	"Scope: datasets, datasetIds, datasetId, projects, projectIds, projectId; other members are ignored."},
	{"count", read_count_mode, false, 0,
	"\"exact\" (default), \"estimated\" or \"none\": how the total counts are made."},
	{"countTotal", read_count_total, false, 0,
	"false: leave the total counts out, like count \"none\"."},
	{"datasets", read_datasets, false, IN_SUBQUERY,
	"Same as context.datasets."},
	{"delete", read_delete, false, 0,
	"true: delete the matching rows."},
	{"except", read_except, false, IN_SUBQUERY,
	"Rows whose id is in none of these queries."},
	{"filter", read_filter, true, IN_BOTH,
	"Condition; absent, null and {} match everything."},
	{"intersect", read_intersect, false, IN_SUBQUERY,
	"Rows whose id is in every one of these queries."},
	{"join", read_join, false, IN_BOTH,
	"Semi-join with another resource, or a list of them; with quantifier any, none, all, atLeast, exactly."},
	{"limit", read_limit, false, IN_SUBQUERY,
	"Number of rows at most, after skip and before paging."},
	{"maxAffected", read_max_affected, false, 0,
	"A write that would change more rows is refused; no effect on a read."},
	{"page", read_page, false, 0,
	"Page number, from 0 (default)."},
	{"pageSize", read_page_size, false, 0,
	"Rows in a page; 0 counts only."},
	{"projects", read_projects, false, IN_SUBQUERY,
	"Same as context.projects."},
	{"query", refuse_wrapper, false, 0,
	"Request whose rows updateQuery beside it updates."},
	{"queryEngine", NULL, true, IN_BOTH,
	"Accepted and ignored."},
	{"references", read_references, false, 0,
	"Add references to metadata.system.refs of the matching rows, or remove them."},
	{"resource", read_resource, false, IN_BOTH,
	"Resource type to read; default \"items\"."},
	{"select", read_select, false, IN_SUBQUERY,
	"Projection: names to keep (list, name, or object of 1) or to remove (object of 0)."},
	{"sign", NULL, true, IN_BOTH,
	"Accepted and ignored."},
	{"skip", read_skip, false, IN_SUBQUERY,
	"Number of rows to leave out at the start, before paging."},
	{"sort", read_sort, false, IN_SUBQUERY,
	"Paths with directions, in the order of significance; an object, or a list of objects."},
	{"systemSpace", read_system_space, false, 0,
	"Allows a write to metadata.system; no effect on a read."},
	{"update", read_update, false, 0,
	"What is merged into metadata of the matching rows."},
	{"updateQuery", refuse_wrapper, false, 0,
	"update and systemSpace beside a request in query."},
	{"user", NULL, true, IN_BOTH,
	"Accepted and ignored."},
	{"versions", read_versions, false, 0,
	"\"current\" (default) or \"all\": every stored version is a row."},
};

static int
compare_key(const void *key, const void *member)
{
	return strcmp(key, ((const RequestKey *) member)->name);
}

/* vxp_dql_is_request_key: is it a key that a request may have? */
bool
vxp_dql_is_request_key(const char *key)
{
	return bsearch(key, request_keys, lengthof(request_keys), sizeof(RequestKey), compare_key) != NULL;
}

/* vxp_dql_request_key returns key number "index" with its meaning; false behind the last. */
bool
vxp_dql_request_key(int index, const char **name, const char **manual)
{
	if (index >= lengthof(request_keys))
		return false;
	*name = request_keys[index].name;
	*manual = request_keys[index].manual;
	return true;
}

static void
fail_unknown_key(DqlParse *parse, const char *key, const DqlPlace *place)
{
	const char *names[lengthof(request_keys)];
	const char *nearest;
	VxpError   *error;

	for (int i = 0; i < lengthof(request_keys); i++)
		names[i] = request_keys[i].name;
	nearest = vxp_nearest(key, names, lengthof(request_keys));
	error = fail_shape(parse, place, "unknown request key \"%s\"", vxp_quote_input(key, strlen(key)));
	if (nearest != NULL)
		vxp_error_hint(error, "Perhaps you meant \"%s\".", nearest);
	else
		vxp_error_hint(error, "Conditions on fields belong into \"filter\".");
}

/* check_together refuses members that contradict each other. */
static void
check_together(RequestReader *reader, const DqlPlace *root)
{
	DqlParse   *parse = reader->parse;

	if (reader->versions_seen && parse->request->as_of != NULL)
	{
		DqlPlace	place = {root, "versions", -1};

		vxp_error_hint(fail_shape(parse, &place, "\"versions\" cannot stand beside \"asOf\""),
					   "\"asOf\" selects the versions valid at one instant; leave \"versions\" out.");
	}
	if (parse->request->after != NULL && (parse->request->page > 0 || parse->request->skip > 0))
	{
		DqlPlace	place = {root, "after", -1};

		vxp_error_hint(fail_shape(parse, &place, "\"after\" cannot stand beside \"%s\"",
								  parse->request->page > 0 ? "page" : "skip"),
					   "The cursor says where the page begins.");
	}
	if (reader->count_total_seen && reader->count_seen &&
		reader->count_total != (parse->request->count != DQL_COUNT_NONE))
	{
		DqlPlace	place = {root, "countTotal", -1};

		vxp_error_hint(fail_shape(parse, &place, "\"countTotal\" contradicts \"count\""),
					   "\"countTotal\": false equals \"count\": \"none\"; use one of them.");
	}
}

static DqlRequest *
new_request(void)
{
	DqlRequest *request = palloc0(sizeof(DqlRequest));

	request->page = -1;
	request->page_size = -1;
	request->limit = -1;
	request->skip = -1;
	request->max_affected = -1;
	return request;
}

static void
parse_init(DqlParse *parse)
{
	memset(parse, 0, sizeof(DqlParse));
	parse->request = new_request();
}

static void
fail_key_scope(DqlParse *parse, const char *key, DqlScope scope, const DqlPlace *place)
{
	fail_shape(parse, place, scope == DQL_SCOPE_SUBQUERY ?
			   "\"%s\" cannot stand in a subquery" : "\"%s\" cannot stand in a query of \"intersect\" or \"except\"",
			   key);
}

/* Reads the members of a request object into parse->request. */
static void
parse_members(DqlParse *parse, const DqlValue *value, DqlScope scope, const DqlPlace *root)
{
	RequestReader reader = {parse};

	if (value->type != DQL_OBJECT)
	{
		fail_shape(parse, root, "a request must be a JSON object, not %s", vxp_dql_kind_name(value));
		return;
	}
	for (int i = 0; i < value->count && parse->error == NULL; i++)
	{
		DqlPlace	place = {root, value->keys[i], -1};
		const RequestKey *key = bsearch(value->keys[i], request_keys, lengthof(request_keys),
										sizeof(RequestKey), compare_key);

		if (key == NULL)
		{
			fail_unknown_key(parse, value->keys[i], &place);
			break;
		}
		if (value->items[i]->type == DQL_NULL)
			continue;
		if (scope != DQL_SCOPE_REQUEST && (key->scopes & (1 << scope)) == 0)
		{
			fail_key_scope(parse, key->name, scope, &place);
			break;
		}
		if (!key->neutral && !parse->request->has_other)
		{
			parse->request->has_other = true;
			parse->request->other = key->name;
		}
		if (key->handler != NULL)
			key->handler(&reader, value->items[i], &place);
	}
	if (parse->error == NULL)
		check_together(&reader, root);
	vxp_dql_check_write(parse, value, root);
}

/* vxp_dql_parse_request reads all members of a request object. */
void
vxp_dql_parse_request(DqlParse *parse, const DqlValue *value)
{
	const DqlPlace root = DQL_ROOT;

	parse_members(parse, value, DQL_SCOPE_REQUEST, &root);
}

/*
 * vxp_dql_parse_nested reads a request inside another one.  Its conditions and
 * bind variables count for the outer request, whose limits hold for all.
 */
DqlRequest *
vxp_dql_parse_nested(DqlParse *parse, const DqlValue *value, DqlScope scope, const DqlPlace *place)
{
	DqlRequest *outer = parse->request;
	DqlRequest *nested = new_request();
	int			inside = parse->inside;

	check_stack_depth();
	nested->where = vxp_dql_place_text(place);
	nested->source = value;
	parse->request = nested;
	parse->inside = 0;
	parse->depth++;
	parse_members(parse, value, scope, place);
	parse->depth--;
	parse->inside = inside;
	parse->request = outer;
	outer->depth = Max(outer->depth, nested->depth);
	outer->has_subquery = true;
	outer->conditions += nested->conditions + 1;
	outer->max_param = Max(outer->max_param, nested->max_param);
	return parse->error == NULL ? nested : NULL;
}

/*
 * vxp_dql_parse reads a request.  A JSON string that contains a request is
 * read in its place, once: some clients send it so.
 */
VxpError *
vxp_dql_parse(const char *text, int length, DqlRequest **result)
{
	DqlParse	parse;
	DqlValue   *value;
	VxpError   *error;

	*result = NULL;
	error = vxp_dql_json_parse(text, length, &value);
	if (error == NULL && value->type == DQL_STRING)
		error = vxp_dql_json_parse(value->string, value->length, &value);
	if (error != NULL)
		return error;
	parse_init(&parse);
	value = (DqlValue *) vxp_dql_unwrap(&parse, value);
	if (parse.error == NULL)
		vxp_dql_parse_request(&parse, value);
	if (parse.error == NULL)
		*result = parse.request;
	return parse.error;
}

/* vxp_dql_parse_or_raise is vxp_dql_parse for callers that have nothing to undo. */
const DqlRequest *
vxp_dql_parse_or_raise(const DqlText *dql)
{
	const DqlRequest *kept = vxp_dql_take_kept(VARDATA_ANY(dql), VARSIZE_ANY_EXHDR(dql));
	DqlRequest *request;
	VxpError   *error;

	if (kept != NULL)
		return kept;
	error = vxp_dql_parse(VARDATA_ANY(dql), VARSIZE_ANY_EXHDR(dql), &request);
	if (error != NULL)
		vxp_error_raise(error);
	return request;
}

/* vxp_dql_parse_sort reads the text of a sort object, list or null. */
VxpError *
vxp_dql_parse_sort(const char *text, int length, List **result)
{
	DqlParse	parse;
	DqlValue   *value;
	VxpError   *error;
	const DqlPlace root = DQL_ROOT;

	*result = NIL;
	error = vxp_dql_json_parse(text, length, &value);
	if (error != NULL)
		return error;
	parse_init(&parse);
	*result = vxp_dql_parse_sort_value(&parse, value, &root);
	return parse.error;
}
