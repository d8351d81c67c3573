"""Whatever a statement is, asking for its plan does nothing: nothing runs, is written or waited for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic

import pytest

from exporter.model.deadline import Deadline
from exporter.model.errors import Refused
from exporter.sources.postgres.plans import Explained, PlanOutcome
from tests.collecting import source
from tests.live.postgres.plan_servers import ServerOf, options, planning
from tests.servers import Postgres

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("plans")]

OURS = (
    "SELECT pid FROM pg_stat_activity WHERE usename = 'planner' AND application_name = 'datastack-exporter'"
)


async def explain(server: Postgres, text: str, user: str = "planner") -> Explained:
    async with planning(server, user) as session:
        return await session.explain(text, Deadline.after(5))


@contextmanager
def function(server: Postgres, body: str, name: str = "evil", kind: str = "IMMUTABLE") -> Iterator[None]:
    """A function of an ordinary user, which says that planning may run it."""
    server.execute(
        f"CREATE FUNCTION public.{name}() RETURNS int LANGUAGE plpgsql {kind}"
        f" AS $f$BEGIN {body} RETURN 1; END$f$;"
        f" ALTER FUNCTION public.{name}() OWNER TO app"
    )
    try:
        yield
    finally:
        server.execute(f"DROP FUNCTION public.{name}()")


HARMFUL = (
    "EXPLAIN ANALYZE DELETE FROM shop.queue",
    "explain (analyze) delete from shop.queue",
    "/* SELECT 1 */ EXPLAIN ANALYZE DELETE FROM shop.queue",
    "ANALYZE DELETE FROM shop.queue",
    "DELETE FROM shop.queue; SELECT 1",
    "SELECT 1; DELETE FROM shop.queue",
    "SELECT 1; COMMIT; DELETE FROM shop.queue",
    "SELECT 1; COMMIT; BEGIN READ WRITE; DELETE FROM shop.queue; COMMIT",
    "SELECT 1 -- ;\n; DELETE FROM shop.queue",
    "SELECT 1 /* ; */ ; DELETE FROM shop.queue",
    "SELECT $tag$ ; $tag$; DELETE FROM shop.queue",
    "SELECT 'it\\'; DELETE FROM shop.queue; --'",
    "(ANALYZE) DELETE FROM shop.queue",
    "ANALYZE) DELETE FROM shop.queue",
    "EXECUTE datastack_exporter_plan; DELETE FROM shop.queue",
    "SELECT * INTO shop.copied FROM shop.queue",
    "CREATE TABLE shop.copied AS SELECT * FROM shop.queue",
    "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM shop.queue",
    "COPY shop.queue TO '/tmp/queue'",
    "TRUNCATE shop.queue",
    "DO $$BEGIN DELETE FROM shop.queue; END$$",
    "SET SESSION AUTHORIZATION app",
    "PREPARE x AS DELETE FROM shop.queue",
    "WITH gone AS (DELETE FROM shop.queue RETURNING *) SELECT * FROM gone",
    "DELETE FROM shop.queue",
    "UPDATE shop.products SET price = 0",
    "SELECT shop.touched(1)",
    "SELECT nextval('shop.queue_id_seq')",
    "SELECT pg_advisory_lock(42)",
    "SELECT set_config('role', 'app', false)",
    "SELECT pg_terminate_backend(pg_backend_pid())",
    "SELECT * FROM shop.orders WHERE id = shop.touched(1)",
)
WITH_PLANS = 9 + 1
"""Those at the end that one may plan, and the one whose harm stands in a string."""
STATE = """
SELECT (SELECT count(*) FROM shop.queue), (SELECT sum(price) FROM shop.products),
       (SELECT count(*) FROM shop.called),
       (SELECT last_value FROM shop.queue_id_seq), to_regclass('shop.copied'),
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),
       pg_snapshot_xmax(pg_current_snapshot())::text
