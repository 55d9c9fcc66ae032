/*
 * lineage_index.h - what all index classes of the lineage type share
 */
#ifndef VXP_LINEAGE_INDEX_H
#define VXP_LINEAGE_INDEX_H

#include "access/stratnum.h"

#include "lineage/lineage.h"

/*
 * Strategies of the GiST and GIN classes; lineage_gist.sql and lineage_gin.sql
 * repeat the numbers.  GIN has those about identifiers only.
 */
#define LINEAGE_STRAT_HAS_ANCESTOR	1	/* lineage @^ identifier */
#define LINEAGE_STRAT_IS_WITHIN		2	/* lineage @^= identifier */
#define LINEAGE_STRAT_BELOW			3	/* lineage <@ lineage */
#define LINEAGE_STRAT_ABOVE			4	/* lineage @> lineage */
#define LINEAGE_STRAT_EQUAL			5	/* lineage = lineage */
#define LINEAGE_STRAT_HAS_ANY		6	/* lineage @^| text[] */
#define LINEAGE_STRAT_HAS_ALL		7	/* lineage @^& text[] */

/* Labels in byte order without duplicates, for lists that many paths are asked about. */
typedef struct LineageLabelSet
{
	int			count;
	LineageLabel *labels;
} LineageLabelSet;

/* lineage_index.c */
extern int	vxp_lineage_array_labels(struct varlena *array, LineageLabel **labels, bool *has_null);
extern void vxp_lineage_label_set(struct varlena *array, LineageLabelSet *set);
extern bool vxp_lineage_has_any(LineageSpan path, const LineageLabelSet *set);
extern bool vxp_lineage_satisfies(LineageSpan path, StrategyNumber strategy, struct varlena *argument);

#endif							/* VXP_LINEAGE_INDEX_H */
