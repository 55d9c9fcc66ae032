/*
 * dql_eval_compile.c - the syntax tree of a filter to its evaluable form
 *
 * Bind variables are replaced by their values here, so that evaluation knows
 * constants only.  A text among them is literal, never a pattern.
 */
#include "postgres.h"

#include "catalog/pg_collation_d.h"
#include "common/jsonapi.h"
#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/formatting.h"
#include "utils/memutils.h"

#include "dql/dql_eval.h"

/* Microseconds from 1970-01-01 to 2000-01-01 UTC. */
#define EPOCH_SHIFT ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

typedef struct Compile
{
	const char *field;			/* the document stands as this member, or NULL */
	const Jsonb *params;		/* or NULL */
	int			inside;			/* levels of conditions relative to an element */
	bool		is_epoch;		/* the path around is createdAt or updatedAt */
	bool		whole_list;		/* the candidate is a list, not an element of one */
	int			negations;		/* around it, below the candidate */
} Compile;

static EvalNode *compile_node(Compile *compile, const DqlNode *node);

static void
raise_operand(const DqlNode *node, const char *expected)
{
	vxp_error_raise(vxp_error_detail(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, node->where,
											   "bind variable has the wrong type"),
									 "The operator takes %s.", expected));
}

/* jsonb_to_value copies a jsonb value into the form that the parser makes. */
static DqlValue *
jsonb_to_value(const JsonbValue *source)
{
	DqlValue   *value = palloc0(sizeof(DqlValue));

	check_stack_depth();
	switch (source->type)
	{
		case jbvNull:
			value->type = DQL_NULL;
			break;
		case jbvBool:
			value->type = DQL_BOOLEAN;
			value->boolean = source->val.boolean;
			break;
		case jbvNumeric:
			value->type = DQL_NUMBER;
			value->string = DatumGetCString(DirectFunctionCall1(numeric_out,
																NumericGetDatum(source->val.numeric)));
			value->length = strlen(value->string);
			break;
		case jbvString:
			value->type = DQL_STRING;
			value->string = pnstrdup(source->val.string.val, source->val.string.len);
			value->length = source->val.string.len;
			break;
		case jbvBinary:
			{
				JsonbContainer *container = source->val.binary.data;
				JsonbIterator *it = JsonbIteratorInit(container);
				JsonbValue	member;
				JsonbIteratorToken token;

				value->type = JsonContainerIsObject(container) ? DQL_OBJECT : DQL_ARRAY;
				value->items = palloc(Max(JsonContainerSize(container), 1) * sizeof(DqlValue *));
				value->keys = palloc(Max(JsonContainerSize(container), 1) * sizeof(char *));
				while ((token = JsonbIteratorNext(&it, &member, true)) != WJB_DONE)
				{
					if (token == WJB_KEY)
						value->keys[value->count] = pnstrdup(member.val.string.val,
															 member.val.string.len);
					else if (token == WJB_VALUE || token == WJB_ELEM)
						value->items[value->count++] = jsonb_to_value(&member);
				}
				break;
			}
		default:
			elog(ERROR, "unexpected jsonb value type %d", (int) source->type);
	}
	return value;
}

/*
 * vxp_dql_param_value returns bind variable "number" of a JSON list, or NULL
 * when the list is too short.
 */
DqlValue *
vxp_dql_param_value(const Jsonb *params, int number)
{
	JsonbValue	value;
	JsonbValue	list;
	ElementWalk walk;

	if (params == NULL || !JB_ROOT_IS_ARRAY(params) || JB_ROOT_IS_SCALAR(params))
		return NULL;
	list.type = jbvBinary;
	list.val.binary.data = (JsonbContainer *) &params->root;
	vxp_dql_elements_begin(&walk, &list);
	while (vxp_dql_elements_next(&walk, &value))
		if (--number == 0)
			return jsonb_to_value(&value);
	return NULL;
}

