
--
-- DQL: functions that return the rows of a request
--
-- All of them share one C body and one planner support function, which turns a
-- call in FROM into a subquery of the enclosing statement.  STABLE: the caller's
-- snapshot.  PARALLEL RESTRICTED, never SAFE: a row security policy may do what
-- no parallel worker may.
--
CREATE FUNCTION query_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vxp_query_support'
	LANGUAGE C STRICT;
COMMENT ON FUNCTION query_support(internal) IS 'planner support: plans a DQL request as part of the enclosing statement';

CREATE FUNCTION query("row" anyelement, dql dql) RETURNS SETOF anyelement
	AS 'MODULE_PATHNAME', 'vxp_query'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 1000 SUPPORT query_support;
COMMENT ON FUNCTION query(anyelement, dql) IS 'rows of a resource table that a DQL request selects; write NULL::volume for the table volume; columns that "select" leaves out are NULL; the request must not be null (22004)';

CREATE FUNCTION query("row" anyelement, dql dql, VARIADIC "values" "any") RETURNS SETOF anyelement
	AS 'MODULE_PATHNAME', 'vxp_query'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 1000 SUPPORT query_support;
COMMENT ON FUNCTION query(anyelement, dql, "any") IS 'the same with values for the bind variables {"$param": 1} and up';

CREATE FUNCTION items(dql dql) RETURNS SETOF jsonb
	AS 'MODULE_PATHNAME', 'vxp_query'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 1000 SUPPORT query_support;
COMMENT ON FUNCTION items(dql) IS 'rows of a DQL request as JSON documents, cut by "select"; timestamps are ISO 8601 in UTC; a request without "resource" reads items';

CREATE FUNCTION items(dql dql, VARIADIC "values" "any") RETURNS SETOF jsonb
	AS 'MODULE_PATHNAME', 'vxp_query'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 1000 SUPPORT query_support;
COMMENT ON FUNCTION items(dql, "any") IS 'the same with values for the bind variables {"$param": 1} and up';

--
-- DQL: one answer
--
-- count() of one argument is declared as the server's aggregate is.  With dql
-- as its type, to which text converts, the aggregate count(column) would be
-- ambiguous for text columns wherever the schema is on the search_path; so an
-- unqualified count() is always the aggregate, and vxp.count() is ours.
--
CREATE FUNCTION count(dql "any") RETURNS bigint
	AS 'MODULE_PATHNAME', 'vxp_count'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION @extschema@.count("any") IS 'number of rows of a DQL request (dql, text, json, jsonb or a literal), after its skip and limit; page and pageSize do not matter; write vxp.count, since a bare count is the aggregate';

CREATE FUNCTION count(dql dql, VARIADIC "values" "any") RETURNS bigint
	AS 'MODULE_PATHNAME', 'vxp_count'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION count(dql, "any") IS 'the same with values for the bind variables {"$param": 1} and up';

CREATE FUNCTION page(dql dql) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'vxp_page'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION page(dql) IS 'one page of a DQL request: {"items", "hasNextPage", "nextCursor", "totalItemsCount", "totalPagesCount"}; nextCursor is there when rows follow and is sent as "after"; without pageSize vxp.default_page_size rows';

CREATE FUNCTION page(dql dql, VARIADIC "values" "any") RETURNS jsonb
	AS 'MODULE_PATHNAME', 'vxp_page'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION page(dql, "any") IS 'the same with values for the bind variables {"$param": 1} and up';

CREATE FUNCTION to_sql(dql dql) RETURNS text
	AS 'MODULE_PATHNAME', 'vxp_to_sql'
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION to_sql(dql) IS 'the SQL statement that a person would have written for a DQL request; bind variables are $1, $2; of versioned types with the condition that vxp.as_of puts in force; works with any search_path that hides no operators of pg_catalog';

CREATE FUNCTION to_sql("row" anyelement, dql dql) RETURNS text
	AS 'MODULE_PATHNAME', 'vxp_to_sql'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION to_sql(anyelement, dql) IS 'the same for a resource table by its row type; write NULL::volume';

--
-- DQL: timestamps
--
CREATE FUNCTION instant(text) RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'vxp_instant'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION instant(text) IS 'a timestamp as DQL reads it: ISO 8601, UTC when there is no zone; anything else is an error (22007)';

CREATE FUNCTION instant_or_null(text) RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'vxp_instant_or_null'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION instant_or_null(text) IS 'a timestamp as DQL reads it, NULL when the text is none';
