--
-- versions_as_of: the setting vxp.as_of moves everything together, and no plan is stale
--
SET search_path = public, vxp;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET jit = off;

-- the library defines the setting when it is loaded, by the first call of ours
SELECT validity('2020-01-01', NULL) @> timestamptz '2021-01-01';

--
-- The value: an absolute instant from the moment it is set
--
SHOW vxp.as_of;
SET vxp.as_of = '2020-06-01';
SHOW vxp.as_of;
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SHOW vxp.as_of;
SELECT shown('2020-05-31 20:00-04', NULL), shown('2020-05-31 20:00:00.000001-04', NULL);
-- without a zone it is the session's
SET vxp.as_of = '01/07/2020 12:00:00.123456';
SHOW vxp.as_of;
RESET timezone;
RESET datestyle;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET vxp.as_of = '2020-06-01 12:00+05:30';
SHOW vxp.as_of;
SET vxp.as_of = 'epoch';
SHOW vxp.as_of;
SET vxp.as_of = '0044-03-15 BC';
SHOW vxp.as_of;
SET vxp.as_of = '  ';
SELECT shown('2000-01-01', NULL), shown('2000-01-01', '2001-01-01');
-- what moves with the clock is fixed
BEGIN;
SET LOCAL vxp.as_of = 'now';
SELECT current_setting('vxp.as_of')::timestamptz = now();
COMMIT;
SET vxp.as_of = 'now';
SELECT current_setting('vxp.as_of') AS then \gset
SELECT pg_sleep(0.002);
SELECT current_setting('vxp.as_of') = :'then' AND :'then'::timestamptz < now() AS same_later;
SET vxp.as_of = 'yesterday';
SELECT current_setting('vxp.as_of')::timestamptz IN ('yesterday', 'today'::timestamptz - interval '2 days');
SET vxp.as_of = 'today 10:00';
SELECT extract(hour FROM current_setting('vxp.as_of')::timestamptz);
RESET vxp.as_of;
-- refused with 22007, and the value stays
SET vxp.as_of = '2020-06-01';
DO $$
DECLARE
	bad text;
	refused int := 0;
BEGIN
	FOREACH bad IN ARRAY '{rubbish,2020-02-30,infinity,-infinity,10:00,2020-06-01 25:00,tomorrowish,300000-01-01,2020-06-01 mars,1,"null",0}'::text[] LOOP
		BEGIN
			PERFORM set_config('vxp.as_of', bad, false);
			RAISE WARNING 'accepted: %', bad;
		EXCEPTION WHEN invalid_datetime_format THEN
			refused := refused + 1;
		END;
	END LOOP;
	RAISE NOTICE '% refused', refused;
END
$$;
SHOW vxp.as_of;
SET vxp.as_of = 'rubbish';
RESET vxp.as_of;

--
-- Two versions of the world: 2020, and now
--
SELECT create_resource_type('AoSite', 'country text', prefix => 'aosite', versioned => true),
	create_resource_type('AoScan', 'n int', prefix => 'aoscan', parents => '{AoSite}', versioned => true);
INSERT INTO aosite (identifier, country, valid_from, valid_to) VALUES
	('aosite/1', 'old', '2019-01-01', '2021-01-01'), ('aosite/1', 'new', '2021-01-01', NULL), ('aosite/2', 'new', '2019-01-01', NULL);
INSERT INTO aoscan (identifier, parent_identifier, n, valid_from, valid_to) VALUES
	('aoscan/a', 'aosite/1', 1, '2020-01-01', '2021-01-01'), ('aoscan/a', 'aosite/1', 2, '2021-01-01', NULL),
	('aoscan/b', 'aosite/1', 1, '2020-01-01', '2021-01-01'), ('aoscan/b', 'aosite/2', 2, '2021-01-01', NULL),
	('aoscan/gone', 'aosite/1', 1, '2020-01-01', '2021-01-01'), ('aoscan/late', 'aosite/2', 2, '2021-01-01', NULL);
