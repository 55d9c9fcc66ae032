/*
 * lineage_op.c - functions and operators on paths: ancestry, parts, arrays
 *
 * Each takes its arguments apart and calls a rule of lineage_path.c.  All are
 * IMMUTABLE and STRICT.  The tests of ancestry are LEAKPROOF, as an index may
 * serve them only then on a table with row security: they raise nothing, and
 * depend on nothing but their arguments.
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "lineage/lineage.h"
#include "lineage/lineage_index.h"

VXP_FUNCTION(vxp_lineage_contains);
VXP_FUNCTION(vxp_lineage_contained);
VXP_FUNCTION(vxp_lineage_below);
VXP_FUNCTION(vxp_lineage_within);
VXP_FUNCTION(vxp_has_any_ancestor);
VXP_FUNCTION(vxp_has_all_ancestors);
VXP_FUNCTION(vxp_lineage_from_array);
VXP_FUNCTION(vxp_lineage_add_label);
VXP_FUNCTION(vxp_labels);
VXP_FUNCTION(vxp_depth);
VXP_FUNCTION(vxp_self);
VXP_FUNCTION(vxp_root);
VXP_FUNCTION(vxp_parent);
VXP_FUNCTION(vxp_subpath);
VXP_FUNCTION(vxp_ancestor_of_type);
VXP_FUNCTION(vxp_common_ancestor);

static LineageLabel
text_label(const text *value)
{
	LineageLabel label;

	label.bytes = VARDATA_ANY(value);
	label.length = VARSIZE_ANY_EXHDR(value);
	return label;
}

static Datum
label_text(LineageLabel label)
{
	return PointerGetDatum(cstring_to_text_with_len(label.bytes, label.length));
}

/* Does argument "path" start with argument "prefix"? */
static bool
argument_starts_with(FunctionCallInfo fcinfo, int path_arg, int prefix_arg)
{
	struct varlena *path = PG_GETARG_LINEAGE_PP(path_arg);
	struct varlena *prefix = PG_GETARG_LINEAGE_PP(prefix_arg);
	bool		result = vxp_lineage_starts_with(lineage_span(path), lineage_span(prefix));

	PG_FREE_IF_COPY(path, path_arg);
	PG_FREE_IF_COPY(prefix, prefix_arg);
	return result;
}

/* lineage_contains(lineage, lineage) -> boolean: @>, the first is the second or above it */
Datum
vxp_lineage_contains(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(argument_starts_with(fcinfo, 1, 0));
}

/* lineage_contained(lineage, lineage) -> boolean: <@, the first is the second or below it */
Datum
vxp_lineage_contained(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(argument_starts_with(fcinfo, 0, 1));
}

/* lineage_below(lineage, identifier) -> boolean: @^, a label but the last is the identifier */
Datum
vxp_lineage_below(PG_FUNCTION_ARGS)
{
	struct varlena *path = PG_GETARG_LINEAGE_PP(0);
	text	   *identifier = PG_GETARG_TEXT_PP(1);
	bool		result = vxp_lineage_has_ancestor(lineage_span(path),
												  VARDATA_ANY(identifier),
												  VARSIZE_ANY_EXHDR(identifier));

	PG_FREE_IF_COPY(path, 0);
	PG_FREE_IF_COPY(identifier, 1);
	PG_RETURN_BOOL(result);
}

/* lineage_within(lineage, identifier) -> boolean: @^=, any label is the identifier */
Datum
vxp_lineage_within(PG_FUNCTION_ARGS)
{
	struct varlena *path = PG_GETARG_LINEAGE_PP(0);
	text	   *identifier = PG_GETARG_TEXT_PP(1);
	bool		result = vxp_lineage_is_within(lineage_span(path),
											   VARDATA_ANY(identifier),
											   VARSIZE_ANY_EXHDR(identifier));

	PG_FREE_IF_COPY(path, 0);
	PG_FREE_IF_COPY(identifier, 1);
	PG_RETURN_BOOL(result);
}

/*
 * Looks in the path for the elements of a text array, whatever its dimensions,
 * until one settles the answer: with "any" one that is a proper ancestor, else
 * one that is not (a NULL is not).  Does not copy the elements: a sequential
 * scan calls this for each row.
 */
static bool
match_elements(LineageSpan path, ArrayType *array, bool any)
{
	int			count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	const uint8 *nulls = ARR_NULLBITMAP(array);
	char	   *element = ARR_DATA_PTR(array);

	for (int i = 0; i < count; i++)
	{
		bool		found = false;

		CHECK_FOR_INTERRUPTS();
		if (nulls == NULL || (nulls[i / 8] & (1 << (i % 8))) != 0)
		{
			/* elements of an array are never toasted out of line, nor compressed */
			found = vxp_lineage_has_ancestor(path, VARDATA_ANY(element),
											 VARSIZE_ANY_EXHDR(element));
			element = att_addlength_pointer(element, -1, element);
			element = (char *) att_align_nominal(element, TYPALIGN_INT);
		}
		if (found == any)
			return any;
	}
	return !any;
}

