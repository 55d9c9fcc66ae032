/*
 * dql_sort_key.c - the order of documents (section 6) as an order of bytes
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "dql/dql_eval.h"

VXP_FUNCTION(vxp_sort_key);

/*
 * A sort key is a byte for the type, by the order of section 6, and what
 * orders values of this type: compared as bytes, keys sort like values.
 */
enum SortType
{
	SORT_EMPTY_LIST = 1,
	SORT_NULL,
	SORT_NUMBER,
	SORT_STRING,
	SORT_OBJECT,
	SORT_LIST,
	SORT_BOOLEAN
};

/* The first byte of a number; then, but for zero, exponent and digits. */
#define NUMBER_NEGATIVE 1
#define NUMBER_ZERO 2
#define NUMBER_POSITIVE 3

/* Makes every exponent of a numeric positive. */
#define EXPONENT_BIAS 0x40000000

typedef struct BestKey
{
	bool		descending;
	bool		found;
	StringInfoData best;
	StringInfoData candidate;
} BestKey;

/*
 * append_number appends a number 0.d1d2... * 10^exponent: the exponent, then
 * pairs of digits, then an end that is below every pair.  A negative number
 * has all of it inverted.
 */
static void
append_number(StringInfo buf, Numeric number)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
	char	   *c = text;
	bool		negative = *c == '-';
	unsigned char invert = negative ? 0xFF : 0;
	char	   *digits;
	int			count = 0;
	int			exponent = 0;
	bool		behind_point = false;
	uint32		biased;

	digits = palloc(strlen(text) + 2);
	for (c += negative; *c != '\0'; c++)
	{
		if (*c == '.')
		{
			behind_point = true;
			continue;
		}
		if (count == 0 && *c == '0')
		{
			/* zeros before the first digit */
			exponent -= behind_point;
			continue;
		}
		digits[count++] = *c - '0';
		exponent += !behind_point;
	}
	while (count > 0 && digits[count - 1] == 0)
		count--;
	if (count == 0)
		appendStringInfoChar(buf, NUMBER_ZERO);
	else
	{
		digits[count] = 0;
		appendStringInfoChar(buf, negative ? NUMBER_NEGATIVE : NUMBER_POSITIVE);
		biased = (uint32) (exponent + EXPONENT_BIAS);
		for (int shift = 24; shift >= 0; shift -= 8)
			appendStringInfoChar(buf, (char) (((biased >> shift) & 0xFF) ^ invert));
		for (int i = 0; i < count; i += 2)
			appendStringInfoChar(buf, (char) ((digits[i] * 10 + digits[i + 1] + 1) ^ invert));
		appendStringInfoChar(buf, (char) invert);
	}
	pfree(digits);
	pfree(text);
}

static void
append_key(StringInfo buf, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			appendStringInfoChar(buf, SORT_NULL);
			break;
		case jbvNumeric:
			appendStringInfoChar(buf, SORT_NUMBER);
			append_number(buf, value->val.numeric);
			break;
		case jbvString:
			appendStringInfoChar(buf, SORT_STRING);
			appendBinaryStringInfo(buf, value->val.string.val, value->val.string.len);
			break;
		case jbvBool:
			appendStringInfoChar(buf, SORT_BOOLEAN);
			appendStringInfoChar(buf, value->val.boolean ? 1 : 0);
			break;
		default:
			appendStringInfoChar(buf, vxp_dql_is_object(value) ? SORT_OBJECT : SORT_LIST);
			break;
	}
}

/* offer takes the candidate's key if it is better than the best one so far. */
static void
offer(BestKey *best)
{
	int			cmp = 0;

	if (best->found)
	{
		cmp = memcmp(best->candidate.data, best->best.data, Min(best->candidate.len, best->best.len));
		if (cmp == 0)
			cmp = (best->candidate.len > best->best.len) - (best->candidate.len < best->best.len);
	}
	if (!best->found || (best->descending ? cmp > 0 : cmp < 0))
	{
		StringInfoData swap = best->best;

		best->best = best->candidate;
		best->candidate = swap;
		best->found = true;
	}
	resetStringInfo(&best->candidate);
}

