--
-- catalog_prune: a resource type partitioned by datasource
--
-- The table is partitioned by the lineage field of its root type.  The writer supplies that field and the trigger checks
-- it; a condition on the field, in SQL, through the view and in DQL, reads the one partition, at plan time for constants
-- and at run time for parameters and joins; writes, moves and saved filters work as on one table.
--
SET search_path = public, vxp;
SET client_min_messages = warning;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
\set VERBOSITY terse
SELECT create_resource_type('Datasource', versioned => false) IS NOT NULL AS ok;
SELECT create_resource_type('Patient', 'sex text', parents => '{Datasource}', versioned => false) IS NOT NULL AS ok;
CREATE TABLE volume (identifier text COLLATE "C" NOT NULL, parent_identifier text COLLATE "C" NOT NULL, modality text COLLATE "C", size int,
	datasource_id text COLLATE "C" NOT NULL, PRIMARY KEY (identifier, datasource_id)) PARTITION BY LIST (datasource_id);
CREATE TABLE volume_1 PARTITION OF volume FOR VALUES IN ('datasource/1');
CREATE TABLE volume_2 PARTITION OF volume FOR VALUES IN ('datasource/2');
CREATE TABLE volume_3 PARTITION OF volume FOR VALUES IN ('datasource/3');
SELECT register('Volume', 'volume', prefix => 'volume', parents => '{Patient}', id => 'identifier');
INSERT INTO datasource (identifier) SELECT 'datasource/' || n FROM generate_series(1, 4) n;
INSERT INTO patient (identifier, parent_identifier, sex) SELECT 'patient/' || n, 'datasource/' || 1 + n % 3, substr('FM', 1 + n % 2, 1) FROM generate_series(1, 60) n;
INSERT INTO volume (identifier, parent_identifier, modality, size, datasource_id)
SELECT 'volume/' || n, p.identifier, (ARRAY['MR', 'CT'])[1 + n % 2], n, p.datasource_id FROM generate_series(1, 3000) n JOIN patient p ON p.identifier = 'patient/' || 1 + n % 60;
ANALYZE;
SELECT tableoid::regclass AS partition, count(*), count(DISTINCT patient_id) AS patients, min(datasource_id) = max(datasource_id) AS one_source FROM volume GROUP BY 1 ORDER BY 1;
SELECT count(*) AS unsound FROM check_lineage('Volume');

-- the writer supplies the partition field, and it must be true
INSERT INTO volume (identifier, parent_identifier, datasource_id) VALUES ('volume/x', 'patient/1', 'datasource/3');
INSERT INTO volume (identifier, parent_identifier) VALUES ('volume/x', 'patient/1');
-- no partition takes it
INSERT INTO patient (identifier, parent_identifier) VALUES ('patient/far', 'datasource/4');
INSERT INTO volume (identifier, parent_identifier, datasource_id) VALUES ('volume/x', 'patient/far', 'datasource/4');

-- which partitions are read
CREATE FUNCTION partitions_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
	RETURN (SELECT string_agg(DISTINCT r[1], ' ' ORDER BY r[1]) FROM regexp_matches(plan::text, '"Relation Name": "(volume[^"]*)"', 'g') r);
END
$$;
SELECT statement, partitions_of(statement) FROM (VALUES
	($$SELECT * FROM volume WHERE datasource_id = 'datasource/2'$$),
	($$SELECT * FROM volume_current WHERE datasource_id = 'datasource/2' AND modality = 'MR'$$),
	($$SELECT * FROM volume_current WHERE datasource_id IN ('datasource/1', 'datasource/3')$$),
	($$SELECT * FROM volume('{"filter": {"datasource_id": "datasource/2", "modality": "MR"}}')$$),
	($$SELECT * FROM volume('{"filter": {"datasource_id": {"$in": ["datasource/1", "datasource/3"]}}}')$$),
	($$SELECT * FROM volume('{"filter": {"datasource_id": "datasource/2", "$hasAncestor": "patient/4"}}')$$),
	($$SELECT count(*) FROM vxp.query(NULL::volume, '{"filter": {"datasource_id": {"$param": 1}}}', 'datasource/2'::text)$$),
	($$SELECT * FROM volume('{"filter": {"datasource_id": "datasource/9"}}')$$),
	-- lineage alone says nothing of the partition: all are read, each through its own index
	($$SELECT * FROM volume WHERE has_ancestor(lineage, 'patient/4')$$)) v(statement);
-- page, items, execute: as many rows, whatever the partitions
SELECT vxp.count('{"resource": "Volume", "filter": {"datasource_id": "datasource/2"}}') = (SELECT count(*) FROM volume_2) AS same;
SELECT (vxp.page('{"resource": "Volume", "filter": {"datasource_id": "datasource/2"}, "pageSize": 1}') ->> 'totalItemsCount')::int = (SELECT count(*) FROM volume_2) AS same;
SELECT (vxp.execute('{"resource": "Volume", "filter": {"$hasAncestor": "patient/4"}}'::json) ->> 'totalItemsCount')::int = (SELECT count(*) FROM volume WHERE patient_id = 'patient/4') AS same;
-- a parameter of a generic plan, and the rows of a join, choose at run time
SET plan_cache_mode = force_generic_plan;
PREPARE one (text) AS SELECT count(*) FROM vxp.query(NULL::volume, '{"filter": {"datasource_id": {"$param": 1}}}', $1);
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE one ('datasource/3') \g (tuples_only) | grep -c 'Scan on volume_\|Subplans Removed: 2'
EXECUTE one ('datasource/3');
DEALLOCATE one;
RESET plan_cache_mode;

-- a move from one datasource to another is a move from one partition to another
UPDATE volume SET parent_identifier = 'patient/2', datasource_id = 'datasource/3' WHERE identifier = 'volume/3';
SELECT tableoid::regclass, patient_id, lineage FROM volume WHERE identifier = 'volume/3';
-- without the field it is refused, and so is the move of a whole patient, whose volumes would stay where they are
UPDATE volume SET parent_identifier = 'patient/1' WHERE identifier = 'volume/3';
UPDATE patient SET parent_identifier = 'datasource/1' WHERE identifier = 'patient/2';
SELECT count(*) AS unsound FROM (SELECT * FROM check_lineage('Volume') UNION ALL SELECT * FROM check_lineage('Patient')) c;
SELECT count(*) = (SELECT count(*) FROM volume_3) AS in_its_partition FROM volume WHERE datasource_id = 'datasource/3';

-- a new datasource is a new partition, loaded beside the table and attached; the trigger came with it
CREATE TABLE volume_4 PARTITION OF volume FOR VALUES IN ('datasource/4');
INSERT INTO volume (identifier, parent_identifier, datasource_id) VALUES ('volume/new', 'patient/far', 'datasource/4');
SELECT tableoid::regclass, patient_id, lineage FROM volume WHERE datasource_id = 'datasource/4';
CREATE TABLE staged (identifier text, parent_identifier text, datasource_id text);
INSERT INTO staged VALUES ('volume/s1', 'patient/far', 'datasource/4'), ('volume/s2', 'patient/4', 'datasource/2');
SELECT load('Volume', 'staged');
SELECT tableoid::regclass, identifier FROM volume WHERE identifier LIKE 'volume/s%' ORDER BY 2;

DROP FUNCTION partitions_of;
SELECT unregister('Volume');
DROP TABLE volume, staged;
SELECT drop_resource_type(name) FROM unnest('{Patient,Datasource}'::text[]) name;
