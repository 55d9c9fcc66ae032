--
-- dql_candidates: operators on one candidate, and subqueries wherever a condition may stand
--
-- $match and $elemMatch with operators (section 4.5), with $any, $all, lists,
-- bind variables and subqueries among them, on columns, arrays and documents
-- alike; subqueries inside nested objects of documents.  Each answer stands
-- beside the ids that the specification asks for, and is asked as part of a
-- statement, run by itself and as the text of to_sql.  Printed are deviations, of
-- which there are none, and counts.
--
CREATE SCHEMA candidates;
SET search_path = candidates, vxp;
SET client_min_messages = warning;
CREATE TABLE thing (id text PRIMARY KEY, n int, l text[], ln int[], m jsonb);
INSERT INTO thing VALUES ('a', 1, '{x,y}', '{1,5}', '{"l":["x","y"],"n":1}'), ('b', 4, '{}', '{}', '{"l":[],"n":4}'), ('c', NULL, NULL, NULL, NULL), ('e', 9, '{b}', '{9}', '{"l":["b"],"n":9}');
CREATE TABLE thing_doc (d jsonb NOT NULL);
INSERT INTO thing_doc SELECT jsonb_strip_nulls(to_jsonb(t)) FROM thing t;
SELECT register('Thing', 'thing'), register('ThingDoc', 'thing_doc', document => 'd');
CREATE FUNCTION ids(dql text, way text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('vxp.enable_inlining', (way <> 'by itself')::text, true);
	IF way = 'printed' THEN
		EXECUTE format('SELECT string_agg(id, '' '' ORDER BY id) FROM (SELECT coalesce(to_jsonb(s) -> ''d'', to_jsonb(s)) ->> ''id'' AS id FROM (%s) s) s', vxp.to_sql(dql::vxp.dql)) INTO result;
	ELSE
		EXECUTE format('SELECT string_agg(i ->> ''id'', '' '' ORDER BY i ->> ''id'') FROM vxp.items(%L) i', dql) INTO result;
	END IF;
	RETURN coalesce(result, '');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
-- {S}: the resource type of the subquery
CREATE TABLE question (n int GENERATED ALWAYS AS IDENTITY, filter text, expected text);
INSERT INTO question (filter, expected) VALUES
	('{"n":{"$match":{"$gt":{"$any":[0,3]}}}}', 'a b e'),
	('{"n":{"$match":{"$gt":{"$all":[0,3]},"$lt":9}}}', 'b'),
	('{"ln":{"$match":{"$gt":{"$any":[2,3]},"$lt":7}}}', 'a'),
	('{"ln":{"$elemMatch":{"$gt":{"$all":[2,3]}}}}', 'a e'),
	('{"ln":{"$elemMatch":{"$not":{"$gt":{"$all":[2,3]}}}}}', 'a'),
	-- subqueries
	('{"l":{"$elemMatch":{"$in":{"resource":"{S}","select":"l"}}}}', 'a e'),
	('{"l":{"$match":{"$in":{"resource":"{S}","select":"l"},"$ne":"b"}}}', 'a'),
	('{"l":{"$elemMatch":{"$nin":{"resource":"{S}","select":"l","filter":{"id":"a"}}}}}', 'e'),
	('{"l":{"$elemMatch":{"$nin":{"resource":"{S}","select":"l"}}}}', ''),
	('{"ln":{"$elemMatch":{"$gt":{"$any":{"resource":"{S}","select":"n"}},"$lt":6}}}', 'a'),
	('{"ln":{"$elemMatch":{"$lte":{"$all":{"resource":"{S}","select":"n","filter":{"n":{"$lt":0}}}}}}}', 'a e'),
	('{"n":{"$match":{"$gt":{"$any":{"resource":"{S}","select":"n"}},"$lt":6}}}', 'b'),
	('{"n":{"$match":{"$in":{"resource":"{S}","select":"ln"}}}}', 'a e'),
	('{"n":{"$match":{"$nin":{"resource":"{S}","select":"ln"}}}}', 'b'),
	('{"$nor":[{"l":{"$match":{"$in":{"resource":"{S}","select":"l","filter":{"id":"e"}}}}}]}', 'a b c'),
	('{"m":{"n":{"$in":{"resource":"{S}","select":"ln"}}}}', 'a e'),
	('{"m":{"n":{"$nin":{"resource":"{S}","select":"ln"}}}}', 'b c'),
	('{"m":{"$match":{"n":{"$gt":{"$any":{"resource":"{S}","select":"n"}}},"l":{"$in":{"resource":"{S}","select":"l"}}}}}', 'e'),
	('{"m":{"n":{"$in":{"resource":"{S}","select":"n","filter":{"m":{"n":{"$gt":{"$all":{"resource":"{S}","select":"ln","filter":{"id":"a"}}}}}}}}}}', 'e'),
	('{"$or":[{"m":{"n":{"$in":{"resource":"{S}","select":"n","filter":{"id":"a"}}}}},{"m":{"l":{"$elemMatch":{"$in":{"resource":"{S}","select":"l","filter":{"id":"e"}}}}}}]}', 'a e'),
	-- a negation holds for a list when no element satisfies the positive form, or for one element
	('{"l":{"$match":{"$ne":"b"}}}', 'a b'),
	('{"l":{"$match":{"$ne":"x"}}}', 'a b e'),
	('{"l":{"$match":{"$nin":["x","y","b"]}}}', 'b'),
	('{"l":{"$match":{"$not":{"$gt":"a"}}}}', 'b'),
	('{"l":{"$match":{"$not":{"$ne":"b"}}}}', 'e'),
	('{"l":{"$match":{"$ne":"y","$gt":"a"}}}', 'a e'),
	('{"l":{"$elemMatch":{"$ne":"b"}}}', 'a'),
	('{"ln":{"$match":{"$not":{"$gt":4,"$lt":8}}}}', 'a b e'),
	('{"ln":{"$match":{"$not":{"$gte":1}}}}', 'b'),
	('{"m":{"l":{"$match":{"$ne":"b"}}}}', 'a b'),
	('{"m.l":{"$match":{"$nin":["b","x","y"]}}}', 'b'),
	-- the list as a whole
	('{"l":{"$match":{"$eq":["b"]}}}', 'e'),
	('{"l":{"$match":["b"]}}', 'e'),
	('{"l":{"$match":{"$in":[["b"],"x"]}}}', 'a e'),
	('{"l":{"$match":{"$in":[[],["x"]]}}}', 'b'),
	('{"l":{"$elemMatch":{"$in":[["b"],"x"]}}}', 'a'),
	('{"l":{"$match":{"$nin":[["b"],"x"]}}}', 'a b e'),
	('{"l":{"$match":{"$exists":true}}}', 'a b e'),
	('{"l":{"$elemMatch":{"$exists":true}}}', 'a e'),
	('{"l":{"$match":{"$exists":false}}}', ''),
	('{"l":{"$match":{"$eq":["x","y"],"$ne":"z"}}}', 'a'),
	('{"l":{"$match":{"$or":["x",["b"]]}}}', 'a e');
CREATE TABLE answer AS
	SELECT q.n, o, s, way, filter, expected, ids(format('{"resource":"%s","filter":%s}', o, replace(filter, '{S}', s)), way) AS ids
	FROM question q, unnest('{Thing,ThingDoc}'::text[]) o, unnest('{Thing,ThingDoc}'::text[]) s, unnest('{inlined,"by itself",printed}'::text[]) way;
SELECT o, s, way, filter, expected, ids FROM answer WHERE ids <> expected ORDER BY n, o, s, way;
SELECT count(*) AS answers, count(*) FILTER (WHERE ids = expected) AS right, count(DISTINCT ids) AS different FROM answer;
-- bind variables among them
SELECT (SELECT string_agg(id, ' ') FROM query(NULL::thing, '{"filter":{"ln":{"$elemMatch":{"$gt":{"$any":{"$param":1}}}}}}', '{2,30}'::int[])) AS "a e",
	(SELECT string_agg(id, ' ') FROM query(NULL::thing, '{"filter":{"ln":{"$elemMatch":{"$in":{"$param":1}}}}}', '{2,5}'::int[])) AS "a",
	(SELECT string_agg(id, ' ') FROM query(NULL::thing, '{"filter":{"ln":{"$match":{"$eq":{"$param":1}}}}}', '{1,5}'::int[])) AS "a",
	(SELECT string_agg(id, ' ') FROM query(NULL::thing, '{"filter":{"l":{"$match":{"$ne":{"$param":1}}}}}', 'b'::text)) AS "a b",
	(SELECT string_agg(i ->> 'id', ' ') FROM items('{"resource":"ThingDoc","filter":{"l":{"$match":{"$ne":{"$param":1}}}}}', 'b'::text) i) AS "a b",
	(SELECT string_agg(i ->> 'id', ' ') FROM items('{"resource":"ThingDoc","filter":{"l":{"$match":{"$glob":{"$param":1}}}}}', '!b'::text) i) AS "a b";
-- explain knows which clause a subquery inside a document's condition is
SELECT clause, kind FROM explain('{"resource":"ThingDoc","filter":{"m":{"n":{"$in":{"resource":"Thing","select":"ln"}}}}}');

-- one of several operators has an operand of the wrong form
SELECT ids('{"resource":"Thing","filter":{"n":{"$match":{"$gt":1,"$lt":"many"}}}}', 'inlined');
-- a list of documents has no values that a subquery could be compared with
CREATE TABLE boxed (id text PRIMARY KEY, js jsonb[]);
SELECT register('Boxed', 'boxed');
SELECT ids('{"resource":"Boxed","filter":{"js":{"$elemMatch":{"$in":{"resource":"Thing","select":"n"}}}}}', 'inlined');

SELECT unregister('Thing'), unregister('ThingDoc'), unregister('Boxed');
DROP SCHEMA candidates CASCADE;
