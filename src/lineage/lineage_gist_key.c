/*
 * lineage_gist_key.c - GiST keys: making, decoding, joining, comparing
 *
 * lineage_gist.h gives the bytes and the four statements that a bound makes of
 * every path below it.  Each function here keeps them true; none knows a page.
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "lineage/lineage_gist.h"

/* words of a bound before its prefix */
#define BOUND_HEAD_WORDS 9

/* A sorted set and the few marks of one row behind it need no full sort. */
#define INSERTION_SORT_MAX 16

/* Marks being collected for a set; grows as needed. */
typedef struct MarkList
{
	uint32	   *marks;
	int			count;
	int			size;
} MarkList;

/* vxp_lineage_mark returns the mark of a label, as lineage_gist.h defines it. */
uint32
vxp_lineage_mark(const char *label, int length)
{
	LineageLabel whole_label = {label, length};
	uint64		type = vxp_lineage_label_hash(label, vxp_lineage_type_length(whole_label));
	uint64		whole = vxp_lineage_label_hash(label, length);

	return ((uint32) (type & 0x3f) << 26) | (uint32) (whole & 0x03ffffff);
}

/* vxp_lineage_marks writes the marks of the path, root first, and returns their number. */
int
vxp_lineage_marks(LineageSpan path, uint32 *marks)
{
	const uint8 *cursor = path.data;

	for (int i = 0; i < path.depth; i++)
	{
		LineageLabel label = lineage_next_label(&cursor);

		marks[i] = vxp_lineage_mark(label.bytes, label.length);
	}
	return path.depth;
}

/* new_key returns a zeroed key with room for "words" words, header filled in. */
static LineageKey *
new_key(LineageKeyForm form, int mark_count, Size bytes)
{
	Size		size = offsetof(LineageKey, words) + bytes;
	LineageKey *key = palloc0(size);

	SET_VARSIZE(key, size);
	key->version_form = (GIST_KEY_VERSION << 4) | form;
	key->mark_count = mark_count;
	return key;
}

/*
 * vxp_lineage_key_make returns the leaf key of a detoasted value.  With
 * "keep_value" the key ends with the value; the caller checks that it fits.
 */
LineageKey *
vxp_lineage_key_make(const struct varlena *value, bool keep_value)
{
	LineageSpan path = lineage_span(value);

	if (keep_value)
	{
		Size		payload = VARSIZE_ANY_EXHDR(value);
		LineageKey *key = new_key(LINEAGE_KEY_VALUE, path.depth,
								  path.depth * sizeof(uint32) + payload);

		vxp_lineage_marks(path, key->words);
		memcpy(key->words + path.depth, VARDATA_ANY(value), payload);
		return key;
	}
	else if (path.depth <= GIST_PATH_MAX_DEPTH)
	{
		LineageKey *key = new_key(LINEAGE_KEY_PATH, path.depth, path.depth * sizeof(uint32));

		vxp_lineage_marks(path, key->words);
		return key;
	}
	else
	{
		uint32		marks[LINEAGE_MAX_DEPTH];
		LineageBound bound = {0};

		vxp_lineage_marks(path, marks);
		bound.prefix = marks;
		bound.prefix_length = bound.min_depth = bound.max_depth = path.depth;
		bound.set_form = LINEAGE_SET_EXACT;
		/* the union of one cuts the prefix, and puts the rest into the set */
		return vxp_lineage_key_union(&bound, 1);
	}
}

/*
 * vxp_lineage_key_value returns the value in a key that keeps it, as a span
 * and, if "image" is not NULL, as a value in new memory.
 */
LineageSpan
vxp_lineage_key_value(const LineageKey *key, struct varlena **image)
{
	const uint8 *payload = (const uint8 *) (key->words + key->mark_count);
	Size		size = VARSIZE(key) - ((const char *) payload - (const char *) key);
	LineageSpan span;

	if (image)
	{
		*image = palloc(VARHDRSZ + size);
		SET_VARSIZE(*image, VARHDRSZ + size);
		memcpy(VARDATA(*image), payload, size);
	}
	span.depth = key->mark_count;
	span.data = payload + LINEAGE_HEADER_SIZE;
	span.end = payload + size;
	return span;
}