SELECT save_filter('ao_filter', '{"resource":"AoScan","filter":{"n":{"$gte":1}}}');
SELECT save_filter('ao_fixed', '{"resource":"AoScan","asOf":"2020-06-01T00:00:00Z"}');

-- everything that reads, in one row: the views, their join by ancestor and by
-- lineage field, DQL in its forms, counts, saved filters, the table itself
CREATE VIEW ao_all AS SELECT
	(SELECT string_agg(identifier || n, ' ' ORDER BY identifier) FROM aoscan_current) AS scans,
	(SELECT string_agg(v.identifier || s.country, ' ' ORDER BY v.identifier) FROM aosite_current s JOIN aoscan_current v ON has_ancestor(v.lineage, s.identifier) WHERE s.identifier = 'aosite/1') AS below,
	(SELECT string_agg(v.identifier || s.country, ' ' ORDER BY v.identifier) FROM aosite_current s JOIN aoscan_current v USING (aosite_id) WHERE aosite_id = 'aosite/2') AS field,
	(SELECT count(*) FROM aosite_current s LEFT JOIN aoscan_current v USING (aosite_id)) AS outer_join,
	(SELECT string_agg(q.identifier || q.n, ' ' ORDER BY q.identifier) FROM vxp.query(NULL::aoscan, '{}') q) AS dql,
	(SELECT count(*) FROM aoscan('{"join":{"on":{"resource":"AoSite","local":"id","forigen":"aosite_id"},"filter":{"country":"old"}}}')) AS joined,
	vxp.count('{"resource":"AoScan","filter":{"$hasAncestor":"aosite/1"}}') AS counted,
	(SELECT count(*) FROM ao_filter) AS filter,
	(SELECT count(*) FROM ao_fixed) AS fixed,
	(SELECT count(*) FROM aoscan) AS all_versions;
SELECT * FROM ao_all;
SET vxp.as_of = '2020-06-01';
SELECT * FROM ao_all;
-- the boundary belongs to what begins there
SET vxp.as_of = '2020-12-31 23:59:59.999999';
SELECT scans FROM ao_all;
SET vxp.as_of = '2021-01-01';
SELECT scans FROM ao_all;
SET vxp.as_of = '2018-01-01';
SELECT * FROM ao_all;
RESET vxp.as_of;
SELECT * FROM ao_all;
-- the request wins over the setting, in what is inside it, too
SET vxp.as_of = '2018-01-01';
SELECT vxp.count('{"resource":"AoScan"}') AS setting, vxp.count('{"resource":"AoScan","asOf":"2020-06-01"}') AS request,
	vxp.count('{"resource":"AoScan","asOf":"2020-06-01","filter":{"aosite_id":{"$in":{"resource":"AoSite","filter":{"country":"old"},"select":"id"}}}}') AS inside,
	vxp.count('{"resource":"AoScan","versions":"all"}') AS every, vxp.count('{"resource":"AoScan","versions":"current"}') AS shown;
RESET vxp.as_of;

--
-- No plan is stale.  Each path is asked before, with and after the setting: now and then and now
--
CREATE FUNCTION scans_sql() RETURNS text LANGUAGE sql STABLE AS 'SELECT string_agg(identifier || n, '' '' ORDER BY identifier) FROM aoscan_current';
CREATE FUNCTION scans_atomic() RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC SELECT string_agg(identifier || n, ' ' ORDER BY identifier) FROM aoscan_current; END;
CREATE FUNCTION scans_plpgsql() RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT string_agg(identifier || n, '' '' ORDER BY identifier) FROM aoscan_current); END';
CREATE FUNCTION scans_dql() RETURNS text LANGUAGE plpgsql STABLE AS $$BEGIN RETURN (SELECT string_agg(identifier || n, ' ' ORDER BY identifier) FROM aoscan('{}')); END$$;
CREATE FUNCTION scans_count() RETURNS text LANGUAGE plpgsql STABLE AS $$DECLARE n bigint; BEGIN n := vxp.count('{"resource":"AoScan"}'); RETURN n; END$$;
-- a simple expression, which PL/pgSQL evaluates without a portal
CREATE FUNCTION scans_simple(f timestamptz, t timestamptz) RETURNS boolean LANGUAGE plpgsql STABLE AS 'BEGIN RETURN vxp.shown(f, t); END';
CREATE FUNCTION scans_cursor() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	c CURSOR FOR SELECT identifier || n FROM aoscan_current ORDER BY identifier;
	one text;
	result text := '';
