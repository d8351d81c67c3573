"""The exporter: does it answer, is what it says whole and fresh, what does it cost."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Board, Panels, Row
from mixin.dashboards._monitoring import prometheus
from mixin.dashboards._panels import OK, UP, bars, count, graph, heat, stat, state, timeline
from mixin.dashboards._queries import buckets, now, series
from mixin.dashboards._tables import Column, alert_list, firing, table
from mixin.dashboards._variables import labels, target
from mixin.dashboards._web import web

SERVICES = "exporter|prometheus|alertmanager"
FAMILY = '{$target, family=~"$family"}'
STALE = f"exporter_collector_age_seconds{FAMILY} / exporter_collector_period_seconds{FAMILY}"
DROPPED = f"max(increase(exporter_series_dropped_total{FAMILY}[15m]))"
# Whatever the job's name, a target that was an exporter within the day is one.
SCRAPED = "up{$target} and on (job, instance) last_over_time(exporter_build_info{$target}[1d])"
RELOADS = """
    exporter_config_last_reload_successful{$target}
    or label_replace(exporter_web_config_last_reload_successful{$target}, "kind", "web file", "", "")
"""
RESTARTS = """
    max without (job) (
      changes(process_start_time_seconds{$target}[30m]) and on (job, instance) exporter_build_info{$target}
    )
