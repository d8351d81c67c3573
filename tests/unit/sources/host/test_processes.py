"""What is read of a process, whatever its name holds and whenever it ends."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import SettingsError, Skip
from exporter.sources.host.processes import Details, Process, Thread
from exporter.sources.host.processes_files import PAGE_BYTES, TICKS_PER_SECOND, ProcessFiles, parse_stat
from exporter.sources.host.processes_rules import Candidate, Rule, load
from tests.unit.sources.host.files_in_memory import Content, MemoryHost, stat

REFUSED = PermissionError(13, "Permission denied")
ENDED = ProcessLookupError(3, "No such process")


def processes(files: Mapping[str, Content]) -> ProcessFiles:
    return ProcessFiles(MemoryHost({f"/proc/{name}": text for name, text in files.items()}))


def test_line_of_stat():
    parsed = parse_stat(stat(12, "redis-server", parent=7, started=4200, user=150).encode())
    assert parsed == Process(
        pid=12,
        parent=7,
        started=4200,
        name="redis-server",
        state="S",
        threads=1,
        user=150 / TICKS_PER_SECOND,
        system=3 / TICKS_PER_SECOND,
        minor_faults=7,
        major_faults=2,
        virtual=8192,
        resident=5 * PAGE_BYTES,
    )


@given(st.binary(max_size=64))
def test_name_may_hold_anything(name):
    before, after = stat(12, "NAME", started=77).encode().split(b"NAME")
    parsed = parse_stat(before + name + after)
    assert parsed is not None
    assert parsed.started == 77
    assert parsed.name == name.decode(errors="backslashreplace")


@pytest.mark.parametrize("name", ["a) S 1 (b", "x\ny", ") R 5 5 5", "()", "(sd-pam)", " "])
def test_names_that_look_like_the_rest(name):
    parsed = parse_stat(stat(12, name, started=77).encode())
    assert parsed is not None
    assert (parsed.name, parsed.parent, parsed.started) == (name, 1, 77)


@given(st.binary(max_size=200))
def test_rubbish_is_no_process(content):
    assert parse_stat(content) is None or content.count(b")")


@given(at=st.integers(0, 90), length=st.integers(0, 30), put=st.binary(max_size=12))
def test_damaged_line_never_raises(at, length, put):
    line = stat(12, "postgres").encode()
    parsed = parse_stat(line[:at] + put + line[at + length :])
    assert parsed is None or parsed.pid >= 0


@pytest.mark.parametrize("value", ["-1", "9" * 25, "1_0x", "1.5", "\u0661"])
def test_numbers_that_the_kernel_never_writes(value):
    assert parse_stat(stat(12, "x").replace(" 8192 ", f" {value} ").encode()) is None


def test_all_lists_what_can_be_read():
    seen = processes(
        {
            "1/stat": stat(1, "init"),
            "2/stat": ENDED,
            "3/stat": REFUSED,
            "4/stat": "?",
            "self/stat": "x",
        }
    )
    assert [process.name for process in seen.all()] == ["init"]
    assert seen.failed == 2, "one that has ended is no failure"


def test_proc_that_can_not_be_listed_is_a_skip():
    with pytest.raises(Skip, match="can't be listed"):
        ProcessFiles(MemoryHost({})).all()


def test_details():
    seen = processes(
        {
            "7/status": "Name:\tx\nVmSwap:\t 12 kB\nvoluntary_ctxt_switches:\t5\n"
            "nonvoluntary_ctxt_switches:\t6\n",
            "7/io": "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 4096\nwrite_bytes: 8192\n",
            "7/fd/0": "",
            "7/fd/1": "",
            "7/limits": "Limit  Soft Hard\nMax open files            1024                 4096     files\n",
            "7/smaps_rollup": "0-1 ---p 0 0:0 0 [rollup]\nRss: 9 kB\nPss:    5 kB\nSwapPss:   2 kB\n",
            "7/task/7/comm": "main\n",
            "7/task/7/wchan": "ep_poll",
            "7/task/8/comm": "bio\n",
            "7/task/8/wchan": "0",
        }
    )
    assert seen.details(7) == Details(12 * 1024, 5, 6, 4096, 8192, 2, ())
    assert seen.descriptor_limit(7) == 1024
    assert seen.proportional(7) == (5 * 1024, 2 * 1024)
    assert seen.threads(7) == [Thread("main", "ep_poll"), Thread("bio", "")]


def test_what_is_refused_is_unknown_and_said():
    seen = processes({"7/status": "Name:\tx\n", "7/io": REFUSED, "7/fd": REFUSED, "7/smaps_rollup": REFUSED})
    assert seen.details(7) == Details(refused=("io", "fd"))
    with pytest.raises(PermissionError):
        seen.proportional(7)


def test_process_that_has_ended_meanwhile_is_unknown_and_not_refused():
    seen = processes({})
    assert seen.details(7) == Details()
    assert seen.proportional(7) is None
    assert seen.descriptor_limit(7) is None
    assert seen.command(7) == seen.cgroups(7) == []
    assert seen.threads(7) == []
    assert seen.user(7) == ""


@given(st.binary(max_size=120))
def test_rubbish_in_any_file(content):
    seen = processes(
        {f"7/{n}": content for n in ("status", "io", "limits", "smaps_rollup", "cmdline", "cgroup")}
    )
    seen.details(7)
    seen.proportional(7)
    seen.descriptor_limit(7)
    seen.command(7)
    seen.cgroups(7)
    seen.user(7)


def test_commands_and_titles():
    title = b"postgres: checkpointer " + b"\0" * 9
    seen = processes({"1/cmdline": b"redis-server\0*:6379\0", "2/cmdline": title, "3/cmdline": b""})
    assert seen.command(1) == ["redis-server", "*:6379"]
    assert seen.command(2) == ["postgres: checkpointer "]
    assert seen.command(3) == []


FIRST = Process(9, 1, 4205, "postgres", "S", 1, 0, 0, 0, 0, 0, 0)


def candidate(command: bytes = b"/usr/bin/postgres\0-D\0/data/main\0") -> Candidate:
    uid = f"Name:\tx\nUid:\t0\t{os.getuid()}\t0\t0\n"
    seen = processes(
        {
            "9/cmdline": command,
            "9/status": uid,
            "9/cgroup": "4:memory:/a\n0::/b\n",
            "stat": "x\nbtime 1000\n",
        }
    )
    return Candidate(FIRST, seen)


def rules(tmp_path, text: str) -> tuple[Rule, ...]:
    file = tmp_path / "groups.yml"
    file.write_text("process_names:\n" + text)
    return load(file)


@pytest.mark.parametrize(
    ("template", "group"),
    [
        ("{{.Comm}}", "postgres"),
        ("{{.ExeBase}}", "postgres"),
        ("{{ .ExeFull }}", "/usr/bin/postgres"),
        ("{{.PID}}", "9"),
        ("{{.Cgroups}}", "[/a /b]"),
        ("{{.StartTime}}", "1970-01-01 00:17:22.05 +0000 UTC"),
        ("pg {{.Matches.Cluster}}!{{.Matches.None}}", "pg main!"),
        ("plain", "plain"),
    ],
)
def test_templates(tmp_path, template, group):
    (rule,) = rules(tmp_path, f'- name: "{template}"\n  cmdline: ["-D /data/(?P<Cluster>[^ ]+)"]\n')
    assert rule.group(candidate()) == group


def test_name_of_the_user(tmp_path):
    (rule,) = rules(tmp_path, '- {name: "{{.Username}}", comm: [postgres]}\n')
    group = rule.group(candidate())
    assert group in ("root", str(os.getuid())) or re.fullmatch(r"[a-z_][\w.-]*", group or "")


@pytest.mark.parametrize(
    ("selectors", "matches"),
    [
        ("comm: [redis-server, postgres]", True),
        ("comm: [post]", False),
        ("exe: [postgres]", True),
        ("exe: [/usr/bin/postgres]", True),
        ("exe: [/opt/postgres]", False),
        ('cmdline: ["-D", "main$"]', True),
        ('cmdline: ["-D", "other"]', False),
        ("comm: [postgres]\n  exe: [redis]", False),
    ],
)
def test_selectors(tmp_path, selectors, matches):
    (rule,) = rules(tmp_path, f"- {selectors}\n")
    assert (rule.group(candidate()) == "postgres") is matches


def test_thread_of_the_kernel_has_no_executable(tmp_path):
    by_exe, by_name = rules(tmp_path, "- {exe: [postgres]}\n- {comm: [postgres]}\n")
    assert by_exe.group(candidate(b"")) is None
    assert by_name.group(candidate(b"")) == "postgres"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- name: x\n", "entry 1: has none of comm, exe and cmdline"),
        ("- {comm: [a]}\n- {comm: b}\n", "entry 2: comm: expected a list"),
        ('- {cmdline: ["("]}\n', "is not a regular expression"),
        ('- {name: "{{.Pid}}", comm: [a]}\n', "there is no {{.Pid}}"),
        ('- {name: "{{if .Comm}}", comm: [a]}\n', "expected no more between"),
        ("- {comm: [a], colour: red}\n", "unknown key colour"),
        ("- 5\n", "expected a mapping"),
        ("  x: [\n", "is no YAML (line"),
        ("  5\n", "expected a list of entries"),
    ],
)
def test_wrong_files_say_where(tmp_path, text, says):
    with pytest.raises(SettingsError) as caught:
        rules(tmp_path, text)
    assert says in str(caught.value)
    assert "host.process_groups_file" in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(SettingsError, match="can't be read: No such file"):
        load(tmp_path / "none.yml")
