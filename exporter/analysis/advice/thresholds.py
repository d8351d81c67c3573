"""Where autovacuum starts on a table, as the server reckons it.

Source: https://www.postgresql.org/docs/current/routine-vacuuming.html#AUTOVACUUM
"""

from __future__ import annotations

from dataclasses import dataclass

from exporter.facts.relations import Relation
from exporter.facts.server import ServerFacts

DEFAULTS = {
    "autovacuum_vacuum_threshold": 50.0,
    "autovacuum_vacuum_scale_factor": 0.2,
    "autovacuum_vacuum_insert_threshold": 1000.0,
    "autovacuum_vacuum_insert_scale_factor": 0.2,
    "autovacuum_analyze_threshold": 50.0,
    "autovacuum_analyze_scale_factor": 0.1,
    "autovacuum_freeze_max_age": 200_000_000.0,
}
OFF = ("off", "false", "no", "0", "f", "n")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Rows of a table that must be dead, inserted or changed before autovacuum comes.

    Attributes:
        dead: for VACUUM.
        inserted: the same for tables that only grow; None where that is off.
        changed: for ANALYZE.
        freeze: transactions after which VACUUM is forced.
        enabled: whether autovacuum looks at the table otherwise.
    """

    dead: float
    inserted: float | None
    changed: float
    freeze: float
    enabled: bool


def thresholds(table: Relation, server: ServerFacts) -> Thresholds:
    """Those of a table: its storage parameters before the settings."""

    def value(name: str) -> float:
        if name in table.options:
            return float(table.options[name])
        setting = server.settings.get(name)
        return setting.number if setting is not None else DEFAULTS[name]

    def start(what: str) -> float:
        return value(f"autovacuum_{what}_threshold") + value(f"autovacuum_{what}_scale_factor") * rows

    rows = max(table.rows or 0.0, 0.0)
    most = table.options.get("autovacuum_vacuum_max_threshold") or _setting(
        server, "autovacuum_vacuum_max_threshold"
    )
    dead = start("vacuum")
    if most is not None and float(most) >= 0:
        dead = min(dead, float(most))
    inserts_count = value("autovacuum_vacuum_insert_threshold") >= 0
    return Thresholds(
        dead=dead,
        inserted=start("vacuum_insert") if inserts_count else None,
        changed=start("analyze"),
        freeze=value("autovacuum_freeze_max_age"),
        enabled=table.options.get("autovacuum_enabled", "on").lower() not in OFF,
    )


def _setting(server: ServerFacts, name: str) -> str | None:
    setting = server.settings.get(name)
    return None if setting is None else setting.value
