"""From a decision to the words: approved answers and domain responses, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot import composing, payload
from bot.domain import BotMessage, Button, Decision, Language, Outcome
from bot.knowledge.model import Knowledge
from bot.policy import FALLBACK
from bot.tracker import LANGUAGE_SLOT
from retrieval.candidate import Candidate

_BLANK_LINES = re.compile(r"\n\s*\n")


def words(
    decision: Decision, knowledge: Knowledge, slots: Mapping[str, Any], channel: str
) -> tuple[BotMessage, ...]:
    """The messages of `decision`; at least one unless a rule has no response."""
    return tuple(_messages(decision, knowledge, slots, channel))


def _messages(
    decision: Decision, knowledge: Knowledge, slots: Mapping[str, Any], channel: str
) -> Iterator[BotMessage]:
    if decision.parts:
        language = Language(slots.get(LANGUAGE_SLOT, Language.EN))
        for part in decision.parts:
            yield BotMessage(text=composing.words(part, language))
    elif decision.outcome is Outcome.ANSWER:
        yield from _paragraphs(decision.answers[0].answer.text, ())
    for action in decision.actions:
        variation = knowledge.say(action, slots, channel)
        if variation is None:  # an action without words, as action_handoff
            continue
        buttons = variation.buttons
        if decision.outcome is Outcome.CLARIFY:
            buttons = (*_offers(decision.answers), *_none_of_these(knowledge, slots, channel))
        yield from _paragraphs(variation.text, buttons)


def _paragraphs(text: str, buttons: tuple[Button, ...]) -> Iterator[BotMessage]:
    """A message for each paragraph, as Rasa splits them; buttons ride on the last."""
    parts = [part.strip() for part in _BLANK_LINES.split(text) if part.strip()]
    for place, part in enumerate(parts, start=1):
        yield BotMessage(text=part, buttons=buttons if place == len(parts) else ())


def _offers(candidates: tuple[Candidate, ...]) -> Iterator[Button]:
    for candidate in candidates:
        answer = candidate.answer
        yield Button(title=answer.title, payload=payload.choose_answer(answer.id))


def _none_of_these(
    knowledge: Knowledge, slots: Mapping[str, Any], channel: str
) -> Iterator[Button]:
    variation = knowledge.say("utter_none_of_these", slots, channel)
    if variation is not None:
        yield Button(title=variation.text, payload=payload.state_intent(FALLBACK))
