/*
 * lineage_gist.c - GiST support functions of the lineage type
 *
 * Two operator classes share them: gist_lineage_ops keeps the marks of a path
 * in its leaves, gist_lineage_full_ops the value too, and so can return it.
 * lineage_gist.h states what a key means, lineage_gist_rules.c proves what it
 * rules out, lineage_gist_question.c asks; here are the choices that cost time,
 * not rows: where a new row goes, and where a page is cut.
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "access/gist_private.h"
#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/sortsupport.h"

#include "lineage/lineage_gist.h"
#include "lineage/lineage_index.h"

/* bytes of a page that tuples and their line pointers share */
#define PAGE_ROOM ((Size) (BLCKSZ - SizeOfPageHeaderData - sizeof(GISTPageOpaqueData)))

/* A split leaves at least this share of the bytes on each side. */
#define SPLIT_MIN_SHARE 0.3

/* A full value must leave room for three more on its page. */
#define FULL_KEY_MAX (GISTMaxIndexKeySize - 64)

VXP_FUNCTION(vxp_lineage_gist_compress);
VXP_FUNCTION(vxp_lineage_gist_full_compress);
VXP_FUNCTION(vxp_lineage_gist_full_fetch);
VXP_FUNCTION(vxp_lineage_gist_union);
VXP_FUNCTION(vxp_lineage_gist_same);
VXP_FUNCTION(vxp_lineage_gist_penalty);
VXP_FUNCTION(vxp_lineage_gist_picksplit);
VXP_FUNCTION(vxp_lineage_gist_sortsupport);

/* leaf_entry replaces the value of a leaf entry by a key. */
static GISTENTRY *
leaf_entry(GISTENTRY *entry, bool keep_value)
{
	struct varlena *value;
	GISTENTRY  *result;
	LineageKey *key;

	if (!entry->leafkey)
		return entry;
	value = PG_DETOAST_DATUM_PACKED(entry->key);
	key = vxp_lineage_key_make(value, keep_value);
	if (keep_value && VARSIZE(key) > FULL_KEY_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("lineage of %zu bytes is too long for an index that keeps the value",
						(Size) VARSIZE_ANY_EXHDR(value)),
				 errdetail("The index entry has %zu bytes; at most %zu fit.",
						   (Size) VARSIZE(key), (Size) FULL_KEY_MAX),
				 errhint("Use the operator class gist_lineage_ops, which indexes a lineage of any size.")));
	if ((Pointer) value != DatumGetPointer(entry->key))
		pfree(value);
	result = palloc(sizeof(GISTENTRY));
	gistentryinit(*result, PointerGetDatum(key), entry->rel, entry->page, entry->offset, false);
	return result;
}

/* lineage_gist_compress(internal) -> internal: the marks of a value */
Datum
vxp_lineage_gist_compress(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(leaf_entry((GISTENTRY *) PG_GETARG_POINTER(0), false));
}

/* lineage_gist_full_compress(internal) -> internal: the marks of a value and the value */
Datum
vxp_lineage_gist_full_compress(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(leaf_entry((GISTENTRY *) PG_GETARG_POINTER(0), true));
}

/* lineage_gist_full_fetch(internal) -> internal: the value in a leaf key */
Datum
vxp_lineage_gist_full_fetch(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	GISTENTRY  *result = palloc(sizeof(GISTENTRY));
	struct varlena *value;

	vxp_lineage_key_value(DatumGetLineageKey(entry->key), &value);
	gistentryinit(*result, PointerGetDatum(value), entry->rel, entry->page, entry->offset, false);
	PG_RETURN_POINTER(result);
}

