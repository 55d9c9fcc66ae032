/*
 * dql_operand.c - operands of a request as values of a typed column
 *
 * A typed column compares as its own type (docs/dql.md, typed columns).  The
 * operand is checked here, once, and becomes a constant of that type, so that
 * the planner sees what a person would have written and every ordinary index
 * serves it.  Numbers compare by value: against an integer column a fraction
 * moves to the neighbouring integer in the direction that keeps the answer.
 * Timestamps without a zone are UTC, whatever TimeZone says.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "dql/dql_bind.h"

static VxpError *
wrong_form(const BoundColumn *column, const DqlValue *operand, const char *where)
{
	VxpError   *error = vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, where,
								  "field \"%s\" of type %s does not compare with %s",
								  column->name, format_type_be(column->type), vxp_dql_kind_name(operand));

	if (column->kind == COLUMN_TEXT && operand->type == DQL_NUMBER)
		vxp_error_hint(error, "Write the value as a string, \"%s\".", vxp_quote_input(operand->string, operand->length));
	return error;
}

/*
 * Runs the type's input function.  A value that it rejects is a VxpError, which
 * every caller raises in the end: so no subtransaction is needed to go on.
 */
static VxpError *
read_value(Oid type, const BoundColumn *column, const char *text, const char *where, Datum *result)
{
	MemoryContext caller = CurrentMemoryContext;
	VxpError   *volatile error = NULL;
	Oid			function;
	Oid			param;

	getTypeInputInfo(type, &function, &param);
	PG_TRY();
	{
		*result = OidInputFunctionCall(function, pstrdup(text), param, -1);
	}
	PG_CATCH();
	{
		ErrorData  *data;

		MemoryContextSwitchTo(caller);
		data = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(data->sqlerrcode) != ERRCODE_DATA_EXCEPTION &&
			ERRCODE_TO_CATEGORY(data->sqlerrcode) != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			PG_RE_THROW();
		FlushErrorState();
		error = vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, where,
						  "\"%s\" is not a value of field \"%s\", which has type %s",
						  vxp_quote_input(text, strlen(text)), column->name, format_type_be(column->type));
		vxp_error_detail(error, "The server says: %s.", data->message);
	}
	PG_END_TRY();
	return error;
}

/* The type that constants for a column have: text for its variants, else the base type. */
static Oid
value_type(const BoundColumn *column)
{
	if (column->kind == COLUMN_TEXT && column->base_type != BPCHAROID)
		return TEXTOID;
	return column->base_type;
}

static VxpError *
not_a_timestamp(const BoundColumn *column, const char *text, const char *where)
{
	return vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, where,
									"\"%s\" is not a timestamp, which field \"%s\" needs",
									vxp_quote_input(text, strlen(text)), column->name),
						  "Write it as 2024-03-01, 2024-03-01T12:30:00 (UTC) or 2024-03-01T12:30:00+01:00.");
}

/*
 * Reads an operand as an instant, in microseconds from 2000-01-01 UTC.
 * "epoch": a number is accepted, milliseconds from 1970 (section 4.3 rule 4).
 */
static VxpError *
read_instant(const BoundColumn *column, const DqlValue *operand, bool epoch, const char *where, int64 *result)
{
	if (operand->type == DQL_STRING)
	{
		if (!vxp_dql_timestamp(operand->string, operand->length, result))
			return not_a_timestamp(column, operand->string, where);
		return NULL;
	}
	if (operand->type == DQL_NUMBER && epoch)
	{
		Datum		milliseconds;
		VxpError   *error = read_value(FLOAT8OID, column, operand->string, where, &milliseconds);
		double		instant;

		if (error)
			return error;
		instant = rint(DatumGetFloat8(milliseconds) * 1000.0) -
			(double) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
		if (!(instant >= (double) MIN_TIMESTAMP && instant < (double) END_TIMESTAMP))
			return not_a_timestamp(column, operand->string, where);
		*result = (int64) instant;
		return NULL;
	}
	return wrong_form(column, operand, where);
}

