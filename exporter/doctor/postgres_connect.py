"""Why PostgreSQL did not let us in, and what mends it, from the sentence that it said.

The sentences are those of the server in English (`lc_messages`) and of libpq; one that is unknown has
the remedy of looking at it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from exporter.doctor.sql import identifier

Lines = Sequence[str]
Remedy = Callable[[re.Match[str], str, int], Lines]
"""From the match, the role that logs in and `postgres.max_connections` to the lines of the remedy."""


def _hba(match: re.Match[str], login: str, most: int) -> Lines:
    del login, most
    host = match["host"]
    user, database = (match[name].replace('"', '""') for name in ("user", "database"))
    kind = "local" if host == "[local]" else "host"
    address = "" if kind == "local" else f" {host}/{128 if ':' in host else 32}"
    return [
        "# in pg_hba.conf, then SELECT pg_reload_conf();",
        f'{kind} "{database}" "{user}"{address} scram-sha-256',
    ]


def _limit(match: re.Match[str], login: str, most: int) -> Lines:
    del match
    # Twice: a daemon may be running as the same role.
    return [f"ALTER ROLE {identifier(login)} CONNECTION LIMIT {2 * most};"]


def _line(text: str) -> Remedy:
    """A remedy in which `{login}` is the role's name, and `{name}` the one in the sentence, quoted."""

    def lines(match: re.Match[str], login: str, most: int) -> Lines:
        del most
        name = match.groupdict().get("name") or ""
        return text.format(login=identifier(login), name=identifier(name)).split("\n")

    return lines


HBA = r'no pg_hba\.conf entry for host "(?P<host>.*?)", user "(?P<user>.*)", database "(?P<database>.*?)"'
SILENT = "no answer|not answering|no connection after|had not answered"
UNREACHED = "refused|translate host name|[Nn]o route|[Nn]ame or service|[Nn]o such file|unreachable"

REMEDIES: Sequence[tuple[str, Remedy]] = (
    (HBA, _hba),
    ("too many connections for role", _limit),
    ('too many connections for database "(?P<name>.*)"',
     _line("ALTER DATABASE {name} CONNECTION LIMIT -1;")),
    ('permission denied for database "(?P<name>.*)"',
     _line("GRANT CONNECT ON DATABASE {name} TO {login};")),
    ('role "(?P<name>.*)" is not permitted to log in',
     _line("ALTER ROLE {name} LOGIN;")),
    ('role "(?P<name>.*)" does not exist',
     _line("CREATE ROLE {name} LOGIN;\nGRANT pg_monitor TO {name};")),
    ("password authentication failed|no password supplied",
     _line("-- compare postgres.dsn, postgres.password and postgres.password_file with role {login};\n"
           "-- a new password, in psql: \\password {login}")),
    ('cannot connect to invalid database "(?P<name>.*)"',
     _line("DROP DATABASE {name};  -- an earlier DROP DATABASE was interrupted")),
    ('database "(?P<name>.*)" does not exist',
     _line("-- name a database that there is in postgres.dsn: postgresql://.../postgres")),
    ("too many clients|connection slots are reserved",
     _line("-- end sessions, raise the server's max_connections, or put a pooler in front of it")),
    ("starting up|shutting down|recovery mode",
     _line("-- wait until the server takes connections")),
    (SILENT,
     _line("-- the server is silent: is it overloaded or stopped, or is a firewall in between?")),
    (UNREACHED,
     _line("-- is the server running, and do host and port in postgres.dsn lead to it?")),
)  # fmt: skip

ELSE = ("-- the server's log says more",)


def remedy_of(error: str, login: str, max_connections: int) -> Lines:
    """What mends a refusal.

    Args:
        error: the source's message.
        login: the role that logs in.
        max_connections: `postgres.max_connections`.
    """
    for pattern, remedy in REMEDIES:
        if match := re.search(pattern, error):
            return remedy(match, login, max_connections)
    return ELSE
