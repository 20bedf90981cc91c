"""S21: one visitor sends a hundred times what others do, behind made-up addresses.

He is to be stopped by 429 with Retry-After, and the others are not to notice him.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import statistics
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp

from bot.stress.process import Echo

VISITORS = 20
EVERY_S = 1.0  # each of them sends so often
TIMES = 100  # as often sends the abuser
MOST_SLOWER = 1.2
NOISE_MS = 5.0  # 20 % of some milliseconds is less than a scheduler's whim
BEHIND_PROXY = """
[server]
trusted_proxies = 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    p99_alone_ms: float
    """Of the others, without the abuser."""
    p99_beside_ms: float
    answered: int
    """Messages of the others beside him."""
    failed: int
    """Messages of the others that were refused or lost."""
    abuser_sent: int
    abuser_accepted: int
    abuser_refused: int
    without_retry_after: int
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether it is as promised; his share is what his limit of a minute lets through."""
        most = MOST_SLOWER * self.p99_alone_ms
        return (
            self.p99_beside_ms <= max(most, self.p99_alone_ms + NOISE_MS)
            and not self.failed
            and not self.without_retry_after
            and self.abuser_refused > self.abuser_accepted
        )

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


async def run(folder: Path, seconds: float) -> Outcome:
    """Measure the others for so long without him, and for so long beside him."""
    server = Echo(folder=folder, settings=BEHIND_PROXY)
    await server.start()
    numbers = itertools.count()
    said: Counter[str] = Counter()
    began = time.monotonic()
    try:
        async with aiohttp.ClientSession(server.url) as http:
            visitors = [await _visitor(http, f"198.51.100.{n}") for n in range(VISITORS + 1)]
            others, abuser = visitors[:-1], visitors[-1]
            alone, _ = await _others(http, others, numbers, seconds)
            abusing = asyncio.create_task(_abuse(http, abuser, numbers, said))
            beside, failed = await _others(http, others, numbers, seconds)
            abusing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await abusing
    finally:
        await server.end()
    return Outcome(
        p99_alone_ms=_p99_ms(alone),
        p99_beside_ms=_p99_ms(beside),
        answered=len(beside),
        failed=failed,
        abuser_sent=said.total() - said["no Retry-After"],
        abuser_accepted=said["200"],
        abuser_refused=said["429"],
        without_retry_after=said["no Retry-After"],
        seconds=round(time.monotonic() - began, 1),
    )


async def _visitor(http: aiohttp.ClientSession, address: str) -> dict[str, str]:
    """The headers of a new visitor, as our proxy passes them on."""
    headers = {"X-Forwarded-For": address}
    async with http.post("/v1/sessions", headers=headers) as answer:
        token = (await answer.json())["token"]
    return headers | {"Authorization": f"Bearer {token}"}


async def _others(
    http: aiohttp.ClientSession,
    others: list[dict[str, str]],
    numbers: itertools.count[int],
    seconds: float,
) -> tuple[list[float], int]:
    times: list[float] = []
    failed = 0
    end = time.monotonic() + seconds

    async def talk(headers: dict[str, str], place: int) -> None:
        nonlocal failed
        await asyncio.sleep(place * EVERY_S / len(others))
        while time.monotonic() < end:
            due = time.monotonic() + EVERY_S
            started = time.perf_counter()
            status, _ = await _say(http, headers, next(numbers))
            times.append(time.perf_counter() - started)
            failed += status != 200
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    await asyncio.gather(*(talk(headers, place) for place, headers in enumerate(others)))
    return times, failed


async def _abuse(
    http: aiohttp.ClientSession,
    headers: dict[str, str],
    numbers: itertools.count[int],
    said: Counter[str],
) -> None:
    """Send for ever; what he writes before his true address is made up anew each time."""
    true = headers["X-Forwarded-For"]
    async with asyncio.TaskGroup() as group:

        async def one(number: int) -> None:
            made_up = f"203.0.113.{number % 250}, {true}"
            status, retry_after = await _say(http, headers | {"X-Forwarded-For": made_up}, number)
            said[str(status)] += 1
            said["no Retry-After"] += status == 429 and not retry_after

        while True:
            group.create_task(one(next(numbers)))
            await asyncio.sleep(EVERY_S / TIMES)


async def _say(
    http: aiohttp.ClientSession, headers: dict[str, str], number: int
) -> tuple[int, str]:
    body = {"id": f"message-{number}", "text": f"hello {number}"}
    try:
        async with http.post("/v1/messages", json=body, headers=headers) as answer:
            await answer.read()
            return answer.status, answer.headers.get("Retry-After", "")
    except (aiohttp.ClientError, OSError):
        return 0, ""


def _p99_ms(times: list[float]) -> float:
    return round(1000 * statistics.quantiles(times, n=100)[98], 1)
