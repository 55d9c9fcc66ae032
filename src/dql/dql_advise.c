/*
 * dql_advise.c - the indexes that would serve the clauses of a request
 *
 * Candidates are made from the bound tree: for each condition the index that
 * can answer it, all equalities of a query together, these with a range or
 * with the order of the answer behind them.  The planner chooses among them
 * (dql_whatif.c); what it chooses is advised when it makes the request at least
 * twice as cheap, in its own estimate, and as few indexes as give most of that.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_collate.h"
#include "parser/parse_relation.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "dql/dql_explain.h"

/* An index is advised when the cost falls at least so many times. */
#define WORTH 2.0

/* One index alone is advised when it costs no more than so many times what all together do. */
#define NEARLY 1.25

/* Candidates of a request at most, and equalities in one index. */
#define MAX_CANDIDATES 64
#define MAX_EQUALITIES 4

typedef struct Candidates
{
	const Explain *explain;
	List	   *indexes;		/* of WhatIfIndex * */
} Candidates;

/* What one query, the request's or one inside it, can have indexes on. */
typedef struct Atoms
{
	const BoundQuery *bound;
	ParseState *pstate;			/* its table is varno 1 */
	List	   *equalities;		/* of WhatIfKey *: btree keys that are compared for equality */
	List	   *links;			/* the same, with a row of another query */
	List	   *ranges;			/* btree keys of order comparisons */
	List	   *others;			/* of WhatIfIndex *: of one column, GIN or GiST */
} Atoms;

static void advise_query(Candidates *candidates, const BoundQuery *bound, const BoundColumn *link);

static bool
same_key(const WhatIfKey *a, const WhatIfKey *b)
{
	return a->attnum == b->attnum && equal(a->expr, b->expr) && a->opclass == b->opclass && a->collation == b->collation;
}

static List *
add_key(List *keys, WhatIfKey *key)
{
	ListCell   *lc;

	if (key == NULL)
		return keys;
	foreach(lc, keys)
		if (same_key(lfirst(lc), key))
			return keys;
	return lappend(keys, key);
}

static WhatIfKey *
make_key(AttrNumber attnum, Node *expr, Oid opclass, Oid collation)
{
	WhatIfKey  *key = palloc0(sizeof(WhatIfKey));

	if (!OidIsValid(opclass))
		return NULL;
	key->attnum = attnum;
	key->expr = expr;
	key->opclass = opclass;
	key->collation = collation;
	return key;
}

/* A column as key of a btree; "ordered": for comparison by order, text by code point. */
static WhatIfKey *
column_key(const BoundColumn *column, bool ordered)
{
	Oid			collation = column->collation;

	if (column->attnum <= 0)
		return NULL;
	if (OidIsValid(collation) && column->base_type != NAMEOID && !vxp_collation_is_c(collation) &&
		(ordered || !get_collation_isdeterministic(collation)))
		collation = C_COLLATION_OID;
	return make_key(column->attnum, NULL, GetDefaultOpClass(column->base_type, BTREE_AM_OID), collation);
}

/* An operator class by name, wherever an extension put it. */
static Oid
opclass_named(Oid am, const char *name)
{
	CatCList   *list = SearchSysCacheList1(CLAAMNAMENSP, ObjectIdGetDatum(am));
	Oid			found = InvalidOid;

	for (int i = 0; i < list->n_members && !OidIsValid(found); i++)
	{
		Form_pg_opclass form = (Form_pg_opclass) GETSTRUCT(&list->members[i]->tuple);

		if (strcmp(NameStr(form->opcname), name) == 0)
			found = form->oid;
	}
	ReleaseSysCacheList(list);
	return found;
}

