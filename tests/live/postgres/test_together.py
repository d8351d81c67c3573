"""Small queries in one round trip: what is not to change by it, and that it is one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from time import monotonic

import pytest

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Reason, Refused, Skip
from exporter.sources.postgres.connect import APPLICATION_NAME, PostgresOptions
from exporter.sources.postgres.pipeline import Pipeline, Take
from exporter.sources.postgres.rows import Rows
from exporter.sources.postgres.server import BUSY_SECONDS, PostgresServer
from tests.servers import Postgres

pytestmark = pytest.mark.live

Ask = Callable[..., asyncio.Future[Rows]]
NOW = "SELECT now()::text, pg_backend_pid()"
ACTIVE = f"""SELECT count(*) FROM pg_stat_activity
            WHERE application_name = '{APPLICATION_NAME}' AND state = 'active'"""


@pytest.fixture
async def server(postgres: Postgres) -> AsyncIterator[PostgresServer]:
    opened = PostgresServer(PostgresOptions(postgres.dsn(), max_connections=3))
    await opened.fetch("SELECT 1", Deadline.after(5))
    yield opened
    await opened.close()


@pytest.fixture
def ask(server: PostgresServer) -> Ask:
    def ask(sql: str | Callable[[int], str], seconds: float = 5.0) -> asyncio.Future[Rows]:
        return asyncio.ensure_future(server.fetch(sql, Deadline.after(seconds), together=True))

    return ask


async def active(postgres: Postgres) -> int:
    rows = await asyncio.to_thread(postgres.execute, ACTIVE)
    return int(rows[0][0])


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many statements went out in each round trip so far."""
    found: list[int] = []
    run = Pipeline.run

    async def counted(self: Pipeline, statements: Sequence[str], take: Take) -> None:
        found.append(len(statements))
        await run(self, statements, take)

    monkeypatch.setattr(Pipeline, "run", counted)
    return found


async def test_queries_of_one_moment_go_together_and_each_is_a_transaction(
    ask: Ask, trips: list[int]
) -> None:
    for _ in range(2):  # prepared the second time
        rows = await asyncio.gather(*(ask(f"{NOW}, {n}") for n in range(20)))

        assert len({row.columns[0] for row in rows}) == 20
        assert len({row.columns[1] for row in rows}) == 1
        assert [row.columns[2] for row in rows] == [(str(n),) for n in range(20)]
        assert rows[7].names == ["now", "pg_backend_pid", "?column?"]
    assert trips == [20, 20]


async def test_a_statement_whose_columns_have_changed_is_prepared_anew(ask: Ask, postgres: Postgres) -> None:
    def create(columns: str) -> None:
        postgres.execute(f"DROP VIEW IF EXISTS public.seen; CREATE VIEW public.seen AS SELECT {columns}")

    found = []
    for columns in ("1 AS a", "'x'::text AS a", "2 AS a"):
        await asyncio.to_thread(create, columns)
        for _ in range(2):
            asked = [ask("SELECT * FROM public.seen"), ask("SELECT 1")]
            seen, other = await asyncio.gather(*asked, return_exceptions=True)
            assert isinstance(other, Rows)
            found.append(seen.columns[0][0] if isinstance(seen, Rows) else "changed")
    await asyncio.to_thread(postgres.execute, "DROP VIEW public.seen")

    assert found == ["1", "1", "changed", "x", "changed", "2"]


async def test_a_session_that_dies_in_the_middle_costs_nobody_an_answer(ask: Ask, postgres: Postgres) -> None:
    (pid,) = (await ask(NOW)).columns[1]
    asked = [ask("SELECT 1"), ask("SELECT pg_sleep(0.6)"), ask("SELECT 2")]
    await asyncio.sleep(0.1)
    await asyncio.to_thread(postgres.execute, f"SELECT pg_terminate_backend({pid})")

    assert [row.count for row in await asyncio.gather(*asked)] == [1, 1, 1]


