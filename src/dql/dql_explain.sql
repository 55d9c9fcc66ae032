
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
