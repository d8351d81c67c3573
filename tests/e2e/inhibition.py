"""What a case of inhibition is: alerts that fire at a time, and which of them are kept quiet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.servers.alerting import shipped_alert

Told = dict[str, Any]


def one(name: str, severity: str = "", **labels: str | None) -> Told:
    """An alert of the case's own job and instance; with None it lacks a label."""
    own: dict[str, str | None] = {"job": "JOB", "instance": "INSTANCE", **labels}
    return shipped_alert(name, severity, **{k: v for k, v in own.items() if v is not None})


def of_job(name: str, severity: str = "", **labels: str | None) -> Told:
    return one(name, severity, instance=None, **labels)


def elsewhere(name: str, **labels: str) -> tuple[Told, ...]:
    """The same alert of another instance, of another target, and in another cluster."""
    return tuple(one(name, **labels, **{place: "another"}) for place in ("instance", "target", "cluster"))


@dataclass(frozen=True)
class Case:
    """Alerts that fire at a time: some keep others quiet, and must not do so to the rest."""

    why: str
    causes: tuple[Told, ...]
    silenced: tuple[Told, ...] = ()
    spared: tuple[Told, ...] = ()
