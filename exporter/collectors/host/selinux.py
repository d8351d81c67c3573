"""Whether SELinux is on, and what it does, from /sys/fs/selinux and /etc/selinux/config."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import Kept, whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip, Unavailable
from exporter.model.metric import Metric, gauge
from exporter.model.table import Table, Value, single
from exporter.sources.host import Host

ENABLED = gauge("node_selinux_enabled", "1 if SELinux is on, 0 if it is off.")
CURRENT = gauge("node_selinux_current_mode", "1 if SELinux forbids, 0 if it only says what it would forbid.")
CONFIGURED = gauge(
    "node_selinux_config_mode", "What SELinux is set to: 1 to forbid, 0 to only say so, -1 to be off."
)

FOLDER = "fs"
MODES = {"enforcing": 1, "permissive": 0, "disabled": -1}


def _values(host: Host) -> dict[Metric, Value]:
    if "selinux" not in host.sys_names(FOLDER):
        return {ENABLED: 0}
    mode = whole(host.sys_or_none(f"{FOLDER}/selinux/enforce") or "")
    return {ENABLED: int(mode is not None), CURRENT: mode, CONFIGURED: _configured(host)}


def _configured(host: Host) -> int | None:
    try:
        lines = host.root("etc/selinux/config").split("\n")
    except (Skip, Unavailable):
        return None
    words = (line.strip().partition("=")[2].strip() for line in lines if line.strip().startswith("SELINUX="))
    return next((MODES[word] for word in words if word in MODES), None)


def build(host: Host) -> Collect:
    """Looks once a minute."""
    kept = Kept(lambda: [single(_values(host))])

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return kept()

    return collect


COLLECTOR = CollectorSpec(
    help="Whether SELinux is on, and what it does, from /sys/fs/selinux and /etc/selinux/config.",
    source="host",
    metrics=(ENABLED, CURRENT, CONFIGURED),
    build=build,
    docs="selinux(8)",
    explain=lambda _: "reads /sys/fs/selinux/enforce and /etc/selinux/config below rootfs",
)
