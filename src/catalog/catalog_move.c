/*
 * catalog_move.c - triggers that keep descendants true
 *
 * After a row was updated or deleted, its children must find their parent and
 * every path through it must be the present one.  "settle" restores both for
 * one identifier, from what the tables say now and not from what the trigger
 * event remembers: a later row of the same statement may have moved it again,
 * and a partitioned table reports a row that changes its partition as deleted
 * and inserted.
 *
 * Proof that a move misses nobody.  The moved row is locked FOR UPDATE before
 * it changes; whoever inserted below it held KEY SHARE on it, so is finished.
 * Each round takes a new snapshot, locks the rows that still have an old path
 * FOR UPDATE in the order of identifiers, and rewrites them.  A row that was
 * inserted below one of these before it was locked is seen in the next round;
 * one inserted after waits for our lock and then reads the new path.  The
 * rounds end with one that finds nothing.
 *
 * Where versions are kept, all that lies below is locked before the row changes
 * (catalog_subtree.c), and the rounds find nothing that is not.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog/catalog.h"
#include "catalog/catalog_lineage.h"
#include "common/vxp_compat.h"

VXP_FUNCTION(vxp_lineage_settle);
VXP_FUNCTION(vxp_lineage_truncate);

static ActiveMove *active_move = NULL;
static ActiveClose *active_close = NULL;

/* The innermost move in progress, or NULL. */
const ActiveMove *
vxp_active_move(void)
{
	return active_move;
}

/* The innermost end that is being passed on, or NULL. */
const ActiveClose *
vxp_active_close(void)
{
	return active_close;
}

/*
 * The present path of "identifier", in the SPI context, and since when; NULL
 * when there is no such row.
 */
static struct varlena *
present_path(LineageTable *table, const char *identifier, TimestampTz *since)
{
	Datum		value = CStringGetTextDatum(identifier);
	Datum		path;
	bool		isnull;

	*since = DT_NOBEGIN;
	if (table->plan_self == NULL)
	{
		Oid			type = TEXTOID;

		table->plan_self =
			vxp_prepare_as_owner(table->self.relid,
								 psprintf("SELECT %s%s%s FROM %s WHERE %s OPERATOR(pg_catalog.=) $1%s",
										  table->self.lineage, table->self.versioned ? ", " : "",
										  table->self.versioned ? table->self.valid_from : "",
										  table->self.table, table->self.identifier, table->self.is_current),
								 1, &type);
	}
	if (vxp_run_as_owner(table->self.relid, table->plan_self, &value, 1) == 0)
		return NULL;
	if (table->self.versioned)
		*since = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	path = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? NULL : PG_DETOAST_DATUM(path);
}

/* The condition that a row lies directly below $1. */
static char *
is_child(const RelatedTable *below)
{
	/* a bare id in the parent column cannot be compared; the path can */
	if (below->raw_parent)
		return psprintf("%s OPERATOR(vxp.@^) $1::vxp.identifier AND vxp.self(vxp.parent(%s)) OPERATOR(pg_catalog.=) $1%s",
						below->lineage, below->lineage, below->is_current);
	return psprintf("%s OPERATOR(pg_catalog.=) $1%s", below->parent, below->is_current);
}

/* Is there a row directly below "identifier" in this table? */
static bool
has_child(RelatedTable *below, const char *identifier)
{
	Datum		value = CStringGetTextDatum(identifier);

	if (below->plan_child == NULL)
	{
		Oid			type = TEXTOID;

		below->plan_child =
			vxp_prepare_as_owner(below->relid, psprintf("SELECT 1 FROM %s WHERE %s", below->table, is_child(below)), 1, &type);
	}
	return vxp_run_as_owner(below->relid, below->plan_child, &value, 1) > 0;
}

/*
 * Rewrites the paths in one table that lead through "identifier" but not along
 * its present path.  Returns how many there were.  "locked": they are already.
 */
