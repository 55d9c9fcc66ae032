--
-- versions_updates.sql: who takes part in the updates: our table and its peers, with the same rows and the same present indexes
--
-- In: rows (volumes), temporal (true: the extension temporal_tables is there). Out:
--   public.volume             resource type Volume, versioned, with the indexes that it gets by default, and one on acquired_at
--   peer.plain                the same columns, keeps no history: what any update costs
--   peer.trigger              a history trigger of 20 lines; history has one btree (identifier, valid_from)
--   peer.trigger_indexed      the same; history has the indexes that ours has
--   peer.temporal             the trigger of temporal_tables, history with one btree
-- Identifiers are volume/1 ... volume/N, so that a client can make them up. Rows come in a random order of numbers.
--
\set ON_ERROR_STOP on
SET search_path = public, vxp;
\set typed '''modality text, size bigint, quality numeric(4, 1), acquired_at timestamptz, note text'''
SELECT create_resource_type('Datasource', versioned => true);
SELECT create_resource_type('Patient', versioned => true, parents => '{Datasource}');
SELECT create_resource_type('ImagingStudy', versioned => true, parents => '{Patient}', lineage_field => 'study_id');
SELECT create_resource_type('Volume', :typed, versioned => true, parents => '{ImagingStudy}');
CREATE INDEX volume_acquired ON volume (acquired_at) WHERE valid_to IS NULL;
INSERT INTO datasource (identifier, valid_from) SELECT 'datasource/' || d, '2024-01-01' FROM generate_series(0, 19) d;
INSERT INTO patient (identifier, parent_identifier, valid_from)
	SELECT 'patient/' || p, 'datasource/' || p % 20, '2024-01-01' FROM generate_series(0, :rows / 40) p;
INSERT INTO imagingstudy (identifier, parent_identifier, valid_from)
	SELECT 'imagingstudy/' || s, 'patient/' || s / 2, '2024-01-01' FROM generate_series(0, :rows / 20) s;
INSERT INTO volume (identifier, parent_identifier, valid_from, modality, size, quality, acquired_at, note)
	SELECT 'volume/' || v, 'imagingstudy/' || v / 20, '2024-01-01', (ARRAY['CT', 'MR', 'PT', 'US'])[1 + v % 4], v * 7919 % 1000000, 5,
		timestamptz '2020-01-01 00:00Z' + v % 2000 * interval '1 day', 'a note about ' || md5(v::text)
	FROM generate_series(1, :rows) v;

CREATE SCHEMA peer;
CREATE FUNCTION peer.make(name text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
	-- with as much room on its pages as ours has
	EXECUTE format('CREATE TABLE peer.%I WITH (fillfactor = %s) AS TABLE public.volume', name,
		(SELECT coalesce(max(option_value), '100') FROM pg_class c, pg_options_to_table(c.reloptions) WHERE c.oid = 'public.volume'::regclass AND option_name = 'fillfactor'));
	EXECUTE format('ALTER TABLE peer.%I ADD PRIMARY KEY (identifier), ALTER parent_identifier SET NOT NULL, ALTER lineage SET NOT NULL, ALTER valid_from SET NOT NULL', name);
	EXECUTE format('CREATE INDEX ON peer.%I (parent_identifier)', name);
	EXECUTE format('CREATE INDEX ON peer.%I (datasource_id)', name);
	EXECUTE format('CREATE INDEX ON peer.%I (patient_id)', name);
	EXECUTE format('CREATE INDEX ON peer.%I (study_id)', name);
	EXECUTE format('CREATE INDEX ON peer.%I (volume_id)', name);
	EXECUTE format('CREATE INDEX ON peer.%I USING gist (lineage vxp.gist_lineage_ops)', name);
	EXECUTE format('CREATE INDEX ON peer.%I USING gin (derived_from) WHERE derived_from IS NOT NULL', name);
	EXECUTE format('CREATE INDEX ON peer.%I (acquired_at)', name);
END
$$;
SELECT peer.make('plain'), peer.make('trigger'), peer.make('trigger_indexed');

-- the history trigger that one finds in tutorials
CREATE FUNCTION peer.keep_history() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
	IF TG_OP = 'UPDATE' AND NEW IS NOT DISTINCT FROM OLD THEN
		RETURN NEW;
	END IF;
	IF OLD.valid_from < now() THEN
		OLD.valid_to := now();
		INSERT INTO peer.trigger_history SELECT OLD.*;
	END IF;
	IF TG_OP = 'DELETE' THEN
		RETURN OLD;
	END IF;
	NEW.valid_from := now();
	RETURN NEW;
END
$$;
CREATE TABLE peer.trigger_history (LIKE peer.trigger);
CREATE INDEX ON peer.trigger_history (identifier, valid_from);
CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON peer.trigger FOR EACH ROW EXECUTE FUNCTION peer.keep_history();

CREATE TABLE peer.trigger_indexed_history (LIKE peer.trigger_indexed);
CREATE UNIQUE INDEX ON peer.trigger_indexed_history (identifier, valid_from);
CREATE INDEX ON peer.trigger_indexed_history USING gist (lineage, vxp.validity(valid_from, valid_to));
CREATE INDEX ON peer.trigger_indexed_history USING gin (derived_from) WHERE derived_from IS NOT NULL;
DO $$
BEGIN
	EXECUTE replace(replace(pg_get_functiondef('peer.keep_history'::regproc), 'trigger_history', 'trigger_indexed_history'), 'keep_history', 'keep_indexed_history');
END
$$;
CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON peer.trigger_indexed FOR EACH ROW EXECUTE FUNCTION peer.keep_indexed_history();

\if :temporal
SELECT peer.make('temporal');
ALTER TABLE peer.temporal DROP COLUMN valid_from, DROP COLUMN valid_to, ADD COLUMN sys_period tstzrange;
UPDATE peer.temporal SET sys_period = tstzrange('2024-01-01', NULL);
ALTER TABLE peer.temporal ALTER sys_period SET NOT NULL;
VACUUM FULL peer.temporal;
CREATE TABLE peer.temporal_history (LIKE peer.temporal);
CREATE INDEX ON peer.temporal_history (identifier, lower(sys_period));
CREATE TRIGGER versioning BEFORE INSERT OR UPDATE OR DELETE ON peer.temporal FOR EACH ROW EXECUTE FUNCTION versioning('sys_period', 'peer.temporal_history', true);
\endif
VACUUM ANALYZE;
