"""What the files of control groups become: limits, throttling, working set, and whose groups are shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from exporter.collectors.host import _cgroup_metrics, container
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.table import Table
from exporter.settings.sections.host import OF_THE_NUMBERS
from exporter.sources.host import Host, HostOptions
from tests.examples import examples
from tests.record_host import page
from tests.servers.page import samples_of
from tests.unit.sources.host import cgroup_trees as trees
from tests.unit.sources.host.files_in_memory import Content, MemoryHost, stat

OWN = "/system.slice/exporter.service"
ABOVE = "/sys/fs/cgroup/system.slice"

Shown = Callable[..., float | None]


def run(host: Host) -> Sequence[Table]:
    async def collect() -> Sequence[Table]:
        return await container.build(host)(Deadline.after(5))

    return asyncio.run(collect())


def shown(files: dict[str, Content], **options) -> Shown:
    samples = samples_of(page(run(MemoryHost(files, HostOptions(**options)))).decode())

    def of(name: str, **labels: str) -> float | None:
        return samples.get(f"container_{name}", {}).get(frozenset(labels.items()))

    return of


def version_2(path: str = OWN, **other: str) -> dict[str, Content]:
    files = trees.version_2({"self": path, **other})
    return files | trees.below(f"/sys/fs/cgroup{path}".rstrip("/"), trees.GROUP_2)


def version_1(path: str = OWN) -> dict[str, Content]:
    return trees.version_1({"self": path}) | trees.group_1(path)


COMMON = {
    "cpu_usage_seconds_total": (7.5, {"cpu": "total"}),
    "cpu_user_seconds_total": (5, {}),
    "cpu_system_seconds_total": (2.5, {}),
    "cpu_cfs_periods_total": (90, {}),
    "cpu_cfs_throttled_periods_total": (30, {}),
    "cpu_cfs_throttled_seconds_total": (4.5, {}),
    "spec_cpu_quota": (50_000, {}),
    "spec_cpu_period": (100_000, {}),
    "memory_usage_bytes": (100 * 2**20, {}),
    "memory_working_set_bytes": (80 * 2**20, {}),
    "memory_rss": (50 * 2**20, {}),
    "memory_cache": (40 * 2**20, {}),
    "memory_mapped_file": (8 * 2**20, {}),
    "memory_swap": (4096, {}),
    "memory_max_usage_bytes": (128 * 2**20, {}),
    "memory_failcnt": (17, {}),
    "oom_events_total": (1, {}),
    "spec_memory_limit_bytes": (256 * 2**20, {}),
    "spec_memory_swap_limit_bytes": (0, {}),
    "threads": (11, {}),
    "fs_reads_bytes_total": (1_459_200, {"device": "/dev/sdb"}),
    "fs_writes_bytes_total": (314_773_504, {"device": "/dev/sdb"}),
    "fs_reads_total": (192, {"device": "/dev/sdb"}),
    "fs_writes_total": (353, {"device": "/dev/sdb"}),
    "start_time_seconds": (1005, {}),
}


@pytest.mark.parametrize("files", [version_1(), version_2()], ids=["version 1", "version 2"])
@pytest.mark.parametrize(("name", "expected"), COMMON.items())
def test_both_versions_say_the_same(files, name, expected):
    value, labels = expected
    assert shown(files)(name, id=OWN, **labels) == value


def test_what_the_versions_have_of_their_own():
    one, two = shown(version_1()), shown(version_2())
    assert (one("spec_cpu_shares", id=OWN), two("spec_cpu_shares", id=OWN)) == (512, 2597)
    assert (one("threads_max", id=OWN), two("threads_max", id=OWN)) == (100, 0)
    reserved = "spec_memory_reservation_limit_bytes"
    assert (one(reserved, id=OWN), two(reserved, id=OWN)) == (0, 16 * 2**20)
    for scope, faults in (("container", (1000, 1234)), ("hierarchy", (1234, 1234))):
        labels = {"id": OWN, "failure_type": "pgfault", "scope": scope}
        assert (one("memory_failures_total", **labels), two("memory_failures_total", **labels)) == faults
    assert one("pressure_io_stalled_seconds_total", id=OWN) is None
    assert two("pressure_io_stalled_seconds_total", id=OWN) == 2.5
    assert two("pressure_cpu_waiting_seconds_total", id=OWN) == 1.5


@pytest.mark.parametrize(("weight", "shares"), [("1", 2), ("100", 2597), ("10000", 262144)])
def test_weight_as_shares(weight, shares):
    files = version_2() | {f"/sys/fs/cgroup{OWN}/cpu.weight": weight}
    assert shown(files)("spec_cpu_shares", id=OWN) == shares


def test_no_limit_is_nought_and_no_quota_no_row():
    one = version_1() | {
        f"/sys/fs/cgroup/memory{OWN}/memory.limit_in_bytes": "9223372036854771712\n",
        f"/sys/fs/cgroup/memory{OWN}/memory.stat": "hierarchical_memory_limit 9223372036854771712\n",
        f"/sys/fs/cgroup/cpu,cpuacct{OWN}/cpu.cfs_quota_us": "-1\n",
    }
    two = version_2() | {
        f"/sys/fs/cgroup{OWN}/memory.max": "max\n",
        f"/sys/fs/cgroup{OWN}/cpu.max": "max 100000\n",
    }
    for files in (one, two):
        found = shown(files)
        assert found("spec_memory_limit_bytes", id=OWN) == 0
        assert found("spec_cpu_quota", id=OWN) is None
        assert found("spec_cpu_period", id=OWN) == 100_000
        assert found("cpu_cfs_periods_total", id=OWN) is None


def test_tightest_limit_above_counts():
    files = version_2() | {
        f"{ABOVE}/memory.max": "1000\n",
        f"{ABOVE}/pids.max": "64\n",
        f"{ABOVE}/cpu.max": "20000 100000\n",
        f"{ABOVE}/cpu.stat": "nr_periods 5\nnr_throttled 4\nthrottled_usec 3000000\n",
    }
    found = shown(files)
    assert found("spec_memory_limit_bytes", id=OWN) == 1000
    assert found("threads_max", id=OWN) == 64
    assert found("spec_cpu_quota", id=OWN) == 20_000
    assert found("cpu_cfs_throttled_seconds_total", id=OWN) == 3, "throttling is counted where the quota is"


def test_kernel_knows_of_limits_above_the_mount():
    limit = f"/sys/fs/cgroup/memory{OWN}/memory.stat"
    files = version_1() | {limit: "hierarchical_memory_limit 4096\n"}
    assert shown(files)("spec_memory_limit_bytes", id=OWN) == 4096


def test_working_set_is_never_below_nought():
    files = version_2() | {f"/sys/fs/cgroup{OWN}/memory.current": "5\n"}
    assert shown(files)("memory_working_set_bytes", id=OWN) == 0


def test_missing_files_are_absent_not_nought():
    files = trees.version_2({"self": OWN}) | trees.below(
        f"/sys/fs/cgroup{OWN}",
        {"cgroup.events": "", "cgroup.controllers": "", "cpu.stat": "usage_usec 5000000\n"},
    )
    found = shown(files)
    assert found("cpu_usage_seconds_total", id=OWN, cpu="total") == 5
    for name in ("memory_usage_bytes", "memory_working_set_bytes", "spec_memory_limit_bytes", "threads_max"):
        assert found(name, id=OWN) is None, name


def with_process(
    files: dict[str, Content], pid: int, name: str, group: str, parent: int = 1
) -> dict[str, Content]:
    return files | {
        f"/proc/{pid}/stat": stat(pid, name, parent=parent, started=4200),
        f"/proc/{pid}/cgroup": f"0::{group}\n",
    }


def scope(found: Shown, own: str = OWN) -> str:
    (one,) = [s for s in ("self", "pod", "host") if found("scope_info", scope=s, id=own, version="2")]
    return one


def test_container_that_sees_only_itself():
    found = shown(version_2("/", **{"1": "/"}))
    assert scope(found, "/") == "self"
    assert found("scope_unreadable_cgroups") == 0
    assert found("memory_usage_bytes", id="/") == 100 * 2**20


def test_container_that_sees_others_processes_but_not_their_groups():
    files = with_process(version_2("/", **{"1": "/../pause"}), 20, "redis-server", "/../redis")
    found = shown(files)
    assert scope(found, "/") == "self"
    assert found("scope_unreadable_cgroups") == 2
    assert found("memory_usage_bytes", id="/../redis") is None


def test_containers_of_a_pod():
    pod = "/kubepods/pod1"
    files = version_2(f"{pod}/exporter", **{"1": f"{pod}/pause"})
    files = with_process(files, 20, "postgres", f"{pod}/db")
    files = with_process(files, 21, "postgres", f"{pod}/db", parent=20)
    files |= trees.below(f"/sys/fs/cgroup{pod}/db", trees.GROUP_2 | {"memory.current": "7\n"})
    files |= trees.below(f"/sys/fs/cgroup{pod}/pause", trees.GROUP_2)
    labels = (("container", "exporter"), ("pod", "shop-0"), ("namespace", "prod"))
    found = shown(files, container_labels=labels)
    assert scope(found, f"{pod}/exporter") == "pod"
    own = dict(labels) | {"id": f"{pod}/exporter"}
    assert found("memory_usage_bytes", **own) == 100 * 2**20
    assert found("memory_usage_bytes", id=f"{pod}/db", pod="shop-0", namespace="prod") == 7
    assert found("watched_info", id=f"{pod}/db", process="postgres") == 1
    assert found("start_time_seconds", id=f"{pod}/db", pod="shop-0", namespace="prod") == 1042


def test_service_on_a_machine():
    files = version_2(OWN, **{"1": "/init.scope"}) | trees.below("/sys/fs/cgroup/init.scope", trees.GROUP_2)
    files = with_process(files, 20, "redis-server", "/system.slice/redis.service")
    files |= trees.below("/sys/fs/cgroup/system.slice/redis.service", trees.GROUP_2)
    found = shown(files)
    assert scope(found) == "host"
    assert found("memory_usage_bytes", id="/system.slice/redis.service") == 100 * 2**20


def test_root_of_the_machine_shows_no_numbers_of_its_own():
    files = trees.version_2({"self": "/", "1": "/"}) | trees.below(
        "/sys/fs/cgroup", trees.GROUP_2 | trees.ROOT_2
    )
    del files["/sys/fs/cgroup/cgroup.events"]
    found = shown(files)
    assert scope(found, "/") == "host"
    assert found("memory_usage_bytes", id="/") is None


def test_machine_without_control_groups_is_a_skip():
    with pytest.raises(Skip, match="no control groups are mounted"):
        run(MemoryHost({"/proc/self/cgroup": "0::/\n"}))


def test_groups_are_looked_for_again_later(monkeypatch):
    clock = iter([0.0, 0.0, 1.0, 100.0, 100.0, 100.0])
    monkeypatch.setattr("exporter.collectors.host._cgroup_watch.monotonic", lambda: next(clock))
    host = MemoryHost(version_2())
    collect = container.build(host)

    def limit() -> bool:
        async def once() -> Sequence[Table]:
            return await collect(Deadline.after(5))

        return b"spec_memory_limit_bytes" in page(asyncio.run(once())) and b"} 7\n" in page(
            asyncio.run(once())
        )

    assert not limit()
    host.files[f"/sys/fs/cgroup{OWN}/memory.max"] = "7\n"
    assert limit()


def test_labels_of_the_numbers_can_not_be_set():
    assert {label for metric in _cgroup_metrics.EVERY for label in metric.labels} == OF_THE_NUMBERS


def test_only_what_is_declared_is_shown():
    declared = set(container.COLLECTOR.metrics)
    given = {
        column.metric
        for files in (version_1(), version_2())
        for t in run(MemoryHost(files))
        for column in t.columns
    }
    assert given == declared


FILES = sorted({*version_1(), *version_2()})


@pytest.mark.parametrize("make", [version_1, version_2], ids=["version 1", "version 2"])
@given(
    path=st.sampled_from(FILES), content=st.one_of(st.binary(max_size=80), st.text("0123456789 -\nmax:/="))
)
@examples(150, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_files_never_raise(make, path, content):
    files = make()
    if path in files:
        files[path] = content
    with suppress(Skip):
        page(run(MemoryHost(files)))
