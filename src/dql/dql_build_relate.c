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

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_func.h"
#include "parser/parse_node.h"
#include "rewrite/rewriteManip.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "dql/dql_build.h"

/* Alias of the subselect that cuts the other rows. */
#define CUT_ALIAS "cut"

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
	RangeVar   *table = vxp_raw_relation(query);

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
	bool		lists = vxp_has_lists(related->inner.column);
	SelectStmt *select = raw_table(state, related);
	Node	   *values;

	*value = LEAF_VALUE;
	if (related->cut)
	{
		RangeSubselect *from = makeNode(RangeSubselect);

		vxp_raw_order(state, select);
		select->targetList = list_make1(vxp_raw_target(related_leaf(state, lists ? LEAF_VALUES : LEAF_VALUE, related),
													   DQL_VALUE_COLUMN));
		from->subquery = (Node *) select;
		from->alias = makeAlias(CUT_ALIAS, NIL);
		select = makeNode(SelectStmt);
		select->fromClause = list_make1(from);
		*value = LEAF_CUT_VALUE;
	}
	if (!lists)
		return select;
	if (is_grouped(related) && !vxp_is_json(related->inner.column))
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
		select->targetList = list_make1(vxp_raw_target(leaf_over_value(state, LEAF_COMPARED_VALUE, related, value), DQL_VALUE_COLUMN));
		state->bound = bound;
		link = vxp_raw_sublink(ANY_SUBLINK, select);
		link->testexpr = related_leaf(state, LEAF_OUTER, related);
		link->operName = vxp_related_operator(related, BTEqualStrategyNumber);
		return (Node *) link;
	}
	if (related->gathered)
	{
		select->targetList = list_make1(vxp_raw_target(leaf_over_value(state, LEAF_GATHERED, related, value), DQL_VALUE_COLUMN));
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

	if (has_extreme(related->extreme, vxp_ordered_type(related)))
	{
		select->targetList = list_make1(vxp_raw_target((Node *) core_function(related->extreme, list_make1(ordered)), NULL));
		return;
	}
	select->targetList = list_make1(vxp_raw_target(ordered, DQL_VALUE_COLUMN));
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

	if (vxp_is_json(related->inner.column) && vxp_read_as(related) == READ_JSON)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("values of a document cannot be ordered against field \"%s\" of type %s",
						outer->name, format_type_be(outer->type)),
				 errhint("Select a field that is a column, or send the values as a list.")));
	state->bound = related->query;
	select = raw_rows(state, related, &value);
	/* the cast of a number and the text of a value would take what has not the form */
	if (vxp_is_json(related->inner.column) && (vxp_read_as(related) == READ_NUMBER || vxp_read_as(related) == READ_TEXT))
		select->whereClause = and_raw(select->whereClause, leaf_over_value(state, LEAF_COMPARABLE, related, value));
	raw_least(state, related, value, select);
	state->bound = bound;
	condition = (Node *) makeA_Expr(AEXPR_OP, vxp_related_operator(related, node->strategy),
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
		if (vxp_is_json(related->inner.column))
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
	select->targetList = list_make1(vxp_raw_target(leaf_over_value(state, LEAF_ITEM_VALUE, related, value), DQL_VALUE_COLUMN));
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
