"""What INFO says of the server as such: who it is, when it started, its certificates and engines."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from exporter.model.metric import counter, gauge
from exporter.model.table import Table, Value, by_row, info
from exporter.sources.redis import Info
from exporter.sources.redis.info import key_values, number

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
START_TIME = gauge("redis_start_time_seconds", "Unix time at which the server started.")
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
IO_THREAD_ACTIVE = counter(
    "redis_active_time_io_thread_seconds_total",
    "Time that an I/O thread spent at work (Valkey 9.1 and newer).",
    ("thread",),
)

METRICS = (INSTANCE, START_TIME, CERTIFICATE, ENGINE, ENGINE_MEMORY, ENGINE_OVERHEAD, IO_THREAD_ACTIVE)

IO_THREAD = re.compile(r"used_active_time_io_thread_(\d+)")
ENGINE_FIELD = re.compile(r"engine_\d+")
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
        if uptime is None:
            return None
        now = int(self._clock() - uptime)
        run_id = info.get("run_id")
        if self._held is None or run_id != self._run_id or abs(now - self._held) > CLOCK_TOLERANCE_SECONDS:
            self._run_id, self._held = run_id, now
        return self._held


def instance_table(reply: Info) -> Table:
    """The server's identity."""
    labels = {name: reply.get(name) for name in LABELS}
    # Valkey has renamed it.
    labels["redis_mode"] = labels["redis_mode"] or reply.get("server_mode")
    labels |= {name: reply.get(name) for name in LABELS_WHERE_KNOWN if name in reply.fields}
    return info(INSTANCE, labels)


def valkey_tables(reply: Info) -> Sequence[Table]:
    """What only Valkey 9.1 and newer tell, with labels."""
    serials = [(name, reply.get(f"tls_{name}_cert_serial")) for name in ("server", "client", "ca")]
    known = [((name, serial), (1,)) for name, serial in serials if serial not in ("", "none")]
    engines = [_engine(value) for name, value in reply.fields.items() if ENGINE_FIELD.fullmatch(name)]
    threads = [
        ((match[1],), (number(value),))
        for name, value in reply.fields.items()
        if name.startswith("used_active") and (match := IO_THREAD.fullmatch(name))
    ]
    tables = (
        by_row(CERTIFICATE.labels, (CERTIFICATE,), known),
        by_row(ENGINE_LABELS, (ENGINE, ENGINE_MEMORY, ENGINE_OVERHEAD), engines),
        by_row(IO_THREAD_ACTIVE.labels, (IO_THREAD_ACTIVE,), threads),
    )
    return [table for table in tables if table.rows]


def _engine(text: str) -> tuple[tuple[str, ...], tuple[Value, ...]]:
    parts = key_values(text)
    labels = (parts.get("name", ""), parts.get("module", ""), parts.get("abi_version", ""))
    return labels, (1, number(parts.get("used_memory")), number(parts.get("memory_overhead")))
