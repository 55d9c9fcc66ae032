/*
 * version_trigger.c - the row triggers that keep versions
 *
 * The trigger before a change must be the last of its kind that alters the row,
 * the one after it the first that looks at other rows: triggers fire in the
 * order of their names, vxp_history, vxp_lineage..., vxp_version.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "common/vxp_compat.h"
#include "validity/validity.h"
#include "validity/version.h"

VXP_FUNCTION(vxp_version_row);
VXP_FUNCTION(vxp_version_history);
VXP_FUNCTION(vxp_version_closed);
VXP_FUNCTION(vxp_version_statement);

Oid			vxp_given_relid = InvalidOid;

bool
vxp_takes_given(Relation relation)
{
	if (!OidIsValid(vxp_given_relid))
		return false;
	return RelationGetRelid(relation) == vxp_given_relid ||
		((relation->rd_rel->relispartition || vxp_is_history(relation)) &&
		 list_member_oid(get_partition_ancestors(RelationGetRelid(relation)), vxp_given_relid));
}

/* The row that the next call of version_row is about must not change, or begin, before "at". */
static struct
{
	Oid			relid;
	ItemPointerData row;		/* invalid: one that is inserted */
	TimestampTz at;
} floor_of_row;

/* When the last row that was inserted into a table, and began by itself, began later than its transaction. */
static struct
{
	Oid			relid;
	TimestampTz from;
} shifted_begin;

/* What is known of rows until the end of the transaction. */
typedef struct RowKey
{
	Oid			relid;
	ItemPointerData row;		/* a deleted row; or invalid, */
	uint32		key_hash;		/* and then a resource that was written without a new version, */
	TimestampTz from;			/* which had this begin */
} RowKey;

typedef struct RowNote
{
	RowKey		key;
	TimestampTz floor;			/* a deleted row ends no sooner */
} RowNote;

static HTAB *notes = NULL;

/*
 * The last statements that insert, by the command that they are: one that also
 * updates rows of history is a MERGE, or does both by WITH.
 */
typedef struct Insertion
{
	Oid			relid;			/* the table that the statement names */
	CommandId	command;
} Insertion;

static Insertion insertions[8];
static int	last_insertion = 0;

static void
transaction_ended(XactEvent event, void *arg)
{
	/* they live in TopTransactionContext */
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
	{
		notes = NULL;
		memset(insertions, 0, sizeof(insertions));
		shifted_begin.relid = InvalidOid;
	}
}

void
vxp_version_init(void)
{
	RegisterXactCallback(transaction_ended, NULL);
}

static RowNote *
find_note(const RowKey *key, HASHACTION action)
{
	if (notes == NULL)
	{
		HASHCTL		ctl;

		if (action != HASH_ENTER)
			return NULL;
		memset(&ctl, 0, sizeof(ctl));
		ctl.keysize = sizeof(RowKey);
		ctl.entrysize = sizeof(RowNote);
		ctl.hcxt = TopTransactionContext;
		notes = hash_create("vxp rows", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	return hash_search(notes, key, action, NULL);
}

/* The note on a row that was deleted. */
static RowKey
deleted_row(Relation relation, ItemPointer row)
{
	RowKey		key;

	memset(&key, 0, sizeof(key));
	key.relid = RelationGetRelid(relation);
	key.row = *row;
	return key;
}

/* The note on a resource that was written as it was. */
static RowKey
untouched_version(Relation relation, const char *text, TimestampTz from)
{
	RowKey		key;

	memset(&key, 0, sizeof(key));
	key.relid = RelationGetRelid(relation);
	ItemPointerSetInvalid(&key.row);
	key.key_hash = DatumGetUInt32(hash_any((const unsigned char *) text, (int) strlen(text)));
	key.from = from;
	return key;
}

/*
 * vxp_version_not_before is for a trigger that fires before ours on the same
 * row, which is being updated or deleted: the change takes effect at "at" at
 * the earliest.  Without "row": one is inserted that would begin now, and now
 * begins at "at", which its trigger has set.
 */
void
vxp_version_not_before(Relation relation, ItemPointer row, TimestampTz at)
{
	floor_of_row.relid = RelationGetRelid(relation);
	if (row != NULL)
		floor_of_row.row = *row;
	else
		ItemPointerSetInvalid(&floor_of_row.row);
	floor_of_row.at = at;
}

static TimestampTz
take_floor(Relation relation, ItemPointer row)
{
	TimestampTz at = DT_NOBEGIN;

	if (floor_of_row.relid == RelationGetRelid(relation) && ItemPointerIsValid(&floor_of_row.row) == (row != NULL) &&
		(row == NULL || ItemPointerEquals(&floor_of_row.row, row)))
		at = floor_of_row.at;
	floor_of_row.relid = InvalidOid;
	return at;
}

static AttrNumber
require_column(Relation relation, const char *name, Oid type)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(relation), name);

	if (attnum == InvalidAttrNumber || (OidIsValid(type) && get_atttype(RelationGetRelid(relation), attnum) != type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" is needed for its versions", name, RelationGetRelationName(relation)),
				 errhint("Register the table again with vxp.unregister and vxp.register.")));
	return attnum;
}

