--
-- versions_cohort: rows that are frozen stay as they were
--
-- Promise: a cohort gives back the rows that its maker saw, value for value and in
-- order, whatever happens to rows, columns, types and settings afterwards; cohort_diff
-- names each difference from now; who may not read it, does not; check_cohort finds
-- what was done behind its trigger.
--
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
SET search_path = public, vxp;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';

--
-- A table with columns whose text depends on settings, or that JSON does not hold
--
CREATE TYPE mood AS ENUM ('calm', 'loud');
CREATE TYPE pair AS (a int, b text);
CREATE TABLE thing (gone int, id text PRIMARY KEY, m mood, p pair, j json, d jsonb, f float8, n numeric, at timestamptz, local timestamp,
	span interval, money money, bytes bytea, list int[], empty text, made int GENERATED ALWAYS AS (length(id)) STORED);
ALTER TABLE thing DROP gone;
INSERT INTO thing VALUES
	('thing/1', 'calm', (1, 'x "y"'), '{"b": 1,  "a": 1}', 'null', 0.1 + 0.2, 1.10, '2024-03-31 02:30:00.123456+02', '2024-03-31 02:30', '-1 mon +2 days -03:00', '-12.34', '\x00ff', '[5:6]={1,NULL}', ''),
	('thing/2', 'loud', NULL, NULL, NULL, 'NaN', 'NaN', 'infinity', '-infinity', NULL, NULL, NULL, '{}', NULL),
	('thing/3', NULL, (NULL, NULL), '[]', '{"k": [1, 2.0]}', '-0', 0.00, NULL, NULL, '1 year', '0', '', NULL, 'a\b');
SELECT register('Thing', 'thing');
CREATE TABLE kept AS SELECT t.ctid::text AS place, row_image(t) AS image, row_digest(t) AS digest FROM thing t;
-- made under one set of settings, read under others
SET datestyle = 'SQL, DMY'; SET intervalstyle = 'sql_standard'; SET extra_float_digits = -5; SET bytea_output = 'escape'; SET timezone = 'Asia/Tokyo';
SELECT freeze('things', '{"resource": "Thing", "sort": {"id": -1}}');
SET datestyle = 'ISO, MDY'; SET intervalstyle = 'iso_8601'; RESET extra_float_digits; RESET bytea_output; SET timezone = 'UTC';
SELECT identifier, valid_from, digest = (SELECT k.digest FROM kept k WHERE k.image[1] = c.identifier) AS same_digest, item -> 'at' AS at, item -> 'j' AS j FROM cohort('things') c;
SELECT count(*) AS same FROM cohort(NULL::thing, 'things') c JOIN thing t ON row_image(c) = row_image(t);
SELECT * FROM check_cohort('things');
SELECT * FROM cohort_diff('things');
CREATE TABLE before AS SELECT c.*::text AS line FROM cohort('things') c;

-- rows, columns and types change; a cohort does not
UPDATE thing SET n = 1.1, d = '{"k": [1]}' WHERE id <> 'thing/2';
DELETE FROM thing WHERE id = 'thing/2';
INSERT INTO thing (id) VALUES ('thing/4');
SELECT * FROM cohort_diff('things');
ALTER TYPE mood RENAME VALUE 'calm' TO 'quiet';
ALTER TABLE thing ADD fresh int DEFAULT 7;
SET client_min_messages = error;
ALTER TABLE thing DROP empty CASCADE;
DROP TYPE pair CASCADE;
TRUNCATE thing;
RESET client_min_messages;
SET client_min_messages = warning;
SELECT count(*) AS differ FROM ((SELECT line FROM before EXCEPT ALL SELECT c.*::text FROM cohort('things') c)
	UNION ALL (SELECT c.*::text FROM cohort('things') c EXCEPT ALL SELECT line FROM before)) d;
