"""What Grafana reads at its start: the data sources, and where the dashboards are."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from mixin.rules import ROOT

FOLDER = ROOT / "grafana" / "provisioning"
SECRETS = ("secureJsonData", "password", "basicAuthPassword")

Yaml = dict[str, Any]


def read(kind: str) -> Yaml:
    (path,) = (FOLDER / kind).glob("*.yaml")
    found: Yaml = yaml.safe_load(path.read_text())
    assert found["apiVersion"] == 1
    return found


@pytest.fixture
def sources() -> dict[str, Yaml]:
    return {source["type"]: source for source in read("datasources")["datasources"]}


def test_there_is_one_of_each(sources: dict[str, Yaml]) -> None:
    assert sources.keys() == {"prometheus", "alertmanager"}
    assert sources["prometheus"]["isDefault"]
    assert len({source["uid"] for source in sources.values()}) == len(sources)


def test_prometheus_knows_its_alertmanager(sources: dict[str, Yaml]) -> None:
    assert sources["prometheus"]["jsonData"]["alertmanagerUid"] == sources["alertmanager"]["uid"]
    assert sources["alertmanager"]["jsonData"]["implementation"] == "prometheus"


def test_rates_follow_the_scrape_interval(sources: dict[str, Yaml]) -> None:
    prometheus = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())

    assert sources["prometheus"]["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]


def test_nothing_is_edited_in_the_browser_and_no_secret_is_here(sources: dict[str, Yaml]) -> None:
    for source in sources.values():
        assert source["editable"] is False
        assert source["access"] == "proxy"
        assert not [key for key in SECRETS if key in source]


def test_dashboards_are_replaced_with_each_release() -> None:
    (provider,) = read("dashboards")["providers"]

    assert provider["type"] == "file"
    assert provider["allowUiUpdates"] is False
    # A folder of its own name and folders by the structure of files exclude each other.
    assert provider["folder"]
    assert provider["options"]["foldersFromFilesStructure"] is False
