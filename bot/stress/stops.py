"""R14: the server is told to stop again and again while it is used; nobody may notice but by time.

Vendors and callers send at a steady rate; visitors of the widget follow their event stream and
those of socket.io their WebSocket, and all of them come back after each stop.
"""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiohttp

from bot.stress import ledger, vendors
from bot.stress.echo import PREFIX
from bot.stress.kills import until_answered
from bot.stress.ledger import Ledger
from bot.stress.process import Echo
from bot.stress.visitors import SocketVisitor, StreamVisitor, Visitor

PER_SECOND = 200.0
VISITORS = 10  # of either kind
RUNS_S = 3.0  # between a start and the next stop
TAKES_S = 0.05
EXIT_WITHIN_S = 10.0
RETRY_S = 0.2
ORIGIN = "https://shop.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    stops: int
    accepted: int
    """Messages of vendors and callers that were taken."""
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
    cut: int = 0


async def run(folder: Path, stops: int) -> Outcome:
    """Stop and start the server `stops` times under load."""
    began, seen = time.monotonic(), _Seen()
    async with ledger.vendor() as book, _session() as http:
        server = Echo(folder=folder, settings=_settings(book), takes_s=TAKES_S)
        await server.start()
        visitors: list[Visitor] = [StreamVisitor(server.url, http) for _ in range(VISITORS)]
        visitors += [SocketVisitor(server.url, ORIGIN) for _ in range(VISITORS)]
        done = asyncio.Event()
        talking = [asyncio.create_task(visitor.talk(done)) for visitor in visitors]
        load = asyncio.create_task(_load(http, server, seen, done))
        exits = [await _stop(server) for _ in range(stops)]
        await asyncio.sleep(RUNS_S)
        done.set()
        await asyncio.gather(load, *talking)
        await until_answered(book, seen.acknowledged)
        await server.end(signal.SIGTERM)
    counts = book.counts("webhook")
    return Outcome(
        stops=stops,
        accepted=seen.acknowledged + len(seen.answered),
        cut=seen.cut,
        lost=seen.acknowledged - len(counts),
        doubled=sum(count - 1 for count in counts.values()),
        visitors=len(visitors),
        said=sum(len(visitor.said) for visitor in visitors),
        missed=sum(visitor.missed for visitor in visitors),
        repeated=sum(visitor.repeated for visitor in visitors),
        slowest_exit_s=round(max(took_s for took_s, _ in exits), 2),
        bad_exits=sum(code != 0 for _, code in exits),
        seconds=round(time.monotonic() - began, 1),
    )


async def _stop(server: Echo) -> tuple[float, int]:
    """Let it run, stop it, start it again; gives how long it took to end, and its exit code."""
    await asyncio.sleep(RUNS_S)
    began = time.monotonic()
    code = await server.end(signal.SIGTERM)
    took_s = time.monotonic() - began
    await server.start()
    return took_s, code


async def _load(
    http: aiohttp.ClientSession, server: Echo, seen: _Seen, done: asyncio.Event
) -> None:
    """Begin a message at each beat; each is sent until it is taken."""
    began, number, running = time.monotonic(), 0, set()
    while not done.is_set():
        await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
        send = _vendor if number % 2 else _caller
        task = asyncio.create_task(send(http, server, number, seen))
        running.add(task)
        task.add_done_callback(running.discard)
        number += 1
    await asyncio.gather(*running)


async def _vendor(http: aiohttp.ClientSession, server: Echo, number: int, seen: _Seen) -> None:
    while True:
        call = vendors.call("webhook", f"v{number}", number, f"{number}#0", server.url)
        asking = http.post(server.url + call.path, data=call.body, headers=call.headers)
        if await _taken(asking, seen) is not None:
            seen.acknowledged += 1
            return


async def _caller(http: aiohttp.ClientSession, server: Echo, number: int, seen: _Seen) -> None:
    body = {"sender": f"c{number}", "message": str(number), "message_id": str(number)}
    while True:
        said = await _taken(http.post(f"{server.url}/webhooks/rest/webhook", json=body), seen)
        if said is not None:
            seen.answered[number] = said.count(PREFIX)
            return


async def _taken(asking: aiohttp.client._RequestContextManager, seen: _Seen) -> str | None:
    """The answer; None after a pause when it is to be sent again."""
    try:
        async with asking as answer:
            said = await answer.text()
            if 200 <= answer.status < 300:
                return said
    except aiohttp.ClientConnectorError:  # nobody listens: it was not accepted
        pass
    except (aiohttp.ClientError, OSError):
        seen.cut += 1
    await asyncio.sleep(RETRY_S)
    return None


def _session() -> aiohttp.ClientSession:
    """A connection for each request: one kept open may be closed just when it is used again."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))


def _settings(book: Ledger) -> str:
    return (
        "[limits]\nvisitor_per_minute = 0\naddress_per_minute = 0\n"
        + vendors.settings(book.url)
        + f'[channels.socketio]\nsession_key = "{"k" * 32}"\nallowed_origins = ["{ORIGIN}"]\n'
    )
