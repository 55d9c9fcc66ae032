"""cliff.py - does a filter make ORDER BY created_at DESC LIMIT 21 fall off a cliff?

200 filters that match 0 to 10 rows and 200 that match over 10 % of a million rows, as DQL and as SQL tuned by hand,
which knows what the planner has to estimate: for few rows they are gathered first (WITH ... AS MATERIALIZED), for many
the index on the order is walked. Asked for: the 99th percentile of DQL within 3 times the median of the tuned SQL.

    test/with_server.sh python3 test/bench/cliff.py         CLIFF_ROWS=100000 for a small run
"""
import json
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = int(os.environ.get("CLIFF_ROWS") or 1000000)
RUNS = int(os.environ.get("CLIFF_RUNS") or 3)


def psql(script, **variables):
    command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"]
    for name, value in variables.items():
        command += ["-v", f"{name}={value}"]
    run = subprocess.run(command, input=script, text=True, capture_output=True, check=False)
    if run.returncode:
        sys.exit(f"error: {run.stderr.strip()}\nin: {script[:2000]}")
    return run.stdout.splitlines()


def literal(value):
    return "'" + value.replace("'", "''") + "'"


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def contains(**members):
    return f"document @> {literal(json.dumps(members))}"


def sparse():
    """filters of 0 to 10 rows: (DQL, SQL)"""
    last = ROWS // 50
    rare = lambda: f"rare{random.randrange(last)}"
    for i in range(200):
        a, b, n = rare(), rare(), random.randrange(8)
        if i % 5 == 0:
            yield {"code": a}, f"code = '{a}'"
        elif i % 5 == 1:
            yield {"document.code": a}, contains(code=a)
        elif i % 5 == 2:
            yield {"document.code": f"common{n}", "document.site": a}, contains(code=f"common{n}", site=a)
        elif i % 5 == 3:
            yield {"document.meta.kind": f"none{i}"}, contains(meta={"kind": f"none{i}"})
        else:
            yield {"document": {"code": a, "size": {"$gt": 100}}}, f"{contains(code=a)} AND (document ->> 'size')::int > 100"


def dense():
    """filters of more than 10 % of the rows"""
    for i in range(200):
        n, size = random.randrange(8), random.randrange(8000)
        if i % 5 == 0:
            yield {"code": f"common{n}"}, f"code = 'common{n}'"
        elif i % 5 == 1:
            yield {"document.code": f"common{n}"}, contains(code=f"common{n}")
        elif i % 5 == 2:
            yield {"document.flag": True, "document.size": {"$gt": size // 2}}, f"{contains(flag=True)} AND (document ->> 'size')::int > {size // 2}"
        elif i % 5 == 3:
            yield {"document.size": {"$gt": size}}, f"(document ->> 'size')::int > {size}"
        else:
            yield {"document.site": {"$ne": f"common{n}"}}, f"NOT {contains(site=f'common{n}')}"


def measure(name, filters, tuned, settings):
    filters = list(filters)
    script = ["SET jit = off;", "SET max_parallel_workers_per_gather = 0;"]
    for dql, sql in filters:
        request = json.dumps({"filter": dql, "sort": {"created_at": "descending"}, "limit": 21})
        statement = literal(f"SELECT * FROM vxp.query(NULL::cliff.item, {literal(request)})")
        script.append(f"SELECT cliff.timed({statement}, '', {RUNS}), cliff.timed({literal(tuned(sql))}, {literal(settings)}, {RUNS}), "
                      f"cliff.walks({statement}), (SELECT count(*) FROM ({tuned(sql)}) t);")
    rows = [line.split("|") for line in psql("\n".join(script))]
    ours, theirs = [float(r[0]) for r in rows], [float(r[1]) for r in rows]
    worst = max(range(len(ours)), key=lambda i: ours[i])
    by_kind = [percentile(ours[k::5], 0.99) / percentile(theirs[k::5], 0.5) for k in range(5)]
    result = {"name": name, "dql_median": percentile(ours, 0.5), "dql_p99": percentile(ours, 0.99), "sql_median": percentile(theirs, 0.5),
              "sql_p99": percentile(theirs, 0.99), "ratio": percentile(ours, 0.99) / percentile(theirs, 0.5),
              "walks": sum(r[2] == "t" for r in rows), "worst": json.dumps(filters[worst][0]),
              "by_kind": ", ".join(f"{r:.1f}" for r in by_kind)}
    print("{name}: DQL median {dql_median:.2f} ms, p99 {dql_p99:.2f} ms; tuned SQL median {sql_median:.2f} ms, p99 {sql_p99:.2f} ms; "
          "p99 of DQL / median of SQL = {ratio:.1f}, for filters of one kind {by_kind}; {walks} of 200 walk the order; slowest: {worst}".format(**result), flush=True)
    return result


def main():
    random.seed(7)
    psql("CREATE EXTENSION IF NOT EXISTS vxp_query;")
    if psql("SELECT to_regclass('cliff.item') IS NULL") == ["t"]:
        with open(os.path.join(HERE, "cliff.sql"), encoding="utf-8") as script:
            psql(script.read(), rows=ROWS)
    results = [
        measure("sparse", sparse(), lambda sql: f"WITH m AS MATERIALIZED (SELECT * FROM cliff.item WHERE {sql}) SELECT * FROM m ORDER BY created_at DESC, id LIMIT 21", ""),
        measure("dense", dense(), lambda sql: f"SELECT * FROM cliff.item WHERE {sql} ORDER BY created_at DESC, id LIMIT 21", "SET enable_bitmapscan = off"),
    ]
    if "VXP_TMP" in os.environ:
        out = os.path.join(os.environ["VXP_TMP"], "results")
        os.makedirs(out, exist_ok=True)
        with open(os.path.join(out, "cliff.json"), "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)


main()
