/*
 * catalog_implied.c - planner support: what a condition on a lineage field says of the path
 *
 * Versions that have ended have no index on each lineage field, which every
 * change would pay for; they have one on path and interval.  So a query about
 * an instant (valid_at, vxp.as_of) that asks for patient_id = 'patient/x' also
 * asks whether 'patient/x' is a label of the path, which that index knows.
 *
 * Proof that no row is lost.  The row trigger reads a lineage field off the
 * path, so that the field's value is a label of it; nobody else may change
 * either (vxp.check_lineage finds what was changed with triggers off).  A parent
 * identifier is the label before the last, with the prefix that the trigger
 * adds to a bare id.  The new condition stands in AND with valid_at, and the
 * condition it comes from holds for every row of the answer, or of the
 * side of a join, in which the table's rows are: both are strict, so that a row that
 * fails here would have failed there, and so would the one with NULLs that an
 * outer join puts in its place.  The condition it comes from stays.
 *
 * Only constants and parameters are taken over: another table's column cannot
 * be used at every place where valid_at may stand, and an expression may tell
 * what it sees to somebody who may not see the row.
 *
 * No dependency is recorded: whatever changes the mapping of a table's columns
 * creates or drops triggers of that table, and so invalidates its plans.
 */
#include "postgres.h"

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "parser/parse_func.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "catalog/catalog.h"
#include "catalog/catalog_lineage.h"
#include "validity/validity.h"

/* The table whose versions are asked for, and how to say something of its path. */
typedef struct ImpliedPath
{
	const ResourceType *type;
	RangeTblEntry *rte;
	int			varno;
	Expr	   *path;			/* its column "lineage" */
	char	   *schema;			/* of our functions */
} ImpliedPath;

/*
 * add_conditions_above appends to *conditions what holds for each row of an
 * answer that comes from the table "varno", and answers whether it is in "node".
 */
static bool
add_conditions_above(Node *node, int varno, List **conditions)
{
	bool		holds = false;
	Node	   *quals = NULL;

	if (IsA(node, RangeTblRef))
		return ((RangeTblRef *) node)->rtindex == varno;
	if (IsA(node, FromExpr))
	{
		ListCell   *lc;

		foreach(lc, ((FromExpr *) node)->fromlist)
			holds = holds || add_conditions_above(lfirst(lc), varno, conditions);
		if (!holds)
			return false;
		quals = ((FromExpr *) node)->quals;
	}
	else
	{
		JoinExpr   *join = castNode(JoinExpr, node);
		bool		left = add_conditions_above(join->larg, varno, conditions);

		if (!left && !add_conditions_above(join->rarg, varno, conditions))
			return false;
		/* a row of the preserved side is there whether the condition holds or not */
		holds = join->jointype == JOIN_INNER || join->jointype == JOIN_SEMI ||
			(left ? join->jointype == JOIN_RIGHT : join->jointype == JOIN_LEFT || join->jointype == JOIN_ANTI);
		if (holds)
			quals = join->quals;
	}
	/* before the planner has been there, a condition; then a list of them, in AND */
	if (quals != NULL && IsA(quals, List))
		*conditions = list_concat(*conditions, (List *) quals);
	else if (quals != NULL)
		*conditions = lappend(*conditions, quals);
	return true;
}

