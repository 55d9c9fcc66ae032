"""The Dataloop SDK as it comes from PyPI: what Filters(...).prepare() gives, for the examples of its documentation, goes into
vxp.execute. Beside each stands the condition in SQL on the documents, written by hand; ids must agree."""

import datetime
import json
import time

import dtlpy as dl
import psycopg
from checks import check, dsn, finish, same

connection = psycopg.connect(dsn("dataloop"), autocommit=True)
connection.execute("SET search_path = public, vxp")


def execute(request):
    return connection.execute("SELECT vxp.execute(%s)", [request if isinstance(request, str) else json.dumps(request)]).fetchone()[0]


def ids(where, table="items", order=None):
    return [r[0] for r in connection.execute(f"SELECT d ->> 'id' FROM (SELECT document AS d FROM {table}) i WHERE {where} ORDER BY {order or '1'}".encode())]


def agree(name, request, where, table="items", order=None, least=1):
    """All pages of the request, against the SQL; order: what the request sorts by."""
    answer = execute(request)
    found = [item["id"] for item in answer["items"]]
    wanted = ids(where, table, order)
    if order is None:
        found, wanted = sorted(found), sorted(wanted)
    check(f"{name}: {len(wanted)}", found == wanted and answer["totalItemsCount"] == len(wanted) and not answer["hasNextPage"] and len(wanted) >= least,
          answer["totalItemsCount"], sorted(set(found) ^ set(wanted))[:5], len(wanted), json.dumps(request)[:500])
    return answer


SHOWN = "(d -> 'hidden' = 'false' AND d -> 'type' = '\"file\"')"
HAS = "EXISTS (SELECT FROM annotations a WHERE a.document ->> 'itemId' = d ->> 'id' AND {})".format
same("how many items there are", connection.execute("SELECT count(*) FROM items").fetchone()[0], 151)

# --- Basic DQL Definition: the JSON samples, as printed
agree("sample: items named foo", """{
    "filter": {
        "$and":[{
            "hidden":false
        }, {
            "filename": {
                "$eq":"/foo.bar"
            }}, {
            "type":"file"
        }]}}""", f"{SHOWN} AND d ->> 'filename' = '/foo.bar'")
agree("sample: items with boxes", """{
    "filter": {
        "$and":[{
            "hidden":false
        }, {
            "type":"file"
        }]},"join": {
        "filter": {
            "$and":[{
                "type": {
                    "$in":["box"]}}]},"on": {
            "resource":"annotations","local":"itemId","forigen":"id"
        }}}""", f"{SHOWN} AND {HAS('''a.document ->> 'type' = 'box' ''')}")
# this one is printed without its first brace
agree("sample: no attributes", "{" + """
    "filter": {
        "$and":[{
            "hidden":false
        },
            {
                "type":"file"
            }]},
    "join": {
        "filter": {
            "$and":[{
                "$or":[{
                    "$or":[{
                        "metadata": {
                            "system": {
                                "attributes": {}
         }}}]}]}]},
        "on": {
            "resource":"annotations",
            "local":"itemId",
            "forigen":"id"
        }}}""", f"{SHOWN} AND {HAS('''a.document #> '{metadata,system,attributes}' IN ('{}', '[]')''')}")
# the metadata example: a path with a hyphen
connection.execute("INSERT INTO items VALUES (%s)", [json.dumps({"id": "meta", "type": "file", "hidden": False, "metadata": json.loads("""{
	"system": {
		"originalname": "name2.png",
		"size": 675834,
		"encoding": "7bit",
		"mimetype": "image/png",
		"annotationStatus": []
	},
	"details": {
		"car-color": "blue"
	}
}""")})])
filters = dl.Filters(field="metadata.details.car-color", values="blue")
agree("the metadata example", filters.prepare(), "d ->> 'id' = 'meta'")
connection.execute("DELETE FROM items WHERE document ->> 'id' = 'meta'")
# the answer has the members of the sample, and one of ours that says where the next page begins
answer = execute({"pageSize": 2})
same("the answer", {k: type(v) for k, v in answer.items()}, {"items": list, "totalItemsCount": int, "totalPagesCount": int, "hasNextPage": bool, "nextCursor": str})

