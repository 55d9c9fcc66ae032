/*
 * dql_cohort.c - which requests can be frozen, and of when
 */
#include "postgres.h"

#include "funcapi.h"
#include "access/htup_details.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "dql/dql_bind.h"
#include "validity/validity.h"

VXP_FUNCTION(vxp_cohort_request);

/* The key that a request to be frozen cannot have; NULL when it has none. */
static const char *
refused_key(const DqlRequest *request)
{
	if (request->write)
		return vxp_dql_write_name(request->write->kind);
	if (request->select_mode != DQL_SELECT_ALL)
		return "select";
	return request->all_versions ? "versions" : NULL;
}

/*
 * cohort_request(dql) -> (resource text, as_of timestamptz)
 *
 * The resource type of a request, and the instant that it is about: that of
 * "asOf", else of vxp.as_of, NULL for the present.  Errors: 22023 for a request
 * whose rows are not whole, or not one for each resource, or for bind variables.
 */
Datum
vxp_cohort_request(PG_FUNCTION_ARGS)
{
	const DqlRequest *request = vxp_dql_parse_or_raise(PG_GETARG_DQL_PP(0));
	const char *key = refused_key(request);
	const ResourceType *type;
	VxpError   *error;
	TupleDesc	desc;
	TimestampTz as_of;
	bool		past;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (key)
		vxp_error_raise(vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, psprintf("$.%s", key),
												 "a request with \"%s\" cannot be frozen", key),
									   "A cohort holds whole rows, one of each resource."));
	if (request->max_param > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a request with bind variables cannot be frozen"),
				 errhint("Write the values into the request.")));
	error = vxp_dql_resource(request, &type);
	if (error)
		vxp_error_raise(error);
	if (request->as_of)
		past = vxp_dql_timestamp(request->as_of, strlen(request->as_of), &as_of);
	else
		past = vxp_as_of(&as_of);

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(type->name);
	values[1] = TimestampTzGetDatum(as_of);
	nulls[1] = !past;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
