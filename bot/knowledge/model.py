"""What the project folder says, as plain data; a changed folder is a new `Knowledge`."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.dialogue import names
from bot.domain import Button
from bot.project.project import RasaProject
from classifier.dataset import LabelledText
from classifier.lone import FEWEST_INTENTS
from retrieval.candidate import PastAnswer

HANDOFF_ACTION = "action_handoff"  # the built-in action that asks a person to take over


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """One way to say a response (Rasa wire format, 6.5)."""

    text: str
    buttons: tuple[Button, ...] = ()
    channel: str | None = None
    conditions: tuple[tuple[str, Any], ...] = ()
    """(slot, value) pairs that must all hold."""

    def rank(self, slots: Mapping[str, Any], channel: str) -> int | None:
        """Rasa's order of choice, 0 first; None when it may not be said now."""
        if any(slots.get(name) != value for name, value in self.conditions):
            return None
        if self.channel not in (None, channel):
            return None
        return (0 if self.channel else 2) + (0 if self.conditions else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When this intent is meant, these actions follow."""

    name: str
    intent: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """One version of all that was approved."""

    intents: tuple[str, ...]
    responses: Mapping[str, tuple[Variation, ...]]
    rules: Mapping[str, Rule]
    """By intent."""
    answers: tuple[PastAnswer, ...]
    examples: tuple[LabelledText, ...]
    revision: str
    """First 12 digits of a hash over all of it."""
    dialogue: RasaProject | None = None
    """Stories, forms and custom actions, where the project has such."""
    languages: frozenset[str] = frozenset()
    """Languages of all answers in the database, the imported ones included."""

    @property
    def has_answers(self) -> bool:
        """Whether there is any past answer, of the project or imported."""
        return bool(self.answers or self.languages)

    @property
    def all_english(self) -> bool:
        """Whether neither an answer nor an example holds a Han character."""
        if "zh" in self.languages:
            return False
        texts = [answer.text for answer in self.answers] + [e.text for e in self.examples]
        return not any("\u3400" <= char <= "\u9fff" for text in texts for char in text)

    def beside(self, languages: frozenset[str]) -> Knowledge:
        """The same, in a database with answers in `languages`."""
        return replace(self, languages=languages)

    @property
    def can_be_learned(self) -> bool:
        """Whether there are intents to tell apart; a project may live by `/intent` alone."""
        return len({example.intent for example in self.examples}) >= FEWEST_INTENTS

    @property
    def only_intent(self) -> str:
        """What every text is taken for where nothing can be learned."""
        return self.examples[0].intent if self.examples else names.NLU_FALLBACK

    def say(self, response: str, slots: Mapping[str, Any], channel: str) -> Variation | None:
        """A variation of `response` that fits best; by chance among equals, None if none fits."""
        ranked = [(v.rank(slots, channel), v) for v in self.responses.get(response, ())]
        usable = [(rank, v) for rank, v in ranked if rank is not None]
        if not usable:
            return None
        best = min(rank for rank, _ in usable)
        return random.choice([v for rank, v in usable if rank == best])  # noqa: S311 - no secret
