"""Units as systemd tells them over D-Bus, beside node_exporter, and whatever a bus can do wrong.

Two kinds of systemd: a real one that manages a few units of the test's, which takes root for namespaces; and
a stand-in on a private bus for what a real one never does. The stand-in (systemd_service.py) is written from
the documentation of systemd's interface, org.freedesktop.systemd1(5).
"""

from __future__ import annotations

import asyncio
import csv
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.collectors.host import systemd
from exporter.demo.process import LOOPBACK
from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Partial, Reason, Refused, Skip, SourceError, Unavailable
from exporter.sources.host import Host, HostOptions
from tests.live.host.systemd_service import LISTED, Service, unit
from tests.record_host import page
from tests.servers import Exporter, Upstream, folders, require
from tests.servers.dbus import MessageBus, Systemd
from tests.servers.page import samples_of

pytestmark = pytest.mark.live

NAMES = Path(__file__).parents[2] / "compat" / "node_mixin_names.tsv"
ESCAPED = r"on@mnt-a\x2db.service"
STARTED = (ESCAPED, "fails.service", "restarts.service", "asked.socket", "ticks.timer")
UNITS = {
    "default.target": f"[Unit]\nRequires=dbus.service\nWants={' '.join(STARTED)}\nAfter=basic.target\n",
    "on@.service": "[Service]\nExecStart=sleep 600\n",
    "fails.service": "[Service]\nType=oneshot\nExecStart=false\n",
    "restarts.service": "[Unit]\nStartLimitIntervalSec=0\n"
    "[Service]\nExecStart=false\nRestart=always\nRestartSec=100ms\n",
    "asked.socket": "[Socket]\nListenStream=%t/asked\nAccept=yes\n",
    "asked@.service": "[Service]\nExecStart=cat\nStandardInput=socket\n",
    "ticks.timer": "[Timer]\nOnActiveSec=100ms\nUnit=ticked.service\n",
    "ticked.service": "[Service]\nType=oneshot\nExecStart=true\n",
}
DEBIANS_EXCLUDE = r".+\.(automount|device|mount|scope|slice|target)"
"""Debian's package leaves targets out too."""
NOBODY = 65534
NEVER_STILL = "restarts.service"
OURS_ONLY = {"node_systemd_virtualization_info"}
"""Came after the node_exporter of Debian."""

Samples = Mapping[str, Mapping[frozenset[tuple[str, str]], float]]
EXCLUDED = frozenset({("name", NEVER_STILL)})


def look(bus: Path, seconds: float = 5.0, **options: Any) -> Samples:
    """The samples of one run.

    Raises:
        Exception: as the run does.
    """
    host = Host(HostOptions(systemd_bus=str(bus), **options))

    async def run() -> Samples:
        try:
            collected = await systemd.build(host)(Deadline.after(seconds))
        except Partial as some:
            some.tables = (page(some.tables).decode(),)  # type: ignore[assignment]
            raise
        finally:
            await host.close()
        return samples_of(page(collected).decode())

    return asyncio.run(run())


def state_of(samples: Samples, name: str) -> str:
    (now,) = [
        dict(labels)["state"]
        for labels, value in samples["node_systemd_unit_state"].items()
        if value == 1 and dict(labels)["name"] == name
    ]
    return now


def is_settled(bus: Path) -> bool:
    try:
        samples = look(bus)
    except (Skip, SourceError):
        return False
    triggered = samples.get("node_systemd_timer_last_trigger_seconds", {})
    return (
        min(triggered.values(), default=0) > 0
        and state_of(samples, "ticked.service") == "inactive"
        and state_of(samples, "fails.service") == "failed"
        and state_of(samples, "default.target") == "active"
    )


@pytest.fixture(scope="module")
def manager() -> Iterator[Systemd]:
    """A real systemd whose units have done what they do, one connection to `asked.socket` open."""
    with require(Systemd, UNITS) as real, socket.socket(socket.AF_UNIX) as client:
        until = time.monotonic() + 20
        while not is_settled(real.path):
            assert time.monotonic() < until, real.log
            time.sleep(0.05)
        client.connect(str(real.path.parent / "asked"))
        yield real


@pytest.fixture(scope="module")
def bus() -> Iterator[MessageBus]:
    """A bus without anybody on it."""
    with require(MessageBus) as empty:
        yield empty


