--
-- lineage_advise: which indexes a table with paths has, and which it lacks
--
-- Covers: a table with no index, with each single index, with all; what is
-- advised can be run as it stands, and then nothing is advised; partitioned
-- tables; lineage fields; partial and invalid indexes, and those of another
-- collation, are not enough; names that need quotes; a role without rights on
-- the table; errors.
--
\set SHOW_CONTEXT never
\set VERBOSITY default
SET client_min_messages = warning;
CREATE SCHEMA advise_test;
SET search_path = advise_test, vxp;

-- runs all that is advised, returns how many statements that were
CREATE FUNCTION follow(relation regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	statement text;
	n bigint := 0;
BEGIN
	FOR statement IN SELECT DISTINCT advice FROM vxp.advise_lineage(relation) WHERE advice IS NOT NULL LOOP
		EXECUTE statement;
		n := n + 1;
	END LOOP;
	RETURN n;
END $$;
-- the questions that a single index leaves open, and those it is listed for
CREATE FUNCTION only_with(relation regclass, target text, OUT open text[], OUT served text[]) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE INDEX the_index ON %s USING %s', relation, target);
	SELECT array_agg(question) FILTER (WHERE advice IS NOT NULL), array_agg(question) FILTER (WHERE index IS NOT NULL)
		INTO open, served FROM vxp.advise_lineage(relation);
	DROP INDEX the_index;
END $$;

-- none: everything is advised, with whole names
CREATE TABLE node (id int PRIMARY KEY, path lineage, valid tstzrange, mark text);
INSERT INTO node SELECT g, lineage(ARRAY['datasource/1', 'patient/' || g % 7, 'study/' || g]), '[2020-01-01Z,)' FROM generate_series(1, 500) g;
SELECT field, question, index, size, serves FROM advise_lineage('node');
SELECT DISTINCT advice COLLATE "C" AS advice FROM advise_lineage('node') ORDER BY 1;

-- each index alone
SELECT target, o.* FROM unnest(ARRAY['gist (path)', 'gist (path gist_lineage_full_ops)', 'gin (path)',
	'gin (path gin_lineage_ops (include_self = yes))', 'gin (path gin_lineage_ops (include_self = off))', 'btree (path)', 'btree (path, id)', 'btree (id, path)',
	'gist (path, valid)', 'gist (valid, path)', 'hash (path)', 'btree (id) INCLUDE (path)', 'gist (path) WHERE id > 3']) target,
	LATERAL only_with('node', target) o;

-- all: nothing is advised, every index has its size
SELECT follow('node');
SELECT field, question, index, size = pg_relation_size(index) AS size_is_right, serves, advice FROM advise_lineage('node');
SELECT follow('node');

-- partial and invalid indexes are named, and do not count
CREATE TABLE other (id int, path lineage);
CREATE INDEX other_some ON other USING gist (path) WHERE id > 3;
CREATE INDEX other_unfinished ON other USING gin (path);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'other_unfinished'::regclass;
SELECT question, index, serves, advice IS NOT NULL AS advised FROM advise_lineage('other');

-- partitioned: all partitions together; an index on some of them is none
CREATE TABLE parted (id int, path lineage) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (1000) PARTITION BY RANGE (id);
CREATE TABLE parted_3 PARTITION OF parted_2 FOR VALUES FROM (100) TO (1000);
INSERT INTO parted SELECT id, path FROM node;
CREATE INDEX parted_gist ON ONLY parted USING gist (path);
CREATE INDEX parted_1_gist ON parted_1 USING gist (path);
ALTER INDEX parted_gist ATTACH PARTITION parted_1_gist;
SELECT question, serves, size = pg_relation_size('parted_1_gist') AS of_one FROM advise_lineage('parted') WHERE index = 'parted_gist'::regclass;
SELECT follow('parted');
SELECT question, count(*) FILTER (WHERE size >= 2 * 8192) AS of_both_partitions, count(advice) AS advised FROM advise_lineage('parted')
WHERE index IS DISTINCT FROM 'parted_gist'::regclass GROUP BY question ORDER BY question COLLATE "C";
SELECT sum(size) FILTER (WHERE question = 'order') = (SELECT sum(pg_relation_size(indexrelid)) FROM pg_index JOIN pg_class c ON c.oid = indexrelid
	WHERE indrelid IN ('parted_1'::regclass, 'parted_3'::regclass) AND relam = (SELECT oid FROM pg_am WHERE amname = 'btree')) AS sum_is_right
FROM advise_lineage('parted');
SELECT count(advice) AS advised_for_a_partition FROM advise_lineage('parted_3');

-- resource types: their lineage fields; what create_resource_type makes is enough for those, for identifiers and paths
SELECT create_resource_type('Site', versioned => false);
SELECT create_resource_type('Visit', parents => '{Site}', versioned => false);
SELECT create_resource_type('Scan', parents => '{Visit}', versioned => false);
SELECT field, question FROM advise_lineage('scan') WHERE advice IS NULL;
SELECT field, question, advice FROM advise_lineage('scan') WHERE advice IS NOT NULL;
-- an index of another collation answers no comparison of the column
DROP INDEX scan_site_id_idx;
CREATE INDEX scan_site_other ON scan (site_id COLLATE "POSIX");
SELECT field, question, index, advice FROM advise_lineage('scan') WHERE field = 'site_id';
SELECT follow('scan');
SELECT count(advice) AS advised FROM advise_lineage('scan');
-- a type with nothing above has its own identifier as its lineage field
SELECT field, index IS NOT NULL AS has_index FROM advise_lineage('site') WHERE question = 'by lineage field';

-- names that need quotes, two lineage columns and two of time, a domain, a temporary table
CREATE SCHEMA "Odd ""schema""";
CREATE DOMAIN "Path" AS lineage;
CREATE TABLE "Odd ""schema"""."The table's" ("Path %s" "Path", "select" lineage, "from %I" daterange, "until" tsrange, number int4range);
SELECT DISTINCT advice COLLATE "C" AS advice FROM advise_lineage('"Odd ""schema"""."The table''s"') ORDER BY 1;
SELECT follow('"Odd ""schema"""."The table''s"');
SELECT count(advice) AS advised FROM advise_lineage('"Odd ""schema"""."The table''s"');
CREATE TEMP TABLE temporary (path lineage);
SELECT follow('temporary') > 0 AS followed;
SELECT count(advice) AS advised FROM advise_lineage('temporary');
CREATE MATERIALIZED VIEW seen AS TABLE node;
SELECT follow('seen') > 0 AS followed;
SELECT count(advice) AS advised FROM advise_lineage('seen');

-- nothing of the caller's search_path is used, and no right on the table is needed
CREATE FUNCTION advise_test.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT ''caught''::text';
-- = as it should not be found
CREATE FUNCTION advise_test.never(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR advise_test.= (LEFTARG = name, RIGHTARG = name, FUNCTION = advise_test.never);
CREATE ROLE regress_advised;
GRANT USAGE ON SCHEMA advise_test TO regress_advised;
SET ROLE regress_advised;
SET search_path = advise_test, pg_catalog;
SELECT has_table_privilege('other', 'SELECT') AS may_read, format('%I', 'x') AS shadowed;
SELECT pg_catalog.count(advice) AS advised, pg_catalog.count(*) FILTER (WHERE advice OPERATOR(pg_catalog.=) 'caught') AS caught
FROM vxp.advise_lineage('other');
RESET ROLE;
SET search_path = advise_test, vxp;

-- refused
CREATE TABLE plain (id int);
CREATE VIEW on_node AS TABLE node;
SELECT * FROM advise_lineage('plain');
SELECT * FROM advise_lineage('on_node');
SELECT * FROM advise_lineage('node_pkey');
SELECT * FROM advise_lineage(1::regclass);
SELECT count(*) FROM advise_lineage(NULL);

SELECT drop_resource_type(name) FROM unnest('{Scan,Visit,Site}'::text[]) name;
DROP SCHEMA advise_test, "Odd ""schema""" CASCADE;
DROP ROLE regress_advised;
