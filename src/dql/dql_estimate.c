/*
 * dql_estimate.c - how many documents match a filter
 *
 * Three sources, the best first:
 *
 * 1. Statistics of an expression on the path of a condition, from an index on it
 *    or from CREATE STATISTICS: vxp.sort_key(document, 'path'), which knows every
 *    type in the order of DQL, or the text that ->> or #>> give.
 * 2. The documents that ANALYZE keeps of the column: its most common values and
 *    the bounds of its histogram are a sample of about a hundred, spread over the
 *    column's order.  The filter itself runs on them, so that every condition is
 *    estimated, and conditions that go together are seen together.  ANALYZE
 *    keeps no document of more than 1 kB.
 * 3. Numbers that say "few", as the server's defaults do.
 *
 * What no document of the sample matches is taken to be rare, as the server does
 * for jsonb's own operators: too low an estimate costs a sort of what the index
 * finds, too high a one may cost a walk through the whole table in the order of
 * the answer.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/plancat.h"
#include "parser/parse_func.h"
#include "parser/parse_oper.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/selfuncs.h"
#include "utils/typcache.h"

#include "common/vxp_statistics.h"
#include "dql/dql_bind.h"
#include "dql/dql_estimate.h"
#include "dql/dql_eval.h"

/* Nobody knows the documents: these say "few", as the server's defaults do. */
#define DOCUMENT_EQ_SEL 0.005
#define DOCUMENT_EXISTS_SEL 0.9

/* What no document of a whole sample matches; the server's own bound for such estimates. */
#define RARE_SEL 0.0001

/* A sample of so many documents is trusted in full. */
#define SAMPLE_WANTED 100

/* Conditions that run on documents of the sample at most, some milliseconds: the rest of a filter is estimated without. */
#define SAMPLE_WORK 20000

/* So many matches in a sample are more than chance. */
#define SAMPLE_MATCHES 5

typedef struct Estimate
{
	PlannerInfo *root;
	Node	   *document;
	int			varRelid;
	const char *field;
	const Jsonb *params;
	Oid			sort_key;		/* our function; InvalidOid: not there */
	bool		has_expressions;	/* there may be statistics of expressions */
	int			work;			/* conditions that ran on documents so far */

	/* the sample, kept by vxp_statistics.c: nothing else asks it before the estimate is done */
	int			count;
	Jsonb	  **documents;
	double	   *weights;		/* add up to 1 - null_part */
	double		null_part;
	double		trust;			/* in what the sample does not show, 0 to 1 */

	/* what the last condition gave */
	const DqlNode *last;
	double		last_part;
	int			last_matches;
	int			last_misses;
} Estimate;

/* Adds values of a statistics slot to the sample. */
static void
add_sample(Estimate *estimate, const AttStatsSlot *slot, double part)
{
	for (int i = 0; i < slot->nvalues; i++)
	{
		estimate->documents[estimate->count] = DatumGetJsonbP(slot->values[i]);
		estimate->weights[estimate->count++] = slot->nnumbers > i ? slot->numbers[i] : part / slot->nvalues;
	}
}

/* Reads the documents that ANALYZE kept, if the user may know them. */
static void
read_sample(Estimate *estimate)
{
	static const VxpSlotKind kinds[VXP_SLOTS] = {
		{STATISTIC_KIND_MCV, ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS},
		{STATISTIC_KIND_HISTOGRAM, ATTSTATSSLOT_VALUES}
	};
	VariableStatData vardata;

	examine_variable(estimate->root, estimate->document, estimate->varRelid, &vardata);
	if (HeapTupleIsValid(vardata.statsTuple) && vardata.acl_ok && vardata.atttype == JSONBOID)
	{
		const VxpSlots *slots = vxp_statistics_slots(&vardata, kinds);
		int			count = slots->slot[0].nvalues + slots->slot[1].nvalues;
		double		common = 0;

		for (int i = 0; i < slots->slot[0].nnumbers; i++)
			common += slots->slot[0].numbers[i];
		estimate->null_part = ((Form_pg_statistic) GETSTRUCT(vardata.statsTuple))->stanullfrac;
		estimate->documents = palloc(count * sizeof(Jsonb *));
		estimate->weights = palloc(count * sizeof(double));
		add_sample(estimate, &slots->slot[0], 0);
		add_sample(estimate, &slots->slot[1], Max(1.0 - estimate->null_part - common, 0.0));
		/* what the common documents are is known, however few they are */
		estimate->trust = Min(Max((double) estimate->count / SAMPLE_WANTED, common + estimate->null_part), 1.0);
	}
	ReleaseVariableStats(vardata);
}

