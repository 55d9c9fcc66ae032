--
-- dql_parameters: a request as a parameter of the type that a driver gives it
--
-- Drivers send a string as unknown, text or varchar, and JSON as json or jsonb.  Each function that takes a request takes
-- each of these (vxp.count all but unknown: its argument is declared as the aggregate's), under custom and generic plans,
-- and answers the same.
--
SET search_path = public, vxp;
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SELECT create_resource_type('Scan', 'kind text, n int', versioned => false) IS NOT NULL AS ok;
INSERT INTO scan (identifier, kind, n) SELECT 'scan/' || i, 'k' || i % 3, i FROM generate_series(1, 30) i;

CREATE FUNCTION answers(call text, type text) RETURNS text LANGUAGE plpgsql AS $function$
DECLARE
	answer text;
	found text[] := '{}';
BEGIN
	DEALLOCATE ALL;
	EXECUTE format('PREPARE asked (%s) AS SELECT %s', type, call);
	FOR i IN 1 .. 7 LOOP
		EXECUTE 'EXECUTE asked ($${"resource": "Scan", "filter": {"kind": "k1"}, "sort": [{"n": "descending"}]}$$)' INTO answer;
		found := array_append(found, answer);
	END LOOP;
	RETURN (SELECT string_agg(DISTINCT f, ' and ') FROM unnest(found) f);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END
$function$;
SET plan_cache_mode = auto;
SELECT call, string_agg(type, ' ' ORDER BY x.n) AS types, answer FROM (
	SELECT c.n AS m, call, type, t.n, left(answers(call, type), 90) AS answer
	FROM (VALUES
			(1, '(SELECT count(*) FROM vxp.query(NULL::scan, $1))'),
			(2, '(SELECT count(*) FROM scan($1))'),
			(3, '(SELECT count(*) FROM vxp.items($1))'),
			(4, '(SELECT count(*) FROM vxp.query_record($1) AS r(n int))'),
			(5, 'vxp.count($1)'),
			(6, $$vxp.page($1) ->> 'totalItemsCount'$$),
			(7, $$vxp.execute($1) ->> 'totalItemsCount'$$),
			(8, 'length(vxp.to_sql($1)) > 50'),
			(9, 'vxp.canonical_filter($1)'),
			(10, $$vxp.matches('{"kind": "k1"}', vxp.canonical_filter($1))$$)) c(n, call),
		unnest('{unknown,text,varchar,json,jsonb,vxp.dql}'::text[]) WITH ORDINALITY t(type, n)
	WHERE NOT (call LIKE 'vxp.execute%' AND type = 'vxp.dql')) x
GROUP BY m, call, answer ORDER BY m, answer;

-- execute() of text keeps the order of sort keys, of jsonb refuses an order that is lost; NULL is refused in each
SELECT vxp.execute('{"resource": "Scan", "sort": {"kind": "descending", "n": "ascending"}, "pageSize": 1, "select": ["n"]}'::text) -> 'items' AS items;
SELECT vxp.execute('{"resource": "Scan", "sort": {"kind": "descending", "n": "ascending"}, "pageSize": 1, "select": ["n"]}'::jsonb);
SELECT vxp.execute('{"resource": "Scan", "sort": {"n": "descending"}, "pageSize": 1, "select": ["n"]}'::jsonb) -> 'items' AS items;
SELECT vxp.execute(NULL::text);
SELECT vxp.execute(NULL::jsonb);
SELECT vxp.execute('{"resource": "Scan", "filter": '::text);
-- a write too, once; no record of it stays
SET vxp.undo_retention = 0;
SELECT vxp.execute('{"resource": "Scan", "filter": {"n": {"$lte": 10}}, "delete": true}'::jsonb) AS deleted;
SELECT vxp.execute('"{\"resource\": \"Scan\", \"filter\": {\"n\": {\"$lte\": 20}}, \"delete\": true}"'::text) AS deleted;
SELECT count(*) FROM scan;

DEALLOCATE ALL;
DROP FUNCTION answers;
SELECT drop_resource_type('Scan');
