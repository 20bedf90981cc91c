"""Forms: ask for slot after slot, check what comes, end when all are there (6.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.dialogue import events, extraction, names, running, speaking
from bot.dialogue.doing import Context, Rejected, only
from bot.dialogue.tracker import Tracker
from bot.domain import Event


class FormAction:
    """One form."""

    def __init__(self, name: str) -> None:
        """The form `name` of the domain."""
        self.name = name

    async def activate(self, context: Context, tracker: Tracker) -> list[Event]:
        """Take what the message that started the form already says, and check it."""
        extracted = await extraction.extract(context, tracker)
        tracker.extend(extracted)
        slots = only(extracted, "slot")
        if self._validation not in context.domain.known_actions:
            return slots
        required = context.domain.required_slots(self.name)
        known = {name: tracker.state.slots.get(name) for name in required}
        filled = {name: value for name, value in known.items() if value is not None}
        checked = await self._validate(filled, context, tracker)
        seen = {event.data["name"] for event in only(checked, "slot")}
        return [*checked, *(event for event in slots if event.data["name"] not in seen)]

    async def do(self, context: Context, tracker: Tracker, so_far: Sequence[Event]) -> list[Event]:
        """Check what the message brought, then ask for the next slot."""
        found: list[Event] = []
        if all(event.name == "active_loop" for event in so_far):
            found = await self._check(context, tracker)
        if not _refused(found):
            found += await self._ask(context, tracker, [*so_far, *found])
        return found

    def is_done(self, _tracker: Tracker, so_far: Sequence[Event]) -> bool:
        """Whether nothing is requested any more, or the form was ended from outside."""
        if _refused(so_far):
            return False
        for event in reversed(only(so_far, "slot")):
            if event.data["name"] == names.REQUESTED_SLOT:
                if event.data["value"] is None:
                    return True
                break
        loops = only(so_far, "active_loop")
        return bool(loops) and loops[-1].data["name"] is None

    async def deactivate(self, _context: Context, _tracker: Tracker) -> list[Event]:
        """Nothing more."""
        return []

    @property
    def _validation(self) -> str:
        return f"validate_{self.name}"

    def _requested(self, tracker: Tracker) -> str | None:
        if tracker.state.loop_name != self.name:
            return None
        requested = tracker.state.slots.get(names.REQUESTED_SLOT)
        return requested if isinstance(requested, str) else None

    async def _check(self, context: Context, tracker: Tracker) -> list[Event]:
        state = tracker.state
        interrupted = state.loop is not None and state.loop.is_interrupted
        if state.loop is not None and (state.action_name != names.LISTEN or interrupted):
            return await self._validate({}, context, tracker)
        extracted = self._extracted(context, tracker)
        checked = await self._validate(extracted, context, tracker)
        wanted = self._requested(tracker)
        set_by_check = any(e.data["name"] != names.REQUESTED_SLOT for e in only(checked, "slot"))
        if wanted and not extracted and not set_by_check and not _refused(checked):
            raise Rejected(self.name)
        return checked

    def _extracted(self, context: Context, tracker: Tracker) -> dict[str, Any]:
        """What the slots of this form were set to since the message."""
        required = {*context.domain.required_slots(self.name), self._requested(tracker)}
        recent = list(tracker.since_message())
        return {
            event.data["name"]: event.data["value"]
            for event in reversed(recent)
            if event.name == "slot" and event.data["name"] in required
        }

    async def _validate(
        self, candidates: dict[str, Any], context: Context, tracker: Tracker
    ) -> list[Event]:
        if self._validation not in context.domain.known_actions:
            return []
        proposed = [events.slot(name, value) for name, value in candidates.items()]
        trial = self._as_running(tracker, proposed)
        return await speaking.custom(self._validation, context, trial)

    def _as_running(self, tracker: Tracker, more: Sequence[Event]) -> Tracker:
        """The conversation as if the form had run and `more` had come of it."""
        trial = tracker.copy()
        trial.update(events.slot(names.REQUESTED_SLOT, self._requested(tracker)))
        trial.update(events.action(self.name))
        trial.extend(more)
        return trial

    async def _ask(
        self, context: Context, tracker: Tracker, so_far: Sequence[Event]
    ) -> list[Event]:
        """Ask for the slot that the check chose, else for the first that is empty."""
        if self.is_done(tracker, so_far):
            return [events.slot(names.REQUESTED_SLOT, None)]
        chosen = [e for e in only(so_far, "slot") if e.data["name"] == names.REQUESTED_SLOT]
        wanted = chosen[0].data["value"] if chosen else None
        trial = self._as_running(tracker, so_far)
        asked: list[Event] = []
        if not wanted:
            required = context.domain.required_slots(self.name)
            empty = [name for name in required if trial.state.slots.get(name) is None]
            wanted = empty[0] if empty else None
            asked.append(events.slot(names.REQUESTED_SLOT, wanted))
        if not wanted:
            return [events.slot(names.REQUESTED_SLOT, None)]
        action = self._question(wanted, context)
        return [*asked, *(await running.run(action, context, trial))] if action else asked

    def _question(self, slot: str, context: Context) -> str | None:
        tried = (
            f"action_ask_{self.name}_{slot}",
            f"utter_ask_{self.name}_{slot}",
            f"action_ask_{slot}",
            f"utter_ask_{slot}",
        )
        return next((name for name in tried if name in context.domain.known_actions), None)


def _refused(found: Sequence[Event]) -> bool:
    return any(event.name == "action_execution_rejected" for event in found)
