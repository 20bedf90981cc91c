"""When to try again: full jitter, so that those who failed together do not come back together."""

from __future__ import annotations

import random

FIRST_S = 1.0
LONGEST_S = 300.0


def pause_s(attempts: int, *, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> float:
    """Seconds to wait after so many failures in a row: random, up to twice as long each time."""
    ceiling = min(longest_s, first_s * 2.0 ** min(max(attempts - 1, 0), 30))
    return random.uniform(0, ceiling)  # noqa: S311 - spreads load, keeps no secret
