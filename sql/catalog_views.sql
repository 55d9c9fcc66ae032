--
-- catalog_views: the views that BI tools and ORMs read
--
-- A _current view has only types that a tool knows, beside the path itself, which stands last with its text before it;
-- a comment on it and on each column, also of columns that nobody described; the lineage fields; and it is as
-- transparent as the table: conditions on it reach the table's indexes, and joins of views are joins of tables.
--
SET search_path = public, vxp;
SET client_min_messages = warning;
SET jit = off;
SELECT create_resource_type('Cohort', 'title text', versioned => false) IS NOT NULL AS ok;
SELECT create_resource_type('Person', 'sex text, weight numeric', parents => '{Cohort}', versioned => false) IS NOT NULL AS ok;
SELECT create_resource_type('Scan', 'kind text, thickness numeric, taken timestamptz, tags text[], note varchar(20)', parents => '{Person}', versioned => false) IS NOT NULL AS ok;
CREATE TABLE site (id int PRIMARY KEY, name text, facts jsonb);
SELECT register('Site', 'site');
INSERT INTO cohort (identifier, title) SELECT 'cohort/' || n, 'cohort ' || n FROM generate_series(1, 20) n;
INSERT INTO person (identifier, parent_identifier, sex, weight) SELECT 'person/' || n, 'cohort/' || 1 + n % 20, substr('FM', 1 + n % 2, 1), n % 50 FROM generate_series(1, 400) n;
INSERT INTO scan (identifier, parent_identifier, kind, thickness, taken) SELECT 'scan/' || n, 'person/' || 1 + n % 400, 'k' || n % 40, n % 30, timestamptz '2024-01-01 UTC' + n * interval '1 h' FROM generate_series(1, 8000) n;
CREATE INDEX scan_kind_idx ON scan (kind);
CREATE INDEX scan_taken_idx ON scan (taken);
ANALYZE;

-- types: all from the server's own schema but the last column
SELECT c.relname, string_agg(format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FILTER (WHERE t.typnamespace <> 'pg_catalog'::regnamespace) AS others,
	(array_agg(a.attname ORDER BY a.attnum DESC))[1:2] AS last
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relname IN ('cohort_current', 'person_current', 'scan_current') GROUP BY c.relname ORDER BY c.relname;
SELECT count(*) AS not_a_base_type FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relname LIKE '%\_current' AND c.relnamespace = 'public'::regnamespace AND t.typtype <> 'b';
-- comments: on each view and each column
SELECT c.relname, obj_description(c.oid, 'pg_class') FROM pg_class c WHERE c.relname LIKE '%\_current' AND c.relnamespace = 'public'::regnamespace ORDER BY 1;
SELECT count(*) AS columns, count(*) FILTER (WHERE col_description(c.oid, a.attnum) IS NULL) AS without_comment
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relname LIKE '%\_current' AND c.relnamespace = 'public'::regnamespace;
SELECT col_description('scan_current'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'scan_current'::regclass AND attname IN ('kind', 'lineage_path', 'cohort_id') ORDER BY attname;
-- what the owner says about a column replaces ours
COMMENT ON COLUMN scan.kind IS 'sequence';
SELECT refresh('Scan');
SELECT col_description('scan_current'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'scan_current'::regclass AND attname = 'kind';
-- lineage fields: the own one and those above
SELECT c.relname, array_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.attname LIKE '%\_id') FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relname LIKE '%\_current' AND c.relnamespace = 'public'::regnamespace GROUP BY 1 ORDER BY 1;
SELECT count(*) = 400 AS joined FROM scan_current s JOIN person_current p USING (person_id) JOIN cohort_current c ON c.cohort_id = s.cohort_id WHERE c.title = 'cohort 7';

-- each of these conditions on the view is answered by an index of the table
CREATE FUNCTION index_of(condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) SELECT * FROM scan_current WHERE ' || condition INTO plan;
	RETURN substring(plan::text FROM '"Index Name": "([^"]*)"');
END
$$;
SELECT condition, index_of(condition) FROM (VALUES
	($$identifier = 'scan/77'$$),
	($$identifier IN ('scan/77', 'scan/78')$$),
	($$parent_identifier = 'person/9'$$),
	($$person_id = 'person/9'$$),
	($$cohort_id = 'cohort/3'$$),
	($$person_id IN ('person/9', 'person/10')$$),
	($$scan_id = 'scan/77'$$),
	($$kind = 'k3'$$),
	($$taken BETWEEN '2024-02-01' AND '2024-02-03'$$),
	($$has_ancestor(lineage, 'person/9')$$),
	($$is_within(lineage, 'person/9')$$),
	($$has_any_ancestor(lineage, '{person/9,person/10}')$$),
	($$lineage <@ 'cohort/10 > person/9'$$),
	-- a condition on another view, and the first rows of an order
	($$person_id = (SELECT p.person_id FROM person_current p WHERE p.sex = 'F' LIMIT 1)$$),
	($$true ORDER BY identifier LIMIT 5$$)) v(condition);
-- a saved filter is a view of the same kind
SELECT save_filter('thick_scans', '{"resource": "Scan", "filter": {"thickness": {"$gt": 25}}}') IS NOT NULL AS ok;
SELECT count(*) = (SELECT count(*) FROM scan WHERE thickness > 25) AS same FROM thick_scans;
SELECT obj_description('thick_scans'::regclass, 'pg_class') IS NOT NULL AS says_its_request;

-- refresh gives columns the names that they have in the table by now, also where two changed places; what was built on the view stays
CREATE VIEW built AS SELECT kind, identifier FROM scan_current;
SELECT array_agg(attname ORDER BY attnum) AS before FROM pg_attribute WHERE attrelid = 'scan_current'::regclass AND attnum > 0 \gset
ALTER TABLE scan RENAME COLUMN kind TO "Odd ""kind""; --";
ALTER TABLE scan RENAME COLUMN license TO swap;
ALTER TABLE scan RENAME COLUMN metadata TO license;
ALTER TABLE scan RENAME COLUMN swap TO metadata;
ALTER TABLE scan ADD COLUMN kind int;
SELECT refresh('Scan');
SELECT n AS place, b AS was, a.attname AS is, format_type(a.atttypid, NULL) FROM unnest(:'before'::name[]) WITH ORDINALITY u(b, n)
	FULL JOIN (SELECT * FROM pg_attribute WHERE attrelid = 'scan_current'::regclass AND attnum > 0) a ON a.attnum = u.n
	WHERE b IS DISTINCT FROM a.attname ORDER BY n;
SELECT catalog_view_columns('scan_current') @> '{license,metadata,kind}' AS plain, array_position(catalog_view_columns('scan_current'), NULL) > 0 AS expression;
CREATE VIEW ordered AS SELECT identifier, thickness FROM scan ORDER BY taken;
SELECT catalog_view_columns('ordered');
DROP VIEW ordered;
SELECT catalog_view_columns('scan') IS NULL AS no_view, catalog_view_columns(0) IS NULL AS nothing;
SELECT count("Odd ""kind""; --") > 0 AS there, count(kind) FROM scan_current;
SELECT pg_get_viewdef('built') LIKE '%Odd%' AS follows, count(kind) > 0 AS there FROM built;
SELECT * FROM verify('Scan');
DROP VIEW built;

DROP FUNCTION index_of;
SELECT drop_filter('thick_scans');
SELECT unregister('Site');
DROP TABLE site;
SELECT drop_resource_type(name) FROM unnest('{Scan,Person,Cohort}'::text[]) name;
