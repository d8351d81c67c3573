"""Lists every metric that this build can export, as Markdown or JSON."""

from __future__ import annotations

import json
from argparse import _ArgumentGroup
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from exporter import __version__
from exporter.cli._options import Options
from exporter.model.collector import Named
from exporter.model.metric import Metric
from exporter.model.view import SUPPORTED_MAJORS, View, ViewMetric, at
from exporter.settings import Settings

Entry = dict[str, Any]
POSTGRES_DOCS = "https://www.postgresql.org/docs/current/"


def add_options(group: _ArgumentGroup) -> None:
    """`--format markdown|json`: `options.format`."""
    group.add_argument(
        "--format", choices=("markdown", "json"), default="markdown", help="Format (default: markdown)."
    )


def run(settings: Settings, options: Options) -> int:  # noqa: ARG001  # all there is, whatever is switched on
    """Writes the catalogue to standard output; needs no target."""
    entries = [*catalogue(options.collectors.values()), legacy(), own()]
    if options.format == "json":
        print(json.dumps({"version": __version__, "collectors": entries}, indent=2, ensure_ascii=False))
    else:
        print("\n".join(markdown(entries)))
    return 0


def catalogue(collectors: Iterable[Named]) -> list[Entry]:
    """The collectors, each with its metrics, as plain values.

    A collector has `name`, `family`, `help`, `source`, `default`, `every_seconds`, `needs`, `docs` and
    `metrics`. That of a PostgreSQL view also has `scope` and `sources`: major version -> what it reads there.
    """
    return [_collector(named) for named in collectors]


def legacy() -> Entry:
    """The names of earlier releases of postgres_exporter, in the shape of a collector.

    Not among them are those that only have other labels then: their collector has them.
    """
    from exporter.scrape.legacy_names import OLD_NAMES  # noqa: PLC0415

    return {
        "name": "legacy_names",
        "family": "postgres",
        "help": "What other collectors give, under the names of earlier releases of postgres_exporter.",
        "source": "postgres",
        "default": False,
        "switch": "--compat.legacy-names",
        "every_seconds": None,
        "docs": "",
        "metrics": [_metric(old.metric) for old in OLD_NAMES if old.metric.name not in old.of],
    }


def own() -> Entry:
    """What the exporter says of itself and of its collectors, in the shape of a collector."""
    from exporter.http.own import OwnMetrics  # noqa: PLC0415
    from exporter.scrape import report  # noqa: PLC0415
    from exporter.slow_log.sink import METRICS  # noqa: PLC0415

    process = (metric._replace(labels=labels) for metric, labels in OwnMetrics().metrics())
    return {
        "name": "exporter",
        "family": "exporter",
        "help": "What the exporter says of itself and of its collectors.",
        "source": "",
        "default": True,
        "every_seconds": None,
        "docs": "",
        "metrics": [_metric(metric) for metric in (*report.METRICS, *METRICS, *process)],
    }


def _collector(named: Named) -> Entry:
    spec = named.spec
    entry: Entry = {
        "name": named.name,
        "family": named.family,
        "help": spec.help,
        "source": spec.source,
        "default": spec.default,
        "every_seconds": spec.every_seconds,
        "needs": list(spec.needs),
        "docs": spec.docs,
    }
    if isinstance(spec.view, View):
        return entry | _view(spec.view)
    return entry | {"metrics": [_metric(metric) for metric in spec.metrics]}


def _view(view: View) -> Entry:
    sources = {major: at(view.source, major) for major in SUPPORTED_MAJORS}
    return {
        "docs": POSTGRES_DOCS + view.docs,
        "scope": str(view.scope),
        "sources": {str(major): source for major, source in sources.items() if source is not None},
        "metrics": [_view_metric(view, metric) for metric in view.metrics],
    }


def _view_metric(view: View, metric: ViewMetric) -> Entry:
    majors = [major for major in SUPPORTED_MAJORS if metric in view.metrics_at(major)]
    return _metric(view.metric(metric)) | {"majors": majors, "example": metric.eg}


def _metric(metric: Metric) -> Entry:
    return {
        "name": metric.name,
        "type": str(metric.kind),
        "labels": list(metric.labels),
        "help": metric.help,
    }


def markdown(entries: Sequence[Entry]) -> Iterable[str]:
    """The catalogue as the lines of a page: a heading for each family and collector, a table of metrics."""
    count = sum(len(entry["metrics"]) for entry in entries)
    yield f"# Metrics\n\n{count} metrics of {len(entries)} collectors, version {__version__}."
    for family in dict.fromkeys(entry["family"] for entry in entries):
        yield f"\n## {family}"
        for entry in (e for e in entries if e["family"] == family):
            yield f"\n### {entry['name']}\n\n{entry['help']} {_facts(entry)}\n"
            yield from _table(entry["metrics"])


def _facts(entry: Mapping[str, Any]) -> str:
    switch = entry.get("switch", f"--collector.{_flag(entry['name'])}")
    facts = ["On by default." if entry["default"] else f"Off by default: `{switch}`."]
    if entry["every_seconds"]:
        facts.append(f"Every {entry['every_seconds']:g} seconds, in the background.")
    if entry.get("scope") == "database":
        facts.append("In each database.")
    if entry.get("needs"):
        facts.append(f"Needs {', '.join(entry['needs'])}.")
    if "sources" in entry:
        facts.append(f"PostgreSQL {_span([int(major) for major in entry['sources']])}.")
    if entry["docs"]:
        docs = entry["docs"]
        facts.append(f"[Documentation]({docs})" if docs.startswith("https://") else f"From {docs}.")
    return " ".join(facts)


def _flag(name: str) -> str:
    return name.replace("_", "-")


def _table(metrics: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    is_view = any("majors" in metric for metric in metrics)
    yield "| metric | type | labels | " + ("PostgreSQL | example | " if is_view else "") + "help |"
    yield "| --- | --- | --- | " + ("--- | --- | " if is_view else "") + "--- |"
    for metric in metrics:
        cells = [f"`{metric['name']}`", metric["type"], ", ".join(metric["labels"])]
        if is_view:
            cells += [_span(metric["majors"]), f"{metric['example']}"]
        yield "| " + " | ".join(cell.replace("|", r"\|") for cell in [*cells, metric["help"]]) + " |"


def _span(majors: Sequence[int]) -> str:
    """`13-18`, `17`, or `13, 15-18`: runs of major versions."""
    runs: list[list[int]] = []
    for major in majors:
        if runs and runs[-1][-1] == major - 1:
            runs[-1].append(major)
        else:
            runs.append([major])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
