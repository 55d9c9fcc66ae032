/*
 * dql_bind.c - syntax tree and resource type to bound tree
 *
 * Invariants of the result:
 * - a node that is not BOUND_DOCUMENT or BOUND_CONST may be NULL where DQL says
 *   false; AND and OR carry that through, and BOUND_NOT is "is not true", so a
 *   filter as a whole never tells NULL from false;
 * - conditions on one document that stand under one AND or OR are one
 *   BOUND_DOCUMENT, so that a row's document is visited once;
 * - equalities of one column under an OR are one BOUND_ANY (a thousand OR
 *   branches cost minutes in JIT compilation, = ANY costs nothing).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "common/vxp_settings.h"
#include "dql/dql_bind.h"
#include "dql/dql_cursor.h"

static VxpError *bind_node(BindState *state, DqlNode *node, BoundNode **result);

/* Notes the clause that a condition came from, when vxp.explain numbered it. */
static void
mark(BindState *state, BoundNode *node, int clause)
{
	if (clause > 0)
		vxp_clause_mark(state->query, node, clause);
}

BoundNode *
vxp_bound_node(BoundKind kind, BoundColumn *column)
{
	BoundNode  *node = palloc0(sizeof(BoundNode));

	node->kind = kind;
	node->column = column;
	return node;
}

BoundNode *
vxp_bound_const(bool truth)
{
	BoundNode  *node = vxp_bound_node(BOUND_CONST, NULL);

	node->truth = truth;
	return node;
}

/* vxp_bound_not returns the complement: true where "arg" is false or NULL. */
BoundNode *
vxp_bound_not(BoundNode *arg)
{
	BoundNode  *node;

	switch (arg->kind)
	{
		case BOUND_CONST:
			return vxp_bound_const(!arg->truth);
		case BOUND_NULL:
		case BOUND_ANY:
			node = palloc(sizeof(BoundNode));
			*node = *arg;
			node->negated = !arg->negated;
			/* a negated = ANY is true for NULL, its complement must not be */
			if (arg->kind == BOUND_NULL || !arg->negated)
				return node;
			break;
		case BOUND_COMPARE:
			if (arg->strategy == BTEqualStrategyNumber && !arg->negated)
			{
				node = palloc(sizeof(BoundNode));
				*node = *arg;
				node->negated = true;
				return node;
			}
			break;
		case BOUND_DOCUMENT:
			{
				DqlNode    *inner = palloc0(sizeof(DqlNode));

				inner->kind = DQL_NOT;
				inner->where = arg->node->where;
				inner->args = list_make1(arg->node);
				node = palloc(sizeof(BoundNode));
				*node = *arg;
				node->node = inner;
				return node;
			}
		default:
			break;
	}
	node = vxp_bound_node(BOUND_NOT, NULL);
	node->args = list_make1(arg);
	return node;
}

static bool
same_document(const BoundNode *a, const BoundNode *b)
{
	return a->column->attnum == b->column->attnum &&
		(a->field == NULL) == (b->field == NULL) &&
		(a->field == NULL || strcmp(a->field, b->field) == 0);
}

/* Is the node column = constant, of a scalar column that has an array type? */
static bool
is_plain_equality(const BoundNode *node)
{
	return node->kind == BOUND_COMPARE && node->strategy == BTEqualStrategyNumber &&
		!node->negated && node->value.param == 0 && node->column->attnum > 0 &&
		OidIsValid(get_array_type(node->value.type));
}