/*
 * Reads an operand as a constant of the column's own type.  Not for integer
 * and date columns, where an operand may lie between two values of the type.
 */
static VxpError *
read_constant(const BoundColumn *column, const DqlValue *operand, bool epoch, const char *where, BoundValue *result)
{
	const char *text = operand->string;
	int64		instant;
	VxpError   *error;

	result->type = value_type(column);
	switch (column->kind)
	{
		case COLUMN_BOOLEAN:
			if (operand->type == DQL_BOOLEAN)
			{
				result->datum = BoolGetDatum(operand->boolean);
				return NULL;
			}
			if (operand->type != DQL_STRING)
				return wrong_form(column, operand, where);
			break;
		case COLUMN_NUMBER:
			if (operand->type != DQL_NUMBER && operand->type != DQL_STRING)
				return wrong_form(column, operand, where);
			break;
		case COLUMN_TEXT:
			if (operand->type != DQL_STRING)
				return wrong_form(column, operand, where);
			if (result->type == TEXTOID)
			{
				result->datum = PointerGetDatum(cstring_to_text_with_len(text, operand->length));
				return NULL;
			}
			break;
		case COLUMN_TIMESTAMPTZ:
		case COLUMN_TIMESTAMP:
			error = read_instant(column, operand, epoch, where, &instant);
			result->datum = Int64GetDatum(instant);
			return error;
		default:
			if (operand->type == DQL_NUMBER)
			{
				char		category;
				bool		preferred;

				get_type_category_preferred(column->base_type, &category, &preferred);
				if (category != TYPCATEGORY_NUMERIC)
					return wrong_form(column, operand, where);
			}
			else if (operand->type != DQL_STRING)
				return wrong_form(column, operand, where);
			break;
	}
	return read_value(result->type, column, text, where, &result->datum);
}

/* Reads up to 18 digits, with a sign, that stand alone; false for all else. */
static bool
read_plain_integer(const DqlValue *operand, int64 *result)
{
	const char *c = operand->string;
	bool		negative = *c == '-';
	int			digits = operand->length - (negative ? 1 : 0);
	int64		number = 0;

	if (digits < 1 || digits > 18)
		return false;
	for (c += negative ? 1 : 0; *c >= '0' && *c <= '9'; c++)
		number = number * 10 + (*c - '0');
	if (c != operand->string + operand->length)
		return false;
	*result = negative ? -number : number;
	return true;
}

/*
 * Reads a number for an integer column.  "floor" and "ceiling" are the integers
 * beside it (equal when it is one); "side" is -1 or 1 when it lies below or
 * above every bigint.
 */
static VxpError *
read_integer(const BoundColumn *column, const DqlValue *operand, const char *where,
			 int64 *floor, int64 *ceiling, int *side)
{
	Datum		number;
	Datum		low;
	Datum		high;
	VxpError   *error;

	*side = 0;
	*floor = *ceiling = 0;
	if (operand->type != DQL_NUMBER && operand->type != DQL_STRING)
		return wrong_form(column, operand, where);
	if (read_plain_integer(operand, floor))
	{
		*ceiling = *floor;
		return NULL;
	}
	error = read_value(NUMERICOID, column, operand->string, where, &number);
	if (error)
		return error;
	if (numeric_is_nan(DatumGetNumeric(number)))
		return wrong_form(column, operand, where);

	low = DirectFunctionCall1(int8_numeric, Int64GetDatum(PG_INT64_MIN));
	high = DirectFunctionCall1(int8_numeric, Int64GetDatum(PG_INT64_MAX));
	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, number, low)) < 0)
		*side = -1;
	else if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, number, high)) > 0)
		*side = 1;
	else
	{
		*floor = DatumGetInt64(DirectFunctionCall1(numeric_int8, DirectFunctionCall1(numeric_floor, number)));
		*ceiling = DatumGetInt64(DirectFunctionCall1(numeric_int8, DirectFunctionCall1(numeric_ceil, number)));
	}
	return NULL;
}

