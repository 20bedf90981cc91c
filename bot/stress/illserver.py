"""An action server that misbehaves: the name of the action says how.

A process of its own (`python -m bot.stress.illserver PORT DEADLINE_S`), so that it can die. It
speaks HTTP by hand, for most of what it answers no library would send.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable

FINE = "action_fine"
DIES = "action_dies"
PATIENCE_S = 60.0
"""How long a call may stay without an answer, and an answer without an end."""
HUGE_BYTES = 1_000_000_000
PIECE = b"x" * 65536
DRIP_EVERY_S = 0.1

Behaviour = Callable[[asyncio.StreamWriter, float], Awaitable[None]]


async def _fine(writer: asyncio.StreamWriter, _deadline_s: float) -> None:
    await _answer(writer, {"events": [], "responses": [{"text": "fine"}]})


async def _slow(writer: asyncio.StreamWriter, deadline_s: float) -> None:
    """Answers late, but in time."""
    await asyncio.sleep(deadline_s * 0.7)
    await _fine(writer, deadline_s)


async def _too_slow(writer: asyncio.StreamWriter, deadline_s: float) -> None:
    await asyncio.sleep(deadline_s + 1.0)
    await _fine(writer, deadline_s)


async def _never(_writer: asyncio.StreamWriter, _deadline_s: float) -> None:
    await asyncio.sleep(PATIENCE_S)


async def _garbage(writer: asyncio.StreamWriter, _deadline_s: float) -> None:
    """No HTTP at all."""
    writer.write(bytes(range(256)) * 8)
    await writer.drain()


async def _no_json(writer: asyncio.StreamWriter, _deadline_s: float) -> None:
    await _send(writer, "200 OK", b"<html><body>It works!</body></html>")


async def _nonsense(writer: asyncio.StreamWriter, _deadline_s: float) -> None:
    """JSON of another shape."""
    await _answer(writer, {"events": {"event": 3}, "responses": [[]]})


async def _error(writer: asyncio.StreamWriter, _deadline_s: float) -> None:
    await _send(writer, "500 Internal Server Error", b'{"error": "boom"}')


async def _cuts(writer: asyncio.StreamWriter, _deadline_s: float) -> None:
    """Hangs up in the middle of its answer."""
    writer.write(_head("200 OK", 500) + b'{"events": [')
    await writer.drain()


async def _huge(writer: asyncio.StreamWriter, _deadline_s: float) -> None:
    writer.write(_head("200 OK", HUGE_BYTES))
    while not writer.is_closing():
        writer.write(PIECE)
        await writer.drain()


async def _endless(writer: asyncio.StreamWriter, _deadline_s: float) -> None:
    """Drips byte by byte and does not end."""
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    writer.write(head)
    for _ in range(int(PATIENCE_S / DRIP_EVERY_S)):
        writer.write(b"1\r\n \r\n")
        await writer.drain()
        await asyncio.sleep(DRIP_EVERY_S)


async def _dies(_writer: asyncio.StreamWriter, _deadline_s: float) -> None:
    os._exit(1)


BEHAVIOURS: dict[str, Behaviour] = {
    FINE: _fine,
    "action_slow": _slow,
    "action_too_slow": _too_slow,
    "action_never": _never,
    "action_garbage": _garbage,
    "action_no_json": _no_json,
    "action_nonsense": _nonsense,
    "action_error": _error,
    "action_cuts": _cuts,
    "action_huge": _huge,
    "action_endless": _endless,
    DIES: _dies,
}


def main() -> None:
    """Serve until killed."""
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))


async def serve(port: int, deadline_s: float) -> None:
    """Answer at `port` until cancelled."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            call = await _read(reader)
            await BEHAVIOURS[call["next_action"]](writer, deadline_s)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the caller has left, as it should
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", port, reuse_address=True)
    async with server:
        await server.serve_forever()


async def _read(reader: asyncio.StreamReader) -> dict[str, str]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    call: dict[str, str] = json.loads(await reader.readexactly(length))
    return call


async def _answer(writer: asyncio.StreamWriter, answer: object) -> None:
    await _send(writer, "200 OK", json.dumps(answer).encode())


async def _send(writer: asyncio.StreamWriter, status: str, body: bytes) -> None:
    writer.write(_head(status, len(body)) + body)
    await writer.drain()


def _head(status: str, length: int) -> bytes:
    lines = (
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode()


if __name__ == "__main__":
    main()
