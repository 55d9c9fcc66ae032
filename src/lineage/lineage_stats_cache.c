/*
 * lineage_stats_cache.c - what the statistics of lineage columns say, unpacked
 *
 * A row of pg_statistic with a few hundred common ancestors is compressed, and
 * to unpack it was a sixth of a small question, planning and all.  The server
 * keeps the row as it is stored, and unpacks it for each estimate.
 *
 * So this session keeps what it has unpacked, known by the row that it came
 * from: the row's place and the transaction that wrote it tell whether it is
 * still the one that the system cache has, as PL handlers do with pg_proc.
 * ANALYZE writes another row, and nothing has to be told.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "lineage/lineage_stats.h"

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
	LineageSlots slots;
} KeptSlots;

static KeptSlots kept[KEPT_MAX];
static uint64 uses = 0;

/* Unpacks both slots into the current memory context; one of another making is none of ours. */
static void
unpack(HeapTuple tuple, LineageSlots *slots)
{
	memset(slots, 0, sizeof(LineageSlots));
	slots->has_common = get_attstatsslot(&slots->common, tuple, STATISTIC_KIND_MCELEM,
										 InvalidOid, ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS) &&
		slots->common.nnumbers >= slots->common.nvalues;
	slots->has_types = get_attstatsslot(&slots->types, tuple, LINEAGE_STATISTIC_KIND,
										InvalidOid, ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS) &&
		slots->types.nnumbers == slots->types.nvalues * LINEAGE_TYPE_NUMBERS;
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
is_of(const KeptSlots *place, HeapTuple tuple)
{
	return place->xmin == HeapTupleHeaderGetRawXmin(tuple->t_data) &&
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
			if (place->relid == form->starelid && place->attnum == form->staattnum && place->inherit == form->stainherit)
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
 * vxp_lineage_slots returns what the statistics of a lineage column keep; the
 * variable has some.  The answer is good until the next question.
 */
const LineageSlots *
vxp_lineage_slots(const VariableStatData *variable)
{
	HeapTuple	tuple = variable->statsTuple;
	Form_pg_statistic form = (Form_pg_statistic) GETSTRUCT(tuple);
	KeptSlots  *place;
	MemoryContext context;
	MemoryContext caller;

	/* a row that another extension made is no row of pg_statistic, and has no place */
	if (variable->freefunc != ReleaseSysCache)
	{
		LineageSlots *slots = palloc(sizeof(LineageSlots));

		unpack(tuple, slots);
		return slots;
	}
	for (int i = 0; i < KEPT_MAX; i++)
	{
		place = &kept[i];
		if (place->context != NULL && place->relid == form->starelid && place->attnum == form->staattnum &&
			place->inherit == form->stainherit && is_of(place, tuple))
		{
			place->used = ++uses;
			return &place->slots;
		}
	}

	/* it belongs to the caller until it is whole: an error on the way leaves nothing */
	context = AllocSetContextCreate(CurrentMemoryContext, "vxp lineage statistics", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	place = place_for(form);
	place->relid = form->starelid;
	place->attnum = form->staattnum;
	place->inherit = form->stainherit;
	place->xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	place->row = tuple->t_self;
	unpack(tuple, &place->slots);
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, CacheMemoryContext);
	place->context = context;
	place->used = ++uses;
	return &place->slots;
}
