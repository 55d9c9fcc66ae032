/*
 * dql_cursor_expr.c - the condition that a row is behind a cursor
 *
 * Written so that an index on the sort keys starts at the cursor: as many
 * leading keys as one direction allows are one row comparison, (a, b) > (x, y),
 * which is an index condition.  When not all keys fit in it, it is >= and what
 * decides among equals follows as ordinary conditions.
 *
 * The condition can be cut in arms, each an AND of conditions on the keys that an
 * index has a place for: equal in the first keys, and beyond the cursor in the
 * next ones.  Arms have no row in common, and all rows of one come before those
 * of the next one.  So a page is read arm by arm, each from its own place in the
 * index, where the whole condition would read from the first place on and throw
 * rows away: all that are equal in the keys of the first direction, or, behind a
 * descending key that may be NULL, all rows before the cursor.
 *
 * NULL is less than every value.  Ascending, a row comparison with values that
 * are not NULL leaves rows with NULL out, and rightly: they are before the
 * cursor.  Descending, they are behind it, so that a key that may be NULL ends
 * the row comparison.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_oper.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "common/vxp_compat.h"
#include "dql/dql_bind.h"

/* A sort key beside its value in the cursor. */
typedef struct CursorKey
{
	const BoundSort *sort;
	const BoundValue *value;	/* NULL: null */
	BoundColumn type;			/* what the key compares as */
	bool		nullable;
} CursorKey;

static Node *
key_expr(ParseState *pstate, const BoundQuery *bound, const CursorKey *key)
{
	return vxp_dql_sort_expr(pstate, bound, key->sort);
}

/* key (strategy) value; the value is not NULL */
static OpExpr *
key_compare(ParseState *pstate, const BoundQuery *bound, const CursorKey *key, StrategyNumber strategy)
{
	return castNode(OpExpr, make_op(pstate, vxp_dql_type_operator(&key->type, strategy), key_expr(pstate, bound, key),
									vxp_dql_const(key->value->type, key->value->datum), NULL, -1));
}

static Node *
key_null(ParseState *pstate, const BoundQuery *bound, const CursorKey *key, NullTestType type)
{
	NullTest   *test = makeNode(NullTest);

	test->arg = (Expr *) key_expr(pstate, bound, key);
	test->nulltesttype = type;
	test->argisrow = false;
	test->location = -1;
	return (Node *) test;
}

static Node *
both(Node *a, Node *b)
{
	return a == NULL ? b : b == NULL ? a : (Node *) makeBoolExpr(AND_EXPR, list_make2(a, b), -1);
}

static Node *
either(Node *a, Node *b)
{
	return a == NULL ? b : b == NULL ? a : (Node *) makeBoolExpr(OR_EXPR, list_make2(a, b), -1);
}

/* The row is behind the cursor by this key; NULL when none can be. */
static Node *
key_behind(ParseState *pstate, const BoundQuery *bound, const CursorKey *key)
{
	Node	   *behind;

	if (key->value == NULL)
		return key->sort->descending ? NULL : key_null(pstate, bound, key, IS_NOT_NULL);
	behind = (Node *) key_compare(pstate, bound, key,
								  key->sort->descending ? BTLessStrategyNumber : BTGreaterStrategyNumber);
	if (key->sort->descending && key->nullable)
		behind = either(behind, key_null(pstate, bound, key, IS_NULL));
	return behind;
}

static Node *
key_equal(ParseState *pstate, const BoundQuery *bound, const CursorKey *key)
{
	if (key->value == NULL)
		return key_null(pstate, bound, key, IS_NULL);
	return (Node *) key_compare(pstate, bound, key, BTEqualStrategyNumber);
}

/*
 * How many leading keys one row comparison can take.  Printed, it has one
 * operator for all of them: so the schemas of their operators must agree.
 * "nulls_apart" says that the rows with NULL in the first key are not its matter.
 */
static int
row_length(const CursorKey *keys, int count, bool nulls_apart)
{
	const char *schema = NULL;
	int			length;

	for (length = 0; length < count; length++)
	{
		const CursorKey *key = &keys[length];
		const char *own;

		if (key->value == NULL || key->sort->descending != keys[0].sort->descending ||
			(key->sort->descending && key->nullable && !(nulls_apart && length == 0)))
			break;
		own = strVal(linitial(vxp_dql_type_operator(&key->type, BTGreaterStrategyNumber)));
		if (schema && strcmp(schema, own) != 0)
			break;
		schema = own;
	}
	return length;
}

