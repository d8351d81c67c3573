"""Alertmanager's routes: whom an alert reaches, by its labels.

Source: https://prometheus.io/docs/alerting/0.25/configuration/#route
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from exporter.doctor.chain.durations import seconds
from exporter.doctor.chain.matchers import Labels, Matcher, matchers

EVERYTHING = "..."
"""In `group_by`: a group for each set of labels."""


@dataclass(frozen=True, eq=False)
class Route:
    """A route with what it inherits.

    Attributes:
        receiver: who is told.
        matchers: all must hold.
        goes_on: whether routes beside it are tried after it: `continue`.
        routes: those below it.
        group_by: the labels whose values make a group.
        group_wait: seconds until a new group is told.
        group_interval: seconds until a group is told again that has changed.
        muted: names of the time intervals in which nobody is told; not inherited.
        active: names of those in which alone somebody is told; not inherited.
    """

    receiver: str
    matchers: tuple[Matcher, ...]
    goes_on: bool
    routes: tuple[Route, ...]
    group_by: tuple[str, ...]
    group_wait: float
    group_interval: float
    muted: tuple[str, ...]
    active: tuple[str, ...]

    def taken_by(self, labels: Labels) -> list[Route]:
        """The routes that tell somebody of an alert with these labels, in their order."""
        if not all(matcher.matches(labels) for matcher in self.matchers):
            return []
        taken: list[Route] = []
        for route in self.routes:
            below = route.taken_by(labels)
            taken += below
            if below and not route.goes_on:
                break
        return taken or [self]

    def perhaps_taken_by(self, labels: Labels) -> list[Route]:
        """The same for an alert that may have further labels: all routes that may tell somebody."""
        if not all(matcher.matches(labels) for matcher in self.matchers if matcher.name in labels):
            return []
        taken: list[Route] = []
        certain = False
        for route in self.routes:
            taken += route.perhaps_taken_by(labels)
            if route.surely_takes(labels):
                certain = True
                if not route.goes_on:
                    break
        return taken if certain else [*taken, self]

    def surely_takes(self, labels: Labels) -> bool:
        """Whether it takes an alert with these labels whatever others it has."""
        return all(matcher.name in labels and matcher.matches(labels) for matcher in self.matchers)

    def all(self) -> Iterator[Route]:
        """It and all routes below it, in reading order."""
        yield self
        for route in self.routes:
            yield from route.all()

    def way_to(self, target: Route) -> list[Route]:
        """The routes from this one down to another; empty if that is not below it."""
        if self is target:
            return [self]
        for route in self.routes:
            if way := route.way_to(target):
                return [self, *way]
        return []


def read(route: Mapping[str, Any], above: Route | None = None) -> Route:
    """The tree of `route:` in a configuration, as Alertmanager shows it or as it is written.

    Raises:
        ValueError: a matcher or a duration can't be read.
    """
    interval = (above.group_interval if above else 300.0, above.group_wait if above else 30.0)
    # Routes below inherit from this one, so it is made before them, and again with them.
    alone = Route(
        receiver=route.get("receiver") or (above.receiver if above else ""),
        matchers=matchers(route, "match", "match_re", "matchers"),
        goes_on=bool(route.get("continue")),
        routes=(),
        group_by=tuple(route.get("group_by") or (above.group_by if above else ())),
        group_wait=_seconds(route, "group_wait", interval[1]),
        group_interval=_seconds(route, "group_interval", interval[0]),
        muted=tuple(route.get("mute_time_intervals") or ()),
        active=tuple(route.get("active_time_intervals") or ()),
    )
    below = tuple(read(child, alone) for child in route.get("routes") or ())
    return replace(alone, routes=below)


def _seconds(route: Mapping[str, Any], key: str, inherited: float) -> float:
    return seconds(str(route[key])) if key in route else inherited
