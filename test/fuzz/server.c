/*
 * server.c - the little of a server that the fuzzed files call
 *
 * JSON is read by the server's own parser, from its library for clients.
 */
#include "server.h"

#include "common/jsonapi.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"

sigjmp_buf	fuzz_error;
int			fuzz_sqlstate;

volatile sig_atomic_t InterruptPending = false;
void
ProcessInterrupts(void)
{
}

/* memory: every block is known, and freed after each input, also when an error threw */
static void **blocks;
static size_t block_count;
static size_t block_room;

void *
palloc(Size size)
{
	void	   *block;

	if (!AllocSizeIsValid(size))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("invalid memory alloc request size")));
	block = malloc(size ? size : 1);
	REQUIRE(block != NULL);
	if (block_count == block_room)
	{
		block_room = block_room ? 2 * block_room : 1024;
		blocks = realloc(blocks, block_room * sizeof(void *));
	}
	blocks[block_count++] = block;
	return block;
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

static size_t
find_block(void *block)
{
	for (size_t i = block_count; i-- > 0;)
		if (blocks[i] == block)
			return i;
	abort();
}

void
pfree(void *block)
{
	size_t		i = find_block(block);

	free(block);
	blocks[i] = blocks[--block_count];
}

void *
repalloc(void *block, Size size)
{
	size_t		i = find_block(block);

	blocks[i] = realloc(block, size ? size : 1);
	return blocks[i];
}

void
fuzz_free_all(void)
{
	while (block_count > 0)
		free(blocks[--block_count]);
}

char *
pnstrdup(const char *in, Size length)
{
	size_t		n = strnlen(in, length);
	char	   *copy = palloc(n + 1);

	memcpy(copy, in, n);
	copy[n] = '\0';
	return copy;
}

char *
pstrdup(const char *in)
{
	return pnstrdup(in, strlen(in));
}

size_t
pvsnprintf(char *buf, size_t len, const char *fmt, va_list args)
{
	int			n = vsnprintf(buf, len, fmt, args);

	REQUIRE(n >= 0);
	return (size_t) n < len ? (size_t) n : (size_t) n + 1;
}

char *
psprintf(const char *fmt,...)
{
	va_list		args;
	char	   *text;
	int			n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	REQUIRE(n >= 0);
	text = palloc(n + 1);
	va_start(args, fmt);
	vsnprintf(text, n + 1, fmt, args);
	va_end(args);
	return text;
}

/* errors */
void
fuzz_check_sqlstate(int code)
{
	/* 57014 and the like cannot come from input; XX... is an internal error */
	REQUIRE(code != 0 && ERRCODE_TO_CATEGORY(code) != ERRCODE_INTERNAL_ERROR);
}

