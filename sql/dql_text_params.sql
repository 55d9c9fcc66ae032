--
-- dql_text_params: bind variables of the operators on text and on timestamps
--
-- {"$glob": {"$param": 1}} with a glob means what the glob means in the request,
-- its leading "!" included: on columns, arrays and documents, as a constant, in
-- custom and generic plans, run by itself, as the text of to_sql, and beside a
-- neighbour that gives the glob.  Null finds nothing, whatever the operator.
-- Printed are deviations, of which there are none, counts and plans.
--
CREATE SCHEMA text_params;
SET search_path = text_params, vxp;
SET client_min_messages = warning;
CREATE TABLE file (id int PRIMARY KEY, path text, name varchar(40), code char(6), tags text[]);
INSERT INTO file SELECT row_number() OVER (), p, p, left(p, 6), CASE row_number() OVER () % 3 WHEN 0 THEN NULL WHEN 1 THEN ARRAY[p, lag(p) OVER ()] ELSE ARRAY['/x', p] END
FROM unnest(ARRAY['/a.jpg', '/d/a.jpg', '/.x/a.jpg', '/d/e/f.png', 'a', 'ab', 'abc', '', '!a', '!!a', 'a*c', 'a?c', 'a[b]', 'a.c', 'a\c', 'é', 'aéc', E'a\nc', '/d/', NULL]) p;
CREATE TABLE file_doc (d jsonb NOT NULL);
INSERT INTO file_doc SELECT jsonb_strip_nulls(to_jsonb(f)) || CASE WHEN tags IS NULL THEN '{}' ELSE jsonb_build_object('tags', tags) END FROM file f;
SELECT register('File', 'file'), register('FileDoc', 'file_doc', document => 'd');

CREATE TABLE question AS
	SELECT row_number() OVER () AS n, o, field, glob, format(form, field, '%s') AS filter
	FROM unnest('{File,FileDoc}'::text[]) o, unnest('{path,name,code,tags}'::text[]) field,
		unnest(ARRAY['*', '**', '', '/*', '/**', '/**/*.jpg', '/?/*', 'a?c', 'a*', '!*', '!a*', '!!a*', '!!!a', '!', '!!', 'a[b]', 'a.c', 'a\c', 'a+', '^a$', 'é', 'a?c*', '/d/', '*(', '!/.*/**']) glob,
		unnest(ARRAY['{"%s":{"$glob":%s}}', '{"%s":{"$not":{"$glob":%s}}}', '{"$nor":[{"%s":{"$glob":%s}},{"id":3}]}', '{"%s":{"$match":{"$glob":%s}}}', '{"%s":{"$glob":%s,"$ne":"a"},"id":{"$lt":15}}']) form;
