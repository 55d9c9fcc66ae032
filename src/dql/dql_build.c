/*
 * dql_build.c - bound tree to an analysed Query
 *
 * Structure (FROM, WHERE, EXISTS, ORDER BY, LIMIT) is made of raw parse nodes,
 * so that the server's own analysis keeps its rules; every scalar expression is
 * one ParamRef, whose number indexes our list of leaves, and p_paramref_hook
 * turns it into a finished expression.  No text of the request ever becomes SQL
 * text or a name that is looked up: a value is a Const, a column an attribute
 * number, an operator the type's own by qualified name.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/analyze.h"
#include "parser/parse_clause.h"
#include "parser/parse_collate.h"
#include "parser/parse_relation.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "common/vxp_compat.h"
#include "dql/dql_build.h"
#include "validity/version.h"

/* vxp_build_leaf finishes the expression that a leaf stands for. */
Node *
vxp_build_leaf(ParseState *pstate, const Leaf *leaf)
{
	switch (leaf->kind)
	{
		case LEAF_COLUMN:
			return vxp_dql_column_expr(pstate, leaf->bound, leaf->column);
		case LEAF_CONDITION:
			return vxp_dql_condition_expr(pstate, leaf->bound, leaf->condition);
		case LEAF_SORT:
			return vxp_dql_sort_expr(pstate, leaf->bound, leaf->sort);
		case LEAF_VERSIONS:
			return vxp_dql_versions_expr(pstate, leaf->bound);
		case LEAF_CURSOR:
			return vxp_dql_cursor_expr(pstate, leaf->bound);
		case LEAF_ITEM:
			return vxp_dql_item_expr(pstate, leaf->bound);
		case LEAF_RECORD:
			return vxp_record_expr(pstate, leaf->bound, leaf->record);
		case LEAF_EXPR:
			return leaf->expr;
		case LEAF_OVERLAP_TIME:
			return vxp_timeline_leaf(pstate, leaf);
		case LEAF_FACET_SOURCE:
		case LEAF_FACET:
		case LEAF_FACET_ITEM:
			return vxp_facet_leaf(pstate, leaf);
		default:
			return vxp_related_leaf(pstate, leaf);
	}
}

/* The location that says which clauses of the request a leaf came from, for vxp.explain. */
static int
leaf_location(const Leaf *leaf)
{
	Bitmapset  *clauses = NULL;

	if (leaf->condition)
		clauses = vxp_clause_of_node(leaf->condition);
	else if (leaf->sort && leaf->sort->clause > 0)
		clauses = bms_make_singleton(leaf->sort->clause);
	else if (leaf->kind == LEAF_VERSIONS && leaf->bound->outermost->request->versions_clause > 0)
		clauses = bms_make_singleton(leaf->bound->outermost->request->versions_clause);
	else if (leaf->cut)
		clauses = leaf->bound->request->cut_clauses;
	else if (leaf->related)
		clauses = leaf->related->clauses;
	else if (leaf->kind == LEAF_CURSOR && leaf->bound->request->after_clause > 0)
		clauses = bms_make_singleton(leaf->bound->request->after_clause);
	return vxp_clause_location(leaf->bound, clauses);
}

/* p_paramref_hook: the leaf that a ParamRef of ours stands for. */
static Node *
replace_param(ParseState *pstate, ParamRef *ref)
{
	BuildState *state = pstate->p_ref_hook_state;
	const Leaf *leaf = list_nth(state->leaves, ref->number - 1);
	Node	   *expr = vxp_build_leaf(pstate, leaf);

	if (leaf->bound->outermost->explain)
		vxp_clause_tag(expr, leaf_location(leaf));
	return expr;
}

/* A parse state for the leaves of "state". */
static ParseState *
raw_state(BuildState *state)
{
	ParseState *pstate = make_parsestate(NULL);

	pstate->p_paramref_hook = replace_param;
	pstate->p_ref_hook_state = state;
	return pstate;
}

/* vxp_new_leaf adds a leaf of the query being built; *ref stands for it. */
Leaf *
vxp_new_leaf(BuildState *state, LeafKind kind, Node **ref)
{
	Leaf	   *leaf = palloc0(sizeof(Leaf));
	ParamRef   *param = makeNode(ParamRef);

	leaf->kind = kind;
	leaf->bound = state->bound;
	state->leaves = lappend(state->leaves, leaf);
	param->number = list_length(state->leaves);
	param->location = -1;
	*ref = (Node *) param;
	return leaf;
}

