"""versions_bench.py - measures what versions cost, writes results/versions.json and results/versions.md

Started by bench.sh through with_server.sh. Settings: VERSIONS_ROWS, VERSIONS_ROUNDS, VERSIONS_ONLY, TEMPORAL_TABLES (see bench.sh).
"""
import json
import os

import versions_lib as lib
import versions_report
from versions_lib import say
from versions_loads import load, move
from versions_past import past
from versions_present import make_sets, present
from versions_updates import updates

ROWS = int(os.environ.get("VERSIONS_ROWS") or 200000)
ROUNDS = int(os.environ.get("VERSIONS_ROUNDS") or 7)
ONLY = (os.environ.get("VERSIONS_ONLY") or "").replace(",", " ").split()
OUT = os.path.join(os.environ["VXP_TMP"], "results")


def main():
    os.makedirs(OUT, exist_ok=True)
    session = lib.Session("postgres")
    data = {"rows": ROWS, "server": session.value("SELECT split_part(current_setting('server_version'), ' ', 1)")}
    session.close()

    def save():
        with open(os.path.join(OUT, "versions.json"), "w", encoding="utf-8") as out:
            json.dump(data, out, indent=1)

    def wanted(part):
        return not ONLY or part in ONLY

    if wanted("present") or wanted("past"):
        sets = make_sets(ROWS)
    if wanted("present"):
        data["present"] = present(sets, ROUNDS)
        save()
    if wanted("past"):
        data["past"] = past("nineteen", ROUNDS)
        save()
    if wanted("updates"):
        data["updates"] = updates(ROWS, ROUNDS)
        save()
    if wanted("copy"):
        data["copy"] = load(5 * ROWS, 3)
        save()
    if wanted("move"):
        data["move"] = move(ROWS, 4)
        save()
    versions_report.write(data, os.path.join(OUT, "versions.md"))
    say("done")


if __name__ == "__main__":
    main()
