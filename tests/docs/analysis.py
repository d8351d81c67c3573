"""How much an analysis finds of what is wrong, from the figures that `make judge` has written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.docs.noise import share
from tests.docs.table import table

RESULTS = Path(__file__).parents[1] / "recorded" / "analysis" / "results.json"
KINDS = {
    "missing_index": "missing indexes",
    "covering_index": "indexes that could answer alone",
    "trigram_index": "trigram indexes",
    "gin_index": "GIN indexes",
    "unused_index": "unused indexes",
    "duplicate_index": "duplicate indexes",
    "invalid_index": "invalid indexes",
    "unindexed_foreign_key": "foreign keys without an index",
    "table_bloat": "bloated tables",
    "index_bloat": "bloated indexes",
    "vacuum_debt": "VACUUM overdue, or off",
    "analyze_debt": "ANALYZE overdue",
    "sequential_scans": "tables read as a whole",
    "cache_misses": "cache misses",
    "setting": "settings",
    "client": "behaviour of clients",
    "n_plus_one": "N+1",
    "anti_pattern": "anti-patterns",
    "wraparound": "wraparound",
}
WHY = {
    "expression with a constant": (
        "In pg_stat_statements the constant of `meta->>'order'` is a parameter, and no index has one."
    ),
    "order by an expression with LIMIT": "Orders by anything but columns are not looked at.",
    "within a function in PL/pgSQL": (
        "The text has the function's variables where parameters would be, so it has no plan."
    ),
    "implicit_cast: value of another type, from the driver": (
        "The type of a value is not in the text: the plan is that of the right type."
    ),
    "expression, a cast": "Without HypoPG, only expressions are suggested that are IMMUTABLE for sure.",
    "an index that could answer alone": "Only HypoPG can tell.",
}
"""Why a defect is missed; each that is has to stand here."""

Kinds = Mapping[str, Mapping[str, Any]]


def tables() -> str:
    """Recall and precision by kind; with HypoPG and without; plans; and what is missed."""
    found = json.loads(RESULTS.read_text())
    return "\n\n".join((by_kind(found), by_server(found), missed(found)))


def by_kind(found: Mapping[str, Any]) -> str:
    """A row for each kind, on the server with HypoPG."""
    rows = [(KINDS[kind], *_figures(of)) for kind, of in found["kinds"].items()]
    head = (f"PostgreSQL {found['hypopg']} with HypoPG", "defects", "found", "findings", "wrong")
    return table((*head, "recall", "precision"), rows)


def by_server(found: Mapping[str, Any]) -> str:
    """Missing indexes and plans on each version."""
    rows = []
    for major, plans in found["plans"].items():
        with_hypopg = int(major) == found["hypopg"]
        of = (found["kinds"] if with_hypopg else found["without_hypopg"][major])["missing_index"]
        *_, recall, precision = _figures(of)
        name = f"{major}, with HypoPG" if with_hypopg else major
        explained = f"{plans['explained']} of {plans['asked']}: {share(plans['explained'], plans['asked'])}"
        rows.append((name, recall, precision, explained))
    head = ("PostgreSQL", "missing indexes: recall", "precision", "statements of the application with a plan")
    return table(head, rows)


def missed(found: Mapping[str, Any]) -> str:
    """Each defect that is not found, and why."""
    everywhere = dict.fromkeys(name for of in found["kinds"].values() for name in of["missed"])
    elsewhere = dict.fromkeys(
        name for kinds in found["without_hypopg"].values() for of in kinds.values() for name in of["missed"]
    )
    rows = [(name, "", WHY[name]) for name in everywhere]
    rows += [(name, "without HypoPG", WHY[name]) for name in elsewhere if name not in everywhere]
    return table(("missed", "where", "why"), rows)


def _figures(of: Mapping[str, Any]) -> tuple[str, ...]:
    hit, lost, right, wrong = of["found"], len(of["missed"]), of["right"], len(of["wrong"])
    counts = (hit + lost, hit, right + wrong, wrong)
    return (*map(str, counts), share(hit, hit + lost), share(right, right + wrong) if right + wrong else "")
