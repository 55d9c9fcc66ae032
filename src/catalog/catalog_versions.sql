--
-- Versions: what a versioned table has besides
--
-- Closed versions lie in a table of their own that inherits: questions about the
-- present read the table as if there were no history.  Questions about the past
-- read both; in the closed ones, one GiST index on path and interval, and the
-- key on identifier and begin.  Partitions hold all versions, with partial
-- indexes on current rows.
--
CREATE FUNCTION catalog_make_history(name text) RETURNS regclass
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	id name := coalesce(type.identifier_column, type.id_column);
	history regclass := @extschema@.history_table(relation);
	owner name := (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = relation);
	tab name := @extschema@.catalog_object_name(type.table_name, '_history');
	number int := 1;
BEGIN
	IF history IS NULL THEN
		WHILE EXISTS (SELECT FROM pg_class c WHERE c.relname = tab AND c.relnamespace = quote_ident(type.schema_name)::regnamespace) LOOP
			number := number + 1;
			tab := @extschema@.catalog_object_name(type.table_name, '_history_' || number);
		END LOOP;
		EXECUTE format('CREATE%5$s TABLE %1$I.%2$I (CONSTRAINT vxp_closed CHECK (%3$I IS NOT NULL)) INHERITS (%4$s)',
			type.schema_name, tab, type.valid_to_column, relation,
			(SELECT CASE c.relpersistence WHEN 'u' THEN ' UNLOGGED' ELSE '' END FROM pg_class c WHERE c.oid = relation));
		history := format('%I.%I', type.schema_name, tab)::regclass;
		EXECUTE format('COMMENT ON TABLE %s IS %L', history,
			format('versions of resources of type %s that have ended; read them through %s, whose privileges and row security hold', name, type.table_name));
	END IF;
	IF NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = history AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
			AND i.indnkeyatts = 2 AND i.indkey[0] = @extschema@.catalog_attnum(history, id)
			AND i.indkey[1] = @extschema@.catalog_attnum(history, type.valid_from_column)) THEN
		EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (%I, %I)', history, id, type.valid_from_column);
	END IF;
	IF type.lineage_column IS NOT NULL AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = history AND i.indpred IS NULL
			AND i.indnkeyatts = 2 AND i.indkey[0] = @extschema@.catalog_attnum(history, type.lineage_column) AND i.indkey[1] = 0) THEN
		EXECUTE format('CREATE INDEX ON %s USING gist (%I, @extschema@.validity(%I, %I))',
			history, type.lineage_column, type.valid_from_column, type.valid_to_column);
	END IF;
	IF owner <> (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = history) THEN
		EXECUTE format('ALTER TABLE %s OWNER TO %I', history, owner);
	END IF;
	PERFORM @extschema@.catalog_bind_history(history);
	PERFORM @extschema@.catalog_make_history_triggers(name, history, true);
	RETURN history;
END
$$;
COMMENT ON FUNCTION catalog_make_history(text) IS 'creates the table of closed versions of a versioned table that is not partitioned, or brings it up to date; returns it';

CREATE FUNCTION catalog_make_history_triggers(name text, history regclass, guarded boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	columns text := format('%L, %L, %L', coalesce(type.identifier_column, type.id_column), type.valid_from_column, type.valid_to_column);
	made record;
BEGIN
	FOR made IN SELECT * FROM (VALUES
			('vxp_lineage', 'BEFORE INSERT OR UPDATE', 'ROW', 'lineage_trigger()', type.lineage_column IS NOT NULL AND type.lineage_fields <> '{}'),
			('vxp_closed', 'BEFORE UPDATE OR DELETE', 'ROW', format('version_closed(%s)', columns), guarded),
			('vxp_closed_statement', 'BEFORE UPDATE OR DELETE', 'STATEMENT', format('version_closed(%s)', columns), guarded),
			('vxp_version', 'BEFORE INSERT OR UPDATE OR DELETE', 'ROW', format('version_row(%s)', columns), guarded),
			('vxp_history', 'AFTER INSERT OR UPDATE OR DELETE', 'ROW', format('version_history(%s)', columns), guarded)) t(name, events, level, function, wanted)
		WHERE wanted AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = history AND g.tgname = t.name)
	LOOP
		EXECUTE format('CREATE TRIGGER %I %s ON %s FOR EACH %s EXECUTE FUNCTION @extschema@.%s', made.name, made.events, history, made.level, made.function);
	END LOOP;
