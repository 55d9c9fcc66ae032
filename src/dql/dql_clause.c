/*
 * dql_clause.c - which clause of a request an expression of the plan came from
 *
 * vxp.explain numbers the clauses of a request.  The binder carries the numbers
 * to the bound tree, the builder writes them into the parse location of every
 * node of an expression, and the planner, to which a location means nothing,
 * copies them into whatever it makes of it: index conditions, derived
 * equalities, conditions pushed into partitions and through views.
 *
 * A location is BASE + n for clause n, or SET_BASE + i for the i-th set of
 * clauses, when one expression stands for several.  Locations of statement
 * texts are far below.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"

#include "dql/dql_bind.h"

#define BASE		1000000000
#define SET_BASE	1500000000

/* What of a tree of document conditions came from which clause. */
static Bitmapset *
document_clauses(const DqlNode *node, Bitmapset *found)
{
	ListCell   *lc;

	if (node->clause > 0)
		found = bms_add_member(found, node->clause);
	foreach(lc, node->args)
		if (lfirst(lc) != NULL)
			found = document_clauses(lfirst(lc), found);
	return found;
}

/* vxp_clause_of_node: the clauses that a condition stands for */
Bitmapset *
vxp_clause_of_node(const BoundNode *node)
{
	return node->kind == BOUND_DOCUMENT ? document_clauses(node->node, NULL) : node->clauses;
}

/* vxp_clause_mark notes that "node", as it was bound, is the clause. */
void
vxp_clause_mark(BoundQuery *query, BoundNode *node, int clause)
{
	ListCell   *lc;

	foreach(lc, node->args)
		vxp_clause_mark(query, lfirst(lc), clause);
	if (node->kind == BOUND_CONST)
		query->outermost->constants = bms_add_member(query->outermost->constants, clause);
	else if (node->kind == BOUND_DOCUMENT)
	{
		/* the tree may be shared with the request: never written */
		if (!bms_is_member(clause, document_clauses(node->node, NULL)))
		{
			DqlNode    *marked = palloc(sizeof(DqlNode));

			*marked = *node->node;
			marked->clause = clause;
			node->node = marked;
		}
	}
	else if (node->clauses == NULL)
		node->clauses = bms_make_singleton(clause);
	if (node->related && node->related->clauses == NULL)
		node->related->clauses = bms_make_singleton(clause);
}

/* vxp_clause_location: the location that stands for the clauses; -1 for none */
int
vxp_clause_location(BoundQuery *query, Bitmapset *clauses)
{
	int			clause;

	if (clauses == NULL)
		return -1;
	if (bms_get_singleton_member(clauses, &clause))
		return BASE + clause;
	query = query->outermost;
	query->clause_sets = lappend(query->clause_sets, clauses);
	return SET_BASE + list_length(query->clause_sets) - 1;
}

/* The place in the node where its location is, or NULL. */
static int *
location_of(Node *node)
{
	switch (nodeTag(node))
	{
		case T_Var:
			return &((Var *) node)->location;
		case T_Const:
			return &((Const *) node)->location;
		case T_Param:
			return &((Param *) node)->location;
		case T_FuncExpr:
			return &((FuncExpr *) node)->location;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			return &((OpExpr *) node)->location;
		case T_ScalarArrayOpExpr:
			return &((ScalarArrayOpExpr *) node)->location;
		case T_BoolExpr:
			return &((BoolExpr *) node)->location;
		case T_SubLink:
			return &((SubLink *) node)->location;
		case T_RelabelType:
			return &((RelabelType *) node)->location;
		case T_CoerceViaIO:
			return &((CoerceViaIO *) node)->location;
		case T_ArrayCoerceExpr:
			return &((ArrayCoerceExpr *) node)->location;
		case T_CollateExpr:
			return &((CollateExpr *) node)->location;
		case T_ArrayExpr:
			return &((ArrayExpr *) node)->location;
		case T_CoalesceExpr:
			return &((CoalesceExpr *) node)->location;
		case T_NullTest:
			return &((NullTest *) node)->location;
		case T_BooleanTest:
			return &((BooleanTest *) node)->location;
		default:
			return NULL;
	}
}

static bool
tag_walker(Node *node, int *location)
{
	int		   *place;

	if (node == NULL || IsA(node, Query))
		return false;
	place = location_of(node);
	if (place && *place < BASE)
		*place = *location;
	return expression_tree_walker(node, tag_walker, location);
}

/* vxp_clause_tag writes the location into every node of a new expression that has none of ours. */
void
vxp_clause_tag(Node *expr, int location)
{
	if (location >= BASE)
		(void) tag_walker(expr, &location);
}

typedef struct FindState
{
	const BoundQuery *query;
	Bitmapset  *found;
} FindState;

static bool
find_walker(Node *node, FindState *state)
{
	int		   *place;

	if (node == NULL)
		return false;
	place = location_of(node);
	if (place && *place >= SET_BASE && *place - SET_BASE < list_length(state->query->clause_sets))
		state->found = bms_add_members(state->found, list_nth(state->query->clause_sets, *place - SET_BASE));
	else if (place && *place >= BASE && *place < SET_BASE)
		state->found = bms_add_member(state->found, *place - BASE);
	return expression_tree_walker(node, find_walker, state);
}

/* vxp_clause_find: the clauses that an expression, or a list of them, of a plan came from */
Bitmapset *
vxp_clause_find(const BoundQuery *query, Node *expr)
{
	FindState	state = {query->outermost, NULL};

	(void) find_walker(expr, &state);
	return state.found;
}
