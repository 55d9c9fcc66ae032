"""bench.py - measures the lineage indexes and their peers on one server, writes results/bench.json and results/performance.md

Started by bench.sh through with_server.sh. Settings: BENCH_ROWS, BENCH_SHAPE, BENCH_ONLY, BENCH_ESTIMATES (see bench.sh).
"""
import json
import os
import subprocess
import sys
import time

import report
from contestants import COMMON, contestants

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = int(os.environ.get("BENCH_ROWS") or 1260000)
SHAPE = os.environ.get("BENCH_SHAPE") or "wide"
ESTIMATES = os.environ.get("BENCH_ESTIMATES") != "no"
ONLY = (os.environ.get("BENCH_ONLY") or "").replace(",", " ").split()
OUT = os.path.join(os.environ["VXP_TMP"], "results")
BEGAN = time.monotonic()


def say(text):
    print(f"-- {time.monotonic() - BEGAN:5.0f} s  {text}", flush=True)


def psql(script, **variables):
    """runs a script in one session; the lines that it prints"""
    command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"]
    for name, value in variables.items():
        command += ["-v", f"{name}={value}"]
    run = subprocess.run(command, input=script, text=True, capture_output=True, check=False)
    if run.returncode:
        sys.exit(f"error: {run.stderr.strip()}\nin: {script[:2000]}")
    return run.stdout.splitlines()


def literal(value):
    return "'" + value.replace("'", "''") + "'"


def lines_json(query):
    return [json.loads(line) for line in psql(query)]


def milliseconds(statement):
    return float(psql(f"SELECT bench.timed({literal(statement)})")[0])


