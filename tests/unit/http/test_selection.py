"""Which collectors `collect[]` and `exclude[]` stand for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from exporter.http.selection import UnknownNameError, select
from exporter.model.collector import CollectorSpec, Named
from exporter.model.deadline import Deadline
from exporter.model.table import Table


def named(name: str, family: str) -> Named:
    return Named(name, family, CollectorSpec(help="", source="host", metrics=(), build=lambda _s: _never))


async def _never(_deadline: Deadline) -> Sequence[Table]:
    return []


LOCKS, WAL, CPU, OFF = (
    named("locks", "postgres"),
    named("wal", "postgres"),
    named("cpu", "host"),
    named("off", "host"),
)
RUNNING = (LOCKS, WAL, CPU)
KNOWN = (*RUNNING, OFF)


@pytest.mark.parametrize(
    ("collect", "exclude", "names"),
    [
        (["postgres"], [], {"locks", "wal"}),
        (["cpu", "locks"], [], {"cpu", "locks"}),
        ([], ["postgres"], {"cpu"}),
        (["postgres"], ["wal"], {"locks"}),
        (["off"], [], set()),
    ],
)
def test_names_and_families(collect: list[str], exclude: list[str], names: set[str]) -> None:
    assert select(collect, exclude, RUNNING, KNOWN) == frozenset(names)


def test_nothing_asked_is_everything() -> None:
    assert select([], [], RUNNING, KNOWN) is None


@pytest.mark.parametrize(("collect", "exclude"), [(["cpuu"], []), ([], ["cpuu"])])
def test_an_unknown_name_is_refused_and_the_known_ones_are_listed(
    collect: list[str], exclude: list[str]
) -> None:
    with pytest.raises(UnknownNameError, match=r"'cpuu'.*host, postgres, cpu, locks, off, wal"):
        select(collect, exclude, RUNNING, KNOWN)
