"""Whether a text is one SQL statement that reads: as far as that can be seen without a server.

Only quotes and comments are understood, which is what it takes to find the semicolons that end a statement.
Source: PostgreSQL documentation, "Lexical Structure".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

READS = ("SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN")

_SKIP = re.compile(r"(?:\s+|--[^\n\r]*)+")
_COMMENT = re.compile(r"/\*|\*/")
_WORD = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*+(?P<escaped>')?
      | '(?:[^']|'')*+(?P<string>')?
      | "(?:[^"]|"")*+(?P<name>")?
      | (?P<dollar>\$(?:[^\W\d]\w*)?\$)
      | [^\W\d][\w$]*
      | .""",
    re.VERBOSE | re.DOTALL,
)


def complaint(sql: str) -> str | None:
    """What speaks against the statement, with what is expected; None if nothing does."""
    try:
        words = list(_words(sql))
    except _UnclosedError as error:
        return f"{error} is not closed"
    while words and words[-1] == ";":
        words.pop()
    if ";" in words:
        return "expected one statement: leave out what follows the first ;"
    first = next((word for word in words if word != "("), "").upper()
    if first not in READS:
        return f"expected a statement that reads and starts with {', '.join(READS)}"
    return None


class _UnclosedError(Exception):
    """A quote or a comment has no end."""


def _words(sql: str) -> Iterator[str]:
    """Words, quoted texts and single signs, without space and comments."""
    at = 0
    while at < len(sql):
        if skipped := _SKIP.match(sql, at):
            at = skipped.end()
        elif sql.startswith("/*", at):
            at = _end_of_comment(sql, at)
        else:
            match = _WORD.match(sql, at)
            assert match is not None  # its last alternative takes any sign
            word, at = match[0], match.end()
            if tag := match["dollar"]:
                end = sql.find(tag, at)
                if end < 0:
                    raise _UnclosedError(f"the text that begins with {tag}")
                word, at = tag, end + len(tag)
            elif word[0] in "'\"" or word[1:2] == "'":
                if not any(match[name] for name in ("escaped", "string", "name")):
                    raise _UnclosedError("a quote")
                word = "'"
            yield word


def _end_of_comment(sql: str, at: int) -> int:
    depth = 0
    for match in _COMMENT.finditer(sql, at):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    raise _UnclosedError("a comment")
