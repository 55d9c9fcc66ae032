--
-- time.sql: the same archive with all its releases as versions, asked about the past
--
-- In a database of its own, loaded by test/data/load_versions.sql.  The cohort at
-- the end deletes a volume, whose version stays.
--
\set ON_ERROR_STOP on
\pset null ·
\pset linestyle unicode
\pset footer off
SET datestyle = 'ISO';
SET timezone = 'UTC';

\echo
\echo ════ Time travel: 25 releases of the archive, each resource with all its versions
\echo
SELECT count(*) AS versions, count(DISTINCT identifier) AS volumes, count(*) FILTER (WHERE valid_to IS NULL) AS current FROM volume;

\echo '-- One setting moves a whole join, views and requests alike. What was in each collection of APOLLO?'
\set statement 'SELECT d.identifier, count(*) AS series, round(sum(size_mb)) AS mb\nFROM datasource_current d\nJOIN vxp.query(NULL::volume, \'{"resource": "Volume", "filter": {"modality": {"$in": ["MR", "CT"]}}}\') v ON has_ancestor(v.lineage, d.identifier)\nWHERE d.identifier LIKE \'%apollo%\' GROUP BY d.identifier ORDER BY 2 DESC'
\echo :statement
\echo
\echo '-- today:'
:statement;
\echo '-- SET vxp.as_of = ''2021-09-15'':'
SET vxp.as_of = '2021-09-15';
:statement;
\echo '-- the plan in the past: the instant and the ancestor are conditions of one index'
\pset tuples_only on
\pset format unaligned
EXPLAIN (COSTS OFF) SELECT identifier, size_mb FROM volume_current WHERE has_ancestor(lineage, 'datasource/apollo');
RESET vxp.as_of;
\echo
\echo '-- the plan of today: old versions are in none of the indexes it uses'
EXPLAIN (COSTS OFF) SELECT identifier, size_mb FROM volume_current WHERE patient_id = 'patient/varepop_apollo/AP-E7LJ';
\pset tuples_only off
\pset format aligned

\echo
\echo '-- One request may name its instant: "asOf"'
\echo 'SELECT vxp.count(''{"resource": "Volume", "asOf": "2022-06-01", "filter": {"datasource_id": "datasource/tcga_kirp"}}'')'
SELECT vxp.count('{"resource": "Volume", "asOf": "2022-06-01", "filter": {"datasource_id": "datasource/tcga_kirp"}}');

\echo '-- What happened to one study? vxp.history:'
SELECT valid_from::date, valid_to::date, change, old ->> 'parent_identifier' AS was_below
FROM vxp.history('ImagingStudy', (SELECT min(identifier) FROM imagingstudy WHERE datasource_id = 'datasource/apollo'));

\echo '-- What changed below a collection between two instants? vxp.changes:'
SELECT change, count(*) FROM vxp.changes('Volume', 'datasource/apollo', '2021-09-02', '2021-10-23') GROUP BY 1 ORDER BY 1;

\echo '-- How did the archive grow? vxp.timeline, in one pass:'
SELECT at::date, count FROM vxp.timeline('{"resource": "Volume", "filter": {"modality": "MR"}}', '2021-01-01', '2025-01-01', '1 year');

\echo '-- A cohort stays what it was, whatever comes: vxp.freeze, and what changed since'
SELECT vxp.freeze('kirp', '{"resource": "Volume", "filter": {"datasource_id": "datasource/tcga_kirp", "modality": "MR"}}') \gset cohort_
DELETE FROM volume WHERE valid_to IS NULL AND identifier = (SELECT min(identifier) FROM volume_current WHERE datasource_id = 'datasource/tcga_kirp' AND modality = 'MR');
SELECT (SELECT count(*) FROM vxp.cohort('kirp')) AS frozen, (SELECT count(*) FROM vxp.query(NULL::volume, '{"resource": "Volume", "filter": {"datasource_id": "datasource/tcga_kirp", "modality": "MR"}}')) AS now;
SELECT identifier, change, old ->> 'series_description' AS series, old ->> 'size_mb' AS mb FROM vxp.cohort_diff('kirp');