END
$$;
COMMENT ON FUNCTION catalog_make_history_triggers(text, regclass, boolean) IS 'creates the triggers of a table of closed versions that are missing; unless guarded, the one alone that derives paths';

CREATE FUNCTION catalog_move_closed(relation regclass, history regclass, ended text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text;
	paused record;
	pauses text[] := '{}';
	resume text;
	closed boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s WHERE %s)', relation, ended) INTO closed;
	IF NOT closed THEN
		RETURN;
	END IF;
	columns := (SELECT string_agg(format('%I', a.attname), ', ') FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '');
	-- nothing is deleted: no trigger has anything to say
	FOR paused IN SELECT t.tgrelid::regclass AS place, t.tgname, t.tgenabled FROM pg_trigger t
		WHERE t.tgrelid IN (relation, history) AND NOT t.tgisinternal AND t.tgenabled <> 'D'
	LOOP
		EXECUTE format('ALTER TABLE ONLY %s DISABLE TRIGGER %I', paused.place, paused.tgname);
		pauses := pauses || format('ALTER TABLE ONLY %s ENABLE %s TRIGGER %I', paused.place,
			CASE paused.tgenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, paused.tgname);
	END LOOP;
	EXECUTE format('WITH gone AS (DELETE FROM ONLY %1$s WHERE %2$s RETURNING %3$s) INSERT INTO %4$s (%3$s) SELECT %3$s FROM gone',
		relation, ended, columns, history);
	FOREACH resume IN ARRAY pauses LOOP
		EXECUTE resume;
	END LOOP;
END
$$;
COMMENT ON FUNCTION catalog_move_closed(regclass, regclass, text) IS 'moves the closed versions of a table that is being registered to the table that holds them';

CREATE FUNCTION catalog_make_versions(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	-- partitions keep all versions: nothing can inherit from them
	apart boolean := (SELECT c.relkind = 'r' AND NOT c.relispartition FROM pg_class c WHERE c.oid = relation);
	id name := coalesce(type.identifier_column, type.id_column);
	current text := format('%I IS NULL', type.valid_to_column);
	col name;
	narrow regclass;
	faulty text;
BEGIN
	narrow := (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = relation AND (i.indisunique OR i.indisexclusion) AND i.indpred IS NULL
		AND i.indexprs IS NULL AND NOT @extschema@.catalog_attnum(relation, type.valid_from_column) = ANY (i.indkey) ORDER BY i.indexrelid LIMIT 1);
	IF narrow IS NOT NULL AND NOT apart THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('index %s would keep a resource from having two versions', narrow),
			HINT = format('Make it unique among current rows only: CREATE UNIQUE INDEX ... WHERE %s.', current);
	END IF;
	EXECUTE format('UPDATE %1$s SET %2$I = NULL WHERE %2$I = ''infinity''', relation, type.valid_to_column);
	EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL, ALTER COLUMN %I SET NOT NULL', relation, id, type.valid_from_column);
	SELECT string_agg(format('%s, valid from %s to %s: %s', c.identifier, c.valid_from, coalesce(c.valid_to, 'infinity'), c.problem), '; ') INTO faulty
		FROM (SELECT * FROM @extschema@.check_versions(catalog_make_versions.name) LIMIT 5) c;
	IF faulty IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'exclusion_violation',
			MESSAGE = format('some versions in %s are wrong', relation),
			DETAIL = format('The first are %s.', faulty),
			HINT = 'Correct them and register the table again.';
	END IF;
	-- also where no other rows lie beside the current ones, the condition lets an index alone answer
	FOR col IN SELECT a.attname FROM unnest(type.parent_column || type.lineage_fields::name[]) WITH ORDINALITY f(field, n)
			JOIN pg_attribute a ON a.attrelid = relation AND a.attname = f.field ORDER BY f.n
	LOOP
		EXECUTE format('CREATE INDEX ON %s (%I) WHERE %s', relation, col, current);
	END LOOP;
	IF apart THEN
		PERFORM @extschema@.catalog_move_closed(relation, @extschema@.catalog_make_history(name), format('%I IS NOT NULL', type.valid_to_column));
		-- no index of the current rows has their interval, so that a change of other columns writes no index entry
		IF NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
				AND i.indnkeyatts = 1 AND i.indkey[0] = @extschema@.catalog_attnum(relation, id)) THEN
			EXECUTE format('CREATE UNIQUE INDEX ON %s (%I)', relation, id);
		END IF;
		IF type.lineage_column IS NOT NULL THEN
			PERFORM @extschema@.catalog_make_lineage_index(relation, type.lineage_column);
		END IF;
	ELSE
		-- a unique index of a partitioned table has to have what decides the partition
		IF NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
				AND i.indnkeyatts >= 2 AND i.indkey[0] = @extschema@.catalog_attnum(relation, id)
				AND i.indkey[1] = @extschema@.catalog_attnum(relation, type.valid_from_column)) THEN
			EXECUTE format('CREATE UNIQUE INDEX ON %s (%I, %I%s)', relation, id, type.valid_from_column,
				@extschema@.catalog_partition_keys(relation, ARRAY[id, type.valid_from_column]));
		END IF;
		EXECUTE format('CREATE UNIQUE INDEX ON %s (%I%s) WHERE %s', relation, id, @extschema@.catalog_partition_keys(relation, ARRAY[id]), current);
		IF type.lineage_column IS NOT NULL THEN
			EXECUTE format('CREATE INDEX ON %s USING gist (%I) WHERE %s', relation, type.lineage_column, current);
			EXECUTE format('CREATE INDEX ON %s USING gist (%I, @extschema@.validity(%I, %I))',
				relation, type.lineage_column, type.valid_from_column, type.valid_to_column);
		END IF;
	END IF;
	-- triggers fire in the order of their names: before a change vxp_closed, vxp_lineage, vxp_version; after it vxp_history, vxp_lineage_...
	EXECUTE format('CREATE TRIGGER vxp_statement BEFORE INSERT ON %s FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.version_statement()', relation);
	IF NOT apart THEN
		EXECUTE format('CREATE TRIGGER vxp_closed BEFORE UPDATE OR DELETE ON %s FOR EACH ROW WHEN (OLD.%I IS NOT NULL) EXECUTE FUNCTION @extschema@.version_closed(%L, %L, %L)',
			relation, type.valid_to_column, id, type.valid_from_column, type.valid_to_column);
	END IF;
	EXECUTE format('CREATE TRIGGER vxp_version BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION @extschema@.version_row(%L, %L, %L)',
		relation, id, type.valid_from_column, type.valid_to_column);
	EXECUTE format('CREATE TRIGGER vxp_history AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION @extschema@.version_history(%L, %L, %L)',
		relation, id, type.valid_from_column, type.valid_to_column);
