--
-- versions_history: history, changes and timeline
--
-- Promise: history tells of each version what differs from the one before, changes
-- what two instants differ in below an ancestor, and timeline counts what count would
-- count at each step; against the states themselves, by index, with the caller's rights.
--
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
SET search_path = public, vxp;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET jit = off;
SELECT create_resource_type('Site', 'title text', versioned => true);
SELECT create_resource_type('Subject', 'note json', parents => '{Site}', versioned => true);
SELECT create_resource_type('Scan', 'size numeric, taken timestamptz, flags text[]', parents => '{Subject}', versioned => true);
SELECT create_resource_type('Flat', 'x int', versioned => false);

--
-- Which fields changed
--
INSERT INTO site (identifier, title, valid_from) VALUES ('site/a', 'A', '2019-01-01'), ('site/b', 'B', '2019-01-01'), ('site/c', 'C', '2019-01-01');
INSERT INTO subject (identifier, parent_identifier, note, valid_from, valid_to) VALUES
	('subject/x', 'site/a', '{"k": 1}', '2020-01-01', '2022-01-01'), ('subject/x', 'site/b', '{"k": 1}', '2022-01-01', NULL);
INSERT INTO scan (identifier, parent_identifier, size, taken, flags, metadata, created_at, valid_from, valid_to) VALUES
	('scan/1', 'subject/x', 1.0, '2020-01-01 12:00+02', '{a}', '{"user": {"score": 1, "tags": ["t"], "who": {"name": "n"}}, "old": true}', '2020-01-01', '2020-01-01', '2021-01-01'),
	('scan/1', 'subject/x', 1.00, '2020-01-01 12:00+02', '{a,b}', '{"user": {"score": 1, "tags": ["t", "u"], "who": {}}, "new": null}', '2020-01-01', '2021-01-01', '2022-01-01'),
	('scan/1', 'subject/x', 1.00, '2020-01-01 12:00+02', '{a,b}', '{"user": {"score": 1, "tags": ["t", "u"], "who": {}}, "new": null}', '2020-01-01', '2022-01-01', '2023-01-01'),
	('scan/1', 'subject/x', 2, NULL, NULL, NULL, '2024-01-01', '2024-01-01', NULL);
SELECT valid_from::date, valid_to::date, change, changed, old, new - 'license' - 'derived_from' - 'parent_identifier' - 'site_id' - 'subject_id' AS new FROM history('Scan', 'scan/1');
-- JSON text that means the same is no change of a field, though a version; the past is shown whatever the setting
SET vxp.as_of = '2021-06-01';
SELECT valid_from::date, change, changed, old, new FROM history('Subject', 'subject/x') OFFSET 1;
RESET vxp.as_of;
SELECT count(*) FROM history('Scan', 'scan/0');
SELECT * FROM history('Flat', 'flat/1');
\echo :SQLSTATE
SELECT * FROM history('Scans', 'scan/1');
\echo :SQLSTATE
-- plain writes
INSERT INTO scan (identifier, parent_identifier, size) VALUES ('scan/2', 'subject/x', 5);
UPDATE scan SET metadata = '{"user": {"a.b": 1, "": 2}}' WHERE identifier = 'scan/2' AND valid_to IS NULL;
UPDATE scan SET size = 5 WHERE identifier = 'scan/2' AND valid_to IS NULL;
UPDATE scan SET size = 6, metadata = '{"user": {"a.b": 2, "": 2}}' WHERE identifier = 'scan/2' AND valid_to IS NULL;
UPDATE subject SET parent_identifier = 'site/c' WHERE identifier = 'subject/x' AND valid_to IS NULL;
DELETE FROM scan WHERE identifier = 'scan/2' AND valid_to IS NULL;
SELECT change, changed, old, CASE WHEN change <> 'added' THEN new END AS new, valid_to IS NULL AS open FROM history('Scan', 'scan/2');
-- a document with versions: its own paths
CREATE TABLE doc (id text NOT NULL, doc jsonb, since timestamptz NOT NULL, until timestamptz, weight float8);
SELECT register('Doc', 'doc', id => 'id', document => 'doc', fields => '{"valid_from": "since", "valid_to": "until", "mass": "weight"}');
INSERT INTO doc VALUES ('d', '{"a": {"b": 1}, "same": [1]}', '2020-01-01', '2021-01-01', 0.5), ('d', '{"a": {"b": 2}, "same": [1]}', '2021-01-01', NULL, 0.25);
SELECT change, changed, old, new FROM history('Doc', 'd');
SELECT * FROM changes('Doc', NULL, '2020-06-01', '2021-06-01');
SELECT * FROM changes('Doc', 'site/a', '2020-06-01');
\echo :SQLSTATE
-- more columns than a function has arguments
DO $$ BEGIN EXECUTE format('CREATE TABLE wide (id text, since timestamptz, until timestamptz, %s)', (SELECT string_agg(format('c%s int', i), ', ') FROM generate_series(1, 130) i)); END $$;
SELECT register('Wide', 'wide', id => 'id', fields => '{"valid_from": "since", "valid_to": "until"}');
INSERT INTO wide (id, since, until, c1, c130) VALUES ('w', '2020-01-01', '2021-01-01', 1, 1), ('w', '2021-01-01', NULL, 2, 2);
SELECT change, changed, old FROM history('Wide', 'w');

