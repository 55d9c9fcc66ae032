--
-- versions: the past corrected, removed, checked
--
-- Covers: check_versions and check_lineage on faults planted behind the
-- triggers' back, each found and nothing else; correct: splits, moves, ends,
-- rights; purge; a history of random events against a replay of it.
--
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
CREATE SCHEMA versions_check;
SET search_path = versions_check, vxp;
SELECT create_resource_type('KRoot', versioned => true);
SELECT create_resource_type('KNode', 'n int, tags text[], doc jsonb', parents => '{KRoot,KNode}', versioned => true);
INSERT INTO kroot (identifier, valid_from) VALUES ('kroot/1', '2000-01-01'), ('kroot/2', '2000-01-01');
INSERT INTO knode (identifier, parent_identifier, n, valid_from) VALUES ('knode/a', 'kroot/1', 1, '2001-01-01'), ('knode/b', 'knode/a', 2, '2001-06-01'),
	('knode/c', 'knode/b', 3, '2002-01-01');
CREATE VIEW faults AS
	SELECT c.identifier, c.problem FROM check_lineage('KNode') c UNION ALL SELECT c.identifier, c.problem FROM check_versions('KNode') c;
CREATE VIEW history AS SELECT identifier, n, lineage::text AS path, kroot_id, valid_from::date AS since, valid_to::date AS until FROM knode ORDER BY identifier, valid_from;

