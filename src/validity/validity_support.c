/*
 * validity_support.c - planner support: which rows a plan reads of all versions
 *
 * shown(from, to) becomes the condition in force when a plan is made:
 *
 *	vxp.as_of empty		to IS NULL, word for word the predicate of the partial
 *						indexes on current rows; and where the table of closed
 *						rows is all that inherits, the plan has ONLY the table
 *	vxp.as_of at t		what valid_at(from, to, t) becomes
 *
 * and valid_at(from, to, t) becomes
 *
 *	from <= t AND (to IS NULL OR to > t) AND validity_contains(validity(from, to), t)
 *
 * The first is an index condition of a btree on (identifier, from).  The last is
 * one of a GiST index on validity(from, to), where it becomes the operator @>;
 * nothing but the indexed expression itself as an argument would be.  It says
 * all that the others say: those decide on most rows without making a range.
 *
 * Proof of equality.  A from that is NULL makes the last conjunct false, and so
 * are valid_at and shown.  Otherwise, with t finite, from <= t and (to IS NULL
 * OR to > t) are true or false, and together are vxp_validity_covers(), since
 * infinity is greater than t; the last conjunct is that rule, too.  A t that is
 * not a constant may be infinity, so that the second conjunct is left out then;
 * t NULL makes the others NULL, as valid_at is.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/plancat.h"
#include "parser/parse_func.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rangetypes.h"
#include "utils/selfuncs.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "common/vxp_compat.h"
#include "validity/validity.h"
#include "validity/version.h"

VXP_FUNCTION(vxp_shown_support);
VXP_FUNCTION(vxp_valid_at_support);
VXP_FUNCTION(vxp_validity_contains_support);

/* Share of versions that are valid at an instant, when nothing is known. */
#define DEFAULT_VALID_SEL 0.5

/* Least share: an instant that somebody asks for has rows. */
#define LEAST_VALID_SEL 0.0001

static Oid
instant_operator(StrategyNumber strategy)
{
	TypeCacheEntry *type = lookup_type_cache(TIMESTAMPTZOID, TYPECACHE_BTREE_OPFAMILY);

	return get_opfamily_member(type->btree_opf, TIMESTAMPTZOID, TIMESTAMPTZOID, strategy);
}

static Node *
compare(const void *left, StrategyNumber strategy, const void *right)
{
	Expr	   *clause = make_opclause(instant_operator(strategy), BOOLOID, false,
									   copyObject((Expr *) left), copyObject((Expr *) right), InvalidOid, InvalidOid);

	set_opfuncid((OpExpr *) clause);
	return (Node *) clause;
}

static Node *
is_null(const void *arg)
{
	NullTest   *test = makeNode(NullTest);

	test->arg = copyObject((Expr *) arg);
	test->nulltesttype = IS_NULL;
	test->argisrow = false;
	test->location = -1;
	return (Node *) test;
}

/* A call of a function that lies beside "sibling"; NULL when there is none. */
static Node *
call_beside(Oid sibling, const char *name, Oid result, List *args)
{
	Oid			types[2] = {exprType(linitial(args)), exprType(lsecond(args))};
	char	   *schema = get_namespace_name(get_func_namespace(sibling));
	Oid			function = LookupFuncName(list_make2(makeString(schema), makeString(pstrdup(name))), 2, types, true);

	if (!OidIsValid(function))
		return NULL;
	return (Node *) makeFuncExpr(function, result, args, InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* May the expression stand twice, or nowhere? */
static bool
can_repeat(Node *expr)
{
	return !contain_volatile_functions(expr) && !contain_subplans(expr);
}

/* valid_at(from, to, at) as conditions; NULL when it must stay a call. */
static Node *
expand_valid_at(Oid function, Node *from, Node *to, Node *at)
{
	Node	   *range;
	Node	   *contains;
	List	   *args;

	if (!can_repeat(from) || !can_repeat(to) || !can_repeat(at))
		return NULL;
	range = call_beside(function, "validity", TSTZRANGEOID, list_make2(copyObject(from), copyObject(to)));
	if (range == NULL)
		return NULL;
	contains = call_beside(function, "validity_contains", BOOLOID, list_make2(range, copyObject(at)));
	if (contains == NULL)
		return NULL;
	args = list_make1(compare(from, BTLessEqualStrategyNumber, at));
	if (IsA(at, Const) && !((Const *) at)->constisnull &&
		!TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(((Const *) at)->constvalue)))
		args = lappend(args, makeBoolExpr(OR_EXPR, list_make2(is_null(to), compare(to, BTGreaterStrategyNumber, at)), -1));
	return (Node *) makeBoolExpr(AND_EXPR, lappend(args, contains), -1);
}

/* Is it one of the conditions that must all be true? */
static bool
is_conjunct(Node *quals, const FuncExpr *call)
{
	List	   *parts = NIL;
	ListCell   *lc;

	if (quals == NULL)
		return false;
	if (IsA(quals, List))
		parts = (List *) quals;
	else if (is_andclause(quals))
		parts = ((BoolExpr *) quals)->args;
	foreach(lc, parts)
		if (is_conjunct(lfirst(lc), call))
			return true;
	return IsA(quals, FuncExpr) && ((FuncExpr *) quals)->funcid == call->funcid &&
		equal(((FuncExpr *) quals)->args, call->args);
}

static bool
is_relation(Node *node, int relid)
{
	return IsA(node, RangeTblRef) && ((RangeTblRef *) node)->rtindex == relid;
}

/*
 * Does the call decide, right where the relation enters the query, which of its
 * rows do?  The condition of a join decides for a side whose rows it need not keep.
 */
static bool
filters_relation(Node *node, int relid, const FuncExpr *call)
{
	ListCell   *lc;

	if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		if (is_relation(join->larg, relid))
			return (join->jointype == JOIN_INNER || join->jointype == JOIN_RIGHT) && is_conjunct(join->quals, call);
		if (is_relation(join->rarg, relid))
			return (join->jointype == JOIN_INNER || join->jointype == JOIN_LEFT || join->jointype == JOIN_SEMI ||
					join->jointype == JOIN_ANTI) && is_conjunct(join->quals, call);
		return filters_relation(join->larg, relid, call) || filters_relation(join->rarg, relid, call);
	}
	if (!IsA(node, FromExpr))
		return false;
	foreach(lc, ((FromExpr *) node)->fromlist)
	{
		if (is_relation(lfirst(lc), relid))
			return is_conjunct(((FromExpr *) node)->quals, call);
		if (filters_relation(lfirst(lc), relid, call))
			return true;
	}
	return false;
}