/* Folds the equalities of "args" with the same column and type into one = ANY. */
static List *
merge_equalities(List *args)
{
	List	   *merged = NIL;
	int			count = list_length(args);
	bool	   *done = palloc0(sizeof(bool) * count);

	for (int i = 0; i < count; i++)
	{
		BoundNode  *first = list_nth(args, i);
		Datum	   *datums;
		int			found = 1;
		BoundNode  *node;
		int16		length;
		bool		by_value;
		char		align;

		if (done[i])
			continue;
		merged = lappend(merged, first);
		if (!is_plain_equality(first))
			continue;
		CHECK_FOR_INTERRUPTS();
		datums = palloc(sizeof(Datum) * (count - i));
		datums[0] = first->value.datum;
		for (int j = i + 1; j < count; j++)
		{
			BoundNode  *other = list_nth(args, j);

			if (!done[j] && is_plain_equality(other) && other->column->attnum == first->column->attnum &&
				other->value.type == first->value.type)
			{
				datums[found++] = other->value.datum;
				done[j] = true;
			}
		}
		if (found == 1)
			continue;
		get_typlenbyvalalign(first->value.type, &length, &by_value, &align);
		node = vxp_bound_node(BOUND_ANY, first->column);
		node->value.type = get_array_type(first->value.type);
		node->value.datum = PointerGetDatum(construct_array(datums, found, first->value.type,
															length, by_value, align));
		if (first->clauses)
			for (int j = i; j < count; j++)
				if (j == i || (done[j] && is_plain_equality(list_nth(args, j)) &&
							   ((BoundNode *) list_nth(args, j))->column->attnum == first->column->attnum &&
							   ((BoundNode *) list_nth(args, j))->value.type == first->value.type))
					node->clauses = bms_add_members(node->clauses, ((BoundNode *) list_nth(args, j))->clauses);
		llast(merged) = node;
	}
	return merged;
}

/* Conditions on one document that stand under one AND or OR. */
typedef struct DocumentGroup
{
	BoundNode  *first;			/* ours, in its place among the arguments */
	List	   *conditions;		/* of DqlNode * */
} DocumentGroup;

/* Adds a document's condition to its group; returns the node to keep when the group is new. */
static BoundNode *
group_document(List **groups, const BoundNode *document)
{
	DocumentGroup *group;
	ListCell   *lc;

	foreach(lc, *groups)
	{
		group = lfirst(lc);
		if (same_document(group->first, document))
		{
			group->conditions = lappend(group->conditions, document->node);
			return NULL;
		}
	}
	group = palloc(sizeof(DocumentGroup));
	group->first = palloc(sizeof(BoundNode));
	*group->first = *document;
	group->conditions = list_make1(document->node);
	*groups = lappend(*groups, group);
	return group->first;
}

/*
 * vxp_bound_list joins nodes by AND or OR: constants are folded away, lists of
 * the same kind are flattened, documents and equalities are merged.
 */
BoundNode *
vxp_bound_list(BoundKind kind, List *args)
{
	List	   *kept = NIL;
	List	   *groups = NIL;
	BoundNode  *node;
	ListCell   *lc;

	foreach(lc, args)
	{
		BoundNode  *arg = lfirst(lc);
		List	   *parts = arg->kind == kind ? arg->args : list_make1(arg);
		ListCell   *part;

		foreach(part, parts)
		{
			BoundNode  *one = lfirst(part);

			if (one->kind == BOUND_CONST)
			{
				if (one->truth == (kind == BOUND_OR))
					return one;
				continue;
			}
			if (one->kind == BOUND_DOCUMENT)
				one = group_document(&groups, one);
			if (one)
				kept = lappend(kept, one);
		}
	}
	foreach(lc, groups)
	{
		DocumentGroup *group = lfirst(lc);
		DqlNode    *all = palloc0(sizeof(DqlNode));

		if (list_length(group->conditions) == 1)
			continue;
		all->kind = kind == BOUND_AND ? DQL_AND : DQL_OR;
		all->where = group->first->node->where;
		all->args = group->conditions;
		group->first->node = all;
	}
	if (kind == BOUND_OR)
		kept = merge_equalities(kept);
	if (kept == NIL)
		return vxp_bound_const(kind == BOUND_AND);
	if (list_length(kept) == 1)
		return linitial(kept);
	node = vxp_bound_node(kind, NULL);
	node->args = kept;
	return node;
}

/* The node with "prefix" before every path that is not relative to an element. */
static DqlNode *
prefix_node(const DqlPath *prefix, const DqlNode *node)
{
	DqlNode    *copy = palloc(sizeof(DqlNode));
	ListCell   *lc;

	check_stack_depth();
	*copy = *node;
	if (node->path)
	{
		copy->path = vxp_dql_path_join(prefix, node->path);
		return copy;
	}
	copy->args = NIL;
	foreach(lc, node->args)
		copy->args = lappend(copy->args, prefix_node(prefix, lfirst(lc)));
	return copy;
}

