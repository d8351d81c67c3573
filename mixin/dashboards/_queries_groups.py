"""Statements: the open panels on what statements do to which table, and on slow queries."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models import units

from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import graph, stacked, stat, tinted
from mixin.dashboards._queries import series
from mixin.dashboards._tables import Column, cell_link, table
from mixin.dashboards._top import among

OF_DATABASE = '{$target, datname=~"$datname"}'
GROUP = ("datname", "operation", "table")
BY_GROUP = f"sum by ({', '.join(GROUP)})"
LEGEND = "{{operation}} {{table}} {{datname}}"
REST = (
    "A statement belongs to the first table that it names; other: what is not among the 100 busiest; "
    "unknown: its text has not been read yet."
)
MISSING = "no pg_stat_statements"


def slow_now() -> stats.Panel:
    """How many slow queries run at this moment."""
    return stat(
        "Slow queries",
        "Queries of clients that have been running for longer than postgres.slow_running_seconds, a second "
        "by default. Sessions below says whose; `datastack-exporter analyze` says why and what to do.",
        units.Short,
        series(f"sum(pg_slow_queries_running{OF_DATABASE})", ""),
    ).no_value("not measured")


def slow_part() -> stats.Panel:
    """The part of all calls that are slow."""
    return stat(
        "Slow calls",
        "Of all calls, those of statements that took postgres.slow_query_seconds or longer in the mean, "
        "0.1 s by default, between two looks 30 seconds apart; 0 where nothing has ended.",
        units.PercentUnit,
        series(
            f"sum({rate('slow_calls')}) / (sum({rate('calls')}) > 0) or 0 * sum({rate('calls')})",
            "",
        ),
        watched=["HighSlowQueryRate"],
    ).no_value(MISSING)


def busiest_groups() -> tables.Panel:
    """What takes the time: one line for each operation and table."""
    most = f"topk(10, {rate('seconds')})"
    panel = table(
        "Operations and tables",
        "The 10 that take most time. A high p95 beside a low mean is a few slow calls among many: an unlucky "
        "parameter, a lock, a cold cache; both are of the last two minutes, the p95 is an estimate. "
        f"{REST} Click a database for its tables.",
        ["instance", "target", *GROUP],
        Column("at a time", most, units.Short),
        Column("calls", among(rate("calls"), most, *GROUP), units.OpsPerSecond),
        Column("slow calls", among(rate("slow_calls"), most, *GROUP), units.OpsPerSecond),
        Column("rows by call", among(_by_call("rows"), most, *GROUP), units.Short),
        Column(
            "mean duration", among(f"pg_statements_mean_seconds{OF_DATABASE}", most, *GROUP), units.Seconds
        ),
        Column("p95", among(f"pg_statements_p95_seconds{OF_DATABASE}", most, *GROUP), units.Seconds),
        Column("longest", among(f"pg_statements_max_seconds{OF_DATABASE}", most, *GROUP), units.Seconds),
        watched=["HighSlowQueryRate"],
    )
    panel.no_value("not known")
    return cell_link(panel, "datname", "Tables", to("tables", "instance", "datname", row=True))


def slow_calls() -> timeseries.Panel:
    """Who is slow, and since when."""
    panel = stacked(
        "Slow calls by operation and table",
        "The 10 with most calls of statements that took postgres.slow_query_seconds or longer in the mean, "
        "all chosen servers together; none where nothing is slow. New here: a plan that changed, a table "
        "that grew, a lock.",
        units.OpsPerSecond,
        series(_most("slow_calls"), LEGEND),
        watched=["HighSlowQueryRate"],
    )
    return tinted(panel.no_value(MISSING), {"^none": "green"})


def slow_queries() -> timeseries.Panel:
    """Those that run too long now, and how often that begins."""
    none = f'label_replace(0 * sum(pg_slow_queries_running{OF_DATABASE}), "datname", "none", "", "")'
    return graph(
        "Slow queries over time",
        "By database. Running: at that moment, for longer than postgres.slow_running_seconds. A minute: how "
        "many more were found. Many short ones are a slow statement; few that stay are a lock or a report.",
        units.Short,
        series(f"sum by (datname) (pg_slow_queries_running{OF_DATABASE}) > 0", "running {{datname}}"),
        series(
            f"60 * sum by (datname) (rate(pg_slow_queries_total{OF_DATABASE}[$__rate_interval])) > 0 "
            f"or on () {none}",
            "a minute {{datname}}",
        ),
        watched=["PostgresBlockedSessions"],
    ).no_value("not measured")


def time_by_group() -> timeseries.Panel:
    """What takes the time, over time."""
    panel = stacked(
        "Statements at a time by operation and table",
        "Time spent in statements, by time: the 10 that took most, all chosen servers together. Whatever "
        f"grew is the cause, or waits for it. {REST}",
        units.Short,
        series(_most("seconds"), LEGEND),
    ).no_value(MISSING)
    return panel.data_links([drill("Tables of ${__field.labels.datname}", to("tables", "datname"))])


def p95_by_group() -> timeseries.Panel:
    """How long the slower calls take."""
    return graph(
        "p95 by operation and table",
        "The 10 with the highest. 95 of 100 calls of the last two minutes took less: an estimate from mean "
        "and standard deviation of each statement. Only a hint where calls of one statement are "
        "either quick or very slow.",
        units.Seconds,
        series(f"topk(10, max by ({', '.join(GROUP)}) (pg_statements_p95_seconds{OF_DATABASE}))", LEGEND),
        watched=["HighSlowQueryRate"],
    ).no_value(MISSING)


def rate(of: str) -> str:
    """How fast a counter of the groups grows."""
    return f"rate(pg_statements_{of}_total{OF_DATABASE}[$__rate_interval])"


def _most(of: str) -> str:
    """The 10 groups whose counter grows fastest; `none` where none grows, nothing where none is known."""
    none = f'label_replace(0 * sum({rate("calls")}), "operation", "none", "", "")'
    return f"topk(10, {BY_GROUP} ({rate(of)}) > 0) or on () {none}"


def _by_call(of: str) -> str:
    return f"{rate(of)} / ({rate('calls')} > 0)"