--
-- correct
--
-- in the middle, at the begin, for ever; what lies outside of the interval stays
SELECT correct('KNode', 'knode/c', '2003-01-01', '2004-01-01', '{"n": 30, "tags": ["x", "y"], "doc": {"a": [1]}}');
SELECT correct('KNode', 'knode/c', '1999-01-01', '2002-02-01', '{"n": 29}');
SELECT correct('KNode', 'knode/c', '2005-01-01', NULL, '{"n": 31}');
SELECT correct('KNode', 'knode/c', '2005-06-01', 'infinity', '{"n": 32}');
SELECT identifier, n, since, until, tags, doc FROM history JOIN knode k USING (identifier, n) WHERE k.valid_from::date = since AND identifier = 'knode/c' ORDER BY since;
-- over several versions; where nothing changes, nothing is split
SELECT correct('KNode', 'knode/c', '2002-01-15', '2003-06-01', '{"n": 30}');
SELECT n, since, until FROM history WHERE identifier = 'knode/c';
-- the present can be changed as of a day, and goes on being changed
UPDATE knode SET n = 33 WHERE identifier = 'knode/c' AND valid_to IS NULL;
SELECT count(*) FROM knode WHERE identifier = 'knode/c' AND valid_to IS NULL AND n = 33 AND valid_from > '2020-01-01';
-- a move in the past takes along what lay below, with splits at both ends
SELECT correct('KNode', 'knode/a', '2003-07-01', '2005-03-01', '{"parent_identifier": "kroot/2"}');
SELECT * FROM history WHERE identifier <> 'knode/c';
-- the last of them ended when the transaction above did
SELECT n, path, since, CASE WHEN until < '2020-01-01' THEN until END AS until FROM history WHERE identifier = 'knode/c' AND since < '2020-01-01';
SELECT * FROM faults;
-- into a parent that itself moved: the version is split where that did
SELECT correct('KNode', 'knode/c', '2003-05-01', '2003-08-01', '{"parent_identifier": "knode/a"}');
SELECT path, since, until FROM history WHERE identifier = 'knode/c' AND since BETWEEN '2003-03-01' AND '2003-12-31';
SELECT * FROM faults;
-- out of an interval: refused while others lie below, else a gap
SELECT correct('KNode', 'knode/b', '2002-06-01', '2002-07-01', NULL);
\echo :SQLSTATE
SELECT correct('KNode', 'knode/c', '2002-06-01', '2002-07-01', NULL);
SELECT correct('KNode', 'knode/b', '2002-06-01', '2002-07-01', NULL);
SELECT identifier, valid_from, valid_to, problem FROM check_versions('KNode', gaps => true);
SELECT * FROM faults;
-- an end that was forgotten, and a resource that never was
INSERT INTO knode (identifier, parent_identifier, n, valid_from) VALUES ('knode/d', 'kroot/1', 4, '2010-01-01'), ('knode/e', 'kroot/1', 4, '2010-01-01');
SELECT correct('KNode', 'knode/d', '2015-01-01', NULL, NULL);
SELECT correct('KNode', 'knode/e', '-infinity', NULL, NULL);
SELECT identifier, since, until FROM history WHERE identifier IN ('knode/d', 'knode/e');
-- refused
SELECT correct('KNode', 'knode/e', '2010-01-01', NULL, '{"n": 1}');
\echo :SQLSTATE
SELECT correct('KNode', 'knode/d', '2010-01-01', '2010-01-01', '{"n": 1}');
\echo :SQLSTATE
SELECT correct('KNode', 'knode/d', '2010-01-01', NULL, '{"nosuch": 1}');
\echo :SQLSTATE
SELECT correct('KNode', 'knode/d', '2010-01-01', NULL, '{"valid_to": null}');
\echo :SQLSTATE
SELECT correct('KNode', 'knode/d', '2010-01-01', NULL, '{"kroot_id": "kroot/2"}');
\echo :SQLSTATE
SELECT correct('KNode', 'knode/d', '2010-01-01', NULL, '[1]');
\echo :SQLSTATE
SELECT correct('KNode', 'knode/d', NULL, NULL, '{"n": 1}');
\echo :SQLSTATE
SELECT correct('knode', 'knode/d', '2010-01-01', NULL, '{"n": 1}');
\echo :SQLSTATE
SELECT correct('KNode', 'knode/c', '2001-01-01', NULL, '{"parent_identifier": "knode/c"}');
\echo :SQLSTATE
SELECT correct('KNode', 'knode/d', '1990-01-01', NULL, '{"parent_identifier": "kroot/9"}');
\echo :SQLSTATE
SET vxp.as_of = '2012-01-01';
SELECT correct('KNode', 'knode/d', '2010-01-01', '2011-01-01', '{"n": 1}');
\echo :SQLSTATE
RESET vxp.as_of;
-- it is no way around rights: the caller needs them on the table, and row security holds
SET client_min_messages = error;
DROP ROLE IF EXISTS vxp_corrector;
RESET client_min_messages;
CREATE ROLE vxp_corrector;
GRANT USAGE ON SCHEMA versions_check TO vxp_corrector;
GRANT SELECT ON knode TO vxp_corrector;
SET ROLE vxp_corrector;
SELECT correct('KNode', 'knode/d', '2010-01-01', '2011-01-01', '{"n": 1}');
\echo :SQLSTATE
SELECT purge('KNode', now());
\echo :SQLSTATE
RESET ROLE;
GRANT INSERT, UPDATE ON knode TO vxp_corrector;
ALTER TABLE knode ENABLE ROW LEVEL SECURITY;
CREATE POLICY corrections ON knode TO vxp_corrector USING (identifier = 'knode/d') WITH CHECK (n < 10);
SET ROLE vxp_corrector;
SELECT correct('KNode', 'knode/d', '2010-01-01', '2011-01-01', '{"n": 11}');
\echo :SQLSTATE
SELECT correct('KNode', 'knode/d', '2010-01-01', '2011-01-01', '{"n": 9}');
SELECT correct('KNode', 'knode/a', '2003-07-01', '2003-08-01', '{"n": 9}');
\echo :SQLSTATE
-- the steps of it change nothing on their own
SELECT catalog_correct('KNode', 'knode/d', '2010-01-01', '2010-06-01', '{"n": 8}');
\echo :SQLSTATE
RESET ROLE;
ALTER TABLE knode DISABLE ROW LEVEL SECURITY;
DROP POLICY corrections ON knode;
REVOKE ALL ON knode FROM vxp_corrector;
REVOKE ALL ON SCHEMA versions_check FROM vxp_corrector;
DROP ROLE vxp_corrector;
SELECT * FROM faults;

--
-- purge
--
SET client_min_messages = notice;
CREATE TABLE present AS SELECT * FROM knode WHERE valid_to IS NULL;
SELECT purge('KRoot', '2020-01-01');
SELECT purge('KNode', '2003-06-15');
-- what is left ended later, or keeps others below it in the tree
SELECT identifier, since, until FROM history WHERE until <= '2003-06-15';
SELECT * FROM faults;
SELECT count(*) FROM (SELECT * FROM present EXCEPT SELECT * FROM knode WHERE valid_to IS NULL) lost;
SELECT purge('KNode', NULL);
\echo :SQLSTATE
SET client_min_messages = warning;

