--
-- citus.sql: a resource type distributed by datasource, on a cluster of Citus; started by citus.sh
--
-- Each line of the answer says "ok" or "not ok" and what was asked. Each request is put to the distributed table and to an
-- ordinary table with the same rows.
--
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET search_path = public, vxp;

-- the hierarchy, and a type by which new volumes come in: its trigger derives their paths, here
SELECT create_resource_type('Datasource', versioned => false), create_resource_type('Patient', 'sex text', parents => '{Datasource}', versioned => false),
	create_resource_type('Incoming', 'modality text, size int, tags text[]', prefix => 'volume', parents => '{Patient}', versioned => false) \g /dev/null
INSERT INTO datasource (identifier) SELECT 'datasource/' || n FROM generate_series(1, 12) n;
INSERT INTO patient (identifier, parent_identifier, sex) SELECT 'patient/' || n, 'datasource/' || 1 + n % 12, substr('FM', 1 + n % 2, 1) FROM generate_series(1, 240) n;
INSERT INTO incoming (identifier, parent_identifier, modality, size, tags, metadata)
SELECT 'volume/' || n, 'patient/' || 1 + n % 240, (ARRAY['MR', 'CT', 'T2*'])[1 + n / 7 % 3], CASE WHEN n % 7 > 0 THEN n % 100 END, ARRAY['t' || n % 4],
	jsonb_build_object('k', n % 5, 'o', jsonb_build_object('p', 'x' || n % 3))
FROM generate_series(1, 6000) n;

-- the distributed type: the same columns, no trigger, which Citus does not take
CREATE TABLE volume (LIKE incoming INCLUDING DEFAULTS INCLUDING COMMENTS, PRIMARY KEY (datasource_id, identifier));
SELECT create_distributed_table('volume', 'datasource_id') \g /dev/null
CREATE INDEX volume_lineage_idx ON volume USING gist (lineage);
CREATE INDEX volume_patient_id_idx ON volume (patient_id);
INSERT INTO volume SELECT * FROM incoming;
SELECT register('Volume', 'volume', id => 'identifier', fields => '{"identifier": "identifier", "lineage": "lineage"}') \g /dev/null
-- what requests on volumes join with is on each server: a reference table, filled from the type that has the triggers
CREATE TABLE subject (LIKE patient INCLUDING COMMENTS, PRIMARY KEY (identifier));
SELECT create_reference_table('subject') \g /dev/null
INSERT INTO subject SELECT * FROM patient;
SELECT register('Subject', 'subject', id => 'identifier', fields => '{"identifier": "identifier", "lineage": "lineage"}') \g /dev/null
ANALYZE;
SELECT CASE WHEN count(DISTINCT nodename || ':' || nodeport) >= 2 THEN 'ok - ' ELSE 'not ok - ' END || 'the shards lie on several servers' FROM citus_shards WHERE table_name = 'volume'::regclass;
SELECT CASE WHEN count(*) = 6000 THEN 'ok - ' ELSE 'not ok - ' END || 'all rows are there' FROM volume;

CREATE TABLE ask (n int GENERATED ALWAYS AS IDENTITY, how text, request text);
INSERT INTO ask (how, request) SELECT how, request FROM unnest(ARRAY[
	'{"filter": {"datasource_id": "datasource/3", "modality": "MR"}}',
	'{"filter": {"$hasAncestor": "patient/7"}}',
	'{"filter": {"$hasAncestor": ["patient/7", "patient/8"], "modality": {"$ne": "MR"}}}',
	'{"filter": {"size": {"$gt": 90}, "tags": "t1"}}',
	'{"filter": {"$nor": [{"size": {"$lte": 97}}], "modality": "T2*"}}',
	'{"filter": {"metadata.o.p": "x1", "metadata.k": {"$in": [1, 2]}}}',
	'{"filter": {"modality": "CT"}, "sort": [{"size": "descending"}, {"identifier": "ascending"}], "limit": 25}',
	'{"filter": {"datasource_id": {"$in": ["datasource/3", "datasource/4"]}, "size": null}}',
	'{"filter": {"patient_id": {"$in": {"resource": "Subject", "filter": {"sex": "F", "datasource_id": "datasource/3"}, "select": "patient_id"}}}}',
	'{"filter": {"size": {"$gt": {"$all": {"resource": "Incoming", "filter": {"size": {"$lt": 95}}, "select": "size"}}}}}',
	'{"filter": {"modality": "MR"}, "join": {"on": {"resource": "Subject", "local": "patient_id", "forigen": "patient_id"}, "filter": {"sex": "F"}}}',
	'{"filter": {"modality": "MR"}, "join": {"on": {"resource": "Subject", "local": "patient_id", "forigen": "patient_id"}, "quantifier": "none", "filter": {"sex": "F"}}}',
	'{"filter": {"modality": "MR"}, "except": {"query": {"filter": {"size": {"$gt": 50}}}}}']) WITH ORDINALITY r(request, n),
	unnest('{query,wrapper,items,count,page,execute,record}'::text[]) how ORDER BY r.n;

