--
-- dql: the type of requests, and what counts as one
--
-- Every request here is well formed; dql_errors has those that are not.
--
SET search_path = public, vxp;

-- the text is kept as it was written: order, blanks, duplicates, spelling of numbers
SELECT q::text = t AS kept, q::json::text = t AS as_json
FROM (VALUES ('{ "sort" : {"createdAt":"descending", "id":"ascending"},"page":1.0, "page":2 }'), ('"{\"filter\":{\"a\":1}}"'), (' {} ')) v(t),
	 LATERAL (SELECT t::dql) c(q);

-- what clients send is accepted (sections 2 and 10)
SELECT bool_and(r::dql IS NOT NULL) AS all_accepted FROM unnest(ARRAY[
	'{}', '{"filter":null}', '{"filter":{}}', '{"join":{}}', '{"join":null}', '{"join":[]}', '{"intersect":[],"except":{}}', '{"sort":null,"select":null,"page":null,"resource":null,"asOf":null,"versions":null,"count":null}',
	'{"filter":{"$and":[{"hidden":false},{"type":"file"}]},"page":0,"pageSize":1000,"resource":"items"}',
	'{"page":10.0,"pageSize":1e1,"limit":0,"skip":0.0}', '{"page":-0}', '{"limit":100e-2}', '{"pageSize":999999999999999999}',
	'{"user":{"any":[1]},"queryEngine":5,"collectMetrics":true,"sign":null}', '{"systemSpace":false}', '{"update":null,"delete":false,"references":false}', '{"maxAffected":10}',
	'{"context":{"projectIds":[null]}}', '{"context":{"datasets":["a",null],"anything":{"x":1}}}', '{"context":{"datasetId":"a"},"datasets":["a"]}', '{"datasets":[],"projects":["p","q"],"context":{"projects":["q","p"]}}',
	'{"sort":{"id":"ascending"}}', '{"sort":{"ascending":"descending"}}', '{"sort":{"a":"asc","b":"desc","c":1,"d":-1,"e":1.0}}', '{"sort":{"metadata":{"system":{"size":"ascending"},"x":-1}}}', '{"sort":[{"b":1},{"a":-1,"c":{"d":1}}]}', '{"sort":{}}', '{"sort":[]}',
	'{"select":"id"}', '{"select":["id","a.b"]}', '{"select":{"id":1,"a.b":1.0}}', '{"select":{"id":0}}', '{"select":{}}',
	'{"asOf":"2024-02-29"}', '{"asOf":"2024-03-01T10:00:00.123456789+05:30"}', '{"asOf":"2024-03-01 10:00-0530"}', '{"asOf":"9999-12-31T23:59:59.999999Z"}', '{"asOf":"0001-01-01"}', '{"versions":"all"}', '{"versions":"current"}',
	'{"countTotal":false}', '{"count":"estimated"}', '{"count":"none","countTotal":false}', '{"countTotal":true,"count":"estimated"}',
	'"{\"filter\":{\"a\":\"x\"}}"',
	'{"filter":{"annotationId":"a","dir":"/a/**","annotated":true,"metadata.system.size":{"$gt":"0"}}}']) r;

-- one canonical spelling for many: {"f": v}, $eq, $in with one value, numbers, duplicates (the last wins), blanks
SELECT f, canonical_filter(format('{"filter":%s,"page":1}', f)::dql)::json -> 'filter' AS canonical
FROM unnest(ARRAY[
	'{"a":{"$eq":1}}', '{"a":{"$match":1}}', '{"a":1,"a":2}', '{ "a" : [ 1 , 2 ] }', '{"a":{"$in":5}}', '{"a":{"$nin":5}}', '{"a":{"$in":{"$param":2}}}', '{"a":{"$param":1}}',
	'{"a":{"$exists":1}}', '{"a":{"$exists":null}}', '{"a":{"$gte":null}}', '{"a":{"$gt":null}}', '{"a":{"$ieq":7}}', '{"a":{"$glob":"!!!x"}}', '{"$and":[{"a":1}]}', '{"$and":[{"a":1},{"b":2}]}', '{"$and":[{"a":1},{"a":2}]}', '{"$nor":[{"a":1},{"b":1}]}',
	'{"a":{"$and":[{"$gt":1},{"$lt":5}]}}', '{"a":{"$and":[1,2]}}', '{"$hasAncestor":"x/1"}', '{"a":{"$elemMatch":5}}', '{"a":"\u00e9\n"}', '{"a":{"$eq":{"b":{"c":[]}}}}', '{"a":{}}', '{"a":{"$eq":{}}}', '{}']) f;

-- canonical text reads back to the same: nested, negated, mixed and empty conditions; and it nests no deeper than what was written
CREATE FUNCTION nesting(j json) RETURNS int LANGUAGE sql AS $$
	SELECT CASE json_typeof(j)
		WHEN 'object' THEN 1 + coalesce((SELECT max(nesting(value)) FROM json_each(j)), 0)
		WHEN 'array' THEN 1 + coalesce((SELECT max(nesting(value)) FROM json_array_elements(j)), 0)
		ELSE 0 END
