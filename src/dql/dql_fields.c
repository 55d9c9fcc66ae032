/*
 * dql_fields.c - what fields the rows of a resource type have
 *
 * One pass over the rows: the plan's rows go to a receiver that counts columns
 * and walks documents into a tree of keys.  Lists are walked as paths of DQL
 * walk them: the members of a list's objects are below the list's own path.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "dql/dql_bind.h"
#include "dql/dql_cursor.h"
#include "dql/dql_eval.h"
#include "dql/dql_exec.h"

VXP_FUNCTION(vxp_fields);

/* An example is cut to this many bytes. */
#define MAX_EXAMPLE 100

/* Digits of a fill rate behind the point. */
#define RATE_DIGITS 6

/* Types of values at a place; those that stand in a list are IN_LIST bits higher. */
enum
{
	TYPE_STRING,
	TYPE_NUMBER,
	TYPE_BOOLEAN,
	TYPE_OBJECT,
	TYPE_LIST,
	TYPE_NULL,
	IN_LIST
};

static const char *const type_names[] = {"string", "number", "boolean", "object", "list", "null"};

/* What was seen at a place. */
typedef struct FieldStats
{
	int64		filled;			/* rows with a value that is not null */
	int64		last_row;		/* the last of them */
	uint32		types;
	char	   *example;
} FieldStats;

/* A place in a document; members are sorted by name. */
typedef struct FieldNode
{
	char	   *name;
	int			length;
	FieldStats	stats;
	int			count;
	int			capacity;
	struct FieldNode **members;
} FieldNode;

typedef struct FieldColumn
{
	BoundColumn *column;
	List	   *paths;			/* of char *: its names in a request; "" for the document */
	char	   *type;
	FmgrInfo	output;
	FieldNode	root;			/* JSON: the value itself and what is below; else its stats only */
} FieldColumn;

typedef struct FieldReceiver
{
	DestReceiver pub;
	FieldColumn *columns;
	int			count;
	int64		rows;
	MemoryContext context;		/* of what is found */
	MemoryContext per_row;
} FieldReceiver;

/* The member of that name, made when it is new. */
static FieldNode *
member_of(FieldReceiver *receiver, FieldNode *node, const char *name, int length)
{
	int			low = 0;
	int			high = node->count;
	FieldNode  *member;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		FieldNode  *candidate = node->members[middle];
		int			cmp = memcmp(name, candidate->name, Min(length, candidate->length));

		if (cmp == 0)
			cmp = (length > candidate->length) - (length < candidate->length);
		if (cmp == 0)
			return candidate;
		if (cmp < 0)
			high = middle;
		else
			low = middle + 1;
	}
	if (node->count == node->capacity)
	{
		node->capacity = Max(4, 2 * node->capacity);
		node->members = node->members ? repalloc(node->members, sizeof(FieldNode *) * node->capacity) :
			MemoryContextAlloc(receiver->context, sizeof(FieldNode *) * node->capacity);
	}
	member = MemoryContextAllocZero(receiver->context, sizeof(FieldNode));
	member->name = MemoryContextAlloc(receiver->context, length + 1);
	memcpy(member->name, name, length);
	member->name[length] = '\0';
	member->length = length;
	memmove(node->members + low + 1, node->members + low, sizeof(FieldNode *) * (node->count - low));
	node->members[low] = member;
	node->count++;
	return member;
}

static void
note_filled(FieldReceiver *receiver, FieldStats *stats)
{
	if (stats->last_row != receiver->rows)
		stats->filled++;
	stats->last_row = receiver->rows;
}

static void
note_example(FieldReceiver *receiver, FieldStats *stats, const char *text, int length)
{
	int			cut = pg_mbcliplen(text, length, MAX_EXAMPLE);

	stats->example = MemoryContextAlloc(receiver->context, cut + 1);
	memcpy(stats->example, text, cut);
	stats->example[cut] = '\0';
}

static void walk_value(FieldReceiver *receiver, FieldNode *node, JsonbValue *value, bool in_list);

