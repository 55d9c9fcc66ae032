--
-- dql_relate: conditions that look at other rows
--
-- Subqueries, joins, intersect and except (sections 4.10 and 5) between typed
-- tables and document tables in all four combinations.  Each request stands
-- beside a predicate in plain SQL on documents, in which vals(document, key)
-- are the values of a key: lists as their elements, without null.  Each request
-- is asked as part of a statement, run by itself, and as the text of to_sql.
-- Printed are deviations, of which there are none, and plans.
--
SET search_path = public, vxp;
SET client_min_messages = warning;
SET jit = off;

-- NULL and missing, empty lists, lists with the same value twice, values that nobody has
CREATE TABLE owner (id text PRIMARY KEY, num int, tags text[], name text, chief text);
INSERT INTO owner
SELECT 'o' || g, nullif(g % 7, 6), CASE g % 5 WHEN 0 THEN NULL WHEN 1 THEN '{}' WHEN 2 THEN ARRAY['t' || g % 3]
		WHEN 3 THEN ARRAY['t' || g % 3, 't' || g % 4] ELSE ARRAY['t1', 't1', NULL] END,
	(ARRAY['ann', 'Bob', 'é', 'ann*', NULL])[1 + g % 5], CASE WHEN g % 4 > 0 THEN 'o' || g / 2 END
FROM generate_series(1, 40) g;
CREATE TABLE child (id text PRIMARY KEY, parent text, n numeric, labels text[], kind text, extra text) WITH (autovacuum_enabled = off);
INSERT INTO child
SELECT 'c' || g, CASE WHEN g % 9 > 0 THEN 'o' || (g * 7) % 47 END, CASE WHEN g % 6 > 0 THEN (g % 13) / 2.0 END,
	CASE g % 4 WHEN 0 THEN NULL WHEN 1 THEN ARRAY['t' || g % 5, 't' || g % 5] WHEN 2 THEN ARRAY['t' || g % 3, 't7', NULL] ELSE '{}' END,
	(ARRAY['car', 'cat', 'ann*', NULL])[1 + g % 4], nullif(g % 3, 0)::text
FROM generate_series(1, 120) g;
CREATE TABLE owner_doc (d jsonb NOT NULL);
INSERT INTO owner_doc SELECT jsonb_strip_nulls(to_jsonb(o)) || CASE WHEN tags IS NULL THEN '{}' ELSE jsonb_build_object('tags', tags) END FROM owner o;
CREATE TABLE child_doc (d jsonb NOT NULL) WITH (autovacuum_enabled = off);
INSERT INTO child_doc SELECT jsonb_strip_nulls(to_jsonb(c)) FROM child c;
CREATE INDEX ON child (parent);
ANALYZE owner, child, owner_doc, child_doc;
SELECT register('Owner', 'owner'), register('Child', 'child'), register('OwnerDoc', 'owner_doc', document => 'd'),
	register('ChildDoc', 'child_doc', document => 'd');

