/*
 * vxp_error.h - an error as a value
 *
 * Stages that must not throw on user error (parser, binder) return one of
 * these; the SQL function that called them raises it.  All strings live in
 * the memory context that was current when the error was made.
 */
#ifndef VXP_ERROR_H
#define VXP_ERROR_H

#include "postgres.h"

#include "common/vxp_compat.h"

typedef struct VxpError
{
	int			code;			/* MAKE_SQLSTATE value */
	char	   *message;		/* primary message, lower case, no full stop */
	char	   *detail;			/* a sentence, or NULL */
	char	   *hint;			/* a sentence with the way out, or NULL */
	char	   *path;			/* JSON path of the fault ("$.filter.a"), or NULL */
} VxpError;

extern VxpError *vxp_error(int code, const char *path, const char *fmt,...) pg_attribute_printf(3, 4);
extern VxpError *vxp_error_detail(VxpError *error, const char *fmt,...) pg_attribute_printf(2, 3);
extern VxpError *vxp_error_hint(VxpError *error, const char *fmt,...) pg_attribute_printf(2, 3);
extern void vxp_error_save(struct Node *escontext, const VxpError *error);
pg_noreturn extern void vxp_error_raise(const VxpError *error);

/* the member of "names" that is most like "name", or NULL when none is near */
extern const char *vxp_nearest(const char *name, const char *const *names, int count);

/* "text" cut to at most 64 bytes on a character boundary, for messages */
extern char *vxp_quote_input(const char *text, int length);

#endif							/* VXP_ERROR_H */
