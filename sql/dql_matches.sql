--
-- matches: the meaning of a filter on one document
--
-- test/data/dql_truth.tsv holds every row of the tables in the specification
-- (origin "table") and further cases (origin "case"): section, document,
-- filter, and yes or no; its further columns are for dql_truth.
--
SET search_path = public, vxp;
\getenv srcdir PG_ABS_SRCDIR
\if :{?srcdir}
\else
\set srcdir `pwd`
\endif
\set truth :srcdir '/test/data/dql_truth.tsv'
CREATE TABLE truth (section text, origin text, document jsonb, filter json, expected text, columns text, typed text);
\set load '\\copy truth FROM ' :'truth' ' WITH (FORMAT csv, HEADER, DELIMITER E''\\t'', QUOTE E''\\b'')'
:load
SELECT origin, count(*) FROM truth GROUP BY origin ORDER BY origin;

-- the answer, or the SQLSTATE of the error
CREATE FUNCTION answer(document jsonb, filter text, field text DEFAULT NULL, params jsonb DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN CASE vxp.matches(document, filter::vxp.dql, field, params) WHEN true THEN 'yes' WHEN false THEN 'no' END;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;

-- deviations: none
SELECT section, document, filter, expected, answer(document, format('{"filter":%s}', filter))
FROM truth
WHERE answer(document, format('{"filter":%s}', filter)) IS DISTINCT FROM expected;

-- a negation is the complement: $nor of the filter always gives the other answer
SELECT section, document, filter
FROM truth
WHERE expected IN ('yes', 'no')
  AND answer(document, format('{"filter":{"$nor":[%s]}}', filter)) IS NOT DISTINCT FROM expected;

-- the same as a member: the document under "m", every field with "m." before it, and the member alone
CREATE FUNCTION behind(filter json) RETURNS text LANGUAGE sql AS $$
	SELECT '{' || coalesce(string_agg(CASE WHEN key LIKE '$%' THEN to_json(key) || ':[' ||
			(SELECT coalesce(string_agg(behind(e), ','), '') FROM json_array_elements(value) e) || ']'
		ELSE to_json('m.' || key) || ':' || value END, ','), '') || '}'
	FROM json_each(filter)
$$;
-- (epoch milliseconds are for the fields createdAt and updatedAt alone; a root list or scalar is not an object here)
SELECT section, document, filter, expected
FROM truth
WHERE expected IN ('yes', 'no') AND filter::text NOT LIKE '%edAt%'
  AND (answer(document, format('{"filter":%s}', behind(filter)), 'm') <> expected
	   OR answer(jsonb_build_object('m', document), format('{"filter":%s}', behind(filter))) <> expected);

-- canonical_filter means the same, and is its own canonical form
SELECT section, filter, canonical
FROM (SELECT *, canonical_filter(format('{"filter":%s}', filter)) AS canonical
	  FROM truth WHERE expected IN ('yes', 'no')) t
WHERE answer(document, canonical::text) <> expected
   OR canonical_filter(canonical)::text <> canonical::text;

-- conditions on other members than the field, and on the field itself
SELECT answer('{"a":1}', '{"filter":{"m.a":1,"n":null}}', 'm') AS yes,
	   answer('{"a":1}', '{"filter":{"n.a":1}}', 'm') AS no,
	   answer('[1,2]', '{"filter":{"m":2}}', 'm') AS yes,
	   answer('[1,2]', '{"filter":{"m.1":2}}', 'm') AS yes,
	   answer(NULL, '{"filter":{"m":{"$exists":false}}}', 'm') AS yes,
	   answer('null', '{"filter":{"m":{"$exists":true}}}', 'm') AS yes,
	   answer('{}', '{"filter":{"m":{}}}', 'm') AS yes;

-- NULL: a document without members; no filter, no answer
SELECT answer(NULL, '{"filter":{"a":{"$exists":false}}}') AS yes,
	   answer(NULL, '{"filter":{"a":1}}') AS no,
	   answer(NULL, '{}') AS yes,
	   answer('{"a":1}', NULL) IS NULL AS no_answer;

-- bind variables: a text is literal; NULL is JSON null; a list for $in
SELECT answer('{"a":"x*"}', '{"filter":{"a":{"$param":1}}}', NULL, '["x*"]') AS yes,
	   answer('{"a":"xy"}', '{"filter":{"a":{"$param":1}}}', NULL, '["x*"]') AS no,
	   answer('{"a":"x*"}', '{"filter":{"a":{"$ieq":{"$param":1}}}}', NULL, '["X*"]') AS yes,
	   answer('{"a":"xy"}', '{"filter":{"a":{"$ieq":{"$param":1}}}}', NULL, '["X*"]') AS no,
	   answer('{"a":2}', '{"filter":{"a":{"$in":{"$param":2}}}}', NULL, '[0,[1,2]]') AS yes,
	   answer('{"a":"xy"}', '{"filter":{"a":{"$in":{"$param":1}}}}', NULL, '[["x*"]]') AS no,
	   answer('{"a":2}', '{"filter":{"a":{"$in":{"$param":1}}}}', NULL, '[2]') AS yes,
	   answer('{"a":2}', '{"filter":{"a":{"$in":[1,{"$param":1}]}}}', NULL, '[2]') AS yes,
	   answer('{}', '{"filter":{"a":{"$param":1}}}', NULL, '[null]') AS yes,
	   answer('{}', '{"filter":{"a":{"$ne":{"$param":1}}}}', NULL, '[null]') AS no;
SELECT answer('{"a":5}', '{"filter":{"a":{"$gt":{"$param":1}}}}', NULL, '[4]') AS yes,
	   answer('{"a":5}', '{"filter":{"a":{"$gt":{"$param":1}}}}', NULL, '["4"]') AS yes,
	   answer('{"a":5}', '{"filter":{"a":{"$gt":{"$param":1}}}}', NULL, '[null]') AS no,
	   answer('{}', '{"filter":{"a":{"$gte":{"$param":1}}}}', NULL, '[null]') AS yes,
	   answer('{"a":5}', '{"filter":{"a":{"$between":[{"$param":1},{"$param":2}]}}}', NULL, '[5,6]') AS yes,
	   answer('{"a":"2024-05-01"}', '{"filter":{"a":{"$after":{"$param":1}}}}', NULL, '["2024-04-30"]') AS yes,
	   answer('{"a":"2024-05-01"}', '{"filter":{"a":{"$after":{"$param":1}}}}', NULL, '[null]') AS no,
	   answer('{"a":"abc"}', '{"filter":{"a":{"$glob":{"$param":1}}}}', NULL, '["a*c"]') AS yes,
	   answer('{"a":"abc"}', '{"filter":{"a":{"$glob":{"$param":1}}}}', NULL, '["!a*c"]') AS no,
	   answer('{"a":"abc"}', '{"filter":{"a":{"$contains":{"$param":1}}}}', NULL, '["b"]') AS yes,
	   answer('{"o":{"b":2,"a":[1]}}', '{"filter":{"o":{"$param":1}}}', NULL, '[{"a":[1.0],"b":2}]') AS yes;
-- refused: what looks at other rows
SELECT filter, answer('{"v":2}', filter) AS refused
FROM unnest(ARRAY['{"filter":{"v":{"$in":{"resource":"x","select":"y"}}}}', '{"filter":{"v":{"$nin":{"select":["y"]}}}}',
	'{"filter":{"v":{"$gt":{"$any":{"select":{"y":1}}}}}}', '{"join":{"filter":{"v":2}}}', '{"intersect":{"query":{"filter":{"v":2}}}}',
	'{"except":[{"query":{"filter":{"v":2}}}]}']) filter;
-- refused: no such variable, wrong types, no list, other request members, lineage
SELECT answer('{}', '{"filter":{"a":{"$param":2}}}', NULL, '[1]') AS missing,
	   answer('{}', '{"filter":{"a":{"$param":1}}}') AS none,
	   answer('{}', '{"filter":{"a":{"$gt":{"$param":1}}}}', NULL, '[[1]]') AS list,
	   answer('{}', '{"filter":{"a":{"$contains":{"$param":1}}}}', NULL, '[5]') AS number,
	   answer('{}', '{"filter":{"a":{"$after":{"$param":1}}}}', NULL, '["x"]') AS no_time,
	   answer('{}', '{"filter":{"a":1}}', NULL, '{"a":1}') AS object,
	   answer('{}', '{"filter":{"a":1},"page":0}') AS page,
	   answer('{}', '{"filter":{"a":1},"user":"me","sort":null}') AS ignored,
	   answer('{}', '{"filter":{"$hasAncestor":"x/1"}}') AS lineage;
SELECT matches('{}', '{"filter":{"a":{"$in":[1]}},"limit":5}');
SELECT matches('{}', '{"filter":{"$or":[{"a":{"$gt":{"$param":3}}}]}}', params => '[1]');

-- one call site, changing filters, fields and variables
SELECT count(*) FILTER (WHERE m = (n % 5 = k)) = count(*) AS all_right
FROM generate_series(0, 20) n, generate_series(0, 4) k,
	 LATERAL (SELECT matches(jsonb_build_object('n', n % 5), format('{"filter":{"n":%s}}', k)::dql)) a(m);
SELECT count(*) FILTER (WHERE m = (n % 5 = k)) = count(*) AS all_right
FROM generate_series(0, 20) n, generate_series(0, 4) k,
	 LATERAL (SELECT matches(jsonb_build_object('n', n % 5), '{"filter":{"n":{"$param":1}}}', NULL, jsonb_build_array(k))) a(m);
SELECT count(*) FILTER (WHERE m = (k = 'a')) = count(*) AS all_right
FROM unnest('{a,b,a}'::text[]) k,
	 LATERAL (SELECT matches('5', '{"filter":{"a":5}}', k)) a(m);

-- big and deep documents: long lists, deep objects, long strings
SELECT matches(jsonb_build_object('a', (SELECT jsonb_agg(i) FROM generate_series(1, 20000) i)), '{"filter":{"a":20000}}') AS yes,
	   matches(jsonb_build_object('a', (SELECT jsonb_agg(i) FROM generate_series(1, 20000) i)), '{"filter":{"a.19999":20000}}') AS yes,
	   matches(jsonb_build_object('a', (SELECT jsonb_agg(jsonb_build_object('b', i::text)) FROM generate_series(1, 20000) i)), '{"filter":{"a.b":"20000"}}') AS yes,
	   matches((repeat('{"a":', 1000) || '1' || repeat('}', 1000))::jsonb, format('{"filter":{"%s":1}}', 'a' || repeat('.a', 999))::dql) AS yes,
	   matches(jsonb_build_object('a', repeat('ab', 100000)), '{"filter":{"a":"*b*a*c*"}}') AS no,
	   matches(jsonb_build_object('a', repeat('a', 100000)), '{"filter":{"a":{"$glob":"*a*a*a*a*a*a*b"}}}') AS no;
DROP TABLE truth;
DROP FUNCTION answer, behind;
