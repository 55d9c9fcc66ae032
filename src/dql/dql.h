/*
 * dql.h - the DQL syntax tree and the contracts of the stages
 *
 * text -> (dql_json.c) JSON values -> (dql_parse.c) DqlRequest -> (dql_bind.c)
 * bound tree -> (dql_build.c) parse nodes -> (dql_planner.c) the planner.
 * dql_eval.c gives the same syntax tree its meaning on one jsonb document.
 *
 * Parsing looks at no catalog and no setting and does not throw on user
 * error: it returns a VxpError.  All results live in the current context.
 * Section numbers are those of docs/dql.md.
 */
#ifndef VXP_DQL_H
#define VXP_DQL_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "common/vxp_compat.h"
#include "common/vxp_error.h"

/* Fixed limits of a request, checked when it is read. */
#define DQL_MAX_NESTING		256
#define DQL_MAX_SIZE		(16 * 1024 * 1024)

/* A value of type vxp.dql is the request's text as it was written. */
typedef struct varlena DqlText;

#define PG_GETARG_DQL_PP(n) ((DqlText *) PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(n)))

/*
 * A JSON value of the request.  In operand position {"$param": n} is DQL_PARAM.
 */
typedef enum DqlValueType
{
	DQL_NULL,
	DQL_BOOLEAN,
	DQL_NUMBER,
	DQL_STRING,
	DQL_ARRAY,
	DQL_OBJECT,
	DQL_PARAM
} DqlValueType;

typedef struct DqlValue
{
	DqlValueType type;
	bool		boolean;
	char	   *string;			/* STRING: server encoding, NUL-terminated; NUMBER: its literal */
	int			length;			/* bytes of string */
	int			param;			/* PARAM: number from 1 */
	int			count;			/* ARRAY, OBJECT: number of members */
	struct DqlValue **items;	/* ARRAY, OBJECT: members, in textual order */
	char	  **keys;			/* OBJECT: keys beside items; each once (the last duplicate won) */
} DqlValue;

/* A field path: the dotted text and its segments (section 3). */
typedef struct DqlPath
{
	char	   *text;
	int			count;
	char	  **segments;
} DqlPath;

/*
 * Positive operators on the candidates of a path.  Negations ($ne, $nin, $not,
 * $nor) are a DQL_NOT above; {"f": v} and $match with a scalar are DQL_OP_EQ.
 */
typedef enum DqlOp
{
	DQL_OP_EQ,					/* operand: any value; a string with * or ? is a pattern */
	DQL_OP_IEQ,					/* the same without regard to case */
	DQL_OP_IN,					/* operand: ARRAY (a single operand was wrapped) or PARAM */
	DQL_OP_EXISTS,				/* operand: BOOLEAN true; false is a DQL_NOT above */
	DQL_OP_GT,					/* a null operand became EQ null ($gte, $lte) or IN [] ($gt, $lt); */
	DQL_OP_GTE,					/* a PARAM may still be null: rule 5 of section 4.3 */
	DQL_OP_LT,
	DQL_OP_LTE,
	DQL_OP_BETWEEN,				/* operand: ARRAY of two */
	DQL_OP_CONTAINS,			/* operand: STRING or PARAM */
	DQL_OP_STARTS_WITH,			/* operand: STRING or PARAM */
	DQL_OP_GLOB,				/* operand: STRING or PARAM; a leading ! became a DQL_NOT above */
	DQL_OP_AFTER,				/* operand: STRING (timestamp), NUMBER (epoch ms) or PARAM */
	DQL_OP_BEFORE,
	DQL_OP_EMPTY				/* {"f": {}}: an empty object or an empty list; no operand */
} DqlOp;

typedef enum DqlNodeKind
{
	DQL_AND,					/* args; none: true */
	DQL_OR,						/* args; none: false */
	DQL_NOT,					/* one arg */
	DQL_COMPARE,				/* path, op, operand */
	DQL_NESTED,					/* path, args[0] = filter: {"p": {"q": c}} of section 4.5 */
	DQL_MATCH,					/* path, args[0] = filter: $match with names */
	DQL_ELEM_MATCH,				/* path, args[0] = filter: $elemMatch with names */
	DQL_ANY_CANDIDATE,			/* path, args[0] = tree of AND/OR/NOT/COMPARE whose paths are
								 * empty: one candidate satisfies it all ($match with operators) */
	DQL_ANY_ELEMENT,			/* the same, elements of a list only ($elemMatch with operators) */
	DQL_HAS_ANCESTOR			/* operand: ARRAY of STRING, or PARAM */
} DqlNodeKind;