/* Is every operand known, so that the condition can run on the sample? */
static bool
is_known(const Estimate *estimate, const DqlNode *node)
{
	return estimate->params != NULL || !vxp_dql_uses_param_above(node, 0);
}

static int
conditions_in(const DqlNode *node)
{
	int			count = 1;
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, node->args)
		if (lfirst(lc) != NULL)
			count += conditions_in(lfirst(lc));
	return count;
}

/*
 * The part of the sample that matches; -1 without a sample.  *matches is the
 * number of documents that do, *misses of those that do not.
 */
static double
sample_part(Estimate *estimate, const DqlNode *node, int *matches, int *misses)
{
	EvalNode   *compiled;
	double		part = 0;
	double		whole = estimate->null_part;
	int			work;

	if (node == estimate->last)
	{
		*matches = estimate->last_matches;
		*misses = estimate->last_misses;
		return estimate->last_part;
	}
	*matches = *misses = 0;
	if (estimate->count == 0 || !is_known(estimate, node))
		return -1;
	work = conditions_in(node);
	if (work > (SAMPLE_WORK - estimate->work) / estimate->count)
		return -1;
	estimate->work += work * estimate->count;
	compiled = vxp_dql_compile(node, estimate->field, estimate->params);
	for (int i = 0; i < estimate->count; i++)
	{
		JsonbValue	value;

		CHECK_FOR_INTERRUPTS();
		vxp_dql_root_value(estimate->documents[i], &value);
		whole += estimate->weights[i];
		if (vxp_dql_eval(compiled, &value))
		{
			part += estimate->weights[i];
			(*matches)++;
		}
		else
			(*misses)++;
	}
	if (estimate->null_part > 0 && vxp_dql_eval(compiled, NULL))
		part += estimate->null_part;
	estimate->last = node;
	estimate->last_part = whole > 0 ? part / whole : -1;
	estimate->last_matches = *matches;
	estimate->last_misses = *misses;
	return estimate->last_part;
}

/* What to assume of a condition when nothing is known. */
static double
default_part(const DqlNode *node)
{
	switch (node->op)
	{
		case DQL_OP_IN:
			return Min(0.5, DOCUMENT_EQ_SEL * (node->operand && node->operand->type == DQL_ARRAY ?
											   node->operand->count : 10));
		case DQL_OP_EXISTS:
			return DOCUMENT_EXISTS_SEL;
		case DQL_OP_GT:
		case DQL_OP_GTE:
		case DQL_OP_LT:
		case DQL_OP_LTE:
		case DQL_OP_AFTER:
		case DQL_OP_BEFORE:
			return DEFAULT_INEQ_SEL;
		case DQL_OP_BETWEEN:
			return DEFAULT_RANGE_INEQ_SEL;
		case DQL_OP_CONTAINS:
		case DQL_OP_STARTS_WITH:
		case DQL_OP_GLOB:
			return DEFAULT_MATCH_SEL;
		default:
			return DOCUMENT_EQ_SEL;
	}
}

/* May the table have statistics of expressions? */
static bool
may_have_expressions(const Estimate *estimate)
{
	Bitmapset  *relids = pull_varnos(estimate->root, estimate->document);
	RelOptInfo *rel;
	int			relid;
	ListCell   *lc;

	if (!bms_get_singleton_member(relids, &relid))
		return false;
	rel = find_base_rel(estimate->root, relid);
	foreach(lc, rel->statlist)
		if (((StatisticExtInfo *) lfirst(lc))->exprs != NIL)
			return true;
	foreach(lc, rel->indexlist)
		if (((IndexOptInfo *) lfirst(lc))->indexprs != NIL)
			return true;
	return false;
}

