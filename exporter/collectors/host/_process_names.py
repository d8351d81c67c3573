"""The groups of a data stack, where no file says which there are: by what each kind of process is known by.

PostgreSQL's processes say in their titles what they are; applications in Python go by their server or script.
Where a name comes from outside, as a database's, there are so many names and one for all others.
"""

from __future__ import annotations

from collections.abc import Sequence

from exporter.sources.host.processes_rules import Candidate, base

MOST_DATABASES = 20
MOST_SCRIPTS = 10
OTHERS = "(others)"

BY_NAME = frozenset(
    {
        "redis-server",
        "redis-sentinel",
        "valkey-server",
        "valkey-sentinel",
        "keydb-server",
        "dragonfly",
        "pgbouncer",
    }
)
SENTINEL_TITLE = "[sentinel]"

POSTGRES = frozenset({"postgres", "postmaster"})
TITLE = "postgres: "
BACKEND_TYPES = (
    "archiver",
    "autovacuum launcher",
    "autovacuum worker",
    "background writer",
    "checkpointer",
    "io worker",
    "logger",
    "logical replication apply worker",
    "logical replication launcher",
    "logical replication parallel apply worker",
    "logical replication tablesync worker",
    "logical replication worker",
    "parallel worker",
    "slotsync worker",
    "startup",
    "stats collector",
    "walreceiver",
    "walsender",
    "walsummarizer",
    "walwriter",
)
OTHER_TYPE = "background worker"
LOCAL = "[local]"

PYTHON = "python"
OPTIONS_WITH_VALUE = frozenset({"-W", "-X", "--check-hash-based-pycs"})
APPLICATION_SERVERS = frozenset(
    {"celery", "celeryd", "daphne", "dramatiq", "granian", "gunicorn", "hypercorn", "rq", "uvicorn", "uwsgi"}
)
OWN = frozenset({"datastack-exporter", "exporter"})
OWN_GROUP = "datastack-exporter"


class Few:
    """Lets so many different names through, and says `(others)` for all that come later."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: set[str] = set()

    def __call__(self, name: str) -> str:
        if name not in self._names:
            if len(self._names) >= self._most:
                return OTHERS
            self._names.add(name)
        return name


class DataStack:
    """Names the processes of a data stack."""

    def __init__(self) -> None:
        self._databases = Few(MOST_DATABASES)
        self._scripts = Few(MOST_SCRIPTS)

    def group(self, candidate: Candidate) -> str | None:
        """The group's name; None for a process that is none of them."""
        name = candidate.process.name
        if name in POSTGRES:
            return self._postgres(candidate.executable)
        if name in BY_NAME:
            return name.replace("-server", "-sentinel") if SENTINEL_TITLE in candidate.line else name
        return self._python(candidate.command)

    def _postgres(self, title: str) -> str:
        if not title.startswith(TITLE):
            return "postgres postmaster"
        kind, database = backend(title)
        return f"postgres client {self._databases(database)}" if database else f"postgres {kind}"

    def _python(self, command: Sequence[str]) -> str | None:
        script = python_script(command)
        if script is None:
            return None
        return OWN_GROUP if script in OWN else f"python {self._scripts(script)}"


def backend(title: str) -> tuple[str, str]:
    """Type and database of a title such as `postgres: 15/main: alice shop 10.0.0.7(51234) idle`.

    The name of the cluster stands before the rest where it has one. The database is empty for what is
    no client's. The types are those of `pg_stat_activity.backend_type`; those of extensions are
    `background worker`.
    """
    text = rest = title.removeprefix(TITLE)
    while not (kind := _type(rest)) and ": " in rest:
        rest = rest.partition(": ")[2]
    if kind == "walsender":
        return kind, ""
    words = text.split(" ")
    for position, word in enumerate(words[2:], 2):
        if word == LOCAL or (word.endswith(")") and word.rpartition("(")[2][:-1].isdigit()):
            return "client", words[position - 1]
    return kind or OTHER_TYPE, ""


def _type(text: str) -> str:
    return next((kind for kind in BACKEND_TYPES if text == kind or text.startswith(f"{kind} ")), "")


def python_script(command: Sequence[str]) -> str | None:
    """Which program a Python interpreter runs, or which application server has given itself a title.

    `-c` is no name: such a process is its parent's. None for what is not Python.
    """
    if not command:
        return None
    if not base(command[0]).startswith(PYTHON):
        title = command[0].split(":", 1)[0].lstrip("[")
        return title if title in APPLICATION_SERVERS else None
    arguments = iter(command[1:])
    for argument in arguments:
        if argument == "-m":
            return next(arguments, None)
        if argument == "-c":
            return None
        if argument in OPTIONS_WITH_VALUE:
            next(arguments, None)
        elif not argument.startswith("-"):
            return base(argument)
    return None
