--
-- dataloop.sql: items and annotations as an annotation platform keeps them, for dataloop_sdk.py
--
-- Whole documents in a jsonb column.  The first item is the sample of the SDK's chapter on DQL, as printed there; the
-- others vary with their number, so that each example of the documentation finds some items and leaves some out.
--
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION vxp_query;
SET search_path = public, vxp;
CREATE TABLE items (document jsonb NOT NULL);
CREATE TABLE annotations (document jsonb NOT NULL);
INSERT INTO items VALUES ($${
    "id": "5f4b60848ced1d50c3df114a",
    "datasetId": "5f4b603d9825b9f191bbd3b3",
    "createdAt": "2020-08-30T08:17:08.000Z",
    "dir": "/new_folder",
    "filename": "/new_folder/optional.jpg",
    "type": "file",
    "hidden": false,
    "metadata": {
        "system": {
            "originalname": "file",
            "size": 3290035,
            "encoding": "7bit",
            "mimetype": "image/jpeg",
            "annotationStatus": [
                "completed"
            ],
            "refs": [
                {
                    "type": "task",
                    "id": "5f4b61f8f81ab6238c331bd2"
                },
                {
                    "type": "assignment",
                    "id": "5f4b61f8f81ab60508331bd3"
                }
            ],
            "executionLogs": {
                "image-metadata-extractor": {
                    "default_module": {
                        "run": {
                            "5f4b60841b892d82eaa2d95b": {
                                "progress": 100,
                                "status": "success"
                            }
                        }
                    }
                }
            },
            "exif": {},
            "height": 2734,
            "width": 4096,
            "statusLog": [
                {
                    "status": "completed",
                    "timestamp": "2020-08-30T14:54:17.014Z",
                    "creator": "user@dataloop.ai",
                    "action": "created"
                }
            ],
            "isBinary": true
        }
    },
    "name": "optional.jpg",
    "url": "https://gate.dataloop.ai/api/v1/items/5f4b60848ced1d50c3df114a",
    "dataset": "https://gate.dataloop.ai/api/v1/datasets/5f4b603d9825b9f191bbd3b3",
    "annotationsCount": 18,
    "annotated": "discarded",
    "stream": "https://gate.dataloop.ai/api/v1/items/5f4b60848ced1d50c3df114a/stream",
    "thumbnail": "https://gate.dataloop.ai/api/v1/items/5f4b60848ced1d50c3df114a/thumbnail",
    "annotations": "https://gate.dataloop.ai/api/v1/items/5f4b60848ced1d50c3df114a/annotations"
}$$);
INSERT INTO items
SELECT jsonb_strip_nulls(jsonb_build_object(
	'id', i.id, 'datasetId', '5f4b603d9825b9f191bbd3b3',
	'createdAt', to_char(timestamp '2018-03-01 08:17:08' + n * interval '11 days 3 hours', 'YYYY-MM-DD"T"HH24:MI:SS".000Z"'),
	'dir', i.dir, 'name', i.name, 'filename', CASE i.dir WHEN '/' THEN '' ELSE i.dir END || '/' || i.name,
	'type', CASE WHEN n % 17 = 0 THEN 'dir' ELSE 'file' END, 'hidden', n % 13 = 0, 'annotated', n % 3 <> 0))
	|| jsonb_build_object('metadata', jsonb_strip_nulls(jsonb_build_object(
		'system', jsonb_build_object(
			'size', n * 90001, 'height', 400 + n % 50 * 40, 'width', 500 + n % 40 * 50, 'mimetype', CASE WHEN n % 5 = 0 THEN 'video/mp4' ELSE 'image/jpeg' END,
			'annotationStatus', (ARRAY['[]', '["completed"]', '["completed", "approved"]', '["approved"]', '["approved", "completed"]'])[1 + n % 5]::jsonb,
			'refs', CASE n % 4 WHEN 0 THEN '[]'
				WHEN 1 THEN '[{"type": "task", "id": "my-task-id", "metadata": {"status": "completed"}}]'
				WHEN 2 THEN '[{"type": "task", "id": "my-task-id"}, {"type": "task", "id": "other", "metadata": {"status": "completed"}}]'
				WHEN 3 THEN '[{"type": "task", "id": "other", "metadata": {"status": "discarded"}}]' END::jsonb),
		'user', CASE WHEN n % 4 < 2 THEN jsonb_build_object('is_automated', n % 8 < 2) END)))
FROM generate_series(1, 150) n,
	LATERAL (SELECT lpad(to_hex(n * 7919), 24, '5f4b60848ced1d50c3d') AS id,
		(ARRAY['/dogs', '/folderName1', '/folderName2', '/', '/folderName', '/DatasetFolderName', '/dogs/small'])[1 + n % 7] AS dir,
		CASE WHEN n % 11 = 0 THEN 'foo.bar' WHEN n % 11 = 1 THEN 'foo.bar.' || n || '.jpg' ELSE 'item' || n || '.jpg' END AS name) i;
INSERT INTO annotations
SELECT jsonb_strip_nulls(jsonb_build_object(
	'id', 'a' || lpad(n::text, 5, '0'), 'itemId', i.document -> 'id', 'datasetId', i.document -> 'datasetId',
	'createdAt', to_char(timestamp '2021-01-01' + (n * 37 % 100) * interval '5 hours', 'YYYY-MM-DD"T"HH24:MI:SS".000Z"'),
	'type', (ARRAY['box', 'point', 'segment', 'note', 'class'])[1 + n % 5],
	'label', (ARRAY['cat', 'dog', 'person', 'your_label_value'])[1 + (n / 2) % 4],
	'attributes', CASE WHEN n % 3 = 0 THEN '["black"]' WHEN n % 3 = 1 THEN '["white", "black"]' ELSE '[]' END::jsonb,
	'metadata', jsonb_build_object('system', CASE n % 4 WHEN 0 THEN '{"attributes": {}}' WHEN 1 THEN '{"attributes": []}' WHEN 2 THEN '{"attributes": {"1": "x"}}' ELSE '{}' END::jsonb)))
FROM (SELECT document, row_number() OVER (ORDER BY document ->> 'id') AS k FROM items) i, LATERAL generate_series(k * 4, k * 4 + k % 4 - 1) n;
CREATE UNIQUE INDEX ON items ((document ->> 'id'));
CREATE INDEX ON items USING gin (document jsonb_path_ops);
CREATE INDEX ON annotations ((document ->> 'itemId'));
SELECT register('items', 'items', document => 'document'), register('annotations', 'annotations', document => 'document');
ANALYZE;
