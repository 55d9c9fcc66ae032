/*
 * catalog_lineage.h - what the lineage triggers know of a table
 *
 * Built once for each table and catalog generation, and shared by the row
 * trigger that derives paths (catalog_lineage.c) and the triggers that keep
 * descendants true (catalog_move.c).
 */
#ifndef VXP_CATALOG_LINEAGE_H
#define VXP_CATALOG_LINEAGE_H

#include "postgres.h"

#include "executor/spi.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

#include "lineage/lineage.h"
#include "validity/version.h"

/* Longest identifier of a resource table, in bytes: an index entry must fit a page. */
#define CATALOG_MAX_IDENTIFIER 2000

/* Another registered table, above or below. */
typedef struct RelatedTable
{
	char	   *type_name;
	char	   *prefix;
	int			prefix_length;
	Oid			relid;
	char	   *table;			/* qualified and quoted */
	char	   *identifier;		/* column names, quoted */
	char	   *lineage;
	char	   *parent;
	bool		versioned;
	char	   *valid_from;		/* column names, quoted; NULL unless versioned */
	char	   *valid_to;
	char	   *is_current;		/* " AND valid_to IS NULL", or "" unless versioned */
	bool		direct;			/* below: is the table a possible child, not only a descendant? */
	bool		cascades;		/* below: do children end with their parent? */
	bool		raw_parent;		/* below: the parent column may hold something else than identifiers */
	SPIPlanPtr	plan_find;		/* above: the parent's path, with lock */
	SPIPlanPtr	plan_history;	/* above: all versions of the parent, with lock */
	SPIPlanPtr	plan_child;		/* below: is there a child? */
	SPIPlanPtr	plan_close;		/* below: end the children */
	SPIPlanPtr	plan_subtree;	/* below: lock what is there now and later */
	SPIPlanPtr	plan_count;		/* below: how many are these? */
	SPIPlanPtr	plan_lock;		/* below: lock what a move changes */
	SPIPlanPtr	plan_move;		/* below: change it */
	SPIPlanPtr	plan_orphan;	/* below: is there any child of the type, for TRUNCATE? */
} RelatedTable;

/* A lineage field: the column that holds the nearest ancestor with this prefix. */
typedef struct LineageColumn
{
	AttrNumber	attnum;
	char	   *prefix;
	int			prefix_length;
	bool		is_key;			/* part of the partition key: the writer must supply it */
} LineageColumn;

typedef struct LineageTable
{
	Oid			relid;			/* key: the table with the trigger, maybe a partition */
	MemoryContext context;
	uint64		generation;		/* of the catalog this was made from */
	RelatedTable self;			/* the registered table; its parent, if any, of the partition */
	char	   *id_name;		/* names of columns as they are, for messages */
	char	   *parent_name;
	AttrNumber	id_attnum;		/* 0: member id of the document */
	AttrNumber	document_attnum;
	AttrNumber	identifier_attnum;
	AttrNumber	parent_attnum;	/* 0: none, all rows are roots */
	AttrNumber	lineage_attnum;
	Oid			id_type;
	Oid			parent_type;
	VersionColumns version;		/* all 0 unless versioned */
	bool		versions_below; /* is any type below versioned? */
	bool		derives_identifier; /* the identifier is made from the id by the trigger */
	bool		raw_parent;
	bool		parent_optional;	/* may the parent be NULL? */
	int			column_count;
	LineageColumn *columns;
	List	   *parents;		/* of RelatedTable * */
	List	   *descendants;	/* of RelatedTable *: all types below, in the order of names */
	SPIPlanPtr	plan_self;		/* own path */
	SPIPlanPtr	plan_lock_self; /* lock the own row before a move */
	SPIPlanPtr	plan_end;		/* when did the last version end? */

	/* last parent found; good while "epoch" is the present one */
	uint64		parent_epoch;
	char	   *parent_identifier;
	struct varlena *parent_lineage;
	TimestampTz parent_begin;	/* of its present version; DT_NOBEGIN unless versioned */

	/* all versions of the last parent that was asked for its past, likewise */
	MemoryContext past_context;
	uint64		past_epoch;
	char	   *past_identifier;
	int			past_count;
	struct ParentVersion *past;
} LineageTable;

/* One version of a parent: its path while it was valid. */
typedef struct ParentVersion
{
	VersionInterval valid;
	struct varlena *path;
} ParentVersion;

/* The user that SPI queries run as: the owner of a table, row security off. */
typedef struct OwnerScope
{
	Oid			user;
	int			context;
} OwnerScope;

/* A move in progress: rows below "label" belong under "path". */
typedef struct ActiveMove
{
	const char *label;
	int			length;
	LineageSpan path;
	TimestampTz at;				/* when the path takes effect; DT_NOBEGIN: the transaction's time */
	struct ActiveMove *outer;
} ActiveMove;

/* A resource whose end is passed on to what lies below "label". */
typedef struct ActiveClose
{
	const char *label;
	int			length;
	TimestampTz at;				/* when it ended */
	struct ActiveClose *outer;
} ActiveClose;

/* catalog_table.c */
extern LineageTable *vxp_lineage_table(Relation relation);
extern void vxp_lineage_init(void);
extern Oid	vxp_lineage_type_oid(void);	/* of vxp.lineage */
extern void vxp_enter_owner(Oid relid, OwnerScope *saved);
extern void vxp_leave_owner(const OwnerScope *saved);
extern SPIPlanPtr vxp_prepare_as_owner(Oid relid, const char *sql, int nargs, Oid *types);
extern uint64 vxp_lineage_epoch(void);
extern void vxp_lineage_forget_parents(void);

/* catalog_lineage.c */
extern char *vxp_row_identifier(const LineageTable *table, HeapTuple tuple, TupleDesc desc);
extern int	vxp_lineage_find_label(LineageSpan path, const char *label, int length);
extern bool vxp_has_prefix(const char *text, const char *prefix, int length);

/* catalog_parent.c */
extern char *vxp_parent_types(const LineageTable *table);	/* "Patient or ImagingStudy" */
extern struct varlena *vxp_find_parent(LineageTable *table, const char *identifier, const char *parent,
									   VersionInterval wanted, TimestampTz *begin);
extern struct varlena *vxp_lock_for_move(LineageTable *table, const char *old_identifier, LineageSpan old_path,
										 const char *identifier, const char *parent, TimestampTz *begin);

/* catalog_move.c */
extern const ActiveMove *vxp_active_move(void);
extern const ActiveClose *vxp_active_close(void);
extern void vxp_settle_present(LineageTable *table, const char *identifier);

/* catalog_statement.c */
extern TimestampTz vxp_statement_effect(MemoryContext context, const char *identifier, const struct varlena *before,
										const struct varlena *after, TimestampTz at);
extern void vxp_statement_note(MemoryContext context, const char *identifier, const struct varlena *before,
							   const struct varlena *after, TimestampTz at);

/* catalog_subtree.c */
extern uint64 vxp_run_as_owner(Oid relid, SPIPlanPtr plan, Datum *values, long limit);
extern TimestampTz vxp_lock_subtree(LineageTable *table, const char *identifier);

#endif							/* VXP_CATALOG_LINEAGE_H */
