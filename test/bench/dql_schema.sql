--
-- dql_schema.sql: the tables that DQL and SQL are compared on
--
-- In: rows (volumes; 20 to a patient), documents. Out, in schema bench:
--   volume         typed columns, resource type Volume; the indexes that its questions need
--   patient        one for 20 volumes, resource type Patient
--   document       id, and a document of about 800 bytes with 25 members as jsonb; resource type Document
--   document_gin   the same with a GIN index (jsonb_path_ops), resource type DocumentGin
-- Nothing is random: values are hashes of row numbers.
--
\set ON_ERROR_STOP on
CREATE FUNCTION bench.draw(number bigint, seed int, size int) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT ((hashint8extended(number, seed) & 1152921504606846975) % size)::int;
END;

CREATE TABLE bench.patient AS
	SELECT p::int AS id, format('DA%s', lpad(p::text, 6, '0')) AS code, 20 + bench.draw(p, 1, 70) AS age,
		(ARRAY['F', 'M', 'O'])[1 + bench.draw(p, 2, 3)] AS sex, format('site-%s', bench.draw(p, 3, 200)) AS site
	FROM generate_series(1, :rows / 20) p;
ALTER TABLE bench.patient ADD PRIMARY KEY (id);
CREATE INDEX ON bench.patient (site);

CREATE TABLE bench.volume AS
	SELECT v::int AS id, 1 + (v - 1) % (:rows / 20) AS patient_id,
		(ARRAY['CT', 'MR', 'PT', 'US', 'SEG', 'CR', 'DX', 'MG'])[1 + bench.draw(v, 4, 8)] AS modality,
		(ARRAY['T1', 'T2', 'FLAIR', 'DWI', 'ADC'])[1 + bench.draw(v, 5, 5)] AS volume_type,
		(0.5 + bench.draw(v, 6, 90) / 10.0)::numeric(4, 1) AS slice_thickness,
		bench.draw(v, 7, 1000000)::bigint AS size, 16 * (1 + bench.draw(v, 8, 64)) AS n_rows, 16 * (1 + bench.draw(v, 9, 64)) AS n_columns,
		1 + bench.draw(v, 10, 400) AS n_slices, bench.draw(v, 11, 10) = 0 AS flagged,
		timestamptz '2020-01-01 00:00Z' + bench.draw(v, 12, 100000000) * interval '1 second' AS created_at,
		format('scanner-%s', bench.draw(v, 13, 40)) AS device, 'a note about ' || md5(v::text) AS note
	FROM generate_series(1, :rows) v;
ALTER TABLE bench.volume ADD PRIMARY KEY (id), ALTER patient_id SET NOT NULL, ALTER created_at SET NOT NULL;
CREATE INDEX ON bench.volume (patient_id);
CREATE INDEX ON bench.volume (created_at, id);

CREATE TABLE bench.document AS
	SELECT d::int AS id, jsonb_build_object(
		'id', format('item-%s', d), 'name', format('scan-%s.dcm', md5(d::text)), 'type', 'file', 'hidden', false,
		'datasetId', format('ds-%s', bench.draw(d, 1, 50)), 'createdAt', to_char(timestamp '2020-01-01' + d * interval '1 minute', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
		'creator', format('user-%s@example.org', bench.draw(d, 2, 20)), 'annotated', bench.draw(d, 3, 2) = 0, 'annotationsCount', bench.draw(d, 4, 30),
		'url', 'https://data.example.org/items/' || md5((-d)::text), 'dir', format('/study-%s/series', bench.draw(d, 5, 3000)),
		'metadata', jsonb_build_object(
			'system', jsonb_build_object('size', bench.draw(d, 6, 1000000), 'mimetype', (ARRAY['image/dicom', 'image/png', 'image/jpeg', 'video/mp4'])[1 + bench.draw(d, 7, 4)],
				'width', 64 * (1 + bench.draw(d, 8, 16)), 'height', 64 * (1 + bench.draw(d, 9, 16)), 'channels', 1 + bench.draw(d, 10, 3), 'exif', '{}'::jsonb,
				'encoding', '7bit', 'originalname', format('scan-%s.dcm', d), 'refs', jsonb_build_array(jsonb_build_object('type', 'task', 'id', format('task-%s', bench.draw(d, 11, 100))))),
			'user', jsonb_build_object('modality', (ARRAY['CT', 'MR', 'PT', 'US', 'SEG', 'CR', 'DX', 'MG'])[1 + bench.draw(d, 12, 8)],
				'site', format('site-%s', bench.draw(d, 13, 200)), 'score', bench.draw(d, 14, 1000) / 1000.0, 'reviewed', bench.draw(d, 15, 4) = 0,
				'tags', jsonb_build_array(format('tag-%s', bench.draw(d, 16, 30)), format('tag-%s', bench.draw(d, 17, 30)), 'imported')))) AS doc
	FROM generate_series(1, :documents) d;
CREATE TABLE bench.document_gin AS TABLE bench.document;
ALTER TABLE bench.document ADD PRIMARY KEY (id);
ALTER TABLE bench.document_gin ADD PRIMARY KEY (id);
CREATE INDEX ON bench.document_gin USING gin (doc jsonb_path_ops);
VACUUM ANALYZE bench.patient, bench.volume, bench.document, bench.document_gin;

SELECT vxp.register('Patient', 'bench.patient');
SELECT vxp.register('Volume', 'bench.volume');
SELECT vxp.register('Document', 'bench.document', document => 'doc');
SELECT vxp.register('DocumentGin', 'bench.document_gin', document => 'doc');

-- what a session had used after block n
CREATE UNLOGGED TABLE bench.mark (n bigint, processor float8, clock float8);
