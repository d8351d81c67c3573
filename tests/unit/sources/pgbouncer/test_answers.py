"""When an answer of before is as good as a new one."""

from __future__ import annotations

from time import monotonic

import pytest

from exporter.model.errors import Reason, Refused
from exporter.sources.pgbouncer.answers import Answers
from exporter.sources.postgres.rows import Rows

ROWS = Rows([("1",)], ("a",), 1, 1)


@pytest.fixture
def answers() -> Answers:
    """It has answered CONFIG ten seconds ago, and then a new scrape has begun."""
    found = Answers()
    found.connected(11800)
    found.keep("CONFIG", monotonic() - 10, ROWS)
    found.begin()
    return found


def test_an_old_answer_needs_a_sign_of_life(answers: Answers) -> None:
    assert answers.known("CONFIG", monotonic(), 60) is None
    answers.keep("LISTS", monotonic(), ROWS)
    assert answers.known("CONFIG", monotonic(), 60) is ROWS
    answers.begin()
    assert answers.known("CONFIG", monotonic(), 60) is None
    answers.refused("STATE", Refused("no", Reason.UNSUPPORTED))
    assert answers.known("CONFIG", monotonic(), 60) is ROWS


def test_it_may_be_as_old_as_the_caller_says(answers: Answers) -> None:
    answers.keep("LISTS", monotonic(), ROWS)
    assert answers.known("CONFIG", monotonic(), 9) is None
    assert answers.known("CONFIG", monotonic(), 11) is ROWS
    assert answers.known("POOLS", monotonic(), 60) is None


def test_what_was_asked_after_the_caller_came_is_its_answer_too(answers: Answers) -> None:
    came = monotonic()
    answers.keep("POOLS", monotonic(), ROWS)
    assert answers.known("POOLS", came, 0) is ROWS
    assert answers.known("POOLS", monotonic(), 0) is None


def test_what_a_version_does_not_know_is_not_asked_again_until_there_is_another(answers: Answers) -> None:
    answers.refused("STATE", Refused("invalid command", Reason.UNSUPPORTED))
    answers.refused("POOLS", Refused("no memory"))
    answers.connected(11800)
    with pytest.raises(Refused, match="invalid command"):
        answers.known("STATE", monotonic(), 0)
    assert answers.known("POOLS", monotonic(), 0) is None
    answers.connected(11900)
    assert answers.known("STATE", monotonic(), 0) is None
    assert answers.known("CONFIG", monotonic(), 60) is None


def test_after_an_outage_nothing_is_known(answers: Answers) -> None:
    answers.forget()
    answers.keep("LISTS", monotonic(), ROWS)
    assert answers.known("CONFIG", monotonic(), 60) is None
