/*
 * catalog_lineage.c - the row trigger that derives paths
 *
 * BEFORE INSERT, UPDATE or DELETE of each row: the path is the parent's path and
 * the row's own identifier; the lineage fields are read off the path.  Values
 * that the writer supplied for them are replaced on INSERT (COPY of a whole
 * table and INSERT ... SELECT * bring them along), and refused when an UPDATE
 * would change them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "catalog/catalog.h"
#include "catalog/catalog_lineage.h"
#include "common/vxp_compat.h"

VXP_FUNCTION(vxp_lineage_trigger);

/* "text" starts with the identifier type "prefix" and a slash, and goes on. */
bool
vxp_has_prefix(const char *text, const char *prefix, int length)
{
	return strncmp(text, prefix, length) == 0 && text[length] == '/' && text[length + 1] != '\0';
}

/* The column's value as text, or NULL. */
static char *
column_text(HeapTuple tuple, TupleDesc desc, AttrNumber attnum, Oid type)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);
	Oid			output;
	bool		is_varlena;

	if (isnull)
		return NULL;
	if (type == TEXTOID || type == VARCHAROID)
		return TextDatumGetCString(value);
	getTypeOutputInfo(type, &output, &is_varlena);
	return OidOutputFunctionCall(output, value);
}

/* The member "id" of the document as text, or NULL. */
static char *
document_id(HeapTuple tuple, TupleDesc desc, AttrNumber attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);
	JsonbValue	buffer;
	JsonbValue *id;
	Jsonb	   *document;

	if (isnull)
		return NULL;
	document = DatumGetJsonbP(value);
	if (!JB_ROOT_IS_OBJECT(document))
		return NULL;
	id = getKeyJsonValueFromContainer(&document->root, "id", 2, &buffer);
	if (id == NULL)
		return NULL;
	switch (id->type)
	{
		case jbvString:
			return pnstrdup(id->val.string.val, id->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(id->val.numeric)));
		default:
			return NULL;
	}
}

/*
 * vxp_row_identifier returns the identifier of the row as the catalog defines
 * it, not as a derived column may hold it; NULL when it has none.
 */
char *
vxp_row_identifier(const LineageTable *table, HeapTuple tuple, TupleDesc desc)
{
	char	   *id;

	if (!table->derives_identifier)
		return column_text(tuple, desc, table->identifier_attnum, TEXTOID);
	id = table->id_attnum != InvalidAttrNumber ?
		column_text(tuple, desc, table->id_attnum, table->id_type) :
		table->document_attnum != InvalidAttrNumber ?
		document_id(tuple, desc, table->document_attnum) : NULL;
	if (id == NULL || vxp_has_prefix(id, table->self.prefix, table->self.prefix_length))
		return id;
	return psprintf("%s/%s", table->self.prefix, id);
}

/*
 * The identifier of the row's parent, or NULL.  In a table that was registered
 * the parent column may hold bare ids: with one possible type of parent these
 * are completed with its prefix.
 */
static char *
row_parent(const LineageTable *table, HeapTuple tuple, TupleDesc desc)
{
	char	   *parent;
	ListCell   *lc;

	if (table->parent_attnum == InvalidAttrNumber)
		return NULL;
	parent = column_text(tuple, desc, table->parent_attnum, table->parent_type);
	if (parent == NULL || !table->raw_parent || list_length(table->parents) != 1)
		return parent;
	foreach(lc, table->parents)
	{
		RelatedTable *related = lfirst(lc);

		if (vxp_has_prefix(parent, related->prefix, related->prefix_length))
			return parent;
	}
	return psprintf("%s/%s", ((RelatedTable *) linitial(table->parents))->prefix, parent);
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void
check_identifier(const LineageTable *table, const char *identifier)
{
	if (identifier == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("a resource of type \"%s\" has no identifier", table->self.type_name),
				 table->id_name != NULL ?
				 errhint("Give column \"%s\" a value.", table->id_name) :
				 errhint("Give the document a member \"id\".")));
	if (strlen(identifier) > CATALOG_MAX_IDENTIFIER)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("identifier of a resource of type \"%s\" is too long", table->self.type_name),
				 errdetail("It has %zu bytes, the limit is %d.", strlen(identifier), CATALOG_MAX_IDENTIFIER)));
	if (!vxp_has_prefix(identifier, table->self.prefix, table->self.prefix_length))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("\"%s\" is no identifier of a resource of type \"%s\"",
						identifier, table->self.type_name),
				 errhint("Identifiers of this type begin with \"%s/\".", table->self.prefix)));
}

/* The position of the last such label in the path, from 0; -1 when it has none. */
int
vxp_lineage_find_label(LineageSpan path, const char *label, int length)
{
	const uint8 *cursor = path.data;
	int			found = -1;

	for (int i = 0; i < path.depth; i++)
	{
		LineageLabel this = lineage_next_label(&cursor);

		if (this.length == length && memcmp(this.bytes, label, length) == 0)
			found = i;
	}
	return found;
}

