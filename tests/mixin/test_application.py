"""The application that end-to-end tests break: it exports the contract, and breaks when it is told to."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.mixin.inventory import APPLICATION
from tests.servers import catalogue
from tests.servers.application import Application
from tests.servers.application_process import HANDLERS, Knobs, Shop
from tests.servers.missing import Missing

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    with Application() as running:
        yield running


def test_it_exports_the_contract() -> None:
    with APPLICATION.open(newline="") as lines:
        wanted = {row["name"]: row for row in csv.DictReader(lines, delimiter="\t")}

    page = _after(60, Knobs()).page().decode()
    families = {f.name: f for f in text_string_to_metric_families(page) if not f.name.endswith("_created")}

    assert {name.removesuffix("_total") for name in wanted} == set(families)
    for name, row in wanted.items():
        family = families[name.removesuffix("_total")]
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert (family.type, labels) == (row["type"], {x for x in row["labels"].split(",") if x}), name


def test_promtool_finds_fault_with_one_name_of_opentelemetry_only(application: Application) -> None:
    try:
        promtool = catalogue.debian_program("prometheus").parent / "promtool"
    except Missing as missing:
        pytest.skip(str(missing))
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=application.scrape(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert [line.partition(" ")[0] for line in (done.stdout + done.stderr).splitlines()] == [
        "db_client_connection_count"
    ]


def test_a_wrong_knob_is_refused(application: Application) -> None:
    with pytest.raises(AssertionError, match="no knob eror"):
        application.turn(eror=1)


def test_it_fails_as_much_as_it_is_told() -> None:
    shop = _after(60, Knobs(errors=0.2))
    requests, failed = _count(shop, "http_requests_total"), _count(shop, "http_requests_total", code="500")

    assert requests == sum(HANDLERS.values()) * 60
    assert failed / requests == pytest.approx(0.2, abs=0.03)


def test_without_its_database_nothing_works() -> None:
    shop = _after(60, Knobs(database_fails=1))

    assert _count(shop, "db_client_operation_duration_seconds_count", error_type="") == 0
    assert _count(shop, "http_requests_total", code="200") == 0
    assert _count(shop, "orders_total", result="completed") == 0


def test_orders_stop_alone() -> None:
    shop = _after(60, Knobs(orders=0))

    assert _count(shop, "orders_total") == 0
    assert _count(shop, "http_requests_total", code="200") > 0


def test_it_gets_slow() -> None:
    slow, usual = _after(60, Knobs(latency=50)), _after(60, Knobs())
    name = "http_request_duration_seconds_bucket"

    assert _count(usual, name, le="0.5") == _count(usual, name, le="+Inf")
    assert _count(slow, name, le="0.5") < _count(slow, name, le="+Inf") / 2


def _after(seconds: float, knobs: Knobs) -> Shop:
    shop = Shop()
    shop.knobs = knobs
    shop.looked -= seconds
    shop.page()
    return shop


def _count(shop: Shop, name: str, **labels: str) -> float:
    return sum(
        sample.value
        for family in shop.registry.collect()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
