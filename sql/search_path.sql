--
-- search_path: no name that the extension uses can be captured
--
-- The same work is done by a plain role with an empty search_path, and with a
-- schema in front of everything that holds operators, functions, types and
-- casts of the names that the extension uses.  Each of these says so in a
-- table when it is called: it must stay empty.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_path_plain;
CREATE SCHEMA path_test AUTHORIZATION regress_path_plain;
CREATE SCHEMA hostile;
GRANT USAGE ON SCHEMA hostile TO PUBLIC;
CREATE TABLE hostile.captured (what text);
GRANT INSERT ON hostile.captured TO PUBLIC;

-- functions of the server and of the extension, for the types that calls would use
CREATE FUNCTION hostile.note(what text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	INSERT INTO hostile.captured VALUES (what);
	RETURN true;
END $$;
DO $$
DECLARE
	f record;
	made int := 0;
BEGIN
	FOR f IN SELECT DISTINCT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, format_type(p.prorettype, NULL) AS result, p.oid
		FROM pg_proc p
		WHERE (p.pronamespace = 'vxp'::regnamespace OR p.pronamespace = 'pg_catalog'::regnamespace AND p.proname IN
				('lower', 'format', 'coalesce', 'count', 'max', 'min', 'array_agg', 'string_agg', 'length', 'octet_length', 'now', 'quote_ident', 'to_regclass', 'jsonb_typeof',
				 'unnest', 'starts_with', 'strpos', 'left', 'right', 'split_part', 'array_position', 'pg_has_role', 'jsonb_agg', 'to_jsonb', 'jsonb_build_object', 'generate_series', 'greatest', 'least',
				 'texteq', 'upper', 'replace', 'json_typeof', 'array_to_string', 'cardinality', 'array_length', 'current_setting', 'set_config', 'to_char', 'int4eq'))
			AND p.prokind = 'f' AND p.provariadic = 0 AND NOT p.proretset
			AND p.prorettype NOT IN ('internal'::regtype, 'trigger'::regtype, 'event_trigger'::regtype, 'cstring'::regtype)
			AND NOT 'internal'::regtype = ANY (p.proargtypes) AND NOT 'cstring'::regtype = ANY (p.proargtypes)
			AND p.proargmodes IS NULL
	LOOP
		BEGIN
			EXECUTE format('CREATE FUNCTION hostile.%I(%s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN PERFORM hostile.note(%L); RETURN NULL; END $f$',
				f.proname, f.arguments, f.result, f.oid::regprocedure);
			made := made + 1;
		EXCEPTION WHEN OTHERS THEN NULL;	-- polymorphic results and the like
		END;
	END LOOP;
	ASSERT made > 100, made;
END $$;
-- operators on the types of the extension's own statements
DO $$
DECLARE
	o record;
	made int := 0;
BEGIN
	FOR o IN SELECT DISTINCT name, l, r, CASE WHEN name IN ('||', '->', '->>', '#>', '#>>', '+', '-') THEN CASE name WHEN '||' THEN l WHEN '->' THEN 'jsonb' WHEN '#>' THEN 'jsonb' WHEN '+' THEN l WHEN '-' THEN l ELSE 'text' END ELSE 'boolean' END AS result
		FROM unnest(ARRAY['=', '<>', '<', '<=', '>', '>=', '||', '->', '->>', '#>', '#>>', '@>', '<@', '&&', '?', '~', '~~', '@^', '@^=', '@^|', '@^&', '+', '-', '^@']) name,
			(VALUES ('text', 'text'), ('name', 'name'), ('oid', 'oid'), ('integer', 'integer'), ('bigint', 'bigint'), ('jsonb', 'jsonb'), ('jsonb', 'text'), ('jsonb', 'text[]'), ('text[]', 'text[]'), ('text', 'name'), ('name', 'text'),
				('"char"', '"char"'), ('vxp.lineage', 'vxp.lineage'), ('vxp.lineage', 'text'), ('vxp.lineage', 'vxp.identifier'), ('vxp.lineage', 'text[]'), ('timestamptz', 'timestamptz'), ('record', 'record'), ('boolean', 'boolean'), ('regclass', 'oid')) t(l, r)
	LOOP
		EXECUTE format('CREATE FUNCTION hostile.%I(%s, %s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN PERFORM hostile.note(%L); RETURN NULL; END $f$',
			'op_' || md5(o.name || o.l || o.r), o.l, o.r, o.result, o.l || ' ' || o.name || ' ' || o.r);
		EXECUTE format('CREATE OPERATOR hostile.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = hostile.%I)', o.name, o.l, o.r, 'op_' || md5(o.name || o.l || o.r));
		made := made + 1;
	END LOOP;
	ASSERT made > 300, made;
END $$;
-- types and tables of the names that are used without a schema
CREATE DOMAIN hostile.text AS int;
CREATE DOMAIN hostile.regclass AS int;
CREATE DOMAIN hostile.jsonb AS int;
CREATE DOMAIN hostile.lineage AS int;
CREATE DOMAIN hostile.identifier AS int;
CREATE DOMAIN hostile.dql AS int;
CREATE DOMAIN hostile.name AS int;
CREATE TABLE hostile.resource_type (name pg_catalog.text);
CREATE TABLE hostile.pg_class (oid oid);
CREATE TABLE hostile.pg_attribute (oid oid);
CREATE TABLE hostile.operation (id int);
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA hostile TO PUBLIC;

-- the work, in qualified names; the same statements, the path apart
CREATE PROCEDURE public.work(path pg_catalog.text) LANGUAGE plpgsql AS $$
DECLARE
	statement pg_catalog.text;
	answer pg_catalog.text;
BEGIN
	FOREACH statement IN ARRAY ARRAY[
		$s$SELECT vxp.register('PathDocument', 'path_test.document'::pg_catalog.regclass, document => 'doc', fields => '{"n":"doc.n"}')$s$,
		$s$INSERT INTO path_test.pathbox (identifier) SELECT pg_catalog.concat('pathbox/', g) FROM pg_catalog.generate_series(1, 5) g$s$,
		$s$INSERT INTO path_test.paththing (identifier, parent_identifier, n) SELECT pg_catalog.concat('paththing/', g), pg_catalog.concat('pathbox/', pg_catalog.mod(g, 5) OPERATOR(pg_catalog.+) 1), g FROM pg_catalog.generate_series(1, 50) g$s$,
		$s$UPDATE path_test.pathbox SET identifier = identifier$s$,
		$s$UPDATE path_test.paththing SET parent_identifier = 'paththing/1' WHERE identifier OPERATOR(pg_catalog.=) 'paththing/7'$s$,
		$s$UPDATE path_test.paththing SET parent_identifier = 'pathbox/3' WHERE identifier OPERATOR(pg_catalog.=) 'paththing/1'$s$,
		$s$SELECT vxp.refresh('PathThing')$s$,
		$s$SELECT pg_catalog.count(*) FROM vxp.query(NULL::path_test.paththing, '{"filter":{"$hasAncestor":"pathbox/3","n":{"$gt":3},"title":{"$ne":"x"}},"sort":{"n":-1}}') t$s$,
		$s$SELECT pg_catalog.count(*) FROM path_test.paththing('{"filter":{"identifier":"paththing/7"}}')$s$,
		$s$SELECT vxp.count('{"resource":"PathThing","filter":{"title":{"$contains":"a"},"pathbox_id":{"$in":["pathbox/1","pathbox/2"]}}}')$s$,
		$s$SELECT vxp.page('{"resource":"PathThing","sort":{"n":1},"pageSize":2,"select":["id","n"]}')$s$,
		$s$SELECT vxp.page('{"resource":"PathDocument","filter":{"n":{"$gte":2},"tags":{"$in":["a"]}},"pageSize":2,"sort":{"id":1}}')$s$,
		$s$SELECT pg_catalog.count(*) FROM vxp.items('{"resource":"PathThing","join":{"on":{"resource":"PathBox","local":"parent_identifier","forigen":"identifier"},"filter":{"id":"pathbox/2"}}}')$s$,
		$s$SELECT vxp.to_sql('{"resource":"PathThing","filter":{"n":{"$lt":5}},"limit":1}')$s$,
		$s$SELECT vxp.update('{"resource":"PathThing","filter":{"n":5},"update":{"metadata":{"user":{"a":1}}}}') OPERATOR(pg_catalog.->) 'totalItemsCount'$s$,
		$s$SELECT vxp.undo((SELECT pg_catalog.max(id) FROM vxp.operation))$s$,
		$s$SELECT vxp.execute('{"resource":"PathThing","filter":{"n":6},"delete":true}') OPERATOR(pg_catalog.->) 'totalItemsCount'$s$,
		$s$SELECT vxp.has_ancestor('a > b', 'a'), vxp.is_within('a > b', 'b'), vxp.has_any_ancestor('a > b', '{a}'), vxp.common_ancestor('a > b > c', 'a > b > d'), vxp.ancestor_of_type('a/1 > b/2', 'a')$s$,
		$s$SELECT vxp.load('PathBox', 'path_test.more'::pg_catalog.regclass)$s$,
		$s$SELECT pg_catalog.count(*) FROM vxp.check_lineage('PathThing')$s$,
		$s$SELECT pg_catalog.count(*) FROM vxp.verify()$s$,
		$s$ALTER TABLE path_test.paththing RENAME TO paththings$s$,
		$s$SELECT pg_catalog.count(*) FROM vxp.resource_types$s$,
		$s$ALTER TABLE path_test.paththings RENAME TO paththing$s$,
		$s$SELECT vxp.unregister('PathDocument')$s$,
		$s$DELETE FROM path_test.paththing WHERE true$s$,
		$s$DELETE FROM path_test.pathbox WHERE true$s$]::pg_catalog.text[]
	LOOP
		PERFORM pg_catalog.set_config('search_path', path, true);
		answer := NULL;
		IF pg_catalog.starts_with(statement, 'SELECT') THEN
			EXECUTE statement INTO answer;
		ELSE
			EXECUTE statement;
		END IF;
		PERFORM pg_catalog.set_config('search_path', 'pg_catalog', true);
		INSERT INTO path_test.answer VALUES (path, statement, answer);
	END LOOP;
END $$;
SET ROLE regress_path_plain;
SET search_path = path_test;
SELECT vxp.create_resource_type('PathBox', versioned => false), vxp.create_resource_type('PathThing', 'n int, title text', parents => '{PathBox,PathThing}', versioned => false);
CREATE TABLE document (doc jsonb);
INSERT INTO document SELECT jsonb_build_object('id', 'd' || g, 'n', g, 'tags', '["a"]'::jsonb) FROM generate_series(1, 5) g;
CREATE TABLE more AS SELECT 'pathbox/more' AS identifier;
CREATE TABLE answer (path text, statement text, answer text);
CALL public.work('path_test, vxp');
CALL public.work('');
CALL public.work('hostile, path_test, vxp, pg_catalog');
RESET search_path;
RESET ROLE;
SELECT count(DISTINCT path), count(*) FROM path_test.answer;
-- the same answers
SELECT statement, array_agg(DISTINCT answer) FROM path_test.answer GROUP BY 1 HAVING count(DISTINCT coalesce(answer, 'NULL')) <> 1;
-- and nothing was captured, while it could have been: the trap works
SELECT DISTINCT what FROM hostile.captured;
SET search_path = hostile, pg_catalog;
SELECT 'a'::pg_catalog.text = 'b'::pg_catalog.text AS trapped;
SELECT pg_catalog.count(*) FROM hostile.captured;
RESET search_path;
DROP PROCEDURE public.work;
DELETE FROM vxp.operation WHERE resource LIKE 'Path%';
DROP SCHEMA path_test CASCADE;
DROP SCHEMA hostile CASCADE;
DROP ROLE regress_path_plain;
