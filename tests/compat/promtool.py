"""What promtool says about our names, and whose fault that is: python -m tests.compat.promtool

Writes `promtool_oddities.tsv`: each complaint about a name that is upstream's, one by one, with the reason
why it stays. A complaint about a name of our own is none of these: the command ends with it, and status 1.
"""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from exporter.collectors import discover
from exporter.model.metric import Kind, Metric
from tests.servers import Exporter, Missing, PgBouncer, Postgres, Redis, catalogue

COMPAT = Path(__file__).parent
GOLDEN = COMPAT.parent / "golden"
ODDITIES = COMPAT / "promtool_oddities.tsv"
COMMAND = "python -m tests.compat.promtool"

Complaint = tuple[str, str]
"""Metric and promtool's sentence."""

OF_LISTED = "upstream's name"
MADE_BY_UPSTREAM = {
    r"node_memory_\w+": "upstream's name, made of the kernel's field in /proc/meminfo",
    r"node_netstat_\w+": "upstream's name, made of the kernel's field in /proc/net/netstat, snmp or snmp6",
    r"node_vmstat_\w+": "upstream's name, made of the kernel's field in /proc/vmstat",
    r"node_sockstat_\w+": "upstream's name, made of the kernel's field in /proc/net/sockstat or sockstat6",
}
"""Names that upstream makes of what it reads, so that no list of them is complete -> the reason."""


def complaints(page: str) -> set[Complaint]:
    """What `promtool check metrics` says about a page.

    Raises:
        Missing: promtool is not on this machine.
        ValueError: promtool can't even parse it.
    """
    program = shutil.which("promtool", path=catalogue.search_path())
    if program is None:
        raise Missing(f"promtool is not on this machine: run `{catalogue.apt(['prometheus'])}`")
    done = subprocess.run(
        [program, "check", "metrics"], input=page.encode(), capture_output=True, check=False
    )
    said = (done.stdout + done.stderr).decode()
    if done.returncode not in (0, 3):
        raise ValueError(f"promtool can't read the page: {said}")
    return {(name, text) for name, _, text in (line.partition(" ") for line in said.splitlines()) if text}


def reason_of(name: str) -> str | None:
    """Why a name is as it is: it is upstream's. None for one of our own."""
    if any(pattern.fullmatch(name) for pattern in _listed()):
        return OF_LISTED
    return next((why for pattern, why in MADE_BY_UPSTREAM.items() if re.fullmatch(pattern, name)), None)


@cache
def _listed() -> Sequence[re.Pattern[str]]:
    """The names of upstream's lists as expressions; a part in angle brackets, or `*`, stands for any."""
    with (COMPAT / "upstream_names.tsv").open(newline="") as file:
        names = [line["metric"] for line in csv.DictReader(file, delimiter="\t")]
    return [re.compile(re.sub(r"<\w+>|\*", r"\\w+", name)) for name in names]


def read_oddities() -> dict[Complaint, str]:
    """The lines of the file: complaint -> reason."""
    with ODDITIES.open(newline="") as file:
        return {
            (row["metric"], row["complaint"]): row["reason"]
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        }


def recorded_pages() -> Iterator[str]:
    """What needs no server: every declared name, and the captured pages, put together to few.

    Those that share a name stay apart: promtool takes each name once in a page.
    """
    yield "".join(_declared())
    together: list[tuple[set[str], list[str]]] = []
    for path in sorted(GOLDEN.rglob("*.txt")):
        page = path.read_text()
        names = {line.split(" ")[2] for line in page.splitlines() if line.startswith("# TYPE ")}
        fits = next((one for one in together if one[0].isdisjoint(names)), None)
        if fits is None:
            together.append(fits := (set(), []))
        fits[0].update(names)
        fits[1].append(page)
    for _, pages in together:
        yield "".join(pages)


def _declared() -> Iterator[str]:
    metrics = {m.name: m for named in discover().values() for m in named.spec.metrics if not m.is_pattern}
    for metric in metrics.values():
        yield f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.kind}\n{_samples(metric)}"


def _samples(metric: Metric) -> str:
    name = metric.name
    if metric.kind is Kind.HISTOGRAM:
        return f'{name}_bucket{{le="+Inf"}} 1\n{name}_sum 1\n{name}_count 1\n'
    if metric.kind is Kind.SUMMARY:
        return f"{name}_sum 1\n{name}_count 1\n"
    return f"{name} 1\n"


@contextmanager
def served_page() -> Iterator[str]:
    """The page of a daemon beside one server of each kind."""
    with ExitStack() as stack:
        postgres, redis = stack.enter_context(Postgres()), stack.enter_context(Redis())
        pooler = stack.enter_context(PgBouncer(postgres))
        exporter = Exporter(
            postgres__dsn=postgres.dsn(), redis__address=redis.url, pgbouncer__dsn=pooler.dsn(user="stats")
        )
        yield stack.enter_context(exporter).scrape()


def main() -> int:
    """Writes the file anew; complains about names of our own."""
    with served_page() as served:
        found = sorted({c for page in (served, *recorded_pages()) for c in complaints(page)})
    reasons = {complaint: reason_of(complaint[0]) for complaint in found}
    _write((*complaint, why) for complaint, why in reasons.items() if why is not None)
    ours = [complaint for complaint, why in reasons.items() if why is None]
    for name, text in ours:
        print(f"{name}: {text}")
    return int(bool(ours))


def _write(lines: Iterable[tuple[str, str, str]]) -> None:
    with ODDITIES.open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
        writer.writerow(("metric", "complaint", "reason"))
        writer.writerows(lines)


if __name__ == "__main__":
    sys.exit(main())
