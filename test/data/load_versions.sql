--
-- load_versions.sql: the CSV files of a folder as a hierarchy with all its versions
--
-- psql -v data=FOLDER -f load_versions.sql, as load.sql, in a database that has none of these types. A series is valid
-- from the release that brought it, or a new state of it, until the release that had another, or none; what is above it,
-- while it has any series. The index says of old states which series, patient, collection and size they had; all else
-- is what the series has now. The temporary table "served" is left behind: which release served what.
--
\set ON_ERROR_STOP on
\if :{?data} \else \set data test/data
\endif
\setenv VXP_DATA :data
SET client_encoding = 'UTF8';
SET client_min_messages = warning;
SET timezone = 'UTC';

CREATE EXTENSION IF NOT EXISTS vxp_query;

CREATE TEMP TABLE raw_release (idc_version int, version_timestamp timestamptz);
CREATE TEMP TABLE raw_collection (
	collection_id text, collection_name text, cancer_types text, tumor_locations text, subjects int, species text,
	program_id text, status text, updated date, description text
);
CREATE TEMP TABLE raw_series (
	collection_id text, analysis_result_id text, "source_DOI" text, license_short_name text,
	"PatientID" text, "PatientAge" text, "PatientSex" text,
	"StudyInstanceUID" text, "StudyDate" date, "StudyDescription" text,
	"SeriesInstanceUID" text, "SeriesDate" date, "SeriesDescription" text, "SeriesNumber" bigint,
	"Modality" text, "BodyPartExamined" text, "Manufacturer" text, "ManufacturerModelName" text,
	sop_class_name text, transfer_syntax_name text, "PhotometricInterpretation" text, "PixelRepresentation" text,
	"instanceCount" int, "series_size_MB" numeric,
	series_init_idc_version int, series_revised_idc_version int, crdc_series_uuid uuid
);
CREATE TEMP TABLE raw_prior (
	"SeriesInstanceUID" text, collection_id text, "PatientID" text, "StudyInstanceUID" text, "Modality" text, "series_size_MB" numeric,
	min_idc_version int, max_idc_version int, crdc_series_uuid uuid
);
\copy raw_release FROM PROGRAM 'gzip -dc "$VXP_DATA/releases.csv.gz"' CSV HEADER
\copy raw_collection FROM PROGRAM 'gzip -dc "$VXP_DATA/collections.csv.gz"' CSV HEADER
\copy raw_series FROM PROGRAM 'gzip -dc "$VXP_DATA/series.csv.gz"' CSV HEADER
\copy raw_prior FROM PROGRAM 'gzip -dc "$VXP_DATA/prior_versions.csv.gz"' CSV HEADER

CREATE INDEX ON raw_series ("StudyInstanceUID");
CREATE INDEX ON raw_series ("PatientID");
CREATE INDEX ON raw_series ("SeriesInstanceUID");
ANALYZE raw_release, raw_collection, raw_series, raw_prior;

-- which release served which state of a series, in which collection
CREATE TEMP TABLE served AS
WITH study AS (
	SELECT DISTINCT "StudyInstanceUID", collection_id, "PatientID",
		'imagingstudy/' || "StudyInstanceUID"
		|| CASE WHEN dense_rank() OVER (PARTITION BY "StudyInstanceUID" ORDER BY collection_id, "PatientID") = 1
				THEN '' ELSE '@' || "PatientID" END AS study
	FROM raw_series
), last AS (
	SELECT max(idc_version) AS release FROM raw_release
)
SELECT v."SeriesInstanceUID" AS uid, s.study, v.collection_id, v."PatientID" AS patient, v.size_mb, v.uuid, v.first, v.last
FROM (SELECT r."SeriesInstanceUID", r."StudyInstanceUID", r.collection_id, r.collection_id AS now_in, r."PatientID", "series_size_MB" AS size_mb,
			crdc_series_uuid AS uuid, series_revised_idc_version AS first, l.release AS last
		FROM raw_series r, last l
	UNION ALL
	SELECT p."SeriesInstanceUID", p."StudyInstanceUID", p.collection_id, r.collection_id, p."PatientID", p."series_size_MB",
			p.crdc_series_uuid, min_idc_version, max_idc_version
		FROM raw_prior p JOIN raw_series r USING ("SeriesInstanceUID")) v
	JOIN study s ON (s."StudyInstanceUID", s.collection_id, s."PatientID") = (v."StudyInstanceUID", v.now_in, v."PatientID");

-- [first, last] in releases as an interval of time; two releases have one date
CREATE FUNCTION pg_temp.since(release int) RETURNS timestamptz LANGUAGE sql STABLE
	AS $$ SELECT version_timestamp FROM pg_temp.raw_release WHERE idc_version = release $$;
CREATE TEMP TABLE presence AS
SELECT DISTINCT s.collection_id, s.patient, s.study, r.idc_version AS release
FROM served s JOIN raw_release r ON r.idc_version BETWEEN s.first AND s.last;

