"""Actions that ask until they know enough: what forms and the two-stage fallback have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.dialogue import events
from bot.dialogue.doing import Context
from bot.dialogue.tracker import Tracker
from bot.domain import Event


class LoopAction(Protocol):
    """One kind of loop."""

    name: str

    async def activate(self, context: Context, tracker: Tracker) -> list[Event]:
        """What happens when it begins, after the `active_loop` event."""

    async def do(self, context: Context, tracker: Tracker, so_far: Sequence[Event]) -> list[Event]:
        """One round."""

    def is_done(self, tracker: Tracker, so_far: Sequence[Event]) -> bool:
        """Whether nothing is left to ask."""

    async def deactivate(self, context: Context, tracker: Tracker) -> list[Event]:
        """What happens when it ends, after the `active_loop` event."""


async def run(loop: LoopAction, context: Context, tracker: Tracker) -> list[Event]:
    """Begin if it is not active, do a round, end if it is done."""
    found: list[Event] = []
    if tracker.state.loop_name != loop.name:
        found.append(events.active_loop(loop.name))
        begun = tracker.copy()
        begun.extend(found)
        found += await loop.activate(context, begun)
    if not loop.is_done(tracker, found):
        found += await loop.do(context, tracker, found)
    if loop.is_done(tracker, found):
        found.append(events.active_loop(None))
        found += await loop.deactivate(context, tracker)
    return found
