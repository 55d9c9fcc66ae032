/*
 * dql_pattern.c - wildcards of section 4.6, and $glob
 *
 * The rules stand here once: whether a text is a pattern, and what each of its
 * characters means.  The binder turns a pattern into LIKE or a regular
 * expression; the evaluator matches bytes itself (dql_eval.c).  Every
 * special character is ASCII, and no byte of a longer character is ASCII in a
 * server encoding, so that single bytes may be looked at.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "dql/dql.h"

VXP_FUNCTION(vxp_glob_regex);
VXP_FUNCTION(vxp_glob_negates);

/* An escape counts only in a pattern, and only before these. */
static bool
is_escapable(char c)
{
	return c == '*' || c == '?' || c == '\\';
}

/*
 * vxp_dql_is_pattern tells whether the text contains * or ?, also behind a
 * backslash: only in such a text the backslash is an escape.
 */
bool
vxp_dql_is_pattern(const char *text, int length)
{
	return memchr(text, '*', length) != NULL || memchr(text, '?', length) != NULL;
}

/*
 * vxp_dql_pattern_next returns the meaning of the next element of a pattern
 * and moves *position behind it.  For DQL_PATTERN_BYTE, *byte is the byte.
 */
DqlPatternElement
vxp_dql_pattern_next(const char *text, int length, int *position, char *byte)
{
	char		c = text[(*position)++];

	if (c == '*')
	{
		while (*position < length && text[*position] == '*')
			(*position)++;
		return DQL_PATTERN_ANY_RUN;
	}
	if (c == '?')
		return DQL_PATTERN_ANY_CHAR;
	if (c == '\\' && *position < length && is_escapable(text[*position]))
		c = text[(*position)++];
	*byte = c;
	return DQL_PATTERN_BYTE;
}

/* In LIKE these stand for themselves behind a backslash only. */
static void
append_like_byte(StringInfo buf, char c)
{
	if (c == '%' || c == '_' || c == '\\')
		appendStringInfoChar(buf, '\\');
	appendStringInfoChar(buf, c);
}

/* vxp_dql_pattern_to_like returns the LIKE pattern with the same meaning. */
char *
vxp_dql_pattern_to_like(const char *text, int length)
{
	StringInfoData buf;
	int			position = 0;
	char		byte;

	initStringInfo(&buf);
	while (position < length)
	{
		switch (vxp_dql_pattern_next(text, length, &position, &byte))
		{
			case DQL_PATTERN_ANY_RUN:
				appendStringInfoChar(&buf, '%');
				break;
			case DQL_PATTERN_ANY_CHAR:
				appendStringInfoChar(&buf, '_');
				break;
			case DQL_PATTERN_BYTE:
				append_like_byte(&buf, byte);
				break;
		}
	}
	return buf.data;
}

/* vxp_dql_like_escape returns a LIKE pattern that matches the text alone. */
char *
vxp_dql_like_escape(const char *text, int length)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < length; i++)
		append_like_byte(&buf, text[i]);
	return buf.data;
}

/* vxp_dql_glob_strip takes each leading ! off a glob; true when they negate its condition. */
bool
vxp_dql_glob_strip(const char **text, int *length)
{
	bool		negated = false;

	for (; *length > 0 && **text == '!'; (*text)++, (*length)--)
		negated = !negated;
	return negated;
}

/*
 * vxp_dql_glob_to_regex returns an anchored regular expression: * stops at
 * "/", ** does not, ? is one character other than "/".  By default neither
 * "." nor a bracket nor an anchor treats a line end as special.
 */
char *
vxp_dql_glob_to_regex(const char *text, int length)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '^');
	for (int i = 0; i < length; i++)
	{
		if (text[i] == '*')
		{
			int			start = i;

			while (i + 1 < length && text[i + 1] == '*')
				i++;
			appendStringInfoString(&buf, i > start ? ".*" : "[^/]*");
		}
		else if (text[i] == '?')
			appendStringInfoString(&buf, "[^/]");
		else
		{
			if (strchr("\\^$.[]|()+{}", text[i]) != NULL)
				appendStringInfoChar(&buf, '\\');
			appendStringInfoChar(&buf, text[i]);
		}
	}
	appendStringInfoChar(&buf, '$');
	return buf.data;
}

/* glob_regex(text) -> text: the regular expression of a glob, of which each leading ! is taken off */
Datum
vxp_glob_regex(PG_FUNCTION_ARGS)
{
	text	   *glob = PG_GETARG_TEXT_PP(0);
	const char *start = VARDATA_ANY(glob);
	int			length = VARSIZE_ANY_EXHDR(glob);

	(void) vxp_dql_glob_strip(&start, &length);
	PG_RETURN_TEXT_P(cstring_to_text(vxp_dql_glob_to_regex(start, length)));
}

/* glob_negates(text) -> boolean: does a glob negate its condition? */
Datum
vxp_glob_negates(PG_FUNCTION_ARGS)
{
	text	   *glob = PG_GETARG_TEXT_PP(0);
	const char *start = VARDATA_ANY(glob);
	int			length = VARSIZE_ANY_EXHDR(glob);

	PG_RETURN_BOOL(vxp_dql_glob_strip(&start, &length));
}
