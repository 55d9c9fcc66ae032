/*
 * dql_relate_value.c - values of other rows beside the field of the row that asks
 *
 * A typed field compares as its own type (docs/dql.md, section 13), whatever the
 * other side is: a value of a document is read as that type and is NULL where it
 * has not the form, timestamps with and without a zone meet in UTC, a type brings
 * its own operators.  Beside a document a typed value is what items show of it.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_oper.h"
#include "parser/parse_relation.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "dql/dql_build.h"

static bool
is_time(const BoundColumn *column)
{
	return column->kind == COLUMN_TIMESTAMPTZ || column->kind == COLUMN_TIMESTAMP || column->kind == COLUMN_DATE;
}

/* Does the type hold text under a name of its own, as citext does? */
static bool
is_kind_of_text(Oid type)
{
	Oid			function;

	return get_typtype(type) == TYPTYPE_BASE &&
		find_coercion_pathway(type, TEXTOID, COERCION_EXPLICIT, &function) == COERCION_PATH_RELABELTYPE;
}

/* vxp_read_as: how a value of a document compares with the outer field */
ReadAs
vxp_read_as(const BoundRelated *related)
{
	const BoundColumn *outer = vxp_scalar_of(related->outer.column);
	bool		ordered = related->extreme != NULL;

	switch (outer->kind)
	{
		case COLUMN_TEXT:
			return READ_TEXT;
		case COLUMN_TIMESTAMPTZ:
		case COLUMN_TIMESTAMP:
		case COLUMN_DATE:
			return READ_INSTANT;
		case COLUMN_INTEGER:
		case COLUMN_NUMBER:
			if (!ordered)
				return READ_JSON;	/* numbers of JSON are equal by value */
			return outer->base_type == FLOAT4OID || outer->base_type == FLOAT8OID ? READ_VALUE : READ_NUMBER;
		case COLUMN_BOOLEAN:
			return READ_VALUE;
		case COLUMN_OTHER:
			if (is_kind_of_text(outer->base_type))
				return READ_TEXT;
			if (vxp_reads_values(outer->base_type) &&
				OidIsValid(lookup_type_cache(outer->base_type, TYPECACHE_EQ_OPR)->eq_opr))
				return READ_VALUE;
			return READ_JSON;
		default:
			return READ_JSON;
	}
}

/* Are values of a document asked for as text, since the row's field is text? */
static bool
values_are_text(const BoundRelated *related)
{
	return related->extreme == NULL && vxp_read_as(related) == READ_TEXT;
}

/* vxp_related_operator: the operator between the outer field and a value: the type's own where both are of one type. */
List *
vxp_related_operator(const BoundRelated *related, StrategyNumber strategy)
{
	static const char *const operators[] = {NULL, "<", "<=", "=", ">=", ">"};
	const BoundColumn *outer = vxp_scalar_of(related->outer.column);
	const BoundColumn *inner = vxp_scalar_of(related->inner.column);

	if (outer->kind == COLUMN_OTHER &&
		(vxp_is_json(inner) ? vxp_read_as(related) != READ_JSON : inner->base_type == outer->base_type))
		return vxp_dql_type_operator(outer, strategy);
	return list_make2(makeString("pg_catalog"), makeString(pstrdup(operators[strategy])));
}

/* vxp_ordered_type: the type in which values are compared in the order of the outer field. */
Oid
vxp_ordered_type(const BoundRelated *related)
{
	const BoundColumn *outer = related->outer.column;

	if (!vxp_is_json(related->inner.column))
		return vxp_scalar_of(related->inner.column)->base_type;
	switch (vxp_read_as(related))
	{
		case READ_INSTANT:
			return outer->kind == COLUMN_TIMESTAMPTZ ? TIMESTAMPTZOID : TIMESTAMPOID;
		case READ_NUMBER:
			return NUMERICOID;
		default:
			return outer->base_type;
	}
}

