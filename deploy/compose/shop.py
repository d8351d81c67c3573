"""The demo's web shop against the Compose stack: its tables in PostgreSQL, its cache in Redis.

SHOP_DATABASE and SHOP_CACHE are addresses with a user, SHOP_PASSWORD_FILE has the password of both. The file
/tmp/working is touched as long as PostgreSQL answers.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from exporter.demo.workload import Workload

WORKING = Path("/tmp/working")  # noqa: S108 - the container's own
EACH_SECONDS = 15.0


def with_password(address: str, password: str) -> str:
    """The address with the password in it."""
    parts = urlsplit(address)
    user, _, where = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{password}@{where}").geturl()


async def beat(dsn: str) -> None:
    """Touches the file as long as the database answers; the shop itself waits for servers that went away."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(dsn, connect_timeout=5):
                WORKING.touch()  # noqa: ASYNC240 - memory, not a disk
        except psycopg.Error:
            pass
        await asyncio.sleep(EACH_SECONDS)


async def work(shop: Workload, dsn: str) -> None:
    """Does both until the container is stopped."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(shop.run())
        tasks.create_task(beat(dsn))


def main() -> None:
    """Makes the tables unless they are there, and works."""
    password = Path(os.environ["SHOP_PASSWORD_FILE"]).read_text().strip()
    dsn = with_password(os.environ["SHOP_DATABASE"], password)
    shop = Workload(dsn, with_password(os.environ["SHOP_CACHE"], password))
    try:
        shop.create()
    except psycopg.errors.DuplicateTable:  # the volume is not new
        pass
    else:
        shop.rehearse()
    asyncio.run(work(shop, dsn))


if __name__ == "__main__":
    main()
