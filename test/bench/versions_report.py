"""versions_report.py - makes the tables and bars about versions in docs/performance.md from what versions_bench.py measured

versions_report.py versions.json PAGE    write the page again from the numbers
"""
import json
import sys

from dql_report import milliseconds
from report import table, write_page

SETS = {"four": "4 old versions", "nineteen": "19 old versions", "unversioned": "19 updates, no versions kept"}
CONTESTANTS = {"ours": "versioned type", "plain": "no history (what any update costs)", "trigger": "history trigger in PL/pgSQL, one btree",
               "trigger_indexed": "the same, history with the indexes of ours", "temporal": "temporal_tables, one btree"}
KINDS = {"patient": "rows below a patient", "datasource": "count and sums below a datasource", "resource": "one resource"}
LOADS = {"ours": "versioned type: lineage, versions, default indexes", "indexed": "plain table: the same btrees, and GiST (lineage)",
         "plain": "plain table: the same btrees"}
MOVES = {"ours": "move of a versioned datasource", "ltree": "ltree, primary key and GiST: the base", "ltree_kept": "ltree with an index on the parent and a history trigger",
         "floor": "UPDATE of as many rows, no index, trigger or history", "copies": "INSERT of as many closed copies, no index"}


def median(values):
    values = sorted(values)
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


def ratio(x):
    return "-" if x is None else f"{x:.2f}" if x < 10 else f"{x:,.0f}"


def of_questions(data, name, what):
    """the median over the questions about the present"""
    return median([q[name][what] for q in data["present"]["questions"].values()])


def best_peer(question, what):
    """of a question about the past: the peer that has the least, and its title"""
    return min((of[what], title) for title, of in question["peers"].items())


def time_ratio(question, title):
    """ours to the fastest peer, measured side by side, for one of our ways to ask"""
    return question["peers"][best_peer(question, "ms")[1]]["ratio"] * question["ours"][title]["to_first"]


def present_bars(data, bar):
    bar("20 questions about the present, 19 old versions against none: median processor time at most 1.15 times",
        of_questions(data, "nineteen", "ratio"), 1.15)
    bar("the same in buffers: at most 1.2 times", of_questions(data, "nineteen", "buffer_ratio"), 1.2)


def past_bars(data, bar):
    sequential = 0
    for kind in ("patient", "datasource"):
        question = data["past"]["questions"][kind]
        for title, of in question["ours"].items():
            buffers, peer = best_peer(question, "buffers")
            what = f"{KINDS[kind]} as of an instant, {title}"
            bar(f"{what}: buffers at most 1.3 times the best peer's", of["buffers"] / buffers, 1.3, evidence=f" ({peer})")
            peer = best_peer(question, "ms")[1]
            prepared = f"; prepared {ratio(question['peers'][peer]['prepared_ratio'])}" if title == next(iter(question["ours"])) else ""
            bar(f"{what}: time at most 1.3 times the best peer's", time_ratio(question, title), 1.3, evidence=f" ({peer}{prepared})")
    for question in data["past"]["questions"].values():
        sequential += sum("Seq Scan" in scan for of in question["ours"].values() for scan in of["scans"])
    bar("the past, all of these: sequential scans, none", sequential, 0)


def update_bars(data, bar):
    for clients, of in data["updates"]["clients"].items():
        for name, title in (("trigger", "a history trigger in PL/pgSQL"), ("temporal", "temporal_tables")):
            rate = of[name] if name in of else None
            bar(f"versioned updates per second, {clients} client{'s' if clients != '1' else ''}: at least those of {title}",
                rate and rate["rate"], 1, least=True, evidence=rate and f" (by the clock {rate['clock_rate']:.2f})")


def load_bars(data, bar):
    load = data["copy"]
    whole = load["rows"] == 1000000
    bar("COPY of 1,000,000 resources: at most 30 s", load["ours"]["seconds"] if whole else None, 30, evidence=f" s (processor {load['ours']['processor']:.1f} s)")
    bar(f"COPY of {load['rows']:,} resources: at most 2.5 times that into a plain table with the same btrees", load["plain"]["ratio"], 2.5)


def move_bars(data, bar):
    bar(f"move of {data['move']['below']:,} descendants: at most 25 % of the re-path of an indexed ltree", data["move"]["ours"]["ratio"], 0.25)


PARTS = {"present": present_bars, "past": past_bars, "updates": update_bars, "copy": load_bars, "move": move_bars}


def bars(data):
    """lines: (ok or None, text)"""
    lines = []

    def bar(text, value, limit, least=False, evidence=""):
        ok = None if value is None else value >= limit if least else value <= limit
        lines.append((ok, f"{text}: {'not measured' if value is None else ratio(value) + (evidence or '')}"))

    for part, of in PARTS.items():
        if part in data:
            of(data, bar)
    return lines


