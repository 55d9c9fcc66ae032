/*
 * dql_parse_value.c - what the parser of requests is made from
 *
 * Places in a request and errors at them; field paths; operands: plain values
 * and bind variables.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/json.h"

#include "dql/dql_parse.h"

/* Longer places are shortened in the middle: every node keeps its text. */
#define MAX_PLACE_TEXT 256

/* The server's numeric holds this many digits before and behind the point. */
#define MAX_DIGITS_BEFORE 131072
#define MAX_DIGITS_BEHIND 16383

/* Bind variables beyond this are a slip of the keyboard. */
#define MAX_PARAM 65535

/* Is the key a plain name that needs no quotes?  If so, its length goes to *length. */
static bool
is_plain_key(const char *key, int *length)
{
	const char *c = key;

	while ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_' || *c == '$' ||
		   (c > key && *c >= '0' && *c <= '9'))
		c++;
	*length = c - key;
	return *c == '\0' && c > key;
}

/* place_step appends one step: .key, ."odd key" or [index]. */
static void
place_step(StringInfo buf, const DqlPlace *place)
{
	const char *key;
	int			length;

	if (place->key == NULL)
	{
		appendStringInfo(buf, "[%d]", place->index);
		return;
	}
	appendStringInfoChar(buf, '.');
	key = vxp_quote_input(place->key, strlen(place->key));
	if (is_plain_key(place->key, &length))
		appendStringInfoString(buf, key);
	else
		escape_json(buf, key);
}

/*
 * short_place writes a place of plain keys that is short into "text"; false when
 * it is not.  Every node of every request has a place, and nearly all are such.
 */
static bool
short_place(const DqlPlace *place, char text[MAX_PLACE_TEXT / 2], int *start)
{
	int			at = MAX_PLACE_TEXT / 2;

	text[--at] = '\0';
	for (; place->parent != NULL; place = place->parent)
	{
		int			length;

		if (place->key == NULL)
		{
			int			index = place->index;

			if (at < 16)
				return false;
			text[--at] = ']';
			do
			{
				text[--at] = '0' + index % 10;
				index /= 10;
			} while (index > 0);
			text[--at] = '[';
		}
		else
		{
			/* vxp_quote_input cuts longer ones */
			if (!is_plain_key(place->key, &length) || length > 64 || at < length + 2)
				return false;
			at -= length;
			memcpy(text + at, place->key, length);
			text[--at] = '.';
		}
	}
	if (at < 1)
		return false;
	text[--at] = '$';
	*start = at;
	return true;
}

/* vxp_dql_place_text returns the JSON path of a place, "$.filter.$and[2].created". */
char *
vxp_dql_place_text(const DqlPlace *place)
{
	StringInfoData buf;
	const DqlPlace *steps[4 * DQL_MAX_NESTING];
	char		text[MAX_PLACE_TEXT / 2];
	int			count = 0;
	int			start;

	if (short_place(place, text, &start))
		return pnstrdup(text + start, sizeof(text) - 1 - start);
	for (; place->parent != NULL && count < lengthof(steps); place = place->parent)
		steps[count++] = place;
	initStringInfo(&buf);
	appendStringInfoChar(&buf, '$');
	while (count > 0)
	{
		place_step(&buf, steps[--count]);
		if (buf.len > MAX_PLACE_TEXT / 2 && count > 2)
		{
			count = 2;
			appendStringInfoString(&buf, " ... ");
		}
	}
	return buf.data;
}

/* vxp_dql_fail records the error unless there is one, and returns it. */
VxpError *
vxp_dql_fail(DqlParse *parse, const DqlPlace *place, int code, const char *fmt,...)
{
	StringInfoData buf;

	if (parse->error != NULL)
		return parse->error;
	initStringInfo(&buf);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, fmt);
		needed = appendStringInfoVA(&buf, _(fmt), args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&buf, needed);
	}
	parse->error = vxp_error(code, vxp_dql_place_text(place), "%s", buf.data);
	return parse->error;
}

/* vxp_dql_kind_name names the type of a value, with article. */
const char *
vxp_dql_kind_name(const DqlValue *value)
{
	switch (value->type)
	{
		case DQL_NULL:
			return "null";
		case DQL_BOOLEAN:
			return "a boolean";
		case DQL_NUMBER:
			return "a number";
		case DQL_STRING:
			return "a string";
		case DQL_ARRAY:
			return "a list";
		case DQL_OBJECT:
			return "an object";
		case DQL_PARAM:
			return "a bind variable";
	}
	return "a value";
}

/* vxp_dql_quoted cuts a piece of the request for a message. */
char *
vxp_dql_quoted(const char *text)
{
	return vxp_quote_input(text, strlen(text));
}

/*
 * vxp_dql_parse_path splits a dotted name.  Returns NULL after an error.
 */
DqlPath *
vxp_dql_parse_path(DqlParse *parse, const char *text, const DqlPlace *place)
{
	DqlPath    *path;
	char	   *copy;
	int			capacity = 1;
	size_t		length;
	const char *start = text;

	for (const char *c = text; *c != '\0'; c++)
		capacity += *c == '.';
	/* path, segments, the text and the text cut at its dots, in one piece */
	length = strlen(text) + 1;
	path = palloc(sizeof(DqlPath) + capacity * sizeof(char *) + 2 * length);
	path->count = 0;
	path->segments = (char **) (path + 1);
	path->text = (char *) (path->segments + capacity);
	copy = path->text + length;
	memcpy(path->text, text, length);
	memcpy(copy, text, length);
	for (const char *c = text;; c++)
	{
		if (*c != '.' && *c != '\0')
			continue;
		if (c == start)
		{
			vxp_error_hint(fail_shape(parse, place, "field path \"%s\" has an empty segment", vxp_dql_quoted(text)),
						   "Write the segments of a path with one dot between them.");
			return NULL;
		}
		path->segments[path->count++] = copy + (start - text);
		copy[c - text] = '\0';
		if (*c == '\0')
			return path;
		start = c + 1;
	}
}

