/*
 * dql_bind_column.c - operators on a column that is no document, and on one candidate of it
 *
 * A candidate (docs/dql.md, sections 3.1 and 4.5) is the value of a scalar
 * column, an element of an array column, or the array as a whole.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "dql/dql_bind.h"

/* The value of a bind variable when the caller knows it to be SQL NULL. */
static bool
param_is_null(BindState *state, int param)
{
	Node	   *arg;

	if (!state->options->args_known || param > list_length(state->options->args))
		return false;
	arg = list_nth(state->options->args, param - 1);
	return IsA(arg, Const) && castNode(Const, arg)->constisnull;
}

/* Is the operand a bind variable whose value is an array? */
static bool
param_is_array(BindState *state, const DqlValue *operand)
{
	return operand && operand->type == DQL_PARAM && state->options->args_known &&
		operand->param <= list_length(state->options->args) &&
		OidIsValid(get_base_element_type(exprType(list_nth(state->options->args, operand->param - 1))));
}

/* vxp_known_operand returns an operand with every bind variable that is known to be NULL as JSON null. */
DqlValue *
vxp_known_operand(BindState *state, DqlValue *operand)
{
	DqlValue   *known;

	if (operand == NULL)
		return NULL;
	if (operand->type == DQL_PARAM && param_is_null(state, operand->param))
	{
		known = palloc0(sizeof(DqlValue));
		known->type = DQL_NULL;
		return known;
	}
	if (operand->type != DQL_ARRAY)
		return operand;
	for (int i = 0; i < operand->count; i++)
	{
		DqlValue   *item = vxp_known_operand(state, operand->items[i]);

		if (item != operand->items[i])
		{
			known = palloc(sizeof(DqlValue));
			*known = *operand;
			known->items = palloc(sizeof(DqlValue *) * operand->count);
			memcpy(known->items, operand->items, sizeof(DqlValue *) * operand->count);
			known->items[i] = item;
			operand = known;
		}
	}
	return operand;
}

/* $any and $all over a list on a column (section 4.10): one value of the row against all. */
static VxpError *
bind_range(BindState *state, BoundColumn *column, const DqlPath *path, DqlNode *node, BoundNode **result)
{
	BoundColumn *scalar = column->kind == COLUMN_ARRAY ? column->element : column;
	DqlValue   *operand = vxp_known_operand(state, node->operand);
	BoundNode  *present = vxp_bound_node(BOUND_NULL, scalar);
	BoundNode  *bound;
	List	   *args = NIL;

	present->negated = true;
	if (operand->type == DQL_PARAM)
	{
		bound = vxp_bound_node(BOUND_RANGE, scalar);
		bound->strategy = vxp_order_strategy(node->op);
		bound->truth = node->range == DQL_RANGE_ALL;
		bound->value.param = operand->param;
	}
	else
	{
		for (int i = 0; operand->type == DQL_ARRAY && i < operand->count; i++)
		{
			DqlValue   *item = vxp_known_operand(state, operand->items[i]);
			VxpError   *error;

			if (item->type == DQL_NULL)
				continue;
			error = vxp_bind_compare(scalar, node->op, path, item, node->where, &bound);
			if (error)
				return error;
			args = lappend(args, bound);
		}
		bound = vxp_bound_list(node->range == DQL_RANGE_ALL ? BOUND_AND : BOUND_OR, args);
	}
	/* ALL over nothing holds for every value, but a missing field has none */
	if (node->range == DQL_RANGE_ALL)
		bound = vxp_bound_list(BOUND_AND, list_make2(present, bound));
	if (column->kind == COLUMN_ARRAY)
	{
		*result = vxp_bound_node(BOUND_ELEMENT, column);
		(*result)->args = list_make1(bound);
	}
	else
		*result = bound;
	return NULL;
}

/* array column = bind variable of an array type; NULL acts as JSON null */
static BoundNode *
bind_array_param(BoundColumn *column, int param)
{
	BoundNode  *equal = vxp_bound_node(BOUND_ARRAY_EQUAL, column);
	BoundNode  *missing = vxp_bound_node(BOUND_BOTH_NULL, column);
	BoundNode  *has_null = vxp_bound_node(BOUND_ELEMENT, column);
	BoundNode  *element = vxp_bound_node(BOUND_BOTH_NULL, column->element);

	equal->value.param = missing->value.param = element->value.param = param;
	has_null->args = list_make1(element);
	return vxp_bound_list(BOUND_OR, list_make3(equal, missing, has_null));
}

/* vxp_bind_operator binds one operator on a column that is no document. */
VxpError *
vxp_bind_operator(BindState *state, BoundColumn *column, const DqlPath *path, DqlNode *node, BoundNode **result)
{
	DqlValue   *operand;

	if (node->subquery)
		return vxp_bind_subquery_on(state, column, node, result);
	if (node->range != DQL_RANGE_NONE)
		return bind_range(state, column, path, node, result);
	operand = vxp_known_operand(state, node->operand);
	/* an SQL array is a list: the field is exactly that list */
	if (column->kind == COLUMN_ARRAY && (node->op == DQL_OP_EQ || node->op == DQL_OP_IEQ) &&
		param_is_array(state, operand))
	{
		*result = bind_array_param(column, operand->param);
		return NULL;
	}
	return vxp_bind_compare(column, node->op, path, operand, node->where, result);
}

