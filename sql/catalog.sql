--
-- catalog: what create_resource_type makes, and how it follows DDL
--
-- Covers: table, indexes, comments, view, wrappers; names of all kinds; the
-- catalog after RENAME, SET SCHEMA, ALTER SCHEMA, DROP; refresh; unregister;
-- drop_resource_type; markings of the objects of this area.
--
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA catalog_test;
SET search_path = catalog_test, vxp;

-- a hierarchy of four; the table is in the first schema of the path that is not ours
SELECT create_resource_type('Datasource', versioned => false);
SELECT create_resource_type('Patient', 'sex text, birth_date date', parents => '{Datasource}', versioned => false);
SELECT create_resource_type('ImagingStudy', parents => '{Patient}', lineage_field => 'study_id', versioned => false);
SELECT create_resource_type('Volume', 'modality text, "Slice Thickness" numeric CHECK ("Slice Thickness" > 0)', parents => '{ImagingStudy}', versioned => false);
\d volume
\d volume_current
SELECT name, relation, prefix, parents, versioned, lineage_field, view_name, function_name FROM resource_types ORDER BY name;

-- every column that we make has a comment, on the table and on the view (0)
SELECT count(*) FROM pg_attribute a
WHERE a.attrelid IN ('volume'::regclass, 'volume_current'::regclass) AND a.attnum > 0
	AND a.attname NOT IN ('modality', 'Slice Thickness') AND col_description(a.attrelid, a.attnum) IS NULL;

-- all text compares by bytes (0)
SELECT count(*) FROM pg_attribute a
WHERE a.attrelid = 'volume'::regclass AND a.atttypid = 'text'::regtype AND a.attcollation <> '"C"'::regcollation;

-- the wrappers: types, markings, owner
SELECT p.oid::regprocedure, p.proretset, p.prorettype::regtype, p.provolatile, p.proparallel, p.prosupport, p.procost, p.prorows,
	   l.lanname, p.prosrc, p.proowner = c.relowner AS same_owner, obj_description(p.oid, 'pg_proc') IS NOT NULL AS commented
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_class c ON c.oid = 'volume'::regclass
WHERE p.proname = 'volume' ORDER BY p.oid::regprocedure::text COLLATE "C";

-- a validity that ends before it begins, or an identifier that cannot be one
INSERT INTO datasource (identifier, valid_from, valid_to) VALUES ('datasource/x', '2020-01-02', '2020-01-01');
\echo :SQLSTATE
INSERT INTO datasource (identifier) VALUES ('datasource/' || repeat('x', 1990));
\echo :SQLSTATE
INSERT INTO datasource (identifier) VALUES ('datasource/' || repeat('x', 1989));
ALTER TABLE datasource DISABLE TRIGGER vxp_lineage;
INSERT INTO datasource (identifier, lineage) VALUES ('patient/1', 'patient/1');
\echo :SQLSTATE
ALTER TABLE datasource ENABLE TRIGGER vxp_lineage;

-- refused, each with its SQLSTATE
SELECT create_resource_type('VOLUME', versioned => false);
\echo :SQLSTATE
SELECT create_resource_type('Other', parents => '{volume}', versioned => false);
\echo :SQLSTATE
SELECT create_resource_type('', versioned => false);
\echo :SQLSTATE
SELECT create_resource_type(repeat('x', 64), versioned => false);
\echo :SQLSTATE
SELECT create_resource_type(NULL, versioned => false);
\echo :SQLSTATE
SELECT create_resource_type('Other', prefix => 'a/b', versioned => false);
\echo :SQLSTATE
SELECT create_resource_type('Other', parents => '{Patient,NULL}', versioned => false);
\echo :SQLSTATE
SELECT create_resource_type('Other', parents => '{Patient}', lineage_field => 'patient_id', versioned => false);
\echo :SQLSTATE
SELECT create_resource_type('Other', columns => 'identifier text', versioned => false);
\echo :SQLSTATE
SELECT create_resource_type('Other', columns => 'a nosuchtype', versioned => false);
\echo :SQLSTATE
SET search_path = vxp, pg_temp;
SELECT create_resource_type('Other', versioned => false);
\echo :SQLSTATE
SET search_path = catalog_test, vxp;

