"""PgBouncer dies, freezes, comes back, refuses: the page is in time and true, and nothing piles up."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import psutil
import pytest
from structlog.testing import capture_logs

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded
from tests.live.pool.conftest import Page, Scraper
from tests.live.pool.workload import client
from tests.servers import PgBouncer

pytestmark = pytest.mark.live

Make = Callable[..., Scraper]


async def timed(one: Scraper, seconds: float = 5.0) -> tuple[Page, float]:
    """A scrape, and how long it took."""
    began = monotonic()
    page = await one.scrape(seconds)
    return page, monotonic() - began


def assert_down(page: Page) -> None:
    assert page.value("pgbouncer_up") == 0
    shown = {name for name in page.samples if name.startswith("pgbouncer_")}
    assert shown == {"pgbouncer_up"}
    assert page.reasons == {"unavailable"}


def assert_whole(page: Page) -> None:
    assert page.value("pgbouncer_up") == 1
    assert page.reasons == set()


def sockets(port: int) -> int:
    """TCP sockets of this process to the port, whatever their state."""
    connections = psutil.Process().net_connections("tcp")
    return len([c for c in connections if c.raddr[1:] == (port,)])


def our_ports(server: PgBouncer) -> set[int]:
    """Our ends of the connections that the console counts as the exporter's."""
    clients = server.console("SHOW CLIENTS")
    return {c["port"] for c in clients if c["application_name"] == "datastack-exporter"}


def descriptors() -> int:
    return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))


async def test_killed_is_down_at_once_and_up_at_once(fresh_pooler: PgBouncer, scraper: Make) -> None:
    one = scraper(fresh_pooler.dsn(user="stats"))
    assert_whole(await one.scrape())
    fresh_pooler.kill()
    page, seconds = await timed(one)  # the connection of the last scrape is still there, and dead
    assert_down(page)
    assert seconds < 0.5
    for _ in range(5):
        page, seconds = await timed(one)
        assert_down(page)
        assert seconds < 1.5
    assert "refused" in page.outcomes["pgbouncer_pools"].text
    fresh_pooler.start()
    page, seconds = await timed(one)
    assert_whole(page)
    assert seconds < 1.5


async def test_never_there(fresh_pooler: PgBouncer, scraper: Make) -> None:
    one = scraper(fresh_pooler.dsn(user="stats"))
    fresh_pooler.stop()
    page, seconds = await timed(one)
    assert_down(page)
    assert seconds < 0.5
    fresh_pooler.start()
    assert_whole(await one.scrape())


async def test_a_restart_between_two_scrapes_is_not_seen(fresh_pooler: PgBouncer, scraper: Make) -> None:
    one = scraper(fresh_pooler.dsn(user="stats"))
    for _ in range(3):
        assert_whole(await one.scrape())
        fresh_pooler.restart()
    assert_whole(await one.scrape())


async def test_frozen_answers_in_time_and_gathers_nothing(fresh_pooler: PgBouncer, scraper: Make) -> None:
    one = scraper(fresh_pooler.dsn(user="stats"), connect_timeout_seconds=2.0)
    assert_whole(await one.scrape())
    tasks, fds = len(asyncio.all_tasks()), descriptors()
    fresh_pooler.freeze()
    try:
        with capture_logs() as lines:
            page, seconds = await timed(one, 1.0)
        assert_down(page)
        assert 0.9 < seconds < 1.1  # the first has to wait: it may be only slow
        assert [line["event"] for line in lines] == ["target is down"]
        most_sockets = most_tasks = most_fds = 0
        slowest = 0.0
        for _ in range(30):
            page, seconds = await timed(one, 1.0)
            assert_down(page)
            slowest = max(slowest, seconds)
            most_sockets = max(most_sockets, sockets(fresh_pooler.port))
            most_tasks = max(most_tasks, len(asyncio.all_tasks()))
            most_fds = max(most_fds, descriptors())
        print(f"frozen: slowest {slowest:.2f} s, {most_sockets} sockets, {most_tasks - tasks} tasks more")
        assert slowest < 0.4
        assert most_sockets <= 3  # the attempt, the connection that is given up, its cancel request
        assert most_tasks <= tasks + 3
        assert most_fds <= fds + 8
    finally:
        fresh_pooler.thaw()
    with capture_logs() as lines:
        page, seconds = await timed(one)
    assert_whole(page)
    assert seconds < 0.5
    assert [line["event"] for line in lines] == ["target is up"]
    await asyncio.sleep(1.3)
    assert sockets(fresh_pooler.port) == 1  # the one that is kept
    assert len(asyncio.all_tasks()) <= tasks


