--
-- dql_cursor_cost: a late page by cursor reads about what the first one reads,
-- whatever the directions of the sort and wherever NULL may be
--
-- Buffers are exact counts.  Late pages are behind cursors in all parts of the
-- order: among values, in a wide group of equal ones, at the border to NULL and
-- among NULL.
--
CREATE SCHEMA dql_cursor_cost;
SET search_path = dql_cursor_cost, vxp;
SET client_min_messages = warning;
SET jit = off;
SET max_parallel_workers_per_gather = 0;

-- 4 sites of 25,000 rows, 1,000 sizes; a quarter of the weights and half of the notes are NULL
-- without autovacuum: when it comes by, a page reads the catalogs again, and that is counted
CREATE TABLE thing (id text COLLATE "C" PRIMARY KEY, site text COLLATE "C" NOT NULL, size int NOT NULL, weight numeric, note text COLLATE "C") WITH (autovacuum_enabled = off);
INSERT INTO thing SELECT 'b' || lpad(g::text, 7, '0'), 'site' || g % 4, g * 7919 % 1000,
	CASE WHEN g % 4 > 0 THEN g::bigint * 104729 % 40000 END, CASE WHEN g % 8 < 4 THEN 'n' || g * 31 % 5000 END
FROM generate_series(1, 100000) g ORDER BY md5(g::text);	-- no order of the table is that of an index
CREATE INDEX ON thing (size, id);
CREATE INDEX ON thing (size DESC, id);
CREATE INDEX ON thing (weight DESC NULLS LAST, id);
CREATE INDEX ON thing (weight NULLS FIRST, id);
CREATE INDEX ON thing (site, size DESC, id);
CREATE INDEX ON thing (site DESC, note NULLS FIRST, id);
CREATE INDEX ON thing (note DESC NULLS LAST, weight NULLS FIRST, id);
CREATE INDEX ON thing (note DESC NULLS LAST, weight DESC NULLS LAST, id);
VACUUM ANALYZE thing;
SELECT register('Thing', 'thing', id => 'id');

