"""Records what PgBouncers answer, as the collectors get it, and the pages that come of it.

`python -m tests.record_pgbouncer PROGRAM...` writes tests/recorded/pgbouncer/VERSION.json for each of
these programs, then all of tests/golden/pgbouncer; `--golden` writes only the latter. Debian's
/usr/sbin/pgbouncer is version 1.18; the others are built from the tags of PgBouncer's repository.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from exporter.model.deadline import Deadline
from exporter.sources.pgbouncer import PgBouncerOptions, PgBouncerServer, Row
from tests.live.pool.workload import bouncer, client, queue
from tests.replay_pgbouncer import GOLDEN, RECORDED, RECORDINGS, golden, page, played
from tests.servers import Postgres

COMMANDS = ("VERSION", "POOLS", "STATS_TOTALS", "DATABASES", "LISTS", "CONFIG", "CLIENTS")


async def record(postgres: Postgres, program: Path) -> Mapping[str, Sequence[Row]]:
    """Starts the program, gives it something to do, and asks it everything."""
    with bouncer(postgres, program) as running:
        source = PgBouncerServer(PgBouncerOptions(dsn=running.dsn(user="stats")))
        try:
            with client(running, "forced") as other, client(running, "held"):
                other.execute("SELECT 1")
                running.console("PAUSE held")
                async with queue(running):
                    return {what: _public(await source.show(what, Deadline.after(5))) for what in COMMANDS}
        finally:
            await source.close()


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
