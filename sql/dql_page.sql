--
-- dql_page: pages against window functions
--
-- Every combination of page, pageSize, limit and skip: the items, the counts and
-- whether there is a next page, against a row_number() over the whole.  The
-- rows of query() for the same request are those of the page when it asks for
-- one, and all that limit and skip leave when it does not.
--
CREATE SCHEMA dql_page;
SET search_path = dql_page;
SET client_min_messages = warning;
SET jit = off;
CREATE TABLE page_row (id int PRIMARY KEY, grade int, name text COLLATE "C");
INSERT INTO page_row SELECT g, nullif(g % 4, 0), 'n' || g % 3 FROM generate_series(1, 17) g;
SELECT vxp.register('PageRow', 'page_row');
SET vxp.default_page_size = 6;
SET vxp.max_page_size = 8;

CREATE TABLE asked AS
SELECT row_number() OVER () AS n, *, '{"resource":"PageRow"' || concat(',"page":' || page, ',"pageSize":' || size, ',"limit":' || lim, ',"skip":' || skip) || concat(',"sort":' || sort, ',"filter":' || filter) || '}' AS request
FROM unnest('{NULL,0,1,3,1000000}'::bigint[]) page, unnest('{NULL,0,1,5,9}'::bigint[]) size, unnest('{NULL,0,1,5,12,50}'::bigint[]) lim, unnest('{NULL,3,16,17}'::bigint[]) skip,
	(VALUES (NULL, '{"grade":{"$ne":7}}', 'id'), ('{"grade":"descending","name":"ascending"}', NULL, 'grade DESC NULLS LAST, name, id')) o(sort, filter, sql);
-- what the request means, step by step
CREATE FUNCTION meant(request asked, OUT ids text, OUT next boolean, OUT total bigint, OUT pages bigint, OUT rows text) LANGUAGE plpgsql AS $$
DECLARE
	size bigint := CASE WHEN request.size IS NOT NULL THEN least(request.size, 8) WHEN request.lim IS NOT NULL THEN request.lim ELSE 6 END;
BEGIN
	EXECUTE format($q$
		WITH cut AS (SELECT id, row_number() OVER (ORDER BY n) - 1 AS n FROM (SELECT id, row_number() OVER (ORDER BY %1$s) - 1 AS n FROM page_row) o
			WHERE n >= %2$s AND (%3$s IS NULL OR n < %2$s + %3$s))
		SELECT coalesce(string_agg(id::text, ',' ORDER BY n) FILTER (WHERE %4$s > 0 AND n / nullif(%4$s, 0) = %5$s), ''),
			coalesce(bool_or(n >= (%5$s + 1) * %4$s), false) AND %4$s > 0, count(*), CASE WHEN %4$s > 0 THEN ceil(count(*)::numeric / nullif(%4$s, 0)) ELSE 0 END,
			coalesce(string_agg(id::text, ',' ORDER BY n) FILTER (WHERE NOT %6$L OR %4$s > 0 AND n / nullif(%4$s, 0) = %5$s), '')
		FROM cut $q$, request.sql, coalesce(request.skip, 0), coalesce(request.lim::text, 'NULL::bigint'), size, coalesce(request.page, 0), coalesce(request.page, request.size) IS NOT NULL)
	INTO ids, next, total, pages, rows;
