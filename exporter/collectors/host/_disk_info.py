"""What disks are: model, serial number, file system; from udev's database and /sys/block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.collectors.host._fields import Kept, whole
from exporter.model.metric import gauge
from exporter.model.table import Column, Labels, Table
from exporter.sources.host import Host

INFO_LABELS = ("device", "major", "minor", "path", "wwn", "model", "serial", "revision", "rotational")
FILESYSTEM_PROPERTIES = {
    "type": "ID_FS_TYPE",
    "usage": "ID_FS_USAGE",
    "uuid": "ID_FS_UUID",
    "version": "ID_FS_VERSION",
}
MAPPER_PROPERTIES = {
    "name": "DM_NAME",
    "uuid": "DM_UUID",
    "vg_name": "DM_VG_NAME",
    "lv_name": "DM_LV_NAME",
    "lv_layer": "DM_LV_LAYER",
}
ATA = ("device",)

INFO = gauge("node_disk_info", "Always 1; its labels say what disk this is.", INFO_LABELS)
FILESYSTEM = gauge(
    "node_disk_filesystem_info",
    "Always 1; its labels say what file system is on the disk.",
    ("device", *FILESYSTEM_PROPERTIES),
)
MAPPER = gauge(
    "node_disk_device_mapper_info",
    "Always 1; its labels name a volume of the device mapper.",
    ("device", *MAPPER_PROPERTIES),
)
WRITE_CACHE = gauge("node_disk_ata_write_cache", "1 if the ATA disk has a write cache.", ATA)
WRITE_CACHE_ENABLED = gauge(
    "node_disk_ata_write_cache_enabled", "1 if the ATA disk's write cache is on.", ATA
)
ROTATION_RATE = gauge(
    "node_disk_ata_rotation_rate_rpm", "Turns a minute of the ATA disk, 0 for one without.", ATA
)

METRICS = (INFO, FILESYSTEM, MAPPER, WRITE_CACHE, WRITE_CACHE_ENABLED, ROTATION_RATE)

# What the printed label of the disk shows, then what udev made of it, then what virtual disks have.
SERIALS = ("SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL")
ATA_PROPERTIES = {
    WRITE_CACHE: "ID_ATA_WRITE_CACHE",
    WRITE_CACHE_ENABLED: "ID_ATA_WRITE_CACHE_ENABLED",
    ROTATION_RATE: "ID_ATA_ROTATION_RATE_RPM",
}

Device = tuple[str, str, str]
"""Name, major and minor number."""


class Known:
    """The tables of the devices, made anew after a while, and at once when there are others."""

    def __init__(self, host: Host) -> None:
        self._devices: Sequence[Device] = ()
        self._tables = Kept(lambda: tables(host, self._devices))

    def tables(self, devices: Sequence[Device]) -> list[Table]:
        """The tables of these devices."""
        if devices != self._devices:
            self._devices = devices
            self._tables.forget()
        return self._tables()


def tables(host: Host, devices: Sequence[Device]) -> list[Table]:
    """All that is known of these devices; one without an entry in udev's database has empty labels."""
    known = {device: host.udev(device[1], device[2]) for device in devices}
    info = [_info_row(host, device, udev) for device, udev in known.items()]
    disks = [(device[0], udev) for device, udev in known.items() if udev]
    filesystems = [_row(name, udev, FILESYSTEM_PROPERTIES) for name, udev in disks if udev.get("ID_FS_TYPE")]
    volumes = [_row(name, udev, MAPPER_PROPERTIES) for name, udev in disks if udev.get("DM_NAME")]
    ata = [(name, udev) for name, udev in disks if udev.get("ID_ATA")]
    ata_columns = [
        Column(metric, [whole(udev.get(key, "")) for _, udev in ata])
        for metric, key in ATA_PROPERTIES.items()
    ]
    return [
        Table(INFO_LABELS, info, [Column(INFO, (1,) * len(info))]),
        Table(FILESYSTEM.labels, filesystems, [Column(FILESYSTEM, (1,) * len(filesystems))]),
        Table(MAPPER.labels, volumes, [Column(MAPPER, (1,) * len(volumes))]),
        Table(ATA, [(name,) for name, _ in ata], ata_columns),
    ]


def _row(name: str, udev: Mapping[str, str], properties: Mapping[str, str]) -> Labels:
    return (name, *(udev.get(key, "") for key in properties.values()))


def _info_row(host: Host, device: Device, udev: Mapping[str, str]) -> Labels:
    serial = next((udev[key] for key in SERIALS if udev.get(key)), "")
    named = [udev.get(key, "") for key in ("ID_PATH", "ID_WWN", "ID_MODEL")]
    block = device[0].replace("/", "!")  # as /sys writes cciss/c0d0
    rotational = "1" if host.sys_or_none(f"block/{block}/queue/rotational") == "1" else "0"
    return (*device, *named, serial, udev.get("ID_REVISION", ""), rotational)
