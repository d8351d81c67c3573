"""Settings from variables: `EXPORTER_WEB__LISTEN_ADDRESS` is `web.listen_address`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from exporter.settings.given import Given, Reading, did_you_mean
from exporter.settings.model import Key

PREFIX = "EXPORTER_"

# Kubernetes puts these into every pod of a namespace that has a Service named exporter or exporter-...
_INJECTED = re.compile(
    r"EXPORTER_(?:[A-Z0-9]+_)*(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9]+)*|PORT(?:_\d+_[A-Z_]+)?)"
)


def variable(key: Key) -> str:
    """The variable of a setting."""
    return f"{PREFIX}{key[0]}__{key[1]}".upper()


def read(environ: Mapping[str, str], keys: Collection[Key]) -> Reading:
    """All variables with the prefix; upper or lower case."""
    reading = Reading()
    for name in sorted(environ):
        if not name.upper().startswith(PREFIX):
            continue
        section, _, key = name[len(PREFIX) :].lower().partition("__")
        where = f"variable {name}"
        if (section, key) in keys:
            reading.given[section, key] = Given(environ[name], where)
        elif not _INJECTED.fullmatch(name):
            hint = did_you_mean(name, map(variable, keys))
            reading.findings.append(f"{where}: no such setting{hint}")
    return reading
