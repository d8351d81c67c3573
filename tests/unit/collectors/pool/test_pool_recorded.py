"""All collectors on what real PgBouncers of eight versions have answered: see `tests/record_pgbouncer.py`."""

from __future__ import annotations

import csv
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

import pytest

from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Refused, Skip
from exporter.sources.pgbouncer import FakePgBouncer
from tests.replay_pgbouncer import RECORDED, RECORDINGS, collectors, golden, page, played, tables

COMPAT = Path(__file__).parents[3] / "compat"


def _lines(name: str) -> list[dict[str, str]]:
    with (COMPAT / name).open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


LISTED = {
    line["metric"]: line for line in _lines("upstream_names.tsv") if line["metric"].startswith("pgbouncer_")
}
EXCEPTIONS = _lines("pool_exceptions.tsv")

# Beginning of a metric's name -> the first version that has its column or its command.
SINCE = {
    "pgbouncer_state": (1, 19),
    "pgbouncer_peer": (1, 19),
    "pgbouncer_config_cancel_wait_timeout_seconds": (1, 19),
    "pgbouncer_config_max_prepared_statements": (1, 21),
    "pgbouncer_clients_prepared_statements": (1, 21),
    "pgbouncer_servers_prepared_statements": (1, 21),
    "pgbouncer_stats_totals_server_assignments_total": (1, 23),
    "pgbouncer_databases_server_lifetime_seconds": (1, 23),
    "pgbouncer_users_current_connections": (1, 23),
    "pgbouncer_users_max_connections": (1, 23),
    "pgbouncer_users_current_client_connections": (1, 24),
    "pgbouncer_users_max_client_connections": (1, 24),
    "pgbouncer_config_max_user_client_connections": (1, 24),
    "pgbouncer_config_max_db_client_connections": (1, 24),
    "pgbouncer_stats_totals_client_parses_total": (1, 24),
    "pgbouncer_stats_totals_server_parses_total": (1, 24),
    "pgbouncer_stats_totals_binds_total": (1, 24),
    "pgbouncer_databases_current_client_connections": (1, 24),
    "pgbouncer_databases_max_client_connections": (1, 24),
    "pgbouncer_config_transaction_timeout_seconds": (1, 25),
    "pgbouncer_config_query_wait_notify_seconds": (1, 25),
    "pgbouncer_stats_totals_client_logins_total": (1, 26),
}

# Ours alone: limits beside what they limit, and what no list of upstream's names foresees.
OURS = {
    "pgbouncer_pools_size_limit",
    "pgbouncer_pools_reserve_limit",
    "pgbouncer_clients_prepared_statements",
    "pgbouncer_servers_close_needed",
    "pgbouncer_peers_pool_size",
}


def since(name: str) -> tuple[int, ...]:
    return next((version for begin, version in SINCE.items() if name.startswith(begin)), (0,))


def declared() -> set[str]:
    return {metric.name for spec in collectors().values() for metric in spec.metrics}


def of_the_console() -> dict[str, CollectorSpec]:
    """Those that run SHOW commands: all but the one that reads /proc."""
    return {n: spec for n, spec in collectors().items() if spec.explain(None).startswith("SHOW ")}


def explained(spec: CollectorSpec) -> list[str]:
    """The commands without SHOW."""
    return [line.removeprefix("SHOW ") for line in spec.explain(None).splitlines()]


async def shown(recording: str) -> set[str]:
    return {
        column.metric.name
        for table in await tables(played(recording))
        for column in table.columns
        if any(value is not None for value in column.values)
    }


def test_there_is_a_recording_of_each_version_and_a_page() -> None:
    assert sorted(file.stem for file in RECORDED.glob("*.json")) == sorted(RECORDINGS)
    assert {file.stem for file in golden("").parent.glob("*.txt")} == set(RECORDINGS)


