--
-- dql_traps: what an attacker or an accident may put in the way
--
CREATE SCHEMA dql_traps;
SET search_path = dql_traps;
SET client_min_messages = warning;
SET jit = off;
CREATE TABLE volume (id int PRIMARY KEY, name text, n int, tags text[], created timestamptz, doc jsonb);
INSERT INTO volume SELECT g, 'n' || g, g % 5, ARRAY['t' || g % 3], '2024-01-01Z'::timestamptz + g * interval '1 day', jsonb_build_object('a', g) FROM generate_series(1, 30) g;
SELECT vxp.register('TrapVolume', 'volume');

-- trap 1: a field is a column, never a function of the row type, never a system column
CREATE FUNCTION danger(volume) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'danger ran'; END $$;
SELECT count(*) FROM vxp.query(NULL::volume, '{"filter":{"danger":1}}');
SELECT count(*) FROM vxp.query(NULL::volume, '{"sort":{"danger":1}}');
SELECT count(*) FROM vxp.query(NULL::volume, '{"select":["danger"]}');
SELECT count(*) FROM vxp.query(NULL::volume, '{"filter":{"doc.danger":1}}');
SELECT count(*) FROM vxp.query(NULL::volume, '{"filter":{"ctid":"(0,1)"}}');
SELECT count(*) FROM vxp.query(NULL::volume, '{"filter":{"tableoid":1}}');
SELECT count(*) FROM vxp.query(NULL::volume, '{"filter":{"xmin":{"$exists":true}}}');
SELECT count(*) FROM vxp.query(NULL::volume, '{"filter":{"volume":null}}');
SELECT count(*) FROM vxp.items('{"resource":"TrapVolume","select":["oid"]}');

-- trap 2: a search_path with operators, functions, types and casts of somebody else
CREATE TABLE request (dql text);
INSERT INTO request VALUES
	('{"filter":{"n":{"$in":[1,2]}}}'), ('{"filter":{"name":"n3"}}'), ('{"filter":{"name":{"$ne":"n3"}}}'), ('{"filter":{"name":{"$nin":["n3","n4"]}}}'), ('{"filter":{"n":{"$gt":1,"$lte":3}}}'), ('{"filter":{"name":"n1*"}}'),
	('{"filter":{"name":{"$ieq":"N3"}}}'), ('{"filter":{"name":{"$ieq":"N1*"}}}'), ('{"filter":{"name":{"$glob":"n?"}}}'), ('{"filter":{"name":{"$contains":"2"}}}'), ('{"filter":{"name":{"$startsWith":"n2"}}}'),
	('{"filter":{"tags":"t1"}}'), ('{"filter":{"tags":{"$in":["t1","t2"]}}}'), ('{"filter":{"tags":{"$gt":"t1"}}}'), ('{"filter":{"tags":["t1"]}}'), ('{"filter":{"created":{"$after":"2024-01-20"}}}'), ('{"filter":{"name":{"$after":"2024-01-20"}}}'),
	('{"filter":{"doc.a":{"$lt":4}}}'), ('{"filter":{"$nor":[{"n":1},{"doc.a":{"$gt":9}}]}}'), ('{"sort":{"n":"desc","name":"asc"},"limit":7}'), ('{"sort":{"doc.a":"desc"},"skip":3,"limit":7}'), ('{"sort":{"tags":1},"limit":9}');
-- all that is said about a request; its own operators and functions are qualified
CREATE FUNCTION answers(OUT dql text, OUT rows text, OUT executed text, OUT bound text, OUT count bigint, OUT page jsonb, OUT sql text) RETURNS SETOF record
LANGUAGE plpgsql AS $$
DECLARE
	named vxp.dql;
