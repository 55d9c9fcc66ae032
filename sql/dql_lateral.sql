--
-- dql_lateral: requests that are known only when the statement runs
--
-- Covers: the executor path in LATERAL, where one call comes with each row of what
-- stands before it, and where the plan of a request that comes again is kept: the
-- rows are those of the inlined request, whatever happens between two calls of the
-- same statement (rows, DDL, mapping, policies, role, vxp.as_of, search path, page
-- size); no plan is left behind, after an error neither.
--
CREATE SCHEMA test_lateral;
SET search_path = test_lateral, vxp;
SET client_min_messages = warning;
CREATE TABLE volume (id int PRIMARY KEY, kind text, size int, document jsonb);
INSERT INTO volume SELECT g, 'k' || g % 3, g * 10, jsonb_build_object('n', g % 7) FROM generate_series(1, 60) g;
SELECT register('LateralVolume', 'volume', fields => '{"metadata":"document"}');
ANALYZE volume;

CREATE TABLE saved (n int PRIMARY KEY, request dql NOT NULL);
CREATE TABLE asked (request dql);
INSERT INTO asked VALUES ('{"filter": {"size": {"$gt": {"$param": 1}}}}');
INSERT INTO saved VALUES (1, '{"filter": {"kind": "k1"}}'), (2, '{"filter": {"metadata.n": {"$lt": 3}}}'), (3, '{"sort": {"size": "descending"}, "limit": 2}');

-- each request ten times in turn, and ten times after each other
EXPLAIN (COSTS OFF) SELECT s.n, v.id FROM saved s, LATERAL query(NULL::volume, s.request) v;
SELECT s.n, count(*), sum(v.id) FROM generate_series(1, 10) g, LATERAL (SELECT * FROM saved OFFSET 0) s, LATERAL query(NULL::volume, s.request) v GROUP BY s.n ORDER BY s.n;
SELECT s.n, count(*), sum(v.id) FROM (SELECT s.* FROM saved s, generate_series(1, 10) g ORDER BY s.n OFFSET 0) s, LATERAL query(NULL::volume, s.request) v GROUP BY s.n ORDER BY s.n;
SELECT n, 10 * count(*) AS count, 10 * sum(id) AS sum FROM (
	SELECT 1 AS n, id FROM query(NULL::volume, '{"filter": {"kind": "k1"}}') UNION ALL SELECT 2, id FROM query(NULL::volume, '{"filter": {"metadata.n": {"$lt": 3}}}')
	UNION ALL SELECT 3, id FROM query(NULL::volume, '{"sort": {"size": "descending"}, "limit": 2}')) q GROUP BY n ORDER BY n;
-- other arguments with the same request; items and records
SELECT x, count(*), min(v.size) FROM (VALUES (1, 300), (2, 300), (3, 500), (4, 500), (5, 300)) a(n, x), LATERAL (SELECT request FROM asked WHERE a.n > 0 OFFSET 0) s, LATERAL query(NULL::volume, s.request, a.x) v GROUP BY a.n, x ORDER BY a.n;
SELECT g, count(*), min(i ->> 'size') FROM generate_series(1, 3) g, LATERAL (SELECT '{"resource": "LateralVolume", "filter": {"size": {"$gt": 580}}}'::text || repeat(' ', g - g) OFFSET 0) t(r), LATERAL items(t.r::dql) i GROUP BY g ORDER BY g;
SELECT g, r.* FROM generate_series(1, 3) g, LATERAL (SELECT '{"resource": "LateralVolume", "filter": {"size": {"$gt": 590}}}'::text || repeat(' ', g - g) OFFSET 0) t(r), LATERAL query_record(t.r::dql) AS r(id int, kind text);

-- something happens before each call of one statement
CREATE FUNCTION act(n int, request text, VARIADIC actions text[]) RETURNS dql LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	IF actions[n] <> '' THEN EXECUTE actions[n]; END IF;
	RETURN request;
END $$;
CREATE FUNCTION seen(request text, VARIADIC actions text[]) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT string_agg(found, ' ' ORDER BY n) FROM (
		SELECT n, (SELECT count(*) || ':' || coalesce(max(v.id), 0) FROM query(NULL::volume, d.request) v) AS found
		FROM generate_series(1, array_length(actions, 1)) n, LATERAL (SELECT act(n, seen.request, VARIADIC actions) AS request OFFSET 0) d OFFSET 0) q
$$;
CREATE FUNCTION seen_items(request text, VARIADIC actions text[]) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT string_agg(found, ' ' ORDER BY n) FROM (
		SELECT n, (SELECT count(*) || ':' || count(i -> 'kind') || ':' || coalesce(max((i ->> 'size')::numeric), 0) FROM items(d.request) i) AS found
		FROM generate_series(1, array_length(actions, 1)) n, LATERAL (SELECT act(n, seen_items.request, VARIADIC actions) AS request OFFSET 0) d OFFSET 0) q
