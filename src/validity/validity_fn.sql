--
-- validity: intervals of versions, [valid_from, valid_to)
--
CREATE FUNCTION validity(valid_from timestamp with time zone, valid_to timestamp with time zone) RETURNS tstzrange
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN $1 OPERATOR(pg_catalog.>=) $2 THEN 'empty'::tstzrange
		WHEN $2 OPERATOR(pg_catalog.=) 'infinity'::timestamptz THEN pg_catalog.tstzrange($1, NULL)
		ELSE pg_catalog.tstzrange($1, $2) END;
END;
COMMENT ON FUNCTION validity(timestamp with time zone, timestamp with time zone) IS 'the interval of a version: from valid_from on, up to but without valid_to; open when that is NULL or infinity; empty when it does not end after it begins';

CREATE FUNCTION valid_at(valid_from timestamp with time zone, valid_to timestamp with time zone, at timestamp with time zone) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT validity($1, $2) OPERATOR(pg_catalog.@>) $3;
END;
COMMENT ON FUNCTION valid_at(timestamp with time zone, timestamp with time zone, timestamp with time zone) IS 'is the version valid at that instant? NULL when the instant is NULL';

CREATE FUNCTION is_current(valid_from timestamp with time zone, valid_to timestamp with time zone) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT $2 IS NULL OR $2 OPERATOR(pg_catalog.=) 'infinity'::timestamptz;
END;
COMMENT ON FUNCTION is_current(timestamp with time zone, timestamp with time zone) IS 'is the version open, whatever the clock says? valid_to NULL or infinity';