$$;
SELECT f FROM unnest(ARRAY[
	'{"a":{"$not":{"$not":{"$gt":1,"$lt":5}}}}', '{"a":{"$not":{"$ne":1}}}', '{"a":{"$not":{"$or":[{},1,{"b":1}]}}}', '{"p":{"q":{"r":{"$ne":1,"$nin":[2]},"s.t":{}}}}', '{"p":{"q":{"$gt":1,"$lt":2}}}', '{"p":{"q":{"$and":[{"x":1},{"x":2}]},"r":null}}',
	'{"a":{"$match":{"b":1,"$or":[{"c":1},{"d":{"$match":{"$gt":1}}}],"$nor":[{"e":1}]}}}', '{"a":{"$elemMatch":{"$gt":1,"$not":{"$in":[5,"x*"]}}}}', '{"a":{"$match":{"$or":["x",{"$gt":5}]}}}', '{"a":{"$match":{}},"b":{"$elemMatch":{"$and":[]}}}',
	'{"$or":[{"$and":[{"$or":[]},{"$nor":[]}]},{},{"a":{}}]}', '{"$nor":[{"$nor":[{"a":1}]},{"b":{"$between":[1,{"$param":3}]}}]}', '{"$or":[{"a":1,"$or":[{"b":1,"$or":[{"c":1},{"d":1}]},{"e":1}]},{"f":1}]}',
	'{"a":{"$glob":"!x","$contains":"y","$startsWith":"z","$after":"2024-01-01","$before":5,"$exists":false},"$hasAncestor":["x","y"]}', '{"a":{"$not":{"$glob":{"$param":1}}}}']) f,
	LATERAL (SELECT canonical_filter(format('{"filter":%s}', f)::dql)) c(q)
WHERE canonical_filter(q)::text <> q::text OR nesting(q::json -> 'filter') > nesting(f::json);

-- an object of many keys: each once, where it stood first, with its last value
SELECT canonical_filter(('{"filter":{' || string_agg(format('"k%s":%s', i % 1000, i), ',' ORDER BY i) || '}}')::dql)::text
	   = '{"filter":{' || (SELECT string_agg(format('"k%s":%s', i, i + 9000), ',' ORDER BY i) FROM generate_series(0, 999) i) || '}}' AS last_wins
FROM generate_series(0, 9999) i;

-- a saved request: stored, dumped as text, read back; binary format; parameters of any text-like type
CREATE TABLE saved (name text, q dql);
INSERT INTO saved VALUES ('a', '{"filter":{"a":1}}'), ('b', '{"filter":{"a":2}}'::json), ('c', '{"filter":{"a":3}}'::jsonb), ('d', '{"filter":{"a":4}}'::varchar);
SELECT string_agg(name, '' ORDER BY name) AS found FROM saved WHERE matches('{"a":3}', q);
SELECT dql_send(q) = convert_to(q::text, 'UTF8') AS binary FROM saved WHERE name = 'a';
COPY saved (q) TO STDOUT;
PREPARE by_text(text) AS SELECT matches('{"a":1}', $1);
EXECUTE by_text('{"filter":{"a":1}}');
PREPARE by_json(json) AS SELECT matches('{"a":1}', $1);
EXECUTE by_json('{"filter":{"a":2}}');
-- the manual: sorted (the parser halves the lists), each line a sentence; and every name is known to the parser
SELECT bool_and(operator COLLATE "C" > lag) AS sorted, bool_and(meaning ~ '\.$') AS sentences, count(*) > 20 AS many
FROM (SELECT *, lag(operator COLLATE "C", 1, '') OVER (ORDER BY n) FROM dql_operators() WITH ORDINALITY o(operator, operand, meaning, n)) s;
SELECT bool_and(key COLLATE "C" > lag) AS sorted, bool_and(meaning ~ '\.$') AS sentences, count(*) > 20 AS many
FROM (SELECT *, lag(key COLLATE "C", 1, '') OVER (ORDER BY n) FROM dql_request_keys() WITH ORDINALITY o(key, meaning, n)) s;
DO $$
DECLARE
	name text;
BEGIN
	FOR name IN SELECT operator FROM vxp.dql_operators() LOOP
		BEGIN
			PERFORM format('{"filter":{"a":{%s:[[]]}}}', to_json(name))::vxp.dql;
		EXCEPTION WHEN OTHERS THEN
			IF SQLERRM LIKE 'unknown%' THEN RAISE WARNING '%', SQLERRM; END IF;
		END;
	END LOOP;
	FOR name IN SELECT key FROM vxp.dql_request_keys() LOOP
		PERFORM format('{%s:null}', to_json(name))::vxp.dql;
	END LOOP;
END
$$;
DROP TABLE saved;
DROP FUNCTION nesting;