/* The columns that the arguments of the trigger name: key, valid_from, valid_to. */
static VersionColumns *
trigger_columns(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	VersionColumns *columns = fcinfo->flinfo->fn_extra;

	if (columns != NULL)
		return columns;
	if (trigger->tg_trigger->tgnargs != 3)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" must be given the columns of identifier, begin and end", trigger->tg_trigger->tgname)));
	columns = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(VersionColumns));
	columns->context = fcinfo->flinfo->fn_mcxt;
	columns->key = require_column(trigger->tg_relation, trigger->tg_trigger->tgargs[0], InvalidOid);
	columns->valid_from = require_column(trigger->tg_relation, trigger->tg_trigger->tgargs[1], TIMESTAMPTZOID);
	columns->valid_to = require_column(trigger->tg_relation, trigger->tg_trigger->tgargs[2], TIMESTAMPTZOID);
	fcinfo->flinfo->fn_extra = columns;
	return columns;
}

/* The same, completed by where the versions are: for who stores or looks at other rows. */
static VersionColumns *
placed_columns(FunctionCallInfo fcinfo)
{
	VersionColumns *columns = trigger_columns(fcinfo);

	if (!OidIsValid(columns->current))
		vxp_version_place(((TriggerData *) fcinfo->context)->tg_relation, columns);
	return columns;
}

/*
 * vxp_version_is_own says whether this transaction began the version, which is
 * then changed in place.  A row that it wrote without changing anything carries
 * its mark, too, but is still the version of who was before.
 */
bool
vxp_version_is_own(Relation relation, HeapTuple row, TimestampTz from)
{
	return from >= GetCurrentTransactionStartTimestamp() &&
		TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(row->t_data));
}

/* The same, where rows that were written as they were are known. */
static bool
is_own(Relation relation, const VersionColumns *columns, HeapTuple row, TimestampTz from)
{
	RowKey		key;

	if (!vxp_version_is_own(relation, row, from))
		return false;
	if (notes == NULL)
		return true;
	key = untouched_version(relation, vxp_row_key(columns, row, RelationGetDescr(relation)), from);
	return find_note(&key, HASH_FIND) == NULL;
}

/*
 * vxp_version_effect returns when a change of "row", an open version, takes
 * effect that does so at "floor" at the earliest: this transaction's own is
 * changed in place, if it can be.
 */
TimestampTz
vxp_version_effect(Relation relation, const VersionColumns *columns, HeapTuple row, TimestampTz floor)
{
	TimestampTz from = vxp_row_interval(columns, row, RelationGetDescr(relation)).from;

	if (floor <= from && is_own(relation, columns, row, from))
		return from;
	return Max(vxp_version_boundary(from), floor);
}

static bool
same_value(HeapTuple a, HeapTuple b, AttrNumber attnum, TupleDesc desc)
{
	Form_pg_attribute attribute = TupleDescAttr(desc, attnum - 1);
	bool		a_null;
	bool		b_null;
	Datum		a_value = heap_getattr(a, attnum, desc, &a_null);
	Datum		b_value = heap_getattr(b, attnum, desc, &b_null);

	if (a_null || b_null)
		return a_null && b_null;
	/* a value that stayed where it is stored apart is not read */
	if (attribute->attlen == -1 && VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(a_value)) &&
		VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(b_value)) &&
		memcmp(DatumGetPointer(a_value), DatumGetPointer(b_value), TOAST_POINTER_SIZE) == 0)
		return true;
	return datum_image_eq(a_value, b_value, attribute->attbyval, attribute->attlen);
}

