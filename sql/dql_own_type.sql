--
-- dql_own_type: a typed column beside values of other rows compares as its own type
--
-- Subqueries over documents and over typed columns ($in, $any, $all; sections
-- 4.10 and 13) against columns and arrays of every kind of type.  A value of a
-- document that has not the type's form equals nothing, is in no order with the
-- column, and so makes $all false; it is never an error.  The forms are given by
-- hand in a table; each answer stands beside plain SQL over that table, and is
-- asked four ways: as part of a statement, run by itself, as the text of to_sql,
-- and as a saved filter.  Printed are deviations, of which there are none, and
-- counts.
--
CREATE SCHEMA own_type;
SET search_path = own_type, vxp;
SET client_min_messages = warning;
SET jit = off;
-- no setting has a say
SET timezone = 'Asia/Tokyo';
SET datestyle = 'SQL, DMY';

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN humour AS mood;
CREATE DOMAIN small AS int CHECK (VALUE < 100);

-- values as they stand in documents, and the text of the value that it is of the type; NULL: not of its form
CREATE TABLE form (type text, v jsonb, value text);
INSERT INTO form SELECT type, v.key::jsonb, v.value FROM (VALUES
	('uuid', '{"\"a0000000-0000-0000-0000-000000000001\"":"a0000000-0000-0000-0000-000000000001","\"A0000000-0000-0000-0000-000000000002\"":"a0000000-0000-0000-0000-000000000002",
		"\"a0000000000000000000000000000003\"":"a0000000-0000-0000-0000-000000000003","\"a0000000\"":null,"\"\"":null,"1":null,"true":null,"{\"a\":1}":null}'::json),
	('mood', '{"\"sad\"":"sad","\"ok\"":"ok","\"happy\"":"happy","\"SAD\"":null,"\"\"":null,"2":null,"[[\"ok\"]]":null}'),
	('humour', '{"\"sad\"":"sad","\"ok\"":"ok","\"gay\"":null,"0":null}'),
	('boolean', '{"true":"true","false":"false","\"t\"":"true","\"maybe\"":null,"1":null,"{}":null}'),
	('date', '{"\"2024-02-28\"":"2024-02-28","\"2024-02-29T00:00:00Z\"":"2024-02-29","\"2024-03-01\"":"2024-03-01","\"2023-02-29\"":null,"\"01/03/2024\"":null,"\"today\"":null,"20240301":null}'),
	('timestamp', '{"\"2024-02-28\"":"2024-02-28","\"2024-02-28T12:00:00+02:00\"":"2024-02-28 10:00","\"2024-03-01 12:00\"":"2024-03-01 12:00","\"now\"":null,"\"2024-03-01T25:00\"":null,"0":null}'),
	('timestamptz', '{"\"2024-02-28\"":"2024-02-28 00:00Z","\"2024-02-28T12:00:00+02:00\"":"2024-02-28 10:00Z","\"2024-03-01 12:00\"":"2024-03-01 12:00Z","\"infinity\"":null,"\"\"":null,"0":null}'),
	('inet', '{"\"10.0.0.1\"":"10.0.0.1","\"10.0.0.0/8\"":"10.0.0.0/8","\"::1\"":"::1","\"10.0.0.256\"":null,"\"localhost\"":null,"10":null}'),
	('cidr', '{"\"10.0.0.0/8\"":"10.0.0.0/8","\"10.1\"":"10.1.0.0/16","\"10.0.0.1/8\"":null}'),
	('macaddr', '{"\"08:00:2b:01:02:03\"":"08:00:2b:01:02:03","\"08002b:010204\"":"08:00:2b:01:02:04","\"08:00\"":null}'),
	('time', '{"\"10:00\"":"10:00:00","\"23:59:59.5\"":"23:59:59.5","\"25:00\"":null,"10":null}'),
	('timetz', '{"\"10:00+02\"":"10:00+02","\"09:00Z\"":"09:00+00","\"noon\"":null}'),
	('interval', '{"\"1 day\"":"1 day","\"24:00\"":"24:00","\"P1M\"":"1 mon","\"1 fortnight\"":null,"7":null}'),
	('numeric', '{"1":"1","2.50":"2.5","1e3":"1000","true":null,"\"x\"":null,"\"NaN\"":null}'),
	('integer', '{"1":"1","2.0":"2","99999999999999999999":"99999999999999999999","true":null,"\"one\"":null}'),
	('small', '{"1":"1","50":"50","5000":"5000","\"\"":null}'),
	('real', '{"0.1":"0.1","0.25":"0.25","3e38":"3e38","1e39":null,"1e400":null,"1e-60":null,"\"Infinity\"":null,"false":null}'),
	('float8', '{"0.1":"0.1","1e300":"1e300","5":"5","1e309":null,"1e400":null,"1e-400":null,"\"nan\"":null}'),
	('oid', '{"1":"1","4294967295":"4294967295","-5000000000":null,"\"x\"":null,"1.5":null}'),
	('bytea', '{"\"\\\\x00ff\"":"\\x00ff","\"abc\"":"\\x616263","\"\\\\x0\"":null,"1":null}'),
	('bit(3)', '{"\"101\"":"101","\"010\"":"010","\"012\"":null,"1":null}'),
	('int4range', '{"\"[1,5)\"":"[1,5)","\"[2,2]\"":"[2,3)","\"empty\"":"empty","\"[5,1]\"":null,"\"1\"":null}'),
	('pg_lsn', '{"\"0/16\"":"0/16","\"1/0\"":"1/0","\"x\"":null}'),
	('text', '{"\"a\"":"a","\"B\"":"B","\"\u00e9\"":"é","1":null,"true":null}'),
	('char(3)', '{"\"a\"":"a","\"b  \"":"b","\"cc\"":"cc","1":null}'),
	('name', '{"\"a\"":"a","\"B\"":"B","1":null}')) f(type, forms), json_each_text(forms) v;
