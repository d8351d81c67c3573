"""The host that the exporter runs on, or whose /proc and /sys it is given."""

from __future__ import annotations

import sys

from exporter.sources.host.files import Clock, Host
from exporter.sources.host.mounts import Mount
from exporter.sources.host.options import HostOptions
from exporter.sources.host.statvfs import Answers, Space, Statvfs

__all__ = ["Answers", "Clock", "Host", "HostOptions", "Mount", "Space", "Statvfs", "open_host"]


def open_host(options: HostOptions | None = None, platform: str = sys.platform) -> Host:
    """The host of this platform: Linux's files, or psutil's numbers in their form.

    Raises:
        SettingsError: a filter is not a regular expression.
    """
    if platform.startswith("linux"):
        return Host(options)
    from exporter.sources.host.elsewhere import ElsewhereHost  # noqa: PLC0415 - memory

    return ElsewhereHost(options)
