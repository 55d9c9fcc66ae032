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
