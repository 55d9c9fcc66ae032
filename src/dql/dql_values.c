/*
 * dql_values.c - the values that a path leads to in a document, as an array
 *
 * Subqueries and joins compare values of documents (docs/dql.md, sections 4.10
 * and 5): lists are replaced by their elements, nulls are dropped, and a value
 * counts once for a document however often it stands there.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "dql/dql_eval.h"

VXP_FUNCTION(vxp_path_values);
VXP_FUNCTION(vxp_path_texts);

/* Values found so far, in the order of their first place, and a hash table of their numbers. */
typedef struct ValueList
{
	bool		texts_only;
	Datum	   *values;			/* jsonb, or text when texts_only */
	uint32	   *hashes;
	int			count;
	int			capacity;		/* a power of two */
	int		   *slots;			/* twice as many: a number, or -1; looked for from the hash onwards */
} ValueList;

static uint32
hash_value(const ValueList *list, Datum value)
{
	return DatumGetUInt32(list->texts_only ? DirectFunctionCall1Coll(hashtext, C_COLLATION_OID, value) :
						  DirectFunctionCall1(jsonb_hash, value));
}

static bool
same_value(const ValueList *list, Datum a, Datum b)
{
	return DatumGetBool(list->texts_only ? DirectFunctionCall2Coll(texteq, C_COLLATION_OID, a, b) :
						DirectFunctionCall2(jsonb_eq, a, b));
}

/* Room for one value more. */
static void
grow(ValueList *list)
{
	uint32		mask;

	if (list->count < list->capacity)
		return;
	if (list->capacity == 0)
	{
		list->capacity = 8;
		list->values = palloc(sizeof(Datum) * list->capacity);
		list->hashes = palloc(sizeof(uint32) * list->capacity);
	}
	else
	{
		list->capacity *= 2;
		list->values = repalloc_huge(list->values, sizeof(Datum) * list->capacity);
		list->hashes = repalloc_huge(list->hashes, sizeof(uint32) * list->capacity);
		pfree(list->slots);
	}
	list->slots = palloc_extended(sizeof(int) * 2 * list->capacity, MCXT_ALLOC_HUGE);
	memset(list->slots, -1, sizeof(int) * 2 * list->capacity);
	mask = 2 * list->capacity - 1;
	for (int i = 0; i < list->count; i++)
	{
		uint32		slot = list->hashes[i] & mask;

		while (list->slots[slot] >= 0)
			slot = (slot + 1) & mask;
		list->slots[slot] = i;
	}
}

static void
add_value(ValueList *list, const JsonbValue *value)
{
	Datum		datum;
	uint32		hash;
	uint32		slot;

	CHECK_FOR_INTERRUPTS();
	if (value->type == jbvNull || (list->texts_only && value->type != jbvString))
		return;
	if (list->texts_only)
		datum = PointerGetDatum(cstring_to_text_with_len(value->val.string.val, value->val.string.len));
	else
		datum = JsonbPGetDatum(JsonbValueToJsonb((JsonbValue *) value));
	grow(list);
	hash = hash_value(list, datum);
	for (slot = hash & (2 * list->capacity - 1); list->slots[slot] >= 0; slot = (slot + 1) & (2 * list->capacity - 1))
	{
		int			other = list->slots[slot];

		/* equal values of a document are stored alike: numbers are normal but for their scale */
		if (list->hashes[other] == hash && same_value(list, datum, list->values[other]))
			return;
	}
	list->slots[slot] = list->count;
	list->hashes[list->count] = hash;
	list->values[list->count++] = datum;
}

/* A value of the path: itself, or its elements when it is a list. */
static void
visit(const JsonbValue *value, void *state)
{
	ElementWalk walk;
	JsonbValue	element;

	if (!vxp_dql_is_list(value))
	{
		add_value(state, value);
		return;
	}
	vxp_dql_elements_begin(&walk, value);
	while (vxp_dql_elements_next(&walk, &element))
		add_value(state, &element);
}

static ArrayType *
path_array(FunctionCallInfo fcinfo, bool texts_only)
{
	ValueList	list = {texts_only};
	JsonbValue	root;
	EvalPath   *path = vxp_dql_cached_path(fcinfo);

	vxp_dql_root_value(PG_GETARG_JSONB_P(0), &root);
	(void) vxp_dql_eval_values(path->segments, path->count, &root, visit, &list);
	return construct_array(list.values, list.count, texts_only ? TEXTOID : JSONBOID, -1, false, TYPALIGN_INT);
}

/*
 * path_values(jsonb, text) -> jsonb[]
 *
 * The values at the path without null, lists replaced by their elements, each
 * value once; an empty array when there are none.  An empty path is the
 * document itself.
 */
Datum
vxp_path_values(PG_FUNCTION_ARGS)
{
	PG_RETURN_ARRAYTYPE_P(path_array(fcinfo, false));
}

/* path_texts(jsonb, text) -> text[]: the strings among path_values, as text */
Datum
vxp_path_texts(PG_FUNCTION_ARGS)
{
	PG_RETURN_ARRAYTYPE_P(path_array(fcinfo, true));
}
