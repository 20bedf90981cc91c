"""Work in lanes: what has the same key is done one after the other, different keys side by side."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import structlog

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
_log = structlog.get_logger()


class Lanes(Generic[K, T]):
    """Queues that come and go with their work; each busy one has a task."""

    def __init__(self, name: str, handle: Callable[[T], Awaitable[None]]) -> None:
        """Nothing runs yet.

        Args:
            name: for the names of the tasks.
            handle: does one piece of work; what it raises is logged and the lane goes on.
        """
        self._name = name
        self._handle = handle
        self._lanes: dict[K, deque[T]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._size = 0

    def __len__(self) -> int:
        """How many pieces of work wait or are being done."""
        return self._size

    def put(self, key: K, item: T) -> None:
        """Queue `item` behind what is in its lane."""
        self._size += 1
        self._idle.clear()
        if key in self._lanes:
            self._lanes[key].append(item)
            return
        self._lanes[key] = deque([item])
        task = asyncio.create_task(self._run(key), name=f"{self._name} lane")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, within_s: float) -> bool:
        """Wait until nothing is left to do; whether that came in time."""
        try:
            await asyncio.wait_for(self._idle.wait(), within_s)
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """Cancel what runs and drop what waits."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, key: K) -> None:
        lane = self._lanes[key]
        try:
            while lane:
                try:
                    await self._handle(lane[0])
                except Exception:
                    _log.exception("unexpected error", action="lane_failed", lanes=self._name)
                self._done(lane.popleft())
        finally:
            for item in lane:  # only when it was cancelled
                self._done(item)
            del self._lanes[key]

    def _done(self, _item: T) -> None:
        self._size -= 1
        if not self._size:
            self._idle.set()
