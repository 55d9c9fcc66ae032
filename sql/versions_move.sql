--
-- versions: trees that change
--
-- Covers: moves as new versions of all below in every table, with one boundary;
-- paths before and after; moves in one transaction, back and forth, of what is
-- new; cycles; ends that are refused or passed on; types without versions above
-- and below; renamed resources; loading of moved trees.
--
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
CREATE SCHEMA versions_move;
SET search_path = versions_move, vxp;
SELECT create_resource_type('MRoot', versioned => true);
SELECT create_resource_type('MFolder', 'note text', parents => '{MRoot,MFolder}', versioned => true);
SELECT create_resource_type('MLeaf', 'n int', parents => '{MFolder}', versioned => true);
INSERT INTO mroot (identifier, valid_from) VALUES ('mroot/1', '2000-01-01'), ('mroot/2', '2000-01-01');
INSERT INTO mfolder (identifier, parent_identifier, valid_from) VALUES ('mfolder/a', 'mroot/1', '2000-01-01'), ('mfolder/b', 'mfolder/a', '2001-01-01'),
	('mfolder/c', 'mfolder/b', '2002-01-01'), ('mfolder/d', 'mroot/2', '2000-01-01');
INSERT INTO mleaf (identifier, parent_identifier, n, valid_from) VALUES ('mleaf/1', 'mfolder/a', 1, '2003-01-01'), ('mleaf/2', 'mfolder/c', 2, '2003-01-01'),
	('mleaf/3', 'mfolder/d', 3, '2003-01-01');

-- faults of any kind, in any of the tables (none)
CREATE VIEW faults AS
	SELECT t, c.identifier, c.problem FROM unnest('{MRoot,MFolder,MLeaf}'::text[]) t, check_lineage(t) c
	UNION ALL SELECT t, c.identifier, c.problem FROM unnest('{MRoot,MFolder,MLeaf}'::text[]) t, check_versions(t, true) c;
-- everything, with how many versions it has and whether the last one began with the last of mfolder/b
CREATE VIEW tree AS
	SELECT identifier, lineage::text AS path, mroot_id, count(*) OVER (PARTITION BY identifier) AS versions, since =
		(SELECT valid_from FROM mfolder WHERE identifier = 'mfolder/b' AND valid_to IS NULL) AS with_b, valid_to IS NULL AS open
	FROM (SELECT identifier, lineage, mroot_id, valid_from AS since, valid_to FROM mfolder UNION ALL SELECT identifier, lineage, mroot_id, valid_from, valid_to FROM mleaf) s;

UPDATE mfolder SET parent_identifier = 'mfolder/d' WHERE identifier = 'mfolder/b';
SELECT * FROM tree WHERE open ORDER BY path COLLATE "C";
SELECT * FROM faults;
-- before the move the old ancestors hold, in joins of all tables
SET vxp.as_of = '2004-01-01';
SELECT identifier, lineage_path, mroot_id FROM mleaf_current ORDER BY 1;
SELECT l.identifier, f.lineage_path FROM mleaf_current l JOIN mfolder_current f ON has_ancestor(l.lineage, f.identifier) ORDER BY 1, 2;
RESET vxp.as_of;
-- several moves in one transaction, one boundary; the last one counts; what is below may change as well
BEGIN;
UPDATE mfolder SET parent_identifier = 'mroot/1' WHERE identifier = 'mfolder/b' AND valid_to IS NULL;
UPDATE mleaf SET n = 22 WHERE identifier = 'mleaf/2' AND valid_to IS NULL;
UPDATE mfolder SET parent_identifier = 'mroot/2' WHERE identifier = 'mfolder/b' AND valid_to IS NULL;
INSERT INTO mleaf (identifier, parent_identifier, n) VALUES ('mleaf/4', 'mfolder/c', 4);
UPDATE mfolder SET parent_identifier = 'mfolder/a' WHERE identifier = 'mfolder/b' AND valid_to IS NULL;
COMMIT;
SELECT * FROM tree WHERE open ORDER BY path COLLATE "C";
SELECT * FROM faults;
-- there and back within one transaction: one version more
BEGIN;
UPDATE mfolder SET parent_identifier = 'mfolder/d' WHERE identifier = 'mfolder/b' AND valid_to IS NULL;
UPDATE mfolder SET parent_identifier = 'mfolder/a' WHERE identifier = 'mfolder/b' AND valid_to IS NULL;
COMMIT;
SELECT identifier, versions FROM tree WHERE open ORDER BY 1;
SELECT * FROM faults;
-- cycles, and parents that cannot be
UPDATE mfolder SET parent_identifier = 'mfolder/c' WHERE identifier = 'mfolder/b' AND valid_to IS NULL;
\echo :SQLSTATE
UPDATE mfolder SET parent_identifier = identifier WHERE identifier = 'mfolder/b' AND valid_to IS NULL;
\echo :SQLSTATE
UPDATE mfolder SET parent_identifier = 'mleaf/1' WHERE identifier = 'mfolder/b' AND valid_to IS NULL;
\echo :SQLSTATE
UPDATE mfolder SET parent_identifier = 'mroot/9' WHERE identifier = 'mfolder/b' AND valid_to IS NULL;
\echo :SQLSTATE
UPDATE mfolder SET parent_identifier = NULL WHERE identifier = 'mfolder/b' AND valid_to IS NULL;
\echo :SQLSTATE
UPDATE mleaf SET lineage = 'mleaf/1' WHERE identifier = 'mleaf/1' AND valid_to IS NULL;
\echo :SQLSTATE
-- a move of many at once, rows of each other's subtrees among them
UPDATE mfolder SET parent_identifier = CASE identifier WHEN 'mfolder/b' THEN 'mroot/2' WHEN 'mfolder/c' THEN 'mfolder/a' ELSE parent_identifier END WHERE valid_to IS NULL;
SELECT identifier, path FROM tree WHERE open ORDER BY path COLLATE "C";
SELECT * FROM faults;

