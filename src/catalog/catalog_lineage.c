/*
 * catalog_lineage.c - the row trigger that derives paths
 *
 * BEFORE INSERT OR UPDATE of each row: the path is the parent's path and the
 * row's own identifier; the lineage fields are read off the path.  Values that
 * the writer supplied for them are replaced on INSERT (COPY of a whole table
 * and INSERT ... SELECT * bring them along), and refused when an UPDATE would
 * change them.
 *
 * The parent's row is locked FOR KEY SHARE, so it can be neither removed nor
 * moved (a move takes FOR UPDATE) before this transaction ends.  That is also
 * why the last parent found may be remembered while this session itself has
 * moved or removed nothing and no subtransaction has failed.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "catalog/catalog.h"
#include "catalog/catalog_lineage.h"
#include "common/vxp_compat.h"

VXP_FUNCTION(vxp_lineage_trigger);

/* "text" starts with the identifier type "prefix" and a slash, and goes on. */
static bool
has_prefix(const char *text, const char *prefix, int length)
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
	if (id == NULL || has_prefix(id, table->self.prefix, table->self.prefix_length))
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

		if (has_prefix(parent, related->prefix, related->prefix_length))
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
	if (!has_prefix(identifier, table->self.prefix, table->self.prefix_length))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("\"%s\" is no identifier of a resource of type \"%s\"",
						identifier, table->self.type_name),
				 errhint("Identifiers of this type begin with \"%s/\".", table->self.prefix)));
}

/* "Patient", "Patient or ImagingStudy": the possible types of parents. */
static char *
parent_types(const LineageTable *table)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, table->parents)
		appendStringInfo(&buf, "%s%s", lc == list_head(table->parents) ? "" : " or ",
						 ((RelatedTable *) lfirst(lc))->type_name);
	return buf.data;
}

static void
raise_unknown_parent(const LineageTable *table, const char *identifier, const char *parent)
{
	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("parent \"%s\" of \"%s\" does not exist", parent, identifier),
			 errdetail("Resources of type %s lie below one of type %s.",
					   table->self.type_name, parent_types(table)),
			 errhint("Insert parents before their children, ordered by depth, or use vxp.load, which sorts.")));
}

static void
raise_wrong_parent(const LineageTable *table, const char *identifier, const char *parent)
{
	if (table->parents == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("\"%s\" cannot be the parent of \"%s\"", parent, identifier),
				 errdetail("Resources of type %s have no parent.", table->self.type_name)));
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("\"%s\" cannot be the parent of \"%s\"", parent, identifier),
			 errdetail("Resources of type %s lie below one of type %s.",
					   table->self.type_name, parent_types(table))));
}

/*
 * The path that a one-column query finds for "identifier", copied into the
 * current context, or NULL.  SPI must not be connected.  Runs as the owner of
 * "relid".
 */
static struct varlena *
fetch_path(Oid relid, SPIPlanPtr *plan, const char *sql, const char *identifier)
{
	MemoryContext caller = CurrentMemoryContext;
	struct varlena *result = NULL;
	OwnerScope	saved;
	Datum		value;
	Oid			type = TEXTOID;
	int			rc;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (*plan == NULL)
		*plan = vxp_prepare_as_owner(relid, sql, 1, &type);
	value = CStringGetTextDatum(identifier);
	vxp_enter_owner(relid, &saved);
	rc = SPI_execute_plan(*plan, &value, NULL, false, 1);
	vxp_leave_owner(&saved);
	if (rc != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_plan returned %s", SPI_result_code_string(rc));
	if (SPI_processed > 0)
	{
		bool		isnull;
		Datum		path = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);

		if (isnull)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("resource \"%s\" has no lineage", identifier),
					 errhint("Register its table again, which fills the column.")));
		else
		{
			MemoryContext old = MemoryContextSwitchTo(caller);

			result = (struct varlena *) DatumGetPointer(PointerGetDatum(PG_DETOAST_DATUM_COPY(path)));
			MemoryContextSwitchTo(old);
		}
	}
	SPI_finish();
	return result;
}

/* The path of the parent, its row locked; an error when there is none. */
static struct varlena *
find_parent(LineageTable *table, const char *identifier, const char *parent)
{
	bool		of_known_type = false;
	struct varlena *path = NULL;
	ListCell   *lc;

	if (table->parent_identifier != NULL && table->parent_epoch == vxp_lineage_epoch() &&
		strcmp(table->parent_identifier, parent) == 0)
		return table->parent_lineage;

	foreach(lc, table->parents)
	{
		RelatedTable *related = lfirst(lc);
		StringInfoData sql;

		if (!has_prefix(parent, related->prefix, related->prefix_length))
			continue;
		of_known_type = true;
		initStringInfo(&sql);
		if (related->plan_find == NULL)
			appendStringInfo(&sql, "SELECT %s FROM %s WHERE %s OPERATOR(pg_catalog.=) $1 FOR KEY SHARE",
							 related->lineage, related->table, related->identifier);
		path = fetch_path(related->relid, &related->plan_find, sql.data, parent);
		if (path != NULL)
			break;
	}
	if (!of_known_type)
		raise_wrong_parent(table, identifier, parent);
	if (path == NULL)
		raise_unknown_parent(table, identifier, parent);

	if (table->parent_identifier != NULL)
	{
		pfree(table->parent_identifier);
		pfree(table->parent_lineage);
		table->parent_identifier = NULL;
	}
	table->parent_lineage = (struct varlena *)
		DatumGetPointer(PointerGetDatum(MemoryContextAlloc(table->context, VARSIZE_ANY(path))));
	memcpy(table->parent_lineage, path, VARSIZE_ANY(path));
	table->parent_identifier = MemoryContextStrdup(table->context, parent);
	table->parent_epoch = vxp_lineage_epoch();
	return path;
}