/* A constant of the narrowest type that the column's operators index. */
static void
integer_value(const BoundColumn *column, int64 value, BoundValue *result)
{
	result->type = INT8OID;
	result->datum = Int64GetDatum(value);
	if (column->base_type != INT8OID && value >= PG_INT32_MIN && value <= PG_INT32_MAX)
	{
		result->type = INT4OID;
		result->datum = Int32GetDatum((int32) value);
	}
	if (column->base_type == INT2OID && value >= PG_INT16_MIN && value <= PG_INT16_MAX)
	{
		result->type = INT2OID;
		result->datum = Int16GetDatum((int16) value);
	}
}

static BoundNode *
compare_node(BoundColumn *column, StrategyNumber strategy, BoundValue value)
{
	BoundNode  *node = vxp_bound_node(BOUND_COMPARE, column);

	node->strategy = strategy;
	node->value = value;
	return node;
}

static BoundNode *
null_node(BoundColumn *column, bool is_null)
{
	BoundNode  *node = vxp_bound_node(BOUND_NULL, column);

	node->negated = !is_null;
	return node;
}

/* column (strategy) number, for a column of an integer type */
static VxpError *
bind_integer(BoundColumn *column, StrategyNumber strategy, const DqlValue *operand,
			 const char *where, BoundNode **result)
{
	BoundValue	value = {0};
	int64		floor;
	int64		ceiling;
	int			side;
	VxpError   *error = read_integer(column, operand, where, &floor, &ceiling, &side);

	if (error)
		return error;
	if (strategy == BTEqualStrategyNumber && (side != 0 || floor != ceiling))
	{
		*result = vxp_bound_const(false);
		return NULL;
	}
	if (side != 0)
	{
		/* every value lies on one side of the operand */
		bool		less = strategy == BTLessStrategyNumber || strategy == BTLessEqualStrategyNumber;

		*result = less == (side > 0) ? null_node(column, false) : vxp_bound_const(false);
		return NULL;
	}

	/*
	 * For an integer c: c > x is c > floor(x), c >= x is c >= ceiling(x), and
	 * the same mirrored.
	 */
	integer_value(column,
				  strategy == BTGreaterStrategyNumber || strategy == BTLessEqualStrategyNumber ?
				  floor : ceiling, &value);
	*result = compare_node(column, strategy, value);
	return NULL;
}

/* column (strategy) instant, for a date column: a day is its midnight in UTC */
static VxpError *
bind_date(BoundColumn *column, StrategyNumber strategy, const DqlValue *operand, bool epoch,
		  const char *where, BoundNode **result)
{
	BoundValue	value = {0};
	int64		instant;
	int64		days;
	VxpError   *error = read_instant(column, operand, epoch, where, &instant);

	if (error)
		return error;
	days = instant / USECS_PER_DAY;
	if (days * USECS_PER_DAY == instant)
	{
		value.type = DATEOID;
		value.datum = DateADTGetDatum((DateADT) days);
	}
	else if (strategy == BTEqualStrategyNumber)
	{
		*result = vxp_bound_const(false);
		return NULL;
	}
	else
	{
		value.type = TIMESTAMPOID;
		value.datum = TimestampGetDatum(instant);
	}
	*result = compare_node(column, strategy, value);
	return NULL;
}

/* column (strategy) scalar operand */
static VxpError *
bind_scalar(BoundColumn *column, StrategyNumber strategy, const DqlValue *operand, bool epoch,
			const char *where, BoundNode **result)
{
	BoundValue	value = {0};
	VxpError   *error;

	if (operand->type == DQL_PARAM)
	{
		value.param = operand->param;
		*result = compare_node(column, strategy, value);
		return NULL;
	}
	if (column->kind == COLUMN_INTEGER)
		return bind_integer(column, strategy, operand, where, result);
	if (column->kind == COLUMN_DATE)
		return bind_date(column, strategy, operand, epoch, where, result);
	error = read_constant(column, operand, epoch, where, &value);
	if (error == NULL)
		*result = compare_node(column, strategy, value);
	return error;
}

