"""Trackers of recent conversations, so that a turn reads only what is new.

A tracker that is not here is folded from the last events of the store, which takes some
milliseconds and is bounded however long the conversation is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from bot.dialogue.dialogue import Dialogue
from bot.dialogue.tracker import Tracker
from bot.domain import StoredEvent
from bot.ports import Store

CAPACITY = 1000
"""Conversations that are kept; about 100 kB each."""
WINDOW = 4000
"""Events that a conversation is folded from; about 500 turns."""


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
            stored = await self._store.events_after(channel, sender, limit=WINDOW)
            tracker = dialogue.tracker(sender)
        else:
            stored = await self._store.events_after(channel, sender, after=kept.seq, limit=WINDOW)
            tracker = kept.tracker
        tracker.extend(one.event for one in stored)
        tracker.reload()
        return tracker

    def keep(
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
