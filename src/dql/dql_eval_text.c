/*
 * dql_eval_text.c - patterns, globs and substrings on one string
 *
 * Characters are stepped over as wholes, so that the answers are right in
 * every server encoding.  Nothing here backtracks: time is bounded by the
 * product of the two lengths.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "dql/dql_eval.h"

/* What stands between two "*" of a pattern. */
typedef struct Piece
{
	int			length;			/* elements: bytes, and one for each "?" */
	int			characters;
	char	   *bytes;
	bool	   *any;			/* element is "?"; NULL: none is */
} Piece;

struct EvalPattern
{
	int			count;			/* one more than there are "*" */
	Piece	   *pieces;
};

typedef enum GlobKind
{
	GLOB_CHAR,					/* this character */
	GLOB_ANY,					/* one character but "/" */
	GLOB_RUN,					/* any run without "/" */
	GLOB_DEEP_RUN				/* any run */
} GlobKind;

typedef struct GlobElement
{
	GlobKind	kind;
	const char *bytes;
	int			length;
} GlobElement;

struct EvalGlob
{
	int			count;
	GlobElement *elements;
	bool	   *current;		/* work space: elements reached, and the end */
	bool	   *next;
};

/* In these a byte sequence that starts like a character is that character. */
static bool
bytes_are_safe(void)
{
	return GetDatabaseEncoding() == PG_UTF8 || pg_database_encoding_max_length() == 1;
}

static int
character_length(const char *text, const char *end)
{
	if (!IS_HIGHBIT_SET(*text))
		return 1;
	return Min(pg_mblen(text), (int) (end - text));
}

/* find_bytes returns the first place of "part" in [text, end), or NULL. */
static const char *
find_bytes(const char *text, const char *end, const char *part, int part_length)
{
	if (part_length == 0)
		return text;
	while (end - text >= part_length)
	{
		text = memchr(text, part[0], end - text - part_length + 1);
		if (text == NULL)
			return NULL;
		if (memcmp(text, part, part_length) == 0)
			return text;
		text++;
	}
	return NULL;
}

/* vxp_dql_text_contains tells whether "part" occurs in "text". */
bool
vxp_dql_text_contains(const char *text, int length, const char *part, int part_length)
{
	const char *end = text + length;

	if (bytes_are_safe())
		return find_bytes(text, end, part, part_length) != NULL;
	for (;; text += character_length(text, end))
	{
		if (end - text < part_length)
			return false;
		if (memcmp(text, part, part_length) == 0)
			return true;
	}
}

static void
finish_piece(Piece *piece)
{
	bool		found = false;

	for (int i = 0; i < piece->length;)
	{
		int			step = 1;

		if (piece->any[i])
			found = true;
		else
			step = character_length(piece->bytes + i, piece->bytes + piece->length);
		piece->characters++;
		i += step;
	}
	if (!found)
		piece->any = NULL;
}

/* vxp_dql_pattern_compile cuts a pattern at its "*". */
EvalPattern *
vxp_dql_pattern_compile(const char *text, int length)
{
	EvalPattern *pattern = palloc0(sizeof(EvalPattern));
	Piece	   *piece;
	int			position = 0;
	int			stars = 0;

	for (int i = 0; i < length; i++)
		stars += text[i] == '*';
	pattern->pieces = palloc0((stars + 1) * sizeof(Piece));
	pattern->count = 1;
	piece = &pattern->pieces[0];
	piece->bytes = palloc(length + 1);
	piece->any = palloc0(length + 1);
	while (position < length)
	{
		char		byte = 0;
		DqlPatternElement element = vxp_dql_pattern_next(text, length, &position, &byte);

		if (element == DQL_PATTERN_ANY_RUN)
		{
			Piece	   *previous = piece;

			/* all pieces share one buffer, each behind the other */
			piece = &pattern->pieces[pattern->count++];
			piece->bytes = previous->bytes + previous->length;
			piece->any = previous->any + previous->length;
			finish_piece(previous);
		}
		else
		{
			piece->bytes[piece->length] = byte;
			piece->any[piece->length++] = element == DQL_PATTERN_ANY_CHAR;
		}
	}
	finish_piece(piece);
	return pattern;
}

