/*
 * dql_parse.c - filters: JSON values to the syntax tree
 *
 * Knows no catalog and no setting, and returns the first error instead of
 * raising it.  Nothing in a filter is ignored: what has no meaning by section
 * 3 or 4 is an error, whether or not any row would be tested.
 *
 * A "condition" is what stands behind a field path; its nodes carry the path,
 * also the logical ones, so that a filter can be printed as it was written.
 * Conditions behind $match with operators have a path without segments: they
 * speak of the candidate itself.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "dql/dql_parse.h"

/* What the object of a $match speaks of. */
typedef enum Subject
{
	SUBJECT_UNKNOWN,			/* only logic around nothing */
	SUBJECT_NAMES,				/* fields of an object: a filter */
	SUBJECT_OPERATORS			/* the candidate itself: a condition */
} Subject;

static DqlNode *parse_condition(DqlParse *parse, DqlPath *path, const DqlValue *value,
								const DqlPlace *place);
static DqlNode *parse_operators(DqlParse *parse, DqlPath *path, const DqlValue *value,
								const DqlPlace *place);

static DqlNode *
make_node(DqlNodeKind kind, const DqlPlace *place, DqlPath *path)
{
	DqlNode    *node = palloc0(sizeof(DqlNode));

	node->kind = kind;
	node->where = vxp_dql_place_text(place);
	node->path = path;
	return node;
}

/* make_logic joins nodes by AND or OR; one node stays as it is. */
static DqlNode *
make_logic(DqlNodeKind kind, List *args, const DqlPlace *place, DqlPath *path)
{
	DqlNode    *node;

	if (list_length(args) == 1)
		return linitial(args);
	node = make_node(kind, place, path);
	node->args = args;
	return node;
}

static DqlNode *
make_parent(DqlNodeKind kind, DqlNode *arg, const DqlPlace *place, DqlPath *path)
{
	DqlNode    *node = make_node(kind, place, path);

	node->args = list_make1(arg);
	return node;
}

static DqlNode *
make_compare(DqlParse *parse, DqlPath *path, DqlOp op, DqlValue *operand, bool negated,
			 const DqlPlace *place)
{
	DqlNode    *node = make_node(DQL_COMPARE, place, path);

	node->op = op;
	node->operand = operand;
	parse->request->conditions++;
	return negated ? make_parent(DQL_NOT, node, place, path) : node;
}

/* A level of logic or nesting begins; leave_level ends it. */
static void
enter_level(DqlParse *parse)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	parse->depth++;
	if (parse->depth > parse->request->depth)
		parse->request->depth = parse->depth;
}

static void
leave_level(DqlParse *parse)
{
	parse->depth--;
}

/*
 * find_operator looks an operator up.  Returns NULL after an error for a name
 * that is unknown, or that this version refuses.
 */
static const DqlOpInfo *
find_operator(DqlParse *parse, const char *name, const DqlPlace *place)
{
	const DqlOpInfo *info = vxp_dql_op_find(name);

	if (info == NULL)
	{
		VxpError   *error = fail_shape(parse, place, "unknown operator \"%s\"", vxp_dql_quoted(name));
		const char *nearest = vxp_dql_op_nearest(name);

		if (nearest != NULL)
			vxp_error_hint(error, "Perhaps you meant \"%s\".", nearest);
	}
	else if (info->form == DQL_FORM_UNSUPPORTED)
	{
		vxp_error_hint(vxp_dql_fail(parse, place, ERRCODE_FEATURE_NOT_SUPPORTED,
									"\"%s\" is not supported in this version", name),
					   "Ask for the rows in two requests.");
		return NULL;
	}
	return info;
}

/* is_operator_object: at least one key, and all of them start with "$". */
static bool
is_operator_object(const DqlValue *value)
{
	for (int i = 0; i < value->count; i++)
		if (value->type != DQL_OBJECT || value->keys[i][0] != '$')
			return false;
	return value->type == DQL_OBJECT && value->count > 0;
}

static VxpError *
fail_operand(DqlParse *parse, const DqlOpInfo *info, const DqlValue *value, const DqlPlace *place)
{
	return vxp_error_detail(fail_shape(parse, place, "operator \"%s\" does not take %s",
									   info->name, vxp_dql_kind_name(value)),
							"It takes %s.", info->operand);
}

