--
-- DQL: frozen cohorts
--
-- A cohort is a table of its maker, in a schema of the maker's: so who may read
-- it is for GRANT to say, pg_dump takes it along as any table, whoever runs it,
-- and no role finds in it what a policy hides from it.  It depends on nothing but
-- the server's own types: a row is kept as the output text of its columns (its
-- image, which is exact where JSON is not) beside the JSON that people read, so
-- that neither DDL on the resource table nor the end of the extension touches it.
--
-- Row 0 is about the cohort: identifier: the resource type; valid_from: when it
-- was frozen; digest: of all rows; image: the request; item: the rest.
--
CREATE FUNCTION cohort_request(dql dql, OUT resource text, OUT as_of timestamptz) RETURNS record
	AS 'MODULE_PATHNAME', 'vxp_cohort_request'
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION cohort_request(dql) IS 'the resource type of a request that is to be frozen, and the instant that it is about: of "asOf", else of vxp.as_of, NULL for the present; 22023 for one with "select", "versions", bind variables or a write';

CREATE FUNCTION cohort_guard() RETURNS trigger
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
		MESSAGE = format('cohort %s is frozen', TG_RELID::regclass),
		HINT = 'vxp.drop_cohort removes it.';
END
$$;
COMMENT ON FUNCTION cohort_guard() IS 'statement trigger of cohorts: refuses every change (55000); the table that has it is a cohort';

CREATE FUNCTION is_cohort(relation regclass) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = relation AND t.tgfoid = '@extschema@.cohort_guard()'::regprocedure)
$$;
COMMENT ON FUNCTION is_cohort(regclass) IS 'is the relation a cohort?';

CREATE FUNCTION cohort_place(name text, schemas name[]) RETURNS regclass
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation regclass;
BEGIN
	SELECT c.oid INTO relation FROM unnest(schemas) WITH ORDINALITY s(schema, n)
			JOIN pg_namespace m ON m.nspname = s.schema
			JOIN pg_class c ON c.relnamespace = m.oid AND c.relname = cohort_place.name
		WHERE @extschema@.is_cohort(c.oid) ORDER BY s.n LIMIT 1;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
			MESSAGE = format('cohort "%s" does not exist', name),
			HINT = 'Cohorts are looked for in the schemas of the search_path; the view vxp.cohorts lists all.';
	END IF;
	RETURN relation;
END
$$;
COMMENT ON FUNCTION cohort_place(text, name[]) IS 'the cohort of that name in the first of the schemas that has one; 42704 when none has';

CREATE FUNCTION cohort_checksum(relation regclass) RETURNS bytea
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result bytea;
BEGIN
	EXECUTE format('SELECT sha256(coalesce(string_agg(sha256(convert_to(concat_ws('' '', r.number, r.identifier, extract(epoch FROM r.valid_from),'
		' encode(@extschema@.image_digest(r.image), ''hex''), r.item), ''UTF8'')), '''' ORDER BY r.number), '''')) FROM %s r', relation) INTO result;
	RETURN result;
END
$$;
COMMENT ON FUNCTION cohort_checksum(regclass) IS 'SHA-256 over all that a cohort holds, row 0 included, its digest left out';

