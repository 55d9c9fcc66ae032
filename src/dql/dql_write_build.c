/*
 * dql_write_build.c - a bound write to analysed statements
 *
 * As in dql_build.c: structure is raw parse nodes, every scalar of the request
 * is a finished expression.  The names used here (the alias of the table, the
 * columns of the list of locked rows) are ours, never the request's.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "parser/analyze.h"
#include "parser/parse_clause.h"
#include "rewrite/rewriteHandler.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

#include "dql/dql_build.h"
#include "dql/dql_write.h"

#define TARGET	"target"
#define LOCKED	"locked"

/* p_paramref_hook, as in dql_build.c */
static Node *
replace_leaf(ParseState *pstate, ParamRef *ref)
{
	BuildState *state = pstate->p_ref_hook_state;

	return vxp_build_leaf(pstate, list_nth(state->leaves, ref->number - 1));
}

static Query *
analyse(BuildState *state, Node *statement)
{
	RawStmt    *raw = makeNode(RawStmt);
	ParseState *pstate = make_parsestate(NULL);
	Query	   *query;

	raw->stmt = statement;
	pstate->p_paramref_hook = replace_leaf;
	pstate->p_ref_hook_state = state;
	query = transformTopLevelStmt(pstate, raw);
	free_parsestate(pstate);
	return query;
}

static RangeVar *
target_table(const BoundWrite *write)
{
	RangeVar   *table = makeRangeVar(pstrdup(write->bound->schema_name), pstrdup(write->bound->table_name), -1);

	table->alias = makeAlias(TARGET, NIL);
	return table;
}

/* table.column */
static Node *
column_ref(const char *table, const char *column)
{
	ColumnRef  *ref = makeNode(ColumnRef);

	ref->fields = list_make2(makeString(pstrdup(table)), makeString(pstrdup(column)));
	ref->location = -1;
	return (Node *) ref;
}

static Node *
our_call(const char *function, List *args)
{
	return (Node *) makeFuncCall(list_make2(makeString("vxp"), makeString(pstrdup(function))), args,
								 COERCE_EXPLICIT_CALL, -1);
}

/* function(target.*) */
static Node *
row_call(const char *function)
{
	ColumnRef  *row = makeNode(ColumnRef);

	row->fields = list_make2(makeString(TARGET), makeNode(A_Star));
	row->location = -1;
	return our_call(function, list_make1(row));
}

static Node *
equality(Node *left, Node *right)
{
	return (Node *) makeA_Expr(AEXPR_OP, list_make2(makeString("pg_catalog"), makeString("=")), left, right, -1);
}

static Node *
expr_leaf(BuildState *state, Node *expr)
{
	Node	   *ref;

	vxp_new_leaf(state, LEAF_EXPR, &ref)->expr = expr;
	return ref;
}

/* The JSON value as a constant of type jsonb. */
static Node *
jsonb_leaf(BuildState *state, const DqlValue *value, const DqlPath *inside)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; inside && i < inside->count; i++)
	{
		appendStringInfoChar(&text, '{');
		escape_json(&text, inside->segments[i]);
		appendStringInfoChar(&text, ':');
	}
	vxp_dql_json_print(&text, value);
	for (int i = 0; inside && i < inside->count; i++)
		appendStringInfoChar(&text, '}');
	return expr_leaf(state, vxp_dql_const(JSONBOID, DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data))));
}

/* vxp_write_is_empty: does the write leave all rows as they are? */
bool
vxp_write_is_empty(const BoundWrite *write)
{
	return (write->write->kind == DQL_WRITE_UPDATE && write->write->patch == NULL) ||
		(write->write->kind == DQL_WRITE_REFERENCES && write->write->refs->count == 0);
}

