"""Several named targets in one daemon: side by side on its page, one by one through /probe, by name only."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import yaml

from tests.compat.promtool import complaints, read_oddities
from tests.docs.generated import DOCS, ROOT
from tests.docs.prose import blocks
from tests.e2e.judge import Samples, timed_scrape
from tests.servers import Exporter, PgBouncer, Postgres, Prometheus, Redis, require
from tests.servers.page import TIMEOUT_HEADER, Answer, samples_of

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("targets")]

PAGE = DOCS / "targets.md"
ENV = {"env": "prod", "team": 'the "a" team'}
NAMES = ("orders", "billing", "cache", "pooler", "hidden")


@dataclass
class Watched:
    """The daemon, its configuration file and the servers that are its targets."""

    exporter: Exporter
    file: Path
    orders: Postgres
    billing: Postgres
    cache: Redis

    def probe(self, name: str, **params: Any) -> Samples:
        answer = self.ask({"target": name, **params})
        assert answer.status == 200, answer.text
        return samples_of(answer.text)

    def ask(self, params: dict[str, Any], timeout: float = 5.0) -> Answer:
        return self.exporter.get("/probe", params=params, headers={TIMEOUT_HEADER: str(timeout)})


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Two PostgreSQL servers, a Redis and a PgBouncer under names, a Redis at the top level."""
    with ExitStack() as stack:
        orders, billing = (stack.enter_context(require(Postgres)) for _ in range(2))
        cache = stack.enter_context(require(Redis))
        pooler = stack.enter_context(require(PgBouncer, billing))
        targets = {
            "orders": {"postgres": {"dsn": orders.dsn()}, "labels": ENV},
            "billing": {"postgres": {"dsn": billing.dsn()}, "scrape": {"timeout_seconds": 1}},
            "cache": {"redis": {"address": cache.url, "labels": {"shard": "1"}}},
            "pooler": {"pgbouncer": {"dsn": pooler.dsn(user="stats")}},
            "hidden": {"redis": {"address": cache.url}, "on_metrics": False},
        }
        file = tmp_path_factory.mktemp("targets") / "exporter.yml"
        top = {"redis": {"address": cache.url, "labels": {"tier": "top"}}, "targets": targets}
        file.write_text(json.dumps(top))
        exporter = stack.enter_context(Exporter(env={"EXPORTER_CONFIG__FILE": str(file)}))
        exporter.scrape()
        yield Watched(exporter, file, orders, billing, cache)


def by_target(samples: Samples, name: str) -> dict[str | None, float]:
    """A metric's samples by their label target."""
    return {dict(labels).get("target"): value for labels, value in samples.get(name, {}).items()}


def test_all_stand_side_by_side_on_the_metrics_page(watched: Watched) -> None:
    samples = watched.exporter.samples()

    assert by_target(samples, "pg_up") == {"orders": 1, "billing": 1}
    assert by_target(samples, "redis_up") == {None: 1, "cache": 1}
    assert by_target(samples, "pgbouncer_up") == {"pooler": 1}
    assert set(by_target(samples, "node_load1")) == {None}
    assert set(by_target(samples, "exporter_build_info")) == {None}
    ports = {dict(labels)["target"]: dict(labels)["server"] for labels in samples["pg_static"]}
    assert ports == {
        "orders": f"127.0.0.1:{watched.orders.port}",
        "billing": f"127.0.0.1:{watched.billing.port}",
    }


def test_each_series_has_the_labels_of_its_target(watched: Watched) -> None:
    about = {"orders": ENV, "billing": {}, "cache": {"shard": "1"}, "pooler": {}}
    for name, series in watched.exporter.samples().items():
        for labels in map(dict, series):
            target = labels.get("target")
            more = about[target] if target else {}
            top = {"tier": "top"} if name.startswith("redis_") and not target else {}
            assert {**more, **top}.items() <= labels.items(), (name, labels)
            assert target or "env" not in labels


