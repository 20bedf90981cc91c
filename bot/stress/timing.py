"""R10 to R12: how quickly messages are acknowledged, how many a second, and what overload does."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import aiohttp

from bot.gateway import intake
from bot.stress import vendors
from bot.stress.process import Echo

NOBODY = "http://127.0.0.1:9"  # replies are not looked at here
CPU = re.compile(r"^process_cpu_seconds_total ([\d.e+]+)$", re.MULTILINE)
RESIDENT = re.compile(r"^process_resident_memory_bytes ([\d.e+]+)$", re.MULTILINE)
CLIENTS = 48
OVERLOAD = 3.0
PEAK_S = 10.0
PEAK_CALLERS = 3 * intake.AT_ONCE // 2  # so that no place is free while an answer travels
UNLIMITED = "visitor_per_minute = 0\naddress_per_minute = 0\nmax_backlog = 1000000\n"


@dataclass(slots=True)
class Times:
    """What came of the requests."""

    accepted_s: list[float] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)
    without_retry_after: int = 0
    failed: int = 0
    """No answer, or one that is neither yes nor "later"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured."""

    test: str
    per_second: float
    accepted: int
    refused: int
    failed: int
    p50_ms: float
    p99_ms: float
    slowest_ms: float
    refused_p99_ms: float
    cpu_ms: float
    """Processor time of the server for each request, which other work beside it changes little."""
    memory_mb: float
    """Resident memory of the server afterwards, in 10^6 bytes."""
    is_good: bool

    def as_dict(self) -> dict[str, object]:
        """The figures by name."""
        return asdict(self)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """No collection of garbage in the measuring process: its pauses would count as the server's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@dataclass(frozen=True, slots=True, kw_only=True)
class OverloadFigures:
    """What was measured under overload."""

    figures: Figures
    peak_per_second: float
    """Answers a second with every place taken, measured just before."""
    memory_grown_mb: float
    recovered_s: float
    """Until one caller alone was answered as soon as before."""

    def as_dict(self) -> dict[str, object]:
        """The figures by name."""
        return {
            **self.figures.as_dict(),
            "peak_per_second": self.peak_per_second,
            "memory_grown_mb": self.memory_grown_mb,
            "recovered_s": self.recovered_s,
        }


async def throughput(folder: Path, seconds: float) -> Figures:
    """R11: as many durable messages as go in; nobody answers them meanwhile."""
    server = Echo(folder=folder, settings=_settings(UNLIMITED), takes_s=3600.0)
    await server.start()
    times = Times()
    numbers = itertools.count()
    end = time.monotonic() + seconds
    try:
        async with _session() as http:
            before = await _used(http, server)

            async def client() -> None:
                while time.monotonic() < end:
                    await _vendor_sends(http, server, next(numbers), times)

            await asyncio.gather(*(client() for _ in range(CLIENTS)))
            after = await _used(http, server)
    finally:
        await server.end()
    rate = len(times.accepted_s) / seconds
    good = rate >= 1000 and not times.failed and after.memory_mb <= 300
    return _figures("R11 durable messages", times, seconds, (before, after), good)


async def acknowledgement(folder: Path, seconds: float, per_second: float) -> Figures:
    """R10: how soon a vendor hears yes while every answer takes 10 s."""
    server = Echo(folder=folder, settings=_settings(UNLIMITED), takes_s=10.0)
    await server.start()
    times = Times()
    try:
        async with _session() as http:
            before = await _used(http, server)
            await _steadily(
                per_second, seconds, lambda number: _vendor_sends(http, server, number, times)
            )
            after = await _used(http, server)
    finally:
        await server.end()
    figures = _figures(
        "R10 acknowledgement, 10 s model", times, seconds, (before, after), good=True
    )
    quick = figures.p50_ms <= 50 and figures.p99_ms <= 250 and figures.slowest_ms < 1000
    return replace(figures, is_good=quick and not times.failed)


async def overload(folder: Path, seconds: float) -> OverloadFigures:
    """R12: callers who wait for their answer come three times as fast as answers are made.

    First the peak is measured, with somewhat more callers than places; then the overload; then
    how soon a caller who comes alone is answered as before.
    """
    server = Echo(folder=folder, settings=_settings(UNLIMITED + "max_wait_s = 0.8\n"), takes_s=0.5)
    await server.start()
    times, warming = Times(), Times()
    numbers = itertools.count()
    try:
        async with _session() as http:

            async def ask(times: Times) -> None:
                await _caller_asks(http, server, next(numbers), times)

            alone = await _alone_s(ask)
            peak = await _peak(ask, warming)
            before = await _used(http, server)
            await _steadily(OVERLOAD * peak, seconds, lambda _number: ask(times))
            after = await _used(http, server)
            recovered_s = await _recovered_s(ask, alone)
    finally:
        await server.end()
    figures = _figures("R12 overload, three-fold", times, seconds, (before, after), good=True)
    good = (
        not times.failed
        and not times.without_retry_after
        and figures.per_second >= 0.8 * peak
        and figures.p99_ms <= 1000
        and figures.refused_p99_ms <= 50
        and after.memory_mb - before.memory_mb <= 100
        and recovered_s <= 5
    )
    return OverloadFigures(
        figures=replace(figures, is_good=good),
        peak_per_second=round(peak, 1),
        memory_grown_mb=round(after.memory_mb - before.memory_mb, 1),
        recovered_s=round(recovered_s, 2),
    )


