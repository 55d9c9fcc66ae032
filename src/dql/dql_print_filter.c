/*
 * dql_print_filter.c - a filter as JSON text
 *
 * The text reads back to an equal tree.  It follows the form in which filters
 * are written (members side by side, negations by their own operators), so
 * that it nests no deeper than what was read and passes the same limits.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/json.h"

#include "dql/dql.h"

static void print_condition(StringInfo buf, const DqlNode *node);
static void print_operator_object(StringInfo buf, const DqlNode *node);

static bool
is_logic(const DqlNode *node)
{
	return node->kind == DQL_AND || node->kind == DQL_OR || node->kind == DQL_NOT;
}

/*
 * operator_name returns the key under which a condition stands in an operator
 * object, or NULL when it is written without one.
 */
static const char *
operator_name(const DqlNode *node)
{
	switch (node->kind)
	{
		case DQL_AND:
			return "$and";
		case DQL_OR:
			return "$or";
		case DQL_NOT:
			{
				const DqlNode *arg = linitial(node->args);
				const char *name = NULL;

				if (arg->kind == DQL_COMPARE)
					name = arg->op == DQL_OP_EXISTS || arg->op == DQL_OP_GLOB ?
						vxp_dql_op_name(arg->op, false) : vxp_dql_op_name(arg->op, true);
				/* a bind variable has no leading "!" to negate it with */
				if (name != NULL && arg->op == DQL_OP_GLOB && arg->operand->type == DQL_PARAM)
					name = NULL;
				return name ? name : "$not";
			}
		case DQL_COMPARE:
			return vxp_dql_op_name(node->op, false);
		case DQL_MATCH:
		case DQL_ANY_CANDIDATE:
			return "$match";
		case DQL_ELEM_MATCH:
		case DQL_ANY_ELEMENT:
			return "$elemMatch";
		case DQL_NESTED:
		case DQL_HAS_ANCESTOR:
			return NULL;
	}
	return NULL;
}

/* names_differ tells whether the members of a condition fit into one object. */
static bool
names_differ(const List *args)
{
	ListCell   *cell;
	ListCell   *other;

	foreach(cell, args)
	{
		const char *name = operator_name(lfirst(cell));

		if (name == NULL)
			return false;
		for_each_cell(other, args, lnext(args, cell))
		{
			const char *other_name = operator_name(lfirst(other));

			if (other_name == NULL || strcmp(name, other_name) == 0)
				return false;
		}
		/* an object of operators has few members; a long list is written as one */
		if (foreach_current_index(cell) > 16)
			return false;
	}
	return list_length(args) > 1;
}

static void
print_conditions(StringInfo buf, const List *args)
{
	ListCell   *cell;

	appendStringInfoChar(buf, '[');
	foreach(cell, args)
	{
		if (foreach_current_index(cell) > 0)
			appendStringInfoChar(buf, ',');
		print_condition(buf, lfirst(cell));
	}
	appendStringInfoChar(buf, ']');
}

/* print_operand prints what stands behind the operator of a comparison. */
static void
print_operand(StringInfo buf, const DqlNode *node)
{
	if (node->range != DQL_RANGE_NONE)
		appendStringInfoString(buf, node->range == DQL_RANGE_ANY ? "{\"$any\":" : "{\"$all\":");
	vxp_dql_json_print(buf, node->subquery ? node->subquery->source : node->operand);
	if (node->range != DQL_RANGE_NONE)
		appendStringInfoChar(buf, '}');
}

/* print_operator prints one member: the operator and its operand. */
static void
print_operator(StringInfo buf, const DqlNode *node)
{
	const char *name = operator_name(node);

	appendStringInfo(buf, "\"%s\":", name);
	switch (node->kind)
	{
		case DQL_AND:
		case DQL_OR:
			print_conditions(buf, node->args);
			break;
		case DQL_NOT:
			{
				const DqlNode *arg = linitial(node->args);

				if (strcmp(name, "$not") == 0)
					print_operator_object(buf, arg);
				else if (arg->op == DQL_OP_EXISTS)
					appendStringInfoString(buf, "false");
				else if (arg->op == DQL_OP_GLOB)
					escape_json(buf, psprintf("!%s", arg->operand->string));
				else
					print_operand(buf, arg);
				break;
			}
		case DQL_COMPARE:
			print_operand(buf, node);
			break;
		case DQL_MATCH:
		case DQL_ELEM_MATCH:
			vxp_dql_print_filter(buf, linitial(node->args));
			break;
		case DQL_ANY_CANDIDATE:
		case DQL_ANY_ELEMENT:
			print_operator_object(buf, linitial(node->args));
			break;
		case DQL_NESTED:
		case DQL_HAS_ANCESTOR:
			elog(ERROR, "condition has no operator");
			break;
	}
}

