/*
 * version.h - how writes keep versions
 *
 * A row trigger before each change decides the interval of the row (version_row),
 * one after it keeps what was there (version_history).  The physical row becomes
 * the new version and a closed copy of the old one is stored in the table of
 * closed rows, so that counts, RETURNING and MERGE are those of the user's
 * statement, and questions about the present read what they would without any
 * history.
 *
 * Boundary rule.  A change ends the old version, and begins the new one, at the
 * start of the transaction or, when the old one does not begin before that, one
 * microsecond after its begin.  So no interval is empty or reversed, whatever
 * the clock does.  A version that this transaction itself began is changed in
 * place: one transaction makes one boundary, and what it creates and deletes
 * leaves nothing.
 */
#ifndef VXP_VERSION_H
#define VXP_VERSION_H

#include "postgres.h"

#include "access/htup.h"
#include "datatype/timestamp.h"
#include "storage/itemptr.h"
#include "utils/rel.h"

/* The constraint that makes a table that inherits the one of the closed rows. */
#define VXP_CLOSED_CONSTRAINT "vxp_closed"

/* The trigger by which UPDATE and DELETE pass over its rows. */
#define VXP_CLOSED_TRIGGER "vxp_closed"

typedef struct VersionStore VersionStore;

/*
 * Column numbers in one table, from the arguments of the trigger, and where the
 * versions of its resources are: closed rows have a table of their own, which
 * inherits, or are in the same partition as the open ones.
 */
typedef struct VersionColumns
{
	AttrNumber	key;			/* what all versions of a resource share */
	AttrNumber	valid_from;
	AttrNumber	valid_to;
	/* version_place.c fills in the rest */
	Oid			current;		/* the table of open rows */
	Oid			closed;			/* that of closed ones, maybe the same */
	AttrNumber	current_key;
	AttrNumber	current_from;
	AttrNumber	current_to;
	AttrNumber	closed_key;
	AttrNumber	closed_from;
	AttrNumber	closed_to;
	MemoryContext context;		/* lives as long as the statement */
	VersionStore *store;		/* version_store.c; NULL: nothing was kept yet */
} VersionColumns;

/* An interval as a row holds it; an open one ends at infinity. */
typedef struct VersionInterval
{
	TimestampTz from;
	TimestampTz to;
} VersionInterval;

/* version_rules.c */
extern bool vxp_intervals_overlap(VersionInterval a, VersionInterval b);
extern char *vxp_instant_text(TimestampTz instant);
extern char *vxp_interval_text(VersionInterval interval);	/* "[from, to)" */
extern void vxp_check_interval(const VersionColumns *columns, HeapTuple row, TupleDesc desc, VersionInterval interval);
extern TimestampTz vxp_version_boundary(TimestampTz from);
extern VersionInterval vxp_row_interval(const VersionColumns *columns, HeapTuple row, TupleDesc desc);
extern char *vxp_row_key(const VersionColumns *columns, HeapTuple row, TupleDesc desc);

/* version_trigger.c */
/*
 * Rows of this table, or of its partitions, are stored as they are given: closed
 * ones may change, and no version is kept.  For corrections, which restore what
 * was before; that versions do not overlap is checked all the same.
 */
extern Oid	vxp_given_relid;
extern bool vxp_takes_given(Relation relation);

extern void vxp_version_not_before(Relation relation, ItemPointer row, TimestampTz at);
extern bool vxp_version_is_own(Relation relation, HeapTuple row, TimestampTz from);
extern TimestampTz vxp_version_effect(Relation relation, const VersionColumns *columns, HeapTuple row, TimestampTz floor);
extern void vxp_version_init(void);

/* version_place.c */
extern bool vxp_is_history(Relation relation);
extern bool vxp_passed_over(Oid relid);
extern Oid	vxp_history_of(Oid relid);
extern void vxp_version_place(Relation relation, VersionColumns *columns);
extern VersionColumns vxp_closed_columns(const VersionColumns *columns);
extern bool vxp_open_alone(Oid relid, AttrNumber valid_to, Oid *history);
extern void vxp_version_place_init(void);

/* version_store.c */
extern void vxp_version_keep(Relation relation, VersionColumns *columns, HeapTuple row, TimestampTz end);
extern void vxp_version_route(Relation relation, VersionColumns *columns, HeapTuple row, TimestampTz end);
extern void vxp_version_check_neighbours(Relation relation, const VersionColumns *columns, HeapTuple row);
extern bool vxp_version_is_open(Relation closed, const VersionColumns *columns, HeapTuple row);
extern TimestampTz vxp_version_after_last(Relation relation, const VersionColumns *columns, HeapTuple row, TimestampTz from);

#endif							/* VXP_VERSION_H */
