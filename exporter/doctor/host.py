"""What the host has to let us read, and whether it is the host at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Protocol

from exporter.doctor.finding import Finding, Notes
from exporter.model.errors import Reason, Skip, Unavailable
from exporter.sources.host import HostOptions, View

TARGET = "host"
PROBE = "stat"
"""A file that every /proc has."""

FILES = (
    "1/mountinfo",
    "1/net/dev",
    "diskstats",
    "loadavg",
    "meminfo",
    "net/netstat",
    "pressure/cpu",
    "vmstat",
)
"""What the collectors read, one file of each kind."""

MOST_NAMED = 5


class HostSource(Protocol):
    """What the doctor needs of the host."""

    options: HostOptions

    def read(self, relative: str) -> str:
        """The text of a file below /proc."""

    def view(self) -> View:
        """Whose machine it is."""


async def examine(host: HostSource, procfs: str) -> list[Finding]:
    """Whether the host's /proc is where the settings say, and whether it and the others are the host's.

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
        return notes.findings
    notes.ok(f"{procfs} can be read")
    try:
        view = host.view()
    except Skip:  # no Linux, no namespaces
        pass
    else:
        _check_namespaces(notes, host.options, view)
        _check_rights(notes, host)
    _check_textfiles(notes, host.options)
    return notes.findings


def _check_namespaces(notes: Notes, options: HostOptions, view: View) -> None:
    if own := ", ".join(_own(view)):
        notes.advice(
            f"these are this container's own and not the host's: {own}",
            "# mount the host's /proc, /sys and / read-only as /host/proc, /host/sys and /host/root, and set",
            "EXPORTER_HOST__PROCFS=/host/proc",
            "EXPORTER_HOST__SYSFS=/host/sys",
            "EXPORTER_HOST__ROOTFS=/host/root",
        )
    if view.net_devices is None:
        notes.advice(
            f"{options.sysfs} has no network devices, so their state and all sensors are missing",
            "# EXPORTER_HOST__SYSFS is where the host's /sys is mounted, and defaults to /sys",
        )
    elif not view.net_devices:
        notes.error(
            f"{options.sysfs} has the devices of another network than {options.procfs}: they are left out",
            "# mount the host's /sys beside its /proc, as /host/sys, and set",
            "EXPORTER_HOST__SYSFS=/host/sys",
        )
    if view.unreachable:
        named = ", ".join(view.unreachable[:MOST_NAMED])
        count = len(view.unreachable)
        notes.error(
            f"{count} of the host's file systems are not below {options.rootfs}: {named}",
            "# mount the host's / with all that is mounted in it, now and later:",
            "# docker run -v /:/host/root:ro,rslave; in Kubernetes mountPropagation: HostToContainer",
        )


def _own(view: View) -> Iterator[str]:
    if not view.processes:
        yield "processes"
    if not view.network:
        yield "network"
    if not view.mounts:
        yield "file systems"


def _check_rights(notes: Notes, host: HostSource) -> None:
    refused = [name for name in FILES if _is_refused(host, name)]
    if refused:
        notes.error(
            f"the exporter's user may not read {', '.join(refused)} below {host.options.procfs}",
            "# is /proc mounted with hidepid? mount it with gid= of a group that the exporter's user is in",
        )


def _is_refused(host: HostSource, name: str) -> bool:
    try:
        host.read(name)
    except Skip as skip:
        return skip.reason is Reason.PERMISSION
    except Unavailable:
        return False
    return False


def _check_textfiles(notes: Notes, options: HostOptions) -> None:
    folder = options.textfile_directory
    if folder is not None and not os.access(folder, os.R_OK | os.X_OK):
        notes.error(
            f"{folder} is no folder that the exporter's user may read",
            "# EXPORTER_HOST__TEXTFILE_DIRECTORY is where your files *.prom are",
        )
