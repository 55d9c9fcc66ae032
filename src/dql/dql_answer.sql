
--
-- DQL: saved filters
--
CREATE FUNCTION dql_params(dql dql) RETURNS integer
	AS 'MODULE_PATHNAME', 'vxp_dql_params'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dql_params(dql) IS 'largest n of the bind variables {"$param": n} of a request; 0 when it has none';

CREATE FUNCTION filter_sql(dql dql) RETURNS text
	AS 'MODULE_PATHNAME', 'vxp_filter_sql'
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION filter_sql(dql) IS 'what to_sql prints, but of versioned types with vxp.shown in the place of the condition in force, so that a view goes on following vxp.as_of';

CREATE FUNCTION filter_marker() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT 'vxp saved filter: ';
END;
COMMENT ON FUNCTION filter_marker() IS 'what the comment of a saved filter begins with; the request follows';

CREATE FUNCTION filter_place(name text, schemas name[], what text DEFAULT 'saved filter') RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	schema name := (SELECT s FROM unnest(schemas) WITH ORDINALITY u(s, n)
		WHERE s <> '@extschema@' AND NOT starts_with(s::text, 'pg_') AND s <> 'information_schema' ORDER BY n LIMIT 1);
BEGIN
	IF name IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = format('name of a %s must not be null', what);
	END IF;
	IF name = '' OR octet_length(name) > 63 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_name',
			MESSAGE = format('"%s" cannot be the name of a %s', left(name, 64), what),
			DETAIL = 'A name has 1 to 63 bytes.';
	END IF;
	IF schema IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_schema_name',
			MESSAGE = format('no schema has been selected for %ss', what),
			HINT = 'Put a schema of yours first: SET search_path = public, vxp.';
	END IF;
	RETURN format('%I.%I', schema, name);
END
$$;
COMMENT ON FUNCTION filter_place(text, name[], text) IS 'qualified and quoted name of a saved filter (or what it is called): in the first of the schemas that is neither ours nor the system''s; 3F000 when there is none';

CREATE FUNCTION is_filter(relation regclass) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation AND c.relkind = 'v')
		AND coalesce(starts_with(obj_description(relation, 'pg_class'), @extschema@.filter_marker()), false)
$$;
COMMENT ON FUNCTION is_filter(regclass) IS 'is the relation a view that save_filter made?';

CREATE FUNCTION save_filter_in(name text, dql dql, schemas name[]) RETURNS regclass
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	place text := @extschema@.filter_place(name, schemas);
	old regclass := to_regclass(place);
	body text;
BEGIN
	IF dql IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'DQL request must not be null',
			HINT = 'The request that matches everything is ''{}''.';
	END IF;
	IF @extschema@.dql_params(dql) > 0 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'a saved filter cannot have bind variables',
			HINT = 'Write the values into the request, or filter the saved filter''s rows.';
	END IF;
	IF old IS NOT NULL AND NOT @extschema@.is_filter(old) THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_table',
			MESSAGE = format('relation %s already exists and is no saved filter', old),
			HINT = 'Choose another name.';
	END IF;
	body := @extschema@.filter_sql(dql);
	IF old IS NULL THEN
		EXECUTE format('CREATE VIEW %s WITH (security_invoker = true) AS %s', place, body);
	ELSE
		-- in place, with its grants and what was built on it, when the columns allow it
		BEGIN
			EXECUTE format('CREATE OR REPLACE VIEW %s WITH (security_invoker = true) AS %s', place, body);
		EXCEPTION WHEN invalid_table_definition THEN
			EXECUTE format('DROP VIEW %s', place);
			EXECUTE format('CREATE VIEW %s WITH (security_invoker = true) AS %s', place, body);
		END;
	END IF;
	EXECUTE format('COMMENT ON VIEW %s IS %L', place, @extschema@.filter_marker() || dql::text);
	RETURN place::regclass;
END
$$;
COMMENT ON FUNCTION save_filter_in(text, dql, name[]) IS 'save_filter with the schemas of its caller''s search_path';

CREATE FUNCTION save_filter(name text, dql dql) RETURNS regclass
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT save_filter_in($1, $2, pg_catalog.current_schemas(false));
END;
COMMENT ON FUNCTION save_filter(text, dql) IS 'Makes a view of that name, in the first schema of the search_path, with the rows of a request; replaces a saved filter of that name, which other columns make a new view. Its body is what to_sql prints, except that it follows vxp.as_of; its comment holds the request, and rights and row security are those of who reads it. Returns the view. 42P07 when something else has the name, 22023 for a request with bind variables.';

CREATE FUNCTION drop_filter_in(name text, schemas name[]) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	place text := @extschema@.filter_place(name, schemas);
	old regclass := to_regclass(place);
BEGIN
	IF old IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('saved filter %s does not exist', place);
	END IF;
	IF NOT @extschema@.is_filter(old) THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('%s is no saved filter', place);
	END IF;
	EXECUTE format('DROP VIEW %s', place);
END
$$;
COMMENT ON FUNCTION drop_filter_in(text, name[]) IS 'drop_filter with the schemas of its caller''s search_path';

CREATE FUNCTION drop_filter(name text) RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT drop_filter_in($1, pg_catalog.current_schemas(false));
END;
COMMENT ON FUNCTION drop_filter(text) IS 'Drops the saved filter of that name in the first schema of the search_path. 42704 when there is none, 42809 when something else has the name, 2BP01 when something was built on it.';

--
-- DQL: what is in the rows
--
CREATE FUNCTION facets(dql dql, field text) RETURNS TABLE (value jsonb, count bigint)
	AS 'MODULE_PATHNAME', 'vxp_facets'
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 100;
COMMENT ON FUNCTION facets(dql, text) IS 'the values of a field over the rows of a request, after its skip and limit, and how many rows have each, most frequent first; a list counts by its different elements; null and missing values do not count';

--
-- DQL: rows in the shape that the caller names
--
CREATE FUNCTION query_record(dql dql) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vxp_query'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 1000 SUPPORT query_support;
COMMENT ON FUNCTION query_record(dql) IS 'rows of a DQL request with the columns of the caller''s column definition list: each is the field of its name, also a dotted path in a document, cast to its type; "select" is refused (22023), a name that is no field too (42703)';

CREATE FUNCTION query_record(dql dql, VARIADIC "values" "any") RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vxp_query'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 1000 SUPPORT query_support;
COMMENT ON FUNCTION query_record(dql, "any") IS 'the same with values for the bind variables {"$param": 1} and up';

CREATE FUNCTION fields(resource text, ancestor text DEFAULT NULL) RETURNS TABLE (field text, type text, fill_rate numeric, example text)
	AS 'MODULE_PATHNAME', 'vxp_fields'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 100;
COMMENT ON FUNCTION fields(text, text) IS 'the fields of a resource type over the rows that the caller may see, or those below the ancestor: columns, mapped paths, and every path in documents, lists walked as paths of DQL do; type: of the column, or the JSON types seen, with [] for elements of lists; fill_rate: part of the rows with a value, cut to six digits, NULL without rows; example: a value as text, at most 100 bytes; one pass over the rows';
