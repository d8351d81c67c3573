"""The carrier's application: pages with two loops and without, a job, and each statement of the list.

The load is never even: two pages that came at the same rate would look as if one followed the other.

    with Application(server) as application:
        application.toured.wait()
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, Self

import psycopg

from tests.live.analysis.defects.asked import Asked
from tests.live.analysis.defects.schema import APPLICATION, DATABASE
from tests.servers import Postgres

VISITORS = 3
PERIOD_SECONDS = 5.0
"""In which the load goes up and down once."""

CREW = "SELECT id, vehicle_id, name FROM couriers WHERE depot_id = %s ORDER BY id LIMIT 16"
VEHICLE = "SELECT id, plate, capacity FROM vehicles WHERE id = %s"
TOURS = "SELECT id, number FROM routes WHERE day = %s AND id > %s ORDER BY id LIMIT 9"
STOPS = "SELECT id, position, arrived FROM stops WHERE route_id = %s"
TOURS_OF_DAY = "SELECT r.id, r.number FROM routes AS r WHERE r.day = %s ORDER BY r.id DESC LIMIT 9"
STOPS_OF_TOURS = "SELECT route_id, id, position FROM stops WHERE route_id = ANY(%s)"
LOGIN = "SELECT courier_id FROM logins WHERE token = md5(%s::text)"
PARCEL = "SELECT id, status, recipient FROM parcels WHERE tracking = 'T' || md5(%s::text)"
COURIER = "SELECT id, name FROM couriers WHERE id = %s"
SEEN = "UPDATE couriers SET seen = seen + 1 WHERE id = %s"

LOOPS = {("vehicles", "couriers"), ("stops", "routes")}
"""Table that is looked up, table that is listed: belongs_to and has_many."""

Session = psycopg.Connection[tuple[Any, ...]]
Work = Callable[[Session, random.Random], None]


class Application:
    """The application, while the context lasts.

    Args:
        server: with the carrier's database.
        asked: statements of which each is sent as often as it says, once; none for the pages alone.
        seed: of what it does.

    Attributes:
        served: how often each page was asked for.
        toured: whether all statements were sent.
    """

    def __init__(self, server: Postgres, asked: Sequence[Asked], seed: int = 1) -> None:
        self.served: Counter[str] = Counter()
        self.toured = Event()
        self._server, self._asked, self._seed = server, asked, seed
        self._lock, self._end, self._began = Lock(), Event(), monotonic()
        works: list[Work] = [self._tour, self._job, *[self._visit] * VISITORS]
        self._threads = [Thread(target=self._run, args=(w, n), daemon=True) for n, w in enumerate(works)]
        self._failed: list[BaseException] = []

    def _run(self, work: Work, number: int) -> None:
        try:
            with connected(self._server) as session:
                work(session, random.Random(f"{self._seed} {number}"))
        except BaseException as error:  # noqa: BLE001  # it is raised where somebody waits
            self._failed.append(error)
            self.toured.set()

    def _tour(self, session: Session, chance: random.Random) -> None:
        for statement in self._asked:
            for _ in range(statement.calls):
                send(session, statement, chance)
            if self._end.wait(0.002):
                return
        self.toured.set()

    def _visit(self, session: Session, chance: random.Random) -> None:
        pages = (self._crew, self._tours, self._tours_at_once, self._parcels)
        while not self._end.wait(chance.expovariate(1 / self._pause())):
            (page,) = chance.choices(pages, weights=(6, 6, 3, 4))
            session.execute(LOGIN, (chance.randint(1, 2000),))
            page(session, chance)
            with self._lock:
                self.served[page.__name__.lstrip("_")] += 1

    def _pause(self) -> float:
        """Seconds between two pages: the load goes up to four times what it is at its lowest."""
        place = (monotonic() - self._began) % PERIOD_SECONDS / PERIOD_SECONDS
        return 0.003 + 0.009 * abs(2 * place - 1)

    def _crew(self, session: Session, chance: random.Random) -> None:
        """N+1: one vehicle for each courier."""
        for _, vehicle, _ in session.execute(CREW, (chance.randint(1, 300),)).fetchall():
            session.execute(VEHICLE, (vehicle,))

    def _tours(self, session: Session, chance: random.Random) -> None:
        """N+1: the stops of each route."""
        chosen = (_some_day(chance), chance.randrange(3000))
        for route, _ in session.execute(TOURS, chosen).fetchall():
            session.execute(STOPS, (route,))

    def _tours_at_once(self, session: Session, chance: random.Random) -> None:
        """The same page as it should be."""
        routes = [route for route, _ in session.execute(TOURS_OF_DAY, (_some_day(chance),)).fetchall()]
        session.execute(STOPS_OF_TOURS, (routes,))

    def _parcels(self, session: Session, chance: random.Random) -> None:
        """Some parcels that somebody looks for, one after the other."""
        for _ in range(chance.randint(1, 5)):
            session.execute(PARCEL, (chance.randint(1, 60000),))

    def _job(self, session: Session, chance: random.Random) -> None:
        """Row by row, as many as there are: no list before."""
        while not self._end.wait(chance.expovariate(1 / 0.05)):
            for _ in range(chance.randint(1, 20)):
                courier = chance.randint(1, 12000)
                session.execute(COURIER, (courier,))
                session.execute(SEEN, (courier,))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(20)
        if self._failed:
            raise self._failed[0]


def connected(server: Postgres) -> Session:
    """A session of the application."""
    session = server.connect(dbname=DATABASE, user=APPLICATION, password="secret")
    # Each call is planned with its values, as through most pools.
    session.prepare_threshold = None
    return session


def send(session: Session, statement: Asked, chance: random.Random) -> None:
    """Sends a statement once."""
    session.execute(statement.sql.encode(), statement.values(chance))


def _some_day(chance: random.Random) -> date:
    return date(2025, 3, 1) + timedelta(days=chance.randrange(60))
