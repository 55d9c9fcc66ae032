--
-- dql_write_acl: a write runs with the rights of the current user
--
-- UPDATE and DELETE privileges, policies of all commands with their checks, and
-- records that nobody but the writer sees.  All of it as plain roles.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET search_path = public;
ALTER TABLE vxp.operation ALTER id RESTART WITH 2000000;
CREATE ROLE regress_write_owner;
CREATE ROLE regress_write_alice;
CREATE ROLE regress_write_bob;
CREATE ROLE regress_write_reader;
CREATE ROLE regress_write_cleaner;
CREATE ROLE "Regress ""write"" odd";
GRANT CREATE ON SCHEMA public TO regress_write_owner;
SET ROLE regress_write_owner;
CREATE TABLE note (id int PRIMARY KEY, who text NOT NULL, secret text DEFAULT 's', metadata jsonb);
INSERT INTO note SELECT i, (ARRAY['alice', 'bob', 'nobody'])[i % 3 + 1], 's' || i, '{}' FROM generate_series(1, 9) i;
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
-- seen: one's own and those of nobody; changed: one's own; deleted: one's own above 3
CREATE POLICY seen ON note FOR SELECT USING ('regress_write_' || who = current_user OR who = 'nobody' OR current_user = 'regress_write_reader');
CREATE POLICY changed ON note FOR UPDATE USING ('regress_write_' || who = current_user) WITH CHECK (NOT coalesce(metadata->'user' ? 'forbidden', false));
CREATE POLICY deleted ON note FOR DELETE USING ('regress_write_' || who = current_user AND id > 3);
CREATE POLICY added ON note FOR INSERT WITH CHECK ('regress_write_' || who = current_user);
GRANT SELECT, UPDATE, DELETE, INSERT ON note TO regress_write_alice, regress_write_bob, "Regress ""write"" odd";
GRANT SELECT ON note TO regress_write_reader;
GRANT SELECT (id, who), DELETE ON note TO regress_write_cleaner;
SELECT vxp.register('Note', 'note');
CREATE TABLE free (id int PRIMARY KEY, metadata jsonb, secret text);
INSERT INTO free VALUES (1, '{}', 'x'), (2, '{}', 'y');
GRANT SELECT, DELETE ON free TO regress_write_cleaner;
GRANT SELECT (id, metadata), UPDATE (metadata) ON free TO regress_write_reader;
GRANT SELECT, UPDATE (metadata), INSERT ON free TO regress_write_bob;
SELECT vxp.register('Free', 'free');
RESET ROLE;
CREATE TABLE note_start AS TABLE note;
CREATE FUNCTION changed() RETURNS text BEGIN ATOMIC
	SELECT string_agg(coalesce(n.id, s.id)::text, ',' ORDER BY coalesce(n.id, s.id))
	FROM note n FULL JOIN note_start s ON s.id = n.id WHERE n IS DISTINCT FROM s;
END;

-- only rows that the role may change: 3, 6, 9 are alice's, of which 6 and 9 may go
SET ROLE regress_write_alice;
SELECT vxp.count('{"resource":"Note"}') AS seen, vxp.preview('{"resource":"Note","filter":{},"update":{"metadata":{"user":{"a":1}}},"select":["id"]}') AS update,
	vxp.preview('{"resource":"Note","filter":{},"delete":true,"select":["id"]}') AS delete;
SELECT vxp.update('{"resource":"Note","filter":{},"update":{"metadata":{"user":{"a":1}}}}') ->> 'totalItemsCount' AS updated;
SELECT vxp.execute('{"resource":"Note","filter":{},"delete":true}') ->> 'totalItemsCount' AS deleted;
SELECT vxp.update('{"resource":"Note","filter":{"who":"bob"},"update":{}}') ->> 'totalItemsCount' AS of_bob;
-- a row that WITH CHECK refuses fails the whole write, and undo runs under it too
SELECT vxp.update('{"resource":"Note","filter":{},"update":{"metadata":{"user":{"forbidden":1}}}}');
RESET ROLE;
SELECT changed();

