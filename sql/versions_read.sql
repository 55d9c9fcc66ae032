--
-- versions_read: intervals of versions, and how plans find those of an instant
--
SET search_path = public, vxp;
SET jit = off;
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- a version is valid from its begin on, up to but without its end; NULL and
-- infinity are no end; an interval that does not end after it begins is empty
SELECT f AS valid_from, t AS valid_to, validity(f::timestamptz, t::timestamptz), is_current(f::timestamptz, t::timestamptz),
	(SELECT string_agg(coalesce(left(valid_at(f::timestamptz, t::timestamptz, at::timestamptz)::text, 1), '-'), '' ORDER BY n)
	 FROM unnest('{2019-12-31,2020-01-01,2020-06-01,2021-01-01,-infinity,infinity,NULL}'::text[]) WITH ORDINALITY u(at, n)) AS before_begin_inside_end_past_future_null
FROM (VALUES ('2020-01-01', '2021-01-01'), ('2020-01-01', NULL), ('2020-01-01', 'infinity'), ('2021-01-01', '2020-01-01'),
	('2020-01-01', '2020-01-01'), (NULL, '2021-01-01'), (NULL, NULL), ('-infinity', '2021-01-01'), ('-infinity', 'infinity'), ('infinity', NULL)) v(f, t);

-- an instant from every source gives what the function itself gives: as a
-- constant, from a column and as a parameter the call becomes other conditions,
-- beside a volatile expression it stays
CREATE TABLE intervals AS
	SELECT f::timestamptz AS f, t::timestamptz AS t, at::timestamptz AS at, row_number() OVER () AS n
	FROM unnest('{-infinity,2019-12-31,2020-01-01,2020-06-01,2021-01-01,infinity,NULL}'::text[]) f,
		unnest('{-infinity,2019-12-31,2020-01-01,2020-06-01,2021-01-01,infinity,NULL}'::text[]) t,
		unnest('{-infinity,2019-12-31,2020-01-01,2020-06-01,2021-01-01,infinity,NULL}'::text[]) at;
CREATE FUNCTION sources_differ() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	instant timestamptz;
	different bigint := 0;
	found bigint;
BEGIN
	FOR instant IN SELECT DISTINCT i.at FROM intervals i LOOP
		EXECUTE format('SELECT count(*) FROM intervals i WHERE at IS NOT DISTINCT FROM %1$L::timestamptz'
			' AND (valid_at(f, t, %1$L::timestamptz) IS DISTINCT FROM valid_at(f, t, at + random() * interval ''0'')'
			' OR valid_at(f, t, at) IS DISTINCT FROM valid_at(f, t, at + random() * interval ''0'')'
			' OR valid_at(f, t, $1) IS DISTINCT FROM valid_at(f, t, at + random() * interval ''0'')'
			' OR (NOT valid_at(f, t, %1$L)) IS DISTINCT FROM (NOT valid_at(f, t, at + random() * interval ''0'')))', instant)
			INTO found USING instant;
		different := different + found;
	END LOOP;
	RETURN different;
END
$$;
-- -infinity + interval is an error before 17, where intervals have no infinity: that constant is compared otherwise
UPDATE intervals SET at = NULL WHERE NOT isfinite(at);
SELECT sources_differ();
SET plan_cache_mode = force_generic_plan;
SELECT sources_differ();
RESET plan_cache_mode;
SELECT count(*) FROM intervals
	WHERE valid_at(f, t, 'infinity') IS DISTINCT FROM (coalesce(f <= 'infinity', false) AND coalesce(t, 'infinity') = 'infinity')
	OR valid_at(f, t, '-infinity') IS DISTINCT FROM (coalesce(f = '-infinity', false) AND coalesce(t > '-infinity', true));
-- and so does the interval
SELECT count(*) FROM intervals
	WHERE f IS NOT NULL AND at IS NOT NULL AND (valid_at(f, t, at) IS DISTINCT FROM validity(f, t) @> at
		OR valid_at(f, t, at) IS DISTINCT FROM validity_contains(validity(f, t), at));
