"""Structured logging to standard error: one line per change of state, logfmt or JSON."""

from __future__ import annotations

import logging
import sys
from contextlib import AbstractContextManager
from typing import Any

# structlog imports rich wherever that is installed, for console output that a daemon never shows:
# 5 MB of memory, a tenth of the whole process.
_ABSENT: Any = None  # what makes an import of that name fail
_hide_rich = "rich" not in sys.modules
if _hide_rich:
    sys.modules["rich"] = _ABSENT
import structlog  # noqa: E402

if _hide_rich:
    del sys.modules["rich"]

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def get_logger(name: str) -> Any:
    """The logger of a part of the program; `name` is its module path."""
    return structlog.get_logger(name)


def about(**fields: str) -> AbstractContextManager[None]:
    """Adds fields to each line that is logged within, also by the tasks that are begun there."""
    bound: AbstractContextManager[None] = structlog.contextvars.bound_contextvars(**fields)
    return bound


def configure_logging(level: str = "info", format: str = "logfmt") -> None:
    """Sets up structlog, and what libraries log through the standard library.

    psycopg_pool logs each failed attempt; the source says the same once, so its logger is silenced.
    """
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if format == "logfmt":
        renderer = structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "event"], drop_missing=True, bool_as_flag=False
        )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = _Forward()
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of what goes wrong after an error
    # Uvicorn reports malformed requests one by one: anybody who reaches the port could fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


class _Forward(logging.Handler):
    """Hands the libraries' records to structlog, so that there is one format."""

    def emit(self, record: logging.LogRecord) -> None:
        """Logs the record under its logger's name."""
        level = "error" if record.levelno >= logging.ERROR else "warning"
        getattr(get_logger(record.name), level)(
            record.getMessage(), library=record.name, exc_info=record.exc_info
        )
