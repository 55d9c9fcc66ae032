/*
 * vxp_compat.h - differences between server versions
 *
 * The only file that tests PG_VERSION_NUM.  Each wrapper has the newest
 * signature and says which server change it follows.
 */
#ifndef VXP_COMPAT_H
#define VXP_COMPAT_H

#include "fmgr.h"

#if PG_VERSION_NUM < 150000
#error "vxp_query needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"				/* 16 moved VARDATA_ANY and friends here */
#include "nodes/miscnodes.h"	/* 16 added soft errors */
#else
/* 16 added soft errors: before, an input function can only raise. */
#define ereturn(context, dummy_value, ...) \
	do { (void) (context); ereport(ERROR, __VA_ARGS__); return dummy_value; } while (0)
#define errsave(context, ...) \
	do { (void) (context); ereport(ERROR, __VA_ARGS__); } while (0)
#endif

/*
 * The server's JSON parser.  17 lets the caller own the lexer (first
 * argument); 16 made the callbacks return a result.  A file that uses these
 * includes common/jsonapi.h.
 */
#if PG_VERSION_NUM >= 170000
#define vxp_json_lexer(text, length, encoding, need_escapes) \
	makeJsonLexContextCstringLen(NULL, (char *) (text), (length), (encoding), (need_escapes))
#else
#define vxp_json_lexer(text, length, encoding, need_escapes) \
	makeJsonLexContextCstringLen((char *) (text), (length), (encoding), (need_escapes))
#endif
#if PG_VERSION_NUM >= 160000
#define VXP_JSON_ACTION JsonParseErrorType
#define VXP_JSON_ACTION_DONE return JSON_SUCCESS
#define VXP_JSON_UNTRANSLATABLE(error) \
	((error) == JSON_UNICODE_CODE_POINT_ZERO || (error) == JSON_UNICODE_HIGH_ESCAPE || \
	 (error) == JSON_UNICODE_UNTRANSLATABLE)
#else
#define VXP_JSON_ACTION void
#define VXP_JSON_ACTION_DONE return
#define VXP_JSON_UNTRANSLATABLE(error) \
	((error) == JSON_UNICODE_CODE_POINT_ZERO || (error) == JSON_UNICODE_HIGH_ESCAPE)
#endif

/*
 * 19 put the stack of a jsonb value that is being made behind a state which has
 * the result, too.  A file that uses this includes utils/jsonb.h.
 */
#if PG_VERSION_NUM >= 190000
#include "utils/jsonb.h"
static inline JsonbValue *
vxp_push_jsonb(JsonbParseState **state, JsonbIteratorToken token, JsonbValue *value)
{
	JsonbInState in = {.parseState = *state};

	pushJsonbValue(&in, token, value);
	*state = in.parseState;
	return in.result;
}
#else
#define vxp_push_jsonb(state, token, value) pushJsonbValue(state, token, value)
#endif

/* 19 added the argument es, for who explains the plan: here, nobody. */
#if PG_VERSION_NUM >= 190000
#define vxp_plan_query(query, text, options, params) pg_plan_query(query, text, options, params, NULL)
#else
#define vxp_plan_query(query, text, options, params) pg_plan_query(query, text, options, params)
#endif

/*
 * A hook where indexes can be added to a table that is being planned: 19
 * replaced the one at the end of get_relation_info() by one behind it.  The
 * caller includes optimizer/plancat.h, optimizer/pathnode.h and nodes/pathnodes.h.
 */
#if PG_VERSION_NUM >= 190000
#define VXP_RELATION_HOOK build_simple_rel_hook
#define VXP_RELATION_HOOK_TYPE build_simple_rel_hook_type
#define VXP_RELATION_HOOK_ARGS PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte
#define VXP_RELATION_HOOK_PASS root, rel, rte
#define VXP_RELATION_HOOK_RELID (rte->rtekind == RTE_RELATION ? rte->relid : InvalidOid)
#define VXP_RELATION_HOOK_INHPARENT (rte->inh)
#else
#define VXP_RELATION_HOOK get_relation_info_hook
#define VXP_RELATION_HOOK_TYPE get_relation_info_hook_type
#define VXP_RELATION_HOOK_ARGS PlannerInfo *root, Oid relid, bool inhparent, RelOptInfo *rel
#define VXP_RELATION_HOOK_PASS root, relid, inhparent, rel
#define VXP_RELATION_HOOK_RELID relid
#define VXP_RELATION_HOOK_INHPARENT inhparent
#endif

/*
 * The library is built with -fvisibility=hidden; SQL-callable functions are
 * exported one by one.  16 does so in PG_FUNCTION_INFO_V1, 15 does not.
 */
#define VXP_EXPORT __attribute__((visibility("default")))
#define VXP_FUNCTION(name) \
	extern VXP_EXPORT Datum name(PG_FUNCTION_ARGS); \
	extern VXP_EXPORT const Pg_finfo_record *CppConcat(pg_finfo_, name) (void); \
	PG_FUNCTION_INFO_V1(name)

