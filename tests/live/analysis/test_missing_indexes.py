"""Missing indexes of a workload whose needs are known: found or not, right or wrong, counted in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

from exporter.analysis.finding import Confidence, Finding, Kind
from exporter.analysis.indexes.proving import Advice
from tests.live.analysis import indexed_queries as workload
from tests.live.analysis.indexed_queries import Labelled
from tests.live.analysis.other_queries import OTHERS
from tests.live.analysis.shop import Shop, advice, shop
from tests.servers import Postgres

pytestmark = pytest.mark.live

BETTER = 0.7
"""Share of the blocks that a statement may read at most with an index that is called right."""
SHOP = (*workload.WANTING, *workload.WANTING_NOTHING)
RARE = Labelled(
    name="rare value of a skewed column",
    sql="SELECT id, total FROM shop.orders WHERE status = $1",
    arguments=("'pending'",),
)

ShopOf = Callable[[int], Shop]


@pytest.fixture(scope="module")
def shop_of(postgres_of: Callable[[int], Postgres]) -> Iterator[ShopOf]:
    with ExitStack() as stack:
        filled: dict[int, Shop] = {}

        def of(major: int) -> Shop:
            if major not in filled:
                filled[major] = stack.enter_context(shop(postgres_of(major)))
            return filled[major]

        yield of


def missing(found: Advice) -> list[Finding]:
    """Those that say so: a hint of low confidence says to look."""
    return [f for f in found.findings if f.kind is Kind.MISSING_INDEX and f.confidence is not Confidence.LOW]


def names(findings: Sequence[Finding]) -> set[str]:
    return {key.id for finding in findings for key in finding.statements}


@contextmanager
def created(asked: Shop, findings: Sequence[Finding]) -> Iterator[None]:
    """The indexes are there, made by the SQL of the findings."""
    listed = "SELECT indexrelid FROM pg_index JOIN pg_class AS t ON t.oid = indrelid WHERE t.relkind <> 't'"
    before = {row[0] for row in asked.owner.execute(listed)}
    for statement in (sql for finding in findings for sql in finding.sql):
        asked.owner.execute(statement.encode())
    try:
        yield
    finally:
        parents = "AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = indexrelid)"
        for (index,) in asked.owner.execute(
            f"SELECT indexrelid::regclass::text FROM ({listed} {parents}) AS i "
            "WHERE indexrelid <> ALL (%s)".encode(),
            [list(before)],
        ).fetchall():
            asked.owner.execute(f"DROP INDEX {index}".encode())


def test_every_label_is_true(shop_of: ShopOf) -> None:
    """Each index that the workload says is wanted lets its statement read fewer blocks."""
    asked = shop_of(15)
    before = {labelled.name: asked.run(labelled).blocks for labelled in workload.WANTING}
    with asked.indexed(workload.WANTING):
        shares = {
            labelled.name: asked.run(labelled).blocks / before[labelled.name] for labelled in workload.WANTING
        }

    assert {name: share for name, share in shares.items() if share > BETTER} == {}


@pytest.mark.parametrize(
    ("statements", "major", "hypopg", "most_missed"),
    [
        (SHOP, 15, True, 0.05),
        (OTHERS, 15, True, 0.2),
        (SHOP, 18, False, 0.2),
    ],
    ids=["hypopg", "hypopg-others", "18"],
)
async def test_missing_indexes_are_found_and_worth_it(
    shop_of: ShopOf, statements: Sequence[Labelled], major: int, hypopg: bool, most_missed: float
) -> None:
    asked = shop_of(major)
    before = {labelled: asked.run(labelled) for labelled in statements}

    found = await advice(asked, before, hypopg=hypopg)

    findings = missing(found)
    assert {f.confidence for f in findings} == {Confidence.PROVEN if hypopg else Confidence.MEDIUM}
    assert names(findings) & {labelled.name for labelled in workload.WANTING_NOTHING} == set()
    with created(asked, findings):
        after = {labelled: asked.run(labelled) for labelled in statements if labelled.name in names(findings)}
        again = await advice(asked, before, hypopg=hypopg)
    better = {
        labelled.name for labelled, run in after.items() if run.blocks <= BETTER * before[labelled].blocks
    }
    wanting = {labelled.name for labelled in statements if labelled.wanted}
    wrong = [finding.title for finding in findings if not names([finding]) & better]
    assert len(wanting - better) <= most_missed * len(wanting), wanting - better
    assert len(wrong) <= 0.1 * len(findings), wrong
    assert {f.title for f in missing(again)} & {f.title for f in findings} == set()


async def test_content_gets_hints_that_can_be_carried_out(shop_of: ShopOf) -> None:
    asked = shop_of(15)
    before = {labelled: asked.run(labelled) for labelled in workload.CONTENT}

    found = [f for f in (await advice(asked, before)).findings if f.kind is not Kind.MISSING_INDEX]

    assert {f.confidence for f in found} == {Confidence.MEDIUM}
    assert names(found) == {labelled.name for labelled in workload.CONTENT}
    with created(asked, found):
        after = {labelled.name: asked.run(labelled).blocks / before[labelled].blocks for labelled in before}
    asked.owner.execute("DROP EXTENSION pg_trgm")
    assert {name: share for name, share in after.items() if share > BETTER} == {}


async def test_a_skewed_column_gets_a_hint_where_calls_ask_for_rare_values(shop_of: ShopOf) -> None:
    asked = shop_of(15)

    (found,) = (await advice(asked, {RARE: asked.run(RARE)})).findings

    assert (found.rule, found.confidence) == ("skewed_column", Confidence.LOW)


async def test_an_index_that_is_wider_and_answers_alone(shop_of: ShopOf) -> None:
    asked = shop_of(15)
    totals = Labelled(
        name="totals", sql="SELECT sum(total) FROM shop.orders WHERE region_id < $1", arguments=("10",)
    )
    before = asked.run(totals)

    (found,) = (await advice(asked, {totals: before})).findings

    assert (found.kind, found.confidence) == (Kind.COVERING_INDEX, Confidence.PROVEN)
    with created(asked, [found]):
        assert asked.run(totals).blocks < before.blocks / 2
