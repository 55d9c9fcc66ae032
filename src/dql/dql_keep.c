/*
 * dql_keep.c - a request that was read once need not be read again
 *
 * A literal is read when it becomes a value of type dql, and that value is
 * bound a moment later, in the same statement.  What was read is handed over:
 * the first who asks for the same bytes takes the tree and owns it, and what
 * nobody takes is freed with the transaction.
 *
 * A text that comes again stays in the session, with the last few of its kind:
 * a client sends the same filter with many statements.  Such a tree is shared, and
 * stays as long as a memory context that took it.
 *
 * Reading depends on the bytes alone, so nothing kept is ever stale.  Trees are
 * constant; who changes one reads it by itself.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "dql/dql.h"

/* So many requests. */
#define KEPT_REQUESTS 16

/* So many texts are remembered, to know one that comes again. */
#define SEEN_TEXTS 64

/* A tree takes some ten times the length of its text: longer ones do not stay in the session. */
#define MAX_SHARED_LENGTH (16 * 1024)

/* A longer text is read twice. */
#define MAX_KEPT_LENGTH (1024 * 1024)

/* It lives in its own context, with all that belongs to it. */
typedef struct KeptRequest
{
	MemoryContext context;
	MemoryContextCallback forget;
	const char *text;
	int			length;
	DqlRequest *request;
	bool		shared;
	int			users;			/* contexts that took it */
	uint64		used;			/* the number of the last use */
} KeptRequest;

static KeptRequest *kept[KEPT_REQUESTS];
static uint64 uses = 0;

/* Hashes of texts that were read, the newest over the oldest. */
static uint32 seen[SEEN_TEXTS];
static int	seen_next = 0;

/* Was the text read not long ago?  If two have one hash, the first stays for nothing. */
static bool
was_seen(const char *text, int length)
{
	uint32		hash = DatumGetUInt32(hash_any((const unsigned char *) text, length));

	for (int i = 0; i < SEEN_TEXTS; i++)
		if (seen[i] == hash)
			return true;
	seen[seen_next] = hash;
	seen_next = (seen_next + 1) % SEEN_TEXTS;
	return false;
}

/* Takes the request out of its place, where it may have one no longer. */
static void
leave_place(void *request)
{
	for (int i = 0; i < KEPT_REQUESTS; i++)
		if (kept[i] == request)
			kept[i] = NULL;
}

/* A context that took the request goes away; the last one frees what has lost its place. */
static void
release(void *arg)
{
	KeptRequest *request = arg;

	request->users--;
	for (int i = 0; i < KEPT_REQUESTS; i++)
		if (kept[i] == request)
			return;
	if (request->users == 0)
		MemoryContextDelete(request->context);
}

/* A free place, or that of the request that was not used for longest. */
static KeptRequest **
free_place(void)
{
	KeptRequest **place = &kept[0];
	KeptRequest *old;

	for (int i = 0; i < KEPT_REQUESTS; i++)
	{
		if (kept[i] == NULL)
			return &kept[i];
		if (kept[i]->used < (*place)->used)
			place = &kept[i];
	}
	old = *place;
	*place = NULL;
	if (old->users == 0)
		MemoryContextDelete(old->context);
	return place;
}

static KeptRequest *
find_kept(const char *text, int length)
{
	for (int i = 0; i < KEPT_REQUESTS; i++)
		if (kept[i] != NULL && kept[i]->length == length && memcmp(kept[i]->text, text, length) == 0)
		{
			kept[i]->used = ++uses;
			return kept[i];
		}
	return NULL;
}

/* vxp_dql_parse_and_keep reads a request, and keeps it for vxp_dql_take_kept. */
VxpError *
vxp_dql_parse_and_keep(const char *text, int length)
{
	DqlRequest *request;
	KeptRequest *new;
	MemoryContext context;
	MemoryContext old;
	VxpError   *error;

	if (find_kept(text, length) != NULL)
		return NULL;
	if (length > MAX_KEPT_LENGTH || TopTransactionContext == NULL)
		return vxp_dql_parse(text, length, &request);

	context = AllocSetContextCreate(CurrentMemoryContext, "vxp request", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	error = vxp_dql_parse(text, length, &request);
	if (error != NULL)
	{
		/* it lives in the context, which goes with the caller's */
		MemoryContextSwitchTo(old);
		return error;
	}
	new = palloc0(sizeof(KeptRequest));
	new->context = context;
	new->text = memcpy(palloc(Max(length, 1)), text, length);
	new->length = length;
	new->request = request;
	new->shared = length <= MAX_SHARED_LENGTH && was_seen(text, length);
	new->used = ++uses;
	new->forget.func = leave_place;
	new->forget.arg = new;
	MemoryContextRegisterResetCallback(context, &new->forget);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(context, new->shared ? CacheMemoryContext : TopTransactionContext);
	*free_place() = new;
	return NULL;
}

/*
 * vxp_dql_peek reads a request, for a look at it that ends before anything else
 * is read: the planner asks about one filter again and again.  NULL for text that
 * is no request.
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

#ifdef USE_ASSERT_CHECKING
/* Has nobody changed what is shared? */
static bool
is_unchanged(const KeptRequest *place)
{
	StringInfoData now;
	StringInfoData fresh;
	DqlRequest *request;

	if (vxp_dql_parse(place->text, place->length, &request) != NULL)
		return false;
	initStringInfo(&now);
	initStringInfo(&fresh);
	vxp_dql_print_filter(&now, place->request->filter);
	vxp_dql_print_filter(&fresh, request->filter);
	return strcmp(now.data, fresh.data) == 0;
}
#endif

/*
 * vxp_dql_take_kept returns the request of this text, if it is kept; it stays
 * as long as the current context.
 */
const DqlRequest *
vxp_dql_take_kept(const char *text, int length)
{
	KeptRequest *place = find_kept(text, length);
	MemoryContextCallback *callback;

	if (place == NULL)
		return NULL;
	Assert(is_unchanged(place));
	if (place->shared)
	{
		callback = palloc(sizeof(MemoryContextCallback));
		callback->func = release;
		callback->arg = place;
		MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
		place->users++;
	}
	else
	{
		MemoryContextSetParent(place->context, CurrentMemoryContext);
		leave_place(place);
	}
	return place->request;
}
