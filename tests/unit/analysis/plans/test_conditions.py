"""Conditions as EXPLAIN (VERBOSE) prints them on 13 to 18, and what of them an index could answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.analysis.plans.conditions import Term, Use, conditions_of


def told(term: Term) -> tuple[str, str, Use]:
    return term.alias, term.column or term.expression, term.use


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("(items.order_id = $1)", [("items", "order_id", Use.EQUAL)]),
        ("($1 = x.product_id)", [("x", "product_id", Use.EQUAL)]),
        ("(x.id OPERATOR(pg_catalog.=) $1)", [("x", "id", Use.EQUAL)]),
        ('(l."Article No" = $1)', [("l", "Article No", Use.EQUAL)]),
        ('("L".""" = $1 AND ""."a" > 3)', []),
        ("((c.email)::text = $1)", [("c", "email", Use.EQUAL)]),
        ("(o.id = (InitPlan 1).col1)", [("o", "id", Use.EQUAL)]),
        ("(o.id = $0)", [("o", "id", Use.EQUAL)]),
        ("((a.x >= $1) AND (a.y = 'AND (a.z = 1)'::text))", [("a", "x", Use.RANGE), ("a", "y", Use.EQUAL)]),
        ("(a.x = ANY ($1))", [("a", "x", Use.EQUAL)]),
        ("(a.x <> ALL ($1))", []),
        ("(a.x = ALL ($1))", []),
        ("(a.x <> $1)", []),
        ("(a.x IS NULL)", [("a", "x", Use.NULL)]),
        ("(a.x IS NOT NULL)", []),
        ("(a.x IS DISTINCT FROM $1)", []),
        ("a.active", [("a", "active", Use.FLAG)]),
        ("(NOT a.active)", [("a", "active", Use.FLAG)]),
        ("(NOT (hashed SubPlan 1))", []),
        ("(lower((c.email)::text) = $1)", [("c", "lower((email)::text)", Use.EQUAL)]),
        ("(public.norm(c.email) = $1)", [("c", "public.norm(email)", Use.EQUAL)]),
        ("(date_trunc($1, o.ts) = $2)", []),
        ("((o.data ->> 'k'::text) = $1)", [("o", "data ->> 'k'::text", Use.EQUAL)]),
        ("(o.ts > (now() - '1 day'::interval))", [("o", "ts", Use.RANGE)]),
        ("(o.x > random())", []),
        ("((o.a + o.b) = o.c)", []),
        ("(ROW(o.at, o.id) > ROW($1, $2))", [("o", "at", Use.RANGE)]),
        ("(p.id = i.product_id)", [("p", "id", Use.EQUAL), ("i", "product_id", Use.EQUAL)]),
        ("(p.name ~~* $1)", [("p", "name", Use.PATTERN)]),
        ("(d.tags && $1)", [("d", "tags", Use.CONTAINS)]),
        ("(d.kind = 'x'::shop.kind)", [("d", "kind", Use.EQUAL)]),
        ('((d.name COLLATE pg_catalog."C") = $1)', [("d", 'name COLLATE pg_catalog."C"', Use.EQUAL)]),
        ("((a.x = $1) OR (a.y = $2))", []),
    ],
)
def test_what_is_asked(text: str, wanted: list[tuple[str, str, Use]]) -> None:
    assert [told(term) for term in conditions_of(text).terms] == wanted


def test_sides_of_an_or_are_kept_apart() -> None:
    (sides,) = conditions_of("((a.x = $1) OR ((a.y = $2) AND (a.z > 4)))").alternatives

    assert [[term.column for term in side] for side in sides] == [["x"], ["y", "z"]]


def test_an_or_with_a_side_that_no_index_answers_is_worth_none() -> None:
    assert conditions_of("((a.x = $1) OR (a.y <> $2))").alternatives == ()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("(a.x = $1)", 1),
        ("(a.x = ANY (ARRAY[$1, $2, $3]))", 3),
        ("(a.x = ANY ('{1,2}'::integer[]))", 2),
        ("(a.x = ANY ($1))", 10),
    ],
)
def test_how_many_values(text: str, values: int) -> None:
    assert [term.values for term in conditions_of(text).terms] == [values]


def test_a_join_names_the_other_side() -> None:
    left, right = conditions_of("(o.customer_id > (c.id + 1))").terms

    assert (left.column, left.operator, left.others) == ("customer_id", ">", frozenset("c"))
    assert (right.expression, right.operator, right.others) == ("id + 1", "<", frozenset("o"))


def test_predicates_of_partial_indexes() -> None:
    terms = conditions_of("((t.claimed_at IS NULL) AND (NOT t.done) AND t.open)").terms

    assert [term.text for term in terms] == ["claimed_at IS NULL", "NOT done", "open"]


PIECES = st.sampled_from([
    *"()[]ab.=,", "::", "AND", "OR", "NOT", "IS", "NULL", "ROW", "ANY", "ARRAY", "OPERATOR", "COLLATE", "'x'",
    '"q"', "$1", "~~",
])  # fmt: skip


@given(st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=25).map(" ".join)))
def test_no_text_breaks_it(text: str) -> None:
    for term in conditions_of(text).terms:
        assert term.column or term.expression
