"""docs/systemd.md on a clean Debian 12 with databases, its commands and its claims: `make systemd-check`.

It all runs in a container with systemd as process 1, a network of its own, and a tree that nobody else sees.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from time import monotonic, sleep

import pytest

from tests.deploy.systemd.debian_service import (
    ALL_UP,
    CHECK,
    CONFIGURATION,
    LOST,
    OURS,
    PIP,
    PLAIN,
    REMOVE,
    SECOND,
    SECRET,
    UPGRADE,
    USER,
    bare,
    get,
    host,
    install,
    restart_with,
    serve_all,
    until,
    up,
)
from tests.deploy.systemd.host_pages import names, series, succeeded
from tests.deploy.systemd.installed import CONFIG, CREDENTIALS, DROP_INS, UNIT, drop_in, no_drop_ins
from tests.deploy.systemd.machine import Machine
from tests.servers.page import samples_of

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def service() -> Iterator[Machine]:
    """The exporter as the page installs it, for all families; beside it one of root's without a sandbox."""
    with bare() as made:
        serve_all(made)
        yield made


@pytest.fixture(autouse=True)
def _as_shipped(request: pytest.FixtureRequest) -> Iterator[None]:
    """A drop-in of one test is none of another's business."""
    yield
    if "service" in request.fixturenames:
        made = request.getfixturevalue("service")
        no_drop_ins(made)
        made.out("systemctl", "restart", UNIT)


def test_all_families_are_served(service: Machine) -> None:
    assert up(service) == ALL_UP
    assert "node_load1" in get(service)


def test_check_runs_as_the_page_says(service: Machine) -> None:
    done = service.run("sh", "-euc", CHECK)

    assert done.returncode in (0, 1), done.stderr
    assert "postgres" in done.stdout
    assert SECRET not in done.stdout + done.stderr


def test_a_new_password_takes_a_restart(service: Machine) -> None:
    service.out("redis-cli", "ACL", "SETUSER", "exporter", "resetpass", ">another")
    try:
        service.write(f"{CREDENTIALS}/redis__password", "another", 0o600)
        service.out("systemctl", "restart", UNIT)
        assert up(service) == ALL_UP
    finally:
        service.out("redis-cli", "ACL", "SETUSER", "exporter", "resetpass", f">{SECRET}")
        service.write(f"{CREDENTIALS}/redis__password", SECRET, 0o600)


@pytest.mark.parametrize("setting", LOST)
def test_the_page_says_what_a_tighter_setting_costs(service: Machine, setting: str) -> None:
    before = host(service)
    restart_with(service, f"[Service]\n{setting}\n")
    after = host(service)
    lost = {name for name, good in succeeded(before).items() if good and not succeeded(after).get(name)}
    said = set(re.findall(r"`(\w+)`", LOST[setting]))

    if setting == "ProtectHome=yes":
        assert 'mountpoint="/home",fstype="tmpfs",device_error=""' in before
        assert 'mountpoint="/home",fstype="tmpfs",device_error="not mounted below rootfs"' in after
    elif setting == "ProtectProc=invisible":
        assert 'namedprocess_namegroup_num_procs{groupname="redis-server"}' in before
        assert 'namedprocess_namegroup_num_procs{groupname="redis-server"}' not in after
        wrong = re.compile(r'^node_filesystem_readonly\{[^}]*mountpoint="/home"[^}]*\} 1', re.MULTILINE)
        assert wrong.search(after)
        assert not wrong.search(before)
    assert lost == {name for name in said if not name.startswith("_")} - {"home"}


def test_host_everything_sees_what_root_sees(service: Machine) -> None:
    held = 'namedprocess_namegroup_open_filedesc{groupname="redis-server"}'
    before = host(service)
    restart_with(service, (DROP_INS / "host-everything.conf").read_text())
    ours, theirs = host(service), host(service, PLAIN)
    # The bus wants more, and states of processes and our own sessions come and go.
    other = re.compile(r"node_systemd_|node_processes_|namedprocess_\w+(states|\{groupname=.postgres client)")
    missing = {one for one in series(theirs) - series(ours) if not other.match(one)}

    assert held not in before
    assert held in ours
    assert missing == set()


