--
-- verify_versions: verify() of versioned types finds exactly the fault that was planted
--
-- Each fault is planted past triggers and constraints, as a superuser can; verify()
-- names it, by part and resource, and nothing else, and is silent again when it is
-- gone.  The tree: three versions each of vvfolder/a (which moved) and of the leaf
-- below it, without a gap.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET jit = off;
CREATE SCHEMA verify_versions;
SET search_path = verify_versions, vxp;
SELECT create_resource_type('VVRoot', versioned => true), create_resource_type('VVFolder', 'n int', parents => '{VVRoot}', versioned => true),
	create_resource_type('VVLeaf', 'n int', parents => '{VVFolder}', versioned => true);
INSERT INTO vvroot (identifier, valid_from) VALUES ('vvroot/1', '2000-01-01'), ('vvroot/2', '2000-01-01');
INSERT INTO vvfolder (identifier, parent_identifier, n, valid_from) VALUES ('vvfolder/a', 'vvroot/1', 1, '2001-01-01'), ('vvfolder/b', 'vvroot/1', 1, '2001-01-01');
INSERT INTO vvleaf (identifier, parent_identifier, n, valid_from) VALUES ('vvleaf/1', 'vvfolder/a', 1, '2002-01-01'), ('vvleaf/2', 'vvfolder/b', 1, '2002-01-01');
SELECT correct('VVFolder', 'vvfolder/a', '2003-01-01', '2005-01-01', '{"parent_identifier":"vvroot/2"}');
SELECT identifier, lineage, vvroot_id, valid_from::date AS since, valid_to::date AS until FROM vvleaf ORDER BY 1, 4;
SELECT * FROM verify();

CREATE FUNCTION planted(change text) RETURNS TABLE (part text, type text, identifier text, problem text) LANGUAGE plpgsql AS $$
DECLARE
	checks record;
BEGIN
	FOR checks IN SELECT c.conrelid::regclass AS relation, c.conname FROM pg_constraint c
		WHERE c.contype = 'c' AND c.conislocal AND c.conrelid IN ('vvfolder'::regclass, 'vvleaf'::regclass)
	LOOP
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', checks.relation, checks.conname);
	END LOOP;
	SET LOCAL session_replication_role = replica;
	EXECUTE change;
	SET LOCAL session_replication_role = origin;
	RETURN QUERY SELECT * FROM vxp.verify();
	RAISE EXCEPTION USING ERRCODE = 'P0099';
EXCEPTION WHEN SQLSTATE 'P0099' THEN
END $$;
-- nothing planted, nothing found: not even without the constraints
SELECT * FROM planted('SELECT 1');

-- intervals: an overlap, reversed, empty, infinity for open, a begin at infinity; a gap is no fault
SELECT * FROM planted($$UPDATE vvleaf SET valid_to = '2003-06-01' WHERE identifier = 'vvleaf/1' AND valid_from = '2002-01-01'$$);
SELECT * FROM planted($$UPDATE vvleaf SET valid_to = '2002-06-01' WHERE identifier = 'vvleaf/1' AND valid_from = '2002-01-01'$$);
SELECT * FROM planted($$UPDATE vvleaf SET valid_to = '2001-06-01' WHERE identifier = 'vvleaf/1' AND valid_from = '2002-01-01'$$);
SELECT * FROM planted($$UPDATE vvleaf SET valid_to = valid_from WHERE identifier = 'vvleaf/1' AND valid_from = '2002-01-01'$$);
SELECT * FROM planted($$UPDATE vvleaf SET valid_to = 'infinity' WHERE identifier = 'vvleaf/2'$$);
SELECT * FROM planted($$UPDATE vvleaf SET valid_from = 'infinity' WHERE identifier = 'vvleaf/2'$$);
-- a child before its parent began, after it ended, and of a parent that is gone
SELECT * FROM planted($$UPDATE vvleaf SET valid_from = '2000-06-01' WHERE identifier = 'vvleaf/2'$$);
SELECT * FROM planted($$UPDATE vvfolder SET valid_to = '2006-01-01' WHERE identifier = 'vvfolder/b'$$);
SELECT * FROM planted($$DELETE FROM vvfolder WHERE identifier = 'vvfolder/b'$$);
-- a path that the parent had at another time, of the present and of the past; a lineage field; another parent
SELECT * FROM planted($$UPDATE vvleaf SET lineage = 'vvroot/2 > vvfolder/a > vvleaf/1' WHERE identifier = 'vvleaf/1' AND valid_to IS NULL$$);
SELECT * FROM planted($$UPDATE vvleaf SET lineage = 'vvroot/1 > vvfolder/a > vvleaf/1', vvroot_id = 'vvroot/1' WHERE identifier = 'vvleaf/1' AND valid_from = '2003-01-01'$$);
SELECT * FROM planted($$UPDATE vvleaf SET vvroot_id = 'vvroot/1' WHERE identifier = 'vvleaf/1' AND valid_from = '2003-01-01'$$);
SELECT * FROM planted($$UPDATE vvleaf SET parent_identifier = 'vvfolder/b' WHERE identifier = 'vvleaf/1' AND valid_from = '2003-01-01'$$);
-- a version that spans a move of its parent
SELECT * FROM planted($$UPDATE vvleaf SET valid_to = '2004-01-01' WHERE identifier = 'vvleaf/1' AND valid_from = '2002-01-01'; UPDATE vvleaf SET valid_from = '2004-01-01' WHERE identifier = 'vvleaf/1' AND valid_from = '2003-01-01'$$);

