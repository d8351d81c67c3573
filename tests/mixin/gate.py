"""What is wrong with the names in an expression or a text: series and labels that nobody exports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mixin import promql, rules
from tests.mixin import inventory
from tests.mixin.labels import Labels, labels_of, named_in_modifiers

LABEL_IN_TEMPLATE = re.compile(r"\$labels\.(\w+)")
CODE = re.compile(r"```(\w*)\n(.*?)```|`([^`\n]+)`", re.DOTALL)
OURS = re.compile(
    r"(?<![\w-])(?:(?:pg|redis|node|pgbouncer|psycopg_pool|exporter|container|namedprocess|http|db_client|s3|orders?)_\w+"
    r"|(?:instance|job|anomaly|slo|slot|table|database|cluster|pool|device|mountpoint|family):[a-z]\w*(?::\w+)*)\b"
)


def of_expression(expression: str, known: Mapping[str, Labels] | None = None) -> list[str]:
    """Series that are not known, and labels that they or what is made of them can't have.

    Raises:
        ValueError: it is not PromQL.
    """
    names = inventory.series() if known is None else known
    tree = promql.parse(expression)
    if strange := [s.name for s in promql.selectors(tree) if s.name and s.name not in names]:
        return [f"no series {name}" for name in strange]

    def labels(selector: Any) -> Labels:
        return inventory.of_selector(selector, names)

    return [*_in_matchers(tree, labels), *_in_modifiers(tree, labels)]


def labels_of_expression(expression: str) -> Labels:
    """The labels that the result of an expression can have.

    Raises:
        KeyError: it names a series that is not known.
    """
    return labels_of(promql.parse(expression), lambda s: inventory.of_selector(s, inventory.series()))


def of_rule(rule: rules.Rule) -> list[str]:
    """What is wrong with the names in a rule: its expression, and the labels in its annotations."""
    if wrong := of_expression(rule.expr):
        return wrong
    if not isinstance(rule, rules.Alert):
        return []
    there = inventory.rule_labels(rule, inventory.series())
    used = {label for text in rule.annotations.values() for label in LABEL_IN_TEMPLATE.findall(text)}
    return [f"no label {label} in annotations" for label in sorted(used - there)]


def of_page(text: str, foreign: Iterable[str] = ()) -> list[str]:
    """What is wrong with the names in the code of a Markdown page.

    Blocks of `promql` are parsed. Everywhere else a word that looks like one of our series has to be one, or
    to be in `foreign`: what PostgreSQL and others call their own.
    """
    allowed = {*inventory.series(), *_bases(inventory.series()), *foreign}
    return [fault for block in CODE.finditer(text) for fault in _in_code(block, allowed)]


def _in_code(block: re.Match[str], allowed: set[str]) -> Iterator[str]:
    if block[1] == "promql":
        for expression in re.split(r"\n\s*\n", block[2].strip()):
            yield from of_expression("\n".join(s for s in expression.splitlines() if not s.startswith("#")))
        return
    for word in OURS.findall(block[2] or block[3]):
        if word not in allowed and not any(name.startswith(word) for name in allowed):
            yield f"no series {word}"


def _bases(names: Iterable[str]) -> Iterator[str]:
    """Names of histograms and summaries as people write them, without the end."""
    for name in names:
        yield re.sub(r"_(bucket|sum|count)$", "", name)


def _in_matchers(tree: Any, labels: Any) -> Iterator[str]:
    for selector in promql.selectors(tree):
        for matcher in selector.matchers.matchers:
            if matcher.name != "__name__" and matcher.name not in labels(selector):
                yield f"no label {matcher.name} on {selector.name}"


def _in_modifiers(tree: Any, labels: Any) -> Iterator[str]:
    for node in promql.walk(tree):
        for label, possible in named_in_modifiers(node, labels):
            if label not in possible:
                yield f"no label {label} to match or aggregate by in: {node}"