static void
offer_value(const JsonbValue *value, void *state)
{
	BestKey    *best = state;
	ElementWalk walk;
	JsonbValue	element;

	if (!vxp_dql_is_list(value))
	{
		append_key(&best->candidate, value);
		offer(best);
		return;
	}
	vxp_dql_elements_begin(&walk, value);
	if (walk.count == 0)
	{
		appendStringInfoChar(&best->candidate, SORT_EMPTY_LIST);
		offer(best);
	}
	while (vxp_dql_elements_next(&walk, &element))
	{
		append_key(&best->candidate, &element);
		offer(best);
	}
}

/* vxp_dql_check_path_size raises 54000 for a path that is longer than a request may be. */
void
vxp_dql_check_path_size(size_t length)
{
	if (length > DQL_MAX_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("field path is too long"),
				 errdetail("It has %zu bytes; the limit is %d.", length, DQL_MAX_SIZE)));
}

/*
 * vxp_dql_cached_path returns the prepared path of this call, made once for each
 * path.  The empty path is the document itself, as a column of lists needs it.
 */
EvalPath *
vxp_dql_cached_path(FunctionCallInfo fcinfo)
{
	EvalPath   *path = fcinfo->flinfo->fn_extra;
	text	   *argument = PG_GETARG_TEXT_PP(1);
	MemoryContext old;
	char	   *whole;
	char	   *start;
	char	  **segments;

	if (path != NULL && VARSIZE_ANY_EXHDR(path->text) == VARSIZE_ANY_EXHDR(argument) &&
		memcmp(VARDATA_ANY(path->text), VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument)) == 0)
		return path;

	vxp_dql_check_path_size(VARSIZE_ANY_EXHDR(argument));
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	path = palloc0(sizeof(EvalPath));
	path->text = cstring_to_text_with_len(VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument));
	whole = text_to_cstring(argument);
	segments = palloc((strlen(whole) + 1) * sizeof(char *));	/* 128 MB at most */
	start = whole;
	for (char *c = whole; *whole != '\0'; c++)
	{
		bool		at_end = *c == '\0';

		if (!at_end && *c != '.')
			continue;
		if (c == start)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("field path \"%s\" has an empty segment", text_to_cstring(argument)),
					 errhint("Write the segments of a path with one dot between them.")));
		*c = '\0';
		segments[path->count++] = start;
		if (at_end)
			break;
		start = c + 1;
	}
	path->segments = vxp_dql_compile_segments(segments, path->count);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = path;
	return path;
}

/*
 * sort_key(document jsonb, path text, descending boolean) -> bytea
 *
 * The least key of the values of the path, or the greatest when descending; a
 * list counts as its elements; an empty path is the document.  Without a value, and for a NULL document: the
 * key of null.  The caller sorts by the result ASC or DESC accordingly.
 */
Datum
vxp_sort_key(PG_FUNCTION_ARGS)
{
	EvalPath   *path;
	BestKey		best;
	JsonbValue	root;
	bytea	   *result;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	path = vxp_dql_cached_path(fcinfo);
	best.descending = PG_GETARG_BOOL(2);
	best.found = false;
	initStringInfo(&best.best);
	initStringInfo(&best.candidate);
	if (!PG_ARGISNULL(0))
	{
		vxp_dql_root_value(PG_GETARG_JSONB_P(0), &root);
		(void) vxp_dql_eval_values(path->segments, path->count, &root, offer_value, &best);
	}
	if (!best.found)
		appendStringInfoChar(&best.best, SORT_NULL);
	result = palloc(VARHDRSZ + best.best.len);
	SET_VARSIZE(result, VARHDRSZ + best.best.len);
	memcpy(VARDATA(result), best.best.data, best.best.len);
	PG_RETURN_BYTEA_P(result);
}
