--
-- versions_moves.sql: the peers of a move, with the rows that our four types have, in path order
--
-- Out: peer.ltree        primary key, GiST on the path: the bar
--      peer.ltree_kept   the same with an index on the parent, and a trigger that keeps history; history has a btree and a GiST on its path
--      peer.floor        our columns, no index and no trigger: what any UPDATE of so many rows takes
--      peer.copies       as many columns, no index: what any INSERT of so many closed copies takes
--
\set ON_ERROR_STOP on
SET search_path = public, vxp;
CREATE SCHEMA peer;
CREATE TABLE peer.floor AS
	SELECT identifier, parent_identifier, modality, size, quality, acquired_at, note, license, derived_from, metadata, valid_from, valid_to, created_at,
		split_part(CAST(lineage AS text), ' > ', 1) AS project_id, datasource_id, patient_id, study_id, volume_id, CAST(lineage AS text) AS path
	FROM (SELECT identifier, parent_identifier, modality, size, quality, acquired_at, note, license, derived_from, metadata, valid_from, valid_to, created_at,
			datasource_id, patient_id, study_id, volume_id, lineage FROM volume
		UNION ALL SELECT identifier, parent_identifier, modality, size, quality, acquired_at, note, license, derived_from, metadata, valid_from, valid_to, created_at,
			datasource_id, patient_id, study_id, NULL, lineage FROM imagingstudy
		UNION ALL SELECT identifier, parent_identifier, modality, size, quality, acquired_at, note, license, derived_from, metadata, valid_from, valid_to, created_at,
			datasource_id, patient_id, NULL, NULL, lineage FROM patient
		UNION ALL SELECT identifier, parent_identifier, modality, size, quality, acquired_at, note, license, derived_from, metadata, valid_from, valid_to, created_at,
			datasource_id, NULL, NULL, NULL, lineage FROM datasource) r
	WHERE valid_to IS NULL ORDER BY lineage;
CREATE TABLE peer.copies (LIKE peer.floor);

CREATE TABLE peer.ltree AS
	SELECT identifier, parent_identifier, modality, size, quality, acquired_at, note, license, derived_from, metadata, valid_from, valid_to, created_at,
		text2ltree(translate(replace(path, ' > ', '.'), '/-', '__')) AS path
	FROM peer.floor;
ALTER TABLE peer.ltree ADD PRIMARY KEY (identifier);
CREATE INDEX ON peer.ltree USING gist (path);

CREATE TABLE peer.ltree_kept AS TABLE peer.ltree;
ALTER TABLE peer.ltree_kept ADD PRIMARY KEY (identifier);
CREATE INDEX ON peer.ltree_kept (parent_identifier);
CREATE INDEX ON peer.ltree_kept USING gist (path);
CREATE TABLE peer.ltree_history (LIKE peer.ltree_kept);
CREATE INDEX ON peer.ltree_history (identifier, valid_from);
CREATE INDEX ON peer.ltree_history USING gist (path);
CREATE FUNCTION peer.keep_ltree() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
	IF NEW IS NOT DISTINCT FROM OLD THEN
		RETURN NEW;
	END IF;
	IF OLD.valid_from < now() THEN
		OLD.valid_to := now();
		INSERT INTO peer.ltree_history SELECT OLD.*;
	END IF;
	NEW.valid_from := now();
	RETURN NEW;
END
$$;
CREATE TRIGGER keep_history BEFORE UPDATE ON peer.ltree_kept FOR EACH ROW EXECUTE FUNCTION peer.keep_ltree();
VACUUM ANALYZE;
