"""R1: the server is killed again and again while six vendors send; nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from bot.stress import ledger, vendors
from bot.stress.ledger import Ledger
from bot.stress.process import Echo

POINTS = tuple(
    f"{when} {name}"
    for name in ("accept", "close_turn", "start", "send", "finish", "postpone")
    for when in ("before", "after")
)
RETRY_S = 0.2
DRAIN_S = 60.0
LONGEST_START_S = 3.0
REFUSED = 1 / 30  # of the replies, by the vendors
POINT_WITHIN_S = 3.0  # else it is killed wherever it is
PASSED_OFTEN, PASSED_SELDOM = 60, 3  # how often a point is passed at most before it kills


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    messages: int
    kills: int
    at_points: int
    """Of the kills, those at a named point of the program."""
    points: int
    """Different points at which it died; there are twelve."""
    lost: int
    """Acknowledged and never answered."""
    doubled_with_key: int
    """Answered twice on a channel that knows a repeated reply by its key: must be 0."""
    doubled_without_key: int
    uncertain: int
    """Replies that the log names as perhaps sent twice."""
    out_of_order: int
    median_start_s: float
    slowest_start_s: float
    drained_s: float
    """From the last acknowledgement until everything was answered."""
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether it is as promised."""
        return not (
            self.lost
            or self.doubled_with_key
            or self.out_of_order
            or self.doubled_without_key > self.uncertain
            or self.slowest_start_s > LONGEST_START_S
        )

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


@dataclass(slots=True, kw_only=True)
class _Course:
    """How far the killing is: messages are spread evenly over it."""

    planned: int
    done: int = 0
    starts_s: list[float] = field(default_factory=list)
    died_at: list[str] = field(default_factory=list)
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def move(self) -> None:
        """One kill more."""
        async with self.moved:
            self.done += 1
            self.moved.notify_all()

    async def until(self, share: float) -> None:
        """Wait until so much of the killing is done."""
        async with self.moved:
            await self.moved.wait_for(lambda: self.done >= share * self.planned)


async def run(
    folder: Path, *, messages: int, kills: int, conversations: int = 60, seed: int = 1
) -> Outcome:
    """Send `messages` over six channels while the server is killed `kills` times.

    Half of the kills come at random moments, half at a named point of the program. Vendors refuse
    one reply in thirty, so that postponing is among what is interrupted.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable, keeps no secret
    began, course = time.monotonic(), _Course(planned=kills)
    async with ledger.vendor() as book:
        book.behaviour = lambda _arrival: _refusal() if chance.random() < REFUSED else None
        server = Echo(folder=folder, settings=_settings(book))
        await server.start()
        sending = [
            asyncio.create_task(_talk(server, name, number, messages // conversations, course))
            for number in range(conversations)
            for name in [vendors.NAMES[number % len(vendors.NAMES)]]
        ]
        await _kill(server, chance, course)
        said = [one for talk in await asyncio.gather(*sending) for one in talk]
        sent = time.monotonic()
        await until_answered(book, len(said))
        drained_s, log = time.monotonic() - sent, server.log
        await server.end()
    return _judge(book, said, log, course, (drained_s, time.monotonic() - began))


def _refusal() -> web.Response:
    return web.Response(status=500)


def _settings(book: Ledger) -> str:
    return "[limits]\nvisitor_per_minute = 0\n" + vendors.settings(book.url)


async def _kill(server: Echo, chance: random.Random, course: _Course) -> None:
    """Kill and start again, every other time at a point of the program."""
    for number in range(course.planned):
        if number % 2:
            point = chance.choice(POINTS)
            after = chance.randint(1, PASSED_OFTEN if "postpone" not in point else PASSED_SELDOM)
            await _start(server, course, "--dies-at", point, "--after", str(after))
            if await _dies(server, POINT_WITHIN_S):
                course.died_at.append(point)
        else:
            await _start(server, course)
            await asyncio.sleep(chance.uniform(0, 0.3))
        await server.end()
        await course.move()
    await _start(server, course)


async def _start(server: Echo, course: _Course, *options: str) -> None:
    await server.end()
    began = time.monotonic()
    await server.start(*options)
    if server.runs:  # else it died at its point before it was ready
        course.starts_s.append(time.monotonic() - began)


async def _dies(server: Echo, within_s: float) -> bool:
    """Whether it dies by itself in time."""
    if server.process is None:
        return False
    try:
        await asyncio.wait_for(server.process.wait(), within_s)
    except TimeoutError:
        return False
    return True


async def _talk(server: Echo, channel: str, number: int, count: int, course: _Course) -> list[str]:
    """One conversation: each message is sent until it is acknowledged, then the next."""
    acknowledged = []
    async with aiohttp.ClientSession() as http:
        for place in range(count):
            await course.until(place / count)
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
    book: Ledger, said: Sequence[str], log: str, course: _Course, took_s: tuple[float, float]
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
        kills=course.done,
        at_points=len(course.died_at),
        points=len(set(course.died_at)),
        lost=lost,
        doubled_with_key=doubled[True],
        doubled_without_key=doubled[False],
        uncertain=sum(line.get("delivery") == "uncertain" for line in lines),
        out_of_order=out_of_order(book),
        median_start_s=round(statistics.median(course.starts_s), 2),
        slowest_start_s=round(max(course.starts_s), 2),
        drained_s=round(took_s[0], 1),
        seconds=round(took_s[1], 1),
    )


def out_of_order(book: Ledger) -> int:
    """How many replies came after one to a later message of the same conversation."""
    wrong = 0
    for name in vendors.NAMES:
        last: dict[str, int] = {}
        for text in book.texts(name):
            conversation, _, place = text.partition("#")
            wrong += int(place) < last.get(conversation, -1)
            last[conversation] = int(place)
    return wrong
