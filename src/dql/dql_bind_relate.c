/*
 * dql_bind_relate.c - conditions that look at other rows: subqueries, joins,
 * intersect and except (docs/dql.md, sections 4.10 and 5)
 *
 * Each of them asks whether some row of another query has a value equal to a
 * value of this row.  Where this row's value is a typed column, that becomes
 * EXISTS, which the planner turns into a semi-join or, negated, an anti-join.
 * Where it lies in a document, the other query's values are gathered once (an
 * initplan) and handed to vxp.matches as one more bind variable.
 *
 * Order operators over a subquery compare with its least or greatest value,
 * which is also computed once: c > ANY (values) is c > min(values).
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_oper.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "dql/dql_bind.h"

/* The other query of a condition, bound; its filter is still to be set. */
static VxpError *
open_related(BindState *state, const DqlRequest *request, const char *resource, const char *where,
			 BoundQuery **query, const ResourceType **type, Relation *relation)
{
	DqlRequest *named = palloc(sizeof(DqlRequest));
	VxpError   *error;

	*named = *request;
	named->resource = (char *) resource;
	error = vxp_dql_resource(named, type);
	if (error)
	{
		if (where)
			error->path = pstrdup(where);
		return error;
	}
	*relation = relation_open((*type)->relid, AccessShareLock);
	*query = vxp_bound_query(*relation, request, state->options);
	(*query)->outermost = state->query->outermost;
	(*query)->alias = psprintf("related_%d", ++state->query->outermost->related_count);
	return NULL;
}

/* The values of a field on one side of the condition. */
static VxpError *
bind_side(const ResourceType *type, Relation relation, BoundQuery *query, const DqlPath *path,
		  const char *where, BoundSide *side)
{
	BoundField	field;
	VxpError   *error = vxp_bind_field(type, relation, path, where, &field);

	if (error)
		return error;
	side->query = query;
	side->column = field.column;
	side->field = field;
	return NULL;
}

/* Has the table an index on the elements of the array column? */
static bool
has_element_index(Relation relation, AttrNumber attnum)
{
	List	   *indexes = RelationGetIndexList(relation);
	bool		found = false;
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		for (int i = 0; i < index->rd_index->indnkeyatts; i++)
			found = found || (index->rd_rel->relam == GIN_AM_OID && index->rd_index->indisvalid &&
							  index->rd_index->indkey.values[i] == attnum);
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return found;
}

/*
 * Can the values of "related" be gathered into one array that is compared with
 * "outer", an array, by its index?  Types and collations must allow that to mean
 * what the comparison one by one means.
 */
static bool
can_gather(const BindState *state, const BoundRelated *related, const BoundColumn *outer)
{
	const BoundColumn *inner = related->inner.column;
	Oid			value;

	if (outer->kind != COLUMN_ARRAY || outer->type != outer->base_type || related->at_least > 0 || related->exactly > 0)
		return false;
	if (inner->kind == COLUMN_ARRAY)
		inner = inner->element;
	/* the strings of a document are text beside text */
	value = inner->kind != COLUMN_JSON ? inner->type : outer->element->kind == COLUMN_TEXT ? TEXTOID : InvalidOid;
	if (value != outer->element->type && !(value == VARCHAROID && outer->element->type == TEXTOID))
		return false;
	if ((OidIsValid(outer->collation) && !get_collation_isdeterministic(outer->collation)) ||
		(OidIsValid(inner->collation) && !get_collation_isdeterministic(inner->collation)))
		return false;
	return has_element_index(state->relation, outer->attnum);
}

/*
 * The condition "some row of "related" has a value equal to one at "outer"".
 * "node" is the condition as it stands in the request, for a place in a
 * document; its path is relative to the document.
 */
static BoundNode *
membership(BindState *state, BoundRelated *related, const BoundField *outer, const char *where)
{
	BoundNode  *node;

	related->outer.query = state->query;
	related->outer.column = outer->column;
	related->outer.field = *outer;
	if (outer->column->kind == COLUMN_JSON)
	{
		DqlNode    *compare = palloc0(sizeof(DqlNode));

		compare->kind = DQL_COMPARE;
		compare->where = where;
		compare->path = outer->rest;
		compare->op = DQL_OP_IN;
		compare->operand = vxp_bind_values(state->query, related);
		node = vxp_bound_node(BOUND_DOCUMENT, outer->column);
		node->field = outer->field;
		node->node = compare;
		return node;
	}
	related->gathered = can_gather(state, related, outer->column);
	node = vxp_bound_node(BOUND_RELATED, outer->column);
	node->related = related;
	return node;
}