/* match_piece matches a piece at "text" and returns the place behind it, or NULL. */
static const char *
match_piece(const Piece *piece, const char *text, const char *end)
{
	if (piece->any == NULL)
	{
		if (end - text < piece->length || memcmp(text, piece->bytes, piece->length) != 0)
			return NULL;
		return text + piece->length;
	}
	for (int i = 0; i < piece->length; i++)
	{
		if (text >= end)
			return NULL;
		if (piece->any[i])
			text += character_length(text, end);
		else if (*text++ != piece->bytes[i])
			return NULL;
	}
	return text;
}

/* find_piece returns the place behind the first match of a piece, or NULL. */
static const char *
find_piece(const Piece *piece, const char *text, const char *end)
{
	if (piece->any == NULL && bytes_are_safe())
	{
		text = find_bytes(text, end, piece->bytes, piece->length);
		return text ? text + piece->length : NULL;
	}
	for (;;)
	{
		const char *behind = match_piece(piece, text, end);

		if (behind != NULL || text >= end)
			return behind;
		text += character_length(text, end);
	}
}

/* match_last tells whether the text ends with the piece. */
static bool
match_last(const Piece *piece, const char *text, const char *end)
{
	int			characters = 0;

	if (piece->any == NULL && bytes_are_safe())
		return end - text >= piece->length &&
			memcmp(end - piece->length, piece->bytes, piece->length) == 0;
	for (const char *c = text; c < end; c += character_length(c, end))
		characters++;
	for (; characters > piece->characters; characters--)
		text += character_length(text, end);
	return match_piece(piece, text, end) == end;
}

/*
 * vxp_dql_pattern_matches: the pattern covers the whole text.  The first piece
 * is bound to the start and the last to the end; taking the earliest place for
 * each piece between leaves the most room for the others.
 */
bool
vxp_dql_pattern_matches(const EvalPattern *pattern, const char *text, int length)
{
	const char *end = text + length;

	text = match_piece(&pattern->pieces[0], text, end);
	if (pattern->count == 1)
		return text == end;
	for (int i = 1; i < pattern->count - 1 && text != NULL; i++)
	{
		CHECK_FOR_INTERRUPTS();
		text = find_piece(&pattern->pieces[i], text, end);
	}
	return text != NULL && match_last(&pattern->pieces[pattern->count - 1], text, end);
}

/* vxp_dql_glob_compile cuts a $glob operand into elements. */
EvalGlob *
vxp_dql_glob_compile(const char *text, int length)
{
	EvalGlob   *glob = palloc0(sizeof(EvalGlob));
	const char *end = text + length;

	glob->elements = palloc((length + 1) * sizeof(GlobElement));
	glob->current = palloc(length + 1);
	glob->next = palloc(length + 1);
	while (text < end)
	{
		GlobElement *element = &glob->elements[glob->count++];

		element->bytes = text;
		element->length = character_length(text, end);
		element->kind = GLOB_CHAR;
		if (*text == '?')
			element->kind = GLOB_ANY;
		else if (*text == '*')
		{
			element->kind = GLOB_RUN;
			while (text + 1 < end && text[1] == '*')
			{
				element->kind = GLOB_DEEP_RUN;
				text++;
			}
		}
		text += element->length;
	}
	return glob;
}

/* reach marks an element, and those behind it as long as they may be empty. */
static void
reach(const EvalGlob *glob, bool *states, int element)
{
	states[element] = true;
	while (element < glob->count && glob->elements[element].kind >= GLOB_RUN)
		states[++element] = true;
}

/* vxp_dql_glob_matches follows all ways through the glob at once. */
bool
vxp_dql_glob_matches(EvalGlob *glob, const char *text, int length)
{
	const char *end = text + length;
	int			size = glob->count + 1;

	memset(glob->current, 0, size);
	reach(glob, glob->current, 0);
	while (text < end)
	{
		int			step = character_length(text, end);
		bool	   *swap = glob->current;

		CHECK_FOR_INTERRUPTS();
		memset(glob->next, 0, size);
		for (int i = 0; i < glob->count; i++)
		{
			const GlobElement *element = &glob->elements[i];

			if (!glob->current[i])
				continue;
			if (element->kind == GLOB_CHAR)
			{
				if (element->length == step && memcmp(element->bytes, text, step) == 0)
					reach(glob, glob->next, i + 1);
			}
			else if (element->kind == GLOB_DEEP_RUN)
				reach(glob, glob->next, i);
			else if (*text != '/')
				reach(glob, glob->next, element->kind == GLOB_ANY ? i + 1 : i);
		}
		glob->current = glob->next;
		glob->next = swap;
		text += step;
	}
	return glob->current[glob->count];
}
