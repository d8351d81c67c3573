"""Arrays of disks (software RAID), from /proc/mdstat and /sys/block/md*."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from exporter.collectors.host._fields import whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.metric import gauge
from exporter.model.table import Column, Labels, Table
from exporter.sources.host import Host

DEVICE = ("device",)
BY_STATE = ("device", "state")

STATE = gauge("node_md_state", "1 for the state that the array is in.", BY_STATE)
DISKS = gauge("node_md_disks", "Disks of the array by state.", BY_STATE)
REQUIRED = gauge("node_md_disks_required", "Disks that the array is made of.", DEVICE)
BLOCKS = gauge("node_md_blocks", "Size of the array in blocks of 1024 bytes.", DEVICE)
SYNCED = gauge("node_md_blocks_synced", "Blocks of the array that are in order.", DEVICE)
RAID_DISKS = gauge(
    "node_md_raid_disks", "Disks that the array is made of, as the kernel says in /sys.", DEVICE
)
DEGRADED = gauge("node_md_degraded", "Disks that the array lacks.", DEVICE)

STATES = ("active", "inactive", "recovering", "resync", "check")
WORK = {"recovery": "recovering", "resync": "resync", "check": "check", "reshape": "reshape"}
"""How the file calls what an array is busy with -> the state."""

_BLOCKS = re.compile(r"\s+(?P<blocks>[0-9]{1,20}) blocks", re.ASCII)
_DISKS = re.compile(r"\[(?P<required>[0-9]{1,9})/(?P<active>[0-9]{1,9})\]", re.ASCII)
_WORK = re.compile(
    r"(?P<work>recovery|resync|check|reshape)\s*=\s*(?:[0-9.]+%\s+\((?P<synced>[0-9]{1,20})/|(?P<waits>[A-Z]+))",
    re.ASCII,
)


class Array(NamedTuple):
    """What /proc/mdstat says of an array; `synced` and `blocks` are in KiB."""

    name: str
    state: str
    active: int
    failed: int
    spare: int
    required: int
    blocks: int
    synced: int


def parse(text: str) -> Iterator[Array]:
    """Paragraphs that begin with `md0 : active raid1 sdb1[1] sda1[0]`; what is not understood is left out."""
    lines = text.split("\n")
    for place, line in enumerate(lines):
        name, separator, rest = line.partition(" : ")
        words = rest.split()
        if not separator or line[:1].isspace() or words[:1] not in (["active"], ["inactive"]):
            continue
        paragraph = []
        for following in lines[place + 1 :]:
            if not following[:1].isspace():
                break
            paragraph.append(following)
        array = _array(name.strip(), words, "\n".join(paragraph))
        if array is not None:
            yield array


def _array(name: str, words: Sequence[str], details: str) -> Array | None:
    blocks = _BLOCKS.match(details)
    if blocks is None:
        return None
    members = [word for word in words if "[" in word]
    failed = sum("(F)" in word for word in members)
    spare = sum("(S)" in word for word in members)
    whole_size = int(blocks["blocks"])
    disks = _DISKS.search(details)
    working = len(members) - failed - spare if words[0] == "active" else 0
    work = _WORK.search(details)
    return Array(
        name=name,
        state=WORK[work["work"]] if work else words[0],
        active=int(disks["active"]) if disks else working,
        failed=failed,
        spare=spare,
        required=int(disks["required"]) if disks else working,
        blocks=whole_size,
        synced=int(work["synced"] or 0) if work else whole_size,
    )


def tables(arrays: Sequence[Array]) -> list[Table]:
    """The arrays' disks, states and sizes."""
    names: list[Labels] = [(array.name,) for array in arrays]
    states: list[Labels] = [(array.name, state) for array in arrays for state in STATES]
    disks: list[Labels] = [(a.name, kind) for a in arrays for kind in ("active", "failed", "spare")]
    return [
        Table(
            DEVICE,
            names,
            [
                Column(REQUIRED, [array.required for array in arrays]),
                Column(BLOCKS, [array.blocks for array in arrays]),
                Column(SYNCED, [array.synced for array in arrays]),
            ],
        ),
        Table(BY_STATE, states, [Column(STATE, [int(a.state == s) for a in arrays for s in STATES])]),
        Table(BY_STATE, disks, [Column(DISKS, [n for a in arrays for n in (a.active, a.failed, a.spare)])]),
    ]


def build(host: Host) -> Collect:
    """Reads /proc/mdstat, which is there once the kernel's driver is."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        arrays = list(parse(host.read("mdstat")))
        return [*tables(arrays), _sizes(host)]

    return collect


def _sizes(host: Host) -> Table:
    try:
        names = [name for name in host.sys_names("block") if name.startswith("md")]
    except Skip:
        names = []
    numbers = [
        [whole(host.sys_or_none(f"block/{name}/md/{file}") or "") for name in names]
        for file in ("raid_disks", "degraded")
    ]
    return Table(
        DEVICE, [(name,) for name in names], [Column(RAID_DISKS, numbers[0]), Column(DEGRADED, numbers[1])]
    )


COLLECTOR = CollectorSpec(
    help="Arrays of disks (software RAID), from /proc/mdstat and /sys/block/md*.",
    source="host",
    metrics=(REQUIRED, BLOCKS, SYNCED, STATE, DISKS, RAID_DISKS, DEGRADED),
    build=build,
    docs="md(4)",
    explain=lambda _: "reads /proc/mdstat and /sys/block/md*/md",
)
