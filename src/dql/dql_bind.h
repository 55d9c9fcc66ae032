/*
 * dql_bind.h - the bound tree, and the contracts of binder, builder and planner
 *
 * Binding resolves the fields of a request against one resource type and turns
 * operands into values of the columns' types.  The result speaks of attribute
 * numbers and typed values only; dql_build.c makes parse nodes of it.
 */
#ifndef VXP_DQL_BIND_H
#define VXP_DQL_BIND_H

#include "postgres.h"

#include "access/stratnum.h"
#include "nodes/parsenodes.h"
#include "parser/parse_node.h"
#include "utils/rel.h"

#include "catalog/catalog.h"
#include "dql/dql.h"

/* How values of a column compare with operands (docs/dql.md, typed columns). */
typedef enum ColumnKind
{
	COLUMN_BOOLEAN,
	COLUMN_INTEGER,				/* int2, int4, int8 */
	COLUMN_NUMBER,				/* numeric, float4, float8: operands become the column's type */
	COLUMN_TEXT,				/* text, varchar, char(n), name */
	COLUMN_TIMESTAMPTZ,
	COLUMN_TIMESTAMP,			/* read as UTC */
	COLUMN_DATE,
	COLUMN_JSON,				/* json, jsonb: a document */
	COLUMN_ARRAY,				/* a list of its elements */
	COLUMN_OTHER				/* any type with an input function */
} ColumnKind;

typedef struct BoundColumn
{
	AttrNumber	attnum;			/* of the table; 0: the element that an EXISTS ranges over; below 0: the element
								 * at "subscript" of the array column -attnum, in conditions only */
	int			subscript;		/* from 0 */
	const char *name;
	ColumnKind	kind;
	Oid			type;			/* as declared */
	Oid			base_type;		/* domains looked through */
	Oid			collation;
	bool		not_null;		/* has the constraint; vxp_never_null() tells whether it holds for all rows */
	Oid			ancestor;		/* the table, when others inherit from it, which may lack the constraint */
	struct BoundColumn *element;	/* ARRAY: what an element looks like */
} BoundColumn;

/* Is it the element that an EXISTS ranges over? */
static inline bool
vxp_is_element(const BoundColumn *column)
{
	return column->attnum == 0;
}

/* A typed constant, or the number of a bind variable. */
typedef struct BoundValue
{
	Oid			type;
	Datum		datum;
	int			param;			/* 0: a constant */
} BoundValue;

typedef enum BoundKind
{
	BOUND_AND,					/* args */
	BOUND_OR,					/* args */
	BOUND_NOT,					/* args[0]; true where that is false or NULL */
	BOUND_CONST,				/* truth */
	BOUND_COMPARE,				/* column, strategy, value; negated: differs or NULL (strategy =) */
	BOUND_ANY,					/* column = one of value (an array); negated likewise */
	BOUND_RANGE,				/* column (strategy) some, or (truth) every, member of value, a bind variable */
	BOUND_NULL,					/* column IS NULL; negated: IS NOT NULL */
	BOUND_BOTH_NULL,			/* column IS NULL, and so is value (a bind variable); in_list: or a member of it */
	BOUND_LIKE,					/* column LIKE text; fold: without regard to case */
	BOUND_FOLD_EQUAL,			/* lower(column) = lower(value) */
	BOUND_REGEX,				/* column ~ text, or the expression of value (a bind variable), a glob */
	BOUND_GLOB_NEGATES,			/* value (a bind variable), a glob, begins with "!" */
	BOUND_CONTAINS,				/* value (a bind variable) occurs in column */
	BOUND_STARTS_WITH,			/* column starts with value (a bind variable) */
	BOUND_INSTANT,				/* a text column read as a timestamp, strategy, value */
	BOUND_ARRAY_CONTAINS,		/* column @> value (an array) */
	BOUND_ARRAY_OVERLAPS,		/* column && value (an array) */
	BOUND_ARRAY_EQUAL,			/* column = value (an array, or a bind variable that is one) */
	BOUND_ELEMENT,				/* EXISTS (SELECT FROM unnest(column) WHERE args[0]) */
	BOUND_DOCUMENT,				/* vxp.matches(column, node, field) */
	BOUND_ANCESTOR,				/* column (lineage) has one of the ancestors in value */
	BOUND_RELATED,				/* column has one of the values of related */
	BOUND_MULTIPLE,				/* column holds several values; the outer field of related */
	BOUND_COUNTED,				/* as many rows of related as it asks for share a value with column */
	BOUND_EXTREME				/* column (strategy) least or greatest value of related; negated: IS NOT FALSE */
} BoundKind;