/* Can the condition be neither NULL nor false, so that plain NOT is its complement? */
static bool
is_total(const BoundNode *node)
{
	ListCell   *lc;

	switch (node->kind)
	{
		case BOUND_CONST:
		case BOUND_NULL:
		case BOUND_ELEMENT:
		case BOUND_DOCUMENT:
		case BOUND_NOT:
		case BOUND_COUNTED:
			return true;
		case BOUND_RELATED:
			/* EXISTS; the grouped form is IN, the gathered one &&, which are NULL for NULL */
			return node->related->at_least == 0 && node->related->exactly == 0 && !node->related->gathered &&
				!vxp_is_element(node->related->outer.column);
		case BOUND_MULTIPLE:
		case BOUND_EXTREME:
		case BOUND_RANGE:
			return false;
		case BOUND_AND:
		case BOUND_OR:
			foreach(lc, node->args)
				if (!is_total(lfirst(lc)))
					return false;
			return true;
		default:
			return node->value.param == 0 && node->kind != BOUND_INSTANT && vxp_never_null(node->column);
	}
}

/*
 * Is the table read with its children?  Where the open rows are written out as
 * what is shown now, the closed ones are left out as the planner leaves them out
 * for vxp.shown(); not beside a request for all versions of the same table.
 */
static bool
reads_children(const BoundQuery *bound)
{
	Oid			history;

	if (bound->versions == VERSIONS_CURRENT &&
		(bound->outermost->versions == VERSIONS_CURRENT || bound->outermost->relid != bound->relid))
		return !vxp_open_alone(bound->relid, bound->valid_to->attnum, &history);
	return true;
}

/* vxp_raw_relation: the table, for FROM */
RangeVar *
vxp_raw_relation(const BoundQuery *bound)
{
	RangeVar   *table = makeRangeVar(pstrdup(bound->schema_name), pstrdup(bound->table_name), -1);

	table->inh = reads_children(bound);
	return table;
}

/* vxp_raw_unnest: unnest(array) AS element(element), for FROM */
RangeFunction *
vxp_raw_unnest(Node *array)
{
	RangeFunction *from = makeNode(RangeFunction);
	List	   *unnest = list_make2(makeString("pg_catalog"), makeString("unnest"));

	from->functions = list_make1(list_make2(makeFuncCall(unnest, list_make1(array), COERCE_EXPLICIT_CALL, -1), NIL));
	from->alias = makeAlias(DQL_ELEMENT_ALIAS, list_make1(makeString(DQL_ELEMENT_ALIAS)));
	return from;
}

/* vxp_raw_sublink: a subselect in an expression */
SubLink *
vxp_raw_sublink(SubLinkType type, SelectStmt *select)
{
	SubLink    *link = makeNode(SubLink);

	link->subLinkType = type;
	link->subselect = (Node *) select;
	link->location = -1;
	return link;
}

/* EXISTS (SELECT FROM unnest(column) element WHERE condition) */
static Node *
raw_exists(BuildState *state, const BoundNode *node, Node *where)
{
	SelectStmt *select = makeNode(SelectStmt);
	Node	   *elements;

	vxp_new_leaf(state, LEAF_COLUMN, &elements)->column = node->column;
	select->fromClause = list_make1(vxp_raw_unnest(elements));
	select->whereClause = where;
	return (Node *) vxp_raw_sublink(EXISTS_SUBLINK, select);
}

/* AND, OR or NOT over the conditions that "args" are; NULL for what is none of these */
static Node *
join_conditions(const BoundNode *node, List *args)
{
	switch (node->kind)
	{
		case BOUND_AND:
			return (Node *) makeBoolExpr(AND_EXPR, args, -1);
		case BOUND_OR:
			return (Node *) makeBoolExpr(OR_EXPR, args, -1);
		case BOUND_NOT:
			if (is_total(linitial(node->args)))
				return (Node *) makeBoolExpr(NOT_EXPR, args, -1);
			return vxp_dql_is_not_true(linitial(args));
		default:
			return NULL;
	}
}

