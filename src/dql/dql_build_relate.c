/*
 * dql_build_relate.c - parse nodes of conditions that look at other rows
 *
 * EXISTS (SELECT FROM other WHERE filter AND other.local = row.foreign) is what
 * a person writes; the planner makes a semi-join of it, of NOT EXISTS an
 * anti-join, and both are right for NULL.  Values inside documents are listed
 * by vxp.path_values and unnested beside the table.  No join uses an index on
 * the elements of an array: where the row's field is one that has such an index,
 * it is field && ARRAY (SELECT local FROM other WHERE filter).
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_func.h"
#include "parser/parse_node.h"
#include "parser/parse_oper.h"
#include "parser/parse_relation.h"
#include "rewrite/rewriteManip.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "dql/dql_build.h"

/* Alias of the subselect that cuts the other rows, and its one column. */
#define CUT_ALIAS "cut"
#define VALUE_COLUMN "value"

static bool
is_json(const BoundColumn *column)
{
	return column->kind == COLUMN_JSON;
}

/* May a row have several values of the field? */
static bool
has_lists(const BoundColumn *column)
{
	return is_json(column) || column->kind == COLUMN_ARRAY;
}

/* The column, or what an element of it looks like. */
static const BoundColumn *
scalar_of(const BoundColumn *column)
{
	return column->kind == COLUMN_ARRAY ? column->element : column;
}

static bool
is_time(const BoundColumn *column)
{
	return column->kind == COLUMN_TIMESTAMPTZ || column->kind == COLUMN_TIMESTAMP || column->kind == COLUMN_DATE;
}

/* How a value of a document compares with the row's field (section 13: as the field's own type). */
typedef enum ReadAs
{
	READ_JSON,					/* as JSON beside JSON */
	READ_TEXT,					/* a string, as the field's kind of text */
	READ_INSTANT,				/* vxp.instant_or_null() */
	READ_NUMBER,				/* a number, or a string that is one in JSON */
	READ_VALUE					/* vxp.value_or_null() */
} ReadAs;

/* Does the type hold text under a name of its own, as citext does? */
static bool
is_kind_of_text(Oid type)
{
	Oid			function;

	return get_typtype(type) == TYPTYPE_BASE &&
		find_coercion_pathway(type, TEXTOID, COERCION_EXPLICIT, &function) == COERCION_PATH_RELABELTYPE;
}

static ReadAs
read_as(const BoundRelated *related)
{
	const BoundColumn *outer = scalar_of(related->outer.column);
	bool		ordered = related->extreme != NULL;

	switch (outer->kind)
	{
		case COLUMN_TEXT:
			return READ_TEXT;
		case COLUMN_TIMESTAMPTZ:
		case COLUMN_TIMESTAMP:
		case COLUMN_DATE:
			return READ_INSTANT;
		case COLUMN_INTEGER:
		case COLUMN_NUMBER:
			if (!ordered)
				return READ_JSON;	/* numbers of JSON are equal by value */
			return outer->base_type == FLOAT4OID || outer->base_type == FLOAT8OID ? READ_VALUE : READ_NUMBER;
		case COLUMN_BOOLEAN:
			return READ_VALUE;
		case COLUMN_OTHER:
			if (is_kind_of_text(outer->base_type))
				return READ_TEXT;
			if (vxp_reads_values(outer->base_type) &&
				OidIsValid(lookup_type_cache(outer->base_type, TYPECACHE_EQ_OPR)->eq_opr))
				return READ_VALUE;
			return READ_JSON;
		default:
			return READ_JSON;
	}
}

/* Are values of a document asked for as text, since the row's field is text? */
static bool
values_are_text(const BoundRelated *related)
{
	return related->extreme == NULL && read_as(related) == READ_TEXT;
}

static FuncCall *
core_function(const char *name, List *args)
{
	return makeFuncCall(list_make2(makeString("pg_catalog"), makeString(pstrdup(name))),
						args, COERCE_EXPLICIT_CALL, -1);
}

static Node *
related_leaf(BuildState *state, LeafKind kind, const BoundRelated *related)
{
	Node	   *ref;

	vxp_new_leaf(state, kind, &ref)->related = related;
	return ref;
}

