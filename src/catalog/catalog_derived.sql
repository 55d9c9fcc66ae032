--
-- Provenance: derived_from as a graph beside the tree
--
-- A resource names the identifiers that it was made from in a column
-- derived_from (or one that "fields" maps to it), a list of text.  Both ways are
-- walked level by level, all resource types in one statement, so that a level
-- costs one look-up by index in each table and a cycle, or a diamond with many
-- ways, costs nothing: an identifier is visited once, at its least distance.
--
CREATE FUNCTION provenance_statement(down boolean) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type record;
	id text;
	conditions text;
	branches text := '';
BEGIN
	FOR type IN
		SELECT t.*, r.relid, d.attname AS source_column, format_type(d.atttypid, NULL) AS source_type, i.attname AS key_column, i.is_text
		FROM @extschema@.resource_type t
			JOIN @extschema@.resource_relation r ON r.name = t.name
			JOIN pg_class c ON c.oid = r.relid
			LEFT JOIN pg_attribute d ON d.attrelid = r.relid AND d.attnum > 0 AND NOT d.attisdropped
				AND d.attname = coalesce(t.fields ->> 'derived_from', 'derived_from')
				AND d.atttypid IN ('text[]'::regtype, 'varchar[]'::regtype)
			LEFT JOIN LATERAL (SELECT a.attname, y.typcategory = 'S' AS is_text FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
				WHERE a.attrelid = r.relid AND a.attname = coalesce(t.identifier_column, t.id_column, t.document_column)) i ON true
		-- what the caller may not read at all is not looked into, as rows are not that a policy hides
		WHERE has_schema_privilege(c.relnamespace, 'USAGE')
			AND has_column_privilege(r.relid, i.attname, 'SELECT')
			AND (d.attname IS NULL OR has_column_privilege(r.relid, d.attname, 'SELECT'))
			AND (NOT t.versioned OR has_column_privilege(r.relid, t.valid_from_column, 'SELECT')
				AND has_column_privilege(r.relid, t.valid_to_column, 'SELECT'))
		ORDER BY t.name
	LOOP
		CONTINUE WHEN down AND type.source_column IS NULL;
		IF type.identifier_column IS NOT NULL THEN
			id := format('t.%I', type.identifier_column);
		ELSIF type.prefix IS NOT NULL THEN
			id := format('CASE WHEN pg_catalog.starts_with(%1$s, %2$L) THEN %1$s ELSE %2$L || %1$s END',
				@extschema@.catalog_id_expression(type.name, 't'), type.prefix || '/');
		ELSE
			-- a number, say, identifies nothing outside its table
			CONTINUE WHEN type.id_column IS NOT NULL AND NOT type.is_text;
			id := @extschema@.catalog_id_expression(type.name, 't');
		END IF;
		conditions := CASE WHEN down THEN format('t.%I && $1::%s', type.source_column, type.source_type) ELSE id || ' = ANY ($1)' END
			|| CASE WHEN type.versioned THEN format(' AND @extschema@.shown(t.%I, t.%I)', type.valid_from_column, type.valid_to_column) ELSE '' END;
		branches := branches || CASE WHEN branches = '' THEN '' ELSE ' UNION ALL ' END
			|| format('SELECT %L::text AS resource, %s COLLATE "C" AS identifier, %s AS sources FROM %s t WHERE %s', type.name, id,
				CASE WHEN down OR type.source_column IS NULL THEN 'NULL::text[]' ELSE format('t.%I::text[]', type.source_column) END,
				type.relid::regclass, conditions);
	END LOOP;
	IF branches = '' THEN
		RETURN NULL;
	END IF;
	-- what was found, and the identifiers of the next level
	RETURN format('WITH node AS MATERIALIZED (%s) SELECT array_agg(n.resource), array_agg(n.identifier), ', branches)
		|| CASE WHEN down THEN
			'array_agg(DISTINCT n.identifier) FROM (SELECT DISTINCT m.resource, m.identifier FROM node m'
			' WHERE m.identifier NOT IN (SELECT unnest($2) COLLATE "C") ORDER BY m.identifier, m.resource) n'
		ELSE
			'(SELECT array_agg(DISTINCT s.source COLLATE "C") FROM node m, unnest(m.sources) s(source)'
			' WHERE s.source IS NOT NULL AND s.source COLLATE "C" NOT IN (SELECT unnest($2) COLLATE "C")) FROM node n'
		END;
END
$$;
COMMENT ON FUNCTION provenance_statement(boolean) IS 'the statement that finds one level of provenance, up or down: $1 the identifiers of the level before, $2 all seen; NULL when there is nothing that the current user may read';

CREATE FUNCTION provenance(INOUT identifier text, transitive boolean, down boolean, OUT resource text, OUT distance integer) RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	statement text := @extschema@.provenance_statement(down);
	level text[] := ARRAY[identifier];
	seen text[] := level;
	resources text[];
	identifiers text[];
	next text[];
BEGIN
	IF statement IS NULL THEN
		RETURN;
	END IF;
	distance := 0;
	LOOP
		EXECUTE statement INTO resources, identifiers, next USING level, seen;
		IF down THEN
			RETURN QUERY SELECT u.identifier, u.resource, provenance.distance + 1
				FROM ROWS FROM (unnest(identifiers), unnest(resources)) u(identifier, resource);
		ELSIF distance > 0 THEN
			-- a source that is no resource, or none that the caller sees, is a source all the same
			RETURN QUERY SELECT l.identifier, u.resource, provenance.distance
				FROM unnest(level) l(identifier)
					LEFT JOIN ROWS FROM (unnest(identifiers), unnest(resources)) u(identifier, resource) ON u.identifier COLLATE "C" = l.identifier
				ORDER BY l.identifier COLLATE "C", u.resource COLLATE "C";
		END IF;
		distance := distance + 1;
		EXIT WHEN next IS NULL OR NOT transitive AND distance > CASE WHEN down THEN 0 ELSE 1 END;
		level := next;
		seen := seen || next;
	END LOOP;
END
$$;
COMMENT ON FUNCTION provenance(text, boolean, boolean) IS 'derived_from (down: false) and derivatives (down: true)';

CREATE FUNCTION derived_from(INOUT identifier text, transitive boolean DEFAULT false, OUT resource text, OUT distance integer) RETURNS SETOF record
LANGUAGE sql STABLE STRICT ROWS 100
BEGIN ATOMIC
	SELECT p.identifier, p.resource, p.distance FROM provenance($1, $2, false) p;
END;
COMMENT ON FUNCTION derived_from(text, boolean) IS 'What a resource was made from: the identifiers in its derived_from, or (transitive) also what these were made from, and so on, nearest first. resource: the type of each, NULL when no resource that the caller may see has that identifier. distance: least number of steps, from 1. Every registered type is looked at, at the instant of vxp.as_of, with the caller''s rights; tables that the caller may not read are left out. Cycles end the walk; the resource itself is not listed.';

CREATE FUNCTION derivatives(INOUT identifier text, transitive boolean DEFAULT false, OUT resource text, OUT distance integer) RETURNS SETOF record
LANGUAGE sql STABLE STRICT ROWS 100
BEGIN ATOMIC
	SELECT p.identifier, p.resource, p.distance FROM provenance($1, $2, true) p;
END;
COMMENT ON FUNCTION derivatives(text, boolean) IS 'What was made from a resource: those whose derived_from holds its identifier, or (transitive) also what was made from these, and so on, nearest first. The other way of derived_from, with the same columns and rules; the identifier itself need not be a resource. An index USING gin (derived_from) serves it; tables of create_resource_type have one.';