/* vxp_raw_condition: a bound condition as parse nodes over leaves */
Node *
vxp_raw_condition(BuildState *state, const BoundNode *node)
{
	List	   *args = NIL;
	Node	   *joined;
	Node	   *ref;
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, node->args)
		args = lappend(args, vxp_raw_condition(state, lfirst(lc)));
	joined = join_conditions(node, args);
	if (joined)
		return joined;
	switch (node->kind)
	{
		case BOUND_ELEMENT:
			return raw_exists(state, node, linitial(args));
		case BOUND_RELATED:
			return vxp_raw_related(state, node);
		case BOUND_MULTIPLE:
			return vxp_raw_multiple(state, node);
		case BOUND_COUNTED:
			return vxp_raw_counted(state, node);
		case BOUND_EXTREME:
			return vxp_raw_extreme(state, node);
		default:
			vxp_new_leaf(state, LEAF_CONDITION, &ref)->condition = node;
			return ref;
	}
}

/* vxp_raw_where: the rows of the query being built, by filter and version; NULL: every row */
Node *
vxp_raw_where(BuildState *state)
{
	const BoundQuery *bound = state->bound;
	Node	   *filter = bound->filter ? vxp_raw_condition(state, bound->filter) : NULL;
	Node	   *versions;

	if (bound->versions == VERSIONS_ALL)
		return filter;
	vxp_new_leaf(state, LEAF_VERSIONS, &versions);
	return filter ? (Node *) makeBoolExpr(AND_EXPR, list_make2(filter, versions), -1) : versions;
}

/* vxp_raw_target: one column of a target list */
ResTarget *
vxp_raw_target(Node *value, const char *name)
{
	ResTarget  *result = makeNode(ResTarget);

	result->name = name ? pstrdup(name) : NULL;
	result->val = value;
	result->location = -1;
	return result;
}

/* Is the column at this place selected, and read by somebody? */
static bool
is_target(const BoundQuery *bound, const DqlBuild *build, const FormData_pg_attribute *attribute)
{
	if (attribute->attisdropped || (!bound->select_all && !bms_is_member(attribute->attnum, bound->columns)))
		return false;
	return build->shape == DQL_SHAPE_SELECTED || build->all_used || bms_is_member(attribute->attnum, build->used);
}

static int
row_width(const DqlBuild *build, Relation relation)
{
	return build->shape == DQL_SHAPE_ROWS ? build->width : RelationGetNumberOfAttributes(relation);
}

/* The columns that are selected and read, in their order. */
static List *
row_targets(BuildState *state, const DqlBuild *build, Relation relation)
{
	List	   *targets = NIL;

	for (int i = 0; i < row_width(build, relation); i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), i);
		Node	   *value;

		if (!is_target(state->bound, build, attribute))
			continue;
		vxp_new_leaf(state, LEAF_COLUMN, &value)->column = vxp_bind_column(relation, i + 1);
		targets = lappend(targets, vxp_raw_target(value, NameStr(attribute->attname)));
	}
	return targets;
}

/*
 * vxp_dql_fill_row_type gives an analysed query over row_targets one column for each attribute of the
 * row type: what nobody reads is NULL.  These columns have not been analysed,
 * of which a table may have hundreds.  What follows the columns (sort keys)
 * stays behind them.  A bare query has no targets yet.
 */
void
vxp_dql_fill_row_type(Query *query, const BoundQuery *bound, const DqlBuild *build)
{
	Relation	relation = relation_open(bound->relid, NoLock);
	List	   *targets = NIL;
	ListCell   *next = list_head(query->targetList);

	for (int i = 0; i < row_width(build, relation); i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), i);
		TargetEntry *target;

		if (is_target(bound, build, attribute) && build->bare)
			target = makeTargetEntry((Expr *) makeVar(1, i + 1, attribute->atttypid, attribute->atttypmod,
													  attribute->attcollation, 0),
									 i + 1, pstrdup(NameStr(attribute->attname)), false);
		else if (is_target(bound, build, attribute))
		{
			target = lfirst(next);
			next = lnext(query->targetList, next);
			target->resno = i + 1;
		}
		else if (attribute->attisdropped)
			target = makeTargetEntry((Expr *) makeNullConst(INT4OID, -1, InvalidOid), i + 1, "?dropped?", false);
		else
			target = makeTargetEntry((Expr *) makeConst(attribute->atttypid, attribute->atttypmod, attribute->attcollation,
														attribute->attlen, (Datum) 0, true, attribute->attbyval),
									 i + 1, pstrdup(NameStr(attribute->attname)), false);
		targets = lappend(targets, target);
	}
	for (; next; next = lnext(query->targetList, next))
	{
		((TargetEntry *) lfirst(next))->resno = list_length(targets) + 1;
		targets = lappend(targets, lfirst(next));
	}
	query->targetList = targets;
	relation_close(relation, NoLock);
}