/* Order operators over several values (section 4.10). */
typedef enum DqlRange
{
	DQL_RANGE_NONE,				/* the operand is one value */
	DQL_RANGE_ANY,				/* the relation holds to some value */
	DQL_RANGE_ALL				/* the relation holds to every value */
} DqlRange;

typedef struct DqlNode
{
	DqlNodeKind kind;
	const char *where;			/* JSON path in the request, for errors */
	List	   *args;			/* of DqlNode * */
	DqlPath    *path;			/* also of AND, OR and NOT between conditions of one field */
	DqlOp		op;
	DqlValue   *operand;
	DqlRange	range;			/* COMPARE with GT, GTE, LT, LTE; the operand is an ARRAY or PARAM then */
	struct DqlRequest *subquery;	/* COMPARE with IN or a range: the values, and no operand */
	int			clause;			/* its number in vxp.explain; 0: not asked for (likewise below) */
} DqlNode;

/* How many rows of the joined resource must satisfy the join (section 5). */
typedef enum DqlQuantifier
{
	DQL_JOIN_ANY,
	DQL_JOIN_NONE,
	DQL_JOIN_ALL,
	DQL_JOIN_AT_LEAST,
	DQL_JOIN_EXACTLY
} DqlQuantifier;

typedef struct DqlJoin
{
	const char *where;
	char	   *resource;		/* NULL with local and foreign: the default of the outer resource */
	DqlPath    *local;			/* field of the joined resource */
	DqlPath    *foreign;		/* field of the returned resource */
	DqlNode    *filter;			/* NULL: every row */
	DqlQuantifier quantifier;
	int64		count;			/* AT_LEAST, EXACTLY */
	int			clause;
} DqlJoin;

typedef struct DqlSortKey
{
	DqlPath    *path;
	bool		descending;
	const char *where;
	int			clause;
} DqlSortKey;

typedef enum DqlSelectMode
{
	DQL_SELECT_ALL,				/* no select: whole documents */
	DQL_SELECT_INCLUDE,			/* object of 1: keep; missing paths are left out */
	DQL_SELECT_EXCLUDE,			/* object of 0: remove */
	DQL_SELECT_LIST				/* list or name: keep; missing paths become null */
} DqlSelectMode;

typedef enum DqlCountMode
{
	DQL_COUNT_EXACT,
	DQL_COUNT_ESTIMATED,
	DQL_COUNT_NONE
} DqlCountMode;

/* What a request changes (section 9); its conditions say where. */
typedef enum DqlWriteKind
{
	DQL_WRITE_UPDATE,
	DQL_WRITE_DELETE,
	DQL_WRITE_REFERENCES
} DqlWriteKind;

typedef struct DqlWrite
{
	DqlWriteKind kind;
	DqlValue   *patch;			/* UPDATE: merged into "metadata", keys without dots; NULL: nothing changes */
	const char *system;			/* UPDATE: place of "metadata.system", NULL: not named */
	bool		create;			/* REFERENCES: add, or remove */
	DqlValue   *refs;			/* REFERENCES: list of objects of "type" and "id" */
} DqlWrite;

typedef struct DqlRequest
{
	char	   *resource;		/* NULL: not given */
	DqlNode    *filter;			/* NULL: absent, null or {} */
	List	   *sort;			/* of DqlSortKey *; NIL: none */
	int64		page;			/* -1: not given; likewise below */
	int64		page_size;
	int64		limit;
	int64		skip;
	char	   *after;			/* cursor; NULL: not given */
	DqlSelectMode select_mode;
	List	   *select;			/* of DqlPath * */
	DqlCountMode count;
	char	   *as_of;			/* timestamp text, checked; NULL: not given */
	bool		all_versions;
	List	   *joins;			/* of DqlJoin *, all required */
	List	   *intersect;		/* of DqlRequest *: the id is in every one */
	List	   *except;			/* of DqlRequest *: the id is in none */
	const char *where;			/* a nested request: its place in the outer one */
	const DqlValue *source;		/* a nested request: as it was read */
	List	   *datasets;		/* of DqlValue * STRING: context.datasets etc., nulls dropped */
	List	   *projects;		/* likewise */
	int			depth;			/* deepest nesting of logical and nested conditions */
	int			conditions;		/* number of DQL_COMPARE and DQL_HAS_ANCESTOR nodes */
	int			max_param;		/* largest $param number, 0: none */
	bool		has_other;		/* a key besides filter that changes the answer (matches() refuses it) */
	const char *other;			/* the first such key */
	bool		has_subquery;	/* a condition looks at other rows */
	DqlWrite   *write;			/* NULL: a read */
	bool		system_space;	/* a write to metadata.system is meant */
	int64		max_affected;	/* a write of more rows is refused; -1: not given */
	int			clause;			/* a member of "intersect" or "except" */
	int			datasets_clause;
	int			projects_clause;
	int			after_clause;
	int			versions_clause;
	struct Bitmapset *cut_clauses;	/* limit, skip, page, pageSize */
} DqlRequest;

