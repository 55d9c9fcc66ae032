--
-- lineage_opclass: btree and hash classes, and the plans that rest on them
--
-- Covers: amvalidate, index order against sort order, abbreviated sort keys in
-- memory and on disk, each kind of join and grouping, hash partitions, limits
-- of an index row.  0, or no rows, means that nothing disagrees.
--
SET search_path = public, vxp;

-- each class of the type is complete and sound
SELECT opcname, amname, opcdefault, amvalidate(c.oid)
FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
WHERE opcintype = 'lineage'::regtype AND amname IN ('btree', 'hash') ORDER BY opcname;
-- every support function that the server knows for them is there: 1, 2, 4 of
-- btree (3, in_range, has no meaning; 5 is for options), 1, 2 of hash
SELECT amname, array_agg(amprocnum ORDER BY amprocnum)
FROM pg_amproc JOIN pg_opfamily f ON f.oid = amprocfamily JOIN pg_am a ON a.oid = opfmethod
WHERE amproclefttype = 'lineage'::regtype AND amname IN ('btree', 'hash') GROUP BY amname ORDER BY amname;

-- a forest as it comes: the same first bytes everywhere, four levels, every row
-- twice, some rows NULL; and paths that part from the others early, late, or
-- are the start of others, so that abbreviated keys of each kind meet
SELECT setseed(0.75);
CREATE TABLE lineage_tree (n serial, path lineage, bytes bytea[]);
INSERT INTO lineage_tree (path)
SELECT lineage(('{datasource/d' || i % 3 || ',patient/' || i % 700 || ',study/' || i % 700 || '/' || i % 4 || ',volume/' || i || '}')::text[])
FROM generate_series(1, 12000) i, generate_series(1, 2) twice ORDER BY random();
INSERT INTO lineage_tree (path) SELECT DISTINCT parent(path) FROM lineage_tree;
INSERT INTO lineage_tree (path) SELECT DISTINCT parent(parent(path)) FROM lineage_tree;
INSERT INTO lineage_tree (path)
SELECT lineage(string_to_array(substr('datasource/d1,patient/1,' || repeat('x', 20) || ',study', 1, i), ',', ''))
FROM generate_series(1, 50) i WHERE substr('datasource/d1,patient/1,' || repeat('x', 20) || ',study', i, 1) <> ',';
INSERT INTO lineage_tree (path)
SELECT ('datasource/d1'::lineage || repeat('x', n)) || suffix
FROM generate_series(990, 1030) n, (VALUES ('a'), ('b'), (U&'\FFFF')) v(suffix), generate_series(1, 3);
INSERT INTO lineage_tree (path) SELECT chr(i)::lineage FROM generate_series(33, 255) i WHERE chr(i) NOT IN ('>', '"');
INSERT INTO lineage_tree (path) SELECT NULL FROM generate_series(1, 10);
UPDATE lineage_tree SET bytes = ARRAY(SELECT convert_to(l, 'UTF8') FROM unnest(labels(path)) WITH ORDINALITY u(l, o) ORDER BY o)
WHERE path IS NOT NULL;
ANALYZE lineage_tree;

-- a sort in memory, one on disk and a top-N sort give the order of the oracle
CREATE FUNCTION out_of_order(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE 'SELECT count(*) FROM (SELECT bytes, lag(bytes) OVER () AS before FROM (' || query || ') q) w WHERE before > bytes'
	INTO result;
	RETURN result;
END
$$;
SET enable_indexscan = off;
SET work_mem = '64MB';
SELECT out_of_order('SELECT bytes FROM lineage_tree WHERE path IS NOT NULL ORDER BY path') AS in_memory;
SET work_mem = '64kB';
SELECT out_of_order('SELECT bytes FROM lineage_tree WHERE path IS NOT NULL ORDER BY path') AS on_disk;
RESET work_mem;
SELECT out_of_order('SELECT bytes FROM lineage_tree ORDER BY path LIMIT 5000') AS top_n;
-- the check does see disorder
SELECT out_of_order('SELECT bytes FROM lineage_tree WHERE path IS NOT NULL ORDER BY n') > 1000 AS seen;
-- the reference of abbreviated keys is the first path seen: whichever it is,
-- the first or last of the order, a root, or the longest, the order is the same
SELECT first, out_of_order(format('SELECT bytes FROM (SELECT * FROM lineage_tree WHERE path IS NOT NULL '
								  'ORDER BY (n = %s) DESC, n OFFSET 0) s ORDER BY path', n)) AS broken
FROM (SELECT 'least' AS first, (SELECT n FROM lineage_tree WHERE path IS NOT NULL ORDER BY bytes, n LIMIT 1) AS n
	  UNION ALL SELECT 'greatest', (SELECT n FROM lineage_tree WHERE path IS NOT NULL ORDER BY bytes DESC, n LIMIT 1)
	  UNION ALL SELECT 'longest', (SELECT n FROM lineage_tree WHERE path IS NOT NULL ORDER BY octet_length(path::text) DESC, n LIMIT 1)
	  UNION ALL SELECT 'root', (SELECT n FROM lineage_tree WHERE path = 'datasource/d1' ORDER BY n LIMIT 1)
	  UNION ALL SELECT 'middle', (SELECT n FROM lineage_tree WHERE path = 'datasource/d1 > patient/10' ORDER BY n LIMIT 1)) f;
-- values that are all alike, so that abbreviation is given up midway
SELECT count(*) FROM (SELECT path, lag(path) OVER (ORDER BY path) AS before
					  FROM (SELECT ('a > ' || i % 3)::lineage AS path FROM generate_series(1, 30000) i) s) w WHERE before > path;
RESET enable_indexscan;

-- the index agrees with the table (amcheck raises if not), in build order and
-- after insertion one by one, and its order is that of a sort
CREATE INDEX lineage_tree_btree ON lineage_tree (path);
INSERT INTO lineage_tree (path, bytes) SELECT path, bytes FROM lineage_tree WHERE n % 10 = 0;
DELETE FROM lineage_tree WHERE n % 7 = 0;
VACUUM ANALYZE lineage_tree;
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'amcheck') THEN
		CREATE EXTENSION amcheck SCHEMA public;
		PERFORM public.bt_index_parent_check('lineage_tree_btree', true, true);
		DROP EXTENSION amcheck;
	END IF;
