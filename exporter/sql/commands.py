"""Which command a statement is: its tag, as the server names it, and where one statement ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.sql.prepared import after_prepare
from exporter.sql.tokens import Kind, Token, tokens
from exporter.sql.words import listed

QUERIES = {
    "select": "SELECT",
    "values": "SELECT",
    "table": "SELECT",
    "with": "SELECT",
    "insert": "INSERT",
    "update": "UPDATE",
    "delete": "DELETE",
    "merge": "MERGE",
}
"""First words of statements that have a plan, with the operation that they are."""

UNKNOWN = "UNKNOWN"
"""The tag of what does not begin as any command does."""

_ALONE = {
    "abort": "ROLLBACK",
    "analyse": "ANALYZE",
    "analyze": "ANALYZE",
    "begin": "BEGIN",
    "call": "CALL",
    "checkpoint": "CHECKPOINT",
    "close": "CLOSE CURSOR",
    "cluster": "CLUSTER",
    "comment": "COMMENT",
    "commit": "COMMIT",
    "copy": "COPY",
    "deallocate": "DEALLOCATE",
    "declare": "DECLARE CURSOR",
    "discard": "DISCARD",
    "do": "DO",
    "end": "COMMIT",
    "execute": "EXECUTE",
    "explain": "EXPLAIN",
    "fetch": "FETCH",
    "grant": "GRANT",
    "import": "IMPORT FOREIGN SCHEMA",
    "listen": "LISTEN",
    "load": "LOAD",
    "lock": "LOCK TABLE",
    "move": "MOVE",
    "notify": "NOTIFY",
    "prepare": "PREPARE",
    "reassign": "REASSIGN OWNED",
    "refresh": "REFRESH MATERIALIZED VIEW",
    "reindex": "REINDEX",
    "release": "RELEASE",
    "reset": "RESET",
    "revoke": "REVOKE",
    "rollback": "ROLLBACK",
    "savepoint": "SAVEPOINT",
    "security": "SECURITY LABEL",
    "set": "SET",
    "show": "SHOW",
    "start": "START TRANSACTION",
    "truncate": "TRUNCATE TABLE",
    "unlisten": "UNLISTEN",
    "vacuum": "VACUUM",
}
_PAIRS = {
    ("prepare", "transaction"): "PREPARE TRANSACTION",
    ("commit", "prepared"): "COMMIT PREPARED",
    ("rollback", "prepared"): "ROLLBACK PREPARED",
    ("set", "constraints"): "SET CONSTRAINTS",
    ("drop", "owned"): "DROP OWNED",
}
_VERBS = frozenset({"create", "alter", "drop"})
_PASSED_OVER = listed(
    "or replace global local temp temporary unlogged recursive unique trusted procedural constraint"
)
_OBJECTS = (
    "access method",
    "aggregate",
    "cast",
    "collation",
    "conversion",
    "database",
    "default privileges",
    "domain",
    "event trigger",
    "extension",
    "foreign data wrapper",
    "foreign table",
    "function",
    "group",
    "index",
    "language",
    "large object",
    "materialized view",
    "operator class",
    "operator family",
    "operator",
    "policy",
    "procedure",
    "publication",
    "role",
    "routine",
    "rule",
    "schema",
    "sequence",
    "server",
    "statistics",
    "subscription",
    "system",
    "table",
    "tablespace",
    "text search configuration",
    "text search dictionary",
    "text search parser",
    "text search template",
    "transform",
    "trigger",
    "type",
    "user mapping",
    "user",
    "view",
)
_SAME_OBJECT = {"user": "ROLE", "group": "ROLE"}
_WORDS_OF_A_TAG = 8


def without_comments(sql: str) -> list[Token]:
    """The tokens of a text but its comments."""
    return [token for token in tokens(sql) if token.kind is not Kind.COMMENT]


def statements(words: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The statements of a text, each without its semicolon; empty ones are left out.

    Of PREPARE it is the statement that is prepared: what runs it is counted under that text.

    Args:
        words: the tokens of the text, without comments.
    """
    begin = depth = 0
    for place, token in enumerate(words):
        text = token.text
        if text == "(":
            depth += 1
        elif text == ")":
            depth -= 1
        elif text == ";" and depth <= 0:
            if place > begin:
                yield after_prepare(words[begin:place]) or words[begin:place]
            begin, depth = place + 1, 0
        elif _opens_a_body(words, begin, place):
            break
    if begin < len(words):
        yield after_prepare(words[begin:]) or words[begin:]


def _opens_a_body(words: Sequence[Token], begin: int, place: int) -> bool:
    """BEGIN ATOMIC of CREATE FUNCTION: semicolons that follow are inside of it."""
    return (
        place > begin
        and words[place].text.lower() == "atomic"
        and words[place - 1].text.lower() == "begin"
        and words[begin].text.lower() == "create"
    )


def is_query(statement: Sequence[Token]) -> bool:
    """Whether it has a plan: it is no utility statement."""
    return statement[0].text == "(" or statement[0].text.lower() in QUERIES


def command_tag(statement: Sequence[Token]) -> str:
    """The tag of one statement: `SELECT`, `ALTER ROLE`, `CREATE INDEX`; nothing of it is the user's text.

    A bracket at the beginning is that of a query; EXPLAIN is a command of its own. See
    https://www.postgresql.org/docs/current/protocol-message-formats.html (CommandComplete) for tags.
    """
    words = [token.text.lower() if token.kind is Kind.WORD else "" for token in statement[:_WORDS_OF_A_TAG]]
    if not words:
        return UNKNOWN
    if statement[0].text == "(":
        return "SELECT"
    first = words[0]
    if first in QUERIES:
        return QUERIES[first]
    if first in _VERBS:
        return _tag_of_an_object(first, words[1:])
    pair = _PAIRS.get((first, words[1])) if len(words) > 1 else None
    return pair or _ALONE.get(first, UNKNOWN)


def _tag_of_an_object(verb: str, words: Sequence[str]) -> str:
    pair = _PAIRS.get((verb, words[0])) if words else None
    if pair:
        return pair
    named = [word for word in words if word not in _PASSED_OVER]
    for kind in _OBJECTS:
        parts = kind.split()
        if named[: len(parts)] == parts:
            return f"{verb.upper()} {_SAME_OBJECT.get(kind, kind.upper())}"
    return verb.upper()
