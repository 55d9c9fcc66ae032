--
-- catalog_register: tables that exist become resource types
--
-- Covers: fields, document, id, default sort and what is wrong with them;
-- views, materialized views, partitioned tables; bare ids completed with a
-- prefix; lineage columns added, filled and maintained, on the parents too;
-- faulty rows named; columns that exist already; the partition field.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA register_test;
SET search_path = register_test, vxp;

-- a table with an integer key, one with a text key, and one that is documents
CREATE TABLE dataset (id int PRIMARY KEY, title text, "doc.v" int, doc jsonb);
INSERT INTO dataset VALUES (1, 'one', 3, '{"size": 1}'), (2, 'two', 4, NULL);
CREATE TABLE "Item Table" (key text PRIMARY KEY, ds int, "Na.me" text);
INSERT INTO "Item Table" VALUES ('x', 1, 'n'), ('item/y', 2, 'm');
CREATE TABLE anno (body jsonb NOT NULL, item text);
INSERT INTO anno VALUES ('{"id": "a1", "label": "dog"}', 'x'), ('{"id": 7}', 'item/y');

-- without parents nothing is added to the table
SELECT register('Dataset', 'dataset', fields => '{"metadata.size": "doc.size", "v": "doc.v"}', default_sort => '{"title": -1, "id": 1}');
\d dataset
SELECT name, relation, prefix, id_column, document_column, fields, default_sort, view_name, function_name FROM resource_types WHERE name = 'Dataset';
SELECT * FROM dataset_current ORDER BY id;
SELECT id FROM dataset('{"filter": {"v": 4}}');

-- with parents, lineage columns are added and filled, on the parent too; bare ids get the prefix
SELECT register('Item', '"Item Table"', parents => '{Dataset}', fields => '{"parent_identifier": "ds", "name": "Na.me"}');
SELECT register('Annotation', 'anno', prefix => 'note', parents => '{Item}', document => 'body', fields => '{"parent_identifier": "item"}');
TABLE dataset_current;
TABLE "Item Table_current" ORDER BY key;
TABLE anno_current ORDER BY identifier;
\d "Item Table"
SELECT name, prefix, lineage_field, id_column, view_name, function_name FROM resource_types WHERE name IN ('Dataset', 'Item', 'Annotation') ORDER BY name;
SELECT body FROM anno('{"filter": {"$hasAncestor": "dataset/1"}}');
-- maintained from now on
INSERT INTO "Item Table" (key, ds) VALUES ('z', 99);
INSERT INTO "Item Table" (key, ds) VALUES ('y', 1);
UPDATE "Item Table" SET ds = 2 WHERE key = 'x';
UPDATE anno SET body = '{"id": "a2"}' WHERE body ->> 'id' = 'a1';
INSERT INTO anno VALUES ('{"no": "id"}', 'x');
DELETE FROM dataset WHERE id = 2;
UPDATE dataset SET id = 3 WHERE id = 2;
DELETE FROM dataset WHERE id = 1;
SELECT identifier, lineage FROM anno ORDER BY 1;
SELECT * FROM check_lineage('Item') UNION ALL SELECT * FROM check_lineage('Annotation');

-- rows whose parents are missing are named, and nothing is left behind
CREATE TABLE orphan (id int PRIMARY KEY, ds text);
INSERT INTO orphan VALUES (1, '2'), (2, '77'), (3, 'dataset/78');
SELECT register('Orphan', 'orphan', parents => '{Dataset}', fields => '{"parent_identifier": "ds"}');
UPDATE orphan SET ds = NULL WHERE id = 3;
SELECT register('Orphan', 'orphan', parents => '{Dataset}', fields => '{"parent_identifier": "ds"}');
\d orphan
SELECT count(*) FROM resource_types WHERE name = 'Orphan';

-- a tree in one table: filled from the roots down, whatever the order of rows
CREATE TABLE node (id text PRIMARY KEY, up text, node_id int DEFAULT 5);
INSERT INTO node VALUES ('c', 'b'), ('b', 'a'), ('a', NULL), ('d', 'c');
-- a column that has the name of a lineage field stays what it was
SET client_min_messages = notice;
SELECT register('Node', 'node', parents => '{Node}', fields => '{"parent_identifier": "up"}');
SET client_min_messages = warning;
SELECT id, node_id, lineage FROM node ORDER BY lineage;
CREATE TABLE ring (id text PRIMARY KEY, up text);
INSERT INTO ring VALUES ('a', 'b'), ('b', 'a'), ('c', NULL);
SELECT register('Ring', 'ring', parents => '{Ring}', fields => '{"parent_identifier": "up"}');
-- sorted loading of bare ids
CREATE TABLE staged (id text, up text);
INSERT INTO staged VALUES ('g', 'f'), ('f', 'e'), ('e', 'd'), ('k', NULL);
SELECT load('Node', 'staged');
SELECT id, lineage FROM node WHERE depth(lineage) > 4 OR id = 'k' ORDER BY lineage;

