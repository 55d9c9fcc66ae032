--
-- catalog_lineage: paths are derived, and stay true
--
-- Covers: INSERT of many rows, COPY, upsert, parents in the same statement;
-- unknown parent, wrong type of parent, cycle, no parent; what an UPDATE may
-- not change; moves of a subtree over types and within one statement; DELETE,
-- TRUNCATE and new identifiers; savepoints; row security on every table.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA lineage_test;
SET search_path = lineage_test, vxp;
SELECT create_resource_type('Datasource', versioned => false);
SELECT create_resource_type('Patient', parents => '{Datasource}', versioned => false);
SELECT create_resource_type('Study', 'name text', parents => '{Patient}', versioned => false);
SELECT create_resource_type('Folder', parents => '{Study, Folder}', versioned => false);
SELECT create_resource_type('File', parents => '{Folder, Study}', versioned => false);
-- all faults of all five types: must be empty whenever we look
CREATE VIEW faults AS
	SELECT t.name, c.* FROM resource_types t, LATERAL check_lineage(t.name) c
	WHERE t.name IN ('Datasource', 'Patient', 'Study', 'Folder', 'File');

-- derived: path and lineage fields; what the writer says about them is replaced
INSERT INTO datasource (identifier) VALUES ('datasource/1'), ('datasource/2');
INSERT INTO patient (identifier, parent_identifier, lineage, datasource_id)
	VALUES ('patient/1', 'datasource/1', 'x > y', 'nonsense'), ('patient/2', 'datasource/2', NULL, NULL);
INSERT INTO study (identifier, parent_identifier) VALUES ('study/1', 'patient/1'), ('study/2', 'patient/2');
-- the parent is an earlier row of the same statement
INSERT INTO folder (identifier, parent_identifier)
	VALUES ('folder/a', 'study/1'), ('folder/b', 'folder/a'), ('folder/c', 'folder/b'), ('folder/d', 'folder/c');
-- and by COPY, where all columns come along, as pg_dump writes them
COPY file (identifier, parent_identifier, lineage) FROM stdin;
file/1	folder/d	\N
file/2	folder/b	file/2
file/3	study/1	\N
\.
SELECT identifier, datasource_id, patient_id, study_id, folder_id, file_id, lineage FROM file ORDER BY identifier;
SELECT identifier, folder_id, lineage FROM folder ORDER BY lineage;
SELECT * FROM faults;

-- the order of rows matters within a table: the hint names vxp.load, which sorts
INSERT INTO folder (identifier, parent_identifier) VALUES ('folder/f', 'folder/e'), ('folder/e', 'study/1');
CREATE TABLE staged (identifier text, parent_identifier text, lineage text);
INSERT INTO staged VALUES ('folder/f', 'folder/e'), ('folder/g', 'folder/f'), ('folder/e', 'study/1');
SELECT load('Folder', 'staged');
DELETE FROM folder WHERE identifier IN ('folder/e', 'folder/f', 'folder/g');
INSERT INTO staged VALUES ('folder/x', 'folder/y'), ('folder/y', 'folder/x');
SELECT load('Folder', 'staged');

-- refused, both identifiers named
INSERT INTO study (identifier, parent_identifier) VALUES ('study/3', 'patient/77');
INSERT INTO study (identifier, parent_identifier) VALUES ('study/3', 'datasource/1');
INSERT INTO study (identifier, parent_identifier) VALUES ('study/3', 'patients/1');
INSERT INTO study (identifier) VALUES ('study/3');
INSERT INTO study (parent_identifier) VALUES ('patient/1');
INSERT INTO study (identifier, parent_identifier) VALUES ('studies/3', 'patient/1');
INSERT INTO study (identifier, parent_identifier) VALUES ('study/', 'patient/1');
INSERT INTO datasource (identifier, parent_identifier) VALUES ('datasource/3', 'datasource/1');
INSERT INTO folder (identifier, parent_identifier) VALUES ('folder/s', 'folder/s');
UPDATE folder SET parent_identifier = 'folder/d' WHERE identifier = 'folder/a';
UPDATE folder SET parent_identifier = identifier WHERE identifier = 'folder/a';
UPDATE study SET parent_identifier = 'patient/77' WHERE identifier = 'study/1';
UPDATE study SET parent_identifier = NULL WHERE identifier = 'study/1';
-- what is derived cannot be set, only repeated
UPDATE file SET patient_id = 'patient/2' WHERE identifier = 'file/1';
UPDATE file SET lineage = 'file/1' WHERE identifier = 'file/1';
UPDATE file SET lineage = lineage, patient_id = patient_id, license = 'CC0' WHERE identifier = 'file/1';
-- nobody was harmed
SELECT * FROM faults;

