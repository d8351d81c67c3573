"""Service level objectives: how much of the error budget is left, and how fast it is spent."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Panel

from mixin.dashboards._board import Board, Panels, Row
from mixin.dashboards._jobs import dashed
from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import graph, stat
from mixin.dashboards._queries import now, series
from mixin.dashboards._tables import Column, alert_list, firing, table
from mixin.dashboards._variables import labels, target

SLO = '{job=~"$job", slo=~"$slo"}'
WHICH = "{{slo}} {{job}}"
LEFT = f"slo:error_budget_remaining:ratio30d{SLO}"
# Alert: the long window says that it matters, the short one that it still goes on.
WINDOWS = {
    "ErrorBudgetBurnFast": ("1h", "5m"),
    "ErrorBudgetBurn": ("6h", "30m"),
    "ErrorBudgetBurnSlow": ("1d", "2h"),
    "ErrorBudgetBurnTrickle": ("3d", "6h"),
}
SPENT = {
    "ErrorBudgetBurnFast": "gone in about two days, or sooner. Users notice now",
    "ErrorBudgetBurn": "gone in five days",
    "ErrorBudgetBurnSlow": "gone in ten days. It can wait until work hours",
    "ErrorBudgetBurnTrickle": "gone when the month ends",
}
FLOOR = "An alert also wants more than ten failures in the long window."


def build() -> Board:
    """For whoever is paged for a burn rate, and for whoever decides on risky changes."""
    return Board(
        title="Service level objectives",
        about="How much of the error budget of 30 days is left, and how fast it is spent.",
        service="application",
        variables=[
            *target("http_requests_total"),
            labels("slo", 'slo:requests:increase5m{job=~"$job"}', title="Objective"),
        ],
        rows=[
            Row("Health", [*_health(), _objectives()]),
            Row("Problems", [_windows(alert) for alert in WINDOWS]),
            Row("Performance", _performance()),
        ],
    )


def _health() -> Panels:
    return [
        firing("application"),
        alert_list("application"),
        *(_burn(alert) for alert in WINDOWS),
        stat(
            "Budget spent",
            "Of the failures that an objective allows in 30 days, for the objective with the most. Beyond "
            "100 %: put off risky changes.",
            units.PercentUnit,
            now(f"max(slo:burn_rate:30d{SLO})", ""),
            alert="ErrorBudgetExhausted",
        )
        .decimals(0)
        .no_value("within an hour"),
        stat(
            "Budget left",
            "Of the objective with the least. A window that is longer than the history counts only what was "
            "there.",
            units.PercentUnit,
            now(f"min({LEFT})", ""),
            watched=["ErrorBudgetExhausted"],
        )
        .decimals(0)
        .no_value("within an hour"),
    ]


def _burn(alert: str) -> stats.Panel:
    long, short = WINDOWS[alert]
    return stat(
        f"Burn rate {long} and {short}",
        f"The lesser of both windows, for the objective with the most: at the limit the budget is "
        f"{SPENT[alert]}.",
        units.Short,
        now(f"max({_lesser(alert)})", ""),
        alert=alert,
    ).no_value("not known yet")


def _lesser(alert: str) -> str:
    long, short = (f"slo:burn_rate:{window}{SLO}" for window in WINDOWS[alert])
    return f"({long} < {short} or {short})"


def _objectives() -> Builder[Panel]:
    burns = (Column(f"burn {WINDOWS[a][0]}", _lesser(a), units.Short, a) for a in WINDOWS)
    return table(
        "Objectives",
        f"Each objective of each job, with the lesser burn rate of both windows. {FLOOR}",
        ["job", "slo"],
        Column("budget spent", f"slo:burn_rate:30d{SLO}", units.PercentUnit, "ErrorBudgetExhausted"),
        *burns,
        Column("requests, 30 days", f"slo:requests:increase30d{SLO}", units.Short),
        Column("failures, 30 days", f"slo:errors:increase30d{SLO}", units.Short),
    ).height(5)


def _windows(alert: str) -> timeseries.Panel:
    long, short = WINDOWS[alert]
    return graph(
        f"Burn rates over {long} and {short}",
        f"1 spends the budget in exactly 30 days. Both windows have to be above the line. {FLOOR}",
        units.Short,
        series(f"slo:burn_rate:{long}{SLO}", f"{long} {WHICH}"),
        series(f"slo:burn_rate:{short}{SLO}", f"{short} {WHICH}"),
        alert=alert,
    )


def _performance() -> Panels:
    return [
        graph(
            "Budget left over time",
            "A slope is what goes on, a step is an incident. It rises again when bad days leave the window.",
            units.PercentUnit,
            series(LEFT, WHICH),
            watched=["ErrorBudgetExhausted"],
            low=0,
        )
        .max(1)
        .no_value("within an hour"),
        _missing().data_links([drill("Errors", to("errors"))]),
        graph(
            "Requests counted",
            "Requests a second that the objective counts. With few of them a single failure is a high burn "
            "rate.",
            units.RequestsPerSecond,
            series(f"slo:requests:increase5m{SLO} / 300", WHICH),
        ),
        graph(
            "Failures counted",
            "Failures a second, or requests that were too slow.",
            units.RequestsPerSecond,
            series(f"slo:errors:increase5m{SLO} / 300", WHICH),
        ),
    ]


def _missing() -> timeseries.Panel:
    missed = f"slo:errors:increase5m{SLO} / (slo:requests:increase5m{SLO} > 0)"
    allowed = 'slo:objective:ratio{slo=~"$slo"}'
    panel = graph(
        "Requests that miss the objective",
        "Part of the requests of five minutes that failed, or took longer than the objective allows. Above "
        "its dashed line the budget is spent too fast.",
        units.PercentUnit,
        series(missed, WHICH),
        series(f"1 - {allowed}", "allowed for {{slo}}"),
        watched=["ErrorBudgetBurnFast"],
    )
    for name, colour in (("availability", "#b877d9"), ("latency", "#8e8e8e")):
        panel = dashed(panel, f"allowed for {name}", colour)
    return panel
