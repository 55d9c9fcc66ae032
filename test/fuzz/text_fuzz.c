/*
 * text_fuzz.c - fuzz target: the text form of a path
 *
 * Any bytes give a path or a fault.  A fault lies within the input.  A path
 * keeps the limits, fits the room that was promised, and printed and read
 * again is the same path.  Buffers are malloc blocks of the exact size, so
 * that the address sanitizer sees any step beyond.
 *
 *		test/fuzz.sh text 60
 */
#include <stdlib.h>
#include <string.h>

#include "lineage/lineage_format.h"

#define REQUIRE(condition) do { if (!(condition)) abort(); } while (0)

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The depth that the label bytes really hold; each label within its limits. */
static int
count_labels(const uint8_t *labels, size_t size)
{
	const uint8_t *cursor = labels;
	int			depth = 0;

	while (cursor < labels + size)
	{
		LineageLabel label = lineage_next_label(&cursor);

		REQUIRE(label.length >= 1 && label.length <= LINEAGE_MAX_LABEL);
		REQUIRE(memchr(label.bytes, '\0', label.length) == NULL);
		depth++;
	}
	REQUIRE(cursor == labels + size);
	return depth;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = malloc(size ? size : 1);
	uint8_t    *labels = malloc(LINEAGE_LABELS_BOUND(size));
	size_t		labels_size;
	size_t		offset;
	int			depth;

	if (size)
		memcpy(text, data, size);
	if (vxp_lineage_parse(text, size, labels, &labels_size, &depth, &offset) != LINEAGE_OK)
		REQUIRE(offset <= size);
	else
	{
		size_t		printed_size = vxp_lineage_print(labels, labels + labels_size, NULL);
		char	   *printed = malloc(printed_size);
		uint8_t    *again = malloc(LINEAGE_LABELS_BOUND(printed_size));
		size_t		again_size;
		int			again_depth;

		REQUIRE(labels_size <= LINEAGE_LABELS_BOUND(size));
		REQUIRE(depth >= 1 && depth <= LINEAGE_MAX_DEPTH);
		REQUIRE(count_labels(labels, labels_size) == depth);
		REQUIRE(vxp_lineage_print(labels, labels + labels_size, printed) == printed_size);
		REQUIRE(vxp_lineage_parse(printed, printed_size, again, &again_size, &again_depth, &offset) == LINEAGE_OK);
		REQUIRE(again_depth == depth && again_size == labels_size && memcmp(again, labels, labels_size) == 0);
		free(again);
		free(printed);
	}
	free(labels);
	free(text);
	return 0;
}