static BoundNode *
like_node(BoundColumn *column, const char *pattern, bool fold)
{
	BoundNode  *node = vxp_bound_node(BOUND_LIKE, column);

	node->text = pattern;
	node->fold = fold;
	return node;
}

/* Is the operand a wildcard pattern for this column (section 4.6)? */
static bool
is_pattern(const BoundColumn *column, const DqlValue *operand)
{
	return operand->type == DQL_STRING && column->kind == COLUMN_TEXT &&
		vxp_dql_is_pattern(operand->string, operand->length);
}

/* {"f": v} and $eq on one column (section 4.1) */
static VxpError *
bind_equal(BoundColumn *column, const DqlValue *operand, bool epoch, const char *where, BoundNode **result)
{
	if (operand->type == DQL_NULL)
	{
		*result = null_node(column, true);
		return NULL;
	}
	if (is_pattern(column, operand))
	{
		*result = like_node(column, vxp_dql_pattern_to_like(operand->string, operand->length), false);
		return NULL;
	}
	return bind_scalar(column, BTEqualStrategyNumber, operand, epoch, where, result);
}

/*
 * vxp_bind_array makes an array constant of the values, for = ANY and for array
 * columns, where null is an element that is NULL.  Numbers that no value of an integer column equals are left out and
 * counted in *dropped: they match nothing.
 */
VxpError *
vxp_bind_array(const BoundColumn *element, List *values, const DqlPath *path,
			   const char *where, BoundValue *result, int *dropped)
{
	Datum	   *datums = palloc(sizeof(Datum) * Max(list_length(values), 1));
	bool	   *nulls = palloc0(sizeof(bool) * Max(list_length(values), 1));
	Oid			type = value_type(element);
	int			bound = 1;
	int			count = 0;
	int16		length;
	bool		by_value;
	char		align;
	ListCell   *lc;

	*dropped = 0;
	foreach(lc, values)
	{
		const DqlValue *operand = lfirst(lc);
		BoundNode  *node;
		VxpError   *error;

		CHECK_FOR_INTERRUPTS();
		if (operand->type == DQL_NULL)
		{
			nulls[count++] = true;
			continue;
		}
		error = bind_scalar((BoundColumn *) element, BTEqualStrategyNumber, operand, false, where, &node);
		if (error)
			return error;
		if (node->kind != BOUND_COMPARE || node->value.type != type)
			(*dropped)++;		/* equals no value of the column's type */
		else
			datums[count++] = node->value.datum;
	}
	get_typlenbyvalalign(type, &length, &by_value, &align);
	result->type = get_array_type(type);
	result->datum = PointerGetDatum(count == 0 ? construct_empty_array(type) :
									construct_md_array(datums, nulls, 1, &count, &bound, type, length, by_value, align));
	return NULL;
}

/* $in on one column: literals in one = ANY, each pattern by itself, null as IS NULL */
static VxpError *
bind_in(BoundColumn *column, const DqlPath *path, const DqlValue *operand, const char *where, BoundNode **result)
{
	List	   *literals = NIL;
	List	   *args = NIL;
	BoundNode  *node;
	VxpError   *error;
	bool		has_null = false;

	if (operand->type == DQL_PARAM)
	{
		*result = vxp_bound_node(BOUND_ANY, column);
		(*result)->value.param = operand->param;
		return NULL;
	}
	if (operand->type != DQL_ARRAY) /* a bind variable that turned out to be null */
		return bind_equal(column, operand, false, where, result);
	for (int i = 0; i < operand->count; i++)
	{
		DqlValue   *item = operand->items[i];

		if (item->type == DQL_NULL)
			has_null = true;
		else if (item->type == DQL_PARAM || is_pattern(column, item) ||
				 !OidIsValid(get_array_type(value_type(column))))
		{
			error = bind_equal(column, item, false, where, &node);
			if (error)
				return error;
			args = lappend(args, node);
		}
		else
			literals = lappend(literals, item);
	}
	if (list_length(literals) == 1)
	{
		error = bind_scalar(column, BTEqualStrategyNumber, linitial(literals), false, where, &node);
		if (error)
			return error;
		args = lcons(node, args);
	}
	else if (literals != NIL)
	{
		int			dropped;

		node = vxp_bound_node(BOUND_ANY, column);
		error = vxp_bind_array(column, literals, path, where, &node->value, &dropped);
		if (error)
			return error;
		args = lcons(dropped == list_length(literals) ? vxp_bound_const(false) : node, args);
	}
	if (has_null)
		args = lappend(args, null_node(column, true));
	*result = vxp_bound_list(BOUND_OR, args);
	return NULL;
}

