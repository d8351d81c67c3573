"""The names that "Node Exporter Full" (Grafana 1860) and node-mixin select are on the daemon's page.

tests/compat/node_mixin_names.tsv has them, each with the setting that it takes, or with the reason why a
machine like this can't have it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.servers import Exporter

pytestmark = pytest.mark.live

NAMES = Path(__file__).parents[2] / "compat" / "node_mixin_names.tsv"
OPT_IN = ("processes", "interrupts", "tcpstat", "cpu-info")
FIRST_RUN_SECONDS = 20.0


def lines() -> list[dict[str, str]]:
    with NAMES.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exporter]:
    flags = [f"--collector.{name}=true" for name in OPT_IN]
    with Exporter(arguments=flags, host__netstat_fields=".*") as daemon:
        yield daemon


def shown(exporter: Exporter, wanted: set[str]) -> set[str]:
    """The names on the page, once the collectors in the background have run."""
    until = monotonic() + FIRST_RUN_SECONDS
    while True:
        found = {line.partition("{")[0].partition(" ")[0] for line in exporter.scrape().splitlines()}
        if wanted <= found or monotonic() > until:
            return found
        sleep(0.1)


def test_each_name_that_this_machine_can_have_is_on_the_page(exporter):
    wanted = {line["metric"] for line in lines() if not line["absent"]}
    assert len(wanted) > 170
    assert wanted - shown(exporter, wanted) == set()


def test_each_other_name_has_its_reason(exporter):
    absent = {line["metric"] for line in lines() if line["absent"]}
    found = shown(exporter, set())
    if here := absent & found:
        pytest.skip(f"this machine is not like the one of the list, it has {', '.join(sorted(here))}")


def test_names_stand_once_for_each_of_their_users():
    assert len({(line["from"], line["metric"]) for line in lines()}) == len(lines())
