"""What INFO says of the server as such: who it is, when it started, its clock, certificates and engines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from exporter.model.metric import gauge
from exporter.model.table import Table, Value, by_row, info
from exporter.sources.redis import Info
from exporter.sources.redis.info import key_values, number, product

LABELS = (
    "role",
    "redis_version",
    "redis_build_id",
    "redis_mode",
    "os",
    "maxmemory_policy",
    "tcp_port",
    "run_id",
    "process_id",
    "master_replid",
)
LABELS_WHERE_KNOWN = ("valkey_version", "valkey_release_stage", "availability_zone")
ENGINE_LABELS = ("engine", "module", "abi_version")

INSTANCE = gauge(
    "redis_instance_info",
    "1, with what identifies the server as labels; valkey_version, valkey_release_stage and"
    " availability_zone only where INFO has them.",
    (*LABELS, *LABELS_WHERE_KNOWN),
)
SERVER = gauge(
    "redis_server_info",
    "1, with the product (Redis, Valkey, KeyDB, Dragonfly) and its own version as labels.",
    ("product", "version"),
)
START_TIME = gauge("redis_start_time_seconds", "Unix time at which the server started.")
CLOCK_SKEW = gauge(
    "redis_clock_skew_seconds",
    "The server's clock less the exporter's; a few milliseconds come from the way that INFO has.",
)
CERTIFICATE = gauge(
    "redis_tls_certificate_info",
    "1 for each certificate of the server (Valkey 9.1 and newer).",
    ("certificate", "serial"),
)
ENGINE = gauge(
    "redis_scripting_engine_info", "1 for each scripting engine (Valkey 9.1 and newer).", ENGINE_LABELS
)
ENGINE_MEMORY = gauge(
    "redis_scripting_engine_memory_used_bytes",
    "Memory of a scripting engine (Valkey 9.1 and newer).",
    ENGINE_LABELS,
)
ENGINE_OVERHEAD = gauge(
    "redis_scripting_engine_memory_overhead_bytes",
    "Overhead of a scripting engine (Valkey 9.1 and newer).",
    ENGINE_LABELS,
)

METRICS = (INSTANCE, SERVER, START_TIME, CLOCK_SKEW, CERTIFICATE, ENGINE, ENGINE_MEMORY, ENGINE_OVERHEAD)

CLOCK_TOLERANCE_SECONDS = 5


class StartTime:
    """The server's start, held still: the uptime has whole seconds, so now - uptime jitters by one.

    Args:
        clock: Unix time.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._run_id = ""
        self._held: int | None = None

    def of(self, info: Info) -> int | None:
        """Unix time of the start; None where INFO does not tell the uptime.

        The same for as long as the server runs, unless one of the clocks is set.
        """
        uptime = info.number("uptime_in_seconds")
        if uptime is None or not abs(uptime) < LONGEST_UPTIME_SECONDS:
            return None
        now = int(self._clock() - uptime)
        run_id = info.get("run_id")
        if self._held is None or run_id != self._run_id or abs(now - self._held) > CLOCK_TOLERANCE_SECONDS:
            self._run_id, self._held = run_id, now
        return self._held


LONGEST_UPTIME_SECONDS = 1e10


def clock_skew(reply: Info) -> float | None:
    """The server's clock less ours, in seconds; None where INFO does not tell the time (before 6.0)."""
    microseconds = reply.number("server_time_usec")
    return None if microseconds is None else microseconds / 1e6 - time.time()


def instance_tables(reply: Info) -> Sequence[Table]:
    """The server's identity."""
    labels = {name: reply.get(name) for name in LABELS}
    # Valkey has renamed it.
    labels["redis_mode"] = labels["redis_mode"] or reply.get("server_mode")
    labels |= {name: reply.get(name) for name in LABELS_WHERE_KNOWN if name in reply.fields}
    name, version = product(reply)
    known = [info(SERVER, {"product": name, "version": version})] if version else []
    return [info(INSTANCE, labels), *known]


def valkey_tables(reply: Info) -> Sequence[Table]:
    """What only Valkey 9.1 and newer tell, with labels: certificates, scripting engines."""
    serials = [(name, reply.get(f"tls_{name}_cert_serial")) for name in ("server", "client", "ca")]
    known = [((name, serial), (1,)) for name, serial in serials if serial not in ("", "none")]
    engines = [_engine(value) for value in numbered(reply, "engine_{}")]
    tables = (
        by_row(CERTIFICATE.labels, (CERTIFICATE,), known),
        by_row(ENGINE_LABELS, (ENGINE, ENGINE_MEMORY, ENGINE_OVERHEAD), engines),
    )
    return [table for table in tables if table.rows]


def numbered(reply: Info, pattern: str, first: int = 0) -> Iterator[str]:
    """The values of fields whose names differ in a number that counts up: `engine_0`, `engine_1`, ..."""
    number = first
    while (value := reply.fields.get(pattern.format(number))) is not None:
        yield value
        number += 1


def _engine(text: str) -> tuple[tuple[str, ...], tuple[Value, ...]]:
    parts = key_values(text)
    labels = (parts.get("name", ""), parts.get("module", ""), parts.get("abi_version", ""))
    return labels, (1, number(parts.get("used_memory")), number(parts.get("memory_overhead")))