typedef struct BoundNode
{
	BoundKind	kind;
	List	   *args;			/* of BoundNode * */
	bool		truth;
	bool		negated;
	bool		fold;
	bool		in_list;
	BoundColumn *column;
	StrategyNumber strategy;	/* btree strategy */
	BoundValue	value;
	const char *text;			/* LIKE pattern or regular expression */
	const char *field;			/* DOCUMENT: third argument of matches, or NULL */
	DqlNode    *node;			/* DOCUMENT: the condition, paths relative to the document */
	struct BoundRelated *related;	/* RELATED, MULTIPLE, COUNTED, EXTREME */
	Bitmapset  *clauses;		/* explain: what it came from; DOCUMENT: see node */
} BoundNode;

/* A sort key: a column, or a path inside a document or an array. */
typedef struct BoundSort
{
	BoundColumn *column;
	const char *inside;			/* path below the column for sort_key, or NULL: the column itself */
	bool		descending;
	int			clause;
} BoundSort;

/* Paging by cursor: the sort keys of the row to go on behind. */
typedef struct BoundCursor
{
	List	   *values;			/* of BoundValue *, one for each sort key; NULL for null */
	int			first_arm;		/* of the condition, only this arm and ... */
	int			arms;			/* ... so many in all; 0: the whole condition */
} BoundCursor;

/* Which versions of a resource are rows. */
typedef enum VersionScope
{
	VERSIONS_ALL,				/* every row: also where there are no versions */
	VERSIONS_SHOWN,				/* as the session has it when it plans: vxp.shown() */
	VERSIONS_CURRENT,
	VERSIONS_AT					/* valid at an instant */
} VersionScope;

/* A place in the answer's item: the column that stands at a path. */
typedef struct BoundMember
{
	DqlPath    *path;
	BoundColumn *column;
	DqlPath    *inside;			/* place inside a JSON column, or NULL: all of it */
} BoundMember;

/* A field of the resource type, resolved. */
typedef struct BoundField
{
	BoundColumn *column;
	DqlPath    *rest;			/* JSON column: path for matches (relative to "field" or the document) */
	const char *field;			/* JSON column: name it has in the filter, or NULL: it is the document */
	DqlPath    *inside;			/* JSON column: path below the column's value; count 0: the value */
} BoundField;

/* A column of a column definition list: a field, cast. */
typedef struct BoundRecordColumn
{
	const char *name;
	BoundField	field;
	Oid			type;
	int32		typmod;
	Oid			collation;
} BoundRecordColumn;

typedef struct BoundQuery
{
	const DqlRequest *request;
	const char *resource;		/* name of the resource type */
	const ResourceType *type;	/* the resource type itself; outermost queries only */
	const char *schema_name;
	const char *table_name;
	Oid			relid;
	BoundNode  *filter;			/* NULL: all rows; the versions are no part of it, as it may be negated */
	VersionScope versions;
	BoundColumn *valid_from;	/* not with VERSIONS_ALL */
	BoundColumn *valid_to;
	TimestampTz instant;		/* VERSIONS_AT */
	List	   *sort;			/* of BoundSort *; NIL: no order asked for */
	bool		total_order;	/* the id is among the sort keys */
	BoundCursor *cursor;		/* only rows behind it; no condition of "filter", counts leave it out */
	int64		position;		/* number of rows given before the page, for "limit" of the next one */
	int64		offset;			/* 0: none */
	int64		limit;			/* -1: none */
	bool		last_page;		/* "limit" of the request ends with this page */
	Bitmapset  *columns;		/* attribute numbers that "select" keeps; NULL with select_all */
	bool		select_all;
	BoundColumn *document;		/* the column that is the document, or NULL */
	List	   *members;		/* of BoundMember *: additions to the document; without one the item is vxp_bind_members */
	List	   *record;			/* of BoundRecordColumn *, when the caller gave a column definition list */
	bool		project;		/* the item is cut by "select" once it is whole */
	List	   *args;			/* values of bind variables: expressions one level up */
	bool		args_known;		/* false: print $n */
	bool		in_force;		/* VERSIONS_SHOWN is written out as what it means now */

	/* queries inside queries */
	struct BoundQuery *outermost;	/* the query of the request as a whole */
	const char *alias;			/* of the table, in a nested query; NULL: as the caller says */
	List	   *values;			/* outermost: of BoundRelated *, bind variables behind those of the request */
	int			related_count;	/* outermost: number of nested queries so far */

	/* vxp.explain, outermost: expressions are marked with what they came from */
	bool		explain;
	List	   *clause_sets;	/* of Bitmapset *: see dql_clause.c */
	Bitmapset  *constants;		/* clauses that were decided without a row */
	Bitmapset  *not_indexed;	/* clauses on documents that no index answers */
	bool		related_versions;	/* outermost: does a nested query read a type with versions? */
} BoundQuery;

/* One side of a condition that compares two rows. */
typedef struct BoundSide
{
	BoundQuery *query;
	BoundColumn *column;
	BoundField	field;
} BoundSide;

