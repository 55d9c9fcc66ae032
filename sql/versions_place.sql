--
-- versions: where closed versions are, and what that costs the present
--
-- Covers: plans that leave the closed versions alone and plans that read both;
-- HOT updates; foreign keys to current rows; upsert by the key; closed rows
-- inserted through the table and straight into the table that holds them; row
-- security; columns that come, go and are renamed; names, owners, unregister and
-- register, TRUNCATE, DROP.
--
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
CREATE SCHEMA place_test;
SET search_path = place_test, vxp;
SELECT create_resource_type('PSite', versioned => true),
	create_resource_type('PScan', 'gone int, size int, note text', parents => '{PSite}', versioned => true);
\d pscan_history
INSERT INTO psite (identifier, valid_from) SELECT 'psite/' || i, '2019-01-01' FROM generate_series(0, 9) i;
INSERT INTO pscan (identifier, parent_identifier, size, valid_from) SELECT 'pscan/' || i, 'psite/' || i % 10, i, '2020-01-01' FROM generate_series(0, 1999) i;

-- an UPDATE of what no index has writes no index entry: all of them are HOT, as long as pages have room
ALTER TABLE pscan SET (fillfactor = 50);
VACUUM FULL pscan;
BEGIN;
SELECT coalesce(n_tup_upd, 0) AS upd, coalesce(n_tup_hot_upd, 0) AS hot FROM pg_stat_xact_user_tables WHERE relname = 'pscan' \gset
UPDATE pscan SET note = 'seen', metadata = '{"a": 1}' WHERE size % 4 = 0 AND valid_to IS NULL;
SELECT n_tup_upd - :upd AS updated, n_tup_upd - :upd = n_tup_hot_upd - :hot AS all_hot FROM pg_stat_xact_user_tables WHERE relname = 'pscan';
COMMIT;
SELECT count(*) FILTER (WHERE valid_to IS NULL) AS current, count(*) AS versions, (SELECT count(*) FROM ONLY pscan) AS in_table, (SELECT count(*) FROM pscan_history) AS closed FROM pscan;

-- the present does not touch what has ended; the past reads both, each by an index
VACUUM ANALYZE psite, psite_history, pscan, pscan_history;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
EXPLAIN (COSTS OFF) SELECT * FROM pscan WHERE valid_to IS NULL AND size = 7;
-- what an index has is answered by the index alone
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM pscan_current WHERE psite_id = 'psite/3';
RESET enable_seqscan;
RESET enable_bitmapscan;
CREATE FUNCTION nodes(statement text) RETURNS TABLE (node text, place text, index text) LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (COSTS OFF, FORMAT JSON) ' || statement INTO plan;
	RETURN QUERY SELECT n ->> 'Node Type', n ->> 'Relation Name', n ->> 'Index Name' FROM jsonb_path_query(plan::jsonb, 'strict $.** ? (exists(@."Node Type"))') n;
END $$;
SELECT DISTINCT place, index FROM nodes($$SELECT * FROM pscan_current WHERE identifier = 'pscan/7'$$) WHERE place IS NOT NULL;
SELECT DISTINCT place, index FROM nodes($$UPDATE pscan SET size = 8 WHERE identifier = 'pscan/7' AND valid_to IS NULL$$) WHERE place IS NOT NULL ORDER BY 2;
SET enable_seqscan = off;
SELECT DISTINCT place FROM nodes($$SELECT * FROM query(NULL::pscan, '{"filter": {"$hasAncestor": "psite/3"}}')$$) WHERE place IS NOT NULL;
SET vxp.as_of = '2020-06-01';
SELECT index FROM nodes($$SELECT * FROM pscan_current WHERE has_ancestor(lineage, 'psite/3')$$) WHERE index IS NOT NULL ORDER BY 1;
SELECT index FROM nodes($$SELECT * FROM pscan_current WHERE identifier = 'pscan/3'$$) WHERE index IS NOT NULL ORDER BY 1;
SELECT count(*), count(note) FROM pscan_current;
RESET vxp.as_of;
RESET enable_seqscan;

