"""What a configuration amounts to: a stack for the top level and for each target, and the fleet of them.

A stack is sources, and the engine over them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from exporter.http.served import Served, Watched
from exporter.log import about
from exporter.model.collector import Named
from exporter.model.deadline import Deadline
from exporter.model.slow_query import slow_queries_of
from exporter.model.snapshot import Snapshot
from exporter.scrape.engine import Engine, EngineOptions
from exporter.scrape.fanout import fanned_out, is_group
from exporter.scrape.labels import Constant, labelled, report_labelled
from exporter.settings import Settings
from exporter.settings.model import SERVERS, TARGET_LABEL, Target
from exporter.slow_log.sink import SlowLog
from exporter.sources.build import BUILDERS, build_sources

TOP = ""
"""The name of the top level: no target has it."""
START_SECONDS_EACH = 0.25
"""How long after one target the next begins its background runs, so that they don't all connect at once."""
START_SECONDS = 60.0
"""After which all have begun, however many: most run each minute, so they are spread over all of it."""
WITH_SLOW_QUERIES = ("postgres", "redis")
"""The sources that have slow queries."""


class Stack:
    """The sources of one configuration, and the engine over them: the top level, or one named target.

    Args:
        settings: the configuration, without targets.
        collectors: all collectors of the installation, by name.
        pools: psycopg pools of this process, beside the exporter's own.
        before: the stack whose place it takes: a source whose settings are the same is taken over with
            its connections, and is not closed with the old stack.
        name: the target's, for the log; empty for the top level.
        slow_log: where its slow queries go; the top level shows what became of them.

    Attributes:
        settings: as given.
        sources: key -> source, for those that are configured.
        engine: collects from them.
        queries: what the files with users' queries gave; None without such files.
    """

    def __init__(
        self,
        settings: Settings,
        collectors: Mapping[str, Named],
        pools: Sequence[Any] = (),
        before: Stack | None = None,
        name: str = TOP,
        *,
        slow_log: SlowLog | None = None,
    ) -> None:
        self.settings = settings
        self._name = name
        self._slow_log = slow_log
        self._logged = {"target_name": name} if name else {}
        self._handed_over: frozenset[str] = frozenset()
        kept = before.hand_over(settings) if before is not None else {}
        self.sources = build_sources(settings, pools, kept)
        enabled = settings.enabled_collectors()
        on = [self._of_nodes(named) for name, named in collectors.items() if name in enabled]
        self.queries = _load_queries(settings, on)
        if self.queries is not None:
            self.sources["user_queries"] = self.queries
            on += self.queries.collectors
        self._labels = _labels(settings)
        self._labels_of = {named.name: self._labels.get(named.spec.source, ()) for named in on}
        self.engine = Engine(
            [labelled(named, labels) if (labels := self._labels_of[named.name]) else named for named in on],
            self.sources,
            EngineOptions(settings.scrape.series_limit, settings.compat.legacy_names),
        )

    def _of_nodes(self, named: Named) -> Named:
        return fanned_out(named) if is_group(self.sources.get(named.spec.source)) else named

    def serves(self, settings: Settings | None) -> bool:
        """Whether these settings would make the same stack: they and the files with queries are as before."""
        return settings == self.settings and not (self.queries is not None and self.queries.changed())

    def start(self, after: float = 0.0) -> None:
        """Begins the background runs `after` so many seconds, or with the first scrape."""
        self._follow_slow_queries()
        with about(**self._logged):
            self.engine.start(after)

    def _follow_slow_queries(self) -> None:
        for key in WITH_SLOW_QUERIES:
            if key in self.sources:
                queries = slow_queries_of(self.sources[key])
                queries.target = self._name
                queries.keep(self.settings.slow_queries.kept)
                if self._slow_log is not None:
                    queries.listeners.add(self._slow_log.take)

    async def scrape(self, deadline: Deadline, selection: Collection[str] | None = None) -> Snapshot:
        """Collects as the engine does, with the labels of each source on what is said of its collectors."""
        with about(**self._logged):
            snapshot = await self.engine.scrape(deadline, selection)
        if self._slow_log is not None and self._name == TOP:
            snapshot = replace(snapshot, tables=[*snapshot.tables, *self._slow_log.tables()])
        if not any(self._labels.values()):
            return snapshot
        tables = report_labelled(snapshot.tables, self._labels_of, self._labels["postgres"])
        return replace(snapshot, tables=tables)

    def common_labels(self) -> dict[str, str]:
        """The constant labels that all of its servers have."""
        of_each = [set(self._labels[key]) for key in SERVERS if key in self.sources]
        return dict(sorted(set.intersection(*of_each))) if of_each else {}

    def addresses(self) -> list[tuple[str, str]]:
        """Key and address of each source that has one."""
        return [(key, source.address) for key, source in self.sources.items() if hasattr(source, "address")]

    def hand_over(self, settings: Settings) -> dict[str, Any]:
        """The sources that the new settings leave as they are; from now on they are not ours to close."""
        kept = {
            key: source
            for key, source in self.sources.items()
            if key in BUILDERS and _source_settings(settings, key) == _source_settings(self.settings, key)
        }
        self._handed_over = frozenset(kept)
        return kept

    async def close(self) -> None:
        """Ends the background runs, then the sources."""
        await self.engine.stop()
        ours = [source for key, source in self.sources.items() if key not in self._handed_over]
        closing = [source.close() for source in ours if hasattr(source, "close")]
        await asyncio.gather(*closing, return_exceptions=True)


