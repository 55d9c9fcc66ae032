/*
 * dql_write.c - update, delete and preview of the rows of a request
 *
 * Each statement sees what was committed when it starts, as the statements of
 * a function do; in repeatable read all see the transaction's snapshot.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/tstoreReceiver.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/snapmgr.h"

#include "common/vxp_compat.h"
#include "common/vxp_settings.h"
#include "dql/dql_budget.h"
#include "dql/dql_envelope.h"
#include "dql/dql_exec.h"
#include "dql/dql_write.h"

VXP_FUNCTION(vxp_update);
VXP_FUNCTION(vxp_delete);
VXP_FUNCTION(vxp_preview);
VXP_FUNCTION(vxp_execute);

/* Items that preview shows. */
#define SAMPLE_SIZE 10

/* Runs a plan on a snapshot of its own; with "returns" rows are kept in result->store. */
static void
run_plan(PlannedStmt *plan, bool returns, uint64 limit, WriteResult *result)
{
	DestReceiver *dest;
	QueryDesc  *desc;

	result->store = returns ? tuplestore_begin_heap(false, false, work_mem) : NULL;
	result->slot = NULL;
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (returns)
	{
		dest = CreateDestReceiver(DestTuplestore);
		SetTuplestoreDestReceiverParams(dest, result->store, CurrentMemoryContext, false, NULL, NULL);
	}
	else
		dest = None_Receiver;
	desc = CreateQueryDesc(plan, "", GetActiveSnapshot(), InvalidSnapshot, dest, NULL, NULL, 0);
	ExecutorStart(desc, 0);
	if (returns)
		result->slot = MakeSingleTupleTableSlot(CreateTupleDescCopy(desc->tupDesc), &TTSOpsMinimalTuple);
	vxp_executor_run(desc, ForwardScanDirection, limit);
	result->rows = desc->estate->es_processed;
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
	if (returns)
		dest->rDestroy(dest);
	PopActiveSnapshot();
	CommandCounterIncrement();
}

/* Runs a statement as the current user; "judged": an earlier one showed that the request is within the budget. */
static void
run_query(Query *query, bool judged, WriteResult *result)
{
	PlannedStmt *plan = vxp_dql_plan(query);

	if (!judged)
		vxp_budget_check(plan);
	run_plan(plan, plan->commandType == CMD_SELECT || plan->hasReturning, 0, result);
}

bool
vxp_write_next(WriteResult *result)
{
	CHECK_FOR_INTERRUPTS();
	return tuplestore_gettupleslot(result->store, true, false, result->slot);
}

static void
end_result(WriteResult *result)
{
	if (result->slot)
		ExecDropSingleTupleTableSlot(result->slot);
	if (result->store)
		tuplestore_end(result->store);
	result->slot = NULL;
	result->store = NULL;
}

/* How many rows the write would touch; items of the first ones when "items" is not NULL. */
static uint64
probe(const BoundWrite *write, WriteResult *items)
{
	PlannedStmt *plan = vxp_plan_query(vxp_write_probe_query(write, items != NULL), "", CURSOR_OPT_PARALLEL_OK, NULL);
	WriteResult counted;

	run_plan(plan, items != NULL, items ? SAMPLE_SIZE : 0, items ? items : &counted);
	return items ? items->rows : counted.rows;
}

static void
check_affected(const BoundWrite *write, uint64 rows)
{
	int64		limit = write->bound->request->max_affected;

	if (limit >= 0 && rows > (uint64) limit)
		vxp_error_raise(vxp_error_hint(vxp_error_detail(vxp_error(ERRCODE_PROGRAM_LIMIT_EXCEEDED, "$.maxAffected",
																  "the request would change " UINT64_FORMAT " rows, more than \"maxAffected\" allows",
																  rows),
														"The limit of the request is " INT64_FORMAT "; nothing was changed.", limit),
									   "vxp.preview shows what a request would change."));
}

