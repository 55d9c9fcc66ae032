--
-- dql_budget: requests that would cost too much are refused before they run
--
-- The settings vxp.max_cost and vxp.max_rows compare with the planner's estimates,
-- which the test keeps far from both limits.  Off by default.
--
CREATE SCHEMA dql_budget;
SET search_path = dql_budget;
SET jit = off;
SET plan_cache_mode = auto;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE reading (id int PRIMARY KEY, kind text COLLATE "C", n int NOT NULL, metadata jsonb);
INSERT INTO reading SELECT g, 'k' || g % 100, g % 10, '{}' FROM generate_series(1, 20000) g;
CREATE TABLE copied (LIKE reading);
ANALYZE reading;
SELECT vxp.register('Reading', 'reading');

-- runs a statement and takes it back: what came of it, without the estimates, which differ between servers
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RAISE EXCEPTION USING ERRCODE = 'ZZ001';
EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
	RETURN 'ran';
WHEN program_limit_exceeded THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN regexp_replace(SQLERRM || ' | ' || detail, '\m\d+\M', 'N', 'g');
END $$;
CREATE TABLE statements (n int GENERATED ALWAYS AS IDENTITY, statement text);
INSERT INTO statements (statement) VALUES
	($$SELECT id FROM vxp.query(NULL::reading, '{}')$$),
	($$SELECT id FROM reading('{"filter":{"n":{"$gt":2}}}')$$),
	($$SELECT * FROM vxp.items('{"resource":"Reading"}') i$$),
	($$SELECT * FROM vxp.query_record('{"resource":"Reading"}') r(id int)$$),
	($$SELECT vxp.items('{"resource":"Reading"}')$$),
	($$SELECT vxp.count('{"resource":"Reading","filter":{"n":1}}')$$),
	($$SELECT vxp.page('{"resource":"Reading","pageSize":10}')$$),
	($$SELECT vxp.page('{"resource":"Reading","pageSize":10,"count":"none","sort":{"id":"ascending"}}')$$),
	($$SELECT vxp.execute('{"resource":"Reading","pageSize":10}')$$),
	($$SELECT vxp.facets('{"resource":"Reading"}', 'kind')$$),
	($$SELECT vxp.update('{"resource":"Reading","filter":{"n":{"$gte":0}},"update":{"metadata":{"user":{"a":1}}}}')$$),
	($$SELECT vxp.delete('{"resource":"Reading","filter":{"n":{"$gte":0}},"delete":true}')$$),
	($$INSERT INTO copied SELECT * FROM vxp.query(NULL::reading, '{}')$$),
	($$CREATE TEMP VIEW v AS SELECT id FROM vxp.query(NULL::reading, '{}'); SELECT * FROM v$$),
	-- narrow ones
	($$SELECT id FROM vxp.query(NULL::reading, '{"filter":{"id":7}}')$$),
	($$SELECT id FROM vxp.query(NULL::reading, '{}') v WHERE id = 7$$),
	($$SELECT id FROM vxp.query(NULL::reading, '{}') v LIMIT 5$$),
	($$SELECT id FROM vxp.query(NULL::reading, '{"sort":{"id":"ascending"},"limit":5}') v$$),
	($$SELECT vxp.items('{"resource":"Reading","filter":{"id":7}}')$$),
	($$SELECT vxp.count('{"resource":"Reading","filter":{"id":7}}')$$),
	($$SELECT vxp.update('{"resource":"Reading","filter":{"id":7},"update":{"metadata":{"user":{"a":1}}}}')$$),
	-- a broad one that takes part in a narrow statement, and the other way round
	($$SELECT v.id FROM vxp.query(NULL::reading, '{}') v JOIN reading r ON r.id = v.id WHERE r.id = 8$$),
	($$SELECT r.id FROM reading r WHERE NOT EXISTS (SELECT FROM vxp.query(NULL::reading, '{"filter":{"id":7}}') v WHERE v.id = r.id)$$),
	($$SELECT (SELECT max(n) FROM vxp.query(NULL::reading, '{}'))$$),
	-- no request in it: no matter of ours
	($$SELECT id FROM reading$$),
	($$SELECT name FROM vxp.resource_type$$);
