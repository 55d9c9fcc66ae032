/*
 * dql_write.h - writes: binding, statements, records for undo
 *
 * An update that is recorded locks its rows first, so that the old rows are
 * those that it then changes, and changes the locked rows by their place.  A
 * delete, and an update without a record, is one statement: whoever may delete
 * need not be allowed to lock, nor whoever may update a column to see the place
 * of a row.  All go through rewriting and planning as the current user's own
 * statements.
 */
#ifndef VXP_DQL_WRITE_H
#define VXP_DQL_WRITE_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "nodes/parsenodes.h"
#include "utils/tuplestore.h"

#include "dql/dql_bind.h"

/* A request that writes, bound; the table is locked (RowExclusiveLock). */
typedef struct BoundWrite
{
	const DqlText *dql;
	const DqlWrite *write;
	const char *resource;		/* name of the resource type */
	BoundQuery *bound;			/* which rows */
	BoundColumn *column;		/* jsonb column with the metadata; NULL for a delete */
	DqlPath    *inside;			/* where the metadata are in it; count 0: it is them */
	List	   *columns;		/* of char *: what an image of a row holds */
} BoundWrite;

/* Rows that an update has locked. */
typedef struct LockedRows
{
	int			count;
	Datum	   *places;			/* tid */
	Datum	   *relations;		/* oid: the table itself or the partition */
} LockedRows;

/* The result of a statement, being read. */
typedef struct WriteResult
{
	Tuplestorestate *store;
	TupleTableSlot *slot;
	uint64		rows;
} WriteResult;

/* dql_write_build.c: analysed statements */
extern bool vxp_write_is_empty(const BoundWrite *write);
extern Query *vxp_write_lock_query(const BoundWrite *write);
extern Query *vxp_write_update_query(const BoundWrite *write, const LockedRows *rows);
extern Query *vxp_write_plain_query(const BoundWrite *write, bool image);
extern Query *vxp_write_probe_query(const BoundWrite *write, bool items);

/* dql_write.c */
extern bool vxp_write_next(WriteResult *result);

/* dql_undo_record.c: what undo needs; the result "before" has images in column "attribute" */
extern void vxp_record_check(const BoundWrite *write);
extern int64 vxp_record(const BoundWrite *write, WriteResult *before, int attribute, const Datum *after, uint64 rows);

#endif							/* VXP_DQL_WRITE_H */
