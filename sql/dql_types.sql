--
-- dql_types: a typed column compares as its own type
--
-- The rows of a request against an SQL condition written by hand, for each type
-- and operator: inlined and not, with and without indexes, the operand as a
-- literal, as a bind variable known when planned, and as one that is not.
-- Printed are deviations and counts.
--
CREATE SCHEMA dql_types;
SET search_path = dql_types;
SET client_min_messages = warning;
SET jit = off;
-- far from UTC: a timestamp without a zone is UTC all the same
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'SQL, DMY';

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN label AS text CHECK (value <> 'never');
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE DOMAIN labels AS text[];
-- not all servers have ICU; the results are the same without
DO $$
BEGIN
	CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
EXCEPTION WHEN OTHERS THEN
	CREATE COLLATION loose FROM "C";
END $$;
CREATE TABLE typed (
	k int PRIMARY KEY,
	i2 int2, i4 int4, i8 int8, num numeric, dec numeric(6,2), f4 float4, f8 float8, b bool,
	t text, tc text COLLATE "C", tl text COLLATE loose, vc varchar(10), ch char(5), nm name,
	d date, ts timestamp, tz timestamptz, tm time, iv interval, u uuid, e mood, ip inet, by bytea,
	dl label, dp positive, gen int GENERATED ALWAYS AS (i4 * 2) STORED,
	ai int[], at text[], atl text[] COLLATE loose, atz timestamptz[], ad date[], ae mood[], adp positive[], dat labels,
	nn int NOT NULL DEFAULT 1, nt text NOT NULL DEFAULT 'b'
);
INSERT INTO typed (k) VALUES (0);
INSERT INTO typed (k, i2, i4, i8, num, dec, f4, f8, b, t, tc, tl, vc, ch, nm, d, ts, tz, tm, iv, u, e, ip, by, dl, dp,
	ai, at, atl, atz, ad, ae, adp, dat, nn, nt)
SELECT g, v, v, v * 1000000007::int8, v * 0.25, v * 0.25, v * 0.25, v / 10.0, v > 3,
	w, w, w, w, w, w,
	'2024-02-27'::date + v, '2024-03-01 00:00'::timestamp + (v - 3) * interval '12 hours', '2024-03-01 00:00Z'::timestamptz + (v - 3) * interval '12 hours',
	make_time(v + 3, 30, 0), v * interval '13 hours', ('00000000-0000-4000-8000-00000000000' || v)::uuid,
	(ARRAY['sad', 'ok', 'happy'])[1 + v % 3]::mood, ('10.0.0.' || v)::inet, decode('0' || v, 'hex'),
	w, v + 1,
	ARRAY[v, v * 2], ARRAY[w, 'x'], ARRAY[w, 'x'], ARRAY['2024-03-01 00:00Z'::timestamptz + (v - 3) * interval '12 hours'],
	ARRAY['2024-02-27'::date + v], ARRAY[(ARRAY['sad', 'ok', 'happy'])[1 + v % 3]::mood], ARRAY[v + 1], ARRAY[w, 'x'], v, w
