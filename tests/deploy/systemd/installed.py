"""The exporter of this checkout as a systemd service inside a container, without a download."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.deploy.systemd.machine import Machine, machine
from tests.servers import catalogue

UNIT = "datastack-exporter"
FOLDER = catalogue.ROOT / "deploy" / "systemd"
DROP_INS = FOLDER / "drop-ins"
PROGRAM = "/opt/datastack-exporter/bin/datastack-exporter"
CREDENTIALS = "/etc/datastack-exporter/credentials"
CONFIG = "/etc/datastack-exporter/config.yml"
SYSTEM = "/etc/systemd/system"
CHECKOUT = "/opt/checkout"

# Neither this interpreter nor the checkout need lie where the service's user may look.
_START = f"""\
#!/bin/sh
export LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH={CHECKOUT}:/opt/site PYTHONDONTWRITEBYTECODE=1
exec /opt/python/bin/python{sys.version_info.major}.{sys.version_info.minor} -m exporter "$@"
"""

INSTALL = f"""\
cd {CHECKOUT}
install -D -m 644 -t {SYSTEM} deploy/systemd/datastack-exporter.service
install -D -m 644 -t /etc/datastack-exporter deploy/systemd/config.yml
install -d -m 700 {CREDENTIALS}
systemctl daemon-reload
systemctl start dbus
"""


@contextmanager
def checkout_machine(*options: str) -> Iterator[Machine]:
    """A container over this machine's own tree, with the unit installed and not started; nothing is kept.

    Its network is this machine's, so servers of tests can be reached.

    Raises:
        Missing: as `machine`.
    """
    bound = {
        catalogue.ROOT: CHECKOUT,
        Path(sys.base_prefix): "/opt/python",
        Path(sysconfig.get_path("purelib")): "/opt/site",
    }
    binds = [f"--bind-ro={source}:{target}" for source, target in bound.items()]
    with machine(Path("/"), *binds, *options, boot=["systemd.unit=basic.target"]) as made:
        made.write(PROGRAM, _START, 0o755)
        made.shell(INSTALL)
        yield made


def drop_in(made: Machine, name: str, text: str, unit: str = UNIT) -> None:
    """Puts a drop-in into force at the unit's next start."""
    made.write(f"{SYSTEM}/{unit}.service.d/{name}.conf", text)
    made.out("systemctl", "daemon-reload")


def no_drop_ins(made: Machine, unit: str = UNIT) -> None:
    """Takes all of them away."""
    made.out("rm", "-rf", f"{SYSTEM}/{unit}.service.d")
    made.out("systemctl", "daemon-reload")