@pytest.mark.parametrize("recording", RECORDINGS)
async def test_the_page_is_as_recorded(recording: str) -> None:
    written = golden(recording).read_text()
    assert await page(played(recording)) == written, (
        "if it is meant: python -m tests.record_pgbouncer --golden"
    )


@pytest.mark.parametrize("recording", RECORDINGS)
async def test_a_version_shows_all_that_it_has_a_column_for(recording: str) -> None:
    version = tuple(int(part) for part in recording.split(".")[:2])
    from_the_console = {n for n in declared() if not n.startswith("pgbouncer_process_")}
    assert await shown(recording) == {n for n in from_the_console if since(n) <= version}


@pytest.mark.parametrize("recording", RECORDINGS)
async def test_the_waiting_client_and_the_paused_database_are_seen(recording: str) -> None:
    lines = (await page(played(recording))).splitlines()
    assert 'pgbouncer_pools_client_waiting_connections{database="app",user="postgres"} 1' in lines
    assert 'pgbouncer_pools_client_waiting_connections{database="held",user="postgres"} 0' in lines
    paused = [line for line in lines if line.startswith("pgbouncer_databases_paused{")]
    assert [line for line in paused if line.endswith(" 1")] == [p for p in paused if '{name="held"' in p]


@pytest.mark.parametrize("recording", RECORDINGS)
async def test_each_collector_asks_what_it_explains(recording: str) -> None:
    for name, spec in of_the_console().items():
        source = played(recording)
        with suppress(Skip):
            await spec.build(source)(Deadline.after(1))
        assert set(source.asked) <= set(explained(spec)), name
        assert source.asked[0] in explained(spec)


@pytest.mark.parametrize("name", of_the_console())
async def test_a_refusal_is_not_hidden(name: str) -> None:
    with pytest.raises((Refused, Partial, Skip)) as caught:
        await collectors()[name].build(FakePgBouncer({}))(Deadline.after(1))
    assert (caught.type is Skip) == (name == "pgbouncer_state")  # the only command that 1.18 lacks as a rule


@pytest.mark.parametrize("name", of_the_console())
async def test_rows_without_any_known_column_give_no_value(name: str) -> None:
    commands = explained(collectors()[name])
    source = FakePgBouncer({what: [{"something": "else", "new": None}] for what in commands})
    try:
        found = await collectors()[name].build(source)(Deadline.after(1))
    except Skip:
        return
    certain = {
        "pgbouncer_up",
        "pgbouncer_version_info",
        "pgbouncer_pools_info",
        "pgbouncer_client_connections",
        "pgbouncer_server_connections",
    }
    values = {c.metric.name: v for table in found for c in table.columns for v in c.values if v is not None}
    assert set(values) <= certain


def test_no_path_of_a_machine_is_recorded() -> None:
    assert not [file for file in RECORDED.glob("*.json") if "/" in file.read_text()]


def test_every_name_of_the_list_is_declared_or_excepted() -> None:
    excepted = [line["metric"] for line in EXCEPTIONS]
    missing = {listed for listed in LISTED if not any(fnmatch(name, listed) for name in declared())}
    assert {name for name in missing if not any(fnmatch(name, pattern) for pattern in excepted)} == set()
    assert {p for p in excepted if not any(fnmatch(name, p) for name in missing)} == set(), "not needed"


def test_no_name_is_declared_that_is_not_in_the_list() -> None:
    assert {name for name in declared() if not any(fnmatch(name, listed) for listed in LISTED)} == OURS


@pytest.mark.parametrize("recording", RECORDINGS)
async def test_types_and_labels_are_those_of_the_list(recording: str) -> None:
    seen = 0
    for table in await tables(played(recording)):
        for column in table.columns:
            line = LISTED.get(column.metric.name)
            if line is not None:
                seen += 1
                assert column.metric.kind == line["type"], line
                assert sorted(table.labels) == sorted(filter(None, line["labels"].split(","))), line
    assert seen > 55
