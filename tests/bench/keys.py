"""A pattern scan over five million keys: what scrapes and the server notice of it, and what ends it not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from statistics import quantiles
from time import perf_counter, sleep

from tests.bench.measure import MB, cpu_seconds, page_seconds, rss_bytes
from tests.bench.report import Figure, Report
from tests.bench.stacks import Stacks
from tests.servers import Exporter, Redis

KEYS = {"session": 3_000_000, "cart": 1_500_000, "page": 500_000}
"""Prefix -> keys with small values."""
EXPIRING = 300_000
"""The sessions with a time to live: those with the lowest numbers."""
FEW = 200_000
"""The keys of the server after it was killed."""
PATTERNS = "sessions=session:*,carts=cart:*,pages=page:*,ones=*:1*"
PAUSE_SECONDS = 0.25
SCRAPES = 120
LIMIT_SECONDS = 900.0

ABOUT = (
    f"A Redis with {sum(KEYS.values()) / 1e6:g} million small keys, {PATTERNS.count('=')} patterns and the "
    "ten largest keys of each, with the default budget: 2 % of the server's time, 1,000 commands a second. "
    "Scrapes of the whole Redis family, four a second, with and without the scan; "
    "the server's CPU time is its own used_cpu_user and used_cpu_sys."
)
TTLS = """for i = tonumber(ARGV[1]), tonumber(ARGV[1]) + 9999 do
    redis.call('EXPIRE', 'session:' .. i, 600 + i)
end"""


def run(_stacks: Stacks) -> Report:
    """Times of scrapes, CPU of the server and of our process, the pass, and two kills in its middle."""
    with ExitStack() as stack:
        server = stack.enter_context(Redis(settings={"save": ""}))
        fill(server, KEYS)
        plain = stack.enter_context(Exporter(redis__address=server.url, host__enabled=False))
        without = Load(server, plain)
        plain.stop()
        scanning = stack.enter_context(
            Exporter(
                redis__address=server.url,
                redis__key_patterns=PATTERNS,
                redis__top_keys=10,
                host__enabled=False,
            )
        )
        until(scanning, lambda page: page["redis_key_scan_keys_total"] > 50_000)
        during = Load(server, scanning)
        server.execute("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        last = until(scanning, lambda page: page['redis_key_scan_passes_total{result="complete"}'] >= 1)
        memory = rss_bytes(scanning.pid)
        again = killed(server, scanning)
    return Report("Keys in the background", ABOUT, figures(without, during, last, memory), notes(last, again))


class Load:
    """What a number of scrapes took, and what was used meanwhile.

    Attributes:
        slowest: milliseconds, of 99 in 100 scrapes.
        server: share of a core that the server used, in percent.
        ours: the same of our process.
        keys: keys a second that went by.
    """

    def __init__(self, server: Redis, exporter: Exporter) -> None:
        page_seconds(exporter.port)
        began, used, own, keys = (
            perf_counter(),
            used_cpu(server),
            cpu_seconds(exporter.pid),
            scanned(exporter),
        )
        took: list[float] = []
        for _ in range(SCRAPES):
            took.append(page_seconds(exporter.port))
            sleep(PAUSE_SECONDS)
        seconds = perf_counter() - began
        self.slowest = quantiles(took, n=100)[98] * 1000
        self.server = 100 * (used_cpu(server) - used) / seconds
        self.ours = 100 * (cpu_seconds(exporter.pid) - own) / seconds
        self.keys = (scanned(exporter) - keys) / seconds


def fill(server: Redis, keys: dict[str, int]) -> None:
    """Makes the keys, quickly."""
    with server.client() as client:
        client.connection_pool.connection_kwargs["socket_timeout"] = 120.0
        for prefix, count in keys.items():
            client.execute_command("DEBUG", "POPULATE", count, prefix, 24)
        for start in range(0, min(EXPIRING, keys["session"]), 10_000):
            client.execute_command("EVAL", TTLS, 0, start)


def used_cpu(server: Redis) -> float:
    """Seconds that the server has used, by its own account."""
    with server.client() as client:
        info = client.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


def samples(exporter: Exporter) -> dict[str, float]:
    """Name and labels -> value, of the page."""
    lines = exporter.get(timeout=30).text.splitlines()
    return {name: float(value) for name, _, value in (li.rpartition(" ") for li in lines if li[:1] != "#")}


def scanned(exporter: Exporter) -> float:
    """Keys that went by so far."""
    return samples(exporter).get("redis_key_scan_keys_total", 0.0)


def until(exporter: Exporter, condition: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """The first page that is as wanted."""
    begun = perf_counter()
    while perf_counter() - begun < LIMIT_SECONDS:
        page = samples(exporter)
        if "redis_key_scan_keys_total" in page and condition(page):
            return page
        sleep(1)
    raise AssertionError(page)


def killed(server: Redis, exporter: Exporter) -> dict[str, float]:
    """SIGKILL in the middle of a pass, and another server with other keys in its place."""
    page = until(exporter, lambda page: 0.02 < page["redis_key_scan_progress_ratio"] < 0.9)
    complete = page['redis_key_scan_passes_total{result="complete"}']
    server.kill()
    server.start()
    fill(server, {"session": FEW})
    return until(exporter, lambda page: page['redis_key_scan_passes_total{result="complete"}'] > complete)


def figures(without: Load, during: Load, last: dict[str, float], memory: int) -> list[Figure]:
    """What the issue asks for, then what it costs."""
    return [
        Figure(what="scrape, 99 in 100, during a pass", ours=during.slowest, unit="ms", at_most=50),
        Figure(what="scrape, 99 in 100, without", ours=without.slowest, unit="ms"),
        Figure(
            what="added CPU of the server", ours=during.server - without.server, unit="% of a core", at_most=5
        ),
        Figure(what="CPU of our process, scrapes and pass", ours=during.ours, unit="% of a core"),
        Figure(what="CPU of our process, scrapes alone", ours=without.ours, unit="% of a core"),
        Figure(what="keys a second", ours=during.keys),
        Figure(what="a whole pass", ours=last["redis_key_scan_duration_seconds"], unit="s"),
        Figure(what="memory of our process", ours=memory / MB, unit="MB"),
    ]


def notes(last: dict[str, float], again: dict[str, float]) -> list[str]:
    """Whether the counts are right, and what the kills did."""
    counts = {
        name: last[f'redis_key_pattern_keys{{db="db0",pattern="{name}"}}'] for name in ("sessions", "pages")
    }
    interrupted = [page['redis_key_scan_passes_total{result="interrupted"}'] for page in (last, again)]
    seen = again['redis_key_pattern_keys{db="db0",pattern="sessions"}']
    return [
        f"Counted: {counts['sessions']:,.0f} sessions, {counts['pages']:,.0f} pages.",
        f"All connections closed by the server within a pass: it went on, {interrupted[0]:.0f} begun anew.",
        f"The server killed within a pass: {interrupted[1]:.0f} begun anew, {seen:,.0f} of {FEW:,} counted.",
    ]
