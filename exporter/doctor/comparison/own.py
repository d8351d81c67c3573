"""Our own page, from one scrape of all that is switched on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.expose.text import TextEncoder
from exporter.model.collector import Named
from exporter.model.deadline import Deadline
from exporter.model.snapshot import Outcome
from exporter.settings import Settings
from exporter.stack import Stack


async def own_page(
    settings: Settings, collectors: Mapping[str, Named], seconds: float
) -> tuple[str, Sequence[Outcome]]:
    """The page as the daemon would serve it, background collectors included, and what became of each.

    Args:
        settings: the configuration, of the top level or of one target.
        collectors: all collectors of this installation, by name.
        seconds: how long the background collectors may take, and then the scrape.
    """
    stack = Stack(settings, collectors)
    try:
        await stack.engine.warm(Deadline.after(seconds))
        snapshot = await stack.scrape(Deadline.after(seconds))
    finally:
        await stack.close()
    return b"".join(TextEncoder().encode(snapshot.tables)).decode(), snapshot.outcomes
