--
-- versions: what plain writes keep
--
-- Covers: INSERT, UPDATE, DELETE, COPY, upsert, MERGE and their counts and
-- RETURNING; one boundary for a transaction; equal and reversed clocks; changes
-- of nothing; old versions refused; loading of history; overlaps; triggers,
-- foreign keys, generated columns, large values and dropped columns of the
-- user; row security; partitions; registered tables.
--
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
CREATE SCHEMA versions_test;
SET search_path = versions_test, vxp;
SELECT create_resource_type('VSite', versioned => true);
SELECT create_resource_type('VScan', 'size int, note text, big text', parents => '{VSite}', versioned => true);
\d vscan

-- versions of a resource, oldest first: content, does it begin where the last ended, is it open?
CREATE FUNCTION versions_of(id text) RETURNS TABLE (size int, note text, follows boolean, open boolean)
LANGUAGE sql AS $$
	SELECT s.size, s.note, lag(s.valid_to) OVER w = s.valid_from, s.valid_to IS NULL
	FROM versions_test.vscan s WHERE s.identifier = id WINDOW w AS (ORDER BY s.valid_from) ORDER BY s.valid_from
$$;

INSERT INTO vsite (identifier) VALUES ('vsite/a'), ('vsite/b');
INSERT INTO vscan (identifier, parent_identifier, size) VALUES ('vscan/1', 'vsite/a', 1) RETURNING size, valid_from = now() AS begins_now, valid_to;
-- a change keeps what was: the count is 1, RETURNING shows the new version
UPDATE vscan SET size = 2 WHERE identifier = 'vscan/1' RETURNING size, valid_from = now() AS begins_now, valid_to;
SELECT * FROM versions_of('vscan/1');
-- the view is written like the table, and shows current rows alone
UPDATE vscan_current SET size = 3 WHERE identifier = 'vscan/1';
SELECT count(*), max(size) FROM vscan_current WHERE identifier = 'vscan/1';
SELECT * FROM versions_of('vscan/1');

-- a change of nothing makes no version: 1 row is updated, 3 versions remain
UPDATE vscan SET size = 3, note = NULL WHERE identifier = 'vscan/1' AND valid_to IS NULL;
SELECT count(*) FROM versions_of('vscan/1');
-- nor does it hide who began the version from a later change in the transaction
BEGIN;
UPDATE vscan SET size = 3 WHERE identifier = 'vscan/1' AND valid_to IS NULL;
UPDATE vscan SET size = 4 WHERE identifier = 'vscan/1' AND valid_to IS NULL;
-- several changes, one boundary
UPDATE vscan SET size = 5 WHERE identifier = 'vscan/1' AND valid_to IS NULL;
SAVEPOINT s;
UPDATE vscan SET size = 6 WHERE identifier = 'vscan/1' AND valid_to IS NULL;
ROLLBACK TO s;
UPDATE vscan SET note = 'x' WHERE identifier = 'vscan/1' AND valid_to IS NULL;
COMMIT;
SELECT * FROM versions_of('vscan/1');
-- created and changed in one transaction: one version; created and deleted: none
BEGIN;
INSERT INTO vscan (identifier, parent_identifier, size) VALUES ('vscan/2', 'vsite/a', 1), ('vscan/3', 'vsite/a', 1);
UPDATE vscan SET size = 2 WHERE identifier = 'vscan/2';
DELETE FROM vscan WHERE identifier = 'vscan/3';
COMMIT;
SELECT * FROM versions_of('vscan/2');
SELECT * FROM versions_of('vscan/3');
-- changed and deleted: the change leaves no trace
BEGIN;
UPDATE vscan SET size = 7 WHERE identifier = 'vscan/2';
DELETE FROM vscan WHERE identifier = 'vscan/2' AND valid_to IS NULL RETURNING size, valid_to;
COMMIT;
SELECT * FROM versions_of('vscan/2');
-- deleted and created again in one transaction: two versions without a gap
BEGIN;
DELETE FROM vscan WHERE identifier = 'vscan/1' AND valid_to IS NULL;
INSERT INTO vscan (identifier, parent_identifier, size) VALUES ('vscan/1', 'vsite/a', 8);
COMMIT;
SELECT size, follows, open FROM versions_of('vscan/1');