/* vxp_compat.c: does the collation compare bytes? */
extern bool vxp_collation_is_c(Oid collation);

/*
 * Ownership and privilege checks: 16 made one function of those for each kind
 * of object.  A file that uses these includes utils/acl.h and the catalog's header.
 */
#if PG_VERSION_NUM >= 160000
#define vxp_owns_relation(relid, role) object_ownercheck(RelationRelationId, (relid), (role))
#define vxp_may_create_in(schema, role) \
	(object_aclcheck(NamespaceRelationId, (schema), (role), ACL_CREATE) == ACLCHECK_OK)
#else
#define vxp_owns_relation(relid, role) pg_class_ownercheck((relid), (role))
#define vxp_may_create_in(schema, role) \
	(pg_namespace_aclcheck((schema), (role), ACL_CREATE) == ACLCHECK_OK)
#endif

/* 18 added the argument "trfoids" of ProcedureCreate: here, none. */
#if PG_VERSION_NUM >= 180000
#define VXP_NO_TRANSFORMS PointerGetDatum(NULL), NIL
#else
#define VXP_NO_TRANSFORMS PointerGetDatum(NULL)
#endif

/* The server's own warnings of 19 know no comment for this. */
#define VXP_FALLTHROUGH __attribute__((fallthrough))

/* 18 replaced the suffix pg_attribute_noreturn() by this prefix. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

/*
 * Up to 18 a call in FROM is inlined by swapping its range table entry.  19 asks
 * SupportRequestInlineInFrom instead, and no longer Simplify for such calls.
 */
#if PG_VERSION_NUM < 190000
#define VXP_INLINE_BY_SWAP true
#else
#define VXP_INLINE_BY_SWAP false
#define VXP_INLINE_IN_FROM
#endif

/* RETURNING of a raw UPDATE or DELETE.  18 made it a clause with options. */
#if PG_VERSION_NUM >= 180000
#define vxp_set_returning(stmt, targets) \
	do { \
		(stmt)->returningClause = makeNode(ReturningClause); \
		(stmt)->returningClause->exprs = (targets); \
		if ((stmt)->returningClause->exprs == NIL) \
			(stmt)->returningClause = NULL; \
	} while (0)
#else
#define vxp_set_returning(stmt, targets) ((stmt)->returningList = (targets))
#endif

/* Is it the table, and neither OLD nor NEW, which RETURNING knows from 18 on? */
#if PG_VERSION_NUM >= 180000
#define vxp_namespace_of_table(item) ((item)->p_returning_type == VAR_RETURNING_DEFAULT)
#else
#define vxp_namespace_of_table(item) true
#endif

/*
 * Memory of settings: 16 gave it functions of its own, before it was malloc()'s.
 */
#if PG_VERSION_NUM >= 160000
#define vxp_guc_malloc(size) guc_malloc(LOG, (size))
#define vxp_guc_free(pointer) guc_free(pointer)
#else
#define vxp_guc_malloc(size) malloc(size)
#define vxp_guc_free(pointer) free(pointer)
#endif

/* 16 added an argument for what a message says besides the code.  The caller includes utils/datetime.h. */
#if PG_VERSION_NUM >= 160000
#define vxp_decode_datetime(fields, types, count, kind, tm, fraction, zone) \
	DecodeDateTime(fields, types, count, kind, tm, fraction, zone, &(DateTimeErrorExtra) {0})
#else
#define vxp_decode_datetime(fields, types, count, kind, tm, fraction, zone) \
	DecodeDateTime(fields, types, count, kind, tm, fraction, zone)
#endif

/* 16 added the argument escontext: here, none. */
#if PG_VERSION_NUM >= 160000
#define vxp_make_range(type, lower, upper, empty) make_range(type, lower, upper, empty, NULL)
#else
#define vxp_make_range(type, lower, upper, empty) make_range(type, lower, upper, empty)
#endif

/* 16 replaced the per-object functions by one. */
#if PG_VERSION_NUM >= 160000
#define vxp_proc_aclcheck(function, role, mode) object_aclcheck(ProcedureRelationId, function, role, mode)
#else
#define vxp_proc_aclcheck(function, role, mode) pg_proc_aclcheck(function, role, mode)
#endif

/* 16 took the privileges that a plan needs out of its range table.  Raises an error when one is missing. */
#if PG_VERSION_NUM >= 160000
#define vxp_check_permissions(stmt) ((void) ExecCheckPermissions((stmt)->rtable, (stmt)->permInfos, true))
#else
#define vxp_check_permissions(stmt) ((void) ExecCheckRTPerms((stmt)->rtable, true))
#endif

/* 18 dropped the argument execute_once. */
#if PG_VERSION_NUM >= 180000
#define vxp_executor_run(desc, direction, count) ExecutorRun(desc, direction, count)
#else
#define vxp_executor_run(desc, direction, count) ExecutorRun(desc, direction, count, true)
#endif

