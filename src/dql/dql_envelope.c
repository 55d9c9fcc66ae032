/*
 * dql_envelope.c - building the jsonb envelope of an answer, member by member
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "common/vxp_compat.h"
#include "dql/dql_envelope.h"

void
vxp_push_key(JsonbParseState **state, const char *key)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = pstrdup(key);
	value.val.string.len = strlen(key);
	vxp_push_jsonb(state, WJB_KEY, &value);
}

void
vxp_push_number(JsonbParseState **state, const char *key, int64 number)
{
	JsonbValue	value;

	vxp_push_key(state, key);
	value.type = jbvNumeric;
	value.val.numeric = DatumGetNumeric(DirectFunctionCall1(int8_numeric, Int64GetDatum(number)));
	vxp_push_jsonb(state, WJB_VALUE, &value);
}

void
vxp_push_boolean(JsonbParseState **state, const char *key, bool boolean)
{
	JsonbValue	value;

	vxp_push_key(state, key);
	value.type = jbvBool;
	value.val.boolean = boolean;
	vxp_push_jsonb(state, WJB_VALUE, &value);
}

/* vxp_push_item adds a jsonb value to the list being built; it is copied, since rows go. */
void
vxp_push_item(JsonbParseState **state, Datum item, bool isnull)
{
	JsonbValue	value;

	value.type = jbvNull;
	if (!isnull)
	{
		Jsonb	   *copy = (Jsonb *) PG_DETOAST_DATUM_COPY(item);

		if (JB_ROOT_IS_SCALAR(copy))
			JsonbExtractScalar(&copy->root, &value);
		else
		{
			value.type = jbvBinary;
			value.val.binary.data = &copy->root;
			value.val.binary.len = VARSIZE(copy) - VARHDRSZ;
		}
	}
	vxp_push_jsonb(state, WJB_ELEM, &value);
}