/* Keys are aligned to 4 bytes only. */
static inline uint64
read_word64(const uint32 *words)
{
	return ((uint64) words[1] << 32) | words[0];
}

static inline void
write_word64(uint32 *words, uint64 value)
{
	words[0] = (uint32) value;
	words[1] = (uint32) (value >> 32);
}

/* vxp_lineage_key_decode fills in the bound that the key states. */
void
vxp_lineage_key_decode(const LineageKey *key, LineageBound *bound)
{
	int			count = key->mark_count;

	if (unlikely((key->version_form >> 4) != GIST_KEY_VERSION))
		elog(ERROR, "unrecognized lineage index key version: %d", key->version_form >> 4);

	switch (lineage_key_form(key))
	{
		case LINEAGE_KEY_PATH:
		case LINEAGE_KEY_VALUE:
			bound->prefix = key->words;
			bound->prefix_length = bound->min_depth = bound->max_depth = count;
			bound->next_low = bound->next_high = 0;
			bound->deep_types = 0;
			bound->self_types = 0;
			bound->set_form = LINEAGE_SET_EXACT;
			bound->set = NULL;
			bound->set_words = 0;
			return;
		case LINEAGE_KEY_BOUND:
			{
				const uint32 *w = key->words;

				bound->min_depth = w[0] & 0xffff;
				bound->max_depth = w[0] >> 16;
				bound->next_low = read_word64(w + 1);
				bound->next_high = read_word64(w + 3);
				bound->deep_types = read_word64(w + 5);
				bound->self_types = read_word64(w + 7);
				bound->prefix = w + BOUND_HEAD_WORDS;
				bound->prefix_length = count;
				bound->set_form = (LineageSetForm) key->set_form;
				bound->set = w + BOUND_HEAD_WORDS + count;
				bound->set_words = (int) ((VARSIZE(key) - offsetof(LineageKey, words)) / sizeof(uint32)) -
					BOUND_HEAD_WORDS - count;
				return;
			}
	}
	elog(ERROR, "unrecognized lineage index key form: %d", key->version_form & 0x0f);
}

/*
 * bloom_probe is the bit of the i-th probe of a mark in a signature of "words"
 * words.  Part of the format on disk: the two factors and the shift are fixed.
 */
static inline uint32
bloom_probe(uint32 mark, int i, int words)
{
	uint64		mixed = (uint64) mark * UINT64CONST(0x9e3779b97f4a7c15);
	uint32		first = (uint32) (mixed >> 32);
	uint32		step = (uint32) ((mixed * UINT64CONST(0xbf58476d1ce4e5b9)) >> 32) | 1;

	return (uint32) (((uint64) (first + (uint32) i * step) * ((uint64) words * 32)) >> 32);
}

static inline void
bloom_add(uint32 *signature, int words, uint32 mark)
{
	for (int i = 0; i < GIST_BLOOM_PROBES; i++)
	{
		uint32		bit = bloom_probe(mark, i, words);

		signature[bit / 32] |= (uint32) 1 << (bit % 32);
	}
}

static int
cmp_mark(const void *a, const void *b)
{
	uint32		x = *(const uint32 *) a;
	uint32		y = *(const uint32 *) b;

	return (x > y) - (x < y);
}

/* vxp_lineage_sort_marks sorts marks and drops duplicates; returns how many are left. */
int
vxp_lineage_sort_marks(uint32 *marks, int count)
{
	int			kept = 0;

	if (count < 2)
		return count;
	qsort(marks, count, sizeof(uint32), cmp_mark);
	for (int i = 1; i < count; i++)
		if (marks[i] != marks[kept])
			marks[++kept] = marks[i];
	return kept + 1;
}

