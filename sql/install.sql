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
