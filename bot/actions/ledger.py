"""Which calls the action process began: said on its standard output, one line each.

A call that was not begun can be made elsewhere without running an action twice. So the bot may ask
(`give_up`, a line on standard input) for a call not to be begun any more, and is told whether that
came in time. A thread of its own reads the questions, so that a blocked process answers, too.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

CALL = "X-Frontdesk-Call"
"""The header with the number of a call."""
BEGAN, SKIPPED = "began", "skipped"
KEPT = 10_000
"""Calls that are remembered; far more than are ever under way."""


class Ledger:
    """Of one process; used from two threads."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """Say what happens by `tell`, line by line."""
        self._tell = tell
        self._lock = threading.Lock()
        self._begun: deque[str] = deque(maxlen=KEPT)
        self._given_up: set[str] = set()

    def begin(self, call: str) -> bool:
        """A call is about to be run; whether it should be."""
        with self._lock:
            if call in self._given_up:
                self._given_up.remove(call)
                return False
            self._begun.append(call)
            self._tell(f"{BEGAN} {call}\n")
            return True

    def give_up(self, call: str) -> None:
        """Do not run this call, unless it has begun."""
        with self._lock:
            begun = call in self._begun
            if not begun:
                self._given_up.add(call)
            self._tell(f"{BEGAN if begun else SKIPPED} {call}\n")
