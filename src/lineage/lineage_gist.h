/*
 * lineage_gist.h - GiST keys of the lineage type: format, and prototypes by file
 *
 * A label is known to the index by a 32-bit mark: its high 6 bits are a hash
 * of the identifier type (the bytes before the first "/", or none), its low 26
 * bits a hash of the whole label.  So a set of types is a word of 64 bits, and
 * both can be read off a mark.  Two labels may share a mark: that costs a
 * recheck on the heap value, never a row.
 *
 * Bytes of a key, all numbers in the byte order of the machine:
 *
 *		0 ..  3  varlena header, always of 4 bytes (the key type has storage plain)
 *		4        version (high 4 bits, now 1) and form (low 4 bits)
 *		5        form of the set (form 2 only, else 0)
 *		6 ..  7  number of marks n
 *
 *	form 0, path: the leaf key of a path of up to 250 labels
 *		8 ..     n marks, the labels of the path, root first
 *
 *	form 1, path and value: the leaf key of gist_lineage_full_ops
 *		8 ..     n marks as above
 *		 ..      the payload of the lineage value, as lineage.h describes it
 *
 *	form 2, bound: what is true of every path below an inner entry, and the
 *	leaf key of a longer path
 *		8 ..  9  least depth
 *	   10 .. 11  greatest depth
 *	   12 .. 19  interval of the next pair of marks: low end (low word first)
 *	   20 .. 27  and high end
 *	   28 .. 35  types of listed labels above the next (deep_types)
 *	   36 .. 43  types of last labels that are not listed (self_types)
 *	   44 ..     n marks: the common prefix, root first
 *		 ..      the set: nothing (form 0, "anything"), sorted marks without
 *				 duplicates (form 1, exact), or a Bloom signature (form 2);
 *				 its size follows from the varlena header
 *
 * A LineageBound states, of every path p below.  A label of p is "listed" if it
 * is a proper ancestor, or is the last and its type is not in self_types.
 *
 *	1.	p starts with the prefix (of P marks), and its depth is within the depths;
 *	2.	if p is deeper than P, its marks at the positions P and P + 1 (counted
 *		from 0), as one number of 64 bits, the second 0 if p ends at P, are in
 *		the interval.  Two marks, since a page that lies across two roots
 *		would otherwise keep out no path below either;
 *	3.	each listed label of p at a position of P or more is in the set;
 *	4.	each listed label of p at a position above P has its type in deep_types.
 *
 * So self_types are the types whose last labels were too many for the set: the
 * volumes in an index on volumes.  Those of inner resources, the few that have
 * no row below them on their page, stay in.
 *
 * A path is the bound with the whole path as its prefix, so every rule below is
 * written once, for bounds.
 *
 * The format is on disk for ever: a change needs a new version nibble.
 */
#ifndef VXP_LINEAGE_GIST_H
#define VXP_LINEAGE_GIST_H

#include "lineage/lineage_index.h"

#define GIST_KEY_VERSION		1

typedef enum LineageKeyForm
{
	LINEAGE_KEY_PATH = 0,
	LINEAGE_KEY_VALUE = 1,
	LINEAGE_KEY_BOUND = 2
} LineageKeyForm;

typedef enum LineageSetForm
{
	LINEAGE_SET_ANYTHING = 0,
	LINEAGE_SET_EXACT = 1,
	LINEAGE_SET_BLOOM = 2
} LineageSetForm;

/*
 * Sizes.  All keys fit four times on a page of 8 kB, beside another column of
 * usual size.  docs/lineage-index.md has the measurements behind them.
 */
#define GIST_PATH_MAX_DEPTH		250 /* deeper paths become bounds in leaves */
#define GIST_PREFIX_MAX			32	/* marks of a common prefix */
#define GIST_EXACT_MAX			160 /* marks of an exact set */
#define GIST_BLOOM_BITS			8	/* bits for each mark when a signature is made */
#define GIST_BLOOM_MAX_WORDS	400 /* of 32 bits */
#define GIST_BLOOM_MIN_BITS		5	/* below this a signature says too little to keep */
#define GIST_BLOOM_PROBES		5	/* part of the format, unlike the sizes above */

