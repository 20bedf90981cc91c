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
        http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0))
        await self._look(http)
        looking = asyncio.create_task(self._keep_looking(http))
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in [looking, *self._running]:
                task.cancel()
            await asyncio.gather(looking, *self._running, return_exceptions=True)
            await http.close()
            await asyncio.sleep(0)  # transports end in the next round

    async def _keep_looking(self, http: aiohttp.ClientSession) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self._look(http)

    async def _look(self, http: aiohttp.ClientSession) -> None:
        found = await asyncio.gather(*(self._is_ready(http, server) for server in self._servers))
        self._ready = [server for server, yes in zip(self._servers, found, strict=True) if yes]

    async def _is_ready(self, http: aiohttp.ClientSession, server: Echo) -> bool:
        try:
            async with http.get(f"{server.url}/readyz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes until both have said all; in a task of ours, which asyncio's would not end."""
        task = asyncio.create_task(self._pass_on(reader, writer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            theirs = await self._connection()
            if theirs is None:
                self.turned_away += 1
                return
            with contextlib.closing(theirs[1]):
                await asyncio.gather(_pipe(reader, theirs[1]), _pipe(theirs[0], writer))

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
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