static void
add_index(Candidates *candidates, const BoundQuery *bound, Oid am, List *keys)
{
	WhatIfIndex *index;
	List	   *predicate = NIL;
	ListCell   *lc;

	if (keys == NIL || list_length(candidates->indexes) >= MAX_CANDIDATES)
		return;
	if (bound->versions == VERSIONS_CURRENT)
	{
		/* an index on the current rows alone stays small, however long the history */
		const BoundColumn *to = bound->valid_to;
		NullTest   *open = makeNode(NullTest);
		Oid			type;
		int32		typmod;
		Oid			collation;

		get_atttypetypmodcoll(bound->relid, to->attnum, &type, &typmod, &collation);
		open->arg = (Expr *) makeVar(1, to->attnum, type, typmod, collation, 0);
		open->nulltesttype = IS_NULL;
		open->location = -1;
		predicate = list_make1(open);
	}
	foreach(lc, candidates->indexes)
	{
		WhatIfIndex *other = lfirst(lc);
		bool		same = other->relid == bound->relid && other->am == am && equal(other->predicate, predicate) && list_length(other->keys) == list_length(keys);

		for (int i = 0; same && i < list_length(keys); i++)
		{
			WhatIfKey  *a = list_nth(keys, i);
			WhatIfKey  *b = list_nth(other->keys, i);

			same = same_key(a, b) && a->descending == b->descending && a->nulls_first == b->nulls_first;
		}
		if (same)
			return;
	}
	index = palloc0(sizeof(WhatIfIndex));
	index->relid = bound->relid;
	index->am = am;
	index->keys = keys;
	index->predicate = predicate;
	candidates->indexes = lappend(candidates->indexes, index);
}

static void
add_other(Atoms *atoms, Oid am, WhatIfKey *key)
{
	WhatIfIndex *index;

	if (key == NULL)
		return;
	index = palloc0(sizeof(WhatIfIndex));
	index->am = am;
	index->keys = list_make1(key);
	atoms->others = lappend(atoms->others, index);
}

/* The left side of a condition, an expression over the column that an index could be on. */
static Node *
left_side(Atoms *atoms, const BoundNode *node)
{
	Node	   *expr = vxp_dql_condition_expr(atoms->pstate, atoms->bound, node);

	if (!IsA(expr, OpExpr))
		return NULL;
	assign_expr_collations(atoms->pstate, expr);
	return linitial(castNode(OpExpr, expr)->args);
}

static void
add_text_search(Atoms *atoms, const BoundColumn *column, Node *expr)
{
	Oid			trigrams = opclass_named(GIN_AM_OID, "gin_trgm_ops");

	if (OidIsValid(trigrams))
		add_other(atoms, GIN_AM_OID,
				  make_key(expr ? 0 : column->attnum, expr, trigrams, expr ? exprCollation(expr) : column->collation));
}

/* The indexes that could answer LIKE: for what begins so a btree, for any part trigrams. */
static void
add_like(Atoms *atoms, const BoundNode *node)
{
	const BoundColumn *column = node->column;
	bool		has_prefix = node->text[0] != '%' && node->text[0] != '_' && node->text[0] != '\0';
	Node	   *expr = node->fold ? left_side(atoms, node) : NULL;
	Oid			collation = expr ? exprCollation(expr) : column->collation;

	if (column->attnum <= 0 || column->base_type == BPCHAROID || column->base_type == NAMEOID)
		return;
	if (has_prefix)
		atoms->ranges = add_key(atoms->ranges,
								make_key(expr ? 0 : column->attnum, expr,
										 vxp_collation_is_c(collation) ? GetDefaultOpClass(TEXTOID, BTREE_AM_OID) :
										 opclass_named(BTREE_AM_OID, "text_pattern_ops"), collation));
	add_text_search(atoms, column, expr);
}

static void collect_atoms(Candidates *candidates, Atoms *atoms, const BoundNode *node);

/* Each condition under an OR may be answered by an index of its own. */
static void
add_alternatives(Candidates *candidates, const Atoms *around, const BoundNode *node)
{
	ListCell   *lc;

	foreach(lc, node->args)
	{
		Atoms		atoms = {around->bound, around->pstate};
		ListCell   *one;

		collect_atoms(candidates, &atoms, lfirst(lc));
		foreach(one, list_concat_copy(list_concat_copy(atoms.equalities, atoms.links), atoms.ranges))
			add_index(candidates, around->bound, BTREE_AM_OID, list_make1(lfirst(one)));
		if (list_length(atoms.equalities) > 1)
			add_index(candidates, around->bound, BTREE_AM_OID, list_truncate(list_copy(atoms.equalities), MAX_EQUALITIES));
		foreach(one, atoms.others)
			add_index(candidates, around->bound, ((WhatIfIndex *) lfirst(one))->am, ((WhatIfIndex *) lfirst(one))->keys);
	}
}

