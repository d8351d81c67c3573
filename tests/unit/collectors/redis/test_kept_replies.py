"""Replies that seldom change."""

from __future__ import annotations

import pytest

from exporter.collectors.redis._kept import KEPT_SECONDS, Kept
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused
from exporter.sources.redis import Command, Reply
from exporter.sources.redis.fake import FakeRedis

ASKED: Command = ("CONFIG", "GET", "maxmemory")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_they_are_asked_for_once_a_minute() -> None:
    server, clock = FakeRedis("run_id:a", {ASKED: ["maxmemory", "1"]}), Clock()
    kept = Kept(server, [ASKED], clock)
    for _ in range(3):
        info, replies = await kept.get(Deadline.after(1))
        assert replies == [["maxmemory", "1"]]
    assert server.asked == [ASKED]
    assert info.get("run_id") == "a"
    clock.now += KEPT_SECONDS
    await kept.get(Deadline.after(1))
    assert server.asked == [ASKED] * 2


async def test_another_server_is_asked_at_once() -> None:
    server = FakeRedis("run_id:a", {ASKED: ["maxmemory", "1"]})
    kept = Kept(server, [ASKED], Clock())
    await kept.get(Deadline.after(1))
    server.info_text, server.replies[ASKED] = "run_id:b", ["maxmemory", "2"]
    assert (await kept.get(Deadline.after(1)))[1] == [["maxmemory", "2"]]


@pytest.mark.parametrize(
    "reply",
    [
        Refused("LOADING", Reason.UNAVAILABLE),
        None,
        [],
        "OK",
        ["maxmemory"],
        ["maxmemory", 1],
        ["maxclients", "1"],
        ["maxmemory", "1", "hz", "1"],
    ],
)
async def test_what_is_no_answer_is_not_kept(reply: Reply) -> None:
    server = FakeRedis("run_id:a", {ASKED: reply})
    kept = Kept(server, [ASKED], Clock())
    await kept.get(Deadline.after(1))
    server.replies[ASKED] = ["maxmemory", "2"]
    assert (await kept.get(Deadline.after(1)))[1] == [["maxmemory", "2"]]