/* A leaf that does something with the value that a leaf of kind "value" stands for. */
static Node *
leaf_over_value(BuildState *state, LeafKind kind, const BoundRelated *related, LeafKind value)
{
	Node	   *ref;
	Node	   *inner_ref;
	Leaf	   *leaf = vxp_new_leaf(state, kind, &ref);
	Leaf	   *inner = vxp_new_leaf(state, value, &inner_ref);

	inner->related = related;
	leaf->related = related;
	leaf->left = inner;
	return ref;
}

static Node *
and_raw(Node *a, Node *b)
{
	return a == NULL ? b : b == NULL ? a : (Node *) makeBoolExpr(AND_EXPR, list_make2(a, b), -1);
}

/* FROM and WHERE of the other rows. */
static SelectStmt *
raw_table(BuildState *state, const BoundRelated *related)
{
	BoundQuery *query = related->query;
	SelectStmt *select = makeNode(SelectStmt);
	RangeVar   *table = makeRangeVar(pstrdup(query->schema_name), pstrdup(query->table_name), -1);

	table->alias = makeAlias(query->alias, NIL);
	select->fromClause = list_make1(table);
	select->whereClause = vxp_raw_where(state);
	return select;
}

/* ARRAY(SELECT DISTINCT element FROM unnest(values)): a row counts once for a value */
static Node *
raw_distinct_values(BuildState *state, const BoundRelated *related)
{
	SelectStmt *select = makeNode(SelectStmt);

	select->fromClause = list_make1(vxp_raw_unnest(related_leaf(state, LEAF_VALUES, related)));
	select->targetList = list_make1(vxp_raw_target(related_leaf(state, LEAF_VALUE, related), NULL));
	select->distinctClause = list_make1(NIL);
	return (Node *) vxp_raw_sublink(ARRAY_SUBLINK, select);
}

static bool
is_grouped(const BoundRelated *related)
{
	return related->at_least > 0 || related->exactly > 0;
}

/*
 * FROM and WHERE of the values in the other rows.  The kind of leaf that stands
 * for a value there is returned in *value.  "skip" and "limit" cut rows, so
 * they apply before lists are replaced by their elements.
 */
static SelectStmt *
raw_rows(BuildState *state, const BoundRelated *related, LeafKind *value)
{
	bool		lists = has_lists(related->inner.column);
	SelectStmt *select = raw_table(state, related);
	Node	   *values;

	*value = LEAF_VALUE;
	if (related->cut)
	{
		RangeSubselect *from = makeNode(RangeSubselect);

		vxp_raw_order(state, select);
		select->targetList = list_make1(vxp_raw_target(related_leaf(state, lists ? LEAF_VALUES : LEAF_VALUE, related),
													   VALUE_COLUMN));
		from->subquery = (Node *) select;
		from->alias = makeAlias(CUT_ALIAS, NIL);
		select = makeNode(SelectStmt);
		select->fromClause = list_make1(from);
		*value = LEAF_CUT_VALUE;
	}
	if (!lists)
		return select;
	if (is_grouped(related) && !is_json(related->inner.column))
		values = raw_distinct_values(state, related);
	else
		values = related_leaf(state, related->cut ? LEAF_CUT_VALUE : LEAF_VALUES, related);
	select->fromClause = lappend(select->fromClause, vxp_raw_unnest(values));
	*value = LEAF_VALUE;
	return select;
}

/* The comparison of count(*) with the number that a join asks for. */
static Node *
raw_enough(BuildState *state, const BoundRelated *related, Node *count)
{
	Node	   *number;

	vxp_new_leaf(state, LEAF_EXPR, &number)->expr =
		vxp_dql_const(INT8OID, Int64GetDatum(related->exactly > 0 ? related->exactly : related->at_least));
	return (Node *) makeA_Expr(AEXPR_OP,
							   list_make2(makeString("pg_catalog"), makeString(related->exactly > 0 ? "=" : ">=")),
							   count, number, -1);
}

static Node *
raw_count_rows(void)
{
	FuncCall   *count = core_function("count", NIL);

	count->agg_star = true;
	return (Node *) count;
}

/* Only values that enough rows have: GROUP BY value HAVING count(*) >= n */
static void
raw_having(BuildState *state, const BoundRelated *related, LeafKind form, LeafKind value, SelectStmt *select)
{
	select->groupClause = list_make1(leaf_over_value(state, form, related, value));
	select->havingClause = raw_enough(state, related, raw_count_rows());
}