def present_table(data):
    of = data["present"]
    titles = list(SETS.values())
    rows = [[title, milliseconds(q["none"]["ms"])] + [ratio(q[name]["ratio"]) for name in SETS]
            + [f"{q['none']['buffers']:,}"] + [ratio(q[name]["buffer_ratio"]) for name in SETS] for title, q in of["questions"].items()]
    rows.append(["**median**", ""] + [ratio(of_questions(data, name, "ratio")) for name in SETS]
                + [""] + [ratio(of_questions(data, name, "buffer_ratio")) for name in SETS])
    lines = ["", "### The present, with old versions", ""]
    lines += table(["question", "none", *titles, "buffers, none", *(f"buffers, {t}" for t in titles)], rows)
    rows = [[{"none": "no old versions", **SETS}[name], f"{s['versions']:,}"] + [f"{s[what] / 1e6:,.0f}" for what in ("heap_of_current", "table", "indexes")]
            for name, s in of["sets"].items()]
    return lines + [""] + table(["set", "rows", "heap with the current rows, MB", "all tables, MB", "indexes, MB"], rows)


def past_table(data):
    rows = []
    for kind, q in data["past"]["questions"].items():
        for title, of in q["ours"].items():
            sequential = " seq" if any("Seq Scan" in s for s in of["scans"]) else ""
            rows.append([f"{KINDS[kind]}: {title}", f"{of['buffers']:,}{sequential}", milliseconds(of["ms"]), "-", "-"])
        rows += [[f"{KINDS[kind]}: *{title}*", f"{of['buffers']:,}", milliseconds(of["ms"]), ratio(of["ratio"]), ratio(of["prepared_ratio"])]
                 for title, of in q["peers"].items()]
    return ["", f"### The past: everything under a resource as of an instant, among {data['past']['versions']:,} versions of volumes", ""] + table(
        ["question (peers in italics)", "buffers", "time", "our first way as a multiple of it", "the same, prepared"], rows)


def update_table(data):
    of = data["updates"]
    rows = [[CONTESTANTS[name]] + [cell for c in of["clients"].values()
                                   for cell in (milliseconds(c[name]["us"] / 1000), ratio(c[name]["rate"]), ratio(c[name]["clock_rate"]))]
            for name in CONTESTANTS if name in of["clients"]["1"]]
    return ["", f"### Versioned updates, one row each, of {of['rows']:,}", ""] + table(
        ["table", "1 client: processor", "our rate as a multiple", "by the clock", "2 clients: processor", "our rate as a multiple", "by the clock"], rows)


def load_table(data):
    of = data["copy"]
    rows = [[title, f"{of[name]['seconds']:.1f} s", f"{of[name]['processor']:.1f} s", ratio(of[name]["ratio"]), ratio(of[name]["clock_ratio"]),
             f"{of['sizes'][name] / 1e6:,.0f} MB"] for name, title in LOADS.items()]
    return ["", f"### COPY of {of['rows']:,} volumes", ""] + table(
        ["table", "clock, the best", "processor", "ours as a multiple", "by the clock", "size"], rows) + [
            "", "The btrees, on both sides: " + ", ".join(f"({b.replace('UNIQUE ', '')})" for b in of["btrees"]) + "."]


def move_table(data):
    of = data["move"]

    def line(title, seconds, processor, share):
        return [title, f"{seconds:.2f} s" if seconds else "", f"{processor:.2f} s", f"{1e6 * processor / of['below']:.1f} µs", ratio(share)]

    rows = [line(title, of[name]["seconds"], of[name]["processor"], of[name]["ratio"]) for name, title in MOVES.items()]
    rows.append(line("the last two together", None, *(of["floor"][what] + of["copies"][what] for what in ("processor", "ratio"))))
    return ["", f"### A move of {of['below']:,} descendants, of {of['rows']:,} resources", ""] + table(
        ["statement", "clock", "processor", "for a row", "of the re-path of ltree"], rows)


TABLES = {"present": present_table, "past": past_table, "updates": update_table, "copy": load_table, "move": move_table}


def page(data):
    temporal = data.get("updates", {}).get("temporal_version")
    lines = [f"Measured on PostgreSQL {data['server']}; temporal_tables {temporal + ' is' if temporal else 'was not'} among the peers.", "", "### Bars: versions", ""]
    lines += [f"- {'**not measured**' if ok is None else 'ok' if ok else '**missed**'}: {text}" for ok, text in bars(data)]
    for part, of in TABLES.items():
        if part in data:
            lines += of(data)
    return "\n".join(lines) + "\n"


def write(data, path):
    write_page(page(data), bars(data), path)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as numbers:
        write(json.load(numbers), sys.argv[2])