/*
 * The condition that a join with a count makes.  A row with one value asks for
 * a group of that size; where it holds a list, a row of "related" that shares
 * two values with it must count once.
 */
static BoundNode *
counted(BindState *state, BoundRelated *related, const BoundField *outer, const char *where)
{
	BoundNode  *single = membership(state, related, outer, where);
	BoundNode  *multiple;
	BoundNode  *count;

	if (outer->column->kind != COLUMN_JSON && outer->column->kind != COLUMN_ARRAY)
		return single;
	if (outer->column->kind == COLUMN_ARRAY)
	{
		BoundRelated *of_element = palloc(sizeof(BoundRelated));
		BoundNode  *element = vxp_bound_node(BOUND_ELEMENT, outer->column);

		*of_element = *related;
		of_element->outer.column = outer->column->element;
		single->related = of_element;
		element->args = list_make1(single);
		single = element;
	}
	multiple = vxp_bound_node(BOUND_MULTIPLE, outer->column);
	multiple->related = related;
	count = vxp_bound_node(BOUND_COUNTED, outer->column);
	count->related = related;
	return vxp_bound_list(BOUND_OR,
						  list_make2(vxp_bound_list(BOUND_AND, list_make2(vxp_bound_not(multiple), single)),
									 vxp_bound_list(BOUND_AND, list_make2(multiple, count))));
}

/* Fields of columns must have types that compare; what lies in documents always does. */
static VxpError *
check_comparable(const char *operator, const BoundField *outer, const BoundField *inner, const char *where)
{
	const BoundColumn *a = outer->column->kind == COLUMN_ARRAY ? outer->column->element : outer->column;
	const BoundColumn *b = inner->column->kind == COLUMN_ARRAY ? inner->column->element : inner->column;
	bool		ordered = *operator == '<';
	Operator	found;

	if (a->kind == COLUMN_JSON || b->kind == COLUMN_JSON)
		return NULL;
	if (a->base_type == b->base_type)
	{
		TypeCacheEntry *entry = lookup_type_cache(a->base_type, ordered ? TYPECACHE_LT_OPR : TYPECACHE_EQ_OPR);

		if (OidIsValid(ordered ? entry->lt_opr : entry->eq_opr))
			return NULL;
	}
	found = oper(NULL, list_make2(makeString("pg_catalog"), makeString(pstrdup(operator))), a->type, b->type, true, -1);
	if (found == NULL)
		return vxp_error(ERRCODE_DATATYPE_MISMATCH, where,
						 "field \"%s\" of type %s cannot be compared with field \"%s\" of type %s",
						 outer->column->name, format_type_be(outer->column->type),
						 inner->column->name, format_type_be(inner->column->type));
	ReleaseSysCache(found);
	return NULL;
}

/*
 * vxp_bind_values makes the values of "related" one more bind variable of the
 * document conditions and returns its operand.
 */
DqlValue *
vxp_bind_values(BoundQuery *query, BoundRelated *related)
{
	DqlValue   *value = palloc0(sizeof(DqlValue));
	BoundQuery *outermost = query->outermost;

	outermost->values = lappend(outermost->values, related);
	value->type = DQL_PARAM;
	value->param = outermost->request->max_param + list_length(outermost->values);
	return value;
}

/* A subquery as the other query of a condition: all its members but "select" bound. */
static VxpError *
bind_subquery(BindState *state, DqlRequest *subquery, BoundRelated **result)
{
	BoundRelated *related = palloc0(sizeof(BoundRelated));
	const ResourceType *type;
	Relation	relation;
	VxpError   *error;

	error = open_related(state, subquery, subquery->resource, psprintf("%s.resource", subquery->where),
						 &related->query, &type, &relation);
	if (error)
		return error;
	related->cut = subquery->limit >= 0 || subquery->skip > 0;
	error = vxp_bind_query(subquery, type, relation, related->query, related->cut);
	if (error == NULL)
		error = bind_side(type, relation, related->query, linitial(subquery->select),
						  psprintf("%s.select", subquery->where), &related->inner);
	relation_close(relation, NoLock);
	*result = related;
	return error;
}

