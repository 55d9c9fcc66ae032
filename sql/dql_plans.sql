--
-- dql_plans: what the planner does with SQL it does with a request in its place
--
-- The hand-written form of a request with an order is a subselect, as it is of every view.  Index-only scans, parallel scans and joins, the order of joins, partition
-- pruning at plan time and at run time, semi- and anti-joins.  Each statement is
-- written with a request and by hand; the plans are one, and have what is looked for.
--
CREATE SCHEMA dql_plans;
SET search_path = dql_plans;
SET jit = off;
CREATE TABLE site (id int PRIMARY KEY, name text COLLATE "C" NOT NULL);
CREATE TABLE patient (id int PRIMARY KEY, site_id int NOT NULL, sex text COLLATE "C" NOT NULL);
CREATE TABLE volume (id int PRIMARY KEY, patient_id int NOT NULL, modality text COLLATE "C" NOT NULL, n int NOT NULL);
CREATE TABLE event (id int NOT NULL, day int NOT NULL, kind text COLLATE "C" NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE event1 PARTITION OF event FOR VALUES FROM (0) TO (10);
CREATE TABLE event2 PARTITION OF event FOR VALUES FROM (10) TO (20);
CREATE TABLE event3 PARTITION OF event FOR VALUES FROM (20) TO (30);
INSERT INTO site SELECT g, 'site' || g FROM generate_series(1, 50) g;
INSERT INTO patient SELECT g, 1 + g % 50, CASE WHEN g % 2 = 0 THEN 'F' ELSE 'M' END FROM generate_series(1, 5000) g;
INSERT INTO volume SELECT g, 1 + g % 5000, (ARRAY['MR', 'CT', 'US'])[1 + g % 3], g % 1000 FROM generate_series(1, 40000) g;
INSERT INTO event SELECT g, g % 30, 'k' || g % 5 FROM generate_series(1, 6000) g;
CREATE INDEX ON volume (patient_id);
CREATE INDEX ON volume (n, id);
CREATE INDEX ON event (day);
VACUUM ANALYZE site, patient, volume, event;
SELECT vxp.register('PlanSite', 'site'), vxp.register('PlanPatient', 'patient'), vxp.register('PlanVolume', 'volume'), vxp.register('PlanEvent', 'event', id => 'id');

CREATE FUNCTION plan_of(statement text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON, COSTS OFF) ' || statement INTO plan;
	RETURN plan -> 0 -> 'Plan';
END $$;
CREATE TABLE pair (n int GENERATED ALWAYS AS IDENTITY, what text, wanted jsonpath, dql text, hand text);
INSERT INTO pair (what, wanted, dql, hand) VALUES
('index-only scan', '$.** ? (@."Node Type" == "Index Only Scan")',
	$$SELECT id FROM vxp.query(NULL::volume, '{"filter":{"n":{"$lt":5}}}') v$$, $$SELECT id FROM volume v WHERE n < 5$$),
('index-only scan, ordered', '$.** ? (@."Node Type" == "Index Only Scan")',
	$$SELECT n, id FROM vxp.query(NULL::volume, '{"sort":{"n":"ascending"},"limit":5}') volume$$, $$SELECT n, id FROM (SELECT * FROM volume ORDER BY n, id LIMIT 5) volume$$),
('join order: the selective table first', '$.** ? (@."Node Type" == "Nested Loop")',
	$$SELECT v.n FROM vxp.query(NULL::volume, '{"filter":{"modality":"MR"}}') v JOIN vxp.query(NULL::patient, '{}') p ON p.id = v.patient_id JOIN vxp.query(NULL::site, '{"filter":{"name":"site7"}}') s ON s.id = p.site_id WHERE p.id < 20$$,
	$$SELECT v.n FROM volume v JOIN patient p ON p.id = v.patient_id JOIN site s ON s.id = p.site_id WHERE v.modality = 'MR' AND s.name = 'site7' AND p.id < 20$$),
('join order: whatever the order in FROM', '$.** ? (@."Node Type" == "Nested Loop")',
	$$SELECT v.n FROM vxp.query(NULL::site, '{"filter":{"name":"site7"}}') s, vxp.query(NULL::volume, '{"filter":{"modality":"MR"}}') v, vxp.query(NULL::patient, '{"filter":{"id":{"$lt":20}}}') p WHERE s.id = p.site_id AND p.id = v.patient_id$$,
	$$SELECT v.n FROM site s, volume v, patient p WHERE s.name = 'site7' AND v.modality = 'MR' AND p.id < 20 AND s.id = p.site_id AND p.id = v.patient_id$$),
('condition from outside reaches the index', '$.** ? (@."Index Cond" like_regex "id = 7")',
	$$SELECT * FROM vxp.query(NULL::volume, '{"filter":{"modality":"MR"}}') v WHERE id = 7$$, $$SELECT * FROM volume v WHERE modality = 'MR' AND id = 7$$),
('semi-join', '$.** ? (@."Join Type" == "Semi")',
	$$SELECT id FROM vxp.query(NULL::patient, '{"filter":{"id":{"$lt":50}},"join":{"on":{"resource":"PlanVolume","local":"patient_id","forigen":"id"},"filter":{"n":{"$gt":5}}}}') patient$$,
	$$SELECT id FROM patient WHERE id < 50 AND EXISTS (SELECT FROM volume related_1 WHERE related_1.n > 5 AND related_1.patient_id = patient.id)$$),
('anti-join', '$.** ? (@."Join Type" == "Anti")',
	$$SELECT id FROM vxp.query(NULL::patient, '{"join":{"on":{"resource":"PlanVolume","local":"patient_id","forigen":"id"},"filter":{"modality":"MR"},"quantifier":"none"}}') patient$$,
	$$SELECT id FROM patient WHERE NOT EXISTS (SELECT FROM volume related_1 WHERE related_1.modality = 'MR' AND related_1.patient_id = patient.id)$$),
('pruned when planned', '$ ? (@."Relation Name" == "event2" || @.Plans[*]."Relation Name" == "event2")',
	$$SELECT id FROM vxp.query(NULL::event, '{"filter":{"day":12}}') event$$, $$SELECT id FROM event WHERE day = 12$$),
('pruned by a condition from outside', '$ ? (@."Relation Name" == "event2" || @.Plans[*]."Relation Name" == "event2")',
	$$SELECT id FROM vxp.query(NULL::event, '{"filter":{"kind":"k1"}}') event WHERE day BETWEEN 12 AND 13$$, $$SELECT id FROM event WHERE kind = 'k1' AND day BETWEEN 12 AND 13$$),
('aggregate', '$.** ? (@."Node Type" == "Aggregate")',
	$$SELECT modality, count(*) FROM vxp.query(NULL::volume, '{"filter":{"n":{"$gt":500}}}') v GROUP BY 1$$, $$SELECT modality, count(*) FROM volume v WHERE n > 500 GROUP BY 1$$);
SELECT what, plan_of(dql) = plan_of(hand) AS one_plan, plan_of(dql) @? wanted AS wanted FROM pair ORDER BY n;

-- in parallel: the scan, and a join whose other side is built by all workers
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET min_parallel_index_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
TRUNCATE pair RESTART IDENTITY;
INSERT INTO pair (what, wanted, dql, hand) VALUES
('parallel scan', '$.** ? (@."Node Type" like_regex "^Gather")',
	$$SELECT count(*) FROM vxp.query(NULL::volume, '{"filter":{"n":{"$gt":900},"modality":"MR"}}') v$$, $$SELECT count(*) FROM volume v WHERE n > 900 AND modality = 'MR'$$),
('parallel join', '$.** ? (@."Parallel Aware" == true && @."Node Type" == "Hash Join")',
	$$SELECT count(*) FROM vxp.query(NULL::volume, '{"filter":{"n":{"$ne":1}}}') v JOIN vxp.query(NULL::patient, '{"filter":{"sex":"F"}}') p ON p.id = v.patient_id$$,
	$$SELECT count(*) FROM volume v JOIN patient p ON p.id = v.patient_id WHERE v.n <> 1 AND p.sex = 'F'$$),
('parallel append', '$.** ? (@."Parallel Aware" == true)',
	$$SELECT count(*) FROM vxp.query(NULL::event, '{"filter":{"kind":"k1"}}') event$$, $$SELECT count(*) FROM event WHERE kind = 'k1'$$);
SELECT what, plan_of(dql) = plan_of(hand) AS one_plan, plan_of(dql) @? wanted AS wanted FROM pair ORDER BY n;
CREATE FUNCTION answer(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE statement INTO result;
	RETURN result;
END $$;
SELECT what, answer(dql) = answer(hand) AS same FROM pair ORDER BY n;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET min_parallel_index_scan_size;
SET max_parallel_workers_per_gather = 0;

-- pruned at run time: by a bind variable of a generic plan, and by the rows of a neighbour
SET plan_cache_mode = force_generic_plan;
PREPARE on_day(int) AS SELECT count(*) FROM vxp.query(NULL::event, '{"filter":{"day":{"$param":1}}}', $1) e;
PREPARE on_day_by_hand(int) AS SELECT count(*) FROM event e WHERE day = $1;
CREATE FUNCTION removed(statement text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON, ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || statement INTO plan;
	RETURN coalesce((jsonb_path_query_first(plan::jsonb, 'strict $.**."Subplans Removed"'))::int, 0)
		+ (SELECT count(*) FROM jsonb_path_query(plan::jsonb, 'strict $.** ? (@."Relation Name" like_regex "^event." && @."Actual Loops" == 0)'));
END $$;
SELECT removed('EXECUTE on_day(12)') AS dql, removed('EXECUTE on_day_by_hand(12)') AS hand;
EXECUTE on_day(12);
RESET plan_cache_mode;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_memoize = off;
SELECT removed($$SELECT e.id FROM vxp.query(NULL::site, '{"filter":{"id":{"$lte":2}}}') s, vxp.query(NULL::event, '{"filter":{"day":{"$param":1}}}', s.id) e$$) AS dql,
	removed($$SELECT e.id FROM site s, event e WHERE s.id <= 2 AND e.day = s.id$$) AS hand;

SET client_min_messages = warning;
DROP SCHEMA dql_plans CASCADE;
