--
-- lineage_gist: an index must never change an answer
--
-- Covers: both GiST classes; index, index-only, bitmap, sequential and parallel
-- answers equal for every operator; sorted build, build by insertion, inserts
-- in random order, updates, deletes and VACUUM, REINDEX; NULL, equal keys,
-- 1,000 levels, labels of 4,096 bytes; a second column beside lineage; every
-- entry held by the keys above it.
--
CREATE SCHEMA test_gist;
SET search_path = test_gist, vxp, public;
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET jit = off;

-- the classes are complete and their functions have the right types
SELECT opcname, amvalidate(c.oid)
FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
WHERE opcname IN ('gist_lineage_ops', 'gist_lineage_full_ops') ORDER BY 1;

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

CREATE FUNCTION use_plan(kind text) RETURNS void LANGUAGE sql AS $$
	SELECT set_config('enable_seqscan', CASE WHEN kind IN ('Seq Scan', 'Gather') THEN 'on' ELSE 'off' END, true),
		set_config('enable_indexscan', CASE kind WHEN 'Index' THEN 'on' ELSE 'off' END, true),
		set_config('enable_indexonlyscan', CASE kind WHEN 'Index' THEN 'on' ELSE 'off' END, true),
		set_config('enable_bitmapscan', CASE kind WHEN 'Bitmap' THEN 'on' ELSE 'off' END, true),
		set_config('max_parallel_workers_per_gather', CASE kind WHEN 'Gather' THEN '2' ELSE '0' END, true),
		set_config('parallel_setup_cost', '0', true), set_config('parallel_tuple_cost', '0', true),
		set_config('min_parallel_table_scan_size', '0', true);
$$;

-- Runs the question by each kind of plan.  "wrong" names the plans that are not
-- of the kind asked for, and the answers (op) that do not equal the sequential
-- one both ways.
CREATE FUNCTION compare(question text, OUT answers bigint, OUT wrong text[]) LANGUAGE plpgsql AS $$
DECLARE
	kind text;
	plan jsonb;
	differing text[];
BEGIN
	FOREACH kind IN ARRAY ARRAY['Seq Scan', 'Index', 'Bitmap', 'Gather'] LOOP
		PERFORM use_plan(kind);
		EXECUTE 'EXPLAIN (FORMAT JSON) ' || question INTO plan;
		IF NOT EXISTS (SELECT FROM unnest(node_types(plan)) t WHERE t LIKE kind || '%') OR
		   EXISTS (SELECT FROM unnest(node_types(plan)) t WHERE t LIKE '% Scan' AND kind <> 'Gather' AND NOT t LIKE kind || '%') THEN
			wrong := wrong || (kind || ' asked for, but ' || node_types(plan)::text);
		END IF;
		IF kind = 'Seq Scan' THEN
			DROP TABLE IF EXISTS by_seq;
			EXECUTE 'CREATE TEMP TABLE by_seq AS ' || question;
			GET DIAGNOSTICS answers = ROW_COUNT;
		ELSE
			DROP TABLE IF EXISTS by_plan;
			EXECUTE 'CREATE TEMP TABLE by_plan AS ' || question;
			PERFORM use_plan('Seq Scan');
			SELECT array_agg(DISTINCT kind || ' misses ' || op) INTO differing FROM (TABLE by_seq EXCEPT ALL TABLE by_plan) d;
			wrong := wrong || differing;
			SELECT array_agg(DISTINCT kind || ' adds ' || op) INTO differing FROM (TABLE by_plan EXCEPT ALL TABLE by_seq) d;
			wrong := wrong || differing;
		END IF;
	END LOOP;
END $$;

-- Questions to a table about identifiers and paths that it has (and some that
-- it has not) with each operator.  Nothing may be wrong; "unanswered" are the
-- operators that found no row, and so proved little.
CREATE FUNCTION ask(tab regclass, columns text, seed int, questions int DEFAULT 6, OUT asked bigint, OUT wrong text[], OUT unanswered text[])
LANGUAGE plpgsql AS $$
DECLARE
	question text;