/* Do the rows agree in all but their interval? */
static bool
same_content(HeapTuple a, HeapTuple b, TupleDesc desc, const VersionColumns *columns)
{
	for (int attnum = 1; attnum <= desc->natts; attnum++)
		if (!TupleDescAttr(desc, attnum - 1)->attisdropped &&
			attnum != columns->valid_from && attnum != columns->valid_to &&
			!same_value(a, b, attnum, desc))
			return false;
	return true;
}

static HeapTuple
set_interval(HeapTuple row, TupleDesc desc, const VersionColumns *columns, VersionInterval interval)
{
	int			attnums[2] = {columns->valid_from, columns->valid_to};
	Datum		values[2] = {TimestampTzGetDatum(interval.from), TimestampTzGetDatum(interval.to)};
	bool		nulls[2] = {false, TIMESTAMP_IS_NOEND(interval.to)};

	return heap_modify_tuple_by_cols(row, desc, 2, attnums, values, nulls);
}

static void
raise_closed(Relation relation, const VersionColumns *columns, HeapTuple row, VersionInterval interval, bool deleted)
{
	const char *to = NameStr(TupleDescAttr(RelationGetDescr(relation), columns->valid_to - 1)->attname);

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg(deleted ? "an old version of \"%s\" cannot be deleted" : "an old version of \"%s\" cannot be changed",
					vxp_row_key(columns, row, RelationGetDescr(relation))),
			 errdetail("It was valid in %s.", vxp_interval_text(interval)),
			 deleted ?
			 errhint("To write current rows alone, add the condition %s IS NULL. vxp.purge removes old versions.", quote_identifier(to)) :
			 errhint("To write current rows alone, add the condition %s IS NULL. vxp.correct changes the past.", quote_identifier(to))));
}

/* The interval of a row to be inserted; NULL when it is stored already, with what has ended. */
static HeapTuple
begin_version(Relation relation, VersionColumns *columns, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(relation);
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	TimestampTz floor = take_floor(relation, NULL);
	VersionInterval given;
	VersionInterval interval;
	bool		no_from;
	bool		no_to;

	given.from = DatumGetTimestampTz(heap_getattr(row, columns->valid_from, desc, &no_from));
	given.to = DatumGetTimestampTz(heap_getattr(row, columns->valid_to, desc, &no_to));
	interval.from = no_from ? now : given.from;
	interval.to = no_to ? DT_NOEND : given.to;
	vxp_check_interval(columns, row, desc, interval);
	/* one that begins now by itself, or with its parent, begins when the last one has ended */
	if (TIMESTAMP_IS_NOEND(interval.to) && (interval.from == now || (floor > now && interval.from == floor)) &&
		!vxp_takes_given(relation))
	{
		interval.from = vxp_version_after_last(relation, columns, row, interval.from);
		shifted_begin.relid = interval.from > now ? RelationGetRelid(relation) : InvalidOid;
		shifted_begin.from = interval.from;
	}
	if (!TIMESTAMP_IS_NOEND(interval.to) && RelationGetRelid(relation) != columns->closed)
	{
		/* the policies of the table would judge the row after us */
		if (!vxp_takes_given(relation) && check_enable_rls(RelationGetRelid(relation), InvalidOid, true) == RLS_ENABLED)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("an old version of \"%s\" cannot be inserted under row security", vxp_row_key(columns, row, desc)),
					 errhint("A role that row security does not apply to loads history; vxp.correct changes the past.")));
		vxp_version_route(relation, columns, set_interval(row, desc, columns, interval), interval.to);
		return NULL;
	}
	if (!no_from && interval.from == given.from && no_to == TIMESTAMP_IS_NOEND(interval.to))
		return row;
	return set_interval(row, desc, columns, interval);
}

static void
raise_kept_column(TupleDesc desc, AttrNumber attnum, bool is_end)
{
	ereport(ERROR,
			(errcode(ERRCODE_GENERATED_ALWAYS),
			 errmsg("column \"%s\" is kept by versions and cannot be changed", NameStr(TupleDescAttr(desc, attnum - 1)->attname)),
			 is_end ? errhint("DELETE ends a resource; vxp.correct changes the past.") :
			 errhint("vxp.correct changes the past.")));
}

