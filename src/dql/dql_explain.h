/*
 * dql_explain.h - what the files of vxp.explain share
 *
 * dql_explain.c numbers the clauses of a request and gives the answer,
 * dql_explain_plan.c finds them in a plan, dql_advise.c says which indexes
 * could serve them, dql_whatif.c plans as if these were there.
 */
#ifndef VXP_DQL_EXPLAIN_H
#define VXP_DQL_EXPLAIN_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "nodes/plannodes.h"

#include "dql/dql_bind.h"

/* Where a clause was found in a plan, most wanted last. */
typedef enum ClauseRole
{
	ROLE_NONE,
	ROLE_TARGET,				/* in a target list */
	ROLE_ONE_TIME,				/* one-time filter */
	ROLE_FILTER,
	ROLE_JOIN,					/* condition of a join */
	ROLE_LIMIT,
	ROLE_SORT,
	ROLE_INDEX_ORDER,			/* an index gives the order */
	ROLE_INDEX					/* index condition */
} ClauseRole;

/* Nodes of a plan that do the same for one clause, say in each partition. */
typedef struct ClausePlace
{
	const Plan *plan;			/* the first; NULL: none */
	const Plan *above;			/* the Append that they are in, or NULL */
	int			count;
	Oid			index;
	double		estimated;		/* rows */
	double		actual;			/* rows, for each execution of the node; -1: never executed */
} ClausePlace;

typedef struct ExplainClause
{
	const char *path;			/* place in the request, NULL: added by us */
	const char *kind;
	const char *condition;		/* as JSON */
	bool		sort_default;
	ClausePlace places[ROLE_INDEX + 1];
	int			presorted;		/* sort: rows come from an index in the order of the keys before it */
	const char *served_by;
	const char *advice;
} ExplainClause;

/* A plan, and what was seen when it ran. */
typedef struct ExplainPlan
{
	PlannedStmt *stmt;
	List	   *states;			/* of PlanState *; NIL: it did not run */
} ExplainPlan;

typedef struct Explain
{
	BoundQuery *bound;
	ExplainClause *clauses;		/* from 1 */
	int			count;
	ExplainPlan plan;
	Oid			partial_index;	/* a partial index that the plan reads, for clauses that its predicate implies */
	bool		reads_nothing;	/* a one-time filter that is false */
	double		total_actual;	/* rows of the whole request; -1: it did not run */
} Explain;

/* dql_explain_plan.c */
extern void vxp_explain_places(Explain *explain);
extern double vxp_explain_actual_rows(const Explain *explain, const Plan *plan);
extern const char *vxp_explain_node_name(const PlannedStmt *stmt, const Plan *plan);
extern List *vxp_explain_indexes(const BoundQuery *bound, const PlannedStmt *stmt);

/* An index of a plan: which clauses it serves. */
typedef struct UsedIndex
{
	Oid			index;
	Bitmapset  *clauses;
	bool		ordered;		/* it gives the order of the answer */
} UsedIndex;

/* dql_advise.c */
extern void vxp_explain_advise(Explain *explain, Query *query);

/* A column of an index that does not exist. */
typedef struct WhatIfKey
{
	AttrNumber	attnum;			/* 0: expr */
	Node	   *expr;			/* over Vars of varno 1 */
	Oid			opclass;
	Oid			collation;
	bool		descending;
	bool		nulls_first;
} WhatIfKey;

typedef struct WhatIfIndex
{
	Oid			relid;
	Oid			am;
	List	   *keys;			/* of WhatIfKey * */
	List	   *predicate;		/* implicitly-ANDed, over Vars of varno 1 */
	Oid			oid;			/* that no index has; set by vxp_whatif_plan */
} WhatIfIndex;

/* dql_whatif.c */
extern PlannedStmt *vxp_whatif_plan(Query *query, List *indexes);

#endif							/* VXP_DQL_EXPLAIN_H */
