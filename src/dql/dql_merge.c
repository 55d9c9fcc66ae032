/*
 * dql_merge.c - what a write does to one document (section 9)
 *
 * Both functions copy the document and change it on the way; what they do not
 * name stays byte for byte the same value.  Bytes decide: IMMUTABLE.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "common/vxp_compat.h"

VXP_FUNCTION(vxp_merge_metadata);
VXP_FUNCTION(vxp_edit_references);

/* The object behind a value, or NULL when the value is none. */
static JsonbContainer *
object_of(const JsonbValue *value)
{
	if (value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data))
		return value->val.binary.data;
	return NULL;
}

/* Pushes an object with the members of "document" (NULL: none) and "patch" over them. */
static JsonbValue *
merge_objects(JsonbParseState **state, JsonbContainer *document, JsonbContainer *patch)
{
	JsonbIterator *members;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;
	JsonbValue	found;

	check_stack_depth();
	vxp_push_jsonb(state, WJB_BEGIN_OBJECT, NULL);
	if (document)
	{
		members = JsonbIteratorInit(document);
		(void) JsonbIteratorNext(&members, &value, true);
		while ((token = JsonbIteratorNext(&members, &key, true)) == WJB_KEY)
		{
			CHECK_FOR_INTERRUPTS();
			(void) JsonbIteratorNext(&members, &value, true);
			vxp_push_jsonb(state, WJB_KEY, &key);
			if (getKeyJsonValueFromContainer(patch, key.val.string.val, key.val.string.len, &found) == NULL)
				vxp_push_jsonb(state, WJB_VALUE, &value);
			else if (object_of(&found))
				merge_objects(state, object_of(&value), object_of(&found));
			else
				vxp_push_jsonb(state, WJB_VALUE, &found);
		}
	}
	members = JsonbIteratorInit(patch);
	(void) JsonbIteratorNext(&members, &value, true);
	while ((token = JsonbIteratorNext(&members, &key, true)) == WJB_KEY)
	{
		CHECK_FOR_INTERRUPTS();
		(void) JsonbIteratorNext(&members, &value, true);
		if (document && getKeyJsonValueFromContainer(document, key.val.string.val, key.val.string.len, &found))
			continue;
		vxp_push_jsonb(state, WJB_KEY, &key);
		vxp_push_jsonb(state, WJB_VALUE, &value);
	}
	return vxp_push_jsonb(state, WJB_END_OBJECT, NULL);
}

static JsonbContainer *
root_object(Jsonb *document, int argument, const char *function)
{
	if (document == NULL)
		return NULL;
	if (!JB_ROOT_IS_OBJECT(document))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument %d of %s must be a JSON object", argument, function)));
	return &document->root;
}

/*
 * merge_metadata(document jsonb, patch jsonb) -> jsonb
 *
 * Objects merge key by key at every depth; any other value of the patch, null
 * and lists included, takes the place of what was there.  A NULL document has
 * no members.  NULL for a NULL patch.  Both must be objects (22023).
 */
Datum
vxp_merge_metadata(PG_FUNCTION_ARGS)
{
	JsonbParseState *state = NULL;
	JsonbContainer *document;
	JsonbContainer *patch;

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	document = root_object(PG_ARGISNULL(0) ? NULL : PG_GETARG_JSONB_P(0), 1, "merge_metadata");
	patch = root_object(PG_GETARG_JSONB_P(1), 2, "merge_metadata");
	PG_RETURN_JSONB_P(JsonbValueToJsonb(merge_objects(&state, document, patch)));
}

/* An edit of the list at a path. */
typedef struct ReferenceEdit
{
	int			depth;			/* segments of the path */
	Datum	   *segments;		/* text */
	bool		create;
	JsonbContainer *refs;
} ReferenceEdit;

/* Are both references objects with the same type and id? */
static bool
same_reference(const JsonbValue *a, const JsonbValue *b)
{
	static const char *const names[] = {"type", "id"};

	if (object_of(a) == NULL || object_of(b) == NULL)
		return false;
	for (int i = 0; i < lengthof(names); i++)
	{
		JsonbValue	left;
		JsonbValue	right;

		if (getKeyJsonValueFromContainer(object_of(a), names[i], strlen(names[i]), &left) == NULL ||
			getKeyJsonValueFromContainer(object_of(b), names[i], strlen(names[i]), &right) == NULL ||
			left.type != jbvString || right.type != jbvString ||
			left.val.string.len != right.val.string.len ||
			memcmp(left.val.string.val, right.val.string.val, left.val.string.len) != 0)
			return false;
	}
	return true;
}

/* Does the list hold this reference among its first "count" elements? */
static bool
holds_reference(JsonbContainer *list, uint32 count, const JsonbValue *reference)
{
	for (uint32 i = 0; list && i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (same_reference(getIthJsonbValueFromContainer(list, i), reference))
			return true;
	}
	return false;
}

