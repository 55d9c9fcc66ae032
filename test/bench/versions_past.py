"""versions_past.py - everything under a resource as of an instant, against the same predicates over peers' indexes"""
import versions_lib as lib
from dql_bench import literal, median
from versions_lib import Session, say
from versions_present import fill

OURS = {
    "patient": {
        "view, has_ancestor": "SELECT identifier, modality, size, quality FROM volume_current WHERE has_ancestor(lineage, @few)",
        "view, lineage field": "SELECT identifier, modality, size, quality FROM volume_current WHERE patient_id = @few",
        "DQL": "SELECT identifier, modality, size, quality FROM vxp.query(NULL::volume, '{\"filter\": {\"patient_id\": \"few@\"}}')"},
    "datasource": {
        "view, has_ancestor": "SELECT count(*), sum(size), sum(quality) FROM volume_current WHERE has_ancestor(lineage, @one)",
        "view, lineage field": "SELECT count(*), sum(size), sum(quality) FROM volume_current WHERE datasource_id = @one",
        "DQL": "SELECT count(*), sum(size), sum(quality) FROM vxp.query(NULL::volume, '{\"filter\": {\"datasource_id\": \"one@\"}}')"},
    "resource": {"view": "SELECT identifier, modality, size, quality FROM volume_current WHERE identifier = @volume"}}

THEN = "valid_from <= @at AND (valid_to > @at OR valid_to IS NULL)"
PATH = "path >= @{0}_path || '/' AND path < @{0}_path || '0'"
# title: indexes, and a condition for each kind of question
PEERS = {
    "ltree and tstzrange, one GiST": (["gist (lpath, valid)"], {k: f"lpath <@ @{k}_lpath AND valid @> @at" for k in ("patient", "datasource")}),
    "path and begin, btree": (["btree (path, valid_from)"], {k: f"{PATH.format(k)} AND {THEN}" for k in ("patient", "datasource")}),
    "path, btree, and tstzrange, GiST": (["btree (path)", "gist (valid)"], {k: f"{PATH.format(k)} AND valid @> @at" for k in ("patient", "datasource")}),
    "ancestor and begin, btree": (["btree (patient_id, valid_from)", "btree (datasource_id, valid_from)"],
                                  {"patient": f"patient_id = @few AND {THEN}", "datasource": f"datasource_id = @one AND {THEN}"}),
    "ancestor and tstzrange, one GiST": (["gist (patient_id, valid)", "gist (datasource_id, valid)"],
                                         {"patient": "patient_id = @few AND valid @> @at", "datasource": "datasource_id = @one AND valid @> @at"}),
    "identifier and begin, btree": (["btree (identifier, valid_from)"], {"resource": f"identifier = @volume AND {THEN}"})}
SELECT = {"patient": "identifier, modality, size, quality", "datasource": "count(*), sum(size), sum(quality)", "resource": "identifier, modality, size, quality"}

# all versions of the volumes in the order in which they were made; what people have without us
VERSIONS = """CREATE SCHEMA peer;
CREATE TABLE peer.version AS
SELECT v.identifier, v.parent_identifier, v.modality, v.size, v.quality, v.acquired_at, v.note, v.valid_from, v.valid_to, v.created_at,
	v.datasource_id, v.patient_id, v.study_id, p.path, text2ltree(translate(p.path, '/- ', '.__')) AS lpath, tstzrange(v.valid_from, v.valid_to) AS valid
FROM volume v CROSS JOIN LATERAL (SELECT array_to_string(ARRAY(SELECT translate(l, '/', '_') FROM unnest(labels(v.lineage)) l), '/') COLLATE "C" AS path) p
ORDER BY v.valid_from, CASE WHEN v.valid_from = '2024-01-01' THEN p.path END, bench.chance(hashtext(v.identifier), 30);
VACUUM ANALYZE peer.version"""


def path_of(table, identifier):
    return ("SELECT array_to_string(ARRAY(SELECT translate(l, '/', '_') FROM unnest(labels(lineage)) l), '/') "
            f"FROM {table} WHERE identifier = {literal(identifier)} AND valid_to IS NULL")


