--
-- dql_fields: fields, facets and query_record, each against SQL written by hand
--
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE ROLE regress_fields_alice;
CREATE ROLE regress_fields_carol;
CREATE SCHEMA dql_fields;
GRANT USAGE ON SCHEMA dql_fields TO regress_fields_alice, regress_fields_carol;
SET search_path = dql_fields, vxp;
SELECT create_resource_type('FieldSite', prefix => 'fsite', versioned => false),
	create_resource_type('FieldScan', 'modality text, size numeric(8,2), taken timestamptz, day date, "odd.name" text, ok boolean, owner name', prefix => 'fscan', parents => '{FieldSite}', versioned => false);
INSERT INTO fieldsite (identifier) SELECT 'fsite/' || g FROM generate_series(1, 3) g;
INSERT INTO fieldscan (identifier, parent_identifier, modality, size, taken, day, "odd.name", derived_from, metadata, owner)
SELECT 'fscan/' || g, 'fsite/' || 1 + g % 3, (ARRAY['MR', 'CT', NULL, 'MR'])[1 + g % 4], g * 0.25,
	CASE g % 10 WHEN 0 THEN NULL ELSE '2024-01-01T00:00:00Z'::timestamptz + g % 3 * interval '1 day' END,
	'2024-01-01'::date + g % 2, NULL, CASE g % 3 WHEN 0 THEN NULL WHEN 1 THEN '{}'::text[] ELSE ARRAY['a' || g % 2, 'b', 'b', NULL] END,
	CASE g % 5 WHEN 0 THEN NULL WHEN 1 THEN '{}' WHEN 2 THEN jsonb_build_object('user', jsonb_build_object('n', g, 'tag', 'x'), 'l', jsonb_build_array(jsonb_build_object('b', 1), jsonb_build_object('b', 's', 'c', null), 5))
		WHEN 3 THEN '{"user":{"n":"many","tag":null},"l":[],"a.b":1,"":2,"mixed":[1,"x",[2],true]}' ELSE '{"user":7,"none":null,"deep":[[{"x":1}]]}' END,
	'regress_fields_' || (ARRAY['alice', 'bob'])[1 + g % 2]
FROM generate_series(1, 60) g;

-- fields: columns with their types, paths of the document below them
SELECT field, type, fill_rate, example IS NOT NULL AS example FROM fields('FieldScan');
-- fill rates are those of DQL itself; but a list that holds a null, as derived_from does, equals null there too
SELECT field, fill_rate, dql.rate FROM fields('FieldScan') f,
	LATERAL (SELECT trunc(vxp.count(format('{"resource":"FieldScan","filter":{%s:{"$ne":null}}}', to_json(field))::vxp.dql) / 60.0, 6) AS rate) dql
WHERE fill_rate <> rate AND field <> 'derived_from';
-- an example is a value of the field
SELECT field, example FROM fields('FieldScan') f
WHERE example IS NOT NULL AND field NOT IN ('lineage', 'derived_from') AND vxp.count(format('{"resource":"FieldScan","filter":{%s:{"$in":[%s%s]}}}', to_json(field), CASE WHEN type ~ 'number|boolean' AND example ~ '^[0-9tf]' THEN example || ',' END, CASE WHEN type ~ '^(numeric|boolean)' THEN example ELSE to_json(example)::text END)::vxp.dql) = 0;
-- below an ancestor
SELECT field, fill_rate FROM fields('FieldScan', 'fsite/1') WHERE field IN ('derived_from', 'metadata', 'fsite_id', 'modality');
SELECT count(*), count(*) FILTER (WHERE fill_rate IS NULL AND example IS NULL) AS empty FROM fields('FieldScan', 'fsite/none');
SELECT * FROM fields('Nobody');
SELECT * FROM fields(NULL);
CREATE TABLE flat (id int PRIMARY KEY, note text);
SELECT register('FieldFlat', 'flat');
SELECT * FROM fields('FieldFlat');
SELECT * FROM fields('FieldFlat', 'x');
-- a document: its members, mapped columns and mapped places
CREATE TABLE doc (n int, extra int, document jsonb, more jsonb);
INSERT INTO doc SELECT g, g, jsonb_build_object('id', 'd' || g, 'metadata', jsonb_build_object('system', jsonb_build_object('size', g * 10))), '{"k":[1]}' FROM generate_series(1, 4) g;
SELECT register('FieldDoc', 'doc', document => 'document', fields => '{"number":"n","size":"document.metadata.system.size","k":"more.k","gone":"document.no.such"}');
SELECT * FROM fields('FieldDoc') ORDER BY field COLLATE "C";

