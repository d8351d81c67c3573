from __future__ import annotations

from importlib import import_module

import pytest

from exporter.collectors.redis._slow_calls import MOST_COMMANDS, command_of
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, Skip
from exporter.model.slow_query import SlowQuery, slow_queries_of
from exporter.model.table import Value
from exporter.sources.redis import Info, Reply
from exporter.sources.redis.fake import FakeRedis
from tests.unit.collectors.redis.conftest import Run

INFO = """run_id:one
# Commandstats
cmdstat_get:calls=1
cmdstat_set:calls=1
cmdstat_config|get:calls=1
cmdstat_EVAL:calls=1
"""


def entry(number: int, *words: str, usec: int = 20500) -> Reply:
    return [number, 1700000000, usec, list(words), "127.0.0.1:1", "name"]


class Log:
    """A server with a slow log, and the collector that follows it."""

    def __init__(self, info: str = INFO) -> None:
        self.server = FakeRedis(info)
        self.rebuild()

    def rebuild(self) -> None:
        """Builds the collector, as at the start and at a reload."""
        self._collect = import_module("exporter.collectors.redis.redis_slowlog").COLLECTOR.build(self.server)

    def holds(self, *entries: Reply) -> None:
        """The log, the newest entry first."""
        replies: dict[tuple[str, ...], Reply] = {("SLOWLOG", "LEN"): len(entries)}
        for count in range(1, 129):
            replies["SLOWLOG", "GET", str(count)] = list(entries[:count])
        self.server.replies = replies

    async def scrape(self) -> dict[str, dict[tuple[str, ...], Value]]:
        self.server.asked.clear()
        tables = await self._collect(Deadline.after(1))
        columns = [(column, table.rows) for table in tables for column in table.columns]
        return {c.metric.name: dict(zip(rows, c.values, strict=True)) for c, rows in columns}


async def test_length_id_and_seconds_of_the_newest_entry() -> None:
    log = Log()
    log.holds(entry(14, "SET", "secret"))
    found = await log.scrape()
    assert found["redis_slowlog_length"] == {(): 1}
    assert found["redis_slowlog_last_id"] == {(): 14}
    assert found["redis_last_slow_execution_duration_seconds"] == {(): 0.0205}


async def test_an_empty_log_is_zero_as_upstream_has_it() -> None:
    log = Log()
    log.holds()
    found = await log.scrape()
    assert found["redis_slowlog_last_id"] == {(): 0}
    assert found["redis_last_slow_execution_duration_seconds"] == {(): 0}


async def test_an_entry_of_another_shape_is_unknown_not_zero() -> None:
    log = Log()
    log.holds(["14"])
    found = await log.scrape()
    assert found["redis_slowlog_last_id"] == {(): None}


@pytest.mark.parametrize(
    ("reason", "error"),
    [(Reason.PERMISSION, Skip), (Reason.UNSUPPORTED, Skip), (Reason.UNAVAILABLE, Refused)],
)
async def test_a_refusal(run: Run, reason: Reason, error: type[Exception]) -> None:
    refused = Refused("no", reason)
    with pytest.raises(error) as caught:
        await run(
            "redis_slowlog", FakeRedis("", {("SLOWLOG", "LEN"): refused, ("SLOWLOG", "GET", "1"): refused})
        )
    assert getattr(caught.value, "reason", None) is reason


async def test_what_is_in_the_log_at_the_start_gives_commands_at_zero() -> None:
    log = Log()
    log.holds(entry(7, "GET", "a"), entry(6, "SET", "a", "b"))
    found = await log.scrape()
    assert found["redis_slowlog_entries_total"] == {("get",): 0, ("set",): 0}
    assert found["redis_slowlog_entries_duration_seconds_total"] == {("get",): 0, ("set",): 0}


async def test_new_entries_are_counted_once_and_nothing_is_asked_when_there_are_none() -> None:
    log = Log()
    log.holds(entry(7, "GET", "a"))
    await log.scrape()
    log.holds(entry(9, "GET", "a", usec=1000), entry(8, "CONFIG", "GET", "*"), entry(7, "GET", "a"))
    for _ in range(2):
        found = await log.scrape()
        assert found["redis_slowlog_entries_total"] == {("get",): 1, ("config|get",): 1}
        assert found["redis_slowlog_entries_duration_seconds_total"] == {
            ("get",): 0.001,
            ("config|get",): 0.0205,
        }
        assert found["redis_slowlog_unseen_entries_total"] == {(): 0}
    assert log.server.asked == [("SLOWLOG", "LEN"), ("SLOWLOG", "GET", "1")]