/* vxp_order_strategy returns the btree strategy of an order operator. */
StrategyNumber
vxp_order_strategy(DqlOp op)
{
	switch (op)
	{
		case DQL_OP_GT:
		case DQL_OP_AFTER:
			return BTGreaterStrategyNumber;
		case DQL_OP_GTE:
			return BTGreaterEqualStrategyNumber;
		case DQL_OP_LT:
		case DQL_OP_BEFORE:
			return BTLessStrategyNumber;
		default:
			return BTLessEqualStrategyNumber;
	}
}

/* $gt $gte $lt $lte on one column (section 4.3) */
static VxpError *
bind_order(BoundColumn *column, DqlOp op, const DqlValue *operand, bool epoch,
		   const char *where, BoundNode **result)
{
	if (operand->type == DQL_NULL)
	{
		*result = op == DQL_OP_GTE || op == DQL_OP_LTE ? null_node(column, true) : vxp_bound_const(false);
		return NULL;
	}
	return bind_scalar(column, vxp_order_strategy(op), operand, epoch, where, result);
}

/* $after and $before (section 4.8): text columns are read as timestamps */
static VxpError *
bind_instant(BoundColumn *column, DqlOp op, const DqlValue *operand, const char *where, BoundNode **result)
{
	int64		instant;
	VxpError   *error;

	if (column->kind == COLUMN_TIMESTAMPTZ || column->kind == COLUMN_TIMESTAMP || column->kind == COLUMN_DATE)
		return bind_order(column, op, operand, true, where, result);
	if (column->kind != COLUMN_TEXT)
		return vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, where,
						 "field \"%s\" of type %s holds no timestamps",
						 column->name, format_type_be(column->type));
	*result = vxp_bound_node(BOUND_INSTANT, column);
	(*result)->strategy = vxp_order_strategy(op);
	if (operand->type == DQL_PARAM)
	{
		(*result)->value.param = operand->param;
		return NULL;
	}
	if (operand->type == DQL_NULL)
	{
		*result = vxp_bound_const(false);	/* a bind variable that is null finds nothing */
		return NULL;
	}
	error = read_instant(column, operand, true, where, &instant);
	(*result)->value.type = TIMESTAMPTZOID;
	(*result)->value.datum = TimestampTzGetDatum(instant);
	return error;
}

/* $contains, $startsWith, $glob: text columns only */
static VxpError *
bind_text(BoundColumn *column, DqlOp op, const DqlValue *operand, const char *where, BoundNode **result)
{
	if (column->kind != COLUMN_TEXT)
		return vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, where,
						 "field \"%s\" of type %s is not text", column->name, format_type_be(column->type));
	if (operand->type == DQL_NULL)
		*result = vxp_bound_const(false);	/* a bind variable that is null finds nothing */
	else if (operand->type == DQL_PARAM)
	{
		*result = vxp_bound_node(op == DQL_OP_GLOB ? BOUND_REGEX :
								 op == DQL_OP_CONTAINS ? BOUND_CONTAINS : BOUND_STARTS_WITH, column);
		(*result)->value.param = operand->param;
	}
	else if (op == DQL_OP_GLOB)
	{
		*result = vxp_bound_node(BOUND_REGEX, column);
		(*result)->text = vxp_dql_glob_to_regex(operand->string, operand->length);
	}
	else
	{
		const char *literal = vxp_dql_like_escape(operand->string, operand->length);

		*result = like_node(column, psprintf(op == DQL_OP_CONTAINS ? "%%%s%%" : "%s%%", literal), false);
	}
	return NULL;
}