/* lineage_gist_union(internal, internal) -> lineage_gist_key */
Datum
vxp_lineage_gist_union(PG_FUNCTION_ARGS)
{
	GistEntryVector *entries = (GistEntryVector *) PG_GETARG_POINTER(0);
	int		   *size = (int *) PG_GETARG_POINTER(1);
	LineageBound *bounds = palloc(entries->n * sizeof(LineageBound));
	LineageKey *key;

	for (int i = 0; i < entries->n; i++)
		vxp_lineage_key_decode(DatumGetLineageKey(entries->vector[i].key), &bounds[i]);

	/* an insertion asks at each level whether the key must grow: mostly not */
	if (entries->n == 2 && vxp_lineage_bound_holds_path(&bounds[0], &bounds[1]))
	{
		const LineageKey *old = DatumGetLineageKey(entries->vector[0].key);

		key = palloc(VARSIZE(old));
		memcpy(key, old, VARSIZE(old));
	}
	else
		key = vxp_lineage_key_union(bounds, entries->n);
	pfree(bounds);
	*size = VARSIZE(key);
	PG_RETURN_POINTER(key);
}

/* lineage_gist_same(lineage_gist_key, lineage_gist_key, internal) -> internal */
Datum
vxp_lineage_gist_same(PG_FUNCTION_ARGS)
{
	const LineageKey *a = DatumGetLineageKey(PG_GETARG_DATUM(0));
	const LineageKey *b = DatumGetLineageKey(PG_GETARG_DATUM(1));
	bool	   *result = (bool *) PG_GETARG_POINTER(2);

	/* sets are sorted and without duplicates, so equal keys have equal bytes */
	*result = VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
	PG_RETURN_POINTER(result);
}

/*
 * lineage_gist_penalty(internal, internal, internal) -> internal
 *
 * A row belongs to the entry that already holds most of its ancestors, counted
 * from the root without a gap: each one more is worth more than whatever the
 * entry has to give up.  Then, in this order: the fewest levels lost from the
 * prefix, the least growth of the interval (by its number of bits), the
 * fewest new marks in the set.
 */
Datum
vxp_lineage_gist_penalty(PG_FUNCTION_ARGS)
{
	GISTENTRY  *old_entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	GISTENTRY  *new_entry = (GISTENTRY *) PG_GETARG_POINTER(1);
	float	   *penalty = (float *) PG_GETARG_POINTER(2);
	LineageBound old_bound;
	LineageBound new_bound;
	int			shared = 0;
	int			known;
	int			lost;
	int			growth_bits = 0;
	int			new_marks = 0;
	int			limit;

	vxp_lineage_key_decode(DatumGetLineageKey(old_entry->key), &old_bound);
	vxp_lineage_key_decode(DatumGetLineageKey(new_entry->key), &new_bound);

	limit = Min(old_bound.prefix_length, new_bound.prefix_length);
	while (shared < limit && old_bound.prefix[shared] == new_bound.prefix[shared])
		shared++;
	lost = old_bound.prefix_length - shared;
	known = shared;
	if (shared < new_bound.prefix_length)
	{
		uint64		next = mark_pair(new_bound.prefix[shared],
									 shared + 1 < new_bound.prefix_length ? new_bound.prefix[shared + 1] : 0);
		uint64		growth = 0;

		if (lost > 0)
		{
			uint64		old = mark_pair(old_bound.prefix[shared], lost > 1 ? old_bound.prefix[shared + 1] : 0);

			growth = Max(next, old) - Min(next, old);
		}
		else if (old_bound.max_depth > shared)
			growth = next < old_bound.next_low ? old_bound.next_low - next :
				next > old_bound.next_high ? next - old_bound.next_high : 0;
		else
			growth = PG_UINT64_MAX;
		if (growth > 0)
			growth_bits = pg_leftmost_one_pos64(growth) + 1;

		/*
		 * A path outside the interval shares no more than the prefix, or as
		 * good as that.  Inside, the set tells; "anything" tells one mark.
		 */
		if (growth > 0 || lost > 0)
			new_marks = new_bound.prefix_length - 1 - shared;
		else if (old_bound.set_form == LINEAGE_SET_ANYTHING)
			known++;
		else
			for (int i = shared; i < new_bound.prefix_length - 1; i++)
			{
				if (!vxp_lineage_set_may_hold(&old_bound, new_bound.prefix[i]))
					new_marks++;
				else if (new_marks == 0)
					known++;
			}
	}

	/* 5 + 4 + 7 + 8 bits: what a float holds exactly */
	*penalty = (float) (((31 - Min(known, 31)) << 19) | (Min(lost, 15) << 15) |
						(growth_bits << 8) | Max(0, Min(new_marks, 255)));
	PG_RETURN_POINTER(penalty);
}