END
$$;
SET enable_seqscan = off;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT bytes FROM lineage_tree ORDER BY path;
SELECT out_of_order('SELECT bytes FROM lineage_tree WHERE path IS NOT NULL ORDER BY path') AS forward;
SELECT count(*) FROM (SELECT path, lag(path) OVER () AS before FROM (SELECT path FROM lineage_tree WHERE path IS NOT NULL ORDER BY path DESC) s) w
WHERE before < path;
RESET enable_sort;

-- each comparison by index and by sequential scan, for values within, about and outside the table
CREATE FUNCTION answers(operator text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(c::text, '','' ORDER BY v) FROM (VALUES (''!''::lineage), (''datasource/d1''), '
				   '(''datasource/d1 > patient/10''), (''datasource/d1 > patient/10 > study/10/2 > volume/2110''), '
				   '(''datasource/d1 > xxx''), (''zzz'')) q(v), LATERAL (SELECT count(*) AS c FROM lineage_tree WHERE path %s v OFFSET 0) a', operator)
	INTO result;
	RETURN result;
END
$$;
CREATE TEMP TABLE by_index AS SELECT o, answers(o) FROM unnest('{<,<=,=,>=,>}'::text[]) o;
SET enable_seqscan = on;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SET enable_bitmapscan = off;
SELECT o, answers ~ '[1-9]' AS found, i.answers = answers(o) AS same FROM by_index i ORDER BY o COLLATE "C";
RESET ALL;
SET search_path = public, vxp;

-- hash index
CREATE INDEX lineage_tree_hash ON lineage_tree USING hash (path);
DROP INDEX lineage_tree_btree;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT n FROM lineage_tree WHERE path = 'datasource/d1 > patient/10';
SELECT count(*) > 0 AS found, bool_and(path = 'datasource/d1 > patient/10') AS right FROM lineage_tree WHERE path = 'datasource/d1 > patient/10';
RESET enable_seqscan;

-- each kind of join, with hashed and sorted grouping below it, finds what a join on text finds
CREATE FUNCTION joined(VARIADIC off text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	setting text;
	plan json;
	counted bigint;
	expected bigint;
	query text := 'SELECT count(*) FROM lineage_tree c JOIN (SELECT DISTINCT %1$s AS key FROM lineage_tree WHERE depth(path) = 2) p ON c.%1$s = p.key';
BEGIN
	EXECUTE format(replace(query, 'c.', ''), '(path::text)') INTO expected;
	FOREACH setting IN ARRAY off LOOP
		EXECUTE 'SET LOCAL enable_' || setting || ' = off';
	END LOOP;
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || format(query, 'path') INTO plan;
	EXECUTE format(query, 'path') INTO counted;
	RETURN format('%s, found %s, equal %s', plan->0->'Plan'->'Plans'->0->>'Node Type', counted > 1000, counted = expected);
END
$$;
SET max_parallel_workers_per_gather = 0;
BEGIN; SELECT joined('mergejoin', 'nestloop', 'sort'); ROLLBACK;
BEGIN; SELECT joined('hashjoin', 'nestloop', 'hashagg'); ROLLBACK;
BEGIN; SELECT joined('hashjoin', 'mergejoin', 'hashagg'); ROLLBACK;
RESET max_parallel_workers_per_gather;

-- hash partitions: a value is found where it was put
CREATE TABLE lineage_part (path lineage) PARTITION BY HASH (path);
CREATE TABLE lineage_part_0 PARTITION OF lineage_part FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE lineage_part_1 PARTITION OF lineage_part FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO lineage_part SELECT DISTINCT path FROM lineage_tree WHERE depth(path) = 2;
SELECT count(*) = (SELECT count(DISTINCT path) FROM lineage_tree WHERE depth(path) = 2) AS all_there,
	   count(DISTINCT tableoid) AS partitions FROM lineage_part;
SELECT count(*) FROM lineage_part WHERE path = 'datasource/d1 > patient/10';

-- a path that is too long for a btree page is refused there, not by the type (54000)
CREATE TEMP TABLE long_path (path lineage PRIMARY KEY);
\set VERBOSITY sqlstate
INSERT INTO long_path SELECT lineage(array_agg(md5(i::text))) FROM generate_series(1, 1000) i;
\set VERBOSITY default
-- the hash class takes any
CREATE TEMP TABLE any_path (path lineage, EXCLUDE USING hash (path WITH =));
INSERT INTO any_path SELECT lineage(array_agg(md5(i::text))) FROM generate_series(1, 1000) i;
INSERT INTO any_path SELECT path || 'x' FROM (SELECT subpath(path, 0, 999) AS path FROM any_path) s;
SELECT count(*), count(DISTINCT path) FROM any_path;

DROP TABLE lineage_tree, lineage_part;
DROP FUNCTION out_of_order(text), answers(text), joined(text[]);
