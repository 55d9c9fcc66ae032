-- The extension as the server's catalogs have it, a line for each fact: what an update must leave as a fresh install does.
-- Members with comment and privileges, and what hangs on them; no OID.
SET search_path = pg_catalog;
WITH member AS (SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
		WHERE d.deptype = 'e' AND e.extname = 'vxp_query'),
relation AS (SELECT c.* FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid)
SELECT concat_ws(' ', 'member', i.type, i.identity, coalesce(obj_description(m.objid, c.relname), 'no comment'))
	FROM member m JOIN pg_class c ON c.oid = m.classid, LATERAL pg_identify_object(m.classid, m.objid, 0) i
UNION ALL SELECT concat_ws(' ', 'function', p.oid::regprocedure, coalesce(p.proacl::text, 'default'), p.proparallel, p.provolatile, p.proisstrict, p.proleakproof, p.prosecdef, p.procost, p.prorows,
		p.proconfig, p.prosupport, p.probin, pg_get_userbyid(p.proowner), pg_get_function_result(p.oid), pg_get_function_arguments(p.oid), md5(concat(p.prosrc, pg_get_function_sqlbody(p.oid))))
	FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
UNION ALL SELECT concat_ws(' ', 'operator', o.oid::regoperator, o.oprcode, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprrest, o.oprjoin, o.oprcanhash, o.oprcanmerge)
	FROM pg_operator o JOIN member m ON m.classid = 'pg_operator'::regclass AND m.objid = o.oid
UNION ALL SELECT concat_ws(' ', 'family operator', f.opfname, a.amopmethod, a.amopstrategy, a.amopopr::regoperator, a.amoppurpose)
	FROM pg_amop a JOIN pg_opfamily f ON f.oid = a.amopfamily JOIN member m ON m.classid = 'pg_opfamily'::regclass AND m.objid = f.oid
UNION ALL SELECT concat_ws(' ', 'family function', f.opfname, a.amprocnum, a.amproc)
	FROM pg_amproc a JOIN pg_opfamily f ON f.oid = a.amprocfamily JOIN member m ON m.classid = 'pg_opfamily'::regclass AND m.objid = f.oid
UNION ALL SELECT concat_ws(' ', 'operator class', o.opcname, o.opcmethod, o.opcdefault, o.opcintype::regtype, o.opckeytype::regtype)
	FROM pg_opclass o JOIN member m ON m.classid = 'pg_opclass'::regclass AND m.objid = o.oid
UNION ALL SELECT concat_ws(' ', 'type', t.oid::regtype, t.typlen, t.typbyval, t.typcategory, t.typispreferred, t.typstorage, t.typalign, t.typinput, t.typoutput, t.typreceive, t.typsend, t.typanalyze, t.typacl)
	FROM pg_type t JOIN member m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
UNION ALL SELECT concat_ws(' ', 'cast', c.castsource::regtype, c.casttarget::regtype, c.castcontext, c.castmethod, c.castfunc::regprocedure)
	FROM pg_cast c JOIN member m ON m.classid = 'pg_cast'::regclass AND m.objid = c.oid
UNION ALL SELECT concat_ws(' ', 'relation', c.oid::regclass, c.relkind, coalesce(c.relacl::text, 'default'), c.reloptions, c.relrowsecurity, c.relforcerowsecurity, CASE WHEN c.relkind = 'v' THEN md5(pg_get_viewdef(c.oid)) END)
	FROM relation c
UNION ALL SELECT concat_ws(' ', 'column', c.oid::regclass, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation::regcollation, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
	FROM relation c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
UNION ALL SELECT concat_ws(' ', 'constraint', n.conrelid::regclass, n.conname, pg_get_constraintdef(n.oid)) FROM pg_constraint n JOIN relation c ON c.oid = n.conrelid
UNION ALL SELECT concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid), obj_description(i.indexrelid, 'pg_class')) FROM pg_index i JOIN relation c ON c.oid = i.indrelid
UNION ALL SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid), t.tgenabled) FROM pg_trigger t JOIN relation c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL SELECT concat_ws(' ', 'policy', p.polrelid::regclass, p.polname, p.polcmd, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) FROM pg_policy p JOIN relation c ON c.oid = p.polrelid
UNION ALL SELECT concat_ws(' ', 'event trigger', e.evtname, e.evtevent, e.evtenabled, e.evtfoid::regproc, e.evttags) FROM pg_event_trigger e JOIN member m ON m.classid = 'pg_event_trigger'::regclass AND m.objid = e.oid
UNION ALL SELECT concat_ws(' ', 'dumped', c::regclass, w) FROM pg_extension e, unnest(e.extconfig, e.extcondition) x(c, w) WHERE e.extname = 'vxp_query'
UNION ALL SELECT concat_ws(' ', 'schema', n.nspname, n.nspacl, obj_description(n.oid, 'pg_namespace')) FROM pg_namespace n JOIN pg_extension e ON e.extnamespace = n.oid WHERE e.extname = 'vxp_query'
ORDER BY 1;
