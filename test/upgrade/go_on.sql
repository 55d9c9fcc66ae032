-- It goes on working: writes derive, moves reach descendants, DDL is followed
SET search_path = public, vxp;
INSERT INTO folder (identifier, parent_identifier, title) VALUES ('folder/new', 'folder/9', 'new');
BEGIN;
UPDATE folder SET parent_identifier = 'dataset/1' WHERE identifier = 'folder/9';
SELECT lineage FROM folder WHERE identifier = 'folder/new';
SELECT vxp.undo(max(id)) FROM operation;
ALTER TABLE document ADD COLUMN more int;
SELECT refresh('Document');
SELECT count(*) FROM check_lineage('Folder');
ROLLBACK;
DELETE FROM folder WHERE identifier = 'folder/new';
SELECT count(*) FROM document('{"filter":{"n":1}}');
