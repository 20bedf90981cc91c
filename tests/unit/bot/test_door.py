"""The listening sockets: handed over or our own, and closed without cutting anybody off."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot import errors
from bot.config import Server
from bot.web import door

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
NO_SOCKET = """
import asyncio, os
from aiohttp import web
from bot.config import Server
from bot.web import door
os.dup2(os.open(os.devnull, os.O_RDONLY), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
async def main():
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await door.open_door(runner, Server(), os.environ)
asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[tuple[web.AppRunner, int]]:
    """A server that says hello, and its port."""

    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await door.open_door(runner, Server(host="127.0.0.1", port=0), {})
        yield runner, runner.addresses[0][1]
    finally:
        await runner.cleanup()


def test_sockets_are_ours_only_if_they_were_handed_to_this_process() -> None:
    ours = str(os.getpid())
    assert list(door.handed_over({"LISTEN_PID": ours, "LISTEN_FDS": "2"})) == [3, 4]
    assert list(door.handed_over({"LISTEN_PID": "1", "LISTEN_FDS": "2"})) == []
    assert list(door.handed_over({"LISTEN_PID": ours, "LISTEN_FDS": "two"})) == []
    assert list(door.handed_over({"LISTEN_FDS": "2"})) == []
    assert list(door.handed_over({})) == []


def test_a_descriptor_that_is_no_socket_is_named() -> None:
    command = [sys.executable, "-c", NO_SOCKET]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 1
    assert "LISTEN_FDS names the descriptor 3, which is no socket." in done.stderr


async def test_a_port_that_is_taken_is_named() -> None:
    async with serving() as (_, port):
        other = web.AppRunner(web.Application())
        await other.setup()
        with pytest.raises(errors.ConfigError, match=f"Port {port} on 127.0.0.1 is taken"):
            await door.open_door(other, Server(host="127.0.0.1", port=port), {})
        await other.cleanup()


async def test_who_stands_at_the_door_is_let_in_before_it_closes() -> None:
    async with serving() as (runner, port):
        # The system connects them while our loop does not run: none of them is accepted yet.
        callers = [
            socket.create_connection(("127.0.0.1", port)) for _ in range(300)
        ]  # more than aiohttp lets wait
        for caller in callers:
            caller.sendall(REQUEST)
        await door.close_door(runner, {})
        for caller in callers:
            caller.setblocking(False)
            answer = await asyncio.get_running_loop().sock_recv(caller, 4096)
            assert answer.startswith(b"HTTP/1.1 200 OK")
            caller.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


async def test_nobody_is_connected_any_more_while_the_door_closes() -> None:
    async with serving() as (runner, port):
        closing = asyncio.create_task(door.close_door(runner, {}))
        await asyncio.sleep(0)  # it has begun
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(
                asyncio.open_connection("127.0.0.1", port), timeout=door.SHAKE_S / 2
            )
        await closing
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
