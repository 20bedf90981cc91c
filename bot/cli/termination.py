"""A long command that is told to stop (`kill`, a service manager) leaves nothing half-made."""

from __future__ import annotations

import signal
import sys
from types import FrameType

TERMINATED = 143  # 128 + SIGTERM, as shells count


def unwinds() -> None:
    """From now on SIGTERM unwinds this process as Ctrl-C does, so that unfinished folders go."""
    signal.signal(signal.SIGTERM, _unwind)


def _unwind(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(TERMINATED)
