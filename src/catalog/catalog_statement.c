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
#include "miscadmin.h"
#include "nodes/pg_list.h"
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
	struct varlena *before;		/* its path; NULL unless it changes later than the transaction, as the next */
	struct varlena *after;		/* NULL: it ends */
	TimestampTz at;				/* when */
} StatementRow;

/* A running statement; functions and triggers of a user's may run others in the middle of one. */
typedef struct Statement
{
	struct Statement *outer;
	MemoryContextCallback callback;
	MemoryContext context;		/* lives as long as it */
	CommandId	command;
	List	   *rows;			/* of StatementRow * */
	TimestampTz earliest;		/* of them */
	TimestampTz latest;
} Statement;

static Statement *innermost = NULL;

static void
forget_statement(void *arg)
{
	Statement **link = &innermost;

	while (*link != arg)
		link = &(*link)->outer;
	*link = (*link)->outer;
}

/* What is known of the running statement, whose state is in "context". */
static Statement *
running_statement(MemoryContext context)
{
	CommandId	command = GetActiveSnapshot()->curcid;
	Statement  *statement;

	for (statement = innermost; statement != NULL; statement = statement->outer)
		if (statement->command == command)
			return statement;
	statement = MemoryContextAllocZero(context, sizeof(Statement));
	statement->context = context;
	statement->command = command;
	statement->earliest = DT_NOEND;
	statement->latest = DT_NOBEGIN;
	statement->callback.func = forget_statement;
	statement->callback.arg = statement;
	MemoryContextRegisterResetCallback(context, &statement->callback);
	statement->outer = innermost;
	innermost = statement;
	return statement;
}

static bool
is_below(const struct varlena *path, const char *identifier, int length)
{
	return path != NULL && vxp_lineage_has_ancestor(lineage_span(path), identifier, length);
}

/*
 * vxp_statement_effect returns when a row of the running statement may move or
 * end: at "at", or later, when one before it does that is or was above or below
 * it.  "after" is NULL for an end; "context" ends with the statement.
 */
TimestampTz
vxp_statement_effect(MemoryContext context, const char *identifier, const struct varlena *before,
					 const struct varlena *after, TimestampTz at)
{
	Statement  *statement = running_statement(context);
	int			length = (int) strlen(identifier);
	ListCell   *lc;

	if (statement->latest <= at)
		return at;
	foreach(lc, statement->rows)
	{
		const StatementRow *row = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (row->at > at &&
			(is_below(before, row->identifier, row->length) || is_below(after, row->identifier, row->length) ||
			 is_below(row->before, identifier, length) || is_below(row->after, identifier, length)))
			at = row->at;
	}
	return at;
}

/*
 * vxp_statement_note remembers, until the statement ends, that a row of it moves
 * or ends at "at"; 40001 when it lay below one that did sooner.
 */
void
vxp_statement_note(MemoryContext context, const char *identifier, const struct varlena *before,
				   const struct varlena *after, TimestampTz at)
{
	Statement  *statement = running_statement(context);
	bool		late = at > GetCurrentTransactionStartTimestamp();
	MemoryContext caller;
	StatementRow *noted;
	ListCell   *lc;

	if (statement->earliest < at)
		foreach(lc, statement->rows)
		{
			const StatementRow *row = lfirst(lc);

			CHECK_FOR_INTERRUPTS();
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
	/* nothing waits for one that changes with the transaction */
	noted->before = late ? (struct varlena *) PG_DETOAST_DATUM_COPY(PointerGetDatum(before)) : NULL;
	noted->after = late && after != NULL ? (struct varlena *) PG_DETOAST_DATUM_COPY(PointerGetDatum(after)) : NULL;
	noted->at = at;
	statement->rows = lappend(statement->rows, noted);
	statement->earliest = Min(statement->earliest, at);
	statement->latest = Max(statement->latest, at);
	MemoryContextSwitchTo(caller);
}
