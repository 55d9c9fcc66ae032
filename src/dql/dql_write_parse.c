/*
 * dql_write_parse.c - the members of a request that write (section 9)
 *
 * A dotted key of "update" is a path: it becomes nested objects here, so that
 * all later stages know one spelling.  What must not stand beside a write is
 * refused once all members are read (vxp_dql_check_write), since their order
 * means nothing.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "dql/dql_parse.h"

/* A member of an object under way: the first segment of its key, and what is behind it. */
typedef struct PatchEntry
{
	char	   *segment;
	char	   *rest;			/* NULL: no further segment */
	DqlValue   *value;
} PatchEntry;

static DqlValue *make_patch(DqlParse *parse, const DqlValue *value, int depth, const DqlPlace *place);

static DqlValue *
make_object(int capacity)
{
	DqlValue   *object = palloc0(sizeof(DqlValue));

	object->type = DQL_OBJECT;
	object->keys = palloc(sizeof(char *) * Max(capacity, 1));
	object->items = palloc(sizeof(DqlValue *) * Max(capacity, 1));
	return object;
}

static void
add_member(DqlValue *object, char *key, DqlValue *value)
{
	object->keys[object->count] = key;
	object->items[object->count++] = value;
}

/* The member of an object, null included; NULL when there is none. */
static DqlValue *
find_member(const DqlValue *object, const char *key)
{
	for (int i = 0; object->type == DQL_OBJECT && i < object->count; i++)
		if (strcmp(object->keys[i], key) == 0)
			return object->items[i];
	return NULL;
}

static bool
has_member(const DqlValue *object, const char *key)
{
	const DqlValue *value = find_member(object, key);

	return value != NULL && value->type != DQL_NULL;
}

/* Can the value be stored?  A number that does not fit would fail row by row. */
static void
check_storable(DqlParse *parse, const DqlValue *value, const DqlPlace *place)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (value->type == DQL_NUMBER && !vxp_dql_number_fits(value->string))
		vxp_dql_fail(parse, place, ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, "number is out of range");
	for (int i = 0; (value->type == DQL_ARRAY || value->type == DQL_OBJECT) &&
		 i < value->count && parse->error == NULL; i++)
	{
		DqlPlace	child = {place, value->type == DQL_OBJECT ? value->keys[i] : NULL, i};

		check_storable(parse, value->items[i], &child);
	}
}

static int
compare_entries(const void *a, const void *b)
{
	return strcmp(((const PatchEntry *) a)->segment, ((const PatchEntry *) b)->segment);
}

/* Splits the key at its first dot. */
static bool
split_key(DqlParse *parse, const char *key, DqlValue *value, PatchEntry *entry, const DqlPlace *place)
{
	char	   *dot;

	entry->segment = pstrdup(key);
	entry->value = value;
	dot = strchr(entry->segment, '.');
	entry->rest = dot ? dot + 1 : NULL;
	if (dot)
		*dot = '\0';
	if (entry->segment[0] != '\0' && (dot == NULL || entry->rest[0] != '\0'))
		return true;
	fail_shape(parse, place, "path \"%s\" has an empty segment", vxp_quote_input(key, strlen(key)));
	return false;
}

/*
 * Entries with one first segment as one value.  Several can only be objects, or
 * paths into one: what two of them name alike is found one level down.
 */
static DqlValue *
join_entries(DqlParse *parse, const PatchEntry *entries, int count, int depth, const DqlPlace *place)
{
	DqlValue   *joined;
	int			members = 0;

	if (count == 1 && entries[0].rest == NULL)
		return make_patch(parse, entries[0].value, depth, place);
	for (int i = 0; i < count; i++)
	{
		if (entries[i].rest == NULL && entries[i].value->type != DQL_OBJECT)
		{
			fail_shape(parse, place, "\"update\" names \"%s\" twice", vxp_dql_quoted(entries[i].segment));
			return NULL;
		}
		members += entries[i].rest ? 1 : entries[i].value->count;
	}
	joined = make_object(members);
	for (int i = 0; i < count; i++)
	{
		if (entries[i].rest)
			add_member(joined, entries[i].rest, entries[i].value);
		else
			for (int j = 0; j < entries[i].value->count; j++)
				add_member(joined, entries[i].value->keys[j], entries[i].value->items[j]);
	}
	return make_patch(parse, joined, depth, place);
}

