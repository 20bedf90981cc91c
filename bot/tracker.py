"""The tracker events of a turn, in Rasa's form (wire format, 4)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from bot.domain import BotMessage, Conversation, Event, Message, Reply
from bot.reasons import intent_ranking

LANGUAGE_SLOT = "language"
SESSION_START = "action_session_start"
LISTEN = "action_listen"
POLICY = "FrontdeskPolicy"


def events_of(conversation: Conversation, message: Message, reply: Reply) -> list[Event]:
    """All events of this turn in order, the start of the session included."""
    return [
        Event(name=name, timestamp=time.time(), data=data)
        for name, data in _turn(conversation, message, reply)
    ]


def slots_after(conversation: Conversation, reply_language: str) -> dict[str, Any]:
    """The slots that the reply may use: those so far, and the language of this message."""
    return {**conversation.slots, LANGUAGE_SLOT: reply_language}


Named = tuple[str, dict[str, Any]]


def _turn(conversation: Conversation, message: Message, reply: Reply) -> Iterator[Named]:
    if conversation.is_new:
        yield _action(SESSION_START)
        yield "session_started", {}
        yield _action(LISTEN)
    yield "user", _user(message, reply)
    language = reply.understanding.language.value
    if conversation.slots.get(LANGUAGE_SLOT) != language:
        yield "slot", {"name": LANGUAGE_SLOT, "value": language}
    for action in reply.decision.actions:
        yield _action(action, policy=POLICY, confidence=reply.understanding.confidence)
    for bot_message in reply.messages:
        yield "bot", _bot(bot_message, reply)
    yield _action(LISTEN)


def _action(name: str, policy: str | None = None, confidence: float | None = None) -> Named:
    return "action", {"name": name, "policy": policy, "confidence": confidence}


def _user(message: Message, reply: Reply) -> dict[str, Any]:
    ranking = intent_ranking(reply.understanding)
    top = ranking[0] if ranking else {"name": None, "confidence": 0.0}
    parse = {"text": message.text, "intent": top, "entities": [], "intent_ranking": ranking}
    metadata = message.metadata | ({"title": message.title} if message.title else {})
    return {
        "text": message.text,
        "parse_data": parse,
        "input_channel": message.channel,
        "message_id": message.id,
        "metadata": metadata,
    }


def _bot(bot_message: BotMessage, reply: Reply) -> dict[str, Any]:
    decision = reply.decision
    buttons = [{"title": b.title, "payload": b.payload} for b in bot_message.buttons]
    said = [c.answer.id for c in decision.answers]
    return {
        "text": bot_message.text,
        "data": {"buttons": buttons},
        "metadata": {"outcome": decision.outcome.value, "answers": said},
    }
