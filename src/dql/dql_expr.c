/*
 * dql_expr.c - bound conditions and sort keys as finished expressions
 *
 * No text of the request becomes a name that is looked up: a column is found by
 * its place in the relation, an operator is the column type's own by qualified
 * name (a search_path with an operator = in a schema of its own changes
 * nothing), a value is a Const.  assign_query_collations() sets the input
 * collations afterwards, as for expressions of the parser's own.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_func.h"
#include "parser/parse_oper.h"
#include "parser/parse_relation.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "dql/dql_bind.h"
#include "dql/dql_fn.h"

Node *
vxp_dql_const(Oid type, Datum datum)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Form_pg_type form;
	Const	   *result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	form = (Form_pg_type) GETSTRUCT(tuple);
	result = makeConst(type, -1, form->typcollation, form->typlen, datum, false, form->typbyval);
	ReleaseSysCache(tuple);
	return (Node *) result;
}

Node *
vxp_dql_text_const(const char *text)
{
	return vxp_dql_const(TEXTOID, CStringGetTextDatum(text));
}

/* vxp_dql_request_const returns a constant of type vxp.dql. */
Node *
vxp_dql_request_const(const char *text)
{
	return vxp_dql_const(vxp_dql_type_oid(), CStringGetTextDatum(text));
}

/* vxp_dql_call returns a call of a function by its qualified name. */
Node *
vxp_dql_call(ParseState *pstate, const char *schema, const char *function, List *args)
{
	List	   *name = list_make2(makeString(pstrdup(schema)), makeString(pstrdup(function)));

	return ParseFuncOrColumn(pstate, name, args, pstate->p_last_srf,
							 makeFuncCall(name, NIL, COERCE_EXPLICIT_CALL, -1), false, -1);
}

static Node *
core_call(ParseState *pstate, const char *function, List *args)
{
	return vxp_dql_call(pstate, "pg_catalog", function, args);
}

static Node *
core_operator(ParseState *pstate, const char *operator, Node *left, Node *right)
{
	return (Node *) make_op(pstate, list_make2(makeString("pg_catalog"), makeString(pstrdup(operator))),
							left, right, pstate->p_last_srf, -1);
}

/* array[array_lower(array, 1) + n]: NULL where the array is not so long */
static Node *
array_member(ParseState *pstate, const BoundColumn *column, Node *array)
{
	SubscriptingRef *member = makeNode(SubscriptingRef);
	Node	   *lower = core_call(pstate, "array_lower", list_make2(copyObject(array), vxp_dql_const(INT4OID, Int32GetDatum(1))));

	member->refcontainertype = getBaseType(exprType(array));
	member->refelemtype = member->refrestype = column->type;
	member->reftypmod = -1;
	member->refcollid = column->collation;
	member->refupperindexpr = list_make1(column->subscript == 0 ? lower :
										 core_operator(pstate, "+", lower, vxp_dql_const(INT4OID, Int32GetDatum(column->subscript))));
	member->refexpr = (Expr *) array;
	return (Node *) member;
}

/*
 * vxp_dql_column_expr returns the Var of a column, wherever in the statement we
 * are.  A nested query's table is known by its alias, the outermost query's is
 * the outermost table with its OID.  The look-up marks the column for the
 * privilege check.
 */
Node *
vxp_dql_column_expr(ParseState *pstate, const BoundQuery *bound, const BoundColumn *column)
{
	ParseNamespaceItem *found = NULL;
	int			found_up = 0;
	int			levels_up = 0;

	if (column->attnum == 0)
		return scanNSItemForColumn(pstate, llast(pstate->p_namespace), 0, DQL_ELEMENT_ALIAS, -1);
	for (ParseState *level = pstate; level; level = level->parentParseState, levels_up++)
	{
		ListCell   *lc;

		foreach(lc, level->p_namespace)
		{
			ParseNamespaceItem *item = lfirst(lc);

			if (item->p_rte->rtekind != RTE_RELATION || item->p_rte->relid != bound->relid ||
				!vxp_namespace_of_table(item))
				continue;
			if (bound->alias && (found || strcmp(item->p_names->aliasname, bound->alias) != 0))
				continue;
			found = item;
			found_up = levels_up;
		}
	}
	if (found)
	{
		Node	   *expr = scanNSItemForColumn(pstate, found, found_up, column->name, -1);

		return column->attnum < 0 ? array_member(pstate, column, expr) : expr;
	}

	/* somebody renamed a schema or a table between the look-up and the lock */
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("relation \"%s.%s\" changed while the DQL request was planned",
					bound->schema_name, bound->table_name),
			 errhint("Run the statement again.")));
}

