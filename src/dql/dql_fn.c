/*
 * dql_fn.c - SQL functions over DQL requests
 *
 * The functions that return rows share one C body, which is the executor path:
 * it runs only for calls that dql_planner.c did not turn into a subquery.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "dql/dql_bind.h"
#include "dql/dql_budget.h"
#include "dql/dql_exec.h"
#include "dql/dql_fn.h"

VXP_FUNCTION(vxp_query);
VXP_FUNCTION(vxp_count);
VXP_FUNCTION(vxp_to_sql);
VXP_FUNCTION(vxp_filter_sql);
VXP_FUNCTION(vxp_dql_params);
VXP_FUNCTION(vxp_instant);
VXP_FUNCTION(vxp_instant_or_null);

/* The type vxp.dql, InvalidOid: to be looked up. */
static Oid	dql_type = InvalidOid;

/* A type or a schema has changed. */
static void
forget_type(Datum arg, int cache, uint32 hash)
{
	dql_type = InvalidOid;
}

/* vxp_dql_fn_init is called once, when the library is loaded. */
void
vxp_dql_fn_init(void)
{
	CacheRegisterSyscacheCallback(TYPEOID, forget_type, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_type, (Datum) 0);
}

/* vxp_dql_type_oid returns the OID of the type vxp.dql, InvalidOid when it is gone. */
Oid
vxp_dql_type_oid(void)
{
	if (!OidIsValid(dql_type))
		dql_type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("dql"),
								   ObjectIdGetDatum(get_namespace_oid("vxp", true)));
	return dql_type;
}

bool
vxp_function_executable(Oid function)
{
	return vxp_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
}

static bool
find_extern_param(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return castNode(Param, node)->paramkind == PARAM_EXTERN;
	return expression_tree_walker(node, find_extern_param, context);
}

/* vxp_has_extern_param tells whether a parameter of the statement occurs in the tree. */
bool
vxp_has_extern_param(Node *node)
{
	return find_extern_param(node, NULL);
}

/* Position of the request among a running function's arguments: 0, or behind a row type. */
static int
request_argument(FunctionCallInfo fcinfo)
{
	return get_fn_expr_argtype(fcinfo->flinfo, 0) == vxp_dql_type_oid() ? 0 : 1;
}

static const DqlText *
request_value(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("DQL request must not be null"),
				 errhint("The request that matches everything is '{}'.")));
	return PG_GETARG_DQL_PP(argument);
}

/* The table whose row type this is; an error that shows the way when it is none. */
static Oid
table_of_row_type(Oid type)
{
	Oid			relid = OidIsValid(type) ? get_typ_typrelid(type) : InvalidOid;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("first argument must be a null of the row type of a resource table, not of type %s",
						OidIsValid(type) ? format_type_be(type) : "unknown"),
				 errhint("Write vxp.query(NULL::volume, '{...}') for the table \"volume\".")));
	return relid;
}

/*
 * query(anyelement, dql, VARIADIC "any") -> SETOF anyelement, the wrappers
 * <table>(dql, VARIADIC "any") -> SETOF <table>, items(dql, VARIADIC "any") ->
 * SETOF jsonb, query_record(dql, VARIADIC "any") -> SETOF record
 *
 * All rows of the request, as the current user sees them, on the caller's
 * snapshot.  The executor path: materialises its result.
 */
Datum
vxp_query(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			argument = request_argument(fcinfo);
	Oid			result_type = get_fn_expr_rettype(fcinfo->flinfo);
	DqlCall		call = {request_value(fcinfo, argument)};
	TupleDesc	desc;
	MemoryContext context;
	PlannedStmt *plan;
	CachedPlan *held;

	if (result == NULL || !IsA(result, ReturnSetInfo) || !(result->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));

	/* also a scalar answer has a descriptor of one column */
	context = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
	if (result_type == JSONBOID)
	{
		call.build.shape = DQL_SHAPE_ITEMS;
		desc = CreateTemplateTupleDesc(1);
		TupleDescInitEntry(desc, 1, "item", JSONBOID, -1, 0);
	}
	else if (result_type == RECORDOID)
	{
		if (result->expectedDesc == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("function returning record called in context that cannot accept type record"),
					 errhint("Write it in FROM with a column definition list: FROM vxp.query_record('{...}') AS r(id text).")));
		call.build.shape = DQL_SHAPE_RECORD;
		desc = CreateTupleDescCopy(result->expectedDesc);
		call.options.record = desc;
	}
	else
	{
		call.relid = table_of_row_type(result_type);
		call.build.shape = DQL_SHAPE_ROWS;
		call.build.all_used = true;
		desc = lookup_rowtype_tupdesc_copy(result_type, -1);
		call.build.width = desc->natts;
	}
	result->returnMode = SFRM_Materialize;
	result->setResult = tuplestore_begin_heap((result->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	result->setDesc = desc;
	MemoryContextSwitchTo(context);

	call.options.args = vxp_dql_call_args(fcinfo, argument + 1);
	call.options.args_known = true;
	call.options.ordered = true;
	plan = vxp_dql_plan_call(fcinfo->flinfo, &call, &held);
	vxp_budget_check(plan);
	vxp_dql_run(plan, result->setResult, result->econtext->ecxt_per_query_memory);
	if (held)
		ReleaseCachedPlan(held, CurrentResourceOwner);
	PG_RETURN_NULL();
}

/* The request of count(), whose first argument may be of any type that converts to dql. */
static const DqlText *
counted_request(FunctionCallInfo fcinfo)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);

	if (PG_ARGISNULL(0) || type == vxp_dql_type_oid())
		return request_value(fcinfo, 0);
	switch (type)
	{
		case UNKNOWNOID:
			return cstring_to_text(PG_GETARG_CSTRING(0));
		case TEXTOID:
		case VARCHAROID:
		case JSONOID:
			return PG_GETARG_TEXT_PP(0);
		case JSONBOID:
			return (DqlText *) DatumGetPointer(DirectFunctionCall1(vxp_dql_from_jsonb, PG_GETARG_DATUM(0)));
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("vxp.count takes a DQL request, not a value of type %s", format_type_be(type))));
	}
}

