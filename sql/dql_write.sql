--
-- dql_write: update, delete and references of DQL, preview and undo
--
-- Section 9 rule by rule, on documents and on typed columns.  What a request
-- must not say is in test/data/dql_errors.tsv (test dql_errors); rights are in
-- dql_write_acl.
--
\set SHOW_CONTEXT never
SET search_path = public;
SET client_min_messages = warning;

--
-- one document: the patch wins, objects merge at every depth
--
CREATE TABLE merge_case (document jsonb, patch jsonb, expected jsonb);
INSERT INTO merge_case VALUES
	(NULL, '{}', '{}'),
	(NULL, '{"a":{"b":1}}', '{"a":{"b":1}}'),
	('{"a":1}', NULL, NULL),
	('{"a":1,"z":[1]}', '{}', '{"a":1,"z":[1]}'),
	('{"a":1}', '{"a":null}', '{"a":null}'),
	('{"a":{"b":1,"c":{"d":2}}}', '{"a":{"c":{"e":null}}}', '{"a":{"b":1,"c":{"d":2,"e":null}}}'),
	('{"a":{"b":1}}', '{"a":[]}', '{"a":[]}'),
	('{"a":[1,{"x":1}]}', '{"a":{"x":2}}', '{"a":{"x":2}}'),
	('{"a":[1,2]}', '{"a":[2]}', '{"a":[2]}'),
	('{"a":"s"}', '{"a":{"b":{}}}', '{"a":{"b":{}}}'),
	('{"a":null}', '{"a":{"b":1}}', '{"a":{"b":1}}'),
	('{"a":{}}', '{"a":{}}', '{"a":{}}'),
	('{"a":{"b":1}}', '{"a":{}}', '{"a":{"b":1}}'),
	('{"a.b":1}', '{"a":{"b":2}}', '{"a.b":1,"a":{"b":2}}'),
	('{"é":"😀","n":1.50}', '{"n":{"é":1e3}}', '{"é":"😀","n":{"é":1000}}');
SELECT * FROM merge_case WHERE vxp.merge_metadata(document, patch) IS DISTINCT FROM expected;
-- twice is once, and what the patch does not name stays
SELECT count(*) FROM merge_case WHERE vxp.merge_metadata(vxp.merge_metadata(document, patch), patch) <> vxp.merge_metadata(document, patch);
SELECT length(vxp.merge_metadata((repeat('{"a":', 1000) || '1' || repeat('}', 1000))::jsonb, (repeat('{"a":', 1000) || '2' || repeat('}', 1000))::jsonb)::text);
SELECT vxp.merge_metadata('[]', '{}');
SELECT vxp.merge_metadata('{}', '1');

-- references: each once, in order; what is no reference stays; deleting creates nothing
CREATE TABLE refs_case (document jsonb, add boolean, refs jsonb, expected jsonb);
INSERT INTO refs_case VALUES
	(NULL, true, '[{"type":"t","id":"1"}]', '{"m":{"refs":[{"type":"t","id":"1"}]}}'),
	(NULL, false, '[{"type":"t","id":"1"}]', NULL),
	('{}', false, '[{"type":"t","id":"1"}]', '{}'),
	('{"m":null}', false, '[{"type":"t","id":"1"}]', '{"m":null}'),
	('{"m":null,"x":1}', true, '[{"type":"t","id":"1"}]', '{"m":{"refs":[{"type":"t","id":"1"}]},"x":1}'),
	('{"m":{"refs":null}}', true, '[]', '{"m":{"refs":[]}}'),
	('{"m":{"refs":[{"type":"t","id":"1","more":true}]}}', true, '[{"type":"t","id":"1"},{"type":"u","id":"1"},{"type":"u","id":"1"}]',
		'{"m":{"refs":[{"type":"t","id":"1","more":true},{"type":"u","id":"1"}]}}'),
	('{"m":{"refs":[{"type":"t","id":"1","more":true},5,null,{"type":"t","id":"2"},{"type":"t","id":"1"}],"k":1}}', false, '[{"type":"t","id":"1"}]',
		'{"m":{"refs":[5,null,{"type":"t","id":"2"}],"k":1}}'),
	('{"m":{"refs":[{"type":"t","id":1}]}}', false, '[{"type":"t","id":"1"}]', '{"m":{"refs":[{"type":"t","id":1}]}}');
