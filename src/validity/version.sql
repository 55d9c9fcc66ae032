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
