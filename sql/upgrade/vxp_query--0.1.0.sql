\echo Use "CREATE EXTENSION vxp_query" to load this file. \quit

--
-- The schema: ours alone.  CREATE EXTENSION makes it when it is missing; one
-- that already holds objects could lend its names to somebody else's code.
--
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_catalog.pg_class c
			   WHERE c.relnamespace OPERATOR(pg_catalog.=) '@extschema@'::pg_catalog.regnamespace)
	   OR EXISTS (SELECT FROM pg_catalog.pg_proc p
				  WHERE p.pronamespace OPERATOR(pg_catalog.=) '@extschema@'::pg_catalog.regnamespace)
	   OR EXISTS (SELECT FROM pg_catalog.pg_type t
				  WHERE t.typnamespace OPERATOR(pg_catalog.=) '@extschema@'::pg_catalog.regnamespace)
	   OR EXISTS (SELECT FROM pg_catalog.pg_operator o
				  WHERE o.oprnamespace OPERATOR(pg_catalog.=) '@extschema@'::pg_catalog.regnamespace)
	THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_object',
			MESSAGE = 'schema "@extschema@" already holds objects',
			HINT = 'vxp_query keeps its functions in this schema alone. Move the objects to another schema, or drop them.';
	END IF;
END
$$;

GRANT USAGE ON SCHEMA @extschema@ TO PUBLIC;
COMMENT ON SCHEMA @extschema@ IS 'vxp_query: lineage, validity and DQL';
--
-- lineage: types
--
CREATE TYPE lineage;

CREATE FUNCTION lineage_in(text cstring) RETURNS lineage
AS 'MODULE_PATHNAME', 'vxp_lineage_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_in(cstring)
IS 'reads a lineage from text; 22P02 for bad syntax, 54000 beyond 1,000 labels or 4,096 bytes in a label';

CREATE FUNCTION lineage_out(path lineage) RETURNS cstring
AS 'MODULE_PATHNAME', 'vxp_lineage_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_out(lineage)
IS 'writes a lineage as text, labels separated by " > " and quoted where they must be';

CREATE FUNCTION lineage_recv(message internal) RETURNS lineage
AS 'MODULE_PATHNAME', 'vxp_lineage_recv'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_recv(internal)
IS 'reads a lineage from its binary form, a byte 1 and the text form; 22P03 for anything else';

CREATE FUNCTION lineage_send(path lineage) RETURNS bytea
AS 'MODULE_PATHNAME', 'vxp_lineage_send'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_send(lineage)
IS 'writes a lineage in its binary form, a byte 1 and the text form';

CREATE FUNCTION lineage_typanalyze(internal) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_lineage_typanalyze'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_typanalyze(internal)
IS 'ANALYZE of a lineage column: common ancestors, and share and number of ancestors by identifier type';

CREATE TYPE lineage (
	INPUT = lineage_in, OUTPUT = lineage_out,
	RECEIVE = lineage_recv, SEND = lineage_send,
	ANALYZE = lineage_typanalyze,
	INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended,
	CATEGORY = 'U', COLLATABLE = false
);
COMMENT ON TYPE lineage
IS 'path of identifiers from the root to the resource itself: patient/1 > study/2; a label with ">" or a double quote in it, or white space around it, is written in double quotes, double quotes inside doubled; compared byte by byte';

CREATE TYPE identifier;

CREATE FUNCTION identifier_in(text cstring) RETURNS identifier
AS 'textin'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION identifier_in(cstring) IS 'reads an identifier: the text as it is';

CREATE FUNCTION identifier_out(identifier identifier) RETURNS cstring
AS 'textout'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION identifier_out(identifier) IS 'writes an identifier: the text as it is';

CREATE FUNCTION identifier_recv(message internal) RETURNS identifier
AS 'textrecv'
LANGUAGE internal STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION identifier_recv(internal) IS 'reads an identifier from its binary form, that of text';

CREATE FUNCTION identifier_send(identifier identifier) RETURNS bytea
AS 'textsend'
LANGUAGE internal STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION identifier_send(identifier) IS 'writes an identifier in its binary form, that of text';

CREATE FUNCTION identifier_typanalyze(internal) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_identifier_typanalyze'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION identifier_typanalyze(internal) IS 'ANALYZE of an identifier column: as of text, byte by byte';

CREATE TYPE identifier (
	INPUT = identifier_in, OUTPUT = identifier_out,
	RECEIVE = identifier_recv, SEND = identifier_send,
	ANALYZE = identifier_typanalyze,
	INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended,
	CATEGORY = 'S', PREFERRED = false, COLLATABLE = false
);
COMMENT ON TYPE identifier
IS 'text without collation, the right side of @^ and @^=; text and varchar convert to and from it by themselves; an argument type, not one for columns: it does not sort or group';

--
-- lineage: casts
--
CREATE FUNCTION lineage(labels text[]) RETURNS lineage
AS 'MODULE_PATHNAME', 'vxp_lineage_from_array'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage(text[])
IS 'the lineage of these labels, root first; 22023 for no label or an empty one, 22004 for a NULL, 54000 beyond 1,000 labels or 4,096 bytes in a label';

CREATE FUNCTION labels(path lineage) RETURNS text[]
AS 'MODULE_PATHNAME', 'vxp_labels'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION labels(lineage) IS 'the identifiers of a lineage, root first';

CREATE CAST (text[] AS lineage) WITH FUNCTION lineage(text[]) AS ASSIGNMENT;
COMMENT ON CAST (text[] AS lineage) IS 'the lineage of these labels, root first';
CREATE CAST (lineage AS text[]) WITH FUNCTION labels(lineage) AS ASSIGNMENT;
COMMENT ON CAST (lineage AS text[]) IS 'the identifiers of a lineage, root first';
CREATE CAST (text AS lineage) WITH INOUT AS ASSIGNMENT;
COMMENT ON CAST (text AS lineage) IS 'reads the text form';
CREATE CAST (varchar AS lineage) WITH INOUT AS ASSIGNMENT;
COMMENT ON CAST (varchar AS lineage) IS 'reads the text form';
CREATE CAST (lineage AS text) WITH INOUT AS ASSIGNMENT;
COMMENT ON CAST (lineage AS text) IS 'writes the text form';
CREATE CAST (lineage AS varchar) WITH INOUT AS ASSIGNMENT;
COMMENT ON CAST (lineage AS varchar) IS 'writes the text form';

CREATE CAST (text AS identifier) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (text AS identifier) IS 'the same bytes';
CREATE CAST (varchar AS identifier) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (varchar AS identifier) IS 'the same bytes';
CREATE CAST (identifier AS text) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (identifier AS text) IS 'the same bytes';
CREATE CAST (identifier AS varchar) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (identifier AS varchar) IS 'the same bytes';

--
-- lineage: parts
--
CREATE FUNCTION depth(path lineage) RETURNS integer
AS 'MODULE_PATHNAME', 'vxp_depth'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION depth(lineage) IS 'the number of labels of a lineage, 1 for a root';

CREATE FUNCTION self(path lineage) RETURNS text
AS 'MODULE_PATHNAME', 'vxp_self'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION self(lineage) IS 'the last label of a lineage: the resource''s own identifier';

CREATE FUNCTION parent(path lineage) RETURNS lineage
AS 'MODULE_PATHNAME', 'vxp_parent'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION parent(lineage) IS 'a lineage without its last label; NULL for a root';

CREATE FUNCTION root(path lineage) RETURNS text
AS 'MODULE_PATHNAME', 'vxp_root'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION root(lineage) IS 'the first label of a lineage';

CREATE FUNCTION subpath(path lineage, "offset" integer, length integer) RETURNS lineage
AS 'MODULE_PATHNAME', 'vxp_subpath'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subpath(lineage, integer, integer)
IS 'so many labels from an offset that counts from 0, or from the end if negative; a negative length leaves so many labels off the end; 22023 when no label is left';

CREATE FUNCTION subpath(path lineage, "offset" integer) RETURNS lineage
AS 'MODULE_PATHNAME', 'vxp_subpath'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subpath(lineage, integer)
IS 'the labels from an offset that counts from 0, or from the end if negative; 22023 when no label is left';

CREATE FUNCTION ancestor_of_type(path lineage, type text) RETURNS text
AS 'MODULE_PATHNAME', 'vxp_ancestor_of_type'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ancestor_of_type(lineage, text)
IS 'the last label, the resource itself included, of this identifier type (the part before the first slash): patient gives patient/1; NULL when there is none';

CREATE FUNCTION common_ancestor(a lineage, b lineage) RETURNS lineage
AS 'MODULE_PATHNAME', 'vxp_common_ancestor'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION common_ancestor(lineage, lineage)
IS 'the longest lineage that both are or lie below; NULL when their roots differ';

-- No COMBINEFUNC: a partial state NULL would mean "no rows" as well as "no common root".
CREATE AGGREGATE common_ancestor(path lineage) (
	SFUNC = common_ancestor, STYPE = lineage, PARALLEL = SAFE
);
COMMENT ON AGGREGATE common_ancestor(lineage)
IS 'the longest lineage that all are or lie below, NULLs left out; NULL when their roots differ or there is none';

CREATE FUNCTION lineage_add_label(path lineage, label text) RETURNS lineage
AS 'MODULE_PATHNAME', 'vxp_lineage_add_label'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_add_label(lineage, text)
IS 'the lineage with one more label; 22023 for an empty label, 54000 beyond 1,000 labels or 4,096 bytes in the label';

CREATE OPERATOR || (LEFTARG = lineage, RIGHTARG = text, FUNCTION = lineage_add_label);
COMMENT ON OPERATOR || (lineage, text) IS 'the lineage with one more label';

--
-- lineage: order
--
CREATE FUNCTION lineage_eq(a lineage, b lineage) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_lineage_eq'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION lineage_eq(lineage, lineage) IS 'implementation of = operator';

CREATE FUNCTION lineage_ne(a lineage, b lineage) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_lineage_ne'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION lineage_ne(lineage, lineage) IS 'implementation of <> operator';

CREATE FUNCTION lineage_lt(a lineage, b lineage) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_lineage_lt'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION lineage_lt(lineage, lineage) IS 'implementation of < operator';

CREATE FUNCTION lineage_le(a lineage, b lineage) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_lineage_le'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION lineage_le(lineage, lineage) IS 'implementation of <= operator';

CREATE FUNCTION lineage_gt(a lineage, b lineage) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_lineage_gt'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION lineage_gt(lineage, lineage) IS 'implementation of > operator';

CREATE FUNCTION lineage_ge(a lineage, b lineage) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_lineage_ge'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION lineage_ge(lineage, lineage) IS 'implementation of >= operator';