-- only what the caller may see: rows of row security, columns of privileges
ALTER TABLE fieldscan ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON fieldscan USING (owner = current_user OR current_user = 'regress_fields_carol');
GRANT SELECT ON fieldscan TO regress_fields_alice;
GRANT SELECT (modality, metadata) ON fieldscan TO regress_fields_carol;
SET ROLE regress_fields_alice;
SELECT field, fill_rate, example FROM fields('FieldScan') WHERE field IN ('owner', 'identifier', 'modality');
SELECT * FROM facets('{"resource":"FieldScan"}', 'owner');
SET ROLE regress_fields_carol;
SELECT DISTINCT split_part(field, '.', 1) AS root, fill_rate FROM fields('FieldScan') ORDER BY 1;
SELECT * FROM facets('{"resource":"FieldScan"}', 'size');
SELECT * FROM fields('FieldDoc');
RESET ROLE;
ALTER TABLE fieldscan DISABLE ROW LEVEL SECURITY;

-- facets: typed columns, lists, paths; cut by limit; as SQL counts them
SELECT * FROM facets('{"resource":"FieldScan"}', 'modality');
SELECT * FROM facets('{"resource":"FieldScan","filter":{"size":{"$lte":5}}}', 'modality');
SELECT * FROM facets('{"resource":"FieldScan","sort":{"size":"ascending"},"limit":3}', 'size');
SELECT * FROM facets('{"resource":"FieldScan","sort":{"size":"ascending"},"skip":57,"pageSize":1}', 'size');
SELECT * FROM facets('{"resource":"FieldScan"}', 'taken');
SELECT * FROM facets('{"resource":"FieldScan"}', 'day');
SELECT * FROM facets('{"resource":"FieldScan"}', 'derived_from');
SELECT * FROM facets('{"resource":"FieldScan"}', 'metadata.user.tag');
SELECT * FROM facets('{"resource":"FieldScan"}', 'metadata.mixed');
SELECT * FROM facets('{"resource":"FieldScan"}', 'metadata.l.b');
SELECT value, count FROM facets('{"resource":"FieldScan"}', 'metadata.user.n') LIMIT 2;
SELECT * FROM facets('{"resource":"FieldScan","join":{"on":{"resource":"FieldSite","local":"identifier","forigen":"fsite_id"},"filter":{"identifier":"fsite/2"}}}', 'fsite_id');
SELECT * FROM facets('{"resource":"FieldDoc"}', 'metadata.system.size');
SELECT * FROM facets('{"resource":"FieldDoc"}', 'number') WHERE count > 1;
SELECT * FROM facets('{"resource":"FieldDoc"}', 'k');
SELECT * FROM facets('{"resource":"FieldScan","filter":{"size":{"$lt":0}}}', 'modality');
SELECT f.* FROM (VALUES ('modality'), ('identifier'), ('metadata.l.b'), ('derived_from')) v(name), facets('{"resource":"FieldScan"}', name) f
WHERE f.count <> vxp.count(format('{"resource":"FieldScan","filter":{%s:%s}}', to_json(name), value)::vxp.dql);
SELECT * FROM facets('{"resource":"FieldScan"}', 'nobody');
SELECT * FROM facets('{"resource":"FieldScan"}', 'a..b');
SELECT * FROM facets('{"resource":"FieldScan"}', '');
SELECT * FROM facets('{"resource":"FieldScan","filter":{"size":{"$param":1}}}', 'modality');
SELECT count(*) FROM facets('{"resource":"FieldScan"}', NULL);