-- a foreign key to what is current
CREATE TABLE label (scan text REFERENCES pscan, text text);
INSERT INTO label VALUES ('pscan/1', 'a'), ('pscan/2', 'b');
INSERT INTO label VALUES ('pscan/none', 'a');
\echo :SQLSTATE
UPDATE pscan SET size = -1 WHERE identifier = 'pscan/1' AND valid_to IS NULL;
DELETE FROM pscan WHERE identifier = 'pscan/1' AND valid_to IS NULL;
\echo :SQLSTATE
-- a correction that keeps the resource is none of its business, one that ends it is
SELECT correct('PScan', 'pscan/2', '2020-03-01', '2020-04-01', '{"size": 20}'), correct('PScan', 'pscan/2', '2020-05-01', '2020-06-01', NULL);
SELECT correct('PScan', 'pscan/2', '2021-01-01', NULL, NULL);
\echo :SQLSTATE
DELETE FROM label;
SELECT correct('PScan', 'pscan/2', '2021-01-01', NULL, NULL);
SELECT size, valid_from::date, valid_to::date, tableoid::regclass FROM pscan WHERE identifier = 'pscan/2' ORDER BY valid_from;

-- upsert by the key, with or without the condition
INSERT INTO pscan (identifier, parent_identifier, size) VALUES ('pscan/3', 'psite/3', 33) ON CONFLICT (identifier) DO UPDATE SET size = excluded.size;
INSERT INTO pscan (identifier, parent_identifier, size) VALUES ('pscan/3', 'psite/3', 34) ON CONFLICT (identifier) WHERE valid_to IS NULL DO UPDATE SET size = excluded.size;
INSERT INTO pscan (identifier, parent_identifier, size) VALUES ('pscan/3', 'psite/3', 35) ON CONFLICT (identifier) DO NOTHING;
SELECT size, valid_to IS NULL AS open FROM pscan WHERE identifier = 'pscan/3' ORDER BY valid_from;

-- history through the table is not counted, straight it is; both are checked alike
\set QUIET off
INSERT INTO pscan (identifier, parent_identifier, size, valid_from, valid_to) VALUES ('pscan/h', 'psite/1', 1, '2020-01-01', '2021-01-01'), ('pscan/h', 'psite/1', 2, '2022-01-01', NULL);
COPY pscan_history (identifier, parent_identifier, size, valid_from, valid_to) FROM stdin;
pscan/h	psite/2	3	2021-06-01	2022-01-01
pscan/h	psite/2	4	2021-01-01	2021-06-01
\.
\set QUIET on
SELECT size, lineage, psite_id, valid_from::date, valid_to::date, tableoid::regclass FROM pscan WHERE identifier = 'pscan/h' ORDER BY valid_from;
INSERT INTO pscan_history (identifier, parent_identifier, valid_from, valid_to) VALUES ('pscan/h', 'psite/1', '2021-12-01', '2022-01-02');
\echo :SQLSTATE
INSERT INTO pscan_history (identifier, parent_identifier, valid_from, valid_to) VALUES ('pscan/i', 'psite/none', '2021-12-01', '2022-01-02');
\echo :SQLSTATE
INSERT INTO pscan_history (identifier, parent_identifier, valid_from, valid_to) VALUES ('pscan/i', 'psite/1', '2018-12-01', '2022-01-02');
\echo :SQLSTATE
INSERT INTO pscan_history (identifier, parent_identifier, valid_from) VALUES ('pscan/i', 'psite/1', '2020-12-01');
\echo :SQLSTATE
INSERT INTO pscan (identifier, parent_identifier, valid_from, valid_to) VALUES ('wrong/i', 'psite/1', '2020-12-01', '2021-01-01');
\echo :SQLSTATE
UPDATE pscan_history SET size = 0;
\echo :SQLSTATE
DELETE FROM pscan_history;
\echo :SQLSTATE

