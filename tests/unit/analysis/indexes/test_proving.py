"""The search over a session that plans: a small planner of ours stands for the server's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from exporter.analysis.finding import Confidence, Finding, Kind, Severity
from exporter.analysis.indexes.advice import Surroundings
from exporter.analysis.indexes.proving import missing_indexes
from exporter.facts.relations import Index, Relation
from exporter.facts.statement import Statement
from exporter.model.deadline import Deadline
from exporter.sources.postgres.plans import Explained, Hypothetical, PlanOutcome
from tests.unit.analysis.indexes.making import Node, column, index, node, relations, scan, statement, table

ORDERS = table(1, "orders", column("a", 10_000), column("b", 100), column("at", -1))
HOUR = Surroundings(seconds=3600)

Planner = Callable[[str, set[str]], Node | None]
"""From a text and the bodies of the indexes that are pretended to a plan."""


class Asked(NamedTuple):
    """One question of the search."""

    text: str
    tables: tuple[str, ...]
    user: str
    search_path: str


class Session:
    """Plans by a function; what is pretended lives until it is dropped."""

    generic_plan = True

    def __init__(self, planner: Planner, *, hypopg: bool = True, refuses: str = "") -> None:
        self.hypopg = hypopg
        self.pretended: dict[str, str] = {}
        self.planned: list[Asked] = []
        self._planner, self._refuses = planner, refuses

    async def explain(
        self,
        text: str,
        deadline: Deadline,
        tables: tuple[str, ...] = (),
        *,
        user: str = "",
        search_path: str = "",
    ) -> Explained:
        assert deadline.left() > 0
        self.planned.append(Asked(text, tables, user, search_path))
        plan = self._planner(text, set(self.pretended))
        outcome = PlanOutcome.OK if plan else PlanOutcome.PERMISSION
        return Explained(outcome, plan, "public")

    async def add_index(self, definition: str) -> Hypothetical | None:
        body = definition.partition("shop.orders ")[2]
        if body == self._refuses:
            return None
        name = f"<{len(self.pretended) + 1}>{body}"
        self.pretended[body] = name
        return Hypothetical(len(self.pretended), name, 1_000_000)

    async def drop_indexes(self) -> None:
        self.pretended.clear()


def by_index(condition: str, best: dict[str, float], whole: float = 3000) -> Planner:
    """A scan with this condition: an index scan with the cheapest of the indexes that there are."""

    def plan(_text: str, pretended: set[str]) -> Node:
        usable = [body for body in best if body in pretended]
        if not usable:
            return scan(condition=condition, cost=whole)
        body = min(usable, key=lambda each: best[each])
        name = f"<{sorted(pretended).index(body) + 1}>{body}" if len(pretended) > 1 else f"<1>{body}"
        return {**scan(condition=condition, cost=best[body]), "Node Type": "Index Scan", "Index Name": name}

    return plan


async def found(
    session: Session, *statements: Statement, indexes: tuple[Index, ...] = (), orders: Relation = ORDERS,
    around: Surroundings = HOUR, **more: Any,
) -> list[Finding]:  # fmt: skip
    known = relations([orders], *indexes, **more)
    advice = await missing_indexes(session, known, statements or [statement()], Deadline.after(30), around)
    assert session.pretended == {}
    return list(advice.findings)


async def test_what_the_planner_uses_is_proven() -> None:
    session = Session(by_index("(orders.a = $1)", {"(a)": 8.0}))

    (finding,) = await found(session)

    assert (finding.kind, finding.confidence, finding.severity) == (
        Kind.MISSING_INDEX, Confidence.PROVEN, Severity.INFO,
    )  # fmt: skip
    assert finding.sql == ("CREATE INDEX CONCURRENTLY orders_a_idx ON shop.orders (a);",)
    assert 9.9 < finding.weight < 10
    evidence = {each.name: each.value for each in finding.evidence}
    assert (evidence["plan cost now"], evidence["plan cost with the index"]) == (3000, 8)
    assert "SHARE UPDATE EXCLUSIVE" in finding.cost


async def test_what_the_planner_does_not_use_is_not_suggested() -> None:
    assert await found(Session(by_index("(orders.a = $1)", {}))) == []
    assert await found(Session(by_index("(orders.a = $1)", {"(a)": 2200.0}))) == []
    assert await found(Session(by_index("(orders.a = $1)", {"(a)": 8.0}), refuses="(a)")) == []


async def test_much_time_makes_a_warning() -> None:
    slow = statement(exec_ms=3_600_000.0)

    (finding,) = await found(Session(by_index("(orders.a = $1)", {"(a)": 8.0})), slow)

    assert finding.severity is Severity.WARNING


async def test_the_wider_index_is_taken_where_it_is_much_better() -> None:
    condition = "((orders.a = $1) AND (orders.b = $2))"

    narrow = await found(Session(by_index(condition, {"(a)": 20.0, "(a, b)": 8.0})))
    wide = await found(Session(by_index(condition, {"(a)": 900.0, "(a, b)": 8.0})))

    assert [f.title for f in narrow] == ["Missing index on shop.orders (a)"]
    assert [f.title for f in wide] == ["Missing index on shop.orders (a, b)"]


async def test_one_index_serves_two_statements() -> None:
    one = by_index("(orders.a = $1)", {"(a)": 8.0, "(a, b)": 9.0})
    two = by_index("((orders.a = $1) AND (orders.b = $2))", {"(a)": 900.0, "(a, b)": 8.0})
    session = Session(lambda text, there: (one if "one" in text else two)(text, there))

    findings = await found(session, statement("SELECT one", "one"), statement("SELECT two", "two"))

    assert [(f.title, [key.id for key in f.statements]) for f in findings] == [
        ("Missing index on shop.orders (a, b)", ["one", "two"])
    ]


async def test_a_wider_index_that_serves_badly_replaces_nothing() -> None:
    one = by_index("(orders.a = $1)", {"(a)": 8.0, "(a, b)": 1000.0})
    two = by_index("((orders.a = $1) AND (orders.b = $2))", {"(a)": 900.0, "(a, b)": 8.0})
    session = Session(lambda text, there: (one if "one" in text else two)(text, there))

    findings = await found(session, statement("SELECT one", "one"), statement("SELECT two", "two"))

    assert {f.title[-6:].lstrip("rs ") for f in findings} == {"(a)", "(a, b)"}


async def test_both_sides_of_an_or_are_pretended_together() -> None:
    condition = "((orders.a = $1) OR (orders.b = $2))"

    def plan(_text: str, pretended: set[str]) -> Node:
        if pretended != {"(a)", "(b)"}:
            return scan(condition=condition)
        below = [{"Node Type": "Bitmap Index Scan", "Index Name": name} for name in ("<1>(a)", "<2>(b)")]
        return {**scan(cost=20), "Node Type": "Bitmap Heap Scan", "Plans": below}

    findings = await found(Session(plan))

    assert {f.title for f in findings} == {
        "Missing index on shop.orders (a)",
        "Missing index on shop.orders (b)",
    }


async def test_five_at_most_for_a_table() -> None:
    columns = [column(name, 10_000) for name in "abcdefg"]
    condition = "(orders.{} = $1)"

    def plan(text: str, pretended: set[str]) -> Node | None:
        return by_index(condition.format(text[-1]), {f"({text[-1]})": 8.0})(text, pretended)

    asked = [statement(f"SELECT {name}", name, exec_ms=float(ord(name))) for name in "abcdefg"]

    findings = await found(Session(plan), *asked, orders=table(1, "orders", *columns))

    assert [[key.id for key in f.statements] for f in findings] == [["g"], ["f"], ["e"], ["d"], ["c"]]


async def test_an_index_that_costs_more_than_it_saves_is_not_suggested() -> None:
    busy = table(1, "orders", column("a", 10_000), n_tup_ins=10**9)
    session = Session(by_index("(orders.a = $1)", {"(a)": 8.0}))

    assert await found(session, orders=busy, statistics_seconds=100_000.0) == []
    assert len(await found(session, orders=busy, statistics_seconds=1000.0)) == 1, "too young to tell"


async def test_updates_that_can_not_be_hot_any_more_are_named() -> None:
    hot = table(1, "orders", column("a", 10_000), n_tup_upd=1000, n_tup_hot_upd=900)
    session = Session(by_index("(orders.a = $1)", {"(a)": 8.0}))
    update = statement("UPDATE shop.orders SET a = $1 WHERE a = $2", "u", exec_ms=1.0)

    (finding,) = await found(session, statement(), update, orders=hot, statistics_seconds=100_000.0)

    assert "Updates of a can't be HOT any more, as 90% are now." in finding.cost


async def test_an_invalid_index_is_built_again() -> None:
    session = Session(by_index("(orders.a = $1)", {"(a)": 8.0}))

    (finding,) = await found(session, indexes=(index("orders_a", "a", valid=False),))

    assert finding.sql[1] == "REINDEX INDEX CONCURRENTLY shop.orders_a;"
    assert not [sql for sql in finding.sql if "CREATE" in sql]


async def test_an_index_that_is_outdone_is_named_and_not_dropped() -> None:
    session = Session(by_index("((orders.a = $1) AND (orders.b = $2))", {"(a, b)": 8.0}))

    (finding,) = await found(session, indexes=(index("orders_a", "a"),))

    assert finding.sql[1].startswith("-- shop.orders_a ")
    assert "DROP" not in " ".join(finding.sql)


async def test_without_hypopg_it_is_estimated_and_says_so() -> None:
    session = Session(by_index("(orders.a = $1)", {"(a)": 8.0}), hypopg=False)

    (finding,) = await found(session)

    assert finding.confidence is Confidence.MEDIUM
    assert "unverified" in finding.why
    assert "plan cost with the index, unverified" in {each.name for each in finding.evidence}
    assert len(session.planned) == 1


async def test_an_index_that_lacks_a_column_is_completed() -> None:
    there = index("orders_a", "a")

    def plan(_text: str, pretended: set[str]) -> Node:
        name, kind, cost = "orders_a", "Index Scan", 900.0
        if "(a) INCLUDE (b)" in pretended:
            name, kind, cost = "<1>(a) INCLUDE (b)", "Index Only Scan", 20.0
        below = {
            **scan(rows=500, cost=cost),
            "Node Type": kind,
            "Index Name": name,
            "Index Cond": "(orders.a = $1)",
        }
        return node("Aggregate", below, cost=cost, Output=["sum(b)"])

    (finding,) = await found(Session(plan), indexes=(there,))

    assert (finding.kind, finding.confidence) == (Kind.COVERING_INDEX, Confidence.PROVEN)
    assert finding.sql[0].endswith("ON shop.orders (a) INCLUDE (b);")


async def test_an_index_that_is_read_for_its_order_alone_is_not_completed() -> None:
    def plan(_text: str, pretended: set[str]) -> Node:
        name, kind, cost = "orders_a", "Index Scan", 900.0
        if "(a) INCLUDE (b)" in pretended:
            name, kind, cost = "<1>(a) INCLUDE (b)", "Index Only Scan", 20.0
        below = {**scan(rows=500, cost=cost), "Node Type": kind, "Index Name": name}
        return node("Limit", below, cost=cost, Output=["b"])

    assert await found(Session(plan), indexes=(index("orders_a", "a"),)) == []


async def test_what_is_not_planned_is_a_gap() -> None:
    known = relations([ORDERS])

    advice = await missing_indexes(Session(lambda *_: None), known, [statement()], Deadline.after(30), HOUR)
    late = await missing_indexes(
        Session(by_index("(orders.a = $1)", {"(a)": 8.0})), known, [statement()], Deadline.after(0), HOUR
    )

    (gap,) = advice.gaps
    assert gap.what == "plans of 1 of 1 statement"
    assert "GRANT" in gap.remedy
    assert [key.id for key in advice.explained] == ["s"]
    assert [(gap.what, gap.why) for gap in late.gaps] == [
        ("plans of 1 of 1 statement", "There was no time left.")
    ]
    assert advice.findings == late.findings == ()


async def test_a_limit_is_planned_with_what_calls_got() -> None:
    session = Session(by_index("(orders.a = $1)", {}))

    await found(session, statement("SELECT 1 LIMIT $1", rows=50_000.0))

    assert session.planned[0].text == "SELECT 1 LIMIT (coalesce(500, $1))"


async def test_a_statement_is_planned_as_its_role_and_then_with_the_path_that_worked() -> None:
    session = Session(by_index("(orders.a = $1)", {"(a)": 8.0}))

    await found(session)

    assert session.planned[0] == Asked("SELECT 1", ("shop.orders",), "app", "")
    assert {asked.search_path for asked in session.planned[1:]} == {"public"}


async def test_tables_that_a_plan_does_not_show_get_nothing() -> None:
    session = Session(lambda *_: {**scan("other", "(other.a = $1)"), "Schema": "elsewhere"})

    assert await found(session) == []
