/*
 * catalog_fn.c - SQL functions over the catalog
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "catalog/catalog.h"
#include "catalog/catalog_lineage.h"
#include "common/vxp_compat.h"

VXP_FUNCTION(vxp_resource_type_invalidate);
VXP_FUNCTION(vxp_valid_identifier);
VXP_FUNCTION(vxp_catalog_view_columns);

/*
 * resource_type_invalidate() -> trigger
 *
 * Sends a relcache message for the catalog table.  Plans that depend on the
 * table die, and every session's cache is read again; ROLLBACK undoes both.
 */
Datum
vxp_resource_type_invalidate(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("resource_type_invalidate() can only be called as a trigger")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	return PointerGetDatum(NULL);
}

/*
 * valid_identifier(identifier, prefix) -> boolean
 *
 * In C, since a check constraint is read anew by every statement.
 */
Datum
vxp_valid_identifier(PG_FUNCTION_ARGS)
{
	text	   *identifier = PG_GETARG_TEXT_PP(0);
	text	   *prefix = PG_GETARG_TEXT_PP(1);
	int			length = VARSIZE_ANY_EXHDR(identifier);
	int			prefix_length = VARSIZE_ANY_EXHDR(prefix);

	PG_RETURN_BOOL(length <= CATALOG_MAX_IDENTIFIER && length > prefix_length + 1 &&
				   memcmp(VARDATA_ANY(identifier), VARDATA_ANY(prefix), prefix_length) == 0 &&
				   VARDATA_ANY(identifier)[prefix_length] == '/');
}

/*
 * catalog_view_columns(view) -> name[]
 *
 * Of each column of the view, in order, the column of a table that it shows, by
 * the name that this has now; NULL for an expression.  NULL for what is no view.
 */
Datum
vxp_catalog_view_columns(PG_FUNCTION_ARGS)
{
	Relation	view;
	Query	   *query;
	Datum	   *names;
	bool	   *nulls;
	int			n = 0;
	ListCell   *lc;

	if (get_rel_relkind(PG_GETARG_OID(0)) != RELKIND_VIEW)
		PG_RETURN_NULL();
	view = table_open(PG_GETARG_OID(0), AccessShareLock);
	query = get_view_query(view);
	names = palloc0(sizeof(Datum) * list_length(query->targetList));
	nulls = palloc(sizeof(bool) * list_length(query->targetList));
	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst(lc);
		Var		   *var = (Var *) entry->expr;
		RangeTblEntry *rte;

		if (entry->resjunk)
			continue;
		nulls[n] = true;
		if (IsA(var, Var) && var->varlevelsup == 0 && var->varattno > 0)
		{
			rte = rt_fetch(var->varno, query->rtable);
			if (rte->rtekind == RTE_RELATION)
			{
				names[n] = DirectFunctionCall1(namein, CStringGetDatum(get_attname(rte->relid, var->varattno, false)));
				nulls[n] = false;
			}
		}
		n++;
	}
	table_close(view, AccessShareLock);
	PG_RETURN_ARRAYTYPE_P(construct_md_array(names, nulls, 1, &n, (int[]) {1}, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
}
