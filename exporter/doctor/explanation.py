"""What a collector runs against its target, what that gave when it ran once, or why it did not run."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from exporter.doctor.trial import Trial, try_each
from exporter.model.collector import Named
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, SourceError
from exporter.model.metric import Metric
from exporter.model.snapshot import State
from exporter.model.view import SUPPORTED_MAJORS, View
from exporter.scrape.engine import Engine
from exporter.settings import Settings
from exporter.stack import Stack

NEEDS = {
    "postgres": "postgres.dsn",
    "psycopg_pool": "postgres.dsn",
    "user_queries": "postgres.queries_files",
    "redis": "redis.address",
    "pgbouncer": "pgbouncer.dsn",
    "host": "host.enabled",
}
"""The setting that makes a collector's source."""

WORDS = {State.OK: "running", State.SKIPPED: "skipped", State.FAILED: "failing", State.LATE: "late"}


class Server(NamedTuple):
    """The PostgreSQL server: its major version; or None, and why that is unknown."""

    major: int | None
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """One metric of a collector, here.

    Attributes:
        metric: as declared; it may be a pattern.
        labels: the names of its labels here; where some depend on the target, all that it can have.
        majors: the major versions that have it; None where that does not depend on them.
        series: how many samples the run gave; None if it did not run.
    """

    metric: Metric
    labels: Sequence[str]
    majors: Sequence[int] | None
    series: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One collector on this configuration.

    Attributes:
        named: the collector.
        state: on or off and why, as a sentence: `off: ...`, `running`, `skipped: ...`, `failing: ...`.
        target: its source, as it describes itself; empty where it has none.
        major: the PostgreSQL version that `runs` is for; None for other sources.
        assumed: why that is not the server's own version; empty if it is.
        runs: the SQL, the commands or the files.
        metrics: what it can export.
        trial: one run; None if it is off.
    """

    named: Named
    state: str
    target: str
    major: int | None
    assumed: str
    runs: str
    metrics: Sequence[Given]
    trial: Trial | None


async def explain(
    settings: Settings, collectors: Mapping[str, Named], names: Collection[str] | None = None
) -> list[Explanation]:
    """Explains the collectors named, or all, users' queries last; runs those that are on, once.

    Takes `scrape.timeout_seconds` and the time to close connections at the most.
    """
    stack = Stack(settings, collectors)
    deadline = Deadline.after(settings.scrape.timeout_seconds)
    queries = stack.queries.collectors if stack.queries is not None else ()
    known = (*collectors.values(), *queries)
    chosen = [named for named in known if names is None or named.name in names]
    by_source: dict[str, list[str]] = {}
    for named in chosen:
        by_source.setdefault(named.spec.source, []).append(named.name)
    postgres = by_source.pop("postgres", ())
    others = (_in_turn(stack.engine, deadline, group) for group in by_source.values())
    try:
        (server, own), groups = await asyncio.gather(
            _on_postgres(stack, deadline, postgres), asyncio.gather(*others)
        )
        trials = [trial for group in (own, *groups) for trial in group]
    finally:
        await stack.close()
    by_name = {trial.named.name: trial for trial in trials}
    on = settings.enabled_collectors().union(named.name for named in queries)
    sources = stack.sources
    return [
        explanation(named, on, sources.get(named.spec.source), server, by_name.get(named.name))
        for named in chosen
    ]


async def _on_postgres(
    stack: Stack, deadline: Deadline, names: Sequence[str]
) -> tuple[Server, Sequence[Trial]]:
    """The server's version, and the runs of its collectors after that."""
    source = stack.sources.get("postgres")
    if source is None or not names:
        return Server(None, "no server is configured"), ()
    try:
        server = Server((await source.fetch("SELECT 1", deadline)).major)
    except SourceError:
        server = Server(None, "the server can't be reached")
    return server, await _in_turn(stack.engine, deadline, names)


