"""Every name that postgres_exporter 0.20 has for a version of PostgreSQL is on our page, on a busy server.

The names are those of tests/compat/postgres_names.tsv. One that is not there, or has other labels, is a line
of tests/compat/postgres_exceptions.tsv with the reason; a line that is not needed fails as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from time import monotonic, sleep
from typing import Any, NamedTuple

import pytest

from exporter.collectors import discover
from exporter.scrape.legacy_names import OLD_NAMES
from tests.declared import Shown, complaints, on_page
from tests.docs.upstream import lines
from tests.live.postgres.vacuums import EAGER, table, vacuuming
from tests.servers import MAJORS, Exporter, Postgres, require
from tests.workload import DATABASE, SETTINGS, life, replica

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("compat")]

NAMES = lines("postgres_names.tsv")
EXCEPTIONS = [
    line for line in lines("postgres_exceptions.tsv") if line["what"].startswith(("absent", "without"))
]

BACKGROUND_SECONDS = 30.0
"""How long what is collected in the background may take to be there."""

# The newest release had today's labels of sessions, so that all types and labels can be compared.
ALL_ON: dict[str, Any] = {
    f"collector__{name}": "true" for name, named in discover().items() if named.family == "postgres"
}
ALL_ON["compat__legacy_names"] = "0.10,0.17,0.19,queries.yaml"

NOTHING: dict[str, Any] = {}

SELECTED = lines("postgres_mixin_names.tsv")
"""What public alerts and dashboards select, and with which setting upstream's users would have it."""


class Pages(NamedTuple):
    """What was shown: by default, and by all pages together."""

    major: int
    default: list[Shown]
    every: list[Shown]


@pytest.fixture(params=MAJORS, ids=[f"pg{major}" for major in MAJORS])
def pages(request: pytest.FixtureRequest) -> Pages:
    return pages_of(request.param)


@cache
def pages_of(major: int) -> Pages:
    """Pages of a primary at work, with a vacuum, and of its standby; in whatever order tests want them."""
    settings = SETTINGS | {"autovacuum": "on", "autovacuum_naptime": "1s"}
    with ExitStack() as stack:
        primary = stack.enter_context(require(Postgres, major, settings=settings))
        copy = stack.enter_context(replica(primary, "repmgr_slot_7"))
        stack.enter_context(life(primary))
        with primary.connect(dbname=DATABASE) as connection:
            connection.execute("CREATE EXTENSION pg_buffercache")
            for statement in (*table("vacuumed"), *table("eager", EAGER)):
                connection.execute(statement.encode())
        stack.enter_context(vacuuming(primary, DATABASE, "vacuumed"))
        dsn, standby = primary.dsn(dbname=DATABASE), copy.dsn(dbname=DATABASE)
        default, full, second = (
            stack.enter_context(Exporter(postgres__dsn=to, host__enabled="false", **more))
            for to, more in ((dsn, NOTHING), (dsn, ALL_ON), (standby, ALL_ON))
        )
        return _complete(major, default, (default, full, second))


def _complete(major: int, default: Exporter, every: tuple[Exporter, ...]) -> Pages:
    """The pages once all is on them, or when it has had its time."""
    until = monotonic() + BACKGROUND_SECONDS
    while True:
        first = list(on_page(default.scrape()))
        pages = Pages(major, first, [shown for one in every for shown in on_page(one.scrape())])
        if monotonic() > until or not (_absent(pages, "yes") | _absent(pages, "no")):
            return pages
        sleep(0.1)


def _absent(pages: Pages, default_on: str) -> set[str]:
    """The names that apply and are neither shown nor excepted."""
    shown = pages.default if default_on == "yes" else pages.every
    names = {sample.name for sample in shown}
    return {
        line["metric"]
        for line in NAMES
        if line["default_on"] == default_on
        and applies(line, pages.major)
        and not any(re.fullmatch(pattern(line["metric"]), name) for name in names)
        and not any(excepts(line["metric"], exception, pages.major) for exception in EXCEPTIONS)
    }


def applies(line: Mapping[str, str], major: int) -> bool:
    """Whether upstream has the name on this major version."""
    first, _, last = line["versions"].partition("-")
    return int(first) <= major <= int(last or first)


def pattern(metric: str) -> str:
    return re.sub(r"<\w+>", r"\\w+", metric).replace("*", r"\w+")


def excepts(metric: str, exception: Mapping[str, str], major: int) -> bool:
    """Whether the line says that the name is not there on this major version."""
    return holds(exception, major) and re.fullmatch(exception["series"], metric) is not None


def holds(exception: Mapping[str, str], major: int) -> bool:
    """Whether the line is about names that are not there on this major version."""
    what, since, first = exception["what"].partition(" since ")
    return what == "absent" and (not since or major >= int(first))


def test_what_upstream_shows_by_default_is_on_the_page_by_default(pages: Pages) -> None:
    assert _absent(pages, "yes") == set()


def test_what_upstream_has_a_switch_for_is_there_with_the_switch_on(pages: Pages) -> None:
    assert _absent(pages, "no") == set()


def test_types_and_labels_are_upstreams(pages: Pages) -> None:
    exact = {line["metric"]: line for line in NAMES}
    wrong, compared = set(), set()
    for shown in pages.every:
        line = exact.get(shown.name) or _of_pattern(shown.name)
        if line is None:
            continue
        compared.add(line["metric"])
        without = {
            exception["what"].removeprefix("without ")
            for exception in EXCEPTIONS
            if exception["what"].startswith("without ") and re.fullmatch(exception["series"], shown.name)
        }
        labels = set(line["labels"].split(",")) - {""} - without
        if (shown.kind, set(shown.labels) - {"le"}) != (line["type"], labels):
            wrong.add((shown.name, shown.kind, shown.labels))
    assert wrong == set()
    assert len(compared) > 130


def test_names_of_earlier_releases_are_there_when_asked_for(pages: Pages) -> None:
    names = {shown.name for shown in pages.every}

    assert {old.metric.name for old in OLD_NAMES} - names == set()
    assert complaints(iter(pages.every)) == []


def test_public_alerts_and_dashboards_select_what_there_is(pages: Pages) -> None:
    def selects(line: Mapping[str, str]) -> bool:
        shown = pages.every if line["with"] else pages.default
        labels = set(line["labels"].split(",")) - {""}
        return any(s.name == line["metric"] and labels <= set(s.labels) for s in shown)

    assert [(line["from"], line["metric"]) for line in SELECTED if not selects(line)] == []


@pytest.mark.parametrize("line", SELECTED, ids=lambda line: f"{line['from']}-{line['metric']}")
def test_a_setting_that_a_dashboard_needs_exists(line: Mapping[str, str]) -> None:
    section, _, rest = line["with"].partition(".")
    key, _, value = rest.partition("=")
    if section == "collector":
        assert not discover()[key].spec.default
    elif section:
        assert (section, key) == ("compat", "legacy_names")
        assert [old for old in OLD_NAMES if old.metric.name == line["metric"] and value in old.releases]


def _of_pattern(name: str) -> Mapping[str, str] | None:
    found = [line for line in NAMES if "<" in line["metric"] and re.fullmatch(pattern(line["metric"]), name)]
    return max(found, key=lambda line: len(line["metric"]), default=None)


def test_each_exception_is_needed(pages: Pages) -> None:
    names = {shown.name for shown in pages.every}
    needless = [
        exception["series"]
        for exception in EXCEPTIONS
        if holds(exception, pages.major)
        and not any(
            excepts(line["metric"], exception, pages.major) and line["metric"] not in names for line in NAMES
        )
    ]

    assert needless == []
