/*
 * dql_explain.c - vxp.explain: the clauses of a request, and what serves each
 *
 * Every clause of the request is one row: conditions, scope, joins, sets, sort
 * keys, limits, select.  The request is numbered, bound, built and planned as
 * any other; the numbers travel with the expressions into the plan
 * (dql_clause.c), so that what is said about a clause is what the server's own
 * plan does with it.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/instrument.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "dql/dql_budget.h"
#include "dql/dql_eval.h"
#include "dql/dql_exec.h"
#include "dql/dql_explain.h"
#include "dql/dql_fn.h"

VXP_FUNCTION(vxp_explain);

/* The text of a condition is cut to so many bytes. */
#define MAX_CONDITION 1000

/* Numbering the clauses of a request. */
typedef struct Numbering
{
	List	   *clauses;		/* of ExplainClause * */
} Numbering;

static void number_request(Numbering *numbering, DqlRequest *request, const char *where);

static int
add_clause(Numbering *numbering, const char *path, const char *kind, const char *condition)
{
	ExplainClause *clause = palloc0(sizeof(ExplainClause));
	int			length = strlen(condition);

	clause->path = path;
	clause->kind = kind;
	if (length > MAX_CONDITION)
	{
		length = pg_mbcliplen(condition, length, MAX_CONDITION);
		clause->condition = psprintf("%.*s...", length, condition);
	}
	else
		clause->condition = condition;
	numbering->clauses = lappend(numbering->clauses, clause);
	return list_length(numbering->clauses);
}

static char *
filter_text(const DqlNode *node)
{
	StringInfoData buf;

	initStringInfo(&buf);
	vxp_dql_print_filter(&buf, node);
	return buf.data;
}

/*
 * Numbers the conditions of a filter.  "printed" is what stands in the request
 * for the node: the negation above it, or the node.
 */
static void
number_filter(Numbering *numbering, DqlNode *node, DqlNode *printed)
{
	ListCell   *lc;

	check_stack_depth();
	switch (node->kind)
	{
		case DQL_NOT:
			number_filter(numbering, linitial(node->args), node);
			break;
		case DQL_AND:
		case DQL_OR:
			if (node->args == NIL)
				node->clause = add_clause(numbering, node->where, "condition", node->kind == DQL_AND ? "{\"$and\":[]}" : "{\"$or\":[]}");
			foreach(lc, node->args)
				number_filter(numbering, lfirst(lc), lfirst(lc));
			break;
		case DQL_NESTED:
		case DQL_MATCH:
		case DQL_ELEM_MATCH:
			if (linitial(node->args) == NULL)
				node->clause = add_clause(numbering, node->where, "condition", filter_text(node));
			else
				number_filter(numbering, linitial(node->args), linitial(node->args));
			break;
		case DQL_HAS_ANCESTOR:
			node->clause = add_clause(numbering, node->where, "ancestor", filter_text(printed));
			break;
		default:
			node->clause = add_clause(numbering, node->where, node->subquery ? "subquery" : "condition", filter_text(printed));
			if (node->subquery)
				number_request(numbering, node->subquery, node->subquery->where);
			break;
	}
}

static char *
list_text(const char *key, List *values)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	appendStringInfo(&buf, "{\"%s\":[", key);
	foreach(lc, values)
	{
		if (foreach_current_index(lc) > 0)
			appendStringInfoChar(&buf, ',');
		vxp_dql_json_print(&buf, lfirst(lc));
	}
	appendStringInfoString(&buf, "]}");
	return buf.data;
}

static char *
select_text(const DqlRequest *request)
{
	StringInfoData buf;
	ListCell   *lc;
	bool		is_list = request->select_mode == DQL_SELECT_LIST;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, is_list ? '[' : '{');
	foreach(lc, request->select)
	{
		if (foreach_current_index(lc) > 0)
			appendStringInfoChar(&buf, ',');
		escape_json(&buf, ((DqlPath *) lfirst(lc))->text);
		if (!is_list)
			appendStringInfo(&buf, ":%d", request->select_mode == DQL_SELECT_INCLUDE);
	}
	appendStringInfoChar(&buf, is_list ? ']' : '}');
	return buf.data;
}

