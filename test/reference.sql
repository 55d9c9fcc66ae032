--
-- reference.sql: docs/reference.md out of the catalog: every object of the extension that users name, and its COMMENT
--
LOAD 'vxp_query';
SET search_path = vxp, pg_temp;

CREATE TEMP VIEW line AS
WITH member AS (
	SELECT classid, objid FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vxp_query')
), inside AS (		-- functions that only serve an operator, class, type, aggregate or trigger
	SELECT oprcode::oid AS oid FROM pg_operator
	UNION SELECT amproc FROM pg_amproc
	UNION SELECT unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn]) FROM pg_aggregate
	UNION SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend, typanalyze]) FROM pg_type
	UNION SELECT castfunc FROM pg_cast WHERE castmethod = 'f'
	UNION SELECT oid FROM pg_proc WHERE 'internal'::regtype = ANY (proargtypes::oid[]) OR prorettype IN ('trigger'::regtype, 'event_trigger'::regtype)
)
SELECT 1 AS part, 'Types' AS section, t.typname::text AS sort, format('`%s`', t.typname) AS what, obj_description(t.oid, 'pg_type') AS text
FROM member m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
WHERE t.typtype IN ('b', 'e', 'd') AND t.typcategory <> 'A'
UNION ALL
SELECT 2, 'Operators', o.oprname || o.oprleft::regtype || o.oprright::regtype,
	   format('`%s %s %s`', o.oprleft::regtype, o.oprname, o.oprright::regtype), obj_description(o.oid, 'pg_operator')
FROM member m JOIN pg_operator o ON m.classid = 'pg_operator'::regclass AND m.objid = o.oid
UNION ALL
SELECT 3, 'Functions', p.proname || pg_get_function_arguments(p.oid),
	   format('`%s(%s)` → `%s`', p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid)), obj_description(p.oid, 'pg_proc')
FROM member m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
WHERE p.prokind = 'f' AND p.oid NOT IN (SELECT oid FROM inside)
UNION ALL
SELECT 4, 'Aggregates', p.proname || pg_get_function_arguments(p.oid),
	   format('`%s(%s)` → `%s`', p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid)), obj_description(p.oid, 'pg_proc')
FROM member m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
WHERE p.prokind = 'a'
UNION ALL
SELECT 5, 'Operator classes', a.amname || c.opcname,
	   format('`%s` for `%s` with %s%s', c.opcname, c.opcintype::regtype, a.amname, CASE WHEN c.opcdefault THEN ', the default' ELSE '' END),
	   obj_description(c.oid, 'pg_opclass')
FROM member m JOIN pg_opclass c ON m.classid = 'pg_opclass'::regclass AND m.objid = c.oid JOIN pg_am a ON a.oid = c.opcmethod
UNION ALL
SELECT 6, 'Casts', c.castsource::regtype::text || c.casttarget::regtype,
	   format('`%s` to `%s`, %s', c.castsource::regtype, c.casttarget::regtype,
			  CASE c.castcontext WHEN 'i' THEN 'implicit' WHEN 'a' THEN 'in assignments' ELSE 'explicit' END),
	   obj_description(c.oid, 'pg_cast')
FROM member m JOIN pg_cast c ON m.classid = 'pg_cast'::regclass AND m.objid = c.oid
UNION ALL
SELECT 7, 'Tables and views', c.relname, format('%s `%s`', CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END, c.relname), obj_description(c.oid, 'pg_class')
FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
WHERE c.relkind IN ('r', 'v')
UNION ALL
SELECT 8, 'Settings', name, format('`%s` (%s)', name, boot_val), concat_ws(' ', short_desc, extra_desc)
FROM pg_settings WHERE name LIKE 'vxp.%';

SELECT '# Reference' || E'\n\n' || 'Written by `make docs` from the comments of the objects in the schema `vxp`; `\d+`, `\df+` and `\do+` of psql show the same.';
SELECT E'\n## ' || section || E'\n\n| | |\n| --- | --- |\n'
	   || string_agg(format('| %s | %s |', replace(what, '|', '\|'), replace(replace(coalesce(text, ''), '|', '\|'), E'\n', ' ')), E'\n' ORDER BY sort COLLATE "C")
FROM line GROUP BY part, section ORDER BY part;
