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
