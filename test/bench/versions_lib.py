"""versions_lib.py - sessions, and how the part versions of the bench measures with them"""
import json
import os
import re
import subprocess
import sys
import time

from dql_bench import literal, median, run

HERE = os.path.dirname(os.path.abspath(__file__))
BEGAN = time.monotonic()
# nanoseconds of processor time of the server's process, exact to a tick of the kernel, as seconds
USED = "split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float8 / 1e9"


def say(text):
    print(f"-- {time.monotonic() - BEGAN:5.0f} s  {text}", flush=True)


class Session:
    """one psql that stays connected, so that what a server process has cached stays too"""

    def __init__(self, database):
        self.database = database
        # what psql complains about goes to our own standard error
        self.psql = subprocess.Popen(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, script):
        """the lines that the script prints"""
        self.psql.stdin.write(f"{script}\n;\n\\echo ~done~\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line == "~done~\n":
                return lines
            lines.append(line.rstrip("\n"))
        sys.exit(f"error in database {self.database}, in: {script[:2000]}")

    def value(self, query):
        return self.run(query)[0]

    def include(self, name, **variables):
        """runs one of our scripts"""
        for key, value in variables.items():
            self.run(f"\\set {key} {value}")
        return self.run(f"\\i {os.path.join(HERE, name)}")

    def timed(self, statements):
        """(processor, clock) seconds that the statements take"""
        since = time.monotonic()
        lines = self.run(f"SELECT {USED} AS used \\gset\n{statements};\nSELECT '~used', {USED} - :used")
        return float(lines[-1].split("|")[1]), time.monotonic() - since

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()


REPEAT = """
CREATE PROCEDURE bench.repeat(question text, times int)
LANGUAGE plpgsql
AS $$
BEGIN
	FOR i IN 1 .. times LOOP
		EXECUTE question;
	END LOOP;
END
$$"""


def nodes(plan):
    """all nodes of a plan, as EXPLAIN prints it in JSON"""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def buffers_of(session, question):
    """buffers and plan of one execution, everything cached"""
    session.run(f"CALL bench.repeat({literal(question)}, 1)")
    plan = json.loads("".join(session.run(f"EXPLAIN (ANALYZE, TIMING OFF, BUFFERS, FORMAT JSON) {question}")))[0]["Plan"]
    return {"buffers": plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
            "scans": sorted({" ".join(filter(None, (n["Node Type"], n.get("Index Name", n.get("Relation Name")))))
                             for n in nodes(plan) if "Scan" in n["Node Type"]})}


def answer(session, question):
    """a checksum of the rows of a question"""
    return session.value(f"SELECT count(*) || ' rows, ' || coalesce(md5(string_agg(md5(CAST(q AS text)), '' ORDER BY CAST(q AS text) COLLATE \"C\")), '') "
                         f"FROM ({question}) q")


def compare(asked, rounds, seconds=0.1):
    """processor milliseconds of each of the named (session, question) pairs: a list for each name, one number for each round

    A question is parsed, planned and run again and again in a block of about so many seconds; the blocks of a round stand side
    by side, every second round in the other order.
    """
    times = {}
    for name, (session, question) in asked.items():
        call, n = f"CALL bench.repeat({literal(question)}, %d)", 1
        session.run(call % 2)
        while True:
            used = max(session.timed(call % n))
            if used > seconds / 3 or n > 20000:
                break
            n *= 4
        times[name] = max(1, round(n * seconds / max(used, 0.001)))
    taken = {name: [] for name in asked}
    for number in range(rounds):
        for name in (list(asked) if number % 2 == 0 else reversed(list(asked))):
            session, question = asked[name]
            taken[name].append(1000 * session.timed(f"CALL bench.repeat({literal(question)}, {times[name]})")[0] / times[name])
    return taken


def ratios(taken, name, base):
    return median([a / b for a, b in zip(taken[name], taken[base])])


def make_database(name, template="template0"):
    run(["createdb", "-T", template, name])


def spaces(text):
    return re.sub(r"\s+", " ", text).strip()
