--
-- versions_parted: versions of a type that is partitioned by the lineage field of its root
--
SET client_min_messages = warning;
CREATE SCHEMA versions_parted;
SET search_path = versions_parted, public, vxp;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set VERBOSITY terse

SELECT create_resource_type('PtSource', prefix => 'ptsource', versioned => true),
	create_resource_type('PtPatient', prefix => 'ptpatient', parents => '{PtSource}', versioned => true, on_close => 'cascade');
CREATE TABLE ptscan (identifier text COLLATE "C", parent_identifier text COLLATE "C", n int, ptsource_id text COLLATE "C",
	valid_from timestamptz DEFAULT now(), valid_to timestamptz) PARTITION BY LIST (ptsource_id);
CREATE TABLE ptscan_a PARTITION OF ptscan FOR VALUES IN ('ptsource/a');
CREATE TABLE ptscan_bc PARTITION OF ptscan FOR VALUES IN ('ptsource/b', 'ptsource/c');
SELECT register('PtScan', 'ptscan', prefix => 'ptscan', parents => '{PtPatient}', id => 'identifier', on_close => 'cascade',
	fields => '{"identifier": "identifier", "valid_from": "valid_from", "valid_to": "valid_to"}');
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'ptscan'::regclass ORDER BY 1;
-- a partition that comes later gets them as well
CREATE TABLE ptscan_d PARTITION OF ptscan FOR VALUES IN ('ptsource/d');

INSERT INTO ptsource (identifier, valid_from) SELECT 'ptsource/' || i, '2020-01-01' FROM unnest('{a,b,c,d}'::text[]) i;
INSERT INTO ptpatient (identifier, parent_identifier, valid_from) SELECT 'ptpatient/' || i, 'ptsource/' || left(i, 1), '2020-01-01' FROM unnest('{a1,a2,b1,c1,d1}'::text[]) i;
-- history as it was, through the root
INSERT INTO ptscan (identifier, parent_identifier, ptsource_id, n, valid_from, valid_to)
	SELECT 'ptscan/' || p || '-' || i, 'ptpatient/' || p, 'ptsource/' || left(p, 1), v, timestamptz '2020-01-01' + v * interval '1 month',
		CASE WHEN v < 5 THEN timestamptz '2020-01-01' + (v + 1) * interval '1 month' END
	FROM unnest('{a1,a2,b1,c1,d1}'::text[]) p, generate_series(1, 40) i, generate_series(0, 5) v ORDER BY v, p, i;
SELECT tableoid::regclass, count(*), count(*) FILTER (WHERE valid_to IS NULL) AS current FROM ptscan GROUP BY 1 ORDER BY 1;
-- plain writes keep versions, in their partition, also by name of the partition
UPDATE ptscan SET n = 100 WHERE identifier = 'ptscan/a1-1' AND valid_to IS NULL;
UPDATE ptscan_bc SET n = 101 WHERE identifier = 'ptscan/b1-1' AND valid_to IS NULL;
DELETE FROM ptscan WHERE identifier = 'ptscan/b1-2' AND valid_to IS NULL;
INSERT INTO ptscan (identifier, parent_identifier, ptsource_id, n) VALUES ('ptscan/a1-1', 'ptpatient/a1', 'ptsource/a', 102)
	ON CONFLICT (identifier, ptsource_id) WHERE valid_to IS NULL DO UPDATE SET n = excluded.n;
SELECT tableoid::regclass, identifier, n, valid_from < '2020-07-01' AS old, valid_to IS NULL AS open FROM ptscan
	WHERE identifier IN ('ptscan/a1-1', 'ptscan/b1-1', 'ptscan/b1-2') AND n >= 5 ORDER BY identifier COLLATE "C", valid_from;
-- the writer supplies the field, and rightly
INSERT INTO ptscan (identifier, parent_identifier, ptsource_id) VALUES ('ptscan/new', 'ptpatient/a1', 'ptsource/b');
\echo :SQLSTATE
INSERT INTO ptscan (identifier, parent_identifier) VALUES ('ptscan/new', 'ptpatient/a1');
\echo :SQLSTATE

-- never two versions at one instant in a partition, also where it holds two datasources
INSERT INTO ptscan (identifier, parent_identifier, ptsource_id) VALUES ('ptscan/b1-3', 'ptpatient/b1', 'ptsource/b');
\echo :SQLSTATE
INSERT INTO ptscan (identifier, parent_identifier, ptsource_id) VALUES ('ptscan/b1-3', 'ptpatient/c1', 'ptsource/c');
\echo :SQLSTATE
INSERT INTO ptscan (identifier, parent_identifier, ptsource_id, valid_from, valid_to) VALUES ('ptscan/b1-3', 'ptpatient/c1', 'ptsource/c', '2020-02-10', '2020-02-20');
\echo :SQLSTATE
INSERT INTO ptscan (identifier, parent_identifier, ptsource_id, valid_from, valid_to) VALUES ('ptscan/b1-3', 'ptpatient/c1', 'ptsource/c', '2020-02-01', '2020-02-20');
\echo :SQLSTATE