/* {"$in": subquery}, or an order operator over one, on a field. */
static VxpError *
bind_subquery_on(BindState *state, BoundField outer, DqlNode *node, BoundNode **result)
{
	BoundRelated *related;
	BoundColumn *column;
	BoundNode  *compare;
	VxpError   *error;

	error = bind_subquery(state, node->subquery, &related);
	if (error == NULL)
		error = check_comparable(node->range == DQL_RANGE_NONE ? "=" : "<", &outer, &related->inner.field, node->where);
	if (error)
		return error;
	if (node->range == DQL_RANGE_NONE)
	{
		*result = membership(state, related, &outer, node->where);
		return NULL;
	}
	if (outer.column->kind == COLUMN_JSON)
	{
		*result = membership(state, related, &outer, node->where);
		(*result)->node->op = node->op;
		(*result)->node->range = node->range;
		return NULL;
	}

	/* c > ANY is c > min, c > ALL is c > max or no values at all */
	related->extreme = (node->op == DQL_OP_GT || node->op == DQL_OP_GTE) == (node->range == DQL_RANGE_ANY) ?
		"min" : "max";
	column = outer.column->kind == COLUMN_ARRAY ? outer.column->element : outer.column;
	related->outer.query = state->query;
	related->outer.column = column;
	compare = vxp_bound_node(BOUND_EXTREME, column);
	compare->related = related;
	compare->strategy = vxp_order_strategy(node->op);
	if (node->range == DQL_RANGE_ALL)
	{
		BoundNode  *present = vxp_bound_node(BOUND_NULL, column);

		present->negated = true;
		compare->negated = true;	/* IS NOT FALSE */
		compare = vxp_bound_list(BOUND_AND, list_make2(present, compare));
	}
	if (outer.column->kind == COLUMN_ARRAY)
	{
		*result = vxp_bound_node(BOUND_ELEMENT, outer.column);
		(*result)->args = list_make1(compare);
	}
	else
		*result = compare;
	return NULL;
}

/* vxp_bind_subquery binds {"f": {"$in": subquery}} and the order operators over one. */
VxpError *
vxp_bind_subquery(BindState *state, DqlNode *node, BoundNode **result)
{
	BoundField	outer;
	VxpError   *error = vxp_bind_field(state->type, state->relation, node->path, node->where, &outer);

	return error ? error : bind_subquery_on(state, outer, node, result);
}

/* vxp_bind_subquery_on does so for a column that is no document, or the element of one. */
VxpError *
vxp_bind_subquery_on(BindState *state, BoundColumn *column, DqlNode *node, BoundNode **result)
{
	BoundField	outer = {column};

	if (column->kind == COLUMN_JSON)
		return vxp_error(ERRCODE_FEATURE_NOT_SUPPORTED, node->where,
						 "a subquery inside $match or $elemMatch is not supported on the field \"%s\" of type %s[]",
						 column->name, format_type_be(column->type));
	return bind_subquery_on(state, outer, node, result);
}

/*
 * vxp_bind_inner_subqueries replaces the subqueries inside a condition on a
 * document (a nested object, $match) by bind variables with their values, in a
 * copy: vxp.matches sees one document only.
 */
VxpError *
vxp_bind_inner_subqueries(BindState *state, const BoundField *outer, const DqlNode *node, DqlNode **result)
{
	DqlNode    *copy = palloc(sizeof(DqlNode));
	VxpError   *error;
	ListCell   *lc;

	check_stack_depth();
	*copy = *node;
	*result = copy;
	if (node->subquery)
	{
		BoundRelated *related;

		error = bind_subquery(state, node->subquery, &related);
		if (error)
			return error;
		related->outer.query = state->query;
		related->outer.column = outer->column;
		related->outer.field = *outer;
		copy->operand = vxp_bind_values(state->query, related);
		copy->subquery = NULL;
	}
	copy->args = NIL;
	foreach(lc, node->args)
	{
		DqlNode    *arg;

		error = vxp_bind_inner_subqueries(state, outer, lfirst(lc), &arg);
		if (error)
			return error;
		copy->args = lappend(copy->args, arg);
	}
	return NULL;
}

