--
-- catalog_acl: what a plain owner may do, and what nobody else may
--
-- Covers: create, register, refresh, drop as a role without superuser; the
-- catalog row of another role's table; parents that belong to somebody else
-- (REFERENCES); wrapper, view and catalog never give more than the table does;
-- row security through wrapper and view; direct writes to the catalog.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA acl_test;
CREATE ROLE acl_owner;
CREATE ROLE acl_other;
CREATE ROLE acl_reader;
GRANT USAGE, CREATE ON SCHEMA acl_test TO acl_owner, acl_other;
GRANT USAGE ON SCHEMA acl_test TO acl_reader;
SET search_path = acl_test, vxp;

-- the owner does it all without superuser
SET ROLE acl_owner;
SELECT create_resource_type('Dataset', 'title text', versioned => false);
SELECT create_resource_type('Item', 'title text', parents => '{Dataset}', versioned => false);
INSERT INTO dataset (identifier, title) VALUES ('dataset/1', 'one'), ('dataset/2', 'two');
INSERT INTO item (identifier, parent_identifier) VALUES ('item/1', 'dataset/1'), ('item/2', 'dataset/2');
ALTER TABLE item ADD COLUMN more int;
SELECT refresh('Item');
SELECT count(*) FROM item('{}');
SELECT rolname, proname FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
	WHERE p.pronamespace = 'acl_test'::regnamespace ORDER BY 2, pronargs;

-- nobody else changes, removes or hijacks a definition
SET ROLE acl_other;
SELECT unregister('Item');
SELECT drop_resource_type('Item');
SELECT refresh('Item');
UPDATE resource_type SET prefix = 'x' WHERE name = 'Item';
UPDATE resource_type SET table_name = 'dataset' WHERE name = 'Item';
UPDATE resource_type SET name = 'Mine' WHERE name = 'Item';
DELETE FROM resource_type WHERE name = 'Item';
TRUNCATE resource_type;
INSERT INTO resource_type (name, schema_name, table_name, id_column) VALUES ('Fake', 'pg_catalog', 'pg_authid', 'oid');
INSERT INTO resource_relation VALUES ('Fake', 1, 1);
SELECT register('Fake', 'dataset');
-- nor by way of a row of his own
CREATE TABLE mine (id int PRIMARY KEY, up text);
SELECT register('Mine', 'mine');
UPDATE resource_type SET table_name = 'item' WHERE name = 'Mine';
UPDATE resource_type SET schema_name = 'pg_catalog', table_name = 'pg_authid' WHERE name = 'Mine';
UPDATE resource_type SET function_name = 'count' WHERE name = 'Mine';
SELECT function_name FROM resource_type WHERE name = 'Mine';
-- a row of another's table in the hands of a role that owns one of the two
COPY resource_type (name, schema_name, table_name, id_column) FROM stdin;
Copied	acl_test	item	identifier
\.
-- a definition without a table is left out with a warning
SET client_min_messages = notice;
INSERT INTO resource_type (name, schema_name, table_name, id_column) VALUES ('None', 'acl_test', 'none', 'id');
SET client_min_messages = warning;

-- a parent that belongs to somebody else takes REFERENCES, as a foreign key does
SELECT unregister('Mine');
SELECT register('Mine', 'mine', parents => '{Dataset}', fields => '{"parent_identifier": "up"}');
-- also when the catalog row is written by hand: neither does it find parents, nor does it hinder their owner
ALTER TABLE mine ADD identifier text, ADD lineage lineage;
INSERT INTO resource_type (name, schema_name, table_name, prefix, parents, id_column, identifier_column, parent_column, lineage_column)
	VALUES ('Mine', 'acl_test', 'mine', 'mine', '{Dataset}', 'id', 'identifier', 'up', 'lineage');
INSERT INTO mine VALUES (1, 'dataset/1', 'mine/1', 'dataset/1 > mine/1');
CREATE TRIGGER vxp_lineage BEFORE INSERT OR UPDATE ON mine FOR EACH ROW EXECUTE FUNCTION lineage_trigger();
INSERT INTO mine VALUES (2, 'dataset/1');
SET ROLE acl_owner;
BEGIN;
DELETE FROM item;
DELETE FROM dataset WHERE identifier = 'dataset/1';
ROLLBACK;
GRANT REFERENCES ON dataset TO acl_other;
SET ROLE acl_other;
INSERT INTO mine VALUES (2, 'dataset/1');
SELECT id, lineage FROM mine WHERE id = 2;
SET ROLE acl_owner;
DELETE FROM item;
DELETE FROM dataset WHERE identifier = 'dataset/1';
INSERT INTO item (identifier, parent_identifier) VALUES ('item/1', 'dataset/1'), ('item/2', 'dataset/2');
-- the trigger functions do nothing for a table that is not registered
CREATE TABLE stray (id int);
CREATE TRIGGER t BEFORE INSERT ON stray FOR EACH ROW EXECUTE FUNCTION lineage_trigger();
INSERT INTO stray VALUES (1);
CREATE TRIGGER u AFTER INSERT ON stray FOR EACH ROW EXECUTE FUNCTION resource_type_record();
DROP TRIGGER t ON stray;
INSERT INTO stray VALUES (1);

-- a reader sees what the table lets him see: nothing, then by policy one dataset
SET ROLE acl_reader;
SELECT count(*) FROM item('{}');
SELECT count(*) FROM item_current;
SET ROLE acl_owner;
GRANT SELECT ON item TO acl_reader;
ALTER TABLE item ENABLE ROW LEVEL SECURITY;
CREATE POLICY one ON item TO acl_reader USING (dataset_id = 'dataset/1');
SET ROLE acl_reader;
SELECT identifier FROM item('{}');
SELECT identifier FROM item_current;
-- parents are out of his sight, so he cannot judge paths
SELECT identifier FROM check_lineage('Item');
SELECT name FROM resource_types WHERE name IN ('Dataset', 'Item') ORDER BY 1;
-- the list of types can be read by who may not enter the schema, too
RESET ROLE;
REVOKE USAGE ON SCHEMA acl_test FROM acl_reader;
SET ROLE acl_reader;
SELECT name, relation FROM resource_types WHERE name IN ('Dataset', 'Item') ORDER BY 1;

-- a superuser who creates for others: table, view and wrappers have one owner
RESET ROLE;
CREATE TABLE given (id int PRIMARY KEY);
ALTER TABLE given OWNER TO acl_owner;
SELECT register('Given', 'given');
SELECT DISTINCT r.rolname FROM pg_roles r WHERE r.oid IN (
	SELECT relowner FROM pg_class WHERE relname LIKE 'given%' AND relkind IN ('r', 'v')
	UNION ALL SELECT proowner FROM pg_proc WHERE proname = 'given');
-- an owner who may not create in the schema gets no function there
REVOKE CREATE ON SCHEMA acl_test FROM acl_owner;
SET ROLE acl_owner;
SELECT unregister('Given');
SELECT register('Given', 'given');
RESET ROLE;

DROP SCHEMA acl_test CASCADE;
DROP ROLE acl_owner, acl_other, acl_reader;
