/*
 * lineage_gist_io.c - GiST keys for people: text form, and the check of a tree
 *
 * The key type is never the type of a column.  Its text form is for pageinspect.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/gist.h"
#include "access/itup.h"
#include "access/relation.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "lineage/lineage_gist.h"

VXP_FUNCTION(vxp_lineage_gist_key_in);
VXP_FUNCTION(vxp_lineage_gist_key_out);

/* lineage_gist_key_in(cstring) -> lineage_gist_key: always an error */
Datum
vxp_lineage_gist_key_in(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot accept a value of type %s", "lineage_gist_key"),
			 errdetail("The type exists inside indexes only.")));
	PG_RETURN_VOID();			/* keep compiler quiet */
}

/* lineage_gist_key_out(lineage_gist_key) -> cstring: JSON, marks as numbers */
Datum
vxp_lineage_gist_key_out(PG_FUNCTION_ARGS)
{
	static const char *const forms[] = {"path", "value", "bound"};
	static const char *const set_forms[] = {"anything", "exact", "bloom"};
	const LineageKey *key = DatumGetLineageKey(PG_GETARG_DATUM(0));
	LineageBound bound;
	StringInfoData out;

	vxp_lineage_key_decode(key, &bound);
	initStringInfo(&out);
	appendStringInfo(&out, "{\"form\": \"%s\", \"prefix\": [", forms[lineage_key_form(key)]);
	for (int i = 0; i < bound.prefix_length; i++)
		appendStringInfo(&out, "%s%u", i ? ", " : "", bound.prefix[i]);
	appendStringInfo(&out, "], \"depth\": [%d, %d]", bound.min_depth, bound.max_depth);
	if (lineage_key_form(key) == LINEAGE_KEY_BOUND)
	{
		appendStringInfo(&out, ", \"next\": [%llu, %llu], \"deep_types\": \"%016llx\", \"self_types\": \"%016llx\""
						 ", \"set\": \"%s\", \"words\": [",
						 (unsigned long long) bound.next_low, (unsigned long long) bound.next_high,
						 (unsigned long long) bound.deep_types, (unsigned long long) bound.self_types,
						 set_forms[bound.set_form]);
		for (int i = 0; i < bound.set_words; i++)
			appendStringInfo(&out, "%s%u", i ? ", " : "", bound.set[i]);
		appendStringInfoChar(&out, ']');
	}
	appendStringInfoChar(&out, '}');
	PG_RETURN_CSTRING(out.data);
}
