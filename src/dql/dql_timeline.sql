--
-- DQL: how many resources there were, instant by instant
--
CREATE FUNCTION timeline(dql dql, "from" timestamptz, "to" timestamptz, step interval) RETURNS TABLE (at timestamptz, count bigint)
	AS 'MODULE_PATHNAME', 'vxp_timeline'
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 100;
COMMENT ON FUNCTION timeline(dql, timestamptz, timestamptz, interval) IS 'vxp.count of a DQL request as of "from", "from" + step, and so on up to "to" (the instants of generate_series): one pass over the versions that were valid in between, however many steps; only a request that looks at other types with versions is counted instant by instant. The request has neither "asOf" nor "versions" (22023); vxp.as_of does not matter. With the rights of the caller. 22023 for a step that is not positive, 54000 for more than a million instants.';
