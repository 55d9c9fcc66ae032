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
	versioned boolean NOT NULL DEFAULT false,
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
	lineage_fields text[] NOT NULL DEFAULT '{}',
	on_close text NOT NULL DEFAULT 'restrict' CONSTRAINT resource_type_on_close_check CHECK (on_close IN ('restrict', 'cascade')),
	CONSTRAINT resource_type_versioned_check CHECK (NOT versioned OR valid_from_column IS NOT NULL AND valid_to_column IS NOT NULL),
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
COMMENT ON COLUMN resource_type.lineage_fields IS 'columns of the table that hold ancestors and are written by the lineage trigger';
COMMENT ON COLUMN resource_type.on_close IS 'what the end of a parent means for resources of this type: restrict: it is refused; cascade: they end, too';

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

--
-- What the catalog knows by OID: never dumped, and written only by the trigger
-- below, so that the rows can be trusted to follow a RENAME
--
CREATE TABLE resource_relation (
	name text COLLATE "C" NOT NULL,
	relid oid NOT NULL,
	view_relid oid,
	CONSTRAINT resource_relation_pkey PRIMARY KEY (name)
);
COMMENT ON TABLE resource_relation IS 'OIDs of the table and the view of each resource type in this database; not dumped';
COMMENT ON COLUMN resource_relation.name IS 'name of the resource type';
COMMENT ON COLUMN resource_relation.relid IS 'its table';
COMMENT ON COLUMN resource_relation.view_relid IS 'its view on current rows, or NULL';
GRANT SELECT ON resource_relation TO PUBLIC;

--
-- Triggers on the catalog
--
CREATE FUNCTION resource_type_record() RETURNS trigger
AS 'MODULE_PATHNAME', 'vxp_resource_type_record'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION resource_type_record() IS 'row trigger: notes the OIDs of table and view, makes or removes the wrapper functions';

CREATE FUNCTION catalog_check_type(type resource_type, relation regclass) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	duty record;
	entry record;
	kind "char";
	found_type oid;
	part text;
