--
-- dql_rights: a DQL call runs with the rights of the current user
--
-- One table with row security, asked by six roles in all ways a call can stand,
-- planned as part of the statement and not.  What a role may see is written
-- down in "allowed"; printed are deviations from it.
--
SET client_min_messages = warning;
CREATE ROLE regress_dql_owner;
CREATE ROLE regress_dql_alice;
CREATE ROLE regress_dql_bob;
CREATE ROLE regress_dql_carol;
CREATE ROLE regress_dql_dave;
CREATE ROLE regress_dql_eve BYPASSRLS;
CREATE SCHEMA dql_rights;
GRANT CREATE ON SCHEMA dql_rights TO regress_dql_owner;
GRANT USAGE ON SCHEMA dql_rights TO PUBLIC;
SET search_path = dql_rights;
SET ROLE regress_dql_owner;
CREATE TABLE scan (id int PRIMARY KEY, vt text NOT NULL, secret text);
INSERT INTO scan VALUES (1, 'alice', 's1'), (2, 'alice', 's2'), (3, 'bob', 's3'), (4, 'bob', 's4'), (5, 'carol', 's5'), (6, 'nobody', 's6');
ALTER TABLE scan ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON scan USING ('regress_dql_' || vt = current_user);
GRANT SELECT ON scan TO regress_dql_alice, regress_dql_bob, regress_dql_eve;
GRANT SELECT (id, vt) ON scan TO regress_dql_carol;
-- a view as a resource: the rights of its owner below it
CREATE VIEW odd AS SELECT id, vt FROM scan WHERE id % 2 = 1;
GRANT SELECT ON odd TO regress_dql_dave, regress_dql_alice;
SELECT vxp.register('Scan', 'scan'), vxp.register('Odd', 'odd', id => 'id');
-- functions and views of the owner over calls
CREATE VIEW plain_view AS SELECT id FROM vxp.query(NULL::scan, '{"filter":{"id":{"$lt":6}}}');
CREATE VIEW invoker_view WITH (security_invoker) AS SELECT id FROM vxp.query(NULL::scan, '{"filter":{"id":{"$lt":6}}}');
CREATE VIEW wrapper_view AS SELECT id FROM scan('{"filter":{"id":{"$lt":6}}}');
CREATE VIEW barrier_view WITH (security_barrier) AS SELECT id FROM vxp.query(NULL::scan, '{"filter":{"id":{"$lt":6}}}');
CREATE VIEW barrier_secret WITH (security_barrier) AS SELECT * FROM vxp.query(NULL::scan, '{"filter":{"secret":{"$contains":"2"}}}');
CREATE VIEW nested_view AS SELECT id FROM plain_view;
GRANT SELECT ON plain_view, invoker_view, wrapper_view, barrier_view, barrier_secret, nested_view
	TO regress_dql_alice, regress_dql_bob, regress_dql_carol, regress_dql_dave, regress_dql_eve;
CREATE FUNCTION definer_sql() RETURNS SETOF int STABLE SECURITY DEFINER BEGIN ATOMIC
	SELECT id FROM vxp.query(NULL::scan, '{"filter":{"id":{"$lt":6}}}');
END;
CREATE FUNCTION definer_argument(request vxp.dql) RETURNS SETOF int STABLE SECURITY DEFINER LANGUAGE sql
	AS 'SELECT id FROM vxp.query(NULL::dql_rights.scan, request)';
CREATE FUNCTION definer_plpgsql() RETURNS SETOF int STABLE SECURITY DEFINER LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT id FROM vxp.query(NULL::dql_rights.scan, '{"filter":{"id":{"$lt":6}}}');
END $$;
CREATE FUNCTION invoker_sql() RETURNS SETOF int STABLE BEGIN ATOMIC
	SELECT id FROM vxp.query(NULL::scan, '{"filter":{"id":{"$lt":6}}}');
END;
RESET ROLE;

