"""What a real Alertmanager with the shipped configuration tells whom: a minute in a second."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from tests.noise.promtool import Firing
from tests.noise.week import DAY, HOUR, WEEK
from tests.servers.alerting import alert, another_day, every_day, routes_of, send, shipped, shipped_config
from tests.servers.prometheus import Alertmanager
from tests.servers.receivers import Notification, Receivers

SPEED = 60
DRAIN_MINUTES = 12
"""After the last alert has ended: two intervals of the slowest groups, so that every end is told."""

MACHINES = ("alert-log", "deadman")
"""Receivers that nobody reads."""

Config = dict[str, Any]


def as_shipped(config: Config) -> Config:
    """Grouping and inhibition."""
    return config


def grouped(config: Config) -> Config:
    """Grouping, but no inhibition."""
    return {**config, "inhibit_rules": []}


def one_by_one(config: Config) -> Config:
    """Neither: each alert has a message of its own."""
    for route in routes_of(config["route"]):
        if "group_by" in route:
            route["group_by"] = ["..."]
    return grouped(config)


VARIANTS: Mapping[str, Callable[[Config], Config]] = {
    "one by one": one_by_one,
    "grouped": grouped,
    "shipped": as_shipped,
}


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the timeline.

    Attributes:
        start: its first minute.
        end: the minute when what still fires is ended.
        firings: alerts that begin in it.
    """

    start: int
    end: int
    firings: Sequence[Firing]


@dataclass(frozen=True, slots=True)
class Told:
    """What was notified in a window.

    Attributes:
        counts: receiver of people -> how many notifications.
        first: the minute of the timeline in which each receiver was first told of each alert.
    """

    counts: Mapping[str, int]
    first: Mapping[tuple[str, str], float]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())


def window(firings: Iterable[Firing], start: int, end: int) -> Window:
    """A window with what begins in it."""
    return Window(start, end, [f for f in firings if start <= f.start < end])


def windows(firings: Sequence[Firing], gap: int = 30, longest: int = 180) -> list[Window]:
    """The windows of a timeline: firings with less than `gap` minutes between them are together."""
    found: list[Window] = []
    for firing in sorted(firings, key=lambda f: f.start):
        if found and firing.start < min(found[-1].end + gap, found[-1].start + longest):
            last = found.pop()
            end = min(max(last.end, firing.end), last.start + longest)
            found.append(Window(last.start, end, [*last.firings, firing]))
        else:
            found.append(Window(firing.start, min(firing.end, firing.start + longest), [firing]))
    return found


def replay(parts: Sequence[Window], variants: Sequence[str]) -> list[dict[str, Told]]:
    """Each window through an Alertmanager of each variant, some at the same time."""
    with ThreadPoolExecutor(2 * len(variants)) as pool:
        told = [{v: pool.submit(through, part, v) for v in variants} for part in parts]
        return [{v: future.result() for v, future in by_variant.items()} for by_variant in told]


def through(part: Window, variant: str) -> Told:
    """A window through an Alertmanager of its own."""
    with Receivers() as receivers:
        config = VARIANTS[variant](configuration(receivers, part.start))
        with Alertmanager(config) as alertmanager:
            began = monotonic()
            for minute in range(part.start, part.end + 1):
                sleep(max(began + (minute - part.start) * 60 / SPEED - monotonic(), 0.0))
                _tell(alertmanager, part, minute)
            sleep(DRAIN_MINUTES * 60 / SPEED)
            return _told(receivers.taken(), part, began)


def _tell(alertmanager: Alertmanager, part: Window, minute: int) -> None:
    begun = [f for f in part.firings if f.start == minute]
    ended = [f for f in part.firings if min(f.end, part.end) == minute]
    for firings, resolved in ((begun, False), (ended, True)):
        if firings:
            send(alertmanager, *map(_sent, firings), resolved=resolved)


def _sent(firing: Firing) -> dict[str, Any]:
    labels = dict(firing.labels)
    return alert(labels.pop("alertname"), labels.pop("severity"), **labels)


def _told(taken: Sequence[Notification], part: Window, began: float) -> Told:
    people = [n for n in taken if n.receiver not in MACHINES]
    first: dict[tuple[str, str], float] = {}
    for notification in people:
        minute = part.start + (notification.at - began) * SPEED / 60
        for name in {f.name for f in part.firings}:
            if re.search(rf"\b{name}\b", notification.text):
                first.setdefault((notification.receiver, name), minute)
    return Told(Counter(n.receiver for n in people), first)


def configuration(receivers: Receivers, minute: int) -> Config:
    """The shipped configuration in the replay's speed, with the time intervals as they are then."""
    config = shipped_config(receivers, windows=intervals(minute))
    for ours, route in zip(routes_of(config["route"]), routes_of(shipped()["route"]), strict=True):
        for key in ("group_wait", "group_interval", "repeat_interval"):
            if key in route:
                ours[key] = hurried(route[key])
    return config


def intervals(minute: int) -> dict[str, Any]:
    """Whether it is work time, and whether maintenance, in a minute of the timeline."""
    in_week = minute % WEEK
    day, hour = in_week // DAY, in_week % DAY // HOUR
    return {
        "business-hours": every_day() if day < 5 and 8 <= hour < 18 else another_day(),
        "weekly-maintenance": every_day() if day == 6 and 2 <= hour < 4 else another_day(),
    }


def hurried(duration: str) -> str:
    """A duration of the configuration in the replay's speed: `5m` is `5000ms`."""
    number, unit = re.fullmatch(r"(\d+)([smh])", duration).groups()  # type: ignore[union-attr]
    seconds = int(number) * {"s": 1, "m": 60, "h": 3600}[unit]
    return f"{max(seconds * 1000 // SPEED, 1) if seconds else 0}ms"
