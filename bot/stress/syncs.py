"""R4: the disk fails one sync (strace makes it so); nothing that was acknowledged may be lost."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp

from bot import errors
from bot.stress import ledger, vendors
from bot.stress.kills import sent_by_vendor, until_answered
from bot.stress.process import Echo

FIRST_SYNC = 9  # those before open the database
MOST = 400  # messages until the sync that fails has come
AFTERWARDS = 3  # messages that must be refused then


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    positions: int
    failed_syncs: int
    """Positions at which the server met the failure; the others came too late."""
    acknowledged: int
    lost: int
    acknowledged_after_failure: int
    stayed_ready: int
    """Servers that still said to be ready after the failure."""
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether it is as promised."""
        return not (self.lost or self.acknowledged_after_failure or self.stayed_ready)

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


async def run(folder: Path, positions: int) -> Outcome:
    """Fail the first, second, ... of `positions` syncs after the start, each with a new server.

    Raises:
        errors.ConfigError: strace is not installed.
    """
    strace = shutil.which("strace")
    if strace is None:
        raise errors.ConfigError("R4 needs strace.", hint="apt-get install strace.")
    began = time.monotonic()
    found = [await _fail(folder / str(number), strace, number) for number in range(positions)]
    return Outcome(
        positions=positions,
        failed_syncs=sum(one[0] for one in found),
        acknowledged=sum(one[1] for one in found),
        lost=sum(one[2] for one in found),
        acknowledged_after_failure=sum(one[3] for one in found),
        stayed_ready=sum(one[4] for one in found),
        seconds=round(time.monotonic() - began, 1),
    )


async def _fail(folder: Path, strace: str, number: int) -> tuple[bool, int, int, int, bool]:
    inject = f"inject=fdatasync,fsync:error=EIO:when={FIRST_SYNC + number}"
    words = (strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", inject)
    async with ledger.vendor() as book, aiohttp.ClientSession() as http:
        server = Echo(folder=folder, settings=vendors.settings(book.url), before=words)
        await server.start()
        acknowledged, failed, late = 0, False, 0
        for key in range(MOST):
            if await sent_by_vendor(http, server, "webhook", str(key), key, f"{key}#0"):
                acknowledged += 1
            else:
                failed = True
                break
        for key in range(MOST, MOST + AFTERWARDS if failed else MOST):
            late += await sent_by_vendor(http, server, "webhook", str(key), key, f"{key}#0")
        ready = failed and await _is_ready(http, server)
        await server.end()
        again = Echo(folder=folder, settings=server.settings)
        await again.start()
        await until_answered(book, acknowledged)
        await again.end()
        counts = book.counts("webhook")
        lost = sum(not counts[f"{key}#0"] for key in range(acknowledged))
    return failed, acknowledged, lost, late, ready


async def _is_ready(http: aiohttp.ClientSession, server: Echo) -> bool:
    """A server that did not survive its start is not."""
    try:
        async with http.get(f"{server.url}/readyz") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, OSError):
        return False
