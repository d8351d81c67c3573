"""Queries that recovery cancelled on a standby, by reason, from pg_stat_database_conflicts.

A primary has the rows as well, with zeros. Upstream writes the server's address to each of these
series as the label `server`; here that is Prometheus's label `instance`, as with all others.
"""

from exporter.model.metric import Kind
from exporter.model.view import Counter, Label, View, ViewMetric

VIEW = View(
    help="Queries that recovery cancelled on a standby, by reason, from pg_stat_database_conflicts.",
    source="pg_stat_database_conflicts",
    docs="monitoring-stats.html#MONITORING-PG-STAT-DATABASE-CONFLICTS-VIEW",
    labels=(Label("datid", "datid", eg="16384"), Label("datname", "datname", eg="app")),
    metrics=(
        Counter("pg_stat_database_conflicts_confl_tablespace", "confl_tablespace",
                "Queries cancelled because a tablespace was dropped.", eg=0),
        Counter("pg_stat_database_conflicts_confl_lock", "confl_lock",
                "Queries cancelled because they held a lock for too long.", eg=2),
        Counter("pg_stat_database_conflicts_confl_snapshot", "confl_snapshot",
                "Queries cancelled because they could still see rows that were removed.", eg=5),
        Counter("pg_stat_database_conflicts_confl_bufferpin", "confl_bufferpin",
                "Queries cancelled because they held a buffer in use.", eg=1),
        Counter("pg_stat_database_conflicts_confl_deadlock", "confl_deadlock",
                "Queries cancelled because of a deadlock with recovery.", eg=0),
        # Upstream's map does not know this column, so there it has no kind.
        ViewMetric("pg_stat_database_conflicts_confl_active_logicalslot", {16: "confl_active_logicalslot"},
                   "Uses of logical slots cancelled: old snapshots, or too low a wal_level on the primary.",
                   eg=0, kind=Kind.UNTYPED),
    ),
)  # fmt: skip