/* vxp_lineage_set_may_hold is false only if the mark is certainly not in the set. */
bool
vxp_lineage_set_may_hold(const LineageBound *bound, uint32 mark)
{
	switch (bound->set_form)
	{
		case LINEAGE_SET_ANYTHING:
			return true;
		case LINEAGE_SET_EXACT:
			{
				int			low = 0;
				int			high = bound->set_words;

				while (low < high)
				{
					int			middle = (low + high) / 2;

					if (bound->set[middle] == mark)
						return true;
					if (bound->set[middle] < mark)
						low = middle + 1;
					else
						high = middle;
				}
				return false;
			}
		case LINEAGE_SET_BLOOM:
			for (int i = 0; i < GIST_BLOOM_PROBES; i++)
			{
				uint32		bit = bloom_probe(mark, i, bound->set_words);

				if ((bound->set[bit / 32] & ((uint32) 1 << (bit % 32))) == 0)
					return false;
			}
			return true;
	}
	elog(ERROR, "unrecognized lineage index set form: %d", bound->set_form);
	return true;				/* keep compiler quiet */
}

static void
list_add(MarkList *list, uint32 mark)
{
	/* rows of one parent come together: drop what was added just before */
	if (list->count > 0 && list->marks[list->count - 1] == mark)
		return;
	if (list->count == list->size)
	{
		list->size = list->size ? list->size * 2 : 256;
		list->marks = list->marks ? repalloc(list->marks, list->size * sizeof(uint32))
			: palloc(list->size * sizeof(uint32));
	}
	list->marks[list->count++] = mark;
}

static void
list_sort_unique(MarkList *list)
{
	int			kept = 0;

	int			sorted = 1;

	if (list->count < 2)
		return;
	while (sorted < list->count && list->marks[sorted - 1] <= list->marks[sorted])
		sorted++;
	if (list->count - sorted > INSERTION_SORT_MAX)
		qsort(list->marks, list->count, sizeof(uint32), cmp_mark);
	else
		for (; sorted < list->count; sorted++)
		{
			uint32		mark = list->marks[sorted];
			int			i = sorted;

			for (; i > 0 && list->marks[i - 1] > mark; i--)
				list->marks[i] = list->marks[i - 1];
			list->marks[i] = mark;
		}
	for (int i = 1; i < list->count; i++)
		if (list->marks[i] != list->marks[kept])
			list->marks[++kept] = list->marks[i];
	list->count = kept + 1;
}

/* The types that first marks of the interval can have. */
static uint64
interval_types(uint64 low, uint64 high)
{
	int			first = low >> 58;
	int			last = high >> 58;

	return (PG_UINT64_MAX << first) & (PG_UINT64_MAX >> (63 - last));
}

/* common_prefix returns how many leading marks all prefixes share, at most GIST_PREFIX_MAX. */
static int
common_prefix(const LineageBound *bounds, int count)
{
	int			length = Min(bounds[0].prefix_length, GIST_PREFIX_MAX);

	for (int i = 1; i < count; i++)
	{
		int			j = 0;

		length = Min(length, bounds[i].prefix_length);
		while (j < length && bounds[i].prefix[j] == bounds[0].prefix[j])
			j++;
		length = j;
	}
	return length;
}

/*
 * join_sets chooses the form of the union's set and returns its words.
 *
 * "list" holds the marks of all exact parts.  A signature among the bounds
 * forces a signature of its size, since marks cannot be read back from it;
 * two sizes, or too many bits set, say nothing.  Statement 3 holds in each
 * form: exact keeps every mark, a signature has the bits of every mark or of
 * every signature joined, "anything" excludes none.
 */
