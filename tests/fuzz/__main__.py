"""`python -m tests.fuzz [--seconds N] [--seed N] [NAME ...]`: each input in turn, and a table of counts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from exporter.log import configure_logging
from tests.fuzz import answers, files, wire
from tests.fuzz.runner import Outcome, Target, run

TARGETS: Sequence[Target] = (*files.TARGETS, *answers.TARGETS, *wire.TARGETS)


def main() -> int:
    """Exit code 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="for each input (default: 30)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same cases")
    parser.add_argument("names", nargs="*", metavar="NAME", help="parts of names of inputs; all without one")
    options = parser.parse_args()
    configure_logging("error", "logfmt")
    chosen = [t for t in TARGETS if not options.names or any(name in t.name for name in options.names)]
    outcomes = []
    for target in chosen:
        outcomes.append(run(target, options.seed, seconds=options.seconds))
        for case, defect in outcomes[-1].defects:
            print(f"{target.name}: {defect}\n  {case[:400]!r}", file=sys.stderr)
    _write(outcomes)
    return 1 if any(outcome.defects for outcome in outcomes) else 0


def _write(outcomes: Sequence[Outcome]) -> None:
    table = Table("input", "cases", "cases/s", "read", "refused", "defects")
    for one in outcomes:
        refused = ", ".join(f"{count:,} {name}" for name, count in one.refused.most_common()) or "0"
        rate = f"{one.cases / max(one.seconds, 1e-9):,.0f}"
        table.add_row(one.name, f"{one.cases:,}", rate, f"{one.accepted:,}", refused, f"{len(one.defects)}")
    Console(width=120).print(table)


if __name__ == "__main__":
    sys.exit(main())
