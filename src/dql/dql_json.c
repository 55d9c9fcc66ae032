/*
 * dql_json.c - JSON text to values, by the server's own parser
 *
 * What is JSON is decided by the parser behind the json type, so that a
 * request means the same whether it arrives as text, json or jsonb.  That
 * parser recurses, and raises an error of its own when the stack is short; a
 * scan ahead counts brackets, so that it never sees more than
 * DQL_MAX_NESTING levels.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/json.h"

#include "dql/dql.h"

/* Objects up to this many keys are searched for duplicates one by one. */
#define SMALL_OBJECT 16

/* A list or object whose end has not been read. */
typedef struct OpenContainer
{
	DqlValue   *value;
	int			capacity;		/* allocated entries of items (and keys) */
	char	   *key;			/* OBJECT: key whose value comes next */
} OpenContainer;

typedef struct JsonReader
{
	DqlValue   *root;
	int			depth;
	OpenContainer open[DQL_MAX_NESTING + 1];
} JsonReader;

typedef struct KeyPosition
{
	const char *key;
	int			position;
} KeyPosition;

/*
 * exceeds_nesting tells whether brackets nest deeper than the limit.  Text
 * that is not JSON may be counted wrongly; the parser refuses it anyway.
 */
static bool
exceeds_nesting(const char *text, int length)
{
	int			depth = 0;
	bool		in_string = false;

	if (length <= DQL_MAX_NESTING)
		return false;
	for (int i = 0; i < length; i++)
	{
		char		c = text[i];

		if (in_string)
		{
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		}
		else if (c == '"')
			in_string = true;
		else if (c == '{' || c == '[')
		{
			if (++depth > DQL_MAX_NESTING)
				return true;
		}
		else if (c == '}' || c == ']')
			depth--;
	}
	return false;
}

/* add_value puts a finished value into the innermost open container. */
static void
add_value(JsonReader *reader, DqlValue *value)
{
	OpenContainer *open;
	DqlValue   *container;

	if (reader->depth == 0)
	{
		reader->root = value;
		return;
	}
	open = &reader->open[reader->depth - 1];
	container = open->value;
	if (container->count >= open->capacity)
	{
		int			capacity = open->capacity ? open->capacity * 2 : 4;

		container->items = open->capacity ?
			repalloc(container->items, capacity * sizeof(DqlValue *)) :
			palloc(capacity * sizeof(DqlValue *));
		if (container->type == DQL_OBJECT)
			container->keys = open->capacity ?
				repalloc(container->keys, capacity * sizeof(char *)) :
				palloc(capacity * sizeof(char *));
		open->capacity = capacity;
	}
	if (container->type == DQL_OBJECT)
		container->keys[container->count] = open->key;
	container->items[container->count++] = value;
}

static void
open_container(JsonReader *reader, DqlValueType type)
{
	DqlValue   *value = palloc0(sizeof(DqlValue));

	value->type = type;
	add_value(reader, value);
	Assert(reader->depth <= DQL_MAX_NESTING);
	reader->open[reader->depth].value = value;
	reader->open[reader->depth].capacity = 0;
	reader->open[reader->depth].key = NULL;
	reader->depth++;
}

static int
compare_key_positions(const void *a, const void *b)
{
	const KeyPosition *left = a;
	const KeyPosition *right = b;
	int			cmp = strcmp(left->key, right->key);

	return cmp != 0 ? cmp : (left->position > right->position) - (left->position < right->position);
}

/*
 * merge_duplicates leaves each key once, where it stood first, with its last
 * value.  Sorting keeps a request of many keys from taking quadratic time.
 */
static void
merge_duplicates(DqlValue *object)
{
	int			kept = 0;
	bool		found = false;

	if (object->count <= SMALL_OBJECT)
	{
		for (int i = 0; i < object->count; i++)
		{
			int			same = 0;

			while (same < kept && strcmp(object->keys[same], object->keys[i]) != 0)
				same++;
			object->keys[same] = object->keys[i];
			object->items[same] = object->items[i];
			if (same == kept)
				kept++;
		}
		object->count = kept;
		return;
	}
	else
	{
		KeyPosition *sorted = palloc(object->count * sizeof(KeyPosition));

		for (int i = 0; i < object->count; i++)
		{
			sorted[i].key = object->keys[i];
			sorted[i].position = i;
		}
		qsort(sorted, object->count, sizeof(KeyPosition), compare_key_positions);
		for (int i = 1, first = 0; i < object->count; i++)
		{
			if (strcmp(sorted[first].key, sorted[i].key) == 0)
			{
				object->items[sorted[first].position] = object->items[sorted[i].position];
				object->items[sorted[i].position] = NULL;
				found = true;
			}
			else
				first = i;
		}
		pfree(sorted);
	}
	if (!found)
		return;
	for (int i = 0; i < object->count; i++)
	{
		if (object->items[i] == NULL)
			continue;
		object->keys[kept] = object->keys[i];
		object->items[kept++] = object->items[i];
	}
	object->count = kept;
}

