--
-- measure.sql: what the bench measures with
--
\set ON_ERROR_STOP on
-- What the process has used, so that other work on the machine does not count; exact to a tick of the kernel.
CREATE FUNCTION bench.processor() RETURNS float8
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
	RETURN split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float8 / 1000000;
EXCEPTION WHEN undefined_file THEN
	RETURN extract(epoch FROM clock_timestamp()) * 1000;
END
$$;
COMMENT ON FUNCTION bench.processor() IS 'milliseconds of processor time of this session; where the system does not tell, of the clock';

CREATE FUNCTION bench.timed(statement text) RETURNS float8
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
	began float8 := bench.processor();
	since timestamptz := clock_timestamp();
	used float8;
BEGIN
	EXECUTE statement;
	used := bench.processor() - began;
	RETURN CASE WHEN used > 20 THEN used ELSE extract(epoch FROM clock_timestamp() - since) * 1000 END;
END
$$;
COMMENT ON FUNCTION bench.timed(text) IS 'runs a statement; milliseconds of processor time, or of the clock if they are few';

CREATE FUNCTION bench.nodes(plan jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	SELECT string_agg(concat_ws(' ', n ->> 'Node Type', n ->> 'Index Name'), ' < ')
	FROM jsonb_path_query(plan, 'strict $.**?(exists(@."Node Type"))') n;
END;

-- Buffers are those of the whole execution, without planning; they do not vary. The time is the processor's, all runs together,
-- or if a run takes less than some ticks the lower quartile of what the clock says: so short a run is rarely interrupted.
CREATE FUNCTION bench.measure(query text, runs int) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
	plan jsonb;
	times float8[] := '{}';
	spent float8 := 0;
	took float8;
	began float8;
	used float8;
BEGIN
	FOR run IN 0 .. runs LOOP
		IF run = 1 THEN
			began := bench.processor();
		END IF;
		EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, BUFFERS, FORMAT JSON) ' || query INTO plan;
		took := (plan -> 0 ->> 'Execution Time')::float8;
		IF run > 0 THEN		-- the first warms the cache
			times := times || took;
			spent := spent + took;
			EXIT WHEN spent > 1500;
		END IF;
	END LOOP;
	used := (bench.processor() - began) / cardinality(times);
	plan := plan -> 0 -> 'Plan';
	RETURN jsonb_build_object(
		'ms', (SELECT CASE WHEN min(t) < 5 THEN percentile_cont(0.25) WITHIN GROUP (ORDER BY t) ELSE used END FROM unnest(times) t),
		'buffers', (plan ->> 'Shared Hit Blocks')::bigint + (plan ->> 'Shared Read Blocks')::bigint,
		'rows', plan -> 'Actual Rows', 'estimate', plan -> 'Plan Rows', 'nodes', bench.nodes(plan),
		'index', (SELECT sum((n ->> 'Shared Hit Blocks')::bigint + (n ->> 'Shared Read Blocks')::bigint)
			FROM jsonb_path_query(plan, 'strict $.**?(@."Node Type" == "Bitmap Index Scan")') n));
END
$$;
COMMENT ON FUNCTION bench.measure(text, int) IS 'runs a query once, then so often or for 1.5 s; milliseconds, buffers, rows, plan';

CREATE FUNCTION bench.estimate(statement text) RETURNS float8
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || statement INTO plan;
	RETURN (plan #>> '{0,Plan,Plan Rows}')::float8;
END
$$;
COMMENT ON FUNCTION bench.estimate(text) IS 'rows that the planner expects';

CREATE FUNCTION bench.q_error(estimate float8, actual float8) RETURNS float8
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	SELECT greatest(greatest(estimate, 1) / greatest(actual, 1), greatest(actual, 1) / greatest(estimate, 1));
END;