-- upsert: as INSERT when new, as UPDATE when not; a move when the parent differs
INSERT INTO study (identifier, parent_identifier, name) VALUES ('study/1', 'patient/1', 'one'), ('study/4', 'patient/1', 'four')
	ON CONFLICT (identifier) DO UPDATE SET name = EXCLUDED.name, parent_identifier = EXCLUDED.parent_identifier;
MERGE INTO study s USING (VALUES ('study/4', 'patient/2')) v(identifier, parent) ON s.identifier = v.identifier
	WHEN MATCHED THEN UPDATE SET parent_identifier = v.parent;
SELECT identifier, name, lineage FROM study WHERE identifier IN ('study/1', 'study/4') ORDER BY 1;

-- a move carries everything below, over all types
UPDATE study SET parent_identifier = 'patient/2' WHERE identifier = 'study/1';
SELECT identifier, datasource_id, patient_id, lineage FROM file ORDER BY identifier;
SELECT * FROM faults;
UPDATE patient SET parent_identifier = 'datasource/2' WHERE identifier = 'patient/1';
UPDATE folder SET parent_identifier = 'study/2' WHERE identifier = 'folder/b';
SELECT identifier, lineage FROM folder ORDER BY lineage;
SELECT * FROM faults;

-- several rows at once, each below another that moves as well: in every order of rows the end is the same
CREATE TABLE ends (round int, lineages text);
DO $$
BEGIN
	FOR round IN 1..6 LOOP
		DELETE FROM lineage_test.file; DELETE FROM lineage_test.folder;
		INSERT INTO lineage_test.folder (identifier, parent_identifier)
			VALUES ('folder/1', 'study/1'), ('folder/2', 'folder/1'), ('folder/3', 'folder/2'), ('folder/4', 'folder/3'), ('folder/5', 'study/2');
		INSERT INTO lineage_test.file (identifier, parent_identifier)
			SELECT 'file/' || i, 'folder/' || i FROM pg_catalog.generate_series(1, 5) i;
		-- 1 below 5, 3 below study/2, 4 below 1: the rows in six orders
		CREATE TEMP TABLE moves ON COMMIT DROP AS
			SELECT * FROM (VALUES ('folder/1', 'folder/5', 1), ('folder/3', 'study/2', 2), ('folder/4', 'folder/1', 3)) v(id, parent, n)
			ORDER BY (ARRAY[n, -n, n % 3, -(n % 3), (n + 1) % 3, -((n + 1) % 3)])[round];
		SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
		UPDATE lineage_test.folder f SET parent_identifier = m.parent FROM pg_temp.moves m WHERE f.identifier = m.id;
		INSERT INTO lineage_test.ends SELECT round, pg_catalog.string_agg(lineage::text, E'\n' ORDER BY lineage)
			FROM (SELECT lineage FROM lineage_test.folder UNION ALL SELECT lineage FROM lineage_test.file) l;
		DROP TABLE pg_temp.moves;
	END LOOP;
END
$$;
SELECT pg_catalog.count(DISTINCT lineages) FROM ends;
SELECT identifier, lineage FROM folder UNION ALL SELECT identifier, lineage FROM file ORDER BY lineage;
SELECT * FROM faults;

-- rows that are there must have their parents: DELETE, TRUNCATE, a new identifier
DELETE FROM folder WHERE identifier = 'folder/1';
DELETE FROM study;
TRUNCATE folder;
UPDATE folder SET identifier = 'folder/9' WHERE identifier = 'folder/1';
-- but all is judged at the end of the statement
WITH files AS (DELETE FROM file WHERE parent_identifier = 'folder/2') DELETE FROM folder WHERE identifier = 'folder/2';
UPDATE file SET identifier = 'file/9' WHERE identifier = 'file/1';
SELECT identifier, file_id, lineage FROM file WHERE identifier = 'file/9';
SELECT * FROM faults;
TRUNCATE folder, file;

-- a parent that a savepoint took back is unknown again, though it was just found
BEGIN;
SAVEPOINT s;
INSERT INTO folder (identifier, parent_identifier) VALUES ('folder/t', 'study/1');
INSERT INTO file (identifier, parent_identifier) VALUES ('file/t', 'folder/t');
ROLLBACK TO s;
INSERT INTO file (identifier, parent_identifier) VALUES ('file/t', 'folder/t');
ROLLBACK;
-- one that moved since it was found is read anew
BEGIN;
INSERT INTO folder (identifier, parent_identifier) VALUES ('folder/t', 'study/1');
INSERT INTO file (identifier, parent_identifier) VALUES ('file/1', 'folder/t');
UPDATE folder SET parent_identifier = 'study/2' WHERE identifier = 'folder/t';
INSERT INTO file (identifier, parent_identifier) VALUES ('file/2', 'folder/t');
SELECT identifier, study_id FROM file ORDER BY 1;
SELECT * FROM faults;
COMMIT;

