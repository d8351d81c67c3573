"""Users' files: what is shown of them, and that a bad one costs itself alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporter.collectors.host import textfile
from exporter.collectors.host._textfile import Broken, parse
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial
from exporter.model.table import Table
from exporter.sources.host import Host, HostOptions
from tests.examples import examples
from tests.record_host import page

GOOD = """\
# HELP my_jobs_total Jobs.
# TYPE my_jobs_total counter
my_jobs_total{queue="a"} 5
my_jobs_total{shard="1"} 6.5
# TYPE my_runs counter
my_runs 3
plain 1e3
# TYPE my_seconds histogram
my_seconds_bucket{job="x",le="1"} 2
my_seconds_bucket{job="x",le="+Inf"} 3
my_seconds_sum{job="x"} 2.5
my_seconds_count{job="x"} 3
"""


class Folder:
    """A folder of files, collected by one collector."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._collect = textfile.build(Host(HostOptions(textfile_directory=str(path))))

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.path / f"{name}.prom").write_text(text)

    def collect(self) -> tuple[str, str]:
        """The page, and what was wrong."""

        async def run() -> tuple[Sequence[Table], str]:
            try:
                return await self._collect(Deadline.after(5)), ""
            except Partial as partial:
                return partial.tables, str(partial)

        tables, error = asyncio.run(run())
        return page(tables).decode(), error


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_metrics_keep_their_names_and_types(folder):
    folder.write(good=GOOD)
    text, error = folder.collect()
    assert error == ""
    lines = text.splitlines()
    assert "# HELP my_jobs_total Jobs." in lines
    assert {"# TYPE my_jobs_total counter", "# TYPE my_runs counter", "# TYPE plain untyped"} <= {*lines}
    assert {'my_jobs_total{queue="a",shard=""} 5', 'my_jobs_total{queue="",shard="1"} 6.5'} <= {*lines}
    assert {"my_runs 3", "plain 1000.0"} <= {*lines}
    assert 'my_seconds_bucket{job="x",le="+Inf"} 3' in lines
    assert 'my_seconds_sum{job="x"} 2.5' in lines
    assert f"# HELP plain Metric read from {folder.path}/good.prom" in lines
    assert "node_textfile_scrape_error 0" in lines
    mtime = int((folder.path / "good.prom").stat().st_mtime)
    assert f'node_textfile_mtime_seconds{{file="{folder.path}/good.prom"}} {mtime}' in lines


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x{", "not in text format"),
        ("x 1 1700000000000\n", "has a time"),
        ("node_load1 1\n", "node_load1"),
        ("node_memory_Made_up_bytes{x='1'} 1\n", "text format"),
        ('# TYPE node_vmstat_made_up gauge\nnode_vmstat_made_up{a="b"} 1\n', "built-in"),
        ("exporter_mine 1\n", "begins like the exporter's own"),
        ('{"with.dots"} 1\n', "can't be a metric's name"),
        ('x{_y="1"} 1\n', "can't be a label's name"),
        ("# TYPE good gauge\ngood 2\n", "in another file"),
    ],
)
def test_bad_file_costs_itself_alone(folder, text, reason):
    folder.write(a="# TYPE good counter\ngood 1\n", bad=text, z="other 2\n")
    shown, error = folder.collect()
    assert f"{folder.path}/bad.prom: " in error
    assert reason in error
    assert {"good 1", "other 2", "node_textfile_scrape_error 1"} <= {*shown.splitlines()}
    assert "bad.prom" not in shown


def test_same_metric_in_two_files(folder):
    folder.write(a='x{job="1"} 1\n', b='x{host="2"} 2\n')
    shown, error = folder.collect()
    assert error == ""
    assert {'x{job="1"} 1', 'x{host="2"} 2'} <= {*shown.splitlines()}


def test_own_series_of_a_metric_of_ours(folder):
    folder.write(a='# TYPE node_arp_entries gauge\nnode_arp_entries{device="elsewhere"} 7\n')
    shown, error = folder.collect()
    assert error == ""
    assert 'node_arp_entries{device="elsewhere"} 7' in shown


def test_change_shows_and_without_one_nothing_is_parsed(folder, monkeypatch):
    folder.write(a="x 1\n")
    assert "x 1\n" in folder.collect()[0]
    monkeypatch.setattr(textfile, "_result", None)
    assert "x 1\n" in folder.collect()[0]
    monkeypatch.undo()
    folder.write(a="x 2\n")
    os.utime(folder.path / "a.prom", (1, 1))
    assert "x 2\n" in folder.collect()[0]
    (folder.path / "a.prom").unlink()
    assert "x 2\n" not in folder.collect()[0]


def test_folder_that_is_not_there_is_an_error(tmp_path):
    shown, error = Folder(tmp_path / "gone").collect()
    assert "gone: No such file" in error
    assert "node_textfile_scrape_error 1" in shown


def test_other_files_are_nobodys(folder):
    (folder.path / "a.prom.tmp").write_text("x{")
    (folder.path / "gone.prom").symlink_to("/no/such/file")
    shown, error = folder.collect()
    assert "a.prom.tmp" not in error
    assert "gone.prom: No such file" in error
    assert "node_textfile_scrape_error 1" in shown


LINE = st.sampled_from(GOOD.splitlines())
NOISE = st.text(alphabet=st.sampled_from(' \n#{}"=\\,+.0123456789abeTYPHL_\x00é²'), max_size=40)


@given(parts=st.lists(st.one_of(LINE, NOISE), max_size=8))
@examples(200, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_a_page_or_broken(parts):
    try:
        tables = parse("\n".join(parts), "/x.prom")
    except Broken:
        return
    for family in text_string_to_metric_families(page(tables).decode()):
        assert family.name
