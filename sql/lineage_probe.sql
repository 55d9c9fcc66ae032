--
-- lineage_probe: the planner counts a rare ancestor's rows in the GiST index
--
-- Covers: exact estimates for every operator that asks about ancestors, in
-- joins, by index classes, expression indexes, indexes of several columns and
-- children of a table; vxp.estimate_pages bounds and turns off; nobody learns
-- by an estimate what row security, a security barrier or a missing privilege
-- keeps from him.
--
CREATE SCHEMA test_probe;
SET search_path = test_probe, vxp, public;
SET client_min_messages = warning;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
-- ANALYZE reads 3,000 rows
SET default_statistics_target = 10;

-- 2,000 patients of 1 to 40 volumes in 20 datasources
-- an automatic ANALYZE would draw another sample
CREATE TABLE volume (id int GENERATED ALWAYS AS IDENTITY, valid int4range, path lineage) WITH (autovacuum_enabled = off);
INSERT INTO volume (valid, path)
SELECT int4range(p, p + v), lineage(ARRAY['datasource/' || p % 20, 'patient/' || p, 'volume/' || p || '/' || v])
FROM generate_series(1, 2000) p, generate_series(1, 1 + p * 7 % 40) v;
INSERT INTO volume (path) SELECT NULL FROM generate_series(1, 5000);
CREATE TABLE patient WITH (autovacuum_enabled = off) AS SELECT 'patient/' || p AS identifier, lineage(ARRAY['datasource/' || p % 20, 'patient/' || p]) AS path, 1 + p * 7 % 40 AS volumes
FROM generate_series(1, 2000) p;
ANALYZE patient;

