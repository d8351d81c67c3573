"""What every reader of the page relies on: the format, the selection, the timeout, the other paths."""

from __future__ import annotations

import gzip
import re
from collections import Counter

import psutil
import pytest

from exporter import __version__
from tests.compat.promtool import COMMAND, complaints, read_oddities, reason_of, recorded_pages
from tests.e2e.judge import Samples
from tests.servers import Exporter, require
from tests.servers.page import TIMEOUT_HEADER, Answer, request, samples_of

pytestmark = pytest.mark.live

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FAMILIES = {
    "postgres": {"pg"},
    "redis": {"redis"},
    "host": {"node", "container", "namedprocess"},
    "pool": {"pgbouncer", "psycopg"},
}
OWN = {"exporter", "process"}


def prefixes(samples: Samples) -> set[str]:
    """What the names on a page begin with, but for the daemon's own."""
    return {name.partition("_")[0] for name in samples} - OWN


def check_complaints(page: str) -> None:
    """Each complaint of promtool is listed; each listed one about a metric of this page is there."""
    oddities, found = read_oddities(), require(complaints, page)
    shown = set(re.findall(r"^# TYPE (\S+) ", page, re.MULTILINE))

    assert found - oddities.keys() == set(), f"not listed: if they are upstream's names, run `{COMMAND}`"
    expected = {complaint for complaint in oddities if complaint[0] in shown}
    assert expected - found == set(), f"listed, and not there any more: run `{COMMAND}`"


def test_promtool_accepts_the_page_but_for_upstreams_names(stack: Exporter) -> None:
    check_complaints(stack.scrape())


def test_promtool_accepts_each_declared_name_but_upstreams() -> None:
    for page in recorded_pages():
        check_complaints(page)


def test_each_listed_oddity_is_a_name_of_upstream() -> None:
    assert {complaint: reason_of(complaint[0]) for complaint in read_oddities()} == read_oddities()


def test_each_metric_stands_together_with_one_help_and_type(stack: Exporter) -> None:
    owners: list[str] = []
    for line in stack.scrape().splitlines():
        if line.startswith("# HELP "):
            owners.append(line.split(" ")[2])
        elif line.startswith("# TYPE "):
            assert line.split(" ")[2] == owners[-1]
        else:
            name = re.match(r"[a-zA-Z_:][a-zA-Z0-9_:]*", line)
            assert name is not None, line
            assert re.fullmatch(re.escape(owners[-1]) + "(_bucket|_sum|_count)?", name[0]), line

    assert [name for name, times in Counter(owners).items() if times > 1] == []


def test_no_series_comes_twice(stack: Exporter) -> None:
    page = stack.scrape()
    lines = [line for line in page.splitlines() if not line.startswith("#")]

    assert len(lines) == sum(map(len, samples_of(page).values())) > 1000


def test_content_type_and_length(stack: Exporter) -> None:
    answer = stack.get()

    assert answer.headers["content-type"] == CONTENT_TYPE
    assert answer.headers["content-length"] == str(len(answer.body))
    assert "content-encoding" not in answer.headers
    assert answer.body.endswith(b"\n")


def test_gzip(stack: Exporter) -> None:
    answer = stack.get(headers={"Accept-Encoding": "gzip"})
    plain = gzip.decompress(answer.body)

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert "accept-encoding" in answer.headers["vary"]
    assert len(answer.body) < len(plain) / 4
    assert samples_of(plain.decode()).keys() == stack.samples().keys()


@pytest.mark.parametrize("asked", ["gzip;q=0", "identity, gzip; q=0.000", "deflate, br", "gzipped", ""])
def test_gzip_that_nobody_wants_is_not_sent(stack: Exporter, asked: str) -> None:
    answer = stack.get(headers={"Accept-Encoding": asked})

    assert "content-encoding" not in answer.headers
    assert answer.text.startswith("# HELP ")


@pytest.mark.parametrize("asked", ["gzip", "deflate, GZIP;q=0.5", "identity;q=0,gzip"])
def test_gzip_is_recognised_in_any_list(stack: Exporter, asked: str) -> None:
    assert stack.get(headers={"Accept-Encoding": asked}).headers["content-encoding"] == "gzip"


def test_head_has_the_headers_of_get(stack: Exporter) -> None:
    answer = request(stack.port, "/metrics", method="HEAD")

    assert answer.status == 200
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert answer.body == b""


@pytest.mark.parametrize("path", ["/nothing", "/metrics/x", "/-/nothing"])
def test_unknown_paths(stack: Exporter, path: str) -> None:
    assert stack.get(path).status == 404


@pytest.mark.parametrize("path", ["/../etc/passwd", "//metrics"])
def test_what_is_no_plain_path_is_no_request(stack: Exporter, path: str) -> None:
    assert stack.get(path).status == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [(m, "/metrics") for m in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS")]
    + [
        ("POST", "/"),
        ("GET", "/-/reload"),
        ("PUT", "/-/reload"),
        ("POST", "/-/healthy"),
        ("POST", "/-/ready"),
    ],
)
def test_methods_that_a_path_does_not_have(stack: Exporter, method: str, path: str) -> None:
    answer = request(stack.port, path, method=method, body=b"x=1")

    assert answer.status == 405
    assert answer.headers["allow"]


