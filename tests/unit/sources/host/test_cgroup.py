"""Which folder a process's control group is, in containers, namespaces, and on hybrid machines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sources.host import HostOptions
from exporter.sources.host.cgroup import UNIFIED, Cgroups, below, parse_mounts, parse_paths
from tests.unit.sources.host import cgroup_trees as trees
from tests.unit.sources.host.files_in_memory import Content, MemoryHost


def cgroups(files: dict[str, Content], cgroupfs: str | None = None) -> Cgroups:
    return Cgroups(MemoryHost(files, HostOptions(cgroupfs=cgroupfs)))


@pytest.mark.parametrize(
    ("root", "namespace", "path", "found"),
    [
        ("/", None, "/a/b", ("a", "b")),
        ("/", None, "/", ()),
        ("/docker/1", None, "/docker/1", ()),
        ("/docker/1", None, "/docker/1/sub", ("sub",)),
        ("/docker/1", None, "/docker/2", None),
        ("/docker/1", None, "/docker/11", None),
        ("/", None, "/../neighbour", None),
        ("/../..", ("pod", "own"), "/", ("pod", "own")),
        ("/../..", ("pod", "own"), "/sub", ("pod", "own", "sub")),
        ("/../..", ("pod", "own"), "/../neighbour", ("pod", "neighbour")),
        ("/../..", ("pod", "own"), "/../../init.scope", ("init.scope",)),
        ("/../..", ("pod", "own"), "/../../../x", None),
        ("/../..", None, "/", None),
    ],
)
def test_where_a_path_is_in_a_mount(root, namespace, path, found):
    assert below(root, namespace, path) == found


def test_paths_by_controller():
    text = "9:name=systemd:/s\n4:cpu,cpuacct:/c\n3:memory:/m:with:colons\n2:freezer:/f\n0::/u\n1::/not\nx\n"
    assert parse_paths(text) == {"cpu": "/c", "cpuacct": "/c", "memory": "/m:with:colons", UNIFIED: "/u"}


@given(st.text(), st.text())
def test_rubbish_is_no_mount_and_no_path(mounts, paths):
    list(parse_mounts(mounts, "/sys/fs/cgroup"))
    parse_paths(paths)


def test_own_group_of_version_2():
    files = trees.version_2({"self": "/app.slice/exporter.service"})
    files |= trees.below("/sys/fs/cgroup/app.slice/exporter.service", trees.GROUP_2)
    own = cgroups(files).of("self")
    assert own is not None
    assert own.folders == {UNIFIED: "app.slice/exporter.service"}
    assert (own.id, own.parent, own.versions) == ("/app.slice/exporter.service", "/app.slice", "2")
    assert own.read(UNIFIED, "pids.current") == "11\n"


def test_namespace_begins_at_the_own_group():
    files = trees.version_2({"self": "/", "7": "/../neighbour"}) | trees.below(
        "/sys/fs/cgroup", trees.GROUP_2
    )
    groups = cgroups(files)
    own, other = groups.of("self"), groups.of("7")
    assert own is not None
    assert (own.id, own.folders) == ("/", {UNIFIED: ""})
    assert other is not None
    assert not other.is_seen


def test_root_of_the_machine_is_no_group():
    own = cgroups(trees.version_2({"self": "/"}) | trees.below("/sys/fs/cgroup", trees.ROOT_2)).of("self")
    assert own is not None
    assert (own.folders, own.in_root, own.is_seen) == ({}, True, True)


def test_container_of_version_1_sees_its_own_part():
    files = trees.version_1({"self": "/docker/1", "7": "/docker/2"}, root="/docker/1") | trees.group_1("")
    groups = cgroups(files)
    own, other = groups.of("self"), groups.of("7")
    assert own is not None
    assert own.folders == {
        "cpu": "cpu,cpuacct",
        "cpuacct": "cpu,cpuacct",
        "memory": "memory",
        "pids": "pids",
        "blkio": "blkio",
    }
    assert (own.id, own.versions) == ("/docker/1", "1")
    assert other is not None
    assert not other.is_seen


def test_hybrid_machine_chooses_by_controller():
    mounts = trees.V1_MOUNT.format(root="/", point="/sys/fs/cgroup/memory", controllers="memory")
    mounts += trees.V1_MOUNT.format(root="/", point="/sys/fs/cgroup/cpu", controllers="cpu")
    mounts += trees.UNIFIED_MOUNT.format(root="/", point="/sys/fs/cgroup/unified")
    files = trees.machine({"self": "3:cpu:/\n4:memory:/app\n0::/user\n"}, mounts)
    files |= trees.below("/sys/fs/cgroup/memory/app", trees.GROUP_1["memory"])
    files |= trees.below("/sys/fs/cgroup/cpu", trees.ROOT_1)
    files |= trees.below("/sys/fs/cgroup/unified/user", trees.GROUP_2)
    own = cgroups(files).of("self")
    assert own is not None
    assert own.folders == {"memory": "memory/app", UNIFIED: "unified/user"}
    assert (own.versions, own.id, own.in_root) == ("hybrid", "/app", True)


def test_mounts_elsewhere_are_not_taken():
    files = trees.version_2({"self": "/"}) | trees.below("/sys/fs/cgroup", trees.GROUP_2)
    assert not cgroups(files, "/host/sys/fs/cgroup").mounted
    assert cgroups(files, "/sys/fs/cgroup/").mounted


def test_hosts_tree_is_entered_at_the_own_group(tmp_path):
    """The mount of the host's tree begins two groups above the own namespace: which ones, no path says."""
    real = tmp_path / "host"
    own = real / "pod1" / "own"
    own.mkdir(parents=True)
    (real / "pod2" / "own").mkdir(parents=True)
    (tmp_path / "own").symlink_to(own)
    mounts = trees.UNIFIED_MOUNT.format(root="/../..", point=real)
    mounts += trees.UNIFIED_MOUNT.format(root="/", point=tmp_path / "own")
    files = trees.machine({"self": "0::/\n", "7": "0::/../db\n", "8": "0::/../../pod2/own\n"}, mounts)
    for path in ("pod1/own", "pod1/db", "pod2/own"):
        files |= trees.below(f"{real}/{path}", trees.GROUP_2)
    groups = cgroups(files, str(real))
    found = [group.folders if (group := groups.of(pid)) else None for pid in ("self", "7", "8")]
    assert found == [{UNIFIED: "pod1/own"}, {UNIFIED: "pod1/db"}, {UNIFIED: "pod2/own"}]


def test_process_that_has_ended():
    assert cgroups(trees.version_2({"self": "/"})).of("77") is None


def test_no_mounts():
    groups = cgroups({"/proc/self/cgroup": "0::/\n"})
    assert not groups.mounted
    own = groups.of("self")
    assert own is not None
    assert not own.is_seen


def test_upwards_goes_to_the_top_of_what_is_mounted():
    files = trees.version_2({"self": "/a/b"}) | trees.below("/sys/fs/cgroup/a/b", trees.GROUP_2)
    files |= trees.below("/sys/fs/cgroup/a", {"memory.max": "7\n"})
    own = cgroups(files).of("self")
    assert own is not None
    assert list(own.upwards(UNIFIED, "memory.max")) == [["268435456\n"], ["7\n"], [""]]
    assert own.read_above(UNIFIED, 1, "memory.max") == "7\n"
