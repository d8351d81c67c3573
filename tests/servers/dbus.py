"""A D-Bus message bus of the test's own, and a real systemd that manages a few units on one."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from exporter.demo.process import ServerProcess
from tests.servers import catalogue, folders
from tests.servers.controlled import Controlled
from tests.servers.missing import Missing
from tests.servers.program import CURRENT_USER

SYSTEM_UNITS = "/usr/lib/systemd/user"
"""Where Debian's packages put the targets that every manager needs."""

CONFIG = """<busconfig>
<type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default">
<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>
{policy}</policy>
<limit name="max_replies_per_connection">128</limit>
</busconfig>
"""

# A manager as of a user's session, with processes, mounts and control groups of its own: it would otherwise
# take over those of whoever runs the tests. It must not be process 1 there, or it would be the machine's. The
# outer shell takes the groups away at the end.
SYSTEMD = """
mount --make-rprivate /
mount -t tmpfs own /run
mkdir -p /run/systemd/system
umount -R /sys/fs/cgroup || true
mount -t cgroup2 own /sys/fs/cgroup
group=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/{group}
mkdir -p $group
leave() {{
  kill -9 $!; wait
  while [ -d $group ]; do find $group -depth -type d -exec rmdir {{}} + || sleep 0.02; done
  exit 0
}}
trap leave TERM
sh -c "echo \\$\\$ >$group/cgroup.procs; exec unshare -m -C -p --fork --kill-child --mount-proc sh -c '
  umount /sys/fs/cgroup; mount -t cgroup2 own /sys/fs/cgroup; {program} --user; exit'" &
wait
"""


class BusProcess(ServerProcess):
    """A bus that is ready when its socket takes connections.

    Args:
        program: the dbus-daemon file.
        folder: its own folder.
        policy: more rules, over one that allows everything.
    """

    name = "dbus-daemon"

    def __init__(self, program: Path, folder: Path, policy: str) -> None:
        super().__init__(folder, account=CURRENT_USER)
        self._program = program
        self._policy = policy
        self.path = folder / "bus"

    def command(self) -> list[str | Path]:
        """The command line."""
        return [self._program, f"--config-file={self.folder / 'bus.conf'}", "--nofork", "--nopidfile"]

    def prepare(self) -> None:
        """Writes the configuration file."""
        self.path.unlink(missing_ok=True)
        text = CONFIG.format(path=self.path, policy=self._policy)
        (self.folder / "bus.conf").write_text(text)

    def answers(self) -> bool:
        """Whether it takes connections."""
        return takes_connections(self.path)


class MessageBus(Controlled[BusProcess]):
    """An empty bus.

    Args:
        policy: rules of its own, as `<deny send_interface="x"/>`.

    Raises:
        Missing: dbus-daemon is not on this machine.
    """

    def __init__(self, policy: str = "") -> None:
        program = catalogue.debian_program("dbus-daemon")
        super().__init__(BusProcess(program, folders.new("dbus"), policy))

    @property
    def path(self) -> Path:
        """The socket."""
        return self.process.path


class SystemdProcess(ServerProcess):
    """systemd as a session's manager, with the bus that it starts; ready when `default.target` is reached.

    Args:
        units: file name -> content.
    """

    name = "systemd"

    def __init__(self, program: Path, folder: Path, units: Mapping[str, str]) -> None:
        super().__init__(folder, account=CURRENT_USER)
        self._program = program
        self._units = units
        self.path = folder / "run" / "bus"

    def command(self) -> list[str | Path]:
        """The command line."""
        script = SYSTEMD.format(group=f"datastack-exporter-systemd-{os.getpid()}", program=self._program)
        return ["/usr/bin/env", "unshare", "-m", "sh", "-c", script]

    def environment(self) -> dict[str, str]:
        """Its own folders, and no unit of this machine but the targets."""
        own = {"XDG_RUNTIME_DIR": str(self.folder / "run"), "HOME": str(self.folder)}
        return {**super().environment(), **own, "SYSTEMD_UNIT_PATH": f"{self.folder}/units:{SYSTEM_UNITS}"}

    def prepare(self) -> None:
        """Writes the units."""
        (self.folder / "run").mkdir(exist_ok=True, mode=0o700)
        (self.folder / "units").mkdir(exist_ok=True)
        self.path.unlink(missing_ok=True)
        for name, content in self._units.items():
            (self.folder / "units" / name).write_text(content.format(bus=self.path))

    def answers(self) -> bool:
        """Whether the bus takes connections, which is the last unit to start."""
        return takes_connections(self.path)


class Systemd(Controlled[SystemdProcess]):
    """A real systemd with a bus and these units.

    Raises:
        Missing: systemd or dbus-daemon is not on this machine, or this user may not make namespaces.
    """

    def __init__(self, units: Mapping[str, str]) -> None:
        daemon, program = catalogue.debian_program("dbus-daemon"), catalogue.debian_program("systemd")
        _permitted()
        own = {
            "dbus.socket": "[Socket]\nListenStream={bus}\n",
            "dbus.service": "[Unit]\nRequires=dbus.socket\n[Service]\nType=notify\nNotifyAccess=main\n"
            f"ExecStart={daemon} --session --address=systemd: --nofork --nopidfile --systemd-activation\n",
        }
        super().__init__(SystemdProcess(program, folders.new("systemd"), {**own, **units}))

    @property
    def path(self) -> Path:
        """The bus's socket."""
        return self.process.path


def takes_connections(path: Path) -> bool:
    """Whether somebody listens on a UNIX socket."""
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.connect(str(path))
        return True
    return False


@cache
def _permitted() -> None:
    command = "mount --make-rprivate /; mount -t cgroup2 own /sys/fs/cgroup; mkdir -p /sys/fs/cgroup/{0}"
    tried = subprocess.run(
        ["unshare", "-m", "sh", "-ec", (command + "; rmdir /sys/fs/cgroup/{0}").format(f"try-{os.getpid()}")],
        capture_output=True,
        check=False,
    )
    if tried.returncode != 0:
        raise Missing(f"namespaces and control groups need root: {tried.stderr.decode().strip()}")