/* 18 renamed the field "rctype" of a row comparison and its type; the numbers are those of btree strategies. */
#if PG_VERSION_NUM >= 180000
#define vxp_set_row_compare(row, strategy) ((row)->cmptype = (CompareType) (strategy))
#else
#define vxp_set_row_compare(row, strategy) ((row)->rctype = (RowCompareType) (strategy))
#endif

/* 17 moved the statistics target out of pg_attribute's copy. */
#if PG_VERSION_NUM >= 170000
#define VXP_STATISTICS_TARGET(stats) ((stats)->attstattarget)
#else
#define VXP_STATISTICS_TARGET(stats) ((stats)->attr->attstattarget)
#endif

/* 18 added the argument is_analyze. */
#if PG_VERSION_NUM >= 180000
#define vxp_vacuum_delay_point(is_analyze) vacuum_delay_point(is_analyze)
#else
#define vxp_vacuum_delay_point(is_analyze) vacuum_delay_point()
#endif

/*
 * Does every row of the table itself have a value in the column (from 0)?  18
 * added NOT NULL constraints that are not validated.
 */
#if PG_VERSION_NUM >= 180000
#define vxp_attribute_not_null(desc, i) \
	(TupleDescAttr(desc, i)->attnotnull && TupleDescCompactAttr(desc, i)->attnullability == ATTNULLABLE_VALID)
#else
#define vxp_attribute_not_null(desc, i) (TupleDescAttr(desc, i)->attnotnull)
#endif

/* Index entries of a row that is stored; 16 added the argument onlySummarizing, 19 made flags of such. */
#if PG_VERSION_NUM >= 190000
#define vxp_insert_index_entries(target, slot, estate) \
	ExecInsertIndexTuples(target, estate, 0, slot, NIL, NULL)
#elif PG_VERSION_NUM >= 160000
#define vxp_insert_index_entries(target, slot, estate) \
	ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL, false)
#else
#define vxp_insert_index_entries(target, slot, estate) \
	ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL)
#endif

/* 18 added the argument instrument, 19 flags. */
#if PG_VERSION_NUM >= 190000
#define vxp_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, 0, 0)
#elif PG_VERSION_NUM >= 180000
#define vxp_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, 0)
#else
#define vxp_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, nkeys, 0)
#endif

/*
 * Moves the privileges that a query checks for a table into the query that
 * takes the table over; asks for the privilege to read a column; takes those
 * over that an analysis has gathered.  16 took them out of the range table entry.  A file that uses these includes
 * parser/parse_relation.h.
 */
#if PG_VERSION_NUM >= 160000
#define vxp_move_permissions(to, from, entry) \
	do { \
		RTEPermissionInfo *moved_ = getRTEPermissionInfo((from)->rteperminfos, (entry)); \
		(to)->rteperminfos = lappend((to)->rteperminfos, moved_); \
		(entry)->perminfoindex = list_length((to)->rteperminfos); \
	} while (0)
#define vxp_mark_selected(query, entry, attnum) \
	do { \
		RTEPermissionInfo *marked_ = getRTEPermissionInfo((query)->rteperminfos, (entry)); \
		marked_->selectedCols = bms_add_member(marked_->selectedCols, (attnum) - FirstLowInvalidHeapAttributeNumber); \
	} while (0)
#define vxp_take_permissions(query, pstate) ((query)->rteperminfos = (pstate)->p_rteperminfos)
#else
#define vxp_move_permissions(to, from, entry) ((void) 0)
#define vxp_take_permissions(query, pstate) ((void) 0)
#define vxp_mark_selected(query, entry, attnum) \
	((entry)->selectedCols = bms_add_member((entry)->selectedCols, (attnum) - FirstLowInvalidHeapAttributeNumber))
#endif

/* 18 added generated columns without storage, whose Vars the planner expands before it asks us. */
#if PG_VERSION_NUM >= 180000
#define vxp_has_virtual_columns(desc) ((desc)->constr != NULL && (desc)->constr->has_generated_virtual)
#else
#define vxp_has_virtual_columns(desc) false
#endif

/* A condition that stands where "source" stands; 16 changed what is said of the place.  The caller includes optimizer/restrictinfo.h. */
#if PG_VERSION_NUM >= 160000
#define vxp_restrictinfo_like(root, condition, source) \
	make_restrictinfo(root, condition, (source)->is_pushed_down, (source)->has_clone, (source)->is_clone, false, \
					  (source)->security_level, (source)->required_relids, (source)->incompatible_relids, (source)->outer_relids)
#else
#define vxp_restrictinfo_like(root, condition, source) \
	make_restrictinfo(root, condition, (source)->is_pushed_down, (source)->outerjoin_delayed, false, \
					  (source)->security_level, (source)->required_relids, (source)->outer_relids, (source)->nullable_relids)
#endif

#endif							/* VXP_COMPAT_H */