-- the buffers of a page; each is read twice, since the first time reads the catalogs
CREATE FUNCTION buffers(request jsonb) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	FOR run IN 1 .. 2 LOOP
		EXECUTE format('EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) SELECT vxp.page(%L)', request) INTO plan;
	END LOOP;
	RETURN (plan #>> '{0,Plan,Shared Hit Blocks}')::int + (plan #>> '{0,Plan,Shared Read Blocks}')::int;
END $$;
-- the cursor behind so many rows: that of a page by number
CREATE FUNCTION cursor_behind(request jsonb, rows int) RETURNS text LANGUAGE sql AS
	$$ SELECT vxp.page((request || jsonb_build_object('page', rows / 50 - 1))::vxp.dql) ->> 'nextCursor' $$;
CREATE TABLE sorting (n int GENERATED ALWAYS AS IDENTITY, sort jsonb);
INSERT INTO sorting (sort) VALUES
	('[{"size":1}]'), ('[{"size":-1},{"id":-1}]'), ('[{"size":-1}]'),
	('[{"weight":-1}]'), ('[{"weight":1}]'),
	('[{"site":1},{"size":-1}]'), ('[{"site":-1},{"size":1},{"id":-1}]'),
	('[{"site":-1},{"note":1}]'),
	('[{"note":-1},{"weight":1}]'), ('[{"note":-1},{"weight":-1}]');
CREATE TABLE place AS
	SELECT n, sort, rows, request, buffers(request) AS first, cursor_behind(request, rows) AS cursor
	FROM sorting, jsonb_build_object('resource', 'Thing', 'sort', sort, 'count', 'none', 'pageSize', 50) request, unnest(ARRAY[50, 12500, 37450, 50000, 74950, 75000, 99900]) rows;
CREATE TABLE measured AS
	SELECT n, sort, rows, first, buffers(request || jsonb_build_object('after', cursor)) AS late FROM place;
SELECT count(*), min(first) > 0 AS reads FROM measured;
SELECT sort, rows, first, late FROM measured WHERE late > 2 * first ORDER BY n, rows;
-- items, which are one statement, likewise, where one direction and no NULL make the cursor one row comparison
CREATE FUNCTION buffers_of_items(request jsonb) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	FOR run IN 1 .. 2 LOOP
		EXECUTE format('EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) SELECT * FROM vxp.items(%L)', request) INTO plan;
	END LOOP;
	RETURN (plan #>> '{0,Plan,Shared Hit Blocks}')::int + (plan #>> '{0,Plan,Shared Read Blocks}')::int;
END $$;
SELECT sort, count(*) AS places, bool_and(buffers_of_items(request - 'pageSize' - 'count' || jsonb_build_object('after', cursor, 'limit', 50 + rows)) <= 2 * first) AS cheap
FROM place WHERE sort IN ('[{"size":1}]', '[{"size":-1},{"id":-1}]') GROUP BY sort ORDER BY sort;
-- the rows are those of the page by number
SELECT sort, rows FROM place WHERE rows IN (37450, 75000)
	AND (SELECT jsonb_agg(i -> 'id') FROM jsonb_array_elements(vxp.page((request || jsonb_build_object('after', cursor))::vxp.dql) -> 'items') i)
		IS DISTINCT FROM (SELECT jsonb_agg(i -> 'id') FROM jsonb_array_elements(vxp.page((request || jsonb_build_object('page', rows / 50))::vxp.dql) -> 'items') i)
ORDER BY n, rows;
-- a page by number, which reads all rows before it, costs many times more
SELECT buffers(request || '{"page":1999}') > 100 * buffers(request) AS by_number FROM jsonb_build_object('resource', 'Thing', 'sort', '[{"weight":-1}]'::jsonb, 'count', 'none', 'pageSize', 50) request;

-- without an index a page reads the table once, not once for each part of the order
CREATE TABLE plain WITH (autovacuum_enabled = off) AS SELECT * FROM thing;
ALTER TABLE plain ALTER id SET NOT NULL;
VACUUM ANALYZE plain;
SELECT register('PlainThing', 'plain', id => 'id');
SELECT sort, rows, buffers(request || jsonb_build_object('after', cursor_behind(request, rows))) > 1.2 * buffers(request) AS more_than_once
FROM (VALUES ('[{"site":1},{"size":-1},{"weight":-1}]'::jsonb, 37450), ('[{"weight":-1},{"note":-1}]', 600)) v(sort, rows),
	jsonb_build_object('resource', 'PlainThing', 'sort', sort, 'count', 'none', 'pageSize', 50) request;
-- what a subquery in the condition reads is its own: the rows are those of the page by number, and a late page costs about the first
SELECT rows, buffers(request || jsonb_build_object('after', cursor)) > 2 * buffers(request) AS more
FROM jsonb_build_object('resource', 'Thing', 'sort', '[{"weight":-1}]'::jsonb, 'count', 'none', 'pageSize', 50,
		'filter', '{"id":{"$in":{"resource":"PlainThing","select":"id","sort":{"size":1,"note":1},"limit":1000}}}'::jsonb) request,
	unnest('{50,700,750,900}'::int[]) rows, cursor_behind(request, rows) cursor
WHERE (SELECT jsonb_agg(i -> 'id') FROM jsonb_array_elements(vxp.page((request || jsonb_build_object('after', cursor))::vxp.dql) -> 'items') i)
		= (SELECT jsonb_agg(i -> 'id') FROM jsonb_array_elements(vxp.page((request || jsonb_build_object('page', rows / 50))::vxp.dql) -> 'items') i)
ORDER BY rows;

-- the partitions of a table are read in the order of their indexes, each from the cursor on
CREATE TABLE parted (LIKE thing INCLUDING ALL) PARTITION BY HASH (id);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0) WITH (autovacuum_enabled = off);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1) WITH (autovacuum_enabled = off);
INSERT INTO parted SELECT * FROM thing;
VACUUM ANALYZE parted;
SELECT register('PartedThing', 'parted', id => 'id');
SELECT sort, rows, buffers(request || jsonb_build_object('after', cursor_behind(request, rows))) > 2 * buffers(request) AS more
FROM (VALUES ('[{"weight":-1}]'::jsonb, 37450), ('[{"weight":-1}]', 75000), ('[{"size":-1},{"id":-1}]', 50000), ('[{"site":-1},{"note":1}]', 50000)) v(sort, rows),
	jsonb_build_object('resource', 'PartedThing', 'sort', sort, 'count', 'none', 'pageSize', 50) request;
DROP SCHEMA dql_cursor_cost CASCADE;
SELECT count(*) AS left_over FROM vxp.resource_type WHERE schema_name = 'dql_cursor_cost';
