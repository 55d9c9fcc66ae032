/*
 * dql_record.c - rows in the shape of a column definition list, for query_record
 *
 * Each column is the field of its name, cast to its type.  A place in a
 * document is taken as the server's operators #> and #>> do: a list on the way
 * is stepped through by index only.  Timestamps without a zone are UTC.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_oper.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "dql/dql_build.h"

/* vxp_record_bind resolves the columns of a column definition list. */
VxpError *
vxp_record_bind(const DqlRequest *request, const ResourceType *type, Relation relation, TupleDesc shape, List **result)
{
	*result = NIL;
	if (request->select_mode != DQL_SELECT_ALL)
		return vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, "$.select",
										"\"select\" cannot stand beside a column definition list"),
							  "The list says which fields the rows have; leave \"select\" out.");
	for (int i = 0; i < shape->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(shape, i);
		BoundRecordColumn *column = palloc0(sizeof(BoundRecordColumn));
		BoundColumn *whole = vxp_bind_named_column(relation, NameStr(attribute->attname));
		VxpError   *error;

		column->name = pstrdup(NameStr(attribute->attname));
		column->type = attribute->atttypid;
		column->typmod = attribute->atttypmod;
		column->collation = attribute->attcollation;
		if (column->name[0] == '\0' || column->name[0] == '.' || strstr(column->name, "..") ||
			column->name[strlen(column->name) - 1] == '.')
			return vxp_error(ERRCODE_UNDEFINED_COLUMN, NULL,
							 "column \"%s\" of the column definition list is no field path", column->name);
		if (whole && type->document_column && strcmp(whole->name, type->document_column) == 0)
		{
			/* the document as a whole has no path */
			column->field.column = whole;
			column->field.inside = palloc0(sizeof(DqlPath));
		}
		else
		{
			error = vxp_bind_field(type, relation, vxp_dql_path_of(column->name), NULL, &column->field);
			if (error)
				return error;
		}
		*result = lappend(*result, column);
	}
	return NULL;
}

static Node *
cast_to(ParseState *pstate, Node *value, const BoundRecordColumn *column)
{
	Node	   *cast = coerce_to_target_type(pstate, value, exprType(value), column->type, column->typmod,
											 COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);

	if (cast == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CANNOT_COERCE),
				 errmsg("field \"%s\" of type %s cannot be cast to %s", column->name,
						format_type_be(exprType(value)), format_type_be(column->type))));
	return cast;
}

/* The place in a document as jsonb, or as text when that is cast further. */
static Node *
inside_expr(ParseState *pstate, const BoundField *field, Node *document, bool as_text)
{
	Datum	   *segments = palloc(sizeof(Datum) * Max(field->inside->count, 1));
	ArrayType  *path;

	if (field->column->base_type != JSONBOID)
		document = coerce_to_target_type(pstate, document, exprType(document), JSONBOID, -1,
										 COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
	for (int i = 0; i < field->inside->count; i++)
		segments[i] = CStringGetTextDatum(field->inside->segments[i]);
	path = construct_array(segments, field->inside->count, TEXTOID, -1, false, TYPALIGN_INT);
	return (Node *) make_op(pstate, list_make2(makeString("pg_catalog"), makeString(as_text ? "#>>" : "#>")),
							document, vxp_dql_const(TEXTARRAYOID, PointerGetDatum(path)), NULL, -1);
}

static bool
is_time(Oid type)
{
	return type == TIMESTAMPTZOID || type == TIMESTAMPOID || type == DATEOID;
}

/* vxp_record_expr returns the expression of a column of the list. */
Node *
vxp_record_expr(ParseState *pstate, const BoundQuery *bound, const BoundRecordColumn *column)
{
	const BoundField *field = &column->field;
	Oid			base = getBaseType(column->type);
	Oid			given;
	Node	   *value = vxp_dql_column_expr(pstate, bound, field->column);
	CollateExpr *collated;

	if (field->column->kind == COLUMN_JSON)
	{
		value = inside_expr(pstate, field, value, base != JSONBOID && base != JSONOID);
		if (is_time(base))
			value = vxp_dql_call(pstate, "vxp", "instant", list_make1(value));
	}
	given = getBaseType(exprType(value));
	if (given == DATEOID && base == TIMESTAMPTZOID)
	{
		value = coerce_to_target_type(pstate, value, exprType(value), TIMESTAMPOID, -1,
									  COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
		given = TIMESTAMPOID;
	}
	if ((given == TIMESTAMPTZOID && (base == TIMESTAMPOID || base == DATEOID)) ||
		(given == TIMESTAMPOID && base == TIMESTAMPTZOID))
		value = vxp_dql_call(pstate, "pg_catalog", "timezone", list_make2(vxp_dql_text_const("UTC"), value));
	value = cast_to(pstate, value, column);
	if (!OidIsValid(column->collation) || (IsA(value, Var) && exprCollation(value) == column->collation))
		return value;
	collated = makeNode(CollateExpr);
	collated->arg = (Expr *) value;
	collated->collOid = column->collation;
	collated->location = -1;
	return (Node *) collated;
}
