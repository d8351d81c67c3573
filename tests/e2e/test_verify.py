"""`verify` looks at a real chain as it is shipped, and names what is wrong with a broken one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import yaml

from exporter.cli import main
from exporter.demo.process import LOOPBACK
from mixin import rules
from tests.logs import logging_as_before
from tests.servers import Alertmanager, Exporter, Prometheus, catalogue, page, require
from tests.servers.alerting import another_day, every_day, shipped_config
from tests.servers.grafana_api import TOKEN, GrafanaApi
from tests.servers.receivers import Receivers

pytestmark = pytest.mark.live

PROMETHEUS = catalogue.ROOT / "prometheus"
DASHBOARDS = catalogue.ROOT / "grafana" / "dashboards"
OURS = ("postgres", "redis", "node", "pgbouncer")
BY_DAY = {"business-hours": every_day(), "weekly-maintenance": another_day()}
NOWHERE = f"http://{LOOPBACK}:1"

Findings = Mapping[str, str]
Verify = Callable[..., tuple[int, Findings]]


@dataclass(frozen=True, slots=True)
class Chain:
    exporter: Exporter
    prometheus: Prometheus
    alertmanager: Alertmanager
    receivers: Receivers

    @property
    def addresses(self) -> tuple[str, ...]:
        return "--prometheus", self.prometheus.url, "--alertmanager", self.alertmanager.url


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    """Everything as shipped but for addresses and times; nothing but the host is watched."""
    with (
        Receivers() as receivers,
        Exporter() as exporter,
        require(Alertmanager, shipped_config(receivers, windows=BY_DAY)) as alertmanager,
        require(Prometheus, scraping(exporter, alertmanager)) as prometheus,
    ):
        prometheus.wait_for("count(exporter_build_info) == 4", seconds=30)
        until(alertmanager.alerts)
        yield Chain(exporter, prometheus, alertmanager, receivers)


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str]) -> Verify:
    """Runs the command: its exit code, and severity and sentence -> remedy."""

    def run(*arguments: str) -> tuple[int, Findings]:
        with logging_as_before():
            code = main(["verify", "--json", *arguments])
        said = json.loads(capsys.readouterr().out)
        assert said["ok"] is (code == 0)
        return code, {f"{one['severity']}: {one['what']}": one["remedy"] for one in said["findings"]}

    return run


def test_all_is_well(chain: Chain, verify: Verify, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    files = [json.loads(file.read_text()) for file in DASHBOARDS.glob("*.json")]
    with GrafanaApi(chain.prometheus.url, files) as grafana:
        code, found = verify(
            *chain.addresses,
            f"--grafana={grafana.url}",
            f"--grafana-token-file={tmp_path / 'token'}",
            f"--rules={PROMETHEUS / 'rules'}",
            f"--dashboards={DASHBOARDS}",
        )

    assert (code, wrong(found), [what for what in found if what.startswith("advice")]) == (0, [], [])
    assert (
        f"ok: all {len(rules.load())} rules of {PROMETHEUS / 'rules'} are loaded as they stand there" in found
    )
    assert "ok: Watchdog has come from Prometheus" in found
    assert "ok: data source Prometheus has the exporter's metrics" in found
    assert f"ok: has all {len(files)} dashboards of {DASHBOARDS}, with the same panels" in found
    paging = sum(alert.severity == "critical" for alert in rules.alerts())
    assert f"ok: pager is told of {paging} alerts" in found


def test_every_receiver_is_told_and_nobody_twice(chain: Chain, verify: Verify) -> None:
    chain.receivers.forget()

    code, found = verify(*chain.addresses, "--send", "--timeout=20")

    assert (code, wrong(found)) == (0, [])
    told = [note.receiver for note in chain.receivers.taken(containing="Test-")]
    assert set(told) | {"deadman"} == {
        *(f"slack-{name}" for name in ("critical", "warning", "info", "business")),
        *("pagerduty", "email", "alert-log", "deadman"),
    }
    assert told.count("pagerduty") == told.count("email") == told.count("slack-critical") == 1
    assert chain.receivers.taken("deadman", "a test of the way")
    assert "No route takes this alert" in "".join(n.text for n in chain.receivers.taken("slack-warning"))
    assert [one for one in chain.alertmanager.alerts() if "verification" in one["labels"]] == []


def test_an_exporter_that_is_down(chain: Chain, verify: Verify) -> None:
    chain.exporter.stop()
    try:
        chain.prometheus.wait_for("count(up == 0) == 4")
        code, found = verify(*chain.addresses)
    finally:
        chain.exporter.start()
        chain.prometheus.wait_for("count(exporter_build_info) == 4")

    down = [what for what in wrong(found) if "connection refused" in what]
    assert code == 1
    assert [what.split(":")[1].strip().split(",")[0] for what in down] == [
        f"job {job}" for job in sorted(OURS)
    ]
    assert "systemctl status datastack-exporter" in found[down[0]]
    assert f"curl -sS {chain.exporter.url}" in found[down[0]]


def test_rules_that_are_not_those_of_the_files(chain: Chain, verify: Verify, tmp_path: Path) -> None:
    content = yaml.safe_load((PROMETHEUS / "rules" / "monitoring.yml").read_text())
    watchdog, inhibitor = content["groups"][0]["rules"]
    watchdog["expr"] = "vector(\n  1.0 # one\n)"  # the same in another form
    inhibitor["expr"] += "  > 0"
    content["groups"][1]["rules"][0] |= {"alert": "Another"}
    content["groups"][1]["rules"][1] |= {"for": "16m"}
    (tmp_path / "monitoring.yml").write_text(yaml.safe_dump(content))

    code, found = verify(*chain.addresses, f"--rules={tmp_path}")

    assert code == 1
    missing, different = wrong(found)
    assert missing == f"error: not loaded of {tmp_path}, 1 rule: Another (warning)"
    assert different.endswith(
        f"loaded otherwise than in {tmp_path}, 2 rules: InfoInhibitor (none) in expr, "
        "PrometheusNotificationsFailing (warning) in for"
    )
    assert "systemctl reload prometheus" in found[different]


def test_a_prometheus_with_nothing(chain: Chain, verify: Verify) -> None:
    with require(Prometheus, {}) as prometheus:
        code, found = verify("--prometheus", prometheus.url, "--alertmanager", chain.alertmanager.url)

    assert code == 1
    assert {what.removeprefix("error: "): found[what].splitlines()[1] for what in wrong(found)} == {
        "scrapes no exporter of this kind": "scrape_configs:",
        "has no rules": "rule_files: [rules/*.yml]",
        "sends alerts to nobody": "alerting:",
    }
    remedy = yaml.safe_load(found["error: sends alerts to nobody"])
    port = chain.alertmanager.port
    assert remedy == {
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"{LOOPBACK}:{port}"]}]}]}
    }
    jobs = yaml.safe_load(found["error: scrapes no exporter of this kind"])["scrape_configs"]
    assert [job["job_name"] for job in jobs] == list(OURS)


def test_a_broken_rule_and_a_refused_configuration(chain: Chain, verify: Verify, tmp_path: Path) -> None:
    broken = {"record": "broken:rule", "expr": 'label_replace(ALERTS or vector(1), "a", "$9", "b", "(")'}
    broken["expr"] = (
        "vector(1) + on () group_left () (label_replace(vector(1), 'a', 'b', '', '') or vector(1))"
    )
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": [broken]}]}))
    config = {"global": {"evaluation_interval": "1s"}, "rule_files": [str(tmp_path / "rules.yml")]}
    with require(Prometheus, config) as prometheus:
        until(lambda: prometheus.api("rules")["groups"][0]["rules"][0]["health"] == "err")
        prometheus.reload("global: {no_such: 1}")
        until(lambda: "successful 0" in page.request(prometheus.port, "/metrics").text)
        code, found = verify("--prometheus", prometheus.url, "--alertmanager", chain.alertmanager.url)

    assert code == 1
    failing = next(what for what in wrong(found) if "rule broken:rule of group g fails" in what)
    assert f"promtool check rules {tmp_path / 'rules.yml'}" in found[failing]
    refused = "error: has refused its newest configuration and goes on with an older one"
    assert found[refused].startswith("promtool check config")
    assert any("there is no alert Watchdog" in what for what in wrong(found))


def test_servers_that_are_not_there_or_are_others(chain: Chain, verify: Verify) -> None:
    secret = NOWHERE.replace("//", "//me:s3cret@")

    code, found = verify("--prometheus", secret, "--alertmanager", chain.prometheus.url, "--timeout=5")

    assert code == 1
    refused, other = wrong(found)
    assert refused == "error: can't be reached: [Errno 111] Connection refused"
    assert "systemctl status prometheus" in found[refused]
    assert other == "error: answered 404 Not Found"
    assert "--alertmanager URL" in found[other]
    assert "s3cret" not in str(found)


def test_receivers_that_refuse(verify: Verify, chain: Chain) -> None:
    """A wrong address of Slack, a wrong password for mails; and this Alertmanager gets no alerts."""
    with Receivers() as receivers:
        wrong_ones = {"slack_info_url": f"{receivers.url}/slack-gone", "smtp_password": "wrong"}
        config = shipped_config(receivers, windows=BY_DAY, secrets=wrong_ones)
        with require(Alertmanager, config) as alertmanager:
            addresses = "--prometheus", chain.prometheus.url, "--alertmanager", alertmanager.url
            code, found = verify(*addresses, "--send", "--timeout=20")
            _, again = verify(*addresses)

    assert code == 1
    email, slack, absent = (next(w for w in wrong(found) if k in w) for k in ("email:", "slack:", "Watchdog"))
    assert "failed, 0 of 1 test notifications taken" in email
    assert "failed, 4 of 5 test notifications taken" in slack
    assert "/smtp_password" in found[email]
    assert "# slack-info: " in found[slack]
    assert "alerting.alertmanagers" in found[absent]
    assert any(what.startswith("advice: ") and "notifications by slack have failed" in what for what in again)


def test_a_receiver_that_is_not_told_now_is_not_wrong(verify: Verify, chain: Chain) -> None:
    """The others are told without the wait for more alerts of a group."""
    by_night = {"business-hours": another_day(), "weekly-maintenance": another_day()}
    with (
        Receivers() as receivers,
        require(Alertmanager, shipped_config(receivers, wait="50s", windows=by_night)) as other,
    ):
        addresses = "--prometheus", chain.prometheus.url, "--alertmanager", other.url
        _, found = verify(*addresses, "--send", "--timeout=20")

    assert "advice: slack-info is not tried: not told at this time" in found
    assert "ok: slack: 4 of 4 test notifications taken" in found


def test_a_grafana_without_anything(chain: Chain, verify: Verify, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    with GrafanaApi("") as grafana:
        _, refused = verify(*chain.addresses, f"--grafana={grafana.url}")
        login = f"--grafana-token-file={tmp_path / 'token'}"
        code, found = verify(*chain.addresses, f"--grafana={grafana.url}", login)

    assert (
        "--grafana-token-file FILE" in refused["error: answered 401: user and password are missing or wrong"]
    )
    assert code == 1
    source, dashboards = wrong(found)
    (entry,) = yaml.safe_load(found[source])["datasources"]
    assert (entry["type"], entry["isDefault"]) == ("prometheus", True)
    assert yaml.safe_load(found[dashboards].rpartition("\n")[0])["providers"][0]["type"] == "file"


def test_a_grafana_whose_prometheus_is_gone_and_whose_dashboards_are_old(
    chain: Chain, verify: Verify, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    files = [json.loads(file.read_text()) for file in sorted(DASHBOARDS.glob("*.json"))]
    missing, changed = files.pop(), files[0]
    next(panel for panel in changed["panels"] if panel.get("targets"))["targets"][0]["expr"] = "1"
    with GrafanaApi(NOWHERE, files) as grafana:
        login = f"--grafana-token-file={tmp_path / 'token'}"
        arguments = f"--grafana={grafana.url}", login, f"--dashboards={DASHBOARDS}"
        code, found = verify(*chain.addresses, *arguments)

    assert code == 1
    assert wrong(found) == [
        "error: data source Prometheus does not work: answered 400 Bad Request",
        f"error: lacks dashboards of {DASHBOARDS}: {missing['uid']}",
        f"error: has other panels than {DASHBOARDS} in: {changed['uid']}",
    ]


def scraping(exporter: Exporter, alertmanager: Alertmanager) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    config["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(PROMETHEUS / "rules" / "*.yml")]
    targets = [f"{LOOPBACK}:{alertmanager.port}"]
    config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": targets}]}]}
    config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] in OURS]
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"{LOOPBACK}:{exporter.port}"]}]
    return config


def wrong(found: Findings) -> list[str]:
    return [what for what in found if what.startswith("error: ")]


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end
        sleep(0.1)