/* A node with a path: a condition on a column or on a document. */
static VxpError *
bind_field_node(BindState *state, DqlNode *node, BoundNode **result)
{
	BoundField	field;
	VxpError   *error;

	if (node->subquery)
	{
		BoundColumn *member = vxp_bind_member(state, node->path);

		return member ? vxp_bind_subquery_on(state, member, node, result) : vxp_bind_subquery(state, node, result);
	}
	if (node->kind == DQL_NESTED && vxp_bind_field_below(state->type, node->path))
		return bind_node(state, prefix_node(node->path, linitial(node->args)), result);

	error = vxp_bind_field(state->type, state->relation, node->path, node->where, &field);
	if (error && node->kind != DQL_NESTED)
	{
		BoundColumn *member = vxp_bind_member(state, node->path);

		if (member)
		{
			field.column = member;
			error = NULL;
		}
	}
	if (error)
	{
		/* a nested object speaks of the fields below it: name the one that is missing */
		if (node->kind == DQL_NESTED)
			return bind_node(state, prefix_node(node->path, linitial(node->args)), result);
		return error;
	}
	if (field.column->kind == COLUMN_JSON)
	{
		DqlNode    *relative;

		error = vxp_bind_inner_subqueries(state, &field, node, &relative);
		if (error)
			return error;
		relative->path = field.rest;
		*result = vxp_bound_node(BOUND_DOCUMENT, field.column);
		(*result)->field = field.field;
		(*result)->node = relative;
		return NULL;
	}
	switch (node->kind)
	{
		case DQL_COMPARE:
			return vxp_bind_operator(state, field.column, node->path, node, result);
		case DQL_ANY_CANDIDATE:
		case DQL_ANY_ELEMENT:
			return vxp_bind_candidate(state, field.column, node, result);
		case DQL_NESTED:
			/* the members of a list are reached by their place only by a path */
			if (field.column->kind != COLUMN_ARRAY)
				return bind_node(state, prefix_node(node->path, linitial(node->args)), result);
			VXP_FALLTHROUGH;
		default:
			return vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, node->where,
							 "field \"%s\" of type %s holds no objects",
							 field.column->name, format_type_be(field.column->type));
	}
}

static VxpError *
bind_has_ancestor(BindState *state, DqlNode *node, BoundNode **result)
{
	BoundColumn *column = vxp_bind_named_column(state->relation, state->type->lineage_column);
	DqlValue   *operand = vxp_known_operand(state, node->operand);
	Datum	   *datums;

	if (column == NULL)
		return vxp_error_hint(vxp_error(ERRCODE_FEATURE_NOT_SUPPORTED, node->where,
										"resource type \"%s\" has no lineage", state->type->name),
							  "Register it with the names of its parent types in \"parents\".");
	*result = vxp_bound_node(BOUND_ANCESTOR, column);
	if (operand->type == DQL_NULL)
	{
		*result = vxp_bound_const(false);
		return NULL;
	}
	if (operand->type == DQL_PARAM)
	{
		(*result)->value.param = operand->param;
		return NULL;
	}
	datums = palloc(sizeof(Datum) * Max(operand->count, 1));
	for (int i = 0; i < operand->count; i++)
	{
		if (operand->items[i]->type != DQL_STRING)
			return vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, node->where,
							 "$hasAncestor takes an identifier or a list of identifiers");
		datums[i] = PointerGetDatum(cstring_to_text_with_len(operand->items[i]->string,
															 operand->items[i]->length));
	}
	if (operand->count == 0)
		*result = vxp_bound_const(false);
	else if (operand->count == 1)
	{
		(*result)->value.type = TEXTOID;
		(*result)->value.datum = datums[0];
	}
	else
	{
		(*result)->value.type = TEXTARRAYOID;
		(*result)->value.datum = PointerGetDatum(construct_array(datums, operand->count, TEXTOID,
																 -1, false, TYPALIGN_INT));
	}
	return NULL;
}

