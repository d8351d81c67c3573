"""How a setting of a server is changed, and the finding that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.facts.server import ServerFacts
from exporter.sql.identifiers import literal

PARAMETERS = {
    "Amazon RDS": "the parameter group",
    "Google Cloud SQL": "the instance's database flags",
    "Azure Database for PostgreSQL": "the server parameters",
    "AlloyDB": "the instance's database flags",
}


def change(server: ServerFacts, name: str, value: str) -> list[str]:
    """The statements that give a setting a value, as the one who runs this server can.

    A service changes it in a place of its own; what stands on the command line only changes there.
    """
    setting = server.settings.get(name)
    restart = setting is not None and setting.context == "postmaster"
    if server.managed:
        place = PARAMETERS.get(server.managed, "the service's parameters")
        return [
            f"-- {server.managed}: change it in {place}: {name} = {value}{' (restart)' if restart else ''}"
        ]
    if setting is not None and setting.source == "command line":
        return [f"-- it stands on the server's command line, change it there: {name} = {value}"]
    statement = f"ALTER SYSTEM SET {name} = {_quoted(name, value)};"
    return [f"{statement}  -- restart needed"] if restart else [statement, "SELECT pg_reload_conf();"]


def _quoted(name: str, value: str) -> str:
    """The value as a literal; of a list each member is one, else the server takes all for one name."""
    if name != "shared_preload_libraries":
        return literal(value)
    return ", ".join(literal(member.strip().strip('"')) for member in value.split(",") if member.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What is said of a setting.

    Attributes:
        name: the setting.
        value: what it should be; empty where that can't be said.
        title, why: as in a finding.
        evidence: beside the value that it has.
        rule: where a setting has several.
    """

    name: str
    value: str
    title: str
    why: str
    cost: str = "Nothing that would be felt."
    evidence: Sequence[Evidence] = ()
    severity: Severity = Severity.INFO
    confidence: Confidence = Confidence.MEDIUM
    notes: Sequence[str] = ()
    rule: str = ""
    weight: float = 0.0

    def finding(self, server: ServerFacts) -> Finding:
        """As a finding, with the SQL for this server."""
        setting = server.settings.get(self.name)
        has = [Evidence(self.name, shown(server, self.name))] if setting is not None else []
        sql = change(server, self.name, self.value) if self.value else []
        return Finding(
            kind=Kind.SETTING,
            rule=self.rule or self.name,
            severity=self.severity,
            confidence=self.confidence,
            title=self.title,
            subject=self.name,
            why=self.why,
            evidence=[*has, *self.evidence],
            sql=[*(f"-- {note}" for note in self.notes), *sql],
            cost=self.cost,
            weight=self.weight,
        )


def shown(server: ServerFacts, name: str) -> str:
    """A setting's value as SHOW has it, as a rule."""
    setting = server.settings[name]
    if not setting.unit or setting.value in ("0", "-1"):
        return setting.value
    if setting.unit in ("ms", "s", "min"):
        return f"{setting.seconds:g}s"
    return as_memory(setting.bytes)


def as_memory(count: float) -> str:
    """Bytes as a setting takes them: whole kB, MB or GB."""
    kilobytes = int(count) // 1024
    for power, unit in ((1 << 20, "GB"), (1 << 10, "MB")):
        if kilobytes and kilobytes % power == 0:
            return f"{kilobytes // power}{unit}"
    return f"{kilobytes}kB"


def rounded(count: float) -> int:
    """Bytes, down to a quarter of the power of two below: values that people can read."""
    step = 1 << max(20, int(count).bit_length() - 3)
    return max(step, int(count) // step * step)


def bytes_of(server: ServerFacts, name: str) -> float | None:
    """A setting in bytes; None where it is not known."""
    setting = server.settings.get(name)
    return None if setting is None else setting.bytes


def is_off(server: ServerFacts, name: str) -> bool:
    """Whether it is known, and off."""
    setting = server.settings.get(name)
    return setting is not None and setting.value == "off"


def number_of(server: ServerFacts, name: str) -> float | None:
    """A setting as a number in its unit; None where it is not known."""
    setting = server.settings.get(name)
    return None if setting is None else setting.number