# --- the same page, "DQL in the SDK"
filters = dl.Filters()
filters.add(field='name', values='foo.bar.*')
agree("1. name with a wildcard", filters.prepare(), f"{SHOWN} AND d ->> 'name' LIKE 'foo.bar.%'")
filters = dl.Filters()
filters.add_join(field='type', values='box')
agree("2. items with boxes", filters.prepare(), f"{SHOWN} AND {HAS('''a.document ->> 'type' = 'box' ''')}")
filters = dl.Filters()
filters.add(field='metadata.system.size', values='0', operator='gt')
filters.add(field='metadata.system.size', values='5242880', operator='lt')
filters.sort_by(field=dl.FILTERS_KNOWN_FIELDS_FILENAME, value=dl.FILTERS_ORDERBY_DIRECTION_ASCENDING)
agree("3. files of 0 to 5 MB by name", filters.prepare(), f"{SHOWN} AND (d #>> '{{metadata,system,size}}')::bigint BETWEEN 1 AND 5242879",
      order="d ->> 'filename' COLLATE \"C\", d ->> 'id' COLLATE \"C\"")
filters = dl.Filters()
filters.resource = dl.FiltersResource.ANNOTATION
filters.sort_by(field=dl.FILTERS_KNOWN_FIELDS_LABEL, value=dl.FILTERS_ORDERBY_DIRECTION_ASCENDING)
filters.sort_by(field=dl.FILTERS_KNOWN_FIELDS_CREATED_AT, value=dl.FILTERS_ORDERBY_DIRECTION_DESCENDING)
agree("4. annotations by label, then newest first", filters.prepare(), "d ->> 'type' <> 'note'", "annotations",
      order="d ->> 'label' COLLATE \"C\", d ->> 'createdAt' COLLATE \"C\" DESC, d ->> 'id' COLLATE \"C\"", least=100)

# --- the chapter on DQL
filters = dl.Filters()
filters.add(field='annotated', values=True)
filters.sort_by(field="filename")
agree("8.2 annotated items", filters.prepare(), f"{SHOWN} AND d -> 'annotated' = 'true'", order="d ->> 'filename' COLLATE \"C\", d ->> 'id' COLLATE \"C\"")
filters = dl.Filters()
filters.add(field='metadata.system.annotationStatus', values="approved")
filters.add_join(field='type', values='box')
filters.sort_by(field='createdAt', value=dl.FILTERS_ORDERBY_DIRECTION_DESCENDING)
agree("8.3 approved items with boxes", filters.prepare(), f"{SHOWN} AND d #> '{{metadata,system,annotationStatus}}' ? 'approved' AND {HAS('''a.document ->> 'type' = 'box' ''')}",
      order="d ->> 'createdAt' COLLATE \"C\" DESC, d ->> 'id' COLLATE \"C\"")
filters = dl.Filters()  # filters with and
filters.add(field='annotated', values=True, method=dl.FiltersMethod.AND)
filters.add(field='metadata.user.is_automated', values=True,
            method=dl.FiltersMethod.AND)
filters.sort_by(field='name')
agree("8.4.1 and", filters.prepare(), f"{SHOWN} AND d -> 'annotated' = 'true' AND d #> '{{metadata,user,is_automated}}' = 'true'",
      order="d ->> 'name' COLLATE \"C\", d ->> 'id' COLLATE \"C\"")
filters = dl.Filters()
filters.add(field='dir', values='/folderName1', method=dl.FiltersMethod.OR)
filters.add(field='dir', values='/folderName2',
            method=dl.FiltersMethod.OR)
filters.sort_by(field='dir', value=dl.FILTERS_ORDERBY_DIRECTION_DESCENDING)
agree("8.4.2 or", filters.prepare(), f"{SHOWN} AND d ->> 'dir' IN ('/folderName1', '/folderName2')", order="d ->> 'dir' COLLATE \"C\" DESC, d ->> 'id' COLLATE \"C\"")

filters = dl.Filters()
filters.add(field='dir', values='/dogs')
filters.add_join(field='attributes', values='black')
update_values = {'BlackDogs': True}
where = f"{SHOWN} AND d ->> 'dir' = '/dogs' AND {HAS('''a.document -> 'attributes' ? 'black' ''')}"
wanted = ids(where)
answer = execute(filters.prepare(operation='update', update=update_values))
same("8.5 update of user metadata: as many", (answer["totalItemsCount"], answer["items"]), (len(wanted), []))
same("8.5 update of user metadata: these", ids("d #> '{metadata,user,BlackDogs}' = 'true'"), wanted)
check("8.5 and they kept what they had", len(wanted) > 3 and ids("d #> '{metadata,user,BlackDogs}' = 'true' AND d #> '{metadata,user,is_automated}' IS NOT NULL") != [])
same("8.5 taken back", connection.execute("SELECT vxp.undo(%s)", [answer["operation"]]).fetchone()[0], len(wanted))
same("8.5 none is left", ids("d #> '{metadata,user,BlackDogs}' IS NOT NULL"), [])

