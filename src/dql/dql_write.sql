
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
	CONSTRAINT operation_row_pkey PRIMARY KEY (writer, operation, number)
);
COMMENT ON TABLE operation_row IS 'Rows that a write changed, as they were before; a role sees its own.';
COMMENT ON COLUMN operation_row.writer IS 'role that wrote';
COMMENT ON COLUMN operation_row.operation IS 'number of the write';
COMMENT ON COLUMN operation_row.number IS 'number of the row in the write';
COMMENT ON COLUMN operation_row.before IS 'the row before the write: output text of each column, NULL where the value was';
COMMENT ON COLUMN operation_row.after IS 'row_digest of the row after the write; NULL when it was deleted';

ALTER TABLE operation ENABLE ROW LEVEL SECURITY;
ALTER TABLE operation FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON operation USING (writer OPERATOR(pg_catalog.=) current_writer());
COMMENT ON POLICY own ON operation IS 'each role its own';
ALTER TABLE operation_row ENABLE ROW LEVEL SECURITY;
ALTER TABLE operation_row FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON operation_row USING (writer OPERATOR(pg_catalog.=) current_writer());
COMMENT ON POLICY own ON operation_row IS 'each role its own';
GRANT SELECT, DELETE, INSERT (resource, kind, row_count, columns, request), UPDATE (undone_at) ON operation TO PUBLIC;
GRANT SELECT, DELETE, INSERT (operation, number, before, after) ON operation_row TO PUBLIC;

CREATE FUNCTION row_image("row" record) RETURNS text[]
	AS 'MODULE_PATHNAME', 'vxp_row_image'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION row_image(record) IS 'the output text of each column of a row, in the order of its type, NULL where the value is; the settings of the session do not matter';

CREATE FUNCTION row_digest("row" record) RETURNS bytea
	AS 'MODULE_PATHNAME', 'vxp_row_digest'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION row_digest(record) IS 'SHA-256 of the image of a row';

--
-- DQL: statements of undo
--
-- Names and types are the catalog's, quoted; values of a record are data of the
-- statement.  They are run by undo() with the caller's search_path, which the
-- triggers and policies of the table may count on: every name has its schema.
--
CREATE FUNCTION undo_statements(operation bigint, OUT lock_rows text, OUT conflicts text, OUT difference text, OUT pairs text) RETURNS record
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	done @extschema@.operation;
	type @extschema@.resource_type;
	relation regclass;
	present text[];
	key text;
	same text;
BEGIN
	SELECT o.* INTO STRICT done FROM @extschema@.operation o WHERE o.id = undo_statements.operation AND o.writer = @extschema@.current_writer();
	type := @extschema@.catalog_require_type(done.resource);
	relation := to_regclass(format('%I.%I', type.schema_name, type.table_name));
	SELECT array_agg(a.attname ORDER BY a.attnum) INTO present FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped;
	IF present IS DISTINCT FROM done.columns THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('operation %s cannot be undone, since the table of resource type "%s" changed since', done.id, done.resource),
			DETAIL = format('Its columns were %s.', array_to_string(done.columns, ', '));
	END IF;
	IF type.id_column IS NULL THEN
		key := format('(r.before[%s]::pg_catalog.jsonb OPERATOR(pg_catalog.->>) ''id'')', array_position(present, type.document_column));
		same := format('(t.%I OPERATOR(pg_catalog.->>) ''id'') OPERATOR(pg_catalog.=) %s', type.document_column, key);
	ELSE
		key := format('r.before[%s]', array_position(present, type.id_column));
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
			INTO same
			FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = type.id_column;
	END IF;
	pairs := format('r.operation OPERATOR(pg_catalog.=) $1 AND r.writer OPERATOR(pg_catalog.=) @extschema@.current_writer() AND %s', same);
	IF done.kind = 'delete' THEN
		conflicts := format('SELECT %s, ''exists''::pg_catalog.text FROM @extschema@.operation_row r'
			' WHERE r.operation OPERATOR(pg_catalog.=) $1 AND r.writer OPERATOR(pg_catalog.=) @extschema@.current_writer()'
			' AND EXISTS (SELECT FROM %s t WHERE %s) ORDER BY r.number', key, relation, same);
		RETURN;
	END IF;
	lock_rows := format('SELECT FROM %s t, @extschema@.operation_row r WHERE %s FOR NO KEY UPDATE OF t', relation, pairs);
	conflicts := format('SELECT s.id, CASE WHEN s.found OPERATOR(pg_catalog.=) 0 THEN ''gone'' WHEN s.found OPERATOR(pg_catalog.>) 1 THEN ''not unique'' ELSE ''changed'' END'
		' FROM (SELECT r.number, %1$s AS id, pg_catalog.count(t.ctid) AS found,'
			' pg_catalog.bool_and(@extschema@.row_digest(t.*) OPERATOR(pg_catalog.=) r.after) AS same'
			' FROM @extschema@.operation_row r LEFT JOIN %2$s t ON %3$s'
			' WHERE r.operation OPERATOR(pg_catalog.=) $1 AND r.writer OPERATOR(pg_catalog.=) @extschema@.current_writer()'
			' GROUP BY r.number, 2) s'
		' WHERE s.found OPERATOR(pg_catalog.<>) 1 OR s.same IS NOT TRUE ORDER BY s.number', key, relation, same);
	difference := format('SELECT pg_catalog.array_agg(DISTINCT u.place) FROM %s t, @extschema@.operation_row r,'
		' LATERAL ROWS FROM (pg_catalog.unnest(@extschema@.row_image(t.*)), pg_catalog.unnest(r.before)) WITH ORDINALITY u(now, before, place)'
		' WHERE %s AND NOT coalesce((u.now COLLATE pg_catalog."C") OPERATOR(pg_catalog.=) u.before, u.now IS NULL AND u.before IS NULL)', relation, pairs);
