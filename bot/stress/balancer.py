"""A balancer as operators have one: bytes both ways, new connections to servers that are ready."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence

import aiohttp

from bot.stress.process import Echo

LOOK_EVERY_S = 0.1
CHUNK = 65_536


class Balancer:
    """Listens in front of some servers and sends each connection to the next that is ready."""

    def __init__(self, servers: Sequence[Echo]) -> None:
        """Does nothing yet."""
        self._servers = servers
        self._ready: list[Echo] = []
        self._turn = itertools.count()
        self._running: set[asyncio.Task[None]] = set()
        self.url = ""
        self.turned_away = 0
        """Connections for which no server was ready."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Balancer]:
        """Balance as long as the context is open."""
        looking = asyncio.create_task(self._look())
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in [looking, *self._running]:
                task.cancel()
            await asyncio.gather(looking, *self._running, return_exceptions=True)

    async def _look(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as http:
            while True:
                ready = [await self._is_ready(http, server) for server in self._servers]
                self._ready = [
                    server for server, yes in zip(self._servers, ready, strict=True) if yes
                ]
                await asyncio.sleep(LOOK_EVERY_S)

    async def _is_ready(self, http: aiohttp.ClientSession, server: Echo) -> bool:
        try:
            async with http.get(f"{server.url}/readyz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        with contextlib.suppress(OSError):
            theirs = await self._connection()
            if theirs is None:
                self.turned_away += 1
            else:
                await asyncio.gather(_pipe(reader, theirs[1]), _pipe(theirs[0], writer))
        writer.close()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """To the next server that is ready; to another one if it listens no more."""
        ready = list(self._ready)
        first = next(self._turn)
        for number in range(len(ready)):
            server = ready[(first + number) % len(ready)]
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", server.port)
        return None


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    finally:
        with contextlib.suppress(OSError):
            writer.close()
