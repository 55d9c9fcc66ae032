--
-- install: the extension and where it lives
--
SELECT extversion, extnamespace::regnamespace AS schema, extrelocatable
FROM pg_extension WHERE extname = 'vxp_query';

-- everybody may use the schema, nobody but its owner may create in it
SELECT has_schema_privilege('public', 'vxp', 'USAGE') AS usage,
	   has_schema_privilege('public', 'vxp', 'CREATE') AS create;

-- the schema on the path takes no name of the server's own away: count() of any column
SET search_path = public, vxp;
SELECT count(t), count(v), count(j), count(b), count(DISTINCT t) AS d
FROM (VALUES ('a'::text, 'b'::varchar, '1'::json, '2'::jsonb)) AS x(t, v, j, b);

-- and vxp.count takes a request in every type that converts to dql
CREATE TABLE items (id text PRIMARY KEY, n int);
INSERT INTO items SELECT i, i FROM generate_series(1, 5) i;
SELECT register('items', 'items');
SELECT vxp.count('{"filter":{"n":{"$gt":2}}}'), vxp.count('{}'::text), vxp.count('{}'::varchar), vxp.count('{}'::json),
	   vxp.count('{}'::jsonb), vxp.count('{}'::dql), vxp.count('{"filter":{"n":{"$gt":{"$param":1}}}}', 3);
SELECT count(request), count(DISTINCT id) FROM items, (VALUES ('{}'::dql)) AS saved(request);
SELECT vxp.count(5);
SELECT vxp.count(NULL::dql);
SELECT vxp.count('{"sort":{"n":1,"id":1}}'::jsonb);
SELECT unregister('items');
DROP TABLE items;

-- every object of the extension says what it is (none without a comment), and no comment of the server's was replaced
SELECT pg_describe_object(d.classid, d.objid, 0)
FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
WHERE e.extname = 'vxp_query'
  AND NOT (d.classid = 'pg_type'::regclass
		   AND (SELECT t.typtype = 'c' OR t.typcategory = 'A' FROM pg_type t WHERE t.oid = d.objid))
  AND NOT EXISTS (SELECT FROM pg_description c WHERE c.classoid = d.classid AND c.objoid = d.objid AND c.objsubid = 0);
SELECT obj_description('pg_catalog.count("any")'::regprocedure) = 'number of input rows for which the input expression is not null' AS untouched;
-- nothing runs with other rights than the caller's
SELECT count(*) FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'vxp_query' WHERE p.prosecdef;
