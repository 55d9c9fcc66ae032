--
-- versions_dql: requests on versioned types
--
-- Each request is asked of the versions of an instant (as "asOf", as vxp.as_of,
-- and of the present) and of a copy of the tables that holds no other rows.  The
-- answers are equal: rows, items, counts and pages, by the planner, by the
-- executor path and by the statement that to_sql prints, whose plan is that of
-- the request.
--
SET search_path = public, vxp;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET jit = off;
SET client_min_messages = warning;

SELECT create_resource_type('VdSite', 'country text', prefix => 'vdsite', versioned => true),
	create_resource_type('VdScan', 'modality text, n int, tags text[]', prefix => 'vdscan', parents => '{VdSite}', versioned => true);
INSERT INTO vdsite (identifier, country, valid_from, valid_to)
	SELECT 'vdsite/' || i, (ARRAY['de', 'it', 'in'])[1 + (i + v) % 3], timestamptz '2020-01-01' + v * interval '1 year', CASE WHEN v < 2 THEN timestamptz '2020-01-01' + (v + 1) * interval '1 year' END
	FROM generate_series(0, 11) i, generate_series(0, 2) v ORDER BY v, i;
-- a scan has up to four versions, may come late, may end, and may have moved to another site
INSERT INTO vdscan (identifier, parent_identifier, modality, n, tags, metadata, derived_from, created_at, valid_from, valid_to)
	SELECT 'vdscan/' || i, 'vdsite/' || (i + v * (i % 2)) % 12, (ARRAY['CT', 'MR', NULL])[1 + (i + v) % 3], nullif((i * 7 + v) % 11, 0),
		CASE WHEN i % 4 > 0 THEN ARRAY['t' || (i + v) % 3, 'u' || i % 5] END,
		CASE WHEN i % 5 > 0 THEN jsonb_build_object('a', (i + v) % 6, 'l', jsonb_build_array(v, 'x' || i % 3)) END,
		CASE WHEN i % 3 = 0 THEN ARRAY['vdscan/' || i + 1] END, '2020-01-01',
		timestamptz '2020-01-01' + (v * 200 + i % 90) * interval '1 day',
		CASE WHEN v < 3 OR i % 5 = 0 THEN timestamptz '2020-01-01' + ((v + 1) * 200 + i % 90) * interval '1 day' END
	FROM generate_series(0, 179) i, generate_series(0, 3) v WHERE v >= i % 2 ORDER BY v, i;
-- documents with versions: the interval is in columns beside the document
CREATE TABLE vddoc (key text NOT NULL, document jsonb NOT NULL, began timestamptz NOT NULL, ended timestamptz, PRIMARY KEY (key, began));
INSERT INTO vddoc SELECT 'd' || i, jsonb_build_object('id', 'd' || i, 'type', (ARRAY['file', 'dir'])[1 + (i + v) % 2], 'scan', 'vdscan/' || i * 3,
		'l', jsonb_build_array(v, jsonb_build_object('k', i % 4))) || CASE WHEN (i + v) % 3 > 0 THEN jsonb_build_object('x', v) ELSE '{}' END,
		timestamptz '2020-01-01' + v * interval '300 days', CASE WHEN v < 2 THEN timestamptz '2020-01-01' + (v + 1) * interval '300 days' END
	FROM generate_series(0, 49) i, generate_series(0, 2) v;
SELECT register('VdDoc', 'vddoc', id => 'key', document => 'document', fields => '{"valid_from": "began", "valid_to": "ended"}');
ANALYZE vdsite, vdscan, vddoc, vdsite_history, vdscan_history;

-- the copies: types of their own, without versions
CREATE TABLE vcsite AS SELECT * FROM vdsite WHERE false;
CREATE TABLE vcscan AS SELECT * FROM vdscan WHERE false;
CREATE TABLE vcdoc AS SELECT * FROM vddoc WHERE false;
ALTER TABLE vcsite ADD PRIMARY KEY (identifier), ALTER valid_from SET NOT NULL;
ALTER TABLE vcscan ADD PRIMARY KEY (identifier), ALTER valid_from SET NOT NULL;
ALTER TABLE vcdoc ADD PRIMARY KEY (key);
SELECT register('VcSite', 'vcsite', fields => '{"lineage": "lineage"}'), register('VcScan', 'vcscan', fields => '{"lineage": "lineage"}'),
	register('VcDoc', 'vcdoc', id => 'key', document => 'document');
