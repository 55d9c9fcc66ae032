--
-- Questions about versions: what changed, when, and below what
--
-- A row is shown as DQL shows it: an object of its fields, timestamps in ISO
-- 8601.  All statements run with the rights of the caller.
--
CREATE FUNCTION item_expression(relation regclass, alias text, fields jsonb, document name, columns name[] DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	-- at most 50 members a call, since a function has at most 100 arguments
	SELECT string_agg(p.part, ' || ' ORDER BY p.part_no) FROM (
		SELECT -1 AS part_no, format('coalesce(%s.%I::pg_catalog.jsonb, ''{}'')', alias, document) AS part
		WHERE document IS NOT NULL AND (columns IS NULL OR document = ANY (columns))
		UNION ALL
		SELECT (m.n - 1) / 50, format('pg_catalog.jsonb_build_object(%s)', string_agg(m.member, ', ' ORDER BY m.n))
		FROM (SELECT row_number() OVER (ORDER BY a.attnum) AS n,
				format(CASE WHEN b.oid = 'timestamptz'::regtype THEN '%L, @extschema@.iso8601(%s.%I)'
						WHEN b.oid = 'timestamp'::regtype THEN '%L, @extschema@.iso8601(pg_catalog.timezone(''UTC'', %s.%I))'
						WHEN b.oid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'name'::regtype, 'int2'::regtype, 'int4'::regtype, 'int8'::regtype,
							'numeric'::regtype, 'bool'::regtype, 'uuid'::regtype, 'date'::regtype, 'json'::regtype, 'jsonb'::regtype, 'text[]'::regtype,
							'@extschema@.lineage'::regtype) THEN '%L, %s.%I'
						-- the JSON of others depends on settings
						ELSE '%L, @extschema@.fixed_json(ROW(%s.%I))' END,
					coalesce((SELECT min(f.key COLLATE "C") FROM jsonb_each_text(fields) f WHERE f.value = a.attname), a.attname), alias, a.attname) AS member
			FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid,
				LATERAL (SELECT CASE y.typtype WHEN 'd' THEN y.typbasetype ELSE y.oid END AS oid) b
			WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attname IS DISTINCT FROM document
				AND (columns IS NULL OR a.attname = ANY (columns))) m
		GROUP BY (m.n - 1) / 50) p
$$;
COMMENT ON FUNCTION item_expression(regclass, text, jsonb, name, name[]) IS 'SQL for a row of a resource table as one jsonb object: its document, if it has one, and its columns under the names of DQL; columns: these alone';