DROP TABLE before;
SELECT * FROM check_cohort('things');
-- what only one of the two has, columns and rows, is told apart
SELECT identifier, change, changed FROM cohort_diff('things');
INSERT INTO thing (id, j, n, made) VALUES ('thing/3', '[]', 0.00, DEFAULT);
SELECT identifier, change, changed, old, new FROM cohort_diff('things') WHERE identifier = 'thing/3';
-- as rows of the table that it is now; a value that a type no longer has is an error
SELECT id, n, list, fresh FROM cohort(NULL::thing, 'things') WHERE id = 'thing/3';
ALTER TYPE mood RENAME VALUE 'quiet' TO 'calm';
SELECT id, m, n, span, list, fresh FROM cohort(NULL::thing, 'things');
SELECT unregister('Thing');
SELECT count(*) FROM cohort('things');
SELECT * FROM cohort_diff('things');
DROP TABLE thing;
SELECT count(*) FROM cohort('things');
SELECT name, relation, resource, frozen_at <= clock_timestamp() AS frozen, as_of, row_count, length(checksum), request FROM cohorts;

--
-- What may not be
--
SELECT freeze('things', '{"resource": "Folder"}');
\echo :SQLSTATE
SELECT create_resource_type('Folder', 'title text', parents => '{Folder}', versioned => false);
SELECT create_resource_type('Paper', 'title text, pages int', parents => '{Folder}', versioned => false);
SELECT freeze('folder', '{"resource": "Folder"}');
SELECT freeze('x', '{"resource": "Foldr"}');
\echo :SQLSTATE
SELECT freeze('x', '{"resource": "Folder", "select": ["identifier"]}');
\echo :SQLSTATE
SELECT freeze('x', '{"resource": "Folder", "versions": "all"}');
SELECT freeze('x', '{"resource": "Folder", "filter": {}, "delete": true}');
SELECT freeze('x', '{"resource": "Folder", "filter": {"title": {"$param": 1}}}');
SELECT freeze('x', NULL);
SELECT freeze(NULL, '{"resource": "Folder"}');
SELECT freeze(repeat('x', 64), '{"resource": "Folder"}');
SELECT freeze('', '{"resource": "Folder"}');
SET search_path = vxp;
SELECT freeze('x', '{"resource": "Folder"}');
SET search_path = public, vxp;
SELECT * FROM cohort('x');
\echo :SQLSTATE
SELECT * FROM cohort('folder');
SELECT * FROM cohort_diff('x');
SELECT * FROM check_cohort('x');
SELECT drop_cohort('folder');
SELECT * FROM cohort(1, 'things');
\echo :SQLSTATE
-- frozen: no change by any statement
INSERT INTO things VALUES (9);
\echo :SQLSTATE
UPDATE things SET item = '{}';
DELETE FROM things WHERE false;
TRUNCATE things;
SELECT drop_cohort('things');
SELECT count(*) FROM cohorts;

--
-- A hierarchy: what a request has no more, and what moved
--
INSERT INTO folder (identifier, parent_identifier, title) VALUES ('folder/a', NULL, 'A'), ('folder/b', NULL, 'B');
INSERT INTO paper (identifier, parent_identifier, title, pages, metadata)
SELECT format('paper/%s', i), 'folder/a', format('paper %s', i), i, jsonb_build_object('user', jsonb_build_object('score', i)) FROM generate_series(1, 8) i;
SELECT freeze('papers', '{"resource": "Paper", "filter": {"pages": {"$gt": 2}, "$hasAncestor": "folder/a"}, "sort": {"pages": -1}, "limit": 5}');
SELECT identifier FROM cohort('papers');
SELECT count(*) FROM cohort_diff('papers');
UPDATE paper SET pages = 1 WHERE identifier = 'paper/8';
UPDATE paper SET metadata = '{"user": {"score": 7, "by": "me"}}' WHERE identifier = 'paper/7';
UPDATE paper SET parent_identifier = 'folder/b' WHERE identifier = 'paper/6';
DELETE FROM paper WHERE identifier = 'paper/5';
INSERT INTO paper (identifier, parent_identifier, pages) VALUES ('paper/9', 'folder/a', 9);
SELECT identifier, change, changed, old -> 'pages' AS old_pages, new -> 'pages' AS new_pages FROM cohort_diff('papers');
SELECT * FROM cohort_diff('papers') WHERE identifier = 'paper/7';
-- moved, and still asked for
UPDATE folder SET parent_identifier = 'folder/b' WHERE identifier = 'folder/a';
SELECT identifier, change, changed FROM cohort_diff('papers');
-- nothing to keep is something to keep
SELECT freeze('none', '{"resource": "Paper", "filter": {"pages": 1000}}');
SELECT count(*) FROM cohort('none');
SELECT * FROM check_cohort('none');
INSERT INTO paper (identifier, parent_identifier, pages) VALUES ('paper/1000', 'folder/a', 1000);
SELECT identifier, change FROM cohort_diff('none');

