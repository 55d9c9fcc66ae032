--
-- dql_cursor: a walk by nextCursor and "after" meets every row once, in order,
-- on any sort, whatever is written between its pages
--
-- Printed are deviations, of which there are none, and counts that prove that
-- something was compared.
--
CREATE SCHEMA dql_cursor;
SET search_path = dql_cursor, vxp;
SET client_min_messages = warning;
SET vxp.max_page_size = 5000;

CREATE DOMAIN grams AS numeric CHECK (VALUE > 0);
CREATE TYPE stage AS ENUM ('raw', 'clean', 'final');
CREATE TYPE span AS (low int, high int);
CREATE COLLATION unlike (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE sample (
	id text PRIMARY KEY,
	site text NOT NULL,
	size int NOT NULL,
	note text,					-- NULL in part, as all below
	weight grams,
	ratio float8,
	taken timestamptz,
	day date,
	at time,
	lasted interval,
	stage stage,
	ok boolean,
	code uuid,
	net inet,
	tags text[],
	price money,
	kind name,
	padded char(6),
	folded text COLLATE unlike,
	pair span,
	during int4range,
	raw bytea,
	metadata jsonb
);
INSERT INTO sample SELECT 's' || g, 'site' || g % 3, g % 7,
	CASE g % 5 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'tab\t"q"\\' WHEN 3 THEN 'ä' || g % 4 ELSE 'Z' || g % 9 END,
	nullif(g % 6, 0) * 0.30, (ARRAY[NULL, 'NaN', '-Infinity', '0.1', '1e-300', '-0'])[1 + g % 6]::float8 + g % 2 * 0.1,
	CASE g % 9 WHEN 0 THEN NULL WHEN 1 THEN 'infinity' ELSE '2024-01-01T00:00:00Z'::timestamptz + g % 11 * interval '1 hour 1 microsecond' END,
	CASE WHEN g % 4 > 0 THEN '2024-01-01'::date - g % 800 * 1000 END,
	CASE WHEN g % 4 > 0 THEN '10:00'::time + g % 13 * interval '1 second' END,
	CASE WHEN g % 4 > 0 THEN g % 5 * interval '-1 month 3 days' + g % 3 * interval '1 second' END,
	(ARRAY['raw', 'final', NULL, 'clean'])[1 + g % 4]::stage, (ARRAY[true, false, NULL])[1 + g % 3],
	CASE WHEN g % 3 > 0 THEN md5((g % 50)::text)::uuid END, CASE WHEN g % 3 > 0 THEN ('10.0.' || g % 4 || '.0/24')::inet END,
	CASE g % 5 WHEN 0 THEN NULL WHEN 1 THEN '{}'::text[] ELSE ARRAY['t' || g % 3, 'u' || g % 7, NULL] END,
	CASE WHEN g % 3 > 0 THEN (g % 8)::money END, CASE WHEN g % 3 > 0 THEN 'k' || g % 4 END, CASE WHEN g % 3 > 0 THEN 'p' || g % 4 END,
	CASE WHEN g % 5 > 0 THEN (ARRAY['Ab', 'ab', 'aB', 'b'])[1 + g % 4] END,
	CASE WHEN g % 5 > 0 THEN ROW(g % 3, nullif(g % 4, 0))::span END, CASE WHEN g % 5 > 0 THEN int4range(g % 3, g % 7 + 3) END,
	CASE WHEN g % 5 > 0 THEN decode(repeat(to_hex(16 + g % 9), 2), 'hex') END,
	CASE g % 6 WHEN 0 THEN NULL WHEN 1 THEN '{}' WHEN 2 THEN '{"a":null,"l":[]}' WHEN 3 THEN jsonb_build_object('a', g % 10, 'l', jsonb_build_array(g % 3, 'x'))
		WHEN 4 THEN jsonb_build_object('a', 'text ' || g % 4) ELSE '{"a":{"b":1},"l":[true]}' END
FROM generate_series(1, 400) g;
CREATE TABLE doc (n int PRIMARY KEY, document jsonb NOT NULL);
INSERT INTO doc SELECT g, jsonb_build_object('id', 'd' || g, 'type', (ARRAY['file', 'dir'])[1 + g % 2]) || CASE WHEN g % 3 > 0 THEN jsonb_build_object('createdAt', '2024-01-0' || 1 + g % 9) ELSE '{}' END
	|| coalesce((SELECT metadata FROM sample s WHERE s.id = 's' || g), '{}') FROM generate_series(1, 300) g;
ANALYZE sample, doc;
SELECT register('Sample', 'sample', id => 'id'), register('CursorDoc', 'doc', id => NULL, document => 'document', fields => '{"n":"n"}');
UPDATE vxp.resource_type SET id_column = NULL WHERE name = 'CursorDoc';
-- a view that the planner does not take apart
CREATE VIEW seen AS SELECT * FROM sample OFFSET 0;
SELECT register('Seen', 'seen', id => 'id');

-- the ids of a walk, in order; how many pages it took
CREATE FUNCTION walk(request jsonb, OUT ids text[], OUT pages int) LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
BEGIN
	ids := '{}';
	pages := 0;
	LOOP
		answer := vxp.execute(request::json);
		ids := ids || ARRAY(SELECT i ->> 'id' FROM jsonb_array_elements(answer -> 'items') WITH ORDINALITY x(i, n) ORDER BY n);
		pages := pages + 1;
		IF (answer ->> 'hasNextPage')::boolean <> (answer ? 'nextCursor') THEN
			RAISE EXCEPTION 'a cursor although nothing follows, or none: %', answer;
		END IF;
		EXIT WHEN NOT answer ? 'nextCursor';
		request := request || jsonb_build_object('after', answer -> 'nextCursor');
	END LOOP;
END $$;
CREATE TABLE sorting (n int GENERATED ALWAYS AS IDENTITY, resource text, sort jsonb);
-- each column alone, both ways, and each before another
INSERT INTO sorting (resource, sort)
	SELECT 'Sample', s FROM pg_attribute, LATERAL (VALUES (jsonb_build_array(jsonb_build_object(attname, 'ascending'))), (jsonb_build_array(jsonb_build_object(attname, 'descending'))),
		(jsonb_build_array(jsonb_build_object('site', 'descending'), jsonb_build_object('m' || 'etadata.l', 'descending'), jsonb_build_object(attname, 'ascending')))) v(s)
	WHERE attrelid = 'sample'::regclass AND attnum > 0 AND attname NOT IN ('site');
INSERT INTO sorting (resource, sort) VALUES
	('Sample', '[{"site":1},{"size":1}]'), ('Sample', '[{"site":-1},{"size":-1},{"id":-1}]'), ('Sample', '[{"site":1},{"size":-1},{"note":-1},{"day":1}]'),
	('Sample', '[{"note":-1},{"weight":-1}]'), ('Sample', '[{"size":1},{"note":1},{"weight":-1},{"id":1}]'), ('Sample', '[{"metadata.a":1}]'), ('Sample', '[{"metadata.a":-1},{"metadata.l":1}]'),
	('Sample', '[{"id":-1},{"note":1}]'), ('Sample', 'null'), ('Seen', '[{"site":1},{"size":-1},{"note":-1},{"day":1}]'), ('Seen', '[{"weight":-1}]'),
	('CursorDoc', '[{"id":1}]'), ('CursorDoc', '[{"id":-1}]'), ('CursorDoc', 'null'), ('CursorDoc', '[{"a":1}]'), ('CursorDoc', '[{"a":-1}]'), ('CursorDoc', '[{"l":1},{"type":-1}]'), ('CursorDoc', '[{"l":-1},{"n":-1}]'), ('CursorDoc', '[{"nobody":1}]');
CREATE FUNCTION whole(request jsonb) RETURNS text[] LANGUAGE sql AS
	$$ SELECT array_agg(i ->> 'id' ORDER BY n) FROM jsonb_array_elements(vxp.page(request::vxp.dql) -> 'items') WITH ORDINALITY x(i, n) $$;
SELECT count(*) AS walks, min(cardinality(w.ids)), min(w.pages) FROM sorting, walk(jsonb_build_object('resource', resource, 'sort', sort, 'pageSize', 37)) w;
SELECT s.resource, s.sort FROM sorting s, walk(jsonb_build_object('resource', resource, 'sort', sort, 'pageSize', 37)) w
WHERE w.ids IS DISTINCT FROM whole(jsonb_build_object('resource', resource, 'sort', sort, 'pageSize', 5000));
-- the same through the rows of items() and the executor path, behind the first 100
CREATE FUNCTION behind(request jsonb, size int) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
	request := request || jsonb_build_object('after', vxp.page((request || jsonb_build_object('pageSize', size))::vxp.dql) -> 'nextCursor');
	RETURN ARRAY(SELECT i ->> 'id' FROM vxp.items(request::vxp.dql) i);
END $$;
SELECT s.resource, s.sort FROM sorting s
WHERE behind(jsonb_build_object('resource', resource, 'sort', sort), 100) IS DISTINCT FROM (whole(jsonb_build_object('resource', resource, 'sort', sort, 'pageSize', 5000)))[101:];
SET vxp.enable_inlining = off;
SELECT s.resource, s.sort FROM sorting s
WHERE behind(jsonb_build_object('resource', resource, 'sort', sort), 33) IS DISTINCT FROM (whole(jsonb_build_object('resource', resource, 'sort', sort, 'pageSize', 5000)))[34:];
RESET vxp.enable_inlining;
-- with a filter, a page size of one, and settings that change the text form of values between the pages
SELECT w.pages, w.ids = whole('{"resource":"Sample","filter":{"size":3},"sort":[{"lasted":-1},{"taken":1}],"pageSize":5000}') AS same
FROM walk('{"resource":"Sample","filter":{"size":3},"sort":[{"lasted":-1},{"taken":1}],"pageSize":1}') w;
CREATE FUNCTION walk_odd(request jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
	ids text[] := '{}';
	n int := 0;
BEGIN
	LOOP
		n := n + 1;
		PERFORM set_config('DateStyle', (ARRAY['SQL, DMY', 'Postgres, MDY', 'German'])[1 + n % 3], true),
			set_config('TimeZone', (ARRAY['America/New_York', 'Asia/Tokyo'])[1 + n % 2], true),
			set_config('IntervalStyle', (ARRAY['sql_standard', 'iso_8601', 'postgres_verbose'])[1 + n % 3], true),
			set_config('extra_float_digits', '-15', true), set_config('bytea_output', 'escape', true);
		answer := vxp.page(request::vxp.dql);
		ids := ids || ARRAY(SELECT i ->> 'id' FROM jsonb_array_elements(answer -> 'items') i);
		EXIT WHEN NOT answer ? 'nextCursor';
		request := request || jsonb_build_object('after', answer -> 'nextCursor');
	END LOOP;
	RETURN ids;
END $$;
SELECT s.sort FROM sorting s WHERE resource = 'Sample'
	AND walk_odd(jsonb_build_object('resource', resource, 'sort', sort, 'pageSize', 23)) IS DISTINCT FROM whole(jsonb_build_object('resource', resource, 'sort', sort, 'pageSize', 5000));
RESET ALL;
SET search_path = dql_cursor, vxp;
SET client_min_messages = warning;
SET vxp.max_page_size = 5000;

-- the answer counts all matching rows; a cursor also follows a page by number; the row of the cursor may be gone
SELECT page('{"resource":"Sample","sort":{"id":1},"pageSize":2,"page":3}') ->> 'nextCursor' AS cursor \gset
SELECT a ->> 'totalItemsCount' AS total, a ->> 'totalPagesCount' AS pages, a #>> '{items,0,id}' AS first,
	whole('{"resource":"Sample","sort":{"id":1},"pageSize":9}') AS before
FROM page(format('{"resource":"Sample","sort":{"id":1},"pageSize":2,"after":"%s"}', :'cursor')::dql) a;
BEGIN;
DELETE FROM sample WHERE id = (SELECT (whole('{"resource":"Sample","sort":{"id":1},"pageSize":8}'))[8]);
SELECT a #>> '{items,0,id}' AS first FROM page(format('{"resource":"Sample","sort":{"id":1},"pageSize":2,"after":"%s"}', :'cursor')::dql) a;
ROLLBACK;
SELECT format('{"resource":"Sample","sort":{"id":1},"pageSize":2,"after":"%s"}', :'cursor') AS request \gset
SELECT vxp.count(:'request');
SELECT to_sql(format('{"resource":"Sample","sort":{"id":1},"pageSize":2,"after":"%s","select":["id"]}', :'cursor')::dql);
-- limit counts from the start of the walk, whatever a page holds
SELECT w.pages, w.ids = (whole('{"resource":"Sample","sort":{"size":-1},"pageSize":5000}'))[1:100] AS same
FROM walk('{"resource":"Sample","sort":{"size":-1},"limit":100,"pageSize":30}') w;
SELECT w.pages, cardinality(w.ids) FROM walk('{"resource":"Sample","sort":{"size":-1},"limit":30,"pageSize":30}') w;
SELECT page('{"resource":"Sample","pageSize":0}') ? 'nextCursor' AS of_no_rows, page('{"resource":"Sample","limit":5}') ? 'nextCursor' AS of_a_limit;

-- refused: with page or skip, in what is nested, of another order or resource, damaged
CREATE FUNCTION refusal(request text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM vxp.page(request::vxp.dql);
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate || ' ' || sqlerrm;
END $$;
SELECT request, refusal(format(request, :'cursor')) FROM (VALUES
	('{"resource":"Sample","sort":{"id":1},"page":0,"after":"%s"}'),
	('{"resource":"Sample","sort":{"id":1},"page":1,"after":"%s"}'),
	('{"resource":"Sample","sort":{"id":1},"skip":1,"after":"%s"}'),
	('{"resource":"Sample","sort":{"id":1},"after":null}'),
	('{"resource":"Sample","sort":{"id":1},"after":""}'),
	('{"resource":"Sample","sort":{"id":1},"after":7}'),
	('{"resource":"Sample","sort":{"id":1},"after":"nonsense"}'),
	('{"resource":"Sample","sort":{"id":-1},"after":"%s"}'),
	('{"resource":"Sample","sort":{"size":1},"after":"%s"}'),
	('{"resource":"Sample","after":"%s"}'),
	('{"resource":"CursorDoc","sort":{"id":1},"after":"%s"}'),
	('{"resource":"Sample","filter":{"id":{"$in":{"resource":"Sample","select":"id","after":"%s"}}}}'),
	('{"resource":"Sample","except":{"query":{"after":"%s"}}}')) v(request);
SELECT refusal(format('{"resource":"Sample","sort":{"id":1},"after":"%s"}', :'cursor' || 'A'));
-- every change of one character, and every shorter form, is refused as damage
SELECT refusal(format('{"resource":"Sample","sort":{"id":1},"after":"%s"}', overlay(:'cursor' PLACING c FROM n FOR 1))) AS says, count(*) > 400 AS many
FROM generate_series(1, length(:'cursor')) n, unnest(ARRAY['A', 'Q', '_', '7', 'z', '-', '.', ' ', '=', 'é', '\u0001']) c
WHERE c <> substr(:'cursor', n, 1) GROUP BY 1;
SELECT refusal(format('{"resource":"Sample","sort":{"id":1},"after":"%s"}', left(:'cursor', n))) AS says, count(*) > 20 AS many FROM generate_series(1, length(:'cursor') - 1) n GROUP BY 1;
SELECT setseed(0.5);
SELECT left(refusal(format('{"resource":"Sample","sort":{"id":1},"after":"%s"}', token)), 5) AS code, count(*)
FROM (SELECT translate(encode(decode(string_agg(md5(random()::text), ''), 'hex'), 'base64'), E'+/=\n', '-_') FROM generate_series(1, 2000) g GROUP BY g % 400) r(token) GROUP BY 1;
-- a whole token whose value the type no longer takes
SELECT page('{"resource":"Sample","sort":{"stage":1},"filter":{"stage":"clean"},"pageSize":2}') ->> 'nextCursor' AS staged \gset
BEGIN;
ALTER TYPE stage RENAME VALUE 'clean' TO 'tidy';
SELECT refusal(format('{"resource":"Sample","sort":{"stage":1},"after":"%s"}', :'staged'));
ROLLBACK;
SELECT unregister('Seen');
DROP VIEW seen;
BEGIN;
DROP VIEW sample_current CASCADE;
ALTER TABLE sample ALTER stage TYPE text;
SELECT refusal(format('{"resource":"Sample","sort":{"stage":1},"after":"%s"}', :'staged'));
ROLLBACK;

-- an index on the sort keys starts at the cursor
CREATE INDEX ON sample (site COLLATE "C", size, id COLLATE "C");
CREATE INDEX ON sample (size DESC, note COLLATE "C");
CREATE INDEX ON doc (sort_key(document, 'a', false), sort_key(document, 'id', false));
ANALYZE sample, doc;
SET enable_seqscan = off;
SET enable_sort = off;
SET enable_bitmapscan = off;
CREATE FUNCTION plan(request jsonb) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	request := request || jsonb_build_object('after', vxp.page((request || '{"pageSize":100}')::vxp.dql) -> 'nextCursor', 'limit', 50);
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || vxp.to_sql(request::vxp.dql) LOOP
		RETURN NEXT regexp_replace(line, '\\x[0-9a-f]+', '\\x...', 'g');
	END LOOP;
END $$;
SELECT plan('{"resource":"Sample","sort":[{"site":1},{"size":1}],"select":["id"]}');
SELECT plan('{"resource":"Sample","sort":[{"size":-1},{"note":1}],"select":["id"]}');
SELECT plan('{"resource":"CursorDoc","sort":{"a":1},"select":["n"]}');
RESET enable_seqscan;
RESET enable_sort;
RESET enable_bitmapscan;

--
-- A walk over 20,000 rows while others are written: each row that was there and
-- was not deleted or given other sort keys is met exactly once
--
CREATE TABLE big (id text COLLATE "C" PRIMARY KEY, place int NOT NULL, size numeric, metadata jsonb, touched int DEFAULT 0);
INSERT INTO big SELECT 'b' || g, g * 7919 % 20011, nullif(g % 50, 0), jsonb_build_object('w', g % 100) FROM generate_series(1, 20000) g;
CREATE INDEX ON big (place, id);
ANALYZE big;
SELECT register('Big', 'big', id => 'id');
CREATE TABLE fate (id text PRIMARY KEY, moved boolean NOT NULL DEFAULT false);
CREATE FUNCTION walk_written(request jsonb) RETURNS TABLE (started bigint, kept bigint, met_once bigint, met_not bigint, met_twice bigint, met_new bigint) LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
	n int := 0;
BEGIN
	DROP TABLE IF EXISTS met;
	CREATE TEMP TABLE met (id text);
	CREATE INDEX ON met (id);
	TRUNCATE fate;
	INSERT INTO fate (id) SELECT b.id FROM big b;
	LOOP
		answer := vxp.execute(request::json);
		INSERT INTO met SELECT i ->> 'id' FROM jsonb_array_elements(answer -> 'items') i;
		n := n + 1;
		EXIT WHEN NOT answer ? 'nextCursor';
		-- before and behind the cursor, and the row of the cursor itself
		DELETE FROM big b WHERE b.id = answer #>> '{items,-1,id}' OR b.place % 1009 = n;
		INSERT INTO big SELECT format('n%s.%s.%s', request ->> 'pageSize', n, g), (n * 977 + g * 4001) % 20011, g, '{"w":3}' FROM generate_series(1, 20) g;
		UPDATE big b SET touched = b.touched + 1 WHERE b.place % 103 = n % 103;
		WITH moved AS (UPDATE big b SET place = (b.place + 10000) % 20011, size = 25, metadata = '{"w":50}' WHERE b.place % 997 = n RETURNING b.id)
		UPDATE fate f SET moved = true FROM moved m WHERE m.id = f.id;
		request := request || jsonb_build_object('after', answer -> 'nextCursor');
	END LOOP;
	RETURN QUERY SELECT count(*), count(*) FILTER (WHERE f.stays), count(*) FILTER (WHERE f.stays AND m.times = 1),
		count(*) FILTER (WHERE f.stays AND m.times = 0), count(*) FILTER (WHERE f.stays AND m.times > 1), (SELECT count(*) FROM met m2 WHERE NOT EXISTS (SELECT FROM fate f2 WHERE f2.id = m2.id))
	FROM (SELECT f1.id, NOT f1.moved AND EXISTS (SELECT FROM big b WHERE b.id = f1.id) AS stays FROM fate f1) f,
		LATERAL (SELECT count(*) AS times FROM met m1 WHERE m1.id = f.id) m;
END $$;
SELECT started, kept = met_once AS all_once, met_not, met_twice, met_new > 0 AS met_new FROM walk_written('{"resource":"Big","sort":{"place":1},"pageSize":500,"count":"none"}');
SELECT started >= 18000 AS started, kept = met_once AS all_once, met_not, met_twice, met_new > 0 AS met_new FROM walk_written('{"resource":"Big","sort":[{"size":-1},{"place":1}],"pageSize":701,"count":"none"}');
SELECT started >= 18000 AS started, kept = met_once AS all_once, met_not, met_twice, met_new > 0 AS met_new FROM walk_written('{"resource":"Big","sort":[{"metadata.w":-1}],"pageSize":900,"count":"none"}');

-- "estimated" is the planner's own estimate of the rows, with a cursor too
SELECT page('{"resource":"Big","sort":{"place":1},"pageSize":2}') ->> 'nextCursor' AS cursor \gset
CREATE FUNCTION estimate(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
	RETURN plan #>> '{0,Plan,Plan Rows}';
END $$;
ANALYZE big;
SELECT (page(dql::dql) ->> 'totalItemsCount')::bigint = estimate(to_sql(dql::dql)) AS is_estimate, estimate(to_sql(dql::dql)) <> vxp.count(dql::dql) AS differs
FROM (VALUES ('{"resource":"Big","count":"estimated","filter":{"place":{"$lt":1500},"size":{"$gt":7}}}')) v(dql);
SELECT (page(format('{"resource":"Big","count":"estimated","sort":{"place":1},"after":"%s"}', :'cursor')::dql) ->> 'totalItemsCount')::bigint = estimate('SELECT FROM big') AS is_estimate;
DROP SCHEMA dql_cursor CASCADE;
SELECT count(*) AS left_over FROM vxp.resource_type WHERE schema_name = 'dql_cursor';
