"""Extensions of each database, from pg_extension."""

from exporter.model.view import Gauge, Label, Scope, View

VIEW = View(
    help="Extensions of each database and their versions, from pg_extension.",
    source="pg_extension AS e",
    docs="catalog-pg-extension.html",
    scope=Scope.DATABASE,
    labels=(
        Label("datname", "(SELECT current_database())", eg="app"),
        Label("name", "e.extname", eg="pg_stat_statements"),
        Label("version", "e.extversion", eg="1.12"),
    ),
    metrics=(Gauge("pg_extension_info", "1", "1, with an extension and its version as labels.", eg=1),),
    every_seconds=600,
)  # fmt: skip
