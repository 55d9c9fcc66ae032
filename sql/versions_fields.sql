--
-- versions_fields: questions about the past by lineage field or parent find their rows by path
--
SET search_path = public, vxp;
SET jit = off;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET max_parallel_workers_per_gather = 0;

-- 40 studies of 8 patients of 2 sites, 800 volumes with seven versions each; every seventh volume is gone;
-- studies move to another patient in 2020-07, one patient moves to the other site in 2020-09
SELECT create_resource_type('VfSite', prefix => 'vfsite', versioned => true),
	create_resource_type('VfPatient', prefix => 'vfpatient', parents => '{VfSite}', versioned => true),
	create_resource_type('VfStudy', prefix => 'vfstudy', parents => '{VfPatient}', versioned => true),
	create_resource_type('VfVolume', 'n int', prefix => 'vfvolume', parents => '{VfStudy}', versioned => true);
INSERT INTO vfsite (identifier, valid_from) SELECT 'vfsite/' || i, '2020-01-01' FROM generate_series(0, 1) i;
INSERT INTO vfpatient (identifier, parent_identifier, valid_from, valid_to)
	SELECT 'vfpatient/' || i, 'vfsite/' || CASE WHEN v = 2 THEN 1 ELSE i % 2 END,
		CASE v WHEN 1 THEN timestamptz '2020-01-01' ELSE '2020-09-01' END, CASE WHEN v = 1 AND i = 4 THEN timestamptz '2020-09-01' END
	FROM generate_series(0, 7) i, generate_series(1, CASE i WHEN 4 THEN 2 ELSE 1 END) v ORDER BY v, i;
INSERT INTO vfstudy (identifier, parent_identifier, valid_from, valid_to)
	SELECT 'vfstudy/' || i, 'vfpatient/' || CASE WHEN v = 1 THEN i % 8 ELSE (i + 1) % 8 END, f, t
	FROM generate_series(0, 39) i, (VALUES (1, timestamptz '2020-01-01', timestamptz '2020-07-01'), (2, '2020-07-01', '2020-09-01'), (3, '2020-09-01', NULL)) p(v, f, t)
	ORDER BY v, i;
INSERT INTO vfvolume (identifier, parent_identifier, n, valid_from, valid_to)
	SELECT 'vfvolume/' || i, 'vfstudy/' || i % 40, v, f, CASE WHEN v < 7 OR i % 7 = 0 THEN t END
	FROM generate_series(0, 799) i, (VALUES (1, timestamptz '2020-02-01', timestamptz '2020-04-01'), (2, '2020-04-01', '2020-05-01'), (3, '2020-05-01', '2020-07-01'),
		(4, '2020-07-01', '2020-08-01'), (5, '2020-08-01', '2020-09-01'), (6, '2020-09-01', '2020-10-01'), (7, '2020-10-01', '2020-11-01')) p(v, f, t)
	ORDER BY v, i;
VACUUM ANALYZE vfsite, vfpatient, vfstudy, vfvolume, vfsite_history, vfpatient_history, vfstudy_history, vfvolume_history;
SELECT * FROM check_lineage('VfVolume');

CREATE FUNCTION index_conditions(statement text) RETURNS TABLE (index text, condition text) LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (COSTS OFF, FORMAT JSON) ' || statement INTO plan;
	RETURN QUERY SELECT n ->> 'Index Name', n ->> 'Index Cond' FROM jsonb_path_query(plan::jsonb, 'strict $.**') n WHERE n ? 'Index Name';
END
$$;