async def test_nothing_is_cancelled_that_has_been_answered(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    cancels: list[object] = []

    async def cancel_safe(self: object, **_: object) -> None:
        cancels.append(self)

    monkeypatch.setattr("exporter.sources.postgres.session.Connection.cancel_safe", cancel_safe)
    for _ in range(20):
        await asyncio.gather(*(ask(NOW) for _ in range(5)))

    assert cancels == []


async def test_queries_of_two_moments_are_not(ask: Ask) -> None:
    first, second = await ask(NOW), await ask(NOW)

    assert first.columns[0] != second.columns[0]
    assert first.columns[1] == second.columns[1]


async def test_one_that_fails_fails_alone_and_says_why(ask: Ask) -> None:
    def unknown_to_it(_major: int) -> str:
        raise Skip(Reason.VERSION, "needs a newer one")

    for _ in range(2):
        asked = [
            ask("SELECT 1"),
            ask("SELECT missing_function()"),
            ask(unknown_to_it),
            ask("SELECT 1/0"),
            ask("SELECT 2"),
        ]
        one, missing, skipped, divided, two = await asyncio.gather(*asked, return_exceptions=True)

        assert isinstance(one, Rows)
        assert isinstance(two, Rows)
        assert (one.columns, two.columns) == ([("1",)], [("2",)])
        assert isinstance(missing, Refused)
        assert missing.reason is Reason.UNSUPPORTED
        assert isinstance(divided, Refused)
        assert isinstance(skipped, Skip)


async def test_a_slow_one_holds_up_nobody_for_long(ask: Ask) -> None:
    began = monotonic()
    before, slow, *behind = ask("SELECT 1"), ask("SELECT pg_sleep(1.5)"), ask("SELECT 2"), ask("SELECT 3")
    await before
    assert monotonic() - began < BUSY_SECONDS

    rows = await asyncio.gather(*behind)
    assert monotonic() - began < 1.2
    assert [row.columns for row in rows] == [[("2",)], [("3",)]]
    assert (await slow).columns == [("",)]
    assert monotonic() - began < 2.5


async def test_a_late_one_ends_at_its_deadline_and_leaves_nothing_behind(
    ask: Ask, postgres: Postgres
) -> None:
    began = monotonic()
    quick, late, patient = ask("SELECT 1"), ask("SELECT pg_sleep(30)", 0.5), ask("SELECT pg_sleep(0)", 3.0)
    assert (await quick).count == 1
    with pytest.raises(DeadlineExceeded):
        await late
    assert monotonic() - began < 0.7
    assert (await patient).count == 1

    while await active(postgres):
        assert monotonic() - began < 2, "a query is left behind"
        await asyncio.sleep(0.05)
    assert (await ask("SELECT 1")).count == 1


async def test_when_all_have_left_nothing_goes_on(ask: Ask, postgres: Postgres) -> None:
    asked = [ask("SELECT pg_sleep(30)"), ask("SELECT pg_sleep(30)")]
    await asyncio.sleep(0.1)
    assert await active(postgres) == 1
    for waiting in asked:
        waiting.cancel()
    began = monotonic()
    while await active(postgres):
        assert monotonic() - began < 1, "a query is left behind"
        await asyncio.sleep(0.05)
    rows = await asyncio.gather(ask(NOW), ask(NOW))
    assert rows[0].columns[1] == rows[1].columns[1]


async def test_sessions_that_died_meanwhile_are_replaced(ask: Ask, postgres: Postgres) -> None:
    before = await asyncio.gather(ask(NOW), ask(NOW))
    (pid,) = before[0].columns[1]
    await asyncio.to_thread(postgres.execute, f"SELECT pg_terminate_backend({pid})")
    after = await asyncio.gather(ask(NOW), ask(NOW), ask(NOW))

    assert {row.count for row in after} == {1}
    assert (pid,) not in [row.columns[1] for row in after]


async def test_who_asks_alone_in_its_moment_waits_for_nobody_else(server: PostgresServer, ask: Ask) -> None:
    began = monotonic()
    slow = asyncio.ensure_future(server.fetch("SELECT pg_sleep(1)", Deadline.after(5)))
    await asyncio.sleep(0.05)

    assert (await ask("SELECT 1")).count == 1
    rows = await asyncio.gather(ask("SELECT 1"), ask("SELECT 2"))
    assert monotonic() - began < 0.95
    assert [row.count for row in rows] == [1, 1]
    await slow
