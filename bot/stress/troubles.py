"""R6 to R8: vendors that hang or fail, that grant little, and that deliver everything again."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from bot.stress import ledger, vendors
from bot.stress.kills import sent_by_vendor, until_answered
from bot.stress.ledger import Arrival, Ledger
from bot.stress.process import Echo

SETTINGS = "[limits]\nvisitor_per_minute = 0\nsend_attempts = 50\n"
OPEN = re.compile(r'^frontdesk_breaker_open{channel="(\w+)"} 1', re.MULTILINE)
WELL, HANGS, FAILS = "telegram", "webhook", "callback"
WELL_PER_SECOND, ILL_PER_SECOND = 20.0, 4.0
WELL_S, ILL_S = 60.0, 60.0
PROBE_EVERY_S = 10.0
CLOSES_WITHIN_S = 15.0
GRANTED_EVERY_S = 1.0
LOOK_EVERY_S = 0.2  # at the metrics, which cost the server a look into its database
CLIENTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowness:
    """R6: what one channel feels of two others whose vendors hang and fail."""

    messages: int
    p99_before_ms: float
    """Of the channel that stays well, with the same traffic on all three, all of them well."""
    p99_beside_ms: float
    """Of the same channel beside the ill ones, and while these recover."""
    failures_until_open: int
    """Calls that the failing vendor got before its breaker opened."""
    most_probes: int
    """Calls to it in any 10 s from then on."""
    closed_after_s: float
    """From the moment when both were well again."""
    lost: int

    @property
    def is_good(self) -> bool:
        """Whether it is as promised."""
        undisturbed = self.p99_beside_ms <= 1.2 * self.p99_before_ms
        quiet = self.failures_until_open <= 5 and self.most_probes <= 1
        return undisturbed and quiet and self.closed_after_s <= CLOSES_WITHIN_S and not self.lost

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


async def slowness(folder: Path) -> Slowness:
    """R6: three channels with all vendors well, then two of them ill, then well again."""
    async with ledger.vendor() as book, aiohttp.ClientSession() as http:
        server = Echo(folder=folder, settings=SETTINGS + vendors.settings(book.url))
        await server.start()
        sent: dict[str, float] = {}
        try:
            traffic = [(WELL, WELL_PER_SECOND), (HANGS, ILL_PER_SECOND), (FAILS, ILL_PER_SECOND)]
            await _steadily(http, server, traffic, WELL_S, sent)
            before = sum(one.startswith(f"{WELL} ") for one in sent)
            ill_from = time.time()
            book.hanging.add(HANGS)
            book.behaviour = lambda one: web.Response(status=500) if one.channel == FAILS else None
            opening = asyncio.create_task(_opened(http, server, book, ill_from))
            await _steadily(http, server, traffic, ILL_S, sent)
            failures, opened_at = await opening
            probes = [one.at for one in book.called if one.channel == FAILS and one.at > opened_at]
            book.hanging.clear()
            book.behaviour = lambda _one: None
            closing = asyncio.create_task(_closed_after_s(http, server))
            await _steadily(http, server, traffic, CLOSES_WITHIN_S, sent)
            closed_s = await closing
            await until_answered(book, len(sent))
        finally:
            await server.end()
    took = _took_ms(book, sent)
    return Slowness(
        messages=len(sent),
        p99_before_ms=_p99(took[:before]),
        p99_beside_ms=_p99(took[before:]),
        failures_until_open=failures,
        most_probes=_most_within(probes, PROBE_EVERY_S),
        closed_after_s=round(closed_s, 1),
        lost=sum(one.partition(" ")[2] not in book.counts(one.partition(" ")[0]) for one in sent),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """R7: a vendor that grants one message a second and chat."""

    messages: int
    chats: int
    lost: int
    refused: int
    too_early: int
    """Calls before the time that the vendor had named."""
    used: float
    """Share of what the vendor granted, the worst chat's."""

    @property
    def is_good(self) -> bool:
        """Whether it is as promised."""
        return not self.lost and not self.too_early and self.used >= 0.9

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


