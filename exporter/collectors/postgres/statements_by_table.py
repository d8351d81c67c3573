"""Statements by what they do to which table, from pg_stat_statements: `SELECT` of `orders`.

At most 100 groups have rows of their own, those that took most time in the last minutes; a row with the
operation `other` has the rest of its database, and one with `unknown` what was counted while its text was
not known yet. A statement that names several tables belongs to the first one. All is counted since this
process began. Texts are asked for every ten minutes at most, and only where an unknown statement has counted
something; one reading in 30 seconds serves this collector and `stat_statements_totals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter.collectors.postgres._statements_groups import Groups
from exporter.collectors.postgres._statements_source import EVERY_SECONDS, statements_of, usual_query
from exporter.collectors.postgres._statements_texts import Learned, Texts
from exporter.facts.pg_stat_statements import texts_query
from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.metric import counter, gauge
from exporter.model.table import Table, by_row, single

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

LABELS = ("datname", "operation", "table")

CALLS = counter(
    "pg_statements_calls_total", "Calls of statements with this operation and first table.", LABELS
)
SECONDS = counter("pg_statements_seconds_total", "Time spent executing them.", LABELS)
ROWS = counter("pg_statements_rows_total", "Rows that they returned or changed.", LABELS)
SLOW = counter(
    "pg_statements_slow_calls_total",
    "Calls between two readings, 30 seconds apart, in which a call of their statement took "
    "postgres.slow_query_seconds or longer in the mean.",
    LABELS,
)
MEAN = gauge("pg_statements_mean_seconds", "Mean time of a call, of the last two minutes' calls.", LABELS)
P95 = gauge(
    "pg_statements_p95_seconds",
    "Time within which 95 of 100 calls of the last two minutes ended: an estimate from mean and standard "
    "deviation of each statement, taken for log-normal.",
    LABELS,
)
LONGEST = gauge(
    "pg_statements_max_seconds",
    "The longest call since pg_stat_statements counts the statements that it has.",
    LABELS,
)
TEXTS = counter(
    "pg_statements_text_reads_total",
    "Times that texts of statements were asked for: result is ok, too_large (asked a few times a day only), "
    "deadline or failed.",
    ("result",),
)
BYTES = gauge("pg_statements_text_bytes", "All texts in pg_stat_statements when they were last read.")
MISSING = gauge(
    "pg_statements_without_text",
    "Statements whose text is wanted and not known yet: for a few minutes after the start, and new ones.",
)


def tables(groups: Groups, texts: Texts) -> list[Table]:
    """The groups, and what is known of texts."""
    rows = (
        (
            tuple(group),
            (
                counted.calls,
                counted.ms / 1000,
                counted.rows,
                counted.slow,
                _seconds(lately.mean_ms),
                _seconds(lately.p95_ms),
                _seconds(lately.max_ms),
            ),
        )
        for group, counted, lately in groups.rows()
    )
    return [
        by_row(LABELS, (CALLS, SECONDS, ROWS, SLOW, MEAN, P95, LONGEST), rows),
        by_row(("result",), (TEXTS,), (((result,), (texts.results[result],)) for result in Learned)),
        single({BYTES: texts.bytes, MISSING: texts.missing}),
    ]


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def build(server: PostgresServer) -> Collect:
    """The collecting function: a table of groups, and two about texts."""
    statements = statements_of(server)
    groups, texts = statements.with_groups(server.options.queries.slow_query_seconds), statements.with_texts()

    async def collect(deadline: Deadline) -> Sequence[Table]:
        await statements.refresh(server, deadline)
        await statements.learn(server, deadline)
        return tables(groups, texts)

    return collect


def explained(major: int | None) -> str:
    """The reading, and what asks for texts."""
    return f"{usual_query(major)};\n\n{texts_query('public', ('1', '2'), 4_000_000)}"


COLLECTOR = CollectorSpec(
    help="Statements by operation and table, from pg_stat_statements.",
    source="postgres",
    metrics=(CALLS, SECONDS, ROWS, SLOW, MEAN, P95, LONGEST, TEXTS, BYTES, MISSING),
    build=build,
    cost=Cost.ROWS,
    every_seconds=EVERY_SECONDS,
    docs="pgstatstatements.html",
    needs=("pg_read_all_stats",),
    explain=explained,
)