/* What a join means without "on" (section 5). */
static VxpError *
default_join(BindState *state, DqlJoin *join)
{
	bool		of_items = strcmp(state->type->name, "items") == 0;
	DqlPath    *item = vxp_dql_path_of("itemId");
	DqlPath    *id = vxp_dql_path_of("id");

	if (!of_items && strcmp(state->type->name, "annotations") != 0)
		return vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, join->where,
										"a join of resource type \"%s\" needs \"on\"", state->type->name),
							  "Write \"on\": {\"resource\": ..., \"local\": ..., \"forigen\": ...}.");
	join->resource = of_items ? "annotations" : "items";
	join->local = of_items ? item : id;
	join->foreign = of_items ? id : item;
	return NULL;
}

/* vxp_bind_join binds one join as a condition on the rows of "state". */
VxpError *
vxp_bind_join(BindState *state, DqlJoin *given, BoundNode **result)
{
	DqlJoin    *join = palloc(sizeof(DqlJoin));
	DqlRequest *request = palloc0(sizeof(DqlRequest));
	BoundRelated *related = palloc0(sizeof(BoundRelated));
	const ResourceType *type;
	Relation	relation;
	BoundField	outer;
	VxpError   *error = NULL;

	*join = *given;
	if (join->resource == NULL)
		error = default_join(state, join);
	if (error)
		return error;
	error = vxp_bind_field(state->type, state->relation, join->foreign,
						   psprintf("%s.on.forigen", join->where), &outer);
	if (error)
		return error;

	request->page = request->page_size = request->limit = request->skip = -1;
	request->filter = join->filter;
	request->where = join->where;
	error = open_related(state, request, join->resource, psprintf("%s.on.resource", join->where),
						 &related->query, &type, &relation);
	if (error)
		return error;
	error = vxp_bind_query(request, type, relation, related->query, false);
	if (error == NULL)
		error = bind_side(type, relation, related->query, join->local,
						  psprintf("%s.on.local", join->where), &related->inner);
	relation_close(relation, NoLock);
	if (error == NULL)
		error = check_comparable("=", &outer, &related->inner.field, psprintf("%s.on", join->where));
	if (error)
		return error;

	switch (join->quantifier)
	{
		case DQL_JOIN_ANY:
			break;
		case DQL_JOIN_NONE:
			break;
		case DQL_JOIN_ALL:
			/* no joined row fails the filter */
			related->query->filter = related->query->filter ?
				vxp_bound_not(related->query->filter) : vxp_bound_const(false);
			break;
		case DQL_JOIN_AT_LEAST:
			if (join->count == 0)
			{
				*result = vxp_bound_const(true);
				return NULL;
			}
			related->at_least = join->count > 1 ? join->count : 0;
			break;
		case DQL_JOIN_EXACTLY:
			related->exactly = join->count;
			break;
	}
	if (related->at_least > 0 || related->exactly > 0)
		*result = counted(state, related, &outer, join->where);
	else
		*result = membership(state, related, &outer, join->where);
	if (join->quantifier == DQL_JOIN_NONE || join->quantifier == DQL_JOIN_ALL ||
		(join->quantifier == DQL_JOIN_EXACTLY && join->count == 0))
		*result = vxp_bound_not(*result);
	return NULL;
}

/*
 * vxp_bind_set binds one query of intersect: the row's id is in it.  Of the
 * same resource, the id being unique, that is: the row itself satisfies it.
 * Among all versions the id is not unique, and the set's rows are fewer.
 */
VxpError *
vxp_bind_set(BindState *state, DqlRequest *set, BoundNode **result)
{
	static const char *const id = "id";
	DqlPath    *path = vxp_dql_path_of(id);
	BoundRelated *related;
	BoundField	outer;
	VxpError   *error;

	if (set->resource == NULL)
		set->resource = state->type->name;
	if (strcmp(set->resource, state->type->name) == 0 &&
		!(state->type->versioned && state->query->versions == VERSIONS_ALL))
		return vxp_bind_conditions(state, set, result);

	set->select = list_make1(path);
	error = vxp_bind_field(state->type, state->relation, path, set->where, &outer);
	if (error == NULL)
		error = bind_subquery(state, set, &related);
	if (error == NULL)
		error = check_comparable("=", &outer, &related->inner.field, set->where);
	if (error == NULL)
		*result = membership(state, related, &outer, set->where);
	return error;
}
