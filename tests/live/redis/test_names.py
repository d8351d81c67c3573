"""Every name that redis_exporter shows by default is on our pages, with its type and labels.

Those of the list that are not are lines of tests/compat/redis_exceptions.tsv, each with the reason; a line
that is not needed fails the test as well.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from exporter.collectors.redis._histograms import BOUNDS, LATENCY_HISTOGRAM
from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.table import Table
from tests.live.redis.conftest import Connect
from tests.replay_redis import OPTIONAL as BY_CHOICE
from tests.replay_redis import by_default, collectors, tables
from tests.servers import VERSIONS, Redis

pytestmark = pytest.mark.live

COMPAT = Path(__file__).parents[2] / "compat"

# Labels that only some rows of redis_exporter's list have.
OPTIONAL = {"valkey_version", "valkey_release_stage", "availability_zone"}
# Upstream's flags, or the server's version, decide on these.
MORE = ("user", "resp", "port")
# They belong to the samples of a kind of metric, and the list leaves them out.
OF_KIND = {"le", "quantile"}


def _lines(name: str) -> list[dict[str, str]]:
    with (COMPAT / name).open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


UPSTREAM = {
    line["metric"]: line for line in _lines("upstream_names.tsv") if line["metric"].startswith("redis_")
}
EXCEPTIONS = _lines("redis_exceptions.tsv")


def _excepted(version: str) -> dict[str, list[str]]:
    """Line of the exceptions -> the names that it covers on a version."""
    return {
        line["metric"]: [
            n
            for n in UPSTREAM
            if n == line["metric"] or (line["metric"][-1] == "_" and n.startswith(line["metric"]))
        ]
        for line in EXCEPTIONS
        if version in line["versions"].split()
    }


async def _family_tables(
    family: tuple[Redis, ...], connect: Connect, chosen: Mapping[str, CollectorSpec]
) -> list[Table]:
    return [table for server in family for table in await tables(connect(server), chosen)]


def _shown(given: Sequence[Table]) -> set[str]:
    return {
        column.metric.name
        for table in given
        for column in table.columns
        if any(value is not None for value in column.values)
    }


async def test_all_names_that_apply_are_there(
    version: str, family: tuple[Redis, ...], connect: Connect
) -> None:
    shown = _shown(await _family_tables(family, connect, by_default()))
    absent = {name for name in UPSTREAM if name not in shown and not _is_pattern_shown(name, shown)}
    excepted = _excepted(version)
    assert absent - {name for names in excepted.values() for name in names} == set()
    needless = [line for line, names in excepted.items() if not absent.intersection(names)]
    assert needless == []


def _is_pattern_shown(name: str, shown: set[str]) -> bool:
    # A single node exchanges no messages: kinds that are zero are left out by the server.
    return "<kind>" in name or name in shown


async def test_names_that_upstream_shows_by_choice_are_there_by_choice(
    version: str, family: tuple[Redis, ...], connect: Connect
) -> None:
    chosen = {name: spec for name, spec in collectors().items() if name in BY_CHOICE}
    shown = _shown(await _family_tables(family, connect, chosen))
    clients = {name for name in UPSTREAM if name.startswith("redis_connected_client_")}
    newer = {"6.2": ("shard_channel", "total_memory"), "7.0": ("watched_keys",), "8.2": ()}[version]
    assert {name for name in clients - shown if not any(part in name for part in newer)} == set()
    assert {"redis_config_key_value", "redis_config_value", "redis_rdb_current_size_bytes"} <= shown
    assert ("redis_module_info" in shown) == (version == "8.2")  # the only one here with a module
    assert {"redis_client_connections", "redis_connected_clients_unlisted"} <= shown


async def test_dashboards_and_alerts_find_what_they_select(
    family: tuple[Redis, ...], connect: Connect
) -> None:
    labels: dict[str, set[str]] = {}
    for table in await _family_tables(family, connect, by_default()):
        for column in table.columns:
            if any(value is not None for value in column.values):
                labels.setdefault(column.metric.name, set()).update(table.labels)
    names = _lines("redis_mixin_names.tsv")
    wanted = {line["metric"]: set(filter(None, line["labels"].split(","))) for line in names}
    absent = {name for name, of in wanted.items() if not of <= labels.get(name, {"absent"})} | (
        wanted.keys() - labels.keys()
    )
    assert absent == {line["metric"] for line in names if line["elsewhere"]}
    assert len(wanted) > 25


async def test_types_and_labels_are_upstreams(family: tuple[Redis, ...], connect: Connect) -> None:
    compared = 0
    for table in await _family_tables(family, connect, collectors()):
        for column in table.columns:
            line = UPSTREAM.get(column.metric.name)
            if line is None:
                continue
            compared += 1
            assert column.metric.kind.value == line["type"], column.metric.name
            labels = set(table.labels) - OF_KIND - OPTIONAL
            wanted = {part.split("[")[0].rstrip("]") for part in line["labels"].split(",")} - OPTIONAL - {""}
            assert labels - set(MORE) == wanted - set(MORE), column.metric.name
    assert compared > 300


@pytest.mark.parametrize("version", VERSIONS[1:], indirect=True)
async def test_no_server_has_a_bucket_beyond_ours(
    version: str, family: tuple[Redis, ...], connect: Connect
) -> None:
    del version
    master = family[0]
    for milliseconds in (1, 2, 4, 8, 16, 33, 66, 130, 260, 520, 1100):
        master.execute("DEBUG", "SLEEP", str(milliseconds / 1000))
    (reply,) = await connect(master).fetch([LATENCY_HISTOGRAM], Deadline.after(5))
    assert isinstance(reply, list)
    found: set[object] = set()
    for details in reply[1::2]:
        assert isinstance(details, list)
        assert isinstance(details[3], list)
        found.update(details[3][::2])
    assert found <= set(BOUNDS)
    assert BOUNDS[-1] in found
    assert len(found) > 12
