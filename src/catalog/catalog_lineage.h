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
	bool		direct;			/* below: is the table a possible child, not only a descendant? */
	bool		raw_parent;		/* below: the parent column may hold something else than identifiers */
	SPIPlanPtr	plan_find;		/* above: the parent's path, with lock */
	SPIPlanPtr	plan_child;		/* below: is there a child? */
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
	bool		derives_identifier; /* the identifier is made from the id by the trigger */
	bool		raw_parent;
	bool		parent_optional;	/* may the parent be NULL? */
	int			column_count;
	LineageColumn *columns;
	List	   *parents;		/* of RelatedTable * */
	List	   *descendants;	/* of RelatedTable *: all types below, in the order of names */
	SPIPlanPtr	plan_self;		/* own path */
	SPIPlanPtr	plan_lock_self; /* lock the own row before a move */

	/* last parent found; good while "epoch" is the present one */
	uint64		parent_epoch;
	char	   *parent_identifier;
	struct varlena *parent_lineage;
} LineageTable;

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
	struct ActiveMove *outer;
} ActiveMove;

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

/* catalog_move.c */
extern const ActiveMove *vxp_active_move(void);

#endif							/* VXP_CATALOG_LINEAGE_H */
