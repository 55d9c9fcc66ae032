
--
-- dql: documents
--
CREATE FUNCTION matches_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vxp_matches_support'
	LANGUAGE C STRICT;
COMMENT ON FUNCTION matches_support(internal) IS 'planner support of matches: index condition for GIN on jsonb, selectivity, cost';

CREATE FUNCTION matches(document jsonb, filter dql, field text DEFAULT NULL, params jsonb DEFAULT NULL) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vxp_matches'
	LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT matches_support;
COMMENT ON FUNCTION matches(jsonb, dql, text, jsonb) IS 'whether the document matches the filter of the request; with field, the document stands as the member of that name; params lists the values of bind variables; a NULL document has no members; NULL only for a NULL filter';

CREATE FUNCTION sort_key(document jsonb, path text, descending boolean DEFAULT false) RETURNS bytea
	AS 'MODULE_PATHNAME', 'vxp_sort_key'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION sort_key(jsonb, text, boolean) IS 'a key whose byte order is the order of DQL: of the least value of the path, or of the greatest when descending; empty list < null or missing < number < string < object < list < boolean; NULL for a NULL path or flag';

CREATE FUNCTION path_values(document jsonb, path text) RETURNS jsonb[]
	AS 'MODULE_PATHNAME', 'vxp_path_values'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION path_values(jsonb, text) IS 'the values at the path as DQL resolves it, without null, lists replaced by their elements, each once; an empty path is the document itself';

CREATE FUNCTION path_texts(document jsonb, path text) RETURNS text[]
	AS 'MODULE_PATHNAME', 'vxp_path_texts'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION path_texts(jsonb, text) IS 'the strings among the values at the path, as text';

CREATE FUNCTION value_or_null(value jsonb, "type" anyelement) RETURNS anyelement
	AS 'MODULE_PATHNAME', 'vxp_value_or_null'
	LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION value_or_null(jsonb, anyelement) IS 'the value as one of the second argument''s type (write NULL::uuid), as DQL reads an operand for a column of it; NULL for a list, an object, null and what has not the type''s form; for types of the server and enums';

CREATE FUNCTION glob_regex(glob text) RETURNS text
	AS 'MODULE_PATHNAME', 'vxp_glob_regex'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION glob_regex(text) IS 'the regular expression that means the same as an operand of $glob without its leading "!"';

CREATE FUNCTION glob_negates(glob text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vxp_glob_negates'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION glob_negates(text) IS 'whether an operand of $glob negates its condition: it starts with "!", or with an odd number of them';

CREATE FUNCTION project(document jsonb, request dql) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'vxp_project'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION project(jsonb, dql) IS 'the part of the document that "select" of the request asks for; other members of the request are not looked at';

-- COST: beyond ten operators per row the planner computes a column after ORDER BY and LIMIT, not before
CREATE FUNCTION late(item jsonb) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'vxp_late'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION late(jsonb) IS 'its argument; declared as costly, so that a page of rows becomes JSON after it is cut from the order, and not before';

CREATE FUNCTION iso8601(instant timestamptz) RETURNS text
	AS 'MODULE_PATHNAME', 'vxp_iso8601'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iso8601(timestamptz) IS 'the instant in ISO 8601, UTC, with milliseconds or, if need be, microseconds; NULL for infinity';

CREATE FUNCTION iso8601_list(instants timestamptz[]) RETURNS text[]
	AS 'MODULE_PATHNAME', 'vxp_iso8601_list'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iso8601_list(timestamptz[]) IS 'iso8601 of each element';

CREATE FUNCTION iso8601_list(instants timestamp[]) RETURNS text[]
	AS 'MODULE_PATHNAME', 'vxp_iso8601_list'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iso8601_list(timestamp[]) IS 'iso8601 of each element, which is UTC';