/* Is the condition made of conditions on single columns and documents alone? */
static bool
is_flat(const BoundNode *node)
{
	ListCell   *lc;

	check_stack_depth();
	switch (node->kind)
	{
		case BOUND_AND:
		case BOUND_OR:
		case BOUND_NOT:
			foreach(lc, node->args)
				if (!is_flat(lfirst(lc)))
					return false;
			return true;
		case BOUND_ELEMENT:
		case BOUND_RELATED:
		case BOUND_MULTIPLE:
		case BOUND_COUNTED:
		case BOUND_EXTREME:
			return false;
		default:
			return true;
	}
}

/* What the server's analysis would make of vxp_raw_condition(), for a flat condition. */
static Node *
flat_condition(ParseState *pstate, const BoundQuery *bound, const BoundNode *node)
{
	List	   *args = NIL;
	Node	   *joined;
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, node->args)
		args = lappend(args, flat_condition(pstate, bound, lfirst(lc)));
	joined = join_conditions(node, args);
	return joined ? joined : vxp_dql_condition_expr(pstate, bound, node);
}

/* The conditions of a bare query, analysed; NULL: none. */
static Node *
bare_where(BuildState *state, ParseState *pstate)
{
	const BoundQuery *bound = state->bound;
	Node	   *where;

	if (bound->filter && !is_flat(bound->filter))
		return transformWhereClause(pstate, vxp_raw_where(state), EXPR_KIND_WHERE, "WHERE");
	pstate->p_expr_kind = EXPR_KIND_WHERE;
	where = bound->filter ? flat_condition(pstate, bound, bound->filter) : NULL;
	if (bound->versions != VERSIONS_ALL)
	{
		Node	   *versions = vxp_dql_versions_expr(pstate, bound);

		where = where ? (Node *) makeBoolExpr(AND_EXPR, list_make2(where, versions), -1) : versions;
	}
	pstate->p_expr_kind = EXPR_KIND_NONE;
	return where;
}

/*
 * The Query of a bare build: one table, which is known and locked, with the
 * conditions; no statement has to be analysed for it.  There are no targets that
 * would ask for the privilege to read the columns that somebody reads.
 */
static Query *
build_bare(BoundQuery *bound, const DqlBuild *build)
{
	BuildState	state = {bound, NIL};
	Relation	relation = relation_open(bound->relid, NoLock);
	ParseState *pstate = raw_state(&state);
	Alias	   *alias = build->alias ? makeAlias(build->alias->aliasname, NIL) : NULL;
	ParseNamespaceItem *item = addRangeTableEntryForRelation(pstate, relation, AccessShareLock, alias,
															   reads_children(bound), true);
	Query	   *query = makeNode(Query);

	addNSItemToQuery(pstate, item, true, true, true);
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->jointree = makeFromExpr(pstate->p_joinlist, bare_where(&state, pstate));
	query->rtable = pstate->p_rtable;
	vxp_take_permissions(query, pstate);
	query->hasSubLinks = pstate->p_hasSubLinks;
	assign_expr_collations(pstate, query->jointree->quals);
	for (int i = 0; i < row_width(build, relation); i++)
		if (is_target(bound, build, TupleDescAttr(RelationGetDescr(relation), i)))
			vxp_mark_selected(query, linitial_node(RangeTblEntry, query->rtable), i + 1);
	free_parsestate(pstate);
	relation_close(relation, NoLock);
	return query;
}

