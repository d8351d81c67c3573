"""What is known of other exporters' pages: what is about the exporter itself, old names, what is left out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

OWN = re.compile(
    r"(go|process|promhttp|python)_.*"
    r"|\w*exporter_build_info"
    r"|(pg_exporter|postgres_exporter|redis_exporter|pgbouncer_exporter|exporter)_.*"
    r"|(pg|node)_scrape_collector_(duration_seconds|success)"
    r"|redis_last_key_groups_scrape_duration_milliseconds|redis_target_scrape_request_errors_total"
    r"|pgbouncer_collector_success|node_textfile_scrape_error|scrape_\w+"
)
"""Metrics in which an exporter speaks of itself; ours speaks of itself in `exporter_*`."""

RENAMED: Mapping[str, str] = {
    # postgres_exporter 0.11 and older: every column of pg_stat_database, times in milliseconds.
    "pg_stat_database_active_time": "pg_stat_database_active_time_seconds_total",
    "pg_stat_database_session_time": "pg_stat_database_session_time_seconds_total",
    "pg_stat_database_idle_in_transaction_time": "pg_stat_database_idle_in_transaction_time_seconds_total",
    "pg_stat_database_sessions": "pg_stat_database_sessions_total",
    "pg_stat_database_sessions_abandoned": "pg_stat_database_sessions_abandoned_total",
    "pg_stat_database_sessions_fatal": "pg_stat_database_sessions_fatal_total",
    "pg_stat_database_sessions_killed": "pg_stat_database_sessions_killed_total",
    "pg_stat_database_checksum_failures": "pg_stat_database_checksum_failures_total",
    "pg_stat_database_checksum_last_failure":
        "pg_stat_database_checksum_last_failure_timestamp_seconds",
    # pgbouncer_exporter of another author, which Debian has.
    "pgbouncer_dns_names": "pgbouncer_cached_dns_names",
    "pgbouncer_dns_zones": "pgbouncer_cached_dns_zones",
    "pgbouncer_dns_queries": "pgbouncer_in_flight_dns_queries",
}  # fmt: skip
"""Old name -> today's, beside those that `compat.legacy_names` shows as well."""


class LeftOut(NamedTuple):
    """Something that ours leaves out on purpose, and nothing is lost by it.

    Attributes:
        metric: which metrics, by name.
        label: the label that is left out.
        value: the values of that label whose series are left out; None for the label itself.
        reason: why nothing is lost.
    """

    metric: re.Pattern[str]
    label: str
    value: re.Pattern[str] | None
    reason: str


LEFT_OUT: Sequence[LeftOut] = (
    LeftOut(re.compile("pg_.*"), "server", None,
               "the server's address: Prometheus's label instance tells servers apart"),
    LeftOut(re.compile("pg_stat_database_.*"), "datid", re.compile("0"),
               "what happened in no database: postgres_exporter leaves this row out today"),
    LeftOut(re.compile("node_disk_.*"), "device", re.compile(r"zram\d+"),
               "memory, not a disk: node_exporter leaves zram out since 1.8"),
)  # fmt: skip


def label_reason(metric: str, label: str) -> str:
    """Why a label is left out; empty if it should be there."""
    for known in LEFT_OUT:
        if known.value is None and known.label == label and known.metric.fullmatch(metric):
            return known.reason
    return ""


def series_reason(metric: str, labels: Mapping[str, str]) -> tuple[str, str] | None:
    """What label and value leave a series out, as `label="value"`, and why; None if it should be there."""
    for known in LEFT_OUT:
        value = labels.get(known.label, "")
        if known.value and known.metric.fullmatch(metric) and known.value.fullmatch(value):
            return f'{known.label}="{value}"', known.reason
    return None
