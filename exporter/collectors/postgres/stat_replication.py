"""Standbys and other receivers of WAL, from pg_stat_replication.

Two receivers that agree in all labels share a row: it shows the one that is furthest behind.
"""

from exporter.model.view import Gauge, Label, View

SENDERS = """pg_stat_replication AS r
LEFT JOIN pg_replication_slots AS s ON s.active_pid = r.pid
CROSS JOIN (
    SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()
                ELSE pg_current_wal_lsn() END AS lsn
) AS here
GROUP BY r.application_name, r.client_addr, r.state, s.slot_name"""

VIEW = View(
    help="Standbys and other receivers of WAL, from pg_stat_replication.",
    source=SENDERS,
    docs="monitoring-stats.html#MONITORING-PG-STAT-REPLICATION-VIEW",
    labels=(
        Label("application_name", "r.application_name", eg="standby1"),
        Label("client_addr", "r.client_addr::text", eg="192.0.2.7/32"),
        Label("state", "r.state", eg="streaming"),
        Label("slot_name", "s.slot_name", eg="standby1"),
    ),
    metrics=(
        Gauge("pg_stat_replication_pg_current_wal_lsn_bytes",
              "max(pg_wal_lsn_diff(here.lsn, '0/0'))::bigint",
              "WAL position of this server in bytes.", eg=50_331_648),
        Gauge("pg_stat_replication_pg_wal_lsn_diff",
              "max(pg_wal_lsn_diff(here.lsn, r.replay_lsn))::bigint",
              "Bytes of WAL that the receiver has not replayed yet.", eg=2_048),
        Gauge("pg_stat_replication_write_lag_seconds", "max(date_part('epoch', r.write_lag))",
              "Time until the receiver had written recent WAL; absent while idle.", eg=0.001),
        Gauge("pg_stat_replication_flush_lag_seconds", "max(date_part('epoch', r.flush_lag))",
              "Time until the receiver had flushed recent WAL; absent while idle.", eg=0.002),
        Gauge("pg_stat_replication_replay_lag_seconds", "max(date_part('epoch', r.replay_lag))",
              "Time until the receiver had replayed recent WAL; absent while idle.", eg=0.003),
    ),
    needs=("pg_read_all_stats",),
)  # fmt: skip
