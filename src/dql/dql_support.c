/*
 * dql_support.c - planner support of matches()
 *
 * A GIN index on the document serves as pre-filter: the filter implies a
 * jsonpath predicate, which GIN answers, and matches() itself stays as the
 * filter on the rows that come back.
 *
 * Proof that the predicate is implied.  A condition "path equals scalar"
 * holds only by a value of the path, or an element of such a value that is a
 * list (section 3.2).  Without numeric segments, section 3.1 follows keys
 * through objects and through the elements of a list that are objects.  Lax
 * jsonpath does the same for .key, ignores whatever has no such key, and
 * unwraps a list once on either side of ==.  It compares numbers by value and
 * strings by bytes, as section 2.4 does.  So a candidate that equals the
 * scalar is an item of the path that == finds, and in lax mode one item makes
 * the predicate true, whatever the others are.
 * A conjunction implies what any of its members implies, a disjunction the
 * disjunction if every member implies something.  Negations, and equality
 * with null, may hold without any value: they imply nothing.
 * A nested object, $match and $elemMatch put a filter F on objects found at a
 * path p: F implies its predicate on one of those, whose members are reached
 * by p continued, through the list around it.  F on an empty object, as a
 * nested object may mean, implies it too, that is, F is false there.
 */
#include "postgres.h"

#include "access/genam.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/cost.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/index_selfuncs.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

#include "dql/dql_estimate.h"
#include "dql/dql_eval.h"
#include "dql/dql_fn.h"

VXP_FUNCTION(vxp_matches_support);

/* Strategy of jsonb @@ jsonpath in both operator classes of the server. */
#define PATH_MATCH_STRATEGY 16

/* A longer $in would make the index scan dearer than what it saves. */
#define MAX_INDEXED_VALUES 100

/* The constant arguments of a call; all NULL unless the filter is constant. */
typedef struct ConstantCall
{
	const DqlRequest *request;
	char	   *field;			/* or NULL */
	Jsonb	   *params;			/* or NULL: none, or not constant */
	Bitmapset  *clauses;		/* those that the predicate stands for, see vxp_matches_indexed */
	bool		partial;		/* the predicate leaves conditions out */
} ConstantCall;

static bool imply(StringInfo buf, const DqlNode *node, ConstantCall *call, const char *prefix,
				  bool inside);

/*
 * read_call reads the constant arguments; false when the filter or the field
 * is not known, or the filter has an error, which is for the executor to tell.
 */
static bool
read_call(List *args, ConstantCall *call)
{
	Node	   *filter = list_length(args) == 4 ? lsecond(args) : NULL;
	Node	   *field;
	Node	   *params;
	DqlText    *source;
	const DqlRequest *request;

	memset(call, 0, sizeof(ConstantCall));
	if (filter == NULL || !IsA(filter, Const) || ((Const *) filter)->constisnull ||
		((Const *) filter)->consttype != vxp_dql_type_oid())
		return false;
	field = lthird(args);
	params = lfourth(args);
	if (!IsA(field, Const))
		return false;
	if (!((Const *) field)->constisnull)
		call->field = TextDatumGetCString(((Const *) field)->constvalue);
	if (IsA(params, Const) && !((Const *) params)->constisnull)
		call->params = DatumGetJsonbP(((Const *) params)->constvalue);
	source = (DqlText *) PG_DETOAST_DATUM_PACKED(((Const *) filter)->constvalue);
	request = vxp_dql_peek(VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source));
	if (request == NULL || request->has_other || request->has_subquery)
		return false;
	call->request = request;
	return true;
}

/*
 * extend_path returns prefix and path as a jsonpath, or NULL when it has no
 * keys or a key that may be a position in a list.
 */
static char *
extend_path(const ConstantCall *call, const char *prefix, const DqlPath *path, bool inside)
{
	StringInfoData buf;
	int			start = 0;
	EvalSegment *segments = vxp_dql_compile_segments(path->segments, path->count);

	if (!inside && call->field != NULL)
	{
		if (strcmp(path->segments[0], call->field) != 0)
			return NULL;
		start = 1;
	}
	initStringInfo(&buf);
	appendStringInfoString(&buf, prefix);
	for (int i = start; i < path->count; i++)
	{
		if (segments[i].is_index)
			return NULL;
		appendStringInfoChar(&buf, '.');
		escape_json(&buf, path->segments[i]);
	}
	return buf.data;
}

/*
 * imply_equal appends "path == value"; false when the value is no scalar that
 * GIN looks up.  A negative number is an expression in jsonpath, and a pattern
 * no value.
 */