static VxpError *
bind_any_node(BindState *state, DqlNode *node, BoundNode **result)
{
	List	   *args = NIL;
	ListCell   *lc;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	switch (node->kind)
	{
		case DQL_AND:
		case DQL_OR:
		case DQL_NOT:
			foreach(lc, node->args)
			{
				BoundNode  *arg;
				VxpError   *error = bind_node(state, lfirst(lc), &arg);

				if (error)
					return error;
				args = lappend(args, arg);
			}
			*result = node->kind == DQL_NOT ? vxp_bound_not(linitial(args)) :
				vxp_bound_list(node->kind == DQL_AND ? BOUND_AND : BOUND_OR, args);
			return NULL;
		case DQL_HAS_ANCESTOR:
			return bind_has_ancestor(state, node, result);
		default:
			return bind_field_node(state, node, result);
	}
}

static VxpError *
bind_node(BindState *state, DqlNode *node, BoundNode **result)
{
	VxpError   *error = bind_any_node(state, node, result);

	if (error == NULL)
		mark(state, *result, node->clause);
	return error;
}

/* The string as an operand of equality that is no pattern (section 4.6). */
static DqlValue *
literal_string(const DqlValue *value)
{
	DqlValue   *literal;
	char	   *to;

	if (!vxp_dql_is_pattern(value->string, value->length))
		return (DqlValue *) value;
	literal = palloc(sizeof(DqlValue));
	*literal = *value;
	literal->string = to = palloc(2 * value->length + 1);
	for (const char *from = value->string; *from; from++)
	{
		if (*from == '*' || *from == '?' || *from == '\\')
			*to++ = '\\';
		*to++ = *from;
	}
	*to = '\0';
	literal->length = to - literal->string;
	return literal;
}

/* "context": rows whose datasetId (projectId) is in the list (section 2.3) */
static VxpError *
bind_context(BindState *state, const char *name, List *values, bool required, int clause, List **conditions)
{
	DqlNode    *node = palloc0(sizeof(DqlNode));
	BoundField	field;
	BoundNode  *bound;
	VxpError   *error;
	ListCell   *lc;

	if (values == NIL)
		return NULL;
	node->kind = DQL_COMPARE;
	node->op = DQL_OP_IN;
	node->where = "$.context";
	node->path = palloc0(sizeof(DqlPath));
	node->path->text = pstrdup(name);
	node->path->count = 1;
	node->path->segments = &node->path->text;
	node->operand = palloc0(sizeof(DqlValue));
	node->operand->type = DQL_ARRAY;
	node->operand->items = palloc(sizeof(DqlValue *) * list_length(values));
	foreach(lc, values)
		node->operand->items[node->operand->count++] = literal_string(lfirst(lc));

	error = vxp_bind_field(state->type, state->relation, node->path, node->where, &field);
	if (error)
		return required ? error : NULL;
	error = bind_field_node(state, node, &bound);
	if (error)
		return error;
	if (!required && field.column->kind == COLUMN_JSON)
	{
		/* a document without the field belongs to a resource that has none: not limited by it */
		DqlNode    *present = palloc0(sizeof(DqlNode));
		BoundNode  *there;

		*present = *node;
		present->op = DQL_OP_EXISTS;
		present->operand = palloc0(sizeof(DqlValue));
		present->operand->type = DQL_BOOLEAN;
		present->operand->boolean = true;
		error = bind_field_node(state, present, &there);
		if (error)
			return error;
		bound = vxp_bound_list(BOUND_OR, list_make2(bound, vxp_bound_not(there)));
	}
	mark(state, bound, clause);
	*conditions = lappend(*conditions, bound);
	return NULL;
}

static BoundSort *
bound_sort(const BoundField *field, bool descending)
{
	BoundSort  *sort = palloc0(sizeof(BoundSort));

	sort->column = field->column;
	sort->descending = descending;
	if (field->column->kind == COLUMN_JSON)
		sort->inside = field->inside->text;
	else if (field->column->kind == COLUMN_ARRAY)
		sort->inside = "";
	return sort;
}

