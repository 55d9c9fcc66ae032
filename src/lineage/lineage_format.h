/*
 * lineage_format.h - the bytes of a path and its text form, without the server
 *
 * Includes nothing of the server, so that the fuzzer compiles the very parser
 * that the database runs.  Representation (lineage.h has the value around it):
 * per label, root first,
 *
 *		1 or 2 bytes  length n, 1 <= n <= 4096: below 128 one byte; else the high
 *					  bit set and the high 7 bits of n, then its low 8 bits
 *		n bytes		  the label, no terminating zero and no zero inside
 *
 * The length has one form only, so equal paths have equal bytes, and a path is
 * a prefix of another exactly when its bytes are: lengths tell where labels
 * end, hence bytes that agree decode to the same labels.
 *
 * Text form: labels separated by ">", white space around a label ignored.  A
 * label that holds ">" or a double quote, or begins or ends with white space,
 * is written in double quotes, with a double quote inside doubled.  Nothing
 * else is special; a backslash is an ordinary character.  White space is the
 * six ASCII characters, in every locale.  Output puts " > " between labels and
 * quotes exactly where it must.  All server encodings keep bytes below 128 for
 * ASCII, so bytes can be looked at one by one.
 */
#ifndef VXP_LINEAGE_FORMAT_H
#define VXP_LINEAGE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINEAGE_MAX_DEPTH		1000
#define LINEAGE_MAX_LABEL		4096	/* bytes */

/*
 * Largest text that is parsed, in bytes.  The longest output is 8,196,997
 * bytes (1,000 labels of 4,096 quotes); the rest is room for white space.
 */
#define LINEAGE_MAX_TEXT		(16 * 1024 * 1024)

/* Room that the labels of a text of n bytes need: see vxp_lineage_parse. */
#define LINEAGE_LABELS_BOUND(n) ((n) + (n) / 128 + 2)

/* One label of a path; points into the path. */
typedef struct LineageLabel
{
	const char *bytes;
	int			length;
} LineageLabel;

typedef enum LineageFault
{
	LINEAGE_OK,
	LINEAGE_EMPTY_LABEL,		/* nothing between two separators */
	LINEAGE_STRAY_QUOTE,		/* a quote inside an unquoted label */
	LINEAGE_OPEN_QUOTE,			/* no closing quote */
	LINEAGE_AFTER_QUOTE,		/* text after a closing quote */
	LINEAGE_ZERO_BYTE,			/* a byte that no text can hold */
	LINEAGE_LONG_LABEL,			/* over LINEAGE_MAX_LABEL */
	LINEAGE_TOO_DEEP,			/* over LINEAGE_MAX_DEPTH */
	LINEAGE_LONG_TEXT			/* over LINEAGE_MAX_TEXT */
} LineageFault;

/* Reads the label at *cursor, which moves behind it.  The path has been validated. */
static inline LineageLabel
lineage_next_label(const uint8_t **cursor)
{
	LineageLabel label;
	const uint8_t *p = *cursor;
	int			length = *p++;

	if (length & 0x80)
		length = ((length & 0x7f) << 8) | *p++;
	label.bytes = (const char *) p;
	label.length = length;
	*cursor = p + length;
	return label;
}

/* Bytes that a label of this length occupies. */
static inline size_t
lineage_label_size(int length)
{
	return (size_t) length + (length < 0x80 ? 1 : 2);
}

/* Writes the length of a label at "out" and returns the place of its bytes. */
static inline uint8_t *
lineage_put_length(uint8_t *out, int length)
{
	if (length >= 0x80)
		*out++ = (uint8_t) (0x80 | (length >> 8));
	*out++ = (uint8_t) (length & 0xff);
	return out;
}

extern LineageFault vxp_lineage_parse(const char *text, size_t length,
									  uint8_t *labels, size_t *size, int *depth,
									  size_t *offset);
extern size_t vxp_lineage_print(const uint8_t *labels, const uint8_t *end, char *text);

#endif							/* VXP_LINEAGE_FORMAT_H */