static bool
imply_equal(StringInfo buf, const DqlValue *operand, const ConstantCall *call, const char *path)
{
	bool		is_literal = operand->type == DQL_PARAM;

	if (is_literal)
		operand = vxp_dql_param_value(call->params, operand->param);
	if (operand == NULL)
		return false;
	switch (operand->type)
	{
		case DQL_BOOLEAN:
			break;
		case DQL_NUMBER:
			if (operand->string[0] == '-')
				return false;
			break;
		case DQL_STRING:
			if (!is_literal && vxp_dql_is_pattern(operand->string, operand->length))
				return false;
			break;
		default:
			return false;
	}
	appendStringInfo(buf, "%s == ", path);
	vxp_dql_json_print(buf, operand);
	return true;
}

/* imply_compare appends what a comparison implies; see the file header. */
static bool
imply_compare(StringInfo buf, const DqlNode *node, const ConstantCall *call, const char *path)
{
	const DqlValue *operand = node->operand;

	if (strcmp(path, "$") == 0 || node->subquery != NULL || node->range != DQL_RANGE_NONE)
		return false;
	if (node->op == DQL_OP_EQ)
		return imply_equal(buf, operand, call, path);
	if (node->op != DQL_OP_IN)
		return false;
	if (operand->type == DQL_PARAM)
	{
		const DqlValue *value = vxp_dql_param_value(call->params, operand->param);

		/* strings of a bind variable are literal, so they cannot be read as a list here */
		return value != NULL && value->type != DQL_ARRAY && imply_equal(buf, operand, call, path);
	}
	if (operand->count == 0 || operand->count > MAX_INDEXED_VALUES)
		return false;
	appendStringInfoChar(buf, '(');
	for (int i = 0; i < operand->count; i++)
	{
		if (i > 0)
			appendStringInfoString(buf, " || ");
		if (!imply_equal(buf, operand->items[i], call, path))
			return false;
	}
	appendStringInfoChar(buf, ')');
	return true;
}

/*
 * imply appends a predicate that the node implies.  Returns false, with the
 * buffer as it was, when there is none.
 */
static bool
imply(StringInfo buf, const DqlNode *node, ConstantCall *call, const char *prefix, bool inside)
{
	int			start = buf->len;
	Bitmapset  *clauses = bms_copy(call->clauses);
	const char *path = prefix;
	bool		found = false;
	ListCell   *cell;

	check_stack_depth();
	switch (node->kind)
	{
		case DQL_AND:
		case DQL_OR:
			appendStringInfoChar(buf, '(');
			foreach(cell, node->args)
			{
				int			before = buf->len;

				if (found)
					appendStringInfoString(buf, node->kind == DQL_AND ? " && " : " || ");
				if (imply(buf, lfirst(cell), call, prefix, inside))
					found = true;
				else
				{
					buf->len = before;
					buf->data[before] = '\0';
					if (node->kind == DQL_OR)
					{
						found = false;
						break;
					}
					call->partial = true;
				}
			}
			appendStringInfoChar(buf, ')');
			break;
		case DQL_NOT:
		case DQL_HAS_ANCESTOR:
			break;
		default:
			if (node->path->count > 0)
				path = extend_path(call, prefix, node->path, inside);
			if (path == NULL)
				break;
			found = node->kind == DQL_COMPARE ? imply_compare(buf, node, call, path) :
				imply(buf, linitial(node->args), call, path, true);
			break;
	}
	if (found && node->clause > 0)
		call->clauses = bms_add_member(call->clauses, node->clause);
	if (!found)
	{
		buf->len = start;
		buf->data[start] = '\0';
		call->clauses = clauses;
	}
	return found;
}

/* vxp_matches_indexed: the clauses of a numbered filter that its index condition stands for */
Bitmapset *
vxp_matches_indexed(const DqlNode *filter, const char *field)
{
	ConstantCall call = {NULL, (char *) field};
	StringInfoData buf;

	initStringInfo(&buf);
	(void) imply(&buf, filter, &call, "$", false);
	return call.clauses;
}

/* Is there a predicate that stands for the whole node, no condition left out? */
static bool
is_implied(const DqlNode *node, ConstantCall *call)
{
	StringInfoData buf;
	bool		found;

	initStringInfo(&buf);
	call->partial = false;
	found = imply(&buf, node, call, "$", false);
	pfree(buf.data);
	return found && !call->partial;
}

/*
 * The selectivity of the predicate that a call of matches() gave an index; -1 where
 * only the server knows.  What stands for the whole filter has the filter's, which was
 * estimated before any path was made; what stands for some conditions of an AND has
 * that of those.
 */
