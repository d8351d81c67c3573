"""What a Redis server needs so that everything can be collected from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from exporter.doctor.finding import Finding, Notes
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, SourceError
from exporter.sources.redis import Command, Info, RedisSource
from exporter.sources.redis.info import product, version
from exporter.sources.redis.replies import LoginRefused

OLDEST = (6, 2)
"""The oldest version that is tested."""
HISTOGRAMS = (7, 0)
"""The version that came with LATENCY HISTOGRAM and percentiles of commands."""

SWITCHES: Mapping[Command, tuple[str, str, str]] = {
    ("CONFIG", "GET", "slowlog-log-slower-than"): (
        "-1",
        "the slow log is off: redis_slowlog_* stay at 0",
        "CONFIG SET slowlog-log-slower-than 10000",
    ),
    ("CONFIG", "GET", "latency-tracking"): (
        "no",
        "latency tracking is off: there are no histograms and percentiles of commands",
        "CONFIG SET latency-tracking yes",
    ),
}
"""Settings -> the value that turns something off, what that means, and what turns it on."""

# As `sources/redis/replies.py` words a refusal; ACL user names hold no white space.
_RULE = re.compile(r"ACL SETUSER (?P<user>\S+) (?P<rule>\+\S+) there")

CHECK_LOGIN = "# compare redis.username, redis.password and redis.password_file with ACL LIST on the server"
CHECK_ADDRESS = "# is the server running, and does redis.address lead to it?"
NEEDS_PASSWORD = "# the server wants a login: set redis.password, and redis.username where it is not default"  # noqa: S105  a sentence


async def examine(redis: RedisSource, deadline: Deadline) -> list[Finding]:
    """The findings about one server, but for its rights: those show when collectors run (`rights`)."""
    notes = Notes(redis.describe())
    try:
        info = await redis.info(deadline)
    except LoginRefused as error:
        notes.error(str(error), NEEDS_PASSWORD if "Authentication required" in str(error) else CHECK_LOGIN)
    except Refused as error:
        if error.reason is not Reason.PERMISSION:
            notes.error(str(error))
    except SourceError as error:
        notes.error(str(error), CHECK_ADDRESS)
    else:
        _version(info, notes)
        _state(info, notes)
        await _switches(redis, deadline, notes)
    return notes.findings


def rights(target: str, refusals: Iterable[Refused]) -> list[Finding]:
    """One finding for all commands that the ACL refuses, with the one rule that allows them.

    Args:
        target: as in `Finding`.
        refusals: what the server refused while every collector ran once.
    """
    notes = Notes(target)
    matches = [m for refused in refusals if (m := _RULE.search(str(refused)))]
    if matches:
        rules = sorted({match["rule"] for match in matches})
        commands = ", ".join(rule[1:].replace("|", " ").upper() for rule in rules)
        notes.error(
            f"user {matches[0]['user']} may not run {commands}",
            f"ACL SETUSER {matches[0]['user']} {' '.join(rules)}",
            "# then ACL SAVE where the server has an aclfile, else CONFIG REWRITE, so that it stays",
        )
    return notes.findings


def _version(info: Info, notes: Notes) -> None:
    name, told = product(info)
    what = f"{name} {told or 'of unknown version'}"
    known = version(told)
    if name != "Redis" or not known or known >= HISTOGRAMS:
        notes.ok(what)
    elif known >= OLDEST:
        notes.ok(f"{what}: histograms and percentiles of commands come with 7.0")
    else:
        oldest = ".".join(map(str, OLDEST))
        notes.advice(f"{what}: older than {oldest}, the oldest that is tested")


async def _switches(redis: RedisSource, deadline: Deadline, notes: Notes) -> None:
    """What is turned off on the server. Refusals show when collectors run."""
    try:
        replies = await redis.fetch(list(SWITCHES), deadline)
    except SourceError:
        return
    for (off, what, remedy), reply in zip(SWITCHES.values(), replies, strict=True):
        if isinstance(reply, list) and reply[1:2] == [off]:
            notes.advice(what, remedy, "# then CONFIG REWRITE, so that it stays")


def _state(info: Info, notes: Notes) -> None:
    if info.number("loading") == 1:
        notes.advice("it is loading its data: until then most figures are those of a part")
    if info.get("role") != "slave":
        return
    of = f"{info.get('master_host')}:{info.get('master_port')}"
    if info.get("master_link_status") == "up":
        notes.advice(
            f"it is a replica of {of}: what only the master knows is not collected here",
            "# watch the master with an exporter of its own",
        )
    else:
        notes.advice(
            f"it is a replica of {of}, and the link to it is down: its data are old",
            "# is the master running, and do masterauth and masteruser of the replica fit it?",
        )