static List *
raw_sort(BuildState *state)
{
	List	   *clauses = NIL;
	ListCell   *lc;

	foreach(lc, state->bound->sort)
	{
		BoundSort  *sort = lfirst(lc);
		SortBy	   *by = makeNode(SortBy);

		vxp_new_leaf(state, LEAF_SORT, &by->node)->sort = sort;
		by->sortby_dir = sort->descending ? SORTBY_DESC : SORTBY_ASC;
		/* a missing value is the least; said only where there can be one, so that a default index fits */
		if (sort->inside == NULL && !vxp_never_null(sort->column))
			by->sortby_nulls = sort->descending ? SORTBY_NULLS_LAST : SORTBY_NULLS_FIRST;
		else
			by->sortby_nulls = SORTBY_NULLS_DEFAULT;
		by->location = -1;
		clauses = lappend(clauses, by);
	}
	return clauses;
}

static Node *
bigint_leaf(BuildState *state, int64 value)
{
	Node	   *ref;
	Leaf	   *leaf = vxp_new_leaf(state, LEAF_EXPR, &ref);

	leaf->expr = vxp_dql_const(INT8OID, Int64GetDatum(value));
	leaf->cut = true;
	return ref;
}

static void
raw_limit(BuildState *state, SelectStmt *select, int64 offset, int64 limit)
{
	if (offset > 0)
		select->limitOffset = bigint_leaf(state, offset);
	if (limit >= 0)
	{
		select->limitCount = bigint_leaf(state, limit);
		select->limitOption = LIMIT_OPTION_COUNT;
	}
}

/* vxp_raw_order: ORDER BY, OFFSET and LIMIT of the query being built */
void
vxp_raw_order(BuildState *state, SelectStmt *select)
{
	select->sortClause = raw_sort(state);
	raw_limit(state, select, state->bound->offset, state->bound->limit);
}

/* SELECT count(*) FROM ..., over what skip and limit leave */
static SelectStmt *
raw_count(BuildState *state, SelectStmt *select)
{
	const DqlRequest *request = state->bound->request;
	FuncCall   *count = makeFuncCall(list_make2(makeString("pg_catalog"), makeString("count")),
									 NIL, COERCE_EXPLICIT_CALL, -1);
	A_Const    *nothing;
	RangeSubselect *from;
	SelectStmt *outer;

	count->agg_star = true;
	if (request->skip <= 0 && request->limit < 0)
	{
		select->targetList = list_make1(vxp_raw_target((Node *) count, NULL));
		return select;
	}
	raw_limit(state, select, Max(request->skip, 0), request->limit);
	/* some column: Citus cannot carry rows that have none from one step to the next */
	nothing = makeNode(A_Const);
	nothing->isnull = true;
	nothing->location = -1;
	select->targetList = list_make1(vxp_raw_target((Node *) nothing, "nothing"));
	from = makeNode(RangeSubselect);
	from->subquery = (Node *) select;
	from->alias = makeAlias("cut", NIL);
	outer = makeNode(SelectStmt);
	outer->targetList = list_make1(vxp_raw_target((Node *) count, NULL));
	outer->fromClause = list_make1(from);
	return outer;
}

/* vxp_raw_analyse returns the Query of parse nodes over the leaves of "state". */
Query *
vxp_raw_analyse(BuildState *state, SelectStmt *select)
{
	RawStmt    *raw = makeNode(RawStmt);
	ParseState *pstate = raw_state(state);
	Query	   *query;

	raw->stmt = (Node *) select;
	query = transformTopLevelStmt(pstate, raw);
	free_parsestate(pstate);
	return query;
}

/*
 * vxp_dql_build returns the Query, analysed but not rewritten.  The relation of
 * "bound" is locked by the caller and by the analysis.  Errors are raised.
 */
