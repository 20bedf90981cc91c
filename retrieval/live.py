"""Follows the answers database: an index that is never older than a query asks for.

The database is the truth; the index is made from it and can be made again at any time. A writer
gets a revision; a search that carries it as `min_revision` first takes over what is missing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from retrieval import errors
from retrieval.candidate import Candidate, PastAnswer, Query
from retrieval.search import REFIT_SHARE, Retriever

WAIT_S = 5.0  # for a revision that another process has promised
STEP_S = 0.01
Entries = Mapping[str, tuple[PastAnswer, ...]]


class Changes(Protocol):
    """What happened in the database after some revision."""

    @property
    def revision(self) -> int:
        """The revision that is reached with these changes."""

    @property
    def entries(self) -> Entries:
        """All variants of each entry that changed; none when it is gone."""


class Book(Protocol):
    """The part of the answers database that is needed here."""

    def revision(self) -> int:
        """The number of the last write."""

    def changes_since(self, revision: int) -> Changes:
        """What was written after `revision`, 0 for everything."""


class LiveRetriever:
    """A retriever that keeps up with a `Book`. Safe in several threads."""

    def __init__(self, book: Book, make: Callable[[Sequence[PastAnswer]], Retriever]) -> None:
        """Read the whole book and build the first version.

        Args:
            book: the truth.
            make: builds a retriever of all answers; called once, embeds what is new.
        """
        self._book = book
        everything = book.changes_since(0)
        answers = [answer for variants in everything.entries.values() for answer in variants]
        self._now = (everything.revision, _named(make(answers), everything.revision))
        self._make = make
        self._edits: list[Entries] = []  # made while a compaction runs
        self._changing = threading.Lock()
        self._compacting = threading.Lock()

    @property
    def reached(self) -> int:
        """The revision of the database that is searched."""
        return self._now[0]

    @property
    def revision(self) -> str:
        """Names the version that is searched."""
        return self._now[1].revision

    @property
    def encoder_id(self) -> str:
        """Names the encoder."""
        return self._now[1].encoder_id

    @property
    def versions(self) -> tuple[int, Retriever]:
        """The revision that is reached, and the version of it."""
        return self._now

    @property
    def current(self) -> Retriever:
        """The version that is searched now."""
        return self._now[1]

    def search(self, queries: Sequence[Query]) -> list[list[Candidate]]:
        """Up to `k` usable answers for each query, best first; none from older knowledge.

        Raises:
            errors.StaleIndex: the database has no such revision, or not within `WAIT_S`.
        """
        needed = max((query.min_revision for query in queries), default=0)
        reached, retriever = self._now
        if reached < needed:
            retriever = self._wait_for(needed)
        return retriever.search(queries)

    def catch_up(self) -> int:
        """Take over what was written since; the revision that is reached."""
        with self._changing:
            reached, retriever = self._now
            if self._book.revision() == reached:
                return reached
            changes = self._book.changes_since(reached)
            if self._compacting.locked():
                self._edits.append(changes.entries)
            after = _applied(retriever, changes.entries, self._make, str(changes.revision))
            self._now = (changes.revision, after)
            return changes.revision

    def tidy(self) -> None:
        """What may wait after edits: vectors to the disk, segments merged; takes a while."""
        self._now[1].note()
        self.compact()

    def compact(self) -> bool:
        """Merge what edits scattered, beside the version that serves; whether it was needed."""
        if not self._now[1].is_scattered or not self._compacting.acquire(blocking=False):
            return False
        try:
            with self._changing:
                before = self._now[1]
                self._edits.clear()
            merged = before.compacted()  # the long part: searches and edits go on
            with self._changing:
                revision = str(self._now[0])
                for entries in self._edits:
                    merged = _applied(merged, entries, self._make, revision)
                self._now = (self._now[0], merged)
        finally:
            self._compacting.release()
        return True

    def _wait_for(self, needed: int) -> Retriever:
        deadline = time.monotonic() + WAIT_S
        while self.catch_up() < needed:
            if time.monotonic() > deadline:
                raise errors.StaleIndex(
                    f"revision {needed} was asked for, the database is at {self.reached}.",
                    hint="Pass the revision that a write returned.",
                )
            time.sleep(STEP_S)
        return self._now[1]


def _named(retriever: Retriever, revision: int) -> Retriever:
    return retriever.edited({}, (), revision=str(revision))


def _applied(
    retriever: Retriever,
    entries: Entries,
    make: Callable[[Sequence[PastAnswer]], Retriever],
    revision: str,
) -> Retriever:
    changed = {name: variants for name, variants in entries.items() if variants}
    if len(changed) > REFIT_SHARE * sum(retriever.sizes):
        kept = {name: retriever.entry(name) or () for name in retriever.names()}
        whole = {**kept, **entries}
        made = make([answer for variants in whole.values() for answer in variants])
        return made.edited({}, (), revision=revision)
    gone = [name for name, variants in entries.items() if not variants]
    return retriever.edited(changed, gone, revision=revision)