BEGIN
	PERFORM use_plan('Seq Scan');
	DROP TABLE IF EXISTS sample, condition;
	EXECUTE format('CREATE TEMP TABLE sample AS SELECT path, a, b, up FROM (SELECT path FROM %s
					WHERE path IS NOT NULL ORDER BY pg_catalog.hashtextextended(path::text, %s) LIMIT %s) p,
					LATERAL (SELECT pg_catalog.hashtextextended(path::text, %2$s) AS draw) d,
					LATERAL (SELECT (labels(path))[1 + pick(draw, 1, depth(path))] AS a,
									(labels(path))[1 + pick(draw, 2, depth(path))] AS b,
									subpath(path, 0, 1 + pick(draw, 3, depth(path))::int) AS up) l', tab, seed, questions);
	INSERT INTO sample VALUES ('nowhere/1 > nowhere/2', 'nowhere/1', 'nowhere/2', 'nowhere/1'),
		((SELECT path || 'nowhere/3' FROM sample LIMIT 1), '', 'datasource/1', 'datasource/1');
	CREATE TEMP TABLE condition AS SELECT o.* FROM sample,
		LATERAL (VALUES ('@^', format('path @^ %L', a)), ('@^=', format('path @^= %L', a)),
						('<@', format('path <@ %L::lineage', up)), ('@>', format('path @> %L::lineage', path)),
						('=', format('path OPERATOR(vxp.=) %L::lineage', path)),
						('@^|', format('path @^| %L', ARRAY[a, b, NULL])),
						('@^| long', format('path @^| %L', ARRAY(SELECT 'patient/' || g * 7 FROM generate_series(1, 300) g) || ARRAY[b, NULL, a, b])),
						('@^&', format('path @^& %L', ARRAY[a, b])),
						('has_ancestor', format('has_ancestor(path, %L)', b)),
						('is_within', format('is_within(path, %L)', b)),
						('has_any_ancestor', format('has_any_ancestor(path, %L)', ARRAY[b, a])),
						('has_all_ancestors', format('has_all_ancestors(path, %L)', ARRAY[b]))) o (op, condition);
	SELECT count(*), string_agg(format('SELECT %L AS op, %s FROM %s WHERE %s', op, columns, tab, condition), ' UNION ALL ')
	INTO asked, question FROM condition;
	wrong := (compare(question)).wrong;
	unanswered := ARRAY(SELECT op FROM condition EXCEPT SELECT op FROM by_seq ORDER BY op);
END $$;

--
-- plans: a constant, a parameter of a generic plan and a join value each reach the index
--
CREATE TABLE node AS SELECT * FROM forest(12000, 1);
CREATE TABLE later AS SELECT * FROM node WHERE id > 8000 ORDER BY pick(id, 99, 1000000);
DELETE FROM node WHERE id > 8000;
CREATE INDEX node_path ON node USING gist (path);
ANALYZE node;

SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM node WHERE has_ancestor(path, 'patient/7');
EXPLAIN (COSTS OFF) SELECT id FROM node WHERE is_within(path, 'patient/7');
EXPLAIN (COSTS OFF) SELECT id FROM node WHERE path <@ 'datasource/1 > volume/3';
EXPLAIN (COSTS OFF) SELECT id FROM node WHERE has_any_ancestor(path, ARRAY['patient/7', 'study/8']);
EXPLAIN (COSTS OFF) SELECT id FROM node WHERE has_all_ancestors(path, ARRAY['patient/7', 'study/8']);
SET plan_cache_mode = force_generic_plan;
PREPARE by_identifier(text) AS SELECT id FROM node WHERE has_ancestor(path, $1);
PREPARE by_list(text[]) AS SELECT id FROM node WHERE has_any_ancestor(path, $1);
PREPARE by_path(lineage) AS SELECT id FROM node WHERE path <@ $1;
EXPLAIN (COSTS OFF) EXECUTE by_identifier('patient/7');
EXPLAIN (COSTS OFF) EXECUTE by_list('{patient/7}');
EXPLAIN (COSTS OFF) EXECUTE by_path('datasource/1');
RESET plan_cache_mode;
-- every list stands twice, so that the second time it is known already; some are long
CREATE TABLE wanted AS SELECT 'patient/' || g AS identifier,
	CASE g % 3 WHEN 0 THEN ARRAY['patient/' || g, 'study/' || g]
		ELSE ARRAY(SELECT 'study/' || (g / 3 * 20 + i) FROM generate_series(1, 20) i) || ('patient/' || g / 2) END AS list
