"""Which labels the result of an expression can have.

Source: https://prometheus.io/docs/prometheus/2.42/querying/operators/ and .../functions/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from promql_parser import (
    AggModifierType,
    AggregateExpr,
    BinaryExpr,
    Call,
    LabelModifierType,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    StringLiteral,
    SubqueryExpr,
    UnaryExpr,
    VectorMatchCardinality,
    VectorSelector,
)

Labels = frozenset[str]
Known = Callable[[Any], Labels]
"""The labels that a selector's series can have."""

FILTERS = ("and", "unless")
NONE: Labels = frozenset()
SCALARS = ("vector", "time", "scalar", "pi")
KEEP = ("topk", "bottomk", "limitk", "limit_ratio")


def labels_of(expression: Any, known: Known) -> Labels:
    """The labels that some series of the result can have, its name left out."""
    found = NONE
    match expression:
        case VectorSelector():
            found = known(expression)
        case MatrixSelector():
            found = known(expression.vector_selector)
        case ParenExpr() | UnaryExpr() | SubqueryExpr():
            found = labels_of(expression.expr, known)
        case AggregateExpr():
            found = _aggregated(expression, known)
        case Call():
            found = _called(expression, known)
        case BinaryExpr():
            found = _joined(expression, known)
    return found


def is_scalar(expression: Any) -> bool:
    """Whether the expression is a number, not a vector."""
    match expression:
        case NumberLiteral() | StringLiteral():
            return True
        case ParenExpr() | UnaryExpr():
            return is_scalar(expression.expr)
        case Call():
            return expression.func.name in ("time", "scalar", "pi")
        case BinaryExpr():
            return is_scalar(expression.lhs) and is_scalar(expression.rhs)
        case _:
            return False


def named_in_modifiers(expression: Any, known: Known) -> Iterable[tuple[str, Labels]]:
    """Each label that an aggregation or a match of this very expression names, with the possible ones."""
    if isinstance(expression, AggregateExpr) and expression.modifier:
        yield from ((label, labels_of(expression.expr, known)) for label in expression.modifier.labels)
    if isinstance(expression, BinaryExpr) and expression.modifier:
        modifier = expression.modifier
        both = labels_of(expression.lhs, known) | labels_of(expression.rhs, known)
        matching = modifier.matching.labels if modifier.matching else []
        yield from ((label, both) for label in (*matching, *(modifier.group_labels or ())))


def _aggregated(expression: AggregateExpr, known: Known) -> Labels:
    inner = labels_of(expression.expr, known)
    if str(expression.op) in KEEP:
        return inner
    modifier = expression.modifier
    extra = (
        {str(cast("StringLiteral", expression.param).val)} if str(expression.op) == "count_values" else set()
    )
    if modifier is None:
        return frozenset(extra)
    named = frozenset(modifier.labels)
    return (named if modifier.type == AggModifierType.By else inner - named) | extra


def _called(expression: Call, known: Known) -> Labels:
    name, arguments = expression.func.name, expression.args
    if name in SCALARS:
        return NONE
    vectors = [argument for argument in arguments if not is_scalar(argument)]
    inner = labels_of(vectors[-1], known) if vectors else NONE
    if name in ("label_replace", "label_join"):
        return labels_of(arguments[0], known) | {arguments[1].val}
    if name == "histogram_quantile":
        return inner - {"le"}
    if name in ("absent", "absent_over_time"):
        return _absent(vectors[0])
    return inner


def _absent(selector: Any) -> Labels:
    if isinstance(selector, MatrixSelector):
        selector = selector.vector_selector
    if not isinstance(selector, VectorSelector):
        return NONE
    return frozenset(m.name for m in selector.matchers.matchers if str(m.op) == "MatchOp.Equal")


def _joined(expression: BinaryExpr, known: Known) -> Labels:
    left, right = labels_of(expression.lhs, known), labels_of(expression.rhs, known)
    sign, modifier = str(expression.op), expression.modifier
    if is_scalar(expression.lhs):
        return right
    if is_scalar(expression.rhs) or sign in FILTERS:
        return left
    if sign == "or":
        return left | right
    return _matched(left, right, modifier) if modifier and modifier.matching else left & right


def _matched(left: Labels, right: Labels, modifier: Any) -> Labels:
    """The labels after arithmetic or a comparison with `on` or `ignoring`."""
    extra = frozenset(modifier.group_labels or ())
    if modifier.card == VectorMatchCardinality.ManyToOne:
        return left | extra
    if modifier.card == VectorMatchCardinality.OneToMany:
        return right | extra
    named = frozenset(modifier.matching.labels)
    return named if modifier.matching.type == LabelModifierType.Include else left - named
