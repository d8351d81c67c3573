"""Several targets behind one port: side by side on the page, alone in a probe, each within its bound."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest
from starlette.requests import Request
from starlette.types import Message

from exporter.expose.text import TextEncoder
from exporter.http.app import Web
from exporter.http.landing import landing_page
from exporter.http.own import OwnMetrics
from exporter.http.pages import Pages
from exporter.http.served import Selection, Served, Watched
from exporter.model.collector import CollectorSpec, Named
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.snapshot import Outcome, Snapshot, State
from exporter.model.table import single
from exporter.scrape.turns import NoTurnError, Turns

UP = gauge("redis_up", "Up.")
NAMED = Named("redis_up", "redis", CollectorSpec(
    help="Test.", source="redis", metrics=(UP,), build=lambda _source: None,  # type: ignore[arg-type,return-value]
))  # fmt: skip


class Scraped:
    """What a target gives, and how it was asked."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self.asked: list[Selection] = []

    async def scrape(self, deadline: Deadline, selection: Selection) -> Snapshot:
        self.asked.append(selection)
        await asyncio.sleep(min(self._seconds, deadline.left()))
        late = deadline.left() == 0
        state = State.LATE if late else State.OK
        return Snapshot(0.0, [single({UP: int(not late)})], [Outcome("redis_up", "redis", state, 0.1)])


def watched(
    scraped: Scraped | None = None, limit: float | None = None, *, on_metrics: bool = True
) -> Watched:
    scrape = (scraped or Scraped()).scrape
    return Watched(scrape, [NAMED], [("redis", "h:1")], 10.0, 0.5, limit, on_metrics)


def served(top: Watched | None = None, **targets: Watched) -> Served:
    return Served(top or watched(), targets, [NAMED], "target")


def page(snapshot: Snapshot) -> list[str]:
    text = b"".join(TextEncoder().encode(snapshot.tables)).decode()
    return [line for line in text.splitlines() if not line.startswith("#")]


async def test_the_page_has_the_names_and_a_probe_has_not() -> None:
    both = served(a=watched(), b=watched(), hidden=watched(on_metrics=False))
    deadline = Deadline.after(1)

    assert page(await both.scrape(None, deadline, None)) == [
        "redis_up 1",
        'redis_up{target="a"} 1',
        'redis_up{target="b"} 1',
    ]
    for view in ("a", "hidden", "default"):
        assert page(await both.scrape(view, deadline, None)) == ["redis_up 1"]


async def test_the_selection_reaches_all() -> None:
    top, a = Scraped(), Scraped()
    await served(watched(top), a=watched(a)).scrape(None, Deadline.after(1), frozenset({"redis_up"}))

    assert top.asked == a.asked == [frozenset({"redis_up"})]


async def test_a_bound_of_its_own_gives_one_up_and_no_other() -> None:
    both = served(slow=watched(Scraped(60), 0.05), steady=watched(Scraped(0.1)))
    started = monotonic()
    lines = page(await both.scrape(None, Deadline.after(5), None))

    assert lines == ["redis_up 1", 'redis_up{target="slow"} 0', 'redis_up{target="steady"} 1']
    assert 0.1 <= monotonic() - started < 1


async def test_without_one_it_may_take_the_time_of_the_request() -> None:
    both = served(slow=watched(Scraped(60)), steady=watched())

    assert page(await both.scrape(None, Deadline.after(0.1), None))[1] == 'redis_up{target="slow"} 0'


def test_the_top_level_is_called_default_unless_a_target_is() -> None:
    assert [*served(a=watched()).by_name()] == ["default", "a"]
    mine = watched()
    assert served(default=mine).by_name() == {"default": mine}
    empty = Watched(Scraped().scrape, [], [], 10.0, 0.5)
    assert [*served(empty, a=watched()).by_name()] == ["a"]
    assert served(empty).by_name() == {}


async def test_a_page_of_one_view_is_not_anothers() -> None:
    both = served(a=watched())
    pages = Pages(OwnMetrics())
    deadline = Deadline.after(1)
    views = (None, "a", None)
    parts = await asyncio.gather(*(pages.page(both, deadline, (view, None), gzip=False) for view in views))
    all_of_it, one, again = (b"".join(p).decode() for p in parts)

    assert 'redis_up{target="a"} 1' in all_of_it
    assert "process_" in all_of_it
    assert again == all_of_it
    assert "\nredis_up 1\n" in one
    assert "process_" not in one
    assert "target" not in one
    pages.close()


async def test_a_probe_is_not_the_first_page() -> None:
    pages, one = Pages(OwnMetrics()), served(a=watched())
    await pages.page(one, Deadline.after(1), ("a", None), gzip=False)
    assert pages.scraped_at is None
    await pages.page(one, Deadline.after(1), (None, None), gzip=False)
    assert pages.scraped_at == pytest.approx(0.0, abs=2e10)
    pages.close()


async def test_the_landing_page_lists_each_with_its_state() -> None:
    found = await served(a=watched(), b=watched(Scraped(60))).scrape_each(Deadline.after(0.1))
    html = landing_page(found, "/metrics").partition("</style>")[2]

    assert '<a href="/probe?target=a">a</a><td>redis<td>h:1<td class="ok">up' in html
    assert '<a href="/probe?target=b">b</a><td>redis<td>h:1<td class="late">down' in html
    assert "<tr><td><td>redis<td>h:1" in html
    assert "<body>" in html
    alone = landing_page(found[:1], "/metrics")
    assert '<body class="unnamed">' in alone  # no column for names where there are none


async def test_probes_take_turns_and_the_page_does_not_wait_for_them() -> None:
    slow = watched(Scraped(10.0))
    both = Served(watched(), {"a": watched(), "slow": slow}, [NAMED], "target", Turns(1))
    holding = asyncio.create_task(both.scrape("slow", Deadline.after(0.5), None))
    await asyncio.sleep(0)

    with pytest.raises(NoTurnError):
        await both.scrape("a", Deadline.after(0.5), None)
    assert len((await both.scrape(None, Deadline.after(0.1), None)).outcomes) == 3
    await holding
    assert len((await both.scrape("a", Deadline.after(0.5), None)).outcomes) == 1


async def test_a_probe_without_a_turn_is_refused_by_its_status() -> None:
    none_free = Served(watched(), {"a": watched()}, [NAMED], "target", Turns(0))

    async def reload() -> None:
        pytest.fail("nobody asked for it")

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    web = Web(lambda: none_free, reload, OwnMetrics())
    headers = [(b"x-prometheus-scrape-timeout-seconds", b"0.5")]
    scope = {"type": "http", "method": "GET", "query_string": b"target=a", "headers": headers}
    answer = await web.probe(Request(scope, receive))

    assert answer.status_code == 503
    assert bytes(answer.body).startswith(b"overloaded: ")
