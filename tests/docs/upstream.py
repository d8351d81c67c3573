"""What upstream has and this exporter has not, from the lists that the compat tests read."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from exporter.collectors import discover
from exporter.scrape.report import METRICS
from tests.docs.table import code, table

COMPAT = Path(__file__).parents[1] / "compat"
UNEXPLAINED = {"pg_": "postgres_exporter", "node_": "node_exporter"}
"""Beginning of a name -> whose it is. For the others there is a file with a reason for each name."""

HERE = {"missing": "not those of 0.11", "differs": "another value than 0.11's"}
"""What is different here, where the file says it of a release that tests run beside."""


def lines(name: str) -> list[dict[str, str]]:
    """The lines of a file in `tests/compat`."""
    with (COMPAT / name).open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def exceptions() -> str:
    """A table for each file of exceptions."""
    parts = {
        "postgres_exporter": table(
            ("series that match", "here", "reason"),
            [
                (code(line["series"]), HERE.get(line["what"], line["what"]), line["reason"])
                for line in lines("postgres_exceptions.tsv")
            ],
        ),
        "redis_exporter": table(("metric", "reason"), _absent("redis_exceptions.tsv").items()),
        "pgbouncer_exporter": table(("metric", "reason"), _absent("pool_exceptions.tsv").items()),
        "pgbouncer_exporter 1.7 of Debian": table(
            ("metric", "here", "reason"),
            [
                (code(line["metric"]), code(line["ours"]), line["reason"])
                for line in lines("pgbouncer_debian_exceptions.tsv")
            ],
        ),
        "node_exporter": _series("node_exceptions.tsv"),
        "cAdvisor": _series("container_exceptions.tsv"),
    }
    return "\n\n".join(f"### {whose}\n\n{text}" for whose, text in parts.items())


def _series(name: str) -> str:
    return table(
        ("series that match", "differ in", "reason"),
        [(code(line["series"]), line["what"], line["reason"]) for line in lines(name)],
    )


def missing() -> str:
    """The names that no file gives a reason for, a list for each exporter."""
    excepted = [line["series"] for line in lines("postgres_exceptions.tsv") if "absent" in line["what"]]
    names = [n for n in absent_names() if not any(re.fullmatch(series, n) for series in excepted)]
    lists = {whose: [n for n in names if n.startswith(begin)] for begin, whose in UNEXPLAINED.items()}
    return "\n\n".join(
        f"### Of {whose}\n\n" + "\n".join(f"- {code(name)}" for name in of)
        for whose, of in lists.items()
        if of
    )


def absent_names() -> list[str]:
    """Upstream's names that are not in our catalogue."""
    declared = [m.name for named in discover().values() for m in named.spec.metrics]
    declared += [m.name for m in METRICS]
    ours = re.compile("|".join(re.sub(r"<\w+>", r"[\\w<>]+", name) for name in declared))
    return [line["metric"] for line in lines("upstream_names.tsv") if not ours.fullmatch(line["metric"])]


def _absent(name: str) -> Mapping[str, str]:
    """The file's names that no version of the target gives us -> the reason.

    A name with `_` or `*` at its end stands for all that begin so.
    """
    absent = absent_names()
    found = {}
    for line in lines(name):
        pattern = line["metric"] + ("*" if line["metric"].endswith("_") else "")
        if any(fnmatch(metric, pattern) for metric in absent):
            found[code(pattern)] = line["reason"]
    return found
