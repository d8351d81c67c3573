"""Age of the oldest transaction and multixact of each database, from pg_database.

The names are postgres_exporter's, and so is the `_seconds` in them: the values count transactions.
"""

from exporter.model.view import Gauge, Label, View

VIEW = View(
    help="Age of the oldest transaction and multixact of each database, from pg_database.",
    source="pg_database AS d WHERE d.datallowconn",
    docs="catalog-pg-database.html",
    labels=(Label("datname", "d.datname", eg="app"),),
    metrics=(
        Gauge("pg_database_wraparound_age_datfrozenxid_seconds", "age(d.datfrozenxid)",
              "Transactions since the oldest one that is not frozen; not seconds.", eg=42_000_000),
        Gauge("pg_database_wraparound_age_datminmxid_seconds", "mxid_age(d.datminmxid)",
              "Multixacts since the oldest one that is still in a table; not seconds.", eg=1_200),
    ),
    default=False,
)  # fmt: skip
