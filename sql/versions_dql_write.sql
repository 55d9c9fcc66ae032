--
-- versions_dql_write: update, delete, references, preview and undo of DQL on versioned types
--
-- A write is about current rows; history has what was before, so that a record
-- of it holds keys only, and undo begins versions that are as the old ones were.
--
SET search_path = public, vxp;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
-- numbers of operations of its own
ALTER TABLE vxp.operation ALTER id RESTART WITH 3000000;

SELECT create_resource_type('VwSite', prefix => 'vwsite', versioned => true),
	create_resource_type('VwScan', 'modality text, n int', prefix => 'vwscan', parents => '{VwSite}', versioned => true);
INSERT INTO vwsite (identifier, valid_from) VALUES ('vwsite/1', '2019-01-01'), ('vwsite/2', '2019-01-01');
INSERT INTO vwscan (identifier, parent_identifier, modality, n, metadata, valid_from, valid_to)
	SELECT 'vwscan/' || i, 'vwsite/' || 1 + i % 2, CASE WHEN i % 3 = 0 THEN 'CT' ELSE 'MR' END, v, jsonb_build_object('user', jsonb_build_object('v', v)),
		timestamptz '2020-01-01' + v * interval '1 year', CASE WHEN v < 2 OR i = 9 THEN timestamptz '2020-01-01' + (v + 1) * interval '1 year' END
	FROM generate_series(0, 9) i, generate_series(0, 2) v ORDER BY v, i;
CREATE TABLE vwdoc (key text, document jsonb NOT NULL, began timestamptz DEFAULT now(), ended timestamptz);
INSERT INTO vwdoc SELECT 'd' || i, jsonb_build_object('id', 'd' || i, 'x', i), '2020-01-01' FROM generate_series(0, 5) i;
SELECT register('VwDoc', 'vwdoc', id => 'key', document => 'document', fields => '{"valid_from": "began", "valid_to": "ended"}');

-- what the rows of a type say, without when: the present, the past, and how many versions there are
CREATE FUNCTION present() RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg(t, ',' ORDER BY t COLLATE "C")) FROM (
		SELECT to_jsonb(s) - '{valid_from,valid_to}'::text[] FROM vwscan s WHERE valid_to IS NULL
		UNION ALL SELECT to_jsonb(d) - '{began,ended}'::text[] FROM vwdoc d WHERE ended IS NULL) r(j), LATERAL (SELECT j::text) x(t)
$$;
CREATE FUNCTION past(at timestamptz) RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg(t, ',' ORDER BY t COLLATE "C")) FROM (
		SELECT to_jsonb(s) - '{valid_to}'::text[] FROM vwscan s WHERE valid_at(valid_from, valid_to, at)
		UNION ALL SELECT to_jsonb(d) - '{ended}'::text[] FROM vwdoc d WHERE valid_at(began, ended, at)) r(j), LATERAL (SELECT j::text) x(t)
$$;
-- no two versions of a resource overlap, and no one is without a row
CREATE VIEW faults AS
	SELECT identifier FROM vwscan a WHERE EXISTS (SELECT FROM vwscan b WHERE b.identifier = a.identifier AND b.ctid <> a.ctid
		AND validity(a.valid_from, a.valid_to) && validity(b.valid_from, b.valid_to))
	UNION ALL SELECT key FROM vwdoc a WHERE EXISTS (SELECT FROM vwdoc b WHERE b.key = a.key AND b.ctid <> a.ctid
		AND validity(a.began, a.ended) && validity(b.began, b.ended));
CREATE VIEW record WITH (security_invoker = true) AS
	SELECT count(*) AS rows, count(version) AS in_history, coalesce(max(cardinality(before)), 0) AS columns FROM operation_row
	WHERE operation = (SELECT max(id) FROM operation);
SELECT present() AS present, past('2021-06-01') AS past_2021, past('2022-06-01') AS past_2022, past(now()) AS past_now \gset
SELECT clock_timestamp() AS start \gset

