--
-- lineage: GIN
--
-- Strategies (lineage_index.h): 1 @^ identifier, 2 @^= identifier,
-- 6 @^| text[], 7 @^& text[].
--
CREATE FUNCTION lineage_gin_extract_value(lineage, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'vxp_lineage_gin_extract_value'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gin_extract_value(lineage, internal) IS 'GIN support of lineage';

CREATE FUNCTION lineage_gin_extract_query(lineage, internal, smallint, internal, internal, internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'vxp_lineage_gin_extract_query'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gin_extract_query(lineage, internal, smallint, internal, internal, internal, internal)
IS 'GIN support of lineage';

CREATE FUNCTION lineage_gin_consistent(internal, smallint, lineage, integer, internal, internal, internal, internal) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_lineage_gin_consistent'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gin_consistent(internal, smallint, lineage, integer, internal, internal, internal, internal)
IS 'GIN support of lineage';

CREATE FUNCTION lineage_gin_triconsistent(internal, smallint, lineage, integer, internal, internal, internal) RETURNS "char"
AS 'MODULE_PATHNAME', 'vxp_lineage_gin_triconsistent'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gin_triconsistent(internal, smallint, lineage, integer, internal, internal, internal)
IS 'GIN support of lineage';

CREATE FUNCTION lineage_gin_options(internal) RETURNS void
AS 'MODULE_PATHNAME', 'vxp_lineage_gin_options'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gin_options(internal) IS 'GIN support of lineage: include_self';

CREATE OPERATOR CLASS gin_lineage_ops DEFAULT FOR TYPE lineage USING gin AS
	OPERATOR 1 @^ (lineage, identifier),
	OPERATOR 2 @^= (lineage, identifier),
	OPERATOR 6 @^| (lineage, text[]),
	OPERATOR 7 @^& (lineage, text[]),
	FUNCTION 1 btint8cmp(bigint, bigint),
	FUNCTION 2 lineage_gin_extract_value(lineage, internal),
	FUNCTION 3 lineage_gin_extract_query(lineage, internal, smallint, internal, internal, internal, internal),
	FUNCTION 4 lineage_gin_consistent(internal, smallint, lineage, integer, internal, internal, internal, internal),
	FUNCTION 6 lineage_gin_triconsistent(internal, smallint, lineage, integer, internal, internal, internal),
	FUNCTION 7 lineage_gin_options(internal),
	STORAGE bigint;
COMMENT ON OPERATOR FAMILY gin_lineage_ops USING gin IS 'ancestry by identifier';
COMMENT ON OPERATOR CLASS gin_lineage_ops USING gin
IS 'ancestry by identifier, by hashes of the ancestors; with include_self = true is_within reads only what it needs';