static uint32 *
join_sets(const LineageBound *bounds, int count, MarkList *list, LineageSetForm *form, int *words)
{
	uint32	   *signature;
	int			size = 0;
	uint64		bits;

	for (int i = 0; i < count; i++)
	{
		if (bounds[i].set_form == LINEAGE_SET_ANYTHING ||
			(bounds[i].set_form == LINEAGE_SET_BLOOM && size != 0 && bounds[i].set_words != size))
			goto anything;
		if (bounds[i].set_form == LINEAGE_SET_BLOOM)
			size = bounds[i].set_words;
	}
	list_sort_unique(list);
	if (size == 0)
	{
		if (list->count <= GIST_EXACT_MAX)
		{
			*form = LINEAGE_SET_EXACT;
			*words = list->count;
			return list->marks;
		}
		size = Min((list->count * GIST_BLOOM_BITS + 31) / 32, GIST_BLOOM_MAX_WORDS);
		if (size * 32 < list->count * GIST_BLOOM_MIN_BITS)
			goto anything;
	}
	signature = palloc0(size * sizeof(uint32));
	for (int i = 0; i < count; i++)
		if (bounds[i].set_form == LINEAGE_SET_BLOOM)
			for (int w = 0; w < size; w++)
				signature[w] |= bounds[i].set[w];
	for (int i = 0; i < list->count; i++)
		bloom_add(signature, size, list->marks[i]);

	/* with more than 4 of 5 bits set, one question in four would pass */
	bits = pg_popcount((const char *) signature, size * sizeof(uint32));
	if (bits * 5 > (uint64) size * 32 * 4)
		goto anything;
	*form = LINEAGE_SET_BLOOM;
	*words = size;
	return signature;

anything:
	*form = LINEAGE_SET_ANYTHING;
	*words = 0;
	return NULL;
}

/*
 * widen takes the pairs at a position below the end of the bound's prefix into
 * the interval.  The first mark is in the prefix; so is the second, or it is
 * the first of the bound's own pairs, or there is none.
 */
static void
widen(const LineageBound *bound, int position, uint64 *low, uint64 *high)
{
	uint32		first = bound->prefix[position];
	uint32		second_low = 0;
	uint32		second_high = 0;

	if (position + 1 < bound->prefix_length)
		second_low = second_high = bound->prefix[position + 1];
	else if (bound->max_depth > bound->prefix_length)
	{
		second_high = (uint32) (bound->next_high >> 32);
		if (bound->min_depth > bound->prefix_length)
			second_low = (uint32) (bound->next_low >> 32);
	}
	*low = Min(*low, mark_pair(first, second_low));
	*high = Max(*high, mark_pair(first, second_high));
}

/*
 * list_last_labels adds last labels to the list, type by type.  A type with too
 * many that are no ancestors too goes into *self_types instead: it would crowd
 * out the ancestors.
 */
static void
list_last_labels(MarkList *list, MarkList *last, uint64 *self_types)
{
	int			counts[64] = {0};
	LineageBound ancestors = {0};
	int			kept = 0;
	int			limit;

	list_sort_unique(list);
	list_sort_unique(last);
	limit = list->count / 4 + 4;
	ancestors.set_form = LINEAGE_SET_EXACT;
	ancestors.set = list->marks;
	ancestors.set_words = list->count;
	for (int i = 0; i < last->count; i++)
	{
		uint32		mark = last->marks[i];

		if (vxp_lineage_set_may_hold(&ancestors, mark))
			continue;
		last->marks[kept++] = mark;
		if (++counts[mark >> 26] > limit)
			*self_types |= mark_type(mark);
	}
	for (int i = 0; i < kept; i++)
		if ((*self_types & mark_type(last->marks[i])) == 0)
			list_add(list, last->marks[i]);
}

