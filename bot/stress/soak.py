"""R20: for a long time little happens, and nothing may grow: memory, descriptors, tasks, WAL."""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp

from bot.stress import ledger, vendors
from bot.stress.process import Echo
from bot.stress.visitors import SocketVisitor, StreamVisitor, Visitor

SOCKETS = 200  # half of them event streams, half WebSockets
PER_SECOND = 20.0
LOOK_EVERY_S = 5.0
SETTLED = 0.4  # of the time passes before slopes are taken
ORIGIN = "https://shop.example"
LARGEST_WAL_MB = 64.0
UNSEEN = "never retrieved"  # asyncio's words for a failure that nobody looked at
_NUMBERS = {
    "memory_mb": re.compile(r"^process_resident_memory_bytes ([\d.e+]+)$", re.MULTILINE),
    "descriptors": re.compile(r"^process_open_fds ([\d.e+]+)$", re.MULTILINE),
    "tasks": re.compile(r"^echo_tasks ([\d.e+]+)$", re.MULTILINE),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    minutes: float
    said: int
    missed: int
    memory_mb: float
    """At the end, 10^6 bytes."""
    grows_mb_per_hour: float
    """Slope of the memory over the last three fifths of the time."""
    descriptors: tuple[int, int]
    """Least and most over that time."""
    tasks: tuple[int, int]
    largest_wal_mb: float
    unseen_failures: int

    @property
    def is_good(self) -> bool:
        """Whether it is as promised; a slope over minutes tells less than one over hours."""
        flat = self.grows_mb_per_hour < 1.0 and self.largest_wal_mb <= LARGEST_WAL_MB
        return flat and not self.missed and not self.unseen_failures

    def as_dict(self) -> dict[str, object]:
        """The figures by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    at: float
    memory_mb: float
    descriptors: int
    tasks: int
    wal_mb: float


async def run(folder: Path, minutes: float) -> Outcome:
    """Let 200 visitors talk, 20 messages a second in all."""
    async with ledger.vendor() as book, _session() as http:
        server = Echo(folder=folder, settings=_settings(book.url))
        await server.start()
        every_s = SOCKETS / PER_SECOND
        visitors: list[Visitor] = []
        for _ in range(SOCKETS // 2):
            visitors.append(StreamVisitor(server.url, http, every_s=every_s))
            visitors.append(SocketVisitor(server.url, ORIGIN, every_s=every_s))
        done = asyncio.Event()
        talking = []
        for visitor in visitors:
            talking.append(asyncio.create_task(visitor.talk(done)))
            await asyncio.sleep(every_s / SOCKETS)  # not all at once
        looks = await _watch(http, server, 60 * minutes)
        done.set()
        await asyncio.gather(*talking)
        await server.end()
    settled = looks[int(SETTLED * len(looks)) :]
    return Outcome(
        minutes=minutes,
        said=sum(len(visitor.said) for visitor in visitors),
        missed=sum(visitor.missed for visitor in visitors),
        memory_mb=round(looks[-1].memory_mb, 1),
        grows_mb_per_hour=round(_slope_per_hour(settled), 2),
        descriptors=_range([look.descriptors for look in settled]),
        tasks=_range([look.tasks for look in settled]),
        largest_wal_mb=round(max(look.wal_mb for look in looks), 1),
        unseen_failures=server.log.count(UNSEEN),
    )


async def _watch(http: aiohttp.ClientSession, server: Echo, seconds: float) -> list[_Look]:
    began, looks = time.monotonic(), []
    while time.monotonic() - began < seconds:
        await asyncio.sleep(LOOK_EVERY_S)
        async with http.get(f"{server.url}/metrics") as answer:
            page = await answer.text()
        found = {name: pattern.search(page) for name, pattern in _NUMBERS.items()}
        values = {name: float(match[1]) if match else 0.0 for name, match in found.items()}
        looks.append(
            _Look(
                at=time.monotonic(),
                memory_mb=values["memory_mb"] / 1e6,
                descriptors=int(values["descriptors"]),
                tasks=int(values["tasks"]),
                wal_mb=(server.data / "frontdesk.db-wal").stat().st_size / 1e6,
            )
        )
    return looks


def _slope_per_hour(looks: Sequence[_Look]) -> float:
    times = [look.at / 3600 for look in looks]
    return statistics.linear_regression(times, [look.memory_mb for look in looks]).slope


def _range(values: Sequence[int]) -> tuple[int, int]:
    return min(values), max(values)


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


def _settings(vendor_url: str) -> str:
    return (
        "[limits]\nvisitor_per_minute = 0\naddress_per_minute = 0\n"
        + vendors.settings(vendor_url)
        + f'[channels.socketio]\nsession_key = "{"k" * 32}"\nallowed_origins = ["{ORIGIN}"]\n'
    )