static Node *
collate(Node *expr, Oid collation)
{
	CollateExpr *collated = makeNode(CollateExpr);

	collated->arg = (Expr *) expr;
	collated->collOid = collation;
	collated->location = -1;
	return (Node *) collated;
}

/* The column for an order comparison or a sort: text by code point, so in "C". */
static Node *
ordered_column(ParseState *pstate, const BoundQuery *bound, const BoundColumn *column)
{
	Node	   *expr = vxp_dql_column_expr(pstate, bound, column);

	if (OidIsValid(column->collation) && !vxp_collation_is_c(column->collation) &&
		column->base_type != NAMEOID)
		return collate(expr, C_COLLATION_OID);
	return expr;
}

/* The column for equality and patterns: its own collation, when that compares bytes. */
static Node *
equality_column(ParseState *pstate, const BoundQuery *bound, const BoundColumn *column)
{
	Node	   *expr = vxp_dql_column_expr(pstate, bound, column);

	if (OidIsValid(column->collation) && !get_collation_isdeterministic(column->collation))
		return collate(expr, C_COLLATION_OID);
	return expr;
}

/*
 * "operand" under the collation of the column that it compares with, when its
 * own would contradict that: say, as a column of a neighbour in the statement.
 */
static Node *
collate_like(const BoundQuery *bound, Node *operand, const Node *column)
{
	Oid			collation = exprCollation(column);
	Node	   *source = operand;
	Oid			given;

	/* a cast that was just made has no collation yet: its argument's will be its own */
	while (!OidIsValid(exprCollation(source)) && (IsA(source, RelabelType) || IsA(source, CoerceViaIO)))
		source = IsA(source, RelabelType) ? (Node *) castNode(RelabelType, source)->arg :
			(Node *) castNode(CoerceViaIO, source)->arg;
	given = exprCollation(source);
	if (!bound->args_known || !OidIsValid(collation) || !OidIsValid(get_typcollation(exprType(operand))) ||
		given == collation || given == DEFAULT_COLLATION_OID || !OidIsValid(get_typcollation(exprType(source))))
		return operand;
	return collate(operand, collation);
}

/* Do two operators have the same name in the same schema? */
static bool
same_operator_name(Oid a, Oid b)
{
	HeapTuple	left = SearchSysCache1(OPEROID, ObjectIdGetDatum(a));
	HeapTuple	right = SearchSysCache1(OPEROID, ObjectIdGetDatum(b));
	bool		result = HeapTupleIsValid(left) && HeapTupleIsValid(right) &&
		((Form_pg_operator) GETSTRUCT(left))->oprnamespace == ((Form_pg_operator) GETSTRUCT(right))->oprnamespace &&
		strcmp(NameStr(((Form_pg_operator) GETSTRUCT(left))->oprname),
			   NameStr(((Form_pg_operator) GETSTRUCT(right))->oprname)) == 0;

	if (HeapTupleIsValid(left))
		ReleaseSysCache(left);
	if (HeapTupleIsValid(right))
		ReleaseSysCache(right);
	return result;
}

/* vxp_dql_type_operator returns the qualified name of a type's own btree operator. */
List *
vxp_dql_type_operator(const BoundColumn *column, StrategyNumber strategy)
{
	TypeCacheEntry *entry = lookup_type_cache(column->base_type, TYPECACHE_BTREE_OPFAMILY | TYPECACHE_EQ_OPR);
	Oid			operator = InvalidOid;
	HeapTuple	tuple;
	Form_pg_operator form;
	List	   *name;

	if (OidIsValid(entry->btree_opf))
		operator = get_opfamily_member(entry->btree_opf, entry->btree_opintype, entry->btree_opintype, strategy);
	else if (strategy == BTEqualStrategyNumber)
		operator = entry->eq_opr;
	if (!OidIsValid(operator))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 strategy == BTEqualStrategyNumber ?
				 errmsg("field \"%s\" of type %s has no equality", column->name, format_type_be(column->type)) :
				 errmsg("field \"%s\" of type %s has no order", column->name, format_type_be(column->type)),
				 errhint("Only the operator $exists and comparison with null apply to it.")));
	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", operator);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	name = list_make2(makeString(get_namespace_name(form->oprnamespace)),
					  makeString(pstrdup(NameStr(form->oprname))));
	ReleaseSysCache(tuple);
	return name;
}

