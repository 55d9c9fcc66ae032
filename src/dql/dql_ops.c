/*
 * dql_ops.c - the operators of DQL
 *
 * The only list of operators: the parser asks it what an operator takes and
 * becomes, hints look for the nearest name in it, and the manual prints it.
 */
#include "postgres.h"

#include "dql/dql.h"

#define KIND(type) (1 << (type))
#define KIND_ANY (KIND(DQL_NULL) | KIND(DQL_BOOLEAN) | KIND(DQL_NUMBER) | KIND(DQL_STRING) | \
				  KIND(DQL_ARRAY) | KIND(DQL_OBJECT) | KIND(DQL_PARAM))
#define KIND_ORDER (KIND(DQL_NULL) | KIND(DQL_BOOLEAN) | KIND(DQL_NUMBER) | KIND(DQL_STRING) | KIND(DQL_PARAM))
#define KIND_TEXT (KIND(DQL_STRING) | KIND(DQL_PARAM))
#define KIND_TIME (KIND(DQL_STRING) | KIND(DQL_NUMBER) | KIND(DQL_PARAM))

#define TEXT_ORDER "a string, a number, a boolean, null or a bind variable"
#define TEXT_TEXT "a string or a bind variable"
#define TEXT_TIME "a timestamp string, epoch milliseconds or a bind variable"

/* Sorted by name (strcmp): vxp_dql_op_find halves it. */
static const DqlOpInfo operators[] = {
	{"$after", DQL_FORM_COMPARE, DQL_OP_AFTER, false, KIND_TIME, TEXT_TIME,
	"Some candidate is a timestamp later than the operand."},
	{"$all", DQL_FORM_OPERAND, DQL_RANGE_ALL, false, KIND(DQL_ARRAY) | KIND(DQL_PARAM), "a subquery, a list or a bind variable",
	"As operand of an order operator: the relation holds to every value."},
	{"$and", DQL_FORM_LOGIC, DQL_AND, false, KIND(DQL_ARRAY), "a list of filters, or of conditions on a field",
	"All members hold; true when empty."},
	{"$any", DQL_FORM_OPERAND, DQL_RANGE_ANY, false, KIND(DQL_ARRAY) | KIND(DQL_PARAM), "a subquery, a list or a bind variable",
	"As operand of an order operator: the relation holds to some value."},
	{"$before", DQL_FORM_COMPARE, DQL_OP_BEFORE, false, KIND_TIME, TEXT_TIME,
	"Some candidate is a timestamp earlier than the operand."},
	{"$between", DQL_FORM_BETWEEN, DQL_OP_BETWEEN, false, KIND(DQL_ARRAY), "a list of two bounds",
	"A single candidate is at least the first and at most the second bound."},
	{"$contains", DQL_FORM_COMPARE, DQL_OP_CONTAINS, false, KIND_TEXT, TEXT_TEXT,
	"Some string candidate contains the operand, literally and with case."},
	{"$elemMatch", DQL_FORM_MATCH, DQL_ELEM_MATCH, false, KIND_ANY, "a filter, operators or a value",
	"One element of a list satisfies all of the operand."},
	{"$eq", DQL_FORM_COMPARE, DQL_OP_EQ, false, KIND_ANY, "any value",
	"Some candidate equals the operand; a string with * or ? is a pattern."},
	{"$euclid", DQL_FORM_UNSUPPORTED, 0, false, 0, "an object",
	"Euclidean distance to a vector."},
	{"$exists", DQL_FORM_EXISTS, DQL_OP_EXISTS, false, KIND(DQL_BOOLEAN) | KIND(DQL_NUMBER) | KIND(DQL_NULL),
		"a boolean, a number (zero is false) or null (false)",
	"The path has a value, null included; or, when false, has none."},
	{"$glob", DQL_FORM_GLOB, DQL_OP_GLOB, false, KIND_TEXT, TEXT_TEXT,
	"Some string candidate matches: * stops at /, ** does not, ? is one character but /; a leading ! negates."},
	{"$gt", DQL_FORM_COMPARE, DQL_OP_GT, false, KIND_ORDER, TEXT_ORDER,
	"Some candidate is greater than the operand."},
	{"$gte", DQL_FORM_COMPARE, DQL_OP_GTE, false, KIND_ORDER, TEXT_ORDER,
	"Some candidate is greater than or equal to the operand."},
	{"$hasAncestor", DQL_FORM_ANCESTOR, DQL_HAS_ANCESTOR, false,
		KIND(DQL_STRING) | KIND(DQL_ARRAY) | KIND(DQL_PARAM),
		"an identifier, a list of identifiers or a bind variable",
	"One of the identifiers is a strict ancestor of the resource."},
	{"$ieq", DQL_FORM_COMPARE, DQL_OP_IEQ, false, KIND_ANY, "any value",
	"As $eq, strings without regard to case."},
	{"$in", DQL_FORM_IN, DQL_OP_IN, false, KIND_ANY, "a list of values, or one value",
	"$eq with one of the values holds; false when the list is empty."},
	{"$lt", DQL_FORM_COMPARE, DQL_OP_LT, false, KIND_ORDER, TEXT_ORDER,
	"Some candidate is less than the operand."},
	{"$lte", DQL_FORM_COMPARE, DQL_OP_LTE, false, KIND_ORDER, TEXT_ORDER,
	"Some candidate is less than or equal to the operand."},
	{"$match", DQL_FORM_MATCH, DQL_MATCH, false, KIND_ANY, "a filter, operators or a value",
	"One element of a list, or the value itself, satisfies all of the operand."},
	{"$ne", DQL_FORM_COMPARE, DQL_OP_EQ, true, KIND_ANY, "any value",
	"Not $eq; holds without the field."},
	{"$nin", DQL_FORM_IN, DQL_OP_IN, true, KIND_ANY, "a list of values, or one value",
	"Not $in; holds without the field."},
	{"$nor", DQL_FORM_LOGIC, DQL_OR, true, KIND(DQL_ARRAY), "a list of filters",
	"No member holds; true when empty."},
	{"$not", DQL_FORM_NOT, DQL_NOT, false, KIND(DQL_OBJECT), "an operator object",
	"The operators do not all hold; holds without the field."},
	{"$or", DQL_FORM_LOGIC, DQL_OR, false, KIND(DQL_ARRAY), "a list of filters, or of conditions on a field",
	"Some member holds; false when empty."},
	{"$param", DQL_FORM_OPERAND, 0, false, KIND(DQL_NUMBER), "the number of a bind variable, from 1",
	"As operand: the value of a bind variable; a text is literal, never a pattern."},
	{"$startsWith", DQL_FORM_COMPARE, DQL_OP_STARTS_WITH, false, KIND_TEXT, TEXT_TEXT,
	"Some string candidate starts with the operand, literally and with case."},
};

