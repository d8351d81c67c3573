"""What a panel shows of its alert: the thresholds as coloured steps, and a sentence that says them."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from mixin import rules
from mixin.dashboards._links import runbook
from mixin.promql import Threshold

COLOURS = {"critical": "red", "warning": "orange", "info": "blue"}
WORST_FIRST = (*COLOURS, "none")
GOOD = "green"
# Grafana colours from a step upwards, its value included: where an alert says `> 3`, three must stay good.
JUST_ABOVE = 1e-6
COUNTS = ("none", "short")

_WORDS = {">": "above", ">=": "from", "<": "below", "<=": "up to", "==": "at"}
Step = tuple[float | None, str]
# One name, or those of alerts on the same expression.
Named = str | tuple[str, ...]
NONE: list[Step] = [(None, GOOD)]


def names(named: Named) -> list[str]:
    """The names of alerts, one by one."""
    return [name for name in ([named] if isinstance(named, str) else named) if name]


def entries(named: Named) -> list[rules.Alert]:
    """The alerts of these names, the worst first.

    Raises:
        LookupError: there is none of a name.
    """
    found = [a for a in rules.alerts() if a.name in names(named)]
    if missing := {*names(named)} - {a.name for a in found}:
        raise LookupError(f"no alert {', '.join(sorted(missing))} in prometheus/rules")
    return sorted(found, key=lambda a: WORST_FIRST.index(a.severity))


def steps(name: Named, unit: str) -> list[Step]:
    """The steps of a panel that draws an alert, from below; the first has no value.

    Raises:
        LookupError: there is no such alert, or it compares with no number.
    """
    found = [(limit(a), COLOURS[a.severity]) for a in entries(name)]
    starts = [_start(threshold, unit) for threshold, _ in found]
    colours = [colour for _, colour in found]
    if _from_below(found[0][0]):
        return list(zip([None, *starts], [*colours, GOOD], strict=True))
    return [(None, GOOD), *zip(reversed(starts), reversed(colours), strict=True)]


def lines(name: Named) -> list[Step]:
    """The steps of a graph, which are lines: each at its threshold, whichever side is the bad one.

    Raises:
        LookupError: there is no such alert, or it compares with no number.
    """
    found = [(limit(a).value, COLOURS[a.severity]) for a in reversed(entries(name))]
    return [(None, GOOD), *sorted(found, key=lambda line: line[0])]


def first(name: Named) -> float:
    """The threshold that is reached first.

    Raises:
        LookupError: there is no such alert, or it compares with no number.
    """
    found = [limit(a) for a in entries(name)]
    return (max if _from_below(found[0]) else min)(threshold.value for threshold in found)


def counted(name: str) -> list[Step]:
    """The steps of a panel that counts what an alert is about: one is enough.

    Raises:
        LookupError: there is no such alert.
    """
    return [(None, GOOD), (1, COLOURS[entries(name)[0].severity])]


def limit(alert: rules.Alert) -> Threshold:
    """The threshold of an alert.

    Raises:
        LookupError: it compares with no number.
    """
    if alert.threshold is None:
        raise LookupError(f"alert {alert.name} compares with no number")
    return alert.threshold


def sentence(named: Named, unit: str) -> str:
    """What the description of a panel says of the alerts whose steps it draws."""
    said = [f"{name}: {', '.join(_limits(name, unit))}." for name in names(named)]
    return f"Alert {' And alert '.join(said)}"


def runbooks(*alerts: str) -> list[Builder[models.DashboardLink]]:
    """A link to the runbook of each alert."""
    return [runbook(name, entries(name)[0].annotations["runbook_url"]) for name in alerts]


def config(found: list[Step]) -> ThresholdsConfig:
    """Steps as Grafana has them."""
    marks = [models.Threshold(value=value, color=colour) for value, colour in found]
    return ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(marks)


def _limits(name: str, unit: str) -> list[str]:
    """The thresholds of an alert in words, the mildest first."""
    return [
        f"{a.severity} {_WORDS[limit(a).comparison]} {_value(limit(a).value, unit)}{_wait(a)}"
        for a in reversed(entries(name))
    ]


def _from_below(threshold: Threshold) -> bool:
    """Whether small values are the bad ones."""
    return threshold.comparison in ("<", "<=") or threshold == Threshold("==", 0)


def _start(threshold: Threshold, unit: str) -> float:
    """Where the colour of a threshold begins, or ends if small values are the bad ones."""
    whole = threshold.value == 0 or unit in COUNTS
    beyond = threshold.comparison in (">", "<=") or threshold == Threshold("==", 0)
    return threshold.value + JUST_ABOVE if whole and beyond else threshold.value


def _wait(alert: rules.Alert) -> str:
    return f" for {alert.wait}" if alert.wait and alert.wait != "0s" else ""


def _value(value: float, unit: str) -> str:
    if unit == "percentunit":
        return f"{value * 100:g} %"
    if unit == "bytes" and value >= 2**20:
        return f"{value / 2**30:g} GiB" if value >= 2**30 else f"{value / 2**20:g} MiB"
    if unit in ("s", "dtdurations") and value >= 60:
        return _duration(value)
    return f"{value:g} s" if unit in ("s", "dtdurations") else f"{value:g}"


def _duration(seconds: float) -> str:
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:g} {word}"
    return f"{seconds:g} s"
