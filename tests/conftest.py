"""Servers for tests. Each pytest process (each worker of pytest-xdist) has its own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import settings

from tests.logs import logging_as_before
from tests.servers import DEFAULT_MAJOR, DEFAULT_VERSION, MAJORS, PgBouncer, Postgres, Redis, require

settings.register_profile("quick", max_examples=20)
"""For `make check`; `make test` has all examples."""

SHARED_SETTINGS = {"shared_preload_libraries": "pg_stat_statements", "track_io_timing": "on"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The fixture `pg` is a server of each major of the mark `pg(...)`, of all majors without it."""
    if "pg" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("pg")
        majors = mark.args if mark else MAJORS
        metafunc.parametrize("pg", majors, indirect=True, ids=[f"pg{major}" for major in majors])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """What shares a fixture of its module goes to one worker, and what is slow goes first."""
    for item in items:
        if _shares(item) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    yield
    for item in items:
        # xdist 3.8 writes the group where pytest 9.2 does not look for it: pytest-xdist's issue 1386.
        if (grouped := vars(item).get("_nodeid")) is not None and hasattr(item, "_id"):
            item._id = type(item._id).parse(grouped)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def _shares(item: pytest.Item) -> bool:
    known = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
    return any(
        fixture.scope == "module" and fixture.baseid.startswith("tests")
        for fixtures in known.values()
        for fixture in fixtures
    )


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A command that runs in the process of the tests sets its logging up: that ends with the test."""
    with logging_as_before():
        yield


@pytest.fixture(scope="session")
def postgres_of() -> Iterator[Callable[[int], Postgres]]:
    """postgres_of(17): the shared server of a major version, started at the first call.

    It has pg_stat_statements in the database `postgres`. Leave it as it was found: other tests use it.
    """
    with ExitStack() as stack:
        running: dict[int, Postgres] = {}

        def of(major: int) -> Postgres:
            if major not in running:
                server = require(Postgres, major, settings=SHARED_SETTINGS)
                running[major] = stack.enter_context(server)
                server.execute("CREATE EXTENSION pg_stat_statements")
            return running[major]

        yield of


@pytest.fixture(scope="session")
def postgres(postgres_of: Callable[[int], Postgres]) -> Postgres:
    """The shared PostgreSQL 15."""
    return postgres_of(DEFAULT_MAJOR)


@pytest.fixture
def pg(request: pytest.FixtureRequest, postgres_of: Callable[[int], Postgres]) -> Postgres:
    """The shared server of one major version after the other: see `pytest_generate_tests`."""
    return postgres_of(request.param)


@pytest.fixture
def fresh_postgres() -> Iterator[Postgres]:
    """A PostgreSQL 15 of the test's own, to be broken."""
    with require(Postgres) as server:
        yield server


@pytest.fixture(scope="session")
def redis_of() -> Iterator[Callable[[str], Redis]]:
    """redis_of("8.2"): the shared server of a version, started at the first call."""
    with ExitStack() as stack:
        running: dict[str, Redis] = {}

        def of(version: str) -> Redis:
            if version not in running:
                running[version] = stack.enter_context(require(Redis, version))
            return running[version]

        yield of


@pytest.fixture(scope="session")
def redis(redis_of: Callable[[str], Redis]) -> Redis:
    """The shared Redis 7.0."""
    return redis_of(DEFAULT_VERSION)


@pytest.fixture
def fresh_redis() -> Iterator[Redis]:
    """A Redis 7.0 of the test's own, to be broken."""
    with require(Redis) as server:
        yield server


@pytest.fixture(scope="session")
def pgbouncer(postgres: Postgres) -> Iterator[PgBouncer]:
    """The shared PgBouncer, in front of the shared PostgreSQL 15."""
    with require(PgBouncer, postgres) as server:
        yield server
