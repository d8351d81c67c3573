"""What commands with tables write to: a terminal, or a pipe that has no width."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 120
STEP_SECONDS = 0.2
TRAILING = re.compile(r" +((?:\x1b\[0m)?)(?=\n)")


def console(file: IO[str] | None = None) -> Console:
    """Standard output for tables: texts are shown as they are, no markup and no emoji in them.

    Args:
        file: where to write instead, without colours.
    """
    from rich.console import Console  # noqa: PLC0415  # not for --help

    known = file is None and (sys.stdout.isatty() or "COLUMNS" in os.environ)
    return Console(
        file=cast("IO[str]", _Trimmed(file or sys.stdout)),
        width=None if known else PIPE_WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
    )


class _Trimmed:
    """A stream without the blanks that fill lines up, and with `?` for what its encoding does not have."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        text = TRAILING.sub(r"\1", text)
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        return self._stream.write(text.encode(encoding, "replace").decode(encoding))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def one_line(text: str) -> str:
    """A text for a cell of a table: on one line, and nothing in it that a terminal obeys."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))


def kept_line(line: str) -> str:
    """A line with its indent and the blanks in it, and nothing in it that a terminal obeys."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


async def wait(seconds: float, what: str) -> None:
    """Waits, and shows on standard error how long still, if that is a terminal."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    errors = Console(stderr=True)
    if not errors.is_terminal:
        await asyncio.sleep(seconds)
        return
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn()
    end = monotonic() + seconds
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task(what, total=seconds)
        while (left := end - monotonic()) > 0:
            await asyncio.sleep(min(left, STEP_SECONDS))
            progress.update(task, completed=seconds - max(0.0, end - monotonic()))
