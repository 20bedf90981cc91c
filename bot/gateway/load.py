"""How long a new message would wait, guessed from how quickly the last ones were answered."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot import errors

WEIGHT = 0.05  # of the newest interval
ENOUGH = 16  # messages that may wait whatever they took before: a guess needs a queue


class Load:
    """Refuses callers who would wait too long: quickly, so that they can go elsewhere."""

    def __init__(self, max_wait_s: float, now: Callable[[], float] = time.monotonic) -> None:
        """Nothing is known yet."""
        self._max_wait_s = max_wait_s
        self._now = now
        self._each_s = 0.0
        self._last = 0.0

    def finished(self) -> None:
        """A message was answered."""
        at = self._now()
        gap = at - self._last
        self._last = at
        if gap < 1.0:  # a longer one was a rest, not work
            self._each_s += WEIGHT * (gap - self._each_s)

    def check(self, waiting: int) -> None:
        """Let a caller in.

        Raises:
            errors.Busy: with so many before him he would wait for more than `max_wait_s`.
        """
        if waiting > ENOUGH and waiting * self._each_s > self._max_wait_s:
            raise errors.Busy("Too many messages wait for an answer.")