/* epoch_fits: milliseconds since 1970 that the server's timestamps can hold. */
static bool
epoch_fits(const char *literal)
{
	double		milliseconds = strtod(literal, NULL);

	return milliseconds >= -210866803200000.0 && milliseconds <= 8640000000000000.0;
}

/* $any and $all, alone in the operand object of an order operator (section 4.10) */
static const DqlOpInfo *
range_operator(const DqlOpInfo *info, const DqlValue *value)
{
	const DqlOpInfo *range;

	if (info->op != DQL_OP_GT && info->op != DQL_OP_GTE && info->op != DQL_OP_LT && info->op != DQL_OP_LTE)
		return NULL;
	if (value->type != DQL_OBJECT || value->count != 1)
		return NULL;
	range = vxp_dql_op_find(value->keys[0]);
	return range && range->form == DQL_FORM_OPERAND && range->op != 0 ? range : NULL;
}

/* parse_range reads {"$gt": {"$any": values}} and its like; nulls in a list count for nothing. */
static DqlNode *
parse_range(DqlParse *parse, DqlPath *path, const DqlOpInfo *info, const DqlOpInfo *range,
			const DqlValue *value, const DqlPlace *place)
{
	DqlNode    *node;
	DqlValue   *operand = NULL;
	DqlRequest *subquery = NULL;
	DqlPlace	child = {place, range->name, -1};

	if (vxp_dql_is_subquery(value))
	{
		subquery = vxp_dql_parse_subquery(parse, value, &child);
		if (subquery == NULL)
			return NULL;
	}
	else
	{
		if (!vxp_dql_parse_param(parse, value, &child, &operand))
			return NULL;
		if (operand == NULL && value->type != DQL_ARRAY)
		{
			fail_operand(parse, range, value, &child);
			return NULL;
		}
		if (operand == NULL && (operand = vxp_dql_parse_values(parse, value, &child)) == NULL)
			return NULL;
		for (int i = 0; operand->type == DQL_ARRAY && i < operand->count; i++)
		{
			DqlPlace	item = {&child, NULL, i};

			if (operand->items[i]->type == DQL_ARRAY || operand->items[i]->type == DQL_OBJECT)
			{
				fail_shape(parse, &item, "a value of operator \"%s\" cannot be %s", range->name,
						   vxp_dql_kind_name(operand->items[i]));
				return NULL;
			}
		}
	}
	node = make_compare(parse, path, info->op, operand, false, place);
	node->range = range->op;
	node->subquery = subquery;
	return node;
}

/* parse_compare reads an operator whose node takes the operand as it is. */
static DqlNode *
parse_compare(DqlParse *parse, DqlPath *path, const DqlOpInfo *info, const DqlValue *value,
			  const DqlPlace *place)
{
	DqlOp		op = info->op;
	DqlValue   *operand;
	int64		instant;

	if (range_operator(info, value))
		return parse_range(parse, path, info, range_operator(info, value), value->items[0], place);
	if (!vxp_dql_parse_param(parse, value, place, &operand))
		return NULL;
	if (operand == NULL && (info->kinds & (1 << DQL_OBJECT)) == 0 && is_operator_object(value))
	{
		/* $any and $all stand here; other operators do not */
		DqlPlace	child = {place, value->keys[0], -1};

		if (find_operator(parse, value->keys[0], &child) == NULL)
			return NULL;
		fail_operand(parse, info, value, place);
		return NULL;
	}
	if (operand == NULL && (info->kinds & (1 << value->type)) == 0)
	{
		fail_operand(parse, info, value, place);
		return NULL;
	}
	if (operand == NULL && (operand = vxp_dql_parse_value(parse, value, place)) == NULL)
		return NULL;

	switch (op)
	{
		case DQL_OP_IEQ:
			if (operand->type != DQL_STRING && operand->type != DQL_PARAM)
				op = DQL_OP_EQ;
			break;
		case DQL_OP_GTE:
		case DQL_OP_LTE:
			/* rule 5 of section 4.3 */
			if (operand->type == DQL_NULL)
				op = DQL_OP_EQ;
			break;
		case DQL_OP_GT:
		case DQL_OP_LT:
			if (operand->type == DQL_NULL)
			{
				op = DQL_OP_IN;
				operand = vxp_dql_make_list(NULL, 0);
			}
			break;
		case DQL_OP_AFTER:
		case DQL_OP_BEFORE:
			if ((operand->type == DQL_STRING &&
				 !vxp_dql_timestamp(operand->string, operand->length, &instant)) ||
				(operand->type == DQL_NUMBER && !epoch_fits(operand->string)))
			{
				vxp_error_hint(fail_shape(parse, place, "\"%s\" is not a timestamp", vxp_dql_quoted(operand->string)),
							   "Write a timestamp as YYYY-MM-DDThh:mm:ssZ, or epoch milliseconds as a number.");
				return NULL;
			}
			break;
		default:
			break;
	}
	return make_compare(parse, path, op, operand, info->negated, place);
}

