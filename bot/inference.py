"""Where synchronous models meet asynchronous callers: a thread for each, with a bounded queue.

Whatever waits when the thread is free goes into one batch; nothing waits for a batch to fill. A
full queue refuses at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bot import errors

MAX_BATCH = 32

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class _Job:
    function: Callable[[Sequence[Any]], Sequence[Any]]
    item: Any
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


class ModelThread:
    """Runs batch functions of one model, one batch at a time."""

    def __init__(self, name: str, *, max_waiting: int) -> None:
        """Start the thread `name`; at most `max_waiting` items wait for it."""
        self._jobs: queue.Queue[_Job | None] = queue.Queue(max_waiting)
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, function: Callable[[Sequence[T]], Sequence[R]], item: T) -> R:
        """`function([item, ...])[i]` for this item; batched with others of the same function.

        Raises:
            errors.Busy: too many items wait already.
            errors.ModelError: the function failed; its error is the cause.
        """
        loop = asyncio.get_running_loop()
        job = _Job(function, item, loop.create_future(), loop)
        try:
            self._jobs.put_nowait(job)
        except queue.Full as cause:
            raise errors.Busy(f"{self._jobs.maxsize} messages wait for a model.") from cause
        result: R = await job.future
        return result

    @property
    def waiting(self) -> int:
        """How many items wait now."""
        return self._jobs.qsize()

    def close(self) -> None:
        """Finish what is queued, then end the thread."""
        self._jobs.put(None)
        self._thread.join(timeout=10)

    def _work(self) -> None:
        carried: _Job | None = None
        closing = False
        while not closing:
            first = carried or self._jobs.get()
            carried = None
            if first is None:
                return
            batch = [first]
            while len(batch) < MAX_BATCH:
                try:
                    following = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    closing = True
                    break
                if following.function != first.function:  # a new model took over meanwhile
                    carried = following
                    break
                batch.append(following)
            _run(batch)


def _run(batch: list[_Job]) -> None:
    try:
        outcomes: list[Any] = list(batch[0].function([job.item for job in batch]))
        if len(outcomes) != len(batch):
            raise ValueError(f"{len(outcomes)} results for {len(batch)} items")  # noqa: TRY301
    except Exception as cause:  # whatever a model raises is its callers' error
        failure = errors.ModelError(f"A model failed: {cause!r}.", hint="See the log.")
        failure.__cause__ = cause
        outcomes = [failure] * len(batch)
    for job, outcome in zip(batch, outcomes, strict=True):
        with contextlib.suppress(RuntimeError):  # the caller's loop is closed: nobody waits
            job.loop.call_soon_threadsafe(_settle, job.future, outcome)


def _settle(future: asyncio.Future[Any], outcome: object) -> None:
    if future.done():  # the caller gave up
        return
    if isinstance(outcome, errors.ModelError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
