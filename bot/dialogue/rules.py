"""Rules, active forms, and the default actions of /restart, /back and /session_start."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.dialogue import events, features, names
from bot.dialogue.domain import Domain
from bot.dialogue.features import Features
from bot.dialogue.prediction import Prediction
from bot.dialogue.tracker import Tracker

NAME = "RulePolicy"
PRIORITY = 4
INTERRUPTED = "loop_was_interrupted"
NO_LOOP = "do_not_predict_loop_action"
BY_INTENT = "default action of intent "
BY_LOOP = "active loop "
LISTEN_AFTER_LOOP = ", then listen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What the rules of a project come to."""

    rules: Mapping[str, str]
    """From the key of a rule's steps to the action that follows."""
    unhappy: Mapping[str, str]
    """From the key of the last steps within a form to what becomes of the form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """What to do when nobody knows."""

    action: str = names.DEFAULT_FALLBACK
    score: float = 0.3
    enabled: bool = True
    once: bool = False
    """Listen after it, as a dialogue network would; else it runs until the turn is cut off."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the rules say, and which one says it."""

    action: str | None
    source: str | None
    back_in_loop: bool = False
    """The form goes on after an interruption."""


class RulePolicy:
    """Rasa's RulePolicy."""

    def __init__(self, lookup: Lookup, fallback: Fallback, *, priority: int = PRIORITY) -> None:
        """Follow `lookup`; propose `fallback` where it says nothing."""
        self.lookup = lookup
        self.not_in_stories: frozenset[str] = frozenset()
        """Rules that no story contains; their turns are hidden from stories."""
        self.fallback = fallback
        self._priority = priority
        self._speaks_of_text = any('"text"' in key for key in lookup.rules)

    def predict(self, tracker: Tracker) -> Prediction:
        """The action of the most specific rule with confidence 1, else the fallback."""
        return self.explained(tracker)[0]

    def explained(self, tracker: Tracker) -> tuple[Prediction, str | None]:
        """The prediction and its source: a rule's key or one of the built-in rules."""
        by_text = self._by_rules(tracker, by_text=True)
        default = _default_action(tracker)
        if default.action and not by_text.action:
            return self._prediction(default, tracker), default.source
        loop = _loop_action(tracker)
        if loop.action:
            return self._prediction(loop, tracker, without_message=True), loop.source
        if by_text.action:
            return self._prediction(by_text, tracker, by_text=True), by_text.source
        found = self._by_rules(tracker, by_text=False)
        back = Found(found.action, found.source, by_text.back_in_loop or found.back_in_loop)
        return self._prediction(back, tracker), back.source

    def _otherwise(self, tracker: Tracker) -> str:
        """What is done where no rule fits."""
        has_run = tracker.state.action_name == self.fallback.action
        return names.LISTEN if has_run and self.fallback.once else self.fallback.action

    def _prediction(
        self,
        found: Found,
        tracker: Tracker,
        *,
        without_message: bool = False,
        by_text: bool = False,
    ) -> Prediction:
        otherwise = self._otherwise(tracker)
        scores = {otherwise: self.fallback.score} if self.fallback.enabled else {}
        if found.action:
            scores[found.action] = 1.0
        happens = (events.make("loop_interrupted", is_interrupted=True),)
        return Prediction(
            policy=NAME,
            priority=self._priority,
            scores=scores,
            events=happens if found.back_in_loop else (),
            without_message=without_message,
            by_text=by_text,
            hide_rule_turn=found.source in self.not_in_stories,
        )

    def _by_rules(self, tracker: Tracker, *, by_text: bool) -> Found:
        """The rule that fits; among several the one that says most."""
        domain = tracker.domain
        if by_text and tracker.state.action_name != names.LISTEN:
            return Found(None, None)
        now = tracker.replayed
        steps = [features.of(state, domain) for state in tracker.history.steps]
        steps.append(features.of(now, domain, by_text=by_text))
        best = max(fitting(self.lookup.rules, steps), key=lambda key: (len(key), key), default=None)
        action = self.lookup.rules[best] if best else None
        source = best or rule_key(steps)
        if tracker.state.loop_name is None:
            return Found(action, source)
        return self._within_loop(tracker.state.loop_name, Found(action, source), best, steps)

    def _within_loop(
        self, loop: str, found: Found, best: str | None, steps: Sequence[Features]
    ) -> Found:
        unhappy = {self.lookup.unhappy[key] for key in fitting(self.lookup.unhappy, steps)}
        general = (
            found.action == names.LISTEN
            and best is not None
            and features.loop_name(steps_of(best)[0]) is None
        )
        action = found.action
        if general:  # the rule is done; the form, which it knows nothing of, goes on
            if NO_LOOP not in unhappy:
                return Found(loop, found.source)
            action = None
        return Found(action, found.source, INTERRUPTED in unhappy)


def _default_action(tracker: Tracker) -> Found:
    if tracker.state.action_name != names.LISTEN:
        return Found(None, None)
    intent = tracker.state.intent
    if intent not in names.INTENT_ACTIONS:
        return Found(None, None)
    return Found(names.INTENT_ACTIONS[intent], BY_INTENT + intent)


def _loop_action(tracker: Tracker) -> Found:
    state = tracker.state
    loop = state.loop_name
    if loop is None or state.loop is None or state.loop.rejected or not state.latest_action:
        return Found(None, None)
    if state.action_name == loop:
        return Found(names.LISTEN, BY_LOOP + loop + LISTEN_AFTER_LOOP)
    return Found(loop, BY_LOOP + loop)


def built_in_sources(domain: Domain) -> frozenset[str]:
    """The sources of predictions that no file holds."""
    loops = [BY_LOOP + form + tail for form in domain.forms for tail in ("", LISTEN_AFTER_LOOP)]
    return frozenset([BY_INTENT + intent for intent in names.INTENT_ACTIONS] + loops)


def rule_key(steps: Sequence[Features]) -> str | None:
    """The key of the steps since a rule's beginning; None when there are none."""
    since: list[Features] = []
    for step in reversed(steps):
        if features.previous_action(step) == names.SNIPPET:
            break
        since.insert(0, step)
    return features.key(since) if since else None


def fitting(keys: Iterable[str], steps: Sequence[Features]) -> list[str]:
    """Those of `keys` whose steps the conversation has just gone through."""
    newest_first = list(reversed(steps))
    return [
        key
        for key in keys
        if all(_fits(ruled, said) for ruled, said in zip(steps_of(key), newest_first, strict=False))
    ]


@lru_cache(maxsize=100_000)
def steps_of(key: str) -> tuple[Features, ...]:
    """The steps of a key, the newest first."""
    return tuple(reversed(json.loads(key)))


def _fits(ruled: Features, said: Features) -> bool:
    ruled_action, said_action = ruled.get(features.PREVIOUS), said.get(features.PREVIOUS)
    if not ruled_action or not said_action:
        return not ruled_action and not said_action  # both are the very beginning
    for part, wanted in ruled.items():
        there = said.get(part, {})
        for name, value in wanted.items():
            found = there.get(name)
            if value == names.NOT_SET:
                if found and found != names.NOT_SET:
                    return False
            elif value and found != value:
                return False
    return True