/* resolve returns the operand itself, or the value of the bind variable. */
static const DqlValue *
resolve(Compile *compile, const DqlNode *node, const DqlValue *operand)
{
	const DqlValue *value;

	if (operand->type != DQL_PARAM)
		return operand;
	value = vxp_dql_param_value(compile->params, operand->param);
	if (value == NULL)
		vxp_error_raise(vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, node->where,
												 "there is no bind variable %d", operand->param),
									   "Give the values of bind variables, counted from 1, as a JSON list."));
	return value;
}

static Numeric
read_number(const char *literal)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(literal),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/*
 * read_epoch reads the instant of epoch milliseconds.  An instant that the
 * server's timestamps cannot hold keeps its place in the order: beyond all.
 */
static void
read_epoch(EvalConst *constant)
{
	Datum		microseconds = DirectFunctionCall2(numeric_mul, NumericGetDatum(constant->number),
												   DirectFunctionCall1(int8_numeric, Int64GetDatum(1000)));
	Datum		below = DirectFunctionCall1(numeric_floor, microseconds);
	Datum		limit = DirectFunctionCall1(int8_numeric, Int64GetDatum(PG_INT64_MAX / 2 + EPOCH_SHIFT));

	constant->is_instant = true;
	constant->instant_above = DatumGetInt32(DirectFunctionCall2(numeric_cmp, microseconds, below)) != 0;
	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, below, limit)) > 0)
		constant->instant = PG_INT64_MAX;
	else if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, below,
											   DirectFunctionCall1(numeric_uminus, limit))) < 0)
		constant->instant = PG_INT64_MIN;
	else
		constant->instant = DatumGetInt64(DirectFunctionCall1(numeric_int8, below)) - EPOCH_SHIFT;
}

static void
compile_const(EvalConst *constant, const DqlValue *value)
{
	check_stack_depth();
	memset(constant, 0, sizeof(EvalConst));
	constant->type = value->type;
	switch (value->type)
	{
		case DQL_NULL:
			break;
		case DQL_BOOLEAN:
			constant->boolean = value->boolean;
			break;
		case DQL_NUMBER:
			constant->number = read_number(value->string);
			break;
		case DQL_STRING:
			constant->string = value->string;
			constant->length = value->length;
			break;
		case DQL_ARRAY:
		case DQL_OBJECT:
			constant->count = value->count;
			constant->items = palloc0(Max(value->count, 1) * sizeof(EvalConst));
			constant->keys = palloc0(Max(value->count, 1) * sizeof(char *));
			constant->key_lengths = palloc0(Max(value->count, 1) * sizeof(int));
			for (int i = 0; i < value->count; i++)
			{
				compile_const(&constant->items[i], value->items[i]);
				if (value->type == DQL_OBJECT)
				{
					constant->keys[i] = value->keys[i];
					constant->key_lengths[i] = strlen(value->keys[i]);
				}
			}
			break;
		case DQL_PARAM:
			elog(ERROR, "bind variable inside a value");
	}
}

/* compile_equal prepares an operand of equality: a string may be a pattern. */
static void
compile_equal(Compile *compile, const DqlNode *node, const DqlValue *operand, EvalConst *constant)
{
	const DqlValue *value = resolve(compile, node, operand);

	compile_const(constant, value);
	if (value == operand && value->type == DQL_STRING && vxp_dql_is_pattern(value->string, value->length))
		constant->pattern = vxp_dql_pattern_compile(value->string, value->length);
}

/* compile_ieq lower-cases a string operand; its pattern is made afterwards. */
static void
compile_ieq(Compile *compile, const DqlNode *node, EvalConst *constant)
{
	const DqlValue *value = resolve(compile, node, node->operand);
	bool		is_pattern = value == node->operand && value->type == DQL_STRING &&
		vxp_dql_is_pattern(value->string, value->length);

	compile_const(constant, value);
	if (value->type != DQL_STRING)
		return;
	constant->string = str_tolower(value->string, value->length, DEFAULT_COLLATION_OID);
	constant->length = strlen(constant->string);
	if (is_pattern)
		constant->pattern = vxp_dql_pattern_compile(constant->string, constant->length);
}

