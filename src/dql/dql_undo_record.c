/*
 * dql_undo_record.c - records of writes, and undo
 *
 * An image is the output text of each column, which is exact where a value of
 * type jsonb is not (json text, bounds of arrays, JSON null).  Output depends on
 * settings; they are fixed while an image is made, so that two images differ
 * only if the rows do.
 *
 * Of a versioned type, history has the rows that a write took: a record names
 * the version, and undo reads its image there.  Only a version that began in the
 * transaction that wrote leaves no trace in history, and is kept as an image.
 * The digest after the write tells whether a row changed since, also within that
 * transaction.
 *
 * Records are written, read and removed as the current user, under row
 * security: what a role may not undo by itself, a record does not let it undo.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "common/vxp_settings.h"
#include "dql/dql_write.h"
#include "validity/version.h"

VXP_FUNCTION(vxp_row_image);
VXP_FUNCTION(vxp_row_digest);
VXP_FUNCTION(vxp_image_digest);
VXP_FUNCTION(vxp_fixed_json);
VXP_FUNCTION(vxp_current_writer);
VXP_FUNCTION(vxp_undo);
VXP_FUNCTION(vxp_undo_check);

/* Rows that an error of undo() names. */
#define NAMED_CONFLICTS 10

/* How the columns of a row type become text; kept between calls. */
typedef struct RowOutput
{
	Oid			type;
	int32		typmod;
	TupleDesc	desc;
	FmgrInfo   *output;			/* by attribute */
	bool		needs_path;		/* does an output function look at the search_path? */
	bool		has_money;		/* or at lc_monetary? */
} RowOutput;

/* Names of other objects, and types that are not the server's: output may depend on the search_path. */
static bool
type_needs_path(Oid type)
{
	Oid			element = get_element_type(type);

	if (OidIsValid(element))
		type = element;
	switch (type)
	{
		case REGCLASSOID:
		case REGTYPEOID:
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
		case REGCOLLATIONOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
			return true;
		default:
			return type >= FirstNormalObjectId;
	}
}

static RowOutput *
row_output(FunctionCallInfo fcinfo, HeapTupleHeader row)
{
	RowOutput  *cache = fcinfo->flinfo->fn_extra;
	MemoryContext context;

	if (cache && cache->type == HeapTupleHeaderGetTypeId(row) && cache->typmod == HeapTupleHeaderGetTypMod(row))
		return cache;
	context = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	cache = palloc0(sizeof(RowOutput));
	cache->type = HeapTupleHeaderGetTypeId(row);
	cache->typmod = HeapTupleHeaderGetTypMod(row);
	cache->desc = lookup_rowtype_tupdesc_copy(cache->type, cache->typmod);
	cache->output = palloc0(sizeof(FmgrInfo) * cache->desc->natts);
	for (int i = 0; i < cache->desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(cache->desc, i);
		Oid			function;
		bool		is_varlena;

		if (attribute->attisdropped)
			continue;
		getTypeOutputInfo(attribute->atttypid, &function, &is_varlena);
		fmgr_info_cxt(function, &cache->output[i], fcinfo->flinfo->fn_mcxt);
		cache->needs_path = cache->needs_path || type_needs_path(attribute->atttypid);
		cache->has_money = cache->has_money || getBaseType(attribute->atttypid) == MONEYOID ||
			get_element_type(attribute->atttypid) == MONEYOID;
	}
	fcinfo->flinfo->fn_extra = cache;
	MemoryContextSwitchTo(context);
	return cache;
}

