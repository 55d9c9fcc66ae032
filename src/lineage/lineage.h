/*
 * lineage.h - the ancestry path: representation, and prototypes by file
 *
 * A value is a varlena whose payload is
 *
 *		2 bytes   version (high 4 bits, now 1) and depth (low 12 bits), big endian
 *		depth times, root first:
 *			1 or 2 bytes  length n of the label, 1 <= n <= 4096: below 128 one
 *						  byte; else the high bit set and the high 7 bits of n,
 *						  then its low 8 bits
 *			n bytes		  the label, in the server encoding, no terminating zero
 *
 * The format is on disk for ever: a change needs a new version nibble and must
 * go on reading this one.  A label is an identifier, any non-empty text, and is
 * compared byte by byte, never by locale.  Labels of one path need not differ.
 *
 * Order: label by label, each as memcmp does with the shorter first on a tie;
 * a path directly before its extensions.  So a subtree is one interval.
 */
#ifndef VXP_LINEAGE_H
#define VXP_LINEAGE_H

#include "postgres.h"

#include "fmgr.h"

#include "common/vxp_compat.h"
#include "lineage/lineage_format.h"

#define LINEAGE_VERSION			1
#define LINEAGE_HEADER_SIZE		2	/* version and depth */

/* A path as a span of bytes; owns nothing.  "data" is the first label's length byte. */
typedef struct LineageSpan
{
	const uint8 *data;
	const uint8 *end;
	int			depth;
} LineageSpan;

/* The span of a detoasted (possibly short-header) value. */
static inline LineageSpan
lineage_span(const struct varlena *value)
{
	const uint8 *payload = (const uint8 *) VARDATA_ANY(value);
	LineageSpan span;

	span.depth = ((payload[0] & 0x0f) << 8) | payload[1];
	span.data = payload + LINEAGE_HEADER_SIZE;
	span.end = payload + VARSIZE_ANY_EXHDR(value);
	return span;
}

#define PG_GETARG_LINEAGE_PP(n) ((struct varlena *) PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(n)))

/* lineage_path.c: pure rules on spans; operators, index support and triggers share them */
extern int	vxp_lineage_cmp(LineageSpan a, LineageSpan b);
extern bool vxp_lineage_equal(LineageSpan a, LineageSpan b);
extern bool vxp_lineage_starts_with(LineageSpan path, LineageSpan prefix);	/* or equal */
extern bool vxp_lineage_has_ancestor(LineageSpan path, const char *label, int length);	/* proper */
extern bool vxp_lineage_is_within(LineageSpan path, const char *label, int length);	/* or itself */
extern LineageLabel vxp_lineage_last(LineageSpan path);
extern LineageSpan vxp_lineage_slice(LineageSpan path, int from, int to);
extern int	vxp_lineage_common_depth(LineageSpan a, LineageSpan b);
extern int	vxp_lineage_type_length(LineageLabel label);	/* 0: no identifier type */

/*
 * Hash of one label.  Part of the on-disk format of every index key: it must
 * give the same value for ever, on every machine (FNV-1a with a final mix).
 */
extern uint64 vxp_lineage_label_hash(const char *label, int length);

/* lineage_io.c: building and validating values */
extern void vxp_lineage_check_depth(int depth); /* raises on a limit */
extern struct varlena *vxp_lineage_make(const LineageLabel *labels, int depth);	/* raises on a limit */
extern struct varlena *vxp_lineage_append(LineageSpan path, LineageLabel label);	/* raises on a limit */
extern struct varlena *vxp_lineage_from_span(LineageSpan span);

#endif							/* VXP_LINEAGE_H */
