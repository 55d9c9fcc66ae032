--
-- Lineage triggers
--
CREATE FUNCTION lineage_trigger() RETURNS trigger
AS 'MODULE_PATHNAME', 'vxp_lineage_trigger'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION lineage_trigger() IS 'row trigger before INSERT and UPDATE, and DELETE where versions are kept, of a resource table: derives lineage and lineage fields from the parent';

CREATE FUNCTION lineage_settle() RETURNS trigger
AS 'MODULE_PATHNAME', 'vxp_lineage_settle'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION lineage_settle() IS 'row trigger after UPDATE and DELETE of a resource table: moves the subtree of a row that has another parent; 23503 when a row that is gone left children';

CREATE FUNCTION lineage_truncate() RETURNS trigger
AS 'MODULE_PATHNAME', 'vxp_lineage_truncate'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION lineage_truncate() IS 'statement trigger after TRUNCATE of a resource table: 23503 when its resources have children';

CREATE FUNCTION valid_identifier(identifier text, prefix text) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_valid_identifier'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION valid_identifier(text, text) IS 'does the identifier begin with the prefix and a slash, go on, and have at most 2,000 bytes?';

--
-- Steps of register and create_resource_type
--
CREATE FUNCTION catalog_require_type(name text) RETURNS resource_type
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type;
	near text;
BEGIN
	SELECT * INTO type FROM @extschema@.resource_type t WHERE t.name = catalog_require_type.name;
	IF NOT FOUND THEN
		near := (SELECT t.name FROM @extschema@.resource_type t WHERE lower(t.name) = lower(catalog_require_type.name));
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
			MESSAGE = format('resource type "%s" does not exist', name),
			HINT = CASE WHEN near IS NULL THEN 'See the view vxp.resource_types.' ELSE format('Perhaps you meant "%s".', near) END;
	END IF;
	RETURN type;
END
$$;
COMMENT ON FUNCTION catalog_require_type(text) IS 'the definition of that resource type; 42704 when there is none';

CREATE FUNCTION catalog_types_above(parents text[]) RETURNS SETOF resource_type
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH RECURSIVE above AS (
		SELECT t.name, t.parents FROM resource_type t WHERE t.name OPERATOR(pg_catalog.=) ANY ($1)
		UNION
		SELECT t.name, t.parents FROM above a, resource_type t WHERE t.name OPERATOR(pg_catalog.=) ANY (a.parents)
	)
	SELECT t.* FROM resource_type t WHERE t.name IN (SELECT a.name FROM above a) ORDER BY t.name;
END;
COMMENT ON FUNCTION catalog_types_above(text[]) IS 'the definitions of these resource types and of all that may lie above them';

