"""Tables that are being vacuumed and how far, from pg_stat_progress_vacuum.

A table of another database than the main one goes by its OID: its name is not to be had from here.
PostgreSQL 17 and newer measure the room for dead rows in bytes, so there is no number that would fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.collectors.run_view import ViewCollector, view_collector
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial
from exporter.model.table import Column, Table, Value
from exporter.model.view import Gauge, Label, View

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

PROGRESS = """pg_stat_progress_vacuum AS p
LEFT JOIN pg_class AS c ON c.oid = p.relid AND p.datname = current_database()
LEFT JOIN pg_namespace AS n ON n.oid = c.relnamespace"""

# As upstream's session with the default search_path has it: the schema is named where it is not found there.
RELNAME = """coalesce(CASE WHEN n.nspname IN ('public', 'pg_catalog') THEN quote_ident(c.relname)
       ELSE quote_ident(n.nspname) || '.' || quote_ident(c.relname) END, p.relid::text)"""

TABLE = ("datname", "relname")

VACUUMS = View(
    help="Tables that are being vacuumed and how far, from pg_stat_progress_vacuum.",
    source=PROGRESS,
    docs="progress-reporting.html#VACUUM-PROGRESS-REPORTING",
    labels=(
        Label("datname", "p.datname", eg="app", null="unknown"),
        Label("relname", RELNAME, eg="orders", null="unknown"),
        Label("phase", "p.phase", eg="scanning heap", null="unknown"),
    ),
    metrics=(
        Gauge("pg_stat_progress_vacuum_phase", "CASE WHEN p.phase IS NOT NULL THEN 1 END",
              "1 for the phase that the vacuum is in, 0 for the others.", eg=1),
        Gauge("pg_stat_progress_vacuum_heap_blks", "p.heap_blks_total",
              "Blocks of the table.", eg=12_800, by=TABLE),
        Gauge("pg_stat_progress_vacuum_heap_blks_scanned", "p.heap_blks_scanned",
              "Blocks of the table scanned so far.", eg=6_400, by=TABLE),
        Gauge("pg_stat_progress_vacuum_heap_blks_vacuumed", "p.heap_blks_vacuumed",
              "Blocks of the table vacuumed so far.", eg=0, by=TABLE),
        Gauge("pg_stat_progress_vacuum_index_vacuums", "p.index_vacuum_count",
              "Times that this vacuum has gone through all indexes.", eg=1, by=TABLE),
        Gauge("pg_stat_progress_vacuum_max_dead_tuples", {13: "p.max_dead_tuples", 17: None},
              "Dead rows that fit before the indexes have to be gone through.", eg=291_000, by=TABLE),
        Gauge("pg_stat_progress_vacuum_num_dead_tuples",
              {13: "p.num_dead_tuples", 17: "p.num_dead_item_ids"},
              "Dead rows found since the indexes were last gone through.", eg=4_200, by=TABLE),
        Gauge("pg_stat_progress_vacuum_max_dead_tuple_bytes", {17: "p.max_dead_tuple_bytes"},
              "Room for dead rows before the indexes have to be gone through.", eg=67_108_864, by=TABLE),
        Gauge("pg_stat_progress_vacuum_dead_tuple_bytes", {17: "p.dead_tuple_bytes"},
              "Room taken by the dead rows since the indexes were last gone through.", eg=98_304, by=TABLE),
        Gauge("pg_stat_progress_vacuum_indexes", {17: "p.indexes_total"},
              "Indexes to go through, 0 outside of the phases that do so.", eg=3, by=TABLE),
        Gauge("pg_stat_progress_vacuum_indexes_processed", {17: "p.indexes_processed"},
              "Indexes gone through in this phase.", eg=1, by=TABLE),
        Gauge("pg_stat_progress_vacuum_delay_time_seconds", {18: "p.delay_time / 1000"},
              "Time slept for vacuum_cost_delay; counted with track_cost_delay_timing only.",
              eg=1.5, by=TABLE),
    ),
    needs=("pg_read_all_stats",),
)  # fmt: skip

PHASES = (
    "initializing",
    "scanning heap",
    "vacuuming indexes",
    "vacuuming heap",
    "cleaning up indexes",
    "truncating heap",
    "performing final cleanup",
)


class Vacuums:
    """Asks one server for its vacuums."""

    def __init__(self, server: PostgresServer) -> None:
        self._view = ViewCollector(VACUUMS, server)

    async def collect(self, deadline: Deadline) -> Sequence[Table]:
        """The view's tables, with a 0 for each phase that a vacuum is not in.

        Raises:
            Skip: the server does not have what the view reads.
            Partial: some columns were refused.
        """
        try:
            return _with_all_phases(await self._view.collect(deadline))
        except Partial as some:
            raise Partial(_with_all_phases(some.tables), some.error) from None


def _with_all_phases(tables: Sequence[Table]) -> list[Table]:
    return [_all_phases(table) if "phase" in table.labels else table for table in tables]


def _all_phases(table: Table) -> Table:
    """Rows of (datname, relname, phase), each with the other phases beside it; unknown ones stay unknown."""
    (column,) = table.columns
    samples: dict[tuple[str, ...], Value] = {}
    for (datname, relname, phase), value in zip(table.rows, column.values, strict=True):
        if value is not None:
            samples |= {(datname, relname, other): 0 for other in PHASES}
            samples[datname, relname, phase] = 1
    return Table(table.labels, list(samples), [Column(column.metric, list(samples.values()))])


COLLECTOR = replace(view_collector(VACUUMS), build=lambda server: Vacuums(server).collect)