@pytest.fixture(autouse=True)
def leaves_nothing(request) -> Iterator[None]:
    """No run leaves a connection or a thread behind."""
    for fixture in ("bus", "manager"):
        if fixture in request.fixturenames:
            request.getfixturevalue(fixture)
    before = sockets()
    yield
    until = time.monotonic() + 2
    while (left := (sockets() - before, threads())) != (0, []):
        assert time.monotonic() < until, left
        time.sleep(0.01)


def sockets() -> int:
    files = Path("/proc/self/fd").iterdir()
    return sum(1 for file in files if is_socket(file))


def is_socket(file: Path) -> bool:
    try:
        return str(file.readlink()).startswith("socket:")
    except FileNotFoundError:  # the folder's own
        return False


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "systemd"]


def test_series_and_values_are_those_of_node_exporter(manager):
    flags = ["--collector.disable-defaults", "--collector.systemd"]
    flags.append("--collector.systemd.enable-restarts-metrics")
    env = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={manager.path}"}
    ours = Exporter(
        arguments=["--collector.systemd=true"],
        host__systemd_bus=str(manager.path),
        host__systemd_unit_exclude=DEBIANS_EXCLUDE,
    )
    upstream = require(
        Upstream,
        "prometheus-node-exporter",
        lambda port: [f"--web.listen-address={LOOPBACK}:{port}", *flags],
        env,
    )
    with upstream:
        before = upstream.scrape()
        with ours:
            mine = when_collected(ours)
        after = upstream.scrape()
    theirs = of_systemd(before)
    assert len(theirs["node_systemd_unit_state"]) > 40
    assert {name: set(series) for name, series in of_systemd(mine).items() if name not in OURS_ONLY} == {
        name: set(series) for name, series in theirs.items()
    }
    assert kinds(before).items() <= kinds(mine).items()
    moving = {"node_systemd_units"}
    for name in theirs.keys() - moving:
        assert still(of_systemd(mine)[name]) == still(theirs[name]), name
    restarts = [
        of_systemd(text)["node_systemd_service_restart_total"][EXCLUDED] for text in (before, mine, after)
    ]
    assert restarts == sorted(restarts)
    assert restarts[0] < restarts[-1]
    counts = [sum(of_systemd(text)["node_systemd_units"].values()) for text in (before, mine)]
    assert counts[0] == counts[1] > 10


def when_collected(ours: Exporter) -> str:
    """The page, once the collector has run."""
    until = time.monotonic() + 20
    while "node_systemd_units{" not in (text := ours.scrape()):
        assert time.monotonic() < until, ours.log
        time.sleep(0.1)
    return text


def of_systemd(text: str) -> dict[str, Mapping[frozenset[tuple[str, str]], float]]:
    return {
        name: series
        for name, series in samples_of(text).items()
        if name.startswith("node_systemd_") and series
    }


def kinds(text: str) -> dict[str, str]:
    lines = (line.split(" ") for line in text.splitlines() if line.startswith("# TYPE node_systemd_"))
    return {name: kind for _, _, name, kind in lines}


def still(series: Mapping[frozenset[tuple[str, str]], float]) -> dict[frozenset[tuple[str, str]], float]:
    return {labels: value for labels, value in series.items() if ("name", NEVER_STILL) not in labels}


def test_real_units_are_as_they_are(manager):
    samples = look(manager.path)
    assert state_of(samples, ESCAPED) == "active"
    assert state_of(samples, "fails.service") == "failed"
    assert state_of(samples, "default.target") == "active"
    of_fails = {("name", "fails.service"), ("state", "failed"), ("type", "oneshot")}
    assert samples["node_systemd_unit_state"][frozenset(of_fails)] == 1
    accepted = samples["node_systemd_socket_accepted_connections_total"]
    assert accepted[frozenset({("name", "asked.socket")})] == 1
    assert samples["node_systemd_socket_current_connections"][frozenset({("name", "asked.socket")})] == 1
    triggered = samples["node_systemd_timer_last_trigger_seconds"][frozenset({("name", "ticks.timer")})]
    assert time.time() - 120 < triggered < time.time()
    assert samples["node_systemd_system_running"] == {frozenset(): 0}, "degraded: a unit has failed"


def test_names_of_the_dashboard_and_of_the_alerts_are_there(manager):
    with NAMES.open(newline="") as file:
        wanted = {line["metric"] for line in csv.DictReader(file, delimiter="\t")}
    wanted = {name for name in wanted if name.startswith("node_systemd_")}
    assert len(wanted) == 6
    assert wanted - look(manager.path).keys() == set()


