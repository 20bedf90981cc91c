"""Keeps a project's own actions running in a process beside the bot (`bot.actions.worker`).

Synchronous actions block their process. One that does not react any more is left to its fate: a
new process takes the calls that follow, and those that the old one has not begun. The old one ends
when its calls are given up. The action that blocked it runs in a process aside from then on, until
it is quick again.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
import structlog

from bot import errors
from bot.actions import worker
from bot.actions.client import Answer, Endpoint, Post
from bot.actions.worker import Call, Worker

RESTS_S = 10.0
"""Before a process that could not be started is tried again."""
TRIES = 3
"""So many processes are given a call that none of them begins."""
_log = structlog.get_logger()


class _NotBegunError(Exception):
    """The action was not run, and will not be."""


class ActionProcess:
    """The actions of one project: in one process, and in a second one what blocks the first."""

    def __init__(self, root: Path) -> None:
        """Serve the package `actions` in `root`; nothing is started before it is needed."""
        self._root = root
        self._all = Lane(root)
        self._aside = Lane(root)
        self._blockers: set[str] = set()
        """Actions that ran while their process did not react, or died; they run aside."""
        self._stamp: tuple[tuple[str, int], ...] = ()
        self._calls = 0

    async def call(self, action: str, post: Post) -> Answer:
        """Let `post` run `action`; again with another process if it surely was not begun.

        Raises:
            errors.ActionError: no process can be started; its own words are in the log.
            aiohttp.ClientError: the process broke off.
        """
        for _ in range(TRIES):
            try:
                return await self._once(action, post)
            except _NotBegunError:
                continue
        raise errors.ActionError(
            "The actions' processes begin nothing.", hint="Their own words are in the log."
        )

    async def refresh(self) -> None:
        """Start it, or start it anew when the code of its actions changed."""
        stamp = _stamp(self._root)
        if stamp != self._stamp:
            self._stamp = stamp
            self._blockers.clear()
            for lane in (self._aside, self._all):
                lane.forgive()
                await lane.leave()
        await self._all.reacting()

    async def close(self) -> None:
        """End the processes."""
        await asyncio.gather(self._all.close(), self._aside.close())

    async def _once(self, action: str, post: Post) -> Answer:
        aside = action in self._blockers
        lane = self._aside if aside else self._all
        used = await lane.reacting()
        self._calls += 1
        call = Call(number=self._calls, action=action)
        used.calls[call.number] = call
        try:
            # What blocks waits for its like; another process would only be blocked as well.
            answer = await _watched(used, call, post, takes_back=not aside)
        except (aiohttp.ClientError, OSError):
            self._blockers.add(action)  # its process died while it ran
            raise
        except asyncio.CancelledError:
            used.is_doubtful = used.is_doubtful or call.begun
            raise
        finally:
            used.calls.pop(call.number, None)
            if used.is_blocked:
                self._blockers.update(one.action for one in used.calls.values() if one.begun)
            await lane.end_if_left(used)
        if time.monotonic() - call.since < worker.SUSPECT_AFTER_S:
            self._blockers.discard(action)
        return answer


class Lane:
    """The process in use for some actions."""

    def __init__(self, root: Path) -> None:
        """Nothing is started before it is needed."""
        self._root = root
        self.used: Worker | None = None
        self.starting: asyncio.Task[Worker] | None = None
        self._choosing = asyncio.Lock()
        self._failed: tuple[float, errors.ActionError] | None = None
        """When it could last not be started, and why."""

    async def reacting(self) -> Worker:
        """A process that reacts; a new one if need be.

        Raises:
            errors.ActionError: it cannot be started.
        """
        async with self._choosing:
            used = self.used
            if used is not None and used.is_alive and not used.is_blocked and await used.reacts():
                return used
            await self.leave()
            self.used = await self._started()
            return self.used

    def forgive(self) -> None:
        """Try to start it again, for instance because its code changed."""
        self._failed = None

    async def leave(self) -> None:
        """Use it no more. It ends when the calls that it has begun do."""
        left, self.used = self.used, None
        if left is None:
            return
        left.is_blocked = True
        _log.warning(
            "the action process is replaced",
            action="actions_replaced",
            code=left.process.returncode,
        )
        await self.end_if_left(left)

    async def end_if_left(self, one: Worker) -> None:
        """End a process that is neither used nor working."""
        if one is not self.used and not one.calls:
            await one.end()

    async def close(self) -> None:
        """End the process."""
        if self.starting is not None:
            self.starting.cancel()
            await asyncio.gather(self.starting, return_exceptions=True)
        used, self.used = self.used, None
        if used is not None:
            await used.end()

    async def _started(self) -> Worker:
        """A new process. Who waits for it may leave: it is there for the next one."""
        if self._failed is not None and time.monotonic() - self._failed[0] < RESTS_S:
            raise self._failed[1]
        if self.starting is None:
            self.starting = asyncio.create_task(worker.start(self._root), name="start actions")
        try:
            return await asyncio.shield(self.starting)
        except errors.ActionError as cause:
            self._failed = time.monotonic(), cause
            raise
        finally:
            if self.starting.done():
                self.starting = None


async def _watched(used: Worker, call: Call, post: Post, *, takes_back: bool) -> Answer:
    """Post, and take the call back if the process does not begin it and `takes_back` says so.

    Raises:
        _NotBegunError: it was taken back.
    """
    endpoint = Endpoint(url=f"{used.url}/webhook", knows_digest=True, call=call.number)
    posting = asyncio.ensure_future(post(endpoint))
    try:
        done, _ = await asyncio.wait({posting}, timeout=worker.SUSPECT_AFTER_S)
        if takes_back and not done and not call.begun and await used.gives_up(call):
            used.is_blocked = True
            raise _NotBegunError
        return await posting
    except (aiohttp.ClientError, OSError) as cause:
        if await used.never_began(call):
            raise _NotBegunError from cause
        raise
    finally:
        posting.cancel()
        await asyncio.gather(posting, return_exceptions=True)


def _stamp(root: Path) -> tuple[tuple[str, int], ...]:
    """Changes whenever the code of the actions does."""
    paths = [*root.glob("actions/**/*.py"), *root.glob("actions.py")]
    return tuple(sorted((str(path), path.stat().st_mtime_ns) for path in paths))