FROM generate_series(1, 40) g, generate_series(1, 2) ORDER BY g;
ANALYZE wanted;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
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
SELECT pg_temp.plan('SELECT w.identifier, n.id FROM wanted w JOIN node n ON has_any_ancestor(n.path, w.list)');
-- a join asks the index again and again, each time about another value
CREATE TEMP TABLE joined AS
SELECT w.identifier, n.id FROM wanted w JOIN node n ON has_ancestor(n.path, w.identifier)
UNION ALL SELECT w.identifier, n.id FROM wanted w JOIN node n ON has_any_ancestor(n.path, w.list);
SET enable_indexscan = off;
SET enable_seqscan = on;
CREATE TEMP TABLE joined_by_seq AS
SELECT w.identifier, n.id FROM wanted w JOIN node n ON has_ancestor(n.path, w.identifier)
UNION ALL SELECT w.identifier, n.id FROM wanted w JOIN node n ON has_any_ancestor(n.path, w.list);
SELECT count(*) > 0 AS found, (SELECT count(*) FROM (TABLE joined EXCEPT ALL TABLE joined_by_seq) d) AS extra,
	   (SELECT count(*) FROM (TABLE joined_by_seq EXCEPT ALL TABLE joined) d) AS missing
FROM joined;
RESET ALL;
SET search_path = test_gist, vxp, public;
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET jit = off;

--
-- answers: nothing may be wrong, and every operator should find something
--
-- after a sorted build
SELECT * FROM ask('node', 'id, path', 1);
SELECT check_lineage_index('node_path') >= (SELECT count(*) FROM node) AS held;
-- after inserts in random order, which split pages
INSERT INTO node SELECT * FROM later;
SELECT * FROM ask('node', 'id, path', 2);
SELECT check_lineage_index('node_path') >= (SELECT count(*) FROM node) AS held;
-- after moving, deleting and vacuuming
UPDATE node SET path = lineage(ARRAY['datasource/moved'] || labels(path)) WHERE pick(id, 5, 10) = 0;
DELETE FROM node WHERE pick(id, 6, 3) = 0;
VACUUM node;
SELECT * FROM ask('node', 'id, path', 3);
SELECT check_lineage_index('node_path') >= (SELECT count(*) FROM node) AS held;
INSERT INTO node SELECT id + 100000, path FROM later WHERE pick(id, 7, 2) = 0;
REINDEX INDEX node_path;
SELECT * FROM ask('node', 'id, path', 4);
DROP INDEX node_path;
CREATE INDEX CONCURRENTLY node_path ON node USING gist (path);
SELECT * FROM ask('node', 'id, path', 5);

-- only by insertion, in an unlogged table
CREATE UNLOGGED TABLE inserted (id int, path lineage);
CREATE INDEX inserted_path ON inserted USING gist (path);
INSERT INTO inserted SELECT * FROM forest(6000, 8) ORDER BY pick(id, 9, 1000000);
SELECT * FROM ask('inserted', 'id, path', 6);
SELECT check_lineage_index('inserted_path') >= (SELECT count(*) FROM inserted) AS held;
-- built with buffering
CREATE TABLE buffered AS TABLE inserted;
CREATE INDEX buffered_path ON buffered USING gist (path) WITH (buffering = on);
SELECT * FROM ask('buffered', 'id, path', 7);

