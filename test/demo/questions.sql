--
-- questions.sql: what people ask an imaging archive, as DQL over the sample of test/data
--
-- Each block gives a title, the request and the columns to look at to show.sql.
--
\set ON_ERROR_STOP on
\set number 0
\pset null ·
\pset linestyle unicode

\echo
\echo 'The hierarchy, and how many resources of each type there are:'
SELECT 'datasource' AS "table", count(*) FROM datasource_current
UNION ALL SELECT 'patient', count(*) FROM patient_current
UNION ALL SELECT 'imagingstudy', count(*) FROM imagingstudy_current
UNION ALL SELECT 'volume', count(*) FROM volume_current
UNION ALL SELECT 'items', count(*) FROM items;

SELECT 'Large T2 series: typed columns, each condition on the column''s own index or type' AS title,
$${"resource": "Volume",
 "filter": {"modality": "MR", "series_description": {"$contains": "T2"}, "size_mb": {"$gt": 30}}}$$ AS dql,
'volume' AS type, 'patient_id, series_description, body_part, size_mb' AS columns \gset
\ir show.sql

SELECT 'All PET series of one datasource: the lineage field' AS title,
$${"resource": "Volume",
 "filter": {"datasource_id": "datasource/soft_tissue_sarcoma", "modality": "PT"}}$$ AS dql,
'volume' AS type, 'patient_id, series_description, instance_count' AS columns \gset
\ir show.sql

SELECT 'Everything below one patient that is no image: lineage, whatever lies between' AS title,
$${"resource": "Volume",
 "filter": {"$hasAncestor": "patient/qin_prostate_repeatability/PCAMPMRI-00001",
            "modality": {"$nin": ["MR", "CT", "PT"]}},
 "sort": {"series_date": "ascending", "modality": "ascending"}}$$ AS dql,
'volume' AS type, 'modality, series_description, series_date, model' AS columns \gset
\ir show.sql

SELECT 'T2 or diffusion, in two datasources: nested logic and patterns' AS title,
$${"resource": "Volume",
 "filter": {"datasource_id": {"$in": ["datasource/tcga_kirp", "datasource/remind"]},
            "$or": [{"series_description": {"$ieq": "*t2*"}}, {"series_description": {"$ieq": "*dwi*"}}],
            "$nor": [{"body_part": null}]}}$$ AS dql,
'volume' AS type, 'datasource_id, body_part, series_description' AS columns \gset
\ir show.sql

SELECT 'Colour images that came in late releases: JSON paths, a list among them' AS title,
$${"resource": "Volume",
 "filter": {"metadata.dicom.PhotometricInterpretation": {"$in": ["RGB", "YBR_FULL_422"]},
            "metadata.idc.first_release": {"$gte": 18}}}$$ AS dql,
'volume' AS type, 'modality, manufacturer, metadata #>> ''{dicom,PhotometricInterpretation}'' AS photometric' AS columns \gset
\ir show.sql

SELECT 'Which patients have the most MR series? DQL inside SQL: one plan, the join included' AS title,
$${"resource": "Volume", "filter": {"modality": "MR", "instance_count": {"$between": [20, 200]}}}$$ AS dql,
$$SELECT patient_id, sex, count(*) AS series
FROM vxp.query(NULL::volume, :dql) v
JOIN patient_current p USING (patient_id)
WHERE sex = 'F'
GROUP BY patient_id, sex
ORDER BY series DESC, patient_id$$ AS statement \gset
\ir show.sql

SELECT 'Segmentations below each patient of one datasource: a bind variable for every row of the other side' AS title,
$${"resource": "Volume", "filter": {"$hasAncestor": {"$param": 1}, "modality": "SEG"}}$$ AS dql,
$$SELECT p.identifier, p.sex, count(*) AS segmentations
FROM patient_current p,
     LATERAL vxp.query(NULL::volume, :dql, p.identifier) v
WHERE p.datasource_id = 'datasource/qin_breast'
GROUP BY p.identifier, p.sex
ORDER BY segmentations DESC, p.identifier$$ AS statement \gset
\ir show.sql

SELECT 'Studies without a date, or dated before 1952: a missing value is an answer too' AS title,
$${"resource": "ImagingStudy",
 "filter": {"$or": [{"study_date": {"$exists": false}}, {"study_date": {"$before": "1952-01-01"}}]},
 "sort": {"study_date": "descending"}, "limit": 20}$$ AS dql,
'imagingstudy' AS type, 'patient_id, study_date, study_description' AS columns \gset
\ir show.sql

SELECT 'Files below a folder, as documents: the request that an annotation tool sends' AS title,
$${"filter": {"$and": [{"hidden": false}, {"type": "file"}, {"filename": "/remind/**"},
                     {"metadata.user.modality": "US"}, {"metadata.system.size": {"$gt": "50000000"}}]},
 "sort": {"metadata.system.size": "descending"}, "limit": 10}$$ AS dql,
'items' AS type,
'document ->> ''dir'' AS dir, document #>> ''{metadata,user,description}'' AS description, document #>> ''{metadata,system,size}'' AS size'
AS columns \gset
\ir show.sql

\echo
\echo ════ A page of them, with its envelope
\echo
SELECT $${"filter": {"type": "file", "filename": "/remind/**"}, "select": ["name", "metadata.system.size"],
 "sort": {"id": "ascending"}, "page": 1, "pageSize": 2}$$ AS dql \gset
\echo :dql
\echo
\pset tuples_only on
\pset format unaligned
SELECT jsonb_pretty(vxp.page(:'dql'));
\pset tuples_only off
\pset format aligned

\echo
\echo ════ No request: lineage in plain SQL. How large is each subtree?
\echo
\echo 'SELECT d.identifier, count(*), pg_size_pretty(sum(size_mb) * 1000000) AS size'
\echo 'FROM datasource_current d JOIN volume_current v ON has_ancestor(v.lineage, d.identifier)'
\echo 'GROUP BY d.identifier ORDER BY count(*) DESC'
\echo
SELECT d.identifier, count(*), pg_size_pretty(sum(size_mb) * 1000000) AS size
FROM datasource_current d JOIN volume_current v ON has_ancestor(v.lineage, d.identifier)
GROUP BY d.identifier ORDER BY count(*) DESC LIMIT 5;

\echo
\echo ════ A wrong request gives an error, never rows
\echo
\echo '{"resource": "Volume", "filter": {"modalty": "MR"}}'
\echo
\set ON_ERROR_STOP off
SELECT count(*) FROM vxp.query(NULL::volume, '{"resource": "Volume", "filter": {"modalty": "MR"}}');
\set ON_ERROR_STOP on