/* Does the patch name something that register() mapped to another place? */
static bool
names_mapped(const DqlValue *patch, const DqlPath *path)
{
	for (int i = 1; i < path->count; i++)
	{
		const DqlValue *found = NULL;

		for (int j = 0; j < patch->count; j++)
			if (strcmp(patch->keys[j], path->segments[i]) == 0)
				found = patch->items[j];
		if (found == NULL)
			return false;
		if (found->type != DQL_OBJECT)
			return true;
		patch = found;
	}
	return true;
}

/* Finds the column with the metadata. */
static VxpError *
bind_metadata(const ResourceType *type, Relation relation, BoundWrite *write)
{
	const char *key = vxp_dql_write_name(write->write->kind);
	char	   *where = psprintf("$.%s", key);
	BoundField	field;
	DqlValue	refs = {DQL_NULL};
	const char *refs_key = "refs";
	const char *system_key = "system";
	DqlValue   *refs_item = &refs;
	DqlValue	system = {DQL_OBJECT, .count = 1, .items = &refs_item, .keys = (char **) &refs_key};
	DqlValue   *system_item = &system;
	DqlValue	metadata = {DQL_OBJECT, .count = 1, .items = &system_item, .keys = (char **) &system_key};
	const DqlValue *patch = write->write->kind == DQL_WRITE_REFERENCES ? &metadata : write->write->patch;
	ListCell   *lc;

	if (vxp_bind_field(type, relation, vxp_dql_path_of("metadata"), where, &field) != NULL ||
		field.column->kind != COLUMN_JSON || field.column->base_type != JSONBOID)
		return vxp_error_hint(vxp_error(ERRCODE_FEATURE_NOT_SUPPORTED, where,
										"resource type \"%s\" has no metadata that could be written", type->name),
							  "\"%s\" writes to the document, or to a jsonb column \"metadata\".", key);
	foreach(lc, type->fields)
	{
		const ResourceField *mapped = lfirst(lc);
		DqlPath    *path = vxp_dql_path_of(mapped->path);

		if (patch && path->count > 1 && strcmp(path->segments[0], "metadata") == 0 && names_mapped(patch, path))
			return vxp_error_hint(vxp_error(ERRCODE_FEATURE_NOT_SUPPORTED, where,
											"field \"%s\" of resource type \"%s\" is kept in column \"%s\", which \"%s\" does not write",
											mapped->path, type->name, mapped->column, key),
								  "Change the column by SQL.");
	}
	write->column = field.column;
	write->inside = field.inside;
	return NULL;
}

/* Binds a request that writes. Errors are raised. */
static BoundWrite *
bind_write(const DqlText *dql, const DqlRequest *request)
{
	BoundWrite *write = palloc0(sizeof(BoundWrite));
	BindOptions options = {NIL, true, true, true};
	const ResourceType *type;
	Relation	relation;
	VxpError   *error;

	write->dql = dql;
	write->write = request->write;
	error = vxp_dql_resource(request, &type);
	if (error)
		vxp_error_raise(error);
	if (type->versioned)
		vxp_dql_require_present(write->write->kind == DQL_WRITE_DELETE ? "vxp.delete()" : "vxp.update()");
	write->resource = type->name;
	relation = relation_open(type->relid, RowExclusiveLock);
	if (relation->rd_rel->relkind != RELKIND_RELATION && relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		error = vxp_error_hint(vxp_error(ERRCODE_FEATURE_NOT_SUPPORTED, "$.resource",
										 "resource type \"%s\" cannot be written, since \"%s\" is no table",
										 type->name, RelationGetRelationName(relation)),
							   "Register the table behind it.");
	else if (relation->rd_rules != NULL)
		error = vxp_error_hint(vxp_error(ERRCODE_FEATURE_NOT_SUPPORTED, "$.resource",
										 "resource type \"%s\" cannot be written, since table \"%s\" has rewriting rules",
										 type->name, RelationGetRelationName(relation)),
							   "Use triggers in the place of rules.");
	if (error == NULL)
		error = vxp_dql_bind(request, type, relation, &options, &write->bound);
	if (error == NULL && request->write->kind != DQL_WRITE_DELETE)
		error = bind_metadata(type, relation, write);
	for (int i = 0; error == NULL && i < RelationGetNumberOfAttributes(relation); i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), i);

		if (!attribute->attisdropped)
			write->columns = lappend(write->columns, pstrdup(NameStr(attribute->attname)));
	}
	relation_close(relation, NoLock);
	if (error)
		vxp_error_raise(error);
	return write;
}

