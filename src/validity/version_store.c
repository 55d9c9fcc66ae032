/*
 * version_store.c - closed copies, and that no two versions overlap
 *
 * Where rows are is said by version_place.c: open ones in one table, closed
 * ones in another, or all in one partition.
 *
 * No overlap, proof.  Two open versions of a resource are kept apart by the
 * unique index on current rows.  Any other row that is stored looks, after its
 * index entries are made, at its neighbours among the closed rows, in the unique
 * index on key and begin, and, when it is closed itself, at the open row in the
 * unique index on the key; and it waits for transactions in progress that would
 * overlap with it.  Of two that are stored at the same time, one at least has
 * its entry there when the other looks, so one waits and then fails, or both
 * wait and the server finds a deadlock: exclusion constraints do the same.
 * Looking beyond a neighbour that is not committed yet is needed, since it may
 * vanish; looking beyond a committed one is not, since what overlaps with us
 * beyond it would overlap with it too.
 *
 * A table of closed rows without a block has no entries to look at: who puts the
 * first one there after our own was stored will look at ours.
 *
 * Ending a version and beginning the next replaces one interval by two that
 * cover the same instants, while the row is locked: nothing is to check.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/tupconvert.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "common/vxp_compat.h"
#include "validity/version.h"

VXP_FUNCTION(vxp_catalog_routed_rows);

/* Is it an index on current rows alone, WHERE valid_to IS NULL? */
static bool
is_on_current(const IndexInfo *info, AttrNumber valid_to)
{
	NullTest   *test;

	if (list_length(info->ii_Predicate) != 1 || !IsA(linitial(info->ii_Predicate), NullTest))
		return false;
	test = linitial_node(NullTest, info->ii_Predicate);
	return test->nulltesttype == IS_NULL && IsA(test->arg, Var) &&
		((Var *) test->arg)->varattno == valid_to;
}

/* The indexes in which closed rows have entries: all but those on current rows. */
static void
open_indexes(ResultRelInfo *target, AttrNumber valid_to)
{
	int			kept = 0;
	int			opened;

	ExecOpenIndices(target, false);
	opened = target->ri_NumIndices;
	for (int i = 0; i < opened; i++)
	{
		Relation	index = target->ri_IndexRelationDescs[i];
		IndexInfo  *info = target->ri_IndexRelationInfo[i];

		if (is_on_current(info, valid_to))
		{
			index_close(index, RowExclusiveLock);
			continue;
		}
		target->ri_IndexRelationDescs[kept] = index;
		target->ri_IndexRelationInfo[kept] = info;
		kept++;
	}
	target->ri_NumIndices = kept;
}

/*
 * What is needed to store closed rows of one table, made once for a statement:
 * a move ends 88,000 versions, and indexes keep in their IndexInfo what they
 * have prepared.  The relations are open until the memory context of the
 * trigger's state, which is the statement's, ends.  After an error they are
 * closed by their resource owner, before that memory goes.
 */
struct VersionStore
{
	MemoryContext context;
	MemoryContextCallback callback;
	ResourceOwner owner;
	Relation	closed;
	EState	   *estate;
	ResultRelInfo *target;
	TupleTableSlot *slot;
	TupleConversionMap *map;	/* from rows of the table; NULL: none is needed */
};

static void
close_store(void *arg)
{
	VersionStore *store = arg;
	ResourceOwner caller = CurrentResourceOwner;

	if (!IsTransactionState())
		return;
	CurrentResourceOwner = store->owner;
	ExecDropSingleTupleTableSlot(store->slot);
	ExecCloseIndices(store->target);
	table_close(store->closed, NoLock);
	CurrentResourceOwner = caller;
}

