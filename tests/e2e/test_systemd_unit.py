"""The unit under a real systemd: everything serves from inside the sandbox, and nothing gets out of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic, sleep

import pytest
import yaml

from exporter.demo.process import free_port
from tests.deploy.systemd.host_pages import host_page, names, series, start_plain, succeeded
from tests.deploy.systemd.installed import CONFIG, CREDENTIALS, UNIT, checkout_machine
from tests.deploy.systemd.machine import Machine
from tests.servers import PgBouncer, Postgres, Redis, require
from tests.servers.page import Answer, request, samples_of

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(120)]

SECRET = "hunter2-from-a-credential"
READY_SECONDS = 40.0
STATUS = re.compile(r"^(\w+):\s+(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Service:
    """The exporter as a service, and beside it one of root's without a sandbox."""

    machine: Machine
    port: int
    plain: int

    def get(self, path: str) -> Answer:
        """What the service answers."""
        return request(self.port, path, timeout=30)

    @property
    def pid(self) -> str:
        """Its process, as it is numbered inside."""
        return self.machine.show(UNIT, "MainPID")


@pytest.fixture(scope="module")
def service(postgres: Postgres, pgbouncer: PgBouncer) -> Iterator[Service]:
    """A Redis that wants a password, the shared servers that want none; /home and /tmp are file systems."""
    with ExitStack() as stack:
        redis = stack.enter_context(require(Redis))
        redis.execute("ACL", "SETUSER", "exporter", "on", f">{SECRET}", "~*", "&*", "+@all")
        tmpfs = [f"--tmpfs={path}:size=20M" for path in ("/home", "/tmp")]
        made = require(stack.enter_context, checkout_machine(*tmpfs))
        port, plain = free_port(), free_port()
        config = {
            "web": {"listen_address": f"127.0.0.1:{port}"},
            "postgres": {"dsn": postgres.dsn(), "history_file": "/var/lib/datastack-exporter/history"},
            "redis": {"address": f"127.0.0.1:{redis.port}", "username": "exporter"},
            "pgbouncer": {"dsn": pgbouncer.dsn(user="stats")},
            "slow_queries": {"directory": "/var/log/datastack-exporter"},
        }
        made.write(CONFIG, yaml.safe_dump(config))
        made.write("/root/plain.yml", "{}")
        made.write(f"{CREDENTIALS}/redis__password", SECRET, 0o600)
        made.out("systemctl", "start", "--no-block", UNIT)
        start_plain(made, plain, "/root/plain.yml")
        until_active(made)
        yield Service(made, port, plain)


def until_active(made: Machine) -> None:
    """Waits until systemd was told that the service is ready."""
    end = monotonic() + READY_SECONDS
    while (state := made.show(UNIT, "ActiveState")) == "activating" and monotonic() < end:
        sleep(0.1)
    assert state == "active", made.journal(UNIT)


def test_every_family_is_served_with_the_password_of_a_credential(service: Service) -> None:
    samples = samples_of(service.get("/metrics").text)

    for name in ("pg_up", "redis_up", "pgbouncer_up"):
        assert list(samples[name].values()) == [1.0], name
    assert "node_cpu_seconds_total" in samples
    assert [dict(k) for k, v in samples["exporter_collector_success"].items() if v == 0] == []


def test_the_host_is_seen_as_root_sees_it(service: Service) -> None:
    host_page(service.port), host_page(service.plain)  # the first ones have no periods behind them
    ours, theirs = host_page(service.port), host_page(service.plain)
    missing = {one for one in series(theirs) - series(ours) if not one.startswith("node_processes_")}

    assert succeeded(ours) == succeeded(theirs)
    assert "timex" in succeeded(ours)
    assert 'mountpoint="/home",fstype="tmpfs",device_error=""' in ours
    # PrivateTmp: the service has a /tmp of its own, and says so.
    assert {one for one in missing if 'mountpoint="/tmp"' not in one} == set()
    assert "node_filesystem_size_bytes" in names(missing)
    assert re.search(r'^node_filesystem_device_error\{[^}]*mountpoint="/tmp"[^}]*\} 1', ours, re.MULTILINE)


def test_no_file_system_is_read_only_for_the_sandbox_alone(service: Service) -> None:
    ours, theirs = (
        samples_of(host_page(p))["node_filesystem_readonly"] for p in (service.port, service.plain)
    )
    both = ours.keys() & theirs.keys()

    assert both
    assert {k: v for k, v in ours.items() if k in both} == {k: v for k, v in theirs.items() if k in both}


def test_the_kernel_says_what_it_may_not(service: Service) -> None:
    status = dict(STATUS.findall(service.machine.out("cat", f"/proc/{service.pid}/status")))
    mounts = service.machine.out("cat", f"/proc/{service.pid}/mountinfo").splitlines()
    root = next(line.split()[5] for line in mounts if line.split()[4] == "/")

    assert {status[key] for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert "ro" in root.split(",")
    assert int(status["Uid"].split()[0]) > 60_000
    assert service.machine.out("cat", f"/proc/{service.pid}/oom_score_adj").strip() == "500"


def test_the_password_is_nowhere_but_in_its_file(service: Service) -> None:
    shown = service.machine.out("systemctl", "show", UNIT)
    environment = service.machine.out("cat", f"/proc/{service.pid}/environ", f"/proc/{service.pid}/cmdline")
    modes = service.machine.out("stat", "--format=%a %U", f"/run/credentials/{UNIT}.service")

    assert SECRET not in shown + environment + service.machine.journal(UNIT)
    assert modes.split() == ["500", UNIT]


def test_it_writes_into_its_own_folders_alone(service: Service) -> None:
    log = f"/var/log/private/{UNIT}/slow_queries.log"
    written = service.machine.out("stat", "--format=%a %U", log, f"/var/lib/private/{UNIT}").split()

    assert written == ["600", UNIT, "750", UNIT]


def test_a_bad_configuration_is_not_loaded_and_ends_nothing(service: Service) -> None:
    good, pid = service.machine.out("cat", CONFIG), service.pid
    name = "exporter_config_last_reload_successful"
    service.machine.write(CONFIG, "web: {listen_adress: nowhere}\n")
    service.machine.out("systemctl", "reload", UNIT)
    try:
        end = monotonic() + 10
        while f"{name} 0" not in service.get("/metrics?collect[]=uname").text:
            assert monotonic() < end, "the reload was not heard"
            sleep(0.05)
    finally:
        service.machine.write(CONFIG, good)
    service.machine.out("systemctl", "reload", UNIT)
    end = monotonic() + 10
    while f"{name} 1" not in service.get("/metrics?collect[]=uname").text:
        assert monotonic() < end, "the good one was not loaded again"
        sleep(0.05)

    assert service.pid == pid


def test_systemd_was_told_and_is_told_again(service: Service) -> None:
    assert service.machine.show(UNIT, "StatusText") == f"serving on 127.0.0.1:{service.port}"
    assert service.machine.show(UNIT, "WatchdogUSec") == "1min"
    assert service.machine.show(UNIT, "WatchdogTimestampMonotonic") != "0"
    assert service.machine.show(UNIT, "NRestarts") == "0"
