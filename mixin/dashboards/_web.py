"""The row of the exporter's web side: who connects, who is refused, how long certificates are good."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Panels
from mixin.dashboards._panels import graph
from mixin.dashboards._queries import series
from mixin.dashboards._tables import Column, table

LEFT = "(family:certificate_not_after_timestamp_seconds:min{$target} - time()) / 86400"
WHOSE = ("instance", "target", "node", "family")


def web() -> Panels:
    """What each exporter counts is shown once, though every job has it; and when certificates end."""
    soonest = common.TableSortByFieldState().display_name("left").desc(desc=False)
    return [
        table(
            "Certificates",
            "How long each is good, the first to end on top: the exporter's own, PostgreSQL's, and that of "
            "Valkey from 9.1 on. Without TLS there is nothing to see.",
            WHOSE,
            Column("left", f"min by ({', '.join(WHOSE)}) ({LEFT})", units.Days, "CertificateExpiring"),
        )
        .span(12)
        .sort_by([soonest]),
        graph(
            "Connections",
            "Open connections to the exporter: about one for each job of each Prometheus. At "
            "`web.max_connections` those that are idle longest lose their places.",
            units.Short,
            series("max by (instance) (exporter_web_connections{$target})", "{{instance}}"),
        ),
        graph(
            "Closed on clients",
            "full: another one needed the place. slow: a request or its reading took too long. handshake: "
            "TLS failed, mostly for a client without the right certificate.",
            units.OpsPerSecond,
            series(_once("exporter_web_connections_closed_total", "reason"), "{{reason}} {{instance}}"),
        ),
        graph(
            "Requests refused",
            "Without the right password, or for something that is not there. A steady line is a scrape job "
            "with an old secret, many at once are somebody who tries.",
            units.RequestsPerSecond,
            series(_once("exporter_web_unauthorized_requests_total"), "password {{instance}}"),
            series(_once("exporter_requests_rejected_total"), "rejected {{instance}}"),
        ),
    ]


def _once(counter: str, *labels: str) -> str:
    return f"max by ({', '.join(('instance', *labels))}) (rate({counter}{{$target}}[$__rate_interval]))"
