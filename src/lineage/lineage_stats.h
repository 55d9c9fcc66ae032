/*
 * lineage_stats.h - what ANALYZE keeps about a lineage column, and selectivity
 *
 * Beside the standard slots there are two:
 *
 * STATISTIC_KIND_MCELEM: the most common ancestors, as text in byte order; the
 * numbers are their shares of the rows that are not NULL, then the least and
 * the greatest of them.
 *
 * LINEAGE_STATISTIC_KIND: one text value for each identifier type ('' for
 * identifiers without one), in byte order, and for each LINEAGE_TYPE_NUMBERS
 * numbers in the order of the enum.  Shares are of the rows that are not NULL;
 * a row with two ancestors of a type counts twice.  Distinct counts are those
 * of the whole table as pg_statistic has them: a count, or if negative a share
 * of the rows.
 */
#ifndef VXP_LINEAGE_STATS_H
#define VXP_LINEAGE_STATS_H

#include "access/stratnum.h"
#include "nodes/supportnodes.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

#include "lineage/lineage.h"

#define LINEAGE_STATISTIC_KIND 17231	/* private range of pg_statistic.h */

typedef enum LineageTypeNumber
{
	LINEAGE_TYPE_SHARE,			/* ancestors of the type for each row */
	LINEAGE_TYPE_DISTINCT,		/* different ancestors of the type */
	LINEAGE_TYPE_REST_SHARE,	/* the same two without the most common ancestors */
	LINEAGE_TYPE_REST_DISTINCT,
	LINEAGE_TYPE_SELF_SHARE,	/* rows that are themselves of the type */
	LINEAGE_TYPE_SELF_DISTINCT	/* different identifiers among them */
} LineageTypeNumber;

#define LINEAGE_TYPE_NUMBERS 6

/* lineage_selfuncs.c */
extern Node *vxp_lineage_selectivity_request(SupportRequestSelectivity *request, StrategyNumber strategy);

#endif							/* VXP_LINEAGE_STATS_H */
