/*
 * version_store.c - closed copies, and that no two versions overlap
 *
 * No overlap, proof.  Two open versions of a resource are kept apart by the
 * unique index on current rows.  Any other row that is stored looks, after its
 * index entries are made, at its neighbours in the unique index on key and
 * begin, and waits for transactions in progress that would overlap with it.
 * Of two that are stored at the same time, one at least has its entry there
 * when the other looks, so one waits and then fails, or both wait and the
 * server finds a deadlock: exclusion constraints do the same.  Looking beyond
 * a neighbour that is not committed yet is needed, since it may vanish; looking
 * beyond a committed one is not, since what overlaps with us beyond it would
 * overlap with it too.
 *
 * Ending a version and beginning the next replaces one interval by two that
 * cover the same instants, while the row is locked: nothing is to check.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "common/vxp_compat.h"
#include "validity/version.h"

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

/* Makes the entries of a stored row that is closed in all indexes but those on current rows. */
static void
insert_index_entries(ResultRelInfo *target, EState *estate, TupleTableSlot *slot, AttrNumber valid_to)
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
	if (kept > 0)
		list_free(vxp_insert_index_entries(target, slot, estate));
	ExecCloseIndices(target);
}

/*
 * A reference of the user's to another table holds for what is kept, too: the
 * row referred to is locked, as if the copy had been inserted by a statement.
 */
static void
check_references(Relation relation, ItemPointer place)
{
	TriggerDesc *triggers = relation->trigdesc;
	TupleTableSlot *stored = NULL;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];
		LOCAL_FCINFO(fcinfo, 0);
		TriggerData data;
		FmgrInfo	function;

		if (trigger->tgfoid != F_RI_FKEY_CHECK_INS || trigger->tgenabled == TRIGGER_DISABLED)
			continue;
		if (stored == NULL)
		{
			stored = table_slot_create(relation, NULL);
			if (!table_tuple_fetch_row_version(relation, place, SnapshotSelf, stored))
				elog(ERROR, "a closed copy is not there");
		}
		memset(&data, 0, sizeof(data));
		data.type = T_TriggerData;
		data.tg_event = TRIGGER_EVENT_INSERT | TRIGGER_EVENT_ROW | TRIGGER_EVENT_AFTER;
		data.tg_relation = relation;
		data.tg_trigger = trigger;
		data.tg_trigslot = stored;
		data.tg_trigtuple = ExecFetchSlotHeapTuple(stored, false, NULL);
		fmgr_info(trigger->tgfoid, &function);
		InitFunctionCallInfoData(*fcinfo, &function, 0, InvalidOid, (Node *) &data, NULL);
		(void) FunctionCallInvoke(fcinfo);
	}
	if (stored != NULL)
		ExecDropSingleTupleTableSlot(stored);
}

/*
 * vxp_version_keep inserts a copy of "row", which was replaced or deleted, that
 * ends at "end".  No trigger of the user's fires for it: it is what the row was
 * all along.
 */
void
vxp_version_keep(Relation relation, const VersionColumns *columns, HeapTuple row, TimestampTz end)
{
	TupleDesc	desc = RelationGetDescr(relation);
	EState	   *estate = CreateExecutorState();
	MemoryContext caller = MemoryContextSwitchTo(estate->es_query_cxt);
	ResultRelInfo *target = makeNode(ResultRelInfo);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	AttrNumber	to = columns->valid_to;

	InitResultRelInfo(target, relation, 0, NULL, 0);
	ExecClearTuple(slot);
	heap_deform_tuple(row, desc, slot->tts_values, slot->tts_isnull);
	slot->tts_values[to - 1] = TimestampTzGetDatum(end);
	slot->tts_isnull[to - 1] = false;
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(relation);
	if (desc->constr != NULL && desc->constr->has_generated_stored)
		ExecComputeStoredGenerated(target, estate, slot, CMD_INSERT);
	table_tuple_insert(relation, slot, GetCurrentCommandId(true), 0, NULL);
	if (relation->rd_rel->relhasindex)
		insert_index_entries(target, estate, slot, to);
	if (relation->trigdesc != NULL && relation->trigdesc->trig_insert_after_row)
		check_references(relation, &slot->tts_tid);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextSwitchTo(caller);
	FreeExecutorState(estate);
}

/* The unique btree on key and begin; an error when it was dropped. */
static Relation
open_neighbours(Relation relation, const VersionColumns *columns)
{
	List	   *indexes = RelationGetIndexList(relation);
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		Form_pg_index form = index->rd_index;

		if (form->indisunique && form->indisvalid && form->indnkeyatts == 2 &&
			index->rd_rel->relam == BTREE_AM_OID &&
			form->indkey.values[0] == columns->key && form->indkey.values[1] == columns->valid_from &&
			RelationGetIndexPredicate(index) == NIL)
		{
			list_free(indexes);
			return index;
		}
		index_close(index, AccessShareLock);
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\" has no unique index on its identifiers and the begin of their versions",
					RelationGetRelationName(relation)),
			 errhint("CREATE UNIQUE INDEX ON %s (%s, %s).", RelationGetRelationName(relation),
					 NameStr(TupleDescAttr(RelationGetDescr(relation), columns->key - 1)->attname),
					 NameStr(TupleDescAttr(RelationGetDescr(relation), columns->valid_from - 1)->attname))));
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

