"""contestants.py - who takes part in the bench: the table, the indexes and the questions of each

A contestant has a table bench.r of its own, made from bench.node: the columns that all have, and its own. An Ask is one
way to put the questions of the bench to that table. value is the column of bench.ancestor that a condition takes,
condition makes SQL from an expression for that value: a literal, $1, or a column of the other side of a join.
"""
from dataclasses import dataclass, field
from typing import Callable, Optional

COMMON = "identifier, parent_identifier, modality, size, created_at, note"
TYPES = {"datasource": "datasource_id", "patient": "patient_id", "imagingstudy": "study_id"}


@dataclass
class Ask:
    title: str
    value: str = "identifier"
    kind: str = "text"
    condition: Optional[Callable] = None        # (expression, type of the ancestor) -> SQL, or None: cannot be asked
    by_identifier: bool = True                  # does it need the identifier only?
    few: Optional[Callable] = None              # by identifier, where the condition is another than for the rest
    path: Optional[Callable] = None             # by path; value is then path_value
    path_value: str = "path"
    count: Optional[str] = None                 # whole statement with %s for the value
    subtree: Optional[str] = None               # WITH clause that makes s, the rows of the subtree, with %s for the value
    semi: Optional[str] = None                  # semi-join: whole statement over bench.wanted w; {wanted}: as array constant
    estimates: bool = True


@dataclass
class Contestant:
    name: str
    title: str
    columns: dict                               # further columns of bench.r, as expressions over bench.node
    indexes: list
    asks: list
    ours: bool = False
    opclass: Optional[str] = None               # takes part if this class exists
    before: list = field(default_factory=list)  # statements before the indexes, neither timed nor sized
    ask_again: bool = False                     # also estimates with more statistics?
    second: Optional[str] = None                # a second table (bench.closure) over source n


def ancestor_join(condition):
    return f"SELECT count(*), sum(size) FROM bench.wanted w JOIN bench.r ON {condition}"


def has_ancestor(x, _type):
    return f"has_ancestor(lineage, {x})"


def within_path(x, _type=None):
    return f"lineage <@ {x}"


def field_is(x, kind):
    return f"{TYPES[kind]} = {x}" if kind in TYPES else None


ANY = "SELECT count(*), sum(size) FROM bench.r WHERE has_any_ancestor(lineage, ARRAY(SELECT identifier FROM bench.wanted))"
FIELDS = {f: f"(SELECT l FROM unnest(labels) l WHERE starts_with(l, '{t}/')) COLLATE \"C\"" for t, f in TYPES.items()}
OWN_FIELD = "CASE WHEN starts_with(identifier, 'volume/') THEN identifier END COLLATE \"C\""
IN_FIELD = "SELECT count(*), sum(size) FROM bench.r WHERE patient_id IN (SELECT identifier FROM bench.wanted)"


def by_field(title):
    return Ask(title, condition=field_is, semi=IN_FIELD)


def by_operator(title="has_ancestor", **other):
    return Ask(title, condition=has_ancestor, path=within_path, semi=ANY, **other)


def ltree_ask(column, value):
    return [Ask("", value=value, kind="ltree", by_identifier=False,
                condition=lambda x, _type: f"r.{column} <@ {x}",
                few=lambda label: f"r.{column} ~ '*.{label}.*'" if column == "lpath" else None,
                path=lambda x: f"r.{column} <@ {x}", path_value=value,
                semi=ancestor_join(f"r.{column} <@ w.{value}"))]


CLOSURE_OF = "(SELECT id FROM bench.r WHERE identifier = %s)"
RECURSIVE = ("WITH RECURSIVE s AS (SELECT {0} FROM bench.r WHERE parent_identifier {1} UNION ALL "
             "SELECT {2} FROM s JOIN bench.r ON r.parent_identifier = s.identifier) ")


