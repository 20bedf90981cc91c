"""A breaker for each channel: after some failures in a row only one call at a time tries again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

OPENS_AFTER = 5  # failures in a row
PROBE_EVERY_S = 10.0


class Breaker:
    """Closed: all may pass. Open: one probe every `PROBE_EVERY_S`, until one succeeds."""

    def __init__(
        self, *, probe_every_s: float = PROBE_EVERY_S, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Closed."""
        self._probe_every_s = probe_every_s
        self._now = now
        self._failures = 0
        self._next_probe = 0.0
        self._closed = asyncio.Event()
        self._closed.set()

    @property
    def is_open(self) -> bool:
        """Whether calls are held back."""
        return not self._closed.is_set()

    async def passed(self) -> None:
        """Return when a call may be made."""
        while self.is_open:
            wait_s = self._next_probe - self._now()
            if wait_s <= 0:
                self._next_probe = self._now() + self._probe_every_s  # this one is the probe
                return
            try:
                await asyncio.wait_for(self._closed.wait(), wait_s)
            except TimeoutError:
                continue

    def succeeded(self) -> None:
        """The vendor took something: it is well."""
        self._failures = 0
        self._closed.set()

    def failed(self) -> None:
        """The vendor was not reached or is broken."""
        self._failures += 1
        if self._failures >= OPENS_AFTER and not self.is_open:
            self._closed.clear()
            self._next_probe = self._now() + self._probe_every_s
