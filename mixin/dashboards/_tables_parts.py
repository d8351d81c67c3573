"""Tables: the largest ones, and the closed rows on how they are read and cleaned up."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from mixin.dashboards._board import Panels
from mixin.dashboards._panels import graph
from mixin.dashboards._queries import WHO, series
from mixin.dashboards._tables import Column, table
from mixin.dashboards._tables_names import DEAD, KEYS, NAMES, TABLE, of, rate

# A vacuum or an analysis that never was has the time 0.
NEVER = "> 0"


def largest() -> tables.Panel:
    """The largest tables, with what is wrong with them."""
    size = f"pg_stat_user_tables_table_size_bytes{TABLE} + pg_stat_user_tables_index_size_bytes{TABLE}"
    most = f"topk(20, {size})"
    return table(
        "Largest tables",
        "The 20 largest: size with TOAST and indexes as of the last VACUUM or ANALYZE, growth without "
        "indexes within a day, and rows. Overdue are dead rows that autovacuum should have cleaned up: see "
        "Maintenance.",
        KEYS,
        Column("size", most, units.BytesIEC),
        Column("of it indexes", of(f"pg_stat_user_tables_index_size_bytes{TABLE}", most), units.BytesIEC),
        Column(
            "in a day",
            of(f"table:pg_stat_user_tables_table_size_bytes:growth_1d{TABLE}", most),
            units.BytesIEC,
        ),
        Column("rows", of(f"pg_stat_user_tables_n_live_tup{TABLE}", most), units.Short),
        Column("dead", of(f"table:pg_stat_user_tables_n_dead_tup:ratio{TABLE}", most), units.PercentUnit),
        Column("overdue", _overdue(most), units.PercentUnit, "PostgresAutovacuumFallingBehind"),
        watched=["PostgresDatabaseGrowth"],
    )


def access() -> Panels:
    """How tables are read, and from where."""
    read = f"topk(20, {rate('pg_stat_user_tables_seq_tup_read')})"
    blocks = f"topk(20, {_blocks('read')})"
    return [
        table(
            "Tables by rows read in sequence",
            "The 20 with most rows read by sequential scans. Many scans of a large table that return few "
            "rows want an index; of a small one they are right.",
            KEYS,
            Column("rows read", read, units.RowsPerSecond),
            Column("scans", of(rate("pg_stat_user_tables_seq_scan"), read), units.OpsPerSecond),
            Column(
                "rows by scan",
                of(
                    f"{rate('pg_stat_user_tables_seq_tup_read')} "
                    f"/ ({rate('pg_stat_user_tables_seq_scan')} > 0)",
                    read,
                ),
                units.Short,
            ),
            Column("index scans", of(rate("pg_stat_user_tables_idx_scan"), read), units.OpsPerSecond),
            Column("rows by index", of(rate("pg_stat_user_tables_idx_tup_fetch"), read), units.RowsPerSecond),
        ),
        table(
            "Tables by blocks read",
            "The 20 with most blocks that were not in shared buffers, with their indexes and TOAST, and the "
            "part that was.",
            KEYS,
            Column("blocks read", blocks, units.IOOpsPerSecond),
            Column(
                "cache hits",
                of(f"({_blocks('hit')}) / ({_blocks('hit')} + {_blocks('read')} > 0)", blocks),
                units.PercentUnit,
            ),
            watched=["PostgresCacheHitRatioLow"],
        ).span(14),
        graph(
            "Scans",
            "Of the chosen tables. In sequence where they went through indexes before: an index is gone or "
            "the statistics are old.",
            units.OpsPerSecond,
            series(f"sum({rate('pg_stat_user_tables_seq_scan')})", "in sequence"),
            series(f"sum({rate('pg_stat_user_tables_idx_scan')})", "of indexes"),
        ).span(10),
    ]


def _blocks(kind: str) -> str:
    return " + ".join(
        rate(f"pg_statio_user_tables_{part}_blocks_{kind}") for part in ("heap", "idx", "toast", "tidx")
    )


def vacuum() -> Panels:
    """What autovacuum has to do, and what keeps it from it."""
    return [
        _due(),
        graph(
            "Vacuums and analyses a minute",
            "Of the chosen tables, by autovacuum and by hand. None for long while rows change: autovacuum "
            "is off or its workers are all busy.",
            units.Short,
            *(
                series(
                    "60 * sum without (datname, schemaname, relname) "
                    f"({rate(f'pg_stat_user_tables_auto{what}_count')} "
                    f"+ {rate(f'pg_stat_user_tables_{what}_count')})",
                    f"{what} {WHO}",
                )
                for what in ("vacuum", "analyze")
            ),
            watched=["PostgresAutovacuumFallingBehind"],
        ),
        graph(
            "What VACUUM must keep rows for",
            "Transactions begun since the oldest one that something still needs; 0 where nothing does. "
            "Slots: a replica or a consumer that is gone. Prepared: nobody has ended it.",
            units.Short,
            series(
                "pg_xmin_horizon_age_xids{$target} or on (job, instance, target) 0 * pg_up{$target}",
                f"{{{{holder}}}} {WHO}",
            ),
            watched=["PostgresWraparound", "PostgresAutovacuumFallingBehind"],
        ),
        table(
            "Oldest tables",
            "Transactions since the oldest row that is not frozen: what keeps the database from getting "
            "younger. VACUUM (FREEZE) of the first one helps.",
            KEYS,
            Column("transactions", f"topk(20, pg_class_unfrozen_xids{TABLE})", units.Short),
            watched=["PostgresWraparound"],
        ).span(12),
        table(
            "Tables without autovacuum",
            "A storage parameter switches it off. Empty where it is on everywhere, as it should be.",
            KEYS,
            Column("without", f"1 - pg_autovacuum_enabled{TABLE} > 0", units.Short),
            watched=["PostgresAutovacuumFallingBehind"],
        )
        .span(12)
        .no_value("none"),
    ]


def _due() -> tables.Panel:
    due = f"topk(20, pg_autovacuum_vacuum_threshold_ratio{TABLE})"
    columns = [
        Column(title, expr, units.Short)
        for title, expr in (
            ("due: dead", due),
            ("due: inserts", of(f"pg_autovacuum_insert_threshold_ratio{TABLE}", due)),
            ("due: freeze", of(f"pg_autovacuum_freeze_threshold_ratio{TABLE}", due)),
            ("due: analyze", of(f"pg_autovacuum_analyze_threshold_ratio{TABLE}", due)),
        )
    ]
    panel = table(
        "Tables by need of a vacuum",
        "Due: what has gathered, in relation to where autovacuum starts; above 1 it waits for its turn, and "
        "for freezing it is forced. Overdue: the part that is dead, where it should have been cleaned up. "
        "Then the times since; none: never. Of the 100 closest of each database.",
        KEYS,
        *columns,
        Column("dead rows", of(f"pg_stat_user_tables_n_dead_tup{TABLE}", due), units.Short),
        Column("overdue", _overdue(due), units.PercentUnit, "PostgresAutovacuumFallingBehind"),
        Column("vacuumed", of(_since("vacuum"), due), units.DurationSeconds),
        Column("analyzed", of(_since("analyze"), due), units.DurationSeconds),
    )
    for column in columns:
        panel.override_by_name(column.title, [DynamicConfigValue("decimals", 2)])
    return panel


def _overdue(chosen: str) -> str:
    """Dead rows that autovacuum should have cleaned up, of all; 0 where it has nothing to do."""
    return f"{of(DEAD, chosen)} or on ({', '.join(['job', 'instance', 'target', *NAMES])}) 0 * {chosen}"


def _since(what: str) -> str:
    """Seconds since the last one, by whoever."""
    auto, by_hand = (
        f"(time() - (pg_stat_user_tables_last_{prefix}{what}{TABLE} {NEVER}))" for prefix in ("auto", "")
    )
    return f"({auto} < {by_hand} or {by_hand} or {auto})"