static VersionStore *
open_store(Relation relation, const VersionColumns *columns, MemoryContext context)
{
	MemoryContext mine = AllocSetContextCreate(context, "vxp closed versions", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(mine);
	VersionStore *store = palloc0(sizeof(VersionStore));
	Relation	closed = table_open(columns->closed, RowExclusiveLock);

	store->context = mine;
	store->owner = CurrentResourceOwner;
	store->closed = closed;
	store->estate = CreateExecutorState();
	store->map = columns->closed == RelationGetRelid(relation) ? NULL :
		convert_tuples_by_name(CreateTupleDescCopy(RelationGetDescr(relation)), CreateTupleDescCopy(RelationGetDescr(closed)));
	store->target = makeNode(ResultRelInfo);
	InitResultRelInfo(store->target, closed, 0, NULL, 0);
	open_indexes(store->target, columns->closed_to);
	store->slot = table_slot_create(closed, NULL);
	store->callback.func = close_store;
	store->callback.arg = store;
	MemoryContextRegisterResetCallback(mine, &store->callback);
	MemoryContextSwitchTo(caller);
	return store;
}

/*
 * Stores "row", of the table itself, as closed at "end".  With "check" it is a
 * row of the user's, for which the constraints of the table hold.
 */
static void
store_closed(VersionStore *store, Relation relation, const VersionColumns *columns, HeapTuple row, TimestampTz end, bool check)
{
	Relation	closed = store->closed;
	TupleDesc	desc = RelationGetDescr(closed);
	TupleTableSlot *slot = store->slot;
	EState	   *estate = store->estate;
	MemoryContext caller;

	if (store->map == NULL && RelationGetDescr(relation)->natts != desc->natts)
		elog(ERROR, "columns of \"%s\" changed", RelationGetRelationName(closed));
	ResetPerTupleExprContext(estate);
	caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));
	if (store->map != NULL)
		row = execute_attr_map_tuple(row, store->map);
	ExecClearTuple(slot);
	heap_deform_tuple(row, desc, slot->tts_values, slot->tts_isnull);
	slot->tts_values[columns->closed_to - 1] = TimestampTzGetDatum(end);
	slot->tts_isnull[columns->closed_to - 1] = false;
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(closed);
	if (desc->constr != NULL && desc->constr->has_generated_stored)
		ExecComputeStoredGenerated(store->target, estate, slot, CMD_INSERT);
	if (check && desc->constr != NULL)
		ExecConstraints(store->target, slot, estate);
	table_tuple_insert(closed, slot, GetCurrentCommandId(true), 0, NULL);
	if (store->target->ri_NumIndices > 0)
		list_free(vxp_insert_index_entries(store->target, slot, estate));
	if (check)
	{
		VersionColumns theirs = vxp_closed_columns(columns);
		HeapTuple	stored = ExecCopySlotHeapTuple(slot);

		stored->t_self = slot->tts_tid;
		vxp_version_check_neighbours(closed, &theirs, stored);
	}
	ExecClearTuple(slot);
	MemoryContextSwitchTo(caller);
}

/*
 * vxp_version_keep stores a copy of "row", which was replaced or deleted, that
 * ends at "end".  No trigger of the user's fires for it: it is what the row was
 * all along.
 */
void
vxp_version_keep(Relation relation, VersionColumns *columns, HeapTuple row, TimestampTz end)
{
	if (columns->store == NULL)
		columns->store = open_store(relation, columns, columns->context);
	store_closed(columns->store, relation, columns, row, end, false);
}

/* How many rows this session inserted by vxp_version_route: no command counts them. */
static int64 routed_rows = 0;

/* catalog_routed_rows() -> bigint, for those who need the difference */
Datum
vxp_catalog_routed_rows(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(routed_rows);
}

/* vxp_version_route stores a row that has ended, and was to be inserted among the current ones, where it belongs. */
void
vxp_version_route(Relation relation, VersionColumns *columns, HeapTuple row, TimestampTz end)
{
	VersionStore *store = open_store(relation, columns, CurrentMemoryContext);

	store_closed(store, relation, columns, row, end, true);
	MemoryContextDelete(store->context);
	routed_rows++;
}

/*
 * The unique btree on key and begin or, among current rows that are alone in
 * their table, on the key; an error when it was dropped.
 */
