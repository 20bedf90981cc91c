"""The listening sockets: opened at the start, closed at the end without cutting anybody off.

A program that listens on its behalf may hand sockets over (systemd's socket activation,
sd_listen_fds(3)). They stay open while this process is replaced, and who comes meanwhile waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

import structlog
from aiohttp import web

from bot import errors
from bot.config import Server

FIRST_FD = 3  # SD_LISTEN_FDS_START
# Who finds the queue full believes to be connected, and is reset at the end; those who stand in a
# long one have to be answered before the end. Measured: docs/decisions/0059.
BACKLOG = 1536
SHAKE_S = 0.2  # a handshake of TCP that has begun ends within this time
SO_ATTACH_FILTER = 26  # asm-generic/socket.h; not in Python's socket
# bpf(4): if the byte with the flags of TCP has the bit SYN, keep nothing, else all.
NO_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFF_FFFF))
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
        await web.SockSite(runner, _inherited(fd), backlog=BACKLOG).start()
    if not given:
        await _bind(runner, settings.host, settings.port)
    _log.info(f"listening on {_named(runner.addresses[0])}", action="listening")


async def close_door(runner: web.AppRunner, environment: Mapping[str, str]) -> None:
    """Listen no more, and let in who has connected already.

    The system accepts connections before we do, and resets those that wait when the socket is
    closed. So first it is told to begin no more: who comes now gets no answer and asks again a
    second later. Then the rest is let in. Where the system cannot do that, who comes at the very
    moment of the closing is cut off. Sockets that were handed over keep the callers for the next
    process.
    """
    ours = [] if handed_over(environment) else [_kept(fd) for fd in _sockets(runner)]
    if any([_bar(listening) for listening in ours]):
        await asyncio.sleep(SHAKE_S)
    for site in list(runner.sites):
        await site.stop()
    for listening in ours:
        callers = list(_waiting(listening))
        listening.close()
        await _let_in(runner, callers)


def handed_over(environment: Mapping[str, str]) -> Sequence[int]:
    """Numbers of the sockets that were handed to this process; empty when there are none."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return ()
    count = environment.get("LISTEN_FDS", "")
    return range(FIRST_FD, FIRST_FD + int(count)) if count.isdecimal() else ()


def _inherited(fd: int) -> socket.socket:
    try:
        return _kept(fd)
    except OSError as cause:
        raise errors.ConfigError(
            f"LISTEN_FDS names the descriptor {fd}, which is no socket.",
            hint="Start Frontdesk from its .socket unit, or unset LISTEN_FDS.",
        ) from cause


async def _bind(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
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


def _kept(fd: int) -> socket.socket:
    """Another handle of a socket, which outlives the closing of the first."""
    found = socket.socket(fileno=os.dup(fd))
    found.setblocking(False)
    return found


def _bar(listening: socket.socket) -> bool:
    """Begin no more connections, but end those that have begun; whether the system can do it."""
    if sys.platform != "linux" or listening.family not in {socket.AF_INET, socket.AF_INET6}:
        return False
    program = b"".join(struct.pack("HBBI", *line) for line in NO_SYN)
    buffer = ctypes.create_string_buffer(program)
    pointer = struct.pack("HP", len(NO_SYN), ctypes.addressof(buffer))
    with contextlib.suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pointer)
        return True
    return False


def _waiting(listening: socket.socket) -> Iterator[socket.socket]:
    """All who stand at the door."""
    while True:
        try:
            caller, _ = listening.accept()
        except ConnectionAbortedError:  # has left meanwhile
            continue
        except OSError:  # nobody is left; or there are no descriptors left for more
            return
        caller.setblocking(False)
        yield caller


async def _let_in(runner: web.AppRunner, callers: Iterable[socket.socket]) -> None:
    loop, serve = asyncio.get_running_loop(), runner.server
    if serve is None:
        return
    for caller in callers:
        with contextlib.suppress(OSError):  # who has left meanwhile
            await loop.connect_accepted_socket(serve, caller)
