/*
 * vxp_statistics.c - what ANALYZE keeps of lineage and document columns, unpacked
 *
 * A row of pg_statistic with a few hundred common ancestors, or a hundred
 * documents, is compressed, and to unpack it was a sixth of a small question,
 * planning and all.  The server keeps the row as it is stored, and unpacks it for
 * each estimate.
 *
 * So this session keeps what it has unpacked, known by the row that it came
 * from: the row's place and the transaction that wrote it tell whether it is
 * still the one that the system cache has, as PL handlers do with pg_proc.
 * ANALYZE writes another row, and nothing has to be told.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_statistic.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "common/vxp_statistics.h"

/* Of so many columns, and of less when they take more than so many bytes. */
#define KEPT_MAX 16
#define KEPT_BYTES (4 * 1024 * 1024)

/* What was unpacked of one row of pg_statistic; without a context the place is free. */
typedef struct KeptSlots
{
	MemoryContext context;
	Oid			relid;
	AttrNumber	attnum;
	bool		inherit;
	TransactionId xmin;
	ItemPointerData row;
	uint64		used;			/* the number of the use before */
	int			kinds[VXP_SLOTS];
	VxpSlots	slots;
} KeptSlots;

static KeptSlots kept[KEPT_MAX];
static uint64 uses = 0;

/* Unpacks the slots into the current memory context. */
static void
unpack(HeapTuple tuple, const VxpSlotKind *kinds, VxpSlots *slots)
{
	memset(slots, 0, sizeof(VxpSlots));
	for (int i = 0; i < VXP_SLOTS; i++)
		slots->found[i] = get_attstatsslot(&slots->slot[i], tuple, kinds[i].kind, InvalidOid, kinds[i].flags);
}

static void
forget(KeptSlots *place)
{
	MemoryContext context = place->context;

	place->context = NULL;
	if (context != NULL)
		MemoryContextDelete(context);
}

static bool
is_column(const KeptSlots *place, Form_pg_statistic form)
{
	return place->relid == form->starelid && place->attnum == form->staattnum && place->inherit == form->stainherit;
}

static bool
is_of(const KeptSlots *place, HeapTuple tuple, const VxpSlotKind *kinds)
{
	for (int i = 0; i < VXP_SLOTS; i++)
		if (place->kinds[i] != kinds[i].kind)
			return false;
	return is_column(place, (Form_pg_statistic) GETSTRUCT(tuple)) &&
		place->xmin == HeapTupleHeaderGetRawXmin(tuple->t_data) &&
		ItemPointerEquals((ItemPointer) &place->row, &tuple->t_self);
}

/* The place for a column: its own, a free one, or the one unused for longest; all others together stay below the limit. */
static KeptSlots *
place_for(Form_pg_statistic form)
{
	for (;;)
	{
		KeptSlots  *oldest = NULL;
		KeptSlots  *empty = NULL;
		Size		bytes = 0;

		for (int i = 0; i < KEPT_MAX; i++)
		{
			KeptSlots  *place = &kept[i];

			if (place->context == NULL)
			{
				empty = place;
				continue;
			}
			if (is_column(place, form))
			{
				forget(place);
				return place;
			}
			bytes += MemoryContextMemAllocated(place->context, false);
			if (oldest == NULL || place->used < oldest->used)
				oldest = place;
		}
		if (empty != NULL && bytes <= KEPT_BYTES)
			return empty;
		forget(oldest);
	}
}

/*
 * vxp_statistics_slots returns the slots of these kinds that the statistics of a
 * variable have; it has some.  The answer is good until the next question.
 */
const VxpSlots *
vxp_statistics_slots(const VariableStatData *variable, const VxpSlotKind *kinds)
{
	HeapTuple	tuple = variable->statsTuple;
	Form_pg_statistic form = (Form_pg_statistic) GETSTRUCT(tuple);
	KeptSlots  *place;
	MemoryContext context;
	MemoryContext caller;

	/* a row that another extension made is no row of pg_statistic, and has no place */
	if (variable->freefunc != ReleaseSysCache)
	{
		VxpSlots   *slots = palloc(sizeof(VxpSlots));

		unpack(tuple, kinds, slots);
		return slots;
	}
	for (int i = 0; i < KEPT_MAX; i++)
	{
		place = &kept[i];
		if (place->context != NULL && is_of(place, tuple, kinds))
		{
			place->used = ++uses;
			return &place->slots;
		}
	}

	/* it belongs to the caller until it is whole: an error on the way leaves nothing */
	context = AllocSetContextCreate(CurrentMemoryContext, "vxp statistics", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	place = place_for(form);
	place->relid = form->starelid;
	place->attnum = form->staattnum;
	place->inherit = form->stainherit;
	place->xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	place->row = tuple->t_self;
	for (int i = 0; i < VXP_SLOTS; i++)
		place->kinds[i] = kinds[i].kind;
	unpack(tuple, kinds, &place->slots);
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, CacheMemoryContext);
	place->context = context;
	place->used = ++uses;
	return &place->slots;
}
