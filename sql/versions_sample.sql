--
-- versions_sample: the releases of a real index, asked about one by one
--
-- The sample's series were revised, moved to other collections, withdrawn and brought
-- back between 25 releases. Loaded as versions, every release is one instant: what
-- views, requests, changes and timelines say of it is what the files list for it.
--
\getenv source PG_ABS_SRCDIR
\if :{?source} \else \set source .
\endif
\set data :source '/test/data'
\set load :data '/load_versions.sql'
\set ECHO none
\o /dev/null
\i :load
\o
\set ECHO all
SET search_path = public, vxp;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET jit = off;

-- what the files say: of two releases with one date, the later is seen
CREATE TEMP TABLE release AS SELECT version_timestamp AS at, max(idc_version) AS release FROM raw_release GROUP BY 1;
CREATE TEMP TABLE listed AS
SELECT r.release, r.at, 'volume/' || s.uid AS volume, s.study, 'patient/' || s.collection_id || '/' || s.patient AS patient, 'datasource/' || s.collection_id AS datasource, s.size_mb, s.uuid
FROM served s JOIN release r ON r.release BETWEEN s.first AND s.last;
CREATE INDEX ON listed (release, datasource);
ANALYZE listed, release;
SELECT count(*) AS rows, count(DISTINCT release) AS releases, count(DISTINCT volume) AS volumes FROM listed;
SELECT relname, n.rows, n.resources FROM (VALUES ('datasource', (SELECT (count(*), count(DISTINCT identifier))::text FROM datasource)), ('patient', (SELECT (count(*), count(DISTINCT identifier))::text FROM patient)),
	('imagingstudy', (SELECT (count(*), count(DISTINCT identifier))::text FROM imagingstudy)), ('volume', (SELECT (count(*), count(DISTINCT identifier))::text FROM volume))) t(relname, counts),
	LATERAL (SELECT split_part(trim(counts, '()'), ',', 1) AS rows, split_part(trim(counts, '()'), ',', 2) AS resources) n;
SELECT count(*) AS faults FROM (SELECT problem FROM unnest('{Datasource,Patient,ImagingStudy,Volume}'::text[]) t, check_versions(t)
	UNION ALL SELECT problem FROM unnest('{Datasource,Patient,ImagingStudy,Volume}'::text[]) t, check_lineage(t)) f;

