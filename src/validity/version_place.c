/*
 * version_place.c - where the versions of a table are
 *
 * Closed rows lie in a table of their own that inherits from that of the open
 * ones and has the constraint vxp_closed, valid_to IS NOT NULL, by which the
 * planner leaves it out of questions about the present.  The table is found by
 * its inheritance and that constraint, never by its name.  A partition cannot
 * have tables that inherit from it: all its versions are in it.
 *
 * The session keeps the answer that nothing inherits, or the table of closed
 * rows alone.  A message for either table, or for all, drops it: whoever makes a
 * table inherit sends one for the upper table, whoever ends that, drops the lower
 * one or changes its constraints or columns, one for the lower.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "common/vxp_compat.h"
#include "validity/validity.h"
#include "validity/version.h"

VXP_FUNCTION(vxp_history_table);
VXP_FUNCTION(vxp_bind_history);

/* Is it a table of closed rows? */
bool
vxp_is_history(Relation relation)
{
	TupleConstr *constr = RelationGetDescr(relation)->constr;

	if (constr == NULL || relation->rd_rel->relispartition)
		return false;
	for (int i = 0; i < constr->num_check; i++)
		if (strcmp(constr->check[i].ccname, VXP_CLOSED_CONSTRAINT) == 0)
			return true;
	return false;
}

/*
 * vxp_passed_over says whether an UPDATE or DELETE of the table above passes
 * over all rows of this one: it holds closed rows, and the row trigger that
 * passes over them fires in this session.
 */
bool
vxp_passed_over(Oid relid)
{
	Relation	relation = table_open(relid, NoLock);
	TriggerDesc *triggers = relation->trigdesc;
	bool		found = false;

	if (triggers != NULL && triggers->trig_update_before_row && triggers->trig_delete_before_row && !vxp_as_of_is_set() &&
		vxp_is_history(relation) && !vxp_takes_given(relation))
		for (int i = 0; i < triggers->numtriggers && !found; i++)
		{
			const Trigger *trigger = &triggers->triggers[i];

			found = strcmp(trigger->tgname, VXP_CLOSED_TRIGGER) == 0 &&
				(trigger->tgenabled == TRIGGER_FIRES_ALWAYS ||
				 (trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN && SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA));
		}
	table_close(relation, NoLock);
	return found;
}

/* What is known of the tables that inherit from one. */
typedef struct Heirs
{
	Oid			relid;			/* key */
	Oid			history;		/* that of the closed rows, or InvalidOid */
	int			count;			/* of all */
	AttrNumber	valid_to;		/* the column of "relid" that is never NULL in it; 0: none, or not known */
} Heirs;

static HTAB *known = NULL;

/* false while an answer is being put together and a message has arrived */
static bool still_true = true;

/* relcache callback; 0 is every relation */
static void
forget_heirs(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS scan;
	Heirs	   *heirs;

	still_true = false;
	if (known == NULL)
		return;
	hash_seq_init(&scan, known);
	while ((heirs = hash_seq_search(&scan)) != NULL)
		if (!OidIsValid(relid) || heirs->relid == relid || heirs->history == relid)
			(void) hash_search(known, &heirs->relid, HASH_REMOVE, NULL);
}

/* The column of "upper" that the constraint of the closed rows speaks of, or 0. */
static AttrNumber
closed_column(Relation history, Oid upper)
{
	TupleConstr *constr = RelationGetDescr(history)->constr;

	for (int i = 0; i < constr->num_check; i++)
	{
		NullTest   *test;

		if (strcmp(constr->check[i].ccname, VXP_CLOSED_CONSTRAINT) != 0 || !constr->check[i].ccvalid)
			continue;
		test = (NullTest *) stringToNode(constr->check[i].ccbin);
		if (IsA(test, NullTest) && test->nulltesttype == IS_NOT_NULL && IsA(test->arg, Var))
			return get_attnum(upper, NameStr(TupleDescAttr(RelationGetDescr(history), ((Var *) test->arg)->varattno - 1)->attname));
	}
	return InvalidAttrNumber;
}

static Heirs
find_heirs(Oid relid)
{
	List	   *children = find_inheritance_children(relid, NoLock);
	Heirs		heirs = {relid, InvalidOid, list_length(children), InvalidAttrNumber};
	ListCell   *lc;

	foreach(lc, children)
	{
		Relation	child = try_relation_open(lfirst_oid(lc), AccessShareLock);

		if (child == NULL)
			continue;
		if (vxp_is_history(child))
		{
			heirs.history = RelationGetRelid(child);
			heirs.valid_to = closed_column(child, relid);
		}
		relation_close(child, AccessShareLock);
	}
	return heirs;
}

