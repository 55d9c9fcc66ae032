--
-- caches.sql: one statement of each kind; caches.sh compares its output with and without debug_discard_caches
--
-- Small tables: with it every look-up reads the catalog anew, a statement takes seconds.
--
SET search_path = public, vxp;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET jit = off;
SELECT create_resource_type('Site', 'country text', versioned => false);
SELECT create_resource_type('Scan', 'modality text, n int, tags text[]', parents => '{Site,Scan}');
INSERT INTO site (identifier, country) SELECT 'site/' || g, (ARRAY['de', 'it'])[1 + g % 2] FROM generate_series(1, 4) g;
INSERT INTO scan (identifier, parent_identifier, modality, n, tags, metadata, valid_from)
	SELECT 'scan/' || g, CASE WHEN g > 4 THEN 'scan/' || g - 4 ELSE 'site/' || 1 + g % 4 END, (ARRAY['CT', 'MR'])[1 + g % 2], g,
		CASE WHEN g % 3 > 0 THEN ARRAY['t' || g % 3] END, jsonb_build_object('a', g % 5, 'l', jsonb_build_array(g % 2)), '2020-01-01'
	FROM generate_series(1, 6) g;
CREATE TABLE document (id text PRIMARY KEY, d jsonb NOT NULL);
INSERT INTO document SELECT 'd' || g, jsonb_build_object('id', 'd' || g, 'type', (ARRAY['file', 'dir'])[1 + g % 2], 'scan', 'scan/' || g, 'l', jsonb_build_array(g % 3)) FROM generate_series(1, 12) g;
SELECT register('Doc', 'document', id => 'id', document => 'd');
ANALYZE site, scan, scan_history, document;

-- the index and its estimates
SELECT count(*) FROM scan WHERE has_ancestor(lineage, 'site/1');
SET enable_seqscan = off;
SELECT string_agg(identifier, ' ' ORDER BY identifier) FROM scan WHERE is_within(lineage, 'scan/3');
EXPLAIN (COSTS OFF) SELECT * FROM scan WHERE lineage <@ 'site%2F1/scan%2F4'::lineage;
SELECT count(*) FROM site s JOIN scan v ON has_ancestor(v.lineage, s.identifier);
RESET enable_seqscan;

-- requests, in each form
SELECT identifier, modality, n FROM query(NULL::scan, '{"filter": {"modality": "MR", "n": {"$gt": 3}, "metadata.a": {"$in": [1, 2]}}, "sort": [{"n": "descending"}], "limit": 3}');
EXPLAIN (COSTS OFF) SELECT identifier FROM query(NULL::scan, '{"filter": {"$or": [{"tags": "t1"}, {"site_id": "site/2"}]}}') q WHERE n < 9;
SELECT to_sql('{"resource": "Scan", "filter": {"n": {"$between": [3, 7]}, "metadata": {"$exists": true}}}');
SELECT vxp.count('{"resource": "Scan", "filter": {"modality": {"$ne": "CT"}}}');
SELECT i ->> 'country' AS country FROM items('{"resource": "Site", "sort": {"identifier": "ascending"}}') i;
SELECT page('{"resource": "Scan", "filter": {"n": {"$lt": 6}}, "sort": {"n": "ascending"}, "limit": 2}') -> 'totalItemsCount';
SELECT id FROM query(NULL::document, '{"filter": {"type": "file", "l": 1}}') ORDER BY id;
SELECT facets('{"resource": "Scan"}', 'modality');
SELECT identifier FROM query(NULL::scan, '{"filter": {"parent_identifier": {"$in": {"resource": "Site", "filter": {"country": "de"}, "select": "identifier"}}}}') ORDER BY n;
SELECT identifier FROM query(NULL::site, '{"join": {"on": {"resource": "Scan", "local": "identifier", "forigen": "parent_identifier"}, "filter": {"n": 5}}}');
SELECT clause, served_by FROM explain('{"resource": "Scan", "filter": {"modality": "MR", "n": 3}}');
SELECT count(*) FROM site s, LATERAL query(NULL::scan, '{"filter": {"parent_identifier": {"$param": 1}}}', s.identifier) q;
SELECT save_filter('mr', '{"resource": "Scan", "filter": {"modality": "MR"}}');
SELECT count(*) FROM mr;
-- refused
SELECT * FROM query(NULL::scan, '{"filter": {"nothing": 1}}');