-- a name that a function of ours or of the server has: the wrapper evades it
SELECT create_resource_type('Items', versioned => false);
SELECT create_resource_type('Lower', versioned => false);
CREATE FUNCTION taken(dql) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION taken_query(dql) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE taken_current ();
SELECT create_resource_type('Taken', versioned => false);
SELECT name, view_name, function_name FROM resource_types WHERE name IN ('Items', 'Lower', 'Taken') ORDER BY name;

-- odd names: space, quote, dot, upper case, other scripts, the longest
SELECT create_resource_type('A "b" c.d''e', 'x text', prefix => 'a b"', lineage_field => 'Odd "field".x', versioned => false);
SELECT create_resource_type('Größe', parents => ARRAY['A "b" c.d''e'], versioned => false);
SELECT create_resource_type(repeat('long', 15) || 'abc', parents => '{Größe}', versioned => false);
INSERT INTO "a ""b"" c.d'e" (identifier) VALUES ('a b"/ü > "x"');
INSERT INTO "größe" (identifier, parent_identifier) VALUES ('größe/1/2', 'a b"/ü > "x"');
SELECT identifier, "Odd ""field"".x", lineage_path FROM "größe_current";
SELECT name, view_name, function_name, lineage_field FROM resource_types WHERE prefix ~ '^(a b|gr|long)' ORDER BY name;
SELECT count(*) FROM "größe"('{"filter":{"$hasAncestor":"a b\"/ü > \"x\""}}');

-- RENAME, SET SCHEMA and renamed schemas are followed; the view and the wrappers come along
CREATE SCHEMA "Other.Schema";
ALTER TABLE volume RENAME TO "Vol ume";
ALTER TABLE "Vol ume" SET SCHEMA "Other.Schema";
ALTER SCHEMA "Other.Schema" RENAME TO moved_test;
ALTER VIEW moved_test.volume_current RENAME TO vc;
SELECT relation, view_name, function_name FROM resource_types WHERE name = 'Volume';
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'moved_test'::regnamespace ORDER BY p.oid::regprocedure::text COLLATE "C";
INSERT INTO patient (identifier, parent_identifier) SELECT 'patient/1', identifier FROM datasource;
INSERT INTO imagingstudy (identifier, parent_identifier) VALUES ('imagingstudy/1', 'patient/1');
INSERT INTO moved_test."Vol ume" (identifier, parent_identifier) VALUES ('volume/1', 'imagingstudy/1');
SELECT identifier, patient_id, study_id, volume_id FROM moved_test.vc;
-- refresh gives both the names that a new type would have, and shows new columns behind the others
ALTER TABLE moved_test."Vol ume" ADD COLUMN added int;
SELECT refresh('Volume');
SELECT relation, view_name, function_name FROM resource_types WHERE name = 'Volume';
SELECT attname FROM pg_attribute WHERE attrelid = 'moved_test."Vol ume_current"'::regclass ORDER BY attnum DESC LIMIT 2;
-- what others built on view and wrapper does not stand in the way
CREATE VIEW built AS SELECT c.identifier FROM moved_test."Vol ume_current" c JOIN moved_test."Vol ume"('{}') USING (identifier);
ALTER TABLE moved_test."Vol ume" ADD COLUMN again int;
SELECT refresh('Volume');
SELECT count(*) FROM built;
ALTER TABLE moved_test."Vol ume" RENAME TO volume2;
SELECT refresh('Volume');
SELECT relation, view_name, function_name FROM resource_types WHERE name = 'Volume';
SELECT count(*) FROM built;
ALTER TABLE moved_test.volume2 RENAME TO "Vol ume";
SELECT refresh('Volume');
DROP VIEW built;
-- the label that a dump brings along makes missing wrappers, on tables alone
SELECT objname, label FROM pg_seclabels WHERE provider = 'vxp' AND objname ~ 'Vol ume' ORDER BY 1;
SECURITY LABEL FOR vxp ON COLUMN moved_test."Vol ume".modality IS 'x';
\echo :SQLSTATE
SECURITY LABEL FOR vxp ON TABLE moved_test."Vol ume" IS 'function ';
\echo :SQLSTATE
UPDATE resource_type SET function_name = NULL WHERE name = 'Volume';
SELECT count(*) FROM pg_seclabels WHERE provider = 'vxp' AND objname ~ 'Vol ume';
SELECT count(*) FROM pg_proc WHERE pronamespace = 'moved_test'::regnamespace;
SECURITY LABEL FOR vxp ON TABLE moved_test."Vol ume" IS 'function Vol ume';
SECURITY LABEL FOR vxp ON VIEW moved_test."Vol ume_current" IS 'current rows';
SELECT count(*) FROM pg_proc WHERE pronamespace = 'moved_test'::regnamespace;
UPDATE resource_type SET function_name = 'Vol ume' WHERE name = 'Volume';