"""


@pytest.mark.parametrize("major", [13, 18])
async def test_nothing_of_a_statement_is_executed(shop_of: ServerOf, major: int) -> None:
    server = shop_of(major)
    before = server.execute(STATE)
    found = {}
    async with planning(server) as session:
        for text in HARMFUL:
            found[text] = await session.explain(text, Deadline.after(5))

    assert server.execute(STATE) == before
    for text in HARMFUL[:-WITH_PLANS]:
        explained = found[text]
        if explained.plan is not None:
            assert "INTO" in text, text
            assert not any("Actual" in key for key in explained.plan)
    assert all(found[text].plan is not None for text in HARMFUL[-WITH_PLANS:])
    assert {e.outcome for e in found.values()} == {PlanOutcome.OK, PlanOutcome.UTILITY, PlanOutcome.SYNTAX}


@pytest.mark.parametrize("major", [13, 18])
async def test_the_server_refuses_what_the_tokenizer_would_let_through(
    shop_of: ServerOf, major: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.sources.postgres.planning.refused_at_sight", lambda _text: None)
    server = shop_of(major)
    before = server.execute(STATE)
    found = {}
    async with planning(server) as session:
        for text in HARMFUL[:-WITH_PLANS]:
            found[text] = await session.explain(text, Deadline.after(5))

    assert server.execute(STATE) == before
    allowed = {text for text, explained in found.items() if explained.plan is not None}
    assert allowed <= {text for text in HARMFUL if "INTO" in text}


CALLING = "SELECT * FROM shop.orders WHERE id = public.evil()"
EVIL: dict[str, str] = {
    "program": "COPY (SELECT 1) TO PROGRAM 'touch {folder}/made';",
    "program_by_another": "PERFORM public.worse();",
    "server_file": "PERFORM pg_read_file('/etc/passwd');",
    "copy_to_file": "COPY (SELECT 1) TO '{folder}/made';",
    "table": "INSERT INTO shop.called VALUES ('evil');",
    "table_by_another": "PERFORM public.writes();",
    "read_write": "PERFORM set_config('transaction_read_only', 'off', true); PERFORM public.writes();",
    "role": "PERFORM set_config('role', 'postgres', true);",
    "commit": "COMMIT;",
    "superuser": "ALTER ROLE planner SUPERUSER;",
    "superuser_by_another": "PERFORM public.promotes();",
    "lock": "PERFORM pg_advisory_lock(42);",
    "prepared": "PERFORM public.prepares();",
    "settings": "PERFORM set_config('statement_timeout', '0', false), set_config('role', 'none', false);",
}


@pytest.mark.parametrize("major", [18])
async def test_a_function_that_planning_runs_can_do_nothing(shop_of: ServerOf, major: int) -> None:
    server = shop_of(major)
    folder = Path(server.process.data)
    volatile = {
        "worse": "COPY (SELECT 1) TO PROGRAM 'touch {folder}/made';",
        "writes": "INSERT INTO shop.called VALUES ('evil');",
        "promotes": "ALTER ROLE planner SUPERUSER;",
        "prepares": "EXECUTE 'PREPARE left_behind AS SELECT 1';",
    }
    before = server.execute(STATE)
    found = {}
    with ExitStack() as functions:
        for name, body in volatile.items():
            functions.enter_context(function(server, body.format(folder=folder), name, "VOLATILE"))
        with function(server, EVIL["program_by_another"]):
            server.execute(f"EXPLAIN {CALLING}")
        assert (folder / "made").exists(), "what it does where a superuser plans"
        (folder / "made").unlink()
        async with planning(server) as session:
            for name, body in EVIL.items():
                with function(server, body.format(folder=folder)):
                    found[name] = [await session.explain(CALLING, Deadline.after(5)) for _ in range(2)]
            after = server.execute(STATE)

    assert not (folder / "made").exists()
    assert server.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'planner'") == [(False,)]
    assert after[0][:-1] == before[0][:-1]  # its makers had transactions
    assert all(first == second for first, second in found.values()), "something was left behind"
    harmless = {name for name, (explained, _) in found.items() if explained.plan is not None}
    assert harmless == {"lock", "prepared", "settings"}
    for name in found.keys() - harmless:
        assert found[name][0].detail.endswith(" in a function that planning ran"), name


async def test_what_a_function_raises_is_not_passed_on(shop_of: ServerOf) -> None:
    server = shop_of(15)
    raised = "RAISE EXCEPTION 'relation \"%\" does not exist', (SELECT min(email) FROM shop.customers)"
    with function(server, f"{raised} USING ERRCODE = '42P01';"):
        found = await explain(server, "SELECT public.evil()")

    assert (found.outcome, found.detail) == (
        PlanOutcome.UNDEFINED,
        "SQLSTATE 42P01 in a function that planning ran",
    )


@pytest.mark.parametrize(
    ("grants", "said"),
    [
        ("ALTER ROLE mighty SUPERUSER", "is a superuser"),
        ("GRANT postgres TO mighty", "can become one"),
        ("CREATE ROLE between; GRANT postgres TO between; GRANT between TO mighty", "can become one"),
        (
            "ALTER ROLE mighty NOINHERIT; GRANT pg_execute_server_program TO mighty",
            "pg_execute_server_program",
        ),
        (
            "GRANT pg_read_server_files, pg_write_server_files TO mighty",
            "pg_read_server_files, pg_write_server",
        ),
        ("GRANT pg_signal_backend TO mighty", "pg_signal_backend"),
        ("ALTER ROLE mighty REPLICATION", "REPLICATION"),
    ],
)
async def test_who_could_do_harm_gets_no_plans(shop_of: ServerOf, grants: str, said: str) -> None:
    server = shop_of(15)
    server.execute(f"CREATE ROLE mighty LOGIN PASSWORD 'secret'; {grants}")
    try:
        with pytest.raises(Refused, match=said):
            await explain(server, "SELECT 1", user="mighty")
    finally:
        server.execute("DROP ROLE mighty; DROP ROLE IF EXISTS between")


async def test_who_becomes_a_superuser_gets_no_more_plans(shop_of: ServerOf) -> None:
    server = shop_of(15)
    async with planning(server) as session:
        before = await session.explain("SELECT 1", Deadline.after(5))
        server.execute("ALTER ROLE planner SUPERUSER")
        try:
            after = await session.explain("SELECT 1", Deadline.after(5))
        finally:
            server.execute("ALTER ROLE planner NOSUPERUSER")

    assert (before.outcome, after.outcome) == (PlanOutcome.OK, PlanOutcome.SUPERUSER)


@pytest.mark.parametrize("major", [13, 18])
@pytest.mark.parametrize("text", ["SELECT * FROM shop.orders", "DELETE FROM shop.orders"])
async def test_no_lock_is_waited_for_longer_than_the_limit(shop_of: ServerOf, major: int, text: str) -> None:
    server = shop_of(major)
    async with planning(server, plan_lock_timeout_seconds=0.1) as session:
        with server.connect() as holder:
            holder.execute("BEGIN")
            holder.execute("LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE")
            started = monotonic()
            found = await session.explain(text, Deadline.after(5))
            waited = monotonic() - started
        after = await session.explain(text, Deadline.after(5))
        held = server.execute("SELECT count(*) FROM pg_locks WHERE relation = 'shop.orders'::regclass")

    assert (found.outcome, after.outcome) == (PlanOutcome.LOCK, PlanOutcome.OK)
    assert 0.1 <= waited < 0.4
    assert held == [(0,)]


async def test_planning_ends_in_time_and_the_next_statement_has_its_turn(shop_of: ServerOf) -> None:
    server = shop_of(15)
    with function(server, "PERFORM pg_sleep(20);"):
        async with planning(server, plan_timeout_seconds=0.2) as session:
            started = monotonic()
            found = await session.explain("SELECT public.evil()", Deadline.after(5))
            took = monotonic() - started
            sooner = await session.explain("SELECT public.evil()", Deadline.after(0.05))
            after = await session.explain("SELECT 1", Deadline.after(5))

    assert (found.outcome, sooner.outcome, after.outcome) == (
        PlanOutcome.TIMEOUT,
        PlanOutcome.TIMEOUT,
        PlanOutcome.OK,
    )
    assert 0.2 <= took < 0.6


async def test_a_function_that_catches_cancel_requests_is_ended_all_the_same(shop_of: ServerOf) -> None:
    server = shop_of(15)
    deaf = "LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN END; END LOOP;"
    with function(server, deaf):
        async with source(options(server, "planner", plan_timeout_seconds=0.1)) as target:
            async with target.plan_session(Deadline.after(5)) as session:
                found = await session.explain("SELECT public.evil()", Deadline.after(0.3))
                after = await session.explain("SELECT 1", Deadline.after(5))
            until = monotonic() + 10
            while any(pid for (pid,) in server.execute(f"{OURS} AND state = 'active'")):
                assert monotonic() < until
                await target.fetch("SELECT pg_sleep(0.02)", Deadline.after(5))

    assert (found.outcome, after.outcome) == (PlanOutcome.TIMEOUT, PlanOutcome.UNAVAILABLE)


async def test_a_session_that_ends_in_between_is_an_outcome(shop_of: ServerOf) -> None:
    server = shop_of(15)
    async with planning(server) as session:
        await session.explain("SELECT 1", Deadline.after(5))
        server.execute(f"SELECT pg_terminate_backend(pid) FROM ({OURS}) AS ours")
        found = [(await session.explain("SELECT 1", Deadline.after(5))).outcome for _ in range(2)]

    assert found == [PlanOutcome.UNAVAILABLE] * 2
