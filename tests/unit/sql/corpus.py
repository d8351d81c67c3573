"""Statements of many shapes: as pg_stat_statements has them, and as clients write them.

They stand in queries.txt, one a paragraph, and in utilities.txt, one a line with its command tag.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent


def queries() -> Iterator[str]:
    """All that have a plan: each by itself, within others, and written otherwise."""
    plain = _sentences()
    yield from plain
    for sql in plain:
        bare = sql.strip().rstrip(";")
        reads = bare.lower().startswith(("select", "table", "values", "(")) and " into " not in bare
        if reads and " for " not in bare and "--" not in bare:
            yield f"select count(*) from ({bare}) as inner_query, outer_table"
            yield f"with first_query as ({bare}) select * from first_query join second_table on true"
            yield f"insert into copies select * from ({bare}) as q where exists ({bare})"


def utilities() -> Iterator[tuple[str, str]]:
    """Command tag and statement."""
    for line in (HERE / "utilities.txt").read_text().splitlines():
        tag, sql = line.split("|", 1)
        yield tag, sql


def _sentences() -> list[str]:
    """One is a paragraph; its tabs and carriage returns are written as escapes."""
    paragraphs = (HERE / "queries.txt").read_text().strip("\n").split("\n\n")
    return [paragraph.replace("\\t", "\t").replace("\\r", "\r") for paragraph in paragraphs]