/* one operator on a scalar column, or on the element of an array column */
static VxpError *
bind_scalar_compare(BoundColumn *column, DqlOp op, const DqlPath *path,
					const DqlValue *operand, const char *where, BoundNode **result)
{
	/* a public search box sends epoch milliseconds for these two (section 4.3 rule 4) */
	bool		epoch = strcmp(path->text, "createdAt") == 0 || strcmp(path->text, "updatedAt") == 0;

	switch (op)
	{
		case DQL_OP_EQ:
			return bind_equal(column, operand, false, where, result);
		case DQL_OP_IEQ:
			if (operand->type != DQL_STRING || column->kind != COLUMN_TEXT)
				return bind_equal(column, operand, false, where, result);
			if (is_pattern(column, operand))
				*result = like_node(column, vxp_dql_pattern_to_like(operand->string, operand->length), true);
			else
			{
				*result = vxp_bound_node(BOUND_FOLD_EQUAL, column);
				(*result)->value.type = TEXTOID;
				(*result)->value.datum = PointerGetDatum(cstring_to_text_with_len(operand->string, operand->length));
			}
			return NULL;
		case DQL_OP_IN:
			return bind_in(column, path, operand, where, result);
		case DQL_OP_EXISTS:
			*result = null_node(column, false);
			return NULL;
		case DQL_OP_GT:
		case DQL_OP_GTE:
		case DQL_OP_LT:
		case DQL_OP_LTE:
			return bind_order(column, op, operand, epoch, where, result);
		case DQL_OP_BETWEEN:
			{
				BoundNode  *low;
				BoundNode  *high;
				VxpError   *error = bind_order(column, DQL_OP_GTE, operand->items[0], epoch, where, &low);

				if (error == NULL)
					error = bind_order(column, DQL_OP_LTE, operand->items[1], epoch, where, &high);
				if (error == NULL)
					*result = vxp_bound_list(BOUND_AND, list_make2(low, high));
				return error;
			}
		case DQL_OP_CONTAINS:
		case DQL_OP_STARTS_WITH:
		case DQL_OP_GLOB:
			return bind_text(column, op, operand, where, result);
		case DQL_OP_AFTER:
		case DQL_OP_BEFORE:
			return bind_instant(column, op, operand, where, result);
		case DQL_OP_EMPTY:
			*result = vxp_bound_const(false);
			return NULL;
	}
	elog(ERROR, "unrecognized DQL operator: %d", (int) op);
}

/* A condition on an array column that is an array operator with a constant array. */
static VxpError *
bind_array_operator(BoundColumn *column, BoundKind kind, List *values, const DqlPath *path,
					const char *where, BoundNode **result)
{
	int			dropped;
	VxpError   *error;

	*result = vxp_bound_node(kind, column);
	error = vxp_bind_array(column->element, values, path, where, &(*result)->value, &dropped);
	if (error)
		return error;
	/* a value that no element can equal: a list with it is nowhere */
	if (dropped > 0 && (kind != BOUND_ARRAY_OVERLAPS || dropped == list_length(values)))
		*result = vxp_bound_const(false);
	return NULL;
}

static List *
array_members(const DqlValue *value)
{
	List	   *members = NIL;

	for (int i = 0; i < value->count; i++)
		members = lappend(members, value->items[i]);
	return members;
}

/*
 * One operator on an array column, which is a list of its elements.  Equality
 * with literals becomes @> and &&, which GIN serves; all else ranges over the
 * elements.
 */
