"""Arrays of row numbers: runs of them, and each of them once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def spans(starts: Ints, ends: Ints) -> Ints:
    """The numbers from each start up to its end, one span after the other."""
    sizes = ends - starts
    upto = np.cumsum(sizes)
    whole = int(upto[-1]) if len(upto) else 0
    found: Ints = np.repeat(starts - upto + sizes, sizes) + np.arange(whole)
    return found


def distinct(numbers: Ints) -> Ints:
    """Each of `numbers` once, ascending; a few times as quick as `np.unique` for some hundred."""
    if len(numbers) < 2:
        return numbers
    ordered = np.sort(numbers)
    keep = np.empty(len(ordered), np.bool_)
    keep[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=keep[1:])
    return ordered[keep]