/* An entry of a page being split. */
typedef struct SplitEntry
{
	LineageBound bound;
	OffsetNumber offset;
	Size		size;			/* bytes on the page, with line pointer */
	ItemPointerData row;		/* of an index of one column; see row_of */
} SplitEntry;

static int
cmp_split_entry(const void *a, const void *b)
{
	const SplitEntry *x = a;
	const SplitEntry *y = b;
	int			result = vxp_lineage_bound_cmp(&x->bound, &y->bound);

	return result ? result : (int) x->offset - (int) y->offset;
}

/*
 * row_of returns the place in the table of the row of a leaf entry (of an inner
 * entry the page below it) in an index of one column.
 *
 * Which rows share a page is for the order of paths to say; but on the page they
 * should stand as in the table, since a plain index scan fetches them in that
 * order, and by the hashes of siblings would visit each page of the table again
 * and again.  The server hands a split keys and not rows, but does so where they
 * lie: index_getattr points into the index tuple, the classes have no decompress
 * function that would copy the key, and the key of a first column without a null
 * beside it follows the tuple's header.  A tuple of another size is none; then,
 * as for anything misread here, the order costs time, never a row.
 */
static ItemPointerData
row_of(const LineageKey *key)
{
	IndexTuple	tuple = (IndexTuple) ((char *) key - MAXALIGN(sizeof(IndexTupleData)));
	ItemPointerData none;

	if (IndexTupleSize(tuple) == MAXALIGN(MAXALIGN(sizeof(IndexTupleData)) + VARSIZE(key)) &&
		!IndexTupleHasNulls(tuple))
		return tuple->t_tid;
	ItemPointerSetInvalid(&none);
	return none;
}

/* An entry of a page to be ordered. */
typedef struct PageEntry
{
	ItemPointerData row;
	OffsetNumber offset;
} PageEntry;

static int
cmp_page_entry(const void *a, const void *b)
{
	const PageEntry *x = a;
	const PageEntry *y = b;
	int			result = ItemPointerCompare((ItemPointer) &x->row, (ItemPointer) &y->row);

	return result ? result : (int) x->offset - (int) y->offset;
}

/*
 * put_side writes the offsets of one side: ordered as the table is if they make
 * one page, by paths if they are for several, which come back for another split.
 */
static void
put_side(const SplitEntry *entries, int count, bool one_column, OffsetNumber *offsets)
{
	PageEntry  *page;
	Size		total = 0;

	for (int i = 0; i < count; i++)
	{
		offsets[i] = entries[i].offset;
		total += entries[i].size;
	}
	if (!one_column || total > PAGE_ROOM)
		return;
	page = palloc(count * sizeof(PageEntry));
	for (int i = 0; i < count; i++)
	{
		page[i].row = entries[i].row;
		page[i].offset = entries[i].offset;
	}
	qsort(page, count, sizeof(PageEntry), cmp_page_entry);
	for (int i = 0; i < count; i++)
		offsets[i] = page[i].offset;
	pfree(page);
}

/* The mark of the greatest path of a bound at a position, as far as it is known. */
static inline bool
high_mark(const LineageBound *bound, int position, uint32 *mark)
{
	if (position < bound->prefix_length)
		*mark = bound->prefix[position];
	else if (position == bound->prefix_length && bound->max_depth > position)
		*mark = (uint32) (bound->next_high >> 32);
	else if (position == bound->prefix_length + 1 && bound->max_depth > position)
		*mark = (uint32) bound->next_high;
	else
		return false;
	return true;
}