SELECT vxp.create_resource_type('Datasource', 'name text, species text, program text', versioned => true);
SELECT vxp.create_resource_type('Patient', 'sex text', parents => '{Datasource}', versioned => true);
SELECT vxp.create_resource_type('ImagingStudy', 'study_date date, study_description text',
	parents => '{Patient}', lineage_field => 'study_id', versioned => true);
SELECT vxp.create_resource_type('Volume',
	'modality text, body_part text, series_description text, series_number int, instance_count int, size_mb numeric',
	parents => '{ImagingStudy}', versioned => true);

-- runs of releases, as versions
INSERT INTO datasource (identifier, name, species, program, created_at, valid_from, valid_to)
SELECT 'datasource/' || p.collection_id, c.collection_name, c.species, c.program_id, min(pg_temp.since(p.first)) OVER (PARTITION BY p.collection_id), pg_temp.since(p.first), pg_temp.since(p.last + 1)
FROM (SELECT collection_id, min(release) AS first, max(release) AS last
		FROM (SELECT collection_id, release, release - dense_rank() OVER (PARTITION BY collection_id ORDER BY release) AS run
			FROM presence GROUP BY 1, 2) r
		GROUP BY collection_id, run) p
	LEFT JOIN raw_collection c USING (collection_id)
WHERE pg_temp.since(p.first) IS DISTINCT FROM pg_temp.since(p.last + 1);

INSERT INTO patient (identifier, parent_identifier, sex, created_at, valid_from, valid_to)
SELECT 'patient/' || p.collection_id || '/' || p.patient, 'datasource/' || p.collection_id,
	(SELECT min(s."PatientSex") FROM raw_series s WHERE s."PatientID" = p.patient), min(pg_temp.since(p.first)) OVER (PARTITION BY p.collection_id, p.patient),
	pg_temp.since(p.first), pg_temp.since(p.last + 1)
FROM (SELECT collection_id, patient, min(release) AS first, max(release) AS last
		FROM (SELECT collection_id, patient, release, release - dense_rank() OVER (PARTITION BY collection_id, patient ORDER BY release) AS run
			FROM presence GROUP BY 1, 2, 3) r
		GROUP BY collection_id, patient, run) p
WHERE pg_temp.since(p.first) IS DISTINCT FROM pg_temp.since(p.last + 1);

INSERT INTO imagingstudy (identifier, parent_identifier, study_date, study_description, created_at, valid_from, valid_to)
SELECT p.study, 'patient/' || p.collection_id || '/' || p.patient, s.study_date, s.study_description,
	min(pg_temp.since(p.first)) OVER (PARTITION BY p.study), pg_temp.since(p.first), pg_temp.since(p.last + 1)
FROM (SELECT study, collection_id, patient, min(release) AS first, max(release) AS last
		FROM (SELECT *, release - dense_rank() OVER (PARTITION BY study, collection_id, patient ORDER BY release) AS run FROM presence) r
		GROUP BY study, collection_id, patient, run) p,
	LATERAL (SELECT min("StudyDate") AS study_date, min("StudyDescription") AS study_description
		FROM raw_series r WHERE r."StudyInstanceUID" = split_part(split_part(p.study, '/', 2), '@', 1) AND r."PatientID" = p.patient) s
WHERE pg_temp.since(p.first) IS DISTINCT FROM pg_temp.since(p.last + 1);

INSERT INTO volume (identifier, parent_identifier, modality, body_part, series_description, series_number, instance_count,
	size_mb, license, created_at, valid_from, valid_to, metadata)
SELECT 'volume/' || v.uid, v.study, r."Modality", r."BodyPartExamined", r."SeriesDescription", r."SeriesNumber", r."instanceCount",
	v.size_mb, r.license_short_name, min(pg_temp.since(v.first)) OVER (PARTITION BY v.uid), pg_temp.since(v.first), pg_temp.since(v.last + 1),
	jsonb_build_object('idc', jsonb_build_object('uuid', v.uuid, 'release', v.first))
FROM (SELECT uid, study, uuid, min(size_mb) AS size_mb, min(first) AS first, max(last) AS last
		-- a state that the index lists twice, one after the other, is one
		FROM (SELECT *, count(*) FILTER (WHERE new) OVER w AS state
			FROM (SELECT *, (first = lag(last) OVER w + 1 AND uuid = lag(uuid) OVER w) IS NOT TRUE AS new
				FROM served WINDOW w AS (PARTITION BY uid ORDER BY first)) s WINDOW w AS (PARTITION BY uid ORDER BY first)) s
		GROUP BY uid, study, uuid, state) v
	JOIN raw_series r ON r."SeriesInstanceUID" = v.uid
WHERE pg_temp.since(v.first) IS DISTINCT FROM pg_temp.since(v.last + 1)
ORDER BY v.study;

RESET timezone;
RESET client_min_messages;
VACUUM (ANALYZE) datasource, patient, imagingstudy, volume;