/* The value with every dotted key as nested objects; lists are stored as they are. */
static DqlValue *
make_patch(DqlParse *parse, const DqlValue *value, int depth, const DqlPlace *place)
{
	PatchEntry *entries;
	DqlValue   *patch;

	check_stack_depth();
	if (value->type != DQL_OBJECT)
	{
		check_storable(parse, value, place);
		return (DqlValue *) value;
	}
	if (depth > DQL_MAX_NESTING)
	{
		vxp_error_detail(vxp_dql_fail(parse, place, ERRCODE_PROGRAM_LIMIT_EXCEEDED, "\"update\" nests too deeply"),
						 "The limit is %d levels.", DQL_MAX_NESTING);
		return NULL;
	}
	entries = palloc(sizeof(PatchEntry) * Max(value->count, 1));
	for (int i = 0; i < value->count; i++)
	{
		DqlPlace	child = {place, value->keys[i], -1};

		CHECK_FOR_INTERRUPTS();
		if (!split_key(parse, value->keys[i], value->items[i], &entries[i], &child))
			return NULL;
	}
	qsort(entries, value->count, sizeof(PatchEntry), compare_entries);
	patch = make_object(value->count);
	for (int first = 0, behind; first < value->count && parse->error == NULL; first = behind)
	{
		DqlPlace	child = {place, entries[first].segment, -1};

		for (behind = first + 1; behind < value->count &&
			 compare_entries(&entries[first], &entries[behind]) == 0; behind++)
			;
		add_member(patch, entries[first].segment,
				   join_entries(parse, entries + first, behind - first, depth + 1, &child));
	}
	return parse->error == NULL ? patch : NULL;
}

/* Starts the write of a request, which has at most one. */
static DqlWrite *
new_write(DqlParse *parse, DqlWriteKind kind, const DqlPlace *place)
{
	DqlRequest *request = parse->request;

	if (request->write != NULL)
	{
		vxp_error_hint(fail_shape(parse, place, "\"%s\" cannot stand beside \"%s\"", place->key,
								  vxp_dql_write_name(request->write->kind)),
					   "A request writes in one way; send two requests.");
		return NULL;
	}
	request->write = palloc0(sizeof(DqlWrite));
	request->write->kind = kind;
	return request->write;
}

/* vxp_dql_write_name returns the key of a request that writes in this way. */
const char *
vxp_dql_write_name(DqlWriteKind kind)
{
	return kind == DQL_WRITE_UPDATE ? "update" : kind == DQL_WRITE_DELETE ? "delete" : "references";
}

static bool
is_absent(const DqlValue *value)
{
	return value->type == DQL_BOOLEAN && !value->boolean;
}

/* "update": {"metadata": {"user": {...}, "system": {...}}}; what is empty writes nothing */
void
vxp_dql_parse_update(DqlParse *parse, const DqlValue *value, const DqlPlace *place)
{
	DqlPlace	below = {place, "metadata", -1};
	DqlWrite   *write;
	DqlValue   *update;
	DqlValue   *metadata;
	DqlValue   *patch;

	if (is_absent(value) || (write = new_write(parse, DQL_WRITE_UPDATE, place)) == NULL)
		return;
	if (value->type != DQL_OBJECT)
	{
		vxp_error_hint(fail_shape(parse, place, "\"update\" must be an object, not %s", vxp_dql_kind_name(value)),
					   "Write {\"metadata\": {\"user\": {...}}}.");
		return;
	}
	update = make_patch(parse, value, 1, place);
	if (update == NULL)
		return;
	metadata = NULL;
	for (int i = 0; i < update->count; i++)
	{
		DqlPlace	child = {place, update->keys[i], -1};

		if (strcmp(update->keys[i], "metadata") != 0)
		{
			vxp_error_hint(fail_shape(parse, &child, "\"%s\" cannot be updated", vxp_dql_quoted(update->keys[i])),
						   "Only \"metadata.user\" can, and with \"systemSpace\": true also \"metadata.system\".");
			return;
		}
		metadata = update->items[i];
	}
	if (metadata == NULL)
		return;
	if (metadata->type != DQL_OBJECT)
	{
		fail_shape(parse, &below, "\"metadata\" must be an object, not %s", vxp_dql_kind_name(metadata));
		return;
	}
	patch = make_object(metadata->count);
	for (int i = 0; i < metadata->count; i++)
	{
		DqlPlace	child = {&below, metadata->keys[i], -1};
		DqlValue   *member = metadata->items[i];

		if (strcmp(metadata->keys[i], "system") == 0)
			write->system = vxp_dql_place_text(&child);
		else if (strcmp(metadata->keys[i], "user") != 0)
		{
			vxp_error_hint(fail_shape(parse, &child, "\"metadata.%s\" cannot be updated", vxp_dql_quoted(metadata->keys[i])),
						   "Only \"metadata.user\" can, and with \"systemSpace\": true also \"metadata.system\".");
			return;
		}
		if (member->type != DQL_OBJECT)
		{
			vxp_error_hint(fail_shape(parse, &child, "\"metadata.%s\" must be an object, not %s",
									  metadata->keys[i], vxp_dql_kind_name(member)),
						   "Name the members to change; null is stored as their value.");
			return;
		}
		if (member->count > 0)
			add_member(patch, metadata->keys[i], member);
	}
	if (patch->count > 0)
		write->patch = patch;
}