--
-- Changes, against the states at both instants
--
INSERT INTO subject (identifier, parent_identifier, valid_from, valid_to)
SELECT format('subject/%s', i), 'site/' || substr('abcab', i % 3 + p, 1), CASE p WHEN 1 THEN '2020-01-01' ELSE '2020-06-01'::timestamptz + i * interval '10 days' END,
	CASE p WHEN 1 THEN '2020-06-01'::timestamptz + i * interval '10 days' END
FROM generate_series(1, 20) i, generate_series(1, 2) p;
-- cut where the subject moves, so that each version has one path; every seventh scan has a gap, every fourth ends
WITH scan AS (
	SELECT i, i % 20 + 1 AS s, '2020-01-05'::timestamptz + (i * 7 % 300) * interval '1 day' AS start FROM generate_series(10, 259) i
), cut AS (
	SELECT i, s, start + n * (i % 5 + 1) * interval '25 days' AS at, n FROM scan, generate_series(0, 6) n
	UNION SELECT i, s, '2020-06-01'::timestamptz + s * interval '10 days', 9 FROM scan WHERE start < '2020-06-01'::timestamptz + s * interval '10 days'
), piece AS (
	SELECT i, s, at AS since, lead(at) OVER w AS until, row_number() OVER w AS n FROM (SELECT DISTINCT i, s, at FROM cut) c WINDOW w AS (PARTITION BY i ORDER BY at)
)
INSERT INTO scan (identifier, parent_identifier, size, metadata, created_at, valid_from, valid_to)
SELECT format('scan/%s', i), format('subject/%s', s), n / 2, jsonb_build_object('n', n % 3), '2020-01-01', since, until
FROM piece WHERE NOT (i % 7 = 0 AND n = 2) AND (until IS NOT NULL OR i % 4 > 0);
SELECT count(*) > 1000 AS enough FROM scan;
CREATE TABLE asked AS
SELECT a AS ancestor, f AS since, f + d AS until
FROM unnest('{site/a,site/b,subject/3,subject/17,site/none,NULL}'::text[]) a,
	generate_series('2020-02-10'::timestamptz, '2020-09-20', '53 days') f, unnest('{0,1 day,90 days,400 days,-120 days}'::interval[]) d;
CREATE TABLE state AS
SELECT i.at, s.identifier, s.lineage, to_jsonb(s) - 'valid_from' - 'valid_to' - 'taken' - 'created_at' AS item
FROM (SELECT since AS at FROM asked UNION SELECT until FROM asked) i JOIN scan s ON s.valid_from <= i.at AND coalesce(s.valid_to > i.at, true);
CREATE INDEX ON state (at, identifier);
ANALYZE state;
CREATE TABLE expected AS
SELECT a.*, d.* FROM asked a, LATERAL (
	SELECT coalesce(o.identifier, n.identifier) AS identifier,
		CASE WHEN o IS NULL THEN 'added' WHEN n IS NULL THEN 'removed' WHEN o.lineage <> n.lineage THEN 'moved' ELSE 'changed' END AS change,
		coalesce(o.item, '{}') AS item
	FROM (SELECT * FROM state WHERE at = a.since) o FULL JOIN (SELECT * FROM state WHERE at = a.until) n ON n.identifier = o.identifier
	WHERE o.item IS DISTINCT FROM n.item
		AND (a.ancestor IS NULL OR coalesce(has_ancestor(o.lineage, a.ancestor), false) OR coalesce(has_ancestor(n.lineage, a.ancestor), false))) d;
CREATE TABLE found AS
SELECT a.*, c.* FROM asked a, changes('Scan', a.ancestor, a.since, a.until) c;
SELECT change, count(*) > 100 AS enough FROM expected GROUP BY 1 ORDER BY 1;
SELECT count(*) AS wrong FROM ((SELECT ancestor, since, until, identifier, change FROM expected EXCEPT ALL SELECT ancestor, since, until, identifier, change FROM found)
	UNION ALL (SELECT ancestor, since, until, identifier, change FROM found EXCEPT ALL SELECT ancestor, since, until, identifier, change FROM expected)) d;
