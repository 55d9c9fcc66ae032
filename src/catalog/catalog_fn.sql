--
-- Lineage for tables that exist
--
CREATE FUNCTION catalog_make_lineage_index(relation regclass, col name) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
			   WHERE m.amname = 'gist' AND o.opcdefault AND o.opcintype = '@extschema@.lineage'::regtype)
		AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
			   JOIN pg_attribute a ON a.attrelid = relation AND a.attname = col
			   WHERE i.indrelid = relation AND m.amname = 'gist' AND i.indpred IS NULL AND i.indkey[0] = a.attnum) THEN
		EXECUTE format('CREATE INDEX ON %s USING gist (%I)', relation, col);
	END IF;
END
$$;
COMMENT ON FUNCTION catalog_make_lineage_index(regclass, name) IS 'creates the GiST index on a column with paths';

CREATE FUNCTION catalog_add_column(relation regclass, col name, type text, comment text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', relation, col, type);
	EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', relation, col, comment);
END
$$;
COMMENT ON FUNCTION catalog_add_column(regclass, name, text, text) IS 'adds a commented column to a table';

CREATE FUNCTION catalog_parent_expression(name text, alias text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	prefixes text[] := ARRAY(SELECT t.prefix FROM @extschema@.resource_type t WHERE t.name = ANY (type.parents));
	col text;
BEGIN
	IF type.parent_column IS NULL THEN
		RETURN 'NULL::text';
	END IF;
	col := format('%s.%I', alias, type.parent_column);
	-- as catalog_table.c decides: a type whose id is its identifier has whole identifiers as parents, too
	IF cardinality(prefixes) <> 1 OR type.id_column = type.identifier_column
		AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = format('%I.%I', type.schema_name, type.table_name)::regclass
			AND a.attname = type.parent_column AND a.atttypid = 'text'::regtype) THEN
		RETURN col || '::text';
	END IF;
	RETURN format('CASE WHEN starts_with(%1$s::text, %2$L) THEN %1$s::text ELSE %2$L || %1$s::text END', col, prefixes[1] || '/');
END
$$;
COMMENT ON FUNCTION catalog_parent_expression(text, text) IS 'SQL for the identifier of the parent of a row, as the lineage trigger completes it';

CREATE FUNCTION catalog_id_expression(name text, alias text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
BEGIN
	IF type.id_column IS NULL THEN
		RETURN format('(%s.%I OPERATOR(pg_catalog.->>) ''id'')', alias, type.document_column);
	END IF;
	RETURN format('%s.%I::text', alias, type.id_column);
END
$$;
COMMENT ON FUNCTION catalog_id_expression(text, text) IS 'SQL for the DQL id of a row as text';

CREATE FUNCTION catalog_use_lineage(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	columns name[] := ARRAY(SELECT a.attname FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped);
	above record;
	condition text := '';
	updated bigint;
	faulty text;
BEGIN
	-- made already
	IF EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = relation AND t.tgname = 'vxp_lineage') THEN
		RETURN;
	END IF;
	IF (SELECT c.relkind FROM pg_class c WHERE c.oid = relation) NOT IN ('r', 'p') THEN
		-- a view that shows a path may be a parent; nothing is maintained there
		IF type.lineage_column IS NOT NULL AND type.identifier_column IS NOT NULL AND type.prefix IS NOT NULL THEN
			RETURN;
		END IF;
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
			MESSAGE = format('resources of type "%s" cannot have lineage, since %s is no table', name, relation);
	END IF;
	PERFORM @extschema@.catalog_require_owner(relation);

	type.prefix := coalesce(type.prefix, lower(name));
	type.lineage_field := coalesce(type.lineage_field, @extschema@.catalog_object_name(type.prefix::name, '_id'));
	IF type.identifier_column IS NULL THEN
		type.identifier_column := 'identifier';
		IF NOT 'identifier' = ANY (columns) THEN
			PERFORM @extschema@.catalog_add_column(relation, 'identifier', 'text COLLATE "C"',
				format('identifies the resource: %s/ and the id; derived', type.prefix));
		ELSIF type.id_column IS DISTINCT FROM 'identifier' AND col_description(relation,
				(SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = 'identifier')) IS DISTINCT FROM
				format('identifies the resource: %s/ and the id; derived', type.prefix) THEN
			type.fields := type.fields || '{"identifier": "identifier"}';
		END IF;
	END IF;
	IF type.parents <> '{}' AND type.parent_column IS NULL THEN
		type.parent_column := 'parent_identifier';
		IF NOT 'parent_identifier' = ANY (columns) THEN
			PERFORM @extschema@.catalog_add_column(relation, 'parent_identifier', 'text COLLATE "C"',
				format('identifier of the parent, of type %s', array_to_string(type.parents, ' or ')));
		END IF;
	END IF;
	IF type.lineage_column IS NULL THEN
		type.lineage_column := 'lineage';
		IF NOT 'lineage' = ANY (columns) THEN
			PERFORM @extschema@.catalog_add_column(relation, 'lineage', '@extschema@.lineage',
				'path from the root to the resource itself; derived from the parent');
		END IF;
	END IF;
	FOR above IN SELECT t.name, t.lineage_field FROM @extschema@.catalog_types_above(type.parents) t
			WHERE t.lineage_field IS NOT NULL AND t.name <> type.name
		UNION ALL SELECT type.name, type.lineage_field
	LOOP
		IF EXISTS (SELECT FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs)
				WHERE p.partrelid = relation AND a.attname = above.lineage_field AND a.atttypid = 'text'::regtype) THEN
			-- the writer supplies what decides the partition, and the trigger checks it
			type.lineage_fields := type.lineage_fields || above.lineage_field::text;
		ELSIF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = above.lineage_field
				AND a.atttypid = 'text'::regtype AND NOT a.attisdropped
				AND col_description(relation, a.attnum) ~ '; derived( from .*)?$') THEN
			-- one that an earlier registration left
			type.lineage_fields := type.lineage_fields || above.lineage_field::text;
		ELSIF above.lineage_field = ANY (columns || type.lineage_fields::name[]) THEN
			RAISE NOTICE USING MESSAGE = format('column "%s" of %s exists already and is left as it is', above.lineage_field, relation),
				DETAIL = format('It would have held the identifier of the %s.', above.name);
		ELSE
			PERFORM @extschema@.catalog_add_column(relation, above.lineage_field, 'text COLLATE "C"',
				format('identifier of the nearest %s above, or the resource itself; derived from the parent', above.name));
			type.lineage_fields := type.lineage_fields || above.lineage_field::text;
		END IF;
	END LOOP;
	UPDATE @extschema@.resource_type t SET prefix = type.prefix, lineage_field = type.lineage_field, fields = type.fields,
			identifier_column = type.identifier_column, parent_column = type.parent_column,
			lineage_column = type.lineage_column, lineage_fields = type.lineage_fields
		WHERE t.name = catalog_use_lineage.name;
	PERFORM @extschema@.catalog_make_triggers(relation);
	IF type.versioned AND @extschema@.history_table(relation) IS NOT NULL THEN
		-- of an earlier registration; they are guarded when all paths are there
		PERFORM @extschema@.catalog_make_history_triggers(name, @extschema@.history_table(relation), false);
	END IF;

	-- rows that are there: parents before children, as long as there is any progress
	IF type.parents <> '{}' THEN
		condition := format(' AND (%s IS NULL', @extschema@.catalog_parent_expression(name, 't'))
			|| (SELECT string_agg(format(' OR EXISTS (SELECT FROM %I.%I p WHERE p.%I = %s AND p.%I IS NOT NULL)',
					p.schema_name, p.table_name, p.identifier_column,
					@extschema@.catalog_parent_expression(catalog_use_lineage.name, 't'), p.lineage_column), '')
				FROM @extschema@.resource_type p WHERE p.name = ANY (type.parents))
			|| ')';
	END IF;
	IF type.lineage_column = ANY (columns) THEN
		-- paths that are there are kept, and judged below; their lineage fields may be new
		EXECUTE format('UPDATE %1$s t SET %2$I = %2$I WHERE %2$I IS NOT NULL', relation, type.lineage_column);
	END IF;
	LOOP
		EXECUTE format('UPDATE %1$s t SET %2$I = %2$I WHERE %2$I IS NULL%3$s', relation, type.lineage_column, condition);
		GET DIAGNOSTICS updated = ROW_COUNT;
		EXIT WHEN updated = 0 OR NOT type.parents @> ARRAY[name];
	END LOOP;
	EXECUTE format('SELECT string_agg(format(''%%s (parent %%s)'', id, parent), '', '') FROM '
		'(SELECT %s AS id, %s AS parent FROM %s t WHERE t.%I IS NULL ORDER BY 1 LIMIT 5) f',
		@extschema@.catalog_id_expression(name, 't'), @extschema@.catalog_parent_expression(name, 't'), relation, type.lineage_column) INTO faulty;
	IF faulty IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
			MESSAGE = format('some rows of %s have a parent that does not exist', relation),
			DETAIL = format('The first are %s.', faulty),
			HINT = 'Correct the rows, or insert their parents, and register the table again.';
	END IF;
	EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL, ALTER COLUMN %I SET NOT NULL', relation, type.lineage_column, type.identifier_column);
	IF type.versioned THEN
		PERFORM @extschema@.catalog_make_versions(name);
	ELSE
		IF NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL
				AND i.indnkeyatts = 1 AND i.indkey[0] = (SELECT a.attnum FROM pg_attribute a
					WHERE a.attrelid = relation AND a.attname = type.identifier_column)) THEN
			-- over partitions by other columns no unique index is possible; ids are unique there already
			EXECUTE format(CASE WHEN (SELECT c.relkind = 'r' OR p.partattrs = ARRAY[a.attnum]::int2vector
					FROM pg_class c LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid
						JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = type.identifier_column
					WHERE c.oid = relation)
				THEN 'CREATE UNIQUE INDEX ON %s (%I)' ELSE 'CREATE INDEX ON %s (%I)' END, relation, type.identifier_column);
		END IF;
		FOR above IN SELECT f.field FROM unnest(type.lineage_fields || type.parent_column::text) f(field)
				JOIN pg_attribute a ON a.attrelid = relation AND a.attname = f.field
			WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indpred IS NULL AND i.indkey[0] = a.attnum)
		LOOP
			EXECUTE format('CREATE INDEX ON %s (%I)', relation, above.field);
		END LOOP;
		PERFORM @extschema@.catalog_make_lineage_index(relation, type.lineage_column);
	END IF;
	SELECT string_agg(format('%s: %s', c.identifier, c.problem), ', ') INTO faulty
		FROM (SELECT * FROM @extschema@.check_lineage(catalog_use_lineage.name) LIMIT 5) c;
	IF faulty IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'check_violation',
			MESSAGE = format('the lineage of some rows of %s is wrong', relation),
			DETAIL = format('The first are %s.', faulty);
	END IF;
	IF type.view_name IS NOT NULL THEN
		PERFORM @extschema@.catalog_make_view(name);
	END IF;
