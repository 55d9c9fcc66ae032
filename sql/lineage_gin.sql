--
-- lineage_gin: an index must never change an answer
--
-- Covers: GIN with and without include_self: bitmap and sequential answers
-- equal for every operator; build, inserts in random order (pending list and
-- tree), updates, deletes and VACUUM; NULL, roots without ancestors, 1,000
-- levels, lists with NULL, empty lists.
--
CREATE SCHEMA test_gin;
SET search_path = test_gin, vxp, public;
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET jit = off;

SELECT opcname, amvalidate(c.oid) FROM pg_opclass c WHERE opcname = 'gin_lineage_ops';

-- a number in [0, n) that depends on the seeds only
CREATE FUNCTION pick(a bigint, b bigint, n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN abs(pg_catalog.hashint8extended(a, b) % n);

-- A random forest.  Parents are skewed to the early nodes; inner labels come
-- from a small stock, so that one identifier has several places, some of them
-- on one path; every 50th row has no lineage.
CREATE FUNCTION forest(n int, seed bigint) RETURNS TABLE (id int, path lineage) LANGUAGE plpgsql AS $$
DECLARE
	paths lineage[];
	up lineage;
BEGIN
	FOR i IN 1 .. n LOOP
		up := CASE WHEN i > 4 THEN paths[1 + (power(pick(i, seed, 1000000) / 1e6, 3) * (i - 1))::int] END;
		IF up IS NULL OR depth(up) > 12 THEN
			path := lineage(ARRAY['datasource/' || pick(i, seed + 1, 6)]);
		ELSIF i % 10 < 3 THEN
			path := up || (CASE pick(i, seed + 2, 3) WHEN 0 THEN 'patient/' WHEN 1 THEN 'study/' ELSE '' END
						   || pick(i, seed + 3, 400));
		ELSE
			path := up || ('volume/' || i);
		END IF;
		paths[i] := path;
		id := i;
		IF i % 50 = 0 THEN path := NULL; END IF;
		RETURN NEXT;
	END LOOP;
END $$;

CREATE FUNCTION node_types(plan jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE
RETURN ARRAY(SELECT v #>> '{}' FROM jsonb_path_query(plan, '$.**."Node Type"') v);

-- Asks both kinds of plan each question about labels of the table (and some it
-- has not); a line for each operator with the questions that differed.
CREATE FUNCTION ask(tab regclass, seed int) RETURNS TABLE (operator text, asked bigint, answered boolean, wrong text[]) LANGUAGE plpgsql AS $$
DECLARE
	q record;
	plan jsonb;
BEGIN
	CREATE TEMP TABLE verdict (op text, answers bigint, fault text);
	EXECUTE format('CREATE TEMP TABLE sample AS
					SELECT (labels(path))[1 + pick(draw, 1, depth(path))] AS a, (labels(path))[1 + pick(draw, 2, depth(path))] AS b
					FROM %1$s, LATERAL (SELECT pg_catalog.hashtextextended(path::text, %2$s) AS draw) d
					WHERE path IS NOT NULL ORDER BY draw LIMIT 8', tab, seed);
	INSERT INTO sample VALUES ('nowhere/1', 'nowhere/2'), ('', 'datasource/1');
	FOR q IN SELECT o.* FROM sample,
		LATERAL (VALUES ('@^', format('path @^ %L', a)), ('@^=', format('path @^= %L', a)),
						('@^|', format('path @^| %L', ARRAY[a, b, NULL])), ('@^&', format('path @^& %L', ARRAY[a, b])),
						('has_ancestor', format('has_ancestor(path, %L)', b)),
						('is_within', format('is_within(path, %L)', b)),
						('has_any_ancestor', format('has_any_ancestor(path, %L)', ARRAY[b, a])),
						('has_all_ancestors', format('has_all_ancestors(path, %L)', ARRAY[b]))) o (op, condition)
		UNION ALL VALUES ('@^|', 'path @^| ''{}'''), ('@^&', 'path @^& ''{}'''), ('@^&', 'path @^& ''{datasource/1,NULL}''')
	LOOP
		SET LOCAL enable_seqscan = off;
		EXECUTE format('EXPLAIN (FORMAT JSON) SELECT id, path FROM %s WHERE %s', tab, q.condition) INTO plan;
		IF NOT 'Bitmap Index Scan' = ANY (node_types(plan)) THEN
			INSERT INTO verdict VALUES (q.op, 0, q.condition || ' does not use the index');
			CONTINUE;
		END IF;
		EXECUTE format('CREATE TEMP TABLE by_index AS SELECT id, path FROM %s WHERE %s', tab, q.condition);
		SET LOCAL enable_seqscan = on;
		SET LOCAL enable_bitmapscan = off;
		EXECUTE format('CREATE TEMP TABLE by_scan AS SELECT id, path FROM %s WHERE %s', tab, q.condition);
		SET LOCAL enable_bitmapscan = on;
		INSERT INTO verdict SELECT q.op, (SELECT count(*) FROM by_scan),
			CASE WHEN EXISTS (TABLE by_scan EXCEPT ALL TABLE by_index) THEN q.condition || ' misses rows'
				 WHEN EXISTS (TABLE by_index EXCEPT ALL TABLE by_scan) THEN q.condition || ' adds rows' END;
		DROP TABLE by_index, by_scan;
	END LOOP;
	RETURN QUERY SELECT op, count(*), sum(answers) > 0, array_agg(fault) FILTER (WHERE fault IS NOT NULL) FROM verdict GROUP BY op ORDER BY op;
	DROP TABLE verdict, sample;
END $$;

--
-- plans: a constant, a parameter of a generic plan and a join value each reach the index
--
CREATE TABLE node AS SELECT * FROM forest(8000, 1);
CREATE TABLE later AS SELECT * FROM node WHERE id > 5000 ORDER BY pick(id, 99, 1000000);
DELETE FROM node WHERE id > 5000;
CREATE INDEX node_path ON node USING gin (path gin_lineage_ops (include_self = true));
ANALYZE node;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM node WHERE has_ancestor(path, 'patient/7');
EXPLAIN (COSTS OFF) SELECT id FROM node WHERE is_within(path, 'patient/7');
EXPLAIN (COSTS OFF) SELECT id FROM node WHERE has_any_ancestor(path, ARRAY['patient/7', 'study/8']);
SET plan_cache_mode = force_generic_plan;
PREPARE by_identifier(text) AS SELECT id FROM node WHERE has_ancestor(path, $1);
PREPARE by_list(text[]) AS SELECT id FROM node WHERE has_all_ancestors(path, $1);
EXPLAIN (COSTS OFF) EXECUTE by_identifier('patient/7');
EXPLAIN (COSTS OFF) EXECUTE by_list('{patient/7}');
RESET plan_cache_mode;
CREATE TABLE wanted AS SELECT 'patient/' || g AS identifier FROM generate_series(1, 40) g;
ANALYZE wanted;
-- EXPLAIN, without the word of 18 on a scan that a setting discourages
CREATE FUNCTION pg_temp.plan(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		CONTINUE WHEN line ~ '^ +Disabled: true$';
		RETURN NEXT line;
	END LOOP;
END $$;
SELECT pg_temp.plan('SELECT w.identifier, n.id FROM wanted w JOIN node n ON has_ancestor(n.path, w.identifier)');
RESET enable_seqscan;

--
-- answers: no line may list a question, and all operators find something
--
SELECT * FROM ask('node', 1);
INSERT INTO node SELECT * FROM later;
SELECT * FROM ask('node', 2);
UPDATE node SET path = lineage(ARRAY['datasource/moved'] || labels(path)) WHERE pick(id, 5, 10) = 0;
DELETE FROM node WHERE pick(id, 6, 3) = 0;
VACUUM node;
SELECT * FROM ask('node', 3);
-- without include_self; is_within stays right
DROP INDEX node_path;
CREATE INDEX node_path ON node USING gin (path);
SELECT * FROM ask('node', 4);
-- 1,000 levels and labels of 4,096 bytes
INSERT INTO node SELECT 20000 + g, lineage(ARRAY(SELECT 'level/' || k FROM generate_series(1, g * 100) k)) FROM generate_series(1, 10) g;
INSERT INTO node SELECT 30000 + g, lineage(ARRAY[repeat('x', 4096), repeat('y', 4096)]) FROM generate_series(1, 3) g;
SET enable_seqscan = off;
SELECT count(*) FROM node WHERE path @^ 'level/950';
SELECT count(*) FROM node WHERE path @^ repeat('x', 4096);
RESET enable_seqscan;
SELECT * FROM ask('node', 5);

-- an unknown option is refused
CREATE INDEX refused ON node USING gin (path gin_lineage_ops (self = true));
DROP SCHEMA test_gin CASCADE;
