"""Runs the gateway until it is told to stop: SIGTERM and SIGINT let running requests finish."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import IO, Any

import structlog
from aiohttp import web

from bot import config, errors, log, tracing
from bot.assembly import open_parts, prepare_data_folder
from bot.config import Settings
from bot.knowledge import reader
from bot.web import door, garbage
from bot.web.app import OnFailure, create_app
from bot.web.keys import GATEWAY, LIVE

SHUTDOWN_S = 2.0  # for handlers that do not end by themselves; aiohttp takes it twice
STORE_S = 1.0  # so long what is said is still stored; then callers are asked to come again
WAIT_S = 2.0  # so long who waits for an answer may still get it; then he is asked to come again
# A long signature, in a header or in the address, is a forged one like any other: 401.
LIMITS: Mapping[str, Any] = {"max_field_size": 32_768, "max_line_size": 32_768}
REQUEST_S = 1.0  # a new connection sends its request within this time
UNREADY_S = 0.5  # for so long it says that it stops and still takes requests
_log = structlog.get_logger()


OpenApp = Callable[[Settings, OnFailure], AbstractAsyncContextManager[web.Application]]
"""Opens all that the application needs, makes it, and closes it all."""


@contextlib.asynccontextmanager
async def _open_app(settings: Settings, on_failure: OnFailure) -> AsyncIterator[web.Application]:
    tracing.configure(settings.otlp_endpoint)
    try:
        async with open_parts(settings) as parts:
            yield create_app(parts, on_failure=on_failure)
    finally:
        await asyncio.to_thread(tracing.close)


def run(settings: Settings) -> None:
    """Serve until a signal comes.

    Raises:
        errors.ConfigError: the port is taken, or the data folder cannot be used.
        errors.KnowledgeError: the project is broken.
        errors.FrontdeskError: it could not get ready.
    """
    log.configure(level=settings.log_level, log_format=settings.log_format)
    reader.read(settings.project)  # a broken project refuses to start, before anything else
    prepare_data_folder(settings.data)
    with _only_one(settings.data), asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(settings))


async def serve(settings: Settings, open_app: OpenApp = _open_app) -> None:
    """Open everything, serve, close everything."""
    stop = asyncio.Event()
    failures: list[errors.FrontdeskError] = []

    def fail(cause: errors.FrontdeskError) -> None:
        failures.append(cause)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_app(settings, fail) as app:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S, **LIMITS)
        await runner.setup()
        try:
            async with garbage.watched(app):
                await door.open_door(runner, settings.server, config.environment())
                await stop.wait()
                await _retire(app, runner)
        finally:
            await runner.cleanup()
    if failures:
        raise failures[0]


async def _retire(app: web.Application, runner: web.AppRunner) -> None:
    """Turn new ones away step by step; `runner.cleanup` ends what is left.

    First a balancer reads that nobody should be sent here any more, while all are still served and
    their connections closed behind them. Then the door closes.
    """
    app[LIVE].state.is_stopping = True
    await asyncio.sleep(UNREADY_S)
    await door.close_door(runner, config.environment())
    loop, intake = asyncio.get_running_loop(), app[GATEWAY].intake
    loop.call_later(STORE_S, intake.close)
    loop.call_later(WAIT_S, intake.dismiss)
    await asyncio.sleep(REQUEST_S)


def _only_one(data: Path) -> IO[bytes]:
    """A lock on the data folder, released when the file is closed or the process dies."""
    file = (data / "serve.lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as cause:
        file.close()
        raise errors.ConfigError(
            f"Another Frontdesk serves from the data folder {data}.",
            hint="Stop it, or name another folder with --data.",
        ) from cause
    return file


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Uvloop where it exists."""
    try:
        import uvloop  # noqa: PLC0415 - not there on every system
    except ImportError:
        return None
    return uvloop.new_event_loop
