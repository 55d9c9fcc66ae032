"""versions_loads.py - COPY of many resources, and moves of large subtrees"""
import os

import versions_lib as lib
from dql_bench import literal, median
from versions_lib import Session, say

GIVEN = "identifier, parent_identifier, valid_from, modality, size, quality, acquired_at, note"


def default_btrees(session):
    """columns of the btree indexes that the table of volumes has by default, as CREATE INDEX takes them"""
    return session.run("SELECT CASE WHEN indisunique THEN 'UNIQUE ' ELSE '' END || string_agg(quote_ident(attname), ', ' ORDER BY k.n) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid "
                       "JOIN pg_am m ON m.oid = c.relam, unnest(indkey[:indnkeyatts - 1]) WITH ORDINALITY k(attnum, n) JOIN pg_attribute a ON a.attnum = k.attnum "
                       "WHERE i.indrelid = 'volume'::regclass AND a.attrelid = i.indrelid AND amname = 'btree' AND indexprs IS NULL GROUP BY indexrelid, indisunique ORDER BY indexrelid")


def load(rows, rounds):
    """COPY of so many volumes, in path order, whose parents are there, and of the same rows into plain tables"""
    lib.make_database("loads")
    session = Session("loads")
    session.run("CREATE EXTENSION vxp_query; CREATE SCHEMA bench")
    # nine in ten are volumes
    session.include("versions_tree.sql", rows=round(rows * 1.217))
    session.include("versions_types.sql", versioned="true", volumes="false", project="false")
    btrees = default_btrees(session)
    folder = os.environ["VXP_TMP"]
    ours, full = os.path.join(folder, "volumes.copy"), os.path.join(folder, "volumes_full.copy")
    count = int(session.value(f"SELECT count(*) FROM bench.node WHERE level = 4"))
    count = min(rows, count)
    session.run(f"COPY (SELECT identifier, parent_identifier, timestamptz '2024-01-01', modality, size, quality, acquired_at, note FROM bench.node WHERE level = 4 ORDER BY n LIMIT {count}) TO {literal(ours)}")
    session.run("CREATE SCHEMA peer; CREATE TABLE peer.plain (LIKE volume); ALTER TABLE peer.plain ALTER lineage TYPE text; ALTER TABLE peer.plain ALTER lineage DROP NOT NULL; "
                "CREATE TABLE peer.indexed (LIKE volume)")
    for table in ("peer.plain", "peer.indexed"):
        for number, index in enumerate(btrees):
            unique, _, columns = index.rpartition("UNIQUE ")
            session.run(f"CREATE {'UNIQUE ' if index.startswith('UNIQUE') else ''}INDEX ON {table} ({columns})")
    session.run("CREATE INDEX ON peer.indexed USING gist (lineage)")
    say(f"loads: {count} volumes; btrees {'; '.join(btrees)}")
    copies = {"ours": f"COPY volume ({GIVEN}) FROM {literal(ours)}", "plain": f"COPY peer.plain FROM {literal(full)}", "indexed": f"COPY peer.indexed FROM {literal(full)}"}
    taken = {name: [] for name in copies}
    for number in range(rounds):
        for name in (copies if number % 2 == 0 or not os.path.exists(full) else reversed(copies)):
            # not in the transaction of the COPY, which would then write no WAL
            session.run(f"TRUNCATE {copies[name].split()[1]}; CHECKPOINT")
            taken[name].append(session.timed(copies[name]))
            say(f"loads, {name}: {taken[name][-1][0]:.1f} s of processor, {taken[name][-1][1]:.1f} s")
            if not os.path.exists(full):
                session.run(f"COPY (SELECT * FROM volume WHERE valid_to IS NULL ORDER BY lineage) TO {literal(full)}")
    result = {"rows": count, "btrees": btrees, "sizes": {name: int(session.value(f"SELECT pg_total_relation_size('{copies[name].split()[1]}')")) for name in copies}}
    for name in copies:
        result[name] = {"seconds": min(t[1] for t in taken[name]), "processor": median([t[0] for t in taken[name]]),
                        "ratio": median([o[0] / t[0] for t, o in zip(taken[name], taken["ours"])]),
                        "clock_ratio": median([o[1] / t[1] for t, o in zip(taken[name], taken["ours"])])}
    session.close()
    return result


def move(rows, rounds):
    """a datasource with 44 % of all goes to another project and back"""
    lib.make_database("moves")
    session = Session("moves")
    session.run("CREATE EXTENSION vxp_query; CREATE EXTENSION ltree; CREATE SCHEMA bench")
    session.include("versions_tree.sql", rows=rows)
    session.include("versions_types.sql", versioned="true", volumes="true", project="true")
    session.include("versions_moves.sql")
    below = int(session.value("SELECT count(*) FROM peer.floor WHERE path LIKE 'project/_ > datasource/ds-01 > %'"))
    every = int(session.value("SELECT count(*) FROM peer.floor"))
    say(f"moves: {below} of {every} resources")
    taken = {name: [] for name in ("ours", "ltree", "ltree_kept", "floor", "copies")}
    for number in range(rounds):
        here, there = ("a", "b") if number % 2 == 0 else ("b", "a")
        moves = {
            "ours": f"UPDATE datasource SET parent_identifier = 'project/{there}' WHERE identifier = 'datasource/ds-01' AND valid_to IS NULL",
            "floor": f"UPDATE peer.floor SET project_id = 'project/{there}', path = 'project/{there}' || substr(path, 10), valid_from = now() WHERE datasource_id = 'datasource/ds-01'",
            "copies": "INSERT INTO peer.copies SELECT * FROM peer.floor WHERE datasource_id = 'datasource/ds-01'"}
        for name in ("ltree", "ltree_kept"):
            moves[name] = (f"UPDATE peer.{name} SET path = 'project_{there}' || subpath(path, 1){', valid_from = now()' if name == 'ltree_kept' else ''} "
                           f"WHERE path <@ 'project_{here}.datasource_ds_01'")
        for name in (list(moves) if number % 2 == 0 else reversed(list(moves))):
            taken[name].append(session.timed(moves[name]))
            say(f"moves, {name}: {taken[name][-1][0]:.2f} s of processor, {taken[name][-1][1]:.2f} s")
        if session.value(f"SELECT count(*) FROM volume_current WHERE has_ancestor(lineage, 'project/{there}') AND datasource_id = 'datasource/ds-01'") == "0":
            raise SystemExit("error: nothing was moved")
        session.run("VACUUM ANALYZE; CHECKPOINT")
    result = {"below": below, "rows": every}
    for name in taken:
        result[name] = {"processor": median([t[0] for t in taken[name]]), "seconds": median([t[1] for t in taken[name]]),
                        # of the time that ltree takes
                        "ratio": median([t[0] / p[0] for t, p in zip(taken[name], taken["ltree"])])}
    session.close()
    return result
