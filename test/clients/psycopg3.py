"""psycopg 3: prepared and simple, typed and untyped parameters, binary and text, Polars, errors."""

import json

import polars as pl
import psycopg
from checks import check, dsn, finish, same
from psycopg.types.json import Json, Jsonb

SEG = '{"filter": {"modality": "SEG"}}'
PARAM = '{"filter": {"modality": {"$param": 1}}}'

connection = psycopg.connect(dsn("demo"), autocommit=True)
wanted = connection.execute("SELECT count(*) FROM volume WHERE modality = 'SEG'").fetchone()[0]
check("there are some", wanted > 100)

for name, value in {"unknown": SEG, "json": Json({"filter": {"modality": "SEG"}}), "jsonb": Jsonb({"filter": {"modality": "SEG"}})}.items():
    for function in ("vxp.query(NULL::volume, %s)", "volume(%s)"):
        same(f"{function} with {name}", connection.execute(f"SELECT count(*) FROM {function}", [value]).fetchone()[0], wanted)
for kind in ("text", "varchar", "json", "jsonb", "vxp.dql"):
    same(f"a request as {kind}", connection.execute(f"SELECT count(*) FROM vxp.query(NULL::volume, %s::{kind})", [SEG]).fetchone()[0], wanted)
    same(f"count and {kind}", connection.execute(f"SELECT vxp.count(%s::{kind})", ['{"resource": "Volume", "filter": {"modality": "SEG"}}']).fetchone()[0], wanted)

# bind variables: the driver's text, numbers, lists and None
one = "SELECT count(*) FROM vxp.query(NULL::volume, %s, %s)"
same("a text", connection.execute(one.replace(", %s)", ", %s::text)"), [PARAM, "SEG"]).fetchone()[0], wanted)
try:
    connection.execute(one, [PARAM, "SEG"])
    check("a bind variable without a type is refused", False)
except psycopg.errors.IndeterminateDatatype:
    check("a bind variable without a type is refused", True)
same("a number", connection.execute(one, ['{"filter": {"series_number": {"$lt": {"$param": 1}}}}', 3]).fetchone()[0],
     connection.execute("SELECT count(*) FROM volume WHERE series_number < 3").fetchone()[0])
same("a list", connection.execute(one.replace(", %s)", ", %s::text[])"), ['{"filter": {"modality": {"$in": {"$param": 1}}}}', ["SEG", "PT"]]).fetchone()[0],
     connection.execute("SELECT count(*) FROM volume WHERE modality IN ('SEG', 'PT')").fetchone()[0])
same("nothing", connection.execute(one.replace(", %s)", ", %s::text)"), ['{"filter": {"body_part": {"$param": 1}}}', None]).fetchone()[0],
     connection.execute("SELECT count(*) FROM volume WHERE body_part IS NULL").fetchone()[0])

# the same statement often enough for a prepared, then a generic plan; and in both formats
for binary in (False, True):
    with connection.cursor(binary=binary) as cursor:
        found = {cursor.execute("SELECT count(*) FROM vxp.query(NULL::volume, %s, %s::text)", [PARAM, "SEG"], prepare=True).fetchone()[0] for _ in range(12)}
        same(f"prepared, binary {binary}", found, {wanted})
        path, labels, depth = cursor.execute("SELECT lineage, labels(lineage), depth(lineage) FROM volume_current ORDER BY identifier LIMIT 1").fetchone()
        text = connection.execute("SELECT lineage_path FROM volume_current ORDER BY identifier LIMIT 1").fetchone()[0]
        same(f"labels, binary {binary}", (" > ".join(labels), depth), (text, 4))
        # a type that the driver has no reader for comes as text, or as the bytes of its binary form
        check(f"lineage, binary {binary}", path == text if not binary else isinstance(path, bytes), path)

# the binary form goes there and back with a reader and a writer of three lines
info = psycopg.types.TypeInfo.fetch(connection, "vxp.lineage")
check("the type is found", info.oid > 16384)


class Binary(bytes):
    pass


class BinaryDumper(psycopg.adapt.Dumper):
    format, oid = psycopg.pq.Format.BINARY, info.oid

    def dump(self, value):
        return bytes(value)


connection.adapters.register_dumper(Binary, BinaryDumper)
with connection.cursor(binary=True) as cursor:
    path = cursor.execute("SELECT lineage FROM volume_current ORDER BY identifier LIMIT 1").fetchone()[0]
    same("there and back", cursor.execute("SELECT %s::text", [Binary(path)]).fetchone()[0], text)
same("a path as parameter", connection.execute("SELECT count(*) FROM volume_current WHERE lineage <@ %s", [text.rsplit(" > ", 2)[0]]).fetchone()[0],
     connection.execute("SELECT count(*) FROM volume_current WHERE patient_id = %s", [labels[1]]).fetchone()[0])

# the simple protocol: several statements, and parameters written into the text
simple = psycopg.connect(dsn("demo"), autocommit=True, cursor_factory=psycopg.ClientCursor)
same("simple protocol", simple.execute("SELECT count(*) FROM volume(%s)", [SEG]).fetchone()[0], wanted)
same("simple protocol, vxp.count", simple.execute("SELECT vxp.count(%s)", ['{"resource": "Volume", "filter": {"modality": "SEG"}}']).fetchone()[0], wanted)
same("simple protocol, a bind variable", simple.execute("SELECT count(*) FROM vxp.query(NULL::volume, %s, %s)", [PARAM, "SEG"]).fetchone()[0], wanted)

# JSON answers arrive as Python values
request = {"resource": "Volume", "filter": {"modality": "SEG"}, "pageSize": 2, "select": ["modality", "derived_from"]}
for call in ("vxp.page(%s)", "vxp.execute(%s)", "vxp.execute(%s::json)", "vxp.execute(%s::text)", "vxp.execute(%s::varchar)", "vxp.execute(%s::jsonb)"):
    answer = connection.execute(f"SELECT {call}", [json.dumps(request)]).fetchone()[0]
    same(call, (answer["totalItemsCount"], len(answer["items"]), answer["hasNextPage"], answer["items"][0]), (wanted, 2, True, {"modality": "SEG", "derived_from": None}))

# Polars reads from the connection
frame = pl.read_database("SELECT patient_id, size_mb::float8 AS mb, series_date FROM volume('{\"filter\": {\"modality\": \"SEG\"}}')", connection)
same("Polars", (frame.height, frame.schema["mb"], frame.schema["series_date"]), (wanted, pl.Float64, pl.Date))

# a server-side cursor, and COPY
with connection.transaction(), connection.cursor("held") as cursor:
    cursor.itersize = 50
    same("a cursor of the server", sum(1 for _ in cursor.execute("SELECT identifier FROM volume(%s)", [SEG])), wanted)
with connection.cursor() as cursor, cursor.copy("COPY (SELECT identifier, lineage FROM volume('" + SEG + "')) TO STDOUT (FORMAT binary)") as copy:
    same("COPY, binary", sum(1 for _ in copy.rows()), wanted)
with connection.pipeline():
    same("pipeline", [c.fetchone()[0] for c in [connection.execute("SELECT count(*) FROM volume(%s)", [SEG]) for _ in range(3)]], [wanted] * 3)

try:
    connection.execute("SELECT * FROM volume(%s)", ['{"filter": {"modalty": "MR"}}'])
    check("a misspelt field is refused", False)
except psycopg.errors.UndefinedColumn as error:
    same("the error", (error.sqlstate, error.diag.message_detail, error.diag.message_hint),
         ("42703", "The fault is at $.filter.modalty.", 'Perhaps you meant the field "modality".'))
finish()
