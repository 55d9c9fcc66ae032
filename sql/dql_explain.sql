--
-- dql_explain: each clause of a request once, with what serves it, and the index that is missing
--
-- The plan is the server's own: its cost is that of the statement which to_sql
-- prints.  What is said of a clause is checked against a list; the numbers of
-- estimates are not printed, since they are the server's matter.
--
CREATE SCHEMA dql_explain;
SET search_path = dql_explain;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE patient (id text COLLATE "C" PRIMARY KEY, sex text, birth date NOT NULL, site text);
INSERT INTO patient SELECT 'p' || g, CASE WHEN g % 2 = 0 THEN 'F' ELSE 'M' END, date '1950-01-01' + g, 'site' || g % 7 FROM generate_series(1, 3000) g;
CREATE TABLE volume (id int PRIMARY KEY, patient_id text COLLATE "C" NOT NULL, modality text, maker text, created timestamptz NOT NULL, size float8 NOT NULL, n int,
	tags text[], lineage vxp.lineage, document jsonb, note text);
INSERT INTO volume
SELECT g, 'p' || 1 + g % 3000, (ARRAY['MR','CT','US'])[1 + g % 3], 'maker' || g % 300, timestamptz '2020-01-01Z' + g * interval '1 min', g % 997, g % 1000,
	ARRAY['t' || g % 500, 'u' || g % 3], vxp.lineage(ARRAY['patient/' || g % 3000, 'volume/' || g]),
	jsonb_build_object('status', 's' || g % 400, 'k', g % 100, 'list', jsonb_build_array(jsonb_build_object('a', g % 50, 'b', g % 3))), 'note ' || g
FROM generate_series(1, 30000) g;
CREATE INDEX volume_maker ON volume (maker);
CREATE INDEX volume_patient ON volume (patient_id);
CREATE INDEX volume_created ON volume (created, id);
CREATE INDEX volume_document ON volume USING gin (document jsonb_path_ops);
CREATE INDEX volume_lineage ON volume USING gist (lineage);
CREATE INDEX volume_tags ON volume USING gin (tags);
CREATE INDEX volume_rare ON volume (size) WHERE modality = 'MR';
VACUUM ANALYZE patient, volume;
SELECT vxp.register('ExplainPatient', 'patient', id => 'id'), vxp.register('ExplainVolume', 'volume', id => 'id', fields => '{"lineage":"lineage"}');

-- what serves each clause; "-" stands for what is not named by the request
CREATE FUNCTION served(request vxp.dql) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(coalesce(clause, '-') || ': ' || served_by || coalesce(' ' || (index::text COLLATE "C"), ''), ', ' ORDER BY n)
	FROM vxp.explain(request) WITH ORDINALITY e(clause, kind, condition, served_by, node, index, estimated_rows, actual_rows, cost, advice, n) WHERE kind <> 'request'