END
$$;
COMMENT ON FUNCTION undo_statements(bigint) IS 'statements of undo() over one operation of the current user, their $1: what locks the rows, lists those that changed since, finds the columns that the write changed, and says which row t has record r; an error (55000) when the table has other columns now';

CREATE FUNCTION undo_restore(operation bigint, places bigint[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	done @extschema@.operation;
	type @extschema@.resource_type;
	relation regclass;
	rows_of text := 'r.operation OPERATOR(pg_catalog.=) $1 AND r.writer OPERATOR(pg_catalog.=) @extschema@.current_writer()';
	names text;
	vals text;
	sets text;
BEGIN
	SELECT o.* INTO STRICT done FROM @extschema@.operation o WHERE o.id = undo_restore.operation AND o.writer = @extschema@.current_writer();
	SELECT t.* INTO STRICT type FROM @extschema@.resource_type t WHERE t.name = done.resource;
	relation := format('%I.%I', type.schema_name, type.table_name);
	SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY c.place),
			string_agg(format('r.before[%s]::%s', c.place, @extschema@.catalog_type_name(a.atttypid)), ', ' ORDER BY c.place),
			string_agg(format('%I = r.before[%s]::%s', a.attname, c.place, @extschema@.catalog_type_name(a.atttypid)), ', ' ORDER BY c.place)
				FILTER (WHERE c.place = ANY (places))
		INTO names, vals, sets
		FROM unnest(done.columns) WITH ORDINALITY c(name, place)
			JOIN pg_attribute a ON a.attrelid = relation AND a.attname = c.name
		WHERE a.attgenerated = '';
	IF done.kind = 'delete' THEN
		-- parents go before children
		RETURN format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM @extschema@.operation_row r WHERE %s ORDER BY %s r.number',
			relation, names, vals, rows_of,
			CASE WHEN type.lineage_column IS NULL THEN '' ELSE format('@extschema@.depth(r.before[%s]::@extschema@.lineage),',
				array_position(done.columns, type.lineage_column)) END);
	END IF;
	RETURN format('UPDATE %s t SET %s FROM @extschema@.operation_row r WHERE %s', relation, sets,
		(SELECT s.pairs FROM @extschema@.undo_statements(undo_restore.operation) s));
END
$$;
COMMENT ON FUNCTION undo_restore(bigint, bigint[]) IS 'the statement of undo() that gives the rows back what the write took: an INSERT, or an UPDATE of the columns at these places; NULL when generated columns alone differ';

CREATE FUNCTION undo_check(operation bigint, OUT id text, OUT state text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vxp_undo_check'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION undo_check(bigint) IS 'the rows of a write that keep undo() from taking it back: id, and "changed", "gone" (or no longer visible), "not unique", or "exists" again; none when it can';

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