--
-- Faults that are planted, one of each kind: found, and nothing else
--
TRUNCATE knode, kroot;
INSERT INTO kroot (identifier, valid_from, valid_to) VALUES ('kroot/1', '2000-01-01', '2010-01-01'), ('kroot/1', '2010-01-01', NULL), ('kroot/2', '2000-01-01', NULL);
INSERT INTO knode (identifier, parent_identifier, n, valid_from, valid_to)
	SELECT 'knode/' || i, 'kroot/1', i, '2001-01-01'::timestamptz + v * interval '1 year', CASE v WHEN 3 THEN NULL ELSE '2001-01-01'::timestamptz + (v + 1) * interval '1 year' END
	FROM generate_series(1, 30) i, generate_series(0, 3) v;
SELECT * FROM faults;
BEGIN;
ALTER TABLE knode DISABLE TRIGGER USER, DROP CONSTRAINT knode_validity_check;
ALTER TABLE knode_history DISABLE TRIGGER USER;
UPDATE knode SET valid_to = '2003-02-01' WHERE identifier = 'knode/1' AND valid_from = '2002-01-01';
UPDATE knode SET valid_to = valid_from WHERE identifier = 'knode/2' AND valid_from = '2002-01-01';
UPDATE knode SET valid_to = valid_from - interval '1 day' WHERE identifier = 'knode/3' AND valid_from = '2002-01-01';
UPDATE knode SET valid_from = '1999-06-01' WHERE identifier = 'knode/4' AND valid_from = '2001-01-01';
UPDATE knode SET valid_to = 'infinity' WHERE identifier = 'knode/5' AND valid_to IS NULL;
UPDATE knode SET parent_identifier = 'kroot/2' WHERE identifier = 'knode/6' AND valid_from = '2002-01-01';
UPDATE knode SET lineage = 'kroot/2 > knode/7' WHERE identifier = 'knode/7' AND valid_from = '2002-01-01';
UPDATE knode SET kroot_id = 'kroot/2' WHERE identifier = 'knode/8' AND valid_from = '2003-01-01';
UPDATE knode SET parent_identifier = 'kroot/9' WHERE identifier = 'knode/9' AND valid_from = '2003-01-01';
DELETE FROM knode WHERE identifier = 'knode/10' AND valid_from = '2002-01-01';
SELECT identifier, valid_from, valid_to, problem FROM check_versions('KNode', gaps => true) ORDER BY identifier COLLATE "C", problem COLLATE "C";
SELECT identifier, lineage, problem FROM check_lineage('KNode') ORDER BY identifier COLLATE "C";
ROLLBACK;
-- the parent's version is gone, behind the triggers' back: all 30 x 4 below lack it some of the time, and nobody else does
BEGIN;
ALTER TABLE kroot DISABLE TRIGGER USER;
ALTER TABLE kroot_history DISABLE TRIGGER USER;
DELETE FROM kroot WHERE valid_to = '2010-01-01';
SELECT count(*), count(DISTINCT identifier), min(problem) FROM check_versions('KNode');
ROLLBACK;
SELECT * FROM faults;

--
-- Events at random against a replay that knows nothing of versions
--
TRUNCATE knode, kroot;
INSERT INTO kroot (identifier, valid_from) VALUES ('kroot/1', '2000-01-01'), ('kroot/2', '2000-01-01');
CREATE TABLE event (seq int GENERATED ALWAYS AS IDENTITY, op text, id text, parent text, n int, since timestamptz, until timestamptz);
SELECT setseed(0.4);
DO $$
DECLARE
	e event;
	began timestamptz := clock_timestamp();