static char *
sort_text(const DqlPath *path, bool descending)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	escape_json(&buf, path->text);
	appendStringInfo(&buf, ":\"%s\"}", descending ? "descending" : "ascending");
	return buf.data;
}

static char *
join_text(const DqlJoin *join)
{
	static const char *const quantifiers[] = {"any", "none", "all", "atLeast", "exactly"};
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	if (join->resource)
	{
		appendStringInfoString(&buf, "\"on\":{\"resource\":");
		escape_json(&buf, join->resource);
		appendStringInfoString(&buf, ",\"local\":");
		escape_json(&buf, join->local->text);
		appendStringInfoString(&buf, ",\"forigen\":");
		escape_json(&buf, join->foreign->text);
		appendStringInfoChar(&buf, '}');
	}
	if (join->quantifier == DQL_JOIN_AT_LEAST || join->quantifier == DQL_JOIN_EXACTLY)
		appendStringInfo(&buf, "%s\"quantifier\":{\"%s\":" INT64_FORMAT "}", join->resource ? "," : "",
						 quantifiers[join->quantifier], join->count);
	else if (join->quantifier != DQL_JOIN_ANY)
		appendStringInfo(&buf, "%s\"quantifier\":\"%s\"", join->resource ? "," : "", quantifiers[join->quantifier]);
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

static void
number_cut(Numbering *numbering, DqlRequest *request, const char *where, const char *key, int64 value)
{
	int			clause;

	if (value < 0)
		return;
	clause = add_clause(numbering, psprintf("%s.%s", where, key), "limit", psprintf("{\"%s\":" INT64_FORMAT "}", key, value));
	request->cut_clauses = bms_add_member(request->cut_clauses, clause);
}

static void
number_sets(Numbering *numbering, List *sets, const char *kind)
{
	ListCell   *lc;

	foreach(lc, sets)
	{
		DqlRequest *set = lfirst(lc);
		StringInfoData buf;

		initStringInfo(&buf);
		appendStringInfoChar(&buf, '{');
		if (set->resource)
		{
			appendStringInfoString(&buf, "\"resource\":");
			escape_json(&buf, set->resource);
		}
		appendStringInfoChar(&buf, '}');
		set->clause = add_clause(numbering, set->where, kind, buf.data);
		number_request(numbering, set, set->where);
	}
}

/* Numbers all clauses of a request and of the requests in it. */
static void
number_request(Numbering *numbering, DqlRequest *request, const char *where)
{
	ListCell   *lc;

	check_stack_depth();
	if (request->filter)
		number_filter(numbering, request->filter, request->filter);
	if (request->datasets)
		request->datasets_clause = add_clause(numbering, psprintf("%s.context", where), "scope", list_text("datasets", request->datasets));
	if (request->projects)
		request->projects_clause = add_clause(numbering, psprintf("%s.context", where), "scope", list_text("projects", request->projects));
	foreach(lc, request->joins)
	{
		DqlJoin    *join = lfirst(lc);

		join->clause = add_clause(numbering, join->where, "join", join_text(join));
		if (join->filter)
			number_filter(numbering, join->filter, join->filter);
	}
	number_sets(numbering, request->intersect, "intersect");
	number_sets(numbering, request->except, "except");
	foreach(lc, request->sort)
	{
		DqlSortKey *key = lfirst(lc);

		key->clause = add_clause(numbering, key->where, "sort", sort_text(key->path, key->descending));
	}
	if (request->after)
		request->after_clause = add_clause(numbering, "$.after", "cursor", "{\"after\":...}");
	if (request->as_of || request->all_versions)
	{
		StringInfoData buf;

		initStringInfo(&buf);
		appendStringInfoString(&buf, request->as_of ? "{\"asOf\":" : "{\"versions\":");
		escape_json(&buf, request->as_of ? request->as_of : "all");
		appendStringInfoChar(&buf, '}');
		request->versions_clause = add_clause(numbering, request->as_of ? "$.asOf" : "$.versions", "version", buf.data);
	}
	number_cut(numbering, request, where, "skip", request->skip);
	number_cut(numbering, request, where, "limit", request->limit);
	number_cut(numbering, request, where, "page", request->page);
	number_cut(numbering, request, where, "pageSize", request->page_size);
}

/* Sort keys that the request does not name: the default order, and the id that makes it total. */
static void
number_added_keys(Numbering *numbering, BoundQuery *bound)
{
	ListCell   *lc;

	foreach(lc, bound->sort)
	{
		BoundSort  *sort = lfirst(lc);
		DqlPath		path = {(char *) (sort->inside && *sort->inside ? sort->inside : sort->column->name)};

		if (sort->clause == 0)
			sort->clause = add_clause(numbering, NULL, "sort", sort_text(&path, sort->descending));
	}
}

/*
 * Notes the clauses on documents that no index condition stands for: those
 * that the one made of their filter leaves out (dql_support.c).
 */
static void
note_documents(BoundQuery *bound, const BoundNode *node)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, node->args)
		note_documents(bound, lfirst(lc));
	if (node->kind == BOUND_DOCUMENT)
		bound->not_indexed = bms_add_members(bound->not_indexed,
											 bms_difference(vxp_clause_of_node(node), vxp_matches_indexed(node->node, node->field)));
	if (node->related && node->related->query->filter)
		note_documents(bound, node->related->query->filter);
}

