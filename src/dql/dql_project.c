/*
 * dql_project.c - what an answer shows of a document: its selected part, and
 * timestamps in one form
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "common/vxp_compat.h"
#include "dql/dql_eval.h"

VXP_FUNCTION(vxp_project);
VXP_FUNCTION(vxp_iso8601);
VXP_FUNCTION(vxp_iso8601_list);

/* A selected name with the names selected below it; none: all of it. */
typedef struct Selection
{
	char	   *name;
	int			length;
	List	   *below;			/* of Selection * */
} Selection;

/* find_selection returns the member with this name, or NULL. */
static Selection *
find_selection(const List *members, const char *name, int length)
{
	ListCell   *cell;

	foreach(cell, members)
	{
		Selection  *member = lfirst(cell);

		CHECK_FOR_INTERRUPTS();
		if (member->length == length && memcmp(member->name, name, length) == 0)
			return member;
	}
	return NULL;
}

/* make_selection joins paths to a tree; a path that is a part of another covers it. */
static List *
make_selection(const List *paths)
{
	Selection	root = {0};
	ListCell   *cell;

	foreach(cell, paths)
	{
		const DqlPath *path = lfirst(cell);
		Selection  *place = &root;

		for (int i = 0; i < path->count; i++)
		{
			Selection  *member = find_selection(place->below, path->segments[i],
												strlen(path->segments[i]));

			if (member != NULL && member->below == NIL)
			{
				/* all of it is selected already */
				place = NULL;
				break;
			}
			if (member == NULL)
			{
				member = palloc0(sizeof(Selection));
				member->name = path->segments[i];
				member->length = strlen(member->name);
				place->below = lappend(place->below, member);
			}
			place = member;
		}
		if (place != NULL)
			place->below = NIL;
	}
	return root.below;
}

static void
push_key(JsonbParseState **state, const char *name, int length)
{
	JsonbValue	key;

	key.type = jbvString;
	key.val.string.val = (char *) name;
	key.val.string.len = length;
	vxp_push_jsonb(state, WJB_KEY, &key);
}

static void
push_null(JsonbParseState **state, JsonbIteratorToken token)
{
	JsonbValue	null;

	null.type = jbvNull;
	vxp_push_jsonb(state, token, &null);
}

static JsonbValue *project_object(JsonbParseState **state, JsonbContainer *object,
								  const List *members, DqlSelectMode mode);

/* push_missing appends null, below the names that were selected there. */
static void
push_missing(JsonbParseState **state, const List *members)
{
	ListCell   *cell;

	check_stack_depth();
	if (members == NIL)
	{
		push_null(state, WJB_VALUE);
		return;
	}
	vxp_push_jsonb(state, WJB_BEGIN_OBJECT, NULL);
	foreach(cell, members)
	{
		const Selection *member = lfirst(cell);

		push_key(state, member->name, member->length);
		push_missing(state, member->below);
	}
	vxp_push_jsonb(state, WJB_END_OBJECT, NULL);
}

/*
 * project_list applies names to the elements of a list that are objects.  Other
 * elements have no such names: they stay only where names are removed.
 */
static void
project_list(JsonbParseState **state, const JsonbValue *list, const List *members, DqlSelectMode mode)
{
	ElementWalk walk;
	JsonbValue	element;

	vxp_push_jsonb(state, WJB_BEGIN_ARRAY, NULL);
	vxp_dql_elements_begin(&walk, list);
	while (vxp_dql_elements_next(&walk, &element))
	{
		if (vxp_dql_is_object(&element))
			project_object(state, element.val.binary.data, members, mode);
		else if (mode == DQL_SELECT_EXCLUDE)
			vxp_push_jsonb(state, WJB_ELEM, &element);
	}
	vxp_push_jsonb(state, WJB_END_ARRAY, NULL);
}

/* project_member appends what is selected of one member of an object. */
static void
project_member(JsonbParseState **state, const char *name, int length, const JsonbValue *value,
			   const List *members, DqlSelectMode mode)
{
	bool		is_object = vxp_dql_is_object(value);
	bool		is_list = vxp_dql_is_list(value);

	/* a scalar has nothing at the path: it is no part of what was named */
	if (mode == DQL_SELECT_INCLUDE && members != NIL && !is_object && !is_list)
		return;
	push_key(state, name, length);
	if (members == NIL || (mode == DQL_SELECT_EXCLUDE && !is_object && !is_list))
		vxp_push_jsonb(state, WJB_VALUE, (JsonbValue *) value);
	else if (is_object)
		project_object(state, value->val.binary.data, members, mode);
	else if (is_list)
		project_list(state, value, members, mode);
	else
		push_missing(state, members);
}

static JsonbValue *
project_object(JsonbParseState **state, JsonbContainer *object, const List *members,
			   DqlSelectMode mode)
{
	JsonbValue	value;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	vxp_push_jsonb(state, WJB_BEGIN_OBJECT, NULL);
	if (mode == DQL_SELECT_EXCLUDE)
	{
		JsonbIterator *it = JsonbIteratorInit(object);
		JsonbValue	key;
		JsonbIteratorToken token;

		while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
		{
			const Selection *member;

			if (token != WJB_KEY)
				continue;
			(void) JsonbIteratorNext(&it, &value, true);
			member = find_selection(members, key.val.string.val, key.val.string.len);
			if (member == NULL || member->below != NIL)
				project_member(state, key.val.string.val, key.val.string.len, &value,
							   member ? member->below : NIL, mode);
		}
	}
	else
	{
		ListCell   *cell;

		foreach(cell, members)
		{
			const Selection *member = lfirst(cell);

			if (getKeyJsonValueFromContainer(object, member->name, member->length, &value))
				project_member(state, member->name, member->length, &value, member->below, mode);
			else if (mode == DQL_SELECT_LIST)
			{
				push_key(state, member->name, member->length);
				push_missing(state, member->below);
			}
		}
	}
	return vxp_push_jsonb(state, WJB_END_OBJECT, NULL);
}

