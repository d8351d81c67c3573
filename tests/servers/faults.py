"""What goes wrong in the chain: each fault lasts until its stack is closed."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from threading import Thread

import psycopg

from tests.servers.chain import Chain


def hold_a_lock(chain: Chain, faults: ExitStack) -> None:
    """A table is locked by an open transaction, and another session waits for it."""
    chain.primary.execute("CREATE TABLE stock (id int)", dbname="shop")
    holder = faults.enter_context(chain.primary.connect(dbname="shop"))
    holder.execute("BEGIN; LOCK TABLE stock IN ACCESS EXCLUSIVE MODE")
    waiter = Thread(target=lambda: chain.primary.execute("SELECT * FROM stock", dbname="shop"), daemon=True)
    waiter.start()
    faults.callback(waiter.join, 10)
    faults.callback(holder.execute, "ROLLBACK")


def take_all_connections(chain: Chain, faults: ExitStack) -> None:
    """Every one that ordinary roles can have: superusers, the exporter among them, have reserved ones."""
    chain.primary.execute("CREATE ROLE web LOGIN PASSWORD 'web'")
    with suppress(psycopg.OperationalError):
        while True:
            faults.enter_context(chain.primary.connect(dbname="shop", user="web", password="web"))


def fill_redis(chain: Chain, faults: ExitStack) -> None:
    """Up to 97 % of maxmemory."""
    client = faults.enter_context(chain.cache.client())
    limit, used = (int(client.info("memory")[key]) for key in ("maxmemory", "used_memory"))
    piece = 1 << 18
    for number in range(int((limit * 0.97 - used) / piece)):
        client.set(f"ballast:{number}", "x" * (piece - 1000))
    faults.callback(client.flushall)


def stop_the_replay(chain: Chain, faults: ExitStack) -> None:
    """The standby receives WAL, 8 MB of it, and does not replay it."""
    chain.replica.execute("SELECT pg_wal_replay_pause()")
    faults.callback(chain.replica.execute, "SELECT pg_wal_replay_resume()")
    chain.primary.execute("CREATE TABLE wal AS SELECT repeat('x', 1000) FROM generate_series(1, 8000)")
