--
-- lineage_million: ancestry among about a million rows
--
-- Covers: has_ancestor with a constant, with a parameter of a generic plan and
-- with a join value uses GiST among 1,130,000 generated rows without any
-- setting of the planner, reads few pages, and finds what the sequential scan
-- finds.
--
CREATE SCHEMA test_million;
SET search_path = test_million, vxp, public;
SET client_min_messages = warning;
SET jit = off;
-- a worker of a forced parallel plan would read pages of its own; as 16 and newer call force_parallel_mode
SELECT CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END AS forced \gset
SET :forced = off;

-- 11 datasources of growing size, 20,000 patients of 4 studies of 14 volumes
CREATE UNLOGGED TABLE volume AS
SELECT g AS id, lineage(ARRAY['datasource/' || sqrt(g / 56 % 100)::int, 'patient/' || g / 56,
							  'study/' || g / 56 || '/' || g / 14 % 4, 'volume/' || g]) AS path
FROM generate_series(1, 1130000) g;
CREATE INDEX volume_path ON volume USING gist (path);
VACUUM ANALYZE volume;
CREATE TABLE wanted AS SELECT 'patient/' || g * 397 AS identifier, g * 397 * 56 AS volume FROM generate_series(1, 50) g;
ANALYZE wanted;
-- at most 42 bytes for each row of depth 4
SELECT pg_relation_size('volume_path') < 42 * count(*) AS small FROM volume;

-- a bitmap costs about the same for so few rows, and a sample of the table may prefer it
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM volume WHERE has_ancestor(path, 'patient/777');
SET plan_cache_mode = force_generic_plan;
PREPARE below(text) AS SELECT id FROM volume WHERE has_ancestor(path, $1);
EXPLAIN (COSTS OFF) EXECUTE below('patient/777');
EXPLAIN (COSTS OFF) SELECT v.id FROM wanted w JOIN volume v ON has_ancestor(v.path, w.identifier);
RESET enable_bitmapscan;

-- 56 rows cost at most 30 pages by identifier and 8 by path, index and table together
CREATE FUNCTION pages(question text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || question INTO plan;
	RETURN (plan #>> '{0,Plan,Shared Hit Blocks}')::int + (plan #>> '{0,Plan,Shared Read Blocks}')::int;
END $$;
CREATE TABLE parent AS SELECT w.identifier, subpath(v.path, 0, 2) AS path FROM wanted w JOIN volume v ON v.id = w.volume;
SELECT avg(pages(format('SELECT id FROM volume WHERE has_ancestor(path, %L)', identifier))) <= 30 AS by_patient,
	   avg(pages(format('SELECT id FROM volume WHERE has_ancestor(path, %L)', replace(identifier, 'patient', 'study') || '/1'))) <= 30 AS by_study,
	   avg(pages(format('SELECT id FROM volume WHERE has_ancestor(path, %L)', identifier || 'x'))) <= 30 AS absent,
	   avg(pages(format('SELECT id FROM volume WHERE path <@ %L::lineage', path))) <= 8 AS by_path
FROM parent;

CREATE TEMP TABLE by_index AS SELECT v.id, w.identifier FROM wanted w JOIN volume v ON has_ancestor(v.path, w.identifier);
CREATE TEMP TABLE constant AS SELECT id FROM volume WHERE has_ancestor(path, 'patient/777');
CREATE TEMP TABLE parameter AS EXECUTE below('patient/777');
SET enable_indexscan = off;
SET enable_bitmapscan = off;
CREATE TEMP TABLE by_scan AS SELECT id, ancestor_of_type(path, 'patient') AS identifier FROM volume
WHERE ancestor_of_type(path, 'patient') IN (SELECT identifier FROM wanted);
CREATE TEMP TABLE one_by_scan AS SELECT id FROM volume WHERE has_ancestor(path, 'patient/777');
SELECT (SELECT count(*) FROM by_scan) AS joined, (SELECT count(*) FROM (TABLE by_index EXCEPT ALL TABLE by_scan) d) AS extra,
	   (SELECT count(*) FROM (TABLE by_scan EXCEPT ALL TABLE by_index) d) AS missing;
SELECT (SELECT count(*) FROM one_by_scan) AS one, (SELECT count(*) FROM (TABLE constant EXCEPT ALL TABLE one_by_scan) d) AS extra,
	   (SELECT count(*) FROM (TABLE one_by_scan EXCEPT ALL TABLE constant) d) AS missing,
	   (SELECT count(*) FROM (TABLE parameter EXCEPT ALL TABLE one_by_scan) d) AS extra_by_parameter,
	   (SELECT count(*) FROM (TABLE one_by_scan EXCEPT ALL TABLE parameter) d) AS missing_by_parameter;

-- all levels in one table, in path order: a plain index scan reads rows as they are stored, and a resource beside what is below it
CREATE UNLOGGED TABLE mixed AS
SELECT row_number() OVER () AS id, path FROM (
	SELECT lineage(CASE WHEN s IS NULL THEN ARRAY[d, 'patient/' || p] WHEN v IS NULL THEN ARRAY[d, 'patient/' || p, 'study/' || p || '/' || s]
				   ELSE ARRAY[d, 'patient/' || p, 'study/' || p || '/' || s, 'volume/' || p || '/' || s || '/' || v] END) AS path
	FROM generate_series(1, 4000) p, LATERAL (SELECT 'datasource/' || p % 2 AS d) x,
		LATERAL (SELECT NULL::int UNION ALL SELECT generate_series(1, 4)) y (s), LATERAL (SELECT NULL::int UNION ALL SELECT generate_series(1, 14)) z (v)
	WHERE s IS NOT NULL OR v IS NULL ORDER BY 1) o;
CREATE INDEX mixed_path ON mixed USING gist (path);
VACUUM ANALYZE mixed;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_indexscan = on;
SELECT count(*) AS asked, avg(pages(format('SELECT id FROM mixed WHERE path <@ %L::lineage', path))) <= 8 AS by_path,
	   avg(pages(format('SELECT id FROM mixed WHERE has_ancestor(path, %L)', self(path)))) <= 30 AS by_patient
FROM (SELECT path FROM mixed WHERE depth(path) = 2 AND self(path) IN (SELECT 'patient/' || g * 79 FROM generate_series(1, 50) g)) p;
DROP SCHEMA test_million CASCADE;
