/*
 * lineage_io.c - values from and to text, binary and labels
 *
 * Every way into the type ends in one of two validators: vxp_lineage_parse for
 * the text form, which binary input carries too, and check_label with vxp_lineage_check_depth
 * for labels that come from arrays and functions.  Both keep the same limits.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "nodes/nodes.h"
#include "utils/builtins.h"

#include "common/vxp_error.h"
#include "lineage/lineage.h"

/* First byte of the binary form; the text form in the client encoding follows. */
#define LINEAGE_BINARY_VERSION	1

VXP_FUNCTION(vxp_lineage_in);
VXP_FUNCTION(vxp_lineage_out);
VXP_FUNCTION(vxp_lineage_recv);
VXP_FUNCTION(vxp_lineage_send);

/* A value with room for "size" bytes of labels, which the caller fills. */
static struct varlena *
new_value(int depth, Size size)
{
	struct varlena *value = palloc(VARHDRSZ + LINEAGE_HEADER_SIZE + size);
	uint8	   *payload = (uint8 *) VARDATA(value);

	SET_VARSIZE(value, VARHDRSZ + LINEAGE_HEADER_SIZE + size);
	payload[0] = (uint8) ((LINEAGE_VERSION << 4) | (depth >> 8));
	payload[1] = (uint8) (depth & 0xff);
	return value;
}

static inline uint8 *
value_labels(struct varlena *value)
{
	return (uint8 *) VARDATA(value) + LINEAGE_HEADER_SIZE;
}

static const char *
describe_fault(LineageFault fault)
{
	switch (fault)
	{
		case LINEAGE_EMPTY_LABEL:
			return gettext_noop("A label is missing at byte %d.");
		case LINEAGE_STRAY_QUOTE:
			return gettext_noop("A double quote stands inside an unquoted label at byte %d.");
		case LINEAGE_OPEN_QUOTE:
			return gettext_noop("The label that opens with a double quote at byte %d is not closed.");
		case LINEAGE_AFTER_QUOTE:
			return gettext_noop("Text follows a quoted label at byte %d.");
		case LINEAGE_ZERO_BYTE:
			return gettext_noop("A zero byte stands at byte %d.");
		case LINEAGE_LONG_LABEL:
		case LINEAGE_TOO_DEEP:
		case LINEAGE_LONG_TEXT:
		case LINEAGE_OK:
			break;
	}
	elog(ERROR, "unexpected lineage fault: %d", (int) fault);
	return NULL;				/* keep compiler quiet */
}

/*
 * Report a fault of the text form.  Limits are 54000; anything else is
 * "syntax_code", which tells text from binary input.  Bytes count from 1.
 */
static void
report_fault(LineageFault fault, const char *text, size_t length, size_t offset,
			 int syntax_code, Node *escontext)
{
	int			place = (int) offset + 1;

	switch (fault)
	{
		case LINEAGE_LONG_LABEL:
			errsave(escontext,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("label of a lineage is too long"),
					 errdetail("The label at byte %d is longer than %d bytes.",
							   place, LINEAGE_MAX_LABEL)));
			break;
		case LINEAGE_TOO_DEEP:
			errsave(escontext,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("lineage has too many labels"),
					 errdetail("The label at byte %d is number %d; a lineage has at most %d.",
							   place, LINEAGE_MAX_DEPTH + 1, LINEAGE_MAX_DEPTH)));
			break;
		case LINEAGE_LONG_TEXT:
			errsave(escontext,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("text of a lineage is too long"),
					 errdetail("The text has %zu bytes; at most %d are read.",
							   length, LINEAGE_MAX_TEXT)));
			break;
		default:
			errsave(escontext,
					(errcode(syntax_code),
					 errmsg("invalid input syntax for type %s: \"%s\"", "lineage",
							vxp_quote_input(text, (int) length)),
					 errdetail(describe_fault(fault), place),
					 errhint("Separate labels by \">\". Write a label that holds \">\" or a double quote in double quotes, "
							 "with each double quote inside doubled.")));
			break;
	}
}

/* The value of a text, or NULL after a soft error. */
static struct varlena *
parse_value(const char *text, size_t length, int syntax_code, Node *escontext)
{
	struct varlena *value;
	size_t		size;
	size_t		offset;
	int			depth;
	LineageFault fault;
	uint8	   *labels = palloc(LINEAGE_LABELS_BOUND(Min(length, LINEAGE_MAX_TEXT)));

	fault = vxp_lineage_parse(text, length, labels, &size, &depth, &offset);
	if (fault != LINEAGE_OK)
	{
		report_fault(fault, text, length, offset, syntax_code, escontext);
		return NULL;
	}
	value = new_value(depth, size);
	memcpy(value_labels(value), labels, size);
	pfree(labels);
	return value;
}

/* The text form, with a terminating zero; *length without it. */
static char *
print_value(const struct varlena *value, size_t *length)
{
	LineageSpan span = lineage_span(value);
	char	   *text;

	*length = vxp_lineage_print(span.data, span.end, NULL);
	text = palloc(*length + 1);
	vxp_lineage_print(span.data, span.end, text);
	text[*length] = '\0';
	return text;
}

