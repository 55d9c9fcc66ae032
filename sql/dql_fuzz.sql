--
-- dql_fuzz: any request gets an answer or an error of its own, and no text of it becomes SQL
--
-- 10,000 requests from a seeded grammar over a document table and a typed table,
-- with texts that try to break out of every place where a string may stand; a
-- third is damaged.  Each goes through vxp.page and every fourth as the text of
-- vxp.to_sql too, whose rows are as many as vxp.count says.  No error may be
-- internal (XX000) or one of SQL that was not written by the caller (syntax,
-- undefined function, ambiguity), and the tables stay as they were.
--
SET search_path = public, vxp;
SET client_min_messages = warning;
SET jit = off;
CREATE TABLE fuzz_doc (d jsonb NOT NULL);
INSERT INTO fuzz_doc
SELECT jsonb_build_object('id', 'f' || g, 'a', CASE g % 5 WHEN 0 THEN to_jsonb(g) WHEN 1 THEN to_jsonb('x' || g) WHEN 2 THEN jsonb_build_array(g, 'y', null)
		WHEN 3 THEN jsonb_build_object('b', g % 3, 'c', jsonb_build_array(jsonb_build_object('b', g))) ELSE 'null' END, 'b', g % 2 = 0, 'itemId', 'f' || g / 2)
	|| CASE WHEN g % 3 = 0 THEN '{"createdAt":"2024-01-01T00:00:00Z","it''s \"q\"":1}' ELSE '{}' END::jsonb
FROM generate_series(1, 30) g;
CREATE TABLE fuzz_typed (id text PRIMARY KEY, a int, b boolean, n numeric, t timestamptz, tags text[], "it's ""q""" text, c text COLLATE "C", u uuid);
INSERT INTO fuzz_typed
SELECT 'f' || g, nullif(g % 7, 0), g % 2 = 0, g / 3.0, '2024-01-01'::timestamptz + g * interval '1 day', CASE WHEN g % 4 > 0 THEN ARRAY['y', 'x' || g % 3, NULL] END, 'q', 'x' || g, md5(g::text)::uuid
FROM generate_series(1, 30) g;
SELECT register('annotations', 'fuzz_doc', document => 'd'), register('Fuzz', 'fuzz_typed');

