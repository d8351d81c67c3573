"""Callbacks of other packages, which are told of each slow query.

An entry point of the group `datastack_exporter.slow_queries` names a callable that takes a `SlowQuery`. Each
has a thread of its own, so that one that fails, hangs or is slow keeps nobody else waiting: what it can't
keep up with is dropped and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from importlib.metadata import EntryPoint, entry_points
from inspect import iscoroutinefunction
from queue import Empty, Full, Queue
from threading import Thread
from time import monotonic
from traceback import extract_tb

from exporter.log import get_logger
from exporter.model.slow_query import SlowQuery

log = get_logger("exporter.slow_log")

GROUP = "datastack_exporter.slow_queries"
WAITING = 100
"""Slow queries that wait for a callback at most."""
LATE_SECONDS = 10.0
"""A call that takes longer than this gets no more to do until it has ended."""

Call = Callable[[SlowQuery], object]


class Callback:
    """One callable in its own thread, which begins with the first slow query.

    Attributes:
        name: the entry point's.
        ok: calls that returned.
        failed: calls that raised.
        dropped: slow queries that it was not told of.
    """

    def __init__(self, name: str, call: Call) -> None:
        self.name = name
        self.ok = self.failed = self.dropped = 0
        self._call = call
        self._queue: Queue[SlowQuery | None] = Queue(WAITING)
        self._thread: Thread | None = None
        self._began: float | None = None
        self._state = "ok"

    def tell(self, query: SlowQuery) -> None:
        """Has it called with this; never waits."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name=f"slow query callback {self.name}", daemon=True)
            self._thread.start()
        if self._late():
            self._is("late", f"has not returned for {LATE_SECONDS:g} s")
            self.dropped += 1
            return
        try:
            self._queue.put_nowait(query)
        except Full:
            self.dropped += 1

    def end(self, seconds: float) -> None:
        """Waits for what it still has to do, `seconds` at the most."""
        if self._thread is not None:
            if self._queue.full():
                self._drop()
            self._queue.put_nowait(None)
            self._thread.join(seconds)

    def _drop(self) -> None:
        try:
            while True:
                self._queue.get_nowait()
                self.dropped += 1
        except Empty:
            return

    def _late(self) -> bool:
        began = self._began
        return began is not None and monotonic() - began > LATE_SECONDS

    def _run(self) -> None:
        while (query := self._queue.get()) is not None:
            self._began = monotonic()
            try:
                self._call(query)
            except BaseException as error:  # noqa: BLE001  whatever it is: the next call may succeed
                self.failed += 1
                self._is("failed", _place(error))
            else:
                self.ok += 1
                self._is("ok", "")
            self._began = None

    def _is(self, state: str, text: str) -> None:
        if state == self._state:
            return
        self._state = state
        with suppress(OSError):  # our own log may be on a full disk
            if state == "ok":
                log.info("slow query callback works again", callback=self.name)
            else:
                log.warning("slow query callback fails", callback=self.name, reason=text)


def _place(error: BaseException) -> str:
    """What was raised, and where. What it says may hold a secret: the address of a webhook, for one."""
    frames = extract_tb(error.__traceback__)
    where = f" in {frames[-1].name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


def find_callbacks(found: Iterable[EntryPoint] | None = None) -> Sequence[Callback]:
    """The callbacks of this installation; one that can't be had is logged and left out."""
    entries = entry_points(group=GROUP) if found is None else found
    callbacks = []
    for entry in sorted(entries, key=lambda entry: entry.name):
        try:
            call = entry.load()
        except Exception as error:  # noqa: BLE001  a package of somebody else
            log.error("slow query callback left out", callback=entry.name, reason=_place(error))  # noqa: TRY400
            continue
        if not callable(call) or iscoroutinefunction(call):
            reason = "expected a function that takes a SlowQuery, not a coroutine function"
            log.error("slow query callback left out", callback=entry.name, reason=reason)
            continue
        callbacks.append(Callback(entry.name, call))
    return callbacks