/*
 * cut_level returns how many leading marks the last path of the left and the
 * first of the right entry share, or the depth at which the entries overlap:
 * the depth of the ancestor that a cut between them would tear.
 */
static int
cut_level(const LineageBound *left, const LineageBound *right)
{
	int			level = 0;
	uint32		a;
	uint32		b;

	while (high_mark(left, level, &a) && vxp_lineage_low_mark(right, level, &b))
	{
		if (a < b)
			return level;
		level++;
		if (a > b)
			return level;
	}
	return level;
}

/*
 * choose_cut returns how many of the sorted entries go left, at least one and
 * not all.  Of the cuts in a window it takes one at the shallowest level, and
 * of these the one nearest to the middle of the window.
 *
 * The window is around the middle.  A sorted build hands over several pages
 * together: there it is narrowed to cuts that need no page more than the bytes
 * do (of "room" each), since a cut beside it would leave pages half empty.  With
 * more columns ("room" is 0) the keys do not tell the size of a tuple, and the
 * window is just the middle.
 */
static int
choose_cut(const SplitEntry *entries, int count, Size room)
{
	Size		total = 0;
	Size		left = 0;
	double		low;
	double		high;
	double		middle;
	int			best = 0;
	int			best_level = INT_MAX;
	double		best_distance = 0;

	for (int i = 0; i < count; i++)
		total += entries[i].size;
	low = total * SPLIT_MIN_SHARE;
	high = total - low;
	if (room > 0)
	{
		int			pages = (total + room - 1) / room;

		if (pages >= 2)
		{
			low = Max(low, (double) total - (pages - pages / 2) * (double) room);
			high = Min(high, (pages / 2) * (double) room);
		}
	}
	else
	{
		low = total * 0.45;
		high = total - low;
	}
	middle = (low + high) / 2;

	for (int i = 1; i < count; i++)
	{
		int			level;
		double		distance;

		left += entries[i - 1].size;
		distance = fabs(left - middle);
		if (left >= low && left <= high)
			level = cut_level(&entries[i - 1].bound, &entries[i].bound);
		else
			level = INT_MAX;	/* no entry ends in the window: nearest to it */
		if (best == 0 || level < best_level || (level == best_level && distance < best_distance))
		{
			best = i;
			best_level = level;
			best_distance = distance;
		}
	}
	return best;
}

/*
 * page_room is how much of a page a sorted build fills: what the index says with
 * fillfactor, but all of it if it says nothing.  The server's build leaves that to
 * the split, which it calls for every four pages.
 */
static Size
page_room(Relation index)
{
	GiSTOptions *options = (GiSTOptions *) index->rd_options;

	return options != NULL ? PAGE_ROOM * options->fillfactor / 100 : PAGE_ROOM;
}

/* A page with as many entries for each path, on average, is split by the next column. */
#define SPLIT_ENTRIES_PER_PATH 3

/*
 * In an index on (lineage, range) a page collects the versions of few resources,
 * all of time on each page.  Who asks about an instant then reads the pages of
 * all times, so that from a few versions of each on, the page is split by time.
 * Keys that are equal on both sides tell the server to do so (gistsplit.c); it
 * makes the keys of both sides anew.
 */
static bool
split_by_next_column(const LineageBound *bounds, int count)
{
	int			paths = 1;

	for (int i = 1; i < count; i++)
		if (vxp_lineage_bound_cmp(&bounds[i - 1], &bounds[i]) != 0)
			paths++;
	return count >= paths * SPLIT_ENTRIES_PER_PATH;
}

