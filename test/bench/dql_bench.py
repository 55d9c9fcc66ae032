"""dql_bench.py - measures DQL against the SQL that vxp.to_sql prints for it, writes results/dql.json and results/dql.md

Started by bench.sh through with_server.sh. Settings: DQL_ROWS, DQL_DOCUMENTS, DQL_ROUNDS, DQL_ONLY (see bench.sh).
"""
import glob
import json
import os
import re
import subprocess
import sys
import time

import cliff
import dql_report

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = int(os.environ.get("DQL_ROWS") or 1000000)
DOCUMENTS = int(os.environ.get("DQL_DOCUMENTS") or 100000)
ROUNDS = int(os.environ.get("DQL_ROUNDS") or 25)
ONLY = (os.environ.get("DQL_ONLY") or "").replace(",", " ").split()
TMP = os.environ["VXP_TMP"]
OUT = os.path.join(TMP, "results")
BEGAN = time.monotonic()


def say(text):
    print(f"-- {time.monotonic() - BEGAN:5.0f} s  {text}", flush=True)


def run(command, script=None, may_fail=False):
    done = subprocess.run(command, input=script, text=True, capture_output=True, check=False)
    if done.returncode and not may_fail:
        sys.exit(f"error: {done.stderr.strip()}\nin: {' '.join(command)}\n{(script or '')[:2000]}")
    return done


def psql(script, **variables):
    """runs a script in one session; the lines that it prints"""
    command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"]
    for name, value in variables.items():
        command += ["-v", f"{name}={value}"]
    return run(command, script).stdout.splitlines()


def literal(value):
    return "'" + value.replace("'", "''") + "'"


