"""What the engine says of its collectors, as tables: our own names, and those of upstream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.model.metric import Metric, counter, gauge
from exporter.model.snapshot import Outcome, State
from exporter.model.table import Column, Labels, Table, single

LABELS = ("collector", "family")
COLLECTOR = ("collector",)

SUCCESS = gauge(
    "exporter_collector_success",
    "1 if the collector gave all it should; no sample if it was rightly skipped.",
    LABELS,
)
DURATION = gauge(
    "exporter_collector_duration_seconds", "How long the collector's run took, or has taken so far.", LABELS
)
SKIPPED = gauge(
    "exporter_collector_skipped",
    "1 for a collector that gave nothing or not all, by reason.",
    (*LABELS, "reason"),
)
LAST_SUCCESS = gauge(
    "exporter_collector_last_success_timestamp_seconds",
    "Unix time of the collector's newest full result.",
    LABELS,
)
AGE = gauge(
    "exporter_collector_age_seconds",
    "Age of the shown result of a collector that runs in the background, or of its oldest part.",
    LABELS,
)
PERIOD = gauge(
    "exporter_collector_period_seconds",
    "Time from one run of a background collector to the next; longer than declared after long runs.",
    LABELS,
)
DROPPED = counter(
    "exporter_series_dropped_total",
    "Samples left out because the collector was over its series limit.",
    LABELS,
)

# Upstream's names for the same facts, with upstream's one label.
PG_SUCCESS = gauge(
    "pg_scrape_collector_success", "1 if the PostgreSQL collector gave all it should.", COLLECTOR
)
PG_DURATION = gauge(
    "pg_scrape_collector_duration_seconds", "How long the PostgreSQL collector's run took.", COLLECTOR
)
NODE_SUCCESS = gauge(
    "node_scrape_collector_success", "1 if the host collector gave all it should.", COLLECTOR
)
NODE_DURATION = gauge(
    "node_scrape_collector_duration_seconds", "How long the host collector's run took.", COLLECTOR
)

# Of the scrape itself, where it asked for PostgreSQL: upstream has them without a label.
PG_SCRAPES = counter("pg_exporter_scrapes_total", "Scrapes that asked for PostgreSQL collectors.")
PG_LAST_ERROR = gauge(
    "pg_exporter_last_scrape_error",
    "1 if a PostgreSQL collector of this scrape failed or was late, else 0.",
)
PG_LAST_DURATION = gauge(
    "pg_exporter_last_scrape_duration_seconds",
    "How long the slowest PostgreSQL collector of this scrape took.",
)

METRICS = (
    SUCCESS,
    DURATION,
    LAST_SUCCESS,
    AGE,
    PERIOD,
    DROPPED,
    SKIPPED,
    PG_SUCCESS,
    PG_DURATION,
    NODE_SUCCESS,
    NODE_DURATION,
    PG_SCRAPES,
    PG_LAST_ERROR,
    PG_LAST_DURATION,
)
"""All that is reported, for the catalogue."""


def report(
    outcomes: Sequence[Outcome], dropped: Mapping[Labels, int], postgres_scrapes: int = 0
) -> list[Table]:
    """The tables about one scrape.

    Args:
        outcomes: what became of each collector.
        dropped: collector and family -> samples left out so far.
        postgres_scrapes: scrapes so far that asked for PostgreSQL collectors, this one included.

    A collector that was skipped for a good reason (an older server, nothing to say) has neither
    failed nor succeeded: it has `exporter_collector_skipped` alone.
    """
    rows = [(o.collector, o.family) for o in outcomes]
    success = [None if o.state is State.SKIPPED else int(o.state is State.OK) for o in outcomes]
    columns = [
        Column(SUCCESS, success),
        Column(DURATION, [o.seconds for o in outcomes]),
        Column(LAST_SUCCESS, [o.last_success for o in outcomes]),
        Column(AGE, [o.age for o in outcomes]),
        Column(PERIOD, [o.period for o in outcomes]),
    ]
    reasons = [o for o in outcomes if o.reason is not None]
    postgres = [o for o in outcomes if o.family == "postgres"]
    return [
        Table(LABELS, rows, columns),
        Table(
            SKIPPED.labels,
            [(o.collector, o.family, str(o.reason)) for o in reasons],
            [Column(SKIPPED, [1] * len(reasons))],
        ),
        Table(LABELS, list(dropped), [Column(DROPPED, list(dropped.values()))]),
        *_upstream(postgres, PG_SUCCESS, PG_DURATION),
        *_of_postgres(postgres, postgres_scrapes),
        *_upstream([o for o in outcomes if o.family == "host"], NODE_SUCCESS, NODE_DURATION),
    ]


def _upstream(outcomes: Sequence[Outcome], success: Metric, duration: Metric) -> list[Table]:
    columns = [
        Column(success, [int(o.state is State.OK) for o in outcomes]),
        Column(duration, [o.seconds for o in outcomes]),
    ]
    return [Table(COLLECTOR, [(o.collector,) for o in outcomes], columns)]


def _of_postgres(outcomes: Sequence[Outcome], scrapes: int) -> list[Table]:
    if not outcomes:
        return []
    error = any(o.state in (State.FAILED, State.LATE) for o in outcomes)
    # A result from the background took its time before this scrape.
    slowest = max((o.seconds for o in outcomes if o.age is None), default=0.0)
    return [single({PG_SCRAPES: scrapes, PG_LAST_ERROR: int(error), PG_LAST_DURATION: slowest})]
