/*
 * dql_cursor.c - paging by cursor: a token that says behind which row to go on
 *
 * The token holds the sort keys of the last row given, id included, so that the
 * row itself may be gone, and what identifies the order, so that a cursor of
 * another one is refused.  The order is total: each row is before or behind the
 * place of the token, whatever was written meanwhile.
 *
 * A token is base64url without padding of
 *
 *	version (1), hash of the order (8), rows given so far (8),
 *	for each sort key: 0, or 1, length (4) and the value as text,
 *	hash of all that (4)
 *
 * with numbers in network order.  The hash is there to find damage.  It proves
 * nothing about who made the token, which needs no proof: a token chooses rows
 * as the operand of a filter does, and its values are checked like one.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "dql/dql_bind.h"
#include "dql/dql_cursor.h"

#define CURSOR_VERSION 1

/* Longest token that is read: far above what sort keys need. */
#define MAX_TOKEN (1024 * 1024)

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static char *
encode(const char *bytes, int length)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < length; i += 3)
	{
		int			count = Min(length - i, 3);
		uint32		group = 0;

		for (int j = 0; j < 3; j++)
			group = group << 8 | (j < count ? (unsigned char) bytes[i + j] : 0);
		for (int j = 0; j <= count; j++)
			appendStringInfoChar(&text, alphabet[(group >> (18 - 6 * j)) & 0x3F]);
	}
	return text.data;
}

/* Returns false for what encode() does not make. */
static bool
decode(const char *text, int length, StringInfo bytes)
{
	initStringInfo(bytes);
	for (int i = 0; i < length; i += 4)
	{
		int			count = Min(length - i, 4);
		uint32		group = 0;

		for (int j = 0; j < 4; j++)
		{
			const char *place = j < count && text[i + j] != '\0' ? strchr(alphabet, text[i + j]) : NULL;

			if (j < count && place == NULL)
				return false;
			group = group << 6 | (place ? (uint32) (place - alphabet) : 0);
		}
		/* a group of one character, or bits behind the last byte */
		if (count == 1 || (group & ((1 << (8 * (4 - count))) - 1)) != 0)
			return false;
		for (int j = 0; j < count - 1; j++)
			appendStringInfoChar(bytes, (char) (group >> (16 - 8 * j) & 0xFF));
	}
	return true;
}

static uint32
damage_hash(const char *bytes, int length)
{
	return (uint32) hash_bytes_extended((const unsigned char *) bytes, length, 0);
}

/* The type in which a sort key is stored in the token and compared. */
static Oid
key_type(const BoundSort *sort)
{
	if (sort->inside)
		return BYTEAOID;
	return sort->column->base_type == VARCHAROID ? TEXTOID : sort->column->base_type;
}

/* What a token of this order is recognised by: resource, and field, type and direction of each key. */
static uint64
order_hash(const char *resource, const List *sort)
{
	StringInfoData order;
	ListCell   *lc;

	initStringInfo(&order);
	appendBinaryStringInfo(&order, resource, strlen(resource) + 1);
	foreach(lc, sort)
	{
		const BoundSort *key = lfirst(lc);
		char	   *type = format_type_be_qualified(key_type(key));

		appendBinaryStringInfo(&order, key->column->name, strlen(key->column->name) + 1);
		appendBinaryStringInfo(&order, type, strlen(type) + 1);
		appendStringInfoChar(&order, key->descending ? 'd' : 'a');
		if (key->inside)
			appendBinaryStringInfo(&order, key->inside, strlen(key->inside) + 1);
		else
			appendStringInfoChar(&order, '\0');
		appendStringInfoChar(&order, '\n');
	}
	return hash_bytes_extended((const unsigned char *) order.data, order.len, CURSOR_VERSION);
}

/*
 * vxp_cursor_settings: values are written and read under the same settings, whatever the session's
 * are: a text form must not depend on who reads it.  Returns the nest level
 * that AtEOXact_GUC ends.
 */
int
vxp_cursor_settings(void)
{
	static const char *const settings[][2] = {
		{"DateStyle", "ISO, YMD"}, {"IntervalStyle", "postgres"}, {"TimeZone", "UTC"},
		{"extra_float_digits", "3"}, {"bytea_output", "hex"}, {"lc_monetary", "C"}, {"search_path", ""}
	};
	int			level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/*
 * vxp_cursor_make returns the token of the row with these sort keys, which have
 * the types of the sort expressions.  "position" is the number of rows that
 * were given up to this one, for "limit".
 */
char *
vxp_cursor_make(const BoundQuery *bound, const Datum *values, const bool *nulls, const Oid *types, int64 position)
{
	StringInfoData token;
	int			level = vxp_cursor_settings();

	initStringInfo(&token);
	pq_sendbyte(&token, CURSOR_VERSION);
	pq_sendint64(&token, order_hash(bound->resource, bound->sort));
	pq_sendint64(&token, position);
	for (int i = 0; i < list_length(bound->sort); i++)
	{
		Oid			function;
		bool		is_varlena;
		char	   *text;

		pq_sendbyte(&token, nulls[i] ? 0 : 1);
		if (nulls[i])
			continue;
		getTypeOutputInfo(types[i], &function, &is_varlena);
		text = OidOutputFunctionCall(function, values[i]);
		pq_sendint32(&token, strlen(text));
		appendBinaryStringInfo(&token, text, strlen(text));
	}
	AtEOXact_GUC(true, level);
	pq_sendint32(&token, damage_hash(token.data, token.len));
	return encode(token.data, token.len);
}

static VxpError *
damaged(void)
{
	return vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, "$.after", "\"after\" is not a cursor"),
						  "Send \"nextCursor\" of the previous answer as it came.");
}

