-- What an application may have made: types with rows, each kind of index, what stores an expression or a request of ours
CREATE EXTENSION vxp_query;
SET search_path = public, vxp;
SELECT create_resource_type('Dataset', 'title text', versioned => false);
SELECT create_resource_type('Folder', 'title text', parents => '{Dataset,Folder}', versioned => false);
INSERT INTO dataset (identifier, title, metadata) SELECT 'dataset/' || g, 't' || g, jsonb_build_object('n', g, 'tags', jsonb_build_array('a', g % 3)) FROM generate_series(1, 20) g;
INSERT INTO folder (identifier, parent_identifier, title)
	SELECT 'folder/' || g, CASE WHEN g <= 40 THEN 'dataset/' || 1 + g % 20 ELSE 'folder/' || g / 2 END, 'f' || g % 7 FROM generate_series(1, 2000) g;
CREATE TABLE path (id int PRIMARY KEY, path lineage NOT NULL, top text GENERATED ALWAYS AS (vxp.root(path)) STORED,
	CONSTRAINT shallow CHECK (depth(path) < 100));
INSERT INTO path SELECT row_number() OVER (ORDER BY identifier), lineage FROM folder;
CREATE INDEX path_gist ON path USING gist (path);
CREATE INDEX path_full ON path USING gist (path vxp.gist_lineage_full_ops);
CREATE INDEX path_gin ON path USING gin (path);
CREATE INDEX path_btree ON path (path);
CREATE INDEX path_hash ON path USING hash (path);
CREATE INDEX path_expression ON path ((vxp.ancestor_of_type(path, 'dataset')));
CREATE TABLE part (path lineage) PARTITION BY RANGE (path);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('dataset/1') TO ('dataset/3');
CREATE TABLE part_2 PARTITION OF part DEFAULT;
INSERT INTO part SELECT path FROM path;
CREATE TABLE document (doc jsonb NOT NULL);
INSERT INTO document SELECT jsonb_build_object('id', 'd' || g, 'n', g % 5, 'at', '2024-01-0' || 1 + g % 9) FROM generate_series(1, 100) g;
SELECT register('Document', 'document', document => 'doc', default_sort => '{"n":1}');
CREATE TABLE saved (name text PRIMARY KEY, request dql NOT NULL, label identifier);
INSERT INTO saved VALUES ('low', '{"resource":"Document","filter":{"n":{"$lt":3}}}', 'dataset/1'), ('all', '{"resource":"Folder"}', 'x');
CREATE VIEW calls AS SELECT identifier, title FROM vxp.query(NULL::folder, '{"filter":{"title":{"$startsWith":"f1"}}}');
CREATE VIEW by_wrapper AS SELECT identifier FROM folder('{"filter":{"$hasAncestor":"dataset/3"}}');
CREATE MATERIALIZED VIEW counts AS SELECT d.identifier, count(*) FROM dataset d JOIN folder f ON has_ancestor(f.lineage, d.identifier) GROUP BY 1;
CREATE FUNCTION body() RETURNS bigint STABLE BEGIN ATOMIC SELECT count(*) FROM vxp.query(NULL::public.dataset, '{}') d; END;
CREATE FUNCTION early() RETURNS bigint STABLE BEGIN ATOMIC SELECT count(*) FROM public.folder; END;
ALTER TABLE folder ENABLE ROW LEVEL SECURITY;
CREATE POLICY shown ON folder USING (NOT is_within(lineage, 'dataset/19'));
CREATE STATISTICS path_statistics ON id, path FROM path;
SELECT vxp.update('{"resource":"Document","filter":{"n":4},"update":{"metadata":{"user":{"seen":true}}}}');
ANALYZE dataset, folder, path, part, document, saved;
