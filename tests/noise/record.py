"""Records how the series that rules read behave on real servers: `python -m tests.noise.record`, 6 minutes.

Writes tests/recorded/noise/shapes.json.gz. Prometheus scrapes the chain of tests/servers/chain.py each
second, without its rules, while a workload goes through the phases of a day and the faults of `faults.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from time import sleep, time
from typing import Self

from exporter.demo.process import LOOPBACK
from mixin import promql, rules
from tests.noise import shapes
from tests.noise.faults import FAULTS
from tests.noise.shapes import Sample, Shape
from tests.noise.workload import Workload
from tests.servers.alerting import shipped_config
from tests.servers.chain import UP, Chain
from tests.servers.prometheus import Alertmanager, Prometheus
from tests.servers.receivers import Receivers

PACES: Mapping[str, tuple[float, float]] = {
    "quiet": (0.5, 0.1),
    "day": (5, 1),
    "peak": (10, 2),
    "nightly": (0.5, 0.1),
}
"""Phase -> rounds a second of each thread of the workload, and traffic of the application."""

PHASE_SECONDS = 30.0
FAULT_SECONDS = 20.0
SETTLE_SECONDS = 4.0

POSITIONS = (
    "pg_current_wal_lsn_bytes",
    "pg_last_wal_receive_lsn_bytes",
    "pg_last_wal_replay_lsn_bytes",
    "pg_wal_receiver_latest_end_lsn_bytes",
)
"""Gauges by their type, because a server can be rebuilt; what counts is how they grow."""

MACHINE = ("node_", "container_")
PART_OF_HISTOGRAM = ("_bucket", "_count", "_sum")
Recorded = dict[frozenset[tuple[str, str]], dict[str, list[Sample]]]
"""Labels, the name among them -> phase -> samples."""


class Stack(Chain):
    """The chain without rules, and without the load that breaks statements."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._servers(stack)
            self._exporters(stack)
            self.receivers = stack.enter_context(Receivers())
            self.alertmanager = stack.enter_context(Alertmanager(shipped_config(self.receivers)))
            self.prometheus = stack.enter_context(Prometheus({}))
            self.prometheus.reload({**self._config(), "rule_files": []})
            self._stack = stack.pop_all()
        self.prometheus.wait_for(UP, seconds=60)
        return self

    def instances(self) -> dict[str, str]:
        """Address -> the name that takes its place."""
        ports = {
            "db-1": self.exporter.port,
            "db-2": self.sidecar.port,
            "app-1": self.application.port,
            "alertmanager": self.alertmanager.port,
            "prometheus": self.prometheus.port,
        }
        return {f"{LOOPBACK}:{port}": name for name, port in ports.items()}


def metric_names() -> list[str]:
    """The metrics that rules read and don't record, but for those of the machine: see `host`."""
    read = {s.name for rule in rules.load() for s in promql.selectors(promql.parse(rule.expr))}
    recorded = {rule.name for rule in rules.recordings()}
    return sorted(n for n in read - recorded if n and n != "ALERTS" and not n.startswith(MACHINE))


def record(chain: Stack) -> Recorded:
    """Goes through all phases; the samples of each, by series."""
    found: Recorded = {}
    with Workload(chain.primary, chain.pgbouncer, chain.cache) as work:
        for phase, (pace, traffic) in PACES.items():
            work.pace, work.nightly = pace, phase == "nightly"
            chain.application.turn(traffic=traffic)
            _watch(chain, phase, PHASE_SECONDS, found)
        work.pace, work.nightly = PACES["day"][0], False
        chain.application.turn(traffic=PACES["day"][1])
        for phase, fault in FAULTS.items():
            sleep(SETTLE_SECONDS)
            with fault(chain):
                _watch(chain, phase, FAULT_SECONDS, found)
    return found


def _watch(chain: Stack, phase: str, seconds: float, found: Recorded) -> None:
    print(phase, flush=True)
    sleep(SETTLE_SECONDS + seconds)
    names = "|".join(metric_names())
    query = f'{{__name__=~"{names}"}}[{seconds:.0f}s]'
    for series in chain.prometheus.api("query", query=query, time=str(time()))["result"]:
        labels = frozenset(series["metric"].items())
        found.setdefault(labels, {})[phase] = [(at, float(value)) for at, value in series["values"]]


def shapes_of(found: Recorded, counters: Iterable[str], instances: Mapping[str, str]) -> Iterator[Shape]:
    """What the samples say of each series; addresses become names."""
    counters = set(counters)
    expected = {phase: max(len(by[phase]) for by in found.values() if phase in by) for phase in phases()}
    for labels, by_phase in found.items():
        named = dict(labels)
        name = named.pop("__name__")
        named["instance"] = instances[named["instance"]]
        if "alertmanager" in named:
            named["alertmanager"] = "http://alertmanager:9093/api/v2/alerts"
        counter = name in counters
        behave = shapes.counter_in if counter else shapes.gauge_in
        phases_of = {phase: behave(samples, expected[phase]) for phase, samples in by_phase.items()}
        yield Shape(name, named, counter, _whole(by_phase.values()), phases_of)


def phases() -> list[str]:
    """The phases in the order of the recording."""
    return [*PACES, *FAULTS]


def _whole(phases_of: Iterable[Sequence[Sample]]) -> bool:
    return all(value == int(value) for samples in phases_of for _, value in samples)


def counters_of(chain: Stack) -> set[str]:
    """The names of series that only grow, by what the pages say of their types."""
    kinds = chain.prometheus.api("metadata")
    found = set(POSITIONS)
    for name, (first, *_) in kinds.items():
        if first["type"] == "counter":
            found |= {name, f"{name}_total"}
        elif first["type"] == "histogram":
            found |= {name + end for end in PART_OF_HISTOGRAM}
    return found


def main() -> int:
    """Records and writes."""
    with Stack() as chain:
        found = record(chain)
        recorded = list(shapes_of(found, counters_of(chain), chain.instances()))
    shapes.save(recorded)
    metrics = len({shape.name for shape in recorded})
    print(f"{len(recorded)} series of {metrics} metrics, {shapes.FILE.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