def test_filters_match_the_whole_name(manager):
    samples = look(manager.path, systemd_unit_include=r"fails|on@.*\.service", systemd_unit_exclude="on")
    assert {dict(labels)["name"] for labels in samples["node_systemd_unit_state"]} == {ESCAPED}
    assert sum(samples["node_systemd_units"].values()) > 10, "all units are counted"


def test_an_older_systemd_lacks_properties(bus):
    units = [unit("a.service"), unit("b.socket"), unit("c.timer", "inactive")]
    with Service(bus.path, units, properties={"NRestarts": None, "SystemState": None}):
        samples = look(bus.path)
    assert "node_systemd_system_running" not in samples
    assert not samples.get("node_systemd_service_restart_total")
    assert not samples.get("node_systemd_socket_refused_connections_total")
    of_b = frozenset({("name", "b.socket")})
    assert samples["node_systemd_socket_accepted_connections_total"] == {of_b: 4}
    assert samples["node_systemd_timer_last_trigger_seconds"] == {
        frozenset({("name", "c.timer")}): 1.7e9 + 0.5
    }
    assert samples["node_systemd_virtualization_info"] == {frozenset({("virtualization_type", "none")}): 1}
    assert samples["node_systemd_version"] == {frozenset({("version", "257.9-1")}): 257.9}


def test_only_included_units_are_asked(bus):
    units = [unit("kept.service"), unit("other.service"), unit("gone.service", "inactive", "not-found")]
    units += [unit("a.mount"), unit(r"dev-disk-by\x2duuid.device")]
    with Service(bus.path, units) as service:
        samples = look(bus.path, systemd_unit_exclude="other.*|.*device")
    asked = [names for member, *names in service.asked if member == "Get" and "Manager" not in names[0]]
    assert sorted(asked) == [
        ["org.freedesktop.systemd1.Mount", "Type"],
        ["org.freedesktop.systemd1.Service", "NRestarts"],
        ["org.freedesktop.systemd1.Service", "Type"],
    ]
    assert samples["node_systemd_units"][frozenset({("state", "inactive")})] == 1


def test_a_thousand_services_are_asked_in_bounded_time(bus):
    units = [unit(f"worker@{number}.service") for number in range(1000)]
    with Service(bus.path, units) as service:
        began = time.monotonic()
        samples = look(bus.path, seconds=10)
        took = time.monotonic() - began
    assert len(samples["node_systemd_service_restart_total"]) == 1000
    assert len(samples["node_systemd_unit_state"]) == 5000
    assert len(service.asked) == 1 + 3 + 2000
    assert took < 10


@contextmanager
def fails(kind: type[Exception], within: float, *words: str) -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(kind) as caught:
        yield
    assert time.monotonic() - began < within
    for word in words:
        assert word in str(caught.value)


def test_time_is_up_between_two_units(bus):
    units = [unit(f"worker@{number}.service") for number in range(40)]
    with Service(bus.path, units, silent_after=4 + 32), pytest.raises(Partial) as caught:
        look(bus.path, seconds=2.0)
    assert "16 of 40 units were asked" in str(caught.value)
    shown = samples_of(str(caught.value.tables[0]))
    assert len(shown["node_systemd_service_restart_total"]) == 16
    assert len(shown["node_systemd_unit_state"]) == 16 * 5, "no unit with half of its labels"
    assert shown["node_systemd_units"][frozenset({("state", "active")})] == 40


def test_systemd_hangs(bus):
    with Service(bus.path, silent_after=0), fails(DeadlineExceeded, 3, str(bus.path)):
        look(bus.path, seconds=0.7)


def test_bus_hangs(bus):
    bus.freeze()
    try:
        with fails(DeadlineExceeded, 3, str(bus.path), "did not answer in time"):
            look(bus.path, seconds=0.7)
    finally:
        bus.thaw()


def test_nobody_is_on_the_bus(bus):
    with fails(Skip, 3, "org.freedesktop.systemd1", "on the bus"):
        look(bus.path)


def test_no_bus(tmp_path):
    with pytest.raises(Skip) as caught:
        look(tmp_path / "bus")
    assert caught.value.reason is Reason.UNSUPPORTED
    assert "host.systemd_bus" in str(caught.value)


def test_socket_without_a_bus(tmp_path):
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "bus"))
    with fails(Unavailable, 3, "refused"):
        look(tmp_path / "bus")


def test_socket_of_others(bus):
    user = os.geteuid()
    bus.path.chmod(0)
    try:
        if user == 0:
            os.seteuid(NOBODY)
        with fails(Skip, 3, str(bus.path), "may not connect"):
            look(bus.path)
    finally:
        os.seteuid(user)
        bus.path.chmod(0o600)