/* Notes what a condition, one of those that must all hold, can have an index on. */
static void
collect_atoms(Candidates *candidates, Atoms *atoms, const BoundNode *node)
{
	const BoundColumn *column = node->column;
	Node	   *expr;
	ListCell   *lc;

	check_stack_depth();
	switch (node->kind)
	{
		case BOUND_AND:
			foreach(lc, node->args)
				collect_atoms(candidates, atoms, lfirst(lc));
			break;
		case BOUND_OR:
			add_alternatives(candidates, atoms, node);
			break;
		case BOUND_NOT:
			{
				/* no index answers a negation, but one may serve the other side of an anti-join */
				Atoms		ignored = {atoms->bound, atoms->pstate};

				collect_atoms(candidates, &ignored, linitial(node->args));
			}
			break;
		case BOUND_COMPARE:
			if (node->strategy == BTEqualStrategyNumber && !node->negated)
				atoms->equalities = add_key(atoms->equalities, column_key(column, false));
			else if (!node->negated)
				atoms->ranges = add_key(atoms->ranges, column_key(column, true));
			break;
		case BOUND_ANY:
			if (!node->negated)
				atoms->equalities = add_key(atoms->equalities, column_key(column, false));
			break;
		case BOUND_NULL:
			if (!node->negated)
				atoms->equalities = add_key(atoms->equalities, column_key(column, false));
			break;
		case BOUND_RANGE:
			atoms->ranges = add_key(atoms->ranges, column_key(column, true));
			break;
		case BOUND_LIKE:
			add_like(atoms, node);
			break;
		case BOUND_REGEX:
			if (column->attnum > 0 && column->base_type == TEXTOID)
				add_text_search(atoms, column, NULL);
			break;
		case BOUND_FOLD_EQUAL:
			expr = left_side(atoms, node);
			if (column->attnum > 0 && expr)
				atoms->equalities = add_key(atoms->equalities,
											make_key(0, expr, GetDefaultOpClass(exprType(expr), BTREE_AM_OID), exprCollation(expr)));
			break;
		case BOUND_INSTANT:
			expr = left_side(atoms, node);
			if (column->attnum > 0 && expr)
				atoms->ranges = add_key(atoms->ranges,
										make_key(0, expr, GetDefaultOpClass(exprType(expr), BTREE_AM_OID), InvalidOid));
			break;
		case BOUND_ARRAY_CONTAINS:
		case BOUND_ARRAY_OVERLAPS:
		case BOUND_ARRAY_EQUAL:
			if (column->attnum > 0)
				add_other(atoms, GIN_AM_OID,
						  make_key(column->attnum, NULL, GetDefaultOpClass(column->base_type, GIN_AM_OID), column->collation));
			break;
		case BOUND_DOCUMENT:
			if (column->base_type == JSONBOID)
				add_other(atoms, GIN_AM_OID,
						  make_key(column->attnum, NULL, opclass_named(GIN_AM_OID, "jsonb_path_ops"), InvalidOid));
			break;
		case BOUND_ANCESTOR:
			add_other(atoms, GIST_AM_OID,
					  make_key(column->attnum, NULL, GetDefaultOpClass(column->base_type, GIST_AM_OID), InvalidOid));
			if (node->value.type == TEXTARRAYOID)
				add_other(atoms, GIN_AM_OID,
						  make_key(column->attnum, NULL, GetDefaultOpClass(column->base_type, GIN_AM_OID), InvalidOid));
			break;
		case BOUND_RELATED:
			atoms->links = add_key(atoms->links, column->kind == COLUMN_ARRAY ? NULL : column_key(column, false));
			advise_query(candidates, node->related->query, node->related->inner.column);
			break;
		case BOUND_EXTREME:
			atoms->ranges = add_key(atoms->ranges, column_key(column, true));
			advise_query(candidates, node->related->query, node->related->inner.column);
			break;
		case BOUND_COUNTED:
			advise_query(candidates, node->related->query, node->related->inner.column);
			break;
		case BOUND_CONST:
		case BOUND_BOTH_NULL:
		case BOUND_GLOB_NEGATES:
		case BOUND_CONTAINS:
		case BOUND_STARTS_WITH:
		case BOUND_ELEMENT:
		case BOUND_MULTIPLE:
			break;
	}
}

/* Does a condition that holds for all rows fix the column to one value? */
static bool
is_equality(const Atoms *atoms, const WhatIfKey *key)
{
	ListCell   *lc;

	foreach(lc, atoms->equalities)
		if (key->attnum > 0 && ((WhatIfKey *) lfirst(lc))->attnum == key->attnum)
			return true;
	return false;
}

