"""Records which metrics Prometheus and Alertmanager say of themselves: `python -m tests.record_monitoring`.

Starts Debian's two programs, lets one scrape both, evaluate a rule and send an alert to the other, and
writes name, type and labels of each metric to tests/recorded/monitoring/{prometheus,alertmanager}.tsv.
Labels are all that a metric's samples have but `le` of histograms and `quantile` of summaries; a metric is
known by its TYPE line, so histograms have one row.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, sleep

from exporter.demo.process import LOOPBACK
from tests.servers import Alertmanager, Prometheus, page

RECORDED = Path(__file__).parent / "recorded" / "monitoring"
WAIT_SECONDS = 30.0

TYPE = re.compile(r"^# TYPE (\S+) (\S+)$", re.MULTILINE)
ENDS = ("_bucket", "_sum", "_count")
OF_TYPE = {"histogram": "le", "summary": "quantile"}

RULES = {
    "groups": [
        {
            "name": "recorded",
            "rules": [
                {"record": "recorded:vector", "expr": "vector(1)"},
                {"alert": "Recorded", "expr": "vector(1)"},
            ],
        }
    ]
}
RECEIVER = {"name": "nobody", "webhook_configs": [{"url": "http://127.0.0.1:1/"}]}
ROUTE = {"receiver": "nobody", "group_wait": "1s"}

# Series that come last: with them all that the two have to say is there.
LAST = (
    "prometheus_notifications_sent_total > 0",
    "prometheus_target_interval_length_seconds_count > 0",
    "alertmanager_alerts_received_total > 0",
    "alertmanager_notification_requests_failed_total > 0",
)

Row = tuple[str, str, str]


def configuration(prometheus: int, alertmanager: int) -> Mapping[str, object]:
    """A configuration of the Prometheus on the one port with the Alertmanager on the other."""
    of_alertmanager = {"targets": [f"{LOOPBACK}:{alertmanager}"]}
    of_prometheus = {"targets": [f"{LOOPBACK}:{prometheus}"]}
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [of_alertmanager]}]},
        "scrape_configs": [
            {"job_name": "alertmanager", "static_configs": [of_alertmanager]},
            {"job_name": "prometheus", "static_configs": [of_prometheus]},
        ],
    }


def record() -> Mapping[str, list[Row]]:
    """Program -> a row for each of its metrics, by name.

    Raises:
        Missing: a program is not on the machine.
        AssertionError: what is waited for does not come.
    """
    with (
        Alertmanager({"route": ROUTE, "receivers": [RECEIVER]}) as alertmanager,
        Prometheus({}) as prometheus,
    ):
        (prometheus.folder / "rules.yml").write_text(json.dumps(RULES))
        prometheus.reload(configuration(prometheus.port, alertmanager.port))
        end = monotonic() + WAIT_SECONDS
        while missing := [expression for expression in LAST if not prometheus.query(expression)]:
            assert monotonic() < end, f"nothing for {missing} after {WAIT_SECONDS} s"
            sleep(0.1)
        return {
            "prometheus": rows(page.request(prometheus.port, "/metrics").text),
            "alertmanager": rows(page.request(alertmanager.port, "/metrics").text),
        }


def rows(text: str) -> list[Row]:
    """Name, type and labels (with commas between) of each metric of a page, by name."""
    types = dict(TYPE.findall(text))
    labels: dict[str, set[str]] = {name: set() for name in types}
    for sample, series in page.samples_of(text).items():
        name = sample if sample in types else _without_end(sample)
        labels[name] |= {label for key in series for label, _ in key} - {OF_TYPE.get(types[name])}
    return [(name, kind, ",".join(sorted(labels[name]))) for name, kind in sorted(types.items())]


def _without_end(sample: str) -> str:
    """The metric of a histogram's or a summary's sample."""
    (end,) = (end for end in ENDS if sample.endswith(end))
    return sample.removesuffix(end)


def save(program: str, found: list[Row]) -> None:
    """Writes a program's table."""
    RECORDED.mkdir(parents=True, exist_ok=True)
    with (RECORDED / f"{program}.tsv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(("name", "type", "labels"))
        writer.writerows(found)


def main() -> None:
    for program, found in record().items():
        save(program, found)
        print(f"recorded {len(found)} metrics of {program}")


if __name__ == "__main__":
    main()
