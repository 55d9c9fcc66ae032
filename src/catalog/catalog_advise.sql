--
-- Advice on indexes: which a table with paths has, and which questions have none
--
-- What serves what, and at which price, is measured in docs/performance.md.
--
CREATE FUNCTION advise_lineage(relation regclass)
	RETURNS TABLE (field name, question text, index regclass, size bigint, serves text, advice text)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 10 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	place record;
BEGIN
	SELECT c.relkind, format('%I.%I', n.nspname, c.relname) AS name INTO place
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = format('relation with OID %s does not exist', relation::oid);
	END IF;
	IF place.relkind NOT IN ('r', 'p', 'm') THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
			MESSAGE = format('%s can have no indexes', place.name),
			HINT = 'Pass a table, a partitioned table or a materialized view; for a view, the table behind it.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
				   WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
						AND '@extschema@.lineage'::regtype IN (t.oid, t.typbasetype)) THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
			MESSAGE = format('%s has no column of type lineage', place.name),
			HINT = 'Pass the table that holds the paths; vxp.register adds them to a table that has parents.';
	END IF;
	RETURN QUERY
	WITH col AS MATERIALIZED (
		SELECT a.attname, a.attnum, a.attcollation,
			CASE WHEN '@extschema@.lineage'::regtype IN (t.oid, t.typbasetype) THEN 'path'
				 WHEN r.rngsubtype IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) THEN 'time'
				 ELSE 'field' END AS role
		FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_range r ON r.rngtypid IN (t.oid, t.typbasetype)
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
			AND ('@extschema@.lineage'::regtype IN (t.oid, t.typbasetype)
				 OR r.rngsubtype IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)
				 OR EXISTS (SELECT FROM @extschema@.resource_type d JOIN @extschema@.resource_relation e ON e.name = d.name
							WHERE e.relid = relation AND a.attname::text = ANY (d.lineage_fields)))
	), part AS MATERIALIZED (
		-- key columns of the table's indexes; "kind" of one on a path is the name of our class
		SELECT i.indexrelid, k.n AS place, col.attnum, col.role, am.amname,
			CASE WHEN o.opcnamespace = '@extschema@'::regnamespace THEN o.opcname END AS kind,
			EXISTS (SELECT FROM pg_attribute ia, pg_options_to_table(ia.attoptions) p
					WHERE ia.attrelid = i.indexrelid AND ia.attnum = k.n AND p.option_name = 'include_self'
						AND p.option_value::boolean) AS with_self,
			i.indcollation[k.n - 1] = col.attcollation AS same_collation
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am am ON am.oid = c.relam,
			generate_series(1, i.indnkeyatts::int) k(n), col, pg_opclass o
		WHERE i.indrelid = relation AND i.indislive AND col.attnum = i.indkey[k.n - 1] AND o.oid = i.indclass[k.n - 1]
	), wanted AS (
		-- a question about a column, what an answer by index means, and the index to make when there is none
		SELECT col.attname, col.attnum, q.rank, q.question, NULL::name AS time_name, NULL::smallint AS time_num, q.gain,
			q.method || format(' (%I%s)', col.attname, q.class) AS target
		FROM col, (VALUES
			(1, 'by identifier', 'has_ancestor, @^', 'gist', ''),
			(2, 'by identifier, itself included', 'is_within, @^=', 'gist', ''),
			(3, 'by path', '<@ and @> with a path', 'gist', ''),
			(4, 'any of, all of', 'has_any_ancestor, has_all_ancestors, @^|, @^&', 'gin', ''),
			(5, 'index only', 'paths below an identifier or path, read from the index alone; paths of up to about 1,900 bytes',
			 'gist', ' @extschema@.gist_lineage_full_ops'),
			(6, 'order', 'ORDER BY path, = and ranges of paths', 'btree', '')) q(rank, question, gain, method, class)
		WHERE col.role = 'path'
		UNION ALL
		SELECT p.attname, p.attnum, 7, format('subtree and time (%I)', t.attname), t.attname, t.attnum,
			'an ancestor or path, and a moment or period, by one index', format('gist (%I, %I)', p.attname, t.attname)
		FROM col p, col t WHERE p.role = 'path' AND t.role = 'time'
		UNION ALL
		SELECT f.attname, f.attnum, 8, 'by lineage field', NULL, NULL, format('%I = identifier', f.attname), format('btree (%I)', f.attname)
		FROM col f WHERE f.role = 'field'
	), answer AS (
		-- which index serves which question; "fully": no other is needed
		SELECT w.attnum, w.rank, w.time_num, p.indexrelid,
			bool_or(NOT (w.rank = 4 AND p.amname = 'gist')) AS fully,
			max(CASE WHEN w.rank = 4 AND p.amname = 'gist' THEN 'short lists: each key is compared with all identifiers'
					 WHEN w.rank = 2 AND p.amname = 'gist' THEN 'is_within, @^=; a resource itself is found faster by an index on its identifier'
					 ELSE w.gain END) AS gain
		FROM wanted w JOIN part p ON p.attnum = w.attnum
		WHERE CASE
			WHEN w.rank = 8 THEN p.place = 1 AND p.amname IN ('btree', 'hash') AND p.same_collation
			WHEN w.rank = 7 THEN p.kind IN ('gist_lineage_ops', 'gist_lineage_full_ops')
				AND EXISTS (SELECT FROM part t WHERE t.indexrelid = p.indexrelid AND t.attnum = w.time_num)
			WHEN p.kind = 'gin_lineage_ops' THEN w.rank IN (1, 4) OR w.rank = 2 AND p.with_self
			WHEN p.place > 1 THEN false
			WHEN p.kind = 'gist_lineage_full_ops' THEN w.rank IN (1, 2, 3, 4, 5)
			WHEN p.kind = 'gist_lineage_ops' THEN w.rank IN (1, 2, 3, 4)
			WHEN p.kind = 'btree_lineage_ops' THEN w.rank IN (3, 6)
			ELSE false END
		GROUP BY w.attnum, w.rank, w.time_num, p.indexrelid
	), verdict AS (
		SELECT a.attnum, a.rank, a.time_num, i.indexrelid, a.fully AND i.indisvalid AND i.indisready AND i.indpred IS NULL AS fully,
			CASE WHEN NOT (i.indisvalid AND i.indisready) THEN 'nothing: the index is not valid'
				 WHEN i.indpred IS NOT NULL THEN a.gain || '; only where ' || pg_get_expr(i.indpred, i.indrelid, true)
				 ELSE a.gain END AS gain,
			CASE WHEN c.relkind = 'I' THEN (SELECT sum(pg_relation_size(t.relid))::bigint FROM pg_partition_tree(i.indexrelid) t WHERE t.isleaf)
				 ELSE pg_relation_size(i.indexrelid) END AS bytes
		FROM answer a JOIN pg_index i ON i.indexrelid = a.indexrelid JOIN pg_class c ON c.oid = i.indexrelid
	), line AS (
		SELECT w.*, v.indexrelid, v.bytes, v.gain AS has, NULL::text AS statement
		FROM wanted w JOIN verdict v ON v.attnum = w.attnum AND v.rank = w.rank AND v.time_num IS NOT DISTINCT FROM w.time_num
		UNION ALL
		SELECT w.*, NULL, NULL, w.gain, format('CREATE INDEX ON %s USING %s', place.name, w.target)
		FROM wanted w
		WHERE NOT EXISTS (SELECT FROM verdict v WHERE v.attnum = w.attnum AND v.rank = w.rank
						  AND v.time_num IS NOT DISTINCT FROM w.time_num AND v.fully)
	)
	SELECT l.attname, l.question, l.indexrelid::regclass, l.bytes, l.has, l.statement
	FROM line l LEFT JOIN pg_class c ON c.oid = l.indexrelid
	ORDER BY l.rank = 8, l.attnum, l.rank, l.time_num, l.statement IS NOT NULL, c.relname;
END
$$;
COMMENT ON FUNCTION advise_lineage(regclass) IS 'Which indexes a table with paths has and lacks. For each kind of question about a lineage column or lineage field: a row for each index that serves it, with its size in bytes (all partitions together) and what it serves; and, when none serves all of it, a row with the CREATE INDEX statement that would, in advice. Make only those for questions that are asked. Invalid, partial and expression indexes are not enough. 42809 for what is no table or has no paths.';
