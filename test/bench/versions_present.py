"""versions_present.py - questions about the present, with many old versions and with none, and about the past, against peers"""
import re

import versions_lib as lib
from dql_bench import literal, median
from versions_lib import Session, say

COLUMNS = "identifier, modality, size, acquired_at"
# @few: a patient with about 30 volumes; @one: a datasource with some hundredths of all; @most: one with 44 %; @fifty: fifty
# patients, as an array. What the updates change is not among what is asked for.
PRESENT = {
    "look-up by identifier, view": f"SELECT {COLUMNS} FROM volume_current WHERE identifier = @volume",
    "look-up by identifier, table": f"SELECT {COLUMNS} FROM volume WHERE identifier = @volume AND valid_to IS NULL",
    "children of a study": f"SELECT {COLUMNS} FROM volume_current WHERE parent_identifier = @study",
    "subtree of a patient, has_ancestor": f"SELECT {COLUMNS} FROM volume_current WHERE has_ancestor(lineage, @few)",
    "subtree of a patient, lineage field": f"SELECT {COLUMNS} FROM volume_current WHERE patient_id = @few",
    "subtree of a patient, all types": " UNION ALL ".join(f"SELECT {COLUMNS} FROM {t}_current WHERE is_within(lineage, @few)"
                                                          for t in ("patient", "imagingstudy", "volume")),
    "count of a datasource, has_ancestor": "SELECT count(*) FROM volume_current WHERE has_ancestor(lineage, @one)",
    "count of a datasource, lineage field": "SELECT count(*) FROM volume_current WHERE datasource_id = @one",
    "count and sum of the largest datasource": "SELECT count(*), sum(size) FROM volume_current WHERE has_ancestor(lineage, @most)",
    "count of all": "SELECT count(*) FROM volume_current",
    "aggregate over the view": "SELECT modality, count(*), sum(size) FROM volume_current GROUP BY modality",
    "filter, order, limit in a datasource": f"SELECT {COLUMNS} FROM volume_current WHERE has_ancestor(lineage, @one) AND modality = 'MR' "
                                            "ORDER BY acquired_at DESC, identifier LIMIT 20",
    "newest 20 of all": f"SELECT {COLUMNS} FROM volume_current ORDER BY acquired_at DESC, identifier LIMIT 20",
    "join of types in a datasource": "SELECT p.modality, count(*), sum(v.size) FROM patient_current p JOIN volume_current v USING (patient_id) "
                                     "WHERE has_ancestor(p.lineage, @one) GROUP BY p.modality",
    "join of types for a patient": "SELECT s.identifier, s.acquired_at, v.identifier AS volume, v.size FROM imagingstudy_current s "
                                   "JOIN volume_current v USING (study_id) WHERE s.patient_id = @few",
    "join by has_ancestor": "SELECT p.identifier, count(*) FROM patient_current p JOIN volume_current v ON has_ancestor(v.lineage, p.identifier) "
                            "WHERE p.identifier = ANY (@fifty) GROUP BY p.identifier",
    "has_any_ancestor of fifty": "SELECT count(*), sum(size) FROM volume_current WHERE has_any_ancestor(lineage, @fifty)",
    "DQL query": f"SELECT {COLUMNS} FROM vxp.query(NULL::volume, '{{\"filter\": {{\"patient_id\": \"few@\", \"size\": {{\"$gt\": 1000}}}}}}')",
    "DQL page with count": "SELECT vxp.page('{\"resource\": \"Volume\", \"select\": [\"identifier\", \"size\"], \"filter\": {\"datasource_id\": "
                           "\"one@\", \"modality\": \"MR\"}, \"sort\": [{\"acquired_at\": -1}], \"pageSize\": 20}')",
    "DQL count": "SELECT vxp.count('{\"resource\": \"Volume\", \"filter\": {\"datasource_id\": \"one@\", \"size\": {\"$lt\": 500000}}}')"}
assert len(PRESENT) == 20

TARGETS = """CREATE TABLE bench.target AS
WITH counted AS (SELECT patient_id, count(*) AS n FROM volume WHERE valid_to IS NULL GROUP BY 1),
few AS (SELECT patient_id FROM counted ORDER BY abs(n - 30), bench.chance(hashtext(patient_id), 1) LIMIT 1),
one AS (SELECT datasource_id, count(*) FROM volume WHERE valid_to IS NULL GROUP BY 1 ORDER BY abs(count(*) - 0.02 * sum(count(*)) OVER ()) LIMIT 1)
SELECT (SELECT patient_id FROM few) AS few, (SELECT datasource_id FROM one) AS one, 'datasource/ds-01' AS most,
	(SELECT min(identifier) FROM volume WHERE valid_to IS NULL AND patient_id = (SELECT patient_id FROM few)) AS volume,
	(SELECT min(study_id) FROM volume WHERE valid_to IS NULL AND patient_id = (SELECT patient_id FROM few)) AS study,
	ARRAY(SELECT patient_id FROM counted ORDER BY bench.chance(hashtext(patient_id), 2) LIMIT 50) AS fifty"""


