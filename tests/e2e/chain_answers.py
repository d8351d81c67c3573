"""Every query of every dashboard, asked of a Prometheus that watches real servers under load."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import time
from typing import Any

from mixin.preview.capture import Window, capture
from mixin.preview.prometheus import Prometheus as Asked
from tests.servers.chain import Chain
from tests.workload import wait_until

DASHBOARDS = sorted((Path(__file__).parents[2] / "grafana" / "dashboards").glob("*.json"))
EMPTY = Path(__file__).parents[1] / "mixin" / "panels_without_data.tsv"

SCRAPE_SECONDS = 5
"""What the data source is told: four of these are the window of a rate. Scrapes come every second."""

READY = (
    "count_over_time(instance:pg_transactions:rate5m[1m]) > 15",
    "instance:pg_checkpoints_requested:ratio_1h offset 5s",
    "rate(pg_stat_statements_by_user_calls_total[15s] offset 5s) > 0",
    "pg_autovacuum_analyze_threshold_ratio and pg_autovacuum_vacuum_threshold_ratio",
    'pg_index_properties{is_valid="0"}',
    "pg_stat_progress_blocks > 0",
)
"""What comes only after a while, or comes and goes: some is looked at once a minute."""

SOMETIMES = "sometimes:"
"""How the reason of a query begins that may have data as well, by the machine or the moment."""


def ask_all(chain: Chain) -> dict[str, dict[str, Any]]:
    """Dashboard -> its captured answers, after the load has run for a while."""
    chain.primary.execute("CHECKPOINT")
    wait_until(lambda: all(chain.prometheus.query(expression) for expression in READY), seconds=120)
    now = time()
    asked = Asked(chain.prometheus.url)
    window = Window(start=now - 60, end=now, scrape=SCRAPE_SECONDS)
    return {path.stem: capture(json.loads(path.read_text()), asked, window, {}) for path in DASHBOARDS}


def queries(captured: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    """Each query of a dashboard by panel and refId, with its answer."""
    for identifier, found in captured["answers"].items():
        for answer in found:
            yield (captured["titles"][identifier], answer["refId"]), answer


def exceptions() -> list[dict[str, str]]:
    """The queries that have no data there, and why."""
    with EMPTY.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))
