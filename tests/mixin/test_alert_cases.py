"""Every alert has a case of `promtool test rules` that notices when it is broken."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mixin import rules
from tests.mixin.mutation import MUTATIONS, Bench, times_ten, turned
from tests.servers import catalogue
from tests.servers.missing import Missing

pytestmark = pytest.mark.live

TOPICS = sorted(path.stem for path in rules.RULES.glob("*.yml"))
PROMETHEUS = rules.ROOT / "prometheus"

UNNOTICED: dict[str, str] = {}
"""`<alert> <severity>: <mutation>` -> why no case can notice it."""


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    try:
        program = catalogue.debian_program("prometheus").parent / "promtool"
    except Missing as missing:
        pytest.skip(str(missing))
    return subprocess.run([program, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("topic", TOPICS)
def test_the_cases_hold(topic: str) -> None:
    done = promtool("test", "rules", PROMETHEUS / "tests" / f"{topic}_test.yml")

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_topic_has_cases() -> None:
    tested = {path.stem.removesuffix("_test") for path in (PROMETHEUS / "tests").glob("*_test.yml")}

    assert tested == set(TOPICS)


def test_the_rules_are_clean() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", *sorted(rules.RULES.glob("*.yml")))

    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_configuration() -> None:
    done = promtool("check", "config", "prometheus.yml")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("topic", [t for t in TOPICS if any(a.file.stem == t for a in rules.alerts())])
def test_a_broken_alert_is_noticed(topic: str, tmp_path: Path) -> None:
    promtool("--version")
    bench = Bench.of(tmp_path)

    bench.run(topic)

    assert [one for one in bench.survivors if one not in UNNOTICED] == []
    entries = {f"{a.name} {a.severity}" for a in rules.alerts() if a.file.stem == topic}
    broken = {line.partition(":")[0] for line in (*bench.noticed, *bench.survivors)}
    assert broken == entries


@pytest.mark.parametrize("topic", ["pools", "monitoring"])
def test_what_is_whole_is_not_noticed(topic: str, tmp_path: Path) -> None:
    """With the rules that a case needs, each holds as with all of them."""
    promtool("--version")
    names = {a.name for a in rules.alerts() if a.file.stem == topic}

    assert Bench.of(tmp_path).seen(topic, names) == set()


def test_an_alert_that_no_case_looks_at_survives(tmp_path: Path) -> None:
    promtool("--version")
    bench = Bench.of(tmp_path)
    file = tmp_path / "tests" / "monitoring_test.yml"
    file.write_text(file.read_text().replace("PrometheusNotIngesting", "Nobody"))

    bench.run("monitoring")

    assert {line.split()[0] for line in bench.survivors} == {"PrometheusNotIngesting"}


def test_the_mutations_change_the_first_comparison_only() -> None:
    expression = "(a / b > 0.8 or (a / b > 0.7 and ALERTS)) and c > 5 * 60"

    assert times_ten(expression) == "(a / b > 8.0 or (a / b > 0.7 and ALERTS)) and c > 5 * 60"
    assert turned(expression) == "(a / b < 0.8 or (a / b > 0.7 and ALERTS)) and c > 5 * 60"
    assert turned("up == 0") == "up != 0"
    assert turned("vector(1)") == "absent(vector(1))"
    assert len(MUTATIONS) == 2
