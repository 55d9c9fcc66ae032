--
-- lineage_stats_acl: what ANALYZE knows of a table is not told to who may not read it
--
-- A plain role with a leaky operator of its own sees no value of the statistics
-- (G7), and estimates call no function that a user wrote (J3).  The extension's
-- own estimators cannot be given to such an operator: the server leaves that to
-- superusers.
--
SET client_min_messages = warning;
CREATE ROLE regress_stats_reader;
CREATE SCHEMA stats_test;
GRANT USAGE, CREATE ON SCHEMA stats_test TO regress_stats_reader;
SET search_path = stats_test, vxp;
CREATE TABLE hidden (path lineage NOT NULL, owner text NOT NULL);
INSERT INTO hidden SELECT lineage(ARRAY['secret/' || g % 3, 'x/' || g % 7]), 'somebody' FROM generate_series(1, 2000) g;
ANALYZE hidden;
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON hidden USING (owner = current_user);
GRANT SELECT ON hidden TO regress_stats_reader;
SET ROLE regress_stats_reader;
CREATE FUNCTION leak(lineage, lineage) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
CREATE OPERATOR === (LEFTARG = lineage, RIGHTARG = lineage, FUNCTION = leak, RESTRICT = eqsel, JOIN = eqjoinsel);
SET client_min_messages = notice;
EXPLAIN (COSTS OFF) SELECT * FROM hidden WHERE path === 'secret/1 > x/1'::lineage;
SELECT count(*) FROM hidden WHERE path === 'secret/1 > x/1'::lineage;
-- nor the view of statistics
SELECT count(*) FROM pg_stats WHERE tablename = 'hidden';
RESET ROLE;
SET client_min_messages = warning;
SELECT count(*) FROM pg_stats WHERE tablename = 'hidden' AND attname = 'path';
DROP SCHEMA stats_test CASCADE;
DROP ROLE regress_stats_reader;