@pytest.mark.parametrize("family", FAMILIES)
def test_collect_by_family(stack: Exporter, family: str) -> None:
    samples = stack.samples({"collect[]": family})

    assert prefixes(samples) == FAMILIES[family]
    assert {dict(labels)["family"] for labels in samples["exporter_collector_success"]} == {family}


@pytest.mark.parametrize("family", FAMILIES)
def test_exclude_by_family(stack: Exporter, family: str) -> None:
    samples = stack.samples({"exclude[]": family})

    assert prefixes(samples) == set().union(*FAMILIES.values()) - FAMILIES[family]


def collectors(stack: Exporter, **query: list[str]) -> set[str]:
    """The collectors that a selection runs."""
    samples = stack.samples({f"{name}[]": values for name, values in query.items()})
    return {dict(labels)["collector"] for labels in samples["exporter_collector_duration_seconds"]}


def test_collect_by_collector(stack: Exporter) -> None:
    assert collectors(stack, collect=["loadavg"]) == {"loadavg"}
    assert collectors(stack, collect=["loadavg", "stat_database", "loadavg"]) == {"loadavg", "stat_database"}


def test_collect_and_exclude_together(stack: Exporter) -> None:
    host = collectors(stack, collect=["host"])

    assert collectors(stack, collect=["host"], exclude=["cpu"]) == host - {"cpu"}
    assert collectors(stack, collect=["host", "redis_up"], exclude=["host"]) == {"redis_up"}
    assert collectors(stack, collect=["cpu", "redis_up"], exclude=["postgres", "redis_up"]) == {"cpu"}


def test_an_empty_selection_is_an_empty_page(stack: Exporter) -> None:
    samples = stack.samples({"collect[]": "cpu", "exclude[]": "host"})

    assert prefixes(samples) == set()
    assert "process_resident_memory_bytes" in samples


@pytest.mark.parametrize(
    "name", ["nothing", "", "pg_up", "Postgres", "redis,host", "../cpu", "\n", "é" * 500]
)
@pytest.mark.parametrize("which", ["collect[]", "exclude[]"])
def test_an_unknown_name_is_refused_with_the_known_ones(stack: Exporter, which: str, name: str) -> None:
    answer = stack.get(params={which: ["postgres", name]})

    assert answer.status == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert repr(name)[:40] in answer.text
    for known in ("postgres", "stat_database", "loadavg"):
        assert known in answer.text


def test_refusals_are_counted(stack: Exporter) -> None:
    before = stack.samples({"collect[]": "cpu"})["exporter_requests_rejected_total"][frozenset()]
    stack.get(params={"collect[]": "nothing"})
    after = stack.samples({"collect[]": "cpu"})["exporter_requests_rejected_total"][frozenset()]

    assert after == before + 1


@pytest.mark.parametrize(
    "text",
    ["abc", "-1", "0", "-0.0", "inf", "-inf", "nan", "1e9", "1e400", "", " ", "3 s", "1_0", "0x3"],
)
def test_nonsense_in_the_timeout_header(stack: Exporter, text: str) -> None:
    answer = request_raw(stack, text)

    assert answer.status == 200
    samples = samples_of(answer.text)
    assert samples["pg_up"] == samples["redis_up"] == {frozenset(): 1}


def request_raw(stack: Exporter, timeout: str) -> Answer:
    """A request whose timeout header is any text, in UTF-8."""
    return stack.get(headers={TIMEOUT_HEADER: timeout.encode().decode("latin-1")})


def test_a_timeout_too_short_for_anything_is_answered(stack: Exporter) -> None:
    samples = samples_of(stack.scrape(timeout_header=1e-9))

    assert samples["pg_up"] == samples["redis_up"] == {frozenset(): 0}
    whole = samples_of(stack.scrape())
    assert whole["pg_up"] == whole["redis_up"] == {frozenset(): 1}
    assert set(whole["exporter_collector_success"].values()) == {1}


def test_the_process_itself(stack: Exporter) -> None:
    samples = stack.samples()
    process = psutil.Process(stack.pid)

    resident = samples["process_resident_memory_bytes"][frozenset()]
    assert resident == pytest.approx(process.memory_info().rss, rel=0.1)
    assert samples["process_start_time_seconds"][frozenset()] == pytest.approx(process.create_time(), abs=2)
    assert samples["process_open_fds"][frozenset()] == pytest.approx(process.num_fds(), abs=5)
    assert samples["process_cpu_seconds_total"][frozenset()] > 0
    assert samples["exporter_config_last_reload_successful"] == {frozenset(): 1}
    (build,) = samples["exporter_build_info"]
    assert dict(build)["version"] == __version__
    later = stack.samples()
    count = "exporter_scrape_duration_seconds_count"
    assert later[count][frozenset()] > samples[count][frozenset()]


def test_health_and_readiness(stack: Exporter) -> None:
    for path in ("/-/healthy", "/-/ready"):
        answer = stack.get(path)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")


def test_the_landing_page(stack: Exporter) -> None:
    answer = stack.get("/")

    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    for word in (__version__, "/metrics", "/-/healthy", "postgres", "redis", "pgbouncer", "stat_database"):
        assert word in answer.text
    assert "<script" not in answer.text
    assert "down" not in re.sub(r"<style>.*</style>", "", answer.text, flags=re.DOTALL)
    for family in FAMILIES:
        assert stack.get(f"/metrics?collect[]={family}").status == 200
