"""Memory: what the server shares, what a query may take, what it believes that the system caches."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.analysis.advice.settings.change import Advice, as_memory, bytes_of, number_of, rounded
from exporter.analysis.finding import Confidence, Evidence, Finding, Severity
from exporter.analysis.wording import DAY, GB, MB, number, percent, size
from exporter.facts.server import ServerFacts

LEAST_MEMORY = 2 * GB
SMALL_SHARE, GOOD_SHARE, LARGE_SHARE = 0.1, 0.25, 0.5
CACHE_SHARE = 0.75
READS_A_SECOND = 1000.0
SHORTEST_SECONDS = 3600.0
TEMP_FILES_A_DAY = 100.0
WARN_TEMP_A_SECOND = 10 * MB
MOST_WORK_MEM = 256 * MB
HUGE = 8 * GB
MANY_CONNECTIONS = 500


def shared_buffers(server: ServerFacts) -> Iterator[Finding]:
    """A small part of the memory, or so much that what the system caches twice is missing."""
    value, memory = bytes_of(server, "shared_buffers"), server.memory_bytes
    if value is None:
        return
    if memory is None:
        yield from _small_without_memory(server, value)
        return
    share = value / memory
    if memory < LEAST_MEMORY or SMALL_SHARE <= share <= LARGE_SHARE:
        return
    few = share < SMALL_SHARE
    yield Advice(
        name="shared_buffers",
        value=as_memory(rounded(memory * GOOD_SHARE)),
        title=f"shared_buffers is {percent(share)} of the machine's memory",
        why=(
            "A quarter of a machine that serves PostgreSQL alone is the usual start. "
            + (
                "With less, blocks are copied from the system's cache again and again."
                if few
                else "With more, the system's cache and the memory of queries lack what is kept twice."
            )
        ),
        evidence=[Evidence("memory", memory, "bytes"), *_hits(server)],
        cost="A restart. Not for a machine that other programs need as well.",
    ).finding(server)


def _small_without_memory(server: ServerFacts, value: float) -> Iterator[Finding]:
    """The value of a new cluster on a server that reads much; its memory is not known."""
    reads = sum(d.blks_read / max(d.seconds or 0.0, SHORTEST_SECONDS) for d in server.databases)
    if value > 128 * MB or reads < READS_A_SECOND:
        return
    yield Advice(
        name="shared_buffers",
        value="",
        title=f"shared_buffers is {size(value)}, as in a new cluster, and many blocks are read",
        why=(
            "A quarter of the memory is the usual start; how much the server's machine has is not known here."
        ),
        evidence=[Evidence("blocks read", round(reads), "1/s"), *_hits(server)],
        cost="A restart.",
        confidence=Confidence.LOW,
    ).finding(server)


def _hits(server: ServerFacts) -> list[Evidence]:
    hit, read = sum(d.blks_hit for d in server.databases), sum(d.blks_read for d in server.databases)
    if not hit + read:
        return []
    return [Evidence("blocks found in shared buffers", round(hit / (hit + read), 3), "ratio")]


def effective_cache_size(server: ServerFacts) -> Iterator[Finding]:
    """Far from what the machine can cache: the planner takes index scans for too dear, or too cheap."""
    value, memory = bytes_of(server, "effective_cache_size"), server.memory_bytes
    if value is None or memory is None or memory < LEAST_MEMORY or 0.4 * memory <= value <= memory:
        return
    yield Advice(
        name="effective_cache_size",
        value=as_memory(rounded(memory * CACHE_SHARE)),
        title=f"effective_cache_size is {size(value)} on a machine with {size(memory)}",
        why=(
            "The planner is told by it how much of a table is likely to be cached, by the server or the "
            "system, and weighs index scans by that. It takes no memory."
        ),
        evidence=[Evidence("memory", memory, "bytes")],
        cost="Nothing; plans may change.",
    ).finding(server)


def work_mem(server: ServerFacts) -> Iterator[Finding]:
    """Sorts and hashes that go to temporary files, many times a day."""
    files = sum(d.temp_files / max(d.seconds or 0.0, SHORTEST_SECONDS) for d in server.databases) * DAY
    a_second = sum(d.temp_bytes / max(d.seconds or 0.0, SHORTEST_SECONDS) for d in server.databases)
    value = bytes_of(server, "work_mem")
    if value is None or files < TEMP_FILES_A_DAY:
        return
    each = sum(d.temp_bytes for d in server.databases) / max(1, sum(d.temp_files for d in server.databases))
    wanted = _fitting_work_mem(server, value, each)
    yield Advice(
        name="work_mem",
        value=as_memory(wanted) if wanted > value else "",
        title=f"{number(files)} temporary files a day, {size(each)} each on average",
        why=(
            "Sorts and hashes that need more than work_mem go to disk. Each step of each query may take "
            "that much, so a large value belongs to the roles or queries that need it, a moderate one to "
            "all."
        ),
        evidence=[
            Evidence("temporary files", round(files), "1/day"),
            Evidence("written to them", round(a_second), "bytes/s"),
            Evidence("mean size", round(each), "bytes"),
        ],
        severity=Severity.WARNING if a_second >= WARN_TEMP_A_SECOND else Severity.INFO,
        notes=[
            "for those who need it only: ALTER ROLE ... SET work_mem = ...; which ones: log_temp_files = 0",
            *(
                []
                if server.memory_bytes
                else ["the machine's memory is not known here: see that it is enough"]
            ),
        ],
        cost="Memory: this much for each sort or hash that runs at the same time.",
        weight=a_second,
    ).finding(server)


def _fitting_work_mem(server: ServerFacts, value: float, each: float) -> int:
    """Twice the mean file, as far as a quarter of the memory has room for all connections."""
    connections = number_of(server, "max_connections") or 100.0
    room = server.memory_bytes / 4 / connections if server.memory_bytes else 64 * MB
    return rounded(max(MB, min(max(2 * each, 2 * value), room, MOST_WORK_MEM)))


def maintenance_work_mem(server: ServerFacts) -> Iterator[Finding]:
    """The value of a new cluster on a large machine."""
    value, memory = bytes_of(server, "maintenance_work_mem"), server.memory_bytes
    if value is None or memory is None or memory < 8 * GB or value > 64 * MB:
        return
    yield Advice(
        name="maintenance_work_mem",
        value=as_memory(rounded(min(memory * 0.05, GB))),
        title=f"maintenance_work_mem is {size(value)} on a machine with {size(memory)}",
        why=(
            "VACUUM goes through all indexes of a table once for each time that this is full; CREATE INDEX "
            "sorts in it."
        ),
        evidence=[Evidence("memory", memory, "bytes")],
        cost="Memory: this much for each autovacuum worker and each CREATE INDEX.",
        confidence=Confidence.LOW,
    ).finding(server)


def huge_pages(server: ServerFacts) -> Iterator[Finding]:
    """Large shared buffers in pages of 4 kB."""
    value, status = bytes_of(server, "shared_buffers"), server.settings.get("huge_pages_status")
    wanted = server.settings.get("huge_pages")
    if value is None or wanted is None or value < HUGE:
        return
    if wanted.value != "off" and (status is None or status.value != "off"):
        return
    yield Advice(
        name="huge_pages",
        value="try",
        title=f"shared_buffers of {size(value)} without huge pages",
        why=(
            "Each session has page tables for all of it: with hundreds of sessions that is gigabytes, and "
            "time."
        ),
        evidence=[Evidence("shared_buffers", value, "bytes")],
        notes=[
            "the system must have them first: SHOW shared_memory_size_in_huge_pages; then vm.nr_hugepages"
        ],
        cost="A restart; memory that is set aside for the server.",
    ).finding(server)


def max_connections(server: ServerFacts) -> Iterator[Finding]:
    """Room for far more sessions than there are; the opposite is about clients."""
    most, used = number_of(server, "max_connections"), len(server.sessions)
    if most is None or most < MANY_CONNECTIONS or used * 5 > most or not server.sessions_visible:
        return
    yield Advice(
        name="max_connections",
        value="",
        title=f"max_connections is {number(most)}, and {number(used)} sessions are there",
        why=(
            "Each possible session costs shared memory and makes snapshots dearer, and when all come at "
            "once the server has no way to say no. A pool in front of it needs fewer."
        ),
        evidence=[Evidence("sessions", used)],
        cost="A restart; look at the most sessions of a month first.",
        confidence=Confidence.LOW,
    ).finding(server)
