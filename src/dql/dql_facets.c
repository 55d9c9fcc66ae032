/*
 * dql_facets.c - the values of a field and how many rows have each
 *
 *	SELECT value as jsonb, count(*)
 *	FROM (SELECT field AS value FROM table WHERE ... ORDER BY ... LIMIT ...) cut
 *	WHERE value IS NOT NULL GROUP BY value ORDER BY 2 DESC, 1
 *
 * A list (an array column, a path in a document) is unnested beside "cut", its
 * equal elements once.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_relation.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "dql/dql_budget.h"
#include "dql/dql_build.h"
#include "dql/dql_eval.h"
#include "dql/dql_exec.h"
#include "dql/dql_parse.h"

VXP_FUNCTION(vxp_facets);

#define CUT_ALIAS "cut"
#define VALUE_COLUMN "value"

static bool
is_list(const BoundField *field)
{
	return field->column->kind == COLUMN_JSON || field->column->kind == COLUMN_ARRAY;
}

static Node *
collate_bytes(Node *expr)
{
	Oid			collation = exprCollation(expr);
	CollateExpr *collated;

	/* text is equal byte by byte */
	if (!OidIsValid(collation) || get_collation_isdeterministic(collation))
		return expr;
	collated = makeNode(CollateExpr);
	collated->arg = (Expr *) expr;
	collated->collOid = C_COLLATION_OID;
	collated->location = -1;
	return (Node *) collated;
}

/* The column of the last relation in FROM: the elements, or the values of "cut". */
static Node *
facet_value(ParseState *pstate, const BoundField *field)
{
	return collate_bytes(scanNSItemForColumn(pstate, llast(pstate->p_namespace), 0,
											 is_list(field) ? DQL_ELEMENT_ALIAS : VALUE_COLUMN, -1));
}

