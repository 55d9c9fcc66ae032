/*
 * catalog_paths.c - planner support: rows by lineage field through the index on
 * paths, and writes that leave out the table of closed rows
 *
 * Versions that have ended have no index on each lineage field, which every
 * change would pay for; they have one on path and interval.  So where a table
 * of a resource type is asked for patient_id = X, and no index has that column,
 * the planner is told that X is a label of the path, and makes the index paths
 * that follow: for values, for other tables' columns (inner side of a nested loop), for
 * lists of values, for parts of OR.
 *
 * Proof that no row is lost.  The row trigger reads a lineage field off the
 * path, so that the field's value is a label of it; nobody else may change
 * either (vxp.check_lineage finds what was changed with triggers off).  A parent
 * identifier is the label before the last, with the prefix that the trigger
 * adds to a bare id.  Conditions from which others follow are rechecked on each
 * row, since the plan keeps them.
 *
 * No dependency is recorded: whatever changes the mapping of a table's columns
 * creates or drops triggers of that table, and so invalidates its plans.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "catalog/catalog.h"
#include "catalog/catalog_lineage.h"
#include "common/vxp_compat.h"
#include "validity/version.h"

/* A table whose rows are looked for. */
typedef struct LineageRelation
{
	RelOptInfo *rel;
	const ResourceType *type;
	AttrNumber	path;			/* the column with the path */
	Oid			path_type;
	Bitmapset  *fields;			/* lineage fields without an index of their own */
	AttrNumber	own_field;		/* the one of the type itself, if among them, or 0 */
	AttrNumber	parent;			/* the parent column, if it has no index, or 0 */
	AttrNumber	wanted;			/* column that comes_from_column() looks for */
} LineageRelation;

static set_rel_pathlist_hook_type previous_hook = NULL;

/* The type that the table, or what it inherits from, is registered for; NULL when there is none. */
static const ResourceType *
type_of(PlannerInfo *root, Index rti, Oid relid)
{
	const ResourceType *type = vxp_catalog_by_relid(relid);

	while (type == NULL && root->append_rel_array != NULL && root->append_rel_array[rti] != NULL)
	{
		type = vxp_catalog_by_relid(root->append_rel_array[rti]->parent_reloid);
		rti = root->append_rel_array[rti]->parent_relid;
	}
	return type;
}

/* Has the table an index on paths?  Then *type is the type of paths. */
static bool
has_path_index(RelOptInfo *rel, Oid *type)
{
	ListCell   *lc;

	*type = InvalidOid;
	foreach(lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst(lc);

		if (index->relam != GIST_AM_OID && index->relam != GIN_AM_OID)
			continue;
		if (!OidIsValid(*type))
			*type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("lineage"), ObjectIdGetDatum(get_namespace_oid("vxp", true)));
		if (!OidIsValid(*type))
			return false;
		if (index->opcintype[0] == *type)
			return true;
	}
	return false;
}

/* Can the planner use an index that begins with the column? */
static bool
has_own_index(RelOptInfo *rel, AttrNumber attnum)
{
	ListCell   *lc;

	foreach(lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst(lc);

		if (index->indexkeys[0] == attnum && (index->indpred == NIL || index->predOK))
			return true;
	}
	return false;
}

/* Fills *table; false when there is nothing to find by path. */
static bool
describe(PlannerInfo *root, RelOptInfo *rel, Index rti, Oid relid, LineageRelation *table)
{
	const ListCell *lc;

	*table = (LineageRelation) {.rel = rel};
	if (!has_path_index(rel, &table->path_type))
		return false;
	table->type = type_of(root, rti, relid);
	if (table->type == NULL || table->type->lineage_column == NULL)
		return false;
	table->path = get_attnum(relid, table->type->lineage_column);
	if (table->path <= 0 || get_atttype(relid, table->path) != table->path_type)
		return false;
	foreach(lc, table->type->lineage_fields)
	{
		AttrNumber	attnum = get_attnum(relid, lfirst(lc));

		if (attnum <= 0 || has_own_index(rel, attnum))
			continue;
		table->fields = bms_add_member(table->fields, attnum);
		if (table->type->lineage_field != NULL && strcmp(table->type->lineage_field, lfirst(lc)) == 0)
			table->own_field = attnum;
	}
	if (table->type->parent_column != NULL && table->type->parents != NIL)
	{
		table->parent = get_attnum(relid, table->type->parent_column);
		if (table->parent <= 0 || has_own_index(rel, table->parent))
			table->parent = InvalidAttrNumber;
	}
	return table->fields != NULL || table->parent != InvalidAttrNumber;
}

