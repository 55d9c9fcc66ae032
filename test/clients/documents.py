"""The code of docs/clients.md that is not SQL: the Python runs as it stands there, but for the address of the server; the Java,
the JavaScript and the Go stand in the programs of this folder, which run them."""

import json
import re

import dtlpy as dl
import polars as pl
import psycopg
from checks import check, dsn, finish, same, url

with open("docs/clients.md") as file:
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", file.read(), re.M | re.S)
same("the blocks there are", [b[0] for b in blocks if b[0] != "sql"], ["python", "python", "python", "java", "js", "go"])

python = [b[1].replace("postgresql://localhost/demo", url("demo")) for b in blocks if b[0] == "python"]
check("each names its server so", sum(url("demo") in block for block in python) == 2)
connection = psycopg.connect(dsn("demo"), autocommit=True)

# the client
names = {}
exec(python[0], names)
same("the builder", sorted(names["volumes"].rows()), sorted((i, p, float(s)) for i, p, s in connection.execute(
    "SELECT identifier, patient_id, size_mb FROM volume_current WHERE datasource_id = 'datasource/remind' AND modality = 'MR' AND size_mb > 30").fetchall()))
check("with rows", names["volumes"].height > 100)

# a line each: psycopg, and Polars over ADBC
lines = python[1].splitlines()
same("psycopg", len(eval(lines[0]).fetchall()), connection.execute("SELECT count(*) FROM volume WHERE modality = 'SEG'").fetchone()[0])
same("Polars over ADBC", eval(lines[1]).height, connection.execute("SELECT count(*) FROM volume_current").fetchone()[0])

# the SDK
names = {"dl": dl, "json": json, "connection": psycopg.connect(dsn("dataloop"), autocommit=True)}
exec(python[2], names)
same("the SDK", sorted(i["id"] for i in names["answer"]["items"]), sorted(r[0] for r in names["connection"].execute(
    """SELECT document ->> 'id' FROM items i WHERE document -> 'annotated' = 'true' AND document -> 'hidden' = 'false' AND document -> 'type' = '"file"'
       AND EXISTS (SELECT FROM annotations a WHERE a.document ->> 'itemId' = i.document ->> 'id' AND a.document ->> 'label' = 'dog')""")))

for language, program in {"java": "java/Jdbc.java", "js": "node/node_postgres.js", "go": "go/main.go"}.items():
    with open(f"test/clients/{program}") as file:
        text = " ".join(file.read().split())
    block = next(b[1] for b in blocks if b[0] == language)
    check(f"{program} runs what stands there", " ".join(block.split()) in text, block)
finish()