/* The sort keys, and where one id has several rows the begin of the version, unless it is there. */
static List *
add_begin(BindState *state, List *sort)
{
	BoundField	begin = {vxp_bind_named_column(state->relation, state->type->valid_from_column)};
	ListCell   *lc;

	foreach(lc, sort)
		if (((BoundSort *) lfirst(lc))->column->attnum == begin.column->attnum)
			return sort;
	return lappend(sort, bound_sort(&begin, false));
}

/*
 * The order of the answer (section 6): the request's keys, or the type's default,
 * then the id unless it is there, and the begin of the version where an id has
 * several.  Keys of the default without a column are
 * dropped; an unknown key of the request is an error unless there is a document.
 */
static VxpError *
bind_sort(BindState *state, const DqlRequest *request, List **result)
{
	static const char *const documented =
	"{\"type\":\"ascending\",\"createdAt\":\"descending\"}";
	const char *id = "id";
	DqlPath		id_path = {(char *) id, 1, (char **) &id};
	List	   *keys = request->sort;
	bool		is_default = keys == NIL;
	BoundField	id_field;
	bool		has_id = false;
	VxpError   *error;
	ListCell   *lc;

	*result = NIL;
	if (is_default)
	{
		const char *sort = state->type->default_sort ? state->type->default_sort : documented;

		error = vxp_dql_parse_sort(sort, strlen(sort), &keys);
		if (error)
			return error;
	}
	error = vxp_bind_field(state->type, state->relation, &id_path, "$.sort", &id_field);
	if (error)
		id_field.column = NULL; /* a type without id: its order is not total */
	foreach(lc, keys)
	{
		DqlSortKey *key = lfirst(lc);
		BoundField	field;

		error = vxp_bind_field(state->type, state->relation, key->path, key->where, &field);
		if (error)
		{
			if (is_default)
				continue;
			return error;
		}
		if (field.column->kind == COLUMN_OTHER &&
			!OidIsValid(lookup_type_cache(field.column->base_type, TYPECACHE_LT_OPR)->lt_opr))
			return vxp_error_hint(vxp_error(ERRCODE_UNDEFINED_FUNCTION, key->where,
											"field \"%s\" of type %s has no order",
											field.column->name, format_type_be(field.column->type)),
								  "Sort by another field.");
		if (id_field.column && field.column->attnum == id_field.column->attnum &&
			(field.column->kind != COLUMN_JSON || strcmp(field.inside->text, id_field.inside->text) == 0))
			has_id = true;
		*result = lappend(*result, bound_sort(&field, key->descending));
		((BoundSort *) llast(*result))->clause = key->clause;
	}
	state->query->total_order = id_field.column != NULL;
	if (id_field.column && !has_id)
		*result = lappend(*result, bound_sort(&id_field, false));
	if (id_field.column && state->type->versioned && state->query->versions == VERSIONS_ALL)
		*result = add_begin(state, *result);
	return NULL;
}

/* skip and limit cut the ordered result first, page and pageSize what is left (section 7) */
static VxpError *
bind_page(const DqlRequest *request, const BindOptions *options, BoundQuery *bound)
{
	bool		paged = request->page >= 0 || request->page_size >= 0 ||
		(options->paging && request->limit < 0);
	int64		limit;
	VxpError   *error = vxp_cursor_position(request, &bound->position);

	if (error)
		return error;
	/* the rows given before the cursor count for the limit */
	limit = request->limit < 0 ? -1 : Max(request->limit - bound->position, 0);
	bound->offset = Max(request->skip, 0);
	bound->limit = limit;
	bound->last_page = true;
	if (paged)
	{
		int64		size = request->page_size >= 0 ? Min(request->page_size, vxp_max_page_size) :
			request->limit >= 0 ? request->limit : vxp_default_page_size;
		int64		start;

		/* a page past the end is empty, however far */
		if (pg_mul_s64_overflow(Max(request->page, 0), size, &start))
			start = PG_INT64_MAX;
		if (pg_add_s64_overflow(bound->offset, start, &bound->offset))
			bound->offset = PG_INT64_MAX;
		bound->limit = limit < 0 ? size : Min(size, Max(limit - start, 0));
		bound->last_page = limit >= 0 && limit - start <= size;
		if (pg_add_s64_overflow(bound->position, start, &bound->position))
			bound->position = PG_INT64_MAX;
	}
	return NULL;
}