/* The members of an operand of $in that are lists, or those that are none. */
static DqlValue *
members_of(const DqlValue *operand, bool lists)
{
	DqlValue   *result = palloc(sizeof(DqlValue));

	*result = *operand;
	result->items = palloc(sizeof(DqlValue *) * Max(operand->count, 1));
	result->count = 0;
	for (int i = 0; i < operand->count; i++)
		if ((operand->items[i]->type == DQL_ARRAY) == lists)
			result->items[result->count++] = operand->items[i];
	return result;
}

/*
 * A comparison on one candidate of an array column: an element, which is no list
 * ("element" of the column), or the list as a whole.  Under a negation the
 * elements of the list count with it (section 4.4).
 */
static VxpError *
bind_candidate_compare(BindState *state, BoundColumn *column, bool is_element, bool negated,
					   const DqlPath *path, DqlNode *node, BoundNode **result)
{
	const DqlValue *operand = node->operand;
	bool		has_members = node->op == DQL_OP_IN && operand && operand->type == DQL_ARRAY &&
		node->range == DQL_RANGE_NONE;
	bool		is_list = (node->op == DQL_OP_EQ || node->op == DQL_OP_IEQ) && operand &&
		(operand->type == DQL_ARRAY || param_is_array(state, operand));
	DqlNode    *part = palloc(sizeof(DqlNode));

	*part = *node;
	if (has_members && (is_element || !negated))
		part->operand = members_of(operand, !is_element);
	if (is_element)
	{
		if (!is_list)
			return vxp_bind_operator(state, column->element, path, part, result);
	}
	else if (negated || is_list || has_members || node->op == DQL_OP_EXISTS || node->op == DQL_OP_EMPTY)
		return vxp_bind_operator(state, column, path, part, result);
	*result = vxp_bound_const(false);
	return NULL;
}

/* A tree of operators on one candidate of a column. */
static VxpError *
bind_candidate_tree(BindState *state, BoundColumn *column, bool is_element, bool negated,
					const DqlPath *path, DqlNode *node, BoundNode **result)
{
	List	   *args = NIL;
	ListCell   *lc;

	check_stack_depth();
	if (node->kind == DQL_COMPARE && column->kind == COLUMN_ARRAY)
		return bind_candidate_compare(state, column, is_element, negated, path, node, result);
	if (node->kind == DQL_COMPARE)
		return vxp_bind_operator(state, column, path, node, result);
	if (node->kind != DQL_AND && node->kind != DQL_OR && node->kind != DQL_NOT)
		return vxp_error(ERRCODE_FEATURE_NOT_SUPPORTED, node->where,
						 "this condition inside $match is not supported on the field \"%s\" of type %s",
						 column->name, format_type_be(column->type));
	foreach(lc, node->args)
	{
		BoundNode  *arg;
		VxpError   *error = bind_candidate_tree(state, column, is_element, negated || node->kind == DQL_NOT,
												path, lfirst(lc), &arg);

		if (error)
			return error;
		args = lappend(args, arg);
	}
	*result = node->kind == DQL_NOT ? vxp_bound_not(linitial(args)) :
		vxp_bound_list(node->kind == DQL_AND ? BOUND_AND : BOUND_OR, args);
	return NULL;
}

/* vxp_bind_candidate binds $match and $elemMatch with operators: one candidate satisfies them all. */
VxpError *
vxp_bind_candidate(BindState *state, BoundColumn *column, DqlNode *node, BoundNode **result)
{
	bool		is_array = column->kind == COLUMN_ARRAY;
	BoundNode  *present = vxp_bound_node(BOUND_NULL, column);
	BoundNode  *element;
	BoundNode  *inner;
	VxpError   *error;

	if (node->kind == DQL_ANY_ELEMENT && !is_array)
	{
		*result = vxp_bound_const(false);
		return NULL;
	}
	error = bind_candidate_tree(state, column, is_array, false, node->path, linitial(node->args), &inner);
	if (error)
		return error;
	/* a missing field has no candidate, and the operators alone may hold for NULL */
	present->negated = true;
	if (!is_array)
	{
		*result = vxp_bound_list(BOUND_AND, list_make2(present, inner));
		return NULL;
	}
	element = vxp_bound_node(BOUND_ELEMENT, column);
	element->args = list_make1(inner);
	*result = element;
	if (node->kind == DQL_ANY_ELEMENT)
		return NULL;
	error = bind_candidate_tree(state, column, false, false, node->path, linitial(node->args), &inner);
	*result = vxp_bound_list(BOUND_OR, list_make2(element, vxp_bound_list(BOUND_AND, list_make2(present, inner))));
	return error;
}

/* vxp_bind_member returns the element of an array column that a path names by its place, as "tags.0" does, or NULL. */
BoundColumn *
vxp_bind_member(BindState *state, const DqlPath *path)
{
	const char *last = path->segments[path->count - 1];
	DqlPath    *list;
	BoundField	field;
	BoundColumn *member;

	/* a place as section 3.1 writes it, that an array can have */
	if (path->count < 2 || strlen(last) > 8 || strspn(last, "0123456789") != strlen(last) ||
		(last[0] == '0' && last[1] != '\0'))
		return NULL;
	list = vxp_dql_path_of(pnstrdup(path->text, strlen(path->text) - strlen(last) - 1));
	if (vxp_bind_field(state->type, state->relation, list, "", &field) != NULL ||
		field.column->kind != COLUMN_ARRAY || field.column->element->kind == COLUMN_JSON)
		return NULL;
	member = palloc(sizeof(BoundColumn));
	*member = *field.column->element;
	member->attnum = -field.column->attnum;
	member->subscript = atoi(last);
	return member;
}