def test_reports_on_collectors_are_told_apart(watched: Watched) -> None:
    samples = watched.exporter.samples()
    ups = {("collector", "postgres_up"), ("collector", "redis_up")}
    of_up = {labels for labels in samples["exporter_collector_success"] if labels & ups}

    assert of_up == {
        frozenset(labels.items())
        for labels in (
            {"collector": "postgres_up", "family": "postgres", "target": "orders", **ENV},
            {"collector": "postgres_up", "family": "postgres", "target": "billing"},
            {"collector": "redis_up", "family": "redis", "target": "cache", "shard": "1"},
            {"collector": "redis_up", "family": "redis", "tier": "top"},
        )
    }
    assert set(by_target(samples, "pg_scrape_collector_success")) == {"orders", "billing"}


def test_promtool_accepts_the_page(watched: Watched) -> None:
    page = watched.exporter.scrape()

    assert require(complaints, page) - read_oddities().keys() == set()
    headers = [line for line in page.splitlines() if line.startswith("# TYPE ")]
    assert len(headers) == len({line.split(" ")[2] for line in headers})


def test_a_selection_is_for_all(watched: Watched) -> None:
    names = set(watched.exporter.samples({"collect[]": ["redis_up"]}))

    assert "redis_up" in names
    assert not any(name.startswith(("pg_", "node_", "pgbouncer_")) for name in names)
    assert "pg_up" not in watched.exporter.samples({"exclude[]": ["postgres"]})
    assert "pg_up" not in watched.probe("orders", **{"exclude[]": ["postgres_up"]})


@pytest.mark.parametrize(
    ("name", "up", "labels"),
    [
        ("orders", "pg_up", ENV),
        ("billing", "pg_up", {}),
        ("cache", "redis_up", {"shard": "1"}),
        ("pooler", "pgbouncer_up", {}),
        ("hidden", "redis_up", {}),
        ("default", "redis_up", {"tier": "top"}),
    ],
)
def test_a_probe_shows_one_alone(watched: Watched, name: str, up: str, labels: dict[str, str]) -> None:
    samples = watched.probe(name)

    assert samples[up] == {frozenset(labels.items()): 1}
    assert not any("target" in dict(series) for found in samples.values() for series in found)
    assert {"pg_up", "redis_up", "pgbouncer_up"} & samples.keys() == {up}
    assert ("node_load1" in samples) == (name == "default")
    assert not any(metric.startswith(("process_", "exporter_scrape_")) for metric in samples)


def test_a_target_that_is_not_on_the_page_is_not_there(watched: Watched) -> None:
    assert 'target="hidden"' not in watched.exporter.scrape()
    assert "hidden" in watched.exporter.get("/").text


def test_the_landing_page_names_each_target_with_its_state(watched: Watched) -> None:
    text = watched.exporter.get("/").text

    for name in NAMES:
        assert f'<a href="/probe?target={name}">{name}</a>' in text
    assert f"127.0.0.1:{watched.orders.port}" in text
    assert "down" not in text.partition("</style>")[2]


def test_the_log_says_which_target_a_line_is_about(watched: Watched) -> None:
    about = [line for line in watched.exporter.log.splitlines() if "collector=stat_io reason=version" in line]

    names = {line.partition("target_name=")[2].split(" ")[0] for line in about}
    assert names >= {"orders", "billing"}
    assert "" not in names


HOSTILE = (
    "http://127.0.0.1:{port}/metrics",
    "127.0.0.1:{port}",
    "postgresql://postgres:hunter2@127.0.0.1:{port}/postgres",
    "host=127.0.0.1 port={port} password=hunter2",
    "redis://127.0.0.1:{port}",
    "../orders",
    "/etc/passwd",
    "orders\r\nx: y",
    "ORDERS",
    "orders ",
    "\0",
    "",
    "x" * 5000,
)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port that notices whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


