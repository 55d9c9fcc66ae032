/*
 * catalog_subtree.c - all below a resource: locked, and since when it is as it is
 *
 * When a resource moves or ends, the versions below it must be able to move or
 * end at the same instant.  That instant cannot lie before the begin of one of
 * them, or the end of one that has ended meanwhile: transactions that began
 * after ours may have committed before.  So all that is valid now or later is
 * locked first, and the resource changes no sooner than all of it can.
 *
 * Nothing is missed.  The resource itself is locked FOR UPDATE, and so is, by
 * rounds, all below it that a new snapshot shows, until there is no more than
 * that; who inserts below one of these, or moves something there, needs KEY
 * SHARE on it.
 *
 * In REPEATABLE READ a row that our snapshot cannot see must not be missed
 * either.  As foreign-key actions do, we look with the newest snapshot and let
 * the lock fail with 40001 on rows that the transaction's snapshot lacks.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog/catalog.h"
#include "catalog/catalog_lineage.h"
#include "common/vxp_compat.h"

/*
 * vxp_run_as_owner runs a saved plan as the owner of "relid" with the newest snapshot.  SPI is
 * connected.  AFTER triggers of the rows fire before this returns.
 */
uint64
vxp_run_as_owner(Oid relid, SPIPlanPtr plan, Datum *values, long limit)
{
	OwnerScope	saved;
	int			rc;

	vxp_enter_owner(relid, &saved);
	if (IsolationUsesXactSnapshot())
	{
		CommandCounterIncrement();
		rc = SPI_execute_snapshot(plan, values, NULL, GetLatestSnapshot(), GetTransactionSnapshot(),
								  false, true, limit);
	}
	else
		rc = SPI_execute_plan(plan, values, NULL, false, limit);
	vxp_leave_owner(&saved);
	if (rc < 0)
		elog(ERROR, "SPI_execute_plan returned %s", SPI_result_code_string(rc));
	return SPI_processed;
}

static void
prepare_subtree(RelatedTable *below)
{
	Oid			types[2] = {TEXTOID, TIMESTAMPTZOID};
	char	   *condition;

	if (below->versioned)
		condition = psprintf("%s OPERATOR(vxp.@^) $1::vxp.identifier AND "
							 "vxp.validity(%s, %s) OPERATOR(pg_catalog.&&) pg_catalog.tstzrange($2, NULL)",
							 below->lineage, below->valid_from, below->valid_to);
	else
		condition = psprintf("%s OPERATOR(vxp.@^) $1::vxp.identifier AND $2 IS NOT NULL", below->lineage);
	below->plan_subtree =
		vxp_prepare_as_owner(below->relid,
							 psprintf("SELECT %s, %s, xmin FROM %s WHERE %s ORDER BY %s FOR UPDATE",
									  below->versioned ? below->valid_from : "NULL", below->versioned ? below->valid_to : "NULL",
									  below->table, condition, below->identifier),
							 2, types);
	below->plan_count =
		vxp_prepare_as_owner(below->relid, psprintf("SELECT pg_catalog.count(*) FROM %s WHERE %s", below->table, condition),
							 2, types);
}

/* The earliest instant at which the versions just read can change. */
static TimestampTz
earliest_change(TimestampTz now)
{
	TimestampTz earliest = DT_NOBEGIN;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		bool		no_from;
		bool		no_to;
		bool		isnull;
		TimestampTz from = DatumGetTimestampTz(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &no_from));
		TimestampTz to = DatumGetTimestampTz(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &no_to));
		TransactionId xmin = DatumGetTransactionId(SPI_getbinval(row, SPI_tuptable->tupdesc, 3, &isnull));

		if (no_from)
			continue;
		if (!no_to)
			earliest = Max(earliest, to);
		else if (from >= now)
			/* a version of our own changes in place */
			earliest = Max(earliest, TransactionIdIsCurrentTransactionId(xmin) ? from : from + 1);
	}
	return earliest;
}

/*
 * vxp_lock_subtree locks all below "identifier", whose row is locked, and
 * returns the earliest instant at which the versions among it can change;
 * DT_NOBEGIN when any will do.  SPI must not be connected.
 */
TimestampTz
vxp_lock_subtree(LineageTable *table, const char *identifier)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	TimestampTz earliest = DT_NOBEGIN;
	Datum		values[2];
	ListCell   *lc;
	uint64		locked = 0;
	uint64		present;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	values[0] = CStringGetTextDatum(identifier);
	values[1] = TimestampTzGetDatum(now);
	do
	{
		CHECK_FOR_INTERRUPTS();
		locked = 0;
		present = 0;
		foreach(lc, table->descendants)
		{
			RelatedTable *below = lfirst(lc);

			if (below->plan_subtree == NULL)
				prepare_subtree(below);
			locked += vxp_run_as_owner(below->relid, below->plan_subtree, values, 0);
			earliest = Max(earliest, earliest_change(now));
			SPI_freetuptable(SPI_tuptable);
		}
		/*
		 * What was stored while we waited for locks.  It may be all there is: of
		 * a row that another session ended or moved away, the closed copy.
		 */
		foreach(lc, table->descendants)
		{
			RelatedTable *below = lfirst(lc);
			bool		isnull;

			(void) vxp_run_as_owner(below->relid, below->plan_count, values, 0);
			present += DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
			SPI_freetuptable(SPI_tuptable);
		}
	} while (present > locked);
	SPI_finish();
	return earliest;
}
