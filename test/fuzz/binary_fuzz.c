/*
 * binary_fuzz.c - fuzz target: the binary form of a path, through lineage_recv
 *
 * Any message gives a value or an error with an SQLSTATE.  A value that was
 * received is sent as a message that gives the same value, is printed as a
 * text that gives the same value, and what text accepts, binary accepts.
 */
#include "server.h"

#include "fmgr.h"
#include "lib/stringinfo.h"

#include "lineage/lineage.h"

extern Datum vxp_lineage_in(PG_FUNCTION_ARGS);
extern Datum vxp_lineage_out(PG_FUNCTION_ARGS);
extern Datum vxp_lineage_recv(PG_FUNCTION_ARGS);
extern Datum vxp_lineage_send(PG_FUNCTION_ARGS);

static Datum
call(PGFunction function, Datum argument)
{
	LOCAL_FCINFO(fcinfo, 1);

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = argument;
	fcinfo->args[0].isnull = false;
	return function(fcinfo);
}

/* The value of a message, or 0. */
static Datum
receive(const void *data, size_t size)
{
	volatile Datum value = 0;
	StringInfoData message;

	message.data = palloc(size + 1);
	if (size)
		memcpy(message.data, data, size);
	message.data[size] = '\0';
	message.len = size;
	message.maxlen = size + 1;
	message.cursor = 0;
	if (!FUZZ_TRY(value = call(vxp_lineage_recv, PointerGetDatum(&message))))
		return 0;
	REQUIRE(message.cursor == message.len);
	return value;
}

static void
require_same(Datum a, Datum b)
{
	REQUIRE(a != 0 && b != 0);
	REQUIRE(VARSIZE_ANY(DatumGetPointer(a)) == VARSIZE_ANY(DatumGetPointer(b)));
	REQUIRE(memcmp(DatumGetPointer(a), DatumGetPointer(b), VARSIZE_ANY(DatumGetPointer(a))) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Datum		value = receive(data, size);

	if (value != 0)
	{
		volatile Datum sent = 0;
		volatile Datum text = 0;
		volatile Datum read = 0;

		REQUIRE(FUZZ_TRY(sent = call(vxp_lineage_send, value)));
		require_same(value, receive(VARDATA(DatumGetPointer(sent)), VARSIZE(DatumGetPointer(sent)) - VARHDRSZ));
		REQUIRE(FUZZ_TRY(text = call(vxp_lineage_out, value)));
		REQUIRE(FUZZ_TRY(read = call(vxp_lineage_in, text)));
		require_same(value, read);
	}
	else if (size > 1 && data[0] == 1 && fuzz_is_utf8(data + 1, size - 1))
	{
		/* refused as a message, so refused as text */
		char	   *text = pnstrdup((const char *) data + 1, size - 1);
		volatile Datum read = 0;

		REQUIRE(!FUZZ_TRY(read = call(vxp_lineage_in, CStringGetDatum(text))));
		(void) read;
	}
	fuzz_free_all();
	return 0;
}
