"""The tables of metrics, from the catalogue."""

from __future__ import annotations

from exporter.cli.catalog import catalogue, legacy, markdown, own
from exporter.collectors import discover

TITLE = "# Metrics\n\n"


def catalogue_tables() -> str:
    """The catalogue as `datastack-exporter catalog` writes it, without its title: the page has one."""
    text = "\n".join(markdown([*catalogue(discover().values()), legacy(), own()]))
    assert text.startswith(TITLE)
    return text.removeprefix(TITLE)


def own_names() -> set[str]:
    """The names of what the exporter says of itself and of its collectors, and those of before."""
    return {metric["name"] for entry in (legacy(), own()) for metric in entry["metrics"]}
