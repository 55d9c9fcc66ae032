--
-- dql_tables: tables, columns and callers of unusual kinds
--
CREATE SCHEMA dql_tables;
SET search_path = dql_tables;
SET client_min_messages = warning;
SET jit = off;

-- names that need quotes, hold dots and quotes, are key words, or are those of our own aliases
CREATE TABLE "ta.ble" (id int PRIMARY KEY, "a.b" int, "c""d" text, "select" int, "user" text, "x y" text, "Ünï" text, "$eq" int, element int, tags text[], cut int);
INSERT INTO "ta.ble" SELECT g, g, 'q' || g, g, 'u', 'x', 'ü', g, g, ARRAY['t' || g], g FROM generate_series(1, 5) g;
SELECT vxp.register('Odd "name"', '"ta.ble"');
SELECT id FROM vxp.query(NULL::"ta.ble", '{"filter":{"a.b":3}}');
SELECT id FROM vxp.query(NULL::"ta.ble", '{"filter":{"c\"d":"q2","select":2,"user":"u","x y":"x","Ünï":"ü"}}');
SELECT id FROM vxp.query(NULL::"ta.ble", '{"filter":{"element":2,"tags":{"$gt":"t1"}}}') element;
SELECT id FROM vxp.query(NULL::"ta.ble", '{"filter":{"element":2,"tags":{"$gt":"t1"}}}') "el"" ement";
SELECT id FROM vxp.query(NULL::"ta.ble", '{"filter":{"$eq":2}}');
SELECT vxp.to_sql(NULL::"ta.ble", '{"filter":{"element":2,"tags":{"$gt":"t1"},"c\"d":{"$ne":"q\"''"}},"sort":{"x y":1},"limit":3}');
SELECT i FROM vxp.items('{"resource":"Odd \"name\"","limit":1}') i;
SELECT vxp.count('{"resource":"Odd \"name\"","limit":3,"skip":1,"filter":{"cut":{"$gt":0}}}');

-- as many columns as a table can have
DO $$
BEGIN
	EXECUTE 'CREATE TABLE wide (id int PRIMARY KEY,' || (SELECT string_agg('c' || g || ' int', ',') FROM generate_series(1, 1590) g) || ')';
	INSERT INTO wide (id, c1, c1590) VALUES (1, 5, 7);
END $$;
SELECT vxp.register('Wide', 'wide');
SELECT c1590 FROM vxp.query(NULL::wide, '{"filter":{"c1":5}}');
SELECT v::text = w::text AS whole, (SELECT count(*) FROM jsonb_object_keys(i)) AS members, i = to_jsonb(w) AS item, vxp.page('{"resource":"Wide"}') -> 'items' -> 0 = i AS page
FROM vxp.query(NULL::wide, '{"filter":{"c1590":7}}') v, wide w, vxp.items('{"resource":"Wide"}') i;

-- views, a materialized view, a view that groups; all columns of a view may be NULL
CREATE VIEW vw AS SELECT id, "select" AS s FROM "ta.ble" WHERE id > 1 ORDER BY id DESC;
CREATE VIEW agg AS SELECT s % 2 AS id, count(*) AS n FROM vw GROUP BY 1;
CREATE MATERIALIZED VIEW mat AS SELECT * FROM vw;
SELECT vxp.register('Vw', 'vw', id => 'id'), vxp.register('Agg', 'agg', id => 'id'), vxp.register('Mat', 'mat', id => 'id');
SELECT id FROM vxp.query(NULL::vw, '{"sort":{"s":"asc"},"limit":2}');
SELECT id FROM vxp.query(NULL::agg, '{"filter":{"n":{"$gte":1}},"sort":{"id":1}}');
SELECT count(*) FROM vxp.query(NULL::mat, '{"filter":{"s":{"$ne":3}}}');