def contestants(set_indexes):
    """all of them; set_indexes: what create_resource_type makes, as CREATE INDEX on bench.r"""
    return [
        Contestant("plain", "no index", {}, [], []),
        Contestant("gist", "gist_lineage_ops", {"lineage": "lineage(labels)"}, ["CREATE INDEX r_1 ON bench.r USING gist (lineage)"],
                   [by_operator(),
                    Ask("join of has_ancestor", semi=ancestor_join("has_ancestor(lineage, w.identifier)"))],
                   ours=True, opclass="gist_lineage_ops", ask_again=True),
        Contestant("gist_full", "gist_lineage_full_ops", {"lineage": "lineage(labels)"},
                   ["CREATE INDEX r_1 ON bench.r USING gist (lineage gist_lineage_full_ops)"],
                   [by_operator(estimates=False)], ours=True, opclass="gist_lineage_full_ops"),
        Contestant("gin", "gin_lineage_ops", {"lineage": "lineage(labels)"}, ["CREATE INDEX r_1 ON bench.r USING gin (lineage)"],
                   [Ask("has_ancestor", condition=has_ancestor, semi=ANY, estimates=False)], ours=True, opclass="gin_lineage_ops"),
        Contestant("btree", "btree_lineage_ops", {"lineage": "lineage(labels)"}, ["CREATE INDEX r_1 ON bench.r (lineage)"],
                   [Ask("<@", value="path", kind="lineage", by_identifier=False, condition=within_path, path=within_path,
                        semi=ancestor_join("lineage <@ w.path"))], ours=True, opclass="btree_lineage_ops"),
        Contestant("gist_time", "gist (lineage, tstzrange)", {"lineage": "lineage(labels)"},
                   ["CREATE INDEX r_1 ON bench.r USING gist (lineage, tstzrange(created_at, NULL))"],
                   [by_operator(estimates=False)], ours=True, opclass="gist_lineage_ops"),
        Contestant("set", "index set of create_resource_type",
                   {**FIELDS, "volume_id": OWN_FIELD, "derived_from": "NULL::text[]", "lineage": "lineage(labels)"},
                   set_indexes, [by_operator("by has_ancestor", estimates=False), by_field("by lineage field")],
                   ours=True, opclass="gist_lineage_ops"),
        Contestant("ltree", "ltree GiST", {"lpath": "bench.mapped(labels)"}, ["CREATE INDEX r_1 ON bench.r USING gist (lpath)"],
                   ltree_ask("lpath", "lpath")),
        Contestant("ltree100", "ltree GiST, siglen 100", {"lpath": "bench.mapped(labels)"},
                   ["CREATE INDEX r_1 ON bench.r USING gist (lpath gist_ltree_ops (siglen = 100))"], ltree_ask("lpath", "lpath")),
        Contestant("ltree_short", "ltree GiST, labels cut short", {"spath": "replace(translate(local, '-', '_'), '/', '.')::ltree"},
                   ["CREATE INDEX r_1 ON bench.r USING gist (spath)"], ltree_ask("spath", "spath")),
        Contestant("array", "text[] GIN", {"ancestors": "labels[:cardinality(labels) - 1]"},
                   ["CREATE INDEX r_1 ON bench.r USING gin (ancestors)"],
                   [Ask("", condition=lambda x, _type: f"ancestors @> ARRAY[{x}]",
                        # a subquery or a join is planned as a sequential scan of minutes: the list is spelled out instead
                        semi="SELECT count(*), sum(size) FROM bench.r WHERE ancestors && {wanted}")], ask_again=True),
        Contestant("text", "path text, btree", {"tpath": 'local COLLATE "C"'}, ["CREATE INDEX r_1 ON bench.r (tpath)"],
                   [Ask("", value="local", by_identifier=False,
                        condition=lambda x, _type: f"tpath > {x} || '/' AND tpath < {x} || '0'",
                        path=lambda x: f"tpath > {x} || '/' AND tpath < {x} || '0'", path_value="local",
                        semi=ancestor_join("tpath > w.local || '/' AND tpath < w.local || '0'"))]),
        Contestant("columns", "three columns, btrees", FIELDS, [f"CREATE INDEX r_{i} ON bench.r ({f})" for i, f in enumerate(TYPES.values())],
                   [by_field("")], ask_again=True),
        Contestant("closure", "closure table", {"id": "id"}, ["CREATE INDEX c_1 ON bench.closure (ancestor, descendant)",
                                                      "CREATE INDEX c_2 ON bench.closure (descendant)"],
                   [Ask("", condition=lambda x, _type: "r.id IN (SELECT descendant FROM bench.closure WHERE ancestor = " + CLOSURE_OF % x + ")",
                        count="SELECT count(*) FROM bench.closure WHERE ancestor = " + CLOSURE_OF,
                        semi="SELECT count(*), sum(size) FROM bench.r WHERE id IN (SELECT descendant FROM bench.closure "
                             "WHERE ancestor IN (SELECT id FROM bench.r WHERE identifier IN (SELECT identifier FROM bench.wanted)))")],
                   before=["CREATE UNIQUE INDEX r_id ON bench.r (id)", "CREATE UNIQUE INDEX r_identifier ON bench.r (identifier)"],
                   second="SELECT a.id AS ancestor, n.id AS descendant FROM {source} n, unnest(n.labels[:cardinality(n.labels) - 1]) label "
                          "JOIN bench.numbered a ON a.identifier = label ORDER BY {order}"),
        Contestant("cte", "recursive CTE", {}, ["CREATE INDEX r_1 ON bench.r (parent_identifier)"],
                   [Ask("", subtree=RECURSIVE.format("*", "= %s", "r.*"),
                        count=RECURSIVE.format("identifier", "= %s", "r.identifier") + "SELECT count(*) FROM s", estimates=False,
                        semi=RECURSIVE.format("identifier, size", "IN (SELECT identifier FROM bench.wanted)", "r.identifier, r.size")
                        + "SELECT count(*), sum(size) FROM s")]),
    ]
