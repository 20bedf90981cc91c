"""Keeps a project's own actions running in a process beside the bot (`bot.actions.serving`).

Synchronous actions block their process. One that does not react any more is left to its fate,
a new process takes the calls that follow, and the old one ends when its calls are given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import structlog

from bot import errors
from bot.actions.client import Endpoint

STARTS_WITHIN_S = 30.0
SUSPECT_AFTER_S = 1.0
"""A call that takes longer makes the next one ask whether the process still reacts."""
REACTS_WITHIN_S = 0.5
ENDS_WITHIN_S = 5.0
_log = structlog.get_logger()


@dataclass(slots=True)
class _Running:
    process: asyncio.subprocess.Process
    port: int
    calls: dict[int, float] = field(default_factory=dict)
    """Calls under way, with the moments that they began at."""

    @property
    def is_alive(self) -> bool:
        return self.process.returncode is None


class ActionProcess:
    """The process of one project."""

    def __init__(self, root: Path) -> None:
        """Serve the package `actions` in `root`; nothing is started before it is needed."""
        self._root = root
        self._used: _Running | None = None
        self._starting = asyncio.Lock()
        self._stamp: tuple[tuple[str, int], ...] = ()
        self._calls = 0

    @contextlib.asynccontextmanager
    async def endpoint(self) -> AsyncIterator[Endpoint]:
        """Where to call an action now; started first if it is not running.

        Raises:
            errors.ActionError: it cannot be started; its own words are in the log.
        """
        running = await self._reacting()
        self._calls += 1
        call = self._calls
        running.calls[call] = time.monotonic()
        try:
            url = f"http://127.0.0.1:{running.port}/webhook"
            yield Endpoint(url=url, knows_digest=True)
        finally:
            running.calls.pop(call, None)
            if running is not self._used and not running.calls:
                await _end(running)

    async def refresh(self) -> None:
        """Start it, or start it anew when the code of its actions changed."""
        stamp = _stamp(self._root)
        if self._used is not None and stamp != self._stamp:
            await self._leave()
        await self._reacting()

    async def close(self) -> None:
        """End the process."""
        used, self._used = self._used, None
        if used is not None:
            await _end(used)

    async def _reacting(self) -> _Running:
        async with self._starting:
            used = self._used
            if used is not None and used.is_alive and await _reacts(used):
                return used
            if used is not None:
                await self._leave()
            self._stamp = _stamp(self._root)
            self._used = await _start(self._root)
            return self._used

    async def _leave(self) -> None:
        left, self._used = self._used, None
        if left is None:
            return
        _log.warning(
            "the action process is replaced",
            action="actions_replaced",
            code=left.process.returncode,
        )
        if not left.calls:
            await _end(left)


async def _start(root: Path) -> _Running:
    package = str(Path(__file__).parents[2])
    code = f"import sys; sys.path.insert(0, {package!r}); from bot.actions import serving; "
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-B",  # no __pycache__ in the project folder: it is watched, and may be read-only
        "-c",
        code + "serving.main()",
        cwd=root,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdout is None:
            raise ValueError("no output")  # noqa: TRY301
        async with asyncio.timeout(STARTS_WITHIN_S):
            port = int(await process.stdout.readline())
    except (TimeoutError, ValueError) as cause:
        await _kill(process)
        raise errors.ActionError(
            f"The actions in {root / 'actions'} cannot be started.",
            hint="Its own message is above in the log; `python -m bot.actions.serving` repeats it.",
        ) from cause
    _log.info("actions run beside the bot", action="actions_started", port=port)
    return _Running(process=process, port=port)


async def _reacts(running: _Running) -> bool:
    """Whether it answers; not asked unless a call takes long."""
    now = time.monotonic()
    if all(now - began < SUSPECT_AFTER_S for began in running.calls.values()):
        return True
    url = f"http://127.0.0.1:{running.port}/health"
    timeout = aiohttp.ClientTimeout(total=REACTS_WITHIN_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _end(running: _Running) -> None:
    """Ask it to end by closing its input; kill it if it does not."""
    if running.process.stdin is not None:
        running.process.stdin.close()
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            await running.process.wait()
    except TimeoutError:
        await _kill(running.process)


async def _kill(process: asyncio.subprocess.Process) -> None:
    """End it now, and leave no pipe open."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()


def _stamp(root: Path) -> tuple[tuple[str, int], ...]:
    """Changes whenever the code of the actions does."""
    paths = [*root.glob("actions/**/*.py"), *root.glob("actions.py")]
    return tuple(sorted((str(path), path.stat().st_mtime_ns) for path in paths))