static void
set_for_output(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* Fixes the settings that output depends on; returns what AtEOXact_GUC() takes. */
static int
fix_settings(const RowOutput *output)
{
	int			nest_level = NewGUCNestLevel();

	if (DateStyle != USE_ISO_DATES)
		set_for_output("datestyle", "ISO");
	if (IntervalStyle != INTSTYLE_POSTGRES)
		set_for_output("intervalstyle", "postgres");
	if (extra_float_digits < 3)
		set_for_output("extra_float_digits", "3");
	if (bytea_output != BYTEA_OUTPUT_HEX)
		set_for_output("bytea_output", "hex");
	if (strcmp(pg_get_timezone_name(session_timezone), "UTC") != 0)
		set_for_output("timezone", "UTC");
	if (output->has_money || output->needs_path)
		set_for_output("lc_monetary", "C");
	if (output->needs_path)
		set_for_output("search_path", "pg_catalog");
	return nest_level;
}

/* The columns of the row as text, NULL where the value is; returns how many. */
static int
row_texts(FunctionCallInfo fcinfo, char ***result)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(0);
	RowOutput  *output = row_output(fcinfo, row);
	int			natts = output->desc->natts;
	HeapTupleData tuple;
	Datum	   *values = palloc(sizeof(Datum) * natts);
	bool	   *nulls = palloc(sizeof(bool) * natts);
	char	  **texts = palloc(sizeof(char *) * Max(natts, 1));
	int			count = 0;
	int			nest_level = fix_settings(output);

	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	heap_deform_tuple(&tuple, output->desc, values, nulls);
	for (int i = 0; i < natts; i++)
		if (!TupleDescAttr(output->desc, i)->attisdropped)
			texts[count++] = nulls[i] ? NULL : OutputFunctionCall(&output->output[i], values[i]);
	AtEOXact_GUC(true, nest_level);
	*result = texts;
	return count;
}

/*
 * row_image(record) -> text[]
 *
 * The output of each column, in the order of the table, whatever the settings
 * of the session.  NULL for a NULL row.
 */
Datum
vxp_row_image(PG_FUNCTION_ARGS)
{
	char	  **texts;
	int			count = row_texts(fcinfo, &texts);
	Datum	   *datums = palloc(sizeof(Datum) * Max(count, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(count, 1));
	int			lower = 1;

	for (int i = 0; i < count; i++)
	{
		nulls[i] = texts[i] == NULL;
		datums[i] = texts[i] ? CStringGetTextDatum(texts[i]) : (Datum) 0;
	}
	PG_RETURN_ARRAYTYPE_P(construct_md_array(datums, nulls, 1, &count, &lower, TEXTOID, -1, false, TYPALIGN_INT));
}

/* SHA-256 of an image, with lengths, so that two images never run together. */
static Datum
digest_of_texts(char **texts, int count)
{
	StringInfoData all;
	bytea	   *bytes;

	initStringInfo(&all);
	for (int i = 0; i < count; i++)
	{
		if (texts[i])
			appendStringInfo(&all, "%zu:%s", strlen(texts[i]), texts[i]);
		else
			appendStringInfoChar(&all, '-');
	}
	bytes = palloc(all.len + VARHDRSZ);
	SET_VARSIZE(bytes, all.len + VARHDRSZ);
	memcpy(VARDATA(bytes), all.data, all.len);
	return DirectFunctionCall1(sha256_bytea, PointerGetDatum(bytes));
}

/* row_digest(record) -> bytea: SHA-256 of row_image() */
Datum
vxp_row_digest(PG_FUNCTION_ARGS)
{
	char	  **texts;
	int			count = row_texts(fcinfo, &texts);

	PG_RETURN_DATUM(digest_of_texts(texts, count));
}

/* fixed_json(record) -> jsonb: the first column of a ROW(value) as JSON, whatever the settings of the session */
Datum
vxp_fixed_json(PG_FUNCTION_ARGS)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(0);
	int			nest_level = fix_settings(row_output(fcinfo, row));
	Datum		object = DirectFunctionCall1(row_to_json, HeapTupleHeaderGetDatum(row));

	AtEOXact_GUC(true, nest_level);
	object = DirectFunctionCall1(jsonb_in, CStringGetDatum(TextDatumGetCString(object)));
	PG_RETURN_DATUM(DirectFunctionCall2(jsonb_object_field, object, CStringGetTextDatum("f1")));
}

