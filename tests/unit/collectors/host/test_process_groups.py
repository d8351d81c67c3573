"""Which group a process is in, and that what it used stays counted when it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.host import _process_accounts as accounts
from exporter.collectors.host import process_groups
from exporter.collectors.host._process_names import OTHERS
from exporter.model.collector import Collect
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Reason, SettingsError, Skip
from exporter.model.table import Table
from exporter.sources.host import Host, HostOptions
from exporter.sources.host.processes import Thread
from tests.record_host import page
from tests.servers.page import samples_of
from tests.unit.collectors.host.process_corpus import One, Seen
from tests.unit.sources.host.files_in_memory import Content, MemoryHost, stat

NOW = 1_000_000.0


class SeenHost(Host):
    def __init__(self, seen: Seen, options: HostOptions | None = None) -> None:
        super().__init__(options)
        self.seen = seen

    def processes(self) -> Seen:
        return self.seen


class Runs:
    """Runs of one collector, as pages."""

    def __init__(self, seen: Seen, **options) -> None:
        self._collect: Collect = process_groups.build(SeenHost(seen, HostOptions(**options)))

    def shown(self) -> Callable[..., float | None]:
        text = page(asyncio.run(self._run())).decode()
        samples = samples_of(text)

        def of(name: str, group: str | None = None, **labels: str) -> float | None:
            wanted = labels if group is None else {"groupname": group, **labels}
            return samples.get(f"namedprocess_{name}", {}).get(frozenset(wanted.items()))

        return of

    async def _run(self) -> Sequence[Table]:
        return await self._collect(Deadline.after(5))


def cpu(shown: Callable[..., float | None], group: str) -> float | None:
    return shown("namegroup_cpu_seconds_total", group, mode="user")


REDIS = One(5, "redis-server", "redis-server *:6379", cpu=50.0)


def test_counters_begin_at_nought_and_never_fall():
    seen = Seen(REDIS)
    runs = Runs(seen)
    assert cpu(runs.shown(), "redis-server") == 0, "what it used before the first look is not ours"
    seen.set(replace(REDIS, cpu=53.0), One(6, "redis-server", born=2000, cpu=4.0))
    assert cpu(runs.shown(), "redis-server") == 7, "one that has started since counts whole"
    seen.set(replace(REDIS, cpu=54.0))
    assert cpu(runs.shown(), "redis-server") == 8
    seen.set()
    gone = runs.shown()
    assert cpu(gone, "redis-server") == 8
    assert gone("namegroup_num_procs", "redis-server") == 0
    assert gone("namegroup_memory_bytes", "redis-server", memtype="resident") == 0
    assert gone("namegroup_oldest_start_time_seconds", "redis-server") is None


def test_pid_that_is_used_again_is_another_process():
    seen = Seen(REDIS)
    runs = Runs(seen)
    runs.shown()
    seen.set(replace(REDIS, cpu=60.0))
    runs.shown()
    seen.set(replace(REDIS, born=5000, cpu=3.0))
    assert cpu(runs.shown(), "redis-server") == 13


@given(st.lists(st.dictionaries(st.integers(1, 5), st.floats(0, 100), max_size=5), min_size=2, max_size=8))
def test_counters_never_fall_whatever_comes_and_goes(history):
    seen = Seen()
    books = accounts.Accounts(seen, lambda _candidate: "all", children=True)
    before = 0.0
    for number, run in enumerate(history):
        seen.set(*(One(pid, "x", born=pid % 2 * number, cpu=used) for pid, used in run.items()))
        books.run(NOW, 1.0, threads=False)
        if "all" in books.groups:
            now = books.groups["all"].used[0]
            assert now is not None
            assert now >= before
            before = now


def test_sums_and_the_worst():
    seen = Seen(replace(REDIS, descriptors=40), One(6, "redis-server", resident=300, born=500, state="D"))
    shown = Runs(seen).shown()
    assert shown("namegroup_num_procs", "redis-server") == 2
    assert shown("namegroup_memory_bytes", "redis-server", memtype="resident") == 400
    assert shown("namegroup_memory_bytes", "redis-server", memtype="proportionalResident") == 20
    assert shown("namegroup_open_filedesc", "redis-server") == 45
    assert shown("namegroup_worst_fd_ratio", "redis-server") == 0.4
    assert shown("namegroup_oldest_start_time_seconds", "redis-server") == 500
    assert shown("namegroup_states", "redis-server", state="Waiting") == 1
    assert shown("namegroup_states", "redis-server", state="Zombie") == 0


def test_what_is_refused_is_absent_and_counted():
    seen = Seen(replace(REDIS, read=None, refused=("io", "smaps_rollup")))
    runs = Runs(seen)
    shown = runs.shown()
    assert shown("namegroup_read_bytes_total", "redis-server") is None
    assert shown("namegroup_memory_bytes", "redis-server", memtype="proportionalResident") is None
    assert shown("namegroup_unread_procs", "redis-server", source="io") == 1
    assert shown("namegroup_unread_procs", "redis-server", source="smaps_rollup") == 1
    assert shown("namegroup_unread_procs", "redis-server", source="fd") == 0
    assert shown("scrape_partial_errors") == 2


def test_proportional_memory_has_a_budget(monkeypatch):
    clock = iter(range(1000, 9000))
    monkeypatch.setattr(accounts, "monotonic", lambda: float(next(clock)))
    seen = Seen(*(One(pid, "redis-server") for pid in range(10, 16)))
    runs = Runs(seen, process_pss_seconds=4.0)
    shown = runs.shown()
    asked = len(seen.asked)
    assert 0 < asked < 6
    assert shown("namegroup_unread_procs", "redis-server", source="smaps_rollup") == 6 - asked
    runs.shown()
    assert len(set(seen.asked)) == len(seen.asked), "those without an answer come first"


def test_proportional_memory_can_be_left_out():
    seen = Seen(REDIS)
    shown = Runs(seen, process_pss_seconds=0).shown()
    assert seen.asked == []
    assert shown("namegroup_memory_bytes", "redis-server", memtype="proportionalResident") is None
    assert shown("namegroup_unread_procs", "redis-server", source="smaps_rollup") == 0


def test_children_are_in_the_group_of_their_parent():
    ones = (
        One(5, "redis-server", cpu=1),
        One(6, "sh", parent=5),
        One(7, "aof-check", parent=6),
        One(8, "cron"),
    )
    assert Runs(Seen(*ones)).shown()("namegroup_num_procs", "redis-server") == 3
    assert Runs(Seen(*ones), process_children=False).shown()("namegroup_num_procs", "redis-server") == 1


def test_child_stays_when_its_parent_has_ended():
    seen = Seen(One(5, "redis-server"), One(6, "sh", parent=5))
    runs = Runs(seen)
    runs.shown()
    seen.set(One(6, "sh", parent=1))
    assert runs.shown()("namegroup_num_procs", "redis-server") == 1


def test_processes_that_are_each_others_parents():
    with pytest.raises(Skip) as caught:
        Runs(Seen(One(5, "a", parent=6), One(6, "b", parent=5))).shown()
    assert caught.value.reason is Reason.NO_DATA


def test_process_that_becomes_another_program_is_named_again():
    seen = Seen(REDIS, One(9, "sh", born=1000, cpu=5))
    runs = Runs(seen)
    runs.shown()
    seen.set(REDIS, One(9, "pgbouncer", born=1000, cpu=6))
    shown = runs.shown()
    assert shown("namegroup_num_procs", "pgbouncer") == 1
    assert cpu(shown, "pgbouncer") == 0


def test_young_process_is_named_again_until_it_has_its_title(monkeypatch):
    monkeypatch.setattr("time.time", lambda: 2003.0)
    seen = Seen(One(5, "postgres", "/usr/bin/postgres\0-D\0/data", born=2000))
    runs = Runs(seen)
    assert runs.shown()("namegroup_num_procs", "postgres postmaster") == 1
    seen.set(One(5, "postgres", "postgres: checkpointer ", born=2000))
    shown = runs.shown()
    assert shown("namegroup_num_procs", "postgres checkpointer") == 1
    assert shown("namegroup_num_procs", "postgres postmaster") == 0


def test_threads_by_name_are_bounded():
    threads = [Thread(f"t{n}", "ep_poll") for n in range(60)]
    shown = Runs(Seen(replace(REDIS, threads=threads)), process_threads=True).shown()
    assert shown("namegroup_thread_count", "redis-server", threadname="t0") == 1
    assert shown("namegroup_thread_count", "redis-server", threadname=OTHERS) == 10
    assert shown("namegroup_threads_wchan", "redis-server", wchan="ep_poll") == 60


def test_groups_are_bounded(tmp_path):
    file = tmp_path / "groups.yml"
    file.write_text('process_names: [{name: "{{.PID}}", comm: [x]}]')
    seen = Seen(*(One(pid, "x") for pid in range(1, accounts.MOST_GROUPS + 6)))
    shown = Runs(seen, process_groups_file=file).shown()
    assert shown("namegroup_num_procs", "1") == 1
    assert shown("namegroup_num_procs", OTHERS) == 5


def test_file_of_rules_is_read_again(tmp_path):
    file = Path(tmp_path / "groups.yml")
    file.write_text("process_names: [{name: first, comm: [redis-server]}]")
    seen = Seen(REDIS)
    runs = Runs(seen, process_groups_file=file)
    assert runs.shown()("namegroup_num_procs", "first") == 1
    file.write_text("process_names: [{name: another, comm: [redis-server]}]")
    seen.set(replace(REDIS, cpu=51))
    shown = runs.shown()
    assert shown("namegroup_num_procs", "first") == 0
    assert cpu(shown, "another") == 1
    file.write_text("process_names: 5")
    with pytest.raises(Partial) as caught:
        runs.shown()
    assert "expected a list of entries" in str(caught.value)
    assert b'num_procs{groupname="another"} 1' in page(caught.value.tables)


def test_wrong_file_of_rules_ends_the_start(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.yml: can't be read"):
        Runs(Seen(), process_groups_file=tmp_path / "none.yml")


def vanishing(at: int) -> dict[str, Content]:
    """A server of Redis whose files go away from one on."""
    files: dict[str, Content] = {
        "/proc/5/stat": stat(5, "redis-server"),
        "/proc/5/cmdline": "redis-server *:1\0",
        "/proc/5/status": "Name:\tredis-server\nVmSwap: 1 kB\n",
        "/proc/5/io": "rchar: 1\nread_bytes: 1\nwrite_bytes: 1\n",
        "/proc/5/fd/0": "",
        "/proc/5/limits": "x\nMax open files 10 10 files\n",
        "/proc/5/smaps_rollup": "x\nPss: 1 kB\n",
    }
    ended = ProcessLookupError(3, "No such process")
    return {path: content if number < at else ended for number, (path, content) in enumerate(files.items())}


@pytest.mark.parametrize("at", range(8))
def test_process_may_end_between_any_two_reads(at):
    host = MemoryHost({"/proc/stat": "x\nbtime 5\n", **vanishing(at)})

    async def run() -> Sequence[Table]:
        return await process_groups.build(host)(Deadline.after(5))

    if at == 0:
        with pytest.raises(Skip):
            asyncio.run(run())
    else:
        assert b'num_procs{groupname="redis-server"} 1' in page(asyncio.run(run()))
