"""Faults on the recorded servers, each for as long as its `with` lasts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from threading import Event, Thread

import psycopg
import redis

from tests.servers.chain import Chain
from tests.servers.load import DATABASE
from tests.servers.redis import Redis


@contextlib.contextmanager
def postgres_killed(chain: Chain) -> Iterator[None]:
    """The primary is gone; every request of the application needs it."""
    chain.primary.kill()
    with _turned(chain, database_fails=1):
        yield
        chain.primary.start()


@contextlib.contextmanager
def redis_full(chain: Chain) -> Iterator[None]:
    """All of maxmemory is used, and clients go on trying to write."""
    end = Event()
    writer = Thread(target=_fill, args=(chain.cache, end), daemon=True)
    with _turned(chain, errors=0.03):
        writer.start()
        yield
        end.set()
        writer.join(10)
    keys = [f"filling:{n}" for n in range(400)]
    chain.cache.execute("DEL", *keys)


def _fill(cache: Redis, end: Event) -> None:
    number = 0
    with cache.client() as client:
        while not end.wait(0.001 if number < 400 else 0.1):
            with contextlib.suppress(redis.RedisError):
                client.set(f"filling:{number % 400}", "x" * 100_000)
            number += 1


@contextlib.contextmanager
def lock_held(chain: Chain) -> Iterator[None]:
    """A session has locked the table that everybody needs, and forgotten to commit."""
    with chain.primary.connect(dbname=DATABASE) as connection, _turned(chain, latency=15, pool_used=1):
        connection.execute("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        yield
        connection.execute("ROLLBACK")


@contextlib.contextmanager
def connections_exhausted(chain: Chain) -> Iterator[None]:
    """Sessions that do nothing have taken all that ordinary roles can have."""
    (room,) = chain.primary.execute(
        """SELECT current_setting('max_connections')::int
             - current_setting('superuser_reserved_connections')::int
             - (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend')"""
    )[0]
    with ExitStack() as stack, _turned(chain, errors=0.3):
        for _ in range(room + 1):  # our own session of a moment ago is gone
            with contextlib.suppress(psycopg.OperationalError):
                stack.enter_context(chain.primary.connect(dbname=DATABASE))
        yield


@contextlib.contextmanager
def replica_cut_off(chain: Chain) -> Iterator[None]:
    """The standby no longer reaches its primary."""
    (conninfo,) = chain.replica.execute("SHOW primary_conninfo")[0]
    _conninfo(chain, "")
    yield
    _conninfo(chain, conninfo)


def _conninfo(chain: Chain, value: str) -> None:
    chain.replica.execute(f"ALTER SYSTEM SET primary_conninfo = '{value}'")
    chain.replica.execute("SELECT pg_reload_conf()")


@contextlib.contextmanager
def bad_deploy(chain: Chain) -> Iterator[None]:
    """A new version of the application fails one request of twelve."""
    with _turned(chain, errors=0.08):
        yield


@contextlib.contextmanager
def _turned(chain: Chain, **knobs: float) -> Iterator[None]:
    before = {"errors": 0.0005, "latency": 1.0, "database_fails": 0.0, "pool_used": 0.3}
    chain.application.turn(**knobs)
    yield
    chain.application.turn(**{name: before[name] for name in knobs})


FAULTS: Mapping[str, Callable[[Chain], contextlib.AbstractContextManager[None]]] = {
    "replica cut off": replica_cut_off,
    "bad deploy": bad_deploy,
    "redis full": redis_full,
    "lock held": lock_held,
    "connections exhausted": connections_exhausted,
    "postgres killed": postgres_killed,
}
"""Phase -> its fault; the last one is the one that leaves most behind."""