BEGIN
	FOR dql IN SELECT r.dql FROM dql_traps.request r LOOP
		named := pg_catalog.concat('{"resource":"TrapVolume",', pg_catalog.substr(dql, 2));
		EXECUTE pg_catalog.format('SELECT pg_catalog.string_agg(v::pg_catalog.text, '','' ORDER BY id USING OPERATOR(pg_catalog.<)) FROM vxp.query(NULL::dql_traps.volume, %L) v', dql) INTO rows;
		PERFORM pg_catalog.set_config('vxp.enable_inlining', 'off', true);
		EXECUTE pg_catalog.format('SELECT pg_catalog.string_agg(v::pg_catalog.text, '','' ORDER BY id USING OPERATOR(pg_catalog.<)) FROM vxp.query(NULL::dql_traps.volume, %L) v', dql) INTO executed;
		PERFORM pg_catalog.set_config('vxp.enable_inlining', 'on', true);
		EXECUTE 'SELECT pg_catalog.string_agg(v::pg_catalog.text, '','' ORDER BY id USING OPERATOR(pg_catalog.<))
			FROM (SELECT 3 AS a, ''n2''::pg_catalog.text AS b, ''{t1,n5}''::pg_catalog.text[] AS c, ''2024-01-28''::pg_catalog.text AS d OFFSET 0) p, vxp.query(NULL::dql_traps.volume, $1, p.a, p.b, p.c, p.d) v'
			INTO bound USING '{"filter":{"$or":[{"n":{"$param":1}},{"name":{"$startsWith":{"$param":2}}},{"name":{"$contains":{"$param":2}}},{"tags":{"$in":{"$param":3}}},{"name":{"$in":{"$param":3}}},{"created":{"$gt":{"$param":4}}},{"doc.a":{"$param":1}}]}}'::vxp.dql;
		count := vxp.count(named);
		page := vxp.page(named);
		sql := vxp.to_sql(named);
		RETURN NEXT;
	END LOOP;
END $$;
CREATE TABLE clean AS SELECT * FROM answers();
SELECT count(*), count(*) FILTER (WHERE bound <> '' AND executed IS NOT DISTINCT FROM rows) AS sound, count(rows) AS with_rows FROM clean;
CREATE SCHEMA evil;
DO $$
DECLARE
	f text;
	o text;
BEGIN
	-- operators that answer what nobody wants, for the exact types, so that they would be preferred
	FOREACH f IN ARRAY ARRAY['text', 'int', 'text[]', 'timestamptz', 'jsonb', 'bigint', 'boolean'] LOOP
		EXECUTE format('CREATE FUNCTION evil.yes(%s, %1$s) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS %L', f, 'BEGIN RAISE EXCEPTION ''evil ran''; END');
		FOREACH o IN ARRAY ARRAY['=', '<', '>', '<=', '>=', '<>', '~~', '~', '@>', '&&', '^@', '||'] LOOP
			EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %2$s, FUNCTION = evil.yes)', o, f);
		END LOOP;
	END LOOP;
	FOREACH f IN ARRAY ARRAY['lower(text)', 'unnest(text[])', 'strpos(text, text)', 'count()', 'to_jsonb(text[])', 'jsonb_build_object(text, int)', 'timezone(text, timestamptz)', 'iso8601(timestamptz)',
		'instant(text)', 'matches(jsonb, vxp.dql)', 'sort_key(jsonb, text, boolean)', 'num_nulls(text[])', 'jsonb_build_array(int)', 'query(anyelement, vxp.dql)', 'dql(text)', 'starts_with(text, text)'] LOOP
		EXECUTE format('CREATE FUNCTION evil.%s RETURNS text IMMUTABLE LANGUAGE plpgsql AS %L', f, 'BEGIN RAISE EXCEPTION ''evil ran''; END');
	END LOOP;
END $$;
CREATE DOMAIN evil.text AS pg_catalog.text CHECK (false);
CREATE DOMAIN evil.bool AS pg_catalog.bool CHECK (false);
CREATE DOMAIN evil.int4 AS pg_catalog.int4 CHECK (false);
CREATE TABLE evil.volume (x int);
SET search_path = evil, dql_traps, pg_catalog;
SELECT '1'::pg_catalog.text = '1'::pg_catalog.text;
CREATE TABLE dql_traps.hijacked AS SELECT * FROM dql_traps.answers();
SET search_path = dql_traps;
SELECT count(*) AS same FROM clean c, hijacked h WHERE c.dql = h.dql AND c IS NOT DISTINCT FROM h;
-- the statement of to_sql finds tables, functions and types with any path.  Like any
-- SQL text it needs operators that nobody has hidden.
CREATE SCHEMA shadow;
CREATE TABLE shadow.volume (x int);
CREATE DOMAIN shadow.dql AS pg_catalog.int4;
CREATE FUNCTION shadow.matches(jsonb, vxp.dql) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil ran''; END';
CREATE FUNCTION shadow.sort_key(jsonb, pg_catalog.text, boolean) RETURNS pg_catalog.text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil ran''; END';
SET search_path = shadow;
DO $$
DECLARE
	r record;
	rows pg_catalog.text;
