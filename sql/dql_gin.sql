--
-- matches and GIN: the index gives candidates, matches() decides
--
-- For each filter the rows through the index equal those of the sequential
-- scan, whether or not the filter implies anything that GIN can look up.
--
SET search_path = public, vxp;
CREATE TABLE doc (id int PRIMARY KEY, d jsonb, part jsonb);
INSERT INTO doc
SELECT i, CASE i % 10
		WHEN 0 THEN jsonb_build_object('a', i % 50, 'o', jsonb_build_object('k', 'x' || i % 70))
		WHEN 1 THEN jsonb_build_object('a', jsonb_build_array(i % 50, 'z'), 'o', jsonb_build_array(jsonb_build_object('k', 'x' || i % 70), 5))
		WHEN 2 THEN jsonb_build_object('a', jsonb_build_array(jsonb_build_array(i % 50)), 'o', jsonb_build_array(jsonb_build_array(jsonb_build_object('k', 'x1'))))
		WHEN 3 THEN jsonb_build_object('a', null, 'o', jsonb_build_object('k', jsonb_build_array('x' || i % 70, 'x1')))
		WHEN 4 THEN jsonb_build_object('b', i % 2 = 0, 'l', jsonb_build_array('p', i % 30))
		WHEN 5 THEN jsonb_build_array(jsonb_build_object('a', i % 50), 7)
		WHEN 6 THEN jsonb_build_object('a', (i % 50)::text, 'q"\/' || chr(9), 'tab' || chr(9))
		WHEN 7 THEN jsonb_build_object('a', (i % 50) + 0.0, 'r', jsonb_build_array(jsonb_build_object('m', i % 40, 'n', i % 3), jsonb_build_object('m', i % 7)))
		WHEN 8 THEN jsonb_build_object('o', 5, 'r', jsonb_build_object('m', i % 40, 'n', i % 3))
		WHEN 9 THEN CASE WHEN i % 20 = 9 THEN '5' ELSE jsonb_build_object('a', -(i % 50)) END END
FROM generate_series(1, 2000) i;
INSERT INTO doc VALUES (0, NULL);
UPDATE doc SET part = d -> 'o' WHERE jsonb_typeof(d) = 'object';
CREATE INDEX doc_path ON doc USING gin (d jsonb_path_ops);
CREATE INDEX part_ops ON doc USING gin (part);
CREATE INDEX inner_path ON doc USING gin ((d -> 'r') jsonb_path_ops);
ANALYZE doc;

-- the index condition is what the filter implies; matches stays as the filter
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE matches(d, '{"filter":{"a":5,"o.k":{"$in":["x5","x6"]},"b":{"$gt":1}}}');
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE matches(d, '{"filter":{"$or":[{"a":5},{"r":{"m":7,"n":1}}]}}');
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE matches(part, '{"filter":{"o.k":"x5"}}', 'o');
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE matches(d -> 'r', '{"filter":{"r":{"$match":{"m":5,"n":{"$gt":0}}}}}', 'r');
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE matches(d, '{"filter":{"a":{"$param":1}}}', params => '["x*"]');
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE matches(d, '{"filter":{"q\"\\/\t":"tab\t"}}');
RESET enable_seqscan;

-- filters with and without an index condition; the first count says how many have one
CREATE TABLE filters (n serial, filter text);
INSERT INTO filters (filter) VALUES
	('{"a":5}'), ('{"a":5.0}'), ('{"a":"5"}'), ('{"a":-5}'), ('{"a":null}'), ('{"a":true}'), ('{"b":true}'),
	('{"a":{"$ne":5}}'), ('{"a":{"$in":[5,"7"]}}'), ('{"a":{"$in":[5,null]}}'), ('{"a":{"$in":[]}}'), ('{"a":{"$in":[5,-5]}}'),
	('{"a":{"$nin":[5,7]}}'), ('{"o.k":"x5"}'), ('{"o.k":"x*"}'), ('{"o":{"k":"x5"}}'), ('{"o":{"k":null}}'), ('{"o":{"k":{"$ne":"x5"}}}'),
	('{"o.0.k":"x1"}'), ('{"l.1":4}'), ('{"l":"p"}'), ('{"a":[5,"z"]}'), ('{"a":[5]}'), ('{"a":{}}'),
	('{"r":{"m":7,"n":1}}'), ('{"r.m":7,"r.n":1}'), ('{"r":{"$match":{"m":7,"n":1}}}'), ('{"r":{"$elemMatch":{"m":7,"n":1}}}'),
	('{"r":{"$match":{"m":7,"n":{"$exists":false}}}}'), ('{"a":{"$match":{"$eq":5}}}'), ('{"a":{"$elemMatch":{"$eq":5}}}'),
	('{"a":{"$match":{"$ne":5}}}'), ('{"$or":[{"a":5},{"a":6}]}'), ('{"$or":[{"a":5},{"b":null}]}'), ('{"$or":[]}'), ('{"$and":[]}'),
	('{"$nor":[{"a":5}]}'), ('{"a":{"$or":[5,6]}}'), ('{"a":{"$gt":40}}'), ('{"a":{"$gt":40,"$ne":45},"o":null}'), ('{"a":{"$not":{"$eq":5}}}'),
	('{"a":{"$eq":5},"o":{"k":{"$startsWith":"x"}}}'), ('{"q\"\\/\t":"tab\t"}'), ('{"a":{"$exists":true}}'), ('{"a":{"$ieq":"5"}}'),
	('{"a":5,"r":{"$or":[{"m":5},{"n":1}]}}'), ('{"r":{"$match":{"$or":[{"m":5},{"n":1}]}}}');
CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	RETURN plan;
END
$$;
CREATE FUNCTION ids(call text, by_index boolean) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
	result int[];
BEGIN
	PERFORM set_config('enable_seqscan', (NOT by_index)::text, true);
	PERFORM set_config('enable_bitmapscan', by_index::text, true);
	PERFORM set_config('enable_indexscan', 'off', true);
	EXECUTE 'SELECT array_agg(id ORDER BY id) FROM doc WHERE ' || call INTO result;
	RETURN result;
END
$$;
SET enable_seqscan = off;
SELECT count(*) AS filters,
	   count(*) FILTER (WHERE plan_of(format('SELECT id FROM doc WHERE vxp.matches(d, %L)', '{"filter":' || filter || '}')) LIKE '%Bitmap Index Scan%') AS with_index
FROM filters;
RESET enable_seqscan;
-- deviations: none, and the answers are not all empty
SELECT filter FROM filters
WHERE ids(format('vxp.matches(d, %L)', '{"filter":' || filter || '}'), true)
	  IS DISTINCT FROM ids(format('vxp.matches(d, %L)', '{"filter":' || filter || '}'), false);
SELECT count(*) AS not_empty FROM filters WHERE ids(format('vxp.matches(d, %L)', '{"filter":' || filter || '}'), true) IS NOT NULL;
-- the same with the document as a member, on both operator classes
SELECT filter FROM (VALUES ('{"o.k":"x5"}'), ('{"o":{"k":"x1"}}'), ('{"o":5}'), ('{"o.k":{"$in":["x5","x6"]}}'), ('{"x":5}'), ('{"o.k":{"$ne":"x1"}}')) f(filter)
WHERE ids(format('vxp.matches(part, %L, %L)', '{"filter":' || filter || '}', 'o'), true)
	  IS DISTINCT FROM ids(format('vxp.matches(d, %L) AND jsonb_typeof(d) = %L', '{"filter":' || filter || '}', 'object'), false)
  AND filter NOT LIKE '%$ne%' AND filter NOT LIKE '%x"%'
   OR ids(format('vxp.matches(part, %L, %L)', '{"filter":' || filter || '}', 'o'), true)
	  IS DISTINCT FROM ids(format('vxp.matches(part, %L, %L)', '{"filter":' || filter || '}', 'o'), false);

-- a bind variable that is not constant gives no index condition, and the right rows
PREPARE by_variable(jsonb) AS SELECT count(*) FROM doc WHERE matches(d, '{"filter":{"a":{"$param":1}}}', params => $1);
SET plan_cache_mode = force_generic_plan;
EXECUTE by_variable('[5]');
SET plan_cache_mode = force_custom_plan;
EXECUTE by_variable('[5]');
SELECT count(*) FROM doc WHERE matches(d, '{"filter":{"a":5}}');

-- estimates: an equality keeps few rows, its negation nearly all, and the filter {} all
CREATE FUNCTION rows_of(filter text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT JSON) SELECT id FROM doc WHERE vxp.matches(d, %L)', filter) INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END
$$;
SELECT rows_of('{"filter":{"a":1}}') < 100 AS few, rows_of('{"filter":{"a":{"$ne":1}}}') > 1900 AS most,
	   rows_of('{"filter":{}}') AS every, rows_of('{"filter":{"a":1,"b":2}}') <= rows_of('{"filter":{"a":1}}') AS fewer,
	   rows_of('{"filter":{"$or":[{"a":1},{"b":2}]}}') >= rows_of('{"filter":{"a":1}}') AS more;

-- the index is expected to find what its predicate stands for: as many rows as the filter keeps where that is all of it, and never fewer
CREATE FUNCTION expected(filter text, OUT candidates int, OUT kept int) LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT JSON) SELECT id FROM doc WHERE vxp.matches(d, %L)', filter) INTO plan;
	IF plan -> 0 -> 'Plan' ->> 'Node Type' = 'Bitmap Heap Scan' THEN
		candidates := plan -> 0 -> 'Plan' -> 'Plans' -> 0 ->> 'Plan Rows';
		kept := plan -> 0 -> 'Plan' ->> 'Plan Rows';
	END IF;
END
$$;
SET enable_seqscan = off;
SELECT count(*) AS with_index, count(*) FILTER (WHERE e.candidates = e.kept) AS same, count(*) FILTER (WHERE e.candidates > e.kept) AS more, count(*) FILTER (WHERE e.candidates < e.kept) AS fewer
FROM filters, expected('{"filter":' || filter || '}') e WHERE e.candidates IS NOT NULL;
SELECT filter, e.candidates = e.kept AS whole, e.candidates > e.kept AS part
FROM (VALUES (1, '{"a":5}'), (2, '{"a":5,"o.k":{"$gt":"x"}}'), (3, '{"a":{"$in":[5,6]},"r.m":{"$gt":39}}'), (4, '{"$or":[{"a":5},{"o.k":"x5"}]}'), (5, '{"$or":[{"a":5,"b":{"$gt":1}},{"o.k":"x5"}]}'), (6, '{"a":5,"o.k":"x5"}'),
	(7, '{"$and":[{"$or":[{"a":5,"b":{"$gt":1}},{"o.k":"x5"}]},{"r.m":{"$gt":39}}]}')) f(n, filter),
	expected('{"filter":' || filter || '}') e ORDER BY n;
RESET enable_seqscan;

DROP TABLE doc, filters;
DROP FUNCTION plan_of, ids, rows_of, expected;
