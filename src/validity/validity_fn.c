/*
 * validity_fn.c - SQL functions over intervals of versions
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"

#include "common/vxp_compat.h"
#include "validity/validity.h"

VXP_FUNCTION(vxp_validity);
VXP_FUNCTION(vxp_valid_at);
VXP_FUNCTION(vxp_validity_contains);
VXP_FUNCTION(vxp_shown);

/*
 * validity(valid_from timestamptz, valid_to timestamptz) -> tstzrange
 *
 * The interval of a version; without an end when valid_to is NULL or infinity,
 * empty when it does not end after it begins.  NULL when valid_from is.
 */
Datum
vxp_validity(PG_FUNCTION_ARGS)
{
	TypeCacheEntry *type;
	RangeBound	lower = {.inclusive = true, .lower = true};
	RangeBound	upper = {0};
	bool		empty = false;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	type = range_get_typcache(fcinfo, TSTZRANGEOID);
	lower.val = PG_GETARG_DATUM(0);
	upper.infinite = PG_ARGISNULL(1) || TIMESTAMP_IS_NOEND(PG_GETARG_TIMESTAMPTZ(1));
	if (!upper.infinite)
	{
		upper.val = PG_GETARG_DATUM(1);
		empty = PG_GETARG_TIMESTAMPTZ(0) >= PG_GETARG_TIMESTAMPTZ(1);
	}
	PG_RETURN_RANGE_P(vxp_make_range(type, &lower, &upper, empty));
}

/*
 * valid_at(valid_from timestamptz, valid_to timestamptz, at timestamptz) -> boolean
 *
 * Is the version valid at that instant?  Never when valid_from is NULL; NULL
 * for an instant that is NULL.
 */
Datum
vxp_valid_at(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	if (PG_ARGISNULL(2))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(vxp_validity_covers(PG_GETARG_TIMESTAMPTZ(0), PG_ARGISNULL(1),
									   PG_ARGISNULL(1) ? 0 : PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_TIMESTAMPTZ(2)));
}

/* validity_contains(validity tstzrange, at timestamptz) -> boolean: the same of an interval */
Datum
vxp_validity_contains(PG_FUNCTION_ARGS)
{
	RangeType  *range;

	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	range = PG_GETARG_RANGE_P(0);
	PG_RETURN_BOOL(range_contains_elem_internal(range_get_typcache(fcinfo, RangeTypeGetOid(range)), range,
												PG_GETARG_DATUM(1)));
}

/*
 * shown(valid_from timestamptz, valid_to timestamptz) -> boolean
 *
 * Does a session see the version?  It is current, or valid at vxp.as_of.  In a
 * plan the support function has put the condition in force in its place.
 */
Datum
vxp_shown(PG_FUNCTION_ARGS)
{
	TimestampTz at;

	if (!vxp_as_of(&at))
		PG_RETURN_BOOL(PG_ARGISNULL(1));
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(vxp_validity_covers(PG_GETARG_TIMESTAMPTZ(0), PG_ARGISNULL(1),
									   PG_ARGISNULL(1) ? 0 : PG_GETARG_TIMESTAMPTZ(1), at));
}