static Relation
open_neighbours(Relation relation, const VersionColumns *columns)
{
	bool		alone = columns->closed != columns->current && RelationGetRelid(relation) == columns->current;
	AttrNumber	key = alone ? columns->current_key : columns->closed_key;
	AttrNumber	from = columns->closed_from;
	List	   *indexes = RelationGetIndexList(relation);
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		Form_pg_index form = index->rd_index;

		/* behind key and begin a partition's index has what decided the partition */
		if (form->indisunique && form->indisvalid && (alone ? form->indnkeyatts == 1 : form->indnkeyatts >= 2) &&
			index->rd_rel->relam == BTREE_AM_OID && form->indkey.values[0] == key &&
			(alone || form->indkey.values[1] == from) && RelationGetIndexPredicate(index) == NIL)
		{
			list_free(indexes);
			return index;
		}
		index_close(index, AccessShareLock);
	}
	if (alone)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no unique index on its identifiers", RelationGetRelationName(relation)),
				 errhint("CREATE UNIQUE INDEX ON %s (%s).", RelationGetRelationName(relation),
						 NameStr(TupleDescAttr(RelationGetDescr(relation), key - 1)->attname))));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\" has no unique index on its identifiers and the begin of their versions",
					RelationGetRelationName(relation)),
			 errhint("CREATE UNIQUE INDEX ON %s (%s, %s).", RelationGetRelationName(relation),
					 NameStr(TupleDescAttr(RelationGetDescr(relation), key - 1)->attname),
					 NameStr(TupleDescAttr(RelationGetDescr(relation), from - 1)->attname))));
}

static void
set_scan_key(ScanKey key, Relation index, int column, StrategyNumber strategy, Datum value)
{
	Oid			type = index->rd_opcintype[column];
	Oid			operator = get_opfamily_member(index->rd_opfamily[column], type, type, strategy);

	ScanKeyEntryInitialize(key, 0, column + 1, strategy, InvalidOid,
						   index->rd_indcollation[column], get_opcode(operator), value);
}

/* Waits for the transaction that the last row of a dirty scan depends on. */
static void
wait_for(TransactionId xid, uint32 token, Relation relation, ItemPointer row)
{
	if (token != 0)
		SpeculativeInsertionWait(xid, token);
	else
		XactLockTableWait(xid, relation, row, XLTW_RecheckExclusionConstr);
}

/*
 * "found" overlaps.  A version that begins now by itself, and overlaps with one
 * that the statement could not see, was overtaken: the same statement does
 * something else when it is run again.
 */
static void
raise_overlap(const VersionColumns *columns, HeapTuple row, TupleDesc desc,
			  VersionInterval mine, VersionInterval theirs, TupleTableSlot *found)
{
	bool		isnull;
	TransactionId stored = DatumGetTransactionId(slot_getsysattr(found, MinTransactionIdAttributeNumber, &isnull));
	bool		overtaken = TIMESTAMP_IS_NOEND(mine.to) && mine.from >= GetCurrentTransactionStartTimestamp() &&
		!TransactionIdIsCurrentTransactionId(stored) && XidInMVCCSnapshot(stored, GetActiveSnapshot());

	ereport(ERROR,
			(errcode(overtaken ? ERRCODE_T_R_SERIALIZATION_FAILURE : ERRCODE_EXCLUSION_VIOLATION),
			 errmsg("versions of \"%s\" would overlap", vxp_row_key(columns, row, desc)),
			 errdetail("%s overlaps with %s, which exists.", vxp_interval_text(mine), vxp_interval_text(theirs)),
			 overtaken ? errhint("Another session began and ended this version meanwhile. The transaction might succeed if retried.") : 0));
}

/* A version that is being stored. */
typedef struct StoredVersion
{
	Relation	relation;		/* where it is */
	HeapTuple	row;
	const VersionColumns *columns;	/* of that table */
	Datum		key;
	VersionInterval interval;
} StoredVersion;

/*
 * Looks in one table for versions that overlap, from the begin in one
 * direction; in an index on the key alone, at all.  False: it waited, look again.
 */
