"""Which system it is, from /etc/os-release."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from exporter.collectors.host._fields import Kept
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import gauge
from exporter.model.table import Column, Table, info, single
from exporter.sources.host import Host

FIELDS = (
    "build_id",
    "id",
    "id_like",
    "image_id",
    "image_version",
    "name",
    "pretty_name",
    "variant",
    "variant_id",
    "version",
    "version_codename",
    "version_id",
)
INFO = gauge("node_os_info", "Always 1; its labels are what /etc/os-release says of the system.", FIELDS)
VERSION = gauge(
    "node_os_version", "The first two numbers of the system's version.", ("id", "id_like", "name")
)
SUPPORT_END = gauge("node_os_support_end_timestamp_seconds", "Unix time at which the system's support ends.")

FILES = ("etc/os-release", "usr/lib/os-release")

_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{0,9})?", re.ASCII)


def parse(text: str) -> dict[str, str]:
    """Lines `NAME="Debian GNU/Linux"`, quoted as the shell does; what is not understood is left out."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        try:
            words = shlex.split(value)
        except ValueError:  # a quotation mark without its other half
            continue
        found[name.lower()] = " ".join(words)
    return found


def tables(found: Mapping[str, str]) -> list[Table]:
    """The names, the version as a number if it has one, and the end of support where the file says it.

    Raises:
        Skip: the file says none of it.
    """
    if not found.keys() & set(FIELDS):
        raise Skip(Reason.NO_DATA, "/etc/os-release: no line of it could be understood")
    collected = [info(INFO, {name: found.get(name, "") for name in FIELDS})]
    if (number := _VERSION.match(found.get("version_id", ""))) and float(number[0]):
        row = tuple(found.get(name, "") for name in VERSION.labels)
        collected.append(Table(VERSION.labels, [row], [Column(VERSION, (float(number[0]),))]))
    if (end := _day(found.get("support_end", ""))) is not None:
        collected.append(single({SUPPORT_END: end}))
    return collected


def _day(text: str) -> float | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _text(host: Host) -> str:
    try:
        return host.root(FILES[0])
    except Skip:
        return host.root(FILES[1])


def build(host: Host) -> Collect:
    """Reads the file once a minute: upgrades are rare."""
    kept = Kept(lambda: tables(parse(_text(host))))

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return kept()

    return collect


COLLECTOR = CollectorSpec(
    help="Which system it is, from /etc/os-release.",
    source="host",
    metrics=(INFO, VERSION, SUPPORT_END),
    build=build,
    docs="os-release(5)",
    explain=lambda _: "reads /etc/os-release, else /usr/lib/os-release, below rootfs",
)