static void
raise_overlap(const VersionColumns *columns, HeapTuple row, TupleDesc desc,
			  VersionInterval mine, VersionInterval theirs)
{
	ereport(ERROR,
			(errcode(ERRCODE_EXCLUSION_VIOLATION),
			 errmsg("versions of \"%s\" would overlap", vxp_row_key(columns, row, desc)),
			 errdetail("%s overlaps with %s, which exists.", vxp_interval_text(mine), vxp_interval_text(theirs))));
}

/*
 * Looks from the row's begin in one direction.  False: it waited, look again.
 */
static bool
check_direction(Relation relation, Relation index, const VersionColumns *columns,
				HeapTuple row, ScanDirection direction)
{
	TupleDesc	desc = RelationGetDescr(relation);
	VersionInterval mine = vxp_row_interval(columns, row, desc);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	SnapshotData dirty;
	ScanKeyData keys[2];
	IndexScanDesc scan;
	bool		isnull;
	TransactionId wait = InvalidTransactionId;
	uint32		token = 0;
	ItemPointerData place;

	InitDirtySnapshot(dirty);
	set_scan_key(&keys[0], index, 0, BTEqualStrategyNumber, heap_getattr(row, columns->key, desc, &isnull));
	set_scan_key(&keys[1], index, 1, ScanDirectionIsForward(direction) ? BTGreaterStrategyNumber : BTLessEqualStrategyNumber,
				 TimestampTzGetDatum(mine.from));
	scan = vxp_index_beginscan(relation, index, &dirty, 2);
	index_rescan(scan, keys, 2, NULL, 0);
	while (index_getnext_slot(scan, direction, slot))
	{
		VersionInterval theirs;
		bool		open;

		CHECK_FOR_INTERRUPTS();
		if (ItemPointerEquals(&slot->tts_tid, &row->t_self))
			continue;
		theirs.from = DatumGetTimestampTz(slot_getattr(slot, columns->valid_from, &isnull));
		theirs.to = DatumGetTimestampTz(slot_getattr(slot, columns->valid_to, &open));
		if (open)
			theirs.to = DT_NOEND;
		if (vxp_intervals_overlap(mine, theirs))
		{
			wait = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
			token = TransactionIdIsValid(dirty.xmin) ? dirty.speculativeToken : 0;
			place = slot->tts_tid;
			if (!TransactionIdIsValid(wait))
				raise_overlap(columns, row, desc, mine, theirs);
			break;
		}
		if (!TransactionIdIsValid(dirty.xmin))
			break;
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	if (!TransactionIdIsValid(wait))
		return true;
	wait_for(wait, token, relation, &place);
	return false;
}

/* vxp_version_check_neighbours raises 23P01 when a stored row overlaps with another version. */
void
vxp_version_check_neighbours(Relation relation, const VersionColumns *columns, HeapTuple row)
{
	Relation	index = open_neighbours(relation, columns);

	while (!check_direction(relation, index, columns, row, BackwardScanDirection) ||
		   !check_direction(relation, index, columns, row, ForwardScanDirection))
		CHECK_FOR_INTERRUPTS();
	index_close(index, AccessShareLock);
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
	TupleDesc	desc = RelationGetDescr(relation);
	Relation	index = open_neighbours(relation, columns);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	bool		isnull;
	Datum		key = heap_getattr(row, columns->key, desc, &isnull);
	bool		again = !isnull;

	while (again)
	{
		SnapshotData dirty;
		ScanKeyData scan_key;
		IndexScanDesc scan;
		TransactionId wait = InvalidTransactionId;

		again = false;
		InitDirtySnapshot(dirty);
		set_scan_key(&scan_key, index, 0, BTEqualStrategyNumber, key);
		scan = vxp_index_beginscan(relation, index, &dirty, 1);
		index_rescan(scan, &scan_key, 1, NULL, 0);
		while (index_getnext_slot(scan, BackwardScanDirection, slot))
		{
			TimestampTz end = DatumGetTimestampTz(slot_getattr(slot, columns->valid_to, &isnull));

			if (isnull ? TransactionIdIsValid(dirty.xmax) : end > from && TransactionIdIsValid(dirty.xmin))
				wait = isnull ? dirty.xmax : dirty.xmin;
			else if (!isnull && end > from)
				from = end;
			break;
		}
		index_endscan(scan);
		if (TransactionIdIsValid(wait))
		{
			ItemPointerData place = slot->tts_tid;

			ExecClearTuple(slot);
			wait_for(wait, 0, relation, &place);
			again = true;
		}
	}
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	return from;
}