/* parse_in reads $in and $nin. */
static DqlNode *
parse_in(DqlParse *parse, DqlPath *path, const DqlOpInfo *info, const DqlValue *value,
		 const DqlPlace *place)
{
	DqlValue   *operand;

	if (vxp_dql_is_subquery(value))
	{
		DqlRequest *subquery = vxp_dql_parse_subquery(parse, value, place);
		DqlNode    *node;

		if (subquery == NULL)
			return NULL;
		node = make_compare(parse, path, DQL_OP_IN, NULL, false, place);
		node->subquery = subquery;
		return info->negated ? make_parent(DQL_NOT, node, place, path) : node;
	}
	if (value->type == DQL_ARRAY)
		operand = vxp_dql_parse_values(parse, value, place);
	else
	{
		operand = vxp_dql_parse_value(parse, value, place);
		if (operand != NULL && operand->type != DQL_PARAM)
		{
			DqlValue  **items = palloc(sizeof(DqlValue *));

			items[0] = operand;
			operand = vxp_dql_make_list(items, 1);
		}
	}
	if (operand == NULL)
		return NULL;
	return make_compare(parse, path, DQL_OP_IN, operand, info->negated, place);
}

/* is_zero tells whether a JSON number is zero by value. */
static bool
is_zero(const char *literal)
{
	for (; *literal != '\0' && *literal != 'e' && *literal != 'E'; literal++)
		if (*literal >= '1' && *literal <= '9')
			return false;
	return true;
}

static DqlNode *
parse_exists(DqlParse *parse, DqlPath *path, const DqlOpInfo *info, const DqlValue *value,
			 const DqlPlace *place)
{
	DqlValue   *operand = palloc0(sizeof(DqlValue));
	bool		wanted;

	if ((info->kinds & (1 << value->type)) == 0)
	{
		fail_operand(parse, info, value, place);
		return NULL;
	}
	wanted = value->type == DQL_BOOLEAN ? value->boolean :
		value->type == DQL_NUMBER ? !is_zero(value->string) : false;
	operand->type = DQL_BOOLEAN;
	operand->boolean = true;
	return make_compare(parse, path, DQL_OP_EXISTS, operand, !wanted, place);
}

static DqlNode *
parse_between(DqlParse *parse, DqlPath *path, const DqlOpInfo *info, const DqlValue *value,
			  const DqlPlace *place)
{
	DqlValue   *operand;

	if (value->type != DQL_ARRAY || value->count != 2)
	{
		vxp_error_hint(value->type != DQL_ARRAY ? fail_operand(parse, info, value, place) :
					   fail_shape(parse, place, "operator \"%s\" takes two bounds, not %d",
								  info->name, value->count),
					   "Write [lowest, highest]; either may be a bind variable.");
		return NULL;
	}
	operand = vxp_dql_parse_values(parse, value, place);
	if (operand == NULL)
		return NULL;
	for (int i = 0; i < 2; i++)
	{
		DqlPlace	child = {place, NULL, i};

		if (operand->items[i]->type == DQL_ARRAY || operand->items[i]->type == DQL_OBJECT)
		{
			fail_shape(parse, &child, "a bound of operator \"%s\" cannot be %s", info->name,
					   vxp_dql_kind_name(operand->items[i]));
			return NULL;
		}
	}
	return make_compare(parse, path, DQL_OP_BETWEEN, operand, false, place);
}

/* parse_glob turns each leading ! into a negation. */
static DqlNode *
parse_glob(DqlParse *parse, DqlPath *path, const DqlOpInfo *info, const DqlValue *value,
		   const DqlPlace *place)
{
	DqlValue   *operand;
	const char *glob;
	bool		negated = false;

	if (!vxp_dql_parse_param(parse, value, place, &operand))
		return NULL;
	if (operand == NULL)
	{
		if (value->type != DQL_STRING)
		{
			fail_operand(parse, info, value, place);
			return NULL;
		}
		operand = palloc0(sizeof(DqlValue));
		*operand = *value;
		glob = operand->string;
		negated = vxp_dql_glob_strip(&glob, &operand->length);
		operand->string = (char *) glob;
	}
	return make_compare(parse, path, DQL_OP_GLOB, operand, negated, place);
}