--
-- Every release through the views: one setting for a join of four tables
--
CREATE TEMP TABLE seen (LIKE listed);
CREATE FUNCTION pg_temp.read_releases() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	r release;
BEGIN
	FOR r IN SELECT * FROM release LOOP
		PERFORM set_config('vxp.as_of', r.at::text, true);
		INSERT INTO seen
			SELECT r.release, r.at, v.identifier, s.identifier, p.identifier, d.identifier, v.size_mb, (v.metadata #>> '{idc,uuid}')::uuid
			FROM volume_current v JOIN imagingstudy_current s USING (study_id) JOIN patient_current p ON p.identifier = v.patient_id
				JOIN datasource_current d ON has_ancestor(v.lineage, d.identifier);
	END LOOP;
	PERFORM set_config('vxp.as_of', '', true);
END
$$;
SELECT pg_temp.read_releases();
CREATE INDEX ON seen (release, datasource);
ANALYZE seen;
SELECT count(*) AS differ FROM ((TABLE seen EXCEPT ALL TABLE listed) UNION ALL (TABLE listed EXCEPT ALL TABLE seen)) d;
-- and through requests that name the instant
SELECT count(*) AS releases, count(*) FILTER (WHERE n <> (SELECT count(*) FROM listed l WHERE l.release = r.release AND l.datasource = 'datasource/tcga_kirp' AND l.size_mb < 10)) AS wrong
FROM release r, LATERAL (SELECT vxp.count(format('{"resource": "Volume", "asOf": %s, "filter": {"$hasAncestor": "datasource/tcga_kirp", "size_mb": {"$lt": 10}}}', to_json(iso8601(r.at)))) AS n) c;

--
-- One collection became four, was withdrawn, and came back under another name
--
SELECT r.release, r.at::date, (SELECT string_agg(format('%s: %s', split_part(datasource, '/', 2), n), ', ' ORDER BY datasource)
	FROM (SELECT datasource, count(*) AS n FROM seen s WHERE s.release = r.release AND datasource ~ 'apollo' GROUP BY 1) c) AS apollo
FROM release r WHERE release BETWEEN 2 AND 22 ORDER BY 1;
SELECT change, changed, count(*) FROM changes('ImagingStudy', 'datasource/apollo', '2021-09-02', '2021-10-23') GROUP BY 1, 2;
-- a study that moved: its versions
SELECT valid_from::date, valid_to::date, change, old - 'lineage' AS old, CASE change WHEN 'moved' THEN new - 'lineage' END AS new
FROM history('ImagingStudy', (SELECT min(identifier) FROM imagingstudy WHERE datasource_id = 'datasource/apollo'));

--
-- What a release changed, against the files: states of a series have identifiers of their own
--
SELECT a.release AS since, b.release AS until, c.change, count(*), count(*) FILTER (WHERE c.change IS DISTINCT FROM e.change) AS wrong
FROM release a JOIN release b ON (a.release, b.release) IN ((4, 6), (7, 8), (9, 10), (11, 12), (17, 18), (18, 19), (19, 20), (24, 25), (2, 25)),
	LATERAL (SELECT coalesce(o.volume, n.volume) AS volume, CASE WHEN o.volume IS NULL THEN 'added' WHEN n.volume IS NULL THEN 'removed' WHEN (o.patient, o.study) <> (n.patient, n.study) THEN 'moved' ELSE 'changed' END AS change
		FROM (SELECT * FROM listed WHERE release = a.release) o FULL JOIN (SELECT * FROM listed WHERE release = b.release) n ON n.volume = o.volume
		WHERE (o.uuid, o.patient) IS DISTINCT FROM (n.uuid, n.patient)) e
	FULL JOIN LATERAL (SELECT * FROM changes('Volume', NULL, a.at, b.at)) c ON c.identifier = e.volume
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
-- the series that was revised most
SELECT valid_from::date, valid_to::date, change, changed, old ->> 'size_mb' AS old_size, new ->> 'size_mb' AS new_size
FROM history('Volume', (SELECT identifier FROM volume GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1));
-- a collection over time, in one pass
SELECT count(*) AS months, max(t.count) AS most, count(*) FILTER (WHERE t.count <> coalesce((SELECT l.n
	FROM (SELECT release, at, count(*) AS n FROM listed WHERE datasource = 'datasource/tcga_kirp' GROUP BY 1, 2) l WHERE l.at <= t.at ORDER BY l.at DESC LIMIT 1), 0)) AS wrong
FROM timeline('{"resource": "Volume", "filter": {"$hasAncestor": "datasource/tcga_kirp"}}', '2020-01-01', '2026-12-01', '1 month') t;

--
-- A study of release 19 that can be repeated
--
SELECT freeze('kirp_v19', format('{"resource": "Volume", "filter": {"$hasAncestor": "datasource/tcga_kirp", "modality": "CT"}, "asOf": %s, "sort": {"identifier": 1}}',
	(SELECT to_json(iso8601(at)) FROM release WHERE release = 19))::dql) = (SELECT count(*) FROM listed JOIN raw_series s ON volume = 'volume/' || s."SeriesInstanceUID"
	WHERE release = 19 AND datasource = 'datasource/tcga_kirp' AND s."Modality" = 'CT') AS complete;
SELECT count(*) FROM cohort_diff('kirp_v19');
CREATE TEMP TABLE frozen AS SELECT * FROM cohort('kirp_v19');
SELECT correct('Volume', (SELECT min(identifier) FROM frozen), '-infinity', NULL, '{"modality": "MR"}') > 0 AS corrected;
DELETE FROM volume WHERE valid_to IS NULL AND identifier = (SELECT max(identifier) FROM frozen);
SELECT change, changed, count(*) FROM cohort_diff('kirp_v19') GROUP BY 1, 2;
SELECT purge('Volume', 'infinity') > 0 AS purged;
SELECT count(*) AS rows, count(*) FILTER (WHERE f.digest IS DISTINCT FROM c.digest OR f.item IS DISTINCT FROM c.item) AS differ FROM frozen f FULL JOIN cohort('kirp_v19') c USING (identifier);
SELECT * FROM check_cohort('kirp_v19');

SELECT drop_cohort('kirp_v19');
SELECT drop_resource_type(t) FROM unnest('{Volume,ImagingStudy,Patient,Datasource}'::text[]) t;