"""


def build() -> Board:
    """For whoever wonders whether the other dashboards tell the truth."""
    return Board(
        title="Exporter",
        about="Does the exporter answer, is what it says whole and fresh, what does it cost.",
        service=SERVICES,
        variables=[
            *target("exporter_build_info"),
            labels("family", "exporter_collector_success{$target}", title="Family"),
        ],
        rows=[
            Row("Health", _health()),
            Row("Problems", _problems()),
            Row("Performance", _performance()),
            Row("Maintenance", _maintenance(), collapsed=True),
            Row("Web side", web(), collapsed=True),
            Row("Prometheus and Alertmanager", prometheus(), collapsed=True),
        ],
        restarts="""
            changes(process_start_time_seconds{$target}[2m]) > 0
            and on (job, instance) exporter_build_info{$target}
        """,
    )


def _health() -> Panels:
    return [
        firing(SERVICES),
        alert_list(SERVICES),
        state(
            "Up",
            "Whether Prometheus reaches every chosen exporter, in all of its jobs. Where it is DOWN nothing "
            "on the other dashboards is of now.",
            UP,
            now(f"min({SCRAPED})", ""),
            alert="ExporterDown",
            watched=["ExporterAbsent"],
        ),
        state(
            "Configuration",
            "Whether the newest attempts to read the configuration and the web file succeeded. After FAILED "
            "the old one goes on; `datastack-exporter check` names the line.",
            OK,
            now(f"min({RELOADS})", ""),
            alert="ExporterConfigReloadFailed",
        ),
        stat(
            "Restarts in 30 minutes",
            "Of the exporter that restarted most. Look in its log for the reason of the end, and in the "
            "kernel's for the OOM killer.",
            units.Short,
            series(f"max({RESTARTS})", ""),
            alert="ExporterRestarting",
        ),
        timeline(
            "Targets over time",
            "Whether the servers behind the exporter answered it. One that ends here has vanished from the "
            "configuration.",
            UP,
            series(f"family:exporter_target_up:min{FAMILY}", "{{family}} {{instance}} {{target}}"),
            watched=["SeriesVanished"],
        ),
    ]


def _problems() -> Panels:
    return [
        count(
            "Collectors that fail",
            "Collectors that gave nothing or not all they should. Maintenance below lists them; "
            "`datastack-exporter check` says why.",
            now(f"count(exporter_collector_success{FAMILY} == 0) or vector(0)", ""),
            alert="CollectorFailing",
        ),
        stat(
            "Stalest collector",
            "Age of the oldest background result, in periods of its collector: 1 is usual, more means late.",
            units.Short,
            series(f"max({STALE})", ""),
            alert="CollectorStale",
        ).decimals(1),
        stat(
            "Dropped in 15 minutes",
            "Samples left out by the collector that is furthest over its limit of series: the page is not "
            "whole.",
            units.Short,
            series(DROPPED, ""),
            alert="ExporterSeriesDropped",
        ),
        timeline(
            "Scrapes over time",
            "Whether Prometheus got a page, by job.",
            UP,
            series(SCRAPED, "{{job}} {{instance}}"),
            alert="ExporterDown",
        ),
        graph(
            "Collectors that fail, by family",
            "All collectors of a family at once: its server is down. A single one: missing rights or a "
            "defect.",
            units.Short,
            series(
                f"""
                count by (instance, target, family) (exporter_collector_success{FAMILY} == 0)
                or 0 * count by (instance, target, family) (exporter_collector_success{FAMILY})
                """,
                "{{family}} {{instance}} {{target}}",
            ),
            watched=["CollectorFailing"],
        ).axis_soft_max(4),
        graph(
            "Stalest collector, by family",
            "Age of the oldest background result, in periods of its collector.",
            units.Short,
            series(f"max by (instance, target, family) ({STALE})", "{{family}} {{instance}} {{target}}"),
            alert="CollectorStale",
        ).decimals(1),
    ]


def _performance() -> Panels:
    return [
        graph(
            "Scrape duration",
            "How long the answers to scrapes took, by the exporter's own clock. Prometheus gives up at its "
            "scrape_timeout.",
            units.Seconds,
            *(series(_quantile(part), f"p{part * 100:g} {{{{instance}}}}") for part in (0.5, 0.99)),
        ),
        heat(
            "Scrapes by duration",
            "Two bands are two kinds of scrape: jobs that ask for much and jobs that ask for little.",
            units.Seconds,
            buckets(
                "sum by (le) (increase(exporter_scrape_duration_seconds_bucket{$target}[$__rate_interval]))"
            ),
        ),
        bars(
            "Slowest collectors",
            "The eight whose last run took longest. Those with a period of a minute or more run in the "
            "background and do not delay a scrape.",
            units.Seconds,
            now(
                f"topk(8, max by (family, collector) (exporter_collector_duration_seconds{FAMILY}))",
                "{{family}} {{collector}}",
            ),
        ),
        graph(
            "Samples in a scrape",
            "What Prometheus stores of each scrape. A step up is a new label value: a table, a database, a "
            "user.",
            units.Short,
            series(
                "scrape_samples_post_metric_relabeling{$target} and on (job, instance) "
                "exporter_build_info{$target}",
                "{{job}} {{instance}}",
            ),
        ),
        graph(
            "CPU",
            "Processor time of the exporter; 1 is a whole core.",
            units.PercentUnit,
            series(_of_process("rate(process_cpu_seconds_total{$target}[$__rate_interval])"), "{{instance}}"),
        ),
        graph(
            "Memory",
            "Resident memory of the exporter. It settles within the first hour.",
            units.BytesIEC,
            series(_of_process("process_resident_memory_bytes{$target}"), "{{instance}}"),
        ),
    ]


def _maintenance() -> Panels:
    keys = ["instance", "target", "family", "collector"]

    def column(title: str, expr: str, unit: str, alert: str = "") -> Column:
        return Column(title, f"max by ({', '.join(keys)}) ({expr})", unit, alert)

    return [
        table(
            "Collectors",
            "What each collector gave: those that failed first, and how late and how slow each one is.",
            keys,
            column("failed", f"1 - exporter_collector_success{FAMILY}", units.Short),
            column(
                "periods late",
                f"({STALE}) or 0 * exporter_collector_success{FAMILY}",
                units.Short,
                "CollectorStale",
            ),
            column("duration", f"exporter_collector_duration_seconds{FAMILY}", units.Seconds),
            column("period", f"exporter_collector_period_seconds{FAMILY}", units.Seconds),
            column(
                "dropped",
                f"increase(exporter_series_dropped_total{FAMILY}[15m])",
                units.Short,
                "ExporterSeriesDropped",
            ),
            watched=["CollectorFailing"],
        ),
        table(
            "Collectors that were skipped",
            "Collectors that rightly gave nothing, with the reason: not supported here, switched off, no "
            "rights.",
            [*keys, "reason"],
            Column(
                "skipped",
                f"max by ({', '.join(keys)}, reason) (exporter_collector_skipped{FAMILY})",
                units.Short,
            ),
        ).span(12),
        table(
            "Versions",
            "The versions of the chosen exporters and of their Python.",
            ["instance", "version", "python_version"],
            Column(
                "exporters",
                "max by (instance, version, python_version) (exporter_build_info{$target})",
                units.Short,
            ),
        ).span(12),
    ]


def _quantile(part: float) -> str:
    rates = "rate(exporter_scrape_duration_seconds_bucket{$target}[$__rate_interval])"
    return f"histogram_quantile({part}, sum by (instance, le) ({rates}))"


def _of_process(expr: str) -> str:
    """Of the exporters' processes only, once each: their page is the same in every job."""
    return f"max without (job) ({expr} and on (job, instance) exporter_build_info{{$target}})"