BEGIN
	kind := (SELECT c.relkind FROM pg_class c WHERE c.oid = relation);
	IF kind NOT IN ('r', 'p', 'v', 'm', 'f') THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
			MESSAGE = format('%s is no table or view', relation);
	END IF;
	IF (type.parents <> '{}' OR type.parent_column IS NOT NULL) AND kind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
			MESSAGE = format('resources of type "%s" cannot have parents, since %s is no table', type.name, relation),
			HINT = 'Register it without parents, or register the table behind it.';
	END IF;
	FOR duty IN SELECT * FROM (VALUES
			('id', type.id_column, NULL::regtype),
			('document', type.document_column, 'jsonb'::regtype),
			('identifier', type.identifier_column, NULL),
			('parent_identifier', type.parent_column, NULL),
			('lineage', type.lineage_column, '@extschema@.lineage'::regtype),
			('valid_from', type.valid_from_column, 'timestamptz'::regtype),
			('valid_to', type.valid_to_column, 'timestamptz'::regtype)) d(name, col, wanted)
		WHERE col IS NOT NULL
	LOOP
		SELECT a.atttypid INTO found_type FROM pg_attribute a
			WHERE a.attrelid = relation AND a.attname = duty.col AND a.attnum > 0 AND NOT a.attisdropped;
		IF NOT FOUND THEN
			RAISE EXCEPTION USING ERRCODE = 'undefined_column',
				MESSAGE = format('column "%s" of %s does not exist', duty.col, relation),
				DETAIL = format('It is the %s of resource type "%s".', duty.name, type.name),
				HINT = 'To rename or drop it, use vxp.unregister first, and register the table anew.';
		END IF;
		IF found_type <> duty.wanted THEN
			RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch',
				MESSAGE = format('column "%s" of %s is not of type %s', duty.col, relation, duty.wanted),
				DETAIL = format('It is the %s of resource type "%s".', duty.name, type.name);
		END IF;
		IF duty.name = 'identifier' AND type.lineage_column IS NOT NULL AND found_type <> 'text'::regtype THEN
			RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch',
				MESSAGE = format('column "%s" of %s is not of type text', duty.col, relation),
				DETAIL = format('It is the identifier of resource type "%s".', type.name);
		END IF;
	END LOOP;
	IF type.versioned AND kind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
			MESSAGE = format('resource type "%s" cannot be versioned, since %s is no table', type.name, relation),
			HINT = 'Do not map both valid_from and valid_to, or register the table behind it.';
	END IF;
	IF type.id_column IS NULL AND type.document_column IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('resource type "%s" has no id', type.name),
			HINT = 'Name the column with the argument id.';
	END IF;
	IF type.prefix = '' OR strpos(type.prefix, '/') > 0 OR octet_length(type.prefix) > 63 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"%s" cannot be the prefix of identifiers', left(type.prefix, 64)),
			DETAIL = 'A prefix has 1 to 63 bytes and no slash.';
	END IF;
	IF (type.valid_from_column IS NULL) <> (type.valid_to_column IS NULL) THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('resource type "%s" maps only one of valid_from and valid_to', type.name);
	END IF;
	IF array_position(type.parents, NULL) IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = format('a parent of resource type "%s" is null', type.name);
	END IF;
	IF jsonb_typeof(type.fields) <> 'object' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the fields of resource type "%s" are no JSON object', type.name),
			HINT = 'Write {"path": "column"} or {"path": "column.path.inside"}.';
	END IF;
	FOR entry IN SELECT e.key, e.value, e.value #>> '{}' AS target FROM jsonb_each(type.fields) e
	LOOP
		IF jsonb_typeof(entry.value) <> 'string' OR entry.key = '' THEN
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('field "%s" of resource type "%s" is not mapped to a string', entry.key, type.name),
				HINT = 'Write {"path": "column"} or {"path": "column.path.inside"}.';
		END IF;
		CONTINUE WHEN EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation
			AND a.attname = entry.target AND a.attnum > 0 AND NOT a.attisdropped);
		part := split_part(entry.target, '.', 1);
		SELECT a.atttypid INTO found_type FROM pg_attribute a
			WHERE a.attrelid = relation AND a.attname = part AND a.attnum > 0 AND NOT a.attisdropped;
		IF NOT FOUND OR part = entry.target OR right(entry.target, 1) = '.' THEN
			RAISE EXCEPTION USING ERRCODE = 'undefined_column',
				MESSAGE = format('column "%s" of %s does not exist', entry.target, relation),
				DETAIL = format('Field "%s" of resource type "%s" is mapped to it.', entry.key, type.name);
		END IF;
		IF found_type <> 'jsonb'::regtype THEN
			RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch',
				MESSAGE = format('column "%s" of %s is not of type jsonb', part, relation),
				DETAIL = format('Field "%s" of resource type "%s" is mapped to a place inside it.', entry.key, type.name);
		END IF;
	END LOOP;
	IF json_typeof(type.default_sort) NOT IN ('object', 'array') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the default sort of resource type "%s" is no JSON object or list', type.name),
			HINT = 'Write {"created_at": -1}, or a list of such objects.';
	END IF;
END
$$;
COMMENT ON FUNCTION catalog_check_type(resource_type, regclass) IS 'raises an error when the definition does not fit the table: columns, their types, fields, default sort';

CREATE FUNCTION catalog_wrappers(relation regclass) RETURNS SETOF regprocedure
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT p.oid::regprocedure
		FROM pg_class c JOIN pg_proc p ON p.prorettype = c.reltype JOIN pg_language l ON l.oid = p.prolang
		WHERE c.oid = relation AND l.lanname = 'c' AND p.prosrc = 'vxp_query'
			AND p.proargtypes[0] = '@extschema@.dql'::regtype;