BEGIN
	FOR i IN 1 .. 800 LOOP
		e := NULL;
		e.id := 'knode/' || (random() * 25)::int;
		e.n := (random() * 5)::int;
		e.parent := CASE WHEN random() < 0.2 THEN 'kroot/' || 1 + (random() * 1)::int ELSE 'knode/' || (random() * 25)::int END;
		e.since := now();
		e.until := 'infinity';
		e.op := (ARRAY['create', 'create', 'update', 'move', 'move', 'delete', 'correct', 'remove'])[1 + (random() * 7)::int];
		IF e.op IN ('correct', 'remove') THEN
			-- some time since the first event, up to now at most: what is open goes on in the future
			e.since := began + random() * (now() - began);
			e.until := CASE WHEN random() < 0.3 THEN 'infinity' ELSE least(e.since + random() * (now() - began), now()) END;
			IF random() < 0.5 THEN
				e.n := NULL;
			ELSE
				e.parent := NULL;
			END IF;
		END IF;
		BEGIN
			CASE e.op
				WHEN 'create' THEN INSERT INTO knode (identifier, parent_identifier, n) VALUES (e.id, e.parent, e.n);
				WHEN 'update' THEN UPDATE knode SET n = e.n WHERE identifier = e.id AND valid_to IS NULL;
				WHEN 'move' THEN UPDATE knode SET parent_identifier = e.parent WHERE identifier = e.id AND valid_to IS NULL;
				WHEN 'delete' THEN DELETE FROM knode WHERE identifier = e.id AND valid_to IS NULL;
				WHEN 'correct' THEN PERFORM correct('KNode', e.id, e.since, e.until,
					CASE WHEN e.n IS NULL THEN jsonb_build_object('parent_identifier', e.parent) ELSE jsonb_build_object('n', e.n) END);
				WHEN 'remove' THEN PERFORM correct('KNode', e.id, e.since, e.until, NULL);
			END CASE;
			INSERT INTO event (op, id, parent, n, since, until) VALUES (e.op, e.id, e.parent, e.n, e.since, e.until);
		EXCEPTION
			-- what the tree does not allow
			WHEN unique_violation OR foreign_key_violation OR check_violation OR no_data_found OR invalid_parameter_value THEN NULL;
		END;
		COMMIT;
	END LOOP;
END $$;
-- enough of each kind happened
SELECT op, count(*) > 10 AS enough FROM event GROUP BY op ORDER BY op COLLATE "C";
-- the replay: each event changes what there is at those it is about, in the order of events
CREATE TABLE replay (at timestamptz, id text, parent text, n int, PRIMARY KEY (at, id));
-- instants at random, and those at which something happened
CREATE TABLE instant AS
	SELECT min(since) + random() * (max(since) - min(since)) AS at FROM event, generate_series(1, 60) i GROUP BY i
	UNION SELECT since FROM (SELECT since FROM event WHERE seq % 20 = 0) e;
DO $$
DECLARE
	e event;
BEGIN
	FOR e IN SELECT * FROM event ORDER BY seq LOOP
		CASE e.op
			WHEN 'create' THEN INSERT INTO replay SELECT i.at, e.id, e.parent, e.n FROM instant i WHERE i.at >= e.since;
			WHEN 'update' THEN UPDATE replay SET n = e.n WHERE id = e.id AND at >= e.since;
			WHEN 'move' THEN UPDATE replay SET parent = e.parent WHERE id = e.id AND at >= e.since;
			WHEN 'delete' THEN DELETE FROM replay WHERE id = e.id AND at >= e.since;
			WHEN 'correct' THEN UPDATE replay SET n = coalesce(e.n, n), parent = coalesce(e.parent, parent) WHERE id = e.id AND at >= e.since AND at < e.until;
			WHEN 'remove' THEN DELETE FROM replay WHERE id = e.id AND at >= e.since AND at < e.until;
		END CASE;
	END LOOP;
END $$;
CREATE TABLE expected AS
	WITH RECURSIVE path AS (
		SELECT at, id, n, ARRAY[parent, id] AS labels FROM replay WHERE parent LIKE 'kroot/%'
		UNION ALL SELECT r.at, r.id, r.n, p.labels || r.id FROM path p JOIN replay r ON r.at = p.at AND r.parent = p.id)
	SELECT at, id, n, lineage(labels)::text AS path, labels[1] AS root FROM path;
SELECT count(*) > 500 AS enough, (SELECT count(*) FROM replay) = count(*) AS all_have_paths FROM expected;
-- the same by vxp.as_of, row by row and path by path: (0 and 0)
CREATE TABLE shown (at timestamptz, id text, n int, path text, root text);
DO $$
DECLARE
	i timestamptz;
BEGIN
	FOR i IN SELECT at FROM instant LOOP
		PERFORM set_config('vxp.as_of', i::text, false);
		INSERT INTO shown SELECT i, identifier, n, lineage_path, kroot_id FROM knode_current;
	END LOOP;
	PERFORM set_config('vxp.as_of', '', false);
END $$;
SELECT count(*) FROM (SELECT * FROM shown EXCEPT ALL SELECT * FROM expected) s;
SELECT count(*) FROM (SELECT * FROM expected EXCEPT ALL SELECT * FROM shown) e;
SELECT * FROM faults;

SET client_min_messages = warning;
DROP SCHEMA versions_check CASCADE;
SELECT count(*) FROM resource_types;
