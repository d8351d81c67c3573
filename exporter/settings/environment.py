"""Settings from variables: `EXPORTER_WEB__LISTEN_ADDRESS` is `web.listen_address`.

`EXPORTER_TARGETS__ORDERS__POSTGRES__DSN` is `postgres.dsn` of the target `orders`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from exporter.settings.given import Given, Reading
from exporter.settings.keys import Keys, from_underscores
from exporter.settings.model import Key

PREFIX = "EXPORTER_"

# Kubernetes puts these into every pod of a namespace that has a Service named exporter or exporter-...
_INJECTED = re.compile(
    r"EXPORTER_(?:[A-Z0-9]+_)*(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9]+)*|PORT(?:_\d+_[A-Z_]+)?)"
)


def variable(key: Key) -> str:
    """The variable of a setting."""
    return f"{PREFIX}{'__'.join(key)}".upper()


def read(environ: Mapping[str, str], keys: Keys) -> Reading:
    """All variables with the prefix; upper or lower case."""
    reading = Reading()
    for name in sorted(environ):
        if not name.upper().startswith(PREFIX):
            continue
        key = from_underscores(name[len(PREFIX) :])
        where = f"variable {name}"
        if key in keys:
            reading.given[key] = Given(environ[name], where)
        elif not _INJECTED.fullmatch(name):
            reading.findings.append(f"{where}: no such setting{keys.hint(key, variable)}")
    return reading
