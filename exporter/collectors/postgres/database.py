"""Connection limit of each database, from pg_database."""

from exporter.model.view import Gauge, Label, View

VIEW = View(
    help="Connection limit of each database, from pg_database.",
    source="pg_database AS d",
    docs="catalog-pg-database.html",
    labels=(Label("datname", "d.datname", eg="app"),),
    metrics=(
        Gauge("pg_database_connection_limit", "d.datconnlimit",
              "Connections allowed to the database at once, -1 for no limit.", eg=-1),
        Gauge("pg_database_is_template", "d.datistemplate::int", "1 for a template database, else 0.", eg=0),
    ),
    every_seconds=60.0,
)  # fmt: skip