/* One lock for each tree, so that two moves in it cannot make a cycle together. */
static void
lock_root(uint32 root)
{
	LockDatabaseObject(vxp_catalog_relid(), root, 0, ExclusiveLock);
}

static uint32
root_key(LineageSpan path)
{
	const uint8 *cursor = path.data;
	LineageLabel root = lineage_next_label(&cursor);

	return DatumGetUInt32(hash_any((const unsigned char *) root.bytes, root.length));
}

/*
 * Before the parent of a row changes: lock the trees it leaves and enters, and
 * the row itself FOR UPDATE, which waits for those who insert below it.
 * Returns the path of the new parent (NULL: the row becomes a root).
 *
 * The tree that a parent belongs to is known only by looking, and may change
 * while we wait for its lock; so look again with the lock held.
 */
static struct varlena *
lock_for_move(LineageTable *table, const char *old_identifier, LineageSpan old_path,
			  const char *identifier, const char *parent)
{
	struct varlena *path = NULL;
	uint32		from = root_key(old_path);
	bool		held = false;
	StringInfoData sql;

	/* two keys in ascending order, as far as they are known beforehand */
	if (parent != NULL)
	{
		uint32		to;

		vxp_lineage_forget_parents();
		path = find_parent(table, identifier, parent);
		to = root_key(lineage_span(path));
		if (to < from)
		{
			lock_root(to);
			lock_root(from);
			held = true;
		}
		else
		{
			lock_root(from);
			if (to != from)
				lock_root(to);
			held = true;
		}
		for (;;)
		{
			uint32		now;

			CHECK_FOR_INTERRUPTS();
			vxp_lineage_forget_parents();
			path = find_parent(table, identifier, parent);
			now = root_key(lineage_span(path));
			if (now == to || now == from)
				break;
			lock_root(now);
			to = now;
		}
	}
	if (!held)
		lock_root(from);
	initStringInfo(&sql);
	if (table->plan_lock_self == NULL)
		appendStringInfo(&sql, "SELECT %s FROM %s WHERE %s OPERATOR(pg_catalog.=) $1 FOR UPDATE",
						 table->self.lineage, table->self.table, table->self.identifier);
	(void) fetch_path(table->self.relid, &table->plan_lock_self, sql.data, old_identifier);
	return path;
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

/* The row with identifier, path and lineage fields set; a new tuple. */
static HeapTuple
set_columns(const LineageTable *table, HeapTuple tuple, TupleDesc desc,
			const char *identifier, const struct varlena *path)
{
	int			capacity = table->column_count + 2;
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

/*
 * lineage_trigger() -> trigger, BEFORE INSERT OR UPDATE FOR EACH ROW
 *
 * Sets path, lineage fields and, where it is derived, the identifier.  Errors:
 * 23502 no identifier or no parent, 54000 too long, 23514 wrong prefix, wrong
 * type of parent or a cycle, 23503 unknown parent, 428C9 an UPDATE of a derived
 * column.  Locks: the parent FOR KEY SHARE; for a move see lock_for_move.
 */
Datum
vxp_lineage_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const ActiveMove *move = vxp_active_move();
	TupleDesc	desc;
	HeapTuple	row;
	LineageTable *table;
	char	   *identifier;
	char	   *parent;
	struct varlena *path = NULL;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("lineage_trigger() can only be called as a trigger before INSERT or UPDATE of a row")));
	desc = RelationGetDescr(trigger->tg_relation);
	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	table = vxp_lineage_table(trigger->tg_relation);

	identifier = vxp_row_identifier(table, row, desc);
	parent = row_parent(table, row, desc);

	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		HeapTuple	old = trigger->tg_trigtuple;
		bool		isnull;
		Datum		old_datum = heap_getattr(old, table->lineage_attnum, desc, &isnull);

		/* a path that was never set is derived as for a new row */
		if (!isnull)
		{
			struct varlena *old_path = PG_DETOAST_DATUM(old_datum);
			char	   *old_identifier = vxp_row_identifier(table, old, desc);
			bool		same_parent = same_text(parent, row_parent(table, old, desc));

			if (same_parent && same_text(identifier, old_identifier))
			{
				for (; move != NULL && path == NULL; move = move->outer)
					path = carry_path(move, lineage_span(old_path));
				if (path == NULL)
				{
					HeapTuple	derived = set_columns(table, row, desc, identifier, old_path);

					refuse_written_columns(table, old, row, derived, desc);
					return PointerGetDatum(derived);
				}
				return PointerGetDatum(set_columns(table, row, desc, identifier, path));
			}
			vxp_lineage_forget_parents();
			check_identifier(table, identifier);
			if (!same_parent)
				path = lock_for_move(table, old_identifier, lineage_span(old_path), identifier, parent);
		}
	}

	check_identifier(table, identifier);
	if (parent == NULL)
	{
		if (!table->parent_optional)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("resource \"%s\" has no parent", identifier),
					 errdetail("Resources of type %s lie below one of type %s.",
							   table->self.type_name, parent_types(table)),
					 table->parent_name != NULL ?
					 errhint("Give column \"%s\" a value.", table->parent_name) : 0));
	}
	else if (strcmp(parent, identifier) == 0 && table->parents != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("parent \"%s\" of \"%s\" would make a cycle", parent, identifier),
				 errdetail("A resource cannot be its own parent.")));
	else if (path == NULL)
		path = find_parent(table, identifier, parent);
	path = derive_path(table, identifier, parent, path);
	return PointerGetDatum(set_columns(table, row, desc, identifier, path));
}