/* compile_order prepares an operand of an order operator (section 4.3). */
static void
compile_order(Compile *compile, const DqlNode *node, const DqlValue *operand, bool is_epoch,
			  EvalConst *constant)
{
	const DqlValue *value = resolve(compile, node, operand);

	if (value->type == DQL_ARRAY || value->type == DQL_OBJECT)
		raise_operand(node, "a string, a number, a boolean or null");
	compile_const(constant, value);
	if (value->type == DQL_STRING)
	{
		constant->is_instant = vxp_dql_timestamp(value->string, value->length, &constant->instant);
		if (IsValidJsonNumber(value->string, value->length) && vxp_dql_number_fits(value->string))
			constant->number = read_number(value->string);
	}
	else if (value->type == DQL_NUMBER && is_epoch)
		read_epoch(constant);
}

static int
compare_strings(const void *a, const void *b)
{
	const EvalConst *left = a;
	const EvalConst *right = b;

	if (left->length != right->length)
		return left->length < right->length ? -1 : 1;
	return memcmp(left->string, right->string, left->length);
}

static int
compare_numbers(const void *a, const void *b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp,
											 NumericGetDatum(((const EvalConst *) a)->number),
											 NumericGetDatum(((const EvalConst *) b)->number)));
}

/* append_const appends to an array whose capacity is the next power of two. */
static void
append_const(EvalConst **array, int *count, const EvalConst *constant)
{
	if (*count == 0)
		*array = palloc(sizeof(EvalConst));
	else if ((*count & (*count - 1)) == 0)
		*array = repalloc_huge(*array, (Size) *count * 2 * sizeof(EvalConst));
	(*array)[(*count)++] = *constant;
}

/* compile_list prepares the operands of $in. */
static void
compile_list(Compile *compile, const DqlNode *node, EvalNode *result)
{
	const DqlValue *operand = resolve(compile, node, node->operand);
	bool		literal = operand != node->operand;
	DqlValue   *const *items = operand->items;
	DqlValue   *single = (DqlValue *) operand;
	int			count = operand->count;
	EvalList   *list = &result->list;

	if (operand->type != DQL_ARRAY)
	{
		items = &single;
		count = 1;
	}
	for (int i = 0; i < count; i++)
	{
		EvalConst	constant;

		CHECK_FOR_INTERRUPTS();
		if (literal)
			compile_const(&constant, items[i]);
		else
			compile_equal(compile, node, items[i], &constant);
		if (constant.type == DQL_NULL)
			result->null_holds = true;
		if (constant.type == DQL_STRING && constant.pattern == NULL)
			append_const(&list->strings, &list->string_count, &constant);
		else if (constant.type == DQL_NUMBER)
			append_const(&list->numbers, &list->number_count, &constant);
		else
			append_const(&list->others, &list->other_count, &constant);
	}
	if (list->string_count > 1)
		qsort(list->strings, list->string_count, sizeof(EvalConst), compare_strings);
	if (list->number_count > 1)
		qsort(list->numbers, list->number_count, sizeof(EvalConst), compare_numbers);
}

/*
 * compile_text prepares an operand that must be a string.  A bind variable
 * that is null finds nothing.
 */
static const DqlValue *
compile_text(Compile *compile, const DqlNode *node, EvalNode *result)
{
	const DqlValue *value = resolve(compile, node, node->operand);

	if (value->type == DQL_NULL)
		result->never = true;
	else if (value->type != DQL_STRING)
		raise_operand(node, "a string");
	compile_const(&result->operand, value);
	return value;
}

static void
compile_instant(Compile *compile, const DqlNode *node, EvalNode *result)
{
	const DqlValue *value = resolve(compile, node, node->operand);

	compile_const(&result->operand, value);
	if (value->type == DQL_NULL)
		result->never = true;
	else if (value->type == DQL_NUMBER)
		read_epoch(&result->operand);
	else if (value->type != DQL_STRING ||
			 !vxp_dql_timestamp(value->string, value->length, &result->operand.instant))
		raise_operand(node, "a timestamp string or epoch milliseconds");
}