static Node *
strip_relabel(Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

/* The column's name when the node is one of the table's, else NULL. */
static const char *
column_of(const ImpliedPath *implied, Node *node)
{
	Var		   *var = (Var *) strip_relabel(node);

	if (var == NULL || !IsA(var, Var) || var->varno != implied->varno || var->varlevelsup != 0 || var->varattno <= 0)
		return NULL;
	return get_attname(implied->rte->relid, var->varattno, true);
}

/* One value for the whole query, of that type, that no row is needed for. */
static bool
is_given(Node *value, Oid type)
{
	Node	   *inside = strip_relabel(value);

	return exprType(value) == type && inside != NULL && (IsA(inside, Const) || IsA(inside, Param));
}

static bool
is_lineage_field(const ResourceType *type, const char *column)
{
	const ListCell *lc;

	foreach(lc, type->lineage_fields)
	{
		if (strcmp(lfirst(lc), column) == 0)
			return true;
	}
	return false;
}

/* The parent's label when the parent column has this value, which is a constant; NULL when nothing is known. */
static Node *
parent_label(const ResourceType *type, Node *value)
{
	Const	   *given = (Const *) strip_relabel(value);
	const ResourceType *parent;
	char	   *id;

	if (type->parents == NIL || !IsA(given, Const) || given->constisnull)
		return NULL;
	if (list_length(type->parents) > 1)
		return value;
	parent = vxp_catalog_by_name(linitial(type->parents));
	if (parent == NULL || parent->prefix == NULL)
		return NULL;
	id = TextDatumGetCString(given->constvalue);
	if (vxp_has_prefix(id, parent->prefix, (int) strlen(parent->prefix)))
		return value;
	/* only a table that was registered holds bare ids; in any other no row has this value */
	return (Node *) makeConst(TEXTOID, -1, given->constcollid, -1,
							  CStringGetTextDatum(psprintf("%s/%s", parent->prefix, id)), false, false);
}

/* A call of lineage_has_label(path, label), or of lineage_has_any_label(path, labels). */
static Node *
say_of_path(const ImpliedPath *implied, const char *function, Node *value)
{
	Oid			types[2] = {exprType((Node *) implied->path), exprType(value)};
	Oid			oid = LookupFuncName(list_make2(makeString(implied->schema), makeString(pstrdup(function))), 2, types, true);

	if (!OidIsValid(oid))
		return NULL;
	return (Node *) makeFuncExpr(oid, BOOLOID, list_make2(copyObject(implied->path), copyObject(value)),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

static Node *
implied_by_equality(const ImpliedPath *implied, Oid operator, Oid collation, List *args, bool list)
{
	const char *column;
	Node	   *value;

	if (operator != TextEqualOperator || !OidIsValid(collation) || !get_collation_isdeterministic(collation))
		return NULL;
	column = column_of(implied, linitial(args));
	value = lsecond(args);
	if (column == NULL && !list)
	{
		column = column_of(implied, value);
		value = linitial(args);
	}
	if (column == NULL || !is_given(value, list ? TEXTARRAYOID : TEXTOID))
		return NULL;
	if (is_lineage_field(implied->type, column))
	{
		if (!list)
			return say_of_path(implied, "lineage_has_label", value);
		/* the operator for lists leaves the resource itself out */
		if (implied->type->lineage_field == NULL || strcmp(implied->type->lineage_field, column) != 0)
			return say_of_path(implied, "lineage_has_any_label", value);
	}
	else if (!list && implied->type->parent_column != NULL && strcmp(implied->type->parent_column, column) == 0)
	{
		value = parent_label(implied->type, value);
		if (value != NULL)
			return say_of_path(implied, "lineage_has_label", value);
	}
	return NULL;
}

/* implied_by returns what the condition says of the path, or NULL: nothing. */
static Node *
implied_by(const ImpliedPath *implied, Node *condition)
{
	List	   *parts = NIL;
	ListCell   *lc;

	if (IsA(condition, OpExpr) && list_length(((OpExpr *) condition)->args) == 2)
	{
		OpExpr	   *op = (OpExpr *) condition;

		return implied_by_equality(implied, op->opno, op->inputcollid, op->args, false);
	}
	if (IsA(condition, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) condition)->useOr)
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) condition;

		return implied_by_equality(implied, op->opno, op->inputcollid, op->args, true);
	}
	if (!is_andclause(condition) && !is_orclause(condition))
		return NULL;
	foreach(lc, ((BoolExpr *) condition)->args)
	{
		Node	   *part = implied_by(implied, lfirst(lc));

		if (part != NULL)
			parts = lappend(parts, part);
		else if (is_orclause(condition))
			return NULL;
	}
	if (list_length(parts) <= 1)
		return parts == NIL ? NULL : linitial(parts);
	return (Node *) makeBoolExpr(((BoolExpr *) condition)->boolop, parts, -1);
}

/*
 * implied_by_query returns conditions on the path of the table that "column" is
 * of, a List of Node * in AND, which the query's conditions on its lineage
 * fields imply; NIL when there are none.
 */
static List *
implied_by_query(PlannerInfo *root, const Node *column, const char *schema)
{
	const Var  *var = (const Var *) column;
	ImpliedPath implied = {.schema = pstrdup(schema)};
	List	   *conditions = NIL;
	List	   *result = NIL;
	ListCell   *lc;
	AttrNumber	attnum;
	Var		   *path;
	Oid			typid;
	int32		typmod;
	Oid			collation;

	if (!IsA(var, Var) || var->varlevelsup != 0 || var->varno > list_length(root->parse->rtable) ||
		root->parse->jointree == NULL)
		return NIL;
	implied.varno = var->varno;
	implied.rte = rt_fetch(var->varno, root->parse->rtable);
	if (implied.rte->rtekind != RTE_RELATION)
		return NIL;
	implied.type = vxp_catalog_by_relid(implied.rte->relid);
	if (implied.type == NULL || implied.type->lineage_column == NULL ||
		(attnum = get_attnum(implied.rte->relid, implied.type->lineage_column)) <= 0)
		return NIL;
	get_atttypetypmodcoll(implied.rte->relid, attnum, &typid, &typmod, &collation);
	if (typid != vxp_lineage_type_oid())
		return NIL;
	/* where that column stands, this one may */
	path = copyObject((Var *) var);
	path->varattno = path->varattnosyn = attnum;
	path->varnosyn = path->varno;
	path->vartype = typid;
	path->vartypmod = typmod;
	path->varcollid = collation;
	implied.path = (Expr *) path;
	if (!add_conditions_above((Node *) root->parse->jointree, var->varno, &conditions))
		return NIL;
	foreach(lc, conditions)
	{
		Node	   *part = implied_by(&implied, lfirst(lc));

		if (part != NULL)
			result = lappend(result, part);
	}
	return result;
}

void
vxp_implied_init(void)
{
	vxp_implied_conditions = implied_by_query;
}
