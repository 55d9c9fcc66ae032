--
-- null_args: every function of the extension, called by hand with what nobody would call it with
--
-- Each function that SQL can call is called with NULL in every argument, with
-- each single argument NULL, and with empty and odd values, in a transaction
-- that is undone.  It answers or raises an error of its own: no crash, no
-- internal error (XX...).  The list is the extension's own, so that a new
-- function is covered by itself.
--
\set SHOW_CONTEXT never
SET client_min_messages = error;
CREATE SCHEMA null_test;
SET search_path = null_test, vxp;
CREATE TABLE something (id text PRIMARY KEY, d jsonb, path vxp.lineage);
CREATE INDEX something_path ON something USING gist (path);
SELECT register('NullTest', 'something', document => 'd');

-- values of each type, as SQL; a type that is not here stops the test
CREATE TABLE sample (type regtype PRIMARY KEY, list text[]);
INSERT INTO sample VALUES
	('text', '{"''''","''a''","''NullTest''","''{}''","repeat(''x'', 5000)","E''\\\\x01é''"}'),
	('name[]', '{"''{}''","''{NULL}''","''{a,b}''"}'), ('name', '{"''''","''id''"}'), ('cstring', '{"''''","''a > b''","''{}''","''{\"filter\":1}''"}'), ('text[]', '{"''{}''","''{NULL}''","''{a,NULL,\"\"}''","''{{a,b},{c,d}}''","''[5:6]={a,b}''"}'),
	('integer', '{0,-1,2147483647,-2147483648}'), ('smallint', '{0,-1,32767}'), ('bigint', '{0,-1,9223372036854775807}'), ('bigint[]', '{"''{}''","''{NULL}''","''{-1,1}''"}'), ('boolean', '{true,false}'),
	('oid', '{0,1,4294967295}'), ('regclass', '{0,"''something''::regclass","''pg_class''::regclass","''something_path''::regclass",4294967295}'), ('regtype', '{0,"''text''::regtype"}'), ('regprocedure', '{0}'),
	('jsonb', '{"''null''","''{}''","''[]''","''\"\"''","''5''","''{\"a\":{\"b\":[1,null]}}''"}'), ('json', '{"''null''","''{}''","''[]''","''\"\"''","''{\"resource\":\"NullTest\"}''","''{\"a\":1}''"}'),
	('dql', '{"''{}''","''{\"resource\":\"NullTest\"}''","''{\"resource\":\"NullTest\",\"filter\":{\"id\":{\"$gt\":1}}}''","''{\"resource\":\"Nowhere\"}''"}'),
	('lineage', '{"''a''","''a > b/1 > c''","lineage(array_fill(''x''::text, ARRAY[1000]))"}'), ('identifier', '{"''''","''a''","repeat(''x'', 5000)"}'),
	('timestamptz', '{"''-infinity''","''infinity''","''2024-01-01''","''4714-11-24 00:00:00+00 BC''"}'), ('tstzrange', '{"''empty''","''(,)''"}'), ('tid', '{"''(0,0)''"}'), ('bytea', '{"''''","''\\x01''"}'),
	('record', '{"ROW()","ROW(NULL)","ROW(1,''a'')"}'), ('anyelement', '{"NULL::something","5","NULL::text"}'), ('"any"', '{"NULL::int","''x''::text","ARRAY[1]"}'),
	('resource_type', '{"(SELECT t FROM vxp.resource_type t LIMIT 1)","ROW(''a'',''b'',''c'',NULL,''{}'',false,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,''{}'',NULL,false,NULL,NULL,''{}'')::vxp.resource_type"}'),
	('interval', '{"''0''","''-1 day''"}'), ('double precision', '{0,"''NaN''"}'), ('real', '{0}'), ('numeric', '{0}'), ('"char"', '{"''a''"}'), ('lineage[]', '{"''{}''","''{NULL}''"}'), ('timestamptz[]', '{"''{}''","''{NULL,infinity}''"}'), ('timestamp[]', '{"''{}''","''{NULL,infinity}''"}'), ('tstzrange[]', '{"''{}''","''{NULL,empty}''"}'), ('boolean[]', '{"''{}''","''{NULL}''"}'), ('dql[]', '{"''{}''"}'), ('anyarray', '{"''{}''::text[]"}');

CREATE TABLE callable AS
SELECT p.oid::regprocedure AS function, p.pronargs, p.provariadic, p.proretset, p.prokind,
	ARRAY(SELECT t::regtype FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY a(t, o) ORDER BY o) AS types
FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'vxp_query'
WHERE p.prokind = 'f' AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype);
-- an argument of type internal, or of an index key, which has no input, keeps a function from SQL
SELECT function FROM callable WHERE NOT ('internal'::regtype = ANY (types) OR 'lineage_gist_key'::regtype = ANY (types))
	AND EXISTS (SELECT FROM unnest(types) t WHERE t NOT IN (SELECT type FROM sample));
DELETE FROM callable WHERE 'internal'::regtype = ANY (types) OR 'lineage_gist_key'::regtype = ANY (types);
SELECT count(*) > 80 AS many FROM callable;

CREATE FUNCTION argument(type regtype, which int) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN which = 0 OR s.list IS NULL THEN
			CASE WHEN type IN ('anyelement'::regtype, 'anyarray'::regtype) THEN 'NULL::text' || CASE WHEN type = 'anyarray'::regtype THEN '[]' ELSE '' END
				WHEN type = '"any"'::regtype THEN 'NULL::text' WHEN type = 'record'::regtype THEN 'NULL::record' ELSE 'NULL::' || type END
		WHEN type IN ('anyelement'::regtype, 'anyarray'::regtype, '"any"'::regtype, 'record'::regtype, 'resource_type'::regtype) THEN s.list[1 + (which - 1) % cardinality(s.list)]
		ELSE format('(%s)::%s', s.list[1 + (which - 1) % cardinality(s.list)], type) END
	FROM (SELECT 1) one LEFT JOIN sample s ON s.type = argument.type
$$;
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RAISE EXCEPTION USING ERRCODE = 'P0099';
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
CREATE TABLE call AS
SELECT DISTINCT function, statement FROM callable, LATERAL (
	-- all NULL; the n-th value of each; the n-th value with one argument NULL
	SELECT format('SELECT count(*) FROM (SELECT %s(%s)) x', function::regproc, (SELECT string_agg(CASE WHEN provariadic <> 0 AND o = pronargs AND types[o] <> '"any"'::regtype THEN 'VARIADIC ' ELSE '' END
		|| argument(types[o], CASE WHEN o = hole THEN 0 ELSE n END), ', ' ORDER BY o) FROM generate_series(1, pronargs) o)) AS statement
	FROM generate_series(0, 6) n, generate_series(0, pronargs) hole) s;
SELECT count(*) > 1000 AS many FROM call;
CREATE TABLE seen AS SELECT function, statement, outcome(statement) AS state FROM call;
-- internal errors, and calls that this test makes wrongly (P0099: it answered)
SELECT state, function, min(statement) FROM seen WHERE state LIKE 'XX%' OR state IN ('42883', '42725') GROUP BY 1, 2 ORDER BY 1, 2::text;
SELECT count(*) FILTER (WHERE state = 'P0099') > 500 AS answered, count(*) FILTER (WHERE state <> 'P0099') > 100 AS refused FROM seen;
-- trigger functions called by hand, and on a table they are not made for
SELECT p.oid::regprocedure AS function, outcome(format('SELECT %s()', p.oid::regproc)) AS by_hand,
	CASE WHEN p.prorettype = 'trigger'::regtype THEN
		outcome(format('CREATE TRIGGER x BEFORE INSERT OR UPDATE OR DELETE ON something FOR EACH ROW EXECUTE FUNCTION %s(); INSERT INTO something VALUES (''1''); UPDATE something SET id = ''2''; DELETE FROM something', p.oid::regproc)) END AS elsewhere
FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'vxp_query'
WHERE p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype)
	AND (outcome(format('SELECT %s()', p.oid::regproc)) ~ '^XX|P0099' OR p.prorettype = 'trigger'::regtype AND outcome(format('CREATE TRIGGER x BEFORE INSERT OR UPDATE OR DELETE ON something FOR EACH ROW EXECUTE FUNCTION %s(); INSERT INTO something VALUES (''1''); UPDATE something SET id = ''2''; DELETE FROM something', p.oid::regproc)) ~ '^XX');
DROP SCHEMA null_test CASCADE;
