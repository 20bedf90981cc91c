"""The two-stage fallback: ask whether it was meant, ask for other words, ask again, give up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from bot.dialogue import events, names, running
from bot.dialogue.doing import Context
from bot.dialogue.tracker import Tracker
from bot.domain import Event


class TwoStageFallback:
    """`action_two_stage_fallback`."""

    name = names.TWO_STAGE_FALLBACK

    async def activate(self, _context: Context, _tracker: Tracker) -> list[Event]:
        """Nothing more."""
        return []

    async def do(self, context: Context, tracker: Tracker, so_far: Sequence[Event]) -> list[Event]:
        """Ask whether the likeliest intent was meant, or for other words."""
        just_begun = any(event.name == "active_loop" for event in so_far)
        affirm = just_begun or tracker.state.intent == names.NLU_FALLBACK
        action = names.ASK_AFFIRMATION if affirm else names.ASK_REPHRASE
        return await running.run(action, context, tracker)

    def is_done(self, tracker: Tracker, _so_far: Sequence[Event]) -> bool:
        """Whether it is clear what was meant, or hopeless."""
        clear = tracker.state.intent not in (names.NLU_FALLBACK, names.OUT_OF_SCOPE)
        return clear or _is_hopeless(tracker)

    async def deactivate(self, context: Context, tracker: Tracker) -> list[Event]:
        """Give up, or go on as if the visitor had said it clearly at once."""
        if _is_hopeless(tracker):
            return await running.run(names.DEFAULT_FALLBACK, context, tracker)
        return [events.make("rewind"), *_clarified(tracker)]


def _is_hopeless(tracker: Tracker) -> bool:
    fell, denied = names.NLU_FALLBACK, names.OUT_OF_SCOPE
    return _last_intents(tracker, 2) == [fell, fell] or _last_intents(tracker, 3) == [
        denied,
        fell,
        denied,
    ]


def _last_intents(tracker: Tracker, number: int) -> list[str | None]:
    """The intents of the last messages, newest first; one that was taken back does not count."""
    said = [e for e in reversed(tracker.since_restart()) if e.name in ("user", "rewind")]
    return [events.intent_of(event) for event in said[:number] if event.name == "user"]


def _clarified(tracker: Tracker) -> list[Event]:
    message = tracker.state.latest_message
    if message is None:
        return []
    parse: dict[str, Any] = dict(message.data.get("parse_data") or {})
    parse["intent"] = {**(parse.get("intent") or {}), "confidence": 1.0}
    data = {**message.data, "parse_data": parse}
    repeated = Event(name="user", timestamp=time.time(), data=data)
    return [events.action(names.LISTEN), repeated]
