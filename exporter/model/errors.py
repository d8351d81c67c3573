"""Everything that may go wrong while collecting, as one tree.

    ExporterError
    ├── SettingsError     the configuration is wrong: the start ends with its message
    ├── Skip              expected absence (an older server, a replica): quiet
    ├── Partial           some of the rows came, some did not
    └── SourceError       a target did not give what was asked
        ├── Unavailable       it can't be reached: refused, not answering, not starting up
        ├── DeadlineExceeded  it was reached, and took too long
        └── Refused           it answered no: missing right, unknown function, bad query

A message says what, where and what to do; it never holds a password.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from exporter.model.table import Table


class Reason(StrEnum):
    """Why a collector gave nothing: the bounded values of the label `reason`."""

    UNAVAILABLE = "unavailable"
    """The target can't be reached."""
    DEADLINE = "deadline"
    """It was not ready when the scrape had to answer."""
    PERMISSION = "permission"
    """The target refused it for lack of a right."""
    ERROR = "error"
    """Anything unforeseen; the log has the details."""
    VERSION = "version"
    """The server is too old or too new for it."""
    UNSUPPORTED = "unsupported"
    """The target, or this machine, does not offer it."""
    ROLE = "role"
    """It only makes sense on the other replication role."""
    NO_DATA = "no_data"
    """There is nothing to say just now."""
    BUSY = "busy"
    """The run of an earlier scrape has not ended yet."""


class ExporterError(Exception):
    """The root of every error that this package raises on purpose."""


class SettingsError(ExporterError):
    """The configuration is wrong: one line per finding, each with key, source and what is expected."""

    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__("\n".join(findings))
        self.findings = tuple(findings)


class Skip(ExporterError):
    """Nothing to collect here, and that is as it should be.

    Args:
        reason: one of the bounded reasons, for the label.
        text: the sentence for people: "needs PostgreSQL 17".
    """

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Partial(ExporterError):
    """Some of what was asked for came: show `tables`, and count the run as failed.

    Args:
        tables: what came.
        error: why it is not all.
        logged: whether its source says so in the log by itself.
    """

    def __init__(self, tables: Sequence[Table], error: BaseException, *, logged: bool = False) -> None:
        super().__init__(str(error))
        self.tables = tuple(tables)
        self.error = error
        self.logged = logged


class SourceError(ExporterError):
    """A target did not give what was asked."""

    reason = Reason.ERROR


class Unavailable(SourceError):
    """The target can't be reached: refused, not answering, still starting up."""

    reason = Reason.UNAVAILABLE


class DeadlineExceeded(SourceError):
    """The target was reached, and had not answered when time was up."""

    reason = Reason.DEADLINE


class Refused(SourceError):
    """The target answered no."""

    def __init__(self, text: str, reason: Reason = Reason.ERROR) -> None:
        super().__init__(text)
        self.reason = reason