-- the answer of one way of asking as one text
CREATE FUNCTION answer(how text, request jsonb, type text, tab regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text;
	asked text := replace((request || jsonb_build_object('resource', type))::text, '''', '''''');
BEGIN
	EXECUTE CASE how
		WHEN 'query' THEN format('SELECT count(*) || md5(string_agg(identifier || coalesce(size::text, ''-'') || lineage::text, '' '' ORDER BY identifier)) FROM vxp.query(NULL::%s, ''%s'')', tab, asked)
		WHEN 'wrapper' THEN format('SELECT count(*) || '' '' || coalesce(sum(size), 0) || '' '' || count(DISTINCT patient_id) FROM %s(''%s'') WHERE modality <> ''US''', tab, asked)
		WHEN 'items' THEN format('SELECT count(*) || md5(string_agg(i ->> ''identifier'', '' '' ORDER BY i ->> ''identifier'')) FROM vxp.items(''%s'') i', asked)
		WHEN 'count' THEN format('SELECT vxp.count(''%s'')', asked)
		WHEN 'page' THEN format('SELECT md5((p -> ''items'')::text) || (p ->> ''totalItemsCount'') || (p ->> ''hasNextPage'') FROM vxp.page(''%s'') p',
			replace((asked::jsonb || '{"pageSize": 10, "select": ["identifier", "size", "patient_id"]}' || CASE WHEN asked LIKE '%sort%' THEN '{}' ELSE '{"sort": [{"identifier": 1}]}' END::jsonb)::text, '''', ''''''))
		WHEN 'execute' THEN format('SELECT vxp.execute(''%s''::jsonb) ->> ''totalItemsCount''', asked)
		WHEN 'record' THEN format('SELECT count(*) || '' '' || coalesce(sum(k), 0) FROM vxp.query_record(''%s'') AS r(identifier text, "metadata.k" int) CROSS JOIN LATERAL (SELECT "metadata.k") x(k)', asked)
	END INTO found;
	RETURN found;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT CASE WHEN there = here AND there !~ '^0\D' AND there !~ '^[0-9A-Z]{5} ' THEN 'ok - ' ELSE 'not ok - ' END || how || ' ' || request
	|| CASE WHEN there = here THEN '' ELSE E'\n#   ' || coalesce(there, 'NULL') || E'\n#   ' || coalesce(here, 'NULL') END
FROM (SELECT n, how, request, answer(how, request::jsonb, 'Volume', 'volume') AS there, answer(how, request::jsonb, 'Incoming', 'incoming') AS here FROM ask) a ORDER BY n;

-- a bind variable, a saved filter, the view, joins with a table that is here
SELECT CASE WHEN count(*) = 500 THEN 'ok - ' ELSE 'not ok - ' END || 'a bind variable' FROM vxp.query(NULL::volume, '{"filter": {"datasource_id": {"$param": 1}}}', 'datasource/3'::text);
SELECT save_filter('large_mr', '{"resource": "Volume", "filter": {"modality": "MR", "size": {"$gt": 90}}}') \g /dev/null
SELECT CASE WHEN (SELECT count(*) FROM large_mr) = (SELECT count(*) FROM incoming WHERE modality = 'MR' AND size > 90) THEN 'ok - ' ELSE 'not ok - ' END || 'a saved filter';
SELECT CASE WHEN (SELECT count(*) FROM volume_current WHERE has_ancestor(lineage, 'patient/7')) = 25 THEN 'ok - ' ELSE 'not ok - ' END || 'the view';
SELECT CASE WHEN (SELECT count(*) FROM volume_current v JOIN patient_current p USING (patient_id) WHERE p.sex = 'F') =
	(SELECT count(*) FROM incoming v JOIN patient p USING (patient_id) WHERE p.sex = 'F') THEN 'ok - ' ELSE 'not ok - ' END || 'the view, joined with a table that is here';
SELECT CASE WHEN (SELECT count(*) FROM volume('{"filter": {"modality": "MR"}}') v JOIN patient p USING (patient_id) WHERE p.sex = 'F') =
	(SELECT count(*) FROM incoming v JOIN patient p USING (patient_id) WHERE p.sex = 'F' AND modality = 'MR') THEN 'ok - ' ELSE 'not ok - ' END || 'a request, joined with a table that is here';
-- a join with a table that is here alone is refused, never answered from nothing
SELECT CASE WHEN answer('query', '{"filter": {"modality": "MR"}, "join": {"on": {"resource": "Patient", "local": "patient_id", "forigen": "patient_id"}, "filter": {"sex": "F"}}}',
	'Volume', 'volume') LIKE '0A000 %local tables%' THEN 'ok - ' ELSE 'not ok - ' END || 'a join inside a request with a table that is here is refused';
-- a walk by cursor meets each row once
WITH RECURSIVE walk AS (
	SELECT vxp.page('{"resource": "Volume", "filter": {"modality": "MR"}, "sort": [{"size": 1}, {"identifier": 1}], "pageSize": 300, "select": ["identifier"]}') AS p
	UNION ALL
	SELECT vxp.page(jsonb_build_object('resource', 'Volume', 'filter', '{"modality": "MR"}'::jsonb, 'sort', '[{"size": 1}, {"identifier": 1}]'::jsonb, 'pageSize', 300, 'select', '["identifier"]'::jsonb, 'after', p -> 'nextCursor'))
	FROM walk WHERE (p -> 'hasNextPage')::boolean)
SELECT CASE WHEN count(DISTINCT i) = count(*) AND count(*) = (SELECT count(*) FROM incoming WHERE modality = 'MR') THEN 'ok - ' ELSE 'not ok - ' END || 'a walk by cursor'
FROM walk, jsonb_array_elements(p -> 'items') i;
-- the saved filter and the view are sent to the shards; one datasource is one shard
CREATE FUNCTION tasks(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	lines text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || statement LOOP
		lines := lines || line || E'\n';
	END LOOP;
	RETURN substring(lines FROM 'Task Count: (\d+)');
END
$$;
SELECT CASE WHEN tasks('SELECT count(*) FROM large_mr')::int > 1 THEN 'ok - ' ELSE 'not ok - ' END || 'a saved filter runs on all shards';
SELECT CASE WHEN tasks($$SELECT * FROM volume_current WHERE datasource_id = 'datasource/3' AND has_ancestor(lineage, 'patient/7')$$) = '1' THEN 'ok - ' ELSE 'not ok - ' END || 'one datasource is one shard';