filters = dl.Filters()
filters.add(field='createdAt', values="2020-08-30T08:17:08.000Z")
answer = execute(filters.prepare(operation='delete'))
same("8.6 delete", (answer["totalItemsCount"], ids("d ->> 'id' = '5f4b60848ced1d50c3df114a'")), (1, []))
same("8.6 taken back", (connection.execute("SELECT vxp.undo(%s)", [answer["operation"]]).fetchone()[0], len(ids("true"))), (1, 151))

filters = dl.Filters(field='metadata.system.originalname', values='file')
agree("8.7.1 a dot reaches inside", filters.prepare(), "d ->> 'id' = '5f4b60848ced1d50c3df114a'")
for path, value in {"metadata.system.refs.id": "5f4b61f8f81ab60508331bd3", "metadata.system.executionLogs.image-metadata-extractor.default_module.run.5f4b60841b892d82eaa2d95b.status": "success",
                    "metadata.system.statusLog.creator": "user@dataloop.ai", "metadata.system.isBinary": True, "annotationsCount": 18, "metadata.system.exif": {}}.items():
    agree(f"8.7.1 {path}", dl.Filters(field=path, values=value).prepare(), "d ->> 'id' = '5f4b60848ced1d50c3df114a'")

filters = dl.Filters()
filters.add_join(field='label', values='your_label_value')
agree("8.8.1 by label", filters.prepare(), f"{SHOWN} AND {HAS('''a.document ->> 'label' = 'your_label_value' ''')}")
STATUS = "d #> '{metadata,system,annotationStatus}'"
for name, values, where in (
    ("8.8.2 completed and approved", ["completed", "approved"], f"{STATUS} = '[\"completed\", \"approved\"]'"),
    ("8.8.3 completed, approved as well", "completed", f"{STATUS} ? 'completed'"),
    ("8.8.4 only completed", ["completed"], f"{STATUS} = '[\"completed\"]'"),
):
    filters = dl.Filters()
    filters.add(field='metadata.system.annotationStatus', values=values)
    agree(name, filters.prepare(), f"{SHOWN} AND {where}")
filters = dl.Filters()
filters.add(field='metadata.system.refs', values=[])
agree("8.8.5 unassigned", filters.prepare(), f"{SHOWN} AND d #> '{{metadata,system,refs}}' = '[]'")
filters = dl.Filters()
filters.add(field='dir', values="/folderName")
agree("8.8.6 a folder", filters.prepare(), f"{SHOWN} AND d ->> 'dir' = '/folderName'")
filters = dl.Filters()
filters.add(field='name', values='foo.bar.*')
agree("8.8.7 by name", filters.prepare(), f"{SHOWN} AND d ->> 'name' LIKE 'foo.bar.%'")
filters = dl.Filters()
filters.add(field='metadata.system.size', values='0', operator='gt')
filters.add(field='metadata.system.size', values='5242880', operator='lt')
filters.sort_by(field='filename', value=dl.FILTERS_ORDERBY_DIRECTION_ASCENDING)
agree("8.8.8 by size", filters.prepare(), f"{SHOWN} AND (d #>> '{{metadata,system,size}}')::bigint BETWEEN 1 AND 5242879",
      order="d ->> 'filename' COLLATE \"C\", d ->> 'id' COLLATE \"C\"")
filters = dl.Filters()
filters.resource = dl.FiltersResource.ANNOTATION
filters.sort_by(field='label', value=dl.FILTERS_ORDERBY_DIRECTION_ASCENDING)
filters.sort_by(field='createdAt', value=dl.FILTERS_ORDERBY_DIRECTION_DESCENDING)
agree("8.8.9 two sort keys", filters.prepare(), "d ->> 'type' <> 'note'", "annotations",
      order="d ->> 'label' COLLATE \"C\", d ->> 'createdAt' COLLATE \"C\" DESC, d ->> 'id' COLLATE \"C\"", least=100)