static Selectivity
implied_selectivity(PlannerInfo *root, const RestrictInfo *whole)
{
	ConstantCall call;
	DqlNode		part = {.kind = DQL_AND};
	DqlRequest	request;
	List	   *args;
	ListCell   *lc;

	if (whole->norm_selec < 0 || !is_funcclause(whole->clause))
		return -1;
	args = ((FuncExpr *) whole->clause)->args;
	if (!read_call(args, &call))
		return -1;
	if (is_implied(call.request->filter, &call))
		return whole->norm_selec;
	if (call.request->filter->kind != DQL_AND)
		return -1;
	foreach(lc, call.request->filter->args)
	{
		if (is_implied(lfirst(lc), &call))
			part.args = lappend(part.args, lfirst(lc));
		else if (call.partial)
			return -1;
	}
	request = *call.request;
	request.filter = &part;
	return vxp_dql_estimate(root, linitial(args), 0, &request, call.field, call.params);
}

/*
 * The cost of an index with conditions of ours (IndexOptInfo.amcostestimate): that
 * of GIN, with what is known of their selectivity.  Left alone, the server would unpack
 * the statistics of the documents once more, and run the predicate on all of them:
 * that was a third of the time to plan.
 */
static void
cost_of_index(PlannerInfo *root, IndexPath *path, double loop_count,
			  Cost *startup, Cost *total, Selectivity *selectivity, double *correlation, double *pages)
{
	ListCell   *lc;

	foreach(lc, path->indexclauses)
	{
		const IndexClause *clause = lfirst(lc);
		RestrictInfo *condition = linitial_node(RestrictInfo, clause->indexquals);

		if (clause->lossy && list_length(clause->indexquals) == 1 && condition->norm_selec < 0)
			condition->norm_selec = implied_selectivity(root, clause->rinfo);
	}
	gincostestimate(root, path, loop_count, startup, total, selectivity, correlation, pages);
}

/* support_index_condition returns the conditions for an index, or NIL. */
static List *
support_index_condition(SupportRequestIndexCondition *request)
{
	ConstantCall call;
	StringInfoData buf;
	Oid			operator;
	List	   *args;
	Datum		path;

	if (!is_funcclause(request->node) || request->indexarg != 0 || request->index->relam != GIN_AM_OID)
		return NIL;
	args = ((FuncExpr *) request->node)->args;
	if (!read_call(args, &call) || call.request->filter == NULL)
		return NIL;
	operator = get_opfamily_member(request->opfamily, JSONBOID, JSONPATHOID, PATH_MATCH_STRATEGY);
	if (!OidIsValid(operator) || get_opcode(operator) != F_JSONB_PATH_MATCH_OPR)
		return NIL;
	initStringInfo(&buf);
	if (!imply(&buf, call.request->filter, &call, "$", false))
		return NIL;
	path = DirectFunctionCall1(jsonpath_in, CStringGetDatum(buf.data));

	/* the planner's own copy, for this plan */
	if (request->index->amcostestimate == gincostestimate)
		request->index->amcostestimate = cost_of_index;
	request->lossy = true;
	return list_make1(make_opclause(operator, BOOLOID, false, copyObject(linitial(args)),
									(Expr *) makeConst(JSONPATHOID, -1, InvalidOid, -1, path, false, false),
									InvalidOid, InvalidOid));
}

/*
 * matches_support(internal) -> internal: the planner's questions about a call
 * of matches().
 */
Datum
vxp_matches_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	ConstantCall call;

	if (IsA(request, SupportRequestIndexCondition))
		PG_RETURN_POINTER(support_index_condition((SupportRequestIndexCondition *) request));
	if (IsA(request, SupportRequestSelectivity))
	{
		SupportRequestSelectivity *question = (SupportRequestSelectivity *) request;

		if (!read_call(question->args, &call))
			PG_RETURN_POINTER(NULL);
		question->selectivity = vxp_dql_estimate(question->root, linitial(question->args), question->varRelid,
												 call.request, call.field, call.params);
		PG_RETURN_POINTER(question);
	}
	if (IsA(request, SupportRequestCost))
	{
		SupportRequestCost *question = (SupportRequestCost *) request;
		int			conditions = 10;

		if (question->node != NULL && is_funcclause(question->node) &&
			read_call(((FuncExpr *) question->node)->args, &call))
			conditions = Max(call.request->conditions, 1);
		/* a look-up by key for each condition, and some lines around the first */
		question->startup = 0;
		question->per_tuple = cpu_operator_cost * (2 + 2 * conditions);
		PG_RETURN_POINTER(question);
	}
	PG_RETURN_POINTER(NULL);
}