/* vxp_dql_number_fits tells whether the server's numeric can hold a JSON number. */
bool
vxp_dql_number_fits(const char *literal)
{
	const char *c = literal;
	int64		before = 0;
	int64		behind = 0;
	int64		exponent = 0;
	bool		negative;

	for (; *c == '-' || (*c >= '0' && *c <= '9'); c++)
		before += *c != '-';
	if (*c == '.')
		for (c++; *c >= '0' && *c <= '9'; c++)
			behind++;
	if (*c == 'e' || *c == 'E')
	{
		c++;
		negative = *c == '-';
		if (*c == '-' || *c == '+')
			c++;
		for (; *c >= '0' && *c <= '9' && exponent < PG_INT32_MAX; c++)
			exponent = exponent * 10 + (*c - '0');
		if (negative)
			exponent = -exponent;
	}
	return before + exponent <= MAX_DIGITS_BEFORE && behind - exponent <= MAX_DIGITS_BEHIND;
}

/*
 * check_literal makes sure that a value means itself: numbers are in range and
 * no object in it has a key that reads as an operator.
 */
static bool
check_literal(DqlParse *parse, const DqlValue *value, const DqlPlace *place)
{
	check_stack_depth();
	if (value->type == DQL_NUMBER && !vxp_dql_number_fits(value->string))
	{
		vxp_dql_fail(parse, place, ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, "number \"%s\" is out of range",
					 vxp_dql_quoted(value->string));
		return false;
	}
	for (int i = 0; i < value->count; i++)
	{
		DqlPlace	child = {place, value->type == DQL_OBJECT ? value->keys[i] : NULL, i};

		if (child.key != NULL && child.key[0] == '$')
		{
			vxp_error_hint(fail_shape(parse, &child, "operator \"%s\" stands inside a value",
									  vxp_dql_quoted(child.key)),
						   "A list or an object that is compared as a whole holds plain values only.");
			return false;
		}
		if (!check_literal(parse, value->items[i], &child))
			return false;
	}
	return true;
}

/* vxp_dql_has_key tells whether the value is an object with this key. */
bool
vxp_dql_has_key(const DqlValue *value, const char *key)
{
	for (int i = 0; i < value->count; i++)
		if (value->type == DQL_OBJECT && strcmp(value->keys[i], key) == 0)
			return true;
	return false;
}

/*
 * vxp_dql_parse_param reads {"$param": n}.  *result is NULL when the value is no bind
 * variable; returns false after an error.
 */
bool
vxp_dql_parse_param(DqlParse *parse, const DqlValue *value, const DqlPlace *place, DqlValue **result)
{
	DqlPlace	child = {place, "$param", -1};
	int64		number;

	*result = NULL;
	if (!vxp_dql_has_key(value, "$param"))
		return true;
	if (value->count != 1)
	{
		fail_shape(parse, &child, "\"$param\" must be the only member of its object");
		return false;
	}
	if (value->items[0]->type != DQL_NUMBER || !vxp_dql_integer(value->items[0], &number) ||
		number < 1 || number > MAX_PARAM)
	{
		vxp_error_detail(fail_shape(parse, &child, "\"$param\" must be the number of a bind variable"),
						 "Bind variables are counted from 1 to %d.", MAX_PARAM);
		return false;
	}
	*result = palloc0(sizeof(DqlValue));
	(*result)->type = DQL_PARAM;
	(*result)->param = (int) number;
	if (number > parse->request->max_param)
		parse->request->max_param = (int) number;
	return true;
}

/*
 * vxp_dql_parse_value reads an operand: a bind variable or a plain value.  Returns
 * NULL after an error.
 */
DqlValue *
vxp_dql_parse_value(DqlParse *parse, const DqlValue *value, const DqlPlace *place)
{
	DqlValue   *param;

	if (!vxp_dql_parse_param(parse, value, place, &param))
		return NULL;
	if (param != NULL)
		return param;
	return check_literal(parse, value, place) ? (DqlValue *) value : NULL;
}

/* vxp_dql_make_list returns a list of these values. */
DqlValue *
vxp_dql_make_list(DqlValue **items, int count)
{
	DqlValue   *list = palloc0(sizeof(DqlValue));

	list->type = DQL_ARRAY;
	list->items = items;
	list->count = count;
	return list;
}

/* vxp_dql_parse_values reads each member of a list as an operand. */
DqlValue *
vxp_dql_parse_values(DqlParse *parse, const DqlValue *list, const DqlPlace *place)
{
	DqlValue  **items = palloc(Max(list->count, 1) * sizeof(DqlValue *));

	for (int i = 0; i < list->count; i++)
	{
		DqlPlace	child = {place, NULL, i};

		items[i] = vxp_dql_parse_value(parse, list->items[i], &child);
		if (items[i] == NULL)
			return NULL;
	}
	return vxp_dql_make_list(items, list->count);
}
