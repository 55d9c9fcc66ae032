--
-- dql_contexts: a DQL call may stand wherever a subselect may
--
-- Each statement of a list is run three times: as it is (planned as part of the
-- statement), with vxp.enable_inlining off, and with the subselect that a person
-- would have written.  The rows must agree, and the first and the last must have
-- the same plan.  Printed are deviations, of which there are none, and counts
-- that prove the lists are not empty.
--
CREATE SCHEMA dql_contexts;
SET search_path = dql_contexts;
SET client_min_messages = warning;

-- plans are those of what was analysed once, also on a slow server, where autovacuum comes by
CREATE TABLE patient (id text PRIMARY KEY, sex text NOT NULL) WITH (autovacuum_enabled = off);
INSERT INTO patient SELECT 'p' || g, CASE WHEN g % 3 = 0 THEN 'M' ELSE 'F' END FROM generate_series(1, 40) g;
-- dropped columns before, between and after those that are used
CREATE TABLE volume (
	gone_first text,
	id int PRIMARY KEY,
	patient_id text NOT NULL,
	modality text,
	gone_middle text,
	thickness numeric,
	tags text[],
	created timestamptz NOT NULL,
	note text,
	gone_last text DEFAULT 'x'
) WITH (autovacuum_enabled = off);
INSERT INTO volume (gone_first, id, patient_id, modality, gone_middle, thickness, tags, created, note)
SELECT 'a', g, 'p' || (1 + g % 50), (ARRAY['MR', 'CT', 'US', NULL])[1 + g % 4], 'b', (g % 7) * 0.5,
	CASE WHEN g % 5 > 0 THEN ARRAY['t' || g % 3, 't' || g % 11] END,
	'2024-01-01T00:00:00Z'::timestamptz + g * interval '1 hour', NULLIF(repeat('n', g % 4), '')
FROM generate_series(1, 400) g;
ALTER TABLE volume DROP gone_first, DROP gone_middle, DROP gone_last;
ALTER TABLE volume ADD added int DEFAULT 7;
CREATE INDEX ON volume (patient_id);
CREATE INDEX ON volume (created);
-- the same without dropped columns
CREATE TABLE series (LIKE volume INCLUDING ALL) WITH (autovacuum_enabled = off);
INSERT INTO series SELECT * FROM volume;
VACUUM ANALYZE patient, volume, series;
SELECT vxp.register('ContextPatient', 'patient'), vxp.register('ContextVolume', 'volume'), vxp.register('ContextSeries', 'series');

-- what {alias} in a statement stands for
CREATE TABLE request (name text PRIMARY KEY, dql text NOT NULL, plain text NOT NULL, relation regclass NOT NULL DEFAULT 'volume');
INSERT INTO request VALUES
	('all', '{}', 'SELECT * FROM volume {v}'),
	('filter', '{"filter":{"modality":"MR","thickness":{"$gt":1}}}',
	 $$SELECT * FROM volume {v} WHERE {v}.modality = 'MR' AND {v}.thickness > 1::numeric$$),
	('one', '{"filter":{"id":47}}', 'SELECT * FROM volume {v} WHERE {v}.id = 47'),
	('none', '{"filter":{"id":-1}}', 'SELECT * FROM volume {v} WHERE {v}.id = -1'),
	('not', '{"filter":{"$nor":[{"modality":"MR"},{"id":{"$in":[5,6,7]}}]}}',
	 $$SELECT * FROM volume {v} WHERE (({v}.modality = 'MR'::text OR {v}.id = ANY ('{5,6,7}'::int[])) IS NOT TRUE)$$),
	('element', '{"filter":{"tags":{"$gt":"t5"}}}',
	 $$SELECT * FROM volume {v} WHERE EXISTS (SELECT FROM unnest({v}.tags) element(element) WHERE element.element COLLATE "C" > 't5'::text)$$),
	('page', '{"filter":{"modality":{"$ne":null}},"sort":{"thickness":"descending"},"limit":60,"skip":3}',
	 $$SELECT * FROM volume {v} WHERE {v}.modality IS NOT NULL ORDER BY {v}.thickness DESC NULLS LAST, {v}.id OFFSET 3::bigint LIMIT 60::bigint$$);