/* Locks the rows, then changes the locked ones, and records them; returns how many. */
static uint64
run_recorded_update(const BoundWrite *write, int64 *operation)
{
	WriteResult locked;
	WriteResult changed;
	LockedRows	rows = {0};
	Datum	   *after;

	run_query(vxp_write_lock_query(write), false, &locked);
	check_affected(write, locked.rows);
	if (locked.rows == 0)
	{
		end_result(&locked);
		return 0;
	}
	rows.places = palloc_extended(sizeof(Datum) * locked.rows, MCXT_ALLOC_HUGE);
	rows.relations = palloc_extended(sizeof(Datum) * locked.rows, MCXT_ALLOC_HUGE);
	while (vxp_write_next(&locked))
	{
		bool		isnull;
		ItemPointer place = palloc(sizeof(ItemPointerData));

		rows.relations[rows.count] = slot_getattr(locked.slot, 1, &isnull);
		*place = *(ItemPointer) DatumGetPointer(slot_getattr(locked.slot, 2, &isnull));
		rows.places[rows.count++] = PointerGetDatum(place);
	}
	tuplestore_rescan(locked.store);

	run_query(vxp_write_update_query(write, &rows), true, &changed);
	if (changed.rows > 0)
	{
		after = palloc_extended(sizeof(Datum) * rows.count, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		while (vxp_write_next(&changed))
		{
			bool		isnull;
			int64		number = DatumGetInt64(slot_getattr(changed.slot, 1, &isnull));

			after[number - 1] = PointerGetDatum(PG_DETOAST_DATUM_COPY(slot_getattr(changed.slot, 2, &isnull)));
		}
		*operation = vxp_record(write, &locked, 3, after, changed.rows);
	}
	end_result(&changed);
	end_result(&locked);
	return changed.rows;
}

/* Runs a bound write; returns how many rows it changed. *operation stays as it is without a record. */
static uint64
run_bound(const BoundWrite *write, int64 *operation)
{
	bool		record = vxp_undo_retention > 0;
	WriteResult changed;

	if (vxp_write_is_empty(write))
	{
		uint64		count = probe(write, NULL);

		check_affected(write, count);
		return count;
	}
	if (record && write->write->kind != DQL_WRITE_DELETE)
		return run_recorded_update(write, operation);

	/* before the first row is changed; what others add meanwhile is found behind */
	if (write->bound->request->max_affected >= 0)
		check_affected(write, probe(write, NULL));
	run_query(vxp_write_plain_query(write, record), false, &changed);
	check_affected(write, changed.rows);
	if (record && changed.rows > 0)
		*operation = vxp_record(write, &changed, 1, NULL, changed.rows);
	end_result(&changed);
	return changed.rows;
}

/* The envelope of section 8 of a write; "items" may be NULL. */
static Datum
envelope(uint64 rows, WriteResult *items, int64 operation)
{
	JsonbParseState *state = NULL;

	vxp_push_jsonb(&state, WJB_BEGIN_OBJECT, NULL);
	vxp_push_key(&state, "items");
	vxp_push_jsonb(&state, WJB_BEGIN_ARRAY, NULL);
	while (items && vxp_write_next(items))
	{
		bool		isnull;
		Datum		item = slot_getattr(items->slot, 1, &isnull);

		vxp_push_item(&state, item, isnull);
	}
	vxp_push_jsonb(&state, WJB_END_ARRAY, NULL);
	vxp_push_boolean(&state, "hasNextPage", false);
	vxp_push_number(&state, "totalItemsCount", rows);
	vxp_push_number(&state, "totalPagesCount", 0);
	if (operation > 0)
		vxp_push_number(&state, "operation", operation);
	return JsonbPGetDatum(JsonbValueToJsonb(vxp_push_jsonb(&state, WJB_END_OBJECT, NULL)));
}

static Datum
run_write(const DqlText *dql, const DqlRequest *request)
{
	BoundWrite *write;
	int64		operation = 0;
	uint64		rows;

	PreventCommandIfReadOnly(request->write->kind == DQL_WRITE_DELETE ? "vxp.delete()" : "vxp.update()");
	PreventCommandIfParallelMode(request->write->kind == DQL_WRITE_DELETE ? "vxp.delete()" : "vxp.update()");
	write = bind_write(dql, request);
	if (vxp_undo_retention > 0 && !vxp_write_is_empty(write))
		vxp_record_check(write);
	rows = run_bound(write, &operation);
	return envelope(rows, NULL, operation);
}

static const DqlText *
request_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("DQL request must not be null")));
	return PG_GETARG_DQL_PP(0);
}