/* The operator between the outer field and a value: the type's own where both are of one type. */
static List *
operator_name(const BoundRelated *related, StrategyNumber strategy)
{
	static const char *const operators[] = {NULL, "<", "<=", "=", ">=", ">"};
	const BoundColumn *outer = scalar_of(related->outer.column);
	const BoundColumn *inner = scalar_of(related->inner.column);

	if (outer->kind == COLUMN_OTHER &&
		(is_json(inner) ? read_as(related) != READ_JSON : inner->base_type == outer->base_type))
		return vxp_dql_type_operator(outer, strategy);
	return list_make2(makeString("pg_catalog"), makeString(pstrdup(operators[strategy])));
}

/* vxp_raw_related: some row of the other query has the value of this row's field */
Node *
vxp_raw_related(BuildState *state, const BoundNode *node)
{
	const BoundRelated *related = node->related;
	BoundQuery *bound = state->bound;
	LeafKind	value;
	SelectStmt *select;
	SubLink    *link;
	Node	   *ref;

	state->bound = related->query;
	select = raw_rows(state, related, &value);
	if (is_grouped(related) || vxp_is_element(related->outer.column))
	{
		/* an element is known by its place in FROM, which is not to be seen from inside */
		if (is_grouped(related))
			raw_having(state, related, LEAF_COMPARED_VALUE, value, select);
		select->targetList = list_make1(vxp_raw_target(leaf_over_value(state, LEAF_COMPARED_VALUE, related, value), VALUE_COLUMN));
		state->bound = bound;
		link = vxp_raw_sublink(ANY_SUBLINK, select);
		link->testexpr = related_leaf(state, LEAF_OUTER, related);
		link->operName = operator_name(related, BTEqualStrategyNumber);
		return (Node *) link;
	}
	if (related->gathered)
	{
		select->targetList = list_make1(vxp_raw_target(leaf_over_value(state, LEAF_GATHERED, related, value), VALUE_COLUMN));
		state->bound = bound;
		return (Node *) makeA_Expr(AEXPR_OP, list_make2(makeString("pg_catalog"), makeString("&&")),
								   related_leaf(state, LEAF_OUTER, related),
								   (Node *) vxp_raw_sublink(ARRAY_SUBLINK, select), -1);
	}
	ref = leaf_over_value(state, LEAF_LINK, related, value);
	select->whereClause = and_raw(select->whereClause, ref);
	state->bound = bound;
	return (Node *) vxp_raw_sublink(EXISTS_SUBLINK, select);
}

/* vxp_raw_multiple: the outer field holds several values */
Node *
vxp_raw_multiple(BuildState *state, const BoundNode *node)
{
	return related_leaf(state, LEAF_MULTIPLE, node->related);
}

/*
 * vxp_raw_counted: (SELECT count(*) FROM the other rows that share a value) >= n
 *
 * Needed for rows whose field holds several values only: the rows that share
 * either of two values are no sum of two groups.
 */
Node *
vxp_raw_counted(BuildState *state, const BoundNode *node)
{
	const BoundRelated *related = node->related;
	BoundQuery *bound = state->bound;
	SelectStmt *select;

	state->bound = related->query;
	select = raw_table(state, related);
	select->whereClause = and_raw(select->whereClause, related_leaf(state, LEAF_OVERLAP, related));
	select->targetList = list_make1(vxp_raw_target(raw_count_rows(), NULL));
	state->bound = bound;
	return raw_enough(state, related, (Node *) vxp_raw_sublink(EXPR_SUBLINK, select));
}

/* Some value of the other rows cannot be compared, so that the relation to all of them does not hold. */
static Node *
raw_incomparable(BuildState *state, const BoundRelated *related)
{
	BoundQuery *bound = state->bound;
	LeafKind	value;
	SelectStmt *select;

	state->bound = related->query;
	select = raw_rows(state, related, &value);
	select->whereClause = and_raw(select->whereClause,
								  vxp_dql_is_not_true(leaf_over_value(state, LEAF_COMPARABLE, related, value)));
	state->bound = bound;
	return (Node *) vxp_raw_sublink(EXISTS_SUBLINK, select);
}