SELECT count(DISTINCT type) AS types, count(value) AS "of the form", count(*) - count(value) AS "not of it" FROM form;

-- documents: each value alone, those of the form in a list of one document, null, missing
CREATE TABLE val (d jsonb NOT NULL);
INSERT INTO val SELECT jsonb_build_object('id', 'v' || row_number() OVER (), 'type', type, 'set', CASE WHEN value IS NULL THEN 'bad' ELSE 'good' END, 'v', v) FROM form;
INSERT INTO val SELECT jsonb_build_object('id', 'l' || row_number() OVER (), 'type', type, 'set', 'list', 'v', jsonb_agg(v) FILTER (WHERE value IS NOT NULL) || 'null') FROM form GROUP BY type;
INSERT INTO val SELECT jsonb_build_object('id', 'n' || row_number() OVER (), 'type', type, 'set', 'good', 'v', NULL) FROM form GROUP BY type;
INSERT INTO val SELECT jsonb_build_object('id', 'm' || row_number() OVER (), 'type', type, 'set', 'good') FROM form GROUP BY type;
SELECT register('OwnVal', 'val', document => 'd');

-- a table for each type: its values, one that no document has, NULL; arrays of them
CREATE FUNCTION make(n bigint, type text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE own_%s (id text PRIMARY KEY, c %s, cs %s[])', n, type, type);
	EXECUTE format('INSERT INTO own_%1$s SELECT ''r'' || row_number() OVER (), value::%2$s, CASE row_number() OVER () %% 4 WHEN 0 THEN NULL WHEN 1 THEN ''{}''
		WHEN 2 THEN ARRAY[value, lag(value) OVER ()]::%2$s[] ELSE ARRAY[NULL, value]::%2$s[] END
		FROM (SELECT value FROM form WHERE type = %3$L AND value IS NOT NULL AND value NOT IN (''99999999999999999999'', ''5000'') ORDER BY value COLLATE "C") f', n, type, type);
	EXECUTE format('INSERT INTO own_%s SELECT ''s'' || id, NULL, CASE WHEN c IS NOT NULL THEN ARRAY[c] END FROM own_%1$s', n);
	PERFORM register('Own' || n, format('own_%s', n)::regclass);
END
$$;
SELECT count(make(n, type)) AS tables FROM (SELECT row_number() OVER (ORDER BY type COLLATE "C") AS n, type FROM form GROUP BY type) t;

-- the rows of a column that stand in the relation to the values of some sets of documents, in SQL
CREATE FUNCTION by_hand(n bigint, type text, field text, op text, range text, sets text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	wide text := CASE WHEN type IN ('integer', 'small') THEN 'numeric' WHEN type = 'humour' THEN 'mood' ELSE type END;
	c text := CASE WHEN type IN ('text', 'char(3)', 'name') THEN 'c COLLATE "C"' WHEN type = 'humour' THEN 'c::mood' ELSE 'c' END;
	result text;
BEGIN
	EXECUTE format('WITH vals AS (SELECT value::%s AS v FROM form WHERE type = %L AND value IS NOT NULL AND %L::text[] && ''{good,list}'')
		SELECT string_agg(id, '' '' ORDER BY id COLLATE "C") FROM own_%s o WHERE EXISTS (SELECT FROM unnest(%s) c WHERE c IS NOT NULL AND CASE %L
			WHEN ''any'' THEN EXISTS (SELECT FROM vals WHERE %s %s v)
			ELSE NOT EXISTS (SELECT FROM vals WHERE NOT %7$s %8$s v) AND NOT EXISTS (SELECT FROM form WHERE type = %2$L AND value IS NULL AND ''bad'' = ANY (%3$L)) END)',
		wide, type, sets, n, CASE field WHEN 'c' THEN 'ARRAY[o.c]' ELSE 'cs' END, range, c, op) INTO result;
	RETURN coalesce(result, 'none');
END
$$;
CREATE FUNCTION asked(n bigint, dql text, way text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	source text := format('vxp.items(%L)', dql);
BEGIN
	PERFORM set_config('vxp.enable_inlining', (way <> 'by itself')::text, true);
	IF way = 'printed' THEN
		source := format('(SELECT to_jsonb(s) FROM (%s) s)', vxp.to_sql(dql::vxp.dql));
	ELSIF way = 'saved' THEN
		PERFORM vxp.save_filter('saved_for_a_moment', dql::vxp.dql);
		source := '(SELECT to_jsonb(s) FROM saved_for_a_moment s)';
	END IF;
	EXECUTE format('SELECT string_agg(i ->> ''id'', '' '' ORDER BY i ->> ''id'' COLLATE "C") FROM %s i(i)', source) INTO result;
	IF way = 'saved' THEN
		PERFORM vxp.drop_filter('saved_for_a_moment');
	END IF;
	RETURN coalesce(result, 'none');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

CREATE TABLE question AS
	SELECT n, type, field, op, range, sets, negated,
		format('{"resource":"Own%s","filter":%s}', n, format(CASE WHEN negated THEN '{"$nor":[%s]}' ELSE '%s' END, format('{"%s":{"%s":%s}}', field, dql,
			format(CASE op WHEN '=' THEN '%s' ELSE '{"$' || range || '":%s}' END, format('{"resource":"OwnVal","select":"v","filter":{"type":"%s","set":{"$in":%s}}}', type, to_json(sets)))))) AS dql
	FROM (SELECT row_number() OVER (ORDER BY type COLLATE "C") AS n, type FROM form GROUP BY type) t,
		unnest('{c,cs}'::text[]) field,
		(VALUES ('=', '$in'), ('<', '$lt'), ('<=', '$lte'), ('>', '$gt'), ('>=', '$gte')) o(op, dql),
		unnest('{any,all}'::text[]) range,
		(VALUES ('{good}'::text[]), ('{list}'), ('{good,bad}'), ('{none}')) s(sets),
		unnest('{false,true}'::boolean[]) negated
	WHERE NOT (op = '=' AND range = 'all') AND NOT (negated AND sets = '{list}');
CREATE FUNCTION expected(n bigint, type text, field text, op text, range text, sets text[], negated boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	positive text := by_hand(n, type, field, op, range, sets);
	result text;
BEGIN
	IF NOT negated THEN
		RETURN positive;
	END IF;
	EXECUTE format('SELECT string_agg(id, '' '' ORDER BY id COLLATE "C") FROM own_%s WHERE NOT id = ANY (string_to_array(%L, '' ''))', n, positive) INTO result;
	RETURN coalesce(result, 'none');
END
$$;
CREATE TABLE answer AS
	SELECT q.*, way, expected(n, type, field, op, range, sets, negated) AS expected, asked(n, dql, way) AS ids
	FROM question q, unnest('{inlined,"by itself",printed,saved}'::text[]) way
	-- a view costs a hundred times a request
	WHERE way <> 'saved' OR (op IN ('=', '<') AND sets = '{good,bad}');
SELECT type, field, op, range, sets, negated, way, expected, ids FROM answer WHERE ids IS DISTINCT FROM expected ORDER BY type, field, op, range, sets, negated, way LIMIT 40;
SELECT way, count(*) > 200 AS many, count(*) FILTER (WHERE ids = expected) = count(*) AS equal, count(DISTINCT ids) > 20 AS differ FROM answer GROUP BY way ORDER BY way;

-- Typed beside typed, also of types without min(), and of timestamps of the other kind: UTC, whatever the session's zone is
CREATE TABLE pair AS
	SELECT o.n, o.type, i.n AS inner_n, i.type AS inner_type, f.field, f.inner_field, op, dql, range
	FROM (SELECT DISTINCT n, type FROM question) o JOIN (SELECT DISTINCT n, type FROM question) i
		ON o.type = i.type OR (o.type IN ('date', 'timestamp', 'timestamptz') AND i.type IN ('date', 'timestamp', 'timestamptz')),
		(VALUES ('c', 'c'), ('c', 'cs'), ('cs', 'c')) f(field, inner_field),
		(VALUES ('=', '$in'), ('<', '$lt'), ('>=', '$gte')) p(op, dql), unnest('{any,all}'::text[]) range WHERE NOT (op = '=' AND range = 'all');
CREATE FUNCTION by_hand(p pair) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	cast_to text := CASE WHEN p.type IN ('text', 'char(3)', 'name') THEN ' COLLATE "C"' WHEN p.type = 'humour' THEN '::mood' WHEN p.type = p.inner_type THEN ''
		WHEN p.type = 'timestamptz' THEN '::timestamp AT TIME ZONE ''UTC''' WHEN p.inner_type = 'timestamptz' THEN ' AT TIME ZONE ''UTC''' ELSE '' END;
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(id, '' '' ORDER BY id COLLATE "C") FROM own_%s o WHERE EXISTS (SELECT FROM unnest(%s) mine WHERE mine IS NOT NULL AND %s)',
		p.n, CASE p.field WHEN 'c' THEN 'ARRAY[o.c]' ELSE 'cs' END, format(CASE p.range WHEN 'any' THEN 'EXISTS (SELECT FROM own_%s i, unnest(%s) v WHERE mine%s %s v%s)'
			ELSE 'NOT EXISTS (SELECT FROM own_%s i, unnest(%s) v WHERE NOT mine%s %s v%s)' END, p.inner_n, CASE p.inner_field WHEN 'c' THEN 'ARRAY[i.c]' ELSE 'i.cs' END,
			CASE WHEN p.type = 'humour' THEN '::mood' ELSE '' END, p.op, cast_to)) INTO result;
	RETURN coalesce(result, 'none');
END
$$;
CREATE TABLE paired AS
	SELECT p.*, way, by_hand(p) AS expected, asked(n, format('{"resource":"Own%s","filter":{"%s":{"%s":%s}}}', n, field, dql,
		format(CASE op WHEN '=' THEN '%s' ELSE '{"$' || range || '":%s}' END, format('{"resource":"Own%s","select":"%s"}', inner_n, inner_field))), way) AS ids
	FROM pair p, unnest('{inlined,"by itself",printed}'::text[]) way;
SELECT type, field, inner_type, inner_field, op, range, way, expected, ids FROM paired WHERE ids IS DISTINCT FROM expected ORDER BY 1, 2, 3, 4, 5, 6, 7 LIMIT 40;
SELECT way, count(*) > 400 AS many, count(*) FILTER (WHERE ids = expected) = count(*) AS equal, count(DISTINCT ids) > 10 AS differ FROM paired GROUP BY way ORDER BY way;

-- Joins too, also those that count
CREATE TABLE joined AS
	SELECT n, type, quantifier, hand, way FROM (SELECT DISTINCT n, type FROM question) q, unnest('{inlined,"by itself",printed}'::text[]) way,
		(VALUES ('"any"', '> 0'), ('"none"', '= 0'), ('{"atLeast":2}', '>= 2'), ('{"exactly":1}', '= 1')) r(quantifier, hand);
CREATE FUNCTION by_hand(j joined) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(id, '' '' ORDER BY id COLLATE "C") FROM own_%s WHERE
		(SELECT count(*) FROM form, unnest(ARRAY[''good'', ''list'']) WHERE type = %L AND value IS NOT NULL AND %s = value::%s) %s',
		j.n, j.type, CASE j.type WHEN 'humour' THEN 'c::mood' ELSE 'c' END, CASE WHEN j.type IN ('integer', 'small') THEN 'numeric' WHEN j.type = 'humour' THEN 'mood' ELSE j.type END, j.hand) INTO result;
	RETURN coalesce(result, 'none');
END
$$;
SELECT * FROM (SELECT j.*, by_hand(j) AS expected, asked(n, format('{"resource":"Own%s","join":{"on":{"resource":"OwnVal","local":"v","forigen":"c"},"filter":{"type":"%s"},"quantifier":%s}}', n, type, quantifier), way) AS ids FROM joined j) j
WHERE ids IS DISTINCT FROM expected;

-- Beside a document a typed value is what items show of it: a timestamp is ISO 8601 in UTC in every session
CREATE TABLE seen (d jsonb NOT NULL);
INSERT INTO seen SELECT i || jsonb_build_object('id', type || ' ' || (i ->> 'id')) FROM (SELECT DISTINCT n, type FROM question WHERE type IN ('date', 'timestamp', 'timestamptz', 'uuid')) q,
	items(format('{"resource":"Own%s"}', n)::vxp.dql) i;
SELECT register('OwnSeen', 'seen', document => 'd');
SELECT type, asked(n, format('{"resource":"OwnSeen","filter":{"c":{"$in":{"resource":"Own%s","select":"c"}},"id":{"$startsWith":"%s "}}}', n, type), 'inlined')
	= (SELECT string_agg(d ->> 'id', ' ' ORDER BY d ->> 'id' COLLATE "C") FROM seen WHERE d ->> 'id' LIKE type || ' %' AND d ->> 'c' IS NOT NULL) AS equal
FROM (SELECT DISTINCT n, type FROM question WHERE type IN ('date', 'timestamp', 'timestamptz', 'uuid')) q ORDER BY type;

-- A list of timestamps is shown so too, and sorted by what is shown
CREATE TABLE log (id text PRIMARY KEY, at timestamptz[], local timestamp[], seen timestamptz[]);
INSERT INTO log VALUES ('l1', '{2024-01-01 00:00:00+00,NULL,infinity}', '{2024-01-01 00:00:00.000001}', '{}'), ('l2', '{2023-12-31 23:00:00+00}', NULL, NULL);
SELECT register('OwnLog', 'log');
SELECT i FROM items('{"resource":"OwnLog","sort":[{"at":1}]}') i;
SELECT vxp.page('{"resource":"OwnLog","sort":[{"at":-1}],"pageSize":1,"select":["at"]}') -> 'items' AS items;
SELECT vxp.count('{"resource":"OwnLog","filter":{"at":{"$in":{"resource":"OwnLog","select":"at"}},"local.0":{"$gt":"2024-01-01"}}}');

-- What it is in SQL, and that an index of the column serves it
CREATE TABLE fact (id uuid PRIMARY KEY, day date, mood mood, card macaddr);
CREATE INDEX ON fact (day);
INSERT INTO fact SELECT md5(g::text)::uuid, '2024-01-01'::date + g, 'ok', '08:00:2b:01:02:03' FROM generate_series(1, 1000) g;
ANALYZE fact;
SELECT register('OwnFact', 'fact');
SELECT to_sql('{"resource":"OwnFact","select":"id","filter":{"card":{"$gt":{"$any":{"resource":"OwnVal","select":"v","filter":{"type":"macaddr"}}}}}}');
SELECT to_sql('{"resource":"OwnFact","select":"id","filter":{"day":{"$lte":{"$all":{"resource":"OwnVal","select":"v","filter":{"type":"date"}}}}}}');
SELECT to_sql('{"resource":"OwnFact","select":"id","filter":{"id":{"$in":{"resource":"OwnVal","select":"v","filter":{"type":"uuid"}}}}}');
SELECT to_sql('{"resource":"OwnFact","select":"id","filter":{"mood":{"$gte":{"$any":{"resource":"OwnFact","select":"mood"}}}}}');
SELECT to_sql('{"resource":"OwnFact","select":"id","filter":{"card":{"$gte":{"$any":{"resource":"OwnFact","select":"card"}}}}}');
CREATE FUNCTION uses_index(dql text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE format('EXPLAIN (COSTS OFF) SELECT id FROM vxp.query(NULL::own_type.fact, %L)', dql) LOOP
		IF line ~ 'Index Cond: \((id|day) (=|>|<=|<)' THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
END
$$;
SET enable_seqscan = off;
SELECT uses_index('{"filter":{"id":{"$gt":{"$any":{"resource":"OwnVal","select":"v","filter":{"type":"uuid"}}}}}}') AS uuid,
	uses_index('{"filter":{"day":{"$lt":{"$any":{"resource":"OwnVal","select":"v","filter":{"type":"date"}}}}}}') AS day,
	uses_index('{"filter":{"id":{"$in":{"resource":"OwnVal","select":"v","filter":{"type":"uuid"}}}}}') AS "in";
RESET enable_seqscan;

-- The function by itself: settings of the session have no say in what is no value; what it does not read, it says
SELECT value_or_null('"a0"', NULL::uuid) IS NULL AS form, value_or_null('null', NULL::int) IS NULL AS "null", value_or_null(NULL, NULL::int) IS NULL AS nothing,
	value_or_null('[1]', NULL::int) IS NULL AS list, value_or_null('7', 0) AS number, value_or_null('"7"', 0) AS literal, value_or_null('" 7"', 0) IS NULL AS no_literal,
	value_or_null('"own_1"', NULL::regclass) AS name, value_or_null('"no.such.thing.at.all"', NULL::regclass) IS NULL AS no_name;
\set VERBOSITY terse
SELECT value_or_null('"(1,2)"', NULL::form);
SELECT value_or_null('7', NULL::small);
SELECT value_or_null('[7]', NULL::int[]);
SELECT value_or_null('7', NULL);
\set VERBOSITY default
SELECT count(unregister(name)) AS unregistered FROM vxp.resource_types WHERE name LIKE 'Own%' AND name <> 'Owner';
DROP SCHEMA own_type CASCADE;
