--
-- dql_cache: a cached plan follows the tables, the policies and the catalog
--
-- Each statement is prepared once, with a generic plan, and executed again
-- after the change.  No answer may be an old one, and no change may crash.
--
CREATE SCHEMA dql_cache;
SET search_path = dql_cache;
SET client_min_messages = warning;
SET plan_cache_mode = force_generic_plan;
CREATE FUNCTION plan_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || statement;
END $$;

-- a registered table without the view on all its columns, which would forbid what
-- follows; the wrapper goes with the view, so here is another
CREATE FUNCTION bare(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('DROP VIEW %s_current', relation);
	EXECUTE format('CREATE FUNCTION %s(vxp.dql) RETURNS SETOF %1$s AS %L, ''vxp_query'' LANGUAGE C STABLE PARALLEL RESTRICTED SUPPORT vxp.query_support',
		relation, (SELECT probin FROM pg_proc WHERE oid = 'vxp.query(anyelement, vxp.dql)'::regprocedure));
END $$;

CREATE TABLE cv (id int PRIMARY KEY, gone text, c text, n int NOT NULL, tail text);
INSERT INTO cv SELECT g, 'gone', 'c' || g % 10, g % 7, 'tail' FROM generate_series(1, 2000) g;
ALTER TABLE cv DROP gone, DROP tail;
ANALYZE cv;
SELECT vxp.register('Cv', 'cv');
SELECT bare('cv');
PREPARE by_c AS SELECT count(*) FROM vxp.query(NULL::cv, '{"filter":{"c":"c3","n":3}}');
PREPARE bound(text) AS SELECT count(*) FROM vxp.query(NULL::cv, '{"filter":{"c":{"$param":1}}}', $1);
PREPARE outside AS SELECT id FROM vxp.query(NULL::cv, '{}') WHERE c = 'c3' AND id < 20;
PREPARE whole AS SELECT v FROM vxp.query(NULL::cv, '{"filter":{"id":3}}') v;
PREPARE star AS SELECT * FROM vxp.query(NULL::cv, '{"filter":{"id":3}}') v;
PREPARE item AS SELECT i FROM vxp.items('{"resource":"Cv","filter":{"id":3}}') i;
PREPARE wrapped AS SELECT id, c FROM cv('{"filter":{"id":3}}') v;
PREPARE late(vxp.dql) AS SELECT v FROM vxp.query(NULL::cv, $1) v;
EXECUTE by_c;
EXECUTE bound('c3');
EXECUTE outside;
EXECUTE whole;
EXECUTE star;
EXECUTE item;
EXECUTE wrapped;
EXECUTE late('{"filter":{"id":3}}');

-- an index
SELECT plan_of('EXECUTE by_c');
CREATE INDEX cv_c_n ON cv (n, c);
SELECT plan_of('EXECUTE by_c');
EXECUTE by_c;
DROP INDEX cv_c_n;
SELECT plan_of('EXECUTE by_c');

-- a column more: whole rows have it, "*" was spelled out when the statement was prepared
ALTER TABLE cv ADD added int DEFAULT 5;
EXECUTE by_c;
EXECUTE whole;
EXECUTE star;
EXECUTE item;
EXECUTE wrapped;
EXECUTE late('{"filter":{"id":3}}');
-- NOT NULL decides how a condition is written
PREPARE differs AS SELECT count(*) FROM vxp.query(NULL::cv, '{"filter":{"n":{"$ne":3},"id":{"$lte":10}}}');
EXECUTE differs;
ALTER TABLE cv ALTER n DROP NOT NULL;
UPDATE cv SET n = NULL WHERE id = 1;
EXECUTE differs;
UPDATE cv SET n = 1 WHERE id = 1;
ALTER TABLE cv ALTER n SET NOT NULL;
EXECUTE differs;
-- a child of the table may lack the constraint
SELECT current_setting('server_version_num')::int >= 180000 AS inherits_not_null \gset
\if :inherits_not_null
-- from 18 on only of a constraint that is not inherited
ALTER TABLE cv ALTER n DROP NOT NULL, ADD CONSTRAINT n_here NOT NULL n NO INHERIT;
\endif
CREATE TABLE cv_child () INHERITS (cv);
ALTER TABLE cv_child ALTER n DROP NOT NULL;
INSERT INTO cv_child (id) VALUES (0);
EXECUTE differs;
EXECUTE item;
DROP TABLE cv_child;
EXECUTE differs;
\if :inherits_not_null
ALTER TABLE cv DROP CONSTRAINT n_here, ALTER n SET NOT NULL;
\endif

-- a column that a statement uses gets another type: an error, no crash, no garbage
ALTER TABLE cv ALTER COLUMN c TYPE int USING substr(c, 2)::int;
EXECUTE outside;
EXECUTE by_c;
EXECUTE bound('c3');
EXECUTE bound('3');
EXECUTE whole;
EXECUTE star;
EXECUTE item;
EXECUTE wrapped;
EXECUTE late('{"filter":{"id":3}}');
SET vxp.enable_inlining = off;
EXECUTE outside;
EXECUTE star;
RESET vxp.enable_inlining;
-- prepared anew, and the type back again
PREPARE outside2 AS SELECT id FROM vxp.query(NULL::cv, '{}') WHERE c = 3 AND id < 20;
EXECUTE outside2;
ALTER TABLE cv ALTER COLUMN c TYPE text USING 'c' || c;
EXECUTE outside;
EXECUTE outside2;
EXECUTE whole;
EXECUTE star;
-- type modifier and collation alone
ALTER TABLE cv ALTER COLUMN c TYPE varchar(3);
EXECUTE outside;
EXECUTE by_c;
ALTER TABLE cv ALTER COLUMN c TYPE text COLLATE "C";
EXECUTE outside;
EXECUTE by_c;
ALTER TABLE cv ALTER COLUMN c TYPE text COLLATE "default";
EXECUTE outside;

-- a column that is used is dropped; one that is not
ALTER TABLE cv DROP added;
EXECUTE by_c;
EXECUTE whole;
EXECUTE star;
EXECUTE late('{"filter":{"id":3}}');
ALTER TABLE cv DROP c;
EXECUTE outside;
EXECUTE by_c;
EXECUTE whole;
EXECUTE star;
EXECUTE wrapped;
EXECUTE late('{"filter":{"id":3}}');
ALTER TABLE cv ADD c text DEFAULT 'c3';
EXECUTE outside;
EXECUTE by_c;
EXECUTE whole;
DEALLOCATE outside2;

-- a column is renamed: the request means the name, the statement the column
CREATE TABLE named (id int PRIMARY KEY, a int, b int);
INSERT INTO named VALUES (1, 10, 20);
SELECT vxp.register('Named', 'named');
PREPARE by_a AS SELECT a, b FROM vxp.query(NULL::named, '{"filter":{"a":10}}');
EXECUTE by_a;
ALTER TABLE named RENAME a TO x;
EXECUTE by_a;
ALTER TABLE named RENAME b TO a;
EXECUTE by_a;
UPDATE named SET a = 10;
EXECUTE by_a;

-- table and schema renamed
CREATE TABLE moved (id int PRIMARY KEY, t text);
INSERT INTO moved VALUES (1, 'one');
SELECT vxp.register('Moved', 'moved');
DROP VIEW moved_current;
PREPARE mv AS SELECT t FROM vxp.query(NULL::moved, '{"filter":{"t":"one"}}');
PREPARE mi AS SELECT i FROM vxp.items('{"resource":"Moved"}') i;
EXECUTE mv;
EXECUTE mi;
CREATE SCHEMA elsewhere;
ALTER TABLE moved RENAME TO moved_away;
EXECUTE mv;
EXECUTE mi;
ALTER TABLE moved_away SET SCHEMA elsewhere;
EXECUTE mv;
EXECUTE mi;
ALTER SCHEMA elsewhere RENAME TO farther;
EXECUTE mv;
EXECUTE mi;
-- dropped: an error
\set VERBOSITY terse
DROP TABLE farther.moved_away;
EXECUTE mv;
EXECUTE mi;

\set VERBOSITY default

-- the catalog: another field mapping, in this transaction and after it was rolled back
CREATE TABLE mapped (id int PRIMARY KEY, one text, two text, other text);
INSERT INTO mapped VALUES (1, 'first', 'second', 'third');
SELECT vxp.register('Mapped', 'mapped', fields => '{"name":"one"}');
PREPARE map AS SELECT id FROM vxp.query(NULL::mapped, '{"filter":{"name":"second"}}');
PREPARE map_item AS SELECT i FROM vxp.items('{"resource":"Mapped"}') i;
EXECUTE map;
EXECUTE map_item;
BEGIN;
UPDATE vxp.resource_type SET fields = '{"name":"two"}' WHERE name = 'Mapped';
EXECUTE map;
EXECUTE map_item;
SAVEPOINT s;
UPDATE vxp.resource_type SET fields = '{"name":"other"}' WHERE name = 'Mapped';
EXECUTE map;
ROLLBACK TO s;
EXECUTE map;
ROLLBACK;
EXECUTE map;
EXECUTE map_item;
UPDATE vxp.resource_type SET fields = '{"name":"two"}' WHERE name = 'Mapped';
EXECUTE map;
-- no type at all; another table under the name
BEGIN;
SELECT vxp.unregister('Mapped');
EXECUTE map;
ROLLBACK;
BEGIN;
SELECT vxp.unregister('Mapped');
SAVEPOINT s;
\set VERBOSITY terse
EXECUTE map_item;
\set VERBOSITY default
ROLLBACK TO s;
CREATE TABLE successor (id int PRIMARY KEY, one text);
INSERT INTO successor VALUES (7, 'another table');
SELECT vxp.register('Mapped', 'successor');
EXECUTE map_item;
ROLLBACK;
EXECUTE map;
EXECUTE map_item;
-- another session
\setenv PGDATABASE :DBNAME
\setenv PGHOST :HOST
\setenv PGPORT :PORT
\setenv PGUSER :USER
\! psql -X -q -c "UPDATE vxp.resource_type SET fields = '{\"name\":\"one\"}' WHERE name = 'Mapped'"
EXECUTE map;

-- policies come and go
CREATE ROLE regress_dql_cache;
GRANT USAGE ON SCHEMA dql_cache TO regress_dql_cache;
GRANT SELECT ON mapped TO regress_dql_cache;
INSERT INTO mapped VALUES (2, 'second', 'x', 'x'), (3, 'second', 'x', 'x');
SET ROLE regress_dql_cache;
EXECUTE map;
RESET ROLE;
ALTER TABLE mapped ENABLE ROW LEVEL SECURITY;
SET ROLE regress_dql_cache;
EXECUTE map;
RESET ROLE;
CREATE POLICY two ON mapped USING (id = 2);
SET ROLE regress_dql_cache;
EXECUTE map;
RESET ROLE;
ALTER POLICY two ON mapped USING (id = 3);
SET ROLE regress_dql_cache;
EXECUTE map;
RESET ROLE;
DROP POLICY two ON mapped;
SET ROLE regress_dql_cache;
EXECUTE map;
RESET ROLE;
ALTER TABLE mapped DISABLE ROW LEVEL SECURITY;
SET ROLE regress_dql_cache;
EXECUTE map;
RESET ROLE;

-- a view as a resource is replaced
CREATE VIEW shown AS SELECT id, one FROM mapped WHERE id < 3;
SELECT vxp.register('Shown', 'shown', id => 'id');
PREPARE show AS SELECT count(*) FROM vxp.query(NULL::shown, '{}');
EXECUTE show;
CREATE OR REPLACE VIEW shown AS SELECT id, one FROM mapped WHERE id < 2;
EXECUTE show;

-- stored queries: a view and a function body over whole rows and single columns
CREATE TABLE stored (id int PRIMARY KEY, a text, b text);
INSERT INTO stored VALUES (1, 'a', 'b');
SELECT vxp.register('Stored', 'stored');
SELECT bare('stored');
CREATE VIEW over_wrapper AS SELECT v.a, v FROM stored('{}') v;
-- where in the body, each server says in its own words
\set SHOW_CONTEXT never
CREATE FUNCTION body() RETURNS SETOF text STABLE BEGIN ATOMIC SELECT a FROM stored('{"filter":{"b":"b"}}'); END;
SELECT * FROM over_wrapper;
SELECT body();
ALTER TABLE stored ADD c text DEFAULT 'c';
SELECT * FROM over_wrapper;
SELECT body();
ALTER TABLE stored DROP b;
SELECT * FROM over_wrapper;
SELECT body();
\set SHOW_CONTEXT errors
ALTER TABLE stored ALTER c DROP DEFAULT, ALTER c TYPE int USING 1;
SELECT * FROM over_wrapper;
RESET plan_cache_mode;

DROP SCHEMA dql_cache CASCADE;
DROP OWNED BY regress_dql_cache;
DROP ROLE regress_dql_cache;
