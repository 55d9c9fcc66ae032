/*
 * validity_setting.c - vxp.as_of: the instant that current rows are shown of
 *
 * The value becomes an absolute instant when it is set: "yesterday" is kept as
 * that day's midnight, in a form that reads the same under any TimeZone and
 * DateStyle.  Plans have the instant in them as a constant, so that a change
 * throws cached plans away.
 *
 * Nobody must read the present who asked for the past.  Where the server would
 * only warn about a bad value and go on with the default (a value of a
 * configuration file, of ALTER DATABASE or ALTER ROLE, or one that was set
 * before the library was loaded), the value is kept, and raises when it is used.
 * A parallel worker takes over what its leader has.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/plancache.h"
#include "utils/timestamp.h"

#include "common/vxp_compat.h"
#include "common/vxp_error.h"
#include "validity/validity.h"

typedef struct AsOf
{
	bool		is_set;
	bool		is_bad;
	TimestampTz instant;		/* unless bad */
} AsOf;

static char *as_of_text = NULL;
static AsOf as_of = {false};

/* true while a value that was there before us is taken over */
static bool taking_over = false;

static bool
is_relative(char **fields, int count)
{
	static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};

	for (int i = 0; i < count; i++)
		for (int j = 0; j < lengthof(words); j++)
			if (strcmp(fields[i], words[j]) == 0)
				return true;
	return false;
}

/*
 * read_instant reads what the input function of timestamptz reads, without
 * raising; infinity is no instant.  Outside of a transaction "now" has no
 * meaning.
 */
static bool
read_instant(const char *text, TimestampTz *instant)
{
	char		work[MAXDATELEN + MAXDATEFIELDS];
	char	   *fields[MAXDATEFIELDS];
	int			types[MAXDATEFIELDS];
	int			count;
	int			kind;
	int			zone = 0;
	struct pg_tm tm;
	fsec_t		fraction;

	if (ParseDateTime(text, work, sizeof(work), fields, types, MAXDATEFIELDS, &count) != 0)
		return false;
	if (!IsTransactionState() && is_relative(fields, count))
		return false;
	if (vxp_decode_datetime(fields, types, count, &kind, &tm, &fraction, &zone) != 0)
		return false;
	if (kind == DTK_EPOCH)
	{
		*instant = SetEpochTimestamp();
		return true;
	}
	return kind == DTK_DATE && tm2timestamp(&tm, fraction, &zone, instant) == 0;
}

/* The instant in UTC, as it reads back under all settings; "text" has MAXDATELEN + 1 bytes. */
static bool
print_instant(TimestampTz instant, char *text)
{
	struct pg_tm tm;
	fsec_t		fraction;

	if (timestamp2tm(instant, NULL, &tm, &fraction, NULL, NULL) != 0)
		return false;
	/* negative: no zone is printed */
	tm.tm_isdst = 0;
	EncodeDateTime(&tm, fraction, true, 0, "UTC", USE_ISO_DATES, text);
	return true;
}

static bool
check_as_of(char **value, void **extra, GucSource source)
{
	const char *text = *value;
	char		printed[MAXDATELEN + 1];
	AsOf	   *result = vxp_guc_malloc(sizeof(AsOf));

	if (result == NULL)
		return false;
	memset(result, 0, sizeof(AsOf));
	*extra = result;
	if (strspn(text, " \t\r\n") == strlen(text))
		return true;
	result->is_set = true;
	if (read_instant(text, &result->instant) && print_instant(result->instant, printed))
	{
		char	   *absolute = vxp_guc_malloc(strlen(printed) + 1);

		if (absolute == NULL)
			return false;
		strcpy(absolute, printed);
		vxp_guc_free(*value);
		*value = absolute;
		return true;
	}
	result->is_bad = true;
	if (taking_over || InitializingParallelWorker || source < PGC_S_INTERACTIVE)
		return true;
	GUC_check_errcode(ERRCODE_INVALID_DATETIME_FORMAT);
	GUC_check_errdetail("It must be empty, for the present, or a timestamp.");
	return false;
}

static void
assign_as_of(const char *value, void *extra)
{
	AsOf		old = as_of;

	as_of = *(AsOf *) extra;
	if (old.is_set != as_of.is_set || old.is_bad != as_of.is_bad || old.instant != as_of.instant)
		ResetPlanCache();
}

bool
vxp_as_of_is_set(void)
{
	return as_of.is_set;
}

/* vxp_as_of returns whether a past is shown, and which. */
bool
vxp_as_of(TimestampTz *instant)
{
	if (as_of.is_bad)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
				 errmsg("invalid value for parameter \"vxp.as_of\": \"%s\"",
						vxp_quote_input(as_of_text, strlen(as_of_text))),
				 errdetail("It must be empty, for the present, or a timestamp."),
				 errhint("SET vxp.as_of = '' shows the present.")));
	*instant = as_of.instant;
	return as_of.is_set;
}

/* vxp_validity_init defines the setting; before MarkGUCPrefixReserved, which would drop a value set earlier. */
void
vxp_validity_init(void)
{
	taking_over = true;
	DefineCustomStringVariable("vxp.as_of",
							   "Shows resources as they were at this instant.",
							   "Empty: the current ones. Applies to DQL requests, saved filters and the views on current "
							   "rows; made absolute when it is set. Versioned resources cannot be written meanwhile.",
							   &as_of_text, "", PGC_USERSET, GUC_EXPLAIN,
							   check_as_of, assign_as_of, NULL);
	taking_over = false;
}