/* compile_range prepares the values of $any and $all; nulls count for nothing. */
static void
compile_range(Compile *compile, const DqlNode *node, EvalNode *result)
{
	const DqlValue *operand = resolve(compile, node, node->operand);
	EvalList   *list = &result->list;
	DqlValue   *const *items = operand->items;
	DqlValue   *single = (DqlValue *) operand;
	int			count = operand->count;

	if (operand->type != DQL_ARRAY)
	{
		items = &single;
		count = 1;
	}
	result->range = node->range;
	list->others = palloc(Max(count, 1) * sizeof(EvalConst));
	for (int i = 0; i < count; i++)
	{
		const DqlValue *item = resolve(compile, node, items[i]);

		CHECK_FOR_INTERRUPTS();
		if (item->type != DQL_NULL)
			compile_order(compile, node, item, result->is_epoch, &list->others[list->other_count++]);
	}
}

static void
compile_compare(Compile *compile, const DqlNode *node, EvalNode *result)
{
	result->op = node->op;
	if (node->range != DQL_RANGE_NONE)
	{
		compile_range(compile, node, result);
		return;
	}
	switch (node->op)
	{
		case DQL_OP_EQ:
			compile_equal(compile, node, node->operand, &result->operand);
			result->null_holds = result->operand.type == DQL_NULL;
			break;
		case DQL_OP_IEQ:
			compile_ieq(compile, node, &result->operand);
			result->null_holds = result->operand.type == DQL_NULL;
			if (result->operand.type != DQL_STRING)
				result->op = DQL_OP_EQ;
			break;
		case DQL_OP_IN:
			compile_list(compile, node, result);
			break;
		case DQL_OP_EXISTS:
		case DQL_OP_EMPTY:
			break;
		case DQL_OP_GT:
		case DQL_OP_LT:
			compile_order(compile, node, node->operand, result->is_epoch, &result->operand);
			result->never = result->operand.type == DQL_NULL;
			break;
		case DQL_OP_GTE:
		case DQL_OP_LTE:
			compile_order(compile, node, node->operand, result->is_epoch, &result->operand);
			result->null_holds = result->operand.type == DQL_NULL;
			break;
		case DQL_OP_BETWEEN:
			compile_order(compile, node, node->operand->items[0], result->is_epoch, &result->operand);
			compile_order(compile, node, node->operand->items[1], result->is_epoch, &result->upper);
			result->null_holds = result->operand.type == DQL_NULL && result->upper.type == DQL_NULL;
			break;
		case DQL_OP_CONTAINS:
		case DQL_OP_STARTS_WITH:
			(void) compile_text(compile, node, result);
			break;
		case DQL_OP_GLOB:
			{
				const DqlValue *value = compile_text(compile, node, result);
				const char *glob = value->string;
				int			length = value->length;

				/* a glob of the request lost its "!" to a DQL_NOT above, that of a bind variable has it still */
				if (value->type == DQL_STRING)
				{
					result->is_negated = value != node->operand && vxp_dql_glob_strip(&glob, &length);
					result->glob = vxp_dql_glob_compile(glob, length);
				}
				break;
			}
		case DQL_OP_AFTER:
		case DQL_OP_BEFORE:
			compile_instant(compile, node, result);
			break;
	}
}

/* read_index reads a canonical non-negative integer: no sign, no leading zero. */
static bool
read_index(const char *text, uint32 *index)
{
	uint64		number = 0;

	if (text[0] == '0' && text[1] != '\0')
		return false;
	for (; *text >= '0' && *text <= '9'; text++)
	{
		number = number * 10 + (*text - '0');
		if (number > PG_UINT32_MAX)
			return false;
	}
	*index = (uint32) number;
	return *text == '\0';
}

