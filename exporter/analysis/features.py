"""What a statement's text says of how it is used: a lookup by one key, a page, a queue. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, takewhile

from exporter.analysis.clauses import Clauses, Word, clauses, conditions, words_of

AGGREGATES = frozenset(
    {"array_agg", "avg", "bool_and", "bool_or", "count", "every", "json_agg", "json_object_agg", "jsonb_agg"}
    | {"jsonb_object_agg", "max", "min", "percentile_cont", "percentile_disc", "string_agg", "sum"}
)
LIKE = {"like": "LIKE", "ilike": "ILIKE", "~~": "LIKE", "~~*": "ILIKE"}


@dataclass(frozen=True, slots=True)
class Features:
    """What the text of one statement says.

    Attributes:
        lookup: the column of a SELECT from one table `WHERE column = $1`, without join, aggregate or
            paging; beside it only `IS NULL` and the like. None for any other statement.
        rows_wanted: whether a SELECT may give several rows: neither an aggregate alone nor a lock.
        star: whether the outermost SELECT list has `*`.
        limited: whether LIMIT or FETCH bounds the outermost SELECT.
        offset: whether it has OFFSET.
        counts_all: whether it is `SELECT count(*) FROM t` without a condition.
        patterns: the columns that LIKE or ILIKE look at, with the operator.
        not_in_subquery: whether there is `NOT IN (SELECT ...)`.
        random_order: whether it sorts by random().
        queue: whether it takes the first of sorted rows FOR UPDATE, as consumers of a queue do.
        skips_locked: whether SKIP LOCKED or NOWAIT stands with it.
        casts: the types that casts of anything but values name.
    """

    lookup: str | None = None
    rows_wanted: bool = False
    star: bool = False
    limited: bool = False
    offset: bool = False
    counts_all: bool = False
    patterns: tuple[tuple[str, str], ...] = ()
    not_in_subquery: bool = False
    random_order: bool = False
    queue: bool = False
    skips_locked: bool = False
    casts: frozenset[str] = frozenset()


@lru_cache(maxsize=1024)
def features_of(sql: str) -> Features:
    """Reads a text.

    Args:
        sql: one statement as pg_stat_statements has it, or redacted.
    """
    found = clauses(sql)
    words = found.words
    aggregates = any(_called(found["select"], at) in AGGREGATES for at in range(len(found["select"])))
    plain = found.operation == "select" and not found.compound
    return Features(
        lookup=_lookup(found) if plain and not aggregates else None,
        rows_wanted=found.operation == "select"
        and "for" not in found
        and (not aggregates or "group" in found),
        star=any(_is_star(found["select"], at) for at in range(len(found["select"]))),
        limited="limit" in found or "fetch" in found,
        offset="offset" in found,
        counts_all=plain and _counts_all(found),
        patterns=tuple(_patterns(words)),
        not_in_subquery=_follow(words, "not", "in", "(", "select"),
        random_order=_follow(found["order"], "by", "random", "("),
        queue=_is_queue(words),
        skips_locked=_follow(words, "skip", "locked") or any(w.is_word("nowait") for w in words),
        casts=frozenset(_casts(words)),
    )


def longest_list(sql: str) -> int:
    """How many values the longest IN list, or array of values, has; 1 where the server shortened it (18).

    Args:
        sql: a text that is not redacted: that shortens lists.
    """
    return max(_lists(words_of(sql)), default=0)


def rewritten_for_many(sql: str, column: str) -> str:
    """A lookup by one key as one for many: `column = $1` becomes `column = ANY($1)`; LIMIT is gone."""
    name = rf'"?{re.escape(column)}"?'
    value = r"(\$\d+|\?)((?:\s*::\s*\w+)?)"
    many = re.sub(rf"({name}\s*)=\s*{value}", _any, sql, count=1, flags=re.IGNORECASE)
    if many == sql:
        many = re.sub(
            rf"{value}\s*=\s*((?:\w+\.)?{name})", r"\3 = ANY(\1)", sql, count=1, flags=re.IGNORECASE
        )
    return re.sub(r"\s+LIMIT\s+\S+\s*;?\s*$", "", many, flags=re.IGNORECASE)


def _any(match: re.Match[str]) -> str:
    before, value, cast = match.groups()
    return f"{before}= ANY({value}{cast}{'[]' if cast else ''})"


def _called(words: Sequence[Word], at: int) -> str:
    """The function that is called here; empty if none is."""
    called = at + 1 < len(words) and words[at + 1].text == "(" and words[at].is_name
    return words[at].text if called else ""


def _lookup(found: Clauses) -> str | None:
    source = found["from"]
    if not found.words[0].is_word("select"):
        return None
    if not found.of.keys().isdisjoint({"for", "offset", "group", "having"}):
        return None
    if {"order", "limit"} <= found.of.keys() or any(w.is_word("distinct", "over") for w in found["select"]):
        return None
    if not source or any(w.is_word(",", "join", "(", "tablesample") for w in source):
        return None
    column = None
    for condition in conditions(found["where"]):
        if _is_null_test(condition):
            continue
        if column is not None or (column := _equality(condition)) is None:
            return None
    return column


def _is_null_test(condition: Sequence[Word]) -> bool:
    *left, last = condition or [Word("", 0)]
    while left and left[-1].is_word("not", "is"):
        tested = left[-1].is_word("is")
        left.pop()
        if tested:
            return last.is_word("null", "true", "false") and _column(left) is not None
    return False


def _equality(condition: Sequence[Word]) -> str | None:
    """The column of `column = $1` or `$1 = column`."""
    equals = [at for at, word in enumerate(condition) if word.is_word("=")]
    if len(equals) != 1:
        return None
    left, right = condition[: equals[0]], condition[equals[0] + 1 :]
    if _is_value(right):
        return _column(left)
    return _column(right) if _is_value(left) else None


def _is_value(words: Sequence[Word]) -> bool:
    """One value, also with a cast."""
    words = [word for word in words if word.text not in ("(", ")")]
    if not words or not words[0].is_value:
        return False
    return len(words) == 1 or (words[1].is_word("::") and all(w.is_name or w.is_value for w in words[2:]))


def _column(words: Sequence[Word]) -> str | None:
    """The name of a column, perhaps with its table and schema; None for anything else."""
    names = words[::2]
    dots = words[1::2]
    if not words or len(words) % 2 == 0 or not all(word.text == "." for word in dots):
        return None
    return names[-1].text if all(word.is_name for word in names) else None


def _is_star(words: Sequence[Word], at: int) -> bool:
    if words[at].text != "*" or words[at].depth != 0:
        return False
    before = words[at - 1] if at else Word(",", 0)
    after = words[at + 1] if at + 1 < len(words) else Word(",", 0)
    return before.is_word(",", ".", "distinct", "all") and after.is_word(",")


def _counts_all(found: Clauses) -> bool:
    texts = [word.text for word in found["select"]]
    source = found["from"]
    single = bool(source) and not any(w.is_word(",", "join", "(", "tablesample") for w in source)
    counts = texts[:2] == ["count", "("] and texts[3:4] == [")"]
    counted = counts and (texts[2] == "*" or found["select"][2].is_value)
    named = len(texts) <= 5 or texts[4] == "as"
    return counted and named and single and found.of.keys() <= {"select", "from"}


def _lists(words: Sequence[Word]) -> Iterator[int]:
    """How many values each IN list and each array of values has."""
    for at, word in enumerate(words[:-2]):
        opens = words[at + 1].text in ("(", "[") and word.is_word("in", "array")
        if not opens or words[at + 2].is_word("select", "with", "values"):
            continue
        level, values = words[at + 1].depth, 1
        for inner in words[at + 2 :]:
            if inner.depth <= level:
                break
            values += inner.depth == level + 1 and inner.text == ","
        yield values


def _patterns(words: Sequence[Word]) -> Iterator[tuple[str, str]]:
    for at, word in enumerate(words):
        if word.text not in LIKE or not word.is_word(word.text):
            continue
        before = at - 1 - (at > 0 and words[at - 1].is_word("not"))
        if before >= 0 and words[before].is_name:
            yield words[before].text, LIKE[word.text]


def _follow(words: Sequence[Word], *texts: str) -> bool:
    ahead = len(texts)
    return any(
        all(word.is_word(text) for word, text in zip(words[at : at + ahead], texts, strict=True))
        for at in range(len(words) - ahead + 1)
    )


def _is_queue(words: Sequence[Word]) -> bool:
    """ORDER BY, LIMIT and FOR UPDATE in one SELECT, also inside another statement."""
    for at, word in enumerate(words):
        locks = word.is_word("for") and at + 1 < len(words) and words[at + 1].is_word("update", "no")
        if not locks:
            continue
        same = list(_select_before(words, at))
        if any(w.is_word("order") for w in same) and any(w.is_word("limit", "fetch") for w in same):
            return True
    return False


def _select_before(words: Sequence[Word], at: int) -> Iterator[Word]:
    """The words of the SELECT that this one ends, without what stands in brackets."""
    level = words[at].depth
    for word in reversed(words[:at]):
        if word.depth < level:
            return
        if word.depth == level:
            yield word
            if word.is_word("select"):
                return


def _casts(words: Sequence[Word]) -> Iterator[str]:
    for at, word in enumerate(words[1:-1], 1):
        if word.is_word("::") and not words[at - 1].is_value:
            yield words[at + 1].text
    for at in range(len(words) - 4):
        if _called(words, at) == "cast" and not words[at + 2].is_value:
            yield from (kind.text for mark, kind in pairwise(_inside(words, at + 1)) if mark.is_word("as"))


def _inside(words: Sequence[Word], opening: int) -> Iterator[Word]:
    """What stands between a bracket and the one that closes it."""
    return takewhile(lambda word: word.depth > words[opening].depth, words[opening + 1 :])