def test_the_bus_wants_a_user_that_it_knows(service: Machine) -> None:
    before = host(service)
    service.shell(USER)
    try:
        until(lambda: succeeded(host(service)).get("systemd") is True, 60)
        after = host(service)
    finally:
        service.shell(f"systemctl stop {UNIT}; userdel {UNIT}; systemctl start {UNIT}")

    assert succeeded(before)["systemd"] is False
    assert "node_systemd_unit_state" in names(series(after))
    assert up(service) == ALL_UP


def test_peer_needs_no_password(service: Machine) -> None:
    service.shell(
        "cd /etc/postgresql/15/main; cp pg_hba.conf pg_ident.conf /root\n"
        "sed -i '1i local all exporter peer map=exporter' pg_hba.conf\n"
        f"echo 'exporter {UNIT} exporter' >> pg_ident.conf; systemctl reload postgresql@15-main"
    )
    config = {**CONFIGURATION, "postgres": {"dsn": "host=/run/postgresql user=exporter dbname=postgres"}}
    try:
        service.shell(f"mv {CREDENTIALS}/postgres__password /root")
        service.write(CONFIG, json.dumps(config))
        service.shell(USER)
        assert up(service) == ALL_UP
    finally:
        service.write(CONFIG, json.dumps(CONFIGURATION))
        service.shell(
            f"mv /root/postgres__password {CREDENTIALS}; mv /root/pg_*.conf /etc/postgresql/15/main\n"
            "chown postgres: /etc/postgresql/15/main/pg_*.conf; systemctl reload postgresql@15-main\n"
            f"systemctl stop {UNIT}; userdel {UNIT}"
        )


def test_encrypted_credentials_are_read(service: Machine) -> None:
    service.shell(
        f"cp -a {CREDENTIALS} /root/plain; cd {CREDENTIALS}\n"
        "for name in *; do\n"
        "systemd-creds encrypt --with-key=host --name=exporter_$name $name /root/new; mv /root/new $name\n"
        "done"
    )
    try:
        assert SECRET not in service.out("cat", f"{CREDENTIALS}/redis__password")
        restart_with(service, (DROP_INS / "encrypted-credentials.conf").read_text())
        assert up(service) == ALL_UP
    finally:
        service.shell(f"rm -r {CREDENTIALS}; mv /root/plain {CREDENTIALS}")


def test_tls_is_served_and_a_renewed_certificate_needs_no_restart(service: Machine) -> None:
    renew = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$1"
        " -keyout /root/key -out /etc/ssl/exporter.crt\n"
        "install -m 640 -g ssl-cert /root/key /etc/ssl/private/exporter.key"
    )
    service.shell(
        "getent group ssl-cert || groupadd --system ssl-cert\n"
        f"chgrp ssl-cert /etc/ssl/private; chmod 710 /etc/ssl/private\n{renew}",
        "first",
    )
    web = "tls_server_config: {cert_file: /etc/ssl/exporter.crt, key_file: /etc/ssl/private/exporter.key}\n"
    service.write("/etc/datastack-exporter/web.yml", web, 0o640)
    service.shell("chgrp ssl-cert /etc/datastack-exporter/web.yml")
    restart_with(service, (DROP_INS / "tls.conf").read_text())
    shown = (
        f"openssl s_client -connect 127.0.0.1:{OURS} </dev/null 2>/dev/null | openssl x509 -noout -subject"
    )
    pid = service.show(UNIT, "MainPID")

    assert "node_load1" in get(service, scheme="https")
    assert "first" in service.shell(shown)
    service.shell(renew, "second")
    service.out("systemctl", "reload", UNIT)
    until(lambda: "second" in service.shell(shown))
    assert service.show(UNIT, "MainPID") == pid


def test_one_that_hangs_is_ended_with_its_stacks_and_starts_again(service: Machine) -> None:
    restart_with(service, "[Service]\nWatchdogSec=3s\nRestartSec=100ms\n")
    pid = service.show(UNIT, "MainPID")
    service.out("kill", "-STOP", pid)
    until(lambda: service.show(UNIT, "NRestarts") == "1" and service.show(UNIT, "ActiveState") == "active")

    assert service.show(UNIT, "MainPID") != pid
    assert "Watchdog timeout" in service.journal(UNIT)
    assert up(service) == ALL_UP


