/*
 * dql_versions.c - which versions of a resource a request is about
 *
 * "versions" speaks of the rows of the answer alone.  "asOf" holds for every
 * query inside the request too, and wins over vxp.as_of.  A query that neither
 * speaks of has vxp.shown(), which follows the setting in every plan, cached or
 * not.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/timestamp.h"

#include "dql/dql_bind.h"
#include "validity/validity.h"

/* vxp_bind_versions decides which versions are rows of the query. */
void
vxp_bind_versions(BoundQuery *query, const ResourceType *type, Relation relation)
{
	BoundQuery *outermost = query->outermost;
	const DqlRequest *request = outermost->request;

	query->versions = VERSIONS_ALL;
	if (!type->versioned)
		return;
	outermost->related_versions = outermost->related_versions || query != outermost;
	query->valid_from = vxp_bind_named_column(relation, type->valid_from_column);
	query->valid_to = vxp_bind_named_column(relation, type->valid_to_column);
	if (query->valid_from == NULL || query->valid_to == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table \"%s\" of resource type \"%s\" has no interval of validity any more",
						RelationGetRelationName(relation), type->name),
				 errhint("Run vxp.unregister and vxp.register to map its columns again.")));
	if (request->all_versions && query == outermost)
		return;
	if (request->as_of)
	{
		/* reading the request has checked the text */
		(void) vxp_dql_timestamp(request->as_of, strlen(request->as_of), &query->instant);
		query->versions = VERSIONS_AT;
	}
	else if (!outermost->in_force)
		query->versions = VERSIONS_SHOWN;
	else
		query->versions = vxp_as_of(&query->instant) ? VERSIONS_AT : VERSIONS_CURRENT;
}

/* vxp_dql_versions_expr returns the condition that a row is one of these versions. */
Node *
vxp_dql_versions_expr(ParseState *pstate, const BoundQuery *bound)
{
	Node	   *to = vxp_dql_column_expr(pstate, bound, bound->valid_to);
	List	   *args;

	if (bound->versions == VERSIONS_CURRENT)
	{
		NullTest   *open = makeNode(NullTest);

		open->arg = (Expr *) to;
		open->nulltesttype = IS_NULL;
		open->argisrow = false;
		open->location = -1;
		return (Node *) open;
	}
	args = list_make2(vxp_dql_column_expr(pstate, bound, bound->valid_from), to);
	if (bound->versions == VERSIONS_SHOWN)
		return vxp_dql_call(pstate, "vxp", "shown", args);
	return vxp_dql_call(pstate, "vxp", "valid_at",
						lappend(args, vxp_dql_const(TIMESTAMPTZOID, TimestampTzGetDatum(bound->instant))));
}

/* vxp_dql_require_present: versions cannot be written while the past is shown. */
void
vxp_dql_require_present(const char *what)
{
	if (vxp_as_of_is_set())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot execute %s on a versioned resource type while vxp.as_of is set", what),
				 errhint("The past is changed by vxp.correct, the present after SET vxp.as_of = ''.")));
}
