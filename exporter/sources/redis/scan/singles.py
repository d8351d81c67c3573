"""Keys and streams that are read by their names: no walk is needed for them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from exporter.sources.redis.scan.asker import Asker, Inspection
from exporter.sources.redis.scan.inspect import KeyFacts, StreamFacts, examine_key, examine_stream
from exporter.sources.redis.scan.options import KEYS, STREAMS, KeyOptions, by_database, is_pattern

Examine = Callable[[bytes], Inspection]


def key_examiner(options: KeyOptions, database: int, keep: Callable[[KeyFacts], None]) -> Examine:
    """Examines keys of a database as the options have it."""
    with_value = not options.disable_exporting_key_values
    return lambda key: examine_key(database, key, keep, with_value=with_value)


def stream_examiner(options: KeyOptions, database: int, keep: Callable[[StreamFacts], None]) -> Examine:
    """Examines streams of a database as the options have it."""
    with_consumers = not options.streams_exclude_consumer_metrics
    return lambda key: examine_stream(database, key, keep, with_consumers=with_consumers)


class Singles:
    """The keys and streams that are configured by their names, read once.

    Args:
        options: what is configured.
        parts: which of it somebody wants to see.

    Attributes:
        keys: those that are there.
        streams: those that are there.
    """

    def __init__(self, options: KeyOptions, parts: Collection[str]) -> None:
        self._options = options
        self._keys = _names(options.check_single_keys, options.check_keys) if KEYS in parts else ()
        streams = _names(options.check_single_streams, options.check_streams)
        self._streams = streams if STREAMS in parts else ()
        self.keys: list[KeyFacts] = []
        self.streams: list[StreamFacts] = []

    async def read(self, asker: Asker) -> None:
        """Asks for all of them.

        Raises:
            SourceError: as the connection does.
        """
        await self._read(asker, self._keys, lambda db: key_examiner(self._options, db, self.keys.append))
        await self._read(
            asker, self._streams, lambda db: stream_examiner(self._options, db, self.streams.append)
        )

    async def _read(self, asker: Asker, texts: Sequence[str], examiner: Callable[[int], Examine]) -> None:
        for database, names in by_database(texts).items():
            examine = examiner(database)
            inspections = [examine(name.encode(errors="surrogateescape")) for name in dict.fromkeys(names)]
            await asker.inspect(inspections, database)


def _names(given: Sequence[str], patterns: Sequence[str]) -> Sequence[str]:
    return [*given, *(text for text in patterns if not is_pattern(text))]
