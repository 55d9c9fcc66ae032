/*
 * dql_distributed.c - does a query read tables whose rows are on other servers?
 *
 * Citus plans a statement before anything of ours is expanded: by then a call
 * of query() hides the table, and what it is expanded to would read the local
 * shell of a distributed table, which is empty.  So such a call stays a call;
 * the executor path plans the request as a statement of its own, which Citus
 * sees whole and sends to the shards.  Citus notes its tables in
 * pg_catalog.pg_dist_partition, whose first column is the table.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_namespace_d.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "dql/dql_fn.h"

/* Is the relation in the list of Citus? */
static bool
is_listed(Relation list, Oid relid)
{
	ScanKeyData key;
	SysScanDesc scan;
	bool		found;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(list, InvalidOid, false, NULL, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	return found;
}

static bool
walk_relations(Node *node, Relation list)
{
	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		return rte->rtekind == RTE_RELATION && is_listed(list, rte->relid);
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, walk_relations, list, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, walk_relations, list);
}

/* vxp_query_is_distributed: does the rewritten query read a table of Citus, at any depth? */
bool
vxp_query_is_distributed(Query *query)
{
	Oid			list_oid = get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE);
	Relation	list;
	bool		found;

	if (!OidIsValid(list_oid))
		return false;
	list = table_open(list_oid, AccessShareLock);
	found = RelationGetDescr(list)->natts > 0 && walk_relations((Node *) query, list);
	table_close(list, AccessShareLock);
	return found;
}