static bool
note_state(PlanState *state, List **states)
{
	*states = lappend(*states, state);
	return planstate_tree_walker(state, note_state, states);
}

/* How a clause is served, in one word or two. */
static void
judge(const Explain *explain, ExplainClause *clause, int number)
{
	const ClausePlace *places = clause->places;

	if (clause->served_by)
		return;
	if (places[ROLE_INDEX].plan)
		clause->served_by = places[ROLE_FILTER].plan ? "index and filter" : "index";
	else if (places[ROLE_INDEX_ORDER].plan)
		clause->served_by = "index order";
	else if (places[ROLE_SORT].plan)
		clause->served_by = IsA(places[ROLE_SORT].plan, IncrementalSort) ? "incremental sort" : "sort";
	else if (places[ROLE_LIMIT].plan)
		clause->served_by = "limit";
	else if (places[ROLE_JOIN].plan)
		clause->served_by = "join";
	else if (places[ROLE_FILTER].plan)
		clause->served_by = "filter";
	else if (places[ROLE_ONE_TIME].plan)
		clause->served_by = "one-time filter";
	else if (bms_is_member(number, explain->bound->constants))
		clause->served_by = "constant";
	else if (strcmp(clause->kind, "intersect") == 0 || strcmp(clause->kind, "except") == 0)
		clause->served_by = "its conditions";
	else if (explain->reads_nothing)
		clause->served_by = "nothing to read";
	else if (OidIsValid(explain->partial_index) && strcmp(clause->kind, "condition") == 0)
		clause->served_by = "partial index";
	else if (places[ROLE_TARGET].plan)
		clause->served_by = "expression";
	else
		clause->served_by = "nothing to do";
}

/* The place of a clause that is shown. */
static const ClausePlace *
shown_place(const ExplainClause *clause)
{
	static const ClauseRole order[] = {ROLE_INDEX, ROLE_INDEX_ORDER, ROLE_SORT, ROLE_LIMIT, ROLE_JOIN, ROLE_FILTER, ROLE_ONE_TIME, ROLE_TARGET};

	for (int i = 0; i < lengthof(order); i++)
		if (clause->places[order[i]].plan)
			return &clause->places[order[i]];
	return NULL;
}

