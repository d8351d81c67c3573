"""No answer of a server makes a collector raise anything but what it declares."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.expose.text import TextEncoder
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Reason, Refused, Skip
from exporter.sources.redis import Command, Info, Reply
from exporter.sources.redis.fake import FakeRedis
from tests.replay_redis import RECORDINGS, WRITTEN, by_default, collectors, info_text, played

EXAMPLES = 6  # of each collector; there are many

INTEGERS = st.integers(-(2**63), 2**63 - 1)  # what the protocol holds
TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "id=1 name=x age=9",
        "calls",
        "histogram_usec",
        "num_docs",
        "1e999",
        "nan",
        "9" * 400,
        "module:name=a,ver=1",
    ]
)
REPLIES: st.SearchStrategy[Reply] = st.recursive(
    st.none() | INTEGERS | TEXTS | st.sampled_from([Refused("no", reason) for reason in Reason]),
    lambda inner: st.lists(inner, max_size=6),
    max_leaves=20,
)
# Servers of which each collector finds something to read.
SERVERS = st.sampled_from(["8.2", "7.0-replica", "8.2-cluster", "valkey-9.1", "modules-redis", "keydb-6.3"])
VALUES = st.sampled_from(
    ["", "-1", "x", "1e999", "nan", "9" * 400, "=,=", "a=b,keys=1,offset=x", "inf", "\x00"]
)


def commands(server: FakeRedis, name: str) -> set[Command]:
    """What a collector asks such a server for."""
    server.asked.clear()
    collect(server, name)
    return set(server.asked)


def collect(server: FakeRedis, name: str) -> None:
    """One run, and what it gives as a page; a second one meets the state that the first has left."""

    async def twice() -> None:
        run = collectors()[name].build(server)
        for _ in range(2):
            with suppress(Skip, Partial, Refused):
                TextEncoder().encode(await run(Deadline.after(1)))

    asyncio.run(twice())


@pytest.mark.parametrize("name", collectors())
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_any_reply_to_any_command(name: str, data: st.DataObject) -> None:
    server = played(data.draw(SERVERS))
    for command in commands(server, name):
        server.replies[command] = data.draw(REPLIES)
    collect(server, name)


@pytest.mark.parametrize("name", collectors())
@settings(max_examples=EXAMPLES, deadline=None)
@given(recording=st.sampled_from([*RECORDINGS, *WRITTEN]), data=st.data())
def test_any_info(name: str, recording: str, data: st.DataObject) -> None:
    text = info_text(recording)
    lines = text.split("\n")
    cut = data.draw(st.integers(0, len(text)))
    value = data.draw(VALUES)
    server = played(recording)
    spoilt = (
        data.draw(st.text()),
        text[:cut],
        text[cut:] + text,
        "\n".join(f"{line.partition(':')[0]}:{value}" if ":" in line else line for line in lines),
        "\n".join(f"{line},{value}={value}" for line in lines),
    )
    server.info_text = data.draw(st.sampled_from(spoilt))
    collect(server, name)


@pytest.mark.parametrize("recording", ["8.2", "8.2-cluster", "valkey-9.1"])
@pytest.mark.parametrize("reason", [Reason.PERMISSION, Reason.UNSUPPORTED])
async def test_one_refused_command_leaves_the_rest_of_the_page(recording: str, reason: Reason) -> None:
    whole = await _names(played(recording))
    asked = played(recording)
    await _names(asked)
    for right in {command[:2] for command in asked.asked}:
        server = played(recording)
        refused = Refused("no", reason)
        server.replies |= {command: refused for command in asked.asked if command[:2] == right}
        of = {name for name, commands in whole.items() if right in {c[:2] for c in commands.asked}}
        now = await _names(server)
        for name in whole.keys() - of:
            assert now[name].shown == whole[name].shown, (right, name)


class _Ran:
    def __init__(self, asked: list[Command]) -> None:
        self.asked = asked
        self.shown: set[str] = set()


async def _names(server: FakeRedis) -> dict[str, _Ran]:
    """Collector -> what it asked for, and the names that it showed."""
    found: dict[str, _Ran] = {}
    everything: list[Command] = []
    for name, spec in by_default().items():
        server.asked.clear()
        ran = found[name] = _Ran([])
        with suppress(Skip):
            try:
                tables = await spec.build(server)(Deadline.after(1))
            except Partial as some:
                tables = some.tables
            ran.shown = {c.metric.name for table in tables if table.rows for c in table.columns}
        ran.asked = list(server.asked)
        everything += server.asked
    server.asked[:] = everything
    return found


def test_the_recordings_give_each_collector_something() -> None:
    for text in map(info_text, WRITTEN):
        assert Info(text).fields
