"""How much comes back: all columns, all rows, rows that are counted, rows that are thrown away."""

from __future__ import annotations

from exporter.analysis.finding import Confidence, Evidence, Finding, Severity
from exporter.analysis.patterns._seen import Seen
from exporter.facts.relations import Relation
from exporter.sql.identifiers import identifier, literal, qualified

WIDE_COLUMNS = 20
WIDE_BYTES = 1_000
LARGE_RESULT = 10_000
BIG_ROWS = 50_000
BLOCKS_FOR_A_ROW = 20.0
PAGE_ROWS = 1_000.0
NOTICED_MS = 5.0


def select_star(seen: Seen) -> Finding | None:
    """`SELECT *` from a table with many columns, or with long rows."""
    wide = [table for table in seen.tables if _is_wide(table)]
    if not seen.text.star or not seen.often or not wide or seen.rows_per_call < 1:
        return None
    table = max(wide, key=_width)
    name = qualified(table.schema, table.name)
    columns = [identifier(column) for column in table.columns]
    return seen.finding(
        "select_star",
        f"SELECT * gives all {len(columns)} columns of {name}, {_width(table)} bytes a row",
        "Each row is sent with all its columns, long values are fetched from TOAST for it, and an index alone"
        " can never answer. A column that is added later is sent as well.",
        evidence=(
            Evidence("columns", len(columns)),
            Evidence("bytes of a row by the statistics", _width(table), "bytes"),
            Evidence("rows a call", round(seen.rows_per_call, 1), "rows"),
        ),
        sql=(f"-- Instead of * those of these that are used:\n{', '.join(columns)}",),
        subject=name,
    )


def _is_wide(table: Relation) -> bool:
    return len(table.columns) >= WIDE_COLUMNS or _width(table) >= WIDE_BYTES


def _width(table: Relation) -> int:
    return sum(column.avg_width or 0 for column in table.columns.values())


def missing_limit(seen: Seen) -> Finding | None:
    """A SELECT without LIMIT that returns ten thousand rows and more."""
    large = seen.rows_per_call > LARGE_RESULT and seen.statement.operation == "SELECT"
    if not large or seen.text.limited or not seen.often:
        return None
    return seen.finding(
        "missing_limit",
        f"{seen.rows_per_call:,.0f} rows a call, and no LIMIT",
        "The server sends all rows at once, the client holds them all, and both grow with the table.",
        evidence=(Evidence("rows a call", round(seen.rows_per_call), "rows"),),
        sql=(
            (
                "-- Page by the key of the last row seen:\n"
                "... WHERE id > $1 ORDER BY id LIMIT 1000;\n"
                "-- or, if all of it is wanted, in pieces by a cursor (DECLARE ... CURSOR; FETCH 1000)."
            ),
        ),
        severity=Severity.WARNING if seen.mean_ms >= 10 * NOTICED_MS else Severity.INFO,
    )


def offset_paging(seen: Seen) -> Finding | None:
    """OFFSET that reads far more rows than it returns."""
    rows = max(seen.rows_per_call, 1.0)
    each = seen.blocks_per_call / rows
    if not seen.text.offset or not seen.often or seen.mean_ms < NOTICED_MS:
        return None
    sorts = any(node.get("Node Type") in ("Sort", "Incremental Sort") for node in seen.nodes)
    if each < BLOCKS_FOR_A_ROW or rows > PAGE_ROWS or sorts:
        return None  # where all is sorted for each page, OFFSET is not what costs
    return seen.finding(
        "offset_paging",
        f"OFFSET: {each:,.0f} blocks are read for each row that is returned",
        "OFFSET reads all rows of the pages before and throws them away, so each page is slower than the one"
        " before it.",
        evidence=(
            Evidence("blocks for each row", round(each, 1)),
            Evidence("rows a call", round(seen.rows_per_call, 1), "rows"),
            Evidence("longest call", round((seen.statement.max_ms or 0) / 1000, 6), "seconds"),
        ),
        sql=(
            (
                "-- Instead of OFFSET the key of the last row seen, with an index on the order:\n"
                "... WHERE (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT 50;"
            ),
        ),
        severity=Severity.WARNING if seen.mean_ms >= 10 * NOTICED_MS else Severity.INFO,
        confidence=Confidence.MEDIUM if seen.plan else Confidence.LOW,
    )


def count_all(seen: Seen) -> Finding | None:
    """count(*) of a whole big table."""
    big = [table for table in seen.tables if (table.rows or 0) >= BIG_ROWS]
    if not seen.text.counts_all or not big or not seen.often or seen.mean_ms < NOTICED_MS:
        return None
    table = max(big, key=lambda table: table.rows or 0)
    name = qualified(table.schema, table.name)
    return seen.finding(
        "count_all",
        f"count(*) of all {table.rows:,.0f} rows of {name}",
        "PostgreSQL keeps no count: it looks at every row each time, whether that is one more than before.",
        evidence=(
            Evidence("rows", round(table.rows or 0), "rows"),
            Evidence("blocks a call", round(seen.blocks_per_call)),
        ),
        sql=(
            (
                "-- As of the last VACUUM or ANALYZE, at no cost:\n"
                f"SELECT reltuples::bigint FROM pg_class WHERE oid = {literal(name)}::regclass;"
            ),
            (
                f"-- Or whether there are more than so many:\n"
                f"SELECT count(*) FROM (SELECT FROM {name} LIMIT 1001) AS first;"
            ),
        ),
        severity=Severity.WARNING if seen.mean_ms >= 10 * NOTICED_MS else Severity.INFO,
        confidence=Confidence.HIGH,
        subject=name,
    )


RULES = (select_star, missing_limit, offset_paging, count_all)