/*
 * subject_of finds out what the members of a $match object speak of: its keys,
 * and through logical operators those of the objects in their lists.
 */
static Subject
subject_of(const DqlValue *value)
{
	check_stack_depth();
	if (value->type != DQL_OBJECT)
		return SUBJECT_OPERATORS;
	for (int i = 0; i < value->count; i++)
	{
		const DqlOpInfo *info;
		const DqlValue *list = value->items[i];

		if (value->keys[i][0] != '$')
			return SUBJECT_NAMES;
		info = vxp_dql_op_find(value->keys[i]);
		if (info == NULL || info->form != DQL_FORM_LOGIC || list->type != DQL_ARRAY)
			return info != NULL && info->form == DQL_FORM_ANCESTOR ? SUBJECT_NAMES : SUBJECT_OPERATORS;
		for (int j = 0; j < list->count; j++)
		{
			Subject		subject = subject_of(list->items[j]);

			if (subject != SUBJECT_UNKNOWN)
				return subject;
		}
	}
	return SUBJECT_UNKNOWN;
}

/* parse_match reads $match and $elemMatch (section 4.5). */
static DqlNode *
parse_match(DqlParse *parse, DqlPath *path, const DqlOpInfo *info, const DqlValue *value,
			const DqlPlace *place)
{
	bool		element_only = info->op == DQL_ELEM_MATCH;
	DqlPath    *self = palloc0(sizeof(DqlPath));
	DqlNode    *arg;

	self->text = "";
	if (path->count == 0)
	{
		vxp_dql_fail(parse, place, ERRCODE_FEATURE_NOT_SUPPORTED,
					 "\"%s\" directly inside \"$match\" or \"$elemMatch\" is not supported in this version",
					 info->name);
		return NULL;
	}
	if (value->type == DQL_OBJECT && !vxp_dql_has_key(value, "$param"))
	{
		enter_level(parse);
		parse->inside++;
		if (subject_of(value) == SUBJECT_OPERATORS)
		{
			arg = is_operator_object(value) ? parse_operators(parse, self, value, place) :
				vxp_dql_parse_filter(parse, value, place);
			arg = arg ? make_parent(element_only ? DQL_ANY_ELEMENT : DQL_ANY_CANDIDATE,
									arg, place, path) : NULL;
		}
		else
		{
			arg = vxp_dql_parse_filter(parse, value, place);
			arg = arg ? make_parent(info->op, arg, place, path) : NULL;
		}
		parse->inside--;
		leave_level(parse);
		return arg;
	}
	else
	{
		DqlValue   *operand = vxp_dql_parse_value(parse, value, place);

		if (operand == NULL)
			return NULL;
		if (!element_only)
			return make_compare(parse, path, DQL_OP_EQ, operand, false, place);
		return make_parent(DQL_ANY_ELEMENT,
						   make_compare(parse, self, DQL_OP_EQ, operand, false, place),
						   place, path);
	}
}

/* parse_not reads the operator object of $not. */
static DqlNode *
parse_not(DqlParse *parse, DqlPath *path, const DqlValue *value, const DqlPlace *place)
{
	DqlNode    *arg;

	if (!is_operator_object(value) || vxp_dql_has_key(value, "$param"))
	{
		vxp_error_hint(fail_shape(parse, place, "operator \"$not\" takes an operator object"),
					   "Write {\"$not\": {\"$eq\": value}}, or use \"$ne\".");
		return NULL;
	}
	enter_level(parse);
	arg = parse_operators(parse, path, value, place);
	leave_level(parse);
	return arg ? make_parent(DQL_NOT, arg, place, path) : NULL;
}

/*
 * parse_logic reads the list of a logical operator: filters when "path" is
 * NULL, else conditions on that path.
 */
