/*
 * version.h - how writes keep versions
 *
 * A row trigger before each change decides the interval of the row (version_row),
 * one after it keeps what was there (version_history).  The physical row becomes
 * the new version and a closed copy of the old one is inserted, so that counts,
 * RETURNING and MERGE are those of the user's statement.
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

/* Column numbers in one table, from the arguments of the trigger. */
typedef struct VersionColumns
{
	AttrNumber	key;			/* what all versions of a resource share */
	AttrNumber	valid_from;
	AttrNumber	valid_to;
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
extern void vxp_version_init(void);

/* version_store.c */
extern void vxp_version_keep(Relation relation, const VersionColumns *columns, HeapTuple row, TimestampTz end);
extern void vxp_version_check_neighbours(Relation relation, const VersionColumns *columns, HeapTuple row);
extern TimestampTz vxp_version_after_last(Relation relation, const VersionColumns *columns, HeapTuple row, TimestampTz from);

#endif							/* VXP_VERSION_H */