BEGIN
	FOR r IN SELECT * FROM dql_traps.clean LOOP
		EXECUTE pg_catalog.format('SELECT pg_catalog.string_agg(v::pg_catalog.text, '','' ORDER BY id USING OPERATOR(pg_catalog.<)) FROM (%s) v', r.sql) INTO rows;
		IF rows IS DISTINCT FROM r.rows THEN
			RAISE WARNING 'different: %', r.sql;
		END IF;
	END LOOP;
END $$;
SET search_path = dql_traps;

-- trap 3: size.  Many equalities of one field are one condition.
SET vxp.max_dql_branches = 1000000;
SELECT count(*) FROM vxp.query(NULL::volume, ('{"filter":{"$or":[' || (SELECT string_agg(format('{"id":%s}', g), ',') FROM generate_series(1, 20000) g) || ']}}')::vxp.dql);
SELECT count(*) FROM vxp.query(NULL::volume, ('{"filter":{"$nor":[' || (SELECT string_agg(format('{"name":"n%s"}', g), ',') FROM generate_series(11, 20000) g) || ']}}')::vxp.dql);
SELECT count(*) FROM vxp.query(NULL::volume, ('{"filter":{"$or":[' || (SELECT string_agg(format('{"doc.a":%s}', g), ',') FROM generate_series(1, 20000) g) || ']}}')::vxp.dql);
SELECT count(*) FROM vxp.query(NULL::volume, ('{"filter":{"$or":[' || (SELECT string_agg(format('{"doc.a":%s},{"id":%1$s},{"n":{"$gt":%1$s}}', g), ',') FROM generate_series(1, 3000) g) || ']}}')::vxp.dql);
RESET vxp.max_dql_branches;
SELECT count(*) FROM vxp.query(NULL::volume, ('{"filter":{"id":{"$in":[' || (SELECT string_agg(g::text, ',') FROM generate_series(1, 60000) g) || ']}}}')::vxp.dql);
SELECT count(*) FROM vxp.query(NULL::volume, ('{"filter":{"name":{"$nin":[' || (SELECT string_agg('"n' || g || '"', ',') FROM generate_series(1, 60000) g) || ']}}}')::vxp.dql);
-- the limits: at the limit, and one more
CREATE FUNCTION branches(n int) RETURNS vxp.dql LANGUAGE sql AS $$
	SELECT ('{"filter":{"$or":[' || string_agg(format('{"id":{"$gt":%s}}', g), ',') || ']}}')::vxp.dql FROM generate_series(1, n) g $$;
CREATE FUNCTION nested(n int) RETURNS vxp.dql LANGUAGE sql AS $$
	SELECT ('{"filter":' || repeat('{"$nor":[', n) || '{"id":1}' || repeat(']}', n) || '}')::vxp.dql $$;
SELECT count(*) FROM vxp.query(NULL::volume, branches(1000));
SELECT count(*) FROM vxp.query(NULL::volume, branches(1001));
SET vxp.max_dql_branches = 10;
SELECT count(*) FROM vxp.query(NULL::volume, branches(10));
SELECT count(*) FROM vxp.query(NULL::volume, branches(11));
SELECT vxp.count(('{"resource":"TrapVolume",' || substr(branches(11)::text, 2))::vxp.dql);
RESET vxp.max_dql_branches;
SET vxp.max_dql_depth = 7;
SELECT n, (SELECT count(*) FROM vxp.query(NULL::volume, nested(n))) FROM generate_series(5, 7) n;
SELECT count(*) FROM vxp.query(NULL::volume, nested(8));
RESET vxp.max_dql_depth;
SELECT count(*) FROM vxp.query(NULL::volume, nested(100));
SELECT count(*) FROM vxp.query(NULL::volume, nested(101));
SET vxp.max_dql_depth = 256;
SELECT count(*) FROM vxp.query(NULL::volume, nested(126));
SELECT count(*) FROM vxp.query(NULL::volume, nested(200));
RESET vxp.max_dql_depth;

