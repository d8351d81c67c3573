"""What CONTRIBUTING.md promises: a collector is one new file, a metric one new line, no other edit.

The package is copied, and the file, the line or the other distribution is put beside it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.e2e.judge import Samples, failed, reasons, timed_scrape, value
from tests.servers import Exporter, Postgres, catalogue, folders

pytestmark = pytest.mark.live

VIEW = '''\
"""A throwaway."""

from exporter.model.view import Gauge, Label, View

VIEW = View(
    help="Databases, from pg_database.",
    source="pg_database",
    docs="catalog-pg-database.html",
    labels=(Label("datname", "datname", eg="app"),),
    metrics=(Gauge("pg_throwaway_limit", "datconnlimit", "Limit of sessions.", eg=-1),),
)
'''

COLLECTOR = '''\
"""A throwaway."""

from exporter.model.collector import CollectorSpec
from exporter.model.metric import counter, gauge
from exporter.model.table import single

ANSWER = gauge("throwaway_answer", "What the server says.")
RUNS = counter("throwaway_runs_total", "How often it was asked.")


def build(server):
    runs = 0

    async def collect(deadline):
        nonlocal runs
        runs += 1
        rows = await server.fetch("SELECT 6 * 7", deadline)
        return [single({ANSWER: rows.columns[0][0], RUNS: runs})]

    return collect


COLLECTOR = CollectorSpec(
    help="Asks the server to multiply.",
    source="postgres",
    metrics=(ANSWER, RUNS),
    build=build,
)
'''

SLOW = '''\
"""A throwaway that takes its time."""

from exporter.model.view import Gauge, View

VIEW = View(
    help="Something costly.",
    source="pg_sleep(1.5)",
    docs="functions-datetime.html#FUNCTIONS-DATETIME-DELAY",
    metrics=(Gauge("pg_throwaway_slow", "42", "The answer.", eg=42),),
    every_seconds=2.0,
)
'''
QUICK = SLOW.replace("1.5", "0").replace("_slow", "_quick")

LINE = '        Gauge("pg_wal_throwaway_bytes", "max(size)", "Size of the largest one.", eg=16_777_216),\n'

DISTRIBUTION = {
    "METADATA": "Metadata-Version: 2.1\nName: throwaway\nVersion: 1.0\n",
    "entry_points.txt": "[datastack_exporter.collectors]\nplugged_in = throwaway_module.collectors.first\n",
    "RECORD": "",
}


@pytest.fixture
def package() -> Path:
    """A folder for PYTHONPATH with a copy of the package."""
    folder = folders.new("package")
    shutil.copytree(catalogue.ROOT / "exporter", folder / "exporter")
    return folder


def collectors(package: Path, family: str) -> Path:
    return package / "exporter" / "collectors" / family


def run(package: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """What a command of the copy prints."""
    done = subprocess.run(
        [sys.executable, "-m", "exporter", *arguments],
        cwd=package,
        env={"PATH": os.defpath, "PYTHONPATH": str(package), **(env or {})},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def catalog(package: Path) -> dict[str, set[str]]:
    """Collector -> its metrics, as the catalogue lists them."""
    listed = json.loads(run(package, "catalog", "--format", "json"))["collectors"]
    return {entry["name"]: {metric["name"] for metric in entry["metrics"]} for entry in listed}


def exporter(package: Path, postgres: Postgres, *arguments: str, **settings: str) -> Exporter:
    """A daemon from the copy."""
    return Exporter(
        arguments=arguments,
        env={"PYTHONPATH": str(package)},
        postgres__dsn=postgres.dsn(),
        host__enabled="false",
        **settings,
    )


def check_a_file(package: Path, postgres: Postgres, name: str, metric: str) -> None:
    """The collector of a new file is served, listed, explained, selected and switched off by name."""
    success = frozenset({("collector", name), ("family", "postgres")})
    assert metric in catalog(package)[name]
    with exporter(package, postgres) as daemon:
        samples = timed_scrape(daemon)
        assert metric in samples
        assert failed(samples) == set()
        assert samples["exporter_collector_success"][success] == 1
        only = daemon.samples({"collect[]": name})
        assert metric in only
        assert "pg_up" not in only
        assert metric not in daemon.samples({"exclude[]": name})
        assert name in daemon.get("/").text
    with exporter(package, postgres, f"--no-collector.{name.replace('_', '-')}") as daemon:
        samples = timed_scrape(daemon)
        assert value(samples, "pg_up") == 1
        assert metric not in samples
        assert success not in samples["exporter_collector_success"]


def test_a_view_is_one_new_file(package: Path, postgres: Postgres) -> None:
    (collectors(package, "postgres") / "throwaway.py").write_text(VIEW)

    check_a_file(package, postgres, "throwaway", "pg_throwaway_limit")
    dsn = {"EXPORTER_POSTGRES__DSN": postgres.dsn()}
    assert "datconnlimit" in run(package, "explain", "throwaway", env=dsn)
    assert "--collector.throwaway" in run(package, "serve", "--help")
    assert 'pg_throwaway_limit{datname="postgres"} -1\n' in run(
        package, "dump", "--collector", "throwaway", env=dsn
    )


def test_a_collector_of_another_kind_is_one_new_file(package: Path, postgres: Postgres) -> None:
    (collectors(package, "postgres") / "throw_away.py").write_text(COLLECTOR)

    check_a_file(package, postgres, "throw_away", "throwaway_runs_total")


def test_a_collector_of_another_distribution(package: Path, postgres: Postgres) -> None:
    info = package / "throwaway-1.0.dist-info"
    info.mkdir()
    for name, text in DISTRIBUTION.items():
        (info / name).write_text(text)
    module = package / "throwaway_module" / "collectors" / "first.py"
    module.parent.mkdir(parents=True)
    module.write_text(COLLECTOR)

    check_a_file(package, postgres, "plugged_in", "throwaway_runs_total")


def test_a_metric_is_one_new_line(package: Path, postgres: Postgres) -> None:
    path = collectors(package, "postgres") / "wal.py"
    lines = path.read_text().splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if "pg_wal_segments" in line)
    path.write_text("".join((*lines[:place], LINE, *lines[place:])))

    assert "pg_wal_throwaway_bytes" in catalog(package)["wal"]
    with exporter(package, postgres) as daemon:
        text = daemon.scrape()
        assert "# HELP pg_wal_throwaway_bytes Size of the largest one.\n" in text
        assert "# TYPE pg_wal_throwaway_bytes gauge\n" in text
        assert "\npg_wal_throwaway_bytes 16777216\n" in text
        assert value(timed_scrape(daemon), "pg_wal_segments") is not None


def test_a_collector_in_the_background(package: Path, postgres: Postgres) -> None:
    """It takes 1.5 s, so a page that waited for it would show."""
    (collectors(package, "postgres") / "throwaway_slow.py").write_text(SLOW)
    (collectors(package, "postgres") / "throwaway_quick.py").write_text(QUICK)
    slow, quick = (
        frozenset({("collector", f"throwaway_{name}"), ("family", "postgres")}) for name in ("slow", "quick")
    )
    with exporter(package, postgres) as daemon:
        started = monotonic()
        first = timed_scrape(daemon)
        assert monotonic() - started < 1.2
        assert value(first, "pg_up") == 1
        assert "pg_throwaway_slow" not in first
        assert ("throwaway_slow", "no_data") in reasons(first)

        shown: list[Samples] = []
        end = monotonic() + 10
        while monotonic() < end and (not shown or shown[-1]["exporter_collector_age_seconds"][slow] <= 3):
            started = monotonic()
            page = timed_scrape(daemon)
            assert monotonic() - started < 1.0
            if value(page, "pg_throwaway_slow") == 42:
                shown.append(page)
            sleep(0.2)

    assert shown
    assert shown[0]["exporter_collector_age_seconds"][slow] < 1
    # One that takes long has its turn less often: it ran once.
    assert shown[-1]["exporter_collector_period_seconds"][slow] >= 30
    assert shown[-1]["exporter_collector_age_seconds"][slow] > 3
    ages = [page["exporter_collector_age_seconds"][quick] for page in shown]
    assert max(ages) < 4  # its period, and the run of the slow one that it shares the session with
    assert any(later < earlier for earlier, later in pairwise(ages))


def test_two_collectors_of_one_name_end_the_start(package: Path) -> None:
    (collectors(package, "redis") / "wal.py").write_text(VIEW)
    done = subprocess.run(
        [sys.executable, "-m", "exporter", "catalog"],
        cwd=package,
        env={"PATH": os.defpath, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "collector wal" in done.stderr
    assert "Traceback" not in done.stderr