/* The list of the last call of has_any_ancestor, and once it came again, its labels. */
typedef struct AnyList
{
	ArrayType  *image;
	bool		prepared;
	LineageLabelSet set;
} AnyList;

/* Lists shorter than this are searched from front to back. */
#define ANY_LIST_MIN 16

/*
 * any_list returns the labels of the list if the last call had the same one, else
 * NULL.  So a list that stays is sorted once, and one that changes from row to
 * row costs a copy.
 */
static const LineageLabelSet *
any_list(FmgrInfo *flinfo, ArrayType *array)
{
	AnyList    *list = (AnyList *) flinfo->fn_extra;
	MemoryContext old;

	if (list != NULL && list->prepared && VARSIZE(list->image) == VARSIZE(array) &&
		memcmp(list->image, array, VARSIZE(array)) == 0)
		return &list->set;

	old = MemoryContextSwitchTo(flinfo->fn_mcxt);
	if (list != NULL && VARSIZE(list->image) == VARSIZE(array) &&
		memcmp(list->image, array, VARSIZE(array)) == 0)
	{
		vxp_lineage_label_set((struct varlena *) list->image, &list->set);
		list->prepared = true;
	}
	else
	{
		if (list == NULL)
			flinfo->fn_extra = list = palloc0(sizeof(AnyList));
		else
		{
			if (list->prepared)
				pfree(list->set.labels);
			list->prepared = false;
			pfree(list->image);
			list->image = NULL;
		}
		list->image = (ArrayType *) palloc(VARSIZE(array));
		memcpy(list->image, array, VARSIZE(array));
	}
	MemoryContextSwitchTo(old);
	return list->prepared ? &list->set : NULL;
}

static bool
match_argument_elements(FunctionCallInfo fcinfo, bool any)
{
	struct varlena *path = PG_GETARG_LINEAGE_PP(0);
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	const LineageLabelSet *set = NULL;
	bool		result;

	if (any && ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) >= ANY_LIST_MIN)
		set = any_list(fcinfo->flinfo, array);
	result = set != NULL ? vxp_lineage_has_any(lineage_span(path), set) :
		match_elements(lineage_span(path), array, any);

	PG_FREE_IF_COPY(path, 0);
	PG_FREE_IF_COPY(array, 1);
	return result;
}

/*
 * has_any_ancestor(lineage, text[]) -> boolean
 *
 * True when an element is a proper ancestor.  NULL elements match nothing; an
 * empty array gives false.  Never NULL for arguments that are not.
 */
Datum
vxp_has_any_ancestor(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(match_argument_elements(fcinfo, true));
}

/*
 * has_all_ancestors(lineage, text[]) -> boolean
 *
 * True when each element is a proper ancestor.  A NULL element makes it false;
 * an empty array gives true.  Never NULL for arguments that are not.
 */
Datum
vxp_has_all_ancestors(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(match_argument_elements(fcinfo, false));
}

/*
 * lineage(text[]) -> lineage
 *
 * Raises 22004 for a NULL element, 2202E for more than one dimension, 22023
 * for no element or an empty one, 54000 for a limit.
 */
Datum
vxp_lineage_from_array(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	LineageLabel *labels;
	struct varlena *value;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("labels of a lineage must be a one-dimensional array"),
				 errdetail("The array has %d dimensions.", ARR_NDIM(array))));
	/* first the number: what follows allocates for each element */
	vxp_lineage_check_depth(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	labels = palloc(count * sizeof(LineageLabel));
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a label of a lineage must not be null"),
					 errdetail("Label %d is null.", i + 1)));
		labels[i] = text_label(DatumGetTextPP(elements[i]));
	}
	value = vxp_lineage_make(labels, count);
	PG_FREE_IF_COPY(array, 0);
	PG_RETURN_POINTER(value);
}

/* lineage_add_label(lineage, text) -> lineage: ||, the path of a child; raises like lineage(text[]) */
Datum
vxp_lineage_add_label(PG_FUNCTION_ARGS)
{
	struct varlena *path = PG_GETARG_LINEAGE_PP(0);
	text	   *label = PG_GETARG_TEXT_PP(1);

	PG_RETURN_POINTER(vxp_lineage_append(lineage_span(path), text_label(label)));
}

/* labels(lineage) -> text[]: the identifiers, root first */
Datum
vxp_labels(PG_FUNCTION_ARGS)
{
	struct varlena *path = PG_GETARG_LINEAGE_PP(0);
	LineageSpan span = lineage_span(path);
	const uint8 *cursor = span.data;
	Datum	   *elements = palloc(span.depth * sizeof(Datum));

	for (int i = 0; i < span.depth; i++)
		elements[i] = label_text(lineage_next_label(&cursor));
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, span.depth, TEXTOID, -1, false,
										  TYPALIGN_INT));
}

