"""Locks held or awaited by database and mode, from pg_locks.

Each of the nine modes of each database has a sample, zero where there is no such lock. Locks that
belong to no database (shared objects, transaction ids) are left out.
"""

from exporter.model.view import Gauge, Label, View

LOCKS = """pg_database AS d
CROSS JOIN (VALUES ('accesssharelock'), ('rowsharelock'), ('rowexclusivelock'),
                   ('shareupdateexclusivelock'), ('sharelock'), ('sharerowexclusivelock'),
                   ('exclusivelock'), ('accessexclusivelock'), ('sireadlock')) AS m(mode)
LEFT JOIN (
    SELECT database, lower(mode) AS mode, count(*) AS locks
    FROM pg_locks
    WHERE database IS NOT NULL
    GROUP BY 1, 2
) AS l ON l.database = d.oid AND l.mode = m.mode"""

VIEW = View(
    help="Locks held or awaited by database and mode, from pg_locks.",
    source=LOCKS,
    docs="view-pg-locks.html",
    labels=(Label("datname", "d.datname", eg="app"), Label("mode", "m.mode", eg="rowexclusivelock")),
    metrics=(
        Gauge("pg_locks_count", "coalesce(l.locks, 0)", "Locks of this mode, held or awaited.", eg=12),
    ),
)  # fmt: skip
