"""Transactions and multixacts since the oldest that is not frozen, of each database, from pg_database.

The settings that they are to be held against are pg_settings_autovacuum_freeze_max_age and
pg_settings_autovacuum_multixact_freeze_max_age; at about two thousand million the server stops writing.
"""

from exporter.model.view import Gauge, Label, View

VIEW = View(
    help="Transactions and multixacts since the oldest not frozen, of each database.",
    source="pg_database AS d",
    docs="routine-vacuuming.html#VACUUM-FOR-WRAPAROUND",
    labels=(Label("datname", "d.datname", eg="app"),),
    metrics=(
        Gauge("pg_database_unfrozen_xids", "age(d.datfrozenxid)",
              "Transactions since the oldest one that is not frozen in the database.", eg=42_000_000),
        Gauge("pg_database_unfrozen_mxids", "mxid_age(d.datminmxid)",
              "Multixacts since the oldest one that is not frozen in the database.", eg=1_200),
    ),
    every_seconds=60.0,
)  # fmt: skip