def ask_peer(ours, first, peer, question, rounds):
    """buffers and time of a peer's question, and ours as a multiple: as people ask, and prepared, without parser and planner"""
    of = dict(lib.buffers_of(peer, question), sql=question)
    taken = lib.compare({"ours": (ours, first), "peer": (peer, question)}, rounds)
    of["ms"], of["ratio"] = median(taken["peer"]), lib.ratios(taken, "ours", "peer")
    ours.run(f"PREPARE asked AS {first}")
    peer.run(f"PREPARE asked AS {question}")
    taken = lib.compare({"ours": (ours, "EXECUTE asked"), "peer": (peer, "EXECUTE asked")}, rounds)
    of["prepared_ms"], of["prepared_ratio"] = median(taken["peer"]), lib.ratios(taken, "ours", "peer")
    ours.run("DEALLOCATE asked")
    peer.run("DEALLOCATE asked")
    return of


def checked(session, question, right):
    """the question, if its answer is right"""
    if lib.answer(session, question) != right:
        raise SystemExit(f"error: {lib.answer(session, question)} instead of {right}: {question}")
    return question


def ask_ours(ours, asked, right, rounds):
    """buffers and time of our ways to ask the same; their times as multiples of the first's"""
    taken = lib.compare({title: (ours, checked(ours, question, right)) for title, question in asked.items()}, rounds)
    return {title: dict(lib.buffers_of(ours, question), sql=question, ms=median(taken[title]), to_first=lib.ratios(taken, title, next(iter(asked))))
            for title, question in asked.items()}


def past(database, rounds):
    """each of OURS against each of PEERS, at an instant in the middle of what is kept"""
    session = Session(database)
    session.run("SET search_path = public, vxp; CREATE EXTENSION ltree; CREATE EXTENSION btree_gist")
    say("past: the peers' table of all versions")
    session.run(VERSIONS)
    at = session.value("SELECT at FROM bench.instant ORDER BY at OFFSET (SELECT count(*) / 2 FROM bench.instant) LIMIT 1")
    given = {"@at": literal(at) + "::timestamptz"}
    for kind, name in (("patient", "few"), ("datasource", "one")):
        path = session.value(path_of(kind, session.value(f"SELECT {name} FROM bench.target")))
        given[f"@{kind}_path"], given[f"@{kind}_lpath"] = literal(path), literal(path.replace("/", ".").replace("-", "_")) + "::ltree"
    ours = Session(database)
    ours.run(f"SET search_path = public, vxp; SET vxp.as_of = {literal(at)}")
    asked = {kind: {title: fill(session, question) for title, question in questions.items()} for kind, questions in OURS.items()}
    first = {kind: next(iter(questions.values())) for kind, questions in asked.items()}
    right = {kind: lib.answer(ours, question) for kind, question in first.items()}
    result = {kind: {"answer": right[kind].split(",")[0], "ours": ask_ours(ours, questions, right[kind], rounds), "peers": {}}
              for kind, questions in asked.items()}
    for title, (indexes, conditions) in PEERS.items():
        for number, index in enumerate(indexes):
            session.run(f"CREATE INDEX peer_{number} ON peer.version USING {index}")
        session.run("VACUUM ANALYZE peer.version")
        for kind, condition in conditions.items():
            for name, value in sorted(given.items(), reverse=True):
                condition = condition.replace(name, value)
            question = checked(session, fill(session, f"SELECT {SELECT[kind]} FROM peer.version WHERE {condition}"), right[kind])
            of = result[kind]["peers"][title] = ask_peer(ours, first[kind], session, question, rounds)
            say(f"as of, {kind}, {title}: {1000 * of['ms']:.0f} us, {of['buffers']} buffers; ours {of['ratio']:.2f} times "
                f"(prepared {of['prepared_ratio']:.2f}), {next(iter(result[kind]['ours'].values()))['buffers']} buffers")
        for number in range(len(indexes)):
            session.run(f"DROP INDEX peer.peer_{number}")
    versions = int(session.value("SELECT count(*) FROM peer.version"))
    ours.close()
    session.run("DROP SCHEMA peer CASCADE")
    session.close()
    return {"versions": versions, "questions": result}