$$;
CREATE TABLE requests (n int GENERATED ALWAYS AS IDENTITY, resource text DEFAULT 'ExplainVolume', body text);
INSERT INTO requests (body) VALUES
	('"filter":{}'),
	('"filter":{"id":7}'),
	('"filter":{"maker":"maker7","n":{"$gt":5}}'),
	('"filter":{"maker":{"$in":["maker7","maker8"]},"note":{"$ne":"x"}}'),
	('"filter":{"$or":[{"maker":"maker7"},{"id":{"$lt":10}}]}'),
	('"filter":{"$and":[{"note":"x*"},{"$or":[{"n":1},{"n":{"$not":{"$gt":2}}}]}]}'),
	('"filter":{"$nor":[{"n":1},{"modality":null}]}'),
	('"filter":{"maker":"maker7","$and":[{"maker":"maker7"}]}'),
	('"filter":{"n":1.5}'),
	('"filter":{"n":{"$ne":1.5}}'),
	('"filter":{"$or":[]}'),
	('"filter":{"$and":[]}'),
	('"filter":{"n":{"$in":[]},"maker":"maker7"}'),
	('"filter":{"created":{"$gte":"2020-01-05","$lt":"2020-01-05T01:00:00Z"}}'),
	('"filter":{"size":{"$between":[7,8]},"modality":"MR"}'),
	('"filter":{"tags":"t7"}'),
	('"filter":{"tags":{"$match":{"$gt":"t7","$lt":"t8"}}}'),
	('"filter":{"$hasAncestor":"patient/7"}'),
	('"filter":{"$hasAncestor":["patient/7","patient/8"],"n":7}'),
	('"filter":{"document.status":"s7"}'),
	('"filter":{"document.status":"s7","document.k":{"$gt":5},"maker":{"$exists":true}}'),
	('"filter":{"document":{"status":"s7","list":{"$match":{"a":7,"b":{"$ne":1}}}}}'),
	('"filter":{"document.status":{"$ne":"s7"}}'),
	('"filter":{"document.list.0.a":7}'),
	('"sort":{"created":"descending"},"limit":5'),
	('"sort":{"created":"ascending","id":"ascending"},"limit":5,"skip":10'),
	('"sort":{"created":"ascending","note":"ascending"},"limit":5'),
	('"sort":{"size":"descending"},"page":2,"pageSize":10'),
	('"filter":{"modality":"MR"},"sort":{"modality":"ascending","size":"descending"},"limit":5'),
	('"limit":5'),
	('"filter":{"maker":"maker7"},"sort":{"document.k":"ascending"},"select":["id","maker"]'),
	('"join":{"on":{"resource":"ExplainPatient","local":"id","forigen":"patient_id"},"filter":{"birth":"1950-01-08","sex":{"$ne":"X"}}}'),
	('"filter":{"n":7},"join":{"on":{"resource":"ExplainPatient","local":"id","forigen":"patient_id"},"filter":{"site":"site1"},"quantifier":"none"}'),
	('"filter":{"patient_id":{"$in":{"resource":"ExplainPatient","select":["id"],"filter":{"birth":{"$lt":"1950-01-05"}},"sort":{"birth":"ascending"},"limit":3}}}'),
	('"intersect":[{"query":{"filter":{"n":7}}}],"except":[{"query":{"filter":{"maker":"maker8"}}}]'),
	('"filter":{"n":{"$gt":{"$all":{"resource":"ExplainVolume","select":["n"],"filter":{"maker":"maker7"}}}}}'),
	('"filter":{"document.status":{"$in":{"resource":"ExplainVolume","select":["note"],"filter":{"maker":"maker7"}}}}');
INSERT INTO requests (resource, body) VALUES
	('ExplainPatient', '"filter":{"site":"site1"},"join":{"on":{"resource":"ExplainVolume","local":"patient_id","forigen":"id"},"filter":{"maker":"maker7"}}'),
	('ExplainPatient', '"join":{"on":{"resource":"ExplainVolume","local":"patient_id","forigen":"id"},"filter":{"n":1},"quantifier":{"atLeast":2}}');
CREATE VIEW request AS SELECT n, body, format('{"resource":"%s",%s}', resource, body)::vxp.dql AS dql FROM requests;
SELECT n, body, served(dql) FROM request ORDER BY n;

