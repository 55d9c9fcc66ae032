--
-- dql_keep: a session keeps what it has read of requests
--
-- Covers: a text that comes again means the same for another table, after a change
-- of limits, mapping or instant, after vxp.explain numbered its clauses, and in a
-- cursor whose request has left its place; how many are kept, and that memory does
-- not grow with the number of texts.
--
CREATE SCHEMA test_keep;
SET search_path = test_keep, vxp;
SET client_min_messages = warning;
CREATE TABLE one (id int PRIMARY KEY, kind text, document jsonb);
CREATE TABLE two (id int PRIMARY KEY, kind int, document jsonb);
INSERT INTO one SELECT g, 'k' || g % 3, jsonb_build_object('n', g, 'tags', jsonb_build_array('a', 'b' || g % 2)) FROM generate_series(1, 12) g;
INSERT INTO two SELECT g, g % 4, jsonb_build_object('n', 100 + g) FROM generate_series(1, 12) g;
SELECT register('KeepOne', 'one', fields => '{"metadata":"document"}'), register('KeepTwo', 'two', fields => '{"metadata":"document"}');

-- one text, asked of two tables in turn: the column is text there and a number here
SELECT count(*) FROM query(NULL::one, '{"filter": {"id": {"$lte": 6}, "kind": {"$in": ["k1", "k2"]}}}');
SELECT count(*) FROM query(NULL::one, '{"filter": {"id": {"$lte": 6}, "kind": {"$in": ["k1", "k2"]}}}');
SELECT count(*) FROM query(NULL::two, '{"filter": {"id": {"$lte": 6}, "kind": {"$in": ["k1", "k2"]}}}');
SELECT count(*) FROM query(NULL::one, '{"filter": {"metadata.n": {"$gt": 5}}}') a, query(NULL::two, '{"filter": {"metadata.n": {"$gt": 5}}}') b;
SELECT count(*) FROM query(NULL::one, '{"filter": {"metadata.n": {"$gt": 5}}}') a, query(NULL::two, '{"filter": {"metadata.n": {"$gt": 5}}}') b;

-- what is kept of a request does not outlive the limits and the mapping that it is bound by
SET vxp.max_dql_branches = 1;
SELECT count(*) FROM query(NULL::one, '{"filter": {"id": {"$lte": 6}, "kind": {"$in": ["k1", "k2"]}}}');
RESET vxp.max_dql_branches;
SELECT count(*) FROM query(NULL::one, '{"filter": {"id": {"$lte": 6}, "kind": {"$in": ["k1", "k2"]}}}');
SELECT unregister('KeepTwo');
SELECT register('KeepTwo', 'two', fields => '{"metadata":"document", "kind":"id"}');
SELECT count(*) FROM query(NULL::two, '{"filter": {"kind": 11}}');
SELECT count(*) FROM query(NULL::two, '{"filter": {"kind": 11}}');
SELECT unregister('KeepTwo');
SELECT register('KeepTwo', 'two', fields => '{"metadata":"document"}');
SELECT count(*) FROM query(NULL::two, '{"filter": {"kind": 11}}');
SELECT count(*) FROM query(NULL::two, '{"filter": {"kind": 3}}');
SELECT count(*) FROM query(NULL::two, '{"filter": {"kind": 3}}');
DROP VIEW two_current;
ALTER TABLE two ALTER kind TYPE text USING 'v' || kind;
SELECT count(*) FROM query(NULL::two, '{"filter": {"kind": "v3"}}');
ALTER TABLE two ALTER kind TYPE int USING substr(kind, 2)::int;
SELECT count(*) FROM query(NULL::two, '{"filter": {"kind": 3}}');

-- vxp.explain has a tree of its own, whose clauses it numbers
SELECT count(*) FROM query(NULL::one, '{"resource": "KeepOne", "filter": {"metadata.n": {"$gt": 5}, "kind": "k1"}}');
SELECT count(*) FROM query(NULL::one, '{"resource": "KeepOne", "filter": {"metadata.n": {"$gt": 5}, "kind": "k1"}}');
SELECT count(*) FROM explain('{"resource": "KeepOne", "filter": {"metadata.n": {"$gt": 5}, "kind": "k1"}}');
SELECT to_sql('{"resource": "KeepOne", "filter": {"metadata.n": {"$gt": 5}, "kind": "k1"}}');
SELECT count(*) FROM query(NULL::one, '{"resource": "KeepOne", "filter": {"metadata.n": {"$gt": 5}, "kind": "k1"}}');