-- trap 4: a policy, a view, that asks for itself
CREATE ROLE regress_dql_traps;
GRANT USAGE ON SCHEMA dql_traps TO regress_dql_traps;
GRANT SELECT ON volume TO regress_dql_traps;
ALTER TABLE volume ENABLE ROW LEVEL SECURITY;
CREATE POLICY itself ON volume USING (EXISTS (SELECT FROM vxp.query(NULL::volume, '{"filter":{"n":1}}')));
SET ROLE regress_dql_traps;
\set VERBOSITY terse
SELECT count(*) FROM vxp.query(NULL::volume, '{}');
SELECT count(*) FROM volume;
SET vxp.enable_inlining = off;
SELECT count(*) FROM vxp.query(NULL::volume, '{}');
RESET vxp.enable_inlining;
SELECT vxp.count('{"resource":"TrapVolume"}');
\set VERBOSITY default
RESET ROLE;
DROP POLICY itself ON volume;
CREATE VIEW snake AS SELECT 1 AS id;
SELECT vxp.register('Snake', 'snake', id => 'id');
CREATE OR REPLACE VIEW snake AS SELECT id FROM vxp.query(NULL::snake, '{}');
\set VERBOSITY terse
SELECT * FROM snake;
SELECT * FROM vxp.query(NULL::snake, '{}');
\set VERBOSITY default
SELECT 'up' AS server;
-- a policy that asks about another table is an ordinary condition
CREATE TABLE pass (n int PRIMARY KEY, who text);
INSERT INTO pass VALUES (1, 'regress_dql_traps'), (2, 'somebody');
SELECT vxp.register('Pass', 'pass');
GRANT SELECT ON pass TO regress_dql_traps;
CREATE POLICY passes ON volume USING (n IN (SELECT p.n FROM vxp.query(NULL::pass, '{"filter":{"who":{"$param":1}}}', current_user) p));
SET ROLE regress_dql_traps;
SELECT count(*), min(n), max(n) FROM vxp.query(NULL::volume, '{}');
SELECT vxp.count('{"resource":"TrapVolume"}');
RESET ROLE;
DROP POLICY passes ON volume;

-- trap 5: a policy that no parallel worker may evaluate
CREATE SEQUENCE counter;
CREATE FUNCTION unsafe(int) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$ BEGIN RETURN nextval('dql_traps.counter') > 0 AND $1 > 0; END $$;
GRANT USAGE ON SEQUENCE counter TO regress_dql_traps;
CREATE POLICY counted ON volume USING (unsafe(id));
CREATE TABLE big AS SELECT g AS id, g % 100 AS n FROM generate_series(1, 20000) g;
GRANT SELECT ON big TO regress_dql_traps;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
-- as 16 and newer call force_parallel_mode
SELECT CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END AS forced \gset
SET :forced = on;
SET ROLE regress_dql_traps;
SELECT count(*) FROM vxp.query(NULL::volume, '{}') v;
SELECT count(*) FROM big JOIN vxp.query(NULL::volume, '{}') v USING (id);
SELECT count(*) FROM big b WHERE EXISTS (SELECT FROM vxp.query(NULL::volume, '{}') v WHERE v.id = b.id);
SELECT count(*) FROM (SELECT b.n FROM big b GROUP BY 1) g JOIN (SELECT * FROM vxp.query(NULL::volume, '{"sort":{"id":1},"limit":5}')) v ON v.id = g.n;
SELECT count(*) FROM vxp.query(NULL::volume, '{"sort":{"id":1},"limit":5}') v, vxp.query(NULL::volume, '{}') w WHERE v.n = w.n;
-- without such a policy the answer is planned in parallel
RESET ROLE;
SELECT count(*) FROM (SELECT vxp.register('Big', 'big', id => 'id')) r;
RESET :forced;
EXPLAIN (COSTS OFF) SELECT count(*) FROM vxp.query(NULL::big, '{"filter":{"n":{"$gt":50}}}');
SELECT count(*) FROM vxp.query(NULL::big, '{"filter":{"n":{"$gt":50}}}');
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
DROP POLICY counted ON volume;
ALTER TABLE volume DISABLE ROW LEVEL SECURITY;

-- trap 6 is a statement form of dql_contexts.  Trap 7, as with plain functions
-- of the server: a plan that is cached still filters when the same role turns row security off
CREATE POLICY few ON volume USING (id < 4);
ALTER TABLE volume ENABLE ROW LEVEL SECURITY;
SET ROLE regress_dql_traps;
SET plan_cache_mode = force_generic_plan;
PREPARE few AS SELECT count(*) FROM vxp.query(NULL::volume, '{}');
EXECUTE few;
SET row_security = off;
EXECUTE few;
SELECT count(*) FROM vxp.query(NULL::volume, '{}');
RESET row_security;
RESET plan_cache_mode;
RESET ROLE;
DROP POLICY few ON volume;
ALTER TABLE volume DISABLE ROW LEVEL SECURITY;

