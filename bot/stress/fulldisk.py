"""R3: the disk is full while messages come, and then there is room again.

The server writes to a file system of its own in memory (tmpfs), which only root may mount.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path

import aiohttp

from bot import errors
from bot.store import sqlite
from bot.stress import ledger, vendors
from bot.stress.kills import until_answered
from bot.stress.process import Echo

SMALL, LARGE = "16m", "32m"
LONG = " " + "long " * 300  # so that the disk is full soon
MOST = 20_000  # messages until it is
WHILE_FULL = 100  # messages sent then
RECOVERED_WITHIN_S = 5.0
STORED = "SELECT json_extract(message, '$.text') FROM inbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    acknowledged: int
    refused_while_full: int
    other_answers: int
    """While it was full: neither yes nor 503 with Retry-After."""
    unhealthy: int
    """Looks at /healthz and at a visitor's stream that failed while it was full."""
    died: bool
    recovered_s: float
    """From more room to the first message that is taken, without a restart."""
    lost: int
    damaged: bool
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether it is as promised."""
        bad = self.other_answers or self.unhealthy or self.died or self.lost or self.damaged
        return (
            bool(self.refused_while_full) and not bad and (self.recovered_s <= RECOVERED_WITHIN_S)
        )

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


@dataclass(slots=True)
class _Said:
    """What the server answered."""

    taken: list[str]
    refused: int = 0
    other: int = 0


async def run(folder: Path) -> Outcome:
    """Fill the disk, go on sending, then make room.

    Raises:
        errors.ConfigError: tmpfs cannot be mounted here.
    """
    began = time.monotonic()
    said = _Said([])
    numbers = itertools.count()
    async with _small_disk(folder / "data") as data, ledger.vendor() as book:
        limits = "[limits]\nvisitor_per_minute = 0\nchannel_per_minute = 0\n"
        server = Echo(folder=folder, settings=limits + vendors.settings(book.url))
        await server.start()
        async with aiohttp.ClientSession(server.url) as http:
            token = await _session(http)
            while not said.refused and len(said.taken) < MOST:
                await _send(http, next(numbers), said)
            for _ in range(WHILE_FULL):
                await _send(http, next(numbers), said)
            unhealthy = await _unhealthy(http, token)
            refused, other = said.refused, said.other
            await _call("mount", "-o", f"remount,size={LARGE}", str(data))
            recovered_s = await _recovery(http, numbers, said)
            await until_answered(book, len(said.taken))
        died = not server.runs
        await server.end()
        damage, stored = sqlite.examine(data / "frontdesk.db", STORED)
        answered = set(book.texts("webhook"))
    kept = set(stored) & answered
    return Outcome(
        acknowledged=len(said.taken),
        refused_while_full=refused,
        other_answers=other,
        unhealthy=unhealthy,
        died=died,
        recovered_s=round(recovered_s, 2),
        lost=len(set(said.taken) - kept),
        damaged=bool(damage),
        seconds=round(time.monotonic() - began, 1),
    )


@contextlib.asynccontextmanager
async def _small_disk(folder: Path) -> AsyncIterator[Path]:
    if os.geteuid():
        raise errors.ConfigError("R3 mounts a small disk.", hint="Run it as root.")
    await asyncio.to_thread(folder.mkdir, parents=True)
    await _call("mount", "-t", "tmpfs", "-o", f"size={SMALL}", "frontdesk-r3", str(folder))
    try:
        yield folder
    finally:
        await _call("umount", "-l", str(folder))


async def _call(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(*words)
    if await process.wait():
        raise errors.ConfigError(
            f"{words[0]!r} failed.", hint="R3 needs to mount a tmpfs: run it as root."
        )


async def _session(http: aiohttp.ClientSession) -> dict[str, str]:
    async with http.post("/v1/sessions") as answer:
        headers = {"Authorization": f"Bearer {(await answer.json())['token']}"}
    body = {"id": "message-1", "text": "hello"}
    async with http.post("/v1/messages", json=body, headers=headers) as answer:
        await answer.read()
    return headers


async def _send(http: aiohttp.ClientSession, number: int, said: _Said) -> None:
    text = f"{number}#0{LONG}"
    call = vendors.call("webhook", str(number), number, text, "")
    try:
        async with http.post(call.path, data=call.body, headers=call.headers) as answer:
            await answer.read()
            if 200 <= answer.status < 300:
                said.taken.append(text.strip())
            elif answer.status == HTTPStatus.SERVICE_UNAVAILABLE and answer.headers.get(
                "Retry-After"
            ):
                said.refused += 1
            else:
                said.other += 1
    except (aiohttp.ClientError, OSError):
        said.other += 1


async def _unhealthy(http: aiohttp.ClientSession, visitor: dict[str, str]) -> int:
    """How many looks fail: is it alive, and can what is there still be read?"""
    failed = 0
    async with http.get("/healthz") as answer:
        failed += answer.status != HTTPStatus.OK
    async with http.get("/v1/events", headers=visitor) as answer:
        line = await asyncio.wait_for(answer.content.readline(), 5.0)
        failed += not line.startswith(b"id:")
    return failed


async def _recovery(
    http: aiohttp.ClientSession, numbers: itertools.count[int], said: _Said
) -> float:
    began, before = time.monotonic(), len(said.taken)
    while len(said.taken) == before and time.monotonic() - began < 10 * RECOVERED_WITHIN_S:
        await _send(http, next(numbers), said)
        await asyncio.sleep(0.05)
    return time.monotonic() - began