INSERT INTO request SELECT name || ', no dropped column', dql, replace(plain, 'volume', 'series'), 'series'
FROM request WHERE name IN ('filter', 'page');

-- {v} is the call under the alias v.  result: the query that shows what a
-- statement without rows did.  plain: where the call has no subselect that could
-- stand in its place, the statement without it, and the plans differ.
CREATE TABLE statement (n int GENERATED ALWAYS AS IDENTITY, form text NOT NULL, sql text NOT NULL, result text, plain text);
INSERT INTO statement (form, sql) VALUES
	('plain', 'SELECT * FROM {v}'),
	('no column', 'SELECT count(*) FROM {v}'),
	('zero columns', 'SELECT FROM {v}'),
	('one column', 'SELECT v.note FROM {v}'),
	('where', 'SELECT id FROM {v} WHERE v.thickness < 2 AND patient_id = ''p12'''),
	('group', 'SELECT modality, count(*), sum(thickness) FROM {v} GROUP BY 1'),
	('having', 'SELECT patient_id FROM {v} GROUP BY 1 HAVING count(*) > 1'),
	('comma join', 'SELECT v.id, p.sex FROM {v}, patient p WHERE p.id = v.patient_id AND p.sex = ''M'''),
	('join using', 'SELECT id, modality, q.n FROM {v} JOIN (SELECT id, length(note) AS n FROM volume) q USING (id)'),
	('join using, whole row of join', 'SELECT j FROM ({v} JOIN (SELECT id, note AS n FROM volume) q USING (id)) j'),
	('natural join', 'SELECT * FROM {v} NATURAL JOIN (SELECT id, added FROM volume WHERE id % 2 = 0) q'),
	('left join, call left', 'SELECT v.id, p.sex FROM {v} LEFT JOIN patient p ON p.id = v.patient_id'),
	('left join, call right', 'SELECT p.id, v.id, v.added FROM patient p LEFT JOIN {v} ON p.id = v.patient_id'),
	('full join', 'SELECT p.id, v.id FROM patient p FULL JOIN {v} ON p.id = v.patient_id'),
	('right join, using', 'SELECT id, q.n, v.note FROM {v} RIGHT JOIN (SELECT id, patient_id AS n FROM volume) q USING (id)'),
	('self join', 'SELECT v.id, w.id FROM {v} JOIN {w} ON v.patient_id = w.patient_id AND v.id < w.id'),
	('self join with alias of join', 'SELECT j.a, j.b FROM ({v} JOIN {w} USING (patient_id)) j(patient_id, a, m1, t1, g1, c1, n1, d1, b)'),
	('lateral, call left', 'SELECT v.id, l.n FROM {v}, LATERAL (SELECT count(*) AS n FROM patient p WHERE p.id = v.patient_id) l'),
	('lateral, call inside', 'SELECT p.id, l.m FROM patient p, LATERAL (SELECT max(v.created) AS m FROM {v} WHERE v.patient_id = p.id) l'),
	('lateral left join', 'SELECT p.id, l.id FROM patient p LEFT JOIN LATERAL (SELECT * FROM {v} WHERE v.patient_id = p.id ORDER BY created DESC LIMIT 2) l ON true'),
	('cte', 'WITH c AS (SELECT * FROM {v}) SELECT patient_id, count(*) FROM c GROUP BY 1'),
	('cte materialized', 'WITH c AS MATERIALIZED (SELECT * FROM {v}) SELECT * FROM c WHERE id < 100'),
	('cte twice', 'WITH c AS (SELECT id, patient_id FROM {v}) SELECT a.id FROM c a JOIN c b USING (patient_id) WHERE a.id > b.id'),
	('recursive, first term', 'WITH RECURSIVE r(id, n) AS (SELECT id, 1 FROM {v} WHERE id < 50 UNION ALL SELECT id + 1, n + 1 FROM r WHERE n < 3) SELECT * FROM r'),
	('recursive, second term', 'WITH RECURSIVE r(id) AS (SELECT 40 UNION SELECT v.id FROM r JOIN {v} ON v.id BETWEEN r.id + 1 AND r.id + 8) SELECT * FROM r'),
	('in', 'SELECT id FROM patient WHERE id IN (SELECT patient_id FROM {v})'),
	('in, correlated', 'SELECT id FROM patient p WHERE sex IN (SELECT ''F'' FROM {v} WHERE v.patient_id = p.id)'),
	('not in', 'SELECT id FROM patient WHERE id NOT IN (SELECT patient_id FROM {v})'),
	('exists', 'SELECT id FROM patient p WHERE EXISTS (SELECT FROM {v} WHERE v.patient_id = p.id)'),
	('exists, two deep', 'SELECT id FROM patient p WHERE EXISTS (SELECT FROM volume o WHERE o.patient_id = p.id AND EXISTS (SELECT FROM {v} WHERE v.id = o.id AND v.patient_id <> p.sex))'),
	('not exists', 'SELECT id FROM patient p WHERE NOT EXISTS (SELECT FROM {v} WHERE v.patient_id = p.id)'),
	('or exists', 'SELECT id FROM patient p WHERE p.sex = ''M'' OR EXISTS (SELECT FROM {v} WHERE v.patient_id = p.id)'),
	('any', 'SELECT id FROM patient WHERE id = ANY (SELECT patient_id FROM {v} WHERE id < 200)'),
	('all', 'SELECT id FROM volume WHERE id >= ALL (SELECT id FROM {v})'),
	('row in', 'SELECT id FROM volume WHERE (id, patient_id) IN (SELECT id, patient_id FROM {v})'),
	('scalar subselect', 'SELECT p.id, (SELECT count(*) FROM {v} WHERE v.patient_id = p.id) FROM patient p'),
	('scalar subselect, whole row', 'SELECT p.id, (SELECT v FROM {v} WHERE v.patient_id = p.id ORDER BY id LIMIT 1) FROM patient p'),
	('array subselect', 'SELECT ARRAY(SELECT id FROM {v} ORDER BY 1)'),
	('array subselect, correlated', 'SELECT p.id, ARRAY(SELECT v.id FROM {v} WHERE v.patient_id = p.id ORDER BY 1) FROM patient p'),
	('outer aggregate', 'SELECT sex, (SELECT count(*) FROM {v} WHERE v.id < count(p.id)) FROM patient p GROUP BY sex'),
	('union', 'SELECT patient_id FROM {v} UNION SELECT id FROM patient'),
	('union all', 'SELECT id, note FROM {v} UNION ALL SELECT id, note FROM {w}'),
	('union all, filter above', 'SELECT * FROM (SELECT id, note FROM {v} UNION ALL SELECT id, modality FROM {w}) u WHERE id < 60'),
	('except', 'SELECT id FROM volume EXCEPT SELECT id FROM {v}'),
	('intersect all', 'SELECT patient_id FROM {v} INTERSECT ALL SELECT patient_id FROM volume WHERE id < 30'),
	('values and call', 'SELECT v.id, x.n FROM {v} JOIN (VALUES (47, ''a''), (5, ''b'')) x(id, n) USING (id)'),
	('rollup', 'SELECT modality, patient_id, count(*) FROM {v} GROUP BY ROLLUP (modality, patient_id)'),
	('cube with grouping', 'SELECT modality, thickness, grouping(modality, thickness), count(*) FROM {v} GROUP BY CUBE (modality, thickness)'),
	('window', 'SELECT id, row_number() OVER (PARTITION BY patient_id ORDER BY id), sum(thickness) OVER w FROM {v} WINDOW w AS (PARTITION BY modality)'),
	('distinct', 'SELECT DISTINCT modality, thickness FROM {v}'),
	('distinct on', 'SELECT DISTINCT ON (patient_id) patient_id, id, created FROM {v} ORDER BY patient_id, created DESC, id'),
	('order, limit', 'SELECT id FROM {v} ORDER BY created DESC LIMIT 5'),
	('order, fetch with ties', 'SELECT thickness FROM {v} ORDER BY thickness NULLS FIRST FETCH FIRST 3 ROWS WITH TIES'),
	('unnest', 'SELECT v.id, t FROM {v}, unnest(v.tags) t'),
	('set-returning in list', 'SELECT v.id, unnest(v.tags) FROM {v}'),
	('filter clause', 'SELECT count(*) FILTER (WHERE v.added = 7), array_agg(v.id ORDER BY v.id) FROM {v}'),
	('whole row', 'SELECT v FROM {v}'),
	('whole row to json', 'SELECT to_jsonb(v) FROM {v}'),
	('whole row star', 'SELECT (v).* FROM {v}'),
	('whole row is null', 'SELECT v IS NULL, v IS NOT NULL, count(*) FROM patient p LEFT JOIN {v} ON p.id = v.patient_id GROUP BY 1, 2'),
	('renamed columns', 'SELECT a, v.b FROM {v}(a, b, c)'),
	('subselect around', 'SELECT s.id FROM (SELECT * FROM {v} OFFSET 0) s WHERE s.note IS NULL'),
	('tablesample beside', 'SELECT v.id FROM {v} JOIN patient p TABLESAMPLE bernoulli (100) ON p.id = v.patient_id'),
	('for update of another', 'SELECT p.id, v.id FROM patient p JOIN {v} ON v.patient_id = p.id FOR UPDATE OF p'),
	('dml in cte', 'WITH d AS (DELETE FROM patient p USING {v} WHERE v.patient_id = p.id RETURNING p.id, v.id AS v) SELECT * FROM d'),
	('update from, returning', 'UPDATE patient p SET sex = v.note FROM {v} WHERE v.patient_id = p.id AND v.note = ''n'' RETURNING p.id, p.sex'),
	('update from, returning whole row', 'UPDATE volume t SET note = ''changed'' FROM {v} WHERE v.id = t.id RETURNING v, t.note'),
	('delete using, returning', 'DELETE FROM volume t USING {v} WHERE v.id = t.id AND v.thickness > 2 RETURNING t.id, v.note'),
	('delete where in', 'DELETE FROM volume WHERE id IN (SELECT id FROM {v}) RETURNING id'),
	('insert select, returning', 'INSERT INTO patient SELECT ''new'' || id, coalesce(note, ''-'') FROM {v} RETURNING *');