async def _alone_s(ask: Callable[[Times], Awaitable[None]]) -> float:
    """How long one caller waits when nobody else asks: the median of nine."""
    times = Times()
    for _ in range(9):
        await ask(times)
    return sorted(times.accepted_s)[4]


async def _peak(ask: Callable[[Times], Awaitable[None]], times: Times) -> float:
    """Answers a second when every place is taken and nobody waits long."""
    end = time.monotonic() + PEAK_S

    async def caller() -> None:
        while time.monotonic() < end:
            await ask(times)

    began = time.monotonic()
    await asyncio.gather(*(caller() for _ in range(PEAK_CALLERS)))
    return len(times.accepted_s) / (time.monotonic() - began)


async def _recovered_s(ask: Callable[[Times], Awaitable[None]], alone_s: float) -> float:
    """Seconds until a caller is answered as soon as before the overload, give or take a fifth."""
    began = time.monotonic()
    while time.monotonic() - began < 60:
        asked, times = time.monotonic(), Times()
        await ask(times)
        if times.accepted_s and times.accepted_s[0] <= 1.2 * alone_s:
            return asked - began
        await asyncio.sleep(0.05)
    return 60.0


async def _steadily(
    per_second: float, seconds: float, send: Callable[[int], Awaitable[None]]
) -> None:
    """Begin a request at each beat, whether the ones before have ended or not."""
    began, running = time.monotonic(), set()
    for number in range(int(per_second * seconds)):
        await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
        task = asyncio.ensure_future(send(number))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)


def _session() -> aiohttp.ClientSession:
    """As many connections as requests: one that waits for a connection is not the server's wait."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


async def _vendor_sends(
    http: aiohttp.ClientSession, server: Echo, number: int, times: Times
) -> None:
    call = vendors.call("webhook", f"v{number % 5000}", number, f"message {number}", server.url)
    await _timed(http.post(server.url + call.path, data=call.body, headers=call.headers), times)


async def _caller_asks(
    http: aiohttp.ClientSession, server: Echo, number: int, times: Times
) -> None:
    body = {"sender": f"c{number}", "message": "hello"}
    await _timed(http.post(f"{server.url}/webhooks/rest/webhook", json=body), times)


async def _timed(
    asking: aiohttp.client._RequestContextManager,
    times: Times,
) -> None:
    began = time.perf_counter()
    try:
        async with asking as answer:
            await answer.read()
            took = time.perf_counter() - began
            if 200 <= answer.status < 300:
                times.accepted_s.append(took)
            elif answer.status in (429, 503):
                times.refused_s.append(took)
                times.without_retry_after += "Retry-After" not in answer.headers
            else:
                times.failed += 1
    except (aiohttp.ClientError, OSError, TimeoutError):
        times.failed += 1


@dataclass(frozen=True, slots=True)
class _Used:
    """What the server has used up."""

    memory_mb: float = 0.0
    cpu_s: float = 0.0


async def _used(http: aiohttp.ClientSession, server: Echo) -> _Used:
    async with http.get(f"{server.url}/metrics") as answer:
        page = await answer.text()
    memory, cpu = RESIDENT.search(page), CPU.search(page)
    return _Used(float(memory[1]) / 1e6 if memory else 0.0, float(cpu[1]) if cpu else 0.0)


def _settings(limits: str) -> str:
    return f"[limits]\n{limits}" + vendors.settings(NOBODY)


def _figures(
    test: str, times: Times, seconds: float, used: tuple[_Used, _Used], good: bool
) -> Figures:
    accepted = sorted(times.accepted_s)
    requests = len(accepted) + len(times.refused_s) + times.failed
    return Figures(
        test=test,
        per_second=round(len(accepted) / seconds, 1),
        accepted=len(accepted),
        refused=len(times.refused_s),
        failed=times.failed,
        p50_ms=_ms(accepted, 0.5),
        p99_ms=_ms(accepted, 0.99),
        slowest_ms=_ms(accepted, 1.0),
        refused_p99_ms=_ms(sorted(times.refused_s), 0.99),
        cpu_ms=round(1000 * (used[1].cpu_s - used[0].cpu_s) / max(1, requests), 3),
        memory_mb=round(used[1].memory_mb, 1),
        is_good=good,
    )


def _ms(ordered: list[float], share: float) -> float:
    if not ordered:
        return 0.0
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)
