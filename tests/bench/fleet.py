"""500 databases with 11,000 tables, 20,000 indexes and 5,000 statements with 26 MB of texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import sleep

from tests.bench.measure import MB, alternately, page_seconds, peak_bytes, samples_on
from tests.bench.report import Figure, Report, compared
from tests.bench.stacks import OURS, THEIRS, Stacks, Watched
from tests.bench.tenants import DATABASES, INDEXES_EACH, STATEMENTS, TABLES_EACH, TEXT_BYTES, speak
from tests.servers import Postgres

ROUNDS = 5
PAUSE_SECONDS = 5.2
"""Longer than any list that our process keeps between two scrapes."""

ABOUT = (
    f"{DATABASES} databases with {TABLES_EACH} tables and {INDEXES_EACH} indexes each, "
    f"{STATEMENTS:,} statements with {STATEMENTS * TEXT_BYTES / MB:.0f} MB of texts in pg_stat_statements; "
    "the whole page of all collectors that are on, beside postgres_exporter with the queries file of its "
    "package and `--auto-discover-databases`, which keeps a session in each database."
)
# What reads the texts of statements, is no call with `false`, and so the server writes a temporary file.
TEXTS = f"""SELECT count(*), coalesce(sum(temp_blks_written), 0)::int
FROM pg_stat_statements AS s JOIN pg_roles AS r ON r.oid = s.userid
WHERE r.rolname = '{OURS}' AND s.temp_blks_written > 0"""


def run(stacks: Stacks) -> Report:
    """Wall time, memory, sessions, and that no text is read."""
    watched = stacks.fleet
    speak(watched.server)
    ours, theirs = watched.ours.port, watched.theirs.port
    with most_sessions(watched.server) as most:
        first = page_seconds(ours)
        sleep(60)  # the background collectors have seen all databases
        took = alternately(
            ROUNDS,
            ours=lambda: rested(ours),
            theirs=lambda: rested(theirs),
        )
    memory = {name: peak_bytes(getattr(watched, name).pid) / MB for name in ("ours", "theirs")}
    pages = {"ours": watched.ours.get(timeout=60).text, "theirs": watched.theirs.get(timeout=60).text}
    texts, temporary = watched.server.execute(TEXTS)[0]
    figures = [
        Figure(what="first scrape", ours=first, unit="s", at_most=10),
        Figure(what="scrape", ours=took["ours"], theirs=took["theirs"], unit="s"),
        Figure(what="scrape, alone", ours=took["ours"], unit="s", at_most=10),
        Figure(what="peak memory", ours=memory["ours"], unit="MB", at_most=200),
        compared("peak memory, both", memory, "MB"),
        Figure(what="most sessions", ours=most[OURS], theirs=most[THEIRS]),
        Figure(what="statements of ours with temporary files", ours=texts, at_most=0),
        Figure(what="temporary blocks of ours", ours=temporary, at_most=0),
        compared("samples", {name: samples_on(page) for name, page in pages.items()}),
    ]
    return Report("500 databases", ABOUT, figures, notes(watched))


def rested(port: int) -> float:
    """A scrape some seconds after the one before."""
    sleep(PAUSE_SECONDS)
    return page_seconds(port)


def notes(watched: Watched) -> list[str]:
    """What is needed to read the figures."""
    found = watched.server.execute(
        "SELECT count(*), sum(length(query)) FROM pg_stat_statements WHERE length(query) > 1000"
    )[0]
    return [
        f"In pg_stat_statements: {found[0]:,} long statements, {int(found[1]) / MB:.0f} MB of texts.",
        "The first scrape reads every database; after it 50 take turns for each scrape.",
    ]


@contextmanager
def most_sessions(server: Postgres) -> Iterator[dict[str, int]]:
    """The most sessions that each exporter had at a time, seen ten times a second."""
    most = {OURS: 0, THEIRS: 0}
    stop = Event()

    def watch() -> None:
        with server.connect() as connection:
            sql = "SELECT usename, count(*) FROM pg_stat_activity WHERE usename IS NOT NULL GROUP BY 1"
            while not stop.wait(0.1):
                for role, count in connection.execute(sql).fetchall():
                    most[role] = max(count, most.get(role, 0))

    thread = Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        stop.set()
        thread.join()