/*
 * update(dql) -> jsonb
 *
 * Changes metadata of all rows of the request ("update" or "references") as
 * the current user, and returns the envelope with their number, and the number
 * of the operation for undo().
 */
Datum
vxp_update(PG_FUNCTION_ARGS)
{
	const DqlText *dql = request_argument(fcinfo);
	const DqlRequest *request = vxp_dql_parse_or_raise(dql);

	if (request->write == NULL || request->write->kind == DQL_WRITE_DELETE)
		vxp_error_raise(vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
												 request->write ? "the request deletes" : "the request changes nothing"),
									   request->write ? "Use vxp.delete." : "Add \"update\" or \"references\"."));
	return run_write(dql, request);
}

/* delete(dql) -> jsonb: the same for "delete" */
Datum
vxp_delete(PG_FUNCTION_ARGS)
{
	const DqlText *dql = request_argument(fcinfo);
	const DqlRequest *request = vxp_dql_parse_or_raise(dql);

	if (request->write == NULL || request->write->kind != DQL_WRITE_DELETE)
		vxp_error_raise(vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL, "the request does not delete"),
									   request->write ? "Use vxp.update." : "Add \"delete\": true."));
	return run_write(dql, request);
}

/*
 * preview(dql) -> jsonb
 *
 * The envelope with the number of rows that the write would touch and the
 * first of them, as they are.  Policies and privileges are those of the write.
 */
Datum
vxp_preview(PG_FUNCTION_ARGS)
{
	const DqlText *dql = request_argument(fcinfo);
	const DqlRequest *request = vxp_dql_parse_or_raise(dql);
	BoundWrite *write;
	WriteResult items;
	uint64		rows;

	if (request->write == NULL)
		vxp_error_raise(vxp_error_hint(vxp_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL, "the request changes nothing"),
									   "Use vxp.page or vxp.count for a request that reads."));
	/* the server takes a query with the privileges of a write for one */
	PreventCommandIfReadOnly("vxp.preview()");
	write = bind_write(dql, request);
	rows = probe(write, NULL);
	(void) probe(write, &items);
	return envelope(rows, &items, 0);
}

/* execute(json) -> jsonb: a request as a client sent it; page() or the write that it asks for */
Datum
vxp_execute(PG_FUNCTION_ARGS)
{
	const DqlText *dql = request_argument(fcinfo);
	const DqlRequest *request = vxp_dql_parse_or_raise(dql);
	Datum		result;

	if (request->write)
		return run_write(dql, request);

	/* a volatile function sees what the statement has done so far */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	result = vxp_page(fcinfo);
	PopActiveSnapshot();
	return result;
}
