/*
 * vxp_error.c - an error as a value, and the nearest valid name for its hint
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "common/vxp_compat.h"
#include "common/vxp_error.h"

/* Quoted input in messages is cut to this many bytes. */
#define MAX_QUOTED_INPUT 64

/* A name further away than this is no help in a hint. */
#define MAX_NEAREST_DISTANCE 4

static char *format_text(const char *fmt, va_list args) pg_attribute_printf(1, 0);

static char *
format_text(const char *fmt, va_list args)
{
	size_t		size = 128;

	for (;;)
	{
		char	   *text = palloc(size);
		va_list		copy;
		size_t		needed;

		va_copy(copy, args);
		needed = pvsnprintf(text, size, fmt, copy);
		va_end(copy);
		if (needed < size)
			return text;
		pfree(text);
		size = needed;
	}
}

/* vxp_error returns a new error; "path" is copied and may be NULL. */
VxpError *
vxp_error(int code, const char *path, const char *fmt,...)
{
	VxpError   *error = palloc0(sizeof(VxpError));
	va_list		args;

	error->code = code;
	error->path = path ? pstrdup(path) : NULL;
	va_start(args, fmt);
	error->message = format_text(_(fmt), args);
	va_end(args);
	return error;
}

/* vxp_error_detail sets the detail sentence and returns its first argument. */
VxpError *
vxp_error_detail(VxpError *error, const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	error->detail = format_text(_(fmt), args);
	va_end(args);
	return error;
}

/* vxp_error_hint sets the hint sentence and returns its first argument. */
VxpError *
vxp_error_hint(VxpError *error, const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	error->hint = format_text(_(fmt), args);
	va_end(args);
	return error;
}

/*
 * vxp_error_save hands the error to an input function's error context, or
 * raises it when there is none (escontext is NULL or no ErrorSaveContext).
 * The JSON path goes to the detail: a context line would be lost by clients
 * that show only message and detail.
 */
void
vxp_error_save(struct Node *escontext, const VxpError *error)
{
	errsave(escontext,
			(errcode(error->code),
			 errmsg_internal("%s", error->message),
			 error->detail && error->path ?
			 errdetail("%s The fault is at %s.", error->detail, error->path) :
			 error->detail ? errdetail_internal("%s", error->detail) :
			 error->path ? errdetail("The fault is at %s.", error->path) : 0,
			 error->hint ? errhint("%s", error->hint) : 0));
}

/* vxp_error_raise raises the error. */
void
vxp_error_raise(const VxpError *error)
{
	vxp_error_save(NULL, error);
	pg_unreachable();
}

/*
 * vxp_nearest returns the name with the least edit distance, as the server
 * does for a misspelt column, or NULL when more than half would change.
 */
const char *
vxp_nearest(const char *name, const char *const *names, int count)
{
	int			length = (int) strlen(name);
	const char *best = NULL;
	int			best_distance = MAX_NEAREST_DISTANCE + 1;

	if (length == 0 || length > MAX_QUOTED_INPUT)
		return NULL;
	for (int i = 0; i < count; i++)
	{
		int			candidate_length = (int) strlen(names[i]);
		int			distance;

		if (candidate_length > MAX_QUOTED_INPUT)
			continue;
		distance = varstr_levenshtein_less_equal(name, length, names[i], candidate_length,
												 1, 1, 1, best_distance - 1, true);
		if (distance < best_distance && distance <= (Max(length, candidate_length) + 1) / 2)
		{
			best = names[i];
			best_distance = distance;
		}
	}
	return best;
}

/* vxp_quote_input returns at most 64 bytes of the input, with "..." if cut. */
char *
vxp_quote_input(const char *text, int length)
{
	int			cut = pg_mbcliplen(text, length, MAX_QUOTED_INPUT);

	return cut < length ? psprintf("%.*s...", cut, text) : pnstrdup(text, length);
}
