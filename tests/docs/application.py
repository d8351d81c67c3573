"""The table of the metrics that applications export, from mixin/application_metrics.tsv."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.docs.table import table

METRICS = Path(__file__).parents[2] / "mixin" / "application_metrics.tsv"


def metrics() -> str:
    """A row for each metric, in the order of the file."""
    with METRICS.open(newline="") as lines:
        rows = [
            (f"`{row['name']}`", row["type"], row["labels"].replace(",", ", "), row["unit"], row["help"])
            for row in csv.DictReader(lines, delimiter="\t")
        ]
    return table(("metric", "type", "labels", "unit", "help"), rows)
