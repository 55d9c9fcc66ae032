--
-- versions: plain statements that do not say which versions they are about
--
-- Covers: UPDATE, DELETE and MERGE of a table pass over its old versions, which
-- stay as they are, and are not counted or returned; joins, cursors, all rows,
-- moves, several in a transaction, ended resources, partitioned and registered
-- tables; what is refused: MERGE that would lose a resource that has ended, the
-- table of old versions itself, anything while vxp.as_of is set; that the same
-- goes with every plan; that the guard is a trigger, and verify misses it.
--
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
CREATE SCHEMA plain_test;
SET search_path = plain_test, vxp;
SELECT create_resource_type('LSite');
SELECT create_resource_type('LScan', 'size int', parents => '{LSite}');
SELECT tgname, tgrelid::regclass, pg_get_triggerdef(oid) FROM pg_trigger
	WHERE tgrelid IN ('lscan'::regclass, 'lscan_history'::regclass) AND tgname ~ 'closed|statement' ORDER BY 1, 2::text;
INSERT INTO lsite (identifier, valid_from) VALUES ('lsite/a', '2020-01-01'), ('lsite/b', '2020-01-01');
-- each of ten has two old versions
INSERT INTO lscan (identifier, parent_identifier, size, valid_from, valid_to)
	SELECT 'lscan/' || i, 'lsite/a', v, make_date(2020 + v, 1, 1), CASE WHEN v < 3 THEN make_date(2021 + v, 1, 1) END
	FROM generate_series(1, 10) i, generate_series(1, 3) v;
-- all versions that were there before: nothing below may change one
CREATE TABLE before AS SELECT * FROM lscan WHERE valid_to IS NOT NULL;
CREATE FUNCTION changed() RETURNS bigint LANGUAGE sql AS
	'SELECT count(*) FROM plain_test.before b WHERE NOT EXISTS (SELECT FROM plain_test.lscan_history h WHERE h::text = b::text)';
CREATE FUNCTION sizes(id text) RETURNS int[] LANGUAGE sql AS
	'SELECT array_agg(size ORDER BY valid_from) FROM plain_test.lscan WHERE identifier = id';

-- as a program writes it, again and again
UPDATE lscan SET size = 4 WHERE identifier = 'lscan/1' RETURNING identifier, size, valid_to IS NULL AS open;
\echo :ROW_COUNT
UPDATE lscan SET size = size + 1 WHERE identifier = 'lscan/1' RETURNING size;
UPDATE lscan SET size = size + 1 WHERE identifier = 'lscan/1' RETURNING size;
SELECT sizes('lscan/1'), changed();
-- many, of which some have ended
DELETE FROM lscan WHERE identifier = 'lscan/2' RETURNING size;
\echo :ROW_COUNT
DELETE FROM lscan WHERE identifier = 'lscan/2' RETURNING size;
\echo :ROW_COUNT
UPDATE lscan SET size = 100;
\echo :ROW_COUNT
UPDATE lscan SET size = 7 WHERE size < 3;
\echo :ROW_COUNT
UPDATE lscan SET size = 7 WHERE identifier = 'lscan/2';
\echo :ROW_COUNT
SELECT sizes('lscan/1'), sizes('lscan/2'), sizes('lscan/3'), changed();
-- what is asked for is asked of old versions, too: none of them is written
UPDATE lscan SET size = 0 WHERE valid_to < '2022-06-01' AND valid_from = '2021-01-01';
\echo :ROW_COUNT
UPDATE lscan SET identifier = 'lscan/x', valid_to = now(), lineage = NULL WHERE valid_to IS NOT NULL;
\echo :ROW_COUNT
-- a move: the path of the past is kept
UPDATE lscan SET parent_identifier = 'lsite/b' WHERE identifier = 'lscan/3';
\echo :ROW_COUNT
SELECT lineage, size, valid_to IS NULL AS open FROM lscan WHERE identifier = 'lscan/3' ORDER BY valid_from;
-- joins, a cursor, a condition on old versions that decides about current rows
WITH written AS (UPDATE lscan s SET size = n.size FROM (VALUES ('lscan/4', 44), ('lscan/5', 55)) n(id, size)
	WHERE s.identifier = n.id RETURNING s.identifier, s.size) SELECT * FROM written ORDER BY identifier;