END
$$;
COMMENT ON FUNCTION catalog_wrappers(regclass) IS 'the wrapper functions of the table, whatever their names';

CREATE FUNCTION catalog_function_name(relation regclass, wanted name DEFAULT NULL) RETURNS name
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	schema oid;
	base name;
	candidate name;
	number int := 0;
BEGIN
	-- without the DQL part of the extension there is nothing to wrap
	IF to_regprocedure('@extschema@.query_support(internal)') IS NULL THEN
		RETURN NULL;
	END IF;
	SELECT c.relname, c.relnamespace INTO base, schema FROM pg_class c WHERE c.oid = relation;
	candidate := coalesce(wanted, base);
	LOOP
		-- a function beside the table that takes as many arguments, or one that every path sees
		EXIT WHEN NOT EXISTS (SELECT FROM pg_proc p WHERE p.proname = candidate
			AND (p.pronamespace IN ('pg_catalog'::regnamespace, '@extschema@'::regnamespace)
				 OR p.pronamespace = schema AND p.pronargs BETWEEN 1 AND 2
					AND p.proargtypes[0] = to_regtype('@extschema@.dql')
					AND p.oid NOT IN (SELECT w::oid FROM @extschema@.catalog_wrappers(relation) w)))
			-- name(dql) would be read as a cast
			AND NOT EXISTS (SELECT FROM pg_type t WHERE t.typname = candidate AND t.typrelid <> relation
				AND t.typnamespace IN ('pg_catalog'::regnamespace, '@extschema@'::regnamespace));
		number := number + CASE WHEN candidate = wanted AND wanted <> base THEN 0 ELSE 1 END;
		candidate := CASE number WHEN 0 THEN base WHEN 1 THEN @extschema@.catalog_object_name(base, '_query')
			ELSE @extschema@.catalog_object_name(base, '_query_' || number) END;
		wanted := NULL;
	END LOOP;
	RETURN candidate;
END
$$;
COMMENT ON FUNCTION catalog_function_name(regclass, name) IS 'a free name for the wrapper function beside the table: the wanted one, or that of the table, unless it would hide a function of ours or of the server or exists, else with _query added';

CREATE FUNCTION catalog_object_name(base name, suffix text) RETURNS name
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	cut text := base;
BEGIN
	WHILE cut <> '' AND octet_length(cut || suffix) > 63 LOOP
		cut := left(cut, -1);
	END LOOP;
	RETURN cut || suffix;
END
$$;
COMMENT ON FUNCTION catalog_object_name(name, text) IS 'base and suffix as one name; the base is cut to make it fit';

CREATE FUNCTION catalog_type_name(type oid) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- format_type leaves out the schema of what it sees
	RETURN (SELECT format('%I.%I', n.nspname, t.typname) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = type);
END
$$;
COMMENT ON FUNCTION catalog_type_name(oid) IS 'the name of a type with its schema, for statements that run with the path of the caller';

CREATE FUNCTION resource_type_guard() RETURNS trigger
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation oid;
	recorded record;
	follows boolean := false;
	touched @extschema@.resource_type;
	near text;