INSERT INTO statement (form, sql, result) VALUES
	('update set row', 'UPDATE patient p SET (sex) = (SELECT coalesce(max(v.note), ''-'') FROM {v} WHERE v.patient_id = p.id)', 'SELECT * FROM patient'),
	('insert, on conflict', 'INSERT INTO patient SELECT DISTINCT patient_id, ''S'' FROM {v} ON CONFLICT (id) DO UPDATE SET sex = excluded.sex || (SELECT count(*) FROM {w})', 'SELECT * FROM patient'),
	('merge', 'MERGE INTO patient p USING (SELECT DISTINCT patient_id FROM {v}) s ON s.patient_id = p.id
		WHEN MATCHED AND p.sex = ''M'' THEN DELETE WHEN MATCHED THEN UPDATE SET sex = ''G'' WHEN NOT MATCHED THEN INSERT VALUES (s.patient_id, ''N'')', 'SELECT * FROM patient'),
	('merge, call is the source', 'MERGE INTO volume t USING {v} ON v.id = t.id
		WHEN MATCHED AND v.thickness > 1 THEN DELETE WHEN MATCHED THEN UPDATE SET note = v.patient_id', 'SELECT * FROM volume'),
	('create table as', 'CREATE TABLE made AS SELECT id, note FROM {v}', 'SELECT * FROM made');
INSERT INTO statement (form, sql, plain) VALUES
	('with ordinality', 'SELECT o, count(*) FROM {f} WITH ORDINALITY x(a, b, c, d, e, f, g, h, o) GROUP BY o',
	 'SELECT o, count(*) FROM (SELECT *, row_number() OVER () AS o FROM {v}) x GROUP BY o'),
	('rows from', 'SELECT count(*), count(x.id), count(n) FROM ROWS FROM ({f}, generate_series(1, 5)) x(id, b, c, d, e, f, g, h, n)',
	 'SELECT greatest(count(*), 5), count(*), 5 FROM {v}'),
	('select list', 'SELECT {f}', 'SELECT v FROM {v}'),
	('select list, star', 'SELECT ({f}).*', 'SELECT * FROM {v}'),
	('select list beside rows', 'SELECT p.id, ({f}).id FROM patient p WHERE p.id < ''p12''', 'SELECT p.id, v.id FROM patient p, {v} WHERE p.id < ''p12'''),
	('request from a subselect', 'SELECT v.id FROM (SELECT {d}::vxp.dql AS d OFFSET 0) s, vxp.query(NULL::{t}, s.d) v', 'SELECT id FROM {v}'),
	('request from a scalar subselect', 'SELECT v.id FROM vxp.query(NULL::{t}, (SELECT {d}::vxp.dql)) v', 'SELECT id FROM {v}'),
	('request constant after pull-up', 'SELECT v.* FROM (SELECT {d}::vxp.dql AS d) s, LATERAL vxp.query(NULL::{t}, s.d) v', 'SELECT * FROM {v}');

-- the statement with its calls ("dql") or with the plain subselects
CREATE FUNCTION spelled(template text, request request, plain boolean) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	alias text;
BEGIN
	FOREACH alias IN ARRAY ARRAY['v', 'w'] LOOP
		template := replace(template, '{' || alias || '}',
			CASE WHEN plain THEN format('(%s) %s', replace(request.plain, '{v}', alias), alias)
				ELSE format('vxp.query(NULL::%s, %L) %s', request.relation, request.dql, alias) END);
	END LOOP;
	template := replace(template, '{f}', format('vxp.query(NULL::%s, %L)', request.relation, request.dql));
	template := replace(template, '{t}', request.relation::text);
	RETURN replace(template, '{d}', quote_literal(request.dql));
END $$;

-- rows of a statement, or of "result" behind it, sorted; what it wrote is undone
CREATE FUNCTION rows_of(statement text, result text, inlining boolean) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
	rows text[] := '{}';
	r record;
BEGIN
	PERFORM set_config('vxp.enable_inlining', inlining::text, true);
	BEGIN
		IF result IS NOT NULL THEN
			EXECUTE statement;
			statement := result;
		END IF;
		FOR r IN EXECUTE statement LOOP
			rows := rows || regexp_replace(r::text, '\n', ' ', 'g');
		END LOOP;
		RAISE EXCEPTION 'undo' USING ERRCODE = 'UX001';
	EXCEPTION
		WHEN SQLSTATE 'UX001' THEN
		WHEN OTHERS THEN rows := ARRAY['error: ' || SQLERRM];
	END;
	PERFORM set_config('vxp.enable_inlining', 'on', true);
	RETURN ARRAY(SELECT unnest(rows) ORDER BY 1);
END $$;

-- without "v." before columns: EXPLAIN leaves it out where the statement has one table, but counts a subselect around it
CREATE FUNCTION plan_of(statement text, inlining boolean DEFAULT true) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	PERFORM set_config('vxp.enable_inlining', inlining::text, true);
	EXECUTE 'EXPLAIN (FORMAT JSON, COSTS OFF) ' || statement INTO plan;
	PERFORM set_config('vxp.enable_inlining', 'on', true);
	RETURN regexp_replace(plan::text, '\m[vw]\.', '', 'g');
END $$;

CREATE TABLE outcome AS
SELECT form, request.name AS request, statement.plain IS NOT NULL AS alone,
	rows_of(spelled(sql, request, false), result, true) AS inlined,
	rows_of(spelled(sql, request, false), result, false) AS executed,
	rows_of(spelled(coalesce(statement.plain, sql), request, true), result, true) AS written,
	plan_of(spelled(sql, request, false)) AS inlined_plan,
	plan_of(spelled(sql, request, false), false) AS executed_plan,
	plan_of(spelled(coalesce(statement.plain, sql), request, true)) AS written_plan
FROM statement, request;
SELECT count(*) = (SELECT count(*) FROM statement) * (SELECT count(*) FROM request) AS all_ran, count(DISTINCT form) AS forms FROM outcome;
-- each form had rows to compare
SELECT form FROM outcome GROUP BY form HAVING sum(cardinality(written)) = 0;
-- none failed
SELECT form, request, written FROM outcome WHERE written[1] LIKE 'error%';
-- deviations in rows
SELECT form, request, cardinality(inlined) AS inlined, cardinality(executed) AS executed, cardinality(written) AS written
FROM outcome WHERE inlined <> written OR executed <> written ORDER BY 1, 2;
-- deviations in plans; where a limit keeps the subselect apart, one that gives the
-- places of dropped columns too has a Subquery Scan above it, which costs nothing
SELECT form, request FROM outcome
WHERE NOT alone AND inlined_plan <> written_plan AND NOT (request = 'page' AND inlined_plan LIKE '%Subquery Scan%')
ORDER BY 1, 2;
SELECT request, count(*) AS plans_compared FROM outcome WHERE NOT alone AND inlined_plan = written_plan GROUP BY 1 ORDER BY 1;
-- no call was left in the plan, and with inlining off there was one
SELECT form, request FROM outcome WHERE NOT alone AND inlined_plan LIKE '%Function Name": "query"%' ORDER BY 1, 2;
SELECT form, request FROM outcome WHERE NOT alone AND executed_plan NOT LIKE '%Function Name": "query"%' ORDER BY 1, 2;

-- statements that no function can run
COPY (SELECT id, modality, added FROM vxp.query(NULL::volume, '{"filter":{"id":{"$lt":4}},"sort":{"id":"desc"}}')) TO STDOUT;
SET vxp.enable_inlining = off;
COPY (SELECT id, modality, added FROM vxp.query(NULL::volume, '{"filter":{"id":{"$lt":4}},"sort":{"id":"desc"}}')) TO STDOUT;
RESET vxp.enable_inlining;
-- EXPLAIN ANALYZE, without what 18 adds
CREATE FUNCTION analyzed(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, BUFFERS OFF, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || statement LOOP
		CONTINUE WHEN line ~ 'Index Searches:';
		RETURN NEXT regexp_replace(line, 'rows=(\d+)\.00', 'rows=\1');
	END LOOP;
END $$;
SELECT analyzed('SELECT v.patient_id FROM vxp.query(NULL::volume, ''{"filter":{"id":{"$in":[4,8,12]},"modality":{"$ne":"CT"}}}'') v JOIN patient p ON p.id = v.patient_id');

BEGIN;
DECLARE s SCROLL CURSOR FOR SELECT id FROM vxp.query(NULL::volume, '{"filter":{"id":{"$lte":5}},"sort":{"id":1}}');
FETCH LAST FROM s;
FETCH BACKWARD 2 FROM s;
FETCH ABSOLUTE 1 FROM s;
DECLARE h CURSOR WITH HOLD FOR SELECT v FROM vxp.query(NULL::volume, '{"filter":{"id":{"$lte":2}},"sort":{"id":1}}') v;
DECLARE i SCROLL CURSOR WITH HOLD FOR SELECT i->'id' FROM vxp.items('{"resource":"ContextVolume","filter":{"id":{"$lte":3}},"sort":{"id":1}}') i;
SET LOCAL vxp.enable_inlining = off;
DECLARE e SCROLL CURSOR WITH HOLD FOR SELECT id FROM vxp.query(NULL::volume, '{"filter":{"id":{"$lte":5}},"sort":{"id":1}}');
FETCH LAST FROM e;
FETCH BACKWARD 2 FROM e;
COMMIT;
FETCH ALL FROM h;
FETCH LAST FROM i;
FETCH PRIOR FROM i;
FETCH FIRST FROM e;
CLOSE ALL;
-- a cursor sees the rows of its beginning, and WHERE CURRENT OF is refused as for any subselect
BEGIN;
DECLARE c CURSOR FOR SELECT note FROM vxp.query(NULL::volume, '{"filter":{"id":3}}');
UPDATE volume SET note = 'later' WHERE id = 3;
FETCH ALL FROM c;
SELECT note FROM vxp.query(NULL::volume, '{"filter":{"id":3}}');
ROLLBACK;

CREATE MATERIALIZED VIEW kept AS SELECT id, note FROM vxp.query(NULL::volume, '{"filter":{"id":{"$lt":3}}}');
UPDATE volume SET note = 'new' WHERE id = 2;
REFRESH MATERIALIZED VIEW kept;
SELECT * FROM kept ORDER BY 1;

-- a statement sees what the statement before it wrote, and not what it writes itself
BEGIN;
INSERT INTO volume (id, patient_id, created) SELECT id + 1000, patient_id, created FROM vxp.query(NULL::volume, '{}');
SELECT count(*) FROM vxp.query(NULL::volume, '{}');
SET LOCAL vxp.enable_inlining = off;
INSERT INTO volume (id, patient_id, created) SELECT id + 2000, patient_id, created FROM vxp.query(NULL::volume, '{}');
SELECT count(*) FROM vxp.query(NULL::volume, '{}');
ROLLBACK;

-- the first statement of a session finds the library not loaded
CREATE VIEW mr AS SELECT * FROM vxp.query(NULL::volume, '{"filter":{"modality":"MR"}}');
CREATE FUNCTION body() RETURNS SETOF int STABLE BEGIN ATOMIC
	SELECT id FROM vxp.query(NULL::volume, '{"filter":{"modality":"MR"}}');
END;
\c -
SET search_path = dql_contexts;
EXPLAIN (COSTS OFF) SELECT note FROM mr WHERE id = 8;
\c -
SET search_path = dql_contexts;
EXPLAIN (COSTS OFF) SELECT * FROM body() b WHERE b = 8;
\c -
SET search_path = dql_contexts;
DO $$
DECLARE
	line text;
BEGIN
	FOR line IN EXPLAIN (COSTS OFF) SELECT id FROM vxp.query(NULL::volume, '{"filter":{"id":8}}') LOOP
		RAISE INFO '%', line;
	END LOOP;
END $$;
\c -
SET search_path = dql_contexts;
EXPLAIN (COSTS OFF) SELECT note FROM volume('{"filter":{"id":8}}');
\c -
SET search_path = dql_contexts;
EXPLAIN (COSTS OFF) SELECT i FROM vxp.items('{"resource":"ContextVolume","filter":{"id":8}}') i;
\c -
SET search_path = dql_contexts;
SET plan_cache_mode = auto;
PREPARE by_text(text) AS SELECT id FROM vxp.query(NULL::volume, $1);
EXPLAIN (COSTS OFF) EXECUTE by_text('{"filter":{"id":8}}');
\c -
SET search_path = dql_contexts;
SET plan_cache_mode = auto;
PREPARE by_varchar(varchar) AS SELECT id FROM vxp.query(NULL::volume, $1);
EXPLAIN (COSTS OFF) EXECUTE by_varchar('{"filter":{"id":8}}');
\c -
SET search_path = dql_contexts;
SET plan_cache_mode = auto;
PREPARE by_jsonb(jsonb) AS SELECT id FROM vxp.query(NULL::volume, $1);
EXPLAIN (COSTS OFF) EXECUTE by_jsonb('{"filter":{"id":8}}');
\c -
SET search_path = dql_contexts;
SET plan_cache_mode = auto;
PREPARE by_dql(vxp.dql) AS SELECT id FROM vxp.query(NULL::volume, $1);
EXPLAIN (COSTS OFF) EXECUTE by_dql('{"filter":{"id":8}}');

-- a request that is a parameter: each execution has its own plan
DO $$
BEGIN
	FOR i IN 1..10 LOOP
		EXECUTE format('EXECUTE by_dql(%L)', format('{"filter":{"id":%s}}', i));
	END LOOP;
END $$;
SELECT name, generic_plans, custom_plans FROM pg_prepared_statements WHERE name = 'by_dql';
-- and with a generic plan, which cannot know it, the same rows
SET plan_cache_mode = force_generic_plan;
EXECUTE by_dql('{"filter":{"id":8}}');
EXECUTE by_dql('{"filter":{"id":{"$lt":4}},"sort":{"id":"desc"}}');
EXECUTE by_dql(NULL);
EXECUTE by_dql('{"filter":{"nowhere":8}}');

-- bind variables keep a generic plan whole: from the statement, and from a neighbour
PREPARE bound(int, text) AS SELECT id, modality FROM vxp.query(NULL::volume, '{"filter":{"id":{"$param":1},"modality":{"$param":2}}}', $1, $2);
EXPLAIN (COSTS OFF) EXECUTE bound(8, 'MR');
EXECUTE bound(8, 'MR');
EXECUTE bound(8, 'CT');
EXECUTE bound(7, NULL);
RESET plan_cache_mode;
EXECUTE bound(7, NULL);
SET vxp.enable_inlining = off;
EXECUTE bound(7, NULL);
RESET vxp.enable_inlining;
EXPLAIN (COSTS OFF)
SELECT p.id, v.id FROM patient p, vxp.query(NULL::volume, '{"filter":{"patient_id":{"$param":1}}}', p.id) v WHERE p.id = 'p7';
EXPLAIN (COSTS OFF)
SELECT p.id, v.id FROM (SELECT * FROM patient LIMIT 3) p, vxp.query(NULL::volume, '{"filter":{"patient_id":{"$param":1}}}', p.id) v;
CREATE TABLE lateral_rows AS
SELECT p.id AS p, v.id AS v FROM patient p, vxp.query(NULL::volume, '{"filter":{"patient_id":{"$param":1}},"sort":{"created":"desc"},"limit":3}', p.id) v;
SELECT count(*) FROM lateral_rows;
SELECT * FROM lateral_rows EXCEPT ALL
SELECT p.id, l.id FROM patient p, LATERAL (SELECT * FROM volume WHERE patient_id = p.id ORDER BY created DESC LIMIT 3) l;
SET vxp.enable_inlining = off;
SELECT p.id AS p, v.id AS v FROM patient p, vxp.query(NULL::volume, '{"filter":{"patient_id":{"$param":1}},"sort":{"created":"desc"},"limit":3}', p.id) v
EXCEPT ALL SELECT * FROM lateral_rows;
RESET vxp.enable_inlining;
-- a bind variable two levels up, in an aggregate of the outer query, and on the nullable side
SELECT count(*), sum(n) FROM (
	SELECT (SELECT count(*) FROM (SELECT 1 FROM vxp.query(NULL::volume, '{"filter":{"patient_id":{"$param":1}}}', p.id) v OFFSET 0) s) AS n FROM patient p) x;
SELECT sex, (SELECT count(*) FROM vxp.query(NULL::volume, '{"filter":{"id":{"$lte":{"$param":1}}}}', count(p.id)) v) FROM patient p GROUP BY 1 ORDER BY 1;
SELECT count(*), count(v.id) FROM patient p LEFT JOIN LATERAL vxp.query(NULL::volume, '{"filter":{"patient_id":{"$param":1},"modality":{"$param":2}}}', p.id, p.sex) v ON true;

-- partitions: pruned when planned, by the filter and by the outer condition, and when run
CREATE TABLE site_volume (id int NOT NULL, site text NOT NULL, note text, PRIMARY KEY (site, id)) PARTITION BY LIST (site);
CREATE TABLE site_a PARTITION OF site_volume FOR VALUES IN ('a');
CREATE TABLE site_b PARTITION OF site_volume FOR VALUES IN ('b');
CREATE TABLE site_c (note text, id int NOT NULL, site text NOT NULL);
ALTER TABLE site_volume ATTACH PARTITION site_c FOR VALUES IN ('c');
INSERT INTO site_volume SELECT g, chr(97 + g % 3), 'n' || g FROM generate_series(1, 30) g;
SELECT vxp.register('SiteVolume', 'site_volume', id => 'id');
SET enable_bitmapscan = off;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT note FROM vxp.query(NULL::site_volume, '{"filter":{"id":5}}') v WHERE site = 'c';
EXPLAIN (COSTS OFF) SELECT note FROM vxp.query(NULL::site_volume, '{"filter":{"site":{"$in":["a","z"]},"id":6}}') v;
SELECT v.* FROM vxp.query(NULL::site_volume, '{"filter":{"id":5}}') v WHERE site = 'c';
PREPARE pruned(text) AS SELECT note FROM vxp.query(NULL::site_volume, '{"filter":{"site":{"$param":1},"id":5}}', $1);
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE pruned('c');
EXECUTE pruned('c');
RESET plan_cache_mode;
RESET enable_bitmapscan;
RESET enable_seqscan;

-- an order and a limit of the statement reach the index
EXPLAIN (COSTS OFF) SELECT id FROM vxp.query(NULL::volume, '{"filter":{"modality":{"$ne":"CT"}}}') v ORDER BY created DESC LIMIT 5;
EXPLAIN (COSTS OFF) SELECT id FROM vxp.query(NULL::series, '{"sort":{"created":"descending"},"limit":5}') v;
-- a bare call does not sort
EXPLAIN (COSTS OFF) SELECT id FROM vxp.query(NULL::volume, '{}') v;

SET client_min_messages = warning;
DROP SCHEMA dql_contexts CASCADE;
