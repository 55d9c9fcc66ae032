--
-- dql_types: a typed column compares as its own type
--
-- The rows of a request against an SQL condition written by hand, for each type
-- and operator: inlined and not, with and without indexes, the operand as a
-- literal, as a bind variable known when planned, and as one that is not.
-- Printed are deviations and counts.
--
SET search_path = public;
SET client_min_messages = warning;
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
	('t', '"b"', '''b''', true), ('t', '"B"', '''B''', true), ('t', '"é"', '''é''', true), ('t', '""', '''''', true), ('t', '"T2\\*"', '''T2*''', true), ('t', '"zz"', '''zz''', false),
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
CREATE FUNCTION asked(mode text, col text, json text, operand_json text, operand_sql text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	request text := format('{"filter":{%s:%s}}', to_json(col), replace(json, '{o}', CASE WHEN mode LIKE 'bind%' THEN '{"$param":1}' ELSE operand_json END));
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

CREATE TABLE outcome AS
SELECT mode, o.col, op, o.json, o.sql, o.exact, asked(mode, o.col, p.json, o.json, o.sql) AS seen, ids('typed WHERE ' || condition(o.col, p, o.sql)) AS expected
FROM operand o, operator p, unnest(ARRAY['literal', 'literal, index', 'literal, executed', 'bind, known', 'bind, index', 'bind, executed']) mode;
SELECT mode, count(*) > 1500 AS many FROM outcome GROUP BY 1 ORDER BY 1;
-- the conditions by hand are sound: each ran, and an exact operand equals something
SELECT * FROM outcome WHERE expected LIKE '%error%' OR expected ~ '^[0-9A-Z]{5} ';
SELECT DISTINCT col, json FROM outcome WHERE op = '$eq' AND exact <> (expected <> '');
SELECT mode, col, op, json, sql, seen, expected FROM outcome WHERE seen <> expected ORDER BY mode, col, op, json;