/* The type in which values are compared in the order of the outer field. */
static Oid
ordered_type(const BoundRelated *related)
{
	const BoundColumn *outer = related->outer.column;

	if (!is_json(related->inner.column))
		return scalar_of(related->inner.column)->base_type;
	switch (read_as(related))
	{
		case READ_INSTANT:
			return outer->kind == COLUMN_TIMESTAMPTZ ? TIMESTAMPTZOID : TIMESTAMPOID;
		case READ_NUMBER:
			return NUMERICOID;
		default:
			return outer->base_type;
	}
}

/* Has the server min() and max() for the type, and not only for one that it converts to? */
static bool
has_extreme(const char *aggregate, Oid type)
{
	if (get_typtype(type) == TYPTYPE_ENUM)
		type = ANYENUMOID;
	if (type == VARCHAROID || type == NAMEOID)
		type = TEXTOID;
	return OidIsValid(LookupFuncName(list_make2(makeString("pg_catalog"), makeString(pstrdup(aggregate))), 1, &type, true));
}

/* SELECT min(value), or value ... ORDER BY value LIMIT 1 of a type without min() */
static void
raw_least(BuildState *state, const BoundRelated *related, LeafKind value, SelectStmt *select)
{
	Node	   *ordered = leaf_over_value(state, LEAF_ORDERED_VALUE, related, value);
	SortBy	   *by;
	NullTest   *present;
	Node	   *one;

	if (has_extreme(related->extreme, ordered_type(related)))
	{
		select->targetList = list_make1(vxp_raw_target((Node *) core_function(related->extreme, list_make1(ordered)), NULL));
		return;
	}
	select->targetList = list_make1(vxp_raw_target(ordered, VALUE_COLUMN));
	present = makeNode(NullTest);
	present->arg = (Expr *) leaf_over_value(state, LEAF_ORDERED_VALUE, related, value);
	present->nulltesttype = IS_NOT_NULL;
	present->location = -1;
	select->whereClause = and_raw(select->whereClause, (Node *) present);
	by = makeNode(SortBy);
	by->node = leaf_over_value(state, LEAF_ORDERED_VALUE, related, value);
	by->sortby_dir = strcmp(related->extreme, "max") == 0 ? SORTBY_DESC : SORTBY_ASC;
	by->location = -1;
	select->sortClause = list_make1(by);
	vxp_new_leaf(state, LEAF_EXPR, &one)->expr = vxp_dql_const(INT8OID, Int64GetDatum(1));
	select->limitCount = one;
	select->limitOption = LIMIT_OPTION_COUNT;
}

/* vxp_raw_extreme: column op (SELECT min(value) FROM the other rows) */
Node *
vxp_raw_extreme(BuildState *state, const BoundNode *node)
{
	const BoundRelated *related = node->related;
	BoundQuery *bound = state->bound;
	LeafKind	value;
	SelectStmt *select;
	Node	   *condition;
	const BoundColumn *outer = related->outer.column;

	if (is_json(related->inner.column) && read_as(related) == READ_JSON)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("values of a document cannot be ordered against field \"%s\" of type %s",
						outer->name, format_type_be(outer->type)),
				 errhint("Select a field that is a column, or send the values as a list.")));
	state->bound = related->query;
	select = raw_rows(state, related, &value);
	/* the cast of a number and the text of a value would take what has not the form */
	if (is_json(related->inner.column) && (read_as(related) == READ_NUMBER || read_as(related) == READ_TEXT))
		select->whereClause = and_raw(select->whereClause, leaf_over_value(state, LEAF_COMPARABLE, related, value));
	raw_least(state, related, value, select);
	state->bound = bound;
	condition = (Node *) makeA_Expr(AEXPR_OP, operator_name(related, node->strategy),
									related_leaf(state, LEAF_OUTER_ORDERED, related),
									(Node *) vxp_raw_sublink(EXPR_SUBLINK, select), -1);
	if (node->negated)
	{
		BooleanTest *test = makeNode(BooleanTest);

		/* no values: the subselect is NULL, and ALL over nothing holds */
		test->arg = (Expr *) condition;
		test->booltesttype = IS_NOT_FALSE;
		test->location = -1;
		condition = (Node *) test;
		if (is_json(related->inner.column))
			condition = and_raw(condition,
								(Node *) makeBoolExpr(NOT_EXPR, list_make1(raw_incomparable(state, related)), -1));
	}
	return condition;
}

