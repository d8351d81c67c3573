"""Connection limits of roles, from pg_roles."""

from exporter.model.view import Gauge, Label, View

VIEW = View(
    help="Connection limits of roles, from pg_roles.",
    source="pg_roles",
    docs="view-pg-roles.html",
    labels=(Label("rolname", "rolname", eg="web"),),
    metrics=(
        Gauge("pg_roles_connection_limit", "rolconnlimit",
              "Connections allowed to the role at once, -1 for no limit.", eg=-1),
    ),
    every_seconds=60.0,
)  # fmt: skip
