"""Variables that users of the upstream exporters already have. They count less than every other source.

- postgres_exporter: `DATA_SOURCE_NAME`, else `DATA_SOURCE_URI`, `_USER` and `_PASS`; each has a `_FILE` form,
  which wins. A `DATA_SOURCE_NAME` is one DSN, commas and all (a password, a list of hosts); only when a
  comma is followed by the start of another URI it is several, and that is refused: each needs a name.
- postgres_exporter: `PG_EXPORTER_CONSTANT_LABELS`, `PG_EXPORTER_EXTEND_QUERY_PATH`.
- libpq: any of `PGHOST`, `PGHOSTADDR`, `PGSERVICE`, `PGUSER`, `PGDATABASE` means a DSN that is empty.
- redis_exporter: `REDIS_ADDR`, `REDIS_USER`, `REDIS_PASSWORD`, `REDIS_PASSWORD_FILE`, and
  `REDIS_EXPORTER_CHECK_KEYS` and the others about keys and streams.
- pgbouncer_exporter: `PGBOUNCER_EXPORTER_CONNECTION_STRING`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import quote

from exporter.settings.given import Given, Reading, UnreadableError, read_text
from exporter.settings.model import Key

LIBPQ = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGUSER", "PGDATABASE")
OF_REDIS_EXPORTER = (
    *("check_keys", "check_single_keys", "count_keys", "check_key_groups", "max_distinct_key_groups"),
    *("check_streams", "check_single_streams", "streams_exclude_consumer_metrics"),
    "disable_exporting_key_values",
)
"""Settings that redis_exporter has under the same name, in capitals."""
PLAIN: Mapping[str, Key] = {
    "PG_EXPORTER_CONSTANT_LABELS": ("postgres", "labels"),
    "PG_EXPORTER_EXTEND_QUERY_PATH": ("postgres", "queries_files"),
    "REDIS_ADDR": ("redis", "address"),
    "REDIS_USER": ("redis", "username"),
    "REDIS_PASSWORD": ("redis", "password"),
    "REDIS_PASSWORD_FILE": ("redis", "password_file"),
    "PGBOUNCER_EXPORTER_CONNECTION_STRING": ("pgbouncer", "dsn"),
    **{f"REDIS_EXPORTER_{key.upper()}": ("redis", key) for key in OF_REDIS_EXPORTER},
}
_DSN: Key = ("postgres", "dsn")
_SEVERAL = re.compile(r",\s*postgres(?:ql)?://")


def read(environ: Mapping[str, str], taken: Collection[Key]) -> Reading:
    """The variables that are set, but for the settings in `taken`: a file that is not needed is not read."""
    reading = Reading()
    if _DSN not in taken:
        _read_dsn(environ, reading)
    for name, key in PLAIN.items():
        if value := environ.get(name):
            reading.given[key] = Given(value, f"variable {name}")
    if ("redis", "password_file") in reading.given:
        reading.given.pop(("redis", "password"), None)
    return reading


def _read_dsn(environ: Mapping[str, str], reading: Reading) -> None:
    name = _value(environ, "DATA_SOURCE_NAME", reading)
    parts = {part: _value(environ, f"DATA_SOURCE_{part}", reading) for part in ("URI", "USER", "PASS")}
    libpq = [variable for variable in LIBPQ if environ.get(variable)]
    if name is not None:
        if _SEVERAL.search(str(name.value)):
            reading.findings.append(
                f"postgres.dsn ({name.where}): expected one server: put each under a name in targets"
            )
        else:
            reading.given[_DSN] = name
    elif found := {part: given for part, given in parts.items() if given is not None}:
        where = ", ".join(given.where for given in found.values())
        reading.given[_DSN] = Given(_uri(**{part: str(given.value) for part, given in found.items()}), where)
    elif libpq:
        reading.given[_DSN] = Given("", f"variable {libpq[0]}")


def _uri(*, URI: str = "", USER: str = "", PASS: str = "") -> str:  # noqa: N803  # the variables' own words
    """A libpq URI. User and password are percent-encoded, so that no character of theirs can end them."""
    location = URI.strip().removeprefix("postgresql://").removeprefix("postgres://")
    if not (USER or PASS):
        return f"postgresql://{location}"
    user, password = (quote(text, safe="", errors="surrogateescape") for text in (USER, PASS))
    return f"postgresql://{user}{':' if PASS else ''}{password}@{location}"


def _value(environ: Mapping[str, str], name: str, reading: Reading) -> Given | None:
    if path := environ.get(f"{name}_FILE"):
        try:
            return Given(read_text(path), f"variable {name}_FILE")
        except UnreadableError as error:
            reading.findings.append(f"postgres.dsn (variable {name}_FILE): {error}")
    elif value := environ.get(name):
        return Given(value, f"variable {name}")
    return None