/* The rows of another query, for the values of one of their fields. */
typedef struct BoundRelated
{
	BoundQuery *query;
	BoundSide	inner;			/* its field */
	BoundSide	outer;			/* the field of the row that asks */
	bool		cut;			/* skip and limit apply before the values are taken */
	int64		at_least;		/* only values that so many rows have; 0: no such condition */
	int64		exactly;
	const char *extreme;		/* EXTREME: "min" or "max" */
	Bitmapset  *clauses;		/* explain: what it came from */
	bool		gathered;		/* RELATED: all values as one array, since the outer field, an array, has an index on its elements */
} BoundRelated;

/* What the caller of the binder wants. */
typedef struct BindOptions
{
	List	   *args;			/* expressions for $param 1..n */
	bool		args_known;
	bool		paging;			/* default page and order even if the request has none */
	bool		ordered;		/* false: order is of no interest (counting) */
	TupleDesc	record;			/* column definition list of the call, or NULL */
	bool		explain;		/* mark expressions with the clauses that they came from */
	bool		in_force;		/* write out what vxp.as_of means now */
} BindOptions;

/* dql_resource.c */
extern VxpError *vxp_dql_resource(const DqlRequest *request, const ResourceType **result);
extern VxpError *vxp_dql_resource_of(const DqlRequest *request, Oid relid, const ResourceType **result);

/* dql_field.c */
extern bool vxp_never_null(const BoundColumn *column);
extern BoundColumn *vxp_bind_column(Relation relation, AttrNumber attnum);
extern BoundColumn *vxp_bind_named_column(Relation relation, const char *name);
extern VxpError *vxp_bind_field(const ResourceType *type, Relation relation,
								const DqlPath *path, const char *where, BoundField *result);
extern bool vxp_bind_field_below(const ResourceType *type, const DqlPath *path);
extern DqlPath *vxp_dql_path_of(const char *text);
extern DqlPath *vxp_dql_path_join(const DqlPath *a, const DqlPath *b);
extern List *vxp_bind_members(const ResourceType *type, Relation relation);

/* dql_operand.c */
extern VxpError *vxp_bind_compare(const BoundColumn *column, DqlOp op, const DqlPath *path,
								  const DqlValue *operand, const char *where, BoundNode **result);
extern StrategyNumber vxp_order_strategy(DqlOp op);
extern VxpError *vxp_bind_array(const BoundColumn *element, List *values, const DqlPath *path,
								const char *where, BoundValue *result, int *dropped);

/* What stays the same while the conditions of one query are bound. */
typedef struct BindState
{
	const ResourceType *type;
	Relation	relation;
	const BindOptions *options;
	BoundQuery *query;
} BindState;

/* dql_bind_column.c */
extern DqlValue *vxp_known_operand(BindState *state, DqlValue *operand);
extern VxpError *vxp_bind_operator(BindState *state, BoundColumn *column, const DqlPath *path, DqlNode *node, BoundNode **result);
extern VxpError *vxp_bind_candidate(BindState *state, BoundColumn *column, DqlNode *node, BoundNode **result);
extern BoundColumn *vxp_bind_member(BindState *state, const DqlPath *path);

/* dql_value_as.c */
extern bool vxp_reads_values(Oid type);

/* dql_bind_relate.c */
extern VxpError *vxp_bind_subquery(BindState *state, DqlNode *node, BoundNode **result);
extern VxpError *vxp_bind_subquery_on(BindState *state, BoundColumn *column, DqlNode *node, BoundNode **result);
extern VxpError *vxp_bind_inner_subqueries(BindState *state, const BoundField *outer, const DqlNode *node, DqlNode **result);
extern VxpError *vxp_bind_join(BindState *state, DqlJoin *join, BoundNode **result);
extern VxpError *vxp_bind_set(BindState *state, DqlRequest *set, BoundNode **result);
extern DqlValue *vxp_bind_values(BoundQuery *query, BoundRelated *related);

/* dql_bind.c */
extern BoundQuery *vxp_bound_query(Relation relation, const DqlRequest *request, const BindOptions *options);
extern VxpError *vxp_bind_query(const DqlRequest *request, const ResourceType *type, Relation relation,
								BoundQuery *query, bool ordered);
extern VxpError *vxp_bind_conditions(BindState *state, const DqlRequest *request, BoundNode **result);
extern VxpError *vxp_dql_bind(const DqlRequest *request, const ResourceType *type, Relation relation,
							  const BindOptions *options, BoundQuery **result);
extern BoundNode *vxp_bound_node(BoundKind kind, BoundColumn *column);
extern BoundNode *vxp_bound_const(bool truth);
extern BoundNode *vxp_bound_list(BoundKind kind, List *args);
extern BoundNode *vxp_bound_not(BoundNode *arg);