def test_bus_ends_in_the_middle():
    with require(MessageBus) as own, Service(own.path, silent_after=0):
        threading.Timer(0.3, own.kill).start()
        with fails(Unavailable, 3, "hung up"):
            look(own.path)


def test_policy_forbids_it():
    rule = '<deny send_interface="org.freedesktop.systemd1.Manager"/>'
    with require(MessageBus, rule) as own, Service(own.path), pytest.raises(Refused) as caught:
        look(own.path)
    assert caught.value.reason is Reason.PERMISSION
    assert "ListUnits" in str(caught.value)


@pytest.mark.parametrize(
    "listed",
    [
        ("s", "no list"),
        ("as", ["a.service"]),
        ("a(sss)", [("a", "b", "c")]),
        ("v", (LISTED, [unit("a.service")])),
        ("a(ssssssoust)", [(*unit("a.service")[:9], 1)]),
    ],
)
def test_another_form_of_list_is_refused(bus, listed):
    with Service(bus.path, listed=listed), fails(Refused, 3, "not a list of units"):
        look(bus.path)


def test_systemd_says_no(bus):
    error = "org.freedesktop.systemd1.NoSuchUnit"
    with Service(bus.path, error=error), fails(Refused, 3, error, "The answer is no"):
        look(bus.path)


def test_values_of_other_types_give_no_sample(bus):
    odd = {"NRestarts": ("s", "3"), "Type": ("u", 1), "Version": ("u", 257), "LastTriggerUSec": ("as", ["x"])}
    units = [
        unit("a.service"),
        unit("a.service", "failed"),
        unit("b.timer"),
        unit("x", ""),
        unit('\n"\\', "odd"),
    ]
    with Service(bus.path, units, properties=odd):
        samples = look(bus.path)
    assert not samples.get("node_systemd_service_restart_total")
    assert not samples.get("node_systemd_timer_last_trigger_seconds")
    assert "node_systemd_version" not in samples
    assert state_of(samples, "a.service") == "failed", "a name that comes twice is one unit"
    assert samples["node_systemd_units"][frozenset({("state", "odd")})] == 1


WELCOME = b"OK 0123456789abcdef0123456789abcdef\r\n"

Say = Callable[[socket.socket], None]


@contextmanager
def peer(say: Say) -> Iterator[Path]:
    """Something that is no bus: it takes one connection, and does this with it."""
    path = folders.new("peer") / "bus"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                heard(connection, b"AUTH")
                try:
                    say(connection)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield path
        thread.join(5)
        assert not thread.is_alive()


def heard(connection: socket.socket, word: bytes) -> None:
    """Waits for a line with this word."""
    text = b""
    while b"\n" not in text.partition(word)[2]:
        text += connection.recv(4096) or word + b"\n"


def lets_in(then: bytes) -> Say:
    def say(connection: socket.socket) -> None:
        connection.sendall(WELCOME)
        heard(connection, b"BEGIN")
        connection.sendall(then)
        while connection.recv(4096):
            continue

    return say


def never_ends(connection: socket.socket) -> None:
    signal = b"l\x04\x00\x01" + bytes(4) + b"\x01\x00\x00\x00" + bytes(4)
    connection.sendall(WELCOME)
    heard(connection, b"BEGIN")
    connection.settimeout(5)
    while True:
        connection.sendall(signal * 1000)


@pytest.mark.parametrize(
    ("say", "kind", "words"),
    [
        (lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n"), Refused, "does not let"),
        (lambda connection: connection.sendall(b"REJECTED EXTERNAL\r\n"), Refused, "REJECTED"),
        (lambda connection: connection.sendall(b"x" * 100_000), Refused, "does not let"),
        (lambda _: None, Unavailable, "hung up"),
        (lets_in(b"\x00" * 64), Refused, "no D-Bus message"),
        (lets_in(b"HTTP/1.1 400 Bad Request\r\n"), Refused, "no D-Bus message"),
        (lets_in(b"l\x02\x00\x01" + b"\xff" * 12), Refused, "not taken"),
        (lets_in(b"l\x02\x00\x01" + b"\x00" * 4), DeadlineExceeded, "in time"),
        (never_ends, DeadlineExceeded, "in time"),
    ],
    ids=("http", "rejected", "long", "nothing", "zeros", "text", "huge", "half", "endless"),
)
def test_no_bus_at_all(say, kind, words):
    with peer(say) as path, fails(kind, 4, words, str(path)):
        look(path, seconds=1.0)
