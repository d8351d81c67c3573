"""What a Redis server may answer, and what its refusals mean."""

from __future__ import annotations

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    MasterDownError,
    NoPermissionError,
    RedisError,
)

from exporter.model.errors import Reason, Refused
from exporter.sources.redis.source import Command

CONTAINERS = frozenset(
    (
        *("ACL", "CLIENT", "CLUSTER", "COMMANDLOG", "CONFIG", "LATENCY"),
        *("MEMORY", "SENTINEL", "SLOWLOG", "XINFO"),
    )
)
"""Commands whose first argument is a subcommand that may be allowed by itself."""


def right_of(command: Command) -> Command:
    """What has to be allowed for a command: its name, with the subcommand where it has one."""
    return tuple(word.upper() for word in command[: 2 if command[0].upper() in CONTAINERS else 1])


class LoginRefused(Refused):
    """The server talks to nobody without a login, or not with this one: the connection is of no use."""


def refusal(error: RedisError, command: Command, where: str, user: str) -> Refused:
    """Says what a server's error means and what to do about it.

    The reason is PERMISSION (the ACL, or the login), UNSUPPORTED (no such command here), UNAVAILABLE
    (loading its data, its master is down, busy with a script: it passes) or ERROR.
    """
    name = " ".join(right_of(command))
    said = _without_arguments(str(error), command)
    if isinstance(error, AuthenticationError) or said.startswith("DENIED"):
        remedy = "check redis.username and redis.password against the users of this server (ACL LIST)"
        return LoginRefused(f"redis at {where}: login refused: {said}: {remedy}", Reason.PERMISSION)
    if isinstance(error, NoPermissionError) or said.startswith("NOPERM"):
        if " access " in said:  # this key is not for this user, others may be
            return Refused(f"redis at {where}: {name}: a key may not be read by user {user}")
        rule = "+" + "|".join(right_of(command)).lower()
        remedy = f"run ACL SETUSER {user} {rule} there, then reload the exporter"
        return Refused(f"redis at {where}: user {user} may not run {name}: {remedy}", Reason.PERMISSION)
    if "unknown command" in said.lower() or "unknown subcommand" in said.lower():
        return Refused(f"redis at {where}: has no command {name}", Reason.UNSUPPORTED)
    if isinstance(error, BusyLoadingError | MasterDownError) or said.startswith("BUSY "):
        return Refused(f"redis at {where}: {name}: {said}", Reason.UNAVAILABLE)
    return Refused(f"redis at {where}: {name}: {said}", Reason.ERROR)


def _without_arguments(said: str, command: Command) -> str:
    """Errors may quote arguments, and those of AUTH are secret."""
    if command[0] == "AUTH" and any(argument in said for argument in command[1:]):
        return "(the server quotes the login)"
    return said