-- old versions stay as they are (versions_plain has more)
UPDATE vscan SET size = 9 WHERE identifier = 'vscan/1' AND valid_to IS NOT NULL;
\echo :SQLSTATE :ROW_COUNT
-- and the interval is not the writer's, unless he says what is true
UPDATE vscan SET valid_to = now() WHERE identifier = 'vscan/1' AND valid_to IS NULL;
\echo :SQLSTATE
UPDATE vscan SET valid_from = '2000-01-01' WHERE identifier = 'vscan/1' AND valid_to IS NULL;
\echo :SQLSTATE
UPDATE vscan SET valid_from = now(), size = 9 WHERE identifier = 'vscan/1' AND valid_to IS NULL RETURNING valid_from = now() AS begins_now;

-- upsert: insert, then change, with counts of one
INSERT INTO vscan (identifier, parent_identifier, size) VALUES ('vscan/4', 'vsite/a', 1)
	ON CONFLICT (identifier) WHERE valid_to IS NULL DO UPDATE SET size = excluded.size;
INSERT INTO vscan (identifier, parent_identifier, size) VALUES ('vscan/4', 'vsite/a', 2)
	ON CONFLICT (identifier) WHERE valid_to IS NULL DO UPDATE SET size = excluded.size, valid_from = excluded.valid_from RETURNING size;
INSERT INTO vscan (identifier, parent_identifier, size) VALUES ('vscan/4', 'vsite/a', 3) ON CONFLICT DO NOTHING;
SELECT size, follows, open FROM versions_of('vscan/4');
INSERT INTO vscan (identifier, parent_identifier, size) VALUES ('vscan/4', 'vsite/a', 2);
\echo :SQLSTATE
-- MERGE: one changed, one inserted, one deleted; 3 rows
MERGE INTO vscan s USING (VALUES ('vscan/4', 4), ('vscan/5', 5), ('vscan/1', NULL)) n(id, size)
	ON s.identifier = n.id AND s.valid_to IS NULL
	WHEN MATCHED AND n.size IS NULL THEN DELETE
	WHEN MATCHED THEN UPDATE SET size = n.size
	WHEN NOT MATCHED THEN INSERT (identifier, parent_identifier, size) VALUES (n.id, 'vsite/b', n.size);
SELECT size, follows, open FROM versions_of('vscan/4');
SELECT size, open FROM versions_of('vscan/5');
SELECT count(*) FILTER (WHERE open) FROM versions_of('vscan/1');
-- COPY
COPY vscan (identifier, parent_identifier, size) FROM stdin;
vscan/6	vsite/a	6
vscan/7	vsite/b	7
\.
SELECT count(*) FROM vscan WHERE valid_from = created_at AND identifier IN ('vscan/6', 'vscan/7') AND valid_to IS NULL;

-- a clock that went back, or stood still: versions that begin in the future end a microsecond later, and the next begins there
INSERT INTO vscan (identifier, parent_identifier, size, valid_from) VALUES ('vscan/8', 'vsite/a', 1, '2999-01-01');
UPDATE vscan SET size = 2 WHERE identifier = 'vscan/8';
UPDATE vscan SET size = 2 WHERE identifier = 'vscan/8' AND valid_to IS NULL;
BEGIN;
-- written as it was, then changed: the version was not begun here
UPDATE vscan SET size = 2 WHERE identifier = 'vscan/8' AND valid_to IS NULL;
UPDATE vscan SET size = 3 WHERE identifier = 'vscan/8' AND valid_to IS NULL;
COMMIT;
DELETE FROM vscan WHERE identifier = 'vscan/8' AND valid_to IS NULL;
-- a new one begins when the last has ended
INSERT INTO vscan (identifier, parent_identifier, size) VALUES ('vscan/8', 'vsite/a', 4) RETURNING valid_from;
SELECT size, valid_from, valid_to FROM vscan WHERE identifier = 'vscan/8' ORDER BY valid_from;