typedef struct ProjectCache
{
	MemoryContext context;
	DqlText    *request;
	DqlSelectMode mode;
	List	   *members;		/* of Selection * */
} ProjectCache;

static ProjectCache *
get_projection(FunctionCallInfo fcinfo)
{
	ProjectCache *cache = fcinfo->flinfo->fn_extra;
	DqlText    *request = PG_GETARG_DQL_PP(1);
	const DqlRequest *parsed;
	MemoryContext context;
	MemoryContext old;

	if (cache != NULL)
	{
		if (VARSIZE_ANY_EXHDR(cache->request) == VARSIZE_ANY_EXHDR(request) &&
			memcmp(VARDATA_ANY(cache->request), VARDATA_ANY(request), VARSIZE_ANY_EXHDR(request)) == 0)
			return cache;
		fcinfo->flinfo->fn_extra = NULL;
		MemoryContextDelete(cache->context);
	}
	context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "vxp.project", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	cache = palloc0(sizeof(ProjectCache));
	cache->context = context;
	cache->request = (DqlText *) cstring_to_text_with_len(VARDATA_ANY(request),
														  VARSIZE_ANY_EXHDR(request));
	parsed = vxp_dql_parse_or_raise(request);
	cache->mode = parsed->select_mode;
	cache->members = make_selection(parsed->select);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = cache;
	return cache;
}

/*
 * project(document jsonb, request dql) -> jsonb
 *
 * The projection of section 7; without "select", the document itself.  Paths
 * reach into each element of a list that is an object, as in MongoDB; names
 * are never positions in a list.  What is no object has no fields: a list of
 * names gives all of them as null, names to keep give {}, names to remove
 * leave it as it is.
 */
Datum
vxp_project(PG_FUNCTION_ARGS)
{
	Jsonb	   *document = PG_GETARG_JSONB_P(0);
	ProjectCache *cache = get_projection(fcinfo);
	JsonbParseState *state = NULL;
	JsonbContainer *root = &document->root;
	JsonbValue *result;

	if (cache->mode == DQL_SELECT_ALL ||
		(cache->mode == DQL_SELECT_EXCLUDE && !JB_ROOT_IS_OBJECT(document)))
		PG_RETURN_JSONB_P(document);
	if (!JB_ROOT_IS_OBJECT(document))
	{
		JsonbParseState *empty = NULL;

		vxp_push_jsonb(&empty, WJB_BEGIN_OBJECT, NULL);
		root = &JsonbValueToJsonb(vxp_push_jsonb(&empty, WJB_END_OBJECT, NULL))->root;
	}
	result = project_object(&state, root, cache->members, cache->mode);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(result));
}

/*
 * iso8601(timestamptz) -> text
 *
 * "2024-03-01T10:00:00.000Z", with six digits where milliseconds lose some.
 * Years beyond four digits have a sign, as ISO 8601 asks for; 1 BC is 0000.
 */
Datum
vxp_iso8601(PG_FUNCTION_ARGS)
{
	TimestampTz instant = PG_GETARG_TIMESTAMPTZ(0);
	struct pg_tm tm;
	fsec_t		fraction;
	StringInfoData buf;

	if (TIMESTAMP_NOT_FINITE(instant))
		PG_RETURN_NULL();
	if (timestamp2tm(instant, NULL, &tm, &fraction, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	initStringInfo(&buf);
	if (tm.tm_year >= 0 && tm.tm_year <= 9999)
		appendStringInfo(&buf, "%04d", tm.tm_year);
	else
		appendStringInfo(&buf, "%c%06d", tm.tm_year < 0 ? '-' : '+', abs(tm.tm_year));
	appendStringInfo(&buf, "-%02d-%02dT%02d:%02d:%02d", tm.tm_mon, tm.tm_mday,
					 tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (fraction % 1000 == 0)
		appendStringInfo(&buf, ".%03dZ", (int) (fraction / 1000));
	else
		appendStringInfo(&buf, ".%06dZ", (int) fraction);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buf.data, buf.len));
}

/*
 * iso8601_list(timestamptz[]) and (timestamp[]) -> text[]: iso8601 of each element,
 * where one without a zone is UTC; both are stored alike
 */
Datum
vxp_iso8601_list(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Datum	   *values;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, ARR_ELEMTYPE(array), sizeof(Timestamp), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		LOCAL_FCINFO(call, 1);

		CHECK_FOR_INTERRUPTS();
		if (nulls[i])
			continue;
		InitFunctionCallInfoData(*call, NULL, 1, InvalidOid, NULL, NULL);
		call->args[0].value = values[i];
		call->args[0].isnull = false;
		values[i] = vxp_iso8601(call);
		nulls[i] = call->isnull;	/* infinity */
	}
	PG_RETURN_ARRAYTYPE_P(construct_md_array(values, nulls, ARR_NDIM(array), ARR_DIMS(array), ARR_LBOUND(array),
											 TEXTOID, -1, false, TYPALIGN_INT));
}
