--
-- lineage_tables: what kinds of tables, indexes and constraints the classes serve
--
-- Covers: partitioned, unlogged, temporary and inherited tables; indexes of
-- several columns, with included columns, partial, with a fillfactor; validity
-- ranges beside lineage; exclusion constraints of gist_lineage_ops beside
-- range_ops and beside the scalar classes of btree_gist; 1,000 levels and labels
-- of 4,096 bytes in each.  0, or no rows, means that nothing disagrees.
--
CREATE SCHEMA test_tables;
SET search_path = test_tables, vxp, public;
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SET timezone = 'UTC';

CREATE FUNCTION pick(a bigint, b bigint, n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN abs(pg_catalog.hashint8extended(a, b) % n);

-- the rows that all tables below get: three levels, some deep, some with long labels, some NULL
CREATE TABLE source AS
SELECT g AS id, CASE WHEN g % 40 <> 0 THEN
		lineage(ARRAY['datasource/' || g % 7, 'patient/' || g % 150, CASE WHEN g % 150 < 5 THEN repeat('p', 4090) || g % 150 ELSE 'study/' || g % 450 END]
				|| CASE WHEN g % 450 = 7 THEN ARRAY(SELECT 'level/' || i FROM generate_series(1, 990) i) ELSE '{}' END || ('volume/' || g)) END AS path,
	tstzrange('2020-01-01Z'::timestamptz + pick(g, 1, 500) * interval '1 day',
			  CASE WHEN g % 3 = 0 THEN NULL ELSE '2020-01-01Z'::timestamptz + (500 + pick(g, 2, 500)) * interval '1 day' END) AS valid
FROM generate_series(1, 6000) g;
SELECT max(depth(path)) AS deepest, max(length(self(parent(path)))) AS longest FROM source;

CREATE TABLE question (nr int, condition text);
INSERT INTO question VALUES (1, 'path @^ ''patient/77'''), (2, 'path @^= ''volume/77'''), (3, 'path @^ (repeat(''p'', 4090) || 3)'),
	(4, 'path @^ ''level/900'''), (5, 'path <@ ''datasource/3 > patient/80'''), (6, 'path @^| ''{patient/9,study/20,nothing}'''),
	(7, 'path @^& ''{datasource/3,patient/80}'''), (8, 'path @^ ''patient/20'' AND valid @> ''2021-02-03Z''::timestamptz'),
	(9, 'path <@ ''datasource/1 > patient/8'' AND valid && ''[2020-01-01Z,2021-06-01Z]''::tstzrange'), (10, 'path @^ ''nothing''');
INSERT INTO question SELECT 11, format('path @> %L::lineage', path) FROM source WHERE id = 907;
INSERT INTO question SELECT 12, format('path = %L::lineage', path) FROM source WHERE id = 908;

-- Asks a table by its index and by reading it all: questions that were answered, that differ, and whose plans do not have the scan.
CREATE FUNCTION ask(tab text, scan text DEFAULT 'Index', only_nr int[] DEFAULT NULL, OUT answered bigint, OUT differing int[], OUT not_used int[]) LANGUAGE plpgsql AS $$
DECLARE
	q record;
	plan jsonb;
	by_index int[];
	by_scan int[];
BEGIN
	answered := 0;
	FOR q IN SELECT * FROM question WHERE only_nr IS NULL OR nr = ANY (only_nr) LOOP
		SET LOCAL enable_seqscan = off;
		PERFORM set_config('enable_bitmapscan', (scan = 'Bitmap')::text, true), set_config('enable_indexscan', (scan = 'Index')::text, true);
		EXECUTE format('EXPLAIN (FORMAT JSON) SELECT id FROM %s WHERE %s', tab, q.condition) INTO plan;
		IF plan::text !~ ('"Node Type": "' || scan) THEN
			not_used := not_used || q.nr;
		END IF;
		EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM %s WHERE %s) s', tab, q.condition) INTO by_index;
		SET LOCAL enable_seqscan = on;
		SET LOCAL enable_bitmapscan = off;
		SET LOCAL enable_indexscan = off;
		EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM %s WHERE %s) s', tab, q.condition) INTO by_scan;
		answered := answered + (by_scan IS NOT NULL)::int;
		IF by_index IS DISTINCT FROM by_scan THEN
			differing := differing || q.nr;
		END IF;
	END LOOP;
END $$;