/* lineage_gist_picksplit(internal, internal) -> internal */
Datum
vxp_lineage_gist_picksplit(PG_FUNCTION_ARGS)
{
	GistEntryVector *entryvec = (GistEntryVector *) PG_GETARG_POINTER(0);
	GIST_SPLITVEC *v = (GIST_SPLITVEC *) PG_GETARG_POINTER(1);
	int			count = entryvec->n - 1;
	Relation	index = entryvec->vector[FirstOffsetNumber].rel;
	SplitEntry *entries = palloc(count * sizeof(SplitEntry));
	LineageBound *bounds = palloc(count * sizeof(LineageBound));
	bool		one_column = index != NULL && IndexRelationGetNumberOfAttributes(index) == 1;
	bool		by_next;
	int			cut;

	if (count < 2)
		elog(ERROR, "cannot split %d index entries", count);
	for (int i = 0; i < count; i++)
	{
		const LineageKey *key = DatumGetLineageKey(entryvec->vector[i + 1].key);

		vxp_lineage_key_decode(key, &entries[i].bound);
		entries[i].offset = i + 1;
		if (one_column)
			entries[i].row = row_of(key);
		entries[i].size = MAXALIGN(sizeof(IndexTupleData) + VARSIZE(key)) + sizeof(ItemIdData);
	}
	qsort(entries, count, sizeof(SplitEntry), cmp_split_entry);
	cut = choose_cut(entries, count, one_column ? page_room(index) : 0);
	for (int i = 0; i < count; i++)
		bounds[i] = entries[i].bound;
	by_next = !one_column && split_by_next_column(bounds, count);

	v->spl_left = palloc((count + 1) * sizeof(OffsetNumber));
	v->spl_right = palloc((count + 1) * sizeof(OffsetNumber));

	v->spl_nleft = cut;
	v->spl_nright = count - cut;
	v->spl_ldatum = PointerGetDatum(vxp_lineage_key_union(bounds, by_next ? count : cut));
	v->spl_rdatum = by_next ? v->spl_ldatum : PointerGetDatum(vxp_lineage_key_union(bounds + cut, count - cut));

	put_side(entries, cut, one_column, v->spl_left);
	put_side(entries + cut, count - cut, one_column, v->spl_right);
	pfree(entries);
	pfree(bounds);
	PG_RETURN_POINTER(v);
}

static int
compare_keys(Datum a, Datum b, SortSupport ssup)
{
	LineageBound x;
	LineageBound y;

	vxp_lineage_key_decode(DatumGetLineageKey(a), &x);
	vxp_lineage_key_decode(DatumGetLineageKey(b), &y);
	return vxp_lineage_bound_cmp(&x, &y);
}

#if SIZEOF_DATUM == 8
/* The first two marks of the order of the index; a missing one sorts first. */
static Datum
abbreviate_key(Datum original, SortSupport ssup)
{
	const LineageKey *key = DatumGetLineageKey(original);
	LineageBound bound;
	uint64		result = 0;

	vxp_lineage_key_decode(key, &bound);
	if (bound.prefix_length > 0)
		result = (uint64) bound.prefix[0] << 32;
	if (bound.prefix_length > 1)
		result |= bound.prefix[1];
	return (Datum) result;
}

static int
compare_abbreviated(Datum a, Datum b, SortSupport ssup)
{
	return (a > b) - (a < b);
}

/* Two marks in place of a pointer never cost more than they save. */
static bool
never_abort(int memtupcount, SortSupport ssup)
{
	return false;
}
#endif

/* lineage_gist_sortsupport(internal) -> void: the order of the index, for a sorted build */
Datum
vxp_lineage_gist_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = compare_keys;
#if SIZEOF_DATUM == 8
	if (ssup->abbreviate)
	{
		ssup->comparator = compare_abbreviated;
		ssup->abbrev_converter = abbreviate_key;
		ssup->abbrev_abort = never_abort;
		ssup->abbrev_full_comparator = compare_keys;
	}
#endif
	PG_RETURN_VOID();
}