static uint64
move_rows(RelatedTable *below, const char *identifier, struct varlena *path, bool locked)
{
	Datum		values[2];

	values[0] = CStringGetTextDatum(identifier);
	values[1] = PointerGetDatum(path);
	if (below->plan_move == NULL)
	{
		Oid			types[2] = {TEXTOID, vxp_lineage_type_oid()};
		char	   *condition =
			psprintf("%s OPERATOR(vxp.@^) $1::vxp.identifier AND NOT %s OPERATOR(vxp.<@) $2%s",
					 below->lineage, below->lineage, below->is_current);

		below->plan_lock =
			vxp_prepare_as_owner(below->relid,
								 psprintf("SELECT 1 FROM %s WHERE %s ORDER BY %s FOR UPDATE",
										  below->table, condition, below->identifier),
								 2, types);
		/* the row trigger computes the new path */
		below->plan_move =
			vxp_prepare_as_owner(below->relid,
								 psprintf("UPDATE %s SET %s = %s WHERE %s",
										  below->table, below->lineage, below->lineage, condition),
								 2, types);
	}
	if (!locked && vxp_run_as_owner(below->relid, below->plan_lock, values, 0) == 0)
		return 0;
	return vxp_run_as_owner(below->relid, below->plan_move, values, 0);
}

/* Moves everything below "identifier" to where that has been since "at". */
static void
move_subtree(LineageTable *table, const char *identifier, struct varlena *path, TimestampTz at)
{
	ActiveMove	move = {identifier, (int) strlen(identifier), lineage_span(path), at, active_move};
	uint64		moved;
	bool		locked = table->versions_below;

	/* a resource without versions of its own does not say when it moved */
	if (locked && !table->self.versioned)
		move.at = Max(GetCurrentTransactionStartTimestamp(), vxp_lock_subtree(table, identifier));
	active_move = &move;
	PG_TRY();
	{
		do
		{
			ListCell   *lc;

			CHECK_FOR_INTERRUPTS();
			moved = 0;
			foreach(lc, table->descendants)
				moved += move_rows(lfirst(lc), identifier, path, locked);
		} while (moved > 0);
	}
	PG_FINALLY();
	{
		active_move = move.outer;
	}
	PG_END_TRY();
}

static void
raise_children_left(const LineageTable *table, const RelatedTable *below,
					const char *identifier, bool deleted)
{
	if (deleted)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("resource \"%s\" still has children", identifier),
				 errdetail("There are resources of type %s below it.", below->type_name),
				 errhint("Delete the children first, or move them to another parent.")));
	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("the identifier of \"%s\" cannot change while it has children", identifier),
			 errdetail("There are resources of type %s below it.", below->type_name),
			 errhint("Insert a resource with the new identifier, move the children below it, then delete this one.")));
}

/* When the last version of "identifier" ended; DT_NOBEGIN when nothing was kept of it. */
static TimestampTz
last_end(LineageTable *table, const char *identifier)
{
	Datum		value = CStringGetTextDatum(identifier);
	bool		isnull;
	Datum		end;

	if (!table->self.versioned)
		return GetCurrentTransactionStartTimestamp();
	if (table->plan_end == NULL)
	{
		Oid			type = TEXTOID;

		table->plan_end =
			vxp_prepare_as_owner(table->self.relid,
								 psprintf("SELECT %s FROM %s WHERE %s OPERATOR(pg_catalog.=) $1 ORDER BY %s DESC LIMIT 1",
										  table->self.valid_to, table->self.table, table->self.identifier, table->self.valid_from),
								 1, &type);
	}
	if (vxp_run_as_owner(table->self.relid, table->plan_end, &value, 1) == 0)
		return DT_NOBEGIN;
	end = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? DT_NOBEGIN : DatumGetTimestampTz(end);
}

/* Ends the children of "identifier", which ended, and by their triggers all below them. */
static void
close_children(LineageTable *table, RelatedTable *below, const char *identifier)
{
	Datum		value = CStringGetTextDatum(identifier);
	ActiveClose close = {identifier, (int) strlen(identifier), last_end(table, identifier), active_close};

	if (below->plan_close == NULL)
	{
		Oid			type = TEXTOID;

		below->plan_close =
			vxp_prepare_as_owner(below->relid, psprintf("DELETE FROM %s WHERE %s", below->table, is_child(below)), 1, &type);
	}
	active_close = &close;
	PG_TRY();
	{
		(void) vxp_run_as_owner(below->relid, below->plan_close, &value, 0);
	}
	PG_FINALLY();
	{
		active_close = close.outer;
	}
	PG_END_TRY();
}

/*
 * Makes all below "identifier" right.  When it is gone, its children end with
 * it, or keep it: 23503.
 */
