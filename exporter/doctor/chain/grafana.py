"""Grafana: whether it is there, gets data from Prometheus, and has the dashboards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from exporter.doctor.chain.client import Api, ApiError
from exporter.doctor.chain.words import count, few
from exporter.doctor.finding import Notes

KIND = "prometheus"
TAG = "datastack"
PROVISIONED = "# /etc/grafana/provisioning/dashboards/datastack.yaml"

Document = Mapping[str, Any]
Drawn = frozenset[tuple[str, str]]
"""What panels show: title and expression."""


def examine(api: Api, notes: Notes, folder: Path | None) -> None:
    """Notes whether dashboards can show something.

    Args:
        api: Grafana.
        notes: about it.
        folder: with the dashboards that it ought to have; None if they are not to be compared.

    Raises:
        ApiError: it does not tell something that is needed.
    """
    try:
        health = api.json("/api/health")
        sources = api.json("/api/datasources")
    except ApiError as error:
        notes.error(str(error), *_remedy(error))
        return
    notes.ok(f"answers, version {health.get('version') or 'not told'}")
    if health.get("database") != "ok":
        notes.error("its database does not work", "journalctl -u grafana-server")
    _source(api, notes, [source for source in sources if source["type"] == KIND])
    found = {entry["uid"] for entry in api.json("/api/search", tag=TAG, type="dash-db")}
    if found:
        notes.ok(f"has {count(len(found), 'dashboard')} with the tag {TAG}")
    else:
        notes.error(f"has no dashboard with the tag {TAG}", *_provider("/var/lib/grafana/dashboards"))
    if folder is not None:
        _compare(api, notes, found, folder)


def _remedy(error: ApiError) -> Sequence[str]:
    if error.status in (401, 403):
        return (
            "# Administration, Service accounts: one with the role Admin (to list data sources), and a token",
            "datastack-exporter verify --grafana URL --grafana-token-file FILE",
        )
    return "systemctl status grafana-server", "# another address: --grafana URL"


def _source(api: Api, notes: Notes, sources: Sequence[Document]) -> None:
    """Notes whether the data source that dashboards begin with works."""
    if not sources:
        notes.error(
            "has no data source of the type prometheus",
            "# /etc/grafana/provisioning/datasources/datastack.yaml",
            "apiVersion: 1",
            "datasources:",
            "  - {name: Prometheus, type: prometheus, uid: prometheus, access: proxy,",
            "     url: 'http://localhost:9090', isDefault: true}",
        )
        return
    source = next((source for source in sources if source.get("isDefault")), sources[0])
    name, uid = source["name"], quote(source["uid"], safe="")
    remedy = (
        "# Connections, Data sources: its URL as Grafana's machine reaches Prometheus, its user and password"
    )
    try:
        health = api.json(f"/api/datasources/uid/{uid}/health")
        said = api.json(f"/api/datasources/proxy/uid/{uid}/api/v1/query", query="exporter_build_info")
    except ApiError as error:
        notes.error(f"data source {name} does not work: {str(error).removeprefix(f'{api.shown}: ')}", remedy)
        return
    if health.get("status", "OK") != "OK":
        notes.error(f"data source {name} does not work: {health.get('message', '')}", remedy)
    elif said["data"]["result"]:
        notes.ok(f"data source {name} has the exporter's metrics")
    else:
        notes.error(f"data source {name} works, but has no metrics of an exporter of this kind", remedy)


def _compare(api: Api, notes: Notes, found: set[str], folder: Path) -> None:
    try:
        wanted = dict(_dashboards(folder))
    except (ValueError, OSError) as error:
        notes.error(f"--dashboards: {error}")
        return
    missing = [uid for uid in wanted if uid not in found]
    if missing:
        notes.error(f"lacks dashboards of {folder}: {few(missing)}", *_provider(str(folder)))
    different = [
        uid
        for uid, dashboard in wanted.items()
        if uid in found
        and drawn(dashboard) != drawn(api.json(f"/api/dashboards/uid/{quote(uid, safe='')}")["dashboard"])
    ]
    if different:
        notes.error(
            f"has other panels than {folder} in: {few(different)}",
            "# copy the files to the folder that the provider reads, then",
            "curl -X POST -u admin http://localhost:3000/api/admin/provisioning/dashboards/reload",
        )
    if not missing and not different:
        notes.ok(f"has all {len(wanted)} dashboards of {folder}, with the same panels")


def _dashboards(folder: Path) -> Iterator[tuple[str, Document]]:
    for file in sorted(folder.glob("*.json")):
        try:
            dashboard = json.loads(file.read_text(encoding="utf-8"))
            yield dashboard["uid"], dashboard
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{file} is no dashboard with a uid") from None


def drawn(dashboard: Document) -> Drawn:
    """What the panels of a dashboard show.

    Grafana counts versions itself and adds fields of its own, so those tell nothing of what is drawn.
    """
    panels = list(dashboard.get("panels") or ())
    panels += [inner for panel in panels for inner in panel.get("panels") or ()]
    return frozenset(
        (panel.get("title", ""), target.get("expr", ""))
        for panel in panels
        for target in panel.get("targets") or [{}]
    )


def _provider(path: str) -> Sequence[str]:
    return (
        PROVISIONED,
        "apiVersion: 1",
        "providers:",
        f"  - {{name: datastack, folder: datastack, type: file, options: {{path: {path}}}}}",
        "# the files of grafana/dashboards, in that folder on Grafana's machine; then",
        "systemctl restart grafana-server",
    )
