"""Test alerts: labels that lead an alert to a certain receiver, and keep no other alert quiet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, combinations, islice, product

from exporter.doctor.chain.configuration import Configuration
from exporter.doctor.chain.matchers import Labels, Matcher
from exporter.doctor.chain.routes import EVERYTHING, Route

NAME = "alertname"
RUN = "verification"
"""The label that tells the test alerts of one run from all others."""
FREE = "test"
"""For a label that has to be there, whatever it is."""
TRIES = 20_000
EXTRA = 2
"""Labels beyond those on the way, to get past routes that stand before it."""
PLAIN = re.compile(r"[\w .:/@-]*")


def choose(
    configuration: Configuration, receiver: str, run: str, others: Sequence[Labels], now: datetime
) -> dict[str, str] | None:
    """The labels of an alert that reaches a receiver, as few others as can be, now if that can be.

    Args:
        configuration: whose routes and inhibitions count.
        receiver: its name.
        run: a word that no other alert has in its labels.
        others: the labels of alerts that it must neither keep quiet nor be kept quiet by.
        now: decides which routes tell somebody.

    Returns:
        None if there is no such alert; not all are tried where routes have many matchers.
    """
    best: tuple[tuple[bool, int, int], dict[str, str]] | None = None
    for target in configuration.route.all():
        if target.receiver != receiver:
            continue
        silent = not configuration.tells_now(target, now)
        for labels in islice(_candidates(configuration.route, target, receiver, run), TRIES):
            taken = configuration.route.taken_by(labels)
            if target not in taken:
                continue
            rank = silent, len({route.receiver for route in taken}), len(labels)
            if (best is None or rank < best[0]) and _harmless(configuration, labels, others):
                best = rank, labels
    return None if best is None else best[1]


def starts_a_group(route: Route, labels: Labels, run: str) -> bool:
    """Whether no group of a route can hold such an alert yet: then it is told at once."""
    return any(name == EVERYTHING or run in labels.get(name, "") for name in route.group_by)


def group(route: Route, labels: Labels) -> tuple[str, ...]:
    """What tells the group of an alert from the others of a route."""
    names = sorted(labels) if EVERYTHING in route.group_by else route.group_by
    return tuple(labels.get(name, "") for name in names)


def _harmless(configuration: Configuration, labels: Labels, others: Iterable[Labels]) -> bool:
    return not any(
        rule.between(labels, other) or rule.between(other, labels)
        for other in others
        for rule in configuration.inhibitions
    )


def _candidates(root: Route, target: Route, receiver: str, run: str) -> Iterator[dict[str, str]]:
    """Labels that may lead to a route: the values that matchers of the tree ask for, and all in the way."""
    values = _values(matcher for route in root.all() for matcher in route.matchers)
    values[NAME] = [f"Test-{receiver}-{run}", *values.get(NAME, ())]
    needed = {NAME, *(matcher.name for route in root.way_to(target) for matcher in route.matchers)}
    spare = sorted(values.keys() - needed)
    for extra in chain.from_iterable(combinations(spare, count) for count in range(EXTRA + 1)):
        names = sorted({*needed, *extra})
        choices = [values[name] if name == NAME else ["", *values[name], FREE] for name in names]
        for chosen in product(*choices):
            yield {RUN: run, **{name: value for name, value in zip(names, chosen, strict=True) if value}}


def _values(matchers: Iterable[Matcher]) -> dict[str, list[str]]:
    """Label -> the values that matchers name."""
    found: dict[str, dict[str, None]] = {}
    for matcher in matchers:
        values = found.setdefault(matcher.name, {})
        values.update(dict.fromkeys(_examples(matcher.value) if matcher.regex else [matcher.value]))
    return {name: [value for value in values if value] for name, values in found.items()}


def _examples(pattern: str) -> list[str]:
    """A text for each alternative of a regular expression, where it is a simple one."""
    bare = re.sub(r"^\^?\(?(?:\?:)?(.*?)\)?\$?$", r"\1", pattern)
    simple = (re.sub(r"\\(.)", r"\1", re.sub(r"\.[*+]", FREE, part)) for part in bare.split("|"))
    return [text for text in simple if PLAIN.fullmatch(text) and re.fullmatch(pattern, text)]