CREATE FUNCTION asked(q question, way text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	dql text := format('{"resource":"%s","filter":%s}', q.o, format(q.filter, CASE way WHEN 'in the request' THEN to_json(q.glob)::text ELSE '{"$param":1}' END));
BEGIN
	PERFORM set_config('vxp.enable_inlining', (way <> 'by itself')::text, true),
		set_config('plan_cache_mode', CASE way WHEN 'generic' THEN 'force_generic_plan' ELSE 'force_custom_plan' END, true);
	IF way = 'in the request' THEN
		EXECUTE format('SELECT string_agg(i ->> ''id'', '' '' ORDER BY (i ->> ''id'')::int) FROM vxp.items(%L) i', dql) INTO result;
	ELSIF way IN ('custom', 'generic') THEN
		EXECUTE format('PREPARE asked_now (text) AS SELECT string_agg(i ->> ''id'', '' '' ORDER BY (i ->> ''id'')::int) FROM vxp.items(%L, $1) i', dql);
		EXECUTE format('EXECUTE asked_now (%L)', q.glob) INTO result;
		DEALLOCATE asked_now;
	ELSIF way = 'printed' THEN
		EXECUTE format('PREPARE asked_now (text) AS SELECT string_agg(id, '' '' ORDER BY id::int) FROM (SELECT coalesce(to_jsonb(s) -> ''d'', to_jsonb(s)) ->> ''id'' AS id FROM (%s) s) s', vxp.to_sql(dql::vxp.dql));
		EXECUTE format('EXECUTE asked_now (%L)', q.glob) INTO result;
		DEALLOCATE asked_now;
	ELSIF way = 'neighbour' THEN
		EXECUTE format('SELECT string_agg(i ->> ''id'', '' '' ORDER BY (i ->> ''id'')::int) FROM (VALUES (%L::text), (NULL)) g(g), vxp.items(%L, g.g) i WHERE g IS NOT NULL', q.glob, dql) INTO result;
	ELSIF way = 'matches' THEN
		SELECT string_agg(id::text, ' ' ORDER BY id) INTO result FROM file JOIN file_doc ON (d ->> 'id')::int = id
			WHERE vxp.matches(d, format('{"filter":%s}', format(q.filter, '{"$param":1}'))::vxp.dql, params => jsonb_build_array(q.glob));
	ELSE
		EXECUTE format('SELECT string_agg(i ->> ''id'', '' '' ORDER BY (i ->> ''id'')::int) FROM vxp.items(%L, %L::text) i', dql, q.glob) INTO result;
	END IF;
	RETURN coalesce(result, 'none');
EXCEPTION WHEN OTHERS THEN
	DEALLOCATE ALL;
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE TABLE answer AS
	WITH expected AS MATERIALIZED (SELECT q.*, asked(q, 'in the request') AS expected FROM question q)
	SELECT q.*, e.expected, way, asked(q, way) AS ids
	FROM question q JOIN expected e USING (n), unnest('{constant,"by itself",custom,generic,printed,neighbour,matches}'::text[]) way
	WHERE NOT (way = 'matches' AND q.o <> 'FileDoc');
SELECT o, field, glob, filter, way, expected, ids FROM answer WHERE ids <> expected OR expected ~ '^\d{5} ' ORDER BY n, way LIMIT 40;
SELECT way, count(*) > 400 AS many, count(*) FILTER (WHERE ids = expected) = count(*) AS equal, count(DISTINCT ids) > 30 AS differ FROM answer GROUP BY way ORDER BY way;

-- A known glob leaves one condition, which an index serves; an unknown one is chosen at run time
CREATE INDEX ON file (path text_pattern_ops);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
PREPARE globbed (text) AS SELECT id FROM vxp.query(NULL::file, '{"filter":{"path":{"$glob":{"$param":1}}}}', $1);
SET plan_cache_mode = force_custom_plan;
EXPLAIN (COSTS OFF) EXECUTE globbed('/d/*');
RESET enable_seqscan;
RESET enable_bitmapscan;
EXPLAIN (COSTS OFF) EXECUTE globbed('!/d/*');
SET plan_cache_mode = force_generic_plan;
EXECUTE globbed('/d/*');
EXECUTE globbed('!/**');
RESET plan_cache_mode;
SELECT to_sql('{"resource":"File","select":"id","filter":{"path":{"$glob":{"$param":1}}}}');
SELECT id FROM vxp.query(NULL::file, '{"filter":{"path":{"$glob":{"$param":1}}}}', 5);
SELECT count(*) FROM vxp.items('{"resource":"FileDoc","filter":{"path":{"$glob":{"$param":1}}}}', 5);

-- Null finds nothing, and its complement everything: on columns as on documents, known to the planner or not
SELECT op, field, count(DISTINCT found) AS answers, min(found) AS found, min(complement) AS complement FROM (
	SELECT op, field, o, way, f.found, c.found AS complement
	FROM unnest('{$contains,$startsWith,$glob,$after,$before,$gt,$lt}'::text[]) op, unnest('{path,tags}'::text[]) field, unnest('{File,FileDoc}'::text[]) o, unnest('{true,false}'::boolean[]) way,
		LATERAL (SELECT CASE WHEN way THEN (SELECT count(*) FROM items(format('{"resource":"%s","filter":{"%s":{"%s":{"$param":1}}}}', o, field, op)::dql, NULL::text))
			ELSE (SELECT count(*) FROM (SELECT nullif(g, 1)::text AS v FROM generate_series(1, 1) g) v, items(format('{"resource":"%s","filter":{"%s":{"%s":{"$param":1}}}}', o, field, op)::dql, v)) END AS found) f,
		LATERAL (SELECT CASE WHEN way THEN (SELECT count(*) FROM items(format('{"resource":"%s","filter":{"%s":{"$not":{"%s":{"$param":1}}}}}', o, field, op)::dql, NULL::text))
			ELSE (SELECT count(*) FROM (SELECT nullif(g, 1)::text AS v FROM generate_series(1, 1) g) v, items(format('{"resource":"%s","filter":{"%s":{"$not":{"%s":{"$param":1}}}}}', o, field, op)::dql, v)) END AS found) c) s
GROUP BY op, field ORDER BY op, field;
SELECT op, (SELECT count(*) FROM query(NULL::file, format('{"filter":{"path":{"%s":{"$param":1}}}}', op)::dql, NULL::text)) AS found
FROM unnest('{$contains,$startsWith,$glob,$after,$before}'::text[]) op;

DEALLOCATE ALL;
SELECT unregister('File'), unregister('FileDoc');
DROP SCHEMA text_params CASCADE;
