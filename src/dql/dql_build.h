/*
 * dql_build.h - what the files of the builder share
 *
 * Parse nodes hold ParamRefs; the number of each indexes the list of leaves,
 * and the parser's parameter hook replaces it by the finished expression.
 */
#ifndef VXP_DQL_BUILD_H
#define VXP_DQL_BUILD_H

#include "postgres.h"

#include "dql/dql_bind.h"

typedef enum LeafKind
{
	LEAF_COLUMN,				/* column as it is */
	LEAF_CONDITION,				/* condition */
	LEAF_SORT,					/* sort */
	LEAF_OVERLAP_TIME,			/* timeline: the version is valid at some time of the period */
	LEAF_VERSIONS,				/* the row is one of the versions asked for */
	LEAF_CURSOR,				/* the row is behind the cursor */
	LEAF_ITEM,					/* the item of the answer */
	LEAF_EXPR,					/* expr, finished */
	LEAF_VALUE,					/* related: the value of its inner field */
	LEAF_VALUES,				/* related: all values of its inner field in a row, as an array */
	LEAF_COMPARED_VALUE,		/* related, left: the value, to be compared with the outer field */
	LEAF_ITEM_VALUE,			/* related, left: the value as items show it, to be compared with documents */
	LEAF_ORDERED_VALUE,			/* related, left: the same, in the order of the outer field */
	LEAF_COMPARABLE,			/* related, left: can the value be compared in that order? */
	LEAF_MULTIPLE,				/* related: does the outer field hold several values? */
	LEAF_OVERLAP,				/* related: do both fields have a value in common? */
	LEAF_CUT_VALUE,				/* the column "value" of the subselect in FROM */
	LEAF_GATHERED,				/* related, left: left as an element of the outer field, an array */
	LEAF_OUTER,					/* related: the outer field, to be compared with a value */
	LEAF_OUTER_ORDERED,			/* related: the same, for an order comparison */
	LEAF_RECORD,				/* record: a column of a column definition list */
	LEAF_FACET_SOURCE,			/* facet: its value in a row, or an array of its values */
	LEAF_FACET,					/* facet: one value */
	LEAF_FACET_ITEM,			/* facet: one value as jsonb */
	LEAF_LINK					/* related, left: left equals a value of the outer field */
} LeafKind;

typedef struct Leaf
{
	LeafKind	kind;
	BoundQuery *bound;			/* the query whose columns are meant */
	const BoundColumn *column;
	const BoundNode *condition;
	const BoundSort *sort;
	const BoundRelated *related;
	const BoundField *facet;
	const BoundRecordColumn *record;
	const struct Timeline *timeline;
	const struct Leaf *left;
	Node	   *expr;
	bool		cut;			/* EXPR: number of rows to skip or to give */
} Leaf;

typedef struct BuildState
{
	BoundQuery *bound;			/* the query being built */
	List	   *leaves;			/* of Leaf *; ParamRef n is the n-th */
} BuildState;

/* How a value of a document compares with the row's field (section 13: as the field's own type). */
typedef enum ReadAs
{
	READ_JSON,					/* as JSON beside JSON */
	READ_TEXT,					/* a string, as the field's kind of text */
	READ_INSTANT,				/* vxp.instant_or_null() */
	READ_NUMBER,				/* a number, or a string that is one in JSON */
	READ_VALUE					/* vxp.value_or_null() */
} ReadAs;

/* Column of a subselect that gives values. */
#define DQL_VALUE_COLUMN "value"

static inline bool
vxp_is_json(const BoundColumn *column)
{
	return column->kind == COLUMN_JSON;
}

/* May a row have several values of the field? */
static inline bool
vxp_has_lists(const BoundColumn *column)
{
	return vxp_is_json(column) || column->kind == COLUMN_ARRAY;
}

/* The column, or what an element of it looks like. */
static inline const BoundColumn *
vxp_scalar_of(const BoundColumn *column)
{
	return column->kind == COLUMN_ARRAY ? column->element : column;
}

/* dql_build.c */
extern Leaf *vxp_new_leaf(BuildState *state, LeafKind kind, Node **ref);
extern Node *vxp_build_leaf(ParseState *pstate, const Leaf *leaf);
extern Node *vxp_raw_condition(BuildState *state, const BoundNode *node);
extern Node *vxp_raw_where(BuildState *state);
extern ResTarget *vxp_raw_target(Node *value, const char *name);
extern void vxp_raw_order(BuildState *state, SelectStmt *select);
extern Query *vxp_raw_analyse(BuildState *state, SelectStmt *select);
extern RangeVar *vxp_raw_relation(const BoundQuery *bound);
extern RangeFunction *vxp_raw_unnest(Node *array);
extern SubLink *vxp_raw_sublink(SubLinkType type, SelectStmt *select);

/* dql_facets.c */
extern Node *vxp_facet_leaf(ParseState *pstate, const Leaf *leaf);

/* dql_timeline.c */
extern Node *vxp_timeline_leaf(ParseState *pstate, const Leaf *leaf);

/* dql_build_relate.c */
extern Node *vxp_raw_related(BuildState *state, const BoundNode *node);
extern Node *vxp_raw_multiple(BuildState *state, const BoundNode *node);
extern Node *vxp_raw_counted(BuildState *state, const BoundNode *node);
extern Node *vxp_raw_extreme(BuildState *state, const BoundNode *node);

/* dql_relate_value.c */
extern ReadAs vxp_read_as(const BoundRelated *related);
extern List *vxp_related_operator(const BoundRelated *related, StrategyNumber strategy);
extern Oid	vxp_ordered_type(const BoundRelated *related);
extern Node *vxp_related_leaf(ParseState *pstate, const Leaf *leaf);

#endif							/* VXP_DQL_BUILD_H */
