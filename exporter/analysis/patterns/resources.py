"""What a statement uses that it need not: temporary files, and planning again and again."""

from __future__ import annotations

from math import ceil

from exporter.analysis.finding import Confidence, Evidence, Finding, Severity
from exporter.analysis.patterns._seen import Seen
from exporter.sql.identifiers import identifier

BLOCK = 8_192
MEGABYTE = 1 << 20
SPILLED_A_CALL = MEGABYTE
IN_MEMORY = 2.5
"""A sort or hash needs about so many times the memory that it takes in a file."""
MOST_WORK_MEM = 512
PLANNED_CALLS = 100
PLANNED_MS = 0.2


def temporary_files(seen: Seen) -> Finding | None:
    """Sorts and hashes that don't fit into work_mem."""
    counters = seen.statement.counters
    spilled = counters.temp_blks_written * BLOCK / counters.calls
    if spilled < SPILLED_A_CALL or seen.statement.operation == "UTILITY":
        return None
    wanted = 2 ** ceil(spilled * IN_MEMORY / MEGABYTE).bit_length()
    role = identifier(seen.statement.key.user)
    remedy = (
        f"-- For this statement alone, in its transaction:\nSET LOCAL work_mem = '{wanted}MB';",
        (
            f"-- Or for all of this role; each sort and hash of each session may take as much:\n"
            f"ALTER ROLE {role} SET work_mem = '{wanted}MB';"
        ),
    )
    too_much = ("-- More memory than is wise: sort fewer or narrower rows, or by an index.",)
    return seen.finding(
        "temporary_files",
        f"{spilled / MEGABYTE:,.0f} MB go to temporary files in each call",
        "A sort or hash did not fit into work_mem, so it was written to disk and read again.",
        evidence=(
            Evidence("written to temporary files in a call", round(spilled), "bytes"),
            Evidence("in all", counters.temp_blks_written * BLOCK, "bytes"),
        ),
        sql=remedy if wanted <= MOST_WORK_MEM else too_much,
        cost="Memory: work_mem is for each sort and hash, several in one statement.",
        severity=Severity.WARNING if seen.often else Severity.INFO,
        confidence=Confidence.HIGH,
    )


def planning_time(seen: Seen) -> Finding | None:
    """Planning takes longer than running."""
    counters = seen.statement.counters
    planned = counters.plan_ms / counters.calls
    if counters.calls < PLANNED_CALLS or planned < PLANNED_MS or counters.plan_ms <= counters.exec_ms:
        return None
    return seen.finding(
        "planning_time",
        f"Planning takes {counters.plan_ms / max(counters.exec_ms, 1e-9):.1f} times as long as running",
        "The statement is planned anew at each call. Prepared, it is planned a few times and then no more;"
        " many joins, partitions and indexes make planning dear.",
        evidence=(
            Evidence("planning a call", round(planned / 1000, 6), "seconds"),
            Evidence("running a call", round(seen.mean_ms / 1000, 6), "seconds"),
        ),
        sql=(
            (
                "-- Let the driver prepare it (psycopg: prepare=True; JDBC: prepareThreshold; PgBouncer 1.21:"
                " max_prepared_statements).\n"
                "-- Where it stays dear: SET plan_cache_mode = force_generic_plan, if its values are alike."
            ),
        ),
        confidence=Confidence.HIGH,
    )


RULES = (temporary_files, planning_time)
