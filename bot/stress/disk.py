"""A disk in memory that forgets at a power cut what was not synced: the model under `lossy`.

A file has what programs see (`now`), what is safe, and the changes between. Names change in a log
of their own, in order, as journaling file systems do it. What is not synced may survive in part.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
import stat
from dataclasses import dataclass, field
from enum import StrEnum

SECTOR = 512  # bytes that a disk writes whole or not at all


class Survival(StrEnum):
    """What becomes of changes that were not synced."""

    NONE = "none"
    SOME_IN_ORDER = "some_in_order"
    """The first few of each file."""
    TORN = "torn"
    """Each by itself: kept, dropped or only some of its sectors."""


@dataclass(frozen=True, slots=True)
class Change:
    """A write at `offset`; without data, the file was cut or stretched to that length."""

    offset: int
    data: bytes | None

    def apply(self, content: bytearray) -> None:
        """Make it happen in `content`."""
        end = self.offset + len(self.data or b"")
        if len(content) < end:
            content.extend(bytes(end - len(content)))
        if self.data is None:
            del content[self.offset :]
        else:
            content[self.offset : end] = self.data


@dataclass(slots=True)
class File:
    """A file or, with `stat.S_IFDIR` in its mode, a folder."""

    mode: int
    now: bytearray = field(default_factory=bytearray)
    safe: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)
    times_ns: tuple[int, int] = (0, 0)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    def change(self, change: Change) -> None:
        """Write, but only to the cache."""
        change.apply(self.now)
        self.pending.append(change)

    def sync(self) -> None:
        """What is seen is safe from here on."""
        self.safe[:] = self.now
        self.pending.clear()

    def lose(self, survival: Survival, chance: random.Random) -> None:
        """Power was cut: only what is safe, and what survives by luck, is left."""
        for change in _survivors(self.pending, survival, chance):
            change.apply(self.safe)
        self.now[:] = self.safe
        self.pending.clear()


def _survivors(pending: list[Change], survival: Survival, chance: random.Random) -> list[Change]:
    if survival is Survival.NONE:
        return []
    if survival is Survival.SOME_IN_ORDER:
        return pending[: chance.randint(0, len(pending))]
    kept: list[Change] = []
    for change in pending:
        fate = chance.choice(("kept", "dropped", "torn"))
        if fate == "kept":
            kept.append(change)
        elif fate == "torn":
            kept += _sectors(change, chance)
    return kept


def _sectors(change: Change, chance: random.Random) -> list[Change]:
    """Some of the sectors that a write touches."""
    if change.data is None:
        return []
    first = SECTOR - change.offset % SECTOR
    edges = [0, *range(first, len(change.data), SECTOR), len(change.data)]
    parts = itertools.pairwise(edges)
    return [
        Change(change.offset + start, change.data[start:end])
        for start, end in parts
        if chance.random() < 0.5
    ]


class Disk:
    """Files by their paths, as programs see them and as they lie safe."""

    def __init__(self) -> None:
        """An empty disk whose root folder is safe."""
        root = File(stat.S_IFDIR | 0o755)
        self.files = {"/": root}
        self._safe: dict[str, File] = {"/": root}
        self._log: list[dict[str, File | None]] = []
        self.is_on = True
        self._cut: tuple[int, Survival, random.Random] | None = None

    def arm(self, after: int, survival: Survival, seed: int) -> None:
        """Cut the power in the middle of change or sync number `after` from here on; 0 is now."""
        chance = random.Random(seed)  # noqa: S311 - repeatable, keeps no secret
        self._cut = (after, survival, chance)
        if not after:
            self._lose(survival, chance)

    def power_on(self) -> None:
        """Give power again."""
        self._cut = None
        self.is_on = True

    def file(self, path: str) -> File:
        """What is at `path`.

        Raises:
            OSError: no power, or there is no such file.
        """
        self._need_power()
        if path not in self.files:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        return self.files[path]

    def rename(self, changes: dict[str, File | None]) -> None:
        """Let names stand for other files, or for none, all at once; safe when synced.

        Raises:
            OSError: no power.
        """
        self._spend()
        _name(self.files, changes)
        self._log.append(changes)

    def write(self, path: str, change: Change) -> None:
        """Change the content of a file; safe when synced.

        Raises:
            OSError: no power, or there is no such file.
        """
        file = self.file(path)
        self._spend(file, change)
        file.change(change)

    def sync(self, path: str) -> None:
        """Make a file and its name safe, or the names in a folder.

        Raises:
            OSError: no power, or there is no such file.
        """
        file = self.file(path)
        self._spend()
        file.sync()
        last = max(
            (
                number
                for number, changes in enumerate(self._log, 1)
                if file.is_folder or file in changes.values()
            ),
            default=0,
        )
        self._settle(last)

    def _settle(self, count: int) -> None:
        for changes in self._log[:count]:
            _name(self._safe, changes)
        del self._log[:count]

    def _need_power(self) -> None:
        if not self.is_on:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _spend(self, file: File | None = None, change: Change | None = None) -> None:
        """One change less until the power goes; what is under way then may be torn."""
        self._need_power()
        if self._cut is None:
            return
        after, survival, chance = self._cut
        self._cut = (after - 1, survival, chance)
        if after > 1:
            return
        if file is not None and change is not None:
            file.pending.append(change)
        self._lose(survival, chance)
        self._need_power()

    def _lose(self, survival: Survival, chance: random.Random) -> None:
        self.is_on = False
        everything = {id(one): one for one in (*self.files.values(), *self._safe.values())}
        for one in everything.values():
            one.lose(survival, chance)
        kept = 0 if survival is Survival.NONE else chance.randint(0, len(self._log))
        self._settle(kept)
        self._log.clear()
        self.files = dict(self._safe)


def _name(names: dict[str, File], changes: dict[str, File | None]) -> None:
    for path, file in changes.items():
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file
