--
-- lineage_condition: conditions that planner support makes of ancestry
--
-- Covers: <@ and @> on a btree in path order for constants, parameters and join
-- values, exactly, at the borders of labels too; has_any_ancestor and
-- has_all_ancestors by name on GiST and GIN; ANALYZE of such a table.  Runs with
-- a library whose label hashes collide, too (test/collisions.sh).
--
CREATE SCHEMA test_condition;
SET search_path = test_condition, vxp, public;
SET client_min_messages = warning;
SET jit = off;
SET max_parallel_workers_per_gather = 0;

CREATE TABLE volume AS
SELECT g AS id, lineage(ARRAY['datasource/' || g % 3, 'patient/' || g % 150, 'study/' || g % 450, 'volume/' || g]) AS path
FROM generate_series(1, 6000) g;
CREATE TABLE patient AS SELECT DISTINCT (labels(path))[2] AS identifier, subpath(path, 0, 2) AS path FROM volume;
INSERT INTO volume SELECT 10000, path FROM patient;
CREATE INDEX volume_btree ON volume USING btree (path);
ANALYZE volume;
ANALYZE patient;
PREPARE by_path(lineage) AS SELECT * FROM volume WHERE path <@ $1;

--
-- a path reaches the btree, exactly (lineage_gist has the conditions of GiST)
--
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM volume WHERE path <@ 'datasource/1 > patient/7'::lineage;
EXPLAIN (COSTS OFF) SELECT id FROM volume WHERE path @> 'datasource/1 > patient/7'::lineage;
EXPLAIN (COSTS OFF) SELECT id FROM volume WHERE 'datasource/1'::lineage @> path;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE by_path('datasource/1');
RESET plan_cache_mode;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
-- EXPLAIN, without the word of 18 on a scan that a setting discourages
CREATE FUNCTION pg_temp.plan(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		CONTINUE WHEN line ~ '^ +Disabled: true$';
		RETURN NEXT line;
	END LOOP;
END $$;
SELECT pg_temp.plan('SELECT v.id FROM patient p JOIN volume v ON v.path <@ p.path');
SELECT pg_temp.plan('SELECT v.id FROM patient p JOIN volume v ON p.path <@ v.path');
-- the range is the subtree, at the border of a label and with a label of full length
CREATE TABLE border (path lineage);
INSERT INTO border SELECT lineage(ARRAY['a'] || b || c) FROM
	(VALUES (ARRAY['b']), (ARRAY[E'b\x01']), (ARRAY[E'b\x02']), (ARRAY['b/c']), (ARRAY['bb']), (ARRAY['c']), (ARRAY[repeat('b', 127)]),
			(ARRAY[repeat('b', 128)]), (ARRAY[repeat('b', 4096)]), (ARRAY['é']), ('{}')) x (b), (VALUES ('{}'::text[]), (ARRAY['x'])) y (c);
CREATE TABLE same_border AS TABLE border;
CREATE INDEX border_btree ON border (path);
SELECT count(*) > 40 AS found, count(*) FILTER (WHERE by_index IS DISTINCT FROM by_scan) AS different
FROM border p, LATERAL (SELECT (SELECT array_agg(b.path ORDER BY b.path) FROM border b WHERE b.path <@ p.path) AS by_index,
							   (SELECT array_agg(b.path ORDER BY b.path) FROM same_border b WHERE b.path <@ p.path) AS by_scan
						UNION ALL
						SELECT (SELECT array_agg(b.path ORDER BY b.path) FROM border b WHERE b.path @> p.path),
							   (SELECT array_agg(b.path ORDER BY b.path) FROM same_border b WHERE b.path @> p.path)) x;
EXPLAIN (COSTS OFF) SELECT b.path FROM border p JOIN border b ON b.path <@ p.path WHERE p.path = 'a';
RESET enable_seqscan;
RESET enable_bitmapscan;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
RESET enable_memoize;

-- the join by the btree finds what a join on labels finds
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
CREATE TEMP TABLE by_index AS SELECT p.identifier, v.id FROM patient p JOIN volume v ON v.path <@ p.path;
CREATE TEMP TABLE above_by_index AS SELECT p.identifier, v.id FROM patient p JOIN volume v ON p.path <@ v.path;
RESET enable_seqscan;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
RESET enable_memoize;
CREATE TEMP TABLE by_labels AS SELECT p.identifier, v.id FROM patient p JOIN volume v ON (labels(v.path))[2] = p.identifier;
SELECT count(*) AS found, (SELECT count(*) FROM (TABLE by_index EXCEPT ALL TABLE by_labels) d) AS extra,
	   (SELECT count(*) FROM (TABLE by_labels EXCEPT ALL TABLE by_index) d) AS missing, (SELECT count(*) FROM above_by_index) AS above
FROM by_index;

-- functions by name reach both index methods, with an answer as by reading all
DROP INDEX volume_btree;
CREATE FUNCTION same(method text) RETURNS TABLE (condition text, used boolean, answered boolean, same boolean) LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
	by_index int[];
	by_scan int[];
BEGIN
	EXECUTE format('CREATE INDEX volume_index ON volume USING %s (path)', method);
	FOREACH condition IN ARRAY ARRAY['has_any_ancestor(path, ''{patient/7,study/9,NULL}'')', 'has_all_ancestors(path, ''{patient/7,study/7}'')',
									 'has_ancestor(path, ''study/9'')', 'path @^| ''{patient/8,patient/9}''', 'path @^& ''{datasource/2,patient/8}'''] LOOP
		SET LOCAL enable_seqscan = off;
		SET LOCAL enable_bitmapscan = on;
		EXECUTE 'EXPLAIN (FORMAT JSON) SELECT id FROM volume WHERE ' || condition INTO plan;
		used := plan::text LIKE '%volume_index%';
		EXECUTE 'SELECT array_agg(id ORDER BY id) FROM volume WHERE ' || condition INTO by_index;
		SET LOCAL enable_seqscan = on;
		SET LOCAL enable_bitmapscan = off;
		SET LOCAL enable_indexscan = off;
		EXECUTE 'SELECT array_agg(id ORDER BY id) FROM volume WHERE ' || condition INTO by_scan;
		SET LOCAL enable_indexscan = on;
		answered := by_scan IS NOT NULL;
		same := by_index IS NOT DISTINCT FROM by_scan;
		RETURN NEXT;
	END LOOP;
	DROP INDEX volume_index;
END $$;
SELECT method, s.* FROM unnest('{gist,gin}'::text[]) method, same(method) s;
DROP SCHEMA test_condition CASCADE;
