"""dql_report.py - makes the tables and bars about DQL in docs/performance.md from what dql_bench.py measured

dql_report.py dql.json PAGE    write the page again from the numbers
"""
import json
import sys

import cliff
from report import table, write_page

# the rows of the bar: name in the numbers, title, limit; ratios of processor time
STATEMENTS = [
    ("constant, one", "prepared, constant request: one condition", 1.02),
    ("constant, ten", "prepared, constant request: ten conditions", 1.02),
    ("bind, one", "prepared, bind variable: one condition", 1.02),
    ("bind, ten", "prepared, bind variable: ten conditions", 1.02),
    ("ten", "simple protocol, ten conditions", 1.15),
    ("join", "simple protocol, join with a table", 1.15),
    ("point", "simple protocol, one-row look-up with one condition", 1.5),
    ("parameter, one", "request text as parameter, custom plan each time: one condition", 1.6),
    ("parameter, ten", "request text as parameter, custom plan each time: ten conditions", 1.6),
    ("page", "page of 100 with exact count, against two statements", 1.1)]


# not in the bar: what a call costs that the server itself makes part of a query, and what two equal sides differ by
BESIDE = [
    ("function join", "for comparison, in place of DQL: that join with an SQL function that the server inlines", None),
    ("function point", "for comparison, in place of DQL: that look-up by an SQL function that the server inlines", None),
    ("same", "the same SQL on both sides (the noise)", None)]


def milliseconds(x):
    return f"{1000 * x:.0f} µs" if x < 1 else f"{x:.1f} ms"


def best_peer(results, kind, count):
    """the fastest other way to write these conditions: ratio and name"""
    found = [(r["ratio"], name.split(", ", 2)[2]) for name, r in results.items() if name.startswith(f"{kind}, {count}, ")]
    return max(found, default=None)


def bars(data):
    """lines: (ok or None, text)"""
    results, lines = data["results"], []

    def bar(text, value, limit, show):
        lines.append((None if value is None else value <= limit, f"{text}: {'not measured' if value is None else show(value)}"))

    for name, title, limit in STATEMENTS:
        r = results.get(name)
        bar(f"{title}: at most {limit} times the SQL", r and r["ratio"], limit, lambda x: f"{x:.2f}")
    many, growth = results.get("conditions, 1000"), results.get("growth")
    bar("1,000 conditions: planning under 20 ms", many and many["dql_ms"], 20, milliseconds)
    bar("1,000 conditions: linear, so at most 5 times the time of 250", growth and growth["ratio"], 5, lambda x: f"{x:.1f}")
    values = results.get("values, 60000")
    bar("60,000 values in $in: under 300 ms", values and values["dql_ms"], 300, milliseconds)
    for kind, r in data.get("cliff", {}).items():
        if not kind.endswith(cliff.ALL):
            bar(f"ORDER BY and LIMIT, {kind}: 99 % within 3 times the median of SQL tuned by hand", r["ratio"], 3, lambda x: f"{x:.2f}")
    for kind, title in (("document", "sequential"), ("document_gin", "with GIN")):
        for count in (1, 3, 10):
            peer = best_peer(results, kind, count)
            bar(f"JSON, {count} condition{'s' if count > 1 else ''}, {title}: faster than jsonpath{' and jsquery' if data['jsquery'] else ''}",
                peer and peer[0], 1, lambda x, p=peer: f"{x:.2f} of {p[1]}")
    return lines


def page(data):
    results = data["results"]
    lines = [f"Measured on PostgreSQL {data['server']}: {data['rows']:,} volumes, {data['documents']:,} documents; "
             f"jsquery {'is' if data['jsquery'] else 'was not'} among the peers.", "", "### Bars: DQL", ""]
    lines += [f"- {'**not measured**' if ok is None else 'ok' if ok else '**missed**'}: {text}" for ok, text in bars(data)]
    lines += ["", "### DQL against the same SQL", ""]
    rows = [[title, milliseconds(results[name]["sql_ms"]), milliseconds(results[name]["dql_ms"]), f"{results[name]['ratio']:.2f}",
             f"{results[name]['clock_ratio']:.2f}"] for name, title, _ in STATEMENTS + BESIDE if name in results]
    rows += many(results)
    lines += table(["statement", "SQL", "DQL", "ratio", "ratio by the clock"], rows)
    lines += ["", "### Conditions on documents, against other operators", ""]
    rows = []
    for kind, title in (("document", "sequential"), ("document_gin", "with GIN")):
        for count in (1, 3, 10):
            of = {name.split(", ", 2)[2]: r for name, r in results.items() if name.startswith(f"{kind}, {count}, ")}
            if of:
                rows.append([f"{count}, {title}", milliseconds(next(iter(of.values()))["dql_ms"])]
                            + [f"{1 / of[p]['ratio']:.2f}" if p in of else "-" for p in ("jsonpath, all in one", "jsonpath, one each", "jsquery")])
    lines += table(["conditions", "DQL", "jsonpath, all in one", "jsonpath, one each", "jsquery"], rows)
    lines += ["", "### ORDER BY and LIMIT under filters of few and of many rows", ""]
    lines += table(["filters", "tuned SQL, median", "tuned SQL, 99 %", "DQL, median", "DQL, 99 %", "DQL, 99 %, of the median of SQL", "plans that walk the order"],
                   [[kind] + [milliseconds(r[k]) for k in ("sql_median", "sql_p99", "dql_median", "dql_p99")] + [f"{r['ratio']:.2f}", f"{r['walks']} of {r['filters']}"]
                    for kind, r in data.get("cliff", {}).items()])
    return "\n".join(lines) + "\n"


def many(results):
    """the lines of the requests with very many conditions or values"""
    rows = []
    for name, r in results.items():
        kind, _, count = name.partition(", ")
        if kind in ("conditions", "values"):
            what = f"{int(count):,} conditions" if kind == "conditions" else f"{int(count):,} values in $in"
            rows.append([f"{what}, read and planned only", milliseconds(r["sql_ms"]), milliseconds(r["dql_ms"]), f"{r['ratio']:.2f}", f"{r['clock_ratio']:.2f}"])
    return rows


def write(data, path):
    write_page(page(data), bars(data), path)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as numbers:
        write(json.load(numbers), sys.argv[2])
