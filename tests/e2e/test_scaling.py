"""A fleet as docs/scaling.md has it: two exporters that share targets, three Prometheus, what is above."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from time import monotonic, sleep, time
from typing import Any, TypeVar

import pytest
import yaml

from exporter.demo.process import LOOPBACK
from tests.deploy.scaling.files import FOLDER, SHARDS, changed, shards_of, short
from tests.servers import Exporter, Postgres, Prometheus, Redis, catalogue, require

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("scaling")]

T = TypeVar("T")
EXPORTERS = 2
ORDERS = {"cluster": "orders", "environment": "production"}
SINGLE = [f"cache-{number:02}" for number in range(14)]
RULES = catalogue.ROOT / "prometheus" / "rules" / "redis.yml"
RECORDED = "instance:redis_memory_used:ratio"
HIDDEN = ("hunter2", "secret-user", LOOPBACK)
"""What nobody may learn from a list of names."""


class Recording(Prometheus):
    """A Prometheus with rules beside its configuration, that takes remote write."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        (self.folder / "rules").mkdir()
        (self.folder / "rules" / RULES.name).write_text(RULES.read_text())

    def _line(self, program: Path, port: int) -> list[str | Path]:
        return [*super()._line(program, port), "--web.enable-remote-write-receiver"]


class Agent(Prometheus):
    """A Prometheus without a database."""

    def _line(self, program: Path, port: int) -> list[str | Path]:
        return [
            program,
            "--enable-feature=agent",
            f"--config.file={self.config}",
            f"--storage.agent.path={self.folder / 'data'}",
            f"--web.listen-address={LOOPBACK}:{port}",
            "--log.level=warn",
        ]


def shard_of(name: str, shards: int) -> int:
    """Prometheus's hashmod."""
    return int.from_bytes(md5(name.encode()).digest()[8:], "big") % shards


def eventually(seconds: float, look: Callable[[], T | None]) -> T:
    """What it finds, once it finds something."""
    end = monotonic() + seconds
    while (found := look()) is None:
        assert monotonic() < end, "it does not come"
        sleep(0.1)
    return found


@dataclass
class Fleet:
    """The exporters, each told which share is its own, and the configuration that they have in common."""

    exporters: list[Exporter]
    file: Path
    targets: dict[str, Any]

    def write(self, **more: Any) -> None:
        """The configuration with more targets; both read it."""
        self.file.write_text(
            json.dumps({"sharding": {"shards": EXPORTERS}, "targets": {**self.targets, **more}})
        )
        for exporter in self.exporters:
            if exporter.running:
                assert exporter.post("/-/reload").status == 200

    def addressed(self, text: str) -> str:
        """A file of deploy/scaling/ with our addresses and short times."""
        return changed(
            short(text),
            {f"exporter-{n}.example.org:9188": f"{LOOPBACK}:{e.port}" for n, e in enumerate(self.exporters)},
        )

    def listed(self, number: int) -> list[dict[str, Any]]:
        """What an exporter says of its share."""
        found: list[dict[str, Any]] = json.loads(self.exporters[number].get("/discovery").body)
        return found

    def names(self, number: int) -> list[str]:
        """The names alone."""
        return [name for group in self.listed(number) for name in group["targets"]]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """16 targets on a PostgreSQL and a Redis."""
    with ExitStack() as stack:
        server = stack.enter_context(require(Postgres))
        cache = stack.enter_context(require(Redis, args=["--maxmemory", "64mb"]))
        cache.execute("ACL", "SETUSER", "secret-user", "on", ">hunter2", "~*", "+@all")
        redis = {"address": cache.url, "username": "secret-user", "password": "hunter2"}
        orders = {"postgres": {"dsn": server.dsn()}, "labels": ORDERS, "on_metrics": False}
        targets = {
            **{name: {"redis": redis, "on_metrics": False} for name in SINGLE},
            "orders-1": orders,
            "orders-2": orders,
        }
        file = tmp_path_factory.mktemp("scaling") / "exporter.yml"
        fleet = Fleet([], file, targets)
        fleet.write()
        for number in range(EXPORTERS):
            exporter = Exporter(config__file=str(file), sharding__shard=str(number))
            fleet.exporters.append(stack.enter_context(exporter))
        yield fleet


