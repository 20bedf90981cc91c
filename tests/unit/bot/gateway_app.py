"""The gateway in this process, over real HTTP, with an engine that echoes and a vendor's ledger."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bot import config
from bot.assembly import Parts
from bot.stress import echo, ledger, vendors
from bot.stress.echo import EchoEngine
from bot.stress.ledger import Ledger
from bot.web.app import create_app
from bot.web.server import LIMITS

WITHIN_S = 60.0  # a bound against hanging
NO_LIMITS = {"visitor_per_minute": 0, "address_per_minute": 0}
CHANNELS = ("webhook", "telegram")


@dataclass(slots=True, kw_only=True)
class Running:
    """A gateway that listens."""

    url: str
    parts: Parts
    app: web.Application
    book: Ledger
    http: aiohttp.ClientSession
    statuses: list[int] = field(default_factory=list)

    @property
    def engine(self) -> EchoEngine:
        """The engine, to be made slow."""
        assert isinstance(self.parts.engine, EchoEngine)
        return self.parts.engine

    async def send(self, channel: str, sender: str, key: int, text: str) -> int:
        """A vendor's message; gives the status."""
        call = vendors.call(channel, sender, key, text, self.url)
        async with self.http.post(
            self.url + call.path, data=call.body, headers=call.headers
        ) as answer:
            await answer.read()
            return answer.status

    async def post(self, path: str, body: object, **headers: str) -> tuple[int, Any]:
        """A JSON request; gives status and JSON."""
        async with self.http.post(self.url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for `condition`."""
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(
    data: Path,
    *,
    book: Ledger | None = None,
    limits: Mapping[str, Any] | None = None,
    channels: Mapping[str, Mapping[str, Any]] | None = None,
    takes_s: float = 0.0,
    database: str = "",
    **settings: Any,
) -> AsyncIterator[Running]:
    """A gateway over the data folder `data`; channels `webhook` and `telegram` unless named."""
    async with contextlib.AsyncExitStack() as stack:
        if book is None:
            book = await stack.enter_async_context(ledger.vendor())
        wanted = config.Settings(
            data=data,
            database=database,
            limits=config.Limits(**{**NO_LIMITS, "drain_s": 0.5, **(limits or {})}),
            channels=sections(book, channels),
            **{"log_level": "error", **settings},
        )
        parts = await stack.enter_async_context(echo.open_parts(wanted, takes_s))
        app = create_app(parts, on_failure=_fail, follows=False)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, **LIMITS)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        http = await stack.enter_async_context(aiohttp.ClientSession())
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield Running(url=url, parts=parts, app=app, book=book, http=http)


def sections(
    book: Ledger, channels: Mapping[str, Mapping[str, Any]] | None
) -> dict[str, dict[str, Any]]:
    """The channels' settings."""
    if channels is not None:
        return {name: dict(section) for name, section in channels.items()}
    return {
        "webhook": {"url": f"{book.url}/webhook", "secrets": [vendors.SECRET]},
        "telegram": {
            "bot_token": f"1:{vendors.TOKEN}",
            "secret": vendors.TOKEN,
            "api_url": book.url,
        },
    }


def _fail(cause: Exception) -> None:
    raise cause
