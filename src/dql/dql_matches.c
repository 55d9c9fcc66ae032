/*
 * dql_matches.c - matches(): a filter on one document
 *
 * The filter is compiled once and kept with the call site (fn_extra); a row
 * then costs no more than the walk over its document.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "dql/dql_eval.h"

VXP_FUNCTION(vxp_matches);

/* The compiled filter of a call site, and the arguments it was made from. */
typedef struct MatchesCache
{
	MemoryContext context;		/* holds all below; deleted when an argument changes */
	bool		is_stable;		/* the arguments cannot change between calls */
	struct varlena *filter;
	struct varlena *field;		/* or NULL */
	struct varlena *params;		/* or NULL */
	EvalNode   *compiled;
} MatchesCache;

static bool
same_bytes(const struct varlena *a, const struct varlena *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

static struct varlena *
copy_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(n));
}

/* is_current tells whether the cache was made from the arguments of this call. */
static bool
is_current(MatchesCache *cache, FunctionCallInfo fcinfo)
{
	struct varlena *const made_from[] = {cache->filter, cache->field, cache->params};
	bool		same = true;

	if (cache->is_stable)
		return true;
	for (int i = 0; i < lengthof(made_from) && same; i++)
	{
		struct varlena *argument = PG_ARGISNULL(i + 1) ? NULL :
			PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(i + 1));

		same = same_bytes(made_from[i], argument);
		if (argument != NULL && (Pointer) argument != PG_GETARG_POINTER(i + 1))
			pfree(argument);
	}
	return same;
}

/* check_only_filter refuses a request that asks for more than a match. */
static void
check_only_filter(const DqlRequest *request)
{
	if (request->has_other)
		vxp_error_raise(vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE,
												 psprintf("$.%s", request->other),
												 "\"%s\" has no meaning for a single document", request->other),
									   "A request for a single document holds \"filter\" only."));
	if (request->has_subquery)
		vxp_error_raise(vxp_error_hint(vxp_error(ERRCODE_FEATURE_NOT_SUPPORTED, "$.filter",
												 "a subquery cannot be tested on a single document"),
									   "Query the resource type that the document belongs to."));
}

static MatchesCache *
make_cache(FunctionCallInfo fcinfo)
{
	MemoryContext context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "vxp.matches",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	MatchesCache *cache = palloc0(sizeof(MatchesCache));
	const DqlRequest *request;

	cache->context = context;
	cache->filter = copy_argument(fcinfo, 1);
	cache->field = copy_argument(fcinfo, 2);
	cache->params = copy_argument(fcinfo, 3);
	cache->is_stable = get_fn_expr_arg_stable(fcinfo->flinfo, 1) &&
		get_fn_expr_arg_stable(fcinfo->flinfo, 2) && get_fn_expr_arg_stable(fcinfo->flinfo, 3);

	request = vxp_dql_parse_or_raise((DqlText *) cache->filter);
	check_only_filter(request);
	if (cache->params != NULL && (!JB_ROOT_IS_ARRAY((Jsonb *) cache->params) ||
								  JB_ROOT_IS_SCALAR((Jsonb *) cache->params)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("values of bind variables must be a JSON list")));
	cache->compiled = vxp_dql_compile(request->filter,
									  cache->field ? text_to_cstring(cache->field) : NULL,
									  (Jsonb *) cache->params);
	MemoryContextSwitchTo(old);
	return cache;
}

/*
 * matches(document jsonb, filter dql, field text, params jsonb) -> boolean
 *
 * Whether the document matches the filter of the request; any other member of
 * the request is an error.  With "field", the filter speaks of an object that
 * has the document as this one member.  A NULL document is an object without
 * members, or without this one.  NULL when the filter is NULL, else never.
 */
Datum
vxp_matches(PG_FUNCTION_ARGS)
{
	MatchesCache *cache = fcinfo->flinfo->fn_extra;
	Jsonb	   *document;
	JsonbValue	root;
	bool		result;

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (cache != NULL && !is_current(cache, fcinfo))
	{
		/* forget it first: making the new one may raise */
		fcinfo->flinfo->fn_extra = NULL;
		MemoryContextDelete(cache->context);
		cache = NULL;
	}
	if (cache == NULL)
	{
		cache = make_cache(fcinfo);
		fcinfo->flinfo->fn_extra = cache;
	}
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(vxp_dql_eval(cache->compiled, NULL));
	document = PG_GETARG_JSONB_P(0);
	vxp_dql_root_value(document, &root);
	result = vxp_dql_eval(cache->compiled, &root);
	PG_FREE_IF_COPY(document, 0);
	PG_RETURN_BOOL(result);
}
