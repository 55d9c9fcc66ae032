--
-- verify: is all that the extension keeps sound?
--
-- Each check is a function of the type's name that returns identifier and
-- problem; a part is added by adding its line to the list in verify().
--
CREATE FUNCTION verify_catalog(name text) RETURNS TABLE (identifier text, problem text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := to_regclass(format('%I.%I', type.schema_name, type.table_name));
	recorded @extschema@.resource_relation;
	trigger_name name;
	apart boolean := (SELECT c.relkind = 'r' AND NOT c.relispartition FROM pg_class c WHERE c.oid = relation);
	history regclass;
BEGIN
	identifier := NULL;
	SELECT r.* INTO recorded FROM @extschema@.resource_relation r WHERE r.name = verify_catalog.name;
	IF relation IS NULL THEN
		problem := format('table %I.%I does not exist', type.schema_name, type.table_name);
		RETURN NEXT;
		RETURN;
	END IF;
	IF recorded.relid IS DISTINCT FROM relation::oid THEN
		problem := format('the catalog knows %s by another OID', relation);
		RETURN NEXT;
	END IF;
	BEGIN
		PERFORM @extschema@.catalog_check_type(type, relation);
	EXCEPTION WHEN OTHERS THEN
		problem := format('the definition does not fit the table: %s', SQLERRM);
		RETURN NEXT;
	END;
	RETURN QUERY SELECT NULL::text, format('the parent type %s does not exist', p)
		FROM unnest(type.parents) p WHERE NOT EXISTS (SELECT FROM @extschema@.resource_type t WHERE t.name = p);
	IF type.view_name IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class v WHERE v.oid = recorded.view_relid AND v.relname = type.view_name AND v.relkind = 'v') THEN
		problem := format('the view %I does not exist', type.view_name);
		RETURN NEXT;
	END IF;
	IF type.function_name IS NOT NULL AND 2 <> (SELECT count(*) FROM @extschema@.catalog_wrappers(relation) w
			JOIN pg_proc p ON p.oid = w WHERE p.proname = type.function_name) THEN
		problem := format('the functions %s do not exist, or have another name', quote_ident(type.function_name));
		RETURN NEXT;
	END IF;
	FOREACH trigger_name IN ARRAY CASE WHEN type.lineage_fields <> '{}' THEN '{vxp_lineage,vxp_lineage_update,vxp_lineage_delete,vxp_lineage_truncate}'::name[] END
		|| CASE WHEN type.versioned THEN '{vxp_version,vxp_history,vxp_statement}'::name[] END
		|| CASE WHEN type.versioned AND NOT apart THEN '{vxp_closed}'::name[] END || '{}'::name[]
	LOOP
		IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = relation AND t.tgname = trigger_name AND t.tgenabled IN ('O', 'A')) THEN
			problem := format('the trigger %s is missing or disabled', trigger_name);
			RETURN NEXT;
		END IF;
	END LOOP;
	IF type.versioned AND apart THEN
		history := @extschema@.history_table(relation);
		IF history IS NULL THEN
			problem := 'the table of closed versions does not exist';
			RETURN NEXT;
		END IF;
		FOREACH trigger_name IN ARRAY CASE WHEN type.lineage_fields <> '{}' THEN '{vxp_lineage}'::name[] END
				|| '{vxp_version,vxp_history,vxp_closed,vxp_closed_statement}'::name[] LOOP
			IF history IS NOT NULL AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = history AND t.tgname = trigger_name AND t.tgenabled IN ('O', 'A')) THEN
				problem := format('the trigger %s of %s is missing or disabled', trigger_name, history);
				RETURN NEXT;
			END IF;
		END LOOP;
	END IF;
END
$$;
COMMENT ON FUNCTION verify_catalog(text) IS 'faults of a resource type itself: its table, definition, parents, view, functions, triggers; identifier is NULL. No rows when all is sound.';

CREATE FUNCTION verify_lineage(name text) RETURNS TABLE (identifier text, problem text)
STABLE
BEGIN ATOMIC
	SELECT c.identifier, c.problem FROM check_lineage(name) c;
