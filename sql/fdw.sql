--
-- fdw: with extensions 'vxp_query' on the server, filters and joins on lineage run on the other side (K1)
--
SET client_min_messages = warning;
CREATE EXTENSION postgres_fdw;
CREATE SCHEMA fdw_near;
CREATE SCHEMA fdw_far;
SET search_path = fdw_near, vxp;
CREATE TABLE fdw_far.item (id int, path lineage);
INSERT INTO fdw_far.item SELECT g, lineage(ARRAY['a/' || g % 3, 'b/' || g % 10, 'c/' || g]) FROM generate_series(1, 300) g;
CREATE TABLE fdw_far.place (identifier text, path lineage);
INSERT INTO fdw_far.place SELECT 'b/' || g, 'a/0' FROM generate_series(0, 2) g;
SELECT current_setting('port') AS port, current_setting('unix_socket_directories') AS host \gset
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host :'host', port :'port', dbname 'contrib_regression', extensions 'vxp_query');
CREATE USER MAPPING FOR CURRENT_USER SERVER far;
IMPORT FOREIGN SCHEMA fdw_far FROM SERVER far INTO fdw_near;
CREATE FUNCTION remote(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || statement LOOP
		IF line ~ 'Remote SQL|Filter' THEN
			RETURN NEXT ltrim(line);
		END IF;
	END LOOP;
END $$;
SELECT remote('SELECT id FROM item WHERE has_ancestor(path, ''b/3'')');
SELECT remote('SELECT id FROM item WHERE is_within(path, ''b/3'')');
SELECT remote('SELECT id FROM item WHERE path <@ ''a/1 > b/1''::lineage');
SELECT remote('SELECT id FROM item ORDER BY path');
SELECT remote('SELECT count(*) FROM item i JOIN place p ON i.path <@ p.path');
SELECT remote('SELECT path, count(*) FROM item WHERE depth(path) = 3 GROUP BY path');
SELECT count(*) FROM item WHERE has_ancestor(path, 'b/3');
SELECT count(*) FROM item i JOIN place p ON i.path <@ p.path;
DROP SERVER far CASCADE;
DROP SCHEMA fdw_near, fdw_far CASCADE;
DROP EXTENSION postgres_fdw;
