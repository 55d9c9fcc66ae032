--
-- lineage_support: what the planner knows about ancestry
--
-- Covers: estimates of every operator and function, known and unknown
-- arguments, joins, semi-joins; partitioned tables, expression indexes, no
-- statistics (lineage_condition has the index conditions, lineage_probe what an
-- index adds to statistics).
--
CREATE SCHEMA test_support;
SET search_path = test_support, vxp, public;
SET client_min_messages = warning;
SET jit = off;
SET max_parallel_workers_per_gather = 0;

-- 4 datasources, 600 patients of 4 studies of 10 volumes, and 40 patients with 50 times as many
CREATE TABLE volume AS
SELECT g AS id, lineage(ARRAY['datasource/' || (p % 6) / 2 + (p % 6) % 2 * (p % 6 > 2)::int,
							  'patient/' || p, 'study/' || p || '/' || g % 4, 'volume/' || g]) AS path
FROM (SELECT g, CASE WHEN g <= 24000 THEN g / 40 ELSE 600 + g % 40 END AS p FROM generate_series(0, 71999) g) s;
CREATE TABLE patient AS SELECT DISTINCT (labels(path))[2] AS identifier, subpath(path, 0, 2) AS path FROM volume;

CREATE FUNCTION estimated(question text) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || question INTO plan;
	RETURN greatest((plan #>> '{0,Plan,Plan Rows}')::double precision, 1);
END $$;
CREATE FUNCTION actual(question text) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE rows bigint;
BEGIN
	EXECUTE 'SELECT count(*) FROM (' || question || ') q' INTO rows;
	RETURN greatest(rows, 1);
END $$;
-- the larger of estimated/actual and actual/estimated
CREATE FUNCTION q_error(question text) RETURNS double precision LANGUAGE sql
RETURN (SELECT greatest(e / a, a / e) FROM estimated(question) e, actual(question) a);

--
-- no statistics: the stated default, one row in a thousand
--
SELECT round(estimated('SELECT * FROM volume WHERE path @^ ''patient/1''') / estimated('SELECT * FROM volume') * 1000) AS identifier,
	   round(estimated('SELECT * FROM volume WHERE path <@ ''datasource/1''::lineage') / estimated('SELECT * FROM volume') * 1000) AS path,
	   round(estimated('SELECT * FROM volume WHERE has_any_ancestor(path, ''{patient/1,patient/2}'')') / estimated('SELECT * FROM volume') * 1000) AS two;

VACUUM ANALYZE volume;
VACUUM ANALYZE patient;
-- the slots: common ancestors, and all four types
SELECT array_length(most_common_elems::text::text[], 1) BETWEEN 40 AND 1000 AS some_common FROM pg_stats
WHERE schemaname = 'test_support' AND tablename = 'volume' AND attname = 'path';

--
-- estimates: within the factor for each kind of question; the list shows what was not
--
CREATE TABLE question (kind text, factor double precision, condition text);
INSERT INTO question
SELECT 'patient', 3, format('has_ancestor(path, %L)', 'patient/' || p) FROM generate_series(5, 595, 59) p
UNION ALL SELECT 'large patient', 1.5, format('path @^ %L', 'patient/' || p) FROM generate_series(600, 639, 13) p
UNION ALL SELECT 'study', 3, format('path @^ %L', 'study/' || p || '/' || p % 4) FROM generate_series(3, 590, 59) p
UNION ALL SELECT 'datasource', 1.5, format('path @^ %L', 'datasource/' || p) FROM generate_series(0, 3) p
UNION ALL SELECT 'absent', 10, format('path @^ %L', x) FROM unnest('{nothing/1,x,volume/1}'::text[]) x
UNION ALL SELECT 'within', 3, format('is_within(path, %L)', x) FROM unnest('{volume/77,patient/77,patient/610,datasource/1}'::text[]) x
UNION ALL SELECT 'path', 3, format('path <@ %L::lineage', subpath(path, 0, d)) FROM volume, generate_series(1, 4) d WHERE id IN (7777, 55555)
UNION ALL SELECT 'path above', 5, format('path @> %L::lineage', path) FROM volume WHERE id IN (7777, 55555)
UNION ALL SELECT 'path reversed', 3, format('%L::lineage @> path', subpath(path, 0, d)) FROM volume, generate_series(1, 3) d WHERE id IN (7777, 55555)
UNION ALL SELECT 'any', 3, x || '(path, ''{patient/1,patient/2,patient/610,NULL}'')' FROM unnest('{has_any_ancestor}'::text[]) x
UNION ALL SELECT 'any operator', 3, 'path @^| ''{patient/1,study/2/2,datasource/1}'''
UNION ALL SELECT 'any of none', 1, 'path @^| ''{}'''
UNION ALL SELECT 'all', 3, 'has_all_ancestors(path, ''{patient/1,study/1/1}'')'
UNION ALL SELECT 'all operator', 1.5, 'path @^& ''{datasource/2,patient/621}'''
UNION ALL SELECT 'two patients at once', 3, 'path @^& ''{patient/1,patient/2}'''
UNION ALL SELECT 'all of none', 1.1, 'path @^& ''{}'''
UNION ALL SELECT 'none of a NULL', 1, 'has_all_ancestors(path, ''{NULL}'')';
SELECT kind, count(*) AS asked, array_agg(condition || ' ' || e::int || '/' || a::int) FILTER (WHERE greatest(e / a, a / e) > factor) AS wrong
FROM question, LATERAL estimated('SELECT * FROM volume WHERE ' || condition) e, LATERAL actual('SELECT * FROM volume WHERE ' || condition) a
GROUP BY kind ORDER BY kind;

-- a generic plan knows no value: the average ancestor (72,000 rows, 3 + 640 + 2,560 ancestors: 67 rows)
SET plan_cache_mode = force_generic_plan;
PREPARE by_identifier(text) AS SELECT * FROM volume WHERE has_ancestor(path, $1);
PREPARE by_list(text[]) AS SELECT * FROM volume WHERE has_any_ancestor(path, $1);
PREPARE by_path(lineage) AS SELECT * FROM volume WHERE path <@ $1;
SELECT estimated('EXECUTE by_identifier(''patient/1'')') BETWEEN 67 / 1.5 AND 67 * 1.5 AS identifier,
	   estimated('EXECUTE by_list(''{patient/1}'')') BETWEEN 670 / 1.5 AND 670 * 1.5 AS list,
	   estimated('EXECUTE by_path(''datasource/1'')') BETWEEN 67 / 1.5 AND 67 * 1.5 AS path;
RESET plan_cache_mode;

-- joins look at the values of the other side: patients, not the average ancestor
SELECT q_error('SELECT * FROM patient p JOIN volume v ON has_ancestor(v.path, p.identifier)') < 3 AS inner_join,
	   q_error('SELECT * FROM patient p JOIN volume v ON v.path <@ p.path') < 3 AS by_path,
	   q_error('SELECT * FROM (SELECT * FROM patient WHERE identifier < ''patient/2'') p JOIN volume v ON has_ancestor(v.path, p.identifier)') < 3 AS some,
	   q_error('SELECT * FROM patient p WHERE EXISTS (SELECT FROM volume v WHERE has_ancestor(v.path, p.identifier))') < 1.5 AS semi_join,
	   q_error('SELECT * FROM volume v WHERE EXISTS (SELECT FROM patient p WHERE has_ancestor(v.path, p.identifier))') < 1.5 AS semi_join_back,
	   q_error('SELECT * FROM volume v WHERE NOT EXISTS (SELECT FROM patient p WHERE p.identifier < ''patient/3'' AND has_ancestor(v.path, p.identifier))') < 2 AS anti_join;

-- NULLs count
CREATE TABLE half AS SELECT id, CASE WHEN id % 2 = 0 THEN path END AS path FROM volume;
ANALYZE half;
SELECT q_error('SELECT * FROM half WHERE path @^ ''datasource/1''') < 1.5 AS nulls;

-- partitioned tables, expression indexes
CREATE TABLE parted (id int, path lineage) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (30000);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (30000) TO (100000);
INSERT INTO parted SELECT * FROM volume;
CREATE TABLE written AS SELECT id, path::text AS path FROM volume WHERE id < 20000;
CREATE FUNCTION read_path(text) RETURNS lineage LANGUAGE sql IMMUTABLE AS 'SELECT $1::vxp.lineage';
CREATE INDEX written_path ON written USING gist (read_path(path));
ANALYZE parted;
ANALYZE written;
SELECT q_error('SELECT * FROM parted WHERE path @^ ''datasource/1''') < 1.5 AS partitioned,
	   q_error('SELECT * FROM written WHERE read_path(path) @^ ''patient/7''') < 3 AS expression;

-- deep and wide values do not disturb ANALYZE
CREATE TABLE odd AS SELECT lineage(ARRAY(SELECT 'level/' || k FROM generate_series(1, g * 10) k) || ('x' || g)) AS path FROM generate_series(1, 99) g;
INSERT INTO odd SELECT lineage(ARRAY['a', repeat('b', 4096), repeat('/', g)]) FROM generate_series(1, 600, 10) g;
INSERT INTO odd VALUES (NULL);
ANALYZE odd;
SELECT q_error('SELECT * FROM odd WHERE path @^ ''level/300''') < 1.1 AS deep, q_error('SELECT * FROM odd WHERE path @^ ''a''') < 1.1 AS wide;
-- a column of identifiers does not keep its table from being analysed
CREATE TABLE labelled (label identifier);
INSERT INTO labelled SELECT 'patient/' || g % 3 FROM generate_series(1, 30) g;
ANALYZE labelled;
SELECT n_distinct FROM pg_stats WHERE tablename = 'labelled';
CREATE TABLE nothing (path lineage);
ANALYZE nothing;
INSERT INTO nothing SELECT NULL FROM generate_series(1, 100);
ANALYZE nothing;
SELECT estimated('SELECT * FROM nothing WHERE path @^ ''a''') AS only_nulls;

-- the planner chooses the index for little and the whole table for much
CREATE INDEX volume_gist ON volume USING gist (path);
EXPLAIN (COSTS OFF) SELECT id FROM volume WHERE has_ancestor(path, 'study/7/1') LIMIT 10;
EXPLAIN (COSTS OFF) SELECT count(*) FROM volume WHERE has_any_ancestor(path, '{datasource/0,datasource/1,datasource/2,datasource/3}');

DROP SCHEMA test_support CASCADE;