--
-- Making one
--
CREATE FUNCTION freeze_in(name text, dql dql, schemas name[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	place text := @extschema@.filter_place(name, schemas, 'cohort');
	asked record;
	type @extschema@.resource_type;
	relation regclass;
	instant timestamptz;
	rows bigint;
BEGIN
	IF dql IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'DQL request must not be null',
			HINT = 'The request that matches everything is ''{}''.';
	END IF;
	IF to_regclass(place) IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_table',
			MESSAGE = format('relation %s already exists', place),
			HINT = 'Choose another name for the cohort; what is frozen stays as it is.';
	END IF;
	asked := @extschema@.cohort_request(dql);
	type := @extschema@.catalog_require_type(asked.resource);
	relation := format('%I.%I', type.schema_name, type.table_name);
	EXECUTE format('CREATE TABLE %s (number bigint PRIMARY KEY, identifier text COLLATE "C", valid_from timestamptz,'
		' digest bytea, image text[] COLLATE "C" NOT NULL, item jsonb NOT NULL)', place);
	instant := clock_timestamp();
	EXECUTE format('INSERT INTO %s SELECT row_number() OVER (), %s, %s, @extschema@.row_digest(t.*), @extschema@.row_image(t.*), %s'
			' FROM @extschema@.query(NULL::%s, $1) t',
		place, @extschema@.catalog_identifier_expression(type.name, 't'),
		CASE WHEN type.valid_from_column IS NULL THEN 'NULL' ELSE format('t.%I', type.valid_from_column) END,
		@extschema@.item_expression(relation, 't', type.fields, type.document_column), relation)
		USING dql;
	GET DIAGNOSTICS rows = ROW_COUNT;
	EXECUTE format('INSERT INTO %s VALUES (0, $1, $2, NULL, $3, $4)', place)
		USING type.name, instant, ARRAY[dql::text],
			jsonb_build_object('rows', rows, 'as_of', @extschema@.iso8601(asked.as_of),
				'columns', (SELECT jsonb_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
					WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped));
	EXECUTE format('UPDATE %s SET digest = $1 WHERE number = 0', place) USING @extschema@.cohort_checksum(place::regclass);
	EXECUTE format('CREATE TRIGGER vxp_cohort BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s'
		' FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.cohort_guard()', place);
	EXECUTE format('COMMENT ON TABLE %s IS %L', place,
		format('frozen cohort: %s of type %s at %s; read vxp.cohort(%L)', rows, type.name, @extschema@.iso8601(instant), name));
	RETURN rows;
END
$$;
COMMENT ON FUNCTION freeze_in(text, dql, name[]) IS 'freeze with the schemas of its caller''s search_path';

CREATE FUNCTION freeze(name text, dql dql) RETURNS bigint
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT freeze_in($1, $2, pg_catalog.current_schemas(false));
END;
COMMENT ON FUNCTION freeze(text, dql) IS 'Keeps the rows of a request for ever, in its order, as the caller sees them now: a table of that name, in the first schema of the search_path and owned by the caller, with identifier, begin of the version, SHA-256 and image of each row, and a checksum of all. Read it by vxp.cohort; the owner may GRANT SELECT on it. Returns the number of rows. 42P07 when the name is taken; 22023 for a request with "select", "versions", bind variables or a write.';

CREATE FUNCTION drop_cohort_in(name text, schemas name[]) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('DROP TABLE %s', @extschema@.cohort_place(name, schemas));
END
$$;
COMMENT ON FUNCTION drop_cohort_in(text, name[]) IS 'drop_cohort with the schemas of its caller''s search_path';

CREATE FUNCTION drop_cohort(name text) RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT drop_cohort_in($1, pg_catalog.current_schemas(false));
END;
COMMENT ON FUNCTION drop_cohort(text) IS 'Drops a cohort. 42704 when there is none of that name in the schemas of the search_path, 42501 unless it is the caller''s, 2BP01 when something was built on it.';

--
-- Reading one
--
CREATE FUNCTION cohort_rows(relation regclass) RETURNS TABLE (identifier text, valid_from timestamptz, digest bytea, item jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT r.identifier, r.valid_from, r.digest, r.item FROM %s r WHERE r.number > 0 ORDER BY r.number', relation);
END
$$;
COMMENT ON FUNCTION cohort_rows(regclass) IS 'the rows of a cohort, by its table';

CREATE FUNCTION cohort(name text) RETURNS TABLE (identifier text, valid_from timestamptz, digest bytea, item jsonb)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT r.* FROM cohort_rows(cohort_place($1, pg_catalog.current_schemas(false))) r;
END;
COMMENT ON FUNCTION cohort(text) IS 'The rows of a cohort as they were when it was frozen, in the order of its request: identifier, begin of the version (NULL where there are none), vxp.row_digest of the row, and the row as JSON. Whoever may read the table of the cohort may call it. 42704 when there is no such cohort in the schemas of the search_path.';

CREATE FUNCTION cohort_typed("row" anyelement, relation regclass) RETURNS SETOF anyelement
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET lc_monetary = 'C' SET intervalstyle = 'postgres'
AS $$
DECLARE
	wanted oid := (SELECT t.typrelid FROM pg_type t WHERE t.oid = pg_typeof("row"));
	columns text[];
BEGIN
	IF coalesce(wanted, 0) = 0 THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
			MESSAGE = format('type %s is no row type', pg_typeof("row")),
			HINT = 'Write NULL::volume for the table volume.';
	END IF;
	EXECUTE format('SELECT ARRAY(SELECT jsonb_array_elements_text(r.item -> ''columns'')) FROM %s r WHERE r.number = 0', relation) INTO columns;
	RETURN QUERY EXECUTE format('SELECT %s FROM %s r WHERE r.number > 0 ORDER BY r.number',
		(SELECT string_agg(format(CASE WHEN array_position(columns, a.attname::text) IS NULL THEN 'NULL::%2$s' ELSE 'r.image[%1$s]::%2$s' END,
				array_position(columns, a.attname::text), format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
			FROM pg_attribute a WHERE a.attrelid = wanted AND a.attnum > 0 AND NOT a.attisdropped), relation);
END
$$;
COMMENT ON FUNCTION cohort_typed(anyelement, regclass) IS 'the rows of a cohort in a row type, by its table';

CREATE FUNCTION cohort("row" anyelement, name text) RETURNS SETOF anyelement
LANGUAGE sql STABLE
-- a body that is parsed now cannot have polymorphic arguments
AS $$
	SELECT * FROM @extschema@.cohort_typed($1, @extschema@.cohort_place($2, pg_catalog.current_schemas(false)))
$$;
COMMENT ON FUNCTION cohort(anyelement, text) IS 'The same as rows of a table: write NULL::volume for the table volume. Values are exactly those that were frozen; columns that the table got since are NULL, those that it lost are left out.';

CREATE FUNCTION cohort_problems(relation regclass) RETURNS TABLE (identifier text, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT r.identifier, ''the row is not the one that was frozen'' FROM %1$s r'
		' WHERE r.number > 0 AND @extschema@.image_digest(r.image) IS DISTINCT FROM r.digest'
		' UNION ALL SELECT NULL, ''the checksum of the cohort is wrong'''
		' WHERE NOT EXISTS (SELECT FROM %1$s r WHERE r.number = 0 AND r.digest = $1)', relation)
		USING @extschema@.cohort_checksum(relation);
END
$$;
COMMENT ON FUNCTION cohort_problems(regclass) IS 'check_cohort by the table of the cohort';

CREATE FUNCTION check_cohort(name text) RETURNS TABLE (identifier text, problem text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT c.identifier, c.problem FROM cohort_problems(cohort_place($1, pg_catalog.current_schemas(false))) c;
END;
COMMENT ON FUNCTION check_cohort(text) IS 'Rows of a cohort that are not as they were frozen, by their SHA-256, and (identifier NULL) a cohort whose checksum is wrong: rows or facts about it were changed, added or removed behind its trigger. No rows when all is sound.';

CREATE FUNCTION cohort_list() RETURNS TABLE (name name, relation regclass, resource text, frozen_at timestamptz, as_of timestamptz, row_count bigint,
	checksum bytea, request text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	place record;
BEGIN
	FOR place IN SELECT c.oid::regclass AS relation, c.relname
		FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
		WHERE t.tgfoid = '@extschema@.cohort_guard()'::regprocedure
			AND has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(c.relnamespace, 'USAGE')
		ORDER BY c.relname, c.oid
	LOOP
		RETURN QUERY EXECUTE format('SELECT $1, $2, r.identifier, r.valid_from, (r.item ->> ''as_of'')::timestamptz, (r.item ->> ''rows'')::bigint,'
			' r.digest, r.image[1] FROM %s r WHERE r.number = 0', place.relation) USING place.relname, place.relation;
	END LOOP;
END
$$;
COMMENT ON FUNCTION cohort_list() IS 'the rows of the view cohorts';

CREATE VIEW cohorts WITH (security_invoker = true) AS
	SELECT c.name, c.relation, c.resource, c.frozen_at, c.as_of, c.row_count, c.checksum, c.request FROM cohort_list() c;
COMMENT ON VIEW cohorts IS 'the cohorts that the current user may read: name, table, resource type, when each was frozen and as of which instant (NULL: the present of then), number of rows, checksum, request';
GRANT SELECT ON cohorts TO PUBLIC;

--
-- What changed since
--
CREATE FUNCTION cohort_changes(relation regclass)
	RETURNS TABLE (identifier text, change text, changed text[], old jsonb, new jsonb)
-- what is set inside ends with the function
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET vxp.as_of = ''
AS $$
DECLARE
	about record;
	type @extschema@.resource_type;
	source regclass;
	columns text[];
	kept name[];
	places int[];
	gone text[];
	frozen_image text;
	frozen_path text := 'NULL::text';
	path text := 'NULL::text';
	present text;
BEGIN
	EXECUTE format('SELECT r.identifier AS resource, r.image[1] AS request, r.item ->> ''as_of'' AS as_of,'
		' ARRAY(SELECT jsonb_array_elements_text(r.item -> ''columns'')) AS columns FROM %s r WHERE r.number = 0', relation) INTO about;
	type := @extschema@.catalog_require_type(about.resource);
	source := format('%I.%I', type.schema_name, type.table_name);
	columns := about.columns;
	-- the columns that both have; when a version begins and ends is no part of what it says
	SELECT array_agg(a.attname ORDER BY a.attnum), array_agg(array_position(columns, a.attname::text) ORDER BY a.attnum) INTO kept, places
		FROM pg_attribute a WHERE a.attrelid = source AND a.attnum > 0 AND NOT a.attisdropped AND a.attname::text = ANY (columns)
			AND (NOT type.versioned OR a.attname NOT IN (type.valid_from_column, type.valid_to_column));
	gone := ARRAY(SELECT coalesce((SELECT min(f.key COLLATE "C") FROM jsonb_each_text(type.fields) f WHERE f.value = c), c)
		FROM unnest(columns) c WHERE NOT c = ANY (kept::text[]));
	frozen_image := (SELECT format('ARRAY[%s]', string_agg(format('r.image[%s]', p), ', ' ORDER BY n)) FROM unnest(places) WITH ORDINALITY u(p, n));
	IF type.lineage_column = ANY (kept) THEN
		frozen_path := format('r.image[%s]', array_position(columns, type.lineage_column::text));
		path := format('t.%I::text', type.lineage_column);
	END IF;
	present := format('%s COLLATE "C" AS id, @extschema@.row_image(ROW(%s)) AS image, %s AS path, %s AS item',
		@extschema@.catalog_identifier_expression(type.name, 't'), (SELECT string_agg(format('t.%I', k), ', ' ORDER BY n) FROM unnest(kept) WITH ORDINALITY u(k, n)),
		path, @extschema@.item_expression(source, 't', type.fields, type.document_column, kept));
	PERFORM set_config('vxp.as_of', coalesce(about.as_of, ''), true);
	RETURN QUERY EXECUTE format(
		'WITH frozen AS (SELECT r.identifier AS id, %1$s AS image, %2$s AS path, r.item - $2 AS item FROM %3$s r WHERE r.number > 0), '
		'now AS (SELECT %4$s FROM @extschema@.query(NULL::%5$s, $1) t), '
		'pair AS MATERIALIZED (SELECT coalesce(f.id, n.id) AS id, f.image, f.path, f.item, n.image AS new_image, n.path AS new_path, n.item AS new_item'
			' FROM frozen f FULL JOIN now n ON n.id = f.id WHERE f.image IS DISTINCT FROM n.image), '
		'outcome AS (SELECT p.id, p.path, p.item, p.new_path, p.new_item, false AS left FROM pair p WHERE p.new_image IS NOT NULL '
			-- the request no longer has these: they may still be there
			'UNION ALL SELECT p.id, p.path, p.item, t.path, t.item, t.id IS NOT NULL FROM pair p'
			' LEFT JOIN LATERAL (SELECT %4$s FROM %5$s t WHERE %6$s = p.id%7$s) t ON true WHERE p.new_image IS NULL) '
		'SELECT o.id, CASE WHEN o.left THEN ''left'' WHEN o.item IS NULL THEN ''added'' WHEN o.new_item IS NULL THEN ''removed''',
			frozen_image, frozen_path, relation, present, source, @extschema@.catalog_identifier_expression(type.name, 't'),
			CASE WHEN type.versioned THEN format(' AND @extschema@.shown(t.%I, t.%I)', type.valid_from_column, type.valid_to_column) ELSE '' END)
		|| ' WHEN o.path <> o.new_path THEN ''moved'' ELSE ''changed'' END, c.changed,'
		' CASE WHEN o.new_item IS NULL THEN o.item ELSE c.old END, CASE WHEN o.item IS NULL THEN o.new_item ELSE c.new END'
		' FROM outcome o LEFT JOIN LATERAL @extschema@.item_changes(o.item, o.new_item) c ON o.item IS NOT NULL AND o.new_item IS NOT NULL ORDER BY o.id'
		USING about.request::@extschema@.dql, gone;
END
$$;
COMMENT ON FUNCTION cohort_changes(regclass) IS 'cohort_diff by the table of the cohort';

CREATE FUNCTION cohort_diff(name text) RETURNS TABLE (identifier text, change text, changed text[], old jsonb, new jsonb)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT c.* FROM cohort_changes(cohort_place($1, pg_catalog.current_schemas(false))) c;
END;
COMMENT ON FUNCTION cohort_diff(text) IS 'What is different from a cohort now: its request is asked again, as of the same instant if it was about one, with the rights of the caller. change: "added" (the request has it now), "removed" (it is there no more, or hidden from the caller), "left" (it is there, but the request no longer has it), "moved" (its path is another), "changed". changed, old and new: as vxp.history returns them. Columns that the table got or lost since, and the interval of validity, do not count. No rows when nothing changed.';
