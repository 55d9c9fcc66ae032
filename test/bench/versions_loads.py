"""versions_loads.py - COPY of many resources, and moves of large subtrees"""
import os

import versions_lib as lib
from dql_bench import literal, median
from versions_lib import Session, say

GIVEN = "identifier, parent_identifier, valid_from, modality, size, quality, acquired_at, note"
# the columns of each btree index that the table of volumes has by default
BTREES = """SELECT CASE WHEN indisunique THEN 'UNIQUE ' ELSE '' END || string_agg(quote_ident(attname), ', ' ORDER BY k.n)
FROM pg_index i JOIN pg_class c ON c.oid = indexrelid JOIN pg_am m ON m.oid = c.relam,
	unnest(indkey[:indnkeyatts - 1]) WITH ORDINALITY k(attnum, n) JOIN pg_attribute a ON a.attnum = k.attnum
WHERE i.indrelid = 'volume'::regclass AND a.attrelid = i.indrelid AND amname = 'btree' AND indexprs IS NULL
GROUP BY indexrelid, indisunique ORDER BY indexrelid"""


def make_plain(session, btrees):
    """tables with our columns and btrees, and no trigger: plain has the path as text, indexed has it with its GiST"""
    session.run("CREATE SCHEMA peer; CREATE TABLE peer.plain (LIKE volume); CREATE TABLE peer.indexed (LIKE volume); "
                "ALTER TABLE peer.plain ALTER lineage TYPE text; CREATE INDEX ON peer.indexed USING gist (lineage)")
    for table in ("peer.plain", "peer.indexed"):
        for index in btrees:
            unique = "UNIQUE " if index.startswith("UNIQUE ") else ""
            session.run(f"CREATE {unique}INDEX ON {table} ({index.replace('UNIQUE ', '')})")


def load(rows, rounds):
    """COPY of so many volumes, in path order, whose parents are there, and of the same rows into plain tables"""
    lib.make_database("loads")
    session = Session("loads")
    session.run("CREATE EXTENSION vxp_query; CREATE SCHEMA bench")
    # nine in ten are volumes
    session.include("versions_tree.sql", rows=round(rows * 1.217))
    session.include("versions_types.sql", versioned="true", volumes="false", project="false")
    btrees = session.run(BTREES)
    make_plain(session, btrees)
    ours, full = (os.path.join(os.environ["VXP_TMP"], name) for name in ("volumes.copy", "volumes_full.copy"))
    session.run(f"COPY (SELECT identifier, parent_identifier, timestamptz '2024-01-01', modality, size, quality, acquired_at, note "
                f"FROM bench.node WHERE level = 4 ORDER BY n LIMIT {rows}) TO {literal(ours)}")
    copies = {"ours": f"COPY volume ({GIVEN}) FROM {literal(ours)}", "plain": f"COPY peer.plain FROM {literal(full)}",
              "indexed": f"COPY peer.indexed FROM {literal(full)}"}
    tables = {name: copy.split()[1] for name, copy in copies.items()}
    taken = {name: [] for name in copies}
    for number in range(rounds):
        for name in (list(copies) if number % 2 == 0 else reversed(list(copies))):
            # not in the transaction of the COPY, which would then write no WAL
            session.run(f"TRUNCATE {tables[name]}; CHECKPOINT")
            taken[name].append(session.timed(copies[name]))
            say(f"copy, {name}: {taken[name][-1][0]:.1f} s of processor, {taken[name][-1][1]:.1f} s")
            if not os.path.exists(full):
                session.run(f"COPY (SELECT * FROM volume WHERE valid_to IS NULL ORDER BY lineage) TO {literal(full)}")
    result = {"rows": int(session.value("SELECT count(*) FROM peer.plain")), "btrees": btrees,
              "sizes": {name: int(session.value(f"SELECT pg_total_relation_size('{table}')")) for name, table in tables.items()}}
    for name in copies:
        result[name] = {"seconds": min(t[1] for t in taken[name]), "processor": median([t[0] for t in taken[name]]),
                        # ours as a multiple of it
                        "ratio": median([o[0] / t[0] for t, o in zip(taken[name], taken["ours"])]),
                        "clock_ratio": median([o[1] / t[1] for t, o in zip(taken[name], taken["ours"])])}
    session.close()
    return result


def moves_between(here, there):
    """the statements that are compared"""
    statements = {
        "ours": f"UPDATE datasource SET parent_identifier = 'project/{there}' WHERE identifier = 'datasource/ds-01' AND valid_to IS NULL",
        "floor": f"UPDATE peer.floor SET project_id = 'project/{there}', path = 'project/{there}' || substr(path, 10), valid_from = now() "
                 "WHERE datasource_id = 'datasource/ds-01'",
        "copies": "INSERT INTO peer.copies SELECT * FROM peer.floor WHERE datasource_id = 'datasource/ds-01'"}
    for name, since in (("ltree", ""), ("ltree_kept", ", valid_from = now()")):
        statements[name] = (f"UPDATE peer.{name} SET path = 'project_{there}' || subpath(path, 1){since} "
                            f"WHERE path <@ 'project_{here}.datasource_ds_01'")
    return statements


def move(rows, rounds):
    """a datasource with 44 % of all goes to another project and back"""
    lib.make_database("moves")
    session = Session("moves")
    session.run("CREATE EXTENSION vxp_query; CREATE EXTENSION ltree; CREATE SCHEMA bench")
    session.include("versions_tree.sql", rows=rows)
    session.include("versions_types.sql", versioned="true", volumes="true", project="true")
    session.include("versions_moves.sql")
    below = int(session.value("SELECT count(*) - 1 FROM peer.floor WHERE datasource_id = 'datasource/ds-01'"))
    every = int(session.value("SELECT count(*) FROM peer.floor"))
    say(f"move: {below} of {every} resources")
    taken = {name: [] for name in ("ours", "ltree", "ltree_kept", "floor", "copies")}
    for number in range(rounds):
        here, there = ("a", "b") if number % 2 == 0 else ("b", "a")
        statements = moves_between(here, there)
        for name in (list(statements) if number % 2 == 0 else reversed(list(statements))):
            taken[name].append(session.timed(statements[name]))
            say(f"move, {name}: {taken[name][-1][0]:.2f} s of processor, {taken[name][-1][1]:.2f} s")
        moved = sum(int(session.value(f"SELECT count(*) FROM {table}_current WHERE has_ancestor(lineage, 'project/{there}') "
                                      "AND has_ancestor(lineage, 'datasource/ds-01')")) for table in ("patient", "imagingstudy", "volume"))
        if moved != below:
            raise SystemExit(f"error: {moved} resources were moved, not {below}")
        session.run("VACUUM ANALYZE; CHECKPOINT")
    result = {"below": below, "rows": every}
    for name, times in taken.items():
        result[name] = {"processor": median([t[0] for t in times]), "seconds": median([t[1] for t in times]),
                        # of what the re-path of ltree takes
                        "ratio": median([t[0] / base[0] for t, base in zip(times, taken["ltree"])])}
    session.close()
    return result