CREATE OPERATOR = (
	LEFTARG = lineage, RIGHTARG = lineage, FUNCTION = lineage_eq,
	COMMUTATOR = =, NEGATOR = <>, HASHES, MERGES,
	RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR = (lineage, lineage) IS 'equal, label by label and byte by byte';

CREATE OPERATOR <> (
	LEFTARG = lineage, RIGHTARG = lineage, FUNCTION = lineage_ne,
	COMMUTATOR = <>, NEGATOR = =,
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (lineage, lineage) IS 'not equal';

CREATE OPERATOR < (
	LEFTARG = lineage, RIGHTARG = lineage, FUNCTION = lineage_lt,
	COMMUTATOR = >, NEGATOR = >=,
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (lineage, lineage)
IS 'before, in path order: label by label, bytewise, a parent directly before its subtree';

CREATE OPERATOR <= (
	LEFTARG = lineage, RIGHTARG = lineage, FUNCTION = lineage_le,
	COMMUTATOR = >=, NEGATOR = >,
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (lineage, lineage) IS 'before, in path order, or equal';

CREATE OPERATOR > (
	LEFTARG = lineage, RIGHTARG = lineage, FUNCTION = lineage_gt,
	COMMUTATOR = <, NEGATOR = <=,
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (lineage, lineage) IS 'behind, in path order';

CREATE OPERATOR >= (
	LEFTARG = lineage, RIGHTARG = lineage, FUNCTION = lineage_ge,
	COMMUTATOR = <=, NEGATOR = <,
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (lineage, lineage) IS 'behind, in path order, or equal';

CREATE FUNCTION lineage_cmp(a lineage, b lineage) RETURNS integer
AS 'MODULE_PATHNAME', 'vxp_lineage_btree_cmp'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION lineage_cmp(lineage, lineage)
IS 'negative, zero or positive as the first is before, equal to or behind the second';

CREATE FUNCTION lineage_sortsupport(internal) RETURNS void
AS 'MODULE_PATHNAME', 'vxp_lineage_sortsupport'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_sortsupport(internal) IS 'sort support of btree_lineage_ops';

CREATE FUNCTION lineage_hash(path lineage) RETURNS integer
AS 'MODULE_PATHNAME', 'vxp_lineage_hash'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION lineage_hash(lineage) IS 'hash value, equal for equal paths';

CREATE FUNCTION lineage_hash_extended(path lineage, seed bigint) RETURNS bigint
AS 'MODULE_PATHNAME', 'vxp_lineage_hash_extended'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION lineage_hash_extended(lineage, bigint)
IS 'hash value of 64 bits with a seed, equal for equal paths and seeds';

CREATE OPERATOR CLASS btree_lineage_ops DEFAULT FOR TYPE lineage USING btree AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 lineage_cmp(lineage, lineage),
	FUNCTION 2 lineage_sortsupport(internal),
	FUNCTION 4 btequalimage(oid);
COMMENT ON OPERATOR FAMILY btree_lineage_ops USING btree IS 'path order';
COMMENT ON OPERATOR CLASS btree_lineage_ops USING btree IS 'path order: a parent directly before its subtree';

CREATE OPERATOR CLASS hash_lineage_ops DEFAULT FOR TYPE lineage USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 lineage_hash(lineage),
	FUNCTION 2 lineage_hash_extended(lineage, bigint);
COMMENT ON OPERATOR FAMILY hash_lineage_ops USING hash IS 'equality of paths';
COMMENT ON OPERATOR CLASS hash_lineage_ops USING hash IS 'equality of paths';

CREATE FUNCTION lineage_smaller(a lineage, b lineage) RETURNS lineage
AS 'MODULE_PATHNAME', 'vxp_lineage_smaller'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_smaller(lineage, lineage) IS 'the one that is first in path order';

CREATE FUNCTION lineage_larger(a lineage, b lineage) RETURNS lineage
AS 'MODULE_PATHNAME', 'vxp_lineage_larger'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_larger(lineage, lineage) IS 'the one that is last in path order';

CREATE AGGREGATE min(path lineage) (
	SFUNC = lineage_smaller, STYPE = lineage, COMBINEFUNC = lineage_smaller,
	SORTOP = <, PARALLEL = SAFE
);
COMMENT ON AGGREGATE min(lineage) IS 'the first in path order, NULLs left out; NULL when there is none';

CREATE AGGREGATE max(path lineage) (
	SFUNC = lineage_larger, STYPE = lineage, COMBINEFUNC = lineage_larger,
	SORTOP = >, PARALLEL = SAFE
);
COMMENT ON AGGREGATE max(lineage) IS 'the last in path order, NULLs left out; NULL when there is none';

--
-- lineage: planner support
--
CREATE FUNCTION lineage_sel(internal, oid, internal, integer) RETURNS double precision
AS 'MODULE_PATHNAME', 'vxp_lineage_sel'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_sel(internal, oid, internal, integer)
IS 'restriction estimate of the ancestry operators';

CREATE FUNCTION lineage_joinsel(internal, oid, internal, smallint, internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'vxp_lineage_joinsel'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_joinsel(internal, oid, internal, smallint, internal)
IS 'join estimate of the ancestry operators';

CREATE FUNCTION lineage_any_support(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'vxp_lineage_any_support'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_any_support(internal) IS 'planner support of has_any_ancestor';

CREATE FUNCTION lineage_all_support(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'vxp_lineage_all_support'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_all_support(internal) IS 'planner support of has_all_ancestors';

CREATE FUNCTION lineage_label_support(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'vxp_lineage_label_support'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_label_support(internal) IS 'planner support of lineage_has_label and lineage_has_any_label';

CREATE FUNCTION lineage_contained_support(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'vxp_lineage_contained_support'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_contained_support(internal) IS 'planner support of <@: a range of path order';

CREATE FUNCTION lineage_contains_support(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'vxp_lineage_contains_support'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lineage_contains_support(internal) IS 'planner support of @>: a range of path order';

CREATE FUNCTION lineage_subtree_end(path lineage) RETURNS lineage
AS 'MODULE_PATHNAME', 'vxp_lineage_subtree_end'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION lineage_subtree_end(lineage)
IS 'the least path behind the subtree, for comparison in path order only; planner support makes btree conditions with it';

CREATE FUNCTION lineage_prefixes(path lineage) RETURNS lineage[]
AS 'MODULE_PATHNAME', 'vxp_lineage_prefixes'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION lineage_prefixes(lineage)
IS 'the path and all paths above it, root first; planner support makes btree conditions with it';

--
-- lineage: ancestry
--
CREATE FUNCTION lineage_contains(a lineage, b lineage) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_lineage_contains'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
SUPPORT lineage_contains_support;
COMMENT ON FUNCTION lineage_contains(lineage, lineage) IS 'implementation of @> operator';

CREATE FUNCTION lineage_contained(a lineage, b lineage) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_lineage_contained'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
SUPPORT lineage_contained_support;
COMMENT ON FUNCTION lineage_contained(lineage, lineage) IS 'implementation of <@ operator';

CREATE FUNCTION lineage_below(path lineage, ancestor identifier) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_lineage_below'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION lineage_below(lineage, identifier) IS 'implementation of @^ operator';

CREATE FUNCTION lineage_within(path lineage, ancestor identifier) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_lineage_within'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION lineage_within(lineage, identifier) IS 'implementation of @^= operator';

CREATE OPERATOR @> (
	LEFTARG = lineage, RIGHTARG = lineage, FUNCTION = lineage_contains,
	COMMUTATOR = <@,
	RESTRICT = lineage_sel, JOIN = lineage_joinsel
);
COMMENT ON OPERATOR @> (lineage, lineage) IS 'is the same path or above it';

CREATE OPERATOR <@ (
	LEFTARG = lineage, RIGHTARG = lineage, FUNCTION = lineage_contained,
	COMMUTATOR = @>,
	RESTRICT = lineage_sel, JOIN = lineage_joinsel
);
COMMENT ON OPERATOR <@ (lineage, lineage) IS 'is the same path or below it';

CREATE OPERATOR @^ (
	LEFTARG = lineage, RIGHTARG = identifier, FUNCTION = lineage_below,
	RESTRICT = lineage_sel, JOIN = lineage_joinsel
);
COMMENT ON OPERATOR @^ (lineage, identifier)
IS 'has this proper ancestor: a label but the last equals it byte by byte';

CREATE OPERATOR @^= (
	LEFTARG = lineage, RIGHTARG = identifier, FUNCTION = lineage_within,
	RESTRICT = lineage_sel, JOIN = lineage_joinsel
);
COMMENT ON OPERATOR @^= (lineage, identifier)
IS 'is this resource or has this ancestor: a label, the last included, equals it byte by byte';

-- These two inline to their operator; they are not STRICT, as the operator is.
CREATE FUNCTION has_ancestor(path lineage, ancestor text) RETURNS boolean
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT $1 OPERATOR(@extschema@.@^) $2::@extschema@.identifier;
END;
COMMENT ON FUNCTION has_ancestor(lineage, text)
IS 'has the path this proper ancestor? the resource itself does not count; NULL if an argument is';

CREATE FUNCTION is_within(path lineage, ancestor text) RETURNS boolean
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT $1 OPERATOR(@extschema@.@^=) $2::@extschema@.identifier;
END;
COMMENT ON FUNCTION is_within(lineage, text)
IS 'is the path that of this resource, or has it this ancestor? NULL if an argument is';

CREATE FUNCTION has_any_ancestor(path lineage, ancestors text[]) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_has_any_ancestor'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
SUPPORT lineage_any_support;
COMMENT ON FUNCTION has_any_ancestor(lineage, text[])
IS 'has the path one of these proper ancestors? NULL elements are ignored, none gives false; NULL if an argument is';

CREATE FUNCTION has_all_ancestors(path lineage, ancestors text[]) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_has_all_ancestors'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
SUPPORT lineage_all_support;
COMMENT ON FUNCTION has_all_ancestors(lineage, text[])
IS 'has the path each of these proper ancestors? a NULL element gives false, none gives true; NULL if an argument is';

-- The planner makes index paths with these two where a lineage field has no index of its own.
CREATE FUNCTION lineage_has_label(path lineage, label text) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_lineage_within'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
COST 2 SUPPORT lineage_label_support;
COMMENT ON FUNCTION lineage_has_label(lineage, text)
IS 'is the text a label of the path? as is_within, and taken to select nothing: plans have it where a condition on a lineage field says the same, for the index. NULL if an argument is';

CREATE FUNCTION lineage_has_any_label(path lineage, labels text[]) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_has_any_ancestor'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
COST 2 SUPPORT lineage_label_support;
COMMENT ON FUNCTION lineage_has_any_label(lineage, text[])
IS 'is one of the texts a label of the path but the last? as has_any_ancestor, and taken to select nothing: plans have it where a condition on a lineage field says the same, for the index. NULL if an argument is';

CREATE OPERATOR @^| (
	LEFTARG = lineage, RIGHTARG = text[], FUNCTION = has_any_ancestor,
	RESTRICT = lineage_sel, JOIN = lineage_joinsel
);
COMMENT ON OPERATOR @^| (lineage, text[])
IS 'has one of these proper ancestors, as has_any_ancestor';

CREATE OPERATOR @^& (
	LEFTARG = lineage, RIGHTARG = text[], FUNCTION = has_all_ancestors,
	RESTRICT = lineage_sel, JOIN = lineage_joinsel
);
COMMENT ON OPERATOR @^& (lineage, text[])
IS 'has each of these proper ancestors, as has_all_ancestors';
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
--
-- validity: triggers that keep versions
--
CREATE FUNCTION version_row() RETURNS trigger
	AS 'MODULE_PATHNAME', 'vxp_version_row'
	LANGUAGE C VOLATILE;
COMMENT ON FUNCTION version_row() IS 'row trigger before INSERT, UPDATE and DELETE of a versioned table; arguments: the columns of identifier, begin and end. Sets the interval; 25006 while vxp.as_of is set, 55000 for a write to an old version';

CREATE FUNCTION version_history() RETURNS trigger
	AS 'MODULE_PATHNAME', 'vxp_version_history'
	LANGUAGE C VOLATILE;
COMMENT ON FUNCTION version_history() IS 'row trigger after INSERT, UPDATE and DELETE of a versioned table; arguments as for version_row. Keeps a closed copy of what was replaced or deleted; 23P01 when versions would overlap';

CREATE FUNCTION version_closed() RETURNS trigger
	AS 'MODULE_PATHNAME', 'vxp_version_closed'
	LANGUAGE C VOLATILE;
COMMENT ON FUNCTION version_closed() IS 'trigger before UPDATE and DELETE of old versions; arguments as for version_row. For each row: passes over it, as SQL:2011 does; 55000 when a MERGE that may insert would update it and the resource has ended. For a statement that names the table of closed versions: 55000. 25006 while vxp.as_of is set';

CREATE FUNCTION version_statement() RETURNS trigger
	AS 'MODULE_PATHNAME', 'vxp_version_statement'
	LANGUAGE C VOLATILE;
COMMENT ON FUNCTION version_statement() IS 'statement trigger before INSERT into a versioned table: notes that the statement inserts, by which version_closed knows a MERGE';

CREATE FUNCTION valid_interval(valid_from timestamp with time zone, valid_to timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vxp_valid_interval'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION valid_interval(timestamp with time zone, timestamp with time zone) IS 'can a version be valid from, up to? It begins, and ends later or (NULL) never; infinity is no end';

CREATE FUNCTION history_table(relation regclass) RETURNS regclass
	AS 'MODULE_PATHNAME', 'vxp_history_table'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION history_table(regclass) IS 'the table that holds the closed versions of a versioned table and inherits from it; NULL when it has none, as a partitioned table, which keeps all versions in its partitions';

CREATE FUNCTION catalog_bind_history(history regclass) RETURNS void
	AS 'MODULE_PATHNAME', 'vxp_bind_history'
	LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION catalog_bind_history(regclass) IS 'makes DROP TABLE of a versioned table drop this table of its closed versions as well; 42501 unless the caller owns it';

CREATE FUNCTION catalog_routed_rows() RETURNS bigint
	AS 'MODULE_PATHNAME', 'vxp_catalog_routed_rows'
	LANGUAGE C VOLATILE;
COMMENT ON FUNCTION catalog_routed_rows() IS 'how many closed rows, inserted into versioned tables, this session has stored in the tables of closed versions: row counts of INSERT do not include them';
--
-- validity: intervals of versions, [valid_from, valid_to)
--
CREATE FUNCTION validity(valid_from timestamp with time zone, valid_to timestamp with time zone) RETURNS tstzrange
	AS 'MODULE_PATHNAME', 'vxp_validity'
	LANGUAGE C IMMUTABLE LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION validity(timestamp with time zone, timestamp with time zone) IS 'the interval of a version: from valid_from on, up to but without valid_to; open when that is NULL or infinity; empty when it does not end after it begins; NULL when valid_from is';

CREATE FUNCTION validity_contains_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vxp_validity_contains_support'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION validity_contains_support(internal) IS 'planner support: index conditions of range indexes, selectivity';

CREATE FUNCTION validity_contains(validity tstzrange, at timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vxp_validity_contains'
	LANGUAGE C IMMUTABLE LEAKPROOF PARALLEL SAFE SUPPORT validity_contains_support;
COMMENT ON FUNCTION validity_contains(tstzrange, timestamp with time zone) IS 'is the instant in the interval? False for an interval that is NULL, NULL for an instant that is; what valid_at becomes in a plan, and an index condition on validity(valid_from, valid_to)';

CREATE FUNCTION valid_at_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vxp_valid_at_support'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION valid_at_support(internal) IS 'planner support: valid_at as conditions that indexes have';

CREATE FUNCTION valid_at(valid_from timestamp with time zone, valid_to timestamp with time zone, at timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vxp_valid_at'
	LANGUAGE C IMMUTABLE LEAKPROOF PARALLEL SAFE SUPPORT valid_at_support;
COMMENT ON FUNCTION valid_at(timestamp with time zone, timestamp with time zone, timestamp with time zone) IS 'is the version valid at that instant? Open when valid_to is NULL or infinity; false when valid_from is NULL, else NULL for an instant that is NULL. An index condition of a GiST index on validity(valid_from, valid_to) and of a btree index on valid_from';

CREATE FUNCTION is_current(valid_from timestamp with time zone, valid_to timestamp with time zone) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT $2 IS NULL OR $2 OPERATOR(pg_catalog.=) 'infinity'::timestamptz;
END;
COMMENT ON FUNCTION is_current(timestamp with time zone, timestamp with time zone) IS 'is the version open, whatever the clock says? valid_to NULL or infinity';

--
-- validity: what a session sees
--
CREATE FUNCTION shown_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vxp_shown_support'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION shown_support(internal) IS 'planner support: the condition that vxp.as_of puts in force';

CREATE FUNCTION shown(valid_from timestamp with time zone, valid_to timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vxp_shown'
	LANGUAGE C STABLE LEAKPROOF PARALLEL SAFE SUPPORT shown_support;
COMMENT ON FUNCTION shown(timestamp with time zone, timestamp with time zone) IS 'does the session see the version? With vxp.as_of empty: is valid_to NULL, else: is it valid at that instant. 22007 when vxp.as_of is no timestamp';

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
--
-- Resource types: the catalog
--
-- One row a type, by name and never by OID, so that a dump restores it.  The
-- columns are in the order of the enum in catalog.h.
--
CREATE TABLE resource_type (
	name text COLLATE "C" NOT NULL CONSTRAINT resource_type_name_check CHECK (name <> ''),
	schema_name name NOT NULL,
	table_name name NOT NULL,
	prefix text COLLATE "C" CONSTRAINT resource_type_prefix_check CHECK (prefix <> '' AND pg_catalog.strpos(prefix, '/') = 0),
	parents text[] NOT NULL DEFAULT '{}',
	versioned boolean NOT NULL DEFAULT false,
	lineage_field name,
	id_column name,
	document_column name,
	identifier_column name,
	parent_column name,
	lineage_column name,
	valid_from_column name,
	valid_to_column name,
	fields jsonb NOT NULL DEFAULT '{}',
	default_sort json,
	created boolean NOT NULL DEFAULT false,
	view_name name,
	function_name name,
	lineage_fields text[] NOT NULL DEFAULT '{}',
	on_close text NOT NULL DEFAULT 'restrict' CONSTRAINT resource_type_on_close_check CHECK (on_close IN ('restrict', 'cascade')),
	CONSTRAINT resource_type_versioned_check CHECK (NOT versioned OR valid_from_column IS NOT NULL AND valid_to_column IS NOT NULL),
	CONSTRAINT resource_type_pkey PRIMARY KEY (name),
	CONSTRAINT resource_type_table_key UNIQUE (schema_name, table_name)
);
COMMENT ON TABLE resource_type IS 'Definitions of resource types. Written by register, create_resource_type and their counterparts; a row may be written by the owner of its table only. Read vxp.resource_types instead.';
COMMENT ON COLUMN resource_type.name IS 'name of the resource type; case-sensitive, but no two names differ in case only';
COMMENT ON COLUMN resource_type.schema_name IS 'schema of the table';
COMMENT ON COLUMN resource_type.table_name IS 'table, view or foreign table with the resources';
COMMENT ON COLUMN resource_type.prefix IS 'identifier type: what identifiers have before the first slash; NULL without lineage';
COMMENT ON COLUMN resource_type.parents IS 'names of the resource types that may be the parent of a resource';
COMMENT ON COLUMN resource_type.versioned IS 'are there several versions of a resource?';
COMMENT ON COLUMN resource_type.lineage_field IS 'column with the identifier of the ancestor of this type, on this table and all below';
COMMENT ON COLUMN resource_type.id_column IS 'column that is the DQL id; NULL: member id of the document';
COMMENT ON COLUMN resource_type.document_column IS 'jsonb column that is the document, or NULL';
COMMENT ON COLUMN resource_type.identifier_column IS 'column with the identifier, or NULL';
COMMENT ON COLUMN resource_type.parent_column IS 'column with the identifier of the parent, or NULL';
COMMENT ON COLUMN resource_type.lineage_column IS 'column with the path, or NULL';
COMMENT ON COLUMN resource_type.valid_from_column IS 'column with the start of validity, or NULL';
COMMENT ON COLUMN resource_type.valid_to_column IS 'column with the end of validity, or NULL';
COMMENT ON COLUMN resource_type.fields IS 'object: DQL path to column, or to a place in a jsonb column';
COMMENT ON COLUMN resource_type.default_sort IS 'DQL sort of pages without a sort, or NULL';
COMMENT ON COLUMN resource_type.created IS 'was the table made by create_resource_type?';
COMMENT ON COLUMN resource_type.view_name IS 'the view on current rows beside the table';
COMMENT ON COLUMN resource_type.function_name IS 'the function name(dql) beside the table';
COMMENT ON COLUMN resource_type.lineage_fields IS 'columns of the table that hold ancestors and are written by the lineage trigger';
COMMENT ON COLUMN resource_type.on_close IS 'what the end of a parent means for resources of this type: restrict: it is refused; cascade: they end, too';

-- names that differ in case only would be told apart by nobody
CREATE UNIQUE INDEX resource_type_lower_key ON resource_type (pg_catalog.lower(name COLLATE "default"));
COMMENT ON INDEX resource_type_lower_key IS 'no two resource types whose names differ in case only';

SELECT pg_catalog.pg_extension_config_dump('resource_type', '');
GRANT SELECT, INSERT, UPDATE, DELETE ON resource_type TO PUBLIC;

CREATE FUNCTION resource_type_invalidate() RETURNS trigger
AS 'MODULE_PATHNAME', 'vxp_resource_type_invalidate'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION resource_type_invalidate() IS 'statement trigger: makes all sessions read the resource types again';

CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON resource_type
	FOR EACH STATEMENT EXECUTE FUNCTION resource_type_invalidate();
ALTER TABLE resource_type ENABLE ALWAYS TRIGGER invalidate;

--
-- What the catalog knows by OID: never dumped, and written only by the trigger
-- below, so that the rows can be trusted to follow a RENAME
--
CREATE TABLE resource_relation (
	name text COLLATE "C" NOT NULL,
	relid oid NOT NULL,
	view_relid oid,
	CONSTRAINT resource_relation_pkey PRIMARY KEY (name)
);
COMMENT ON TABLE resource_relation IS 'OIDs of the table and the view of each resource type in this database; not dumped';
COMMENT ON COLUMN resource_relation.name IS 'name of the resource type';
COMMENT ON COLUMN resource_relation.relid IS 'its table';
COMMENT ON COLUMN resource_relation.view_relid IS 'its view on current rows, or NULL';
GRANT SELECT ON resource_relation TO PUBLIC;

--
-- Triggers on the catalog
--
CREATE FUNCTION resource_type_record() RETURNS trigger
AS 'MODULE_PATHNAME', 'vxp_resource_type_record'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION resource_type_record() IS 'row trigger: notes the OIDs of table and view, makes or removes the wrapper functions';

CREATE FUNCTION catalog_check_type(type resource_type, relation regclass) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	duty record;
	entry record;
	kind "char";
	found_type oid;
	part text;
BEGIN
	kind := (SELECT c.relkind FROM pg_class c WHERE c.oid = relation);
	IF kind NOT IN ('r', 'p', 'v', 'm', 'f') THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
			MESSAGE = format('%s is no table or view', relation);
	END IF;
	IF (type.parents <> '{}' OR type.parent_column IS NOT NULL) AND kind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
			MESSAGE = format('resources of type "%s" cannot have parents, since %s is no table', type.name, relation),
			HINT = 'Register it without parents, or register the table behind it.';
	END IF;
	FOR duty IN SELECT * FROM (VALUES
			('id', type.id_column, NULL::regtype),
			('document', type.document_column, 'jsonb'::regtype),
			('identifier', type.identifier_column, NULL),
			('parent_identifier', type.parent_column, NULL),
			('lineage', type.lineage_column, '@extschema@.lineage'::regtype),
			('valid_from', type.valid_from_column, 'timestamptz'::regtype),
			('valid_to', type.valid_to_column, 'timestamptz'::regtype)) d(name, col, wanted)
		WHERE col IS NOT NULL
	LOOP
		SELECT a.atttypid INTO found_type FROM pg_attribute a
			WHERE a.attrelid = relation AND a.attname = duty.col AND a.attnum > 0 AND NOT a.attisdropped;
		IF NOT FOUND THEN
			RAISE EXCEPTION USING ERRCODE = 'undefined_column',
				MESSAGE = format('column "%s" of %s does not exist', duty.col, relation),
				DETAIL = format('It is the %s of resource type "%s".', duty.name, type.name),
				HINT = 'To rename or drop it, use vxp.unregister first, and register the table anew.';
		END IF;
		IF found_type <> duty.wanted THEN
			RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch',
				MESSAGE = format('column "%s" of %s is not of type %s', duty.col, relation, duty.wanted),
				DETAIL = format('It is the %s of resource type "%s".', duty.name, type.name);
		END IF;
		IF duty.name = 'identifier' AND type.lineage_column IS NOT NULL AND found_type <> 'text'::regtype THEN
			RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch',
				MESSAGE = format('column "%s" of %s is not of type text', duty.col, relation),
				DETAIL = format('It is the identifier of resource type "%s".', type.name);
		END IF;
	END LOOP;
	IF type.versioned AND kind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
			MESSAGE = format('resource type "%s" cannot be versioned, since %s is no table', type.name, relation),
			HINT = 'Do not map both valid_from and valid_to, or register the table behind it.';
	END IF;
	IF type.id_column IS NULL AND type.document_column IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('resource type "%s" has no id', type.name),
			HINT = 'Name the column with the argument id.';
	END IF;
	IF type.prefix = '' OR strpos(type.prefix, '/') > 0 OR octet_length(type.prefix) > 63 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"%s" cannot be the prefix of identifiers', left(type.prefix, 64)),
			DETAIL = 'A prefix has 1 to 63 bytes and no slash.';
	END IF;
	IF (type.valid_from_column IS NULL) <> (type.valid_to_column IS NULL) THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('resource type "%s" maps only one of valid_from and valid_to', type.name);
	END IF;
	IF array_position(type.parents, NULL) IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = format('a parent of resource type "%s" is null', type.name);
	END IF;
	IF jsonb_typeof(type.fields) <> 'object' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the fields of resource type "%s" are no JSON object', type.name),
			HINT = 'Write {"path": "column"} or {"path": "column.path.inside"}.';
	END IF;
	FOR entry IN SELECT e.key, e.value, e.value #>> '{}' AS target FROM jsonb_each(type.fields) e
	LOOP
		IF jsonb_typeof(entry.value) <> 'string' OR entry.key = '' THEN
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('field "%s" of resource type "%s" is not mapped to a string', entry.key, type.name),
				HINT = 'Write {"path": "column"} or {"path": "column.path.inside"}.';
		END IF;
		CONTINUE WHEN EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation
			AND a.attname = entry.target AND a.attnum > 0 AND NOT a.attisdropped);
		part := split_part(entry.target, '.', 1);
		SELECT a.atttypid INTO found_type FROM pg_attribute a
			WHERE a.attrelid = relation AND a.attname = part AND a.attnum > 0 AND NOT a.attisdropped;
		IF NOT FOUND OR part = entry.target OR right(entry.target, 1) = '.' THEN
			RAISE EXCEPTION USING ERRCODE = 'undefined_column',
				MESSAGE = format('column "%s" of %s does not exist', entry.target, relation),
				DETAIL = format('Field "%s" of resource type "%s" is mapped to it.', entry.key, type.name);
		END IF;
		IF found_type <> 'jsonb'::regtype THEN
			RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch',
				MESSAGE = format('column "%s" of %s is not of type jsonb', part, relation),
				DETAIL = format('Field "%s" of resource type "%s" is mapped to a place inside it.', entry.key, type.name);
		END IF;
	END LOOP;
	IF json_typeof(type.default_sort) NOT IN ('object', 'array') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the default sort of resource type "%s" is no JSON object or list', type.name),
			HINT = 'Write {"created_at": -1}, or a list of such objects.';
	END IF;
END
$$;
COMMENT ON FUNCTION catalog_check_type(resource_type, regclass) IS 'raises an error when the definition does not fit the table: columns, their types, fields, default sort';

CREATE FUNCTION catalog_wrappers(relation regclass) RETURNS SETOF regprocedure
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT p.oid::regprocedure
		FROM pg_class c JOIN pg_proc p ON p.prorettype = c.reltype JOIN pg_language l ON l.oid = p.prolang
		WHERE c.oid = relation AND l.lanname = 'c' AND p.prosrc = 'vxp_query'
			AND p.proargtypes[0] = '@extschema@.dql'::regtype;
END
$$;
COMMENT ON FUNCTION catalog_wrappers(regclass) IS 'the wrapper functions of the table, whatever their names';

CREATE FUNCTION catalog_function_name(relation regclass, wanted name DEFAULT NULL) RETURNS name
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	schema oid;
	base name;
	candidate name;
	number int := 0;
BEGIN
	-- without the DQL part of the extension there is nothing to wrap
	IF to_regprocedure('@extschema@.query_support(internal)') IS NULL THEN
		RETURN NULL;
	END IF;
	SELECT c.relname, c.relnamespace INTO base, schema FROM pg_class c WHERE c.oid = relation;
	candidate := coalesce(wanted, base);
	LOOP
		-- a function beside the table that takes as many arguments, or one that every path sees
		EXIT WHEN NOT EXISTS (SELECT FROM pg_proc p WHERE p.proname = candidate
			AND (p.pronamespace IN ('pg_catalog'::regnamespace, '@extschema@'::regnamespace)
				 OR p.pronamespace = schema AND p.pronargs BETWEEN 1 AND 2
					AND p.proargtypes[0] = to_regtype('@extschema@.dql')
					AND p.oid NOT IN (SELECT w::oid FROM @extschema@.catalog_wrappers(relation) w)))
			-- name(dql) would be read as a cast
			AND NOT EXISTS (SELECT FROM pg_type t WHERE t.typname = candidate AND t.typrelid <> relation
				AND t.typnamespace IN ('pg_catalog'::regnamespace, '@extschema@'::regnamespace));
		number := number + CASE WHEN candidate = wanted AND wanted <> base THEN 0 ELSE 1 END;
		candidate := CASE number WHEN 0 THEN base WHEN 1 THEN @extschema@.catalog_object_name(base, '_query')
			ELSE @extschema@.catalog_object_name(base, '_query_' || number) END;
		wanted := NULL;
	END LOOP;
	RETURN candidate;
END
$$;
COMMENT ON FUNCTION catalog_function_name(regclass, name) IS 'a free name for the wrapper function beside the table: the wanted one, or that of the table, unless it would hide a function of ours or of the server or exists, else with _query added';

CREATE FUNCTION catalog_object_name(base name, suffix text) RETURNS name
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	cut text := base;
BEGIN
	WHILE cut <> '' AND octet_length(cut || suffix) > 63 LOOP
		cut := left(cut, -1);
	END LOOP;
	RETURN cut || suffix;
END
$$;
COMMENT ON FUNCTION catalog_object_name(name, text) IS 'base and suffix as one name; the base is cut to make it fit';

CREATE FUNCTION catalog_type_name(type oid) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- format_type leaves out the schema of what it sees
	RETURN (SELECT format('%I.%I', n.nspname, t.typname) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = type);
END
$$;
COMMENT ON FUNCTION catalog_type_name(oid) IS 'the name of a type with its schema, for statements that run with the path of the caller';

CREATE FUNCTION resource_type_guard() RETURNS trigger
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation oid;
	recorded record;
	follows boolean := false;
	touched @extschema@.resource_type;
	near text;
BEGIN
	-- the table of a row that exists already must be the caller's, before and after
	IF TG_OP <> 'INSERT' THEN
		SELECT r.relid, r.view_relid, c.relname, n.nspname, v.relname AS view_name INTO recorded
			FROM @extschema@.resource_relation r
				LEFT JOIN pg_class c ON c.oid = r.relid
				LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
				LEFT JOIN pg_class v ON v.oid = r.view_relid
			WHERE r.name = OLD.name;
		IF TG_OP = 'UPDATE' THEN
			-- anybody may write what is true already: where table and view are now
			touched := OLD;
			touched.schema_name := NEW.schema_name;
			touched.table_name := NEW.table_name;
			touched.view_name := NEW.view_name;
			follows := touched::text = NEW::text
				AND NEW.schema_name = recorded.nspname AND NEW.table_name = recorded.relname
				AND (NEW.view_name IS NOT DISTINCT FROM OLD.view_name
					 OR NEW.view_name IS NOT DISTINCT FROM recorded.view_name);
		ELSE
			-- what has no table any more may go
			follows := recorded.relname IS NULL;
		END IF;
		IF NOT follows AND recorded.relname IS NOT NULL THEN
			PERFORM @extschema@.catalog_require_owner(recorded.relid);
		END IF;
	END IF;
	IF TG_OP = 'DELETE' THEN
		RETURN OLD;
	END IF;
	IF follows THEN
		RETURN NEW;
	END IF;

	relation := (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
				 WHERE n.nspname = NEW.schema_name AND c.relname = NEW.table_name);
	IF relation IS NULL THEN
		-- a dump of some tables only brings along the definitions of all
		RAISE WARNING USING ERRCODE = 'undefined_table',
			MESSAGE = format('resource type "%s" is left out, since table "%s.%s" does not exist',
							 NEW.name, NEW.schema_name, NEW.table_name);
		RETURN NULL;
	END IF;
	PERFORM @extschema@.catalog_require_owner(relation);
	IF TG_OP = 'INSERT' THEN
		-- the unique indexes say the same, less clearly
		near := (SELECT t.name FROM @extschema@.resource_type t WHERE lower(t.name COLLATE "default") = lower(NEW.name COLLATE "default"));
		IF near IS NOT NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
				MESSAGE = format('resource type "%s" already exists', near),
				DETAIL = 'Names of resource types must differ in more than case.';
		END IF;
		near := (SELECT t.name FROM @extschema@.resource_type t WHERE (t.schema_name, t.table_name) = (NEW.schema_name, NEW.table_name));
		IF near IS NOT NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
				MESSAGE = format('table %s is a resource type already', relation::regclass),
				DETAIL = format('Its name is "%s".', near);
		END IF;
	END IF;
	PERFORM @extschema@.catalog_check_type(NEW, relation);
	-- a dump brings the name along; an UPDATE to NULL removes the functions
	IF TG_OP = 'INSERT' OR NEW.function_name <> coalesce(OLD.function_name, '') THEN
		NEW.function_name := @extschema@.catalog_function_name(relation, NEW.function_name);
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION resource_type_guard() IS 'row trigger: 42501 unless the current user owns the table, errors for a definition that does not fit it, a warning and no row when there is no table';

CREATE FUNCTION catalog_require_owner(relation oid) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation AND pg_has_role(current_user, c.relowner, 'USAGE')) THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
			MESSAGE = format('must be owner of %s', relation::regclass),
			HINT = 'The owner of a table alone may make it a resource type, or change that.';
	END IF;
END
$$;
COMMENT ON FUNCTION catalog_require_owner(oid) IS 'raises 42501 unless the current user owns the relation';

CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON resource_type
	FOR EACH ROW EXECUTE FUNCTION resource_type_guard();
ALTER TABLE resource_type ENABLE ALWAYS TRIGGER guard;
CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON resource_type
	FOR EACH ROW EXECUTE FUNCTION resource_type_record();
ALTER TABLE resource_type ENABLE ALWAYS TRIGGER record;

--
-- DDL on registered tables
--
CREATE FUNCTION follow_ddl() RETURNS event_trigger
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	moved record;
	altered record;
	wrapper record;
BEGIN
	-- renamed tables, views and schemas: the catalog says where they are now
	FOR moved IN
		SELECT r.name, n.nspname, c.relname, v.relname AS view_name
		FROM @extschema@.resource_relation r
			JOIN @extschema@.resource_type t ON t.name = r.name
			JOIN pg_class c ON c.oid = r.relid
			JOIN pg_namespace n ON n.oid = c.relnamespace
			LEFT JOIN pg_class v ON v.oid = r.view_relid
		WHERE (t.schema_name, t.table_name) <> (n.nspname, c.relname)
			OR t.view_name <> v.relname
	LOOP
		UPDATE @extschema@.resource_type t
			SET schema_name = moved.nspname, table_name = moved.relname,
				view_name = coalesce(moved.view_name, t.view_name)
			WHERE t.name = moved.name;
	END LOOP;
	-- view and wrapper go along with their table
	FOR altered IN
		SELECT DISTINCT r.name, r.relid, r.view_relid, c.relnamespace, c.relowner, n.nspname
		FROM pg_event_trigger_ddl_commands() d
			JOIN @extschema@.resource_relation r ON d.classid = 'pg_class'::regclass AND d.objid = r.relid
			JOIN pg_class c ON c.oid = r.relid
			JOIN pg_namespace n ON n.oid = c.relnamespace
	LOOP
		PERFORM @extschema@.catalog_check_type(t, altered.relid)
			FROM @extschema@.resource_type t WHERE t.name = altered.name;
		IF EXISTS (SELECT FROM pg_class v WHERE v.oid = altered.view_relid AND v.relnamespace <> altered.relnamespace) THEN
			EXECUTE format('ALTER VIEW %s SET SCHEMA %I', altered.view_relid::regclass, altered.nspname);
		END IF;
		IF EXISTS (SELECT FROM pg_class v WHERE v.oid = altered.view_relid AND v.relowner <> altered.relowner) THEN
			EXECUTE format('ALTER VIEW %s OWNER TO %I', altered.view_relid::regclass, pg_get_userbyid(altered.relowner));
		END IF;
		FOR wrapper IN
			SELECT p.oid, p.pronamespace, p.proowner
			FROM @extschema@.catalog_wrappers(altered.relid) w JOIN pg_proc p ON p.oid = w
		LOOP
			IF wrapper.pronamespace <> altered.relnamespace THEN
				EXECUTE format('ALTER FUNCTION %s SET SCHEMA %I', wrapper.oid::regprocedure, altered.nspname);
			END IF;
			IF wrapper.proowner <> altered.relowner THEN
				EXECUTE format('ALTER FUNCTION %s OWNER TO %I', wrapper.oid::regprocedure, pg_get_userbyid(altered.relowner));
			END IF;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION follow_ddl() IS 'event trigger: keeps resource types right when a table is renamed, moved or altered; an error when its columns no longer fit';

CREATE FUNCTION follow_drop() RETURNS event_trigger
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	dropped text[];
BEGIN
	-- a DROP of the extension itself takes the catalog along
	IF to_regclass('@extschema@.resource_relation') IS NULL THEN
		RETURN;
	END IF;
	-- even a DELETE of nothing would tell all sessions to plan anew
	dropped := ARRAY(SELECT r.name FROM @extschema@.resource_relation r
		JOIN pg_event_trigger_dropped_objects() d ON d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND d.objid = r.relid);
	IF dropped <> '{}' THEN
		DELETE FROM @extschema@.resource_type t WHERE t.name = ANY (dropped);
	END IF;
END
$$;
COMMENT ON FUNCTION follow_drop() IS 'event trigger: removes the resource types of tables that are dropped';

CREATE EVENT TRIGGER vxp_follow_ddl ON ddl_command_end
	WHEN TAG IN ('ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE', 'ALTER SCHEMA')
	EXECUTE FUNCTION follow_ddl();
COMMENT ON EVENT TRIGGER vxp_follow_ddl IS 'keeps resource types right when tables are altered';
CREATE EVENT TRIGGER vxp_follow_drop ON sql_drop
	WHEN TAG IN ('DROP TABLE', 'DROP VIEW', 'DROP MATERIALIZED VIEW', 'DROP FOREIGN TABLE', 'DROP SCHEMA', 'DROP OWNED',
				 'DROP EXTENSION', 'DROP SERVER', 'DROP FOREIGN DATA WRAPPER', 'DROP TYPE')
	EXECUTE FUNCTION follow_drop();
COMMENT ON EVENT TRIGGER vxp_follow_drop IS 'removes the resource types of dropped tables';
--
-- Lineage triggers
--
CREATE FUNCTION lineage_trigger() RETURNS trigger
AS 'MODULE_PATHNAME', 'vxp_lineage_trigger'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION lineage_trigger() IS 'row trigger before INSERT and UPDATE, and DELETE where versions are kept, of a resource table: derives lineage and lineage fields from the parent';

CREATE FUNCTION lineage_settle() RETURNS trigger
AS 'MODULE_PATHNAME', 'vxp_lineage_settle'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION lineage_settle() IS 'row trigger after UPDATE and DELETE of a resource table: moves the subtree of a row that has another parent; 23503 when a row that is gone left children';

CREATE FUNCTION lineage_truncate() RETURNS trigger
AS 'MODULE_PATHNAME', 'vxp_lineage_truncate'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION lineage_truncate() IS 'statement trigger after TRUNCATE of a resource table: 23503 when its resources have children';

CREATE FUNCTION valid_identifier(identifier text, prefix text) RETURNS boolean
AS 'MODULE_PATHNAME', 'vxp_valid_identifier'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION valid_identifier(text, text) IS 'does the identifier begin with the prefix and a slash, go on, and have at most 2,000 bytes?';

--
-- Steps of register and create_resource_type
--
CREATE FUNCTION catalog_require_type(name text) RETURNS resource_type
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type;
	near text;
BEGIN
	SELECT * INTO type FROM @extschema@.resource_type t WHERE t.name = catalog_require_type.name;
	IF NOT FOUND THEN
		near := (SELECT t.name FROM @extschema@.resource_type t WHERE lower(t.name) = lower(catalog_require_type.name));
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
			MESSAGE = format('resource type "%s" does not exist', name),
			HINT = CASE WHEN near IS NULL THEN 'See the view vxp.resource_types.' ELSE format('Perhaps you meant "%s".', near) END;
	END IF;
	RETURN type;
END
$$;
COMMENT ON FUNCTION catalog_require_type(text) IS 'the definition of that resource type; 42704 when there is none';

CREATE FUNCTION catalog_types_above(parents text[]) RETURNS SETOF resource_type
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH RECURSIVE above AS (
		SELECT t.name, t.parents FROM resource_type t WHERE t.name OPERATOR(pg_catalog.=) ANY ($1)
		UNION
		SELECT t.name, t.parents FROM above a, resource_type t WHERE t.name OPERATOR(pg_catalog.=) ANY (a.parents)
	)
	SELECT t.* FROM resource_type t WHERE t.name IN (SELECT a.name FROM above a) ORDER BY t.name;
END;
COMMENT ON FUNCTION catalog_types_above(text[]) IS 'the definitions of these resource types and of all that may lie above them';

CREATE FUNCTION catalog_make_triggers(relation regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lineage_column name;
	versioned boolean;
BEGIN
	SELECT t.lineage_column, t.versioned INTO lineage_column, versioned
		FROM @extschema@.resource_type t JOIN @extschema@.resource_relation r ON r.name = t.name WHERE r.relid = relation;
	EXECUTE format('CREATE TRIGGER vxp_lineage BEFORE INSERT OR UPDATE%s ON %s FOR EACH ROW EXECUTE FUNCTION @extschema@.lineage_trigger()',
		CASE WHEN versioned THEN ' OR DELETE' ELSE '' END, relation);
	EXECUTE format('CREATE TRIGGER vxp_lineage_update AFTER UPDATE ON %s FOR EACH ROW '
		'WHEN (OLD.%2$I OPERATOR(@extschema@.<>) NEW.%2$I) EXECUTE FUNCTION @extschema@.lineage_settle()', relation, lineage_column);
	EXECUTE format('CREATE TRIGGER vxp_lineage_delete AFTER DELETE ON %s FOR EACH ROW EXECUTE FUNCTION @extschema@.lineage_settle()', relation);
	EXECUTE format('CREATE TRIGGER vxp_lineage_truncate AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.lineage_truncate()', relation);
END
$$;
COMMENT ON FUNCTION catalog_make_triggers(regclass) IS 'creates the lineage triggers of a registered table';

CREATE FUNCTION catalog_view_columns(view regclass) RETURNS name[]
	AS 'MODULE_PATHNAME', 'vxp_catalog_view_columns'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION catalog_view_columns(regclass) IS 'of each column of a view the table''s column that it shows, by its name of today; NULL for an expression, and for what is no view';

CREATE FUNCTION catalog_rename_view_columns(view regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	col record;
	renames text[] := '{}';
	change text;
BEGIN
	FOR col IN SELECT a.attname AS old, t.name AS new, a.attnum FROM unnest(@extschema@.catalog_view_columns(view)) WITH ORDINALITY t(name, n)
			JOIN pg_attribute a ON a.attrelid = view AND a.attnum = t.n WHERE t.name <> a.attname
	LOOP
		-- names may have changed places
		EXECUTE format('ALTER VIEW %s RENAME COLUMN %I TO %I', view, col.old, '........renamed ' || col.attnum);
		renames := renames || format('ALTER VIEW %s RENAME COLUMN %I TO %I', view, '........renamed ' || col.attnum, col.new);
	END LOOP;
	FOREACH change IN ARRAY renames LOOP
		EXECUTE change;
	END LOOP;
END
$$;
COMMENT ON FUNCTION catalog_rename_view_columns(regclass) IS 'gives the columns of a view the names that the columns of its table have by now';

CREATE FUNCTION catalog_make_view(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	view_oid oid := (SELECT r.view_relid FROM @extschema@.resource_relation r WHERE r.name = catalog_make_view.name);
	kept name[] := '{}';
	targets text;
	view name := type.view_name;
	owner name := (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = relation);
	number int := 1;
	col record;
	has_path boolean;
BEGIN
	IF view_oid IS NOT NULL AND EXISTS (SELECT FROM pg_class c WHERE c.oid = view_oid) THEN
		-- what others built on the view stays: its columns keep their places, new ones go behind
		PERFORM @extschema@.catalog_rename_view_columns(view_oid);
		kept := (SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
				 WHERE a.attrelid = view_oid AND a.attnum > 0 AND NOT a.attisdropped);
	ELSE
		view := @extschema@.catalog_object_name(type.table_name, '_current');
		WHILE EXISTS (SELECT FROM pg_class c WHERE c.relname = view AND c.relnamespace = quote_ident(type.schema_name)::regnamespace) LOOP
			number := number + 1;
			view := @extschema@.catalog_object_name(type.table_name, '_current_' || number);
		END LOOP;
	END IF;
	has_path := type.lineage_column IS NOT NULL AND NOT EXISTS (SELECT FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attname = 'lineage_path' AND a.attnum > 0 AND NOT a.attisdropped);
	-- order: as in the view before, as in the table, the path as text, the path
	targets := (SELECT string_agg(c.target, ', ' ORDER BY c.rank, c.place) FROM (
		SELECT format('t.%I', a.attname) AS target,
			CASE WHEN a.attname = ANY (kept) THEN 0 WHEN a.attname = type.lineage_column THEN 3 ELSE 1 END AS rank,
			coalesce(array_position(kept, a.attname), a.attnum) AS place
		FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
		UNION ALL
		SELECT format('t.%I::text COLLATE "C" AS lineage_path', type.lineage_column),
			CASE WHEN 'lineage_path' = ANY (kept) THEN 0 ELSE 2 END, coalesce(array_position(kept, 'lineage_path'), 0)
		WHERE has_path) c);
	EXECUTE format('CREATE OR REPLACE VIEW %I.%I WITH (security_invoker = true) AS SELECT %s FROM %s t',
				   type.schema_name, view, targets, relation)
		|| CASE WHEN type.versioned THEN format(' WHERE @extschema@.shown(t.%I, t.%I)', type.valid_from_column, type.valid_to_column) ELSE '' END;
	IF owner <> current_user THEN
		EXECUTE format('ALTER VIEW %I.%I OWNER TO %I', type.schema_name, view, owner);
	END IF;
	-- a reader's rights are those on the table: the view asks for them itself
	EXECUTE format('GRANT SELECT ON %I.%I TO PUBLIC', type.schema_name, view);
	EXECUTE format('COMMENT ON VIEW %I.%I IS %L', type.schema_name, view,
		format(CASE WHEN type.versioned THEN 'resources of type %s that are current, or were at vxp.as_of' ELSE 'current resources of type %s' END
			|| '; rights and row security are those of table %s', type.name, type.table_name));
	FOR col IN SELECT a.attname, coalesce(d.description,
			CASE WHEN has_path AND a.attname = 'lineage_path' THEN 'path from the root to the resource itself, as text' END,
			-- what a tool shows where nobody has said more; COMMENT ON the table's column and refresh() replace it
			format('%s: %s', type.name, replace(a.attname, '_', ' '))) AS description
		FROM pg_attribute a
			LEFT JOIN pg_attribute b ON b.attrelid = relation AND b.attname = a.attname
			LEFT JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = relation AND d.objsubid = b.attnum
		WHERE a.attrelid = format('%I.%I', type.schema_name, view)::regclass AND a.attnum > 0
	LOOP
		EXECUTE format('COMMENT ON COLUMN %I.%I.%I IS %L', type.schema_name, view, col.attname, col.description);
	END LOOP;
	IF kept = '{}' THEN
		UPDATE @extschema@.resource_type t SET view_name = view WHERE t.name = catalog_make_view.name;
	END IF;
END
$$;
COMMENT ON FUNCTION catalog_make_view(text) IS 'creates or brings up to date the view on current rows of a resource type';

CREATE FUNCTION catalog_check_parents(name text, parents text[]) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parent text;
	type @extschema@.resource_type;
BEGIN
	FOREACH parent IN ARRAY parents LOOP
		IF parent IS NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
				MESSAGE = format('a parent of resource type "%s" is null', name);
		END IF;
		CONTINUE WHEN parent = name;
		type := @extschema@.catalog_require_type(parent);
		IF NOT has_table_privilege(format('%I.%I', type.schema_name, type.table_name), 'REFERENCES') THEN
			RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
				MESSAGE = format('permission denied for resource type "%s"', parent),
				HINT = format('Ask the owner of table "%s" for the privilege REFERENCES.', type.table_name);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION catalog_check_parents(text, text[]) IS 'raises an error when one of the parents does not exist (42704) or may not be referred to by the current user (42501)';

CREATE FUNCTION catalog_check_on_close(on_close text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF on_close IS NULL OR on_close NOT IN ('restrict', 'cascade') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('on_close cannot be "%s"', on_close),
			HINT = 'Write restrict or cascade.';
	END IF;
END
$$;
COMMENT ON FUNCTION catalog_check_on_close(text) IS 'raises 22023 for an argument on_close that is neither restrict nor cascade';

--
-- create_resource_type
--
CREATE FUNCTION catalog_create_type(name text, columns text, prefix text, parents text[],
	versioned boolean, lineage_field text, on_close text, path text, schemas name[]) RETURNS regclass
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	schema name := (SELECT s FROM unnest(schemas) WITH ORDINALITY u(s, n)
		WHERE s <> '@extschema@' AND NOT starts_with(s::text, 'pg_') AND s <> 'information_schema' ORDER BY n LIMIT 1);
	tab name;
	relation regclass;
	fields text[];
	field text;
	own_field text;
	optional boolean;
	col record;
	ddl text;
BEGIN
	IF name IS NULL OR columns IS NULL OR parents IS NULL OR versioned IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'name, columns, parents and versioned of a resource type must not be null';
	END IF;
	IF name = '' OR octet_length(lower(name)) > 63 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_name',
			MESSAGE = format('"%s" cannot be the name of a resource type', left(name, 64)),
			DETAIL = 'The name of its table must have 1 to 63 bytes.';
	END IF;
	IF schema IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_schema_name',
			MESSAGE = 'no schema has been selected to create in',
			HINT = 'Put a schema of yours first: SET search_path = public, vxp.';
	END IF;
	tab := lower(name);
	prefix := coalesce(prefix, lower(name));
	IF prefix = '' OR strpos(prefix, '/') > 0 OR octet_length(prefix) > 63 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"%s" cannot be the prefix of identifiers', left(prefix, 64)),
			DETAIL = 'A prefix has 1 to 63 bytes and no slash.';
	END IF;
	own_field := coalesce(lineage_field, @extschema@.catalog_object_name(prefix::name, '_id'));
	IF own_field = '' OR octet_length(own_field) > 63 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_name',
			MESSAGE = format('"%s" cannot be the name of a lineage field', left(own_field, 64));
	END IF;
	PERFORM @extschema@.catalog_check_on_close(on_close);
	PERFORM @extschema@.catalog_check_parents(name, parents);
	FOREACH field IN ARRAY parents LOOP
		IF field <> name THEN
			PERFORM @extschema@.catalog_use_lineage(field);
		END IF;
	END LOOP;
	optional := parents = '{}' OR parents = ARRAY[name];
	-- those of the types above, from the top down, then its own
	fields := (SELECT coalesce(array_agg(t.lineage_field::text ORDER BY cardinality(ARRAY(SELECT @extschema@.catalog_types_above(t.parents))), t.name), '{}')
			   FROM @extschema@.catalog_types_above(parents) t WHERE t.lineage_field IS NOT NULL AND t.name <> catalog_create_type.name)
		|| own_field;
	IF cardinality(fields) <> (SELECT count(DISTINCT f) FROM unnest(fields) f) THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_column',
			MESSAGE = format('resource type "%s" would have two lineage fields of the same name', name),
			DETAIL = format('The lineage fields are %s.', array_to_string(fields, ', ')),
			HINT = 'Pass another lineage_field.';
	END IF;

	ddl := format('CREATE TABLE %I.%I (identifier pg_catalog.text COLLATE pg_catalog."C" NOT NULL, parent_identifier pg_catalog.text COLLATE pg_catalog."C"', schema, tab)
		|| CASE WHEN optional THEN '' ELSE ' NOT NULL' END
		|| CASE WHEN columns ~ '^\s*$' THEN '' ELSE E',\n' || columns || E'\n' END
		|| ', license pg_catalog.text COLLATE pg_catalog."C", derived_from pg_catalog.text[] COLLATE pg_catalog."C", metadata pg_catalog.jsonb'
		|| ', valid_from timestamp with time zone NOT NULL DEFAULT pg_catalog.now(), valid_to timestamp with time zone'
		|| ', created_at timestamp with time zone NOT NULL DEFAULT pg_catalog.now()'
		|| (SELECT string_agg(format(', %I pg_catalog.text COLLATE pg_catalog."C"', f), '' ORDER BY n) FROM unnest(fields) WITH ORDINALITY u(f, n))
		|| format(', lineage @extschema@.lineage NOT NULL, CONSTRAINT %I PRIMARY KEY (identifier)'
			', CONSTRAINT %I CHECK (@extschema@.valid_identifier(identifier, %L))'
			', CONSTRAINT %I CHECK (%s))%s',
			@extschema@.catalog_object_name(tab, '_pkey'), @extschema@.catalog_object_name(tab, '_identifier_check'), prefix,
			@extschema@.catalog_object_name(tab, '_validity_check'),
			-- an open version says NULL, which plans and clients understand
			CASE WHEN versioned THEN '@extschema@.valid_interval(valid_from, valid_to)' ELSE 'valid_from OPERATOR(pg_catalog.<) valid_to' END,
			-- room for the next version in the same page, so that the update is HOT
			CASE WHEN versioned THEN ' WITH (fillfactor = 80)' ELSE '' END);
	-- the caller's own words are read with the caller's path
	PERFORM set_config('search_path', path, true);
	EXECUTE ddl;
	PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
	relation := format('%I.%I', schema, tab)::regclass;

	-- text that names no collation compares by bytes, as DQL does
	FOR col IN SELECT a.attname FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND a.atttypid = 'text'::regtype AND a.attgenerated = ''
			AND a.attcollation = 'pg_catalog."default"'::regcollation
			AND NOT EXISTS (SELECT FROM pg_attribute g WHERE g.attrelid = relation AND g.attgenerated <> '')
	LOOP
		EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE text COLLATE "C"', relation, col.attname);
	END LOOP;

	IF NOT versioned THEN
		EXECUTE format('CREATE INDEX ON %s (parent_identifier)', relation);
		FOREACH field IN ARRAY fields LOOP
			EXECUTE format('CREATE INDEX ON %s (%I)', relation, field);
		END LOOP;
		PERFORM @extschema@.catalog_make_lineage_index(relation, 'lineage');
	END IF;
	-- most resources were made from nothing that is named
	EXECUTE format('CREATE INDEX ON %s USING gin (derived_from) WHERE derived_from IS NOT NULL', relation);

	EXECUTE format('COMMENT ON TABLE %s IS %L', relation, format('resources of type %s; read %s_current', name, tab));
	FOR col IN SELECT * FROM (VALUES
			('identifier', format('identifies the resource: %s/ and any text', prefix)),
			('parent_identifier', CASE WHEN parents = '{}' THEN 'always NULL: the type has no parent'
				ELSE format('identifier of the parent, of type %s', array_to_string(parents, ' or ')) END),
			('license', 'licence of the resource'),
			('derived_from', 'identifiers of the resources it was made from'),
			('metadata', 'further facts'),
			('valid_from', 'since when the row is valid'),
			('valid_to', 'when the row ceased to be valid; NULL: it is current'),
			('created_at', 'when the row was inserted'),
			('lineage', 'path from the root to the resource itself; derived from parent_identifier')) v(attname, description)
		UNION ALL
		SELECT t.lineage_field, format('identifier of the nearest %s above; derived from parent_identifier', t.name)
		FROM @extschema@.catalog_types_above(parents) t WHERE t.lineage_field IS NOT NULL
		UNION ALL SELECT own_field, 'the identifier, for joins with the types below; derived'
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', relation, col.attname, col.description);
	END LOOP;

	INSERT INTO @extschema@.resource_type (name, schema_name, table_name, prefix, parents, versioned, lineage_field, id_column,
			identifier_column, parent_column, lineage_column, valid_from_column, valid_to_column, created, lineage_fields, on_close)
		VALUES (name, schema, tab, prefix, parents, versioned, own_field, 'identifier',
			'identifier', 'parent_identifier', 'lineage', 'valid_from', 'valid_to', true, fields, on_close);
	PERFORM @extschema@.catalog_make_triggers(relation);
	IF versioned THEN
		PERFORM @extschema@.catalog_make_versions(name);
		EXECUTE format('CREATE INDEX ON %s USING gin (derived_from) WHERE derived_from IS NOT NULL', @extschema@.history_table(relation));
	END IF;
	PERFORM @extschema@.catalog_make_view(name);
	RETURN relation;
END
$$;
COMMENT ON FUNCTION catalog_create_type(text, text, text, text[], boolean, text, text, text, name[]) IS 'create_resource_type with the search_path of its caller';

CREATE FUNCTION create_resource_type(name text, columns text DEFAULT '', prefix text DEFAULT NULL, parents text[] DEFAULT '{}',
	versioned boolean DEFAULT true, lineage_field text DEFAULT NULL, on_close text DEFAULT 'restrict') RETURNS regclass
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT catalog_create_type($1, $2, $3, $4, $5, $6, $7,
		pg_catalog.current_setting('search_path'), pg_catalog.current_schemas(false));
END;
COMMENT ON FUNCTION create_resource_type(text, text, text, text[], boolean, text, text) IS 'Creates a resource type and its table (lower-case name, in the first schema of the search_path), with a view <table>_current and a function <table>(dql). columns: further columns as in CREATE TABLE. prefix: what identifiers have before the first slash, default the lower-case name. parents: the types one of which each parent has; a type without parents, or that lies only below itself, has roots. lineage_field: default <prefix>_id. versioned: keep every version of a resource. on_close: restrict: a resource with children of this type cannot be deleted; cascade: they end with it. Returns the table.';

--
-- Versions: what a versioned table has besides
--
-- Closed versions lie in a table of their own that inherits: questions about the
-- present read the table as if there were no history.  Questions about the past
-- read both; in the closed ones, one GiST index on path and interval, and the
-- key on identifier and begin.  Partitions hold all versions, with partial
-- indexes on current rows.
--
CREATE FUNCTION catalog_make_history(name text) RETURNS regclass
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	id name := coalesce(type.identifier_column, type.id_column);
	history regclass := @extschema@.history_table(relation);
	owner name := (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = relation);
	tab name := @extschema@.catalog_object_name(type.table_name, '_history');
	number int := 1;
BEGIN
	IF history IS NULL THEN
		WHILE EXISTS (SELECT FROM pg_class c WHERE c.relname = tab AND c.relnamespace = quote_ident(type.schema_name)::regnamespace) LOOP
			number := number + 1;
			tab := @extschema@.catalog_object_name(type.table_name, '_history_' || number);
		END LOOP;
		EXECUTE format('CREATE%5$s TABLE %1$I.%2$I (CONSTRAINT vxp_closed CHECK (%3$I IS NOT NULL)) INHERITS (%4$s)',
			type.schema_name, tab, type.valid_to_column, relation,
			(SELECT CASE c.relpersistence WHEN 'u' THEN ' UNLOGGED' ELSE '' END FROM pg_class c WHERE c.oid = relation));
		history := format('%I.%I', type.schema_name, tab)::regclass;
		EXECUTE format('COMMENT ON TABLE %s IS %L', history,
			format('versions of resources of type %s that have ended; read them through %s, whose privileges and row security hold', name, type.table_name));
	END IF;
	IF NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = history AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
			AND i.indnkeyatts = 2 AND i.indkey[0] = @extschema@.catalog_attnum(history, id)
			AND i.indkey[1] = @extschema@.catalog_attnum(history, type.valid_from_column)) THEN
		EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (%I, %I)', history, id, type.valid_from_column);
	END IF;
	IF type.lineage_column IS NOT NULL AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = history AND i.indpred IS NULL
			AND i.indnkeyatts = 2 AND i.indkey[0] = @extschema@.catalog_attnum(history, type.lineage_column) AND i.indkey[1] = 0) THEN
		EXECUTE format('CREATE INDEX ON %s USING gist (%I, @extschema@.validity(%I, %I))',
			history, type.lineage_column, type.valid_from_column, type.valid_to_column);
	END IF;
	IF owner <> (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = history) THEN
		EXECUTE format('ALTER TABLE %s OWNER TO %I', history, owner);
	END IF;
	PERFORM @extschema@.catalog_bind_history(history);
	PERFORM @extschema@.catalog_make_history_triggers(name, history, true);
	RETURN history;
END
$$;
COMMENT ON FUNCTION catalog_make_history(text) IS 'creates the table of closed versions of a versioned table that is not partitioned, or brings it up to date; returns it';

CREATE FUNCTION catalog_make_history_triggers(name text, history regclass, guarded boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	columns text := format('%L, %L, %L', coalesce(type.identifier_column, type.id_column), type.valid_from_column, type.valid_to_column);
	made record;
BEGIN
	FOR made IN SELECT * FROM (VALUES
			('vxp_lineage', 'BEFORE INSERT OR UPDATE', 'ROW', 'lineage_trigger()', type.lineage_column IS NOT NULL AND type.lineage_fields <> '{}'),
			('vxp_closed', 'BEFORE UPDATE OR DELETE', 'ROW', format('version_closed(%s)', columns), guarded),
			('vxp_closed_statement', 'BEFORE UPDATE OR DELETE', 'STATEMENT', format('version_closed(%s)', columns), guarded),
			('vxp_version', 'BEFORE INSERT OR UPDATE OR DELETE', 'ROW', format('version_row(%s)', columns), guarded),
			('vxp_history', 'AFTER INSERT OR UPDATE OR DELETE', 'ROW', format('version_history(%s)', columns), guarded)) t(name, events, level, function, wanted)
		WHERE wanted AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = history AND g.tgname = t.name)
	LOOP
		EXECUTE format('CREATE TRIGGER %I %s ON %s FOR EACH %s EXECUTE FUNCTION @extschema@.%s', made.name, made.events, history, made.level, made.function);
	END LOOP;
END
$$;
COMMENT ON FUNCTION catalog_make_history_triggers(text, regclass, boolean) IS 'creates the triggers of a table of closed versions that are missing; unless guarded, the one alone that derives paths';

CREATE FUNCTION catalog_move_closed(relation regclass, history regclass, ended text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text;
	paused record;
	pauses text[] := '{}';
	resume text;
	closed boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s WHERE %s)', relation, ended) INTO closed;
	IF NOT closed THEN
		RETURN;
	END IF;
	columns := (SELECT string_agg(format('%I', a.attname), ', ') FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '');
	-- nothing is deleted: no trigger has anything to say
	FOR paused IN SELECT t.tgrelid::regclass AS place, t.tgname, t.tgenabled FROM pg_trigger t
		WHERE t.tgrelid IN (relation, history) AND NOT t.tgisinternal AND t.tgenabled <> 'D'
	LOOP
		EXECUTE format('ALTER TABLE ONLY %s DISABLE TRIGGER %I', paused.place, paused.tgname);
		pauses := pauses || format('ALTER TABLE ONLY %s ENABLE %s TRIGGER %I', paused.place,
			CASE paused.tgenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, paused.tgname);
	END LOOP;
	EXECUTE format('WITH gone AS (DELETE FROM ONLY %1$s WHERE %2$s RETURNING %3$s) INSERT INTO %4$s (%3$s) SELECT %3$s FROM gone',
		relation, ended, columns, history);
	FOREACH resume IN ARRAY pauses LOOP
		EXECUTE resume;
	END LOOP;
END
$$;
COMMENT ON FUNCTION catalog_move_closed(regclass, regclass, text) IS 'moves the closed versions of a table that is being registered to the table that holds them';

CREATE FUNCTION catalog_make_versions(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	-- partitions keep all versions: nothing can inherit from them
	apart boolean := (SELECT c.relkind = 'r' AND NOT c.relispartition FROM pg_class c WHERE c.oid = relation);
	id name := coalesce(type.identifier_column, type.id_column);
	current text := format('%I IS NULL', type.valid_to_column);
	col name;
	narrow regclass;
	faulty text;
BEGIN
	narrow := (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = relation AND (i.indisunique OR i.indisexclusion) AND i.indpred IS NULL
		AND i.indexprs IS NULL AND NOT @extschema@.catalog_attnum(relation, type.valid_from_column) = ANY (i.indkey) ORDER BY i.indexrelid LIMIT 1);
	IF narrow IS NOT NULL AND NOT apart THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('index %s would keep a resource from having two versions', narrow),
			HINT = format('Make it unique among current rows only: CREATE UNIQUE INDEX ... WHERE %s.', current);
	END IF;
	EXECUTE format('UPDATE %1$s SET %2$I = NULL WHERE %2$I = ''infinity''', relation, type.valid_to_column);
	EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL, ALTER COLUMN %I SET NOT NULL', relation, id, type.valid_from_column);
	SELECT string_agg(format('%s, valid from %s to %s: %s', c.identifier, c.valid_from, coalesce(c.valid_to, 'infinity'), c.problem), '; ') INTO faulty
		FROM (SELECT * FROM @extschema@.check_versions(catalog_make_versions.name) LIMIT 5) c;
	IF faulty IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'exclusion_violation',
			MESSAGE = format('some versions in %s are wrong', relation),
			DETAIL = format('The first are %s.', faulty),
			HINT = 'Correct them and register the table again.';
	END IF;
	-- also where no other rows lie beside the current ones, the condition lets an index alone answer
	FOR col IN SELECT a.attname FROM unnest(type.parent_column || type.lineage_fields::name[]) WITH ORDINALITY f(field, n)
			JOIN pg_attribute a ON a.attrelid = relation AND a.attname = f.field ORDER BY f.n
	LOOP
		EXECUTE format('CREATE INDEX ON %s (%I) WHERE %s', relation, col, current);
	END LOOP;
	IF apart THEN
		PERFORM @extschema@.catalog_move_closed(relation, @extschema@.catalog_make_history(name), format('%I IS NOT NULL', type.valid_to_column));
		-- no index of the current rows has their interval, so that a change of other columns writes no index entry
		IF NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
				AND i.indnkeyatts = 1 AND i.indkey[0] = @extschema@.catalog_attnum(relation, id)) THEN
			EXECUTE format('CREATE UNIQUE INDEX ON %s (%I)', relation, id);
		END IF;
		IF type.lineage_column IS NOT NULL THEN
			PERFORM @extschema@.catalog_make_lineage_index(relation, type.lineage_column);
		END IF;
	ELSE
		-- a unique index of a partitioned table has to have what decides the partition
		IF NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
				AND i.indnkeyatts >= 2 AND i.indkey[0] = @extschema@.catalog_attnum(relation, id)
				AND i.indkey[1] = @extschema@.catalog_attnum(relation, type.valid_from_column)) THEN
			EXECUTE format('CREATE UNIQUE INDEX ON %s (%I, %I%s)', relation, id, type.valid_from_column,
				@extschema@.catalog_partition_keys(relation, ARRAY[id, type.valid_from_column]));
		END IF;
		EXECUTE format('CREATE UNIQUE INDEX ON %s (%I%s) WHERE %s', relation, id, @extschema@.catalog_partition_keys(relation, ARRAY[id]), current);
		IF type.lineage_column IS NOT NULL THEN
			EXECUTE format('CREATE INDEX ON %s USING gist (%I) WHERE %s', relation, type.lineage_column, current);
			EXECUTE format('CREATE INDEX ON %s USING gist (%I, @extschema@.validity(%I, %I))',
				relation, type.lineage_column, type.valid_from_column, type.valid_to_column);
		END IF;
	END IF;
	-- triggers fire in the order of their names: before a change vxp_closed, vxp_lineage, vxp_version; after it vxp_history, vxp_lineage_...
	EXECUTE format('CREATE TRIGGER vxp_statement BEFORE INSERT ON %s FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.version_statement()', relation);
	IF NOT apart THEN
		EXECUTE format('CREATE TRIGGER vxp_closed BEFORE UPDATE OR DELETE ON %s FOR EACH ROW WHEN (OLD.%I IS NOT NULL) EXECUTE FUNCTION @extschema@.version_closed(%L, %L, %L)',
			relation, type.valid_to_column, id, type.valid_from_column, type.valid_to_column);
	END IF;
	EXECUTE format('CREATE TRIGGER vxp_version BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION @extschema@.version_row(%L, %L, %L)',
		relation, id, type.valid_from_column, type.valid_to_column);
	EXECUTE format('CREATE TRIGGER vxp_history AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION @extschema@.version_history(%L, %L, %L)',
		relation, id, type.valid_from_column, type.valid_to_column);
END
$$;
COMMENT ON FUNCTION catalog_make_versions(text) IS 'creates the indexes and the triggers of a versioned table, and the table of its closed versions';

CREATE FUNCTION catalog_partition_keys(relation regclass, known name[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	place regclass;
BEGIN
	SELECT p.partrelid INTO place FROM pg_partition_tree(relation) t JOIN pg_partitioned_table p ON p.partrelid = t.relid WHERE 0 = ANY (p.partattrs) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
			MESSAGE = format('table %s is partitioned by an expression', place),
			DETAIL = 'No index can then keep two versions of a resource apart.',
			HINT = 'Partition it by columns, such as the lineage field of the root.';
	END IF;
	RETURN coalesce((SELECT string_agg(format(', %I', k.attname), '' ORDER BY k.attname)
		FROM (SELECT DISTINCT a.attname FROM pg_partition_tree(relation) t JOIN pg_partitioned_table p ON p.partrelid = t.relid,
				unnest(p.partattrs) n JOIN pg_attribute a ON a.attnum = n
			WHERE a.attrelid = p.partrelid AND a.attname <> ALL (known)) k), '');
END
$$;
COMMENT ON FUNCTION catalog_partition_keys(regclass, name[]) IS 'what a unique index of the table needs besides the known columns, each behind a comma: the columns of the partition keys; 0A000 for an expression';

CREATE FUNCTION catalog_attnum(relation regclass, col name) RETURNS smallint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT a.attnum FROM pg_catalog.pg_attribute a
	WHERE a.attrelid OPERATOR(pg_catalog.=) $1 AND a.attname OPERATOR(pg_catalog.=) $2
		AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped;
END;
COMMENT ON FUNCTION catalog_attnum(regclass, name) IS 'the number of a column, or NULL';

--
-- Corrections
--
CREATE FUNCTION catalog_store_pieces(name text, key text, since timestamp with time zone, pieces tstzrange[], changed boolean[], changes jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	this text := format('%s AND s.%I = $2', @extschema@.catalog_key_condition(name, 's'), type.valid_from_column);
	last int := cardinality(pieces);
	assigned text := (SELECT string_agg(format(', %1$I = (x.r).%1$I', c), '') FROM jsonb_object_keys(changes) c);
	is_open boolean;
	columns text;
	given text;
BEGIN
	EXECUTE format('SELECT s.%I IS NULL FROM %s s WHERE %s FOR UPDATE', type.valid_to_column, relation, this) INTO is_open USING key, since;
	IF last = 0 THEN
		EXECUTE format('DELETE FROM %s s WHERE %s', relation, this) USING key, since;
		RETURN;
	END IF;
	SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum),
			string_agg(CASE a.attname WHEN type.valid_from_column THEN 'lower(p.valid)' WHEN type.valid_to_column THEN 'upper(p.valid)'
				ELSE format('(x.r).%I', a.attname) END, ', ' ORDER BY a.attnum)
		INTO columns, given
		FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
	IF is_open AND NOT upper_inf(pieces[last]) THEN
		-- the resource is there no more, and who refers to it has a say; what was its past is kept as it is
		EXECUTE format('WITH gone AS (DELETE FROM %1$s s WHERE %2$s RETURNING s AS r) '
			'INSERT INTO %1$s (%3$s) OVERRIDING SYSTEM VALUE SELECT %4$s FROM gone x CROSS JOIN unnest($3) p(valid)', relation, this, columns, given)
			USING key, since, pieces;
		RETURN;
	END IF;
	-- pieces that have ended are stored beside the table, where no policy judges them: each with changes is tried on the stored row
	FOR i IN 1 .. CASE WHEN row_security_active(relation) THEN last - 1 ELSE 0 END LOOP
		CONTINUE WHEN NOT changed[i];
		BEGIN
			EXECUTE format('UPDATE %1$s s SET %3$I = lower($3), %4$I = upper($3)%5$s FROM (SELECT o AS r FROM %1$s s, LATERAL jsonb_populate_record(s, $4) o WHERE %2$s) x WHERE %2$s',
				relation, this, type.valid_from_column, type.valid_to_column, assigned) USING key, since, pieces[i], changes;
			RAISE EXCEPTION USING ERRCODE = 'VXP01', MESSAGE = 'the piece is allowed';
		EXCEPTION
			WHEN SQLSTATE 'VXP01' THEN
				NULL;
		END;
	END LOOP;
	-- the stored row becomes the last piece, which keeps an open version in its place; triggers see the end of it all
	EXECUTE format('WITH old AS MATERIALIZED (SELECT s AS r FROM %1$s s WHERE %2$s FOR UPDATE), '
		'kept AS (UPDATE %1$s s SET %3$I = lower($3[$4]), %4$I = upper($3[$4])%5$s FROM old o, '
		'LATERAL (SELECT jsonb_populate_record(o.r, $6) AS r OFFSET 0) x WHERE %2$s RETURNING 1) '
		'INSERT INTO %1$s (%6$s) OVERRIDING SYSTEM VALUE SELECT %7$s '
		'FROM old o CROSS JOIN (SELECT count(*) FROM kept) k CROSS JOIN unnest($3[:$4 - 1], $5[:$4 - 1]) p(valid, changed), '
		'LATERAL (SELECT CASE WHEN p.changed THEN jsonb_populate_record(o.r, $6) ELSE o.r END AS r OFFSET 0) x',
		relation, this, type.valid_from_column, type.valid_to_column, CASE WHEN changed[last] THEN assigned END, columns, given)
		USING key, since, pieces, last, changed, coalesce(changes, '{}');
END
$$;
COMMENT ON FUNCTION catalog_store_pieces(text, text, timestamp with time zone, tstzrange[], boolean[], jsonb) IS 'replaces the version of a resource that began at since by pieces of it, some with changes; without pieces it is removed. Only as a step of correct';

CREATE FUNCTION catalog_key_condition(name text, alias text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	key name := coalesce(type.identifier_column, type.id_column);
BEGIN
	RETURN format('%s.%I = CAST($1 AS %s)', alias, key, (SELECT format_type(a.atttypid, a.atttypmod)
		FROM pg_attribute a WHERE a.attrelid = format('%I.%I', type.schema_name, type.table_name)::regclass AND a.attname = key));
END
$$;
COMMENT ON FUNCTION catalog_key_condition(text, text) IS 'SQL: is the row a version of the resource $1?';

CREATE FUNCTION catalog_path_changes(name text, parent text, during tstzrange) RETURNS timestamp with time zone[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	above @extschema@.resource_type;
	found timestamp with time zone[];
BEGIN
	FOR above IN SELECT p.* FROM @extschema@.resource_type t JOIN @extschema@.resource_type p ON p.name = ANY (t.parents)
		WHERE t.name = catalog_path_changes.name AND p.versioned AND p.lineage_column IS NOT NULL
	LOOP
		EXECUTE format('SELECT array_agg(c.since ORDER BY c.since) FROM (SELECT p.%1$I AS since, p.%2$I AS path, lag(p.%2$I) OVER (ORDER BY p.%1$I) AS before '
			'FROM %3$I.%4$I p WHERE p.%5$I IN ($1, $2) AND @extschema@.validity(p.%1$I, p.%6$I) && $3) c '
			'WHERE c.before OPERATOR(@extschema@.<>) c.path AND c.since <@ $3',
			above.valid_from_column, above.lineage_column, above.schema_name, above.table_name, above.identifier_column, above.valid_to_column)
			INTO found USING parent, above.prefix || '/' || parent, during;
		IF found IS NOT NULL THEN
			RETURN found;
		END IF;
	END LOOP;
	RETURN '{}';
END
$$;
COMMENT ON FUNCTION catalog_path_changes(text, text, tstzrange) IS 'when the path of a possible parent of resources of that type changed in the interval, as far as the caller sees it';

CREATE FUNCTION catalog_correct(name text, identifier text, valid_from timestamp with time zone, valid_to timestamp with time zone, changes jsonb) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	during tstzrange := @extschema@.validity(valid_from, valid_to);
	version record;
	wrong text;
	moments timestamp with time zone[];
	pieces tstzrange[];
	changed boolean[];
	middle tstzrange;
	corrected bigint := 0;
	any_version boolean := false;
BEGIN
	IF jsonb_typeof(changes) <> 'object' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the changes of a correction are no JSON object',
			HINT = 'Write {"column": value, ...}, or NULL to remove the resource from the interval.';
	END IF;
	SELECT c INTO wrong FROM jsonb_object_keys(changes) c
		WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = c AND a.attnum > 0 AND NOT a.attisdropped)
		ORDER BY c LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_column',
			MESSAGE = format('column "%s" of resource type "%s" does not exist', wrong, name);
	END IF;
	SELECT c INTO wrong FROM jsonb_object_keys(changes) c
		WHERE c IN (type.identifier_column, type.id_column, type.lineage_column, type.valid_from_column, type.valid_to_column)
			OR c = ANY (type.lineage_fields)
			OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = c AND a.attgenerated <> '')
		ORDER BY c LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'generated_always',
			MESSAGE = format('column "%s" cannot be corrected', wrong),
			DETAIL = 'Identifier, interval and what is derived from the parent are kept by the triggers.';
	END IF;
	-- two corrections of a resource follow each other; the second looks when the first is done
	EXECUTE format('SELECT FROM %s s WHERE %s ORDER BY s.%I FOR UPDATE', relation, @extschema@.catalog_key_condition(name, 's'), type.valid_from_column)
		USING identifier;
	FOR version IN EXECUTE format('SELECT s.%1$I AS since, @extschema@.validity(s.%1$I, s.%2$I) AS valid, '
			'$3 IS NULL OR CAST(jsonb_populate_record(s, $3) AS text) IS DISTINCT FROM CAST(s AS text) AS differs '
			'FROM %3$s s WHERE %4$s AND @extschema@.validity(s.%1$I, s.%2$I) && $2 ORDER BY 1 FOR UPDATE',
			type.valid_from_column, type.valid_to_column, relation, @extschema@.catalog_key_condition(name, 's'))
		USING identifier, during, changes
	LOOP
		any_version := true;
		CONTINUE WHEN NOT version.differs;
		corrected := corrected + 1;
		pieces := '{}';
		changed := '{}';
		middle := version.valid * during;
		IF lower(version.valid) < lower(middle) THEN
			pieces := pieces || tstzrange(lower(version.valid), lower(middle));
			changed := changed || false;
		END IF;
		IF changes IS NOT NULL THEN
			moments := lower(middle) || CASE WHEN changes ? type.parent_column
				THEN @extschema@.catalog_path_changes(name, changes ->> type.parent_column, middle) ELSE '{}' END;
			FOR i IN 1 .. cardinality(moments) LOOP
				pieces := pieces || tstzrange(moments[i], coalesce(moments[i + 1], upper(middle)));
				changed := changed || true;
			END LOOP;
		END IF;
		IF NOT upper_inf(middle) AND (upper_inf(version.valid) OR upper(middle) < upper(version.valid)) THEN
			pieces := pieces || tstzrange(upper(middle), upper(version.valid));
			changed := changed || false;
		END IF;
		PERFORM @extschema@.catalog_store_pieces(name, identifier, version.since, pieces, changed, changes);
	END LOOP;
	IF NOT any_version THEN
		RAISE EXCEPTION USING ERRCODE = 'no_data_found',
			MESSAGE = format('resource "%s" has no version in %s', identifier, during),
			HINT = 'To add a version, insert it with valid_from and valid_to.';
	END IF;
	RETURN corrected;
END
$$;
COMMENT ON FUNCTION catalog_correct(text, text, timestamp with time zone, timestamp with time zone, jsonb) IS 'the part of correct that writes the resource itself, with the rights of the caller';

CREATE FUNCTION catalog_count_children(name text, parent text, valid_from timestamp with time zone, valid_to timestamp with time zone) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	children bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %1$I.%2$I s WHERE s.%3$I OPERATOR(@extschema@.@^) CAST($1 AS @extschema@.identifier) '
		'AND @extschema@.validity(s.%4$I, s.%5$I) && $2 AND %6$s = $1',
		type.schema_name, type.table_name, type.lineage_column, type.valid_from_column, type.valid_to_column,
		@extschema@.catalog_parent_expression(name, 's'))
		INTO children USING parent, tstzrange(valid_from, nullif(valid_to, 'infinity'));
	RETURN children;
END
$$;
COMMENT ON FUNCTION catalog_count_children(text, text, timestamp with time zone, timestamp with time zone) IS 'how many versions of a type lie right below a resource in an interval; correct asks it with two snapshots';

CREATE FUNCTION catalog_follow_parent(name text, parent text, valid_from timestamp with time zone, valid_to timestamp with time zone,
	begins timestamp with time zone[], ends timestamp with time zone[], paths lineage[])
	RETURNS TABLE (identifier text, since timestamp with time zone, until timestamp with time zone)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	during tstzrange := tstzrange(valid_from, nullif(valid_to, 'infinity'));
	version record;
	part tstzrange;
	pieces tstzrange[];
	right_path boolean;
	last @extschema@.lineage;
BEGIN
	FOR version IN EXECUTE format('SELECT s.%1$I::text AS key, s.%2$I AS since, s.%4$I AS path, @extschema@.validity(s.%2$I, s.%3$I) AS valid '
			'FROM %5$I.%6$I s WHERE s.%4$I OPERATOR(@extschema@.@^) CAST($1 AS @extschema@.identifier) '
			'AND @extschema@.validity(s.%2$I, s.%3$I) && $2 AND %7$s = $1 ORDER BY 1, 2 FOR UPDATE',
			type.identifier_column, type.valid_from_column, type.valid_to_column, type.lineage_column,
			type.schema_name, type.table_name, @extschema@.catalog_parent_expression(name, 's'))
		USING parent, during
	LOOP
		pieces := '{}';
		right_path := true;
		last := NULL;
		FOR i IN 1 .. cardinality(begins) LOOP
			part := version.valid * tstzrange(begins[i], nullif(ends[i], 'infinity'));
			CONTINUE WHEN isempty(part);
			IF last OPERATOR(@extschema@.=) paths[i] AND upper(pieces[cardinality(pieces)]) = lower(part) THEN
				pieces[cardinality(pieces)] := pieces[cardinality(pieces)] + part;
			ELSE
				pieces := pieces || part;
			END IF;
			last := paths[i];
			right_path := right_path AND version.path OPERATOR(@extschema@.=) (paths[i] OPERATOR(@extschema@.||) version.key);
		END LOOP;
		IF coalesce((SELECT range_agg(p) FROM unnest(pieces) p), '{}') <> tstzmultirange(version.valid) THEN
			IF type.on_close <> 'cascade' THEN
				RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
					MESSAGE = format('parent "%s" of "%s" would not exist all the time of its version', parent, version.key),
					DETAIL = format('The version is valid in %s.', version.valid),
					HINT = 'Correct the children first.';
			END IF;
		ELSIF right_path THEN
			CONTINUE;
		END IF;
		PERFORM @extschema@.catalog_store_pieces(name, version.key, version.since, pieces, array_fill(false, ARRAY[cardinality(pieces)]), NULL);
		identifier := version.key;
		since := lower(version.valid);
		until := coalesce(upper(version.valid), 'infinity');
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION catalog_follow_parent(text, text, timestamp with time zone, timestamp with time zone, timestamp with time zone[], timestamp with time zone[], lineage[]) IS 'the part of correct that splits the children of a resource, whose versions are given as arrays, where its path changes, and ends them where it is not. Returns what it changed';

CREATE FUNCTION correct(name text, identifier text, valid_from timestamp with time zone, valid_to timestamp with time zone, changes jsonb) RETURNS bigint
	AS 'MODULE_PATHNAME', 'vxp_correct'
	LANGUAGE C VOLATILE;
COMMENT ON FUNCTION correct(text, text, timestamp with time zone, timestamp with time zone, jsonb) IS 'Corrects the past: sets columns (an object, column to value) of all versions of a resource in the interval from valid_from up to valid_to (NULL: for ever), which splits versions at its ends. A corrected parent moves all that lay below. changes NULL removes the resource from the interval. Returns how many versions were corrected; P0002 when there is none.';

--
-- Purge
--
CREATE FUNCTION catalog_purge(name text, before timestamp with time zone) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET row_security = off
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	below @extschema@.resource_type;
	unused text := '';
	removed bigint;
	total bigint := 0;
	kept bigint;
BEGIN
	PERFORM @extschema@.catalog_require_owner(relation);
	FOR below IN SELECT t.* FROM @extschema@.resource_type t
		WHERE catalog_purge.name = ANY (t.parents) AND t.versioned AND t.lineage_column IS NOT NULL
	LOOP
		unused := unused || format(' AND NOT EXISTS (SELECT FROM %1$I.%2$I c WHERE c.%3$I OPERATOR(@extschema@.@^) t.%4$I '
			'AND @extschema@.validity(c.%5$I, c.%6$I) && @extschema@.validity(t.%7$I, t.%8$I) AND %9$s = t.%4$I)',
			below.schema_name, below.table_name, below.lineage_column, type.identifier_column, below.valid_from_column, below.valid_to_column,
			type.valid_from_column, type.valid_to_column, @extschema@.catalog_parent_expression(below.name, 'c'));
	END LOOP;
	-- in a type that lies below itself, what is removed may have kept what is above
	LOOP
		EXECUTE format('DELETE FROM %s t WHERE t.%I <= $1%s', relation, type.valid_to_column, unused) USING before;
		GET DIAGNOSTICS removed = ROW_COUNT;
		total := total + removed;
		EXIT WHEN removed = 0 OR NOT name = ANY (type.parents);
	END LOOP;
	IF unused <> '' THEN
		EXECUTE format('SELECT count(*) FROM %s t WHERE t.%I <= $1', relation, type.valid_to_column) INTO kept USING before;
		IF kept > 0 THEN
			RAISE NOTICE USING MESSAGE = format('%s old versions of type %s are kept', kept, name),
				DETAIL = 'Versions of other resources lie below them.',
				HINT = 'Purge the types below first.';
		END IF;
	END IF;
	RETURN total;
END
$$;
COMMENT ON FUNCTION catalog_purge(text, timestamp with time zone) IS 'the part of purge that runs in SQL';

CREATE FUNCTION catalog_purge_check(name text, before timestamp with time zone) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET row_security = off
AS $$
DECLARE
	below @extschema@.resource_type;
BEGIN
	FOR below IN SELECT t.* FROM @extschema@.resource_type t
		WHERE catalog_purge_check.name = ANY (t.parents) AND t.versioned AND t.lineage_column IS NOT NULL
	LOOP
		PERFORM FROM @extschema@.check_versions(below.name) c WHERE c.valid_from < before AND starts_with(c.problem, 'not within');
		IF FOUND THEN
			RAISE EXCEPTION USING ERRCODE = 'serialization_failure',
				MESSAGE = format('versions of type %s were inserted below old versions during the purge', below.name),
				HINT = 'Try again.';
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION catalog_purge_check(text, timestamp with time zone) IS 'an error (40001) when a version below one that was purged was inserted meanwhile; purge calls it with a new snapshot';

CREATE FUNCTION purge(name text, before timestamp with time zone) RETURNS bigint
	AS 'MODULE_PATHNAME', 'vxp_purge'
	LANGUAGE C VOLATILE;
COMMENT ON FUNCTION purge(text, timestamp with time zone) IS 'Removes the versions of a resource type that ended at or before the instant, and keeps the present. A version that others still lie below is kept, with a notice. Only the owner of the table may do so (42501). Returns how many were removed.';

--
-- check_versions
--
CREATE FUNCTION check_versions(name text, gaps boolean DEFAULT false)
	RETURNS TABLE (identifier text, valid_from timestamp with time zone, valid_to timestamp with time zone, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	above @extschema@.resource_type;
	sometimes text := '';
	ended text := '';
BEGIN
	IF NOT type.versioned THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE format(
		'SELECT w.key, w.since, w.until, c.problem FROM (SELECT t.%1$I::text AS key, t.%2$I AS since, t.%3$I AS until, '
		'max(coalesce(t.%3$I, ''infinity'')) OVER before AS busy '
		'FROM %4$I.%5$I t WINDOW before AS (PARTITION BY t.%1$I ORDER BY t.%2$I, t.%3$I ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) w '
		'CROSS JOIN LATERAL (SELECT CASE WHEN w.since = ''infinity'' THEN ''begins at infinity'' '
		'WHEN w.until = ''infinity'' THEN ''ends at infinity instead of being open'' '
		'WHEN w.until = w.since THEN ''empty'' WHEN w.until < w.since THEN ''reversed'' END '
		'UNION ALL SELECT CASE WHEN w.busy > w.since THEN ''overlaps with one before it'' '
		'WHEN $1 AND w.busy < w.since THEN format(''gap since %%s'', w.busy) END) c(problem) WHERE c.problem IS NOT NULL',
		coalesce(type.identifier_column, type.id_column), type.valid_from_column, type.valid_to_column, type.schema_name, type.table_name)
		USING gaps;
	IF type.lineage_column IS NULL OR type.parent_column IS NULL THEN
		RETURN;
	END IF;
	FOR above IN SELECT t.* FROM @extschema@.resource_type t WHERE t.name = ANY (type.parents) AND t.identifier_column IS NOT NULL LOOP
		IF above.versioned THEN
			sometimes := sometimes || format(' UNION ALL SELECT p.%I AS key, range_agg(@extschema@.validity(p.%I, p.%I)) AS valid FROM %I.%I p GROUP BY 1',
				above.identifier_column, above.valid_from_column, above.valid_to_column, above.schema_name, above.table_name);
		ELSE
			-- what has no versions is there now; when it was not is not known
			ended := ended || format(' AND NOT (r.until IS NOT NULL AND starts_with(r.parent, %L))', above.prefix || '/');
			sometimes := sometimes || format(' UNION ALL SELECT p.%I AS key, tstzmultirange(tstzrange(NULL, NULL)) AS valid FROM %I.%I p',
				above.identifier_column, above.schema_name, above.table_name);
		END IF;
	END LOOP;
	RETURN QUERY EXECUTE format(
		'SELECT r.key, r.since, r.until, format(''not within the versions of its parent %%s'', r.parent) '
		'FROM (SELECT t.%1$I::text AS key, t.%2$I AS since, t.%3$I AS until, %4$s AS parent FROM %5$I.%6$I t) r '
		'LEFT JOIN (%7$s) p ON p.key = r.parent WHERE r.parent IS NOT NULL AND NOT coalesce(p.valid @> @extschema@.validity(r.since, r.until), false)%8$s',
		type.identifier_column, type.valid_from_column, type.valid_to_column, @extschema@.catalog_parent_expression(name, 't'),
		type.schema_name, type.table_name, coalesce(nullif(substr(sometimes, 12), ''), 'SELECT NULL::text AS key, NULL::tstzmultirange AS valid'), ended);
END
$$;
COMMENT ON FUNCTION check_versions(text, boolean) IS 'Versions that are wrong, and why: empty or reversed intervals, overlaps, intervals that do not lie within the versions of the parent and, with gaps, gaps before a version. No rows when all is sound. Sees what its caller may see.';
--
-- Lineage for tables that exist
--
CREATE FUNCTION catalog_make_lineage_index(relation regclass, col name) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
			   WHERE m.amname = 'gist' AND o.opcdefault AND o.opcintype = '@extschema@.lineage'::regtype)
		AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
			   JOIN pg_attribute a ON a.attrelid = relation AND a.attname = col
			   WHERE i.indrelid = relation AND m.amname = 'gist' AND i.indpred IS NULL AND i.indkey[0] = a.attnum) THEN
		EXECUTE format('CREATE INDEX ON %s USING gist (%I)', relation, col);
	END IF;
END
$$;
COMMENT ON FUNCTION catalog_make_lineage_index(regclass, name) IS 'creates the GiST index on a column with paths';

CREATE FUNCTION catalog_add_column(relation regclass, col name, type text, comment text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', relation, col, type);
	EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', relation, col, comment);
END
$$;
COMMENT ON FUNCTION catalog_add_column(regclass, name, text, text) IS 'adds a commented column to a table';

CREATE FUNCTION catalog_parent_expression(name text, alias text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	prefixes text[] := ARRAY(SELECT t.prefix FROM @extschema@.resource_type t WHERE t.name = ANY (type.parents));
	col text;
BEGIN
	IF type.parent_column IS NULL THEN
		RETURN 'NULL::text';
	END IF;
	col := format('%s.%I', alias, type.parent_column);
	-- as catalog_table.c decides: a type whose id is its identifier has whole identifiers as parents, too
	IF cardinality(prefixes) <> 1 OR type.id_column = type.identifier_column
		AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = format('%I.%I', type.schema_name, type.table_name)::regclass
			AND a.attname = type.parent_column AND a.atttypid = 'text'::regtype) THEN
		RETURN col || '::text';
	END IF;
	RETURN format('CASE WHEN starts_with(%1$s::text, %2$L) THEN %1$s::text ELSE %2$L || %1$s::text END', col, prefixes[1] || '/');
END
$$;
COMMENT ON FUNCTION catalog_parent_expression(text, text) IS 'SQL for the identifier of the parent of a row, as the lineage trigger completes it';

CREATE FUNCTION catalog_id_expression(name text, alias text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
BEGIN
	IF type.id_column IS NULL THEN
		RETURN format('(%s.%I OPERATOR(pg_catalog.->>) ''id'')', alias, type.document_column);
	END IF;
	RETURN format('%s.%I::text', alias, type.id_column);
END
$$;
COMMENT ON FUNCTION catalog_id_expression(text, text) IS 'SQL for the DQL id of a row as text';

CREATE FUNCTION catalog_use_lineage(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	columns name[] := ARRAY(SELECT a.attname FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped);
	above record;
	condition text := '';
	updated bigint;
	faulty text;
BEGIN
	-- made already
	IF EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = relation AND t.tgname = 'vxp_lineage') THEN
		RETURN;
	END IF;
	IF (SELECT c.relkind FROM pg_class c WHERE c.oid = relation) NOT IN ('r', 'p') THEN
		-- a view that shows a path may be a parent; nothing is maintained there
		IF type.lineage_column IS NOT NULL AND type.identifier_column IS NOT NULL AND type.prefix IS NOT NULL THEN
			RETURN;
		END IF;
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
			MESSAGE = format('resources of type "%s" cannot have lineage, since %s is no table', name, relation);
	END IF;
	PERFORM @extschema@.catalog_require_owner(relation);

	type.prefix := coalesce(type.prefix, lower(name));
	type.lineage_field := coalesce(type.lineage_field, @extschema@.catalog_object_name(type.prefix::name, '_id'));
	IF type.identifier_column IS NULL THEN
		type.identifier_column := 'identifier';
		IF NOT 'identifier' = ANY (columns) THEN
			PERFORM @extschema@.catalog_add_column(relation, 'identifier', 'text COLLATE "C"',
				format('identifies the resource: %s/ and the id; derived', type.prefix));
		ELSIF type.id_column IS DISTINCT FROM 'identifier' AND col_description(relation,
				(SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = 'identifier')) IS DISTINCT FROM
				format('identifies the resource: %s/ and the id; derived', type.prefix) THEN
			type.fields := type.fields || '{"identifier": "identifier"}';
		END IF;
	END IF;
	IF type.parents <> '{}' AND type.parent_column IS NULL THEN
		type.parent_column := 'parent_identifier';
		IF NOT 'parent_identifier' = ANY (columns) THEN
			PERFORM @extschema@.catalog_add_column(relation, 'parent_identifier', 'text COLLATE "C"',
				format('identifier of the parent, of type %s', array_to_string(type.parents, ' or ')));
		END IF;
	END IF;
	IF type.lineage_column IS NULL THEN
		type.lineage_column := 'lineage';
		IF NOT 'lineage' = ANY (columns) THEN
			PERFORM @extschema@.catalog_add_column(relation, 'lineage', '@extschema@.lineage',
				'path from the root to the resource itself; derived from the parent');
		END IF;
	END IF;
	FOR above IN SELECT t.name, t.lineage_field FROM @extschema@.catalog_types_above(type.parents) t
			WHERE t.lineage_field IS NOT NULL AND t.name <> type.name
		UNION ALL SELECT type.name, type.lineage_field
	LOOP
		IF EXISTS (SELECT FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs)
				WHERE p.partrelid = relation AND a.attname = above.lineage_field AND a.atttypid = 'text'::regtype) THEN
			-- the writer supplies what decides the partition, and the trigger checks it
			type.lineage_fields := type.lineage_fields || above.lineage_field::text;
		ELSIF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = above.lineage_field
				AND a.atttypid = 'text'::regtype AND NOT a.attisdropped
				AND col_description(relation, a.attnum) ~ '; derived( from .*)?$') THEN
			-- one that an earlier registration left
			type.lineage_fields := type.lineage_fields || above.lineage_field::text;
		ELSIF above.lineage_field = ANY (columns || type.lineage_fields::name[]) THEN
			RAISE NOTICE USING MESSAGE = format('column "%s" of %s exists already and is left as it is', above.lineage_field, relation),
				DETAIL = format('It would have held the identifier of the %s.', above.name);
		ELSE
			PERFORM @extschema@.catalog_add_column(relation, above.lineage_field, 'text COLLATE "C"',
				format('identifier of the nearest %s above, or the resource itself; derived from the parent', above.name));
			type.lineage_fields := type.lineage_fields || above.lineage_field::text;
		END IF;
	END LOOP;
	UPDATE @extschema@.resource_type t SET prefix = type.prefix, lineage_field = type.lineage_field, fields = type.fields,
			identifier_column = type.identifier_column, parent_column = type.parent_column,
			lineage_column = type.lineage_column, lineage_fields = type.lineage_fields
		WHERE t.name = catalog_use_lineage.name;
	PERFORM @extschema@.catalog_make_triggers(relation);
	IF type.versioned AND @extschema@.history_table(relation) IS NOT NULL THEN
		-- of an earlier registration; they are guarded when all paths are there
		PERFORM @extschema@.catalog_make_history_triggers(name, @extschema@.history_table(relation), false);
	END IF;

	-- rows that are there: parents before children, as long as there is any progress
	IF type.parents <> '{}' THEN
		condition := format(' AND (%s IS NULL', @extschema@.catalog_parent_expression(name, 't'))
			|| (SELECT string_agg(format(' OR EXISTS (SELECT FROM %I.%I p WHERE p.%I = %s AND p.%I IS NOT NULL)',
					p.schema_name, p.table_name, p.identifier_column,
					@extschema@.catalog_parent_expression(catalog_use_lineage.name, 't'), p.lineage_column), '')
				FROM @extschema@.resource_type p WHERE p.name = ANY (type.parents))
			|| ')';
	END IF;
	IF type.lineage_column = ANY (columns) THEN
		-- paths that are there are kept, and judged below; their lineage fields may be new
		EXECUTE format('UPDATE %1$s t SET %2$I = %2$I WHERE %2$I IS NOT NULL', relation, type.lineage_column);
	END IF;
	LOOP
		EXECUTE format('UPDATE %1$s t SET %2$I = %2$I WHERE %2$I IS NULL%3$s', relation, type.lineage_column, condition);
		GET DIAGNOSTICS updated = ROW_COUNT;
		EXIT WHEN updated = 0 OR NOT type.parents @> ARRAY[name];
	END LOOP;
	EXECUTE format('SELECT string_agg(format(''%%s (parent %%s)'', id, parent), '', '') FROM '
		'(SELECT %s AS id, %s AS parent FROM %s t WHERE t.%I IS NULL ORDER BY 1 LIMIT 5) f',
		@extschema@.catalog_id_expression(name, 't'), @extschema@.catalog_parent_expression(name, 't'), relation, type.lineage_column) INTO faulty;
	IF faulty IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
			MESSAGE = format('some rows of %s have a parent that does not exist', relation),
			DETAIL = format('The first are %s.', faulty),
			HINT = 'Correct the rows, or insert their parents, and register the table again.';
	END IF;
	EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL, ALTER COLUMN %I SET NOT NULL', relation, type.lineage_column, type.identifier_column);
	IF type.versioned THEN
		PERFORM @extschema@.catalog_make_versions(name);
	ELSE
		IF NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL
				AND i.indnkeyatts = 1 AND i.indkey[0] = (SELECT a.attnum FROM pg_attribute a
					WHERE a.attrelid = relation AND a.attname = type.identifier_column)) THEN
			-- over partitions by other columns no unique index is possible; ids are unique there already
			EXECUTE format(CASE WHEN (SELECT c.relkind = 'r' OR p.partattrs = ARRAY[a.attnum]::int2vector
					FROM pg_class c LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid
						JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = type.identifier_column
					WHERE c.oid = relation)
				THEN 'CREATE UNIQUE INDEX ON %s (%I)' ELSE 'CREATE INDEX ON %s (%I)' END, relation, type.identifier_column);
		END IF;
		FOR above IN SELECT f.field FROM unnest(type.lineage_fields || type.parent_column::text) f(field)
				JOIN pg_attribute a ON a.attrelid = relation AND a.attname = f.field
			WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indpred IS NULL AND i.indkey[0] = a.attnum)
		LOOP
			EXECUTE format('CREATE INDEX ON %s (%I)', relation, above.field);
		END LOOP;
		PERFORM @extschema@.catalog_make_lineage_index(relation, type.lineage_column);
	END IF;
	SELECT string_agg(format('%s: %s', c.identifier, c.problem), ', ') INTO faulty
		FROM (SELECT * FROM @extschema@.check_lineage(catalog_use_lineage.name) LIMIT 5) c;
	IF faulty IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'check_violation',
			MESSAGE = format('the lineage of some rows of %s is wrong', relation),
			DETAIL = format('The first are %s.', faulty);
	END IF;
	IF type.view_name IS NOT NULL THEN
		PERFORM @extschema@.catalog_make_view(name);
	END IF;
END
$$;
COMMENT ON FUNCTION catalog_use_lineage(text) IS 'adds the lineage columns, indexes and triggers that a registered table lacks and fills them; errors name faulty rows; does nothing when they are there';

--
-- register and its counterparts
--
CREATE FUNCTION register(name text, relation regclass, prefix text DEFAULT NULL, parents text[] DEFAULT '{}', id text DEFAULT NULL,
	document text DEFAULT NULL, fields jsonb DEFAULT '{}', default_sort json DEFAULT NULL, on_close text DEFAULT 'restrict') RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parent text;
	place record;
	versioned boolean;
BEGIN
	IF name IS NULL OR relation IS NULL OR parents IS NULL OR fields IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'name, relation, parents and fields of a resource type must not be null';
	END IF;
	IF name = '' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_name', MESSAGE = 'the name of a resource type must not be empty';
	END IF;
	SELECT n.nspname, c.relname, c.relkind INTO place
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = format('relation with OID %s does not exist', relation::oid);
	END IF;
	IF place.nspname = '@extschema@' OR starts_with(place.nspname::text, 'pg_') OR place.nspname = 'information_schema' THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
			MESSAGE = format('%s cannot be a resource type', relation),
			DETAIL = 'System tables and temporary tables are not registered.';
	END IF;
	PERFORM @extschema@.catalog_require_owner(relation);
	PERFORM @extschema@.catalog_check_on_close(on_close);
	PERFORM @extschema@.catalog_check_parents(name, parents);
	IF id IS NULL THEN
		id := (SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			   WHERE i.indrelid = relation AND i.indisprimary AND i.indnkeyatts = 1);
	END IF;
	versioned := coalesce(jsonb_typeof(fields) = 'object' AND fields ? 'valid_from' AND fields ? 'valid_to', false);
	INSERT INTO @extschema@.resource_type (name, schema_name, table_name, prefix, parents, versioned, id_column, document_column,
			identifier_column, parent_column, lineage_column, valid_from_column, valid_to_column, fields, default_sort, on_close)
		VALUES (name, place.nspname, place.relname, prefix, parents, versioned, id, document,
			fields ->> 'identifier', fields ->> 'parent_identifier', fields ->> 'lineage',
			fields ->> 'valid_from', fields ->> 'valid_to', fields, default_sort, on_close);
	FOREACH parent IN ARRAY parents LOOP
		IF parent <> name THEN
			PERFORM @extschema@.catalog_use_lineage(parent);
		END IF;
	END LOOP;
	-- versions belong to an identifier: one that is only in the document gets a column
	IF parents <> '{}' OR fields ? 'parent_identifier' OR versioned AND id IS NULL AND NOT fields ? 'identifier' THEN
		PERFORM @extschema@.catalog_use_lineage(name);
	ELSIF versioned THEN
		PERFORM @extschema@.catalog_make_versions(name);
	END IF;
	PERFORM @extschema@.catalog_make_view(name);
END
$$;
COMMENT ON FUNCTION register(text, regclass, text, text[], text, text, jsonb, json, text) IS 'Makes a table, view or foreign table that exists a resource type. id: the column that is the DQL id; default: the one-column primary key, else member id of the document. document: a jsonb column that is the document. fields: DQL path to "column" or "column.path.inside", also for identifier, parent_identifier, lineage, valid_from and valid_to; with both of the latter, every version of a resource is kept. parents: types above; lineage columns that are missing are then added, filled and maintained, also on the types above. on_close: restrict: a resource with children of this type cannot be deleted; cascade: they end with it. Only the owner of the table may do so (42501).';

CREATE FUNCTION unregister(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := to_regclass(format('%I.%I', type.schema_name, type.table_name));
	lower_types text := (SELECT string_agg(t.name, ', ' ORDER BY t.name) FROM @extschema@.resource_type t
		WHERE unregister.name = ANY (t.parents) AND t.name <> unregister.name);
	view_oid oid;
	trigger_name name;
	place regclass;
BEGIN
	IF relation IS NOT NULL THEN
		PERFORM @extschema@.catalog_require_owner(relation);
	END IF;
	IF lower_types IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist',
			MESSAGE = format('resource type "%s" is the parent of other types', name),
			DETAIL = format('These are %s.', lower_types),
			HINT = 'Unregister them first.';
	END IF;
	FOR trigger_name, place IN SELECT t.tgname, t.tgrelid::regclass FROM pg_trigger t
		WHERE t.tgrelid IN (relation, @extschema@.history_table(relation)) AND NOT t.tgisinternal AND t.tgparentid = 0
			AND t.tgfoid IN ('@extschema@.lineage_trigger()'::regprocedure, '@extschema@.lineage_settle()'::regprocedure,
							 '@extschema@.lineage_truncate()'::regprocedure,
							 '@extschema@.version_row()'::regprocedure, '@extschema@.version_history()'::regprocedure,
							 '@extschema@.version_closed()'::regprocedure, '@extschema@.version_statement()'::regprocedure)
	LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', trigger_name, place);
	END LOOP;
	-- nobody fills the derived columns any more
	IF FOUND AND type.lineage_column IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', relation, type.lineage_column);
		IF type.id_column IS DISTINCT FROM type.identifier_column AND NOT type.fields ? 'identifier' THEN
			-- the closed versions, to which nobody adds, keep their primary key
			EXECUTE format('ALTER TABLE ONLY %s ALTER COLUMN %I DROP NOT NULL', relation, type.identifier_column);
		END IF;
	END IF;
	view_oid := (SELECT c.oid FROM pg_class c JOIN @extschema@.resource_relation r ON r.view_relid = c.oid WHERE r.name = unregister.name);
	IF view_oid IS NOT NULL THEN
		EXECUTE format('DROP VIEW %s', view_oid::regclass);
	END IF;
	DELETE FROM @extschema@.resource_type t WHERE t.name = unregister.name;
END
$$;
COMMENT ON FUNCTION unregister(text) IS 'Forgets a resource type: its view, its functions and our triggers go, the table and its columns stay. Closed versions stay in the table that inherits, and are read through the table; a later register takes them up again. 2BP01 while it is the parent of other types.';

CREATE FUNCTION drop_resource_type(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	history regclass := @extschema@.history_table(format('%I.%I', type.schema_name, type.table_name)::regclass);
BEGIN
	IF NOT type.created THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('the table of resource type "%s" was not made by create_resource_type', name),
			HINT = 'Use vxp.unregister, which leaves the table, and drop the table yourself.';
	END IF;
	PERFORM @extschema@.unregister(name);
	IF history IS NOT NULL THEN
		EXECUTE format('DROP TABLE %s', history);
	END IF;
	EXECUTE format('DROP TABLE %I.%I', type.schema_name, type.table_name);
END
$$;
COMMENT ON FUNCTION drop_resource_type(text) IS 'Drops a resource type that create_resource_type made, with its table and all rows.';

CREATE FUNCTION refresh(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	wanted name;
	wrappers regprocedure[];
	wrapper regprocedure;
BEGIN
	PERFORM @extschema@.catalog_require_owner(relation);
	IF type.versioned AND (SELECT c.relkind = 'r' AND NOT c.relispartition FROM pg_class c WHERE c.oid = relation) THEN
		PERFORM @extschema@.catalog_make_history(name);
	END IF;
	-- the view carries the table's name unless it had to evade another
	wanted := @extschema@.catalog_object_name(type.table_name, '_current');
	IF type.view_name <> wanted AND to_regclass(format('%I.%I', type.schema_name, wanted)) IS NULL
		AND to_regclass(format('%I.%I', type.schema_name, type.view_name)) IS NOT NULL THEN
		EXECUTE format('ALTER VIEW %I.%I RENAME TO %I', type.schema_name, type.view_name, wanted);
	END IF;
	PERFORM @extschema@.catalog_make_view(name);
	-- functions that others may have built on are renamed; only missing ones are made
	wanted := @extschema@.catalog_function_name(relation);
	wrappers := ARRAY(SELECT @extschema@.catalog_wrappers(relation));
	IF cardinality(wrappers) <> 2 THEN
		UPDATE @extschema@.resource_type t SET function_name = NULL WHERE t.name = refresh.name;
	ELSE
		FOREACH wrapper IN ARRAY wrappers LOOP
			IF (SELECT p.proname FROM pg_proc p WHERE p.oid = wrapper) <> wanted THEN
				EXECUTE format('ALTER FUNCTION %s RENAME TO %I', wrapper, wanted);
			END IF;
		END LOOP;
	END IF;
	UPDATE @extschema@.resource_type t SET function_name = wanted
		WHERE t.name = refresh.name AND t.function_name IS DISTINCT FROM wanted;
END
$$;
COMMENT ON FUNCTION refresh(text) IS 'Brings view and functions of a resource type up to date after its table was altered or renamed. New columns go behind those that the view has.';

CREATE FUNCTION load(name text, source regclass) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	columns name[];
	targets text;
	key text;
	given bigint;
	inserted bigint;
	-- versions that have ended are stored, but not counted
	routed bigint := @extschema@.catalog_routed_rows();
BEGIN
	columns := ARRAY(SELECT a.attname
		FROM pg_attribute a JOIN pg_attribute s ON s.attname = a.attname
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
			AND s.attrelid = source AND s.attnum > 0 AND NOT s.attisdropped
			AND a.attname IS DISTINCT FROM type.lineage_column
			AND (NOT a.attname::text = ANY (type.lineage_fields)
				 OR EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = relation AND a.attnum = ANY (p.partattrs)))
		ORDER BY a.attnum);
	IF columns = '{}' THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_column',
			MESSAGE = format('%s and %s have no column in common', source, relation);
	END IF;
	targets := (SELECT string_agg(format('%I', c), ', ') FROM unnest(columns) c);
	IF NOT name = ANY (type.parents) THEN
		EXECUTE format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM %3$s', relation, targets, source);
		GET DIAGNOSTICS inserted = ROW_COUNT;
		RETURN inserted + @extschema@.catalog_routed_rows() - routed;
	END IF;
	-- resources that lie below others of the same type: by their depth among these
	key := @extschema@.catalog_id_expression(name, 's');
	IF NOT type.created THEN
		key := format('CASE WHEN starts_with(%1$s, %2$L) THEN %1$s ELSE %2$L || %1$s END', key, type.prefix || '/');
	END IF;
	EXECUTE format('SELECT count(*) FROM %s', source) INTO given;
	EXECUTE format('WITH RECURSIVE node AS MATERIALIZED (SELECT s AS node, %4$s AS key, %5$s AS parent FROM %3$s s), '
		'sorted AS (SELECT n.node, n.key, 0 AS depth FROM node n '
		'WHERE n.parent IS NULL OR NOT EXISTS (SELECT FROM node p WHERE p.key = n.parent) '
		'UNION ALL SELECT n.node, n.key, d.depth + 1 FROM sorted d JOIN node n ON n.parent = d.key) '
		'INSERT INTO %1$s (%2$s) SELECT %6$s FROM sorted d ORDER BY d.depth',
		relation, targets, source, key, @extschema@.catalog_parent_expression(name, 's'),
		(SELECT string_agg(format('(d.node).%I', c), ', ') FROM unnest(columns) c));
	GET DIAGNOSTICS inserted = ROW_COUNT;
	inserted := inserted + @extschema@.catalog_routed_rows() - routed;
	IF inserted <> given THEN
		RAISE EXCEPTION USING ERRCODE = 'check_violation',
			MESSAGE = format('the parents of %s rows of %s make a cycle', given - inserted, source);
	END IF;
	RETURN inserted;
END
$$;
COMMENT ON FUNCTION load(text, regclass) IS 'Inserts the rows of a table or view into the table of a resource type, parents before children, matching columns by name and deriving lineage. Returns the number of rows.';

--
-- check_lineage
--
CREATE FUNCTION check_lineage(name text) RETURNS TABLE (identifier text, lineage lineage, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	above @extschema@.resource_type;
	parents text := '';
	fields text := '';
	optional boolean := type.parents = '{}' OR type.parents = ARRAY[type.name];
BEGIN
	IF type.lineage_column IS NULL OR type.identifier_column IS NULL THEN
		RETURN;
	END IF;
	FOR above IN SELECT t.* FROM @extschema@.resource_type t WHERE t.name = ANY (type.parents)
			AND t.identifier_column IS NOT NULL AND t.lineage_column IS NOT NULL LOOP
		parents := parents || format(' UNION ALL SELECT p.%I FROM %I.%I p WHERE p.%I = r.parent',
			above.lineage_column, above.schema_name, above.table_name, above.identifier_column)
			-- at each instant of the version, or at present
			|| CASE WHEN above.versioned AND type.versioned
				THEN format(' AND @extschema@.validity(p.%I, p.%I) && r.valid', above.valid_from_column, above.valid_to_column)
				WHEN above.versioned THEN format(' AND p.%I IS NULL', above.valid_to_column)
				-- where a parent without versions was in the past is not known
				WHEN type.versioned THEN format(' AND upper_inf(r.valid) UNION ALL SELECT @extschema@.parent(r.path) '
					'WHERE NOT upper_inf(r.valid) AND @extschema@.depth(r.path) > 1 AND starts_with(r.parent, %L)', above.prefix || '/')
				ELSE '' END;
	END LOOP;
	FOR above IN SELECT t.* FROM @extschema@.catalog_types_above(type.parents || type.name) t
			WHERE t.lineage_field::text = ANY (type.lineage_fields) LOOP
		fields := fields || format(' WHEN (r.node).%I IS DISTINCT FROM @extschema@.ancestor_of_type(r.path, %L) THEN %L',
			above.lineage_field, above.prefix, format('column %I is not the ancestor in the path', above.lineage_field));
	END LOOP;
	RETURN QUERY EXECUTE format(
		'SELECT r.id, r.path, c.problem FROM (SELECT t.%I::text AS id, t.%I AS path, %s AS parent, %s AS valid, t AS node FROM %I.%I t) r '
		'LEFT JOIN LATERAL (SELECT x.path FROM (SELECT NULL::@extschema@.lineage AS path WHERE false%s) x '
		'ORDER BY @extschema@.depth(r.path) > 1 AND @extschema@.parent(r.path) OPERATOR(@extschema@.=) x.path LIMIT 1) p ON true '
		'CROSS JOIN LATERAL (SELECT CASE '
		'WHEN r.path IS NULL THEN ''no path'' '
		'WHEN r.id IS NULL OR @extschema@.self(r.path) <> r.id THEN ''the path does not end with the identifier'' '
		'WHEN r.parent IS NULL AND NOT %L THEN ''no parent'' WHEN isempty(r.valid) THEN NULL '
		'WHEN r.parent IS NULL AND @extschema@.depth(r.path) <> 1 THEN ''a root with a path of more than itself'' '
		'WHEN r.parent IS NOT NULL AND p.path IS NULL THEN ''the parent does not exist'' '
		'WHEN r.parent IS NOT NULL AND (@extschema@.depth(r.path) = 1 OR @extschema@.parent(r.path) OPERATOR(@extschema@.<>) p.path) '
		'THEN ''the path is not that of the parent'' '
		'%s END AS problem) c WHERE c.problem IS NOT NULL',
		type.identifier_column, type.lineage_column, @extschema@.catalog_parent_expression(name, 't'),
		CASE WHEN type.versioned THEN format('@extschema@.validity(t.%I, t.%I)', type.valid_from_column, type.valid_to_column) ELSE 'NULL::tstzrange' END,
		type.schema_name, type.table_name, parents, optional, fields);
END
$$;
COMMENT ON FUNCTION check_lineage(text) IS 'Resources whose path or lineage fields disagree with their parents, for a version at any instant of it, and why. No rows when all is sound. Sees what its caller may see.';

--
-- What people read
--
CREATE VIEW resource_types WITH (security_invoker = true) AS
	SELECT t.name,
		r.relid::pg_catalog.regclass AS relation,
		t.prefix, t.parents, t.versioned, t.lineage_field,
		t.view_name, t.function_name, t.id_column, t.document_column, t.fields, t.default_sort, t.on_close
	FROM resource_type t LEFT JOIN resource_relation r ON r.name OPERATOR(pg_catalog.=) t.name;
COMMENT ON VIEW resource_types IS 'the resource types of this database: name, table, prefix of identifiers, possible parents, and what lies beside the table';
GRANT SELECT ON resource_types TO PUBLIC;
--
-- verify: is all that the extension keeps sound?
--
-- Each check is a function of the type's name that returns identifier and
-- problem; a part is added by adding its line to the list in verify().
--
CREATE FUNCTION verify_catalog(name text) RETURNS TABLE (identifier text, problem text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	relation regclass := to_regclass(format('%I.%I', type.schema_name, type.table_name));
	recorded @extschema@.resource_relation;
	trigger_name name;
	apart boolean := (SELECT c.relkind = 'r' AND NOT c.relispartition FROM pg_class c WHERE c.oid = relation);
	history regclass;
BEGIN
	identifier := NULL;
	SELECT r.* INTO recorded FROM @extschema@.resource_relation r WHERE r.name = verify_catalog.name;
	IF relation IS NULL THEN
		problem := format('table %I.%I does not exist', type.schema_name, type.table_name);
		RETURN NEXT;
		RETURN;
	END IF;
	IF recorded.relid IS DISTINCT FROM relation::oid THEN
		problem := format('the catalog knows %s by another OID', relation);
		RETURN NEXT;
	END IF;
	BEGIN
		PERFORM @extschema@.catalog_check_type(type, relation);
	EXCEPTION WHEN OTHERS THEN
		problem := format('the definition does not fit the table: %s', SQLERRM);
		RETURN NEXT;
	END;
	RETURN QUERY SELECT NULL::text, format('the parent type %s does not exist', p)
		FROM unnest(type.parents) p WHERE NOT EXISTS (SELECT FROM @extschema@.resource_type t WHERE t.name = p);
	IF type.view_name IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class v WHERE v.oid = recorded.view_relid AND v.relname = type.view_name AND v.relkind = 'v') THEN
		problem := format('the view %I does not exist', type.view_name);
		RETURN NEXT;
	END IF;
	IF type.function_name IS NOT NULL AND 2 <> (SELECT count(*) FROM @extschema@.catalog_wrappers(relation) w
			JOIN pg_proc p ON p.oid = w WHERE p.proname = type.function_name) THEN
		problem := format('the functions %s do not exist, or have another name', quote_ident(type.function_name));
		RETURN NEXT;
	END IF;
	FOREACH trigger_name IN ARRAY CASE WHEN type.lineage_fields <> '{}' THEN '{vxp_lineage,vxp_lineage_update,vxp_lineage_delete,vxp_lineage_truncate}'::name[] END
		|| CASE WHEN type.versioned THEN '{vxp_version,vxp_history,vxp_statement}'::name[] END
		|| CASE WHEN type.versioned AND NOT apart THEN '{vxp_closed}'::name[] END || '{}'::name[]
	LOOP
		IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = relation AND t.tgname = trigger_name AND t.tgenabled IN ('O', 'A')) THEN
			problem := format('the trigger %s is missing or disabled', trigger_name);
			RETURN NEXT;
		END IF;
	END LOOP;
	IF type.versioned AND apart THEN
		history := @extschema@.history_table(relation);
		IF history IS NULL THEN
			problem := 'the table of closed versions does not exist';
			RETURN NEXT;
		END IF;
		FOREACH trigger_name IN ARRAY CASE WHEN type.lineage_fields <> '{}' THEN '{vxp_lineage}'::name[] END
				|| '{vxp_version,vxp_history,vxp_closed,vxp_closed_statement}'::name[] LOOP
			IF history IS NOT NULL AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = history AND t.tgname = trigger_name AND t.tgenabled IN ('O', 'A')) THEN
				problem := format('the trigger %s of %s is missing or disabled', trigger_name, history);
				RETURN NEXT;
			END IF;
		END LOOP;
	END IF;
END
$$;
COMMENT ON FUNCTION verify_catalog(text) IS 'faults of a resource type itself: its table, definition, parents, view, functions, triggers; identifier is NULL. No rows when all is sound.';

CREATE FUNCTION verify_lineage(name text) RETURNS TABLE (identifier text, problem text)
STABLE
BEGIN ATOMIC
	SELECT c.identifier, c.problem FROM check_lineage(name) c;
END;
COMMENT ON FUNCTION verify_lineage(text) IS 'faults of paths and lineage fields, from check_lineage';

CREATE FUNCTION verify_versions(name text) RETURNS TABLE (identifier text, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regprocedure('@extschema@.check_versions(text,boolean)') IS NOT NULL THEN
		RETURN QUERY EXECUTE 'SELECT c.identifier::text, c.problem::text FROM @extschema@.check_versions($1, false) c' USING name;
	END IF;
END
$$;
COMMENT ON FUNCTION verify_versions(text) IS 'faults of versions, from check_versions';

-- the same question answered through indexes and by reading the table
CREATE FUNCTION verify_by_index(question text) RETURNS SETOF tid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_tidscan = off
	SET max_parallel_workers_per_gather = 0 SET jit = off
AS $$
BEGIN
	RETURN QUERY EXECUTE question;
END
$$;
COMMENT ON FUNCTION verify_by_index(text) IS 'the rows that a query of tids finds through indexes, where there are any';

CREATE FUNCTION verify_by_scan(question text) RETURNS SETOF tid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET enable_indexscan = off SET enable_bitmapscan = off
	SET enable_indexonlyscan = off SET jit = off
AS $$
BEGIN
	RETURN QUERY EXECUTE question;
END
$$;
COMMENT ON FUNCTION verify_by_scan(text) IS 'the rows that a query of tids finds by reading the whole table';

CREATE FUNCTION verify_index(name text) RETURNS TABLE (identifier text, problem text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
	leaf record;
	roots text[];
	condition text;
	label text;
	col record;
	faults bigint;
BEGIN
	RETURN QUERY SELECT NULL::text, format('index %s is not valid', i.indexrelid::regclass)
		FROM pg_index i WHERE i.indrelid IN (to_regclass(format('%I.%I', type.schema_name, type.table_name)),
			@extschema@.history_table(to_regclass(format('%I.%I', type.schema_name, type.table_name)))) AND NOT (i.indisvalid AND i.indisready);
	-- rows of each partition by itself: a tid says nothing about whose it is
	FOR leaf IN SELECT c.oid::regclass AS relation, c.relkind FROM pg_class c
		WHERE c.oid = to_regclass(format('%I.%I', type.schema_name, type.table_name)) AND c.relkind = 'r'
			OR c.oid = @extschema@.history_table(to_regclass(format('%I.%I', type.schema_name, type.table_name)))
			OR c.oid IN (SELECT p.relid FROM pg_partition_tree(to_regclass(format('%I.%I', type.schema_name, type.table_name))) p WHERE p.isleaf) AND c.relkind = 'r'
	LOOP
		-- paths by ancestor: below any root, and each of some roots and resources itself; by order: the whole range
		FOR col IN SELECT a.attname, array_agg(DISTINCT m.amname::text) AS methods
			FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
				JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			WHERE i.indrelid = leaf.relation AND i.indisvalid AND i.indpred IS NULL AND a.atttypid = '@extschema@.lineage'::regtype
			GROUP BY 1
		LOOP
			EXECUTE format('SELECT array_agg(r) FROM (SELECT DISTINCT @extschema@.root(%I) AS r FROM ONLY %s ORDER BY 1 LIMIT 1000) x', col.attname, leaf.relation) INTO roots;
			FOR condition IN
				SELECT format('%I OPERATOR(@extschema@.@^|) %L::text[]', col.attname, roots) WHERE col.methods && '{gist,gin}' AND roots <> '{}'
				UNION ALL SELECT format('%I OPERATOR(@extschema@.@^=) %L::@extschema@.identifier', col.attname, r)
					FROM unnest(roots[1:10]) r WHERE col.methods && '{gist,gin}'
				UNION ALL SELECT format('%I OPERATOR(@extschema@.>=) %L::@extschema@.lineage', col.attname, x)
					FROM unnest(ARRAY[roots[1]]) x WHERE col.methods && '{btree}' AND x IS NOT NULL
			LOOP
				RETURN QUERY EXECUTE format(
					'SELECT t.%I::text, CASE WHEN s.tid IS NULL THEN ''an index on %I answers with a row that does not fit'' ELSE ''an index on %I misses the row'' END '
					'FROM @extschema@.verify_by_scan(%L) s(tid) FULL JOIN @extschema@.verify_by_index(%L) i(tid) ON s.tid = i.tid '
					'LEFT JOIN ONLY %s t ON t.ctid = coalesce(s.tid, i.tid) WHERE s.tid IS NULL OR i.tid IS NULL',
					coalesce(type.identifier_column, type.id_column), col.attname, col.attname,
					format('SELECT ctid FROM ONLY %s WHERE %s', leaf.relation, condition), format('SELECT ctid FROM ONLY %s WHERE %s', leaf.relation, condition), leaf.relation);
			END LOOP;
		END LOOP;
		-- btree and hash on identifiers and lineage fields: each value that is there
		FOR col IN SELECT DISTINCT a.attname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
				JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			WHERE i.indrelid = leaf.relation AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND m.amname = 'btree'
				AND a.atttypid = 'text'::regtype
				AND a.attname = ANY (ARRAY[type.identifier_column, type.parent_column] || type.lineage_fields::name[])
		LOOP
			condition := format('SELECT ctid FROM ONLY %s WHERE %I >= ''''', leaf.relation, col.attname);
			RETURN QUERY EXECUTE format(
				'SELECT t.%I::text, CASE WHEN s.tid IS NULL THEN ''an index on %I answers with a row that does not fit'' ELSE ''an index on %I misses the row'' END '
				'FROM @extschema@.verify_by_scan(%L) s(tid) FULL JOIN @extschema@.verify_by_index(%L) i(tid) ON s.tid = i.tid '
				'LEFT JOIN ONLY %s t ON t.ctid = coalesce(s.tid, i.tid) WHERE s.tid IS NULL OR i.tid IS NULL',
				coalesce(type.identifier_column, type.id_column), col.attname, col.attname, condition, condition, leaf.relation);
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION verify_index(text) IS 'rows that the indexes on paths, identifiers, parents and lineage fields miss, or show wrongly: the same questions answered through an index and by reading the table. Of several indexes that answer a question, the one is asked that the planner takes.';

CREATE FUNCTION verify(name text DEFAULT NULL) RETURNS TABLE (part text, type text, identifier text, problem text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type_name text;
	check_name text;
	sound boolean;
BEGIN
	IF $1 IS NOT NULL THEN
		PERFORM @extschema@.catalog_require_type($1);
	ELSE
		RETURN QUERY SELECT 'catalog', r.name, NULL::text, 'the catalog knows an OID, but no resource type of that name'::text
			FROM @extschema@.resource_relation r WHERE NOT EXISTS (SELECT FROM @extschema@.resource_type t WHERE t.name = r.name);
	END IF;
	FOR type_name IN SELECT t.name FROM @extschema@.resource_type t WHERE $1 IS NULL OR t.name = $1 ORDER BY 1 LOOP
		sound := true;
		FOREACH check_name IN ARRAY '{catalog,lineage,versions,index}'::text[] LOOP
			BEGIN
				RETURN QUERY EXECUTE format('SELECT DISTINCT %L, $1, c.identifier, c.problem FROM @extschema@.%I($1) c ORDER BY 3, 4',
					check_name, 'verify_' || check_name) USING type_name;
				sound := sound AND NOT (FOUND AND check_name = 'catalog');
			EXCEPTION
				-- behind a fault of the catalog the other checks may find nothing to read
				WHEN OTHERS THEN
					IF sound THEN
						RAISE;
					END IF;
			END;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION verify(text) IS 'Is all sound? Faults of the resource type, or of all: part (catalog, lineage, versions, index), type, identifier of the resource where there is one, and what is wrong. No rows when all is sound. Reads every table several times, and sees what its caller may see; no lock keeps writers out, so the answer is one of the moment: repeat it before you act on it.';
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

--
-- DQL: what the server does with a request
--
CREATE FUNCTION explain(dql dql, "analyze" boolean DEFAULT false)
	RETURNS TABLE (clause text, kind text, condition text, served_by text, node text, index regclass,
		estimated_rows bigint, actual_rows bigint, cost double precision, advice text)
	AS 'MODULE_PATHNAME', 'vxp_explain'
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION explain(dql, boolean) IS 'each clause of a DQL request, in their order, with what serves it in the server''s plan: clause, its place in the request ($: the request as a whole; NULL: a sort key that was added); served_by: index, index and filter, filter, join, sort, index order, limit, ...; node and index of the plan; estimated rows that come out of the node and, with analyze, which runs the request, actual ones, for each time that it ran; planner''s cost of the node; advice: the CREATE INDEX that would at least halve the cost of the request by serving this clause, NULL when there is none';

CREATE FUNCTION explain(dql dql, "analyze" boolean, VARIADIC "values" "any")
	RETURNS TABLE (clause text, kind text, condition text, served_by text, node text, index regclass,
		estimated_rows bigint, actual_rows bigint, cost double precision, advice text)
	AS 'MODULE_PATHNAME', 'vxp_explain'
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION explain(dql, boolean, "any") IS 'the same with values for the bind variables {"$param": 1} and up; without them a request is planned for any values';
--
-- Provenance: derived_from as a graph beside the tree
--
-- A resource names the identifiers that it was made from in a column
-- derived_from (or one that "fields" maps to it), a list of text.  Both ways are
-- walked level by level, all resource types in one statement, so that a level
-- costs one look-up by index in each table and a cycle, or a diamond with many
-- ways, costs nothing: an identifier is visited once, at its least distance.
--
CREATE FUNCTION provenance_statement(down boolean) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type record;
	id text;
	conditions text;
	branches text := '';
BEGIN
	FOR type IN
		SELECT t.*, r.relid, d.attname AS source_column, format_type(d.atttypid, NULL) AS source_type, i.attname AS key_column, i.is_text
		FROM @extschema@.resource_type t
			JOIN @extschema@.resource_relation r ON r.name = t.name
			JOIN pg_class c ON c.oid = r.relid
			LEFT JOIN pg_attribute d ON d.attrelid = r.relid AND d.attnum > 0 AND NOT d.attisdropped
				AND d.attname = coalesce(t.fields ->> 'derived_from', 'derived_from')
				AND d.atttypid IN ('text[]'::regtype, 'varchar[]'::regtype)
			LEFT JOIN LATERAL (SELECT a.attname, y.typcategory = 'S' AS is_text FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
				WHERE a.attrelid = r.relid AND a.attname = coalesce(t.identifier_column, t.id_column, t.document_column)) i ON true
		-- what the caller may not read at all is not looked into, as rows are not that a policy hides
		WHERE has_schema_privilege(c.relnamespace, 'USAGE')
			AND has_column_privilege(r.relid, i.attname, 'SELECT')
			AND (d.attname IS NULL OR has_column_privilege(r.relid, d.attname, 'SELECT'))
			AND (NOT t.versioned OR has_column_privilege(r.relid, t.valid_from_column, 'SELECT')
				AND has_column_privilege(r.relid, t.valid_to_column, 'SELECT'))
		ORDER BY t.name
	LOOP
		CONTINUE WHEN down AND type.source_column IS NULL;
		IF type.identifier_column IS NOT NULL THEN
			id := format('t.%I', type.identifier_column);
		ELSIF type.prefix IS NOT NULL THEN
			id := format('CASE WHEN pg_catalog.starts_with(%1$s, %2$L) THEN %1$s ELSE %2$L || %1$s END',
				@extschema@.catalog_id_expression(type.name, 't'), type.prefix || '/');
		ELSE
			-- a number, say, identifies nothing outside its table
			CONTINUE WHEN type.id_column IS NOT NULL AND NOT type.is_text;
			id := @extschema@.catalog_id_expression(type.name, 't');
		END IF;
		conditions := CASE WHEN down THEN format('t.%I && $1::%s', type.source_column, type.source_type) ELSE id || ' = ANY ($1)' END
			|| CASE WHEN type.versioned THEN format(' AND @extschema@.shown(t.%I, t.%I)', type.valid_from_column, type.valid_to_column) ELSE '' END;
		branches := branches || CASE WHEN branches = '' THEN '' ELSE ' UNION ALL ' END
			|| format('SELECT %L::text AS resource, %s COLLATE "C" AS identifier, %s AS sources FROM %s t WHERE %s', type.name, id,
				CASE WHEN down OR type.source_column IS NULL THEN 'NULL::text[]' ELSE format('t.%I::text[]', type.source_column) END,
				type.relid::regclass, conditions);
	END LOOP;
	IF branches = '' THEN
		RETURN NULL;
	END IF;
	-- what was found, and the identifiers of the next level
	RETURN format('WITH node AS MATERIALIZED (%s) SELECT array_agg(n.resource), array_agg(n.identifier), ', branches)
		|| CASE WHEN down THEN
			'array_agg(DISTINCT n.identifier) FROM (SELECT DISTINCT m.resource, m.identifier FROM node m'
			' WHERE m.identifier NOT IN (SELECT unnest($2) COLLATE "C") ORDER BY m.identifier, m.resource) n'
		ELSE
			'(SELECT array_agg(DISTINCT s.source COLLATE "C") FROM node m, unnest(m.sources) s(source)'
			' WHERE s.source IS NOT NULL AND s.source COLLATE "C" NOT IN (SELECT unnest($2) COLLATE "C")) FROM node n'
		END;
END
$$;
COMMENT ON FUNCTION provenance_statement(boolean) IS 'the statement that finds one level of provenance, up or down: $1 the identifiers of the level before, $2 all seen; NULL when there is nothing that the current user may read';

CREATE FUNCTION provenance(INOUT identifier text, transitive boolean, down boolean, OUT resource text, OUT distance integer) RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	statement text := @extschema@.provenance_statement(down);
	level text[] := ARRAY[identifier];
	seen text[] := level;
	resources text[];
	identifiers text[];
	next text[];
BEGIN
	IF statement IS NULL THEN
		RETURN;
	END IF;
	distance := 0;
	LOOP
		EXECUTE statement INTO resources, identifiers, next USING level, seen;
		IF down THEN
			RETURN QUERY SELECT u.identifier, u.resource, provenance.distance + 1
				FROM ROWS FROM (unnest(identifiers), unnest(resources)) u(identifier, resource);
		ELSIF distance > 0 THEN
			-- a source that is no resource, or none that the caller sees, is a source all the same
			RETURN QUERY SELECT l.identifier, u.resource, provenance.distance
				FROM unnest(level) l(identifier)
					LEFT JOIN ROWS FROM (unnest(identifiers), unnest(resources)) u(identifier, resource) ON u.identifier COLLATE "C" = l.identifier
				ORDER BY l.identifier COLLATE "C", u.resource COLLATE "C";
		END IF;
		distance := distance + 1;
		EXIT WHEN next IS NULL OR NOT transitive AND distance > CASE WHEN down THEN 0 ELSE 1 END;
		level := next;
		seen := seen || next;
	END LOOP;
END
$$;
COMMENT ON FUNCTION provenance(text, boolean, boolean) IS 'derived_from (down: false) and derivatives (down: true)';

CREATE FUNCTION derived_from(INOUT identifier text, transitive boolean DEFAULT false, OUT resource text, OUT distance integer) RETURNS SETOF record
LANGUAGE sql STABLE STRICT ROWS 100
BEGIN ATOMIC
	SELECT p.identifier, p.resource, p.distance FROM provenance($1, $2, false) p;
END;
COMMENT ON FUNCTION derived_from(text, boolean) IS 'What a resource was made from: the identifiers in its derived_from, or (transitive) also what these were made from, and so on, nearest first. resource: the type of each, NULL when no resource that the caller may see has that identifier. distance: least number of steps, from 1. Every registered type is looked at, at the instant of vxp.as_of, with the caller''s rights; tables that the caller may not read are left out. Cycles end the walk; the resource itself is not listed.';

CREATE FUNCTION derivatives(INOUT identifier text, transitive boolean DEFAULT false, OUT resource text, OUT distance integer) RETURNS SETOF record
LANGUAGE sql STABLE STRICT ROWS 100
BEGIN ATOMIC
	SELECT p.identifier, p.resource, p.distance FROM provenance($1, $2, true) p;
END;
COMMENT ON FUNCTION derivatives(text, boolean) IS 'What was made from a resource: those whose derived_from holds its identifier, or (transitive) also what was made from these, and so on, nearest first. The other way of derived_from, with the same columns and rules; the identifier itself need not be a resource. An index USING gin (derived_from) serves it; tables of create_resource_type have one.';
--
-- Questions about versions: what changed, when, and below what
--
-- A row is shown as DQL shows it: an object of its fields, timestamps in ISO
-- 8601.  All statements run with the rights of the caller.
--
CREATE FUNCTION item_expression(relation regclass, alias text, fields jsonb, document name, columns name[] DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	-- at most 50 members a call, since a function has at most 100 arguments
	SELECT string_agg(p.part, ' || ' ORDER BY p.part_no) FROM (
		SELECT -1 AS part_no, format('coalesce(%s.%I::pg_catalog.jsonb, ''{}'')', alias, document) AS part
		WHERE document IS NOT NULL AND (columns IS NULL OR document = ANY (columns))
		UNION ALL
		SELECT (m.n - 1) / 50, format('pg_catalog.jsonb_build_object(%s)', string_agg(m.member, ', ' ORDER BY m.n))
		FROM (SELECT row_number() OVER (ORDER BY a.attnum) AS n,
				format(CASE WHEN b.oid = 'timestamptz'::regtype THEN '%L, @extschema@.iso8601(%s.%I)'
						WHEN b.oid = 'timestamp'::regtype THEN '%L, @extschema@.iso8601(pg_catalog.timezone(''UTC'', %s.%I))'
						WHEN b.oid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'name'::regtype, 'int2'::regtype, 'int4'::regtype, 'int8'::regtype,
							'numeric'::regtype, 'bool'::regtype, 'uuid'::regtype, 'date'::regtype, 'json'::regtype, 'jsonb'::regtype, 'text[]'::regtype,
							'@extschema@.lineage'::regtype) THEN '%L, %s.%I'
						-- the JSON of others depends on settings
						ELSE '%L, @extschema@.fixed_json(ROW(%s.%I))' END,
					coalesce((SELECT min(f.key COLLATE "C") FROM jsonb_each_text(fields) f WHERE f.value = a.attname), a.attname), alias, a.attname) AS member
			FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid,
				LATERAL (SELECT CASE y.typtype WHEN 'd' THEN y.typbasetype ELSE y.oid END AS oid) b
			WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attname IS DISTINCT FROM document
				AND (columns IS NULL OR a.attname = ANY (columns))) m
		GROUP BY (m.n - 1) / 50) p
$$;
COMMENT ON FUNCTION item_expression(regclass, text, jsonb, name, name[]) IS 'SQL for a row of a resource table as one jsonb object: its document, if it has one, and its columns under the names of DQL; columns: these alone';

CREATE FUNCTION catalog_identifier_expression(name text, alias text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
BEGIN
	IF type.identifier_column IS NULL THEN
		RETURN @extschema@.catalog_id_expression(name, alias);
	END IF;
	RETURN format('%s.%I', alias, type.identifier_column);
END
$$;
COMMENT ON FUNCTION catalog_identifier_expression(text, text) IS 'SQL for what names a resource of the type, as text: its identifier, or its DQL id where it has none';

CREATE FUNCTION item_changes(before jsonb, after jsonb, OUT changed text[], OUT old jsonb, OUT new jsonb) RETURNS record
	AS 'MODULE_PATHNAME', 'vxp_item_changes'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION item_changes(jsonb, jsonb) IS 'the paths at which two objects differ, objects compared key by key at every depth, and what is there in each; a path that an object has not is left out of its part; {} for equal objects';

CREATE FUNCTION require_versions(name text) RETURNS resource_type
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.catalog_require_type(name);
BEGIN
	IF NOT type.versioned THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('resource type "%s" keeps no versions', name),
			HINT = 'Create it with versioned => true, or map valid_from and valid_to when you register it.';
	END IF;
	RETURN type;
END
$$;
COMMENT ON FUNCTION require_versions(text) IS 'the definition of that resource type; 42704 when there is none, 55000 when it is not versioned';

CREATE FUNCTION history(name text, identifier text)
	RETURNS TABLE (valid_from timestamptz, valid_to timestamptz, change text, changed text[], old jsonb, new jsonb)
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.require_versions(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	columns name[] := ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
		AND a.attname NOT IN (type.valid_from_column, type.valid_to_column));
BEGIN
	RETURN QUERY EXECUTE format(
		'SELECT v.valid_from, v.valid_to, CASE WHEN v.before IS NULL OR v.ended < v.valid_from THEN ''added'' WHEN v.moved THEN ''moved'' ELSE ''changed'' END,'
		' c.changed, c.old, CASE WHEN v.before IS NULL OR v.ended < v.valid_from THEN v.item ELSE c.new END'
		' FROM (SELECT s.*, lag(s.valid_to) OVER w AS ended, lag(s.item) OVER w AS before, lag(s.path) OVER w <> s.path AS moved'
			' FROM (SELECT t.%2$I AS valid_from, t.%3$I AS valid_to, %4$s AS item, %5$s AS path FROM %1$s t WHERE %6$s = $1) s'
			' WINDOW w AS (ORDER BY s.valid_from)) v'
		' LEFT JOIN LATERAL @extschema@.item_changes(v.before, v.item) c ON v.ended = v.valid_from ORDER BY v.valid_from',
		relation, type.valid_from_column, type.valid_to_column, @extschema@.item_expression(relation, 't', type.fields, type.document_column, columns),
		CASE WHEN type.lineage_column IS NULL THEN 'NULL::text' ELSE format('t.%I::text', type.lineage_column) END,
		@extschema@.catalog_identifier_expression(name, 't'))
		USING identifier;
END
$$;
COMMENT ON FUNCTION history(text, text) IS 'The versions of a resource, oldest first, whatever vxp.as_of says. change: "added" for the first and for one after a gap, "moved" when the path is another, else "changed". changed: the fields that differ from the version before, as paths into documents; old and new: what they were and are, in an object by path; for "added", new is the whole resource. With the rights of the caller. 55000 for a type without versions.';

CREATE FUNCTION changes(name text, ancestor text, "from" timestamptz, "to" timestamptz DEFAULT 'infinity')
	RETURNS TABLE (identifier text, change text, changed text[], old jsonb, new jsonb)
LANGUAGE plpgsql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type @extschema@.resource_type := @extschema@.require_versions(name);
	relation regclass := format('%I.%I', type.schema_name, type.table_name);
	columns name[] := ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
		AND a.attname NOT IN (type.valid_from_column, type.valid_to_column));
	id text := @extschema@.catalog_identifier_expression(name, 't');
	version text;
	valid text := format('@extschema@.valid_at(t.%I, t.%I, ', type.valid_from_column, type.valid_to_column);
	below text := '';
BEGIN
	IF "from" IS NULL OR "to" IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'the instants between which changes are asked for must not be null';
	END IF;
	IF ancestor IS NOT NULL THEN
		IF type.lineage_column IS NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
				MESSAGE = format('resource type "%s" has no lineage', name),
				HINT = 'Pass NULL as the ancestor for the changes of all its resources.';
		END IF;
		below := format(' AND @extschema@.has_ancestor(t.%I, $1)', type.lineage_column);
	END IF;
	version := format('SELECT %s AS id, %s AS path, %s AS item FROM %s t WHERE ', id,
		CASE WHEN type.lineage_column IS NULL THEN 'NULL::text' ELSE format('t.%I::text', type.lineage_column) END,
		@extschema@.item_expression(relation, 't', type.fields, type.document_column, columns), relation);
	-- A version that is valid at both instants did not change, and no other of its resource is
	-- valid at either.  So each resource in question is met at one instant or at both; where it
	-- was below the ancestor at one only, its other version is looked up.
	RETURN QUERY EXECUTE
		'WITH old AS MATERIALIZED (' || version || valid || '$2) AND NOT ' || valid || '$3)' || below || '), '
		'new AS MATERIALIZED (' || version || valid || '$3) AND NOT ' || valid || '$2)' || below || '), '
		'pair AS (SELECT o.id, o.path AS old_path, n.path AS new_path, o.item AS old, n.item AS new FROM old o JOIN new n ON n.id = o.id '
			'UNION ALL SELECT o.id, o.path, n.path, o.item, n.item FROM old o LEFT JOIN LATERAL (' || version || id || ' = o.id AND ' || valid || '$3)) n ON true '
				'WHERE NOT EXISTS (SELECT FROM new x WHERE x.id = o.id) '
			'UNION ALL SELECT n.id, o.path, n.path, o.item, n.item FROM new n LEFT JOIN LATERAL (' || version || id || ' = n.id AND ' || valid || '$2)) o ON true '
				'WHERE NOT EXISTS (SELECT FROM old x WHERE x.id = n.id)) '
		'SELECT p.id, CASE WHEN p.old IS NULL THEN ''added'' WHEN p.new IS NULL THEN ''removed'' WHEN p.old_path <> p.new_path THEN ''moved'' ELSE ''changed'' END, '
			'c.changed, CASE WHEN p.new IS NULL THEN p.old ELSE c.old END, CASE WHEN p.old IS NULL THEN p.new ELSE c.new END '
		'FROM pair p LEFT JOIN LATERAL @extschema@.item_changes(p.old, p.new) c ON p.old IS NOT NULL AND p.new IS NOT NULL '
		-- equal again, or cut in two by a correction of what lies between
		'WHERE c.changed IS DISTINCT FROM ''{}'' ORDER BY p.id COLLATE "C"'
		USING ancestor, "from", "to";
END
$$;
COMMENT ON FUNCTION changes(text, text, timestamptz, timestamptz) IS 'What is different below an ancestor (NULL: among all resources of the type) at "to" (default: now) from what was there at "from", whatever happened between, by identifier. change: "added" and "removed" (it did not exist at the other instant), "moved" (its path is another, also into or out of the ancestor''s tree), "changed". changed, old and new: as history returns them; old is the whole resource when it was removed, new when it was added. With the rights of the caller: what a policy hides did not exist. 55000 for a type without versions, or an ancestor where there is no lineage.';
--
-- DQL: how many resources there were, instant by instant
--
CREATE FUNCTION timeline(dql dql, "from" timestamptz, "to" timestamptz, step interval) RETURNS TABLE (at timestamptz, count bigint)
	AS 'MODULE_PATHNAME', 'vxp_timeline'
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 100;
COMMENT ON FUNCTION timeline(dql, timestamptz, timestamptz, interval) IS 'vxp.count of a DQL request as of "from", "from" + step, and so on up to "to" (the instants of generate_series): one pass over the versions that were valid in between, however many steps; only a request that looks at other types with versions is counted instant by instant. The request has neither "asOf" nor "versions" (22023); vxp.as_of does not matter. With the rights of the caller. 22023 for a step that is not positive, 54000 for more than a million instants.';
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
