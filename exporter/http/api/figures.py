"""The figures of a snapshot under the names of the API: what /metrics says and what JSON says is one thing.

A response model says of each field which metric it shows, with `of`. Fields without one are the labels that
tell rows apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from exporter.model.snapshot import Snapshot
from exporter.model.table import Value
from exporter.settings.model import NODE_LABEL

METRIC = "x-metric"
"""Where the name of the metric stands in OpenAPI."""

Number = int | float | None
"""A figure; null where it is not known."""

R = TypeVar("R", bound="Figures")


class Figures(BaseModel):
    """A row of figures. What is not known is null."""

    model_config = ConfigDict(frozen=True)


def of(metric: str, description: str = "", default: Any = None) -> Any:
    """A field that shows a metric.

    Args:
        metric: its name on the page of metrics.
        description: what it is, where the name does not say it.
        default: where the snapshot has no sample of it.
    """
    text = f"{description} As metric {metric}." if description else f"As metric {metric}."
    return Field(default=default, description=text, json_schema_extra={METRIC: metric})


@lru_cache(maxsize=64)
def metrics_of(model: type[Figures]) -> Mapping[str, str]:
    """Field -> metric, of the fields that show one."""
    return {
        name: str(extra[METRIC])
        for name, field in model.model_fields.items()
        if isinstance(extra := field.json_schema_extra, dict) and METRIC in extra
    }


class Read:
    """A snapshot to be read by metric.

    Args:
        snapshot: what a scrape gave.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._columns: dict[str, list[tuple[Sequence[Mapping[str, str]], Sequence[Value]]]] = {}
        for table in snapshot.tables:
            rows = _Labels(table.labels, table.rows, table.constant)
            for column in table.columns:
                name = column.metric.name + column.suffix
                self._columns.setdefault(name, []).append((rows, column.values))

    def samples(self, metric: str) -> Iterator[tuple[Mapping[str, str], float | int]]:
        """Each sample that has a value: labels, value."""
        for rows, values in self._columns.get(metric, ()):
            for labels, value in zip(rows, values, strict=True):
                if (known := number(value)) is not None:
                    yield labels, known

    def rows(self, model: type[R], **match: str) -> list[R]:
        """A row for each combination of the model's labels, in the order of the snapshot.

        Args:
            model: what a row shows.
            match: labels that a sample must have.
        """
        metrics = metrics_of(model)
        names = [name for name in model.model_fields if name not in metrics]
        found: dict[tuple[str | None, ...], dict[str, Any]] = {}
        for field, metric in metrics.items():
            for labels, value in self.samples(metric):
                if all(labels.get(name) == wanted for name, wanted in match.items()):
                    key = tuple(labels.get(name) for name in names)
                    found.setdefault(key, {})[field] = value
        return [model(**_known(names, key), **values) for key, values in found.items()]

    def one(self, model: type[R], **match: str) -> R:
        """The one row of a model without labels of its own; of several the first."""
        return next(iter(self.rows(model, **match)), None) or model()

    def first(self, metric: str, **match: str) -> float | int | None:
        """One sample's value."""
        found = (v for labels, v in self.samples(metric) if match.items() <= dict(labels).items())
        return next(found, None)

    def nodes(self) -> list[str | None]:
        """The names of a group's nodes that are in the snapshot; [None] where there is no group."""
        names = {labels.get(NODE_LABEL): None for labels, _ in self.samples("redis_up")}
        return list(names) or [None]


class _Labels(Sequence[Mapping[str, str]]):
    """The labels of a table's rows as mappings, made when they are looked at."""

    def __init__(
        self,
        names: Sequence[str],
        rows: Sequence[Sequence[str]],
        constant: Sequence[tuple[str, str]],
    ) -> None:
        self._names = names
        self._rows = rows
        self._constant = dict(constant)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: Any) -> Any:
        return {**self._constant, **dict(zip(self._names, self._rows[place], strict=True))}


def number(value: Value) -> float | int | None:
    """A sample's value as a number of JSON; None for what JSON can't write."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
        try:
            value = float(value)
        except ValueError:
            return None
    return value if math.isfinite(value) else None


def _known(names: Sequence[str], key: Sequence[str | None]) -> dict[str, str]:
    return {name: value for name, value in zip(names, key, strict=True) if value is not None}