/* image_digest(text[]) -> bytea: row_digest() of the row that has this image */
Datum
vxp_image_digest(PG_FUNCTION_ARGS)
{
	Datum	   *datums;
	bool	   *nulls;
	int			count;
	char	  **texts;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT, &datums, &nulls, &count);
	texts = palloc(sizeof(char *) * Max(count, 1));
	for (int i = 0; i < count; i++)
		texts[i] = nulls[i] ? NULL : TextDatumGetCString(datums[i]);
	PG_RETURN_DATUM(digest_of_texts(texts, count));
}

/* current_writer() -> oid: the current user.  A name could be given to another role. */
Datum
vxp_current_writer(PG_FUNCTION_ARGS)
{
	PG_RETURN_OID(GetUserId());
}

/* Do tables inherit from this one, beside that of its closed versions, where no write changes a row? */
static bool
others_inherit(Oid relid)
{
	List	   *heirs = find_inheritance_children(relid, NoLock);

	return heirs != NIL && (list_length(heirs) > 1 || linitial_oid(heirs) != vxp_history_of(relid));
}

/*
 * vxp_record_check: an image is a whole row, so the writer must be allowed to
 * read the table (who may read nothing of it gets the server's own error), and
 * a row of a table that inherits would come back as one of its parent.
 */
void
vxp_record_check(const BoundWrite *write)
{
	Oid			relid = write->bound->relid;

	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table %s", write->bound->table_name),
				 errdetail("A write is recorded for vxp.undo with whole rows, which needs the privilege SELECT on the table."),
				 errhint("Set vxp.undo_retention to 0 to write without a record.")));
	if (get_rel_relkind(relid) == RELKIND_RELATION && others_inherit(relid))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a write to table \"%s\" cannot be recorded for vxp.undo, since other tables inherit from it",
						write->bound->table_name),
				 errhint("Set vxp.undo_retention to 0 to write without a record.")));
}

static void
spi_check(int got, int wanted, const char *what)
{
	if (got != wanted)
		elog(ERROR, "SPI failed to %s: %s", what, SPI_result_code_string(got));
}

/*
 * Removes what the role wrote before the time of retention.  What another
 * session is removing, or undoing, is left to it.  In repeatable read a row
 * that others removed would be an error: a later write removes it then.
 */
static void
remove_old_records(void)
{
	static const char *const sql =
	"WITH old AS (SELECT o.id FROM vxp.operation o"
	" WHERE o.writer OPERATOR(pg_catalog.=) vxp.current_writer() AND o.done_at OPERATOR(pg_catalog.<) $1"
	" FOR UPDATE SKIP LOCKED),"
	" gone AS (DELETE FROM vxp.operation_row r USING old"
	" WHERE r.writer OPERATOR(pg_catalog.=) vxp.current_writer() AND r.operation OPERATOR(pg_catalog.=) old.id)"
	" DELETE FROM vxp.operation o USING old WHERE o.id OPERATOR(pg_catalog.=) old.id";
	Oid			types[] = {TIMESTAMPTZOID};
	Datum		values[1];

	if (IsolationUsesXactSnapshot())
		return;
	values[0] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp() -
									(int64) vxp_undo_retention * 60 * USECS_PER_SEC);
	spi_check(SPI_execute_with_args(sql, 1, types, values, NULL, false, 0), SPI_OK_DELETE, "remove old records");
}

/*
 * vxp_record writes the record of a write: "before" has an image of each row in
 * column "attribute", "after" the digest of each row that was changed (0: it
 * was not), NULL for a delete.  Returns the number of the operation.
 */
