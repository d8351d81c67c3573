"""Vacuums that take their time, so that they are seen at work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import psycopg
import pytest

from tests.servers import Postgres
from tests.workload import wait_until

DELETED = 900
TABLE = (
    "CREATE TABLE {0} (id int PRIMARY KEY, note text) WITH (autovacuum_enabled = off)",
    "INSERT INTO {0} SELECT g, repeat('x', 100) FROM generate_series(1, 20000) AS g",
    f"DELETE FROM {{0}} WHERE id <= {DELETED}",
    "ANALYZE {0}",
)
SLOWLY = "SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1"

EAGER = """ALTER TABLE {0} SET (autovacuum_enabled = on,
    autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)"""
"""For autovacuum, within `autovacuum_naptime`."""


def table(name: str, *more: str) -> list[str]:
    """Statements that make a table with dead rows, and more of them with the name put in."""
    return [statement.format(name) for statement in (*TABLE, *more)]


@contextmanager
def vacuuming(pg: Postgres, dbname: str, name: str) -> Iterator[None]:
    """A VACUUM that has found dead rows and is far from done: a page takes it a tenth of a second."""
    with pg.connect(dbname=dbname) as session:
        session.execute(SLOWLY.encode())
        thread = Thread(target=_vacuum, args=(session, name))
        thread.start()
        dead = "num_dead_tuples" if pg.major < 17 else "num_dead_item_ids"
        begun = f"""SELECT heap_blks_scanned > 0 AND {dead} > 0 FROM pg_stat_progress_vacuum
            WHERE pid = {session.info.backend_pid}"""
        try:
            wait_until(lambda: pg.execute(begun) == [(True,)])
            yield
        finally:
            pg.execute(f"SELECT pg_cancel_backend({session.info.backend_pid})")
            thread.join(10)


def _vacuum(session: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    with pytest.raises(psycopg.errors.QueryCanceled):
        session.execute(f"VACUUM {name}".encode())