/* The path of a row: below "parent", or a root when that is NULL. */
static struct varlena *
derive_path(LineageTable *table, const char *identifier, const char *parent,
			struct varlena *parent_path)
{
	LineageLabel self = {identifier, (int) strlen(identifier)};

	if (parent == NULL)
		return vxp_lineage_make(&self, 1);
	if (vxp_lineage_is_within(lineage_span(parent_path), self.bytes, self.length))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("parent \"%s\" of \"%s\" would make a cycle", parent, identifier),
				 errdetail("\"%s\" lies below \"%s\".", parent, identifier)));
	return vxp_lineage_append(lineage_span(parent_path), self);
}

/*
 * The path of a row that a move carries along: what it had below the moved
 * label, put below the new path of that label.  NULL when the row does not lie
 * below the label.
 */
static struct varlena *
carry_path(const ActiveMove *move, LineageSpan path)
{
	int			position = vxp_lineage_find_label(path, move->label, move->length);
	LineageLabel *labels;
	const uint8 *cursor;
	int			depth = 0;

	if (position < 0 || position == path.depth - 1)
		return NULL;
	labels = palloc(sizeof(LineageLabel) * (move->path.depth + path.depth));
	cursor = move->path.data;
	for (int i = 0; i < move->path.depth; i++)
		labels[depth++] = lineage_next_label(&cursor);
	cursor = path.data;
	for (int i = 0; i < path.depth; i++)
	{
		LineageLabel label = lineage_next_label(&cursor);

		if (i > position)
			labels[depth++] = label;
	}
	return vxp_lineage_make(labels, depth);
}

/*
 * The partition of a row is chosen before the trigger runs, so the writer has
 * to supply a lineage field that is in the partition key, and rightly.
 */
static void
check_partition_field(const LineageColumn *column, HeapTuple tuple, TupleDesc desc,
					  const char *identifier, Datum derived, bool derived_null)
{
	bool		isnull;
	Datum		given = heap_getattr(tuple, column->attnum, desc, &isnull);
	const char *name = NameStr(TupleDescAttr(desc, column->attnum - 1)->attname);

	if (isnull == derived_null && (isnull || datum_image_eq(given, derived, false, -1)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("column \"%s\" of \"%s\" does not hold the ancestor in its path", name, identifier),
			 derived_null ? errdetail("The path has no such ancestor.") :
			 errdetail("The ancestor is \"%s\".", TextDatumGetCString(derived)),
			 errhint("The column is in the partition key: supply it together with the parent.")));
}

/*
 * The row with identifier, path and lineage fields set; a new tuple.  With
 * "begin", which is not DT_NOBEGIN, its version begins then.
 */
static HeapTuple
set_columns(const LineageTable *table, HeapTuple tuple, TupleDesc desc,
			const char *identifier, const struct varlena *path, TimestampTz begin)
{
	int			capacity = table->column_count + 3;
	int		   *attnums = palloc(sizeof(int) * capacity);
	Datum	   *values = palloc(sizeof(Datum) * capacity);
	bool	   *nulls = palloc0(sizeof(bool) * capacity);
	int			count = 0;

	attnums[count] = table->lineage_attnum;
	values[count++] = PointerGetDatum(path);
	if (table->derives_identifier)
	{
		attnums[count] = table->identifier_attnum;
		values[count++] = CStringGetTextDatum(identifier);
	}
	if (!TIMESTAMP_IS_NOBEGIN(begin))
	{
		attnums[count] = table->version.valid_from;
		values[count++] = TimestampTzGetDatum(begin);
	}
	for (int i = 0; i < table->column_count; i++)
	{
		const LineageColumn *column = &table->columns[i];
		LineageSpan span = lineage_span(path);
		const uint8 *cursor = span.data;

		attnums[count] = column->attnum;
		nulls[count] = true;
		values[count] = (Datum) 0;
		for (int level = 0; level < span.depth; level++)
		{
			LineageLabel label = lineage_next_label(&cursor);

			/* the nearest, which is the last, wins */
			if (label.length > column->prefix_length &&
				label.bytes[column->prefix_length] == '/' &&
				memcmp(label.bytes, column->prefix, column->prefix_length) == 0)
			{
				nulls[count] = false;
				values[count] = PointerGetDatum(cstring_to_text_with_len(label.bytes, label.length));
			}
		}
		if (column->is_key)
			check_partition_field(column, tuple, desc, identifier, values[count], nulls[count]);
		count++;
	}
	return heap_modify_tuple_by_cols(tuple, desc, count, attnums, values, nulls);
}