int64
vxp_record(const BoundWrite *write, WriteResult *before, int attribute, const Datum *after, uint64 rows)
{
	Oid			operation_types[] = {TEXTOID, TEXTOID, INT8OID, TEXTARRAYOID, TEXTOID};
	Datum		operation_values[5];
	Oid			row_types[] = {INT8OID, INT8OID, TEXTARRAYOID, BYTEAOID};
	Datum		row_values[4];
	char		row_nulls[] = {' ', ' ', ' ', ' '};
	Datum	   *names;
	int			count = 0;
	SPIPlanPtr	plan;
	int64		number = 0;
	bool		isnull;
	ListCell   *lc;

	spi_check(SPI_connect(), SPI_OK_CONNECT, "connect");
	remove_old_records();

	names = palloc(sizeof(Datum) * Max(list_length(write->columns), 1));
	foreach(lc, write->columns)
		names[count++] = CStringGetTextDatum(lfirst(lc));
	operation_values[0] = CStringGetTextDatum(write->resource);
	operation_values[1] = CStringGetTextDatum(vxp_dql_write_name(write->write->kind));
	operation_values[2] = Int64GetDatum(rows);
	operation_values[3] = PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
	operation_values[4] = PointerGetDatum(write->dql);
	spi_check(SPI_execute_with_args("INSERT INTO vxp.operation (resource, kind, row_count, columns, request)"
									" VALUES ($1, $2, $3, $4, $5) RETURNING id",
									5, operation_types, operation_values, NULL, false, 0),
			  SPI_OK_INSERT_RETURNING, "record a write");
	row_values[0] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	row_values[0] = Int64GetDatum(DatumGetInt64(row_values[0]));

	spi_check(SPI_execute_with_args("SELECT vxp.undo_record_row($1)", 1, operation_types, operation_values, NULL, false, 0),
			  SPI_OK_SELECT, "make a statement");
	plan = SPI_prepare(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1), 4, row_types);
	if (plan == NULL)
		elog(ERROR, "SPI failed to prepare: %s", SPI_result_code_string(SPI_result));
	while (vxp_write_next(before))
	{
		Datum		digest = after ? after[number] : (Datum) 0;

		number++;
		if (after && digest == (Datum) 0)
			continue;
		row_values[1] = Int64GetDatum(number);
		row_values[2] = slot_getattr(before->slot, attribute, &isnull);
		row_values[3] = digest;
		row_nulls[3] = after ? ' ' : 'n';
		spi_check(SPI_execute_plan(plan, row_values, row_nulls, false, 0), SPI_OK_INSERT, "record a row");
	}
	SPI_finish();
	return DatumGetInt64(row_values[0]);
}

/* Statements of undo over the rows of one operation, $1. */
typedef struct UndoPlan
{
	char	   *lock;			/* NULL: nothing to lock */
	char	   *conflicts;		/* id and state of rows that are not as the write left them */
	char	   *difference;		/* positions of columns that the write changed; NULL: a delete */
	bool		versioned;
	int64		rows;
} UndoPlan;

static char *
text_of(int column)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);
}

/* Runs one statement with the number of the operation as $1. */
static int
run_for(const char *sql, Datum operation)
{
	Oid			types[] = {INT8OID};
	int			code = SPI_execute_with_args(sql, 1, types, &operation, NULL, false, 0);

	if (code < 0)
		elog(ERROR, "SPI failed: %s", SPI_result_code_string(code));
	return code;
}

/* Finds the operation of the current user and locks it. */
static UndoPlan
find_operation(Datum operation)
{
	UndoPlan	plan;

	run_for("SELECT o.row_count, o.undone_at IS NOT NULL FROM vxp.operation o"
			" WHERE o.id OPERATOR(pg_catalog.=) $1 AND o.writer OPERATOR(pg_catalog.=) vxp.current_writer()"
			" FOR UPDATE", operation);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("operation " INT64_FORMAT " does not exist", DatumGetInt64(operation)),
				 errdetail("It is older than vxp.undo_retention, or another role wrote it."),
				 errhint("Your operations are listed in vxp.operation.")));
	if (strcmp(text_of(2), "t") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("operation " INT64_FORMAT " has been undone already", DatumGetInt64(operation))));

	run_for("SELECT s.lock_rows, s.conflicts, s.difference, s.versioned FROM vxp.undo_statements($1) s", operation);
	plan.lock = text_of(1);
	plan.conflicts = text_of(2);
	plan.difference = text_of(3);
	plan.versioned = strcmp(text_of(4), "t") == 0;
	run_for("SELECT pg_catalog.count(*) FROM vxp.operation_row r"
			" WHERE r.operation OPERATOR(pg_catalog.=) $1 AND r.writer OPERATOR(pg_catalog.=) vxp.current_writer()", operation);
	plan.rows = strtoi64(text_of(1), NULL, 10);
	return plan;
}