-- records: alice's are hers alone; no other role sees, undoes, changes or removes them
SELECT id AS op FROM vxp.operation WHERE kind = 'delete' AND writer = 'regress_write_alice'::regrole \gset
CREATE FUNCTION records() RETURNS text BEGIN ATOMIC
	SELECT (SELECT count(*) FROM vxp.operation) || ', ' || (SELECT count(*) FROM vxp.operation_row);
END;
SET ROLE regress_write_alice;
SELECT records();
SET ROLE regress_write_bob;
SELECT records();
SELECT vxp.undo(:op);
SELECT vxp.undo_check(:op);
DELETE FROM vxp.operation;
UPDATE vxp.operation SET undone_at = now();
DELETE FROM vxp.operation_row;
SET ROLE regress_write_owner;
SELECT records();
RESET ROLE;
-- a role that sees all rows may still not undo what another one wrote
SELECT vxp.undo(:op);
-- nobody can pass as another writer, or take a number
SET ROLE regress_write_bob;
INSERT INTO vxp.operation (writer, resource, kind, row_count, columns, request) VALUES ('regress_write_alice'::regrole, 'Note', 'delete', 1, '{}', '');
INSERT INTO vxp.operation (id, resource, kind, row_count, columns, request) OVERRIDING SYSTEM VALUE VALUES (2000100, 'Note', 'delete', 1, '{}', '');
INSERT INTO vxp.operation_row (writer, operation, number, before) VALUES ('regress_write_alice'::regrole, :op, 9, '{}');
UPDATE vxp.operation SET writer = 'regress_write_alice'::regrole;
TRUNCATE vxp.operation;
-- a record that bob makes up for alice's number is his own, and nothing is undone by it
INSERT INTO vxp.operation_row (operation, number, before) VALUES (:op, 1, ARRAY['100', 'bob', 's', '{}']);
SELECT vxp.undo(:op);
-- one that he makes up altogether is an INSERT of his: bob's row passes the policy, alice's does not
INSERT INTO vxp.operation (resource, kind, row_count, columns, request) VALUES ('Note', 'delete', 1, '{id,who,secret,metadata}', '') RETURNING id AS made_up \gset
INSERT INTO vxp.operation_row (operation, number, before) VALUES (:made_up, 1, ARRAY['101', 'alice', 's', '{}']);
SELECT vxp.undo(:made_up);
UPDATE vxp.operation SET undone_at = NULL WHERE id = :made_up;
INSERT INTO vxp.operation (resource, kind, row_count, columns, request) VALUES ('Note', 'delete', 1, '{id,"x)y; --"}', '') RETURNING id AS made_up \gset
SELECT vxp.undo(:made_up);
DELETE FROM vxp.operation;
DELETE FROM vxp.operation_row;
RESET ROLE;

-- alice undoes it, as an INSERT of hers: not while she may not insert
REVOKE INSERT ON note FROM regress_write_alice;
SET ROLE regress_write_alice;
SELECT vxp.undo(:op);
RESET ROLE;
GRANT INSERT ON note TO regress_write_alice;
SET ROLE regress_write_alice;
SELECT vxp.undo(:op);
SELECT id AS op FROM vxp.operation WHERE kind = 'update' \gset
-- rows that left her sight are named as gone
RESET ROLE;
UPDATE note SET who = 'bob' WHERE id = 3;
SET ROLE regress_write_alice;
SELECT * FROM vxp.undo_check(:op);
RESET ROLE;
UPDATE note SET who = 'alice' WHERE id = 3;
-- a policy that keeps a row from the undo keeps all of it
ALTER POLICY changed ON note USING ('regress_write_' || who = current_user AND id <> 9);
SET ROLE regress_write_alice;
SELECT vxp.undo(:op);
RESET ROLE;
ALTER POLICY changed ON note USING ('regress_write_' || who = current_user);
SET ROLE regress_write_alice;
SELECT vxp.undo(:op);
RESET ROLE;
SELECT changed();