static Node *
cast_expr(ParseState *pstate, Node *expr, Oid type)
{
	return coerce_to_target_type(pstate, expr, exprType(expr), type, -1,
								 COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
}

/* The values of the inner field in a row, as an array to be unnested. */
static Node *
values_expr(ParseState *pstate, const BoundRelated *related)
{
	const BoundSide *inner = &related->inner;
	Node	   *column = vxp_dql_column_expr(pstate, inner->query, inner->column);

	if (!vxp_is_json(inner->column))
		return column;
	if (inner->column->base_type != JSONBOID)
		column = cast_expr(pstate, column, JSONBOID);
	return vxp_dql_call(pstate, "vxp", values_are_text(related) ? "path_texts" : "path_values",
						list_make2(column, vxp_dql_text_const(inner->field.inside->text)));
}

static Node *
value_expr(ParseState *pstate, const BoundRelated *related)
{
	const BoundSide *inner = &related->inner;

	if (vxp_has_lists(inner->column))
		return scanNSItemForColumn(pstate, llast(pstate->p_namespace), 0, DQL_ELEMENT_ALIAS, -1);
	return vxp_dql_column_expr(pstate, inner->query, inner->column);
}

static Node *
collate_c(Node *expr)
{
	CollateExpr *collated = makeNode(CollateExpr);

	collated->arg = (Expr *) expr;
	collated->collOid = C_COLLATION_OID;
	collated->location = -1;
	return (Node *) collated;
}

/* The expression for an order comparison: text by code point. */
static Node *
in_byte_order(Node *expr)
{
	return OidIsValid(exprCollation(expr)) && !vxp_collation_is_c(exprCollation(expr)) ? collate_c(expr) : expr;
}

/* The text of a JSON string; of another value, what it is written as. */
static Node *
json_text(ParseState *pstate, Node *value)
{
	Node	   *path = vxp_dql_const(TEXTARRAYOID, PointerGetDatum(construct_empty_array(TEXTOID)));

	return (Node *) make_op(pstate, list_make2(makeString("pg_catalog"), makeString("#>>")), value, path, NULL, -1);
}

/* An expression of a domain over an enum as that enum: no polymorphic operator takes the domain. */
static Node *
plain_enum(ParseState *pstate, Node *expr)
{
	Oid			type = exprType(expr);
	Oid			element = get_element_type(type);
	Oid			base = getBaseType(OidIsValid(element) ? element : type);

	if (get_typtype(base) != TYPTYPE_ENUM || base == (OidIsValid(element) ? element : type))
		return expr;
	return cast_expr(pstate, expr, OidIsValid(element) ? get_array_type(base) : base);
}

/* timezone('UTC', value): between timestamps with and without a zone, whatever the session's zone is */
static Node *
in_utc(ParseState *pstate, Node *value)
{
	return vxp_dql_call(pstate, "pg_catalog", "timezone", list_make2(vxp_dql_text_const("UTC"), value));
}

/*
 * The value as one of the outer field's type, or of one that its operators take;
 * NULL where a value of a document has not that form.
 */
static Node *
compared_value(ParseState *pstate, const BoundRelated *related, Node *value)
{
	const BoundColumn *outer = vxp_scalar_of(related->outer.column);
	const BoundColumn *inner = vxp_scalar_of(related->inner.column);

	if (!vxp_is_json(inner))
	{
		if (is_time(inner) && is_time(outer) &&
			(inner->kind == COLUMN_TIMESTAMPTZ) != (outer->kind == COLUMN_TIMESTAMPTZ))
			return in_utc(pstate, inner->kind == COLUMN_DATE ? cast_expr(pstate, value, TIMESTAMPOID) : value);
		return plain_enum(pstate, value);
	}
	switch (vxp_read_as(related))
	{
		case READ_TEXT:
			if (exprType(value) == JSONBOID)
				value = json_text(pstate, value);
			return outer->base_type == BPCHAROID || outer->kind == COLUMN_OTHER ?
				cast_expr(pstate, value, outer->base_type) : value;
		case READ_INSTANT:
			value = vxp_dql_call(pstate, "vxp", "instant_or_null", list_make1(json_text(pstate, value)));
			return outer->kind == COLUMN_TIMESTAMPTZ ? value : in_utc(pstate, value);
		case READ_NUMBER:
			return cast_expr(pstate, json_text(pstate, value), NUMERICOID);
		case READ_VALUE:
			return vxp_dql_call(pstate, "vxp", "value_or_null",
								list_make2(value, makeNullConst(outer->base_type, -1, get_typcollation(outer->base_type))));
		case READ_JSON:
			break;
	}
	return value;
}

/* The value as the outer field orders it: text in "C". */
static Node *
ordered_value(ParseState *pstate, const BoundRelated *related, Node *value)
{
	return in_byte_order(compared_value(pstate, related, value));
}

/*
 * Can the value of a document be compared with the outer field (section 4.3)?
 * With text a string can, with a number also a string that is one in JSON.
 */
static Node *
comparable_expr(ParseState *pstate, const BoundRelated *related, Node *value)
{
	List	   *equal = list_make2(makeString("pg_catalog"), makeString("="));
	List	   *matches = list_make2(makeString("pg_catalog"), makeString("~"));
	NullTest   *present;

	switch (vxp_read_as(related))
	{
		case READ_TEXT:
			return (Node *) make_op(pstate, equal, vxp_dql_call(pstate, "pg_catalog", "jsonb_typeof", list_make1(value)),
									vxp_dql_text_const("string"), NULL, -1);
		case READ_NUMBER:
			return (Node *) make_op(pstate, matches, json_text(pstate, value),
									vxp_dql_text_const("^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]{1,4})?$"), NULL, -1);
		default:
			present = makeNode(NullTest);
			present->arg = (Expr *) compared_value(pstate, related, value);
			present->nulltesttype = IS_NOT_NULL;
			present->location = -1;
			return (Node *) present;
	}
}

/* All values of one side in a row, as jsonb[]. */
static Node *
side_values(ParseState *pstate, const BoundSide *side)
{
	Node	   *column = vxp_dql_column_expr(pstate, side->query, side->column);

	if (!vxp_is_json(side->column))
		column = vxp_dql_call(pstate, "pg_catalog", "to_jsonb", list_make1(vxp_dql_item_value(pstate, side->column, column)));
	else if (side->column->base_type != JSONBOID)
		column = cast_expr(pstate, column, JSONBOID);
	return vxp_dql_call(pstate, "vxp", "path_values",
						list_make2(column, vxp_dql_text_const(vxp_is_json(side->column) ? side->field.inside->text : "")));
}

/* The outer field beside a value: as JSON where the value is compared as JSON. */
static Node *
outer_expr(ParseState *pstate, const BoundRelated *related)
{
	Node	   *expr = vxp_dql_column_expr(pstate, related->outer.query, related->outer.column);

	if (vxp_is_json(related->inner.column) && vxp_read_as(related) == READ_JSON)
		return vxp_dql_call(pstate, "pg_catalog", "to_jsonb", list_make1(expr));
	return plain_enum(pstate, expr);
}

/* value = outer field, or = ANY of its elements */
static Node *
link_expr(ParseState *pstate, const BoundRelated *related, Node *value)
{
	List	   *equal = vxp_related_operator(related, BTEqualStrategyNumber);
	Node	   *outer = outer_expr(pstate, related);
	Oid			collation;

	value = compared_value(pstate, related, value);
	collation = exprCollation(value);
	/* two columns of different collations have none in common: compare bytes */
	if (OidIsValid(collation) && OidIsValid(exprCollation(outer)) && collation != exprCollation(outer) &&
		(!get_collation_isdeterministic(collation) || !get_collation_isdeterministic(exprCollation(outer)) ||
		 (collation != DEFAULT_COLLATION_OID && exprCollation(outer) != DEFAULT_COLLATION_OID)))
		value = collate_c(value);
	if (related->outer.column->kind != COLUMN_ARRAY)
		return (Node *) make_op(pstate, equal, value, outer, NULL, -1);
	if (exprType(outer) == JSONBOID)
		return (Node *) make_op(pstate, list_make2(makeString("pg_catalog"), makeString("@>")), outer, value, NULL, -1);
	return (Node *) make_scalar_array_op(pstate, equal, true, value, outer, -1);
}

/*
 * The value as an element of the outer field, an array of deterministic
 * collation: text is equal byte by byte in all of these, so that the array of
 * values may have the outer field's.
 */
static Node *
gathered_value(ParseState *pstate, const BoundRelated *related, Node *value)
{
	const BoundColumn *outer = related->outer.column;
	CollateExpr *collated;

	if (exprType(value) != outer->element->type)
		value = cast_expr(pstate, value, outer->element->type);
	if (!OidIsValid(outer->collation) || exprCollation(value) == outer->collation)
		return value;
	collated = (CollateExpr *) collate_c(value);
	collated->collOid = outer->collation;
	return (Node *) collated;
}

/* A value as items show it; as JSON where its type has no equality to tell values apart. */
static Node *
item_value(ParseState *pstate, const BoundColumn *column, Node *value)
{
	value = vxp_dql_item_value(pstate, column, value);
	if (!OidIsValid(lookup_type_cache(getBaseType(exprType(value)), TYPECACHE_EQ_OPR)->eq_opr))
		value = vxp_dql_call(pstate, "pg_catalog", "to_jsonb", list_make1(value));
	return value;
}

static Node *
cut_value(ParseState *pstate)
{
	return scanNSItemForColumn(pstate, llast(pstate->p_namespace), 0, DQL_VALUE_COLUMN, -1);
}

/* vxp_related_leaf finishes the leaves of this file. */
Node *
vxp_related_leaf(ParseState *pstate, const Leaf *leaf)
{
	switch (leaf->kind)
	{
		case LEAF_VALUE:
			return value_expr(pstate, leaf->related);
		case LEAF_VALUES:
			return values_expr(pstate, leaf->related);
		case LEAF_ORDERED_VALUE:
			return ordered_value(pstate, leaf->related, vxp_build_leaf(pstate, leaf->left));
		case LEAF_COMPARED_VALUE:
			return compared_value(pstate, leaf->related, vxp_build_leaf(pstate, leaf->left));
		case LEAF_ITEM_VALUE:
			return item_value(pstate, vxp_scalar_of(leaf->related->inner.column), vxp_build_leaf(pstate, leaf->left));
		case LEAF_COMPARABLE:
			return comparable_expr(pstate, leaf->related, vxp_build_leaf(pstate, leaf->left));
		case LEAF_MULTIPLE:
			return (Node *) make_op(pstate, list_make2(makeString("pg_catalog"), makeString(">")),
									vxp_dql_call(pstate, "pg_catalog", "cardinality",
												 list_make1(side_values(pstate, &leaf->related->outer))),
									vxp_dql_const(INT4OID, Int32GetDatum(1)), NULL, -1);
		case LEAF_OVERLAP:
			return (Node *) make_op(pstate, list_make2(makeString("pg_catalog"), makeString("&&")),
									side_values(pstate, &leaf->related->inner),
									side_values(pstate, &leaf->related->outer), NULL, -1);
		case LEAF_CUT_VALUE:
			return cut_value(pstate);
		case LEAF_GATHERED:
			return gathered_value(pstate, leaf->related, vxp_build_leaf(pstate, leaf->left));
		case LEAF_OUTER:
			return outer_expr(pstate, leaf->related);
		case LEAF_OUTER_ORDERED:
			return in_byte_order(plain_enum(pstate, vxp_dql_column_expr(pstate, leaf->related->outer.query, leaf->related->outer.column)));
		case LEAF_LINK:
			return link_expr(pstate, leaf->related, vxp_build_leaf(pstate, leaf->left));
		default:
			elog(ERROR, "unrecognized DQL leaf: %d", (int) leaf->kind);
	}
}