# --- the SDK's page of advanced filters
height_number_in_pixels, width_number_in_pixels = 1500, 1200
BY_NAME = "d ->> 'filename' COLLATE \"C\", d ->> 'id' COLLATE \"C\""
filters = dl.Filters()
filters.add(field='dir', values='/DatasetFolderName', operator=dl.FILTERS_OPERATIONS_EQUAL)
filters.sort_by(field='filename')
agree("eq", filters.prepare(), f"{SHOWN} AND d ->> 'dir' = '/DatasetFolderName'", order=BY_NAME)
filters = dl.Filters()
filters.add_join(field='label', values='cat', operator=dl.FILTERS_OPERATIONS_NOT_EQUAL)
filters.sort_by(field='filename')
agree("ne in a join: some annotation that is no cat", filters.prepare(), f"{SHOWN} AND {HAS('''a.document ->> 'label' <> 'cat' ''')}", order=BY_NAME)
filters = dl.Filters()
filters.add(field='metadata.system.height', values=height_number_in_pixels,
            operator=dl.FILTERS_OPERATIONS_GREATER_THAN)
filters.sort_by(field='filename')
agree("gt", filters.prepare(), f"{SHOWN} AND (d #>> '{{metadata,system,height}}')::int > 1500", order=BY_NAME)
filters = dl.Filters()
filters.add(field='metadata.system.width', values=width_number_in_pixels, operator=dl.FILTERS_OPERATIONS_LESS_THAN)
filters.sort_by(field='filename')
agree("lt", filters.prepare(), f"{SHOWN} AND (d #>> '{{metadata,system,width}}')::int < 1200", order=BY_NAME)
filters = dl.Filters()
filters.add_join(field='label', values=['dog', 'cat'], operator=dl.FILTERS_OPERATIONS_IN)
filters.sort_by(field='filename')
agree("in", filters.prepare(), f"{SHOWN} AND {HAS('''a.document ->> 'label' IN ('dog', 'cat')''')}", order=BY_NAME)
filters = dl.Filters()
filters.add(field='metadata.user', values=True, operator=dl.FILTERS_OPERATIONS_EXISTS)
agree("exists", filters.prepare(), f"{SHOWN} AND d #> '{{metadata,user}}' IS NOT NULL")
agree("no defaults", dl.Filters(use_defaults=False).prepare(), "true")
filters = dl.Filters()
filters.add(field='type', values='dir')
agree("directories", filters.prepare(), "d -> 'hidden' = 'false' AND d ->> 'type' = 'dir'")
filters.pop(field='type')
agree("files and directories", filters.prepare(), "d -> 'hidden' = 'false'")
filters = dl.Filters()
filters.add(field='to-delete-field', values='value')
filters.add_join(field='to-delete-annotation-field', values='value')
filters.pop(field='to-delete-field')
filters.pop_join(field='to-delete-annotation-field')
agree("popped filters: what is left asks for an annotation", filters.prepare(), f"{SHOWN} AND {HAS('true')}")
filters = dl.Filters()
earlier_timestamp = datetime.datetime(year=2018, month=1, day=1, hour=0, minute=0, second=0,
                                      tzinfo=datetime.timezone(
                                          datetime.timedelta(seconds=-time.timezone))).isoformat()
later_timestamp = datetime.datetime(year=2019, month=1, day=1, hour=0, minute=0, second=0,
                                    tzinfo=datetime.timezone(
                                        datetime.timedelta(seconds=-time.timezone))).isoformat()
filters.add(field='createdAt', values=earlier_timestamp, operator=dl.FiltersOperations.GREATER_THAN)
filters.add(field='createdAt', values=later_timestamp, operator=dl.FiltersOperations.LESS_THAN)
filters.method = dl.FiltersMethod.OR
agree("created in 2018", filters.prepare(), f"{SHOWN} AND (d ->> 'createdAt')::timestamptz > '{earlier_timestamp}' AND (d ->> 'createdAt')::timestamptz < '{later_timestamp}'")
all_items = {item["id"] for item in execute(dl.Filters().prepare())["items"]}
filters = dl.Filters()
filters.add_join(field='label', values='cat')
cat_items = {item["id"] for item in execute(filters.prepare())["items"]}
no_cat = f"{SHOWN} AND NOT {HAS('''a.document ->> 'label' = 'cat' ''')}"
same("no cat label at all, in two requests", sorted(all_items - cat_items), sorted(ids(no_cat)))
request = dl.Filters().prepare()
request["except"] = {"query": {"join": filters.join}}
agree("no cat label at all, in one request", request, no_cat)

