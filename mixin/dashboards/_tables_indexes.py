"""Tables and indexes: the closed rows on bloat, indexes and sequences."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Panels
from mixin.dashboards._panels import graph
from mixin.dashboards._queries import WHO, or_zero, series
from mixin.dashboards._tables import Column, table
from mixin.dashboards._tables_names import INDEX_KEYS, INDEX_NAMES, KEYS, MAIN, NAMES, TABLE, of, rate


def bloat() -> Panels:
    """Room that holds nothing."""
    of_tables, of_indexes = (f"topk(20, pg_{kind}_bloat_bytes{TABLE})" for kind in ("table", "index"))
    return [
        graph(
            "Bloat of tables and indexes",
            "Estimated, of those of 10 MB or more, once an hour. VACUUM makes it usable again, but gives "
            "nothing back; 0 where there is none.",
            units.BytesIEC,
            *(
                series(
                    or_zero(f"sum without ({', '.join(names)}) (pg_{kind}_bloat_bytes{TABLE})"),
                    f"{kind} {WHO}",
                )
                for kind, names in (("table", NAMES), ("index", INDEX_NAMES))
            ),
        ).span(24),
        table(
            "Bloated tables",
            "Estimated, of tables of 10 MB or more. Half of a large table: pg_repack, or VACUUM FULL in a "
            "quiet hour, which locks it.",
            KEYS,
            Column("bloat", of_tables, units.BytesIEC),
            Column("of the table", of(f"pg_table_bloat_ratio{TABLE}", of_tables), units.PercentUnit),
        )
        .span(12)
        .no_value("none"),
        table(
            "Bloated indexes",
            "Estimated at least, of b-tree indexes of 10 MB or more. REINDEX INDEX CONCURRENTLY makes one "
            "anew without a lock.",
            INDEX_KEYS,
            Column("bloat", of_indexes, units.BytesIEC),
            Column(
                "of the index",
                of(f"pg_index_bloat_ratio{TABLE}", of_indexes, *INDEX_NAMES),
                units.PercentUnit,
            ),
        )
        .span(12)
        .no_value("none"),
    ]


def indexes() -> Panels:
    """Large ones, unused ones, invalid ones."""
    size = f"topk(20, pg_index_size_bytes{TABLE})"
    others = "without (is_unique, is_primary, is_valid, is_ready)"
    plain = f'max {others} (pg_index_properties{TABLE[:-1]}, is_unique="0", is_primary="0", is_valid="1"}})'
    unused = (
        f"topk(20, pg_index_size_bytes{TABLE} unless on (job, instance, target, {', '.join(INDEX_NAMES)}) "
        f"(changes(pg_stat_user_indexes_idx_scan_total{TABLE}[$__range]) > 0) "
        f"and on (job, instance, target, {', '.join(INDEX_NAMES)}) {plain})"
    )
    return [
        table(
            "Largest indexes",
            "The 20 largest, size as of the last VACUUM or ANALYZE, with their use.",
            INDEX_KEYS,
            Column("size", size, units.BytesIEC),
            Column(
                "scans",
                of(rate("pg_stat_user_indexes_idx_scan_total"), size, *INDEX_NAMES),
                units.OpsPerSecond,
            ),
            Column(
                "entries read",
                of(rate("pg_stat_user_indexes_idx_tup_read_total"), size, *INDEX_NAMES),
                units.OpsPerSecond,
            ),
            Column(
                "rows fetched",
                of(rate("pg_stat_user_indexes_idx_tup_fetch_total"), size, *INDEX_NAMES),
                units.RowsPerSecond,
            ),
        ),
        table(
            "Indexes without a scan",
            "The 20 largest that no query has used in the time that is shown above, constraints left out. "
            "Choose a month, and look at the replicas too, before one is dropped.",
            INDEX_KEYS,
            Column("size", unused, units.BytesIEC),
        )
        .span(12)
        .no_value("none"),
        table(
            "Indexes that are not valid",
            "Remains of a CREATE INDEX CONCURRENTLY or REINDEX CONCURRENTLY that failed, or one that is "
            "being built. Drop it or build it again. Empty where there is none.",
            INDEX_KEYS,
            Column("invalid", f'max {others} (pg_index_properties{TABLE[:-1]}, is_valid="0"}})', units.Short),
            watched=["PostgresInvalidIndex"],
        )
        .span(12)
        .no_value("none"),
        table(
            "Blocks of indexes",
            "The 20 indexes of the main database with most blocks that were not in shared buffers. Opt-in: "
            "`--collector.statio-user-indexes`.",
            ["instance", "target", "schemaname", "relname", "indexrelname"],
            Column(
                "blocks read",
                f"topk(20, {rate('pg_statio_user_indexes_idx_blks_read_total', MAIN)})",
                units.IOOpsPerSecond,
            ),
        ).no_value("off: --collector.statio-user-indexes"),
    ]


def sequences() -> Panels:
    """How far they are from their end."""
    where = '{$target, datname=~"$datname", schemaname=~"$schemaname"}'
    return [
        table(
            "Used part of sequences",
            "Used part of each sequence's range, or of its column's, whichever ends first: of the 50 closest "
            "to their end in each database. At 100 % inserts fail.",
            ["instance", "target", "datname", "schemaname", "sequencename"],
            Column(
                "used", f"pg_sequence_used_ratio{where}", units.PercentUnit, "PostgresSequenceNearExhaustion"
            ),
        ).no_value("none"),
    ]
