"""Prepared transactions, from pg_prepared_xacts: they hold locks and rows until somebody ends them."""

from exporter.model.view import Gauge, Label, View

VIEW = View(
    help="Prepared transactions by database, from pg_prepared_xacts.",
    source="pg_prepared_xacts GROUP BY database",
    docs="view-pg-prepared-xacts.html",
    labels=(Label("datname", "database", eg="app"),),
    metrics=(
        Gauge("pg_prepared_xacts_transactions", "count(*)", "Transactions that are prepared.", eg=1),
        Gauge("pg_prepared_xacts_oldest_timestamp_seconds", "min(date_part('epoch', prepared))",
              "Unix time at which the oldest of them was prepared.", eg=1_700_000_000),
    ),
    every_seconds=60,
)  # fmt: skip