END
$$;
COMMENT ON FUNCTION catalog_make_versions(text) IS 'creates the indexes and the triggers of a versioned table, and the table of its closed versions';

CREATE FUNCTION catalog_partition_keys(relation regclass, known name[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	place regclass;
BEGIN
	SELECT p.partrelid INTO place FROM pg_partition_tree(relation) t JOIN pg_partitioned_table p ON p.partrelid = t.relid WHERE 0 = ANY (p.partattrs) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
			MESSAGE = format('table %s is partitioned by an expression', place),
			DETAIL = 'No index can then keep two versions of a resource apart.',
			HINT = 'Partition it by columns, such as the lineage field of the root.';
	END IF;
	RETURN coalesce((SELECT string_agg(format(', %I', k.attname), '' ORDER BY k.attname)
		FROM (SELECT DISTINCT a.attname FROM pg_partition_tree(relation) t JOIN pg_partitioned_table p ON p.partrelid = t.relid,
				unnest(p.partattrs) n JOIN pg_attribute a ON a.attnum = n
			WHERE a.attrelid = p.partrelid AND a.attname <> ALL (known)) k), '');
END
$$;
COMMENT ON FUNCTION catalog_partition_keys(regclass, name[]) IS 'what a unique index of the table needs besides the known columns, each behind a comma: the columns of the partition keys; 0A000 for an expression';

CREATE FUNCTION catalog_attnum(relation regclass, col name) RETURNS smallint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT a.attnum FROM pg_catalog.pg_attribute a
	WHERE a.attrelid OPERATOR(pg_catalog.=) $1 AND a.attname OPERATOR(pg_catalog.=) $2
		AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped;
END;
COMMENT ON FUNCTION catalog_attnum(regclass, name) IS 'the number of a column, or NULL';

--
-- Corrections
--
CREATE FUNCTION catalog_store_pieces(name text, key text, since timestamp with time zone, pieces tstzrange[], changed boolean[], changes jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	this text := format('%s AND s.%I = $2', @extschema@.catalog_key_condition(name, 's'), type.valid_from_column);
	last int := cardinality(pieces);
	assigned text := (SELECT string_agg(format(', %1$I = (x.r).%1$I', c), '') FROM jsonb_object_keys(changes) c);
	is_open boolean;
	columns text;
	given text;
BEGIN
	EXECUTE format('SELECT s.%I IS NULL FROM %s s WHERE %s FOR UPDATE', type.valid_to_column, relation, this) INTO is_open USING key, since;
	IF last = 0 THEN
		EXECUTE format('DELETE FROM %s s WHERE %s', relation, this) USING key, since;
		RETURN;
	END IF;
	SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum),
			string_agg(CASE a.attname WHEN type.valid_from_column THEN 'lower(p.valid)' WHEN type.valid_to_column THEN 'upper(p.valid)'
				ELSE format('(x.r).%I', a.attname) END, ', ' ORDER BY a.attnum)
		INTO columns, given
		FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
	IF is_open AND NOT upper_inf(pieces[last]) THEN
		-- the resource is there no more, and who refers to it has a say; what was its past is kept as it is
		EXECUTE format('WITH gone AS (DELETE FROM %1$s s WHERE %2$s RETURNING s AS r) '
			'INSERT INTO %1$s (%3$s) OVERRIDING SYSTEM VALUE SELECT %4$s FROM gone x CROSS JOIN unnest($3) p(valid)', relation, this, columns, given)
			USING key, since, pieces;
		RETURN;
	END IF;
	-- pieces that have ended are stored beside the table, where no policy judges them: each with changes is tried on the stored row
	FOR i IN 1 .. CASE WHEN row_security_active(relation) THEN last - 1 ELSE 0 END LOOP
		CONTINUE WHEN NOT changed[i];
		BEGIN
			EXECUTE format('UPDATE %1$s s SET %3$I = lower($3), %4$I = upper($3)%5$s FROM (SELECT o AS r FROM %1$s s, LATERAL jsonb_populate_record(s, $4) o WHERE %2$s) x WHERE %2$s',
				relation, this, type.valid_from_column, type.valid_to_column, assigned) USING key, since, pieces[i], changes;
			RAISE EXCEPTION USING ERRCODE = 'VXP01', MESSAGE = 'the piece is allowed';
		EXCEPTION
			WHEN SQLSTATE 'VXP01' THEN
				NULL;
		END;
	END LOOP;
	-- the stored row becomes the last piece, which keeps an open version in its place; triggers see the end of it all
	EXECUTE format('WITH old AS MATERIALIZED (SELECT s AS r FROM %1$s s WHERE %2$s FOR UPDATE), '
		'kept AS (UPDATE %1$s s SET %3$I = lower($3[$4]), %4$I = upper($3[$4])%5$s FROM old o, '
		'LATERAL (SELECT jsonb_populate_record(o.r, $6) AS r OFFSET 0) x WHERE %2$s RETURNING 1) '
		'INSERT INTO %1$s (%6$s) OVERRIDING SYSTEM VALUE SELECT %7$s '
		'FROM old o CROSS JOIN (SELECT count(*) FROM kept) k CROSS JOIN unnest($3[:$4 - 1], $5[:$4 - 1]) p(valid, changed), '
		'LATERAL (SELECT CASE WHEN p.changed THEN jsonb_populate_record(o.r, $6) ELSE o.r END AS r OFFSET 0) x',
		relation, this, type.valid_from_column, type.valid_to_column, CASE WHEN changed[last] THEN assigned END, columns, given)
		USING key, since, pieces, last, changed, coalesce(changes, '{}');
END
$$;
COMMENT ON FUNCTION catalog_store_pieces(text, text, timestamp with time zone, tstzrange[], boolean[], jsonb) IS 'replaces the version of a resource that began at since by pieces of it, some with changes; without pieces it is removed. Only as a step of correct';

CREATE FUNCTION catalog_key_condition(name text, alias text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	key name := coalesce(type.identifier_column, type.id_column);
BEGIN
	RETURN format('%s.%I = CAST($1 AS %s)', alias, key, (SELECT format_type(a.atttypid, a.atttypmod)
		FROM pg_attribute a WHERE a.attrelid = format('%I.%I', type.schema_name, type.table_name)::regclass AND a.attname = key));
END
$$;
COMMENT ON FUNCTION catalog_key_condition(text, text) IS 'SQL: is the row a version of the resource $1?';

CREATE FUNCTION catalog_path_changes(name text, parent text, during tstzrange) RETURNS timestamp with time zone[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	above @extschema@.resource_type;
	found timestamp with time zone[];
BEGIN
	FOR above IN SELECT p.* FROM @extschema@.resource_type t JOIN @extschema@.resource_type p ON p.name = ANY (t.parents)
		WHERE t.name = catalog_path_changes.name AND p.versioned AND p.lineage_column IS NOT NULL
	LOOP
		EXECUTE format('SELECT array_agg(c.since ORDER BY c.since) FROM (SELECT p.%1$I AS since, p.%2$I AS path, lag(p.%2$I) OVER (ORDER BY p.%1$I) AS before '
			'FROM %3$I.%4$I p WHERE p.%5$I IN ($1, $2) AND @extschema@.validity(p.%1$I, p.%6$I) && $3) c '
			'WHERE c.before OPERATOR(@extschema@.<>) c.path AND c.since <@ $3',
			above.valid_from_column, above.lineage_column, above.schema_name, above.table_name, above.identifier_column, above.valid_to_column)
			INTO found USING parent, above.prefix || '/' || parent, during;
		IF found IS NOT NULL THEN
			RETURN found;
		END IF;
	END LOOP;
	RETURN '{}';
END
$$;
COMMENT ON FUNCTION catalog_path_changes(text, text, tstzrange) IS 'when the path of a possible parent of resources of that type changed in the interval, as far as the caller sees it';

CREATE FUNCTION catalog_correct(name text, identifier text, valid_from timestamp with time zone, valid_to timestamp with time zone, changes jsonb) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	during tstzrange := @extschema@.validity(valid_from, valid_to);
	version record;
	wrong text;
	moments timestamp with time zone[];
	pieces tstzrange[];
	changed boolean[];
	middle tstzrange;
	corrected bigint := 0;
	any_version boolean := false;
BEGIN
	IF jsonb_typeof(changes) <> 'object' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the changes of a correction are no JSON object',
			HINT = 'Write {"column": value, ...}, or NULL to remove the resource from the interval.';
	END IF;
	SELECT c INTO wrong FROM jsonb_object_keys(changes) c
		WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = c AND a.attnum > 0 AND NOT a.attisdropped)
		ORDER BY c LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_column',
			MESSAGE = format('column "%s" of resource type "%s" does not exist', wrong, name);
	END IF;
	SELECT c INTO wrong FROM jsonb_object_keys(changes) c
		WHERE c IN (type.identifier_column, type.id_column, type.lineage_column, type.valid_from_column, type.valid_to_column)
			OR c = ANY (type.lineage_fields)
			OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = c AND a.attgenerated <> '')
		ORDER BY c LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'generated_always',
			MESSAGE = format('column "%s" cannot be corrected', wrong),
			DETAIL = 'Identifier, interval and what is derived from the parent are kept by the triggers.';
	END IF;
	-- two corrections of a resource follow each other; the second looks when the first is done
	EXECUTE format('SELECT FROM %s s WHERE %s ORDER BY s.%I FOR UPDATE', relation, @extschema@.catalog_key_condition(name, 's'), type.valid_from_column)
		USING identifier;
	FOR version IN EXECUTE format('SELECT s.%1$I AS since, @extschema@.validity(s.%1$I, s.%2$I) AS valid, '
			'$3 IS NULL OR CAST(jsonb_populate_record(s, $3) AS text) IS DISTINCT FROM CAST(s AS text) AS differs '
			'FROM %3$s s WHERE %4$s AND @extschema@.validity(s.%1$I, s.%2$I) && $2 ORDER BY 1 FOR UPDATE',
			type.valid_from_column, type.valid_to_column, relation, @extschema@.catalog_key_condition(name, 's'))
		USING identifier, during, changes
	LOOP
		any_version := true;
		CONTINUE WHEN NOT version.differs;
		corrected := corrected + 1;
		pieces := '{}';
		changed := '{}';
		middle := version.valid * during;
		IF lower(version.valid) < lower(middle) THEN
			pieces := pieces || tstzrange(lower(version.valid), lower(middle));
			changed := changed || false;
		END IF;
		IF changes IS NOT NULL THEN
			moments := lower(middle) || CASE WHEN changes ? type.parent_column
				THEN @extschema@.catalog_path_changes(name, changes ->> type.parent_column, middle) ELSE '{}' END;
			FOR i IN 1 .. cardinality(moments) LOOP
				pieces := pieces || tstzrange(moments[i], coalesce(moments[i + 1], upper(middle)));
				changed := changed || true;
			END LOOP;
		END IF;
		IF NOT upper_inf(middle) AND (upper_inf(version.valid) OR upper(middle) < upper(version.valid)) THEN
			pieces := pieces || tstzrange(upper(middle), upper(version.valid));
			changed := changed || false;
		END IF;
		PERFORM @extschema@.catalog_store_pieces(name, identifier, version.since, pieces, changed, changes);
	END LOOP;
	IF NOT any_version THEN
		RAISE EXCEPTION USING ERRCODE = 'no_data_found',
			MESSAGE = format('resource "%s" has no version in %s', identifier, during),
			HINT = 'To add a version, insert it with valid_from and valid_to.';
	END IF;
	RETURN corrected;
END
$$;
COMMENT ON FUNCTION catalog_correct(text, text, timestamp with time zone, timestamp with time zone, jsonb) IS 'the part of correct that writes the resource itself, with the rights of the caller';

CREATE FUNCTION catalog_count_children(name text, parent text, valid_from timestamp with time zone, valid_to timestamp with time zone) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	children bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %1$I.%2$I s WHERE s.%3$I OPERATOR(@extschema@.@^) CAST($1 AS @extschema@.identifier) '
		'AND @extschema@.validity(s.%4$I, s.%5$I) && $2 AND %6$s = $1',
		type.schema_name, type.table_name, type.lineage_column, type.valid_from_column, type.valid_to_column,
		@extschema@.catalog_parent_expression(name, 's'))
		INTO children USING parent, tstzrange(valid_from, nullif(valid_to, 'infinity'));
	RETURN children;
END
$$;
COMMENT ON FUNCTION catalog_count_children(text, text, timestamp with time zone, timestamp with time zone) IS 'how many versions of a type lie right below a resource in an interval; correct asks it with two snapshots';

CREATE FUNCTION catalog_follow_parent(name text, parent text, valid_from timestamp with time zone, valid_to timestamp with time zone,
	begins timestamp with time zone[], ends timestamp with time zone[], paths lineage[])
	RETURNS TABLE (identifier text, since timestamp with time zone, until timestamp with time zone)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	during tstzrange := tstzrange(valid_from, nullif(valid_to, 'infinity'));
	version record;
	part tstzrange;
	pieces tstzrange[];
	right_path boolean;
	last @extschema@.lineage;
BEGIN
	FOR version IN EXECUTE format('SELECT s.%1$I::text AS key, s.%2$I AS since, s.%4$I AS path, @extschema@.validity(s.%2$I, s.%3$I) AS valid '
			'FROM %5$I.%6$I s WHERE s.%4$I OPERATOR(@extschema@.@^) CAST($1 AS @extschema@.identifier) '
			'AND @extschema@.validity(s.%2$I, s.%3$I) && $2 AND %7$s = $1 ORDER BY 1, 2 FOR UPDATE',
			type.identifier_column, type.valid_from_column, type.valid_to_column, type.lineage_column,
			type.schema_name, type.table_name, @extschema@.catalog_parent_expression(name, 's'))
		USING parent, during
	LOOP
		pieces := '{}';
		right_path := true;
		last := NULL;
		FOR i IN 1 .. cardinality(begins) LOOP
			part := version.valid * tstzrange(begins[i], nullif(ends[i], 'infinity'));
			CONTINUE WHEN isempty(part);
			IF last OPERATOR(@extschema@.=) paths[i] AND upper(pieces[cardinality(pieces)]) = lower(part) THEN
				pieces[cardinality(pieces)] := pieces[cardinality(pieces)] + part;
			ELSE
				pieces := pieces || part;
			END IF;
			last := paths[i];
			right_path := right_path AND version.path OPERATOR(@extschema@.=) (paths[i] OPERATOR(@extschema@.||) version.key);
		END LOOP;
		IF coalesce((SELECT range_agg(p) FROM unnest(pieces) p), '{}') <> tstzmultirange(version.valid) THEN
			IF type.on_close <> 'cascade' THEN
				RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
					MESSAGE = format('parent "%s" of "%s" would not exist all the time of its version', parent, version.key),
					DETAIL = format('The version is valid in %s.', version.valid),
					HINT = 'Correct the children first.';
			END IF;
		ELSIF right_path THEN
			CONTINUE;
		END IF;
		PERFORM @extschema@.catalog_store_pieces(name, version.key, version.since, pieces, array_fill(false, ARRAY[cardinality(pieces)]), NULL);
		identifier := version.key;
		since := lower(version.valid);
		until := coalesce(upper(version.valid), 'infinity');
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION catalog_follow_parent(text, text, timestamp with time zone, timestamp with time zone, timestamp with time zone[], timestamp with time zone[], lineage[]) IS 'the part of correct that splits the children of a resource, whose versions are given as arrays, where its path changes, and ends them where it is not. Returns what it changed';

CREATE FUNCTION correct(name text, identifier text, valid_from timestamp with time zone, valid_to timestamp with time zone, changes jsonb) RETURNS bigint
	AS 'MODULE_PATHNAME', 'vxp_correct'
	LANGUAGE C VOLATILE;
COMMENT ON FUNCTION correct(text, text, timestamp with time zone, timestamp with time zone, jsonb) IS 'Corrects the past: sets columns (an object, column to value) of all versions of a resource in the interval from valid_from up to valid_to (NULL: for ever), which splits versions at its ends. A corrected parent moves all that lay below. changes NULL removes the resource from the interval. Returns how many versions were corrected; P0002 when there is none.';

--
-- Purge
--
CREATE FUNCTION catalog_purge(name text, before timestamp with time zone) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET row_security = off
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	below @extschema@.resource_type;
	unused text := '';
	removed bigint;
	total bigint := 0;
	kept bigint;
BEGIN
	PERFORM @extschema@.catalog_require_owner(relation);
	FOR below IN SELECT t.* FROM @extschema@.resource_type t
		WHERE catalog_purge.name = ANY (t.parents) AND t.versioned AND t.lineage_column IS NOT NULL
	LOOP
		unused := unused || format(' AND NOT EXISTS (SELECT FROM %1$I.%2$I c WHERE c.%3$I OPERATOR(@extschema@.@^) t.%4$I '
			'AND @extschema@.validity(c.%5$I, c.%6$I) && @extschema@.validity(t.%7$I, t.%8$I) AND %9$s = t.%4$I)',
			below.schema_name, below.table_name, below.lineage_column, type.identifier_column, below.valid_from_column, below.valid_to_column,
			type.valid_from_column, type.valid_to_column, @extschema@.catalog_parent_expression(below.name, 'c'));
	END LOOP;
	-- in a type that lies below itself, what is removed may have kept what is above
	LOOP
		EXECUTE format('DELETE FROM %s t WHERE t.%I <= $1%s', relation, type.valid_to_column, unused) USING before;
		GET DIAGNOSTICS removed = ROW_COUNT;
		total := total + removed;
		EXIT WHEN removed = 0 OR NOT name = ANY (type.parents);
	END LOOP;
	IF unused <> '' THEN
		EXECUTE format('SELECT count(*) FROM %s t WHERE t.%I <= $1', relation, type.valid_to_column) INTO kept USING before;
		IF kept > 0 THEN
			RAISE NOTICE USING MESSAGE = format('%s old versions of type %s are kept', kept, name),
				DETAIL = 'Versions of other resources lie below them.',
				HINT = 'Purge the types below first.';
		END IF;
	END IF;
	RETURN total;
END
$$;
COMMENT ON FUNCTION catalog_purge(text, timestamp with time zone) IS 'the part of purge that runs in SQL';

CREATE FUNCTION catalog_purge_check(name text, before timestamp with time zone) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET row_security = off
AS $$
DECLARE
	below @extschema@.resource_type;
BEGIN
	FOR below IN SELECT t.* FROM @extschema@.resource_type t
		WHERE catalog_purge_check.name = ANY (t.parents) AND t.versioned AND t.lineage_column IS NOT NULL
	LOOP
		PERFORM FROM @extschema@.check_versions(below.name) c WHERE c.valid_from < before AND starts_with(c.problem, 'not within');
		IF FOUND THEN
			RAISE EXCEPTION USING ERRCODE = 'serialization_failure',
				MESSAGE = format('versions of type %s were inserted below old versions during the purge', below.name),
				HINT = 'Try again.';
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION catalog_purge_check(text, timestamp with time zone) IS 'an error (40001) when a version below one that was purged was inserted meanwhile; purge calls it with a new snapshot';

CREATE FUNCTION purge(name text, before timestamp with time zone) RETURNS bigint
	AS 'MODULE_PATHNAME', 'vxp_purge'
	LANGUAGE C VOLATILE;
COMMENT ON FUNCTION purge(text, timestamp with time zone) IS 'Removes the versions of a resource type that ended at or before the instant, and keeps the present. A version that others still lie below is kept, with a notice. Only the owner of the table may do so (42501). Returns how many were removed.';

--
-- check_versions
--
CREATE FUNCTION check_versions(name text, gaps boolean DEFAULT false)
	RETURNS TABLE (identifier text, valid_from timestamp with time zone, valid_to timestamp with time zone, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	above @extschema@.resource_type;
	sometimes text := '';
	ended text := '';
BEGIN
	IF NOT type.versioned THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE format(
		'SELECT w.key, w.since, w.until, c.problem FROM (SELECT t.%1$I::text AS key, t.%2$I AS since, t.%3$I AS until, '
		'max(coalesce(t.%3$I, ''infinity'')) OVER before AS busy '
		'FROM %4$I.%5$I t WINDOW before AS (PARTITION BY t.%1$I ORDER BY t.%2$I, t.%3$I ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) w '
		'CROSS JOIN LATERAL (SELECT CASE WHEN w.since = ''infinity'' THEN ''begins at infinity'' '
		'WHEN w.until = ''infinity'' THEN ''ends at infinity instead of being open'' '
		'WHEN w.until = w.since THEN ''empty'' WHEN w.until < w.since THEN ''reversed'' END '
		'UNION ALL SELECT CASE WHEN w.busy > w.since THEN ''overlaps with one before it'' '
		'WHEN $1 AND w.busy < w.since THEN format(''gap since %%s'', w.busy) END) c(problem) WHERE c.problem IS NOT NULL',
		coalesce(type.identifier_column, type.id_column), type.valid_from_column, type.valid_to_column, type.schema_name, type.table_name)
		USING gaps;
	IF type.lineage_column IS NULL OR type.parent_column IS NULL THEN
		RETURN;
	END IF;
	FOR above IN SELECT t.* FROM @extschema@.resource_type t WHERE t.name = ANY (type.parents) AND t.identifier_column IS NOT NULL LOOP
		IF above.versioned THEN
			sometimes := sometimes || format(' UNION ALL SELECT p.%I AS key, range_agg(@extschema@.validity(p.%I, p.%I)) AS valid FROM %I.%I p GROUP BY 1',
				above.identifier_column, above.valid_from_column, above.valid_to_column, above.schema_name, above.table_name);
		ELSE
			-- what has no versions is there now; when it was not is not known
			ended := ended || format(' AND NOT (r.until IS NOT NULL AND starts_with(r.parent, %L))', above.prefix || '/');
			sometimes := sometimes || format(' UNION ALL SELECT p.%I AS key, tstzmultirange(tstzrange(NULL, NULL)) AS valid FROM %I.%I p',
				above.identifier_column, above.schema_name, above.table_name);
		END IF;
	END LOOP;
	RETURN QUERY EXECUTE format(
		'SELECT r.key, r.since, r.until, format(''not within the versions of its parent %%s'', r.parent) '
		'FROM (SELECT t.%1$I::text AS key, t.%2$I AS since, t.%3$I AS until, %4$s AS parent FROM %5$I.%6$I t) r '
		'LEFT JOIN (%7$s) p ON p.key = r.parent WHERE r.parent IS NOT NULL AND NOT coalesce(p.valid @> @extschema@.validity(r.since, r.until), false)%8$s',
		type.identifier_column, type.valid_from_column, type.valid_to_column, @extschema@.catalog_parent_expression(name, 't'),
		type.schema_name, type.table_name, coalesce(nullif(substr(sometimes, 12), ''), 'SELECT NULL::text AS key, NULL::tstzmultirange AS valid'), ended);
END
$$;
COMMENT ON FUNCTION check_versions(text, boolean) IS 'Versions that are wrong, and why: empty or reversed intervals, overlaps, intervals that do not lie within the versions of the parent and, with gaps, gaps before a version. No rows when all is sound. Sees what its caller may see.';