-- behind the trigger
ALTER TABLE papers DISABLE TRIGGER USER;
BEGIN; UPDATE papers SET item = item || '{"pages": 0}' WHERE number = 2; SELECT * FROM check_cohort('papers'); ROLLBACK;
BEGIN; UPDATE papers SET image[3] = 'other' WHERE number = 2; SELECT * FROM check_cohort('papers'); ROLLBACK;
BEGIN; DELETE FROM papers WHERE number = 5; SELECT * FROM check_cohort('papers'); ROLLBACK;
BEGIN; INSERT INTO papers SELECT 6, 'paper/10', now(), image_digest(image), image, item FROM papers WHERE number = 5; SELECT * FROM check_cohort('papers'); ROLLBACK;
BEGIN; UPDATE papers SET number = -number; UPDATE papers SET number = number + 6 WHERE number < 0; SELECT * FROM check_cohort('papers'); ROLLBACK;
BEGIN; UPDATE papers SET valid_from = now() WHERE number = 0; SELECT * FROM check_cohort('papers'); ROLLBACK;
BEGIN; DELETE FROM papers WHERE number = 0; SELECT * FROM check_cohort('papers'); ROLLBACK;
ALTER TABLE papers ENABLE TRIGGER USER;
SELECT * FROM check_cohort('papers');

--
-- Versions: frozen in the present, and in the past
--
SELECT create_resource_type('Plan', 'title text, pages int', parents => '{Folder}', versioned => true);
INSERT INTO plan (identifier, parent_identifier, title, pages, valid_from, valid_to)
SELECT format('plan/%s', i), 'folder/b', 'v' || v, i, '2020-01-01'::timestamptz + v * interval '1 year', CASE WHEN v < 2 THEN '2020-01-01'::timestamptz + (v + 1) * interval '1 year' END
FROM generate_series(1, 6) i, generate_series(0, 2) v;
SELECT freeze('plans_now', '{"resource": "Plan", "filter": {"pages": {"$lt": 6}}}');
SELECT freeze('plans_then', '{"resource": "Plan", "filter": {"pages": {"$lt": 6}}, "asOf": "2020-06-01"}');
SET vxp.as_of = '2021-06-01';
SELECT freeze('plans_set', '{"resource": "Plan", "filter": {"pages": {"$lt": 6}}}');
SELECT identifier, valid_from, item -> 'title' AS title FROM cohort('plans_now') WHERE identifier = 'plan/1';
RESET vxp.as_of;
SELECT name, as_of, row_count FROM cohorts WHERE name ~ '^plans' ORDER BY name;
CREATE TABLE before AS SELECT name, c.* FROM unnest('{plans_now,plans_then,plans_set}'::text[]) name, cohort(name) c;
-- new versions, an end, a correction, and a purge
UPDATE plan SET title = 'new' WHERE identifier IN ('plan/1', 'plan/2') AND valid_to IS NULL;
UPDATE plan SET pages = 60 WHERE identifier = 'plan/3' AND valid_to IS NULL;
DELETE FROM plan WHERE identifier = 'plan/4' AND valid_to IS NULL;
SELECT correct('Plan', 'plan/2', '2020-03-01', '2020-09-01', '{"title": "corrected"}'), correct('Plan', 'plan/5', '2021-05-01', '2021-07-01', NULL),
	correct('Plan', 'plan/6', '2020-05-01', '2020-07-01', '{"pages": 0}');