/* print_operator_object prints a condition as an object of operators. */
static void
print_operator_object(StringInfo buf, const DqlNode *node)
{
	check_stack_depth();
	appendStringInfoChar(buf, '{');
	if (operator_name(node) == NULL)
	{
		appendStringInfoString(buf, "\"$and\":[");
		print_condition(buf, node);
		appendStringInfoChar(buf, ']');
	}
	else if (node->kind == DQL_AND && names_differ(node->args))
	{
		ListCell   *cell;

		foreach(cell, node->args)
		{
			if (foreach_current_index(cell) > 0)
				appendStringInfoChar(buf, ',');
			print_operator(buf, lfirst(cell));
		}
	}
	else
		print_operator(buf, node);
	appendStringInfoChar(buf, '}');
}

/* print_member prints one member of a filter: a field or a logical operator. */
static void
print_member(StringInfo buf, const DqlNode *node)
{
	if (node->kind == DQL_HAS_ANCESTOR)
	{
		appendStringInfoString(buf, "\"$hasAncestor\":");
		vxp_dql_json_print(buf, node->operand);
	}
	else if (is_logic(node) && node->path == NULL)
	{
		const List *args = node->args;
		ListCell   *cell;

		appendStringInfoString(buf, node->kind == DQL_AND ? "\"$and\":[" :
							   node->kind == DQL_OR ? "\"$or\":[" : "\"$nor\":[");
		if (node->kind == DQL_NOT)
		{
			const DqlNode *arg = linitial(node->args);

			if (arg->kind == DQL_OR && arg->path == NULL)
				args = arg->args;
		}
		foreach(cell, args)
		{
			if (foreach_current_index(cell) > 0)
				appendStringInfoChar(buf, ',');
			vxp_dql_print_filter(buf, lfirst(cell));
		}
		appendStringInfoChar(buf, ']');
	}
	else
	{
		escape_json(buf, node->path->text);
		appendStringInfoChar(buf, ':');
		print_condition(buf, node);
	}
}

/* member_name returns the key of print_member. */
static const char *
member_name(const DqlNode *node)
{
	if (node->kind == DQL_HAS_ANCESTOR)
		return "$hasAncestor";
	if (is_logic(node) && node->path == NULL)
		return node->kind == DQL_AND ? "$and" : node->kind == DQL_OR ? "$or" : "$nor";
	return node->path->text;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* members_differ tells whether the members of an AND fit into one object. */
static bool
members_differ(const List *args)
{
	int			count = list_length(args);
	const char **names = palloc(Max(count, 1) * sizeof(char *));
	ListCell   *cell;
	bool		differ = true;

	foreach(cell, args)
		names[foreach_current_index(cell)] = member_name(lfirst(cell));
	qsort(names, count, sizeof(char *), compare_names);
	for (int i = 1; i < count && differ; i++)
		differ = strcmp(names[i - 1], names[i]) != 0;
	pfree(names);
	return differ;
}

/* print_members prints a filter as an object, with the members of an AND side by side. */
static void
print_members(StringInfo buf, const DqlNode *node)
{
	ListCell   *cell;

	appendStringInfoChar(buf, '{');
	if (node->kind == DQL_AND && node->path == NULL && members_differ(node->args))
	{
		foreach(cell, node->args)
		{
			if (foreach_current_index(cell) > 0)
				appendStringInfoChar(buf, ',');
			print_member(buf, lfirst(cell));
		}
	}
	else
		print_member(buf, node);
	appendStringInfoChar(buf, '}');
}

/* print_condition prints what stands behind a field name. */
static void
print_condition(StringInfo buf, const DqlNode *node)
{
	check_stack_depth();
	if (node->kind == DQL_NESTED)
		print_members(buf, linitial(node->args));
	else if (node->kind == DQL_COMPARE && node->op == DQL_OP_EMPTY)
		appendStringInfoString(buf, "{}");
	else if (node->kind == DQL_COMPARE && node->op == DQL_OP_EQ && node->operand->type != DQL_OBJECT)
		vxp_dql_json_print(buf, node->operand);
	else
		print_operator_object(buf, node);
}

/* vxp_dql_print_filter appends a filter; NULL is the filter that holds for everything. */
void
vxp_dql_print_filter(StringInfo buf, const DqlNode *node)
{
	check_stack_depth();
	if (node == NULL)
		appendStringInfoString(buf, "{}");
	else
		print_members(buf, node);
}
