--
-- load.sql: the CSV files of a folder as a hierarchy of resources, and as a table of documents
--
-- psql -v data=FOLDER -f load.sql, in a database with the extension's schema on its path.  FOLDER (default test/data)
-- holds what make_sample.py writes, the sample and the whole index alike; gzip must be there.
-- Datasource > Patient > ImagingStudy > Volume; each level is loaded after the one above, since a row needs its parent.
--
\set ON_ERROR_STOP on
\if :{?data} \else \set data test/data
\endif
\setenv VXP_DATA :data
SET client_encoding = 'UTF8';
SET client_min_messages = warning;

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
SET timezone = 'UTC';
\echo '   reading the files'
\copy raw_release FROM PROGRAM 'gzip -dc "$VXP_DATA/releases.csv.gz"' CSV HEADER
\copy raw_collection FROM PROGRAM 'gzip -dc "$VXP_DATA/collections.csv.gz"' CSV HEADER
\copy raw_series FROM PROGRAM 'gzip -dc "$VXP_DATA/series.csv.gz"' CSV HEADER

-- rows numbered as they come, so that a long load can go step by step
ALTER TABLE raw_series ADD n int GENERATED ALWAYS AS IDENTITY PRIMARY KEY;

-- A study's identifier is its UID; the index has one UID that two patients
-- share, and the second of them gets the patient's name added.
CREATE TEMP TABLE raw_study AS
SELECT "StudyInstanceUID", collection_id, "PatientID",
	   'imagingstudy/' || "StudyInstanceUID"
	   || CASE WHEN row_number() OVER (PARTITION BY "StudyInstanceUID" ORDER BY collection_id, "PatientID") = 1
			   THEN '' ELSE '@' || "PatientID" END AS identifier,
	   min(license_short_name) AS license, min(series_init_idc_version) AS first_release,
	   min("StudyDate") AS study_date, min("StudyDescription") AS study_description,
	   min("PatientAge") AS age, min("PatientSex") AS sex
FROM raw_series
GROUP BY "StudyInstanceUID", collection_id, "PatientID";
CREATE UNIQUE INDEX ON raw_study ("StudyInstanceUID", collection_id, "PatientID");
ANALYZE raw_release, raw_collection, raw_series, raw_study;

-- the types: what people filter by is a column, the rest is metadata
SELECT vxp.create_resource_type('Datasource', 'name text, species text, program text, updated date', versioned => false);
SELECT vxp.create_resource_type('Patient', 'sex text', parents => '{Datasource}', versioned => false);
SELECT vxp.create_resource_type('ImagingStudy', 'study_date date, study_description text',
	parents => '{Patient}', lineage_field => 'study_id', versioned => false);
SELECT vxp.create_resource_type('Volume',
	'modality text, body_part text, manufacturer text, model text, series_description text, series_number int,
	 instance_count int, size_mb numeric, series_date date',
	parents => '{ImagingStudy}', versioned => false);

\echo '   making datasources, patients, studies, volumes'

-- Rows begin to be valid with the release that brought them, a changed series
-- with the release that changed it.
INSERT INTO datasource (identifier, name, species, program, updated, license, created_at, valid_from, metadata)
SELECT 'datasource/' || collection_id, c.collection_name, c.species, c.program_id, c.updated, s.license,
	   r.version_timestamp, r.version_timestamp,
	   jsonb_strip_nulls(jsonb_build_object(
			'cancer_types', to_jsonb(string_to_array(c.cancer_types, ', ')),
			'tumor_locations', to_jsonb(string_to_array(c.tumor_locations, ', ')),
			'description', c.description, 'status', c.status))
FROM (SELECT collection_id, string_agg(DISTINCT license_short_name, ', ') AS license, min(series_init_idc_version) AS first_release
	  FROM raw_series GROUP BY collection_id) s
LEFT JOIN raw_collection c USING (collection_id)
JOIN raw_release r ON r.idc_version = s.first_release;

INSERT INTO patient (identifier, parent_identifier, sex, created_at, valid_from, metadata)
SELECT 'patient/' || collection_id || '/' || "PatientID", 'datasource/' || collection_id, s.sex,
	   r.version_timestamp, r.version_timestamp,
	   jsonb_build_object('dicom', jsonb_build_object('PatientID', "PatientID"))
FROM (SELECT collection_id, "PatientID", min(sex) AS sex, min(first_release) AS first_release
	  FROM raw_study GROUP BY collection_id, "PatientID") s
JOIN raw_release r ON r.idc_version = s.first_release;

