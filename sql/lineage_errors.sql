--
-- lineage_errors: a malformed value is an error with its SQLSTATE, never a value
--
-- Covers: over 200 malformed texts, generated; arrays, labels and positions;
-- one printed message of each kind.
--
SET search_path = public, vxp;

CREATE TEMP TABLE malformed (rule text, input text, expected text);
-- around labels of every sort, each way to leave one out, or to misplace a quote
CREATE TEMP TABLE sound (label text);
INSERT INTO sound VALUES ('a'), ('patient/DA00001'), ('two words'), ('日本語'), ('"q"'), ('"a > b"'), ('""""'), ('" "'), ('\'), ('{a,b}'),
	(repeat('x', 4096)), ('"' || repeat('y', 4096) || '"'), ('''a''');
INSERT INTO malformed
SELECT r.rule, replace(r.input, 'L', label), '22P02'
FROM sound, (VALUES
	('empty', '>'), ('empty', 'L >'), ('empty', '> L'), ('empty', 'L > > L'), ('empty', 'L>>L'), ('empty', E'L >\t\n> L'),
	('empty', ' > L > L'), ('empty', 'L > L > '), ('empty', 'L > ""'), ('empty', '"" > L'), ('empty', 'L > "" > L'),
	('stray', 'L > a"b'), ('stray', 'a" > L'), ('stray', 'L > a "b" > L'), ('stray', 'L > a\"b\"'),
	('open', 'L > "'), ('open', 'L > "a'), ('open', 'L > "a"" > L'), ('open', 'L > "a""'),
	('after', 'L > "a"b'), ('after', 'L > "a" b > L'), ('after', '"a"L > L'), ('after', 'L > "a" ""'), ('after', 'L > "a" "b"')) r(rule, input)
WHERE NOT (r.input = '"a"L > L' AND label LIKE '"%');	-- there the quotes pair up otherwise
INSERT INTO malformed VALUES
	('empty', '', '22P02'), ('empty', ' ', '22P02'), ('empty', E'\t\r\n', '22P02'), ('empty', '""', '22P02'), ('empty', ' "" ', '22P02'),
	('empty', repeat('>', 2000), '22P02'), ('open', repeat('"', 2001), '22P02'), ('open', '"' || repeat('a', 5000), '22P02');
-- limits: by one and by far, bare and quoted, first, last and between
INSERT INTO malformed
SELECT 'limit', input, '54000'
FROM (VALUES (4097), (4098), (8192), (70000)) n(n), LATERAL (VALUES
	(repeat('x', n)), ('a > ' || repeat('x', n)), (repeat('x', n) || ' > a'), ('a > ' || repeat('x', n) || ' > a'),
	('"' || repeat('x', n) || '"'), ('a > "' || repeat('""', n) || '"'), (repeat('é', n))) v(input);
INSERT INTO malformed
SELECT 'limit', input, '54000'
FROM (VALUES (1001), (1002), (4096), (100000)) n(n), LATERAL (VALUES
	('a' || repeat('>a', n - 1)), ('"a"' || repeat(' > "a"', n - 1)), (repeat('a > ', n - 1) || 'b')) v(input);
INSERT INTO malformed VALUES ('limit', repeat(' ', 16777216) || 'a', '54000'), ('limit', 'a' || repeat(' ', 16777216), '54000'),
	('limit', repeat('x', 17000000), '54000');

-- each is the error of its rule, and the message quotes little of it (a notice for a deviation)
DO $$
DECLARE
	m record;
	state text;
	message text;
	detail text;
	counted int := 0;
BEGIN
	FOR m IN SELECT * FROM malformed LOOP
		state := '00000';
		message := '';
		BEGIN
			PERFORM m.input::vxp.lineage;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
		END;
		IF state <> m.expected OR octet_length(message) > 150 OR detail !~ '[0-9]' THEN
			RAISE NOTICE '% gives % "%" for "%"', m.rule, state, message, left(m.input, 100);
		ELSE
			counted := counted + 1;
		END IF;
	END LOOP;
	RAISE NOTICE 'over 200: %, all as expected: %', counted > 200, counted = (SELECT count(*) FROM malformed);
END
$$;
SELECT rule, expected, count(*) > 10 AS several FROM malformed GROUP BY rule, expected ORDER BY rule COLLATE "C";

-- one of each kind, with detail and hint; bytes count from 1
SELECT ''::lineage;
SELECT 'a > > b'::lineage;
SELECT 'a > ""'::lineage;
SELECT 'a > b"c'::lineage;
SELECT 'a > "b > c'::lineage;
SELECT 'a > "b"c'::lineage;
SELECT '日本 > 語"'::lineage;
SELECT (repeat('日', 100) || '"')::lineage;
SELECT ('a > ' || repeat('x', 4097))::lineage;
SELECT ('a' || repeat('>a', 1000))::lineage;
SELECT (repeat(' ', 16777216) || 'a')::lineage;
-- an error at a parameter or a column is the same error
PREPARE ask(lineage) AS SELECT $1;
EXECUTE ask('a >');
CREATE TEMP TABLE item (path lineage);
COPY item FROM stdin;
a > b
a > "b
\.
SELECT count(*) FROM item;

-- labels from arrays and text
SELECT lineage('{}'::text[]);
SELECT lineage(ARRAY['a', '']);
SELECT lineage(ARRAY['a', NULL]);
SELECT lineage('{{a},{b}}'::text[]);
SELECT lineage(ARRAY['a', repeat('x', 4097)]);
SELECT lineage(array_fill('a'::text, ARRAY[1001]));
SELECT 'a'::lineage || '';
SELECT 'a'::lineage || repeat('x', 4097);
SELECT lineage(array_fill('a'::text, ARRAY[1000])) || 'b';
SELECT '{a,""}'::text[]::lineage;
INSERT INTO item VALUES ('{}'::text[]);
-- parts that would be empty, or begin outside
SELECT subpath('a > b', 2);
SELECT subpath('a > b', 0, 0);
SELECT subpath('a > b', 0, -2);
SELECT subpath('a > b', -3);
SELECT subpath('a', 1);
-- bytes that the encoding does not have
SELECT convert_from('\x61ff62', 'UTF8')::lineage;
-- wrong types find no operator (42883)
\set VERBOSITY sqlstate
SELECT 'a'::lineage @^ 1;
SELECT 'a'::lineage @^ 'a'::lineage;
SELECT has_ancestor('a'::text, 'a');
