"""A few keys in memory that answer as a server does on the connection for background work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from exporter.model.errors import Reason, Refused, SourceError
from exporter.sources.redis.scan.replies import Raw, RawCommand

INFO = b"redis_version:7.0.15\r\nrun_id:%s\r\nuptime_in_seconds:5\r\n%s"


@dataclass(slots=True)
class FakeKey:
    """What a key answers.

    Attributes:
        kind: to TYPE.
        memory: to MEMORY USAGE.
        pttl: to PTTL.
        replies: to other commands, by what is no key in them: "LLEN", "XINFO STREAM".
    """

    kind: bytes = b"string"
    memory: int = 50
    pttl: int = -1
    replies: Mapping[str, Raw] = field(default_factory=dict)


class FakeAside:
    """Answers as `Aside` does, at once.

    Attributes:
        databases: database -> key -> what it answers; to be changed by a test.
        run_id: of the server.
        number: of the open connection.
        refusals: as a real one's; a command that they name by its first word is refused.
        down: what every call raises, while it is set.
        page: keys in a page of SCAN, whatever COUNT says.
        asked: all commands so far, in order, each with its database.
    """

    def __init__(self, databases: Mapping[int, Mapping[bytes, FakeKey]] | None = None) -> None:
        self.databases = {db: dict(keys) for db, keys in (databases or {}).items()}
        self.run_id = b"first"
        self.number: int | None = None
        self.refused: dict[str, Refused] = {}
        self.down: SourceError | None = None
        self.page = 3
        self.asked: list[tuple[int, RawCommand]] = []
        self._opened = 0

    @property
    def refusals(self) -> Sequence[Refused]:
        """What it refuses for good."""
        return [r for r in self.refused.values() if r.reason in (Reason.PERMISSION, Reason.UNSUPPORTED)]

    async def ask(self, commands: Sequence[RawCommand], database: int = 0) -> list[Raw]:
        """The reply of each command."""
        if self.down is not None:
            self.close()
            raise self.down
        if self.number is None:
            self._opened += 1
            self.number = self._opened
        self.asked += [(database, command) for command in commands]
        return [self._reply(database, command) for command in commands]

    def close(self) -> None:
        """There is no connection until the next `ask`."""
        self.number = None

    def _reply(self, database: int, command: RawCommand) -> Raw:
        keys = self.databases.get(database, {})
        reply: Raw = self.refused.get(str(command[0]))
        match command:
            case _ if reply is not None:
                pass
            case ("INFO",):
                reply = INFO % (self.run_id, self._keyspace())
            case ("DBSIZE",):
                reply = len(keys)
            case ("SCAN", bytes(cursor), *_):
                reply = self._scan(sorted(keys), int(cursor))
            case (*_,) if named := [word for word in command if isinstance(word, bytes)]:
                reply = _about(keys.get(named[0]), command)
        return reply

    def _scan(self, keys: Sequence[bytes], start: int) -> Raw:
        behind = start + self.page
        return [str(behind if behind < len(keys) else 0).encode(), list(keys[start:behind])]

    def _keyspace(self) -> bytes:
        lines = (
            f"db{db}:keys={len(keys)},expires=0,avg_ttl=0\r\n" for db, keys in self.databases.items() if keys
        )
        return b"# Keyspace\r\n" + "".join(lines).encode()


def _about(key: FakeKey | None, command: RawCommand) -> Raw:
    words = " ".join(word for word in command if isinstance(word, str))
    if key is None:
        gone: Mapping[str, Raw] = {"PTTL": -2, "TYPE": b"none"}
        return gone.get(words)
    own: Mapping[str, Raw] = {"MEMORY USAGE SAMPLES 5": key.memory, "PTTL": key.pttl, "TYPE": key.kind}
    return {**own, **key.replies}.get(words)
