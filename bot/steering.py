"""What integrators do to a conversation from outside, as Rasa's HTTP API offers it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot import errors
from bot.dialogue import events, names
from bot.dialogue.prediction import Choice, next_action
from bot.dialogue.tracker import Tracker
from bot.dialogue.turn import Turn as DialogueTurn
from bot.dialogue.turn import external
from bot.domain import Message, Turn
from bot.engine import Engine


class Steering:
    """Acts on conversations; `speaks` says whether the visitor is told what the bot says."""

    def __init__(self, engine: Engine) -> None:
        """Act through `engine`, which sees to order and storage."""
        self._engine = engine

    async def trigger(
        self,
        channel: str,
        sender: str,
        intent: str,
        entities: object = None,
        *,
        speaks: bool = False,
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

        note = _note(channel, sender, names.EXTERNAL + intent)
        return await self._engine.steer(note, work, speaks=speaks)

    async def execute(
        self,
        channel: str,
        sender: str,
        action: str,
        *,
        policy: str | None = None,
        confidence: float | None = None,
        speaks: bool = False,
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

        note = _note(channel, sender, f"execute {action}")
        return await self._engine.steer(note, work, speaks=speaks)

    async def append(
        self,
        channel: str,
        sender: str,
        sent: Sequence[Mapping[str, Any]],
        *,
        speaks: bool = False,
        reminds: bool = False,
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

        note = _note(channel, sender, "append events")
        return await self._engine.steer(note, work, speaks=speaks, reminds=reminds)

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


def _note(channel: str, sender: str, text: str) -> Message:
    """Names the conversation, and says in the turn's reasons what was done."""
    return Message(
        id=uuid.uuid4().hex,
        channel=channel,
        sender=sender,
        text=text,
        received_at=datetime.now(UTC),
    )
