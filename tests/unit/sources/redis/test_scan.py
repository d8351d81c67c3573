"""The walk over the keys: patterns, pace, samples, and what happens to a pass when its server goes away."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import Reason, Refused, Unavailable
from exporter.sources.redis.scan import survey as scan
from exporter.sources.redis.scan.asker import Asker
from exporter.sources.redis.scan.fake import FakeAside, FakeKey
from exporter.sources.redis.scan.glob import compiled
from exporter.sources.redis.scan.inspect import look_at
from exporter.sources.redis.scan.options import KEYS, LARGEST, PATTERNS, KeyOptions, placed, placed_escaped
from exporter.sources.redis.scan.pace import FEWEST, MOST, Pace
from exporter.sources.redis.scan.plan import Found, Plan
from exporter.sources.redis.scan.sample import Look, Reservoir, Top
from exporter.sources.redis.scan.survey import KeySurvey
from exporter.sources.redis.scan.walk import Emptied, Pass
from exporter.sources.redis.scan.watch import GroupWatch

QUICK = {"scan_commands_per_second": 100_000, "scan_time_share": 0.5}


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("session:*", [b"session:", b"session:\xff\n1"], [b"sessions", b"a session:1"]),
        ("*", [b"", b"x"], []),
        ("**", [b"x"], [b""]),
        ("a?c", [b"abc", b"a\nc", b"a\xffc"], [b"ac", b"abbc"]),
        ("[a-c]x[^0-9]", [b"axy", b"cx-"], [b"dxy", b"ax1"]),
        ("[c-a]", [b"b"], [b"-"]),
        ("[]a]", [], [b"a", b"]", b"]a]"]),
        ("[^]a]", [b"xa]"], [b"a", b"x"]),
        (r"\*[\]]", [b"*]"], [b"x]", b"\\*]"]),
        ("[ab", [b"a", b"b"], [b"[ab", b"ab"]),
        ("a\\", [b"a\\"], [b"a"]),
        ("é?", ["éa".encode()], [b"\xc3a"]),
    ],
)
def test_globs_as_redis_has_them(pattern: str, matching: list[bytes], others: list[bytes]) -> None:
    matches = compiled(pattern)
    assert [key for key in matching if not matches(key)] == []
    assert [key for key in others if matches(key)] == []


@given(st.text("ab*", max_size=40), st.text("ab", max_size=200))
def test_no_pattern_takes_long(pattern: str, key: str) -> None:
    compiled(pattern + "*c")(key.encode())


def test_the_database_of_a_pattern() -> None:
    assert placed("cart:*") == (0, "cart:*")
    assert placed("db12=cart:*") == (12, "cart:*")
    assert placed("3=a=b") == (3, "a=b")
    assert placed("user=1") == (0, "user=1")
    assert placed_escaped("db1=a%2Cb") == (1, "a,b")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_pace_keeps_to_its_share_of_the_servers_time() -> None:
    clock = Clock()
    pace = Pace(1000, 0.02, clock)
    pace.empty_round_trip(0.0005)
    began, kept = clock.now, 0.0
    for _ in range(50):
        clock.now += pace.pause()
        kept += pace.spent(1, 0.0015)
    clock.now += pace.pause()
    assert kept == pytest.approx(0.05)
    assert kept / (clock.now - began) == pytest.approx(0.02)
    assert pace.seconds == kept


def test_on_a_busy_machine_the_servers_own_account_counts() -> None:
    clock = Clock()
    pace = Pace(1000, 0.02, clock)
    assert pace.spent(1, 0.010) == pytest.approx(0.010)
    pace.told(0.001)
    assert pace.spent(1, 0.010) == pytest.approx(0.001, rel=0.05)
    pace.told(5.0)  # somebody else scans as well
    assert pace.spent(1, 0.010) == pytest.approx(0.010)


def test_the_pace_keeps_to_its_commands_a_second() -> None:
    clock = Clock()
    pace = Pace(100, 0.5, clock)
    for _ in range(20):
        clock.now += pace.pause()
        pace.spent(10, 0.0001)
    clock.now += pace.pause()
    assert clock.now - 100.0 == pytest.approx(2.0)


def test_a_stuck_server_does_not_stop_the_walk_for_minutes() -> None:
    pace = Pace(1000, 0.02, Clock())
    pace.spent(1, 30.0)
    assert pace.pause() <= 5.0


def test_what_may_go_out_beside_a_page() -> None:
    pace = Pace(1000, 0.02, Clock())
    assert pace.spare() == 0
    pace.spent(1, 0.001)
    assert pace.spare() in (48, 49)


def test_pages_get_as_large_as_the_server_answers_in_a_millisecond() -> None:
    pace = Pace(1000, 0.02, Clock())
    for _ in range(30):
        pace.learn(pace.count * 1e-6)
    assert pace.count == pytest.approx(1000, rel=0.01)
    for _ in range(30):
        pace.learn(1.0)
    assert pace.count == FEWEST
    for _ in range(30):
        pace.learn(1e-6)
    assert pace.count == MOST


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 20))
def test_a_sample_has_each_key_once_and_no_more_than_its_size(pages: list[int], size: int) -> None:
    sample, seen = Reservoir(size, Random(1)), 0
    kept: dict[int, bytes] = {}
    for page in pages:
        keys = [b"%d" % number for number in range(seen, seen + page)]
        kept |= dict(sample.choose(keys))
        seen += page
    assert sample.seen == seen
    assert len(set(kept.values())) == len(kept) == min(size, seen)


def test_each_key_is_as_likely_in_the_sample() -> None:
    counts: Counter[bytes] = Counter()
    for seed in range(2000):
        sample = Reservoir(5, Random(seed))
        kept: dict[int, bytes] = {}
        for page in range(10):
            kept |= dict(sample.choose([b"%d" % number for number in range(page * 10, page * 10 + 10)]))
        counts.update(kept.values())
    by_tens = [sum(counts[b"%d" % n] for n in range(ten, ten + 10)) for ten in range(0, 100, 10)]
    assert all(800 < count < 1200 for count in by_tens), by_tens


def test_a_key_that_is_gone_is_not_in_the_sample() -> None:
    sample = Reservoir(2, Random(1))
    list(sample.choose([b"a", b"b"]))
    sample.keep(1, Look(5, None, None))
    assert sample.looks == [Look(5, None, None)]


def test_the_largest_each_once() -> None:
    top = Top(2)
    assert [
        top.offer(key, size) for key, size in ((b"a", 1), (b"b", 5), (b"b", 5), (b"c", 3), (b"d", 2))
    ] == [*(True, True, False, True, False)]
    assert top.largest_first() == [(b"b", 5), (b"c", 3)]
    assert not Top(0).offer(b"a", 1)


def taken(watch: GroupWatch, keys: dict[bytes, int]) -> None:
    for inspection in watch.take(list(keys)):
        ((_, _, key, *_),) = next(inspection)
        assert isinstance(key, bytes)
        with pytest.raises(StopIteration):
            inspection.send([keys[key]])


def test_groups_beyond_the_limit_are_one_and_those_with_most_memory_are_shown() -> None:
    watch = GroupWatch(["^([a-z]+):([a-z])", "^n"], 2)
    taken(watch, {b"a:x1": 10, b"a:x2": 30, b"b:y": 5, b"c:z": 100, b"n1": 1, b"\xff": 1})
    assert watch.distinct == 5
    shown = {name: (group.keys, group.memory) for name, group in watch.found().items()}
    assert shown == {"cz": (1, 100), "ax": (2, 40), "overflow": (3, 7)}
    everything = GroupWatch(["^(a)"], 5)
    taken(everything, {b"a": 1, b"b": 2})
    assert set(everything.found()) == {"a", "unclassified"}


Start = Callable[..., KeySurvey]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """start(aside, *parts, **options): a survey that is closed after the test."""
    async with AsyncExitStack() as stack:

        def start(aside: FakeAside, *parts: str, **options: object) -> KeySurvey:
            survey = KeySurvey(aside, KeyOptions(**{**QUICK, **options}), "fake")  # type: ignore[arg-type]
            stack.push_async_callback(survey.close)
            for part in parts:
                survey.want(part)
            return survey

        yield start


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # it changes without an event
            await asyncio.sleep(0.001)


def sessions(count: int) -> dict[bytes, FakeKey]:
    return {
        b"session:%03d" % n: FakeKey(memory=100 + n, pttl=1000 * n if n % 2 else -1) for n in range(count)
    }


def found(survey: KeySurvey) -> Found:
    assert survey.tally.found is not None
    return survey.tally.found


async def test_one_pass_serves_all_patterns_of_a_database(start: Start) -> None:
    aside = FakeAside({0: {**sessions(10), b"other": FakeKey()}, 1: {b"cart:1": FakeKey(memory=7)}})
    patterns = (
        ("sessions", "session:*"),
        ("odd", "session:*[13579]"),
        ("carts", "db1=cart:*"),
        ("no", "db7=*"),
    )
    survey = start(aside, PATTERNS, key_patterns=patterns)
    await until(lambda: survey.tally.found)
    assert {kind.name: kind.keys for kind in found(survey).kinds} == {
        "sessions": 10,
        "odd": 5,
        "carts": 1,
        "no": 0,
    }
    odd = next(kind for kind in found(survey).kinds if kind.name == "odd")
    assert sorted(look.ttl or 0 for look in odd.looks) == [1, 3, 5, 7, 9]
    scans = Counter(db for db, command in aside.asked if command[0] == "SCAN")
    assert scans == {0: 4, 1: 1, 7: 1}
    assert not any(command[0] == "KEYS" or "MATCH" in command for _, command in aside.asked)
    assert survey.tally.passes == {"complete": 1, "partial": 0, "interrupted": 0}
    assert survey.progress == survey.tally.coverage == 1.0


async def test_the_largest_keys_are_found_and_looked_at_again(start: Start) -> None:
    aside = FakeAside({0: sessions(30)})
    survey = start(
        aside, PATTERNS, LARGEST, key_patterns=(("s", "s*"),), top_keys=2, scan_samples=10,
        scan_interval_seconds=0.01,
    )  # fmt: skip
    await until(lambda: survey.tally.passes["complete"] >= 20)
    (kind,), (largest,) = found(survey).kinds, found(survey).largest
    assert [(top.key, top.size) for top in kind.top] == [(b"session:029", 129), (b"session:028", 128)]
    assert [(top.key, top.kind) for top in largest.top] == [
        (b"session:029", "string"),
        (b"session:028", "string"),
    ]
    del aside.databases[0][b"session:029"]
    passes = survey.tally.passes["complete"]
    await until(lambda: survey.tally.passes["complete"] >= passes + 2)
    assert b"session:029" not in [top.key for top in found(survey).kinds[0].top]


async def test_what_time_is_left_goes_into_the_search_for_large_keys() -> None:
    aside = FakeAside({0: sessions(50)})
    aside.page = 50
    options = KeyOptions(key_patterns=(("odd", "session:*[13579]"),), top_keys=1, scan_samples=10)
    asker = Asker(aside, Pace(100_000, 0.001))
    await Pass(Plan(options, {PATTERNS}, [0]), {0: 50}).step(asker, {})
    weighed = {command[2] for _, command in aside.asked if command[0] == "MEMORY"}
    assert weighed == {key for n, key in enumerate(sorted(aside.databases[0])) if n % 2}


async def test_a_pass_goes_on_when_its_connection_broke(
    start: Start,
) -> None:
    aside = FakeAside({0: sessions(300)})
    survey = start(aside, PATTERNS, key_patterns=(("s", "s*"),))
    await until(lambda: survey.keys >= 30)
    aside.down = Unavailable("gone")
    await until(lambda: survey.failure)
    seen, progress = survey.keys, survey.progress
    assert progress is not None
    assert 0 < progress < 1
    aside.down = None
    await until(lambda: survey.tally.found)
    assert survey.tally.passes == {"complete": 1, "partial": 0, "interrupted": 0}
    assert found(survey).kinds[0].keys == survey.keys == 300
    assert seen < 300
    assert survey.failure is None
    starts = [command for _, command in aside.asked if command[:2] == ("SCAN", b"0")]
    assert len(starts) == 1


async def test_a_pass_waits_for_a_server_that_is_loading(start: Start) -> None:
    aside = FakeAside({0: sessions(300)})
    survey = start(aside, PATTERNS, key_patterns=(("s", "s*"),))
    await until(lambda: survey.keys >= 30)
    aside.refused["SCAN"] = Refused("SCAN: LOADING", Reason.UNAVAILABLE)
    await until(lambda: survey.failure)
    del aside.refused["SCAN"]
    await until(lambda: survey.tally.found)
    assert survey.tally.passes == {"complete": 1, "partial": 0, "interrupted": 0}
    assert found(survey).kinds[0].keys == 300


async def test_a_pass_begins_anew_on_another_server(start: Start) -> None:
    aside = FakeAside({0: sessions(300)})
    survey = start(aside, PATTERNS, key_patterns=(("s", "s*"),))
    await until(lambda: survey.keys >= 30)
    aside.down = Unavailable("gone")
    await until(lambda: survey.failure)
    aside.run_id, aside.down = b"second", None
    await until(lambda: survey.tally.found)
    assert survey.tally.passes == {"complete": 1, "partial": 0, "interrupted": 1}
    assert found(survey).kinds[0].keys == 300


async def test_a_pass_begins_anew_when_the_server_was_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.sources.redis.scan.walk.SIZE_EVERY", 0.0)
    aside = FakeAside({0: sessions(1500)})
    aside.page = 1200
    options = KeyOptions(key_patterns=(("s", "s*"),))
    walk = Pass(Plan(options, {PATTERNS}, [0]), {0: 1500})
    asker = Asker(aside, Pace(1e6, 0.5))
    await walk.step(asker, {})
    assert walk.progress == 0.8
    aside.databases[0] = sessions(10)
    with pytest.raises(Emptied):
        await walk.step(asker, {})


async def test_a_pass_that_takes_too_long_shows_what_it_has(start: Start) -> None:
    aside = FakeAside({0: sessions(3000)})
    survey = start(aside, PATTERNS, key_patterns=(("s", "s*"),), scan_max_seconds=0.05, scan_samples=10)
    await until(lambda: survey.tally.found)
    assert survey.tally.passes["partial"] == 1
    assert 0 < found(survey).kinds[0].keys < 3000
    assert survey.tally.coverage == pytest.approx(found(survey).kinds[0].keys / 3000)
    assert survey.tally.completed_at is None


async def test_a_database_that_is_not_there_costs_the_others_nothing(start: Start) -> None:
    class Few(FakeAside):
        async def ask(self, commands, database=0):
            if database:
                raise Refused("no such database")
            return await super().ask(commands, database)

    survey = start(Few({0: sessions(10)}), PATTERNS, key_patterns=(("s", "s*"), ("gone", "db99=*")))
    await until(lambda: survey.tally.found)
    assert {kind.name: kind.keys for kind in found(survey).kinds} == {"s": 10}


async def test_without_the_right_to_scan_it_says_so_and_tries_again(start: Start) -> None:
    aside = FakeAside({0: sessions(10)})
    aside.refused["SCAN"] = Refused("may not run SCAN", Reason.PERMISSION)
    survey = start(aside, PATTERNS, key_patterns=(("s", "s*"),))
    await until(lambda: survey.failure)
    assert survey.failure is aside.refused["SCAN"]
    assert survey.tally.found is None
    del aside.refused["SCAN"]
    await until(lambda: survey.tally.found)
    assert survey.failure is None


async def test_without_the_right_to_memory_the_rest_is_there(start: Start) -> None:
    aside = FakeAside({0: sessions(4)})
    aside.refused["MEMORY"] = Refused("no", Reason.PERMISSION)
    survey = start(aside, PATTERNS, KEYS, key_patterns=(("s", "s*"),), check_key_groups=("(s)",))
    await until(lambda: survey.tally.found)
    assert [look.size for look in found(survey).kinds[0].looks] == [None] * 4
    assert found(survey).groups[0].shown["s"].memory is None


async def test_it_ends_when_nobody_asks_any_more(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "WANTED_SECONDS", 0.05)
    aside = FakeAside({0: sessions(10)})
    survey = start(aside, PATTERNS, key_patterns=(("s", "s*"),), scan_interval_seconds=0.01)
    await until(lambda: survey.tally.passes["complete"])
    await until(lambda: aside.number is None)
    asked = len(aside.asked)
    await asyncio.sleep(0.05)
    assert len(aside.asked) == asked
    passes = survey.tally.passes["complete"]
    survey.want(PATTERNS)
    await until(lambda: survey.tally.passes["complete"] > passes)


async def test_closed_is_closed(start: Start) -> None:
    survey = start(FakeAside({0: sessions(10)}), PATTERNS)
    await survey.close()
    with pytest.raises(Unavailable, match="closed"):
        survey.want(PATTERNS)


async def test_a_key_that_went_away_between_the_page_and_the_look_is_left_out() -> None:
    looks: list[Look] = []
    inspection = look_at(b"gone", looks.append)
    await Asker(FakeAside(), Pace(1e6, 0.5)).inspect([inspection], 0)
    assert looks == []
