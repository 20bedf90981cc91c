"""One process with a project's actions (`bot.actions.serving`), seen from the bot."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import structlog

from bot import errors
from bot.actions import ledger

STARTS_WITHIN_S = 30.0
SUSPECT_AFTER_S = 1.0
"""A call that takes longer makes the next one ask whether the process still reacts."""
REACTS_WITHIN_S = 0.5
ENDS_WITHIN_S = 5.0
_log = structlog.get_logger()


@dataclass(slots=True)
class Call:
    """One call to the process."""

    number: int
    action: str
    since: float = field(default_factory=time.monotonic)
    begun: bool = False
    """Whether the process said that it runs the action."""
    given_up: asyncio.Future[bool] | None = None
    """Whether it will not be begun any more, once that was asked."""


@dataclass(slots=True)
class Worker:
    """A running process."""

    process: asyncio.subprocess.Process
    port: int
    calls: dict[int, Call] = field(default_factory=dict)
    """Under way."""
    is_blocked: bool = False
    """It was seen not to begin a call."""
    is_doubtful: bool = False
    """A call that it had begun was given up: it may be at it still."""
    listening: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.process.returncode is None

    async def gives_up(self, call: Call) -> bool:
        """Ask it not to begin `call`; whether it surely never will."""
        if self.process.stdin is None:
            return False
        call.given_up = asyncio.get_running_loop().create_future()
        try:
            self.process.stdin.write(f"{call.number}\n".encode())
            async with asyncio.timeout(REACTS_WITHIN_S):
                return await call.given_up
        except (TimeoutError, OSError):
            return False

    async def never_began(self, call: Call) -> bool:
        """Whether a call whose connection broke surely was not, and never will be, begun."""
        if call.begun:
            return False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REACTS_WITHIN_S):
                await self.process.wait()
                if self.listening is not None:
                    await asyncio.shield(self.listening)  # its last words are read
                return not call.begun
        return await self.gives_up(call)

    async def reacts(self) -> bool:
        """Whether it answers; not asked unless a call takes long, or took too long."""
        now = time.monotonic()
        if not self.is_doubtful and all(
            now - call.since < SUSPECT_AFTER_S for call in self.calls.values()
        ):
            return True
        timeout = aiohttp.ClientTimeout(total=REACTS_WITHIN_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"{self.url}/health") as answer,
            ):
                self.is_doubtful = answer.status != 200
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def listen(self) -> None:
        """Read what it says of its calls, until it ends."""
        if self.process.stdout is None:
            return
        async for line in self.process.stdout:
            word, _, number = line.decode().strip().partition(" ")
            call = self.calls.get(int(number))
            if call is None:
                continue
            call.begun = call.begun or word == ledger.BEGAN
            if call.given_up is not None and not call.given_up.done():
                call.given_up.set_result(word == ledger.SKIPPED)

    async def end(self) -> None:
        """Ask it to end by closing its input; kill it if it does not."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            async with asyncio.timeout(ENDS_WITHIN_S):
                await self.process.wait()
        except TimeoutError:
            await _kill(self.process)
        if self.listening is not None:
            await asyncio.gather(self.listening, return_exceptions=True)


async def start(root: Path) -> Worker:
    """Start a process with the actions in `root`.

    Raises:
        errors.ActionError: it cannot be started.
    """
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
    except asyncio.CancelledError:
        await _kill(process)
        raise
    _log.info("actions run beside the bot", action="actions_started", port=port)
    worker = Worker(process=process, port=port)
    worker.listening = asyncio.create_task(worker.listen(), name="action process")
    return worker


async def _kill(process: asyncio.subprocess.Process) -> None:
    """End it now, and leave no pipe open."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()
