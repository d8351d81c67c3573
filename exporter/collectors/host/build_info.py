"""That there is an exporter of this host: the series that node_exporter's rules count hosts by."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from exporter import __version__
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table, info
from exporter.sources.host import Host

INFO = gauge(
    "node_exporter_build_info",
    "Always 1; its labels are the version of this exporter, and the system and processor it runs on.",
    ("version", "revision", "branch", "goversion", "goos", "goarch", "tags"),
)

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


def build(_host: Host) -> Collect:
    """What is about the other exporter's build alone is empty."""
    machine = platform.machine()
    labels = {
        **dict.fromkeys(INFO.labels, ""),
        "version": __version__,
        "goos": platform.system().lower(),
        "goarch": ARCHITECTURES.get(machine, machine),
    }
    tables = [info(INFO, labels)]

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return tables

    return collect


COLLECTOR = CollectorSpec(
    help="That there is an exporter of this host, by which node_exporter's rules count hosts.",
    source="host",
    metrics=(INFO,),
    build=build,
    docs="https://github.com/prometheus/node_exporter/tree/master/docs/node-mixin",
    explain=lambda _: "says the version of this exporter",
)
