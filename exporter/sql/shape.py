"""What a statement does and to which tables, told from its text alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from exporter.sql.commands import QUERIES, command_tag, statements, without_comments
from exporter.sql.names import name_of, shown
from exporter.sql.squeeze import squeezed
from exporter.sql.tokens import Kind, Token
from exporter.sql.words import listed

UTILITY = "UTILITY"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the text of a statement tells.

    Attributes:
        operation: `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `MERGE` or `UTILITY`.
        tables: what it reads or writes, each once, in the order of the text but what it writes first; with
            the schema where that is written, unquoted names in lower case. Views are tables here; functions
            and the names of WITH are not. A name that is no plain one is `?`. Empty for utility statements.
        tag: the command's: the operation, or `ALTER ROLE`.
    """

    operation: str
    tables: tuple[str, ...] = ()
    tag: str = ""


def shape_of(sql: str) -> Shape:
    """The shape of a statement; of several, that of the first one that is not a utility statement.

    Args:
        sql: the text, normalized or not, cut or not.
    """
    tag = ""
    for statement in statements(without_comments(squeezed(sql))):
        found = command_tag(statement)
        if found in _OPERATIONS:
            reader = _Reader(statement)
            reader.read()
            operation = reader.operation or found
            return Shape(operation, reader.tables(), operation)
        tag = tag or found
    return Shape(UTILITY, (), tag)


def tables_of(statement: Sequence[Token]) -> tuple[str, ...]:
    """The tables of one statement that has a plan, as `Shape.tables` has them.

    Args:
        statement: its tokens, without comments.
    """
    reader = _Reader(statement)
    reader.read()
    return reader.tables()


_OPERATIONS = frozenset(QUERIES.values())
_TARGETED = frozenset({"insert", "update", "delete", "merge"})
_FROM_IN_CALL = frozenset({"extract", "substring", "trim", "overlay", "position"})
_ENDS_A_LIST = listed(
    "where group having order window limit offset fetch for union intersect except returning set when "
    "values select do"
)
_NO_TABLE = _ENDS_A_LIST | listed(
    "on using default cross inner left right full natural join as and or not current_catalog current_date "
    "current_role current_time current_timestamp current_user localtime localtimestamp session_user "
    "system_user"
)
_BEFORE_A_TABLE = frozenset({"only", "lateral"})
_KIND_OF_NEW_TABLE = frozenset({"temp", "temporary", "unlogged", "table", "local", "global"})


@dataclass(slots=True)
class _Level:
    """What is known inside one pair of brackets."""

    call: str = ""
    """The word before the bracket: a function's name, perhaps."""
    verb: str = ""
    """`select`, `insert` ... once it was read."""
    expecting: bool = False
    """A table's name comes next."""
    listing: bool = False
    """After a comma a table's name comes next."""
    targeted: bool = False
    """The table that is written was read."""
    using: bool = False
    """USING of DELETE or MERGE was read: the next one is a join's."""
    naming: bool = False
    """Between WITH and its statement."""
    recursive: bool = False
    name: str = ""
    """Of the WITH query that is being named."""
    body: str = ""
    """The level is the body of the WITH query of this name."""
    aside: bool = False
    """Somewhere inside the body of a WITH query."""
    defined: list[str] = field(default_factory=list)
    """WITH queries that can be seen from here on, until the bracket closes."""