-- every row says what serves it; no clause comes twice; the conditions are those that were counted when the request was read
SELECT count(*) FROM request, vxp.explain(dql) WHERE served_by IS NULL OR kind IS NULL OR condition IS NULL OR (clause IS NULL AND kind <> 'sort');
SELECT body, clause, count(*) FROM request, vxp.explain(dql) WHERE clause IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1;
-- the plan is that of the statement
CREATE FUNCTION cost(statement text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || statement INTO plan;
	RETURN plan -> 0 -> 'Plan' -> 'Total Cost';
END $$;
SELECT body FROM request, vxp.explain(dql) WHERE clause = '$' AND abs(cost - cost(vxp.to_sql(dql))) > 0.011 * cost;
-- analyze: the rows of the whole request are those that it has; without it none are told
SELECT body FROM request, vxp.explain(dql, true) e WHERE clause = '$' AND actual_rows IS DISTINCT FROM (SELECT count(*) FROM vxp.items(dql));
SELECT count(*) FROM request, vxp.explain(dql) WHERE actual_rows IS NOT NULL;
SELECT clause, kind, condition, served_by, node, index, actual_rows FROM vxp.explain('{"resource":"ExplainVolume","filter":{"maker":"maker7","n":{"$lt":500}},"sort":{"size":"descending"},"limit":3}', true);
SELECT clause, served_by, node, actual_rows FROM vxp.explain('{"resource":"ExplainPatient","filter":{"id":{"$lt":"p2"}},"join":{"on":{"resource":"ExplainVolume","local":"patient_id","forigen":"id"},"filter":{"maker":"maker7"}}}', true);

-- the condition as it was written; a long one is cut
SELECT clause, condition FROM vxp.explain('{"resource":"ExplainVolume","filter":{"n":{"$nin":[1,2]},"maker":{"$not":{"$startsWith":"m"}},"$nor":[{"id":{"$gt":5}}],"document":{"k":{"$exists":false}}}}') WHERE kind = 'condition';
SELECT length(condition) FROM vxp.explain(format('{"resource":"ExplainVolume","filter":{"n":{"$in":[%s]}}}', (SELECT string_agg(g::text, ',') FROM generate_series(1, 5000) g))::vxp.dql) WHERE kind = 'condition';

-- advice: the statement that would serve the clause
CREATE FUNCTION advised(request vxp.dql) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT string_agg(coalesce(clause, '-'), ' ' ORDER BY clause) || ' => ' || advice FROM vxp.explain(request) WHERE advice IS NOT NULL GROUP BY advice ORDER BY advice COLLATE "C"
$$;
SELECT advised('{"resource":"ExplainVolume","filter":{"n":7}}');
SELECT advised('{"resource":"ExplainVolume","filter":{"n":7,"modality":"CT"},"sort":{"created":"descending"},"limit":3}');
SELECT advised('{"resource":"ExplainVolume","filter":{"note":"note 77*"}}');
SELECT advised('{"resource":"ExplainVolume","filter":{"note":{"$gt":"note 9999"}}}');
SELECT advised('{"resource":"ExplainVolume","filter":{"note":{"$ieq":"NOTE 77"}}}');
SELECT advised('{"resource":"ExplainVolume","sort":{"document.k":"descending"},"limit":3}');
SELECT advised('{"resource":"ExplainVolume","sort":{"n":"ascending"},"limit":3}');
SELECT advised('{"resource":"ExplainPatient","filter":{"birth":"1950-01-08"}}');
SELECT advised('{"resource":"ExplainVolume","join":{"on":{"resource":"ExplainPatient","local":"id","forigen":"patient_id"},"filter":{"birth":"1950-01-08"}}}');
-- none: there is one; no index answers it; the table is too small; most rows match
SELECT advised('{"resource":"ExplainVolume","filter":{"maker":"maker7"}}');
SELECT advised('{"resource":"ExplainVolume","filter":{"n":{"$ne":7}}}');
SELECT advised('{"resource":"ExplainVolume","filter":{"document.k":{"$gt":7}}}');
CREATE TABLE tiny (id int PRIMARY KEY, a int);
INSERT INTO tiny SELECT g, g FROM generate_series(1, 20) g;
ANALYZE tiny;
SELECT vxp.register('ExplainTiny', 'tiny');
SELECT advised('{"resource":"ExplainTiny","filter":{"a":7}}');
SELECT advised('{"resource":"ExplainVolume","filter":{"n":{"$gt":7}}}');
-- without their indexes: GIN and GiST
BEGIN;
DROP INDEX volume_document, volume_lineage, volume_tags;
SELECT advised('{"resource":"ExplainVolume","filter":{"document.status":"s7","document.k":{"$gt":5}}}');
SELECT advised('{"resource":"ExplainVolume","filter":{"$hasAncestor":"patient/7"}}');
SELECT advised('{"resource":"ExplainVolume","filter":{"tags":{"$in":["t7","t8"]}}}');
ROLLBACK;
-- what was advised is only thought of: no index was made, and other plans do not know it
SELECT count(*) FROM pg_index WHERE indrelid IN ('patient'::regclass, 'volume'::regclass);
EXPLAIN (COSTS OFF) SELECT id FROM volume WHERE n = 7;
-- it is an index that serves: made, it is used, and nothing more is advised
CREATE INDEX volume_n ON volume (n);
SELECT served('{"resource":"ExplainVolume","filter":{"n":7}}'), advised('{"resource":"ExplainVolume","filter":{"n":7}}');

-- names that need quotes, a partitioned table, a view
CREATE TABLE "Od d" (id int PRIMARY KEY, "a ""b" text, site int) PARTITION BY HASH (id);
CREATE TABLE part0 PARTITION OF "Od d" FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE part1 (site int, "a ""b" text, id int NOT NULL);
ALTER TABLE "Od d" ATTACH PARTITION part1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO "Od d" SELECT g, 'x' || g, g % 2000 FROM generate_series(1, 20000) g;
CREATE INDEX odd_site ON "Od d" (site);
ANALYZE "Od d";
SELECT vxp.register('ExplainOdd', '"Od d"');
SELECT advised('{"resource":"ExplainOdd","filter":{"a \"b":"x7"}}');
SELECT clause, served_by, index, node, actual_rows FROM vxp.explain('{"resource":"ExplainOdd","filter":{"site":7}}', true) WHERE kind = 'condition';
SELECT clause, served_by, index, actual_rows FROM vxp.explain('{"resource":"ExplainOdd","filter":{"id":7,"site":{"$gt":0}}}', true);
CREATE VIEW shown AS SELECT id AS number, maker AS made_by FROM volume WHERE n < 900;
SELECT vxp.register('ExplainShown', 'shown', id => 'number');
SELECT clause, served_by, index FROM vxp.explain('{"resource":"ExplainShown","filter":{"made_by":"maker7","number":{"$gt":0}}}');

-- versions: an index on the current rows is enough where only these are asked for
SELECT vxp.create_resource_type('ExplainVersioned', 'age int', prefix => 'v', versioned => true);
INSERT INTO explainversioned (identifier, age) SELECT 'v/' || g, g % 1000 FROM generate_series(1, 20000) g;
ANALYZE explainversioned;
SELECT advised('{"resource":"ExplainVersioned","filter":{"age":7}}');
SELECT advised('{"resource":"ExplainVersioned","filter":{"age":7},"versions":"all"}');
SELECT clause, kind, condition, served_by LIKE '%filter' AS served FROM vxp.explain('{"resource":"ExplainVersioned","filter":{"identifier":"v/7"},"asOf":"2000-01-01"}') WHERE kind = 'version';
CREATE INDEX ON explainversioned (age) WHERE valid_to IS NULL;
SELECT clause, served_by, advice FROM vxp.explain('{"resource":"ExplainVersioned","filter":{"age":7}}') WHERE clause <> '$';
SELECT vxp.drop_resource_type('ExplainVersioned');

-- bind variables: for any values, or for these
SELECT clause, condition, served_by, index FROM vxp.explain('{"resource":"ExplainVolume","filter":{"maker":{"$param":1},"n":{"$lt":{"$param":2}}}}');
SELECT clause, served_by, index, actual_rows FROM vxp.explain('{"resource":"ExplainVolume","filter":{"maker":{"$param":1}}}', true, 'maker7');
SELECT * FROM vxp.explain('{"resource":"ExplainVolume","filter":{"maker":{"$param":1}}}', true);
SELECT * FROM vxp.explain('{"resource":"ExplainVolume","filter":{"maker":{"$param":1}}}', false, 'maker7', 7);

-- rights are those of the statement
CREATE ROLE regress_vxp_explain;
GRANT USAGE ON SCHEMA dql_explain TO regress_vxp_explain;
SET ROLE regress_vxp_explain;
SELECT count(*) FROM vxp.explain('{"resource":"ExplainVolume"}');
RESET ROLE;
GRANT SELECT (id, maker) ON volume TO regress_vxp_explain;
SET ROLE regress_vxp_explain;
SELECT count(*) FROM vxp.explain('{"resource":"ExplainVolume","select":["id"],"filter":{"maker":"maker7"}}');
SELECT count(*) FROM vxp.explain('{"resource":"ExplainVolume","select":["id"],"filter":{"n":7}}');
RESET ROLE;
ALTER TABLE volume ENABLE ROW LEVEL SECURITY;
CREATE POLICY makers ON volume TO regress_vxp_explain USING (id <= 15000);
SET ROLE regress_vxp_explain;
SELECT clause, actual_rows FROM vxp.explain('{"resource":"ExplainVolume","select":["id"],"filter":{"maker":"maker7"}}', true) WHERE clause = '$';
RESET ROLE;

-- errors are those of a read
SELECT * FROM vxp.explain(NULL);
SELECT * FROM vxp.explain('{"resource":"ExplainVolume","filter":{"nothing":1}}');
SELECT * FROM vxp.explain('{"resource":"ExplainVolume","filter":{"n":1},"delete":true}');

SET client_min_messages = warning;
DROP SCHEMA dql_explain CASCADE;
DROP ROLE regress_vxp_explain;
