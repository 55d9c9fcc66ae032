/*
 * request_fuzz.c - fuzz target: the text of a DQL request
 *
 * Any text gives a request or an error with an SQLSTATE, a message and a place.
 * The filter of a request is printed as one that is read again, and printed the
 * same: what canonical_filter promises.
 */
#include "server.h"

#include "lib/stringinfo.h"

#include "dql/dql.h"

/* nothing is kept here: each text is read (dql_keep.c belongs to transactions of a server) */
const DqlRequest *
vxp_dql_take_kept(const char *text, int length)
{
	return NULL;
}

static char *
canonical(const DqlRequest *request)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "{\"filter\":");
	vxp_dql_print_filter(&buf, request->filter);
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

static VxpError *
parse(const char *text, int length, DqlRequest **request)
{
	VxpError   *volatile error = NULL;

	/* an error is returned; what may be thrown is a limit of the server's */
	if (!FUZZ_TRY(error = vxp_dql_parse(text, length, request)))
	{
		REQUIRE(ERRCODE_TO_CATEGORY(fuzz_sqlstate) == ERRCODE_PROGRAM_LIMIT_EXCEEDED);
		*request = NULL;
	}
	return error;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DqlRequest *request = NULL;
	VxpError   *error;
	char	   *text;

	if (!fuzz_is_utf8(data, size))
		return 0;
	text = palloc(size + 1);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	error = parse(text, size, &request);
	if (error)
	{
		fuzz_check_sqlstate(error->code);
		REQUIRE(error->message != NULL && error->message[0] != '\0');
		REQUIRE(fuzz_is_utf8((uint8_t *) error->message, strlen(error->message)));
		REQUIRE(error->detail == NULL || fuzz_is_utf8((uint8_t *) error->detail, strlen(error->detail)));
	}
	else if (request)
	{
		DqlRequest *again = NULL;
		char	   *volatile first = NULL;
		char	   *volatile second = NULL;

		REQUIRE(FUZZ_TRY(first = canonical(request)));
		if (parse(first, strlen(first), &again) == NULL && again)
		{
			REQUIRE(FUZZ_TRY(second = canonical(again)));
			REQUIRE(strcmp(first, second) == 0);
		}
		else
			abort();
	}
	fuzz_free_all();
	return 0;
}