CREATE TABLE call (form text PRIMARY KEY, sql text NOT NULL, ends_with_owner boolean NOT NULL DEFAULT false);
INSERT INTO call (form, sql) VALUES
	('query', 'SELECT id FROM vxp.query(NULL::scan, ''{"filter":{"id":{"$lt":6}}}'')'),
	('wrapper', 'SELECT id FROM scan(''{"filter":{"id":{"$lt":6}}}'')'),
	('select list', 'SELECT (vxp.query(NULL::scan, ''{"filter":{"id":{"$lt":6}},"select":["id","vt"]}'')).id'),
	('request not constant', 'SELECT id FROM vxp.query(NULL::scan, (SELECT ''{"filter":{"id":{"$lt":6}},"select":["id"]}''::vxp.dql))'),
	('items', 'SELECT (i->>''id'')::int AS id FROM vxp.items(''{"resource":"Scan","filter":{"id":{"$lt":6}},"select":["id"]}'') i'),
	('page', 'SELECT (i->>''id'')::int AS id FROM jsonb_array_elements(vxp.page(''{"resource":"Scan","filter":{"id":{"$lt":6}},"select":["id"]}'')->''items'') i'),
	('count', 'SELECT g FROM generate_series(1, vxp.count(''{"resource":"Scan","filter":{"id":{"$lt":6}}}'')) g'),
	('page total', 'SELECT g FROM generate_series(1, (vxp.page(''{"resource":"Scan","pageSize":0,"filter":{"id":{"$lt":6}},"select":["id"]}'')->>''totalItemsCount'')::int) g'),
	('join', 'SELECT a.id FROM vxp.query(NULL::scan, ''{"filter":{"id":{"$lt":6}}}'') a JOIN vxp.query(NULL::scan, ''{}'') b USING (id)'),
	('exists', 'SELECT g FROM generate_series(1, 5) g WHERE EXISTS (SELECT FROM vxp.query(NULL::scan, ''{"filter":{"id":{"$param":1}}}'', g))'),
	('plain view of another', 'SELECT id FROM plain_view'),
	('security_invoker view', 'SELECT id FROM invoker_view'),
	('view over the wrapper', 'SELECT id FROM wrapper_view'),
	('security barrier view', 'SELECT id FROM barrier_view'),
	('view over a view', 'SELECT id FROM nested_view'),
	('SQL function', 'SELECT invoker_sql() AS id'),
	('SQL function in FROM', 'SELECT * FROM invoker_sql() f(id)');
INSERT INTO call VALUES
	('security definer, SQL', 'SELECT * FROM definer_sql() f(id)', true),
	('security definer, request as argument', 'SELECT * FROM definer_argument(''{"filter":{"id":{"$lt":6}}}'') f(id)', true),
	('security definer, PL/pgSQL', 'SELECT * FROM definer_plpgsql() f(id)', true);

-- ids a role sees, or the error
CREATE TABLE allowed (role name PRIMARY KEY, ids text NOT NULL);
INSERT INTO allowed VALUES ('owner', '1,2,3,4,5'), ('alice', '1,2'), ('bob', '3,4'), ('carol', '5'), ('eve', '1,2,3,4,5'),
	('dave', 'permission denied for table scan');

CREATE FUNCTION as_role(role name, statement text, inlining boolean) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	seen text;
BEGIN
	PERFORM set_config('vxp.enable_inlining', inlining::text, true);
	PERFORM set_config('role', 'regress_dql_' || role, true);
	BEGIN
		EXECUTE format('SELECT string_agg(%s::text, '','' ORDER BY 1) FROM (%s) s', 's', statement) INTO seen;
	EXCEPTION WHEN OTHERS THEN seen := SQLERRM;
	END;
	PERFORM set_config('role', 'none', true);
	PERFORM set_config('vxp.enable_inlining', 'on', true);
	RETURN translate(seen, '()', '');
END $$;

CREATE TABLE outcome AS
SELECT form, role, inlining, NULL::text AS seen,
	CASE
		WHEN ends_with_owner THEN (SELECT ids FROM allowed WHERE role = 'owner')
		-- not part of the plan, a call without "select" reads all columns
		WHEN role = 'carol' AND NOT inlining AND sql !~ 'select"|vxp.count' THEN (SELECT ids FROM allowed WHERE role = 'dave')
		-- counts: as many
		WHEN form IN ('count', 'page total') AND ids NOT LIKE 'perm%' THEN
			(SELECT string_agg(n::text, ',') FROM generate_series(1, length(replace(ids, ',', ''))) n)
		ELSE ids
	END AS expected
FROM call, allowed, (VALUES (true), (false)) v(inlining);
UPDATE outcome SET seen = as_role(role, sql, inlining) FROM call WHERE call.form = outcome.form AND inlining;
-- From 18 on the plan of a SQL function's body is kept for the session: it is made anew for each role whose rights it
-- depends on (so it is above), but, as a prepared statement, not for a setting of the planner.
DISCARD PLANS;
UPDATE outcome SET seen = as_role(role, sql, inlining) FROM call WHERE call.form = outcome.form AND NOT inlining;
SELECT count(*) = 2 * (SELECT count(*) FROM call) * (SELECT count(*) FROM allowed) AS all_ran FROM outcome;
SELECT form, role, inlining, seen, expected FROM outcome WHERE seen IS DISTINCT FROM expected ORDER BY 1, 2, 3;
-- the same roles by plain SQL: the expectations are the server's
SELECT role, ids FROM allowed WHERE ids <> as_role(role, 'SELECT id FROM scan WHERE id < 6', true);