/*
 * read_open_alone leaves the table of closed rows out of a plan whose rows are
 * the open ones: the planner would open it, look at its indexes and statistics
 * and then find by its constraint that none of its rows is asked for, up to a
 * third of the time that it takes to look up a row.
 *
 * The planner asks us before it expands inheritance, with the query as it has
 * it.  Left alone are calls that are no condition of all rows of the table (in a
 * select list, below OR, of an outer join), tables from which others inherit,
 * and targets of writes, for which the planner has made up its mind by now.
 *
 * A query that reads the same table a second time reads ONLY it both times or
 * neither: 18 takes a table with and without those that inherit for the same
 * when it removes self-joins (seen with 18.6, in plain SQL).  So the first call
 * decides for all; by the next one, it stands in the query as a condition.
 *
 * The plan depends on the table left out: on what made it hold closed rows only.
 */
static void
read_open_alone(PlannerInfo *root, const FuncExpr *call)
{
	Var		   *from = (Var *) linitial(call->args);
	Var		   *to = (Var *) lsecond(call->args);
	RangeTblEntry *table;
	List	   *readers = NIL;		/* all places where the query reads the table */
	Oid			history;
	ListCell   *lc;

	if (root == NULL || !IsA(from, Var) || !IsA(to, Var) || to->varlevelsup != 0 || from->varlevelsup != 0 ||
		from->varno != to->varno || to->varno > list_length(root->parse->rtable))
		return;
	table = rt_fetch(to->varno, root->parse->rtable);
	if (table->rtekind != RTE_RELATION || table->relkind != RELKIND_RELATION || !table->inh ||
		!vxp_open_alone(table->relid, to->varattno, &history))
		return;
	foreach(lc, root->parse->rtable)
	{
		RangeTblEntry *other = lfirst(lc);
		int			relid = foreach_current_index(lc) + 1;
		FuncExpr   *its;

		if (other->rtekind != RTE_RELATION || other->relid != table->relid)
			continue;
		its = copyObject((FuncExpr *) call);
		((Var *) linitial(its->args))->varno = relid;
		((Var *) lsecond(its->args))->varno = relid;
		if (relid == root->parse->resultRelation || !filters_relation((Node *) root->parse->jointree, relid, its))
			return;
		readers = lappend(readers, other);
	}
	foreach(lc, readers)
		((RangeTblEntry *) lfirst(lc))->inh = false;
	root->glob->relationOids = lappend_oid(root->glob->relationOids, history);
}

/*
 * shown_support(internal) -> internal
 *
 * A bad value of vxp.as_of raises here, before a row is read.
 */
