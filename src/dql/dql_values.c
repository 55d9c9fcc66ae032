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
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "dql/dql_eval.h"

VXP_FUNCTION(vxp_path_values);
VXP_FUNCTION(vxp_path_texts);

/* Values found so far. */
typedef struct ValueList
{
	bool		texts_only;
	Datum	   *values;			/* jsonb, or text when texts_only */
	int			count;
	int			capacity;
} ValueList;

static void
add_value(ValueList *list, const JsonbValue *value)
{
	Datum		datum;

	if (value->type == jbvNull || (list->texts_only && value->type != jbvString))
		return;
	if (list->texts_only)
		datum = PointerGetDatum(cstring_to_text_with_len(value->val.string.val, value->val.string.len));
	else
		datum = JsonbPGetDatum(JsonbValueToJsonb((JsonbValue *) value));
	for (int i = 0; i < list->count; i++)
	{
		/* equal values of a document are stored alike: numbers are normal but for their scale */
		if (list->texts_only ?
			DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, datum, list->values[i])) :
			DatumGetBool(DirectFunctionCall2(jsonb_eq, datum, list->values[i])))
			return;
	}
	if (list->count == list->capacity)
	{
		list->capacity = Max(8, 2 * list->capacity);
		list->values = list->values ? repalloc(list->values, sizeof(Datum) * list->capacity) :
			palloc(sizeof(Datum) * list->capacity);
	}
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