CREATE FUNCTION catalog_identifier_expression(name text, alias text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
BEGIN
	IF type.identifier_column IS NULL THEN
		RETURN @extschema@.catalog_id_expression(name, alias);
	END IF;
	RETURN format('%s.%I', alias, type.identifier_column);
END
$$;
COMMENT ON FUNCTION catalog_identifier_expression(text, text) IS 'SQL for what names a resource of the type, as text: its identifier, or its DQL id where it has none';

CREATE FUNCTION item_changes(before jsonb, after jsonb, OUT changed text[], OUT old jsonb, OUT new jsonb) RETURNS record
	AS 'MODULE_PATHNAME', 'vxp_item_changes'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_changes(jsonb, jsonb) IS 'the paths at which two objects differ, objects compared key by key at every depth, and what is there in each; a path that an object has not is left out of its part; {} for equal objects';

CREATE FUNCTION require_versions(name text) RETURNS resource_type
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
BEGIN
	IF NOT type.versioned THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('resource type "%s" keeps no versions', name),
			HINT = 'Create it with versioned => true, or map valid_from and valid_to when you register it.';
	END IF;
	RETURN type;
END
$$;
COMMENT ON FUNCTION require_versions(text) IS 'the definition of that resource type; 42704 when there is none, 55000 when it is not versioned';

CREATE FUNCTION history(name text, identifier text)
	RETURNS TABLE (valid_from timestamptz, valid_to timestamptz, change text, changed text[], old jsonb, new jsonb)
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.require_versions(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	columns name[] := ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
		AND a.attname NOT IN (type.valid_from_column, type.valid_to_column));
BEGIN
	RETURN QUERY EXECUTE format(
		'SELECT v.valid_from, v.valid_to, CASE WHEN v.before IS NULL OR v.ended < v.valid_from THEN ''added'' WHEN v.moved THEN ''moved'' ELSE ''changed'' END,'
		' c.changed, c.old, CASE WHEN v.before IS NULL OR v.ended < v.valid_from THEN v.item ELSE c.new END'
		' FROM (SELECT s.*, lag(s.valid_to) OVER w AS ended, lag(s.item) OVER w AS before, lag(s.path) OVER w <> s.path AS moved'
			' FROM (SELECT t.%2$I AS valid_from, t.%3$I AS valid_to, %4$s AS item, %5$s AS path FROM %1$s t WHERE %6$s = $1) s'
			' WINDOW w AS (ORDER BY s.valid_from)) v'
		' LEFT JOIN LATERAL @extschema@.item_changes(v.before, v.item) c ON v.ended = v.valid_from ORDER BY v.valid_from',
		relation, type.valid_from_column, type.valid_to_column, @extschema@.item_expression(relation, 't', type.fields, type.document_column, columns),
		CASE WHEN type.lineage_column IS NULL THEN 'NULL::text' ELSE format('t.%I::text', type.lineage_column) END,
		@extschema@.catalog_identifier_expression(name, 't'))
		USING identifier;
END
$$;
COMMENT ON FUNCTION history(text, text) IS 'The versions of a resource, oldest first, whatever vxp.as_of says. change: "added" for the first and for one after a gap, "moved" when the path is another, else "changed". changed: the fields that differ from the version before, as paths into documents; old and new: what they were and are, in an object by path; for "added", new is the whole resource. With the rights of the caller. 55000 for a type without versions.';

CREATE FUNCTION changes(name text, ancestor text, "from" timestamptz, "to" timestamptz DEFAULT 'infinity')
	RETURNS TABLE (identifier text, change text, changed text[], old jsonb, new jsonb)
LANGUAGE plpgsql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.require_versions(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	columns name[] := ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
		AND a.attname NOT IN (type.valid_from_column, type.valid_to_column));
	id text := @extschema@.catalog_identifier_expression(name, 't');
	version text;
	valid text := format('@extschema@.valid_at(t.%I, t.%I, ', type.valid_from_column, type.valid_to_column);
	below text := '';
BEGIN
	IF "from" IS NULL OR "to" IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'the instants between which changes are asked for must not be null';
	END IF;
	IF ancestor IS NOT NULL THEN
		IF type.lineage_column IS NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
				MESSAGE = format('resource type "%s" has no lineage', name),
				HINT = 'Pass NULL as the ancestor for the changes of all its resources.';
		END IF;
		below := format(' AND @extschema@.has_ancestor(t.%I, $1)', type.lineage_column);
	END IF;
	version := format('SELECT %s AS id, %s AS path, %s AS item FROM %s t WHERE ', id,
		CASE WHEN type.lineage_column IS NULL THEN 'NULL::text' ELSE format('t.%I::text', type.lineage_column) END,
		@extschema@.item_expression(relation, 't', type.fields, type.document_column, columns), relation);
	-- A version that is valid at both instants did not change, and no other of its resource is
	-- valid at either.  So each resource in question is met at one instant or at both; where it
	-- was below the ancestor at one only, its other version is looked up.
	RETURN QUERY EXECUTE
		'WITH old AS MATERIALIZED (' || version || valid || '$2) AND NOT ' || valid || '$3)' || below || '), '
		'new AS MATERIALIZED (' || version || valid || '$3) AND NOT ' || valid || '$2)' || below || '), '
		'pair AS (SELECT o.id, o.path AS old_path, n.path AS new_path, o.item AS old, n.item AS new FROM old o JOIN new n ON n.id = o.id '
			'UNION ALL SELECT o.id, o.path, n.path, o.item, n.item FROM old o LEFT JOIN LATERAL (' || version || id || ' = o.id AND ' || valid || '$3)) n ON true '
				'WHERE NOT EXISTS (SELECT FROM new x WHERE x.id = o.id) '
			'UNION ALL SELECT n.id, o.path, n.path, o.item, n.item FROM new n LEFT JOIN LATERAL (' || version || id || ' = n.id AND ' || valid || '$2)) o ON true '
				'WHERE NOT EXISTS (SELECT FROM old x WHERE x.id = n.id)) '
		'SELECT p.id, CASE WHEN p.old IS NULL THEN ''added'' WHEN p.new IS NULL THEN ''removed'' WHEN p.old_path <> p.new_path THEN ''moved'' ELSE ''changed'' END, '
			'c.changed, CASE WHEN p.new IS NULL THEN p.old ELSE c.old END, CASE WHEN p.old IS NULL THEN p.new ELSE c.new END '
		'FROM pair p LEFT JOIN LATERAL @extschema@.item_changes(p.old, p.new) c ON p.old IS NOT NULL AND p.new IS NOT NULL '
		-- equal again, or cut in two by a correction of what lies between
		'WHERE c.changed IS DISTINCT FROM ''{}'' ORDER BY p.id COLLATE "C"'
		USING ancestor, "from", "to";
END
$$;
COMMENT ON FUNCTION changes(text, text, timestamptz, timestamptz) IS 'What is different below an ancestor (NULL: among all resources of the type) at "to" (default: now) from what was there at "from", whatever happened between, by identifier. change: "added" and "removed" (it did not exist at the other instant), "moved" (its path is another, also into or out of the ancestor''s tree), "changed". changed, old and new: as history returns them; old is the whole resource when it was removed, new when it was added. With the rights of the caller: what a policy hides did not exist. 55000 for a type without versions, or an ancestor where there is no lineage.';
