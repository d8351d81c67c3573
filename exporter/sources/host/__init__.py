"""The host that the exporter runs on, or whose /proc and /sys it is given."""

from __future__ import annotations

import sys

from exporter.sources.host.aside import Aside
from exporter.sources.host.clock import Clock
from exporter.sources.host.files import Host
from exporter.sources.host.mounts import Mount
from exporter.sources.host.options import HostOptions
from exporter.sources.host.statvfs import Answers, Space, Statvfs
from exporter.sources.host.view import View

__all__ = [
    "Answers",
    "Aside",
    "Clock",
    "Host",
    "HostOptions",
    "Mount",
    "Space",
    "Statvfs",
    "View",
    "open_host",
]


def open_host(options: HostOptions | None = None, platform: str = sys.platform) -> Host:
    """The host of this platform: Linux's files, or psutil's numbers in their form.

    Raises:
        SettingsError: a filter is not a regular expression.
    """
    if platform.startswith("linux"):
        return Host(options)
    from exporter.sources.host.elsewhere import ElsewhereHost  # noqa: PLC0415 - memory

    return ElsewhereHost(options)