-- partitions: by insertion, and built; a partition attached with an index of its own
CREATE TABLE parted (LIKE source) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (2000);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (2000) TO (4000);
CREATE INDEX parted_path ON parted USING gist (path);
INSERT INTO parted SELECT * FROM source WHERE id < 4000 ORDER BY pick(id, 3, 10000);
CREATE TABLE parted_3 AS SELECT * FROM source WHERE id >= 4000;
CREATE INDEX parted_3_own ON parted_3 USING gist (path);
ALTER TABLE parted ATTACH PARTITION parted_3 FOR VALUES FROM (4000) TO (MAXVALUE);
ANALYZE parted;
SELECT count(*) AS indexes FROM pg_partition_tree('parted_path') WHERE isleaf;
SELECT * FROM ask('parted');
SELECT * FROM ask('parted', 'Bitmap');
-- rows move from partition to partition
UPDATE parted SET id = id + 3000 WHERE id % 20 = 3 AND id < 3000;
SELECT * FROM ask('parted');
SELECT bool_and(check_lineage_index(indexrelid) > 1000) AS held FROM pg_index
WHERE indrelid IN ('parted_1'::regclass, 'parted_2'::regclass, 'parted_3'::regclass);
DROP INDEX parted_path;
CREATE INDEX parted_gin ON parted USING gin (path);
SELECT * FROM ask('parted', 'Bitmap', '{1,3,4,6,7,8,10}');

-- unlogged, temporary, inherited
CREATE UNLOGGED TABLE unlogged AS TABLE source;
CREATE INDEX unlogged_path ON unlogged USING gist (path);
CREATE INDEX unlogged_gin ON unlogged USING gin (path gin_lineage_ops (include_self = true));
CREATE TEMP TABLE passing AS TABLE source;
CREATE INDEX passing_path ON passing USING gist (path);
CREATE TABLE parent (LIKE source);
CREATE TABLE child () INHERITS (parent);
INSERT INTO child TABLE source;
INSERT INTO parent SELECT * FROM source WHERE id % 10 = 0;
CREATE INDEX parent_path ON parent USING gist (path);
CREATE INDEX child_path ON child USING gist (path);
ANALYZE unlogged;
ANALYZE passing;
ANALYZE parent;
SELECT t, a.* FROM unnest('{unlogged,passing,parent}'::text[]) t, ask(t) a;

-- several columns, in each order, with validity as a column and as an expression; included columns
CREATE TABLE version AS SELECT id, path, valid, lower(valid) AS valid_from, upper(valid) AS valid_to FROM source;
CREATE INDEX version_1 ON version USING gist (path, valid);
ANALYZE version;
SELECT 'path, valid' AS columns, a.* FROM ask('version') a;
SET enable_bitmapscan = off;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM version WHERE path @^ 'patient/20' AND valid @> '2021-02-03Z'::timestamptz;
RESET enable_bitmapscan;
RESET enable_seqscan;
DROP INDEX version_1;
CREATE INDEX version_1 ON version USING gist (valid, path);
SELECT 'valid, path' AS columns, a.* FROM ask('version') a;
SELECT check_lineage_index('version_1') AS entries;
DROP INDEX version_1;
CREATE INDEX version_1 ON version USING gist (path, tstzrange(valid_from, valid_to));
INSERT INTO question VALUES (20, 'path @^ ''patient/20'' AND tstzrange(valid_from, valid_to) @> ''2021-02-03Z''::timestamptz');
SELECT 'path, expression' AS columns, a.* FROM ask('version', only_nr => '{1,2,5,20}') a;
DROP INDEX version_1;
CREATE INDEX version_1 ON version USING gist (path) INCLUDE (id, valid);
SELECT 'path, included' AS columns, a.* FROM ask('version', only_nr => '{1,2,3,4,5,6,7,8,9}') a;
INSERT INTO version SELECT id + 10000, path, valid FROM source ORDER BY pick(id, 4, 10000);
SELECT 'path, included' AS columns, a.* FROM ask('version', only_nr => '{1,2,3,4,5,6,7,8,9}') a;
SELECT check_lineage_index('version_1') AS entries;
DROP INDEX version_1;
CREATE INDEX version_1 ON version USING gist (path) WHERE id % 4 < 2;
INSERT INTO question SELECT 30 + nr, condition || ' AND id % 4 < 2' FROM question WHERE nr IN (1, 4, 5);
SELECT 'partial' AS columns, a.* FROM ask('version', only_nr => '{31,34,35}') a;

-- a fillfactor leaves room in the pages of a sorted build, and changes no answer
CREATE INDEX version_full ON version USING gist (path) WITH (fillfactor = 100);
CREATE INDEX version_loose ON version USING gist (path) WITH (fillfactor = 60);
SELECT pg_relation_size('version_loose') > 1.3 * pg_relation_size('version_full') AS larger,
	   pg_relation_size('version_loose') < 2.5 * pg_relation_size('version_full') AS not_much;
DROP INDEX version_full, version_1;
SELECT * FROM ask('version', only_nr => '{1,2,3,4,5,6,7,8,9,10,11,12}');
SELECT check_lineage_index('version_loose') AS entries;