DROP FUNCTION sources_differ();
DROP TABLE intervals;

--
-- Versions of 3,000 resources, ten each; every seventh is gone
--
SELECT create_resource_type('VrSite', prefix => 'vrsite', versioned => true),
	create_resource_type('VrScan', 'modality text, n int', prefix => 'vrscan', parents => '{VrSite}', versioned => true);
INSERT INTO vrsite (identifier, valid_from) SELECT 'vrsite/' || i, '2000-01-01' FROM generate_series(0, 59) i;
INSERT INTO vrscan (identifier, parent_identifier, modality, n, valid_from, valid_to)
	SELECT 'vrscan/' || i, 'vrsite/' || i % 60, (ARRAY['CT', 'MR', 'SEG'])[1 + (i / 60) % 3], v,
		timestamptz '2020-01-01' + v * interval '60 days' + (hashint4(i * 31 + v) & 1023) * interval '1 hour',
		CASE WHEN v < 9 OR i % 7 = 0 THEN timestamptz '2020-01-01' + (v + 1) * interval '60 days' + (hashint4(i * 31 + v + 1) & 1023) * interval '1 hour' END
	FROM generate_series(0, 2999) i, generate_series(0, 9) v ORDER BY v, hashint4(i);
VACUUM ANALYZE vrsite, vrscan, vrsite_history, vrscan_history;

-- the nodes of a plan, their conditions, and how many pages they read
CREATE FUNCTION plan_of(statement text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, FORMAT JSON) ' || statement INTO plan;
	RETURN plan -> 0 -> 'Plan';
