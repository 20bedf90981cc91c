"""The listening sockets: opened at the start, closed at the end without cutting anybody off.

A program that listens on its behalf may hand sockets over (systemd's socket activation,
sd_listen_fds(3)). They stay open while this process is replaced, and who comes meanwhile waits.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import socket
import time
from collections.abc import Mapping, Sequence

import structlog
from aiohttp import web

from bot import errors
from bot.config import Server

FIRST_FD = 3  # SD_LISTEN_FDS_START
LET_IN_S = 1.0  # at most so long those are let in who stand at the door
QUIET_ROUNDS = 3
REQUEST_S = 0.2  # a new connection sends its request within this time
_log = structlog.get_logger()


async def open_door(
    runner: web.AppRunner, settings: Server, environment: Mapping[str, str]
) -> None:
    """Listen on the sockets that `environment` hands over, else on host and port of the settings.

    Raises:
        errors.ConfigError: the port is taken, or there is no such address; or what was handed
            over is no listening socket.
    """
    given = handed_over(environment)
    for fd in given:
        await web.SockSite(runner, _inherited(fd)).start()
    if not given:
        await _bind(runner, settings.host, settings.port)
    _log.info(f"listening on {_named(runner.addresses[0])}", action="listening")


async def close_door(runner: web.AppRunner, environment: Mapping[str, str]) -> None:
    """Let in who has connected already, then listen no more.

    The system accepts connections before we do; closing a socket resets those that wait. Sockets
    that were handed over keep them for the next process.
    """
    if not handed_over(environment):
        await _let_in(_sockets(runner))
    for site in list(runner.sites):
        await site.stop()
    await asyncio.sleep(REQUEST_S)


def handed_over(environment: Mapping[str, str]) -> Sequence[int]:
    """Numbers of the sockets that were handed to this process; empty when there are none."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return ()
    count = environment.get("LISTEN_FDS", "")
    return range(FIRST_FD, FIRST_FD + int(count)) if count.isdecimal() else ()


def _inherited(fd: int) -> socket.socket:
    try:
        found = socket.socket(fileno=os.dup(fd))
    except OSError as cause:
        raise errors.ConfigError(
            f"LISTEN_FDS names the descriptor {fd}, which is no socket.",
            hint="Start Frontdesk from its .socket unit, or unset LISTEN_FDS.",
        ) from cause
    found.setblocking(False)
    return found


async def _bind(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as cause:
        if cause.errno == errno.EADDRINUSE:
            raise errors.ConfigError(
                f"Port {port} on {host} is taken.",
                hint=f"Stop the other program, or choose another: --port {port + 1}.",
            ) from cause
        raise errors.ConfigError(
            f"Cannot listen on {host}:{port}: {cause.strerror}.", hint="Check --host and --port."
        ) from cause


def _named(address: str | tuple[object, ...]) -> str:
    """An address as a person writes it; that of a Unix socket is its path."""
    return address if isinstance(address, str) else f"http://{address[0]}:{address[1]}"


def _sockets(runner: web.AppRunner) -> list[int]:
    servers = [getattr(site, "_server", None) for site in runner.sites]
    return [each.fileno() for server in servers if server for each in server.sockets]


async def _let_in(listening: Sequence[int]) -> None:
    """Give the loop time to accept, until nobody has stood there for some rounds.

    One round is not enough: asyncio accepts in one and makes the connection in the next.
    """
    waiting = select.poll()
    for fd in listening:
        waiting.register(fd, select.POLLIN)
    end, quiet = time.monotonic() + LET_IN_S, 0
    while quiet < QUIET_ROUNDS and time.monotonic() < end:
        quiet = 0 if waiting.poll(0) else quiet + 1
        await asyncio.sleep(0)
