"""Ways of writing a condition or an order that the planner can do nothing about."""

from __future__ import annotations

from exporter.analysis.features import longest_list
from exporter.analysis.finding import Confidence, Evidence, Finding, Severity
from exporter.analysis.patterns._seen import Seen
from exporter.sql.writing import ELLIPSIS

LONG_LIST = 100
VERY_LONG_LIST = 1_000
NOTICED_MS = 5.0
RANDOM_ROWS = 10_000


def long_list(seen: Seen) -> Finding | None:
    """An IN list with more than a hundred values."""
    if ELLIPSIS not in seen.statement.text:
        return None  # a redacted text shortens lists
    count = longest_list(seen.statement.raw)
    if count <= LONG_LIST:
        return None
    return seen.finding(
        "long_list",
        f"A list of {count} values",
        "Each length of the list is a statement of its own: planned anew, and an entry of its own in"
        " pg_stat_statements before PostgreSQL 18. The text is long, and no driver can prepare it once.",
        evidence=(
            Evidence("values in the list", count),
            Evidence("entries of pg_stat_statements with this text", len(seen.statement.queryids)),
        ),
        sql=(
            "-- One parameter that is an array:\n... WHERE id = ANY($1)",
            "-- Thousands of values, as rows:\n... JOIN unnest($1::bigint[]) AS wanted(id) USING (id)",
        ),
        severity=Severity.WARNING if count > VERY_LONG_LIST else Severity.INFO,
        confidence=Confidence.HIGH,
    )


def not_in_subquery(seen: Seen) -> Finding | None:
    """NOT IN (SELECT ...): never an anti join, and nothing at all once a NULL is among the values."""
    if not seen.text.not_in_subquery or not seen.often or seen.mean_ms < NOTICED_MS:
        return None
    filters = " ".join(str(node.get("Filter", "")) for node in seen.nodes)
    each_row = "SubPlan" in filters and "hashed SubPlan" not in filters
    return seen.finding(
        "not_in_subquery",
        "NOT IN (SELECT ...) is never planned as a join",
        "One NULL among the values makes the result empty, so the planner must run the subquery by itself:"
        " once into a hash table if work_mem is enough for it, else for each row."
        + (" This plan runs it for each row." if each_row else ""),
        evidence=(
            Evidence("runs for each row", ("yes" if each_row else "no") if seen.plan else "not known"),
            Evidence("rows a call", round(seen.rows_per_call, 1), "rows"),
        ),
        sql=("... WHERE NOT EXISTS (SELECT FROM other WHERE other.id = this.other_id)",),
        severity=Severity.WARNING if each_row else Severity.INFO,
        confidence=Confidence.HIGH if each_row else Confidence.MEDIUM,
    )


def random_order(seen: Seen) -> Finding | None:
    """ORDER BY random(): all rows are read and sorted, to keep a few."""
    large = any((table.rows or 0) >= RANDOM_ROWS for table in seen.tables)
    if not seen.text.random_order or not seen.often or not (large or seen.mean_ms >= NOTICED_MS):
        return None
    name = seen.subject
    return seen.finding(
        "random_order",
        f"ORDER BY random() sorts all rows of {name}",
        "Each call gives every row a number and sorts by it, whatever LIMIT says.",
        evidence=(
            Evidence("rows a call", round(seen.rows_per_call, 1), "rows"),
            Evidence("blocks a call", round(seen.blocks_per_call)),
        ),
        sql=(
            (
                "-- Some rows, quickly (of pages that are chosen at random):\n"
                f"SELECT ... FROM {name} TABLESAMPLE system_rows(10);  -- extension tsm_system_rows"
            ),
            (
                f"-- One row by a key without large gaps; $1 is random, from 0 to the largest key:\n"
                f"SELECT ... FROM {name} WHERE id >= $1 ORDER BY id LIMIT 1;"
            ),
        ),
        severity=Severity.WARNING if seen.mean_ms >= 10 * NOTICED_MS else Severity.INFO,
        confidence=Confidence.HIGH,
    )


RULES = (long_list, not_in_subquery, random_order)
