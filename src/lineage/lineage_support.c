/*
 * lineage_support.c - planner support: index conditions from ancestry functions
 *
 * has_any_ancestor and has_all_ancestors are functions in their own right;
 * where an index class has the operator on the same function, the call becomes
 * that operator.  The condition is the very function, so it is not lossy.
 *
 * On a foreign table they become comparisons with one identifier each, which
 * postgres_fdw can ship: an array of text has a collation, and a call with one
 * stays here.
 *
 * On a btree in path order,
 *		a <@ p		is		a >= p AND a < lineage_subtree_end(p)
 *		a @> p		is		a = ANY (lineage_prefixes(p))
 * both exactly: what lies between a path and the end of its subtree is below
 * it, and a path is above p just if it is one of p's prefixes.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "parser/parsetree.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "lineage/lineage_index.h"
#include "lineage/lineage_stats.h"

VXP_FUNCTION(vxp_lineage_any_support);
VXP_FUNCTION(vxp_lineage_all_support);
VXP_FUNCTION(vxp_lineage_label_support);
VXP_FUNCTION(vxp_lineage_contained_support);
VXP_FUNCTION(vxp_lineage_contains_support);
VXP_FUNCTION(vxp_lineage_subtree_end);
VXP_FUNCTION(vxp_lineage_prefixes);

/* The arguments of the call or operator, and NULL unless there are two. */
static List *
two_arguments(Node *node)
{
	List	   *args = NIL;

	if (IsA(node, FuncExpr))
		args = ((FuncExpr *) node)->args;
	else if (IsA(node, OpExpr))
		args = ((OpExpr *) node)->args;
	return list_length(args) == 2 ? args : NIL;
}

/*
 * list_condition returns the index condition of a call on a text array, or
 * NULL: the family's operator on this very function, if it has one.
 */
static Node *
list_condition(SupportRequestIndexCondition *request, StrategyNumber strategy)
{
	List	   *args = two_arguments(request->node);
	Oid			operator;

	if (args == NIL || request->indexarg != 0)
		return NULL;
	if (request->index->relam != GIST_AM_OID && request->index->relam != GIN_AM_OID)
		return NULL;
	if (!is_pseudo_constant_for_index(request->root, lsecond(args), request->index))
		return NULL;
	operator = get_opfamily_member(request->opfamily, exprType(linitial(args)), TEXTARRAYOID, strategy);
	if (!OidIsValid(operator) || get_opcode(operator) != request->funcid)
		return NULL;
	request->lossy = false;
	return (Node *) list_make1(make_opclause(operator, BOOLOID, false, linitial(args), lsecond(args),
											 InvalidOid, InvalidOid));
}

static Oid
identifier_type(Oid namespace)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("identifier"), ObjectIdGetDatum(namespace));
}

/* Longer lists are not worth their text on the wire. */
#define MAX_SHIPPED_ELEMENTS 1000

/* Is that a column of a foreign table of this very query? */
static bool
is_foreign_column(PlannerInfo *root, Node *node)
{
	RangeTblEntry *rte;

	if (root == NULL || !IsA(node, Var) || ((Var *) node)->varlevelsup != 0 ||
		((Var *) node)->varno > list_length(root->parse->rtable))
		return false;
	rte = rt_fetch(((Var *) node)->varno, root->parse->rtable);
	return rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_FOREIGN_TABLE;
}

/*
 * list_comparisons returns "path @^ a OR path @^ b ..." (any), or the same with
 * AND, for a call with a constant list on a column of a foreign table, else
 * NULL.  Empty lists stay as they are, and so do those with a NULL that would
 * have to be an ancestor: what the call says of them no comparison says.
 */
static Node *
list_comparisons(SupportRequestSimplify *request, bool any)
{
	List	   *args = request->fcall->args;
	Const	   *list;
	ArrayType  *array;
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	Oid			namespace;
	Oid			identifier;
	Oid			operator;
	List	   *tests = NIL;

	if (list_length(args) != 2 || !is_foreign_column(request->root, linitial(args)) || !IsA(lsecond(args), Const))
		return NULL;
	list = lsecond_node(Const, args);
	if (list->constisnull)
		return NULL;
	array = DatumGetArrayTypeP(list->constvalue);
	if (ARR_NDIM(array) != 1 || ArrayGetNItems(1, ARR_DIMS(array)) > MAX_SHIPPED_ELEMENTS)
		return NULL;
	namespace = get_func_namespace(request->fcall->funcid);
	identifier = identifier_type(namespace);
	operator = OpernameGetOprid(list_make2(makeString(get_namespace_name(namespace)), makeString(pstrdup("@^"))),
								exprType(linitial(args)), identifier);
	if (!OidIsValid(identifier) || !OidIsValid(operator))
		return NULL;
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i] && !any)
			return NULL;
		/* the two types are stored alike */
		if (!nulls[i])
			tests = lappend(tests, make_opclause(operator, BOOLOID, false, copyObject(linitial(args)),
												 (Expr *) makeConst(identifier, -1, InvalidOid, -1, elements[i], false, false),
												 InvalidOid, InvalidOid));
	}
	if (tests == NIL)
		return NULL;
	if (list_length(tests) == 1)
		return linitial(tests);
	return (Node *) (any ? make_orclause(tests) : make_andclause(tests));
}