END $$;
CREATE FUNCTION rows_of(request text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	ids text;
BEGIN
	EXECUTE format('SELECT string_agg(v.id::text, '','') FROM vxp.query(NULL::page_row, %L) v', request) INTO ids;
	RETURN coalesce(ids, '');
END $$;
CREATE TABLE answered AS
SELECT a.n, request, (meant(a)).*, vxp.page(request::vxp.dql) AS page, vxp.count(request::vxp.dql) AS count, rows_of(request) AS query FROM asked a;
SELECT count(*) AS asked, count(*) FILTER (WHERE ids <> '') > 200 AS with_rows, count(*) FILTER (WHERE next) > 50 AS with_next FROM answered;
-- division by zero never happens, nothing is missing
SELECT count(*) FROM answered WHERE ids IS NULL OR next IS NULL OR total IS NULL OR pages IS NULL OR page IS NULL;
-- deviations of the envelope
SELECT request, ids, next, total, pages, page FROM answered
WHERE ids <> (SELECT coalesce(string_agg(i->>'id', ',' ORDER BY o), '') FROM jsonb_array_elements(page->'items') WITH ORDINALITY e(i, o))
	OR next <> (page->>'hasNextPage')::bool OR total <> (page->>'totalItemsCount')::bigint OR pages <> (page->>'totalPagesCount')::bigint
ORDER BY n LIMIT 10;
-- of count()
SELECT request, total, count FROM answered WHERE total <> count ORDER BY n LIMIT 10;
-- of query(): a page only where the request speaks of pages
SELECT request, rows, query FROM answered
WHERE query <> rows AND request ~ 'page|limit|skip|sort'
	OR request !~ 'page|limit|skip|sort' AND (SELECT string_agg(x, ',' ORDER BY x) FROM regexp_split_to_table(query, ',') x) <> (SELECT string_agg(x, ',' ORDER BY x) FROM regexp_split_to_table(rows, ',') x)
ORDER BY n LIMIT 10;

-- pages one after the other are the whole, each row once, also where the sort key has ties
SELECT string_agg(i->>'id', ',' ORDER BY p, o) = (SELECT string_agg(id::text, ',' ORDER BY grade DESC NULLS LAST, id) FROM page_row) AS whole
FROM generate_series(0, 9) p, jsonb_array_elements(vxp.page(format('{"resource":"PageRow","sort":{"grade":-1},"page":%s,"pageSize":3}', p)::vxp.dql)->'items') WITH ORDINALITY e(i, o);

-- counts left out, counts estimated
SELECT vxp.page('{"resource":"PageRow","pageSize":2,"count":"none","select":["id"]}') - 'nextCursor' AS page;
SELECT vxp.page('{"resource":"PageRow","pageSize":2,"countTotal":false,"select":["id"]}') - 'nextCursor' AS page;
ANALYZE page_row;
SELECT vxp.page('{"resource":"PageRow","pageSize":2,"count":"estimated","select":["id"]}') - 'nextCursor' AS page;
SELECT vxp.page('{"resource":"PageRow","pageSize":2,"skip":10,"limit":5,"count":"estimated","select":["id"]}') - 'nextCursor' AS page;
-- nothing there
SELECT vxp.page('{"resource":"PageRow","filter":{"id":-1}}');
SELECT vxp.page('{"resource":"PageRow","filter":{"id":-1},"count":"estimated"}') - 'totalItemsCount' - 'totalPagesCount';
-- execute() is page() for a gateway
SELECT vxp.execute('{"resource":"PageRow","page":2,"pageSize":7,"select":["id"]}') = vxp.page('{"resource":"PageRow","page":2,"pageSize":7,"select":["id"]}') AS same;
-- bind variables
SELECT vxp.page('{"resource":"PageRow","filter":{"id":{"$in":{"$param":1}},"name":{"$param":2}},"select":["id"]}', ARRAY[1,2,4], 'n1');
SELECT vxp.count('{"resource":"PageRow","filter":{"id":{"$in":{"$param":1}},"name":{"$param":2}}}', ARRAY[1,2,4], 'n1');
SELECT i FROM vxp.items('{"resource":"PageRow","filter":{"id":{"$in":{"$param":1}},"name":{"$param":2}},"select":["id"]}', ARRAY[1,2,4], 'n1') i;

-- numbers without bounds
SELECT r, vxp.page(('{"resource":"PageRow","select":["id"],' || r || '}')::vxp.dql)
FROM (VALUES ('"page":9007199254740991'), ('"page":9007199254740991,"pageSize":8'), ('"skip":9007199254740991'), ('"limit":9007199254740991,"page":1'), ('"skip":9007199254740991,"page":9007199254740991'),
	('"limit":9007199254740991,"skip":9007199254740991'), ('"limit":9007199254740991,"skip":16'), ('"page":9007199254740991,"limit":9007199254740991')) v(r);
SELECT vxp.page(NULL), vxp.count('{"resource":"PageRow","sort":{"nosuch":1}}');
SELECT vxp.page('{"resource":"PageRow","sort":{"nosuch":1}}');
SELECT vxp.count('{"resource":"PageRow","sort":{"nosuch":1}}');
SELECT vxp.count(NULL);

-- a page is cut before its rows become JSON: the item is made above the Sort, and the Sort does not carry it
CREATE FUNCTION below_sort(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) ' || query INTO plan;
	RETURN (SELECT string_agg(n::text, '') FROM jsonb_path_query(plan::jsonb, 'strict $.**?(@."Node Type" == "Sort")') n);
END $$;
SELECT below_sort('SELECT * FROM vxp.items(''{"resource":"PageRow","sort":{"name":-1},"limit":3}'')') !~ 'jsonb_build_object' AS made_after_the_cut,
	below_sort('SELECT * FROM vxp.items(''{"resource":"PageRow","sort":{"name":-1},"limit":3,"select":["id"]}'')') !~ 'jsonb_build_object' AS also_selected;

DROP SCHEMA dql_page CASCADE;
