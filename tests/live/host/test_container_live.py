"""A process in a control group of its own, with limits: what it says of itself is what the kernel says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from exporter.sources.host import Host
from tests.record_host import collect, page
from tests.servers import Redis, require
from tests.servers.cgroup import Limited, limited, own_paths
from tests.servers.page import samples_of

pytestmark = pytest.mark.live

MEMORY = 96 * 2**20
QUOTA, PERIOD = 20_000, 100_000
CPU_TICK = 0.01

# Answers a line: `page` with the collector's page and an empty line, `burn SECONDS` with one afterwards.
INSIDE = """
import asyncio, sys, time
from exporter.collectors.host import container
from exporter.expose.text import TextEncoder
from exporter.model.deadline import Deadline
from exporter.sources.host import Host, HostOptions
collect = container.build(Host(HostOptions(cgroupfs=sys.argv[1] if len(sys.argv) > 1 else None)))
for line in sys.stdin:
    word, _, seconds = line.strip().partition(" ")
    if word == "burn":
        ends = time.monotonic() + float(seconds)
        while time.monotonic() < ends:
            pass
    else:
        tables = asyncio.run(collect(Deadline.after(5)))
        print(b"".join(TextEncoder().encode(tables)).decode(), end="")
    print(flush=True)
"""

Shown = Callable[..., float | None]


def ask(process: subprocess.Popen[str], line: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line + "\n")
    answer = ""
    while (text := process.stdout.readline()) not in ("\n", ""):
        answer += text
    assert text == "\n", "it has ended"
    return answer


def shown(process: subprocess.Popen[str]) -> Shown:
    samples = samples_of(ask(process, "page"))

    def of(name: str, **labels: str) -> float | None:
        return samples.get(f"container_{name}", {}).get(frozenset(labels.items()))

    return of


@pytest.fixture
def groups() -> Iterator[Limited]:
    with ExitStack() as stack:
        groups: Limited = require(stack.enter_context, limited())
        groups.set("memory", "memory.limit_in_bytes", MEMORY)
        groups.set("memory", "memory.memsw.limit_in_bytes", MEMORY)
        groups.set("cpu", "cpu.cfs_quota_us", QUOTA)
        groups.set("pids", "pids.max", 50)
        yield groups


@pytest.fixture
def inside(groups: Limited) -> Iterator[subprocess.Popen[str]]:
    with groups.python(INSIDE) as process:
        yield process
        process.kill()


def test_limits_are_the_kernels(groups, inside):
    found = shown(inside)
    assert found("spec_memory_limit_bytes", id=groups.path) == MEMORY
    assert found("spec_memory_swap_limit_bytes", id=groups.path) == MEMORY
    assert found("spec_cpu_quota", id=groups.path) == QUOTA
    assert found("spec_cpu_period", id=groups.path) == PERIOD
    assert found("spec_cpu_shares", id=groups.path) == int(groups.get("cpu", "cpu.shares"))
    assert found("threads_max", id=groups.path) == 50
    assert found("threads", id=groups.path) == int(groups.get("pids", "pids.current"))
    assert found("scope_info", scope="host", id=groups.path, version="hybrid") == 1


def test_throttling_is_the_kernels(groups, inside):
    ask(inside, "burn 0.8")
    before = {
        name: groups.pair("cpu", "cpu.stat", name)
        for name in ("nr_periods", "nr_throttled", "throttled_time")
    }
    usage = int(groups.get("cpuacct", "cpuacct.usage")) / 1e9
    found = shown(inside)
    after = {name: groups.pair("cpu", "cpu.stat", name) for name in before}
    assert before["nr_throttled"] >= 3, "a fifth of a core, for most of a second"
    for name, metric, unit in (
        ("nr_periods", "cpu_cfs_periods_total", 1),
        ("nr_throttled", "cpu_cfs_throttled_periods_total", 1),
        ("throttled_time", "cpu_cfs_throttled_seconds_total", 1e9),
    ):
        value = found(metric, id=groups.path)
        assert value is not None
        assert before[name] / unit <= value <= after[name] / unit, name
    used = found("cpu_usage_seconds_total", id=groups.path, cpu="total")
    assert used is not None
    assert usage <= used <= int(groups.get("cpuacct", "cpuacct.usage")) / 1e9
    modes = [found(f"cpu_{mode}_seconds_total", id=groups.path) or 0 for mode in ("user", "system")]
    assert sum(modes) == pytest.approx(used, abs=0.1)


def test_memory_is_the_kernels(groups, inside):
    shown(inside)
    found = shown(inside)
    inactive = groups.pair("memory", "memory.stat", "total_inactive_file")
    usage = int(groups.get("memory", "memory.usage_in_bytes"))
    assert found("memory_usage_bytes", id=groups.path) == pytest.approx(usage, rel=0.1)
    assert found("memory_working_set_bytes", id=groups.path) == pytest.approx(usage - inactive, rel=0.1)
    rss = groups.pair("memory", "memory.stat", "total_rss")
    assert found("memory_rss", id=groups.path) == pytest.approx(rss, rel=0.1)
    assert found("oom_events_total", id=groups.path) == 0


def test_kill_for_lack_of_memory_is_counted(groups, inside):
    groups.set("cpu", "cpu.cfs_quota_us", -1)  # or it would take its time
    eater = groups.command([sys.executable, "-c", "b'x' * 300_000_000"])
    done = subprocess.run(eater, check=False, timeout=30, stdout=subprocess.DEVNULL)
    assert done.returncode == -9
    killed = groups.pair("memory", "memory.oom_control", "oom_kill")
    assert killed >= 1
    found = shown(inside)
    assert found("oom_events_total", id=groups.path) == killed
    assert found("memory_failcnt", id=groups.path) == int(groups.get("memory", "memory.failcnt"))


def test_pressure_of_a_hybrid_machine_is_version_2s(groups, inside):
    ask(inside, "burn 0.3")
    total = groups.get("unified", "cpu.pressure").partition("total=")[2].split()[0]
    value = shown(inside)("pressure_cpu_waiting_seconds_total", id=groups.path)
    assert value is not None
    assert int(total) / 1e6 <= value


def test_redis_in_a_group_is_watched_by_a_process_outside(groups):
    with require(Redis) as server:
        for folder in groups.folders.values():
            (folder / "cgroup.procs").write_text(str(server.pid))
        try:
            samples = samples_of(page(collect("container", Host())).decode())
            labels = frozenset({("id", groups.path)})
            assert samples["container_spec_memory_limit_bytes"][labels] == MEMORY
            assert samples["container_watched_info"][labels | {("process", "redis-server")}] == 1
            assert samples["container_cpu_cfs_periods_total"][labels] >= 0
        finally:
            own = own_paths()
            for hierarchy, folder in groups.folders.items():
                assert folder.parent.as_posix().endswith(own[hierarchy].rstrip("/"))
                (folder.parent / "cgroup.procs").write_text(str(server.pid))


# A container's view: cgroup and mount namespaces of its own, only its own group mounted below the folder.
CONTAINER = """
folder=$1; shift
mount -t tmpfs none "$folder"
for name in cpu cpuacct memory pids; do
  mkdir "$folder/$name"
  mount -t cgroup -o $name cgroup "$folder/$name"
done
exec "$@"
"""


@pytest.fixture
def contained(groups: Limited, tmp_path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts the process in namespaces of its own, where this folder is what it takes for /sys/fs/cgroup."""
    folder = tmp_path / "cgroup"
    folder.mkdir()
    with ExitStack() as stack:

        def start(cgroupfs: str) -> subprocess.Popen[str]:
            wrapped = ["unshare", "--cgroup", "--mount", "/bin/sh", "-ec", CONTAINER, "sh", str(folder)]
            command = groups.command([*wrapped, sys.executable, "-c", INSIDE, cgroupfs or str(folder)])
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


def test_container_sees_its_limits_at_the_root(contained):
    found = shown(contained(""))
    assert found("scope_info", scope="self", id="/", version="1") == 1
    assert found("spec_memory_limit_bytes", id="/") == MEMORY
    assert found("spec_cpu_quota", id="/") == QUOTA


def test_container_with_the_hosts_tree_finds_itself_in_it(contained):
    found = shown(contained("/sys/fs/cgroup"))
    assert found("spec_memory_limit_bytes", id="/") == MEMORY
    assert found("threads_max", id="/") == 50
    assert found("scope_info", scope="host", id="/", version="1") == 1
