/*
 * dql_eval.h - a filter compiled for evaluation on jsonb documents
 *
 * Compiled once per execution, into the current context: operands are
 * converted, paths split and patterns cut.  Evaluation then walks the stored
 * form of the document and allocates nothing, but for $ieq.
 */
#ifndef VXP_DQL_EVAL_H
#define VXP_DQL_EVAL_H

#include "postgres.h"

#include "nodes/bitmapset.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "dql/dql.h"

typedef struct EvalSegment
{
	const char *key;
	int			length;
	bool		is_index;		/* a canonical non-negative integer */
	uint32		index;
} EvalSegment;

/* dql_eval_text.c: what a string must look like */
typedef struct EvalPattern EvalPattern;
typedef struct EvalGlob EvalGlob;

/* An operand; fields behind the first block are set where their type needs them. */
typedef struct EvalConst
{
	DqlValueType type;			/* never DQL_PARAM */
	bool		boolean;
	const char *string;			/* STRING */
	int			length;
	Numeric		number;			/* NUMBER; STRING that is a JSON number; else NULL */

	EvalPattern *pattern;		/* STRING with wildcards, else NULL */
	bool		is_instant;		/* STRING that is a timestamp, or NUMBER as epoch milliseconds */
	int64		instant;		/* microseconds since 2000-01-01 UTC, rounded down */
	bool		instant_above;	/* the operand is later than "instant", by a part of a microsecond */

	int			count;			/* ARRAY, OBJECT */
	struct EvalConst *items;
	const char **keys;			/* OBJECT */
	int		   *key_lengths;
} EvalConst;

/* Operands of $in: literal strings and numbers are sorted, the rest is tried in turn. */
typedef struct EvalList
{
	int			string_count;
	EvalConst  *strings;		/* by length, then bytes */
	int			number_count;
	EvalConst  *numbers;
	int			other_count;
	EvalConst  *others;
} EvalList;

typedef struct EvalNode
{
	DqlNodeKind kind;
	int			arg_count;
	struct EvalNode **args;		/* ANY_CANDIDATE: for an element or a value, and for a list as a whole */

	bool		is_self;		/* speaks of the candidate itself, not of a path below */
	bool		unreachable;	/* the path cannot exist in this kind of document */
	int			segment_count;
	EvalSegment *segments;

	DqlOp		op;				/* COMPARE */
	bool		null_holds;		/* it holds where there is no value */
	bool		never;			/* it holds nowhere: a bind variable is null */
	bool		is_epoch;		/* a number operand is epoch milliseconds to a timestamp */
	EvalConst	operand;
	EvalConst	upper;			/* $between: its second bound */
	EvalList	list;			/* $in */
	DqlRange	range;			/* $any, $all: "list.others" holds the values */
	EvalGlob   *glob;
	bool		with_elements;	/* the candidate itself: it may be a list, whose elements count */
	bool		is_negated;		/* $glob: a bind variable began with "!"; a DQL_NOT stands above */
} EvalNode;

/* What a path prepared for sort_key was made from; kept with the call site. */
typedef struct EvalPath
{
	text	   *text;
	EvalSegment *segments;
	int			count;
} EvalPath;

/* dql_sort_key.c: the path in argument 1, split once per call site */
extern void vxp_dql_check_path_size(size_t length);
extern EvalPath *vxp_dql_cached_path(FunctionCallInfo fcinfo);

/* dql_eval_compile.c */
extern EvalNode *vxp_dql_compile(const DqlNode *filter, const char *field, const Jsonb *params);
extern DqlValue *vxp_dql_param_value(const Jsonb *params, int number);

/* dql_support.c: which of the clauses in a filter the index condition made from it stands for */
extern Bitmapset *vxp_matches_indexed(const DqlNode *filter, const char *field);

/* dql_eval.c; target NULL: no document, or no member "field" */
extern bool vxp_dql_eval(const EvalNode *node, const JsonbValue *target);
extern bool vxp_dql_eval_values(const EvalSegment *segments, int count, const JsonbValue *root,
								void (*visit) (const JsonbValue *value, void *state), void *state);
extern void vxp_dql_root_value(Jsonb *document, JsonbValue *value);
extern bool vxp_dql_is_list(const JsonbValue *value);
extern bool vxp_dql_is_object(const JsonbValue *value);
extern void vxp_dql_element(const JsonbContainer *list, int index, uint32 offset, JsonbValue *result);
extern EvalSegment *vxp_dql_compile_segments(char *const *segments, int count);

/* A walk over the elements of a list: begin, then next until it returns false. */
typedef struct ElementWalk
{
	const JsonbContainer *list;
	int			index;
	int			count;
	uint32		offset;
} ElementWalk;

extern void vxp_dql_elements_begin(ElementWalk *walk, const JsonbValue *list);
extern bool vxp_dql_elements_next(ElementWalk *walk, JsonbValue *value);

/* dql_eval_text.c */
extern EvalPattern *vxp_dql_pattern_compile(const char *text, int length);
extern bool vxp_dql_pattern_matches(const EvalPattern *pattern, const char *text, int length);
extern EvalGlob *vxp_dql_glob_compile(const char *text, int length);
extern bool vxp_dql_glob_matches(EvalGlob *glob, const char *text, int length);
extern bool vxp_dql_text_contains(const char *text, int length, const char *part, int part_length);

#endif							/* VXP_DQL_EVAL_H */