-- a deep tree: 999 levels below a folder are too many, and the error says so
INSERT INTO folder (identifier, parent_identifier)
	SELECT 'folder/' || i, CASE i WHEN 1 THEN 'study/1' ELSE 'folder/' || i - 1 END FROM generate_series(1, 997) i;
SELECT max(depth(lineage)) FROM folder;
INSERT INTO folder (identifier, parent_identifier) VALUES ('folder/998', 'folder/997');
UPDATE folder SET parent_identifier = 'folder/t' WHERE identifier = 'folder/1';
SELECT * FROM faults;

-- check_lineage sees what went wrong while triggers were off
ALTER TABLE file DISABLE TRIGGER ALL;
UPDATE file SET lineage = 'study/1 > file/1', patient_id = 'patient/x' WHERE identifier = 'file/1';
INSERT INTO file (identifier, parent_identifier, lineage) VALUES ('file/7', 'folder/none', 'folder/none > file/7');
ALTER TABLE file ENABLE TRIGGER ALL;
SELECT identifier, problem FROM faults ORDER BY 1;

-- an index is used to find what a move carries, and the answer is the same without
SET enable_seqscan = off;
UPDATE folder SET parent_identifier = 'study/2' WHERE identifier = 'folder/500';
RESET enable_seqscan;
UPDATE folder SET parent_identifier = 'folder/499' WHERE identifier = 'folder/500';
SELECT count(*) FROM faults WHERE name = 'Folder';

--
-- Row security: a role that sees one row moves the whole subtree; it only may
-- write its own rows
--
CREATE ROLE lineage_owner;
CREATE ROLE lineage_member;
GRANT USAGE ON SCHEMA lineage_test TO lineage_member, lineage_owner;
DELETE FROM file;
DELETE FROM folder WHERE identifier LIKE 'folder/9%' OR depth(lineage) > 6;
INSERT INTO file (identifier, parent_identifier) VALUES ('file/secret', 'folder/t'), ('file/seen', 'folder/t');
ALTER TABLE datasource OWNER TO lineage_owner;
ALTER TABLE patient OWNER TO lineage_owner;
ALTER TABLE study OWNER TO lineage_owner;
ALTER TABLE folder OWNER TO lineage_owner;
ALTER TABLE file OWNER TO lineage_owner;
-- a new owner of the table owns view and wrapper, too (no row; 10)
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'lineage_test'::regnamespace AND c.relname ~ '^(file|study)'
	AND c.relkind IN ('r', 'v') AND c.relowner <> 'lineage_owner'::regrole;
SELECT count(*) FROM pg_proc p WHERE p.pronamespace = 'lineage_test'::regnamespace AND p.proowner = 'lineage_owner'::regrole;
ALTER TABLE file ENABLE ROW LEVEL SECURITY;
ALTER TABLE file FORCE ROW LEVEL SECURITY;
ALTER TABLE folder ENABLE ROW LEVEL SECURITY;
ALTER TABLE study ENABLE ROW LEVEL SECURITY;
ALTER TABLE study FORCE ROW LEVEL SECURITY;
CREATE POLICY seen ON file TO lineage_member USING (identifier = 'file/seen');
CREATE POLICY seen ON folder TO lineage_member USING (identifier = 'folder/t');
GRANT SELECT, INSERT, UPDATE, DELETE ON file, folder TO lineage_member;
SET ROLE lineage_member;
-- studies are not readable at all, and yet the parent is found; files are hidden, and yet they move
SELECT count(*) FROM file;
SELECT count(*) FROM study;
UPDATE folder SET parent_identifier = 'study/1' WHERE identifier = 'folder/t';
DELETE FROM folder WHERE identifier = 'folder/t';
INSERT INTO file (identifier, parent_identifier) VALUES ('file/mine', 'folder/t');
RESET ROLE;
SELECT identifier, study_id FROM file ORDER BY 1;
SELECT * FROM faults;

-- a parent may be the row of a view: it is locked through it, and has no place of its own
CREATE TABLE kept (identifier text COLLATE "C" PRIMARY KEY, lineage vxp.lineage);
INSERT INTO kept VALUES ('shelf/1', 'shelf/1');
CREATE VIEW shelf AS SELECT identifier, lineage FROM kept;
SELECT vxp.register('Shelf', 'shelf', prefix => 'shelf', id => 'identifier', fields => '{"identifier": "identifier", "lineage": "lineage"}');
SELECT vxp.create_resource_type('Book', parents => '{Shelf}', versioned => false);
INSERT INTO book (identifier, parent_identifier) VALUES ('book/1', 'shelf/1');
INSERT INTO book (identifier, parent_identifier) VALUES ('book/2', 'shelf/2');
SELECT identifier, lineage FROM book;

DROP SCHEMA lineage_test CASCADE;
DROP ROLE lineage_owner, lineage_member;