CREATE FUNCTION catalog_make_triggers(relation regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lineage_column name;
	versioned boolean;
BEGIN
	SELECT t.lineage_column, t.versioned INTO lineage_column, versioned
		FROM @extschema@.resource_type t JOIN @extschema@.resource_relation r ON r.name = t.name WHERE r.relid = relation;
	EXECUTE format('CREATE TRIGGER vxp_lineage BEFORE INSERT OR UPDATE%s ON %s FOR EACH ROW EXECUTE FUNCTION @extschema@.lineage_trigger()',
		CASE WHEN versioned THEN ' OR DELETE' ELSE '' END, relation);
	EXECUTE format('CREATE TRIGGER vxp_lineage_update AFTER UPDATE ON %s FOR EACH ROW '
		'WHEN (OLD.%2$I OPERATOR(@extschema@.<>) NEW.%2$I) EXECUTE FUNCTION @extschema@.lineage_settle()', relation, lineage_column);
	EXECUTE format('CREATE TRIGGER vxp_lineage_delete AFTER DELETE ON %s FOR EACH ROW EXECUTE FUNCTION @extschema@.lineage_settle()', relation);
	EXECUTE format('CREATE TRIGGER vxp_lineage_truncate AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.lineage_truncate()', relation);
END
$$;
COMMENT ON FUNCTION catalog_make_triggers(regclass) IS 'creates the lineage triggers of a registered table';

CREATE FUNCTION catalog_view_columns(view regclass) RETURNS name[]
	AS 'MODULE_PATHNAME', 'vxp_catalog_view_columns'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION catalog_view_columns(regclass) IS 'of each column of a view the table''s column that it shows, by its name of today; NULL for an expression, and for what is no view';

CREATE FUNCTION catalog_rename_view_columns(view regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	col record;
	renames text[] := '{}';
	change text;
BEGIN
	FOR col IN SELECT a.attname AS old, t.name AS new, a.attnum FROM unnest(@extschema@.catalog_view_columns(view)) WITH ORDINALITY t(name, n)
			JOIN pg_attribute a ON a.attrelid = view AND a.attnum = t.n WHERE t.name <> a.attname
	LOOP
		-- names may have changed places
		EXECUTE format('ALTER VIEW %s RENAME COLUMN %I TO %I', view, col.old, '........renamed ' || col.attnum);
		renames := renames || format('ALTER VIEW %s RENAME COLUMN %I TO %I', view, '........renamed ' || col.attnum, col.new);
	END LOOP;
	FOREACH change IN ARRAY renames LOOP
		EXECUTE change;
	END LOOP;
END
$$;
COMMENT ON FUNCTION catalog_rename_view_columns(regclass) IS 'gives the columns of a view the names that the columns of its table have by now';

CREATE FUNCTION catalog_make_view(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	view_oid oid := (SELECT r.view_relid FROM @extschema@.resource_relation r WHERE r.name = catalog_make_view.name);
	kept name[] := '{}';
	targets text;
	view name := type.view_name;
	owner name := (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = relation);
	number int := 1;
	col record;
	has_path boolean;
BEGIN
	IF view_oid IS NOT NULL AND EXISTS (SELECT FROM pg_class c WHERE c.oid = view_oid) THEN
		-- what others built on the view stays: its columns keep their places, new ones go behind
		PERFORM @extschema@.catalog_rename_view_columns(view_oid);
		kept := (SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
				 WHERE a.attrelid = view_oid AND a.attnum > 0 AND NOT a.attisdropped);
	ELSE
		view := @extschema@.catalog_object_name(type.table_name, '_current');
		WHILE EXISTS (SELECT FROM pg_class c WHERE c.relname = view AND c.relnamespace = quote_ident(type.schema_name)::regnamespace) LOOP
			number := number + 1;
			view := @extschema@.catalog_object_name(type.table_name, '_current_' || number);
		END LOOP;
	END IF;
	has_path := type.lineage_column IS NOT NULL AND NOT EXISTS (SELECT FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attname = 'lineage_path' AND a.attnum > 0 AND NOT a.attisdropped);
	-- order: as in the view before, as in the table, the path as text, the path
	targets := (SELECT string_agg(c.target, ', ' ORDER BY c.rank, c.place) FROM (
		SELECT format('t.%I', a.attname) AS target,
			CASE WHEN a.attname = ANY (kept) THEN 0 WHEN a.attname = type.lineage_column THEN 3 ELSE 1 END AS rank,
			coalesce(array_position(kept, a.attname), a.attnum) AS place
		FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
		UNION ALL
		SELECT format('t.%I::text COLLATE "C" AS lineage_path', type.lineage_column),
			CASE WHEN 'lineage_path' = ANY (kept) THEN 0 ELSE 2 END, coalesce(array_position(kept, 'lineage_path'), 0)
		WHERE has_path) c);
	EXECUTE format('CREATE OR REPLACE VIEW %I.%I WITH (security_invoker = true) AS SELECT %s FROM %s t',
				   type.schema_name, view, targets, relation)
		|| CASE WHEN type.versioned THEN format(' WHERE @extschema@.shown(t.%I, t.%I)', type.valid_from_column, type.valid_to_column) ELSE '' END;
	IF owner <> current_user THEN
		EXECUTE format('ALTER VIEW %I.%I OWNER TO %I', type.schema_name, view, owner);
	END IF;
	-- a reader's rights are those on the table: the view asks for them itself
	EXECUTE format('GRANT SELECT ON %I.%I TO PUBLIC', type.schema_name, view);
	EXECUTE format('COMMENT ON VIEW %I.%I IS %L', type.schema_name, view,
		format(CASE WHEN type.versioned THEN 'resources of type %s that are current, or were at vxp.as_of' ELSE 'current resources of type %s' END
			|| '; rights and row security are those of table %s', type.name, type.table_name));
	FOR col IN SELECT a.attname, coalesce(d.description,
			CASE WHEN has_path AND a.attname = 'lineage_path' THEN 'path from the root to the resource itself, as text' END,
			-- what a tool shows where nobody has said more; COMMENT ON the table's column and refresh() replace it
			format('%s: %s', type.name, replace(a.attname, '_', ' '))) AS description
		FROM pg_attribute a
			LEFT JOIN pg_attribute b ON b.attrelid = relation AND b.attname = a.attname
			LEFT JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = relation AND d.objsubid = b.attnum
		WHERE a.attrelid = format('%I.%I', type.schema_name, view)::regclass AND a.attnum > 0
	LOOP
		EXECUTE format('COMMENT ON COLUMN %I.%I.%I IS %L', type.schema_name, view, col.attname, col.description);
	END LOOP;
	IF kept = '{}' THEN
		UPDATE @extschema@.resource_type t SET view_name = view WHERE t.name = catalog_make_view.name;
	END IF;
END
$$;
COMMENT ON FUNCTION catalog_make_view(text) IS 'creates or brings up to date the view on current rows of a resource type';

CREATE FUNCTION catalog_check_parents(name text, parents text[]) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parent text;
	type @extschema@.resource_type;
BEGIN
	FOREACH parent IN ARRAY parents LOOP
		IF parent IS NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
				MESSAGE = format('a parent of resource type "%s" is null', name);
		END IF;
		CONTINUE WHEN parent = name;
		type := @extschema@.catalog_require_type(parent);
		IF NOT has_table_privilege(format('%I.%I', type.schema_name, type.table_name), 'REFERENCES') THEN
			RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
				MESSAGE = format('permission denied for resource type "%s"', parent),
				HINT = format('Ask the owner of table "%s" for the privilege REFERENCES.', type.table_name);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION catalog_check_parents(text, text[]) IS 'raises an error when one of the parents does not exist (42704) or may not be referred to by the current user (42501)';

CREATE FUNCTION catalog_check_on_close(on_close text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF on_close IS NULL OR on_close NOT IN ('restrict', 'cascade') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('on_close cannot be "%s"', on_close),
			HINT = 'Write restrict or cascade.';
	END IF;
END
$$;
COMMENT ON FUNCTION catalog_check_on_close(text) IS 'raises 22023 for an argument on_close that is neither restrict nor cascade';

--
-- create_resource_type
--
CREATE FUNCTION catalog_create_type(name text, columns text, prefix text, parents text[],
	versioned boolean, lineage_field text, on_close text, path text, schemas name[]) RETURNS regclass
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	schema name := (SELECT s FROM unnest(schemas) WITH ORDINALITY u(s, n)
		WHERE s <> '@extschema@' AND NOT starts_with(s::text, 'pg_') AND s <> 'information_schema' ORDER BY n LIMIT 1);
	tab name;
	relation regclass;
	fields text[];
	field text;
	own_field text;
	optional boolean;
	col record;
	ddl text;
BEGIN
	IF name IS NULL OR columns IS NULL OR parents IS NULL OR versioned IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'name, columns, parents and versioned of a resource type must not be null';
	END IF;
	IF name = '' OR octet_length(lower(name)) > 63 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_name',
			MESSAGE = format('"%s" cannot be the name of a resource type', left(name, 64)),
			DETAIL = 'The name of its table must have 1 to 63 bytes.';
	END IF;
	IF schema IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_schema_name',
			MESSAGE = 'no schema has been selected to create in',
			HINT = 'Put a schema of yours first: SET search_path = public, vxp.';
	END IF;
	tab := lower(name);
	prefix := coalesce(prefix, lower(name));
	IF prefix = '' OR strpos(prefix, '/') > 0 OR octet_length(prefix) > 63 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"%s" cannot be the prefix of identifiers', left(prefix, 64)),
			DETAIL = 'A prefix has 1 to 63 bytes and no slash.';
	END IF;
	own_field := coalesce(lineage_field, @extschema@.catalog_object_name(prefix::name, '_id'));
	IF own_field = '' OR octet_length(own_field) > 63 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_name',
			MESSAGE = format('"%s" cannot be the name of a lineage field', left(own_field, 64));
	END IF;
	PERFORM @extschema@.catalog_check_on_close(on_close);
	PERFORM @extschema@.catalog_check_parents(name, parents);
	FOREACH field IN ARRAY parents LOOP
		IF field <> name THEN
			PERFORM @extschema@.catalog_use_lineage(field);
		END IF;
	END LOOP;
	optional := parents = '{}' OR parents = ARRAY[name];
	-- those of the types above, from the top down, then its own
	fields := (SELECT coalesce(array_agg(t.lineage_field::text ORDER BY cardinality(ARRAY(SELECT @extschema@.catalog_types_above(t.parents))), t.name), '{}')
			   FROM @extschema@.catalog_types_above(parents) t WHERE t.lineage_field IS NOT NULL AND t.name <> catalog_create_type.name)
		|| own_field;
	IF cardinality(fields) <> (SELECT count(DISTINCT f) FROM unnest(fields) f) THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_column',
			MESSAGE = format('resource type "%s" would have two lineage fields of the same name', name),
			DETAIL = format('The lineage fields are %s.', array_to_string(fields, ', ')),
			HINT = 'Pass another lineage_field.';
	END IF;

	ddl := format('CREATE TABLE %I.%I (identifier pg_catalog.text COLLATE pg_catalog."C" NOT NULL, parent_identifier pg_catalog.text COLLATE pg_catalog."C"', schema, tab)
		|| CASE WHEN optional THEN '' ELSE ' NOT NULL' END
		|| CASE WHEN columns ~ '^\s*$' THEN '' ELSE E',\n' || columns || E'\n' END
		|| ', license pg_catalog.text COLLATE pg_catalog."C", derived_from pg_catalog.text[] COLLATE pg_catalog."C", metadata pg_catalog.jsonb'
		|| ', valid_from timestamp with time zone NOT NULL DEFAULT pg_catalog.now(), valid_to timestamp with time zone'
		|| ', created_at timestamp with time zone NOT NULL DEFAULT pg_catalog.now()'
		|| (SELECT string_agg(format(', %I pg_catalog.text COLLATE pg_catalog."C"', f), '' ORDER BY n) FROM unnest(fields) WITH ORDINALITY u(f, n))
		|| format(', lineage @extschema@.lineage NOT NULL, CONSTRAINT %I PRIMARY KEY (identifier)'
			', CONSTRAINT %I CHECK (@extschema@.valid_identifier(identifier, %L))'
			', CONSTRAINT %I CHECK (%s))%s',
			@extschema@.catalog_object_name(tab, '_pkey'), @extschema@.catalog_object_name(tab, '_identifier_check'), prefix,
			@extschema@.catalog_object_name(tab, '_validity_check'),
			-- an open version says NULL, which plans and clients understand
			CASE WHEN versioned THEN '@extschema@.valid_interval(valid_from, valid_to)' ELSE 'valid_from OPERATOR(pg_catalog.<) valid_to' END,
			-- room for the next version in the same page, so that the update is HOT
			CASE WHEN versioned THEN ' WITH (fillfactor = 80)' ELSE '' END);
	-- the caller's own words are read with the caller's path
	PERFORM set_config('search_path', path, true);
	EXECUTE ddl;
	PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
	relation := format('%I.%I', schema, tab)::regclass;

	-- text that names no collation compares by bytes, as DQL does
	FOR col IN SELECT a.attname FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND a.atttypid = 'text'::regtype AND a.attgenerated = ''
			AND a.attcollation = 'pg_catalog."default"'::regcollation
			AND NOT EXISTS (SELECT FROM pg_attribute g WHERE g.attrelid = relation AND g.attgenerated <> '')
	LOOP
		EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE text COLLATE "C"', relation, col.attname);
	END LOOP;

	IF NOT versioned THEN
		EXECUTE format('CREATE INDEX ON %s (parent_identifier)', relation);
		FOREACH field IN ARRAY fields LOOP
			EXECUTE format('CREATE INDEX ON %s (%I)', relation, field);
		END LOOP;
		PERFORM @extschema@.catalog_make_lineage_index(relation, 'lineage');
	END IF;
	-- most resources were made from nothing that is named
	EXECUTE format('CREATE INDEX ON %s USING gin (derived_from) WHERE derived_from IS NOT NULL', relation);

	EXECUTE format('COMMENT ON TABLE %s IS %L', relation, format('resources of type %s; read %s_current', name, tab));
	FOR col IN SELECT * FROM (VALUES
			('identifier', format('identifies the resource: %s/ and any text', prefix)),
			('parent_identifier', CASE WHEN parents = '{}' THEN 'always NULL: the type has no parent'
				ELSE format('identifier of the parent, of type %s', array_to_string(parents, ' or ')) END),
			('license', 'licence of the resource'),
			('derived_from', 'identifiers of the resources it was made from'),
			('metadata', 'further facts'),
			('valid_from', 'since when the row is valid'),
			('valid_to', 'when the row ceased to be valid; NULL: it is current'),
			('created_at', 'when the row was inserted'),
			('lineage', 'path from the root to the resource itself; derived from parent_identifier')) v(attname, description)
		UNION ALL
		SELECT t.lineage_field, format('identifier of the nearest %s above; derived from parent_identifier', t.name)
		FROM @extschema@.catalog_types_above(parents) t WHERE t.lineage_field IS NOT NULL
		UNION ALL SELECT own_field, 'the identifier, for joins with the types below; derived'
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', relation, col.attname, col.description);
	END LOOP;

	INSERT INTO @extschema@.resource_type (name, schema_name, table_name, prefix, parents, versioned, lineage_field, id_column,
			identifier_column, parent_column, lineage_column, valid_from_column, valid_to_column, created, lineage_fields, on_close)
		VALUES (name, schema, tab, prefix, parents, versioned, own_field, 'identifier',
			'identifier', 'parent_identifier', 'lineage', 'valid_from', 'valid_to', true, fields, on_close);
	PERFORM @extschema@.catalog_make_triggers(relation);
	IF versioned THEN
		PERFORM @extschema@.catalog_make_versions(name);
		EXECUTE format('CREATE INDEX ON %s USING gin (derived_from) WHERE derived_from IS NOT NULL', @extschema@.history_table(relation));
	END IF;
	PERFORM @extschema@.catalog_make_view(name);
	RETURN relation;
END
$$;
COMMENT ON FUNCTION catalog_create_type(text, text, text, text[], boolean, text, text, text, name[]) IS 'create_resource_type with the search_path of its caller';

CREATE FUNCTION create_resource_type(name text, columns text DEFAULT '', prefix text DEFAULT NULL, parents text[] DEFAULT '{}',
	versioned boolean DEFAULT true, lineage_field text DEFAULT NULL, on_close text DEFAULT 'restrict') RETURNS regclass
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT catalog_create_type($1, $2, $3, $4, $5, $6, $7,
		pg_catalog.current_setting('search_path'), pg_catalog.current_schemas(false));
END;
COMMENT ON FUNCTION create_resource_type(text, text, text, text[], boolean, text, text) IS 'Creates a resource type and its table (lower-case name, in the first schema of the search_path), with a view <table>_current and a function <table>(dql). columns: further columns as in CREATE TABLE. prefix: what identifiers have before the first slash, default the lower-case name. parents: the types one of which each parent has; a type without parents, or that lies only below itself, has roots. lineage_field: default <prefix>_id. versioned: keep every version of a resource. on_close: restrict: a resource with children of this type cannot be deleted; cascade: they end with it. Returns the table.';