-- an identifier of the user's own
CREATE TABLE own (id int PRIMARY KEY, name text, path lineage);
INSERT INTO own VALUES (1, 'own/a', 'own/a');
SELECT register('Own', 'own', fields => '{"identifier": "name", "lineage": "path"}');
SELECT register('Below', 'ring', parents => '{Own}', fields => '{"parent_identifier": "up"}');
UPDATE ring SET up = 'own/a';
SELECT register('Below', 'ring', parents => '{Own}', fields => '{"parent_identifier": "up"}');
SELECT lineage FROM ring ORDER BY 1;
UPDATE own SET name = 'wrong' WHERE id = 1;

-- unregistered, the table takes rows as before; registered again, it is as if nothing had happened
SELECT unregister('Annotation');
INSERT INTO anno VALUES ('{"id": "late"}', 'x'), ('{"none": 1}', NULL);
DELETE FROM anno WHERE body ? 'none';
UPDATE anno SET item_id = 'nonsense' WHERE body @> '{"id": 7}';
SELECT register('Annotation', 'anno', prefix => 'note', parents => '{Item}', document => 'body', fields => '{"parent_identifier": "item"}');
SELECT identifier, item_id, note_id, lineage FROM anno_current ORDER BY 1;
SELECT count(*) FROM pg_index WHERE indrelid = 'anno'::regclass;

-- views and materialized views, without parents
CREATE VIEW v AS SELECT id, title FROM dataset;
SELECT register('V', 'v', id => 'id');
CREATE MATERIALIZED VIEW mv AS SELECT id, title FROM dataset;
SELECT register('Mv', 'mv', id => 'id');
SELECT (SELECT count(*) FROM v('{}')), (SELECT count(*) FROM mv('{}')), (SELECT count(*) FROM mv_current);
CREATE VIEW w AS SELECT 1 AS id, 'x' AS p;
SELECT register('W', 'w', id => 'id', parents => '{Dataset}', fields => '{"parent_identifier": "p"}');

-- partitions: by a key of no interest, and by a lineage field, which the writer supplies
CREATE TABLE part (id text PRIMARY KEY, ds int) PARTITION BY HASH (id);
CREATE TABLE part_0 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE part_1 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 1);
SELECT register('Part', 'part', parents => '{Dataset}', fields => '{"parent_identifier": "ds"}');
INSERT INTO part SELECT 'p' || i, 2 FROM generate_series(1, 10) i;
SELECT count(*), count(DISTINCT tableoid), min(lineage), max(lineage) FROM part;
SELECT * FROM check_lineage('Part');
CREATE TABLE slice (identifier text NOT NULL, dataset_id text, parent_identifier text, note text) PARTITION BY LIST (dataset_id);
CREATE TABLE slice_1 (note text, parent_identifier text, gone int, dataset_id text, identifier text NOT NULL);
ALTER TABLE slice_1 DROP COLUMN gone;
ALTER TABLE slice ATTACH PARTITION slice_1 FOR VALUES IN ('dataset/4');
CREATE TABLE slice_2 PARTITION OF slice FOR VALUES IN ('dataset/2');
SELECT register('Slice', 'slice', id => 'identifier', parents => '{Dataset}');
CREATE TABLE cut (id int PRIMARY KEY, parent_identifier text);
SELECT register('Cut', 'cut', parents => '{Slice}');
INSERT INTO dataset (id) VALUES (4);
INSERT INTO slice (identifier, dataset_id, parent_identifier) VALUES ('slice/1', 'dataset/4', 'dataset/4'), ('slice/2', 'dataset/2', 'dataset/2');
INSERT INTO cut VALUES (1, 'slice/1');
INSERT INTO slice (identifier, dataset_id, parent_identifier) VALUES ('slice/3', 'dataset/4', 'dataset/2');
UPDATE slice SET parent_identifier = 'dataset/2' WHERE identifier = 'slice/1';
-- from one partition to the other, with what is below
UPDATE slice SET parent_identifier = 'dataset/2', dataset_id = 'dataset/2' WHERE identifier = 'slice/1';
SELECT tableoid::regclass, identifier, lineage FROM slice ORDER BY 2;
SELECT id, dataset_id, lineage FROM cut;
DELETE FROM slice_2 WHERE identifier = 'slice/1';
SELECT * FROM check_lineage('Slice') UNION ALL SELECT * FROM check_lineage('Cut');

