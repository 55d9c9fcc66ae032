/*
 * dql_time.c - timestamps of section 4.3
 *
 * The form is fixed, so no setting (DateStyle, TimeZone) has a say and the
 * result is the same in every session: a text without a zone is UTC.
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/datetime.h"

#include "dql/dql.h"

/* Like the server, no zone is further than this from UTC. */
#define MAX_ZONE_HOURS 15

/* What has not been read yet. */
typedef struct Cursor
{
	const char *at;
	const char *end;
} Cursor;

/* read_digits takes exactly "count" digits. */
static bool
read_digits(Cursor *cursor, int count, int *number)
{
	*number = 0;
	if (cursor->end - cursor->at < count)
		return false;
	for (int i = 0; i < count; i++)
	{
		char		c = *cursor->at++;

		if (c < '0' || c > '9')
			return false;
		*number = *number * 10 + (c - '0');
	}
	return true;
}

static bool
read_char(Cursor *cursor, char c)
{
	if (cursor->at >= cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

/* read_fraction takes one digit or more, rounded to microseconds. */
static bool
read_fraction(Cursor *cursor, int *microseconds)
{
	int			digits = 0;

	*microseconds = 0;
	for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++)
	{
		if (digits < 6)
			*microseconds = *microseconds * 10 + (*cursor->at - '0');
		else if (digits == 6 && *cursor->at >= '5')
			(*microseconds)++;
		digits++;
	}
	for (int i = digits; i < 6; i++)
		*microseconds *= 10;
	return digits > 0;
}

/* read_zone takes Z, +hh, +hhmm or +hh:mm; the result is seconds east of UTC. */
static bool
read_zone(Cursor *cursor, int *seconds)
{
	int			hours;
	int			minutes = 0;
	int			sign = 1;

	*seconds = 0;
	if (read_char(cursor, 'Z'))
		return true;
	if (read_char(cursor, '-'))
		sign = -1;
	else if (!read_char(cursor, '+'))
		return false;
	if (!read_digits(cursor, 2, &hours) || hours > MAX_ZONE_HOURS)
		return false;
	if (cursor->at < cursor->end)
	{
		(void) read_char(cursor, ':');
		if (!read_digits(cursor, 2, &minutes) || minutes > 59)
			return false;
	}
	*seconds = sign * (hours * SECS_PER_HOUR + minutes * SECS_PER_MINUTE);
	return true;
}

/*
 * vxp_dql_timestamp reads a timestamp into microseconds since 2000-01-01 UTC.
 * Years 0001 to 9999 cannot leave the range of TimestampTz.
 */
bool
vxp_dql_timestamp(const char *text, int length, int64 *microseconds)
{
	Cursor		cursor = {text, text + length};
	int			year,
				month,
				day;
	int			hour = 0,
				minute = 0,
				second = 0,
				fraction = 0,
				zone = 0;

	if (!read_digits(&cursor, 4, &year) || !read_char(&cursor, '-') ||
		!read_digits(&cursor, 2, &month) || !read_char(&cursor, '-') ||
		!read_digits(&cursor, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > MONTHS_PER_YEAR ||
		day < 1 || day > day_tab[isleap(year)][month - 1])
		return false;
	if (cursor.at < cursor.end)
	{
		if (!read_char(&cursor, 'T') && !read_char(&cursor, ' '))
			return false;
		if (!read_digits(&cursor, 2, &hour) || hour > 23 || !read_char(&cursor, ':') ||
			!read_digits(&cursor, 2, &minute) || minute > 59)
			return false;
		if (read_char(&cursor, ':'))
		{
			if (!read_digits(&cursor, 2, &second) || second > 59)
				return false;
			if (read_char(&cursor, '.') && !read_fraction(&cursor, &fraction))
				return false;
		}
		if (cursor.at < cursor.end && !read_zone(&cursor, &zone))
			return false;
		if (cursor.at < cursor.end)
			return false;
	}
	*microseconds = (int64) (date2j(year, month, day) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY +
		((int64) hour * SECS_PER_HOUR + minute * SECS_PER_MINUTE + second - zone) * USECS_PER_SEC +
		fraction;
	return true;
}