/* dql_json.c: JSON text to values, by the server's own parser */
extern VxpError *vxp_dql_json_parse(const char *text, int length, DqlValue **result);
extern void vxp_dql_json_print(StringInfo buf, const DqlValue *value);

/* dql_parse_value.c: the type of a value in words, with article */
extern const char *vxp_dql_kind_name(const DqlValue *value);

/* dql_parse.c */
extern VxpError *vxp_dql_parse(const char *text, int length, DqlRequest **result);
extern const DqlRequest *vxp_dql_parse_or_raise(const DqlText *dql);
extern VxpError *vxp_dql_parse_and_keep(const char *text, int length);	/* dql_keep.c */
extern const DqlRequest *vxp_dql_take_kept(const char *text, int length); /* NULL: not there */
extern const DqlRequest *vxp_dql_peek(const char *text, int length);	/* NULL: not a request */
extern bool vxp_dql_number_fits(const char *literal);
/* sort object or list alone, for the default sort of a resource type */
extern VxpError *vxp_dql_parse_sort(const char *text, int length, List **result);
extern const char *vxp_dql_write_name(DqlWriteKind kind);	/* dql_write_parse.c */
/* dql_print_filter.c: a filter that reads back to an equal tree, as JSON; NULL prints {} */
extern void vxp_dql_print_filter(StringInfo buf, const DqlNode *node);

/* dql_ops.c: the operators, sorted by name; manual and hints read the same table */
typedef enum DqlForm
{
	DQL_FORM_LOGIC,				/* a list of filters, on a field a list of conditions */
	DQL_FORM_NOT,				/* an operator object */
	DQL_FORM_COMPARE,			/* a DQL_COMPARE with the operand as it is */
	DQL_FORM_IN,
	DQL_FORM_EXISTS,
	DQL_FORM_BETWEEN,
	DQL_FORM_GLOB,
	DQL_FORM_MATCH,
	DQL_FORM_ANCESTOR,
	DQL_FORM_OPERAND,			/* stands in the place of an operand */
	DQL_FORM_UNSUPPORTED		/* known to the language, refused by this version */
} DqlForm;

typedef struct DqlOpInfo
{
	const char *name;
	DqlForm		form;
	int			op;				/* DqlOp or DqlNodeKind, as the form needs */
	bool		negated;		/* a DQL_NOT goes above */
	int			kinds;			/* bit (1 << DqlValueType): operands taken as they are */
	const char *operand;		/* the same in words */
	const char *manual;			/* what it means, one line */
} DqlOpInfo;

extern const DqlOpInfo *vxp_dql_op_find(const char *name);	/* NULL when unknown */
extern const char *vxp_dql_op_nearest(const char *name);	/* for hints, or NULL */
extern const char *vxp_dql_op_name(DqlOp op, bool negated); /* of a DQL_COMPARE */
extern const DqlOpInfo *vxp_dql_op_table(int *count);

/* dql_time.c: timestamps of section 4.3; false when the text is none */
extern bool vxp_dql_timestamp(const char *text, int length, int64 *microseconds);	/* TimestampTz */

/* dql_pattern.c: wildcards of section 4.6, shared by evaluation and binder */
typedef enum DqlPatternElement
{
	DQL_PATTERN_BYTE,			/* this byte */
	DQL_PATTERN_ANY_CHAR,		/* one character */
	DQL_PATTERN_ANY_RUN			/* any number of characters */
} DqlPatternElement;

extern DqlPatternElement vxp_dql_pattern_next(const char *text, int length, int *position, char *byte);
extern bool vxp_dql_is_pattern(const char *text, int length);
extern char *vxp_dql_pattern_to_like(const char *text, int length); /* LIKE with \ escapes */
extern bool vxp_dql_glob_strip(const char **text, int *length); /* leading "!"; do they negate? */
extern char *vxp_dql_glob_to_regex(const char *text, int length);	/* anchored ARE */
extern char *vxp_dql_like_escape(const char *text, int length); /* literal text in LIKE */

#endif							/* VXP_DQL_H */