/* The key on disk; see the bytes above. */
typedef struct LineageKey
{
	int32		vl_len_;
	uint8		version_form;
	uint8		set_form;
	uint16		mark_count;
	uint32		words[FLEXIBLE_ARRAY_MEMBER];
} LineageKey;

/* A key decoded; the pointers lead into the key. */
typedef struct LineageBound
{
	const uint32 *prefix;
	int			prefix_length;
	int			min_depth;
	int			max_depth;
	uint64		next_low;		/* pairs of marks; meaningful if max_depth > prefix_length */
	uint64		next_high;
	uint64		deep_types;
	uint64		self_types;
	LineageSetForm set_form;
	const uint32 *set;
	int			set_words;
} LineageBound;

#define DatumGetLineageKey(d) ((const LineageKey *) DatumGetPointer(d))

static inline LineageKeyForm
lineage_key_form(const LineageKey *key)
{
	return (LineageKeyForm) (key->version_form & 0x0f);
}

/* Two marks as one number, in path order. */
static inline uint64
mark_pair(uint32 first, uint32 second)
{
	return ((uint64) first << 32) | second;
}

/* The type part of a mark, as a set of one. */
static inline uint64
mark_type(uint32 mark)
{
	return UINT64CONST(1) << (mark >> 26);
}

/*
 * A question, prepared once for a scan key: marks in path order for a path,
 * sorted and without duplicates for an array, one mark for an identifier.
 */
typedef struct GistQuestion
{
	StrategyNumber strategy;
	struct varlena *image;		/* copy of the argument as passed, to see a rescan with another */
	int			count;
	uint32	   *marks;
	bool		never;			/* no row can satisfy it, whatever the marks */

	/* for exact answers from values */
	struct varlena *argument;	/* detoasted */
	LineageLabelSet any;		/* of a list for "any" */
} GistQuestion;

/* lineage_gist_key.c */
extern uint32 vxp_lineage_mark(const char *label, int length);
extern int	vxp_lineage_marks(LineageSpan path, uint32 *marks);
extern int	vxp_lineage_sort_marks(uint32 *marks, int count);
extern LineageKey *vxp_lineage_key_make(const struct varlena *value, bool keep_value);
extern LineageSpan vxp_lineage_key_value(const LineageKey *key, struct varlena **image);
extern void vxp_lineage_key_decode(const LineageKey *key, LineageBound *bound);
extern LineageKey *vxp_lineage_key_union(const LineageBound *bounds, int count);
extern bool vxp_lineage_low_mark(const LineageBound *bound, int position, uint32 *mark);
extern int	vxp_lineage_bound_cmp(const LineageBound *a, const LineageBound *b);
extern bool vxp_lineage_set_may_hold(const LineageBound *bound, uint32 mark);
extern bool vxp_lineage_bound_holds_path(const LineageBound *bound, const LineageBound *path);
extern bool vxp_lineage_bound_holds(const LineageBound *outer, const LineageBound *inner);

/* lineage_gist_rules.c: may a path below the bound satisfy the operator?  "No" is proven. */
extern bool vxp_lineage_bound_has_ancestor(const LineageBound *bound, uint32 mark);
extern bool vxp_lineage_bound_has_any(const LineageBound *bound, const uint32 *marks, int count);
extern bool vxp_lineage_bound_is_within(const LineageBound *bound, uint32 mark);
extern bool vxp_lineage_bound_below(const LineageBound *bound, const uint32 *marks, int depth);
extern bool vxp_lineage_bound_above(const LineageBound *bound, const uint32 *marks, int depth);
extern bool vxp_lineage_bound_equal(const LineageBound *bound, const uint32 *marks, int depth);

/* lineage_gist_question.c */
extern GistQuestion *vxp_lineage_question(StrategyNumber strategy, struct varlena *image);
extern bool vxp_lineage_may_match(const LineageBound *bound, const GistQuestion *q);
extern VXP_EXPORT Datum vxp_lineage_gist_consistent(PG_FUNCTION_ARGS);

#endif							/* VXP_LINEAGE_GIST_H */