@dataclass
class Above:
    """All that scrapes the fleet, and what is behind."""

    shards: list[Recording]
    by_files: Prometheus
    names: Path
    receiver: Recording
    agent: Agent
    top: Prometheus

    def scraped(self) -> list[dict[str, dict[str, str]]]:
        """For each shard: name -> the labels of the target, with the exporter that is asked."""
        return [targets_of(shard) for shard in self.shards]


def targets_of(prometheus: Prometheus) -> dict[str, dict[str, str]]:
    """Name -> the labels of the target, with the exporter that is asked."""
    active = prometheus.api("targets", state="active")["activeTargets"]
    return {
        one["labels"]["instance"]: {**one["labels"], "asked": one["scrapeUrl"].split("/")[2]}
        for one in active
        if one["labels"]["job"] == "datastack" and one["health"] == "up"
    }


def listed(file: Path, *names: str) -> None:
    """Writes a list of names as a reader of docs/scaling.md does."""
    file.write_text(json.dumps([{"targets": names}]))


@pytest.fixture(scope="module")
def above(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Above]:
    """Started side by side: each needs five seconds until it has found its targets."""
    folder = tmp_path_factory.mktemp("shards")
    texts = [fleet.addressed(text) for text in shards_of("shard.yml", folder)]
    names = folder / "names.yml"
    listed(names, *fleet.targets)
    # The exporter's address is computed, here for two ports of this machine in place of two host names.
    ports = "exporter-$1.example.org:9188"
    by_files = yaml.safe_load(
        changed(short((FOLDER / "shard-files.yml").read_text()), {"targets/datastack.yml": str(names)})
    )
    steps = by_files["scrape_configs"][0]["relabel_configs"]
    assert ports in [step.get("replacement") for step in steps]
    steps += [
        {
            "source_labels": ["__address__"],
            "regex": f"exporter-{number}.example.org:9188",
            "target_label": "__address__",
            "replacement": f"{LOOPBACK}:{exporter.port}",
        }
        for number, exporter in enumerate(fleet.exporters)
    ]
    steps[:] = [step for step in steps if step.get("action") != "keep"]
    with ExitStack() as stack:
        receiver = stack.enter_context(require(Recording, ""))
        agent = fleet.addressed((FOLDER / "agent.yml").read_text())
        agent = changed(
            agent,
            {
                "http://receiver.example.org:9090": receiver.url,
                "batch_send_deadline: 5s": "batch_send_deadline: 200ms",
                "max_backoff: 5s": "max_backoff: 500ms",
            },
        )
        shards = [stack.enter_context(require(Recording, text)) for text in texts]
        addresses = {f"shard-{n}a.example.org:9090": f"{LOOPBACK}:{s.port}" for n, s in enumerate(shards)}
        top = changed(short((FOLDER / "global.yml").read_text()), addresses)
        more = (require(Prometheus, by_files), require(Agent, agent), require(Prometheus, top))
        for server in more:
            stack.enter_context(server)
        yield Above(shards, more[0], names, receiver, more[1], more[2])


def test_each_exporter_watches_its_share_and_says_so(fleet: Fleet) -> None:
    shares = [fleet.names(number) for number in range(EXPORTERS)]

    assert shares == [
        [name for name in fleet.targets if shard_of(name, EXPORTERS) == number] for number in range(EXPORTERS)
    ]
    assert all(shares)
    foreign = fleet.exporters[0].get("/probe", params={"target": shares[1][0]})
    assert foreign.status == 404


def test_the_list_is_names_and_labels_and_nothing_else(fleet: Fleet) -> None:
    answers = [exporter.get("/discovery") for exporter in fleet.exporters]
    found = {group["targets"][0]: group["labels"] for n in range(EXPORTERS) for group in fleet.listed(n)}

    for answer in answers:
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert not any(word in answer.text for word in HIDDEN)
    assert found["cache-00"] == {"__meta_datastack_kinds": ",redis,", "__meta_datastack_on_metrics": "false"}
    assert found["orders-1"] == {
        "__meta_datastack_kinds": ",postgres,",
        "__meta_datastack_on_metrics": "false",
        **{f"__meta_datastack_label_{name}": value for name, value in ORDERS.items()},
    }