/* Are there statistics of the expression that the user may know? */
static bool
has_statistics(const Estimate *estimate, Node *expr)
{
	VariableStatData vardata;
	bool		result;

	examine_variable(estimate->root, expr, estimate->varRelid, &vardata);
	result = HeapTupleIsValid(vardata.statsTuple) && vardata.acl_ok;
	ReleaseVariableStats(vardata);
	return result;
}

/* The path of a condition below the argument of matches(), joined by dots; NULL: not a path there. */
static char *
path_below(const Estimate *estimate, const DqlPath *prefix, const DqlPath *path, List **segments)
{
	StringInfoData buf;
	int			start = 0;
	DqlPath    *whole = prefix ? vxp_dql_path_join(prefix, path) : (DqlPath *) path;

	if (estimate->field != NULL)
	{
		if (whole->count == 0 || strcmp(whole->segments[0], estimate->field) != 0)
			return NULL;
		start = 1;
	}
	if (whole->count <= start)
		return NULL;
	initStringInfo(&buf);
	*segments = NIL;
	for (int i = start; i < whole->count; i++)
	{
		appendStringInfo(&buf, i > start ? ".%s" : "%s", whole->segments[i]);
		*segments = lappend(*segments, whole->segments[i]);
	}
	return buf.data;
}

static Node *
text_const(const char *text)
{
	return (Node *) makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1, CStringGetTextDatum(text), false, false);
}

static Node *
sort_key_call(const Estimate *estimate, Node *document, const char *path, bool descending)
{
	return (Node *) makeFuncExpr(estimate->sort_key, BYTEAOID,
								 list_make3(document, text_const(path), makeBoolConst(descending, false)),
								 InvalidOid, DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL);	/* as a user's expression has it */
}

/* The sort key of a JSON scalar, as a constant. */
static Node *
scalar_key(const Estimate *estimate, const char *json)
{
	char	   *text = psprintf("{\"v\":%s}", json);
	Node	   *document = (Node *) makeConst(JSONBOID, -1, InvalidOid, -1,
											  DirectFunctionCall1(jsonb_in, CStringGetDatum(text)), false, false);

	return eval_const_expressions(estimate->root, sort_key_call(estimate, document, "v", false));
}

/* The part of the rows for which "key operator constant" holds. */
static double
key_part(const Estimate *estimate, Node *key, StrategyNumber strategy, Node *constant)
{
	TypeCacheEntry *type = lookup_type_cache(BYTEAOID, TYPECACHE_BTREE_OPFAMILY);
	Oid			operator = get_opfamily_member(type->btree_opf, BYTEAOID, BYTEAOID, strategy);

	return restriction_selectivity(estimate->root, operator, list_make2(key, constant), InvalidOid, estimate->varRelid);
}

static char *
scalar_json(const DqlValue *value)
{
	StringInfoData buf;

	initStringInfo(&buf);
	vxp_dql_json_print(&buf, value);
	return buf.data;
}

/* Is the operand a scalar that equality compares as it is? */
static bool
is_plain(const DqlValue *value)
{
	return value != NULL && (value->type == DQL_NUMBER || value->type == DQL_BOOLEAN ||
							 (value->type == DQL_STRING && !vxp_dql_is_pattern(value->string, value->length)));
}

/*
 * Is the operand one whose key has a place within a bucket of a histogram?  The
 * key of a string is its bytes, of which text uses a few only: the server's
 * interpolation of bytea would be off by all of a bucket, and documents are the
 * better witnesses.
 */
static bool
is_ordered(const DqlValue *value)
{
	return value != NULL && value->type == DQL_NUMBER;
}

/* The part of the rows whose key lies between two constants; with both ends, it has at least the first. */
static double
range_part(const Estimate *estimate, Node *key, Node *from, bool with_from, Node *to, bool with_to)
{
	double		below_to = key_part(estimate, key, with_to ? BTLessEqualStrategyNumber : BTLessStrategyNumber, to);
	double		below_from = key_part(estimate, key, with_from ? BTLessStrategyNumber : BTLessEqualStrategyNumber, from);

	return Max(below_to - below_from, with_from && with_to ? key_part(estimate, key, BTEqualStrategyNumber, from) : 0.0);
}

