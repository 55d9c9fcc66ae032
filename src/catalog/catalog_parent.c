/*
 * catalog_parent.c - the parent of a row, its path, and when it was there
 *
 * A parent's row is locked FOR KEY SHARE, so it can neither end nor move before
 * this transaction ends: both take FOR UPDATE.  That is also why the last
 * parent found may be remembered while this session itself has moved or removed
 * nothing and no subtransaction has failed.
 *
 * Which version of the row that lock is granted on is another matter.  Later
 * ones are locked, too, but the one that the query gives is that of its snapshot
 * unless a key was changed since (src/backend/access/heap/README.tuplock).  A
 * path is no key, and though the mover's FOR UPDATE counts as a change of key,
 * heap_lock_updated_tuple does not see it where others held locks at the same
 * time: members of a multixact that only locked are forgotten when they end.
 * So we look whether the version is the present one, and again if it is not.
 *
 * A version lies below its parent all the time: in every instant of its
 * interval there is a version of the parent, with one and the same path.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog/catalog.h"
#include "catalog/catalog_lineage.h"
#include "common/vxp_compat.h"

/* "Patient", "Patient or ImagingStudy": the possible types of parents. */
char *
vxp_parent_types(const LineageTable *table)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, table->parents)
		appendStringInfo(&buf, "%s%s", lc == list_head(table->parents) ? "" : " or ",
						 ((RelatedTable *) lfirst(lc))->type_name);
	return buf.data;
}

static void
raise_unknown_parent(const LineageTable *table, const char *identifier, const char *parent)
{
	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("parent \"%s\" of \"%s\" does not exist", parent, identifier),
			 errdetail("Resources of type %s lie below one of type %s.",
					   table->self.type_name, vxp_parent_types(table)),
			 errhint("Insert parents before their children, ordered by depth, or use vxp.load, which sorts.")));
}

static void
raise_wrong_parent(const LineageTable *table, const char *identifier, const char *parent)
{
	if (table->parents == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("\"%s\" cannot be the parent of \"%s\"", parent, identifier),
				 errdetail("Resources of type %s have no parent.", table->self.type_name)));
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("\"%s\" cannot be the parent of \"%s\"", parent, identifier),
			 errdetail("Resources of type %s lie below one of type %s.",
					   table->self.type_name, vxp_parent_types(table))));
}

static void
raise_no_path(const char *identifier)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("resource \"%s\" has no lineage", identifier),
			 errhint("Register its table again, which fills the column.")));
}

/*
 * Runs a plan with one argument, the identifier, as the owner of "relid", by the
 * given snapshot or, as any statement, by the transaction's.  SPI is connected.
 */
static void
run_select(Oid relid, SPIPlanPtr *plan, const char *sql, const char *identifier, Snapshot snapshot, long limit)
{
	OwnerScope	saved;
	Datum		value;
	Oid			type = TEXTOID;
	int			rc;

	if (*plan == NULL)
		*plan = vxp_prepare_as_owner(relid, sql, 1, &type);
	value = CStringGetTextDatum(identifier);
	vxp_enter_owner(relid, &saved);
	rc = SPI_execute_snapshot(*plan, &value, NULL, snapshot, InvalidSnapshot, false, true, limit);
	vxp_leave_owner(&saved);
	if (rc != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_plan returned %s", SPI_result_code_string(rc));
}

/* What the queries for a parent's rows give. */
enum ParentColumn
{
	PARENT_TABLE = 1,			/* NULL where the type is a view, as the next */
	PARENT_PLACE,
	PARENT_PATH,
	PARENT_FROM,				/* NULL unless versioned, as the next */
	PARENT_TO
};

/* The query for a parent's rows, "which" ends it; it locks what it finds. */
static char *
parent_query(const RelatedTable *related, const char *which)
{
	const char *none = "NULL::pg_catalog.timestamptz";
	char		relkind = get_rel_relkind(related->relid);
	bool		is_table = relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE;

	return psprintf("SELECT %s, %s, %s, %s FROM %s WHERE %s OPERATOR(pg_catalog.=) $1%s FOR KEY SHARE",
					is_table ? "tableoid, ctid" : "NULL::pg_catalog.oid, NULL::pg_catalog.tid", related->lineage,
					related->versioned ? related->valid_from : none, related->versioned ? related->valid_to : none,
					related->table, related->identifier, which);
}

/*
 * Is a row of the result, which is locked, not the version that everybody sees
 * from now on?  Of views we do not know, so it may be.
 */
static bool
result_is_overtaken(void)
{
	Snapshot	latest = RegisterSnapshot(GetLatestSnapshot());
	bool		overtaken = false;

	for (uint64 row = 0; row < SPI_processed && !overtaken; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		bool		isnull;
		Oid			relid = DatumGetObjectId(SPI_getbinval(tuple, SPI_tuptable->tupdesc, PARENT_TABLE, &isnull));
		ItemPointer place = (ItemPointer) DatumGetPointer(SPI_getbinval(tuple, SPI_tuptable->tupdesc, PARENT_PLACE, &isnull));
		Relation	relation;
		TupleTableSlot *slot;

		if (isnull)
		{
			overtaken = true;
			break;
		}
		relation = table_open(relid, NoLock);
		slot = table_slot_create(relation, NULL);
		overtaken = !table_tuple_fetch_row_version(relation, place, latest, slot);
		ExecDropSingleTupleTableSlot(slot);
		table_close(relation, NoLock);
	}
	UnregisterSnapshot(latest);
	return overtaken;
}

/* A path in the result, copied into "context". */
static struct varlena *
result_path(uint64 row, const char *identifier, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	bool		isnull;
	Datum		path = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, PARENT_PATH, &isnull);
	struct varlena *result;

	if (isnull)
		raise_no_path(identifier);
	result = (struct varlena *) PG_DETOAST_DATUM_COPY(path);
	MemoryContextSwitchTo(old);
	return result;
}

