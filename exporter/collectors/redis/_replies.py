"""What the collectors do with a server's answers."""

from __future__ import annotations

from exporter.model.errors import Reason, Refused, Skip
from exporter.sources.redis import Reply

ASKED_ONCE = (Reason.PERMISSION, Reason.UNSUPPORTED)


def granted(reply: Reply) -> str | int | list[Reply] | None:
    """The reply, if the server gave one.

    Raises:
        Skip: this server has no such command, or this user may not run it.
        Refused: it was refused for another reason, which may pass.
    """
    if not isinstance(reply, Refused):
        return reply
    if reply.reason in ASKED_ONCE:
        raise Skip(reply.reason, str(reply))
    raise reply.with_traceback(None)


def listed(reply: Reply) -> list[Reply]:
    """The reply if it is a list, else an empty one: also for a refusal."""
    return reply if isinstance(reply, list) else []


def paired(reply: Reply) -> dict[str, Reply]:
    """A list of names and values in turn, as CONFIG GET gives it, as a dict."""
    items = iter(listed(reply))
    return {str(name): value for name, value in zip(items, items, strict=False)}