/* The estimate of a comparison from statistics of sort_key(document, path); -1: it says nothing. */
static double
part_by_key(const Estimate *estimate, const DqlNode *node, Node *key)
{
	const DqlValue *operand = node->operand;
	double		part = 0;

	switch (node->op)
	{
		case DQL_OP_EQ:
			return is_plain(operand) ?
				key_part(estimate, key, BTEqualStrategyNumber, scalar_key(estimate, scalar_json(operand))) : -1;
		case DQL_OP_IN:
			if (operand->type != DQL_ARRAY || operand->count > SAMPLE_WANTED)
				return -1;
			for (int i = 0; i < operand->count; i++)
			{
				if (!is_plain(operand->items[i]))
					return -1;
				part += key_part(estimate, key, BTEqualStrategyNumber, scalar_key(estimate, scalar_json(operand->items[i])));
			}
			return Min(part, 1.0);
		case DQL_OP_EXISTS:
			return 1.0 - key_part(estimate, key, BTLessEqualStrategyNumber, scalar_key(estimate, "null"));
		case DQL_OP_GT:
		case DQL_OP_GTE:
			if (!is_ordered(operand))
				return -1;
			return range_part(estimate, key, scalar_key(estimate, scalar_json(operand)), node->op == DQL_OP_GTE,
							  scalar_key(estimate, "\"\""), false);
		case DQL_OP_LT:
		case DQL_OP_LTE:
			if (!is_ordered(operand))
				return -1;
			return range_part(estimate, key, scalar_key(estimate, "null"), false,
							  scalar_key(estimate, scalar_json(operand)), node->op == DQL_OP_LTE);
		case DQL_OP_BETWEEN:
			if (operand->type != DQL_ARRAY || operand->count != 2 || !is_ordered(operand->items[0]) || !is_ordered(operand->items[1]))
				return -1;
			return range_part(estimate, key, scalar_key(estimate, scalar_json(operand->items[0])), true,
							  scalar_key(estimate, scalar_json(operand->items[1])), true);
		default:
			return -1;
	}
}

static char *
scalar_text(const DqlValue *value)
{
	return value->type == DQL_BOOLEAN ? (value->boolean ? "true" : "false") : value->string;
}

/* The same from statistics of the text at the path. */
static double
part_by_text(const Estimate *estimate, const DqlNode *node, Node *text)
{
	const DqlValue *operand = node->operand;
	double		part = 0;

	if (node->op == DQL_OP_EQ && is_plain(operand))
		return restriction_selectivity(estimate->root, TextEqualOperator, list_make2(text, text_const(scalar_text(operand))),
									   DEFAULT_COLLATION_OID, estimate->varRelid);
	if (node->op == DQL_OP_IN && operand->type == DQL_ARRAY && operand->count <= SAMPLE_WANTED)
	{
		for (int i = 0; i < operand->count; i++)
		{
			if (!is_plain(operand->items[i]))
				return -1;
			part += restriction_selectivity(estimate->root, TextEqualOperator,
											list_make2(text, text_const(scalar_text(operand->items[i]))),
											DEFAULT_COLLATION_OID, estimate->varRelid);
		}
		return Min(part, 1.0);
	}
	if (node->op == DQL_OP_EXISTS)
		return 1.0 - nulltestsel(estimate->root, IS_NULL, text, estimate->varRelid, JOIN_INNER, NULL);
	return -1;
}

static Node *
jsonb_operator(Oid operator, Node *left, Node *right)
{
	OpExpr	   *expr = (OpExpr *) make_opclause(operator, get_op_rettype(operator), false, (Expr *) left, (Expr *) right,
												InvalidOid, DEFAULT_COLLATION_OID);

	if (expr->opresulttype == TEXTOID)
		expr->opcollid = DEFAULT_COLLATION_OID;
	expr->opfuncid = get_opcode(operator);
	return (Node *) expr;
}