BEGIN
	-- the table of a row that exists already must be the caller's, before and after
	IF TG_OP <> 'INSERT' THEN
		SELECT r.relid, r.view_relid, c.relname, n.nspname, v.relname AS view_name INTO recorded
			FROM @extschema@.resource_relation r
				LEFT JOIN pg_class c ON c.oid = r.relid
				LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
				LEFT JOIN pg_class v ON v.oid = r.view_relid
			WHERE r.name = OLD.name;
		IF TG_OP = 'UPDATE' THEN
			-- anybody may write what is true already: where table and view are now
			touched := OLD;
			touched.schema_name := NEW.schema_name;
			touched.table_name := NEW.table_name;
			touched.view_name := NEW.view_name;
			follows := touched::text = NEW::text
				AND NEW.schema_name = recorded.nspname AND NEW.table_name = recorded.relname
				AND (NEW.view_name IS NOT DISTINCT FROM OLD.view_name
					 OR NEW.view_name IS NOT DISTINCT FROM recorded.view_name);
		ELSE
			-- what has no table any more may go
			follows := recorded.relname IS NULL;
		END IF;
		IF NOT follows AND recorded.relname IS NOT NULL THEN
			PERFORM @extschema@.catalog_require_owner(recorded.relid);
		END IF;
	END IF;
	IF TG_OP = 'DELETE' THEN
		RETURN OLD;
	END IF;
	IF follows THEN
		RETURN NEW;
	END IF;

	relation := (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
				 WHERE n.nspname = NEW.schema_name AND c.relname = NEW.table_name);
	IF relation IS NULL THEN
		-- a dump of some tables only brings along the definitions of all
		RAISE WARNING USING ERRCODE = 'undefined_table',
			MESSAGE = format('resource type "%s" is left out, since table "%s.%s" does not exist',
							 NEW.name, NEW.schema_name, NEW.table_name);
		RETURN NULL;
	END IF;
	PERFORM @extschema@.catalog_require_owner(relation);
	IF TG_OP = 'INSERT' THEN
		-- the unique indexes say the same, less clearly
		near := (SELECT t.name FROM @extschema@.resource_type t WHERE lower(t.name COLLATE "default") = lower(NEW.name COLLATE "default"));
		IF near IS NOT NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
				MESSAGE = format('resource type "%s" already exists', near),
				DETAIL = 'Names of resource types must differ in more than case.';
		END IF;
		near := (SELECT t.name FROM @extschema@.resource_type t WHERE (t.schema_name, t.table_name) = (NEW.schema_name, NEW.table_name));
		IF near IS NOT NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
				MESSAGE = format('table %s is a resource type already', relation::regclass),
				DETAIL = format('Its name is "%s".', near);
		END IF;
	END IF;
	PERFORM @extschema@.catalog_check_type(NEW, relation);
	-- a dump brings the name along; an UPDATE to NULL removes the functions
	IF TG_OP = 'INSERT' OR NEW.function_name <> coalesce(OLD.function_name, '') THEN
		NEW.function_name := @extschema@.catalog_function_name(relation, NEW.function_name);
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION resource_type_guard() IS 'row trigger: 42501 unless the current user owns the table, errors for a definition that does not fit it, a warning and no row when there is no table';

CREATE FUNCTION catalog_require_owner(relation oid) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation AND pg_has_role(current_user, c.relowner, 'USAGE')) THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = format('must be owner of %s', relation::regclass),
			HINT = 'The owner of a table alone may make it a resource type, or change that.';
	END IF;
END
$$;
COMMENT ON FUNCTION catalog_require_owner(oid) IS 'raises 42501 unless the current user owns the relation';

CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON resource_type
	FOR EACH ROW EXECUTE FUNCTION resource_type_guard();
ALTER TABLE resource_type ENABLE ALWAYS TRIGGER guard;
CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON resource_type
	FOR EACH ROW EXECUTE FUNCTION resource_type_record();
ALTER TABLE resource_type ENABLE ALWAYS TRIGGER record;

--
-- DDL on registered tables
--
CREATE FUNCTION follow_ddl() RETURNS event_trigger
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	moved record;
	altered record;
	wrapper record;
