"""R1: the server is killed again and again while six vendors send; nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp

from bot.stress import ledger, vendors
from bot.stress.ledger import Ledger
from bot.stress.process import Echo

POINTS = tuple(
    f"{when} {name}"
    for name in ("accept", "close_turn", "start", "send", "finish", "postpone")
    for when in ("before", "after")
)
RETRY_S = 0.05
DRAIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    messages: int
    kills: int
    lost: int
    """Acknowledged and never answered."""
    doubled_with_key: int
    """Answered twice on a channel that knows a repeated reply by its key: must be 0."""
    doubled_without_key: int
    uncertain: int
    """Replies that the log names as perhaps sent twice."""
    out_of_order: int
    slowest_start_s: float
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether it is as promised."""
        return not (
            self.lost
            or self.doubled_with_key
            or self.out_of_order
            or self.doubled_without_key > self.uncertain
        )

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


async def run(
    folder: Path, *, messages: int, kills: int, conversations: int = 60, seed: int = 1
) -> Outcome:
    """Send `messages` over six channels while the server is killed `kills` times.

    Half of the kills come at random moments, half at a named point of the program.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable, keeps no secret
    started = time.monotonic()
    async with ledger.vendor() as book:
        server = Echo(folder=folder, settings=_settings(book))
        await server.start()
        sending = [
            asyncio.create_task(_talk(server, name, number, messages // conversations))
            for number in range(conversations)
            for name in [vendors.NAMES[number % len(vendors.NAMES)]]
        ]
        slowest = await _kill(server, kills, chance, sending)
        said = [one for talk in await asyncio.gather(*sending) for one in talk]
        await until_answered(book, len(said))
        log = server.log
        await server.end()
    return _judge(book, said, log, kills=kills, slowest=slowest, started=started)


def _settings(book: Ledger) -> str:
    return "[limits]\nvisitor_per_minute = 0\n" + vendors.settings(book.url)


async def _kill(
    server: Echo, kills: int, chance: random.Random, sending: Sequence[asyncio.Task[list[str]]]
) -> float:
    """Kill and start again; gives the slowest start in seconds."""
    slowest = 0.0
    for number in range(kills):
        if server.runs:
            await asyncio.sleep(chance.uniform(0, 0.3))
            await server.end()
        options: list[str] = []
        if number % 2:
            point = chance.choice(POINTS)
            options = ["--dies-at", point, "--after", str(chance.randint(1, 60))]
        began = time.monotonic()
        await server.start(*options)
        slowest = max(slowest, time.monotonic() - began)
        if options:
            await _until_dead(server, 3.0)
        if all(task.done() for task in sending):
            break
    await server.end()  # the last one has no point at which it dies
    await server.start()
    return slowest


async def _until_dead(server: Echo, within_s: float) -> None:
    if server.process is not None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.process.wait(), within_s)


async def _talk(server: Echo, channel: str, number: int, count: int) -> list[str]:
    """One conversation: each message is sent until it is acknowledged, then the next."""
    acknowledged = []
    async with aiohttp.ClientSession() as http:
        for place in range(count):
            text = f"{number}#{place}"
            key = number * 100_000 + place
            for _ in itertools.count():
                if await sent_by_vendor(http, server, channel, str(number), key, text):
                    break
                await asyncio.sleep(RETRY_S)
            acknowledged.append(f"{channel} {text}")
            await asyncio.sleep(0.01)
    return acknowledged


async def sent_by_vendor(
    http: aiohttp.ClientSession, server: Echo, channel: str, sender: str, key: int, text: str
) -> bool:
    """Send one message; whether it was acknowledged."""
    call = vendors.call(channel, sender, key, text, server.url)
    try:
        async with http.post(
            server.url + call.path, data=call.body, headers=call.headers
        ) as answer:
            return 200 <= answer.status < 300
    except (aiohttp.ClientError, OSError):
        return False


async def until_answered(book: Ledger, count: int) -> None:
    """Wait until so many messages have a reply, but not for ever."""
    deadline = time.monotonic() + DRAIN_S
    while time.monotonic() < deadline:
        if sum(len(book.texts(name)) for name in vendors.NAMES) >= count:
            await asyncio.sleep(1.0)  # for those that might come twice
            return
        await asyncio.sleep(0.1)


def _judge(
    book: Ledger, said: Sequence[str], log: str, *, kills: int, slowest: float, started: float
) -> Outcome:
    lost, doubled = 0, {True: 0, False: 0}
    for name in vendors.NAMES:
        counts = book.counts(name)
        mine = [one.partition(" ")[2] for one in said if one.startswith(f"{name} ")]
        lost += sum(not counts[text] for text in mine)
        doubled[name in vendors.WITH_KEY] += sum(max(0, counts[text] - 1) for text in mine)
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return Outcome(
        messages=len(said),
        kills=kills,
        lost=lost,
        doubled_with_key=doubled[True],
        doubled_without_key=doubled[False],
        uncertain=sum(line.get("delivery") == "uncertain" for line in lines),
        out_of_order=_out_of_order(book),
        slowest_start_s=round(slowest, 2),
        seconds=round(time.monotonic() - started, 1),
    )


def _out_of_order(book: Ledger) -> int:
    wrong = 0
    for name in vendors.NAMES:
        last: dict[str, int] = {}
        for text in book.texts(name):
            conversation, _, place = text.partition("#")
            wrong += int(place) < last.get(conversation, -1)
            last[conversation] = int(place)
    return wrong
