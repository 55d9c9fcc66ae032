--
-- lineage_gist_small: every page function of the GiST classes, among few rows
--
-- Covers: sorted and buffering build, insertion with splits, deletion and vacuum,
-- both classes, an index of two columns whose pages are split by the second one,
-- NULL, index-only scans: the index answers as the table does.  lineage_gist asks
-- much more of many more rows; this is what can be run under memcheck.
--
CREATE SCHEMA test_gist_small;
SET search_path = test_gist_small, vxp, public;
SET client_min_messages = warning;
SET jit = off;

-- a path for each number: 4 datasources, 30 patients each, studies, folders of odd depth; every 97th is NULL
CREATE FUNCTION path(n int) RETURNS lineage IMMUTABLE LANGUAGE sql AS $$
	SELECT CASE WHEN n % 97 > 0 THEN lineage(ARRAY['datasource/' || n % 4, 'patient/' || n % 120] ||
		ARRAY(SELECT 'folder/' || n % 120 || '-' || g FROM generate_series(1, n % 5) g) || ARRAY['study/' || n / 7, 'volume/' || n]) END
$$;
CREATE TABLE node AS SELECT n, path(n) AS path FROM generate_series(1, 700) n;
CREATE TABLE question AS
	SELECT format('path @^ %L', a) AS condition FROM unnest('{datasource/1,patient/7,patient/77,folder/3-1,study/5,volume/9,nowhere/1}'::text[]) a
	UNION ALL SELECT format('path @^= %L', a) FROM unnest('{patient/8,volume/11}'::text[]) a
	UNION ALL SELECT format('path <@ %L', (labels(path(n)))[1:k]::lineage) FROM unnest('{11,12}'::int[]) n, generate_series(1, 4) k
	UNION ALL SELECT format('path @> %L', path(n)) FROM unnest('{11,14}'::int[]) n
	UNION ALL SELECT format('path = %L', path(13))
	UNION ALL SELECT 'path @^| ''{patient/1,patient/2,study/9}''' UNION ALL SELECT 'path @^& ''{datasource/2,patient/2}'''
	UNION ALL SELECT 'path IS NULL';

-- questions whose answers by the index differ from those of the table, and how many rows they have in all
CREATE FUNCTION differ(relation regclass) RETURNS TABLE (questions bigint, differ bigint, total bigint) LANGUAGE plpgsql AS $$
DECLARE
	q text;
	here int[];
	there int[];
BEGIN
	questions := 0; differ := 0; total := 0;
	FOR q IN SELECT condition FROM question LOOP
		PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true), set_config('enable_indexonlyscan', 'off', true), set_config('enable_bitmapscan', 'off', true);
		EXECUTE format('SELECT array_agg(n ORDER BY n) FROM %s WHERE %s', relation, q) INTO here;
		PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'on', true), set_config('enable_indexonlyscan', 'on', true);
		EXECUTE format('SELECT array_agg(n ORDER BY n) FROM %s WHERE %s', relation, q) INTO there;
		questions := questions + 1;
		differ := differ + (here IS DISTINCT FROM there)::int;
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_indexonlyscan', 'off', true), set_config('enable_bitmapscan', 'on', true);
		EXECUTE format('SELECT array_agg(n ORDER BY n) FROM %s WHERE %s', relation, q) INTO there;
		differ := differ + (here IS DISTINCT FROM there)::int;
		total := total + coalesce(cardinality(here), 0);
	END LOOP;
	RETURN NEXT;
END $$;

-- built, changed, built anew
CREATE INDEX node_path ON node USING gist (path);
SELECT * FROM differ('node');
INSERT INTO node SELECT n, path(n) FROM generate_series(701, 1500) n ORDER BY n % 31, n;
DELETE FROM node WHERE n % 3 = 0;
SELECT * FROM differ('node');
VACUUM node;
UPDATE node SET path = path(n + 1) WHERE n % 10 = 1;
SELECT * FROM differ('node');
REINDEX INDEX node_path;
SELECT * FROM differ('node');

-- from nothing, by insertion, and through buffers
CREATE TABLE grown (LIKE node);
CREATE INDEX grown_path ON grown USING gist (path);
INSERT INTO grown TABLE node ORDER BY n % 17;
SELECT * FROM differ('grown');
CREATE TABLE buffered AS TABLE node;
CREATE INDEX buffered_path ON buffered USING gist (path) WITH (buffering = on);
SELECT * FROM differ('buffered');

-- the class that keeps the value, also alone
CREATE TABLE kept (LIKE node);
CREATE INDEX kept_path ON kept USING gist (path gist_lineage_full_ops);
INSERT INTO kept TABLE node ORDER BY n % 13;
SELECT * FROM differ('kept');
VACUUM kept;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT path FROM kept WHERE path @^ 'patient/7';
SELECT count(path), sum(hashtext(path::text)) = (SELECT sum(hashtext(path::text)) FROM node WHERE (labels(path))[1:2] @> '{patient/7}') AS same FROM kept WHERE path @^ 'patient/7';
RESET enable_seqscan;
RESET enable_bitmapscan;

-- two columns: many versions of few paths, so that pages are split by time
CREATE TABLE version (n int, path lineage, valid tstzrange);
CREATE INDEX version_path ON version USING gist (path, valid);
INSERT INTO version SELECT v * 100 + p, path(p), tstzrange(timestamptz '2020-01-01Z' + v * interval '1 day', timestamptz '2020-01-01Z' + (v + 1) * interval '1 day')
	FROM generate_series(1, 60) v, generate_series(1, 20) p;
SELECT * FROM differ('version');
UPDATE question SET condition = condition || format(' AND valid @> %L::timestamptz', timestamptz '2020-01-10 12:00Z');
SELECT * FROM differ('version');
DROP SCHEMA test_gist_small CASCADE;