/* Which columns of the row type "select" keeps (the others come as NULL). */
static VxpError *
bind_select(BindState *state, const DqlRequest *request, BoundQuery *bound)
{
	ListCell   *lc;

	bound->select_all = request->select_mode == DQL_SELECT_ALL;
	bound->project = bound->document && !bound->select_all;
	if (request->select_mode == DQL_SELECT_EXCLUDE)
		for (int i = 0; i < RelationGetNumberOfAttributes(state->relation); i++)
			if (!TupleDescAttr(RelationGetDescr(state->relation), i)->attisdropped)
				bound->columns = bms_add_member(bound->columns, i + 1);
	foreach(lc, request->select)
	{
		DqlPath    *path = lfirst(lc);
		BoundField	field;
		VxpError   *error = vxp_bind_field(state->type, state->relation, path,
										   psprintf("$.select.%s", path->text), &field);

		if (error)
			return error;
		if (field.column->kind == COLUMN_JSON && field.inside->count > 0)
			bound->project = true;
		if (bound->document && path->count == 1 && request->select_mode != DQL_SELECT_EXCLUDE &&
			(field.column->attnum != bound->document->attnum || strcmp(field.inside->text, path->text) != 0))
		{
			/* a column that is no part of the document, or a place in it under another name */
			BoundMember *member = palloc0(sizeof(BoundMember));

			member->path = path;
			member->column = field.column;
			if (field.column->kind == COLUMN_JSON && field.inside->count > 0)
				member->inside = field.inside;
			bound->members = lappend(bound->members, member);
		}
		if (request->select_mode != DQL_SELECT_EXCLUDE)
			bound->columns = bms_add_member(bound->columns, field.column->attnum);
		else if (field.column->kind != COLUMN_JSON || field.inside->count == 0)
			bound->columns = bms_del_member(bound->columns, field.column->attnum);
	}
	return NULL;
}

static VxpError *
check_limits(const DqlRequest *request, const BindOptions *options)
{
	if (request->depth > vxp_max_dql_depth)
		return vxp_error_hint(vxp_error(ERRCODE_PROGRAM_LIMIT_EXCEEDED, "$.filter",
										"DQL filter nests %d levels deep, more than the limit of %d",
										request->depth, vxp_max_dql_depth),
							  "The limit is the setting vxp.max_dql_depth.");
	if (request->conditions > vxp_max_dql_branches)
		return vxp_error_hint(vxp_error(ERRCODE_PROGRAM_LIMIT_EXCEEDED, "$.filter",
										"DQL filter has %d conditions, more than the limit of %d",
										request->conditions, vxp_max_dql_branches),
							  "Use $in for many values of one field, or raise the setting vxp.max_dql_branches.");
	if (options->args_known && request->max_param > list_length(options->args))
		return vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, "$.filter",
										"there is no value for the bind variable {\"$param\": %d}", request->max_param),
							  "Give the values as further arguments of the function, after the request.");
	if (options->args_known && request->max_param < list_length(options->args))
		return vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, "$.filter",
						 "%d values are given for bind variables, but the largest {\"$param\": n} is %d",
						 list_length(options->args), request->max_param);
	return NULL;
}

/* vxp_bound_query returns an empty query on the relation; it is its own outermost one. */
BoundQuery *
vxp_bound_query(Relation relation, const DqlRequest *request, const BindOptions *options)
{
	BoundQuery *query = palloc0(sizeof(BoundQuery));

	query->request = request;
	query->schema_name = get_namespace_name(RelationGetNamespace(relation));
	query->table_name = pstrdup(RelationGetRelationName(relation));
	query->relid = RelationGetRelid(relation);
	query->args = options->args;
	query->args_known = options->args_known;
	query->in_force = options->in_force;
	query->limit = -1;
	query->outermost = query;
	query->explain = options->explain;
	return query;
}