-- cached plans, and what must throw them away
PREPARE one(text, dql) AS SELECT identifier, n FROM query(NULL::scan, $2, $1) ORDER BY n;
EXECUTE one('scan/1', '{"filter": {"parent_identifier": {"$param": 1}}}');
SET plan_cache_mode = force_generic_plan;
PREPARE two(text) AS SELECT n FROM query(NULL::scan, '{"filter": {"identifier": {"$param": 1}}}', $1);
EXECUTE two('scan/3');
RESET plan_cache_mode;
ALTER TABLE document ADD extra int DEFAULT 5;
EXECUTE two('scan/4');
SELECT count(*) FROM query(NULL::document, '{"filter": {"type": "dir"}}') WHERE extra = 5;
CREATE FUNCTION below(ancestor text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	total bigint := 0;
BEGIN
	FOR i IN 1 .. 2 LOOP
		total := total + (SELECT count(*) FROM query(NULL::scan, '{"filter": {"$hasAncestor": {"$param": 1}}}', ancestor));
	END LOOP;
	RETURN total;
END $$;
SELECT below('site/3');

-- privileges and row security
CREATE ROLE regress_caches_reader;
GRANT SELECT ON site, scan TO regress_caches_reader;
ALTER TABLE site ENABLE ROW LEVEL SECURITY;
CREATE POLICY german ON site TO regress_caches_reader USING (country = 'de');
SET ROLE regress_caches_reader;
SELECT identifier FROM query(NULL::site, '{}') ORDER BY 1;
-- refused
SELECT count(*) FROM query(NULL::document, '{}');
RESET ROLE;
DROP OWNED BY regress_caches_reader;
DROP ROLE regress_caches_reader;

-- versions
UPDATE scan SET n = n + 100 WHERE identifier = 'scan/1' AND valid_to IS NULL;
UPDATE scan SET parent_identifier = 'site/4' WHERE identifier = 'scan/2' AND valid_to IS NULL;
DELETE FROM scan WHERE identifier = 'scan/6' AND valid_to IS NULL;
SELECT correct('Scan', 'scan/3', '2020-02-01', '2020-03-01', '{"n": 33}');
SELECT update('{"resource": "Scan", "filter": {"identifier": "scan/5"}, "update": {"metadata": {"user": {"seen": true}}}}');
SET vxp.as_of = '2020-02-15';
SELECT identifier, n FROM scan_current WHERE site_id = 'site/3' ORDER BY n;
SELECT vxp.count('{"resource": "Scan", "filter": {"n": {"$lt": 5}}}');
RESET vxp.as_of;
SELECT identifier, n FROM scan_current WHERE n > 30 ORDER BY n;
SELECT count(*) FROM query(NULL::scan, '{"asOf": "2020-02-15", "filter": {"$hasAncestor": "site/3"}}');
SELECT valid_from, valid_to, change, changed FROM history('Scan', 'scan/3') h WHERE valid_to IS NOT NULL;
SELECT count(*) FROM timeline('{"resource": "Scan"}', '2020-01-01', '2020-03-01', '1 month');
SELECT count(*) FROM check_versions('Scan'), check_lineage('Scan');
SELECT count(*) FROM verify();
COPY scan (identifier, parent_identifier, n) FROM stdin;
scan/90	site/1	90
scan/91	scan/90	91
\.
SELECT lineage::text FROM scan WHERE identifier = 'scan/91';
SELECT unregister('Doc');
-- refused
SELECT count(*) FROM query(NULL::document, '{}');
