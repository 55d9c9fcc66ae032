"""ODBC (psqlodbc by pyodbc): parameters of SQLPrepare and SQLExecDirect, with the server's and the driver's own prepare,
arrays as text, catalog functions, errors."""

import json
import os

import pyodbc
from checks import check, finish, same

SEG = '{"filter": {"modality": "SEG"}}'
PARAM = '{"filter": {"modality": {"$param": 1}}}'
pyodbc.pooling = False

for server_side in (1, 0):
    connection = pyodbc.connect(
        f"Driver={{PostgreSQL Unicode}};Server=127.0.0.1;Port={os.environ['PGPORT']};Uid={os.environ['PGUSER']};"
        f"Database=demo;UseServerSidePrepare={server_side};UseDeclareFetch={server_side};Fetch=50", autocommit=True)
    cursor = connection.cursor()

    def value(sql, *parameters):
        return cursor.execute(sql, *parameters).fetchone()[0]

    def say(name):
        return f"{'server' if server_side else 'driver'}: {name}"

    wanted = value("SELECT count(*) FROM volume WHERE modality = 'SEG'")
    check(say("there are some"), wanted > 100)
    same(say("no parameter"), value(f"SELECT count(*) FROM volume('{SEG}')"), wanted)
    for call in ("volume(?)", "vxp.query(NULL::volume, ?)", "volume(?::text)", "volume(?::json)", "volume(?::jsonb)"):
        same(say(call), value(f"SELECT count(*) FROM {call}", SEG), wanted)
    same(say("vxp.count"), value("SELECT vxp.count(?::text)", '{"resource": "Volume", "filter": {"modality": "SEG"}}'), wanted)
    same(say("a bind variable"), value("SELECT count(*) FROM vxp.query(NULL::volume, ?, ?::text)", PARAM, "SEG"), wanted)
    same(say("a number"), value("SELECT count(*) FROM vxp.query(NULL::volume, ?, ?::int)", '{"filter": {"series_number": {"$lt": {"$param": 1}}}}', 3),
         value("SELECT count(*) FROM volume WHERE series_number < 3"))
    same(say("a list, as the text of an array"), value("SELECT count(*) FROM vxp.query(NULL::volume, ?, ?::text[])", '{"filter": {"modality": {"$in": {"$param": 1}}}}', "{SEG,PT}"),
         value("SELECT count(*) FROM volume WHERE modality IN ('SEG', 'PT')"))
    same(say("twelve times"), {value("SELECT count(*) FROM vxp.query(NULL::volume, ?, ?::text)", PARAM, "SEG") for _ in range(12)}, {wanted})
    same(say("rows in portions"), len(cursor.execute("SELECT identifier FROM volume(?)", SEG).fetchall()), wanted)
    row = cursor.execute("SELECT lineage_path, depth(lineage), array_to_string(labels(lineage), ' > '), valid_to, lineage::text FROM volume_current ORDER BY identifier LIMIT 1").fetchone()
    same(say("lineage"), tuple(row), (row[0], 4, row[0], None, row[0]))
    same(say("lineage without a cast"), value("SELECT lineage FROM volume_current ORDER BY identifier LIMIT 1"), row[0])
    same(say("a path as parameter"), value("SELECT count(*) FROM volume_current WHERE lineage <@ ?::lineage", row[0]), 1)
    patient = row[0].split(" > ")[1]
    same(say("an ancestor as parameter"), value("SELECT count(*) FROM volume_current WHERE has_ancestor(lineage, ?)", patient),
         value("SELECT count(*) FROM volume_current WHERE patient_id = ?", patient))
    request = json.dumps({"resource": "Volume", "filter": {"modality": "SEG"}, "pageSize": 2, "select": ["modality"]})
    for call in ("vxp.page(?)", "vxp.execute(?)", "vxp.execute(?::json)"):
        answer = json.loads(value(f"SELECT {call}", request))
        same(say(call), (answer["totalItemsCount"], answer["items"], answer["hasNextPage"]), (wanted, [{"modality": "SEG"}] * 2, True))
    try:
        value("SELECT count(*) FROM volume(?)", '{"filter": {"modalty": 1}}')
        check(say("a misspelt field is refused"), False)
    except pyodbc.Error as error:
        check(say("the error"), error.args[0] == "42703" and "Perhaps you meant" in error.args[1] or "has no field" in error.args[1], error.args)
    columns = {c.column_name: c for c in connection.cursor().columns("volume_current", schema="public")}
    check(say("the columns of the view"), columns["identifier"].type_name == "text" and columns["size_mb"].type_name == "numeric" and "lineage_path" in columns, list(columns))
    connection.close()
finish()