/* A clause whose condition the planner dropped for being there twice: served as the other one is. */
static void
find_twin(Explain *explain, int number)
{
	ExplainClause *clause = &explain->clauses[number];

	if (strcmp(clause->kind, "condition") != 0 || shown_place(clause) || bms_is_member(number, explain->bound->constants))
		return;
	for (int i = 1; i <= explain->count; i++)
	{
		const ExplainClause *other = &explain->clauses[i];

		if (shown_place(other) && strcmp(other->kind, clause->kind) == 0 && strcmp(other->condition, clause->condition) == 0)
		{
			memcpy(clause->places, other->places, sizeof(clause->places));
			return;
		}
	}
}

typedef enum ExplainColumn
{
	COLUMN_CLAUSE,
	COLUMN_KIND,
	COLUMN_CONDITION,
	COLUMN_SERVED_BY,
	COLUMN_NODE,
	COLUMN_INDEX,
	COLUMN_ESTIMATED,
	COLUMN_ACTUAL,
	COLUMN_COST,
	COLUMN_ADVICE,
	EXPLAIN_COLUMNS
} ExplainColumn;

static Datum
count_datum(double rows)
{
	return Int64GetDatum((int64) Min(rint(rows), 9e15));
}

/* One row of the answer; "plan" and "place" may be NULL. */
static void
put_row(const Explain *explain, ReturnSetInfo *result, const ExplainClause *clause, const Plan *plan, const ClausePlace *place)
{
	Datum		values[EXPLAIN_COLUMNS] = {0};
	bool		nulls[EXPLAIN_COLUMNS];

	memset(nulls, true, sizeof(nulls));
#define PUT(column, datum) (values[column] = (datum), nulls[column] = false)
	if (clause->path)
		PUT(COLUMN_CLAUSE, CStringGetTextDatum(clause->path));
	PUT(COLUMN_KIND, CStringGetTextDatum(clause->kind));
	PUT(COLUMN_CONDITION, CStringGetTextDatum(clause->condition));
	if (clause->served_by)
		PUT(COLUMN_SERVED_BY, CStringGetTextDatum(clause->served_by));
	if (plan)
	{
		const char *name = vxp_explain_node_name(explain->plan.stmt, plan);

		if (place && place->count > 1)
			name = psprintf("%s (and %d more)", name, place->count - 1);
		PUT(COLUMN_NODE, CStringGetTextDatum(name));
		PUT(COLUMN_ESTIMATED, count_datum(place ? place->estimated : plan->plan_rows));
		PUT(COLUMN_COST, Float8GetDatum(rint(plan->total_cost * 100) / 100));
	}
	if (place && OidIsValid(place->index))
		PUT(COLUMN_INDEX, ObjectIdGetDatum(place->index));
	else if (clause->served_by && strcmp(clause->served_by, "partial index") == 0)
		PUT(COLUMN_INDEX, ObjectIdGetDatum(explain->partial_index));
	if (place && place->actual >= 0)
		PUT(COLUMN_ACTUAL, count_datum(place->actual));
	if (clause->advice)
		PUT(COLUMN_ADVICE, CStringGetTextDatum(clause->advice));
#undef PUT
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* The row for the request as a whole, and all others. */
static void
put_rows(Explain *explain, const DqlRequest *request, ReturnSetInfo *result)
{
	Plan	   *top = explain->plan.stmt->planTree;
	ExplainClause whole = {"$", "request"};
	ClausePlace place = {top, NULL, 1, InvalidOid, top->plan_rows, explain->total_actual};
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "{\"resource\":");
	escape_json(&buf, explain->bound->resource);
	appendStringInfoChar(&buf, '}');
	whole.condition = buf.data;
	whole.served_by = explain->reads_nothing ? "nothing to read" : "plan";
	put_row(explain, result, &whole, top, &place);
	for (int i = 1; i <= explain->count; i++)
	{
		const ClausePlace *shown = shown_place(&explain->clauses[i]);

		put_row(explain, result, &explain->clauses[i], shown ? shown->plan : NULL, shown);
	}
	if (request->select_mode != DQL_SELECT_ALL)
	{
		ExplainClause select = {"$.select", "select", select_text(request)};

		select.served_by = "expression";
		put_row(explain, result, &select, top, NULL);
	}
}