/*
 * vxp_lineage_key_union returns the bound that holds every path that one of
 * the bounds holds.  count > 0.
 *
 * With P the length of the common prefix, take one of the bounds, with prefix
 * length Q >= P, and a path p below it.  Statement 1 is plain; self_types hold
 * those of every bound, so a label listed by the union was so by the bound.  If
 * Q = P the other statements are taken over as they are.  If Q > P:
 * - the marks of p at P and P + 1 go into the interval, as widen shows (2);
 * - a listed label of p at Q or above is in the bound's set, all of which is
 *   added (3); if at Q its type is one that the interval allows, else it is in
 *   the bound's deep_types (4);
 * - a proper ancestor of p at i, P <= i < Q, is prefix[i], and p is deeper than
 *   i + 1.  All those are added to the set, and their types if i > P;
 * - the last label of p at i < Q: then p has depth Q, i is Q - 1, and the label
 *   is prefix[Q - 1].  It is added to "last", from where it goes to the set (and
 *   its type to deep_types if i > P), or its type to self_types.
 */
LineageKey *
vxp_lineage_key_union(const LineageBound *bounds, int count)
{
	int			prefix_length = common_prefix(bounds, count);
	int			min_depth = bounds[0].min_depth;
	int			max_depth = bounds[0].max_depth;
	uint64		low = PG_UINT64_MAX;
	uint64		high = 0;
	uint64		deep = 0;
	uint64		deep_last = 0;	/* types of "last" above the next position */
	uint64		self = 0;
	MarkList	list = {0};
	MarkList	last = {0};
	LineageSetForm form;
	uint32	   *set;
	int			set_words;
	LineageKey *key;
	uint32	   *w;

	for (int i = 0; i < count; i++)
		self |= bounds[i].self_types;
	for (int i = 0; i < count; i++)
	{
		const LineageBound *b = &bounds[i];

		min_depth = Min(min_depth, b->min_depth);
		max_depth = Max(max_depth, b->max_depth);
		deep |= b->deep_types;
		if (b->prefix_length > prefix_length)
		{
			int			proper = Min(b->prefix_length, b->max_depth - 1);
			uint32		end = b->prefix[b->prefix_length - 1];

			widen(b, prefix_length, &low, &high);
			for (int j = prefix_length; j < proper; j++)
			{
				list_add(&list, b->prefix[j]);
				if (j > prefix_length)
					deep |= mark_type(b->prefix[j]);
			}
			if (b->min_depth == b->prefix_length && (self & mark_type(end)) == 0)
			{
				list_add(&last, end);
				if (b->prefix_length - 1 > prefix_length)
					deep_last |= mark_type(end);
			}
			if (b->max_depth > b->prefix_length)
			{
				uint64		types = interval_types(b->next_low, b->next_high);

				/* nothing deeper: labels there are last ones, listed or not */
				if (b->max_depth == b->prefix_length + 1)
					types &= ~b->self_types;
				deep |= types;
			}
		}
		else if (b->max_depth > prefix_length)
		{
			low = Min(low, b->next_low);
			high = Max(high, b->next_high);
		}
		if (b->set_form == LINEAGE_SET_EXACT)
			for (int j = 0; j < b->set_words; j++)
				list_add(&list, b->set[j]);
	}
	if (max_depth <= prefix_length)
		low = high = 0;
	list_last_labels(&list, &last, &self);
	deep |= deep_last & ~self;

	set = join_sets(bounds, count, &list, &form, &set_words);
	key = new_key(LINEAGE_KEY_BOUND, prefix_length,
				  (BOUND_HEAD_WORDS + prefix_length + set_words) * sizeof(uint32));
	key->set_form = form;
	w = key->words;
	w[0] = (uint32) min_depth | ((uint32) max_depth << 16);
	write_word64(w + 1, low);
	write_word64(w + 3, high);
	write_word64(w + 5, deep);
	write_word64(w + 7, self);
	if (prefix_length > 0)
		memcpy(w + BOUND_HEAD_WORDS, bounds[0].prefix, prefix_length * sizeof(uint32));
	if (set_words > 0)
		memcpy(w + BOUND_HEAD_WORDS + prefix_length, set, set_words * sizeof(uint32));
	if (set != list.marks && set != NULL)
		pfree(set);
	if (list.marks)
		pfree(list.marks);
	if (last.marks)
		pfree(last.marks);
	return key;
}