static Heirs
heirs_of(Oid relid)
{
	Heirs	   *kept = known ? hash_search(known, &relid, HASH_FIND, NULL) : NULL;
	Heirs		heirs;

	if (kept != NULL)
		return *kept;
	still_true = true;
	heirs = find_heirs(relid);
	if (still_true && (heirs.count == 0 || (heirs.count == 1 && OidIsValid(heirs.history))))
	{
		if (known == NULL)
		{
			HASHCTL		ctl;

			memset(&ctl, 0, sizeof(ctl));
			ctl.keysize = sizeof(Oid);
			ctl.entrysize = sizeof(Heirs);
			ctl.hcxt = CacheMemoryContext;
			known = hash_create("vxp tables of closed versions", 32, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		}
		kept = hash_search(known, &relid, HASH_ENTER, NULL);
		*kept = heirs;
	}
	return heirs;
}

/* vxp_history_of returns the table of the closed rows of a table, or InvalidOid. */
Oid
vxp_history_of(Oid relid)
{
	return heirs_of(relid).history;
}

/*
 * vxp_open_alone says whether all rows of the table and of those that inherit
 * from it where "valid_to" is NULL are in the table itself, and by which other
 * table (*history) that is so.
 */
bool
vxp_open_alone(Oid relid, AttrNumber valid_to, Oid *history)
{
	Heirs		heirs = heirs_of(relid);

	*history = heirs.history;
	return heirs.count == 1 && OidIsValid(heirs.history) && valid_to != InvalidAttrNumber && heirs.valid_to == valid_to;
}

/* The column of that name in another table, or the same column in the same one. */
static AttrNumber
same_column(Relation relation, AttrNumber attnum, Oid other)
{
	const char *name = NameStr(TupleDescAttr(RelationGetDescr(relation), attnum - 1)->attname);
	AttrNumber	found = other == RelationGetRelid(relation) ? attnum : get_attnum(other, name);

	if (found == InvalidAttrNumber)
		elog(ERROR, "table with OID %u has no column \"%s\"", other, name);
	return found;
}

/* vxp_version_place completes the columns of a table by where its versions are. */
void
vxp_version_place(Relation relation, VersionColumns *columns)
{
	Oid			relid = RelationGetRelid(relation);

	columns->current = columns->closed = relid;
	if (vxp_is_history(relation))
		columns->current = get_partition_parent(relid, true);
	else if (!relation->rd_rel->relispartition)
	{
		columns->closed = vxp_history_of(relid);
		if (!OidIsValid(columns->closed))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s\" has no table for its old versions", RelationGetRelationName(relation)),
					 errhint("SELECT vxp.refresh(name of the resource type) makes an empty one.")));
	}
	columns->current_key = same_column(relation, columns->key, columns->current);
	columns->current_from = same_column(relation, columns->valid_from, columns->current);
	columns->current_to = same_column(relation, columns->valid_to, columns->current);
	columns->closed_key = same_column(relation, columns->key, columns->closed);
	columns->closed_from = same_column(relation, columns->valid_from, columns->closed);
	columns->closed_to = same_column(relation, columns->valid_to, columns->closed);
}

/* The same, of the table of the closed rows. */
VersionColumns
vxp_closed_columns(const VersionColumns *columns)
{
	VersionColumns theirs = *columns;

	theirs.key = columns->closed_key;
	theirs.valid_from = columns->closed_from;
	theirs.valid_to = columns->closed_to;
	theirs.store = NULL;
	return theirs;
}

/* history_table(table) -> its table of closed rows, or NULL */
Datum
vxp_history_table(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	Oid			found = get_rel_relkind(relid) == RELKIND_RELATION ? vxp_history_of(relid) : InvalidOid;

	if (!OidIsValid(found))
		PG_RETURN_NULL();
	PG_RETURN_OID(found);
}

/*
 * bind_history(history): DROP TABLE of the table drops that of its closed rows,
 * too, without CASCADE, as it drops partitions.  42501 unless the caller owns it.
 */
Datum
vxp_bind_history(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	Relation	history;
	ObjectAddress object;
	ObjectAddress upper;

	if (get_rel_relkind(relid) != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("relation with OID %u is no table", relid)));
	history = table_open(relid, ShareUpdateExclusiveLock);
	if (!vxp_owns_relation(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, RelationGetRelationName(history));
	if (!vxp_is_history(history))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is no table of old versions", RelationGetRelationName(history))));
	ObjectAddressSet(object, RelationRelationId, relid);
	ObjectAddressSet(upper, RelationRelationId, get_partition_parent(relid, true));
	deleteDependencyRecordsForSpecific(RelationRelationId, relid, DEPENDENCY_AUTO, RelationRelationId, upper.objectId);
	recordDependencyOn(&object, &upper, DEPENDENCY_AUTO);
	table_close(history, NoLock);
	PG_RETURN_VOID();
}

void
vxp_version_place_init(void)
{
	CacheRegisterRelcacheCallback(forget_heirs, (Datum) 0);
}