class _Reader:
    """Goes through a statement once, with a stack of what is known for each open bracket."""

    def __init__(self, words: Sequence[Token]) -> None:
        self.operation = ""
        self._words = words
        self._place = 0
        self._before = self._before_that = ""
        self._levels = [_Level()]
        self._tables: list[str] = []
        self._target: str | None = None
        self._visible: Counter[str] = Counter()

    def tables(self) -> tuple[str, ...]:
        """Each one once, the one that is written first."""
        target = [] if self._target is None else [self._target]
        return tuple(dict.fromkeys(target + self._tables))

    def read(self) -> None:
        """Reads all of it."""
        while self._place < len(self._words):
            token = self._words[self._place]
            word = token.text
            if token.kind is Kind.WORD:
                word = word.lower()
                self._word(word, token)
            elif token.kind is Kind.QUOTED:
                self._maybe_name(token)
            elif word == "(":
                self._open()
            elif word == ")":
                self._close()
            elif word == ",":
                self._levels[-1].expecting = self._levels[-1].listing
            self._before_that, self._before = self._before, word
            self._place += 1

    def _open(self) -> None:
        outer = self._levels[-1]
        level = _Level(call=self._before, expecting=outer.expecting, aside=outer.aside)
        outer.expecting = False
        if outer.naming and outer.name and self._before in {"as", "materialized"}:
            level.body, level.aside = outer.name, True
            outer.name = ""
        self._levels.append(level)

    def _close(self) -> None:
        if len(self._levels) == 1:
            return
        level = self._levels.pop()
        self._visible.subtract(level.defined)
        outer = self._levels[-1]
        outer.expecting = False
        if level.body:
            self._define(level.body)

    def _define(self, name: str) -> None:
        self._levels[-1].defined.append(name)
        self._visible[name] += 1

    def _word(self, word: str, token: Token) -> None:
        level = self._levels[-1]
        if self._before in {".", "as"} and word != "materialized":
            return  # any word may be a column's name there
        if word in _VERBS and not level.verb:
            self._verb(level, word)
        elif word == "from":
            self._from(level)
        elif word in {"join", "into"}:
            level.expecting = True
        elif word == "using" and level.verb in {"delete", "merge"} and not level.using:
            level.using = level.listing = level.expecting = True
        elif word == "table" and not level.expecting:
            level.expecting = True
        elif word == "with" and self._names_a_query():
            level.naming = True
        elif word == "recursive" and self._before == "with":
            level.recursive = True
        elif not (level.expecting and self._goes_on(word)):
            self._name_or_end(level, word, token)

    def _verb(self, level: _Level, word: str) -> None:
        level.verb, level.naming = word, False
        level.expecting = word in {"update", "table"}
        if not self.operation and not level.aside:
            self.operation = QUERIES[word]

    def _from(self, level: _Level) -> None:
        compares = self._before == "distinct" and self._before_that in {"is", "not"}
        if not compares and (level.verb or level.call not in _FROM_IN_CALL):
            level.expecting = level.listing = True

    def _names_a_query(self) -> bool:
        """WITH before `name AS (` or `name (columns) AS`, not WITH TIME ZONE or WITH ORDINALITY."""
        after = [token.text.lower() for token in self._words[self._place + 1 : self._place + 4]]
        if after[:1] == ["recursive"]:
            return True
        return len(after) > 1 and after[1] in {"as", "("} and after[0] not in {"ordinality", "("}

    def _goes_on(self, word: str) -> bool:
        """Words that may stand before a table's name."""
        if word in _BEFORE_A_TABLE:
            return True
        after = self._words[self._place + 1] if self._place + 1 < len(self._words) else None
        if after is None:
            return False
        if word == "rows":
            return after.text.lower() == "from"
        into = self._before == "into" or self._before_that == "into"
        return into and word in _KIND_OF_NEW_TABLE and after.kind in {Kind.WORD, Kind.QUOTED}

    def _name_or_end(self, level: _Level, word: str, token: Token) -> None:
        if word in _ENDS_A_LIST:
            level.listing = level.expecting = False
        elif word in _NO_TABLE:
            level.expecting = False
        else:
            self._maybe_name(token)

    def _maybe_name(self, token: Token) -> None:
        level = self._levels[-1]
        if level.naming and self._before in {"with", "recursive", ","}:
            level.name = name_of(token)
            if level.recursive:
                self._define(level.name)
        elif level.expecting:
            self._table(level)

    def _table(self, level: _Level) -> None:
        into = self._before == "into"
        level.expecting = False
        parts = [self._words[self._place]]
        while self._follows(".") and self._place + 2 < len(self._words):
            parts.append(self._words[self._place + 2])
            self._place += 2
        if self._follows("(") and not into:
            return
        target = level.verb in _TARGETED and not level.targeted
        level.targeted = level.targeted or target
        if len(parts) == 1 and not target and self._visible[name_of(parts[0])] > 0:
            return
        name = ".".join(shown(part) for part in parts[-2:])
        if target and not level.aside and self._target is None:
            self._target = name
        self._tables.append(name)

    def _follows(self, text: str) -> bool:
        return self._place + 1 < len(self._words) and self._words[self._place + 1].text == text


_VERBS = frozenset(QUERIES) - {"with"}
