--
-- lineage: GiST
--
-- Strategies (lineage_index.h): 1 @^ identifier, 2 @^= identifier, 3 <@, 4 @>,
-- 5 =, 6 @^| text[], 7 @^& text[].
--
CREATE TYPE lineage_gist_key;

CREATE FUNCTION lineage_gist_key_in(text cstring) RETURNS lineage_gist_key
AS 'MODULE_PATHNAME', 'vxp_lineage_gist_key_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gist_key_in(cstring) IS 'always an error, 0A000: the type exists inside indexes only';

CREATE FUNCTION lineage_gist_key_out(key lineage_gist_key) RETURNS cstring
AS 'MODULE_PATHNAME', 'vxp_lineage_gist_key_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gist_key_out(lineage_gist_key) IS 'an index key as JSON, for pageinspect';

CREATE TYPE lineage_gist_key (
	INPUT = lineage_gist_key_in, OUTPUT = lineage_gist_key_out,
	INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = plain
);
COMMENT ON TYPE lineage_gist_key IS 'key of a GiST index on lineage; never the type of a column';

CREATE FUNCTION lineage_gist_consistent(internal, lineage, smallint, oid, internal) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_lineage_gist_consistent'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gist_consistent(internal, lineage, smallint, oid, internal) IS 'GiST support of lineage';

CREATE FUNCTION lineage_gist_union(internal, internal) RETURNS lineage_gist_key
AS 'MODULE_PATHNAME', 'vxp_lineage_gist_union'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gist_union(internal, internal) IS 'GiST support of lineage';

CREATE FUNCTION lineage_gist_compress(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'vxp_lineage_gist_compress'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gist_compress(internal) IS 'GiST support of lineage: hashes in the leaves';

CREATE FUNCTION lineage_gist_full_compress(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'vxp_lineage_gist_full_compress'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gist_full_compress(internal)
IS 'GiST support of lineage: the value in the leaves; 54000 for a value of more than about 1,900 bytes';

CREATE FUNCTION lineage_gist_full_fetch(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'vxp_lineage_gist_full_fetch'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gist_full_fetch(internal) IS 'GiST support of lineage: the value of a leaf';

CREATE FUNCTION lineage_gist_penalty(internal, internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'vxp_lineage_gist_penalty'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gist_penalty(internal, internal, internal) IS 'GiST support of lineage';

CREATE FUNCTION lineage_gist_picksplit(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'vxp_lineage_gist_picksplit'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gist_picksplit(internal, internal) IS 'GiST support of lineage';

CREATE FUNCTION lineage_gist_same(lineage_gist_key, lineage_gist_key, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'vxp_lineage_gist_same'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gist_same(lineage_gist_key, lineage_gist_key, internal) IS 'GiST support of lineage';

CREATE FUNCTION lineage_gist_sortsupport(internal) RETURNS void
AS 'MODULE_PATHNAME', 'vxp_lineage_gist_sortsupport'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gist_sortsupport(internal) IS 'GiST support of lineage: the order of a sorted build';

CREATE OPERATOR CLASS gist_lineage_ops DEFAULT FOR TYPE lineage USING gist AS
	OPERATOR 1 @^ (lineage, identifier),
	OPERATOR 2 @^= (lineage, identifier),
	OPERATOR 3 <@ (lineage, lineage),
	OPERATOR 4 @> (lineage, lineage),
	OPERATOR 5 = (lineage, lineage),
	OPERATOR 6 @^| (lineage, text[]),
	OPERATOR 7 @^& (lineage, text[]),
	FUNCTION 1 lineage_gist_consistent(internal, lineage, smallint, oid, internal),
	FUNCTION 2 lineage_gist_union(internal, internal),
	FUNCTION 3 lineage_gist_compress(internal),
	FUNCTION 5 lineage_gist_penalty(internal, internal, internal),
	FUNCTION 6 lineage_gist_picksplit(internal, internal),
	FUNCTION 7 lineage_gist_same(lineage_gist_key, lineage_gist_key, internal),
	FUNCTION 11 lineage_gist_sortsupport(internal),
	STORAGE lineage_gist_key;
COMMENT ON OPERATOR FAMILY gist_lineage_ops USING gist IS 'ancestry by identifier and by path';
COMMENT ON OPERATOR CLASS gist_lineage_ops USING gist
IS 'ancestry by identifier and by path; small: hashes of the labels, answers rechecked on the row; any lineage fits';

CREATE OPERATOR CLASS gist_lineage_full_ops FOR TYPE lineage USING gist AS
	OPERATOR 1 @^ (lineage, identifier),
	OPERATOR 2 @^= (lineage, identifier),
	OPERATOR 3 <@ (lineage, lineage),
	OPERATOR 4 @> (lineage, lineage),
	OPERATOR 5 = (lineage, lineage),
	OPERATOR 6 @^| (lineage, text[]),
	OPERATOR 7 @^& (lineage, text[]),
	FUNCTION 1 lineage_gist_consistent(internal, lineage, smallint, oid, internal),
	FUNCTION 2 lineage_gist_union(internal, internal),
	FUNCTION 3 lineage_gist_full_compress(internal),
	FUNCTION 5 lineage_gist_penalty(internal, internal, internal),
	FUNCTION 6 lineage_gist_picksplit(internal, internal),
	FUNCTION 7 lineage_gist_same(lineage_gist_key, lineage_gist_key, internal),
	FUNCTION 9 lineage_gist_full_fetch(internal),
	FUNCTION 11 lineage_gist_sortsupport(internal),
	STORAGE lineage_gist_key;
COMMENT ON OPERATOR FAMILY gist_lineage_full_ops USING gist IS 'ancestry by identifier and by path';
COMMENT ON OPERATOR CLASS gist_lineage_full_ops USING gist
IS 'ancestry by identifier and by path; the whole value in the index, so that it answers alone (index-only scans); for paths of up to about 1,900 bytes';

CREATE FUNCTION check_lineage_index(index regclass) RETURNS bigint
AS 'MODULE_PATHNAME', 'vxp_check_lineage_index'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION check_lineage_index(regclass)
IS 'reads a whole GiST index on lineage and returns the number of its leaf entries; XX002 if one is not held by the keys above it, 42809 for another relation; locks the table against writing; for superusers unless granted';
REVOKE EXECUTE ON FUNCTION check_lineage_index(regclass) FROM PUBLIC;