/*
 * The type's own operator for exactly these operand types, or InvalidOid.  It is
 * the one that vxp_dql_type_operator's name means for them: a name, a schema and
 * two types make one operator.
 */
static Oid
exact_operator(const BoundColumn *column, StrategyNumber strategy, Oid left, Oid right)
{
	TypeCacheEntry *entry = lookup_type_cache(column->base_type, TYPECACHE_BTREE_OPFAMILY);
	Oid			own;
	Oid			operator;

	if (!OidIsValid(entry->btree_opf))
		return InvalidOid;
	operator = get_opfamily_member(entry->btree_opf, left, right, strategy);
	if (!OidIsValid(operator) || (left == entry->btree_opintype && right == left))
		return operator;
	own = get_opfamily_member(entry->btree_opf, entry->btree_opintype, entry->btree_opintype, strategy);
	return same_operator_name(operator, own) ? operator : InvalidOid;
}

/* column (strategy) value, by the type's own operator */
static Node *
type_comparison(ParseState *pstate, const BoundColumn *column, StrategyNumber strategy, Node *left, Node *right)
{
	Oid			operator = exact_operator(column, strategy, exprType(left), exprType(right));
	OpExpr	   *result;

	if (!OidIsValid(operator))
		return (Node *) make_op(pstate, vxp_dql_type_operator(column, strategy), left, right, NULL, -1);
	result = (OpExpr *) make_opclause(operator, BOOLOID, false, (Expr *) left, (Expr *) right, InvalidOid, InvalidOid);
	result->opfuncid = get_opcode(operator);
	result->location = -1;
	return (Node *) result;
}

/* column = ANY (array), by the type's own operator */
static Node *
type_membership(ParseState *pstate, const BoundColumn *column, Node *left, Node *array)
{
	Oid			element = get_element_type(exprType(array));
	Oid			operator = OidIsValid(element) ?
		exact_operator(column, BTEqualStrategyNumber, exprType(left), element) : InvalidOid;
	ScalarArrayOpExpr *result;

	if (!OidIsValid(operator))
		return (Node *) make_scalar_array_op(pstate, vxp_dql_type_operator(column, BTEqualStrategyNumber), true,
											 left, array, -1);
	result = makeNode(ScalarArrayOpExpr);
	result->opno = operator;
	result->opfuncid = get_opcode(operator);
	result->useOr = true;
	result->args = list_make2(left, array);
	result->location = -1;
	return (Node *) result;
}

/*
 * Is the type text, or a type whose values a JSON client sends as such?
 * InvalidOid, as for the element type of what is no array, is not.
 */
static bool
is_text_type(Oid type)
{
	if (!OidIsValid(type))
		return false;
	switch (getBaseType(type))
	{
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case UNKNOWNOID:
			return true;
		default:
			return false;
	}
}

static bool
is_time_kind(ColumnKind kind)
{
	return kind == COLUMN_TIMESTAMPTZ || kind == COLUMN_TIMESTAMP || kind == COLUMN_DATE;
}

static Node *
explicit_cast(ParseState *pstate, Node *expr, Oid type)
{
	Node	   *cast = coerce_to_target_type(pstate, expr, exprType(expr), type, -1,
											 COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);

	if (cast == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a bind variable of type %s cannot be compared as %s",
						format_type_be(exprType(expr)), format_type_be(type))));
	return cast;
}

/* The column for patterns and parts of its text; a char(n) without its padding. */
static Node *
text_column(ParseState *pstate, const BoundQuery *bound, const BoundColumn *column)
{
	Node	   *expr = equality_column(pstate, bound, column);

	return column->base_type == BPCHAROID ? explicit_cast(pstate, expr, TEXTOID) : expr;
}

/*
 * The expression of bind variable n at the present level.  "type" is what it
 * is printed as when the caller gave no values.
 */
static Node *
param_expr(ParseState *pstate, const BoundQuery *bound, int number, Oid type)
{
	Node	   *arg;
	int			levels = 1;

	if (!bound->args_known)
	{
		Param	   *param = makeNode(Param);

		param->paramkind = PARAM_EXTERN;
		param->paramid = number;
		param->paramtype = type;
		param->paramtypmod = -1;
		param->paramcollid = get_typcollation(type);
		param->location = -1;
		return (Node *) param;
	}
	arg = copyObject(list_nth(bound->args, number - 1));
	for (ParseState *level = pstate; level->parentParseState; level = level->parentParseState)
		levels++;
	IncrementVarSublevelsUp(arg, levels, 0);
	return arg;
}