-- a timeline asks the request of each step at another instant; the request itself has none
SELECT create_resource_type('KeptVersion', 'n int', prefix => 'kept', versioned => true);
INSERT INTO keptversion (identifier, n) VALUES ('kept/1', 1), ('kept/2', 2);
SELECT vxp.count('{"resource": "KeptVersion", "filter": {"id": {"$in": {"resource": "KeptVersion", "select": "id", "filter": {"n": {"$gt": 0}}}}}}'::dql);
SELECT vxp.count('{"resource": "KeptVersion", "filter": {"id": {"$in": {"resource": "KeptVersion", "select": "id", "filter": {"n": {"$gt": 0}}}}}}'::dql);
SELECT count FROM timeline('{"resource": "KeptVersion", "filter": {"id": {"$in": {"resource": "KeptVersion", "select": "id", "filter": {"n": {"$gt": 0}}}}}}', now() - interval '3 days', now() - interval '1 day', '1 day');
SELECT vxp.count('{"resource": "KeptVersion", "filter": {"id": {"$in": {"resource": "KeptVersion", "select": "id", "filter": {"n": {"$gt": 0}}}}}}'::dql);

-- a hundred texts, three times, in one session: each means what it says
SELECT count(*) AS asked, count(*) FILTER (WHERE found <> least(n, 12)) AS wrong
	FROM generate_series(1, 3) round, generate_series(1, 100) n, LATERAL (SELECT vxp.count(format('{"resource": "KeepOne", "filter": {"id": {"$lte": %s}}}', n)::dql) AS found) c;
SELECT count(*) AS asked, count(*) FILTER (WHERE found <> 6) AS wrong
	FROM generate_series(1, 3) round, generate_series(1, 100) n, LATERAL (SELECT count(*) AS found FROM one WHERE matches(document, format('{"filter": {"tags": "b%s", "x%s": null}}', n % 2, n)::dql)) c;

-- rows are fetched from a cursor whose filter, which is shared, has long left its place
SELECT count(*) FROM (SELECT id FROM one WHERE matches(document, '{"filter": {"tags": {"$in": ["b1", "nothing"]}}}') ORDER BY id) a, (SELECT id FROM one WHERE matches(document, '{"filter": {"tags": {"$in": ["b1", "nothing"]}}}') AND id < 3 ORDER BY id) b;
SELECT count(*) FROM (SELECT id FROM one WHERE matches(document, '{"filter": {"tags": {"$in": ["b1", "nothing"]}}}') ORDER BY id) a;
BEGIN;
DECLARE late CURSOR FOR SELECT id FROM one WHERE matches(document, '{"filter": {"tags": {"$in": ["b1", "nothing"]}}}') ORDER BY id;
FETCH 2 FROM late;
SELECT sum(vxp.count(format('{"resource": "KeepOne", "filter": {"id": {"$gt": %s}}}', n)::dql)) FROM generate_series(1, 4) round, generate_series(-40, -1) n;
FETCH ALL FROM late;
COMMIT;
BEGIN;
PREPARE kept AS SELECT count(*) FROM one WHERE matches(document, '{"filter": {"tags": {"$in": ["b0", "nothing"]}}}');
EXECUTE kept;
SELECT sum(vxp.count(format('{"resource": "KeepOne", "filter": {"id": {"$gt": %s}}}', n)::dql)) FROM generate_series(1, 4) round, generate_series(-40, -1) n;
SAVEPOINT s;
SELECT count(*) FROM one WHERE matches(document, '{"filter": {"tags": {"$in": ["b0", "nothing"]}}}') AND id / (id - 4) > 0;
ROLLBACK TO s;
EXECUTE kept;
COMMIT;

-- no more than sixteen stay, each of no more than 16 kB of text, whatever came by
SELECT sum(length(f::text::dql::text)) > 100000 AS long
	FROM generate_series(1, 2) round, (SELECT format('{"filter": {"id": {"$in": [%s]}}}', string_agg(i::text, ',')) AS f FROM generate_series(1, 12000) i) x;
SELECT count(*) BETWEEN 1 AND 16 AS contexts, sum(total_bytes) < 1024 * 1024 AS bytes FROM pg_backend_memory_contexts WHERE name = 'vxp request';
DROP SCHEMA test_keep CASCADE;
SELECT unregister(name) FROM resource_type WHERE name LIKE 'Kep%' OR name LIKE 'Keep%';