Query *
vxp_dql_build(BoundQuery *bound, const DqlBuild *build)
{
	BuildState	state = {bound, NIL};
	SelectStmt *select = makeNode(SelectStmt);
	RangeVar   *table;
	Relation	relation;
	Query	   *query;

	if (build->bare)
		return build_bare(bound, build);
	table = vxp_raw_relation(bound);
	if (build->alias)
		table->alias = makeAlias(build->alias->aliasname, NIL);
	select->fromClause = list_make1(table);
	select->whereClause = vxp_raw_where(&state);
	if (bound->cursor && build->shape != DQL_SHAPE_COUNT)
	{
		Node	   *behind;

		vxp_new_leaf(&state, LEAF_CURSOR, &behind);
		select->whereClause = select->whereClause == NULL ? behind :
			(Node *) makeBoolExpr(AND_EXPR, list_make2(select->whereClause, behind), -1);
	}

	switch (build->shape)
	{
		case DQL_SHAPE_ROWS:
		case DQL_SHAPE_SELECTED:
			relation = relation_open(bound->relid, NoLock);
			select->targetList = row_targets(&state, build, relation);
			relation_close(relation, NoLock);
			break;
		case DQL_SHAPE_ITEMS:
			{
				Node	   *item;

				vxp_new_leaf(&state, LEAF_ITEM, &item);
				select->targetList = list_make1(vxp_raw_target(item, "item"));
			}
			break;
		case DQL_SHAPE_RECORD:
			{
				ListCell   *lc;

				foreach(lc, bound->record)
				{
					Node	   *value;
					Leaf	   *leaf = vxp_new_leaf(&state, LEAF_RECORD, &value);

					leaf->record = lfirst(lc);
					select->targetList = lappend(select->targetList, vxp_raw_target(value, leaf->record->name));
				}
			}
			break;
		case DQL_SHAPE_COUNT:
			select = raw_count(&state, select);
			break;
	}
	if (build->shape != DQL_SHAPE_COUNT)
		vxp_raw_order(&state, select);
	if (build->sort_keys)
	{
		ListCell   *lc;

		foreach(lc, bound->sort)
		{
			Node	   *key;

			vxp_new_leaf(&state, LEAF_SORT, &key)->sort = lfirst(lc);
			select->targetList = lappend(select->targetList, vxp_raw_target(key, "key"));
		}
	}

	query = vxp_raw_analyse(&state, select);
	if (build->shape == DQL_SHAPE_ROWS)
		vxp_dql_fill_row_type(query, bound, build);
	return query;
}

/*
 * vxp_dql_bind_call parses and binds the request of a call.  The table stays
 * locked (AccessShareLock) until the end of the transaction, as in analysis.
 */
BoundQuery *
vxp_dql_bind_call(const DqlCall *call)
{
	return vxp_dql_bind_parsed(call, vxp_dql_parse_or_raise(call->dql));
}

/* vxp_dql_bind_parsed does so with the request of the call as it was read. */
BoundQuery *
vxp_dql_bind_parsed(const DqlCall *call, const DqlRequest *request)
{
	const ResourceType *type;
	Relation	relation;
	BoundQuery *bound = NULL;
	VxpError   *error;

	if (call->as_of)
	{
		DqlRequest *at = palloc(sizeof(DqlRequest));

		*at = *request;
		at->as_of = call->as_of;
		request = at;
	}
	if (request->write)
		vxp_error_raise(vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE,
												 psprintf("$.%s", vxp_dql_write_name(request->write->kind)),
												 "a request with \"%s\" cannot be read",
												 vxp_dql_write_name(request->write->kind)),
									   "Use vxp.update, vxp.delete or vxp.execute to run it, vxp.preview to see what it would change."));
	error = OidIsValid(call->relid) ? vxp_dql_resource_of(request, call->relid, &type) :
		vxp_dql_resource(request, &type);
	if (error)
		vxp_error_raise(error);
	relation = relation_open(type->relid, AccessShareLock);
	error = vxp_dql_bind(request, type, relation, &call->options, &bound);
	relation_close(relation, NoLock);
	if (error)
		vxp_error_raise(error);
	return bound;
}

/*
 * vxp_dql_is_table: are the rows those of the table itself, in any order, read
 * column by column, and with no column left out that somebody reads?
 */
bool
vxp_dql_is_table(const BoundQuery *bound, const DqlBuild *build)
{
	return build->shape == DQL_SHAPE_ROWS && bound->sort == NIL && bound->cursor == NULL &&
		bound->offset == 0 && bound->limit < 0 &&
		!build->all_used && (bound->select_all || bms_is_subset(build->used, bound->columns));
}

/* vxp_dql_translate returns the Query of a call, analysed but not rewritten. */
Query *
vxp_dql_translate(const DqlCall *call)
{
	return vxp_dql_build(vxp_dql_bind_call(call), &call->build);
}