/* "delete": true */
void
vxp_dql_parse_delete(DqlParse *parse, const DqlValue *value, const DqlPlace *place)
{
	if (is_absent(value) || new_write(parse, DQL_WRITE_DELETE, place) == NULL)
		return;
	if (value->type != DQL_BOOLEAN)
		vxp_error_hint(fail_shape(parse, place, "\"delete\" must be true, not %s", vxp_dql_kind_name(value)),
					   "Which rows are deleted is said by \"filter\".");
}

/* A member of "refs": type and id, both strings. */
static DqlValue *
read_reference(DqlParse *parse, const DqlValue *value, const DqlPlace *place)
{
	static const char *const names[] = {"type", "id"};
	DqlValue   *reference = make_object(lengthof(names));

	if (value->type != DQL_OBJECT)
	{
		fail_shape(parse, place, "a reference must be an object, not %s", vxp_dql_kind_name(value));
		return NULL;
	}
	for (int i = 0; i < lengthof(names); i++)
	{
		DqlPlace	child = {place, names[i], -1};
		DqlValue   *member = find_member(value, names[i]);

		if (member == NULL || member->type != DQL_STRING)
		{
			vxp_error_hint(fail_shape(parse, member ? &child : place, "a reference needs the member \"%s\", a string", names[i]),
						   "Write {\"type\": \"task\", \"id\": \"...\"}.");
			return NULL;
		}
		add_member(reference, (char *) names[i], member);
	}
	for (int i = 0; i < value->count; i++)
	{
		DqlPlace	child = {place, value->keys[i], -1};

		if (strcmp(value->keys[i], "type") != 0 && strcmp(value->keys[i], "id") != 0 && strcmp(value->keys[i], "index") != 0)
		{
			fail_shape(parse, &child, "unknown member \"%s\" of a reference", vxp_dql_quoted(value->keys[i]));
			return NULL;
		}
	}
	return reference;
}

/* "references": {"operation": "create" | "delete", "refs": [{"type", "id"}, ...]} */
void
vxp_dql_parse_references(DqlParse *parse, const DqlValue *value, const DqlPlace *place)
{
	DqlPlace	operation_place = {place, "operation", -1};
	DqlPlace	refs_place = {place, "refs", -1};
	const DqlValue *operation;
	const DqlValue *refs;
	DqlWrite   *write;

	if (is_absent(value) || (write = new_write(parse, DQL_WRITE_REFERENCES, place)) == NULL)
		return;
	if (value->type != DQL_OBJECT)
	{
		vxp_error_hint(fail_shape(parse, place, "\"references\" must be an object, not %s", vxp_dql_kind_name(value)),
					   "Write {\"operation\": \"create\", \"refs\": [{\"type\": \"task\", \"id\": \"...\"}]}.");
		return;
	}
	for (int i = 0; i < value->count; i++)
	{
		DqlPlace	child = {place, value->keys[i], -1};
		const char *key = value->keys[i];

		if (strcmp(key, "operation") != 0 && strcmp(key, "refs") != 0 && strcmp(key, "index") != 0)
		{
			fail_shape(parse, &child, "unknown member \"%s\" of \"references\"", vxp_dql_quoted(key));
			return;
		}
	}
	operation = find_member(value, "operation");
	if (operation == NULL || operation->type != DQL_STRING ||
		(strcmp(operation->string, "create") != 0 && strcmp(operation->string, "delete") != 0))
	{
		fail_shape(parse, operation ? &operation_place : place,
				   "\"references\" needs the member \"operation\", which is \"create\" or \"delete\"");
		return;
	}
	write->create = strcmp(operation->string, "create") == 0;
	refs = find_member(value, "refs");
	if (refs == NULL || refs->type != DQL_ARRAY)
	{
		fail_shape(parse, refs ? &refs_place : place, "\"references\" needs the member \"refs\", a list");
		return;
	}
	write->refs = palloc0(sizeof(DqlValue));
	write->refs->type = DQL_ARRAY;
	write->refs->items = palloc(sizeof(DqlValue *) * Max(refs->count, 1));
	for (int i = 0; i < refs->count && parse->error == NULL; i++)
	{
		DqlPlace	child = {&refs_place, NULL, i};

		CHECK_FOR_INTERRUPTS();
		write->refs->items[write->refs->count++] = read_reference(parse, refs->items[i], &child);
	}
}

/* Members that say which version, or how many rows of an order: a write has all current rows. */
static const char *const read_only_keys[] = {"limit", "skip", "asOf", "versions", "after"};

