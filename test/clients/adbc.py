"""ADBC into Arrow and Polars: parameters, COPY underneath, arrays, what becomes of our types, errors."""

import json

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import polars as pl
from checks import check, finish, same, url

SEG = '{"filter": {"modality": "SEG"}}'
connection = adbc_driver_postgresql.dbapi.connect(url("demo"), autocommit=True)


def table(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetch_arrow_table()


wanted = table("SELECT count(*) AS n FROM volume WHERE modality = 'SEG'")["n"][0].as_py()
check("there are some", wanted > 100)

# without parameters the driver sends COPY (...) TO STDOUT (FORMAT binary), with them a prepared statement
for name, found in {
    "in the text": table(f"SELECT identifier FROM volume('{SEG}')"),
    "as a parameter": table("SELECT identifier FROM volume($1)", SEG),
    "as a parameter of vxp.query": table("SELECT identifier FROM vxp.query(NULL::volume, $1)", SEG),
    "with a bind variable": table("SELECT identifier FROM vxp.query(NULL::volume, $1, $2::text)", '{"filter": {"modality": {"$param": 1}}}', "SEG"),
}.items():
    same(f"the request {name}", found.num_rows, wanted)

# columns: text of a path, arrays, dates; the path itself and numeric arrive as bytes and text, so cast them
found = table(f"SELECT lineage::text AS path, labels(lineage) AS labels, depth(lineage) AS depth, size_mb::float8 AS mb, series_date, valid_from, metadata FROM volume('{SEG}') ORDER BY identifier")
row = found.slice(0, 1).to_pylist()[0]
same("labels", (" > ".join(row["labels"]), row["depth"]), (row["path"], 4))
frame = pl.from_arrow(found)
same("the types in Polars", [frame.schema[c] for c in ("path", "labels", "mb", "series_date", "valid_from")],
     [pl.String, pl.List(pl.String), pl.Float64, pl.Date, pl.Datetime("us", "UTC")])
check("metadata is JSON text", "idc" in json.loads(row["metadata"]))
raw = table("SELECT lineage FROM volume_current ORDER BY identifier LIMIT 1")["lineage"]
text = table("SELECT lineage_path FROM volume_current ORDER BY identifier LIMIT 1")["lineage_path"][0].as_py()
value = raw[0].as_py()
check("a path without a cast is its binary form", isinstance(value, bytes) and text.split(" > ")[-1].encode() in value, value)
same("a path as parameter", table("SELECT count(*) AS n FROM volume_current WHERE lineage <@ $1::text::lineage", text)["n"][0].as_py(), 1)

same("Polars reads by itself", pl.read_database_uri(f"SELECT patient_id, size_mb::float8 AS mb FROM volume('{SEG}')", url("demo"), engine="adbc").height, wanted)

request = json.dumps({"resource": "Volume", "filter": {"modality": "SEG"}, "pageSize": 2})
for call in ("vxp.page($1)", "vxp.execute($1)"):
    answer = json.loads(table(f"SELECT {call} AS answer", request)["answer"][0].as_py())
    same(call, (answer["totalItemsCount"], len(answer["items"])), (wanted, 2))
same("vxp.count", table("SELECT vxp.count($1::text) AS n", request)["n"][0].as_py(), wanted)

for sql, parameters in (("SELECT * FROM volume('{\"filter\": {\"modalty\": 1}}')", ()), ("SELECT * FROM volume($1)", ('{"filter": {"modalty": 1}}',))):
    try:
        table(sql, *parameters)
        check("a misspelt field is refused", False)
    except adbc_driver_manager.Error as error:
        check("the error has its SQLSTATE and hint", error.sqlstate == "42703" and 'Perhaps you meant the field "modality".' in str(error), error.sqlstate, str(error))
finish()