-- below something that began in the future: the move waits for it
INSERT INTO mroot (identifier, valid_from) VALUES ('mroot/f', '2999-01-01');
UPDATE mfolder SET parent_identifier = 'mroot/f' WHERE identifier = 'mfolder/d' AND valid_to IS NULL RETURNING valid_from;
SELECT valid_from FROM mleaf WHERE identifier = 'mleaf/3' AND valid_to IS NULL;
INSERT INTO mleaf (identifier, parent_identifier, n) VALUES ('mleaf/5', 'mfolder/d', 5) RETURNING valid_from;
-- and what lies below it cannot move or end before it began
UPDATE mfolder SET parent_identifier = 'mroot/2' WHERE identifier = 'mfolder/d' AND valid_to IS NULL RETURNING valid_from;
SELECT * FROM faults;

-- an end is refused while there are children, now; those that have ended are no children
DELETE FROM mfolder WHERE identifier = 'mfolder/d' AND valid_to IS NULL;
\echo :SQLSTATE
DELETE FROM mleaf WHERE mfolder_id = 'mfolder/d' AND valid_to IS NULL;
DELETE FROM mfolder WHERE identifier = 'mfolder/d' AND valid_to IS NULL;
SELECT * FROM faults;
-- what ended can begin again, with new children
INSERT INTO mfolder (identifier, parent_identifier) VALUES ('mfolder/d', 'mroot/1') RETURNING valid_from > '2999-01-01' AS after_the_end;
INSERT INTO mleaf (identifier, parent_identifier) VALUES ('mleaf/3', 'mfolder/d');
-- a resource with children keeps its identifier
UPDATE mfolder SET identifier = 'mfolder/x' WHERE identifier = 'mfolder/d' AND valid_to IS NULL;
\echo :SQLSTATE
UPDATE mleaf SET identifier = 'mleaf/x' WHERE identifier = 'mleaf/3' AND valid_to IS NULL;
SELECT identifier, valid_to IS NULL AS open FROM mleaf WHERE identifier IN ('mleaf/3', 'mleaf/x') ORDER BY identifier, valid_from;
UPDATE mleaf SET identifier = 'mleaf/1' WHERE identifier = 'mleaf/x' AND valid_to IS NULL;
\echo :SQLSTATE
SELECT t, identifier, problem FROM faults WHERE problem !~ '^gap';