/*
 * vxp_dql_check_write checks a request that writes as a whole; "value" is what
 * it was read from.  Paging and order are ignored: clients send them with
 * writes of all rows.
 */
void
vxp_dql_check_write(DqlParse *parse, const DqlValue *value, const DqlPlace *root)
{
	DqlRequest *request = parse->request;
	const DqlWrite *write = request->write;

	if (write == NULL || parse->error != NULL)
		return;
	for (int i = 0; i < lengthof(read_only_keys); i++)
	{
		DqlPlace	place = {root, read_only_keys[i], -1};

		if (has_member(value, read_only_keys[i]))
			vxp_error_hint(fail_shape(parse, &place, "\"%s\" cannot stand beside \"%s\"",
									  read_only_keys[i], vxp_dql_write_name(write->kind)),
						   "A write changes every matching row; narrow \"filter\", or guard it by \"maxAffected\".");
	}
	if (!has_member(value, "filter"))
	{
		DqlPlace	place = {root, "filter", -1};

		vxp_error_hint(fail_shape(parse, &place, "a request with \"%s\" needs a \"filter\"", vxp_dql_write_name(write->kind)),
					   "Write \"filter\": {} to mean every row.");
	}
	if (write->system && !request->system_space && parse->error == NULL)
		parse->error = vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, write->system,
												"\"metadata.system\" may be updated with \"systemSpace\": true only"),
									  "Add \"systemSpace\": true to the request.");
	request->sort = NIL;
	request->page = -1;
	request->page_size = -1;
}

static bool
is_ignored(const char *key)
{
	return strcmp(key, "user") == 0 || strcmp(key, "queryEngine") == 0 ||
		strcmp(key, "collectMetrics") == 0 || strcmp(key, "sign") == 0;
}

/*
 * vxp_dql_unwrap: {"query": request, "updateQuery": {"update", "systemSpace"}}
 * equals the request with these members added (section 9.4).  Returns the value
 * itself when it is no such wrapper, NULL after an error.
 */
const DqlValue *
vxp_dql_unwrap(DqlParse *parse, const DqlValue *value)
{
	const DqlPlace root = DQL_ROOT;
	DqlPlace	query_place = {&root, "query", -1};
	DqlPlace	update_place = {&root, "updateQuery", -1};
	const DqlValue *query;
	const DqlValue *update;
	DqlValue   *request;

	if (value->type != DQL_OBJECT || (!has_member(value, "query") && !has_member(value, "updateQuery")))
		return value;
	query = find_member(value, "query");
	update = find_member(value, "updateQuery");
	if (query == NULL || query->type != DQL_OBJECT)
		fail_shape(parse, query ? &query_place : &root, "\"updateQuery\" needs the member \"query\" beside it, an object");
	if (update == NULL || update->type != DQL_OBJECT)
		fail_shape(parse, update ? &update_place : &root, "\"query\" needs the member \"updateQuery\" beside it, an object");
	if (parse->error != NULL)
		return NULL;
	for (int i = 0; i < value->count; i++)
	{
		DqlPlace	child = {&root, value->keys[i], -1};

		if (value->items[i] != query && value->items[i] != update && value->items[i]->type != DQL_NULL &&
			!is_ignored(value->keys[i]))
			vxp_error_hint(fail_shape(parse, &child, "\"%s\" cannot stand beside \"query\"", vxp_dql_quoted(value->keys[i])),
						   "Members of the request belong into \"query\".");
	}
	request = make_object(query->count + update->count);
	for (int i = 0; i < query->count; i++)
	{
		DqlPlace	child = {&query_place, query->keys[i], -1};

		if (strcmp(query->keys[i], "query") == 0 || strcmp(query->keys[i], "updateQuery") == 0 ||
			(has_member(query, query->keys[i]) && has_member(update, query->keys[i])))
			fail_shape(parse, &child, "\"%s\" cannot stand in \"query\" of an update", vxp_dql_quoted(query->keys[i]));
		if (!has_member(update, query->keys[i]))
			add_member(request, query->keys[i], query->items[i]);
	}
	for (int i = 0; i < update->count; i++)
	{
		DqlPlace	child = {&update_place, update->keys[i], -1};

		if (strcmp(update->keys[i], "update") != 0 && strcmp(update->keys[i], "systemSpace") != 0)
			vxp_error_hint(fail_shape(parse, &child, "\"%s\" cannot stand in \"updateQuery\"", vxp_dql_quoted(update->keys[i])),
						   "It takes \"update\" and \"systemSpace\".");
		if (update->items[i]->type != DQL_NULL)
			add_member(request, update->keys[i], update->items[i]);
	}
	return parse->error == NULL ? request : NULL;
}
