"""What stands for Rasa's dialogue network (TEDPolicy): memory first, then what most stories do.

Nothing is trained. A message is looked up by its words (end-to-end stories), then the past as it
is, then its end (`Memoization`). Where all of that is new, the last steps are looked up without
slots and entities, which a network has learned to overlook: the more steps agree, the better.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bot.dialogue import features, memoization, names
from bot.dialogue.domain import Domain
from bot.dialogue.features import Features
from bot.dialogue.memoization import Memoization
from bot.dialogue.prediction import Prediction
from bot.dialogue.stories import Told
from bot.dialogue.tracker import Tracker

NAME = "TEDPolicy"
PRIORITY = 1
MOST_STEPS = 5
"""So many bare steps are compared."""
LEAST, SPAN = 0.5, 0.45
"""Confidence of a guess: from here, by so much more when all stories agree; never certain."""

Bare = tuple[tuple[str, str, str], ...]
"""Steps as (message, action before, form)."""


class Guessing:
    """Always pure; says nothing where no story ever was in such a place."""

    def __init__(
        self, memory: Memoization, habits: Mapping[Bare, Mapping[str, int]], *, priority: int
    ) -> None:
        """Know the stories by heart, and how often which action followed bare steps."""
        self._memory = memory
        self._habits = habits
        self._priority = priority
        self._knows_words = any('"text"' in key for key in memory.lookup)

    @property
    def look_back(self) -> int:
        """How many steps are looked at."""
        return max(self._memory.look_back, MOST_STEPS)

    def predict(self, tracker: Tracker) -> Prediction:
        """The remembered action with confidence 1, or a guess with less."""
        if self._knows_words and (action := self._by_words(tracker)) is not None:
            return self._prediction({action: 1.0}, by_text=True)
        remembered = self._memory.predict(tracker).scores
        return self._prediction(remembered or self._guessed(tracker))

    def _prediction(self, scores: Mapping[str, float], *, by_text: bool = False) -> Prediction:
        return Prediction(policy=NAME, priority=self._priority, scores=scores, by_text=by_text)

    def _by_words(self, tracker: Tracker) -> str | None:
        """What stories do after these very words."""
        if not features.is_listening(tracker.replayed):
            return None
        said = features.of(tracker.replayed, tracker.domain, by_text=True)
        found = self._after([*self._memory.steps(tracker)[:-1], said])
        return _most(found) if found else None

    def _guessed(self, tracker: Tracker) -> dict[str, float]:
        found = self._after(self._memory.steps(tracker))
        if not found:
            return {}
        action = _most(found)
        return {action: LEAST + SPAN * found[action] / sum(found.values())}

    def _after(self, steps: Sequence[Features]) -> Mapping[str, int]:
        """How often which action followed these steps, or as many of the last as are known."""
        last = tuple(_bare(step) for step in steps[-MOST_STEPS:])
        known = (self._habits.get(last[start:]) for start in range(len(last)))
        return next((found for found in known if found), {})


def train(
    stories: Sequence[Told],
    domain: Domain,
    *,
    max_history: int | None,
    priority: int = PRIORITY,
) -> Guessing:
    """Learn `stories` by heart, and count what follows their bare steps."""
    memory = memoization.train(
        stories, domain, name=NAME, max_history=max_history, augmented=True, priority=priority
    )
    return Guessing(memory, _habits(stories, domain), priority=priority)


def _habits(stories: Iterable[Told], domain: Domain) -> dict[Bare, Counter[str]]:
    habits: defaultdict[Bare, Counter[str]] = defaultdict(Counter)
    for told in stories:
        for steps, action in memoization.examples(told, domain):
            last = tuple(_bare(step) for step in steps[-MOST_STEPS:])
            for start in range(len(last)):
                habits[last[start:]][action] += 1
    return dict(habits)


def _bare(step: Features) -> tuple[str, str, str]:
    user = step.get(features.USER, {})
    said = str(user.get("intent") or json.dumps(user.get("text", "")))
    before = step.get(features.PREVIOUS, {})
    action = str(before.get("action_name") or before.get("action_text") or names.LISTEN)
    return said, action, features.loop_name(step) or ""


def _most(found: Mapping[str, int]) -> str:
    """The most frequent; among equals always the same."""
    return max(sorted(found), key=found.__getitem__)
