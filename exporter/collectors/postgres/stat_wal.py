"""WAL generated and written, from pg_stat_wal (PostgreSQL 14 and newer).

PostgreSQL 18 moved writes, syncs and their times to pg_stat_io.
"""

from exporter.model.view import Counter, Gauge, View

VIEW = View(
    help="WAL generated and written, from pg_stat_wal (PostgreSQL 14 and newer).",
    source={14: "pg_stat_wal"},
    docs="monitoring-stats.html#MONITORING-PG-STAT-WAL-VIEW",
    metrics=(
        Counter("pg_stat_wal_records_total", "wal_records", "WAL records generated.", eg=1_203_456),
        Counter("pg_stat_wal_fpi_total", "wal_fpi", "Full page images written to WAL.", eg=20_311),
        Counter("pg_stat_wal_bytes_total", "wal_bytes::bigint", "WAL generated, in bytes.", eg=402_653_184),
        Counter("pg_stat_wal_buffers_full_total", "wal_buffers_full",
                "Times that WAL went to disk because the WAL buffers were full.", eg=17),
        Counter("pg_stat_wal_write_total", {14: "wal_write", 18: None},
                "Times that WAL buffers were written to disk.", eg=90_122),
        Counter("pg_stat_wal_sync_total", {14: "wal_sync", 18: None},
                "Times that WAL files were synchronized to disk.", eg=88_001),
        Counter("pg_stat_wal_write_time_seconds_total", {14: "wal_write_time / 1000", 18: None},
                "Time spent writing WAL to disk; counted with track_wal_io_timing only.", eg=12.5),
        Counter("pg_stat_wal_sync_time_seconds_total", {14: "wal_sync_time / 1000", 18: None},
                "Time spent synchronizing WAL to disk; counted with track_wal_io_timing only.", eg=40.25),
        Gauge("pg_stat_wal_stats_reset_timestamp_seconds", "date_part('epoch', stats_reset)",
              "Unix time at which these statistics were last reset.", eg=1_685_059_842),
    ),
)  # fmt: skip
