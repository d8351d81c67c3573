"""Temperatures, fans, voltages and other sensors, from /sys/class/hwmon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from exporter.collectors.host._fields import number
from exporter.collectors.host._hwmon_names import (
    LABEL,
    LABELS,
    OF_CHIPS,
    PATTERNS,
    File,
    Names,
    cleaned,
    file_of,
)
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.metric import Metric, gauge
from exporter.model.table import Column, Labels, Table
from exporter.sources.host import Aside, Host

CHIP_NAMES = gauge("node_hwmon_chip_names", "Always 1; names the chip.", ("chip", "chip_name"))
SENSOR_LABEL = gauge(
    "node_hwmon_sensor_label",
    "Always 1; the label says what the sensor measures.",
    ("chip", "sensor", "label"),
)

FOLDER = "class/hwmon"

EVERY_SECONDS = 15.0
"""A sensor on a slow bus takes tens of milliseconds to read, and some machines have a hundred of them."""

Readings = Mapping[File, str]
Chips = Mapping[str, tuple[str, Readings]]
"""Chip's label -> its name, and what the files of its sensors say."""


def read(host: Host) -> Chips:
    """All chips.

    Raises:
        Skip: this machine has none.
    """
    folders = host.sys_names(FOLDER)
    names = {folder: host.sys_or_none(f"{FOLDER}/{folder}/name") or "" for folder in folders}
    labels = {folder: _label(host, folder, names[folder]) for folder in folders}
    same = Counter(labels.values())
    same_name = Counter((labels[folder], names[folder]) for folder in folders)
    chips = {}
    for folder, label in labels.items():
        own = names[folder] if same_name[label, names[folder]] == 1 else folder
        unique = label if same[label] == 1 else f"{label}_{cleaned(own or folder)}"
        chips[unique] = (cleaned(names[folder]), dict(_readings(host, folder)))
    return chips


def _label(host: Host, folder: str, name: str) -> str:
    """The chip by its place among the devices, which stays, unlike the number of `hwmon0`."""
    path = host.sys_path(f"{FOLDER}/{folder}/device")
    *_, bus, device = path.split("/")
    if host.sys_has(f"{FOLDER}/{folder}/device") and (place := cleaned(device)):
        return f"{cleaned(bus)}_{place}".strip("_")
    return cleaned(name) or cleaned(folder)


def _readings(host: Host, folder: str) -> Iterator[tuple[File, str]]:
    for place in (f"{FOLDER}/{folder}", f"{FOLDER}/{folder}/device"):
        try:
            names = host.sys_names(place)
        except Skip:
            continue
        for name in names:
            file = file_of(name)
            if file is not None and (text := host.sys_or_none(f"{place}/{name}")) is not None:
                yield file, text


def tables(chips: Chips, names: Names) -> list[Table]:
    """The names of chips and sensors, and a table for each metric."""
    chip_rows = [(chip, name) for chip, (name, _) in chips.items() if name]
    labels: list[Labels] = []
    values: dict[Metric, list[tuple[Labels, float]]] = {}
    for chip, (_, readings) in chips.items():
        plain = {file.sensor for file in readings if not file.element}
        for file, text in readings.items():
            if file.element == LABEL:
                labels.append((chip, file.sensor, text))
                continue
            found = names.metric(file, has_plain=file.sensor in plain)
            if found is not None and (value := number(text)) is not None:
                values.setdefault(found[0], []).append(((chip, file.sensor), value * found[1]))
    return [
        Table(CHIP_NAMES.labels, chip_rows, [Column(CHIP_NAMES, (1,) * len(chip_rows))]),
        Table(SENSOR_LABEL.labels, labels, [Column(SENSOR_LABEL, (1,) * len(labels))]),
        *(
            Table(LABELS, [row for row, _ in found], [Column(metric, [value for _, value in found])])
            for metric, found in values.items()
        ),
    ]


def build(host: Host) -> Collect:
    """Reads in a thread: the kernel asks the sensors while the file is read."""
    aside = Aside("/sys/class/hwmon")
    names = Names()

    async def collect(deadline: Deadline) -> Sequence[Table]:
        return tables(await aside.run(lambda: read(host), deadline), names)

    return collect


COLLECTOR = CollectorSpec(
    help="Temperatures, fans, voltages and other sensors, from /sys/class/hwmon.",
    source="host",
    metrics=(CHIP_NAMES, SENSOR_LABEL, *(metric for metric, _ in OF_CHIPS.values()), *PATTERNS),
    build=build,
    every_seconds=EVERY_SECONDS,
    docs="https://docs.kernel.org/hwmon/sysfs-interface.html",
    explain=lambda _: "reads /sys/class/hwmon/*",
)