-- a column that the catalog names stays
ALTER TABLE moved_test."Vol ume" RENAME COLUMN identifier TO ident;
\echo :SQLSTATE
-- ROLLBACK takes everything back
BEGIN;
DROP TABLE moved_test."Vol ume" CASCADE;
SELECT count(*) FROM resource_types WHERE name = 'Volume';
ROLLBACK;
SELECT relation FROM resource_types WHERE name = 'Volume';
SELECT count(*) FROM moved_test."Vol ume"('{}');

-- the wrapper goes with its table, not alone
DROP FUNCTION moved_test."Vol ume"(dql);
\echo :SQLSTATE
-- a type with others below it cannot go
SELECT unregister('Patient');
\echo :SQLSTATE
SELECT unregister('patient');
\echo :SQLSTATE
-- unregister leaves the table and its rows, nothing else
SELECT unregister('Volume');
SELECT count(*) FROM moved_test."Vol ume";
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'moved_test."Vol ume"'::regclass;
SELECT count(*) FROM pg_proc WHERE pronamespace = 'moved_test'::regnamespace;
SELECT count(*) FROM pg_class WHERE relnamespace = 'moved_test'::regnamespace AND relkind = 'v';
-- drop_resource_type takes the table along
SELECT drop_resource_type('ImagingStudy');
SELECT to_regclass('imagingstudy'), to_regclass('imagingstudy_current'), to_regproc('imagingstudy');

-- DROP TABLE and DROP SCHEMA are followed; nothing is left (0, 0)
DROP TABLE items CASCADE;
SELECT count(*) FROM resource_types WHERE name = 'Items';
DROP SCHEMA moved_test, catalog_test CASCADE;
SELECT count(*) FROM resource_type WHERE schema_name IN ('catalog_test', 'moved_test');
SELECT count(*) FROM resource_relation r WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = r.relid);

-- the extension can go and come back in one session; tables stay, without their paths
CREATE SCHEMA again;
SET search_path = again, vxp;
SELECT create_resource_type('Root', versioned => false);
INSERT INTO root (identifier) VALUES ('root/1');
BEGIN;
DROP EXTENSION vxp_query CASCADE;
SELECT identifier FROM root;
ROLLBACK;
BEGIN;
DROP EXTENSION vxp_query CASCADE;
CREATE EXTENSION vxp_query;
SELECT create_resource_type('Tree', versioned => false);
INSERT INTO tree (identifier) VALUES ('tree/1');
SELECT identifier FROM tree('{}');
SELECT identifier, root_id FROM root;
ROLLBACK;
INSERT INTO root (identifier) VALUES ('root/2');
SELECT count(*) FROM root('{}');
DROP SCHEMA again CASCADE;

-- every function of this area has a fixed path or none to need, and none is SECURITY DEFINER (0, 0)
SELECT count(*) FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'vxp'::regnamespace AND l.lanname = 'plpgsql'
	AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false);
SELECT count(*) FROM pg_proc p WHERE p.pronamespace = 'vxp'::regnamespace AND p.prosecdef;