FROM (SELECT g, (g % 8 - 1 + 8) % 8 AS v, (ARRAY['a', 'b', 'B', 'é', 'ab', '', 'a b', 'T2*'])[1 + g % 8] AS w FROM generate_series(1, 16) g) x;
INSERT INTO typed (k, ai, at, atl, atz, ad, ae, adp, dat, f8, num, tz, ts, d) VALUES
	(17, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', 'NaN', 'NaN', 'infinity', 'infinity', 'infinity'),
	(18, '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '-Infinity', '-Infinity', '-infinity', '-infinity', '-infinity'),
	(19, '{1,NULL,9}', '{b,NULL}', '{B,NULL}', '{2024-03-01 00:00Z,NULL}', '{01/03/2024,NULL}', '{sad,NULL}', '{7,NULL}', '{b,NULL}', '-0', 1e20, '2024-03-01 00:00:00.000001Z', '2024-03-01 00:00:00.000001', '01/01/0044 BC');
DO $$
DECLARE
	a name;
BEGIN
	FOR a IN SELECT attname FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attnum > 1 AND NOT attisdropped LOOP
		IF (SELECT typcategory FROM pg_type t JOIN pg_attribute x ON x.atttypid = t.oid WHERE attrelid = 'typed'::regclass AND attname = a) = 'A' THEN
			EXECUTE format('CREATE INDEX ON typed USING gin (%I)', a);
		ELSE
			EXECUTE format('CREATE INDEX ON typed (%I)', a);
		END IF;
	END LOOP;
END $$;
CREATE INDEX ON typed (t COLLATE "C");
ANALYZE typed;
SELECT vxp.register('Typed', 'typed');

-- an operand as JSON and as SQL; exact: equality finds at least a row
CREATE TABLE operand (col text, json text, sql text, exact boolean NOT NULL DEFAULT true);
INSERT INTO operand VALUES
	('i2', '3', '3::int2', true), ('i2', '3.0', '3::numeric', true), ('i2', '"3"', '3', true), ('i2', '3.5', '3.5', false), ('i2', '-3.5', '-3.5', false),
	('i2', '40000', '40000', false), ('i2', '-1e30', '-1e30', false), ('i2', '1e30', '1e30', false),
	('i4', '3', '3', true), ('i4', '3e0', '3', true), ('i4', '3.0000000001', '3.0000000001', false), ('i4', '2147483648', '2147483648', false), ('i4', '-9223372036854775809', '-9223372036854775809', false),
	('i8', '3000000021', '3000000021', true), ('i8', '3000000020.5', '3000000020.5', false), ('i8', '9223372036854775807', '9223372036854775807', false), ('i8', '9223372036854775808', '9223372036854775808', false),
	('num', '0.75', '0.75', true), ('num', '0.7500', '0.75', true), ('num', '"0.75"', '0.75', true), ('num', '0.7', '0.7', false), ('num', '1e20', '1e20', true), ('num', '"NaN"', '''NaN''::numeric', true),
	('dec', '0.75', '0.75', true), ('dec', '0.751', '0.751', false),
	('f4', '0.75', '0.75::float4', true), ('f8', '0.3', '0.3::float8', true), ('f8', '0', '0::float8', true), ('f8', '"Infinity"', '''Infinity''::float8', false), ('f8', '"NaN"', '''NaN''::float8', true),
	('b', 'true', 'true', true), ('b', 'false', 'false', true), ('b', '"t"', 'true', true),
	('t', '"b"', '''b''', true), ('t', '"B"', '''B''', true), ('t', '"é"', '''é''', true), ('t', '""', '''''', true), ('t', '"zz"', '''zz''', false),
	('tc', '"b"', '''b''', true), ('tl', '"b"', '''b''', true), ('tl', '"B"', '''B''', true), ('vc', '"b"', '''b''', true), ('vc', '"longer than ten"', '''longer than ten''', false),
	('ch', '"b"', '''b''::bpchar', true), ('ch', '"b  "', '''b''::bpchar', true), ('ch', '"a b"', '''a b''::bpchar', true), ('nm', '"b"', '''b''::name', true),
	('d', '"2024-03-01"', '''2024-03-01''::date', true), ('d', '"2024-03-01T00:00:00Z"', '''2024-03-01''::date', true), ('d', '"2024-03-01T09:00:00+09:00"', '''2024-03-01''::date', true),
	('d', '"2024-03-01T12:00"', '''2024-03-01 12:00''::timestamp', false), ('d', '"1999-12-31T23:59:59"', '''1999-12-31 23:59:59''::timestamp', false),
	('ts', '"2024-03-01"', '''2024-03-01 00:00''::timestamp', true), ('ts', '"2024-03-01T12:00:00"', '''2024-03-01 12:00''::timestamp', true), ('ts', '"2024-03-01T21:00:00+09:00"', '''2024-03-01 12:00''::timestamp', true),
	('tz', '"2024-03-01"', '''2024-03-01 00:00Z''::timestamptz', true), ('tz', '"2024-03-01T12:00:00"', '''2024-03-01 12:00Z''::timestamptz', true), ('tz', '"2024-03-01 00:00:00.000001Z"', '''2024-03-01 00:00:00.000001Z''::timestamptz', true),
	('tm', '"06:30"', '''06:30''::time', true), ('iv', '"39 hours"', '''39 hours''::interval', true), ('iv', '"1 day 15:00"', '''39 hours''::interval', true),
	('u', '"00000000-0000-4000-8000-000000000003"', '''00000000-0000-4000-8000-000000000003''::uuid', true), ('u', '"{00000000000040008000000000000003}"', '''00000000-0000-4000-8000-000000000003''::uuid', true),
	('e', '"ok"', '''ok''::mood', true), ('e', '"sad"', '''sad''::mood', true), ('ip', '"10.0.0.3"', '''10.0.0.3''::inet', true), ('ip', '"10.0.0.0/8"', '''10.0.0.0/8''::inet', false), ('by', '"\\x03"', '''\x03''::bytea', true),
	('dl', '"b"', '''b''', true), ('dl', '"never"', '''never''', false), ('dp', '4', '4', true), ('dp', '-4', '-4', false), ('gen', '6', '6', true),
	('nn', '3', '3', true), ('nn', '3.5', '3.5', false), ('nt', '"b"', '''b''', true),
	('ai', '6', '6', true), ('ai', '9', '9', true), ('ai', '9.5', '9.5', false), ('ai', '1e30', '1e30', false), ('at', '"b"', '''b''', true), ('at', '"x"', '''x''', true), ('atl', '"B"', '''B''', true),
	('atz', '"2024-03-01"', '''2024-03-01 00:00Z''::timestamptz', true), ('ad', '"2024-03-01"', '''2024-03-01''::date', true), ('ad', '"2024-03-01T12:00"', '''2024-03-01 12:00''::timestamp', false),
	('ae', '"ok"', '''ok''::mood', true), ('adp', '4', '4', true), ('adp', '-4', '-4', false), ('dat', '"b"', '''b''', true);

-- {c}: the column or one element of it, {o}: the operand
CREATE TABLE operator (op text, json text, sql text, negation boolean NOT NULL DEFAULT false);
INSERT INTO operator (op, json, sql) VALUES
	('plain', '{o}', '{c} = {o}'), ('$eq', '{"$eq":{o}}', '{c} = {o}'), ('$gt', '{"$gt":{o}}', '{c} > {o}'), ('$gte', '{"$gte":{o}}', '{c} >= {o}'),
	('$lt', '{"$lt":{o}}', '{c} < {o}'), ('$lte', '{"$lte":{o}}', '{c} <= {o}'), ('$in', '{"$in":[{o}]}', '{c} = {o}'), ('$in twice', '{"$in":[{o},{o}]}', '{c} = {o}'),
	('$in single', '{"$in":{o}}', '{c} = {o}'), ('$in null', '{"$in":[{o},null]}', '{c} = {o} OR {c} IS NULL'), ('$between', '{"$between":[{o},{o}]}', '{c} >= {o} AND {c} <= {o}'),
	('$match', '{"$match":{"$gte":{o},"$ne":{o}}}', '{c} > {o}'), ('$or', '{"$or":[{"$eq":{o}},{"$gt":{o}}]}', '{c} >= {o}'),
	('two sides', '{"$not":{"$not":{"$lte":{o}}}}', '{c} <= {o}');
INSERT INTO operator VALUES
	('$ne', '{"$ne":{o}}', '{c} = {o}', true), ('$nin', '{"$nin":[{o}]}', '{c} = {o}', true), ('$nin null', '{"$nin":[{o},null]}', '{c} = {o} OR {c} IS NULL', true),
	('$nin twice', '{"$nin":[{o},{o}]}', '{c} = {o}', true), ('$not $gt', '{"$not":{"$gt":{o}}}', '{c} > {o}', true), ('$not $lte', '{"$not":{"$lte":{o}}}', '{c} <= {o}', true),
	('$not $eq', '{"$not":{"$eq":{o}}}', '{c} = {o}', true), ('$not $ne', '{"$not":{"$ne":{o}}}', '{c} = {o}', false),
	('$not $between', '{"$not":{"$between":[{o},{o}]}}', '{c} >= {o} AND {c} <= {o}', true);

-- the condition by hand: text byte by byte, an array by its elements
CREATE FUNCTION condition(col text, operator operator, sql text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	type oid := (SELECT atttypid FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attname = col);
	is_array boolean := (SELECT typcategory FROM pg_type WHERE oid = type) = 'A';
	is_text boolean := col IN ('t', 'tc', 'tl', 'vc', 'dl', 'nt', 'at', 'atl', 'dat', 'ch');
	condition text := operator.sql;
	name text := CASE WHEN is_array THEN 'x' ELSE 'typed.' || quote_ident(col) END;
BEGIN
	condition := replace(replace(condition, '{c}', name || CASE WHEN is_text THEN ' COLLATE "C"' ELSE '' END), '{o}', sql);
	IF is_array THEN
		-- $in with null also finds the missing list
		condition := format('EXISTS (SELECT FROM unnest(typed.%I) x WHERE %s)%s', col, condition,
			CASE WHEN operator.sql LIKE '%NULL%' THEN format(' OR typed.%I IS NULL', col) ELSE '' END);
	END IF;
	RETURN format(CASE WHEN operator.negation THEN '(%s) IS NOT TRUE' ELSE '(%s)' END, condition);
END $$;

CREATE FUNCTION ids(statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	ids text;
BEGIN
	EXECUTE 'SELECT string_agg(k::text, '','' ORDER BY k) FROM ' || statement INTO ids;
	RETURN coalesce(ids, '');
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

-- modes: how the request reaches the server
CREATE FUNCTION asked(mode text, col text, given text, operand_json text, operand_sql text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	request text := format('{"filter":{%s:%s}}', to_json(col), replace(given, '{o}', CASE WHEN mode LIKE 'bind%' THEN '{"$param":1}' ELSE operand_json END));
	ids text;
BEGIN
	PERFORM set_config('vxp.enable_inlining', (mode NOT LIKE '%executed')::text, true),
		set_config('enable_seqscan', (mode NOT LIKE '%index%')::text, true),
		set_config('enable_indexscan', (mode LIKE '%index%')::text, true), set_config('enable_bitmapscan', (mode LIKE '%index%')::text, true),
		set_config('enable_indexonlyscan', (mode LIKE '%index%')::text, true);
	ids := ids(CASE
		WHEN mode LIKE 'literal%' THEN format('vxp.query(NULL::typed, %L)', request)
		WHEN mode LIKE 'bind, known%' THEN format('vxp.query(NULL::typed, %L, %s)', request, operand_sql)
		ELSE format('(SELECT %s AS o OFFSET 0) s, vxp.query(NULL::typed, %L, s.o)', operand_sql, request) END);
	PERFORM set_config('vxp.enable_inlining', 'on', true), set_config('enable_seqscan', 'on', true),
		set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'on', true), set_config('enable_indexonlyscan', 'on', true);
	RETURN ids;
END $$;

CREATE TABLE wanted AS
SELECT o.col, op, o.json, o.sql, o.exact, p.json AS condition, ids('typed WHERE ' || condition(o.col, p, o.sql)) AS ids FROM operand o, operator p;
CREATE TABLE outcome AS
SELECT mode, w.*, asked(mode, col, condition, json, sql) AS seen
FROM wanted w, unnest(ARRAY['literal', 'literal, index', 'literal, executed', 'bind, known', 'bind, index', 'bind, executed']) mode;
SELECT mode, count(*) > 1500 AS many FROM outcome GROUP BY 1 ORDER BY 1;
-- the conditions by hand are sound: each ran, and an exact operand equals something
SELECT * FROM wanted WHERE ids ~ '^[0-9A-Z]{5} ';
SELECT col, json FROM wanted WHERE op = '$eq' AND exact <> (ids <> '');
SELECT mode, col, op, json, sql, seen, ids FROM outcome WHERE seen <> ids ORDER BY mode, col, op, json;

-- text conditions: literal, and as bind variables, which are never patterns
CREATE TABLE texts (condition text, operand text, sql text);
INSERT INTO texts VALUES
	('{"$contains":{o}}', 'b', 'strpos({c}, ''b'') > 0'), ('{"$contains":{o}}', 'a b', 'strpos({c}, ''a b'') > 0'), ('{"$contains":{o}}', '2*', 'strpos({c}, ''2*'') > 0'),
	('{"$contains":{o}}', '', '{c} IS NOT NULL'), ('{"$startsWith":{o}}', 'a', 'left({c}, 1) = ''a'''), ('{"$startsWith":{o}}', '%', 'false'), ('{"$startsWith":{o}}', '_', 'false'),
	('{"$startsWith":{o}}', '\', 'false'), ('{"$not":{"$contains":{o}}}', 'b', '(strpos({c}, ''b'') > 0) IS NOT TRUE');
CREATE TABLE patterns (condition text, sql text);
INSERT INTO patterns VALUES
	('"a*"', 'left({c}, 1) = ''a'''), ('"*b"', 'right({c}, 1) = ''b'''), ('"?"', 'length({c}) = 1'), ('{"$ne":"a*"}', '(left({c}, 1) = ''a'') IS NOT TRUE'), ('"T2\\*"', '{c} = ''T2*'''), ('"T2?"', '{c} = ''T2*'''),
	('{"$in":["a*","T2\\*",null]}', 'left({c}, 1) = ''a'' OR {c} = ''T2*'' OR {c} IS NULL'), ('{"$nin":["a*","B"]}', '(left({c}, 1) = ''a'' OR {c} = ''B'') IS NOT TRUE'),
	('{"$ieq":"B"}', 'lower({c} COLLATE "default") = ''b'''), ('{"$ieq":"t2\\*"}', '{c} = ''T2*'''), ('{"$ieq":"A*"}', 'left({c}, 1) = ''a'''), ('{"$ieq":"É"}', '{c} = ''é'''), ('{"$not":{"$ieq":"B"}}', '(lower({c} COLLATE "default") = ''b'') IS NOT TRUE'),
	('{"$glob":"a*"}', 'left({c}, 1) = ''a'''), ('{"$glob":"!a*"}', '(left({c}, 1) = ''a'') IS NOT TRUE'), ('{"$exists":true}', '{c} IS NOT NULL'), ('{"$exists":false}', '{c} IS NULL'), ('null', '{c} IS NULL'), ('{"$ne":null}', '{c} IS NOT NULL'),
	('{}', 'false'), ('{"$match":{"$ne":"b"}}', '{c} <> ''b'''), ('{"$elemMatch":{"$ne":"b"}}', 'false'), ('{"$gte":null}', '{c} IS NULL'), ('{"$gt":null}', 'false'), ('{"$not":{"$gt":null}}', 'true');
CREATE TABLE text_outcome AS
SELECT col, condition, operand, mode, asked(mode, col, condition, to_json(operand)::text, quote_literal(operand) || '::' || type) AS seen, ids('typed WHERE ' || replace(sql, '{c}', format('(%I::text COLLATE "C")', col))) AS ids
FROM texts, unnest(ARRAY['literal', 'literal, executed', 'bind, known', 'bind, index', 'bind, executed']) mode,
	unnest(ARRAY['t', 'tc', 'tl', 'vc', 'ch', 'nm', 'dl', 'nt']) col, unnest(ARRAY['text', 'varchar', 'label']) type
WHERE mode LIKE 'bind%' OR type = 'text'
UNION ALL
SELECT col, condition, '', mode, asked(mode, col, condition, '', ''), ids('typed WHERE ' || replace(sql, '{c}', format('(%I::text COLLATE "C")', col)))
FROM patterns, unnest(ARRAY['literal', 'literal, index', 'literal, executed']) mode, unnest(ARRAY['t', 'tc', 'tl', 'vc', 'ch', 'nm', 'dl', 'nt']) col;
SELECT count(*) > 1000 AS many, count(*) FILTER (WHERE ids <> '') > 700 AS not_empty FROM text_outcome;
SELECT col, condition, operand, mode, seen, ids FROM text_outcome WHERE seen <> ids ORDER BY 1, 2, 3, 4;

-- a bind variable of another type: text is read as the column's, a time without zone is UTC
CREATE TABLE cross_type (col text, given text, same text);
INSERT INTO cross_type VALUES
	('ts', '''2024-03-01 12:00Z''::timestamptz', '"2024-03-01T12:00:00Z"'), ('ts', '''2024-03-01''::date', '"2024-03-01"'), ('ts', '''2024-03-01''::text', '"2024-03-01"'),
	('tz', '''2024-03-01 12:00''::timestamp', '"2024-03-01T12:00:00Z"'), ('tz', '''2024-03-01''::date', '"2024-03-01"'), ('tz', '''2024-03-01''::text', '"2024-03-01"'), ('tz', '''2024-03-01T09:00:00+09:00''', '"2024-03-01"'),
	('d', '''2024-03-01 00:00Z''::timestamptz', '"2024-03-01"'), ('d', '''2024-03-01 12:00''::timestamp', '"2024-03-01T12:00:00"'), ('d', '''2024-03-01''::varchar', '"2024-03-01"'),
	('atz', '''2024-03-01 00:00''::timestamp', '"2024-03-01"'), ('ad', '''2024-03-01 00:00Z''::timestamptz', '"2024-03-01"'),
	('i4', '3::int8', '3'), ('i4', '3.0::numeric', '3'), ('i4', '3.5::numeric', '3.5'), ('i4', '3::int2', '3'), ('i4', '''3''::text', '3'), ('i2', '40000', '40000'), ('num', '3', '3'), ('num', '''0.75''', '0.75'), ('f8', '0.3::numeric', '0.3'),
	('b', '''true''::text', 'true'), ('u', '''00000000-0000-4000-8000-000000000003''::text', '"00000000-0000-4000-8000-000000000003"'), ('e', '''ok''::text', '"ok"'), ('ip', '''10.0.0.3''::text', '"10.0.0.3"'),
	('ch', '''b   ''::text', '"b"'), ('ch', '''b''::varchar', '"b"'), ('vc', '''b''::name', '"b"'), ('nm', '''b''::text', '"b"'), ('tl', '''b''::text COLLATE "POSIX"', '"b"'), ('tc', '''b'' COLLATE "POSIX"', '"b"'),
	('dl', '''b''::text', '"b"'), ('dp', '4::int8', '4'), ('ai', '6::int8', '6'), ('at', '''b'' COLLATE "POSIX"', '"b"'), ('adp', '4', '4');
CREATE TABLE cross_outcome AS
SELECT col, given, op, mode, asked(mode, col, json, '', given) AS seen, asked('literal', col, json, same, '') AS ids
FROM cross_type, operator, unnest(ARRAY['bind, known', 'bind, index', 'bind, executed']) mode;
SELECT count(*) > 1500 AS many, count(*) FILTER (WHERE ids <> '') > 1000 AS not_empty FROM cross_outcome;
SELECT col, given, op, mode, seen, ids FROM cross_outcome WHERE seen <> ids ORDER BY 1, 2, 3, 4;

-- NULL and arrays as bind variables: as JSON null and as lists
CREATE TABLE null_bind (col text, condition text, given text, same text);
INSERT INTO null_bind
SELECT col, condition, 'NULL::' || type, replace(condition, '{o}', 'null')
FROM (VALUES ('i4', 'int'), ('t', 'text'), ('tz', 'timestamptz'), ('tz', 'timestamp'), ('e', 'text'), ('nn', 'int'), ('nt', 'text'), ('ai', 'int'), ('at', 'text'), ('ae', 'mood'), ('adp', 'int'), ('ai', 'int[]'), ('at', 'text[]')) c(col, type),
	unnest(ARRAY['{o}', '{"$ne":{o}}', '{"$in":{o}}', '{"$nin":{o}}', '{"$gt":{o}}', '{"$gte":{o}}', '{"$lt":{o}}', '{"$lte":{o}}', '{"$not":{"$gt":{o}}}', '{"$not":{"$lte":{o}}}', '{"$in":[{o}]}', '{"$nin":[{o}]}', '{"$between":[{o},{o}]}']) condition
WHERE type NOT LIKE '%[]' OR condition IN ('{o}', '{"$ne":{o}}', '{"$in":{o}}', '{"$nin":{o}}');
INSERT INTO null_bind
SELECT col, condition, given, replace(condition, '{o}', same)
FROM (VALUES ('i4', 'ARRAY[3,NULL,9]', '[3,null,9]'), ('i4', 'ARRAY[3,4]', '[3,4]'), ('i4', '''{}''::int[]', '[]'), ('i4', '''{{3,4},{5,NULL}}''::int[]', '[3,4,5,null]'), ('nn', 'ARRAY[3,NULL]', '[3,null]'),
	('t', '''{b,NULL}''::text[]', '["b",null]'), ('t', '''{b,a*}''::text[]', '["b","a\\*"]'), ('tl', '''{b,NULL}''::text[]', '["b",null]'), ('nm', '''{b}''::text[]', '["b"]'), ('ch', '''{b  }''::text[]', '["b"]'), ('e', '''{ok,NULL}''::text[]', '["ok",null]'),
	('u', '''{00000000-0000-4000-8000-000000000003}''::text[]', '["00000000-0000-4000-8000-000000000003"]'), ('tz', '''{2024-03-01 00:00Z}''::timestamptz[]', '["2024-03-01"]'), ('ts', '''{2024-03-01}''::date[]', '["2024-03-01"]'),
	('ai', 'ARRAY[6,NULL]', '[6,null]'), ('ai', 'ARRAY[6,9]', '[6,9]'), ('at', '''{b,zz}''::text[]', '["b","zz"]'), ('ad', '''{2024-03-01}''::date[]', '["2024-03-01"]'), ('adp', 'ARRAY[4]', '[4]')) c(col, given, same),
	unnest(ARRAY['{"$in":{o}}', '{"$nin":{o}}']) condition;
INSERT INTO null_bind
SELECT col, condition, given, replace(condition, '{o}', same)
FROM (VALUES ('ai', 'ARRAY[3,6]', '[3,6]'), ('ai', '''{}''::int[]', '[]'), ('at', '''{b,x}''::text[]', '["b","x"]'), ('adp', 'ARRAY[4]', '[4]'), ('dat', 'ARRAY[''b'',''x'']', '["b","x"]')) c(col, given, same),
	unnest(ARRAY['{o}', '{"$eq":{o}}', '{"$ne":{o}}']) condition;
CREATE TABLE null_outcome AS
SELECT col, condition, given, mode, asked(mode, col, condition, '', given) AS seen, asked('literal', col, same, '', '') AS ids
FROM null_bind, unnest(ARRAY['bind, known', 'bind, index', 'bind, executed']) mode;
SELECT count(*) > 500 AS many, count(*) FILTER (WHERE ids <> '') > 300 AS not_empty FROM null_outcome;
SELECT col, condition, given, mode, seen, ids FROM null_outcome WHERE seen <> ids ORDER BY 1, 2, 3, 4;
-- a NULL inside a list is a member of it like any other
SELECT asked(mode, 'ai', '{o}', '', 'ARRAY[1,NULL,9]') AS list_with_null, asked(mode, 'at', '{o}', '', 'ARRAY[NULL]::text[]') AS null_alone FROM unnest(ARRAY['bind, known', 'bind, index', 'bind, executed']) mode;

-- wrong operands: an error with its place, whether or not there are rows
CREATE TABLE wrong (col text, condition text);
INSERT INTO wrong VALUES
	('i4', '"x"'), ('i4', 'true'), ('i4', '[1]'), ('i4', '{"$gt":"x"}'), ('i4', '{"$gt":false}'), ('i4', '{"$in":[1,"x"]}'), ('i4', '{"$nin":[null,{"$eq":1}]}'), ('i4', '{"$in":[[1]]}'), ('i4', '{"$eq":{"a":1}}'),
	('i4', '{"$contains":"1"}'), ('i4', '{"$startsWith":"1"}'), ('i4', '{"$glob":"1"}'), ('i4', '{"$after":"2024-01-01"}'), ('i4', '{"$between":[1,"x"]}'), ('i4', '{"$match":{"$gt":"x"}}'), ('i4', '{"x":1}'), ('i4', '{"$match":{"x":1}}'), ('i4', '{"$elemMatch":{"x":1}}'),
	('num', '"abc"'), ('num', '{"$lt":true}'), ('f8', '"1e999"'), ('f4', '1e99'), ('b', '1'), ('b', '"maybe"'), ('b', '{"$gt":0}'),
	('t', '5'), ('t', 'true'), ('t', '{"$in":["a",5]}'), ('t', '{"$gt":5}'), ('t', '{"$after":"soon"}'), ('t', '["a"]'), ('t', '{"$ieq":5}'),
	('tz', '"yesterday"'), ('tz', '"now"'), ('tz', '"infinity"'), ('tz', '5'), ('tz', '{"$gt":5}'), ('tz', '"2024-02-30"'), ('tz', '{"$after":true}'), ('d', '"01/03/2024"'), ('d', '20240301'), ('ts', '""'), ('tm', '"25:00"'), ('iv', '"long"'), ('iv', '5'),
	('u', '"x"'), ('u', '5'), ('e', '"angry"'), ('e', '1'), ('ip', '"10.0.0.300"'), ('by', '"\\xf"'), ('dp', '"x"'),
	('ai', '"x"'), ('ai', '[1,"x"]'), ('ai', '{"$in":[1,"x"]}'), ('ai', '{"$gt":"x"}'), ('at', '5'), ('at', '{"$in":["a",5]}'), ('atz', '"soon"'), ('ae', '{"$ne":"angry"}'), ('nosuch', '1'), ('i4.x', '1'), ('ai.x', '1');
SELECT col, condition, (asked('literal', col, condition, '', '')) FROM wrong;
SELECT count(*) AS same_when_executed FROM wrong WHERE asked('literal', col, condition, '', '') = asked('literal, executed', col, condition, '', '');
SELECT count(*) FROM vxp.query(NULL::typed, '{"filter":{"$or":[{"t":"a"},{"i4":{"$in":[1,"x"]}}]}}');
-- wrong bind variables
SELECT asked('bind, known', col, '{o}', '', given), asked('bind, index', col, '{o}', '', given)
FROM (VALUES ('i4', '''x''::text'), ('i4', 'true'), ('t', '5'), ('t', 'ARRAY[''a'']'), ('tz', '''soon''::text'), ('tz', '5'), ('u', '5'), ('ai', 'ARRAY[''x'']'), ('b', '1')) v(col, given);
SELECT count(*) FROM vxp.query(NULL::typed, '{"filter":{"i4":{"$param":2}}}', 1);
SELECT count(*) FROM vxp.query(NULL::typed, '{"filter":{"i4":{"$param":1}}}', 1, 2);
SELECT count(*) FROM vxp.query(NULL::typed, '{"filter":{"i4":{"$param":1}}}');
SELECT count(*) FROM vxp.query(NULL::typed, '{"filter":{"i4":{"$param":1}}}', VARIADIC ARRAY[1]);

-- random filters: a typed column holds what the same value in a document holds.
-- What is different on purpose is not asked: other types than the column's.
CREATE TABLE same (k int PRIMARY KEY, i int, n numeric, b bool, t text, ai int[], at text[], ab bool[]);
SELECT setseed(0.25);
INSERT INTO same SELECT g, i, i * 0.5, i > 2, (ARRAY['a', 'b', 'B', 'ab', 'a*', '', 'é'])[i + 1],
	CASE WHEN random() < 0.8 THEN ARRAY(SELECT CASE WHEN random() < 0.8 THEN (random() * 5)::int END FROM generate_series(1, (g * 7) % 4)) END,
	CASE WHEN random() < 0.8 THEN ARRAY(SELECT (ARRAY['a', 'b', 'B', 'ab', NULL, ''])[1 + (random() * 5)::int] FROM generate_series(1, (g * 5) % 4)) END,
	CASE WHEN random() < 0.8 THEN ARRAY(SELECT random() < 0.5 FROM generate_series(1, g % 3)) END
FROM (SELECT g, CASE WHEN random() < 0.85 THEN (random() * 6)::int END AS i FROM generate_series(1, 60) g) x;
SELECT vxp.register('Same', 'same', id => 'k');
CREATE VIEW same_document AS SELECT k, jsonb_strip_nulls(to_jsonb(same)) AS document FROM same;

CREATE FUNCTION pick(list text[]) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT list[1 + floor(random() * cardinality(list))] $$;
CREATE FUNCTION random_operand(col text) RETURNS text
LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN random() < 0.07 THEN 'null'
		WHEN col IN ('i', 'ai') THEN pick('{0,1,2,3,4,5,6,2.0,2.5,-1,1e3,1e30}')
		WHEN col = 'n' THEN pick('{0,0.5,1,1.50,2,2.25,-3,1e30}')
		WHEN col IN ('b', 'ab') THEN pick('{true,false}')
		ELSE pick(ARRAY['"a"', '"b"', '"B"', '"ab"', '"a\\*"', '"a*"', '"*b"', '"?"', '""', '"é"', '"zz"']) END
$$;
CREATE FUNCTION random_condition(col text, depth int) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	is_text boolean := col IN ('t', 'at');
	is_list boolean := col IN ('ai', 'at', 'ab');
	form text := pick('{plain,plain,op,op,op,op,in,in,between,exists,not,two,match,elem,or,and,empty,list,text,text}');
BEGIN
	CASE
		WHEN form = 'op' THEN RETURN format('{%s:%s}', to_json(pick('{$eq,$ne,$gt,$gte,$lt,$lte}')), random_operand(col));
		WHEN form = 'in' THEN RETURN format('{%s:[%s]}', to_json(pick('{$in,$nin}')), (SELECT string_agg(random_operand(col), ',') FROM generate_series(1, (random() * 4)::int)));
		WHEN form = 'between' THEN RETURN format('{"$between":[%s,%s]}', random_operand(col), random_operand(col));
		WHEN form = 'exists' THEN RETURN format('{"$exists":%s}', pick('{true,false}'));
		WHEN form = 'not' AND depth > 0 THEN RETURN format('{"$not":{%s:%s}}', to_json(pick('{$eq,$ne,$gt,$gte,$lt,$lte}')), random_operand(col));
		WHEN form = 'two' THEN RETURN format('{"$gte":%s,%s:%s}', random_operand(col), to_json(pick('{$lt,$ne,$lte}')), random_operand(col));
		WHEN form = 'match' AND NOT is_list THEN RETURN format('{"$match":{%s:%s,"$lte":%s}}', to_json(pick('{$gt,$ne,$gte,$eq}')), random_operand(col), random_operand(col));
		WHEN form = 'elem' THEN RETURN format('{"$elemMatch":{%s:%s,"$lte":%s}}', to_json(pick('{$gt,$ne,$gte,$eq}')), random_operand(col), random_operand(col));
		WHEN form IN ('or', 'and') AND depth > 0 THEN
			RETURN format('{"$%s":[%s,%s]}', form, random_condition(col, depth - 1), random_condition(col, depth - 1));
		WHEN form = 'empty' THEN RETURN '{}';
		WHEN form = 'list' AND is_list THEN RETURN format('[%s]', (SELECT string_agg(CASE x WHEN 'null' THEN random_operand('b') ELSE x END, ',') FROM (SELECT pick(CASE col WHEN 'ai' THEN '{0,1,2,3}' WHEN 'ab' THEN '{true,false}' ELSE ARRAY['"a"', '"b"', '""'] END) AS x FROM generate_series(1, (random() * 3)::int)) y));
		WHEN form = 'text' AND is_text THEN
			RETURN format('{%s:%s}', to_json(pick('{$contains,$startsWith,$glob,$ieq}')), to_json(pick('{a,b,A,"",a*,*b,?}')));
		ELSE RETURN random_operand(col);
	END CASE;
END $$;
CREATE FUNCTION random_filter(depth int) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	col text;
BEGIN
	IF depth > 0 AND random() < 0.6 THEN
		RETURN format('{"$%s":[%s]}', pick('{and,or,or,nor}'),
			(SELECT string_agg(random_filter(depth - 1), ',') FROM generate_series(1, 1 + (random() * 3)::int)));
	END IF;
	col := pick('{i,n,b,t,t,ai,at,at,ab}');
	RETURN format('{%s:%s}', to_json(col), random_condition(col, 2));
END $$;
CREATE FUNCTION typed_ids(request text, inlining boolean) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	ids text;
BEGIN
	PERFORM set_config('vxp.enable_inlining', inlining::text, true);
	EXECUTE format('SELECT string_agg(k::text, '','' ORDER BY k) FROM vxp.query(NULL::same, %L)', request) INTO ids;
	PERFORM set_config('vxp.enable_inlining', 'on', true);
	RETURN coalesce(ids, '');
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE TABLE random_request AS SELECT g, format('{"filter":%s}', random_filter(g % 4)) AS request FROM generate_series(1, 800) g;
CREATE TABLE random_outcome AS
SELECT request, typed_ids(request, true) AS inlined, typed_ids(request, g % 5 > 0) AS executed,
	(SELECT coalesce(string_agg(k::text, ',' ORDER BY k), '') FROM same_document WHERE vxp.matches(document, request::vxp.dql)) AS document
FROM random_request;
SELECT count(*), count(*) FILTER (WHERE document NOT IN ('', (SELECT string_agg(k::text, ',' ORDER BY k) FROM same))) > 350 AS between FROM random_outcome;
SELECT request, inlined, document FROM random_outcome WHERE inlined <> document OR executed <> document ORDER BY length(request) LIMIT 20;

SET client_min_messages = warning;
DROP SCHEMA dql_types CASCADE;