static VXP_JSON_ACTION
on_object_start(void *state)
{
	open_container(state, DQL_OBJECT);
	VXP_JSON_ACTION_DONE;
}

static VXP_JSON_ACTION
on_object_end(void *state)
{
	JsonReader *reader = state;

	merge_duplicates(reader->open[--reader->depth].value);
	VXP_JSON_ACTION_DONE;
}

static VXP_JSON_ACTION
on_array_start(void *state)
{
	open_container(state, DQL_ARRAY);
	VXP_JSON_ACTION_DONE;
}

static VXP_JSON_ACTION
on_array_end(void *state)
{
	((JsonReader *) state)->depth--;
	VXP_JSON_ACTION_DONE;
}

static VXP_JSON_ACTION
on_field_start(void *state, char *name, bool isnull)
{
	JsonReader *reader = state;

	reader->open[reader->depth - 1].key = name;
	VXP_JSON_ACTION_DONE;
}

static VXP_JSON_ACTION
on_scalar(void *state, char *token, JsonTokenType type)
{
	DqlValue   *value = palloc0(sizeof(DqlValue));

	switch (type)
	{
		case JSON_TOKEN_STRING:
		case JSON_TOKEN_NUMBER:
			value->type = type == JSON_TOKEN_STRING ? DQL_STRING : DQL_NUMBER;
			value->string = token;
			value->length = strlen(token);
			break;
		case JSON_TOKEN_TRUE:
		case JSON_TOKEN_FALSE:
			value->type = DQL_BOOLEAN;
			value->boolean = type == JSON_TOKEN_TRUE;
			break;
		default:
			value->type = DQL_NULL;
			break;
	}
	add_value(state, value);
	CHECK_FOR_INTERRUPTS();
	VXP_JSON_ACTION_DONE;
}

/*
 * vxp_dql_json_parse reads one JSON value.  The result lives in the current
 * context; the text is not needed afterwards.
 */
VxpError *
vxp_dql_json_parse(const char *text, int length, DqlValue **result)
{
	JsonReader	reader;
	JsonLexContext *lexer;
	JsonSemAction actions = {0};
	JsonParseErrorType status;

	*result = NULL;
	if (length > DQL_MAX_SIZE)
		return vxp_error_detail(vxp_error(ERRCODE_PROGRAM_LIMIT_EXCEEDED, NULL,
										  "request is too large"),
								"It has %d bytes; the limit is %d.", length, DQL_MAX_SIZE);
	if (exceeds_nesting(text, length))
		return vxp_error_detail(vxp_error(ERRCODE_PROGRAM_LIMIT_EXCEEDED, NULL,
										  "request nests too deeply"),
								"The limit is %d levels.", DQL_MAX_NESTING);

	reader.root = NULL;
	reader.depth = 0;
	actions.semstate = &reader;
	actions.object_start = on_object_start;
	actions.object_end = on_object_end;
	actions.array_start = on_array_start;
	actions.array_end = on_array_end;
	actions.object_field_start = on_field_start;
	actions.scalar = on_scalar;

	lexer = vxp_json_lexer(text, length, GetDatabaseEncoding(), true);
	status = pg_parse_json(lexer, &actions);
	if (status != JSON_SUCCESS)
		return vxp_error_detail(vxp_error(VXP_JSON_UNTRANSLATABLE(status) ?
										  ERRCODE_UNTRANSLATABLE_CHARACTER :
										  ERRCODE_INVALID_TEXT_REPRESENTATION, NULL,
										  "request is not valid JSON"),
								"%s", json_errdetail(status, lexer));
	*result = reader.root;
	return NULL;
}

/* vxp_dql_json_print appends the value as JSON text without blanks. */
void
vxp_dql_json_print(StringInfo buf, const DqlValue *value)
{
	check_stack_depth();
	switch (value->type)
	{
		case DQL_NULL:
			appendStringInfoString(buf, "null");
			break;
		case DQL_BOOLEAN:
			appendStringInfoString(buf, value->boolean ? "true" : "false");
			break;
		case DQL_NUMBER:
			appendStringInfoString(buf, value->string);
			break;
		case DQL_STRING:
			escape_json(buf, value->string);
			break;
		case DQL_PARAM:
			appendStringInfo(buf, "{\"$param\":%d}", value->param);
			break;
		case DQL_ARRAY:
			appendStringInfoChar(buf, '[');
			for (int i = 0; i < value->count; i++)
			{
				if (i > 0)
					appendStringInfoChar(buf, ',');
				vxp_dql_json_print(buf, value->items[i]);
			}
			appendStringInfoChar(buf, ']');
			break;
		case DQL_OBJECT:
			appendStringInfoChar(buf, '{');
			for (int i = 0; i < value->count; i++)
			{
				if (i > 0)
					appendStringInfoChar(buf, ',');
				escape_json(buf, value->keys[i]);
				appendStringInfoChar(buf, ':');
				vxp_dql_json_print(buf, value->items[i]);
			}
			appendStringInfoChar(buf, '}');
			break;
	}
}
