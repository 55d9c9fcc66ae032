-- The SQLSTATEs that docs/versioned.md and docs/migrate.md promise, and the sentences there that have no statement beside them.
CREATE SCHEMA sqlstates_test;
SET search_path = sqlstates_test, vxp;
SET client_min_messages = warning;

-- the code of a statement that must fail, P0001 when it does not; nothing of it stays
CREATE FUNCTION state(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RAISE EXCEPTION 'nothing failed';
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
END $$;

CREATE TABLE vq_kind (code text PRIMARY KEY);
INSERT INTO vq_kind VALUES ('CT'), ('MR');
SELECT create_resource_type('VqSite', versioned => true), create_resource_type('VqScan', 'kind text REFERENCES vq_kind, code text', parents => '{VqSite}', versioned => true);
INSERT INTO vqsite (identifier, valid_from, valid_to) VALUES ('vqsite/1', '2020-01-01', NULL), ('vqsite/2', '2020-01-01', '2022-01-01');
INSERT INTO vqscan (identifier, parent_identifier, kind, code, valid_from, valid_to) VALUES
	('vqscan/1', 'vqsite/1', 'CT', 'a', '2020-06-01', '2021-06-01'), ('vqscan/1', 'vqsite/1', 'MR', 'a', '2021-06-01', NULL);

-- P0001: it does not fail. Each line true
SELECT state($$INSERT INTO vqscan (identifier, parent_identifier) VALUES ('vqscan/1', 'vqsite/1') ON CONFLICT (identifier) DO NOTHING$$) = 'P0001' AS conflict_without_condition,
	state($$UPDATE vqscan SET kind = 'CT' WHERE identifier = 'vqscan/1'$$) = 'P0001' AS old_version_passed_over,
	state($$DELETE FROM vqscan WHERE identifier = 'vqscan/1'$$) = 'P0001' AS old_version_passed_over_by_delete,
	state($$UPDATE vqscan_history SET kind = 'CT' WHERE identifier = 'vqscan/1'$$) = '55000' AS old_version,
	state($$DELETE FROM vqscan_history WHERE identifier = 'vqscan/1'$$) = '55000' AS old_version_deleted,
	state($$INSERT INTO vqscan (identifier, parent_identifier, valid_from, valid_to) VALUES ('vqscan/1', 'vqsite/1', '2021-01-01', '2021-02-01')$$) = '23P01' AS overlap,
	state($$INSERT INTO vqscan (identifier, parent_identifier, valid_from) VALUES ('vqscan/1', 'vqsite/1', '2020-07-01')$$) IN ('23P01', '23505') AS overlap_with_open,
	state($$INSERT INTO vqscan (identifier, parent_identifier) VALUES ('vqscan/1', 'vqsite/1')$$) = '23505' AS second_open,
	state($$INSERT INTO vqscan (identifier, parent_identifier, valid_from, valid_to) VALUES ('vqscan/2', 'vqsite/1', '2019-01-01', '2021-01-01')$$) = '23503' AS before_parent,
	state($$INSERT INTO vqscan (identifier, parent_identifier, valid_from) VALUES ('vqscan/2', 'vqsite/2', '2021-01-01')$$) = '23503' AS after_parent,
	state($$DELETE FROM vqsite_current WHERE identifier = 'vqsite/1'$$) = '23503' AS with_children,
	state($$DELETE FROM vq_kind WHERE code = 'CT'$$) = 'P0001' AS old_version_holds_no_key,
	state($$DELETE FROM vq_kind WHERE code = 'MR'$$) = '23503' AS current_version_holds_key,
	state($$SET LOCAL vxp.as_of = '2021-01-01'; UPDATE vqscan_current SET code = 'b'$$) = '25006' AS in_the_past,
	state($$SELECT create_resource_type('VqUnique', 'code text UNIQUE', versioned => true)$$) = 'P0001' AS unique_column,
	state($$CREATE TABLE vq_user (scan text REFERENCES vqscan); INSERT INTO vq_user VALUES ('vqscan/1'); DELETE FROM vqscan_current WHERE identifier = 'vqscan/1'$$) = '23503' AS referred_to \gx

-- unique among current rows: old ones may repeat it, current ones not
CREATE UNIQUE INDEX ON vqscan (code) WHERE valid_to IS NULL;
UPDATE vqscan_current SET kind = 'CT' WHERE identifier = 'vqscan/1';
SELECT state($$INSERT INTO vqscan (identifier, parent_identifier, code) VALUES ('vqscan/3', 'vqsite/1', 'a')$$) = '23505' AS unique_among_current;

-- a type without versions counts as always there, for versions of any time
SELECT create_resource_type('VqPlain', versioned => false), create_resource_type('VqBelow', parents => '{VqPlain}', versioned => true);
INSERT INTO vqplain (identifier) VALUES ('vqplain/1');
INSERT INTO vqbelow (identifier, parent_identifier, valid_from, valid_to) VALUES ('vqbelow/1', 'vqplain/1', '1970-01-01', '1980-01-01');
SELECT count(*) = 0 AS sound FROM verify();

-- purging is for the owner
CREATE ROLE vq_other;
GRANT USAGE ON SCHEMA sqlstates_test TO vq_other;
GRANT SELECT, INSERT, UPDATE, DELETE ON vqscan TO vq_other;
SELECT state($$SET LOCAL ROLE vq_other; SELECT vxp.purge('VqScan', '2025-01-01')$$) = '42501' AS owner_only;
REVOKE ALL ON vqscan FROM vq_other;
REVOKE ALL ON SCHEMA sqlstates_test FROM vq_other;
DROP ROLE vq_other;

DROP SCHEMA sqlstates_test CASCADE;
SELECT count(*) AS types_left FROM resource_types WHERE name LIKE 'Vq%';