/* The new value of the column: merge_metadata(column, patch) or edit_references(column, path, ...) */
static Node *
new_value(BuildState *state, const BoundWrite *write)
{
	Node	   *column;
	Datum	   *segments;
	int			count = 0;

	vxp_new_leaf(state, LEAF_COLUMN, &column)->column = write->column;
	if (vxp_write_is_empty(write))
		return column;
	if (write->write->kind == DQL_WRITE_UPDATE)
		return our_call("merge_metadata", list_make2(column, jsonb_leaf(state, write->write->patch, write->inside)));

	segments = palloc(sizeof(Datum) * (write->inside->count + 2));
	for (int i = 0; i < write->inside->count; i++)
		segments[count++] = CStringGetTextDatum(write->inside->segments[i]);
	segments[count++] = CStringGetTextDatum("system");
	segments[count++] = CStringGetTextDatum("refs");
	return our_call("edit_references",
					list_make4(column,
							   expr_leaf(state, vxp_dql_const(TEXTARRAYOID, PointerGetDatum(construct_array(segments, count, TEXTOID, -1, false, TYPALIGN_INT)))),
							   expr_leaf(state, vxp_dql_const(BOOLOID, BoolGetDatum(write->write->create))),
							   jsonb_leaf(state, write->write->refs, NULL)));
}

/*
 * UPDATE target SET column = new value, without condition; a write of nothing
 * is only ever counted, and sets the column to itself
 */
static UpdateStmt *
update_statement(BuildState *state, const BoundWrite *write)
{
	UpdateStmt *update = makeNode(UpdateStmt);

	update->relation = target_table(write);
	update->targetList = list_make1(vxp_raw_target(new_value(state, write), write->column->name));
	return update;
}

/*
 * SELECT tableoid, ctid, row_image(target.*) ... FOR NO KEY UPDATE: an update
 * of metadata never changes what a foreign key refers to
 */
Query *
vxp_write_lock_query(const BoundWrite *write)
{
	BuildState	state = {write->bound, NIL};
	SelectStmt *select = makeNode(SelectStmt);
	LockingClause *lock = makeNode(LockingClause);

	select->fromClause = list_make1(target_table(write));
	select->whereClause = vxp_raw_where(&state);
	select->targetList = list_make3(vxp_raw_target(column_ref(TARGET, "tableoid"), "relation"),
									vxp_raw_target(column_ref(TARGET, "ctid"), "place"),
									vxp_raw_target(row_call("row_image"), "before"));
	lock->strength = LCS_FORNOKEYUPDATE;
	lock->waitPolicy = LockWaitBlock;
	select->lockingClause = list_make1(lock);
	return analyse(&state, (Node *) select);
}

static Node *
array_leaf(BuildState *state, Datum *values, int count, Oid type, Oid array_type)
{
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	return expr_leaf(state, vxp_dql_const(array_type, PointerGetDatum(construct_array(values, count, type, length, by_value, align))));
}

/*
 * UPDATE target SET ... FROM the locked rows, numbered; RETURNING number and
 * row_digest(target.*).  A place in a table stays that of its row while the row
 * is locked.
 */
Query *
vxp_write_update_query(const BoundWrite *write, const LockedRows *rows)
{
	BuildState	state = {write->bound, NIL};
	UpdateStmt *update = update_statement(&state, write);
	RangeFunction *locked = makeNode(RangeFunction);
	List	   *unnest = list_make2(makeString("pg_catalog"), makeString("unnest"));
	Node	   *places = array_leaf(&state, rows->places, rows->count, TIDOID, get_array_type(TIDOID));
	Node	   *relations = array_leaf(&state, rows->relations, rows->count, OIDOID, get_array_type(OIDOID));

	locked->is_rowsfrom = true;
	locked->ordinality = true;
	locked->functions = list_make2(list_make2(makeFuncCall(unnest, list_make1(places), COERCE_EXPLICIT_CALL, -1), NIL),
								   list_make2(makeFuncCall(copyObject(unnest), list_make1(relations), COERCE_EXPLICIT_CALL, -1), NIL));
	locked->alias = makeAlias(LOCKED, list_make3(makeString("place"), makeString("relation"), makeString("number")));
	update->fromClause = list_make1(locked);
	update->whereClause = (Node *)
		makeBoolExpr(AND_EXPR, list_make2(equality(column_ref(TARGET, "ctid"), column_ref(LOCKED, "place")),
										  equality(column_ref(TARGET, "tableoid"), column_ref(LOCKED, "relation"))), -1);
	vxp_set_returning(update, list_make2(vxp_raw_target(column_ref(LOCKED, "number"), "number"),
										 vxp_raw_target(row_call("row_digest"), "after")));
	return analyse(&state, (Node *) update);
}

