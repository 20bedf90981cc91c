"""What integrators and timers do to a conversation from outside, as Rasa's HTTP API offers it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog

from bot import errors
from bot.dialogue import events, names
from bot.dialogue.prediction import Choice, next_action
from bot.dialogue.tracker import Tracker
from bot.dialogue.turn import Turn as DialogueTurn
from bot.dialogue.turn import external
from bot.domain import Event, Message, Turn
from bot.engine import Engine

_log = structlog.get_logger()


class Steering:
    """Acts on conversations; keeps the reminders that are due later."""

    def __init__(self, engine: Engine) -> None:
        """Act through `engine`, which sees to order and storage."""
        self._engine = engine
        self._reminders: dict[tuple[str, str, str], asyncio.Task[None]] = {}
        engine.on_stored = self._heard

    async def close(self) -> None:
        """Forget all reminders."""
        for task in self._reminders.values():
            task.cancel()
        await asyncio.gather(*self._reminders.values(), return_exceptions=True)
        self._reminders.clear()

    async def trigger(
        self, channel: str, sender: str, intent: str, entities: object = None
    ) -> tuple[Turn, Tracker]:
        """Go on as if the visitor had meant `intent`.

        Raises:
            errors.NotFound: the domain has no such intent.
        """
        domain = self._engine.dialogue.domain
        if intent not in domain.intents:
            raise errors.NotFound(f"The intent {intent!r} is not in the domain.")

        async def work(turn: DialogueTurn, tracker: Tracker) -> None:
            await turn.hear(external(intent, entities, tracker))

        return await self._engine.steer(_note(channel, sender, names.EXTERNAL + intent), work)

    async def execute(
        self,
        channel: str,
        sender: str,
        action: str,
        *,
        policy: str | None = None,
        confidence: float | None = None,
    ) -> tuple[Turn, Tracker]:
        """Run an action.

        Raises:
            errors.NotFound: the domain has no such action.
        """
        if action not in self._engine.dialogue.domain.known_actions:
            raise errors.NotFound(f"The action {action!r} is not in the domain.")
        choice = Choice(action=action, policy=policy, confidence=confidence or 0.0)

        async def work(turn: DialogueTurn, _tracker: Tracker) -> None:
            await turn.do(choice)

        return await self._engine.steer(_note(channel, sender, f"execute {action}"), work)

    async def append(
        self, channel: str, sender: str, sent: Sequence[Mapping[str, Any]]
    ) -> tuple[Turn, Tracker]:
        """Let events happen.

        Raises:
            errors.BadRequest: one of them is none.
        """
        happened = events.read(list(sent))
        if not happened:
            raise errors.BadRequest("No event was sent.", hint='Send {"event": "...", ...}.')

        async def work(turn: DialogueTurn, _tracker: Tracker) -> None:
            turn.log(happened)

        return await self._engine.steer(_note(channel, sender, "append events"), work)

    async def log(
        self, channel: str, sender: str, text: str, *, parse: Mapping[str, Any] | None = None
    ) -> tuple[Turn, Tracker]:
        """Note a message without answering it; slots are filled."""
        message = _note(channel, sender, text)
        understood = dict(parse) if parse else await self._engine.parsed(text)

        async def work(turn: DialogueTurn, _tracker: Tracker) -> None:
            turn.log([events.user(text, understood, channel=None, message_id=message.id)])
            await turn.extract()

        return await self._engine.steer(message, work)

    async def predict(self, channel: str, sender: str) -> tuple[Choice, Tracker]:
        """What would be done next."""
        tracker = await self._engine.look(channel, sender)
        return self.choice(tracker), tracker

    def choice(self, tracker: Tracker) -> Choice:
        """What would be done next in this conversation."""
        dialogue = self._engine.dialogue
        return next_action(tracker, dialogue.domain, dialogue.policies)

    def _heard(self, channel: str, sender: str, happened: Sequence[Event]) -> None:
        """Set and cancel reminders as the events of a stored turn say."""
        for event in happened:
            if event.name == "reminder":
                self._remind(channel, sender, event)
            elif event.name == "cancel_reminder":
                self._cancel(channel, sender, event)

    def _remind(self, channel: str, sender: str, event: Event) -> None:
        key = channel, sender, str(event.data["name"])
        if key in self._reminders:
            self._reminders.pop(key).cancel()
        waiting = asyncio.create_task(self._wait(key, event), name=f"reminder {key[2]}")
        self._reminders[key] = waiting

    def _cancel(self, channel: str, sender: str, cancel: Event) -> None:
        for key, task in list(self._reminders.items()):
            if key[:2] != (channel, sender):
                continue
            wanted = cancel.data.get("name")
            if wanted and wanted != key[2]:
                continue
            task.cancel()
            del self._reminders[key]

    async def _wait(self, key: tuple[str, str, str], event: Event) -> None:
        await asyncio.sleep(max(0.0, _due(event) - time.time()))
        self._reminders.pop(key, None)
        channel, sender, name = key

        async def work(turn: DialogueTurn, tracker: Tracker) -> None:
            if not _is_outdated(tracker, event):
                entities = event.data.get("entities") or {}
                await turn.hear(external(str(event.data["intent"]), entities, tracker))

        try:
            await self._engine.steer(_note(channel, sender, f"reminder {name}"), work)
        except errors.FrontdeskError as cause:
            _log.error(str(cause), action="reminder_failed", reminder=name)


def _due(event: Event) -> float:
    """When, in seconds since 1970; a time without zone is local, as in Rasa."""
    return datetime.fromisoformat(str(event.data["date_time"])).timestamp()


def _is_outdated(tracker: Tracker, reminder: Event) -> bool:
    """Whether the visitor has written since, or the conversation was restarted."""
    name = reminder.data["name"]
    applied = [one.event for one in tracker.applied]
    if not any(one.name == "reminder" and one.data["name"] == name for one in applied):
        return True
    if not reminder.data.get("kill_on_user_msg", True):
        return False
    for event in reversed(tracker.tail):
        if event.name == "reminder" and event.data["name"] == name:
            return False
        if event.name == "user" and event.data.get("text"):
            return True
    return True


def _note(channel: str, sender: str, text: str) -> Message:
    """Names the conversation, and says in the turn's reasons what was done."""
    return Message(
        id=uuid.uuid4().hex,
        channel=channel,
        sender=sender,
        text=text,
        received_at=datetime.now(UTC),
    )
