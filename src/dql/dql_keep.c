/*
 * dql_keep.c - a request that was read once need not be read again at once
 *
 * A literal is read when it becomes a value of type dql, and that value is
 * bound a moment later, in the same statement.  What was read is handed over:
 * the first who asks for the same bytes takes the tree and owns it.  So a tree
 * is never shared, and never stale, since reading depends on the bytes alone.
 * What nobody takes is freed with the transaction.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "dql/dql.h"

/* A statement rarely has more requests than this. */
#define KEPT_REQUESTS 4

/* A longer text is read twice: its tree takes some ten times its size. */
#define MAX_KEPT_LENGTH (1024 * 1024)

typedef struct KeptRequest
{
	MemoryContext context;		/* holds all of it; NULL: the place is free */
	const char *text;
	int			length;
	DqlRequest *request;
} KeptRequest;

static KeptRequest kept[KEPT_REQUESTS];
static int	next_place = 0;

/* The context goes away, with the transaction or by its owner's hand. */
static void
forget(void *context)
{
	for (int i = 0; i < KEPT_REQUESTS; i++)
		if (kept[i].context == context)
			kept[i].context = NULL;
}

/* vxp_dql_parse_and_keep reads a request, and keeps it for vxp_dql_take_kept. */
VxpError *
vxp_dql_parse_and_keep(const char *text, int length)
{
	DqlRequest *request;
	MemoryContext context;
	MemoryContext old;
	MemoryContextCallback *callback;
	KeptRequest *place = &kept[next_place];
	VxpError   *error;
	char	   *copy;

	if (length > MAX_KEPT_LENGTH || TopTransactionContext == NULL)
		return vxp_dql_parse(text, length, &request);

	context = AllocSetContextCreate(CurrentMemoryContext, "vxp request", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	error = vxp_dql_parse(text, length, &request);
	if (error == NULL)
	{
		copy = palloc(Max(length, 1));
		memcpy(copy, text, length);
		callback = palloc0(sizeof(MemoryContextCallback));
		callback->func = forget;
		callback->arg = context;
	}
	MemoryContextSwitchTo(old);
	if (error != NULL)
		return error;			/* it lives in the context, which goes with the caller's */

	if (place->context)
		MemoryContextDelete(place->context);
	MemoryContextRegisterResetCallback(context, callback);
	MemoryContextSetParent(context, TopTransactionContext);
	place->context = context;
	place->text = copy;
	place->length = length;
	place->request = request;
	next_place = (next_place + 1) % KEPT_REQUESTS;
	return NULL;
}

static KeptRequest *
find_kept(const char *text, int length)
{
	for (int i = 0; i < KEPT_REQUESTS; i++)
		if (kept[i].context != NULL && kept[i].length == length && memcmp(kept[i].text, text, length) == 0)
			return &kept[i];
	return NULL;
}

/*
 * vxp_dql_peek reads a request, for a look at it that changes nothing and ends
 * before anything else is read: the planner asks about one filter again and
 * again.  NULL for text that is no request.
 */
const DqlRequest *
vxp_dql_peek(const char *text, int length)
{
	KeptRequest *place = find_kept(text, length);
	DqlRequest *request;

	if (place == NULL && vxp_dql_parse_and_keep(text, length) == NULL)
		place = find_kept(text, length);
	if (place != NULL)
		return place->request;
	/* too long to be kept, or an error */
	return vxp_dql_parse(text, length, &request) == NULL ? request : NULL;
}

/*
 * vxp_dql_take_kept returns the request of this text, if it is kept, as part of
 * the current context.
 */
DqlRequest *
vxp_dql_take_kept(const char *text, int length)
{
	KeptRequest *place = find_kept(text, length);

	if (place == NULL)
		return NULL;
	MemoryContextSetParent(place->context, CurrentMemoryContext);
	place->context = NULL;
	return place->request;
}