/* A bind variable that must be text, for the text operators. */
static Node *
text_param(ParseState *pstate, const BoundQuery *bound, int number)
{
	Node	   *arg = param_expr(pstate, bound, number, TEXTOID);

	if (!is_text_type(exprType(arg)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("bind variable {\"$param\": %d} must be text, but has type %s",
						number, format_type_be(exprType(arg)))));
	return exprType(arg) == TEXTOID ? arg : explicit_cast(pstate, arg, TEXTOID);
}

/*
 * A bind variable of a timestamp type, as the column's: one without a zone is
 * UTC, so that no comparison looks at the zone of the session.
 */
static Node *
time_param(ParseState *pstate, Node *arg, Oid type)
{
	Oid			given = getBaseType(exprType(arg));

	if (given == DATEOID && type == TIMESTAMPTZOID)
	{
		arg = explicit_cast(pstate, arg, TIMESTAMPOID);
		given = TIMESTAMPOID;
	}
	if ((given == TIMESTAMPOID && type == TIMESTAMPTZOID) ||
		(given == TIMESTAMPTZOID && (type == TIMESTAMPOID || type == DATEOID)))
		return core_call(pstate, "timezone", list_make2(vxp_dql_text_const("UTC"), arg));
	return arg;
}

/* Raises an error that names the field when a bind variable's type does not compare with it. */
static void
check_param_type(const BoundColumn *column, int number, Oid given, Oid value)
{
	Operator	found;

	if (column->kind == COLUMN_ARRAY)
		return;
	found = oper(NULL, vxp_dql_type_operator(column, BTEqualStrategyNumber), column->base_type, value, true, -1);
	if (found == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("bind variable {\"$param\": %d} has type %s, but field \"%s\" has type %s",
						number, format_type_be(given), column->name, format_type_be(column->type))));
	ReleaseSysCache(found);
}

/* A bind variable as operand for a column: text is read as the column's type. */
static Node *
operand_param(ParseState *pstate, const BoundQuery *bound, const BoundColumn *column, int number, bool is_list)
{
	Oid			type = column->base_type == VARCHAROID || column->base_type == NAMEOID ? TEXTOID : column->base_type;
	Oid			array = get_array_type(type);
	Node	   *arg = param_expr(pstate, bound, number, is_list && OidIsValid(array) ? array : type);
	Oid			given = exprType(arg);
	Oid			element = get_base_element_type(given);

	if (OidIsValid(element))
	{
		bool		other_zone = is_time_kind(column->kind) &&
			(getBaseType(element) == TIMESTAMPTZOID) != (column->kind == COLUMN_TIMESTAMPTZ);

		if (!is_text_type(element) && !other_zone)
		{
			check_param_type(column, number, given, element);
			return arg;
		}
		if (column->kind == COLUMN_TEXT && column->base_type != BPCHAROID)
			return arg;
		if (is_time_kind(column->kind) || !OidIsValid(array))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("bind variable {\"$param\": %d} has type %s, but field \"%s\" has type %s",
							number, format_type_be(given), column->name, format_type_be(column->type)),
					 errhint("Cast the value to %s[].", format_type_be(column->type))));
		return explicit_cast(pstate, arg, array);
	}
	if (!is_text_type(given))
	{
		if (column->kind == COLUMN_TEXT)
			return text_param(pstate, bound, number);	/* raises */
		if (is_time_kind(column->kind))
			arg = time_param(pstate, arg, column->base_type);
		check_param_type(column, number, given, exprType(arg));
		return arg;
	}
	if (column->kind == COLUMN_TEXT)
		return given == type ? arg : explicit_cast(pstate, arg, type);
	if (!is_time_kind(column->kind))
		return explicit_cast(pstate, arg, type);

	/* a timestamp without a zone is UTC, not in the zone of the session */
	arg = vxp_dql_call(pstate, "vxp", "instant", list_make1(text_param(pstate, bound, number)));
	if (column->kind != COLUMN_TIMESTAMPTZ)
		arg = core_call(pstate, "timezone", list_make2(vxp_dql_text_const("UTC"), arg));
	return arg;
}

static Node *
null_test(Node *arg, NullTestType type)
{
	NullTest   *test = makeNode(NullTest);

	test->arg = (Expr *) arg;
	test->nulltesttype = type;
	test->argisrow = false;
	test->location = -1;
	return (Node *) test;
}