-- load counts both
CREATE TABLE source AS SELECT 'psite/l' || i AS identifier, timestamptz '2010-01-01' AS valid_from, CASE WHEN i > 1 THEN timestamptz '2011-01-01' END AS valid_to FROM generate_series(1, 3) i;
SELECT load('PSite', 'source');

-- columns that go, come and get another name: the tables need not agree in their order
ALTER TABLE pscan RENAME COLUMN note TO remark;
ALTER TABLE pscan DROP COLUMN gone CASCADE, ADD COLUMN late text DEFAULT 'x', ADD COLUMN twice int GENERATED ALWAYS AS (size * 2) STORED;
SELECT refresh('PScan');
UPDATE pscan SET remark = 'r', late = 'y' WHERE identifier = 'pscan/h' AND valid_to IS NULL;
UPDATE pscan SET size = 5 WHERE identifier = 'pscan/h' AND valid_to IS NULL;
SELECT size, twice, remark, late FROM pscan WHERE identifier = 'pscan/h' AND valid_from >= '2022-01-01' ORDER BY valid_from;
-- an unlogged table that lost a column by itself before it had one that inherits, which is unlogged as well
CREATE UNLOGGED TABLE worn (a int, id text PRIMARY KEY, b int, since timestamptz, until timestamptz, c text);
ALTER TABLE worn DROP COLUMN a, DROP COLUMN b;
INSERT INTO worn VALUES ('1', '2020-01-01', NULL, 'first');
SELECT register('Worn', 'worn', id => 'id', fields => '{"valid_from": "since", "valid_to": "until"}');
SELECT relpersistence FROM pg_class WHERE oid = history_table('worn');
ALTER TABLE worn ADD COLUMN d int;
UPDATE worn SET c = 'second', d = 1 WHERE id = '1';
UPDATE worn SET c = 'third', d = 2 WHERE id = '1' AND until IS NULL;
SELECT id, c, d, until IS NULL AS open FROM worn ORDER BY since;

-- row security: what the policies would have to judge is refused; the rest is as for any writer
SET client_min_messages = error;
DROP ROLE IF EXISTS vxp_place_writer;
SET client_min_messages = warning;
CREATE ROLE vxp_place_writer;
GRANT USAGE ON SCHEMA place_test TO vxp_place_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON pscan TO vxp_place_writer;
ALTER TABLE pscan ENABLE ROW LEVEL SECURITY;
CREATE POLICY small ON pscan TO vxp_place_writer USING (size < 100) WITH CHECK (size < 100);
SET ROLE vxp_place_writer;
INSERT INTO pscan (identifier, parent_identifier, size, valid_from, valid_to) VALUES ('pscan/z', 'psite/1', 1000, '2020-01-01', '2021-01-01');
\echo :SQLSTATE
SELECT count(*) FROM pscan_history;
\echo :SQLSTATE
-- policies hold for what has ended as well, read and corrected through the table
SELECT max(size) FROM pscan WHERE valid_to IS NOT NULL;
SELECT correct('PScan', 'pscan/h', '2020-02-01', '2020-03-01', '{"size": 1000}');
\echo :SQLSTATE
SELECT correct('PScan', 'pscan/h', '2020-02-01', '2020-03-01', '{"size": 99}');
SELECT correct('PScan', 'pscan/400', '2020-02-01', '2020-03-01', '{"size": 99}');
\echo :SQLSTATE
UPDATE pscan SET size = 98 WHERE identifier = 'pscan/h' AND valid_to IS NULL;
-- what DROP TABLE takes along is the owner's to say, and of tables of old versions alone
SELECT catalog_bind_history('pscan_history');
\echo :SQLSTATE
RESET ROLE;
SELECT catalog_bind_history('pscan');
\echo :SQLSTATE
SELECT size, valid_from::date, valid_to::date FROM pscan WHERE identifier = 'pscan/h' AND valid_from < '2021-01-01' ORDER BY valid_from;
ALTER TABLE pscan DISABLE ROW LEVEL SECURITY;