/* All values of the other rows as one jsonb list, for a condition on a document. */
static Node *
raw_list(BuildState *state, const BoundRelated *related)
{
	BoundQuery *bound = state->bound;
	LeafKind	value;
	SelectStmt *select;
	SelectStmt *outer = makeNode(SelectStmt);
	RangeSubselect *from = makeNode(RangeSubselect);
	NullTest   *present = makeNode(NullTest);
	CoalesceExpr *coalesce = makeNode(CoalesceExpr);
	Node	   *empty;

	state->bound = related->query;
	select = raw_rows(state, related, &value);
	select->targetList = list_make1(vxp_raw_target(leaf_over_value(state, LEAF_ITEM_VALUE, related, value), VALUE_COLUMN));
	if (is_grouped(related))
		raw_having(state, related, LEAF_ITEM_VALUE, value, select);
	else
		select->distinctClause = list_make1(NIL);

	/* SELECT coalesce(jsonb_agg(value), '[]') FROM (...) WHERE value IS NOT NULL */
	from->subquery = (Node *) select;
	from->alias = makeAlias(CUT_ALIAS, NIL);
	outer->fromClause = list_make1(from);
	present->arg = (Expr *) related_leaf(state, LEAF_CUT_VALUE, related);
	present->nulltesttype = IS_NOT_NULL;
	present->location = -1;
	outer->whereClause = (Node *) present;
	vxp_new_leaf(state, LEAF_EXPR, &empty)->expr =
		vxp_dql_const(JSONBOID, DirectFunctionCall1(jsonb_in, CStringGetDatum("[]")));
	coalesce->args = list_make2(core_function("jsonb_agg", list_make1(related_leaf(state, LEAF_CUT_VALUE, related))), empty);
	coalesce->location = -1;
	outer->targetList = list_make1(vxp_raw_target((Node *) coalesce, NULL));
	state->bound = bound;
	return (Node *) vxp_raw_sublink(EXPR_SUBLINK, outer);
}

/* Are all of them constants whose form in JSON depends on no setting? */
static bool
are_plain_constants(List *args)
{
	ListCell   *lc;

	foreach(lc, args)
	{
		if (!IsA(lfirst(lc), Const))
			return false;
		switch (lfirst_node(Const, lc)->consttype)
		{
			case TEXTOID:
			case VARCHAROID:
			case BOOLOID:
			case INT2OID:
			case INT4OID:
			case INT8OID:
			case NUMERICOID:
			case JSONBOID:
			case TEXTARRAYOID:
			case INT4ARRAYOID:
			case INT8ARRAYOID:
				break;
			default:
				return false;
		}
	}
	return true;
}

/*
 * The jsonb value of an expression over constants.  jsonb_build_array is only
 * stable, for the sake of other types, so the planner would leave it, and see no
 * filter that an index on the document could answer.
 */
static Node *
computed(ParseState *pstate, Node *expr)
{
	EState	   *estate = CreateExecutorState();
	MemoryContext context = CurrentMemoryContext;
	bool		isnull;
	Datum		value;

	assign_expr_collations(pstate, expr);
	MemoryContextSwitchTo(estate->es_query_cxt);
	value = ExecEvalExpr(ExecPrepareExpr((Expr *) expr, estate), GetPerTupleExprContext(estate), &isnull);
	MemoryContextSwitchTo(context);
	if (!isnull)
		value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	FreeExecutorState(estate);
	return isnull ? (Node *) makeNullConst(JSONBOID, -1, InvalidOid) : vxp_dql_const(JSONBOID, value);
}

/*
 * vxp_dql_params_expr returns the values of the bind variables of a document
 * condition as one jsonb list: those of the call, "args", and then the values
 * of each subquery.  With subqueries it is a subselect of its own, so that it
 * is computed once and not for each row.
 */
