--
-- dql_filters: saved filters are views with the rows of a request, under the
-- reader's rights, and nothing else is ever replaced or dropped by their name
--
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE ROLE regress_filters_alice;
CREATE ROLE regress_filters_bob;
CREATE SCHEMA dql_filters;
GRANT USAGE, CREATE ON SCHEMA dql_filters TO regress_filters_alice;
GRANT USAGE ON SCHEMA dql_filters TO regress_filters_bob;
SET search_path = dql_filters, vxp;
CREATE TABLE scan (id int PRIMARY KEY, modality text NOT NULL, owner name, tags text[], metadata jsonb);
INSERT INTO scan SELECT g, (ARRAY['MR', 'CT', 'US'])[1 + g % 3], 'regress_filters_' || (ARRAY['alice', 'bob'])[1 + g % 2], ARRAY['t' || g % 4], jsonb_build_object('size', g, 'it''s', 'a"b')
FROM generate_series(1, 60) g;
ALTER TABLE scan ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON scan USING (owner = current_user);
GRANT SELECT ON scan TO regress_filters_alice, regress_filters_bob;
SELECT register('FilterScan', 'scan');
CREATE TABLE note (id int PRIMARY KEY, scan_id int REFERENCES scan, body text);
INSERT INTO note SELECT g, 1 + g % 20, 'n' || g % 3 FROM generate_series(1, 50) g;
SELECT register('FilterNote', 'note');

-- the view's rows and columns are those of the statement that to_sql prints
CREATE TABLE request (n int GENERATED ALWAYS AS IDENTITY, dql text);
INSERT INTO request (dql) VALUES ('{"resource":"FilterScan"}'), ('{"resource":"FilterScan","filter":{"modality":"MR"},"select":["id","modality"]}'),
	('{"resource":"FilterScan","filter":{"metadata.size":{"$gt":30},"tags":"t1"},"sort":{"id":"descending"},"limit":5}'),
	('{"resource":"FilterScan","filter":{"metadata.it''s":"a\"b","modality":{"$nin":["C*","x''; DROP TABLE scan --"]}}}'),
	('{"resource":"FilterScan","join":{"on":{"resource":"FilterNote","local":"scan_id","forigen":"id"},"filter":{"body":"n1"}},"select":"id"}'),
	('{"resource":"FilterScan","filter":{"id":{"$in":{"resource":"FilterNote","filter":{"body":"n2"},"select":"scan_id"}}}}');
CREATE FUNCTION compare(n int, dql text) RETURNS TABLE (rows bigint, same boolean) LANGUAGE plpgsql AS $$
DECLARE
	view regclass := vxp.save_filter('F ' || n || ' "quoted" ''name''', dql);
BEGIN
	RETURN QUERY EXECUTE format('SELECT (SELECT count(*) FROM %1$s), '
		'NOT EXISTS (SELECT to_jsonb(v) FROM %1$s v EXCEPT ALL SELECT to_jsonb(s) FROM (%2$s) s) AND '
		'NOT EXISTS (SELECT to_jsonb(s) FROM (%2$s) s EXCEPT ALL SELECT to_jsonb(v) FROM %1$s v)', view, vxp.to_sql(dql::vxp.dql));
END $$;
SELECT r.n, c.* FROM request r, compare(n, dql) c;
SELECT c.relname, c.reloptions, obj_description(c.oid, 'pg_class') = 'vxp saved filter: ' || r.dql AS request_in_comment
FROM request r JOIN pg_class c ON c.relname = 'F ' || r.n || ' "quoted" ''name''' ORDER BY 1;

-- the server tracks what a filter reads
ALTER TABLE scan DROP COLUMN modality;
SELECT drop_filter('F ' || n || ' "quoted" ''name''') FROM request;
SELECT count(*) AS left_over FROM pg_class WHERE relnamespace = 'dql_filters'::regnamespace AND relname LIKE 'F %';

-- replaced in place, with its grants, when the columns stay; anew when they change
SELECT save_filter('mine', '{"resource":"FilterScan","filter":{"modality":"MR"},"select":["id","modality"]}');
GRANT SELECT ON mine TO regress_filters_bob;
CREATE VIEW above AS SELECT * FROM mine;
SELECT save_filter('mine', '{"resource":"FilterScan","filter":{"modality":"CT"},"select":["id","modality"]}');
SELECT DISTINCT modality, has_table_privilege('regress_filters_bob', 'mine', 'SELECT') AS granted FROM above;
SELECT save_filter('mine', '{"resource":"FilterScan","select":["id","tags"]}');
DROP VIEW above;
SELECT save_filter('mine', '{"resource":"FilterScan","select":["id","tags"]}');
SELECT attname FROM pg_attribute WHERE attrelid = 'mine'::regclass ORDER BY attnum;

-- refused, without a trace: bad requests, bad names, names of others
SELECT save_filter('bad', '{"resource":"FilterScan","filter":{"nobody":1}}');
SELECT save_filter('bad', '{"resource":"FilterScan","filter":{"id":"x"}}');
SELECT save_filter('bad', '{"resource":"FilterScan","filter":{"id":{"$param":1}}}');
SELECT save_filter('bad', '{"resource":"FilterScan","filter":{"id":{"$in":{"resource":"FilterNote","filter":{"id":{"$param":2}},"select":"scan_id"}}}}');
SELECT save_filter('bad', NULL);
SELECT save_filter(NULL, '{"resource":"FilterScan"}');
SELECT save_filter('', '{"resource":"FilterScan"}');
SELECT save_filter(repeat('x', 64), '{"resource":"FilterScan"}');
SELECT to_regclass('bad') IS NULL AS nothing_made;
CREATE VIEW other AS SELECT 1 AS one;
COMMENT ON VIEW other IS 'not a vxp saved filter: {}';
COMMENT ON TABLE note IS 'vxp saved filter: {}';
SELECT save_filter('other', '{"resource":"FilterScan"}');
SELECT save_filter('note', '{"resource":"FilterScan"}');
SELECT drop_filter('other');
SELECT drop_filter('note');
SELECT drop_filter('nobody');
SELECT drop_filter(NULL);
SET search_path = vxp, pg_catalog;
SELECT save_filter('mine', '{"resource":"FilterScan"}');
SET search_path = dql_filters, vxp;

-- rights and row security are the reader's, also in a filter that somebody else saved
SELECT save_filter('everything', '{"resource":"FilterScan","select":["id","owner"]}');
GRANT SELECT ON everything TO regress_filters_alice, regress_filters_bob;
SELECT count(*) FROM everything;
SET ROLE regress_filters_alice;
SELECT count(*), bool_and(owner = current_user) AS own FROM everything;
SELECT save_filter('of_alice', '{"resource":"FilterScan","select":["id","owner"]}');
GRANT SELECT ON of_alice TO PUBLIC;
-- not her own
SELECT save_filter('everything', '{"resource":"FilterScan","select":["id","owner"]}');
SELECT drop_filter('everything');
SET ROLE regress_filters_bob;
SELECT count(*), bool_and(owner = current_user) AS own FROM of_alice;
SELECT save_filter('of_bob', '{"resource":"FilterScan"}');
RESET ROLE;
REVOKE SELECT ON scan FROM regress_filters_bob;
SET ROLE regress_filters_bob;
SELECT count(*) FROM of_alice;
RESET ROLE;
DROP SCHEMA dql_filters CASCADE;
DROP ROLE regress_filters_alice, regress_filters_bob;
