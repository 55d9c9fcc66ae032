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
-- keys of a GiST index say what they are, as JSON: an entry of the leaves is a path or a value, one above them a bound
CREATE TABLE many (path lineage);
INSERT INTO many SELECT lineage(ARRAY['patient/' || g % 7, 'study/' || g % 70, 'series/' || g]) FROM generate_series(1, 3000) g;
CREATE INDEX many_path ON many USING gist (path);
CREATE TABLE key AS SELECT regexp_replace(regexp_replace(i.keys, '^[(]path[)]=[(]"?|"?[)]$', '', 'g'), '""', '"', 'g')::jsonb AS k
	FROM generate_series(0, pg_relation_size('many_path') / 8192 - 1) b, gist_page_items(get_raw_page('many_path', b::int), 'many_path') i;
SELECT k ->> 'form' AS form, count(*) > 0 AS there, bool_and(k -> 'depth' = '[3, 3]') AS depth, bool_and(jsonb_array_length(k -> 'prefix') > 0) AS prefix, bool_and(k ? 'set') AS set FROM key GROUP BY 1 ORDER BY 1;
DROP EXTENSION pageinspect;
DROP TABLE image, stored, many, key;