def median(values):
    values = sorted(values)
    n = len(values)
    return (values[(n - 1) // 2] + values[n // 2]) / 2


def shown(statements):
    """for the numbers file: a statement may have half a million characters"""
    return "; ".join([statements] if isinstance(statements, str) else statements)[:1000]


def request(**members):
    return json.dumps(members)


def to_sql(text, of):
    """the SQL of a request, on one line"""
    return re.sub(r"\s+", " ", " ".join(psql(f"SELECT vxp.to_sql(NULL::bench.{of}, {literal(text)})"))).strip()


# What the backend has used: the first number of its schedstat, nanoseconds of processor time.
MARK = ("INSERT INTO bench.mark VALUES (:i / %d, split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float8 / 1000000, "
        "extract(epoch FROM clock_timestamp()) * 1000)")


# --- one comparison --------------------------------------------------------------------------------------------------

def compare(name, dql, sql, mode="simple", block=200, rounds=None, variables=(), settings="", warm=2):
    """medians over rounds of one pgbench session, each DQL, SQL, SQL, DQL in blocks of so many executions

    "dql" and "sql" are statements, or lists of statements that belong together. A statement is prepared once in a session, as by
    a program that keeps its statements. What the backend used is read between blocks.
    """
    def commands(statements):
        return "".join(s + ";\n" for s in ([statements] if isinstance(statements, str) else statements))

    rounds = rounds or ROUNDS
    script = (f"\\set n random(1, {max(1, ROWS // 20)})\n\\set part :i / {block} % 4\n\\if :part = 0 or :part = 3\n{commands(dql)}\\else\n{commands(sql)}"
              f"\\endif\n\\set i :i + 1\n\\if :i % {block} = 0\n{MARK % block};\n\\endif\n")
    path = os.path.join(TMP, "pair.sql")
    with open(path, "w", encoding="utf-8") as out:
        out.write(script)
    command = ["pgbench", "-n", "-M", mode, "-c", "1", "-t", str(block * 4 * (rounds + warm)), "-f", path]
    for key, value in (("i", 0), *variables):
        command += ["-D", f"{key}={value}"]
    psql("TRUNCATE bench.mark; CHECKPOINT")
    os.environ["PGOPTIONS"] = settings
    run(command)
    del os.environ["PGOPTIONS"]
    marks = [[float(x) for x in line.split("|")] for line in psql("SELECT processor, clock FROM bench.mark ORDER BY n")]
    rows = []
    for k in range(max(4 * warm, 4), len(marks) - 4 + 1, 4):
        # the marks before and behind each of the four blocks
        p, c = ([m[i] for m in marks[k - 1:k + 4]] for i in (0, 1))
        rows.append([t / (2 * block) for t in (p[1] - p[0] + p[4] - p[3], p[3] - p[1], c[1] - c[0] + c[4] - c[3], c[3] - c[1])])
    result = {"dql_ms": median([r[0] for r in rows]), "sql_ms": median([r[1] for r in rows]), "ratio": median([r[0] / r[1] for r in rows]),
              "clock_ratio": median([r[2] / r[3] for r in rows]), "rounds": len(rows), "dql": shown(dql), "sql": shown(sql)}
    say(f"{name}: {result['ratio']:.3f} of {1000 * result['sql_ms']:.1f} us (clock {result['clock_ratio']:.3f})")
    return result


# --- the requests ----------------------------------------------------------------------------------------------------

COLUMNS = ["id", "size", "created_at"]
TEN = {"modality": "MR", "volume_type": {"$in": ["T1", "T2"]}, "slice_thickness": {"$gte": 1, "$lt": 5}, "size": {"$gt": 1000}, "n_rows": {"$lte": 1000},
       "n_columns": {"$ne": 16}, "n_slices": {"$between": [10, 300]}, "flagged": False, "created_at": {"$gte": "2020-06-01T00:00:00Z"}}


def columns(alias=None):
    return ", ".join(f"{alias}.{c}" if alias else c for c in COLUMNS)


def volume(text, arguments=""):
    return f"SELECT {columns()} FROM vxp.query(NULL::bench.volume, {literal(text)}{arguments})"


def volume_sql(**members):
    return to_sql(request(select=COLUMNS, **members), "volume")


def point_filter(number):
    return {"id": number}


def ten_filter(patient):
    return dict(patient_id=patient, **TEN)


def statement_rows(add):
    """the rows of the bar that are about planning; small answers, by an index"""
    marker = 424242

    def vary(text):
        """another number in each execution"""
        assert str(marker) in text, text
        return text.replace(str(marker), ":n")

    def bound(text):
        return text.replace(str(marker), ":n::int")

    def bind_sql(filter_of):
        return volume_sql(filter=filter_of({"$param": 1})).replace("$1", ":n::int")

    point, ten = request(filter=point_filter(marker)), request(filter=ten_filter(marker))
    point_sql, ten_sql = volume_sql(filter=point_filter(marker)), volume_sql(filter=ten_filter(marker))
    two = {"modality": "MR", "flagged": True}
    join = f"SELECT p.code, {columns('v')} FROM {{}} v JOIN bench.patient p ON p.id = v.patient_id WHERE p.id = :n"
    join_sql = join.format("bench.volume") + " AND " + to_sql(request(filter=two), "volume").split(" WHERE ")[1]
    bind_one, bind_ten = volume(request(filter=point_filter({"$param": 1})), ", :n::int"), volume(request(filter=ten_filter({"$param": 1})), ", :n::int")
    custom = "-c plan_cache_mode=force_custom_plan"
    parameter = f"SELECT {columns()} FROM vxp.query(NULL::bench.volume, :q::vxp.dql)"
    add("same", point_sql, point_sql, mode="prepared", block=500)
    add("constant, one", volume(point), point_sql, mode="prepared", block=500)
    add("constant, ten", volume(ten), ten_sql, mode="prepared", block=500)
    add("bind, one", bind_one, bind_sql(point_filter), mode="prepared", block=500)
    add("bind, ten", bind_ten, bind_sql(ten_filter), mode="prepared", block=500)
    add("point", vary(volume(point)), vary(point_sql))
    add("ten", vary(volume(ten)), vary(ten_sql), block=100)
    add("join", join.format(f"vxp.query(NULL::bench.volume, {literal(request(filter=two))})"), join_sql, block=100)
    # what the server itself needs to make a call part of a query
    psql(f"CREATE OR REPLACE FUNCTION bench.two() RETURNS SETOF bench.volume LANGUAGE sql STABLE BEGIN ATOMIC SELECT * FROM bench.volume WHERE {join_sql.split(' AND ', 1)[1]}; END")
    add("function join", join.format("bench.two()"), join_sql, block=100)
    psql(f"CREATE OR REPLACE FUNCTION bench.one() RETURNS SETOF bench.volume LANGUAGE sql STABLE BEGIN ATOMIC SELECT * FROM bench.volume WHERE id = {marker}; END")
    add("function point", f"SELECT {columns()} FROM bench.one()", point_sql)
    add("parameter, one", parameter, bound(point_sql), mode="prepared", variables=[("q", point)], settings=custom)
    add("parameter, ten", parameter, bound(ten_sql), mode="prepared", variables=[("q", ten)], settings=custom, block=100)


def planned(statement):
    """reads and plans a statement, and runs none of it"""
    return ["BEGIN", f"DECLARE c CURSOR FOR {statement}", "ROLLBACK"]


def many_rows(add):
    """requests with very many conditions or values"""
    def conditions(count):
        return {"$or": [{"size": {"$gt": 999000 + i}, "n_slices": {"$lt": 1 + i % 300}} for i in range(count // 2)]}

    for count in (250, 500, 1000):
        add(f"conditions, {count}", planned(volume(request(filter=conditions(count)))), planned(volume_sql(filter=conditions(count))), block=2, rounds=8)
    # both sides are DQL: the many against the few
    add("growth", planned(volume(request(filter=conditions(1000)))), planned(volume(request(filter=conditions(250)))), block=2, rounds=8)
    filter_ = {"id": {"$in": [16 * i + 1 for i in range(60000)]}}
    add("values, 60000", planned(volume(request(filter=filter_))), planned(volume_sql(filter=filter_)), block=1, rounds=5)


def page_rows(add):
    """a page with its exact count, against the two statements that a person writes"""
    where = {"flagged": False, "n_slices": {"$gt": 40}}
    of = request(resource="Volume", filter=where, sort=[{"created_at": -1}], pageSize=100)
    condition = volume_sql(filter=where).split(" WHERE ")[1]
    add("page", f"SELECT vxp.page({literal(of)})",
        [f"SELECT to_jsonb(v) FROM bench.volume v WHERE {condition} ORDER BY created_at DESC, id LIMIT 101",
         f"SELECT count(*) FROM bench.volume WHERE {condition}"], block=1, rounds=40, warm=1)


# --- conditions on documents -----------------------------------------------------------------------------------------

# (DQL, jsonpath, jsquery); nearly all documents pass each, so that all of them are tested
DOCUMENT = [
    ({"metadata.system.size": {"$gt": 100000}}, "$.metadata.system.size > 100000", "metadata.system.size > 100000"),
    ({"metadata.user.score": {"$lt": 0.9}}, "$.metadata.user.score < 0.9", "metadata.user.score < 0.9"),
    ({"annotationsCount": {"$gte": 3}}, "$.annotationsCount >= 3", "annotationsCount >= 3"),
    ({"type": "file"}, '$.type == "file"', 'type = "file"'),
    ({"hidden": False}, "$.hidden == false", "hidden = false"),
    ({"metadata.system.width": {"$gte": 128}}, "$.metadata.system.width >= 128", "metadata.system.width >= 128"),
    ({"metadata.system.channels": {"$in": [1, 2, 3]}},
     "($.metadata.system.channels == 1 || $.metadata.system.channels == 2 || $.metadata.system.channels == 3)", "metadata.system.channels IN (1, 2, 3)"),
    ({"metadata.user.modality": {"$ne": "MG"}}, '!($.metadata.user.modality == "MG")', 'NOT metadata.user.modality = "MG"'),
    ({"metadata.system.mimetype": {"$ne": "video/mp4"}}, '!($.metadata.system.mimetype == "video/mp4")', 'NOT metadata.system.mimetype = "video/mp4"'),
    ({"metadata.user.reviewed": False}, "$.metadata.user.reviewed == false", "metadata.user.reviewed = false")]
# in front of them, where an index is to find the candidates
SITE = ({"metadata.user.site": "site-42"}, '$.metadata.user.site == "site-42"', 'metadata.user.site = "site-42"')


def document_rows(add, jsquery):
    """conditions on a document, against the operators that others use for them"""
    for table, first, block in (("document", [], 1), ("document_gin", [SITE], 5)):
        for count in (1, 3, 10):
            conditions = (first + DOCUMENT)[:count]
            filter_ = {}
            for condition in conditions:
                filter_.update(condition[0])
            dql = f"SELECT count(*) FROM vxp.query(NULL::bench.{table}, {literal(request(filter=filter_))})"
            peers = {"jsonpath, one each": " AND ".join(f"doc @@ {literal(c[1])}::jsonpath" for c in conditions)}
            if count > 1:
                peers["jsonpath, all in one"] = f"doc @@ {literal(' && '.join(c[1] for c in conditions))}::jsonpath"
            if jsquery:
                peers["jsquery"] = f"doc @@ {literal(' AND '.join(c[2] for c in conditions))}::jsquery"
            answer = psql(dql)
            for title, where in peers.items():
                sql = f"SELECT count(*) FROM bench.{table} WHERE {where}"
                if psql(sql) != answer:
                    sys.exit(f"error: {psql(sql)} documents instead of {answer}: {sql}")
                add(f"{table}, {count}, {title}", dql, sql, block=block, rounds=4, warm=1)


def find_jsquery():
    """jsquery, from the server or from its package, which is unpacked beside our own extension and not installed"""
    def create():
        return run(["psql", "-XqAt", "-c", "CREATE EXTENSION IF NOT EXISTS jsquery"], may_fail=True).returncode == 0

    if create():
        return True
    major = psql("SELECT current_setting('server_version_num')::int / 10000")[0]
    folder = os.path.join(TMP, "jsquery")
    os.makedirs(folder, exist_ok=True)
    try:
        subprocess.run(["apt-get", "download", "-q", f"postgresql-{major}-jsquery"], cwd=folder, capture_output=True, check=False, timeout=120)
        for package in glob.glob(os.path.join(folder, "*.deb")):
            subprocess.run(["dpkg", "-x", package, os.path.join(os.environ["PGHOST"], "dest")], capture_output=True, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return create()


def main():
    os.makedirs(OUT, exist_ok=True)
    if not psql("SELECT 1 FROM pg_namespace WHERE nspname = 'bench'"):
        psql("CREATE EXTENSION vxp_query; CREATE SCHEMA bench")
    if not psql("SELECT to_regclass('bench.volume')")[0]:
        say(f"{ROWS} volumes, {DOCUMENTS} documents")
        psql(f"\\i {HERE}/dql_schema.sql", rows=ROWS, documents=DOCUMENTS)
    data = {"rows": ROWS, "documents": DOCUMENTS, "server": psql("SELECT split_part(current_setting('server_version'), ' ', 1)")[0],
            "jsquery": find_jsquery(), "results": {}}

    def add(name, *args, **more):
        if ONLY and not any(name.startswith(only) for only in ONLY):
            return
        data["results"][name] = compare(name, *args, **more)
        with open(os.path.join(OUT, "dql.json"), "w", encoding="utf-8") as out:
            json.dump(data, out, indent=1)

    statement_rows(add)
    many_rows(add)
    page_rows(add)
    document_rows(add, data["jsquery"])
    if not ONLY or "cliff" in ONLY:
        data["cliff"] = cliff.measure_all(psql, ROWS, say)
        with open(os.path.join(OUT, "dql.json"), "w", encoding="utf-8") as out:
            json.dump(data, out, indent=1)
    dql_report.write(data, os.path.join(OUT, "dql.md"))
    say("done")


if __name__ == "__main__":
    main()
