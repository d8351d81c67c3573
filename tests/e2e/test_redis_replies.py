"""The daemon beside a Redis whose replies are spoiled on the way: a proxy cuts, delays and replaces them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.judge import HANGING, Samples, count_lines, failed, others_whole, reasons, timed_scrape, value
from tests.servers import Exporter, PgBouncer, Postgres, Redis
from tests.servers.redis_proxy import Cut, RedisProxy, Spoil, Words, honest

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("redis_replies")]

MEMORY_BYTES = 150 * 2**20
"""What an answer without an end may cost us; at the speed of loopback, gigabytes come in time."""


@pytest.fixture(scope="module")
def proxy(redis: Redis) -> Iterator[RedisProxy]:
    with RedisProxy(redis) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def daemon(proxy: RedisProxy, postgres: Postgres, pgbouncer: PgBouncer) -> Iterator[Exporter]:
    with Exporter(
        postgres__dsn=postgres.dsn(), pgbouncer__dsn=pgbouncer.dsn(user="stats"), redis__address=proxy.url
    ) as daemon:
        daemon.scrape()
        yield daemon


@pytest.fixture
def exporter(daemon: Exporter, proxy: RedisProxy) -> Iterator[Exporter]:
    """Whole at the first scrape after the test, as it was before."""
    yield daemon
    proxy.spoil = honest
    whole(timed_scrape(daemon))


def whole(samples: Samples) -> None:
    others_whole(samples)
    assert {"redis_memory_used_bytes", "redis_config_maxclients", "redis_slowlog_length"} <= set(samples)
    assert {"redis_db_keys", "redis_commands_total"} <= set(samples)


def down(samples: Samples) -> None:
    """The page says that Redis is down and why, and shows all else."""
    assert value(samples, "redis_up") == 0
    assert {name for name in samples if name.startswith("redis_")} == {"redis_up"}
    unavailable(samples)


def unavailable(samples: Samples) -> None:
    """That is the reason of all that is missing, and only of Redis."""
    assert {reason for name, reason in reasons(samples) if name in failed(samples, "redis")} == {
        "unavailable"
    }
    others_whole(samples, "redis")


def said(exporter: Exporter, before: str) -> str:
    """What was logged since."""
    return exporter.log.removeprefix(before)


def instead(reply: bytes, *of: str) -> Spoil:
    """The same reply to each command, or to those named."""

    async def spoil(words: Words, true: bytes) -> AsyncIterator[bytes]:
        yield reply if not of or words[0] in of else true

    return spoil


def of_info(change: Callable[[bytes], bytes]) -> Spoil:
    """INFO's text changed, in a whole reply."""

    async def spoil(words: Words, true: bytes) -> AsyncIterator[bytes]:
        if words[0] == "INFO":
            text = change(true.partition(b"\r\n")[2][:-2])
            yield b"$%d\r\n%b\r\n" % (len(text), text)
        else:
            yield true

    return spoil


