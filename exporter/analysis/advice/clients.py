"""How clients behave: sessions that wait in a transaction, too many of them, ends that are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.wording import DAY, duration, number, percent
from exporter.facts.server import DatabaseStatistics, ServerFacts, Session
from exporter.sql.identifiers import identifier

IDLE_INFO, IDLE_WARN = 60.0, 300.0
LONG_INFO, LONG_WARN = 900.0, 3600.0
FULL_WARN, FULL_CRITICAL = 0.8, 0.95
MANY_IDLE, IDLE_SHARE = 50, 0.8
WARN_IDLE = 300
SHORTEST_SECONDS = 3600.0
CHURN_INFO, CHURN_WARN = 2.0, 20.0
BAD_ENDS_A_SECOND, BAD_ENDS_SHARE = 0.2, 0.1
DEADLOCKS_A_DAY = 10.0
ROLLBACK_SHARE, LEAST_ROLLBACKS = 0.2, 10_000
POOLS = ("pgbouncer", "pgcat", "odyssey", "pgpool", "pgdog", "supavisor")


def clients(server: ServerFacts) -> Iterator[Finding]:
    """All that can be said of those who use the server."""
    yield from connections(server)
    yield from idle_in_transaction(server)
    yield from long_transactions(server)
    yield from many_idle(server)
    for database in server.databases:
        yield from churn(database)
        yield from bad_ends(database)
        yield from conflicts(database)


def _finding(rule: str, title: str, why: str, **more: object) -> Finding:
    fields: dict[str, object] = {
        "severity": Severity.INFO,
        "confidence": Confidence.HIGH,
        "subject": "sessions",
    }
    return Finding(kind=Kind.CLIENT, rule=rule, title=title, why=why, **(fields | more))  # type: ignore[arg-type]


def connections(server: ServerFacts) -> Iterator[Finding]:
    """Sessions against max_connections, less what is reserved."""
    names = ("superuser_reserved_connections", "reserved_connections")
    reserved = sum(server.settings[name].number for name in names if name in server.settings)
    if "max_connections" not in server.settings:
        return
    room = max(1.0, server.settings["max_connections"].number - reserved)
    # We are one of them.
    used = len(server.sessions) + 1
    if used / room < FULL_WARN:
        return
    users = Counter(session.user for session in server.sessions).most_common(3)
    yield _finding(
        "connections",
        f"{number(used)} of {number(room)} possible sessions are taken",
        "When all are, nobody gets in: applications fail, and so does who wants to look why.",
        severity=Severity.CRITICAL if used / room >= FULL_CRITICAL else Severity.WARNING,
        confidence=Confidence.PROVEN,
        evidence=[
            Evidence("sessions", used),
            Evidence("possible for others than superusers", room),
            Evidence("part that is idle", round(_idle(server) / used, 2), "ratio"),
            *(Evidence(f"of role {identifier(user)}", count) for user, count in users),
        ],
        sql=[
            "-- a pool in transaction mode in front of it; until then: ALTER ROLE ... CONNECTION LIMIT ...;"
        ],
        cost="A larger max_connections takes a restart and memory, and helps until the next rush only.",
        weight=used / room,
    )


def _idle(server: ServerFacts) -> int:
    return sum(session.state == "idle" for session in server.sessions)


def idle_in_transaction(server: ServerFacts) -> Iterator[Finding]:
    """Sessions whose client began a transaction and does something else, by role and database."""
    waiting = [
        session
        for session in server.sessions
        if session.state.startswith("idle in transaction") and (session.state_seconds or 0.0) >= IDLE_INFO
    ]
    for user, datname in sorted({(session.user, session.datname) for session in waiting}):
        here = [session for session in waiting if (session.user, session.datname) == (user, datname)]
        longest = max(session.state_seconds or 0.0 for session in here)
        yield _finding(
            "idle_in_transaction",
            f"{number(len(here))} session{'s' if len(here) > 1 else ''} of {user} idle in transaction, for "
            f"up to {duration(longest)}",
            "They keep their locks, and every row that any transaction has replaced since, so VACUUM can't "
            "remove those in any table.",
            severity=Severity.WARNING if longest >= IDLE_WARN else Severity.INFO,
            confidence=Confidence.PROVEN,
            datname=datname,
            subject=identifier(user),
            evidence=[*_sessions(here), Evidence("longest", round(longest), "seconds")],
            sql=[
                _list("state LIKE 'idle in transaction%'"),
                f"ALTER ROLE {identifier(user)} SET idle_in_transaction_session_timeout = '5min';",
            ],
            cost="The server ends such sessions then: the application must be able to start anew.",
            weight=longest,
        )


def _sessions(sessions: Sequence[Session]) -> list[Evidence]:
    found = [Evidence("sessions", len(sessions))]
    if names := sorted({session.application for session in sessions if session.application}):
        found.append(Evidence("applications", ", ".join(names[:5])))
    if held := max((session.xmin_age or 0 for session in sessions), default=0):
        found.append(Evidence("transactions since what they hold back from VACUUM", held))
    return found


def _list(condition: str) -> str:
    columns = "pid, usename, datname, application_name, client_addr, state, xact_start"
    return f"SELECT {columns} FROM pg_stat_activity WHERE {condition} ORDER BY xact_start;"  # noqa: S608


def long_transactions(server: ServerFacts) -> Iterator[Finding]:
    """Transactions that work for very long and hold rows back from VACUUM."""
    long = [
        session
        for session in server.sessions
        if session.state == "active"
        and session.xmin_age is not None
        and (session.transaction_seconds or 0.0) >= LONG_INFO
    ]
    if not long:
        return
    longest = max(session.transaction_seconds or 0.0 for session in long)
    users = sorted({session.user for session in long})
    yield _finding(
        "long_transaction",
        f"A transaction has been running for {duration(longest)}",
        "What other transactions have replaced since it began stays in the tables, on standbys with "
        "hot_standby_feedback too. Backups and reports belong on a standby, or in smaller pieces.",
        severity=Severity.WARNING if longest >= LONG_WARN else Severity.INFO,
        confidence=Confidence.PROVEN,
        datname=long[0].datname if len({session.datname for session in long}) == 1 else "",
        subject=", ".join(identifier(user) for user in users[:5]),
        evidence=[*_sessions(long), Evidence("longest", round(longest), "seconds")],
        sql=[_list("xact_start < now() - interval '15 minutes'")],
        weight=longest,
    )


def many_idle(server: ServerFacts) -> Iterator[Finding]:
    """Far more sessions than work: a pool would do with few."""
    sessions, idle = len(server.sessions), _idle(server)
    if idle < MANY_IDLE or idle / sessions < IDLE_SHARE:
        return
    names = {session.application.lower() for session in server.sessions}
    pooled = any(pool in name for name in names for pool in POOLS)
    yield _finding(
        "idle_sessions",
        f"{number(idle)} of {number(sessions)} sessions do nothing",
        "Each is a process with memory of its own that grows with all it has touched, and makes each "
        "snapshot a little dearer. "
        + ("A pool is there; its size is." if pooled else "A pool shares a few between all clients."),
        severity=Severity.WARNING if idle >= WARN_IDLE else Severity.INFO,
        confidence=Confidence.MEDIUM,
        evidence=[
            Evidence("sessions", sessions),
            Evidence("idle", idle),
            Evidence("at work", sum(session.state == "active" for session in server.sessions)),
        ],
        cost="Transaction pooling: no session state across transactions (SET, LISTEN, advisory locks).",
        weight=float(idle),
    )


def churn(database: DatabaseStatistics) -> Iterator[Finding]:
    """A new session for each request; counted from PostgreSQL 14 on."""
    if database.sessions is None:
        return
    rate = database.sessions / max(database.seconds or 0.0, SHORTEST_SECONDS)
    if rate < CHURN_INFO:
        return
    yield _finding(
        "connection_churn",
        f"{rate:.0f} new sessions a second in database {database.datname}",
        "Each is a new process, a login, and caches that start empty: some milliseconds and CPU, again and "
        "again. A pool, in the application or in front of the server, keeps them open.",
        severity=Severity.WARNING if rate >= CHURN_WARN else Severity.INFO,
        datname=database.datname,
        evidence=[
            Evidence("new sessions", round(rate, 2), "1/s"),
            Evidence("transactions of a session", round(database.xact_commit / max(database.sessions, 1), 1)),
        ],
        weight=rate,
    )


def bad_ends(database: DatabaseStatistics) -> Iterator[Finding]:
    """Sessions that were lost, ended by errors of the server, or killed."""
    kinds = (
        (
            "abandoned",
            database.sessions_abandoned,
            "clients vanish without saying so: crashes, timeouts, networks",
        ),
        ("fatal", database.sessions_fatal, "the server ends them for an error: see its log for FATAL"),
        ("killed", database.sessions_killed, "an operator or a timeout ends them"),
    )
    for name, count, meaning in kinds:
        rate = (count or 0) / max(database.seconds or 0.0, SHORTEST_SECONDS)
        share = (count or 0) / max(database.sessions or 0, 1)
        if rate >= BAD_ENDS_A_SECOND and share >= BAD_ENDS_SHARE:
            yield _finding(
                f"sessions_{name}",
                f"{percent(share)} of the sessions in database {database.datname} end as {name}",
                f"That is: {meaning}. Their transactions are rolled back, and the clients begin anew.",
                confidence=Confidence.MEDIUM,
                datname=database.datname,
                evidence=[
                    Evidence(f"sessions {name}", count or 0),
                    Evidence("sessions", database.sessions or 0),
                    Evidence("in a second", round(rate, 2), "1/s"),
                ],
                weight=rate,
            )


def conflicts(database: DatabaseStatistics) -> Iterator[Finding]:
    """Transactions that end for nothing: deadlocks, and many rollbacks."""
    days = max(database.seconds or 0.0, SHORTEST_SECONDS) / DAY
    deadlocks, done = database.deadlocks / days, database.xact_commit + database.xact_rollback
    if deadlocks >= DEADLOCKS_A_DAY and database.deadlocks >= DEADLOCKS_A_DAY:
        yield _finding(
            "deadlocks",
            f"{number(deadlocks)} deadlocks a day in database {database.datname}",
            "Transactions lock the same rows in different order: each time one waits a second and is "
            "rolled back. Lock in one order, by key; the log has both statements.",
            severity=Severity.WARNING,
            confidence=Confidence.PROVEN,
            datname=database.datname,
            evidence=[Evidence("deadlocks", database.deadlocks), Evidence("a day", round(deadlocks, 1))],
            weight=deadlocks,
        )
    if database.xact_rollback >= LEAST_ROLLBACKS and database.xact_rollback >= ROLLBACK_SHARE * done:
        yield _finding(
            "rollbacks",
            (
                f"{percent(database.xact_rollback / done)} of the transactions in {database.datname} are "
                "rolled back"
            ),
            (
                "Errors that the application meets and drops, or a pool that rolls back by habit: see the "
                "server's log."
            ),
            confidence=Confidence.LOW,
            datname=database.datname,
            evidence=[
                Evidence("rolled back", database.xact_rollback),
                Evidence("committed", database.xact_commit),
            ],
            weight=database.xact_rollback / done,
        )
