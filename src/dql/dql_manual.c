/*
 * dql_manual.c - the operators and request keys as rows, for people
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "dql/dql_parse.h"

VXP_FUNCTION(vxp_dql_operators);
VXP_FUNCTION(vxp_dql_request_keys);

/* dql_operators() -> table (operator, operand, meaning), sorted by name */
Datum
vxp_dql_operators(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			count;
	const DqlOpInfo *operators = vxp_dql_op_table(&count);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < count; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = CStringGetTextDatum(operators[i].name);
		values[1] = CStringGetTextDatum(operators[i].operand);
		values[2] = CStringGetTextDatum(operators[i].form == DQL_FORM_UNSUPPORTED ?
										psprintf("%s Not supported in this version.", operators[i].manual) :
										operators[i].manual);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* dql_request_keys() -> table (key, meaning), sorted by name */
Datum
vxp_dql_request_keys(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *name;
	const char *manual;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; vxp_dql_request_key(i, &name, &manual); i++)
	{
		Datum		values[2];
		bool		nulls[2] = {false};

		values[0] = CStringGetTextDatum(name);
		values[1] = CStringGetTextDatum(manual);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
