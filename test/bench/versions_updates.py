"""versions_updates.py - versioned updates per second, against history triggers"""
import os
import shutil
import sys

import versions_lib as lib
from dql_bench import median, run
from versions_lib import Session, say

TABLES = {"ours": "public.volume", "plain": "peer.plain", "trigger": "peer.trigger", "trigger_indexed": "peer.trigger_indexed", "temporal": "peer.temporal"}


def mark(contestant):
    return f"INSERT INTO bench.mark VALUES ('{contestant}', :client_id, {lib.USED}, extract(epoch FROM clock_timestamp()))"


def find_temporal(session):
    """temporal_tables, installed on this server, or below the folder that TEMPORAL_TABLES names as by make install DESTDIR="""
    wanted = os.environ.get("TEMPORAL_TABLES") or ""
    if wanted in ("", "0", "no"):
        return False
    if os.path.isdir(wanted):
        shutil.copytree(wanted, os.path.join(os.environ["PGHOST"], "dest"), dirs_exist_ok=True)
    # the list of available extensions leaves out what lies below another folder
    if run(["psql", "-Xq", "-d", session.database, "-c", "CREATE EXTENSION temporal_tables"], may_fail=True).returncode != 0:
        sys.exit("error: this server has no extension temporal_tables: install it, or give TEMPORAL_TABLES the folder of its make install DESTDIR=")
    return True


def update(contestant, number):
    """the same change of one row on all sides"""
    current = " AND valid_to IS NULL" if contestant == "ours" else ""
    return f"UPDATE {TABLES[contestant]} SET quality = :n % 100 / 10.0, note = 'changed ' || {number} WHERE identifier = 'volume/' || :n{current}"


WARM = 100      # updates with which a session fills its caches


def block(contestant, clients, count, rows):
    """(processor, clock) seconds of an update in a block of so many by each client, clock as seconds between updates of all"""
    path = os.path.join(os.environ["VXP_TMP"], "update.sql")
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"\\if :i = {WARM}\n{mark(contestant)};\n\\endif\n\\set i :i + 1\n\\set n random(1, {rows})\n\\set k random(1, 1000000000)\n"
                  f"{update(contestant, ':k')};\n\\if :i = {WARM + count}\n{mark(contestant)};\n\\endif\n")
    run(["psql", "-XqAt", "-d", "updates", "-c", "TRUNCATE bench.mark"])
    run(["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", str(clients), "-t", str(WARM + count), "-D", "i=0", "-f", path, "updates"])
    lines = run(["psql", "-XqAt", "-d", "updates", "-c", "SELECT max(used) - min(used), max(clock) - min(clock) FROM bench.mark GROUP BY client"]).stdout.split()
    each = [[float(x) for x in line.split("|")] for line in lines]
    assert len(each) == clients, lines
    return sum(used for used, _ in each) / (clients * count), 1 / sum(count / clock for _, clock in each)


def season(session, names, rows):
    """as after some weeks: every row was updated twice in random order, a twentieth at a time, and autovacuum came by"""
    session.run("SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off")
    for name in names:
        say(f"updates: every row of {TABLES[name]} twice")
        current = " AND t.valid_to IS NULL" if name == "ours" else ""
        for part in range(40):
            session.run(f"UPDATE {TABLES[name]} t SET quality = 5.{part % 10}, note = 'part {part}' FROM (SELECT 'volume/' || v AS identifier "
                        f"FROM generate_series(1, {rows}) v WHERE (hashint4(v) & 65535) % 20 = {part % 20} ORDER BY hashint4(v + 1)) d "
                        f"WHERE t.identifier = d.identifier{current}")
            if part % 4 == 3:
                session.run(f"VACUUM {TABLES[name]}")


def updates(rows, rounds):
    """processor time and clock of an update for each contestant, 1 and 2 clients, in interleaved blocks"""
    lib.make_database("updates")
    session = Session("updates")
    session.run("CREATE EXTENSION vxp_query; CREATE SCHEMA bench; CREATE UNLOGGED TABLE bench.mark (name text, client int, used float8, clock float8)")
    temporal = find_temporal(session)
    session.include("versions_updates.sql", rows=rows, temporal="true" if temporal else "false")
    names = [name for name in TABLES if temporal or name != "temporal"]
    season(session, names, rows)
    session.run("VACUUM ANALYZE; CHECKPOINT")
    count = max(2000, rows // 40)
    result = {"rows": rows, "block": count, "temporal_tables": temporal, "clients": {}}
    if temporal:
        result["temporal_version"] = session.value("SELECT extversion FROM pg_extension WHERE extname = 'temporal_tables'")
    for clients in (1, 2):
        taken = {name: [] for name in names}
        for name in names:
            block(name, clients, 200, rows)
        for number in range(rounds):
            for name in names[number % len(names):] + names[:number % len(names)]:
                taken[name].append(block(name, clients, count // clients, rows))
            if number % 4 == 3:
                session.run("VACUUM")
        of = result["clients"][str(clients)] = {}
        for name in names:
            of[name] = {"us": 1e6 * median([t[0] for t in taken[name]]), "clock_us": 1e6 * median([t[1] for t in taken[name]]),
                        # updates per second of ours, as a multiple of theirs
                        "rate": median([t[0] / o[0] for t, o in zip(taken[name], taken["ours"])]),
                        "clock_rate": median([t[1] / o[1] for t, o in zip(taken[name], taken["ours"])])}
            say(f"updates, {clients} client{'s' if clients > 1 else ''}, {name}: {of[name]['us']:.0f} us of processor; "
                f"ours {of[name]['rate']:.2f} times its rate (clock {of[name]['clock_rate']:.2f})")
    session.close()
    return result