def test_each_target_is_scraped_by_one_shard_through_its_exporter(fleet: Fleet, above: Above) -> None:
    scraped = eventually(
        20, lambda: found if sum(map(len, found := above.scraped())) >= len(fleet.targets) else None
    )
    asked = {name: labels["asked"] for shard in scraped for name, labels in shard.items()}

    assert Counter(name for shard in scraped for name in shard) == Counter(list(fleet.targets))
    assert asked == {
        name: f"{LOOPBACK}:{fleet.exporters[shard_of(name, EXPORTERS)].port}" for name in fleet.targets
    }
    keys = {name: target.get("labels", {}).get("cluster", name) for name, target in fleet.targets.items()}
    for number, shard in enumerate(scraped):
        assert set(shard) == {name for name, key in keys.items() if shard_of(key, SHARDS) == number}


def test_a_target_has_its_labels_and_its_series_have_them_once(above: Above) -> None:
    shard = above.shards[shard_of("orders", SHARDS)]
    (up,) = shard.wait_for('up{instance="orders-1"} == 1')
    (pg_up,) = shard.wait_for('pg_up{instance="orders-1"} == 1')

    about = {"instance": "orders-1", "job": "datastack", **ORDERS}
    assert up["metric"] == {"__name__": "up", **about}
    assert pg_up["metric"] == {"__name__": "pg_up", **about}
    assert shard.query('{__name__=~".+", exported_cluster=~".+"}') == []


def test_names_in_a_file_find_the_exporter_that_watches_them(fleet: Fleet, above: Above) -> None:
    """Prometheus's hash and ours are one: a name at the wrong exporter would be answered 404."""
    found = eventually(
        20, lambda: found if len(found := targets_of(above.by_files)) == len(fleet.targets) else None
    )

    assert len({labels["asked"] for labels in found.values()}) == EXPORTERS


def test_a_new_target_is_scraped_and_a_gone_one_is_not(fleet: Fleet, above: Above) -> None:
    like = fleet.targets["cache-00"]
    fleet.write(extra=like)
    listed(above.names, *fleet.targets, "extra")
    eventually(20, lambda: True if any("extra" in shard for shard in above.scraped()) else None)
    eventually(20, lambda: targets_of(above.by_files).get("extra"))
    where = [number for number, shard in enumerate(above.scraped()) if "extra" in shard]
    assert where == [shard_of("extra", SHARDS)]

    fleet.write()
    listed(above.names, *fleet.targets)
    eventually(20, lambda: None if any("extra" in shard for shard in above.scraped()) else True)
    eventually(20, lambda: None if "extra" in targets_of(above.by_files) else True)


def test_what_shards_have_recorded_comes_together_above(fleet: Fleet, above: Above) -> None:
    # Federated samples have their own time: what is gone stays for five minutes.
    above.top.wait_for(f'count({RECORDED}{{instance!="extra"}}) == {len(SINGLE)}')
    above.top.wait_for(f'count(up{{job="datastack", instance!="extra"}}) == {len(fleet.targets)}')
    found = above.top.query(f'{RECORDED}{{instance!="extra"}}')
    raw = above.top.query('{__name__!~"up|pg_up|redis_up|scrape_.+|.+:.+", job="datastack"}')

    of_shard = {line["metric"]["instance"]: int(line["metric"]["shard"]) for line in found}
    assert of_shard == {name: shard_of(name, SHARDS) for name in SINGLE}
    assert {(line["metric"]["job"], line["metric"]["replica"]) for line in found} == {("datastack", "a")}
    assert raw == []


def times_of(server: Prometheus, series: str) -> list[float]:
    """When its samples of the last minutes were taken."""
    found = server.query(f"{series}[5m]")
    return [sample[0] for line in found for sample in line["values"]]


def test_a_receiver_that_was_away_gets_what_it_has_missed(above: Above) -> None:
    series = 'redis_up{instance="cache-00"}'
    above.receiver.wait_for(f"{series} == 1")
    above.receiver.stop()
    left = time()
    sleep(3.0)  # three scrapes that nobody takes
    back = time()
    above.receiver.start()
    above.receiver.wait_for(f"timestamp({series}) > {time()}")

    missed = [at for at in times_of(above.receiver, series) if left < at < back]
    assert len(missed) >= 2
    (line,) = above.receiver.query(series)
    assert line["metric"]["shard"] == "0"
    assert above.receiver.query('{__name__=~"exporter_collector_.+|pg_settings_.+"}') == []
    assert above.receiver.query('redis_memory_used_bytes{instance="cache-00"} > 0')