/* "condition", or column and operand are both null: SQL NULL acts as JSON null */
static Node *
or_both_null(ParseState *pstate, const BoundQuery *bound, const BoundColumn *column, Node *condition, Node *operand_null)
{
	Node	   *column_null = null_test(vxp_dql_column_expr(pstate, bound, column), IS_NULL);

	return (Node *) makeBoolExpr(OR_EXPR,
								 list_make2(condition,
											makeBoolExpr(AND_EXPR, list_make2(column_null, operand_null), -1)), -1);
}

/* Is a bind variable NULL, or an array with a NULL in it?  num_nulls(VARIADIC array) IS DISTINCT FROM 0 */
static Node *
holds_null(ParseState *pstate, Node *operand)
{
	List	   *name = list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup("num_nulls")));
	FuncCall   *call;
	Node	   *count;

	if (!OidIsValid(get_base_element_type(exprType(operand))))
		return null_test(operand, IS_NULL);
	call = makeFuncCall(name, NIL, COERCE_EXPLICIT_CALL, -1);
	call->func_variadic = true;
	count = ParseFuncOrColumn(pstate, name, list_make1(operand), pstate->p_last_srf, call, false, -1);
	count = core_operator(pstate, "=", count, vxp_dql_const(INT4OID, Int32GetDatum(0)));
	NodeSetTag(count, T_DistinctExpr);
	return count;
}

static Node *
compare_with_param(ParseState *pstate, const BoundQuery *bound, const BoundNode *node)
{
	const BoundColumn *column = node->column;
	bool		is_equal = node->strategy == BTEqualStrategyNumber;
	Node	   *left = is_equal ? equality_column(pstate, bound, column) : ordered_column(pstate, bound, column);
	Node	   *right = operand_param(pstate, bound, column, node->value.param, false);
	Node	   *condition;
	bool		known;

	if (OidIsValid(get_base_element_type(exprType(right))))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("bind variable {\"$param\": %d} is an array, but field \"%s\" has type %s",
						node->value.param, column->name, format_type_be(column->type)),
				 errhint("Use $in to compare with each element.")));
	known = IsA(right, Const);
	right = collate_like(bound, right, left);
	condition = type_comparison(pstate, column, node->strategy, left, right);
	if (node->negated)
	{
		NodeSetTag(condition, T_DistinctExpr);
		return condition;
	}
	/* a constant that is NULL was bound as JSON null */
	if (known || node->strategy == BTLessStrategyNumber || node->strategy == BTGreaterStrategyNumber ||
		vxp_never_null(column))
		return condition;
	return or_both_null(pstate, bound, column, condition,
						null_test(operand_param(pstate, bound, column, node->value.param, false), IS_NULL));
}

static Node *
compare_expr(ParseState *pstate, const BoundQuery *bound, const BoundNode *node)
{
	const BoundColumn *column = node->column;
	bool		is_equal = node->strategy == BTEqualStrategyNumber;
	Node	   *left;
	Node	   *condition;

	if (node->value.param > 0)
		return compare_with_param(pstate, bound, node);
	left = is_equal ? equality_column(pstate, bound, column) : ordered_column(pstate, bound, column);
	condition = type_comparison(pstate, column, node->strategy, left,
								vxp_dql_const(node->value.type, node->value.datum));
	if (!node->negated)
		return condition;
	if (OidIsValid(get_negator(castNode(OpExpr, condition)->opno)) && vxp_never_null(column))
	{
		castNode(OpExpr, condition)->opno = get_negator(castNode(OpExpr, condition)->opno);
		castNode(OpExpr, condition)->opfuncid = get_opcode(castNode(OpExpr, condition)->opno);
		return condition;
	}
	NodeSetTag(condition, T_DistinctExpr);
	return condition;
}

/* vxp_dql_is_not_true returns arg IS NOT TRUE. */
Node *
vxp_dql_is_not_true(Node *arg)
{
	BooleanTest *test = makeNode(BooleanTest);

	test->arg = (Expr *) arg;
	test->booltesttype = IS_NOT_TRUE;
	test->location = -1;
	return (Node *) test;
}