-- a tree of four levels as people have it, with large, middle and small patients and studies: below an inner key all
-- paths end at one depth, often one or two levels below what they share, so that what is asked for stands at the
-- edge of what the key knows
CREATE TABLE regular AS
SELECT g AS id, lineage(ARRAY['datasource/' || g / 4000, 'patient/' || g / CASE g / 4000 WHEN 0 THEN 2000 WHEN 1 THEN 100 ELSE 10 END,
							  'study/' || g / CASE g / 2000 WHEN 0 THEN 20 WHEN 1 THEN 2000 WHEN 2 THEN 50 WHEN 3 THEN 50 ELSE 5 END, 'volume/' || g]) AS path
FROM generate_series(1, 11999) g;
CREATE INDEX regular_path ON regular USING gist (path);
SELECT * FROM ask('regular', 'id, path', 21, 12);
INSERT INTO regular SELECT id + 20000, parent(path) || ('volume/' || id + 20000) FROM regular ORDER BY pick(id, 22, 1000000);
SELECT * FROM ask('regular', 'id, path', 23, 12);
SELECT check_lineage_index('regular_path') >= (SELECT count(*) FROM regular) AS held;

--
-- the class that keeps the value: answers alone
--
CREATE TABLE kept AS SELECT * FROM forest(6000, 10);
CREATE INDEX kept_path ON kept USING gist (path gist_lineage_full_ops);
VACUUM ANALYZE kept;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT path FROM kept WHERE has_ancestor(path, 'patient/7');
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT * FROM ask('kept', 'path', 11);
INSERT INTO kept SELECT * FROM forest(3000, 12) ORDER BY pick(id, 9, 1000000);
VACUUM kept;
SELECT * FROM ask('kept', 'path', 13);
SELECT check_lineage_index('kept_path') >= (SELECT count(*) FROM kept) AS held;
-- what does not fit is refused, with the way out
INSERT INTO kept VALUES (1, lineage(ARRAY[repeat('x', 4000)]));

--
-- extremes
--
CREATE TABLE extreme (id int, path lineage);
CREATE INDEX extreme_path ON extreme USING gist (path);
-- equal keys fill pages
INSERT INTO extreme SELECT 0, 'datasource/1 > patient/1 > volume/1' FROM generate_series(1, 1500);
SELECT * FROM ask('extreme', 'id, path', 14, 3);
-- 1 to 1,000 levels, with the last ones of several types; labels of 4,096 bytes
INSERT INTO extreme
SELECT g, lineage(ARRAY(SELECT CASE WHEN k % 7 = 0 THEN 'study/' || k % 300 ELSE 'level/' || k + pick(g, k / 90, 3) END
						FROM generate_series(1, CASE WHEN g <= 1000 THEN g ELSE 1 + pick(g, 0, 1000) END) k))
FROM generate_series(5, 1200, 5) g;
INSERT INTO extreme
SELECT 2000 + g, lineage(ARRAY['datasource/1', repeat(chr(97 + g % 26), 4096), 'patient/' || g, repeat('z', 4095) || g % 10])
FROM generate_series(1, 60) g;
SELECT count(*) AS rows, max(depth(path)) AS deepest FROM extreme;
SELECT * FROM ask('extreme', 'id, path', 15);
SELECT check_lineage_index('extreme_path') >= (SELECT count(*) FROM extreme) AS held;
SELECT * FROM ask('extreme', 'id, path', 16);
REINDEX INDEX extreme_path;
SELECT * FROM ask('extreme', 'id, path', 15);
-- an index on nothing, on NULL, on one row
CREATE TABLE few (id int, path lineage);
CREATE INDEX few_path ON few USING gist (path);
SELECT * FROM compare('SELECT 1 AS op, * FROM few WHERE path @^ ''a''');
INSERT INTO few VALUES (1, NULL), (2, 'a > b');
SELECT * FROM compare('SELECT 1 AS op, * FROM few WHERE path @^ ''a''');
SELECT * FROM compare('SELECT 1 AS op, * FROM few WHERE path IS NULL');
-- nothing and NULL in lists
SELECT * FROM compare('SELECT 1 AS op, * FROM few WHERE path @^| ''{}''');
SELECT * FROM compare('SELECT 1 AS op, * FROM few WHERE path @^& ''{}''');
SELECT * FROM compare('SELECT 1 AS op, * FROM few WHERE path @^& ''{a,NULL}''');