-- all of it is sound
SELECT * FROM verify('PScan');
SELECT * FROM check_versions('Worn');

-- other names, another owner: nothing breaks before refresh, which makes them agree
CREATE SCHEMA place_other;
ALTER TABLE pscan RENAME TO moved;
ALTER TABLE moved SET SCHEMA place_other;
ALTER TABLE pscan_history RENAME TO any_name;
GRANT CREATE, USAGE ON SCHEMA place_other, place_test TO vxp_place_writer;
ALTER TABLE psite OWNER TO vxp_place_writer;
ALTER TABLE place_other.moved OWNER TO vxp_place_writer;
SET ROLE vxp_place_writer;
UPDATE place_other.moved SET size = 97 WHERE identifier = 'pscan/h' AND valid_to IS NULL;
RESET ROLE;
SELECT history_table('place_other.moved'), count(*) FROM any_name WHERE identifier = 'pscan/h';
SELECT refresh('PScan');
SELECT relowner::regrole FROM pg_class WHERE oid = 'any_name'::regclass;
ALTER TABLE psite OWNER TO CURRENT_USER;
ALTER TABLE place_other.moved OWNER TO CURRENT_USER;
SELECT refresh('PScan'), refresh('PSite');

-- unregistered, all versions are rows of the table; registered again, they are taken up
SELECT unregister('Worn');
SELECT count(*), count(*) FILTER (WHERE until IS NOT NULL) AS closed FROM worn;
UPDATE worn SET d = 0;
SELECT register('Worn', 'worn', id => 'id', fields => '{"valid_from": "since", "valid_to": "until"}');
UPDATE worn SET d = 4 WHERE id = '1' AND until IS NULL;
SELECT c, d, until IS NULL AS open FROM worn ORDER BY since;
SELECT count(*) FROM pg_inherits WHERE inhparent = 'worn'::regclass;

-- without the unique indexes, in which a closed version finds its neighbours, none is written; any that is like them does
BEGIN;
ALTER TABLE worn_history DROP CONSTRAINT worn_history_pkey;
INSERT INTO worn VALUES ('1', '2019-01-01', '2019-06-01');
\echo :SQLSTATE
ROLLBACK;
BEGIN;
ALTER TABLE worn DROP CONSTRAINT worn_pkey;
INSERT INTO worn VALUES ('1', '2019-01-01', '2019-06-01');
\echo :SQLSTATE
ROLLBACK;
BEGIN;
ALTER TABLE worn DROP CONSTRAINT worn_pkey;
CREATE UNIQUE INDEX ON worn (id);
INSERT INTO worn VALUES ('1', '2019-01-01', '2019-06-01');
INSERT INTO worn VALUES ('1', '2019-05-01', '2019-07-01');
\echo :SQLSTATE
ROLLBACK;

-- TRUNCATE and DROP take them along; one that was dropped alone is missed, and made again
TRUNCATE worn;
SELECT count(*) FROM worn_history;
DROP TABLE worn_history;
SELECT problem FROM verify('Worn');
INSERT INTO worn VALUES ('1', '2020-01-01', NULL);
\echo :SQLSTATE
SELECT refresh('Worn');
INSERT INTO worn VALUES ('1', '2020-01-01', NULL);
UPDATE worn SET d = 1;
SELECT count(*) FROM worn;
SELECT unregister('Worn');
DROP TABLE worn;
DROP TABLE label;
SELECT drop_resource_type('PScan'), drop_resource_type('PSite');
SELECT count(*) FROM pg_class WHERE relname ~ '^(worn|pscan|psite|moved|any_name)' AND relkind = 'r';
DROP SCHEMA place_other;
DROP OWNED BY vxp_place_writer;
DROP ROLE vxp_place_writer;
DROP SCHEMA place_test CASCADE;
