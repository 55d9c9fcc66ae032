/*
 * catalog_statement.c - one statement that moves or ends a resource and another below it
 *
 * What lies below a row that moved or ended follows after the statement
 * (catalog_move.c), at the instant at which that row changed.  Rows of one
 * statement change at the same instant, the begin of the transaction, unless
 * another transaction that began later has changed something below one of them
 * already (catalog_subtree.c).  Then two rows of which one was or is below the
 * other might change at two instants, and what lies below both follow the wrong
 * one, or a child outlive its parent.
 *
 * So a row changes no sooner than those before it in the statement that it has to
 * do with.  It may change later than one that it lay below only if its path could
 * follow that one first, which it cannot, since it is being written: then 40001.
 * A transaction that is tried again begins after those that were in its way.
 *
 * Proof that this is enough, for R before X in a statement, and both changing at
 * the same instant or R sooner.  X was below R: the same instant, so what the path
 * of X and all below it was between does not arise.  R was below X: what is below R
 * follows R first, triggers after a statement fire in the order of its rows, and X
 * does not reach it any more.  R came below X, or X below R: the later one to
 * change carries the other, and what has followed that one already.
 */
#include "postgres.h"

#include "access/xact.h"
#include "nodes/pg_list.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog/catalog_lineage.h"
#include "common/vxp_compat.h"

/* A row that the statement moves or ends. */
typedef struct StatementRow
{
	const char *identifier;
	int			length;
	struct varlena *before;		/* its path */
	struct varlena *after;		/* NULL: it ends */
	TimestampTz at;				/* when */
} StatementRow;

/* Statements that are running: triggers of a user's may run others in the middle of one. */
typedef struct Statement
{
	MemoryContext context;		/* NULL: none was noted in this transaction */
	MemoryContextCallback callback;
	int			depth;
	CommandId	command;
	List	   *rows;			/* of StatementRow * */
	TimestampTz latest;			/* of them */
} Statement;

static Statement statements[16];

static void
forget_statement(void *arg)
{
	((Statement *) arg)->context = NULL;
}

/* The running statement; its rows, unless it is another than the last one of its depth. */
static Statement *
running_statement(void)
{
	int			depth = DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0));
	CommandId	command = GetActiveSnapshot()->curcid;
	Statement  *statement = &statements[depth % lengthof(statements)];

	if (statement->context != NULL && (statement->depth != depth || statement->command != command))
		MemoryContextDelete(statement->context);
	if (statement->context == NULL)
	{
		statement->context = AllocSetContextCreate(TopTransactionContext, "vxp rows of a statement", ALLOCSET_SMALL_SIZES);
		statement->callback.func = forget_statement;
		statement->callback.arg = statement;
		MemoryContextRegisterResetCallback(statement->context, &statement->callback);
		statement->depth = depth;
		statement->command = command;
		statement->rows = NIL;
		statement->latest = DT_NOBEGIN;
	}
	return statement;
}

static bool
is_below(const struct varlena *path, const char *identifier, int length)
{
	return path != NULL && vxp_lineage_has_ancestor(lineage_span(path), identifier, length);
}

/*
 * vxp_statement_floor returns when a row of the running statement may move or
 * end: at "floor", or later, when one before it does that is or was above or
 * below it.  "after" is NULL for an end.
 */
TimestampTz
vxp_statement_floor(const char *identifier, const struct varlena *before, const struct varlena *after, TimestampTz floor)
{
	Statement  *statement = running_statement();
	int			length = (int) strlen(identifier);
	ListCell   *lc;

	if (statement->latest <= GetCurrentTransactionStartTimestamp())
		return floor;
	foreach(lc, statement->rows)
	{
		const StatementRow *row = lfirst(lc);

		if (row->at > floor &&
			(is_below(before, row->identifier, row->length) || is_below(after, row->identifier, row->length) ||
			 is_below(row->before, identifier, length) || is_below(row->after, identifier, length)))
			floor = row->at;
	}
	return floor;
}

/*
 * vxp_statement_note remembers, until the statement ends, that a row of it moves
 * or ends at "at"; 40001 when it lay below one that did sooner.
 */
void
vxp_statement_note(const char *identifier, const struct varlena *before, const struct varlena *after, TimestampTz at)
{
	Statement  *statement = running_statement();
	MemoryContext caller;
	StatementRow *noted;
	ListCell   *lc;

	if (at > GetCurrentTransactionStartTimestamp())
		foreach(lc, statement->rows)
		{
			const StatementRow *row = lfirst(lc);

			if (row->at < at && is_below(before, row->identifier, row->length))
				ereport(ERROR,
						(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						 errmsg("could not serialize access due to concurrent update"),
						 errdetail("\"%s\" and \"%s\", which lies below it, would change at different instants.",
								   row->identifier, identifier),
						 errhint("The transaction might succeed if retried.")));
		}
	caller = MemoryContextSwitchTo(statement->context);
	noted = palloc(sizeof(StatementRow));
	noted->identifier = pstrdup(identifier);
	noted->length = (int) strlen(identifier);
	noted->before = (struct varlena *) PG_DETOAST_DATUM_COPY(PointerGetDatum(before));
	noted->after = after == NULL ? NULL : (struct varlena *) PG_DETOAST_DATUM_COPY(PointerGetDatum(after));
	noted->at = at;
	statement->rows = lappend(statement->rows, noted);
	statement->latest = Max(statement->latest, at);
	MemoryContextSwitchTo(caller);
}
