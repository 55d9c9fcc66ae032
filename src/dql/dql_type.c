/*
 * dql_type.c - the type vxp.dql
 *
 * A value is the request's text as it was written: the order of sort keys has
 * a meaning that jsonb would lose.  Whatever way a value comes in, the whole
 * parser has read it, so that a stored filter cannot be malformed.
 */
#include "postgres.h"

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "dql/dql.h"

VXP_FUNCTION(vxp_dql_in);
VXP_FUNCTION(vxp_dql_out);
VXP_FUNCTION(vxp_dql_recv);
VXP_FUNCTION(vxp_dql_send);
VXP_FUNCTION(vxp_dql_from_text);
VXP_FUNCTION(vxp_dql_from_jsonb);
VXP_FUNCTION(vxp_canonical_filter);

/* dql_in(cstring) -> dql: soft errors where the server has them. */
Datum
vxp_dql_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	VxpError   *error = vxp_dql_parse_and_keep(text, strlen(text));

	if (error != NULL)
	{
		vxp_error_save(fcinfo->context, error);
		PG_RETURN_NULL();
	}
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

/* dql_out(dql) -> cstring: the text as it was written. */
Datum
vxp_dql_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(TextDatumGetCString(PG_GETARG_DATUM(0)));
}

/* dql_recv(internal) -> dql: the text, checked as by dql_in. */
Datum
vxp_dql_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			length;
	char	   *text = pq_getmsgtext(buf, buf->len - buf->cursor, &length);
	VxpError   *error = vxp_dql_parse_and_keep(text, length);

	if (error != NULL)
		vxp_error_raise(error);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text, length));
}

/* dql_send(dql) -> bytea */
Datum
vxp_dql_send(PG_FUNCTION_ARGS)
{
	DqlText    *dql = PG_GETARG_DQL_PP(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendtext(&buf, VARDATA_ANY(dql), VARSIZE_ANY_EXHDR(dql));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* dql(text) and dql(json) -> dql: the casts; json is stored like text. */
Datum
vxp_dql_from_text(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	VxpError   *error = vxp_dql_parse_and_keep(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));

	if (error != NULL)
		vxp_error_raise(error);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)));
}

/* has_several_keys tells whether an object in "value" has more than one key. */
static bool
has_several_keys(const DqlValue *value)
{
	check_stack_depth();
	if (value->type == DQL_OBJECT && value->count > 1)
		return true;
	for (int i = 0; i < value->count; i++)
		if (has_several_keys(value->items[i]))
			return true;
	return false;
}

/*
 * dql(jsonb) -> dql: the cast.  jsonb keeps keys in an order of its own, so a
 * sort object with more than one key no longer says what was meant: an error.
 */
Datum
vxp_dql_from_jsonb(PG_FUNCTION_ARGS)
{
	Jsonb	   *value = PG_GETARG_JSONB_P(0);
	char	   *text = JsonbToCString(NULL, &value->root, VARSIZE(value));
	int			length = strlen(text);
	VxpError   *error = vxp_dql_parse_and_keep(text, length);
	DqlValue   *root;

	if (error == NULL)
		error = vxp_dql_json_parse(text, length, &root);
	if (error != NULL)
		vxp_error_raise(error);
	for (int i = 0; i < root->count; i++)
	{
		if (root->type == DQL_OBJECT && strcmp(root->keys[i], "sort") == 0 &&
			has_several_keys(root->items[i]))
			vxp_error_raise(vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, "$.sort",
													 "sort keys of a jsonb request have lost their order"),
										   "Write \"sort\" as a list of objects with one key each, or send json or text."));
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text, length));
}

/*
 * canonical_filter(dql) -> dql: the filter alone, with shorthand written out
 * and duplicates and blanks gone.  It means the same and reads back to the
 * same tree.
 */
Datum
vxp_canonical_filter(PG_FUNCTION_ARGS)
{
	const DqlRequest *request = vxp_dql_parse_or_raise(PG_GETARG_DQL_PP(0));
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "{\"filter\":");
	vxp_dql_print_filter(&buf, request->filter);
	appendStringInfoChar(&buf, '}');
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buf.data, buf.len));
}