/* column = ANY (array), or its complement */
static Node *
any_expr(ParseState *pstate, const BoundQuery *bound, const BoundNode *node)
{
	const BoundColumn *column = node->column;
	Node	   *left = equality_column(pstate, bound, column);
	Node	   *array;
	Node	   *condition;

	if (node->value.param == 0)
	{
		array = vxp_dql_const(node->value.type, node->value.datum);
		condition = type_membership(pstate, column, left, array);
		if (node->negated && vxp_never_null(column))
		{
			ScalarArrayOpExpr *all = castNode(ScalarArrayOpExpr, condition);

			/* c <> ALL (list) is the complement of c = ANY (list) when nothing is NULL */
			if (OidIsValid(get_negator(all->opno)))
			{
				all->opno = get_negator(all->opno);
				all->opfuncid = get_opcode(all->opno);
				all->useOr = false;
				return condition;
			}
		}
		return node->negated ? vxp_dql_is_not_true(condition) : condition;
	}

	array = operand_param(pstate, bound, column, node->value.param, true);
	if (!OidIsValid(get_base_element_type(exprType(array))))
	{
		/* a single operand is read as a one-element list */
		BoundNode	single = *node;

		single.kind = BOUND_COMPARE;
		single.strategy = BTEqualStrategyNumber;
		return compare_with_param(pstate, bound, &single);
	}
	condition = type_membership(pstate, column, left, collate_like(bound, array, left));
	if (!vxp_never_null(column))
		condition = or_both_null(pstate, bound, column, condition,
								 holds_null(pstate, operand_param(pstate, bound, column, node->value.param, true)));
	return node->negated ? vxp_dql_is_not_true(condition) : condition;
}

/* column op ANY or ALL (bind variable): its nulls count for nothing */
static Node *
range_expr(ParseState *pstate, const BoundQuery *bound, const BoundNode *node)
{
	Node	   *array = operand_param(pstate, bound, node->column, node->value.param, true);
	Oid			element = get_base_element_type(exprType(array));
	List	   *operator = vxp_dql_type_operator(node->column, node->strategy);

	if (!OidIsValid(element))
		return (Node *) make_op(pstate, operator, ordered_column(pstate, bound, node->column), array, NULL, -1);
	array = core_call(pstate, "array_remove",
					  list_make2(array, (Node *) makeNullConst(element, -1, get_typcollation(element))));
	return (Node *) make_scalar_array_op(pstate, operator, !node->truth,
										 ordered_column(pstate, bound, node->column), array, -1);
}

/* lower() by the database's own rules, on both sides alike ($ieq) */
static Node *
fold(ParseState *pstate, Node *expr)
{
	if (exprType(expr) != TEXTOID)
		expr = explicit_cast(pstate, expr, TEXTOID);
	if (!IsA(expr, Const) && exprCollation(expr) != DEFAULT_COLLATION_OID)
		expr = collate(expr, DEFAULT_COLLATION_OID);
	return core_call(pstate, "lower", list_make1(expr));
}

/* Does a bind variable from "low" to "high" occur in the value? */
static bool
value_uses_param(const DqlValue *value, int low, int high)
{
	if (value == NULL)
		return false;
	if (value->type == DQL_PARAM)
		return value->param >= low && value->param <= high;
	for (int i = 0; (value->type == DQL_ARRAY || value->type == DQL_OBJECT) && i < value->count; i++)
		if (value_uses_param(value->items[i], low, high))
			return true;
	return false;
}

static bool
node_uses_param(const DqlNode *node, int low, int high)
{
	ListCell   *lc;

	if (value_uses_param(node->operand, low, high))
		return true;
	foreach(lc, node->args)
		if (node_uses_param(lfirst(lc), low, high))
			return true;
	return false;
}

/* vxp_dql_uses_param: does bind variable "number" occur in the condition? */
bool
vxp_dql_uses_param(const DqlNode *node, int number)
{
	return node_uses_param(node, number, number);
}

/* vxp_dql_uses_param_above: does one with a larger number? */
bool
vxp_dql_uses_param_above(const DqlNode *node, int number)
{
	return node_uses_param(node, number + 1, PG_INT32_MAX);
}

/* vxp.matches(column, '{"filter": ...}' [, field [, values of bind variables]]) */
static Node *
document_expr(ParseState *pstate, const BoundQuery *bound, const BoundNode *node)
{
	Node	   *document = vxp_dql_column_expr(pstate, bound, node->column);
	StringInfoData filter;
	List	   *args;

	if (node->column->base_type != JSONBOID)
		document = explicit_cast(pstate, document, JSONBOID);
	initStringInfo(&filter);
	appendStringInfoString(&filter, "{\"filter\": ");
	vxp_dql_print_filter(&filter, node->node);
	appendStringInfoChar(&filter, '}');
	args = list_make2(document, vxp_dql_request_const(filter.data));
	if (node->field)
		args = lappend(args, vxp_dql_text_const(node->field));
	if (vxp_dql_uses_param_above(node->node, 0))
	{
		List	   *values = NIL;

		for (int i = 1; i <= bound->outermost->request->max_param; i++)
		{
			Node	   *value = param_expr(pstate, bound, i, TEXTOID);

			if (exprType(value) == UNKNOWNOID)
				value = explicit_cast(pstate, value, TEXTOID);
			values = lappend(values, value);
		}
		if (!node->field)
			args = lappend(args, makeNullConst(TEXTOID, -1, DEFAULT_COLLATION_OID));
		args = lappend(args, vxp_dql_params_expr(pstate, bound, values, node->node));
	}
	return vxp_dql_call(pstate, "vxp", "matches", args);
}

