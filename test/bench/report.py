"""report.py - makes the tables and the bars of docs/performance.md from what bench.py measured

report.py bench.json PAGE          write the page again from the numbers
report.py --renew PAGE DOCUMENT [PART]    put the page between the marks of the document
"""
import json
import sys

# the marks of the pages: of the indexes (no name), and of another part
BEGIN, END = "<!-- begin{}: written by make bench -->", "<!-- end{}: written by make bench -->"
USUAL = 2000000     # rows; a larger run has a shorter page, with the bars that do not depend on the number of rows
QUESTIONS = {"few": "by identifier", "path": "by path", "hundredth": "1 % count", "third": "30 % count", "semi": "semi-join",
             "limit": "filter, order, limit"}


def number(x):
    if x is None:
        return "-"
    return f"{x:,.0f}" if x >= 100 or x == int(x) else f"{x:.3g}"


def ratio(x):
    return "-" if x is None else f"{x:.2f}" if x < 10 else f"{x:,.0f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return lines + ["| " + " | ".join(r) + " |" for r in rows]


class Numbers:
    """what was measured, and the best of the peers"""

    def __init__(self, data):
        self.data = data
        self.all = data["contestants"]
        self.million = data["rows"] / 1e6

    def rows(self):
        """(title, contestant, ask) for each line of a table"""
        for c in self.all.values():
            for ask in c["asks"]:
                yield c["title"] + (f", {ask['title']}" if len(c["asks"]) > 1 and ask["title"] else ""), c, ask

    def question(self, ask, name, what):
        q = ask["questions"].get(name)
        return q.get(what) if q else None

    def of(self, contestant, name, what):
        """the best of a contestant's ways to ask, or None"""
        c = self.all.get(contestant)
        found = [self.question(a, name, what) for a in c["asks"]] if c else []
        return min((f for f in found if f is not None), default=None)

    def best(self, name, what):
        """the best peer's number and title"""
        found = [(self.question(a, name, what), t) for t, c, a in self.rows() if not c["ours"]]
        return min((f for f in found if f[0] is not None), default=(None, None))

    def best_of_table(self, what):
        return min((c[what] for c in self.all.values() if not c["ours"] and c["asks"] and c.get(what)), default=None)


def bars(n):
    """lines: (ok or None, text)"""
    data, every, lines = n.data, n.all, []

    def bar(text, value, limit, show=None, evidence=""):
        if value is None:
            lines.append((None, f"{text}: not measured"))
        else:
            lines.append((value <= limit, f"{text}: {show or number(value)}{evidence}"))

    def quotient(a, b):
        return a / b if a is not None and b else None

    def percent(x):
        return None if x is None else f"{100 * x:.0f} %"

    gist, ltree, text = (every.get(k, {}) for k in ("gist", "ltree", "text"))
    q = quotient(gist.get("bytes"), ltree.get("bytes"))
    bar("size of gist_lineage_ops at most 20 % of ltree's GiST", q, 0.2, percent(q))
    if gist:
        bar("size of gist_lineage_ops at most 42 MB per million rows", gist["bytes"] / 1e6 / n.million, 42)
    q = quotient(gist.get("build_ms"), ltree.get("build_ms"))
    bar("build of gist_lineage_ops at most 20 % of ltree's time", q, 0.2, percent(q))

    def by_bitmap(name):
        b = n.of("gist", name, "bitmap_buffers")
        return f" (by a bitmap scan {number(b)})" if b is not None else ""

    usual = data["rows"] < USUAL
    if usual:
        bar("by identifier, GiST with the heap: at most 30 buffers", n.of("gist", "few", "buffers"), 30, evidence=by_bitmap("few"))
        bar("by identifier, GIN with the heap: at most 10 buffers", n.of("gin", "few", "buffers"), 10)
        bar("by path: at most 8 buffers (gist_lineage_ops)", n.of("gist", "path", "buffers"), 8, evidence=by_bitmap("path"))
    for name, title in QUESTIONS.items():
        for what, unit in (("buffers", "buffers"), ("ms", "time")):
            best, peer = n.best(name, what)
            q = quotient(n.of("set", name, what), best)
            bar(f"index set, {title}: at most 1.2 times the best peer in {unit}", q, 1.2, q and ratio(q), f" ({peer})")
    q = quotient(gist.get("insert_ms"), ltree.get("insert_ms"))
    bar("insert with gist_lineage_ops not slower than with ltree's GiST", q, 1.0, q and ratio(q))
    q = quotient(gist.get("insert_ms"), text.get("insert_ms"))
    bar("insert with gist_lineage_ops at most 2 times that with a btree on text", q, 2.0, q and ratio(q))
    estimates = gist["asks"][0].get("q_error", {}) if gist else {}
    for kind, title, limit in (("constant", "as constant", 2), ("generic", "as $1", 4), ("join", "in joins", 4)):
        p95 = estimates[kind][1] if kind in estimates else None
        bar(f"q-error of has_ancestor, p95 {title} at most {limit}", p95, limit)
    few = [a["questions"]["few"]["index_buffers"] for a in gist.get("asks", []) if "index_buffers" in a["questions"].get("few", {})]
    if few and data["rows"] >= 500000:
        # two leaves: fifty neighbours lie on one leaf page or across the edge of two
        bar("by identifier, pages of the GiST beyond two leaves, for 50,000 rows of the table: at most 1",
            max(0, few[0] - 2) / (data["rows"] / 50000), 1)
    return lines if usual else [line for line in lines if line[0] is not None]