END
$$;
CREATE FUNCTION node_texts(plan json, key text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT t #>> '{}' FROM jsonb_path_query(plan::jsonb, ('strict $.**.' || to_json(key))::jsonpath) t
$$;
CREATE FUNCTION pages(statement text) RETURNS bigint LANGUAGE sql AS $$
	SELECT (p ->> 'Shared Hit Blocks')::bigint + (p ->> 'Shared Read Blocks')::bigint FROM plan_of(statement) p
$$;
CREATE FUNCTION index_conditions(statement text) RETURNS TABLE (index text, condition text) LANGUAGE sql AS $$
	SELECT n ->> 'Index Name', n ->> 'Index Cond'
	FROM jsonb_path_query(plan_of(statement)::jsonb, 'strict $.** ? (exists(@."Index Name"))') n
$$;

-- everything below a resource at an instant: what has ended by one GiST index on both, what is current by path; no filter is left but what is cheap
SELECT * FROM index_conditions($$SELECT * FROM vrscan WHERE has_ancestor(lineage, 'vrsite/7') AND valid_at(valid_from, valid_to, '2020-09-01')$$);
-- pages with many versions of few resources are split by time: an instant reads at most half of the pages that all versions are on
CREATE FUNCTION index_pages(statement text) RETURNS bigint LANGUAGE sql AS $$
	SELECT sum((n ->> 'Shared Hit Blocks')::bigint + (n ->> 'Shared Read Blocks')::bigint)::bigint
	FROM jsonb_path_query(plan_of(statement)::jsonb, 'strict $.** ? (@."Node Type" == "Bitmap Index Scan" && @."Index Name" like_regex "history")') n
$$;
BEGIN;
SET LOCAL enable_indexscan = off;
SET LOCAL enable_seqscan = off;
SELECT index_pages(format('SELECT * FROM vrscan WHERE has_any_ancestor(lineage, %L) AND valid_at(valid_from, valid_to, ''2020-09-01'')', sites))
	<= 0.5 * index_pages(format('SELECT * FROM vrscan WHERE has_any_ancestor(lineage, %L)', sites)) AS few
FROM (SELECT array_agg('vrsite/' || i) AS sites FROM generate_series(0, 59) i) s;
COMMIT;
DROP FUNCTION index_pages(text);
-- one resource: the key on identifier and begin
SELECT * FROM index_conditions($$SELECT * FROM vrscan WHERE identifier = 'vrscan/7' AND valid_at(valid_from, valid_to, '2020-09-01')$$);
-- shown: the same by the setting; current rows by partial indexes, whose predicate is no condition any more
SET vxp.as_of = '2020-09-01';
SELECT * FROM index_conditions($$SELECT * FROM vrscan_current WHERE has_ancestor(lineage, 'vrsite/7')$$);
SELECT * FROM index_conditions($$SELECT * FROM vrsite_current s JOIN vrscan_current v ON has_ancestor(v.lineage, s.identifier) WHERE s.identifier = 'vrsite/7'$$);
RESET vxp.as_of;
SELECT * FROM index_conditions($$SELECT * FROM vrscan_current WHERE has_ancestor(lineage, 'vrsite/7')$$);
SELECT * FROM index_conditions($$SELECT * FROM vrscan_current WHERE identifier = 'vrscan/7'$$);
SELECT * FROM index_conditions($$SELECT * FROM vrscan_current WHERE vrsite_id = 'vrsite/7'$$);
SELECT DISTINCT t FROM node_texts(plan_of($$SELECT * FROM vrscan_current WHERE identifier = 'vrscan/7' OR identifier = 'vrscan/8'$$), 'Filter') t;
SELECT n ->> 'Index Name' AS index, n ->> 'Filter' AS filter
	FROM jsonb_path_query(plan_of($$SELECT * FROM vrscan_current WHERE identifier = 'vrscan/7'$$)::jsonb, 'strict $.** ? (exists(@."Index Name"))') n;

-- the instant as a parameter of a generic plan, and as a value of a join
SET plan_cache_mode = force_generic_plan;
PREPARE below(text, timestamptz) AS SELECT count(*) FROM vrscan WHERE has_ancestor(lineage, $1) AND valid_at(valid_from, valid_to, $2);
SELECT * FROM index_conditions($$EXECUTE below('vrsite/7', '2020-09-01')$$);
EXECUTE below('vrsite/7', '2020-09-01');
DEALLOCATE below;
RESET plan_cache_mode;
CREATE TABLE vr_questions AS SELECT 'vrsite/' || i AS site, timestamptz '2020-04-01' + i * interval '15 days' AS at FROM generate_series(0, 5) i;
ANALYZE vr_questions;
SELECT * FROM index_conditions($$SELECT * FROM vr_questions q JOIN vrscan v ON has_ancestor(v.lineage, q.site) AND valid_at(v.valid_from, v.valid_to, q.at)$$);
SELECT count(*), count(DISTINCT v.identifier) FROM vr_questions q JOIN vrscan v ON has_ancestor(v.lineage, q.site) AND valid_at(v.valid_from, v.valid_to, q.at);

-- index, bitmap, sequential and parallel plans give the same rows at 40 instants
CREATE TABLE vr_answers (plan text, at timestamptz, n bigint, digest text);
CREATE PROCEDURE ask(plan text) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 0 .. 39 LOOP
		PERFORM set_config('vxp.as_of', (timestamptz '2019-12-01' + i * interval '20 days')::text, true);
		INSERT INTO vr_answers SELECT ask.plan, timestamptz '2019-12-01' + i * interval '20 days', count(*),
			md5(string_agg(identifier || ' ' || n, ',' ORDER BY identifier COLLATE "C"))
			FROM vrscan_current WHERE has_ancestor(lineage, 'vrsite/' || i);
	END LOOP;
	PERFORM set_config('vxp.as_of', '', true);
END
$$;
BEGIN; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off; CALL ask('index'); COMMIT;
BEGIN; SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = off; CALL ask('bitmap'); COMMIT;
BEGIN; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; CALL ask('sequential'); COMMIT;
BEGIN;
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL min_parallel_index_scan_size = 0; SET LOCAL max_parallel_workers_per_gather = 2; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off;
CALL ask('parallel');
-- workers have the setting, too: asked of a row by a call that stays a call
SET LOCAL vxp.as_of = '2020-09-01';
SELECT count(*) > 0 AS in_parallel FROM node_texts(plan_of('SELECT count(*) FROM vrscan WHERE shown(valid_from, CASE WHEN clock_timestamp() > ''2000-01-01'' THEN valid_to END)'), 'Workers Planned');
SELECT (SELECT count(*) FROM vrscan WHERE shown(valid_from, CASE WHEN clock_timestamp() > '2000-01-01' THEN valid_to END)) = (SELECT count(*) FROM vrscan WHERE validity(valid_from, valid_to) @> timestamptz '2020-09-01') AS same;
SELECT (SELECT count(*) FROM vrscan WHERE shown(valid_from, valid_to)) = (SELECT count(*) FROM vrscan WHERE validity(valid_from, valid_to) @> timestamptz '2020-09-01') AS same;
COMMIT;
INSERT INTO vr_answers SELECT 'by hand', a.at, count(v), md5(string_agg(v.identifier || ' ' || v.n, ',' ORDER BY v.identifier COLLATE "C"))
	FROM (SELECT at, row_number() OVER (ORDER BY at) - 1 AS i FROM vr_answers WHERE plan = 'index') a
		LEFT JOIN vrscan v ON v.parent_identifier = 'vrsite/' || a.i AND v.valid_from <= a.at AND (v.valid_to IS NULL OR v.valid_to > a.at)
	GROUP BY a.at;
SELECT count(DISTINCT plan) AS plans, count(DISTINCT at) AS instants, count(*) AS answers FROM vr_answers;
SELECT count(*) AS instants_that_differ FROM (SELECT FROM vr_answers GROUP BY at HAVING count(DISTINCT (n, digest)) <> 1) d;
SELECT count(DISTINCT n) > 5 AS rows_differ FROM vr_answers;

-- the planner knows how many versions are valid: within a factor of two at all but the ends
SELECT count(*) AS estimates, count(*) FILTER (WHERE e.estimate NOT BETWEEN e.rows / 2 AND e.rows * 2) AS wrong
FROM (SELECT (p ->> 'Plan Rows')::numeric AS estimate, (p ->> 'Actual Rows')::numeric AS rows
	FROM generate_series(0, 30) i, plan_of(format('SELECT FROM vrscan WHERE valid_at(valid_from, valid_to, %L)', timestamptz '2020-03-01' + i * interval '20 days')) p) e;

--
-- Under row security: the conditions are leakproof, so that the same indexes serve
--
CREATE ROLE regress_vr_reader;
GRANT SELECT ON vrscan, vrsite TO regress_vr_reader;
ALTER TABLE vrscan ENABLE ROW LEVEL SECURITY;
CREATE POLICY no_seg ON vrscan USING (modality <> 'SEG');
ANALYZE vrscan, vrscan_history;
SELECT count(*) AS all_rows FROM vrscan_current WHERE has_ancestor(lineage, 'vrsite/8');
SET ROLE regress_vr_reader;
SELECT count(*) AS visible FROM vrscan_current WHERE has_ancestor(lineage, 'vrsite/8');
SELECT * FROM index_conditions($$SELECT * FROM vrscan_current WHERE has_ancestor(lineage, 'vrsite/8')$$);
SET vxp.as_of = '2020-09-01';
SELECT count(*) AS visible, count(*) FILTER (WHERE modality = 'SEG') AS leaked FROM vrscan_current;
SELECT * FROM index_conditions($$SELECT * FROM vrscan_current WHERE has_ancestor(lineage, 'vrsite/8')$$);
SELECT count(*) FROM vrscan WHERE valid_at(valid_from, valid_to, '2020-09-01');
RESET vxp.as_of;
RESET ROLE;
-- the view asks for the reader's own privileges
REVOKE SELECT ON vrscan FROM regress_vr_reader;
SET ROLE regress_vr_reader;
SELECT count(*) FROM vrscan_current;
\echo :SQLSTATE
RESET ROLE;
ALTER TABLE vrscan DISABLE ROW LEVEL SECURITY;

--
-- Pages that are read: at most 1.3 times what the best of the peers' indexes reads
-- for the same predicates by hand
--
SELECT i AS site, timestamptz '2020-05-01' + i * interval '15 days' AS at,
	pages(format($$SELECT * FROM vrscan WHERE has_ancestor(lineage, 'vrsite/%s') AND valid_at(valid_from, valid_to, %L)$$, i, timestamptz '2020-05-01' + i * interval '15 days')) AS ours
	INTO vr_pages FROM generate_series(0, 19) i;
DO $$
DECLARE
	i int;
BEGIN
	FOR i IN 0 .. 19 LOOP
		IF EXISTS (SELECT FROM node_texts(plan_of(format('SELECT * FROM vrscan WHERE has_ancestor(lineage, ''vrsite/%s'') AND valid_at(valid_from, valid_to, %L)',
				i, timestamptz '2020-05-01' + i * interval '15 days')), 'Node Type') t WHERE t LIKE '%Seq%') THEN
			RAISE WARNING 'a sequential scan below site %', i;
		END IF;
	END LOOP;
END
$$;
ALTER TABLE vr_pages ADD present bigint, ADD peer_gist bigint, ADD peer_range bigint, ADD peer_btree bigint;
-- of all versions in one table
CREATE TABLE vr_peer AS SELECT * FROM vrscan;
CREATE INDEX ON vr_peer USING gist (lineage, tstzrange(valid_from, valid_to));
VACUUM ANALYZE vr_peer;
UPDATE vr_pages SET peer_gist = pages(format($$SELECT * FROM vr_peer WHERE lineage @^ 'vrsite/%s' AND tstzrange(valid_from, valid_to) @> %L::timestamptz$$, site, at));
DROP INDEX vr_peer_lineage_tstzrange_idx;
CREATE INDEX ON vr_peer USING gist (tstzrange(valid_from, valid_to));
CREATE INDEX ON vr_peer (vrsite_id);
VACUUM ANALYZE vr_peer;
UPDATE vr_pages SET peer_range = pages(format($$SELECT * FROM vr_peer WHERE vrsite_id = 'vrsite/%s' AND tstzrange(valid_from, valid_to) @> %L::timestamptz$$, site, at));
CREATE INDEX ON vr_peer (vrsite_id, valid_from);
UPDATE vr_pages SET peer_btree = pages(format($$SELECT * FROM vr_peer WHERE vrsite_id = 'vrsite/%s' AND valid_from <= %2$L AND (valid_to IS NULL OR valid_to > %2$L)$$, site, at));
-- A question about the past reads what had ended, and the current rows below the ancestor, whose begin tells whether they were there: an
-- index of intervals beside these would be written by every update. The first is at most 1.3 times the best peer index's pages, both together
-- at most twice those of an index of paths and intervals over all versions in one table.
UPDATE vr_pages SET present = pages(format($$SELECT * FROM vrscan WHERE has_ancestor(lineage, 'vrsite/%s') AND valid_to IS NULL$$, site));
SELECT count(*) AS questions, count(*) FILTER (WHERE ours - present > 1.3 * least(peer_gist, peer_range, peer_btree) + 3) AS too_many,
	count(*) FILTER (WHERE ours > 2 * peer_gist + 3) AS far_too_many FROM vr_pages;


DROP OWNED BY regress_vr_reader;
DROP ROLE regress_vr_reader;
DROP TABLE vr_answers, vr_questions, vr_pages, vr_peer;
DROP PROCEDURE ask(text);
DROP FUNCTION index_conditions(text), pages(text), node_texts(json, text), plan_of(text);
SELECT drop_resource_type('VrScan'), drop_resource_type('VrSite');
