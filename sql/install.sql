--
-- install: the extension and where it lives
--
SELECT extversion, extnamespace::regnamespace AS schema, extrelocatable
FROM pg_extension WHERE extname = 'vxp_query';

-- everybody may use the schema, nobody but its owner may create in it
SELECT has_schema_privilege('public', 'vxp', 'USAGE') AS usage,
	   has_schema_privilege('public', 'vxp', 'CREATE') AS create;
