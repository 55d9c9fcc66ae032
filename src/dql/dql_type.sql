
--
-- dql: type
--
CREATE TYPE dql;
COMMENT ON TYPE dql IS 'a DQL request: JSON text kept as written, checked when read';

CREATE FUNCTION dql_in(cstring) RETURNS dql
	AS 'MODULE_PATHNAME', 'vxp_dql_in'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dql_in(cstring) IS 'input: a request as JSON text; errors carry the JSON path of the fault';

CREATE FUNCTION dql_out(dql) RETURNS cstring
	AS 'MODULE_PATHNAME', 'vxp_dql_out'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dql_out(dql) IS 'output: the text of the request as it was written';

CREATE FUNCTION dql_recv(internal) RETURNS dql
	AS 'MODULE_PATHNAME', 'vxp_dql_recv'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dql_recv(internal) IS 'binary input: the text of the request, checked as on text input';

CREATE FUNCTION dql_send(dql) RETURNS bytea
	AS 'MODULE_PATHNAME', 'vxp_dql_send'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dql_send(dql) IS 'binary output: the text of the request';

CREATE TYPE dql (
	INPUT = dql_in,
	OUTPUT = dql_out,
	RECEIVE = dql_recv,
	SEND = dql_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = extended,
	CATEGORY = 'U'
);

--
-- dql: casts
--
CREATE FUNCTION dql(request text) RETURNS dql
	AS 'MODULE_PATHNAME', 'vxp_dql_from_text'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dql(text) IS 'the request in a text; an error like that of a literal when it is malformed';

CREATE FUNCTION dql(request json) RETURNS dql
	AS 'MODULE_PATHNAME', 'vxp_dql_from_text'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dql(json) IS 'the request in a json value';

CREATE FUNCTION dql(request jsonb) RETURNS dql
	AS 'MODULE_PATHNAME', 'vxp_dql_from_jsonb'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dql(jsonb) IS 'the request in a jsonb value; a sort object with more than one key is an error (22023), since jsonb loses their order';

CREATE CAST (text AS dql) WITH FUNCTION dql(text) AS IMPLICIT;
COMMENT ON CAST (text AS dql) IS 'the request in a text';
CREATE CAST (varchar AS dql) WITH FUNCTION dql(text) AS IMPLICIT;
COMMENT ON CAST (varchar AS dql) IS 'the request in a text';
CREATE CAST (json AS dql) WITH FUNCTION dql(json) AS IMPLICIT;
COMMENT ON CAST (json AS dql) IS 'the request in a json value';
CREATE CAST (jsonb AS dql) WITH FUNCTION dql(jsonb) AS IMPLICIT;
COMMENT ON CAST (jsonb AS dql) IS 'the request in a jsonb value; sort has at most one key or is a list';
CREATE CAST (dql AS text) WITHOUT FUNCTION AS ASSIGNMENT;
COMMENT ON CAST (dql AS text) IS 'the text of the request';
CREATE CAST (dql AS json) WITHOUT FUNCTION AS ASSIGNMENT;
COMMENT ON CAST (dql AS json) IS 'the request as json, sort order kept';

--
-- dql: functions
--
CREATE FUNCTION canonical_filter(request dql) RETURNS dql
	AS 'MODULE_PATHNAME', 'vxp_canonical_filter'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION canonical_filter(dql) IS 'the filter of a request in one spelling, without the other members; it matches the same documents';

CREATE FUNCTION dql_operators(OUT operator text, OUT operand text, OUT meaning text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vxp_dql_operators'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 30;
COMMENT ON FUNCTION dql_operators() IS 'the operators of DQL: name, what they take, what they mean';

CREATE FUNCTION dql_request_keys(OUT key text, OUT meaning text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vxp_dql_request_keys'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 30;
COMMENT ON FUNCTION dql_request_keys() IS 'the members that a DQL request may have, and what they mean';