-- the end is passed on: to children, to theirs, with one boundary
SELECT create_resource_type('CTop', versioned => true);
SELECT create_resource_type('CMid', parents => '{CTop,CMid}', versioned => true, on_close => 'cascade');
SELECT create_resource_type('CLow', 'n int', parents => '{CMid}', versioned => true, on_close => 'cascade');
SELECT create_resource_type('COther', parents => '{CLow}', versioned => false);
INSERT INTO ctop (identifier, valid_from) VALUES ('ctop/1', '2000-01-01');
INSERT INTO cmid (identifier, parent_identifier, valid_from) VALUES ('cmid/1', 'ctop/1', '2001-01-01'), ('cmid/2', 'cmid/1', '2001-01-01');
INSERT INTO clow (identifier, parent_identifier, n, valid_from) SELECT 'clow/' || i, 'cmid/' || i % 2 + 1, i, '2002-01-01' FROM generate_series(1, 4) i;
-- one below began in the future, so all ends after that
INSERT INTO clow (identifier, parent_identifier, n, valid_from) VALUES ('clow/f', 'cmid/2', 0, '2999-01-01');
INSERT INTO cother (identifier, parent_identifier) VALUES ('cother/1', 'clow/1');
DELETE FROM ctop WHERE valid_to IS NULL;
\echo :SQLSTATE
DELETE FROM cother;
DELETE FROM ctop WHERE valid_to IS NULL;
SELECT identifier, valid_to FROM ctop UNION ALL SELECT identifier, valid_to FROM cmid UNION ALL SELECT identifier, valid_to FROM clow ORDER BY 1;
SELECT * FROM check_versions('CMid') UNION ALL SELECT * FROM check_versions('CLow');
-- made and ended in one transaction: nothing is left
BEGIN;
INSERT INTO ctop (identifier) VALUES ('ctop/2');
INSERT INTO cmid (identifier, parent_identifier) VALUES ('cmid/3', 'ctop/2');
INSERT INTO clow (identifier, parent_identifier) VALUES ('clow/9', 'cmid/3');
DELETE FROM ctop WHERE identifier = 'ctop/2';
COMMIT;
SELECT count(*) FROM ctop WHERE identifier = 'ctop/2';
SELECT count(*) FROM cmid WHERE identifier = 'cmid/3';
SELECT count(*) FROM clow WHERE identifier = 'clow/9';
SELECT create_resource_type('CBad', on_close => 'nothing', versioned => true);
\echo :SQLSTATE

-- versions below what has none, and the other way round
SELECT create_resource_type('UTop', versioned => false);
SELECT create_resource_type('UMid', parents => '{UTop}', versioned => false);
SELECT create_resource_type('ULow', 'n int', parents => '{UMid}', versioned => true);
SELECT create_resource_type('UEnd', parents => '{ULow}', versioned => false, on_close => 'cascade');
INSERT INTO utop (identifier) VALUES ('utop/1'), ('utop/2');
INSERT INTO umid (identifier, parent_identifier) VALUES ('umid/1', 'utop/1');
INSERT INTO ulow (identifier, parent_identifier, valid_from) VALUES ('ulow/1', 'umid/1', '2000-01-01');
INSERT INTO uend (identifier, parent_identifier) VALUES ('uend/1', 'ulow/1');
UPDATE umid SET parent_identifier = 'utop/2';
SELECT identifier, lineage::text, valid_from = now() AS now, valid_to IS NULL AS open FROM ulow ORDER BY valid_from;
SELECT identifier, lineage::text FROM uend;
DELETE FROM ulow WHERE valid_to IS NULL;
SELECT count(*) FROM uend;
SELECT count(*) FROM check_lineage('ULow');
SELECT count(*) FROM check_versions('ULow');

-- a history of moves is loaded: parents first, and a version of a child does not span a move
INSERT INTO mfolder (identifier, parent_identifier, valid_from, valid_to) VALUES ('mfolder/h', 'mroot/1', '2001-01-01', '2002-01-01'), ('mfolder/h', 'mroot/2', '2002-01-01', NULL);
INSERT INTO mleaf (identifier, parent_identifier, valid_from) VALUES ('mleaf/h', 'mfolder/h', '2001-06-01');
\echo :SQLSTATE
INSERT INTO mleaf (identifier, parent_identifier, valid_from, valid_to) VALUES ('mleaf/h', 'mfolder/h', '2001-06-01', '2002-01-01'), ('mleaf/h', 'mfolder/h', '2002-01-01', NULL);
SELECT valid_from, lineage::text, mroot_id FROM mleaf WHERE identifier = 'mleaf/h' ORDER BY 1;
-- nor can history make a cycle
INSERT INTO mfolder (identifier, parent_identifier, valid_from, valid_to) VALUES ('mfolder/i', 'mfolder/h', '2001-01-01', '2002-01-01');
SELECT correct('MFolder', 'mfolder/h', '2001-03-01', '2001-04-01', '{"parent_identifier": "mfolder/i"}');
\echo :SQLSTATE
SELECT t, identifier, problem FROM faults WHERE problem !~ '^gap';

-- of all this the indexes know the same as the table
SET jit = off;
SET enable_seqscan = off;
SELECT identifier, valid_from FROM mleaf WHERE has_ancestor(lineage, 'mroot/2') AND valid_at(valid_from, valid_to, '2010-01-01')
EXCEPT SELECT identifier, valid_from FROM mleaf WHERE mroot_id || '' = 'mroot/2' AND valid_from <= '2010-01-01' AND coalesce(valid_to, 'infinity') > '2010-01-01';

SET client_min_messages = warning;
DROP SCHEMA versions_move CASCADE;
SELECT count(*) FROM resource_types;