/* Reads one value by its type's input function; what that rejects is damage. */
static VxpError *
read_value(Oid type, char *text, BoundValue *value)
{
	MemoryContext caller = CurrentMemoryContext;
	VxpError   *volatile error = NULL;
	Oid			function;
	Oid			param;

	getTypeInputInfo(type, &function, &param);
	value->type = type;
	PG_TRY();
	{
		value->datum = OidInputFunctionCall(function, text, param, -1);
	}
	PG_CATCH();
	{
		ErrorData  *data;

		/* every caller raises the result in the end, so that no subtransaction is needed to go on */
		MemoryContextSwitchTo(caller);
		data = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(data->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION ||
			ERRCODE_TO_CATEGORY(data->sqlerrcode) == ERRCODE_INSUFFICIENT_RESOURCES)
			PG_RE_THROW();
		FlushErrorState();
		error = vxp_error_detail(damaged(), "The server says: %s.", data->message);
	}
	PG_END_TRY();
	return error;
}

/* The token's bytes between the version and the hash at the end; NULL when damaged. */
static StringInfo
open_token(const char *text)
{
	StringInfo	token = makeStringInfo();
	size_t		length = strlen(text);
	uint32		hash;

	if (length > MAX_TOKEN || !decode(text, length, token) || token->len < 21)
		return NULL;
	token->len -= sizeof(hash);
	memcpy(&hash, token->data + token->len, sizeof(hash));
	if (pg_ntoh32(hash) != damage_hash(token->data, token->len) || token->data[0] != CURSOR_VERSION)
		return NULL;
	token->cursor = 1;
	return token;
}

/* vxp_cursor_position returns how many rows were given before "after", 0 without. */
VxpError *
vxp_cursor_position(const DqlRequest *request, int64 *position)
{
	StringInfo	token;

	*position = 0;
	if (request->after == NULL)
		return NULL;
	token = open_token(request->after);
	if (token == NULL)
		return damaged();
	(void) pq_getmsgint64(token);
	*position = pq_getmsgint64(token);
	/* half, so that the rows of one more page can be added */
	return *position >= 0 && *position <= PG_INT64_MAX / 2 ? NULL : damaged();
}

/* vxp_cursor_bind reads "after" against the order "sort" of the query. */
VxpError *
vxp_cursor_bind(const DqlRequest *request, const char *resource, const List *sort, bool total,
				BoundCursor **result)
{
	StringInfo	token;
	VxpError   *error = NULL;
	BoundCursor *cursor = palloc0(sizeof(BoundCursor));
	int			level;
	ListCell   *lc;

	*result = NULL;
	if (request->after == NULL)
		return NULL;
	if (!total)
		return vxp_error(ERRCODE_FEATURE_NOT_SUPPORTED, "$.after",
						 "resource type \"%s\" has no id, so there is no cursor", resource);
	token = open_token(request->after);
	if (token == NULL)
		return damaged();
	if ((uint64) pq_getmsgint64(token) != order_hash(resource, sort))
		return vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, "$.after",
										"the cursor is of another resource or another sort"),
							  "Send \"resource\" and \"sort\" as in the request whose answer had the cursor.");
	(void) pq_getmsgint64(token);
	level = vxp_cursor_settings();
	foreach(lc, sort)
	{
		BoundValue *value = palloc0(sizeof(BoundValue));
		int			left = token->len - token->cursor;
		char		flag;
		uint32		length;

		CHECK_FOR_INTERRUPTS();
		error = damaged();
		if (left < 1)
			break;
		flag = pq_getmsgbyte(token);
		if (flag == 0)
			value = NULL;
		else
		{
			char	   *text;

			if (flag != 1 || left < 5)
				break;
			length = pq_getmsgint(token, 4);
			if (length > (uint32) (left - 5) ||
				memchr(token->data + token->cursor, '\0', length) != NULL ||
				!pg_verifymbstr(token->data + token->cursor, length, true))
				break;
			text = pnstrdup(token->data + token->cursor, length);
			token->cursor += length;
			error = read_value(key_type(lfirst(lc)), text, value);
			if (error)
				break;
		}
		error = NULL;
		cursor->values = lappend(cursor->values, value);
	}
	AtEOXact_GUC(true, level);
	if (error == NULL && token->cursor != token->len)
		error = damaged();
	*result = cursor;
	return error;
}