-- a view as a resource
SELECT role, inlining, as_role(role, 'SELECT id FROM vxp.query(NULL::odd, ''{}'')', inlining) AS odd
FROM (VALUES ('alice'), ('dave'), ('bob')) r(role), (VALUES (true), (false)) v(inlining) ORDER BY 1, 2;

-- column privileges are those of the columns that are used: in the statement, the filter, the order, the item
CREATE TABLE use (sql text);
INSERT INTO use VALUES
	('SELECT id FROM vxp.query(NULL::scan, ''{}'') v'),
	('SELECT id, vt FROM vxp.query(NULL::scan, ''{"sort":{"vt":"asc"}}'') v'),
	('SELECT count(*) FROM vxp.query(NULL::scan, ''{"filter":{"vt":"carol"}}'') v'),
	('SELECT secret FROM vxp.query(NULL::scan, ''{}'') v'),
	('SELECT v FROM vxp.query(NULL::scan, ''{}'') v'),
	('SELECT v FROM vxp.query(NULL::scan, ''{"select":["id"]}'') v'),
	('SELECT secret FROM vxp.query(NULL::scan, ''{"select":["id"]}'') v'),
	('SELECT id FROM vxp.query(NULL::scan, ''{"filter":{"secret":"s5"}}'') v'),
	('SELECT id FROM vxp.query(NULL::scan, ''{"filter":{"$nor":[{"secret":{"$exists":true}}]}}'') v'),
	('SELECT id FROM vxp.query(NULL::scan, ''{"sort":{"secret":"asc"}}'') v'),
	('SELECT v.id FROM vxp.query(NULL::scan, ''{}'') v JOIN vxp.query(NULL::scan, ''{}'') w USING (id, vt)'),
	('SELECT * FROM vxp.items(''{"resource":"Scan"}'')'),
	('SELECT * FROM vxp.items(''{"resource":"Scan","select":["id","vt"]}'')'),
	('SELECT * FROM vxp.items(''{"resource":"Scan","select":["id","secret"]}'')'),
	('SELECT vxp.count(''{"resource":"Scan"}'')'),
	('SELECT vxp.count(''{"resource":"Scan","filter":{"secret":"s5"}}'')');
SELECT sql, as_role('carol', sql, true) AS carol FROM use;
-- not inlined, a call without "select" reads all columns
SELECT sql, as_role('carol', sql, false) AS carol FROM use
WHERE as_role('carol', sql, false) IS DISTINCT FROM as_role('carol', sql, true);

-- the statement of to_sql has the rights of who runs it
SELECT vxp.to_sql('{"resource":"Scan","filter":{"id":{"$lt":6}},"select":["id"]}') AS statement \gset
SELECT role FROM allowed WHERE ids <> as_role(role, :'statement', true);
SELECT as_role('dave', 'SELECT length(vxp.to_sql(''{"resource":"Scan"}'')) > 0', true) AS dave;

-- one prepared statement under each role in turn
SET plan_cache_mode = force_generic_plan;
PREPARE ids AS SELECT string_agg(id::text, ',' ORDER BY id) FROM vxp.query(NULL::scan, '{"filter":{"id":{"$lt":6}}}');
PREPARE ids_of(vxp.dql) AS SELECT string_agg(id::text, ',' ORDER BY id) FROM vxp.query(NULL::scan, $1);
PREPARE bound(int) AS SELECT string_agg(id::text, ',' ORDER BY id) FROM vxp.query(NULL::scan, '{"filter":{"id":{"$lt":{"$param":1}}}}', $1);
SET ROLE regress_dql_alice;
EXECUTE ids;
EXECUTE ids_of('{"filter":{"id":{"$lt":6}}}');
EXECUTE bound(6);
SET ROLE regress_dql_bob;
EXECUTE ids;
EXECUTE ids_of('{"filter":{"id":{"$lt":6}}}');
EXECUTE bound(6);
SET ROLE regress_dql_carol;
EXECUTE ids;
EXECUTE bound(6);
SET ROLE regress_dql_dave;
EXECUTE ids;
EXECUTE ids_of('{"filter":{"id":{"$lt":6}}}');
EXECUTE bound(6);
SET ROLE regress_dql_eve;
EXECUTE ids;
EXECUTE bound(6);
SET ROLE regress_dql_alice;
EXECUTE ids;
EXECUTE bound(6);
-- row security off is an error, not all rows
SET row_security = off;
SELECT id FROM vxp.query(NULL::scan, '{}');
SELECT vxp.count('{"resource":"Scan"}');
RESET row_security;
-- forced on the owner
RESET ROLE;
ALTER TABLE scan FORCE ROW LEVEL SECURITY;
SET ROLE regress_dql_owner;
EXECUTE ids;
RESET ROLE;
ALTER TABLE scan NO FORCE ROW LEVEL SECURITY;
SET ROLE regress_dql_owner;
EXECUTE ids;
RESET ROLE;
RESET plan_cache_mode;