WITH gone AS (DELETE FROM lscan s USING lscan old WHERE s.identifier = old.identifier AND old.valid_from = '2021-01-01'
	AND s.identifier IN ('lscan/5', 'lscan/6') RETURNING s.identifier, s.size) SELECT * FROM gone ORDER BY identifier;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM lscan WHERE identifier = 'lscan/7' ORDER BY valid_from FOR UPDATE;
MOVE 1 FROM c;
UPDATE lscan SET size = 70 WHERE CURRENT OF c;
\echo :ROW_COUNT
MOVE 3 FROM c;
UPDATE lscan SET size = 77 WHERE CURRENT OF c;
\echo :ROW_COUNT
COMMIT;
SELECT sizes('lscan/7');
-- several in a transaction make one boundary; a rollback leaves nothing
BEGIN;
UPDATE lscan SET size = 8 WHERE identifier = 'lscan/8';
UPDATE lscan SET size = 88 WHERE identifier = 'lscan/8';
SAVEPOINT s;
DELETE FROM lscan WHERE identifier = 'lscan/8';
ROLLBACK TO s;
COMMIT;
SELECT sizes('lscan/8'), changed();
-- the rows do not depend on the plan
SET enable_indexscan = off;
SET enable_bitmapscan = off;
UPDATE lscan SET size = 9 WHERE identifier = 'lscan/9' RETURNING size;
RESET enable_indexscan;
RESET enable_bitmapscan;
SET enable_hashjoin = off;
SET enable_nestloop = off;
UPDATE lscan s SET size = size + 1 FROM lsite p WHERE p.identifier = s.parent_identifier AND s.identifier = 'lscan/9' RETURNING s.size;
RESET enable_hashjoin;
RESET enable_nestloop;
PREPARE change(text, int) AS UPDATE lscan SET size = $2 WHERE identifier = $1 RETURNING size;
SET plan_cache_mode = force_generic_plan;
EXECUTE change('lscan/9', 99);
RESET plan_cache_mode;
SELECT sizes('lscan/9'), changed();

