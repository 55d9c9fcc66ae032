--
-- dql_estimates: rows that the planner expects of conditions on documents
--
-- From statistics of an expression on the path, and from the documents that
-- ANALYZE keeps.  Expectation for hot paths, with either: the estimate is within
-- a factor of 3 of the rows that are there.
--
CREATE SCHEMA dql_estimates;
SET search_path = dql_estimates;
SET jit = off;
CREATE TABLE item (id int PRIMARY KEY, document jsonb NOT NULL, metadata jsonb);
SELECT setseed(0.25);
INSERT INTO item
SELECT g,
	jsonb_build_object('id', g, 'type', (ARRAY['file', 'file', 'file', 'file', 'file', 'file', 'file', 'dir', 'dir', 'link'])[1 + floor(random() * 10)::int],
		'status', (ARRAY['new', 'open', 'closed', 'gone', 'lost'])[1 + floor(sqrt(random() * 25))::int % 5],
		'size', floor(power(random(), 2) * 10000)::int, 'hidden', random() < 0.25,
		'label', 'label' || floor(random() * 200)::int,
		'created', to_char(timestamp '2020-01-01' + random() * interval '1000 days', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
	|| CASE WHEN random() < 0.6 THEN jsonb_build_object('meta', jsonb_build_object('kind', 'k' || floor(random() * 6)::int, 'n', floor(random() * 50)::int)) ELSE '{}' END
	|| CASE WHEN random() < 0.4 THEN jsonb_build_object('tags', jsonb_build_array('t' || floor(random() * 6)::int, 't' || floor(random() * 9)::int)) ELSE '{}' END,
	CASE WHEN random() < 0.9 THEN jsonb_build_object('system', jsonb_build_object('mime', (ARRAY['image/png', 'image/jpeg', 'video/mp4'])[1 + floor(random() * 3)::int])) END
FROM generate_series(1, 30000) g;
SELECT vxp.register('EstimateItem', 'item', document => 'document', fields => '{"metadata":"metadata"}');

CREATE TABLE conditions (n int GENERATED ALWAYS AS IDENTITY, filter text);
INSERT INTO conditions (filter) VALUES
	('{"type":"file"}'), ('{"type":"dir"}'), ('{"type":"link"}'), ('{"type":{"$ne":"file"}}'), ('{"type":{"$in":["dir","link"]}}'), ('{"type":{"$nin":["dir","link"]}}'),
	('{"status":"new"}'), ('{"status":"closed"}'), ('{"status":{"$in":["new","open"]}}'), ('{"status":{"$exists":true}}'),
	('{"size":{"$gt":5000}}'), ('{"size":{"$lt":100}}'), ('{"size":{"$gte":100,"$lt":2500}}'), ('{"size":{"$between":[1000,4000]}}'), ('{"size":{"$not":{"$gt":5000}}}'),
	('{"hidden":true}'), ('{"hidden":{"$ne":true}}'), ('{"created":{"$gt":"2022-01-01"}}'), ('{"created":{"$lt":"2020-06-01T00:00:00Z"}}'),
	('{"meta.kind":"k3"}'), ('{"meta":{"kind":"k3"}}'), ('{"meta.kind":{"$in":["k1","k2","k3"]}}'), ('{"meta":{"$exists":false}}'), ('{"meta.n":{"$gte":25}}'),
	('{"type":"file","hidden":true}'), ('{"type":"file","status":"closed","size":{"$gt":1000}}'), ('{"$or":[{"type":"link"},{"hidden":true}]}'),
	('{"$nor":[{"type":"file"},{"hidden":true}]}'), ('{"tags":"t3"}'), ('{"tags":{"$exists":true}}'), ('{"label":{"$startsWith":"label1"}}'), ('{"type":"f*"}'),
	('{"metadata.system.mime":"image/png"}'), ('{"metadata":{"system":{"mime":{"$ne":"image/png"}}}}'), ('{"metadata":{"$exists":false}}');
CREATE FUNCTION plan_rows(filter text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM vxp.query(NULL::dql_estimates.item, %L)', format('{"filter":%s}', filter)) INTO plan;
	RETURN plan -> 0 -> 'Plan' -> 'Plan Rows';
END $$;
CREATE VIEW estimates AS
SELECT n, filter, plan_rows(filter) AS expected, (SELECT count(*) FROM vxp.query(NULL::item, format('{"filter":%s}', filter)::vxp.dql)) AS found FROM conditions;
SET max_parallel_workers_per_gather = 0;

-- from the documents alone: their sample has a hundred, so what 5 % of the rows or more have is within a factor of 3
ANALYZE item;
SELECT filter, expected, found FROM estimates WHERE found >= 1500 AND NOT (expected BETWEEN found / 3.0 AND found * 3.0) ORDER BY n;
SELECT count(*) AS judged FROM estimates WHERE found >= 1500;
-- together, too
SELECT count(*) FROM estimates e WHERE expected < 1 OR expected > 30000;
-- what no document of the sample has is rare, not impossible; its opposite is nearly all
SELECT plan_rows('{"label":"none"}') BETWEEN 1 AND 30 AS rare, plan_rows('{"label":{"$ne":"none"}}') > 29000 AS nearly_all, plan_rows('{"type":{"$exists":true}}') > 29000 AS everywhere;
-- more documents in the statistics: more is known of what is rare
ALTER TABLE item ALTER document SET STATISTICS 1000;
ANALYZE item;
SELECT filter, expected, found FROM estimates WHERE found >= 300 AND NOT (expected BETWEEN found / 3.0 AND found * 3.0) ORDER BY n;

-- from statistics of expressions: also for what few rows have
CREATE STATISTICS by_text ON (document ->> 'label') FROM item;
CREATE STATISTICS by_path ON (document #>> '{meta,kind}') FROM item;
CREATE STATISTICS by_step ON ((document -> 'meta') ->> 'kind') FROM item;
CREATE STATISTICS by_key ON (vxp.sort_key(document, 'size')) FROM item;
CREATE STATISTICS by_type ON (vxp.sort_key(document, 'type', true)) FROM item;
CREATE INDEX by_index ON item (vxp.sort_key(document, 'created'));
CREATE STATISTICS mime ON (metadata #>> '{system,mime}') FROM item;
ANALYZE item;
TRUNCATE conditions;
INSERT INTO conditions (filter) VALUES
	('{"label":"label7"}'), ('{"label":"none"}'), ('{"label":{"$in":["label1","label2","label3"]}}'), ('{"label":{"$exists":true}}'), ('{"meta.kind":"k3"}'), ('{"meta":{"kind":"k3"}}'), ('{"meta.kind":{"$in":["k0","k1"]}}'),
	('{"size":{"$gt":9900}}'), ('{"size":{"$lt":1}}'), ('{"size":{"$gte":5000,"$lt":5100}}'), ('{"size":{"$between":[10,20]}}'), ('{"size":{"$exists":true}}'), ('{"size":{"$gt":"x"}}'), ('{"size":{"$gt":20000}}'),
	('{"type":"file"}'), ('{"type":"link"}'), ('{"type":"none"}'), ('{"type":{"$ne":"file"}}'), ('{"type":{"$in":["dir","link"]}}'), ('{"type":{"$gt":"e","$lt":"g"}}'),
	('{"created":{"$gt":"2022-09-20"}}'), ('{"created":{"$lt":"2020-01-10"}}'), ('{"created":{"$gte":"2021-03-01","$lt":"2021-03-05"}}'),
	('{"metadata.system.mime":"image/png"}'), ('{"metadata":{"system":{"mime":"none"}}}'),
	('{"type":"link","size":{"$gt":5000}}'), ('{"$or":[{"label":"label7"},{"type":"link"}]}'), ('{"$nor":[{"label":"label7"},{"type":"file"}]}');
SELECT filter, expected, found FROM estimates WHERE NOT (expected BETWEEN found / 3.0 AND found * 3.0 OR found < 10 AND expected <= 300) ORDER BY n;
SELECT count(*) AS judged FROM estimates;
-- sort_key knows common values exactly, and what no row has; a sample of documents does not
TRUNCATE conditions;
INSERT INTO conditions (filter) VALUES ('{"size":{"$lt":1}}'), ('{"size":{"$lte":3}}'), ('{"size":{"$gt":20000}}'), ('{"size":{"$ne":4}}'), ('{"size":{"$in":[1,2,3]}}'), ('{"size":{"$between":[0,3]}}'),
	('{"type":"link"}'), ('{"type":{"$in":["dir","link"]}}'), ('{"type":{"$exists":true}}');
SELECT filter, expected, found FROM estimates WHERE abs(expected - found) > 1 + 0.01 * found ORDER BY n;
SELECT count(*) AS judged FROM estimates;

-- a role that may not read the column learns nothing from estimates; nor one under a policy
CREATE ROLE regress_vxp_estimates;
GRANT USAGE ON SCHEMA dql_estimates TO regress_vxp_estimates;
GRANT SELECT (id) ON item TO regress_vxp_estimates;
ANALYZE item;
CREATE FUNCTION plan_rows_of(statement text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || statement INTO plan;
	RETURN plan -> 0 -> 'Plan' -> 'Plan Rows';
END $$;
GRANT SELECT ON item TO regress_vxp_estimates;
SET ROLE regress_vxp_estimates;
SELECT plan_rows_of($$SELECT FROM dql_estimates.item WHERE vxp.matches(document, '{"filter":{"type":"file"}}')$$) > 10000 AS knows;
RESET ROLE;
ALTER TABLE item ENABLE ROW LEVEL SECURITY;
CREATE POLICY part ON item TO regress_vxp_estimates USING (id > 0);
SET ROLE regress_vxp_estimates;
SELECT plan_rows_of($$SELECT FROM dql_estimates.item WHERE vxp.matches(document, '{"filter":{"type":"file"}}')$$) < 500 AS knows_nothing;
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA dql_estimates CASCADE;
DROP ROLE regress_vxp_estimates;
