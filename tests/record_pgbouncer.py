"""Records what PgBouncers answer, as the collectors get it, and the pages that come of it.

`python -m tests.record_pgbouncer PROGRAM...` writes tests/recorded/pgbouncer/VERSION.json for each of
these programs, then all of tests/golden/pgbouncer; `--golden` writes only the latter. Debian's
/usr/sbin/pgbouncer is version 1.18; the others are built from the tags of PgBouncer's repository.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from exporter.demo.process import LOOPBACK
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused
from exporter.sources.pgbouncer import PgBouncerOptions, PgBouncerServer, Row
from tests.live.pool.workload import bouncer, client, queue
from tests.replay_pgbouncer import GOLDEN, RECORDED, RECORDINGS, golden, page, played
from tests.servers import Postgres

COMMANDS = (
    *("VERSION", "POOLS", "STATS_TOTALS", "DATABASES", "LISTS", "CONFIG", "CLIENTS", "SERVERS", "USERS"),
    *("MEM", "STATE", "PEERS", "PEER_POOLS"),
)
PEER = 0x0202
USERS = {"stats": "pool_size=3 max_user_connections=4"}
"""The last user by name, because versions up to 1.25 repeat its pool size for those after it."""


async def record(postgres: Postgres, program: Path) -> Mapping[str, Sequence[Row]]:
    """Starts the program, gives it something to do, and asks it everything."""
    minor = _minor(program)
    with ExitStack() as stack:
        sections, ini = {}, {}
        if minor >= 23:
            sections["users"] = USERS
        if minor >= 19:
            ini["peer_id"] = "1"
            sections["peers"] = {
                str(PEER): f"host={LOOPBACK} port={stack.enter_context(_silent())} pool_size=4"
            }
        running = stack.enter_context(bouncer(postgres, program, sections, **ini))
        source = PgBouncerServer(PgBouncerOptions(dsn=running.dsn(user="stats")))
        try:
            with client(running, "forced") as other, client(running, "held"):
                other.execute("SELECT 1")
                running.console("PAUSE held")
                if minor >= 19:
                    stack.enter_context(_cancelling(running.port))
                async with queue(running):
                    return await _answers(source)
        finally:
            await source.close()


async def _answers(source: PgBouncerServer) -> Mapping[str, Sequence[Row]]:
    """Command -> its rows, but for commands that this version does not know."""
    found = {}
    for what in COMMANDS:
        try:
            found[what] = _public(await source.show(what, Deadline.after(5)))
        except Refused as error:
            if error.reason is not Reason.UNSUPPORTED:
                raise
    return found


def _minor(program: Path) -> int:
    """18 of PgBouncer 1.18.0."""
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"PgBouncer 1\.(\d+)", text)
    assert found is not None, text
    return int(found[1])


@contextmanager
def _silent() -> Iterator[int]:
    """The port of a peer that takes connections and says nothing."""
    with socket.create_server((LOOPBACK, 0)) as listening:
        yield listening.getsockname()[1]


@contextmanager
def _cancelling(port: int) -> Iterator[None]:
    """A cancel request for a client of the peer, which stays under way.

    The key names the peer in its first two bytes, or from 1.21 on in the second and the third, and ends with
    how often it may be passed on.
    """
    key = PEER.to_bytes(2) * 2 + bytes([0, 0, 0, 3])
    with socket.create_connection((LOOPBACK, port)) as connection:
        connection.sendall((16).to_bytes(4) + (80877102).to_bytes(4) + key)
        yield


def _public(rows: Sequence[Row]) -> list[Row]:
    """The rows without those that hold a path of this machine."""
    return [row for row in rows if not any("/" in (text or "") for text in row.values())]


async def save(postgres: Postgres, programs: Sequence[Path]) -> None:
    """Writes the recording of each program."""
    RECORDED.mkdir(parents=True, exist_ok=True)
    for program in programs:
        answers = await record(postgres, program)
        version = str(answers["VERSION"][0]["version"]).removeprefix("PgBouncer ")
        (RECORDED / f"{version}.json").write_text(json.dumps(answers, indent=1) + "\n")
        print(f"recorded {version}")


async def save_golden() -> None:
    """Writes the page of each recording."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for recording in RECORDINGS:
        golden(recording).write_text(await page(played(recording)))


def main() -> None:
    programs = [Path(argument) for argument in sys.argv[1:] if argument != "--golden"]
    if programs:
        with Postgres() as postgres:
            asyncio.run(save(postgres, programs))
    asyncio.run(save_golden())


if __name__ == "__main__":
    main()