END
$$;
COMMENT ON FUNCTION catalog_use_lineage(text) IS 'adds the lineage columns, indexes and triggers that a registered table lacks and fills them; errors name faulty rows; does nothing when they are there';

--
-- register and its counterparts
--
CREATE FUNCTION register(name text, relation regclass, prefix text DEFAULT NULL, parents text[] DEFAULT '{}', id text DEFAULT NULL,
	document text DEFAULT NULL, fields jsonb DEFAULT '{}', default_sort json DEFAULT NULL, on_close text DEFAULT 'restrict') RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parent text;
	place record;
	versioned boolean;
BEGIN
	IF name IS NULL OR relation IS NULL OR parents IS NULL OR fields IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'name, relation, parents and fields of a resource type must not be null';
	END IF;
	IF name = '' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_name', MESSAGE = 'the name of a resource type must not be empty';
	END IF;
	SELECT n.nspname, c.relname, c.relkind INTO place
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = format('relation with OID %s does not exist', relation::oid);
	END IF;
	IF place.nspname = '@extschema@' OR starts_with(place.nspname::text, 'pg_') OR place.nspname = 'information_schema' THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
			MESSAGE = format('%s cannot be a resource type', relation),
			DETAIL = 'System tables and temporary tables are not registered.';
	END IF;
	PERFORM @extschema@.catalog_require_owner(relation);
	PERFORM @extschema@.catalog_check_on_close(on_close);
	PERFORM @extschema@.catalog_check_parents(name, parents);
	IF id IS NULL THEN
		id := (SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			   WHERE i.indrelid = relation AND i.indisprimary AND i.indnkeyatts = 1);
	END IF;
	versioned := coalesce(jsonb_typeof(fields) = 'object' AND fields ? 'valid_from' AND fields ? 'valid_to', false);
	INSERT INTO @extschema@.resource_type (name, schema_name, table_name, prefix, parents, versioned, id_column, document_column,
			identifier_column, parent_column, lineage_column, valid_from_column, valid_to_column, fields, default_sort, on_close)
		VALUES (name, place.nspname, place.relname, prefix, parents, versioned, id, document,
			fields ->> 'identifier', fields ->> 'parent_identifier', fields ->> 'lineage',
			fields ->> 'valid_from', fields ->> 'valid_to', fields, default_sort, on_close);
	FOREACH parent IN ARRAY parents LOOP
		IF parent <> name THEN
			PERFORM @extschema@.catalog_use_lineage(parent);
		END IF;
	END LOOP;
	-- versions belong to an identifier: one that is only in the document gets a column
	IF parents <> '{}' OR fields ? 'parent_identifier' OR versioned AND id IS NULL AND NOT fields ? 'identifier' THEN
		PERFORM @extschema@.catalog_use_lineage(name);
	ELSIF versioned THEN
		PERFORM @extschema@.catalog_make_versions(name);
	END IF;
	PERFORM @extschema@.catalog_make_view(name);