def q_errors(n):
    def cell(q, kind):
        return f"{number(q[kind][0])} / {number(q[kind][1])}" if kind in q else "-"
    rows = [[t] + [cell(a["q_error"], k) for k in ("constant", "generic", "join", "constant_drawn", "generic_drawn")]
            for t, _, a in n.rows() if a.get("q_error")]
    floor = n.data.get("floors") or {}
    known = "floor: exact from {} rows on, one number for each type below"
    for name, title in (("one", "floor: one number for all"), ("typed", "floor: one number for each type"),
                        ("sampled", known.format(floor.get("seen"))), ("sampled_1000", known.format(floor.get("seen_1000")))):
        if name in floor:
            f = floor[name]
            sample, drawn = (" / ".join(map(number, f[k])) for k in ("sample", "drawn"))
            rows.append([f"*{title}*", sample, sample if "sampled" not in name else "-", "-", drawn, drawn if "sampled" not in name else "-"])
    return table(["p50 / p95", "constant", "`$1`", "join", "constant, drawn", "`$1`, drawn"], rows)


def page(data):
    n = Numbers(data)
    t = data["targets"]
    lines = [
        f"Measured on PostgreSQL {data['server']}: {data['rows']:,} resources in {data['depth']} levels, {data['patients']:,} patients; "
        f"subtrees of {number(t['few'])} rows (nine of them), {number(t['hundredth'])} and {number(t['third'])}; "
        f"500 patients in the semi-join; three inserts of {data['batch']:,} rows.", ""]
    heads = data["rows"] < USUAL
    lines += ["### Bars", ""] if heads else []
    lines += [f"- {'**not measured**' if ok is None else 'ok' if ok else '**missed**'}: {text}" for ok, text in bars(n)]
    lines += ["", "### Size and buffers (exact)", ""] if heads else ["", "Size and buffers:", ""]

    def buffers(ask, name):
        q = ask["questions"].get(name)
        if not q:
            return "-"
        inside = f" ({number(q['index_buffers'])})" if "index_buffers" in q else ""
        return number(q["buffers"]) + inside + (" seq" if name != "semi" and "Seq Scan" in q["plan"] else "")

    rows = [[title, number(c["bytes"] / 1e6) + (f" + {number(c['table_bytes'] / 1e6)}" if "table_bytes" in c else ""), number(c["bytes"] / 1e6 / n.million),
             number(c["bytes_after"] / 1e6)]
            + [buffers(a, k) for k in ("few", "absent", "path", "hundredth", "third", "semi", "limit")] for title, c, a in n.rows() if a["questions"]]
    lines += table(["index", "MB", "MB per million rows", "MB after the inserts", "by identifier (index alone)", "identifier that is nowhere", "by path (index alone)", "1 % count", "30 % count",
                    "semi-join", "filter, order, limit"], rows)
    lines += ["", "### Time, as a ratio to the best peer", ""] if heads else ["", "Time, as a ratio to the other:", ""]
    best = {k: n.best(k, "ms")[0] for k in QUESTIONS}
    built, inserted = n.best_of_table("build_ms"), n.best_of_table("insert_ms")

    def by(value, against):
        return ratio(value / against) if value is not None and against else "-"

    rows = [[title, by(c["build_ms"], built), by(c["insert_ms"], inserted)]
            + [by(n.question(a, k, "ms"), best[k]) for k in QUESTIONS] for title, c, a in n.rows() if a["questions"]]
    if "plain" in n.all:
        rows.append(["no index", "-", by(n.all["plain"]["insert_ms"], inserted)] + ["-"] * len(QUESTIONS))
    lines += table(["index", "build", "insert"] + list(QUESTIONS.values()), rows)
    if heads:
        lines += ["", "### Estimates: q-error", ""] + q_errors(n)
    return "\n".join(lines) + "\n"


def write_page(text, judged, path):
    """writes a page and prints it, and its bars behind it; also for the other parts"""
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    print(text)
    for ok, line in judged:
        print(f"bar: {line} {'?' if ok is None else 'ok' if ok else 'MISSED'}")


def write(data, path):
    write_page(page(data), bars(Numbers(data)), path)


def renew(page_path, document, part=""):
    begin, end = (mark.format(" " + part if part else "") for mark in (BEGIN, END))
    with open(page_path, encoding="utf-8") as source:
        new = source.read()
    with open(document, encoding="utf-8") as source:
        old = source.read()
    head, tail = old.split(begin)[0], old.split(end)[1]
    with open(document, "w", encoding="utf-8") as out:
        out.write(f"{head}{begin}\n{new}{end}{tail}")


if __name__ == "__main__":
    if sys.argv[1] == "--renew":
        renew(*sys.argv[2:])
    else:
        with open(sys.argv[1], encoding="utf-8") as numbers:
            write(json.load(numbers), sys.argv[2])
