"""What `verify` needs of Alertmanager's configuration, as Alertmanager shows it: without secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from exporter.doctor.chain import intervals, routes
from exporter.doctor.chain.matchers import Labels, Matcher, matchers
from exporter.doctor.chain.routes import Route

SUFFIX = "_configs"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told.

    Attributes:
        name: of the receiver.
        integrations: how: `slack`, `email`, `webhook`, ..., as often as there are entries of the kind.
        files: the files with its secrets, as `slack: /run/secrets/slack_url`.
    """

    name: str
    integrations: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inhibition:
    """Which alerts keep which others quiet.

    Attributes:
        source: what keeps quiet.
        target: what is kept quiet.
        equal: labels that must have the same value in both.
    """

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]

    def between(self, source: Labels, target: Labels) -> bool:
        """Whether the first keeps the second quiet. What fits both sides does not inhibit its like."""
        if not (_all(self.source, source) and _all(self.target, target)):
            return False
        if _all(self.target, source) and _all(self.source, target):
            return False
        return all(source.get(name, "") == target.get(name, "") for name in self.equal)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The part that decides who is told.

    Attributes:
        route: the root of the tree.
        receivers: by name.
        inhibitions: in their order.
        times: time interval -> its parts.
    """

    route: Route
    receivers: Mapping[str, Receiver]
    inhibitions: tuple[Inhibition, ...]
    times: Mapping[str, Sequence[intervals.Spec]]

    def tells_now(self, route: Route, now: datetime) -> bool:
        """Whether a route is outside its mute time intervals and inside its active ones, if it has any."""
        if any(intervals.is_now(self.times[name], now) for name in route.muted):
            return False
        return not route.active or any(intervals.is_now(self.times[name], now) for name in route.active)

    def integrations(self, route: Route) -> tuple[str, ...]:
        """How the receiver of a route is told; empty if it never is."""
        return self.receivers[route.receiver].integrations


def read(text: str) -> Configuration:
    """The configuration from its YAML.

    Raises:
        ValueError, KeyError: it is none.
    """
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"the configuration is no YAML: {error}") from None
    entries = [_receiver(entry) for entry in config["receivers"]]
    return Configuration(
        routes.read(config["route"]),
        {receiver.name: receiver for receiver in entries},
        tuple(_inhibition(entry) for entry in config.get("inhibit_rules") or ()),
        intervals.read(config),
    )


def _receiver(entry: Mapping[str, Any]) -> Receiver:
    kinds = {key.removesuffix(SUFFIX): value or () for key, value in entry.items() if key.endswith(SUFFIX)}
    files = (f"{kind}: {file}" for kind, configs in kinds.items() for one in configs for file in _files(one))
    integrations = tuple(kind for kind, configs in kinds.items() for _ in configs)
    return Receiver(entry["name"], integrations, tuple(dict.fromkeys(files)))


def _files(config: Any) -> list[str]:
    if not isinstance(config, dict):
        return []
    own = [value for key, value in config.items() if key.endswith("_file") and isinstance(value, str)]
    return own + [file for value in config.values() for file in _files(value)]


def _inhibition(entry: Mapping[str, Any]) -> Inhibition:
    return Inhibition(
        matchers(entry, "source_match", "source_match_re", "source_matchers"),
        matchers(entry, "target_match", "target_match_re", "target_matchers"),
        tuple(entry.get("equal") or ()),
    )


def _all(conditions: Sequence[Matcher], labels: Labels) -> bool:
    return all(matcher.matches(labels) for matcher in conditions)
