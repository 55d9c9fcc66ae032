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

CREATE FUNCTION valid_interval(valid_from timestamp with time zone, valid_to timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vxp_valid_interval'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION valid_interval(timestamp with time zone, timestamp with time zone) IS 'can a version be valid from, up to? It begins, and ends later or (NULL) never; infinity is no end';