static TimestampTz
result_time(uint64 row, int column, TimestampTz if_null)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? if_null : DatumGetTimestampTz(value);
}

static bool
same_path(const struct varlena *a, const struct varlena *b)
{
	return a != NULL && b != NULL && vxp_lineage_equal(lineage_span(a), lineage_span(b));
}

/* For a transaction that must not follow others: its snapshot has another path of the parent. */
static void
raise_overtaken(const char *parent)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access due to concurrent update"),
			 errdetail("The parent \"%s\" has been moved or has ended meanwhile.", parent),
			 errhint("The transaction might succeed if retried.")));
}

/* Which types of parents fit the identifier; an error when none does. */
static List *
possible_parents(const LineageTable *table, const char *identifier, const char *parent)
{
	List	   *found = NIL;
	ListCell   *lc;

	foreach(lc, table->parents)
	{
		RelatedTable *related = lfirst(lc);

		if (vxp_has_prefix(parent, related->prefix, related->prefix_length))
			found = lappend(found, related);
	}
	if (found == NIL)
		raise_wrong_parent(table, identifier, parent);
	return found;
}

/*
 * The present path of a parent of the type, copied into the current context, or
 * NULL, and since when it has been there; its row is locked.
 */
static struct varlena *
read_present(RelatedTable *related, const char *parent, TimestampTz *begin)
{
	MemoryContext caller = CurrentMemoryContext;
	const char *sql = related->plan_find == NULL ? parent_query(related, related->is_current) : NULL;
	struct varlena *seen = NULL;
	struct varlena *path = NULL;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	run_select(related->relid, &related->plan_find, sql, parent, InvalidSnapshot, 1);
	if (SPI_processed > 0 && result_is_overtaken())
	{
		seen = result_path(0, parent, CurrentMemoryContext);
		run_select(related->relid, &related->plan_find, sql, parent, GetLatestSnapshot(), 1);
	}
	if (SPI_processed > 0)
	{
		path = result_path(0, parent, caller);
		*begin = result_time(0, PARENT_FROM, DT_NOBEGIN);
	}
	if (seen != NULL && IsolationUsesXactSnapshot() && !same_path(seen, path))
		raise_overtaken(parent);
	SPI_finish();
	return path;
}