-- a move to another datasource, with the field, within a partition and to another
UPDATE ptscan SET parent_identifier = 'ptpatient/c1', ptsource_id = 'ptsource/c' WHERE identifier = 'ptscan/b1-4' AND valid_to IS NULL;
UPDATE ptscan SET parent_identifier = 'ptpatient/d1', ptsource_id = 'ptsource/d' WHERE identifier = 'ptscan/b1-5' AND valid_to IS NULL;
UPDATE ptscan SET parent_identifier = 'ptpatient/a2' WHERE identifier = 'ptscan/a1-6' AND valid_to IS NULL;
SELECT tableoid::regclass, identifier, n, lineage, valid_to IS NULL AS open, valid_from = lag(valid_to) OVER (PARTITION BY identifier ORDER BY valid_from) AS follows
	FROM ptscan WHERE identifier IN ('ptscan/b1-4', 'ptscan/b1-5', 'ptscan/a1-6') AND (valid_to IS NULL OR valid_to > '2021-01-01') ORDER BY identifier COLLATE "C", valid_from;
-- what would have to change its partition does not follow a patient that moves
UPDATE ptpatient SET parent_identifier = 'ptsource/d' WHERE identifier = 'ptpatient/a1' AND valid_to IS NULL;
\echo :SQLSTATE
-- closing, correcting, purging
DELETE FROM ptpatient WHERE identifier = 'ptpatient/d1' AND valid_to IS NULL;
SELECT count(*) FROM ptscan_current WHERE ptsource_id = 'ptsource/d';
SELECT correct('PtScan', 'ptscan/c1-1', '2020-02-10', '2020-02-20', '{"n": 77}');
SELECT n, valid_from::date, valid_to::date FROM ptscan WHERE identifier = 'ptscan/c1-1' AND valid_from < '2020-04-01' ORDER BY valid_from;
SELECT purge('PtScan', '2020-02-01');
SELECT count(*) FROM ptscan WHERE valid_to <= '2020-02-01';
SELECT * FROM verify('PtScan');
SELECT count(*) FROM check_versions('PtScan');
SELECT count(*) FROM check_lineage('PtScan');

-- questions about the present and about an instant read the partition of their datasource, each through an index
VACUUM ANALYZE ptscan;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT n FROM ptscan_current WHERE ptsource_id = 'ptsource/a' AND ptpatient_id = 'ptpatient/a1';
SET vxp.as_of = '2020-03-15';
EXPLAIN (COSTS OFF) SELECT n FROM query(NULL::ptscan, '{"filter": {"ptsource_id": "ptsource/a", "ptpatient_id": "ptpatient/a1"}}');
SELECT count(*), min(n), max(n) FROM query(NULL::ptscan, '{"filter": {"ptsource_id": "ptsource/a", "ptpatient_id": "ptpatient/a1"}}');
RESET vxp.as_of;
RESET enable_seqscan;

-- several levels and columns; what cannot be
CREATE TABLE deep (identifier text, region text, site text, valid_from timestamptz, valid_to timestamptz) PARTITION BY LIST (region);
CREATE TABLE deep_x PARTITION OF deep FOR VALUES IN ('x') PARTITION BY HASH (site, identifier);
CREATE TABLE deep_x0 PARTITION OF deep_x FOR VALUES WITH (MODULUS 1, REMAINDER 0);
SELECT register('Deep', 'deep', id => 'identifier', fields => '{"valid_from": "valid_from", "valid_to": "valid_to"}');
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'deep'::regclass ORDER BY 1;
INSERT INTO deep VALUES ('1', 'x', 's', '2020-01-01'), ('2', 'x', 's', '2020-01-01');
UPDATE deep SET site = 't' WHERE identifier = '1' AND valid_to IS NULL;
SELECT identifier, site, valid_to IS NULL AS open FROM deep ORDER BY identifier, valid_from;
INSERT INTO deep VALUES ('2', 'x', 'u', '2021-01-01');
\echo :SQLSTATE
CREATE TABLE byexpr (identifier text, valid_from timestamptz, valid_to timestamptz) PARTITION BY HASH (lower(identifier));
SELECT register('ByExpr', 'byexpr', id => 'identifier', fields => '{"valid_from": "valid_from", "valid_to": "valid_to"}');
\echo :SQLSTATE

SET client_min_messages = warning;
DROP SCHEMA versions_parted CASCADE;
SELECT count(*) FROM resource_types;
