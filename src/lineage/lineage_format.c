/*
 * lineage_format.c - the text form of a path: the only parser, and its inverse
 *
 * Pure: no server header, no allocation, no error but a code and an offset.
 * lineage_format.h has the rules of the text form.  For every path
 * parse(print(path)) = path: a label is printed bare only when the parser
 * takes every byte of it as it is and trims nothing.
 */
#include "lineage/lineage_format.h"

#include <string.h>

static inline bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *
skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

/*
 * Measures the quoted label whose opening quote is at "start".  Sets *length
 * to its bytes without the doubling, and *after to the place behind the
 * closing quote; on a fault, *after is the place of the fault.
 */
static LineageFault
measure_quoted(const char *start, const char *end, size_t *length, const char **after)
{
	const char *p = start + 1;

	*length = 0;
	for (; p < end; p++)
	{
		if (*p == '"')
		{
			if (p + 1 == end || p[1] != '"')
			{
				*after = p + 1;
				return LINEAGE_OK;
			}
			p++;
		}
		else if (*p == '\0')
		{
			*after = p;
			return LINEAGE_ZERO_BYTE;
		}
		(*length)++;
	}
	*after = start;
	return LINEAGE_OPEN_QUOTE;
}

/*
 * Measures the bare label at "start".  Sets *length to its bytes without
 * trailing white space and *after to the separator or the end; on a fault,
 * *after is the place of the fault.
 */
static LineageFault
measure_bare(const char *start, const char *end, size_t *length, const char **after)
{
	const char *p = start;

	for (; p < end && *p != '>'; p++)
	{
		if (*p == '"' || *p == '\0')
		{
			*after = p;
			return *p == '"' ? LINEAGE_STRAY_QUOTE : LINEAGE_ZERO_BYTE;
		}
	}
	*after = p;
	while (p > start && is_blank(p[-1]))
		p--;
	*length = p - start;
	return LINEAGE_OK;
}

/* Copies a label of the text; in a quoted one, of two quotes the first is left out. */
static uint8_t *
copy_label(uint8_t *out, const char *p, size_t length, bool quoted)
{
	if (!quoted)
	{
		memcpy(out, p, length);
		return out + length;
	}
	for (size_t i = 0; i < length; i++)
	{
		if (*p == '"')
			p++;
		*out++ = (uint8_t) *p++;
	}
	return out;
}

/*
 * vxp_lineage_parse reads a path from text.
 *
 * "labels" has room for LINEAGE_LABELS_BOUND(length) bytes: a label takes its
 * bytes, one byte that the separator before it pays for (all but the first),
 * and a second one only from 128 bytes on.  Sets *size to the bytes written
 * and *depth to the number of labels.  On a fault *offset is its place in the
 * text, and the rest is undefined.  The size limit bounds the time, so the
 * caller need not look for interrupts.
 */
LineageFault
vxp_lineage_parse(const char *text, size_t length, uint8_t *labels,
				  size_t *size, int *depth, size_t *offset)
{
	const char *end = text + length;
	const char *p = text;
	uint8_t    *out = labels;
	int			count = 0;

	if (length > LINEAGE_MAX_TEXT)
	{
		*offset = LINEAGE_MAX_TEXT;
		return LINEAGE_LONG_TEXT;
	}
	for (;;)
	{
		const char *start = skip_blanks(p, end);
		bool		quoted = start < end && *start == '"';
		size_t		label_length = 0;
		LineageFault fault;

		p = start;
		if (start == end || *start == '>')
			fault = LINEAGE_EMPTY_LABEL;
		else if (quoted)
			fault = measure_quoted(start, end, &label_length, &p);
		else
			fault = measure_bare(start, end, &label_length, &p);
		if (fault == LINEAGE_OK)
		{
			if (label_length == 0)
				fault = LINEAGE_EMPTY_LABEL;
			else if (label_length > LINEAGE_MAX_LABEL)
				fault = LINEAGE_LONG_LABEL;
			else if (count == LINEAGE_MAX_DEPTH)
				fault = LINEAGE_TOO_DEEP;
			if (fault != LINEAGE_OK)
				p = start;
		}
		if (fault != LINEAGE_OK)
		{
			*offset = p - text;
			return fault;
		}
		out = lineage_put_length(out, (int) label_length);
		out = copy_label(out, quoted ? start + 1 : start, label_length, quoted);
		count++;

		p = skip_blanks(p, end);
		if (p == end)
			break;
		if (*p != '>')			/* a bare label ends at nothing else */
		{
			*offset = p - text;
			return LINEAGE_AFTER_QUOTE;
		}
		p++;
	}
	*size = out - labels;
	*depth = count;
	return LINEAGE_OK;
}

static bool
needs_quotes(LineageLabel label)
{
	return is_blank(label.bytes[0]) || is_blank(label.bytes[label.length - 1]) ||
		memchr(label.bytes, '>', label.length) != NULL ||
		memchr(label.bytes, '"', label.length) != NULL;
}

/*
 * vxp_lineage_print writes the text form, without a terminating zero, and
 * returns its length in bytes.  With "text" NULL it only measures.
 */
size_t
vxp_lineage_print(const uint8_t *labels, const uint8_t *end, char *text)
{
	size_t		length = 0;

	while (labels < end)
	{
		LineageLabel label = lineage_next_label(&labels);
		bool		quoted = needs_quotes(label);

		if (!quoted)
		{
			if (text)
				memcpy(text + length, label.bytes, label.length);
			length += label.length;
		}
		else
		{
			if (text)
				text[length] = '"';
			length++;
			for (int i = 0; i < label.length; i++)
			{
				if (label.bytes[i] == '"')
				{
					if (text)
						text[length] = '"';
					length++;
				}
				if (text)
					text[length] = label.bytes[i];
				length++;
			}
			if (text)
				text[length] = '"';
			length++;
		}
		if (labels < end)
		{
			if (text)
				memcpy(text + length, " > ", 3);
			length += 3;
		}
	}
	return length;
}
