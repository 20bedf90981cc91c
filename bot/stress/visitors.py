"""Visitors whose pages stay connected: they say something now and then and write down the replies.

What they say goes out until the server has taken it; when the connection ends they come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import aiohttp
import orjson
import socketio

from bot.stress.echo import PREFIX

EVERY_S = 0.5
RETRY_S = 0.2
PATIENCE_S = 30.0  # for the last replies
TAKEN_WITHIN_S = 8.0


class Visitor(Protocol):
    """One visitor."""

    said: list[str]

    @property
    def missed(self) -> int:
        """Messages without a reply on the page."""

    @property
    def repeated(self) -> int:
        """Replies that came again."""

    async def talk(self, done: asyncio.Event) -> None:
        """Say something now and then until `done`, then wait for the last replies."""


class _Page:
    """What a page shows."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.shown: Counter[str] = Counter()

    @property
    def missed(self) -> int:
        """See `Visitor`."""
        return sum(not self.shown[PREFIX + text] for text in self.said)

    @property
    def repeated(self) -> int:
        """See `Visitor`."""
        return sum(max(0, count - 1) for count in self.shown.values())

    async def _until_complete(self) -> None:
        for _ in range(int(PATIENCE_S / RETRY_S)):
            if not self.missed:
                return
            await asyncio.sleep(RETRY_S)


async def _insist(send: Callable[[str], Awaitable[bool]], text: str) -> None:
    """Send until it is taken."""
    for _ in itertools.count():
        if await send(text):
            return
        await asyncio.sleep(RETRY_S)


async def _pause(done: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(done.wait(), seconds)


class StreamVisitor(_Page):
    """Uses the widget's API and follows its Server-Sent Events, by the number of the last one."""

    def __init__(self, url: str, http: aiohttp.ClientSession, *, every_s: float = EVERY_S) -> None:
        """Not connected yet."""
        super().__init__()
        self._url = url
        self._every_s = every_s
        self._http = http
        self._headers: dict[str, str] = {}

    async def talk(self, done: asyncio.Event) -> None:
        """See `Visitor`."""
        async with self._http.post(f"{self._url}/v1/sessions", json={}) as answer:
            self._headers = {"Authorization": f"Bearer {(await answer.json())['token']}"}
        following = asyncio.create_task(self._follow())
        while not done.is_set():
            text = uuid.uuid4().hex
            await _insist(self._post, text)
            self.said.append(text)
            await _pause(done, self._every_s)
        await self._until_complete()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    async def _post(self, text: str) -> bool:
        body = {"id": text, "text": text}
        try:
            async with self._http.post(
                f"{self._url}/v1/messages", json=body, headers=self._headers
            ) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError):
            return False

    async def _follow(self) -> None:
        last = "0"
        while True:
            headers = self._headers | {"Last-Event-ID": last}
            with contextlib.suppress(aiohttp.ClientError, OSError):
                async with self._http.get(
                    f"{self._url}/v1/events", headers=headers, timeout=aiohttp.ClientTimeout()
                ) as stream:
                    async for raw in stream.content:
                        line = raw.decode().rstrip()
                        if line.startswith("id: "):
                            last = line.removeprefix("id: ")
                        elif line.startswith("data: "):
                            self._show(orjson.loads(line.removeprefix("data: ")))
            await asyncio.sleep(RETRY_S)

    def _show(self, event: dict[str, Any]) -> None:
        if event["from"] == "bot":
            self.shown[event["text"]] += 1


class SocketVisitor(_Page):
    """Uses Rasa's socket.io channel over a WebSocket; a message counts when it is acknowledged."""

    def __init__(self, url: str, origin: str, *, every_s: float = EVERY_S) -> None:
        """Not connected yet."""
        super().__init__()
        self._url = url
        self._every_s = every_s
        self._origin = origin
        self._session: str | None = None
        self._confirmed = asyncio.Event()
        self._client = socketio.AsyncClient(reconnection_delay=0.2, reconnection_delay_max=1)
        self._client.on("connect", self._connected)
        self._client.on("session_confirm", self._confirm)
        self._client.on("bot_uttered", self._show)

    async def talk(self, done: asyncio.Event) -> None:
        """See `Visitor`."""
        await self._client.connect(
            self._url, headers={"Origin": self._origin}, transports=["websocket"]
        )
        while not done.is_set():
            text = uuid.uuid4().hex
            await _insist(self._say, text)
            self.said.append(text)
            await _pause(done, self._every_s)
        await self._until_complete()
        await self._client.disconnect()

    async def _say(self, text: str) -> bool:
        await self._confirmed.wait()
        said = {"message": text, "message_id": text, "session_id": self._session}
        try:
            refused = await self._client.call("user_uttered", said, timeout=TAKEN_WITHIN_S)
        except socketio.exceptions.SocketIOError:  # the connection ended meanwhile
            return False
        return not refused

    async def _connected(self) -> None:
        await self._client.emit("session_request", {"session_id": self._session})

    def _confirm(self, session: str) -> None:
        self._session = session
        self._confirmed.set()

    def _show(self, data: dict[str, Any]) -> None:
        self.shown[str(data.get("text"))] += 1
