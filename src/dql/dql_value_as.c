/*
 * dql_value_as.c - values of documents as values of a type
 *
 * A typed column compares with values inside documents as its own type
 * (docs/dql.md, sections 4.10 and 13).  What a request says of such a column is
 * checked once, and raises; what lies in documents is data, and a value of the
 * wrong form is no error but a value that compares with nothing.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "common/jsonapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "dql/dql_bind.h"
#include "dql/dql_eval.h"

VXP_FUNCTION(vxp_value_or_null);

/* What one call site needs to know of its type. */
typedef struct ValueType
{
	Oid			type;
	FmgrInfo	input;
	Oid			param;
	bool		is_number;		/* its text is a number of JSON: numeric, float, integers */
	bool		takes_numbers;	/* a number of JSON has its form */
} ValueType;

/*
 * vxp_reads_values tells whether text can be read as a value of the type, and be
 * found not to be one, without harm: the server's own input functions, and that
 * of an enum, leave nothing behind when they raise an error of the data.  What
 * others do is unknown.
 */
bool
vxp_reads_values(Oid type)
{
	switch (get_typtype(type))
	{
		case TYPTYPE_ENUM:
			return true;
		case TYPTYPE_BASE:
		case TYPTYPE_RANGE:
		case TYPTYPE_MULTIRANGE:
			return type < FirstNormalObjectId && !OidIsValid(get_element_type(type));
		default:
			return false;
	}
}

static ValueType *
value_type(FunctionCallInfo fcinfo)
{
	ValueType  *result = fcinfo->flinfo->fn_extra;
	Oid			type;
	Oid			function;
	char		category;
	bool		preferred;

	if (result)
		return result;
	type = get_fn_expr_argtype(fcinfo->flinfo, 1);
	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type to read values as");
	if (!vxp_reads_values(type))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("values of documents cannot be read as type %s", format_type_be(type)),
				 errhint("Types of the server and enums can.")));
	result = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ValueType));
	result->type = type;
	getTypeInputInfo(type, &function, &result->param);
	fmgr_info_cxt(function, &result->input, fcinfo->flinfo->fn_mcxt);
	get_type_category_preferred(type, &category, &preferred);
	result->takes_numbers = category == TYPCATEGORY_NUMERIC;
	result->is_number = type == NUMERICOID || type == FLOAT4OID || type == FLOAT8OID ||
		type == INT2OID || type == INT4OID || type == INT8OID;
	fcinfo->flinfo->fn_extra = result;
	return result;
}

/* Runs the input function; false when the text is no value of the type. */
static bool
read_text(ValueType *type, char *text, Datum *result)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool valid = true;

	PG_TRY();
	{
		*result = InputFunctionCall(&type->input, text, type->param, -1);
	}
	PG_CATCH();
	{
		int			category = ERRCODE_TO_CATEGORY(geterrcode());

		MemoryContextSwitchTo(caller);
		/* a name of something that is not there (regclass) is no value either */
		if (category != ERRCODE_DATA_EXCEPTION && category != ERRCODE_PROGRAM_LIMIT_EXCEEDED &&
			category != ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION)
			PG_RE_THROW();
		FlushErrorState();
		valid = false;
	}
	PG_END_TRY();
	return valid;
}

/* The text of a scalar that may have the type's form, or NULL. */
static char *
scalar_text(const ValueType *type, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			if (type->is_number && !IsValidJsonNumber(value->val.string.val, value->val.string.len))
				return NULL;
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return type->takes_numbers ? numeric_normalize(value->val.numeric) : NULL;
		case jbvBool:
			return type->type == BOOLOID ? pstrdup(value->val.boolean ? "true" : "false") : NULL;
		default:
			return NULL;
	}
}

/*
 * value_or_null(jsonb, anyelement) -> anyelement
 *
 * The value as one of the second argument's type, as DQL reads an operand for a
 * column of that type; NULL for a list, an object, null and what has not the
 * type's form.
 */
Datum
vxp_value_or_null(PG_FUNCTION_ARGS)
{
	ValueType  *type = value_type(fcinfo);
	JsonbValue	value;
	char	   *text;
	Datum		result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	vxp_dql_root_value(PG_GETARG_JSONB_P(0), &value);
	text = scalar_text(type, &value);
	if (text == NULL || !read_text(type, text, &result))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}