static bool
same_column(HeapTuple a, HeapTuple b, AttrNumber attnum, TupleDesc desc)
{
	bool		a_null;
	bool		b_null;
	Datum		a_value = heap_getattr(a, attnum, desc, &a_null);
	Datum		b_value = heap_getattr(b, attnum, desc, &b_null);

	return a_null == b_null && (a_null || datum_image_eq(a_value, b_value, false, -1));
}

/*
 * An UPDATE that leaves the parent alone must leave what is derived alone, too.
 * A value that was wrong already (triggers were off) is silently put right.
 */
static void
refuse_written_columns(const LineageTable *table, HeapTuple old, HeapTuple given,
					   HeapTuple derived, TupleDesc desc)
{
	for (int i = -1; i < table->column_count; i++)
	{
		AttrNumber	attnum = i < 0 ? table->lineage_attnum : table->columns[i].attnum;

		if (same_column(given, old, attnum, desc) || same_column(given, derived, attnum, desc))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("column \"%s\" is derived from the parent and cannot be changed",
						NameStr(TupleDescAttr(desc, attnum - 1)->attname)),
				 table->parent_name != NULL ?
				 errhint("Change column \"%s\" to move the resource.", table->parent_name) : 0));
	}
}

/* A parent was found, and may have begun after the row was to: when may that begin? */
typedef struct RowTime
{
	VersionInterval valid;		/* as given; all time unless versioned */
	bool		may_shift;		/* begins now by itself, so later when it must */
	TimestampTz begin;			/* when its parent began */
} RowTime;

static RowTime
row_time(const LineageTable *table, Relation relation, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(relation);
	RowTime		time = {{DT_NOBEGIN, DT_NOEND}, true, DT_NOBEGIN};
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	bool		isnull;

	if (!table->self.versioned)
		return time;
	time.valid.from = DatumGetTimestampTz(heap_getattr(row, table->version.valid_from, desc, &isnull));
	if (isnull)
		time.valid.from = now;
	time.valid.to = DatumGetTimestampTz(heap_getattr(row, table->version.valid_to, desc, &isnull));
	if (isnull)
		time.valid.to = DT_NOEND;
	vxp_check_interval(&table->version, row, desc, time.valid);
	time.may_shift = !vxp_takes_given(relation) && time.valid.from == now && TIMESTAMP_IS_NOEND(time.valid.to);
	return time;
}

/*
 * The path of a row that is inserted, or below another parent or with another
 * identifier than before; "old_path" is NULL for an insert.
 */
static struct varlena *
find_path(LineageTable *table, const char *identifier, const char *parent,
		  const char *old_identifier, struct varlena *old_path, RowTime *time)
{
	struct varlena *path = NULL;
	bool		moves = old_path != NULL;

	check_identifier(table, identifier);
	if (moves)
		path = vxp_lock_for_move(table, old_identifier, lineage_span(old_path), identifier, parent, &time->begin);
	if (parent == NULL)
	{
		if (!table->parent_optional)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("resource \"%s\" has no parent", identifier),
					 errdetail("Resources of type %s lie below one of type %s.",
							   table->self.type_name, vxp_parent_types(table)),
					 table->parent_name != NULL ?
					 errhint("Give column \"%s\" a value.", table->parent_name) : 0));
	}
	else if (strcmp(parent, identifier) == 0 && table->parents != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("parent \"%s\" of \"%s\" would make a cycle", parent, identifier),
				 errdetail("A resource cannot be its own parent.")));
	else if (!moves)
		path = vxp_find_parent(table, identifier, parent, time->valid, time->may_shift ? &time->begin : NULL);
	return derive_path(table, identifier, parent, path);
}

/*
 * The row, which may change at "floor" at the earliest, moves to the path
 * "after", or ends where that is NULL: returns "floor", or later.  "context" ends
 * with the statement.
 */
static TimestampTz
changes_in_statement(const LineageTable *table, Relation relation, HeapTuple row, MemoryContext context,
					 const char *identifier, const struct varlena *before, const struct varlena *after, TimestampTz floor)
{
	TimestampTz alone = vxp_version_effect(relation, &table->version, row, floor);
	TimestampTz at = vxp_statement_effect(context, identifier, before, after, alone);

	/* a leaf that changes with the transaction is in nobody's way */
	if (table->descendants != NIL || at > GetCurrentTransactionStartTimestamp())
		vxp_statement_note(context, identifier, before, after, at);
	return at > alone ? at : floor;
}

