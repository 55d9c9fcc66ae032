/*
 * lineage_gist_rules.c - what a bound rules out
 *
 * Each function answers "may a path below this bound satisfy the operator?".
 * A false "yes" costs a page or a recheck; a false "no" would lose rows, so
 * each return of false has its proof beside it.  "Statement n" is that of
 * lineage_gist.h; P is the length of the prefix, positions count from 0.
 *
 * All proofs are about marks.  They carry over to labels, since equal labels
 * have equal marks: a path that has the label has the mark.
 */
#include "postgres.h"

#include "lineage/lineage_gist.h"

/* May the mark be the first of a pair in the interval? */
static inline bool
interval_may_hold(const LineageBound *bound, uint32 mark)
{
	return mark >= (uint32) (bound->next_low >> 32) && mark <= (uint32) (bound->next_high >> 32);
}

/* May the pair of marks be in the interval? */
static inline bool
interval_may_hold_pair(const LineageBound *bound, const uint32 *marks)
{
	uint64		pair = mark_pair(marks[0], marks[1]);

	return pair >= bound->next_low && pair <= bound->next_high;
}

/*
 * May a path have a proper ancestor with this mark?
 *
 * Suppose that p has, at position i; then p is deeper than i + 1.
 * - i < P: then by statement 1 it is the mark of the prefix at i, and
 *   max_depth > i + 1: the loop finds it.
 * - i = P: by 2 the mark is the first of a pair in the interval, max_depth > P + 1, and by 3 it is
 *   in the set, as a proper ancestor is listed.
 * - i > P: by 4 its type is in deep_types, by 3 it is in the set.
 * If none of the three can be, there is no such p.
 */
bool
vxp_lineage_bound_has_ancestor(const LineageBound *bound, uint32 mark)
{
	int			proper = Min(bound->prefix_length, bound->max_depth - 1);

	for (int i = 0; i < proper; i++)
		if (bound->prefix[i] == mark)
			return true;
	if (bound->max_depth <= bound->prefix_length + 1)
		return false;
	if (!interval_may_hold(bound, mark) && (bound->deep_types & mark_type(mark)) == 0)
		return false;
	return vxp_lineage_set_may_hold(bound, mark);
}

/* Is the mark among these, which are sorted? */
static bool
mark_among(uint32 mark, const uint32 *marks, int count)
{
	int			low = 0;
	int			high = count;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (marks[middle] == mark)
			return true;
		if (marks[middle] < mark)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/*
 * May a path have one of these marks, sorted, as a proper ancestor?
 *
 * True just if vxp_lineage_bound_has_ancestor is for one of them, so the proof is
 * the one above: a mark of the prefix is looked for among the marks, and an
 * exact set, which is mostly the smaller of the two, is gone through instead of
 * them.  What stands at or above the end of the prefix must pass the same tests.
 */
bool
vxp_lineage_bound_has_any(const LineageBound *bound, const uint32 *marks, int count)
{
	int			proper = Min(bound->prefix_length, bound->max_depth - 1);

	for (int i = 0; i < proper; i++)
		if (mark_among(bound->prefix[i], marks, count))
			return true;
	if (bound->max_depth <= bound->prefix_length + 1)
		return false;
	if (bound->set_form == LINEAGE_SET_EXACT)
	{
		for (int i = 0; i < bound->set_words; i++)
		{
			uint32		mark = bound->set[i];

			if ((interval_may_hold(bound, mark) || (bound->deep_types & mark_type(mark)) != 0) &&
				mark_among(mark, marks, count))
				return true;
		}
		return false;
	}
	for (int i = 0; i < count; i++)
		if ((interval_may_hold(bound, marks[i]) || (bound->deep_types & mark_type(marks[i])) != 0) &&
			vxp_lineage_set_may_hold(bound, marks[i]))
			return true;
	return false;
}

/*
 * May a path have this mark as a proper ancestor or as its last label?
 *
 * Suppose that p has, at position i.
 * - i < P: it is the mark of the prefix at i (statement 1).
 * - i >= P: then max_depth > P.  If i = P the mark is the first of a pair in the
 *   interval (2).  If the label is listed, it is in the set (3), and if also
 *   i > P its type is in deep_types (4).  If it is not listed, its type is in
 *   self_types; and if also i > P, then max_depth > P + 1.
 */
bool
vxp_lineage_bound_is_within(const LineageBound *bound, uint32 mark)
{
	uint64		type = mark_type(mark);
	bool		next;

	for (int i = 0; i < bound->prefix_length; i++)
		if (bound->prefix[i] == mark)
			return true;
	if (bound->max_depth <= bound->prefix_length)
		return false;
	next = interval_may_hold(bound, mark);
	if ((bound->self_types & type) != 0 && (next || bound->max_depth > bound->prefix_length + 1))
		return true;
	return (next || (bound->deep_types & type) != 0) && vxp_lineage_set_may_hold(bound, mark);
}

/*
 * May a path start with the first "depth" of the marks?
 *
 * Suppose that p does.
 * - Below P they are those of the prefix (statement 1).
 * - If depth > P, then p is deeper than P and has marks[P] at P: the first of a
 *   pair in the interval (2).  If depth > P + 1, the pair is that of the marks.
 * - All but the last of them are proper ancestors of p.  The last one is a
 *   proper ancestor or the last label of p, and in either case listed unless
 *   its type is in self_types.  Listed ones from P on are in the set (3), and
 *   those above P have their types in deep_types (4).
 */
static bool
may_start_with(const LineageBound *bound, const uint32 *marks, int depth)
{
	int			shared = Min(bound->prefix_length, depth);
	int			listed = (bound->self_types & mark_type(marks[depth - 1])) != 0 ? depth - 1 : depth;

	for (int i = 0; i < shared; i++)
		if (bound->prefix[i] != marks[i])
			return false;
	if (depth == bound->prefix_length + 1 && !interval_may_hold(bound, marks[bound->prefix_length]))
		return false;
	if (depth > bound->prefix_length + 1 && !interval_may_hold_pair(bound, marks + bound->prefix_length))
		return false;
	for (int i = bound->prefix_length; i < listed; i++)
	{
		if (i > bound->prefix_length && (bound->deep_types & mark_type(marks[i])) == 0)
			return false;
		if (!vxp_lineage_set_may_hold(bound, marks[i]))
			return false;
	}
	return true;
}

/* May a path be the given one or below it?  Such a path is as deep at least, and starts with it. */
bool
vxp_lineage_bound_below(const LineageBound *bound, const uint32 *marks, int depth)
{
	return bound->max_depth >= depth && may_start_with(bound, marks, depth);
}

/*
 * May a path be the given one or above it?  Such a path is the first d marks
 * of it, with min_depth <= d <= depth, and so starts with the first min_depth.
 */
bool
vxp_lineage_bound_above(const LineageBound *bound, const uint32 *marks, int depth)
{
	return bound->min_depth <= depth && may_start_with(bound, marks, bound->min_depth);
}

/* May a path be the given one?  It is as deep, and starts with it. */
bool
vxp_lineage_bound_equal(const LineageBound *bound, const uint32 *marks, int depth)
{
	return bound->min_depth <= depth && bound->max_depth >= depth && may_start_with(bound, marks, depth);
}