static DqlNode *
parse_logic(DqlParse *parse, DqlPath *path, const DqlOpInfo *info, const DqlValue *value,
			const DqlPlace *place)
{
	List	   *args = NIL;
	DqlNode    *node;

	if (value->type != DQL_ARRAY)
	{
		vxp_error_hint(fail_operand(parse, info, value, place), "Put the members into a list: [...].");
		return NULL;
	}
	enter_level(parse);
	for (int i = 0; i < value->count; i++)
	{
		DqlPlace	child = {place, NULL, i};

		node = path == NULL ? vxp_dql_parse_filter(parse, value->items[i], &child) :
			parse_condition(parse, path, value->items[i], &child);
		if (node == NULL)
			return NULL;
		args = lappend(args, node);
	}
	leave_level(parse);
	node = make_logic(info->op, args, place, path);
	return info->negated ? make_parent(DQL_NOT, node, place, path) : node;
}

/* parse_ancestor reads $hasAncestor. */
static DqlNode *
parse_ancestor(DqlParse *parse, const DqlOpInfo *info, const DqlValue *value, const DqlPlace *place)
{
	DqlNode    *node;
	DqlValue   *operand;

	if (parse->inside > 0)
	{
		fail_shape(parse, place, "operator \"$hasAncestor\" speaks of the whole resource and cannot stand inside \"$match\" or \"$elemMatch\"");
		return NULL;
	}
	if (!vxp_dql_parse_param(parse, value, place, &operand))
		return NULL;
	if (operand == NULL && value->type == DQL_STRING)
	{
		DqlValue  **items = palloc(sizeof(DqlValue *));

		items[0] = (DqlValue *) value;
		operand = vxp_dql_make_list(items, 1);
	}
	else if (operand == NULL)
	{
		if (value->type != DQL_ARRAY)
		{
			fail_operand(parse, info, value, place);
			return NULL;
		}
		for (int i = 0; i < value->count; i++)
		{
			DqlPlace	child = {place, NULL, i};

			if (value->items[i]->type != DQL_STRING)
			{
				fail_shape(parse, &child, "an identifier must be a string, not %s",
						   vxp_dql_kind_name(value->items[i]));
				return NULL;
			}
		}
		operand = (DqlValue *) value;
	}
	node = make_node(DQL_HAS_ANCESTOR, place, NULL);
	node->operand = operand;
	parse->request->conditions++;
	return node;
}

/* parse_operators reads an operator object on a path: all of it must hold. */
static DqlNode *
parse_operators(DqlParse *parse, DqlPath *path, const DqlValue *value, const DqlPlace *place)
{
	List	   *args = NIL;

	for (int i = 0; i < value->count; i++)
	{
		DqlPlace	child = {place, value->keys[i], -1};
		const DqlOpInfo *info = find_operator(parse, value->keys[i], &child);
		const DqlValue *operand = value->items[i];
		DqlNode    *node = NULL;

		if (info == NULL)
			return NULL;
		switch (info->form)
		{
			case DQL_FORM_COMPARE:
				node = parse_compare(parse, path, info, operand, &child);
				break;
			case DQL_FORM_IN:
				node = parse_in(parse, path, info, operand, &child);
				break;
			case DQL_FORM_EXISTS:
				node = parse_exists(parse, path, info, operand, &child);
				break;
			case DQL_FORM_BETWEEN:
				node = parse_between(parse, path, info, operand, &child);
				break;
			case DQL_FORM_GLOB:
				node = parse_glob(parse, path, info, operand, &child);
				break;
			case DQL_FORM_MATCH:
				node = parse_match(parse, path, info, operand, &child);
				break;
			case DQL_FORM_NOT:
				node = parse_not(parse, path, operand, &child);
				break;
			case DQL_FORM_LOGIC:
				if (info->negated)
					vxp_error_hint(fail_shape(parse, &child, "operator \"%s\" cannot stand on a field", info->name),
								   "Use \"$not\" or \"$nin\" on a field.");
				else
					node = parse_logic(parse, path, info, operand, &child);
				break;
			case DQL_FORM_ANCESTOR:
				vxp_error_hint(fail_shape(parse, &child, "operator \"%s\" cannot stand on a field", info->name),
							   "Write it beside the fields of the filter.");
				break;
			case DQL_FORM_OPERAND:
				/* a lone bind variable never comes here */
				if (info->op != 0)
					vxp_error_hint(fail_shape(parse, &child, "\"%s\" stands inside an order operator only", info->name),
								   "Write {\"$gt\": {\"%s\": [...]}}.", info->name);
				else
					fail_shape(parse, &child, "\"%s\" must be the only member of its object", info->name);
				break;
			case DQL_FORM_UNSUPPORTED:
				break;
		}
		if (node == NULL)
			return NULL;
		args = lappend(args, node);
	}
	return make_logic(DQL_AND, args, place, path);
}

