"""Keeps Python's cycle collector from stopping the server while messages wait.

A full collection looks at every object there is. With thousands of messages in hand that takes
half a second in which nobody is answered, so it is done when little is in hand; what lives as long
as the brain (modules, models, knowledge) is taken out of its sight once.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from bot.brain import Brain
from bot.web.keys import GATEWAY, PARTS

LOOK_EVERY_S = 1.0
LITTLE = 200  # messages and pieces in hand: with so few, a full collection takes milliseconds
AFTER = 10  # young collections that a full one is worth, as Python has it
AT_LEAST_EVERY_S = 600.0  # however much is in hand: forgotten cycles must not pile up
NEVER = 1_000_000_000  # Python's own full collections, counted in young ones


class Collector:
    """Decides when a full collection is made."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Nothing is changed before the first `look`."""
        self._now = now
        self._at = now()
        self._brain: Brain | None = None

    def look(self, brain: Brain, in_hand: int) -> bool:
        """Collect if it is time for it; whether it was.

        Args:
            brain: the one in use; a new one is taken out of sight with all that is there.
            in_hand: messages and pieces that are being worked on.
        """
        is_late = self._now() - self._at >= AT_LEAST_EVERY_S
        if in_hand > LITTLE and not is_late:
            return False
        is_new = brain is not self._brain
        if not (is_new or is_late or gc.get_count()[2] >= AFTER):
            return False
        if is_new:
            gc.unfreeze()  # the brain before is garbage now, and may hold cycles
        gc.collect()
        if is_new:
            gc.freeze()
        self._brain, self._at = brain, self._now()
        return True


@contextlib.asynccontextmanager
async def watched(app: web.Application) -> AsyncIterator[None]:
    """Collect at good moments only, for as long as this process serves `app`."""
    young, middle, old = gc.get_threshold()
    gc.set_threshold(young, middle, NEVER)
    task = asyncio.create_task(_watch(app), name="garbage")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        gc.unfreeze()
        gc.set_threshold(young, middle, old)


async def _watch(app: web.Application) -> None:
    box, gateway = app[PARTS].box, app[GATEWAY]
    collector = Collector()
    await box.wait()
    while True:
        collector.look(box.brain, len(gateway.intake) + len(gateway.sender))
        await asyncio.sleep(LOOK_EVERY_S)
