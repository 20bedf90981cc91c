"""What a policy proposes, and the choice among the proposals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.dialogue import events, names
from bot.dialogue.domain import Domain
from bot.dialogue.tracker import Tracker
from bot.domain import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a policy says of the next action."""

    policy: str
    priority: int
    scores: Mapping[str, float]
    """By action, 0 to 1; what is missing has 0."""
    events: tuple[Event, ...] = ()
    """What happens if any policy is followed."""
    by_text: bool = False
    """Decided by the words of the message."""
    without_message: bool = False
    """Decided whatever the message was: an active form goes on."""
    hide_rule_turn: bool = False
    """Stories need not know of this turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The next action."""

    action: str
    policy: str | None
    confidence: float
    scores: Mapping[str, float] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    """What happens before it."""
    hide_rule_turn: bool = False
    by_text: bool = False
    is_text: bool = False
    """The action is what an end-to-end story says, word by word."""

    def executed(self) -> Event:
        """The event that says it was run."""
        if self.is_text:
            return events.spoken(self.action, policy=self.policy, confidence=self.confidence)
        return events.action(
            self.action,
            policy=self.policy,
            confidence=self.confidence,
            hide_rule_turn=self.hide_rule_turn,
        )


class Policy(Protocol):
    """Knows what comes next. Pure: the same tracker gives the same prediction."""

    def predict(self, tracker: Tracker) -> Prediction:
        """What it says of the next action."""


def next_action(tracker: Tracker, domain: Domain, policies: Sequence[Policy]) -> Choice:
    """What to do now. Pure: the same tracker leads to the same action.

    A follow-up that an action asked for goes first; else the policies decide.
    """
    followup = tracker.state.followup
    if followup is not None and followup in domain.known_actions:
        return Choice(action=followup, policy="followup_action", confidence=1.0)
    predictions = [policy.predict(tracker) for policy in policies]
    return choose(predictions, tracker, domain)


def choose(predictions: Sequence[Prediction], tracker: Tracker, domain: Domain) -> Choice:
    """The most confident prediction, by priority among equals; a rejected action is left out."""
    rejected = _rejected(tracker)
    without_message = any(one.without_message for one in predictions)
    by_text = any(one.by_text for one in predictions)
    best: tuple[tuple[float, int], Prediction, str] | None = None
    for one in predictions:
        if one.without_message != without_message:
            continue
        if not without_message and one.by_text != by_text:
            continue
        action, score = _top(one.scores, rejected, domain)
        if best is None or (score, one.priority) > best[0]:
            best = (score, one.priority), one, action
    happens = tuple(event for one in predictions for event in one.events)
    if best is None:  # a project without policies only listens
        return Choice(action=names.LISTEN, policy=None, confidence=0.0)
    (confidence, _), winner, action = best
    if tracker.state.action_name == names.LISTEN:
        marked = events.make("user_featurization", use_text_for_featurization=winner.by_text)
        happens = (*happens, marked)
    return Choice(
        action=action,
        policy=winner.policy,
        confidence=confidence,
        scores={**winner.scores, **({rejected: 0.0} if rejected else {})},
        events=happens,
        hide_rule_turn=winner.hide_rule_turn,
        by_text=winner.by_text,
        is_text=action in domain.texts,
    )


def _top(scores: Mapping[str, float], rejected: str | None, domain: Domain) -> tuple[str, float]:
    usable = {name: score for name, score in scores.items() if name != rejected and score > 0}
    if not usable:
        return domain.action_names[0], 0.0
    best = max(usable.values())
    equal: Any = [name for name, score in usable.items() if score == best]
    return min(equal, key=domain.action_names.index), best


def _rejected(tracker: Tracker) -> str | None:
    """The action that refused to run and after which none was run."""
    for event in reversed(tracker.tail):
        if event.name == "action_execution_rejected":
            name = event.data.get("name")
            return name if isinstance(name, str) else None
        if event.name == "action":
            return None
    return None
