/*
 * catalog_correct.c - the past put right: vxp.correct and vxp.purge
 *
 * The rows of the resource itself are written by PL/pgSQL with the rights of
 * the caller, as given: see vxp_given_relid.  What lies below it follows here,
 * with the rights of the tables' owners, level by level: a child that was valid
 * while its parent's path is another now is split where that changes.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog/catalog.h"
#include "catalog/catalog_lineage.h"
#include "common/vxp_compat.h"

VXP_FUNCTION(vxp_correct);
VXP_FUNCTION(vxp_purge);

/* A child whose path changed, or that ended, in an interval. */
typedef struct ChangedChild
{
	char	   *identifier;
	VersionInterval interval;
} ChangedChild;

static const ResourceType *
require_versioned(const char *name)
{
	const ResourceType *type = vxp_catalog_by_name(name);

	if (type == NULL)
	{
		const char *near = vxp_catalog_nearest(name);

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("resource type \"%s\" does not exist", name),
				 near ? errhint("Perhaps you meant \"%s\".", near) : 0));
	}
	if (!type->versioned || !OidIsValid(type->relid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("resource type \"%s\" has no versions", name)));
	return type;
}

/* Runs a statement that returns one bigint while rows of "relid" are stored as given.  SPI is connected. */
static int64
run_given(Oid relid, const char *sql, int nargs, Oid *types, Datum *values, const char *nulls)
{
	Oid			outer = vxp_given_relid;
	int			rc;
	bool		isnull;

	vxp_given_relid = relid;
	PG_TRY();
	{
		rc = SPI_execute_with_args(sql, nargs, types, values, nulls, false, 0);
	}
	PG_FINALLY();
	{
		vxp_given_relid = outer;
	}
	PG_END_TRY();
	if (rc != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "SPI_execute_with_args returned %s", SPI_result_code_string(rc));
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/*
 * Runs a statement that only reads with a snapshot of now, whatever the
 * transaction's is.  Who inserts below a row needs a lock on it that conflicts
 * with ours: what was inserted before we had the row shows in this snapshot.
 * SPI is connected.
 */
static void
read_now(const char *sql, int nargs, Oid *types, Datum *values)
{
	int			rc;

	CommandCounterIncrement();
	PushActiveSnapshot(GetLatestSnapshot());
	rc = SPI_execute_with_args(sql, nargs, types, values, NULL, true, 0);
	PopActiveSnapshot();
	if (rc != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "SPI_execute_with_args returned %s", SPI_result_code_string(rc));
}

/*
 * In REPEATABLE READ, children that the transaction's snapshot lacks cannot
 * follow: an error instead of a child that is forgotten.  Those that others
 * changed or ended are refused when they are locked.
 */
static void
require_all_children_seen(int nargs, Oid *types, Datum *values)
{
	const char *sql = "SELECT vxp.catalog_count_children($1, $2, $3, $4)";
	int64		now;
	bool		isnull;

	if (!IsolationUsesXactSnapshot())
		return;
	read_now(sql, nargs, types, values);
	now = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	if (SPI_execute_with_args(sql, nargs, types, values, NULL, false, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not count children");
	if (DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)) != now)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update")));
}

/* The times in column "column" of the result, as an array; open ends are infinity. */
static Datum
result_array(int column, Oid type)
{
	int			count = (int) SPI_processed;
	Datum	   *values = palloc(sizeof(Datum) * Max(count, 1));
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	for (int i = 0; i < count; i++)
	{
		bool		isnull;

		values[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, column, &isnull);
		if (isnull)
			values[i] = TimestampTzGetDatum(DT_NOEND);
	}
	return PointerGetDatum(construct_array(values, count, type, length, by_value, align));
}

/*
 * The versions of "identifier" as three arrays: begin, end, path.  As its
 * table's owner.
 */
static void
fetch_versions(const RelatedTable *self, const char *identifier, Datum *arrays)
{
	Oid			types[1] = {TEXTOID};
	Datum		value = CStringGetTextDatum(identifier);
	OwnerScope	saved;

	vxp_enter_owner(self->relid, &saved);
	if (SPI_execute_with_args(psprintf("SELECT %s, %s, %s FROM %s WHERE %s OPERATOR(pg_catalog.=) $1 ORDER BY 1",
									   self->valid_from, self->valid_to, self->lineage, self->table, self->identifier),
							  1, types, &value, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the versions of %s", identifier);
	vxp_leave_owner(&saved);
	arrays[0] = result_array(1, TIMESTAMPTZOID);
	arrays[1] = result_array(2, TIMESTAMPTZOID);
	arrays[2] = result_array(3, vxp_lineage_type_oid());
	SPI_freetuptable(SPI_tuptable);
}

/* Splits or ends the children in one table as the versions of their parent want it; which they were. */
static List *
follow_parent(const RelatedTable *below, const char *identifier, VersionInterval interval, Datum *versions)
{
	Oid			lineage_array = get_array_type(vxp_lineage_type_oid());
	Oid			types[7] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
	TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, lineage_array};
	Datum		values[7] = {CStringGetTextDatum(below->type_name), CStringGetTextDatum(identifier),
		TimestampTzGetDatum(interval.from), TimestampTzGetDatum(interval.to),
	versions[0], versions[1], versions[2]};
	Oid			outer = vxp_given_relid;
	OwnerScope	saved;
	List	   *changed = NIL;

	vxp_lineage_forget_parents();
	vxp_enter_owner(below->relid, &saved);
	require_all_children_seen(4, types, values);
	vxp_given_relid = below->relid;
	PG_TRY();
	{
		if (SPI_execute_with_args("SELECT f.identifier, f.since, f.until FROM vxp.catalog_follow_parent($1, $2, $3, $4, $5, $6, $7) f",
								  7, types, values, NULL, false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not move the versions below %s", identifier);
	}
	PG_FINALLY();
	{
		vxp_given_relid = outer;
	}
	PG_END_TRY();
	vxp_leave_owner(&saved);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		ChangedChild *child = palloc(sizeof(ChangedChild));
		HeapTuple	row = SPI_tuptable->vals[i];
		bool		isnull;

		child->identifier = SPI_getvalue(row, SPI_tuptable->tupdesc, 1);
		child->interval.from = DatumGetTimestampTz(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));
		child->interval.to = DatumGetTimestampTz(SPI_getbinval(row, SPI_tuptable->tupdesc, 3, &isnull));
		changed = lappend(changed, child);
	}
	SPI_freetuptable(SPI_tuptable);
	return changed;
}

/* All below "identifier" follows what changed there in the interval.  SPI is connected. */
static void
settle_past(Oid relid, const char *identifier, VersionInterval interval)
{
	Relation	relation = table_open(relid, AccessShareLock);
	LineageTable *table = vxp_lineage_table(relation);
	Datum		versions[3];
	ListCell   *lc;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (table->descendants != NIL)
	{
		fetch_versions(&table->self, identifier, versions);
		foreach(lc, table->descendants)
		{
			RelatedTable *below = lfirst(lc);
			List	   *changed;
			ListCell   *cell;

			if (!below->direct || !below->versioned)
				continue;
			changed = follow_parent(below, identifier, interval, versions);
			foreach(cell, changed)
			{
				ChangedChild *child = lfirst(cell);

				settle_past(below->relid, child->identifier, child->interval);
			}
		}
		/* what has no versions follows the present */
		vxp_settle_present(table, identifier);
	}
	table_close(relation, AccessShareLock);
}

/*
 * correct(name, identifier, valid_from, valid_to, changes) -> how many versions were corrected
 *
 * Errors: 42704, 55000 unless versioned, P0002 no version in the interval, and
 * those of the triggers.
 */
Datum
vxp_correct(PG_FUNCTION_ARGS)
{
	const ResourceType *type;
	char	   *identifier;
	Oid			types[5] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, JSONBOID};
	Datum		values[5];
	char		nulls[6] = "     ";
	VersionInterval interval;
	int64		count;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name, identifier and valid_from of a correction must not be null")));
	for (int i = 0; i < 5; i++)
	{
		values[i] = PG_GETARG_DATUM(i);
		if (PG_ARGISNULL(i))
			nulls[i] = 'n';
	}
	type = require_versioned(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	identifier = text_to_cstring(PG_GETARG_TEXT_PP(1));
	interval.from = PG_GETARG_TIMESTAMPTZ(2);
	interval.to = PG_ARGISNULL(3) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(3);
	if (interval.from >= interval.to)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the interval of a correction does not end after it begins"),
				 errdetail("It is %s.", vxp_interval_text(interval))));

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	vxp_lineage_forget_parents();
	count = run_given(type->relid, "SELECT vxp.catalog_correct($1, $2, $3, $4, $5)", 5, types, values, nulls);
	if (count > 0 && type->lineage_column != NULL)
		settle_past(type->relid, identifier, interval);
	vxp_lineage_forget_parents();
	SPI_finish();
	PG_RETURN_INT64(count);
}

/* purge(name, before) -> how many versions were removed */
Datum
vxp_purge(PG_FUNCTION_ARGS)
{
	const ResourceType *type;
	Oid			types[2] = {TEXTOID, TIMESTAMPTZOID};
	Datum		values[2];
	int64		count;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name and instant of a purge must not be null")));
	values[0] = PG_GETARG_DATUM(0);
	values[1] = PG_GETARG_DATUM(1);
	type = require_versioned(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	vxp_lineage_forget_parents();
	count = run_given(type->relid, "SELECT vxp.catalog_purge($1, $2)", 2, types, values, NULL);
	/* a version may have been inserted below one that was being removed */
	if (count > 0)
		read_now("SELECT vxp.catalog_purge_check($1, $2)", 2, types, values);
	SPI_finish();
	PG_RETURN_INT64(count);
}