/* vxp_bind_conditions binds all that says which rows match: filter, scope, joins and sets. */
VxpError *
vxp_bind_conditions(BindState *state, const DqlRequest *request, BoundNode **result)
{
	List	   *conditions = NIL;
	BoundNode  *condition;
	VxpError   *error = NULL;
	ListCell   *lc;

	check_stack_depth();
	if (request->filter)
	{
		error = bind_node(state, request->filter, &condition);
		if (error)
			return error;
		conditions = lappend(conditions, condition);
	}
	error = bind_context(state, "datasetId", request->datasets, true, request->datasets_clause, &conditions);
	if (error == NULL)
		error = bind_context(state, "projectId", request->projects, false, request->projects_clause, &conditions);
	foreach(lc, request->joins)
	{
		if (error == NULL)
			error = vxp_bind_join(state, lfirst(lc), &condition);
		if (error)
			return error;
		mark(state, condition, ((DqlJoin *) lfirst(lc))->clause);
		conditions = lappend(conditions, condition);
	}
	foreach(lc, request->intersect)
	{
		if (error == NULL)
			error = vxp_bind_set(state, lfirst(lc), &condition);
		if (error)
			return error;
		mark(state, condition, ((DqlRequest *) lfirst(lc))->clause);
		conditions = lappend(conditions, condition);
	}
	foreach(lc, request->except)
	{
		if (error == NULL)
			error = vxp_bind_set(state, lfirst(lc), &condition);
		if (error)
			return error;
		mark(state, condition, ((DqlRequest *) lfirst(lc))->clause);
		conditions = lappend(conditions, vxp_bound_not(condition));
	}
	*result = vxp_bound_list(BOUND_AND, conditions);
	return error;
}

/* vxp_bind_query binds the conditions of a query and, if "ordered", its order and its cut. */
VxpError *
vxp_bind_query(const DqlRequest *request, const ResourceType *type, Relation relation,
			   BoundQuery *query, bool ordered)
{
	BindOptions options = {query->args, query->args_known};
	BindState	state = {type, relation, &options, query};
	VxpError   *error;

	vxp_bind_versions(query, type, relation);
	error = vxp_bind_conditions(&state, request, &query->filter);
	if (error == NULL && ordered)
		error = bind_page(request, &options, query);
	if (error == NULL && ordered)
		error = bind_sort(&state, request, &query->sort);
	if (error == NULL && query->filter->kind == BOUND_CONST && query->filter->truth)
		query->filter = NULL;
	return error;
}

/*
 * vxp_dql_bind binds a request against its resource type, whose relation is
 * open and locked.  The result lives in the current context and points into
 * the request.
 */
VxpError *
vxp_dql_bind(const DqlRequest *request, const ResourceType *type, Relation relation,
			 const BindOptions *options, BoundQuery **result)
{
	BoundQuery *bound = vxp_bound_query(relation, request, options);
	BindState	state = {type, relation, options, bound};
	VxpError   *error = check_limits(request, options);
	List	   *sort;

	if (error)
		return error;
	bound->document = vxp_bind_named_column(relation, type->document_column);
	bound->resource = type->name;
	bound->type = type;
	error = vxp_bind_query(request, type, relation, bound, false);
	if (error == NULL)
		error = bind_page(request, options, bound);
	if (error == NULL)
		error = bind_select(&state, request, bound);

	/*
	 * An order costs time: only where the request or the page asks for one.
	 * An unknown sort field is an error also where the order does not matter.
	 */
	if (error == NULL &&
		(request->sort != NIL || request->limit >= 0 || request->skip >= 0 ||
		 request->page >= 0 || request->page_size >= 0 || request->after || options->paging))
	{
		error = bind_sort(&state, request, &sort);
		if (error == NULL)
			error = vxp_cursor_bind(request, type->name, sort, bound->total_order, &bound->cursor);
		if (options->ordered)
			bound->sort = sort;
	}
	if (error == NULL && options->record)
		error = vxp_record_bind(request, type, relation, options->record, &bound->record);
	if (error)
		return error;
	*result = bound;
	return NULL;
}
