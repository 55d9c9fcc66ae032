/*
 * dql_envelope.h - the members of an answer (docs/dql.md, answer)
 */
#ifndef VXP_DQL_ENVELOPE_H
#define VXP_DQL_ENVELOPE_H

#include "postgres.h"

#include "utils/jsonb.h"

extern void vxp_push_key(JsonbParseState **state, const char *key);
extern void vxp_push_number(JsonbParseState **state, const char *key, int64 number);
extern void vxp_push_boolean(JsonbParseState **state, const char *key, bool value);
extern void vxp_push_item(JsonbParseState **state, Datum item, bool isnull);

#endif							/* VXP_DQL_ENVELOPE_H */
