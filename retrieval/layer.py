"""A segment and which of its entries are still alive, with what a query may find in it.

Who may find what is the same for most queries: it is worked out once for each language, channel,
audience and time between two limits of validity, and carried on through edits.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from retrieval.candidate import PastAnswer, Query
from retrieval.index import Allowed, Mask
from retrieval.ints import Ints, spans
from retrieval.segment import Block, Key, Segment

KEPT = 16  # kinds of queries whose reach is remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a query may find in a segment."""

    variants: Mask
    """(variants,)"""
    rows: Allowed

    def without(self, segment: Segment, entries: Ints) -> Reach:
        """The same after `entries` (m,) were struck out."""
        shape = segment.shape
        variants, rows = self.variants.copy(), self.rows.rows.copy()
        starts, ends = shape.variant_starts[entries], shape.variant_starts[entries + 1]
        variants[spans(starts, ends)] = False
        rows[spans(shape.row_starts[starts], shape.row_starts[ends])] = False
        return Reach(variants=variants, rows=Allowed(rows))


class Layer:
    """A segment and which of its entries are alive; never changed once made."""

    def __init__(self, segment: Segment, alive: Mask | None = None) -> None:
        """All entries are alive unless `alive` (entries,) says otherwise."""
        self.segment = segment
        self.alive = np.ones(len(segment.names), np.bool_) if alive is None else alive
        self.size = int(np.count_nonzero(self.alive))
        """How many entries are alive."""
        self._reaches: dict[Key, Reach] = {}

    @property
    def dead_share(self) -> float:
        """Share of the entries that were replaced or deleted."""
        return 1 - self.size / len(self.alive)

    @functools.cached_property
    def whole(self) -> Block:
        """All entries, the dead ones too."""
        return self.segment.shape.block(np.arange(len(self.segment.names)))

    def reach(self, query: Query) -> Reach:
        """What `query` may find."""
        key = self.segment.access.key(query)
        found = self._reaches.get(key)
        if found is None:
            found = self._work_out(key)
            while len(self._reaches) >= KEPT:
                self._reaches.pop(next(iter(self._reaches)), None)
            self._reaches[key] = found
        return found

    def without(self, names: Iterable[str]) -> Layer:
        """The layer with these entries struck out."""
        places = self.segment.places
        some = {places[name] for name in names if name in places}
        gone = np.array(sorted(place for place in some if self.alive[place]), np.int64)
        if not len(gone):
            return self
        alive = self.alive.copy()
        alive[gone] = False
        after = Layer(self.segment, alive)
        known = list(self._reaches.items())
        after._reaches = {key: reach.without(self.segment, gone) for key, reach in known}
        return after

    def place(self, name: str) -> int:
        """The number of a living entry in the segment, -1 when there is none of that id."""
        place = self.segment.places.get(name, -1)
        return place if place >= 0 and self.alive[place] else -1

    def entry(self, name: str) -> tuple[PastAnswer, ...] | None:
        """The variants of a living entry."""
        place = self.place(name)
        return None if place < 0 else self.segment.entry_answers(place)

    def entries(self) -> dict[str, tuple[PastAnswer, ...]]:
        """The living entries."""
        return {
            self.segment.names[i]: self.segment.entry_answers(i)
            for i in np.flatnonzero(self.alive).tolist()
        }

    def _work_out(self, key: Key) -> Reach:
        shape = self.segment.shape
        variants = self.segment.access.usable(key) & self.alive[shape.entry_of]
        return Reach(variants=variants, rows=Allowed(variants[shape.variant_of]))
