/*
 * dql_eval.c - the meaning of a filter on one jsonb document
 *
 * Sections 3 and 4 of docs/dql.md, to the letter.  A condition is true or
 * false, never unknown, so that a negation is the plain complement.  Values
 * are read in place; lists are walked by their offsets, since the iterators of
 * jsonb allocate.
 */
#include "postgres.h"

#include "catalog/pg_collation_d.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#include "dql/dql_eval.h"

/* A condition on its way through the document. */
typedef struct Resolution
{
	const EvalNode *node;
	bool		any;			/* the path has a value */
	bool		missing;		/* the flag of section 3.1 */
	void		(*visit) (const JsonbValue *value, void *state);	/* instead of node */
	void	   *state;
} Resolution;

/* vxp_dql_is_list and vxp_dql_is_object look at the type of a value. */
bool
vxp_dql_is_list(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
}

bool
vxp_dql_is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

/*
 * vxp_dql_element reads element "index" of a list, whose data begins "offset"
 * bytes behind the entries.  The result points into the list.
 */
void
vxp_dql_element(const JsonbContainer *list, int index, uint32 offset, JsonbValue *result)
{
	JEntry		entry = list->children[index];
	char	   *data = (char *) &list->children[JsonContainerSize(list)] + offset;

	if (JBE_ISNULL(entry))
		result->type = jbvNull;
	else if (JBE_ISSTRING(entry))
	{
		result->type = jbvString;
		result->val.string.val = data;
		result->val.string.len = getJsonbLength(list, index);
	}
	else if (JBE_ISNUMERIC(entry))
	{
		result->type = jbvNumeric;
		result->val.numeric = (Numeric) (data + INTALIGN(offset) - offset);
	}
	else if (JBE_ISBOOL(entry))
	{
		result->type = jbvBool;
		result->val.boolean = JBE_ISBOOL_TRUE(entry);
	}
	else
	{
		result->type = jbvBinary;
		result->val.binary.data = (JsonbContainer *) (data + INTALIGN(offset) - offset);
		result->val.binary.len = getJsonbLength(list, index) - (INTALIGN(offset) - offset);
	}
}

/* vxp_dql_elements_begin starts a walk over the elements of a list. */
void
vxp_dql_elements_begin(ElementWalk *walk, const JsonbValue *list)
{
	walk->list = list->val.binary.data;
	walk->index = 0;
	walk->count = JsonContainerSize(walk->list);
	walk->offset = 0;
}

/* vxp_dql_elements_next reads the next element; false at the end. */
bool
vxp_dql_elements_next(ElementWalk *walk, JsonbValue *value)
{
	if (walk->index >= walk->count)
		return false;
	CHECK_FOR_INTERRUPTS();
	vxp_dql_element(walk->list, walk->index, walk->offset, value);
	JBE_ADVANCE_OFFSET(walk->offset, walk->list->children[walk->index]);
	walk->index++;
	return true;
}

/* vxp_dql_root_value reads a document as a value. */
void
vxp_dql_root_value(Jsonb *document, JsonbValue *value)
{
	if (JB_ROOT_IS_SCALAR(document))
		vxp_dql_element(&document->root, 0, 0, value);
	else
	{
		value->type = jbvBinary;
		value->val.binary.data = &document->root;
		value->val.binary.len = VARSIZE(document) - VARHDRSZ;
	}
}

static int
compare_numerics(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(b)));
}

/*
 * equals tells whether a value equals a constant as a whole: numbers by value,
 * strings by bytes, lists in order, objects without regard to order.
 */
static bool
equals(const EvalConst *constant, const JsonbValue *value)
{
	JsonbValue	member;

	switch (constant->type)
	{
		case DQL_NULL:
			return value->type == jbvNull;
		case DQL_BOOLEAN:
			return value->type == jbvBool && value->val.boolean == constant->boolean;
		case DQL_NUMBER:
			return value->type == jbvNumeric &&
				compare_numerics(value->val.numeric, constant->number) == 0;
		case DQL_STRING:
			return value->type == jbvString && value->val.string.len == constant->length &&
				memcmp(value->val.string.val, constant->string, constant->length) == 0;
		case DQL_ARRAY:
			{
				ElementWalk walk;
				int			i = 0;

				if (!vxp_dql_is_list(value) ||
					JsonContainerSize(value->val.binary.data) != constant->count)
					return false;
				check_stack_depth();
				vxp_dql_elements_begin(&walk, value);
				while (vxp_dql_elements_next(&walk, &member))
					if (!equals(&constant->items[i++], &member))
						return false;
				return true;
			}
		case DQL_OBJECT:
			if (!vxp_dql_is_object(value) ||
				JsonContainerSize(value->val.binary.data) != constant->count)
				return false;
			check_stack_depth();
			for (int i = 0; i < constant->count; i++)
				if (!getKeyJsonValueFromContainer(value->val.binary.data, constant->keys[i],
												  constant->key_lengths[i], &member) ||
					!equals(&constant->items[i], &member))
					return false;
			return true;
		case DQL_PARAM:
			break;
	}
	return false;
}

