"""The shipped dashboards with their pictures, from grafana/dashboards/*.json."""

from __future__ import annotations

import json
from pathlib import Path

from tests.docs.table import code, table

ROOT = Path(__file__).parents[2]
FIRST = (
    "overview",
    "application",
    "errors",
    "business",
    "slo",
    "postgres",
    "queries",
    "tables",
    "replication",
)


def dashboards() -> str:
    """A row for each, then a picture of each as it opens; those of applications first."""
    paths = {path.stem: path for path in (ROOT / "grafana" / "dashboards").glob("*.json")}
    names = [name for name in FIRST if name in paths] + sorted(set(paths) - set(FIRST))
    found = {name: json.loads(paths[name].read_text()) for name in names}
    rows = [
        (f"[{one['title']}](#{name})", code(one["uid"]), one["description"]) for name, one in found.items()
    ]
    pictures = [f"### {name}\n\n![{found[name]['title']}](images/dashboards/{name}.png)" for name in names]
    return "\n\n".join([table(("dashboard", "uid", "answers"), rows), *pictures])