/* Before an update that is no correction of the past. */
static HeapTuple
update_row(LineageTable *table, Relation relation, HeapTuple old, HeapTuple row, MemoryContext context)
{
	TupleDesc	desc = RelationGetDescr(relation);
	char	   *identifier = vxp_row_identifier(table, row, desc);
	char	   *old_identifier = vxp_row_identifier(table, old, desc);
	char	   *parent = row_parent(table, row, desc);
	bool		same_parent = same_text(parent, row_parent(table, old, desc));
	RowTime		time = row_time(table, relation, row);
	bool		isnull;
	Datum		old_datum = heap_getattr(old, table->lineage_attnum, desc, &isnull);
	struct varlena *old_path;
	struct varlena *path = NULL;

	/* a path that was never set is derived as for a new row */
	if (isnull)
	{
		path = find_path(table, identifier, parent, NULL, NULL, &time);
		return set_columns(table, row, desc, identifier, path, DT_NOBEGIN);
	}
	old_path = PG_DETOAST_DATUM(old_datum);
	if (same_parent && same_text(identifier, old_identifier))
	{
		const ActiveMove *move;

		for (move = vxp_active_move(); move != NULL && path == NULL; move = move->outer)
		{
			path = carry_path(move, lineage_span(old_path));
			if (path != NULL && table->self.versioned)
				vxp_version_not_before(relation, &old->t_self, move->at);
		}
		if (path == NULL)
		{
			HeapTuple	derived = set_columns(table, row, desc, identifier, old_path, DT_NOBEGIN);

			refuse_written_columns(table, old, row, derived, desc);
			return derived;
		}
		return set_columns(table, row, desc, identifier, path, DT_NOBEGIN);
	}
	vxp_lineage_forget_parents();
	if (same_parent)
	{
		time.may_shift = true;
		path = find_path(table, identifier, parent, NULL, NULL, &time);
	}
	else
		path = find_path(table, identifier, parent, old_identifier, old_path, &time);
	if (table->self.versioned)
		vxp_version_not_before(relation, &old->t_self,
							   changes_in_statement(table, relation, old, context, old_identifier, old_path, path, time.begin));
	return set_columns(table, row, desc, identifier, path, DT_NOBEGIN);
}

/* Before a delete: it takes effect when all that lies below can end with it. */
static void
delete_row(LineageTable *table, Relation relation, HeapTuple old, MemoryContext context)
{
	TupleDesc	desc = RelationGetDescr(relation);
	bool		isnull;
	Datum		datum = heap_getattr(old, table->lineage_attnum, desc, &isnull);
	struct varlena *path;
	const ActiveClose *closing;
	char	   *identifier;

	if (isnull || !table->self.versioned || vxp_takes_given(relation))
		return;
	path = PG_DETOAST_DATUM(datum);
	for (closing = vxp_active_close(); closing != NULL; closing = closing->outer)
		if (vxp_lineage_has_ancestor(lineage_span(path), closing->label, closing->length))
		{
			vxp_version_not_before(relation, &old->t_self, closing->at);
			return;
		}
	identifier = vxp_row_identifier(table, old, desc);
	vxp_version_not_before(relation, &old->t_self,
						   changes_in_statement(table, relation, old, context, identifier, path, NULL,
												table->versions_below ? vxp_lock_subtree(table, identifier) : DT_NOBEGIN));
}

/*
 * lineage_trigger() -> trigger, BEFORE INSERT OR UPDATE OR DELETE FOR EACH ROW
 *
 * Sets path, lineage fields and, where it is derived, the identifier.  Errors:
 * 23502 no identifier or no parent, 54000 too long, 23514 wrong prefix, wrong
 * type of parent, a cycle, or a parent that moved meanwhile, 23503 unknown
 * parent, 428C9 an UPDATE of a derived column.  Locks: the parent FOR KEY
 * SHARE; for a move see vxp_lock_for_move.
 */
Datum
vxp_lineage_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	desc;
	HeapTuple	row;
	LineageTable *table;
	char	   *identifier;
	struct varlena *path;
	RowTime		time;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("lineage_trigger() can only be called as a trigger before a change of a row")));
	desc = RelationGetDescr(trigger->tg_relation);
	table = vxp_lineage_table(trigger->tg_relation);
	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
	{
		delete_row(table, trigger->tg_relation, trigger->tg_trigtuple, fcinfo->flinfo->fn_mcxt);
		return PointerGetDatum(trigger->tg_trigtuple);
	}
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		row = trigger->tg_newtuple;
		if (!table->self.versioned || !vxp_takes_given(trigger->tg_relation))
			return PointerGetDatum(update_row(table, trigger->tg_relation, trigger->tg_trigtuple, row, fcinfo->flinfo->fn_mcxt));
	}
	else
		row = trigger->tg_trigtuple;

	time = row_time(table, trigger->tg_relation, row);
	identifier = vxp_row_identifier(table, row, desc);
	path = find_path(table, identifier, row_parent(table, row, desc), NULL, NULL, &time);
	if (!table->self.versioned || time.begin <= time.valid.from)
		time.begin = DT_NOBEGIN;
	else
		vxp_version_not_before(trigger->tg_relation, NULL, time.begin);
	return PointerGetDatum(set_columns(table, row, desc, identifier, path, time.begin));
}