/* equals_operand is "equals" with patterns. */
static bool
equals_operand(const EvalConst *constant, const JsonbValue *value)
{
	if (constant->pattern != NULL)
		return value->type == jbvString &&
			vxp_dql_pattern_matches(constant->pattern, value->val.string.val, value->val.string.len);
	return equals(constant, value);
}

/* equals_any_case compares a string with an operand that is in lower case. */
static bool
equals_any_case(const EvalConst *constant, const JsonbValue *value)
{
	char	   *lower;
	int			length;
	bool		result;

	if (value->type != jbvString)
		return false;
	lower = str_tolower(value->val.string.val, value->val.string.len, DEFAULT_COLLATION_OID);
	length = strlen(lower);
	result = constant->pattern ? vxp_dql_pattern_matches(constant->pattern, lower, length) :
		length == constant->length && memcmp(lower, constant->string, length) == 0;
	pfree(lower);
	return result;
}

static bool
is_in_list(const EvalList *list, const JsonbValue *value)
{
	int			low = 0;
	int			high;

	if (value->type == jbvString)
	{
		high = list->string_count;
		while (low < high)
		{
			int			middle = (low + high) / 2;
			const EvalConst *constant = &list->strings[middle];
			int			cmp = value->val.string.len != constant->length ?
				(value->val.string.len < constant->length ? -1 : 1) :
				memcmp(value->val.string.val, constant->string, constant->length);

			if (cmp == 0)
				return true;
			if (cmp < 0)
				high = middle;
			else
				low = middle + 1;
		}
	}
	else if (value->type == jbvNumeric)
	{
		high = list->number_count;
		while (low < high)
		{
			int			middle = (low + high) / 2;
			int			cmp = compare_numerics(value->val.numeric, list->numbers[middle].number);

			if (cmp == 0)
				return true;
			if (cmp < 0)
				high = middle;
			else
				low = middle + 1;
		}
		return false;
	}
	for (int i = 0; i < list->other_count; i++)
		if (equals_operand(&list->others[i], value))
			return true;
	return false;
}

static int
compare_instants(int64 instant, const EvalConst *constant)
{
	if (instant != constant->instant)
		return instant < constant->instant ? -1 : 1;
	return constant->instant_above ? -1 : 0;
}

/*
 * compare_order compares a value with a constant by rules 1 to 4 of section
 * 4.3.  Returns false when the two are not comparable.
 */
static bool
compare_order(const EvalConst *constant, const JsonbValue *value, int *cmp)
{
	int64		instant;

	switch (value->type)
	{
		case jbvNumeric:
			if (constant->number == NULL)
				return false;
			*cmp = compare_numerics(value->val.numeric, constant->number);
			return true;
		case jbvBool:
			if (constant->type != DQL_BOOLEAN)
				return false;
			*cmp = (int) value->val.boolean - (int) constant->boolean;
			return true;
		case jbvString:
			{
				const char *text = value->val.string.val;
				int			length = value->val.string.len;

				if (constant->is_instant && vxp_dql_timestamp(text, length, &instant))
				{
					*cmp = compare_instants(instant, constant);
					return true;
				}
				if (constant->type != DQL_STRING)
					return false;
				*cmp = memcmp(text, constant->string, Min(length, constant->length));
				if (*cmp == 0)
					*cmp = (length > constant->length) - (length < constant->length);
				return true;
			}
		default:
			return false;
	}
}