CREATE FUNCTION pick(VARIADIC list text[]) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT list[1 + floor(random() * cardinality(list))::int] $$;
CREATE FUNCTION below(n int) RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT floor(random() * n)::int $$;
-- a JSON string that tries to be more
CREATE FUNCTION evil() RETURNS text LANGUAGE sql VOLATILE AS $evil$
	SELECT to_json(pick('''; DROP TABLE fuzz_doc; --', 'x'' OR ''1''=''1', '"; DELETE FROM fuzz_typed; --', '$$; SELECT 1/0; $$', '\', '\''', '%s%n%1$s', '$1', '*''*', '?";', 'fuzz_typed.a', 'pg_sleep(9)',
		E'a\tb\nc', 'ctid', 'xmin', 'tableoid', 'd', '*', 'é' || U&'\+01F600', repeat('x', 300), 'information_schema.tables', '/*', E'\x01', '::regclass', '(SELECT 1)', ''))::text
$evil$;
CREATE FUNCTION field() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN random() < 0.06 THEN evil() ELSE to_json(pick('id', 'a', 'b', 'a', 'n', 't', 'tags', 'it''s "q"', 'c', 'u', 'a.b', 'a.c.b', 'a.0', 'createdAt', 'itemId', 'annotationId', CASE WHEN random() < 0.3 THEN 'nobody' ELSE 'id' END))::text END
$$;
CREATE FUNCTION scalar() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN random() < 0.12 THEN evil() ELSE pick('1', '5', '-3.5', '1e2', '0', '12345678901234567890', '1e400', '"x1"', '"y"', '"f7"', '"x*"', '"5"', '"2024-01-05"', '"2024-01-05T00:00:00+02:00"', 'true', 'false', 'null', '{"$param":1}',
		'"c4ca4238-a0b9-2382-0dcc-509a6f75849b"', '1704103200000') END
$$;
CREATE FUNCTION operand(depth int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	CASE below(9)
		WHEN 0 THEN RETURN '[' || concat_ws(',', scalar(), CASE WHEN random() < 0.6 THEN scalar() END, CASE WHEN random() < 0.3 THEN scalar() END) || ']';
		WHEN 1 THEN RETURN pick('[]', '{}', '[[]]', '{"x":1}');
		ELSE RETURN scalar();
	END CASE;
END
$$;
CREATE FUNCTION filter(depth int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	f text := field();
BEGIN
	CASE below(CASE WHEN depth > 0 THEN 18 ELSE 10 END)
		WHEN 0, 1, 2 THEN RETURN format('{%s:%s}', f, operand(depth));
		WHEN 3, 4 THEN RETURN format('{%s:{"%s":%s}}', f, pick('$eq', '$ne', '$ieq', '$in', '$nin'), operand(depth));
		WHEN 5 THEN RETURN format('{%s:{"%s":%s,"%s":%s}}', f, pick('$gt', '$gte'), scalar(), pick('$lt', '$lte', '$ne'), scalar());
		WHEN 6 THEN RETURN format('{%s:{"%s":%s}}', f, pick('$contains', '$startsWith', '$glob', '$exists', '$after', '$before'), scalar());
		WHEN 7 THEN RETURN format('{%s:{"$between":[%s,%s]}}', f, scalar(), scalar());
		WHEN 8 THEN RETURN format('{%s:{"%s":{"%s":[%s,%s]}}}', f, pick('$gt', '$lte', '$gte', '$lt'), pick('$any', '$all'), scalar(), scalar());
		WHEN 9 THEN RETURN format('{"$hasAncestor":%s}', pick('"f1"', '["f1","x/2"]', evil(), operand(0)));
		WHEN 10, 11 THEN RETURN format('{"%s":[%s,%s]}', pick('$and', '$or', '$nor'), filter(depth - 1), filter(depth - 1));
		WHEN 12 THEN RETURN format('{%s:%s}', f, filter(depth - 1));
		WHEN 13 THEN RETURN format('{%s:{"%s":%s}}', f, pick('$match', '$elemMatch', '$not'), pick(filter(depth - 1), '{"$gt":1}', '{"$in":["x1",5]}'));
		WHEN 14, 15 THEN RETURN format('{%s:{"%s":{"resource":%s,"select":%s,"filter":%s%s}}}', f, pick('$in', '$nin'), pick('"annotations"', '"Fuzz"', evil()), field(), filter(depth - 1), pick('', ',"limit":3', ',"sort":{"id":-1},"limit":2'));
		WHEN 16 THEN RETURN format('{%s:{"%s":{"%s":{"resource":"%s","select":%s,"filter":%s}}}}', f, pick('$gt', '$lt'), pick('$any', '$all'), pick('annotations', 'Fuzz'), field(), filter(depth - 1));
		ELSE RETURN format('{%s:%s,%s:{"$or":[%s,%s]}}', f, scalar(), field(), scalar(), operand(0));
	END CASE;
END
$$;
CREATE FUNCTION one_join(depth int) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT format('{"on":{"resource":%s,"local":%s,"forigen":%s},"filter":%s%s}', pick('"annotations"', '"Fuzz"', '"Fuzz"', evil()), field(), pick('"id"', field()), filter(depth),
		pick('', '', ',"quantifier":"none"', ',"quantifier":"all"', ',"quantifier":{"atLeast":2}', ',"quantifier":{"exactly":1}', ',"quantifier":' || evil()))
$$;
CREATE FUNCTION generated() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT '{' || concat_ws(',', '"resource":' || pick('"annotations"', '"annotations"', '"annotations"', '"Fuzz"', CASE WHEN random() < 0.1 THEN evil() ELSE '"Fuzz"' END),
		CASE WHEN random() < 0.9 THEN '"filter":' || filter(2) END,
		CASE WHEN random() < 0.2 THEN '"join":' || one_join(1) WHEN random() < 0.05 THEN format('"join":[%s,%s]', one_join(0), one_join(0)) END,
		CASE WHEN random() < 0.1 THEN format('"%s":{"query":{"filter":%s}}', pick('intersect', 'except'), filter(1)) END,
		CASE WHEN random() < 0.3 THEN format('"sort":{%s:%s}', field(), pick('1', '-1', '"ascending"', '"desc"', CASE WHEN random() < 0.1 THEN evil() ELSE '1' END)) END,
		CASE WHEN random() < 0.2 THEN '"pageSize":' || pick('0', '3', '5000') END, CASE WHEN random() < 0.2 THEN '"page":' || pick('0', '1', '999999999') END,
		CASE WHEN random() < 0.1 THEN '"limit":' || pick('0', '5', '9000000000000000') END, CASE WHEN random() < 0.1 THEN '"skip":' || pick('0', '5', '9000000000000000') END,
		CASE WHEN random() < 0.15 THEN '"select":' || pick('["id",' || field() || ']', field(), '{' || field() || ':1}', '{' || field() || ':0}') END,
		CASE WHEN random() < 0.05 THEN '"context":{"datasets":[' || evil() || ']}' END,
		CASE WHEN random() < 0.03 THEN evil() || ':1' END) || '}'
$$;
-- one to three characters lost, doubled or replaced
CREATE FUNCTION damaged(request text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	at int;
BEGIN
	FOR i IN 1..1 + below(3) LOOP
		at := 1 + below(length(request));
		request := overlay(request PLACING pick('', '"', '{', '}', '[', ',', ':', '\', '0', 'null', '$', '.', substr(request, at, 5)) FROM at FOR 1);
	END LOOP;
	RETURN request;
END
$$;
SELECT setseed(0.25);
CREATE TABLE request AS SELECT n, CASE WHEN n % 3 = 0 THEN damaged(r) ELSE r END AS request FROM (SELECT n, generated() AS r FROM generate_series(1, 10000) n OFFSET 0) s;
CREATE TABLE before AS SELECT (SELECT md5(string_agg(d::text, '' ORDER BY d::text)) FROM fuzz_doc) AS doc, (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM fuzz_typed t) AS typed;

CREATE FUNCTION outcome(request text, printed boolean, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
DECLARE
	rows bigint;
BEGIN
	IF request LIKE '%$param%' THEN
		PERFORM vxp.page(request::vxp.dql, 5);
	ELSE
		PERFORM vxp.page(request::vxp.dql);
	END IF;
	IF printed AND request NOT LIKE '%$param%' THEN
		EXECUTE 'SELECT count(*) FROM (' || vxp.to_sql((request::jsonb - 'page' - 'pageSize')::text::vxp.dql) || ') s' INTO rows;
		IF rows <> vxp.count((request::jsonb - 'page' - 'pageSize')::text::vxp.dql) THEN
			state := 'differs';
		END IF;
	END IF;
	state := coalesce(state, 'answered');
EXCEPTION WHEN OTHERS THEN
	state := SQLSTATE;
	message := SQLERRM;
END
$$;
CREATE TABLE outcome AS SELECT n, request, o.* FROM request, outcome(request, n % 4 = 0) o;
SELECT count(*) AS requests, count(DISTINCT request) > 9500 AS different, count(*) FILTER (WHERE state = 'answered') > 2500 AS many_answered,
	count(*) FILTER (WHERE state <> 'answered') > 2500 AS many_refused FROM outcome;
-- states that a request may be refused with; deviations: none
SELECT state, message, count(*), min(request) FROM outcome
WHERE state NOT IN ('answered', '22023', '22P02', '22P05', '42703', '42704', '42804', '0A000', '54000')
GROUP BY state, message ORDER BY state, message LIMIT 20;
SELECT (SELECT md5(string_agg(d::text, '' ORDER BY d::text)) FROM fuzz_doc) = doc AND (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM fuzz_typed t) = typed AS as_before FROM before;

-- what this found: a bind variable whose type does not compare is refused by the name of the field
SELECT vxp.count('{"resource":"Fuzz","filter":{"u":{"$param":1}}}', 5);
SELECT vxp.count('{"resource":"Fuzz","filter":{"u":{"$in":{"$param":1}}}}', '{5}'::int[]);
SELECT vxp.count('{"resource":"Fuzz","filter":{"b":{"$gt":{"$param":1}}}}', 5);
SELECT vxp.count('{"resource":"Fuzz","filter":{"c":{"$after":{"$param":1}}}}', 5);
SELECT vxp.count('{"resource":"Fuzz","filter":{"tags":{"$before":{"$param":1}}}}', '2024-01-01'::date);

DROP TABLE fuzz_doc, fuzz_typed, request, before, outcome CASCADE;
DROP FUNCTION pick, below, evil, field, scalar, operand, filter, one_join, generated, damaged, outcome(text, boolean);