static int
compare_name(const void *key, const void *member)
{
	return strcmp(key, ((const DqlOpInfo *) member)->name);
}

/* vxp_dql_op_find returns the operator with this name, "$" included, or NULL. */
const DqlOpInfo *
vxp_dql_op_find(const char *name)
{
	return bsearch(name, operators, lengthof(operators), sizeof(DqlOpInfo), compare_name);
}

/* vxp_dql_op_nearest returns the most similar name of an operator, or NULL. */
const char *
vxp_dql_op_nearest(const char *name)
{
	const char *names[lengthof(operators)];

	for (int i = 0; i < lengthof(operators); i++)
		names[i] = operators[i].name;
	return vxp_nearest(name, names, lengthof(operators));
}

/*
 * vxp_dql_op_name returns the operator that reads as this comparison, or NULL
 * for one that is written without an operator (DQL_OP_EMPTY) or, negated, has
 * no name of its own.
 */
const char *
vxp_dql_op_name(DqlOp op, bool negated)
{
	for (int i = 0; i < lengthof(operators); i++)
	{
		switch (operators[i].form)
		{
			case DQL_FORM_COMPARE:
			case DQL_FORM_IN:
			case DQL_FORM_EXISTS:
			case DQL_FORM_BETWEEN:
			case DQL_FORM_GLOB:
				if (operators[i].op == (int) op && operators[i].negated == negated)
					return operators[i].name;
				break;
			default:
				break;
		}
	}
	return NULL;
}

/* vxp_dql_op_table returns all operators, for the manual. */
const DqlOpInfo *
vxp_dql_op_table(int *count)
{
	*count = lengthof(operators);
	return operators;
}
