"""Keeps a project's own actions running in a process beside the bot (`bot.actions.worker`).

Synchronous actions block their process. One that does not react any more is left to its fate: a
new process takes the calls that follow, and those that the old one has not begun. The old one ends
when its calls are given up.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import structlog

from bot import errors
from bot.actions import worker
from bot.actions.client import Answer, Endpoint, Post
from bot.actions.worker import Call, Worker

TRIES = 3
"""So many processes are given a call that none of them begins."""
_log = structlog.get_logger()


class _NotBegunError(Exception):
    """The action was not run, and will not be."""


class ActionProcess:
    """The process of one project."""

    def __init__(self, root: Path) -> None:
        """Serve the package `actions` in `root`; nothing is started before it is needed."""
        self._root = root
        self._used: Worker | None = None
        self._choosing = asyncio.Lock()
        self._starting: asyncio.Task[Worker] | None = None
        self._stamp: tuple[tuple[str, int], ...] = ()
        self._calls = 0

    async def call(self, post: Post) -> Answer:
        """Let `post` run an action; again with another process if it surely was not begun.

        Raises:
            errors.ActionError: no process can be started; its own words are in the log.
            aiohttp.ClientError: the process broke off.
        """
        for _ in range(TRIES):
            used = await self._reacting()
            self._calls += 1
            call = Call(number=self._calls)
            used.calls[call.number] = call
            try:
                return await _watched(used, call, post)
            except _NotBegunError:
                continue
            finally:
                used.calls.pop(call.number, None)
                if used is not self._used and not used.calls:
                    await used.end()
        raise errors.ActionError(
            "The actions' processes begin nothing.", hint="Their own words are in the log."
        )

    async def refresh(self) -> None:
        """Start it, or start it anew when the code of its actions changed."""
        stamp = _stamp(self._root)
        if self._used is not None and stamp != self._stamp:
            await self._leave()
        await self._reacting()

    async def close(self) -> None:
        """End the process."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        used, self._used = self._used, None
        if used is not None:
            await used.end()

    async def _reacting(self) -> Worker:
        async with self._choosing:
            used = self._used
            if used is not None and used.is_alive and not used.is_blocked and await used.reacts():
                return used
            if used is not None:
                await self._leave()
            self._used = await self._started()
            return self._used

    async def _started(self) -> Worker:
        """A new process. Who waits for it may leave: it is there for the next one."""
        if self._starting is None:
            self._stamp = _stamp(self._root)
            self._starting = asyncio.create_task(worker.start(self._root), name="start actions")
        try:
            return await asyncio.shield(self._starting)
        finally:
            if self._starting.done():
                self._starting = None

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
            await left.end()


async def _watched(used: Worker, call: Call, post: Post) -> Answer:
    """Post, and take the call back if the process does not begin it.

    Raises:
        _NotBegunError: it was taken back.
    """
    endpoint = Endpoint(url=f"{used.url}/webhook", knows_digest=True, call=call.number)
    posting = asyncio.ensure_future(post(endpoint))
    try:
        done, _ = await asyncio.wait({posting}, timeout=worker.SUSPECT_AFTER_S)
        if not done and not call.begun and await used.gives_up(call):
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
