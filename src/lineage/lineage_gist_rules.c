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

static inline bool
interval_may_hold(const LineageBound *bound, uint32 mark)
{
	return mark >= bound->next_low && mark <= bound->next_high;
}

/*
 * May a path have a proper ancestor with this mark?
 *
 * Suppose that p has, at position i; then p is deeper than i + 1.
 * - i < P: then by statement 1 it is the mark of the prefix at i, and
 *   max_depth > i + 1: the loop finds it.
 * - i = P: by 2 the mark is in the interval, max_depth > P + 1, and by 3 it is
 *   in the set.
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

/*
 * May a path have this mark as a proper ancestor or as its last label?
 *
 * The proper ancestors are as above.  Suppose that the last label of p has the
 * mark, at position i.  By 4 its type is in self_types.
 * - i < P: it is in the prefix.
 * - i = P: by 2 the mark is in the interval.
 * - i > P: then max_depth > P + 1.
 */
bool
vxp_lineage_bound_is_within(const LineageBound *bound, uint32 mark)
{
	if (vxp_lineage_bound_has_ancestor(bound, mark))
		return true;
	if ((bound->self_types & mark_type(mark)) == 0)
		return false;
	for (int i = 0; i < bound->prefix_length; i++)
		if (bound->prefix[i] == mark)
			return true;
	if (bound->max_depth <= bound->prefix_length)
		return false;			/* no position above the prefix */
	return bound->max_depth > bound->prefix_length + 1 || interval_may_hold(bound, mark);
}

/*
 * May the path given by "marks" be consistent with the bound up to "depth" of
 * its marks, that is: may a path below start with them?  "ancestors" of them
 * are proper ancestors of that path, and depth <= its depth.
 *
 * Suppose that p starts with the marks.
 * - Below P they are those of the prefix (statement 1).
 * - If depth > P, then p is deeper than P and has marks[P] at P: in the
 *   interval (2).
 * - The ones from P to ancestors - 1 are in the set (3), those above P have
 *   their types in deep_types (4).
 */
static bool
may_start_with(const LineageBound *bound, const uint32 *marks, int depth, int ancestors)
{
	int			shared = Min(bound->prefix_length, depth);

	for (int i = 0; i < shared; i++)
		if (bound->prefix[i] != marks[i])
			return false;
	if (depth > bound->prefix_length && !interval_may_hold(bound, marks[bound->prefix_length]))
		return false;
	for (int i = bound->prefix_length; i < ancestors; i++)
	{
		if (i > bound->prefix_length && (bound->deep_types & mark_type(marks[i])) == 0)
			return false;
		if (!vxp_lineage_set_may_hold(bound, marks[i]))
			return false;
	}
	return true;
}

/*
 * May a path be the given one or below it?  Such a path is at least as deep,
 * starts with all the marks, and all but the last are its proper ancestors.
 */
bool
vxp_lineage_bound_below(const LineageBound *bound, const uint32 *marks, int depth)
{
	return bound->max_depth >= depth && may_start_with(bound, marks, depth, depth - 1);
}

/*
 * May a path be the given one or above it?  Such a path p is the first d marks
 * of it, with min_depth <= d <= depth.  So p starts with the first min_depth
 * marks, and all but the last of these are its proper ancestors.
 */
bool
vxp_lineage_bound_above(const LineageBound *bound, const uint32 *marks, int depth)
{
	return bound->min_depth <= depth &&
		may_start_with(bound, marks, bound->min_depth, bound->min_depth - 1);
}

/* May a path be the given one?  It is both below and above, and statement 4 gives its last type. */
bool
vxp_lineage_bound_equal(const LineageBound *bound, const uint32 *marks, int depth)
{
	return bound->min_depth <= depth &&
		(bound->self_types & mark_type(marks[depth - 1])) != 0 &&
		vxp_lineage_bound_below(bound, marks, depth);
}