/* The keys of an index that gives the order of the answer, as ORDER BY has them. */
static List *
order_keys(Atoms *atoms)
{
	List	   *keys = NIL;
	ListCell   *lc;

	foreach(lc, atoms->bound->sort)
	{
		BoundSort  *sort = lfirst(lc);
		WhatIfKey  *key;

		if (sort->inside == NULL)
			key = column_key(sort->column, true);
		else
		{
			Node	   *expr = vxp_dql_sort_expr(atoms->pstate, atoms->bound, sort);

			assign_expr_collations(atoms->pstate, expr);
			key = make_key(0, expr, GetDefaultOpClass(exprType(expr), BTREE_AM_OID), exprCollation(expr));
		}
		if (key == NULL)
			return NIL;
		if (is_equality(atoms, key))
			continue;
		key->descending = sort->descending;
		key->nulls_first = sort->inside == NULL && !vxp_never_null(sort->column) ? !sort->descending : sort->descending;
		keys = lappend(keys, key);
	}
	return keys;
}

static ParseState *
parse_state(const BoundQuery *bound)
{
	ParseState *pstate = make_parsestate(NULL);
	Relation	relation = relation_open(bound->relid, NoLock);
	ParseNamespaceItem *item = addRangeTableEntryForRelation(pstate, relation, AccessShareLock,
															 bound->alias ? makeAlias(bound->alias, NIL) : NULL, false, false);

	addNSItemToQuery(pstate, item, true, true, true);
	relation_close(relation, NoLock);
	return pstate;
}

/* Candidates for one query; "link": the column that another query joins, or NULL. */
static void
advise_query(Candidates *candidates, const BoundQuery *bound, const BoundColumn *link)
{
	Atoms		atoms = {bound};
	List	   *equalities;
	List	   *order;
	ListCell   *lc;
	char		kind = get_rel_relkind(bound->relid);

	check_stack_depth();
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_MATVIEW)
		return;
	atoms.pstate = parse_state(bound);
	if (bound->filter)
		collect_atoms(candidates, &atoms, bound->filter);
	if (link && link->kind != COLUMN_JSON && link->kind != COLUMN_ARRAY)
		atoms.links = add_key(atoms.links, column_key(link, false));
	order = order_keys(&atoms);

	foreach(lc, list_concat_copy(list_concat_copy(atoms.equalities, atoms.links), atoms.ranges))
		add_index(candidates, bound, BTREE_AM_OID, list_make1(lfirst(lc)));
	foreach(lc, atoms.others)
		add_index(candidates, bound, ((WhatIfIndex *) lfirst(lc))->am, ((WhatIfIndex *) lfirst(lc))->keys);
	add_index(candidates, bound, BTREE_AM_OID, order);

	equalities = list_truncate(list_copy(atoms.equalities), MAX_EQUALITIES);
	if (list_length(equalities) > 1)
		add_index(candidates, bound, BTREE_AM_OID, equalities);
	if (equalities != NIL)
	{
		foreach(lc, list_concat_copy(atoms.ranges, atoms.links))
			add_index(candidates, bound, BTREE_AM_OID, lappend(list_copy(equalities), lfirst(lc)));
		if (order != NIL)
			add_index(candidates, bound, BTREE_AM_OID, list_concat_copy(equalities, order));
	}
}