-- query_record: planned as part of the statement and not, the same rows; types are those of the list
CREATE TABLE asked (n int GENERATED ALWAYS AS IDENTITY, record text, hand text);
INSERT INTO asked (record, hand) VALUES
	($$SELECT * FROM vxp.query_record('{"resource":"FieldScan"}') AS r(identifier text, modality text, size numeric)$$, 'SELECT identifier, modality, size FROM fieldscan'),
	($$SELECT r.size, r.modality FROM vxp.query_record('{"resource":"FieldScan","filter":{"modality":"MR"}}') AS r(modality varchar(1), identifier text, size int) WHERE size > 3$$, $a$SELECT size::int, 'M' FROM fieldscan WHERE modality = 'MR' AND size::int > 3$a$),
	($$SELECT * FROM vxp.query_record('{"resource":"FieldScan","filter":{"metadata.user.tag":"x"}}') AS r("metadata.user.n" int, "metadata.user" jsonb, "metadata.l.0.b" text, metadata json)$$,
		$a$SELECT (metadata #>> '{user,n}')::int, metadata -> 'user', metadata #>> '{l,0,b}', metadata::json FROM fieldscan WHERE metadata #>> '{user,tag}' = 'x'$a$),
	($$SELECT * FROM vxp.query_record('{"resource":"FieldScan","sort":{"size":-1},"limit":5}') AS r(derived_from text[], size text, day timestamptz)$$, $a$SELECT derived_from, size::text, day::timestamp AT TIME ZONE 'UTC' FROM fieldscan f ORDER BY f.size DESC LIMIT 5$a$),
	($$SELECT * FROM vxp.query_record('{"resource":"FieldDoc","filter":{"size":{"$gt":10}}}') AS r(id text, size bigint, number smallint, document jsonb, k text)$$, $a$SELECT document ->> 'id', (document #>> '{metadata,system,size}')::bigint, n::smallint, document, '[1]' FROM doc WHERE n > 1$a$),
	($$SELECT s.identifier, r.identifier FROM fieldsite s, LATERAL vxp.query_record('{"resource":"FieldScan","filter":{"fsite_id":{"$param":1}}}', s.identifier) AS r(identifier text, modality text COLLATE "C")$$, 'SELECT s.identifier, f.identifier FROM fieldsite s JOIN fieldscan f ON f.parent_identifier = s.identifier'),
	($$SELECT count(*), min(r.modality) FROM vxp.query_record('{"resource":"FieldScan"}') AS r(modality text COLLATE "C") GROUP BY r.modality$$, 'SELECT count(*), modality FROM fieldscan GROUP BY modality'),
	($$SELECT r FROM vxp.query_record('{"resource":"FieldScan"}') AS r(modality text, identifier text)$$, 'SELECT ROW(modality, identifier) FROM fieldscan');
CREATE FUNCTION differs(a text, b text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format('SELECT CASE WHEN NOT EXISTS (SELECT to_json(x)::jsonb FROM (%1$s) x) THEN ''empty'' '
		'WHEN (SELECT array_agg(regexp_replace(x::text, ''^"|"$'', '''', ''g'') ORDER BY x::text COLLATE "C") FROM (%1$s) x) IS DISTINCT FROM '
		'(SELECT array_agg(regexp_replace(x::text, ''^"|"$'', '''', ''g'') ORDER BY x::text COLLATE "C") FROM (%2$s) x) THEN ''differs'' END', a, b) INTO answer;
	RETURN answer;
END $$;
SELECT n, differs(record, hand) FROM asked WHERE differs(record, hand) IS NOT NULL;
SET vxp.enable_inlining = off;
SELECT n, differs(record, hand) FROM asked WHERE differs(record, hand) IS NOT NULL;
RESET vxp.enable_inlining;
CREATE FUNCTION inlined(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	plan text;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
	RETURN plan NOT LIKE '%Function Scan%';
END $$;
SELECT count(*) AS asked, count(*) FILTER (WHERE inlined(record)) AS inlined FROM asked;
CREATE VIEW over AS SELECT * FROM vxp.query_record('{"resource":"FieldScan","filter":{"modality":"CT"}}') AS r(identifier text, size int);
PREPARE given(vxp.dql) AS SELECT count(*) FROM vxp.query_record($1) AS r(identifier text);
SELECT count(*) = (SELECT count(*) FROM fieldscan WHERE modality = 'CT') AS through_view FROM over;
EXECUTE given('{"resource":"FieldScan","filter":{"modality":"CT"}}');
SET plan_cache_mode = force_generic_plan;
EXECUTE given('{"resource":"FieldScan","filter":{"modality":"CT"}}');
RESET plan_cache_mode;
-- text without a zone is UTC
SET TimeZone = 'Asia/Tokyo';
CREATE TABLE timed (id int PRIMARY KEY, at timestamp, day date, late timestamptz, m jsonb);
INSERT INTO timed VALUES (1, '2024-01-01 12:00', '2024-01-01', '2024-01-01T23:00:00Z', '{"t":"2024-01-01T12:00:00"}');
SELECT register('FieldTimed', 'timed');
SELECT a.at = '2024-01-01T12:00:00Z' AS column, "m.t" = '2024-01-01T12:00:00Z' AS path, a.day = '2024-01-01T00:00:00Z' AS of_date, late = '2024-01-01' AS as_date
FROM vxp.query_record('{"resource":"FieldTimed"}') AS a(at timestamptz, "m.t" timestamptz, day timestamptz, late date);
RESET TimeZone;
-- refused
SELECT * FROM vxp.query_record('{"resource":"FieldScan"}') AS r(nobody text);
SELECT * FROM vxp.query_record('{"resource":"FieldScan"}') AS r("a..b" text);
SELECT * FROM vxp.query_record('{"resource":"FieldScan"}') AS r("" text);
SELECT * FROM vxp.query_record('{"resource":"FieldScan"}') AS r(modality point);
SELECT * FROM vxp.query_record('{"resource":"FieldScan"}') AS r(modality int);
SELECT * FROM vxp.query_record('{"resource":"FieldScan"}') AS r(ok int[]);
SELECT * FROM vxp.query_record('{"resource":"FieldScan","select":["size"]}') AS r(size int);
SELECT * FROM vxp.query_record('{"resource":"FieldScan"}');
SELECT vxp.query_record('{"resource":"FieldScan"}');
SELECT * FROM vxp.query_record(NULL) AS r(size int);
DROP SCHEMA dql_fields CASCADE;
DROP ROLE regress_fields_alice, regress_fields_carol;