CREATE FUNCTION estimated(question text) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || question INTO plan;
	RETURN greatest((plan #>> '{0,Plan,Plan Rows}')::double precision, 1);
END $$;
CREATE FUNCTION estimated(question text, pages int) RETURNS double precision LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('vxp.estimate_pages', pages::text, true);
	RETURN estimated(question);
END $$;
CREATE FUNCTION estimates(question text, OUT exact bigint, OUT wrong_without bigint) LANGUAGE sql AS $$
	SELECT count(*) FILTER (WHERE estimated(q, 256) = volumes), count(*) FILTER (WHERE estimated(q, 0) <> volumes)
	FROM patient, LATERAL format(question, identifier, path) q WHERE substr(identifier, 9)::int % 40 = 7 OR volumes = 40
$$;
CREATE TABLE question (nr int, question text);
INSERT INTO question VALUES
	(1, 'SELECT FROM volume WHERE has_ancestor(path, %L)'), (2, 'SELECT FROM volume WHERE path @^= %L'),
	(3, 'SELECT FROM volume WHERE path <@ %2$L::lineage'), (4, 'SELECT FROM volume WHERE has_any_ancestor(path, ARRAY[%L, NULL, %1$L])'),
	(5, 'SELECT FROM volume WHERE has_all_ancestors(path, ARRAY[%L, %1$L])'), (6, 'SELECT FROM volume WHERE %2$L::lineage @> path');

-- without an index the average patient
VACUUM ANALYZE volume;
SELECT nr, exact < 30 AS few_exact FROM question, estimates(question) ORDER BY nr;
-- with one, all are exact but what the sample saw often by chance; statistics alone are not
CREATE INDEX volume_path ON volume USING gist (path);
SELECT nr, exact >= 90 AS exact, wrong_without > 50 AS wrong_without FROM question, estimates(question) ORDER BY nr;
-- what is nowhere, is one row, as the least that the planner takes
SELECT estimated('SELECT FROM volume WHERE has_ancestor(path, ''patient/none'')') AS absent,
	   estimated('SELECT FROM volume WHERE path <@ ''datasource/2 > patient/1''::lineage') AS other_place;
-- a list with a common ancestor, and one of an ancestor that most rows have, are left to statistics
SELECT estimated(q, 256) = estimated(q, 0) AS by_statistics
FROM unnest('{"SELECT FROM volume WHERE has_any_ancestor(path, ''{datasource/1,patient/7}'')","SELECT FROM volume WHERE path @^ ''datasource/3''"}'::text[]) q;
-- a join counts some, which stand for all; one or two of them may be common ancestors by chance of the sample, with three times their rows
CREATE TABLE large WITH (autovacuum_enabled = off) AS SELECT * FROM patient WHERE volumes = 40;
ANALYZE large;
SELECT estimated('SELECT FROM large p JOIN volume v ON has_ancestor(v.path, p.identifier)', 256) BETWEEN 1900 AND 3000 AS of_large,
	   estimated('SELECT FROM large p JOIN volume v ON v.path <@ p.path', 256) BETWEEN 1900 AND 3000 AS by_path,
	   estimated('SELECT FROM large p JOIN volume v ON has_ancestor(v.path, p.identifier)', 0) <
	   estimated('SELECT FROM large p JOIN volume v ON has_ancestor(v.path, p.identifier)', 256) * 0.85 AS without;
INSERT INTO volume (path) SELECT lineage(ARRAY['datasource/1', 'patient/grown', 'volume/grown/' || g]) FROM generate_series(1, 3000) g;
-- rows that came since ANALYZE count; with too few pages it gives up
SELECT estimated(q, 1) = estimated(q, 0) AS one_page, estimated(q, 10) BETWEEN estimated(q, 0) AND 2999 AS ten_pages, estimated(q, 256) = 3000 AS all_pages
FROM (VALUES ('SELECT FROM volume WHERE has_ancestor(path, ''patient/grown'')')) x (q);
DELETE FROM volume WHERE path @^ 'patient/grown';
-- VACUUM leaves what a snapshot of this database may see, such as that of an automatic ANALYZE
DO $$ BEGIN
	FOR wait IN 1 .. 600 LOOP
		PERFORM pg_stat_clear_snapshot();
		EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND coalesce(backend_xmin, backend_xid) IS NOT NULL);
		PERFORM pg_sleep(0.1);
	END LOOP;
END $$;
VACUUM volume;
SELECT estimated('SELECT FROM volume WHERE has_ancestor(path, ''patient/grown'')', 256) AS deleted;

-- other indexes: the class that keeps values, lineage as second column, an expression; a partial index tells nothing
CREATE FUNCTION read_path(text) RETURNS lineage LANGUAGE sql IMMUTABLE RETURN $1::vxp.lineage;
DROP INDEX volume_path;
CREATE INDEX volume_path ON volume USING gist (path gist_lineage_full_ops);
SELECT exact >= 90 AS exact FROM estimates('SELECT FROM volume WHERE has_ancestor(path, %L)');
DROP INDEX volume_path;
CREATE INDEX volume_path ON volume USING gist (valid, path);
SELECT count(*) FILTER (WHERE estimated(q, 2000) <> volumes) <= 5 AS exact
FROM patient, LATERAL format('SELECT FROM volume WHERE has_ancestor(path, %L)', identifier) q WHERE volumes = 40;
DROP INDEX volume_path;
CREATE INDEX volume_path ON volume USING gist (path) WHERE id > 0;
SELECT estimated(q, 256) = estimated(q, 0) AS partial FROM (VALUES ('SELECT FROM volume WHERE has_ancestor(path, ''patient/29'')')) x (q);
DROP INDEX volume_path;
CREATE TABLE written AS SELECT path::text AS path FROM volume WHERE path IS NOT NULL;
CREATE INDEX written_path ON written USING gist (read_path(path));
ANALYZE written;
SELECT exact >= 90 AS exact FROM estimates('SELECT FROM written WHERE has_ancestor(read_path(path), %L)');

-- a parent table has no index on its children, but these have
CREATE TABLE parted (LIKE volume) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (MINVALUE) TO (20000);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (20000) TO (MAXVALUE);
INSERT INTO parted SELECT id, valid, path FROM volume;
CREATE INDEX parted_path ON parted USING gist (path);
ANALYZE parted;
-- each partition gives one row at least
SELECT count(*) AS asked, count(*) FILTER (WHERE NOT estimated(q, 256) BETWEEN volumes AND volumes + 1) <= 5 AS exact
FROM patient, LATERAL format('SELECT FROM parted WHERE has_ancestor(path, %L)', identifier) q WHERE volumes IN (3, 40);

--
-- who may not read all rows, gets what statistics say, as if there were no index
--
CREATE INDEX volume_path ON volume USING gist (path);
CREATE ROLE test_probe_reader;
CREATE ROLE test_probe_other;
GRANT USAGE ON SCHEMA test_probe TO test_probe_reader, test_probe_other;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test_probe TO test_probe_reader, test_probe_other;
GRANT SELECT ON volume TO test_probe_reader;
CREATE VIEW open_view AS SELECT * FROM volume WHERE id > 0;
CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM volume WHERE id > 0;
GRANT SELECT ON open_view, barrier TO test_probe_other, test_probe_reader;
CREATE FUNCTION counted(relation text) RETURNS boolean LANGUAGE sql
RETURN estimated(format('SELECT FROM %I WHERE has_ancestor(path, ''patient/29'')', relation), 256)
	<> estimated(format('SELECT FROM %I WHERE has_ancestor(path, ''patient/29'')', relation), 0);
SET ROLE test_probe_reader;
SELECT counted('volume') AS may_read;
RESET ROLE;
-- the owner of the views may read all rows, but a barrier is one
SET ROLE test_probe_other;
SELECT counted('open_view') AS open_view, counted('barrier') AS barrier;
RESET ROLE;
ALTER TABLE volume ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON volume TO test_probe_reader USING (id % 2 = 0);
SET ROLE test_probe_reader;
SELECT counted('volume') AS under_a_policy;
RESET ROLE;
SELECT counted('volume') AS owner;
-- nor does a join tell
CREATE FUNCTION counted_join() RETURNS boolean LANGUAGE sql
RETURN estimated('SELECT FROM large p JOIN volume v ON has_ancestor(v.path, p.identifier)', 256)
	<> estimated('SELECT FROM large p JOIN volume v ON has_ancestor(v.path, p.identifier)', 0);
GRANT SELECT ON large TO test_probe_reader;
SELECT counted_join() AS owner;
SET ROLE test_probe_reader;
SELECT counted_join() AS under_a_policy;
RESET ROLE;
-- without statistics the server does not look at privileges: no count either
DELETE FROM pg_statistic WHERE starelid = 'volume'::regclass;
SET ROLE test_probe_reader;
SELECT counted('volume') AS under_a_policy;
RESET ROLE;

DROP SCHEMA test_probe CASCADE;
DROP ROLE test_probe_reader, test_probe_other;
