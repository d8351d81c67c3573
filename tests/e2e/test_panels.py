"""Every query of every dashboard, asked of a Prometheus that watches real servers under load."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import time
from typing import Any

import pytest

from mixin.preview.capture import Window, capture
from mixin.preview.prometheus import Prometheus as Asked
from tests.servers.chain import Chain
from tests.workload import wait_until

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("chain")]

DASHBOARDS = sorted((Path(__file__).parents[2] / "grafana" / "dashboards").glob("*.json"))
EMPTY = Path(__file__).parents[1] / "mixin" / "panels_without_data.tsv"

ENOUGH = "count_over_time(instance:pg_transactions:rate5m[1m]) > 15 and instance:pg_transactions:rate5m > 1"


@pytest.fixture(scope="module")
def answers(chain: Chain) -> dict[str, dict[str, Any]]:
    """Dashboard -> its captured answers, after the load has run for a while."""
    wait_until(lambda: bool(chain.prometheus.query(ENOUGH)), seconds=60)
    now = time()
    asked = Asked(chain.prometheus.url)
    window = Window(start=now - 60, end=now, scrape=1)
    return {path.stem: capture(json.loads(path.read_text()), asked, window, {}) for path in DASHBOARDS}


@pytest.mark.parametrize("name", [path.stem for path in DASHBOARDS])
def test_every_query_has_an_answer(answers: Mapping[str, Any], name: str) -> None:
    without = {key for key, answer in queries(answers[name]) if not answer.get("result")}
    allowed = {(row["panel"], row["query"]) for row in exceptions() if row["dashboard"] == name}

    assert without - allowed == set(), "no data"
    assert allowed <= {key for key, _ in queries(answers[name])}, "an exception for what is not there"


@pytest.mark.parametrize("name", [path.stem for path in DASHBOARDS])
def test_no_query_fails(answers: Mapping[str, Any], name: str) -> None:
    assert [(key, answer["error"]) for key, answer in queries(answers[name]) if "error" in answer] == []
    assert [a["error"] for a in answers[name]["annotations"] if "error" in a] == []


def test_every_exception_has_its_reason() -> None:
    assert [row for row in exceptions() if len(row["reason"] or "") < 15] == []
    assert {row["dashboard"] for row in exceptions()} <= {path.stem for path in DASHBOARDS}


def queries(captured: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    """Each query of a dashboard by panel and refId, with its answer."""
    for identifier, found in captured["answers"].items():
        for answer in found:
            yield (captured["titles"][identifier], answer["refId"]), answer


def exceptions() -> list[dict[str, str]]:
    """The queries that have no data there, and why."""
    with EMPTY.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))