SELECT * FROM refs_case WHERE vxp.edit_references(document, '{m,refs}', add, refs) IS DISTINCT FROM expected;
SELECT vxp.edit_references('{"m":{"refs":"x"}}', '{m,refs}', true, '[]');
SELECT vxp.edit_references('{"m":5}', '{m,refs}', true, '[]');

--
-- a document table
--
CREATE TABLE items (id text PRIMARY KEY, doc jsonb NOT NULL, touched int NOT NULL DEFAULT 0);
INSERT INTO items SELECT i::text, jsonb_build_object('id', i::text, 'n', i, 'datasetId', 'd' || i % 3, 'type', 'file',
		'metadata', jsonb_build_object('user', jsonb_build_object('a', i), 'system', jsonb_build_object('size', i)))
	FROM generate_series(1, 20) i;
INSERT INTO items VALUES ('bare', '{"id":"bare","n":0}'), ('odd', '{"id":"odd","n":-1,"metadata":{"user":"text","system":null}}');
CREATE TABLE annotations (id int PRIMARY KEY, "itemId" text, label text, metadata jsonb);
INSERT INTO annotations SELECT i, (i % 7 + 1)::text, CASE i % 2 WHEN 0 THEN 'cat' ELSE 'dog' END, NULL FROM generate_series(1, 30) i;
SELECT vxp.register('items', 'items', document => 'doc'), vxp.register('annotations', 'annotations');
CREATE TABLE items_start AS TABLE items;
-- ids whose row differs from the start
CREATE FUNCTION changed() RETURNS text BEGIN ATOMIC
	SELECT string_agg(coalesce(i.id, s.id), ',' ORDER BY coalesce(i.id, s.id) COLLATE "C")
	FROM items i FULL JOIN items_start s ON s.id = i.id WHERE i IS DISTINCT FROM s;
END;
-- runs a write; the answer without the number of the operation
CREATE FUNCTION run(request json) RETURNS jsonb LANGUAGE sql AS 'SELECT vxp.execute(request) - ''operation''';

-- the envelope counts the rows; only metadata.user changes, parents are made, a dotted key is a path
BEGIN;
SELECT vxp.update('{"filter":{"n":{"$lte":2}},"update":{"metadata":{"user":{"b.c":null,"b.d":[1,{"x.y":1}],"b":{"e":"é"}}}}}') - 'operation';
SELECT changed();
SELECT doc FROM items WHERE id IN ('1', 'bare', 'odd') ORDER BY id;
ROLLBACK;
-- system metadata, where it is meant
BEGIN;
SELECT run('{"filter":{"id":"1"},"update":{"metadata":{"system":{"size":5,"x":{"y":1}}}},"systemSpace":true}');
SELECT doc FROM items WHERE id = '1';
ROLLBACK;
-- nothing to write: the matching rows are counted, none is touched and nothing is recorded
SELECT vxp.update('{"filter":{"n":{"$gt":10}},"update":{}}'), vxp.update('{"filter":{},"update":{"metadata":{"user":{}}}}'),
	vxp.update('{"filter":{},"references":{"operation":"create","refs":[]}}');