--
-- Update: current rows only; the past stays; keys alone are recorded; undo
--
SELECT preview('{"resource":"VwScan","filter":{"modality":"CT"},"update":{"metadata":{"user":{"seen":true}}}}') -> 'totalItemsCount';
SELECT update('{"resource":"VwScan","filter":{"modality":"CT"},"update":{"metadata":{"user":{"seen":true}}}}') AS answer \gset
SELECT :'answer'::jsonb - 'operation', :'answer'::jsonb ? 'operation';
SELECT :'answer'::jsonb ->> 'operation' AS op \gset
SELECT * FROM record;
SELECT count(*) AS versions, count(*) FILTER (WHERE valid_to IS NULL) AS current, count(*) FILTER (WHERE metadata #> '{user,seen}' IS NOT NULL) AS seen FROM vwscan;
SELECT past('2021-06-01') = :'past_2021' AS same, past(:'start') = :'past_now' AS same_just_before;
SELECT undo(:op), present() = :'present' AS restored, past('2021-06-01') = :'past_2021' AS past, past(:'start') = :'past_now' AS before;
-- it happened: history has the update and the undo
SELECT count(*) AS versions, count(*) FILTER (WHERE valid_to IS NULL) AS current, count(*) FILTER (WHERE metadata #> '{user,seen}' IS NOT NULL) AS seen FROM vwscan;
SELECT count(*) FROM faults;
SELECT undo(:op);
\echo :SQLSTATE

-- references, and documents
SELECT update('{"resource":"VwDoc","filter":{"x":{"$lt":3}},"references":{"operation":"create","refs":[{"type":"task","id":"t1"}]}}') AS answer \gset
SELECT * FROM record;
SELECT vxp.count('{"resource":"VwDoc","filter":{"metadata.system.refs.id":"t1"}}') AS now, vxp.count('{"resource":"VwDoc","asOf":"2020-06-01","filter":{"metadata.system.refs.id":"t1"}}') AS then;
SELECT undo((:'answer'::jsonb ->> 'operation')::bigint), present() = :'present' AS restored;

-- an update that changes nothing makes no version, counts what it matched, and is undone by nothing
SELECT count(*) AS before FROM vwscan \gset
SELECT update('{"resource":"VwScan","filter":{"modality":"MR"},"update":{"metadata":{"user":{"v":2}}}}') AS answer \gset
SELECT :'answer'::jsonb -> 'totalItemsCount', (SELECT count(*) = :before FROM vwscan) AS same;
SELECT undo((:'answer'::jsonb ->> 'operation')::bigint), (SELECT count(*) = :before FROM vwscan) AS same, present() = :'present' AS restored;

-- the guards are those of every write
SELECT update('{"resource":"VwScan","filter":{},"update":{"metadata":{"user":{"y":1}}},"maxAffected":8}');
\echo :SQLSTATE
SELECT update('{"resource":"VwScan","filter":{},"update":{"metadata":{"user":{"y":1}}},"versions":"current"}');
\echo :SQLSTATE

--
-- Delete: current rows end; undo makes them current again
--
SELECT preview('{"resource":"VwScan","filter":{"vwsite_id":"vwsite/1"},"delete":true}') -> 'totalItemsCount';
SELECT delete('{"resource":"VwScan","filter":{"vwsite_id":"vwsite/1"},"delete":true}') AS answer \gset
SELECT :'answer'::jsonb -> 'totalItemsCount', :'answer'::jsonb ? 'operation';
SELECT :'answer'::jsonb ->> 'operation' AS op \gset
SELECT * FROM record;
SELECT vxp.count('{"resource":"VwScan"}') AS now, past('2021-06-01') = :'past_2021' AS past;
SELECT undo(:op), present() = :'present' AS restored, past('2021-06-01') = :'past_2021' AS past, past(:'start') = :'past_now' AS before;
SELECT count(*) FROM faults;
-- an identifier whose resource ended before is not written, and does not come back
SELECT count(*) FROM vwscan WHERE identifier = 'vwscan/9' AND valid_to IS NULL;

-- what has resources below it stays
SELECT delete('{"resource":"VwSite","filter":{"id":"vwsite/2"},"delete":true}');
\echo :SQLSTATE
SELECT vxp.count('{"resource":"VwSite"}') AS sites, vxp.count('{"resource":"VwScan","filter":{"vwsite_id":"vwsite/2"}}') AS below;

--
-- Several writes in one transaction: one boundary; what history does not have is in the record
--
BEGIN;
SELECT update('{"resource":"VwScan","filter":{"id":"vwscan/1"},"update":{"metadata":{"user":{"step":1}}}}') ->> 'operation' AS op1 \gset
SELECT * FROM record;
SELECT update('{"resource":"VwScan","filter":{"id":"vwscan/1"},"update":{"metadata":{"user":{"step":2}}}}') ->> 'operation' AS op2 \gset
SELECT rows, in_history, columns > 2 AS image FROM record;
SELECT delete('{"resource":"VwScan","filter":{"id":"vwscan/1"},"delete":true}') ->> 'operation' AS op3 \gset
SELECT rows, in_history, columns > 2 AS image FROM record;
INSERT INTO vwscan (identifier, parent_identifier, n) VALUES ('vwscan/new', 'vwsite/1', 7);
SELECT delete('{"resource":"VwScan","filter":{"id":"vwscan/new"},"delete":true}') ->> 'operation' AS op4 \gset
SELECT rows, in_history, columns > 2 AS image FROM record;
SELECT count(*) AS faults FROM faults;
-- all the way back, inside
SAVEPOINT s;
SELECT undo(:op4);
SELECT n FROM vwscan_current WHERE identifier = 'vwscan/new';
SELECT undo(:op3);
SELECT metadata FROM vwscan_current WHERE identifier = 'vwscan/1';
SELECT undo(:op2);
SELECT metadata FROM vwscan_current WHERE identifier = 'vwscan/1';
SELECT undo(:op1);
SELECT metadata FROM vwscan_current WHERE identifier = 'vwscan/1';
SELECT count(*) AS faults FROM faults;
ROLLBACK TO s;
-- not in another order
SELECT * FROM undo_check(:op1);
SELECT * FROM undo_check(:op2);
COMMIT;
-- and from outside
SELECT undo(:op1);
\echo :SQLSTATE
SELECT undo(:op3);
SELECT metadata FROM vwscan_current WHERE identifier = 'vwscan/1';
-- what came back begins a version, which is not the one that the earlier write left
SELECT * FROM undo_check(:op2);
SELECT undo(:op4);
SELECT n FROM vwscan_current WHERE identifier = 'vwscan/new';
SELECT count(*) AS faults FROM faults;
DELETE FROM vwscan_current WHERE identifier = 'vwscan/new';
UPDATE vwscan_current SET metadata = '{"user":{"v":2}}' WHERE identifier = 'vwscan/1';
SELECT present() = :'present' AS restored, past(:'start') = :'past_now' AS before;

--
-- What changed since is refused, by name, and nothing is undone
--
SELECT update('{"resource":"VwScan","filter":{"modality":"CT"},"update":{"metadata":{"user":{"z":1}}}}') ->> 'operation' AS op \gset
UPDATE vwscan_current SET n = 100 WHERE identifier = 'vwscan/3';
DELETE FROM vwscan_current WHERE identifier = 'vwscan/6';
SELECT * FROM undo_check(:op) ORDER BY id;
SELECT undo(:op);
\echo :SQLSTATE
-- back to what the write left, but as a version of its own: still another row
UPDATE vwscan_current SET n = 2 WHERE identifier = 'vwscan/3';
SELECT * FROM undo_check(:op) ORDER BY id;
-- a delete whose identifier was given again
SELECT delete('{"resource":"VwScan","filter":{"id":"vwscan/4"},"delete":true}') ->> 'operation' AS op2 \gset
INSERT INTO vwscan (identifier, parent_identifier, n) VALUES ('vwscan/4', 'vwsite/1', 8);
SELECT * FROM undo_check(:op2);
SELECT undo(:op2);
\echo :SQLSTATE
DELETE FROM vwscan_current WHERE identifier = 'vwscan/4';
SELECT undo(:op2);
SELECT n FROM vwscan_current WHERE identifier = 'vwscan/4';
SELECT count(*) AS faults FROM faults;

-- history that is gone cannot be restored from
SELECT update('{"resource":"VwScan","filter":{"id":{"$in":["vwscan/1","vwscan/2"]}},"update":{"metadata":{"user":{"w":1}}}}') ->> 'operation' AS op \gset
SELECT delete('{"resource":"VwScan","filter":{"id":"vwscan/5"},"delete":true}') ->> 'operation' AS op2 \gset
ALTER TABLE vwscan DISABLE TRIGGER USER;
ALTER TABLE vwscan_history DISABLE TRIGGER USER;
DELETE FROM vwscan WHERE valid_to > :'start' AND identifier IN ('vwscan/2', 'vwscan/5');
ALTER TABLE vwscan ENABLE TRIGGER USER;
ALTER TABLE vwscan_history ENABLE TRIGGER USER;
SELECT * FROM undo_check(:op);
SELECT * FROM undo_check(:op2);
SELECT undo(:op);
\echo :SQLSTATE
SELECT undo(:op2);
\echo :SQLSTATE

--
-- The past is not written: neither while it is shown nor by undo
--
SELECT update('{"resource":"VwScan","filter":{"id":"vwscan/7"},"update":{"metadata":{"user":{"w":1}}}}') ->> 'operation' AS op \gset
SET vxp.as_of = '2021-06-01';
SELECT update('{"resource":"VwScan","filter":{},"update":{"metadata":{"user":{"w":1}}}}');
\echo :SQLSTATE
SELECT delete('{"resource":"VwDoc","filter":{},"delete":true}');
\echo :SQLSTATE
SELECT preview('{"resource":"VwScan","filter":{},"delete":true}');
\echo :SQLSTATE
SELECT undo(:op);
\echo :SQLSTATE
UPDATE vwscan_current SET n = 0;
\echo :SQLSTATE
RESET vxp.as_of;
SELECT undo(:op);

-- without a record, too, only current rows are written
SET vxp.undo_retention = 0;
SELECT count(*) AS current FROM vwscan_current \gset
SELECT (update('{"resource":"VwScan","filter":{},"update":{"metadata":{"user":{"last":1}}}}') ->> 'totalItemsCount')::int = :current AS current_only;
SELECT (delete('{"resource":"VwScan","filter":{"metadata.user.last":1},"delete":true,"maxAffected":100}') ->> 'totalItemsCount')::int = :current AS current_only;
SELECT count(*) FROM vwscan_current;
SELECT past('2021-06-01') = :'past_2021' AS past;
SELECT count(*) FROM faults;
RESET vxp.undo_retention;

--
-- Roles: writes, records and undo are the writer's own
--
INSERT INTO vwscan (identifier, parent_identifier, modality, n) SELECT 'vwscan/r' || i, 'vwsite/1', (ARRAY['CT', 'MR'])[1 + i % 2], i FROM generate_series(1, 6) i;
CREATE ROLE regress_vw_writer;
GRANT SELECT ON record TO regress_vw_writer;
GRANT SELECT, UPDATE (metadata), DELETE, INSERT ON vwscan TO regress_vw_writer;
GRANT SELECT ON vwsite TO regress_vw_writer;
ALTER TABLE vwscan ENABLE ROW LEVEL SECURITY;
CREATE POLICY ct ON vwscan USING (modality = 'CT');
SELECT update('{"resource":"VwScan","filter":{"id":"vwscan/r1"},"update":{"metadata":{"user":{"owner":1}}}}') ->> 'operation' AS theirs \gset
SET ROLE regress_vw_writer;
SELECT preview('{"resource":"VwScan","filter":{},"update":{"metadata":{"user":{"mine":1}}}}') -> 'totalItemsCount' AS visible;
SELECT update('{"resource":"VwScan","filter":{},"update":{"metadata":{"user":{"mine":1}}}}') ->> 'operation' AS op \gset
SELECT * FROM record;
SELECT undo(:theirs);
\echo :SQLSTATE
SELECT undo(:op);
SELECT bool_or(metadata #> '{user,mine}' IS NOT NULL) AS left_over FROM vwscan_current;
SELECT delete('{"resource":"VwScan","filter":{},"delete":true}') ->> 'operation' AS op \gset
SELECT * FROM record;
RESET ROLE;
SELECT count(*) AS untouched FROM vwscan_current WHERE modality = 'MR';
-- a policy that shows the present alone hides history from its reader: the record keeps images then
ALTER POLICY ct ON vwscan USING (modality = 'CT' AND valid_to IS NULL);
SET ROLE regress_vw_writer;
SELECT state, count(*) FROM undo_check(:op) GROUP BY 1;
RESET ROLE;
ALTER POLICY ct ON vwscan USING (modality = 'CT');
SET ROLE regress_vw_writer;
SELECT undo(:op);
RESET ROLE;
ALTER POLICY ct ON vwscan USING (modality = 'CT' AND valid_to IS NULL);
SET ROLE regress_vw_writer;
SELECT update('{"resource":"VwScan","filter":{},"update":{"metadata":{"user":{"mine":2}}}}') ->> 'operation' AS op \gset
SELECT rows, in_history, columns > 2 AS image FROM record;
SELECT undo(:op);
SELECT bool_or(metadata #> '{user,mine}' IS NOT NULL) AS left_over FROM vwscan_current;
-- privileges count when it is undone, too
SELECT update('{"resource":"VwScan","filter":{},"update":{"metadata":{"user":{"mine":3}}}}') ->> 'operation' AS op \gset
RESET ROLE;
REVOKE UPDATE (metadata) ON vwscan FROM regress_vw_writer;
SET ROLE regress_vw_writer;
\set VERBOSITY terse
SELECT undo(:op);
\echo :SQLSTATE
\set VERBOSITY default
RESET ROLE;
SELECT count(*) AS faults FROM faults;

DROP OWNED BY regress_vw_writer;
DELETE FROM operation WHERE id >= 3000000;
DELETE FROM operation_row WHERE operation >= 3000000;
DROP ROLE regress_vw_writer;
DROP VIEW faults, record;
DROP FUNCTION present(), past(timestamptz);
SELECT unregister('VwDoc');
DROP TABLE vwdoc;
SELECT drop_resource_type('VwScan'), drop_resource_type('VwSite');