/* The interval of a row to be updated. */
static HeapTuple
next_version(Relation relation, const VersionColumns *columns, HeapTuple old, HeapTuple new)
{
	TupleDesc	desc = RelationGetDescr(relation);
	VersionInterval before = vxp_row_interval(columns, old, desc);
	VersionInterval given = vxp_row_interval(columns, new, desc);
	VersionInterval after = before;
	TimestampTz floor = take_floor(relation, &old->t_self);

	if (vxp_takes_given(relation))
	{
		vxp_check_interval(columns, new, desc, given);
		return TIMESTAMP_IS_NOEND(given.to) ? set_interval(new, desc, columns, given) : new;
	}
	if (!TIMESTAMP_IS_NOEND(before.to))
		raise_closed(relation, columns, old, before, false);
	if (!TIMESTAMP_IS_NOEND(given.to))
		raise_kept_column(desc, columns->valid_to, true);
	/* upserts write all columns, with the begin that a new row would have */
	if (given.from != before.from && given.from != GetCurrentTransactionStartTimestamp() &&
		(shifted_begin.relid != RelationGetRelid(relation) || shifted_begin.from != given.from))
		raise_kept_column(desc, columns->valid_from, false);
	if (same_content(old, new, desc, columns))
	{
		/* without a new begin, the next change in this transaction cannot tell by the row */
		if (before.from >= GetCurrentTransactionStartTimestamp() &&
			!TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(old->t_data)))
		{
			RowKey		key = untouched_version(relation, vxp_row_key(columns, old, desc), before.from);

			(void) find_note(&key, HASH_ENTER);
		}
	}
	else
		after.from = vxp_version_effect(relation, columns, old, floor);
	if (given.from == after.from)
		return new;
	return set_interval(new, desc, columns, after);
}

/* Before a row is deleted. */
static void
end_version(Relation relation, const VersionColumns *columns, HeapTuple row)
{
	VersionInterval interval = vxp_row_interval(columns, row, RelationGetDescr(relation));
	TimestampTz floor = take_floor(relation, &row->t_self);

	if (vxp_takes_given(relation))
		return;
	if (!TIMESTAMP_IS_NOEND(interval.to))
		raise_closed(relation, columns, row, interval, true);
	if (floor > interval.from)
	{
		RowKey		key = deleted_row(relation, &row->t_self);

		find_note(&key, HASH_ENTER)->floor = floor;
	}
}

static void
refuse_in_past(Relation relation)
{
	if (vxp_as_of_is_set())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot write to table \"%s\" while vxp.as_of is set",
						get_rel_name(vxp_is_history(relation) ? get_partition_parent(RelationGetRelid(relation), true) :
									 RelationGetRelid(relation))),
				 errhint("The session shows the past: RESET vxp.as_of.")));
}

/*
 * version_row(key, valid_from, valid_to) -> trigger, BEFORE INSERT OR UPDATE OR DELETE FOR EACH ROW
 *
 * Sets the interval of the row.  Errors: 25006 while vxp.as_of is set, 55000
 * for an old version, 428C9 for an UPDATE of the interval, 23514 for an
 * interval that does not end after it begins.
 */
Datum
vxp_version_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	VersionColumns *columns;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("version_row() can only be called as a trigger before a change of a row")));
	refuse_in_past(trigger->tg_relation);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		return PointerGetDatum(begin_version(trigger->tg_relation, placed_columns(fcinfo), trigger->tg_trigtuple));
	columns = trigger_columns(fcinfo);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		return PointerGetDatum(next_version(trigger->tg_relation, columns, trigger->tg_trigtuple, trigger->tg_newtuple));
	end_version(trigger->tg_relation, columns, trigger->tg_trigtuple);
	return PointerGetDatum(trigger->tg_trigtuple);
}

/*
 * version_statement() -> trigger, BEFORE INSERT FOR EACH STATEMENT
 *
 * Notes that the statement inserts, for version_closed.
 */
Datum
vxp_version_statement(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) || TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("version_statement() can only be called as a trigger before a statement")));
	if (ActiveSnapshotSet())
	{
		last_insertion = (last_insertion + 1) % lengthof(insertions);
		insertions[last_insertion].relid = RelationGetRelid(trigger->tg_relation);
		insertions[last_insertion].command = GetActiveSnapshot()->curcid;
	}
	return PointerGetDatum(NULL);
}

