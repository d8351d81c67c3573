"""Baselines and comparisons as JSON documents, and back. Pure.

A baseline's document has `version`; what an exporter does not know it does not read, and what it reads it
checks: the file may have been edited. The texts in it are redacted ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from exporter.analysis.baseline.comparison import Change, Comparison
from exporter.analysis.baseline.regressions import regressions
from exporter.analysis.baseline.snapshot import Baseline, Measured
from exporter.analysis.document import finding_document
from exporter.facts.statement import Counters, StatementKey
from exporter.model.errors import ExporterError

VERSION = 1


class NotABaseline(ExporterError):
    """A file holds something else, or comes from a newer exporter."""


def baseline_document(baseline: Baseline) -> dict[str, Any]:
    """A baseline as JSON has it: all of it."""
    return {
        "version": VERSION,
        "name": baseline.name,
        "target": baseline.target,
        "major": baseline.major,
        "taken_at": baseline.taken_at,
        "seconds": baseline.seconds,
        "lifetime": baseline.lifetime,
        "totals": baseline.totals._asdict(),
        "figures": dict(baseline.figures),
        "table_bytes": dict(baseline.table_bytes),
        "statements": [_measured_document(one) for one in baseline.statements],
    }


def _measured_document(one: Measured) -> dict[str, Any]:
    return {
        **one.key._asdict(),
        "text": one.text,
        "operation": one.operation,
        "tables": list(one.tables),
        "counters": one.counters._asdict(),
    }


def baseline_of(document: Any) -> Baseline:
    """The baseline that a document holds.

    Raises:
        NotABaseline: it holds none that this version reads.
    """
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise NotABaseline(f"no baseline of version {VERSION}")
    try:
        return Baseline(
            name=str(document["name"]),
            target=str(document["target"]),
            major=int(document["major"]),
            taken_at=float(document["taken_at"]),
            seconds=None if document["seconds"] is None else float(document["seconds"]),
            lifetime=bool(document["lifetime"]),
            statements=tuple(_measured(one) for one in document["statements"]),
            totals=_counters(document["totals"]),
            figures={str(name): float(value) for name, value in document["figures"].items()},
            table_bytes={str(name): int(value) for name, value in document["table_bytes"].items()},
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise NotABaseline(f"not a baseline: {type(error).__name__} at {error}") from None


def _measured(document: Mapping[str, Any]) -> Measured:
    return Measured(
        key=StatementKey(str(document["datname"]), str(document["user"]), str(document["id"])),
        text=str(document["text"]),
        operation=str(document["operation"]),
        tables=tuple(map(str, document["tables"])),
        counters=_counters(document["counters"]),
    )


def _counters(document: Mapping[str, Any]) -> Counters:
    return Counters(**{name: float(value) for name, value in document.items()})


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON has it, without the baselines themselves."""
    return {
        "verdict": str(comparison.verdict),
        "reason": comparison.reason,
        "before": _heading(comparison.before),
        "after": _heading(comparison.after),
        "shift": comparison.shift,
        "too_few": comparison.too_few,
        "findings": [finding_document(finding) for finding in regressions(comparison)],
        "statements": [_change_document(change) for change in comparison.changes],
        "new": [_measured_document(one) for one in comparison.new],
        "vanished": [_measured_document(one) for one in comparison.vanished],
        "figures": [asdict(figure) for figure in comparison.figures],
        "tables": {
            name: {"before": sizes[0], "after": sizes[1]} for name, sizes in comparison.tables.items()
        },
    }


def _heading(baseline: Baseline) -> dict[str, Any]:
    names = ("name", "target", "major", "taken_at", "seconds", "lifetime")
    return {name: getattr(baseline, name) for name in names}


def _change_document(change: Change) -> dict[str, Any]:
    return {
        **change.after.key._asdict(),
        "text": change.after.text,
        "operation": change.after.operation,
        "tables": list(change.after.tables),
        "verdict": str(change.verdict),
        "ratio": change.ratio if change.before.counters.mean_ms else None,
        "probability": change.probability,
        "effect_ms_per_second": change.effect,
        "before": _timed(change.before.counters),
        "after": _timed(change.after.counters),
    }


def _timed(counters: Counters) -> dict[str, float]:
    return {
        "calls": counters.calls,
        "mean_ms": counters.mean_ms,
        "stddev_ms": counters.stddev_ms,
        "blocks_per_call": (counters.shared_blks_hit + counters.shared_blks_read) / counters.calls,
    }