SELECT vxp.update('{"filter":{"n":{"$gt":10}},"maxAffected":5,"update":{}}');
SELECT changed(), count(*) FROM vxp.operation;
-- no row: nothing is recorded either
SELECT vxp.update('{"filter":{"n":100},"update":{"metadata":{"user":{"a":1}}}}'), vxp.delete('{"filter":{"n":100},"delete":true}');
-- references: no systemSpace needed, each once
BEGIN;
SELECT run('{"filter":{"n":{"$in":[0,1]}},"references":{"operation":"create","index":3,"refs":[{"type":"task","id":"7"},{"type":"task","id":"8"}]}}');
SELECT run('{"filter":{"n":{"$in":[0,1]}},"references":{"operation":"create","refs":[{"type":"task","id":"8"},{"type":"task","id":"9"}]}}');
SELECT run('{"filter":{"metadata.system.refs":{"$match":{"type":"task","id":"8"}}},"references":{"operation":"delete","refs":[{"type":"task","id":"7"},{"type":"task","id":"8"}]}}');
SELECT id, doc->'metadata'->'system' AS system FROM items WHERE doc->'metadata'->'system' ? 'refs' ORDER BY id;
ROLLBACK;
-- delete: these rows and only these
BEGIN;
SELECT run('{"filter":{"n":{"$gt":18}},"delete":true}');
SELECT changed(), count(*) FROM annotations;
ROLLBACK;
-- null and false are no write; a write beside them is one
SELECT vxp.execute('{"filter":{"id":"1"},"update":null,"delete":false,"references":null,"pageSize":0}');
-- paging, sort and select are ignored, also where they name no field
BEGIN;
SELECT run('{"filter":{},"page":3,"pageSize":2,"sort":{"nowhere":"asc"},"select":["id"],"update":{"metadata":{"user":{"z":1}}}}');
SELECT run('{"resource":"annotations","filter":{},"page":3,"pageSize":1000,"sort":{"nowhere":"asc"},"delete":true}');
ROLLBACK;
-- the wrapper, and a request in a JSON string
BEGIN;
SELECT run('{"query":{"filter":{"n":1},"page":0,"pageSize":1000},"updateQuery":{"update":{"metadata":{"system":{"w":1}}},"systemSpace":true},"user":"x"}');
SELECT run(to_json('{"filter":{"n":2},"update":{"metadata":{"user":{"w":1}}}}'::text));
SELECT changed();
ROLLBACK;