-- refused, each with its SQLSTATE
\set VERBOSITY terse
CREATE TABLE bad (id int PRIMARY KEY, a text, b jsonb, t timestamptz, u timestamptz);
SELECT register('Bad', 'bad', fields => '{"x": "nope"}');
\echo :SQLSTATE
SELECT register('Bad', 'bad', fields => '{"x": "a.inside"}');
\echo :SQLSTATE
SELECT register('Bad', 'bad', fields => '{"x": "b."}');
\echo :SQLSTATE
SELECT register('Bad', 'bad', fields => '{"x": 1}');
\echo :SQLSTATE
SELECT register('Bad', 'bad', fields => '[]');
\echo :SQLSTATE
SELECT register('Bad', 'bad', fields => '{"lineage": "a"}');
\echo :SQLSTATE
-- partitions hold all versions: an index would keep a resource from having two
CREATE TABLE bad_parts (id int PRIMARY KEY, t timestamptz, u timestamptz) PARTITION BY HASH (id);
SELECT register('Bad', 'bad_parts', fields => '{"valid_from": "t", "valid_to": "u"}');
\echo :SQLSTATE
SELECT register('Bad', 'bad', fields => '{"valid_from": "t"}');
\echo :SQLSTATE
SELECT register('Bad', 'bad', id => 'nope');
\echo :SQLSTATE
SELECT register('Bad', 'bad', document => 'a');
\echo :SQLSTATE
SELECT register('Bad', 'bad', default_sort => '1');
\echo :SQLSTATE
SELECT register('Bad', 'bad', parents => '{Nope}');
\echo :SQLSTATE
SELECT register('Bad', 'bad', prefix => 'a/b');
\echo :SQLSTATE
SELECT register('', 'bad');
\echo :SQLSTATE
SELECT register('dataset', 'bad');
\echo :SQLSTATE
SELECT register('Bad', 'dataset');
\echo :SQLSTATE
SELECT register('Bad', 'pg_class');
\echo :SQLSTATE
SELECT register('Bad', 'vxp.resource_type');
\echo :SQLSTATE
CREATE TEMP TABLE temporary (id int PRIMARY KEY);
SELECT register('Bad', 'temporary');
\echo :SQLSTATE
CREATE TABLE keyless (a int);
SELECT register('Bad', 'keyless');
\echo :SQLSTATE
SELECT register('Bad', NULL);
\echo :SQLSTATE
SELECT drop_resource_type('Dataset');
\echo :SQLSTATE
-- a name that is taken, also in other case
SELECT register('Dataset', 'keyless', id => 'a');
\echo :SQLSTATE
SELECT register('dataset', 'keyless', id => 'a');
\echo :SQLSTATE
-- a field that is mapped stays, and so does its type
ALTER TABLE dataset DROP COLUMN doc CASCADE;
\echo :SQLSTATE
ALTER TABLE "Item Table" RENAME "Na.me" TO x;
\echo :SQLSTATE

-- a schema and a table whose names need quotes
CREATE SCHEMA "We ird.Sch""ema";
CREATE TABLE "We ird.Sch""ema"."Ta.ble" ("Id x" int PRIMARY KEY, v text);
INSERT INTO "We ird.Sch""ema"."Ta.ble" VALUES (1, 'a'), (2, 'b');
SELECT register('Od d', '"We ird.Sch""ema"."Ta.ble"');
SELECT * FROM "We ird.Sch""ema"."Ta.ble_current";
SELECT * FROM "We ird.Sch""ema"."Ta.ble"('{"filter":{"id":2}}');
SELECT vxp.to_sql('{"resource":"Od d","filter":{"Id x":2},"select":"v"}');
SELECT unregister('Od d');
DROP SCHEMA "We ird.Sch""ema" CASCADE;
DROP SCHEMA register_test CASCADE;
SELECT count(*) FROM resource_type WHERE schema_name = 'register_test';
