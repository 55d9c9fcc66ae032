--
-- malformed requests: each is an error with its SQLSTATE and the place of the fault
--
-- test/data/dql_errors.tsv lists requests, the expected SQLSTATE, and the JSON
-- path that the detail must name (none where the text is no JSON).
--
SET search_path = public, vxp;
\getenv srcdir PG_ABS_SRCDIR
\if :{?srcdir}
\else
\set srcdir `pwd`
\endif
\set errors :srcdir '/test/data/dql_errors.tsv'
CREATE TABLE malformed (request text, sqlstate text, path text);
\set load '\\copy malformed FROM ' :'errors' ' WITH (FORMAT csv, HEADER, DELIMITER E''\\t'', QUOTE E''\\b'', FORCE_NOT_NULL (request))'
:load
SELECT count(*) >= 200 AS many, cardinality(array_agg(DISTINCT request)) = count(*) AS different FROM malformed;

-- SQLSTATE, detail and hint of the error that a request gives
CREATE FUNCTION fault(request text, OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM request::vxp.dql;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END
$$;
-- deviations: none
SELECT request, sqlstate, path, f.*
FROM malformed, fault(request) f
WHERE f.state IS DISTINCT FROM sqlstate
   OR path IS NOT NULL AND right(f.detail, length(path) + 17) IS DISTINCT FROM 'The fault is at ' || path || '.'
   OR f.message ~ '^[A-Z]|\.$' OR f.detail = '';

-- the limits: 256 levels, 16 MB; the place names the level, shortened in the middle
SELECT (fault(repeat('[', 257))).state AS levels, (fault(repeat('{"a":', 300))).state AS levels,
	   (fault(repeat('[', 10000000))).state AS levels,
	   (fault('{"filter":{"a":"' || repeat('x', 16 * 1024 * 1024) || '"}}')).state AS size,
	   (fault('{"filter":' || repeat('{"a":', 254) || '1' || repeat('}', 255))).state IS NULL AS deep_enough,
	   (fault('{"filter":' || repeat('{"$and":[', 126) || '{}' || repeat(']}', 126) || '}')).state IS NULL AS deep_enough;
SELECT (fault('{"filter":{"a":"[[{{' || repeat('[', 300) || '"}}')).state IS NULL AS brackets_in_text,
	   length((fault('{"filter":' || repeat('{"abcdefgh":', 200) || '{"$foo":1}' || repeat('}', 201))).detail) < 300 AS short_detail;

-- messages and hints, one of each kind
SELECT f.* FROM unnest(ARRAY[
	'{"filtr":{}}', '{"zzzzzz":1}', '{"filter":{"a":{"$getl":1}}}', '{"filter":{"a":{"$FiltersOperations.IN":[1]}}}',
	'{"filter":{"a":{"$gt":[1]}}}', '{"filter":{"$and":{"a":1}}}', '{"filter":{"a":{"b":1,"$gt":2}}}', '{"filter":{"$gt":1}}',
	'{"filter":{"a":{"$not":5}}}', '{"filter":{"a":{"$in":{"select":["b","c"]}}}}', '{"join":{"on":{"resource":"a"}}}', '{"after":5}', '{"page":1.5}', '{"sort":{"a":"up"}}',
	'{"select":{"a":1,"b":0}}', '{"asOf":"yesterday"}', '{"filter":{"a..b":1}}', '{"filter":{"a":{"$after":"x"}}}',
	'{"filter":{"a":1e999999}}', '{"filter":{"a":{"$param":0}}}', '{"filter":{"a":', '{"datasets":["a"],"context":{"datasets":["b"]}}']) r, fault(r) f;

-- every way in is checked alike: cast, binary, assignment, saved column
SELECT '{"filtr":1}'::json::dql;
SELECT '{"filtr":1}'::jsonb::dql;
SELECT '{"filtr":1}'::varchar::dql;
CREATE TABLE saved (q dql);
INSERT INTO saved VALUES ('{"filtr":1}');
INSERT INTO saved SELECT '{"filtr":1}'::text;
-- jsonb has lost the order of sort keys: one key or a list only
SELECT '{"sort":{"b":1,"a":1}}'::jsonb::dql;
SELECT '{"sort":{"m":{"b":1,"a":1}}}'::jsonb::dql;
SELECT '{"sort":[{"b":1,"a":1}]}'::jsonb::dql;
SELECT '{"sort":[{"b":1},{"a":1}]}'::jsonb::dql;
SELECT '{"sort":{"m":{"b":1}}}'::jsonb::dql;
DROP TABLE malformed, saved;
DROP FUNCTION fault;