-- history is loaded with its intervals, in any order; infinity means open
COPY vsite (identifier, valid_from, valid_to) FROM stdin;
vsite/h	2001-01-01	2002-01-01
vsite/h	2000-01-01	2001-01-01
vsite/h	2005-01-01	infinity
\.
SELECT valid_from, valid_to FROM vsite WHERE identifier = 'vsite/h' ORDER BY 1;
COPY vscan (identifier, parent_identifier, size, valid_from, valid_to) FROM stdin;
vscan/h	vsite/h	1	2000-01-01	2001-06-01
vscan/h	vsite/h	2	2001-06-01	2002-01-01
vscan/h	vsite/h	3	2006-01-01	\N
\.
SELECT size, follows, open FROM versions_of('vscan/h');
-- never two versions at one instant: error, identifier and both intervals
\set VERBOSITY default
INSERT INTO vscan (identifier, parent_identifier, size, valid_from, valid_to) VALUES ('vscan/h', 'vsite/h', 4, '2001-05-01', '2001-07-01');
\echo :SQLSTATE
INSERT INTO vscan (identifier, parent_identifier, size, valid_from, valid_to) VALUES ('vscan/h', 'vsite/h', 4, '2005-05-01', '2006-01-01 00:00:00.000001');
\echo :SQLSTATE
INSERT INTO vscan (identifier, parent_identifier, size, valid_from) VALUES ('vscan/h', 'vsite/h', 4, '2001-06-01');
\echo :SQLSTATE
-- in one statement as well
INSERT INTO vsite (identifier, valid_from, valid_to) VALUES ('vsite/x', '2000-01-01', '2002-01-01'), ('vsite/x', '2001-01-01', '2003-01-01');
\echo :SQLSTATE
-- nor outside the versions of the parent
INSERT INTO vscan (identifier, parent_identifier, size, valid_from, valid_to) VALUES ('vscan/i', 'vsite/h', 1, '2001-06-01', '2002-06-01');
\echo :SQLSTATE
INSERT INTO vscan (identifier, parent_identifier, size, valid_from) VALUES ('vscan/i', 'vsite/h', 1, '2004-06-01');
\echo :SQLSTATE
INSERT INTO vscan (identifier, parent_identifier, size, valid_from, valid_to) VALUES ('vscan/i', 'vsite/nope', 1, '2001-06-01', '2002-06-01');
\echo :SQLSTATE
-- nor empty or reversed
INSERT INTO vsite (identifier, valid_from, valid_to) VALUES ('vsite/x', '2000-01-01', '2000-01-01');
\echo :SQLSTATE
INSERT INTO vsite (identifier, valid_from) VALUES ('vsite/x', 'infinity');
\echo :SQLSTATE
\set VERBOSITY terse
INSERT INTO vsite (identifier, valid_from, valid_to) VALUES ('vsite/x', '-infinity', '2000-01-01');
-- an end in the future can be given; it is no current row
INSERT INTO vsite (identifier, valid_to) VALUES ('vsite/f', '2999-01-01');
SELECT count(*) FROM vsite_current WHERE identifier = 'vsite/f';

-- a session that shows the past does not write; what it would have read is not what it would change
SET vxp.as_of = '2001-01-01';
INSERT INTO vsite (identifier) VALUES ('vsite/y');
\echo :SQLSTATE
UPDATE vsite SET license = 'x' WHERE identifier = 'vsite/b';
\echo :SQLSTATE
DELETE FROM vsite WHERE identifier = 'vsite/b';
\echo :SQLSTATE
RESET vxp.as_of;

-- large values, dropped and generated columns
ALTER TABLE vscan DROP COLUMN note CASCADE, ADD COLUMN twice int GENERATED ALWAYS AS (size * 2) STORED,
	ADD COLUMN ended boolean GENERATED ALWAYS AS (valid_to IS NOT NULL) STORED;
SELECT refresh('VScan');
UPDATE vscan SET big = (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 3000) i) WHERE identifier = 'vscan/6' AND valid_to IS NULL;
UPDATE vscan SET size = size + 1 WHERE identifier = 'vscan/6' AND valid_to IS NULL;
UPDATE vscan SET big = big WHERE identifier = 'vscan/6' AND valid_to IS NULL;
SELECT size, twice, ended, length(big), md5(big) = md5((SELECT string_agg(md5(i::text), '') FROM generate_series(1, 3000) i)) AS same
FROM vscan WHERE identifier = 'vscan/6' ORDER BY valid_from;

