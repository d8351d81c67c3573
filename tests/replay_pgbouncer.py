"""What PgBouncers have answered once, as sources for the collectors, and the pages that come of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from exporter.collectors import discover
from exporter.expose.text import TextEncoder
from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.table import Table
from exporter.sources.pgbouncer import FakePgBouncer, Row

RECORDED = Path(__file__).parent / "recorded" / "pgbouncer"
GOLDEN = Path(__file__).parent / "golden" / "pgbouncer"

RECORDINGS = ("1.18.0", "1.19.1", "1.20.1", "1.21.0", "1.22.1", "1.23.0", "1.24.1", "1.25.2")


def collectors() -> dict[str, CollectorSpec]:
    """Those that ask a PgBouncer, by name."""
    return {name: n.spec for name, n in discover().items() if n.spec.source == "pgbouncer"}


def answers(recording: str) -> dict[str, Sequence[Row]]:
    """Command -> rows."""
    found: dict[str, Sequence[Row]] = json.loads((RECORDED / f"{recording}.json").read_text())
    return found


def played(recording: str) -> FakePgBouncer:
    """A PgBouncer that answers as the recorded one did."""
    return FakePgBouncer(answers(recording))


def golden(recording: str) -> Path:
    """The file with the page that is expected."""
    return GOLDEN / f"{recording}.txt"


async def tables(source: object) -> list[Table]:
    """What all collectors give, in order of their names; none of those that have nothing to say."""
    found: list[Table] = []
    for spec in collectors().values():
        with suppress(Skip):
            found += await spec.build(source)(Deadline.after(5))
    return found


async def page(source: object) -> str:
    """The page of all collectors."""
    return b"".join(TextEncoder().encode(await tables(source))).decode()
