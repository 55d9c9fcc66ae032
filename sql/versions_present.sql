--
-- versions_present: plans of the present leave the table of closed rows out
--
-- Covers: the views, requests and vxp.shown() as a condition of all rows of a
-- table do not even open it; anywhere else in a query they read it; a table that
-- comes to inherit, goes, or is detached is seen by cached plans; writes, row
-- locks, row security and the past are as they were.
--
CREATE SCHEMA versions_present;
SET search_path = versions_present, vxp;
SET timezone = 'UTC';
SET client_min_messages = warning;
SET jit = off;
SELECT create_resource_type('PpSite', 'country text', prefix => 'ppsite'),
	create_resource_type('PpScan', 'n int, other timestamptz', prefix => 'ppscan', parents => '{PpSite}');
INSERT INTO ppsite (identifier, country, valid_from, valid_to) SELECT 'ppsite/' || s, 'v' || v, timestamptz '2020-01-01' + v * interval '1 year', CASE WHEN v < 1 THEN timestamptz '2021-01-01' END
	FROM generate_series(1, 3) s, generate_series(0, 1) v;
INSERT INTO ppscan (identifier, parent_identifier, n, valid_from, valid_to) SELECT 'ppscan/' || i, 'ppsite/' || 1 + i % 2, 10 * v + i, timestamptz '2020-01-01' + v * interval '1 year', CASE WHEN v < 2 THEN timestamptz '2021-01-01' + v * interval '1 year' END
	FROM generate_series(1, 4) i, generate_series(0, 2) v;
ANALYZE ppsite, ppscan, ppsite_history, ppscan_history;
CREATE VIEW two_views AS SELECT identifier, n FROM ppscan_current UNION ALL SELECT identifier, 0 FROM ppsite_current;

-- the answer of a query as text, and which tables of closed rows it took a lock on
CREATE FUNCTION ask(query text) RETURNS TABLE (rows bigint, sum bigint, opened text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*), sum(x)::bigint FROM (%s) q (x)', query) INTO rows, sum;
	SELECT string_agg(DISTINCT relation::regclass::text, ' ') INTO opened FROM pg_locks
		WHERE pid = pg_backend_pid() AND locktype = 'relation' AND relation IN ('ppsite_history'::regclass, 'ppscan_history'::regclass);
	RETURN NEXT;
END $$;

-- left out
SELECT * FROM ask('SELECT n FROM ppscan_current');
SELECT * FROM ask('SELECT n FROM ppscan t WHERE n > 21 AND shown(t.valid_from, t.valid_to)');
SELECT * FROM ask('SELECT n FROM two_views');
SELECT * FROM ask($$SELECT n FROM vxp.query(NULL::ppscan, '{"filter": {"n": {"$gt": 21}}}')$$);
SELECT * FROM ask($$SELECT n FROM vxp.query(NULL::ppscan, '{"filter": {"parent_identifier": {"$in": {"resource": "PpSite", "filter": {"country": "v1"}, "select": "id"}}}}')$$);
SELECT * FROM ask($$SELECT n FROM vxp.query(NULL::ppscan, '{"filter": {"parent_identifier": {"$nin": {"resource": "PpSite", "filter": {"country": "v0"}, "select": "id"}}}}')$$);
SELECT * FROM ask('SELECT n FROM ppscan_current c JOIN ppsite_current s ON s.identifier = c.parent_identifier');
SELECT * FROM ask('SELECT coalesce(n, 0) FROM ppsite_current s LEFT JOIN ppscan_current c ON s.identifier = c.parent_identifier');
SELECT * FROM ask('SELECT coalesce(n, 0) FROM ppsite_current s LEFT JOIN ppscan c ON s.identifier = c.parent_identifier AND shown(c.valid_from, c.valid_to)');
SELECT * FROM ask('SELECT coalesce(n, 0) FROM ppscan c RIGHT JOIN ppsite_current s ON s.identifier = c.parent_identifier AND shown(c.valid_from, c.valid_to)');
SELECT * FROM ask('SELECT n FROM ppscan_current c FULL JOIN ppsite_current s ON s.identifier = c.parent_identifier');
SELECT * FROM ask('SELECT n FROM ppscan_current c WHERE EXISTS (SELECT FROM ppsite_current s WHERE s.identifier = c.parent_identifier)');
SELECT * FROM ask('SELECT n FROM ppscan_current c WHERE NOT EXISTS (SELECT FROM ppsite_current s WHERE s.identifier = c.parent_identifier AND country = ''v0'')');
SELECT * FROM ask('SELECT (SELECT max(n) FROM ppscan_current c WHERE c.parent_identifier = s.identifier) FROM ppsite_current s');
SELECT * FROM ask('SELECT n FROM ppsite_current s, LATERAL (SELECT n FROM ppscan_current c WHERE c.parent_identifier = s.identifier ORDER BY n LIMIT 1) l');

