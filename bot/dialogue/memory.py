"""Trackers of recent conversations, so that a turn reads only what is new.

A tracker that is not here is folded from the store: from the first event on, or in a long
conversation from a snapshot on, so that it costs the same however long the conversation is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bot import errors
from bot.dialogue import snapshot
from bot.dialogue.dialogue import Dialogue
from bot.dialogue.tracker import Tracker
from bot.domain import StoredEvent
from bot.ports import Store

CAPACITY = 1000
"""Conversations that are kept; about 100 kB each."""
PAGE = 2000
"""Events that are read at once; a longer conversation is folded page by page."""
SNAPSHOT_EVERY = 1000
"""Events between two snapshots; more than can be gone back over (`tracker.KEPT_APPLIED`)."""
_log = structlog.get_logger()


@dataclass(slots=True)
class _Kept:
    tracker: Tracker
    dialogue: Dialogue
    seq: int
    """Of the last event that was read from the store."""
    own: frozenset[int]
    """Of the events that the tracker knows besides: those of the turn that was kept."""


class Memory:
    """The trackers of one process. Callers see to it that a conversation has one turn at a time."""

    def __init__(self, store: Store) -> None:
        """Read from `store`."""
        self._store = store
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._read: OrderedDict[tuple[str, str], int] = OrderedDict()
        """The last event that was read for a tracker that was taken."""

    async def take(self, channel: str, sender: str, dialogue: Dialogue) -> Tracker:
        """The tracker of a conversation as it is in the store; forgotten until `keep`."""
        kept = self._kept.pop((channel, sender), None)
        known = kept is not None and kept.dialogue is dialogue
        if kept is None or not known or not await self._went_on(channel, sender, kept):
            tracker, seq = await self._start(channel, sender, dialogue)
            kept = _Kept(tracker=tracker, dialogue=dialogue, seq=seq, own=frozenset())
            await self._went_on(channel, sender, kept)
        kept.tracker.reload()
        self._read[channel, sender] = kept.seq
        if len(self._read) > CAPACITY:
            self._read.popitem(last=False)
        return kept.tracker

    async def keep(
        self,
        channel: str,
        sender: str,
        dialogue: Dialogue,
        tracker: Tracker,
        stored: Sequence[StoredEvent],
    ) -> None:
        """Remember a tracker whose last events were stored as `stored`."""
        read = self._read.pop((channel, sender), None)
        if not stored or read is None:
            return  # read again next time
        own = frozenset(one.seq for one in stored)
        kept = _Kept(tracker=tracker, dialogue=dialogue, seq=read, own=own)
        self._kept[channel, sender] = kept
        if len(self._kept) > CAPACITY:
            self._kept.popitem(last=False)
        before = tracker.count - len(stored)
        if tracker.count // SNAPSHOT_EVERY != before // SNAPSHOT_EVERY:
            await self._save(channel, sender, dialogue, kept)

    async def _start(self, channel: str, sender: str, dialogue: Dialogue) -> tuple[Tracker, int]:
        """A tracker as it was at some event, and that event; an empty one and 0 at best."""
        found = await self._store.snapshots.load(channel, sender, dialogue.fingerprint)
        if found is None:
            return dialogue.tracker(sender), 0
        seq, data = found
        return snapshot.restored(data, sender, dialogue.domain, dialogue.sight), seq

    async def _went_on(self, channel: str, sender: str, kept: _Kept) -> bool:
        """Let the tracker know what is new; not if others wrote before its own last turn.

        Another process may append events while a turn is under way here. They come first in the
        store, so this tracker, which does not know them, is wrong.
        """
        last_own = max(kept.own, default=0)
        while True:
            stored = await self._store.events_after(
                channel, sender, after=kept.seq, limit=PAGE, from_start=True
            )
            new = [one for one in stored if one.seq not in kept.own]
            if new and new[0].seq < last_own:
                return False
            kept.tracker.extend(one.event for one in new)
            kept.seq = stored[-1].seq if stored else kept.seq
            if len(stored) < PAGE:
                return True

    async def _save(self, channel: str, sender: str, dialogue: Dialogue, kept: _Kept) -> None:
        """Keep a snapshot; without it the next cold start only takes longer."""
        data, seq = snapshot.taken(kept.tracker), max(kept.own)
        try:
            stored = await self._store.events_after(
                channel, sender, after=kept.seq, limit=len(kept.own) + 1, from_start=True
            )
            if kept.own != {one.seq for one in stored if one.seq <= seq}:
                return  # somebody wrote in between
            await self._store.snapshots.save(
                channel, sender, dialogue.fingerprint, seq=seq, data=data
            )
        except errors.DependencyError as cause:
            _log.warning(str(cause), action="snapshot_not_stored")
