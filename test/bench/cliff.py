"""cliff.py - does a filter make ORDER BY created_at DESC LIMIT 21 fall off a cliff?

Part of dql_bench.py. For each kind of filter below, 200 filters that match 0 to 10 of a million rows and 200 that match over
10 %, as DQL and as SQL tuned by hand, which knows what the planner has to estimate: few rows are gathered first (WITH ... AS
MATERIALIZED), for many the index on the order is walked. Asked for, of each kind: the 99th percentile of DQL within 3 times
the median of the tuned SQL.
"""
import json
import os
import random

HERE = os.path.dirname(os.path.abspath(__file__))
FILTERS = 200
RUNS = 5
ALL = "all kinds together"


def literal(value):
    return "'" + value.replace("'", "''") + "'"


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def contains(**members):
    return f"document @> {literal(json.dumps(members))}"


def sparse_kinds(rows):
    """kind: a maker of filters of 0 to 10 rows, each (DQL, SQL); common0 to common7 have 11 % of the rows each"""
    def rare():
        return f"rare{random.randrange(rows // 50)}"

    def column():
        a = rare()
        return {"code": a}, f"code = '{a}'"

    def member():
        a = rare()
        return {"document.code": a}, contains(code=a)

    def members():
        a, n = rare(), random.randrange(8)
        return {"document.code": f"common{n}", "document.site": a}, contains(code=f"common{n}", site=a)

    def nothing():
        n = random.randrange(10 ** 6)
        return {"document.meta.kind": f"none{n}"}, contains(meta={"kind": f"none{n}"})

    def mixed():
        a = rare()
        return {"document": {"code": a, "size": {"$gt": 100}}}, f"{contains(code=a)} AND (document ->> 'size')::int > 100"

    return {"column": column, "member of the document": member, "two members, one of them common": members,
            "value that is nowhere": nothing, "member and range": mixed}


def dense_kinds():
    """kind: a maker of filters of more than 10 % of the rows"""
    def column():
        n = random.randrange(8)
        return {"code": f"common{n}"}, f"code = 'common{n}'"

    def member():
        n = random.randrange(8)
        return {"document.code": f"common{n}"}, contains(code=f"common{n}")

    def mixed():
        size = random.randrange(4000)
        return {"document.flag": True, "document.size": {"$gt": size}}, f"{contains(flag=True)} AND (document ->> 'size')::int > {size}"

    def ranges():
        size = random.randrange(8000)
        return {"document.size": {"$gt": size}}, f"(document ->> 'size')::int > {size}"

    def negation():
        n = random.randrange(8)
        return {"document.site": {"$ne": f"common{n}"}}, f"NOT {contains(site=f'common{n}')}"

    return {"column": column, "member of the document": member, "member and range": mixed, "range": ranges, "negation": negation}


def measure(psql, filters, tuned, settings):
    """of each filter the milliseconds of both sides, and whether the plan walks the index on the order"""
    script = ["SET jit = off;", "SET max_parallel_workers_per_gather = 0;"]
    for dql, sql in filters:
        request = json.dumps({"filter": dql, "sort": {"created_at": "descending"}, "limit": 21})
        statement = literal(f"SELECT * FROM vxp.query(NULL::cliff.item, {literal(request)})")
        script.append(f"SELECT cliff.timed({statement}, '', {RUNS}), cliff.timed({literal(tuned(sql))}, {literal(settings)}, {RUNS}), cliff.walks({statement});")
    return [(float(ours), float(theirs), walks == "t") for ours, theirs, walks in (line.split("|") for line in psql("\n".join(script)))]


def summary(rows):
    """what the report says of the filters of a kind"""
    ours, theirs = [r[0] for r in rows], [r[1] for r in rows]
    return {"dql_median": percentile(ours, 0.5), "dql_p99": percentile(ours, 0.99), "sql_median": percentile(theirs, 0.5),
            "sql_p99": percentile(theirs, 0.99), "ratio": percentile(ours, 0.99) / percentile(theirs, 0.5),
            "filters": len(rows), "walks": sum(r[2] for r in rows)}


def measure_all(psql, rows, say):
    """a result for each kind, by name, and one for the filters of all kinds together, which is no bar: kinds differ by nature"""
    random.seed(7)
    if psql("SELECT to_regclass('cliff.item') IS NULL") == ["t"]:
        psql(f"\\i {HERE}/cliff.sql", rows=rows)
    results = {}
    sides = [("few rows", sparse_kinds(rows), "WITH m AS MATERIALIZED (SELECT * FROM cliff.item WHERE {}) SELECT * FROM m ORDER BY created_at DESC, id LIMIT 21", ""),
             ("many rows", dense_kinds(), "SELECT * FROM cliff.item WHERE {} ORDER BY created_at DESC, id LIMIT 21", "SET enable_bitmapscan = off")]
    for side, kinds, tuned, settings in sides:
        every = []
        for kind, make in kinds.items():
            name = f"{side}: {kind}"
            rows_of_kind = measure(psql, [make() for _ in range(FILTERS)], tuned.format, settings)
            every += rows_of_kind
            results[name] = summary(rows_of_kind)
            say(f"cliff, {name}: p99 {results[name]['ratio']:.2f} of the median of tuned SQL, {results[name]['walks']} walk")
        results[f"{side}: {ALL}"] = summary(every)
    return results
