"""Size of each database, from pg_database_size.

The function looks at every file of the database: tens of thousands of calls where there are thousands
of tables. So it has its own period, off the scrape path.
"""

from exporter.model.view import Gauge, Label, View

# Without CONNECT or pg_read_all_stats the size function raises, and for a database dropped a moment
# ago as well: the privilege function gives NULL there. One refused row must not lose the others.
MAY_MEASURE = """has_database_privilege(d.oid, 'CONNECT')
            OR (has_database_privilege(d.oid, 'CONNECT') IS NOT NULL
                AND pg_has_role('pg_read_all_stats', 'USAGE'))"""

VIEW = View(
    help="Size of each database, from pg_database_size.",
    source="pg_database AS d",
    docs="functions-admin.html#FUNCTIONS-ADMIN-DBSIZE",
    labels=(Label("datname", "d.datname", eg="app"),),
    metrics=(
        Gauge("pg_database_size_bytes",
              f"CASE WHEN {MAY_MEASURE}\n            THEN pg_database_size(d.oid) END",
              "Disk space used by the database; absent without CONNECT or pg_read_all_stats.",
              eg=1_073_741_824),
    ),
    needs=("pg_read_all_stats",),
    every_seconds=60.0,
)  # fmt: skip