/* The statement that makes the index, with every name qualified that has to be. */
static char *
index_statement(const WhatIfIndex *index)
{
	StringInfoData buf;
	List	   *context = deparse_context_for(get_rel_name(index->relid), index->relid);
	ListCell   *lc;
	int			nest_level = NewGUCNestLevel();

	(void) set_config_option("search_path", "", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE INDEX ON %s",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(index->relid)), get_rel_name(index->relid)));
	if (index->am != BTREE_AM_OID)
		appendStringInfo(&buf, " USING %s", get_am_name(index->am));
	appendStringInfoString(&buf, " (");
	foreach(lc, index->keys)
	{
		WhatIfKey  *key = lfirst(lc);
		Oid			type;
		int32		typmod;
		Oid			collation;

		if (foreach_current_index(lc) > 0)
			appendStringInfoString(&buf, ", ");
		if (key->attnum > 0)
		{
			get_atttypetypmodcoll(index->relid, key->attnum, &type, &typmod, &collation);
			appendStringInfoString(&buf, quote_identifier(get_attname(index->relid, key->attnum, false)));
		}
		else
		{
			type = exprType(key->expr);
			collation = exprCollation(key->expr);
			appendStringInfo(&buf, "(%s)", deparse_expression(key->expr, context, false, false));
		}
		if (OidIsValid(key->collation) && key->collation != collation)
			appendStringInfo(&buf, " COLLATE %s", generate_collation_name(key->collation));
		if (key->opclass != GetDefaultOpClass(getBaseType(type), index->am))
		{
			HeapTuple	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(key->opclass));
			Form_pg_opclass form;

			if (!HeapTupleIsValid(tuple))
				elog(ERROR, "cache lookup failed for operator class %u", key->opclass);
			form = (Form_pg_opclass) GETSTRUCT(tuple);
			if (OpclassIsVisible(key->opclass))
				appendStringInfo(&buf, " %s", quote_identifier(NameStr(form->opcname)));
			else
				appendStringInfo(&buf, " %s", quote_qualified_identifier(get_namespace_name(form->opcnamespace), NameStr(form->opcname)));
			ReleaseSysCache(tuple);
		}
		if (key->descending)
			appendStringInfoString(&buf, " DESC");
		if (key->nulls_first != key->descending)
			appendStringInfoString(&buf, key->nulls_first ? " NULLS FIRST" : " NULLS LAST");
	}
	appendStringInfoChar(&buf, ')');
	if (index->predicate)
		appendStringInfo(&buf, " WHERE %s", deparse_expression((Node *) make_ands_explicit(index->predicate), context, false, false));
	AtEOXact_GUC(true, nest_level);
	return buf.data;
}

static double
cost_of(const PlannedStmt *stmt)
{
	return stmt->planTree->total_cost;
}

static WhatIfIndex *
find_candidate(List *indexes, Oid oid)
{
	ListCell   *lc;

	foreach(lc, indexes)
		if (((WhatIfIndex *) lfirst(lc))->oid == oid)
			return lfirst(lc);
	return NULL;
}

/* The candidates that a plan reads. */
static List *
chosen(const BoundQuery *bound, const PlannedStmt *stmt, List *indexes)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, vxp_explain_indexes(bound, stmt))
	{
		WhatIfIndex *index = find_candidate(indexes, ((UsedIndex *) lfirst(lc))->index);

		if (index)
			result = list_append_unique_ptr(result, index);
	}
	return result;
}

/* Gives the advice to the clauses that the plan answers with our indexes. */
static void
give_advice(Explain *explain, const PlannedStmt *stmt, List *indexes)
{
	ListCell   *lc;

	foreach(lc, vxp_explain_indexes(explain->bound, stmt))
	{
		UsedIndex  *used = lfirst(lc);
		WhatIfIndex *index = find_candidate(indexes, used->index);
		const char *statement;
		int			clause = -1;
		ListCell   *key;

		if (index == NULL)
			continue;
		statement = index_statement(index);
		while ((clause = bms_next_member(used->clauses, clause)) >= 0)
			if (explain->clauses[clause].advice == NULL)
				explain->clauses[clause].advice = statement;
		if (used->ordered)
			foreach(key, explain->bound->sort)
				if (explain->clauses[((BoundSort *) lfirst(key))->clause].advice == NULL)
					explain->clauses[((BoundSort *) lfirst(key))->clause].advice = statement;
	}
}

/* vxp_explain_advise sets "advice" of the clauses that a missing index would serve. */
void
vxp_explain_advise(Explain *explain, Query *query)
{
	Candidates	candidates = {explain};
	double		now = cost_of(explain->plan.stmt);
	PlannedStmt *stmt;
	List	   *indexes;
	ListCell   *lc;

	advise_query(&candidates, explain->bound, NULL);
	if (candidates.indexes == NIL)
		return;
	stmt = vxp_whatif_plan(query, candidates.indexes);
	if (cost_of(stmt) * WORTH > now)
		return;
	indexes = chosen(explain->bound, stmt, candidates.indexes);
	if (list_length(indexes) > 1)
	{
		double		enough = cost_of(stmt) * NEARLY;
		WhatIfIndex *alone = NULL;

		foreach(lc, indexes)
		{
			double		cost = cost_of(vxp_whatif_plan(query, list_make1(lfirst(lc))));

			if (cost <= enough)
			{
				enough = cost;
				alone = lfirst(lc);
			}
		}
		if (alone)
			indexes = list_make1(alone);
		/* again, since the numbers of the indexes were given anew */
		stmt = vxp_whatif_plan(query, indexes);
	}
	give_advice(explain, stmt, indexes);
}
