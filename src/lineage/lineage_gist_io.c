/*
 * lineage_gist_io.c - GiST keys for people: text form, and the check of a tree
 *
 * The key type is never the type of a column.  Its text form is for pageinspect.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/gist_private.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "lineage/lineage_gist.h"

VXP_FUNCTION(vxp_lineage_gist_key_in);
VXP_FUNCTION(vxp_lineage_gist_key_out);
VXP_FUNCTION(vxp_check_lineage_index);

/* lineage_gist_key_in(cstring) -> lineage_gist_key: always an error */
Datum
vxp_lineage_gist_key_in(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot accept a value of type %s", "lineage_gist_key"),
			 errdetail("The type exists inside indexes only.")));
	PG_RETURN_VOID();			/* keep compiler quiet */
}

/* lineage_gist_key_out(lineage_gist_key) -> cstring: JSON, marks as numbers */
Datum
vxp_lineage_gist_key_out(PG_FUNCTION_ARGS)
{
	static const char *const forms[] = {"path", "value", "bound"};
	static const char *const set_forms[] = {"anything", "exact", "bloom"};
	const LineageKey *key = DatumGetLineageKey(PG_GETARG_DATUM(0));
	LineageBound bound;
	StringInfoData out;

	vxp_lineage_key_decode(key, &bound);
	initStringInfo(&out);
	appendStringInfo(&out, "{\"form\": \"%s\", \"prefix\": [", forms[lineage_key_form(key)]);
	for (int i = 0; i < bound.prefix_length; i++)
		appendStringInfo(&out, "%s%u", i ? ", " : "", bound.prefix[i]);
	appendStringInfo(&out, "], \"depth\": [%d, %d]", bound.min_depth, bound.max_depth);
	if (lineage_key_form(key) == LINEAGE_KEY_BOUND)
	{
		appendStringInfo(&out, ", \"next\": [%llu, %llu], \"deep_types\": \"%016llx\", \"self_types\": \"%016llx\""
						 ", \"set\": \"%s\", \"words\": [",
						 (unsigned long long) bound.next_low, (unsigned long long) bound.next_high,
						 (unsigned long long) bound.deep_types, (unsigned long long) bound.self_types,
						 set_forms[bound.set_form]);
		for (int i = 0; i < bound.set_words; i++)
			appendStringInfo(&out, "%s%u", i ? ", " : "", bound.set[i]);
		appendStringInfoChar(&out, ']');
	}
	appendStringInfoChar(&out, '}');
	PG_RETURN_CSTRING(out.data);
}

/*
 * A page and the key that its parent's entry states of it, linked upwards.
 *
 * It is the leaves that each key above must hold.  A key need not hold the one
 * below: an insertion widens each by the new row alone, and two keys may have
 * been summed up from the same rows in two ways.
 */
typedef struct CheckedPage
{
	BlockNumber block;
	LineageKey *key;			/* NULL if the entry is */
	struct CheckedPage *parent; /* NULL for the root */
} CheckedPage;

/* The number of the first index column with keys of ours, from 1; raises if there is none. */
static int
lineage_column(Relation index, Oid key_type)
{
	TupleDesc	desc = RelationGetDescr(index);

	if (index->rd_rel->relam == GIST_AM_OID)
		for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
			if (TupleDescAttr(desc, i)->atttypid == key_type)
				return i + 1;
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not a GiST index on lineage", RelationGetRelationName(index))));
	return 0;					/* keep compiler quiet */
}

/* Raises unless every key above the leaf entry holds it. */
static void
check_leaf(Relation index, const CheckedPage *page, OffsetNumber offset, const LineageKey *key)
{
	LineageBound inner;

	vxp_lineage_key_decode(key, &inner);
	for (const CheckedPage *p = page; p->parent != NULL; p = p->parent)
	{
		LineageBound outer;
		bool		held = false;

		if (p->key != NULL)
		{
			vxp_lineage_key_decode(p->key, &outer);
			held = vxp_lineage_bound_holds(&outer, &inner);
		}
		if (!held)
			ereport(ERROR,
					(errcode(ERRCODE_INDEX_CORRUPTED),
					 errmsg("index \"%s\" is damaged", RelationGetRelationName(index)),
					 errdetail("Entry %u of page %u is not held by the key of page %u in page %u.",
							   offset, page->block, p->block, p->parent->block),
					 errhint("Rebuild it with REINDEX.")));
	}
}

/* check_page checks the leaves at and below a page and returns their number. */
static int64
check_page(Relation index, int column, CheckedPage *checked)
{
	Buffer		buffer;
	Page		page;
	OffsetNumber last;
	CheckedPage *children = NULL;
	int64		leaves = 0;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	buffer = ReadBuffer(index, checked->block);
	LockBuffer(buffer, GIST_SHARE);
	gistcheckpage(index, buffer);
	page = BufferGetPage(buffer);
	last = GistPageIsDeleted(page) ? 0 : PageGetMaxOffsetNumber(page);
	if (!GistPageIsLeaf(page))
		children = palloc0((last + 1) * sizeof(CheckedPage));
	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		IndexTuple	tuple = (IndexTuple) PageGetItem(page, PageGetItemId(page, i));
		bool		isnull;
		Datum		datum = index_getattr(tuple, column, RelationGetDescr(index), &isnull);
		const LineageKey *key = isnull ? NULL : DatumGetLineageKey(datum);

		if (children == NULL)
		{
			leaves++;
			if (key != NULL)
				check_leaf(index, checked, i, key);
			continue;
		}
		children[i].block = ItemPointerGetBlockNumber(&tuple->t_tid);
		children[i].parent = checked;
		if (key != NULL)
		{
			children[i].key = palloc(VARSIZE(key));
			memcpy(children[i].key, key, VARSIZE(key));
		}
	}
	UnlockReleaseBuffer(buffer);

	if (children != NULL)
	{
		for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
		{
			leaves += check_page(index, column, &children[i]);
			if (children[i].key)
				pfree(children[i].key);
		}
		pfree(children);
	}
	return leaves;
}

/*
 * check_lineage_index(index regclass) -> bigint
 *
 * Reads the whole index and raises XX002 if a leaf entry is not held by all the
 * keys above it; returns the number of leaf entries, those of dead rows too.  Takes ShareLock on table and index,
 * as CREATE INDEX does, so that no page is split meanwhile.
 */
Datum
vxp_check_lineage_index(PG_FUNCTION_ARGS)
{
	Oid			index_oid = PG_GETARG_OID(0);
	Oid			key_type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("lineage_gist_key"),
										   ObjectIdGetDatum(get_func_namespace(fcinfo->flinfo->fn_oid)));
	Oid			table_oid = IndexGetRelation(index_oid, true);
	Relation	table;
	Relation	index;
	int			column;
	int64		leaves;
	CheckedPage root = {GIST_ROOT_BLKNO, NULL, NULL};

	if (!OidIsValid(table_oid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a GiST index on lineage",
						get_rel_name(index_oid) ? get_rel_name(index_oid) : "?")));
	table = table_open(table_oid, ShareLock);
	index = index_open(index_oid, ShareLock);
	column = lineage_column(index, key_type);

	leaves = check_page(index, column, &root);
	index_close(index, ShareLock);
	table_close(table, ShareLock);
	PG_RETURN_INT64(leaves);
}