/* The estimate of a comparison from statistics of an expression on its path; -1: there are none. */
static double
part_by_expression(const Estimate *estimate, const DqlNode *node, const DqlPath *prefix)
{
	List	   *segments;
	char	   *path;
	Node	   *expr;
	double		part = -1;
	Oid			get_json = OpernameGetOprid(list_make2(makeString("pg_catalog"), makeString("->")), JSONBOID, TEXTOID);
	Oid			get_text = OpernameGetOprid(list_make2(makeString("pg_catalog"), makeString("->>")), JSONBOID, TEXTOID);
	Oid			path_text = OpernameGetOprid(list_make2(makeString("pg_catalog"), makeString("#>>")), JSONBOID, TEXTARRAYOID);
	Datum	   *names;
	ListCell   *lc;

	if (!estimate->has_expressions || node->kind != DQL_COMPARE || node->subquery || node->range != DQL_RANGE_NONE || node->operand == NULL || node->path == NULL)
		return -1;
	path = path_below(estimate, prefix, node->path, &segments);
	if (path == NULL)
		return -1;
	for (int descending = 0; part < 0 && OidIsValid(estimate->sort_key) && descending <= 1; descending++)
	{
		expr = sort_key_call(estimate, estimate->document, path, descending);
		if (has_statistics(estimate, expr))
			part = part_by_key(estimate, node, expr);
	}
	if (part >= 0)
		return part;

	expr = estimate->document;
	foreach(lc, segments)
		expr = jsonb_operator(lnext(segments, lc) ? get_json : get_text, expr, text_const(lfirst(lc)));
	if (has_statistics(estimate, expr))
		return part_by_text(estimate, node, expr);
	names = palloc(sizeof(Datum) * list_length(segments));
	foreach(lc, segments)
		names[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));
	expr = jsonb_operator(path_text, estimate->document,
						  (Node *) makeConst(TEXTARRAYOID, -1, DEFAULT_COLLATION_OID, -1,
											 PointerGetDatum(construct_array(names, list_length(segments), TEXTOID, -1, false, TYPALIGN_INT)),
											 false, false));
	if (has_statistics(estimate, expr))
		return part_by_text(estimate, node, expr);
	return -1;
}

/* A condition that the sample does not show, or shows in every document, is rare, or its opposite is. */
static double
within_sample(const Estimate *estimate, double part, int matches, double otherwise)
{
	double		trust = estimate->trust;

	/* one document is little: a rare value may be there by chance, which must not look like a frequent one */
	if (matches == 1 && part < 0.1)
		return part / 3;
	if (part > 0 && part < 1)
		return part;
	if (part <= 0)
		return RARE_SEL * trust + Min(otherwise, 0.5) * (1 - trust);
	return (1 - RARE_SEL) * trust + Max(otherwise, 0.5) * (1 - trust);
}

/* Which end of a range is the condition: -1 the lower, 1 the upper, 0 none? */
static int
range_end(const DqlNode *node)
{
	if (node->kind != DQL_COMPARE || node->range != DQL_RANGE_NONE || node->subquery || node->path == NULL || !is_ordered(node->operand))
		return 0;
	return node->op == DQL_OP_GT || node->op == DQL_OP_GTE ? -1 : node->op == DQL_OP_LT || node->op == DQL_OP_LTE ? 1 : 0;
}

/*
 * Condition number "index" of an AND; with the other end of its range among
 * the next ones, both together; NULL when it was counted with an earlier one.
 */
static DqlNode *
range_of(const List *args, int index)
{
	DqlNode    *node = list_nth(args, index);
	int			end = range_end(node);

	for (int i = Max(index - 3, 0); end != 0 && i < Min(index + 4, list_length(args)); i++)
	{
		DqlNode    *other = list_nth(args, i);
		DqlNode    *range;
		DqlValue   *ends;

		if (range_end(other) != -end || other->operand->type != node->operand->type ||
			strcmp(other->path->text, node->path->text) != 0)
			continue;
		if (i < index)
			return NULL;
		ends = palloc0(sizeof(DqlValue));
		ends->type = DQL_ARRAY;
		ends->count = 2;
		ends->items = palloc(sizeof(DqlValue *) * 2);
		ends->items[0] = end < 0 ? node->operand : other->operand;
		ends->items[1] = end < 0 ? other->operand : node->operand;
		range = palloc(sizeof(DqlNode));
		*range = *node;
		range->op = DQL_OP_BETWEEN;
		range->operand = ends;
		return range;
	}
	return node;
}