/* vxp_lineage_low_mark gets the mark of the least path of a bound; false behind the last one known. */
bool
vxp_lineage_low_mark(const LineageBound *bound, int position, uint32 *mark)
{
	if (position < bound->prefix_length)
		*mark = bound->prefix[position];
	else if (position == bound->prefix_length && bound->max_depth > position)
		*mark = (uint32) (bound->next_low >> 32);
	else if (position == bound->prefix_length + 1 && bound->max_depth > position)
		*mark = (uint32) bound->next_low;
	else
		return false;
	return true;
}

/*
 * vxp_lineage_bound_cmp is the order of the index: marks one by one, the
 * prefix and then the low end of the interval, the shorter first on a tie.
 * Paths below one ancestor are neighbours in it.
 */
int
vxp_lineage_bound_cmp(const LineageBound *a, const LineageBound *b)
{
	int			shared = Min(a->prefix_length, b->prefix_length);
	int			i = 0;

	while (i < shared && a->prefix[i] == b->prefix[i])
		i++;
	for (;; i++)
	{
		uint32		x;
		uint32		y;
		bool		has_x = vxp_lineage_low_mark(a, i, &x);
		bool		has_y = vxp_lineage_low_mark(b, i, &y);

		if (!has_x || !has_y)
			return (int) has_x - (int) has_y;
		if (x != y)
			return x < y ? -1 : 1;
	}
}

/*
 * vxp_lineage_bound_holds_path tells whether the bound holds a path, given as
 * the bound of its leaf key: the four statements, one by one.  False for the
 * leaf key of a path too long to keep its marks.
 */
bool
vxp_lineage_bound_holds_path(const LineageBound *bound, const LineageBound *path)
{
	int			depth = path->min_depth;
	int			start = bound->prefix_length;

	if (path->prefix_length != depth || depth < bound->min_depth || depth > bound->max_depth)
		return false;
	if (memcmp(bound->prefix, path->prefix, start * sizeof(uint32)) != 0)
		return false;
	if (depth > start)
	{
		uint64		pair = mark_pair(path->prefix[start], depth > start + 1 ? path->prefix[start + 1] : 0);

		if (pair < bound->next_low || pair > bound->next_high)
			return false;
	}
	for (int i = start; i < depth; i++)
	{
		uint32		mark = path->prefix[i];

		if (i == depth - 1 && (bound->self_types & mark_type(mark)) != 0)
			break;				/* not listed */
		if (i > start && (bound->deep_types & mark_type(mark)) == 0)
			return false;
		if (!vxp_lineage_set_may_hold(bound, mark))
			return false;
	}
	return true;
}

/*
 * vxp_lineage_bound_holds tells whether the outer bound promises no more than
 * the inner one keeps: true if every path that the inner bound allows is
 * allowed by the outer one.  False may be too strict (a signature inside an
 * exact set).  For the consistency check of an index.
 */
bool
vxp_lineage_bound_holds(const LineageBound *outer, const LineageBound *inner)
{
	LineageBound pair[2];
	LineageKey *joined;
	LineageBound result;
	bool		holds;

	pair[0] = *outer;
	pair[1] = *inner;
	joined = vxp_lineage_key_union(pair, 2);
	vxp_lineage_key_decode(joined, &result);

	/* a union that adds nothing to the outer bound means that it held all */
	holds = result.prefix_length == outer->prefix_length &&
		result.min_depth == outer->min_depth && result.max_depth == outer->max_depth &&
		result.deep_types == outer->deep_types && result.self_types == outer->self_types &&
		result.next_low == outer->next_low && result.next_high == outer->next_high &&
		(outer->set_form == LINEAGE_SET_ANYTHING ||
		 (result.set_form == outer->set_form && result.set_words == outer->set_words &&
		  (outer->set_words == 0 || memcmp(result.set, outer->set, outer->set_words * sizeof(uint32)) == 0)));
	pfree(joined);
	return holds;
}