/* helper_call returns a call of one of our functions on a path, folded if that is constant. */
static Node *
helper_call(SupportRequestIndexCondition *request, const char *name, Oid result, Node *path)
{
	Oid			path_type = exprType(path);
	char	   *schema = get_namespace_name(get_func_namespace(request->funcid));
	Oid			function = LookupFuncName(list_make2(makeString(schema), makeString(pstrdup(name))),
										  1, &path_type, true);

	if (!OidIsValid(function))
		return NULL;
	return eval_const_expressions(request->root,
								  (Node *) makeFuncExpr(function, result, list_make1(path),
														InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
}

/*
 * path_condition returns the btree condition for "column <@ other" (below) or
 * "column @> other", or NULL.
 */
static Node *
path_condition(SupportRequestIndexCondition *request, bool below)
{
	List	   *args = two_arguments(request->node);
	Node	   *column;
	Node	   *other;
	Node	   *bound;
	Oid			type;

	if (args == NIL || request->index->relam != BTREE_AM_OID)
		return NULL;
	column = list_nth(args, request->indexarg);
	other = list_nth(args, 1 - request->indexarg);
	if (request->indexarg == 1)
		below = !below;
	type = exprType(column);
	if (type != exprType(other) ||
		!is_pseudo_constant_for_index(request->root, other, request->index))
		return NULL;

	if (below)
	{
		Oid			ge = get_opfamily_member(request->opfamily, type, type, BTGreaterEqualStrategyNumber);
		Oid			lt = get_opfamily_member(request->opfamily, type, type, BTLessStrategyNumber);

		bound = helper_call(request, "lineage_subtree_end", type, other);
		if (!OidIsValid(ge) || !OidIsValid(lt) || bound == NULL)
			return NULL;
		request->lossy = false;
		return (Node *) list_make2(make_opclause(ge, BOOLOID, false, (Expr *) column, (Expr *) other,
												 InvalidOid, InvalidOid),
								   make_opclause(lt, BOOLOID, false, (Expr *) column, (Expr *) bound,
												 InvalidOid, InvalidOid));
	}
	else
	{
		Oid			equal = get_opfamily_member(request->opfamily, type, type, BTEqualStrategyNumber);
		Oid			array_type = get_array_type(type);
		ScalarArrayOpExpr *any;

		if (!OidIsValid(equal) || !OidIsValid(array_type))
			return NULL;
		bound = helper_call(request, "lineage_prefixes", array_type, other);
		if (bound == NULL)
			return NULL;
		any = makeNode(ScalarArrayOpExpr);
		any->opno = equal;
		any->opfuncid = get_opcode(equal);
		any->useOr = true;
		any->args = list_make2(column, bound);
		any->location = -1;
		request->lossy = false;
		return (Node *) list_make1(any);
	}
}

/* lineage_any_support(internal) -> internal: has_any_ancestor, @^| */
Datum
vxp_lineage_any_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestIndexCondition))
		PG_RETURN_POINTER(list_condition((SupportRequestIndexCondition *) request, LINEAGE_STRAT_HAS_ANY));
	if (IsA(request, SupportRequestSelectivity))
		PG_RETURN_POINTER(vxp_lineage_selectivity_request((SupportRequestSelectivity *) request,
														  LINEAGE_STRAT_HAS_ANY));
	if (IsA(request, SupportRequestSimplify))
		PG_RETURN_POINTER(list_comparisons((SupportRequestSimplify *) request, true));
	PG_RETURN_POINTER(NULL);
}

/* lineage_all_support(internal) -> internal: has_all_ancestors, @^& */
Datum
vxp_lineage_all_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestIndexCondition))
		PG_RETURN_POINTER(list_condition((SupportRequestIndexCondition *) request, LINEAGE_STRAT_HAS_ALL));
	if (IsA(request, SupportRequestSelectivity))
		PG_RETURN_POINTER(vxp_lineage_selectivity_request((SupportRequestSelectivity *) request,
														  LINEAGE_STRAT_HAS_ALL));
	if (IsA(request, SupportRequestSimplify))
		PG_RETURN_POINTER(list_comparisons((SupportRequestSimplify *) request, false));
	PG_RETURN_POINTER(NULL);
}

