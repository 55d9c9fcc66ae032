--
-- dql_oracle: the answers of another implementation
--
-- 2,400 random filters over 2,000 random documents (missing, null, mixed types,
-- lists, lists of objects, unicode), with the documents that mingo, which
-- implements MongoDB's query language, finds; test/data/make_oracle.mjs made
-- them.  Each is asked through a document table and through vxp.matches.  Where
-- docs/dql.md departs from MongoDB, nothing was generated: these rules are
-- asserted at the end.  Printed are deviations, of which there are none.
--
SET search_path = public, vxp;
SET client_min_messages = warning;
SET jit = off;
\getenv srcdir PG_ABS_SRCDIR
\if :{?srcdir}
\else
\set srcdir `pwd`
\endif
CREATE TABLE doc (k int PRIMARY KEY, odd int NOT NULL, d jsonb NOT NULL);
CREATE TABLE filters (n int GENERATED ALWAYS AS IDENTITY, filter text NOT NULL, skip int NOT NULL, hex text NOT NULL);
\set documents 'gzip -dc ' :srcdir '/test/data/oracle_documents.tsv.gz'
\set filters 'gzip -dc ' :srcdir '/test/data/oracle_filters.tsv.gz'
\set load '\\copy doc FROM PROGRAM ' :'documents' ' WITH (FORMAT csv, DELIMITER E''\\t'', QUOTE E''\\b'')'
:load
\set load '\\copy filters (filter, skip, hex) FROM PROGRAM ' :'filters' ' WITH (FORMAT csv, DELIMITER E''\\t'', QUOTE E''\\b'')'
:load
ANALYZE doc;
SELECT register('Doc', 'doc', document => 'd', id => 'k');
-- where the other implementation errs, filters skip the documents concerned (make_oracle.mjs says which)
SELECT count(*) AS documents, count(*) FILTER (WHERE odd & 1 = 1) > 50 AS lists_below_lists, count(*) FILTER (WHERE odd & 2 = 2) > 500 AS scalars_in_lists,
	count(*) FILTER (WHERE odd = 0) > 500 AS plain FROM doc;
SELECT count(*) AS filters, count(*) FILTER (WHERE hex ~ '[^0]') > 2000 AS most_find_something,
	count(*) FILTER (WHERE filter ~ '\$elemMatch') > 50 AND count(*) FILTER (WHERE filter ~ '\$n(or|ot|e|in)') > 500 AND count(*) FILTER (WHERE filter ~ '\.[0-9]') > 100 AS all_sorts
FROM filters;

CREATE FUNCTION bits(hex text) RETURNS int[] LANGUAGE sql AS $$
	SELECT coalesce(array_agg(k), '{}') FROM (SELECT decode(hex, 'hex')) b(b), generate_series(0, 1999) k WHERE get_bit(b, k) = 1
$$;
CREATE FUNCTION found(sql text) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
	result int[];
BEGIN
	EXECUTE 'SELECT coalesce(array_agg(k), ''{}'') FROM (' || sql || ' ORDER BY k) s' INTO result;
	RETURN result;
END
$$;
CREATE TABLE outcome AS
	SELECT n, filter, bits(hex) AS expected,
		found(format('SELECT k FROM vxp.query(NULL::doc, %L) WHERE odd & %s = 0', '{"filter":' || filter || '}', skip)) AS by_query,
		found(format('SELECT k FROM doc WHERE vxp.matches(d, %L) AND odd & %s = 0', '{"filter":' || filter || '}', skip)) AS by_matches
	FROM filters;
SELECT count(*) AS deviations FROM outcome WHERE by_query IS DISTINCT FROM expected OR by_matches IS DISTINCT FROM expected;
SELECT filter, d, CASE WHEN k = ANY (expected) THEN 'only the other finds it' ELSE 'only we find it' END AS who
FROM (SELECT * FROM outcome WHERE by_query IS DISTINCT FROM expected OR by_matches IS DISTINCT FROM expected ORDER BY length(filter) LIMIT 20) o,
	LATERAL (SELECT * FROM doc WHERE (k = ANY (expected)) IS DISTINCT FROM (k = ANY (by_query)) OR (k = ANY (expected)) IS DISTINCT FROM (k = ANY (by_matches)) ORDER BY length(d::text) LIMIT 1) l;

-- Departures of docs/dql.md from MongoDB, which the generator leaves out: what MongoDB answers, and what we do
SELECT rule, document, filter, mongodb, matches(document, format('{"filter":%s}', filter)) AS here
FROM (VALUES
	('a nested object is partial', '{"m":{"s":1,"u":2}}'::jsonb, '{"m":{"s":1}}', false),
	('a nested object is a filter', '{"m":{"x":1}}', '{"m":{"s":null}}', false),
	('{} is an empty object or list', '{"a":[]}', '{"a":{}}', false),
	('$match, $contains, $ieq are ours', '{"r":{"id":1}}', '{"r":{"$match":{"id":1}}}', NULL),
	('wildcards', '{"a":"xyz"}', '{"a":"x*"}', false),
	('wildcards in $nin', '{"a":"xyz"}', '{"a":{"$nin":["x?z"]}}', true),
	('$in takes a single value', '{"a":"x"}', '{"a":{"$in":"x"}}', NULL),
	('null on a path through a list without objects', '{"a":[]}', '{"a.b":null}', false),
	('null on a path through a list of scalars', '{"a":[1]}', '{"a.b":null}', false),
	('timestamps compare as instants', '{"t":"2024-03-01T12:00:00+02:00"}', '{"t":{"$lte":"2024-03-01T10:00:00Z"}}', false),
	('a number against a number literal', '{"n":7}', '{"n":{"$gt":"5"}}', false),
	('epoch milliseconds', '{"createdAt":"2022-01-01T00:00:01Z"}', '{"createdAt":{"$gt":1640995200000}}', false),
	('objects are equal in any order of keys', '{"o":{"b":2,"a":1}}', '{"o":{"$eq":{"a":1,"b":2}}}', false),
	('plain values and conditions below $or of a field', '{"t":["x","y"]}', '{"t":{"$or":["y","z"]}}', NULL),
	('empty $or', '{"a":1}', '{"$or":[]}', NULL),
	('empty $and', '{"a":1}', '{"$and":[]}', NULL)) r(rule, document, filter, mongodb);
DROP TABLE doc, filters, outcome CASCADE;
DROP FUNCTION bits, found;
