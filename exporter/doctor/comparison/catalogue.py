"""Why a metric that the other page has is not on ours: what the catalogue and the last run say of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from exporter.doctor.comparison.known import RENAMED
from exporter.doctor.comparison.page import Page
from exporter.doctor.explanation import NEEDS, WORDS
from exporter.model.collector import Named
from exporter.model.snapshot import Outcome, State
from exporter.scrape.legacy_names import OLD_NAMES, Old

UNKNOWN = "no collector of this build has it"
OF_QUERIES = f"{UNKNOWN}; if it comes from a file of queries, that file can be read here"
OLD_NAME = "an old name, and today's is here"


class Why(NamedTuple):
    """Why a metric is not on our page.

    Attributes:
        reason: why, and what mends it; a sentence without its full stop, the same for many metrics.
        today: the name that it has today, where it is an old one; else empty.
    """

    reason: str
    today: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What this installation could export, and what became of it on our page.

    Attributes:
        collectors: all collectors, by name.
        on: the names of those that are switched on.
        outcomes: what became of those that ran.
        page: the names of the metrics on our page.
        release: that of the other exporter, as `release_of` says.
    """

    collectors: Mapping[str, Named]
    on: Collection[str]
    outcomes: Sequence[Outcome]
    page: Collection[str]
    release: str = ""

    def why_missing(self, metric: str) -> Why:
        """Why our page does not have a metric."""
        having = [named for named in self.collectors.values() if _has(named, metric)]
        if having:
            return Why("; ".join(dict.fromkeys(map(self._state, self._nearest(having)))))
        old = next((old for old in OLD_NAMES if old.metric.name == metric), None)
        today = RENAMED.get(metric) if old is None else old.of[0]
        if today is None:
            return Why(OF_QUERIES if metric.startswith("pg_") else UNKNOWN)
        if today not in self.page:
            return Why(self.why_missing(today).reason, today)
        return Why(OLD_NAME if old is None else f"{OLD_NAME}; {self._switch(old)}", today)

    def _switch(self, old: Old) -> str:
        newest = max(old.releases, key=lambda release: (len(release), release))
        shown = self.release if self.release in old.releases else newest
        return f"--compat.legacy-names={shown} shows the old one as well"

    def _nearest(self, having: Iterable[Named]) -> list[Named]:
        """Those whose run says most: the ones that are on, else all."""
        listed = list(having)
        return [named for named in listed if named.name in self.on] or listed

    def _state(self, named: Named) -> str:
        name = f"collector {named.name}"
        setting = NEEDS[named.spec.source]
        outcome = next((o for o in self.outcomes if o.collector == named.name), None)
        if named.name not in self.on:
            return f"{name} has it and is off: --collector.{named.name.replace('_', '-')} switches it on"
        if outcome is None:
            return f"{name} has it, and no target: {setting} is not set"
        if outcome.state is State.OK:
            return f"{name} has it, and the target gave it no value: datastack-exporter explain {named.name}"
        return f"{name} has it, and is {WORDS[outcome.state]}: {outcome.text or outcome.reason}"


def release_of(page: Page) -> str:
    """The release of the postgres_exporter that a page is of, as `0.11`; empty if it does not say."""
    family = page.families.get("postgres_exporter_build_info")
    version = dict(next(iter(family.series), ())).get("version", "") if family is not None else ""
    return ".".join(version.split(".")[:2])


def _has(named: Named, metric: str) -> bool:
    return any(
        re.fullmatch(re.sub(r"<[^>]*>", ".+", declared.name), metric)
        if declared.is_pattern
        else declared.name == metric
        for declared in named.spec.metrics
    )
