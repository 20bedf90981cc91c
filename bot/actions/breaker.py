"""Stops asking who does not answer: after some failures in a row calls fail at once for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

FAILURES = 5
REST_S = 10.0


@dataclass(slots=True)
class _Record:
    failures: int = 0
    open_until: float = 0.0


class Breaker:
    """One for each action server; every key (action, or "" for the server) by itself."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing has failed yet; `clock` gives seconds."""
        self._clock = clock
        self._records: dict[str, _Record] = {}

    def is_open(self, key: str) -> bool:
        """Whether calls should fail at once. After a rest, one call tries again."""
        record = self._records.get(key)
        if record is None or record.failures < FAILURES:
            return False
        if self._clock() < record.open_until:
            return True
        record.open_until = self._clock() + REST_S  # this caller tries, the others wait
        return False

    def succeeded(self, key: str) -> None:
        """It answered."""
        self._records.pop(key, None)

    def failed(self, key: str) -> None:
        """It did not."""
        record = self._records.setdefault(key, _Record())
        record.failures += 1
        record.open_until = self._clock() + REST_S