/* holds_bound tests one inclusive bound; null as bound means equality with null. */
static bool
holds_bound(const EvalConst *bound, bool is_lower, const JsonbValue *value)
{
	int			cmp;

	if (bound->type == DQL_NULL)
		return value->type == jbvNull;
	if (!compare_order(bound, value, &cmp))
		return false;
	return is_lower ? cmp >= 0 : cmp <= 0;
}

/* holds_range tests $any and $all: some, or every, value stands in the relation. */
static bool
holds_range(const EvalNode *node, const JsonbValue *value)
{
	bool		is_any = node->range == DQL_RANGE_ANY;

	if (value->type != jbvNumeric && value->type != jbvString && value->type != jbvBool)
		return false;
	for (int i = 0; i < node->list.other_count; i++)
	{
		int			cmp;
		bool		holds = compare_order(&node->list.others[i], value, &cmp) &&
			(node->op == DQL_OP_GT ? cmp > 0 : node->op == DQL_OP_GTE ? cmp >= 0 :
			 node->op == DQL_OP_LT ? cmp < 0 : cmp <= 0);

		if (holds == is_any)
			return is_any;
	}
	return !is_any;
}

/* holds_for tests a comparison on one candidate. */
static bool
holds_for(const EvalNode *node, const JsonbValue *value)
{
	int			cmp;
	int64		instant;

	if (node->never)
		return false;
	if (node->range != DQL_RANGE_NONE)
		return holds_range(node, value);
	switch (node->op)
	{
		case DQL_OP_EQ:
			return equals_operand(&node->operand, value);
		case DQL_OP_IEQ:
			return equals_any_case(&node->operand, value);
		case DQL_OP_IN:
			return is_in_list(&node->list, value) || (node->null_holds && value->type == jbvNull);
		case DQL_OP_EXISTS:
			return true;
		case DQL_OP_GT:
			return compare_order(&node->operand, value, &cmp) && cmp > 0;
		case DQL_OP_GTE:
			return holds_bound(&node->operand, true, value);
		case DQL_OP_LT:
			return compare_order(&node->operand, value, &cmp) && cmp < 0;
		case DQL_OP_LTE:
			return holds_bound(&node->operand, false, value);
		case DQL_OP_BETWEEN:
			return holds_bound(&node->operand, true, value) &&
				holds_bound(&node->upper, false, value);
		case DQL_OP_CONTAINS:
			return value->type == jbvString &&
				vxp_dql_text_contains(value->val.string.val, value->val.string.len,
									  node->operand.string, node->operand.length);
		case DQL_OP_STARTS_WITH:
			return value->type == jbvString && value->val.string.len >= node->operand.length &&
				memcmp(value->val.string.val, node->operand.string, node->operand.length) == 0;
		case DQL_OP_GLOB:
			return value->type == jbvString &&
				vxp_dql_glob_matches(node->glob, value->val.string.val, value->val.string.len);
		case DQL_OP_AFTER:
		case DQL_OP_BEFORE:
			if (value->type != jbvString ||
				!vxp_dql_timestamp(value->val.string.val, value->val.string.len, &instant))
				return false;
			cmp = compare_instants(instant, &node->operand);
			return node->op == DQL_OP_AFTER ? cmp > 0 : cmp < 0;
		case DQL_OP_EMPTY:
			return value->type == jbvBinary && JsonContainerSize(value->val.binary.data) == 0;
	}
	return false;
}

/* holds_for_element tests a comparison on the elements of a list. */
static bool
holds_for_element(const EvalNode *node, const JsonbValue *value)
{
	ElementWalk walk;
	JsonbValue	element;

	if (!vxp_dql_is_list(value))
		return false;
	vxp_dql_elements_begin(&walk, value);
	while (vxp_dql_elements_next(&walk, &element))
		if (holds_for(node, &element))
			return true;
	return false;
}

/*
 * visit_value takes a value of the path; true when the condition holds by it.
 */