static Node *
strip_relabel(Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

/* The node when it is a column of the table, under no conversion that changes it, else NULL. */
static Var *
column_of(const LineageRelation *table, Node *node)
{
	Var		   *var = (Var *) strip_relabel(node);

	if (var == NULL || !IsA(var, Var) || var->varno != table->rel->relid || var->varlevelsup != 0)
		return NULL;
	return var;
}

/* The parent's label when the parent column has this value, a constant; NULL when nothing is known. */
static Node *
parent_label(const ResourceType *type, Node *value)
{
	Const	   *given = (Const *) strip_relabel(value);
	const ResourceType *parent;
	char	   *id;

	if (!IsA(given, Const) || given->constisnull)
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

/* The path has this label (text), or one of these (text[]): a call that is for the index alone; NULL when there is no such function. */
static Node *
has_label(const LineageRelation *table, const Var *column, Node *value)
{
	Var		   *path = copyObject((Var *) column);
	bool		list = exprType(value) == TEXTARRAYOID;
	Oid			types[2] = {table->path_type, list ? TEXTARRAYOID : TEXTOID};
	Oid			function = LookupFuncName(list_make2(makeString("vxp"), makeString(list ? "lineage_has_any_label" : "lineage_has_label")),
										  2, types, true);

	if (!OidIsValid(function))
		return NULL;
	path->varattno = path->varattnosyn = table->path;
	path->varnosyn = path->varno;
	path->vartype = table->path_type;
	path->vartypmod = -1;
	path->varcollid = InvalidOid;
	return (Node *) makeFuncExpr(function, BOOLOID, list_make2(path, copyObject(value)), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* What "column = value", or "column = ANY (value)", says of the path, or NULL. */
static Node *
implied_by_equality(const LineageRelation *table, Oid operator, Oid collation, List *args, bool list)
{
	Var		   *column;
	Node	   *value;

	if (operator != TextEqualOperator || !OidIsValid(collation) || !get_collation_isdeterministic(collation))
		return NULL;
	column = column_of(table, linitial(args));
	value = lsecond(args);
	if (column == NULL && !list)
	{
		column = column_of(table, value);
		value = linitial(args);
	}
	if (column == NULL || exprType(value) != (list ? TEXTARRAYOID : TEXTOID) ||
		bms_is_member(table->rel->relid, pull_varnos(NULL, value)) || contain_volatile_functions(value))
		return NULL;
	if (column->varattno > 0 && bms_is_member(column->varattno, table->fields))
	{
		/* the operator for lists leaves the resource itself out */
		if (list && column->varattno == table->own_field)
			return NULL;
		return has_label(table, column, value);
	}
	if (!list && table->parent != InvalidAttrNumber && column->varattno == table->parent)
	{
		value = parent_label(table->type, value);
		if (value != NULL)
			return has_label(table, column, value);
	}
	return NULL;
}

/* implied_by returns what the condition says of the path, or NULL: nothing. */
static Node *
implied_by(const LineageRelation *table, Node *condition)
{
	List	   *parts = NIL;
	ListCell   *lc;

	if (IsA(condition, OpExpr) && list_length(((OpExpr *) condition)->args) == 2)
	{
		OpExpr	   *op = (OpExpr *) condition;

		return implied_by_equality(table, op->opno, op->inputcollid, op->args, false);
	}
	if (IsA(condition, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) condition)->useOr)
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) condition;

		return implied_by_equality(table, op->opno, op->inputcollid, op->args, true);
	}
	if (!is_andclause(condition) && !is_orclause(condition))
		return NULL;
	foreach(lc, ((BoolExpr *) condition)->args)
	{
		Node	   *part = implied_by(table, lfirst(lc));

		if (part != NULL)
			parts = lappend(parts, part);
		else if (is_orclause(condition))
			return NULL;
	}
	if (list_length(parts) <= 1)
		return parts == NIL ? NULL : linitial(parts);
	return (Node *) makeBoolExpr(((BoolExpr *) condition)->boolop, parts, -1);
}

/* What the conditions say of the path, as conditions of the same places. */
static List *
implied_by_all(PlannerInfo *root, const LineageRelation *table, List *conditions)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, conditions)
	{
		RestrictInfo *condition = lfirst_node(RestrictInfo, lc);
		Node	   *implied = condition->pseudoconstant ? NULL : implied_by(table, (Node *) condition->clause);

		if (implied != NULL)
			result = lappend(result, vxp_restrictinfo_like(root, (Expr *) implied, condition));
	}
	return result;
}