static Node *
ancestor_expr(ParseState *pstate, const BoundQuery *bound, const BoundNode *node)
{
	Node	   *path = vxp_dql_column_expr(pstate, bound, node->column);
	Node	   *ancestor;

	if (node->value.param == 0)
		return vxp_dql_call(pstate, "vxp", node->value.type == TEXTOID ? "has_ancestor" : "has_any_ancestor",
							list_make2(path, vxp_dql_const(node->value.type, node->value.datum)));
	ancestor = param_expr(pstate, bound, node->value.param, TEXTOID);
	if (is_text_type(get_base_element_type(exprType(ancestor))))
		return vxp_dql_call(pstate, "vxp", "has_any_ancestor",
							list_make2(path, explicit_cast(pstate, ancestor, TEXTARRAYOID)));
	return vxp_dql_call(pstate, "vxp", "has_ancestor",
						list_make2(path, text_param(pstate, bound, node->value.param)));
}

/*
 * column (operator) array.  A constant is of the type that values are compared
 * in: where the column's elements are only a kind of that (name, a domain with
 * a rule that the operand may break), it is the column that is converted.
 */
static Node *
array_expr(ParseState *pstate, const BoundQuery *bound, const char *operator, const BoundNode *node)
{
	const BoundColumn *column = node->column;
	Node	   *left = equality_column(pstate, bound, column);
	Node	   *array = node->value.param > 0 ? param_expr(pstate, bound, node->value.param, column->base_type) :
		vxp_dql_const(node->value.type, node->value.datum);
	Oid			type = exprType(array);

	if (node->value.param > 0)
		array = collate_like(bound, explicit_cast(pstate, array, column->base_type), left);
	else if (type != column->base_type)
	{
		if (IsBinaryCoercible(type, column->base_type))
			array = explicit_cast(pstate, array, column->base_type);
		else
			left = explicit_cast(pstate, left, type);
	}
	return core_operator(pstate, operator, left, array);
}

