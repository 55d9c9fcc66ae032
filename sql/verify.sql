--
-- verify: nothing when all is sound, and exactly the fault that was planted
--
-- Each fault is planted past the triggers, as a superuser who turns them off
-- can; verify() names it and nothing else, and is silent again when it is gone.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA verify_test;
SET search_path = verify_test, vxp;
SELECT count(*) AS before FROM verify();
SELECT create_resource_type('VDataset', 'title text', versioned => false), create_resource_type('VItem', 'title text', parents => '{VDataset,VItem}', versioned => false);
CREATE TABLE vplain (id int PRIMARY KEY, d jsonb);
SELECT register('VPlain', 'vplain', document => 'd');
INSERT INTO vdataset (identifier) SELECT 'vdataset/' || g FROM generate_series(1, 9) g;
INSERT INTO vitem (identifier, parent_identifier) SELECT 'vitem/' || g, CASE WHEN g < 100 THEN 'vdataset/' || 1 + g % 9 ELSE 'vitem/' || g / 3 END FROM generate_series(1, 900) g;
INSERT INTO vplain VALUES (1, '{"id":1}');
CREATE INDEX vitem_btree ON vitem (lineage);
ANALYZE vdataset, vitem;
SELECT * FROM verify();
SELECT * FROM verify('VItem');
SELECT * FROM verify('Nowhere');

-- the triggers off: a path of another parent, a lineage field, a parent that is gone, an identifier that is not the path's end
CREATE FUNCTION planted(change text) RETURNS TABLE (part text, type text, identifier text, problem text) LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL session_replication_role = replica;
	EXECUTE change;
	SET LOCAL session_replication_role = origin;
	RETURN QUERY SELECT * FROM vxp.verify();
	RAISE EXCEPTION USING ERRCODE = 'P0099';
EXCEPTION WHEN SQLSTATE 'P0099' THEN
END $$;
SELECT * FROM planted($$UPDATE vitem SET lineage = lineage('{vdataset/2,vitem/7}'::text[]) WHERE identifier = 'vitem/7'$$);
SELECT * FROM planted($$UPDATE vitem SET vdataset_id = 'vdataset/1' WHERE identifier = 'vitem/7'$$);
SELECT * FROM planted($$DELETE FROM vitem WHERE identifier = 'vitem/295'; DELETE FROM vitem WHERE identifier IN ('vitem/885', 'vitem/886')$$);
SELECT * FROM planted($$INSERT INTO vitem (identifier, parent_identifier, lineage) VALUES ('vitem/x', 'vdataset/1', 'vdataset/1 > vitem/y')$$);
-- the catalog: a parent type that is not there, names that lead nowhere, an OID of another table, triggers off or gone
SELECT * FROM planted($$ALTER TABLE vxp.resource_type DISABLE TRIGGER ALL; UPDATE vxp.resource_type SET parents = '{Missing,VDataset,VItem}' WHERE name = 'VItem'$$);
SELECT * FROM planted($$UPDATE vxp.resource_relation SET relid = 'vplain'::regclass WHERE name = 'VDataset'$$);
SELECT * FROM planted($$INSERT INTO vxp.resource_relation VALUES ('Ghost', 1)$$);
SELECT * FROM planted($$ALTER TABLE vxp.resource_type DISABLE TRIGGER ALL; UPDATE vxp.resource_type SET table_name = 'elsewhere' WHERE name = 'VPlain'$$);
SELECT * FROM planted($$ALTER TABLE vxp.resource_type DISABLE TRIGGER ALL; UPDATE vxp.resource_type SET view_name = 'elsewhere' WHERE name = 'VPlain'$$);
SELECT * FROM planted($$ALTER TABLE vxp.resource_type DISABLE TRIGGER ALL; UPDATE vxp.resource_type SET function_name = 'elsewhere' WHERE name = 'VPlain'$$);
SELECT * FROM planted($$ALTER TABLE vxp.resource_type DISABLE TRIGGER ALL; UPDATE vxp.resource_type SET document_column = 'id' WHERE name = 'VPlain'$$);
SELECT * FROM planted($$ALTER TABLE vitem DISABLE TRIGGER vxp_lineage_update$$);
SELECT * FROM planted($$DROP TRIGGER vxp_lineage_delete ON vdataset$$);
-- indexes: one that does not see new rows, and so misses them
SELECT * FROM verify();
CREATE FUNCTION planted_index(index regclass, change text) RETURNS TABLE (part text, type text, identifier text, problem text) LANGUAGE plpgsql AS $$
BEGIN
	UPDATE pg_index SET indisready = false, indisvalid = false WHERE indexrelid = index;
	EXECUTE change;
	UPDATE pg_index SET indisready = true, indisvalid = true WHERE indexrelid = index;
	RETURN QUERY SELECT * FROM vxp.verify('VItem');
	RAISE EXCEPTION USING ERRCODE = 'P0099';
EXCEPTION WHEN SQLSTATE 'P0099' THEN
END $$;
DROP INDEX vitem_btree;
SELECT x.relname, m.amname, p.* FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam,
	LATERAL planted_index(x.oid, 'INSERT INTO vitem (identifier, parent_identifier) VALUES (''vitem/new'', ''vitem/5'')') p
	WHERE i.indrelid = 'vitem'::regclass ORDER BY 1, 4, 5, 6;
CREATE INDEX vitem_btree ON vitem (lineage);
SELECT * FROM planted_index('vitem_btree', 'INSERT INTO vitem (identifier, parent_identifier) VALUES (''vitem/new'', ''vitem/5'')');
DROP INDEX vitem_btree;
CREATE INDEX vitem_gin ON vitem USING gin (lineage);
DROP INDEX vitem_lineage_idx;
SELECT * FROM planted_index('vitem_gin', 'INSERT INTO vitem (identifier, parent_identifier) VALUES (''vitem/new'', ''vitem/5'')');
BEGIN;
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'vitem_gin'::regclass;
SELECT * FROM verify('VItem');
ROLLBACK;
SELECT * FROM verify();
DROP SCHEMA verify_test CASCADE;
SELECT count(*) AS after FROM verify();
