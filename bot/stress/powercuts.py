"""R2: the power is cut again and again, on a disk that then forgets or tears what was not synced.

Each time the disk dies in the middle of a write or sync of the server, the server is killed, power
comes back, the database is examined and the server started again. The same with a weakened promise,
SQLite's `synchronous=NORMAL`, must lose something: else this would test nothing.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from pathlib import Path

import aiohttp

from bot.store import sqlite
from bot.stress import ledger, vendors
from bot.stress.disk import Survival
from bot.stress.kills import sent_by_vendor, until_answered
from bot.stress.ledger import Ledger
from bot.stress.lossy import Mount
from bot.stress.process import Echo

SENDERS = 8
CHANGES = (1, 600)  # of the disk, from the start of sending until the power goes
CHANGES_AT_START = (1, 40)
AT_START_EVERY = 5  # each fifth cut comes while the server starts and mends its database
LIMITS = "[limits]\nvisitor_per_minute = 0\nchannel_per_minute = 0\n"
STORED = "SELECT json_extract(message, '$.text') FROM inbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    synchronous: str
    cuts: int
    at_start: int
    """Cuts that came while the server started."""
    acknowledged: int
    lost: int
    """Acknowledged, and not in the database after a cut, or never answered."""
    answered_twice: int
    damaged: int
    """Cuts after which SQLite found the database damaged."""
    lost_sessions: int
    """Visitors of the widget whose token, given out before a cut, was refused afterwards."""
    failed_starts: int
    """Cuts after which the server did not start again."""
    slowest_start_s: float
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether it is as promised: nothing lost, or with a weakened promise something."""
        broken = self.lost or self.damaged or self.lost_sessions or self.failed_starts
        if self.synchronous != sqlite.SYNCHRONOUS:
            return bool(broken)
        return not broken and not self.answered_twice

    def as_dict(self) -> dict[str, float | str]:
        """The figures by name."""
        return asdict(self)


@dataclass(slots=True, kw_only=True)
class _Run:
    """What a run has seen so far."""

    server: Echo
    disk: Mount
    book: Ledger
    options: Sequence[str]
    chance: random.Random
    acknowledged: list[str] = field(default_factory=list)
    sent: int = 0
    lost: set[str] = field(default_factory=set)
    token: str = ""
    damaged: int = 0
    lost_sessions: int = 0
    failed_starts: int = 0
    slowest_start_s: float = 0.0


async def run(
    folder: Path, cuts: int, *, synchronous: str = sqlite.SYNCHRONOUS, seed: int = 3
) -> Outcome:
    """Cut the power `cuts` times.

    Raises:
        errors.ConfigError: FUSE is missing here.
    """
    began = time.monotonic()
    disk = Mount(folder / "data")
    await disk.open()
    try:
        async with ledger.vendor() as book:
            server = Echo(folder=folder, settings=LIMITS + vendors.settings(book.url))
            state = _Run(
                server=server,
                disk=disk,
                book=book,
                options=("--synchronous", synchronous),
                chance=random.Random(seed),  # noqa: S311 - repeatable, keeps no secret
            )
            await _all(state, cuts)
    finally:
        await disk.close()
    counts = book.counts("webhook")
    state.lost.update(text for text in state.acknowledged if not counts[text])
    return Outcome(
        synchronous=synchronous,
        cuts=cuts,
        at_start=cuts // AT_START_EVERY,
        acknowledged=len(state.acknowledged),
        lost=len(state.lost),
        answered_twice=sum(count - 1 for count in counts.values()),
        damaged=state.damaged,
        lost_sessions=state.lost_sessions,
        failed_starts=state.failed_starts,
        slowest_start_s=round(state.slowest_start_s, 2),
        seconds=round(time.monotonic() - began, 1),
    )


async def _all(state: _Run, cuts: int) -> None:
    await state.server.start()  # makes a database that a weakened promise can then lose from
    await state.server.end(signal.SIGTERM)
    for number in range(1, cuts + 1):
        if number % AT_START_EVERY == 0:
            await _cut_while_starting(state)
        elif await _start(state):
            await _cut_while_sending(state)
        else:
            break  # nothing more can be learned on this disk
        await _look(state)
    if await _start(state):
        await until_answered(state.book, len(set(state.acknowledged) - state.lost))
    await state.server.end()


def _arm(state: _Run, changes: tuple[int, int]) -> None:
    survival = state.chance.choice(list(Survival))
    state.disk.arm(state.chance.randint(*changes), survival, state.chance.getrandbits(32))


async def _cut_while_sending(state: _Run) -> None:
    _arm(state, CHANGES)
    async with aiohttp.ClientSession() as http:
        sending = [asyncio.create_task(_talk(state, http, name)) for name in range(SENDERS)]
        while state.disk.is_on:  # noqa: ASYNC110 - a disk tells nobody
            await asyncio.sleep(0.002)
        await state.server.end()
        await asyncio.gather(*sending)


async def _talk(state: _Run, http: aiohttp.ClientSession, sender: int) -> None:
    """Send until one is not acknowledged."""
    while True:
        state.sent += 1
        text = f"{sender}#{state.sent}"
        if not await sent_by_vendor(http, state.server, "webhook", str(sender), state.sent, text):
            return
        state.acknowledged.append(text)


async def _cut_while_starting(state: _Run) -> None:
    """A start that writes less than the cut waits for is cut at its end."""
    _arm(state, CHANGES_AT_START)
    starting = asyncio.create_task(state.server.start(*state.options))
    while state.disk.is_on and not starting.done():  # noqa: ASYNC110 - a disk tells nobody
        await asyncio.sleep(0.002)
    if state.disk.is_on:
        _arm(state, (0, 0))
    await state.server.end()
    await starting


async def _look(state: _Run) -> None:
    """Give power again and look into a copy of the database."""
    state.disk.power_on()
    copy = state.server.folder / "copy"
    copy.mkdir()
    for path in state.server.data.glob("frontdesk.db*"):
        if not path.name.endswith("-shm"):
            shutil.copyfile(path, copy / path.name)
    damage, stored = sqlite.examine(copy / "frontdesk.db", STORED)
    shutil.rmtree(copy)
    state.damaged += bool(damage)
    state.lost.update(set(state.acknowledged) - set(stored))


async def _start(state: _Run) -> bool:
    began = time.monotonic()
    await state.server.start(*state.options)
    state.slowest_start_s = max(state.slowest_start_s, time.monotonic() - began)
    if not state.server.runs:
        state.failed_starts += 1
        return False
    async with aiohttp.ClientSession(state.server.url) as http:
        if state.token:
            headers = {"Authorization": f"Bearer {state.token}"}
            async with http.get("/v1/events", headers=headers) as answer:
                state.lost_sessions += answer.status != HTTPStatus.OK
        async with http.post("/v1/sessions") as answer:
            state.token = (await answer.json())["token"]
    return True
