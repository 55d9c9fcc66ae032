"""psycopg 2, which writes parameters into the text: literals, PREPARE, arrays, JSON, named cursors, errors."""

import psycopg2
import psycopg2.extras
from checks import check, dsn, finish, same

SEG = '{"filter": {"modality": "SEG"}}'
PARAM = '{"filter": {"modality": {"$param": 1}}}'
connection = psycopg2.connect(dsn("demo"))
connection.autocommit = True
cursor = connection.cursor()


def value(sql, *parameters):
    cursor.execute(sql, parameters or None)
    return cursor.fetchone()[0]


wanted = value("SELECT count(*) FROM volume WHERE modality = 'SEG'")
check("there are some", wanted > 100)
for call in ("volume(%s)", "vxp.query(NULL::volume, %s)", "volume(%s::text)", "volume(%s::json)", "volume(%s::jsonb)"):
    same(call, value(f"SELECT count(*) FROM {call}", SEG), wanted)
same("vxp.count", value("SELECT vxp.count(%s)", '{"resource": "Volume", "filter": {"modality": "SEG"}}'), wanted)
same("a Python value", value("SELECT count(*) FROM volume(%s)", psycopg2.extras.Json({"filter": {"modality": "SEG"}})), wanted)
same("a bind variable", value("SELECT count(*) FROM vxp.query(NULL::volume, %s, %s)", PARAM, "SEG"), wanted)
same("a list", value("SELECT count(*) FROM vxp.query(NULL::volume, %s, %s)", '{"filter": {"modality": {"$in": {"$param": 1}}}}', ["SEG", "PT"]),
     value("SELECT count(*) FROM volume WHERE modality IN ('SEG', 'PT')"))
for kind in ("text", "json", "jsonb", "unknown", "vxp.dql"):
    cursor.execute(f"PREPARE p ({kind}) AS SELECT count(*) FROM vxp.query(NULL::volume, $1)")
    found = {value("EXECUTE p (%s)", SEG) for _ in range(7)}
    cursor.execute("DEALLOCATE p")
    same(f"PREPARE ({kind})", found, {wanted})

cursor.execute("SELECT lineage, labels(lineage), depth(lineage), lineage_path FROM volume_current ORDER BY identifier LIMIT 1")
path, labels, depth, text = cursor.fetchone()
same("lineage as text, its labels as a list", (path, " > ".join(labels), depth), (text, text, 4))
same("a path as parameter", value("SELECT count(*) FROM volume_current WHERE lineage <@ %s", text), 1)
same("a list of ancestors", value("SELECT count(*) FROM volume_current WHERE has_any_ancestor(lineage, %s)", [labels[1], "patient/none"]),
     value("SELECT count(*) FROM volume_current WHERE patient_id = %s", labels[1]))
request = psycopg2.extras.Json({"resource": "Volume", "filter": {"modality": "SEG"}, "pageSize": 2})
for call in ("vxp.page(%s)", "vxp.execute(%s)"):
    answer = value(f"SELECT {call}", request)
    same(call, (answer["totalItemsCount"], len(answer["items"]), answer["hasNextPage"]), (wanted, 2, True))
connection.autocommit = False
with connection.cursor("held") as held:
    held.itersize = 50
    held.execute("SELECT identifier FROM volume(%s)", [SEG])
    same("a cursor of the server", sum(1 for _ in held), wanted)
connection.rollback()
connection.autocommit = True
try:
    value("SELECT * FROM volume(%s)", '{"filter": {"modalty": 1}}')
    check("a misspelt field is refused", False)
except psycopg2.errors.UndefinedColumn as error:
    same("the error", (error.pgcode, error.diag.message_hint), ("42703", 'Perhaps you meant the field "modality".'))
finish()
