"""What the collectors of keys share: they show what the walk in the background has found, and ask nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from exporter.collectors.redis._replies import ASKED_ONCE
from exporter.model.collector import Collect, Collected
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Reason, Skip
from exporter.model.metric import Metric
from exporter.model.table import Column, Labels, Table
from exporter.sources.redis import Info, RedisSource
from exporter.sources.redis.scan.options import KeyOptions
from exporter.sources.redis.scan.replies import text

if TYPE_CHECKING:
    from exporter.sources.redis.scan.survey import KeySurvey, Tally

LONGEST_KEY = 100
"""Characters of a key in a label, of those that nobody has chosen by name."""
EXPLAIN = "SCAN cursor COUNT n\nPTTL key\nMEMORY USAGE key SAMPLES 5\nTYPE key"

Tables = Callable[["Tally"], Sequence[Table]]


NOT_ASKED_FOR = "no setting asks for it: redis.key_patterns, redis.check_keys and others about keys"


class Surveyed(RedisSource, Protocol):
    """A server whose keys can be walked."""

    @property
    def key_options(self) -> KeyOptions:
        """What is asked about keys."""

    @property
    def survey(self) -> KeySurvey:
        """What walks them."""


def from_survey(
    part: str, on: Callable[[KeyOptions], object], tables: Tables
) -> Callable[[Surveyed], Collect]:
    """Makes a collector's function: gives what `tables` makes of the newest findings.

    Args:
        part: of what can be asked for: it is looked for from the first scrape on.
        on: whether anything of it is configured.
        tables: called once for each new findings.
    """

    def build(redis: Surveyed) -> Collect:
        newest: list[object] = [None, None]
        made: Sequence[Table] = ()

        async def collect(deadline: Deadline) -> Sequence[Table]:
            nonlocal made
            if not on(redis.key_options):
                raise Skip(Reason.NO_DATA, NOT_ASKED_FOR)
            refuse_where_others_tell(redis, await redis.info(deadline))
            tally = redis.survey.want(part)
            if newest != [tally.found, tally.singles]:
                newest[:] = tally.found, tally.singles
                made = tables(tally)
            age = None if tally.ended_at is None else monotonic() - tally.ended_at
            return as_far_as_known(redis.survey, Collected(made, age))

        return collect

    return build


def refuse_where_others_tell(redis: Surveyed, info: Info) -> None:
    """Stops the walk on servers whose keys are another's, or that have none.

    Raises:
        Skip: a replica of a cluster, or a Sentinel.
    """
    if info.number("cluster_enabled") == 1 and info.get("role") == "slave":
        redis.survey.rest()
        raise Skip(Reason.UNSUPPORTED, f"{redis.describe()}: a replica: its master shows the keys")
    if info.get("redis_mode") == "sentinel":
        raise Skip(Reason.UNSUPPORTED, f"{redis.describe()}: a Sentinel has no keys")


def as_far_as_known(survey: KeySurvey, tables: Collected) -> Collected:
    """The tables, if the walk goes on and all was allowed.

    Raises:
        Partial: the tables are older, or lack what the server does not offer.
        Skip: there are none, and none yet or by rights.
        SourceError: there are none, because of a failure that may pass.
    """
    missing = survey.failure or next(iter(survey.refusals), None)
    if missing is None:
        if survey.tally.found is None and not tables:
            raise Skip(Reason.NO_DATA, "the first pass over the keys has not ended yet")
        return tables
    if tables:
        raise Partial(tables, missing.with_traceback(None))
    if missing.reason in ASKED_ONCE:
        raise Skip(missing.reason, str(missing))
    raise missing.with_traceback(None)


def shortened(key: bytes) -> str:
    """A key for a label: of a long one the start, and a few characters that tell it from its like."""
    label = text(key)
    if len(label) <= LONGEST_KEY:
        return label
    return f"{label[:LONGEST_KEY]}~{blake2b(key, digest_size=4).hexdigest()}"


def database_label(database: int) -> str:
    """`db0`, as INFO has it."""
    return f"db{database}"


def histogram(
    metric: Metric, bounds: Sequence[int], sampled: Iterable[tuple[Labels, Sequence[float], float]]
) -> Sequence[Table]:
    """Buckets, sum and count, reckoned from samples.

    Args:
        metric: a histogram.
        bounds: upper ends of the buckets.
        sampled: labels, the values of a sample, and how many things each of them stands for.
    """
    les = [*map(str, bounds), "+Inf"]
    rows: list[Labels] = []
    counts: list[int] = []
    totals: list[tuple[Labels, float, int]] = []
    for labels, values, weight in sampled:
        below = [sum(1 for value in values if value <= bound) for bound in bounds]
        rows += [(*labels, le) for le in les]
        counts += [round(weight * number) for number in (*below, len(values))]
        totals.append((labels, weight * sum(values), round(weight * len(values))))
    return [
        Table((*metric.labels, "le"), rows, [Column(metric, counts, "_bucket")]),
        Table(
            metric.labels,
            [labels for labels, _, _ in totals],
            [
                Column(metric, [total for _, total, _ in totals], "_sum"),
                Column(metric, [count for _, _, count in totals], "_count"),
            ],
        ),
    ]