-- old is what was there; a change that names no field, or nothing below nobody, is none
SELECT count(*) AS wrong FROM found f JOIN expected e USING (ancestor, since, until, identifier)
WHERE f.change IN ('changed', 'moved') AND (f.old -> 'size' <> e.item -> 'size' OR f.changed = '{}' OR f.change = 'moved' AND f.old -> 'lineage' <> e.item -> 'lineage');
SELECT count(*) FROM found WHERE ancestor = 'site/none' OR since = until;
-- the way back undoes the way there
SELECT count(*) AS wrong FROM changes('Scan', 'site/a', '2020-05-01', '2020-12-01') t
	FULL JOIN changes('Scan', 'site/a', '2020-12-01', '2020-05-01') b USING (identifier)
WHERE t.old IS DISTINCT FROM b.new OR t.new IS DISTINCT FROM b.old OR t.changed IS DISTINCT FROM b.changed;
-- up to now
SELECT count(*) > 10 AS some, count(*) FILTER (WHERE NOT EXISTS (SELECT FROM scan s WHERE s.identifier = c.identifier AND valid_to IS NULL) <> (change = 'removed')) AS wrong
FROM changes('Scan', 'site/a', '2020-06-01') c;
SELECT * FROM changes('Scan', 'site/a', NULL);
\echo :SQLSTATE
SELECT * FROM changes('Flat', NULL, '2020-01-01');
-- nothing is read but what lies below, by index
ANALYZE scan, scan_history;
BEGIN;
SET LOCAL enable_seqscan = off;
SELECT seq_scan AS seq_before, idx_scan AS idx_before FROM pg_stat_xact_user_tables WHERE relname = 'scan' \gset
SELECT count(*) FROM changes('Scan', 'subject/3', '2020-05-01', '2020-12-01');
SELECT seq_scan - :seq_before AS sequential, idx_scan > :idx_before AS by_index FROM pg_stat_xact_user_tables WHERE relname = 'scan';
COMMIT;

--
-- Timelines, against counts
--
CREATE TABLE request (dql text);
INSERT INTO request VALUES ('{"resource": "Scan"}'), ('{"resource": "Scan", "filter": {"size": {"$gte": 2}}}'),
	('{"resource": "Scan", "filter": {"$hasAncestor": "site/b"}}'), ('{"resource": "Scan", "filter": {"$hasAncestor": ["subject/3", "subject/4"], "metadata.n": 1}}'),
	('{"resource": "Scan", "filter": {"size": {"$ne": 1}}, "skip": 20, "limit": 100, "pageSize": 5}'),
	('{"resource": "Scan", "filter": {"valid_to": null}}'),
	('{"resource": "Scan", "intersect": {"query": {"filter": {"size": {"$gt": 0}}}}, "except": {"query": {"filter": {"metadata.n": 2}}}}'),
	-- other types with versions: instant by instant
	('{"resource": "Scan", "filter": {"parent_identifier": {"$in": {"resource": "Subject", "filter": {"parent_identifier": "site/a"}, "select": "identifier"}}}}'),
	('{"resource": "Subject", "join": {"on": {"resource": "Scan", "local": "parent_identifier", "forigen": "identifier"}, "filter": {"size": 2}, "quantifier": "none"}}'),
	('{"resource": "Flat", "join": {"on": {"resource": "Scan", "local": "size", "forigen": "x"}}}'),
	-- other types without: one pass
	('{"resource": "Scan", "filter": {"size": {"$in": {"resource": "Flat", "select": "x"}}}}'), ('{"resource": "Flat"}');
INSERT INTO flat (identifier, x) VALUES ('flat/1', 1), ('flat/2', 3);
SELECT count(*) AS steps, count(DISTINCT t.count) > 3 AS varied, count(*) FILTER (WHERE t.count <> c.count) AS wrong, r.dql::json ->> 'resource' AS resource
FROM request r, timeline(r.dql, '2019-12-15', '2021-07-01', '37 days') t,
	LATERAL (SELECT vxp.count((r.dql::jsonb || jsonb_build_object('asOf', iso8601(t.at)))::text) AS count) c
