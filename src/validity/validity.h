/*
 * validity.h - intervals of versions, and the instant that a session reads
 *
 * A version is valid in [valid_from, valid_to).  It is open when valid_to is
 * NULL or infinity; tables keep NULL.
 */
#ifndef VXP_VALIDITY_H
#define VXP_VALIDITY_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Is the version [from, to) valid at the instant?  "open": valid_to is NULL. */
static inline bool
vxp_validity_covers(TimestampTz from, bool open, TimestampTz to, TimestampTz at)
{
	return from <= at && (open || at < to || TIMESTAMP_IS_NOEND(to));
}

/* validity_setting.c: the setting vxp.as_of */
extern bool vxp_as_of_is_set(void); /* also when its value is none: never raises */
extern bool vxp_as_of(TimestampTz *instant);	/* false: the present; 22007 for a bad value */
extern void vxp_validity_init(void);

#endif							/* VXP_VALIDITY_H */