static void
settle(LineageTable *table, const char *identifier, bool deleted)
{
	struct varlena *path;
	ListCell   *lc;
	TimestampTz since;

	path = present_path(table, identifier, &since);
	if (path != NULL)
	{
		move_subtree(table, identifier, path, since);
		return;
	}
	foreach(lc, table->descendants)
	{
		RelatedTable *below = lfirst(lc);

		if (!below->direct || !has_child(below, identifier))
			continue;
		if (!deleted || !below->cascades)
			raise_children_left(table, below, identifier, deleted);
		close_children(table, below, identifier);
	}
}

/* The same for a resource that was corrected; SPI is connected. */
void
vxp_settle_present(LineageTable *table, const char *identifier)
{
	settle(table, identifier, true);
}

/* A row that a move in progress carries: its descendants are being carried as well. */
static bool
is_carried(const LineageTable *table, HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	Datum		path;

	if (active_move == NULL)
		return false;
	path = heap_getattr(row, table->lineage_attnum, desc, &isnull);
	if (isnull)
		return false;
	return vxp_lineage_has_ancestor(lineage_span(PG_DETOAST_DATUM(path)),
									active_move->label, active_move->length);
}

/*
 * lineage_settle() -> trigger, AFTER UPDATE OR DELETE FOR EACH ROW
 *
 * Moves the subtree of a row whose path changed, in all tables below.  The
 * children of a row that is gone (or has another identifier) end with it, or it
 * raises 23503.
 */
Datum
vxp_lineage_settle(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	LineageTable *table;
	TupleDesc	desc;
	char	   *identifier;
	bool		deleted;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("lineage_settle() can only be called as a trigger after UPDATE or DELETE of a row")));
	deleted = TRIGGER_FIRED_BY_DELETE(trigger->tg_event);
	desc = RelationGetDescr(trigger->tg_relation);

	/*
	 * We may have waited for a row that somebody who was registering a type
	 * below had locked.  Waiting for a row reads no messages.
	 */
	AcceptInvalidationMessages();
	table = vxp_lineage_table(trigger->tg_relation);
	vxp_lineage_forget_parents();
	/* what is corrected in the past is settled by who corrects it */
	if (table->descendants == NIL || (table->self.versioned && vxp_takes_given(trigger->tg_relation)))
		return PointerGetDatum(NULL);
	identifier = vxp_row_identifier(table, trigger->tg_trigtuple, desc);
	if (identifier == NULL ||
		(!deleted && is_carried(table, trigger->tg_newtuple, desc)))
		return PointerGetDatum(NULL);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	settle(table, identifier, deleted);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/*
 * lineage_truncate() -> trigger, AFTER TRUNCATE FOR EACH STATEMENT
 *
 * Raises 23503 when resources of this type are still the parent of others.
 * Tables emptied by the same statement are empty already.
 */
Datum
vxp_lineage_truncate(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	LineageTable *table;
	ListCell   *lc;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) ||
		!TRIGGER_FIRED_AFTER(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("lineage_truncate() can only be called as a trigger after TRUNCATE")));
	AcceptInvalidationMessages();
	table = vxp_lineage_table(trigger->tg_relation);
	vxp_lineage_forget_parents();

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	foreach(lc, table->descendants)
	{
		RelatedTable *below = lfirst(lc);
		Datum		value = CStringGetTextDatum(psprintf("%s/", table->self.prefix));

		if (!below->direct)
			continue;
		if (below->plan_orphan == NULL)
		{
			Oid			type = TEXTOID;

			/* the label above the row's own tells the type of its parent */
			below->plan_orphan =
				vxp_prepare_as_owner(below->relid,
									 psprintf("SELECT 1 FROM %s WHERE pg_catalog.starts_with(vxp.self(vxp.parent(%s)), $1)",
											  below->table, below->lineage),
									 1, &type);
		}
		if (vxp_run_as_owner(below->relid, below->plan_orphan, &value, 1) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					 errmsg("table \"%s\" cannot be truncated while its resources have children",
							RelationGetRelationName(trigger->tg_relation)),
					 errdetail("There are resources of type %s below them.", below->type_name),
					 errhint("Truncate the tables of both types in one statement.")));
	}
	SPI_finish();
	return PointerGetDatum(NULL);
}