def _labels(settings: Settings) -> dict[str, Constant]:
    """Source -> the labels on its series."""
    labels = {key: getattr(settings, key).labels for key in SERVERS}
    return {**labels, "psycopg_pool": labels["postgres"], "user_queries": labels["postgres"]}


def _load_queries(settings: Settings, on: Collection[Named]) -> Any:
    """What the files with users' queries gave; None without such files."""
    if settings.postgres.dsn is None or not settings.postgres.queries_files:
        return None
    from exporter.collectors.user_queries import load_configured  # noqa: PLC0415

    return load_configured(settings.postgres, on)


def _source_settings(settings: Settings, key: str) -> Any:
    """What a source is made from: its section without what only the page shows."""
    section = getattr(settings, key)
    if key not in SERVERS:
        return section
    shown = {"labels": (), "queries_files": ()} if key == "postgres" else {"labels": ()}
    return section.model_copy(update=shown)


class Fleet:
    """All stacks of one configuration: that of the top level, and one for each named target.

    Args:
        settings: the configuration.
        collectors: all collectors of the installation, by name.
        pools: psycopg pools of this process, beside the exporter's own.
        before: the fleet whose place it takes. What is as it was goes on undisturbed, and is not closed
            with the old one.

    Attributes:
        stacks: `TOP` or the target's name -> its stack.
        served: what the routes show.
        slow_log: where slow queries go; the same one from fleet to fleet.
        handed_over: the stacks that go on in another fleet.
        replaced: whether another fleet has taken its place.
    """

    def __init__(
        self,
        settings: Settings,
        collectors: Mapping[str, Named],
        pools: Sequence[Any] = (),
        before: Fleet | None = None,
    ) -> None:
        self.handed_over: frozenset[str] = frozenset()
        self.slow_log: SlowLog = before.slow_log if before is not None else SlowLog()
        self.replaced = False
        self._log_folder = settings.slow_queries.directory
        wanted = parts_of(settings)
        old = before.hand_over(wanted) if before is not None else {}
        self._taken_over = before.handed_over if before is not None else frozenset()
        self.stacks = {
            name: old[name]
            if name in self._taken_over
            else Stack(
                own, collectors, pools if name == TOP else (), old.get(name), name, slow_log=self.slow_log
            )
            for name, own in wanted.items()
        }
        watched = {name: _watched(stack, settings.targets.get(name)) for name, stack in self.stacks.items()}
        self.served = Served(watched.pop(TOP), watched, list(collectors.values()), TARGET_LABEL)
        if before is not None:
            before.replaced = True

    def hand_over(self, wanted: Mapping[str, Settings]) -> Mapping[str, Stack]:
        """The stacks, for a fleet that takes this one's place; the unchanged ones are not ours to close."""
        unchanged = (name for name, stack in self.stacks.items() if stack.serves(wanted.get(name)))
        self.handed_over = frozenset(unchanged)
        return self.stacks

    def changed(self) -> bool:
        """Whether a file with queries is not what it was when it was loaded."""
        return any(not stack.serves(stack.settings) for stack in self.stacks.values())

    def names(self) -> list[str]:
        """What is watched, for the log: the servers of the top level, then the targets."""
        top, *targets = self.stacks.items()
        return [key for key, _ in top[1].addresses()] + [name for name, _ in targets]

    def start(self) -> None:
        """Begins the background runs, of one new stack after the other; those that run already go on."""
        self.slow_log.configure(self._log_folder)
        pause = min(START_SECONDS_EACH, START_SECONDS / len(self.stacks))
        for number, name in enumerate(name for name in self.stacks if name not in self._taken_over):
            self.stacks[name].start(number * pause)

    async def idle(self, seconds: float) -> None:
        """Waits until the runs under way have ended, `seconds` at the most."""
        await asyncio.gather(*(stack.engine.idle(seconds) for stack in self._ours()))

    async def close(self) -> None:
        """Ends the background runs, then the sources."""
        await asyncio.gather(*(stack.close() for stack in self._ours()))
        if not self.replaced:
            await self.slow_log.close()

    def _ours(self) -> list[Stack]:
        return [stack for name, stack in self.stacks.items() if name not in self.handed_over]


def parts_of(settings: Settings) -> dict[str, Settings]:
    """`TOP` or the name of a target of this shard -> what applies to it alone."""
    ours = [name for name in settings.targets if settings.sharding.takes(name)]
    return {TOP: settings.main(), **{name: settings.target(name) for name in ours}}


def _watched(stack: Stack, target: Target | None) -> Watched:
    bounds = stack.settings.scrape
    return Watched(
        stack.scrape,
        stack.engine.collectors,
        stack.addresses(),
        bounds.timeout_seconds,
        bounds.timeout_offset_seconds,
        target.limit_seconds if target is not None else None,
        target.on_metrics if target is not None else True,
        stack.sources,
        stack.common_labels(),
    )
