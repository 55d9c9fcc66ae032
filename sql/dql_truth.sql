--
-- dql_truth: every row of the tables in the specification, four ways
--
-- test/data/dql_truth.tsv is asked of vxp.matches, of a document table without
-- index, of the same table with a GIN index, and, where the row has "columns",
-- of a table with those columns.  What a document and columns answer differently
-- is marked in "typed": "document only", the answer of the columns, and why.
-- Printed are deviations, of which there are none, and counts.
--
SET search_path = public, vxp;
SET client_min_messages = warning;
SET jit = off;
\getenv srcdir PG_ABS_SRCDIR
\if :{?srcdir}
\else
\set srcdir `pwd`
\endif
\set truth :srcdir '/test/data/dql_truth.tsv'
CREATE TABLE truth (k int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, section text, origin text, document jsonb, filter json, expected text, columns text, typed text);
\set load '\\copy truth (section, origin, document, filter, expected, columns, typed) FROM ' :'truth' ' WITH (FORMAT csv, HEADER, DELIMITER E''\\t'', QUOTE E''\\b'')'
:load
SELECT count(*) FILTER (WHERE origin = 'table') AS of_the_specification, count(*) - count(columns) AS documents, count(columns) AS typed,
	count(*) FILTER (WHERE typed LIKE 'document only%') AS document_only FROM truth;

CREATE TABLE plain (k int PRIMARY KEY, d jsonb NOT NULL);
INSERT INTO plain SELECT k, document FROM truth;
CREATE TABLE indexed (LIKE plain INCLUDING ALL);
INSERT INTO indexed SELECT * FROM plain;
CREATE INDEX indexed_d ON indexed USING gin (d jsonb_path_ops);
ANALYZE plain, indexed;
SELECT register('Plain', 'plain', document => 'd', id => 'k'), register('Indexed', 'indexed', document => 'd', id => 'k');

-- yes, no or the SQLSTATE of one row of a table
CREATE FUNCTION answer(relation regclass, k int, filter json) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM vxp.query(NULL::%s, $1) WHERE k = $2)', relation)
		INTO found USING format('{"filter":%s}', filter)::vxp.dql, k;
	RETURN CASE WHEN found THEN 'yes' ELSE 'no' END;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
-- all rows of a table
CREATE FUNCTION answers(relation regclass, filter json) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
	found int[];
BEGIN
	EXECUTE format('SELECT array_agg(k ORDER BY k) FROM vxp.query(NULL::%s, %L)', relation, format('{"filter":%s}', filter)) INTO found;
	RETURN found;
END
$$;

-- 1. matches
SELECT section, document, filter, expected FROM truth
WHERE matches(document, format('{"filter":%s}', filter)) <> (expected = 'yes');
-- 2. a document table
SELECT section, document, filter, expected, answer('plain', k, filter) FROM truth
WHERE answer('plain', k, filter) <> expected;
-- 3. with the index, where the filter implies anything that it can look up: each filter on each document
SET enable_seqscan = off;
SET enable_indexscan = off;
SELECT filter FROM (SELECT DISTINCT filter::text FROM truth) f
WHERE answers('indexed', filter::json) IS DISTINCT FROM answers('plain', filter::json);
CREATE FUNCTION uses_index(filter json) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE format('EXPLAIN SELECT k FROM vxp.query(NULL::indexed, %L)', format('{"filter":%s}', filter)) LOOP
		IF line LIKE '%on indexed_d%' THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
END
$$;
SELECT count(*) FROM truth WHERE uses_index(filter);
RESET enable_seqscan;
RESET enable_indexscan;

-- 4. typed columns: one table for each list of columns, filled from the documents
CREATE TABLE shape AS
	SELECT columns, ('typed_' || row_number() OVER (ORDER BY columns COLLATE "C"))::name AS name FROM truth WHERE columns IS NOT NULL GROUP BY columns;
SET TimeZone = 'UTC'; -- documents without a zone mean UTC
DO $$
DECLARE
	shape record;
BEGIN
	FOR shape IN SELECT * FROM shape LOOP
		EXECUTE format('CREATE TABLE %I (k int PRIMARY KEY, %s)', shape.name, shape.columns);
		EXECUTE format('INSERT INTO %1$I SELECT r.* FROM truth t, jsonb_populate_record(NULL::%1$I, t.document || jsonb_build_object(''k'', t.k)) r WHERE t.columns = %2$L',
			shape.name, shape.columns);
		PERFORM vxp.register(shape.name, shape.name::regclass);
	END LOOP;
END
$$;
RESET TimeZone;
SELECT section, document, filter, expected, columns, typed, answer(name::regclass, k, filter)
FROM truth JOIN shape USING (columns)
WHERE answer(name::regclass, k, filter) <> coalesce(substring(typed FROM '^document only \((\w+)\): '), expected);
-- the mark says something, and stands only where the answers differ
SELECT filter, typed FROM truth
WHERE typed !~ '^document only \((yes|no|[0-9A-Z]{5})\): .' OR substring(typed FROM '\((\w+)\)') = expected OR typed IS NOT NULL AND columns IS NULL;
-- a negation is the complement there too
SELECT columns, filter FROM truth JOIN shape USING (columns)
WHERE answer(name::regclass, k, format('{"$nor":[%s]}', filter)::json) <>
	CASE answer(name::regclass, k, filter) WHEN 'yes' THEN 'no' WHEN 'no' THEN 'yes' ELSE answer(name::regclass, k, filter) END;
-- the same with every request run by itself, and as the text of to_sql
SET vxp.enable_inlining = off;
SELECT section, document, filter FROM truth
WHERE answer('plain', k, filter) <> expected;
SELECT section, document, filter FROM truth JOIN shape USING (columns)
WHERE answer(name::regclass, k, filter) <> coalesce(substring(typed FROM '^document only \((\w+)\): '), expected);
RESET vxp.enable_inlining;
CREATE FUNCTION printed(resource text, k int, filter json) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM (%s) s WHERE s.k = $1)', vxp.to_sql(format('{"resource":%s,"filter":%s}', to_json(resource), filter)::vxp.dql))
		INTO found USING k;
	RETURN CASE WHEN found THEN 'yes' ELSE 'no' END;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
SELECT section, document, filter, printed('Plain', k, filter) FROM truth
WHERE printed('Plain', k, filter) <> expected;
SELECT section, document, filter, printed(name, k, filter) FROM truth JOIN shape USING (columns)
WHERE printed(name, k, filter) <> coalesce(substring(typed FROM '^document only \((\w+)\): '), expected);

DO $$
DECLARE
	shape record;
BEGIN
	FOR shape IN SELECT * FROM shape LOOP
		EXECUTE format('DROP TABLE %I CASCADE', shape.name);
	END LOOP;
END
$$;
DROP TABLE truth, plain, indexed, shape CASCADE;
DROP FUNCTION answer, answers, uses_index, printed;