-- inheritance: rows of the children, whose columns stand elsewhere and may be NULL
CREATE TABLE parent (id int PRIMARY KEY, n int NOT NULL, t text);
CREATE TABLE child (extra text, t text, id int PRIMARY KEY, n int NOT NULL);
SELECT current_setting('server_version_num')::int >= 180000 AS inherits_not_null \gset
\if :inherits_not_null
-- from 18 on a child may be NULL only where the constraint is not inherited
ALTER TABLE parent ALTER n DROP NOT NULL, ADD CONSTRAINT n_here NOT NULL n NO INHERIT;
\endif
ALTER TABLE child INHERIT parent;
ALTER TABLE child ALTER n DROP NOT NULL;
INSERT INTO parent VALUES (1, 1, 'p');
INSERT INTO child VALUES ('x', 'c', 2, NULL), ('x', NULL, 3, 2);
SELECT vxp.register('Parent', 'parent', id => 'id');
SELECT v FROM vxp.query(NULL::parent, '{"sort":{"n":1}}') v;
SELECT v.id FROM vxp.query(NULL::parent, '{"filter":{"n":{"$ne":1}},"sort":{"n":-1}}') v;
SELECT v.id FROM vxp.query(NULL::parent, '{"filter":{"n":{"$nin":[1,7]}},"sort":{"id":1}}') v;
SELECT v.id FROM vxp.query(NULL::parent, '{"filter":{"n":null}}') v;
SELECT v.id FROM vxp.query(NULL::parent, '{"filter":{"n":{"$not":{"$gt":1}}},"sort":{"id":1}}') v;

