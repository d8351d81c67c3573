"""A short run of each input, always the same cases; `make fuzz` runs longer, with cases of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.fuzz import answers, files, wire
from tests.fuzz.runner import Target, Try, run

SEED = 7
SECONDS = 30.0
"""None takes as long, on however busy a machine: cases end it."""


@pytest.mark.parametrize("target", [*files.TARGETS, *answers.TARGETS], ids=lambda target: target.name)
def test_nothing_but_declared_errors(target: Target) -> None:
    outcome = run(target, SEED, seconds=SECONDS, cases=target.enough)

    assert outcome.defects == []
    assert outcome.cases == target.enough
    assert outcome.accepted, "not one case was read: the corpus is none"


@pytest.mark.live
@pytest.mark.parametrize("target", wire.TARGETS, ids=lambda target: target.name)
def test_nonsense_from_and_to_real_processes(target: Target) -> None:
    outcome = run(target, SEED, seconds=SECONDS, cases=target.enough)

    assert outcome.defects == []
    assert outcome.cases == target.enough


def test_a_defect_is_seen() -> None:
    @contextmanager
    def opened() -> Iterator[Try]:
        yield lambda case: [][len(case)]

    outcome = run(Target("broken", lambda: [b"x"], opened), SEED, seconds=SECONDS, cases=3)

    assert [why.split(":")[0] for _, why in outcome.defects] == ["IndexError"] * 3