/* The present path of the parent, its row locked, or NULL; it is then in table->parent_lineage. */
static struct varlena *
find_present(LineageTable *table, const char *identifier, const char *parent)
{
	struct varlena *path = NULL;
	TimestampTz begin = DT_NOBEGIN;
	ListCell   *lc;

	if (table->parent_identifier != NULL && table->parent_epoch == vxp_lineage_epoch() &&
		strcmp(table->parent_identifier, parent) == 0)
		return table->parent_lineage;

	foreach(lc, possible_parents(table, identifier, parent))
	{
		path = read_present(lfirst(lc), parent, &begin);
		if (path != NULL)
			break;
	}
	if (path == NULL)
		return NULL;
	if (table->parent_identifier != NULL)
	{
		pfree(table->parent_identifier);
		pfree(table->parent_lineage);
		table->parent_identifier = NULL;
	}
	table->parent_lineage = (struct varlena *)
		DatumGetPointer(PointerGetDatum(MemoryContextAlloc(table->context, VARSIZE_ANY(path))));
	memcpy(table->parent_lineage, path, VARSIZE_ANY(path));
	table->parent_identifier = MemoryContextStrdup(table->context, parent);
	table->parent_epoch = vxp_lineage_epoch();
	table->parent_begin = begin;
	return table->parent_lineage;
}

/*
 * All versions of the parent by the given snapshot, or the transaction's, by time
 * and locked, into table->past.  True: one of them has been overtaken since the
 * transaction's.
 */
static bool
read_past(LineageTable *table, const char *identifier, const char *parent, Snapshot snapshot)
{
	bool		overtaken = false;
	ListCell   *lc;

	if (table->past_context == NULL)
		table->past_context = AllocSetContextCreate(table->context, "vxp versions of a parent", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(table->past_context);
	table->past_identifier = NULL;
	table->past_count = 0;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	foreach(lc, possible_parents(table, identifier, parent))
	{
		RelatedTable *related = lfirst(lc);

		run_select(related->relid, &related->plan_history,
				   related->plan_history == NULL ? parent_query(related, " ORDER BY 4") : NULL, parent, snapshot, 0);
		if (SPI_processed == 0)
			continue;
		overtaken = snapshot == InvalidSnapshot && result_is_overtaken();
		table->past = MemoryContextAlloc(table->past_context, sizeof(ParentVersion) * SPI_processed);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			ParentVersion *version = &table->past[table->past_count++];

			version->path = result_path(i, parent, table->past_context);
			version->valid.from = result_time(i, PARENT_FROM, DT_NOBEGIN);
			version->valid.to = result_time(i, PARENT_TO, DT_NOEND);
		}
		break;
	}
	SPI_finish();
	table->past_identifier = MemoryContextStrdup(table->past_context, parent);
	table->past_epoch = vxp_lineage_epoch();
	return overtaken;
}

/*
 * The one path that the parent had during "wanted", or NULL: it was not there at
 * *missing, or moved at *moved.
 */
static struct varlena *
path_during(const LineageTable *table, VersionInterval wanted, TimestampTz *missing, TimestampTz *moved)
{
	struct varlena *path = NULL;

	*missing = wanted.from;
	*moved = DT_NOBEGIN;
	for (int i = 0; i < table->past_count; i++)
	{
		const ParentVersion *version = &table->past[i];

		if (!vxp_intervals_overlap(version->valid, wanted))
			continue;
		if (version->valid.from > *missing)
			return NULL;
		if (path != NULL && !vxp_lineage_equal(lineage_span(path), lineage_span(version->path)))
		{
			*moved = version->valid.from;
			return NULL;
		}
		path = version->path;
		*missing = version->valid.to;
	}
	return *missing >= wanted.to ? path : NULL;
}

/* The one path that the parent had during "wanted"; errors when there is none. */
static struct varlena *
find_covering(LineageTable *table, const char *identifier, const char *parent, VersionInterval wanted)
{
	struct varlena *path;
	TimestampTz missing;
	TimestampTz moved;
	bool		known = table->past_identifier != NULL && table->past_epoch == vxp_lineage_epoch() &&
		strcmp(table->past_identifier, parent) == 0;
	bool		overtaken = !known && read_past(table, identifier, parent, InvalidSnapshot);

	path = path_during(table, wanted, &missing, &moved);

	/*
	 * While we waited for a lock, the parent may have moved, or its versions may
	 * have been split by a correction: what the first snapshot lacks, a later one
	 * shows.
	 */
	if (overtaken || (path == NULL && !IsolationUsesXactSnapshot()))
	{
		struct varlena *seen = path == NULL ? NULL : (struct varlena *)
			PG_DETOAST_DATUM_COPY(PointerGetDatum(path));

		read_past(table, identifier, parent, GetLatestSnapshot());
		path = path_during(table, wanted, &missing, &moved);
		if (seen != NULL && IsolationUsesXactSnapshot() && !same_path(seen, path))
			raise_overtaken(parent);
	}
	if (path != NULL)
		return path;
	if (table->past_count == 0)
		raise_unknown_parent(table, identifier, parent);
	if (!TIMESTAMP_IS_NOBEGIN(moved))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("parent \"%s\" moved while a version of \"%s\" would be valid", parent, identifier),
				 errdetail("The version is valid in %s, the parent moved at %s.",
						   vxp_interval_text(wanted), vxp_instant_text(moved)),
				 errhint("Give the resource a version before the move and one after it.")));
	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("parent \"%s\" does not exist all the time of a version of \"%s\"", parent, identifier),
			 errdetail("The version is valid in %s, and there is no parent at %s.",
					   vxp_interval_text(wanted), vxp_instant_text(missing)),
			 errhint("A version must lie within the versions of its parent.")));
}