def test_a_database_that_hangs_restarts_nothing(service: Machine) -> None:
    restart_with(service, "[Service]\nWatchdogSec=3s\n")
    assert up(service) == ALL_UP
    service.shell("pkill -STOP -u postgres -x postgres; pkill -STOP -x redis-server")
    try:
        end = monotonic() + 10
        while monotonic() < end:
            samples = samples_of(get(service))
            sleep(0.5)
    finally:
        service.shell("pkill -CONT -u postgres -x postgres; pkill -CONT -x redis-server")

    assert set(samples["pg_up"].values()) == {0.0}
    assert set(samples["redis_up"].values()) == {0.0}
    assert service.show(UNIT, "NRestarts") == "0"
    until(lambda: up(service) == ALL_UP, 60)


def test_its_memory_ends_before_that_of_the_databases(service: Machine) -> None:
    limit = f"/sys/fs/cgroup/memory/system.slice/{UNIT}.service"
    assert service.out("cat", f"{limit}/memory.limit_in_bytes").strip() == str(512 << 20)
    postgres, pid = service.show("postgresql@15-main", "MainPID"), service.show(UNIT, "MainPID")
    for _ in range(20):
        get(service)
    pids = f"/sys/fs/cgroup/pids/system.slice/{UNIT}.service/pids.current"
    peak = int(service.out("cat", f"{limit}/memory.max_usage_in_bytes"))
    tasks, held = service.out("cat", pids).strip(), service.shell("ls /proc/$1/fd | wc -l", pid).strip()
    print(f"\npeak {peak / 1e6:.1f} MB, {tasks} tasks, {held} descriptors")
    drop_in(service, "test", "[Service]\nMemoryMax=24M\nRestartSec=1s\n")
    service.run("systemctl", "restart", UNIT)
    until(lambda: int(service.show(UNIT, "NRestarts")) >= 1, 60)
    no_drop_ins(service)
    service.out("systemctl", "restart", UNIT)

    # With version 2 of control groups systemd calls it oom-kill.
    assert re.search("status=9/KILL|oom-kill", service.journal(UNIT))
    assert peak < 256 << 20
    assert service.show("postgresql@15-main", "MainPID") == postgres
    assert up(service) == ALL_UP


def test_a_wrong_configuration_fails_at_once_and_tries_again(service: Machine) -> None:
    service.write(CONFIG, "web: {listen_adress: nowhere}\n")
    try:
        done = service.run("systemctl", "restart", UNIT)
        assert done.returncode == 1
        assert "web.listen_adress" in service.journal(UNIT)
        assert service.show(UNIT, "SubState") in ("auto-restart", "start")
    finally:
        service.write(CONFIG, json.dumps(CONFIGURATION))
    until(lambda: service.show(UNIT, "ActiveState") == "active", 30)


def test_a_second_instance_has_its_own_files(service: Machine) -> None:
    service.shell(
        PIP
        + SECOND.replace(
            "systemctl daemon-reload",
            f"sed -i s/{OURS}/9190/ /etc/datastack-exporter@orders/config.yml; systemctl daemon-reload",
        )
    )
    try:
        assert "node_load1" in get(service, port=9190)
        folder = f"/var/log/private/{UNIT}@orders"
        assert service.out("stat", "--format=%U", folder).strip() == UNIT
        assert up(service) == ALL_UP
    finally:
        service.shell(
            f"systemctl stop {UNIT}@orders; rm -r /etc/systemd/system/{UNIT}@.service /etc/{UNIT}@orders"
        )


def test_an_upgrade_keeps_what_there_is_and_a_removal_nothing() -> None:
    with bare() as made:
        install(made)
        made.shell(
            "touch /var/lib/datastack-exporter/kept; echo '# mine' >> /etc/datastack-exporter/config.yml"
        )
        old = made.show(UNIT, "MainPID")
        made.shell(PIP + UPGRADE, seconds=300)

        assert made.show(UNIT, "MainPID") != old
        assert "# mine" in made.out("cat", CONFIG)
        assert made.out("ls", "/var/lib/datastack-exporter").split() == ["kept"]
        assert "node_load1" in get(made)

        made.shell(REMOVE)
        left = made.shell("find / -xdev -name '*datastack*' -not -path '/src/*' -not -path '/opt/wheels/*'")
        assert left.split() == []
        assert made.run("systemctl", "cat", UNIT).returncode == 1
