"""A clean Debian 12 with databases, and the exporter in it as docs/systemd.md installs it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep

from tests.deploy.systemd.debian_tree import debian, source, wheels
from tests.deploy.systemd.installed import CONFIG, CREDENTIALS, PROGRAM, UNIT, drop_in
from tests.deploy.systemd.machine import Machine, machine
from tests.servers import catalogue, require
from tests.servers.page import samples_of

PAGE = (catalogue.ROOT / "docs" / "systemd.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
INSTALL, PASSWORD, CHECK, UPGRADE, REMOVE, USER, SECOND = BLOCKS
LOST = dict(re.findall(r"^\| `(Pro\w+=\w+)` \| (.*) \|$", PAGE, re.MULTILINE))
"""Setting -> what the page says that it costs."""

OURS, PLAIN = 9188, 9199
SECRET = "hunter2-of-this-machine"
PIP = "export PIP_NO_INDEX=1 PIP_FIND_LINKS=/opt/wheels PIP_DISABLE_PIP_VERSION_CHECK=1\ncd /src\n"
CONFIGURATION = {
    "web": {"listen_address": f"127.0.0.1:{OURS}"},
    "postgres": {"dsn": "host=127.0.0.1 user=exporter dbname=postgres"},
    "redis": {"address": "127.0.0.1:6379", "username": "exporter"},
    "pgbouncer": {"dsn": "host=127.0.0.1 port=6432 user=exporter"},
    "slow_queries": {"directory": "/var/log/datastack-exporter"},
    "analysis": {"directory": "/var/lib/datastack-exporter"},
    "collector": {
        "systemd": True,
        "processes": True,
        "cpu_info": True,
        "interrupts": True,
        "tcpstat": True,
        "softirqs": True,
    },
}
SERVERS = f"""\
psql=$(mktemp)
cat > "$psql" <<'SQL'
CREATE ROLE exporter LOGIN PASSWORD '{SECRET}';
GRANT pg_monitor TO exporter;
SQL
chmod 644 "$psql"; setpriv --reuid=postgres --regid=postgres --clear-groups psql -q -f "$psql"
redis-cli ACL SETUSER exporter on '>{SECRET}' '~*' '&*' +@all
echo '"exporter" "{SECRET}"' > /etc/pgbouncer/userlist.txt
sed -i 's/^;*stats_users *=.*/stats_users = exporter/' /etc/pgbouncer/pgbouncer.ini
systemctl restart pgbouncer
"""
GET = """\
import ssl, sys, urllib.request
trust = ssl._create_unverified_context()
sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=30, context=trust).read().decode())
"""


@contextmanager
def bare() -> Iterator[Machine]:
    """That Debian with its databases running, the sources and wheels beside; nothing of ours installed."""
    with ExitStack() as stack:
        tree, checkout = require(debian), source()
        fetched = require(wheels, tree, checkout)
        options = (
            *(f"--bind={checkout}:/src", f"--bind-ro={fetched}:/opt/wheels", "--private-network"),
            *("--tmpfs=/home:size=20M", "--tmpfs=/tmp:size=50M"),
        )
        made = require(stack.enter_context, machine(tree, *options))
        made.limit()
        yield made


def install(made: Machine) -> float:
    """Runs the three commands; the seconds that they took."""
    started = monotonic()
    made.shell(PIP + INSTALL, seconds=300)
    return monotonic() - started


def get(made: Machine, path: str = "/metrics", port: int = OURS, scheme: str = "http") -> str:
    """A page, asked for inside."""
    return made.out("python3", "-c", GET, f"{scheme}://127.0.0.1:{port}{path}")


def host(made: Machine, port: int = OURS) -> str:
    """The host's part of the page once the collectors in the background have run."""
    until(lambda: "namedprocess_namegroup_num_procs" in get(made, "/metrics?collect[]=host", port))
    return get(made, "/metrics?collect[]=host", port)


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Waits for something to become true."""
    end = monotonic() + seconds
    while not true():
        assert monotonic() < end, "it did not happen"
        sleep(0.2)


def restart_with(made: Machine, text: str) -> None:
    """The service with this drop-in."""
    drop_in(made, "test", text)
    made.out("systemctl", "restart", UNIT)


def up(made: Machine) -> dict[str, float]:
    """Server -> whether it is up."""
    samples = samples_of(get(made))
    return {name: next(iter(samples[name].values())) for name in ("pg_up", "redis_up", "pgbouncer_up")}


ALL_UP = {"pg_up": 1.0, "redis_up": 1.0, "pgbouncer_up": 1.0}


def serve_all(made: Machine) -> None:
    """Installs it for all families, and beside it one of root's without a sandbox."""
    took = install(made)
    print(f"\ninstalled and serving in {took:.1f} s")
    made.shell(SERVERS)
    made.write(CONFIG, json.dumps(CONFIGURATION))
    for name in ("redis__password", "pgbouncer__password"):
        made.write(f"{CREDENTIALS}/{name}", f"{SECRET}\n", 0o600)
    made.out("sh", "-euc", PASSWORD, text=f"{SECRET}\n")
    line = f"--web.listen-address=127.0.0.1:{PLAIN}"
    config = {"collector": CONFIGURATION["collector"]}
    made.write("/root/plain.yml", json.dumps(config))
    start = (
        "--unit=plain",
        "--property=Type=notify",
        PROGRAM,
        "serve",
        line,
        "--config.file=/root/plain.yml",
    )
    made.out("systemd-run", "--quiet", *start)
