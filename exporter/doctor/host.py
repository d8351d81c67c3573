"""What the host has to let us read."""

from __future__ import annotations

from typing import Protocol

from exporter.doctor.finding import Finding, Notes
from exporter.model.errors import Skip, Unavailable

TARGET = "host"
PROBE = "stat"
"""A file that every /proc has."""


class HostSource(Protocol):
    """What the doctor needs of the host."""

    def read(self, relative: str) -> str:
        """The text of a file below /proc."""


async def examine(host: HostSource, procfs: str) -> list[Finding]:
    """Whether the host's /proc is where the settings say.

    Args:
        host: the host.
        procfs: where its /proc should be.
    """
    notes = Notes(TARGET)
    try:
        host.read(PROBE)
    except (Skip, Unavailable) as error:
        notes.error(
            f"{procfs} is no /proc that can be read: {error}",
            "# EXPORTER_HOST__PROCFS is where the host's /proc is mounted, and defaults to /proc",
        )
    else:
        notes.ok(f"{procfs} can be read")
    return notes.findings