/* Raises the error that names the rows in SPI_tuptable. */
static void
raise_conflicts(int64 operation)
{
	StringInfoData names;
	uint64		count = SPI_processed;

	initStringInfo(&names);
	for (uint64 i = 0; i < Min(count, NAMED_CONFLICTS); i++)
	{
		char	   *id = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		char	   *state = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);

		appendStringInfo(&names, "%s\"%s\" (%s)", i > 0 ? ", " : "", id ? vxp_quote_input(id, strlen(id)) : "", state);
	}
	if (count > NAMED_CONFLICTS)
		appendStringInfoString(&names, ", ...");
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("operation " INT64_FORMAT " cannot be undone, since " UINT64_FORMAT " of its rows changed since",
					operation, count),
			 errdetail("The rows are %s.", names.data),
			 errhint("SELECT * FROM vxp.undo_check(" INT64_FORMAT ") lists them all.", operation)));
}

/*
 * undo(operation bigint) -> bigint
 *
 * Gives the rows of a write back what it took, as the current user's own UPDATE
 * or INSERT, and returns how many.  All rows or, when one is no longer as the
 * write left it, an error that names them.  Takes the locks of an update.
 */
Datum
vxp_undo(PG_FUNCTION_ARGS)
{
	Datum		operation = PG_GETARG_DATUM(0);
	int64		number = PG_GETARG_INT64(0);
	UndoPlan	plan;
	Oid			types[] = {INT8OID, INT8ARRAYOID};
	Datum		values[2] = {operation, (Datum) 0};
	char		nulls[] = {' ', 'n'};
	char	   *restore;
	bool		isnull;

	PreventCommandIfReadOnly("vxp.undo()");
	PreventCommandIfParallelMode("vxp.undo()");
	spi_check(SPI_connect(), SPI_OK_CONNECT, "connect");
	plan = find_operation(operation);
	if (plan.versioned)
		vxp_dql_require_present("vxp.undo()");
	if (plan.lock)
		run_for(plan.lock, operation);
	run_for(plan.conflicts, operation);
	if (SPI_processed > 0)
		raise_conflicts(number);
	if (plan.difference)
	{
		run_for(plan.difference, operation);
		values[1] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		nulls[1] = isnull ? 'n' : ' ';
	}
	if (!plan.difference || nulls[1] == ' ')
	{
		spi_check(SPI_execute_with_args("SELECT vxp.undo_restore($1, $2)", 2, types, values, nulls, false, 0),
				  SPI_OK_SELECT, "make a statement");
		restore = text_of(1);
		if (restore)
		{
			/* the one setting that decides what an image means */
			int			nest_level = NewGUCNestLevel();

			set_for_output("lc_monetary", "C");
			run_for(restore, operation);
			AtEOXact_GUC(true, nest_level);
			if (SPI_processed != (uint64) plan.rows)
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("operation " INT64_FORMAT " cannot be undone", number),
						 errdetail("Only " UINT64_FORMAT " of its " INT64_FORMAT " rows could be restored; a policy or a trigger kept the others.",
								   SPI_processed, plan.rows)));
		}
	}
	run_for("UPDATE vxp.operation o SET undone_at = pg_catalog.now() WHERE o.id OPERATOR(pg_catalog.=) $1", operation);
	run_for("DELETE FROM vxp.operation_row r WHERE r.operation OPERATOR(pg_catalog.=) $1"
			" AND r.writer OPERATOR(pg_catalog.=) vxp.current_writer()", operation);
	SPI_finish();
	PG_RETURN_INT64(plan.rows);
}

/* undo_check(operation bigint) -> SETOF (id text, state text): the rows that keep undo() from its work */
Datum
vxp_undo_check(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result;
	UndoPlan	plan;

	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	spi_check(SPI_connect(), SPI_OK_CONNECT, "connect");
	plan = find_operation(PG_GETARG_DATUM(0));
	run_for(plan.conflicts, PG_GETARG_DATUM(0));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	}
	SPI_finish();
	PG_RETURN_NULL();
}