-- types that have no equality, no order, or an input of their own
CREATE TYPE pair AS (a int, b text);
CREATE TABLE kind (id int PRIMARY KEY, p point, bits bit(3), money money, ch "char", o oid, td tid, pair pair, pairs pair[], r int4range, js json, jb jsonb, names name[], chars char(3)[], tz0 timetz, box box);
INSERT INTO kind VALUES (1, '(1,2)', '101', '10', 'c', 5, '(0,1)', '(1,x)', '{"(1,x)"}', '[1,5)', '{"a":1}', '{"a":[1]}', ARRAY[repeat('n', 63)], '{ab}', '12:00+02', '(1,1),(0,0)');
INSERT INTO kind (id) VALUES (2);
SELECT vxp.register('Kind', 'kind');
CREATE FUNCTION ids(condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	ids text;
BEGIN
	EXECUTE format('SELECT string_agg(id::text, '','' ORDER BY id) FROM vxp.query(NULL::kind, %L)', format('{"filter":%s}', condition)) INTO ids;
	RETURN coalesce(ids, '-');
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT condition, ids(condition) AS ids, ids(format('{"$nor":[%s]}', condition)) AS nor FROM (VALUES ('{"p":null}'), ('{"p":"(1,2)"}'), ('{"p":{"$exists":true}}'), ('{"box":{"$gt":"(1,1),(0,0)"}}'),
	('{"bits":{"$gt":"100"}}'), ('{"money":{"$gte":4.5}}'), ('{"ch":"c"}'), ('{"o":5}'), ('{"td":"(0,1)"}'), ('{"pair":"(1,x)"}'), ('{"pair":{"$lt":"(2,)"}}'), ('{"pair.a":1}'), ('{"pairs":"(1,x)"}'), ('{"r":"[1,5)"}'),
	('{"js":{"a":1}}'), ('{"js.a":1}'), ('{"js":null}'), ('{"jb.a.0":1}'), ('{"chars":"ab "}'), ('{"chars":{"$startsWith":"a"}}'), ('{"tz0":"12:00+02"}')) v(condition);
-- an operand longer than a name is no name, not a shorter one
SELECT ids(format('{"names":"%s"}', repeat('n', 63))) AS fits, ids(format('{"names":"%s"}', repeat('n', 64))) AS longer, ids(format('{"names":{"$in":["%s","b"]}}', repeat('n', 64))) AS longer_in;
SELECT field, (SELECT string_agg(id::text, ',') FROM vxp.query(NULL::kind, format('{"sort":{"%s":"desc"}}', field)::vxp.dql)) AS descending
FROM unnest('{pair,pairs,r,js,jb,jb.a,names,chars,money,o,tz0,td,bits}'::text[]) field;
SELECT id FROM vxp.query(NULL::kind, '{"sort":{"p":1}}');

-- rules and triggers; a bind variable that is a column of NEW
CREATE TABLE job (gone text, id int PRIMARY KEY, a int, b text, gone2 text);
ALTER TABLE job DROP gone, DROP gone2;
INSERT INTO job SELECT g, g % 3, 'b' || g FROM generate_series(1, 12) g;
SELECT vxp.register('Job', 'job');
CREATE TABLE log (id int, note text);
CREATE RULE note AS ON INSERT TO log DO ALSO
	UPDATE job SET a = a + 100 WHERE id IN (SELECT v.id FROM vxp.query(NULL::job, '{"filter":{"id":{"$param":1}}}', NEW.id) v);
INSERT INTO log VALUES (3, 'x');
SELECT id, a FROM job WHERE a >= 100;
DROP RULE note ON log;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.note := (SELECT string_agg(b, ',' ORDER BY id) FROM vxp.query(NULL::job, '{"filter":{"id":{"$lte":{"$param":1}}}}', NEW.id));
	RETURN NEW;
END $$;
CREATE TRIGGER note BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION note();
INSERT INTO log VALUES (2), (4) RETURNING *;
UPDATE job SET (a, b) = (SELECT v.a * 2, v.b || '!' FROM vxp.query(NULL::job, '{}') v WHERE v.id = job.id + 1) WHERE id < 3 RETURNING *;
-- whole rows beside dropped columns: grouped, compared, joined
SELECT count(*) AS groups FROM (SELECT v FROM vxp.query(NULL::job, '{}') v GROUP BY v) g;
SELECT count(*) FROM vxp.query(NULL::job, '{"filter":{"id":{"$lt":4}}}') v JOIN job w ON v = w;
SELECT count(*) FROM vxp.query(NULL::job, '{}') v WHERE v IN (SELECT w FROM vxp.query(NULL::job, '{"filter":{"id":{"$lt":4}}}') w);
SELECT count(v), count(*) FROM job LEFT JOIN vxp.query(NULL::job, '{"filter":{"id":{"$lt":4}}}') v USING (id);
SELECT v.id, w.id AS w, w IS NULL AS none FROM vxp.query(NULL::job, '{"filter":{"id":{"$lt":3}}}') v
	LEFT JOIN LATERAL (SELECT * FROM vxp.query(NULL::job, '{"filter":{"id":{"$param":1}},"select":["id"]}', v.id + 11)) w ON true ORDER BY 1;
WITH RECURSIVE r AS (SELECT v.id, 1 AS n FROM vxp.query(NULL::job, '{"filter":{"id":1}}') v
	UNION ALL SELECT v.id, n + 1 FROM r, vxp.query(NULL::job, '{"filter":{"id":{"$param":1}}}', r.id + 1) v WHERE n < 4) SEARCH DEPTH FIRST BY id SET o CYCLE id SET c USING p
SELECT id, n, c FROM r;
-- arguments that the planner cannot fold, named and in another order; a row of a neighbour as the first
SELECT count(*) FROM vxp.query(NULL::job, '{"filter":{"id":{"$gt":{"$param":1}}}}', (random() * 0)::int + 10) v;
SELECT count(*) FROM vxp.query(NULL::job, '{"filter":{"id":{"$gte":{"$param":1}}}}', (SELECT max(id) FROM job)) v;
SELECT count(*) FROM vxp.query(dql => '{"filter":{"id":2}}', "row" => NULL::job) v;
SELECT v.id, w.id FROM job t, vxp.query(t, '{"filter":{"id":{"$param":1}}}', t.id) v, vxp.query(v, '{"filter":{"id":{"$param":1}}}', v.id) w WHERE t.id < 3 ORDER BY 1;
-- a lock on a call: none without OF, refused with it, as for every function
SELECT id FROM vxp.query(NULL::job, '{"filter":{"id":1}}') v FOR UPDATE;
SELECT id FROM vxp.query(NULL::job, '{"filter":{"id":1}}') v FOR UPDATE OF v;

-- what is no resource
CREATE DOMAIN pairs AS pair;
CREATE TABLE unknown_table (id int);
SELECT count(*) FROM vxp.query(NULL::unknown_table, '{}');
SELECT count(*) FROM vxp.query(NULL::pair, '{}');
SELECT count(*) FROM vxp.query(NULL::pairs, '{}');
SELECT count(*) FROM vxp.query(NULL::int, '{}');
SELECT count(*) FROM vxp.query(NULL::job[], '{}');
SELECT count(*) FROM vxp.query(NULL::pg_class, '{}');
SELECT count(*) FROM vxp.query(NULL::job, '{"resource":"Kind"}');
SELECT count(*) FROM vxp.query(NULL::job, NULL);
SELECT count(*) FROM vxp.items(NULL);
SELECT vxp.to_sql(NULL::job, NULL), vxp.to_sql(NULL);

DROP SCHEMA dql_tables CASCADE;
