"""Histories of the application with N+1 loops: as files, and from two readings of pg_stat_statements."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from exporter.facts.read_statements import StatementReading
from exporter.facts.statement import Counters, Interval, Statement, StatementKey
from exporter.sql.shape import shape_of

RECORDED = Path(__file__).parent / "recorded" / "n_plus_one"


class Recorded(NamedTuple):
    """What an analysis of N+1 is given."""

    history: Sequence[Interval]
    statements: Mapping[StatementKey, Statement]


def interval(earlier: StatementReading, later: StatementReading, datname: str) -> Interval:
    """What was counted in one database between two readings."""
    before = {statement.key: statement.counters for statement in earlier.statements}
    counted, nested = (
        {
            statement.key: statement.counters.minus(before.get(statement.key, Counters()))
            for statement in later.statements
            if statement.key.datname == datname and statement.toplevel is level
        }
        for level in (True, False)
    )
    return Interval(later.taken_at - earlier.taken_at, later.taken_at, counted, nested)


def save(recorded: Recorded, name: str) -> Path:
    """Writes a history: texts, and for each interval what each of them counted."""
    keys = list(recorded.statements)
    document = {
        "statements": [[*key, recorded.statements[key].text] for key in keys],
        "intervals": [
            {
                "seconds": round(one.seconds, 3),
                "at": round(one.at, 3),
                **{
                    level: {
                        keys.index(key): [round(value, 3) for value in counted]
                        for key, counted in getattr(one, level).items()
                        if counted.calls
                    }
                    for level in ("counted", "nested")
                },
            }
            for one in recorded.history
        ],
    }
    RECORDED.mkdir(parents=True, exist_ok=True)
    path = RECORDED / f"{name}.json"
    path.write_text(
        json.dumps(document, indent=None, separators=(",", ":")).replace('{"seconds', '\n{"seconds')
    )
    return path


def load(name: str) -> Recorded:
    """Reads a history back."""
    document = json.loads((RECORDED / f"{name}.json").read_text())
    statements = [_statement(StatementKey(*key), text) for *key, text in document["statements"]]
    history = [
        Interval(
            one["seconds"],
            one["at"],
            *(
                {statements[int(at)].key: Counters(*values) for at, values in one[level].items()}
                for level in ("counted", "nested")
            ),
        )
        for one in document["intervals"]
    ]
    return Recorded(history, {statement.key: statement for statement in statements})


def _statement(key: StatementKey, text: str) -> Statement:
    shape = shape_of(text)
    return Statement(
        key=key,
        queryids=(),
        text=text,
        raw=text,
        operation=shape.operation,
        tables=tuple(shape.tables),
        counters=Counters(),
    )
