"""The clauses of a statement, from its words. Pure; a text that is no single SELECT gives what it can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from exporter.sql.tokens import Kind, tokens

OPENING, CLOSING = frozenset("(["), frozenset(")]")
CLAUSES = ("select", "from", "where", "group", "having", "window", "order", "limit", "offset", "fetch", "for")
"""In the order in which they may follow each other; LIMIT, OFFSET and FETCH among themselves in any."""
_TAIL = CLAUSES.index("limit")
SET_OPERATIONS = frozenset({"union", "intersect", "except"})
DEEPEST = 50
"""Levels of brackets that are followed in a condition."""
STATEMENTS = frozenset({"select", "insert", "update", "delete", "merge", "values"})


class Word(NamedTuple):
    """One token that is no comment.

    Attributes:
        text: keywords and plain names in lower case, quoted names without their quotes.
        depth: how many brackets are open around it; a bracket has the depth of what is outside.
        kind: what it is.
    """

    text: str
    depth: int
    kind: Kind = Kind.OPERATOR

    def is_word(self, *texts: str) -> bool:
        """Whether it is one of these keywords or operators."""
        return self.text in texts and self.kind in (Kind.WORD, Kind.OPERATOR)

    @property
    def is_name(self) -> bool:
        """Whether it can be the name of a column or table."""
        return self.kind in (Kind.WORD, Kind.QUOTED)

    @property
    def is_value(self) -> bool:
        """Whether it stands for a value: `$1`, a literal, or the `?` that a redaction left of one."""
        return self.kind in (Kind.PARAMETER, Kind.NUMBER, Kind.STRING) or self.text == "?"


@dataclass(frozen=True, slots=True)
class Clauses:
    """The main statement of a text.

    Attributes:
        words: all of the text.
        operation: `select`, `insert`, ...; empty for another statement.
        compound: whether SELECTs are joined by UNION, INTERSECT or EXCEPT.
        of: the words of each clause of a SELECT, without its keyword; FOR twice is one.
    """

    words: Sequence[Word]
    operation: str
    compound: bool
    of: Mapping[str, Sequence[Word]]

    def __getitem__(self, name: str) -> Sequence[Word]:
        return self.of.get(name, ())

    def __contains__(self, name: str) -> bool:
        return name in self.of


def clauses(sql: str) -> Clauses:
    """Parts a text into its clauses.

    Args:
        sql: one statement, normalized or redacted.
    """
    words = words_of(sql)
    start = next((i for i, w in enumerate(words) if w.depth == 0 and w.is_word(*STATEMENTS)), None)
    if start is None:
        return Clauses(words, "", compound=False, of={})
    operation = words[start].text
    if operation != "select":
        return Clauses(words, operation, compound=False, of={})
    outer = [w for w in words[start:] if w.depth == 0]
    compound = any(w.is_word(*SET_OPERATIONS) for w in outer)
    return Clauses(words, operation, compound, _parted(words[start:]))


def words_of(sql: str) -> list[Word]:
    """The tokens of a text without comments, each with its depth.

    Args:
        sql: a statement, or a part of one: a filter of a plan.
    """
    depth = 0
    words = []
    for token in tokens(sql):
        text, kind = token.text, token.kind
        if kind is Kind.COMMENT:
            continue
        if text in CLOSING:
            depth = max(0, depth - 1)
        if kind is Kind.QUOTED:
            text = text.partition('"')[2].removesuffix('"').replace('""', '"')
        words.append(Word(text.lower() if kind is Kind.WORD else text, depth, kind))
        if text in OPENING:
            depth += 1
    return words


def _parted(words: Sequence[Word]) -> dict[str, list[Word]]:
    found: dict[str, list[Word]] = {}
    clause, place = "", -1
    previous = Word("", 0)
    for word in words:
        at = CLAUSES.index(word.text) if word.depth == 0 and word.is_word(*CLAUSES) else -1
        later = at > place or (at >= _TAIL and place >= _TAIL)
        if at >= 0 and later and not (word.text == "from" and previous.is_word("distinct")):
            clause, place = word.text, at
            found.setdefault(clause, [])
        elif clause:
            found[clause].append(word)
        previous = word
    return found


def conditions(where: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """The parts that AND joins, without brackets around them. One part if OR stands among them."""
    depths = [word.depth for word in where]
    if max(depths, default=0) - min(depths, default=0) > DEEPEST:
        yield where  # nobody writes that; and it must not cost more than other texts
        return
    where = bare(where)
    if not where:
        return
    level = min(word.depth for word in where)
    if any(word.depth == level and word.is_word("or", "between") for word in where):
        yield where
        return
    part: list[Word] = []
    for word in where:
        if word.depth == level and word.is_word("and"):
            yield from conditions(part) if bare(part) != part else [part]
            part = []
        else:
            part.append(word)
    yield from conditions(part) if bare(part) != part else [part]


def bare(words: Sequence[Word]) -> Sequence[Word]:
    """The same without brackets that are around all of it."""
    while len(words) > 2 and words[0].text == "(" and words[-1].text == ")":
        level = words[0].depth
        if any(word.depth <= level for word in words[1:-1]):
            break
        words = words[1:-1]
    return words