/* Does the statement that is about to write this row insert into its table, too? */
static bool
in_merge(Relation relation)
{
	CommandId	command = GetActiveSnapshot()->curcid;

	for (int i = 0; i < lengthof(insertions); i++)
		if (OidIsValid(insertions[i].relid) && insertions[i].command == command &&
			list_member_oid(get_partition_ancestors(RelationGetRelid(relation)), insertions[i].relid))
			return true;
	return false;
}

/*
 * version_closed(key, valid_from, valid_to) -> trigger, BEFORE UPDATE OR DELETE,
 * on a table of closed rows FOR EACH ROW and FOR EACH STATEMENT, on a
 * partitioned table FOR EACH ROW that is closed
 *
 * UPDATE and DELETE pass over the rows that have ended, as those of a
 * system-versioned table in SQL do (K. Kulkarni, J.-E. Michels: Temporal
 * features in SQL:2011, SIGMOD Record 41(3), section 3).  MERGE would take a
 * resource that has ended for one that is there, and neither update nor insert
 * it: 55000, as for a statement that names the table of closed rows itself.
 */
Datum
vxp_version_closed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Relation	relation;
	HeapTuple	row;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) || TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("version_closed() can only be called as a trigger before an update or a delete")));
	relation = trigger->tg_relation;
	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	if (vxp_takes_given(relation))
		return PointerGetDatum(row);
	refuse_in_past(relation);
	if (TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("old versions in table \"%s\" cannot be written", RelationGetRelationName(relation)),
				 errhint("vxp.correct changes the past, vxp.purge removes it.")));
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) && in_merge(relation))
	{
		VersionColumns *columns = placed_columns(fcinfo);

		row = trigger->tg_trigtuple;
		if (columns->closed == columns->current || !vxp_version_is_open(relation, columns, row))
			raise_closed(relation, columns, row, vxp_row_interval(columns, row, RelationGetDescr(relation)), false);
	}
	return PointerGetDatum(NULL);
}

/* After an update: the old version is kept, unless this transaction began it. */
static void
keep_updated(Relation relation, VersionColumns *columns, HeapTuple old, HeapTuple new)
{
	TupleDesc	desc = RelationGetDescr(relation);
	VersionInterval before = vxp_row_interval(columns, old, desc);
	VersionInterval after = vxp_row_interval(columns, new, desc);
	bool		same_key = same_value(old, new, columns->key, desc);

	if (vxp_takes_given(relation))
	{
		if (!same_key || before.from != after.from || before.to != after.to)
			vxp_version_check_neighbours(relation, columns, new);
		return;
	}
	if (before.from < after.from)
		vxp_version_keep(relation, columns, old, after.from);
	else if (!same_content(old, new, desc, columns) && !is_own(relation, columns, old, before.from))
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("a trigger changed \"%s\" after its version was decided", vxp_row_key(columns, new, desc)),
				 errhint("Triggers fire in the order of their names: give yours one before \"vxp_version\".")));
	if (!same_key)
		vxp_version_check_neighbours(relation, columns, new);
}

static void
keep_deleted(Relation relation, VersionColumns *columns, HeapTuple old)
{
	VersionInterval before = vxp_row_interval(columns, old, RelationGetDescr(relation));
	RowKey		key = deleted_row(relation, &old->t_self);
	RowNote    *note = find_note(&key, HASH_FIND);
	TimestampTz floor = note ? note->floor : DT_NOBEGIN;

	if (note)
		(void) find_note(&key, HASH_REMOVE);
	if (!is_own(relation, columns, old, before.from) || floor > before.from)
		vxp_version_keep(relation, columns, old, Max(vxp_version_boundary(before.from), floor));
}

/*
 * version_history(key, valid_from, valid_to) -> trigger, AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW
 *
 * Keeps a closed copy of what was replaced or deleted; raises 23P01 for a row
 * that overlaps with another version.
 */
Datum
vxp_version_history(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	VersionColumns *columns;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("version_history() can only be called as a trigger after a change of a row")));
	columns = placed_columns(fcinfo);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		vxp_version_check_neighbours(trigger->tg_relation, columns, trigger->tg_trigtuple);
	else if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		keep_updated(trigger->tg_relation, columns, trigger->tg_trigtuple, trigger->tg_newtuple);
	else if (!vxp_takes_given(trigger->tg_relation))
		keep_deleted(trigger->tg_relation, columns, trigger->tg_trigtuple);
	return PointerGetDatum(NULL);
}
