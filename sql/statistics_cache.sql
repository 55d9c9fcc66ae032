--
-- statistics_cache: a session keeps what it has unpacked of statistics
--
-- Covers: estimates are the same when many columns are asked in turn, more than
-- are kept, of lineages and of documents; ANALYZE, its rollback, a dropped table and statistics of another
-- size are seen by the next estimate, in a session that has asked before.
--
CREATE SCHEMA test_stats_cache;
SET search_path = test_stats_cache, vxp;
SET client_min_messages = warning;
-- what statistics say; the index would know the rare ones anyway
SET vxp.estimate_pages = 0;

CREATE FUNCTION estimate(relation regclass, ancestor text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT JSON) SELECT * FROM %s WHERE has_ancestor(path, %L)', relation, ancestor) INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;

-- table n: 100 * n rows below ds/1, which is common in each, of 10,000
CREATE FUNCTION fill(n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE t%s (path lineage) WITH (autovacuum_enabled = off)', n);
	EXECUTE format('INSERT INTO t%s SELECT lineage(ARRAY[''ds/'' || CASE WHEN g <= %s THEN 1 ELSE 2 + g %% 200 END, ''item/'' || g]) FROM generate_series(1, 10000) g', n, 100 * n);
	EXECUTE format('ANALYZE t%s', n);
END $$;
SELECT count(fill(n)) AS tables FROM generate_series(1, 20) n;
CREATE TABLE asked AS SELECT round, n, estimate(format('t%s', n)::regclass, 'ds/1') AS rows FROM generate_series(1, 3) round, generate_series(1, 20) n;
SELECT count(*) AS asked, count(*) FILTER (WHERE rows <> 100 * n) AS wrong FROM asked;

-- another ANALYZE, in this transaction and after it; what is rolled back was never there
SELECT estimate('t1', 'ds/1');
BEGIN;
UPDATE t1 SET path = lineage(ARRAY['ds/1', (labels(path))[2]]) WHERE (labels(path))[2] < 'item/3';
SELECT count(*) FROM t1 WHERE has_ancestor(path, 'ds/1');
SELECT estimate('t1', 'ds/1');
SAVEPOINT s;
ANALYZE t1;
SELECT estimate('t1', 'ds/1');
ROLLBACK TO s;
SELECT estimate('t1', 'ds/1');
ANALYZE t1;
SELECT estimate('t1', 'ds/1');
COMMIT;
SELECT estimate('t1', 'ds/1');

-- statistics of another session
\c -
SET search_path = test_stats_cache, vxp;
SET client_min_messages = warning;
SET vxp.estimate_pages = 0;
SELECT estimate('t1', 'ds/1');

-- no statistics any more, and a table of the same name
DELETE FROM pg_statistic WHERE starelid = 't2'::regclass;
SELECT estimate('t2', 'ds/1') AS by_default;
DROP TABLE t3;
SELECT fill(3);
SELECT estimate('t3', 'ds/1');

-- more than is kept at once: columns with thirty thousand common ancestors each, three rows below each
CREATE FUNCTION fill_big(n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE big%s (path lineage) WITH (autovacuum_enabled = off)', n);
	EXECUTE format('ALTER TABLE big%s ALTER path SET STATISTICS 10000', n);
	EXECUTE format('INSERT INTO big%s SELECT lineage(ARRAY[''a group of items with a long name/'' || g / 3, ''item/'' || g]) FROM generate_series(0, 89999) g', n);
	EXECUTE format('ANALYZE big%s', n);
END $$;
SELECT count(fill_big(n)) AS tables FROM generate_series(1, 3) n;
SELECT count(*) AS common FROM pg_stats, unnest(most_common_elems::text::text[]) WHERE schemaname = 'test_stats_cache' AND tablename = 'big1';
CREATE TABLE asked_big AS
SELECT n, estimate(format('big%s', n)::regclass, 'a group of items with a long name/77') AS rows FROM generate_series(1, 4) round, generate_series(1, 3) n;
SELECT count(*) AS asked, count(*) FILTER (WHERE rows <> 3) AS wrong FROM asked_big;
-- what is kept of them
SELECT count(*) BETWEEN 1 AND 16 AS columns, sum(total_bytes) < 8 * 1024 * 1024 AS bytes FROM pg_backend_memory_contexts WHERE name = 'vxp statistics';

-- documents: common ones and bounds of a histogram, then the latter alone, the former alone, and neither
CREATE FUNCTION matching(relation regclass, filter text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT JSON) SELECT * FROM %s WHERE matches(document, %L)', relation, filter) INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;
CREATE TABLE doc (document jsonb) WITH (autovacuum_enabled = off);
INSERT INTO doc SELECT CASE WHEN g <= 2000 THEN '{"kind": "common"}' ELSE jsonb_build_object('kind', CASE WHEN md5(g::text) < '8' THEN 'k0' ELSE 'k1' END, 'n', g) END FROM generate_series(1, 10000) g;
SELECT matching('doc', '{"filter": {"kind": "common"}}') BETWEEN 1 AND 1000 AS unknown;
ANALYZE doc;
SELECT matching('doc', '{"filter": {"kind": "common"}}') AS common, matching('doc', '{"filter": {"kind": "k1"}}') BETWEEN 3000 AND 5000 AS half;
SELECT matching('doc', '{"filter": {"kind": "common"}}') AS common, matching('doc', '{"filter": {"kind": "k1"}}') BETWEEN 3000 AND 5000 AS half;
UPDATE doc SET document = '{"kind": "k1"}' WHERE document ->> 'kind' = 'common';
ANALYZE doc;
SELECT matching('doc', '{"filter": {"kind": "common"}}') < 10 AS common, matching('doc', '{"filter": {"kind": "k1"}}') BETWEEN 5500 AND 6500 AS half;
TRUNCATE doc;
INSERT INTO doc SELECT '{"kind": "common"}' FROM generate_series(1, 1000);
ANALYZE doc;
SELECT matching('doc', '{"filter": {"kind": "common"}}') AS common, matching('doc', '{"filter": {"kind": "k1"}}') AS half;
UPDATE doc SET document = NULL;
ANALYZE doc;
SELECT matching('doc', '{"filter": {"kind": "common"}}') AS common, matching('doc', '{"filter": {"kind": null}}') AS none;
DROP SCHEMA test_stats_cache CASCADE;
