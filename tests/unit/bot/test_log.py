"""What is logged: one line each, and at info nothing that a visitor or a vendor said."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import structlog
from aiohttp.http_exceptions import LineTooLong

from bot import log

WORDS = "VisitorsOwnWords"


def fail(error: Exception) -> None:
    raise error


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_exception_is_its_kind_and_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(level="info", log_format="json")
    try:
        fail(RuntimeError(WORDS))
    except RuntimeError:
        structlog.get_logger().exception("failed", action="x")
    (line,) = lines(capsys)
    assert line["exception"].endswith("fail > RuntimeError")
    assert "test_log.py" in line["exception"]
    assert WORDS not in str(line)


def test_what_a_library_logs_is_written_as_ours_is(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(level="info", log_format="json")
    try:
        fail(RuntimeError(WORDS))
    except RuntimeError:
        logging.getLogger("library").exception("it failed in %s", "here")
    logging.getLogger("library").info("not shown")
    (line,) = lines(capsys)
    assert (line["event"], line["by"], line["level"]) == ("it failed in here", "library", "error")
    assert WORDS not in str(line)


@pytest.mark.parametrize("level", ["info", "debug"])
def test_what_is_no_http_is_named_and_never_shown(
    capsys: pytest.CaptureFixture[str], level: str
) -> None:
    log.configure(level=level, log_format="json")
    try:
        fail(LineTooLong(WORDS.encode(), 8190))
    except LineTooLong:
        logging.getLogger("aiohttp.server").exception("Error handling request from 127.0.0.1")
    (line,) = lines(capsys)
    assert (line["action"], line["level"]) == ("request_unreadable", "info")
    assert WORDS not in str(line)