-- read: not a condition of all rows, or of other columns
SELECT * FROM ask('SELECT n FROM ppscan t WHERE shown(t.valid_from, t.valid_to) OR n = 1');
SELECT * FROM ask('SELECT n FROM ppscan t WHERE NOT shown(t.valid_from, t.valid_to)');
SELECT * FROM ask('SELECT n FROM (SELECT n, shown(t.valid_from, t.valid_to) AS shown FROM ppscan t) q WHERE n < 12');
SELECT * FROM ask('SELECT n FROM ppscan t WHERE shown(t.valid_from, t.other)');
SELECT * FROM ask('SELECT n FROM ppscan c LEFT JOIN ppsite_current s ON s.identifier = c.parent_identifier AND shown(c.valid_from, c.valid_to)');
SELECT * FROM ask('SELECT n FROM ppsite_current s RIGHT JOIN ppscan c ON s.identifier = c.parent_identifier AND shown(c.valid_from, c.valid_to)');
SELECT * FROM ask('SELECT n FROM ppscan c FULL JOIN ppsite_current s ON s.identifier = c.parent_identifier AND country = ''v1'' WHERE shown(c.valid_from, c.valid_to) OR c.n = 2');
SELECT * FROM ask('SELECT a.n FROM ppscan a JOIN ppscan b ON a.identifier = b.identifier AND shown(a.valid_from, b.valid_to)');
-- the same table twice: both times or neither, for 18 removes self-joins of a table with itself and those that inherit
SELECT * FROM ask('SELECT v.n FROM ppscan v JOIN ppscan_current c ON c.identifier = v.identifier AND c.n > 21');
SELECT * FROM ask('SELECT v.n FROM ppscan_current c JOIN ppscan v ON c.identifier = v.identifier AND c.n > 21');
SELECT * FROM ask('SELECT v.n FROM ppscan v WHERE EXISTS (SELECT FROM ppscan_current c WHERE c.identifier = v.identifier AND c.n > 21)');
SELECT * FROM ask('SELECT v.n FROM ppscan_current v JOIN ppscan_current c ON c.identifier = v.identifier AND c.n > 21');
SELECT * FROM ask($$SELECT n FROM vxp.query(NULL::ppscan, '{"versions": "all", "intersect": {"query": {"resource": "PpScan", "filter": {"n": {"$gt": 21}}}}}')$$);
SELECT * FROM ask(to_sql('{"resource": "PpScan", "select": ["n"], "versions": "all", "intersect": {"query": {"resource": "PpScan", "filter": {"n": {"$gt": 21}}}}}'));
SELECT * FROM ask(to_sql('{"resource": "PpScan", "select": ["n"], "intersect": {"query": {"resource": "PpScan", "filter": {"n": {"$gt": 21}}}}}'));
SET vxp.as_of = '2020-06-01';
SELECT * FROM ask('SELECT n FROM ppscan_current');
RESET vxp.as_of;

-- cached plans: another table comes to inherit, and goes; the past and back
PREPARE present AS SELECT count(*), sum(n) FROM ppscan_current;
EXECUTE present;
CREATE TABLE more () INHERITS (ppscan);
INSERT INTO more (identifier, parent_identifier, n, valid_from, lineage) VALUES ('ppscan/more', 'ppsite/1', 1000, '2020-01-01', 'ppsite/1 > ppscan/more');
EXECUTE present;
SELECT * FROM ask('SELECT n FROM ppscan_current');
ALTER TABLE more NO INHERIT ppscan;
EXECUTE present;
ALTER TABLE more INHERIT ppscan;
EXECUTE present;
DROP TABLE more;
EXECUTE present;
SELECT * FROM ask('SELECT n FROM ppscan_current');
SET vxp.as_of = '2020-06-01';
EXECUTE present;
RESET vxp.as_of;
EXECUTE present;
-- what says that it holds closed rows only
BEGIN;
ALTER TABLE ppscan_history DROP CONSTRAINT vxp_closed;
SELECT * FROM ask('SELECT n FROM ppscan_current');
ROLLBACK;
EXECUTE present;

-- writes and row locks
UPDATE ppscan t SET n = n + 100 WHERE shown(t.valid_from, t.valid_to) AND n = 21;
DELETE FROM ppscan t USING ppsite_current s WHERE shown(t.valid_from, t.valid_to) AND s.identifier = t.parent_identifier AND t.n = 22;
SELECT n FROM ppscan_current ORDER BY n FOR UPDATE;
SELECT count(*), count(valid_to) FROM ppscan;

-- row security of the table holds
CREATE ROLE regress_pp_reader;
GRANT USAGE ON SCHEMA versions_present TO regress_pp_reader;
GRANT SELECT ON ppscan, ppscan_current TO regress_pp_reader;
ALTER TABLE ppscan ENABLE ROW LEVEL SECURITY;
CREATE POLICY large ON ppscan TO regress_pp_reader USING (n > 30);
SET ROLE regress_pp_reader;
SELECT n FROM ppscan_current;
SELECT n FROM vxp.query(NULL::ppscan, '{}');
EXPLAIN (COSTS OFF) SELECT n FROM ppscan_current WHERE n < 200;
RESET ROLE;
-- the statement that to_sql prints reads the same table
SELECT to_sql('{"resource": "PpScan", "filter": {"n": 24}}') ~ 'FROM ONLY versions_present.ppscan' AS only;
DROP OWNED BY regress_pp_reader;
DROP ROLE regress_pp_reader;
DROP SCHEMA versions_present CASCADE;