def fill(session, question):
    """a question with what it asks for"""
    for name in set(re.findall(r"@(\w+)", question)):
        value = session.value(f"SELECT {name} FROM bench.target")
        question = question.replace(f"@{name}", literal(value) + ("::text[]" if name == "fifty" else ""))
    for name in set(re.findall(r"(\w+)@", question)):
        question = question.replace(f"{name}@", session.value(f"SELECT {name} FROM bench.target"))
    return question


def autovacuum(session):
    """vacuums what autovacuum would: by the default thresholds, of what was updated or inserted"""
    for table in session.run("SELECT s.relid::regclass FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid WHERE s.schemaname <> 'bench' "
                             "AND (s.n_dead_tup > 50 + 0.2 * greatest(c.reltuples, 0) "
                             "OR s.n_ins_since_vacuum > 1000 + 0.2 * greatest(c.reltuples, 0)) ORDER BY 1"):
        session.run(f"VACUUM ANALYZE {table}")


def tenth_of(table, level, number, tenth):
    """the update of a tenth of a type's rows, in random order"""
    return (f"UPDATE {table} t SET quality = d.quality, note = d.note FROM (SELECT identifier, (10 * bench.chance(n, {300 + number}))::numeric(4, 1) AS quality, "
            f"'note {number} about ' || md5(n::text) AS note FROM bench.node WHERE level = {level} AND floor(10 * bench.chance(n, {100 + number})) = {tenth} "
            f"ORDER BY bench.chance(n, {200 + number})) d WHERE t.identifier = d.identifier AND t.valid_to IS NULL")


def age(session, since, upto):
    """new versions of all, a tenth of each type at a time, found by identifier: a transaction for each tenth"""
    session.run("SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off")
    for number in range(since, upto):
        for tenth in range(10):
            for level, table in enumerate(("datasource", "patient", "imagingstudy", "volume"), 1):
                session.run(f"{tenth_of(table, level, number, tenth)};\nSELECT pg_stat_force_next_flush()")
            session.run("INSERT INTO bench.instant VALUES (clock_timestamp())")
            autovacuum(session)
    session.run("RESET ALL; SET search_path = public, vxp; VACUUM ANALYZE")


SETS = {"none": 0, "four": 4, "nineteen": 19, "unversioned": 19}


def make_sets(rows):
    """databases with 0, 4 and 19 old versions of each resource, and one that was updated 19 times and keeps no versions"""
    lib.make_database("none")
    session = Session("none")
    session.run("CREATE EXTENSION vxp_query; CREATE SCHEMA bench; SET search_path = public, vxp; CREATE TABLE bench.instant (at timestamptz)")
    session.run(lib.REPEAT)
    session.include("versions_tree.sql", rows=rows)
    session.close()
    lib.make_database("unversioned", "none")
    for name, versioned in (("none", "true"), ("unversioned", "false")):
        session = Session(name)
        session.include("versions_types.sql", versioned=versioned, volumes="true", project="false")
        current = " WHERE valid_to IS NULL" if versioned == "true" else ""
        session.run(f"CREATE INDEX volume_acquired ON volume (acquired_at){current}; VACUUM ANALYZE; {TARGETS}")
        session.close()
    for name, template in (("four", "none"), ("nineteen", "four"), ("unversioned", None)):
        since = SETS[template] if template else 0
        if template:
            lib.make_database(name, template)
        session = Session(name)
        session.run("SET search_path = public, vxp")
        say(f"{name}: {SETS[name] - since} updates of each of {session.value('SELECT count(*) FROM bench.node')} resources")
        age(session, since, SETS[name])
        session.close()
    return {name: Session(name) for name in SETS}


def sizes(session):
    """bytes of tables and indexes, of the heaps that hold the current rows, and how many rows there are"""
    row = session.value("SELECT sum(pg_table_size(c.oid)), sum(pg_indexes_size(c.oid)), sum(CASE WHEN i.inhrelid IS NULL THEN pg_relation_size(c.oid) END), "
                        "sum(c.reltuples)::bigint FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid "
                        "WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace")
    return dict(zip(("table", "indexes", "heap_of_current", "versions"), (int(x) for x in row.split("|"))))


def present(sets, rounds):
    """what each question takes in each set"""
    result = {"sets": {name: sizes(session) for name, session in sets.items()}, "questions": {}}
    for session in sets.values():
        session.run("SET search_path = public, vxp")
    for title, question in PRESENT.items():
        question = fill(sets["none"], question)
        answers = {name: lib.answer(session, question) for name, session in sets.items()}
        if len(set(answers.values())) != 1:
            raise SystemExit(f"error: the sets answer {answers} to {question}")
        measured = {name: lib.buffers_of(session, question) for name, session in sets.items()}
        taken = lib.compare({name: (session, question) for name, session in sets.items()}, rounds)
        for name, of in measured.items():
            of["ms"] = median(taken[name])
            of["ratio"] = lib.ratios(taken, name, "none")
            of["buffer_ratio"] = of["buffers"] / max(1, measured["none"]["buffers"])
        result["questions"][title] = dict(measured, sql=question, answer=answers["none"].split(",")[0])
        say(f"{title}: {1000 * measured['none']['ms']:.0f} us, {measured['none']['buffers']} buffers; " + ", ".join(
            f"{name} {of['ratio']:.2f} / {of['buffer_ratio']:.2f}" for name, of in measured.items() if name != "none"))
    return result
