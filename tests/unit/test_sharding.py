"""Which targets a process watches where several share one configuration; they come up one after the other."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors import discover
from exporter.http.discovery import groups
from exporter.model.errors import SettingsError
from exporter.settings import Settings, load_settings
from exporter.settings.sections import Sharding
from exporter.stack import START_SECONDS, START_SECONDS_EACH, TOP, Fleet, Stack, parts_of

ALL = discover()
COLLECTORS = {name: ALL[name] for name in ("redis_up", "loadavg")}
SWITCHES = {name: (True, named.spec.help) for name, named in COLLECTORS.items()}
NAMES = [f"t{number:03}" for number in range(300)]


def settings(count: int = 0, environ: Mapping[str, str] | None = None) -> Settings:
    targets = {f"EXPORTER_TARGETS__{name}__REDIS__ADDRESS": "127.0.0.1:1" for name in NAMES[:count]}
    return load_settings([], {**targets, **(environ or {})}, SWITCHES)


def shard(number: int, of: int, count: int = 300) -> Settings:
    return settings(count, {"EXPORTER_SHARDING__SHARD": str(number), "EXPORTER_SHARDING__SHARDS": str(of)})


@given(st.text(min_size=1, max_size=63), st.integers(1, 12))
def test_each_name_belongs_to_one_shard(name: str, shards: int) -> None:
    assert sum(Sharding(shards=shards, shard=n).takes(name) for n in range(shards)) == 1


@pytest.mark.parametrize(("name", "hashed"), [("orders", 863), ("cache-01", 696)])
def test_it_is_the_hash_of_prometheus(name: str, hashed: int) -> None:
    """Which Prometheus 2.42 gives for a modulus of 1000."""
    assert [n for n in range(1000) if Sharding(shards=1000, shard=n).takes(name)] == [hashed]


def test_the_shards_are_of_like_size_and_all_is_watched() -> None:
    shares = [parts_of(shard(number, 3)).keys() - {TOP} for number in range(3)]

    assert sorted(name for share in shares for name in share) == NAMES
    assert min(map(len, shares)) > 80
    assert parts_of(settings(3)).keys() == {TOP, *NAMES[:3]}


def test_a_shard_beyond_the_last_is_refused() -> None:
    with pytest.raises(SettingsError) as refused:
        shard(3, 3, 0)

    assert "expected a shard below shards, which is 3: they count from 0" in str(refused.value)


async def test_another_number_of_shards_leaves_alone_what_stays() -> None:
    before = Fleet(shard(0, 2), COLLECTORS)
    after = Fleet(shard(0, 4), COLLECTORS, before=before)
    both = before.stacks.keys() & after.stacks.keys()

    assert {TOP} < both == after.stacks.keys() < before.stacks.keys()
    assert all(before.stacks[name] is after.stacks[name] for name in both)
    await before.close()
    await after.close()


@pytest.mark.parametrize("count", [1, 20, 300])
async def test_the_targets_begin_one_after_the_other(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    began: dict[str, float] = {}
    monkeypatch.setattr(Stack, "start", lambda self, after=0.0: began.__setitem__(self._name, after))
    fleet = Fleet(settings(count), COLLECTORS)
    fleet.start()
    await fleet.close()
    pauses = [b - a for a, b in zip(list(began.values()), list(began.values())[1:], strict=False)]

    assert began[TOP] == 0
    assert list(began) == [TOP, *NAMES[:count]]
    assert pauses == pytest.approx([min(START_SECONDS_EACH, START_SECONDS / (count + 1))] * count)
    assert max(began.values()) < START_SECONDS


async def test_after_a_reload_only_what_is_new_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Fleet(settings(50), COLLECTORS)
    after = Fleet(settings(51), COLLECTORS, before=before)
    began: dict[str, float] = {}
    monkeypatch.setattr(Stack, "start", lambda self, after=0.0: began.__setitem__(self._name, after))
    after.start()
    await before.close()
    await after.close()

    assert began == {NAMES[50]: 0.0}


async def test_the_list_has_the_labels_that_all_servers_of_a_target_have() -> None:
    labels = {
        "EXPORTER_TARGETS__T000__LABELS": "env=prod",
        "EXPORTER_TARGETS__T000__REDIS__LABELS": "tier=cache",
        "EXPORTER_TARGETS__T000__PGBOUNCER__DSN": "host=127.0.0.1 port=1 password=hunter2",
        "EXPORTER_TARGETS__T001__REDIS__LABELS": "tier=cache",
        "EXPORTER_TARGETS__T001__ON_METRICS": "false",
    }
    fleet = Fleet(settings(2, labels), COLLECTORS)
    both, alone = groups(fleet.served.targets)
    await fleet.close()

    assert both == {
        "targets": ["t000"],
        "labels": {
            "__meta_datastack_kinds": ",redis,pgbouncer,",
            "__meta_datastack_on_metrics": "true",
            "__meta_datastack_label_env": "prod",
        },
    }
    assert alone == {
        "targets": ["t001"],
        "labels": {
            "__meta_datastack_kinds": ",redis,",
            "__meta_datastack_on_metrics": "false",
            "__meta_datastack_label_tier": "cache",
        },
    }


async def test_without_targets_the_list_is_empty() -> None:
    fleet = Fleet(settings(), COLLECTORS)
    assert groups(fleet.served.targets) == []
    await fleet.close()
