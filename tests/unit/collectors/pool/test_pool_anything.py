"""Whatever a console answers, no collector of it raises what the engine does not expect."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from exporter.expose.text import TextEncoder
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Reason, Refused, Skip, SourceError
from exporter.model.table import Table
from exporter.sources.pgbouncer import FakePgBouncer, PgBouncerOptions, Row
from tests.examples import examples
from tests.replay_pgbouncer import answers, collectors

RECORDED = answers("1.25.2")
COMMANDS = list(RECORDED)
COLUMNS = sorted({name for rows in RECORDED.values() for row in rows for name in row})

TEXTS = (
    st.none()
    | st.sampled_from(["", "0", "1", "-1", "3.5", "yes", "no", "  7", "9" * 25, "NaN", "1e9"])
    | st.text()
)
ROWS = st.lists(
    st.dictionaries(st.sampled_from(COLUMNS) | st.text(max_size=8), TEXTS, max_size=12), max_size=5
)
REFUSALS = st.sampled_from([Refused("invalid command", Reason.UNSUPPORTED), Refused("no memory")])
ANSWERS = st.dictionaries(st.sampled_from(COMMANDS), ROWS | REFUSALS)


async def shown(found: dict[str, list[Row] | SourceError], names: int) -> list[Table]:
    source = FakePgBouncer(found, PgBouncerOptions("", application_names=names))
    tables: list[Table] = []
    for spec in collectors().values():
        try:
            tables += await spec.build(source)(Deadline.after(5))
        except Partial as some:
            tables += some.tables
        except (Refused, Skip):
            pass
    return tables


@examples(60)
@given(ANSWERS, st.integers(0, 3))
def test_any_rows_and_refusals_give_a_page(found: dict[str, list[Row] | SourceError], names: int) -> None:
    tables = asyncio.run(shown(found, names))
    for table in tables:
        assert all(len(column.values) == len(table.rows) for column in table.columns)
        assert all(len(row) == len(table.labels) for row in table.rows)
    b"".join(TextEncoder().encode(tables)).decode()


@examples(25)
@given(st.sampled_from(COMMANDS), st.integers(0, 40), st.sampled_from(COLUMNS), TEXTS)
def test_a_damaged_answer_changes_nothing_of_the_others(
    what: str, at: int, column: str, text: str | None
) -> None:
    rows = [dict(row) for row in RECORDED[what]]
    if rows:
        rows[at % len(rows)][column] = text
    whole, damaged = (asyncio.run(by_name(found)) for found in (RECORDED, {**RECORDED, what: rows}))
    others = {n for n, spec in collectors().items() if f"SHOW {what}" not in spec.explain(None).splitlines()}
    assert {n: damaged[n] for n in others} == {n: whole[n] for n in others}


async def by_name(found: Mapping[str, Sequence[Row]]) -> dict[str, list[Table]]:
    given_each: dict[str, list[Table]] = {name: [] for name in collectors()}
    for name, spec in collectors().items():
        with suppress(Skip):
            given_each[name] += await spec.build(FakePgBouncer(found))(Deadline.after(5))
    return given_each
