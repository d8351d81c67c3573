"""WAL archiving, from pg_stat_archiver."""

from exporter.model.view import Counter, Gauge, View

VIEW = View(
    help="WAL archiving, from pg_stat_archiver.",
    source="pg_stat_archiver",
    docs="monitoring-stats.html#MONITORING-PG-STAT-ARCHIVER-VIEW",
    metrics=(
        Counter("pg_stat_archiver_archived_count", "archived_count", "WAL files archived.", eg=512),
        Counter("pg_stat_archiver_failed_count", "failed_count",
                "Attempts to archive a WAL file that failed.", eg=3),
        Gauge("pg_stat_archiver_last_archive_age", "date_part('epoch', now() - last_archived_time)",
              "Seconds since a WAL file was last archived; absent if none ever was.", eg=42.5),
        Gauge("pg_stat_archiver_last_failed_timestamp_seconds", "date_part('epoch', last_failed_time)",
              "Unix time of the last attempt to archive that failed; absent if none did.", eg=1_685_059_842),
    ),
)  # fmt: skip