/* vxp_dql_condition_expr returns a leaf of the condition tree as a finished expression. */
Node *
vxp_dql_condition_expr(ParseState *pstate, const BoundQuery *bound, const BoundNode *node)
{
	switch (node->kind)
	{
		case BOUND_CONST:
			return makeBoolConst(node->truth, false);
		case BOUND_COMPARE:
			return compare_expr(pstate, bound, node);
		case BOUND_ANY:
			return any_expr(pstate, bound, node);
		case BOUND_RANGE:
			return range_expr(pstate, bound, node);
		case BOUND_BOTH_NULL:
			{
				Node	   *column = vxp_dql_column_expr(pstate, bound, node->column);
				Node	   *operand = param_expr(pstate, bound, node->value.param, node->in_list ? TEXTARRAYOID : TEXTOID);

				return (Node *) makeBoolExpr(AND_EXPR,
											 list_make2(null_test(column, IS_NULL),
														node->in_list ? holds_null(pstate, operand) :
														null_test(operand, IS_NULL)), -1);
			}
		case BOUND_NULL:
			return null_test(vxp_dql_column_expr(pstate, bound, node->column),
							 node->negated ? IS_NOT_NULL : IS_NULL);
		case BOUND_LIKE:
			if (node->fold)
				return core_operator(pstate, "~~", fold(pstate, vxp_dql_column_expr(pstate, bound, node->column)),
									 fold(pstate, vxp_dql_text_const(node->text)));
			return core_operator(pstate, "~~", text_column(pstate, bound, node->column),
								 vxp_dql_text_const(node->text));
		case BOUND_FOLD_EQUAL:
			return core_operator(pstate, "=", fold(pstate, vxp_dql_column_expr(pstate, bound, node->column)),
								 fold(pstate, vxp_dql_const(node->value.type, node->value.datum)));
		case BOUND_REGEX:
			{
				Node	   *glob;

				if (node->value.param == 0)
					return core_operator(pstate, "~", text_column(pstate, bound, node->column),
										 vxp_dql_text_const(node->text));
				glob = collate_like(bound, text_param(pstate, bound, node->value.param),
									equality_column(pstate, bound, node->column));
				return core_operator(pstate, "~", text_column(pstate, bound, node->column),
									 vxp_dql_call(pstate, "vxp", "glob_regex", list_make1(glob)));
			}
		case BOUND_GLOB_NEGATES:
			return vxp_dql_call(pstate, "vxp", "glob_negates", list_make1(text_param(pstate, bound, node->value.param)));
		case BOUND_CONTAINS:
		case BOUND_STARTS_WITH:
			{
				Node	   *text = text_column(pstate, bound, node->column);
				Node	   *part = collate_like(bound, text_param(pstate, bound, node->value.param),
												equality_column(pstate, bound, node->column));

				if (node->kind == BOUND_STARTS_WITH)
					return core_operator(pstate, "^@", text, part);
				return core_operator(pstate, ">", core_call(pstate, "strpos", list_make2(text, part)),
									 vxp_dql_const(INT4OID, Int32GetDatum(0)));
			}
		case BOUND_INSTANT:
			{
				static const char *const operators[] = {NULL, "<", "<=", "=", ">=", ">"};
				Node	   *text = vxp_dql_column_expr(pstate, bound, node->column);
				Node	   *value;

				if (node->column->base_type != TEXTOID)
					text = explicit_cast(pstate, text, TEXTOID);
				if (node->value.param == 0)
					value = vxp_dql_const(node->value.type, node->value.datum);
				else
				{
					value = param_expr(pstate, bound, node->value.param, TIMESTAMPTZOID);
					if (is_text_type(exprType(value)))
						value = vxp_dql_call(pstate, "vxp", "instant",
											 list_make1(text_param(pstate, bound, node->value.param)));
					else
						value = time_param(pstate, value, TIMESTAMPTZOID);
					if (getBaseType(exprType(value)) != TIMESTAMPTZOID)
						ereport(ERROR,
								(errcode(ERRCODE_DATATYPE_MISMATCH),
								 errmsg("bind variable {\"$param\": %d} has type %s, but \"$after\" and \"$before\" take a timestamp",
										node->value.param, format_type_be(exprType(value)))));
				}
				return core_operator(pstate, operators[node->strategy],
									 vxp_dql_call(pstate, "vxp", "instant_or_null", list_make1(text)), value);
			}
		case BOUND_ARRAY_CONTAINS:
			return array_expr(pstate, bound, "@>", node);
		case BOUND_ARRAY_OVERLAPS:
			return array_expr(pstate, bound, "&&", node);
		case BOUND_ARRAY_EQUAL:
			return array_expr(pstate, bound, "=", node);
		case BOUND_DOCUMENT:
			return document_expr(pstate, bound, node);
		case BOUND_ANCESTOR:
			return ancestor_expr(pstate, bound, node);
		case BOUND_AND:
		case BOUND_OR:
		case BOUND_NOT:
		case BOUND_ELEMENT:
		case BOUND_RELATED:
		case BOUND_MULTIPLE:
		case BOUND_COUNTED:
		case BOUND_EXTREME:
			break;				/* structure, not a leaf */
	}
	elog(ERROR, "unrecognized bound DQL condition: %d", (int) node->kind);
}

/* vxp_dql_sort_expr returns what ORDER BY sorts by. */
Node *
vxp_dql_sort_expr(ParseState *pstate, const BoundQuery *bound, const BoundSort *sort)
{
	const char *inside;
	Node	   *expr;

	if (sort->inside == NULL)
		return ordered_column(pstate, bound, sort->column);
	expr = vxp_dql_column_expr(pstate, bound, sort->column);
	inside = sort->inside;
	if (*inside == '\0')
	{
		/* the column's whole value: a path has at least one segment */
		inside = "value";
		expr = vxp_dql_item_value(pstate, sort->column, expr);
		expr = core_call(pstate, "jsonb_build_object", list_make2(vxp_dql_text_const(inside), expr));
	}
	else if (sort->column->base_type != JSONBOID)
		expr = explicit_cast(pstate, expr, JSONBOID);
	return vxp_dql_call(pstate, "vxp", "sort_key",
						list_make3(expr, vxp_dql_text_const(inside), makeBoolConst(sort->descending, false)));
}
