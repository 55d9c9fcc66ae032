"""Chainable queries for PostgreSQL with vxp_query, answered as Polars data frames.

    from vxp_client import PlatformClient, F
    client = PlatformClient("postgresql://localhost/demo")
    client.query("Volume").filter(F.modality == "MR", F.size_mb > 30).select("identifier", "patient_id").collect()

What is written here becomes a DQL request (docs/dql.md) and nothing else: conditions, subqueries and sorting are
decided, planned and carried out by the server.
"""

from .client import PlatformClient, QueryError
from .query import ALL, ANY, Condition, F, Field, Query, has_ancestor

__all__ = ["ALL", "ANY", "Condition", "F", "Field", "PlatformClient", "Query", "QueryError", "has_ancestor"]
__version__ = "0.1.0"
