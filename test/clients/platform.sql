--
-- platform.sql: the resource types of the platform's query page, with invented rows
--
-- Datasource > Patient > ImagingStudy > Volume, and beside them assessments and annotation sessions.  Everything that
-- varies is a function of the row's number: the same rows each time.  On purpose: patients without assessments, scores
-- that are NULL, sequence names with an asterisk, volumes that several sessions led to.
--
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION vxp_query;
SET search_path = public, vxp;
SELECT create_resource_type('Datasource', 'name text', versioned => false);
SELECT create_resource_type('Patient', 'sex text, birth_year int', parents => '{Datasource}', versioned => false);
SELECT create_resource_type('ImagingStudy', 'study_date date', parents => '{Patient}', lineage_field => 'study_id', versioned => false);
SELECT create_resource_type('Volume', 'volume_type text, image_plane text, slice_thickness numeric, series_description text,
	acquisition_datetime timestamptz, path_nii text, segmentation_reference_uid text', parents => '{ImagingStudy}', versioned => false);
SELECT create_resource_type('AnnotationSession', 'source text, status text', parents => '{ImagingStudy}', lineage_field => 'session_id', versioned => false);
SELECT create_resource_type('PathologyAssessment', 'isup int', parents => '{Patient}', versioned => false);
SELECT create_resource_type('PIRADSAssessment', 'score int', parents => '{Patient}', versioned => false);

INSERT INTO datasource (identifier, name) VALUES
	('datasource/dasa', 'DASA'), ('datasource/basel', 'Basel'), ('datasource/bamberg', 'Bamberg');
INSERT INTO patient (identifier, parent_identifier, sex, birth_year)
SELECT format('patient/%s%s', prefix, to_char(n, 'FM00000')), 'datasource/' || source, CASE WHEN n % 7 = 0 THEN NULL ELSE 'M' END, 1935 + n % 40
FROM (VALUES ('dasa', 'DA'), ('basel', 'BS'), ('bamberg', 'BA')) d(source, prefix), generate_series(1, 60) n;
INSERT INTO imagingstudy (identifier, parent_identifier, study_date)
SELECT replace(p.identifier, 'patient/', 'imagingstudy/') || '/study-' || n, p.identifier, date '2023-06-01' + (p.birth_year * 37 + n * 101) % 700
FROM patient p, generate_series(1, 3) n WHERE n = 1 OR (p.birth_year + n) % 3 = 0;
INSERT INTO volume (identifier, parent_identifier, volume_type, image_plane, slice_thickness, series_description, acquisition_datetime, path_nii)
SELECT replace(s.identifier, 'imagingstudy/', 'volume/') || '/series-' || n, s.identifier,
	(ARRAY['T2', 'T2', 'ADC', 'T1', 'DWI'])[n], (ARRAY['transversal', 'sagittal', 'transversal', 'coronal', 'transversal'])[n],
	CASE WHEN (k + n) % 11 <> 0 THEN (ARRAY[3.0, 3.5, 3.6, 2.2, 4.0])[n] + (k % 5) * 0.4 END,
	(ARRAY['T2 tse tra', 'T2 tse sag', 'ADC', 'T1 vibe', CASE WHEN k % 4 = 1 THEN 'T2* gre' ELSE 'DWI b1400' END])[n],
	s.study_date + time '10:00' AT TIME ZONE 'UTC' + n * interval '4 min', '/nii/' || k || '/' || n || '.nii.gz'
FROM (SELECT *, row_number() OVER (ORDER BY identifier) AS k FROM imagingstudy) s, generate_series(1, 5) n
WHERE n < 4 OR (k + n) % 2 = 0;
INSERT INTO annotationsession (identifier, parent_identifier, source, status)
SELECT replace(s.identifier, 'imagingstudy/', 'annotationsession/') || '/' || n, s.identifier,
	(ARRAY['manual-masks', 'model'])[1 + k % 2], (ARRAY['submitted', 'draft', 'submitted'])[1 + (k + n) % 3]
FROM (SELECT *, row_number() OVER (ORDER BY identifier) AS k FROM imagingstudy) s, generate_series(1, 2) n WHERE k % 3 < 2;
INSERT INTO volume (identifier, parent_identifier, volume_type, image_plane, path_nii, segmentation_reference_uid, derived_from)
SELECT replace(s.identifier, 'imagingstudy/', 'volume/') || '/seg-' || n, s.identifier, 'SEG', 'transversal', '/seg/' || k || '/' || n || '.nii.gz', '1.2.840.' || k || '.' || n,
	CASE WHEN (k + n) % 5 <> 0 THEN ARRAY[replace(s.identifier, 'imagingstudy/', 'volume/') || '/series-1'] END
	|| ARRAY(SELECT a.identifier FROM annotationsession a WHERE a.parent_identifier = s.identifier AND (k + n) % 4 <> 0 ORDER BY a.identifier LIMIT n)
FROM (SELECT *, row_number() OVER (ORDER BY identifier) AS k FROM imagingstudy) s, generate_series(1, 2) n;
INSERT INTO pathologyassessment (identifier, parent_identifier, isup)
SELECT replace(p.identifier, 'patient/', 'pathologyassessment/') || '/' || n, p.identifier, CASE WHEN (k + n) % 6 <> 0 THEN (k * 7 + n * 3) % 6 END
FROM (SELECT *, row_number() OVER (ORDER BY identifier) AS k FROM patient) p, generate_series(1, 3) n WHERE k % 4 >= n;
INSERT INTO piradsassessment (identifier, parent_identifier, score)
SELECT replace(p.identifier, 'patient/', 'piradsassessment/') || '/' || n, p.identifier, 1 + (k * 3 + n * 2) % 5
FROM (SELECT *, row_number() OVER (ORDER BY identifier) AS k FROM patient) p, generate_series(1, 2) n WHERE k % 3 >= n;
ANALYZE;