/*
 * vxp_find_parent returns the path of the parent, which is locked; 23503 when
 * there is none, 23514 when it cannot be one or moved.
 *
 * The parent must be there during "wanted", unless "begin" is given: then it
 * must be there now, and "begin" is raised to when its present version began.
 */
struct varlena *
vxp_find_parent(LineageTable *table, const char *identifier, const char *parent,
				VersionInterval wanted, TimestampTz *begin)
{
	if (begin != NULL || TIMESTAMP_IS_NOEND(wanted.to))
	{
		struct varlena *path = find_present(table, identifier, parent);

		if (path == NULL)
			raise_unknown_parent(table, identifier, parent);
		if (begin != NULL)
			*begin = Max(*begin, table->parent_begin);
		if (begin != NULL || wanted.from >= table->parent_begin)
			return path;
	}
	return find_covering(table, identifier, parent, wanted);
}

/* One lock for each tree, so that two moves in it cannot make a cycle together. */
static void
lock_root(uint32 root)
{
	LockDatabaseObject(vxp_catalog_relid(), root, 0, ExclusiveLock);
}

static uint32
root_key(LineageSpan path)
{
	const uint8 *cursor = path.data;
	LineageLabel root = lineage_next_label(&cursor);

	return DatumGetUInt32(hash_any((const unsigned char *) root.bytes, root.length));
}

/*
 * Before the parent of a row changes: lock the trees it leaves and enters, and
 * the row itself FOR UPDATE, which waits for those who insert below it.
 * Returns the path of the new parent (NULL: the row becomes a root).
 *
 * The tree that a parent belongs to is known only by looking, and may change
 * while we wait for its lock; so look again with the lock held.
 *
 * "begin" is raised to the earliest instant at which the move may take effect.
 */
struct varlena *
vxp_lock_for_move(LineageTable *table, const char *old_identifier, LineageSpan old_path,
				  const char *identifier, const char *parent, TimestampTz *begin)
{
	VersionInterval always = {DT_NOBEGIN, DT_NOEND};
	struct varlena *path = NULL;
	uint32		from = root_key(old_path);
	bool		held = false;
	char	   *sql = NULL;

	/* two keys in ascending order, as far as they are known beforehand */
	if (parent != NULL)
	{
		uint32		to;

		vxp_lineage_forget_parents();
		path = vxp_find_parent(table, identifier, parent, always, begin);
		to = root_key(lineage_span(path));
		if (to < from)
		{
			lock_root(to);
			lock_root(from);
			held = true;
		}
		else
		{
			lock_root(from);
			if (to != from)
				lock_root(to);
			held = true;
		}
		for (;;)
		{
			uint32		now;

			CHECK_FOR_INTERRUPTS();
			vxp_lineage_forget_parents();
			path = vxp_find_parent(table, identifier, parent, always, begin);
			now = root_key(lineage_span(path));
			if (now == to || now == from)
				break;
			lock_root(now);
			to = now;
		}
	}
	if (!held)
		lock_root(from);
	if (table->plan_lock_self == NULL)
		sql = psprintf("SELECT %s FROM %s WHERE %s OPERATOR(pg_catalog.=) $1%s FOR UPDATE",
					   table->self.lineage, table->self.table, table->self.identifier, table->self.is_current);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	run_select(table->self.relid, &table->plan_lock_self, sql, old_identifier, InvalidSnapshot, 1);
	SPI_finish();
	if (table->versions_below)
		*begin = Max(*begin, vxp_lock_subtree(table, old_identifier));
	return path;
}