bool
errstart(int elevel, const char *domain)
{
	fuzz_sqlstate = ERRCODE_INTERNAL_ERROR;
	REQUIRE(elevel == ERROR);
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

int
errcode(int code)
{
	fuzz_sqlstate = code;
	return 0;
}

static int
say(const char *fmt, va_list args)
{
	REQUIRE(vsnprintf(NULL, 0, fmt, args) >= 0);
	return 0;
}

#define MESSAGE(name) \
int name(const char *fmt,...) { va_list args; va_start(args, fmt); say(fmt, args); va_end(args); return 0; }
MESSAGE(errmsg)
MESSAGE(errmsg_internal)
MESSAGE(errdetail)
MESSAGE(errdetail_internal)
MESSAGE(errhint)
int
errdetail_plural(const char *one, const char *more, unsigned long n,...)
{
	va_list		args;

	va_start(args, n);
	say(n == 1 ? one : more, args);
	va_end(args);
	return 0;
}

void
errfinish(const char *file, int line, const char *function)
{
	siglongjmp(fuzz_error, 1);
}

void
check_stack_depth(void)
{
	static char *base;
	char		here;

	if (base == NULL)
		base = &here;
	if (labs((long) (base - &here)) > 4 * 1024 * 1024)
		ereport(ERROR, (errcode(ERRCODE_STATEMENT_TOO_COMPLEX), errmsg("stack depth limit exceeded")));
}

/* encodings: the database is UTF-8, and input was checked before a type sees it */
int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

int
pg_mbcliplen(const char *text, int length, int limit)
{
	int			n = 0;

	while (n < length)
	{
		int			l = pg_encoding_mblen(PG_UTF8, text + n);

		if (n + l > limit || n + l > length)
			break;
		n += l;
	}
	return n;
}

bool
fuzz_is_utf8(const uint8_t *data, size_t size)
{
	return memchr(data, 0, size) == NULL &&
		pg_encoding_verifymbstr(PG_UTF8, (const char *) data, size) == (int) size;
}

/* the plain algorithm, without a limit on the cost */
int
varstr_levenshtein_less_equal(const char *a, int a_length, const char *b, int b_length,
							  int insert, int delete, int substitute, int limit, bool trusted)
{
	int		   *row = palloc((b_length + 1) * sizeof(int));
	int			result;

	for (int j = 0; j <= b_length; j++)
		row[j] = j * insert;
	for (int i = 1; i <= a_length; i++)
	{
		int			corner = row[0];

		row[0] = i * delete;
		for (int j = 1; j <= b_length; j++)
		{
			int			best = corner + (a[i - 1] == b[j - 1] ? 0 : substitute);

			corner = row[j];
			best = Min(best, row[j] + delete);
			row[j] = Min(best, row[j - 1] + insert);
		}
	}
	result = row[b_length];
	pfree(row);
	return limit >= 0 && result > limit ? limit + 1 : result;
}

/* lists, as far as the parser makes them */
List *
list_make1_impl(NodeTag type, ListCell datum)
{
	List	   *list = palloc(offsetof(List, initial_elements) + sizeof(ListCell));

	list->type = type;
	list->length = list->max_length = 1;
	list->elements = list->initial_elements;
	list->elements[0] = datum;
	return list;
}

List *
lappend(List *list, void *datum)
{
	ListCell   *cells;
	ListCell	cell = {.ptr_value = datum};

	if (list == NIL)
		return list_make1_impl(T_List, cell);
	cells = palloc((list->length + 1) * sizeof(ListCell));
	memcpy(cells, list->elements, list->length * sizeof(ListCell));
	cells[list->length++] = cell;
	list->max_length = list->length;
	list->elements = cells;
	return list;
}

text *
cstring_to_text_with_len(const char *s, int length)
{
	text	   *result = palloc(length + VARHDRSZ);

	SET_VARSIZE(result, length + VARHDRSZ);
	memcpy(VARDATA(result), s, length);
	return result;
}

text *
cstring_to_text(const char *s)
{
	return cstring_to_text_with_len(s, strlen(s));
}

struct varlena *
pg_detoast_datum_packed(struct varlena *datum)
{
	return datum;
}

JsonLexContext *
makeJsonLexContext(text *json, bool need_escapes)
{
	return makeJsonLexContextCstringLen(VARDATA(json), VARSIZE(json) - VARHDRSZ, PG_UTF8, need_escapes);
}

char *
json_errdetail(JsonParseErrorType error, JsonLexContext *lex)
{
	return psprintf("Token \"%.*s\" is invalid.", (int) Max(lex->token_terminator - lex->token_start, 0), lex->token_start);
}

void
escape_json(StringInfo buf, const char *text)
{
	appendStringInfoCharMacro(buf, '"');
	for (const char *p = text; *p; p++)
	{
		if (*p == '"' || *p == '\\')
			appendStringInfoCharMacro(buf, '\\');
		if ((unsigned char) *p < ' ')
			appendStringInfo(buf, "\\u%04x", (int) *p);
		else
			appendStringInfoCharMacro(buf, *p);
	}
	appendStringInfoCharMacro(buf, '"');
}

/* messages of the protocol */
int
pq_getmsgbyte(StringInfo msg)
{
	if (msg->cursor >= msg->len)
		ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION), errmsg("no data left in message")));
	return (unsigned char) msg->data[msg->cursor++];
}

/* The text of a client whose encoding is the server's; zero bytes pass the conversion of none. */
char *
pq_getmsgtext(StringInfo msg, int rawbytes, int *nbytes)
{
	char	   *text;

	if (rawbytes < 0 || rawbytes > msg->len - msg->cursor)
		ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION), errmsg("insufficient data left in message")));
	if (pg_encoding_verifymbstr(PG_UTF8, msg->data + msg->cursor, rawbytes) != rawbytes)
		ereport(ERROR, (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE), errmsg("invalid byte sequence")));
	text = palloc(rawbytes + 1);
	memcpy(text, msg->data + msg->cursor, rawbytes);
	text[rawbytes] = '\0';
	msg->cursor += rawbytes;
	*nbytes = rawbytes;
	return text;
}

void
pq_begintypsend(StringInfo buf)
{
	initStringInfo(buf);
	appendStringInfoSpaces(buf, 4);
}

void
pq_sendtext(StringInfo buf, const char *text, int length)
{
	appendBinaryStringInfo(buf, text, length);
}

bytea *
pq_endtypsend(StringInfo buf)
{
	bytea	   *result = (bytea *) buf->data;

	SET_VARSIZE(result, buf->len);
	return result;
}

/* dates */
const int	day_tab[2][13] = {
	{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0},
	{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0}
};

int
date2j(int y, int m, int d)
{
	int			julian;
	int			century;

	if (m > 2)
		m += 1, y += 4800;
	else
		m += 13, y += 4799;
	century = y / 100;
	julian = y * 365 - 32167;
	julian += y / 4 - century + century / 4;
	julian += 7834 * m / 256 + d;
	return julian;
}

/* what only SQL functions in the same files call */
void
InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
	abort();
}

void
tuplestore_putvalues(Tuplestorestate *state, TupleDesc desc, Datum *values, bool *isnull)
{
	abort();
}