Datum
vxp_shown_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	Node	   *result = NULL;

	if (IsA(request, SupportRequestSimplify))
	{
		FuncExpr   *call = ((SupportRequestSimplify *) request)->fcall;
		Node	   *from = linitial(call->args);
		Node	   *to = lsecond(call->args);
		TimestampTz at;

		if (vxp_as_of(&at))
			result = expand_valid_at(call->funcid, from, to,
									 (Node *) makeConst(TIMESTAMPTZOID, -1, InvalidOid, sizeof(TimestampTz),
														TimestampTzGetDatum(at), false, FLOAT8PASSBYVAL));
		else if (can_repeat(from))
		{
			read_open_alone(((SupportRequestSimplify *) request)->root, call);
			result = is_null(to);
		}
	}
	PG_RETURN_POINTER(result);
}

/* valid_at_support(internal) -> internal */
Datum
vxp_valid_at_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	Node	   *result = NULL;

	if (IsA(request, SupportRequestSimplify))
	{
		FuncExpr   *call = ((SupportRequestSimplify *) request)->fcall;

		result = expand_valid_at(call->funcid, linitial(call->args), lsecond(call->args), lthird(call->args));
	}
	PG_RETURN_POINTER(result);
}

/* The share of rows where the expression is NULL; -1 when nothing is known of it. */
static double
null_share(PlannerInfo *root, Node *expr, int rel)
{
	VariableStatData variable;
	double		share = -1;

	examine_variable(root, expr, rel, &variable);
	if (HeapTupleIsValid(variable.statsTuple))
		share = ((Form_pg_statistic) GETSTRUCT(variable.statsTuple))->stanullfrac;
	ReleaseVariableStats(variable);
	return share;
}

/*
 * estimate answers which part of the rows that the other conjuncts of
 * expand_valid_at() leave is valid.  What has ended by t had begun by t: so
 * share(from <= t) - share(to <= t) are valid, where the planner, taking
 * conjuncts for independent, expects the product of the others' shares.
 * An instant that is not known has as many versions as the present.
 */
static Selectivity
estimate(PlannerInfo *root, Node *from, Node *to, Node *at, int rel)
{
	double		open = null_share(root, to, rel);
	double		begun;
	double		ended;
	double		later;
	double		valid;

	if (open < 0)
		return DEFAULT_VALID_SEL;
	if (!IsA(at, Const) || ((Const *) at)->constisnull)
		return open / DEFAULT_INEQ_SEL;
	begun = restriction_selectivity(root, instant_operator(BTLessEqualStrategyNumber), list_make2(from, at), InvalidOid, rel);
	ended = restriction_selectivity(root, instant_operator(BTLessEqualStrategyNumber), list_make2(to, at), InvalidOid, rel);
	later = restriction_selectivity(root, instant_operator(BTGreaterStrategyNumber), list_make2(to, at), InvalidOid, rel);
	valid = Max(begun - ended, Min(begun, LEAST_VALID_SEL));
	return valid / Max(begun * (open + later - open * later), LEAST_VALID_SEL * LEAST_VALID_SEL);
}

/*
 * The condition of a range index for validity_contains(column, at): the very
 * rule, so that it is not lossy.
 */
static Node *
range_condition(SupportRequestIndexCondition *request)
{
	List	   *args;
	Oid			operator;

	if (request->indexarg != 0 || !is_funcclause(request->node))
		return NULL;
	args = ((FuncExpr *) request->node)->args;
	if (list_length(args) != 2 || !is_pseudo_constant_for_index(request->root, lsecond(args), request->index))
		return NULL;
	operator = get_opfamily_member(request->opfamily, ANYRANGEOID, ANYELEMENTOID, RANGESTRAT_CONTAINS_ELEM);
	if (!OidIsValid(operator) || strcmp(get_opname(operator), "@>") != 0)
		return NULL;
	request->lossy = false;
	return (Node *) list_make1(make_opclause(operator, BOOLOID, false, linitial(args), lsecond(args),
											 InvalidOid, InvalidOid));
}

/* validity_contains_support(internal) -> internal */
Datum
vxp_validity_contains_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestIndexCondition))
		PG_RETURN_POINTER(range_condition((SupportRequestIndexCondition *) request));
	if (IsA(request, SupportRequestSelectivity))
	{
		SupportRequestSelectivity *question = (SupportRequestSelectivity *) request;
		Node	   *range = linitial(question->args);
		Selectivity answer = DEFAULT_VALID_SEL;

		/* only of validity(from, to) do we know where it comes from */
		if (IsA(range, FuncExpr) && list_length(((FuncExpr *) range)->args) == 2 &&
			exprType(linitial(((FuncExpr *) range)->args)) == TIMESTAMPTZOID)
			answer = estimate(question->root, linitial(((FuncExpr *) range)->args), lsecond(((FuncExpr *) range)->args),
							  estimate_expression_value(question->root, lsecond(question->args)),
							  question->is_join ? 0 : question->varRelid);
		CLAMP_PROBABILITY(answer);
		question->selectivity = answer;
		PG_RETURN_POINTER(question);
	}
	PG_RETURN_POINTER(NULL);
}
