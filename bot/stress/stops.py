"""R14: servers are told to stop again and again while they are used; nobody may notice but by time.

Vendors and callers send at a steady rate; visitors of the widget follow their event stream and
those of socket.io their WebSocket, and all of them come back after each stop. `run` restarts one
server: by itself, so that it cannot be reached meanwhile, or with a socket that stays open. `roll`
restarts two in turn behind a balancer.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiohttp

from bot.stress import ledger, vendors
from bot.stress.balancer import Balancer
from bot.stress.echo import PREFIX
from bot.stress.kills import until_answered
from bot.stress.ledger import Ledger
from bot.stress.process import Echo
from bot.stress.visitors import SocketVisitor, StreamVisitor, Visitor
from bot.web.tokens import KEY_FILE

PER_SECOND = 200.0
ROLLING_PER_SECOND = 40.0  # on PostgreSQL each of a message's writes is a sync of its own
VISITORS = 10  # of either kind
RUNS_S = 3.0  # between a start and the next stop
TAKES_S = 0.05
EXIT_WITHIN_S = 10.0
PAUSES_S = (0.2, 0.4, 0.8, 1.6)
ORIGIN = "https://shop.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    stops: int
    accepted: int
    """Messages of vendors and callers that were taken."""
    refused: int
    """Connections that nobody took, since nobody listened; they came again."""
    cut: int
    """Requests that were under way and got no answer at all; they were sent again."""
    lost: int
    """Accepted, and never answered."""
    doubled: int
    visitors: int
    said: int
    """Messages of visitors."""
    missed: int
    """Replies that a visitor's page never got."""
    repeated: int
    """Replies that it got twice."""
    slowest_exit_s: float
    bad_exits: int
    """Exit codes other than 0."""
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether it is as promised."""
        nothing = self.cut, self.lost, self.doubled, self.missed, self.bad_exits
        return not any(nothing) and self.slowest_exit_s <= EXIT_WITHIN_S

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


@dataclass(slots=True)
class _Seen:
    """What callers and vendors saw."""

    answered: dict[int, int] = field(default_factory=dict)
    """For each message of a caller, how many answers it got."""
    acknowledged: int = 0
    refused: int = 0
    cut: int = 0


@dataclass(slots=True, kw_only=True)
class _Course:
    """What is stopped, where it is reached, and what came of it so far."""

    servers: Sequence[Echo]
    url: str
    per_second: float = PER_SECOND
    seen: _Seen = field(default_factory=_Seen)
    exits: list[tuple[float, int]] = field(default_factory=list)

    async def stop(self, server: Echo) -> None:
        """Let it run, stop it, start it again."""
        await asyncio.sleep(RUNS_S)
        began = time.monotonic()
        code = await server.end(signal.SIGTERM)
        self.exits.append((time.monotonic() - began, code))
        await server.start()


async def run(folder: Path, stops: int, *, holds: bool = False) -> Outcome:
    """Stop and start one server so often under load.

    Args:
        folder: Where it works.
        stops: How often.
        holds: Whether its listening socket stays open meanwhile.
    """
    async with ledger.vendor() as book:
        server = Echo(folder=folder, settings=_settings(book), takes_s=TAKES_S, holds=holds)
        try:
            await server.start()
            return await _through(_Course(servers=[server], url=server.url), book, stops)
        finally:
            server.release()


async def roll(folder: Path, database: str, stops: int) -> Outcome:
    """Stop and start two servers in turn; `database` is an empty PostgreSQL."""
    async with ledger.vendor() as book:
        servers = [
            Echo(
                folder=folder / name,
                settings=_settings(book),
                takes_s=TAKES_S,
                environment={"FRONTDESK_DATABASE": database},
            )
            for name in "ab"
        ]
        await servers[0].start()
        servers[1].data.mkdir(parents=True)
        shutil.copy(servers[0].data / KEY_FILE, servers[1].data)  # visitors go to either
        await servers[1].start()
        async with Balancer(servers).running() as balancer:
            course = _Course(servers=servers, url=balancer.url, per_second=ROLLING_PER_SECOND)
            return await _through(course, book, stops)


async def _through(course: _Course, book: Ledger, stops: int) -> Outcome:
    began, seen = time.monotonic(), course.seen
    async with _session() as http:
        visitors: list[Visitor] = [StreamVisitor(course.url, http) for _ in range(VISITORS)]
        visitors += [SocketVisitor(course.url, ORIGIN) for _ in range(VISITORS)]
        done = asyncio.Event()
        talking = [asyncio.create_task(visitor.talk(done)) for visitor in visitors]
        load = asyncio.create_task(_load(http, course, done))
        for number in range(stops):
            await course.stop(course.servers[number % len(course.servers)])
        await asyncio.sleep(RUNS_S)
        done.set()
        await asyncio.gather(load, *talking)
        await until_answered(book, seen.acknowledged)
        for server in course.servers:
            await server.end(signal.SIGTERM)
    counts = book.counts("webhook")
    return Outcome(
        stops=stops,
        accepted=seen.acknowledged + len(seen.answered),
        refused=seen.refused,
        cut=seen.cut,
        lost=seen.acknowledged - len(counts),
        doubled=sum(count - 1 for count in counts.values()),
        visitors=len(visitors),
        said=sum(len(visitor.said) for visitor in visitors),
        missed=sum(visitor.missed for visitor in visitors),
        repeated=sum(visitor.repeated for visitor in visitors),
        slowest_exit_s=round(max(took_s for took_s, _ in course.exits), 2),
        bad_exits=sum(code != 0 for _, code in course.exits),
        seconds=round(time.monotonic() - began, 1),
    )


async def _load(http: aiohttp.ClientSession, course: _Course, done: asyncio.Event) -> None:
    """Begin a message at each beat; each is sent until it is taken."""
    began, number, running = time.monotonic(), 0, set()
    while not done.is_set():
        await asyncio.sleep(max(0.0, began + number / course.per_second - time.monotonic()))
        send = _vendor if number % 2 else _caller
        task = asyncio.create_task(send(http, course, number))
        running.add(task)
        task.add_done_callback(running.discard)
        number += 1
    await asyncio.gather(*running)


async def _vendor(http: aiohttp.ClientSession, course: _Course, number: int) -> None:
    def ask() -> aiohttp.client._RequestContextManager:
        call = vendors.call("webhook", f"v{number}", number, f"{number}#0", course.url)
        return http.post(course.url + call.path, data=call.body, headers=call.headers)

    await _until_taken(ask, course.seen)
    course.seen.acknowledged += 1


async def _caller(http: aiohttp.ClientSession, course: _Course, number: int) -> None:
    body = {"sender": f"c{number}", "message": str(number), "message_id": str(number)}

    def ask() -> aiohttp.client._RequestContextManager:
        return http.post(f"{course.url}/webhooks/rest/webhook", json=body)

    course.seen.answered[number] = (await _until_taken(ask, course.seen)).count(PREFIX)


async def _until_taken(
    ask: Callable[[], aiohttp.client._RequestContextManager], seen: _Seen
) -> str:
    """Send until it is taken, as callers should: later each time, or when they are told."""
    for pause_s in itertools.chain(PAUSES_S, itertools.repeat(PAUSES_S[-1])):
        told_s = 0.0
        try:
            async with ask() as answer:
                said = await answer.text()
                if 200 <= answer.status < 300:
                    return said
                told_s = float(answer.headers.get("Retry-After", 0))
        except aiohttp.ClientConnectorError:  # nobody listens: it was not accepted
            seen.refused += 1
        except (aiohttp.ClientError, OSError):
            seen.cut += 1
        await asyncio.sleep(max(told_s, pause_s) * (0.5 + random.random()))  # noqa: S311
    raise AssertionError  # the pauses never end


def _session() -> aiohttp.ClientSession:
    """A connection for each request: one kept open may be closed just when it is used again."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))


def _settings(book: Ledger) -> str:
    return (
        "[limits]\nvisitor_per_minute = 0\naddress_per_minute = 0\n"
        + vendors.settings(book.url)
        + f'[channels.socketio]\nsession_key = "{"k" * 32}"\nallowed_origins = ["{ORIGIN}"]\n'
    )
