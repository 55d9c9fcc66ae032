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