-- no privilege: 42501, and nothing is recorded
SET ROLE regress_write_reader;
SELECT vxp.update('{"resource":"Note","filter":{},"update":{"metadata":{"user":{"a":1}}}}');
SELECT vxp.delete('{"resource":"Note","filter":{},"delete":true}');
SELECT vxp.preview('{"resource":"Note","filter":{},"delete":true}');
SELECT vxp.update('{"resource":"Note","filter":{},"update":{}}');
-- columns: what the statement reads and writes; the record needs them all
SELECT vxp.update('{"resource":"Free","filter":{"secret":"x"},"update":{"metadata":{"user":{"a":1}}}}');
SELECT vxp.update('{"resource":"Free","filter":{},"update":{"metadata":{"user":{"a":1}}}}');
SET vxp.undo_retention = 0;
SELECT vxp.update('{"resource":"Free","filter":{"secret":"x"},"update":{"metadata":{"user":{"a":1}}}}');
SELECT vxp.update('{"resource":"Free","filter":{"id":1},"update":{"metadata":{"user":{"a":1}}}}');
RESET vxp.undo_retention;
SELECT records();
-- UPDATE of the column alone is enough to write and to undo
SET ROLE regress_write_bob;
SELECT vxp.update('{"resource":"Free","filter":{"id":2},"update":{"metadata":{"user":{"b":1}}}}') ->> 'operation' AS op \gset
SELECT vxp.undo(:op);
-- DELETE and SELECT are enough to delete: no lock is asked for
SET ROLE regress_write_cleaner;
SELECT vxp.delete('{"resource":"Free","filter":{"id":1},"delete":true,"maxAffected":1}') ->> 'totalItemsCount' AS deleted;
SELECT vxp.delete('{"resource":"Note","filter":{"id":5},"delete":true}');
RESET ROLE;

-- the writer of a SECURITY DEFINER function is its owner
CREATE FUNCTION clean(request vxp.dql) RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT (vxp.update(request)->>''operation'')::bigint';
ALTER FUNCTION clean(vxp.dql) OWNER TO regress_write_bob;
SET ROLE regress_write_reader;
SELECT clean('{"resource":"Note","filter":{},"update":{"metadata":{"user":{"c":1}}}}') AS op \gset
SELECT vxp.undo(:op);
SET ROLE regress_write_bob;
SELECT vxp.undo(:op);
-- a name that needs quotes; and one that was dropped and made again sees nothing of its forerunner
SET ROLE "Regress ""write"" odd";
SELECT vxp.update('{"resource":"Free","filter":{},"update":{"metadata":{"user":{"b":1}}}}');
RESET ROLE;
GRANT ALL ON free TO "Regress ""write"" odd";
SET ROLE "Regress ""write"" odd";
SELECT vxp.update('{"resource":"Free","filter":{},"update":{"metadata":{"user":{"b":1}}}}') ->> 'totalItemsCount' AS updated;
SELECT records();
RESET ROLE;
DROP OWNED BY "Regress ""write"" odd";
DROP ROLE "Regress ""write"" odd";
CREATE ROLE "Regress ""write"" odd";
SET ROLE "Regress ""write"" odd";
SELECT records();
RESET ROLE;

-- the tables of records belong to nobody's dump, and row security holds for their owner too
SELECT relname, relrowsecurity, relforcerowsecurity, c.oid = ANY (e.extconfig) AS dumped
FROM pg_class c, pg_extension e WHERE e.extname = 'vxp_query' AND c.relnamespace = 'vxp'::regnamespace AND c.relkind = 'r' AND relname LIKE 'operation%' ORDER BY 1;

DROP TABLE note, note_start, free CASCADE;
DROP FUNCTION clean, records;
DELETE FROM vxp.operation_row;
DELETE FROM vxp.operation;
REVOKE CREATE ON SCHEMA public FROM regress_write_owner;
DROP ROLE regress_write_owner, regress_write_alice, regress_write_bob, regress_write_reader, regress_write_cleaner, "Regress ""write"" odd";