/* Pushes the edited list; "list" is NULL when there is none. */
static void
push_list(JsonbParseState **state, JsonbContainer *list, const ReferenceEdit *edit)
{
	uint32		count = list ? JsonContainerSize(list) : 0;

	vxp_push_jsonb(state, WJB_BEGIN_ARRAY, NULL);
	for (uint32 i = 0; i < count; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(list, i);

		if (edit->create || !holds_reference(edit->refs, JsonContainerSize(edit->refs), element))
			vxp_push_jsonb(state, WJB_ELEM, element);
	}
	for (uint32 i = 0; edit->create && i < JsonContainerSize(edit->refs); i++)
	{
		JsonbValue *reference = getIthJsonbValueFromContainer(edit->refs, i);

		if (!holds_reference(list, count, reference) && !holds_reference(edit->refs, i, reference))
			vxp_push_jsonb(state, WJB_ELEM, reference);
	}
	vxp_push_jsonb(state, WJB_END_ARRAY, NULL);
}

/* Pushes "value" (NULL: missing) with the list edited that lies "depth" segments down the path. */
static JsonbValue *
push_edited(JsonbParseState **state, JsonbValue *value, int depth, const ReferenceEdit *edit)
{
	JsonbContainer *object;
	JsonbIterator *members;
	JsonbValue	key;
	JsonbValue	member;
	JsonbValue *found = NULL;
	char	   *name;
	int			length;

	if (value && value->type == jbvNull)
		value = NULL;
	if (depth == edit->depth)
	{
		if (value && (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the references of a row are no list"),
					 errhint("Leave the row out by \"filter\", or repair its \"metadata.system.refs\".")));
		push_list(state, value ? value->val.binary.data : NULL, edit);
		return NULL;
	}
	object = value ? object_of(value) : NULL;
	if (value && object == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the parent of the references of a row is no object"),
				 errhint("Leave the row out by \"filter\", or repair its \"metadata.system\".")));
	name = VARDATA_ANY(DatumGetPointer(edit->segments[depth]));
	length = VARSIZE_ANY_EXHDR(DatumGetPointer(edit->segments[depth]));

	vxp_push_jsonb(state, WJB_BEGIN_OBJECT, NULL);
	if (object)
	{
		members = JsonbIteratorInit(object);
		(void) JsonbIteratorNext(&members, &member, true);
		while (JsonbIteratorNext(&members, &key, true) == WJB_KEY)
		{
			(void) JsonbIteratorNext(&members, &member, true);
			if (key.val.string.len == length && memcmp(key.val.string.val, name, length) == 0)
				continue;
			vxp_push_jsonb(state, WJB_KEY, &key);
			vxp_push_jsonb(state, WJB_VALUE, &member);
		}
		found = getKeyJsonValueFromContainer(object, name, length, NULL);
	}
	key.type = jbvString;
	key.val.string.val = name;
	key.val.string.len = length;
	vxp_push_jsonb(state, WJB_KEY, &key);
	push_edited(state, found, depth + 1, edit);
	return vxp_push_jsonb(state, WJB_END_OBJECT, NULL);
}

/* Is there anything at the path? */
static bool
has_path(JsonbContainer *object, const ReferenceEdit *edit)
{
	for (int i = 0; i < edit->depth; i++)
	{
		JsonbValue *found = object == NULL ? NULL :
			getKeyJsonValueFromContainer(object, VARDATA_ANY(DatumGetPointer(edit->segments[i])),
										 VARSIZE_ANY_EXHDR(DatumGetPointer(edit->segments[i])), NULL);

		if (found == NULL || found->type == jbvNull)
			return false;
		object = object_of(found);
		if (object == NULL && i < edit->depth - 1)
			return false;
	}
	return true;
}

/*
 * edit_references(document jsonb, path text[], create boolean, refs jsonb) -> jsonb
 *
 * The document with the list at the path edited: each reference whose type and
 * id are not there is appended, or every element with that type and id is
 * removed.  Missing parents are created for what is added.  An error (22023)
 * when something else than a list is there.
 */
Datum
vxp_edit_references(PG_FUNCTION_ARGS)
{
	JsonbParseState *state = NULL;
	ReferenceEdit edit;
	JsonbContainer *document;
	JsonbValue	root;
	Jsonb	   *refs;
	bool	   *nulls;

	for (int i = 1; i < 4; i++)
		if (PG_ARGISNULL(i))
			PG_RETURN_NULL();
	document = root_object(PG_ARGISNULL(0) ? NULL : PG_GETARG_JSONB_P(0), 1, "edit_references");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &edit.segments, &nulls, &edit.depth);
	refs = PG_GETARG_JSONB_P(3);
	edit.create = PG_GETARG_BOOL(2);
	edit.refs = &refs->root;
	if (edit.depth == 0 || array_contains_nulls(PG_GETARG_ARRAYTYPE_P(1)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument 2 of edit_references must name a path")));
	if (!JB_ROOT_IS_ARRAY(refs) || JB_ROOT_IS_SCALAR(refs))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument 4 of edit_references must be a JSON list")));
	if (!edit.create && !has_path(document, &edit))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	root.type = jbvBinary;
	root.val.binary.data = document;
	PG_RETURN_JSONB_P(JsonbValueToJsonb(push_edited(&state, document ? &root : NULL, 0, &edit)));
}