BEGIN
	OPEN c;
	LOOP
		FETCH c INTO one;
		EXIT WHEN NOT FOUND;
		result := result || one || ' ';
	END LOOP;
	RETURN result;
END
$$;
CREATE FUNCTION scans_in_2020() RETURNS text LANGUAGE sql STABLE SET vxp.as_of = '2020-06-01' AS 'SELECT string_agg(identifier || n, '' '' ORDER BY identifier) FROM aoscan_current';
CREATE FUNCTION scans_in_2020_by(f text) RETURNS text LANGUAGE plpgsql STABLE SET vxp.as_of = '2020-06-01' AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT %I()', f) INTO result;
	RETURN result;
END
$$;
CREATE VIEW ao_paths AS SELECT scans_sql(), scans_atomic(), scans_plpgsql(), scans_dql(), scans_count(), scans_cursor(), scans_simple('2021-01-01', NULL);
PREPARE by_view AS SELECT string_agg(identifier || n, ' ' ORDER BY identifier) FROM aoscan_current;
PREPARE by_dql(text) AS SELECT string_agg(identifier || n, ' ' ORDER BY identifier) FROM vxp.query(NULL::aoscan, '{"filter":{"n":{"$gt":{"$param":1}}}}', $1::int);
PREPARE by_late_dql(vxp.dql) AS SELECT string_agg(identifier || n, ' ' ORDER BY identifier) FROM vxp.query(NULL::aoscan, $1);
CREATE PROCEDURE ask() LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	SELECT p::text INTO answer FROM ao_paths p;
	RAISE NOTICE '%', answer;
END
$$;
-- custom plans, then plans that are generic from the first use on; twice, so that the second is a cached one
CALL ask(); EXECUTE by_view; EXECUTE by_dql('0'); EXECUTE by_late_dql('{}');
SET plan_cache_mode = force_generic_plan;
CALL ask(); EXECUTE by_view; EXECUTE by_dql('0'); EXECUTE by_late_dql('{}');
CALL ask(); EXECUTE by_view; EXECUTE by_dql('0'); EXECUTE by_late_dql('{}');
SET vxp.as_of = '2020-06-01';
CALL ask(); EXECUTE by_view; EXECUTE by_dql('0'); EXECUTE by_late_dql('{}');
CALL ask(); EXECUTE by_view; EXECUTE by_dql('0'); EXECUTE by_late_dql('{}');
RESET vxp.as_of;
CALL ask(); EXECUTE by_view; EXECUTE by_dql('0'); EXECUTE by_late_dql('{}');

-- SET LOCAL ends with its transaction, either way, and with its savepoint
BEGIN;
SET LOCAL vxp.as_of = '2020-06-01';
CALL ask(); EXECUTE by_view;
ROLLBACK;
CALL ask(); EXECUTE by_view;
BEGIN;
SET LOCAL vxp.as_of = '2020-06-01';
EXECUTE by_view; EXECUTE by_dql('0');
COMMIT;
EXECUTE by_view; EXECUTE by_dql('0');
BEGIN;
EXECUTE by_view;
SAVEPOINT s;
SET vxp.as_of = '2020-06-01';
EXECUTE by_view; EXECUTE by_dql('0');
ROLLBACK TO s;
EXECUTE by_view; EXECUTE by_dql('0');
SET vxp.as_of = '2020-06-01';
EXECUTE by_view;
ROLLBACK;
SHOW vxp.as_of;
EXECUTE by_view; EXECUTE by_dql('0');
-- an error undoes it, too
DO $$
BEGIN
	PERFORM set_config('vxp.as_of', '2020-06-01', false);
	PERFORM scans_plpgsql();
	RAISE EXCEPTION 'undone';