Node *
vxp_dql_params_expr(ParseState *pstate, const BoundQuery *bound, List *args, const DqlNode *condition)
{
	BuildState *state = pstate->p_ref_hook_state;
	SelectStmt *select;
	List	   *values = NIL;
	ListCell   *lc;

	if (!vxp_dql_uses_param_above(condition, list_length(args)))
	{
		Node	   *list = vxp_dql_call(pstate, "pg_catalog", "jsonb_build_array", args);

		return are_plain_constants(args) ? computed(pstate, list) : list;
	}
	foreach(lc, args)
	{
		Node	   *ref;
		Node	   *arg = copyObject(lfirst(lc));

		/* inside the subselect everything of the statement is one level further up */
		IncrementVarSublevelsUp(arg, 1, 0);
		vxp_new_leaf(state, LEAF_EXPR, &ref)->expr = arg;
		values = lappend(values, ref);
	}
	foreach(lc, bound->outermost->values)
	{
		/* one that stands elsewhere may be the very query that this condition is part of */
		int			number = list_length(args) + foreach_current_index(lc) + 1;
		Node	   *ref;

		if (vxp_dql_uses_param(condition, number))
			ref = raw_list(state, lfirst(lc));
		else
			vxp_new_leaf(state, LEAF_EXPR, &ref)->expr = (Node *) makeNullConst(JSONBOID, -1, InvalidOid);
		values = lappend(values, ref);
	}
	select = makeNode(SelectStmt);
	select->targetList = list_make1(vxp_raw_target((Node *) core_function("jsonb_build_array", values), NULL));
	return transformExpr(pstate, (Node *) vxp_raw_sublink(EXPR_SUBLINK, select), pstate->p_expr_kind);
}