/* depth(lineage) -> integer: the number of labels, 1 for a root */
Datum
vxp_depth(PG_FUNCTION_ARGS)
{
	/* the header is enough: of a long value on disk only the first bytes are read */
	struct varlena *head = PG_DETOAST_DATUM_SLICE(PG_GETARG_DATUM(0), 0, LINEAGE_HEADER_SIZE);

	PG_RETURN_INT32(lineage_span(head).depth);
}

/* self(lineage) -> text: the last label, the resource's own identifier */
Datum
vxp_self(PG_FUNCTION_ARGS)
{
	struct varlena *path = PG_GETARG_LINEAGE_PP(0);

	PG_RETURN_DATUM(label_text(vxp_lineage_last(lineage_span(path))));
}

/* root(lineage) -> text: the first label */
Datum
vxp_root(PG_FUNCTION_ARGS)
{
	struct varlena *path = PG_GETARG_LINEAGE_PP(0);
	const uint8 *cursor = lineage_span(path).data;

	PG_RETURN_DATUM(label_text(lineage_next_label(&cursor)));
}

/* parent(lineage) -> lineage: all labels but the last; NULL for a root */
Datum
vxp_parent(PG_FUNCTION_ARGS)
{
	struct varlena *path = PG_GETARG_LINEAGE_PP(0);
	LineageSpan span = lineage_span(path);

	if (span.depth == 1)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(vxp_lineage_from_span(vxp_lineage_slice(span, 0, span.depth - 1)));
}

/*
 * subpath(lineage, integer [, integer]) -> lineage
 *
 * As in ltree: from an offset counted from 0, or from the end when negative;
 * that many labels, or all but the last so many when negative; all that follow
 * when not given or when there are fewer.  Raises 22023 when no label is left,
 * since there is no empty path, and for an offset outside the path.
 */
Datum
vxp_subpath(PG_FUNCTION_ARGS)
{
	struct varlena *path = PG_GETARG_LINEAGE_PP(0);
	LineageSpan span = lineage_span(path);
	int64		from = PG_GETARG_INT32(1);
	int64		to = span.depth;

	if (from < 0)
		from += span.depth;
	if (PG_NARGS() == 3)
	{
		int64		length = PG_GETARG_INT32(2);

		to = length < 0 ? span.depth + length : from + length;
	}
	if (from < 0 || from >= span.depth || to <= from)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid positions"),
				 errdetail_plural("The lineage has %d label, and the part would be empty or begin outside it.",
								  "The lineage has %d labels, and the part would be empty or begin outside it.",
								  span.depth, span.depth)));
	PG_RETURN_POINTER(vxp_lineage_from_span(vxp_lineage_slice(span, (int) from,
															  (int) Min(to, span.depth))));
}

/*
 * ancestor_of_type(lineage, text) -> text
 *
 * The last label, the path's own included, whose identifier type (the part
 * before its first slash) is the second argument; NULL when there is none.
 */
Datum
vxp_ancestor_of_type(PG_FUNCTION_ARGS)
{
	struct varlena *path = PG_GETARG_LINEAGE_PP(0);
	LineageLabel type = text_label(PG_GETARG_TEXT_PP(1));
	LineageSpan span = lineage_span(path);
	const uint8 *cursor = span.data;
	LineageLabel nearest = {NULL, 0};

	if (type.length == 0)
		PG_RETURN_NULL();
	while (cursor < span.end)
	{
		LineageLabel label = lineage_next_label(&cursor);

		if (vxp_lineage_type_length(label) == type.length &&
			memcmp(label.bytes, type.bytes, type.length) == 0)
			nearest = label;
	}
	if (nearest.bytes == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(label_text(nearest));
}

/*
 * common_ancestor(lineage, lineage) -> lineage
 *
 * The longest path that both are or lie below; NULL when the roots differ.  Of
 * a path and one below it, it is the former; hence of equal paths, the path.
 * An argument that is the answer is returned as it is, so that the aggregate
 * need not copy its state for each row.
 */
Datum
vxp_common_ancestor(PG_FUNCTION_ARGS)
{
	struct varlena *a = PG_GETARG_LINEAGE_PP(0);
	struct varlena *b = PG_GETARG_LINEAGE_PP(1);
	LineageSpan span = lineage_span(a);
	int			common = vxp_lineage_common_depth(span, lineage_span(b));

	PG_FREE_IF_COPY(b, 1);
	if (common == 0)
		PG_RETURN_NULL();
	if (common == span.depth)
		PG_RETURN_POINTER(a);
	PG_RETURN_POINTER(vxp_lineage_from_span(vxp_lineage_slice(span, 0, common)));
}