/* dql_clause.c: which clause of the request an expression came from, for vxp.explain */
extern void vxp_clause_mark(BoundQuery *query, BoundNode *node, int clause);
extern Bitmapset *vxp_clause_of_node(const BoundNode *node);
extern int	vxp_clause_location(BoundQuery *query, Bitmapset *clauses);
extern void vxp_clause_tag(Node *expr, int location);
extern Bitmapset *vxp_clause_find(const BoundQuery *query, Node *expr);

/* dql_build.c: bound tree to an analysed Query; the relation must be locked */
typedef enum DqlShape
{
	DQL_SHAPE_ROWS,				/* the row type, column by column */
	DQL_SHAPE_SELECTED,			/* the selected columns alone, as a person writes them */
	DQL_SHAPE_ITEMS,			/* one jsonb column */
	DQL_SHAPE_RECORD,			/* the columns of a column definition list */
	DQL_SHAPE_COUNT				/* one bigint */
} DqlShape;

typedef struct DqlBuild
{
	DqlShape	shape;
	Alias	   *alias;			/* alias of the table in the statement, or NULL */
	Bitmapset  *used;			/* ROWS: attribute numbers needed, unless all_used */
	bool		all_used;
	int			width;			/* ROWS: number of columns of the answer */
	bool		sort_keys;		/* the sort keys as further columns */
	bool		bare;			/* ROWS: no columns at all, vxp_dql_fill_row_type adds them where they are needed */
} DqlBuild;

extern Query *vxp_dql_build(BoundQuery *bound, const DqlBuild *build);
extern void vxp_dql_fill_row_type(Query *query, const BoundQuery *bound, const DqlBuild *build);
extern bool vxp_dql_is_table(const BoundQuery *bound, const DqlBuild *build);

/* Alias of the elements of an array column inside EXISTS, and of their column. */
#define DQL_ELEMENT_ALIAS "element"

/* dql_build_relate.c */
extern Node *vxp_dql_params_expr(ParseState *pstate, const BoundQuery *bound, List *args, const DqlNode *condition);

/* dql_expr.c: finished expressions, at the level of "pstate" */
extern Node *vxp_dql_condition_expr(ParseState *pstate, const BoundQuery *bound, const BoundNode *node);
extern Node *vxp_dql_sort_expr(ParseState *pstate, const BoundQuery *bound, const BoundSort *sort);
extern List *vxp_dql_type_operator(const BoundColumn *column, StrategyNumber strategy);
extern Node *vxp_dql_is_not_true(Node *arg);
extern bool vxp_dql_uses_param(const DqlNode *node, int number);
extern bool vxp_dql_uses_param_above(const DqlNode *node, int number);

extern Node *vxp_dql_column_expr(ParseState *pstate, const BoundQuery *bound, const BoundColumn *column);
extern Node *vxp_dql_call(ParseState *pstate, const char *schema, const char *function, List *args);
extern Node *vxp_dql_const(Oid type, Datum datum);
extern Node *vxp_dql_text_const(const char *text);
extern Node *vxp_dql_request_const(const char *text);	/* of type vxp.dql */

/*
 * One request on its way: what the SQL functions and the planner support share.
 * Errors are raised.
 */
typedef struct DqlCall
{
	const DqlText *dql;
	char	   *as_of;			/* instant that the request is about, as "asOf" says it; NULL: what the request says */
	Oid			relid;			/* table that the call names; InvalidOid: the request names it */
	BindOptions options;
	DqlBuild	build;
} DqlCall;

extern BoundQuery *vxp_dql_bind_call(const DqlCall *call);	/* locks the table */
extern BoundQuery *vxp_dql_bind_parsed(const DqlCall *call, const DqlRequest *request);
extern Query *vxp_dql_translate(const DqlCall *call);	/* analysed, not rewritten */

/* dql_versions.c */
extern void vxp_bind_versions(BoundQuery *query, const ResourceType *type, Relation relation);
extern Node *vxp_dql_versions_expr(ParseState *pstate, const BoundQuery *bound);
extern void vxp_dql_require_present(const char *what);

/* dql_cursor_expr.c */
extern Node *vxp_dql_cursor_expr(ParseState *pstate, const BoundQuery *bound);
extern int	vxp_dql_cursor_arms(const BoundQuery *bound);

/* dql_record.c */
extern VxpError *vxp_record_bind(const DqlRequest *request, const ResourceType *type, Relation relation,
								 TupleDesc shape, List **result);
extern Node *vxp_record_expr(ParseState *pstate, const BoundQuery *bound, const BoundRecordColumn *column);

/* dql_item.c */
extern Node *vxp_dql_item_expr(ParseState *pstate, const BoundQuery *bound);
extern Node *vxp_dql_item_value(ParseState *pstate, const BoundColumn *column, Node *value);

#endif							/* VXP_DQL_BIND_H */