-- a trigger of the user fires for his statement alone, not for what is kept; one after ours may not change the row
CREATE TABLE log (op text, size int, ended boolean);
CREATE FUNCTION logged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO versions_test.log VALUES (TG_OP, coalesce(NEW.size, OLD.size), coalesce(NEW.valid_to, OLD.valid_to) IS NOT NULL);
	RETURN NULL;
END $$;
CREATE TRIGGER logged AFTER INSERT OR UPDATE OR DELETE ON vscan FOR EACH ROW EXECUTE FUNCTION logged();
INSERT INTO vscan (identifier, parent_identifier, size) VALUES ('vscan/t', 'vsite/a', 1);
UPDATE vscan SET size = 2 WHERE identifier = 'vscan/t';
DELETE FROM vscan WHERE identifier = 'vscan/t' AND valid_to IS NULL;
SELECT * FROM log;
CREATE FUNCTION bump() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.size := NEW.size + 1; RETURN NEW; END $$;
CREATE TRIGGER a_bump BEFORE UPDATE ON vscan FOR EACH ROW EXECUTE FUNCTION bump();
UPDATE vscan SET size = size WHERE identifier = 'vscan/7';
SELECT size, twice, valid_to IS NULL AS open FROM vscan WHERE identifier = 'vscan/7' ORDER BY valid_from;
ALTER TRIGGER a_bump ON vscan RENAME TO z_bump;
UPDATE vscan SET size = size WHERE identifier = 'vscan/7' AND valid_to IS NULL;
\echo :SQLSTATE
DROP TRIGGER z_bump ON vscan;
DROP TRIGGER logged ON vscan;

-- a foreign key to another table holds for what is current: what was is no reason to keep a row there
CREATE TABLE camera (name text PRIMARY KEY);
INSERT INTO camera VALUES ('c1'), ('c2');
ALTER TABLE vscan ADD COLUMN camera text REFERENCES camera;
UPDATE vscan SET camera = 'c1' WHERE identifier = 'vscan/7' AND valid_to IS NULL;
UPDATE vscan SET camera = 'c2' WHERE identifier = 'vscan/7' AND valid_to IS NULL;
DELETE FROM camera WHERE name = 'c2';
\echo :SQLSTATE
DELETE FROM camera WHERE name = 'c1';
\echo :SQLSTATE

-- under row security the old version is kept all the same, also where the writer may not see it
SET client_min_messages = error;
DROP ROLE IF EXISTS vxp_versions_writer;
RESET client_min_messages;
CREATE ROLE vxp_versions_writer;
GRANT USAGE ON SCHEMA versions_test TO vxp_versions_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON vscan TO vxp_versions_writer;
ALTER TABLE vscan ENABLE ROW LEVEL SECURITY;
CREATE POLICY present ON vscan TO vxp_versions_writer USING (valid_to IS NULL AND size < 100) WITH CHECK (valid_to IS NULL AND size < 100);
SET ROLE vxp_versions_writer;
UPDATE vscan SET size = 50 WHERE identifier = 'vscan/5';
DELETE FROM vscan WHERE identifier = 'vscan/5';
SELECT count(*) FROM vscan WHERE identifier = 'vscan/5';
RESET ROLE;
SELECT size, follows, open FROM (SELECT size, lag(valid_to) OVER (ORDER BY valid_from) = valid_from AS follows, valid_to IS NULL AS open
	FROM vscan WHERE identifier = 'vscan/5' ORDER BY valid_from) s;
ALTER TABLE vscan DISABLE ROW LEVEL SECURITY;
DROP POLICY present ON vscan;
REVOKE ALL ON vscan FROM vxp_versions_writer;
REVOKE ALL ON SCHEMA versions_test FROM vxp_versions_writer;
DROP ROLE vxp_versions_writer;

-- nothing of all this is wrong
SELECT * FROM check_versions('VSite') UNION ALL SELECT * FROM check_versions('VScan');
SELECT * FROM check_lineage('VSite') UNION ALL SELECT * FROM check_lineage('VScan');
-- every index agrees with the table on what is current and what was
SET enable_seqscan = off;
SET jit = off;
SELECT count(*) FROM vscan WHERE valid_to IS NULL AND vsite_id = 'vsite/a'
	EXCEPT SELECT count(*) FROM vscan WHERE valid_to IS NULL AND vsite_id || '' = 'vsite/a';