/*
 * explain(dql, analyze, VARIADIC "any") -> rows, one for each clause
 *
 * The rows are in the order in which the clauses stand in the request: first
 * the request as a whole.  With "analyze" the request runs, as the caller.
 * Without values for its bind variables it is planned for any values.
 */
Datum
vxp_explain(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	DqlCall		call = {0};
	DqlRequest *request;
	VxpError   *error;
	Numbering	numbering = {NIL};
	Explain		explain = {0};
	Query	   *query;
	bool		analyze;
	ListCell   *lc;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("DQL request must not be null"),
				 errhint("The request that matches everything is '{}'.")));
	analyze = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	call.dql = PG_GETARG_DQL_PP(0);
	/* its own tree, which will be numbered */
	error = vxp_dql_parse(VARDATA_ANY(call.dql), VARSIZE_ANY_EXHDR(call.dql), &request);
	if (error)
		vxp_error_raise(error);
	call.options.args = vxp_dql_call_args(fcinfo, 2);
	call.options.args_known = request->max_param == 0 || PG_NARGS() > 2;
	if (analyze && !call.options.args_known)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a request with bind variables cannot run without their values"),
				 errhint("Give the values as further arguments: vxp.explain('{...}', true, value, ...).")));
	call.options.ordered = true;
	call.options.explain = true;
	call.options.in_force = true;
	call.build.shape = DQL_SHAPE_SELECTED;

	number_request(&numbering, request, "$");
	explain.bound = vxp_dql_bind_parsed(&call, request);
	number_added_keys(&numbering, explain.bound);
	if (explain.bound->filter)
		note_documents(explain.bound, explain.bound->filter);
	foreach(lc, explain.bound->values)
	{
		const BoundRelated *related = lfirst(lc);

		if (related->query->filter)
			note_documents(explain.bound, related->query->filter);
	}
	query = vxp_dql_build(explain.bound, &call.build);
	explain.count = list_length(numbering.clauses);
	explain.clauses = palloc0(sizeof(ExplainClause) * (explain.count + 1));
	foreach(lc, numbering.clauses)
		explain.clauses[foreach_current_index(lc) + 1] = *(ExplainClause *) lfirst(lc);

	InitMaterializedSRF(fcinfo, 0);
	explain.plan.stmt = vxp_whatif_plan(query, NIL);
	if (analyze)
	{
		QueryDesc  *desc = CreateQueryDesc(explain.plan.stmt, "", GetActiveSnapshot(), InvalidSnapshot,
										   None_Receiver, NULL, NULL, INSTRUMENT_ROWS);

		vxp_budget_check(explain.plan.stmt);
		ExecutorStart(desc, 0);
		vxp_executor_run(desc, ForwardScanDirection, 0);
		ExecutorFinish(desc);
		(void) note_state(desc->planstate, &explain.plan.states);
		vxp_explain_places(&explain);
		explain.total_actual = vxp_explain_actual_rows(&explain, explain.plan.stmt->planTree);
		ExecutorEnd(desc);
		FreeQueryDesc(desc);
		explain.plan.states = NIL;
	}
	else
	{
		vxp_check_permissions(explain.plan.stmt);
		vxp_explain_places(&explain);
		explain.total_actual = -1;
	}
	for (int i = 1; i <= explain.count; i++)
	{
		find_twin(&explain, i);
		judge(&explain, &explain.clauses[i], i);
	}
	vxp_explain_advise(&explain, query);
	put_rows(&explain, request, result);
	return (Datum) 0;
}
