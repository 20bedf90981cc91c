"""Structured logs: text for people, JSON for machines; every line has a stable `action`."""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path
from typing import Any

import structlog

NOT_HTTP = "aiohttp.http_exceptions"
FRAMES = 12  # of an exception, the innermost


class _Stderr:
    """Whatever is stderr at the moment of writing; it may be replaced while the process runs."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class _Ours(logging.Handler):
    """Writes what libraries log as our own lines are written: one line, no values."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        log = structlog.get_logger()
        if type(error).__module__ == NOT_HTTP:  # its words are a stranger's bytes
            log.info("refused", action="request_unreadable", exception=type(error).__name__)
            return
        log.log(
            record.levelno, record.getMessage(), action="library", by=record.name, exc_info=error
        )


def where_it_failed(_logger: Any, _method: str, event: structlog.typing.EventDict) -> Any:  # noqa: ANN401
    """An exception as its kind and its place; its words and values may be a visitor's."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
        places = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames]
        event["exception"] = " > ".join([*places, type(error).__name__])
    return event


def configure(*, level: str = "info", log_format: str = "text") -> None:
    """Set up logging for the process; library warnings go the same way."""
    stream: Any = _Stderr()
    rank = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if rank <= logging.DEBUG else where_it_failed,
    ]
    if log_format == "json":
        last: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        last = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(rank),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(rank, logging.WARNING), handlers=[_Ours()], force=True)