/* vxp_facet_leaf finishes the leaves of this file. */
Node *
vxp_facet_leaf(ParseState *pstate, const Leaf *leaf)
{
	const BoundField *field = leaf->facet;
	const BoundColumn *column = field->column;
	Node	   *value;

	if (leaf->kind == LEAF_FACET_SOURCE)
	{
		value = vxp_dql_column_expr(pstate, leaf->bound, column);
		if (column->kind != COLUMN_JSON)
			return value;
		if (column->base_type != JSONBOID)
			value = coerce_to_target_type(pstate, value, exprType(value), JSONBOID, -1,
										  COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
		return vxp_dql_call(pstate, "vxp", "path_values", list_make2(value, vxp_dql_text_const(field->inside->text)));
	}
	value = facet_value(pstate, field);
	if (leaf->kind == LEAF_FACET || column->kind == COLUMN_JSON)
		return value;
	if (column->kind == COLUMN_ARRAY)
		column = column->element;
	return vxp_dql_call(pstate, "pg_catalog", "to_jsonb", list_make1(vxp_dql_item_value(pstate, column, value)));
}

static Node *
facet_leaf(BuildState *state, LeafKind kind, const BoundField *field)
{
	Node	   *ref;

	vxp_new_leaf(state, kind, &ref)->facet = field;
	return ref;
}

/* (SELECT DISTINCT element FROM unnest(cut.value)), each value of a row once */
static Node *
raw_elements(BuildState *state)
{
	SelectStmt *select = makeNode(SelectStmt);
	RangeSubselect *from = makeNode(RangeSubselect);
	ColumnRef  *array = makeNode(ColumnRef);
	ColumnRef  *element = makeNode(ColumnRef);

	array->fields = list_make2(makeString(CUT_ALIAS), makeString(VALUE_COLUMN));
	array->location = -1;
	element->fields = list_make2(makeString(DQL_ELEMENT_ALIAS), makeString(DQL_ELEMENT_ALIAS));
	element->location = -1;
	select->fromClause = list_make1(vxp_raw_unnest((Node *) array));
	select->distinctClause = list_make1(NIL);
	select->targetList = list_make1(vxp_raw_target((Node *) element, DQL_ELEMENT_ALIAS));
	from->lateral = true;
	from->subquery = (Node *) select;
	from->alias = makeAlias(DQL_ELEMENT_ALIAS, NIL);
	return (Node *) from;
}

static SortBy *
raw_sort_by(int column, SortByDir direction)
{
	SortBy	   *by = makeNode(SortBy);
	A_Const    *number = makeNode(A_Const);

	number->val.ival.type = T_Integer;
	number->val.ival.ival = column;
	number->location = -1;
	by->node = (Node *) number;
	by->sortby_dir = direction;
	by->sortby_nulls = SORTBY_NULLS_DEFAULT;
	by->location = -1;
	return by;
}

/* The Query of the facets; the relation of "bound" is locked. */
static Query *
build_facets(BoundQuery *bound, const BoundField *field)
{
	BuildState	state = {bound, NIL};
	SelectStmt *rows = makeNode(SelectStmt);
	SelectStmt *select = makeNode(SelectStmt);
	RangeSubselect *cut = makeNode(RangeSubselect);
	NullTest   *present = makeNode(NullTest);
	FuncCall   *count = makeFuncCall(list_make2(makeString("pg_catalog"), makeString("count")),
									 NIL, COERCE_EXPLICIT_CALL, -1);

	rows->fromClause = list_make1(vxp_raw_relation(bound));
	rows->targetList = list_make1(vxp_raw_target(facet_leaf(&state, LEAF_FACET_SOURCE, field), VALUE_COLUMN));
	rows->whereClause = vxp_raw_where(&state);
	if (bound->limit >= 0 || bound->offset > 0)
		vxp_raw_order(&state, rows);

	cut->subquery = (Node *) rows;
	cut->alias = makeAlias(CUT_ALIAS, NIL);
	select->fromClause = list_make1(cut);
	if (is_list(field))
		select->fromClause = lappend(select->fromClause, raw_elements(&state));
	present->arg = (Expr *) facet_leaf(&state, LEAF_FACET, field);
	present->nulltesttype = IS_NOT_NULL;
	present->location = -1;
	select->whereClause = (Node *) present;
	select->groupClause = list_make1(facet_leaf(&state, LEAF_FACET, field));
	count->agg_star = true;
	select->targetList = list_make2(vxp_raw_target(facet_leaf(&state, LEAF_FACET_ITEM, field), "value"),
									vxp_raw_target((Node *) count, "count"));
	select->sortClause = list_make2(raw_sort_by(2, SORTBY_DESC), raw_sort_by(1, SORTBY_ASC));
	return vxp_raw_analyse(&state, select);
}

/*
 * facets(dql, field) -> table (value jsonb, count bigint)
 *
 * The values of the field over the rows of the request, after its skip and
 * limit, and how many rows have each; most frequent first.  A row counts once
 * for each of its different values, null and missing ones for none.
 */
Datum
vxp_facets(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	DqlCall		call = {PG_GETARG_DQL_PP(0)};
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const DqlPlace place = {NULL, "field", -1};
	DqlParse	parse = {0};
	DqlPath    *path;
	BoundQuery *bound;
	BoundField	field;
	Relation	relation;
	VxpError   *error;
	const ResourceType *type;
	PlannedStmt *plan;

	vxp_dql_check_path_size(strlen(name));
	path = vxp_dql_parse_path(&parse, name, &place);
	error = parse.error;
	if (error)
	{
		error->path = "field";
		vxp_error_raise(error);
	}
	call.options.args_known = true;
	call.options.ordered = true;
	bound = vxp_dql_bind_call(&call);
	/* page and pageSize do not matter, skip and limit do */
	bound->offset = Max(bound->request->skip, 0);
	bound->limit = bound->request->limit;
	error = vxp_dql_resource(bound->request, &type);
	if (error == NULL)
	{
		relation = relation_open(type->relid, NoLock);
		error = vxp_bind_field(type, relation, path, "field", &field);
		relation_close(relation, NoLock);
	}
	if (error)
		vxp_error_raise(error);
	InitMaterializedSRF(fcinfo, 0);
	plan = vxp_dql_plan(build_facets(bound, &field));
	vxp_budget_check(plan);
	vxp_dql_run(plan, result->setResult,
				result->econtext->ecxt_per_query_memory);
	return (Datum) 0;
}
