"""Whether Prometheus scrapes exporters of this kind, all that they have, and with success."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from exporter.doctor.chain.client import Api
from exporter.doctor.chain.durations import seconds
from exporter.doctor.chain.prometheus import data, query
from exporter.doctor.chain.words import few
from exporter.doctor.comparison.fetch import Address
from exporter.doctor.finding import Notes

JOBS = {"postgres": "postgres", "redis": "redis", "host": "node", "pool": "pgbouncer"}
"""Family -> the job of prometheus.yml that scrapes it."""
SLOW = 0.8
"""Of the scrape's timeout: above this share, the next busy hour may lose scrapes."""

Target = Mapping[str, Any]


def examine(api: Api, notes: Notes, families: Mapping[str, str]) -> None:
    """Notes the exporters, their targets, and what nobody scrapes.

    Args:
        api: Prometheus.
        notes: about it.
        families: collector -> its family.

    Raises:
        ApiError: Prometheus does not tell.
    """
    recent = {_key(labels) for labels in query(api, "last_over_time(exporter_build_info[1h])")}
    targets = [
        target
        for target in data(api, "targets", state="active")["activeTargets"]
        if _key(target["labels"]) in recent or set(_asked(target)) & set(families.values())
    ]
    _exporters(notes, query(api, "exporter_build_info"), targets)
    for target in targets:
        _target(notes, target)
    for address, missing in unasked(targets, families).items():
        notes.advice(
            f"nobody scrapes of {address}: {', '.join(missing)}",
            "# prometheus.yml; not needed for what it does not watch",
            "scrape_configs:",
            *(line for family in missing for line in _job(family, address)),
        )
    _collectors(notes, query(api, "exporter_collector_success == 0"))


def _exporters(notes: Notes, found: Sequence[Mapping[str, str]], targets: Sequence[Target]) -> None:
    if found:
        jobs, instances, versions = (
            sorted({labels.get(name, "") for labels in found}) for name in ("job", "instance", "version")
        )
        notes.ok(f"has metrics of {few(instances)}, jobs {few(jobs)}, exporter version {', '.join(versions)}")
    elif not targets:
        notes.error(
            "scrapes no exporter of this kind",
            "# prometheus.yml",
            "scrape_configs:",
            *(line for family in JOBS for line in _job(family, "localhost:9188")),
        )
    else:
        notes.error(
            "has no metrics of any exporter of this kind", "# what is wrong with each target stands below"
        )


def _target(notes: Notes, target: Target) -> None:
    labels = target["labels"]
    what = f"job {labels.get('job', '')}, instance {labels.get('instance', '')}"
    if target["health"] == "unknown":
        notes.advice(f"{what}: not scraped yet", "# again after a scrape interval")
    elif target["health"] != "up":
        notes.error(
            f"{what}: {target['lastError'] or 'down'}",
            "systemctl status datastack-exporter    # on the machine of the exporter",
            f"curl -sS {Address(target['scrapeUrl']).shown} | head    # on the machine of Prometheus",
        )
    elif target["lastScrapeDuration"] > SLOW * (limit := seconds(target["scrapeTimeout"])):
        notes.advice(
            f"{what}: the newest scrape took {target['lastScrapeDuration']:.1f} of {limit:g} seconds",
            "datastack-exporter explain    # which collectors take how long",
            "# prometheus.yml, at the job: scrape_timeout, up to scrape_interval",
        )


def unasked(targets: Sequence[Target], families: Mapping[str, str]) -> dict[str, list[str]]:
    """Address of an exporter -> the families that no target there asks for; only where something is missing.

    Args:
        targets: as Prometheus shows them; those of `/probe` are left out, they are for one server each.
        families: collector -> its family.
    """
    asked: defaultdict[str, set[str]] = defaultdict(set)
    every = sorted(set(families.values()), key=list(JOBS).index)
    for target in targets:
        parts = urlsplit(target["scrapeUrl"])
        if not parts.path.endswith("/probe"):
            names = _asked(target)
            asked[parts.netloc.rpartition("@")[2]].update(families.get(n, n) for n in names or every)
    lacking = {address: [f for f in every if f not in names] for address, names in asked.items()}
    return {address: missing for address, missing in lacking.items() if missing}


def _collectors(notes: Notes, failing: Collection[Mapping[str, str]]) -> None:
    by_instance: defaultdict[str, list[str]] = defaultdict(list)
    for labels in failing:
        by_instance[labels.get("instance", "")].append(labels["collector"])
    for instance, names in by_instance.items():
        notes.advice(
            f"instance {instance}: collectors fail: {few(sorted(set(names)))}",
            "datastack-exporter check    # on the machine of the exporter: says why",
        )


def _asked(target: Target) -> list[str]:
    return parse_qs(urlsplit(target["scrapeUrl"]).query).get("collect[]", [])


def _job(family: str, address: str) -> list[str]:
    return [
        f"  - job_name: {JOBS[family]}",
        f"    params: {{'collect[]': [{family}]}}",
        f'    static_configs: [{{targets: ["{address}"]}}]',
    ]


def _key(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels.get("job", ""), labels.get("instance", "")