INSERT INTO imagingstudy (identifier, parent_identifier, study_date, study_description, license, created_at, valid_from, metadata)
SELECT s.identifier, 'patient/' || s.collection_id || '/' || s."PatientID", s.study_date, s.study_description, s.license,
	   r.version_timestamp, r.version_timestamp,
	   jsonb_build_object('dicom', jsonb_strip_nulls(jsonb_build_object(
			'StudyInstanceUID', s."StudyInstanceUID", 'PatientAge', s.age)))
FROM raw_study s
JOIN raw_release r ON r.idc_version = s.first_release;

-- volumes, 50,000 at a time, so that a long load shows where it is
DO $$
DECLARE
	total int := (SELECT count(*) FROM raw_series);
	step CONSTANT int := 50000;
BEGIN
	FOR done IN 0 .. total - 1 BY step LOOP
		INSERT INTO volume (identifier, parent_identifier, modality, body_part, manufacturer, model, series_description,
			series_number, instance_count, size_mb, series_date, license, created_at, valid_from, metadata)
		SELECT 'volume/' || v."SeriesInstanceUID", s.identifier, v."Modality", v."BodyPartExamined", v."Manufacturer",
			   v."ManufacturerModelName", v."SeriesDescription", v."SeriesNumber", v."instanceCount", v."series_size_MB",
			   v."SeriesDate", v.license_short_name, i.version_timestamp, r.version_timestamp,
			   jsonb_strip_nulls(jsonb_build_object(
					'dicom', jsonb_build_object(
						'SeriesInstanceUID', v."SeriesInstanceUID", 'SOPClass', v.sop_class_name,
						'TransferSyntax', to_jsonb(string_to_array(v.transfer_syntax_name, ',')),
						'PhotometricInterpretation', to_jsonb(string_to_array(v."PhotometricInterpretation", ',')),
						'PixelRepresentation', v."PixelRepresentation"),
					'idc', jsonb_build_object(
						'doi', v."source_DOI", 'analysis', v.analysis_result_id, 'uuid', v.crdc_series_uuid,
						'first_release', v.series_init_idc_version, 'last_change', v.series_revised_idc_version)))
		FROM raw_series v
		JOIN raw_study s USING ("StudyInstanceUID", collection_id, "PatientID")
		JOIN raw_release i ON i.idc_version = v.series_init_idc_version
		JOIN raw_release r ON r.idc_version = v.series_revised_idc_version
		WHERE v.n > done AND v.n <= done + step;
		IF total > step THEN
			RAISE INFO '% of % volumes', least(done + step, total), total;
		END IF;
	END LOOP;
END
$$;

-- what is asked for often and is no lineage field has an index of our own
CREATE INDEX volume_modality_idx ON volume (modality);
CREATE INDEX volume_metadata_idx ON volume USING gin (metadata jsonb_path_ops);

-- the same series as documents of an annotation platform: one file each, in folders
\echo '   making documents'
CREATE TABLE items (id text COLLATE "C" PRIMARY KEY, document jsonb NOT NULL);
INSERT INTO items
SELECT v.crdc_series_uuid,
	   jsonb_build_object(
			'id', v.crdc_series_uuid, 'datasetId', v.collection_id, 'type', 'file', 'hidden', false,
			'name', v."SeriesInstanceUID" || '.dcm', 'dir', f.dir, 'filename', f.dir || '/' || v."SeriesInstanceUID" || '.dcm',
			'createdAt', to_char(i.version_timestamp, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'updatedAt', to_char(r.version_timestamp, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'metadata', jsonb_build_object(
				'system', jsonb_build_object(
					'mimetype', 'application/dicom', 'size', (v."series_size_MB" * 1000000)::bigint,
					'originalname', v."SeriesInstanceUID"),
				'user', jsonb_strip_nulls(jsonb_build_object(
					'modality', v."Modality", 'bodyPart', v."BodyPartExamined", 'description', v."SeriesDescription",
					'license', v.license_short_name, 'derived', v.analysis_result_id IS NOT NULL))))
FROM raw_series v
JOIN raw_release i ON i.idc_version = v.series_init_idc_version
JOIN raw_release r ON r.idc_version = v.series_revised_idc_version,
LATERAL (SELECT '/' || v.collection_id || '/' || v."PatientID" || '/' || v."StudyInstanceUID" AS dir) f;
CREATE INDEX items_document_idx ON items USING gin (document jsonb_path_ops);
SELECT vxp.register('items', 'items', document => 'document');

\echo '   vacuum and analyze'
DROP TABLE raw_release, raw_collection, raw_series, raw_study;
RESET timezone;
RESET client_min_messages;
VACUUM (ANALYZE) datasource, patient, imagingstudy, volume, items;