/* The DELETE or UPDATE with the conditions of the request, and what it returns. */
static Query *
plain_statement(BuildState *state, const BoundWrite *write, List *returning)
{
	if (write->write->kind == DQL_WRITE_DELETE)
	{
		DeleteStmt *delete = makeNode(DeleteStmt);

		delete->relation = target_table(write);
		delete->whereClause = vxp_raw_where(state);
		vxp_set_returning(delete, returning);
		return analyse(state, (Node *) delete);
	}
	else
	{
		UpdateStmt *update = update_statement(state, write);

		update->whereClause = vxp_raw_where(state);
		vxp_set_returning(update, returning);
		return analyse(state, (Node *) update);
	}
}

/* DELETE FROM target WHERE ..., or the UPDATE; with "image" RETURNING row_image(target.*) */
Query *
vxp_write_plain_query(const BoundWrite *write, bool image)
{
	BuildState	state = {write->bound, NIL};

	return plain_statement(&state, write,
						   image ? list_make1(vxp_raw_target(row_call("row_image"), "before")) : NIL);
}

/*
 * vxp_write_probe_query returns a SELECT of the rows that the write would
 * touch: the write itself, rewritten, so that the policies and the privileges
 * are those of the write, and then turned into a SELECT.  With "items" it
 * returns them in the order of the request, else one column that means nothing.
 * The result is rewritten already.
 */
Query *
vxp_write_probe_query(const BoundWrite *write, bool items)
{
	BuildState	state = {write->bound, NIL};
	List	   *returning = NIL;
	List	   *rewritten;
	Query	   *query;
	ListCell   *lc;
	ParseState *pstate = make_parsestate(NULL);
	int			column = 0;

	if (items)
	{
		Node	   *ref;

		vxp_new_leaf(&state, LEAF_ITEM, &ref);
		returning = list_make1(vxp_raw_target(ref, "item"));
		foreach(lc, write->bound->sort)
		{
			vxp_new_leaf(&state, LEAF_SORT, &ref)->sort = lfirst(lc);
			returning = lappend(returning, vxp_raw_target(ref, "key"));
		}
	}
	else
		returning = list_make1(vxp_raw_target(expr_leaf(&state, vxp_dql_const(INT4OID, Int32GetDatum(1))), "row"));
	query = plain_statement(&state, write, returning);
	rewritten = QueryRewrite(query);
	if (list_length(rewritten) != 1)
		elog(ERROR, "rewriting a DQL request gave %d queries", list_length(rewritten));
	query = linitial(rewritten);

	query->commandType = CMD_SELECT;
	query->resultRelation = 0;
	query->targetList = query->returningList;
	query->returningList = NIL;
	query->withCheckOptions = NIL;
	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst(lc);
		SortBy	   *by;
		BoundSort  *sort;

		if (column++ == 0)
			continue;
		sort = list_nth(write->bound->sort, column - 2);
		by = makeNode(SortBy);
		by->sortby_dir = sort->descending ? SORTBY_DESC : SORTBY_ASC;
		/* a missing value is the least */
		by->sortby_nulls = sort->descending ? SORTBY_NULLS_LAST : SORTBY_NULLS_FIRST;
		by->location = -1;
		entry->resjunk = true;
		query->sortClause = addTargetToSortList(pstate, entry, query->sortClause, query->targetList, by);
	}
	free_parsestate(pstate);
	return query;
}