SELECT name, d.identifier, d.change, d.changed, d.old -> 'title' AS old, d.new -> 'title' AS new FROM unnest('{plans_now,plans_then,plans_set}'::text[]) name, cohort_diff(name) d ORDER BY 1, 2;
-- the setting of who asks does not matter
SET vxp.as_of = '2020-02-01';
SELECT name, d.identifier, d.change FROM unnest('{plans_now,plans_then,plans_set}'::text[]) name, cohort_diff(name) d ORDER BY 1, 2;
SHOW vxp.as_of;
RESET vxp.as_of;
SELECT purge('Plan', '2021-01-01');
SELECT name, d.identifier, d.change FROM unnest('{plans_now,plans_then,plans_set}'::text[]) name, cohort_diff(name) d ORDER BY 1, 2;
SELECT count(*) AS rows, count(*) FILTER (WHERE b IS DISTINCT FROM n) AS differ
FROM before b FULL JOIN (SELECT name, c.* FROM unnest('{plans_now,plans_then,plans_set}'::text[]) name, cohort(name) c) n USING (name, identifier);
SELECT problem FROM unnest('{plans_now,plans_then,plans_set}'::text[]) name, check_cohort(name);
DROP TABLE before;

--
-- Rights
--
CREATE ROLE regress_cohort_alice;
CREATE ROLE regress_cohort_bob;
CREATE SCHEMA alices AUTHORIZATION regress_cohort_alice;
GRANT SELECT ON paper, folder TO regress_cohort_alice, regress_cohort_bob;
ALTER TABLE paper ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON paper USING (pages > 3 AND current_user = 'regress_cohort_alice' OR pages = 4);
SET ROLE regress_cohort_alice;
SET search_path = alices, public, vxp;
SELECT freeze('mine', '{"resource": "Paper", "filter": {"pages": {"$lt": 100}}, "sort": {"pages": 1}}');
SELECT identifier FROM cohort('mine');
-- the other cohorts are not alice's to read, nor in her list
SELECT count(*) FROM cohort('papers');
SELECT name FROM cohorts;
-- without a schema to create in, there is nowhere to put one
SET ROLE regress_cohort_bob;
SET search_path = alices, vxp;
SELECT freeze('bobs', '{"resource": "Paper"}');
SELECT * FROM cohort('mine');
SELECT drop_cohort('mine');
SELECT name FROM cohorts;
SET ROLE regress_cohort_alice;
GRANT USAGE ON SCHEMA alices TO regress_cohort_bob;
SET ROLE regress_cohort_bob;
SELECT * FROM cohort('mine');
SELECT name FROM cohorts;
SET ROLE regress_cohort_alice;
GRANT SELECT ON mine TO regress_cohort_bob;
SET ROLE regress_cohort_bob;
SELECT identifier FROM cohort('mine');
SELECT name, row_count FROM cohorts;
-- what is asked now is asked by bob, who sees paper/4 alone
SELECT identifier, change FROM cohort_diff('mine');
SELECT drop_cohort('mine');
RESET ROLE;
RESET search_path;
SET search_path = public, vxp;
DROP SCHEMA alices CASCADE;
SELECT count(drop_cohort(name)) FROM cohorts;
DROP TABLE kept;
DROP TYPE mood;
SELECT drop_resource_type('Plan');
SELECT drop_resource_type('Paper');
SELECT drop_resource_type('Folder');
DROP ROLE regress_cohort_alice, regress_cohort_bob;