/*
 * The part of the rows that match.  *known is set when an expression's
 * statistics took part, which are worth more than the sample.
 */
static double
estimate_node(Estimate *estimate, const DqlNode *node, const DqlPath *prefix, bool *known)
{
	double		result = 1.0;
	double		part;
	int			matches;
	int			misses;
	bool		by_expression = false;
	ListCell   *lc;

	check_stack_depth();
	switch (node->kind)
	{
		case DQL_AND:
			foreach(lc, node->args)
			{
				DqlNode    *range = range_of(node->args, foreach_current_index(lc));

				/* the second end of a range was counted with the first */
				if (range != NULL)
					result *= estimate_node(estimate, range, prefix, &by_expression);
			}
			break;
		case DQL_OR:
			foreach(lc, node->args)
				result *= 1.0 - estimate_node(estimate, lfirst(lc), prefix, &by_expression);
			result = 1.0 - result;
			break;
		case DQL_NOT:
			result = 1.0 - estimate_node(estimate, linitial(node->args), prefix, &by_expression);
			break;
		case DQL_NESTED:
			result = linitial(node->args) == NULL ? DOCUMENT_EXISTS_SEL :
				estimate_node(estimate, linitial(node->args), prefix ? vxp_dql_path_join(prefix, node->path) : node->path, &by_expression);
			break;
		case DQL_COMPARE:
			result = part_by_expression(estimate, node, prefix);
			by_expression = result >= 0;
			if (result < 0)
				result = default_part(node);
			break;
		case DQL_HAS_ANCESTOR:
			return DOCUMENT_EQ_SEL;
		default:
			/* an element of a list: only the sample knows */
			result = linitial(node->args) ? default_part(linitial(node->args)) : DOCUMENT_EXISTS_SEL;
			break;
	}
	if (by_expression)
	{
		*known = true;
		return result;
	}
	/* a path below another one means something else outside of it */
	if (prefix != NULL)
		return result;
	part = sample_part(estimate, node, &matches, &misses);
	if (part < 0)
		return result;
	if (node->kind == DQL_COMPARE || node->kind == DQL_NESTED || (node->kind != DQL_AND && node->kind != DQL_OR && node->kind != DQL_NOT))
		return within_sample(estimate, part, matches, result);
	/* of conditions together the sample knows more than their product, once it shows them */
	return matches >= SAMPLE_MATCHES && misses >= SAMPLE_MATCHES ? part : result;
}

/*
 * vxp_dql_estimate returns the share of documents that match the filter.
 * "document" is the argument of matches(), "params" the values of its bind
 * variables, NULL when they are not known.
 */
Selectivity
vxp_dql_estimate(PlannerInfo *root, Node *document, int varRelid,
				 const DqlRequest *request, const char *field, const Jsonb *params)
{
	Estimate	estimate = {root, document, varRelid, field, params};
	MemoryContext context;
	MemoryContext old;
	Selectivity result;
	bool		known = false;

	if (request->filter == NULL)
		return 1.0;
	context = AllocSetContextCreate(CurrentMemoryContext, "vxp estimate", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	estimate.has_expressions = may_have_expressions(&estimate);
	if (estimate.has_expressions)
	{
		Oid			types[] = {JSONBOID, TEXTOID, BOOLOID};

		estimate.sort_key = LookupFuncName(list_make2(makeString("vxp"), makeString("sort_key")), 3, types, true);
	}
	read_sample(&estimate);
	result = -1;
	if (!estimate.has_expressions)
	{
		int			matches;
		int			misses;
		double		part = sample_part(&estimate, request->filter, &matches, &misses);

		if (matches >= SAMPLE_MATCHES && misses >= SAMPLE_MATCHES)
			result = part;
	}
	if (result < 0)
		result = estimate_node(&estimate, request->filter, NULL, &known);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	CLAMP_PROBABILITY(result);
	return result;
}
