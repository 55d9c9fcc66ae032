/*
 * version_rules.c - rules on the intervals of versions
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "common/vxp_compat.h"
#include "validity/version.h"

VXP_FUNCTION(vxp_valid_interval);

/* Do they share an instant?  Neither is empty. */
bool
vxp_intervals_overlap(VersionInterval a, VersionInterval b)
{
	return a.from < b.to && b.from < a.to;
}

char *
vxp_instant_text(TimestampTz instant)
{
	/* the server's function returns a buffer of its own */
	return pstrdup(timestamptz_to_str(instant));
}

/* For messages: "[2020-01-01 00:00:00+00, infinity)". */
char *
vxp_interval_text(VersionInterval interval)
{
	return psprintf("[%s, %s)", vxp_instant_text(interval.from), vxp_instant_text(interval.to));
}

/* When a version that began at "from" ends if this transaction changes it. */
TimestampTz
vxp_version_boundary(TimestampTz from)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();

	return from < now ? now : from + 1;
}

/* The row's interval; valid_from is not NULL. */
VersionInterval
vxp_row_interval(const VersionColumns *columns, HeapTuple row, TupleDesc desc)
{
	VersionInterval interval;
	bool		isnull;
	Datum		value;

	value = heap_getattr(row, columns->valid_from, desc, &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("a version has no begin"),
				 errdetail("Column \"%s\" is null.", NameStr(TupleDescAttr(desc, columns->valid_from - 1)->attname))));
	interval.from = DatumGetTimestampTz(value);
	value = heap_getattr(row, columns->valid_to, desc, &isnull);
	interval.to = isnull ? DT_NOEND : DatumGetTimestampTz(value);
	return interval;
}

/* What the versions of a resource share, for messages. */
char *
vxp_row_key(const VersionColumns *columns, HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(row, columns->key, desc, &isnull);
	Oid			output;
	bool		is_varlena;

	if (isnull)
		return pstrdup("");
	getTypeOutputInfo(TupleDescAttr(desc, columns->key - 1)->atttypid, &output, &is_varlena);
	return OidOutputFunctionCall(output, value);
}

/* Raises 23514 for an interval that is empty, reversed, or begins at infinity. */
void
vxp_check_interval(const VersionColumns *columns, HeapTuple row, TupleDesc desc, VersionInterval interval)
{
	if (interval.from >= interval.to)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("a version of \"%s\" would not end after it begins", vxp_row_key(columns, row, desc)),
				 errdetail("Its interval is %s.", vxp_interval_text(interval))));
}

/* valid_interval(valid_from, valid_to) -> boolean, as tables keep intervals: an open one ends with NULL */
Datum
vxp_valid_interval(PG_FUNCTION_ARGS)
{
	TimestampTz from = PG_GETARG_TIMESTAMPTZ(0);

	if (PG_ARGISNULL(0) || TIMESTAMP_IS_NOEND(from))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(PG_ARGISNULL(1) ||
				   (from < PG_GETARG_TIMESTAMPTZ(1) && !TIMESTAMP_IS_NOEND(PG_GETARG_TIMESTAMPTZ(1))));
}