-- by view, table, DQL; one value and several; a parent; parts of OR
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET vxp.as_of = '2020-08-15';
SELECT * FROM index_conditions($$SELECT * FROM vfvolume_current WHERE vfpatient_id = 'vfpatient/3'$$);
SELECT * FROM index_conditions($$SELECT * FROM query(NULL::vfvolume, '{"filter": {"vfpatient_id": "vfpatient/3"}}')$$);
SELECT * FROM index_conditions($$SELECT * FROM query(NULL::vfvolume, '{"filter": {"vfpatient_id": {"$in": ["vfpatient/3", "vfpatient/4"]}}}')$$);
RESET vxp.as_of;
SELECT * FROM index_conditions($$SELECT * FROM query(NULL::vfvolume, '{"filter": {"vfstudy_id": "vfstudy/3"}, "asOf": "2020-08-15"}')$$);
SELECT * FROM index_conditions($$SELECT * FROM vfvolume WHERE 'vfpatient/3' = vfpatient_id AND valid_at(valid_from, valid_to, '2020-08-15')$$);
SELECT * FROM index_conditions($$SELECT * FROM vfvolume WHERE parent_identifier = 'vfstudy/3' AND valid_at(valid_from, valid_to, '2020-08-15')$$);
SELECT * FROM index_conditions($$SELECT * FROM vfvolume WHERE vfvolume_id = 'vfvolume/3' AND valid_at(valid_from, valid_to, '2020-08-15')$$);
RESET enable_bitmapscan;
SELECT * FROM index_conditions($$SELECT * FROM vfvolume WHERE (vfstudy_id = 'vfstudy/3' OR vfpatient_id = 'vfpatient/4') AND valid_at(valid_from, valid_to, '2020-08-15')$$);
-- a parameter of a generic plan
SET plan_cache_mode = force_generic_plan;
PREPARE of_patient(text, timestamptz) AS SELECT count(*) FROM vfvolume WHERE vfpatient_id = $1 AND valid_at(valid_from, valid_to, $2);
SELECT * FROM index_conditions($$EXECUTE of_patient('vfpatient/3', '2020-08-15')$$);
EXECUTE of_patient('vfpatient/3', '2020-08-15');
DEALLOCATE of_patient;
RESET plan_cache_mode;
-- all versions; the value of a subquery; other tables' columns, also where an equality follows from two, below an outer join and in LATERAL
SELECT * FROM index_conditions($$SELECT * FROM query(NULL::vfvolume, '{"filter": {"vfstudy_id": "vfstudy/3"}, "versions": "all"}')$$);
SELECT index, condition ~ '@\^=' AS by_path FROM index_conditions($$SELECT * FROM vfvolume WHERE vfpatient_id = (SELECT max(identifier) FROM vfpatient) AND valid_at(valid_from, valid_to, '2020-08-15')$$) WHERE index ~ 'vfvolume';
SET vxp.as_of = '2020-08-15';
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT * FROM index_conditions($$SELECT * FROM vfstudy_current s JOIN vfvolume_current v ON v.vfstudy_id = s.vfstudy_id WHERE s.vfpatient_id = 'vfpatient/3'$$);
SELECT * FROM index_conditions($$SELECT * FROM vfpatient_current p JOIN vfvolume_current v ON v.vfpatient_id = p.identifier WHERE p.identifier = 'vfpatient/3'$$) WHERE index ~ 'vfvolume';
SELECT * FROM index_conditions($$SELECT * FROM vfstudy_current s LEFT JOIN vfvolume_current v ON v.vfstudy_id = s.identifier AND v.n > 2 WHERE s.identifier < 'vfstudy/3'$$) WHERE index ~ 'vfvolume';
SELECT * FROM index_conditions($$SELECT * FROM vfstudy_current s, LATERAL (SELECT * FROM vfvolume_current v WHERE v.vfstudy_id = s.identifier ORDER BY n LIMIT 2) v WHERE s.identifier < 'vfstudy/3'$$) WHERE index ~ 'vfvolume';
SELECT * FROM index_conditions($$SELECT * FROM query(NULL::vfstudy, '{"filter": {"vfpatient_id": "vfpatient/3"}, "join": {"on": {"resource": "VfVolume", "local": "vfstudy_id", "forigen": "vfstudy_id"}, "filter": {"n": 4}}}')$$) WHERE index ~ 'vfvolume';
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET vxp.as_of;
CREATE COLLATION vf_loose (provider = icu, locale = 'und', deterministic = false);
-- nothing follows from another column, another comparison, or one side of OR; current rows have their indexes
CREATE FUNCTION plan_names(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	plan text;
BEGIN
	EXECUTE 'EXPLAIN (COSTS OFF, VERBOSE, FORMAT JSON) ' || statement INTO plan;
	RETURN plan ~ 'lineage_has_|@\^';
END
$$;
SELECT condition, plan_names(format('SELECT * FROM vfvolume v WHERE valid_at(valid_from, valid_to, ''2020-08-15'') AND %s', condition))
FROM unnest(ARRAY['identifier = ''vfvolume/3''', 'vfpatient_id > ''vfpatient/3''', 'vfpatient_id <> ''vfpatient/3''', 'vfpatient_id IS NULL', 'vfpatient_id <> ALL (''{vfpatient/3}'')',
	'vfpatient_id = vfstudy_id', 'vfpatient_id = lower(identifier)',  'vfpatient_id LIKE ''vfpatient/3''',
	'(vfpatient_id = ''vfpatient/3'' OR n = 3)', 'NOT vfpatient_id = ''vfpatient/3''', 'vfpatient_id = ''vfpatient/'' || random()', 'vfpatient_id COLLATE "vf_loose" = ''vfpatient/3''',
	'vfpatient_id = ''vfpatient/3''']) WITH ORDINALITY u(condition, i) ORDER BY i;
SELECT plan_names($$SELECT * FROM vfvolume_current WHERE vfpatient_id = 'vfpatient/3'$$);

-- the rows are those that the conditions alone have: at 12 instants, by index and by reading all
CREATE TABLE vf_conditions (i int GENERATED ALWAYS AS IDENTITY, condition text);
INSERT INTO vf_conditions (condition) VALUES ('v.vfsite_id = ''vfsite/1'''), ('v.vfsite_id = ''vfsite/0'' AND v.vfstudy_id = ''vfstudy/4'''), ('v.vfpatient_id = ''vfpatient/4'''),
	('v.vfpatient_id IN (''vfpatient/1'', ''vfpatient/5'', ''nowhere'')'), ('v.vfpatient_id = ANY (''{vfpatient/1,NULL}'')'), ('v.vfpatient_id = ANY (''{}'')'), ('v.vfpatient_id = ANY (NULL::text[])'),
	('v.vfpatient_id = NULL'), ('v.vfpatient_id = '''''), ('v.vfpatient_id = ''vfstudy/3'''), ('v.vfvolume_id = ''vfvolume/33'''), ('v.vfvolume_id = ANY (''{vfvolume/33,vfvolume/34}'')'),
	('v.parent_identifier = ''vfstudy/9'''), ('v.parent_identifier = ''9'''), ('v.parent_identifier = ANY (''{vfstudy/9,vfstudy/10}'')'), ('v.parent_identifier IS NULL'),
	('(v.vfpatient_id = ''vfpatient/4'' OR v.vfstudy_id = ''vfstudy/5'')'), ('(v.vfpatient_id = ''vfpatient/4'' OR v.n = 2)'), ('(v.vfpatient_id = ''vfpatient/4'' AND v.n > 2 OR v.parent_identifier = ''vfstudy/7'')'),
	('NOT (v.vfpatient_id = ''vfpatient/4'')'), ('v.vfpatient_id COLLATE "en-x-icu" = ''vfpatient/4'''), ('(v.vfpatient_id = ''vfpatient/4'') IS NOT TRUE'),
	('v.vfpatient_id::varchar = ''vfpatient/4'''), ('v.vfpatient_id COLLATE vf_loose = ''VFPATIENT/4'''), ('CASE WHEN v.n > 3 THEN v.vfpatient_id = ''vfpatient/4'' ELSE true END');
CREATE FUNCTION instants() RETURNS SETOF timestamptz LANGUAGE sql AS $$ SELECT timestamptz '2020-01-15' + m * interval '1 month' FROM generate_series(0, 11) m $$;
CREATE FUNCTION digest(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT count(*) || '' '' || coalesce(md5(string_agg(r::text, E''\n'' ORDER BY r::text COLLATE "C")), '''') FROM (%s) r', statement) INTO result;
	RETURN result;
END
$$;
-- "by hand" is the validity of this row by a call that stays one, so that nothing is added
CREATE FUNCTION differences(form text, hand text) RETURNS TABLE (condition text, at timestamptz, plan text) LANGUAGE plpgsql AS $$
DECLARE
	wanted text;
	way text;
BEGIN
	FOR condition, at IN SELECT c.condition, m FROM vf_conditions c, instants() m ORDER BY c.i, m LOOP
		wanted := digest(replace(replace(hand, '@condition', condition), '@at', quote_literal(at)));
		FOREACH way IN ARRAY '{index,bitmap,sequential}'::text[] LOOP
			PERFORM set_config('enable_seqscan', (way = 'sequential')::text, true), set_config('enable_indexscan', (way = 'index')::text, true),
				set_config('enable_bitmapscan', (way = 'bitmap')::text, true), set_config('vxp.as_of', at::text, true);
			plan := way;
			IF digest(replace(replace(form, '@condition', condition), '@at', quote_literal(at))) <> wanted THEN
				RETURN NEXT;
			END IF;
			PERFORM set_config('vxp.as_of', '', true);
		END LOOP;
	END LOOP;
END
$$;
SELECT * FROM differences('SELECT v.identifier, v.n, v.lineage FROM vfvolume_current v WHERE @condition',
	'SELECT v.identifier, v.n, v.lineage FROM vfvolume v WHERE @condition AND v.valid_from + random() * interval ''0'' <= @at AND coalesce(v.valid_to, ''infinity'') > @at');
-- in joins: the condition on the side of the table, on the other side, above an outer join, in ON of each kind, and valid_at itself in ON
CREATE TABLE vf_joins (i int GENERATED ALWAYS AS IDENTITY, form text);
INSERT INTO vf_joins (form) VALUES
	('FROM vfstudy_then s JOIN vfvolume_then v ON v.vfstudy_id = s.identifier AND @condition'),
	('FROM vfstudy_then s JOIN vfvolume_then v ON v.vfstudy_id = s.identifier WHERE @condition AND s.vfpatient_id = v.vfpatient_id'),
	('FROM vfstudy_then s LEFT JOIN vfvolume_then v ON v.vfstudy_id = s.identifier AND @condition'),
	('FROM vfstudy_then s LEFT JOIN vfvolume_then v ON v.vfstudy_id = s.identifier WHERE @condition'),
	('FROM vfvolume_then v LEFT JOIN vfstudy_then s ON v.vfstudy_id = s.identifier AND @condition'),
	('FROM vfvolume_then v RIGHT JOIN vfstudy_then s ON v.vfstudy_id = s.identifier AND @condition'),
	('FROM vfstudy_then s RIGHT JOIN vfvolume_then v ON v.vfstudy_id = s.identifier AND @condition'),
	('FROM vfstudy_then s FULL JOIN vfvolume_then v ON v.vfstudy_id = s.identifier WHERE @condition'),
	('FROM vfstudy_then s FULL JOIN (SELECT * FROM vfvolume_then v WHERE @condition) v ON v.vfstudy_id = s.identifier'),
	('FROM vfstudy_then s LEFT JOIN (vfpatient_then p LEFT JOIN vfvolume_then v ON v.vfpatient_id = p.identifier) ON s.identifier = v.vfstudy_id AND @condition'),
	('FROM vfstudy_then s, LATERAL (SELECT v.* FROM vfvolume_then v WHERE v.vfstudy_id = s.identifier AND @condition ORDER BY v.identifier LIMIT 2) v'),
	('FROM vfstudy_then s LEFT JOIN vfvolume v ON v.vfstudy_id = s.identifier AND v.@valid AND @condition'),
	('FROM vfvolume v LEFT JOIN vfstudy_then s ON v.vfstudy_id = s.identifier AND v.@valid AND @condition'),
	('FROM vfvolume v LEFT JOIN vfstudy_then s ON v.vfstudy_id = s.identifier AND v.@valid WHERE @condition'),
	('FROM (SELECT s.identifier, (SELECT count(*) FROM vfvolume_then v WHERE v.vfstudy_id = s.identifier AND @condition) AS n FROM vfstudy_then s) s CROSS JOIN (SELECT NULL::text AS identifier) v'),
	('FROM vfstudy_then s CROSS JOIN (SELECT NULL::text AS identifier) v WHERE EXISTS (SELECT FROM vfvolume_then v WHERE v.vfstudy_id = s.identifier AND @condition)'),
	('FROM vfstudy_then s CROSS JOIN (SELECT NULL::text AS identifier) v WHERE NOT EXISTS (SELECT FROM vfvolume_then v WHERE v.vfstudy_id = s.identifier AND @condition)');
CREATE FUNCTION join_differences() RETURNS TABLE (form text, condition text, at timestamptz) LANGUAGE plpgsql AS $$
DECLARE
	given text;
	wanted text;
BEGIN
	FOR form, condition, at IN SELECT j.form, c.condition, m FROM vf_joins j, vf_conditions c, instants() m WHERE extract(month FROM m) IN (8, 11) ORDER BY j.i, c.i, m LOOP
		given := 'SELECT s.identifier AS s, v.identifier AS v ' || replace(form, '@condition', condition);
		wanted := digest(regexp_replace(replace(given, 'v.@valid', format('v.valid_from + random() * interval ''0'' <= %1$L AND coalesce(v.valid_to, ''infinity'') > %1$L', at)),
			'(\w+)_then', format('(SELECT * FROM \1 WHERE valid_from + random() * interval ''0'' <= %1$L AND coalesce(valid_to, ''infinity'') > %1$L OFFSET 0)', at), 'g'));
		PERFORM set_config('vxp.as_of', at::text, true);
		IF digest(regexp_replace(replace(given, 'v.@valid', 'shown(v.valid_from, v.valid_to)'), '(\w+)_then', '\1_current', 'g')) <> wanted THEN
			RETURN NEXT;
		END IF;
		PERFORM set_config('vxp.as_of', '', true);
	END LOOP;
END
$$;
SELECT * FROM join_differences();
SET enable_seqscan = off;
SET enable_hashjoin = off;
SELECT * FROM join_differences();
RESET enable_hashjoin;
RESET enable_seqscan;

-- parents of two types
SELECT create_resource_type('VfNote', prefix => 'vfnote', parents => '{VfPatient,VfStudy}', versioned => true);
INSERT INTO vfnote (identifier, parent_identifier, valid_from, valid_to)
	SELECT 'vfnote/' || i, CASE i % 2 WHEN 0 THEN 'vfpatient/' ELSE 'vfstudy/' END || i % 8, '2020-02-01', '2020-03-01' FROM generate_series(1, 200) i;
VACUUM ANALYZE vfnote, vfnote_history;
SET enable_seqscan = off;
SELECT * FROM index_conditions($$SELECT * FROM vfnote WHERE parent_identifier = 'vfstudy/3' AND valid_at(valid_from, valid_to, '2020-02-15')$$) WHERE index ~ 'history';
SELECT count(*) FROM vfnote WHERE parent_identifier = 'vfstudy/3' AND valid_at(valid_from, valid_to, '2020-02-15');
-- what is no constant has no index there: the trigger may add a prefix to it
SELECT plan_names($$SELECT * FROM vfnote v JOIN vfstudy_current s ON v.parent_identifier = s.identifier WHERE valid_at(v.valid_from, v.valid_to, '2020-02-15')$$);
RESET enable_seqscan;

-- a table that was registered holds bare ids of parents, which the path has with their prefix
CREATE TABLE vf_raw (id text, parent text, valid_from timestamptz NOT NULL DEFAULT now(), valid_to timestamptz);
INSERT INTO vf_raw SELECT i || '-' || v, 'x' || i % 5, '2020-01-01', CASE v WHEN 1 THEN timestamptz '2020-06-01' END FROM generate_series(1, 300) i, generate_series(1, 2) v;
SELECT create_resource_type('VfBox', prefix => 'vfbox', versioned => true);
INSERT INTO vfbox (identifier, valid_from) SELECT 'vfbox/x' || i, '2020-01-01' FROM generate_series(0, 4) i;
SELECT register('VfRaw', 'vf_raw', prefix => 'vfraw', parents => '{VfBox}', id => 'id', fields => '{"parent_identifier": "parent", "valid_from": "valid_from", "valid_to": "valid_to"}');
VACUUM ANALYZE vf_raw, vf_raw_history;
SET enable_seqscan = off;
SET vxp.as_of = '2020-03-01';
SELECT * FROM index_conditions($$SELECT * FROM vf_raw_current WHERE parent = 'x3'$$);
SELECT count(*), count(*) FILTER (WHERE parent = 'x3') FROM vf_raw_current WHERE parent = 'x3';
SELECT count(*) FROM vf_raw_current WHERE parent = 'vfbox/x3';
RESET vxp.as_of;
RESET enable_seqscan;

-- row security: a policy's rows and no others, through the index as well
CREATE ROLE vf_reader;
GRANT USAGE ON SCHEMA public, vxp TO vf_reader;
GRANT SELECT ON vfvolume, vfvolume_current TO vf_reader;
CREATE POLICY even ON vfvolume USING (n % 2 = 0);
ALTER TABLE vfvolume ENABLE ROW LEVEL SECURITY;
SET ROLE vf_reader;
SET vxp.as_of = '2020-06-15';
SELECT count(*) FROM vfvolume_current WHERE vfpatient_id = 'vfpatient/3';
SET vxp.as_of = '2020-04-15';
SET enable_seqscan = off;
SELECT count(*), min(n), max(n) FROM vfvolume_current WHERE vfpatient_id = 'vfpatient/3';
SELECT * FROM index_conditions($$SELECT * FROM vfvolume_current WHERE vfpatient_id = 'vfpatient/3'$$);
RESET ROLE;
RESET vxp.as_of;
DROP TABLE vf_conditions, vf_joins;
DROP COLLATION vf_loose;
DROP FUNCTION index_conditions(text), plan_names(text), differences(text, text), join_differences(), instants(), digest(text);
-- the table goes on by itself, and comes back with what it had
SELECT unregister('VfRaw');
INSERT INTO vf_raw (id, parent) VALUES ('new', 'x3');
SELECT register('VfRaw', 'vf_raw', prefix => 'vfraw', parents => '{VfBox}', id => 'id', fields => '{"parent_identifier": "parent", "valid_from": "valid_from", "valid_to": "valid_to"}');
SELECT identifier, lineage FROM vf_raw_current WHERE id = 'new';
SELECT count(*) FROM vf_raw_history;
SELECT unregister('VfRaw');
DROP TABLE vf_raw CASCADE;
SELECT count(drop_resource_type(t)) FROM unnest('{VfBox,VfNote,VfVolume,VfStudy,VfPatient,VfSite}'::text[]) t;
DROP OWNED BY vf_reader;
DROP ROLE vf_reader;
