/*
 * lineage_path.c - order, ancestry and hashes: pure rules on spans
 *
 * Operators, index support and triggers call these and nothing else, so that
 * an index cannot disagree with an operator.  No function allocates or raises.
 *
 * Two facts about the representation (lineage_format.h) carry the short cuts:
 * equal paths have equal bytes, and a path is a prefix of another exactly when
 * its label bytes are a prefix of the other's.
 */
#include "postgres.h"

#include "lineage/lineage.h"

/* As memcmp, the shorter first on a tie. */
static inline int
compare_labels(LineageLabel a, LineageLabel b)
{
	int			result = memcmp(a.bytes, b.bytes, Min(a.length, b.length));

	return result != 0 ? result : a.length - b.length;
}

static inline bool
label_is(LineageLabel label, const char *bytes, int length)
{
	return label.length == length && memcmp(label.bytes, bytes, length) == 0;
}

/*
 * vxp_lineage_cmp returns less than, equal to, or greater than zero.
 *
 * It is a total order: it is the lexicographic order of label sequences over
 * the total order of labels.  An extension of a path differs from it first by
 * being longer, so it sorts behind it; whatever sorts between a path and one
 * of its extensions shares all labels of the path, hence lies below it.
 */
int
vxp_lineage_cmp(LineageSpan a, LineageSpan b)
{
	const uint8 *p = a.data;
	const uint8 *q = b.data;

	while (p < a.end && q < b.end)
	{
		int			result = compare_labels(lineage_next_label(&p), lineage_next_label(&q));

		if (result != 0)
			return result;
	}
	return a.depth - b.depth;
}

bool
vxp_lineage_equal(LineageSpan a, LineageSpan b)
{
	return a.end - a.data == b.end - b.data &&
		memcmp(a.data, b.data, a.end - a.data) == 0;
}

/* Is "prefix" the path itself or one of its upper parts? */
bool
vxp_lineage_starts_with(LineageSpan path, LineageSpan prefix)
{
	return prefix.end - prefix.data <= path.end - path.data &&
		memcmp(prefix.data, path.data, prefix.end - prefix.data) == 0;
}

/* Is one of the first "count" labels this one? */
static bool
label_among(LineageSpan path, int count, const char *bytes, int length)
{
	const uint8 *cursor = path.data;

	for (int i = 0; i < count; i++)
	{
		if (label_is(lineage_next_label(&cursor), bytes, length))
			return true;
	}
	return false;
}

/* Is one of the labels above the last this one?  A path is not its own ancestor. */
bool
vxp_lineage_has_ancestor(LineageSpan path, const char *label, int length)
{
	return label_among(path, path.depth - 1, label, length);
}

/* Is one of the labels, the last included, this one? */
bool
vxp_lineage_is_within(LineageSpan path, const char *label, int length)
{
	return label_among(path, path.depth, label, length);
}

/* The resource's own identifier. */
LineageLabel
vxp_lineage_last(LineageSpan path)
{
	const uint8 *cursor = path.data;
	LineageLabel label = lineage_next_label(&cursor);

	while (cursor < path.end)
		label = lineage_next_label(&cursor);
	return label;
}

/* Labels "from" (counted from 0) up to, not including, "to"; both within the depth. */
LineageSpan
vxp_lineage_slice(LineageSpan path, int from, int to)
{
	const uint8 *cursor = path.data;
	LineageSpan slice;

	Assert(0 <= from && from <= to && to <= path.depth);
	for (int i = 0; i < from; i++)
		(void) lineage_next_label(&cursor);
	slice.data = cursor;
	for (int i = from; i < to; i++)
		(void) lineage_next_label(&cursor);
	slice.end = cursor;
	slice.depth = to - from;
	return slice;
}

/* The number of labels, from the root, that both paths share. */
int
vxp_lineage_common_depth(LineageSpan a, LineageSpan b)
{
	const uint8 *p = a.data;
	const uint8 *q = b.data;
	int			common = 0;

	while (p < a.end && q < b.end &&
		   compare_labels(lineage_next_label(&p), lineage_next_label(&q)) == 0)
		common++;
	return common;
}

/*
 * vxp_lineage_type_length returns the length of the label's identifier type,
 * the part before the first slash; 0 when there is none (no slash, or nothing
 * before it).
 */
int
vxp_lineage_type_length(LineageLabel label)
{
	const char *slash = memchr(label.bytes, '/', label.length);

	return slash ? (int) (slash - label.bytes) : 0;
}

/*
 * vxp_lineage_label_hash: FNV-1a, then the final mix of MurmurHash3, since the
 * high bits of FNV are weak for short labels and keys use 32 of the 64 bits.
 * With VXP_TEST_COLLISIONS (test/collisions.sh) 8 values are left, so that
 * nearly all labels collide: no answer may depend on hashes being different.
 */
uint64
vxp_lineage_label_hash(const char *label, int length)
{
	uint64		hash = UINT64CONST(0xcbf29ce484222325);

	for (int i = 0; i < length; i++)
	{
		hash ^= (uint8) label[i];
		hash *= UINT64CONST(0x100000001b3);
	}
	hash ^= hash >> 33;
	hash *= UINT64CONST(0xff51afd7ed558ccd);
	hash ^= hash >> 33;
	hash *= UINT64CONST(0xc4ceb9fe1a85ec53);
	hash ^= hash >> 33;
#ifdef VXP_TEST_COLLISIONS
	hash &= 7;
#endif
	return hash;
}
