"""A page with a socket.io widget, played by the client of python-socketio."""

from __future__ import annotations

import asyncio
from typing import Any

import socketio


class Page:
    """A widget: a socket.io client and what it got."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self.got: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        for name in ("session_confirm", "bot_uttered"):
            self.client.on(name, self._keep(name))

    def _keep(self, name: str) -> Any:  # noqa: ANN401 - a handler
        async def keep(data: Any = None) -> None:  # noqa: ANN401 - any JSON
            await self.got.put((name, data))

        return keep

    async def next(self) -> tuple[str, Any]:
        return await asyncio.wait_for(self.got.get(), 5)

    async def session(self, given: object = None) -> str:
        await self.client.emit("session_request", {"session_id": given})
        name, session = await self.next()
        assert name == "session_confirm"
        assert isinstance(session, str)
        return session
