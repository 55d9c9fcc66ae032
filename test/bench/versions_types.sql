--
-- versions_types.sql: the resource types of the part versions, with the rows of bench.node
--
-- In: versioned, volumes (false: the types and all but the volumes), project (true: a level of projects above the datasources: project/a, which has all, and project/b).
-- Rows come in path order, and are valid since 2024.
--
\set ON_ERROR_STOP on
SET search_path = public, vxp;
\set typed '''modality text, size bigint, quality numeric(4, 1), acquired_at timestamptz, note text'''
\set given 'identifier, parent_identifier, valid_from, modality, size, quality, acquired_at, note'
\if :project
SELECT create_resource_type('Project', versioned => :versioned);
INSERT INTO project (identifier, valid_from) VALUES ('project/a', '2024-01-01'), ('project/b', '2024-01-01');
\endif
SELECT create_resource_type('Datasource', :typed, versioned => :versioned, parents => CASE WHEN :project THEN '{Project}' ELSE '{}' END::text[]);
SELECT create_resource_type('Patient', :typed, versioned => :versioned, parents => '{Datasource}');
SELECT create_resource_type('ImagingStudy', :typed, versioned => :versioned, parents => '{Patient}', lineage_field => 'study_id');
SELECT create_resource_type('Volume', :typed, versioned => :versioned, parents => '{ImagingStudy}');

INSERT INTO datasource (:given) SELECT identifier, CASE WHEN :project THEN parent_identifier END, '2024-01-01', modality, size, quality, acquired_at, note
	FROM bench.node WHERE level = 1 ORDER BY n;
INSERT INTO patient (:given) SELECT identifier, parent_identifier, '2024-01-01', modality, size, quality, acquired_at, note
	FROM bench.node WHERE level = 2 ORDER BY n;
INSERT INTO imagingstudy (:given) SELECT identifier, parent_identifier, '2024-01-01', modality, size, quality, acquired_at, note
	FROM bench.node WHERE level = 3 ORDER BY n;
\if :volumes
INSERT INTO volume (:given) SELECT identifier, parent_identifier, '2024-01-01', modality, size, quality, acquired_at, note
	FROM bench.node WHERE level = 4 ORDER BY n;
\endif