END;
COMMENT ON FUNCTION verify_lineage(text) IS 'faults of paths and lineage fields, from check_lineage';

CREATE FUNCTION verify_versions(name text) RETURNS TABLE (identifier text, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regprocedure('@extschema@.check_versions(text,boolean)') IS NOT NULL THEN
		RETURN QUERY EXECUTE 'SELECT c.identifier::text, c.problem::text FROM @extschema@.check_versions($1, false) c' USING name;
	END IF;
END
$$;
COMMENT ON FUNCTION verify_versions(text) IS 'faults of versions, from check_versions';

-- the same question answered through indexes and by reading the table
CREATE FUNCTION verify_by_index(question text) RETURNS SETOF tid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_tidscan = off
	SET max_parallel_workers_per_gather = 0 SET jit = off
AS $$
BEGIN
	RETURN QUERY EXECUTE question;
END
$$;
COMMENT ON FUNCTION verify_by_index(text) IS 'the rows that a query of tids finds through indexes, where there are any';

CREATE FUNCTION verify_by_scan(question text) RETURNS SETOF tid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET enable_indexscan = off SET enable_bitmapscan = off
	SET enable_indexonlyscan = off SET jit = off
AS $$
BEGIN
	RETURN QUERY EXECUTE question;
END
$$;
COMMENT ON FUNCTION verify_by_scan(text) IS 'the rows that a query of tids finds by reading the whole table';

CREATE FUNCTION verify_index(name text) RETURNS TABLE (identifier text, problem text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	leaf record;
	roots text[];
	condition text;
	label text;
	col record;
	faults bigint;
BEGIN
	RETURN QUERY SELECT NULL::text, format('index %s is not valid', i.indexrelid::regclass)
		FROM pg_index i WHERE i.indrelid IN (to_regclass(format('%I.%I', type.schema_name, type.table_name)),
			@extschema@.history_table(to_regclass(format('%I.%I', type.schema_name, type.table_name)))) AND NOT (i.indisvalid AND i.indisready);
	-- rows of each partition by itself: a tid says nothing about whose it is
	FOR leaf IN SELECT c.oid::regclass AS relation, c.relkind FROM pg_class c
		WHERE c.oid = to_regclass(format('%I.%I', type.schema_name, type.table_name)) AND c.relkind = 'r'
			OR c.oid = @extschema@.history_table(to_regclass(format('%I.%I', type.schema_name, type.table_name)))
			OR c.oid IN (SELECT p.relid FROM pg_partition_tree(to_regclass(format('%I.%I', type.schema_name, type.table_name))) p WHERE p.isleaf) AND c.relkind = 'r'
	LOOP
		-- paths by ancestor: below any root, and each of some roots and resources itself; by order: the whole range
		FOR col IN SELECT a.attname, array_agg(DISTINCT m.amname::text) AS methods
			FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
				JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			WHERE i.indrelid = leaf.relation AND i.indisvalid AND i.indpred IS NULL AND a.atttypid = '@extschema@.lineage'::regtype
			GROUP BY 1
		LOOP
			EXECUTE format('SELECT array_agg(r) FROM (SELECT DISTINCT @extschema@.root(%I) AS r FROM ONLY %s ORDER BY 1 LIMIT 1000) x', col.attname, leaf.relation) INTO roots;
			FOR condition IN
				SELECT format('%I OPERATOR(@extschema@.@^|) %L::text[]', col.attname, roots) WHERE col.methods && '{gist,gin}' AND roots <> '{}'
				UNION ALL SELECT format('%I OPERATOR(@extschema@.@^=) %L::@extschema@.identifier', col.attname, r)
					FROM unnest(roots[1:10]) r WHERE col.methods && '{gist,gin}'
				UNION ALL SELECT format('%I OPERATOR(@extschema@.>=) %L::@extschema@.lineage', col.attname, x)
					FROM unnest(ARRAY[roots[1]]) x WHERE col.methods && '{btree}' AND x IS NOT NULL
			LOOP
				RETURN QUERY EXECUTE format(
					'SELECT t.%I::text, CASE WHEN s.tid IS NULL THEN ''an index on %I answers with a row that does not fit'' ELSE ''an index on %I misses the row'' END '
					'FROM @extschema@.verify_by_scan(%L) s(tid) FULL JOIN @extschema@.verify_by_index(%L) i(tid) ON s.tid = i.tid '
					'LEFT JOIN ONLY %s t ON t.ctid = coalesce(s.tid, i.tid) WHERE s.tid IS NULL OR i.tid IS NULL',
					coalesce(type.identifier_column, type.id_column), col.attname, col.attname,
					format('SELECT ctid FROM ONLY %s WHERE %s', leaf.relation, condition), format('SELECT ctid FROM ONLY %s WHERE %s', leaf.relation, condition), leaf.relation);
			END LOOP;
		END LOOP;
		-- btree and hash on identifiers and lineage fields: each value that is there
		FOR col IN SELECT DISTINCT a.attname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
				JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			WHERE i.indrelid = leaf.relation AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND m.amname = 'btree'
				AND a.atttypid = 'text'::regtype
				AND a.attname = ANY (ARRAY[type.identifier_column, type.parent_column] || type.lineage_fields::name[])
		LOOP
			condition := format('SELECT ctid FROM ONLY %s WHERE %I >= ''''', leaf.relation, col.attname);
			RETURN QUERY EXECUTE format(
				'SELECT t.%I::text, CASE WHEN s.tid IS NULL THEN ''an index on %I answers with a row that does not fit'' ELSE ''an index on %I misses the row'' END '
				'FROM @extschema@.verify_by_scan(%L) s(tid) FULL JOIN @extschema@.verify_by_index(%L) i(tid) ON s.tid = i.tid '
				'LEFT JOIN ONLY %s t ON t.ctid = coalesce(s.tid, i.tid) WHERE s.tid IS NULL OR i.tid IS NULL',
				coalesce(type.identifier_column, type.id_column), col.attname, col.attname, condition, condition, leaf.relation);
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION verify_index(text) IS 'rows that the indexes on paths, identifiers, parents and lineage fields miss, or show wrongly: the same questions answered through an index and by reading the table. Of several indexes that answer a question, the one is asked that the planner takes.';

CREATE FUNCTION verify(name text DEFAULT NULL) RETURNS TABLE (part text, type text, identifier text, problem text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type_name text;
	check_name text;
	sound boolean;
BEGIN
	IF $1 IS NOT NULL THEN
		PERFORM @extschema@.catalog_require_type($1);
	ELSE
		RETURN QUERY SELECT 'catalog', r.name, NULL::text, 'the catalog knows an OID, but no resource type of that name'::text
			FROM @extschema@.resource_relation r WHERE NOT EXISTS (SELECT FROM @extschema@.resource_type t WHERE t.name = r.name);
	END IF;
	FOR type_name IN SELECT t.name FROM @extschema@.resource_type t WHERE $1 IS NULL OR t.name = $1 ORDER BY 1 LOOP
		sound := true;
		FOREACH check_name IN ARRAY '{catalog,lineage,versions,index}'::text[] LOOP
			BEGIN
				RETURN QUERY EXECUTE format('SELECT DISTINCT %L, $1, c.identifier, c.problem FROM @extschema@.%I($1) c ORDER BY 3, 4',
					check_name, 'verify_' || check_name) USING type_name;
				sound := sound AND NOT (FOUND AND check_name = 'catalog');
			EXCEPTION
				-- behind a fault of the catalog the other checks may find nothing to read
				WHEN OTHERS THEN
					IF sound THEN
						RAISE;
					END IF;
			END;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION verify(text) IS 'Is all sound? Faults of the resource type, or of all: part (catalog, lineage, versions, index), type, identifier of the resource where there is one, and what is wrong. No rows when all is sound. Reads every table several times, and sees what its caller may see; no lock keeps writers out, so the answer is one of the moment: repeat it before you act on it.';
