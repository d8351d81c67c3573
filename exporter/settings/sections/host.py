"""Settings of the host."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from exporter.settings.sections.base import Section
from exporter.settings.values import File, Folder, Labels, SourceRegex

OF_THE_NUMBERS = frozenset({"id", "cpu", "device", "failure_type", "scope", "version", "process"})
"""Labels that the numbers of control groups have."""


def _free(labels: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    if taken := OF_THE_NUMBERS.intersection(dict(labels)):
        raise ValueError(
            f"expected other names than {min(taken)}, which the metrics of containers have already"
        )
    return labels


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
    textfile_directory: Folder | None = Field(
        default=None, description="Folder of files *.prom with metrics of your own."
    )
    process_groups_file: File = Field(
        default=None,
        description="File that says which processes belong together, as process-exporter's own does; "
        "without one they are the groups of a data stack.",
    )
    process_children: bool = Field(
        default=True, description="A process without a group of its own is in its parent's."
    )
    process_pss_seconds: float = Field(
        default=0.1,
        ge=0,
        le=5,
        description="Seconds of each run that may go into asking for proportional memory; 0 for none.",
    )
    process_threads: bool = Field(
        default=False, description="Count the threads of process groups by name and by what they wait for."
    )
    cgroupfs: Folder | None = Field(
        default=None, description="Where the control groups are mounted; fs/cgroup below sysfs if not given."
    )
    container_labels: Annotated[Labels, AfterValidator(_free)] = Field(
        default=(), description="Labels of the exporter's own container, as pod and namespace."
    )
    systemd_unit_include: SourceRegex = Field(
        default=None, description="Regular expression of systemd units to show; it matches the whole name."
    )
    systemd_unit_exclude: SourceRegex = Field(
        default=None, description="Regular expression of systemd units to leave out, in the same way."
    )
    systemd_bus: Folder | None = Field(
        default=None,
        description="Socket of the D-Bus system bus; run/dbus/system_bus_socket below rootfs if not given.",
    )