$$;
SELECT seen('{"filter": {"kind": "k1"}}', '', '', '', '', '');
-- rows: as for any volatile function, those that the statement began with, or that it made itself
BEGIN;
SELECT seen('{"filter": {"kind": "k1"}}', '', '', 'INSERT INTO volume VALUES (70, ''k1'', 1)', '', 'DELETE FROM volume WHERE id = 1', '');
ROLLBACK;
-- an index, a column of another type, a mapping, a policy
BEGIN;
SELECT seen('{"filter": {"kind": "k1"}}', '', '', 'CREATE INDEX ON volume (kind)', '', 'DROP INDEX volume_kind_idx', '');
SELECT seen('{"filter": {"size": {"$gte": 590}}}', '', '', 'DROP VIEW volume_current; ALTER TABLE volume ALTER size TYPE numeric', '', 'ALTER TABLE volume RENAME size TO extent; ALTER TABLE volume ADD size int; UPDATE volume SET size = 600', '', '');
ROLLBACK;
-- what a row of the call is cannot change in a statement; that of items can
BEGIN;
SELECT seen_items('{"resource": "LateralVolume", "filter": {"size": {"$gte": 590}}}', '', '', 'DROP VIEW volume_current; ALTER TABLE volume ALTER size TYPE numeric', '', 'ALTER TABLE volume RENAME size TO extent; ALTER TABLE volume ADD size int; UPDATE volume SET size = id', '',
	'UPDATE volume SET size = 600', '', 'ALTER TABLE volume DROP kind', '');
ROLLBACK;
BEGIN;
SELECT seen('{"filter": {"extent": {"$gte": 590}}}', $$SELECT vxp.unregister('LateralVolume'); SELECT vxp.register('LateralVolume', 'test_lateral.volume', fields => '{"extent":"size"}')$$, '', '',
	$$SELECT vxp.unregister('LateralVolume'); SELECT vxp.register('LateralVolume', 'test_lateral.volume', fields => '{"extent":"id"}')$$, '', '');
SELECT seen('{"filter": {"extent": {"$gte": 590}}}', '', '', $$UPDATE vxp.resource_type SET fields = '{"extent":"size"}' WHERE name = 'LateralVolume'$$, '', '');
ROLLBACK;
CREATE ROLE test_lateral_one;
CREATE ROLE test_lateral_two;
GRANT USAGE ON SCHEMA test_lateral TO test_lateral_one, test_lateral_two;
GRANT SELECT ON volume TO test_lateral_one;
BEGIN;
CREATE POLICY small ON volume TO test_lateral_one USING (id <= 10);
CREATE POLICY none ON volume TO test_lateral_two USING (id <= 4);
SET LOCAL ROLE test_lateral_one;
SELECT seen('{}', '', '', '', '');
RESET ROLE;
ALTER TABLE volume ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON volume TO test_lateral_two;
SET LOCAL ROLE test_lateral_one;
SELECT seen('{}', '', '', 'SET LOCAL ROLE test_lateral_two', '', 'SET LOCAL ROLE test_lateral_one', '', '');
RESET ROLE;
SELECT seen('{}', '', '', 'SET LOCAL ROLE test_lateral_one', '', 'RESET ROLE', '', 'DROP POLICY small ON volume; SET LOCAL ROLE test_lateral_one', '', 'RESET ROLE', '');
ROLLBACK;
-- without the privilege the call fails, also with a plan that was made for another role
SELECT seen('{}', '', '', 'SET LOCAL ROLE test_lateral_two', '');
-- the search path and the sizes of pages
SELECT seen('{"filter": {"kind": "k1"}}', '', '', 'SET LOCAL search_path = vxp, test_lateral', '', 'SET LOCAL search_path = test_lateral, vxp', '', '');
SELECT seen('{"page": 0, "filter": {}}', 'SET LOCAL vxp.default_page_size = 10', '', '', 'SET LOCAL vxp.default_page_size = 20', '', '');
-- a limit on cost is asked each time; the cost in the detail is another where every plan is made parallel
\set VERBOSITY terse
SELECT seen('{"filter": {}}', '', '', 'SET LOCAL vxp.max_rows = 10', '');
\set VERBOSITY default

-- the instant
SELECT create_resource_type('LateralScan', 'n int', prefix => 'lscan', versioned => true);
INSERT INTO lateralscan (identifier, n, valid_from) VALUES ('lscan/1', 1, '2020-01-01Z'), ('lscan/2', 2, '2021-01-01Z'), ('lscan/3', 3, '2022-01-01Z');
SELECT n, (SELECT count(*) FROM query(NULL::lateralscan, d.request)) FROM generate_series(1, 9) n,
	LATERAL (SELECT act(n, '{}', '', '', '', $$SET LOCAL vxp.as_of = '2021-06-01Z'$$, '', '', $$SET LOCAL vxp.as_of = '2020-06-01Z'$$, '', 'RESET vxp.as_of') AS request OFFSET 0) d;
RESET vxp.as_of;

-- nothing is left: no plan after the end of a statement, nor after an error in the middle or a cursor that was not read to its end
SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'vxp last request';
SELECT count(*) AS plans FROM pg_backend_memory_contexts WHERE name = 'CachedPlanSource' \gset before_
SELECT s.n, v.id / (v.id - 40) FROM (SELECT s.* FROM saved s, generate_series(1, 10) g WHERE n = 1 ORDER BY s.n OFFSET 0) s, LATERAL query(NULL::volume, s.request) v;
BEGIN;
DECLARE c CURSOR FOR SELECT s.n, v.id FROM (SELECT s.* FROM saved s, generate_series(1, 10) g WHERE n = 1 ORDER BY s.n OFFSET 0) s, LATERAL query(NULL::volume, s.request) v;
MOVE 90 FROM c;
SELECT count(*) - :before_plans AS plans FROM pg_backend_memory_contexts WHERE name = 'CachedPlanSource';
SAVEPOINT s;
ALTER TABLE volume ADD later int;
FETCH 1 FROM c;
ROLLBACK TO s;
FETCH 1 FROM c;
CLOSE c;
COMMIT;
SELECT count(*) - :before_plans AS plans FROM pg_backend_memory_contexts WHERE name = 'CachedPlanSource';
SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'vxp last request';
DROP SCHEMA test_lateral CASCADE;
DROP ROLE test_lateral_one, test_lateral_two;
