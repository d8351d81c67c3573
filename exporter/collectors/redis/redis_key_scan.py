"""How far the walk over the keys is, how old what it has found is, and what it costs the server."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from exporter.collectors.redis._scan import EXPLAIN, NOT_ASKED_FOR, Surveyed
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import counter, gauge
from exporter.model.table import Table, by_row, single
from exporter.sources.redis.scan.options import KeyOptions

if TYPE_CHECKING:
    from exporter.sources.redis.scan.survey import KeySurvey

PROGRESS = gauge(
    "redis_key_scan_progress_ratio", "Share of the keys that the pass under way has seen, from 0 to 1."
)
COVERAGE = gauge(
    "redis_key_scan_coverage_ratio",
    "Share of the keys that the shown figures are about: below 1 after a pass that took too long.",
)
AGE = gauge("redis_key_scan_age_seconds", "Time since the last whole pass over the keys ended.")
DURATION = gauge("redis_key_scan_duration_seconds", "How long the last whole pass took.")
KEYS = counter("redis_key_scan_keys_total", "Keys that went by in all passes.")
SERVER = counter(
    "redis_key_scan_server_seconds_total",
    "Time that the server was kept: that of the round trips less that of empty ones.",
)
PASSES = counter(
    "redis_key_scan_passes_total", "Passes by result: complete, partial or interrupted.", ("result",)
)
COMMANDS = counter(
    "redis_key_scan_commands_total", "Commands sent; PTTL, TYPE and GET count as hits there.", ("cmd",)
)


def build(redis: Surveyed) -> Collect:
    """Asks nothing: the walk counts for itself."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        if not _on(redis.key_options):
            raise Skip(Reason.NO_DATA, NOT_ASKED_FOR)
        return _tables(redis.survey)

    return collect


def _on(options: KeyOptions) -> bool:
    return any(
        (
            options.key_patterns,
            options.top_keys,
            options.check_keys,
            options.check_single_keys,
            options.count_keys,
            options.check_key_groups,
            options.check_streams,
            options.check_single_streams,
        )
    )


def _tables(survey: KeySurvey) -> Sequence[Table]:
    tally = survey.tally
    return [
        single(
            {
                PROGRESS: survey.progress,
                COVERAGE: tally.coverage,
                AGE: None if tally.completed_at is None else monotonic() - tally.completed_at,
                DURATION: tally.seconds,
                KEYS: survey.keys,
                SERVER: survey.server_seconds,
            }
        ),
        by_row(("result",), (PASSES,), [((result,), (number,)) for result, number in tally.passes.items()]),
        by_row(
            ("cmd",), (COMMANDS,), [((name.lower(),), (number,)) for name, number in survey.commands.items()]
        ),
    ]


COLLECTOR = CollectorSpec(
    help="Progress, age and cost of the walk over the keys in the background.",
    source="redis",
    metrics=(PROGRESS, COVERAGE, AGE, DURATION, KEYS, SERVER, PASSES, COMMANDS),
    build=build,
    docs="https://redis.io/docs/latest/commands/scan/",
    explain=lambda _major: EXPLAIN,
)