/*
 * check_not_mixed refuses an object that holds both operators and names.
 */
static bool
check_not_mixed(DqlParse *parse, const DqlValue *value, const DqlPlace *place)
{
	const char *operator = NULL;
	const char *name = NULL;

	for (int i = 0; i < value->count; i++)
	{
		if (value->keys[i][0] == '$')
			operator = operator ? operator : value->keys[i];
		else
			name = name ? name : value->keys[i];
	}
	if (operator == NULL || name == NULL)
		return true;
	vxp_error_hint(fail_shape(parse, place, "object mixes operator \"%s\" and name \"%s\"",
							  vxp_dql_quoted(operator), vxp_dql_quoted(name)),
				   "Write a condition on \"%s\" with its dotted path.", vxp_dql_quoted(name));
	return false;
}

/* parse_member reads one name of a filter with its condition. */
static DqlNode *
parse_member(DqlParse *parse, const char *name, const DqlValue *value, const DqlPlace *place)
{
	DqlPath    *path = vxp_dql_parse_path(parse, name, place);

	return path ? parse_condition(parse, path, value, place) : NULL;
}

/* parse_condition reads what stands behind a path; NULL after an error. */
static DqlNode *
parse_condition(DqlParse *parse, DqlPath *path, const DqlValue *value, const DqlPlace *place)
{
	DqlValue   *operand;
	List	   *args = NIL;

	if (value->type == DQL_OBJECT && value->count == 0)
		return make_compare(parse, path, DQL_OP_EMPTY, NULL, false, place);
	if (value->type == DQL_OBJECT && !check_not_mixed(parse, value, place))
		return NULL;
	if (value->type != DQL_OBJECT || vxp_dql_has_key(value, "$param"))
	{
		operand = vxp_dql_parse_value(parse, value, place);
		return operand ? make_compare(parse, path, DQL_OP_EQ, operand, false, place) : NULL;
	}
	if (is_operator_object(value))
		return parse_operators(parse, path, value, place);
	if (path->count == 0)
	{
		vxp_error_hint(fail_shape(parse, place, "name \"%s\" stands beside operators", vxp_dql_quoted(value->keys[0])),
					   "An operand of \"$match\" or \"$elemMatch\" holds either names or operators.");
		return NULL;
	}

	enter_level(parse);
	parse->inside++;
	for (int i = 0; i < value->count; i++)
	{
		DqlPlace	child = {place, value->keys[i], -1};
		DqlNode    *node = parse_member(parse, value->keys[i], value->items[i], &child);

		if (node == NULL)
			return NULL;
		args = lappend(args, node);
	}
	parse->inside--;
	leave_level(parse);
	return make_parent(DQL_NESTED, make_logic(DQL_AND, args, place, NULL), place, path);
}

/* vxp_dql_parse_filter reads a filter object; NULL after an error. */
DqlNode *
vxp_dql_parse_filter(DqlParse *parse, const DqlValue *value, const DqlPlace *place)
{
	List	   *args = NIL;

	check_stack_depth();
	if (value->type != DQL_OBJECT)
	{
		vxp_error_hint(fail_shape(parse, place, "a filter must be an object, not %s", vxp_dql_kind_name(value)),
					   "Write {\"field\": value}.");
		return NULL;
	}
	for (int i = 0; i < value->count; i++)
	{
		DqlPlace	child = {place, value->keys[i], -1};
		const char *key = value->keys[i];
		DqlNode    *node = NULL;

		if (key[0] != '$')
			node = parse_member(parse, key, value->items[i], &child);
		else
		{
			const DqlOpInfo *info = find_operator(parse, key, &child);

			if (info == NULL)
				return NULL;
			if (info->form == DQL_FORM_LOGIC)
				node = parse_logic(parse, NULL, info, value->items[i], &child);
			else if (info->form == DQL_FORM_ANCESTOR)
				node = parse_ancestor(parse, info, value->items[i], &child);
			else
				vxp_error_hint(fail_shape(parse, &child, "operator \"%s\" stands where a field name is expected", key),
							   "Write {\"field\": {\"%s\": ...}}.", key);
		}
		if (node == NULL)
			return NULL;
		args = lappend(args, node);
	}
	return make_logic(DQL_AND, args, place, NULL);
}
