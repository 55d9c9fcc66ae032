/*
 * dql_history.c - what two states of a resource differ in
 *
 * Two values are the same when their text is: 1.0 and 1.00 are equal as jsonb,
 * and yet a change.  jsonb holds equal texts in equal bytes, so bytes decide.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "common/vxp_compat.h"

VXP_FUNCTION(vxp_item_changes);

/* One path at which two objects differ; a side that has nothing there is NULL. */
typedef struct ItemChange
{
	char	   *path;
	JsonbValue *old;
	JsonbValue *new;
} ItemChange;

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

static bool
same_value(const JsonbValue *a, const JsonbValue *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type)
	{
		case jbvNull:
			return true;
		case jbvBool:
			return a->val.boolean == b->val.boolean;
		case jbvString:
			return a->val.string.len == b->val.string.len &&
				memcmp(a->val.string.val, b->val.string.val, a->val.string.len) == 0;
		case jbvNumeric:
			return VARSIZE_ANY(a->val.numeric) == VARSIZE_ANY(b->val.numeric) &&
				memcmp(a->val.numeric, b->val.numeric, VARSIZE_ANY(a->val.numeric)) == 0;
		case jbvBinary:
			return a->val.binary.len == b->val.binary.len &&
				memcmp(a->val.binary.data, b->val.binary.data, a->val.binary.len) == 0;
		default:
			elog(ERROR, "unexpected jsonb value of type %d", (int) a->type);
	}
}

static List *
add_change(List *changes, char *path, JsonbValue *old, JsonbValue *new)
{
	ItemChange *change = palloc(sizeof(ItemChange));

	change->path = path;
	change->old = old;
	change->new = new;
	return lappend(changes, change);
}

/* prefix.key, or key */
static char *
path_below(const char *prefix, const JsonbValue *key)
{
	return psprintf("%s%s%.*s", prefix ? prefix : "", prefix ? "." : "", key->val.string.len, key->val.string.val);
}

/* Adds what is in "a" and differs in "b"; what only "b" has, when "a" is looked at from there. */
static List *
compare_objects(JsonbContainer *a, JsonbContainer *b, const char *prefix, bool reversed, List *changes)
{
	JsonbIterator *iterator = JsonbIteratorInit(a);
	JsonbValue	key;
	JsonbValue	value;
	JsonbIteratorToken token;

	check_stack_depth();
	(void) JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) == WJB_KEY)
	{
		JsonbValue *here = palloc(sizeof(JsonbValue));
		JsonbValue *there;

		CHECK_FOR_INTERRUPTS();
		(void) JsonbIteratorNext(&iterator, here, true);
		there = getKeyJsonValueFromContainer(b, key.val.string.val, key.val.string.len, NULL);
		if (there == NULL)
			changes = add_change(changes, path_below(prefix, &key), reversed ? NULL : here, reversed ? here : NULL);
		else if (is_object(here) && is_object(there))
		{
			if (!same_value(here, there))
				changes = compare_objects(here->val.binary.data, there->val.binary.data, path_below(prefix, &key),
										  reversed, changes);
		}
		else if (!reversed && !same_value(here, there))
			changes = add_change(changes, path_below(prefix, &key), here, there);
	}
	return changes;
}

static int
compare_paths(const ListCell *a, const ListCell *b)
{
	return strcmp(((ItemChange *) lfirst(a))->path, ((ItemChange *) lfirst(b))->path);
}

/* {path: value} of one side */
static Datum
side_object(const List *changes, bool new)
{
	JsonbParseState *state = NULL;
	ListCell   *lc;

	vxp_push_jsonb(&state, WJB_BEGIN_OBJECT, NULL);
	foreach(lc, changes)
	{
		const ItemChange *change = lfirst(lc);
		JsonbValue *value = new ? change->new : change->old;
		JsonbValue	key;

		if (value == NULL)
			continue;
		key.type = jbvString;
		key.val.string.val = change->path;
		key.val.string.len = strlen(change->path);
		vxp_push_jsonb(&state, WJB_KEY, &key);
		vxp_push_jsonb(&state, WJB_VALUE, value);
	}
	return JsonbPGetDatum(JsonbValueToJsonb(vxp_push_jsonb(&state, WJB_END_OBJECT, NULL)));
}

/*
 * item_changes(before jsonb, after jsonb) -> (changed text[], old jsonb, new jsonb)
 *
 * The paths at which two objects differ, in byte order, objects compared key by
 * key at every depth.
 */
Datum
vxp_item_changes(PG_FUNCTION_ARGS)
{
	Jsonb	   *before = PG_GETARG_JSONB_P(0);
	Jsonb	   *after = PG_GETARG_JSONB_P(1);
	List	   *changes = NIL;
	Datum	   *paths;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};
	TupleDesc	desc;
	ListCell   *lc;

	if (!JB_ROOT_IS_OBJECT(before) || !JB_ROOT_IS_OBJECT(after))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("what is compared must be two JSON objects")));
	changes = compare_objects(&before->root, &after->root, NULL, false, NIL);
	changes = compare_objects(&after->root, &before->root, NULL, true, changes);
	list_sort(changes, compare_paths);

	paths = palloc(sizeof(Datum) * Max(list_length(changes), 1));
	foreach(lc, changes)
		paths[foreach_current_index(lc)] = CStringGetTextDatum(((ItemChange *) lfirst(lc))->path);
	values[0] = PointerGetDatum(construct_array(paths, list_length(changes), TEXTOID, -1, false, TYPALIGN_INT));
	values[1] = side_object(changes, false);
	values[2] = side_object(changes, true);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