/* vxp_dql_compile_segments prepares the segments of a path. */
EvalSegment *
vxp_dql_compile_segments(char *const *segments, int count)
{
	EvalSegment *result = palloc0(Max(count, 1) * sizeof(EvalSegment));

	for (int i = 0; i < count; i++)
	{
		result[i].key = segments[i];
		result[i].length = strlen(segments[i]);
		result[i].is_index = read_index(segments[i], &result[i].index);
	}
	return result;
}

/*
 * compile_path strips the member that the document stands for.  A path that
 * starts elsewhere leads nowhere.
 */
static void
compile_path(Compile *compile, const DqlPath *path, EvalNode *result)
{
	int			skip = 0;

	if (path->count == 0)
	{
		result->is_self = true;
		result->is_epoch = compile->is_epoch;
		return;
	}
	if (compile->inside == 0)
	{
		result->is_epoch = strcmp(path->text, "createdAt") == 0 || strcmp(path->text, "updatedAt") == 0;
		if (compile->field != NULL)
		{
			result->unreachable = strcmp(path->segments[0], compile->field) != 0;
			skip = 1;
		}
	}
	result->segment_count = path->count - skip;
	result->segments = vxp_dql_compile_segments(path->segments + skip, path->count - skip);
}

static EvalNode *
compile_node(Compile *compile, const DqlNode *node)
{
	EvalNode   *result = palloc0(sizeof(EvalNode));
	bool		is_logic = node->kind == DQL_AND || node->kind == DQL_OR || node->kind == DQL_NOT;
	Compile		around = *compile;
	ListCell   *cell;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	result->kind = node->kind;
	if (node->kind == DQL_HAS_ANCESTOR)
		vxp_error_raise(vxp_error_hint(vxp_error(ERRCODE_FEATURE_NOT_SUPPORTED, node->where,
												 "\"$hasAncestor\" cannot be tested on a document"),
									   "A document does not hold its lineage; query its resource type instead."));
	if (node->kind == DQL_COMPARE && node->subquery != NULL)
		vxp_error_raise(vxp_error_hint(vxp_error(ERRCODE_FEATURE_NOT_SUPPORTED, node->where,
												 "a subquery cannot be evaluated for a single document"),
									   "Query the resource type, or give the values as a list."));
	if (!is_logic)
		compile_path(compile, node->path, result);
	if (node->kind == DQL_COMPARE)
	{
		compile_compare(compile, node, result);
		/* a negation holds for a list when no element satisfies the positive form (section 4.4) */
		result->with_elements = result->is_self && compile->whole_list && (compile->negations > 0 || result->is_negated);
	}

	if (node->kind == DQL_NOT)
		compile->negations++;
	else if (!is_logic)
	{
		compile->inside++;
		compile->is_epoch = result->is_epoch;
		compile->whole_list = false;
		compile->negations = 0;
	}
	result->arg_count = list_length(node->args) + (node->kind == DQL_ANY_CANDIDATE ? 1 : 0);
	result->args = palloc0(Max(result->arg_count, 1) * sizeof(EvalNode *));
	foreach(cell, node->args)
		result->args[foreach_current_index(cell)] = compile_node(compile, lfirst(cell));
	if (node->kind == DQL_ANY_CANDIDATE)
	{
		compile->whole_list = true;
		result->args[1] = compile_node(compile, linitial(node->args));
	}
	*compile = around;
	if (result->is_negated)
	{
		EvalNode   *negation = palloc0(sizeof(EvalNode));

		negation->kind = DQL_NOT;
		negation->arg_count = 1;
		negation->args = palloc(sizeof(EvalNode *));
		negation->args[0] = result;
		return negation;
	}
	return result;
}

/*
 * vxp_dql_compile prepares a filter; NULL is one that always holds.  The
 * result lives in the current context and refers to the tree and to "field".
 */
EvalNode *
vxp_dql_compile(const DqlNode *filter, const char *field, const Jsonb *params)
{
	Compile		compile = {field, params, 0, false};
	EvalNode   *result;

	if (filter != NULL)
		return compile_node(&compile, filter);
	result = palloc0(sizeof(EvalNode));
	result->kind = DQL_AND;
	return result;
}