END
$$;
COMMENT ON FUNCTION register(text, regclass, text, text[], text, text, jsonb, json, text) IS 'Makes a table, view or foreign table that exists a resource type. id: the column that is the DQL id; default: the one-column primary key, else member id of the document. document: a jsonb column that is the document. fields: DQL path to "column" or "column.path.inside", also for identifier, parent_identifier, lineage, valid_from and valid_to; with both of the latter, every version of a resource is kept. parents: types above; lineage columns that are missing are then added, filled and maintained, also on the types above. on_close: restrict: a resource with children of this type cannot be deleted; cascade: they end with it. Only the owner of the table may do so (42501).';

CREATE FUNCTION unregister(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := to_regclass(format('%I.%I', type.schema_name, type.table_name));
	lower_types text := (SELECT string_agg(t.name, ', ' ORDER BY t.name) FROM @extschema@.resource_type t
		WHERE unregister.name = ANY (t.parents) AND t.name <> unregister.name);
	view_oid oid;
	trigger_name name;
	place regclass;
BEGIN
	IF relation IS NOT NULL THEN
		PERFORM @extschema@.catalog_require_owner(relation);
	END IF;
	IF lower_types IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist',
			MESSAGE = format('resource type "%s" is the parent of other types', name),
			DETAIL = format('These are %s.', lower_types),
			HINT = 'Unregister them first.';
	END IF;
	FOR trigger_name, place IN SELECT t.tgname, t.tgrelid::regclass FROM pg_trigger t
		WHERE t.tgrelid IN (relation, @extschema@.history_table(relation)) AND NOT t.tgisinternal AND t.tgparentid = 0
			AND t.tgfoid IN ('@extschema@.lineage_trigger()'::regprocedure, '@extschema@.lineage_settle()'::regprocedure,
							 '@extschema@.lineage_truncate()'::regprocedure,
							 '@extschema@.version_row()'::regprocedure, '@extschema@.version_history()'::regprocedure,
							 '@extschema@.version_closed()'::regprocedure, '@extschema@.version_statement()'::regprocedure)
	LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', trigger_name, place);
	END LOOP;
	-- nobody fills the derived columns any more
	IF FOUND AND type.lineage_column IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', relation, type.lineage_column);
		IF type.id_column IS DISTINCT FROM type.identifier_column AND NOT type.fields ? 'identifier' THEN
			-- the closed versions, to which nobody adds, keep their primary key
			EXECUTE format('ALTER TABLE ONLY %s ALTER COLUMN %I DROP NOT NULL', relation, type.identifier_column);
		END IF;
	END IF;
	view_oid := (SELECT c.oid FROM pg_class c JOIN @extschema@.resource_relation r ON r.view_relid = c.oid WHERE r.name = unregister.name);
	IF view_oid IS NOT NULL THEN
		EXECUTE format('DROP VIEW %s', view_oid::regclass);
	END IF;
	DELETE FROM @extschema@.resource_type t WHERE t.name = unregister.name;
END
$$;
COMMENT ON FUNCTION unregister(text) IS 'Forgets a resource type: its view, its functions and our triggers go, the table and its columns stay. Closed versions stay in the table that inherits, and are read through the table; a later register takes them up again. 2BP01 while it is the parent of other types.';

CREATE FUNCTION drop_resource_type(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	history regclass := @extschema@.history_table(format('%I.%I', type.schema_name, type.table_name)::regclass);
BEGIN
	IF NOT type.created THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('the table of resource type "%s" was not made by create_resource_type', name),
			HINT = 'Use vxp.unregister, which leaves the table, and drop the table yourself.';
	END IF;
	PERFORM @extschema@.unregister(name);
	IF history IS NOT NULL THEN
		EXECUTE format('DROP TABLE %s', history);
	END IF;
	EXECUTE format('DROP TABLE %I.%I', type.schema_name, type.table_name);
END
$$;
COMMENT ON FUNCTION drop_resource_type(text) IS 'Drops a resource type that create_resource_type made, with its table and all rows.';

CREATE FUNCTION refresh(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	wanted name;
	wrappers regprocedure[];
	wrapper regprocedure;
BEGIN
	PERFORM @extschema@.catalog_require_owner(relation);
	IF type.versioned AND (SELECT c.relkind = 'r' AND NOT c.relispartition FROM pg_class c WHERE c.oid = relation) THEN
		PERFORM @extschema@.catalog_make_history(name);
	END IF;
	-- the view carries the table's name unless it had to evade another
	wanted := @extschema@.catalog_object_name(type.table_name, '_current');
	IF type.view_name <> wanted AND to_regclass(format('%I.%I', type.schema_name, wanted)) IS NULL
		AND to_regclass(format('%I.%I', type.schema_name, type.view_name)) IS NOT NULL THEN
		EXECUTE format('ALTER VIEW %I.%I RENAME TO %I', type.schema_name, type.view_name, wanted);
	END IF;
	PERFORM @extschema@.catalog_make_view(name);
	-- functions that others may have built on are renamed; only missing ones are made
	wanted := @extschema@.catalog_function_name(relation);
	wrappers := ARRAY(SELECT @extschema@.catalog_wrappers(relation));
	IF cardinality(wrappers) <> 2 THEN
		UPDATE @extschema@.resource_type t SET function_name = NULL WHERE t.name = refresh.name;
	ELSE
		FOREACH wrapper IN ARRAY wrappers LOOP
			IF (SELECT p.proname FROM pg_proc p WHERE p.oid = wrapper) <> wanted THEN
				EXECUTE format('ALTER FUNCTION %s RENAME TO %I', wrapper, wanted);
			END IF;
		END LOOP;
	END IF;
	UPDATE @extschema@.resource_type t SET function_name = wanted
		WHERE t.name = refresh.name AND t.function_name IS DISTINCT FROM wanted;
END
$$;
COMMENT ON FUNCTION refresh(text) IS 'Brings view and functions of a resource type up to date after its table was altered or renamed. New columns go behind those that the view has.';

CREATE FUNCTION load(name text, source regclass) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	columns name[];
	targets text;
	key text;
	given bigint;
	inserted bigint;
	-- versions that have ended are stored, but not counted
	routed bigint := @extschema@.catalog_routed_rows();
BEGIN
	columns := ARRAY(SELECT a.attname
		FROM pg_attribute a JOIN pg_attribute s ON s.attname = a.attname
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
			AND s.attrelid = source AND s.attnum > 0 AND NOT s.attisdropped
			AND a.attname IS DISTINCT FROM type.lineage_column
			AND (NOT a.attname::text = ANY (type.lineage_fields)
				 OR EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = relation AND a.attnum = ANY (p.partattrs)))
		ORDER BY a.attnum);
	IF columns = '{}' THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_column',
			MESSAGE = format('%s and %s have no column in common', source, relation);
	END IF;
	targets := (SELECT string_agg(format('%I', c), ', ') FROM unnest(columns) c);
	IF NOT name = ANY (type.parents) THEN
		EXECUTE format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM %3$s', relation, targets, source);
		GET DIAGNOSTICS inserted = ROW_COUNT;
		RETURN inserted + @extschema@.catalog_routed_rows() - routed;
	END IF;
	-- resources that lie below others of the same type: by their depth among these
	key := @extschema@.catalog_id_expression(name, 's');
	IF NOT type.created THEN
		key := format('CASE WHEN starts_with(%1$s, %2$L) THEN %1$s ELSE %2$L || %1$s END', key, type.prefix || '/');
	END IF;
	EXECUTE format('SELECT count(*) FROM %s', source) INTO given;
	EXECUTE format('WITH RECURSIVE node AS MATERIALIZED (SELECT s AS node, %4$s AS key, %5$s AS parent FROM %3$s s), '
		'sorted AS (SELECT n.node, n.key, 0 AS depth FROM node n '
		'WHERE n.parent IS NULL OR NOT EXISTS (SELECT FROM node p WHERE p.key = n.parent) '
		'UNION ALL SELECT n.node, n.key, d.depth + 1 FROM sorted d JOIN node n ON n.parent = d.key) '
		'INSERT INTO %1$s (%2$s) SELECT %6$s FROM sorted d ORDER BY d.depth',
		relation, targets, source, key, @extschema@.catalog_parent_expression(name, 's'),
		(SELECT string_agg(format('(d.node).%I', c), ', ') FROM unnest(columns) c));
	GET DIAGNOSTICS inserted = ROW_COUNT;
	inserted := inserted + @extschema@.catalog_routed_rows() - routed;
	IF inserted <> given THEN
		RAISE EXCEPTION USING ERRCODE = 'check_violation',
			MESSAGE = format('the parents of %s rows of %s make a cycle', given - inserted, source);
	END IF;
	RETURN inserted;
END
$$;
COMMENT ON FUNCTION load(text, regclass) IS 'Inserts the rows of a table or view into the table of a resource type, parents before children, matching columns by name and deriving lineage. Returns the number of rows.';

--
-- check_lineage
--
CREATE FUNCTION check_lineage(name text) RETURNS TABLE (identifier text, lineage lineage, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	above @extschema@.resource_type;
	parents text := '';
	fields text := '';
	optional boolean := type.parents = '{}' OR type.parents = ARRAY[type.name];
BEGIN
	IF type.lineage_column IS NULL OR type.identifier_column IS NULL THEN
		RETURN;
	END IF;
	FOR above IN SELECT t.* FROM @extschema@.resource_type t WHERE t.name = ANY (type.parents)
			AND t.identifier_column IS NOT NULL AND t.lineage_column IS NOT NULL LOOP
		parents := parents || format(' UNION ALL SELECT p.%I FROM %I.%I p WHERE p.%I = r.parent',
			above.lineage_column, above.schema_name, above.table_name, above.identifier_column)
			-- at each instant of the version, or at present
			|| CASE WHEN above.versioned AND type.versioned
				THEN format(' AND @extschema@.validity(p.%I, p.%I) && r.valid', above.valid_from_column, above.valid_to_column)
				WHEN above.versioned THEN format(' AND p.%I IS NULL', above.valid_to_column)
				-- where a parent without versions was in the past is not known
				WHEN type.versioned THEN format(' AND upper_inf(r.valid) UNION ALL SELECT @extschema@.parent(r.path) '
					'WHERE NOT upper_inf(r.valid) AND @extschema@.depth(r.path) > 1 AND starts_with(r.parent, %L)', above.prefix || '/')
				ELSE '' END;
	END LOOP;
	FOR above IN SELECT t.* FROM @extschema@.catalog_types_above(type.parents || type.name) t
			WHERE t.lineage_field::text = ANY (type.lineage_fields) LOOP
		fields := fields || format(' WHEN (r.node).%I IS DISTINCT FROM @extschema@.ancestor_of_type(r.path, %L) THEN %L',
			above.lineage_field, above.prefix, format('column %I is not the ancestor in the path', above.lineage_field));
	END LOOP;
	RETURN QUERY EXECUTE format(
		'SELECT r.id, r.path, c.problem FROM (SELECT t.%I::text AS id, t.%I AS path, %s AS parent, %s AS valid, t AS node FROM %I.%I t) r '
		'LEFT JOIN LATERAL (SELECT x.path FROM (SELECT NULL::@extschema@.lineage AS path WHERE false%s) x '
		'ORDER BY @extschema@.depth(r.path) > 1 AND @extschema@.parent(r.path) OPERATOR(@extschema@.=) x.path LIMIT 1) p ON true '
		'CROSS JOIN LATERAL (SELECT CASE '
		'WHEN r.path IS NULL THEN ''no path'' '
		'WHEN r.id IS NULL OR @extschema@.self(r.path) <> r.id THEN ''the path does not end with the identifier'' '
		'WHEN r.parent IS NULL AND NOT %L THEN ''no parent'' WHEN isempty(r.valid) THEN NULL '
		'WHEN r.parent IS NULL AND @extschema@.depth(r.path) <> 1 THEN ''a root with a path of more than itself'' '
		'WHEN r.parent IS NOT NULL AND p.path IS NULL THEN ''the parent does not exist'' '
		'WHEN r.parent IS NOT NULL AND (@extschema@.depth(r.path) = 1 OR @extschema@.parent(r.path) OPERATOR(@extschema@.<>) p.path) '
		'THEN ''the path is not that of the parent'' '
		'%s END AS problem) c WHERE c.problem IS NOT NULL',
		type.identifier_column, type.lineage_column, @extschema@.catalog_parent_expression(name, 't'),
		CASE WHEN type.versioned THEN format('@extschema@.validity(t.%I, t.%I)', type.valid_from_column, type.valid_to_column) ELSE 'NULL::tstzrange' END,
		type.schema_name, type.table_name, parents, optional, fields);
END
$$;
COMMENT ON FUNCTION check_lineage(text) IS 'Resources whose path or lineage fields disagree with their parents, for a version at any instant of it, and why. No rows when all is sound. Sees what its caller may see.';

--
-- What people read
--
CREATE VIEW resource_types WITH (security_invoker = true) AS
	SELECT t.name,
		r.relid::pg_catalog.regclass AS relation,
		t.prefix, t.parents, t.versioned, t.lineage_field,
		t.view_name, t.function_name, t.id_column, t.document_column, t.fields, t.default_sort, t.on_close
	FROM resource_type t LEFT JOIN resource_relation r ON r.name OPERATOR(pg_catalog.=) t.name;
COMMENT ON VIEW resource_types IS 'the resource types of this database: name, table, prefix of identifiers, possible parents, and what lies beside the table';
GRANT SELECT ON resource_types TO PUBLIC;
