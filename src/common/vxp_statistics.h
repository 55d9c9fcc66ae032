/*
 * vxp_statistics.h - slots of pg_statistic, unpacked and kept in the session
 */
#ifndef VXP_STATISTICS_H
#define VXP_STATISTICS_H

#include "postgres.h"

#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

#define VXP_SLOTS 2

/* What to unpack: a STATISTIC_KIND, and the flags of get_attstatsslot. */
typedef struct VxpSlotKind
{
	int			kind;
	int			flags;
} VxpSlotKind;

typedef struct VxpSlots
{
	bool		found[VXP_SLOTS];
	AttStatsSlot slot[VXP_SLOTS];
} VxpSlots;

extern const VxpSlots *vxp_statistics_slots(const VariableStatData *variable, const VxpSlotKind *kinds);

#endif							/* VXP_STATISTICS_H */