async def budget(folder: Path, chats: int = 20, each: int = 40) -> Budget:
    """R7: `each` messages of `chats` chats at once; replies go out as they are granted."""
    async with ledger.vendor() as book, aiohttp.ClientSession() as http:
        grants, waits = defaultdict[str, list[float]](list), dict[str, float]()
        too_early = 0

        def granted(arrival: Arrival) -> web.Response | None:
            nonlocal too_early
            chat, now = arrival.text.partition("#")[0], time.monotonic()
            too_early += now < waits.get(chat, 0.0)
            if grants[chat] and now - grants[chat][-1] < GRANTED_EVERY_S:
                waits[chat] = grants[chat][-1] + GRANTED_EVERY_S
                after = {"Retry-After": f"{waits[chat] - now:.3f}"}
                return web.json_response({"ok": False}, status=429, headers=after)
            grants[chat].append(now)
            return None

        book.behaviour = granted
        server = Echo(folder=folder, settings=SETTINGS + vendors.settings(book.url))
        await server.start()
        try:
            for number in range(chats * each):
                chat = number % chats
                text = f"{chat}#{number // chats}"
                await sent_by_vendor(http, server, WELL, str(chat), number, text)
            await until_answered(book, chats * each)
        finally:
            await server.end()
    worst = max(times[-1] - times[0] for times in grants.values())
    return Budget(
        messages=chats * each,
        chats=chats,
        lost=chats * each - len(book.counts(WELL)),
        refused=len(book.refused),
        too_early=too_early,
        used=round((each - 1) * GRANTED_EVERY_S / worst, 3),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """R8: everything is delivered up to four times, at once and out of order."""

    events: int
    deliveries: int
    replies: int
    twice: int
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether it is as promised."""
        return self.replies == self.events and not self.twice

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


async def storm(folder: Path, events: int = 5000, *, seed: int = 1) -> Storm:
    """R8: deliver each of `events` one to four times, shuffled."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, keeps no secret
    began = time.monotonic()
    deliveries = [number for number in range(events) for _ in range(chance.randint(1, 4))]
    chance.shuffle(deliveries)
    left = iter(deliveries)
    async with ledger.vendor() as book, aiohttp.ClientSession() as http:
        settings = SETTINGS.replace("[limits]", "[limits]\nmax_backlog = 100000")
        server = Echo(folder=folder, settings=settings + vendors.settings(book.url))
        await server.start()

        async def client() -> None:
            for number in left:
                while not await sent_by_vendor(
                    http, server, WELL, str(number), number, f"{number}#0"
                ):
                    pass

        try:
            await asyncio.gather(*(client() for _ in range(CLIENTS)))
            await until_answered(book, events)
        finally:
            await server.end()
    counts = book.counts(WELL)
    return Storm(
        events=events,
        deliveries=len(deliveries),
        replies=len(counts),
        twice=sum(count > 1 for count in counts.values()),
        seconds=round(time.monotonic() - began, 1),
    )


async def _steadily(
    http: aiohttp.ClientSession,
    server: Echo,
    traffic: Sequence[tuple[str, float]],
    seconds: float,
    sent: dict[str, float],
) -> None:
    """Send messages of each channel at its rate; `sent` keeps when each was begun."""

    async def one(channel: str, per_second: float) -> None:
        began = time.monotonic()
        for place in range(int(per_second * seconds)):
            await asyncio.sleep(max(0.0, began + place / per_second - time.monotonic()))
            key = len(sent)
            text = f"{key}#0"
            sent[f"{channel} {text}"] = time.time()
            await sent_by_vendor(http, server, channel, str(key), key, text)

    await asyncio.gather(*(one(channel, rate) for channel, rate in traffic))


async def _opened(
    http: aiohttp.ClientSession, server: Echo, book: Ledger, ill_from: float
) -> tuple[int, float]:
    """How many calls the failing vendor had got when its breaker opened, and when that was."""
    async with asyncio.timeout(ILL_S):
        while True:
            if FAILS in await _open(http, server):
                calls = [one for one in book.called if one.channel == FAILS and one.at > ill_from]
                return len(calls), time.time()
            await asyncio.sleep(LOOK_EVERY_S)


async def _closed_after_s(http: aiohttp.ClientSession, server: Echo) -> float:
    began = time.monotonic()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(4 * CLOSES_WITHIN_S):
            while True:
                if not await _open(http, server):
                    break
                await asyncio.sleep(LOOK_EVERY_S)
    return time.monotonic() - began


async def _open(http: aiohttp.ClientSession, server: Echo) -> set[str]:
    async with http.get(f"{server.url}/metrics") as answer:
        return set(OPEN.findall(await answer.text()))


def _took_ms(book: Ledger, sent: dict[str, float]) -> list[float]:
    """From each message of the well channel to its reply, in the order in which they were sent."""
    arrived = {one.text: one.at for one in reversed(book.taken) if one.channel == WELL}
    return [
        1000 * (arrived[name.partition(" ")[2]] - at)
        for name, at in sent.items()
        if name.startswith(WELL) and name.partition(" ")[2] in arrived
    ]


def _p99(times: list[float]) -> float:
    return round(sorted(times)[int(0.99 * len(times))], 1)


def _most_within(times: Sequence[float], seconds: float) -> int:
    """The most of `times`, ascending, that lie within so many seconds."""
    slack = 0.1  # a probe is due every 10 s, not every 10.000 s
    return max((sum(0 <= t - s < seconds - slack for t in times) for s in times), default=0)