static void
walk_container(FieldReceiver *receiver, FieldNode *node, JsonbContainer *container)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbValue	value;
	JsonbIteratorToken token = JsonbIteratorNext(&it, &value, false);
	FieldNode  *member = NULL;

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_KEY)
			/* a key that is empty or has a dot cannot be named in a path */
			member = value.val.string.len == 0 || memchr(value.val.string.val, '.', value.val.string.len) ? NULL :
				member_of(receiver, node, value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE && member)
			walk_value(receiver, member, &value, false);
		else if (token == WJB_ELEM)
			walk_value(receiver, node, &value, true);
	}
}

static void
walk_value(FieldReceiver *receiver, FieldNode *node, JsonbValue *value, bool in_list)
{
	FieldStats *stats = &node->stats;
	int			type;
	char	   *text;

	check_stack_depth();
	switch (value->type)
	{
		case jbvNull:
			type = TYPE_NULL;
			break;
		case jbvString:
			type = TYPE_STRING;
			if (stats->example == NULL)
				note_example(receiver, stats, value->val.string.val, value->val.string.len);
			break;
		case jbvNumeric:
			type = TYPE_NUMBER;
			if (stats->example == NULL)
			{
				text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
				note_example(receiver, stats, text, strlen(text));
			}
			break;
		case jbvBool:
			type = TYPE_BOOLEAN;
			text = value->val.boolean ? "true" : "false";
			if (stats->example == NULL)
				note_example(receiver, stats, text, strlen(text));
			break;
		default:
			type = vxp_dql_is_object(value) ? TYPE_OBJECT : TYPE_LIST;
			break;
	}
	if (type == TYPE_LIST && !in_list && JsonContainerSize(value->val.binary.data) > 0)
	{
		walk_container(receiver, node, value->val.binary.data);
		return;
	}
	stats->types |= 1 << (type + (in_list ? IN_LIST : 0));
	if (type != TYPE_NULL)
		note_filled(receiver, stats);
	if (type == TYPE_OBJECT)
		walk_container(receiver, node, value->val.binary.data);
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	FieldReceiver *receiver = (FieldReceiver *) self;
	MemoryContext old = MemoryContextSwitchTo(receiver->per_row);

	receiver->rows++;
	slot_getallattrs(slot);
	for (int i = 0; i < receiver->count; i++)
	{
		FieldColumn *column = &receiver->columns[i];
		FieldStats *stats = &column->root.stats;
		Datum		datum = slot->tts_values[i];

		if (slot->tts_isnull[i])
			continue;
		if (column->column->kind == COLUMN_JSON)
		{
			JsonbValue	root;

			if (column->column->base_type != JSONBOID)
				datum = DirectFunctionCall1(jsonb_in, CStringGetDatum(text_to_cstring(DatumGetTextPP(datum))));
			vxp_dql_root_value(DatumGetJsonbP(datum), &root);
			walk_value(receiver, &column->root, &root, false);
			continue;
		}
		note_filled(receiver, stats);
		if (stats->example == NULL)
		{
			int			level = vxp_cursor_settings();
			char	   *text = OutputFunctionCall(&column->output, datum);

			AtEOXact_GUC(true, level);
			note_example(receiver, stats, text, strlen(text));
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(receiver->per_row);
	return true;
}

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
receiver_end(DestReceiver *self)
{
}

/* The names by which a request finds the column; NIL when it does not. */
static List *
column_paths(const ResourceType *type, const BoundQuery *bound, const BoundColumn *column)
{
	List	   *paths = NIL;
	ListCell   *lc;

	foreach(lc, type->fields)
	{
		const ResourceField *field = lfirst(lc);

		if (field->inside == NULL && strcmp(field->column, column->name) == 0)
			paths = lappend(paths, field->path);
	}
	if (bound->document && column->attnum == bound->document->attnum)
		return lappend(paths, "");
	if (paths != NIL)
		return paths;
	if (bound->document == NULL || vxp_catalog_is_lineage_field(column->name))
		return list_make1((char *) column->name);
	/* beside a document, a column is found by its duty only */
	if (type->id_column && strcmp(column->name, type->id_column) == 0)
		paths = lappend(paths, "id");
	if (type->identifier_column && strcmp(column->name, type->identifier_column) == 0)
		paths = lappend(paths, "identifier");
	if (type->parent_column && strcmp(column->name, type->parent_column) == 0)
		paths = lappend(paths, "parent_identifier");
	return paths;
}

typedef struct FieldOutput
{
	ReturnSetInfo *result;
	int64		rows;
} FieldOutput;

static Datum
fill_rate(int64 filled, int64 rows)
{
	Datum		rate = DirectFunctionCall2(numeric_div, NumericGetDatum(int64_to_numeric(filled)),
										   NumericGetDatum(int64_to_numeric(rows)));

	/* cut, not rounded: 1 is said only when every row has a value */
	rate = DirectFunctionCall2(numeric_trunc, rate, Int32GetDatum(RATE_DIGITS));
	return DirectFunctionCall1(numeric_trim_scale, rate);
}

static void
put_field(FieldOutput *output, const char *path, const char *type, const FieldStats *stats)
{
	Datum		values[4] = {0};
	bool		nulls[4] = {false, type == NULL, output->rows == 0, stats->example == NULL};

	values[0] = CStringGetTextDatum(path);
	if (type)
		values[1] = CStringGetTextDatum(type);
	if (output->rows > 0)
		values[2] = fill_rate(stats->filled, output->rows);
	if (stats->example)
		values[3] = CStringGetTextDatum(stats->example);
	tuplestore_putvalues(output->result->setResult, output->result->setDesc, values, nulls);
}

static char *
types_text(uint32 types)
{
	StringInfoData text;
	uint32		nulls = 1 << TYPE_NULL | 1 << (TYPE_NULL + IN_LIST);

	/* null is a type of its own only where there is nothing else */
	if (types & ~nulls)
		types &= ~nulls;
	initStringInfo(&text);
	for (int i = 0; i < 2 * IN_LIST; i++)
		if (types & (1 << i))
			appendStringInfo(&text, "%s%s%s", text.len > 0 ? ", " : "", type_names[i % IN_LIST], i >= IN_LIST ? "[]" : "");
	return text.len > 0 ? text.data : NULL;
}

/* The place and all below it, under the name "path"; a place without a name is not shown itself. */
static void
put_places(FieldOutput *output, const FieldNode *node, const char *path)
{
	check_stack_depth();
	if (path[0] != '\0')
		put_field(output, path, types_text(node->stats.types), &node->stats);
	for (int i = 0; i < node->count; i++)
		put_places(output, node->members[i],
				   path[0] == '\0' ? node->members[i]->name : psprintf("%s.%s", path, node->members[i]->name));
}

/* The place that a mapped path leads to, or one where nothing was seen. */
static const FieldNode *
find_place(FieldReceiver *receiver, const FieldNode *node, const char *inside)
{
	const DqlPath *path = vxp_dql_path_of(inside);

	for (int i = 0; i < path->count; i++)
	{
		const FieldNode *member = NULL;

		for (int j = 0; j < node->count; j++)
			if (strcmp(node->members[j]->name, path->segments[i]) == 0)
				member = node->members[j];
		if (member == NULL)
			return palloc0(sizeof(FieldNode));
		node = member;
	}
	return node;
}

/* {"resource": name, "filter": {"$hasAncestor": ancestor}} */
static BoundQuery *
bind_rows(const char *resource, char *ancestor, const ResourceType **type, Relation *relation)
{
	DqlRequest *request = palloc0(sizeof(DqlRequest));
	BindOptions options = {NIL, true};
	BoundQuery *bound = NULL;
	VxpError   *error;

	request->resource = pstrdup(resource);
	request->page = request->page_size = request->limit = request->skip = -1;
	if (ancestor)
	{
		DqlValue   *value = palloc0(sizeof(DqlValue));
		DqlValue   *list = palloc0(sizeof(DqlValue));

		value->type = DQL_STRING;
		value->string = ancestor;
		value->length = strlen(ancestor);
		list->type = DQL_ARRAY;
		list->count = 1;
		list->items = palloc(sizeof(DqlValue *));
		list->items[0] = value;
		request->filter = palloc0(sizeof(DqlNode));
		request->filter->kind = DQL_HAS_ANCESTOR;
		request->filter->where = "ancestor";
		request->filter->operand = list;
	}
	error = vxp_dql_resource(request, type);
	if (error)
		vxp_error_raise(error);
	*relation = relation_open((*type)->relid, AccessShareLock);
	error = vxp_dql_bind(request, *type, *relation, &options, &bound);
	if (error)
		vxp_error_raise(error);
	return bound;
}

/*
 * fields(resource text, ancestor text) -> table (field, type, fill_rate, example)
 *
 * The fields of a resource type over the rows that the caller may see, or over
 * those of them below the ancestor: columns that the caller may read, mapped
 * paths, and every path in its documents.
 */
Datum
vxp_fields(PG_FUNCTION_ARGS)
{
	FieldReceiver receiver = {{receive_row, receiver_startup, receiver_end, receiver_end, DestNone}};
	FieldOutput output = {(ReturnSetInfo *) fcinfo->resultinfo};
	DqlBuild	build = {DQL_SHAPE_SELECTED};
	const ResourceType *type;
	Relation	relation;
	BoundQuery *bound;
	ListCell   *lc;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name of the resource type must not be null")));
	InitMaterializedSRF(fcinfo, 0);
	bound = bind_rows(text_to_cstring(PG_GETARG_TEXT_PP(0)),
					  PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)), &type, &relation);

	receiver.columns = palloc0(sizeof(FieldColumn) * RelationGetNumberOfAttributes(relation));
	bound->select_all = false;
	bound->columns = NULL;
	for (int i = 0; i < RelationGetNumberOfAttributes(relation); i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), i);
		FieldColumn *column = &receiver.columns[receiver.count];
		Oid			function;
		bool		is_varlena;

		if (attribute->attisdropped ||
			(pg_class_aclcheck(bound->relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
			 pg_attribute_aclcheck(bound->relid, i + 1, GetUserId(), ACL_SELECT) != ACLCHECK_OK))
			continue;
		column->column = vxp_bind_column(relation, i + 1);
		column->paths = column_paths(type, bound, column->column);
		/* the inside of a JSON column may be mapped although the column itself is not */
		if (column->paths == NIL && column->column->kind != COLUMN_JSON)
			continue;
		column->type = format_type_with_typemod(attribute->atttypid, attribute->atttypmod);
		getTypeOutputInfo(attribute->atttypid, &function, &is_varlena);
		fmgr_info(function, &column->output);
		bound->columns = bms_add_member(bound->columns, i + 1);
		receiver.count++;
	}
	if (receiver.count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table %s", RelationGetRelationName(relation))));
	receiver.context = CurrentMemoryContext;
	receiver.per_row = AllocSetContextCreate(CurrentMemoryContext, "DQL fields row", ALLOCSET_DEFAULT_SIZES);
	vxp_dql_run_to(vxp_dql_plan(vxp_dql_build(bound, &build)), &receiver.pub);

	output.rows = receiver.rows;
	for (int i = 0; i < receiver.count; i++)
	{
		FieldColumn *column = &receiver.columns[i];

		foreach(lc, column->paths)
		{
			if (column->column->kind == COLUMN_JSON)
				put_places(&output, &column->root, lfirst(lc));
			else
				put_field(&output, lfirst(lc), column->type, &column->root.stats);
		}
		foreach(lc, type->fields)
		{
			const ResourceField *field = lfirst(lc);

			if (field->inside && strcmp(field->column, column->column->name) == 0)
				put_places(&output, find_place(&receiver, &column->root, field->inside), field->path);
		}
	}
	MemoryContextDelete(receiver.per_row);
	relation_close(relation, NoLock);
	return (Datum) 0;
}
