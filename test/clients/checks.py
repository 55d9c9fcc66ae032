"""What the Python programs of this folder share: checks that print one line each, and where the server is."""

import os
import sys

failed = 0


def check(name, good, *shown):
    global failed
    print(f"{'ok' if good else 'not ok'} - {name}", flush=True)
    if not good:
        failed += 1
        for value in shown:
            print(f"#   {value!r}"[:2000], flush=True)


def same(name, found, wanted):
    check(name, found == wanted, found, wanted)


def finish():
    sys.exit(1 if failed else 0)


def dsn(database, **more):
    parts = {"host": "127.0.0.1", "port": os.environ["PGPORT"], "user": os.environ["PGUSER"], "dbname": database, **more}
    return " ".join(f"{key}={value}" for key, value in parts.items())


def url(database, scheme="postgresql"):
    return f"{scheme}://{os.environ['PGUSER']}@127.0.0.1:{os.environ['PGPORT']}/{database}"