async def test_new_entries_are_noted_without_their_arguments_and_old_ones_are_told_to_nobody() -> None:
    log, told = Log(), list[SlowQuery]()
    queries = slow_queries_of(log.server)
    queries.listeners.add(told.append)
    log.holds(entry(7, "SET", "key", "hunter2"), entry(6, "GET", "a"))
    await log.scrape()
    assert [query.operation for query in queries.newest()] == ["set", "get"]
    assert told == []

    log.holds(
        entry(9, "HUNTER2", "a", usec=1500), entry(8, "CONFIG", "GET", "hunter2"), entry(7, "SET", "key", "x")
    )
    for _ in range(2):
        await log.scrape()
    assert [(query.operation, query.seconds) for query in told] == [("config|get", 0.0205), ("other", 0.0015)]
    assert [query.operation for query in queries.newest()] == ["other", "config|get", "set", "get"]
    newest = queries.newest()[0]
    assert (newest.source, newest.server, newest.at) == ("redis", log.server.describe(), 1700000000)
    assert "hunter2" not in repr(queries.newest()).lower()


async def test_a_reload_counts_no_entry_twice_and_misses_none() -> None:
    log = Log()
    log.holds(entry(7, "GET", "a"))
    await log.scrape()
    log.rebuild()
    log.holds(entry(8, "GET", "a"), entry(7, "GET", "a"))
    assert (await log.scrape())["redis_slowlog_entries_total"] == {("get",): 1}
    assert len(slow_queries_of(log.server).newest()) == 2


async def test_a_reset_of_the_log_counts_nothing_twice() -> None:
    log = Log()
    log.holds(entry(7, "GET", "a"))
    await log.scrape()
    log.holds()
    await log.scrape()
    log.holds(entry(8, "GET", "a"))
    found = await log.scrape()
    assert found["redis_slowlog_entries_total"] == {("get",): 1}
    assert found["redis_slowlog_unseen_entries_total"] == {(): 0}


async def test_entries_that_the_log_dropped_are_counted_as_unseen() -> None:
    log = Log()
    log.holds(entry(7, "GET", "a"))
    await log.scrape()
    log.holds(entry(12, "GET", "a"), entry(11, "GET", "a"))
    found = await log.scrape()
    assert found["redis_slowlog_entries_total"] == {("get",): 2}
    assert found["redis_slowlog_unseen_entries_total"] == {(): 3}


async def test_a_log_that_was_empty_at_first_counts_from_its_first_entry() -> None:
    log = Log()
    log.holds()
    await log.scrape()
    log.holds(entry(57, "GET", "a"))
    found = await log.scrape()
    assert found["redis_slowlog_entries_total"] == {("get",): 1}
    assert found["redis_slowlog_unseen_entries_total"] == {(): 0}


@pytest.mark.parametrize("run_id", ["two", ""])
async def test_another_or_a_restarted_server_is_no_burst(run_id: str) -> None:
    log = Log(INFO if run_id else INFO.replace("run_id:one", ""))
    log.holds(entry(7, "GET", "a"))
    await log.scrape()
    log.server.info_text = INFO.replace("run_id:one", f"run_id:{run_id}" if run_id else "")
    log.holds(entry(2, "SET", "a", "b"), entry(1, "GET", "a"))
    found = await log.scrape()
    assert found["redis_slowlog_entries_total"] == {("get",): 0, ("set",): 0}
    log.holds(entry(3, "SET", "a", "b"), entry(2, "SET", "a", "b"))
    found = await log.scrape()
    assert found["redis_slowlog_entries_total"] == {("get",): 0, ("set",): 1}


async def test_a_refused_second_look_loses_nothing() -> None:
    log = Log()
    log.holds(entry(7, "GET", "a"))
    await log.scrape()
    log.holds(entry(8, "GET", "a"), entry(7, "GET", "a"))
    newest = log.server.replies.copy()
    log.server.replies["SLOWLOG", "GET", "1"] = [entry(9, "GET", "a")]
    log.server.replies["SLOWLOG", "GET", "2"] = Refused("BUSY", Reason.UNAVAILABLE)
    assert (await log.scrape())["redis_slowlog_entries_total"] == {("get",): 0}
    log.server.replies = newest
    assert (await log.scrape())["redis_slowlog_entries_total"] == {("get",): 1}


async def test_the_number_of_commands_is_bounded() -> None:
    names = [f"c{i}" for i in range(MOST_COMMANDS + 5)]
    log = Log("run_id:one\n# Commandstats\n" + "\n".join(f"cmdstat_{name}:calls=1" for name in names))
    log.holds(*(entry(i, name) for i, name in reversed(list(enumerate(names)))))
    found = await log.scrape()
    assert len(found["redis_slowlog_entries_total"]) == MOST_COMMANDS + 1
    assert ("other",) in found["redis_slowlog_entries_total"]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["GET", "a"], "get"),
        (["CONFIG", "GET"], "config|get"),
        (["eval", "return 1"], "EVAL"),
        (["b840fc02d524045429941cc15f59e41cb7be6c52", "x"], "other"),
        ([], "other"),
    ],
)
def test_a_command_is_named_only_as_info_names_it(words: list[str], name: str) -> None:
    assert command_of(words, Info(INFO)) == name