static bool
check_direction(const StoredVersion *mine, Relation relation, Relation index, AttrNumber valid_from, AttrNumber valid_to,
				ScanDirection direction)
{
	bool		by_begin = index->rd_index->indnkeyatts > 1;
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	SnapshotData dirty;
	ScanKeyData keys[2];
	IndexScanDesc scan;
	bool		isnull;
	TransactionId wait = InvalidTransactionId;
	uint32		token = 0;
	ItemPointerData place;

	InitDirtySnapshot(dirty);
	set_scan_key(&keys[0], index, 0, BTEqualStrategyNumber, mine->key);
	if (by_begin)
		set_scan_key(&keys[1], index, 1, ScanDirectionIsForward(direction) ? BTGreaterStrategyNumber : BTLessEqualStrategyNumber,
					 TimestampTzGetDatum(mine->interval.from));
	scan = vxp_index_beginscan(relation, index, &dirty, by_begin ? 2 : 1);
	index_rescan(scan, keys, by_begin ? 2 : 1, NULL, 0);
	while (index_getnext_slot(scan, direction, slot))
	{
		VersionInterval theirs;
		bool		open;

		CHECK_FOR_INTERRUPTS();
		if (RelationGetRelid(relation) == RelationGetRelid(mine->relation) &&
			ItemPointerEquals(&slot->tts_tid, &mine->row->t_self))
			continue;
		theirs.from = DatumGetTimestampTz(slot_getattr(slot, valid_from, &isnull));
		theirs.to = DatumGetTimestampTz(slot_getattr(slot, valid_to, &open));
		if (open)
			theirs.to = DT_NOEND;
		if (vxp_intervals_overlap(mine->interval, theirs))
		{
			wait = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
			token = TransactionIdIsValid(dirty.xmin) ? dirty.speculativeToken : 0;
			place = slot->tts_tid;
			if (!TransactionIdIsValid(wait))
				raise_overlap(mine->columns, mine->row, RelationGetDescr(mine->relation), mine->interval, theirs, slot);
			break;
		}
		if (by_begin && !TransactionIdIsValid(dirty.xmin))
			break;
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	if (!TransactionIdIsValid(wait))
		return true;
	wait_for(wait, token, relation, &place);
	return false;
}

/* Looks among the closed rows; false as above. */
static bool
check_closed(const StoredVersion *mine, Relation closed)
{
	const VersionColumns *columns = mine->columns;
	Relation	index;
	bool		apart = columns->closed != columns->current;
	AttrNumber	from = columns->closed_from;
	AttrNumber	to = columns->closed_to;
	bool		done;

	if (apart && RelationGetNumberOfBlocks(closed) == 0)
		return true;
	index = open_neighbours(closed, columns);
	done = check_direction(mine, closed, index, from, to, BackwardScanDirection) &&
		check_direction(mine, closed, index, from, to, ForwardScanDirection);
	index_close(index, AccessShareLock);
	return done;
}

/* Looks at the current row, which is alone in its table; false as above. */
static bool
check_current(const StoredVersion *mine, Relation current)
{
	Relation	index = open_neighbours(current, mine->columns);
	bool		done = check_direction(mine, current, index, mine->columns->current_from, mine->columns->current_to,
									   ForwardScanDirection);

	index_close(index, AccessShareLock);
	return done;
}

/* vxp_version_check_neighbours raises 23P01 when a stored row overlaps with another version. */
void
vxp_version_check_neighbours(Relation relation, const VersionColumns *columns, HeapTuple row)
{
	bool		isnull;
	StoredVersion mine = {relation, row, columns};
	bool		is_closed = RelationGetRelid(relation) == columns->closed;
	Relation	other = NULL;

	mine.key = heap_getattr(row, columns->key, RelationGetDescr(relation), &isnull);
	mine.interval = vxp_row_interval(columns, row, RelationGetDescr(relation));
	if (columns->closed != columns->current)
		other = table_open(is_closed ? columns->current : columns->closed, AccessShareLock);
	while (!check_closed(&mine, is_closed ? relation : other) ||
		   (is_closed && other != NULL && !check_current(&mine, other)))
		CHECK_FOR_INTERRUPTS();
	if (other != NULL)
		table_close(other, AccessShareLock);
}

/*
 * vxp_version_is_open says whether the statement saw an open version of the
 * resource that "row" of the table "closed" is an old version of.
 */
bool
vxp_version_is_open(Relation closed, const VersionColumns *columns, HeapTuple row)
{
	Relation	current = table_open(columns->current, AccessShareLock);
	Relation	index = open_neighbours(current, columns);
	TupleTableSlot *slot = table_slot_create(current, NULL);
	ScanKeyData key;
	IndexScanDesc scan;
	bool		isnull;
	bool		found;

	set_scan_key(&key, index, 0, BTEqualStrategyNumber, heap_getattr(row, columns->key, RelationGetDescr(closed), &isnull));
	scan = vxp_index_beginscan(current, index, GetActiveSnapshot(), 1);
	index_rescan(scan, &key, 1, NULL, 0);
	found = index_getnext_slot(scan, ForwardScanDirection, slot);
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	table_close(current, AccessShareLock);
	return found;
}

/*
 * Locks the open version in "slot" as the UPDATE of an upsert will, so that
 * nobody ends it before; false: it has gone or changed.  A weaker lock, which
 * two could have, would make a deadlock of two upserts and an end.
 */
static bool
hold_open(Relation relation, TupleTableSlot *slot)
{
	ItemPointerData place = slot->tts_tid;
	TM_FailureData failure;
	TM_Result	result = table_tuple_lock(relation, &place, GetActiveSnapshot(), slot, GetCurrentCommandId(false),
										  LockTupleNoKeyExclusive, LockWaitBlock, 0, &failure);

	return result != TM_Updated && result != TM_Deleted;
}

/*
 * The end of the last version of "key" in one table, or "from" when that is
 * later.  An open one is held: an upsert that finds it here finds it again.
 */
static TimestampTz
end_of_last(Relation relation, const VersionColumns *columns, AttrNumber valid_to, Datum key, TimestampTz from)
{
	Relation	index = open_neighbours(relation, columns);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	bool		isnull;
	bool		again = true;

	while (again)
	{
		SnapshotData dirty;
		ScanKeyData scan_key;
		IndexScanDesc scan;
		bool		found;
		TransactionId wait = InvalidTransactionId;

		CHECK_FOR_INTERRUPTS();
		again = false;
		isnull = false;
		InitDirtySnapshot(dirty);
		set_scan_key(&scan_key, index, 0, BTEqualStrategyNumber, key);
		scan = vxp_index_beginscan(relation, index, &dirty, 1);
		index_rescan(scan, &scan_key, 1, NULL, 0);
		found = index_getnext_slot(scan, BackwardScanDirection, slot);
		if (found)
		{
			TimestampTz end = DatumGetTimestampTz(slot_getattr(slot, valid_to, &isnull));

			if (isnull ? TransactionIdIsValid(dirty.xmax) : end > from && TransactionIdIsValid(dirty.xmin))
				wait = isnull ? dirty.xmax : dirty.xmin;
			else if (!isnull && end > from)
				from = end;
		}
		index_endscan(scan);
		if (TransactionIdIsValid(wait))
		{
			ItemPointerData place = slot->tts_tid;

			ExecClearTuple(slot);
			wait_for(wait, 0, relation, &place);
			again = true;
		}
		else if (found && isnull && !TransactionIdIsValid(dirty.xmin))
			again = !hold_open(relation, slot);
	}
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	return from;
}

/*
 * vxp_version_after_last returns when a version may begin that begins now: at
 * "from", or where the last version ends, if a transaction that began later
 * has ended it already.  An open one is left to the unique index, which ON
 * CONFLICT needs.
 */
TimestampTz
vxp_version_after_last(Relation relation, const VersionColumns *columns, HeapTuple row, TimestampTz from)
{
	bool		isnull;
	Datum		key = heap_getattr(row, columns->key, RelationGetDescr(relation), &isnull);
	bool		apart = columns->closed != columns->current;

	if (isnull)
		return from;
	/* who is ending the open one is waited for, and has stored the closed one then */
	from = end_of_last(relation, columns, columns->valid_to, key, from);
	if (apart && RelationGetRelid(relation) != columns->closed)
	{
		Relation	closed = table_open(columns->closed, AccessShareLock);

		if (RelationGetNumberOfBlocks(closed) > 0)
			from = end_of_last(closed, columns, columns->closed_to, key, from);
		table_close(closed, AccessShareLock);
	}
	return from;
}