EXCEPTION WHEN raise_exception THEN
	RAISE NOTICE '% %', scans_plpgsql(), scans_dql();
END
$$;
EXECUTE by_view;

-- a function with SET reads its own instant, from inside and outside, in one statement
SELECT scans_sql(), scans_in_2020(), scans_sql() = scans_plpgsql() AS same;
SELECT scans_in_2020_by(f) FROM unnest('{scans_sql,scans_atomic,scans_plpgsql,scans_dql,scans_cursor,scans_count,scans_in_2020}'::text[]) f;
SELECT f, scans_in_2020_by('scans_plpgsql') = scans_in_2020() AS then, scans_plpgsql() = scans_atomic() AS now FROM generate_series(1, 3) f;
SET vxp.as_of = '2018-01-01';
SELECT scans_sql(), scans_in_2020();
RESET vxp.as_of;
SELECT scans_sql(), scans_in_2020();
EXECUTE by_view;

-- a setting that changes inside one transaction, one function and one loop: what is kept from one round to the next is thrown away
CREATE FUNCTION scans_at(at text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('vxp.as_of', at, true);
	result := scans_sql();
	IF result IS DISTINCT FROM (SELECT string_agg(identifier || n, ' ' ORDER BY identifier) FROM aoscan_current) OR result IS DISTINCT FROM scans_dql() THEN
		RAISE WARNING 'they differ at %', at;
	END IF;
	RETURN result;
END
$$;
BEGIN;
SELECT at, scans_at(at) FROM unnest('{2020-06-01,"",2018-01-01,2020-06-01,2021-01-01}'::text[]) at;
ROLLBACK;
DO $$
DECLARE
	result text;
BEGIN
	FOR i IN 0 .. 3 LOOP
		PERFORM set_config('vxp.as_of', CASE WHEN i % 2 = 0 THEN '2020-06-01' ELSE '' END, true);
		result := scans_sql();
		RAISE NOTICE '%', result;
	END LOOP;
END
$$;
SHOW vxp.as_of;

-- a cursor goes on with what it was opened with, as with its snapshot
BEGIN;
DECLARE c CURSOR FOR SELECT identifier, n FROM aoscan_current ORDER BY identifier;
FETCH 1 FROM c;
SET LOCAL vxp.as_of = '2020-06-01';
FETCH ALL FROM c;
COMMIT;
-- a materialized view is what it was when it was filled
SET vxp.as_of = '2020-06-01';
CREATE MATERIALIZED VIEW ao_kept AS SELECT identifier FROM aoscan_current;
RESET vxp.as_of;
SELECT count(*) FROM ao_kept;
REFRESH MATERIALIZED VIEW ao_kept;
SELECT string_agg(identifier, ' ' ORDER BY identifier) FROM ao_kept;
DROP MATERIALIZED VIEW ao_kept;
RESET plan_cache_mode;

-- EXPLAIN (SETTINGS) tells
SET vxp.as_of = '2020-06-01';
DO $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (SETTINGS, FORMAT JSON) SELECT 1' INTO plan;
	RAISE NOTICE '%', plan #> '{0,Settings,vxp.as_of}';
END
$$;
RESET vxp.as_of;

--
-- Values that come from elsewhere, in sessions of their own
--
-- set before the library is loaded: taken over when it is
\c -
SET search_path = public, vxp;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET vxp.as_of = '2020-06-01';
SHOW vxp.as_of;
SELECT string_agg(identifier || n, ' ' ORDER BY identifier) FROM aoscan_current;
SHOW vxp.as_of;
-- a bad one is found when it is used, and again; nobody reads the present instead
\c -
SET search_path = public, vxp;
SET vxp.as_of = 'rubbish';
SELECT count(*) FROM aoscan_current;
\echo :SQLSTATE
SELECT vxp.count('{"resource":"AoScan"}');
\echo :SQLSTATE
SELECT to_sql('{"resource":"AoScan"}');
\echo :SQLSTATE
EXPLAIN SELECT * FROM ao_filter;
\echo :SQLSTATE
-- the request wins
SELECT vxp.count('{"resource":"AoScan","asOf":"2020-06-01"}');
-- a parallel worker takes the value over as it is, and what reads no versions works; as 16 and newer call force_parallel_mode
SELECT CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END AS forced \gset
BEGIN;
SET LOCAL :forced = on;
SELECT count(*) FROM pg_am WHERE amname = 'gist';
SELECT vxp.count('{"resource":"AoScan","asOf":"2020-06-01"}');
SELECT count(*) FROM aoscan_current;
\echo :SQLSTATE
ROLLBACK;
SELECT delete('{"resource":"AoScan","filter":{},"delete":true}');
\echo :SQLSTATE
SET vxp.as_of = '';
SELECT count(*) FROM aoscan_current;
-- nobody needs a privilege to look back
CREATE ROLE regress_ao_reader;
GRANT SELECT ON aoscan, aosite TO regress_ao_reader;
SET ROLE regress_ao_reader;
SET vxp.as_of = '2020-06-01';
SELECT string_agg(identifier || n, ' ' ORDER BY identifier) FROM aoscan_current;
RESET vxp.as_of;
RESET ROLE;
DROP OWNED BY regress_ao_reader;
DROP ROLE regress_ao_reader;
-- a bad value of a role is refused once the library knows
ALTER ROLE CURRENT_USER IN DATABASE :"DBNAME" SET vxp.as_of = 'rubbish';
\echo :SQLSTATE
ALTER ROLE CURRENT_USER IN DATABASE :"DBNAME" SET vxp.as_of = '2020-06-01';
\c -
SELECT count(*) FROM aoscan_current WHERE n = 1;
RESET vxp.as_of;
SELECT count(*) FROM aoscan_current WHERE n = 1;
SET vxp.as_of = '';
SELECT count(*) FROM aoscan_current WHERE n = 1;
-- before it does, the value stands, and reads nothing
\c -
ALTER ROLE CURRENT_USER IN DATABASE :"DBNAME" SET vxp.as_of = 'rubbish';
\c -
SELECT count(*) FROM aoscan_current;
\echo :SQLSTATE
SELECT vxp.shown(now(), NULL);
\echo :SQLSTATE
ALTER ROLE CURRENT_USER IN DATABASE :"DBNAME" RESET vxp.as_of;
\c -
SET search_path = public, vxp;

--
-- DQL does not write while the past is shown
--
SET vxp.as_of = '2020-06-01';
SELECT update('{"resource":"AoScan","filter":{},"update":{"metadata":{"user":{"x":1}}}}');
\echo :SQLSTATE
SELECT delete('{"resource":"AoScan","filter":{},"delete":true}');
\echo :SQLSTATE
SELECT preview('{"resource":"AoScan","filter":{},"delete":true}');
\echo :SQLSTATE
SELECT execute('{"resource":"AoScan","filter":{},"delete":true}');
\echo :SQLSTATE
RESET vxp.as_of;

DROP VIEW ao_paths, ao_all;
DROP PROCEDURE ask();
DROP FUNCTION scans_sql(), scans_atomic(), scans_plpgsql(), scans_dql(), scans_count(), scans_simple(timestamptz, timestamptz), scans_cursor(),
	scans_in_2020(), scans_in_2020_by(text), scans_at(text);
SELECT drop_filter('ao_filter'), drop_filter('ao_fixed');
SELECT drop_resource_type('AoScan'), drop_resource_type('AoSite');