async def test_frozen_before_the_first_scrape(fresh_pooler: PgBouncer, scraper: Make) -> None:
    one = scraper(fresh_pooler.dsn(user="stats"))
    fresh_pooler.freeze()
    try:
        page, seconds = await timed(one, 0.5)
        assert page.value("pgbouncer_up") == 0
        assert seconds < 0.6
        page, seconds = await timed(one, 5.0)
        assert_down(page)
        assert seconds < 0.4
    finally:
        fresh_pooler.thaw()
    assert_whole(await one.scrape())


async def test_one_slow_answer_is_not_taken_for_a_frozen_target(
    fresh_pooler: PgBouncer, scraper: Make
) -> None:
    source = scraper(fresh_pooler.dsn(user="stats")).source
    assert await source.show("VERSION", Deadline.after(5))
    fresh_pooler.freeze()
    with pytest.raises(DeadlineExceeded):
        await source.show("POOLS", Deadline.after(0.05))
    fresh_pooler.thaw()
    assert not source.gate.hanging  # who had no time says nothing about the target
    assert await source.show("VERSION", Deadline.after(5))


async def test_a_caller_that_leaves_leaves_nothing(fresh_pooler: PgBouncer, scraper: Make) -> None:
    source = scraper(fresh_pooler.dsn(user="stats")).source
    assert await source.show("VERSION", Deadline.after(5))
    tasks = len(asyncio.all_tasks())
    fresh_pooler.freeze()
    task = asyncio.create_task(source.show("POOLS", Deadline.after(5)))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.sleep(1.1)  # the cancel request and the wait for its effect
    assert sockets(fresh_pooler.port) == 0
    assert len(asyncio.all_tasks()) == tasks
    fresh_pooler.thaw()
    assert set((await source.show("LISTS", Deadline.after(5)))[0]) == {"list", "items"}


async def test_a_caller_that_leaves_does_not_disturb_the_next(fresh_pooler: PgBouncer, scraper: Make) -> None:
    source = scraper(fresh_pooler.dsn(user="stats")).source
    assert await source.show("VERSION", Deadline.after(5))
    before = our_ports(fresh_pooler)
    fresh_pooler.freeze()
    task = asyncio.create_task(source.show("POOLS", Deadline.after(5)))
    waiting = asyncio.create_task(source.show("LISTS", Deadline.after(5)))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.wait({task})
    fresh_pooler.thaw()
    assert set((await waiting)[0]) == {"list", "items"}
    assert our_ports(fresh_pooler).isdisjoint(before)  # what is asked next never follows an open question


@pytest.mark.usefixtures("waits_for_clients")
async def test_it_does_not_hold_up_the_end_of_pgbouncer(fresh_pooler: PgBouncer, scraper: Make) -> None:
    """From 1.23 on it waits for its last client: nothing of ours may stay, however often it is scraped."""
    one = scraper(fresh_pooler.dsn(user="stats"))
    seen = set()
    for _ in range(8):
        assert_whole(await one.scrape())
        seen |= our_ports(fresh_pooler)
        await asyncio.sleep(0.3)
    assert len(seen) >= 2
    await asyncio.sleep(1.1)
    assert [c["application_name"] for c in fresh_pooler.console("SHOW CLIENTS")] == [""]


@pytest.mark.parametrize(
    ("user", "password", "remedy"),
    [
        ("stats", "wrong", "compare user and password"),
        ("nobody", "wrong", "compare user and password"),
        ("postgres", "postgres", "stats_users"),
    ],
)
async def test_a_refused_login_says_what_to_do(
    fresh_pooler: PgBouncer, scraper: Make, user: str, password: str, remedy: str
) -> None:
    one = scraper(fresh_pooler.dsn(user=user, password=password))
    page, seconds = await timed(one)
    assert_down(page)
    assert seconds < 0.5
    text = page.outcomes["pgbouncer_up"].text
    assert remedy in text
    assert text.startswith(f"pgbouncer at 127.0.0.1:{fresh_pooler.port}: ")
    assert password == "postgres" or password not in text
    assert sockets(fresh_pooler.port) == 0


async def test_closing_ends_all_at_once(fresh_pooler: PgBouncer, scraper: Make) -> None:
    one = scraper(fresh_pooler.dsn(user="stats"))
    assert_whole(await one.scrape())
    with client(fresh_pooler):
        began = monotonic()
        await one.source.close()
        assert monotonic() - began < 0.2
    assert sockets(fresh_pooler.port) == 0
    fresh_pooler.freeze()
    other = scraper(fresh_pooler.dsn(user="stats"))
    try:
        await other.scrape(0.3)
        began = monotonic()
        await other.source.close()
        assert monotonic() - began < 1.2
        await asyncio.sleep(0.05)
        assert sockets(fresh_pooler.port) == 0
    finally:
        fresh_pooler.thaw()
