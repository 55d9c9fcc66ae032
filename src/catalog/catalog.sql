--
-- Resource types: the catalog
--
-- One row a type, by name and never by OID, so that a dump restores it.  The
-- columns are in the order of the enum in catalog.h.
--
CREATE TABLE resource_type (
	name text COLLATE "C" NOT NULL CONSTRAINT resource_type_name_check CHECK (name <> ''),
	schema_name name NOT NULL,
	table_name name NOT NULL,
	prefix text COLLATE "C" CONSTRAINT resource_type_prefix_check CHECK (prefix <> '' AND pg_catalog.strpos(prefix, '/') = 0),
	parents text[] NOT NULL DEFAULT '{}',
	versioned boolean NOT NULL DEFAULT false CONSTRAINT resource_type_versioned_check CHECK (NOT versioned),
	lineage_field name,
	id_column name,
	document_column name,
	identifier_column name,
	parent_column name,
	lineage_column name,
	valid_from_column name,
	valid_to_column name,
	fields jsonb NOT NULL DEFAULT '{}',
	default_sort json,
	created boolean NOT NULL DEFAULT false,
	view_name name,
	function_name name,
	CONSTRAINT resource_type_pkey PRIMARY KEY (name),
	CONSTRAINT resource_type_table_key UNIQUE (schema_name, table_name)
);
COMMENT ON TABLE resource_type IS 'Definitions of resource types. Written by register, create_resource_type and their counterparts; a row may be written by the owner of its table only. Read vxp.resource_types instead.';
COMMENT ON COLUMN resource_type.name IS 'name of the resource type; case-sensitive, but no two names differ in case only';
COMMENT ON COLUMN resource_type.schema_name IS 'schema of the table';
COMMENT ON COLUMN resource_type.table_name IS 'table, view or foreign table with the resources';
COMMENT ON COLUMN resource_type.prefix IS 'identifier type: what identifiers have before the first slash; NULL without lineage';
COMMENT ON COLUMN resource_type.parents IS 'names of the resource types that may be the parent of a resource';
COMMENT ON COLUMN resource_type.versioned IS 'are there several versions of a resource?';
COMMENT ON COLUMN resource_type.lineage_field IS 'column with the identifier of the ancestor of this type, on this table and all below';
COMMENT ON COLUMN resource_type.id_column IS 'column that is the DQL id; NULL: member id of the document';
COMMENT ON COLUMN resource_type.document_column IS 'jsonb column that is the document, or NULL';
COMMENT ON COLUMN resource_type.identifier_column IS 'column with the identifier, or NULL';
COMMENT ON COLUMN resource_type.parent_column IS 'column with the identifier of the parent, or NULL';
COMMENT ON COLUMN resource_type.lineage_column IS 'column with the path, or NULL';
COMMENT ON COLUMN resource_type.valid_from_column IS 'column with the start of validity, or NULL';
COMMENT ON COLUMN resource_type.valid_to_column IS 'column with the end of validity, or NULL';
COMMENT ON COLUMN resource_type.fields IS 'object: DQL path to column, or to a place in a jsonb column';
COMMENT ON COLUMN resource_type.default_sort IS 'DQL sort of pages without a sort, or NULL';
COMMENT ON COLUMN resource_type.created IS 'was the table made by create_resource_type?';
COMMENT ON COLUMN resource_type.view_name IS 'the view on current rows beside the table';
COMMENT ON COLUMN resource_type.function_name IS 'the function name(dql) beside the table';

-- names that differ in case only would be told apart by nobody
CREATE UNIQUE INDEX resource_type_lower_key ON resource_type (pg_catalog.lower(name COLLATE "default"));
COMMENT ON INDEX resource_type_lower_key IS 'no two resource types whose names differ in case only';

SELECT pg_catalog.pg_extension_config_dump('resource_type', '');
GRANT SELECT, INSERT, UPDATE, DELETE ON resource_type TO PUBLIC;

CREATE FUNCTION resource_type_invalidate() RETURNS trigger
AS 'MODULE_PATHNAME', 'vxp_resource_type_invalidate'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION resource_type_invalidate() IS 'statement trigger: makes all sessions read the resource types again';

CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON resource_type
	FOR EACH STATEMENT EXECUTE FUNCTION resource_type_invalidate();
ALTER TABLE resource_type ENABLE ALWAYS TRIGGER invalidate;