/*
 * count("any") -> bigint, count(dql, VARIADIC "any") -> bigint
 *
 * How many rows the request has, after its skip and limit; page and pageSize
 * do not matter.  Exact, on the caller's snapshot.
 */
Datum
vxp_count(PG_FUNCTION_ARGS)
{
	DqlCall		call = {counted_request(fcinfo)};

	call.options.args = vxp_dql_call_args(fcinfo, 1);
	call.options.args_known = true;
	call.build.shape = DQL_SHAPE_COUNT;
	PG_RETURN_INT64(vxp_dql_count(vxp_dql_translate(&call)));
}

static Datum
request_sql(FunctionCallInfo fcinfo, bool in_force)
{
	int			argument = request_argument(fcinfo);
	DqlCall		call = {request_value(fcinfo, argument)};
	Query	   *query;
	char	   *sql;
	int			nest_level;

	if (argument == 1)
		call.relid = table_of_row_type(get_fn_expr_argtype(fcinfo->flinfo, 0));
	call.options.ordered = true;
	call.options.in_force = in_force;
	call.build.shape = DQL_SHAPE_SELECTED;
	query = vxp_dql_translate(&call);

	/* names are printed with their schema unless the path finds them: so no path */
	nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	sql = pg_get_querydef(query, true);
	AtEOXact_GUC(true, nest_level);
	PG_RETURN_TEXT_P(cstring_to_text(sql));
}

/*
 * to_sql(dql) -> text, to_sql(anyelement, dql) -> text
 *
 * The SQL that a person would have written for the request: with the columns
 * that "select" names, bind variables as $1, $2, and of versioned types the
 * condition that vxp.as_of puts in force.  Works with any search_path that
 * hides no operators of pg_catalog.
 * The conditions of row security are not shown; the server adds them to this
 * statement as to any other.
 */
Datum
vxp_to_sql(PG_FUNCTION_ARGS)
{
	return request_sql(fcinfo, true);
}

/* filter_sql(dql) -> text: the same for a view, which goes on following vxp.as_of */
Datum
vxp_filter_sql(PG_FUNCTION_ARGS)
{
	return request_sql(fcinfo, false);
}

/* dql_params(dql) -> integer: the largest number of its bind variables */
Datum
vxp_dql_params(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(vxp_dql_parse_or_raise(PG_GETARG_DQL_PP(0))->max_param);
}

static bool
read_instant(PG_FUNCTION_ARGS, TimestampTz *instant)
{
	text	   *input = PG_GETARG_TEXT_PP(0);
	int64		value;

	if (!vxp_dql_timestamp(VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input), &value))
		return false;
	*instant = value;
	return true;
}

/*
 * instant(text) -> timestamptz
 *
 * A timestamp as DQL reads it (docs/dql.md, order): ISO 8601, UTC when there is
 * no zone, whatever TimeZone says.  Anything else is an error (22007).
 */
Datum
vxp_instant(PG_FUNCTION_ARGS)
{
	TimestampTz instant;

	if (!read_instant(fcinfo, &instant))
	{
		text	   *input = PG_GETARG_TEXT_PP(0);

		ereport(ERROR,
				(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
				 errmsg("\"%s\" is not a DQL timestamp",
						vxp_quote_input(VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input))),
				 errhint("Write it as 2024-03-01, 2024-03-01T12:30:00 (UTC) or 2024-03-01T12:30:00+01:00.")));
	}
	PG_RETURN_TIMESTAMPTZ(instant);
}

/* instant_or_null(text) -> timestamptz: the same, NULL where instant() raises */
Datum
vxp_instant_or_null(PG_FUNCTION_ARGS)
{
	TimestampTz instant;

	if (!read_instant(fcinfo, &instant))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(instant);
}
