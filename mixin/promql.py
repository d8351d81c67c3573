"""What an expression of PromQL is made of, over the syntax tree of promql-parser.

Source: https://prometheus.io/docs/prometheus/2.42/querying/operators/
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import promql_parser
from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
)

COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")
_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
}

# Grafana puts these in before Prometheus sees the expression.
_DURATIONS = re.compile(
    r"\$(?:__rate_interval|__interval|__range)\b|\$\{__(?:rate_interval|interval|range)\}"
)
_VARIABLES = re.compile(r"\$\{?[a-zA-Z_]\w*(?::\w+)?\}?")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A comparison with a constant: `comparison` as `>`, `value` in the unit of what is compared."""

    comparison: str
    value: float


def parse(expression: str) -> Any:
    """The tree of an expression; Grafana's variables may stand in it.

    Raises:
        ValueError: it is not PromQL; the message says where.
    """
    return promql_parser.parse(_VARIABLES.sub("x", _DURATIONS.sub("5m", expression)))


def parts(expression: Any) -> list[Any]:
    """The expressions directly below one, in reading order."""
    match expression:
        case BinaryExpr():
            return [expression.lhs, expression.rhs]
        case Call():
            return list(expression.args)
        case AggregateExpr():
            return [e for e in (expression.param, expression.expr) if e is not None]
        case ParenExpr() | UnaryExpr() | SubqueryExpr():
            return [expression.expr]
        case MatrixSelector():
            return [expression.vector_selector]
        case _:
            return []


def walk(expression: Any) -> Iterator[Any]:
    """The expression and all that is below it, in reading order."""
    yield expression
    for part in parts(expression):
        yield from walk(part)


def selectors(expression: Any) -> list[Any]:
    """The selectors of series, those inside ranges included."""
    return [node for node in walk(expression) if isinstance(node, VectorSelector)]


def thresholds(expression: Any) -> Iterator[Threshold]:
    """Every comparison with a constant, in reading order."""
    if not isinstance(expression, BinaryExpr):
        for part in parts(expression):
            yield from thresholds(part)
        return
    yield from thresholds(expression.lhs)
    sign = str(expression.op)
    if sign in COMPARISONS and (value := constant(expression.rhs)) is not None:
        yield Threshold(sign, value)
    else:
        yield from thresholds(expression.rhs)


def constant(expression: Any) -> float | None:
    """The value of a number or of arithmetic on numbers; None for what needs series."""
    match expression:
        case NumberLiteral():
            return float(expression.val)
        case ParenExpr():
            return constant(expression.expr)
        case UnaryExpr():
            inner = constant(expression.expr)
            return None if inner is None else -inner
        case BinaryExpr() if str(expression.op) in _ARITHMETIC:
            left, right = constant(expression.lhs), constant(expression.rhs)
            return None if left is None or right is None else _ARITHMETIC[str(expression.op)](left, right)
        case _:
            return None
