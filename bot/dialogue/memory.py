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
    """Of the last event that the tracker knows."""


class Memory:
    """The trackers of one process. Callers see to it that a conversation has one turn at a time."""

    def __init__(self, store: Store) -> None:
        """Read from `store`."""
        self._store = store
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    async def take(self, channel: str, sender: str, dialogue: Dialogue) -> Tracker:
        """The tracker of a conversation as it is in the store; forgotten until `keep`."""
        kept = self._kept.pop((channel, sender), None)
        if kept is None or kept.dialogue is not dialogue:
            tracker, seq = await self._start(channel, sender, dialogue)
        else:
            tracker, seq = kept.tracker, kept.seq
        await self._read_on(channel, sender, tracker, seq)
        tracker.reload()
        return tracker

    async def keep(
        self,
        channel: str,
        sender: str,
        dialogue: Dialogue,
        tracker: Tracker,
        stored: Sequence[StoredEvent],
    ) -> None:
        """Remember a tracker whose last events were stored as `stored`."""
        if not stored:
            return  # read again next time
        kept = _Kept(tracker=tracker, dialogue=dialogue, seq=stored[-1].seq)
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

    async def _read_on(self, channel: str, sender: str, tracker: Tracker, seq: int) -> None:
        while True:
            stored = await self._store.events_after(
                channel, sender, after=seq, limit=PAGE, from_start=True
            )
            tracker.extend(one.event for one in stored)
            if len(stored) < PAGE:
                return
            seq = stored[-1].seq

    async def _save(self, channel: str, sender: str, dialogue: Dialogue, kept: _Kept) -> None:
        """Keep a snapshot; without it the next cold start only takes longer."""
        data = snapshot.taken(kept.tracker)
        try:
            await self._store.snapshots.save(
                channel, sender, dialogue.fingerprint, seq=kept.seq, data=data
            )
        except errors.DependencyError as cause:
            _log.warning(str(cause), action="snapshot_not_stored")