CREATE FUNCTION vals(d jsonb, key text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
	SELECT ARRAY(SELECT v #>> '{}' FROM jsonb_array_elements(CASE jsonb_typeof(d -> key) WHEN 'array' THEN d -> key ELSE jsonb_build_array(d -> key) END) v
		WHERE v <> 'null')
$$;
-- values of a key in all rows of a list of documents
CREATE FUNCTION vals(d jsonb[], key text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
	SELECT ARRAY(SELECT v FROM unnest(d) e, unnest(vals(e, key)) v)
$$;

-- {O}, {C}: the resource types of the returned and of the other rows.  The
-- predicate sees the returned document as o, those of both tables as os and cs.
CREATE TABLE request (name text PRIMARY KEY, dql text NOT NULL, predicate text NOT NULL);
INSERT INTO request VALUES
	('in', '{"filter":{"id":{"$in":{"resource":"{C}","select":"parent"}}}}', $$vals(o, 'id') && vals(cs, 'parent')$$),
	('nin, with nulls in the subquery', '{"filter":{"id":{"$nin":{"resource":"{C}","select":["parent"]}}}}', $$NOT vals(o, 'id') && vals(cs, 'parent')$$),
	('in, of nothing', '{"filter":{"id":{"$in":{"resource":"{C}","filter":{"n":-1},"select":"parent"}}}}', 'false'),
	('nin, of nothing', '{"filter":{"id":{"$nin":{"resource":"{C}","filter":{"n":-1},"select":{"parent":1}}}}}', 'true'),
	('nin, field missing', '{"filter":{"name":{"$nin":{"resource":"{C}","select":"kind"}}}}', $$NOT vals(o, 'name') && vals(cs, 'kind')$$),
	('in, values are no patterns', '{"filter":{"name":{"$in":{"resource":"{C}","filter":{"kind":"ann\\*"},"select":"kind"}}}}', $$o ->> 'name' = 'ann*'$$),
	('in, numbers by value', '{"filter":{"num":{"$in":{"resource":"{C}","select":"n"}}}}', $$(o ->> 'num')::numeric = ANY (vals(cs, 'n')::numeric[])$$),
	('in, lists in lists', '{"filter":{"tags":{"$in":{"resource":"{C}","select":"labels"}}}}', $$vals(o, 'tags') && vals(cs, 'labels')$$),
	('nin, lists in lists', '{"filter":{"tags":{"$nin":{"resource":"{C}","filter":{"n":{"$gt":3}},"select":"labels"}}}}',
	 $$NOT vals(o, 'tags') && ARRAY(SELECT v FROM unnest(cs) c, unnest(vals(c, 'labels')) v WHERE (c ->> 'n')::numeric > 3)$$),
	('in, beside and under logic', '{"filter":{"$or":[{"num":5},{"$nor":[{"id":{"$in":{"resource":"{C}","select":"parent","filter":{"kind":"car"}}}}]}],"name":{"$ne":"Bob"}}}',
	 $$((o ->> 'num' = '5') IS TRUE OR NOT vals(o, 'id') && ARRAY(SELECT c ->> 'parent' FROM unnest(cs) c WHERE c ->> 'kind' = 'car')) AND o ->> 'name' IS DISTINCT FROM 'Bob'$$),
	('in, under not', '{"filter":{"tags":{"$not":{"$in":{"resource":"{C}","select":"labels","filter":{"n":2}}}}}}',
	 $$NOT vals(o, 'tags') && ARRAY(SELECT v FROM unnest(cs) c, unnest(vals(c, 'labels')) v WHERE (c ->> 'n')::numeric = 2)$$),
	('in, a subquery in a subquery', '{"filter":{"id":{"$in":{"resource":"{C}","select":"parent","filter":{"parent":{"$in":{"resource":"{O}","select":"chief","filter":{"num":{"$gte":3}}}}}}}}}',
	 $$vals(o, 'id') && vals(cs, 'parent') AND o ->> 'id' = ANY (ARRAY(SELECT p ->> 'chief' FROM unnest(os) p WHERE (p ->> 'num')::int >= 3))$$),
	('in, rows of the same resource', '{"filter":{"chief":{"$in":{"resource":"{O}","select":"id","filter":{"name":"ann"}}}}}',
	 $$EXISTS (SELECT FROM unnest(os) p WHERE p ->> 'id' = o ->> 'chief' AND p ->> 'name' = 'ann')$$),
	('in, limit and skip cut rows', '{"filter":{"tags":{"$in":{"resource":"{C}","select":"labels","sort":{"id":1},"skip":3,"limit":4}}}}',
	 $$vals(o, 'tags') && ARRAY(SELECT v FROM (SELECT c FROM unnest(cs) c ORDER BY c ->> 'id' COLLATE "C" OFFSET 3 LIMIT 4) s, unnest(vals(c, 'labels')) v)$$),
	('nin, limit by a descending number', '{"filter":{"id":{"$nin":{"resource":"{C}","select":"parent","sort":[{"n":-1},{"id":-1}],"limit":9}}}}',
	 $$NOT vals(o, 'id') && ARRAY(SELECT v FROM (SELECT c FROM unnest(cs) c ORDER BY (c ->> 'n')::numeric DESC NULLS LAST, c ->> 'id' COLLATE "C" DESC LIMIT 9) s, unnest(vals(c, 'parent')) v)$$),
	('in, with a join inside', '{"filter":{"id":{"$in":{"resource":"{C}","select":"parent","join":{"on":{"resource":"{O}","local":"id","forigen":"parent"},"filter":{"name":"Bob"}}}}}}',
	 $$o ->> 'name' = 'Bob' AND vals(o, 'id') && vals(cs, 'parent')$$),
	('in, with except and scope inside', '{"filter":{"id":{"$in":{"resource":"{C}","select":"parent","except":{"query":{"filter":{"kind":"car"}}},"context":{"unknown":1,"datasets":[null]}}}}}',
	 $$vals(o, 'id') && ARRAY(SELECT c ->> 'parent' FROM unnest(cs) c WHERE c ->> 'kind' IS DISTINCT FROM 'car')$$),
	('greater than any', '{"filter":{"num":{"$gt":{"$any":{"resource":"{C}","select":"n","filter":{"n":{"$gte":1.5}}}}}}}', $$(o ->> 'num')::numeric > 1.5$$),
	('greater than all', '{"filter":{"num":{"$gte":{"$all":{"resource":"{C}","select":"n","filter":{"n":{"$lt":4}}}}}}}', $$(o ->> 'num')::numeric >= 3.5$$),
	('less than any', '{"filter":{"num":{"$lt":{"$any":{"resource":"{C}","select":"n","filter":{"n":{"$lt":4}}}}}}}', $$(o ->> 'num')::numeric < 3.5$$),
	('less than all', '{"filter":{"num":{"$lte":{"$all":{"resource":"{C}","select":"n","filter":{"n":{"$gte":2}}}}}}}', $$(o ->> 'num')::numeric <= 2$$),
	('any of nothing', '{"filter":{"num":{"$lt":{"$any":{"resource":"{C}","select":"n","filter":{"n":-1}}}}}}', 'false'),
	('all of nothing', '{"filter":{"num":{"$lt":{"$all":{"resource":"{C}","select":"n","filter":{"n":-1}}}}}}', $$o ? 'num'$$),
	('not all of nothing', '{"filter":{"num":{"$not":{"$lt":{"$all":{"resource":"{C}","select":"n","filter":{"n":-1}}}}}}}', $$NOT o ? 'num'$$),
	('all of nulls', '{"filter":{"num":{"$lt":{"$all":{"resource":"{C}","select":"n","filter":{"n":null}}}}}}', $$o ? 'num'$$),
	('text, by code point', '{"filter":{"name":{"$gt":{"$any":{"resource":"{C}","select":"kind"}}}}}', $$o ->> 'name' COLLATE "C" > 'ann*'$$),
	('text, all', '{"filter":{"name":{"$lt":{"$all":{"resource":"{C}","select":"kind","filter":{"kind":{"$startsWith":"ca"}}}}}}}', $$o ->> 'name' COLLATE "C" < 'car'$$),
	('list, any', '{"filter":{"tags":{"$lt":{"$any":{"resource":"{C}","select":"labels"}}}}}', $$EXISTS (SELECT FROM unnest(vals(o, 'tags')) t WHERE t COLLATE "C" < 't7')$$),
	('list, all', '{"filter":{"tags":{"$lte":{"$all":{"resource":"{C}","select":"labels","filter":{"n":{"$lt":1}}}}}}}',
	 $$EXISTS (SELECT FROM unnest(vals(o, 'tags')) t WHERE t COLLATE "C" <= ALL (SELECT v FROM unnest(cs) c, unnest(vals(c, 'labels')) v WHERE (c ->> 'n')::numeric < 1))$$),
	('any of a list', '{"filter":{"num":{"$gt":{"$any":[4,null,5]}}}}', $$(o ->> 'num')::int > 4$$),
	('all of a list', '{"filter":{"num":{"$lt":{"$all":[4,null,5]},"$gt":{"$all":[]}}}}', $$(o ->> 'num')::int < 4$$),
	-- join
	('join', '{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"}}}', $$vals(o, 'id') && vals(cs, 'parent')$$),
	('join, right spelling', '{"join":{"on":{"resource":"{C}","local":"parent","foreign":"id"},"filter":{}}}', $$vals(o, 'id') && vals(cs, 'parent')$$),
	('join, both spellings', '{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id","foreign":"name"},"filter":{"$and":[]}}}', $$vals(o, 'id') && vals(cs, 'parent')$$),
	('join, all conditions in one row', '{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"filter":{"kind":"car","n":{"$gt":2}}}}',
	 $$EXISTS (SELECT FROM unnest(cs) c WHERE c ->> 'parent' = o ->> 'id' AND c ->> 'kind' = 'car' AND (c ->> 'n')::numeric > 2)$$),
	('join, has some that is not', '{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"filter":{"kind":{"$ne":"cat"}}}}',
	 $$EXISTS (SELECT FROM unnest(cs) c WHERE c ->> 'parent' = o ->> 'id' AND c ->> 'kind' IS DISTINCT FROM 'cat')$$),
	('join, null never joins', '{"join":{"on":{"resource":"{C}","local":"kind","forigen":"name"}}}', $$vals(o, 'name') && vals(cs, 'kind')$$),
	('join, numbers', '{"join":{"on":{"resource":"{C}","local":"n","forigen":"num"},"filter":{"kind":null}}}',
	 $$EXISTS (SELECT FROM unnest(cs) c WHERE (c ->> 'n')::numeric = (o ->> 'num')::numeric AND NOT c ? 'kind')$$),
	('join, lists', '{"join":{"on":{"resource":"{C}","local":"labels","forigen":"tags"},"filter":{"n":{"$lt":2}}}}',
	 $$EXISTS (SELECT FROM unnest(cs) c WHERE vals(c, 'labels') && vals(o, 'tags') AND (c ->> 'n')::numeric < 2)$$),
	('join, itself', '{"join":{"on":{"resource":"{O}","local":"chief","forigen":"id"},"filter":{"num":{"$exists":true}}}}',
	 $$EXISTS (SELECT FROM unnest(os) p WHERE p ->> 'chief' = o ->> 'id' AND p ? 'num')$$),
	('join, a subquery inside', '{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"filter":{"kind":{"$in":{"resource":"{O}","select":"name"}}}}}',
	 $$EXISTS (SELECT FROM unnest(cs) c WHERE c ->> 'parent' = o ->> 'id' AND c ->> 'kind' = ANY (vals(os, 'name')))$$),
	('join, beside a filter', '{"filter":{"num":{"$lt":3}},"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"filter":{"$or":[{"kind":"car"},{"n":null}]}}}',
	 $$(o ->> 'num')::int < 3 AND EXISTS (SELECT FROM unnest(cs) c WHERE c ->> 'parent' = o ->> 'id' AND (c ->> 'kind' = 'car' OR NOT c ? 'n'))$$),
	('join, a whole request', '{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id","more":1},"filter":{"kind":"cat"},"resource":"annotations","page":3,"pageSize":0,"sort":{"x":1},"limit":0}}',
	 $$EXISTS (SELECT FROM unnest(cs) c WHERE c ->> 'parent' = o ->> 'id' AND c ->> 'kind' = 'cat')$$),
	('no join', '{"join":{}}', 'true'),
	('join, null', '{"join":null}', 'true'),
	('joins', '{"join":[{"on":{"resource":"{C}","local":"parent","forigen":"id"},"filter":{"kind":"car"}},{"on":{"resource":"{O}","local":"chief","forigen":"id"},"quantifier":"none"},{}]}',
	 $$EXISTS (SELECT FROM unnest(cs) c WHERE c ->> 'parent' = o ->> 'id' AND c ->> 'kind' = 'car') AND NOT o ->> 'id' = ANY (vals(os, 'chief'))$$),
	-- quantifiers
	('quantifier any', '{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"filter":{"n":{"$gt":5}},"quantifier":"any"}}',
	 $$EXISTS (SELECT FROM unnest(cs) c WHERE c ->> 'parent' = o ->> 'id' AND (c ->> 'n')::numeric > 5)$$),
	('quantifier none', '{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"filter":{"kind":"car"},"quantifier":"none"}}',
	 $$NOT EXISTS (SELECT FROM unnest(cs) c WHERE c ->> 'parent' = o ->> 'id' AND c ->> 'kind' = 'car')$$),
	('quantifier none, null', '{"join":{"on":{"resource":"{C}","local":"kind","forigen":"name"},"quantifier":"none"}}', $$NOT vals(o, 'name') && vals(cs, 'kind')$$),
	('quantifier none, lists', '{"join":{"on":{"resource":"{C}","local":"labels","forigen":"tags"},"filter":{"n":1},"quantifier":"none"}}',
	 $$NOT EXISTS (SELECT FROM unnest(cs) c WHERE vals(c, 'labels') && vals(o, 'tags') AND (c ->> 'n')::numeric = 1)$$),
	('quantifier all', '{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"filter":{"n":{"$lt":5}},"quantifier":"all"}}',
	 $$NOT EXISTS (SELECT FROM unnest(cs) c WHERE c ->> 'parent' = o ->> 'id' AND ((c ->> 'n')::numeric < 5) IS NOT TRUE)$$),
	('quantifier all, without a filter', '{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"quantifier":"all"}}', 'true'),
	('quantifier all, lists', '{"join":{"on":{"resource":"{C}","local":"labels","forigen":"tags"},"filter":{"n":{"$gt":1}},"quantifier":"all"}}',
	 $$NOT EXISTS (SELECT FROM unnest(cs) c WHERE vals(c, 'labels') && vals(o, 'tags') AND ((c ->> 'n')::numeric > 1) IS NOT TRUE)$$),
	('at least 2', '{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"filter":{"kind":{"$ne":"car"}},"quantifier":{"atLeast":2}}}',
	 $$(SELECT count(*) FROM unnest(cs) c WHERE c ->> 'parent' = o ->> 'id' AND c ->> 'kind' IS DISTINCT FROM 'car') >= 2$$),
	('at least 0', '{"join":{"on":{"resource":"{C}","local":"kind","forigen":"name"},"quantifier":{"atLeast":0}}}', 'true'),
	('at least 1', '{"join":{"on":{"resource":"{C}","local":"labels","forigen":"tags"},"quantifier":{"atLeast":1.0}}}', $$vals(o, 'tags') && vals(cs, 'labels')$$),
	('exactly 0', '{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"filter":{"n":{"$gt":3}},"quantifier":{"exactly":0}}}',
	 $$NOT EXISTS (SELECT FROM unnest(cs) c WHERE c ->> 'parent' = o ->> 'id' AND (c ->> 'n')::numeric > 3)$$),
	('exactly 2', '{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"quantifier":{"exactly":2}}}',
	 $$(SELECT count(*) FROM unnest(cs) c WHERE c ->> 'parent' = o ->> 'id') = 2$$),
	('exactly 2, numbers', '{"join":{"on":{"resource":"{C}","local":"n","forigen":"num"},"filter":{"kind":"cat"},"quantifier":{"exactly":2}}}',
	 $$(SELECT count(*) FROM unnest(cs) c WHERE (c ->> 'n')::numeric = (o ->> 'num')::numeric AND c ->> 'kind' = 'cat') = 2$$)
;
-- a row counts once, however many values it shares
INSERT INTO request
SELECT format('%s %s, lists, %s', k, n, f), format('{"join":{"on":{"resource":"{C}","local":"labels","forigen":"tags"},"filter":%s,"quantifier":{"%s":%s}}}', f, k, n),
	format($$(SELECT count(*) FROM unnest(cs) c WHERE vals(c, 'labels') && vals(o, 'tags') AND %s) %s %s$$, p, CASE k WHEN 'atLeast' THEN '>=' ELSE '=' END, n)
FROM unnest('{atLeast,exactly}'::text[]) k, (VALUES ('{}', 'true', '{2,16,17,22,23,32,33}'::int[]), ('{"n":{"$lt":3}}', $$(c ->> 'n')::numeric < 3$$, '{3,5,6,8,9,11}')) f(f, p, ns), unnest(ns) n;
INSERT INTO request VALUES
	-- sets
	('intersect', '{"intersect":{"query":{"filter":{"num":{"$gt":2}}}}}', $$(o ->> 'num')::int > 2$$),
	('intersect, two joins that may be in two rows', '{"intersect":[{"query":{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"filter":{"kind":"car"}}}},{"query":{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"filter":{"kind":"cat"}}}}]}',
	 $$EXISTS (SELECT FROM unnest(cs) c WHERE c ->> 'parent' = o ->> 'id' AND c ->> 'kind' = 'car') AND EXISTS (SELECT FROM unnest(cs) c WHERE c ->> 'parent' = o ->> 'id' AND c ->> 'kind' = 'cat')$$),
	('except', '{"except":{"query":{"filter":{"name":"ann"}}}}', $$o ->> 'name' IS DISTINCT FROM 'ann'$$),
	('except, a join', '{"filter":{"num":{"$ne":3}},"except":[{"query":{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"filter":{"kind":"car"}}}},{"query":{"filter":{"num":4}}}]}',
	 $$NOT EXISTS (SELECT FROM unnest(cs) c WHERE c ->> 'parent' = o ->> 'id' AND c ->> 'kind' = 'car') AND coalesce((o ->> 'num')::int NOT IN (3, 4), true)$$),
	('except everything', '{"except":{"query":{}}}', 'false'),
	('intersect and except', '{"intersect":{"query":{"filter":{"tags":"t1"}}},"except":{"query":{"filter":{"tags":"t0"}}}}', $$'t1' = ANY (vals(o, 'tags')) AND NOT 't0' = ANY (vals(o, 'tags'))$$),
	('except, a counted join', '{"except":{"query":{"join":{"on":{"resource":"{C}","local":"labels","forigen":"tags"},"quantifier":{"atLeast":7}}}}}',
	 $$(SELECT count(*) FROM unnest(cs) c WHERE vals(c, 'labels') && vals(o, 'tags')) < 7$$),
	('except, another resource', '{"except":{"query":{"resource":"{C}"}}}', 'true'),
	('intersect, another resource', '{"intersect":{"query":{"resource":"{C}"}}}', 'false'),
	('intersect, the other representation', '{"intersect":{"query":{"resource":"OwnerDoc","filter":{"num":{"$lt":2}}}},"except":{"query":{"resource":"Owner","filter":{"name":"ann"}}}}',
	 $$(o ->> 'num')::int < 2 AND o ->> 'name' IS DISTINCT FROM 'ann'$$),
	('empty sets', '{"intersect":[],"except":{}}', 'true');

CREATE FUNCTION ids(dql text, way text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('vxp.enable_inlining', (way <> 'by itself')::text, true);
	IF way = 'printed' THEN
		EXECUTE format('SELECT string_agg(id, '' '' ORDER BY id COLLATE "C") FROM (SELECT coalesce(to_jsonb(s) -> ''d'', to_jsonb(s)) ->> ''id'' AS id FROM (%s) s) s', vxp.to_sql(dql::vxp.dql)) INTO result;
	ELSE
		EXECUTE format('SELECT string_agg(i ->> ''id'', '' '' ORDER BY i ->> ''id'' COLLATE "C") FROM vxp.items(%L) i', dql) INTO result;
	END IF;
	RETURN coalesce(result, 'none');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE FUNCTION oracle(predicate text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('WITH s AS (SELECT (SELECT array_agg(d) FROM owner_doc) AS os, (SELECT array_agg(d) FROM child_doc) AS cs) '
		'SELECT string_agg(o ->> ''id'', '' '' ORDER BY o ->> ''id'' COLLATE "C") FROM s, unnest(os) o WHERE %s', predicate) INTO result;
	RETURN coalesce(result, 'none');
END
$$;
CREATE TABLE answer AS
	WITH expected AS MATERIALIZED (SELECT *, oracle(predicate) AS expected FROM request)
	SELECT name, o, c, way, expected, ids(replace(replace(overlay(dql PLACING '{"resource":"{O}",' FROM 1 FOR 1), '{O}', o), '{C}', c), way) AS ids
	FROM expected, unnest('{Owner,OwnerDoc}'::text[]) o, unnest('{Child,ChildDoc}'::text[]) c, unnest('{inlined,"by itself",printed}'::text[]) way;
SELECT name, o, c, way, expected, ids FROM answer WHERE ids <> expected ORDER BY name, o, c, way;
SELECT count(DISTINCT name) AS requests, count(DISTINCT name) FILTER (WHERE expected = 'none') AS answered_by_none,
	count(DISTINCT name) FILTER (WHERE expected = oracle) AS answered_by_all
FROM answer, oracle('true');

-- Plans between typed tables: semi-joins, anti-joins, groups, a value computed once; never a product of the tables
CREATE FUNCTION nodes(dql text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE format('EXPLAIN (COSTS OFF) SELECT * FROM vxp.query(NULL::public.owner, %L)', dql) LOOP
		-- servers write plans differently: a filter over an InitPlan, the number it returns, the side that is hashed
		IF line ~ '^\s*(->|InitPlan|SubPlan)|^\w' THEN
			RETURN NEXT regexp_replace(regexp_replace(line, 'Hash Right (Anti|Semi)', 'Hash \1'), ' using \w+| on .*| \(returns .*', '');
		END IF;
	END LOOP;
END
$$;
SET enable_nestloop = off;
SET enable_mergejoin = off;
SELECT nodes('{"filter":{"id":{"$in":{"resource":"Child","select":"parent"}}}}');
SELECT nodes('{"filter":{"id":{"$nin":{"resource":"Child","select":"parent"}}}}');
SELECT nodes('{"filter":{"num":{"$gt":{"$all":{"resource":"Child","select":"n"}}}}}');
SELECT nodes('{"join":{"on":{"resource":"Child","local":"parent","forigen":"id"},"filter":{"kind":"car"}}}');
SELECT nodes('{"join":{"on":{"resource":"Child","local":"parent","forigen":"id"},"filter":{"kind":"car"},"quantifier":"none"}}');
SELECT nodes('{"join":{"on":{"resource":"Child","local":"parent","forigen":"id"},"filter":{"kind":"car"},"quantifier":"all"}}');
SELECT nodes('{"join":{"on":{"resource":"Child","local":"parent","forigen":"id"},"quantifier":{"atLeast":2}}}');
SELECT nodes('{"join":{"on":{"resource":"Child","local":"parent","forigen":"id"},"quantifier":{"exactly":2}}}');
SELECT nodes('{"except":{"query":{"join":{"on":{"resource":"Child","local":"parent","forigen":"id"}}}}}');
-- with values in documents: read once, not for each row
SELECT nodes('{"filter":{"id":{"$in":{"resource":"ChildDoc","select":"parent"}}}}');
RESET enable_nestloop;
RESET enable_mergejoin;
-- one row of the returned table: the index of the joined field is used
SET enable_seqscan = off;
SELECT nodes('{"filter":{"id":"o7"},"join":{"on":{"resource":"Child","local":"parent","forigen":"id"}}}');
RESET enable_seqscan;

-- Values of unlike types in documents: none equals another, and "all" needs every one to compare
CREATE TABLE mixed (d jsonb NOT NULL);
INSERT INTO mixed VALUES ('{"id":"m1","v":5}'), ('{"id":"m2","v":"5"}'), ('{"id":"m3","v":[true,{"w":3},[5]]}'), ('{"id":"m4","v":null}'),
	('{"id":"m5","deep":[{"w":"o3"},{"w":["o4",4.0]},{}]}'), ('{"id":"m6","deep":{"w":"o5"}}'), ('{"id":"m7","t":"2024-01-01T02:00:00+02:00"}'), ('{"id":"m8","t":"x"}');
CREATE TABLE moment (id text PRIMARY KEY, at timestamptz, local timestamp, small int2, big float8);
INSERT INTO moment VALUES ('a', '2024-01-01T00:00Z', '2024-01-01T00:00', 4, 5), ('b', '2024-01-01T00:00:01Z', '2023-12-31T23:59', 5, 4.5), ('c', NULL, NULL, NULL, 'NaN');
SELECT register('Mixed', 'mixed', document => 'd'), register('Moment', 'moment');
SELECT name, o, CASE WHEN inlined = by_itself AND inlined = printed THEN inlined END AS ids
FROM (VALUES (1, 'number in mixed', 'Moment', '"filter":{"small":{"$in":{"resource":"Mixed","select":"v"}}}'),
	(2, 'float in mixed', 'Moment', '"filter":{"big":{"$in":{"resource":"Mixed","select":"v"}}}'),
	(3, 'number above all: a boolean is there', 'Moment', '"filter":{"small":{"$gte":{"$all":{"resource":"Mixed","select":"v"}}}}'),
	(4, 'number above all numbers and number literals', 'Moment', '"filter":{"small":{"$gte":{"$all":{"resource":"Mixed","select":"v","filter":{"id":{"$lt":"m3"}}}}}}'),
	(5, 'number above any', 'Moment', '"filter":{"big":{"$gte":{"$any":{"resource":"Mixed","select":"v"}}}}'),
	(6, 'text above all: a number is there', 'Owner', '"filter":{"name":{"$gte":{"$all":{"resource":"Mixed","select":"v"}}}}'),
	(7, 'text above any', 'Owner', '"filter":{"name":{"$gte":{"$any":{"resource":"Mixed","select":"v"}}},"num":1}'),
	(8, 'deep lists', 'Owner', '"filter":{"id":{"$in":{"resource":"Mixed","select":"deep.w"}}}'),
	(9, 'deep lists, a number', 'Owner', '"filter":{"num":{"$in":{"resource":"Mixed","select":"deep.w"}},"id":{"$lt":"o2"}}'),
	(10, 'instant after all: a text is there', 'Moment', '"filter":{"at":{"$gt":{"$all":{"resource":"Mixed","select":"t"}}}}'),
	(11, 'instant after any', 'Moment', '"filter":{"at":{"$gt":{"$any":{"resource":"Mixed","select":"t"}}}}'),
	(12, 'instant from all', 'Moment', '"filter":{"local":{"$gte":{"$all":{"resource":"Mixed","select":"t","filter":{"id":"m7"}}}}}'),
	(13, 'document in document', 'Mixed', '"filter":{"v":{"$in":{"resource":"Mixed","select":"v","filter":{"id":"m3"}}}}'),
	(14, 'document in typed', 'Mixed', '"filter":{"v":{"$in":{"resource":"Moment","select":"small"}}}'),
	(15, 'document above all', 'Mixed', '"filter":{"v":{"$gte":{"$all":{"resource":"Moment","select":"small"}}}}'),
	(16, 'document joined by a path through lists', 'Mixed', '"join":{"on":{"resource":"Owner","local":"id","forigen":"deep.w"},"filter":{"num":{"$lt":5}}}'),
	(17, 'joined by a path through lists, exactly 2', 'Mixed', '"join":{"on":{"resource":"Owner","local":"id","forigen":"deep.w"},"quantifier":{"exactly":2}}'),
	(18, 'joined to a path through lists, exactly 1', 'Owner', '"join":{"on":{"resource":"Mixed","local":"deep.w","forigen":"num"},"quantifier":{"exactly":1}},"filter":{"id":{"$lt":"o2"}}')
) q(n, name, o, rest), format('{"resource":"%s",%s}', o, rest) dql,
	ids(dql, 'inlined') inlined, ids(dql, 'by itself') by_itself, ids(dql, 'printed') printed
ORDER BY n;

-- Bind variables inside: a text is literal, NULL is JSON null
SELECT name, array_length(rows, 1) AS rows, rows = expected AS right
FROM (SELECT 'subquery' AS name, ARRAY(SELECT id FROM query(NULL::owner, '{"filter":{"id":{"$in":{"resource":"Child","select":"parent","filter":{"kind":{"$param":1},"n":{"$gt":{"$param":2}}}}}}}', 'car', 3) ORDER BY id) AS rows,
		ARRAY(SELECT id FROM owner o WHERE EXISTS (SELECT FROM child WHERE parent = o.id AND kind = 'car' AND n > 3) ORDER BY id) AS expected
	UNION ALL SELECT 'no pattern', ARRAY(SELECT id FROM query(NULL::owner, '{"filter":{"id":{"$in":{"resource":"ChildDoc","select":"parent","filter":{"kind":{"$param":1}}}}}}', 'ann*') ORDER BY id),
		ARRAY(SELECT id FROM owner o WHERE EXISTS (SELECT FROM child WHERE parent = o.id AND kind = 'ann*') ORDER BY id)
	UNION ALL SELECT 'join with NULL', ARRAY(SELECT id FROM query(NULL::owner, '{"join":{"on":{"resource":"Child","local":"parent","forigen":"id"},"filter":{"kind":{"$param":1}}}}', NULL::text) ORDER BY id),
		ARRAY(SELECT id FROM owner o WHERE EXISTS (SELECT FROM child WHERE parent = o.id AND kind IS NULL) ORDER BY id)
	UNION ALL SELECT 'inside and outside, documents', ARRAY(SELECT i ->> 'id' FROM items('{"resource":"OwnerDoc","filter":{"num":{"$gte":{"$param":2}},"id":{"$nin":{"resource":"ChildDoc","select":"parent","filter":{"n":{"$lt":{"$param":1}}}}}}}', 2, 3) i ORDER BY 1),
		ARRAY(SELECT id FROM owner o WHERE num >= 3 AND NOT EXISTS (SELECT FROM child WHERE parent = o.id AND n < 2) ORDER BY id)
	UNION ALL SELECT 'any of a bind variable', ARRAY(SELECT i ->> 'id' FROM items('{"resource":"OwnerDoc","filter":{"num":{"$gt":{"$any":{"$param":1}}}}}', '{4,NULL,9}'::int[]) i ORDER BY 1),
		ARRAY(SELECT id FROM owner WHERE num > 4 ORDER BY id)
	UNION ALL SELECT 'all of a bind variable', ARRAY(SELECT id FROM query(NULL::owner, '{"filter":{"num":{"$lt":{"$all":{"$param":1}}}}}', '{4,NULL,9}'::int[]) ORDER BY id),
		ARRAY(SELECT id FROM owner WHERE num < 4 ORDER BY id)) s;
-- a LATERAL neighbour gives the value
SELECT count(*) = 0 AS equal FROM (
	SELECT k, (SELECT count(*) FROM query(NULL::owner, '{"join":{"on":{"resource":"Child","local":"parent","forigen":"id"},"filter":{"kind":{"$param":1}},"quantifier":{"atLeast":2}}}', k))
	FROM unnest('{car,cat,none}'::text[]) k
	EXCEPT
	SELECT k, (SELECT count(*) FROM owner o WHERE (SELECT count(*) FROM child WHERE parent = o.id AND kind = k) >= 2) FROM unnest('{car,cat,none}'::text[]) k) s;
-- counts and pages count returned rows
SELECT vxp.count(dql::dql) = (page(dql::dql) ->> 'totalItemsCount')::int AS equal, jsonb_array_length(page(dql::dql) -> 'items') AS items
FROM (VALUES ('{"resource":"OwnerDoc","pageSize":5,"join":{"on":{"resource":"ChildDoc","local":"parent","forigen":"id"}},"sort":{"num":-1}}'),
	('{"resource":"Owner","pageSize":0,"filter":{"tags":{"$in":{"resource":"Child","select":"labels"}}}}')) d(dql);

-- Row security holds in the other rows too
CREATE ROLE regress_relate;
GRANT SELECT ON owner, child, owner_doc, child_doc TO regress_relate;
ALTER TABLE child ENABLE ROW LEVEL SECURITY;
ALTER TABLE child_doc ENABLE ROW LEVEL SECURITY;
CREATE POLICY cars ON child TO regress_relate USING (kind = 'car');
CREATE POLICY cars ON child_doc TO regress_relate USING (d ->> 'kind' = 'car');
SET ROLE regress_relate;
SELECT o, c, way, rest FROM unnest('{Owner,OwnerDoc}'::text[]) o, unnest('{Child,ChildDoc}'::text[]) c, unnest('{inlined,"by itself",printed}'::text[]) way,
	(VALUES ('"filter":{"id":{"$in":{"resource":"{C}","select":"parent"}}}'),
		('"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"}}'), ('"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"quantifier":{"atLeast":1}}'),
		('"except":{"query":{"join":{"on":{"resource":"{C}","local":"parent","forigen":"id"},"quantifier":"none"}}}')) r(rest)
WHERE ids(format('{"resource":"%s",%s}', o, replace(rest, '{C}', c)), way)
	IS DISTINCT FROM (SELECT string_agg(id, ' ' ORDER BY id COLLATE "C") FROM owner WHERE id IN (SELECT parent FROM child));
RESET ROLE;
SELECT 'cars only' AS role_saw, count(*) < (SELECT count(*) FROM owner WHERE id IN (SELECT parent FROM child)) AS fewer
FROM owner WHERE id IN (SELECT parent FROM child WHERE kind = 'car');
-- and privileges: of the joined table too
REVOKE SELECT ON child FROM regress_relate;
SET ROLE regress_relate;
SELECT ids('{"resource":"Owner","join":{"on":{"resource":"Child","local":"parent","forigen":"id"}}}', way) FROM unnest('{inlined,"by itself",printed}'::text[]) way;
RESET ROLE;
DROP OWNED BY regress_relate;
DROP ROLE regress_relate;

-- Errors: SQLSTATE and place; the hint once
CREATE FUNCTION fault(dql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM vxp.items(dql::vxp.dql);
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || coalesce(substring(detail FROM 'The fault is at (.*)\.$'), detail) || ': ' || SQLERRM;
END
$$;
ALTER TABLE moment ADD place point;
-- a type without equality beside documents: as JSON
UPDATE moment SET place = '(1,2)' WHERE id = 'a';
INSERT INTO mixed VALUES ('{"id":"m9","at":"(1,2)"}');
SELECT i ->> 'id' AS id FROM items('{"resource":"Mixed","join":{"on":{"resource":"Moment","local":"place","forigen":"at"}}}') i;
SELECT fault(dql) FROM unnest(ARRAY[
	'{"resource":"Owner","join":{"filter":{"kind":"car"}}}',
	'{"resource":"Owner","join":{"on":{"resource":"Child","local":"parent"}}}',
	'{"resource":"Owner","join":{"on":{"resource":"Child","forigen":"id"}}}',
	'{"resource":"Owner","join":{"on":{"local":"parent","forigen":"id"}}}',
	'{"resource":"Owner","join":{"on":{"resource":"Nobody","local":"parent","forigen":"id"}}}',
	'{"resource":"Owner","join":{"on":{"resource":"Child","local":"parnt","forigen":"id"}}}',
	'{"resource":"Owner","join":[{},{"on":{"resource":"Child","local":"parent","forigen":"idd"}}]}',
	'{"resource":"Owner","join":{"on":{"resource":"Child","local":"parent","forigen":"id"},"filter":{"knd":1}}}',
	'{"resource":"Owner","join":{"on":{"resource":"Child","local":"parent","forigen":"id"},"filter":{"n":"x"}}}',
	'{"resource":"Owner","join":{"on":{"resource":"Child","local":"parent","forigen":"num"}}}',
	'{"resource":"Owner","join":{"on":{"resource":"Child","local":"parent","forigen":"id"},"quantifier":"some"}}',
	'{"resource":"Owner","join":{"on":{"resource":"Child","local":"parent","forigen":"id"},"quantifier":{"atLeast":-1}}}',
	'{"resource":"Owner","join":{"on":{"resource":"Child","local":"parent","forigen":"id"},"quantifier":{"exactly":1.5}}}',
	'{"resource":"Owner","join":{"on":{"resource":"Child","local":"parent","forigen":"id"},"quantifier":{"atLeast":1,"exactly":1}}}',
	'{"resource":"Owner","join":{"on":{"resource":"Child","local":"parent","forigen":"id"},"filters":{}}}',
	'{"resource":"Owner","filter":{"id":{"$in":{"resource":"Child","select":"parent","page":0}}}}',
	'{"resource":"Owner","filter":{"id":{"$nin":{"resource":"Child","select":"parent","pageSize":5}}}}',
	'{"resource":"Owner","filter":{"id":{"$in":{"resource":"Child","select":["parent","id"]}}}}',
	'{"resource":"Owner","filter":{"id":{"$in":{"resource":"Child","select":{"parent":0}}}}}',
	'{"resource":"Owner","filter":{"id":{"$in":{"resource":"Child","select":[]}}}}',
	'{"resource":"Owner","filter":{"id":{"$in":{"resource":"Child","select":"parnt"}}}}',
	'{"resource":"Owner","filter":{"id":{"$in":{"resource":"Nobody","select":"parent"}}}}',
	'{"resource":"Owner","filter":{"id":{"$in":{"resource":"Child","select":"parent","delete":true}}}}',
	'{"resource":"Owner","filter":{"idd":{"$in":{"resource":"Child","select":"parent"}}}}',
	'{"resource":"Owner","filter":{"id":{"$in":{"resource":"Child","select":"n"}}}}',
	'{"resource":"Owner","filter":{"num":{"$gt":{"$any":{"resource":"Child","select":"kind"}}}}}',
	'{"resource":"Moment","filter":{"place":{"$gt":{"$any":{"resource":"ChildDoc","select":"n"}}}}}',
	'{"resource":"Owner","filter":{"num":{"$gt":{"$any":5}}}}',
	'{"resource":"Owner","filter":{"num":{"$gt":{"$some":[5]}}}}',
	'{"resource":"Owner","filter":{"num":{"$eq":{"$any":[5]}}}}',
	'{"resource":"Owner","intersect":{"filter":{}}}',
	'{"resource":"Owner","intersect":{"query":{"sort":{"id":1}}}}',
	'{"resource":"Owner","except":[{"query":{"filter":{"nm":1}}}]}',
	'{"resource":"Owner","except":{"query":{"resource":"Nobody"}}}',
	'{"resource":"Owner","intersect":{"query":{"except":{"query":{}}}}}']) dql;

DROP TABLE owner, child, owner_doc, child_doc, mixed, moment CASCADE;
DROP TABLE request, answer;
DROP FUNCTION vals(jsonb, text), vals(jsonb[], text), ids, oracle, nodes, fault;
