/*
 * lineage_order.c - comparison operators, btree and hash support
 *
 * All of them are vxp_lineage_cmp or vxp_lineage_equal on detoasted values.
 * Sorts and hash tables call them in long-lived contexts, so each gives back
 * the copies that detoasting made.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/hyperloglog.h"
#include "utils/sortsupport.h"

#include "lineage/lineage.h"

VXP_FUNCTION(vxp_lineage_eq);
VXP_FUNCTION(vxp_lineage_ne);
VXP_FUNCTION(vxp_lineage_lt);
VXP_FUNCTION(vxp_lineage_le);
VXP_FUNCTION(vxp_lineage_gt);
VXP_FUNCTION(vxp_lineage_ge);
VXP_FUNCTION(vxp_lineage_btree_cmp);
VXP_FUNCTION(vxp_lineage_sortsupport);
VXP_FUNCTION(vxp_lineage_hash);
VXP_FUNCTION(vxp_lineage_hash_extended);
VXP_FUNCTION(vxp_lineage_smaller);
VXP_FUNCTION(vxp_lineage_larger);

static bool
arguments_equal(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_LINEAGE_PP(0);
	struct varlena *b = PG_GETARG_LINEAGE_PP(1);
	bool		result = vxp_lineage_equal(lineage_span(a), lineage_span(b));

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

static int
compare_arguments(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_LINEAGE_PP(0);
	struct varlena *b = PG_GETARG_LINEAGE_PP(1);
	int			result = vxp_lineage_cmp(lineage_span(a), lineage_span(b));

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

/* lineage_eq(lineage, lineage) -> boolean */
Datum
vxp_lineage_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(arguments_equal(fcinfo));
}

/* lineage_ne(lineage, lineage) -> boolean */
Datum
vxp_lineage_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!arguments_equal(fcinfo));
}

/* lineage_lt(lineage, lineage) -> boolean */
Datum
vxp_lineage_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

/* lineage_le(lineage, lineage) -> boolean */
Datum
vxp_lineage_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

/* lineage_gt(lineage, lineage) -> boolean */
Datum
vxp_lineage_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

/* lineage_ge(lineage, lineage) -> boolean */
Datum
vxp_lineage_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

/* lineage_cmp(lineage, lineage) -> integer: btree support function 1; the sign matters */
Datum
vxp_lineage_btree_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

/* lineage_smaller(lineage, lineage) -> lineage: the lesser, for min(); the first of equals */
Datum
vxp_lineage_smaller(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(compare_arguments(fcinfo) <= 0 ? 0 : 1));
}

/* lineage_larger(lineage, lineage) -> lineage: the greater, for max(); the first of equals */
Datum
vxp_lineage_larger(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(compare_arguments(fcinfo) >= 0 ? 0 : 1));
}

/*
 * lineage_hash(lineage) -> integer: hash support function 1
 *
 * Over the bytes of the labels: equal paths have equal bytes.
 */
Datum
vxp_lineage_hash(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_LINEAGE_PP(0);
	LineageSpan span = lineage_span(value);
	Datum		result = hash_any(span.data, span.end - span.data);

	PG_FREE_IF_COPY(value, 0);
	return result;
}

/* lineage_hash_extended(lineage, bigint) -> bigint: hash support function 2 */
Datum
vxp_lineage_hash_extended(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_LINEAGE_PP(0);
	LineageSpan span = lineage_span(value);
	Datum		result = hash_any_extended(span.data, span.end - span.data, PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(value, 0);
	return result;
}

/* The comparator of a sort on whole values. */
static int
compare_datums(Datum x, Datum y, SortSupport ssup)
{
	struct varlena *a = PG_DETOAST_DATUM_PACKED(x);
	struct varlena *b = PG_DETOAST_DATUM_PACKED(y);
	int			result = vxp_lineage_cmp(lineage_span(a), lineage_span(b));

	if ((Pointer) a != DatumGetPointer(x))
		pfree(a);
	if ((Pointer) b != DatumGetPointer(y))
		pfree(b);
	return result;
}

/*
 * lineage_sortsupport(internal) -> void: btree support function 2
 */
Datum
vxp_lineage_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = compare_datums;
	PG_RETURN_VOID();
}
