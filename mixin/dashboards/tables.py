"""Tables and indexes: what is large, what is not cleaned up, what is read and how, what is of no use."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Board, Panels, Row
from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import count, gauge, graph, stat
from mixin.dashboards._postgres_facts import RESTARTS
from mixin.dashboards._queries import WHO, now, or_zero, series
from mixin.dashboards._tables import alert_list, firing
from mixin.dashboards._tables_indexes import bloat, indexes, sequences
from mixin.dashboards._tables_names import DEAD, TABLE
from mixin.dashboards._tables_parts import access, largest, vacuum
from mixin.dashboards._variables import labels, target

DATABASE = '{$target, datname=~"$datname"}'
INVALID = f'pg_index_properties{TABLE[:-1]}, is_valid="0"}}'
GROWTH = f"database:pg_database_size_bytes:predict_7d{DATABASE} / pg_database_size_bytes{DATABASE}"


def build() -> Board:
    """For whoever looks after the data: what grows, what VACUUM does not get done, what nobody uses."""
    return Board(
        title="Tables and indexes",
        about="What is large, what VACUUM does not get done, what is read and how, what nobody uses.",
        service="postgres",
        variables=[
            *target("pg_up"),
            labels("datname", "pg_stat_database_numbackends{$target}", title="Database"),
            labels("schemaname", f"pg_stat_user_tables_n_live_tup{DATABASE}", title="Schema"),
            labels(
                "relname",
                'pg_stat_user_tables_n_live_tup{$target, datname=~"$datname", schemaname=~"$schemaname"}',
                title="Table",
            ),
        ],
        rows=[
            Row("Health", _health()),
            Row("Problems", _problems()),
            Row("Performance", access(), collapsed=True),
            Row("Maintenance", vacuum(), collapsed=True),
            Row("Bloat", bloat(), collapsed=True),
            Row("Indexes", indexes(), collapsed=True),
            Row("Sequences", sequences(), collapsed=True),
        ],
        restarts=RESTARTS,
    )


def _health() -> Panels:
    return [
        firing("postgres"),
        alert_list("postgres"),
        gauge(
            "Wraparound",
            "What was used of the transactions and multixacts that can be counted, in the oldest database. "
            "At 100 % the server refuses to write.",
            units.PercentUnit,
            now(f"max(database:pg_wraparound:ratio{DATABASE})", ""),
            alert="PostgresWraparound",
        ),
        gauge(
            "Dead rows, vacuum due",
            "Of the rows of the table with the largest share, of those that autovacuum should have cleaned "
            "up; 0 where none is due. Something keeps it away or its rows alive.",
            units.PercentUnit,
            now(f"max({DEAD}) or vector(0)", ""),
            alert="PostgresAutovacuumFallingBehind",
        ),
        gauge(
            "Fullest sequence",
            "Used part of the sequence that is closest to its end; 0 without any. At 100 % inserts fail.",
            units.PercentUnit,
            now(f"max(pg_sequence_used_ratio{DATABASE}) or vector(0)", ""),
            alert="PostgresSequenceNearExhaustion",
        ),
        count(
            "Invalid indexes",
            "Remains of builds that failed: they cost on each write and help no query. While one is built it "
            "counts too.",
            now(f"count({INVALID}) or vector(0)", ""),
            alert="PostgresInvalidIndex",
        ),
        stat(
            "Growth in a week",
            "Of the database that will grow most of its size, at the pace of the last three days; 0 until "
            "three days are known.",
            units.PercentUnit,
            now(f"max({GROWTH}) - 1 or vector(0)", ""),
            watched=["PostgresDatabaseGrowth"],
        ),
        stat(
            "Size",
            "Of all chosen databases, with their indexes.",
            units.BytesIEC,
            series(f"sum(pg_database_size_bytes{DATABASE})", ""),
        ),
    ]


def _problems() -> Panels:
    return [
        largest(),
        graph(
            "Wraparound over time",
            "It falls when VACUUM freezes the oldest table. A line that only climbs is kept up by an old "
            "transaction, a replication slot or a prepared transaction.",
            units.PercentUnit,
            series(f"max without (datname) (database:pg_wraparound:ratio{DATABASE})", f"{{{{kind}}}} {WHO}"),
            alert="PostgresWraparound",
        )
        .decimals(1)
        .data_links([drill("Statements", to("queries", "instance"))]),
        graph(
            "Dead rows",
            "Of the chosen tables. It is a saw: up with updates, down with each vacuum. Only up: VACUUM does "
            "not run, or may not remove them.",
            units.Short,
            series(
                or_zero(f"sum without (datname, schemaname, relname) (pg_stat_user_tables_n_dead_tup{TABLE})")
            ),
            watched=["PostgresAutovacuumFallingBehind"],
        ),
        graph(
            "Sizes of databases",
            "With their indexes, templates left out. A climb that does not end is a log or a queue that "
            "nobody clears, or bloat.",
            units.BytesIEC,
            series(
                f'pg_database_size_bytes{DATABASE[:-1]}, datname!~"template.*"}}', f"{{{{datname}}}} {WHO}"
            ),
            watched=["PostgresDatabaseGrowth"],
        ).data_links([drill("Host", to("host", "instance"))]),
        graph(
            "Rows changed",
            "Inserted, updated and deleted in the chosen tables. Updates in place need no new index entry: "
            "few of them suggest a lower fillfactor, or an index too many.",
            units.RowsPerSecond,
            *(
                series(
                    f"sum(rate(pg_stat_user_tables_n_tup_{kind}{TABLE}[$__rate_interval]))",
                    word,
                )
                for kind, word in (
                    ("ins", "inserted"),
                    ("upd", "updated"),
                    ("hot_upd", "of them in place"),
                    ("del", "deleted"),
                )
            ),
        ),
    ]
