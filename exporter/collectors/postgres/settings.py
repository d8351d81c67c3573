"""Numeric and boolean server settings in base units, from pg_settings.

A metric is named after its setting, so what there is depends on the server: `COLLECTOR.metrics` holds
the three patterns. Settings in time units become seconds, settings in memory units bytes; -1 stays -1,
it means "off" or "no limit". A setting with an unknown unit or an odd value is left out.

Source: https://www.postgresql.org/docs/current/view-pg-settings.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import Metric, gauge
from exporter.model.table import Table, single

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

# What this exporter set for its own session says nothing about the server: there the value that a
# session starts with counts.
SQL = """SELECT name,
       CASE WHEN source = 'session' OR (name = 'transaction_read_only' AND NOT pg_is_in_recovery())
            THEN reset_val ELSE setting END,
       unit, vartype
FROM pg_settings
WHERE vartype IN ('bool', 'integer', 'real')"""

PLAIN = gauge("pg_settings_<name>", "The server setting of this name; 1 for on, 0 for off.")
SECONDS = gauge("pg_settings_<name>_seconds", "The server setting of this name, in seconds.")
BYTES = gauge("pg_settings_<name>_bytes", "The server setting of this name, in bytes.")

TIMES = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
SIZES = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
BOOLEANS = {"on": 1, "off": 0}

# Upstream leaves these out: what managed services report for them is not a number.
NOT_NUMBERS = frozenset({"sync_commit_cancel_wait", "google_dataplex.max_messages"})


class Unit:
    """How one setting is shown: as which metric, and by which factor.

    Raises:
        ValueError: its unit is none of those that PostgreSQL knows.
    """

    __slots__ = ("factor", "metric")

    def __init__(self, name: str, unit: str | None) -> None:
        shape, self.factor = _shape(unit)
        label = re.sub("[^a-zA-Z0-9_]", "_", name)
        text = f"Server setting {name}"
        if shape is not PLAIN:
            text += " in seconds" if shape is SECONDS else " in bytes"
        self.metric = shape._replace(name=shape.name.replace("<name>", label), help=text + ".")


def _shape(unit: str | None) -> tuple[Metric, float]:
    """The pattern and the factor for a unit as pg_settings writes it: `ms`, `kB`, `8kB`.

    Raises:
        ValueError: no such unit is known.
    """
    if not unit:
        return PLAIN, 1
    if unit in TIMES:
        return SECONDS, TIMES[unit]
    parts = re.fullmatch(r"(\d*)([kMGT]?B)", unit)
    if parts is None:
        raise ValueError(f"unit {unit!r}")
    return BYTES, int(parts[1] or 1) * SIZES[parts[2]]


def value_of(setting: str, vartype: str, factor: float) -> float:
    """A setting's text as a number in base units.

    Raises:
        ValueError: it is not a number.
    """
    if vartype == "bool":
        if setting not in BOOLEANS:
            raise ValueError(f"boolean {setting!r}")
        return BOOLEANS[setting]
    number = float(setting)
    return number if number == -1 else number * factor


class Settings:
    """Turns rows of pg_settings into samples; remembers how each setting is shown."""

    def __init__(self) -> None:
        self._units: dict[tuple[str, str | None], Unit | None] = {}
        self._newest: tuple[Sequence[Sequence[str | None]], Table] | None = None

    def table(self, columns: Sequence[Sequence[str | None]]) -> Table:
        """One row without labels: a column for each setting that is a number."""
        # They hardly ever change, and comparing takes a tenth of the time of building.
        if self._newest is None or self._newest[0] != columns:
            self._newest = columns, single(dict(self._samples(columns)))
        return self._newest[1]

    def _samples(self, columns: Sequence[Sequence[str | None]]) -> Iterator[tuple[Metric, float]]:
        for name, setting, unit, vartype in zip(*columns, strict=True):
            if name is None or setting is None or vartype is None or name in NOT_NUMBERS:
                continue
            if (shown := self._unit(name, unit)) is None:
                continue
            try:
                yield shown.metric, value_of(setting, vartype, shown.factor)
            except ValueError:
                continue

    def _unit(self, name: str, unit: str | None) -> Unit | None:
        key = (name, unit)
        if key not in self._units:
            try:
                self._units[key] = Unit(name, unit)
            except ValueError:
                self._units[key] = None
        return self._units[key]


def build(server: PostgresServer) -> Collect:
    """The collecting function: one statement, one table without labels."""
    settings = Settings()

    async def collect(deadline: Deadline) -> Sequence[Table]:
        rows = await server.fetch(SQL, deadline, aside=True)
        return [settings.table(rows.columns)]

    return collect


COLLECTOR = CollectorSpec(
    help="Numeric and boolean server settings in base units, from pg_settings.",
    source="postgres",
    metrics=(PLAIN, SECONDS, BYTES),
    build=build,
    every_seconds=60.0,
    docs="view-pg-settings.html",
    explain=lambda _major: SQL,
)