SELECT count(*) FROM vscan WHERE has_ancestor(lineage, 'vsite/h') AND valid_at(valid_from, valid_to, '2001-07-01')
	EXCEPT SELECT count(*) FROM vscan WHERE vsite_id || '' = 'vsite/h' AND valid_from <= '2001-07-01' AND coalesce(valid_to, 'infinity') > '2001-07-01';
RESET enable_seqscan;
RESET jit;

-- a table that exists: any type of id, no lineage
CREATE TABLE reading (sensor int, value numeric, since timestamptz, until timestamptz);
INSERT INTO reading VALUES (1, 10, '2020-01-01', '2021-01-01'), (1, 11, '2021-01-01', 'infinity'), (2, 20, '2020-01-01', NULL);
SELECT register('Reading', 'reading', id => 'sensor', fields => '{"valid_from": "since", "valid_to": "until"}');
UPDATE reading SET value = 12 WHERE sensor = 1 AND until IS NULL;
INSERT INTO reading VALUES (3, 30);
SELECT sensor, value, until IS NULL AS open, lag(until) OVER (PARTITION BY sensor ORDER BY since) = since AS follows FROM reading ORDER BY sensor, since;
INSERT INTO reading VALUES (1, 9, '2020-06-01', '2020-07-01');
\echo :SQLSTATE
SELECT correct('Reading', '1', '2020-03-01', '2020-04-01', '{"value": 9.5}');
SELECT value, since, until FROM reading WHERE sensor = 1 AND since < '2021-01-01' ORDER BY since;
SELECT * FROM check_versions('Reading');
-- what would not fit is named and refused
CREATE TABLE wrong (id int, a text, valid_from timestamptz, valid_to timestamptz);
INSERT INTO wrong VALUES (1, 'a', '2020-01-01', '2021-01-01'), (1, 'b', '2020-06-01', NULL);
\set VERBOSITY default
SELECT register('Wrong', 'wrong', id => 'id', fields => '{"valid_from": "valid_from", "valid_to": "valid_to"}');
\set VERBOSITY terse
\echo :SQLSTATE
UPDATE wrong SET valid_to = '2020-06-01' WHERE a = 'a';
-- what is unique is so among current rows: those that have ended lie elsewhere
ALTER TABLE wrong ADD UNIQUE (a);
SELECT register('Wrong', 'wrong', id => 'id', fields => '{"valid_from": "valid_from", "valid_to": "valid_to"}');
-- unregister takes the triggers along
SELECT unregister('Wrong');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'wrong'::regclass;
UPDATE wrong SET a = 'c' WHERE valid_to IS NULL;

-- partitions by the identifier; versions_parted has others
CREATE TABLE piece (identifier text, parent_identifier text, size int, valid_from timestamptz DEFAULT now(), valid_to timestamptz) PARTITION BY HASH (identifier);
CREATE TABLE piece0 PARTITION OF piece FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE piece1 PARTITION OF piece FOR VALUES WITH (MODULUS 2, REMAINDER 1);
SELECT register('Piece', 'piece', prefix => 'piece', parents => '{VSite}', id => 'identifier',
	fields => '{"identifier": "identifier", "valid_from": "valid_from", "valid_to": "valid_to"}');
INSERT INTO piece (identifier, parent_identifier, size) SELECT 'piece/' || i, 'vsite/a', i FROM generate_series(1, 10) i;
UPDATE piece SET size = -size WHERE size % 2 = 0;
UPDATE piece0 SET size = 100 WHERE valid_to IS NULL;
UPDATE piece1 SET size = 100 WHERE valid_to IS NULL;
UPDATE vsite SET license = 'x' WHERE identifier = 'vsite/a' AND valid_to IS NULL;
SELECT correct('Piece', 'piece/3', '2000-01-01', NULL, '{"size": 33}');
SELECT count(*), count(*) FILTER (WHERE valid_to IS NULL), count(DISTINCT identifier) FROM piece;
SELECT * FROM check_versions('Piece');
SELECT count(*) FROM check_lineage('Piece');

SET client_min_messages = warning;
DROP SCHEMA versions_test CASCADE;
SELECT count(*) FROM resource_types;
