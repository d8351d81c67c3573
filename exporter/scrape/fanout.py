"""One collector over all nodes of a source that is a group of servers: each node gives rows of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from exporter.model.collector import Collect, Collected, CollectorSpec, Named
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Reason, Refused, Skip, Unavailable
from exporter.model.table import Table
from exporter.scrape.labels import with_constant
from exporter.settings.model import NODE_LABEL


class Group(Protocol):
    """A source of several servers."""

    async def nodes(self, deadline: Deadline) -> Mapping[str, Any]:
        """The servers by name, those that are down too."""


def is_group(source: object) -> bool:
    """Whether a source is a group of servers."""
    return hasattr(source, "nodes")


def fanned_out(named: Named) -> Named:
    """The collector, run on each node of its source; what it gives has the label `node`."""
    spec = named.spec
    return replace(named, spec=replace(spec, build=lambda source: _FanOut(spec, source), fallback=()))


class _Given(NamedTuple):
    """What one node gave: tables, and the error if that is not all."""

    tables: Sequence[Table]
    age: float | None = None
    error: BaseException | None = None
    skip: Skip | None = None


class _FanOut:
    """Runs the collector on each node side by side; state lives as long as the node is in the group."""

    def __init__(self, spec: CollectorSpec, group: Group) -> None:
        self._spec = spec
        self._group = group
        self._collects: dict[str, tuple[object, Collect]] = {}

    async def __call__(self, deadline: Deadline) -> Sequence[Table]:
        """The tables of all nodes.

        Raises:
            Skip: all nodes skipped.
            Partial: some failed; what the collector gives for a target that is down is there for these.
        """
        nodes = await self._group.nodes(deadline)
        self._collects = {name: (server, self._collect(name, server)) for name, server in nodes.items()}
        runs = [_one(collect, self._spec, deadline) for _, collect in self._collects.values()]
        given = dict(zip(nodes, await asyncio.gather(*runs), strict=True))
        tables = [
            table for name, own in given.items() for table in with_constant(own.tables, ((NODE_LABEL, name),))
        ]
        skipped = [own.skip for own in given.values() if own.skip is not None]
        if skipped and len(skipped) == len(given):
            raise skipped[0]
        errors = [own.error for own in given.values() if own.error is not None]
        if errors:
            worst = min(errors, key=_unsupported)
            raise Partial(tables, worst, logged=isinstance(worst, Unavailable))
        ages = [own.age for own in given.values() if own.age is not None]
        return Collected(tables, max(ages, default=None))

    def _collect(self, name: str, server: object) -> Collect:
        known = self._collects.get(name)
        return known[1] if known is not None and known[0] is server else self._spec.build(server)


async def _one(collect: Collect, spec: CollectorSpec, deadline: Deadline) -> _Given:
    """One node's run. What it raises is for the engine to judge, after the other nodes' runs."""
    try:
        tables = await collect(deadline)
    except Skip as skip:
        return _Given((), skip=skip)
    except Partial as some:
        return _Given(some.tables, error=some.error)
    except Exception as error:  # noqa: BLE001  one node must not hide the others
        return _Given(spec.fallback, error=error)
    return _Given(tables, tables.age if isinstance(tables, Collected) else None)


def _unsupported(error: BaseException) -> bool:
    """Whether it only says what a server has not, which is no failure: others come first."""
    return isinstance(error, Refused) and error.reason is Reason.UNSUPPORTED
