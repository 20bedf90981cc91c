"""A vendor's server for tests: real HTTP, answers by script, keeps a ledger of what it was sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from multidict import CIMultiDict

from bot.channels.channel import Request

NOW = 1_760_000_000.0


@dataclass(frozen=True)
class Call:
    """A request that the vendor got."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str]

    def json(self) -> dict[str, Any]:
        data: dict[str, Any] = orjson.loads(self.body)
        return data


@dataclass
class Vendor:
    """What to say next, and what was heard."""

    url: str = ""
    ledger: list[Call] = field(default_factory=list)
    answers: list[web.Response] = field(default_factory=list)
    """Given one after the other; then `usual`."""
    usual: Callable[[], web.Response] = web.Response
    delay_s: float = 0.0

    def say(self, status: int, data: object = None, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = b"" if data is None else orjson.dumps(data)
        self.answers.append(web.Response(status=status, body=body, headers=named))

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.ledger.append(
            Call(request.method, request.path, request.headers, body, dict(request.query))
        )
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        return self.answers.pop(0) if self.answers else self.usual()


@asynccontextmanager
async def vendor() -> AsyncIterator[Vendor]:
    """A vendor on a port of its own."""
    made = Vendor()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()


def request(
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
    url: str = "https://bot.example/webhooks/x/webhook",
    query: Mapping[str, str] | None = None,
    now: float = NOW,
) -> Request:
    """A request as the gateway hands it to a channel."""
    return Request(
        method=method,
        url=url,
        query=query or {},
        headers=CIMultiDict(headers or {}),
        body=body,
        received_at=now,
    )