SELECT name, versioned FROM resource_types WHERE name ~ '^V[cd]' ORDER BY name;

CREATE PROCEDURE copy_as_of(at timestamptz) LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE vcsite, vcscan, vcdoc;
	INSERT INTO vcsite SELECT * FROM vdsite WHERE valid_from <= at AND (valid_to IS NULL OR at < valid_to);
	INSERT INTO vcscan SELECT * FROM vdscan WHERE valid_from <= at AND (valid_to IS NULL OR at < valid_to);
	INSERT INTO vcdoc SELECT * FROM vddoc WHERE began <= at AND (ended IS NULL OR at < ended);
END
$$;

CREATE TABLE request (n int GENERATED ALWAYS AS IDENTITY, resource text, dql text, rows bigint DEFAULT 0, asked bigint DEFAULT 0);
INSERT INTO request (resource, dql) VALUES
('scan', '{}'),
('scan', '{"filter":{"modality":"CT"}}'),
('scan', '{"filter":{"modality":{"$ne":"CT"}}}'),
('scan', '{"filter":{"$or":[{"n":{"$gt":8}},{"modality":null}]}}'),
('scan', '{"filter":{"$nor":[{"n":{"$gt":3}},{"modality":"MR"}]}}'),
('scan', '{"filter":{"$hasAncestor":"vdsite/3"}}'),
('scan', '{"filter":{"$hasAncestor":["vdsite/3","vdsite/4"],"n":{"$lt":9}}}'),
('scan', '{"filter":{"vdsite_id":{"$in":["vdsite/1","vdsite/2"]}}}'),
('scan', '{"filter":{"id":"vdscan/77"}}'),
('scan', '{"filter":{"identifier":{"$startsWith":"vdscan/1"}}}'),
('scan', '{"filter":{"tags":"t1"}}'),
('scan', '{"filter":{"metadata.a":{"$gte":3}}}'),
('scan', '{"filter":{"metadata.l":{"$nin":["x0",1]}}}'),
('scan', '{"filter":{"valid_from":{"$lt":"2021-01-01"}}}'),
('scan', '{"filter":{"valid_to":null}}'),
('scan', '{"filter":{"valid_to":{"$exists":true}}}'),
-- subqueries, also on itself, nested, cut, and over documents on either side
('scan', '{"filter":{"vdsite_id":{"$in":{"resource":"VdSite","filter":{"country":"de"},"select":"id"}}}}'),
('scan', '{"filter":{"vdsite_id":{"$nin":{"resource":"VdSite","filter":{"country":"de"},"select":"id"}}}}'),
('scan', '{"filter":{"n":{"$gt":{"$any":{"resource":"VdScan","filter":{"modality":"CT"},"select":"n"}}}}}'),
('scan', '{"filter":{"n":{"$gte":{"$all":{"resource":"VdScan","filter":{"vdsite_id":"vdsite/5"},"select":"n"}}}}}'),
('scan', '{"filter":{"derived_from":{"$in":{"resource":"VdScan","filter":{"modality":"MR"},"select":"id"}}}}'),
('scan', '{"filter":{"id":{"$in":{"resource":"VdScan","filter":{"vdsite_id":{"$in":{"resource":"VdSite","filter":{"country":"it"},"select":"id"}}},"sort":{"n":1},"limit":7,"select":"id"}}}}'),
('scan', '{"filter":{"id":{"$in":{"resource":"VdDoc","filter":{"type":"file"},"select":"scan"}}}}'),
('doc', '{"filter":{"scan":{"$in":{"resource":"VdScan","filter":{"modality":"CT"},"select":"id"}}}}'),
('doc', '{"filter":{"scan":{"$nin":{"resource":"VdScan","filter":{"modality":"CT"},"select":"id"}}}}'),
('doc', '{"filter":{"l":{"$gt":{"$any":{"resource":"VdScan","filter":{"n":{"$lt":3}},"select":"n"}}}}}'),
-- joins with every quantifier; "all" negates the filter, not the versions
('scan', '{"join":{"on":{"resource":"VdSite","local":"id","forigen":"vdsite_id"},"filter":{"country":"in"}}}'),
('scan', '{"join":{"on":{"resource":"VdSite","local":"id","forigen":"vdsite_id"},"filter":{"country":"in"},"quantifier":"none"}}'),
('scan', '{"join":{"on":{"resource":"VdSite","local":"id","forigen":"vdsite_id"},"filter":{"country":"in"},"quantifier":"all"}}'),
('site', '{"join":{"on":{"resource":"VdScan","local":"vdsite_id","forigen":"id"},"filter":{"modality":"MR"},"quantifier":"all"}}'),
('site', '{"join":{"on":{"resource":"VdScan","local":"vdsite_id","forigen":"id"},"quantifier":"none"}}'),
('site', '{"join":{"on":{"resource":"VdScan","local":"vdsite_id","forigen":"id"},"quantifier":{"atLeast":14}}}'),
('site', '{"join":{"on":{"resource":"VdScan","local":"vdsite_id","forigen":"id"},"filter":{"modality":"CT"},"quantifier":{"exactly":15}}}'),
('site', '{"join":{"on":{"resource":"VdScan","local":"vdsite_id","forigen":"id"},"quantifier":{"exactly":0}}}'),
('scan', '{"join":{"on":{"resource":"VdScan","local":"id","forigen":"derived_from"},"quantifier":{"atLeast":1}}}'),
('scan', '{"join":{"on":{"resource":"VdDoc","local":"scan","forigen":"id"},"filter":{"x":{"$gte":1}}}}'),
('doc', '{"join":[{"on":{"resource":"VdScan","local":"id","forigen":"scan"},"filter":{"n":{"$gt":2}}},{"on":{"resource":"VdDoc","local":"l.k","forigen":"l.k"},"quantifier":{"atLeast":3}}]}'),
-- sets
('scan', '{"intersect":{"query":{"filter":{"modality":"CT"}}},"except":{"query":{"filter":{"n":{"$gt":5}}}}}'),
('scan', '{"intersect":[{"query":{"resource":"VdScan","join":{"on":{"resource":"VdSite","local":"id","forigen":"vdsite_id"},"filter":{"country":"de"}}}}]}'),
('site', '{"except":{"query":{"resource":"VdScan","filter":{"id":"x"}}}}'),
-- documents
('doc', '{"filter":{"type":"file"}}'),
('doc', '{"filter":{"x":{"$exists":false}}}'),
('doc', '{"filter":{"l":{"$match":{"k":2}}}}'),
-- order, cut and choice
('scan', '{"sort":{"n":"descending","modality":"ascending"},"limit":20,"skip":3}'),
('scan', '{"sort":{"metadata.a":"ascending"},"page":2,"pageSize":15}'),
('scan', '{"limit":10}'),
('scan', '{"sort":{"valid_from":"descending"},"limit":9}'),
('doc', '{"sort":{"x":-1},"skip":5,"limit":12}'),
('scan', '{"select":["identifier","n"],"filter":{"modality":"CT"}}'),
('doc', '{"select":{"id":1,"x":1}}');