static Node *
cast_expr(ParseState *pstate, Node *expr, Oid type)
{
	return coerce_to_target_type(pstate, expr, exprType(expr), type, -1,
								 COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
}

/* The values of the inner field in a row, as an array to be unnested. */
static Node *
values_expr(ParseState *pstate, const BoundRelated *related)
{
	const BoundSide *inner = &related->inner;
	Node	   *column = vxp_dql_column_expr(pstate, inner->query, inner->column);

	if (!is_json(inner->column))
		return column;
	if (inner->column->base_type != JSONBOID)
		column = cast_expr(pstate, column, JSONBOID);
	return vxp_dql_call(pstate, "vxp", values_are_text(related) ? "path_texts" : "path_values",
						list_make2(column, vxp_dql_text_const(inner->field.inside->text)));
}

static Node *
value_expr(ParseState *pstate, const BoundRelated *related)
{
	const BoundSide *inner = &related->inner;

	if (has_lists(inner->column))
		return scanNSItemForColumn(pstate, llast(pstate->p_namespace), 0, DQL_ELEMENT_ALIAS, -1);
	return vxp_dql_column_expr(pstate, inner->query, inner->column);
}

static Node *
collate_c(Node *expr)
{
	CollateExpr *collated = makeNode(CollateExpr);

	collated->arg = (Expr *) expr;
	collated->collOid = C_COLLATION_OID;
	collated->location = -1;
	return (Node *) collated;
}

/* The expression for an order comparison: text by code point. */
static Node *
in_byte_order(Node *expr)
{
	return OidIsValid(exprCollation(expr)) && !vxp_collation_is_c(exprCollation(expr)) ? collate_c(expr) : expr;
}

/* The text of a JSON string; of another value, what it is written as. */
static Node *
json_text(ParseState *pstate, Node *value)
{
	Node	   *path = vxp_dql_const(TEXTARRAYOID, PointerGetDatum(construct_empty_array(TEXTOID)));

	return (Node *) make_op(pstate, list_make2(makeString("pg_catalog"), makeString("#>>")), value, path, NULL, -1);
}

/* An expression of a domain over an enum as that enum: no polymorphic operator takes the domain. */
static Node *
plain_enum(ParseState *pstate, Node *expr)
{
	Oid			type = exprType(expr);
	Oid			element = get_element_type(type);
	Oid			base = getBaseType(OidIsValid(element) ? element : type);

	if (get_typtype(base) != TYPTYPE_ENUM || base == (OidIsValid(element) ? element : type))
		return expr;
	return cast_expr(pstate, expr, OidIsValid(element) ? get_array_type(base) : base);
}

/* timezone('UTC', value): between timestamps with and without a zone, whatever the session's zone is */
static Node *
in_utc(ParseState *pstate, Node *value)
{
	return vxp_dql_call(pstate, "pg_catalog", "timezone", list_make2(vxp_dql_text_const("UTC"), value));
}

/*
 * The value as one of the outer field's type, or of one that its operators take;
 * NULL where a value of a document has not that form.
 */
static Node *
compared_value(ParseState *pstate, const BoundRelated *related, Node *value)
{
	const BoundColumn *outer = scalar_of(related->outer.column);
	const BoundColumn *inner = scalar_of(related->inner.column);

	if (!is_json(inner))
	{
		if (is_time(inner) && is_time(outer) &&
			(inner->kind == COLUMN_TIMESTAMPTZ) != (outer->kind == COLUMN_TIMESTAMPTZ))
			return in_utc(pstate, inner->kind == COLUMN_DATE ? cast_expr(pstate, value, TIMESTAMPOID) : value);
		return plain_enum(pstate, value);
	}
	switch (read_as(related))
	{
		case READ_TEXT:
			if (exprType(value) == JSONBOID)
				value = json_text(pstate, value);
			return outer->base_type == BPCHAROID || outer->kind == COLUMN_OTHER ?
				cast_expr(pstate, value, outer->base_type) : value;
		case READ_INSTANT:
			value = vxp_dql_call(pstate, "vxp", "instant_or_null", list_make1(json_text(pstate, value)));
			return outer->kind == COLUMN_TIMESTAMPTZ ? value : in_utc(pstate, value);
		case READ_NUMBER:
			return cast_expr(pstate, json_text(pstate, value), NUMERICOID);
		case READ_VALUE:
			return vxp_dql_call(pstate, "vxp", "value_or_null",
								list_make2(value, makeNullConst(outer->base_type, -1, get_typcollation(outer->base_type))));
		case READ_JSON:
			break;
	}
	return value;
}

/* The value as the outer field orders it: text in "C". */
static Node *
ordered_value(ParseState *pstate, const BoundRelated *related, Node *value)
{
	return in_byte_order(compared_value(pstate, related, value));
}

/*
 * Can the value of a document be compared with the outer field (section 4.3)?
 * With text a string can, with a number also a string that is one in JSON.
 */
static Node *
comparable_expr(ParseState *pstate, const BoundRelated *related, Node *value)
{
	List	   *equal = list_make2(makeString("pg_catalog"), makeString("="));
	List	   *matches = list_make2(makeString("pg_catalog"), makeString("~"));
	NullTest   *present;

	switch (read_as(related))
	{
		case READ_TEXT:
			return (Node *) make_op(pstate, equal, vxp_dql_call(pstate, "pg_catalog", "jsonb_typeof", list_make1(value)),
									vxp_dql_text_const("string"), NULL, -1);
		case READ_NUMBER:
			return (Node *) make_op(pstate, matches, json_text(pstate, value),
									vxp_dql_text_const("^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]{1,4})?$"), NULL, -1);
		default:
			present = makeNode(NullTest);
			present->arg = (Expr *) compared_value(pstate, related, value);
			present->nulltesttype = IS_NOT_NULL;
			present->location = -1;
			return (Node *) present;
	}
}

/* All values of one side in a row, as jsonb[]. */
static Node *
side_values(ParseState *pstate, const BoundSide *side)
{
	Node	   *column = vxp_dql_column_expr(pstate, side->query, side->column);

	if (!is_json(side->column))
		column = vxp_dql_call(pstate, "pg_catalog", "to_jsonb", list_make1(vxp_dql_item_value(pstate, side->column, column)));
	else if (side->column->base_type != JSONBOID)
		column = cast_expr(pstate, column, JSONBOID);
	return vxp_dql_call(pstate, "vxp", "path_values",
						list_make2(column, vxp_dql_text_const(is_json(side->column) ? side->field.inside->text : "")));
}

/* The outer field beside a value: as JSON where the value is compared as JSON. */
static Node *
outer_expr(ParseState *pstate, const BoundRelated *related)
{
	Node	   *expr = vxp_dql_column_expr(pstate, related->outer.query, related->outer.column);

	if (is_json(related->inner.column) && read_as(related) == READ_JSON)
		return vxp_dql_call(pstate, "pg_catalog", "to_jsonb", list_make1(expr));
	return plain_enum(pstate, expr);
}

/* value = outer field, or = ANY of its elements */
static Node *
link_expr(ParseState *pstate, const BoundRelated *related, Node *value)
{
	List	   *equal = operator_name(related, BTEqualStrategyNumber);
	Node	   *outer = outer_expr(pstate, related);
	Oid			collation;

	value = compared_value(pstate, related, value);
	collation = exprCollation(value);
	/* two columns of different collations have none in common: compare bytes */
	if (OidIsValid(collation) && OidIsValid(exprCollation(outer)) && collation != exprCollation(outer) &&
		(!get_collation_isdeterministic(collation) || !get_collation_isdeterministic(exprCollation(outer)) ||
		 (collation != DEFAULT_COLLATION_OID && exprCollation(outer) != DEFAULT_COLLATION_OID)))
		value = collate_c(value);
	if (related->outer.column->kind != COLUMN_ARRAY)
		return (Node *) make_op(pstate, equal, value, outer, NULL, -1);
	if (exprType(outer) == JSONBOID)
		return (Node *) make_op(pstate, list_make2(makeString("pg_catalog"), makeString("@>")), outer, value, NULL, -1);
	return (Node *) make_scalar_array_op(pstate, equal, true, value, outer, -1);
}

/*
 * The value as an element of the outer field, an array of deterministic
 * collation: text is equal byte by byte in all of these, so that the array of
 * values may have the outer field's.
 */
static Node *
gathered_value(ParseState *pstate, const BoundRelated *related, Node *value)
{
	const BoundColumn *outer = related->outer.column;
	CollateExpr *collated;

	if (exprType(value) != outer->element->type)
		value = cast_expr(pstate, value, outer->element->type);
	if (!OidIsValid(outer->collation) || exprCollation(value) == outer->collation)
		return value;
	collated = (CollateExpr *) collate_c(value);
	collated->collOid = outer->collation;
	return (Node *) collated;
}

/* A value as items show it; as JSON where its type has no equality to tell values apart. */
static Node *
item_value(ParseState *pstate, const BoundColumn *column, Node *value)
{
	value = vxp_dql_item_value(pstate, column, value);
	if (!OidIsValid(lookup_type_cache(getBaseType(exprType(value)), TYPECACHE_EQ_OPR)->eq_opr))
		value = vxp_dql_call(pstate, "pg_catalog", "to_jsonb", list_make1(value));
	return value;
}

static Node *
cut_value(ParseState *pstate)
{
	return scanNSItemForColumn(pstate, llast(pstate->p_namespace), 0, VALUE_COLUMN, -1);
}

/* vxp_related_leaf finishes the leaves of this file. */
Node *
vxp_related_leaf(ParseState *pstate, const Leaf *leaf)
{
	switch (leaf->kind)
	{
		case LEAF_VALUE:
			return value_expr(pstate, leaf->related);
		case LEAF_VALUES:
			return values_expr(pstate, leaf->related);
		case LEAF_ORDERED_VALUE:
			return ordered_value(pstate, leaf->related, vxp_build_leaf(pstate, leaf->left));
		case LEAF_COMPARED_VALUE:
			return compared_value(pstate, leaf->related, vxp_build_leaf(pstate, leaf->left));
		case LEAF_ITEM_VALUE:
			return item_value(pstate, scalar_of(leaf->related->inner.column), vxp_build_leaf(pstate, leaf->left));
		case LEAF_COMPARABLE:
			return comparable_expr(pstate, leaf->related, vxp_build_leaf(pstate, leaf->left));
		case LEAF_MULTIPLE:
			return (Node *) make_op(pstate, list_make2(makeString("pg_catalog"), makeString(">")),
									vxp_dql_call(pstate, "pg_catalog", "cardinality",
												 list_make1(side_values(pstate, &leaf->related->outer))),
									vxp_dql_const(INT4OID, Int32GetDatum(1)), NULL, -1);
		case LEAF_OVERLAP:
			return (Node *) make_op(pstate, list_make2(makeString("pg_catalog"), makeString("&&")),
									side_values(pstate, &leaf->related->inner),
									side_values(pstate, &leaf->related->outer), NULL, -1);
		case LEAF_CUT_VALUE:
			return cut_value(pstate);
		case LEAF_GATHERED:
			return gathered_value(pstate, leaf->related, vxp_build_leaf(pstate, leaf->left));
		case LEAF_OUTER:
			return outer_expr(pstate, leaf->related);
		case LEAF_OUTER_ORDERED:
			return in_byte_order(plain_enum(pstate, vxp_dql_column_expr(pstate, leaf->related->outer.query, leaf->related->outer.column)));
		case LEAF_LINK:
			return link_expr(pstate, leaf->related, vxp_build_leaf(pstate, leaf->left));
		default:
			elog(ERROR, "unrecognized DQL leaf: %d", (int) leaf->kind);
	}
}