static bool
visit_value(Resolution *resolution, const JsonbValue *value)
{
	const EvalNode *node = resolution->node;
	bool		is_list = vxp_dql_is_list(value);
	ElementWalk walk;
	JsonbValue	element;

	resolution->any = true;
	if (resolution->visit != NULL)
	{
		resolution->visit(value, resolution->state);
		return false;
	}
	switch (node->kind)
	{
		case DQL_COMPARE:
			if (holds_for(node, value))
				return true;
			break;
		case DQL_NESTED:
			if (!is_list)
				return vxp_dql_eval(node->args[0], vxp_dql_is_object(value) ? value : NULL);
			break;
		case DQL_MATCH:
			if (vxp_dql_is_object(value))
				return vxp_dql_eval(node->args[0], value);
			break;
		case DQL_ANY_CANDIDATE:
			if (vxp_dql_eval(node->args[is_list ? 1 : 0], value))
				return true;
			break;
		default:
			break;
	}
	if (!is_list)
		return false;
	vxp_dql_elements_begin(&walk, value);
	while (vxp_dql_elements_next(&walk, &element))
	{
		bool		holds;

		if (node->kind == DQL_COMPARE)
			holds = holds_for(node, &element);
		else if (node->kind == DQL_ANY_CANDIDATE || node->kind == DQL_ANY_ELEMENT)
			holds = vxp_dql_eval(node->args[0], &element);
		else
			holds = vxp_dql_is_object(&element) && vxp_dql_eval(node->args[0], &element);
		if (holds)
			return true;
	}
	return false;
}

/*
 * resolve follows the segments from a value (section 3.1); true as soon as the
 * condition holds by some value.
 */
static bool
resolve(Resolution *resolution, const JsonbValue *value, const EvalSegment *segment, int count)
{
	JsonbValue	member;

	for (; count > 0; segment++, count--)
	{
		JsonbContainer *container;

		if (value->type != jbvBinary)
		{
			resolution->missing = true;
			return false;
		}
		container = value->val.binary.data;
		if (JsonContainerIsArray(container))
		{
			bool		by_index = segment->is_index && segment->index < JsonContainerSize(container);
			ElementWalk walk;
			JsonbValue	element;

			check_stack_depth();
			if (by_index)
			{
				vxp_dql_element(container, segment->index, getJsonbOffset(container, segment->index),
								&element);
				if (resolve(resolution, &element, segment + 1, count - 1))
					return true;
			}
			vxp_dql_elements_begin(&walk, value);
			while (vxp_dql_elements_next(&walk, &element))
			{
				if (!vxp_dql_is_object(&element))
					continue;
				if (getKeyJsonValueFromContainer(element.val.binary.data, segment->key,
												 segment->length, &member))
				{
					if (resolve(resolution, &member, segment + 1, count - 1))
						return true;
				}
				else if (!by_index)
					resolution->missing = true;
			}
			return false;
		}
		if (!getKeyJsonValueFromContainer(container, segment->key, segment->length, &member))
		{
			resolution->missing = true;
			return false;
		}
		value = &member;
	}
	return visit_value(resolution, value);
}

/*
 * vxp_dql_eval_values calls "visit" for each value of a path; false when there
 * is none.
 */
bool
vxp_dql_eval_values(const EvalSegment *segments, int count, const JsonbValue *root,
					void (*visit) (const JsonbValue *value, void *state), void *state)
{
	Resolution	resolution = {NULL, false, false, visit, state};

	(void) resolve(&resolution, root, segments, count);
	return resolution.any;
}

/*
 * vxp_dql_eval tells whether a filter holds for "target": a document, an
 * object in it, or, for conditions on a candidate, any value.  NULL stands for
 * an object without members.
 */
bool
vxp_dql_eval(const EvalNode *node, const JsonbValue *target)
{
	Resolution	resolution = {node, false, false, NULL, NULL};

	check_stack_depth();
	switch (node->kind)
	{
		case DQL_AND:
			for (int i = 0; i < node->arg_count; i++)
				if (!vxp_dql_eval(node->args[i], target))
					return false;
			return true;
		case DQL_OR:
			for (int i = 0; i < node->arg_count; i++)
				if (vxp_dql_eval(node->args[i], target))
					return true;
			return false;
		case DQL_NOT:
			return !vxp_dql_eval(node->args[0], target);
		default:
			break;
	}
	if (node->is_self)
		return holds_for(node, target) || (node->with_elements && holds_for_element(node, target));
	if (target == NULL || node->unreachable)
		resolution.missing = true;
	else if (resolve(&resolution, target, node->segments, node->segment_count))
		return true;

	/* nothing there: equality with null holds, and a nested object meets {} */
	if (!resolution.missing && resolution.any)
		return false;
	if (node->kind == DQL_COMPARE)
		return node->null_holds && !node->never;
	return node->kind == DQL_NESTED && vxp_dql_eval(node->args[0], NULL);
}
