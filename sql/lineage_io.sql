--
-- lineage_io: what is read is what is written, by text, arrays and casts
--
-- Covers: spellings of the text form, quoting, round trips, limits, casts, the
-- type identifier.  Errors are in lineage_errors, binary messages in TAP.
--
SET search_path = public, vxp;

-- each spelling reads as these labels: white space around labels is ignored,
-- quotes protect ">", quotes and white space, a backslash is an ordinary character
CREATE TEMP TABLE spelling (input text, labels text[]);
INSERT INTO spelling VALUES
	('datasource/dasa > patient/DA00001 > imagingstudy/DA00001/study-1',
	 '{datasource/dasa,patient/DA00001,imagingstudy/DA00001/study-1}'),
	('a', '{a}'),
	('a>b', '{a,b}'),
	(E' \t\n\r\f\x0b a \n>\t b  ', '{a,b}'),
	('two words > b', '{two words,b}'),
	('"a"', '{a}'),
	('"a">b>"c"', '{a,b,c}'),
	('  "a"  >  "b"  ', '{a,b}'),
	('"a > b" > c', '{a > b,c}'),
	('"a>b">"c>"', '{a>b,c>}'),
	('" a" > "b "', '{" a","b "}'),
	('" " > ">"', '{" ",">"}'),
	('"a""b" > """"', ARRAY['a"b', '"']),
	('"""a""" > """>"""', ARRAY['"a"', '">"']),
	('"a\" > b', ARRAY['a\', 'b']),
	('a\>b', ARRAY['a\', 'b']),
	('a''b > ''c''', ARRAY['a''b', '''c''']),
	('NULL > null', '{"NULL","null"}'),
	('{a,b} > [1]', ARRAY['{a,b}', '[1]']),
	('ä > 日本語 > 😀', '{ä,日本語,😀}'),
	(U&'\00A0a\3000', ARRAY[U&'\00A0a\3000']),	-- only ASCII white space is trimmed
	(E'a\nb > c\td', ARRAY[E'a\nb', E'c\td']),
	('a > a > a', '{a,a,a}');
SELECT input, labels(input::lineage) AS got FROM spelling
WHERE labels(input::lineage) IS DISTINCT FROM labels OR input::lineage <> lineage(labels);

-- output: " > " between labels, quotes only where they must be
SELECT l FROM (VALUES
	(lineage(ARRAY['datasource/dasa', 'patient/DA00001', 'imagingstudy/DA00001/study-1'])),
	('"a">"two words">"c\d"'),
	(lineage(ARRAY['a>b', 'a"b', ' a', 'a ', E'\ta', E'a\x0b', '"', '>', ' ']))) v(l);

-- random paths over characters that mean something somewhere, and the ASCII
-- characters one by one as a label, at its start and at its end
CREATE TEMP TABLE value AS
SELECT chr(i) || x.tail AS label, ARRAY['r', chr(i) || x.tail, x.tail || chr(i) || 'z', 'z' || chr(i)] AS labels
FROM generate_series(1, 127) i, (VALUES (''), ('a'), (' '), ('"'), ('>')) x(tail);
SELECT setseed(0.25);
INSERT INTO value
SELECT NULL, array_agg(label ORDER BY level)
FROM (SELECT g, level, string_agg((ARRAY['>', '"', ' ', '\', '/', 'a', 'b', ',', '{', '}', '''', E'\t', E'\n',
										 'é', '日', '😀', U&'\00A0'])[1 + floor(random() * 17)::int], '' ORDER BY c) AS label
	  FROM generate_series(1, 10000) g, generate_series(1, 1 + g % 5) level, generate_series(1, 1 + (g * level) % 7) c
	  GROUP BY g, level) l
GROUP BY g;
SELECT count(*) > 10000 AS enough FROM value;

-- labels and text read back to the same labels and an equal value (no rows)
SELECT labels FROM value
WHERE labels(lineage(labels)) IS DISTINCT FROM labels
   OR labels(lineage(labels)::text::lineage) IS DISTINCT FROM labels
   OR lineage(labels)::text::lineage IS DISTINCT FROM lineage(labels)
   OR lineage(labels)::text::lineage::text IS DISTINCT FROM lineage(labels)::text
LIMIT 10;
-- a single label is quoted when it must be, and otherwise printed as it is (no rows)
SELECT label FROM (SELECT label FROM value WHERE label IS NOT NULL
				   UNION SELECT unnest(labels) FROM value) v
WHERE lineage(ARRAY[label])::text <>
	  CASE WHEN label ~ '[>"]' OR label ~ E'^[ \t-\r]' OR label ~ E'[ \t-\r]$'
		   THEN '"' || replace(label, '"', '""') || '"' ELSE label END;
-- the binary form is a byte 1 and the text form (no rows)
SELECT labels FROM value
WHERE lineage_send(lineage(labels)) <> '\x01'::bytea || convert_to(lineage(labels)::text, 'UTF8');

-- the stored form, which is on disk for ever: version and depth, then for each
-- label its length (one byte below 128, else two) and its bytes; a row ends with
-- these bytes (a notice if not), and the size is theirs and a header of 1 or 4
CREATE TEMP TABLE stored (path lineage);
ALTER TABLE stored ALTER path SET STORAGE external;
CREATE TEMP TABLE stored_bytes (labels text[], bytes bytea);
INSERT INTO stored_bytes VALUES
	('{a}', '\x10010161'),
	('{a,bc,é}', '\x1003016102626302c3a9'),
	(ARRAY[repeat('x', 100), 'y'], '\x100264'::bytea || convert_to(repeat('x', 100), 'UTF8') || '\x0179'),
	(ARRAY[repeat('x', 127)], '\x10017f'::bytea || convert_to(repeat('x', 127), 'UTF8')),
	(ARRAY['a', repeat('x', 128)], '\x100201618080'::bytea || convert_to(repeat('x', 128), 'UTF8')),
	(ARRAY[repeat('x', 300)], '\x1001812c'::bytea || convert_to(repeat('x', 300), 'UTF8')),
	(array_fill('a'::text, ARRAY[300]), '\x112c'::bytea || convert_to(repeat(E'\x01a', 300), 'UTF8'));
INSERT INTO stored SELECT lineage(labels) FROM stored_bytes;
SELECT depth(path), pg_column_size(path) FROM stored ORDER BY 2;
DO $$
DECLARE
	found bigint;
BEGIN
	IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pageinspect') THEN
		CREATE EXTENSION pageinspect SCHEMA public;
		SELECT count(*) INTO found
		FROM public.heap_page_items(public.get_raw_page('stored', 0)) i
		JOIN stored_bytes b ON substr(i.t_data, length(i.t_data) - length(b.bytes) + 1) = b.bytes;
		IF found <> (SELECT count(*) FROM stored_bytes) THEN
			RAISE NOTICE '% rows are stored as they should be', found;
		END IF;
		DROP EXTENSION pageinspect;
	END IF;
END
$$;

-- limits: lengths about the one where a second length byte begins, up to the
-- largest label; the deepest path; the largest path whose text doubles
SELECT n, octet_length(self(lineage(ARRAY['a', repeat('x', n)]))) = n AS length_kept,
	   lineage(ARRAY['a', repeat('x', n)])::text = 'a > ' || repeat('x', n) AS text_kept
FROM (VALUES (1), (126), (127), (128), (129), (255), (256), (257), (4095), (4096)) v(n);
CREATE TEMP TABLE large (name text, path lineage);
INSERT INTO large
SELECT 'deep', lineage(array_agg('l' || i ORDER BY i)) FROM generate_series(1, 1000) i;
INSERT INTO large
SELECT 'quotes', lineage(array_agg(repeat('"', 4096))) FROM generate_series(1, 1000) i;
SELECT name, depth(path), octet_length(path::text) AS text_bytes,
	   path::text::lineage = path AS by_text, lineage(labels(path)) = path AS by_labels,
	   octet_length(lineage_send(path)) - octet_length(path::text) AS version_bytes
FROM large ORDER BY name;
-- white space counts towards the length of the text, 16 MB, not towards labels
SELECT (repeat(' ', 16777215) || 'a')::lineage;

-- casts: a (assignment) or i (implicit), f (function), i (text form) or b (same bytes)
SELECT castsource::regtype AS source, casttarget::regtype AS target, castcontext AS context, castmethod AS method
FROM pg_cast
WHERE 'lineage'::regtype IN (castsource, casttarget) OR 'identifier'::regtype IN (castsource, casttarget)
ORDER BY castsource::regtype::text COLLATE "C", casttarget::regtype::text COLLATE "C";

-- assignment from text, varchar and arrays, and to them
CREATE TEMP TABLE assigned (l lineage, t text, v varchar(20), a text[], i identifier);
INSERT INTO assigned (l) VALUES ('a > b'), ('a > b'::text), ('a > b'::varchar), (ARRAY['a', 'b']), (lineage(ARRAY['a', 'b']::varchar[]));
UPDATE assigned SET t = l, v = l, a = l;
SELECT DISTINCT l, t, v, a FROM assigned;
-- never by themselves: text and lineage do not compare (42883)
SELECT 'a'::text = 'a'::lineage;

-- identifier is text without collation: like a string, not preferred
SELECT typcategory, typispreferred, typcollation, typlen, typalign, typstorage FROM pg_type WHERE oid = 'identifier'::regtype;
SELECT count(*) AS own_operators FROM pg_operator
WHERE 'identifier'::regtype IN (oprleft, oprright) AND oprname NOT IN ('@^', '@^=');
UPDATE assigned SET i = 'patient/1';
-- whatever takes text takes an identifier
SELECT DISTINCT i = 'patient/1' AS eq_literal, i = 'patient/1'::text AS eq_text, i = 'patient/1'::varchar AS eq_varchar,
	   i LIKE 'pat%' AS "like", length(i), upper(i), i || '/x' AS joined, pg_typeof(i || '/x'),
	   i IN ('a', 'patient/1') AS "in", i = ANY (ARRAY['patient/1']) AS "any"
FROM assigned;
SELECT i::text, count(*) FROM assigned GROUP BY i::text ORDER BY 1;
-- and the other way round, with literals, text, varchar, name and char(n)
SELECT 'a > b'::lineage @^ 'a' AS literal, 'a > b'::lineage @^ 'a'::text AS text, 'a > b'::lineage @^ 'a'::varchar AS varchar,
	   has_ancestor('a > b', 'a'::name) AS name, has_ancestor('a > b', 'a'::char(5)) AS char;

SELECT typcategory, typispreferred, typcollation, typlen, typalign, typstorage FROM pg_type WHERE oid = 'lineage'::regtype;