async def _in_turn(engine: Engine, deadline: Deadline, names: Sequence[str]) -> list[Trial]:
    """The runs of one source's collectors, one after the other, so that none waits for another.

    Once the target turns out to be down, the rest runs side by side: each would wait to find that out.
    """
    trials: list[Trial] = []
    waiting = list(names)
    while waiting:
        down = bool(trials) and trials[-1].outcome.reason is Reason.UNAVAILABLE
        now, waiting = (waiting, []) if down else (waiting[:1], waiting[1:])
        trials += await try_each(engine, deadline, now)
    return trials


def explanation(
    named: Named, on: Collection[str], source: Any, server: Server, trial: Trial | None
) -> Explanation:
    """Puts together what is known of one collector.

    Args:
        named: the collector.
        on: the names of those that are switched on.
        source: its source; None if that is not configured.
        server: the PostgreSQL server.
        trial: one run, None if it is off.
    """
    spec = named.spec
    major, assumed = _shown_major(named, server)
    return Explanation(
        named,
        _state(named, on, source, trial),
        "" if source is None or not hasattr(source, "describe") else source.describe(),
        major,
        assumed,
        spec.explain(major),
        _given(named, major, trial),
        trial,
    )


def _shown_major(named: Named, server: Server) -> tuple[int | None, str]:
    """The version whose branch is shown: the server's, else the newest that has one, and why."""
    if named.spec.source != "postgres":
        return None, ""
    majors = versions(named.spec.view)
    if server.major is None:
        return majors[-1], server.unknown
    if isinstance(named.spec.view, View) and named.spec.view.sql(server.major) is None:
        return majors[-1], f"the server's {server.major} does not"
    return server.major, ""


def versions(view: View | None) -> list[int]:
    """The supported major versions that have what a view reads; all of them for no view."""
    return [major for major in SUPPORTED_MAJORS if view is None or view.sql(major)]


def _state(named: Named, on: Collection[str], source: Any, trial: Trial | None) -> str:
    if named.name not in on:
        why = f"collector.{named.name} is false" + ("" if named.spec.default else ", as by default")
        return f"off: {why}"
    if source is None:
        setting = NEEDS[named.spec.source]
        is_switch = setting == "host.enabled"
        return f"off: {setting} is {'false' if is_switch else 'not set, so it has no target'}"
    if trial is None:
        return "on"
    word, text = WORDS[trial.outcome.state], trial.outcome.text
    return f"{word}: {text}" if text else word


def _given(named: Named, major: int | None, trial: Trial | None) -> list[Given]:
    """The declared metrics, with what the run gave of each."""
    series = None if trial is None else _series(named.spec.metrics, trial)
    view = named.spec.view
    if not isinstance(view, View) or major is None:
        return [
            Given(metric, metric.labels, None, None if series is None else series[metric])
            for metric in named.spec.metrics
        ]
    there = {label.name for label in view.labels_at(major)}
    return [
        Given(
            metric,
            [name for name in metric.labels if name in there],
            [v for v in SUPPORTED_MAJORS if declared in view.metrics_at(v)],
            None if series is None else series[metric],
        )
        for declared, metric in zip(view.metrics, named.spec.metrics, strict=True)
    ]


def _series(metrics: Sequence[Metric], trial: Trial) -> Counter[Metric]:
    """Declared metric -> how many samples the run gave."""
    found: Counter[Metric] = Counter()
    for table in trial.tables:
        for column in table.columns:
            found[_declared(column.metric, metrics)] += sum(value is not None for value in column.values)
    return found


def _declared(metric: Metric, metrics: Sequence[Metric]) -> Metric:
    """The metric itself, or the narrowest pattern that stands for it."""
    if metric in metrics:
        return metric
    patterns = sorted((m for m in metrics if m.is_pattern), key=lambda m: len(m.name), reverse=True)
    for pattern in patterns:
        if re.fullmatch(re.sub(r"<[^>]*>", ".+", pattern.name), metric.name):
            return pattern
    return metric
