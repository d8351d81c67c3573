"""Settings of the host."""

from __future__ import annotations

from pydantic import Field

from exporter.settings.sections.base import Section
from exporter.settings.values import Folder, SourceRegex


class Host(Section):
    """The host or container that this process runs on."""

    enabled: bool = Field(default=True, description="Collect from the host.")
    procfs: Folder = Field(default="/proc", description="Where the host's /proc is mounted.")
    sysfs: Folder = Field(default="/sys", description="Where the host's /sys is mounted.")
    rootfs: Folder = Field(default="/", description="Where the host's root file system is mounted.")
    mount_points_exclude: SourceRegex = Field(
        default=None, description="Regular expression of mount points to leave out."
    )
    fs_types_exclude: SourceRegex = Field(
        default=None, description="Regular expression of file system types to leave out."
    )
    disk_device_exclude: SourceRegex = Field(
        default=None, description="Regular expression of block devices to leave out."
    )
    netdev_device_exclude: SourceRegex = Field(
        default=None, description="Regular expression of network devices to leave out."
    )
    vmstat_fields: SourceRegex = Field(
        default=None, description="Regular expression of /proc/vmstat fields to export."
    )
    netstat_fields: SourceRegex = Field(
        default=None, description="Regular expression of netstat and snmp fields to export."
    )
