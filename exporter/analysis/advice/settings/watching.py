"""What the server counts and logs: without it nobody can tell what is slow."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.analysis.advice.settings.change import Advice, is_off, number_of
from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.wording import DAY, number
from exporter.facts.server import ServerFacts

STATEMENTS = "pg_stat_statements"
SHORTEST_SECONDS = DAY
WARN_DEALLOCATIONS = 24.0


def statements(server: ServerFacts) -> Iterator[Finding]:
    """pg_stat_statements: not loaded, not created, or too small for the statements that there are."""
    if not server.statements.loaded:
        yield _not_loaded(server)
    elif not server.statements.created:
        yield Finding(
            kind=Kind.SETTING,
            rule=f"{STATEMENTS}_extension",
            severity=Severity.INFO,
            confidence=Confidence.PROVEN,
            title=f"{STATEMENTS} counts, but nobody can read it",
            subject=STATEMENTS,
            why="The library is loaded; the extension with its view is missing in the database that we ask.",
            sql=[f"CREATE EXTENSION {STATEMENTS};"],
            cost="Nothing.",
        )
    else:
        yield from _too_small(server)


def _not_loaded(server: ServerFacts) -> Finding:
    libraries = server.settings.get("shared_preload_libraries")
    listed = [STATEMENTS] if libraries is None or not libraries.value else [libraries.value, STATEMENTS]
    unsure = libraries is None
    return Advice(
        name="shared_preload_libraries",
        rule=STATEMENTS,
        value=", ".join(listed),
        title=f"{STATEMENTS} is not loaded",
        why="Which statements take the time is not counted at all: half of an analysis is missing.",
        confidence=Confidence.PROVEN,
        notes=["the role may not see the setting: keep the libraries that are in it"] if unsure else [],
        cost="A restart; a few percent of CPU at most, and some megabytes of shared memory.",
    ).finding(server)


def _too_small(server: ServerFacts) -> Iterator[Finding]:
    state, most = server.statements, number_of(server, f"{STATEMENTS}.max")
    if not state.deallocations or most is None:
        return
    a_day = state.deallocations / max(state.seconds or 0.0, SHORTEST_SECONDS) * DAY
    if a_day < 1:
        return
    yield Advice(
        name=f"{STATEMENTS}.max",
        value=f"{2 * most:.0f}",
        title=f"{STATEMENTS} throws statements away {number(a_day)} times a day",
        why=(
            "There are more different statements than places: each time the 5 % with the fewest calls go, "
            "and what they have counted is lost. Many texts that differ in the length of an IN list only "
            "are a common cause."
        ),
        evidence=[
            Evidence("times that it made room", state.deallocations),
            Evidence("statements in it", state.entries or 0),
        ],
        severity=Severity.WARNING if a_day >= WARN_DEALLOCATIONS else Severity.INFO,
        confidence=Confidence.PROVEN,
        cost="A restart; shared memory, and a larger file of texts.",
        weight=a_day,
    ).finding(server)


def track_io_timing(server: ServerFacts) -> Iterator[Finding]:
    """Times of reads and writes are not counted."""
    if is_off(server, "track_io_timing"):
        yield Advice(
            name="track_io_timing",
            value="on",
            title="track_io_timing is off",
            why=(
                "Whether a query waits for the disk is then not counted: not in EXPLAIN, nor in any "
                "statistics."
            ),
            notes=["check the clock first: pg_test_timing should show some 50 ns or less"],
            cost="Two looks at the clock for each block that is read or written.",
        ).finding(server)


def logs(server: ServerFacts) -> Iterator[Finding]:
    """Slow statements and waits for locks that the log does not tell."""
    never = number_of(server, "log_min_duration_statement") == -1
    if never and number_of(server, "log_min_duration_sample") in (None, -1) and not _explains(server):
        yield Advice(
            name="log_min_duration_statement",
            value="1s",
            title="The log names no slow statement",
            why=(
                "pg_stat_statements has means; the single call that took a minute, and its values, stand "
                "in the log only."
            ),
            cost="A line for each such statement; its values are in the log then.",
            confidence=Confidence.LOW,
        ).finding(server)
    if is_off(server, "log_lock_waits"):
        yield Advice(
            name="log_lock_waits",
            value="on",
            title="The log tells nothing of waits for locks",
            why="After the fact nobody can tell who waited for whom.",
            cost="A line for each wait that is longer than deadlock_timeout.",
            confidence=Confidence.LOW,
        ).finding(server)


def _explains(server: ServerFacts) -> bool:
    value = number_of(server, "auto_explain.log_min_duration")
    return value is not None and value >= 0


def planner(server: ServerFacts) -> Iterator[Finding]:
    """What the planner is told of the disk, and how much it knows of the data."""
    if number_of(server, "random_page_cost") == 4:
        yield Advice(
            name="random_page_cost",
            value="1.1",
            title="random_page_cost is 4, as for rotating disks",
            why=(
                "On SSDs and in memory a random read costs hardly more than the next one; index scans look "
                "too dear."
            ),
            cost="Nothing; plans change. Try it in a session with your slow queries first.",
            confidence=Confidence.LOW,
        ).finding(server)
    target = number_of(server, "default_statistics_target")
    if target is not None and not 100 <= target <= 1000:
        yield Advice(
            name="default_statistics_target",
            value="100" if target < 100 else "500",
            title=f"default_statistics_target is {target:.0f}",
            why=(
                "ANALYZE keeps too few values to tell common ones from rare ones."
                if target < 100
                else (
                    "Planning reads all that ANALYZE keeps, for every query; raise it for single columns "
                    "instead."
                )
            ),
            cost="Holds from the next ANALYZE on.",
            confidence=Confidence.LOW,
        ).finding(server)
