--
-- Versions: what a versioned table has besides
--
-- Questions about the present read partial indexes on current rows, which do
-- not grow with history.  Questions about the past read one GiST index on path
-- and interval, and the key on identifier and begin.
--
CREATE FUNCTION catalog_make_versions(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	id name := coalesce(type.identifier_column, type.id_column);
	current text := format('%I IS NULL', type.valid_to_column);
	col name;
	narrow regclass;
BEGIN
	narrow := (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = relation AND (i.indisunique OR i.indisexclusion) AND i.indpred IS NULL
		AND i.indexprs IS NULL AND NOT @extschema@.catalog_attnum(relation, type.valid_from_column) = ANY (i.indkey) ORDER BY i.indexrelid LIMIT 1);
	IF narrow IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('index %s would keep a resource from having two versions', narrow),
			HINT = format('Make it unique among current rows only: CREATE UNIQUE INDEX ... WHERE %s.', current);
	END IF;
	EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL, ALTER COLUMN %I SET NOT NULL', relation, id, type.valid_from_column);
	IF NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
			AND i.indnkeyatts = 2 AND i.indkey[0] = @extschema@.catalog_attnum(relation, id)
			AND i.indkey[1] = @extschema@.catalog_attnum(relation, type.valid_from_column)) THEN
		EXECUTE format('CREATE UNIQUE INDEX ON %s (%I, %I)', relation, id, type.valid_from_column);
	END IF;
	EXECUTE format('CREATE UNIQUE INDEX ON %s (%I) WHERE %s', relation, id, current);
	FOR col IN SELECT a.attname FROM unnest(type.parent_column || type.lineage_fields::name[]) WITH ORDINALITY f(field, n)
			JOIN pg_attribute a ON a.attrelid = relation AND a.attname = f.field ORDER BY f.n
	LOOP
		EXECUTE format('CREATE INDEX ON %s (%I) WHERE %s', relation, col, current);
	END LOOP;
	IF type.lineage_column IS NOT NULL THEN
		EXECUTE format('CREATE INDEX ON %s USING gist (%I) WHERE %s', relation, type.lineage_column, current);
		EXECUTE format('CREATE INDEX ON %s USING gist (%I, @extschema@.validity(%I, %I))',
			relation, type.lineage_column, type.valid_from_column, type.valid_to_column);
	END IF;
	-- triggers fire in the order of their names: before a change vxp_lineage, vxp_version; after it vxp_history, vxp_lineage_...
	EXECUTE format('CREATE TRIGGER vxp_version BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION @extschema@.version_row(%L, %L, %L)',
		relation, id, type.valid_from_column, type.valid_to_column);
	EXECUTE format('CREATE TRIGGER vxp_history AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION @extschema@.version_history(%L, %L, %L)',
		relation, id, type.valid_from_column, type.valid_to_column);
END
$$;
COMMENT ON FUNCTION catalog_make_versions(text) IS 'creates the indexes and the triggers of a versioned table';

CREATE FUNCTION catalog_attnum(relation regclass, col name) RETURNS smallint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT a.attnum FROM pg_catalog.pg_attribute a
	WHERE a.attrelid OPERATOR(pg_catalog.=) $1 AND a.attname OPERATOR(pg_catalog.=) $2
		AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped;
END;
COMMENT ON FUNCTION catalog_attnum(regclass, name) IS 'the number of a column, or NULL';
