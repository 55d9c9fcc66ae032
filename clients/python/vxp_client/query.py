"""The builder: from Python operators to the JSON of a request."""

import datetime
import decimal
import json


class Condition:
    """A filter. Combine with & | ~; `and`, `or` and `not` cannot be overloaded and are refused."""

    def __init__(self, dql):
        self.dql = dql

    def __and__(self, other):
        return Condition({"$and": [self.dql, _filter(other)]})

    def __or__(self, other):
        return Condition({"$or": [self.dql, _filter(other)]})

    def __invert__(self):
        return Condition({"$nor": [self.dql]})

    def __bool__(self):
        raise TypeError("a condition has no truth value here: use & | ~ instead of and, or, not")

    def __repr__(self):
        return f"Condition({to_json(self.dql)})"


class Field:
    """A field of a resource, or a place in its JSON: F.metadata.dicom.PatientAge is "metadata.dicom.PatientAge".
    A name that is no Python name, or that of a method below, is written F["contains"]."""

    __hash__ = None

    def __init__(self, path):
        self._path = path

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Field(f"{self._path}.{name}")

    def __getitem__(self, name):
        return Field(f"{self._path}.{name}")

    def __repr__(self):
        return f"F[{self._path!r}]"

    def __iter__(self):
        raise TypeError("a field is no list: use is_in, contains or between")

    def __bool__(self):
        raise TypeError("a field has no truth value here: write F.x == True")

    def _is(self, operator, operand):
        return Condition({self._path: {operator: operand}})

    def __eq__(self, value):
        return self._is("$eq", _literal(value))

    def __ne__(self, value):
        """Also true where the field is not set."""
        return self._is("$ne", _literal(value))

    def __gt__(self, value):
        return self._is("$gt", _bound(value))

    def __ge__(self, value):
        return self._is("$gte", _bound(value))

    def __lt__(self, value):
        return self._is("$lt", _bound(value))

    def __le__(self, value):
        return self._is("$lte", _bound(value))

    def is_in(self, values):
        """One of the values, or of those that a query with one selected field finds."""
        if isinstance(values, Query):
            return self._is("$in", values.subquery())
        if isinstance(values, (str, bytes, dict)):
            raise TypeError("is_in takes a list or a query")
        return self._is("$in", [_literal(value) for value in values])

    def contains(self, text):
        return self._is("$contains", text)

    def startswith(self, text):
        return self._is("$startsWith", text)

    def like(self, pattern):
        """The whole text, with * for any run of characters and ? for one."""
        return self._is("$eq", pattern)

    def between(self, low, high):
        """Both ends included."""
        return self._is("$between", [low, high])

    def after(self, time):
        return self._is("$after", time)

    def before(self, time):
        return self._is("$before", time)

    def exists(self, exists=True):
        return self._is("$exists", exists)


class _Fields:
    """F.name, F["name"]"""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Field(name)

    def __getitem__(self, name):
        return Field(name)


F = _Fields()


def has_ancestor(identifier):
    """Everything below that resource, at any depth; a list: below one of them."""
    return Condition({"$hasAncestor": identifier if isinstance(identifier, str) else list(identifier)})


class _Compared:
    def __init__(self, key, values):
        self.dql = {key: values.subquery() if isinstance(values, Query) else list(values)}


def ANY(values):
    """F.x > ANY(query): greater than some value that the query finds."""
    return _Compared("$any", values)


def ALL(values):
    """F.x < ALL(query): less than each value that the query finds."""
    return _Compared("$all", values)


class Query:
    """A request. Each method gives a new query; collect() and count() ask the server."""

    def __init__(self, client, resource, request=None):
        self._client = client
        self._request = request if request is not None else {"resource": resource}

    def _with(self, **members):
        return Query(self._client, None, {**self._request, **members})

    def filter(self, *conditions, **values):
        """All of the conditions; name=value is F.name == value."""
        found = [_filter(c) for c in conditions] + [(F[name] == value).dql for name, value in values.items()]
        before = self._request.get("filter", {}).get("$and", [])
        return self._with(filter={"$and": before + found}) if found else self

    def select(self, *fields):
        return self._with(select=[_name(field) for field in fields])

    def sort(self, *fields, descending=False):
        order = "descending" if descending else "ascending"
        return self._with(sort=self._request.get("sort", []) + [{_name(field): order} for field in fields])

    def limit(self, rows):
        return self._with(limit=rows)

    def skip(self, rows):
        return self._with(skip=rows)

    def as_of(self, time):
        """What was valid at that instant."""
        return self._with(asOf=time)

    def join(self, resource, *conditions, local, foreign="id", quantifier=None):
        """Rows with a related row: its field `local` equals the field `foreign` here. quantifier: "none", "all",
        {"atLeast": n}, {"exactly": n}."""
        join = {"on": {"resource": resource, "local": local, "forigen": foreign}, "filter": {"$and": [_filter(c) for c in conditions]}}
        if quantifier is not None:
            join["quantifier"] = quantifier
        return self._with(join=self._request.get("join", []) + [join])

    def subquery(self):
        if len(self._request.get("select", [])) != 1:
            raise ValueError("a query inside is_in, ANY or ALL selects one field: add .select(field)")
        return {**self._request, "select": self._request["select"][0]}

    def to_dict(self):
        return self._request

    def to_json(self):
        """The request as text."""
        return to_json(self._request)

    def collect(self):
        """The rows as a Polars data frame."""
        return self._client.collect(self._request)

    def count(self):
        """How many rows there are."""
        return self._client.count(self._request)

    def to_sql(self):
        """The SQL that the request stands for."""
        return self._client.to_sql(self._request)

    def __repr__(self):
        return f"Query({self.to_json()})"


def _name(field):
    return field._path if isinstance(field, Field) else field


def _filter(condition):
    if isinstance(condition, Condition):
        return condition.dql
    if isinstance(condition, dict):
        return condition
    raise TypeError(f"{condition!r} is no condition")


def _literal(value):
    """A string operand of equality may be a pattern on the wire; == means the text itself, as in T2*."""
    if isinstance(value, str) and ("*" in value or "?" in value):
        return "".join("\\" + c if c in "*?\\" else c for c in value)
    if isinstance(value, (Query, _Compared, Condition, Field)):
        raise TypeError(f"{value!r} is no value: use is_in(query), or ANY and ALL with an order operator")
    return value


def _bound(value):
    return value.dql if isinstance(value, _Compared) else value


def to_json(value):
    """JSON text; numbers keep their digits, times become ISO 8601, anything list-like a list."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(k))}: {to_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "[" + ", ".join(to_json(v) for v in value) + "]"
    if isinstance(value, decimal.Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is no JSON number")
        return str(value)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return json.dumps(value.isoformat())
    if hasattr(value, "to_list"):
        return to_json(value.to_list())
    if hasattr(value, "item"):
        return to_json(value.item())
    return json.dumps(value, allow_nan=False)