def median(values):
    values = sorted(values)
    n = len(values)
    return (values[(n - 1) // 2] + values[n // 2]) / 2


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


# --- the questions ---------------------------------------------------------------------------------------------------

COLUMNS = "identifier, modality, size, created_at"
TAIL = "modality = 'MR' ORDER BY created_at DESC, identifier LIMIT 100"


def typed(ask, value):
    return literal(value) if ask.kind == "text" else f"{literal(value)}::{ask.kind}"


def questions(ask, targets):
    """name -> list of (statement, rows it must give or None)"""
    def rows_of(condition):
        return f"SELECT {COLUMNS} FROM bench.r WHERE {condition}"

    def condition(target):
        return ask.condition(typed(ask, target[ask.value]), target["type"]) if ask.condition else None

    found = {}
    few = targets["few"]
    if ask.subtree:
        found["few"] = [(ask.subtree % typed(ask, t[ask.value]) + f"SELECT {COLUMNS} FROM s", t["n"]) for t in few]
    elif ask.few:
        if ask.few("x"):
            found["few"] = [(rows_of(ask.few(t["lpath"].split(".")[-1])), t["n"]) for t in few]
    elif ask.condition and ask.by_identifier:
        found["few"] = [(rows_of(condition(t)), t["n"]) for t in few]
        found["absent"] = [(rows_of(ask.condition(typed(ask, "patient/none such"), "patient")), 0)]
    if ask.path:
        kind = {"path": "lineage", "lpath": "ltree", "spath": "ltree", "local": "text"}[ask.path_value]
        found["path"] = [(rows_of(ask.path(f"{literal(t[ask.path_value])}::{kind}")), t["n"]) for t in few]
    for name in ("hundredth", "third"):
        t = targets[name][0]
        if ask.count:
            found[name] = [(ask.count % typed(ask, t[ask.value]), None)]
        elif condition(t):
            found[name] = [(f"SELECT count(*) FROM bench.r WHERE {condition(t)}", None)]
    t = targets["hundredth"][0]
    if ask.subtree:
        found["limit"] = [(ask.subtree % typed(ask, t[ask.value]) + f"SELECT identifier, created_at FROM s WHERE {TAIL}", None)]
    elif condition(t):
        found["limit"] = [(f"SELECT identifier, created_at FROM bench.r WHERE {condition(t)} AND {TAIL}", None)]
    if ask.semi:
        wanted = literal("{" + ",".join(targets["wanted"]) + "}") + "::text[]"
        found["semi"] = [(ask.semi.replace("{wanted}", wanted), None)]
    return found


def answer(ask, targets):
    result = {}
    for name, statements in questions(ask, targets).items():
        runs = 9 if name in ("few", "path", "absent") else 15
        got = lines_json(";\n".join(f"SELECT bench.measure({literal(s)}, {runs})" for s, _ in statements) + ";")
        for (statement, rows), g in zip(statements, got):
            # some count the resource itself, some do not
            if rows is not None and g["rows"] not in (rows, rows + 1):
                sys.exit(f"error: {g['rows']} rows instead of {rows}: {statement}")
        result[name] = {key: median([g[key] for g in got]) for key in ("ms", "buffers", "rows")}
        result[name]["plan"] = got[0]["nodes"]
    if "few" in result and not ask.subtree:
        # the index alone, exactly: what a bitmap scan says of its index
        got = lines_json("SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_seqscan = off;\n"
                         + "\n".join(f"SELECT bench.measure({literal(s)}, 1);" for s, _ in questions(ask, targets)["few"]))
        got = [g for g in got if g["index"] is not None]
        if got:
            result["few"]["index_buffers"] = median([g["index"] for g in got])
            result["few"]["bitmap_buffers"] = median([g["buffers"] for g in got])
    if "path" in result:
        got = lines_json("SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_seqscan = off;\n"
                         + "\n".join(f"SELECT bench.measure({literal(s)}, 1);" for s, _ in questions(ask, targets)["path"]))
        got = [g for g in got if g["index"] is not None]
        if got:
            result["path"]["index_buffers"] = median([g["index"] for g in got])
            result["path"]["bitmap_buffers"] = median([g["buffers"] for g in got])
    return result


# --- the estimates ---------------------------------------------------------------------------------------------------

def estimates(ask, sets):
    """q-errors: constants, $1, joins; percentiles"""
    types = psql("SELECT DISTINCT type FROM bench.ancestor ORDER BY type")
    constants, drawn, generic, generic_drawn, joins = [], [], [], [], []
    for kind in types:
        if ask.condition("x", kind) is None:
            continue
        template = "SELECT FROM bench.r WHERE " + ask.condition("\x01", kind).replace("%", "%%").replace(
            "\x01", "%1$L" if ask.kind == "text" else f"%1$L::{ask.kind}")
        for table, into in (("sample", constants), ("drawn", drawn)):
            into += [float(q) for q in psql(
                f"SELECT bench.q_error(bench.estimate(format({literal(template)}, {ask.value})), n) FROM bench.{table} WHERE type = '{kind}'")]
        prepared = f"PREPARE p({ask.kind}) AS SELECT FROM bench.r WHERE {ask.condition('$1', kind)};"
        for table, into in (("sample", generic), ("drawn", generic_drawn)):
            into += [float(q) for q in psql(
                f"SET plan_cache_mode = force_generic_plan; {prepared}\n"
                "WITH e AS MATERIALIZED (SELECT bench.estimate('EXECUTE p(NULL)') AS e)"
                f" SELECT bench.q_error(e.e, n) FROM e, bench.{table} WHERE type = '{kind}'")]
        of_type = [s for s in sets if s["type"] == kind]
        joins += [float(q) for q in psql("\n".join(
            "SELECT bench.q_error(bench.estimate({}), {});".format(
                literal(f"SELECT FROM bench.set_{s['number']} w JOIN bench.r ON {ask.condition('w.' + ask.value, kind)}"), s["n"])
            for s in of_type))]
    return {name: [percentile(q, 0.5), percentile(q, 0.95), len(q)]
            for name, q in (("constant", constants), ("constant_drawn", drawn), ("generic", generic),
                            ("generic_drawn", generic_drawn), ("join", joins)) if q}


def best_estimate(sizes):
    """the single estimate for these sizes that has the least p95 of the q-error; a list of the q-errors"""
    guesses = {round(1.1 ** k, 2) for k in range(145)}
    return min(([max(e / n, n / e) for n in sizes] for e in guesses), key=lambda q: (percentile(q, 0.95), percentile(q, 0.5)))


def floors(rows):
    """p50 and p95 that no estimate can beat which knows no more than this: nothing; the type; what ANALYZE sees

    ANALYZE reads 300 rows for each unit of the statistics target. An ancestor is seen well enough for a factor of two
    (p95) when about 8 rows of its subtree are read: half and double of 8 are beyond two standard deviations.
    """
    seen = round(8 * rows / 30000)
    result = {"seen": seen, "seen_1000": round(seen / 10), "one": {}, "typed": {}, "sampled": {}, "sampled_1000": {}}
    for table in ("sample", "drawn"):
        ancestors = [line.split("|") for line in psql(f"SELECT type, n FROM bench.{table}")]
        types = sorted({kind for kind, _ in ancestors})
        typed, sampled, sampled_1000 = [], [], []
        for kind in types:
            sizes = [int(n) for of, n in ancestors if of == kind]
            typed += best_estimate(sizes)
            for least, q in ((seen, sampled), (seen / 10, sampled_1000)):
                small = [n for n in sizes if n < least]
                q += (best_estimate(small) if small else []) + [1.0] * (len(sizes) - len(small))
        for name, q in (("one", best_estimate([int(n) for _, n in ancestors])), ("typed", typed), ("sampled", sampled),
                        ("sampled_1000", sampled_1000)):
            result[name][table] = [percentile(q, 0.5), percentile(q, 0.95)]
    return result


# --- one contestant --------------------------------------------------------------------------------------------------

def make_table(c):
    # The tables of the questions have rows of the same width, so that heaps have equally many pages and the index is what
    # differs. The rows that are inserted have their natural width.
    own = ", ".join([COMMON] + [f"{expression} AS {name}" for name, expression in c.columns.items()])
    sizes = " - ".join(["width"] + [f"coalesce(pg_column_size({expression}), 0)" for expression in c.columns.values()])
    full = f"{own}, repeat('.', greatest(0, {sizes})::int) AS filler"
    columns = f"{own}, '' AS filler"
    script = "DROP TABLE IF EXISTS bench.r, bench.r1, bench.r2, bench.r3, bench.closure, bench.c1, bench.c2, bench.c3; CHECKPOINT;\n"
    script += f"CREATE TABLE bench.r AS SELECT {full} FROM bench.node n;\n"
    for batch in (1, 2, 3):
        script += f"CREATE TABLE bench.r{batch} AS SELECT {columns} FROM bench.extra n WHERE batch = {batch} ORDER BY chance(number, 9), id;\n"
    if c.second:
        script += "CREATE TABLE bench.closure AS " + c.second.format(source="bench.node", order="n.id, a.id") + ";\n"
        for batch in (1, 2, 3):
            script += f"CREATE TABLE bench.c{batch} AS " + c.second.format(
                source=f"(SELECT * FROM bench.extra WHERE batch = {batch})", order="bench.chance(n.number, 9), n.id, a.id") + ";\n"
        script += "VACUUM ANALYZE bench.closure;\n"
    script += "VACUUM ANALYZE bench.r;\n" + "".join(f"{b};\n" for b in c.before)
    psql(script)


def build(c):
    """builds up to three times, no more after twelve seconds; the shortest time"""
    times = []
    while c.indexes and (not times or (len(times) < 3 and sum(times) < 12000)):
        if times:
            psql("".join(f"DROP INDEX bench.{name};" for name in index_names(c)))
        times.append(sum(milliseconds(statement) for statement in c.indexes))
    return min(times, default=None)


def index_names(c):
    return psql("SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class i ON i.oid = indexrelid "
                "WHERE indrelid IN (to_regclass('bench.r'), to_regclass('bench.closure')) AND i.relname NOT IN ('r_id', 'r_identifier')"
                .replace("indexrelid::regclass::text", "i.relname"))


def size(c):
    return sum(int(s) for s in psql("SELECT pg_relation_size(indexrelid) FROM pg_index JOIN pg_class i ON i.oid = indexrelid "
                                    "WHERE indrelid IN (to_regclass('bench.r'), to_regclass('bench.closure')) "
                                    "AND i.relname NOT IN ('r_id', 'r_identifier')"))


def insert(c):
    """three batches; the shortest time, since the machine may do other things too"""
    times = []
    for batch in (1, 2, 3):
        spent = milliseconds(f"INSERT INTO bench.r SELECT * FROM bench.r{batch}")
        if c.second:
            spent += milliseconds(f"INSERT INTO bench.closure SELECT * FROM bench.c{batch}")
        times.append(spent)
    return min(times)


def run(c, targets, sets):
    say(f"{c.title}: table")
    make_table(c)
    result = {"title": c.title, "ours": c.ours, "asks": []}
    if c.indexes:
        say(f"{c.title}: build")
        result["build_ms"] = build(c)
        result["bytes"] = size(c)
        result["heap_bytes"] = int(psql("SELECT pg_relation_size('bench.r')")[0])
        # hint bits and the visibility map are as after a while of use
        psql("VACUUM bench.r;" + ("VACUUM bench.closure;" if c.second else ""))
        if c.second:
            result["table_bytes"] = int(psql("SELECT pg_table_size('bench.closure')")[0])
    for ask in c.asks:
        say(f"{c.title}: questions {ask.title}")
        got = {"title": ask.title, "questions": answer(ask, targets)}
        if ESTIMATES and ask.estimates and ask.condition:
            got["q_error"] = estimates(ask, sets)
        result["asks"].append(got)
    if ESTIMATES and c.name == "gist":
        # what the estimates are without a look into the index
        psql("ALTER DATABASE postgres SET vxp.estimate_pages = 0")
        result["asks"].append({"title": "statistics alone", "questions": {}, "q_error": estimates(c.asks[0], sets)})
        psql("ALTER DATABASE postgres RESET vxp.estimate_pages")
    if ESTIMATES and c.ask_again:
        # more is known with more statistics; ten times the usual here
        say(f"{c.title}: statistics target 1,000")
        psql("".join(f"ALTER TABLE bench.r ALTER {column} SET STATISTICS 1000;" for column in c.columns) + "ANALYZE bench.r;")
        result["asks"].append({"title": "statistics target 1,000", "questions": {}, "q_error": estimates(c.asks[0], sets)})
    say(f"{c.title}: insert")
    result["insert_ms"] = insert(c)
    if c.indexes:
        result["bytes_after"] = size(c)
    return result


def set_indexes():
    """the indexes of a resource type at the end of the chain, for our one table"""
    psql("CREATE SCHEMA types; SET search_path = types, vxp;"
         "SELECT create_resource_type('Datasource', versioned => false); SELECT create_resource_type('Patient', parents => '{Datasource}', versioned => false);"
         "SELECT create_resource_type('ImagingStudy', parents => '{Patient}', lineage_field => 'study_id', versioned => false);"
         "SELECT create_resource_type('Volume', parents => '{ImagingStudy}', versioned => false);")
    return psql("SELECT regexp_replace(indexdef, 'INDEX \\S+ ON \\S+', 'INDEX ON bench.r') "
                "FROM pg_indexes WHERE schemaname = 'types' AND tablename = 'volume' ORDER BY indexname")


def main():
    os.makedirs(OUT, exist_ok=True)
    psql("CREATE EXTENSION vxp_query; CREATE EXTENSION ltree; CREATE SCHEMA bench; ALTER DATABASE postgres SET search_path = bench, public, vxp;")
    psql(f"\\i {HERE}/measure.sql")
    say(f"tree of {ROWS} rows, {SHAPE}")
    psql(f"\\i {HERE}/generate.sql", rows=ROWS, shape=SHAPE, batch=max(1, min(100000, ROWS * 10 // 126)))
    psql("CREATE TABLE bench.numbered AS SELECT id, identifier FROM bench.node UNION ALL SELECT id, identifier FROM bench.extra; ANALYZE bench.numbered;")
    data = json.loads(psql("SELECT jsonb_build_object('rows', (SELECT count(*) FROM bench.node), 'patients', (SELECT count(*) FROM bench.patient),"
                           "'batch', (SELECT count(*) FROM bench.extra WHERE batch = 2), 'depth', (SELECT max(cardinality(labels)) FROM bench.node),"
                           "'sample', (SELECT count(*) FROM bench.sample), 'sets', (SELECT count(*) FROM bench.sets),"
                           "'server', split_part(current_setting('server_version'), ' ', 1))")[0])
    data.update(shape=SHAPE, floors=floors(data["rows"]))
    targets = {}
    for t in lines_json("SELECT to_jsonb(t) FROM bench.target t"):
        targets.setdefault(t["kind"], []).append(t)
    targets["wanted"] = psql("SELECT identifier FROM bench.wanted")
    data["targets"] = {kind: median([t["n"] for t in of]) for kind, of in targets.items() if kind != "wanted"}
    sets = lines_json("SELECT to_jsonb(s) FROM bench.sets s ORDER BY number")
    classes = psql("SELECT opcname FROM pg_opclass")
    say(f"{data['rows']} rows, subtrees of {data['targets']}")
    data["contestants"] = {}
    for c in contestants(set_indexes()):
        if ONLY and c.name not in ONLY:
            continue
        if c.opclass and c.opclass not in classes:
            say(f"{c.title}: not there")
            continue
        data["contestants"][c.name] = run(c, targets, sets)
        with open(os.path.join(OUT, "bench.json"), "w", encoding="utf-8") as out:
            json.dump(data, out, indent=1)
    report.write(data, os.path.join(OUT, "performance.md"))
    say("done")


if __name__ == "__main__":
    main()