BEGIN
	-- renamed tables, views and schemas: the catalog says where they are now
	FOR moved IN
		SELECT r.name, n.nspname, c.relname, v.relname AS view_name
		FROM @extschema@.resource_relation r
			JOIN @extschema@.resource_type t ON t.name = r.name
			JOIN pg_class c ON c.oid = r.relid
			JOIN pg_namespace n ON n.oid = c.relnamespace
			LEFT JOIN pg_class v ON v.oid = r.view_relid
		WHERE (t.schema_name, t.table_name) <> (n.nspname, c.relname)
			OR t.view_name <> v.relname
	LOOP
		UPDATE @extschema@.resource_type t
			SET schema_name = moved.nspname, table_name = moved.relname,
				view_name = coalesce(moved.view_name, t.view_name)
			WHERE t.name = moved.name;
	END LOOP;
	-- view and wrapper go along with their table
	FOR altered IN
		SELECT DISTINCT r.name, r.relid, r.view_relid, c.relnamespace, c.relowner, n.nspname
		FROM pg_event_trigger_ddl_commands() d
			JOIN @extschema@.resource_relation r ON d.classid = 'pg_class'::regclass AND d.objid = r.relid
			JOIN pg_class c ON c.oid = r.relid
			JOIN pg_namespace n ON n.oid = c.relnamespace
	LOOP
		PERFORM @extschema@.catalog_check_type(t, altered.relid)
			FROM @extschema@.resource_type t WHERE t.name = altered.name;
		IF EXISTS (SELECT FROM pg_class v WHERE v.oid = altered.view_relid AND v.relnamespace <> altered.relnamespace) THEN
			EXECUTE format('ALTER VIEW %s SET SCHEMA %I', altered.view_relid::regclass, altered.nspname);
		END IF;
		IF EXISTS (SELECT FROM pg_class v WHERE v.oid = altered.view_relid AND v.relowner <> altered.relowner) THEN
			EXECUTE format('ALTER VIEW %s OWNER TO %I', altered.view_relid::regclass, pg_get_userbyid(altered.relowner));
		END IF;
		FOR wrapper IN
			SELECT p.oid, p.pronamespace, p.proowner
			FROM @extschema@.catalog_wrappers(altered.relid) w JOIN pg_proc p ON p.oid = w
		LOOP
			IF wrapper.pronamespace <> altered.relnamespace THEN
				EXECUTE format('ALTER FUNCTION %s SET SCHEMA %I', wrapper.oid::regprocedure, altered.nspname);
			END IF;
			IF wrapper.proowner <> altered.relowner THEN
				EXECUTE format('ALTER FUNCTION %s OWNER TO %I', wrapper.oid::regprocedure, pg_get_userbyid(altered.relowner));
			END IF;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION follow_ddl() IS 'event trigger: keeps resource types right when a table is renamed, moved or altered; an error when its columns no longer fit';

CREATE FUNCTION follow_drop() RETURNS event_trigger
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	dropped text[];
BEGIN
	-- a DROP of the extension itself takes the catalog along
	IF to_regclass('@extschema@.resource_relation') IS NULL THEN
		RETURN;
	END IF;
	-- even a DELETE of nothing would tell all sessions to plan anew
	dropped := ARRAY(SELECT r.name FROM @extschema@.resource_relation r
		JOIN pg_event_trigger_dropped_objects() d ON d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND d.objid = r.relid);
	IF dropped <> '{}' THEN
		DELETE FROM @extschema@.resource_type t WHERE t.name = ANY (dropped);
	END IF;
END
$$;
COMMENT ON FUNCTION follow_drop() IS 'event trigger: removes the resource types of tables that are dropped';

CREATE EVENT TRIGGER vxp_follow_ddl ON ddl_command_end
	WHEN TAG IN ('ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE', 'ALTER SCHEMA')
	EXECUTE FUNCTION follow_ddl();
COMMENT ON EVENT TRIGGER vxp_follow_ddl IS 'keeps resource types right when tables are altered';
CREATE EVENT TRIGGER vxp_follow_drop ON sql_drop
	WHEN TAG IN ('DROP TABLE', 'DROP VIEW', 'DROP MATERIALIZED VIEW', 'DROP FOREIGN TABLE', 'DROP SCHEMA', 'DROP OWNED',
				 'DROP EXTENSION', 'DROP SERVER', 'DROP FOREIGN DATA WRAPPER', 'DROP TYPE')
	EXECUTE FUNCTION follow_drop();
COMMENT ON EVENT TRIGGER vxp_follow_drop IS 'removes the resource types of dropped tables';
