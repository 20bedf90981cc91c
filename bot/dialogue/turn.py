"""One turn of a conversation: the message, the slots it fills, then action after action."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from bot import errors
from bot.dialogue import events, extraction, names, running
from bot.dialogue.doing import Context, Rejected
from bot.dialogue.prediction import Choice, Policy, next_action
from bot.dialogue.tracker import Tracker
from bot.domain import Event

MAX_ACTIONS = 10
"""Actions in a row without listening."""
MAX_ROUNDS = 2 * MAX_ACTIONS
"""Rounds of a turn; stops actions that take back that they were run."""
OnFailure = Callable[[errors.ActionError, Context, Tracker], Awaitable[list[Event]]]
Otherwise = Callable[[Tracker], Awaitable[list[Event] | None]]
POLICY = "FrontdeskPolicy"
"""Who decides where rules and stories say nothing."""
_log = logging.getLogger(__name__)


class Turn:
    """Changes a tracker and remembers what happened."""

    def __init__(
        self,
        tracker: Tracker,
        context: Context,
        policies: Sequence[Policy],
        *,
        on_failure: OnFailure | None = None,
        otherwise: Otherwise | None = None,
    ) -> None:
        """Take a turn of `tracker`.

        Args:
            tracker: is changed.
            context: what actions may use.
            policies: decide what is done.
            on_failure: says something when an action fails, and the turn ends; without it the
                conversation goes on as if the action had done nothing, as in Rasa.
            otherwise: asked about a message that no rule, story or form covers; gives what it
                does about it, or None when it knows nothing either.
        """
        self.tracker = tracker
        self.events: list[Event] = []
        """What happened, in order."""
        self.failures: list[str] = []
        """Why actions could not be run."""
        self._context = context
        self._policies = policies
        self._on_failure = on_failure
        self._otherwise = otherwise

    def log(self, happened: Iterable[Event]) -> None:
        """Let these events happen."""
        for event in happened:
            self.tracker.update(event)
            self.events.append(event)

    async def begin(self, metadata: Mapping[str, Any] | None = None) -> None:
        """Start a session if there is none, or if the last one is too long ago."""
        if not self.tracker.is_empty and not self.has_expired:
            return
        if metadata:
            self.log([events.slot(names.SESSION_METADATA, dict(metadata))])
        start = Choice(action=names.SESSION_START, policy=None, confidence=1.0)
        await self.do(start)

    @property
    def has_expired(self) -> bool:
        """Whether the visitor was silent for too long."""
        limit_min = self._context.domain.session.expires_after_min
        message = self.tracker.replayed.latest_message
        if not limit_min or message is None:
            return False
        return time.time() - message.timestamp > limit_min * 60

    async def hear(self, message: Event) -> None:
        """Take a `user` event, fill slots, and act until it is the visitor's turn again."""
        self.log([message])
        await self.extract()
        await self.act()

    async def extract(self) -> None:
        """Fill slots from the last message."""
        self.log(await extraction.extract(self._context, self.tracker))

    async def act(self) -> None:
        """Do what comes next until it is the visitor's turn again."""
        for _ in range(MAX_ROUNDS):
            if not self._may_act or self._acts_too_long:
                return
            choice = next_action(self.tracker, self._context.domain, self._policies)
            if await self._was_done_otherwise(choice):
                return
            if choice.by_text:
                await self.extract()
            if not await self.do(choice):
                return
        _log.warning("a conversation goes round in circles; it is stopped")

    def _is_uncovered(self, choice: Choice) -> bool:
        """Whether the message is new and nobody knows what to do about it."""
        state = self.tracker.state
        if state.action_name != names.LISTEN or state.latest_message is None:
            return False
        if choice.action in self._context.domain.loops:  # a form that refuses comes back here
            return False
        return choice.confidence < 1.0 or state.intent == names.NLU_FALLBACK

    async def _was_done_otherwise(self, choice: Choice) -> bool:
        """Do what is done about uncovered messages; a form that was interrupted asks again."""
        if self._otherwise is None or not self._is_uncovered(choice):
            return False
        found = await self._otherwise(self.tracker)
        self._otherwise = None  # once a turn
        if found is None:
            return False
        self.log([*choice.events, *found])
        loop = self.tracker.state.loop_name
        if loop is not None and loop in self._context.domain.known_actions:
            back = events.make("loop_interrupted", is_interrupted=True)
            again = Choice(action=loop, policy=POLICY, confidence=1.0, events=(back,))
            await self.do(again)
        if self.tracker.state.action_name != names.LISTEN:
            self.log([events.action(names.LISTEN, policy=POLICY, confidence=1.0)])
        return True

    async def do(self, choice: Choice) -> bool:
        """Run an action; says whether another one should follow."""
        follows = choice.action not in (names.LISTEN, names.SESSION_START)
        trial = self.tracker.copy()
        trial.extend(choice.events)
        try:
            found = await running.run(choice.action, self._context, trial)
        except Rejected:
            self.log([_rejection(choice)])
            return follows
        except errors.ActionError as cause:
            self.failures.append(str(cause))
            _log.warning("%s failed: %s", choice.action, cause)
            return await self._fail(choice, cause, follows=follows)
        self._log_action(choice, found)
        if any(event.name == "user" for event in found):
            await self.extract()
        return follows

    def _log_action(self, choice: Choice, found: Sequence[Event]) -> None:
        if not any(event.name == "action_execution_rejected" for event in found):
            self.log([*choice.events, choice.executed()])
        self.log(found)

    async def _fail(self, choice: Choice, cause: errors.ActionError, *, follows: bool) -> bool:
        self._log_action(choice, [])
        if self._on_failure is None:
            return follows
        self.log(await self._on_failure(cause, self._context, self.tracker))
        self.log([events.action(names.LISTEN)])
        return False

    @property
    def _may_act(self) -> bool:
        state = self.tracker.state
        return not state.paused or state.intent == "restart"

    @property
    def _acts_too_long(self) -> bool:
        if self.tracker.state.action_name in (names.LISTEN, names.SESSION_START):
            return False
        acted = 0
        for event in reversed(self.tracker.tail):
            if event.name == "action":
                if event.data.get("name") in (names.LISTEN, names.SESSION_START):
                    break
                acted += 1
        return acted >= MAX_ACTIONS


def _rejection(choice: Choice) -> Event:
    return events.make(
        "action_execution_rejected",
        name=choice.action,
        policy=choice.policy,
        confidence=choice.confidence,
    )


def external(intent: str, entities: Any, tracker: Tracker) -> Event:
    """A message that no person wrote: a reminder is due, or an integrator states an intent."""
    listed = (
        [{"entity": name, "value": value} for name, value in entities.items()]
        if isinstance(entities, dict)
        else entities
    )
    metadata = {"is_external": True}
    text = names.EXTERNAL + intent
    parse = {
        "intent": {"name": intent},
        "entities": listed if isinstance(listed, list) else [],
        "text": text,
        "message_id": None,
        "metadata": metadata,
    }
    return events.make(
        "user",
        metadata=metadata,
        text=text,
        parse_data=parse,
        input_channel=tracker.latest_channel,
        message_id=None,
    )