/*
 * label_condition returns the index condition of lineage_has_label(path, label)
 * or lineage_has_any_label(path, labels), or NULL.  Their C functions are those of
 * @^= and @^|, so that it is not lossy.
 */
static Node *
label_condition(SupportRequestIndexCondition *request)
{
	List	   *args = two_arguments(request->node);
	Oid			path_type;
	Oid			type;
	Node	   *value;
	Oid			operator;

	if (args == NIL || request->indexarg != 0)
		return NULL;
	if (request->index->relam != GIST_AM_OID && request->index->relam != GIN_AM_OID)
		return NULL;
	value = lsecond(args);
	if (!is_pseudo_constant_for_index(request->root, value, request->index))
		return NULL;
	path_type = exprType(linitial(args));
	type = exprType(value);
	if (type == TEXTOID)
	{
		/* stored alike */
		type = identifier_type(get_func_namespace(request->funcid));
		value = applyRelabelType(copyObject(value), type, -1, InvalidOid, COERCE_IMPLICIT_CAST, -1, false);
	}
	operator = get_opfamily_member(request->opfamily, path_type, type,
								   type == TEXTARRAYOID ? LINEAGE_STRAT_HAS_ANY : LINEAGE_STRAT_IS_WITHIN);
	if (!OidIsValid(operator))
		return NULL;
	request->lossy = false;
	return (Node *) list_make1(make_opclause(operator, BOOLOID, false, linitial(args), (Expr *) value,
											 InvalidOid, InvalidOid));
}

/*
 * lineage_label_support(internal) -> internal: lineage_has_label, lineage_has_any_label
 *
 * They say again what another condition of the query says, for the index alone,
 * so they select nothing.
 */
Datum
vxp_lineage_label_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestIndexCondition))
		PG_RETURN_POINTER(label_condition((SupportRequestIndexCondition *) request));
	if (IsA(request, SupportRequestSelectivity))
	{
		((SupportRequestSelectivity *) request)->selectivity = 1.0;
		PG_RETURN_POINTER(request);
	}
	PG_RETURN_POINTER(NULL);
}

/* lineage_contained_support(internal) -> internal: <@ */
Datum
vxp_lineage_contained_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestIndexCondition))
		PG_RETURN_POINTER(path_condition((SupportRequestIndexCondition *) request, true));
	PG_RETURN_POINTER(NULL);
}

/* lineage_contains_support(internal) -> internal: @> */
Datum
vxp_lineage_contains_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestIndexCondition))
		PG_RETURN_POINTER(path_condition((SupportRequestIndexCondition *) request, false));
	PG_RETURN_POINTER(NULL);
}

/*
 * lineage_subtree_end(path lineage) -> lineage
 *
 * The path with a byte 1 behind its last label: the least path behind the
 * subtree, as no label has a byte 0.  Every path below "path" has its last
 * label in full at that place and so is less; a path between the two has at
 * that place a label that starts with it and continues, if at all, with a byte
 * below 1.  Made for comparison: its last label may be a byte over the limit.
 */
Datum
vxp_lineage_subtree_end(PG_FUNCTION_ARGS)
{
	struct varlena *path = PG_GETARG_LINEAGE_PP(0);
	LineageSpan span = lineage_span(path);
	LineageLabel last = vxp_lineage_last(span);
	const char *payload = VARDATA_ANY(path);
	int			grown = last.length + 1;
	Size		head = (last.length < 128 ? last.bytes - 1 : last.bytes - 2) - payload;
	struct varlena *result = palloc(VARHDRSZ + head + 2 + grown);
	uint8	   *p = (uint8 *) VARDATA(result);

	memcpy(p, payload, head);
	p += head;
	if (grown >= 128)
		*p++ = 0x80 | (grown >> 8);
	*p++ = grown & 0xff;
	memcpy(p, last.bytes, last.length);
	p[last.length] = 1;
	SET_VARSIZE(result, (char *) p + grown - (char *) result);
	PG_FREE_IF_COPY(path, 0);
	PG_RETURN_POINTER(result);
}

/* lineage_prefixes(path lineage) -> lineage[]: the path and all paths above it, root first */
Datum
vxp_lineage_prefixes(PG_FUNCTION_ARGS)
{
	struct varlena *path = PG_GETARG_LINEAGE_PP(0);
	LineageSpan span = lineage_span(path);
	Datum	   *elements = palloc(span.depth * sizeof(Datum));
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);
	ArrayType  *result;

	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type of the argument");
	for (int i = 0; i < span.depth; i++)
		elements[i] = PointerGetDatum(vxp_lineage_from_span(vxp_lineage_slice(span, 0, i + 1)));
	result = construct_array(elements, span.depth, type, -1, false, TYPALIGN_INT);
	PG_FREE_IF_COPY(path, 0);
	PG_RETURN_POINTER(result);
}