-- the catalog: a column that is not there, or is of another type; triggers off or gone; the view gone
SELECT * FROM planted($$ALTER TABLE vxp.resource_type DISABLE TRIGGER ALL; UPDATE vxp.resource_type SET valid_to_column = 'ended' WHERE name = 'VVLeaf'$$);
SELECT * FROM planted($$ALTER TABLE vxp.resource_type DISABLE TRIGGER ALL; UPDATE vxp.resource_type SET valid_to_column = 'n' WHERE name = 'VVLeaf'$$);
SELECT * FROM planted($$ALTER TABLE vvleaf DISABLE TRIGGER vxp_version$$);
SELECT * FROM planted($$DROP TRIGGER vxp_history ON vvleaf$$);
SELECT * FROM planted($$ALTER TABLE vvleaf ENABLE REPLICA TRIGGER vxp_lineage$$);
SELECT * FROM planted($$DROP VIEW vvleaf_current CASCADE$$);

-- each index that verify() asks, made blind for new rows, one after the other: it misses what was
-- written meanwhile, of the past and of the present, and nothing else
CREATE FUNCTION hidden_from(index regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text;
BEGIN
	UPDATE pg_index SET indisready = false, indisvalid = false WHERE indexrelid = index;
	SET LOCAL session_replication_role = replica;
	INSERT INTO vvleaf (identifier, parent_identifier, lineage, vvroot_id, vvfolder_id, vvleaf_id, valid_from, valid_to) SELECT id, 'vvfolder/b', lineage('{vvroot/1,vvfolder/b}'::text[]) || id, 'vvroot/1', 'vvfolder/b', id, '2004-01-01', until
		FROM (VALUES ('vvleaf/now', NULL), ('vvleaf/past', '2005-01-01'::timestamptz)) v(id, until);
	SET LOCAL session_replication_role = origin;
	UPDATE pg_index SET indisready = true, indisvalid = true WHERE indexrelid = index;
	SELECT string_agg(DISTINCT v.part || ' ' || v.identifier || ' ' || v.problem, ', ') INTO found FROM vxp.verify('VVLeaf') v;
	RAISE EXCEPTION USING ERRCODE = 'P0099';
EXCEPTION WHEN SQLSTATE 'P0099' THEN
	RETURN found;
END $$;
CREATE TABLE hidden AS SELECT i.indexrelid::regclass::text AS index, a.attname, hidden_from(i.indexrelid) AS found
	FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid = 'vvleaf'::regclass AND i.indpred IS NULL;
SELECT count(*) >= 2 AS enough, bool_or(attname = 'lineage') AS of_paths, bool_or(attname = 'identifier') AS of_identifiers FROM hidden;
SELECT * FROM hidden WHERE found IS DISTINCT FROM format('index vvleaf/now an index on %1$s misses the row, index vvleaf/past an index on %1$s misses the row', attname);
SELECT * FROM verify();
SELECT drop_resource_type('VVLeaf'), drop_resource_type('VVFolder'), drop_resource_type('VVRoot');
DROP SCHEMA verify_versions CASCADE;