/* (key, ...) > (value, ...) of the first keys; a plain comparison of one */
static Node *
row_compare(ParseState *pstate, const BoundQuery *bound, const CursorKey *keys, int length, bool or_equal)
{
	RowCompareExpr *row;
	StrategyNumber strategy;

	if (keys[0].sort->descending)
		strategy = or_equal ? BTLessEqualStrategyNumber : BTLessStrategyNumber;
	else
		strategy = or_equal ? BTGreaterEqualStrategyNumber : BTGreaterStrategyNumber;
	if (length == 1)
		return (Node *) key_compare(pstate, bound, &keys[0], strategy);
	row = makeNode(RowCompareExpr);
	vxp_set_row_compare(row, strategy);
	for (int i = 0; i < length; i++)
	{
		OpExpr	   *compare = key_compare(pstate, bound, &keys[i], strategy);

		row->opnos = lappend_oid(row->opnos, compare->opno);
		row->opfamilies = lappend_oid(row->opfamilies,
									  lookup_type_cache(keys[i].type.base_type, TYPECACHE_BTREE_OPFAMILY)->btree_opf);
		row->largs = lappend(row->largs, linitial(compare->args));
		row->rargs = lappend(row->rargs, lsecond(compare->args));
	}
	return (Node *) row;
}

/* The arms of a condition, in the order of their rows, of which only some are wanted. */
typedef struct ArmState
{
	ParseState *pstate;			/* NULL: arms are only counted */
	const BoundQuery *bound;
	const CursorKey *keys;
	int			count;			/* of keys */
	int			first_wanted;
	int			wanted_arms;
	int			found;			/* arms so far */
	Node	   *wanted;			/* their disjunction */
} ArmState;

/* An arm: equal in the keys before "start", and what "row" keys from there on, or a test for NULL, say. */
static void
add_arm(ArmState *state, int start, int row, NullTestType type)
{
	int			number = state->found++;
	Node	   *arm = NULL;

	if (state->pstate == NULL || number < state->first_wanted || number >= state->first_wanted + state->wanted_arms)
		return;
	for (int i = 0; i < start; i++)
		arm = both(arm, key_equal(state->pstate, state->bound, &state->keys[i]));
	arm = both(arm, row > 0 ? row_compare(state->pstate, state->bound, &state->keys[start], row, false) :
			   key_null(state->pstate, state->bound, &state->keys[start], type));
	state->wanted = either(state->wanted, arm);
}

/* The arms of the rows that equal the cursor in the keys before "start". */
static void
add_arms(ArmState *state, int start)
{
	const CursorKey *key = &state->keys[start];
	int			row;

	check_stack_depth();
	if (start == state->count)
		return;
	row = row_length(key, state->count - start, true);
	if (start + row < state->count)
		add_arms(state, start + Max(row, 1));
	if (row > 0)
	{
		add_arm(state, start, row, IS_NULL);
		if (key->sort->descending && key->nullable)
			add_arm(state, start, 0, IS_NULL);
	}
	else if (!key->sort->descending)
		add_arm(state, start, 0, IS_NOT_NULL);
}

static CursorKey *
cursor_keys(const BoundQuery *bound)
{
	int			count = list_length(bound->sort);
	CursorKey  *keys = palloc0(sizeof(CursorKey) * count);

	for (int i = 0; i < count; i++)
	{
		CursorKey  *key = &keys[i];

		key->sort = list_nth(bound->sort, i);
		key->value = list_nth(bound->cursor->values, i);
		key->nullable = key->sort->inside == NULL && !vxp_never_null(key->sort->column);
		key->type = *key->sort->column;
		if (key->sort->inside)
			key->type.base_type = BYTEAOID;
	}
	return keys;
}

/* vxp_dql_cursor_arms returns how many arms the condition of the cursor of "bound" has. */
int
vxp_dql_cursor_arms(const BoundQuery *bound)
{
	ArmState	state = {NULL, bound, cursor_keys(bound), list_length(bound->sort)};

	add_arms(&state, 0);
	return state.found;
}

/* vxp_dql_cursor_expr returns the condition that a row is behind the cursor of "bound", or its wanted arms. */
Node *
vxp_dql_cursor_expr(ParseState *pstate, const BoundQuery *bound)
{
	int			count = list_length(bound->sort);
	CursorKey  *keys = cursor_keys(bound);
	ArmState	state = {pstate, bound, keys, count, bound->cursor->first_arm, bound->cursor->arms};
	int			length;
	Node	   *behind = NULL;

	/* one arm is the whole */
	if (state.wanted_arms == 0 && vxp_dql_cursor_arms(bound) == 1)
		state.wanted_arms = 1;
	if (state.wanted_arms > 0)
	{
		add_arms(&state, 0);
		return state.wanted;
	}
	/* fewer than all: a row comparison of all keys would be the one arm */
	length = row_length(keys, count, false);
	Assert(length < count);
	for (int i = count - 1; i >= 0; i--)
	{
		if (behind)
			behind = both(key_equal(pstate, bound, &keys[i]), behind);
		behind = either(key_behind(pstate, bound, &keys[i]), behind);
	}
	if (behind == NULL)
		return makeBoolConst(false, false);
	return length == 0 ? behind : both(row_compare(pstate, bound, keys, length, true), behind);
}
