"""How much noise the alerts make, from the figures that `make noise` has written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.docs.table import code, table

RESULTS = Path(__file__).parents[1] / "recorded" / "noise" / "results.json"
PEOPLE = {"pagerduty": "pager", "email": "mail"}
RECEIVERS = ("pagerduty", "email", "slack-critical", "slack-warning", "slack-info", "slack-business")


def tables() -> str:
    """What was false, and what each incident told whom."""
    found = json.loads(RESULTS.read_text())
    return "\n\n".join((summary(found), false_alerts(found), incidents(found), receivers(found)))


def summary(found: Mapping[str, Any]) -> str:
    """The figures in one table."""
    false, told = sum(found["false"].values()), _told(found, "shipped")
    one_by_one, grouped = _told(found, "one by one"), _told(found, "grouped")
    fleet = found["fleet"]
    entries = {(f["alert"], f["severity"]) for f in found["quiet"]}
    pages = sum(f["times"] for f in found["quiet"] if f["severity"] == "critical")
    rows = [
        ("pages in a quiet week", str(pages)),
        (
            "alerts that fired in a quiet week",
            f"{len(entries)} of {found['alerts']}: {share(len(entries), found['alerts'])}",
        ),
        ("alerts that its blips set off, and `for` held back", str(sum(f["times"] for f in found["waited"]))),
        ("notifications about nothing, in the quiet week and the two days after it", str(false)),
        ("of all notifications of these nine days", share(false, false + told)),
        ("notifications of eight incidents, one for each alert and receiver", str(one_by_one)),
        ("with grouping alone", f"{grouped}: {share(one_by_one - grouped, one_by_one)} saved"),
        ("with grouping and inhibition, as shipped", f"{told}: {share(one_by_one - told, one_by_one)} saved"),
        (f"the last of them in {fleet['stacks']} stacks at once, one by one", str(_all(fleet, "one by one"))),
        ("with grouping and inhibition", _saved(fleet)),
        ("incidents of which the right receiver was told", _right(found["incidents"])),
    ]
    return table(("figure", "value"), rows)


def false_alerts(found: Mapping[str, Any]) -> str:
    """Alerts about nothing."""
    rows = [
        (code(f["alert"]), f["severity"], when, str(f["times"]), str(f["minutes"]))
        for when, part in (("quiet week", "quiet"), ("days of incidents", "strangers"))
        for f in found[part]
    ]
    if not rows:
        return "No alert fired in the quiet week."
    return table(("alert about nothing", "severity", "when", "times", "minutes"), rows)


def incidents(found: Mapping[str, Any]) -> str:
    """A row for each incident."""
    rows = [
        (
            one["name"],
            str(sum(f["times"] for f in one["fired"])),
            *(str(_all(one, variant)) for variant in ("one by one", "grouped", "shipped")),
            f"{code(one['cause'])} at {PEOPLE.get(one['receiver'], one['receiver'])}",
            "never" if one["delay_minutes"] is None else f"{one['delay_minutes']:.1f} min",
        )
        for one in found["incidents"]
    ]
    head = ("incident", "alerts", "one by one", "grouped", "as shipped", "the cause is told", "after")
    return table(head, rows)


def receivers(found: Mapping[str, Any]) -> str:
    """Notifications of all incidents by receiver."""
    rows = [
        (
            PEOPLE.get(name, name),
            *(
                str(sum(one["told"][variant].get(name, 0) for one in found["incidents"]))
                for variant in ("one by one", "grouped", "shipped")
            ),
        )
        for name in RECEIVERS
    ]
    return table(("receiver", "one by one", "grouped", "as shipped"), rows)


def share(part: float, whole: float) -> str:
    """A share in percent; nothing of nothing is 0."""
    return f"{100 * part / whole if whole else 0:.0f} %"


def _told(found: Mapping[str, Any], variant: str) -> int:
    return sum(_all(one, variant) for one in found["incidents"])


def _all(one: Mapping[str, Any], variant: str) -> int:
    return sum(one["told"][variant].values())


def _saved(one: Mapping[str, Any]) -> str:
    before, after = _all(one, "one by one"), _all(one, "shipped")
    return f"{after}: {share(before - after, before)} saved"


def _right(incidents_: Sequence[Mapping[str, Any]]) -> str:
    return f"{sum(one['delay_minutes'] is not None for one in incidents_)} of {len(incidents_)}"