SHOW vxp.max_cost;
SHOW vxp.max_rows;
SELECT count(*) FROM statements WHERE attempt(statement || ' /* off */') <> 'ran';

-- a scan of the table costs more than 300, a look-up by id less than 50
SET vxp.max_cost = 100;
SELECT n, statement, attempt(statement) FROM statements ORDER BY n;
RESET vxp.max_cost;
-- rows: what is returned or changed; a count is one row
SET vxp.max_rows = 1000;
SELECT n, statement, attempt(statement) FROM statements ORDER BY n;
RESET vxp.max_rows;
-- nothing was written by what was refused
SELECT count(*) FROM reading;

-- the error as a client sees it
SET vxp.max_rows = 1000;
DO $$
DECLARE
	state text; message text; detail text; hint text;
BEGIN
	PERFORM vxp.items('{"resource":"Reading"}');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RAISE NOTICE '% % %', state, regexp_replace(message, '\d+ rows', 'N rows'), hint;
END $$;
RESET vxp.max_rows;

-- vxp.explain tells what a refused request would do, but does not run it
SET vxp.max_cost = 100;
SELECT clause, served_by, estimated_rows > 1000 AS many, cost > 100 AS dear FROM vxp.explain('{"resource":"Reading"}');
SELECT attempt($$SELECT vxp.explain('{"resource":"Reading"}', true)$$);
SELECT clause, actual_rows FROM vxp.explain('{"resource":"Reading","filter":{"id":7}}', true);
RESET vxp.max_cost;

-- cached plans: judged anew when the setting changes, in both directions
PREPARE broad AS SELECT count(*) FROM vxp.query(NULL::reading, '{}') v;
EXECUTE broad;
SET vxp.max_cost = 100;
SELECT attempt('EXECUTE broad');
RESET vxp.max_cost;
EXECUTE broad;
BEGIN;
SET LOCAL vxp.max_cost = 100;
SELECT attempt('EXECUTE broad');
ROLLBACK;
EXECUTE broad;
CREATE FUNCTION cached() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM vxp.query(NULL::reading, '{}') v); END $$;
SELECT cached();
SET vxp.max_cost = 100;
SELECT attempt('SELECT dql_budget.cached()');
RESET vxp.max_cost;
SELECT cached();

-- a generic plan over the budget is passed over, as plans for the values may be cheap
PREPARE chosen(int) AS SELECT count(*) FROM vxp.query(NULL::reading, '{"filter":{"id":{"$lt":{"$param":1}}}}', $1) v;
SET vxp.max_cost = 100;
EXECUTE chosen(5); EXECUTE chosen(5); EXECUTE chosen(5); EXECUTE chosen(5); EXECUTE chosen(5); EXECUTE chosen(5); EXECUTE chosen(5);
SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = 'chosen';
SELECT attempt('EXECUTE chosen(20000)');
SET plan_cache_mode = force_generic_plan;
DEALLOCATE chosen;
PREPARE chosen(int) AS SELECT count(*) FROM vxp.query(NULL::reading, '{"filter":{"id":{"$lt":{"$param":1}}}}', $1) v;
SELECT attempt('EXECUTE chosen(5)');
RESET plan_cache_mode;
RESET vxp.max_cost;

-- also with inlining off, and when the library is loaded by the statement itself
SET vxp.enable_inlining = off;
SET vxp.max_cost = 100;
SELECT attempt($$SELECT id FROM vxp.query(NULL::reading, '{}')$$);
\c -
SET search_path = dql_budget;
SET max_parallel_workers_per_gather = 0;
SET vxp.max_rows = 1000;
SELECT attempt($$SELECT id FROM vxp.query(NULL::reading, '{}')$$);
RESET vxp.max_rows;
SET vxp.max_rows = -1;
SET vxp.max_cost = -1;

SET client_min_messages = warning;
DROP SCHEMA dql_budget CASCADE;