--
-- exclusion constraints: one path at one time, in each order of insertion
--
CREATE TABLE exclusive (id int, path lineage, valid tstzrange, EXCLUDE USING gist (path WITH =, valid WITH &&));
INSERT INTO exclusive SELECT id, path, tstzrange(lower(valid), lower(valid) + interval '1 day') FROM source ORDER BY pick(id, 5, 10000);
INSERT INTO exclusive SELECT id, path, tstzrange(lower(valid) + interval '1 day', NULL) FROM source ORDER BY pick(id, 6, 10000);
SELECT count(*), count(path) FROM exclusive;
-- each path again within its time is refused, in another's time taken, above and below it too
CREATE FUNCTION refused(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN false;
EXCEPTION WHEN exclusion_violation THEN
	RETURN true;
END $$;
SELECT count(*) FILTER (WHERE refused(format('INSERT INTO exclusive SELECT id, path, valid FROM exclusive WHERE id = %s', id))) AS refused, count(*) AS tried
FROM source WHERE path IS NOT NULL AND id % 59 = 0;
SELECT refused('INSERT INTO exclusive SELECT id, parent(path), valid FROM exclusive WHERE id % 100 = 1 AND upper(valid) IS NULL AND id < 450') AS parent,
	   refused('INSERT INTO exclusive SELECT id, path || ''x'', valid FROM exclusive WHERE id % 100 = 2 AND depth(path) < 1000') AS child,
	   refused('UPDATE exclusive SET valid = tstzrange(''2031-01-01Z'', ''2032-01-01Z'') WHERE id = 5') AS two_at_one_time;
-- deferred to the end of the transaction
CREATE TABLE at_end (path lineage, valid tstzrange, EXCLUDE USING gist (path WITH =, valid WITH &&) DEFERRABLE INITIALLY DEFERRED);
BEGIN;
INSERT INTO at_end VALUES ('a > b', '[2020-01-01Z,)'), ('a > b', '[2021-01-01Z,)');
UPDATE at_end SET valid = '[2020-01-01Z,2021-01-01Z)' WHERE lower(valid) < '2021-01-01Z';
COMMIT;
\set VERBOSITY sqlstate
BEGIN;
INSERT INTO at_end VALUES ('a > b', '[2020-06-01Z,2020-07-01Z)');
COMMIT;
\set VERBOSITY default
SELECT count(*) FROM at_end;

-- with btree_gist: one number for one path at one time; without it, there is nothing to show
SELECT NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'btree_gist') AS no_btree_gist \gset
\if :no_btree_gist
SELECT 6000 AS scalars, true AS same_refused, false AS other_refused, true AS entries;
\else
CREATE EXTENSION btree_gist SCHEMA public;
CREATE TABLE numbered (id int, path lineage, valid tstzrange, EXCLUDE USING gist (id WITH =, path WITH =, valid WITH &&));
INSERT INTO numbered SELECT id % 50, path, valid FROM source ORDER BY pick(id, 7, 10000);
SELECT (SELECT count(*) FROM numbered) AS scalars, x.*, (SELECT check_lineage_index(indexrelid) FROM pg_index WHERE indrelid = 'numbered'::regclass) >= 6000 AS entries
FROM (SELECT refused('INSERT INTO numbered SELECT id, path, valid FROM numbered WHERE path @^= ''volume/77''') AS same_refused,
			 refused('INSERT INTO numbered SELECT id + 100, path, valid FROM numbered WHERE path @^= ''volume/77''') AS other_refused) x;
\endif
DROP EXTENSION IF EXISTS btree_gist CASCADE;

--
-- the class that keeps the value: as deep as fits, and what does not fit is refused with the limit
--
CREATE TABLE kept (id int, path lineage);
CREATE INDEX kept_path ON kept USING gist (path gist_lineage_full_ops);
INSERT INTO kept SELECT g, lineage(ARRAY(SELECT 'l' || i % 10 FROM generate_series(1, g) i)) FROM generate_series(1, 260) g;
INSERT INTO kept SELECT 1000 + g, lineage(ARRAY['a', repeat('b', g * 18), 'c']) FROM generate_series(1, 100) g;
INSERT INTO question VALUES (40, 'path @^ ''l9'''), (41, 'path <@ ''l1 > l2 > l3 > l4 > l5 > l6 > l7 > l8 > l9 > l0 > l1'''), (42, 'path @^ repeat(''b'', 1800)'), (43, 'path @^= ''c''');
SELECT * FROM ask('kept', only_nr => '{40,41,42,43}');
SELECT check_lineage_index('kept_path') AS entries;
\set VERBOSITY sqlstate
INSERT INTO kept SELECT 0, lineage(ARRAY(SELECT 'l' || i FROM generate_series(1, 1000) i));
INSERT INTO kept SELECT 0, lineage(ARRAY[repeat('b', 4096)]);
\set VERBOSITY default

DROP SCHEMA test_tables CASCADE;