-- injection: hostile strings in every place of a request are values, unknown names or errors
CREATE TABLE hostile (s text);
INSERT INTO hostile VALUES ('a" = 1 OR 1=1; --'), ('''; DROP TABLE volume; --'), ('$$'), ('$1'), ('\'), ('\'''), ('%'), ('_'), ('"'), (E'\n'), (E'\t--'), ('/* */'), ('x'') OR (''1''=''1'), ('pg_sleep(10)'), (U&'\00E9\FFFD'),
	('NULL'), ('id'), ('{}'), ('[1]'), (repeat('x', 300)), ('dql_traps.volume'), ('*'), ('a.b.c.d'), ('..'), ('$eq'), ('%s%I%L'), ('{"$param":1}');
CREATE TABLE slot (shape text);
INSERT INTO slot VALUES ('{"filter":{"name":%s}}'), ('{"filter":{"name":{"$in":[%s,"n1"]}}}'), ('{"filter":{"name":{"$ne":%s}}}'), ('{"filter":{"name":{"$gt":%s}}}'), ('{"filter":{"name":{"$ieq":%s}}}'),
	('{"filter":{"name":{"$contains":%s}}}'), ('{"filter":{"name":{"$startsWith":%s}}}'), ('{"filter":{"name":{"$glob":%s}}}'), ('{"filter":{"tags":%s}}'), ('{"filter":{"tags":[%s]}}'), ('{"filter":{"doc":{"$eq":%s}}}'), ('{"filter":{"doc.a":%s}}'),
	('{"filter":{"id":%s}}'), ('{"filter":{"created":%s}}'), ('{"filter":{"created":{"$after":%s}}}'), ('{"filter":{"$hasAncestor":%s}}'), ('{"filter":{%s:1}}'), ('{"filter":{"doc":{%s:1}}}'), ('{"filter":{"name":{%s:"n1"}}}'),
	('{"sort":{%s:1}}'), ('{"sort":{"id":%s}}'), ('{"select":[%s]}'), ('{"select":%s}'), ('{"select":{%s:1}}'), ('{"resource":%s}'), ('{%s:1}'), ('{"limit":%s}'), ('{"page":%s}'), ('{"asOf":%s}'), ('{"count":%s}'), ('{"context":{"datasets":[%s]}}'), ('{"context":{%s:1}}'), ('{"datasets":[%s]}');
CREATE FUNCTION attack(request text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
	printed bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM vxp.query(NULL::volume, %L)', request) INTO n;
	-- what is printed is SQL with the same rows
	EXECUTE format('SELECT count(*) FROM (%s) s', vxp.to_sql(NULL::volume, request::vxp.dql)) INTO printed;
	RETURN CASE WHEN n = printed THEN n::text ELSE format('%s rows, but %s by to_sql', n, printed) END;
EXCEPTION WHEN OTHERS THEN RETURN 'error ' || SQLSTATE;
END $$;
CREATE TABLE attacked AS SELECT shape, s, attack(replace(shape, '%s', to_json(s)::text)) AS answer FROM slot, hostile;
SELECT count(*) > 800 AS many, (SELECT count(*) FROM volume) AS volumes FROM attacked;
SELECT answer, count(*) FROM attacked WHERE answer LIKE 'error%' GROUP BY 1 ORDER BY 1;
-- no row for a hostile value, all rows for its negation, but for patterns and parts
SELECT shape, s, answer FROM attacked
WHERE answer NOT LIKE 'error%' AND shape LIKE '{"filter"%' AND answer <> CASE WHEN shape LIKE '%$ne%' THEN '30' WHEN shape LIKE '%$in%' THEN '1' ELSE '0' END
	AND shape !~ 'gt|contains|glob|\{%s' AND s <> '*' ORDER BY 1, 2;

DROP SCHEMA evil, shadow CASCADE;
DROP SCHEMA dql_traps CASCADE;
DROP OWNED BY regress_dql_traps;
DROP ROLE regress_dql_traps;
