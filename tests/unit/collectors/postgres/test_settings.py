"""Settings as pg_settings shows them: raw text by column."""

from __future__ import annotations

import pytest

from exporter.collectors.postgres.settings import COLLECTOR, Settings, value_of
from exporter.model.deadline import Deadline
from exporter.model.metric import Kind
from exporter.sources.postgres.rows import Rows

Row = tuple[str | None, str | None, str | None, str | None]


def shown(*rows: Row) -> dict[str, float]:
    table = Settings().table(list(zip(*rows, strict=True)))
    assert table.rows == [()]
    return {column.metric.name: column.values[0] for column in table.columns}  # type: ignore[misc]


@pytest.mark.parametrize(
    ("unit", "suffix", "factor"),
    [
        (None, "", 1),
        ("", "", 1),
        ("ms", "_seconds", 0.001),
        ("s", "_seconds", 1),
        ("min", "_seconds", 60),
        ("h", "_seconds", 3600),
        ("d", "_seconds", 86400),
        ("B", "_bytes", 1),
        ("kB", "_bytes", 1024),
        ("8kB", "_bytes", 8192),
        ("64kB", "_bytes", 65536),
        ("MB", "_bytes", 1024**2),
        ("16MB", "_bytes", 16 * 1024**2),
        ("GB", "_bytes", 1024**3),
        ("TB", "_bytes", 1024**4),
    ],
)
def test_units_become_base_units(unit: str | None, suffix: str, factor: float) -> None:
    assert shown(("a_setting", "7", unit, "integer")) == {f"pg_settings_a_setting{suffix}": 7 * factor}


@pytest.mark.parametrize("unit", ["ms", "min", "kB", "8kB"])
def test_minus_one_has_no_unit(unit: str) -> None:
    assert list(shown(("a_limit", "-1", unit, "integer")).values()) == [-1]


def test_booleans_are_one_and_zero() -> None:
    rows: list[Row] = [("fsync", "on", None, "bool"), ("jit", "off", None, "bool")]

    assert shown(*rows) == {"pg_settings_fsync": 1, "pg_settings_jit": 0}


def test_octal_modes_are_read_as_upstream_reads_them() -> None:
    assert value_of("0600", "integer", 1) == 600


def test_dots_and_dashes_of_a_name_become_underscores() -> None:
    assert list(shown(("pg_stat_statements.max", "5000", None, "integer"))) == [
        "pg_settings_pg_stat_statements_max"
    ]


@pytest.mark.parametrize(
    "odd",
    [
        ("bad", "many", None, "integer"),
        ("bad", "maybe", None, "bool"),
        ("bad", "7", "parsecs", "integer"),
        ("bad", None, None, "integer"),
        (None, "7", None, "integer"),
        ("google_dataplex.max_messages", "7", None, "integer"),
    ],
)
def test_an_odd_row_loses_only_itself(odd: Row) -> None:
    good: Row = ("max_connections", "100", None, "integer")

    assert shown(odd, good, odd) == {"pg_settings_max_connections": 100}


def test_a_unit_that_changes_with_an_upgrade_is_followed() -> None:
    settings = Settings()
    settings.table([["a"], ["7"], ["s"], ["integer"]])

    (column,) = settings.table([["a"], ["7"], ["ms"], ["integer"]]).columns

    assert column.metric.name == "pg_settings_a_seconds"
    assert column.values[0] == pytest.approx(0.007)


async def test_the_collector_gives_one_table_of_gauges() -> None:
    class Server:
        async def fetch(self, sql: str, _deadline: Deadline, *, aside: bool) -> Rows:
            assert "pg_settings" in sql
            assert aside
            columns: list[list[str | None]] = [
                ["work_mem", "jit"],
                ["4096", "on"],
                ["kB", None],
                ["integer", "bool"],
            ]
            return Rows(columns=columns, names=["name", "setting", "unit", "vartype"], count=2, major=18)

    (table,) = await COLLECTOR.build(Server())(Deadline.after(1))

    found = [(c.metric.name, c.metric.kind, c.values) for c in table.columns]
    assert found == [
        ("pg_settings_work_mem_bytes", Kind.GAUGE, (4_194_304,)),
        ("pg_settings_jit", Kind.GAUGE, (1,)),
    ]
    assert table.columns[0].metric.help == "Server setting work_mem in bytes."


def test_the_metric_of_a_setting_is_made_once() -> None:
    settings = Settings()
    first, again = (settings.table([("work_mem",), (text,), ("kB",), ("integer",)]) for text in ("4", "8"))

    assert (first.columns[0].values, again.columns[0].values) == ((4096,), (8192,))
    assert first.columns[0].metric is again.columns[0].metric