-- what a leaky function in the outer condition sees: rows that pass row
-- security, those that the filter drops included; behind a security barrier,
-- and where the call is not part of the plan, only rows of the answer
CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
	RAISE INFO 'saw %', $1;
	RETURN true;
END $$;
SET ROLE regress_dql_alice;
SELECT id FROM vxp.query(NULL::scan, '{"filter":{"secret":{"$contains":"2"}}}') v WHERE leak(secret);
SELECT id FROM barrier_secret v WHERE leak(secret);
SET vxp.enable_inlining = off;
SELECT id FROM vxp.query(NULL::scan, '{"filter":{"secret":{"$contains":"2"}}}') v WHERE leak(secret);
RESET vxp.enable_inlining;
RESET ROLE;

-- EXECUTE revoked: also for a plan that is cached
SET ROLE regress_dql_alice;
EXECUTE ids;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION vxp.query(anyelement, vxp.dql) FROM PUBLIC;
SET ROLE regress_dql_alice;
EXECUTE ids;
EXECUTE ids_of('{}');
SELECT id FROM vxp.query(NULL::scan, '{}');
SELECT count(*) FROM scan('{}');
RESET ROLE;
GRANT EXECUTE ON FUNCTION vxp.query(anyelement, vxp.dql) TO PUBLIC;
SET ROLE regress_dql_alice;
EXECUTE ids;
RESET ROLE;
-- rights on the table revoked, and given again
REVOKE SELECT ON scan FROM regress_dql_alice;
SET ROLE regress_dql_alice;
EXECUTE ids;
RESET ROLE;
GRANT SELECT (id) ON scan TO regress_dql_alice;
SET ROLE regress_dql_alice;
EXECUTE ids;
RESET ROLE;

-- a resource type made by us, its view of current rows and its wrapper; the
-- lineage of rows that a role may not see stays intact
SET ROLE regress_dql_owner;
SELECT vxp.create_resource_type('Subject', 'ward text', versioned => false), vxp.create_resource_type('Image', 'ward text', parents => '{Subject}', versioned => false);
INSERT INTO subject (identifier, ward) SELECT 'subject/' || g, 'w' || g % 3 FROM generate_series(1, 9) g;
INSERT INTO image (identifier, parent_identifier, ward) SELECT 'image/' || g, 'subject/' || 1 + g % 9, 'w' || (1 + g % 9) % 3 FROM generate_series(1, 90) g;
ALTER TABLE image ENABLE ROW LEVEL SECURITY;
CREATE POLICY ward ON image USING (current_user <> 'regress_dql_alice' OR ward = 'w1');
GRANT SELECT ON subject, image, subject_current, image_current TO regress_dql_alice, regress_dql_eve;
PREPARE images AS SELECT count(*), count(DISTINCT subject_id), max(ward) FROM vxp.query(NULL::image, '{"filter":{"$hasAncestor":["subject/1","subject/2","subject/3","subject/4"]}}');
PREPARE current AS SELECT count(*), count(DISTINCT s.identifier), max(s.ward) FROM vxp.query(NULL::subject, '{"filter":{"identifier":{"$in":["subject/1","subject/2","subject/3","subject/4"]}}}') s
	JOIN image_current i ON i.subject_id = s.identifier;
SET plan_cache_mode = force_generic_plan;
SET ROLE regress_dql_eve;
EXECUTE images;
EXECUTE current;
SELECT count(*) FROM image('{"filter":{"ward":{"$ne":"w1"}}}');
SET ROLE regress_dql_alice;
EXECUTE images;
EXECUTE current;
SELECT count(*) FROM image('{"filter":{"ward":{"$ne":"w1"}}}');
SELECT vxp.count('{"resource":"Image"}');
RESET plan_cache_mode;
RESET ROLE;

-- writes by a call see and touch only what the role may
GRANT SELECT, UPDATE, DELETE ON scan TO regress_dql_bob;
SET ROLE regress_dql_bob;
UPDATE scan s SET secret = 'x' FROM vxp.query(NULL::scan, '{}') v WHERE v.id = s.id RETURNING s.id;
DELETE FROM scan s USING vxp.query(NULL::scan, '{"filter":{"id":{"$lt":4}}}') v WHERE v.id = s.id RETURNING s.id;
RESET ROLE;

DROP SCHEMA dql_rights CASCADE;
DROP OWNED BY regress_dql_owner, regress_dql_alice, regress_dql_bob, regress_dql_carol, regress_dql_dave, regress_dql_eve CASCADE;
DROP ROLE regress_dql_owner, regress_dql_alice, regress_dql_bob, regress_dql_carol, regress_dql_dave, regress_dql_eve;
