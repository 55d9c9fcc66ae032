/*
 * dql_parse.h - what the files of the request parser share
 */
#ifndef VXP_DQL_PARSE_H
#define VXP_DQL_PARSE_H

#include "postgres.h"

#include "dql/dql.h"

/* A place in the request, as a chain over the C stack; the root has neither key nor index. */
typedef struct DqlPlace
{
	const struct DqlPlace *parent;
	const char *key;
	int			index;			/* when key is NULL */
} DqlPlace;

typedef struct DqlParse
{
	DqlRequest *request;
	VxpError   *error;			/* the first error; everything stops there */
	int			depth;			/* levels of logic and nesting around the current node */
	int			inside;			/* levels of conditions that are relative to an element */
} DqlParse;

#define DQL_ROOT {NULL, NULL, -1}

/* dql_parse_value.c */
extern char *vxp_dql_place_text(const DqlPlace *place);
extern VxpError *vxp_dql_fail(DqlParse *parse, const DqlPlace *place, int code, const char *fmt,...) pg_attribute_printf(4, 5);
extern char *vxp_dql_quoted(const char *text);
extern DqlPath *vxp_dql_parse_path(DqlParse *parse, const char *text, const DqlPlace *place);
extern bool vxp_dql_has_key(const DqlValue *value, const char *key);
extern bool vxp_dql_parse_param(DqlParse *parse, const DqlValue *value, const DqlPlace *place, DqlValue **result);
extern DqlValue *vxp_dql_parse_value(DqlParse *parse, const DqlValue *value, const DqlPlace *place);
extern DqlValue *vxp_dql_parse_values(DqlParse *parse, const DqlValue *list, const DqlPlace *place);
extern DqlValue *vxp_dql_make_list(DqlValue **items, int count);

/* for the usual error: the request has the wrong shape */
#define fail_shape(parse, place, ...) \
	vxp_dql_fail(parse, place, ERRCODE_INVALID_PARAMETER_VALUE, __VA_ARGS__)

/* dql_parse.c */
extern DqlNode *vxp_dql_parse_filter(DqlParse *parse, const DqlValue *value, const DqlPlace *place);

/* dql_request.c */
extern bool vxp_dql_integer(const DqlValue *value, int64 *result);
extern bool vxp_dql_request_key(int index, const char **name, const char **manual);
extern void vxp_dql_parse_request(DqlParse *parse, const DqlValue *value);
typedef enum DqlScope
{
	DQL_SCOPE_REQUEST,			/* a whole request */
	DQL_SCOPE_SUBQUERY,			/* values of one field (section 4.10) */
	DQL_SCOPE_SET				/* a query of intersect or except (section 5) */
} DqlScope;
extern bool vxp_dql_is_request_key(const char *key);
extern DqlRequest *vxp_dql_parse_nested(DqlParse *parse, const DqlValue *value, DqlScope scope, const DqlPlace *place);

/* dql_write_parse.c: what changes rows */
extern void vxp_dql_parse_update(DqlParse *parse, const DqlValue *value, const DqlPlace *place);
extern void vxp_dql_parse_delete(DqlParse *parse, const DqlValue *value, const DqlPlace *place);
extern void vxp_dql_parse_references(DqlParse *parse, const DqlValue *value, const DqlPlace *place);
extern void vxp_dql_check_write(DqlParse *parse, const DqlValue *value, const DqlPlace *root);
extern const DqlValue *vxp_dql_unwrap(DqlParse *parse, const DqlValue *value);

/* dql_relate.c: conditions that look at other rows */
extern bool vxp_dql_is_subquery(const DqlValue *value);
extern DqlRequest *vxp_dql_parse_subquery(DqlParse *parse, const DqlValue *value, const DqlPlace *place);
extern void vxp_dql_parse_joins(DqlParse *parse, const DqlValue *value, const DqlPlace *place);
extern List *vxp_dql_parse_sets(DqlParse *parse, const DqlValue *value, const DqlPlace *place);
extern List *vxp_dql_parse_sort_value(DqlParse *parse, const DqlValue *value, const DqlPlace *place);

#endif							/* VXP_DQL_PARSE_H */
