--
-- settings: all are vxp.*, may be changed in a session, say what they are, and nobody adds another
--
-- (That their boot values are those of the C variables, a server with
-- assertions checks by itself.)
--
LOAD 'vxp_query';
SELECT count(*) > 4 AS many, count(*) FILTER (WHERE context <> 'user') AS not_user, count(*) FILTER (WHERE short_desc = '') AS not_described,
	count(*) FILTER (WHERE setting <> boot_val) AS not_at_boot FROM pg_settings WHERE name LIKE 'vxp.%';
-- the prefix is ours
SET vxp.no_such_setting = 1;
-- a value beyond the range is refused
DO $$
DECLARE
	s record;
BEGIN
	FOR s IN SELECT name, min_val, max_val FROM pg_settings WHERE name LIKE 'vxp.%' AND vartype = 'integer' LOOP
		BEGIN
			PERFORM set_config(s.name, (s.min_val::bigint - 1)::text, true);
			RAISE WARNING '% takes less than %', s.name, s.min_val;
		EXCEPTION WHEN invalid_parameter_value THEN
		END;
	END LOOP;
END $$;