static VxpError *
bind_array_compare(BoundColumn *column, DqlOp op, const DqlPath *path,
				   const DqlValue *operand, const char *where, BoundNode **result)
{
	BoundNode  *inner;
	VxpError   *error;

	/* equality with null, also of a bind variable, is about the missing list too */
	if (operand && (operand->type == DQL_NULL || operand->type == DQL_PARAM) &&
		(op == DQL_OP_EQ || op == DQL_OP_IEQ || op == DQL_OP_IN || op == DQL_OP_GTE || op == DQL_OP_LTE))
	{
		BoundNode  *element = vxp_bound_node(BOUND_ELEMENT, column);
		BoundNode  *missing = vxp_bound_node(operand->type == DQL_NULL ? BOUND_NULL : BOUND_BOTH_NULL, column);

		error = bind_scalar_compare(column->element, op, path, operand, where, &inner);
		element->args = list_make1(inner);
		missing->value.param = operand->param;
		missing->in_list = op == DQL_OP_IN;
		*result = vxp_bound_list(BOUND_OR, list_make2(missing, element));
		return error;
	}
	switch (op)
	{
		case DQL_OP_EXISTS:
			*result = null_node(column, false);
			return NULL;
		case DQL_OP_EMPTY:
			return bind_array_operator(column, BOUND_ARRAY_EQUAL, NIL, path, where, result);
		case DQL_OP_EQ:
		case DQL_OP_IEQ:
			if (operand->type == DQL_ARRAY)
			{
				for (int i = 0; i < operand->count; i++)
					if (operand->items[i]->type == DQL_PARAM)
						return vxp_error(ERRCODE_FEATURE_NOT_SUPPORTED, where,
										 "a list with %s does not compare with the array field \"%s\"",
										 vxp_dql_kind_name(operand->items[i]), column->name);
				return bind_array_operator(column, BOUND_ARRAY_EQUAL, array_members(operand), path, where, result);
			}
			if (op == DQL_OP_EQ && !is_pattern(column->element, operand))
				return bind_array_operator(column, BOUND_ARRAY_CONTAINS, list_make1((void *) operand),
										   path, where, result);
			break;
		case DQL_OP_IN:
			if (operand->type == DQL_ARRAY)
			{
				List	   *literals = NIL;
				List	   *args = NIL;

				for (int i = 0; i < operand->count; i++)
				{
					DqlValue   *item = operand->items[i];

					if (item->type == DQL_NULL || item->type == DQL_PARAM || item->type == DQL_ARRAY ||
						is_pattern(column->element, item))
					{
						error = bind_array_compare(column, DQL_OP_EQ, path, item, where, &inner);
						if (error)
							return error;
						args = lappend(args, inner);
					}
					else
						literals = lappend(literals, item);
				}
				if (literals != NIL)
				{
					error = bind_array_operator(column, BOUND_ARRAY_OVERLAPS, literals, path, where, &inner);
					if (error)
						return error;
					args = lcons(inner, args);
				}
				*result = vxp_bound_list(BOUND_OR, args);
				return NULL;
			}
			break;
		default:
			break;
	}
	error = bind_scalar_compare(column->element, op, path, operand, where, &inner);
	if (error)
		return error;
	*result = vxp_bound_node(BOUND_ELEMENT, column);
	(*result)->args = list_make1(inner);
	return NULL;
}

/*
 * vxp_bind_compare binds one positive operator on a column that is no document.
 * The result may be NULL where it should be false; vxp_bound_not allows for it.
 */
VxpError *
vxp_bind_compare(const BoundColumn *column, DqlOp op, const DqlPath *path,
				 const DqlValue *operand, const char *where, BoundNode **result)
{
	BoundNode  *negated;
	VxpError   *error;

	if (column->kind == COLUMN_ARRAY)
		error = bind_array_compare((BoundColumn *) column, op, path, operand, where, result);
	else
		error = bind_scalar_compare((BoundColumn *) column, op, path, operand, where, result);
	if (error || op != DQL_OP_GLOB || operand->type != DQL_PARAM)
		return error;

	/* the glob says whether it negates the condition: (not G and g) or (G and not g), of which a known glob leaves one */
	negated = vxp_bound_node(BOUND_GLOB_NEGATES, NULL);
	negated->value.param = operand->param;
	*result = vxp_bound_list(BOUND_OR,
							 list_make2(vxp_bound_list(BOUND_AND, list_make2(vxp_bound_not(negated), *result)),
										vxp_bound_list(BOUND_AND, list_make2(negated, vxp_bound_not(*result)))));
	return NULL;
}
