
--
-- DQL: what a write does to one document
--
CREATE FUNCTION merge_metadata(document jsonb, patch jsonb) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'vxp_merge_metadata'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION merge_metadata(jsonb, jsonb) IS 'the document with the patch merged in: objects key by key at every depth, any other value of the patch (null and lists too) in the place of the old one; a NULL document has no members; both must be objects (22023); NULL for a NULL patch';

CREATE FUNCTION edit_references(document jsonb, path text[], "create" boolean, refs jsonb) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'vxp_edit_references'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION edit_references(jsonb, text[], boolean, jsonb) IS 'the document with the list at the path edited: references {"type", "id"} that are not there are appended, or those that are there removed; an error (22023) when something else than a list is there';

--
-- DQL: records of writes, for undo
--
-- Each role sees what it wrote itself, also the owner of the tables (FORCE); the
-- writer is an OID, since a name may be given to another role.  Not dumped: a
-- record is of use for hours, and a role that row security holds for could not
-- dump it.  A role may name neither the number nor the writer of a record.
--
CREATE FUNCTION current_writer() RETURNS oid
	AS 'MODULE_PATHNAME', 'vxp_current_writer'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION current_writer() IS 'the current user, as a record of a write names it';

CREATE TABLE operation (
	id bigint GENERATED ALWAYS AS IDENTITY,
	writer oid NOT NULL DEFAULT current_writer(),
	done_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	undone_at timestamptz,
	resource text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL CONSTRAINT operation_kind_check CHECK (kind IN ('update', 'delete', 'references')),
	row_count bigint NOT NULL,
	columns text[] NOT NULL,
	request text NOT NULL,
	CONSTRAINT operation_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE operation IS 'Writes by vxp.update, vxp.delete and vxp.execute that vxp.undo can take back; a role sees its own. Kept as long as vxp.undo_retention says.';
COMMENT ON COLUMN operation.id IS 'number for vxp.undo';
COMMENT ON COLUMN operation.writer IS 'role that wrote';
COMMENT ON COLUMN operation.done_at IS 'start of the transaction that wrote';
COMMENT ON COLUMN operation.undone_at IS 'start of the transaction that took the write back, or NULL';
COMMENT ON COLUMN operation.resource IS 'resource type';
COMMENT ON COLUMN operation.kind IS 'update, delete or references';
COMMENT ON COLUMN operation.row_count IS 'number of rows that were changed';
COMMENT ON COLUMN operation.columns IS 'columns of the table, in the order of the images';
COMMENT ON COLUMN operation.request IS 'the request as it was sent';
COMMENT ON SEQUENCE operation_id_seq IS 'numbers of writes';
CREATE INDEX operation_age ON operation (writer, done_at);
COMMENT ON INDEX operation_age IS 'finds the old records of a role';

CREATE TABLE operation_row (
	writer oid NOT NULL DEFAULT current_writer(),
	operation bigint NOT NULL,
	number bigint NOT NULL,
	before text[] NOT NULL,
	after bytea,
	version timestamp with time zone,
	CONSTRAINT operation_row_pkey PRIMARY KEY (writer, operation, number)
);
COMMENT ON TABLE operation_row IS 'Rows that a write changed, as they were before; a role sees its own.';
COMMENT ON COLUMN operation_row.writer IS 'role that wrote';
COMMENT ON COLUMN operation_row.operation IS 'number of the write';
COMMENT ON COLUMN operation_row.number IS 'number of the row in the write';
COMMENT ON COLUMN operation_row.before IS 'the row before the write: output text of each column, NULL where the value was; with a version its id alone';
COMMENT ON COLUMN operation_row.after IS 'row_digest of the row after the write; NULL when it was deleted';
COMMENT ON COLUMN operation_row.version IS 'begin of the version before the write, which history keeps; NULL: the image is here';

ALTER TABLE operation ENABLE ROW LEVEL SECURITY;
ALTER TABLE operation FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON operation USING (writer OPERATOR(pg_catalog.=) current_writer());
COMMENT ON POLICY own ON operation IS 'each role its own';
ALTER TABLE operation_row ENABLE ROW LEVEL SECURITY;
ALTER TABLE operation_row FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON operation_row USING (writer OPERATOR(pg_catalog.=) current_writer());
COMMENT ON POLICY own ON operation_row IS 'each role its own';
GRANT SELECT, DELETE, INSERT (resource, kind, row_count, columns, request), UPDATE (undone_at) ON operation TO PUBLIC;
GRANT SELECT, DELETE, INSERT (operation, number, before, after, version) ON operation_row TO PUBLIC;

CREATE FUNCTION row_image("row" record) RETURNS text[]
	AS 'MODULE_PATHNAME', 'vxp_row_image'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION row_image(record) IS 'the output text of each column of a row, in the order of its type, NULL where the value is; the settings of the session do not matter';

CREATE FUNCTION row_digest("row" record) RETURNS bytea
	AS 'MODULE_PATHNAME', 'vxp_row_digest'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION row_digest(record) IS 'SHA-256 of the image of a row';

CREATE FUNCTION fixed_json("row" record) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'vxp_fixed_json'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fixed_json(record) IS 'the value of a ROW(value) as JSON; the settings of the session do not matter';

CREATE FUNCTION image_digest(image text[]) RETURNS bytea
	AS 'MODULE_PATHNAME', 'vxp_image_digest'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION image_digest(text[]) IS 'row_digest of the row that has this image';

--
-- DQL: statements of undo
--
-- Names and types are the catalog's, quoted; values of a record are data of the
-- statement.  They are run by undo() with the caller's search_path, which the
-- triggers and policies of the table may count on: every name has its schema.
--
CREATE FUNCTION undo_same(relation regclass, col name, key text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	-- the operator that an index on the column has
	SELECT format('t.%I OPERATOR(%s) %s::%s', a.attname,
		coalesce((SELECT o.oprnamespace::regnamespace || '.' || o.oprname
			FROM pg_opclass c
				JOIN pg_am m ON m.oid = c.opcmethod AND m.amname = 'btree'
				JOIN pg_amop p ON p.amopfamily = c.opcfamily AND p.amopstrategy = 3
					AND p.amoplefttype = c.opcintype AND p.amoprighttype = c.opcintype
				JOIN pg_operator o ON o.oid = p.amopopr
			WHERE c.opcdefault AND c.opcintype = a.atttypid), 'pg_catalog.='),
		key, @extschema@.catalog_type_name(a.atttypid))
	FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = col
$$;
COMMENT ON FUNCTION undo_same(regclass, name, text) IS 'SQL: the column of t equals the text that "key" is';

CREATE FUNCTION undo_record_row(resource text) RETURNS text
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(resource);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	id name := coalesce(type.identifier_column, type.id_column);
	present text[];
BEGIN
	IF NOT type.versioned THEN
		RETURN 'INSERT INTO @extschema@.operation_row (operation, number, before, after) VALUES ($1, $2, $3, $4)';
	END IF;
	SELECT array_agg(a.attname ORDER BY a.attnum) INTO present FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped;
	-- a version that began in the same transaction leaves nothing in history: its image is kept
	RETURN format('INSERT INTO @extschema@.operation_row (operation, number, before, after, version)'
		' SELECT $1, $2, CASE WHEN h.kept THEN ARRAY[$3[%1$s]] ELSE $3 END, $4, CASE WHEN h.kept THEN $3[%2$s]::pg_catalog.timestamptz END'
		' FROM (SELECT EXISTS (SELECT FROM %3$s t WHERE %4$s AND t.%5$I OPERATOR(pg_catalog.=) $3[%2$s]::pg_catalog.timestamptz AND t.%6$I IS NOT NULL) AS kept) h',
		array_position(present, id::text), array_position(present, type.valid_from_column::text), relation,
		@extschema@.undo_same(relation, id, format('$3[%s]', array_position(present, id::text))), type.valid_from_column, type.valid_to_column);
END
$$;
COMMENT ON FUNCTION undo_record_row(text) IS 'the statement that records a row of a write, its parameters operation, number, image before and digest after: of a versioned type the id and begin of the version in the place of the image, if history has it';

CREATE FUNCTION undo_statements(operation bigint, OUT lock_rows text, OUT conflicts text, OUT difference text, OUT pairs text, OUT recorded text, OUT versioned boolean) RETURNS record
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	done @extschema@.operation;
	type @extschema@.resource_type;
	relation regclass;
	present text[];
	id name;
	key text;
	own text := 'r.operation OPERATOR(pg_catalog.=) $1 AND r.writer OPERATOR(pg_catalog.=) @extschema@.current_writer()';
	lost text := 'false';
	derived text := '';
BEGIN
	SELECT o.* INTO STRICT done FROM @extschema@.operation o WHERE o.id = undo_statements.operation AND o.writer = @extschema@.current_writer();
	type := @extschema@.catalog_require_type(done.resource);
	versioned := type.versioned;
	relation := to_regclass(format('%I.%I', type.schema_name, type.table_name));
	SELECT array_agg(a.attname ORDER BY a.attnum) INTO present FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped;
	IF present IS DISTINCT FROM done.columns THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('operation %s cannot be undone, since the table of resource type "%s" changed since', done.id, done.resource),
			DETAIL = format('Its columns were %s.', array_to_string(done.columns, ', '));
	END IF;
	recorded := format('(SELECT r.* FROM @extschema@.operation_row r WHERE %s)', own);
	IF type.versioned THEN
		id := coalesce(type.identifier_column, type.id_column);
		key := 'r.key';
		pairs := format('%s AND t.%I IS NULL', @extschema@.undo_same(relation, id, key), type.valid_to_column);
		-- the image is in history: the version that was written to has an end now
		recorded := format('(SELECT r.number, r.after, CASE WHEN r.version IS NULL THEN r.before ELSE @extschema@.row_image(t.*) END AS before,'
			' CASE WHEN r.version IS NULL THEN r.before[%s] ELSE r.before[1] END AS key, t.%I AS ended'
			' FROM @extschema@.operation_row r LEFT JOIN %s t ON r.version IS NOT NULL AND %s'
				' AND t.%I OPERATOR(pg_catalog.=) r.version AND t.%I IS NOT NULL'
			' WHERE %s)',
			array_position(present, id::text), type.valid_to_column, relation, @extschema@.undo_same(relation, id, 'r.before[1]'),
			type.valid_from_column, type.valid_to_column, own);
		lost := 'r.before IS NULL';
		-- an undo begins a version of its own
		derived := format(' AND u.place OPERATOR(pg_catalog.<>) ALL (ARRAY[%s, %s])',
			array_position(present, type.valid_from_column::text), array_position(present, type.valid_to_column::text));
	ELSIF type.id_column IS NULL THEN
		key := format('(r.before[%s]::pg_catalog.jsonb OPERATOR(pg_catalog.->>) ''id'')', array_position(present, type.document_column::text));
		pairs := format('(t.%I OPERATOR(pg_catalog.->>) ''id'') OPERATOR(pg_catalog.=) %s', type.document_column, key);
	ELSE
		key := format('r.before[%s]', array_position(present, type.id_column::text));
		pairs := @extschema@.undo_same(relation, type.id_column, key);
	END IF;
	IF done.kind = 'delete' THEN
		conflicts := format('SELECT %1$s, CASE WHEN %4$s THEN ''purged''::pg_catalog.text ELSE ''exists'' END FROM %5$s r'
			' WHERE %4$s OR EXISTS (SELECT FROM %2$s t WHERE %3$s) ORDER BY r.number', key, relation, pairs, lost, recorded);
		RETURN;
	END IF;
	lock_rows := format('SELECT FROM %s t, %s r WHERE %s FOR NO KEY UPDATE OF t', relation, recorded, pairs);
	conflicts := format('SELECT s.id, CASE WHEN s.found OPERATOR(pg_catalog.=) 0 THEN ''gone'' WHEN s.found OPERATOR(pg_catalog.>) 1 THEN ''not unique'''
			' WHEN s.same THEN ''purged'' ELSE ''changed'' END'
		' FROM (SELECT r.number, %1$s AS id, pg_catalog.count(t.ctid) AS found, pg_catalog.bool_or(%4$s) AS lost,'
			' pg_catalog.bool_and(@extschema@.row_digest(t.*) OPERATOR(pg_catalog.=) r.after) AS same'
			' FROM %5$s r LEFT JOIN %2$s t ON %3$s'
			' GROUP BY r.number, 2) s'
		' WHERE s.found OPERATOR(pg_catalog.<>) 1 OR s.same IS NOT TRUE OR s.lost ORDER BY s.number', key, relation, pairs, lost, recorded);
	difference := format('SELECT pg_catalog.array_agg(DISTINCT u.place) FROM %s t, %s r,'
		' LATERAL ROWS FROM (pg_catalog.unnest(@extschema@.row_image(t.*)), pg_catalog.unnest(r.before)) WITH ORDINALITY u(now, before, place)'
		' WHERE %s AND NOT coalesce((u.now COLLATE pg_catalog."C") OPERATOR(pg_catalog.=) u.before, u.now IS NULL AND u.before IS NULL)%s', relation, recorded, pairs, derived);
END
$$;
COMMENT ON FUNCTION undo_statements(bigint) IS 'statements of undo() over one operation of the current user, their $1: what locks the rows, lists those that changed since, finds the columns that the write changed, says which row t has record r, what the records are, and whether there are versions; an error (55000) when the table has other columns now';

CREATE FUNCTION undo_restore(operation bigint, places bigint[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	done @extschema@.operation;
	type @extschema@.resource_type;
	relation regclass;
	statements record;
	names text;
	vals text;
	sets text;
BEGIN
	SELECT o.* INTO STRICT done FROM @extschema@.operation o WHERE o.id = undo_restore.operation AND o.writer = @extschema@.current_writer();
	SELECT t.* INTO STRICT type FROM @extschema@.resource_type t WHERE t.name = done.resource;
	SELECT s.* INTO STRICT statements FROM @extschema@.undo_statements(undo_restore.operation) s;
	relation := format('%I.%I', type.schema_name, type.table_name);
	-- a version that comes back begins now, or where the one that was deleted ended
	SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY c.place),
			string_agg(CASE WHEN type.versioned AND a.attname = type.valid_from_column THEN 'GREATEST(pg_catalog.now(), r.ended)'
				ELSE format('r.before[%s]::%s', c.place, @extschema@.catalog_type_name(a.atttypid)) END, ', ' ORDER BY c.place),
			string_agg(format('%I = r.before[%s]::%s', a.attname, c.place, @extschema@.catalog_type_name(a.atttypid)), ', ' ORDER BY c.place)
				FILTER (WHERE c.place = ANY (places))
		INTO names, vals, sets
		FROM unnest(done.columns) WITH ORDINALITY c(name, place)
			JOIN pg_attribute a ON a.attrelid = relation AND a.attname = c.name
		WHERE a.attgenerated = '' AND (NOT type.versioned OR a.attname <> type.valid_to_column);
	IF done.kind = 'delete' THEN
		-- parents go before children
		RETURN format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %s r ORDER BY %s r.number',
			relation, names, vals, statements.recorded,
			CASE WHEN type.lineage_column IS NULL THEN '' ELSE format('@extschema@.depth(r.before[%s]::@extschema@.lineage),',
				array_position(done.columns, type.lineage_column::text)) END);
	END IF;
	RETURN format('UPDATE %s t SET %s FROM %s r WHERE %s', relation, sets, statements.recorded, statements.pairs);
END
$$;
COMMENT ON FUNCTION undo_restore(bigint, bigint[]) IS 'the statement of undo() that gives the rows back what the write took: an INSERT, or an UPDATE of the columns at these places, of a versioned type as new versions; NULL when generated columns alone differ';

CREATE FUNCTION undo_check(operation bigint, OUT id text, OUT state text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vxp_undo_check'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION undo_check(bigint) IS 'the rows of a write that keep undo() from taking it back: id, and "changed", "gone" (or no longer visible), "not unique", "exists" again, or "purged" from history; none when it can';

CREATE FUNCTION undo(operation bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'vxp_undo'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION undo(bigint) IS 'takes back a write of the current user and returns the number of rows: all of them, by an UPDATE or INSERT of the user, or an error (55000) that names rows that changed since; 42704 when there is no such record';

--
-- DQL: writes
--
CREATE FUNCTION update(dql dql) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'vxp_update'
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION update(dql) IS 'changes metadata of all rows of a DQL request ("update" or "references"): the envelope of page() with their number as totalItemsCount, and "operation" for undo(); more rows than "maxAffected" are an error (54000) and nothing is changed';

CREATE FUNCTION delete(dql dql) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'vxp_delete'
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION delete(dql) IS 'deletes all rows of a DQL request with "delete": true, and no others; answer and guards as for update()';

CREATE FUNCTION preview(dql dql) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'vxp_preview'
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION preview(dql) IS 'what a DQL request that writes would touch: the envelope of page() with the exact number of rows and the first ten of them, as they are; needs the privileges of the write and changes nothing';

CREATE FUNCTION execute(request json) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'vxp_execute'
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION execute(json) IS 'what an HTTP gateway calls: runs a DQL request as a client sent it, be it a read, an update or a delete, and returns the envelope';

-- drivers that send every string as text find it too; a literal counts as text
CREATE FUNCTION execute(request text) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'vxp_execute'
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION execute(text) IS 'the same for a request that arrives as text';

CREATE FUNCTION execute(request jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT execute(CAST(dql($1) AS json));
END;
COMMENT ON FUNCTION execute(jsonb) IS 'the same for a request in a jsonb value; a sort object with more than one key is an error (22023), since jsonb loses their order';
