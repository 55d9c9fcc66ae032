--
-- sort_key, project, iso8601: order and shape of answers
--
SET search_path = public, vxp;

-- the order of types and values (section 6), each value after the one before it
CREATE TABLE ordered (n serial, v jsonb);
INSERT INTO ordered (v) VALUES
	('[]'), ('null'),
	('-1e130000'), ('-12345678901234567890.5'), ('-1001'), ('-1000'), ('-100'), ('-99.99'), ('-2'), ('-1.01'), ('-1'), ('-0.5'), ('-0.05'), ('-1e-16000'),
	('0'), ('1e-16000'), ('1e-20'), ('0.05'), ('0.5'), ('0.51'), ('1'), ('1.000000001'), ('1.01'), ('2'), ('9'), ('10'), ('10.5'), ('99'), ('100'), ('1000'),
	('9007199254740992'), ('9007199254740993'), ('1e20'), ('1e130000'),
	('""'), ('" "'), ('"A"'), ('"B"'), ('"a"'), ('"aa"'), ('"b"'), ('"é"'), ('"\uffee"'), ('"\ud83d\ude00"'),
	('{"x":1}'), ('[[1]]'), ('false'), ('true');
-- for each pair, key order is the order above, as a value and alone in a list (the empty list apart)
SELECT count(*) AS pairs,
	   count(*) FILTER (WHERE (sort_key(jsonb_build_object('a', a.v), 'a') < sort_key(jsonb_build_object('a', b.v), 'a')) = (a.n < b.n)) AS right_order,
	   count(*) FILTER (WHERE (sort_key(jsonb_build_object('a', a.v), 'a', true) < sort_key(jsonb_build_object('a', b.v), 'a', true)) = (a.n < b.n)) AS right_descending
FROM ordered a, ordered b;
SELECT count(*) AS wrong FROM ordered
WHERE v NOT IN ('[]', '[[1]]') AND sort_key(jsonb_build_object('a', jsonb_build_array(v)), 'a') <> sort_key(jsonb_build_object('a', v), 'a');
-- equal by value, equal by key
SELECT sort_key('{"a":1}', 'a') = sort_key('{"a":1.000}', 'a') AS number,
	   sort_key('{"a":100}', 'a') = sort_key('{"a":1e2}', 'a') AS exponent,
	   sort_key('{"a":0}', 'a') = sort_key('{"a":-0.00}', 'a') AS zero,
	   sort_key('{"a":{"b":1}}', 'a') = sort_key('{"a":{"c":2}}', 'a') AS objects,
	   sort_key('{"a":null}', 'a') = sort_key('{}', 'a') AS missing,
	   sort_key(NULL, 'a') = sort_key('{}', 'a') AS no_document,
	   sort_key('5', 'a') = sort_key('{}', 'a') AS scalar;
-- random numbers sort as numbers
SELECT count(*) AS wrong
FROM (SELECT x, lead(x) OVER (ORDER BY sort_key(jsonb_build_object('a', x), 'a')) AS next
	  FROM (SELECT (sin(i) * power(10::numeric, i % 37 - 18))::numeric AS x FROM generate_series(1, 2000) i) r) s
WHERE x > next;
-- a list counts as its elements: least ascending, greatest descending; paths as in filters
SELECT sort_key('{"a":[3,1,2]}', 'a') = sort_key('{"a":1}', 'a') AS least,
	   sort_key('{"a":[3,1,2]}', 'a', true) = sort_key('{"a":3}', 'a') AS greatest,
	   sort_key('{"a":[3,"x"]}', 'a', true) = sort_key('{"a":"x"}', 'a') AS by_type,
	   sort_key('{"a":[{"b":5},{"b":[7,4]},{}]}', 'a.b') = sort_key('{"b":4}', 'b') AS path,
	   sort_key('{"a":[4,{"b":5}]}', 'a.0') = sort_key('{"b":4}', 'b') AS index,
	   sort_key('{"a":[[1],2]}', 'a', true) > sort_key('{"a":{}}', 'a') AS list_in_list,
	   sort_key('{"a":1}', NULL) IS NULL AS no_path;
-- one call site, changing paths
SELECT bool_and(k = sort_key(jsonb_build_object('x', n), 'x')) AS all_right
FROM generate_series(1, 3) n, LATERAL (SELECT sort_key('{"p1":1,"p2":2,"p3":3}', 'p' || n) AS k) s;
SELECT sort_key('{}', 'a..b');
-- the empty path is the document itself, as for a column that is a list
SELECT sort_key('[1,2]', '') = sort_key('{"a":[1,2]}', 'a') AS same;
DROP TABLE ordered;

-- project: names to keep, with null for what is missing
CREATE TABLE doc AS SELECT '{"id":1,"a":{"b":1,"c":{"d":2,"e":3}},"l":[{"b":1,"c":2},{"c":3},5,[{"b":9}]],"s":7,"n":null}'::jsonb AS d;
SELECT f, project(d, format('{"select":%s}', f)::dql) FROM doc, unnest(ARRAY[
	'["id","zz"]', '"id"', '["a.b","a.zz"]', '["a.c.d","a"]', '["l.b"]', '["s.x","n.x"]', '["zz.y.x","zz.w"]',
	'{"id":1,"zz":1}', '{"a.b":1,"a.zz":1}', '{"a.c.d":1.0}', '{"l.b":1}', '{"s.x":1,"n.x":1}', '{"zz.y":1}', '{"a.zz":1}',
	'{"id":0,"zz":0}', '{"a.b":0}', '{"a.c.d":0,"a.c":0,"l":0}', '{"l.b":0}', '{"s.x":0,"l":0,"a":0}', '{}', 'null']) f;
-- other members are not looked at; a malformed request is an error
SELECT project(d, '{"select":["id"],"page":1,"resource":"items"}') FROM doc;
SELECT project(d, '{"select":{"a":1,"b":0}}') FROM doc;
-- what is no object has no fields
SELECT project('5', '{"select":["a.b"]}'), project('[{"a":1}]', '{"select":{"a":1}}'), project('[1]', '{"select":{"a":0}}'), project(NULL, '{}');
-- one call site, changing requests
SELECT project(d, r::dql) FROM doc, (VALUES ('{"select":"id"}'), ('{"select":"s"}'), ('{"select":"id"}')) v(r);
DROP TABLE doc;

-- iso8601 does not depend on settings
SET TimeZone = 'Asia/Kolkata';
SET DateStyle = 'SQL, DMY';
SELECT t AS input, iso8601(t::timestamptz) FROM unnest(ARRAY[
	'2024-03-01 12:00:00+02', '2024-03-01 12:00:00.5Z', '2024-03-01 12:00:00.123456Z', '2024-03-01 12:00:00.001Z',
	'0001-01-01 00:00:00Z', '0001-01-01 00:00:00Z BC', '4714-11-24 00:00:00Z BC', '294276-12-31 23:59:59.999999Z', 'infinity', '-infinity']) t;
-- what it writes is a timestamp of DQL, and the same instant
SELECT bool_and(matches(jsonb_build_object('t', iso8601(t)), format('{"filter":{"t":{"$gte":%s,"$lte":%s}}}', to_json(iso8601(t)), to_json(t AT TIME ZONE 'UTC'))::dql)) AS same
FROM generate_series('1999-12-31 23:59:59.999+00'::timestamptz, '2001-01-01'::timestamptz, '7 days 01:02:03.004005') t;