/* ec_matches_callback_type: is that member of the class the column we look for? */
static bool
comes_from_column(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec, EquivalenceMember *em, void *arg)
{
	const LineageRelation *table = arg;
	Var		   *var = column_of(table, (Node *) em->em_expr);

	return var != NULL && var->varattno == table->wanted;
}

/* Joins of the table: conditions on two tables, and equalities that the planner keeps as classes. */
static List *
implied_by_joins(PlannerInfo *root, LineageRelation *table)
{
	List	   *result = implied_by_all(root, table, table->rel->joininfo);

	if (!table->rel->has_eclass_joins)
		return result;
	for (int i = -1; (i = bms_next_member(table->fields, i)) >= 0;)
	{
		table->wanted = i;
		result = list_concat(result,
							 implied_by_all(root, table,
											generate_implied_equalities_for_column(root, table->rel, comes_from_column, table,
																				   table->rel->lateral_referencers)));
	}
	return result;
}

/*
 * make_paths lets the planner make index paths of the table as if the given
 * conditions stood in the query, and then forgets them, so that they change no
 * estimate and are no filter of any plan.
 */
static void
make_paths(PlannerInfo *root, RelOptInfo *rel, List *restrictions, List *joins)
{
	List	   *old_restrictions = rel->baserestrictinfo;
	List	   *old_joins = rel->joininfo;
	List	   *old_of_indexes = NIL;
	ListCell   *lc;
	ListCell   *old;

	rel->baserestrictinfo = list_concat_copy(old_restrictions, restrictions);
	rel->joininfo = list_concat_copy(old_joins, joins);
	foreach(lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst(lc);

		old_of_indexes = lappend(old_of_indexes, index->indrestrictinfo);
		index->indrestrictinfo = list_concat_copy(index->indrestrictinfo, restrictions);
	}
	create_index_paths(root, rel);
	forboth(lc, rel->indexlist, old, old_of_indexes)
		((IndexOptInfo *) lfirst(lc))->indrestrictinfo = lfirst(old);
	rel->baserestrictinfo = old_restrictions;
	rel->joininfo = old_joins;
	foreach(lc, rel->ppilist)
	{
		ParamPathInfo *param = lfirst(lc);

		param->ppi_clauses = list_difference_ptr(param->ppi_clauses, joins);
	}
}

/* Does the statement insert, itself or in WITH? */
static bool
inserts(const PlannerInfo *root)
{
	ListCell   *lc;

	while (root->parent_root != NULL)
		root = root->parent_root;
	foreach(lc, root->parse->cteList)
		if (castNode(Query, lfirst_node(CommonTableExpr, lc)->ctequery)->commandType == CMD_INSERT)
			return true;
	return root->parse->commandType == CMD_INSERT;
}

/*
 * UPDATE and DELETE pass over closed rows: read nothing to do so, and lock
 * none.  MERGE, and what vxp_version_closed cannot tell from it, have to know of
 * them.
 */
static bool
is_passed_over(PlannerInfo *root, const RelOptInfo *rel, Oid relid)
{
	return rel->reloptkind == RELOPT_OTHER_MEMBER_REL &&
		(root->parse->commandType == CMD_UPDATE || root->parse->commandType == CMD_DELETE) &&
		bms_is_member(rel->relid, root->leaf_result_relids) && vxp_passed_over(relid) && !inserts(root);
}

/* set_rel_pathlist_hook */
static void
add_paths(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	LineageRelation table;
	List	   *restrictions;
	List	   *joins;

	if (previous_hook)
		previous_hook(root, rel, rti, rte);
	if (rte->rtekind != RTE_RELATION || rte->inh || rte->tablesample != NULL || IS_DUMMY_REL(rel))
		return;
	if (is_passed_over(root, rel, rte->relid))
	{
		mark_dummy_rel(rel);
		return;
	}
	if (rel->indexlist == NIL ||
		(rel->baserestrictinfo == NIL && rel->joininfo == NIL && !rel->has_eclass_joins) ||
		!describe(root, rel, rti, rte->relid, &table))
		return;
	restrictions = implied_by_all(root, &table, rel->baserestrictinfo);
	joins = implied_by_joins(root, &table);
	if (restrictions != NIL || joins != NIL)
		make_paths(root, rel, restrictions, joins);
}

void
vxp_paths_init(void)
{
	previous_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = add_paths;
}