/*
 * lineage_in(cstring) -> lineage
 *
 * Reads the text form (lineage_format.h).  22P02 for bad syntax, 54000 for a
 * limit; both are soft errors where the server has them.
 */
Datum
vxp_lineage_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	struct varlena *value = parse_value(text, strlen(text),
										ERRCODE_INVALID_TEXT_REPRESENTATION,
										fcinfo->context);

	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(value);
}

/* lineage_out(lineage) -> cstring: the text form */
Datum
vxp_lineage_out(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_LINEAGE_PP(0);
	size_t		length;
	char	   *text = print_value(value, &length);

	PG_FREE_IF_COPY(value, 0);
	PG_RETURN_CSTRING(text);
}

/*
 * lineage_recv(internal) -> lineage
 *
 * One version byte, 1, then the text form in the client encoding up to the end
 * of the message.  Every rule of text input holds; bad syntax, an unknown
 * version and an empty message are 22P03, bytes that the encoding does not
 * have 22021, a limit 54000.
 */
Datum
vxp_lineage_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	struct varlena *value;
	char	   *text;
	int			version;
	int			length;

	if (buf->cursor >= buf->len)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("binary lineage is empty"),
				 errdetail("A version byte and the text form are expected.")));
	version = pq_getmsgbyte(buf);
	if (version != LINEAGE_BINARY_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unsupported version of binary lineage: %d", version),
				 errdetail("The only version is %d.", LINEAGE_BINARY_VERSION)));
	text = pq_getmsgtext(buf, buf->len - buf->cursor, &length);
	value = parse_value(text, length, ERRCODE_INVALID_BINARY_REPRESENTATION, NULL);
	pfree(text);
	PG_RETURN_POINTER(value);
}

/* lineage_send(lineage) -> bytea: the inverse of lineage_recv */
Datum
vxp_lineage_send(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_LINEAGE_PP(0);
	StringInfoData buf;
	size_t		length;
	char	   *text = print_value(value, &length);

	pq_begintypsend(&buf);
	pq_sendbyte(&buf, LINEAGE_BINARY_VERSION);
	pq_sendtext(&buf, text, (int) length);
	pfree(text);
	PG_FREE_IF_COPY(value, 0);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* vxp_lineage_check_depth raises unless a path may have this many labels. */
void
vxp_lineage_check_depth(int depth)
{
	if (depth < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a lineage must have at least one label")));
	if (depth > LINEAGE_MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("lineage has too many labels"),
				 errdetail_plural("There is %d label; a lineage has at most %d.",
								  "There are %d labels; a lineage has at most %d.",
								  depth, depth, LINEAGE_MAX_DEPTH)));
}

/* Raises unless the label may stand in a path, as number "position". */
static void
check_label(LineageLabel label, int position)
{
	if (label.length < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a label of a lineage must not be empty"),
				 errdetail("Label %d is empty.", position)));
	if (label.length > LINEAGE_MAX_LABEL)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("label of a lineage is too long"),
				 errdetail("Label %d has %d bytes; a label has at most %d.",
						   position, label.length, LINEAGE_MAX_LABEL)));
}

static uint8 *
put_label(uint8 *out, LineageLabel label)
{
	out = lineage_put_length(out, label.length);
	memcpy(out, label.bytes, label.length);
	return out + label.length;
}

/*
 * vxp_lineage_make returns the path of these labels, root first, in the
 * caller's context.  Raises 22023 for no label or an empty one, 54000 for a
 * limit.  The labels are text of the server encoding.
 */
struct varlena *
vxp_lineage_make(const LineageLabel *labels, int depth)
{
	struct varlena *value;
	Size		size = 0;
	uint8	   *out;

	vxp_lineage_check_depth(depth);
	for (int i = 0; i < depth; i++)
	{
		check_label(labels[i], i + 1);
		size += lineage_label_size(labels[i].length);
	}
	value = new_value(depth, size);
	out = value_labels(value);
	for (int i = 0; i < depth; i++)
		out = put_label(out, labels[i]);
	return value;
}

/* vxp_lineage_append returns the path with one more label; raises as vxp_lineage_make. */
struct varlena *
vxp_lineage_append(LineageSpan path, LineageLabel label)
{
	Size		size = path.end - path.data;
	struct varlena *value;

	vxp_lineage_check_depth(path.depth + 1);
	check_label(label, path.depth + 1);
	value = new_value(path.depth + 1, size + lineage_label_size(label.length));
	memcpy(value_labels(value), path.data, size);
	put_label(value_labels(value) + size, label);
	return value;
}

/* vxp_lineage_from_span returns a value of its own for a part of a path. */
struct varlena *
vxp_lineage_from_span(LineageSpan span)
{
	Size		size = span.end - span.data;
	struct varlena *value;

	vxp_lineage_check_depth(span.depth);
	value = new_value(span.depth, size);
	memcpy(value_labels(value), span.data, size);
	return value;
}
