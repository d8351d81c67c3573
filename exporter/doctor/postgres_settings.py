"""Settings of the server, and of our role, without which statistics are missing or queries wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from exporter.doctor.finding import Notes
from exporter.doctor.postgres_facts import STATEMENTS, Expected, Facts
from exporter.doctor.postgres_rights import PLANS, plans_wanted, there
from exporter.doctor.sql import identifier, literal

QUERY_SIZE = 4096


class Wanted(NamedTuple):
    """A server setting as it should be.

    Attributes:
        name: the setting; where the server has none of this name there is nothing to say.
        wrong: whether a value is worth a word.
        value: what it should be, as ALTER SYSTEM wants it.
        why: what is missing with the wrong value.
        restart: whether it takes a restart of the server, not only a reload.
        collectors: it matters if one of these is on; empty for always.
    """

    name: str
    wrong: Callable[[str], bool]
    value: str
    why: str
    restart: bool = False
    collectors: Sequence[str] = ()


def _off(value: str) -> bool:
    return value == "off"


def _none(value: str) -> bool:
    return value == "none"


WANTED: Sequence[Wanted] = (
    Wanted("track_activities", _off, "on", "what sessions do is not shown"),
    Wanted("track_counts", _off, "on", "accesses to tables and indexes are not counted, autovacuum rests"),
    Wanted("track_io_timing", _off, "on", "how long reads and writes take is not counted"),
    Wanted("track_wal_io_timing", _off, "on", "how long writes of WAL take is not counted",
           collectors=("stat_wal", "stat_io")),
    Wanted("track_functions", _none, "'pl'", "calls of functions are not counted",
           collectors=("stat_user_functions",)),
    Wanted("track_activity_query_size", lambda value: int(value) < QUERY_SIZE, str(QUERY_SIZE),
           "long queries of sessions are cut", restart=True),
    Wanted("compute_query_id", _off, "'auto'", f"{STATEMENTS} counts nothing without it"),
    Wanted(f"{STATEMENTS}.track", _none, "'top'", "no query is counted"),
)  # fmt: skip

OF_SESSIONS = ("database", "user", "database user", "client", "session", "override")
"""Sources of a value that is not the server's: `pg_settings.source`."""


def examine(facts: Facts, expected: Expected, notes: Notes) -> None:
    """Notes the settings that lose something, as advice."""
    names = {named.name for named in there(expected, facts.major)}
    wrong = [wanted for wanted in WANTED if _is_wrong(facts, wanted, names)]
    for wanted in wrong:
        then = "-- then restart the server" if wanted.restart else "SELECT pg_reload_conf();"
        reload = [] if facts.holds("managed") and not wanted.restart else [then]
        notes.advice(
            f"{wanted.name} is {facts.setting(wanted.name)}: {wanted.why}",
            *set_server(facts, wanted.name, wanted.value),
            *reload,
        )
    if not wrong:
        notes.ok("the server's settings lose no statistics")
    _own_statements(facts, expected, notes)
    _transactions(facts, notes)


def _is_wrong(facts: Facts, wanted: Wanted, names: set[str]) -> bool:
    setting = facts.settings.get(wanted.name)
    if setting is None or (wanted.collectors and names.isdisjoint(wanted.collectors)):
        return False
    if wanted.name == "compute_query_id" and not facts.statements_loaded:
        return False
    if wanted.name == f"{STATEMENTS}.track" and setting.source in OF_SESSIONS:
        return False  # our role is left out, and what holds for the others is not seen from here
    return wanted.wrong(setting.value)


def _own_statements(facts: Facts, expected: Expected, notes: Notes) -> None:
    """The exporter's own queries take places in pg_stat_statements that others need."""
    if facts.setting(f"{STATEMENTS}.track") in ("", "none") or facts.holds("login_superuser"):
        return
    login = identifier(facts.text("login"))
    what, remedy = f"{STATEMENTS} counts the exporter's own queries too", []
    if plans_wanted(expected):
        what += f", and two for each statement that {PLANS} explains"
        if facts.major >= 15:
            grant = f"GRANT SET ON PARAMETER {STATEMENTS}.track TO {login};"
            remedy = [f"-- or, so that those of {PLANS} alone are not counted: {grant}"]
    notes.advice(what, f"ALTER ROLE {login} SET {STATEMENTS}.track = 'none';", *remedy)


def _transactions(facts: Facts, notes: Notes) -> None:
    """Serializable transactions of ours take locks for nothing, wait if deferrable, and fail on standbys."""
    for name, fine in (
        ("default_transaction_isolation", "read committed"),
        ("default_transaction_deferrable", "off"),
    ):
        setting = facts.settings.get(name)
        if setting is None or setting.value == fine:
            continue
        login = identifier(facts.text("login"))
        # The narrowest setting counts.
        narrow = setting.source == "database user"
        where = f" IN DATABASE {identifier(facts.text('database'))}" if narrow else ""
        notes.advice(
            f"{name} is {setting.value} for our sessions: queries may wait for others, or fail on a standby",
            f"ALTER ROLE {login}{where} SET {name} = {literal(fine)};",
        )


def set_server(facts: Facts, name: str, value: str) -> list[str]:
    """The line that changes a server setting. Managed services allow no ALTER SYSTEM."""
    if facts.holds("managed"):
        return [f"-- in the service's parameters of this server: {name} = {value}"]
    if name in facts.settings and facts.settings[name].source == "command line":
        return [f"-- it is given on the server's command line (-c), change it there: {name} = {value}"]
    return [f"ALTER SYSTEM SET {name} = {value};"]