-- no text of a request becomes SQL: it is stored, and comes back, as it is
BEGIN;
SELECT vxp.update(r) ->> 'operation' AS op
FROM (SELECT jsonb_build_object('filter', jsonb_build_object('id', '1'), 'update', jsonb_build_object('metadata', jsonb_build_object('user',
	jsonb_build_object($x$x'"); DROP TABLE items; --\$x$, $x$$1 %s %I ' " \ ${1} ; {"a":1}$x$))))::text::vxp.dql) s(r) \gset
SELECT doc->'metadata'->'user' AS stored FROM items WHERE id = '1';
SELECT run('{"filter":{"id":"1"},"references":{"operation":"create","refs":[{"type":"''; DROP TABLE items; --","id":"\"\\ $1"}]}}');
SELECT doc->'metadata'->'system' AS stored FROM items WHERE id = '1';
SELECT vxp.undo(max(id)) FROM vxp.operation WHERE undone_at IS NULL;
SELECT vxp.undo(:op), changed();
ROLLBACK;

-- join, intersect, except and context restrict a write like a read: the written rows are those of the read
CREATE TABLE condition (members text);
INSERT INTO condition VALUES
	('"filter":{"n":{"$gt":3}},"context":{"datasets":["d1"]}'),
	('"filter":{},"join":{"filter":{"label":"cat"}}'),
	('"filter":{},"join":{"filter":{"label":"cat"},"quantifier":"none"}'),
	('"filter":{},"join":{}'),
	('"filter":{"n":{"$lt":9}},"intersect":{"query":{"join":{"filter":{"label":"cat"}}}},"except":{"query":{"filter":{"n":5}}}'),
	('"filter":{"id":{"$in":{"resource":"annotations","select":"itemId","filter":{"id":{"$lt":4}}}}}'),
	('"filter":{"id":{"$nin":["1","2"]},"metadata.user.a":{"$exists":true}}'),
	('"filter":{"$or":[{"n":1},{"type":null}]}');
CREATE FUNCTION written(request vxp.dql) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
	ids text;
BEGIN
	BEGIN
		answer := vxp.execute(request::json);
		ids := changed();
		IF (answer->>'totalItemsCount')::int <> coalesce(cardinality(string_to_array(ids, ',')), 0) THEN
			RAISE WARNING '% %', answer, ids;
		END IF;
		RAISE SQLSTATE 'XROLL' USING MESSAGE = ids;
	EXCEPTION WHEN SQLSTATE 'XROLL' THEN
		RETURN ids;
	END;
END $$;
SELECT members, written(('{' || members || ',"' || w.key || '":' || w.value || '}')::vxp.dql) AS written
FROM condition, (VALUES ('delete', 'true'), ('update', '{"metadata":{"user":{"new":1}}}'),
	('references', '{"operation":"create","refs":[{"type":"t","id":"1"}]}')) w(key, value)
WHERE written(('{' || members || ',"' || w.key || '":' || w.value || '}')::vxp.dql) IS DISTINCT FROM
	(SELECT string_agg(i->>'id', ',' ORDER BY i->>'id' COLLATE "C") FROM vxp.items(('{' || members || '}')::vxp.dql) i);
SELECT count(*) AS conditions, count(*) FILTER (WHERE (SELECT count(*) FROM vxp.items(('{' || members || '}')::vxp.dql)) > 0) AS with_rows FROM condition;
-- preview: count and items of the read, and nothing changes
SELECT members FROM condition, LATERAL (SELECT vxp.preview(('{' || members || ',"delete":true}')::vxp.dql) AS p) s
WHERE (p->>'totalItemsCount')::int <> vxp.count(('{' || members || '}')::vxp.dql)
	OR p->'items' <> coalesce((SELECT jsonb_agg(i ORDER BY o) FROM vxp.items(('{' || members || ',"limit":10}')::vxp.dql) WITH ORDINALITY i(i, o)), '[]');
SELECT vxp.preview('{"filter":{"n":{"$lt":2}},"select":["id"],"update":{"metadata":{"user":{"a":1}}}}');
SELECT changed();

--
-- guards
--
-- more rows than maxAffected: refused before the first row is changed, so that no trigger sees one
CREATE FUNCTION count_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING 'row % is written', OLD.id;
	RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER touch BEFORE UPDATE OR DELETE ON items FOR EACH ROW EXECUTE FUNCTION count_touch();
SELECT vxp.update('{"filter":{},"maxAffected":21,"update":{"metadata":{"user":{"a":1}}}}');
SELECT vxp.delete('{"filter":{},"maxAffected":0,"delete":true}');
SELECT vxp.execute('{"filter":{},"maxAffected":21,"references":{"operation":"create","refs":[{"type":"t","id":"1"}]}}');
BEGIN;
SELECT run('{"filter":{"n":1},"maxAffected":1,"delete":true}');
SELECT run('{"filter":{"n":2},"maxAffected":1,"update":{"metadata":{"user":{"a":1}}}}');
ROLLBACK;
DROP TRIGGER touch ON items;

-- each function its kind of request
SELECT vxp.update('{"filter":{},"delete":true}');
SELECT vxp.update('{"filter":{}}');
SELECT vxp.delete('{"filter":{},"update":{}}');
SELECT vxp.delete('{"filter":{}}');
SELECT vxp.preview('{"filter":{}}');
SELECT vxp.update(NULL);
SELECT vxp.update('{"filter":{"id":{"$param":1}},"update":{}}');
-- nothing that reads runs a write
SELECT * FROM vxp.query(NULL::items, '{"filter":{},"delete":true}');
SELECT * FROM vxp.items('{"filter":{},"delete":true}');
SELECT * FROM vxp.items((SELECT '{"filter":{},"update":{}}'::vxp.dql));
SELECT vxp.count('{"filter":{},"delete":true}');
SELECT vxp.page('{"filter":{},"references":{"operation":"create","refs":[]}}');
SELECT vxp.to_sql('{"filter":{},"delete":true}');
SELECT vxp.matches('{}', '{"filter":{},"delete":true}');
BEGIN READ ONLY;
SELECT vxp.execute('{"filter":{},"delete":true}');
ROLLBACK;
BEGIN READ ONLY;
SELECT vxp.preview('{"filter":{},"delete":true}');
ROLLBACK;

-- what cannot be written
CREATE TABLE plain (id int PRIMARY KEY, name text);
CREATE TABLE loose (id int PRIMARY KEY, metadata json);
CREATE TABLE mapped (id int PRIMARY KEY, size int, metadata jsonb);
CREATE VIEW seen AS SELECT id, doc FROM items;
CREATE TABLE ruled (id int PRIMARY KEY, metadata jsonb);
CREATE RULE more AS ON INSERT TO ruled DO ALSO NOTIFY ruled;
SELECT vxp.register('Plain', 'plain'), vxp.register('Loose', 'loose'), vxp.register('Seen', 'seen', id => 'id', document => 'doc'),
	vxp.register('Mapped', 'mapped', fields => '{"metadata.system.size":"size"}'), vxp.register('Ruled', 'ruled');
INSERT INTO plain VALUES (1, 'x');
INSERT INTO mapped VALUES (1, 5, NULL);
INSERT INTO ruled VALUES (1, NULL);
SELECT vxp.update('{"resource":"Plain","filter":{},"update":{"metadata":{"user":{"a":1}}}}');
SELECT vxp.update('{"resource":"Loose","filter":{},"references":{"operation":"create","refs":[]}}');
SELECT vxp.update('{"resource":"Seen","filter":{},"update":{"metadata":{"user":{"a":1}}}}');
SELECT vxp.delete('{"resource":"Seen","filter":{},"delete":true}');
SELECT vxp.preview('{"resource":"Seen","filter":{},"delete":true}');
SELECT vxp.update('{"resource":"Mapped","filter":{},"systemSpace":true,"update":{"metadata":{"system":{"size":1}}}}');
SELECT vxp.update('{"resource":"Mapped","filter":{},"systemSpace":true,"update":{"metadata":{"system":{"other":1}}}}') ->> 'totalItemsCount' AS other_field;
SELECT vxp.update('{"resource":"Nowhere","filter":{},"update":{}}');
SELECT vxp.update('{"resource":"annotations","filter":{"nowhere":1},"update":{"metadata":{"user":{"a":1}}}}');
SELECT vxp.delete('{"resource":"Ruled","filter":{},"delete":true}');
SELECT vxp.preview('{"resource":"Ruled","filter":{},"delete":true}');
SELECT vxp.update('{"resource":"Ruled","filter":{},"update":{"metadata":{"user":{"a":1}}}}');
-- a type without metadata can still be deleted from
SELECT vxp.delete('{"resource":"Plain","filter":{"name":"x"},"delete":true}') ->> 'totalItemsCount' AS deleted;

--
-- typed columns, lineage, partitions, triggers
--
BEGIN;
SELECT run('{"resource":"annotations","filter":{"label":"cat","id":{"$lt":6}},"update":{"metadata":{"user":{"ok":true}}}}');
SELECT run('{"resource":"annotations","filter":{"metadata.user.ok":true},"references":{"operation":"create","refs":[{"type":"task","id":"1"}]}}');
SELECT id, metadata FROM annotations WHERE metadata IS NOT NULL ORDER BY id;
ROLLBACK;
-- bulk deletion names the id annotationId
BEGIN;
SELECT run('{"resource":"annotations","filter":{"annotationId":{"$in":[1,2,3]}},"page":0,"pageSize":1000,"delete":true}');
ROLLBACK;
-- lineage: the triggers of the table run; a row with children stays, and says so
SELECT vxp.create_resource_type('Patient', versioned => false), vxp.create_resource_type('Folder', parents => ARRAY['Patient', 'Folder'], versioned => false);
INSERT INTO patient (identifier) VALUES ('patient/1');
INSERT INTO folder (identifier, parent_identifier) VALUES ('folder/b', 'patient/1'), ('folder/a', 'folder/b'), ('folder/0', 'folder/a');
SELECT vxp.delete('{"resource":"Folder","filter":{"identifier":"folder/b"},"delete":true}');
SELECT vxp.delete('{"resource":"Folder","filter":{"$hasAncestor":"patient/1"},"delete":true}') ->> 'operation' AS op \gset
SELECT count(*) FROM folder;
SELECT vxp.undo(:op);
SELECT identifier, lineage, patient_id FROM folder ORDER BY lineage;
SELECT count(*) FROM vxp.check_lineage('Folder');
-- partitions: a place in a table says nothing without the table
CREATE TABLE part (id int NOT NULL, k int NOT NULL, metadata jsonb, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_2 (metadata jsonb, k int NOT NULL, id int NOT NULL);
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES IN (2);
INSERT INTO part SELECT i, i % 2 + 1, '{}' FROM generate_series(1, 10) i;
SELECT vxp.register('Part', 'part', id => 'id');
SELECT vxp.update('{"resource":"Part","filter":{"id":{"$in":[1,4]}},"update":{"metadata":{"user":{"x":1}}}}') ->> 'operation' AS op \gset
SELECT tableoid::regclass, * FROM part WHERE metadata <> '{}' ORDER BY id;
SELECT vxp.undo(:op);
SELECT count(*) FROM part WHERE metadata <> '{}';
SELECT vxp.delete('{"resource":"Part","filter":{"id":{"$gt":2}},"delete":true}') ->> 'operation' AS op \gset
SELECT vxp.undo(:op);
SELECT count(*), count(*) FILTER (WHERE k = id % 2 + 1 AND metadata = '{}') AS same FROM part;
-- inheritance: a row of a child would come back as one of the parent, so there is no record
CREATE TABLE base (id int PRIMARY KEY, metadata jsonb);
CREATE TABLE derived (more text) INHERITS (base);
INSERT INTO base VALUES (1, NULL);
INSERT INTO derived VALUES (2, NULL, 'x'), (3, NULL, 'y');
SELECT vxp.register('Base', 'base');
SELECT vxp.delete('{"resource":"Base","filter":{},"delete":true}');
SET vxp.undo_retention = 0;
SELECT vxp.update('{"resource":"Base","filter":{"id":{"$lt":3}},"update":{"metadata":{"user":{"x":1}}}}') ->> 'totalItemsCount' AS updated;
RESET vxp.undo_retention;
SELECT tableoid::regclass, id, metadata FROM base ORDER BY id;
-- a trigger that changes a row, and one that skips it: written, counted and recorded is what happened
CREATE FUNCTION choose() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.id = '3' THEN RETURN NULL; END IF;
	NEW.touched := OLD.touched + 1;
	RETURN NEW;
END $$;
CREATE TRIGGER choose BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION choose();
SELECT vxp.update('{"filter":{"n":{"$in":[2,3,4]}},"update":{"metadata":{"user":{"t":1}}}}') AS answer \gset
SELECT :'answer'::jsonb ->> 'totalItemsCount' AS written, :'answer'::jsonb ->> 'operation' AS op \gset
SELECT :written AS written, changed();
DROP TRIGGER choose ON items;
SELECT vxp.undo(:op), changed();

--
-- undo
--
ALTER TABLE vxp.operation ALTER id RESTART WITH 1000000;
-- an update and a delete, last first, give back each row as it was, whatever the settings of the session
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN label AS text CHECK (value <> 'never');
CREATE TABLE kept (
	k int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, gone int, metadata jsonb,
	b bool, i8 int8, num numeric, f4 float4, f8 float8, t text, "Odd ""name""" varchar(5), ch char(5), c "char", nm name,
	d date, ts timestamp, tz timestamptz, tm timetz, iv interval, u uuid, e mood, ip inet, by bytea, js json, jb jsonb, mo money,
	ai int[], at text[], ap pair[], p pair, l label, r tstzrange, rc regclass, li vxp.lineage, bits varbit, pt point,
	twice int GENERATED ALWAYS AS (i8 * 2) STORED);
ALTER TABLE kept DROP COLUMN gone;
INSERT INTO kept (metadata, b, i8, num, f4, f8, t, "Odd ""name""", ch, c, nm, d, ts, tz, tm, iv, u, e, ip, by, js, jb, mo, ai, at, ap, p, l, r, rc, li, bits, pt)
VALUES
	('{"user":{"a":1.500}}', true, 9, 1.500, 0.1, 0.1, E'a "b" {c},\\ \n é', 'x', 'ab ', 'z', 'n', '2024-02-29', '2024-02-29 12:00:00.123456', '2024-02-29 12:00:00.123456+05',
		'12:00+02', '-1 year 2 days -03:04:05.6', '00000000-0000-0000-0000-000000000001', 'happy', '10.0.0.1/8', '\x00ff', '{"b": 1,  "a": 1, "b": 2}', 'null', 1234.56,
		'[0:1]={1,2}', '{"a,b",NULL,"NULL",""}', ARRAY[(1, 'x,"y"')::pair, NULL], (NULL, '')::pair, 'ok', '[2024-01-01,)', 'items', 'patient/1 > folder/a', '101', '(0.1,2)'),
	('"no object"', false, -9, 'NaN', 'NaN', '-Infinity', '', '', '', '', '', 'infinity', '-infinity', 'infinity', NULL, NULL, NULL, 'sad', '::1', '', '"x"', '"null"', -1,
		'{}', '{}', '{}', (NULL, NULL)::pair, '', 'empty', 'pg_class', NULL, '', NULL),
	(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT vxp.register('Kept', 'kept');
CREATE TEMP TABLE before AS SELECT k, vxp.row_image(kept) AS image FROM kept;
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = 'sql_standard';
SET extra_float_digits = 0;
SET bytea_output = 'escape';
SET TimeZone = 'Asia/Tokyo';
SELECT vxp.update('{"resource":"Kept","filter":{"id":{"$ne":2}},"update":{"metadata":{"user":{"b":[1]}}}}') ->> 'operation' AS op1 \gset
SELECT vxp.delete('{"resource":"Kept","filter":{},"delete":true}') ->> 'operation' AS op2 \gset
SET DateStyle = 'German';
SET IntervalStyle = 'iso_8601';
SET extra_float_digits = -5;
SET TimeZone = 'America/New_York';
SELECT vxp.undo(:op1);
SELECT vxp.undo(:op2), count(*) FROM kept;
RESET DateStyle;
SET search_path = pg_temp;
SELECT vxp.undo(:op1);
SET search_path = public;
RESET ALL;
SET search_path = public;
SET client_min_messages = warning;
SELECT count(*) AS rows, count(*) FILTER (WHERE image = vxp.row_image(kept)) AS same FROM kept JOIN before USING (k);
SELECT k, twice FROM kept ORDER BY k;
-- undone is undone; the images are gone then
SELECT vxp.undo(:op1);
SELECT vxp.undo(-1);
SELECT vxp.undo(NULL);
SELECT count(*) FROM vxp.operation_row WHERE operation IN (:op1, :op2);

-- a row that changed since, in any column, is named, and nothing is undone
SELECT vxp.update('{"filter":{"n":{"$gte":9,"$lte":12}},"update":{"metadata":{"user":{"u":1}}}}') ->> 'operation' AS op \gset
UPDATE items SET touched = 5 WHERE id = '10';
DELETE FROM items WHERE id = '11';
UPDATE items SET id = 'x12' WHERE id = '12';
SELECT * FROM vxp.undo_check(:op);
\set VERBOSITY terse
SELECT vxp.undo(:op);
\set VERBOSITY default
SELECT changed();
UPDATE items SET touched = 0 WHERE id = '10';
UPDATE items SET id = '12' WHERE id = 'x12';
INSERT INTO items SELECT id, vxp.merge_metadata(doc, '{"metadata":{"user":{"u":1}}}'), touched FROM items_start WHERE id = '11';
-- the same rows again: only what they are counts
SELECT count(*) FROM vxp.undo_check(:op);
SELECT vxp.undo(:op), changed();
-- a row deleted by the write that is there again
SELECT vxp.delete('{"filter":{"id":{"$in":["1","2"]}},"delete":true}') ->> 'operation' AS op \gset
INSERT INTO items SELECT * FROM items_start WHERE id = '2';
SELECT * FROM vxp.undo_check(:op);
DELETE FROM items WHERE id = '2';
-- undo in the same transaction, and a write undone by a rollback
BEGIN;
SELECT vxp.undo(:op), changed();
SELECT vxp.update('{"filter":{"n":1},"update":{"metadata":{"user":{"u":1}}}}') ->> 'operation' AS op2 \gset
SELECT vxp.undo(:op2), changed();
ROLLBACK;
SELECT vxp.undo(:op), changed();
-- ids that are not unique, and none, cannot be told apart
CREATE TABLE bag (doc jsonb);
INSERT INTO bag VALUES ('{"id":"a"}'), ('{"id":"a"}'), ('{"x":1}'), ('{"id":"b"}');
SELECT vxp.register('Bag', 'bag', document => 'doc');
SELECT vxp.update('{"resource":"Bag","filter":{},"update":{"metadata":{"user":{"u":1}}}}') ->> 'operation' AS op \gset
SELECT * FROM vxp.undo_check(:op) ORDER BY id;
-- a table that changed: other columns, another name (that is followed), none
SELECT vxp.update('{"resource":"Mapped","filter":{},"update":{"metadata":{"user":{"u":1}}}}') ->> 'operation' AS op \gset
ALTER TABLE mapped ADD more int;
SELECT vxp.undo(:op);
ALTER TABLE mapped DROP more;
ALTER TABLE mapped RENAME TO renamed;
SELECT vxp.undo(:op);
SELECT * FROM renamed;
SELECT vxp.update('{"resource":"Mapped","filter":{},"update":{"metadata":{"user":{"u":1}}}}') ->> 'operation' AS op2 \gset
SELECT vxp.unregister('Mapped');
SELECT vxp.undo(:op2);
SELECT vxp.undo_check(:op2);

-- parallel workers take part in what is only counted
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT vxp.preview('{"filter":{"n":{"$gt":15}},"delete":true,"select":["id"]}');
SELECT vxp.delete('{"filter":{"n":{"$gt":15}},"delete":true,"maxAffected":4}');
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- retention: 0 records nothing, an old record is removed by the next write
SET vxp.undo_retention = 0;
SELECT vxp.update('{"filter":{"n":1},"update":{"metadata":{"user":{"u":1}}}}') AS no_operation;
SET vxp.undo_retention = '2h';
SHOW vxp.undo_retention;
\set VERBOSITY sqlstate
SET vxp.undo_retention = -1;
\set VERBOSITY default
UPDATE vxp.operation SET done_at = now() - interval '119 minutes' WHERE id = :op1;
UPDATE vxp.operation SET done_at = now() - interval '121 minutes' WHERE id = :op;
INSERT INTO vxp.operation_row (operation, number, before) VALUES (:op, 1, '{}');
SELECT vxp.update('{"filter":{"n":1},"update":{"metadata":{"user":{"a":1,"u":2}}}}') ->> 'operation' IS NOT NULL AS recorded;
SELECT count(*) FILTER (WHERE id = :op1) AS kept, count(*) FILTER (WHERE id = :op) AS removed,
	(SELECT count(*) FROM vxp.operation_row WHERE operation = :op) AS rows FROM vxp.operation;
RESET vxp.undo_retention;

SELECT vxp.drop_resource_type('Folder'), vxp.drop_resource_type('Patient');
DROP VIEW seen CASCADE;
DROP TABLE merge_case, refs_case, items, items_start, annotations, condition, plain, loose, renamed, ruled, part, base, kept, bag CASCADE;
DROP FUNCTION run, written, count_touch, choose;
DROP TYPE mood, pair;
DROP DOMAIN label;
DELETE FROM vxp.operation_row;
DELETE FROM vxp.operation;
