"""From a request to a data frame: ADBC where it is installed, else psycopg 3."""

import json
import os
import threading

import polars as pl

from .query import Query, to_json

# what arrives as it is; numeric becomes Float64, and whatever else there is (jsonb among it) text
_DTYPES = {
    "boolean": pl.Boolean,
    "smallint": pl.Int16,
    "integer": pl.Int32,
    "bigint": pl.Int64,
    "real": pl.Float32,
    "double precision": pl.Float64,
    "text": pl.String,
    "date": pl.Date,
    "timestamp with time zone": pl.Datetime("us", "UTC"),
    "timestamp without time zone": pl.Datetime("us"),
}
_SENT_AS = {"numeric": "double precision", "character varying": "text"}


def _sent_as(type_name):
    """The type that a column is cast to on the server, and what Polars makes of it."""
    base, array = (type_name[:-2], "[]") if type_name.endswith("[]") else (type_name, "")
    base = _SENT_AS.get(base, base)
    if base not in _DTYPES:
        return "text", pl.String
    return base + array, pl.List(_DTYPES[base]) if array else _DTYPES[base]


class QueryError(Exception):
    """An error of the server: sqlstate, detail (with the place in the request) and hint."""

    def __init__(self, message, sqlstate=None, detail=None, hint=None):
        super().__init__("\n".join(line for line in (message, detail, hint) if line))
        self.message, self.sqlstate, self.detail, self.hint = message, sqlstate, detail, hint


class _Psycopg:
    name = "psycopg"

    def __init__(self, dsn):
        import psycopg

        self._psycopg = psycopg
        # RawCursor: statements have $1, as on the wire, so that a % in a name means nothing
        self._connection = psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.RawCursor)
        self._connection.execute("SET TimeZone = 'UTC'")

    def rows(self, sql, *parameters):
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except self._psycopg.Error as error:
            diag = error.diag
            raise QueryError(diag.message_primary or str(error), error.sqlstate, diag.message_detail, diag.message_hint) from error

    def frame(self, sql, schema, *parameters):
        return pl.DataFrame(self.rows(sql, *parameters), schema=schema, orient="row")

    def close(self):
        self._connection.close()


class _Adbc:
    name = "adbc"

    def __init__(self, dsn):
        import adbc_driver_manager
        import adbc_driver_postgresql.dbapi

        self._error = adbc_driver_manager.Error
        self._connection = adbc_driver_postgresql.dbapi.connect(dsn, autocommit=True)

    def _table(self, sql, *parameters):
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetch_arrow_table()
        except self._error as error:
            found = {_text(key).rsplit("_", 1)[-1].lower(): _text(value) for key, value in error.details or []}
            raise QueryError(found.get("primary", str(error)), error.sqlstate, found.get("detail"), found.get("hint")) from error

    def rows(self, sql, *parameters):
        return list(zip(*(column.to_pylist() for column in self._table(sql, *parameters).columns)))

    def frame(self, sql, schema, *parameters):
        return pl.from_arrow(self._table(sql, *parameters)).cast(schema)

    def close(self):
        self._connection.close()


class PlatformClient:
    """dsn: a libpq connection string or URI; default: the environment variable VXP_DSN, then those of libpq (PGHOST,
    PGDATABASE ...). driver: "adbc" or "psycopg"; default: the first that is installed. One connection, used by one
    thread at a time."""

    def __init__(self, dsn=None, driver=None):
        dsn = dsn if dsn is not None else os.environ.get("VXP_DSN", "")
        drivers = {"adbc": _Adbc, "psycopg": _Psycopg}
        if driver is not None:
            self._driver = drivers[driver](dsn)
        else:
            try:
                self._driver = _Adbc(dsn)
            except ImportError:
                self._driver = _Psycopg(dsn)
        self._types = {}
        self._lock = threading.RLock()

    @property
    def driver(self):
        return self._driver.name

    def query(self, resource):
        return Query(self, resource)

    def close(self):
        self._driver.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def collect(self, request):
        text = to_json(request)
        with self._lock:
            relation, documents, columns = self._type(request["resource"])
            if documents:
                found = [json.loads(item) for (item,) in self._driver.rows("SELECT item::text FROM vxp.items($1) AS item", text)]
                schema = request["select"] if found == [] and "select" in request else None
                return pl.DataFrame(found, schema=schema, infer_schema_length=None)
            selected = request.get("select", list(columns))
            schema, targets, record = {}, [], []
            for name in selected:
                sent, schema[name] = _sent_as(columns.get(name, "text"))
                targets.append(f'{_quoted(name)}::{sent} AS {_quoted(name)}')
                record.append(f'{_quoted(name)} {sent}')
            if all(name in columns for name in selected):
                source = f"vxp.query(NULL::{relation}, $1)"
            else:
                # places inside JSON have no column: they are named in the shape of the answer instead
                text = to_json({key: value for key, value in request.items() if key != "select"})
                source = f"vxp.query_record($1) AS r({', '.join(record)})"
            return self._driver.frame(f"SELECT {', '.join(targets)} FROM {source}", schema, text)

    def count(self, request):
        with self._lock:
            return self._driver.rows("SELECT vxp.count($1::vxp.dql)", to_json(request))[0][0]

    def to_sql(self, request):
        with self._lock:
            return self._driver.rows("SELECT vxp.to_sql($1::vxp.dql)", to_json(request))[0][0]

    def _type(self, name):
        """Table, whether it holds documents, and the columns with their types."""
        if name not in self._types:
            found = self._driver.rows(
                "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), t.document_column IS NOT NULL, a.attname::text, "
                "format_type(a.atttypid, NULL) FROM vxp.resource_types t JOIN pg_class c ON c.oid = t.relation "
                "JOIN pg_namespace n ON n.oid = c.relnamespace "
                "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
                "WHERE t.name = $1 ORDER BY a.attnum", name)
            if not found:
                raise QueryError(f'resource type "{name}" does not exist', "42704", None, "See the view vxp.resource_types.")
            self._types[name] = (found[0][0], found[0][1], {column: kind for _, _, column, kind in found})
        return self._types[name]


def _text(value):
    return value.decode() if isinstance(value, bytes) else value


def _quoted(name):
    return '"' + name.replace('"', '""') + '"'
