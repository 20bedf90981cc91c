"""R9: two servers on one PostgreSQL, one of them killed every ten seconds; order must hold."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiohttp

from bot.stress import ledger, vendors
from bot.stress.kills import out_of_order, sent_by_vendor, until_answered
from bot.stress.ledger import Ledger
from bot.stress.process import Echo

PER_CONVERSATION = 20
PER_SECOND = 60.0  # so many that both keep up: a backlog would hide who waits for the dead
KILL_EVERY_S = 10.0
RETRY_S = 0.1
LONGEST_WAIT_S = 5.0  # behind an owner that died
CHANNEL = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    messages: int
    conversations: int
    kills: int
    lost: int
    doubled: int
    out_of_order: int
    median_reply_s: float
    slowest_reply_s: float
    """From the acknowledgement to the reply."""
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether it is as promised."""
        wrong = self.lost or self.doubled or self.out_of_order
        return not wrong and self.slowest_reply_s <= LONGEST_WAIT_S

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


@dataclass(slots=True)
class _Pair:
    """The two servers; a message goes to one of them, and to the other when that is dead."""

    servers: Sequence[Echo]
    chance: random.Random
    acknowledged: dict[str, float] = field(default_factory=dict)
    kills: int = 0

    async def send(self, http: aiohttp.ClientSession, sender: int, place: int) -> None:
        """Send one message until it is acknowledged."""
        text, key = f"{sender}#{place}", sender * 1000 + place
        first = self.chance.randrange(2)
        for turn in itertools.count(first):
            server = self.servers[turn % 2]
            if await sent_by_vendor(http, server, CHANNEL, str(sender), key, text):
                self.acknowledged[text] = time.time()
                return
            await asyncio.sleep(RETRY_S)

    async def kill(self) -> None:
        """Kill them in turn, for ever."""
        for turn in itertools.count():
            await asyncio.sleep(KILL_EVERY_S)
            server = self.servers[turn % 2]
            await server.end()
            self.kills += 1
            await server.start()


async def run(folder: Path, database: str, conversations: int, *, seed: int = 1) -> Outcome:
    """Send twenty messages in each of so many conversations; `database` is an empty PostgreSQL."""
    began = time.monotonic()
    async with ledger.vendor() as book, aiohttp.ClientSession() as http:
        servers = [_server(folder / name, database, book) for name in "ab"]
        for server in servers:
            await server.start()
        pair = _Pair(servers, random.Random(seed))  # noqa: S311 - repeatable, keeps no secret
        killing = asyncio.create_task(pair.kill())
        try:
            await _talk(http, pair, conversations)
            await until_answered(book, len(pair.acknowledged))
        finally:
            killing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await killing
            for server in servers:
                await server.end()
    return _judge(book, pair, conversations, time.monotonic() - began)


def _server(folder: Path, database: str, book: Ledger) -> Echo:
    return Echo(
        folder=folder,
        settings="[limits]\nvisitor_per_minute = 0\n" + vendors.settings(book.url),
        environment={"FRONTDESK_DATABASE": database},
    )


async def _talk(http: aiohttp.ClientSession, pair: _Pair, conversations: int) -> None:
    """The places of all conversations one after the other, each message behind the one before."""
    last: dict[int, asyncio.Task[None]] = {}
    began = time.monotonic()

    async def follow(sender: int, place: int, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        await pair.send(http, sender, place)

    places = itertools.product(range(PER_CONVERSATION), range(conversations))
    for number, (place, sender) in enumerate(places):
        await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
        last[sender] = asyncio.create_task(follow(sender, place, last.get(sender)))
    await asyncio.gather(*last.values())


def _judge(book: Ledger, pair: _Pair, conversations: int, seconds: float) -> Outcome:
    counts = book.counts(CHANNEL)
    first = {one.text: one.at for one in reversed(book.taken)}
    waits = sorted(first[text] - at for text, at in pair.acknowledged.items() if text in first)
    return Outcome(
        messages=len(pair.acknowledged),
        conversations=conversations,
        kills=pair.kills,
        lost=sum(not counts[text] for text in pair.acknowledged),
        doubled=sum(count - 1 for count in counts.values()),
        out_of_order=out_of_order(book),
        median_reply_s=round(waits[len(waits) // 2], 3),
        slowest_reply_s=round(waits[-1], 2),
        seconds=round(seconds, 1),
    )