async def half_and_closed(words: Words, true: bytes) -> AsyncIterator[bytes]:
    yield true[: len(true) // 2]
    if words[0] == "INFO":
        raise Cut
    yield true[len(true) // 2 :]


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        pytest.param(half_and_closed, "Connection closed by server", id="half a reply"),
        pytest.param(instead(bytes(range(256))), "reply type byte", id="garbage"),
        pytest.param(instead(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "reply type byte", id="a web server"),
        pytest.param(instead(b"$12\r\nsixteen bytes!\r\n"), "", id="a wrong length"),
        pytest.param(instead(b"+OK\r\n", "INFO"), "INFO", id="INFO is a status"),
        pytest.param(instead(b":1\r\n", "INFO"), "INFO", id="INFO is a number"),
        pytest.param(instead(b"$-1\r\n", "INFO"), "INFO", id="INFO is nil"),
        pytest.param(instead(b"*1\r\n*1\r\n$1\r\nx\r\n", "INFO"), "INFO", id="INFO is a list"),
        pytest.param(of_info(lambda _: b"# Server\r\n\x00\xff"), "INFO", id="INFO has no field"),
        pytest.param(instead(b"-MOVED\r\n", "INFO"), "", id="an error that is cut"),
    ],
)
def test_what_is_no_answer(exporter: Exporter, proxy: RedisProxy, spoil: Spoil, named: str) -> None:
    before = exporter.log
    proxy.spoil = spoil
    for _ in range(3):
        samples = timed_scrape(exporter)
        assert value(samples, "redis_up") == 0
        assert "redis_memory_used_bytes" not in samples
        unavailable(samples)

    log = said(exporter, before)
    assert count_lines(log, "target is down", f"redis at 127.0.0.1:{proxy.port}") == 1
    assert named in log
    assert "Traceback" not in log


def test_closed_at_once(exporter: Exporter, proxy: RedisProxy, redis: Redis) -> None:
    proxy.welcome = False
    redis.execute("CLIENT", "KILL", "TYPE", "normal")
    for _ in range(3):
        down(timed_scrape(exporter))
    proxy.welcome = True


def half_silent(proxy: RedisProxy) -> Spoil:
    """Half of INFO's reply, and the rest when it is over."""

    async def spoil(words: Words, true: bytes) -> AsyncIterator[bytes]:
        sent = len(true) // 2
        yield true[:sent]
        if words[0] == "INFO":
            await proxy.change()
        yield true[sent:]

    return spoil


def silent(proxy: RedisProxy) -> Spoil:
    """It takes connections and commands, and answers when it is over."""

    async def spoil(_: Words, true: bytes) -> AsyncIterator[bytes]:
        await proxy.change()
        yield true

    return spoil


async def by_the_byte(_: Words, true: bytes) -> AsyncIterator[bytes]:
    for i in range(len(true)):
        yield true[i : i + 1]


async def slowly(_: Words, true: bytes) -> AsyncIterator[bytes]:
    for i in range(len(true)):
        await asyncio.sleep(0.01)
        yield true[i : i + 1]


def test_half_a_reply_and_silence(exporter: Exporter, proxy: RedisProxy) -> None:
    hangs(exporter, proxy, half_silent(proxy))


def test_a_port_that_answers_nothing(exporter: Exporter, proxy: RedisProxy) -> None:
    hangs(exporter, proxy, silent(proxy))


def test_a_byte_now_and_then(exporter: Exporter, proxy: RedisProxy) -> None:
    hangs(exporter, proxy, slowly)


def hangs(exporter: Exporter, proxy: RedisProxy, spoil: Spoil) -> None:
    before = exporter.log
    proxy.spoil = spoil
    down(timed_scrape(exporter, HANGING))
    down(timed_scrape(exporter, HANGING))

    log = said(exporter, before)
    assert count_lines(log, "target is down", f"redis at 127.0.0.1:{proxy.port}") == 1
    assert "not answering" in log


def test_each_byte_by_itself(exporter: Exporter, proxy: RedisProxy) -> None:
    before = exporter.log
    proxy.spoil = by_the_byte
    whole(timed_scrape(exporter))

    assert said(exporter, before) == ""


async def endless_text(words: Words, true: bytes) -> AsyncIterator[bytes]:
    if words[0] != "INFO":
        yield true
        return
    yield b"$999999999999\r\n"
    while True:
        yield b"name:value\r\n" * 10_000


async def endless_list(words: Words, true: bytes) -> AsyncIterator[bytes]:
    if words[0] != "SLOWLOG":
        yield true
        return
    yield b"*3999999\r\n"
    while True:
        yield b"$-1\r\n" * 10_000


async def endless_replies(_: Words, true: bytes) -> AsyncIterator[bytes]:
    while True:
        yield true


@pytest.mark.parametrize("spoil", [endless_text, endless_list, endless_replies])
def test_an_answer_without_an_end_costs_a_bounded_memory(
    exporter: Exporter, proxy: RedisProxy, spoil: Spoil
) -> None:
    before = peak_bytes(exporter)
    proxy.spoil = spoil
    for _ in range(3):
        down(timed_scrape(exporter))

    assert peak_bytes(exporter) < before + MEMORY_BYTES


def peak_bytes(exporter: Exporter) -> int:
    """The most memory that it has had. Source: VmHWM in /proc/<pid>/status."""
    lines = Path(f"/proc/{exporter.pid}/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(peak) * 1024


async def one_too_many(words: Words, true: bytes) -> AsyncIterator[bytes]:
    yield true
    if words[0] == "INFO":
        yield b"+OK\r\n"


def test_replies_that_belong_to_another_command_are_not_taken_for_ours(
    exporter: Exporter, proxy: RedisProxy
) -> None:
    """What has slipped by one reply must not stay so for as long as the connection lives."""
    proxy.spoil = one_too_many
    for _ in range(3):
        timed_scrape(exporter)
    proxy.spoil = honest
    timed_scrape(exporter)  # what came after the last answer is only met here

    whole(timed_scrape(exporter))


def test_an_info_that_is_cut_shows_what_it_has(exporter: Exporter, proxy: RedisProxy) -> None:
    proxy.spoil = of_info(lambda text: text[: len(text) // 2])
    samples = timed_scrape(exporter)

    others_whole(samples)
    assert "redis_memory_used_bytes" in samples
    assert "redis_cpu_sys_seconds_total" not in samples


ODD_INFO = {
    "nothing is a number": of_info(lambda text: text.replace(b"1", b"\x00\xff").replace(b"0", b"e")),
    "no section": of_info(lambda text: text.replace(b"#", b"")),
    "no line ends": of_info(lambda text: text.replace(b"\r\n", b":")),
    "twice": of_info(lambda text: text + text),
    "all pairs are cut": of_info(lambda text: text.replace(b"=", b"=,")),
}


@pytest.mark.parametrize("spoil", ODD_INFO.values(), ids=ODD_INFO)
def test_an_info_that_can_hardly_be_read_raises_nothing(
    exporter: Exporter, proxy: RedisProxy, spoil: Spoil
) -> None:
    before = exporter.log
    proxy.spoil = spoil
    others_whole(timed_scrape(exporter))

    assert said(exporter, before) == ""


ODD_REPLIES = {
    "nil": b"$-1\r\n",
    "nil as a list": b"*-1\r\n",
    "nothing": b"*0\r\n",
    "a number": b":-1\r\n",
    "a status": b"+OK\r\n",
    "lists in lists": b"*1\r\n*1\r\n*1\r\n$-1\r\n",
    "an odd number": b"*3\r\n:1\r\n$-1\r\n*-1\r\n",
    "an entry of other types": b"*2\r\n*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n*4\r\n:-1\r\n$-1\r\n+a\r\n:1\r\n",
    "pairs of other types": b"*4\r\n$3\r\nget\r\n:3\r\n$1\r\na\r\n*2\r\n$5\r\ncalls\r\n$1\r\nx\r\n",
    "an error in the middle": b"*2\r\n$9\r\nmaxmemory\r\n-ERR went wrong\r\n",
}


@pytest.mark.parametrize("reply", ODD_REPLIES.values(), ids=ODD_REPLIES)
def test_replies_of_another_shape_raise_nothing(
    exporter: Exporter, proxy: RedisProxy, redis: Redis, reply: bytes
) -> None:
    before = exporter.log
    commands = {name.split("|")[0].upper() for name in asked(redis, exporter)} - {"INFO", "PING"}
    proxy.spoil = instead(reply, *commands)
    samples = timed_scrape(exporter)

    others_whole(samples)
    assert "redis_memory_used_bytes" in samples
    assert said(exporter, before) == ""


def asked(redis: Redis, exporter: Exporter) -> set[str]:
    """The commands that a scrape runs, as the server counts them."""
    redis.execute("CONFIG", "RESETSTAT")
    timed_scrape(exporter)
    with redis.client() as client:
        return {name.removeprefix("cmdstat_") for name in client.info("commandstats")} - {"config|resetstat"}


def test_an_error_at_the_head_of_a_list_is_the_error_of_its_command(
    exporter: Exporter, proxy: RedisProxy
) -> None:
    proxy.spoil = instead(b"*2\r\n-LOADING half of it\r\n$1\r\nx\r\n", "SLOWLOG")
    samples = timed_scrape(exporter)

    assert failed(samples, "redis") == {"redis_slowlog"}
    assert ("redis_slowlog", "unavailable") in reasons(samples)
    assert value(samples, "redis_up") == 1
    others_whole(samples, "redis")
