/*
 * dql_cursor.h - tokens of paging by cursor
 */
#ifndef VXP_DQL_CURSOR_H
#define VXP_DQL_CURSOR_H

#include "postgres.h"

#include "dql/dql_bind.h"

extern int	vxp_cursor_settings(void);
extern char *vxp_cursor_make(const BoundQuery *bound, const Datum *values, const bool *nulls, const Oid *types,
							 int64 position);
extern VxpError *vxp_cursor_position(const DqlRequest *request, int64 *position);
extern VxpError *vxp_cursor_bind(const DqlRequest *request, const char *resource, const List *sort, bool total,
								 BoundCursor **result);

#endif							/* VXP_DQL_CURSOR_H */