GROUP BY r.ctid, r.dql ORDER BY r.ctid;
-- at the very begin of a version, and the microsecond before
SELECT count(*) AS instants, count(*) FILTER (WHERE t.count <> (SELECT count(*) FROM scan v WHERE valid_at(v.valid_from, v.valid_to, t.at))) AS wrong
FROM (SELECT DISTINCT valid_from - interval '1 us' AS since FROM scan WHERE valid_from < '2022-01-01' ORDER BY 1 LIMIT 60) s, timeline('{"resource": "Scan"}', s.since, s.since + interval '1 us', '1 us') t;
-- the setting does not matter
SET vxp.as_of = '2020-02-01';
SELECT count(DISTINCT count) > 3 AS varied FROM timeline('{"resource": "Scan"}', '2019-12-15', '2021-07-01', '23 days');
RESET vxp.as_of;
-- the instants of generate_series
SELECT count(*) AS differ FROM (SELECT at FROM timeline('{"resource": "Scan"}', '2020-01-31', '2020-12-31', '1 month') EXCEPT ALL SELECT generate_series('2020-01-31', '2020-12-31'::timestamptz, '1 month')) d;
SELECT count(*) FROM timeline('{"resource": "Scan"}', '2020-01-02', '2020-01-01', '1 day');
-- one pass, however many steps; a worker of a forced parallel plan would count for itself (as 16 and newer call force_parallel_mode)
SELECT CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END AS forced \gset
BEGIN;
SET LOCAL :forced = off;
SELECT seq_scan + idx_scan AS before FROM pg_stat_xact_user_tables WHERE relname = 'scan' \gset
SELECT count(*) FROM timeline('{"resource": "Scan"}', '2020-01-01', '2021-01-01', '1 hour');
-- the planner may look at the ends of indexes, too
SELECT seq_scan + idx_scan - :before BETWEEN 1 AND 6 AS one_pass FROM pg_stat_xact_user_tables WHERE relname = 'scan';
COMMIT;
SELECT * FROM timeline('{"resource": "Scan"}', '2020-01-01', '2021-01-01', '0');
\echo :SQLSTATE
SELECT * FROM timeline('{"resource": "Scan"}', '2020-01-01', '2021-01-01', '-1 day');
SELECT * FROM timeline('{"resource": "Scan"}', '2020-01-01', '2021-01-01', '1 month -31 days');
SELECT * FROM timeline('{"resource": "Scan"}', '2020-01-01', 'infinity', '1 day');
SELECT * FROM timeline('{"resource": "Scan"}', '2020-01-01', '2021-01-01', '1 second');
\echo :SQLSTATE
SELECT * FROM timeline('{"resource": "Scan", "asOf": "2020-01-01"}', '2020-01-01', '2021-01-01', '1 day');
SELECT * FROM timeline('{"resource": "Scan", "versions": "all"}', '2020-01-01', '2021-01-01', '1 day');
SELECT * FROM timeline('{"resource": "Scan", "filter": {}, "delete": true}', '2020-01-01', '2021-01-01', '1 day');
SELECT * FROM timeline('{"resource": "Scan", "filter": {"size": {"$param": 1}}}', '2020-01-01', '2021-01-01', '1 day');
SELECT count(*) FROM timeline('{"resource": "Scan"}', NULL, '2021-01-01', '1 day');

--
-- Rights: a version that a policy hides was never there
--
CREATE ROLE regress_history;
GRANT SELECT ON scan TO regress_history;
GRANT SELECT (identifier, valid_from, valid_to) ON subject TO regress_history;
ALTER TABLE scan ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON scan USING (size < 2 AND identifier <> 'scan/11');
SET ROLE regress_history;
SELECT valid_from::date, change FROM history('Scan', 'scan/1');
SELECT count(*) FROM history('Scan', 'scan/11');
SELECT * FROM history('Subject', 'subject/x');
\echo :SQLSTATE
SELECT count(*) FILTER (WHERE coalesce((old ->> 'size')::numeric, 0) >= 2 OR coalesce((new ->> 'size')::numeric, 0) >= 2 OR identifier = 'scan/11') AS leaked, count(*) > 10 AS some
FROM changes('Scan', 'site/a', '2020-05-01', '2020-12-01');
SELECT count(*) FILTER (WHERE t.count <> vxp.count(format('{"resource": "Scan", "asOf": "%s"}', iso8601(t.at)))) AS wrong, max(t.count) > 20 AS some
FROM timeline('{"resource": "Scan"}', '2020-01-01', '2021-01-01', '1 month') t;
RESET ROLE;

DROP TABLE asked, state, expected, found, request;
SELECT unregister('Doc'), unregister('Wide');
DROP TABLE doc, wide;
SELECT drop_resource_type(t) FROM unnest('{Scan,Subject,Site,Flat}'::text[]) t;
DROP ROLE regress_history;