def test_what_is_no_name_is_connected_to_nowhere(watched: Watched, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    for text in HOSTILE:
        answer = watched.ask({"target": text.format(port=port)})

        assert answer.status == 404, text
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text == (
            "no target has this name; there are: default, orders, billing, cache, pooler, hidden\n"
        )
    with pytest.raises(TimeoutError):
        listener.accept()


@pytest.mark.parametrize("params", [{}, {"target": ["orders", "billing"]}, {"host": "127.0.0.1"}])
def test_a_probe_needs_one_name(watched: Watched, params: dict[str, Any]) -> None:
    answer = watched.ask(params)

    assert answer.status == 400
    assert answer.text.startswith("expected one ?target=NAME; there are: default, orders, billing")


def test_a_collector_that_is_unknown_is_refused_for_a_probe_too(watched: Watched) -> None:
    answer = watched.ask({"target": "orders", "collect[]": "nonsense"})

    assert answer.status == 400
    assert "'nonsense' is neither a collector nor a family" in answer.text


@pytest.fixture
def frozen(watched: Watched) -> Iterator[Watched]:
    """`billing`, whose own budget is one second, answers nothing."""
    watched.billing.freeze()
    try:
        yield watched
    finally:
        watched.billing.thaw()
        end = monotonic() + 10
        while by_target(watched.exporter.samples(), "pg_up") != {"orders": 1, "billing": 1}:
            assert monotonic() < end, "it does not come back"
            sleep(0.1)


def test_a_frozen_target_takes_no_time_from_the_others(frozen: Watched) -> None:
    for _ in range(3):
        started = monotonic()
        samples = timed_scrape(frozen.exporter, 5.0)
        took = monotonic() - started

        assert took < 2.0, f"{took:.2f} s: its own budget is one second"
        assert by_target(samples, "pg_up") == {"orders": 1, "billing": 0}
        assert by_target(samples, "redis_up") == {None: 1, "cache": 1}
        failed = [dict(labels) for labels, ok in samples["exporter_collector_success"].items() if ok == 0]
        assert {labels.get("target") for labels in failed} == {"billing"}


def test_a_frozen_target_answers_its_probe_in_time_and_holds_up_no_other(frozen: Watched) -> None:
    taken: list[float] = []

    def probe_frozen() -> None:
        started = monotonic()
        assert frozen.probe("billing")["pg_up"] == {frozenset(): 0}
        taken.append(monotonic() - started)

    thread = threading.Thread(target=probe_frozen)
    thread.start()
    started = monotonic()
    orders = frozen.probe("orders")
    took = monotonic() - started
    thread.join()

    assert took < 0.8
    assert list(orders["pg_up"].values()) == [1]
    assert taken
    assert taken[0] < 1.5


def sessions(server: Postgres) -> list[tuple[Any, ...]]:
    return server.execute(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'datastack-exporter' ORDER BY 1"
    )


def reload(watched: Watched, config: dict[str, Any]) -> None:
    watched.file.write_text(json.dumps(config))
    assert watched.exporter.post("/-/reload").status == 200


@pytest.fixture
def restored(watched: Watched) -> Iterator[Watched]:
    """Puts the configuration back."""
    before = json.loads(watched.file.read_text())
    yield watched
    reload(watched, before)


def test_a_reload_adds_and_removes_one_and_leaves_the_others_their_sessions(restored: Watched) -> None:
    config = json.loads(restored.file.read_text())
    restored.probe("orders")
    before = sessions(restored.orders)
    gone = config["targets"].pop("billing")
    config["targets"]["again"] = {**gone, "labels": {"copy": "2"}}
    config["targets"]["orders"]["labels"] = {"env": "test"}
    reload(restored, config)

    samples = restored.exporter.samples()
    assert by_target(samples, "pg_up") == {"orders": 1, "again": 1}
    assert restored.ask({"target": "billing"}).status == 404
    assert restored.probe("again")["pg_up"] == {frozenset({("copy", "2")}): 1}
    assert restored.probe("orders")["pg_up"] == {frozenset({("env", "test")}): 1}
    assert before
    assert sessions(restored.orders) == before


def test_a_target_that_is_taken_out_is_let_go(restored: Watched) -> None:
    config = json.loads(restored.file.read_text())
    assert sessions(restored.billing)
    del config["targets"]["billing"]
    os.kill(restored.exporter.pid, signal.SIGHUP)  # nothing has changed yet: nothing happens
    reload(restored, config)

    end = monotonic() + 5
    while sessions(restored.billing):
        assert monotonic() < end
        sleep(0.05)


def test_a_bad_target_changes_nothing(restored: Watched) -> None:
    config = json.loads(restored.file.read_text())
    good = restored.file.read_text()
    config["targets"]["orders"]["postgres"]["dsn"] = "postgresql://u:hunter2@[x"
    restored.file.write_text(json.dumps(config))
    answer = restored.exporter.post("/-/reload")

    assert answer.status == 500
    assert "targets.orders.postgres.dsn (file " in answer.text
    assert "hunter2" not in answer.text + restored.exporter.log
    assert list(restored.probe("orders")["pg_up"].values()) == [1]
    restored.file.write_text(good)


@pytest.fixture
def prometheus(watched: Watched, tmp_path: Path) -> Iterator[Prometheus]:
    """With the configuration of docs/targets.md, but for address, interval and the names."""
    (block,) = (block for block in blocks(PAGE, "yaml") if "scrape_configs" in block.text)
    names = tmp_path / "targets.json"
    names.write_text(json.dumps([{"targets": ["orders", "billing", "cache"]}]))
    text = block.text.replace("127.0.0.1:9188", f"127.0.0.1:{watched.exporter.port}")
    config = yaml.safe_load(text.replace("targets.json", str(names)))
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    with require(Prometheus, config) as server:
        yield server


def test_a_prometheus_probes_each_by_name(prometheus: Prometheus) -> None:
    prometheus.wait_for("count(up) == 3 and sum(up) == 3")
    prometheus.wait_for('count(pg_up{instance=~"orders|billing", job="datastack"} == 1) == 2')
    (orders,) = prometheus.wait_for('pg_up{instance="orders"} == 1')
    (cache,) = prometheus.wait_for('redis_up{instance="cache"} == 1')

    assert orders["metric"] == {"__name__": "pg_up", "instance": "orders", "job": "datastack", **ENV}
    assert cache["metric"]["shard"] == "1"
    assert prometheus.query('{__name__=~"exported_.*"}') == []
    assert prometheus.query('node_load1 or {job="datastack", instance!~"orders|billing|cache"}') == []


def run(watched: Watched, *words: str) -> subprocess.CompletedProcess[str]:
    """One of our commands with the configuration of the daemon."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("EXPORTER_")}
    return subprocess.run(
        [sys.executable, "-m", "exporter", *words, f"--config.file={watched.file}"],
        capture_output=True,
        text=True,
        check=False,
        env={**environ, "PYTHONPATH": str(ROOT)},
    )


def test_dump_shows_one_alone(watched: Watched) -> None:
    done = run(watched, "dump", "--target", "orders", "--collector", "postgres_up")
    samples = samples_of(done.stdout)

    assert (done.returncode, done.stderr) == (0, "")
    assert samples["pg_up"] == {frozenset(ENV.items()): 1}
    assert "redis_up" not in samples
    assert "redis_up" in samples_of(run(watched, "dump", "--collector", "redis_up").stdout)


def test_explain_is_about_one(watched: Watched) -> None:
    done = run(watched, "explain", "locks", "--target", "orders")

    assert done.returncode == 0
    assert f"postgres at 127.0.0.1:{watched.orders.port}" in done.stdout
    assert "postgres.dsn is not set" in run(watched, "explain", "locks").stdout


@pytest.mark.parametrize("command", ["dump", "explain"])
def test_a_command_for_no_target_names_those_there_are(watched: Watched, command: str) -> None:
    done = run(watched, command, "--target", "hunter2")

    assert done.returncode == 2
    assert "--target: no such target; there are: orders, billing, cache, pooler, hidden" in done.stderr
    assert "hunter2" not in done.stderr


def test_check_examines_each_and_names_it(watched: Watched) -> None:
    found = json.loads(run(watched, "check", "--json").stdout)["findings"]
    targets = {finding["target"] for finding in found}

    assert targets >= {
        f"redis at 127.0.0.1:{watched.cache.port}",
        f"orders: postgres at 127.0.0.1:{watched.orders.port}",
        f"billing: postgres at 127.0.0.1:{watched.billing.port}",
        f"cache: redis at 127.0.0.1:{watched.cache.port}",
        f"hidden: redis at 127.0.0.1:{watched.cache.port}",
    }
    assert any(target.startswith("pooler: pgbouncer at ") for target in targets)
    assert "not configured" not in run(watched, "check").stdout
