"""Maintenance of PostgreSQL: the rows of its dashboard that are closed by default."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from mixin.dashboards._board import Panels
from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import count, gauge, graph, stat
from mixin.dashboards._queries import WHO, now, or_zero, series
from mixin.dashboards._tables import Column, cell_link, table

CHECKSUMS = "increase(pg_stat_database_checksum_failures_total{$target}[6h])"
WORKERS = or_zero(
    """
    sum without (datname, state, usename, application_name, backend_type, wait_event_type, wait_event) (
      pg_stat_activity_count{$target, backend_type="autovacuum worker"}
    )
    """
)


def databases() -> Panels:
    """Wraparound, size and growth of the databases, and what autovacuum does."""
    return [
        gauge(
            "Wraparound",
            "What was used of the transactions and multixacts that can be counted, in the oldest database. "
            "At 100 % the server refuses to write.",
            units.PercentUnit,
            now("max(database:pg_wraparound:ratio{$target})", ""),
            alert="PostgresWraparound",
        ),
        gauge(
            "Fullest sequence",
            "Used part of the sequence that is closest to its end; 0 without any. At 100 % inserts fail.",
            units.PercentUnit,
            now("max(pg_sequence_used_ratio{$target}) or vector(0)", ""),
            alert="PostgresSequenceNearExhaustion",
        ),
        stat(
            "Checksum failures in 6 h",
            "Pages whose content is not what was written; 0 also where data checksums are off. The disk or "
            "the memory of the host is damaged.",
            units.Short,
            now(f"sum({CHECKSUMS}) or vector(0)", ""),
            alert="PostgresChecksumFailure",
        ),
        stat(
            "Settings await restart",
            "Changed settings that come into force with the next restart of the server.",
            units.Short,
            now("sum(pg_pending_restart_settings{$target})", ""),
        ),
        stat(
            "Dead rows",
            "Rows that no transaction can see any more and that VACUUM has not removed yet.",
            units.Short,
            series('sum(pg_stat_user_tables_n_dead_tup{$target, datname=~"$datname"})', ""),
            watched=["PostgresAutovacuumFallingBehind"],
        ).data_links([drill("Tables", to("tables"))]),
        count(
            "Invalid indexes",
            "Indexes whose build failed: they cost on each write and help no query. Drop and build them "
            "again.",
            now('sum(pg_index_properties{$target, datname=~"$datname", is_valid="0"}) or vector(0)', ""),
            alert="PostgresInvalidIndex",
        ).data_links([drill("Tables", to("tables"))]),
        _by_database(),
        graph(
            "Wraparound over time",
            "It falls when VACUUM freezes the oldest table. A line that only climbs is kept up by an old "
            "transaction, a replication slot or a prepared transaction.",
            units.PercentUnit,
            series("max without (datname) (database:pg_wraparound:ratio{$target})", f"{{{{kind}}}} {WHO}"),
            alert="PostgresWraparound",
        ).decimals(1),
        graph(
            "Autovacuum workers",
            "Workers at work, and how many there may be. All busy for long: tables wait for their turn.",
            units.Short,
            series(WORKERS, f"busy {WHO}"),
            series("pg_settings_autovacuum_max_workers{$target}", f"limit {WHO}"),
            watched=["PostgresAutovacuumFallingBehind"],
        ),
    ]


def _by_database() -> tables.Panel:
    where = '{$target, datname=~"$datname"}'
    panel = table(
        "Databases",
        "Size, sessions and use of each database. Click one for its tables.",
        ["instance", "target", "datname"],
        Column("size", f"pg_database_size_bytes{where}", units.BytesIEC),
        Column("in a day", f"database:pg_database_size_bytes:growth_1d{where}", units.BytesIEC),
        Column("sessions", f"sum without (datid) (pg_stat_database_numbackends{where})", units.Short),
        Column("transactions", f"database:pg_transactions:rate5m{where}", units.OpsPerSecond),
        Column(
            "rolled back",
            f"database:pg_stat_database_xact_rollback:ratio_rate5m{where}",
            units.PercentUnit,
            "PostgresRollbackRatioHigh",
        ),
        Column(
            "wraparound",
            f"max without (kind) (database:pg_wraparound:ratio{where})",
            units.PercentUnit,
            "PostgresWraparound",
        ),
        watched=["PostgresDatabaseGrowth"],
    )
    panel.height(6).override_by_name("wraparound", [DynamicConfigValue("decimals", 2)])
    return cell_link(panel, "datname", "Tables", to("tables", "instance", "datname", row=True))


def wal() -> Panels:
    """Checkpoints, WAL and its archive."""
    return [
        graph(
            "Requested checkpoints",
            "Part of the checkpoints of an hour that were requested, most of them because max_wal_size was "
            "reached: raise it.",
            units.PercentUnit,
            series("instance:pg_checkpoints_requested:ratio_1h{$target}"),
            alert="PostgresCheckpointsTooFrequent",
        )
        .max(1)
        .no_value("no checkpoint in the last hour"),
        graph(
            "Checkpoints in an hour",
            "Timed ones come with checkpoint_timeout; requested ones because max_wal_size was reached: with "
            "many of those raise it.",
            units.Short,
            series(
                "increase(pg_stat_checkpointer_num_timed_total{$target}[1h])",
                f"timed {WHO}",
            ),
            series(
                "increase(pg_stat_checkpointer_num_requested_total{$target}[1h])",
                f"requested {WHO}",
            ),
            watched=["PostgresCheckpointsTooFrequent"],
        ),
        graph(
            "WAL written",
            "WAL that this server generates; absent before PostgreSQL 14.",
            units.BytesPerSecondIEC,
            series("rate(pg_stat_wal_bytes_total{$target}[$__rate_interval])"),
        ),
        graph(
            "WAL on disk",
            "Size of pg_wal. When it grows without end, a replication slot or a failing archive holds it.",
            units.BytesIEC,
            series("pg_wal_size_bytes{$target}"),
        ).data_links([drill("Replication", to("replication", "instance"))]),
        graph(
            "WAL files that wait for the archive",
            "Rises while archive_command fails.",
            units.Short,
            series("pg_wal_archive_ready_files{$target}"),
            watched=["PostgresWalArchiveFailing"],
        ),
        graph(
            "WAL files archived per minute",
            "Archived and failed attempts; both 0 where archive_mode is off.",
            units.Short,
            series(
                "60 * rate(pg_stat_archiver_archived_count{$target}[$__rate_interval])",
                f"archived {WHO}",
            ),
            series(
                "60 * rate(pg_stat_archiver_failed_count{$target}[$__rate_interval])",
                f"failed {WHO}",
            ),
        ),
        graph(
            "Buffers written",
            "By whom: backends that write themselves wait for it.",
            units.WritesPerSecond,
            series(
                "sum(rate(pg_stat_checkpointer_buffers_written_total{$target}[$__rate_interval]))",
                "checkpointer",
            ),
            series(
                "sum(rate(pg_stat_bgwriter_buffers_clean_total{$target}[$__rate_interval]))",
                "background writer",
            ),
            series(
                "sum(rate(pg_stat_bgwriter_buffers_backend_total{$target}[$__rate_interval]))", "backends"
            ),
        ).span(24),
    ]