--
-- several columns: time beside lineage in one index
--
CREATE TABLE version AS
SELECT id, path, tstzrange('2020-01-01'::timestamptz + pick(id, 20, 1000) * interval '1 day',
						   '2020-01-01'::timestamptz + (1000 + pick(id, 21, 1000)) * interval '1 day') AS valid
FROM forest(6000, 17);
CREATE INDEX version_path_valid ON version USING gist (path, valid);
ANALYZE version;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM version WHERE has_ancestor(path, 'patient/7') AND valid @> '2021-06-01Z'::timestamptz;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT * FROM ask('version', 'id, path', 18);
SELECT sum(c.answers) > 0 AS found, array_agg(c.wrong) FILTER (WHERE c.wrong IS NOT NULL) AS wrong
FROM generate_series(1, 5) g,
	compare(format('SELECT 1 AS op, id FROM version WHERE path @^ %L AND valid @> %L::timestamptz', 'datasource/' || g, '2021-06-01Z')) c;
INSERT INTO version
SELECT id, path, tstzrange('2020-01-01'::timestamptz + pick(id, 20, 1000) * interval '1 day', NULL) FROM forest(3000, 19);
SELECT * FROM ask('version', 'id, path', 20);
SELECT check_lineage_index('version_path_valid') >= (SELECT count(*) FROM version) AS held;
CREATE INDEX version_valid_path ON version USING gist (valid, path gist_lineage_full_ops);
DROP INDEX version_path_valid;
SELECT sum(c.answers) > 0 AS found, array_agg(c.wrong) FILTER (WHERE c.wrong IS NOT NULL) AS wrong
FROM generate_series(1, 5) g,
	compare(format('SELECT 1 AS op, id FROM version WHERE path @^ %L AND valid @> %L::timestamptz', 'datasource/' || g, '2021-06-01Z')) c;

-- partial index, and an exclusion constraint that forbids two versions at one time
CREATE INDEX inserted_even ON inserted USING gist (path) WHERE id % 2 = 0;
DROP INDEX inserted_path;
SELECT sum(c.answers) > 0 AS found, array_agg(c.wrong) FILTER (WHERE c.wrong IS NOT NULL) AS wrong
FROM generate_series(1, 5) g, compare(format('SELECT 1 AS op, id FROM inserted WHERE path @^ %L AND id %% 2 = 0', 'datasource/' || g)) c;
CREATE TABLE exclusive (path lineage, valid tstzrange, EXCLUDE USING gist (path WITH =, valid WITH &&));
INSERT INTO exclusive VALUES ('a > b', '[2020-01-01Z,2021-01-01Z)'), ('a > b', '[2021-01-01Z,)'), ('a > c', '[2020-01-01Z,)');
\set VERBOSITY sqlstate
INSERT INTO exclusive VALUES ('a > b', '[2020-06-01Z,2020-07-01Z)');
\set VERBOSITY default

-- the key type is for indexes only, the check for GiST on lineage
\set VERBOSITY terse
SELECT check_lineage_index('few');
CREATE INDEX few_id ON few (id);
SELECT check_lineage_index('few_id');
SELECT 'x'::lineage_gist_key;
DROP SCHEMA test_gist CASCADE;