CREATE FUNCTION plan_of(statement text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON, COSTS OFF) ' || statement INTO plan;
	RETURN plan;
END
$$;
CREATE FUNCTION rows_of(statement text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	rows text[];
BEGIN
	EXECUTE format('SELECT coalesce(array_agg(t::text), ''{}'') FROM (%s) t', statement) INTO rows;
	RETURN rows;
END
$$;
CREATE FUNCTION sorted(rows text[]) RETURNS text[] LANGUAGE sql AS 'SELECT array_agg(r ORDER BY r COLLATE "C") FROM unnest(rows) r';

-- prints a line for every deviation; the table's own copy is what is right
CREATE PROCEDURE check_request(r request, how text, dql text) LANGUAGE plpgsql AS $$
DECLARE
	relation text := 'vd' || r.resource;
	copied text := replace(replace(replace(r.dql, 'VdSite', 'VcSite'), 'VdScan', 'VcScan'), 'VdDoc', 'VcDoc');
	name text := initcap(r.resource);
	right_rows text[];
	rows text[];
	what text;
	printed text;
	called text;
	one jsonb;
	other jsonb;
	is_sorted boolean := r.dql::jsonb ?| '{sort,limit}';
BEGIN
	right_rows := rows_of(format('SELECT * FROM vxp.query(NULL::vc%s, %L)', r.resource, copied));
	UPDATE request q SET rows = q.rows + cardinality(right_rows), asked = q.asked + 1 WHERE q.n = r.n;
	called := format('SELECT * FROM vxp.query(NULL::%s, %L)', relation, dql);
	EXECUTE format('SELECT vxp.to_sql(NULL::%s, %L)', relation, dql) INTO printed;
	FOREACH what IN ARRAY ARRAY['query', 'executor', 'wrapper', 'printed'] LOOP
		PERFORM set_config('vxp.enable_inlining', CASE WHEN what = 'executor' THEN 'off' ELSE 'on' END, true);
		-- what select leaves out is NULL in a row, and not printed
		CONTINUE WHEN what = 'printed' AND r.dql::jsonb ? 'select';
		rows := rows_of(CASE what WHEN 'printed' THEN printed WHEN 'wrapper' THEN format('SELECT * FROM %s(%L)', relation, dql) ELSE called END);
		IF sorted(rows) IS DISTINCT FROM sorted(right_rows) THEN
			RAISE WARNING '% % by %: % rows, not %', how, dql, what, cardinality(rows), cardinality(right_rows);
		ELSIF is_sorted AND rows <> right_rows THEN
			RAISE WARNING '% % by %: other order', how, dql, what;
		END IF;
	END LOOP;
	PERFORM set_config('vxp.enable_inlining', 'on', true);
	one := (SELECT coalesce(jsonb_agg(i ORDER BY i), '[]') FROM vxp.items((dql::jsonb || jsonb_build_object('resource', 'Vd' || name))::text::vxp.dql) i);
	other := (SELECT coalesce(jsonb_agg(i ORDER BY i), '[]') FROM vxp.items((copied::jsonb || jsonb_build_object('resource', 'Vc' || name))::text::vxp.dql) i);
	IF NOT is_sorted AND one <> other THEN
		RAISE WARNING '% %: other items', how, dql;
	END IF;
	one := vxp.page((left(dql, -1) || CASE WHEN dql = '{}' THEN '' ELSE ',' END || format('"resource":"Vd%s"}', name))::vxp.dql);
	other := vxp.page((left(copied, -1) || CASE WHEN copied = '{}' THEN '' ELSE ',' END || format('"resource":"Vc%s"}', name))::vxp.dql);
	IF one - 'nextCursor' <> other - 'nextCursor' THEN
		RAISE WARNING '% %: other page: % %', how, dql, one, other;
	END IF;
	IF vxp.count((dql::jsonb || jsonb_build_object('resource', 'Vd' || name))::text::vxp.dql) <> vxp.count((copied::jsonb || jsonb_build_object('resource', 'Vc' || name))::text::vxp.dql) THEN
		RAISE WARNING '% %: other count', how, dql;
	END IF;
	IF NOT r.dql::jsonb ? 'select' AND plan_of(called) IS DISTINCT FROM plan_of(format('SELECT * FROM (%s) query', printed)) THEN
		RAISE WARNING '% %: other plan: % %', how, dql, plan_of(called), plan_of(printed);
	END IF;
END
$$;
CREATE PROCEDURE check_all() LANGUAGE plpgsql AS $$
DECLARE
	at timestamptz;
	r request;
	dql text;
BEGIN
	FOREACH at IN ARRAY ARRAY['2019-01-01', '2020-02-14', '2021-01-01', '2021-08-01', 'infinity']::timestamptz[] LOOP
		CALL copy_as_of(at);
		FOR r IN SELECT * FROM request ORDER BY n LOOP
			IF at = 'infinity' THEN
				-- the present, whatever the clock says
				CALL check_request(r, 'present', r.dql);
				CONTINUE WHEN r.n % 5 > 0;
				CALL check_request(r, 'present', CASE WHEN r.dql = '{}' THEN '{"versions":"current"}' ELSE left(r.dql, -1) || ',"versions":"current"}' END);
				CONTINUE;
			END IF;
			dql := CASE WHEN r.dql = '{}' THEN format('{"asOf":"%s"}', at::date) ELSE left(r.dql, -1) || format(',"asOf":"%s"}', at::date) END;
			CALL check_request(r, 'asOf', dql);
			-- the request wins over the setting
			IF at = '2021-08-01' AND r.n % 3 = 0 THEN
				PERFORM set_config('vxp.as_of', '2020-05-05', true);
				CALL check_request(r, 'asOf beside the setting', dql);
			END IF;
			PERFORM set_config('vxp.as_of', at::text, true);
			CALL check_request(r, 'setting', r.dql);
			PERFORM set_config('vxp.as_of', '', true);
		END LOOP;
	END LOOP;
END
$$;
CALL check_all();
SELECT count(*) AS requests, min(asked) AS times, count(*) FILTER (WHERE rows = 0) AS empty FROM request;
SELECT dql FROM request WHERE rows = 0;

-- typed rows: the same plan as the statement that a person writes, of the present and of an instant
SELECT plan_of($$SELECT * FROM vdscan('{"filter":{"modality":"CT"}}')$$) = plan_of($$SELECT * FROM vdscan WHERE modality = 'CT' AND valid_to IS NULL$$) AS present,
	plan_of($$SELECT * FROM vdscan('{"filter":{"$hasAncestor":"vdsite/3"}}')$$) = plan_of($$SELECT * FROM vdscan WHERE vxp.has_ancestor(lineage, 'vdsite/3') AND valid_to IS NULL$$) AS below,
	plan_of($$SELECT * FROM vdscan('{"filter":{"$hasAncestor":"vdsite/3"},"asOf":"2021-08-01"}')$$)
		= plan_of($$SELECT * FROM vdscan WHERE vxp.has_ancestor(lineage, 'vdsite/3') AND vxp.valid_at(valid_from, valid_to, '2021-08-01')$$) AS below_then;
SELECT to_sql('{"resource":"VdScan","select":["id"],"filter":{"modality":"CT"}}');
SELECT to_sql('{"resource":"VdScan","select":["id"],"filter":{"modality":"CT"},"asOf":"2021-08-01T12:00:00+02:00"}');
SELECT to_sql('{"resource":"VdScan","select":["id"],"versions":"all","sort":{"n":-1}}');
SELECT to_sql('{"resource":"VdScan","select":["id"],"join":{"on":{"resource":"VdSite","local":"id","forigen":"vdsite_id"}},"asOf":"2021-08-01"}');
SET vxp.as_of = '2021-08-01';
SELECT to_sql('{"resource":"VdScan","select":["id"],"filter":{"modality":"CT"}}');
SELECT to_sql('{"resource":"VdDoc","select":["id"]}');
-- a saved filter goes on following the setting, unless the request names an instant
SELECT save_filter('vd_moving', '{"resource":"VdScan","filter":{"vdsite_id":{"$in":{"resource":"VdSite","filter":{"country":"de"},"select":"id"}}},"select":["identifier"]}'),
	save_filter('vd_fixed', '{"resource":"VdScan","select":["identifier"],"asOf":"2020-02-14"}'), save_filter('vd_all', '{"resource":"VdScan","select":["identifier"],"versions":"all"}');
RESET vxp.as_of;
SELECT v, (SELECT string_agg(m[1], ' ') FROM regexp_matches(pg_get_viewdef(v), '(shown|valid_at|IS NULL)', 'g') m) AS condition
	FROM unnest('{vd_moving,vd_fixed,vd_all}'::regclass[]) v;
SELECT (SELECT count(*) FROM vd_moving) = vxp.count('{"resource":"VdScan","filter":{"vdsite_id":{"$in":{"resource":"VdSite","filter":{"country":"de"},"select":"id"}}}}') AS present;
SET vxp.as_of = '2021-08-01';
SELECT (SELECT count(*) FROM vd_moving) = vxp.count('{"resource":"VdScan","asOf":"2021-08-01","filter":{"vdsite_id":{"$in":{"resource":"VdSite","filter":{"country":"de"},"select":"id"}}}}') AS moved,
	(SELECT count(*) FROM vd_fixed) = (SELECT count(*) FROM vdscan WHERE valid_at(valid_from, valid_to, '2020-02-14')) AS fixed,
	(SELECT count(*) FROM vd_all) = (SELECT count(*) FROM vdscan) AS every;
RESET vxp.as_of;
SELECT drop_filter('vd_moving'), drop_filter('vd_fixed'), drop_filter('vd_all');

--
-- The rest of the surface: facets, fields, records, estimates, bind variables
--
CALL copy_as_of('2021-08-01');
ANALYZE vcscan;
SET vxp.as_of = '2021-08-01';
SELECT count(*) FROM (SELECT * FROM facets('{"resource":"VdScan"}', 'modality') EXCEPT SELECT * FROM facets('{"resource":"VcScan"}', 'modality')) d;
SELECT count(*) FROM (SELECT * FROM facets('{"resource":"VdScan","limit":50}', 'tags') EXCEPT SELECT * FROM facets('{"resource":"VcScan","limit":50}', 'tags')) d;
SELECT count(*) FROM (SELECT field, type, fill_rate FROM fields('VdScan') EXCEPT SELECT field, type, fill_rate FROM fields('VcScan')) d;
SELECT count(*) FROM (SELECT field, fill_rate FROM fields('VdScan', 'vdsite/3') EXCEPT SELECT field, fill_rate FROM fields('VcScan', 'vdsite/3')) d;
SELECT count(*) FROM (SELECT * FROM query_record('{"resource":"VdScan"}') AS r(id text, n int) EXCEPT SELECT * FROM query_record('{"resource":"VcScan"}') AS r(id text, n int)) d;
SELECT (page('{"resource":"VdScan","count":"estimated"}') ->> 'totalItemsCount')::int BETWEEN n / 2 AND n * 2 AS estimate FROM (SELECT count(*) AS n FROM vcscan) c;
SELECT count(*) = (SELECT count(*) FROM vcscan WHERE vdsite_id = 'vdsite/3') AS bound FROM vdscan('{"filter":{"vdsite_id":{"$param":1}}}', 'vdsite/3');
SELECT count(*) = (SELECT count(*) FROM vcscan) AS lateral FROM vdsite_current s, LATERAL vdscan('{"filter":{"vdsite_id":{"$param":1}}}', s.identifier);
RESET vxp.as_of;
SELECT count(*) FROM (SELECT * FROM facets('{"resource":"VdScan","asOf":"2021-08-01"}', 'n') EXCEPT SELECT * FROM facets('{"resource":"VcScan"}', 'n')) d;
SELECT sum(count) = (SELECT count(*) FROM vdscan) AS facets_of_all FROM facets('{"resource":"VdScan","versions":"all"}', 'identifier');
-- an open end is null, a closed one an instant
SELECT items('{"resource":"VdScan","versions":"all","filter":{"id":"vdscan/5"},"select":["id","valid_from","valid_to"],"sort":{"valid_from":-1},"limit":5}');
-- on a type without versions both have no effect, as it shows all its rows
SELECT vxp.count('{"resource":"VcScan","asOf":"1999-01-01"}') = vxp.count('{"resource":"VcScan","versions":"all"}') AS all_rows;

--
-- "versions": "all": every stored version is a row of the answer; what is inside shows its own
--
SELECT vxp.count('{"resource":"VdScan","versions":"all"}') = (SELECT count(*) FROM vdscan) AS every,
	vxp.count('{"resource":"VdScan","versions":"all","filter":{"modality":"CT"}}') = (SELECT count(*) FROM vdscan WHERE modality = 'CT') AS filtered,
	vxp.count('{"resource":"VdScan","versions":"all","join":{"on":{"resource":"VdSite","local":"id","forigen":"vdsite_id"},"filter":{"country":"de"}}}')
		= (SELECT count(*) FROM vdscan WHERE vdsite_id IN (SELECT identifier FROM vdsite WHERE country = 'de' AND valid_to IS NULL)) AS joined,
	vxp.count('{"resource":"VdScan","versions":"all","except":{"query":{"filter":{"modality":"CT"}}}}')
		= (SELECT count(*) FROM vdscan v WHERE NOT EXISTS (SELECT FROM vdscan c WHERE c.identifier = v.identifier AND c.valid_to IS NULL AND c.modality = 'CT')) AS except,
	vxp.count('{"resource":"VdScan","versions":"all","intersect":{"query":{"resource":"VdScan","filter":{"modality":"CT"}}}}')
		= (SELECT count(*) FROM vdscan v WHERE EXISTS (SELECT FROM vdscan c WHERE c.identifier = v.identifier AND c.valid_to IS NULL AND c.modality = 'CT')) AS intersect,
	vxp.count('{"resource":"VdDoc","versions":"all","except":{"query":{"filter":{"x":2}}}}')
		= (SELECT count(*) FROM vddoc v WHERE NOT EXISTS (SELECT FROM vddoc c WHERE c.key = v.key AND c.ended IS NULL AND c.document ->> 'x' = '2')) AS documents;
SET vxp.as_of = '2021-08-01';
SELECT vxp.count('{"resource":"VdScan","versions":"all"}') = (SELECT count(*) FROM vdscan) AS every,
	vxp.count('{"resource":"VdScan","versions":"all","join":{"on":{"resource":"VdSite","local":"id","forigen":"vdsite_id"},"filter":{"country":"de"}}}')
		= (SELECT count(*) FROM vdscan WHERE vdsite_id IN (SELECT identifier FROM vdsite WHERE country = 'de' AND valid_at(valid_from, valid_to, '2021-08-01'))) AS joined;
RESET vxp.as_of;

-- a walk by cursor meets each version once, in the order of the whole answer: id alone is no order there
CREATE FUNCTION walk(request jsonb, sort text, size int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
	items jsonb := '[]';
	cursor text;
BEGIN
	LOOP
		answer := vxp.page(format('{"sort":%s,%s', sort, substr((request || jsonb_build_object('pageSize', size, 'after', cursor, 'count', 'none'))::text, 2))::vxp.dql);
		items := items || (answer -> 'items');
		cursor := answer ->> 'nextCursor';
		IF (answer -> 'hasNextPage')::boolean <> (cursor IS NOT NULL) THEN
			RAISE WARNING 'a next page without a cursor: %', request;
		END IF;
		EXIT WHEN cursor IS NULL;
	END LOOP;
	RETURN items;
END
$$;
CREATE FUNCTION pages_by_number(request jsonb, sort text, size int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	items jsonb := '[]';
	page jsonb;
	n int := 0;
BEGIN
	LOOP
		page := vxp.page(format('{"sort":%s,%s', sort, substr((request || jsonb_build_object('pageSize', size, 'page', n))::text, 2))::vxp.dql) -> 'items';
		EXIT WHEN page = '[]';
		items := items || page;
		n := n + 1;
	END LOOP;
	RETURN items;
END
$$;
SELECT count(*) AS walks, count(*) FILTER (WHERE w.items <> p.items) AS other_order,
	count(*) FILTER (WHERE jsonb_array_length(w.items) <> (SELECT count(DISTINCT (coalesce(i ->> 'identifier', i ->> 'id'), i ->> 'valid_from')) FROM jsonb_array_elements(w.items) i)) AS repeated,
	count(*) FILTER (WHERE jsonb_array_length(w.items) <> vxp.count(request::text::vxp.dql)) AS missed
FROM unnest('{"{\"id\":1}","{\"id\":-1}","{\"n\":1}","{\"modality\":-1,\"n\":1}","{\"valid_from\":-1}","{\"valid_to\":1,\"id\":-1}","{\"metadata.a\":1}","null"}'::text[]) sort,
	unnest(ARRAY['{"resource":"VdScan","versions":"all"}', '{"resource":"VdScan","asOf":"2021-08-01"}', '{"resource":"VdScan"}', '{"resource":"VdDoc","versions":"all","select":["id","valid_from"]}']::jsonb[]) request,
	LATERAL walk(request, CASE WHEN request ->> 'resource' = 'VdDoc' THEN replace(sort, 'metadata.a', 'x') ELSE sort END, 47) w(items),
	LATERAL pages_by_number(request, CASE WHEN request ->> 'resource' = 'VdDoc' THEN replace(sort, 'metadata.a', 'x') ELSE sort END, 53) p(items);
-- a cursor of all versions is none of the present's, whose order is another
SELECT page(format('{"resource":"VdScan","after":"%s"}', page('{"resource":"VdScan","versions":"all","pageSize":5}') ->> 'nextCursor')::dql);
\echo :SQLSTATE
-- the keys of both tables serve a walk over all versions by id
SET enable_seqscan = off;
SELECT plan_of($$SELECT * FROM vdscan('{"versions":"all","sort":{"id":1},"limit":5}')$$) #>> '{}' LIKE '%vdscan_history_pkey%' AS index;
RESET enable_seqscan;

--
-- Refused
--
SELECT vxp.count('{"resource":"VdScan","asOf":"2021-08-01","versions":"all"}');
SELECT vxp.count('{"resource":"VdScan","asOf":"yesterday"}');
SELECT vxp.count('{"resource":"VdScan","filter":{"id":{"$in":{"resource":"VdScan","asOf":"2021-08-01","select":"id"}}}}');
SELECT vxp.count('{"resource":"VdScan","except":{"query":{"versions":"all"}}}');
SELECT vxp.delete('{"resource":"VdScan","filter":{},"delete":true,"asOf":"2021-08-01"}');

--
-- Under row security: what a policy hides of any version is hidden, in the answer and inside it
--
CREATE ROLE regress_vd_reader;
GRANT SELECT ON vdscan, vdsite TO regress_vd_reader;
ALTER TABLE vdscan ENABLE ROW LEVEL SECURITY;
ALTER TABLE vdsite ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON vdscan USING (modality = 'CT');
CREATE POLICY p ON vdsite USING (country <> 'de');
SELECT save_filter('vd_saved', '{"resource":"VdScan"}');
GRANT SELECT ON vd_saved TO regress_vd_reader;
SET ROLE regress_vd_reader;
SELECT count(*) > 0 AS visible, bool_and(modality = 'CT') AS only_ct FROM vdscan('{"versions":"all"}');
SELECT count(*) > 0 AS visible, bool_and(modality = 'CT') AS only_ct FROM vdscan('{"asOf":"2021-08-01"}');
SELECT vxp.count('{"resource":"VdSite","asOf":"2021-08-01","filter":{"country":"de"}}') AS hidden,
	vxp.count('{"resource":"VdScan","versions":"all","join":{"on":{"resource":"VdSite","local":"id","forigen":"vdsite_id"},"filter":{"country":"de"}}}') AS hidden_inside;
SET vxp.as_of = '2021-08-01';
SELECT count(*) > 0 AS visible, bool_and(modality = 'CT') AS only_ct FROM vd_saved;
SELECT bool_and(modality = 'CT') AS only_ct, bool_or(country = 'de') AS leaked FROM vdscan_current JOIN vdsite_current USING (vdsite_id);
SET vxp.enable_inlining = off;
SELECT bool_and(modality = 'CT') AS only_ct FROM vdscan('{}');
RESET vxp.enable_inlining;
SELECT fill_rate FROM fields('VdScan') WHERE field = 'modality';
RESET vxp.as_of;
RESET ROLE;
-- who may read the columns that a request names must be allowed to read those of its versions, too
DROP OWNED BY regress_vd_reader;
GRANT SELECT (identifier, valid_from, valid_to) ON vdscan TO regress_vd_reader;
ALTER TABLE vdscan DISABLE ROW LEVEL SECURITY;
SET ROLE regress_vd_reader;
SELECT count(*) > 0 AS allowed FROM vxp.items('{"resource":"VdScan","asOf":"2021-08-01","select":["identifier"]}');
SELECT count(*) > 0 AS allowed FROM vxp.items('{"resource":"VdScan","select":["identifier"]}');
SELECT n FROM vxp.query(NULL::vdscan, '{"asOf":"2021-08-01","select":["n"]}');
\echo :SQLSTATE
RESET ROLE;
DROP OWNED BY regress_vd_reader;
DROP ROLE regress_vd_reader;

SELECT drop_filter('vd_saved');
DROP FUNCTION walk(jsonb, text, int), pages_by_number(jsonb, text, int), plan_of(text), rows_of(text), sorted(text[]);
DROP PROCEDURE check_all(), copy_as_of(timestamptz);
DROP PROCEDURE check_request(request, text, text);
DROP TABLE request;
SELECT unregister('VcScan'), unregister('VcSite'), unregister('VcDoc'), unregister('VdDoc');
DROP TABLE vcscan, vcsite, vcdoc, vddoc;
SELECT drop_resource_type('VdScan'), drop_resource_type('VdSite');