-- a session that has loaded the library does not read the old versions that it would pass over
CREATE FUNCTION written(statement text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	line text;
	tables text[] := '{}';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		tables := tables || substring(line FROM ' on (lscan\w*|lsite\w*)');
	END LOOP;
	RETURN (SELECT array_agg(DISTINCT t) FROM unnest(tables) t WHERE t IS NOT NULL);
END
$$;
SELECT statement, written(statement) FROM (VALUES
	('UPDATE lscan SET size = 1 WHERE identifier = ''lscan/9'''),
	('DELETE FROM lscan'),
	('UPDATE lscan s SET size = 1 FROM lsite p WHERE p.identifier = s.parent_identifier'),
	-- the other side of a join has them, as any table that is read
	('DELETE FROM lscan s USING lscan t WHERE t.identifier = s.identifier'),
	('WITH w AS (DELETE FROM lscan RETURNING size) SELECT * FROM w'),
	('UPDATE lscan_current SET size = 1'),
	('UPDATE ONLY lscan SET size = 1'),
	('UPDATE lscan_history SET size = 1'),
	('WITH w AS (UPDATE lscan SET size = 1 WHERE identifier = ''lscan/2'' RETURNING size) INSERT INTO lscan (identifier, parent_identifier) SELECT ''lscan/x'', ''lsite/a'' FROM w'),
	('WITH w AS (INSERT INTO lscan (identifier, parent_identifier) VALUES (''lscan/x'', ''lsite/a'')) UPDATE lscan SET size = 1 WHERE identifier = ''lscan/2'''),
	('MERGE INTO lscan s USING lsite p ON p.identifier = s.identifier WHEN MATCHED THEN DELETE')) v(statement);
PREPARE everything AS UPDATE lscan SET size = size + 0;
SELECT written('EXECUTE everything');
SET session_replication_role = replica;
SELECT written('EXECUTE everything');
RESET session_replication_role;
SELECT written('EXECUTE everything');
ALTER TABLE lscan_history DISABLE TRIGGER vxp_closed;
SELECT written('EXECUTE everything');
ALTER TABLE lscan_history ENABLE ALWAYS TRIGGER vxp_closed;
SELECT written('EXECUTE everything');
SET session_replication_role = replica;
SELECT written('EXECUTE everything');
RESET session_replication_role;
ALTER TABLE lscan_history ENABLE TRIGGER vxp_closed;
SET vxp.as_of = '2022-06-01';
SELECT written('EXECUTE everything');
RESET vxp.as_of;
SELECT written('EXECUTE everything');

-- MERGE: one that is there is changed, one that is new is inserted
MERGE INTO lscan s USING (VALUES ('lscan/10', 1010), ('lscan/11', 11)) n(id, size) ON s.identifier = n.id
	WHEN MATCHED THEN UPDATE SET size = n.size
	WHEN NOT MATCHED THEN INSERT (identifier, parent_identifier, size) VALUES (n.id, 'lsite/a', n.size);
\echo :ROW_COUNT
SELECT sizes('lscan/10'), sizes('lscan/11');
-- in a function, too
DO $$
BEGIN
	MERGE INTO plain_test.lscan s USING (VALUES ('lscan/10', 1011), ('lscan/12', 12)) n(id, size) ON s.identifier = n.id
		WHEN MATCHED THEN UPDATE SET size = n.size
		WHEN NOT MATCHED THEN INSERT (identifier, parent_identifier, size) VALUES (n.id, 'lsite/a', n.size);
END
$$;
SELECT sizes('lscan/10'), sizes('lscan/12');
-- one that has ended is neither there nor new: an error, not a row that is lost
MERGE INTO lscan s USING (VALUES ('lscan/10', 1), ('lscan/2', 2)) n(id, size) ON s.identifier = n.id
	WHEN MATCHED THEN UPDATE SET size = n.size
	WHEN NOT MATCHED THEN INSERT (identifier, parent_identifier, size) VALUES (n.id, 'lsite/a', n.size);
\echo :SQLSTATE
DO $$
BEGIN
	MERGE INTO plain_test.lscan s USING (VALUES ('lscan/2', 2)) n(id, size) ON s.identifier = n.id
		WHEN MATCHED THEN UPDATE SET size = n.size
		WHEN NOT MATCHED THEN INSERT (identifier, parent_identifier, size) VALUES (n.id, 'lsite/a', n.size);
END
$$;
\echo :SQLSTATE
-- with a condition, or ONLY, it is new
MERGE INTO lscan s USING (VALUES ('lscan/2', 2)) n(id, size) ON s.identifier = n.id AND s.valid_to IS NULL
	WHEN MATCHED THEN UPDATE SET size = n.size
	WHEN NOT MATCHED THEN INSERT (identifier, parent_identifier, size) VALUES (n.id, 'lsite/a', n.size);
MERGE INTO ONLY lscan s USING (VALUES ('lscan/6', 6)) n(id, size) ON s.identifier = n.id
	WHEN MATCHED THEN UPDATE SET size = n.size
	WHEN NOT MATCHED THEN INSERT (identifier, parent_identifier, size) VALUES (n.id, 'lsite/a', n.size);
SELECT sizes('lscan/2'), sizes('lscan/6');
DELETE FROM lscan WHERE identifier IN ('lscan/2', 'lscan/6');
-- WITH that updates and inserts looks the same to the trigger: what has ended wants the condition there, too
WITH w AS (UPDATE lscan SET size = 1 WHERE identifier = 'lscan/2' RETURNING size)
	INSERT INTO lscan (identifier, parent_identifier, size) SELECT 'lscan/2', 'lsite/a', 1 WHERE NOT EXISTS (SELECT FROM w);
\echo :SQLSTATE
WITH w AS (UPDATE lscan SET size = 1 WHERE identifier = 'lscan/10' RETURNING size)
	INSERT INTO lscan (identifier, parent_identifier, size) SELECT 'lscan/10', 'lsite/a', 1 WHERE NOT EXISTS (SELECT FROM w);
SELECT sizes('lscan/10');
-- one that inserts nothing passes over what has ended, and so does a DELETE
MERGE INTO lscan s USING (VALUES ('lscan/10', 3), ('lscan/2', 3)) n(id, size) ON s.identifier = n.id
	WHEN MATCHED THEN UPDATE SET size = n.size;
MERGE INTO lscan s USING (VALUES ('lscan/10', 3), ('lscan/2', 3), ('lscan/13', 13)) n(id, size) ON s.identifier = n.id
	WHEN MATCHED THEN DELETE
	WHEN NOT MATCHED THEN INSERT (identifier, parent_identifier, size) VALUES (n.id, 'lsite/a', n.size);
SELECT sizes('lscan/10'), sizes('lscan/13'), changed();
-- an INSERT before, in the same transaction, makes no MERGE of what follows
BEGIN;
INSERT INTO lscan (identifier, parent_identifier, size) SELECT 'lscan/14', 'lsite/a', 14 WHERE false;
UPDATE lscan SET size = 15 WHERE identifier IN ('lscan/2', 'lscan/13') RETURNING identifier;
COMMIT;

-- the table of old versions is not written by name
UPDATE lscan_history SET size = 0;
\echo :SQLSTATE
DELETE FROM lscan_history WHERE identifier = 'lscan/1';
\echo :SQLSTATE
-- and nothing is while the session shows the past
SET vxp.as_of = '2022-06-01';
UPDATE lscan SET size = 0 WHERE valid_to IS NOT NULL;
\echo :SQLSTATE
DELETE FROM lscan_history;
\echo :SQLSTATE
RESET vxp.as_of;
-- corrections and purges write them
SELECT correct('LScan', 'lscan/1', '2021-03-01', '2021-04-01', '{"size": 21}');
SELECT sizes('lscan/1');
SELECT purge('LScan', '2021-06-01');
SELECT sizes('lscan/1'), changed();
-- without the trigger, old versions are refused, and verify names it
ALTER TABLE lscan_history DISABLE TRIGGER vxp_closed;
UPDATE lscan SET size = 5 WHERE identifier = 'lscan/1';
\echo :SQLSTATE
DELETE FROM lscan WHERE identifier = 'lscan/1';
\echo :SQLSTATE
SELECT part, problem FROM verify('LScan');
ALTER TABLE lscan_history ENABLE TRIGGER vxp_closed;
ALTER TABLE lscan DISABLE TRIGGER vxp_statement;
SELECT part, problem FROM verify('LScan');
ALTER TABLE lscan ENABLE TRIGGER vxp_statement;
SELECT * FROM verify('LScan');

-- a partitioned table holds all versions
CREATE TABLE lpart (code text NOT NULL, region text NOT NULL, n int, since timestamptz NOT NULL, until timestamptz) PARTITION BY LIST (region);
CREATE TABLE lpart_eu PARTITION OF lpart FOR VALUES IN ('eu');
CREATE TABLE lpart_us PARTITION OF lpart FOR VALUES IN ('us');
INSERT INTO lpart VALUES ('p1', 'eu', 1, '2020-01-01', '2021-01-01'), ('p1', 'eu', 2, '2021-01-01', NULL), ('p2', 'us', 1, '2020-01-01', '2021-01-01');
SELECT register('LPart', 'lpart', id => 'code', fields => '{"valid_from": "since", "valid_to": "until"}');
UPDATE lpart SET n = 3 WHERE code = 'p1' RETURNING n;
UPDATE lpart SET n = 4;
\echo :ROW_COUNT
DELETE FROM lpart WHERE region = 'us';
\echo :ROW_COUNT
SELECT code, n, until IS NULL AS open FROM lpart ORDER BY code, since;
MERGE INTO lpart s USING (VALUES ('p2', 'us', 5)) v(code, region, n) ON s.code = v.code
	WHEN MATCHED THEN UPDATE SET n = v.n WHEN NOT MATCHED THEN INSERT (code, region, n) VALUES (v.code, v.region, v.n);
\echo :SQLSTATE
MERGE INTO lpart s USING (VALUES ('p2', 'us', 5)) v(code, region, n) ON s.code = v.code AND until IS NULL
	WHEN MATCHED THEN UPDATE SET n = v.n WHEN NOT MATCHED THEN INSERT (code, region, n) VALUES (v.code, v.region, v.n);
SELECT code, n, until IS NULL AS open FROM lpart ORDER BY code, since;
SELECT * FROM verify('LPart');
-- the triggers go with the type
SELECT unregister('LPart');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'lpart'::regclass;
SELECT unregister('LScan');
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgrelid IN ('lscan'::regclass, to_regclass('lscan_history'));

DROP SCHEMA plain_test CASCADE;
