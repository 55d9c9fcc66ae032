--
-- disk_format: what an earlier version stored is read for ever, and hashes as it did
--
-- The images are those of version 0.1.0.  A difference here means that stored
-- tables, indexes and hash partitions of users no longer fit: it needs a new
-- type name, not a new expected file.
--
SET search_path = public, vxp;
CREATE TABLE image (path lineage, sent bytea, hash int, hash_extended bigint);
INSERT INTO image SELECT p, lineage_send(p), lineage_hash(p), lineage_hash_extended(p, 42) FROM unnest(ARRAY['a', 'a > b', 'patient/1 > study/2 > "x > y"', 'é > 😀', lineage(ARRAY[repeat('x', 127)])::text, lineage(ARRAY[repeat('x', 128)])::text]::lineage[]) p;
SELECT left(path::text, 40) AS path, left(encode(sent, 'hex'), 80) AS sent, hash, hash_extended FROM image;
-- as it lies in a table: a version and depth, then each label behind its length
CREATE TABLE stored (path lineage);
ALTER TABLE stored ALTER path SET STORAGE plain;
INSERT INTO stored VALUES ('a > bc');
CREATE EXTENSION pageinspect;
SELECT encode(t_data, 'hex') FROM heap_page_items(get_raw_page('stored', 0));
SELECT path FROM stored;
DROP EXTENSION pageinspect;
DROP TABLE image, stored;
