"""Number and size of relations by kind, from pg_class."""

from exporter.model.view import Gauge, Label, Scope, View

KINDS = """(
    SELECT CASE relkind WHEN 'r' THEN 'table' WHEN 'i' THEN 'index' WHEN 't' THEN 'toast table'
                        WHEN 'm' THEN 'materialized view' WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence'
                        WHEN 'p' THEN 'partitioned table' WHEN 'I' THEN 'partitioned index'
                        WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'composite type'
                        ELSE relkind::text END AS kind,
           count(*) AS relations, sum(relpages)::bigint AS pages
    FROM pg_class
    WHERE relpersistence <> 't'
    GROUP BY relkind
) AS k"""

VIEW = View(
    help="Number and size of relations by kind, from pg_class.",
    source=KINDS,
    docs="catalog-pg-class.html",
    scope=Scope.DATABASE,
    labels=(
        Label("datname", "(SELECT current_database())", eg="app"),
        Label("relkind", "k.kind", eg="index"),
    ),
    metrics=(
        Gauge("pg_class_relations", "k.relations",
              "Relations of this kind in the database, those of the system included.", eg=412),
        Gauge("pg_class_size_bytes",
              "CASE WHEN k.pages > 0 THEN k.pages * (SELECT current_setting('block_size')::bigint) END",
              "Size of all relations of this kind, as of their last VACUUM or ANALYZE.", eg=73_400_320),
    ),
    every_seconds=300.0,
)  # fmt: skip
