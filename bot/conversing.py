"""A message in a project with dialogue: understood, answered by rules, stories, forms and actions.

What those do not cover goes to the past answers (`policy.decide`), also in the middle of a form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot import policy, replies, spoken, text
from bot.brain import Brain
from bot.dialogue import events, names, responses, speaking
from bot.dialogue.dialogue import Dialogue
from bot.dialogue.doing import Context
from bot.dialogue.responses import DomainResponder
from bot.dialogue.tracker import Tracker
from bot.dialogue.turn import POLICY, Turn
from bot.dialogue.understanding import Doubt
from bot.domain import (
    BotMessage,
    Conversation,
    Decision,
    Event,
    Language,
    Message,
    Outcome,
    Reason,
    Reply,
    Understanding,
)
from bot.payload import Payload
from bot.policy import Rules

LANGUAGE_SLOT = "language"
NOT_OURS = (names.NLU_FALLBACK, names.OUT_OF_SCOPE)
FAILED = "utter_action_failed"
"""A response of the project that is said when an action fails; without it, these words."""
APOLOGIES = {
    Language.EN: "Sorry, that did not work just now. I have asked a colleague to look into it.",
    Language.ZH: "抱歉, 刚才没有成功。我已请同事来处理。",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was understood, for people and for the tracker."""

    understanding: Understanding
    parse: dict[str, Any]
    pressed: Payload | None = None
    """A button that chooses an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a turn came to."""

    reply: Reply
    events: tuple[Event, ...]


class Talk:
    """One turn of one conversation."""

    def __init__(
        self, brain: Brain, tracker: Tracker, conversation: Conversation, rules: Rules
    ) -> None:
        """Talk with `brain`, which has a dialogue."""
        self._brain = brain
        self._dialogue: Dialogue = brain.dialogue_in_use
        self._tracker = tracker
        self._conversation = conversation
        self._rules = rules
        self._decided: Decision | None = None

    def turn(self, channel: str, heard: Heard | None) -> Turn:
        """A turn on this channel, about what was heard."""
        asks = heard is not None and self._brain.knowledge.has_answers

        async def otherwise(_tracker: Tracker) -> list[Event] | None:
            return self._answered(heard) if heard is not None else None

        return Turn(
            self._tracker,
            self._dialogue.context(channel),
            self._dialogue.policies,
            on_failure=_apologise if self._dialogue.apologises else None,
            otherwise=otherwise if asks else None,
        )

    async def hear(self, message: Message, heard: Heard) -> Said:
        """Answer a message."""
        turn = self.turn(message.channel, heard)
        await turn.begin(message.metadata)
        self._note_language(turn, heard)
        metadata = message.metadata | ({"title": message.title} if message.title else {})
        channel = str(message.metadata.get("input_channel") or message.channel)
        shown = {key: value for key, value in metadata.items() if key != "input_channel"}
        await turn.hear(
            events.user(
                message.text, heard.parse, channel=channel, message_id=message.id, metadata=shown
            )
        )
        return self.said(turn, heard.understanding)

    def said(self, turn: Turn, understood: Understanding) -> Said:
        """What `turn` came to."""
        decision = self._decided or _decision(turn, self._rules)
        notes = (*understood.notes, *turn.failures)
        return Said(
            reply=Reply(
                messages=messages_of(turn.events),
                decision=decision,
                understanding=replace(understood, notes=notes),
            ),
            events=tuple(turn.events),
        )

    def _note_language(self, turn: Turn, heard: Heard) -> None:
        """Keep the language where the project has a slot for it."""
        language = heard.understanding.language.value
        slots = self._tracker.state.slots
        if LANGUAGE_SLOT in slots and slots[LANGUAGE_SLOT] != language:
            turn.log([events.slot(LANGUAGE_SLOT, language)])

    def _answered(self, heard: Heard) -> list[Event] | None:
        """What the past answers say; None when they know nothing."""
        knowledge = self._brain.knowledge
        decision = policy.decide(
            self._conversation, heard.understanding, heard.pressed, knowledge, self._rules
        )
        if decision.outcome is Outcome.REFUSE:
            return None
        self._decided = decision
        slots = {
            **self._tracker.state.slots,
            LANGUAGE_SLOT: heard.understanding.language.value,
        }
        messages = replies.words(decision, knowledge, slots, self._conversation.channel)
        ids = [candidate.answer.id for candidate in decision.answers]
        metadata = {"outcome": decision.outcome.value, "answers": ids}
        confidence = heard.understanding.confidence
        return [
            *(
                events.action(name, policy=POLICY, confidence=confidence)
                for name in decision.actions
            ),
            *(responses.bot_event({**_as_response(one), **metadata}) for one in messages),
        ]


def _as_response(message: BotMessage) -> dict[str, Any]:
    buttons = [{"title": one.title, "payload": one.payload} for one in message.buttons]
    return {"text": message.text, "buttons": buttons or None}


def messages_of(happened: Sequence[Event]) -> tuple[BotMessage, ...]:
    """The messages to the visitor among these events."""
    return tuple(
        message
        for event in happened
        if event.name == "bot"
        for message in spoken.messages(event.data)
    )


async def _apologise(_cause: Exception, context: Context, tracker: Tracker) -> list[Event]:
    """Say that it did not work, in the visitor's language, and that a person was asked."""
    # The company's own words server may be what failed: this is said without it.
    said = await speaking.utter(
        FAILED, replace(context, responder=DomainResponder(context.domain)), tracker
    )
    if not said:
        message = tracker.state.latest_message
        words = str(message.data.get("text") or "") if message else ""
        slot = tracker.state.slots.get(LANGUAGE_SLOT)
        known = Language(slot) if slot in set(Language) else Language.EN
        spoken_in = known if words.startswith("/") else text.language_of(words, otherwise=known)
        said = [responses.bot_event({"text": APOLOGIES[spoken_in], "utter_action": FAILED})]
    return [events.action(names.HANDOFF, policy=POLICY, confidence=1.0), *said]


def _decision(turn: Turn, rules: Rules) -> Decision:
    """What the dialogue did, in the words of reasons and figures."""
    ran = [
        str(e.data.get("name") or e.data.get("action_text"))
        for e in turn.events
        if e.name == "action"
    ]
    actions = tuple(name for name in ran if name not in (names.LISTEN, names.SESSION_START))
    outcome, reason = Outcome.RESPOND, Reason.DIALOGUE
    if turn.failures and names.HANDOFF in actions:
        outcome, reason = Outcome.HANDOFF, Reason.ACTION_FAILED
    elif names.HANDOFF in actions:
        outcome, reason = Outcome.HANDOFF, Reason.ASKED_FOR_PERSON
    elif names.DEFAULT_FALLBACK in actions or turn.tracker.state.intent in NOT_OURS:
        outcome, reason = Outcome.REFUSE, Reason.OUT_OF_SCOPE
    return Decision(outcome=outcome, reason=reason, thresholds=rules.thresholds, actions=actions)


def doubt_beside(answer: float, doubt: Doubt | None) -> Doubt:
    """What an intent must reach when a past answer is right with the probability `answer`."""
    threshold = max(answer, doubt.threshold if doubt else 0.0)
    return Doubt(threshold=threshold, ambiguity=doubt.ambiguity if doubt else 0.0)