# --- the cookbook
filters = dl.Filters(resource=dl.FiltersResource.ANNOTATION)
filters.add(field='type', values='box', method=dl.FiltersMethod.OR)
filters.add(field='type', values='point', method=dl.FiltersMethod.OR)
filters.sort_by(field='createdAt', value=dl.FILTERS_ORDERBY_DIRECTION_DESCENDING)
agree("box or point annotations", filters.prepare(), "d ->> 'type' IN ('box', 'point')", "annotations", order="d ->> 'createdAt' COLLATE \"C\" DESC, d ->> 'id' COLLATE \"C\"")
task_id, REFS = "my-task-id", "EXISTS (SELECT FROM jsonb_array_elements(d #> '{{metadata,system,refs}}') r WHERE r ->> 'id' = 'my-task-id' AND {})".format
filters = dl.Filters()
filters.add(field='metadata.system.refs', values={'id': {'$in': [task_id]}, 'metadata': {'status': {'$in': ['completed']}}})
agree("status by task", filters.prepare(), f"{SHOWN} AND {REFS('''r #>> '{metadata,status}' = 'completed' ''')}")
for exists, test in ((False, "IS NULL"), (True, "IS NOT NULL")):
    filters = dl.Filters()
    filters.add(field='metadata.system.refs', values={'id': {'$in': [task_id]}, 'metadata': {'status': {'$exists': exists}}}, operator=dl.FiltersOperations.MATCH)
    agree(f"a task with a status: {exists}", filters.prepare(), f"{SHOWN} AND {REFS('''r #> '{metadata,status}' ''' + test)}")
for earlier, later in ((datetime.datetime(2019, 5, 2), datetime.datetime(2019, 8, 3)),):
    filters = dl.Filters()
    filters.add(field='createdAt', values=earlier.isoformat(), operator=dl.FiltersOperations.GREATER_THAN)
    filters.add(field='createdAt', values=later.isoformat(), operator=dl.FiltersOperations.LESS_THAN)
    agree("a range of dates without a zone", filters.prepare(), f"{SHOWN} AND (d ->> 'createdAt')::timestamptz > '{earlier}Z' AND (d ->> 'createdAt')::timestamptz < '{later}Z'")
filters = dl.Filters(
    custom_filter={
        "$and": [
            {"hidden": False},
            {"type": "file"},
            {"annotated": True}
        ]
    }
)
agree("a filter of the user's own", filters.prepare(), f"{SHOWN} AND d -> 'annotated' = 'true'")

# --- what the SDK adds by itself
filters = dl.Filters(field='filename', values='/dogs')
agree("a folder name means what is below it", filters.prepare(), f"{SHOWN} AND d ->> 'filename' LIKE '/dogs/%'")
filters = dl.Filters(field='filename', values=['/dogs/', '/folderName'], operator=dl.FiltersOperations.IN)
agree("in lists too", filters.prepare(), f"{SHOWN} AND (d ->> 'filename' LIKE '/dogs/%' OR d ->> 'filename' LIKE '/folderName/%')")
filters = dl.Filters(page_size=7)
pages, seen = 0, []
while True:
    filters.page = pages
    answer = execute(filters.prepare())
    seen += [item["id"] for item in answer["items"]]
    pages += 1
    if not answer["hasNextPage"]:
        break
same("pages do not overlap and leave nothing out", (len(seen), sorted(seen), pages), (len(set(seen)), sorted(ids(SHOWN)), answer["totalPagesCount"]))


# the SDK's own way to cut a large dataset into ranges of ids
class Items:
    def list(self, filters):
        answer = execute(filters.prepare())
        return type("Page", (), {"items": [type("Item", (), {"id": i["id"]}) for i in answer["items"]], "items_count": answer["totalItemsCount"]})


chunks = list(dl.Filters._get_split_filters(type("Dataset", (), {"items": Items()}), dl.Filters(), 40, max_workers=1))
parts = [[item["id"] for item in execute({**c, "pageSize": 1000})["items"]] for c in chunks]
same("ranges of ids", (len(chunks) > 2, sorted(sum(parts, []))), (True, sorted(ids(SHOWN))))
filters = dl.Filters()
filters._ref_task, filters._ref_task_id, filters._ref_op = True, "new-task", "create"
answer = execute(filters.prepare())
same("items put into a task", (answer["totalItemsCount"], len(ids("d #> '{metadata,system,refs}' @> '[{\"type\": \"task\", \"id\": \"new-task\"}]'"))), (len(ids(SHOWN)), len(ids(SHOWN))))
connection.execute("SELECT vxp.undo(%s)", [answer["operation"]])
try:
    execute(dl.Filters(field='type', values=['a'], operator='FiltersOperations.IN').prepare())
    check("an operator that does not exist is refused", False)
except psycopg.Error as error:
    check(f"an operator that does not exist is refused: {error.diag.message_primary}", error.sqlstate == "22023" and "$FiltersOperations.IN" in str(error), error.sqlstate)
finish()
