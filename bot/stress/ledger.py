"""The vendors' side: a server that takes replies and writes down each one that came."""

from __future__ import annotations

import asyncio
import contextlib
import time
import urllib.parse
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import orjson
from aiohttp import web

from bot.stress.echo import PREFIX

HANGS_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A reply that came."""

    channel: str
    text: str
    """The message that it answers."""
    key: str
    """The idempotency key that it carried; empty where there is none."""
    at: float
    """Seconds since 1970."""


Behaviour = Callable[[Arrival], web.Response | None]
"""Answers in the vendor's stead; None lets it take the reply."""


@dataclass(slots=True, kw_only=True)
class Ledger:
    """What came, in the order in which it came; append-only."""

    taken: list[Arrival] = field(default_factory=list)
    refused: list[Arrival] = field(default_factory=list)
    behaviour: Behaviour = lambda _arrival: None
    hangs_s: float = 0.0
    """How long a reply waits before it is looked at."""
    hanging: set[str] = field(default_factory=set)
    """Channels whose replies wait for half a minute."""
    called: list[Arrival] = field(default_factory=list)
    """Every call, in the order in which they began."""
    url: str = ""

    def counts(self, channel: str) -> Counter[str]:
        """How often each message was answered; a repeated key counts once, as the vendor does."""
        seen: set[str] = set()
        counts: Counter[str] = Counter()
        for arrival in self.taken:
            if arrival.channel == channel and not (arrival.key and arrival.key in seen):
                seen.add(arrival.key)
                counts[arrival.text] += 1
        return counts

    def texts(self, channel: str) -> list[str]:
        """The messages in the order of their first answers."""
        return list(dict.fromkeys(one.text for one in self.taken if one.channel == channel))


@contextlib.asynccontextmanager
async def vendor(port: int = 0) -> AsyncIterator[Ledger]:
    """A vendor on 127.0.0.1; knows the replies of all channels in `bot.stress.vendors`."""
    ledger = Ledger()

    async def take(request: web.Request) -> web.Response:
        arrival = _arrival(request.path, dict(request.headers), await request.read())
        ledger.called.append(arrival)
        if ledger.hangs_s or arrival.channel in ledger.hanging:
            await asyncio.sleep(ledger.hangs_s or HANGS_S)
        answer = ledger.behaviour(arrival)
        if answer is not None:
            ledger.refused.append(arrival)
            return answer
        ledger.taken.append(arrival)
        return web.json_response({"ok": True, "result": {}})

    app = web.Application()
    app.router.add_post("/{rest:.*}", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    ledger.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield ledger
    finally:
        await runner.cleanup()


def _arrival(path: str, headers: dict[str, str], body: bytes) -> Arrival:
    channel, text, key = _read(path, headers, body)
    return Arrival(channel=channel, text=text.removeprefix(PREFIX), key=key, at=time.time())


def _read(path: str, headers: dict[str, str], body: bytes) -> tuple[str, str, str]:
    if path.endswith("/Messages.json"):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        return "twilio", form["Body"], ""
    data = orjson.loads(body)
    if path == "/webhook":
        return "webhook", data["data"]["text"], headers["webhook-id"]
    if path == "/callback":
        return "callback", data["text"], ""
    if path == "/v2/bot/message/push":
        return "line", data["messages"][0]["text"], headers["X-Line-Retry-Key"]
    if path == "/chat.postMessage":
        return "slack", data["text"], ""
    if path == "/events":
        return "events", data["data"]["message_id"] + " " + data["type"], headers["webhook-id"]
    return "telegram", data["text"], ""
